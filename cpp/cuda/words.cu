// SPDX-License-Identifier: Apache-2.0
// Unions, intersections and counts of the bits of whole states. Bound by memory: each word is read once, in loads of 16
// bytes where both states lie so.
#include "counter.cuh"
#include "hypersketch/bits.hpp"

namespace hypersketch::cuda {
namespace {

struct Union {
  __device__ uint64_t operator()(uint64_t a, uint64_t b) const { return a | b; }
};
struct Intersection {
  __device__ uint64_t operator()(uint64_t a, uint64_t b) const { return a & b; }
};

constexpr unsigned kBlocksAProcessor = 8;  // of 256 threads: as many as run at once

// For kernels that loop over the grid.
Grid resident_grid(Place place, size_t n, size_t each) {
  const auto processors = static_cast<unsigned>(device_attribute(place.device, cudaDevAttrMultiProcessorCount));
  Grid grid = grid_for(n, each);
  grid.blocks = std::min(grid.blocks, kBlocksAProcessor * processors);
  return grid;
}

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % sizeof(ulonglong2) == 0; }

// Words of a state in pairs; a state that does not lie on 16 bytes has none, and an odd word is left over.
struct Pairs {
  size_t n;  // pairs
  size_t n_words;
};

template <class Rule>
__global__ void combine_kernel(uint64_t* words, const uint64_t* others, Pairs pairs, Rule rule) {
  const size_t thread = thread_index(), step = size_t{gridDim.x} * blockDim.x;
  auto* const to = reinterpret_cast<ulonglong2*>(words);
  const auto* const from = reinterpret_cast<const ulonglong2*>(others);
  for (size_t i = thread; i < pairs.n; i += step) {
    const ulonglong2 a = to[i], b = from[i];
    to[i] = make_ulonglong2(rule(a.x, b.x), rule(a.y, b.y));
  }
  for (size_t i = 2 * pairs.n + thread; i < pairs.n_words; i += step) words[i] = rule(words[i], others[i]);
}

// Of a, or of either of two.
template <bool kOfTwo>
__global__ void popcount_kernel(const uint64_t* a, const uint64_t* b, Pairs pairs, unsigned long long* counter) {
  const size_t thread = thread_index(), step = size_t{gridDim.x} * blockDim.x;
  const auto* const wide_a = reinterpret_cast<const ulonglong2*>(a);
  const auto* const wide_b = reinterpret_cast<const ulonglong2*>(b);
  uint64_t ones = 0;
  for (size_t i = thread; i < pairs.n; i += step) {
    const ulonglong2 x = wide_a[i], y = kOfTwo ? wide_b[i] : make_ulonglong2(0, 0);
    ones += count_ones(x.x | y.x) + count_ones(x.y | y.y);
  }
  for (size_t i = 2 * pairs.n + thread; i < pairs.n_words; i += step) ones += count_ones(a[i] | (kOfTwo ? b[i] : 0));
  add_to_counter(counter, ones);
}

Pairs pairs_of(const uint64_t* a, const uint64_t* b, size_t n) {
  return {is_aligned(a) && is_aligned(b) ? n / 2 : 0, n};
}

template <class Rule>
void combine(Place place, uint64_t* words, const uint64_t* others, size_t n) {
  if (n == 0) return;
  OnDevice on(place.device);
  launch(place, resident_grid(place, n, 4), combine_kernel<Rule>, words, others, pairs_of(words, others, n), Rule{});
}

template <bool kOfTwo>
uint64_t count(Place place, const uint64_t* a, const uint64_t* b, size_t n) {
  if (n == 0) return 0;
  OnDevice on(place.device);
  const Counter counter(place);
  launch(place, resident_grid(place, n, 4), popcount_kernel<kOfTwo>, a, b, pairs_of(a, b, n), counter.data());
  return counter.read();
}

// Bytes, since answers may begin anywhere and end anywhere.
__global__ void unite_bytes_kernel(unsigned char* bytes, const unsigned char* others, size_t n) {
  const size_t i = thread_index();
  if (i < n) bytes[i] |= others[i];
}

}  // namespace

void unite_bytes(Place place, unsigned char* bytes, const unsigned char* others, size_t n) {
  OnDevice on(place.device);
  launch(place, grid_for(n), unite_bytes_kernel, bytes, others, n);
}

void unite(Place place, uint64_t* words, const uint64_t* others, size_t n) { combine<Union>(place, words, others, n); }

void intersect(Place place, uint64_t* words, const uint64_t* others, size_t n) {
  combine<Intersection>(place, words, others, n);
}

uint64_t popcount_or(Place place, const uint64_t* a, const uint64_t* b, size_t n) {
  return count<true>(place, a, b, n);
}

uint64_t popcount(Place place, const uint64_t* words, size_t n) { return count<false>(place, words, words, n); }

}  // namespace hypersketch::cuda
