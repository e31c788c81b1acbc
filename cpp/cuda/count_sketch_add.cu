// SPDX-License-Identifier: Apache-2.0
// Adding keys to the rows of count sketches and Count-Min sketches: one atomic addition a key and row, at places that
// only the hash knows. The atomics are the bottleneck, wherever they are done, so there are two ways to do fewer or
// cheaper ones:
//   in shared memory, where a table is no larger than a few of them: a block sums what falls into its window of the
//     table, all keys passing by the blocks of every window, and adds its sums to the table at the end. A
//     multiprocessor does about one atomic a clock and bank there, the cache of all of them one a clock and slice;
//   in the table, where windows of it that fit the L2 cache take turns if it is larger than that: additions to memory
//     outside would move whole sectors there and back.
// Atomics on one cell come one after the other, so keys that many rows of data share would stop everything else. Lanes
// of a warp that hold the same key therefore add once, for all of them. Matching costs a processor some tens of clocks
// a warp. The table's atomics cost it some two hundred (160 at depth 5, of which the L2 cache does less than one a
// clock for each processor), so there keys are always matched. Shared memory adds integers as fast as they come,
// several lanes to one cell as well; only its floats, which are loops of exchanges, are matched.
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

// The limits below follow from counted instructions and the caches' rates; no GPU has timed them yet.
constexpr unsigned kTableThreads = 1024;  // of a block with its own sums: few such blocks fit a processor
constexpr uint64_t kSharedWindows = 3;    // a row of the table: beyond, hashing costs more than L2's atomics
constexpr uint64_t kSumsOfCell = 2;     // sums of a block that are added to the table in the time of one cell of a key
constexpr uint64_t kCachedWindows = 4;  // a row: beyond, hashing costs as much as memory's atomics
constexpr uint64_t kManyKeys = uint64_t{1} << 20;  // from here on, passes are longer than the start of a kernel
constexpr size_t kMostCounted = 0x7FFFFFFF;        // keys whose 1 and -1 surely fit sums of 32 bits

// Gives the weights of a warp's equal keys to the first lane that has one; returns whether the lane is such a first.
template <class T>
__device__ __forceinline__ bool merge_equal(uint64_t start, bool present, bool weighted, T& weight) {
  const unsigned here = __ballot_sync(kWholeWarp, present);
  const unsigned equal = __match_any_sync(kWholeWarp, static_cast<unsigned long long>(start)) & here;
  const unsigned lane = threadIdx.x % kWarp;
  const bool leads = present && (equal & ((1U << lane) - 1)) == 0;
  if (!weighted) {
    weight = static_cast<T>(__popc(equal));
    return leads;
  }
  unsigned rest = leads ? equal & (equal - 1) : 0;  // the others, in the order of their lanes
  while (__ballot_sync(kWholeWarp, rest != 0) != 0) {
    const int source = rest != 0 ? __ffs(static_cast<int>(rest)) - 1 : static_cast<int>(lane);
    const T other = __shfl_sync(kWholeWarp, weight, source);
    if (rest != 0) weight += other;
    rest &= rest - 1;
  }
  return leads;
}

// Calls visit(start, weight) for the keys that are this thread's: every `stride`-th from key `first` of the block on.
template <bool kMerge, class T, class W, class Visit>
__device__ __forceinline__ void for_keys(Streams streams, const W* weights, size_t first, size_t stride, Visit visit) {
  for (; first < streams.keys.n; first += stride) {
    const size_t i = first + threadIdx.x;
    const bool present = i < streams.keys.n;
    const uint64_t start = present ? streams.start(i) : 0;
    T weight = present && weights != nullptr ? static_cast<T>(weights[i]) : T{1};
    bool visited = present;
    if constexpr (kMerge) visited = merge_equal(start, present, weights != nullptr, weight);
    if (visited) visit(start, weight);
  }
}

// Calls add(cell within the window, change) for a key's rows.
template <class T, class Add>
__device__ __forceinline__ void for_cells(RowParams params, Window window, uint64_t start, T weight, Add add) {
  for (uint64_t r = window.first_row; r <= window.last_row; ++r) {
    const KeyCell cell = key_cell(params, start, r);
    const uint64_t index = cell.index - window.first;
    if (index < window.size) add(index, negated_if(cell.negative, weight));
  }
}

template <class T, class W>
__global__ void __launch_bounds__(kThreads)
    add_in_table(T* cells, RowParams params, Window window, Streams streams, const W* weights) {
  T* const mine = cells + window.first;
  const size_t first = size_t{blockIdx.x} * kThreads, stride = size_t{gridDim.x} * kThreads;
  for_keys<true, T>(streams, weights, first, stride, [=](uint64_t start, T weight) {
    for_cells(params, window, start, weight, [=](uint64_t cell, T change) { add_to(mine + cell, change); });
  });
}

