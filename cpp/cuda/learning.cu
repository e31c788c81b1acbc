// SPDX-License-Identifier: Apache-2.0
// Class vectors that learn from encoded rows. An inner product has kSumLanes sums, which are half a warp's: lane l sums
// the products of entries l, l + 16, ... in their order, none of them fused, and the lanes are added by halves, as on
// the CPU. Within a batch the classes that rows meet do not change, so that all products come first; then each entry of
// a class takes its corrections in the order of the rows. Bottleneck: the latency of two launches a batch and of
// dim / 16 steps of a lane, some 30 us for D = 10,000; of answers, the memory of the rows.
#include <cfloat>

#include "hypersketch/simd.hpp"
#include "learning.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kLanes = static_cast<unsigned>(kSumLanes);
constexpr size_t kFewProducts = 1 << 14;  // which do not fill the GPU unless each has lanes of its own

// Products of a row with kVectors vectors, in the first lane of the half warp. All 32 lanes must call it.
template <unsigned kVectors>
__device__ __forceinline__ void multiply(const float* row, const float* const (&vectors)[kVectors], size_t dim,
                                         float (&sums)[kVectors]) {
  const unsigned lane = threadIdx.x % kLanes;
#pragma unroll
  for (unsigned v = 0; v < kVectors; ++v) sums[v] = 0;
#pragma unroll 4
  for (size_t d = lane; d < dim; d += kLanes) {
    const float x = row[d];
#pragma unroll
    for (unsigned v = 0; v < kVectors; ++v) sums[v] = __fadd_rn(sums[v], __fmul_rn(x, vectors[v][d]));
  }
#pragma unroll
  for (unsigned v = 0; v < kVectors; ++v)
    for (unsigned half = kLanes / 2; half > 0; half /= 2)
      sums[v] = __fadd_rn(sums[v], __shfl_down_sync(kWholeWarp, sums[v], half, kLanes));
}

__device__ __forceinline__ float length_of(float square) {
  const float length = __fsqrt_rn(square);
  return length > FLT_MIN ? length : FLT_MIN;
}

// Half a warp for each row and kVectors vectors.
template <unsigned kVectors>
__global__ void __launch_bounds__(kThreads)
    multiply_rows(const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim, float* out) {
  const size_t groups = (n_vectors + kVectors - 1) / kVectors, total = n * groups;
  const size_t step = size_t{gridDim.x} * blockDim.x / kLanes;
  // Both halves of a warp make equally many rounds, for they wait for each other.
  for (size_t first = thread_index() / kWarp * 2; first < total; first += step) {
    const size_t mine = first + threadIdx.x % kWarp / kLanes, i = mine < total ? mine : total - 1;
    const size_t row = i / groups, begin = i % groups * kVectors;
    const float* others[kVectors];
#pragma unroll
    for (unsigned v = 0; v < kVectors; ++v)
      others[v] = vectors + (begin + v < n_vectors ? begin + v : n_vectors - 1) * dim;
    float sums[kVectors];
    multiply(rows + row * dim, others, dim, sums);
    if (threadIdx.x % kLanes != 0 || mine >= total) continue;
#pragma unroll
    for (unsigned v = 0; v < kVectors; ++v)
      if (begin + v < n_vectors) out[row * n_vectors + begin + v] = sums[v];
  }
}

__global__ void __launch_bounds__(kThreads) measure_rows(const float* rows, size_t n, size_t dim, float* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x / kLanes;
  for (size_t first = thread_index() / kWarp * 2; first < n; first += step) {
    const size_t mine = first + threadIdx.x % kWarp / kLanes, i = mine < n ? mine : n - 1;
    const float* const itself[1] = {rows + i * dim};
    float square[1];
    multiply(rows + i * dim, itself, dim, square);
    if (threadIdx.x % kLanes == 0 && mine < n) out[i] = length_of(square[0]);
  }
}

