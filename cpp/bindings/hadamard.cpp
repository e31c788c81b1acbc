// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/hadamard.hpp"

#include <bit>

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

template <class T>
void transform(Array<T> rows, size_t threads) {
  const size_t n_rows = extent(rows, 0, 2), n = extent(rows, 1, 2);
  require(std::has_single_bit(n), "The number of columns must be a power of two.");
  const auto entries = write(rows);
  py::gil_scoped_release release;
  walsh_hadamard_rows(entries.data(), n_rows, n, threads);
}

void scores_of_rows(const Array<uint64_t>& rows, const Array<uint64_t>& signs, Array<std::int32_t> out,
                    size_t threads) {
  const size_t n_rows = extent(out, 0, 2), n = extent(out, 1, 2);
  require(std::has_single_bit(n), "The number of columns must be a power of two.");
  require(extent(rows, 0, 2) == n_rows && extent(rows, 1, 2) == words_for(n), "rows and out must go together.");
  const auto mask = read(signs);
  require_size(mask, words_for(n), "signs");
  const auto scores = write(out);
  py::gil_scoped_release release;
  hadamard_scores(rows.data(), n_rows, n, mask.data(), scores.data(), threads);
}

}  // namespace

void bind_hadamard(py::module_& module) {
  module.def("walsh_hadamard", &transform<std::int32_t>, py::arg("rows").noconvert(), py::arg("threads"),
             "Walsh-Hadamard transforms of rows, in place; integers wrap around.");
  module.def("walsh_hadamard", &transform<float>, py::arg("rows").noconvert(), py::arg("threads"));
  module.def("hadamard_scores", &scores_of_rows, py::arg("rows").noconvert(), py::arg("signs").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"),
             "Inner products of packed rows with the rows of the Hadamard matrix times signs.");
}

}  // namespace hypersketch::bindings
