// SPDX-License-Identifier: Apache-2.0
// Sums of and cosines with atoms that are never stored, against stored ones.
#include <cmath>
#include <vector>

#include "checks.hpp"
#include "hypersketch/real_scores.hpp"
#include "hypersketch/vsa.hpp"

namespace hypersketch {
namespace {

std::vector<float> stored(RealAtoms atoms, const std::vector<uint64_t>& hashes) {
  std::vector<float> rows(hashes.size() * atoms.n_floats());
  atom_reals(atoms.dim, atoms.seeds[0], hashes, atoms.kind, atoms.scale, rows.data(), 1);
  return rows;
}

void test_sums(RealAtoms atoms) {
  const auto hashes = random_words(5, 3);
  const std::vector<float> rows = stored(atoms, hashes);
  const std::vector<double> weights{1.0, -2.5, 0.0, 3.0, 1.0};
  const std::vector<std::int64_t> edges{0, 1, 1, 4};
  const size_t size = atoms.n_floats();
  for (const bool weighted : {false, true}) {
    std::vector<double> expected(3 * size), out(3 * size, 7.0);
    for (size_t b = 0; b < 3; ++b)
      for (auto i = static_cast<size_t>(edges[b]); i < static_cast<size_t>(edges[b + 1]); ++i)
        for (size_t d = 0; d < size; ++d)
          expected[b * size + d] += (weighted ? weights[i] : 1.0) * static_cast<double>(rows[i * size + d]);
    for (const size_t threads : {1, 3}) {
      sum_atoms(atoms, hashes, weighted ? weights.data() : nullptr, edges, out.data(), threads);
      check(out == expected, "sum_atoms", atoms.dim, threads);
    }
  }
}

void test_scores(RealAtoms atoms, size_t n, size_t n_vectors) {
  const auto hashes = random_words(n, 4), others = random_words(n_vectors, 5);
  const std::vector<float> rows = stored(atoms, hashes);
  std::vector<float> vectors = stored(atoms, others);
  const size_t size = atoms.n_floats();
  if (n_vectors > 1) std::fill_n(vectors.begin() + static_cast<std::ptrdiff_t>(size), size, 0.0F);
  std::vector<double> out(n * n_vectors), again(out.size());
  score_atoms(atoms, hashes, vectors.data(), n_vectors, out.data(), 1);
  score_atoms(atoms, hashes, vectors.data(), n_vectors, again.data(), 3);
  check(out == again, "score_atoms with threads", atoms.dim, n);
  for (size_t v = 0; v < n_vectors; ++v)
    for (size_t i = 0; i < n; ++i) {
      double inner = 0, left = 0, right = 0;
      for (size_t d = 0; d < size; ++d) {
        const double a = vectors[v * size + d], b = rows[i * size + d];
        inner += a * b, left += a * a, right += b * b;
      }
      const double cosine = left * right > 0 ? inner / std::sqrt(left * right) : 0;
      check(std::abs(out[v * n + i] - cosine) < 1e-5, "score_atoms", v, i);
    }
}

}  // namespace

void run_real_score_tests() {
  for (const RealKind kind : {RealKind::kUniform, RealKind::kNormal, RealKind::kPhasor})
    for (const size_t dim : {1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1001}) {
      const std::vector<uint64_t> seeds{3};
      const RealAtoms atoms{dim, seeds, kind, 0.25};
      test_sums(atoms);
      for (const size_t n : {0, 1, 15, 17, 33, 65, 257}) test_scores(atoms, n, 3);
      for (const size_t n_vectors : {0, 1, 2, 7, 8, 9, 65}) test_scores(atoms, 5, n_vectors);
    }
}

}  // namespace hypersketch
