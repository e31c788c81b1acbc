// SPDX-License-Identifier: Apache-2.0
// Exact search among ternary rows by cosine: a warp has a row, which it compares with eight queries at a time, and a
// score is a key of 64 bits that orders cosines as they are rounded. Then a block a query finds the k-th key digit by
// digit, takes of equal ones the first rows, and threads count how many answers come before each. Bottleneck: memory
// for up to eight queries; then population counts, two a word of both planes.
#include "packed.cuh"
#include "ternary.hpp"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kKeysAtOnce = size_t{1} << 25;
#else
constexpr size_t kKeysAtOnce = size_t{1} << 10;  // in tests, for several groups of queries
#endif
constexpr unsigned kQueries = 8;  // that share a row's words
constexpr unsigned kDigitBits = 8;
constexpr unsigned kWarps = kThreads / kWarp;
static_assert(kThreads == 1U << kDigitBits);

// Smaller keys are of larger cosines; the same turns a key into its cosine again.
__device__ __forceinline__ uint64_t turned(uint64_t bits) { return bits >> 63 != 0 ? bits : ~bits & ~uint64_t{0} >> 1; }

__device__ __forceinline__ uint64_t key_of(double cosine) {
  return turned(static_cast<uint64_t>(__double_as_longlong(cosine)));
}

__device__ __forceinline__ double cosine_of(uint64_t key) {
  return __longlong_as_double(static_cast<long long>(turned(key)));
}

// How many entries of each query are not 0.
__global__ void __launch_bounds__(kThreads) count_entries(BitRows queries, size_t n_words, int* counts) {
  const size_t query = thread_index() / kWarp;
  if (query >= queries.n) return;
  int count = 0;
  for (size_t j = threadIdx.x % kWarp; j < 2 * n_words; j += kWarp)
    count += __popcll(queries.words[query * queries.stride + j]);
  count = sum_of_warp(count);
  if (threadIdx.x % kWarp == 0) counts[query] = count;
}

// keys[q * rows.n + i] tells how alike query q and row i are.
__global__ void __launch_bounds__(kThreads)
    score_rows(BitRows rows, BitRows queries, size_t n_words, const int* counts, uint64_t* keys) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * kWarps;
  for (size_t i = thread_index() / kWarp; i < rows.n; i += step)
    for (size_t first = 0; first < queries.n; first += kQueries) {
      int inner[kQueries] = {}, of_row = 0;
      for (size_t j = lane; j < n_words; j += kWarp) {
        const uint64_t* const row = rows.words + i * rows.stride + j;
        const uint64_t plus = __ldg(row), minus = __ldg(row + n_words);
        of_row += __popcll(plus | minus);
#pragma unroll
        for (unsigned q = 0; q < kQueries; ++q) {
          const size_t query = first + q < queries.n ? first + q : queries.n - 1;
          const uint64_t* const asked = queries.words + query * queries.stride + j;
          const uint64_t up = __ldg(asked), down = __ldg(asked + n_words);
          inner[q] += __popcll((plus & up) | (minus & down)) - __popcll((plus & down) | (minus & up));
        }
      }
      of_row = sum_of_warp(of_row);
      int mine = 0;  // of lane q: the inner product with query first + q
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        const int sum = sum_of_warp(inner[q]);
        if (lane == q) mine = sum;
      }
      if (lane >= kQueries || first + lane >= queries.n) continue;
      const double size = __dsqrt_rn(__dmul_rn(double(counts[first + lane]), double(of_row)));
      keys[(first + lane) * rows.n + i] = key_of(size > 0 ? __ddiv_rn(double(mine), size) : 0.0);
    }
}

struct Kth {
  uint64_t key;
  size_t ties;  // of that key that are among the k
};

// Finds the k-th smallest of n keys, digit by digit. All threads of a block must call it.
__device__ Kth find_kth(const uint64_t* keys, size_t n, size_t k) {
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
__global__ void __launch_bounds__(kThreads) select(const uint64_t* keys, size_t n, size_t k, Answers out) {
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
__global__ void __launch_bounds__(kThreads)
    write_ranked(Answers found, size_t n_total, size_t k, std::int64_t* rows, double* cosines) {
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
    cosines[first + rank] = cosine_of(key);
  }
}

__global__ void __launch_bounds__(kThreads)
    collect(const uint64_t* keys, size_t n_total, size_t n, const double* thresholds, unsigned long long* cursors,
            RealMatches found) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t query = i / n;
    const double cosine = cosine_of(keys[i]);
    if (!(cosine >= thresholds[query])) continue;
    const unsigned long long place = atomicAdd(cursors + query, 1ULL);
    if (found.rows == nullptr) continue;
    found.rows[place] = static_cast<std::int64_t>(i - query * n);
    found.similarities[place] = cosine;
  }
}

// Calls use(first, n, keys) for groups of queries.
template <class Use>
void with_keys(Place place, BitRows queries, BitRows rows, size_t dim, Use use) {
  if (queries.n == 0 || rows.n == 0) return;
  const OnDevice on(place.device);
  const size_t n_words = words_for(dim), most = std::max<size_t>(1, kKeysAtOnce / rows.n);
  const Scratch<uint64_t> keys(place, std::min(most, queries.n) * rows.n);
  const Scratch<int> counts(place, std::min(most, queries.n));
  for (size_t first = 0; first < queries.n; first += most) {
    const size_t n = std::min(most, queries.n - first);
    const BitRows some{queries.words + first * queries.stride, n, queries.stride};
    launch(place, grid_for(n * kWarp), count_entries, some, n_words, counts.data());
    launch(place, grid_for(rows.n * kWarp), score_rows, rows, some, n_words, static_cast<const int*>(counts.data()),
           keys.data());
    use(first, n, static_cast<const uint64_t*>(keys.data()));
  }
}

}  // namespace

void ternary_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers) {
  const size_t k = answers.k;
  with_keys(place, queries, rows, dim, [&](size_t first, size_t n, const uint64_t* keys) {
    const Scratch<uint64_t> found(place, n * k);
    const Scratch<std::int64_t> places(place, n * k);
    const Answers unsorted{found.data(), places.data()};
    launch(place, {static_cast<unsigned>(n)}, select, keys, rows.n, k, unsorted);
    const NearestRows to = answers.from(first);
    launch(place, grid_for(n * k), write_ranked, unsorted, n * k, k, to.indices, to.similarities);
  });
}

void ternary_range(Place place, BitRows queries, const double* thresholds, BitRows rows, size_t dim,
                   unsigned long long* cursors, RealMatches found) {
  with_keys(place, queries, rows, dim, [&](size_t first, size_t n, const uint64_t* keys) {
    launch(place, grid_for(n * rows.n, 4), collect, keys, n * rows.n, rows.n, thresholds + first, cursors + first,
           found);
  });
}

}  // namespace hypersketch::cuda
