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

// Element i of a column of strings or bytes, counted from where its buffers begin.
template <class Offset>
auto string_bytes(const ArrowArray& array) {
  const auto* offsets = static_cast<const Offset*>(array.buffers[1]);
  const auto* data = static_cast<const char*>(array.buffers[2]);
  return
      [=](size_t i) { return std::string_view(data + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])); };
}

// Views of 16 bytes: a length, then up to 12 bytes inline or (prefix, buffer, offset).
auto view_bytes(const ArrowArray& array) {
  const auto* views = static_cast<const char*>(array.buffers[1]);
  const void* const* data = array.buffers + 2;
  return [=](size_t i) {
    constexpr std::int32_t kInline = 12;
    std::int32_t field[4];
    std::memcpy(field, views + 16 * i, sizeof field);
    const auto size = static_cast<size_t>(field[0]);
    if (field[0] <= kInline) return std::string_view(views + 16 * i + 4, size);
    return std::string_view(static_cast<const char*>(data[field[2]]) + field[3], size);
  };
}

auto fixed_bytes(const ArrowArray& array, std::string_view format) {
  const size_t width = std::stoul(std::string(format.substr(2)));
  const auto* data = static_cast<const char*>(array.buffers[1]);
  return [=](size_t i) { return std::string_view(data + i * width, width); };
}

[[noreturn]] void refuse_type(std::string_view format) {
  throw pybind11::type_error(
      "The 'keys' parameter must be a column of integers, strings or bytes. Got an Arrow column of format '" +
      std::string(format) + "' instead.");
}

// Calls body(bytes_of) for a column of strings or bytes.
template <class Body>
auto with_bytes(std::string_view format, const ArrowArray& array, Body body) {
  if (format == "u" || format == "z") return body(string_bytes<std::int32_t>(array));
  if (format == "U" || format == "Z") return body(string_bytes<std::int64_t>(array));
  if (format == "vu" || format == "vz") return body(view_bytes(array));
  if (format.starts_with("w:")) return body(fixed_bytes(array, format));
  refuse_type(format);
}

// Calls body(zero) with a zero of the column's type.
template <class Body>
auto with_integer(std::string_view format, Body body) {
  switch (format.front()) {
    case 'c':
      return body(std::int8_t{0});
    case 'C':
      return body(std::uint8_t{0});
    case 's':
      return body(std::int16_t{0});
    case 'S':
      return body(std::uint16_t{0});
    case 'i':
      return body(std::int32_t{0});
    case 'I':
      return body(std::uint32_t{0});
    case 'l':
      return body(std::int64_t{0});
    case 'L':
      return body(std::uint64_t{0});
    default:
      refuse_type(format);
  }
}

bool is_integer(std::string_view format) {
  return format.size() == 1 && std::string_view("cCsSiIlL").find(format[0]) != std::string_view::npos;
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

size_t hash_indices(const ArrowSchema& schema, Column column, const Dictionary& dictionary) {
  return with_integer(schema.format,
                      [&](auto zero) { return pick_from_dictionary<decltype(zero)>(column, dictionary); });
}

void hash_plain(std::string_view format, Column column) {
  if (is_integer(format)) return with_integer(format, [&](auto zero) { hash_integers<decltype(zero)>(column); });
  with_bytes(format, column.array, [&](auto bytes_of) { hash_each(column, bytes_of); });
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

size_t dictionary_index(const ArrowSchema& schema, const ArrowArray& array, size_t i) {
  const size_t at = static_cast<size_t>(array.offset) + i;
  const size_t index = with_integer(schema.format, [&](auto zero) {
    return static_cast<size_t>(static_cast<const decltype(zero)*>(array.buffers[1])[at]);
  });
  if (index >= static_cast<size_t>(array.dictionary->length))
    throw std::out_of_range("A dictionary index is too large.");
  return index;
}

}  // namespace

bool has_nulls(const ArrowArray& array) { return count_nulls(array) != 0; }

bool is_null_item(const ArrowSchema& schema, const ArrowArray& array, size_t i) {
  if (std::string_view(schema.format) == "n") return true;
  if (may_have_nulls(array) && !is_valid(array, static_cast<std::int64_t>(i))) return true;
  return schema.dictionary != nullptr &&
         is_null_item(*schema.dictionary, *array.dictionary, dictionary_index(schema, array, i));
}

pybind11::object arrow_item(const ArrowSchema& schema, const ArrowArray& array, size_t i) {
  if (is_null_item(schema, array, i)) return pybind11::none();
  if (schema.dictionary != nullptr)
    return arrow_item(*schema.dictionary, *array.dictionary, dictionary_index(schema, array, i));
  const std::string_view format = schema.format;
  const size_t at = static_cast<size_t>(array.offset) + i;
  if (is_integer(format))
    return with_integer(format, [&](auto zero) -> pybind11::object {
      return pybind11::int_(static_cast<const decltype(zero)*>(array.buffers[1])[at]);
    });
  return with_bytes(format, array, [&](auto bytes_of) -> pybind11::object {
    const std::string_view bytes = bytes_of(at);
    if (format.find_first_of("uU") != std::string_view::npos) return pybind11::str(bytes.data(), bytes.size());
    return pybind11::bytes(bytes.data(), bytes.size());
  });
}

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
