// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/transforms.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Reals = Array<float>;
using Factors = Array<std::uint32_t>;

ShortPlan short_plan(const Factors& factors, const Reals& twiddles) {
  ShortPlan plan{1, factors.data(), static_cast<size_t>(factors.size()), twiddles.data()};
  size_t entries = 0;
  for (const std::uint32_t factor : read(factors)) {
    require(factor >= 2 && factor <= 5, "Factors must be 2 to 5.");
    plan.length *= factor;
    require(plan.length <= (size_t{1} << 26), "A transform is too long.");
  }
  size_t rest = plan.length;
  for (const std::uint32_t factor : read(factors)) entries += 2 * (rest /= factor) * (factor - 1);
  require_size(read(twiddles), entries, "twiddles");
  require(plan.length >= kLeastSide, "A transform is too short.");
  return plan;
}

RealRows rows_of(const Reals& rows, size_t n, size_t dim) {
  require(extent(rows, 1, 2) == dim, "Rows must be as long as the transform.");
  const size_t given = extent(rows, 0, 2);
  require(given == n || given == 1, "Both sets must have as many rows, or one.");
  return {rows.data(), given == 1 ? 0 : dim};
}

void convolve(const Reals& a, const Reals& b, const Factors& column_factors, const Reals& column_twiddles,
              const Factors& row_factors, const Reals& row_twiddles, const Reals& cosines, const Reals& sines,
              bool correlate, Reals out, size_t threads) {
  const TransformPlan plan{short_plan(column_factors, column_twiddles), short_plan(row_factors, row_twiddles),
                           cosines.data(), sines.data()};
  const size_t n = extent(out, 0, 2), dim = plan.columns.length * plan.rows.length;
  require(extent(out, 1, 2) == dim, "Rows must be as long as the transform.");
  require_size(read(cosines), dim, "cosines");
  require_size(read(sines), dim, "sines");
  const RealRows left = rows_of(a, n, dim), right = rows_of(b, n, dim);
  const auto result = write(out);
  py::gil_scoped_release release;  // every pointer is taken
  convolve_rows(left, right, n, plan, correlate, result.data(), threads);
}

}  // namespace

void bind_transforms(py::module_& module) {
  module.def("convolve_rows", &convolve, py::arg("a").noconvert(), py::arg("b").noconvert(),
             py::arg("column_factors").noconvert(), py::arg("column_twiddles").noconvert(),
             py::arg("row_factors").noconvert(), py::arg("row_twiddles").noconvert(), py::arg("cosines").noconvert(),
             py::arg("sines").noconvert(), py::arg("correlate"), py::arg("out").noconvert(), py::arg("threads"),
             "Circular convolutions, or correlations, of rows of a with rows of b; a single row meets all others.");
}

}  // namespace hypersketch::bindings
