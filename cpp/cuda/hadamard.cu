// SPDX-License-Identifier: Apache-2.0
// Walsh-Hadamard transforms, and the items of orthogonal codebooks that are nearest to packed probes.
//
// Idea: log2(n) stages of sums and differences of entries a power of two apart, from the largest down as on the CPU, so
// that floats are rounded alike. A thread takes up to four stages of 16 entries in registers: of global memory for what
// is further apart than a tile of 8,192 entries, then of the tile in shared memory, whose entries are padded by one in
// 32 so that a warp meets all banks. Probes are spread to signs where they are first loaded. Then a block selects the k
// nearest items of its probe by digits of 8 bits of distance and item, of which no two are the same, and a block sorts
// them; more than it has room for are sorted together with those of other probes, by probe, distance and item.
// Bottleneck: memory; of a transform up to a tile, one write and, to select, some reads of it from the caches.
#include <bit>

#include "hadamard.hpp"
#include "hypersketch/bits.hpp"
#include "hypersketch/layout.hpp"
#include "packed.cuh"
#include "sort.cuh"
#include "top_k.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTileBits = 13;
constexpr unsigned kTile = 1U << kTileBits;
constexpr unsigned kMostBits = 4;                  // stages in registers
constexpr size_t kScoresAtOnce = size_t{1} << 26;  // of probes that share scratch memory
constexpr size_t kKeysAtOnce = size_t{1} << 24;    // of probes that are sorted together
constexpr size_t kMostOfBlock = 4096;              // keys that a block sorts
constexpr unsigned kDigitBits = 8;                 // of a selection
static_assert(1U << kDigitBits == kThreads);       // a thread counts a digit

// ---- transforms

template <class T, unsigned kBits>
__device__ __forceinline__ void butterflies(T (&x)[1U << kBits]) {
#pragma unroll
  for (unsigned half = (1U << kBits) / 2; half > 0; half /= 2) {
#pragma unroll
    for (unsigned i = 0; i < 1U << kBits; ++i) {
      if ((i & half) != 0) continue;
      const T a = x[i], b = x[i + half];
      x[i] = a + b;
      x[i + half] = a - b;
    }
  }
}

// The stages of distances 2^(log_stride + kBits - 1) down to 2^log_stride of one group of entries.
template <unsigned kBits, class T, class Index>
__device__ __forceinline__ void stages_of_group(T* x, size_t group, unsigned log_stride, Index place) {
  const size_t stride = size_t{1} << log_stride;
  const size_t base = ((group >> log_stride) << (log_stride + kBits)) + (group & (stride - 1));
  T mine[1U << kBits];
#pragma unroll
  for (unsigned m = 0; m < 1U << kBits; ++m) mine[m] = x[place(base + m * stride)];
  butterflies<T, kBits>(mine);
#pragma unroll
  for (unsigned m = 0; m < 1U << kBits; ++m) x[place(base + m * stride)] = mine[m];
}

template <class T, unsigned kBits>
__global__ void __launch_bounds__(kThreads) far_stages(T* x, size_t n_groups, unsigned log_stride) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t group = thread_index(); group < n_groups; group += step)
    stages_of_group<kBits>(x, group, log_stride, [](size_t i) { return i; });
}

template <unsigned kBits, class T>
__device__ __forceinline__ void shared_stages(T* x, unsigned count, unsigned log_stride) {
  for (unsigned group = threadIdx.x; group < count >> kBits; group += kThreads)
    stages_of_group<kBits>(x, group, log_stride, [](size_t i) { return i + i / 32; });
}

constexpr size_t shared_entries(size_t count) { return count + count / 32 + 1; }

// All stages of a tile, which has whole rows of 2^n_bits entries or a part of one.
template <class T, class Source>
__global__ void __launch_bounds__(kThreads) tile_stages(Source source, size_t total, unsigned n_bits, T* out) {
  T* const x = shared_memory<T>();
  const size_t first = size_t{blockIdx.x} * kTile;
  const unsigned count = total - first < kTile ? static_cast<unsigned>(total - first) : kTile;
  for (unsigned i = threadIdx.x; i < count; i += kThreads) x[i + i / 32] = source(first + i);
  __syncthreads();
  for (unsigned left = n_bits; left > 0;) {
    const unsigned some = left % kMostBits == 0 ? kMostBits : left % kMostBits;
    left -= some;
    if (some == 1)
      shared_stages<1>(x, count, left);
    else if (some == 2)
      shared_stages<2>(x, count, left);
    else if (some == 3)
      shared_stages<3>(x, count, left);
    else
      shared_stages<4>(x, count, left);
    __syncthreads();
  }
  for (unsigned i = threadIdx.x; i < count; i += kThreads) out[first + i] = x[i + i / 32];
}

