// SPDX-License-Identifier: Apache-2.0
// The nearest of real rows, as the CPU finds them: similarities are sums in double precision in the order of NumPy,
// whose `sum` halves long rows, has eight partial sums of up to 128 numbers, and adds these by pairs. So they are the
// CPU's bit by bit, and so is who comes first. A search in single precision (search_reals.cu) finds candidates; where
// these do not settle a query, for there are very many equally alike rows, neighbours, or lengths whose squares single
// precision does not hold, all rows are compared and sorted.
//
// Bottleneck: that search. Of all rows: double precision and memory, 4 bytes a number, then four passes of a sort.
#include "nearest.hpp"
#include "sort.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kLanes = 8;   // of a pair: as many as NumPy has partial sums
constexpr size_t kLeaf = 128;    // numbers that these add up
constexpr unsigned kDepth = 24;  // halvings of 2^24 numbers, which are uneven
constexpr double kUnit = 0x1p-53;

// Adds up term(first) to term(first + n - 1), for all lanes; every eight lanes of the warp do one sum.
template <class Term>
__device__ __forceinline__ double sum_of_leaf(size_t first, size_t n, const Term& term) {
  const size_t whole = n < kLanes ? 0 : n - n % kLanes, lane = threadIdx.x % kLanes;
  double sum = 0.0;
  if (whole != 0) {
    sum = term(first + lane);
    for (size_t i = kLanes; i < whole; i += kLanes) sum = __dadd_rn(sum, term(first + i + lane));
#pragma unroll
    for (int step = 1; step < static_cast<int>(kLanes); step *= 2)
      sum = __dadd_rn(sum, __shfl_xor_sync(kWholeWarp, sum, step));
  }
  for (size_t i = whole; i < n; ++i) sum = __dadd_rn(sum, term(first + i));
  return sum;
}

// The same for any n: sums of left halves wait for those of the right.
template <class Term>
__device__ double sum_of_pairs(size_t n, const Term& term) {
  double left[kDepth];
  size_t right[kDepth];  // numbers of the right half; 0 once it is on its way
  unsigned depth = 0;
  for (size_t first = 0;;) {
    for (; n > kLeaf; ++depth) {
      const size_t half = n / 2 - n / 2 % kLanes;
      right[depth] = n - half;
      n = half;
    }
    double sum = sum_of_leaf(first, n, term);
    first += n;
    for (; depth > 0 && right[depth - 1] == 0; --depth) sum = __dadd_rn(left[depth - 1], sum);
    if (depth == 0) return sum;
    left[depth - 1] = sum;
    n = right[depth - 1];
    right[depth - 1] = 0;
  }
}

// Products of single numbers are exact in double precision, so that it does not matter whether they are fused.
struct Products {
  const float* a;
  const float* b;
  __device__ __forceinline__ double operator()(size_t i) const { return __dmul_rn(double{a[i]}, double{b[i]}); }
};

struct SquaredDifferences {
  const float* a;
  const float* b;
  __device__ __forceinline__ double operator()(size_t i) const {
    const double difference = __dsub_rn(double{a[i]}, double{b[i]});
    return __dmul_rn(difference, difference);
  }
};

// Eight lanes get it.
__device__ __forceinline__ double similarity(const NearRows& near, size_t query, size_t row) {
  const float* const a = near.queries + query * near.dim;
  const float* const b = near.rows + row * near.dim;
  if (near.kind == Nearness::kEuclidean) return -sum_of_pairs(near.dim, SquaredDifferences{a, b});
  const double inner = sum_of_pairs(near.dim, Products{a, b});
  if (near.kind == Nearness::kDot) return inner;
  const double both = __dmul_rn(__dsqrt_rn(near.query_squares[query]), __dsqrt_rn(near.row_squares[row]));
  return both > 0.0 ? fmin(1.0, fmax(-1.0, __ddiv_rn(inner, both))) : 0.0;
}

// Which of n sums this thread's eight lanes have; those behind the end do the last one again.
struct Turn {
  size_t index;
  bool writes;
};
__device__ __forceinline__ Turn turn_of(size_t n) {
  const size_t i = thread_index() / kLanes;
  return {i < n ? i : n - 1, i < n && threadIdx.x % kLanes == 0};
}

__global__ void __launch_bounds__(kThreads) square_kernel(const float* rows, size_t n, size_t dim, double* out) {
  const Turn turn = turn_of(n);
  const float* const row = rows + turn.index * dim;
  const double sum = sum_of_pairs(dim, Products{row, row});
  if (turn.writes) out[turn.index] = sum;
}

