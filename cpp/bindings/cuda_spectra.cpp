// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "spectra.hpp"

namespace hypersketch::bindings {
namespace {

constexpr size_t kMostConvolved = size_t{1} << 26;  // as long as any vector is

// Spans count floats here.
cuda::ComplexRows rows_of(const Span& span, size_t width) {
  require(width >= 1 && span.n % width == 0, "Vectors must be whole rows.");
  return {span.data<const float>(), span.n / width};
}

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

cuda::AtomSpace space_of(size_t dim, int kind, double scale, uint64_t seed) {
  require(kind >= 0 && kind <= 2, "There are three kinds of random numbers.");
  return {dim, static_cast<cuda::RealAtoms>(kind), scale, seed};
}

cuda::SumForm form_of(int form) {
  require(form >= 0 && form <= 2, "There are three forms of sums.");
  return static_cast<cuda::SumForm>(form);
}

const double* weights_of(const std::optional<Span>& weights, size_t n, int device) {
  require(!weights || (weights->n == n && weights->device == device), "There must be one weight a row.");
  return weights ? weights->data<const double>() : nullptr;
}

void atom_reals(const Span& hashes, size_t dim, int kind, double scale, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  const auto space = space_of(dim, kind, scale, seed);
  require(out.n == hashes.n * space.n_floats(), "out must have one row a key.");
  const py::gil_scoped_release release;
  cuda::atom_reals(hashes.place(), hashes.data<const uint64_t>(), hashes.n, space, out.data<float>());
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

bool multiply_reals(const Span& a, const Span& b, size_t width, const Span& out) {
  require_together(a, b, out);
  const auto left = rows_of(a, width), right = rows_of(b, width);
  require(out.n == width * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::multiply_reals(a.place(), left, right, width, out.data<float>());
}

bool multiply_matrices(const Span& a, const Span& b, size_t side, bool turned, const Span& out) {
  require_together(a, b, out);
  const auto left = rows_of(a, side * side), right = rows_of(b, side * side);
  require(out.n == side * side * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::multiply_matrices(a.place(), left, right, side, turned, out.data<float>());
}

bool move_by_drawn(const Span& values, const Span& known, size_t dim, uint64_t seed, bool back, const Span& out) {
  require_together(values, known, out);
  require(dim < (size_t{1} << 31), "The dimension must be below 2**31.");
  const auto given = rows_of(values, dim), drawn = rows_of(known, dim);
  require(out.n == dim * met(given.n, drawn.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::move_by_drawn(values.place(), given, drawn, dim, seed, back, out.data<float>());
}

// The caller knows that starts rise within the rows.
bool sum_real_rows(const Span& rows, size_t width, const Span& starts, const std::optional<Span>& weights, int form,
                   size_t spectrum, const Span& out) {
  require_together(rows, starts);
  require_together(rows, out);
  const auto given = rows_of(rows, width);
  require(starts.n >= 1 && out.n == (starts.n - 1) * width, "out must have one row a bundle.");
  const double* const factors = weights_of(weights, given.n, rows.device);
  const auto shape = form_of(form);
  const py::gil_scoped_release release;
  return cuda::sum_real_rows(rows.place(), given.numbers, width, starts.data<const std::int64_t>(), starts.n - 1,
                             factors, shape, {spectrum}, out.data<float>());
}

bool cosines(const Span& a, const Span& b, size_t width, size_t spectrum, const Span& out) {
  require_together(a, b);
  require_together(a, out);
  const auto left = rows_of(a, width), right = rows_of(b, width);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::cosines(a.place(), left, right, width, {spectrum}, out.data<double>());
}

void shape_sums(const Span& sums, size_t width, int form, size_t spectrum, const Span& out) {
  require_together(sums, out);
  require(width >= 1 && sums.n % width == 0 && out.n == sums.n, "Sums must be whole rows, as many as out has.");
  const auto shape = form_of(form);
  const py::gil_scoped_release release;
  cuda::shape_sums(sums.place(), sums.data<const double>(), sums.n / width, width, shape, {spectrum},
                   out.data<float>());
}

bool sum_rows(const Span& rows, const std::optional<Span>& weights, const Span& sums) {
  require_together(rows, sums);
  const auto given = rows_of(rows, sums.n);
  const double* const factors = weights_of(weights, given.n, rows.device);
  const py::gil_scoped_release release;
  return cuda::sum_rows(rows.place(), given.numbers, given.n, sums.n, factors, sums.data<double>());
}

bool sum_atoms(size_t dim, int kind, double scale, uint64_t seed, const Span& hashes, const std::optional<Span>& others,
               const std::optional<Span>& weights, const Span& sums) {
  require_together(hashes, sums);
  const auto space = space_of(dim, kind, scale, seed);
  require(sums.n == space.n_floats(), "sums must have one element a number.");
  require(!others || (others->n == hashes.n && others->device == hashes.device), "There must be one other a key.");
  require(!others || space.kind != cuda::RealAtoms::kNormals, "Normal atoms are not bound entry by entry.");
  const uint64_t* const second = others ? others->data<const uint64_t>() : nullptr;
  const double* const factors = weights_of(weights, hashes.n, hashes.device);
  const py::gil_scoped_release release;
  return cuda::sum_atoms(hashes.place(), space, hashes.data<const uint64_t>(), second, hashes.n, factors,
                         sums.data<double>());
}

void score_atoms(size_t dim, int kind, double scale, uint64_t seed, const Span& vector, const Span& hashes,
                 const Span& out) {
  require_together(hashes, vector, out);
  const auto space = space_of(dim, kind, scale, seed);
  require(vector.n == space.n_floats() && out.n == hashes.n, "vector must be one, out have one element a key.");
  const py::gil_scoped_release release;
  cuda::score_atoms(hashes.place(), space, vector.data<const float>(), hashes.data<const uint64_t>(), hashes.n,
                    out.data<double>());
}

void all_cosines(const Span& a, const Span& b, size_t dim, const Span& out) {
  require_together(a, b, out);
  const auto left = rows_of(a, dim), right = rows_of(b, dim);
  require(out.n == left.n * right.n, "out must have one element for each row of a and row of b.");
  const py::gil_scoped_release release;
  cuda::all_cosines(a.place(), left, right, dim, out.data<double>());
}

bool convolve_rows(const Span& a, const Span& b, size_t dim, bool correlate, const Span& out) {
  require_together(a, b, out);
  require(dim <= kMostConvolved, "Rows are too long to be convolved without a transform.");
  const auto left = rows_of(a, dim), right = rows_of(b, dim);
  require(out.n == dim * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::convolve_rows(a.place(), left, right, dim, correlate, out.data<float>());
}

}  // namespace

void bind_cuda_spectra(py::module_& module) {
  module.def("atom_reals", &atom_reals, py::arg("hashes"), py::arg("dim"), py::arg("kind"), py::arg("scale"),
             py::arg("seed"), py::arg("out"), "Uniform (0) or normal (1) numbers or phasors (2) of keys.");
  module.def("combine_phasors", &combine_phasors, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("way"),
             py::arg("out"), "Products (0), with conjugates (1), or quotients (2); false where any is not finite.");
  module.def("sum_real_rows", &sum_real_rows, py::arg("rows"), py::arg("width"), py::arg("starts"),
             py::arg("weights").none(true), py::arg("form"), py::arg("spectrum"), py::arg("out"),
             "Sums of runs of rows, of length 1 (0), as phasors (1) or clipped (2); false where any is not finite.");
  module.def("multiply_reals", &multiply_reals, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("out"),
             "Products of real numbers; false where any is not finite.");
  module.def("multiply_matrices", &multiply_matrices, py::arg("a"), py::arg("b"), py::arg("side"), py::arg("turned"),
             py::arg("out"),
             "Products of square matrices times the root of their side; false where any is not finite.");
  module.def("move_by_drawn", &move_by_drawn, py::arg("values"), py::arg("known"), py::arg("dim"), py::arg("seed"),
             py::arg("back"), py::arg("out"),
             "Entries moved, or moved back, by matrices drawn by vectors; false where any is not finite.");
  module.def("shape_sums", &shape_sums, py::arg("sums"), py::arg("width"), py::arg("form"), py::arg("spectrum"),
             py::arg("out"), "Rows of sums in double precision, brought to a form.");
  module.def("sum_rows", &sum_rows, py::arg("rows"), py::arg("weights").none(true), py::arg("sums"),
             "The sum of all rows in double precision; false where it is not finite.");
  module.def("sum_atoms", &sum_atoms, py::arg("dim"), py::arg("kind"), py::arg("scale"), py::arg("seed"),
             py::arg("hashes"), py::arg("others").none(true), py::arg("weights").none(true), py::arg("sums"),
             "The sum of the atoms of keys, or of products of two; false where it is not finite.");
  module.def("score_atoms", &score_atoms, py::arg("dim"), py::arg("kind"), py::arg("scale"), py::arg("seed"),
             py::arg("vector"), py::arg("hashes"), py::arg("out"), "Cosines of a vector with the atoms of keys.");
  module.def("cosines", &cosines, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("spectrum"), py::arg("out"),
             "Cosines of rows; false where any is not finite.");
  module.def("all_cosines", &all_cosines, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"),
             "Cosines of all finite rows of a with all of b, of sums in double precision.");
  module.def("convolve_rows", &convolve_rows, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("correlate"),
             py::arg("out"),
             "Circular convolutions, or correlations, without a transform; false where any is not finite.");
}

}  // namespace hypersketch::bindings
