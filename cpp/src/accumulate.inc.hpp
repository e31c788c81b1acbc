// SPDX-License-Identifier: Apache-2.0
// Adding up to 255 +-1 vectors to int32 counters.
//
// Idea: a set bit is -1, so a sum of n vectors is n - 2 * (number of set bits), and set bits are counted by
// carry-save adders (carry_save.inc.hpp). Eight planes hold the count of 255 vectors; only then are the planes
// spread to bytes and added to the counters. Bottleneck: for computed atoms the two multiplies a word.

// Word j .. j+kLanes of item i as a product of computed atoms.
struct AtomSource {
  AtomBatch batch;
  HYPERSKETCH_MEMBER Vec get(size_t i, Vec offset) const {
    Vec v = mix64(broadcast(batch.starts[i]) + offset);
    for (size_t f = 1; f < batch.n_factors; ++f) v ^= mix64(broadcast(batch.starts[f * batch.stride + i]) + offset);
    return v;
  }
};

struct SingleAtomSource {
  const uint64_t* starts;
  HYPERSKETCH_MEMBER Vec get(size_t i, Vec offset) const { return mix64(broadcast(starts[i]) + offset); }
};

// The same words of stored vectors; `rows` already points at word j.
struct RowSource {
  const uint64_t* rows;
  size_t stride;
  const uint64_t* flips;
  HYPERSKETCH_MEMBER Vec get(size_t i, Vec) const {
    const Vec v = load(rows + i * stride);
    return flips == nullptr ? v : v ^ broadcast(flips[i]);
  }
};

// The same words of XORs of stored vectors, of kFactors each (0: of however many there are).
template <size_t kFactors>
struct ItemSource {
  ItemRows items;
  size_t word;
  size_t lanes;
  HYPERSKETCH_MEMBER Vec get(size_t i, Vec) const {
    const uint64_t* const* row = items.rows + i;
    Vec v = load_lanes(*row + word, lanes);
    for (size_t f = 1; f < (kFactors == 0 ? items.n_factors : kFactors); ++f)
      v ^= load_lanes(row[f * items.stride] + word, lanes);
    return v;
  }
};

constexpr size_t kPlanes = 8;
static_assert(kMaxBatch == (1U << kPlanes) - 1);

// Adds `carry` at plane p; the planes above hold the rest of the count.
HYPERSKETCH_HD void ripple(Vec (&planes)[kPlanes], Vec carry, size_t p, size_t used) {
  for (; p < used; ++p) {
    const Vec next = planes[p] & carry;
    planes[p] ^= carry;
    carry = next;
  }
}

template <class Source>
HYPERSKETCH_HD void count_bits(const Source& source, size_t n, Vec offset, size_t used, Vec (&planes)[kPlanes]) {
  LowPlanes low{broadcast(0), broadcast(0), broadcast(0), broadcast(0)};
  for (size_t p = 0; p < kPlanes; ++p) planes[p] = broadcast(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) ripple(planes, add_sixteen(source, i, offset, low), 4, used);
  planes[0] = low.ones, planes[1] = low.twos, planes[2] = low.fours, planes[3] = low.eights;
  for (; i + 4 <= n; i += 4) ripple(planes, add_four(source, i, offset, planes[0], planes[1]), 2, used);
  for (; i < n; ++i) ripple(planes, source.get(i, offset), 0, used);
}

// counts[d] = the number whose bit p is bit d of plane_words[p * stride], for the 64 bits of one word.
HYPERSKETCH_HD void spread_planes(const uint64_t* plane_words, size_t stride, size_t used, unsigned char* counts) {
#if defined(__AVX512BW__)
  __m512i sum = _mm512_setzero_si512();
  for (size_t p = 0; p < used; ++p)
    sum = _mm512_mask_add_epi8(sum, plane_words[p * stride], sum, _mm512_set1_epi8(static_cast<char>(1U << p)));
  _mm512_storeu_si512(counts, sum);
#else
  for (size_t byte = 0; byte < 8; ++byte) {
    uint64_t sum = 0;
    for (size_t p = 0; p < used; ++p) {
      const uint64_t eight = (plane_words[p * stride] >> (8 * byte)) & 0xFF;
      const uint64_t one_bit_each = (eight * 0x0101010101010101ULL) & 0x8040201008040201ULL;
      sum += (((one_bit_each + 0x7F7F7F7F7F7F7F7FULL) >> 7) & 0x0101010101010101ULL) << p;
    }
    std::memcpy(counts + 8 * byte, &sum, sizeof sum);
  }
#endif
}

