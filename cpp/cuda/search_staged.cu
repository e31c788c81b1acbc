// SPDX-License-Identifier: Apache-2.0
// Searches for queries of host memory, which stream through the pinned buffers of staging.cu, and answers back: the
// next piece is on the bus while one is searched for.
#include "runtime.cuh"
#include "search.hpp"

namespace hypersketch::cuda {
namespace {

__global__ void join_keys(const std::int64_t* indices, const std::int32_t* distances, size_t n, uint64_t* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    out[i] = static_cast<uint64_t>(distances[i]) << kRowBits | static_cast<uint64_t>(indices[i]);
}

__global__ void join_pairs(const std::int64_t* indices, const double* similarities, size_t n, double2* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    out[i] = make_double2(__longlong_as_double(indices[i]), similarities[i]);
}

class HammingPieces final : public Work {
 public:
  HammingPieces(BitRows rows, size_t dim, size_t k) : rows_(rows), dim_(dim), k_(k) {}
  void operator()(Place place, Piece piece) override {
    const size_t n = piece.n * k_;
    const Scratch<std::int64_t> indices(place, n);
    const Scratch<std::int32_t> distances(place, n);
    const BitRows queries{static_cast<const uint64_t*>(piece.in), piece.n, (dim_ + 63) / 64};
    hamming_top_k(place, queries, rows_, dim_, {k_, indices.data(), distances.data(), nullptr});
    launch(place, grid_for(n), join_keys, static_cast<const std::int64_t*>(indices.data()),
           static_cast<const std::int32_t*>(distances.data()), n, static_cast<uint64_t*>(piece.out));
  }

 private:
  BitRows rows_;
  size_t dim_, k_;
};

class RealPieces final : public Work {
 public:
  RealPieces(RealRows rows, RoundedRows rounded, bool cosine, size_t k)
      : rows_(rows), rounded_(rounded), cosine_(cosine), k_(k) {}
  void operator()(Place place, Piece piece) override {
    const size_t n = piece.n * k_;
    const Scratch<std::int64_t> indices(place, n);
    const Scratch<double> similarities(place, n);
    const RealRows queries{static_cast<const float*>(piece.in), piece.n, rows_.dim, rows_.weights};
    real_top_k(place, queries, rows_, rounded_, cosine_, {k_, indices.data(), nullptr, similarities.data()});
    launch(place, grid_for(n), join_pairs, static_cast<const std::int64_t*>(indices.data()),
           static_cast<const double*>(similarities.data()), n, static_cast<double2*>(piece.out));
  }

 private:
  RealRows rows_;
  RoundedRows rounded_;
  bool cosine_;
  size_t k_;
};

}  // namespace

void hamming_top_k_of_host(Place place, const uint64_t* queries, size_t n, BitRows rows, size_t dim, size_t k,
                           uint64_t* keys, size_t threads) {
  const OnDevice on(place.device);
  HammingPieces work(rows, dim, k);
  stage(place, {queries, (dim + 63) / 64 * sizeof(uint64_t), nullptr, 0, keys, k * sizeof(uint64_t), n}, work, threads);
}

void real_top_k_of_host(Place place, const float* queries, size_t n, RealRows rows, RoundedRows rounded, bool cosine,
                        size_t k, double* pairs, size_t threads) {
  const OnDevice on(place.device);
  RealPieces work(rows, rounded, cosine, k);
  stage(place, {queries, rows.dim * sizeof(float), nullptr, 0, pairs, 2 * k * sizeof(double), n}, work, threads);
}

}  // namespace hypersketch::cuda
