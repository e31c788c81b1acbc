// SPDX-License-Identifier: Apache-2.0
// XXH64 of strings, bound by memory where threads side by side read bytes side by side.
// Short strings, one thread each: a block of threads copies the bytes of its strings, which lie one behind the other,
// to shared memory by loads of 16 bytes; the hashes then read words from there at any offset.
// Strings that are too long for that: four threads each, for the four lanes that XXH64 runs over stripes of 32 bytes.
#include <stdexcept>

#include "counter.cuh"
#include "hypersketch/hash.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTileBytes = 32 * 1024;  // of strings of a block of threads: 128 each; seven blocks fit a processor
constexpr unsigned kChunk = 16;
constexpr unsigned kPadding = 2 * kChunk;  // before the first byte, for its alignment, and behind the last

// Bytes in shared memory, as pointers to bytes would be. Words are read whole; up to 11 bytes behind `at` must exist.
struct SharedBytes {
  const std::uint32_t* words;
  unsigned at;

  __device__ __forceinline__ SharedBytes operator+(size_t n) const { return {words, at + static_cast<unsigned>(n)}; }
  __device__ __forceinline__ SharedBytes& operator+=(unsigned n) { return at += n, *this; }
  __device__ __forceinline__ SharedBytes& operator++() { return ++at, *this; }
  __device__ __forceinline__ bool operator!=(SharedBytes other) const { return at != other.at; }
  __device__ __forceinline__ unsigned operator*() const { return words[at / 4] >> (8 * (at % 4)) & 0xFF; }
};

__device__ __forceinline__ int operator-(SharedBytes a, SharedBytes b) { return static_cast<int>(a.at - b.at); }

__device__ __forceinline__ std::uint32_t shifted(std::uint32_t low, std::uint32_t high, unsigned bits) {
  return static_cast<std::uint32_t>((uint64_t{high} << 32 | low) >> bits);
}

__device__ __forceinline__ uint64_t load_u32(SharedBytes p) {
  const std::uint32_t* const word = p.words + p.at / 4;
  return shifted(word[0], word[1], 8 * (p.at % 4));
}

__device__ __forceinline__ uint64_t load_u64(SharedBytes p) {
  const std::uint32_t* const word = p.words + p.at / 4;
  const unsigned bits = 8 * (p.at % 4);
  return uint64_t{shifted(word[1], word[2], bits)} << 32 | shifted(word[0], word[1], bits);
}

// Copies bytes [begin, end) to shared memory, where they start at the byte that is returned. Reads no byte beside them.
__device__ unsigned copy_tile(const unsigned char* begin, const unsigned char* end, unsigned char* tile) {
  const auto shift = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(begin) % kChunk);
  const unsigned stop = shift + static_cast<unsigned>(end - begin);
  for (unsigned at = threadIdx.x * kChunk; at < stop; at += kThreads * kChunk) {
    if (at >= shift && at + kChunk <= stop) {
      *reinterpret_cast<uint4*>(tile + at) = *reinterpret_cast<const uint4*>(begin + (at - shift));
      continue;
    }
    for (unsigned b = at < shift ? shift : at; b < at + kChunk && b < stop; ++b) tile[b] = begin[b - shift];
  }
  return shift;
}

// Eight bytes at any address, by loads of aligned words where those lie between two bounds, which are on 8 bytes.
struct WordLoader {
  const unsigned char* lower;
  const unsigned char* upper;

  __device__ WordLoader(const unsigned char* begin, size_t n)
      : lower(begin + (0 - reinterpret_cast<std::uintptr_t>(begin)) % 8),
        upper(begin + n - reinterpret_cast<std::uintptr_t>(begin + n) % 8) {}

  __device__ __forceinline__ uint64_t operator()(const unsigned char* p) const {
    const auto beside = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(p) % 8);
    const unsigned char* const word = p - beside;
    if (word < lower || upper - word < 16) return hypersketch::load_u64(p);
    const auto* const words = reinterpret_cast<const uint64_t*>(word);
    return beside == 0 ? words[0] : words[0] >> (8 * beside) | words[1] << (64 - 8 * beside);
  }
};

constexpr unsigned kQuad = 4;

