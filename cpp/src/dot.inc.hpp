// SPDX-License-Identifier: Apache-2.0
// Scores of many vectors against one state.
//
// Idea: with the counters cut into bit planes, an inner product with a +-1 vector is a weighted sum of popcounts
// of (vector AND plane): three instructions for 512 dimensions and one plane. A lane holds one item, so any
// dimension fills the vector and nothing is reduced across lanes. Bottleneck: popcounts, then (computed atoms) the
// two multiplies a word. At most kPass planes stay in registers; states with larger counters take several passes.

struct AtomColumns {
  AtomBatch batch;
  size_t item, lanes;
  HYPERSKETCH_MEMBER Vec get(size_t j) const {
    Vec v = atom_word(load_lanes(batch.starts + item, lanes), j);
    for (size_t f = 1; f < batch.n_factors; ++f)
      v ^= atom_word(load_lanes(batch.starts + f * batch.stride + item, lanes), j);
    return v;
  }
};

struct SingleAtomColumns {
  Vec start;
  HYPERSKETCH_MEMBER Vec get(size_t j) const { return atom_word(start, j); }
};

struct StoredColumns {
  const uint64_t* columns;
  size_t stride, lanes;
  HYPERSKETCH_MEMBER Vec get(size_t j) const { return load_lanes(columns + j * stride, lanes); }
};

constexpr size_t kPass = 8;

template <size_t kCount, class Columns>
HYPERSKETCH_HD Vec dot_pass(const Columns& columns, PlaneView view, size_t first_plane) {
  Vec ones[kCount];
  for (size_t p = 0; p < kCount; ++p) ones[p] = broadcast(0);
  const uint64_t* plane = view.planes + first_plane;
  for (size_t j = 0; j < view.n_words; ++j, plane += view.n_planes) {
    const Vec v = columns.get(j);
    for (size_t p = 0; p < kCount; ++p) ones[p] += lane_ones(v & broadcast(plane[p]));
  }
  Vec sum = broadcast(0);
  for (size_t p = 0; p < kCount; ++p) sum += ones[p] * static_cast<uint64_t>(view.coefficients[first_plane + p]);
  return sum;
}

template <class Columns>
HYPERSKETCH_HD Vec dot(const Columns& columns, PlaneView view) {
  Vec sum = broadcast(0);
  size_t p = 0;
  for (; p + kPass <= view.n_planes; p += kPass) sum += dot_pass<kPass>(columns, view, p);
  switch (view.n_planes - p) {
    case 1:
      return sum + dot_pass<1>(columns, view, p);
    case 2:
      return sum + dot_pass<2>(columns, view, p);
    case 3:
      return sum + dot_pass<3>(columns, view, p);
    case 4:
      return sum + dot_pass<4>(columns, view, p);
    case 5:
      return sum + dot_pass<5>(columns, view, p);
    case 6:
      return sum + dot_pass<6>(columns, view, p);
    case 7:
      return sum + dot_pass<7>(columns, view, p);
    default:
      return sum;
  }
}

HYPERSKETCH_HD void store_scores(std::int64_t* out, Vec v, size_t lanes) {
  uint64_t part[kLanes];
  store(part, v);
  for (size_t i = 0; i < lanes; ++i) out[i] = static_cast<std::int64_t>(part[i]);
}

void atom_dot(AtomBatch batch, PlaneView planes, std::int64_t* out) {
  for_lanes(batch.n, [=](size_t i, size_t lanes) {
    const Vec sum = batch.n_factors == 1 ? dot(SingleAtomColumns{load_lanes(batch.starts + i, lanes)}, planes)
                                         : dot(AtomColumns{batch, i, lanes}, planes);
    store_scores(out + i, sum, lanes);
  });
}

void column_dot(const uint64_t* columns, size_t n, size_t stride, PlaneView planes, std::int64_t* out) {
  for_lanes(n, [=](size_t i, size_t lanes) {
    store_scores(out + i, dot(StoredColumns{columns + i, stride, lanes}, planes), lanes);
  });
}

// One word of every plane from up to 64 counters.
HYPERSKETCH_HD void slice_word(const std::int32_t* counters, size_t count, size_t n_planes, uint64_t* planes) {
  for (size_t p = 0; p < n_planes; ++p) planes[p] = 0;
  size_t d = 0;
#if defined(__AVX512F__)
  for (; d + 16 <= count; d += 16) {
    const __m512i v = _mm512_loadu_si512(counters + d);
    for (size_t p = 0; p < n_planes; ++p)
      planes[p] |= static_cast<uint64_t>(_mm512_test_epi32_mask(v, _mm512_set1_epi32(static_cast<int>(1U << p)))) << d;
  }
#endif
  for (; d < count; ++d) {
    const auto value = static_cast<std::uint32_t>(counters[d]);
    for (size_t p = 0; p < n_planes; ++p) planes[p] |= static_cast<uint64_t>((value >> p) & 1U) << d;
  }
}

void bit_slice(const std::int32_t* counters, size_t dim, size_t n_planes, uint64_t* planes) {
  for (size_t first = 0; first < dim; first += kWordBits, planes += n_planes)
    slice_word(counters + first, dim - first < kWordBits ? dim - first : kWordBits, n_planes, planes);
}