template <class T>
struct Entries {
  static constexpr bool kInPlace = true;
  const T* x;
  __device__ T operator()(size_t i) const { return x[i]; }
};

// Packed rows times signs.
struct SignedBits {
  static constexpr bool kInPlace = false;
  BitRows rows;
  const uint64_t* signs;
  unsigned log_dim;

  __device__ std::uint32_t operator()(size_t i) const {
    const size_t d = i & ((size_t{1} << log_dim) - 1), word = d / kWordBits;
    const uint64_t bits = rows.words[(i >> log_dim) * rows.stride + word] ^ signs[word];
    return 1U - 2U * static_cast<std::uint32_t>(bits >> d % kWordBits & 1);
  }
};

template <class T, class Source>
__global__ void __launch_bounds__(kThreads) spread(Source source, size_t total, T* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < total; i += step) out[i] = source(i);
}

template <class T>
void run_far_stages(Place place, T* x, size_t total, unsigned log_n) {
  for (unsigned left = log_n - kTileBits; left > 0;) {
    const unsigned some = left % kMostBits == 0 ? kMostBits : left % kMostBits;
    left -= some;
    const unsigned log_stride = kTileBits + left;
    void (*const kernels[])(T*, size_t, unsigned) = {far_stages<T, 1>, far_stages<T, 2>, far_stages<T, 3>,
                                                     far_stages<T, 4>};
    launch(place, grid_for(total >> some), kernels[some - 1], x, total >> some, log_stride);
  }
}

template <class T, class Source>
void transform(Place place, Source source, size_t n_rows, size_t n, T* out) {
  const size_t total = n_rows * n;
  const unsigned log_n = static_cast<unsigned>(std::countr_zero(n));
  const Grid grid{static_cast<unsigned>((total + kTile - 1) / kTile), kThreads,
                  shared_entries(std::min<size_t>(total, kTile)) * sizeof(T)};
  if (log_n <= kTileBits) return launch(place, grid, tile_stages<T, Source>, source, total, log_n, out);
  if constexpr (!Source::kInPlace) launch(place, grid_for(total, 4), spread<T, Source>, source, total, out);
  run_far_stages(place, out, total, log_n);
  launch(place, grid, tile_stages<T, Entries<T>>, Entries<T>{out}, total, kTileBits, out);
}

__device__ __forceinline__ bool is_strange(float x, std::int32_t) { return x * 0.0F != 0.0F; }
__device__ __forceinline__ bool is_strange(std::int32_t x, std::int32_t most) { return x > most || x < -most; }

template <class T>
__global__ void __launch_bounds__(kThreads)
    find_strange(const T* x, size_t total, std::int32_t most, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < total; i += step) mine |= is_strange(x[i], most);
  if (mine) atomicOr(strange, 1U);
}

template <class T>
bool is_sound(Place place, const T* rows, size_t total, size_t n) {
  const Alarm strange(place);
  launch(place, grid_for(total, 4), find_strange<T>, rows, total, static_cast<std::int32_t>(0x7FFFFFFF / n),
         strange.data());
  return strange.silent();
}

// ---- the nearest items

using Scores = std::uint32_t;  // int32 bits

__device__ __forceinline__ uint64_t distance_of(const Scores* scores, HadamardItems items, size_t item) {
  const auto score = static_cast<std::int32_t>(scores[items.numbers[item]]);
  return static_cast<uint64_t>((static_cast<std::int64_t>(items.dim) - score) / 2);
}

// What a key has from its first bit on: item, distance, probe. All fit: 2^26 scores at once have 2^(26 - d) probes of
// dimension 2^d, with at most d bits of items and d + 1 of distances.
struct KeyForm {
  size_t k;
  unsigned item_bits;
  unsigned bits;  // of item and distance

  __device__ __forceinline__ void write(uint64_t key, size_t at, unsigned dim, NearestRows answers) const {
    const auto distance = static_cast<std::int32_t>(low_bits(key, bits) >> item_bits);
    answers.indices[at] = static_cast<std::int64_t>(low_bits(key, item_bits));
    if (answers.distances != nullptr) answers.distances[at] = distance;
    if (answers.similarities != nullptr) answers.similarities[at] = similarity_of(distance, dim);
  }