HYPERSKETCH_HD void add_counts(const unsigned char* counts, size_t n_dims, size_t n, std::int32_t scale,
                               std::int32_t* counters) {
  // Unsigned, because 2 * scale may pass the largest int32 though no counter does.
  const auto unit = static_cast<std::uint32_t>(scale);
  const std::uint32_t all = static_cast<std::uint32_t>(n) * unit, twice = 2 * unit;
  for (size_t d = 0; d < n_dims; ++d)
    counters[d] = static_cast<std::int32_t>(static_cast<std::uint32_t>(counters[d]) + all - twice * counts[d]);
}

HYPERSKETCH_HD size_t planes_for(size_t n) { return static_cast<size_t>(64 - __builtin_clzll(n | 1)); }

template <class Source>
HYPERSKETCH_HD void accumulate_tile(const Source& source, size_t n, std::int32_t scale, size_t word, size_t words,
                                    CounterView state) {
  const size_t used = planes_for(n);
  Vec planes[kPlanes];
  count_bits(source, n, (lane_indices() + (word + 1)) * kGamma, used, planes);
  uint64_t plane_words[kPlanes * kLanes];
  for (size_t p = 0; p < used; ++p) store(plane_words + p * kLanes, planes[p]);
  unsigned char counts[64];
  for (size_t w = 0; w < words; ++w) {
    const size_t first = (word + w) * kWordBits;
    const size_t n_dims = state.dim - first < kWordBits ? state.dim - first : kWordBits;
    spread_planes(plane_words + w, kLanes, used, counts);
    add_counts(counts, n_dims, n, scale, state.counters + first);
  }
}

void atom_accumulate(AtomBatch batch, std::int32_t scale, CounterView state) {
  for_lanes(state.last_word - state.first_word, [=](size_t j, size_t words) {
    if (batch.n_factors == 1)
      accumulate_tile(SingleAtomSource{batch.starts}, batch.n, scale, state.first_word + j, words, state);
    else
      accumulate_tile(AtomSource{batch}, batch.n, scale, state.first_word + j, words, state);
  });
}

void row_accumulate(RowBatch batch, std::int32_t scale, CounterView state) {
  for_lanes(state.last_word - state.first_word, [=](size_t j, size_t words) {
    const size_t word = state.first_word + j;
    RowSource source{batch.rows + word, batch.stride, batch.flips};
    uint64_t padded[kMaxBatch * kLanes];
    if (word + kLanes > batch.stride) {  // a whole vector load would read past the row
      for (size_t i = 0; i < batch.n; ++i)
        store(padded + i * kLanes, load_lanes(batch.rows + i * batch.stride + word, words));
      source.rows = padded;
      source.stride = kLanes;
    }
    accumulate_tile(source, batch.n, scale, word, words, state);
  });
}

template <size_t kFactors>
HYPERSKETCH_HD void accumulate_xors(ItemRows items, std::int32_t scale, CounterView state) {
  for_lanes(state.last_word - state.first_word, [=](size_t j, size_t words) {
    const size_t word = state.first_word + j;
    accumulate_tile(ItemSource<kFactors>{items, word, words}, items.n, scale, word, words, state);
  });
}

void item_accumulate(ItemRows items, std::int32_t scale, CounterView state) {
  switch (items.n_factors) {
    case 1:
      return accumulate_xors<1>(items, scale, state);
    case 2:
      return accumulate_xors<2>(items, scale, state);
    case 3:
      return accumulate_xors<3>(items, scale, state);
    default:
      return accumulate_xors<0>(items, scale, state);
  }
}
