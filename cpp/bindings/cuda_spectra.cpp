// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "spectra.hpp"

namespace hypersketch::bindings {
namespace {

// Spans count floats here.
cuda::ComplexRows rows_of(const Span& span, size_t width) {
  require(width >= 1 && span.n % width == 0, "Vectors must be whole rows.");
  return {span.data<const float>(), span.n / width};
}

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

void atom_reals(const Span& hashes, size_t dim, bool phasors, double scale, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  require(out.n == hashes.n * dim * (phasors ? 2 : 1), "out must have one row a key.");
  const auto kind = phasors ? cuda::RealAtoms::kPhasors : cuda::RealAtoms::kNormals;
  const py::gil_scoped_release release;
  cuda::atom_reals(hashes.place(), hashes.data<const uint64_t>(), hashes.n, dim, kind, scale, seed, out.data<float>());
}

bool combine_phasors(const Span& a, const Span& b, size_t width, int way, const Span& out) {
  require_together(a, b);
  require_together(a, out);
  require(way >= 0 && way <= 2, "There are three ways to combine.");
  const auto left = rows_of(a, 2 * width), right = rows_of(b, 2 * width);
  require(out.n == 2 * width * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::combine_phasors(a.place(), left, right, width, static_cast<cuda::PhasorWay>(way), out.data<float>());
}

// The caller knows that starts rise within the rows.
bool sum_real_rows(const Span& rows, size_t width, const Span& starts, const std::optional<Span>& weights,
                   bool to_phasors, size_t spectrum, const Span& out) {
  require_together(rows, starts);
  require_together(rows, out);
  const auto given = rows_of(rows, width);
  require(starts.n >= 1 && out.n == (starts.n - 1) * width, "out must have one row a bundle.");
  require(!weights || (weights->n == given.n && weights->device == rows.device), "There must be one weight a row.");
  const double* const factors = weights ? weights->data<const double>() : nullptr;
  const py::gil_scoped_release release;
  return cuda::sum_real_rows(rows.place(), given.numbers, width, starts.data<const std::int64_t>(), starts.n - 1,
                             factors, to_phasors, {spectrum}, out.data<float>());
}

bool cosines(const Span& a, const Span& b, size_t width, size_t spectrum, const Span& out) {
  require_together(a, b);
  require_together(a, out);
  const auto left = rows_of(a, width), right = rows_of(b, width);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::cosines(a.place(), left, right, width, {spectrum}, out.data<double>());
}

}  // namespace

void bind_cuda_spectra(py::module_& module) {
  module.def("atom_reals", &atom_reals, py::arg("hashes"), py::arg("dim"), py::arg("phasors"), py::arg("scale"),
             py::arg("seed"), py::arg("out"), "Normal numbers or phasors of keys.");
  module.def("combine_phasors", &combine_phasors, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("way"),
             py::arg("out"), "Products (0), with conjugates (1), or quotients (2); false where any is not finite.");
  module.def("sum_real_rows", &sum_real_rows, py::arg("rows"), py::arg("width"), py::arg("starts"),
             py::arg("weights").none(true), py::arg("to_phasors"), py::arg("spectrum"), py::arg("out"),
             "Sums of runs of rows, of length 1; false where any is not finite.");
  module.def("cosines", &cosines, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("spectrum"), py::arg("out"),
             "Cosines of rows; false where any is not finite.");
}

}  // namespace hypersketch::bindings
