// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/numbers.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

template <class T>
Strided<T> strided(const Array<T>& rows, size_t n, size_t width) {
  require(extent(rows, 1, 2) == width, "Rows must be as long as those of the result.");
  const size_t given = extent(rows, 0, 2);
  require(given == n || given == 1, "Both sets must have as many rows, or one.");
  return {rows.data(), given == 1 ? 0 : width};
}

bool finite(const Array<float>& numbers) {
  return kernels().all_finite(numbers.data(), static_cast<size_t>(numbers.size()));
}

// Complex numbers are pairs of floats: rows are twice as long as the vectors.
bool combine(const Array<float>& a, const Array<float>& b, int rule, Array<float> out, size_t threads) {
  require(rule >= 0 && rule <= 2, "The rule must be 0, 1 or 2.");
  const size_t n = extent(out, 0, 2), width = extent(out, 1, 2);
  require(width % 2 == 0, "Complex rows must have an even number of floats.");
  const auto left = strided(a, n, width), right = strided(b, n, width);
  const auto result = write(out);
  py::gil_scoped_release release;
  return combine_phasors(left, right, n, width / 2, static_cast<PhasorRule>(rule), result.data(), threads);
}

void phasors(const Array<double>& numbers, Array<float> out) {
  const auto result = write(out);
  require(result.size() % 2 == 0, "Complex rows must have an even number of floats.");
  require_size(read(numbers), result.size(), "numbers");
  py::gil_scoped_release release;
  kernels().unit_phasors(numbers.data(), result.size() / 2, result.data());
}

void sum(const Array<float>& rows, const Array<std::int64_t>& starts, const std::optional<Array<double>>& weights,
         Array<double> out, size_t threads) {
  const size_t n = extent(rows, 0, 2), width = extent(rows, 1, 2);
  const auto edges = read(starts);
  require(!edges.empty() && edges.front() >= 0, "There must be a start of every sum, and an end.");
  for (size_t b = 0; b + 1 < edges.size(); ++b) require(edges[b] <= edges[b + 1], "Starts must not fall.");
  require(static_cast<size_t>(edges.back()) <= n, "A sum ends beyond the rows.");
  if (weights) require_size(read(*weights), n, "weights");
  const double* const factors = weights ? weights->data() : nullptr;
  const auto sums = write(out);
  require_size(sums, (edges.size() - 1) * width, "out");
  py::gil_scoped_release release;
  sum_real_rows(rows.data(), width, edges, factors, sums.data(), threads);
}

bool sum_of_combined(const Array<float>& a, const Array<float>& b, int rule,
                     const std::optional<Array<double>>& weights, Array<double> out, size_t threads) {
  require(rule >= 0 && rule <= 2, "The rule must be 0, 1 or 2.");
  const size_t n = extent(a, 0, 2), width = extent(a, 1, 2);
  require(width % 2 == 0, "Complex rows must have an even number of floats.");
  require(extent(b, 0, 2) == n && extent(b, 1, 2) == width, "Both sets must have the same shape.");
  if (weights) require_size(read(*weights), n, "weights");
  const double* const factors = weights ? weights->data() : nullptr;
  const auto sums = write(out);
  require_size(sums, width, "out");
  py::gil_scoped_release release;
  return sum_combined(a.data(), b.data(), n, width / 2, static_cast<PhasorRule>(rule), factors, sums.data(), threads);
}

void inner(const Array<float>& a, const Array<float>& b, Array<double> out, size_t threads) {
  const size_t n = extent(out, 0, 2), width = extent(a, 1, 2);
  require(extent(out, 1, 2) == 3, "There are three products a row.");
  const auto left = strided(a, n, width), right = strided(b, n, width);
  const auto result = write(out);
  py::gil_scoped_release release;
  real_products(left, right, n, width, result.data(), threads);
}

void turn(const Array<std::int32_t>& sums, const Array<uint64_t>& words, Array<std::int32_t> out, size_t threads) {
  const size_t n = extent(out, 0, 2), dim = extent(out, 1, 2);
  const auto given = strided(sums, n, dim);
  const auto signs = strided(words, n, words_for(dim));
  const auto result = write(out);
  py::gil_scoped_release release;
  turn_rows(given, signs, n, dim, result.data(), threads);
}

}  // namespace

void bind_numbers(py::module_& module) {
  module.def("all_finite", &finite, py::arg("numbers").noconvert());
  module.def("combine_phasors", &combine, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("rule"),
             py::arg("out").noconvert(), py::arg("threads"),
             "Products (rule 0), products with conjugates (1) or quotients (2) of rows; whether all are finite.");
  module.def("unit_phasors", &phasors, py::arg("numbers").noconvert(), py::arg("out").noconvert());
  module.def("sum_rows", &sum, py::arg("rows").noconvert(), py::arg("starts").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("out").noconvert(), py::arg("threads"),
             "Add runs of rows, times their weights, to sums.");
  module.def("sum_combined", &sum_of_combined, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("rule"),
             py::arg("weights").noconvert().none(true), py::arg("out").noconvert(), py::arg("threads"),
             "Add combined rows, times their weights, to one sum; whether all of them are finite.");
  module.def("row_products", &inner, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("out").noconvert(),
             py::arg("threads"), "Inner products aa, bb and ab of rows of a and b; a single row meets all others.");
  module.def("turn_rows", &turn, py::arg("sums").noconvert(), py::arg("words").noconvert(), py::arg("out").noconvert(),
             py::arg("threads"), "Turn round the signs of sums where bits are set.");
}

}  // namespace hypersketch::bindings
