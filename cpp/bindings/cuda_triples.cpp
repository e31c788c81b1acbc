// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "matmul.hpp"

namespace hypersketch::bindings {
namespace {

void outer_rows(const Span& left, const Span& right, size_t dim, const Span& out) {
  require_together(out, left, right);
  require(dim >= 1 && left.n % dim == 0 && left.n == right.n && out.n == left.n * dim, "The rows must be alike.");
  const py::gil_scoped_release release;
  cuda::outer_rows(out.place(), left.data<const float>(), right.data<const float>(), left.n / dim, dim,
                   out.data<float>());
}

void combine_rows(const Span& rows, const Span& matrix, size_t depth, const Span& out) {
  require_together(out, rows, matrix);
  require(depth >= 1 && rows.n % depth == 0 && matrix.n % depth == 0, "The rows do not fit the matrix.");
  const size_t n = rows.n / depth, width = matrix.n / depth;
  require(out.n == n * width, "out must have one row a row.");
  const py::gil_scoped_release release;
  cuda::combine_rows(out.place(), rows.data<const float>(), depth, matrix.data<const float>(), n, width,
                     out.data<float>());
}

void contract_rows(const Span& squares, const Span& rows, size_t dim, bool turned, const Span& out) {
  require_together(out, squares, rows);
  require(dim >= 1 && rows.n % dim == 0 && squares.n == rows.n * dim && out.n == rows.n,
          "There must be one square a row.");
  const py::gil_scoped_release release;
  cuda::contract_rows(out.place(), squares.data<const float>(), rows.data<const float>(), rows.n / dim, dim, turned,
                      out.data<double>());
}

}  // namespace

void bind_cuda_triples(py::module_& module) {
  module.def("outer_rows", &outer_rows, py::arg("left"), py::arg("right"), py::arg("dim"), py::arg("out"),
             "The outer product of every two rows.");
  module.def("combine_rows", &combine_rows, py::arg("rows"), py::arg("matrix"), py::arg("depth"), py::arg("out"),
             "Rows times a matrix.");
  module.def("contract_rows", &contract_rows, py::arg("squares"), py::arg("rows"), py::arg("dim"), py::arg("turned"),
             py::arg("out"), "A square times a row each, or turned round; in double precision.");
}

}  // namespace hypersketch::bindings
