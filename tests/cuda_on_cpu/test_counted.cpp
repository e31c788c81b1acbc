// SPDX-License-Identifier: Apache-2.0
// Counters of bits, sparse codes and integers below a modulus on the emulated GPU, against sums over the CPU's atoms.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/digits.hpp"
#include "search_counted.hpp"

namespace hypersketch::cuda {
namespace {

constexpr uint64_t kSeed = 7;

using Words = std::vector<uint64_t>;
using Digits = std::vector<std::uint16_t>;
using Counts = std::vector<std::int32_t>;
using Weights = std::vector<std::int64_t>;

Weights some_weights(size_t n) {
  Weights weights;
  for (const uint64_t word : random_words(n, 5)) weights.push_back(static_cast<std::int64_t>(word % 19) - 9);
  return weights;
}

// Adds all items with weights, and takes all away once.
template <class Add>
Counts counted(size_t n_cells, const Weights& weights, Add add) {
  const DeviceArray<std::int32_t> counters(Counts(n_cells, 3));
  const DeviceArray<std::int64_t> given(weights);
  add(CountedWeights{given.data(), false}, counters.data());
  add(CountedWeights{nullptr, true}, counters.data());
  return counters.values();
}

// The same, where item i sets the cells that sets(i, cell) says.
template <class Sets>
Counts expected_counts(size_t n_cells, const Weights& weights, Sets sets) {
  Counts counts(n_cells, 3);
  for (size_t i = 0; i < weights.size(); ++i)
    for (size_t cell = 0; cell < n_cells; ++cell)
      if (sets(i, cell)) counts[cell] += static_cast<std::int32_t>(weights[i]) - 1;
  return counts;
}

bool bit(const Words& rows, size_t stride, size_t i, size_t d) {
  return (rows[i * stride + d / 64] >> (d % 64) & 1) != 0;
}

void test_sparse(size_t n, size_t dim, bool segments) {
  size_t n_ones = 1;
  while (n_ones * n_ones < dim) ++n_ones;
  const SparseSpace space{dim, n_ones, segments, kSeed};
  const size_t n_words = words_for(dim);
  const Words hashes = random_words(n, 1);
  Words rows(n * n_words);
  sparse_rows(kSeed, hashes, dim, n_ones, segments, rows.data(), 1);
  const DeviceArray<uint64_t> keys(hashes), out(rows.size());
  sparse_atoms(kPlace, keys.data(), n, space, out.data());
  check(out.values() == rows, "sparse_atoms", n, dim);

  const Weights weights = some_weights(n);
  const Counts expected = expected_counts(dim, weights, [&](size_t i, size_t d) { return bit(rows, n_words, i, d); });
  const auto of_keys = [&](CountedWeights with, std::int32_t* to) {
    add_sparse_atoms(kPlace, keys.data(), n, space, with, to);
  };
  check(counted(dim, weights, of_keys) == expected, "add_sparse_atoms", n, dim);
  const auto of_rows = [&](CountedWeights with, std::int32_t* to) {
    add_bits(kPlace, {out.data(), n, n_words}, dim, with, to);
  };
  check(counted(dim, weights, of_rows) == expected, "add_bits", n, dim);

  const Words vector(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n_words));  // that of the first key
  const DeviceArray<uint64_t> mine(vector);
  const DeviceArray<double> found(n);
  score_sparse_atoms(kPlace, mine.data(), keys.data(), n, space, found.data());
  std::vector<double> scores(n);
  for (size_t i = 0; i < n; ++i) {
    size_t common = 0;
    for (size_t d = 0; d < dim; ++d) common += bit(vector, n_words, 0, d) && bit(rows, n_words, i, d);
    scores[i] = static_cast<double>(common) / static_cast<double>(n_ones);
  }
  check(found.values() == scores, "score_sparse_atoms", n, dim);
}

void test_pack(size_t dim) {
  Counts counts;
  for (const uint64_t word : random_words(dim, 3)) counts.push_back(static_cast<std::int32_t>(word % 3) - 1);
  const size_t n_words = words_for(dim);
  const DeviceArray<std::int32_t> given(counts);
  const DeviceArray<uint64_t> out(2 * n_words);
  pack_counts(kPlace, given.data(), dim, out.data(), out.data() + n_words);
  Words expected(2 * n_words);
  for (size_t d = 0; d < dim; ++d)
    if (counts[d] != 0) expected[(counts[d] < 0 ? n_words : 0) + d / 64] |= uint64_t{1} << (d % 64);
  check(out.values() == expected, "pack_counts", dim);
}

double score(const Digits& rows, size_t width, size_t i, std::uint32_t modulus, bool circle) {
  std::int64_t sum = 0;
  for (size_t d = 0; d < width; ++d) {
    const auto apart = static_cast<std::uint32_t>(std::abs(int{rows[d]} - int{rows[i * width + d]}));
    sum += circle ? std::min(apart, modulus - apart) : std::uint32_t{apart == 0};
  }
  if (!circle) return static_cast<double>(sum) / static_cast<double>(width);
  return 1.0 - 4.0 * static_cast<double>(sum) / (static_cast<double>(modulus) * static_cast<double>(width));
}

void test_digit_scores(size_t n, DigitSpace space, const Digits& rows, const uint64_t* keys) {
  const DeviceArray<std::uint16_t> vector(
      Digits(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(space.width)));
  const DeviceArray<double> found(n);
  for (const bool circle : {false, true}) {
    score_digit_atoms(kPlace, vector.data(), keys, n, space, circle, found.data());
    std::vector<double> scores(n);
    for (size_t i = 0; i < n; ++i) scores[i] = score(rows, space.width, i, space.modulus, circle);
    check(found.values() == scores, "score_digit_atoms", n, space.width);
  }
}

// Rows by their similarities to as many queries: all of them in order, and those from 0.25 on. `search` and `range` are
// the calls, alike(q, i) is the definition.
template <class Alike, class Search, class Range>
void test_search(size_t n, size_t width, Alike alike, Search search, Range range) {
  std::vector<std::int64_t> order;
  std::vector<double> sorted;
  std::vector<unsigned long long> counts(n);
  for (size_t q = 0; q < n; ++q) {
    std::vector<double> scores(n);
    for (size_t i = 0; i < n; ++i) scores[i] = alike(q, i);
    std::vector<std::int64_t> mine(n);
    std::iota(mine.begin(), mine.end(), std::int64_t{0});
    const auto score = [&](std::int64_t i) { return scores[static_cast<size_t>(i)]; };
    std::stable_sort(mine.begin(), mine.end(), [&](std::int64_t i, std::int64_t j) { return score(i) > score(j); });
    for (const std::int64_t i : mine) order.push_back(i), sorted.push_back(score(i)), counts[q] += score(i) >= 0.25;
  }
  const DeviceArray<std::int64_t> indices(n * n);
  const DeviceArray<double> found(n * n), limits(std::vector<double>(n, 0.25));
  search(NearestRows{n, indices.data(), nullptr, found.data()});
  check(indices.values() == order && found.values() == sorted, "top_k", n, width);
  const DeviceArray<unsigned long long> cursors(std::vector<unsigned long long>(n, 0));
  range(limits.data(), cursors.data());
  check(cursors.values() == counts, "range", n, width);
}

void test_sparse_search(size_t n, size_t dim) {
  const size_t n_words = words_for(dim);
  Words queries = random_words(n * n_words, 3), rows = random_words(n * n_words, 4);
  for (Words* const words : {&queries, &rows})
    for (size_t j = n_words - 1; j < words->size(); j += n_words) (*words)[j] &= tail_mask(dim);
  std::fill_n(rows.begin(), n_words, 0);  // a row without ones
  const auto alike = [&](size_t q, size_t i) {
    int common = 0, of_query = 0, of_row = 0;
    for (size_t d = 0; d < dim; ++d) {
      const bool x = bit(queries, n_words, q, d), y = bit(rows, n_words, i, d);
      common += x && y, of_query += x, of_row += y;
    }
    return of_query * of_row > 0 ? common / std::sqrt(double(of_query) * of_row) : 0.0;
  };
  const DeviceArray<uint64_t> asked(queries), given(rows);
  const BitRows a{asked.data(), n, n_words}, b{given.data(), n, n_words};
  test_search(
      n, dim, alike, [&](NearestRows answers) { sparse_top_k(kPlace, a, b, dim, answers); },
      [&](const double* limits, unsigned long long* cursors) {
        sparse_range(kPlace, a, limits, b, dim, cursors, {nullptr, nullptr});
      });
}

void test_digit_search(const Digits& queries, const Digits& rows, size_t n, DigitSpace space, bool circle) {
  const auto alike = [&](size_t q, size_t i) {
    std::uint32_t equal = 0, around = 0;
    for (size_t d = 0; d < space.width; ++d) {
      const std::uint32_t x = queries[q * space.width + d], y = rows[i * space.width + d];
      const std::uint32_t apart = x < y ? y - x : x - y;
      equal += x == y, around += std::min(apart, space.modulus - apart);
    }
    const double width = double(space.width);
    return circle ? 1.0 - 4.0 * around / (space.modulus * width) : equal / width;
  };
  const DeviceArray<std::uint16_t> asked(queries), given(rows);
  const StridedDigits a{asked.data(), n, space.width}, b{given.data(), n, space.width};
  test_search(
      n, space.width, alike, [&](NearestRows answers) { digit_top_k(kPlace, a, b, space, circle, answers); },
      [&](const double* limits, unsigned long long* cursors) {
        digit_range(kPlace, a, limits, b, space, circle, cursors, {nullptr, nullptr});
      });
}

void test_digit_gather() {
  const DeviceArray<std::uint16_t> table(Digits{0, 1, 2, 10, 11, 12, 20, 21, 22}), out(9);
  const DeviceArray<std::int64_t> places(Weights{2, -1, 0}), targets(Weights{1});
  take_digit_rows(kPlace, {table.data(), 3, 3}, 3, places.data(), 3, out.data());
  check(out.values() == Digits{20, 21, 22, 0, 0, 0, 0, 1, 2}, "take_digit_rows");
  put_digit_rows(kPlace, table.data(), 3, targets.data(), 1, out.data());
  check(table.values() == Digits{0, 1, 2, 20, 21, 22, 20, 21, 22}, "put_digit_rows");
}

void test_digits(size_t n, size_t width, std::uint32_t modulus) {
  const DigitSpace space{width, modulus, kSeed};
  const Words hashes = random_words(n, 1), others = random_words(n, 2);
  Digits rows(n * width), second(n * width);
  digit_rows(kSeed, hashes, width, modulus, rows.data(), 1);
  digit_rows(kSeed, others, width, modulus, second.data(), 1);
  const DeviceArray<uint64_t> keys(hashes), values(others);
  const DeviceArray<std::uint16_t> out(rows.size());
  digit_atoms(kPlace, keys.data(), n, space, out.data());
  check(out.values() == rows, "digit_atoms", n, width);
  check(!any_not_below(kPlace, out.data(), rows.size(), modulus), "digits are below", n, width);

  const Weights weights = some_weights(n);
  const auto of = [&](const Digits& digits) {
    return expected_counts(space.n_counters(), weights,
                           [&](size_t i, size_t cell) { return digits[i * width + cell / modulus] == cell % modulus; });
  };
  const uint64_t* const factors[] = {nullptr, values.data()};
  for (const uint64_t* const factor : factors) {
    const auto add = [&](CountedWeights with, std::int32_t* to) {
      add_digit_atoms(kPlace, keys.data(), factor, n, space, with, to);
    };
    Digits digits = rows;
    if (factor != nullptr)
      for (size_t i = 0; i < rows.size(); ++i) digits[i] = static_cast<std::uint16_t>((rows[i] + second[i]) % modulus);
    check(counted(space.n_counters(), weights, add) == of(digits), "add_digit_atoms", n, width);
  }
  const auto add_rows = [&](CountedWeights with, std::int32_t* to) {
    add_digit_rows(kPlace, out.data(), n, space, with, to);
  };
  check(counted(space.n_counters(), weights, add_rows) == of(rows), "add_digit_rows", n, width);
  test_digit_scores(n, space, rows, keys.data());
  for (const bool circle : {false, true}) test_digit_search(second, rows, n, space, circle);
}

// One vector that was counted comes back, and where there is none the offsets do.
void test_chosen(size_t width, std::uint32_t modulus) {
  const DigitSpace space{width, modulus, kSeed};
  const Words hashes = random_words(2, 1);
  Digits rows(2 * width);
  digit_rows(kSeed, hashes, width, modulus, rows.data(), 1);
  const Digits offsets(rows.begin() + static_cast<std::ptrdiff_t>(width), rows.end());
  std::vector<double> directions;
  for (std::uint32_t v = 0; v < modulus; ++v)
    for (const double shift : {0.25, 0.0})
      directions.push_back(std::sin(6.283185307179586 * (v / double(modulus) + shift)));
  const DeviceArray<double> table(directions);
  const DeviceArray<std::uint16_t> out(width);
  for (const std::int32_t count : {0, 2}) {
    Counts counts(space.n_counters());
    for (size_t d = 0; d < width; ++d) counts[d * modulus + rows[d]] = count;
    const DeviceArray<std::int32_t> counters(counts);
    rows.resize(width);
    const Digits& expected = count == 0 ? offsets : rows;
    most_frequent(kPlace, {counters.data(), 1, hashes[1]}, space, out.data());
    check(out.values() == expected, "most_frequent", width, modulus);
    nearest_directions(kPlace, {counters.data(), 1, hashes[1]}, space, table.data(), out.data());
    check(out.values() == expected, "nearest_directions", width, modulus);
  }
}

void run() {
  for (const bool segments : {false, true}) {
    test_sparse(1, 64, segments);
    test_sparse(40, 16, segments);
    test_sparse(40, 65, segments);
  }
  test_digits(1, 65, 9);
  test_digits(40, 1, 64);
  test_digits(40, 65, 64);
  test_digits(70, 66, 2);
  test_digits(9, 3, 5000);
  for (const size_t dim : {size_t{1}, size_t{64}, size_t{65}}) test_pack(dim);
  for (const std::uint32_t modulus : {2U, 10U, 64U}) test_chosen(9, modulus);
  test_sparse_search(9, 63);
  test_sparse_search(40, 65);
  test_sparse_search(1, 1000);
  test_digit_gather();
  const DeviceArray<std::uint16_t> large(Digits{3, 4, 5, 4});
  check(any_not_below(kPlace, large.data(), 4, 5), "a digit is too large");
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  hypersketch::cuda::run();
  std::printf("%zu checks, %zu failures\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::failures == 0 ? 0 : 1;
}
