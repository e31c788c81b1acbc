// SPDX-License-Identifier: Apache-2.0
// Retrieval for one query: rows are used as they lie.
//
// A register's worth of bytes of a row is two vectors: of floats the lower and the upper half, of bfloat16 the even and
// the odd numbers, which are the two halves of 32-bit words. Queries and states are laid out in that order. Bottleneck:
// the memory of the rows, which is fetched a tile ahead.

struct Pair {
  Singles a, b;
};

constexpr size_t kPair = 2 * kSingleLanes;

// Lines of memory that a pair takes, at least one.
template <class Number>
constexpr size_t kLinesOf = kPair * sizeof(Number) > kLineBytes ? 2 : 1;

HYPERSKETCH_HD Pair load_pair(const float* p) { return {load_singles(p), load_singles(p + kSingleLanes)}; }

HYPERSKETCH_HD Pair load_pair(const std::uint16_t* p) {
  SingleBits words;
  std::memcpy(&words, p, sizeof words);
  return {reinterpret_cast<Singles>(words << 16), reinterpret_cast<Singles>(words & 0xFFFF0000U)};
}

// The first `count` numbers, zeros beyond.
template <class Number>
HYPERSKETCH_HD Pair load_pair_first(const Number* p, size_t count) {
  if (count >= kPair) return load_pair(p);
  Number part[kPair] = {};
  for (size_t i = 0; i < count; ++i) part[i] = p[i];
  return load_pair(part);
}

// Place of number d of a row of bfloat16.
HYPERSKETCH_HD size_t even_odd_place(size_t d) { return d - d % kPair + d % 2 * kSingleLanes + d % kPair / 2; }

// `to` has zeros for whole strips.
void order_even_odd(const float* from, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) to[even_odd_place(d)] = from[d];
}

void restore_even_odd(const float* from, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) to[d] = from[even_odd_place(d)];
}

// Sums the lanes of as many vectors as there are lanes: lane i of the result is the sum of v[i]. Every round adds the
// halves of two vectors, whose lanes take turns in what it leaves.
HYPERSKETCH_HD Singles sums_of_lanes(Singles* v) {
  for (size_t n = kSingleLanes / 2; n > 0; n /= 2)
    for (size_t i = 0; i < n; ++i)
      v[i] = in_turn<0>(v[i], v[i + n], RealOrder{}) + in_turn<kSingleLanes / 2>(v[i], v[i + n], RealOrder{});
  return v[0];
}

// Lanes of the products of a query with a row, not yet summed. Rows are read one after the other: memory is read ahead
// by the hardware where it sees one stream.
template <class Number>
HYPERSKETCH_HD Singles row_products(const float* query, const Number* row, size_t dim, Ahead& ahead) {
  Singles a = {}, b = {};
  size_t d = 0;
  for (; d + kPair <= dim; d += kPair) {
    const Pair asked = load_pair(query + d), pair = load_pair(row + d);
    a = plus_product(a, asked.a, pair.a);
    b = plus_product(b, asked.b, pair.b);
    if (kLinesOf<Number> == 2 || d / kPair % 2 == 0) fetch_line(ahead);
  }
  if (d < dim) {
    const Pair asked = load_pair(query + d), pair = load_pair_first(row + d, dim - d);
    a = plus_product(a, asked.a, pair.a);
    b = plus_product(b, asked.b, pair.b);
  }
  return a + b;
}

// scores[j] = product of the query and row j, for whole vectors of j; fetches a line for every two that it reads.
template <class Number>
void compare_patterns(const float* query, const Number* rows, size_t n, size_t dim, const void* next, size_t next_bytes,
                      float* scores) {
  const char* line = static_cast<const char*>(next);
  Ahead ahead{line, line + next_bytes};
  for (size_t j = 0; j < n; j += kSingleLanes) {
    Singles sums[kSingleLanes] = {};
    for (size_t r = 0; r < kSingleLanes && j + r < n; ++r)
      sums[r] = row_products(query, rows + (j + r) * dim, dim, ahead);
    store_singles(scores + j, sums_of_lanes(sums));
  }
}

template <size_t kPairs, class Number>
HYPERSKETCH_HD void sum_columns(const float* weights, const Number* rows, size_t n, size_t dim, Ahead& ahead,
                                float* state) {
  Pair sum[kPairs];
  for (size_t p = 0; p < kPairs; ++p) sum[p] = {Singles{}, Singles{}};
  for (size_t j = 0; j < n; ++j) {
    const Singles weight = spread(weights[j]);
    for (size_t p = 0; p < kPairs; ++p) {
      const Pair pair = load_pair(rows + j * dim + p * kPair);
      sum[p].a = plus_product(sum[p].a, weight, pair.a);
      sum[p].b = plus_product(sum[p].b, weight, pair.b);
    }
    for (size_t i = 0; i < kLinesOf<Number> * kPairs; i += 2) fetch_line(ahead);
  }
  for (size_t p = 0; p < kPairs; ++p) {
    float* at = state + p * kPair;
    store_singles(at, load_singles(at) + sum[p].a);
    store_singles(at + kSingleLanes, load_singles(at + kSingleLanes) + sum[p].b);
  }
}

template <class Number>
HYPERSKETCH_HD void sum_last_columns(const float* weights, const Number* rows, size_t n, size_t dim, size_t count,
                                     float* state) {
  Singles a = load_singles(state), b = load_singles(state + kSingleLanes);
  for (size_t j = 0; j < n; ++j) {
    const Pair pair = load_pair_first(rows + j * dim, count);
    a = plus_product(a, spread(weights[j]), pair.a);
    b = plus_product(b, spread(weights[j]), pair.b);
  }
  store_singles(state, a);
  store_singles(state + kSingleLanes, b);
}

// state += sum of weights[j] * row j; fetches a line for every two that it reads.
template <class Number>
void sum_patterns(const float* weights, const Number* rows, size_t n, size_t dim, const void* next, size_t next_bytes,
                  float* state) {
  const char* line = static_cast<const char*>(next);
  Ahead ahead{line, line + next_bytes};
  size_t d = 0;
  for (; d + 4 * kPair <= dim; d += 4 * kPair) sum_columns<4>(weights, rows + d, n, dim, ahead, state + d);
  for (; d + kPair <= dim; d += kPair) sum_columns<1>(weights, rows + d, n, dim, ahead, state + d);
  if (d < dim) sum_last_columns(weights, rows + d, n, dim, dim - d, state + d);
}
