// SPDX-License-Identifier: Apache-2.0
// How groups of queries walk along tiles of patterns.

constexpr size_t kTileParts = sizeof(Singles) == 64 ? 4 : 2;  // registers of patterns that a group of queries meets
constexpr size_t kTileStrip = kTileParts * kSingleLanes;
static_assert(kTile % kTileStrip == 0);

// Calls body<count>(first) for groups of up to six queries, as equal as they can be.
template <class Body>
HYPERSKETCH_HD void for_groups(size_t n, Body body) {
  const size_t groups = (n + 5) / 6;
  for (size_t g = 0; g < groups; ++g) {
    const size_t first = n * g / groups, count = n * (g + 1) / groups - first;
    if (count == 6) body(std::integral_constant<size_t, 6>{}, first);
    if (count == 5) body(std::integral_constant<size_t, 5>{}, first);
    if (count == 4) body(std::integral_constant<size_t, 4>{}, first);
    if (count == 3) body(std::integral_constant<size_t, 3>{}, first);
    if (count == 2) body(std::integral_constant<size_t, 2>{}, first);
    if (count == 1) body(std::integral_constant<size_t, 1>{}, first);
  }
}

HYPERSKETCH_HD void fetch_line(Ahead& ahead) {
  if (ahead.next >= ahead.end) return;
  __builtin_prefetch(ahead.next, 0, 2);
  ahead.next += kLineBytes;
}

// scores[q * kTile + j] += what n numbers of query q and of pattern j of a turned tile have in common: `Numbers` loads
// them, and adds what a number of a query and a register of patterns have.
template <class Numbers, size_t kQueries>
HYPERSKETCH_HD void compare_group(const typename Numbers::Number* queries, size_t stride,
                                  const typename Numbers::Number* tile, size_t n, float* scores, Ahead& ahead) {
  for (size_t first = 0; first < kTile; first += kTileStrip) {
    Singles sum[kQueries][kTileParts];
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = load_singles(scores + q * kTile + first + p * kSingleLanes);
    for (size_t k = 0; k < n; ++k) {
      decltype(Numbers::load(tile)) pattern[kTileParts];
      for (size_t p = 0; p < kTileParts; ++p) pattern[p] = Numbers::load(tile + k * kTile + first + p * kSingleLanes);
      for (size_t q = 0; q < kQueries; ++q) {
        const auto query = Numbers::spread_one(queries[q * stride + k]);
        for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = Numbers::add(sum[q][p], query, pattern[p]);
      }
      fetch_line(ahead);
    }
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t p = 0; p < kTileParts; ++p) store_singles(scores + q * kTile + first + p * kSingleLanes, sum[q][p]);
  }
}

template <class Numbers>
HYPERSKETCH_HD void compare_groups(const typename Numbers::Number* queries, size_t n_queries, size_t stride,
                                   const typename Numbers::Number* tile, size_t n, Ahead& ahead, float* scores) {
  for_groups(n_queries, [&](auto count, size_t first) {
    compare_group<Numbers, decltype(count)::value>(queries + first * stride, stride, tile, n, scores + first * kTile,
                                                   ahead);
  });
}

// A strip of states += the sum over n rows of weights[q * weight_stride + j] times a strip of row j.
template <class Numbers, size_t kQueries>
HYPERSKETCH_HD void sum_strip(const typename Numbers::Number* weights, size_t weight_stride,
                              const typename Numbers::Number* rows, size_t n, size_t row_stride, float* states,
                              size_t stride) {
  Singles sum[kQueries][kTileParts];
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = Singles{};
  for (size_t j = 0; j < n; ++j) {
    decltype(Numbers::load(rows)) pattern[kTileParts];
    for (size_t p = 0; p < kTileParts; ++p) pattern[p] = Numbers::load(rows + j * row_stride + p * kSingleLanes);
    for (size_t q = 0; q < kQueries; ++q) {
      const auto weight = Numbers::spread_one(weights[q * weight_stride + j]);
      for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = Numbers::add(sum[q][p], weight, pattern[p]);
    }
  }
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t p = 0; p < kTileParts; ++p) {
      float* at = states + q * stride + p * kSingleLanes;
      store_singles(at, load_singles(at) + sum[q][p]);
    }
}

// Rows that are whole kilobytes apart have few places in the first cache: more than two groups meet a copy of a strip.
constexpr size_t kCrowding = 1024;
constexpr size_t kCopyWorth = 13;  // queries

template <class Numbers>
HYPERSKETCH_HD void sum_groups(const typename Numbers::Number* weights, size_t weight_stride, size_t n_queries,
                               const typename Numbers::Number* rows, size_t n, size_t row_stride, float* states,
                               size_t stride) {
  using Number = typename Numbers::Number;
  const bool copied = row_stride * sizeof(Number) % kCrowding == 0 && n_queries >= kCopyWorth;
  alignas(kLineBytes) Number copy[kTile * kTileStrip];
  for (size_t d = 0; d < stride; d += kTileStrip) {
    for (size_t j = 0; copied && j < n; ++j)
      std::memcpy(copy + j * kTileStrip, rows + j * row_stride + d, kTileStrip * sizeof(Number));
    const Number* strip = copied ? copy : rows + d;
    for_groups(n_queries, [&](auto count, size_t first) {
      sum_strip<Numbers, decltype(count)::value>(weights + first * weight_stride, weight_stride, strip, n,
                                                 copied ? kTileStrip : row_stride, states + first * stride + d, stride);
    });
  }
}
