// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/digits.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

void digits(uint64_t seed, const Hashes& hashes, std::uint32_t modulus, Array<std::uint16_t> out, size_t threads) {
  const auto keys = read(hashes);
  const size_t width = extent(out, 1, 2);
  const auto rows = write(out);
  require(modulus >= 1 && modulus <= 65536, "The modulus must be in [1, 2**16].");
  require_size(rows, keys.size() * width, "out");
  py::gil_scoped_release release;
  digit_rows(seed, keys, width, modulus, rows.data(), threads);
}

void sparse(uint64_t seed, const Hashes& hashes, size_t dim, size_t n_ones, bool segments, Array<uint64_t> out,
            size_t threads) {
  const auto keys = read(hashes);
  require(n_ones >= 1 && n_ones <= dim, "The number of ones must be in [1, dim].");
  const auto rows = write(out);
  require_size(rows, keys.size() * words_for(dim), "out");
  py::gil_scoped_release release;
  sparse_rows(seed, keys, dim, n_ones, segments, rows.data(), threads);
}

// Distances around a circle of `modulus` steps, or with modulus 0 the numbers of equal digits.
void comparisons(const Array<std::uint16_t>& a, const Array<std::uint16_t>& b, std::uint32_t modulus,
                 Array<std::int64_t> out, size_t threads) {
  const size_t n = extent(a, 0, 2), m = extent(b, 0, 2), width = extent(a, 1, 2);
  require(extent(b, 1, 2) == width, "a and b must have the same number of columns.");
  require(modulus <= 65536, "The modulus must be in [0, 2**16].");
  const auto sums = write(out);
  require_size(sums, n * m, "out");
  py::gil_scoped_release release;
  compare_digits(a.data(), n, b.data(), m, width, sums.data(), threads,
                 [width, modulus](const std::uint16_t* x, const std::uint16_t* y) {
                   return modulus == 0 ? static_cast<std::int64_t>(kernels().digits_equal(x, y, width))
                                       : kernels().digits_apart(x, y, width, modulus);
                 });
}

}  // namespace

void bind_digits(py::module_& module) {
  module.def("digit_rows", &digits, py::arg("seed"), py::arg("hashes").noconvert(), py::arg("modulus"),
             py::arg("out").noconvert(), py::arg("threads") = 1);
  module.def("sparse_rows", &sparse, py::arg("seed"), py::arg("hashes").noconvert(), py::arg("dim"), py::arg("n_ones"),
             py::arg("segments"), py::arg("out").noconvert(), py::arg("threads") = 1);
  module.def("compare_digits", &comparisons, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("modulus"),
             py::arg("out").noconvert(), py::arg("threads") = 1);
}

}  // namespace hypersketch::bindings
