// SPDX-License-Identifier: Apache-2.0
// Blocked Bloom filters: a key's mask of one block is computed in registers and meets its block once. Bound by the
// one random access a key, to L2, L3 or memory. All else overlaps with it, if it stands close by: a loop that hashes
// many keys and then touches many blocks leaves the memory idle in the first half and the multipliers in the second.
// So words are made a few keys at a time, well ahead; blocks that are in no cache are prefetched a little later, and
// touched when they are there.

constexpr SplitSalts kSplitSalts = split_salts();
constexpr LineSalts kLineSalts = line_salts();

// The bits of one key in a block of 256 bits: one in each 32-bit lane.
struct SplitBlock {
  static constexpr size_t kWords = kSplitWords;
  struct Rule {
    HYPERSKETCH_MEMBER explicit Rule(size_t) {}
  };
#if defined(__AVX2__)
  __m256i mask;

  HYPERSKETCH_MEMBER SplitBlock(uint64_t word, Rule) {
    const __m256i salts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kSplitSalts.of_lane));
    const __m256i products = _mm256_mullo_epi32(_mm256_set1_epi32(static_cast<int>(word)), salts);
    mask = _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_srli_epi32(products, 27));
  }
  static HYPERSKETCH_MEMBER __m256i whole(const uint64_t* block) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
  }
  HYPERSKETCH_MEMBER bool in(const uint64_t* block) const { return _mm256_testc_si256(whole(block), mask) != 0; }
  HYPERSKETCH_MEMBER void put(uint64_t* block) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(block), _mm256_or_si256(whole(block), mask));
  }
#else
  uint64_t mask[kWords];

  HYPERSKETCH_MEMBER SplitBlock(uint64_t word, Rule) {
    for (size_t j = 0; j < kWords; ++j) mask[j] = split_block_mask(word, j);
  }
  HYPERSKETCH_MEMBER bool in(const uint64_t* block) const {
    uint64_t missing = 0;
    for (size_t i = 0; i < kWords; ++i) missing |= mask[i] & ~block[i];
    return missing == 0;
  }
  HYPERSKETCH_MEMBER void put(uint64_t* block) const {
    for (size_t i = 0; i < kWords; ++i) block[i] |= mask[i];
  }
#endif
};

// The bits of one key in a block of 512 bits: one in every lane at most, or up to two when kTwice.
template <bool kTwice>
struct CacheLine {
  static constexpr size_t kWords = kLineWords;
  static constexpr size_t kParts = kWords / kLanes;

  // Which lanes take a key's first and second bit when its lanes start at 0, twice over: the eight numbers from
  // 8 - r on are those for lanes that start at r.
  struct Rule {
    uint64_t first[2 * kBlockLanes], second[2 * kBlockLanes];

    HYPERSKETCH_MEMBER explicit Rule(size_t n_hashes) {
      for (size_t i = 0; i < 2 * kBlockLanes; ++i) {
        first[i] = i % kBlockLanes < n_hashes;
        second[i] = i % kBlockLanes + kBlockLanes < n_hashes;
      }
    }
  };

  Vec mask[kParts];

  HYPERSKETCH_MEMBER CacheLine(uint64_t word, const Rule& rule) {
    const Vec placed = broadcast(line_word(word));
    const size_t start = kBlockLanes - word % kBlockLanes;
    for (size_t p = 0; p < kParts; ++p) {
      const Vec product = placed * load(kLineSalts.of_lane + p * kLanes);
      mask[p] = load(rule.first + start + p * kLanes) << (product >> 58);
      if (kTwice) mask[p] |= load(rule.second + start + p * kLanes) << ((product >> 52) & 63);
    }
  }
  HYPERSKETCH_MEMBER bool in(const uint64_t* block) const {
    Vec missing{};
    for (size_t p = 0; p < kParts; ++p) missing |= mask[p] & ~load(block + p * kLanes);
    return is_zero(missing);
  }
  HYPERSKETCH_MEMBER void put(uint64_t* block) const {
    for (size_t p = 0; p < kParts; ++p) store(block + p * kLanes, load(block + p * kLanes) | mask[p]);
  }
};

template <class Block>
uint64_t* block_of(BlockView filter, uint64_t word) {
  return filter.bits + block_index(word, filter.n_blocks) * Block::kWords;
}

// Masks and addresses of a few keys come first: a processor that saw a store between them would wait to learn whether
// the next key's load must see it.
constexpr size_t kFew = 4;
constexpr size_t kGroup = 8;                           // keys whose words are made together
constexpr size_t kMadeAhead = 64, kFetchedAhead = 48;  // keys between making a word, fetching and touching its block
constexpr size_t kRing = 128;                          // a power of two of more words than are made ahead

template <class Block, class Touch>
HYPERSKETCH_MEMBER void touch_few(BlockView filter, const typename Block::Rule& rule, const uint64_t* w, size_t i,
                                  Touch touch) {
  const Block keys[kFew] = {{w[0], rule}, {w[1], rule}, {w[2], rule}, {w[3], rule}};
  uint64_t* const blocks[kFew] = {block_of<Block>(filter, w[0]), block_of<Block>(filter, w[1]),
                                  block_of<Block>(filter, w[2]), block_of<Block>(filter, w[3])};
  for (size_t j = 0; j < kFew; ++j) touch(keys[j], blocks[j], i + j);
}

