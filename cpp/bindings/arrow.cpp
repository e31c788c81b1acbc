// SPDX-License-Identifier: Apache-2.0
#include "arrow.hpp"

#include <pybind11/pybind11.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hypersketch/hash.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch::bindings {
namespace {

constexpr size_t kGrain = size_t{1} << 14;

struct Column {
  const ArrowArray& array;
  uint64_t seed;
  size_t threads;
  uint64_t* out;

  size_t length() const { return static_cast<size_t>(array.length); }
  template <class T>
  const T* buffer(size_t index) const {
    return static_cast<const T*>(array.buffers[index]);
  }
};

bool may_have_nulls(const ArrowArray& array) {
  return array.null_count != 0 && array.n_buffers != 0 && array.buffers[0] != nullptr;
}

bool is_valid(const ArrowArray& array, std::int64_t i) {
  const auto* valid = static_cast<const unsigned char*>(array.buffers[0]);
  return ((valid[(array.offset + i) / 8] >> ((array.offset + i) % 8)) & 1) != 0;
}

std::int64_t count_nulls(const ArrowArray& array) {
  std::int64_t nulls = 0;
  if (may_have_nulls(array))
    for (std::int64_t i = 0; i < array.length; ++i) nulls += !is_valid(array, i);
  return nulls;
}

void refuse_nulls(const ArrowArray& array) {
  const std::int64_t nulls = count_nulls(array);
  if (nulls != 0)
    throw std::invalid_argument("The 'keys' parameter must have no nulls. Got " + std::to_string(nulls) +
                                " in a column of " + std::to_string(array.length) + " keys.");
}

// Calls body(first, part) for the longest parts of the array without a null: what lies in the place of one may point
// anywhere.
template <class Body>
void for_valid_parts(const ArrowArray& array, Body body) {
  std::int64_t first = 0;
  while (first < array.length) {
    std::int64_t last = array.length;
    if (may_have_nulls(array)) {
      while (first < array.length && !is_valid(array, first)) ++first;
      for (last = first; last < array.length && is_valid(array, last);) ++last;
    }
    if (first == last) return;
    ArrowArray part = array;
    part.offset += first;
    part.length = last - first;
    part.null_count = 0;
    body(static_cast<size_t>(first), part);
    first = last;
  }
}

template <class Int>
void hash_integers(Column column) {
  const Int* values = column.buffer<Int>(1) + column.array.offset;
  parallel_for(column.length(), kGrain, column.threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) column.out[i] = static_cast<uint64_t>(static_cast<std::int64_t>(values[i]));
    kernels().hash_u64(column.out + begin, end - begin, column.seed, column.out + begin);
  });
}

// `bytes_of(i)` is the i-th element, counted from the array's own offset.
template <class BytesOf>
void hash_each(Column column, BytesOf bytes_of) {
  constexpr size_t kBlock = 128;
  const auto offset = static_cast<size_t>(column.array.offset);
  parallel_for(column.length(), kGrain, column.threads, [&, bytes_of](size_t begin, size_t end) {
    const unsigned char* pointers[kBlock];
    size_t sizes[kBlock];
    for (size_t first = begin; first < end; first += kBlock) {
      const size_t n = std::min(kBlock, end - first);
      for (size_t i = 0; i < n; ++i) {
        const std::string_view bytes = bytes_of(offset + first + i);
        pointers[i] = reinterpret_cast<const unsigned char*>(bytes.data());
        sizes[i] = bytes.size();
        __builtin_prefetch(bytes.data());  // else the kernel would wait for one string's line after another
      }
      kernels().hash_strings(pointers, sizes, n, column.seed, column.out + first);
    }
  });
}

