// SPDX-License-Identifier: Apache-2.0
// What encoders make of values that lie on the GPU: characters of UTF-8 as hashes, numbers as levels. Bottleneck:
// memory; every byte and number is read once.
#include "hypersketch/hash.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

struct Character {
  unsigned size;  // bytes; 0 for what is no UTF-8
  unsigned char bytes[4];
};

// The character that begins at p, with `left` bytes to the end of its document.
__device__ __forceinline__ Character character_at(const unsigned char* p, size_t left) {
  const unsigned first = p[0];
  Character made{first < 0x80   ? 1U
                 : first < 0xC2 ? 0U
                 : first < 0xE0 ? 2U
                 : first < 0xF0 ? 3U
                 : first < 0xF5 ? 4U
                                : 0U,
                 {}};
  if (made.size > left) return {};
#pragma unroll
  for (unsigned k = 0; k < 4; ++k) {
    if (k >= made.size) continue;
    made.bytes[k] = p[k];
    if (k > 0 && (made.bytes[k] & 0xC0) != 0x80) return {};
  }
  const unsigned second = made.bytes[1];
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||  // too long; surrogates
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);    // too long; too large
  return wrong ? Character{} : made;
}

// A warp a document: lanes look at 32 bytes at a time, and those at which a character begins write its hash.
__global__ void __launch_bounds__(kThreads) decode(const std::int64_t* starts, size_t n, const unsigned char* bytes,
                                                   uint64_t* hashes, std::int64_t* ends, unsigned* broken) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t d = thread_index() / kWarp; d < n; d += step) {
    const auto begin = static_cast<size_t>(starts[d]), end = static_cast<size_t>(starts[d + 1]);
    size_t count = 0, covered = 0;
    bool wrong = false;
    for (size_t at = begin; at < end; at += kWarp) {
      const size_t i = at + lane;
      const bool begins = i < end && (bytes[i] & 0xC0) != 0x80;
      const unsigned all = __ballot_sync(kWholeWarp, begins);
      if (begins) {
        const Character found = character_at(bytes + i, end - i);
        wrong |= found.size == 0;
        covered += found.size;
        hashes[begin + count + count_ones(all & ((1U << lane) - 1))] = xxh64_bytes(found.bytes, found.size, 0);
      }
      count += count_ones(all);
    }
    covered = sum_of_warp(covered);
    // Bytes that go on with no character are covered by none.
    if (wrong || covered != end - begin) atomicOr(broken, 1U);
    if (lane == 0) ends[d] = static_cast<std::int64_t>(begin + count);
  }
}

__device__ __forceinline__ double level_of(double value, Levels levels) {
#if defined(__CUDA_ARCH__)
  const double place = rint(__dmul_rn(__dsub_rn(value, levels.low), levels.scale));
#else
  const double place = std::rint((value - levels.low) * levels.scale);
#endif
  const double last = static_cast<double>(levels.n - 1);
  return place < 0 ? 0 : place > last ? last : place;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    find_levels(const T* values, size_t n, Levels levels, std::uint32_t* out, unsigned* refused) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  unsigned mine = 0;
  for (size_t i = thread_index(); i < n; i += step) {
    const auto value = static_cast<double>(values[i]);
    const bool is_number = value == value;
    if (!is_number) mine |= kNoNumber;
    if (value < levels.least || value > levels.most) mine |= kOutside;
    out[i] = is_number ? static_cast<std::uint32_t>(level_of(value, levels)) : 0;
  }
  if (mine != 0) atomicOr(refused, mine);
}

unsigned read_flag(Place place, const Scratch<unsigned>& flag) {
  unsigned value = 0;
  copy_to_host(place, &value, flag.data(), sizeof value);
  return value;
}

}  // namespace

bool decode_characters(Place place, const std::int64_t* starts, size_t n, const unsigned char* bytes, uint64_t* hashes,
                       std::int64_t* ends) {
  const OnDevice on(place.device);
  const Scratch<unsigned> broken(place, 1);
  clear(place, broken.data(), sizeof(unsigned));
  launch(place, grid_for(n * kWarp), decode, starts, n, bytes, hashes, ends, broken.data());
  return read_flag(place, broken) == 0;
}

template <class T>
unsigned quantize(Place place, const T* values, size_t n, Levels levels, std::uint32_t* out) {
  const OnDevice on(place.device);
  const Scratch<unsigned> refused(place, 1);
  clear(place, refused.data(), sizeof(unsigned));
  launch(place, grid_for(n), find_levels<T>, values, n, levels, out, refused.data());
  return read_flag(place, refused);
}

template unsigned quantize(Place, const float*, size_t, Levels, std::uint32_t*);
template unsigned quantize(Place, const double*, size_t, Levels, std::uint32_t*);

}  // namespace hypersketch::cuda