__global__ void lift_kernel(const float* rows, size_t n, size_t dim, const double* squares, float scale, float* out) {
  const size_t width = dim + 2;
  for (size_t i = thread_index(); i < n * width; i += size_t{gridDim.x} * blockDim.x) {
    const size_t row = i / width, d = i % width;
    if (d < dim) {
      out[i] = rows[row * dim + d];
    } else if (squares == nullptr) {
      out[i] = scale;
    } else {
      const double behind = -0.5 * squares[row] / double{scale};
      const float upper = static_cast<float>(behind);
      out[i] = d == dim ? upper : static_cast<float>(behind - double{upper});
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    compare_kernel(NearRows near, const std::int64_t* candidates, size_t many, double* similarities) {
  const Turn turn = turn_of(near.n_queries * many);
  const double found = similarity(near, turn.index / many, static_cast<size_t>(candidates[turn.index]));
  if (turn.writes) similarities[turn.index] = found;
}

// What no other row's similarity reaches, for the similarity of the worst candidate that is taken. Both scores and
// similarities err by dim units of the lengths at most, in whatever order; a few more are of roots and quotients, and
// the pieces of a lifted square are off by 2^-48 of it.
__device__ __forceinline__ bool is_beyond(const NearRows& near, size_t query, double worst, double last,
                                          double longest) {
  const double units = (4.0 * static_cast<double>(near.dim) + 64.0) * kUnit, square = near.query_squares[query];
  const double own = sqrt(square);
  if (near.kind == Nearness::kCosine) return worst > last + units;
  if (near.kind == Nearness::kDot) return worst > last + units * own * longest;
  const double slack = units * (own + longest) * (own + longest) + 0x1p-46 * longest * longest;
  return 0.5 * (worst + square) > last + slack;
}

// A block a query: every candidate goes to the place that the number of better ones says.
__global__ void __launch_bounds__(kThreads)
    rank_kernel(NearRows near, NearCandidates candidates, const double* similarities, NearItems items, bool* settled) {
  double* const own = shared_memory<double>();
  const size_t query = blockIdx.x, many = candidates.many;
  const std::int64_t* const rows = candidates.rows + query * many;
  for (size_t i = threadIdx.x; i < many; i += blockDim.x) own[i] = similarities[query * many + i];
  __syncthreads();
  for (size_t i = threadIdx.x; i < many; i += blockDim.x) {
    size_t rank = 0;
    for (size_t j = 0; j < many; ++j) rank += own[j] > own[i] || (own[j] == own[i] && rows[j] < rows[i]);
    if (rank >= items.k) continue;
    items.indices[query * items.k + rank] = items.first + rows[i];
    items.similarities[query * items.k + rank] = own[i];
    if (rank == items.k - 1)
      settled[query] = many == near.n_rows ||
                       is_beyond(near, query, own[i], candidates.scores[query * many + many - 1], candidates.longest);
  }
}

constexpr uint64_t kSign = uint64_t{1} << 63;

// Keys rise as similarities fall; of the two zeros there is one.
__device__ __forceinline__ uint64_t key_of(double similarity) {
  const auto bits = static_cast<uint64_t>(__double_as_longlong(__dadd_rn(-similarity, 0.0)));
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

__device__ __forceinline__ double similarity_of(uint64_t key) {
  return -__longlong_as_double(static_cast<long long>((key & kSign) != 0 ? key & ~kSign : ~key));
}

__global__ void __launch_bounds__(kThreads) score_kernel(NearRows near, size_t query, uint64_t* keys, uint64_t* rows) {
  const Turn turn = turn_of(near.n_rows);
  const double found = similarity(near, query, turn.index);
  if (!turn.writes) return;
  keys[turn.index] = key_of(found);
  rows[turn.index] = turn.index;
}

__global__ void take_kernel(const uint64_t* keys, const uint64_t* rows, size_t query, NearItems items) {
  const size_t i = thread_index();
  if (i >= items.k) return;
  items.indices[query * items.k + i] = items.first + static_cast<std::int64_t>(rows[i]);
  items.similarities[query * items.k + i] = similarity_of(keys[i]);
}

}  // namespace

void row_squares_of(Place place, const float* rows, size_t n, size_t dim, double* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * kLanes), square_kernel, rows, n, dim, out);
}

void lifted(Place place, const float* rows, size_t n, size_t dim, const double* squares, float scale, float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * (dim + 2)), lift_kernel, rows, n, dim, squares, scale, out);
}

void best_of_candidates(Place place, NearRows near, NearCandidates candidates, NearItems items, bool* settled) {
  const OnDevice on(place.device);
  const size_t many = candidates.many;
  const Scratch<double> similarities(place, near.n_queries * many);
  launch(place, grid_for(near.n_queries * many * kLanes), compare_kernel, near, candidates.rows, many,
         similarities.data());
  launch(place, {static_cast<unsigned>(near.n_queries), kThreads, many * sizeof(double)}, rank_kernel, near, candidates,
         static_cast<const double*>(similarities.data()), items, settled);
}

void best_of_all(Place place, NearRows near, const std::vector<std::int64_t>& queries, NearItems items) {
  if (queries.empty()) return;
  const OnDevice on(place.device);
  Sorter<uint64_t, uint64_t> sorter(place, near.n_rows);
  for (const std::int64_t number : queries) {
    const auto query = static_cast<size_t>(number);
    launch(place, grid_for(near.n_rows * kLanes), score_kernel, near, query, sorter.keys(), sorter.values());
    sorter.sort(near.n_rows, 0, 64);
    launch(place, grid_for(items.k), take_kernel, static_cast<const uint64_t*>(sorter.keys()),
           static_cast<const uint64_t*>(sorter.values()), query, items);
  }
}

}  // namespace hypersketch::cuda