__device__ __forceinline__ uint64_t lane_of_quad(uint64_t mine, unsigned lane) {
  const unsigned source = threadIdx.x % kWarp / kQuad * kQuad + lane;
  return __shfl_sync(kWholeWarp, static_cast<unsigned long long>(mine), static_cast<int>(source));
}

// The hash of a string that four threads have before them; all threads of the warp call it together.
__device__ uint64_t hash_by_quad(const unsigned char* p, size_t size, uint64_t seed, WordLoader load) {
  const unsigned lane = threadIdx.x % kQuad;
  const StripeLanes starts = xxh64_start_lanes(seed);
  uint64_t mine = lane == 0 ? starts.a : lane == 1 ? starts.b : lane == 2 ? starts.c : starts.d;
  const size_t striped = size / 32 * 32;
#pragma unroll 4
  for (size_t at = 8 * lane; at < striped; at += 32) mine = xxh64_round(mine, load(p + at));
  StripeLanes lanes;
  lanes.a = lane_of_quad(mine, 0);
  lanes.b = lane_of_quad(mine, 1);
  lanes.c = lane_of_quad(mine, 2);
  lanes.d = lane_of_quad(mine, 3);
  return xxh64_finish((striped != 0 ? xxh64_join_lanes(lanes) : seed + kPrime5) + size, p + striped, p + size);
}

// Strings [first, last) of a block of threads.
template <class Offset>
__device__ void hash_long_strings(StringArray<Offset> keys, size_t first, size_t last, uint64_t seed, uint64_t* out) {
  const WordLoader load(keys.bytes, keys.n_bytes);
  for (unsigned step = 0; step < kThreads; step += kThreads / kQuad) {
    const size_t i = first + step + threadIdx.x / kQuad;
    const Offset begin = i < last ? keys.offsets[i] : 0, end = i < last ? keys.offsets[i + 1] : 0;
    const uint64_t hash = hash_by_quad(keys.bytes + begin, static_cast<size_t>(end - begin), seed, load);
    if (i < last && threadIdx.x % kQuad == 0) out[i] = hash;
  }
}

template <class Offset>
__global__ void __launch_bounds__(kThreads)
    hash_strings_kernel(StringArray<Offset> keys, uint64_t seed, uint64_t* out) {
  const size_t first = size_t{blockIdx.x} * kThreads, i = first + threadIdx.x;
  const size_t last = first + kThreads < keys.n ? first + kThreads : keys.n;
  const Offset begin = keys.offsets[first], end = keys.offsets[last];
  if (end - begin > static_cast<Offset>(kTileBytes)) return hash_long_strings(keys, first, last, seed, out);
  auto* const tile = shared_memory<std::uint32_t>();
  const unsigned shift = copy_tile(keys.bytes + begin, keys.bytes + end, reinterpret_cast<unsigned char*>(tile));
  __syncthreads();
  if (i >= keys.n) return;
  const Offset mine = keys.offsets[i];
  const SharedBytes string{tile, shift + static_cast<unsigned>(mine - begin)};
  out[i] = xxh64_from(string, static_cast<size_t>(keys.offsets[i + 1] - mine), seed);
}

template <class Offset>
__global__ void __launch_bounds__(kThreads) check_offsets_kernel(StringArray<Offset> keys, unsigned long long* broken) {
  const size_t i = thread_index();
  if (i >= keys.n) return;
  const Offset begin = keys.offsets[i], end = keys.offsets[i + 1];
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > keys.n_bytes) atomicOr(broken, 1ULL);
}

}  // namespace

template <class Offset>
void hash_strings(Place place, StringArray<Offset> keys, uint64_t seed, uint64_t* out) {
  if (keys.n == 0) return;
  OnDevice on(place.device);
  const Counter broken(place);
  launch(place, grid_for(keys.n), check_offsets_kernel<Offset>, keys, broken.data());
  if (broken.read() != 0)
    throw std::invalid_argument("The 'keys' parameter is broken: its offsets do not rise within its bytes.");
  Grid grid = grid_for(keys.n);
  grid.shared_bytes = kTileBytes + kPadding;
  launch(place, grid, hash_strings_kernel<Offset>, keys, seed, out);
}

template void hash_strings<std::int32_t>(Place, StringArray<std::int32_t>, uint64_t, uint64_t*);
template void hash_strings<std::int64_t>(Place, StringArray<std::int64_t>, uint64_t, uint64_t*);

}  // namespace hypersketch::cuda