// A warp for each row and vector.
__global__ void __launch_bounds__(kThreads) compare_packed(const uint64_t* rows, size_t n, const uint64_t* vectors,
                                                           size_t n_vectors, PackedShape shape, double* out) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t i = thread_index() / kWarp; i < n * n_vectors; i += step) {
    const uint64_t* const a = rows + i / n_vectors * shape.n_words;
    const uint64_t* const b = vectors + i % n_vectors * shape.n_words;
    int different = 0;
    for (size_t j = lane; j < shape.n_words; j += kWarp) different += __popcll(__ldg(a + j) ^ __ldg(b + j));
    different = sum_of_warp(different);
    const auto dim = static_cast<std::int64_t>(shape.dim);
    if (lane == 0) out[i] = static_cast<double>(dim - 2 * std::int64_t{different}) / static_cast<double>(dim);
  }
}

__global__ void __launch_bounds__(kThreads)
    divide(float* scores, size_t n, size_t n_vectors, const float* vector_lengths, const float* lengths) {
  for (size_t i = thread_index(); i < n * n_vectors; i += size_t{gridDim.x} * blockDim.x)
    scores[i] = __fdiv_rn(__fdiv_rn(scores[i], vector_lengths[i % n_vectors]), lengths[i / n_vectors]);
}

template <bool kLeast, class T, class Column>
__global__ void __launch_bounds__(kThreads) find_best(const T* scores, size_t n, size_t n_columns, Column* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) {
    const T* const row = scores + i * n_columns;
    size_t best = 0;
    for (size_t c = 1; c < n_columns; ++c)
      if (kLeast ? row[c] < row[best] : row[c] > row[best]) best = c;
    out[i] = static_cast<Column>(best);
  }
}

// In the order and the roundings of the CPU: what is left of 1, then never below 0.
__global__ void __launch_bounds__(kThreads)
    make_cosine_distances(float* scores, size_t n, size_t n_columns, const float* lengths) {
  for (size_t i = thread_index(); i < n * n_columns; i += size_t{gridDim.x} * blockDim.x)
    scores[i] = fmaxf(__fsub_rn(1.0F, __fdiv_rn(scores[i], lengths[i / n_columns])), 0.0F);
}

__global__ void __launch_bounds__(kThreads) make_sign_distances(double* scores, size_t n) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) scores[i] = (1.0 - scores[i]) / 2.0;
}

template <class T>
__global__ void __launch_bounds__(kThreads) subtract(const T* scores, size_t n, T* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    out[i] = scores[2 * i + 1] - scores[2 * i];
}

// A block has some entries of one class.
__global__ void __launch_bounds__(kThreads) add_rows(ClassRows given, size_t batch_size, size_t tiles, float* vectors) {
  const size_t c = blockIdx.x / tiles, d = blockIdx.x % tiles * blockDim.x + threadIdx.x;
  if (d >= given.dim) return;
  float total = vectors[c * given.dim + d];
  for (size_t begin = 0; begin < given.n; begin += batch_size) {
    const size_t end = begin + batch_size < given.n ? begin + batch_size : given.n;
    float sum = 0;
    for (size_t i = begin; i < end; ++i) {
      if (static_cast<size_t>(__ldg(given.targets + i)) != c) continue;
      sum = __fmaf_rn(given.weights == nullptr ? 1.0F : given.weights[i], given.rows[i * given.dim + d], sum);
    }
    total = __fadd_rn(total, sum);
  }
  vectors[c * given.dim + d] = total;
}

// ---- a pass

// Class vectors while rows correct them.
struct Pass {
  ClassRows given;
  ClassRule rule;
  float* vectors;
  float* signs;  // of the vectors where rows meet these
  size_t n_classes;
  float* products;  // of a batch and the classes, then the classes' squared lengths
  ClassCounts* counts;

  __device__ __forceinline__ const float* seen() const { return signs != nullptr ? signs : vectors; }
};

__device__ __forceinline__ float sign_of(float x) { return static_cast<float>((x > 0) - (x < 0)); }

__global__ void __launch_bounds__(kThreads) take_signs(const float* vectors, size_t n, float* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) out[i] = sign_of(vectors[i]);
}

