// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

uint64_t* hashes_of(const Span& out, size_t n, int device) {
  require(out.n == n, "out must have one element a key.");
  require(out.device == device, "All arrays of a call must lie on one GPU.");
  return out.data<uint64_t>();
}

void hash_integers(const Span& keys, std::ptrdiff_t stride, int n_bytes, bool is_signed, uint64_t seed,
                   const Span& out) {
  require(n_bytes == 1 || n_bytes == 2 || n_bytes == 4 || n_bytes == 8, "Integers have 1, 2, 4 or 8 bytes.");
  uint64_t* const hashes = hashes_of(out, keys.n, keys.device);
  const py::gil_scoped_release release;
  cuda::hash_integers(keys.place(), {keys.data<const void>(), keys.n, stride, n_bytes, is_signed}, seed, hashes);
}

template <class Offset>
void hash_strings(const Span& offsets, const Span& bytes, uint64_t seed, const Span& out) {
  require(offsets.n >= 1, "There must be one offset more than strings.");
  require(bytes.device == offsets.device, "All arrays of a call must lie on one GPU.");
  uint64_t* const hashes = hashes_of(out, offsets.n - 1, offsets.device);
  const py::gil_scoped_release release;
  cuda::hash_strings<Offset>(offsets.place(),
                             {offsets.data<const Offset>(), bytes.data<const unsigned char>(), bytes.n, offsets.n - 1},
                             seed, hashes);
}

}  // namespace

void bind_cuda_keys(py::module_& module) {
  module.def("hash_integers", &hash_integers, py::arg("keys"), py::arg("stride"), py::arg("n_bytes"),
             py::arg("is_signed"), py::arg("seed"), py::arg("out"), "Hash integers that lie `stride` bytes apart.");
  module.def("hash_strings_i32", &hash_strings<std::int32_t>, py::arg("offsets"), py::arg("bytes"), py::arg("seed"),
             py::arg("out"), "Hash strings; offsets of 32 bits.");
  module.def("hash_strings_i64", &hash_strings<std::int64_t>, py::arg("offsets"), py::arg("bytes"), py::arg("seed"),
             py::arg("out"), "Hash strings; offsets of 64 bits.");
}

}  // namespace hypersketch::bindings
