// SPDX-License-Identifier: Apache-2.0
// Calls of the kernels that work by groups of warps. This file alone is compiled for 9.0a, whose instructions no other
// architecture has.
#include "retrieve_deep.cuh"
#include "retrieve_plan.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kBatch = 1 << 15;  // queries at once, or fewer where states of many spans take more memory

// A thread a word of two numbers: rows of bfloat16 numbers, of length 1 for cosines.
__global__ void __launch_bounds__(kThreads)
    narrow_kernel(const float* rows, const double* squares, size_t n, size_t dim, size_t stride, unsigned* to) {
  const size_t words = stride / 4;
  for (size_t i = thread_index(); i < n * words; i += size_t{gridDim.x} * blockDim.x) {
    const size_t row = i / words, d = i % words * 2;
    const double square = squares == nullptr ? 1.0 : squares[row];
    const double scale = square > 0.0 ? 1.0 / sqrt(square) : 1.0;
    const auto number = [&](size_t at) { return at < dim ? static_cast<float>(rows[row * dim + at] * scale) : 0.0F; };
    to[i] = to_bfloats(number(d), number(d + 1));
  }
}

// What a block of a kernel takes on.
struct BlockSize {
  unsigned queries, patterns;
  size_t memory;
};

template <unsigned kDim, bool kShared>
struct Wide {
  using Tile = WideTile<kDim, kShared>;
  static constexpr BlockSize kBlock{kWideQueries, Tile::kPatterns, Tile::kMemory};
  static constexpr auto kKernel = retrieve_wide<kDim, kShared>;
};
struct Deep {
  static constexpr BlockSize kBlock{kGroupRows, kDeepPatterns, kDeepMemory};
  static constexpr auto kKernel = retrieve_deep;
};

// Spans of patterns, so that all processors have work and none has more than others.
void cut_wide(Place place, RetrievalPass& pass, BlockSize block) {
  const size_t n = pass.patterns.rows.n, groups = parts_of(pass.queries.n, block.queries);
  const auto processors = static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount));
  const size_t tiles = parts_of(n, block.patterns);
  const size_t splits = std::max(parts_of(n, kMostSpan), groups >= processors ? 1 : processors / groups);
  pass.cut.n_groups = static_cast<unsigned>(groups);
  pass.cut.n_outs = 1;
  pass.cut.span = parts_of(tiles, std::min(splits, tiles)) * block.patterns;
  pass.cut.n_splits = static_cast<unsigned>(parts_of(n, pass.cut.span));
}

template <class Way>
void run_wide(Place place, const Compared& patterns, StoredRows values, AskedRows queries, float* states,
              WeightSums* sums) {
  const size_t dim = patterns.rows.dim, stride = padded_bytes(StoredType::kBfloat16, dim);
  const bool cosine = patterns.likeness == Likeness::kCosine;
  const Separating softmax{SeparationKind::kSoftmax, nullptr, 1.0F};
  RetrievalPass pass{patterns, values, {}, softmax, {}, 0.0F};
  pass.queries = {nullptr, queries.rows, queries.betas, static_cast<unsigned>(queries.n), 0};
  cut_wide(place, pass, Way::kBlock);
  const Scratch<unsigned> narrow(place, queries.n * stride / 4);
  const Scratch<double> squares(place, cosine ? queries.n : 0);
  if (cosine) squared_lengths(place, queries.rows, queries.n, dim, squares.data());
  launch(place, grid_for(queries.n * stride / 4), narrow_kernel, queries.rows, squares.data(), queries.n, dim, stride,
         narrow.data());
  const Scratch<float> found(place, pass.cut.n_splits * queries.n * values.dim);
  const Scratch<float> found_sums(place, pass.cut.n_splits * queries.n * 3);
  const SplitStates split{found.data(), found_sums.data()};
  allow_shared_memory(place.device, Way::kKernel);
  launch(place, {pass.cut.n_groups * pass.cut.n_splits, kWideThreads, Way::kBlock.memory}, Way::kKernel, pass,
         reinterpret_cast<const unsigned char*>(narrow.data()), stride, split);
  merge_states(place, split, pass.cut.n_splits, queries.n, values.dim, softmax, states, sums);
}

}  // namespace

bool has_warp_groups(Place place, const Compared& patterns, StoredRows values, Separating separating,
                     Precision precision) {
  const size_t most = values.rows == patterns.rows.rows ? kDeepDim : kMostWide;
  return device_attribute(place.device, cudaDevAttrComputeCapabilityMajor) == 9 &&
         device_attribute(place.device, cudaDevAttrComputeCapabilityMinor) == 0 &&
         patterns.rows.type == StoredType::kBfloat16 && std::max(patterns.rows.dim, values.dim) <= most &&
         patterns.likeness != Likeness::kManhattan && separating.kind == SeparationKind::kSoftmax &&
         precision == Precision::kBfloat16;
}

void retrieve_by_groups(Place place, const Compared& patterns, StoredRows values, AskedRows queries, float* states,
                        WeightSums* sums) {
  const size_t dim = patterns.rows.dim, widest = std::max(dim, values.dim);
  const bool shared = values.rows == patterns.rows.rows;
  const auto run = widest <= 64    ? (shared ? run_wide<Wide<64, true>> : run_wide<Wide<64, false>>)
                   : widest <= 128 ? (shared ? run_wide<Wide<128, true>> : run_wide<Wide<128, false>>)
                   : widest <= 256 ? (shared ? run_wide<Wide<256, true>> : run_wide<Wide<256, false>>)
                                   : run_wide<Deep>;
  const size_t spans = std::max<size_t>(1, parts_of(patterns.rows.n, kMostSpan));
  const size_t batch = std::clamp<size_t>(kMostStates / spans / values.dim, kWideQueries, kBatch);
  for (size_t first = 0; first < queries.n; first += batch) {
    const AskedRows part{queries.rows + first * dim, std::min(batch, queries.n - first), queries.betas + first};
    run(place, patterns, values, part, states + first * values.dim, sums == nullptr ? nullptr : sums + first);
  }
}

}  // namespace hypersketch::cuda
