// SPDX-License-Identifier: Apache-2.0
// Hypervectors on the emulated GPU against those of the CPU, bit for bit.
#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/gathered.hpp"
#include "hypersketch/ngrams.hpp"
#include "hypervectors.hpp"
#include "ternary.hpp"

namespace hypersketch::cuda {
namespace {

constexpr uint64_t kSeed = 7;

using Words = std::vector<uint64_t>;
using Sums = std::vector<std::int32_t>;
using Starts = std::vector<std::int64_t>;

Words make_atoms(size_t n, size_t dim, uint64_t seed = 1) {
  const Words hashes = random_words(n, seed);
  Words rows(n * words_for(dim));
  hypersketch::atom_rows(dim, kSeed, hashes, rows.data(), words_for(dim), 1);
  return rows;
}

Words make_ties(size_t dim) {
  Words ties(words_for(dim));
  hypersketch::pack_signs(Sums(dim, 0), kSeed, ties.data());
  return ties;
}

void test_rows(size_t n, size_t dim) {
  const Words hashes = random_words(n, 1), a = make_atoms(n, dim), b = make_atoms(n, dim, 2);
  const DeviceArray<uint64_t> keys(hashes), left(a), right(b), out(a.size());
  atom_rows(kPlace, keys.data(), n, dim, kSeed, out.data());
  check(out.values() == a, "atom_rows", n, dim);
  Words expected(a.size());
  for (size_t i = 0; i < a.size(); ++i) expected[i] = a[i] ^ b[i];
  check(bind_rows(kPlace, {left.data(), n}, {right.data(), n}, dim, out.data()), "no strays", n, dim);
  check(out.values() == expected, "bind_rows", n, dim);
  for (const size_t shift : {size_t{0}, size_t{1}, dim / 2, dim - 1}) {
    for (size_t i = 0; i < n; ++i)
      rotate_into(a.data() + i * words_for(dim), dim, shift % dim, expected.data() + i * words_for(dim));
    if (shift % dim == 0) expected = a;
    rotate_rows(kPlace, {left.data(), n}, dim, shift % dim, out.data());
    check(out.values() == expected, "rotate_rows", shift, dim);
  }
}

void test_strays(size_t dim) {
  Words rows = make_atoms(3, dim);
  rows.back() |= ~tail_mask(dim);
  const DeviceArray<uint64_t> given(rows), out(rows.size()), ties(make_ties(dim));
  const bool has_room = dim % kWordBits != 0;
  check(any_beyond(kPlace, {given.data(), 3}, dim) == has_room, "any_beyond", dim);
  check(bind_rows(kPlace, {given.data(), 3}, {given.data(), 3}, dim, out.data()) != has_room, "bind_rows", dim);
  const Outcome outcome{out.data(), ties.data(), 0, nullptr, false};
  check(bundle_rows(kPlace, given.data(), nullptr, dim, {nullptr, nullptr, 1, 3, 0, nullptr}, outcome) != has_room,
        "bundle_rows", dim);
}

// What a call bundles, and what the CPU makes of it.
struct Case {
  size_t dim;
  Starts starts;
  std::vector<std::int64_t> weights;
  size_t trimmed = 0;

