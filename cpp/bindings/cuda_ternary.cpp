// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "ternary.hpp"

namespace hypersketch::bindings {
namespace {

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

cuda::PackedRows planes_of(const Span& span, size_t dim) {
  require(dim >= 1 && dim < (size_t{1} << 31), "The dimension must be in [1, 2**31).");
  require(span.n % (2 * words_for(dim)) == 0, "Ternary vectors must be whole rows.");
  return {span.data<const uint64_t>(), span.n / (2 * words_for(dim))};
}

void ternary_atoms(const Span& hashes, size_t dim, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  require(planes_of(out, dim).n == hashes.n, "out must have one row a key.");
  const py::gil_scoped_release release;
  cuda::ternary_atoms(hashes.place(), hashes.data<const uint64_t>(), hashes.n, dim, seed, out.data<uint64_t>());
}

bool ternary_products(const Span& a, const Span& b, size_t dim, const Span& out) {
  require_together(a, b, out);
  const auto left = planes_of(a, dim), right = planes_of(b, dim);
  require(planes_of(out, dim).n == met(left.n, right.n), "out must have one row a product.");
  const py::gil_scoped_release release;
  return cuda::ternary_products(a.place(), left, right, dim, out.data<uint64_t>());
}

bool ternary_cosines(const Span& a, const Span& b, size_t dim, const Span& out) {
  require_together(a, b, out);
  const auto left = planes_of(a, dim), right = planes_of(b, dim);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::ternary_cosines(a.place(), left, right, dim, out.data<double>());
}

void ternary_signs(const Span& sums, size_t dim, const Span& out) {
  require_together(sums, out);
  const size_t n = planes_of(out, dim).n;
  require(sums.n == kWordBits * out.n, "There must be one sum a bit.");
  const py::gil_scoped_release release;
  cuda::ternary_signs(sums.place(), sums.data<const std::int32_t>(), n, dim, out.data<uint64_t>());
}

bool are_ternary(const Span& rows, size_t dim) {
  const auto given = planes_of(rows, dim);
  const py::gil_scoped_release release;
  return cuda::are_ternary(rows.place(), given, dim);
}

cuda::BitRows rows_of(const Span& rows, size_t n, size_t stride, size_t dim) {
  require(dim >= 1 && dim < (size_t{1} << 31), "The dimension must be in [1, 2**31).");
  require(stride >= 2 * words_for(dim) || n <= 1, "Rows must not overlap.");
  require(n < (size_t{1} << 32), "There must be fewer than 2**32 rows.");
  return {rows.data<const uint64_t>(), n, stride};
}

void ternary_top_k(const Span& queries, size_t n_queries, size_t query_stride, const Span& rows, size_t n_rows,
                   size_t row_stride, size_t dim, size_t k, const Span& indices, const Span& similarities) {
  require_together(queries, rows, indices, similarities);
  require(k >= 1 && k <= n_rows, "k must be in [1, n].");
  require(indices.n == n_queries * k && similarities.n == indices.n, "The answers must have k a query.");
  const auto asked = rows_of(queries, n_queries, query_stride, dim), given = rows_of(rows, n_rows, row_stride, dim);
  const py::gil_scoped_release release;
  cuda::ternary_top_k(queries.place(), asked, given, dim,
                      {k, indices.data<std::int64_t>(), nullptr, similarities.data<double>()});
}

void ternary_range(const Span& queries, size_t query_stride, const Span& rows, size_t n_rows, size_t row_stride,
                   size_t dim, const Span& thresholds, const Span& cursors, const std::optional<Span>& found,
                   const std::optional<Span>& similarities) {
  require_together(queries, rows, thresholds, cursors);
  require(thresholds.n == cursors.n, "There must be one threshold and cursor a query.");
  require(found.has_value() == similarities.has_value(), "Rows are found with their similarities.");
  if (found) require(found->n == similarities->n, "Rows are found with their similarities.");
  const auto asked = rows_of(queries, cursors.n, query_stride, dim), given = rows_of(rows, n_rows, row_stride, dim);
  const cuda::RealMatches matches{found ? found->data<std::int64_t>() : nullptr,
                                  similarities ? similarities->data<double>() : nullptr};
  const py::gil_scoped_release release;
  cuda::ternary_range(queries.place(), asked, thresholds.data<const double>(), given, dim,
                      cursors.data<unsigned long long>(), matches);
}

}  // namespace

void bind_cuda_ternary(py::module_& module) {
  module.def("ternary_atoms", &ternary_atoms, py::arg("hashes"), py::arg("dim"), py::arg("seed"), py::arg("out"),
             "Atoms of keys, as two planes of bits each.");
  module.def("ternary_products", &ternary_products, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"),
             "Products of ternary rows; false where a bit should not be set.");
  module.def("ternary_cosines", &ternary_cosines, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"),
             "Cosines of ternary rows; false as for ternary_products.");
  module.def("ternary_signs", &ternary_signs, py::arg("sums"), py::arg("dim"), py::arg("out"),
             "Signs of sums of both planes, 0 where they are equal.");
  module.def("are_ternary", &are_ternary, py::arg("rows"), py::arg("dim"), "Whether no bit is set that should not be.");
  module.def("ternary_top_k", &ternary_top_k, py::arg("queries"), py::arg("n_queries"), py::arg("query_stride"),
             py::arg("rows"), py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("k"),
             py::arg("indices"), py::arg("similarities"), "The k ternary rows most alike to each query by cosine.");
  module.def("ternary_range", &ternary_range, py::arg("queries"), py::arg("query_stride"), py::arg("rows"),
             py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("thresholds"), py::arg("cursors"),
             py::arg("found").none(true), py::arg("similarities").none(true),
             "The ternary rows that reach each query's threshold; their numbers alone without places for them.");
}

}  // namespace hypersketch::bindings
