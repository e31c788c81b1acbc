// SPDX-License-Identifier: Apache-2.0
// Adding large batches to filters beyond the L2 cache. One radix pass orders the words by their highest bits, and so by
// slices of the filter that fit the cache, which then come and go once a batch: random accesses to memory become
// sequential ones.
//
// Bytes a key: the direct way moves a sector in and one out, 64 bytes, and as memory moves no less than 64 at a time,
// up to 128. Slices cost 16 to make words, 24 to sort them and 8 to read them; and twice the block for every block,
// which is 64 divided by the keys a block has (128 for a cache line, whose direct way costs 128 to 256). With k keys a
// block the sum is 48 + 64 / k: no gain at k = 1, about half at k = 4. To be tuned on a GPU.
// Asking goes the direct way at any size: it moves 64 bytes a key, while slices would cost 16 for words, 4 for indices,
// 32 to sort, 12 to read and up to 32 for answers that are scattered over the batch.
#include "bloom.cuh"
#include "sort.cuh"

namespace hypersketch::cuda {
namespace {

constexpr uint64_t kLeastKeysABlock = 4;  // from here on it pays
constexpr size_t kScratchShare = 8;       // scratch memory is at most this part of the device's
constexpr size_t kScratchBytes = 16;      // a key
constexpr uint64_t kSliceShare = 4;       // a slice is at most this part of the cache, beside what streams by
constexpr int kMostSliceBits = 8;         // of one radix pass

int slice_bits(Place place, uint64_t n_bytes) {
  const auto cache = static_cast<uint64_t>(device_attribute(place.device, cudaDevAttrL2CacheSize));
  if (n_bytes <= cache) return 0;
  int bits = 1;
  while (bits <= kMostSliceBits && (n_bytes >> bits) > cache / kSliceShare) ++bits;
  return bits > kMostSliceBits ? 0 : bits;
}

// Keys that are sorted at once: the more a block has, the less its slice's coming and going costs each.
size_t most_at_once(size_t n) {
  size_t n_free = 0, total = 0;
  check(cudaMemGetInfo(&n_free, &total), "Asking for a GPU's memory");
  return std::min(n, total / kScratchShare / kScratchBytes);
}

void add_slices(Place place, BloomFilter filter, Keys keys, int bits, size_t most) {
  Sorter<uint64_t> sorter(place, most);
  for (size_t first = 0; first < keys.n; first += most) {
    const size_t n = std::min(most, keys.n - first);
    make_words_of_keys(place, filter, {keys.words + first, n, keys.hashed}, sorter.keys());
    sorter.sort(n, 64 - bits, 64);
    add_words_to_blocks(place, filter, sorter.keys(), n);
  }
}

}  // namespace

bool add_in_slices(Place place, BloomFilter filter, Keys keys) {
  const bool is_split = filter.layout == BloomLayout::kSplitBlock;
  const uint64_t n_blocks = filter.n_bits / (kWordBits * (is_split ? kSplitWords : kLineWords));
  const uint64_t least = n_blocks * kLeastKeysABlock;
  if (keys.n < least) return false;
  const int bits = slice_bits(place, filter.n_bits / 8);
  if (bits == 0) return false;
  const size_t most = most_at_once(keys.n);
  if (most < least) return false;
  try {
    with_memory_for(most, least, [&](size_t at_once) { add_slices(place, filter, keys, bits, at_once); });
  } catch (const OutOfMemory&) {
    return false;
  }
  return true;
}

}  // namespace hypersketch::cuda
