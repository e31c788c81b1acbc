// SPDX-License-Identifier: Apache-2.0
// Exact search by keys of all rows: a score is a key of 64 bits that orders similarities as they are rounded. A block a
// query finds the k-th key digit by digit and takes of equal ones the first rows; then threads count how many answers
// come before each. Whoever includes this says how keys are made, for some queries at a time.
#pragma once

#include "runtime.cuh"
#include "search.hpp"

namespace hypersketch::cuda {

#if defined(__CUDACC__)
inline constexpr size_t kKeysAtOnce = size_t{1} << 25;
#else
inline constexpr size_t kKeysAtOnce = size_t{1} << 10;  // in tests, for several groups of queries
#endif
inline constexpr unsigned kDigitBits = 8;
inline constexpr unsigned kWarps = kThreads / kWarp;
static_assert(kThreads == 1U << kDigitBits);

// Smaller keys are of larger similarities; the same turns a key into its similarity again.
__device__ __forceinline__ uint64_t turned(uint64_t bits) { return bits >> 63 != 0 ? bits : ~bits & ~uint64_t{0} >> 1; }

__device__ __forceinline__ uint64_t key_of(double similarity) {
  return turned(static_cast<uint64_t>(__double_as_longlong(similarity)));
}

__device__ __forceinline__ double similarity_of(uint64_t key) {
  return __longlong_as_double(static_cast<long long>(turned(key)));
}

struct Kth {
  uint64_t key;
  size_t ties;  // of that key that are among the k
};

// Finds the k-th smallest of n keys, digit by digit. All threads of a block must call it.
static __device__ Kth find_kth(const uint64_t* keys, size_t n, size_t k) {
  __shared__ unsigned counts[kThreads];
  __shared__ Kth found;
  if (threadIdx.x == 0) found = {0, k};
  for (unsigned digit = kWordBits / kDigitBits; digit-- > 0;) {
    counts[threadIdx.x] = 0;
    __syncthreads();
    const uint64_t prefix = found.key;
    for (size_t i = threadIdx.x; i < n; i += kThreads) {
      const uint64_t key = keys[i] >> digit * kDigitBits;
      if (key >> kDigitBits == prefix) atomicAdd(counts + key % kThreads, 1U);
    }
    __syncthreads();
    add_up(counts);
    const unsigned before = threadIdx.x == 0 ? 0 : counts[threadIdx.x - 1];
    const size_t needed = found.ties;
    __syncthreads();
    if (before < needed && counts[threadIdx.x] >= needed)  // one thread's
      found = {prefix << kDigitBits | threadIdx.x, needed - before};
    __syncthreads();
  }
  return found;
}

struct Answers {
  uint64_t* keys;
  std::int64_t* rows;
};

// A block a query: its k best, of equal keys the first rows, in any order.
static __global__ void __launch_bounds__(kThreads) select(const uint64_t* keys, size_t n, size_t k, Answers out) {
  __shared__ unsigned n_nearer, of_warps[kWarps];
  const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const uint64_t* const mine = keys + blockIdx.x * n;
  const Kth kth = find_kth(mine, n, k);
  const auto put = [&](size_t place, uint64_t key, size_t row) {
    out.keys[blockIdx.x * k + place] = key;
    out.rows[blockIdx.x * k + place] = static_cast<std::int64_t>(row);
  };
  if (threadIdx.x == 0) n_nearer = 0;
  size_t tied = 0;
  for (size_t first = 0; first < n; first += kThreads) {
    const size_t i = first + threadIdx.x;
    const uint64_t key = i < n ? mine[i] : ~uint64_t{0};
    const bool ties = i < n && key == kth.key;
    const unsigned votes = __ballot_sync(kWholeWarp, ties);
    if (lane == 0) of_warps[warp] = static_cast<unsigned>(__popc(votes));
    __syncthreads();
    if (i < n && key < kth.key) put(atomicAdd(&n_nearer, 1U), key, i);
    size_t place = tied + static_cast<unsigned>(__popc(votes & ((1U << lane) - 1)));
    for (unsigned w = 0; w < kWarps; ++w) {
      if (w < warp) place += of_warps[w];
      tied += of_warps[w];
    }
    if (ties && place < kth.ties) put(k - kth.ties + place, key, i);
    __syncthreads();
  }
}

// Each answer goes behind those that come before it.
static __global__ void __launch_bounds__(kThreads)
    write_ranked(Answers found, size_t n_total, size_t k, std::int64_t* rows, double* similarities) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t first = i / k * k;
    const uint64_t key = found.keys[i];
    const std::int64_t row = found.rows[i];
    size_t rank = 0;
    for (size_t other = first; other < first + k; ++other) {
      const uint64_t theirs = __ldg(found.keys + other);
      rank += theirs < key || (theirs == key && __ldg(found.rows + other) < row) ? 1 : 0;
    }
    rows[first + rank] = row;
    similarities[first + rank] = similarity_of(key);
  }
}

static __global__ void __launch_bounds__(kThreads)
    collect(const uint64_t* keys, size_t n_total, size_t n, const double* thresholds, unsigned long long* cursors,
            RealMatches found) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t query = i / n;
    const double similarity = similarity_of(keys[i]);
    if (!(similarity >= thresholds[query])) continue;
    const unsigned long long place = atomicAdd(cursors + query, 1ULL);
    if (found.rows == nullptr) continue;
    found.rows[place] = static_cast<std::int64_t>(i - query * n);
    found.similarities[place] = similarity;
  }
}

// make(first, n, keys) makes the keys of queries [first, first + n): keys[q * n_rows + i] of query first + q and row i.
// Then use(first, n, keys) has them.
template <class Make, class Use>
void with_keys(Place place, size_t n_queries, size_t n_rows, Make make, Use use) {
  if (n_queries == 0 || n_rows == 0) return;
  const OnDevice on(place.device);
  const size_t most = std::max<size_t>(1, kKeysAtOnce / n_rows);
  const Scratch<uint64_t> keys(place, std::min(most, n_queries) * n_rows);
  for (size_t first = 0; first < n_queries; first += most) {
    const size_t n = std::min(most, n_queries - first);
    make(first, n, keys.data());
    use(first, n, static_cast<const uint64_t*>(keys.data()));
  }
}

// The rows most alike to each query, of equally alike ones the first, 1 <= k <= n_rows.
template <class Make>
void top_k_by_keys(Place place, size_t n_queries, size_t n_rows, NearestRows answers, Make make) {
  const size_t k = answers.k;
  with_keys(place, n_queries, n_rows, make, [&](size_t first, size_t n, const uint64_t* keys) {
    const Scratch<uint64_t> found(place, n * k);
    const Scratch<std::int64_t> places(place, n * k);
    const Answers unsorted{found.data(), places.data()};
    launch(place, {static_cast<unsigned>(n)}, select, keys, n_rows, k, unsorted);
    const NearestRows to = answers.from(first);
    launch(place, grid_for(n * k), write_ranked, unsorted, n * k, k, to.indices, to.similarities);
  });
}

// All rows whose similarity to query q reaches thresholds[q], as real_range finds them.
template <class Make>
void range_by_keys(Place place, size_t n_queries, size_t n_rows, const double* thresholds, unsigned long long* cursors,
                   RealMatches found, Make make) {
  with_keys(place, n_queries, n_rows, make, [&](size_t first, size_t n, const uint64_t* keys) {
    launch(place, grid_for(n * n_rows, 4), collect, keys, n * n_rows, n_rows, thresholds + first, cursors + first,
           found);
  });
}

}  // namespace hypersketch::cuda
