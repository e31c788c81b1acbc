// SPDX-License-Identifier: Apache-2.0
// Blocked Bloom filters: a key's mask of one block is computed in registers and meets its block once. Bound by the
// one random access a key, to L2, L3 or memory; the mask costs a few multiplications that overlap with it.

// The bits of one key in a block of 256 bits: one in each 32-bit lane.
struct SplitBlock {
  static constexpr size_t kWords = kSplitWords;
  struct Rule {
    HYPERSKETCH_MEMBER explicit Rule(size_t) {}
  };
#if defined(__AVX2__)
  __m256i mask;

  HYPERSKETCH_MEMBER SplitBlock(uint64_t word, Rule) {
    const __m256i salts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kSplitSalts));
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
    const auto low = static_cast<std::uint32_t>(word);
    for (size_t i = 0; i < kWords; ++i)
      mask[i] = uint64_t{1} << ((low * kSplitSalts[2 * i]) >> 27) |
                uint64_t{1} << (((low * kSplitSalts[2 * i + 1]) >> 27) + 32);
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
      const Vec product = placed * load(kLineSalts + p * kLanes);
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
constexpr size_t kKeysAhead = 4;

template <class Block, class Touch>
HYPERSKETCH_MEMBER void for_blocks(BlockView filter, const uint64_t* words, size_t n, Touch touch) {
  const typename Block::Rule rule(filter.n_hashes);
  size_t i = 0;
  for (; i + kKeysAhead <= n; i += kKeysAhead) {
    const uint64_t* const w = words + i;
    const Block keys[kKeysAhead] = {{w[0], rule}, {w[1], rule}, {w[2], rule}, {w[3], rule}};
    uint64_t* const blocks[kKeysAhead] = {block_of<Block>(filter, w[0]), block_of<Block>(filter, w[1]),
                                          block_of<Block>(filter, w[2]), block_of<Block>(filter, w[3])};
    for (size_t j = 0; j < kKeysAhead; ++j) touch(keys[j], blocks[j], i + j);
  }
  for (; i < n; ++i) touch(Block(words[i], rule), block_of<Block>(filter, words[i]), i);
}

template <class Block>
void block_add(BlockView filter, const uint64_t* words, size_t n) {
  for_blocks<Block>(filter, words, n, [](const Block& key, uint64_t* block, size_t) { key.put(block); });
}

template <class Block>
void block_contains(BlockView filter, const uint64_t* words, size_t n, bool* out) {
  for_blocks<Block>(filter, words, n, [=](const Block& key, uint64_t* block, size_t i) { out[i] = key.in(block); });
}

template <class Block>
void block_test_and_add(BlockView filter, const uint64_t* words, size_t n, bool* out) {
  for_blocks<Block>(filter, words, n, [=](const Block& key, uint64_t* block, size_t i) {
    out[i] = key.in(block);
    key.put(block);
  });
}

constexpr BlockKernels kSplitBlockKernels{block_add<SplitBlock>, block_contains<SplitBlock>,
                                          block_test_and_add<SplitBlock>};

void line_add(BlockView filter, const uint64_t* words, size_t n) {
  if (filter.n_hashes <= kBlockLanes) return block_add<CacheLine<false>>(filter, words, n);
  block_add<CacheLine<true>>(filter, words, n);
}

void line_contains(BlockView filter, const uint64_t* words, size_t n, bool* out) {
  if (filter.n_hashes <= kBlockLanes) return block_contains<CacheLine<false>>(filter, words, n, out);
  block_contains<CacheLine<true>>(filter, words, n, out);
}

void line_test_and_add(BlockView filter, const uint64_t* words, size_t n, bool* out) {
  if (filter.n_hashes <= kBlockLanes) return block_test_and_add<CacheLine<false>>(filter, words, n, out);
  block_test_and_add<CacheLine<true>>(filter, words, n, out);
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