template <class Offset>
void hash_strings(Column column) {
  const Offset* offsets = column.buffer<Offset>(1);
  const char* data = column.buffer<char>(2);
  hash_each(column, [=](size_t i) {
    return std::string_view(data + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
  });
}

// Views of 16 bytes: a length, then up to 12 bytes inline or (prefix, buffer, offset).
void hash_views(Column column) {
  constexpr std::int32_t kInline = 12;
  const char* views = column.buffer<char>(1);
  const void* const* data = column.array.buffers + 2;
  hash_each(column, [=](size_t i) {
    std::int32_t field[4];
    std::memcpy(field, views + 16 * i, sizeof field);
    const auto size = static_cast<size_t>(field[0]);
    if (field[0] <= kInline) return std::string_view(views + 16 * i + 4, size);
    return std::string_view(static_cast<const char*>(data[field[2]]) + field[3], size);
  });
}

void hash_fixed_width(Column column, size_t width) {
  const char* data = column.buffer<char>(1);
  hash_each(column, [=](size_t i) { return std::string_view(data + i * width, width); });
}

// The hashes of a dictionary's values; those of nulls are never looked up.
struct Dictionary {
  const ArrowArray& array;
  std::vector<uint64_t> hashes;

  bool is_null(size_t i) const { return may_have_nulls(array) && !is_valid(array, static_cast<std::int64_t>(i)); }
};

// Writes the hashes of the keys that are not null; returns how many there are.
template <class Index>
size_t pick_from_dictionary(Column column, const Dictionary& dictionary) {
  const Index* indices = column.buffer<Index>(1) + column.array.offset;
  size_t done = 0;
  for (size_t i = 0; i < column.length(); ++i) {
    const auto index = static_cast<size_t>(indices[i]);
    const uint64_t hash = dictionary.hashes.at(index);
    if (!dictionary.is_null(index)) column.out[done++] = hash;
  }
  return done;
}

[[noreturn]] void refuse_type(std::string_view format) {
  throw pybind11::type_error(
      "The 'keys' parameter must be a column of integers, strings or bytes. Got an Arrow column of format '" +
      std::string(format) + "' instead.");
}

size_t hash_indices(const ArrowSchema& schema, Column column, const Dictionary& dictionary) {
  switch (schema.format[0]) {
    case 'c':
      return pick_from_dictionary<std::int8_t>(column, dictionary);
    case 'C':
      return pick_from_dictionary<std::uint8_t>(column, dictionary);
    case 's':
      return pick_from_dictionary<std::int16_t>(column, dictionary);
    case 'S':
      return pick_from_dictionary<std::uint16_t>(column, dictionary);
    case 'i':
      return pick_from_dictionary<std::int32_t>(column, dictionary);
    case 'I':
      return pick_from_dictionary<std::uint32_t>(column, dictionary);
    case 'l':
      return pick_from_dictionary<std::int64_t>(column, dictionary);
    case 'L':
      return pick_from_dictionary<std::uint64_t>(column, dictionary);
    default:
      refuse_type(schema.format);
  }
}

void hash_plain(std::string_view format, Column column) {
  if (format == "u" || format == "z") return hash_strings<std::int32_t>(column);
  if (format == "U" || format == "Z") return hash_strings<std::int64_t>(column);
  if (format == "vu" || format == "vz") return hash_views(column);
  if (format.starts_with("w:")) return hash_fixed_width(column, std::stoul(std::string(format.substr(2))));
  if (format.size() != 1) refuse_type(format);
  switch (format[0]) {
    case 'c':
      return hash_integers<std::int8_t>(column);
    case 'C':
      return hash_integers<std::uint8_t>(column);
    case 's':
      return hash_integers<std::int16_t>(column);
    case 'S':
      return hash_integers<std::uint16_t>(column);
    case 'i':
      return hash_integers<std::int32_t>(column);
    case 'I':
      return hash_integers<std::uint32_t>(column);
    case 'l':
      return hash_integers<std::int64_t>(column);
    case 'L':
      return hash_integers<std::uint64_t>(column);
    default:
      refuse_type(format);
  }
}

Dictionary hash_dictionary(const ArrowSchema& schema, const ArrowArray& array, uint64_t seed, size_t threads,
                           Nulls nulls) {
  if (nulls == Nulls::kRefuse) refuse_nulls(array);
  Dictionary dictionary{array, std::vector<uint64_t>(static_cast<size_t>(array.length))};
  for_valid_parts(array, [&](size_t first, const ArrowArray& part) {
    hash_arrow(schema, part, seed, threads, Nulls::kRefuse, dictionary.hashes.data() + first);
  });
  return dictionary;
}

}  // namespace

bool has_nulls(const ArrowArray& array) { return count_nulls(array) != 0; }

size_t hash_arrow(const ArrowSchema& schema, const ArrowArray& array, uint64_t seed, size_t threads, Nulls nulls,
                  uint64_t* out) {
  if (array.length == 0) return 0;
  if (std::string_view(schema.format) == "n") {
    if (nulls == Nulls::kSkip) return 0;
    throw std::invalid_argument("The 'keys' parameter must have no nulls. Got a column of nothing else.");
  }
  if (nulls == Nulls::kRefuse) refuse_nulls(array);
  size_t done = 0;
  if (schema.dictionary != nullptr) {
    const Dictionary dictionary = hash_dictionary(*schema.dictionary, *array.dictionary, seed, threads, nulls);
    for_valid_parts(array, [&](size_t, const ArrowArray& part) {
      done += hash_indices(schema, Column{part, seed, threads, out + done}, dictionary);
    });
    return done;
  }
  for_valid_parts(array, [&](size_t, const ArrowArray& part) {
    hash_plain(schema.format, Column{part, seed, threads, out + done});
    done += static_cast<size_t>(part.length);
  });
  return done;
}

}  // namespace hypersketch::bindings
