// SPDX-License-Identifier: Apache-2.0
// Real and complex spaces from keys alone: sums of atoms, and cosines of vectors with atoms. No atom is stored.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

// What the numbers of the atoms of spaces are that differ by their seeds. Bundles and vectors come by seeds: as many of
// the first one, then as many of the second.
struct RealAtoms {
  size_t dim;
  std::span<const uint64_t> seeds;
  RealKind kind;
  double scale;

  size_t n_floats() const { return kind == RealKind::kPhasor ? 2 * dim : dim; }
};

// Row b of `out` is the sum of the atoms of keys edges[b] to edges[b + 1] - 1, times their weights (1 each when null),
// in their order.
inline void sum_atoms(RealAtoms atoms, std::span<const uint64_t> hashes, const double* weights,
                      std::span<const std::int64_t> edges, double* out, size_t threads) {
  const size_t size = atoms.n_floats(), n = edges.size() - 1;
  const size_t per_seed = n / atoms.seeds.size();
  if (hashes.size() * size < size_t{1} << 16) threads = 1;
  parallel_for(n, 1, threads, [&](size_t begin, size_t end) {
    std::vector<float> row(size);
    std::fill(out + begin * size, out + end * size, 0.0);
    for (size_t b = begin; b < end; ++b) {
      const uint64_t word_of_seed = seed_word(atoms.seeds[b / per_seed], Purpose::kAtom);
      for (auto i = static_cast<size_t>(edges[b]); i < static_cast<size_t>(edges[b + 1]); ++i) {
        const uint64_t start = stream_start(word_of_seed, hashes[i]);
        kernels().atom_reals(&start, 1, atoms.dim, atoms.kind, atoms.scale, row.data());
        kernels().add_widened(row.data(), weights == nullptr ? 1.0 : weights[i], size, out + b * size);
      }
    }
  });
}

// Vectors with zeros behind each, as the kernel wants them, and their lengths.
class PaddedVectors {
 public:
  PaddedVectors(const float* vectors, size_t n, size_t size)
      : n_(n), stride_((size + 3) / 4 * 4), numbers_(n * stride_), lengths_(n) {
    for (size_t v = 0; v < n; ++v) {
      double square = 0;
      for (size_t d = 0; d < size; ++d) {
        const float x = vectors[v * size + d];
        numbers_[v * stride_ + d] = x;
        square += static_cast<double>(x) * x;
      }
      lengths_[v] = std::sqrt(square);
    }
  }

  ScoredVectors view() const { return {numbers_.data(), n_, stride_}; }
  double length(size_t v) const { return lengths_[v]; }

 private:
  size_t n_, stride_;
  std::vector<float> numbers_;
  std::vector<double> lengths_;
};

// out[v * n + i] = cosine of vector v and the atom of key i, 0 where either is zero.
inline void score_atoms_of_seed(RealAtoms atoms, uint64_t seed, std::span<const uint64_t> hashes, const float* vectors,
                                size_t n_vectors, double* out, size_t threads) {
  constexpr size_t kBatch = 256;
  const size_t n = hashes.size();
  const PaddedVectors padded(vectors, n_vectors, atoms.n_floats());
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  if (n * atoms.dim < size_t{1} << 16) threads = 1;
  parallel_for(n, kBatch, threads, [&](size_t begin, size_t end) {
    uint64_t starts[kBatch];
    float squares[kBatch];
    double reciprocals[kBatch];
    std::vector<float> inner(n_vectors * kBatch);
    for (size_t first = begin; first < end; first += kBatch) {
      const size_t count = std::min(kBatch, end - first);
      kernels().stream_starts(hashes.data() + first, count, word_of_seed, starts);
      kernels().score_reals(starts, count, atoms.dim, atoms.kind, atoms.scale, padded.view(), inner.data(), kBatch,
                            squares);
      for (size_t i = 0; i < count; ++i)
        reciprocals[i] = squares[i] > 0 ? 1 / std::sqrt(static_cast<double>(squares[i])) : 0;
      for (size_t v = 0; v < n_vectors; ++v) {
        const double length = padded.length(v), reciprocal = length > 0 ? 1 / length : 0;
        for (size_t i = 0; i < count; ++i) {
          const double cosine = inner[v * kBatch + i] * reciprocals[i] * reciprocal;
          out[v * n + first + i] = std::min(1.0, std::max(-1.0, cosine));
        }
      }
    }
  });
}

// The same for every seed, whose vectors and scores lie behind those of the seed before.
inline void score_atoms(RealAtoms atoms, std::span<const uint64_t> hashes, const float* vectors, size_t n_vectors,
                        double* out, size_t threads) {
  const size_t per_seed = n_vectors / atoms.seeds.size();
  for (size_t s = 0; s < atoms.seeds.size(); ++s)
    score_atoms_of_seed(atoms, atoms.seeds[s], hashes, vectors + s * per_seed * atoms.n_floats(), per_seed,
                        out + s * per_seed * hashes.size(), threads);
}

}  // namespace hypersketch
