// SPDX-License-Identifier: Apache-2.0
// Before and after a pass: queries are arranged for it, and what blocks found for a query is brought together. For
// that a block a query offers all keys to one list in shared memory.
#include "search_passes.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kAhead = 4;  // keys that a thread reads at once
constexpr size_t kMergeBytes = sizeof(uint64_t) * (2 * kListKeys + 1) + sizeof(unsigned);

__global__ void __launch_bounds__(kThreads) merge_kernel(const uint64_t* found, const unsigned long long* known,
                                                         size_t n_lists, unsigned k, uint64_t* best, uint64_t* after) {
  auto* const stored = shared_memory<uint64_t>();
  uint64_t* const bound = stored + 2 * kListKeys;
  const KeyLists lists{stored, bound, reinterpret_cast<unsigned*>(bound + 1), stored + kListKeys, nullptr, nullptr, k};
  const size_t query = blockIdx.x, n = n_lists * k;
  const uint64_t most = known[query];
  if (threadIdx.x == 0) lists.begin(0);
  __syncthreads();
  for (size_t first = 0; first < n; first += kAhead * kThreads) {
    uint64_t keys[kAhead];
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      const size_t at = first + i * kThreads + threadIdx.x;
      keys[i] = at < n ? found[query * n + at] : kNoKey;
    }
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      if (keys[i] <= most) lists.offer(0, keys[i]);
      __syncthreads();
      if (threadIdx.x < kWarp && lists.is_long(0, kThreads)) lists.shrink(0);
      __syncthreads();
    }
  }
  if (threadIdx.x >= kWarp) return;
  const uint64_t* const sorted = lists.shrink(0);
  for (unsigned i = threadIdx.x; i < k; i += kWarp) best[query * k + i] = sorted[i];
  if (threadIdx.x == 0) after[query] = sorted[k - 1];
}

// Puts queries into the order of ScanQueries and counts their bits; a warp each.
__global__ void __launch_bounds__(kThreads)
    arrange_kernel(BitRows queries, unsigned dim, unsigned n_chunks, size_t n_padded, unsigned* fragments, int* ones) {
  const size_t q = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (q >= n_padded) return;
  unsigned count = 0;
  for (unsigned w = lane; w < n_chunks * kChunkWords; w += kWarp) {
    const unsigned mask = q < queries.n ? mask_of_word(dim, w) : 0;
    const unsigned word =
        mask == 0 ? 0 : mask & static_cast<unsigned>(queries.words[q * queries.stride + w / 2] >> (w % 2 * 32));
    const unsigned chunk = w / kChunkWords, place = static_cast<unsigned>(q % kTileColumns) * 16 + w % kChunkWords;
    fragments[((q / kTileColumns * n_chunks + chunk) * kWarp) * kLaneWords + place] = word;
    count += static_cast<unsigned>(__popc(word));
  }
  count = __reduce_add_sync(kWholeWarp, count);
  if (lane == 0) ones[q] = static_cast<int>(count);
}

__global__ void fill_kernel(unsigned long long* keys, size_t n) {
  const size_t i = thread_index();
  if (i < n) keys[i] = kNoKey;
}

}  // namespace

void merge_found(Place place, const uint64_t* found, const unsigned long long* known, size_t n_queries, size_t n_lists,
                 unsigned k, uint64_t* best, uint64_t* after) {
  launch(place, {static_cast<unsigned>(n_queries), kThreads, kMergeBytes}, merge_kernel, found, known, n_lists, k, best,
         after);
}

void arrange(Place place, BitRows queries, unsigned dim, unsigned n_chunks, size_t n_padded, uint4* fragments,
             int* ones) {
  launch(place, grid_for(n_padded * kWarp), arrange_kernel, queries, dim, n_chunks, n_padded,
         reinterpret_cast<unsigned*>(fragments), ones);
}

void fill_keys(Place place, unsigned long long* keys, size_t n) { launch(place, grid_for(n), fill_kernel, keys, n); }

}  // namespace hypersketch::cuda
