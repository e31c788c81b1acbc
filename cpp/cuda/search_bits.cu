// SPDX-License-Identifier: Apache-2.0
// The rows nearest to queries by Hamming distance: popcounts for one to three queries, tensor cores for more.
#include "hypersketch/bits.hpp"
#include "packed.cuh"
#include "search_passes.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWordsAWord = sizeof(uint64_t) / sizeof(unsigned);
constexpr size_t kPopcountQueries = 3;  // at once; as many as memory hides (search_few.cuh)

__device__ __forceinline__ int differences(uint4 a, uint4 b) {
  return __popc(a.x ^ b.x) + __popc(a.y ^ b.y) + __popc(a.z ^ b.z) + __popc(a.w ^ b.w);
}

__device__ __forceinline__ uint4 within_dim(uint4 a, uint4 mask) {
  return make_uint4(a.x & mask.x, a.y & mask.y, a.z & mask.z, a.w & mask.w);
}

// Distances themselves, with nothing counted beside them.
struct Distances : Bits {
  static __device__ __forceinline__ int limit(uint64_t bound, int) { return static_cast<int>(bound >> kRowBits); }
  static __device__ __forceinline__ uint64_t key(int distance, int, size_t row) { return Bits::key(distance, 0, row); }
};

// As scan_few, by popcounts: the quad of lanes that holds a row adds up its parts.
template <bool kWide, unsigned kQueries>
__global__ void __launch_bounds__(kThreads, 2) scan_popcounts(ScanRows rows, ScanQueries queries, ScanFound found) {
  const BlockLists<Distances, kTileColumns> block(queries, found, 0);
  block.begin();
  const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  unsigned tiles = 0;
  for (size_t first = size_t{blockIdx.x} * kFewRows; first < rows.n; first += size_t{gridDim.x} * kFewRows) {
    const size_t mine = first + threadIdx.x / kWarp * kFewRowsAWarp;
    int sums[4][kQueries] = {};
#pragma unroll 2
    for (unsigned c = 0; c < rows.n_chunks; ++c) {
      const unsigned w = c * kChunkWords + t * kLaneWords;
      const uint4 mask = all_bits(queries.dim, w);
      uint4 a[4];
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) a[i] = within_dim(lane_words<kWide>(rows, mine + g + 8 * i, w), mask);
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        const uint4 query = __ldg(queries.chunk(0, rows.n_chunks, c) + q * 4 + t);
#pragma unroll
        for (unsigned i = 0; i < 4; ++i) sums[i][q] += differences(a[i], query);
      }
    }
#pragma unroll
    for (unsigned i = 0; i < 4; ++i)
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        int sum = sums[i][q];
        sum += __shfl_xor_sync(kWholeWarp, sum, 1);
        sum += __shfl_xor_sync(kWholeWarp, sum, 2);
        const size_t row = mine + g + 8 * i;
        if (t == q && sum <= block.limits()[q] && row < rows.n) block.offer(q, sum, row);
      }
    block.make_room(kFewRows, ++tiles % kListenEvery == 0);
  }
  block.finish(blockIdx.x, gridDim.x);
}

// Answers [first, first + k) of all queries.
__global__ void write_kernel(const uint64_t* best, size_t n, unsigned k, size_t first, unsigned dim,
                             NearestRows answers) {
  const size_t i = thread_index();
  if (i >= n * k) return;
  const size_t to = i / k * answers.k + first + i % k;
  const auto distance = static_cast<std::int32_t>(best[i] >> kRowBits);
  answers.indices[to] = static_cast<std::int64_t>(best[i] & ((uint64_t{1} << kRowBits) - 1));
  if (answers.distances != nullptr) answers.distances[to] = distance;
  if (answers.similarities != nullptr) answers.similarities[to] = similarity_of(distance, dim);
}

template <unsigned kQueries>
void pass_of_popcounts(Place place, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
                       uint64_t* after) {
  const auto kernel = is_wide(rows) ? scan_popcounts<true, kQueries> : scan_popcounts<false, kQueries>;
  pass_of_few<Distances, kTileColumns>(place, kernel, rows, queries, k, first, best, after);
}

