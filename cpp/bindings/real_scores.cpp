// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/real_scores.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Edges = Array<std::int64_t>;

RealAtoms atoms_of(size_t dim, const Hashes& seeds, size_t n, int kind, double scale) {
  const auto given = read(seeds);
  require(!given.empty() && n % given.size() == 0, "As many bundles or vectors must come of every seed.");
  require(kind >= 0 && kind <= 2, "kind must be 0 (uniform), 1 (normal) or 2 (phasors).");
  require(dim >= 1, "dim must be at least 1.");
  return {dim, given, static_cast<RealKind>(kind), scale};
}

void sums(size_t dim, const Hashes& seeds, const Hashes& hashes, int kind, double scale,
          const std::optional<Array<double>>& weights, const Edges& edges, Array<double> out, size_t threads) {
  const auto keys = read(hashes);
  const auto ends = read(edges);
  require(!ends.empty() && ends.front() >= 0 && static_cast<size_t>(ends.back()) <= keys.size(),
          "edges must lie in the keys.");
  require(std::is_sorted(ends.begin(), ends.end()), "edges must not fall.");
  const RealAtoms atoms = atoms_of(dim, seeds, ends.size() - 1, kind, scale);
  if (weights) require_size(read(*weights), keys.size(), "weights");
  const auto rows = write(out);
  require_size(rows, (ends.size() - 1) * atoms.n_floats(), "out");
  const double* const factors = weights ? weights->data() : nullptr;
  py::gil_scoped_release release;
  sum_atoms(atoms, keys, factors, ends, rows.data(), threads);
}

void scores(size_t dim, const Hashes& seeds, const Hashes& hashes, int kind, double scale, const Array<float>& vectors,
            Array<double> out, size_t threads) {
  const auto keys = read(hashes);
  const size_t n = extent(vectors, 0, 2);
  const RealAtoms atoms = atoms_of(dim, seeds, n, kind, scale);
  require(extent(vectors, 1, 2) == atoms.n_floats(), "vectors must be as long as atoms.");
  const auto cosines = write(out);
  require_size(cosines, n * keys.size(), "out");
  const float* const numbers = vectors.data();
  py::gil_scoped_release release;
  score_atoms(atoms, keys, numbers, n, cosines.data(), threads);
}

}  // namespace

void bind_real_scores(py::module_& module) {
  module.def("sum_atoms", &sums, py::arg("dim"), py::arg("seeds").noconvert(), py::arg("hashes").noconvert(),
             py::arg("kind"), py::arg("scale"), py::arg("weights").noconvert().none(true), py::arg("edges").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"), "Weighted sums of runs of real atoms.");
  module.def("score_atoms", &scores, py::arg("dim"), py::arg("seeds").noconvert(), py::arg("hashes").noconvert(),
             py::arg("kind"), py::arg("scale"), py::arg("vectors").noconvert(), py::arg("out").noconvert(),
             py::arg("threads"), "Cosines of vectors with the real atoms of keys.");
}

}  // namespace hypersketch::bindings
