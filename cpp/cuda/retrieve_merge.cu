// SPDX-License-Identifier: Apache-2.0
// Before and after a pass over patterns: queries are arranged for it, and what its splits came to is brought together
// in double precision, in their order.
#include "retrieve_plan.cuh"

namespace hypersketch::cuda {
namespace {

__device__ __forceinline__ double infinite() { return __longlong_as_double(0x7FF0000000000000LL); }

template <unsigned kPieces>
__device__ __forceinline__ void put_pair(float x, float y, unsigned* to, size_t piece_words) {
  unsigned pieces[kPieces];
  split_pair(x, y, pieces);
#pragma unroll
  for (unsigned p = 0; p < kPieces; ++p) to[p * piece_words] = pieces[p];
}

// A warp a query. Pair u of a step is word u % 2 of lane u / 2 of its row.
template <unsigned kPieces>
__global__ void __launch_bounds__(kThreads)
    arrange_kernel(const float* rows, size_t n, size_t n_padded, size_t dim, bool cosine, unsigned* fragments) {
  const size_t q = thread_index() / kWarp, n_steps = (dim + kStep - 1) / kStep;
  const unsigned lane = threadIdx.x % kWarp;
  if (q >= n_padded) return;
  const float* const row = rows + q * dim;
  double square = 0.0;
  if (cosine && q < n)
    for (size_t i = lane; i < dim; i += kWarp) square += double(row[i]) * double(row[i]);
  square = sum_of_warp(square);
  const double length = cosine && square > 0.0 ? sqrt(square) : 1.0;
  const auto number = [&](size_t i) { return q < n && i < dim ? static_cast<float>(double(row[i]) / length) : 0.0F; };
  for (size_t pair = lane; pair < n_steps * kStep / 2; pair += kWarp) {
    const size_t step = pair / (kStep / 2), u = pair % (kStep / 2);
    const size_t place = (q % 8 * 4 + u / 2) * 4 + q / 8 % 2 + u % 2 * 2;
    unsigned* const to = fragments + ((q / kTileRows * n_steps + step) * kPieces) * kWarp * 4 + place;
    put_pair<kPieces>(number(2 * pair), number(2 * pair + 1), to, kWarp * 4);
  }
}

// What sums relative to one maximum are multiplied by to be relative to another.
__device__ __forceinline__ double ratio(Separating separating, double from, double to) {
  if (from == to || separating.kind == SeparationKind::kBeyond) return 1.0;
  return separating.kind == SeparationKind::kSoftmax ? exp(from - to) : pow(from / to, double(separating.exponent));
}

// A block a query. A factor takes an exponential in double precision, so that every thread makes some for all.
__global__ void __launch_bounds__(kThreads)
    merge_kernel(SplitStates found, size_t n_splits, size_t n_queries, size_t dim, Separating separating, float* states,
                 WeightSums* sums) {
  __shared__ double factors[kThreads];
  const size_t q = blockIdx.x;
  double most = separating.kind == SeparationKind::kSoftmax ? -infinite() : 0.0, sum = 0.0, squares = 0.0;
  for (size_t s = 0; s < n_splits; ++s) most = fmax(most, double(found.sums[(s * n_queries + q) * 3]));
  // Makes the factors of splits [first, first + kThreads), and says how many there are.
  const auto make_factors = [&](size_t first) {
    __syncthreads();
    const size_t mine = first + threadIdx.x;
    if (mine < n_splits) factors[threadIdx.x] = ratio(separating, double(found.sums[(mine * n_queries + q) * 3]), most);
    __syncthreads();
    return n_splits - first < kThreads ? n_splits - first : size_t{kThreads};
  };
  for (size_t first = 0; first < n_splits; first += kThreads) {
    const size_t n = make_factors(first);
    for (size_t s = 0; s < n; ++s) {
      const float* const of = found.sums + ((first + s) * n_queries + q) * 3;
      sum += double(of[1]) * factors[s];
      squares += double(of[2]) * factors[s] * factors[s];
    }
  }
  for (size_t from = 0; from < dim; from += kThreads) {
    const size_t d = from + threadIdx.x;
    double state = 0.0;
    for (size_t first = 0; first < n_splits; first += kThreads) {
      const size_t n = n_splits > kThreads ? make_factors(first) : n_splits;
      for (size_t s = 0; s < n && d < dim; ++s)
        if (factors[s] > 0.0) state += double(found.states[((first + s) * n_queries + q) * dim + d]) * factors[s];
    }
    if (d < dim) states[q * dim + d] = sum > 0.0 ? static_cast<float>(state / sum) : 0.0F;
  }
  if (threadIdx.x == 0 && sums != nullptr) sums[q] = {most, sum, squares};
}

// A thread a query. The sum of weights with a smaller exponent takes the place of that of squares.
__global__ void merge_sums_kernel(const float* found, size_t n_splits, size_t n_queries, Separating separating,
                                  WeightSums* sums) {
  const size_t q = thread_index();
  if (q >= n_queries) return;
  double most = separating.kind == SeparationKind::kSoftmax ? -infinite() : 0.0, sum = 0.0, slope = 0.0;
  for (size_t s = 0; s < n_splits; ++s) most = fmax(most, double(found[(s * n_queries + q) * 4]));
  for (size_t s = 0; s < n_splits; ++s) {
    const float* const of = found + (s * n_queries + q) * 4;
    sum += double(of[1]) * ratio(separating, double(of[0]), most);
    slope += double(of[3]);
  }
  sums[q] = {most, sum, slope};
}

__global__ void __launch_bounds__(kThreads) square_kernel(const float* rows, size_t n, size_t dim, double* squares) {
  const size_t row = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (row >= n) return;
  double square = 0.0;
  for (size_t i = lane; i < dim; i += kWarp) square += double(rows[row * dim + i]) * double(rows[row * dim + i]);
  square = sum_of_warp(square);
  if (lane == 0) squares[row] = square < infinite() ? square : infinite();
}

}  // namespace

void arrange_queries(Place place, const float* rows, size_t n, size_t n_padded, size_t dim, bool cosine,
                     unsigned n_pieces, uint4* fragments) {
  const auto kernel = n_pieces == 1 ? arrange_kernel<1> : n_pieces == 2 ? arrange_kernel<2> : arrange_kernel<3>;
  launch(place, grid_for(n_padded * kWarp), kernel, rows, n, n_padded, dim, cosine,
         reinterpret_cast<unsigned*>(fragments));
}

void merge_states(Place place, SplitStates found, size_t n_splits, size_t n_queries, size_t dim, Separating separating,
                  float* states, WeightSums* sums) {
  launch(place, {static_cast<unsigned>(n_queries)}, merge_kernel, found, n_splits, n_queries, dim, separating, states,
         sums);
}

void merge_sums(Place place, const float* found, size_t n_splits, size_t n_queries, Separating separating,
                WeightSums* sums) {
  launch(place, grid_for(n_queries), merge_sums_kernel, found, n_splits, n_queries, separating, sums);
}

void squared_lengths(Place place, const float* rows, size_t n, size_t dim, double* squares) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * kWarp), square_kernel, rows, n, dim, squares);
}

}  // namespace hypersketch::cuda
