// SPDX-License-Identifier: Apache-2.0
// Bundles, rows of atoms, and the fused trials.
#include <cmath>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "hypersketch/trials.hpp"
#include "hypersketch/vsa.hpp"

namespace hypersketch {
namespace {

void test_bundles(size_t dim, size_t n, size_t factors, bool weighted) {
  const auto hashes = random_words(n * factors, dim + n);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(hashes[i] % 41) - 20;
  std::vector<int32_t> counters(dim, 5);
  const ItemView items{hashes.data(), n, factors};
  bundle_add(counters, 3, items, weighted ? weights.data() : nullptr, 2);
  for (size_t d = 0; d < dim; ++d) {
    int64_t sum = 5;
    for (size_t i = 0; i < n; ++i) sum += (weighted ? weights[i] : 1) * product_sign(3, hashes, n, factors, i, d);
    check(counters[d] == sum, "bundle_add", dim, n);
  }
  std::vector<int64_t> scores(n);
  bundle_scores(Planes(counters), 3, items, scores.data(), 3);
  for (size_t i = 0; i < n; ++i) {
    int64_t score = 0;
    for (size_t d = 0; d < dim; ++d) score += counters[d] * product_sign(3, hashes, n, factors, i, d);
    check(scores[i] == score, "bundle_scores", dim, i);
  }
}

void test_rows(size_t dim, size_t n) {
  const auto hashes = random_words(n, 9);
  const size_t n_words = words_for(dim);
  std::vector<uint64_t> rows(n * n_words), rotated(n * n_words);
  atom_rows(dim, 3, hashes, rows.data(), n_words, 2);
  const RowBatch batch{rows.data(), n, n_words, nullptr};
  std::vector<int32_t> from_rows(dim), from_keys(dim);
  std::vector<int64_t> weights(n, -3);
  bundle_add_rows(from_rows, batch, weights.data(), 2);
  bundle_add(from_keys, 3, {hashes.data(), n, 1}, weights.data(), 1);
  check(from_rows == from_keys, "bundle_add_rows", dim, n);
  std::vector<int64_t> row_scores(n), key_scores(n);
  bundle_score_rows(Planes(from_keys), batch, row_scores.data(), 2);
  bundle_scores(Planes(from_keys), 3, {hashes.data(), n, 1}, key_scores.data(), 1);
  check(row_scores == key_scores, "bundle_score_rows", dim, n);
  for (const size_t shift : {size_t{0}, size_t{1} % dim, dim / 2, dim - 1}) {
    rotate_rows(batch, dim, shift, rotated.data());
    for (size_t d = 0; d < dim && n != 0; ++d) {
      const size_t from = (d + dim - shift) % dim;
      check(((rotated[d / 64] >> (d % 64)) & 1) == ((rows[from / 64] >> (from % 64)) & 1), "rotate_rows", dim, shift);
    }
  }
}

// Numbers are written for whole rows and nothing behind them, and lie where they must.
void test_reals(size_t dim, size_t n) {
  const auto hashes = random_words(n, 9);
  for (const RealKind kind : {RealKind::kUniform, RealKind::kNormal, RealKind::kPhasor}) {
    const size_t size = kind == RealKind::kPhasor ? 2 * dim : dim;
    std::vector<float> rows(n * size), again(n * size);
    atom_reals(dim, 3, hashes, kind, 1.0, rows.data(), 1);
    atom_reals(dim, 3, hashes, kind, 1.0, again.data(), 3);
    check(rows == again, "atom_reals with threads", dim, n);
    const float most = kind == RealKind::kNormal ? 6.8F : 1.0F;  // sqrt(-2 ln 2^-33)
    for (const float x : rows) check(x >= -most && x <= most, "range of atom_reals", dim, n);
    for (size_t i = 0; kind == RealKind::kPhasor && i < n * size; i += 2)
      check(std::abs(rows[i] * rows[i] + rows[i + 1] * rows[i + 1] - 1.0F) < 1e-6F, "length of phasors", dim, i);
  }
}

void test_extreme_counters() {
  // Weights of the largest size, and counters at both ends of int32.
  std::vector<int32_t> counters(70, 0);
  const uint64_t hash = 12345;
  const int64_t weight = 0x7FFFFFFF;
  bundle_add(counters, 3, {&hash, 1, 1}, &weight, 1);
  for (size_t d = 0; d < counters.size(); ++d) check(counters[d] == weight * sign_of(3, hash, d), "largest weight", d);
  counters[0] = INT32_MIN;
  int64_t score = 0, expected = 0;
  bundle_scores(Planes(counters), 3, {&hash, 1, 1}, &score, 1);
  for (size_t d = 0; d < counters.size(); ++d) expected += counters[d] * sign_of(3, hash, d);
  check(score == expected, "score of extreme counters");
}

void test_trials(bool packed) {
  const size_t dim = 130, trials = 5, n = 7, q = 19;
  const auto seeds = random_words(trials, 1), members = random_words(2 * trials * n, 2),
             probes = random_words(2 * trials * q, 3);
  std::vector<int64_t> out(trials * q);
  bundle_trials(dim, packed, seeds.data(), {members.data(), trials, n, 2}, nullptr, {probes.data(), trials, q, 2},
                out.data(), 2);
  for (size_t t = 0; t < trials; ++t) {
    std::vector<uint64_t> added, asked;
    for (size_t f = 0; f < 2; ++f) {
      added.insert(added.end(), &members[(f * trials + t) * n], &members[(f * trials + t) * n] + n);
      asked.insert(asked.end(), &probes[(f * trials + t) * q], &probes[(f * trials + t) * q] + q);
    }
    std::vector<int32_t> counters(dim);
    bundle_add(counters, seeds[t], {added.data(), n, 2}, nullptr, 1);
    for (auto& c : counters)
      if (packed) c = c < 0 ? -1 : 1;  // n is odd: no ties
    for (size_t i = 0; i < q; ++i) {
      int64_t score = 0;
      for (size_t d = 0; d < dim; ++d) score += counters[d] * product_sign(seeds[t], asked, q, 2, i, d);
      check(out[t * q + i] == score, "bundle_trials", t, i);
    }
  }
}

void test_cleanup() {
  const std::vector<int64_t> scores{5, 9, 9, 1, 9, 5}, members{0, 2, 4};
  std::vector<std::pair<int64_t, size_t>> scratch;
  check(members_among_best<int64_t>(scores, members, scratch) == 2, "ties rank by index");
  std::vector<int64_t> indices(4 * 30);
  sample_indices(1, 4, 30, 30, indices.data());
  for (size_t t = 0; t < 4; ++t) {
    std::vector<bool> seen(30);
    for (size_t i = 0; i < 30; ++i) seen[static_cast<size_t>(indices[t * 30 + i])] = true;
    for (size_t i = 0; i < 30; ++i) check(seen[i], "sample_indices is a permutation", t, i);
  }
}

}  // namespace

void run_vsa_tests() {
  for (const size_t dim : {1, 2, 63, 64, 65, 127, 129, 511, 513, 700})
    for (const size_t n : {0, 1, 2, 4, 15, 16, 17, 33, 254, 255, 256}) {
      if (dim * n > 40000) continue;
      test_bundles(dim, n, 1, false);
      test_bundles(dim, n, 1 + n % 3, true);
      test_rows(dim, n);
      test_reals(dim, n);
    }
  test_extreme_counters();
  test_trials(false);
  test_trials(true);
  test_cleanup();
}

}  // namespace hypersketch
