// SPDX-License-Identifier: Apache-2.0
// What blocks found for a query, brought together: a block a query offers all keys to one list in shared memory.
#include "search_passes.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kMergeBytes = sizeof(uint64_t) * (2 * kListKeys + 1) + sizeof(unsigned);

__global__ void __launch_bounds__(kThreads)
    merge_kernel(const uint64_t* found, size_t n_lists, unsigned k, uint64_t* best, uint64_t* after) {
  auto* const stored = shared_memory<uint64_t>();
  uint64_t* const bound = stored + 2 * kListKeys;
  const KeyLists lists{stored, bound, reinterpret_cast<unsigned*>(bound + 1), stored + kListKeys, nullptr, nullptr, k};
  const size_t query = blockIdx.x, n = n_lists * k;
  if (threadIdx.x == 0) lists.begin(0);
  __syncthreads();
  for (size_t first = 0; first < n; first += kThreads) {
    const size_t i = first + threadIdx.x;
    if (i < n) lists.offer(0, found[query * n + i]);
    __syncthreads();
    if (threadIdx.x < kWarp && lists.is_long(0, kThreads)) lists.shrink(0);
    __syncthreads();
  }
  if (threadIdx.x >= kWarp) return;
  const uint64_t* const sorted = lists.shrink(0);
  for (unsigned i = threadIdx.x; i < k; i += kWarp) best[query * k + i] = sorted[i];
  if (threadIdx.x == 0) after[query] = sorted[k - 1];
}

__global__ void fill_kernel(unsigned long long* keys, size_t n) {
  const size_t i = thread_index();
  if (i < n) keys[i] = kNoKey;
}

}  // namespace

void merge_found(Place place, const uint64_t* found, size_t n_queries, size_t n_lists, unsigned k, uint64_t* best,
                 uint64_t* after) {
  launch(place, {static_cast<unsigned>(n_queries), kThreads, kMergeBytes}, merge_kernel, found, n_lists, k, best,
         after);
}

void fill_keys(Place place, unsigned long long* keys, size_t n) { launch(place, grid_for(n), fill_kernel, keys, n); }

}  // namespace hypersketch::cuda
