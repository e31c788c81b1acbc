// SPDX-License-Identifier: Apache-2.0
// NumPy arrays of keys, of integers and of fixed-width strings, and single buffers.
#include "arrays.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch::bindings {
namespace {

constexpr size_t kHashGrain = size_t{1} << 15;

// A NumPy array that owns the vector's memory.
Hashes to_array(std::vector<uint64_t>&& hashes) {
  auto* owner = new std::vector<uint64_t>(std::move(hashes));
  py::capsule base(owner, [](void* p) { delete static_cast<std::vector<uint64_t>*>(p); });
  return Hashes(static_cast<py::ssize_t>(owner->size()), owner->data(), base);
}

void hash_integers(const Hashes& keys, uint64_t seed, Hashes out, size_t threads) {
  const auto input = read(keys);
  const auto result = write(out);
  require_size(result, input.size(), "out");
  py::gil_scoped_release release;
  parallel_for(input.size(), kHashGrain, threads, [&](size_t begin, size_t end) {
    kernels().hash_u64(input.data() + begin, end - begin, seed, result.data() + begin);
  });
}

// NumPy 'S': an element ends at its last byte that is not NUL.
Hashes hash_fixed(const Array<std::uint8_t>& buffer, uint64_t seed) {
  const size_t n = extent(buffer, 0, 2), width = extent(buffer, 1, 2);
  std::vector<uint64_t> out(n);
  const std::uint8_t* data = buffer.data();
  {
    py::gil_scoped_release release;
    for (size_t i = 0; i < n; ++i, data += width) {
      size_t size = width;
      while (size > 0 && data[size - 1] == 0) --size;
      out[i] = xxh64_bytes(data, size, seed);
    }
  }
  return to_array(std::move(out));
}

size_t encode_utf8(std::uint32_t c, unsigned char* out) {
  const auto tail = [c](int shift) { return static_cast<unsigned char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return out[0] = static_cast<unsigned char>(c), 1;
  if (c < 0x800) return out[0] = static_cast<unsigned char>(0xC0 | (c >> 6)), out[1] = tail(0), 2;
  if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
    throw std::invalid_argument("A string key holds a code point that has no UTF-8 form (a lone surrogate).");
  if (c < 0x10000) return out[0] = static_cast<unsigned char>(0xE0 | (c >> 12)), out[1] = tail(6), out[2] = tail(0), 3;
  return out[0] = static_cast<unsigned char>(0xF0 | (c >> 18)), out[1] = tail(12), out[2] = tail(6), out[3] = tail(0),
         4;
}

// NumPy 'U': UTF-32 code points, padded with NULs at the end.
Hashes hash_ucs4(const Array<std::uint32_t>& buffer, uint64_t seed) {
  const size_t n = extent(buffer, 0, 2), width = extent(buffer, 1, 2);
  std::vector<uint64_t> out(n);
  const std::uint32_t* data = buffer.data();
  {
    py::gil_scoped_release release;
    std::vector<unsigned char> utf8(4 * width + 1);
    for (size_t i = 0; i < n; ++i, data += width) {
      size_t length = width, size = 0;
      while (length > 0 && data[length - 1] == 0) --length;
      for (size_t c = 0; c < length; ++c) size += encode_utf8(data[c], utf8.data() + size);
      out[i] = xxh64_bytes(utf8.data(), size, seed);
    }
  }
  return to_array(std::move(out));
}

uint64_t hash_buffer(const py::buffer& buffer, uint64_t seed) {
  const py::buffer_info info = buffer.request();
  require(PyBuffer_IsContiguous(info.view(), 'C') != 0, "The buffer must be contiguous.");
  py::gil_scoped_release release;
  return xxh64_bytes(static_cast<const unsigned char*>(info.ptr), static_cast<size_t>(info.size * info.itemsize), seed);
}

}  // namespace

void bind_keys(py::module_& module) {
  module.def("hash_u64", &hash_integers, py::arg("keys").noconvert(), py::arg("seed"), py::arg("out").noconvert(),
             py::arg("threads"), "XXH64 of integers.");
  module.def("hash_fixed", &hash_fixed, py::arg("buffer").noconvert(), py::arg("seed"),
             "XXH64 of NUL-padded byte strings.");
  module.def("hash_ucs4", &hash_ucs4, py::arg("buffer").noconvert(), py::arg("seed"),
             "XXH64 of NUL-padded UTF-32 strings as UTF-8.");
  module.def("hash_bytes", &hash_buffer, py::arg("buffer"), py::arg("seed"), "XXH64 of a buffer.");
}

}  // namespace hypersketch::bindings