 private:
  static __device__ __forceinline__ uint64_t low_bits(uint64_t key, unsigned n) {
    return key & ((uint64_t{1} << n) - 1);
  }
};

// A block a probe: finds the k-th smallest key digit by digit, then writes all keys up to it, with the probe.
__global__ void __launch_bounds__(kThreads)
    select(const Scores* scores, HadamardItems items, KeyForm form, uint64_t* keys) {
  __shared__ unsigned counts[kThreads];
  __shared__ uint64_t prefix;
  __shared__ size_t wanted;
  __shared__ unsigned n_written;
  const Scores* const mine = scores + blockIdx.x * items.dim;
  const auto key_of = [&](size_t i) { return distance_of(mine, items, i) << form.item_bits | i; };
  if (threadIdx.x == 0) prefix = 0, wanted = form.k, n_written = 0;
  for (unsigned digit = (form.bits + kDigitBits - 1) / kDigitBits; digit-- > 0;) {
    counts[threadIdx.x] = 0;
    __syncthreads();
    const unsigned shift = digit * kDigitBits;
    for (size_t i = threadIdx.x; i < items.n; i += kThreads) {
      const uint64_t key = key_of(i) >> shift;
      if (key >> kDigitBits == prefix) atomicAdd(counts + key % kThreads, 1U);
    }
    __syncthreads();
    add_up(counts);
    const unsigned before = threadIdx.x == 0 ? 0 : counts[threadIdx.x - 1];
    const size_t needed = wanted;
    __syncthreads();
    if (before < needed && counts[threadIdx.x] >= needed) {  // one thread's
      wanted = needed - before;
      prefix = prefix << kDigitBits | threadIdx.x;
    }
    __syncthreads();
  }
  const uint64_t probe = uint64_t{blockIdx.x} << form.bits;
  for (size_t i = threadIdx.x; i < items.n; i += kThreads)
    if (const uint64_t key = key_of(i); key <= prefix)
      keys[blockIdx.x * form.k + atomicAdd(&n_written, 1U)] = probe | key;
}

// A block a probe: sorts its keys in `room` of shared memory, a power of two.
__global__ void __launch_bounds__(kThreads)
    write_sorted(const uint64_t* keys, KeyForm form, unsigned room, unsigned dim, NearestRows answers) {
  auto* const mine = shared_memory<uint64_t>();
  const size_t first = blockIdx.x * form.k;
  for (unsigned i = threadIdx.x; i < room; i += kThreads) mine[i] = i < form.k ? keys[first + i] : kNoKey;
  __syncthreads();
  sort_keys(mine, room, threadIdx.x, kThreads, [] { __syncthreads(); });
  for (unsigned i = threadIdx.x; i < form.k; i += kThreads) form.write(mine[i], first + i, dim, answers);
}

__global__ void __launch_bounds__(kThreads)
    write_all(const uint64_t* keys, size_t n, KeyForm form, unsigned dim, NearestRows answers) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n; i += step) form.write(keys[i], i, dim, answers);
}

__global__ void __launch_bounds__(kThreads)
    collect(const Scores* scores, size_t n_probes, HadamardItems items, const std::int32_t* radii,
            unsigned long long* cursors, uint64_t* keys) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_probes * items.n; i += step) {
    const size_t probe = i / items.n, item = i - probe * items.n;
    const uint64_t distance = distance_of(scores + probe * items.dim, items, item);
    if (static_cast<std::int64_t>(distance) > radii[probe]) continue;
    const unsigned long long place = atomicAdd(cursors + probe, 1ULL);
    if (keys != nullptr) keys[place] = distance << kRowBits | item;
  }
}

// Calls use(first, n, scores) for probes that share scratch memory, with `wanted` answers each.
template <class Use>
void with_scores(Place place, BitRows probes, HadamardItems items, size_t wanted, Use use) {
  if (probes.n == 0 || items.n == 0) return;
  const OnDevice on(place.device);
  const size_t most = std::max<size_t>(1, std::min(kScoresAtOnce / items.dim, kKeysAtOnce / wanted));
  const Scratch<Scores> scores(place, std::min(most, probes.n) * items.dim);
  const unsigned log_dim = static_cast<unsigned>(std::countr_zero(items.dim));
  for (size_t first = 0; first < probes.n; first += most) {
    const size_t n = std::min(most, probes.n - first);
    const BitRows some{probes.words + first * probes.stride, n, probes.stride};
    transform(place, SignedBits{some, items.signs, log_dim}, n, items.dim, scores.data());
    use(first, n, static_cast<const Scores*>(scores.data()));
  }
}

