// SPDX-License-Identifier: Apache-2.0
// XXH64 of integers: 16 bytes a key through memory against some fifty instructions, bound by memory. Contiguous keys
// of eight bytes go two a thread, in loads and stores of 16 bytes that leave the caches to others.
#include "hypersketch/hash.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

__global__ void __launch_bounds__(kThreads)
    hash_pairs_kernel(const ulonglong2* keys, size_t n_pairs, uint64_t seed, ulonglong2* out) {
  const size_t i = thread_index();
  if (i >= n_pairs) return;
  const ulonglong2 pair = __ldcs(keys + i);
  __stcs(out + i, make_ulonglong2(xxh64_integer<uint64_t>(pair.x, seed), xxh64_integer<uint64_t>(pair.y, seed)));
}

// Integers anywhere, even where a load of their size would not be aligned.
struct Bytes {
  const unsigned char* first;
  std::ptrdiff_t stride;
  bool is_aligned;
};

template <class T>
__global__ void __launch_bounds__(kThreads) hash_kernel(Bytes keys, size_t n, uint64_t seed, uint64_t* out) {
  const size_t i = thread_index();
  if (i >= n) return;
  const unsigned char* const at = keys.first + static_cast<std::ptrdiff_t>(i) * keys.stride;
  T key;
  if (keys.is_aligned)
    key = *reinterpret_cast<const T*>(at);
  else
    std::memcpy(&key, at, sizeof key);
  out[i] = xxh64_integer(static_cast<uint64_t>(static_cast<std::int64_t>(key)), seed);
}

template <class T>
void hash_as(Place place, IntegerArray keys, uint64_t seed, uint64_t* out) {
  const auto address = reinterpret_cast<std::uintptr_t>(keys.data);
  const bool is_aligned = address % sizeof(T) == 0 && keys.stride % static_cast<std::ptrdiff_t>(sizeof(T)) == 0;
  const Bytes bytes{static_cast<const unsigned char*>(keys.data), keys.stride, is_aligned};
  launch(place, grid_for(keys.n), hash_kernel<T>, bytes, keys.n, seed, out);
}

bool lies_on_16(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// Hashes as many keys as the wide kernel can take; returns how many.
size_t hash_pairs(Place place, IntegerArray keys, uint64_t seed, uint64_t* out) {
  if (keys.n_bytes != 8 || keys.stride != 8 || !lies_on_16(keys.data) || !lies_on_16(out)) return 0;
  const size_t n_pairs = keys.n / 2;
  launch(place, grid_for(n_pairs), hash_pairs_kernel, static_cast<const ulonglong2*>(keys.data), n_pairs, seed,
         reinterpret_cast<ulonglong2*>(out));
  return 2 * n_pairs;
}

}  // namespace

void hash_integers(Place place, IntegerArray keys, uint64_t seed, uint64_t* out) {
  if (keys.n == 0) return;
  OnDevice on(place.device);
  const size_t done = hash_pairs(place, keys, seed, out);
  keys.data = static_cast<const unsigned char*>(keys.data) + static_cast<std::ptrdiff_t>(done) * keys.stride;
  keys.n -= done;
  out += done;
  switch (keys.is_signed ? -keys.n_bytes : keys.n_bytes) {
    case 1:
      return hash_as<std::uint8_t>(place, keys, seed, out);
    case 2:
      return hash_as<std::uint16_t>(place, keys, seed, out);
    case 4:
      return hash_as<std::uint32_t>(place, keys, seed, out);
    case -1:
      return hash_as<std::int8_t>(place, keys, seed, out);
    case -2:
      return hash_as<std::int16_t>(place, keys, seed, out);
    case -4:
      return hash_as<std::int32_t>(place, keys, seed, out);
    default:
      return hash_as<uint64_t>(place, keys, seed, out);
  }
}

}  // namespace hypersketch::cuda
