// SPDX-License-Identifier: Apache-2.0
// Majorities, thresholds, XORs of rows, rotations and n-grams of packed vectors, against counting bit by bit.
#include "checks.hpp"
#include "hypersketch/gathered.hpp"
#include "hypersketch/ngrams.hpp"

namespace hypersketch {
namespace {

struct Packed {
  Packed(size_t n, size_t dim, uint64_t seed)
      : dim(dim), n_words(words_for(dim)), words(random_words(n * n_words, seed)) {
    for (size_t i = 0; i < n; ++i) words[(i + 1) * n_words - 1] &= tail_mask(dim);
  }
  uint64_t bit(size_t i, size_t d) const { return (words[i * n_words + d / 64] >> (d % 64)) & 1; }
  size_t dim, n_words;
  std::vector<uint64_t> words;
};

bool decided(uint64_t votes, uint64_t total, uint64_t at_least, uint64_t tie) {
  if (at_least != 0) return votes >= at_least;
  return 2 * votes > total || (2 * votes == total && tie != 0);
}

void check_bundle(const Packed& found, size_t b, const std::vector<uint64_t>& votes, uint64_t total, uint64_t at_least,
                  const Packed& ties) {
  for (size_t d = 0; d < found.dim; ++d)
    check((found.bit(b, d) != 0) == decided(votes[d], total, at_least, ties.bit(0, d)), "vote_bundles", found.dim, d);
  check((found.words[(b + 1) * found.n_words - 1] & ~tail_mask(found.dim)) == 0, "bits beyond the dimension");
}

// Rows, or XORs of two, in bundles of sizes that differ; weights of both signs.
void test_votes(size_t dim, size_t n, size_t n_bundles, bool two, bool weighted, uint64_t at_least, size_t threads) {
  const Packed rows(n, dim, dim), others(n, dim, n), ties(1, dim, 5);
  std::vector<int64_t> starts(n_bundles + 1), weights(n);
  for (size_t b = 0; b <= n_bundles; ++b) starts[b] = static_cast<int64_t>(n * b * b / (n_bundles * n_bundles));
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(rows.words[i * rows.n_words] % 41) - 20;
  Packed found(n_bundles, dim, 1);
  const RowItems items{{rows.words.data(), others.words.data()}, two ? size_t{2} : size_t{1}, rows.n_words};
  vote_bundles(items, dim, {starts.data(), n_bundles}, weighted ? weights.data() : nullptr,
               {ties.words.data(), at_least}, found.words.data(), threads);
  for (size_t b = 0; b < n_bundles; ++b) {
    std::vector<uint64_t> votes(dim);
    uint64_t total = 0;
    for (auto i = static_cast<size_t>(starts[b]); i < static_cast<size_t>(starts[b + 1]); ++i) {
      const int64_t weight = weighted ? weights[i] : 1;
      const auto size = static_cast<uint64_t>(weight < 0 ? -weight : weight);
      total += size;
      for (size_t d = 0; d < dim; ++d)
        if ((rows.bit(i, d) ^ (two ? others.bit(i, d) : 0) ^ (weight < 0 ? 1 : 0)) != 0) votes[d] += size;
    }
    check_bundle(found, b, votes, total, at_least, ties);
  }
}

// Chosen rows of a code book, bound to those of another or not, are what the rows themselves are.
void test_gathered(size_t dim, size_t n, bool two, size_t threads) {
  const size_t n_books[] = {7, 3};
  const Packed books[] = {{n_books[0], dim, 1}, {n_books[1], dim, 2}}, ties(1, dim, 5);
  const auto numbers = random_words(2 * n, 6);
  std::vector<uint32_t> chosen[2];
  std::vector<uint64_t> rows[2];
  for (size_t f = 0; f < 2; ++f)
    for (size_t i = 0; i < n; ++i) {
      chosen[f].push_back(static_cast<uint32_t>(numbers[f * n + i] % n_books[f]));
      const auto row = books[f].words.begin() + static_cast<std::ptrdiff_t>(chosen[f][i] * ties.n_words);
      rows[f].insert(rows[f].end(), row, row + static_cast<std::ptrdiff_t>(ties.n_words));
    }
  const std::vector<int64_t> starts{0, static_cast<int64_t>(n / 3), static_cast<int64_t>(n)};
  const size_t n_factors = two ? 2 : 1;
  const GatheredItems items{
      {books[0].words.data(), books[1].words.data()}, {chosen[0].data(), chosen[1].data()}, n_factors, ties.n_words};
  const RowItems plain{{rows[0].data(), rows[1].data()}, n_factors, ties.n_words};
  Packed found(2, dim, 3), expected(2, dim, 4);
  const VoteRule rule{ties.words.data(), 0};
  vote_bundles(items, dim, {starts.data(), 2}, nullptr, rule, found.words.data(), threads);
  vote_bundles(plain, dim, {starts.data(), 2}, nullptr, rule, expected.words.data(), 1);
  check(found.words == expected.words, "gathered majorities", dim, n);
  std::vector<int32_t> sums(2 * dim), plain_sums(2 * dim);
  count_bundles(items, dim, {starts.data(), 2}, nullptr, sums.data(), threads);
  count_bundles(plain, dim, {starts.data(), 2}, nullptr, plain_sums.data(), 1);
  check(sums == plain_sums, "gathered sums", dim, n);
}

void test_large_weights() {
  const Packed rows(3, 70, 1), ties(1, 70, 2);
  const int64_t starts[] = {0, 3}, weights[] = {0x7FFFFFFF, -0x7FFFFFFF, 1};
  Packed found(1, 70, 3);
  const RowItems items{{rows.words.data(), nullptr}, 1, rows.n_words};
  vote_bundles(items, 70, {starts, 1}, weights, {ties.words.data(), 0}, found.words.data(), 1);
  for (size_t d = 0; d < 70; ++d) {
    const bool expected = rows.bit(0, d) == rows.bit(1, d) ? rows.bit(2, d) != 0 : rows.bit(0, d) != 0;
    check((found.bit(0, d) != 0) == expected, "large weights", d);
  }
}

void test_rotations(size_t dim) {
  const Packed rows(3, dim, 8);
  Packed rotated(3, dim, 9);
  for (size_t shift = 0; shift < dim; shift += dim < 300 ? 1 : 61) {
    rotate_rows({rows.words.data(), 3, rows.n_words, nullptr}, dim, shift, rotated.words.data());
    bool equal = true;
    for (size_t i = 0; i < 3; ++i)
      for (size_t d = 0; d < dim; ++d) equal &= rotated.bit(i, (d + shift) % dim) == rows.bit(i, d);
    check(equal, "rotate_rows", dim, shift);
  }
}

uint64_t gram_bit(const Packed& atoms, const std::vector<uint64_t>& tokens, size_t t, size_t n, size_t d) {
  uint64_t bit = 0;
  for (size_t f = 0; f < n; ++f) bit ^= atoms.bit(tokens[t + f], (d + n * atoms.dim - (n - 1 - f)) % atoms.dim);
  return bit;
}

// The same text with a code book whose rotations are stored, with one that is too large for that, and with keys.
void test_grams(size_t dim, size_t n, size_t threads) {
  const size_t n_tokens = 150, n_atoms = 5;
  const auto hashes = random_words(n_atoms, 4);
  Packed atoms(400, dim, 0);
  atom_rows(dim, 3, hashes, atoms.words.data(), atoms.n_words, 1);
  std::vector<uint64_t> tokens = random_words(n_tokens, 6), keys(n_tokens);
  for (size_t t = 0; t < n_tokens; ++t) keys[t] = hashes[tokens[t] %= n_atoms];
  const std::vector<int64_t> starts{0, 100, 101, 101, 150};
  const Packed ties(1, dim, 5);
  for (const size_t book : {n_atoms, size_t{400}, size_t{0}}) {
    const Tokens text{book == 0 ? keys.data() : tokens.data(),  starts.data(), 4,
                      book == 0 ? nullptr : atoms.words.data(), book,          seed_word(3, Purpose::kAtom)};
    Packed found(4, dim, 7);
    std::vector<int32_t> counters(4 * dim, 9);
    with_grams(text, dim, n, threads, [&](const auto& items, Bundles bundles, size_t workers) {
      vote_bundles(items, dim, bundles, nullptr, {ties.words.data(), 0}, found.words.data(), workers);
      count_bundles(items, dim, bundles, nullptr, counters.data(), workers);
    });
    for (size_t b = 0; b < 4; ++b) {
      std::vector<uint64_t> votes(dim);
      const auto first = static_cast<size_t>(starts[b]), last = static_cast<size_t>(starts[b + 1]);
      const size_t grams = last - first < n ? 0 : last - first - (n - 1);
      for (size_t t = first; t < first + grams; ++t)
        for (size_t d = 0; d < dim; ++d) votes[d] += gram_bit(atoms, tokens, t, n, d);
      check_bundle(found, b, votes, grams, 0, ties);
      for (size_t d = 0; d < dim; ++d)
        check(counters[b * dim + d] == 9 + static_cast<int32_t>(grams) - 2 * static_cast<int32_t>(votes[d]), "grams",
              b);
    }
  }
}

}  // namespace

void run_majority_tests() {
  for (const size_t dim : {1, 63, 64, 65, 129, 511, 520, 1000}) {
    for (const size_t n : {1, 2, 3, 4, 15, 16, 31, 32, 33, 47, 64, 223, 224, 225, 254, 255, 256, 257, 999})
      for (const size_t threads : {1, 3}) {
        if (dim * n > 140000) continue;
        test_votes(dim, n, 1, false, false, 0, threads);
        test_votes(dim, n, 3, n % 2 == 0, n % 3 == 0, 0, threads);
        test_votes(dim, n, 1, n % 2 == 1, true, 0, threads);
        for (const uint64_t at_least : {size_t{1}, n / 3 + 1, n, n + 1, 2000 * n})
          test_votes(dim, n, 2, false, false, at_least, threads);
      }
    test_rotations(dim);
    for (const size_t n : {3, 100, 700}) {
      test_gathered(dim, n, false, 1);
      test_gathered(dim, n, true, 3);
    }
    for (const size_t n : {1, 2, 3, 5, 66}) test_grams(dim, n, 1 + n % 3);
  }
  test_large_weights();
}

}  // namespace hypersketch