// Rows [first, first + count) meet the classes, and the classes themselves.
__global__ void __launch_bounds__(kThreads) meet(Pass pass, size_t first, size_t count) {
  const size_t n = pass.n_classes, dim = pass.given.dim, total = (count + 1) * n;
  const size_t step = size_t{gridDim.x} * blockDim.x / kLanes;
  for (size_t at = thread_index() / kWarp * 2; at < total; at += step) {
    const size_t mine = at + threadIdx.x % kWarp / kLanes, i = mine < total ? mine : total - 1;
    const float* const vector[1] = {pass.seen() + i % n * dim};
    float sum[1];
    multiply(i < count * n ? pass.given.rows + (first + i / n) * dim : vector[0], vector, dim, sum);
    if (threadIdx.x % kLanes == 0 && mine < total) pass.products[i] = sum[0];
  }
}

struct Correction {
  std::uint32_t own, rival;
  float own_factor, rival_factor;
  bool needed, mistaken;
};

// What row i of a batch does to the classes.
__device__ __forceinline__ Correction correction_of(const Pass& pass, size_t first, size_t count, size_t i) {
  const size_t n = pass.n_classes;
  const float* const dots = pass.products + i * n;
  const float* const squares = pass.products + count * n;
  const float length = pass.given.lengths[first + i];
  const auto own = static_cast<size_t>(pass.given.targets[first + i]);
  const auto score_of = [&](size_t c) { return __fdiv_rn(__fdiv_rn(dots[c], length_of(squares[c])), length); };
  size_t rival = own == 0 ? 1 : 0;
  const float own_score = score_of(own);
  float rival_score = score_of(rival);
  for (size_t c = 0; c < n; ++c) {
    const float score = score_of(c);
    if (c != own && score > rival_score) rival = c, rival_score = score;
  }
  const ClassRule rule = pass.rule;
  const float weight = pass.given.weights == nullptr ? 1.0F : pass.given.weights[first + i];
  const float step = __fmul_rn(rule.learning_rate, weight);
  return {static_cast<std::uint32_t>(own),
          static_cast<std::uint32_t>(rival),
          __fmul_rn(step, rule.by_distance ? __fsub_rn(1.0F, own_score) : 1.0F),
          __fmul_rn(-step, rule.by_distance ? __fsub_rn(1.0F, rival_score) : 1.0F),
          !(__fsub_rn(own_score, rival_score) > rule.margin),
          own_score <= rival_score};
}

// A block has some entries of one class. Every block finds the corrections for itself.
__global__ void __launch_bounds__(kThreads) correct(Pass pass, size_t first, size_t count, size_t tiles) {
  __shared__ float factors[kThreads];
  const size_t dim = pass.given.dim;
  const auto c = static_cast<std::uint32_t>(blockIdx.x / tiles);
  const size_t d = blockIdx.x % tiles * blockDim.x + threadIdx.x;
  float value = d < dim ? pass.vectors[c * dim + d] : 0;
  for (size_t begin = 0; begin < count; begin += kThreads) {
    const size_t i = begin + threadIdx.x;
    float factor = 0;
    if (i < count) {
      const Correction found = correction_of(pass, first, count, i);
      if (found.needed) factor = c == found.own ? found.own_factor : c == found.rival ? found.rival_factor : 0;
      if (blockIdx.x == 0 && found.needed) atomicAdd(&pass.counts->corrected, 1ULL);
      if (blockIdx.x == 0 && found.mistaken) atomicAdd(&pass.counts->mistaken, 1ULL);
    }
    factors[threadIdx.x] = factor;
    __syncthreads();
    const size_t n = count - begin < kThreads ? count - begin : size_t{kThreads};
    for (size_t k = 0; k < n && d < dim; ++k)
      if (factors[k] != 0)
        value = __fadd_rn(value, __fmul_rn(factors[k], pass.given.rows[(first + begin + k) * dim + d]));
    __syncthreads();
  }
  if (d >= dim) return;
  pass.vectors[c * dim + d] = value;
  if (pass.signs != nullptr) pass.signs[c * dim + d] = sign_of(value);
}

}  // namespace

