// SPDX-License-Identifier: Apache-2.0
// Stored vectors of bits and of integers below a modulus: products, similarities, bundles.
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "search_counted.hpp"

namespace hypersketch::bindings {
namespace {

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

// ---- integers

cuda::DigitSpace digit_space(size_t width, std::uint32_t modulus) {
  require(modulus >= 2 && modulus <= 65536, "The modulus must be in [2, 2**16].");
  require(width >= 1 && width <= (size_t{1} << 26), "The width must be in [1, 2**26].");
  return {width, modulus, 0};
}

cuda::DigitRows digit_rows_of(const Span& span, size_t width) {
  require(span.n % width == 0, "Vectors must be whole rows.");
  return {span.data<const std::uint16_t>(), span.n / width};
}

bool combine_digits(const Span& a, const Span& b, size_t width, std::uint32_t modulus, bool subtract, const Span& out) {
  require_together(a, b, out);
  const auto space = digit_space(width, modulus);
  const auto left = digit_rows_of(a, width), right = digit_rows_of(b, width);
  require(out.n == width * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::combine_digits(a.place(), left, right, space, subtract, out.data<std::uint16_t>());
}

bool compare_digits(const Span& a, const Span& b, size_t width, std::uint32_t modulus, bool circle, const Span& out) {
  require_together(a, b, out);
  const auto space = digit_space(width, modulus);
  const auto left = digit_rows_of(a, width), right = digit_rows_of(b, width);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::compare_digits(a.place(), left, right, space, circle, out.data<double>());
}

// The caller has looked for integers that are too large, and knows that starts rise within the rows, which begin with
// that of the first start.
void count_digit_runs(const Span& rows, size_t width, std::uint32_t modulus, const Span& starts,
                      const std::optional<Span>& weights, const Span& counters) {
  require_together(rows, starts, counters);
  const auto space = digit_space(width, modulus);
  const auto given = digit_rows_of(rows, width);
  require(starts.n >= 2 && counters.n == (starts.n - 1) * space.n_counters(),
          "There must be counters for all bundles.");
  require(!weights || (weights->n == given.n && weights->device == rows.device), "There must be one weight a row.");
  const std::int64_t* const factors = weights ? weights->data<const std::int64_t>() : nullptr;
  const py::gil_scoped_release release;
  cuda::clear(rows.place(), counters.data<void>(), counters.n * sizeof(std::int32_t));
  cuda::count_digit_runs(rows.place(), {given.digits, given.n, starts.data<const std::int64_t>(), starts.n - 1}, space,
                         factors, counters.data<std::int32_t>());
}

// ---- bits

cuda::PackedRows bit_rows_of(const Span& span, size_t dim) {
  require(dim >= 1 && dim <= (size_t{1} << 26), "The dimension must be in [1, 2**26].");
  require(span.n % words_for(dim) == 0, "Packed vectors must be whole rows.");
  return {span.data<const uint64_t>(), span.n / words_for(dim)};
}

unsigned sparse_overlaps(const Span& a, const Span& b, size_t dim, const Span& out) {
  require_together(a, b, out);
  const auto left = bit_rows_of(a, dim), right = bit_rows_of(b, dim);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::sparse_overlaps(a.place(), left, right, dim, out.data<double>());
}

unsigned turn_sparse(const Span& a, const Span& b, size_t dim, size_t n_ones, bool segments, bool back,
                     const Span& out) {
  require_together(a, b, out);
  const auto left = bit_rows_of(a, dim), right = bit_rows_of(b, dim);
  require(n_ones >= 1 && n_ones <= dim && n_ones <= (size_t{1} << 13), "There must be 1 to 2**13 ones, at most dim.");
  require(bit_rows_of(out, dim).n == met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::turn_sparse(a.place(), left, right, {dim, n_ones, segments, 0}, back, out.data<uint64_t>());
}

unsigned unite_sparse(const Span& a, const Span& b, size_t dim, const Span& out, const Span& ones) {
  require_together(a, b, out, ones);
  const auto left = bit_rows_of(a, dim), right = bit_rows_of(b, dim);
  const size_t n = met(left.n, right.n);
  require(bit_rows_of(out, dim).n == n && ones.n == n, "out must have one row, and ones one element a pair.");
  const py::gil_scoped_release release;
  return cuda::unite_sparse(a.place(), left, right, dim, out.data<uint64_t>(), ones.data<std::int32_t>());
}

// The caller knows that there are as many steps as the largest number of rotations, all below the dimension.
void thin_sparse(const Span& rows, size_t dim, const Span& rotations, const Span& steps, const Span& out) {
  require_together(rows, rotations, steps, out);
  const auto given = bit_rows_of(rows, dim);
  require(rotations.n == given.n && out.n == rows.n, "There must be one number of rotations, and one row, a row.");
  const py::gil_scoped_release release;
  cuda::thin_sparse(rows.place(), given, dim, rotations.data<const std::int32_t>(), steps.data<const std::int64_t>(),
                    out.data<uint64_t>());
}

void pack_below(const Span& sums, const Span& limits, size_t dim, const Span& out) {
  require_together(sums, limits, out);
  const size_t n = bit_rows_of(out, dim).n;
  require(sums.n == n * dim && limits.n == n, "There must be one row of sums, and one limit, a row.");
  const py::gil_scoped_release release;
  cuda::pack_below_limits(sums.place(), sums.data<const std::int32_t>(), limits.data<const std::int64_t>(), n, dim,
                          out.data<uint64_t>());
}

// ---- search; callers know that rows are sound

void require_apart(size_t n, size_t stride, size_t width) {
  require(stride >= width || n <= 1, "Rows must not overlap.");
}

cuda::BitRows bits_of(const Span& rows, size_t n, size_t stride, size_t dim) {
  require(dim >= 1 && dim <= (size_t{1} << 26), "The dimension must be in [1, 2**26].");
  require_apart(n, stride, words_for(dim));
  return {rows.data<const uint64_t>(), n, stride};
}

cuda::StridedDigits digits_of(const Span& rows, size_t n, size_t stride, size_t width) {
  require_apart(n, stride, width);
  return {rows.data<const std::uint16_t>(), n, stride};
}

cuda::NearestRows nearest(size_t n_queries, size_t n_rows, size_t k, const Span& indices, const Span& similarities) {
  require(k >= 1 && k <= n_rows, "k must be in [1, n].");
  require(indices.n == n_queries * k && similarities.n == indices.n, "The answers must have k a query.");
  return {k, indices.data<std::int64_t>(), nullptr, similarities.data<double>()};
}

cuda::RealMatches matches(const Span& thresholds, const Span& cursors, const std::optional<Span>& found,
                          const std::optional<Span>& similarities) {
  require(thresholds.n == cursors.n, "There must be one threshold and cursor a query.");
  require(found.has_value() == similarities.has_value(), "Rows are found with their similarities.");
  if (!found) return {nullptr, nullptr};
  require(found->n == similarities->n, "Rows are found with their similarities.");
  return {found->data<std::int64_t>(), similarities->data<double>()};
}

void sparse_top_k(const Span& queries, size_t n_queries, size_t query_stride, const Span& rows, size_t n_rows,
                  size_t row_stride, size_t dim, size_t k, const Span& indices, const Span& similarities) {
  require_together(queries, rows, indices, similarities);
  const auto asked = bits_of(queries, n_queries, query_stride, dim), given = bits_of(rows, n_rows, row_stride, dim);
  const auto answers = nearest(n_queries, n_rows, k, indices, similarities);
  const py::gil_scoped_release release;
  cuda::sparse_top_k(queries.place(), asked, given, dim, answers);
}

void sparse_range(const Span& queries, size_t query_stride, const Span& rows, size_t n_rows, size_t row_stride,
                  size_t dim, const Span& thresholds, const Span& cursors, const std::optional<Span>& found,
                  const std::optional<Span>& similarities) {
  require_together(queries, rows, thresholds, cursors);
  const auto asked = bits_of(queries, cursors.n, query_stride, dim), given = bits_of(rows, n_rows, row_stride, dim);
  const auto to = matches(thresholds, cursors, found, similarities);
  const py::gil_scoped_release release;
  cuda::sparse_range(queries.place(), asked, thresholds.data<const double>(), given, dim,
                     cursors.data<unsigned long long>(), to);
}

void digit_top_k(const Span& queries, size_t n_queries, size_t query_stride, const Span& rows, size_t n_rows,
                 size_t row_stride, size_t width, std::uint32_t modulus, bool circle, size_t k, const Span& indices,
                 const Span& similarities) {
  require_together(queries, rows, indices, similarities);
  const auto space = digit_space(width, modulus);
  const auto asked = digits_of(queries, n_queries, query_stride, width);
  const auto given = digits_of(rows, n_rows, row_stride, width);
  const auto answers = nearest(n_queries, n_rows, k, indices, similarities);
  const py::gil_scoped_release release;
  cuda::digit_top_k(queries.place(), asked, given, space, circle, answers);
}

void digit_range(const Span& queries, size_t query_stride, const Span& rows, size_t n_rows, size_t row_stride,
                 size_t width, std::uint32_t modulus, bool circle, const Span& thresholds, const Span& cursors,
                 const std::optional<Span>& found, const std::optional<Span>& similarities) {
  require_together(queries, rows, thresholds, cursors);
  const auto space = digit_space(width, modulus);
  const auto asked = digits_of(queries, cursors.n, query_stride, width);
  const auto given = digits_of(rows, n_rows, row_stride, width);
  const auto to = matches(thresholds, cursors, found, similarities);
  const py::gil_scoped_release release;
  cuda::digit_range(queries.place(), asked, thresholds.data<const double>(), given, space, circle,
                    cursors.data<unsigned long long>(), to);
}

void take_digit_rows(const Span& rows, size_t stride, size_t width, const Span& indices, const Span& out) {
  require_together(rows, indices, out);
  require(out.n == indices.n * width, "out must have one row an index.");
  const py::gil_scoped_release release;
  cuda::take_digit_rows(indices.place(), {rows.data<const std::uint16_t>(), 0, stride}, width,
                        indices.data<const std::int64_t>(), indices.n, out.data<std::uint16_t>());
}

void put_digit_rows(const Span& rows, size_t width, const Span& indices, const Span& values) {
  require_together(rows, indices, values);
  require(values.n == indices.n * width, "There must be one row an index.");
  const py::gil_scoped_release release;
  cuda::put_digit_rows(indices.place(), rows.data<std::uint16_t>(), width, indices.data<const std::int64_t>(),
                       indices.n, values.data<const std::uint16_t>());
}

}  // namespace

void bind_cuda_counted_rows(py::module_& module) {
  module.def("combine_digits", &combine_digits, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("modulus"),
             py::arg("subtract"), py::arg("out"),
             "Sums, or differences, modulo r; false where an integer is too large.");
  module.def("compare_digits", &compare_digits, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("modulus"),
             py::arg("circle"), py::arg("out"), "Similarities row by row; false where an integer is too large.");
  module.def("count_digit_runs", &count_digit_runs, py::arg("rows"), py::arg("width"), py::arg("modulus"),
             py::arg("starts"), py::arg("weights").none(true), py::arg("counters"),
             "Counters of the values of every entry, one vector's for each run of rows.");
  module.def("sparse_overlaps", &sparse_overlaps, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"),
             "Overlaps over the root of both numbers of ones; 1 where bits beyond the dimension are set.");
  module.def("turn_sparse", &turn_sparse, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("n_ones"),
             py::arg("segments"), py::arg("back"), py::arg("out"),
             "Rows rotated as other rows tell; 1 as for sparse_overlaps, 2 where a segment has not one 1.");
  module.def("unite_sparse", &unite_sparse, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"), py::arg("ones"),
             "Unions, and their numbers of ones; 1 as for sparse_overlaps.");
  module.def("thin_sparse", &thin_sparse, py::arg("rows"), py::arg("dim"), py::arg("rotations"), py::arg("steps"),
             py::arg("out"), "The ones that none of a row's first rotations meets.");
  module.def("pack_below", &pack_below, py::arg("sums"), py::arg("limits"), py::arg("dim"), py::arg("out"),
             "The bits of sums that are below their row's limit.");
  module.def("sparse_top_k", &sparse_top_k, py::arg("queries"), py::arg("n_queries"), py::arg("query_stride"),
             py::arg("rows"), py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("k"),
             py::arg("indices"), py::arg("similarities"), "The k sparse codes that overlap most with each query.");
  module.def("sparse_range", &sparse_range, py::arg("queries"), py::arg("query_stride"), py::arg("rows"),
             py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("thresholds"), py::arg("cursors"),
             py::arg("found").none(true), py::arg("similarities").none(true),
             "The sparse codes that reach each query's threshold; their numbers alone without places for them.");
  module.def("digit_top_k", &digit_top_k, py::arg("queries"), py::arg("n_queries"), py::arg("query_stride"),
             py::arg("rows"), py::arg("n_rows"), py::arg("row_stride"), py::arg("width"), py::arg("modulus"),
             py::arg("circle"), py::arg("k"), py::arg("indices"), py::arg("similarities"),
             "The k vectors of integers most alike to each query.");
  module.def("digit_range", &digit_range, py::arg("queries"), py::arg("query_stride"), py::arg("rows"),
             py::arg("n_rows"), py::arg("row_stride"), py::arg("width"), py::arg("modulus"), py::arg("circle"),
             py::arg("thresholds"), py::arg("cursors"), py::arg("found").none(true), py::arg("similarities").none(true),
             "The vectors of integers that reach each query's threshold; their numbers alone without places.");
  module.def("take_digit_rows", &take_digit_rows, py::arg("rows"), py::arg("stride"), py::arg("width"),
             py::arg("indices"), py::arg("out"),
             "Rows of integers of 16 bits by their indices, zeros for those below 0.");
  module.def("put_digit_rows", &put_digit_rows, py::arg("rows"), py::arg("width"), py::arg("indices"),
             py::arg("values"), "The same in the place of others.");
}

}  // namespace hypersketch::bindings
