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

constexpr uint64_t kLeastKeysABlock = 4;         // from here on it pays
constexpr size_t kMostAtOnce = size_t{1} << 27;  // keys; their scratch memory is 16 bytes each, 2 GiB
constexpr uint64_t kSliceShare = 4;              // a slice is at most this part of the cache, beside what streams by
constexpr int kMostSliceBits = 8;                // of one radix pass

int slice_bits(Place place, uint64_t n_bytes) {
  const auto cache = static_cast<uint64_t>(device_attribute(place.device, cudaDevAttrL2CacheSize));
  if (n_bytes <= cache) return 0;
  int bits = 1;
  while (bits <= kMostSliceBits && (n_bytes >> bits) > cache / kSliceShare) ++bits;
  return bits > kMostSliceBits ? 0 : bits;
}

void add_slices(Place place, BloomFilter filter, Keys keys, int bits) {
  Sorter<uint64_t> sorter(place, std::min(keys.n, kMostAtOnce));
  for (size_t first = 0; first < keys.n; first += kMostAtOnce) {
    const size_t n = std::min(kMostAtOnce, keys.n - first);
    make_words_of_keys(place, filter, {keys.words + first, n, keys.hashed}, sorter.keys());
    sorter.sort(n, 64 - bits, 64);
    add_words_to_blocks(place, filter, sorter.keys(), n);
  }
}

}  // namespace

bool add_in_slices(Place place, BloomFilter filter, Keys keys) {
  const uint64_t n_blocks =
      filter.n_bits / (kWordBits * (filter.layout == BloomLayout::kSplitBlock ? kSplitWords : kLineWords));
  if (std::min(keys.n, kMostAtOnce) / kLeastKeysABlock < n_blocks) return false;
  const int bits = slice_bits(place, filter.n_bits / 8);
  if (bits == 0) return false;
  try {
    add_slices(place, filter, keys, bits);
  } catch (const OutOfMemory&) {
    return false;
  }
  return true;
}

}  // namespace hypersketch::cuda