template <unsigned kTiles>
void pass_of_tiles(Place place, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
                   uint64_t* after) {
  const auto kernel = is_wide(rows) ? scan_few<Bits, true, kTiles> : scan_few<Bits, false, kTiles>;
  pass_of_few<Bits, kTiles * kTileColumns>(place, kernel, rows, queries, k, first, best, after);
}

void run_pass(Place place, SearchPath path, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
              uint64_t* after) {
  const auto run = [&](auto pass) { pass(place, rows, queries, k, first, best, after); };
  constexpr unsigned kHalf = kQueryWarps * kTileColumns * 4;  // queries of the smaller blocks
  if (path == SearchPath::kPopcount) {
    if (queries.n == 1) return run(pass_of_popcounts<1>);
    return queries.n == 2 ? run(pass_of_popcounts<2>) : run(pass_of_popcounts<3>);
  }
  if (path == SearchPath::kFew) return queries.n <= kTileColumns ? run(pass_of_tiles<1>) : run(pass_of_tiles<2>);
  if (is_wide(rows)) return queries.n <= kHalf ? run(pass_of_many<Bits, 16, 4>) : run(pass_of_many<Bits, 16, 8>);
  queries.n <= kHalf ? run(pass_of_many<Bits, 8, 4>) : run(pass_of_many<Bits, 8, 8>);
}

SearchPath best_path(size_t n_queries) {
  if (n_queries <= kPopcountQueries) return SearchPath::kPopcount;
  return n_queries <= kFewQueries ? SearchPath::kFew : SearchPath::kMany;
}

size_t queries_at_once(SearchPath path) {
  if (path == SearchPath::kMany) return kManyQueries;
  return path == SearchPath::kFew ? kFewQueries : kPopcountQueries;
}

// Queries that share a pass, arranged once for all passes.
void search_some(Place place, SearchPath path, BitRows queries, ScanRows rows, unsigned dim, NearestRows answers) {
  const size_t n_padded = tiles_of(queries.n, kPadding) * kPadding;
  const Scratch<uint4> fragments(place, n_padded / kTileColumns * rows.n_chunks * kWarp);
  const Scratch<int> ones(place, n_padded);
  const size_t most = std::min<size_t>(answers.k, kMostKept);
  const Scratch<uint64_t> best(place, queries.n * most), after(place, queries.n);
  arrange(place, queries, dim, rows.n_chunks, n_padded, fragments.data(), ones.data());
  const ScanQueries arranged{fragments.data(), ones.data(), static_cast<unsigned>(queries.n), dim};
  for (size_t first = 0; first < answers.k; first += most) {
    const auto k = static_cast<unsigned>(std::min(most, answers.k - first));
    run_pass(place, path, rows, arranged, k, first == 0, best.data(), after.data());
    launch(place, grid_for(queries.n * k), write_kernel, best.data(), queries.n, k, first, dim, answers);
  }
}

}  // namespace

void hamming_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers, SearchPath path) {
  if (queries.n == 0 || answers.k == 0) return;
  const OnDevice on(place.device);
  const size_t n_words = (dim + 63) / 64 * kWordsAWord;
  const ScanRows scanned{reinterpret_cast<const unsigned*>(rows.words), rows.n, rows.stride * kWordsAWord,
                         static_cast<unsigned>(n_words), static_cast<unsigned>(tiles_of(n_words, kChunkWords))};
  for (size_t first = 0; first < queries.n;) {
    const size_t left = queries.n - first;
    const SearchPath chosen = path == SearchPath::kBest ? best_path(left) : path;
    const size_t n = std::min(left, queries_at_once(chosen));
    search_some(place, chosen, {queries.words + first * queries.stride, n, queries.stride}, scanned,
                static_cast<unsigned>(dim), answers.from(first));
    first += n;
  }
}

}  // namespace hypersketch::cuda