// Block b has window b % windows.count. `Part` is T, or half as wide where the sums of 1 and -1 fit.
template <class Part, class T, class W>
__global__ void __launch_bounds__(kTableThreads)
    add_in_blocks(T* cells, RowParams params, Windows windows, Streams streams, const W* weights) {
  Part* const sums = shared_memory<Part>();
  const unsigned count = static_cast<unsigned>(windows.count);
  const Window window = window_at(params, windows, blockIdx.x % count);
  for (uint64_t c = threadIdx.x; c < window.size; c += kTableThreads) sums[c] = Part{};
  __syncthreads();
  const size_t first = size_t{blockIdx.x / count} * kTableThreads, stride = size_t{gridDim.x / count} * kTableThreads;
  for_keys<std::is_floating_point_v<T>, Part>(streams, weights, first, stride, [=](uint64_t start, Part weight) {
    for_cells(params, window, start, weight, [=](uint64_t cell, Part change) { add_to_shared(sums + cell, change); });
  });
  __syncthreads();
  for (uint64_t c = threadIdx.x; c < window.size; c += kTableThreads) {
    const Part sum = sums[c];
    if (sum == Part{}) continue;
    if constexpr (std::is_same_v<Part, T>)
      add_to(cells + window.first + c, sum);
    else
      add_to(cells + window.first + c, static_cast<T>(static_cast<std::int64_t>(static_cast<std::int32_t>(sum))));
  }
}

// How blocks with sums of their own would share a table.
struct BlockPlan {
  Windows windows;
  Grid grid;
};

template <class Part>
BlockPlan plan_blocks(int device, RowParams params, size_t n) {
  const Windows windows = split(params, most_shared_bytes(device) / sizeof(Part));
  const size_t bytes = windows.cells * sizeof(Part), resident = resident_blocks(device, kTableThreads, bytes);
  const size_t needed = (n + kTableThreads - 1) / kTableThreads;
  const size_t sharers = std::max<size_t>(1, std::min(needed, resident / windows.count));
  return {windows, {static_cast<unsigned>(sharers * windows.count), kTableThreads, bytes}};
}

// Adding up the blocks' sums must not cost more than the keys would have. Neighbours are added together, so a sum is
// cheaper than a key's cell.
bool is_worth_it(const BlockPlan& plan, RowParams params, size_t n) {
  return plan.windows.count <= kSharedWindows * params.depth &&
         plan.grid.blocks * plan.windows.cells <= kSumsOfCell * n * params.depth;
}

template <class Part, class T, class W>
bool add_by_blocks(Place place, T* cells, RowParams params, Streams streams, const W* weights) {
  const BlockPlan plan = plan_blocks<Part>(place.device, params, streams.keys.n);
  if (!is_worth_it(plan, params, streams.keys.n)) return false;
  const auto kernel = add_in_blocks<Part, T, W>;
  allow_shared_memory(place.device, kernel);
  launch(place, plan.grid, kernel, cells, params, plan.windows, streams, weights);
  return true;
}

// Windows of half of the L2 cache, whose other half the keys pass; one where they would not pay.
Windows cached_windows(int device, RowParams params, size_t n, size_t cell_bytes) {
  const Windows whole{params.width * params.depth, 1};
  const auto cache = static_cast<uint64_t>(device_attribute(device, cudaDevAttrL2CacheSize));
  if (n < kManyKeys || whole.cells * cell_bytes <= cache) return whole;
  const Windows parts = split(params, cache / 2 / cell_bytes);
  return parts.count <= kCachedWindows * params.depth ? parts : whole;
}

template <class T, class W>
void add_by_table(Place place, T* cells, RowParams params, Streams streams, const W* weights) {
  const Windows windows = cached_windows(place.device, params, streams.keys.n, sizeof(T));
  for (uint64_t i = 0; i < windows.count; ++i)
    launch(place, grid_for(streams.keys.n), add_in_table<T, W>, cells, params, window_at(params, windows, i), streams,
           weights);
}

}  // namespace

template <class Cell>
void sketch_add(Place place, Cell* cells, RowParams params, Keys keys, const Weight<Cell>* weights) {
  if (keys.n == 0) return;
  const OnDevice on(place.device);
  const Streams streams = row_streams(keys, params);
  using T = Sum<Cell>;
  T* const sums = reinterpret_cast<T*>(cells);
  bool is_done = false;
  if constexpr (std::is_same_v<Cell, std::int64_t>)
    if (weights == nullptr && keys.n <= kMostCounted)
      is_done = add_by_blocks<std::uint32_t>(place, sums, params, streams, weights);
  if (!is_done) is_done = add_by_blocks<T>(place, sums, params, streams, weights);
  if (!is_done) add_by_table(place, sums, params, streams, weights);
}

template void sketch_add(Place, std::int32_t*, RowParams, Keys, const std::int64_t*);
template void sketch_add(Place, std::int64_t*, RowParams, Keys, const std::int64_t*);
template void sketch_add(Place, float*, RowParams, Keys, const double*);
template void sketch_add(Place, double*, RowParams, Keys, const double*);

}  // namespace hypersketch::cuda
