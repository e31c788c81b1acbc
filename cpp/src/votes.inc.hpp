// SPDX-License-Identifier: Apache-2.0
// Votes: how often a bit is set among many packed vectors, kept as bit planes, and what is decided from them.
//
// Idea: no counter is ever stored. A few rows at a time pass through the carry-save adders for all columns, so that
// rows stream in as they lie in memory, and the planes stay in the first-level cache: log2(n) words a word. A decision
// compares all counts with one number, from the top plane down. Bottleneck: reading the rows from their cache.

constexpr size_t kVoteRows = 32;  // that go through all columns together

// Adds `carry` at plane p of stored planes; the planes above hold the rest of the count.
HYPERSKETCH_HD void ripple_stored(uint64_t* planes, size_t stride, Vec carry, size_t p, size_t used) {
  for (; p < used; ++p) {
    const Vec plane = load(planes + p * stride);
    store(planes + p * stride, plane ^ carry);
    carry &= plane;
  }
}

// Items [i, last) of one vector of words, whose planes begin at `planes`.
template <class Source>
HYPERSKETCH_HD void count_column(const Source& source, size_t i, size_t last, uint64_t* planes, size_t stride,
                                 size_t used) {
  LowPlanes low{load(planes), load(planes + stride), load(planes + 2 * stride), load(planes + 3 * stride)};
  const Vec none = broadcast(0);
  if (i + 32 <= last) {
    Vec sixteens = load(planes + 4 * stride), carry;
    for (; i + 32 <= last; i += 32) {
      const Vec first = add_sixteen(source, i, none, low), second = add_sixteen(source, i + 16, none, low);
      full_add(carry, sixteens, first, second);
      ripple_stored(planes, stride, carry, 5, used);
    }
    store(planes + 4 * stride, sixteens);
  }
  if (i + 16 <= last) {
    ripple_stored(planes, stride, add_sixteen(source, i, none, low), 4, used);
    i += 16;
  }
  store(planes + 2 * stride, low.fours);
  store(planes + 3 * stride, low.eights);
  for (; i + 4 <= last; i += 4) ripple_stored(planes, stride, add_four(source, i, none, low.ones, low.twos), 2, used);
  store(planes, low.ones);
  store(planes + stride, low.twos);
  for (; i < last; ++i) ripple_stored(planes, stride, source.get(i, none), 0, used);
}

template <size_t kFactors>
HYPERSKETCH_HD void count_xors(ItemRows items, VotePlanes votes) {
  for (size_t first = 0; first < items.n; first += kVoteRows) {
    const size_t last = items.n - first < kVoteRows ? items.n : first + kVoteRows;
    for_lanes(votes.last_word - votes.first_word, [=](size_t j, size_t lanes) {
      const ItemSource<kFactors> source{items, votes.first_word + j, lanes};
      count_column(source, first, last, votes.planes + j, votes.stride, votes.n_planes);
    });
  }
}

void count_votes(ItemRows items, VotePlanes votes) {
  switch (items.n_factors) {
    case 1:
      return count_xors<1>(items, votes);
    case 2:
      return count_xors<2>(items, votes);
    case 3:
      return count_xors<3>(items, votes);
    default:
      return count_xors<0>(items, votes);
  }
}

void decide_votes(VotePlanes votes, uint64_t threshold, const uint64_t* ties, uint64_t* out) {
  for_lanes(votes.last_word - votes.first_word, [=](size_t j, size_t lanes) {
    Vec above = broadcast(0), equal = ~above;
    for (size_t p = votes.n_planes; p-- > 0;) {
      const Vec plane = load(votes.planes + p * votes.stride + j);
      if (((threshold >> p) & 1) == 0) above |= equal & plane;
      equal &= ((threshold >> p) & 1) == 0 ? ~plane : plane;
    }
    if (ties != nullptr) above |= equal & load_lanes(ties + j, lanes);
    store_lanes(out + j, above, lanes);
  });
}