void inner_products(Place place, const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim,
                    float* out) {
  constexpr unsigned kVectors = 5;
  const OnDevice on(place.device);
  if (n * n_vectors < kFewProducts)
    launch(place, grid_for(n * n_vectors * kLanes), multiply_rows<1>, rows, n, vectors, n_vectors, dim, out);
  else
    launch(place, grid_for(n * ((n_vectors + kVectors - 1) / kVectors) * kLanes), multiply_rows<kVectors>, rows, n,
           vectors, n_vectors, dim, out);
}

void packed_similarities(Place place, const uint64_t* rows, size_t n, const uint64_t* vectors, size_t n_vectors,
                         size_t dim, double* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_vectors * kWarp), compare_packed, rows, n, vectors, n_vectors, PackedShape(dim), out);
}

void row_lengths(Place place, const float* rows, size_t n, size_t dim, float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * kLanes), measure_rows, rows, n, dim, out);
}

void divide_scores(Place place, float* scores, size_t n, size_t n_vectors, const float* vector_lengths,
                   const float* lengths) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_vectors), divide, scores, n, n_vectors, vector_lengths, lengths);
}

template <class T>
void best_columns(Place place, const T* scores, size_t n, size_t n_columns, std::int64_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), find_best<false, T, std::int64_t>, scores, n, n_columns, out);
}
template void best_columns(Place, const float*, size_t, size_t, std::int64_t*);
template void best_columns(Place, const double*, size_t, size_t, std::int64_t*);

template <class T>
void least_columns(Place place, const T* distances, size_t n, size_t n_columns, std::int32_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), find_best<true, T, std::int32_t>, distances, n, n_columns, out);
}
template void least_columns(Place, const float*, size_t, size_t, std::int32_t*);
template void least_columns(Place, const double*, size_t, size_t, std::int32_t*);

void cosine_distances(Place place, float* scores, size_t n, size_t n_columns, const float* lengths) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_columns), make_cosine_distances, scores, n, n_columns, lengths);
}

void sign_distances(Place place, double* scores, size_t n) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), make_sign_distances, scores, n);
}

template <class T>
void subtract_columns(Place place, const T* scores, size_t n, T* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), subtract<T>, scores, n, out);
}
template void subtract_columns(Place, const float*, size_t, float*);
template void subtract_columns(Place, const double*, size_t, double*);

void add_to_classes(Place place, ClassRows given, size_t batch_size, float* vectors, size_t n_classes) {
  const OnDevice on(place.device);
  const size_t tiles = (given.dim + kThreads - 1) / kThreads;
  launch(place, {static_cast<unsigned>(tiles * n_classes)}, add_rows, given, batch_size, tiles, vectors);
}

ClassCounts learn_pass(Place place, ClassRows given, const std::int64_t* order, size_t n_batches, size_t batch_size,
                       float* vectors, size_t n_classes, ClassRule rule) {
  const OnDevice on(place.device);
  const size_t most = std::min(batch_size, given.n), cells = n_classes * given.dim;
  const Scratch<float> products(place, (most + 1) * n_classes), signs(place, rule.binarized ? cells : 0);
  const Scratch<ClassCounts> counts(place, 1);
  clear(place, counts.data(), sizeof(ClassCounts));
  if (rule.binarized)
    launch(place, grid_for(cells), take_signs, static_cast<const float*>(vectors), cells, signs.data());
  const Pass pass{given, rule, vectors, signs.data(), n_classes, products.data(), counts.data()};
  const size_t tiles = (given.dim + kThreads - 1) / kThreads;
  for (size_t b = 0; b < n_batches; ++b) {
    const size_t first = static_cast<size_t>(order[b]) * batch_size, count = std::min(batch_size, given.n - first);
    launch(place, grid_for((count + 1) * n_classes * kLanes), meet, pass, first, count);
    launch(place, {static_cast<unsigned>(tiles * n_classes)}, correct, pass, first, count, tiles);
  }
  ClassCounts found{};
  copy_to_host(place, &found, counts.data(), sizeof found);
  return found;
}

}  // namespace hypersketch::cuda