// Words of up to kGroup keys from key i on.
HYPERSKETCH_MEMBER void make_words(BlockView filter, const uint64_t* keys, size_t i, size_t n, uint64_t* ring) {
  for_lanes(n - i < kGroup ? n - i : kGroup, [=](size_t j, size_t lanes) {
    Vec word = load_lanes(keys + i + j, lanes);
    if (filter.hash) word = xxh64_integer(word, 0);
    if (filter.start) word = stream_start(filter.word_of_seed, word);
    store_lanes(ring + (i + j) % kRing, word, lanes);
  });
}

template <class Block>
HYPERSKETCH_MEMBER void fetch_blocks(BlockView filter, const uint64_t* words, size_t n) {
  for (size_t j = 0; j < n; ++j) __builtin_prefetch(block_of<Block>(filter, words[j]), 1, 3);
}

template <class Block, class Touch>
HYPERSKETCH_MEMBER void for_blocks(BlockView filter, const uint64_t* keys, size_t n, Touch touch) {
  const typename Block::Rule rule(filter.n_hashes);
  const bool made = filter.hash || filter.start;  // otherwise the keys are the words
  alignas(64) uint64_t ring[kRing];
  const auto words_at = [&](size_t i) { return made ? ring + i % kRing : keys + i; };
  for (size_t i = 0; made && i < n && i < kMadeAhead; i += kGroup) make_words(filter, keys, i, n, ring);
  if (filter.prefetch) fetch_blocks<Block>(filter, words_at(0), n < kFetchedAhead ? n : kFetchedAhead);
  size_t i = 0;
  for (; i + kGroup <= n; i += kGroup) {
    if (made && i + kMadeAhead < n) make_words(filter, keys, i + kMadeAhead, n, ring);
    if (filter.prefetch && i + kFetchedAhead + kGroup <= n)
      fetch_blocks<Block>(filter, words_at(i + kFetchedAhead), kGroup);
    const uint64_t* const words = words_at(i);
    for (size_t j = 0; j < kGroup; j += kFew) touch_few<Block>(filter, rule, words + j, i + j, touch);
  }
  for (; i < n; ++i) touch(Block(*words_at(i), rule), block_of<Block>(filter, *words_at(i)), i);
}

template <class Block>
void block_add(BlockView filter, const uint64_t* keys, size_t n) {
  for_blocks<Block>(filter, keys, n, [](const Block& key, uint64_t* block, size_t) { key.put(block); });
}

template <class Block>
void block_contains(BlockView filter, const uint64_t* keys, size_t n, bool* out) {
  for_blocks<Block>(filter, keys, n, [=](const Block& key, uint64_t* block, size_t i) { out[i] = key.in(block); });
}

template <class Block>
void block_test_and_add(BlockView filter, const uint64_t* keys, size_t n, bool* out) {
  for_blocks<Block>(filter, keys, n, [=](const Block& key, uint64_t* block, size_t i) {
    out[i] = key.in(block);
    key.put(block);
  });
}

constexpr BlockKernels kSplitBlockKernels{block_add<SplitBlock>, block_contains<SplitBlock>,
                                          block_test_and_add<SplitBlock>};

void line_add(BlockView filter, const uint64_t* keys, size_t n) {
  if (filter.n_hashes <= kBlockLanes) return block_add<CacheLine<false>>(filter, keys, n);
  block_add<CacheLine<true>>(filter, keys, n);
}

void line_contains(BlockView filter, const uint64_t* keys, size_t n, bool* out) {
  if (filter.n_hashes <= kBlockLanes) return block_contains<CacheLine<false>>(filter, keys, n, out);
  block_contains<CacheLine<true>>(filter, keys, n, out);
}

void line_test_and_add(BlockView filter, const uint64_t* keys, size_t n, bool* out) {
  if (filter.n_hashes <= kBlockLanes) return block_test_and_add<CacheLine<false>>(filter, keys, n, out);
  block_test_and_add<CacheLine<true>>(filter, keys, n, out);
}

constexpr BlockKernels kCacheLineKernels{line_add, line_contains, line_test_and_add};

size_t select_blocks(const uint64_t* words, size_t n, uint64_t n_blocks, uint64_t first, uint64_t last,
                     uint64_t* selected, std::uint32_t* indices) {
  size_t found = 0, i = 0;
#if defined(__AVX512F__)
  // Eight words at a time: those of the range are moved together and stored over what follows.
  const __m512i blocks = _mm512_set1_epi64(static_cast<long long>(n_blocks));
  __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (; i + 8 <= n; i += 8, index = _mm256_add_epi32(index, _mm256_set1_epi32(8))) {
    const Vec word = load(words + i);
    const __m512i product = _mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(word >> 32), blocks);
    const Vec distance = (reinterpret_cast<Vec>(product) >> 32) - first;
    const __mmask8 inside = _mm512_cmplt_epu64_mask(reinterpret_cast<__m512i>(distance),
                                                    reinterpret_cast<__m512i>(broadcast(last - first)));
    _mm512_storeu_si512(selected + found, _mm512_maskz_compress_epi64(inside, reinterpret_cast<__m512i>(word)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(indices + found), _mm256_maskz_compress_epi32(inside, index));
    found += static_cast<size_t>(__builtin_popcount(inside));
  }
#endif
  for (; i < n; ++i) {
    selected[found] = words[i];
    indices[found] = static_cast<std::uint32_t>(i);
    found += block_index(words[i], n_blocks) - first < last - first;
  }
  return found;
}