// Answers for n probes, whose scores are there.
void sorted_answers(Place place, const Scores* scores, HadamardItems items, size_t n, KeyForm form,
                    NearestRows answers) {
  const Grid a_probe{static_cast<unsigned>(n)};
  const auto dim = static_cast<unsigned>(items.dim);
  if (form.k <= kMostOfBlock) {
    const Scratch<uint64_t> keys(place, n * form.k);
    const auto room = static_cast<unsigned>(std::bit_ceil(form.k));
    launch(place, a_probe, select, scores, items, form, keys.data());
    const Grid grid{a_probe.blocks, kThreads, room * sizeof(uint64_t)};
    return launch(place, grid, write_sorted, keys.data(), form, room, dim, answers);
  }
  Sorter<uint64_t> sorter(place, n * form.k);
  launch(place, a_probe, select, scores, items, form, sorter.keys());
  sorter.sort(n * form.k, 0, static_cast<int>(form.bits) + bits_below(n));
  launch(place, grid_for(n * form.k, 4), write_all, sorter.keys(), n * form.k, form, dim, answers);
}

// ---- vectors of items

// Word j of a row of the matrix: of bits below 64 the row's own, turned round where the rest of its number meets j.
__device__ __forceinline__ uint64_t matrix_word(std::uint32_t number, size_t j) {
  constexpr uint64_t kHasBit[] = {0xAAAAAAAAAAAAAAAAU, 0xCCCCCCCCCCCCCCCCU, 0xF0F0F0F0F0F0F0F0U,
                                  0xFF00FF00FF00FF00U, 0xFFFF0000FFFF0000U, 0xFFFFFFFF00000000U};
  uint64_t word = (__popcll(number / kWordBits & j) & 1) != 0 ? ~uint64_t{0} : 0;
#pragma unroll
  for (unsigned bit = 0; bit < 6; ++bit)
    if ((number >> bit & 1) != 0) word ^= kHasBit[bit];
  return word;
}

__global__ void __launch_bounds__(kThreads) write_rows(HadamardItems items, const std::int64_t* places, size_t n,
                                                       size_t n_words, uint64_t mask, uint64_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n * n_words; i += step) {
    const size_t row = i / n_words, j = i - row * n_words;
    const std::int64_t place = places[row];
    out[i] = place < 0 ? 0 : (matrix_word(items.numbers[place], j) ^ items.signs[j]) & mask;
  }
}

}  // namespace

bool walsh_hadamard(Place place, float* rows, size_t n_rows, size_t n) {
  if (n_rows == 0) return true;
  const OnDevice on(place.device);
  if (!is_sound(place, rows, n_rows * n, n)) return false;
  transform(place, Entries<float>{rows}, n_rows, n, rows);
  return true;
}

bool walsh_hadamard(Place place, std::int32_t* rows, size_t n_rows, size_t n) {
  if (n_rows == 0) return true;
  const OnDevice on(place.device);
  if (!is_sound(place, rows, n_rows * n, n)) return false;
  auto* const entries = reinterpret_cast<std::uint32_t*>(rows);
  transform(place, Entries<std::uint32_t>{entries}, n_rows, n, entries);
  return true;
}

void hadamard_top_k(Place place, BitRows probes, HadamardItems items, NearestRows answers) {
  const unsigned item_bits = static_cast<unsigned>(std::bit_width(items.n - 1));
  const KeyForm form{answers.k, item_bits, item_bits + static_cast<unsigned>(std::bit_width(items.dim))};
  with_scores(place, probes, items, answers.k, [&](size_t first, size_t n, const Scores* scores) {
    sorted_answers(place, scores, items, n, form, answers.from(first));
  });
}

void hadamard_range(Place place, BitRows probes, const std::int32_t* radii, HadamardItems items,
                    unsigned long long* cursors, uint64_t* keys) {
  with_scores(place, probes, items, 1, [&](size_t first, size_t n, const Scores* scores) {
    launch(place, grid_for(n * items.n, 4), collect, scores, n, items, radii + first, cursors + first, keys);
  });
}

void hadamard_rows(Place place, HadamardItems items, const std::int64_t* places, size_t n, uint64_t* out) {
  const OnDevice on(place.device);
  const size_t n_words = words_for(items.dim);
  launch(place, grid_for(n * n_words), write_rows, items, places, n, n_words, tail_mask(items.dim), out);
}

}  // namespace hypersketch::cuda