  size_t n() const { return starts.size() - 1; }
  size_t longest() const {
    size_t most = 0;
    for (size_t b = 0; b < n(); ++b) most = std::max(most, static_cast<size_t>(starts[b + 1] - starts[b]));
    return most > trimmed ? most - trimmed : 0;
  }
  const std::int64_t* weights_or_null() const { return weights.empty() ? nullptr : weights.data(); }
};

template <class Items, class Bundle>
void test_case(const Case& given, const Items& items, Bundle&& bundle, const char* what) {
  const DeviceArray<std::int64_t> starts(given.starts), weights(given.weights);
  const DeviceArray<uint64_t> ties(make_ties(given.dim));
  const Bundles bundles{starts.data(),   nullptr,       given.n(),
                        given.longest(), given.trimmed, given.weights.empty() ? nullptr : weights.data()};
  const hypersketch::Bundles theirs{given.starts.data(), given.n(), given.trimmed};
  const Words host_ties = make_ties(given.dim);
  for (const uint64_t at_least : {uint64_t{0}, uint64_t{3}}) {
    Words expected(given.n() * words_for(given.dim));
    vote_bundles(items, given.dim, theirs, given.weights_or_null(), {host_ties.data(), at_least}, expected.data(), 1);
    const DeviceArray<uint64_t> bits(Words(expected.size(), 0x55));
    bundle(bundles, Outcome{bits.data(), ties.data(), at_least, nullptr, false});
    check(bits.values() == expected, what, given.dim, at_least);
  }
  for (const bool subtract : {false, true}) {
    Sums expected(given.n() * given.dim, 0);
    count_bundles(items, given.dim, theirs, given.weights_or_null(), expected.data(), 1);
    for (auto& sum : expected) sum = (subtract ? -sum : sum) + 5;
    const DeviceArray<std::int32_t> sums(Sums(expected.size(), 5));
    bundle(bundles, Outcome{nullptr, nullptr, 0, sums.data(), subtract});
    check(sums.values() == expected, what, given.dim, subtract);
  }
}

std::vector<std::int64_t> make_weights(size_t n) {
  std::vector<std::int64_t> weights(n);
  const Words words = random_words(n, 3);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<std::int64_t>(words[i] % 2001) - 1000;
  return weights;
}

void test_bundles(size_t dim, const Starts& starts, bool weighted) {
  const auto n = static_cast<size_t>(starts.back());
  const size_t n_words = words_for(dim);
  const Case given{dim, starts, weighted ? make_weights(n) : std::vector<std::int64_t>{}};
  const Words a = make_atoms(n, dim), b = make_atoms(n, dim, 2);
  const DeviceArray<uint64_t> rows(a), others(b);
  test_case(
      given, RowItems{{a.data(), nullptr}, 1, n_words},
      [&](Bundles bundles, Outcome outcome) { bundle_rows(kPlace, rows.data(), nullptr, dim, bundles, outcome); },
      "bundle_rows");
  test_case(
      given, RowItems{{a.data(), b.data()}, 2, n_words},
      [&](Bundles bundles, Outcome outcome) { bundle_rows(kPlace, rows.data(), others.data(), dim, bundles, outcome); },
      "bundle_rows, bound");
  std::vector<std::uint32_t> chosen(n), roles(n);
  for (size_t i = 0; i < n; ++i)
    chosen[i] = static_cast<std::uint32_t>(i * i % n), roles[i] = static_cast<std::uint32_t>(i % 3 % n);
  const DeviceArray<std::uint32_t> device_chosen(chosen), device_roles(roles);
  test_case(
      given, GatheredItems{{a.data(), b.data()}, {chosen.data(), roles.data()}, 2, n_words},
      [&](Bundles bundles, Outcome outcome) {
        bundle_chosen(kPlace, {rows.data(), device_chosen.data(), others.data(), device_roles.data(), 0}, dim, bundles,
                      outcome);
      },
      "bundle_chosen");
  const DeviceArray<uint64_t> keys(random_words(n, 1)), values(random_words(n, 2));
  test_case(
      given, RowItems{{a.data(), b.data()}, 2, n_words},
      [&](Bundles bundles, Outcome outcome) {
        bundle_keys(kPlace, {{keys.data(), n, true}, values.data(), kSeed}, dim, bundles, outcome);
      },
      "bundle_keys");
}

void test_grams(size_t dim, size_t length, const Starts& starts) {
  constexpr size_t kRows = 11;
  const auto n = static_cast<size_t>(starts.back());
  const Words book = make_atoms(kRows, dim), hashes = random_words(kRows, 1);
  Words tokens(n), of_tokens(n);
  std::vector<std::uint32_t> narrow(n);
  std::vector<unsigned char> bytes(n);
  for (size_t i = 0; i < n; ++i) {
    tokens[i] = i * i % kRows;
    narrow[i] = static_cast<std::uint32_t>(tokens[i]), bytes[i] = static_cast<unsigned char>(tokens[i]);
    of_tokens[i] = hashes[tokens[i]];
  }
  const Case given{dim, starts, {}, length - 1};
  const Tokens theirs{tokens.data(), starts.data(), given.n(), book.data(), kRows, 0};
  const DeviceArray<uint64_t> device_book(book), device_hashes(of_tokens);
  const DeviceArray<std::uint32_t> device_tokens(narrow);
  const DeviceArray<unsigned char> device_bytes(bytes);
  const StreamGrams items(theirs, dim, length);
  const auto run = [&](auto&& bundle, const char* what) { test_case(given, items, bundle, what); };
  run(
      [&](Bundles bundles, Outcome outcome) {
        bundle_grams(kPlace, {device_book.data(), kRows, device_tokens.data(), nullptr}, length, dim, bundles, outcome);
      },
      "bundle_grams of a book");
  run(
      [&](Bundles bundles, Outcome outcome) {
        bundle_grams(kPlace, {device_book.data(), kRows, nullptr, device_bytes.data()}, length, dim, bundles, outcome);
      },
      "bundle_grams of bytes");
  run([&](Bundles bundles,
          Outcome outcome) { bundle_grams(kPlace, device_hashes.data(), n, kSeed, length, dim, bundles, outcome); },
      "bundle_grams of hashes");
}

void test_scores(size_t n, size_t dim) {
  const Words hashes = random_words(n, 1), rows = make_atoms(n, dim);
  Sums counters(dim);
  for (size_t d = 0; d < dim; ++d) counters[d] = static_cast<std::int32_t>(d * 37 % 2001) - 1000;
  const hypersketch::Planes planes(counters);
  std::vector<std::int64_t> expected(n);
  bundle_scores(planes, kSeed, {hashes.data(), n, 1}, expected.data(), 1);
  std::vector<double> scores(n);
  for (size_t i = 0; i < n; ++i) scores[i] = static_cast<double>(expected[i]) / static_cast<double>(dim);
  const DeviceArray<std::int32_t> bundle(counters);
  const DeviceArray<uint64_t> keys(hashes), given(rows);
  const DeviceArray<double> out(n);
  const Reading reading{1.0, static_cast<double>(dim)};
  score_keys(kPlace, {bundle.data(), nullptr, 0, dim, reading}, {{keys.data(), n, true}, nullptr, kSeed}, out.data());
  check(out.values() == scores, "score_keys", n, dim);
  score_rows(kPlace, {bundle.data(), nullptr, 0, dim, reading}, {given.data(), n}, out.data());
  check(out.values() == scores, "score_rows", n, dim);
}

// Counters cut to planes, by the definition; then the planes joined, and scored.
void test_quantized(size_t dim, unsigned bits, unsigned step) {
  const Words ties = make_ties(dim), words = random_words(dim, 17), row = make_atoms(1, dim);
  const std::int32_t largest = (1 << bits) - 1;
  Sums counters(dim), values(dim);
  Words planes(bits * words_for(dim));
  std::int64_t signal = 0, score = 0;
  const auto bit = [](const Words& packed, size_t d) { return (packed[d / 64] >> d % 64 & 1) != 0; };
  for (size_t d = 0; d < dim; ++d) {
    counters[d] = static_cast<std::int32_t>(words[d] % 41) - 20;
    const std::int32_t odd = counters[d] % 2 != 0 ? counters[d] : counters[d] + (bit(ties, d) ? -1 : 1);
    const std::int32_t kept = std::min(2 * (std::abs(odd) / static_cast<std::int32_t>(step)) + 1, largest);
    values[d] = odd < 0 ? -kept : kept;
    const auto below = static_cast<unsigned>(largest - values[d]) / 2;
    for (unsigned p = 0; p < bits; ++p) planes[p * words_for(dim) + d / 64] |= uint64_t{below >> p & 1} << d % 64;
    signal += std::int64_t{values[d]} * counters[d];
    score += bit(row, d) ? -values[d] : values[d];
  }
  const DeviceArray<std::int32_t> given(counters), joined(dim);
  const DeviceArray<uint64_t> cut(planes.size()), item(row);
  check(cut_counters(kPlace, given.data(), dim, {bits, step, kSeed}, cut.data()) == signal, "the signal", dim, bits);
  check(cut.values() == planes, "cut_counters", dim, bits);
  join_planes(kPlace, cut.data(), bits, dim, joined.data());
  check(joined.values() == values, "join_planes", dim, bits);
  check(inner_product(kPlace, given.data(), joined.data(), dim) == signal, "inner_product", dim, bits);
  const DeviceArray<double> found(1);
  score_rows(kPlace, {nullptr, cut.data(), bits, dim, {0.25, 1.0}}, {item.data(), 1}, found.data());
  check(found.values()[0] == 0.25 * static_cast<double>(score), "score_rows of planes", dim, bits);
}

// Entries -1, 0 and +1, as many of each, but for one row of zeros; bits beyond the dimension are not set.
std::vector<int> some_entries(size_t n, size_t dim, uint64_t seed) {
  std::vector<int> entries;
  for (const uint64_t word : random_words(n * dim, seed)) entries.push_back(static_cast<int>(word % 3) - 1);
  std::fill_n(entries.begin(), dim, 0);
  return entries;
}

Words planes_of(const std::vector<int>& entries, size_t dim) {
  const size_t n_words = words_for(dim);
  Words planes(entries.size() / dim * 2 * n_words);
  for (size_t i = 0; i < entries.size(); ++i) {
    const size_t row = i / dim, d = i % dim, plane = entries[i] < 0 ? n_words : 0;
    if (entries[i] != 0) planes[row * 2 * n_words + plane + d / 64] |= uint64_t{1} << d % 64;
  }
  return planes;
}

void test_ternary_signs(size_t n, size_t dim) {
  const size_t width = 64 * words_for(dim);
  Sums sums(2 * n * width);
  std::vector<int> signs;
  const Words words = random_words(n * dim, 13);
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t at = i / dim * 2 * width + i % dim;
    sums[at] = static_cast<std::int32_t>(words[i] % 4) - 2;
    sums[at + width] = static_cast<std::int32_t>(words[i] / 4 % 4) - 2;
    signs.push_back((sums[at] < sums[at + width]) - (sums[at] > sums[at + width]));
  }
  const DeviceArray<std::int32_t> given(sums);
  const DeviceArray<uint64_t> out(n * 2 * words_for(dim));
  ternary_signs(kPlace, given.data(), n, dim, out.data());
  check(out.values() == planes_of(signs, dim), "ternary_signs", n, dim);
}

// Rows by their cosines with queries: all of them in order, and those from a threshold on.
void test_ternary_search(const std::vector<int>& a, const std::vector<int>& b, size_t n, size_t dim) {
  const size_t n_words = words_for(dim);
  const DeviceArray<uint64_t> queries(planes_of(a, dim)), rows(planes_of(b, dim));
  std::vector<double> cosines(n * n), sorted;
  std::vector<std::int64_t> order, counts(n);
  const double threshold = 0.05;
  for (size_t q = 0; q < n; ++q) {
    std::vector<std::int64_t> mine(n);
    for (size_t i = 0; i < n; ++i) {
      int inner = 0, of_a = 0, of_b = 0;
      for (size_t d = 0; d < dim; ++d) {
        const int x = a[q * dim + d], y = b[i * dim + d];
        inner += x * y, of_a += x * x, of_b += y * y;
      }
      if (of_a * of_b > 0) cosines[q * n + i] = inner / std::sqrt(static_cast<double>(of_a) * of_b);
      mine[i] = static_cast<std::int64_t>(i);
      counts[q] += cosines[q * n + i] >= threshold ? 1 : 0;
    }
    std::stable_sort(mine.begin(), mine.end(), [&](std::int64_t i, std::int64_t j) {
      return cosines[q * n + static_cast<size_t>(i)] > cosines[q * n + static_cast<size_t>(j)];
    });
    for (const std::int64_t i : mine) order.push_back(i), sorted.push_back(cosines[q * n + static_cast<size_t>(i)]);
  }
  const DeviceArray<std::int64_t> indices(n * n);
  const DeviceArray<double> found(n * n), limits(std::vector<double>(n, threshold));
  const BitRows asked{queries.data(), n, 2 * n_words}, given{rows.data(), n, 2 * n_words};
  ternary_top_k(kPlace, asked, given, dim, {n, indices.data(), nullptr, found.data()});
  check(indices.values() == order && found.values() == sorted, "ternary_top_k", n, dim);
  const DeviceArray<unsigned long long> cursors(std::vector<unsigned long long>(n, 0));
  ternary_range(kPlace, asked, limits.data(), given, dim, cursors.data(), {nullptr, nullptr});
  const auto counted = cursors.values();
  check(std::equal(counts.begin(), counts.end(), counted.begin(),
                   [](std::int64_t x, unsigned long long y) { return x == static_cast<std::int64_t>(y); }),
        "ternary_range", n, dim);
}

void test_ternary(size_t n, size_t dim) {
  const auto a = some_entries(n, dim, 11), b = some_entries(n, dim, 12);
  const size_t n_words = words_for(dim);
  const Words hashes = random_words(n, 1), minus = make_atoms(n, dim);
  const DeviceArray<uint64_t> keys(hashes), left(planes_of(a, dim)), right(planes_of(b, dim)), out(2 * minus.size());
  ternary_atoms(kPlace, keys.data(), n, dim, kSeed, out.data());
  Words expected;
  for (size_t row = 0; row < n; ++row) {
    for (size_t j = 0; j < n_words; ++j)
      expected.push_back(~minus[row * n_words + j] & (j + 1 == n_words ? tail_mask(dim) : ~uint64_t{0}));
    for (size_t j = 0; j < n_words; ++j) expected.push_back(minus[row * n_words + j]);
  }
  check(out.values() == expected, "ternary_atoms", n, dim);
  std::vector<int> products(a.size());
  std::vector<double> cosines(n);
  for (size_t row = 0; row < n; ++row) {
    int inner = 0, of_a = 0, of_b = 0;
    for (size_t i = row * dim; i < (row + 1) * dim; ++i) {
      products[i] = a[i] * b[i];
      inner += products[i], of_a += a[i] * a[i], of_b += b[i] * b[i];
    }
    if (of_a * of_b > 0) cosines[row] = inner / std::sqrt(static_cast<double>(of_a) * of_b);
  }
  const PackedRows x{left.data(), n}, y{right.data(), n};
  check(ternary_products(kPlace, x, y, dim, out.data()), "ternary vectors are sound", n, dim);
  check(out.values() == planes_of(products, dim), "ternary_products", n, dim);
  const DeviceArray<double> found(n);
  check(ternary_cosines(kPlace, x, y, dim, found.data()), "ternary vectors are sound", n, dim);
  check(found.values() == cosines, "ternary_cosines", n, dim);
  test_ternary_signs(n, dim);
  test_ternary_search(a, b, n, dim);
  check(are_ternary(kPlace, x, dim), "ternary vectors are sound", n, dim);
  Words twice = planes_of(b, dim);
  twice[0] |= 1, twice[n_words] |= 1;
  const DeviceArray<uint64_t> strays(twice);
  check(!are_ternary(kPlace, {strays.data(), n}, dim), "an entry both +1 and -1", dim);
  check(!ternary_products(kPlace, x, {strays.data(), n}, dim, out.data()), "an entry both +1 and -1", dim);
  check(!ternary_cosines(kPlace, {strays.data(), n}, x, dim, found.data()), "an entry both +1 and -1", dim);
}

void run() {
  for (const size_t dim : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{200}, size_t{2049}}) {
    for (const size_t n : {size_t{1}, size_t{9}, size_t{40}})
      test_rows(n, dim), test_scores(n, dim), test_ternary(n, dim);
    test_strays(dim);
    for (const unsigned bits : {1U, 2U, 3U, 8U}) test_quantized(dim, bits, 2), test_quantized(dim, bits, 6);
    for (const bool weighted : {false, true}) test_bundles(dim, {0, 1, 3, 10, 27, 100}, weighted);
    for (const size_t length : {size_t{1}, size_t{3}, size_t{70}}) test_grams(dim, length, {0, 70, 150, 260});
  }
  test_bundles(5, {0, 3000}, false);
  test_bundles(65, {0, 2500}, true);
  test_grams(130, 2, {0, 1200, 1201, 1205});
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  hypersketch::cuda::run();
  std::printf("%zu checks, %zu failures\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::failures == 0 ? 0 : 1;
}
