// SPDX-License-Identifier: Apache-2.0
// Walsh-Hadamard transforms and orthogonal codebooks on the emulated GPU against those of the CPU, bit for bit.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hadamard.hpp"
#include "hypersketch/hadamard.hpp"

namespace hypersketch::cuda {
namespace {

using Words = std::vector<uint64_t>;

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

void test_transforms(size_t n, size_t n_rows) {
  const auto words = random_words(n * n_rows, n);
  std::vector<float> floats(words.size());
  std::vector<std::int32_t> integers(words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    floats[i] = static_cast<float>(static_cast<int>(words[i] % 200001) - 100000) / 777.0F;
    integers[i] = static_cast<std::int32_t>(words[i] % 2001) - 1000;
  }
  const DeviceArray<float> reals(floats);
  const DeviceArray<std::int32_t> counts(integers);
  check(walsh_hadamard(kPlace, reals.data(), n_rows, n), "floats are finite", n);
  check(walsh_hadamard(kPlace, counts.data(), n_rows, n), "integers fit", n);
  walsh_hadamard_rows(floats.data(), n_rows, n, 1);
  walsh_hadamard_rows(integers.data(), n_rows, n, 1);
  check(same_bits(reals.values(), floats), "walsh_hadamard of floats", n, n_rows);
  check(same_bits(counts.values(), integers), "walsh_hadamard of integers", n, n_rows);
}

void test_what_is_refused() {
  std::vector<float> floats(64, 1.0F);
  floats[63] = std::numeric_limits<float>::infinity();
  std::vector<std::int32_t> integers(64, std::numeric_limits<std::int32_t>::max() / 64 + 1);
  const DeviceArray<float> reals(floats);
  const DeviceArray<std::int32_t> counts(integers);
  check(!walsh_hadamard(kPlace, reals.data(), 1, 64) && same_bits(reals.values(), floats), "infinity");
  check(!walsh_hadamard(kPlace, counts.data(), 1, 64) && counts.values() == integers, "integers that are too large");
}

// Items have every third row of the matrix, from the last one on.
struct Book {
  Book(size_t dim, size_t n) : signs(random_words(words_for(dim), 4)), numbers(n) {
    for (size_t i = 0; i < n; ++i) numbers[i] = static_cast<std::uint32_t>(dim - 1 - i * 3 % dim);
    signs.back() &= tail_mask(dim);
  }
  Words signs;
  std::vector<std::uint32_t> numbers;
};

// Keys of all items for each probe, ascending; some probes are items, from which all others are equally far.
std::vector<Words> keys_of(const Book& book, size_t dim, const Words& probes, size_t n_probes) {
  std::vector<std::int32_t> scores(n_probes * dim);
  hadamard_scores(probes.data(), n_probes, dim, book.signs.data(), scores.data(), 1);
  std::vector<Words> keys(n_probes);
  for (size_t p = 0; p < n_probes; ++p) {
    for (size_t i = 0; i < book.numbers.size(); ++i) {
      const auto score = static_cast<int64_t>(scores[p * dim + book.numbers[i]]);
      keys[p].push_back(static_cast<uint64_t>((static_cast<int64_t>(dim) - score) / 2) << kRowBits | i);
    }
    std::sort(keys[p].begin(), keys[p].end());
  }
  return keys;
}

void check_answers(const std::vector<Words>& expected, size_t dim, size_t k, const std::vector<int64_t>& indices,
                   const std::vector<std::int32_t>& distances, const std::vector<double>& similarities) {
  const auto size = static_cast<double>(dim);
  for (size_t p = 0; p < expected.size(); ++p) {
    bool right = true;
    for (size_t i = 0; i < k; ++i) {
      const size_t at = p * k + i;
      const auto distance = static_cast<std::int32_t>(expected[p][i] >> kRowBits);
      right &= indices[at] == static_cast<int64_t>(expected[p][i] & ((uint64_t{1} << kRowBits) - 1));
      right &= distances[at] == distance && similarities[at] == (size - 2.0 * distance) / size;
    }
    check(right, "hadamard_top_k", dim, k);
  }
}

void test_items(size_t dim, size_t n, size_t n_probes) {
  const Book book(dim, n);
  const DeviceArray<uint64_t> signs(book.signs);
  const DeviceArray<std::uint32_t> numbers(book.numbers);
  const HadamardItems items{dim, signs.data(), numbers.data(), n};
  std::vector<int64_t> places;
  for (size_t p = 0; p < n_probes; ++p) places.push_back(p % 3 == 2 ? -1 : static_cast<int64_t>(p * 5 % n));
  const DeviceArray<int64_t> device_places(places);
  const DeviceArray<uint64_t> rows(n_probes * words_for(dim));
  hadamard_rows(kPlace, items, device_places.data(), n_probes, rows.data());
  Words probes = rows.values();
  for (size_t p = 0; p < n_probes; ++p) {
    bool right = true;
    for (size_t d = 0; d < words_for(dim) * 64; ++d) {
      const bool bit = ((probes[p * words_for(dim) + d / 64] >> d % 64) & 1) != 0;
      const bool sign = ((book.signs[d / 64] >> d % 64) & 1) != 0;
      const bool odd = places[p] >= 0 && std::popcount(book.numbers[static_cast<size_t>(places[p])] & d) % 2 != 0;
      right &= bit == (places[p] >= 0 && d < dim && odd != sign);
    }
    check(right, "hadamard_rows", dim, p);
  }
  const auto noise = random_words(probes.size(), 6);
  for (size_t w = 0; w < probes.size(); w += 2) probes[w] ^= noise[w] & noise[w / 2] & tail_mask(dim);
  const auto expected = keys_of(book, dim, probes, n_probes);
  const DeviceArray<uint64_t> asked(probes);
  const BitRows given{asked.data(), n_probes, words_for(dim)};
  for (const size_t k : {size_t{1}, (n + 1) / 2, n}) {
    const DeviceArray<int64_t> indices(n_probes * k);
    const DeviceArray<std::int32_t> distances(n_probes * k);
    const DeviceArray<double> similarities(n_probes * k);
    hadamard_top_k(kPlace, given, items, {k, indices.data(), distances.data(), similarities.data()});
    check_answers(expected, dim, k, indices.values(), distances.values(), similarities.values());
  }
  std::vector<std::int32_t> radii(n_probes);
  std::vector<unsigned long long> starts(n_probes + 1);
  for (size_t p = 0; p < n_probes; ++p) {
    radii[p] = static_cast<std::int32_t>(p % 4 == 3 ? dim : dim / 2) - (p % 2 == 0 ? 0 : 1);
    const auto last = static_cast<uint64_t>(radii[p] + 1) << kRowBits;
    starts[p + 1] =
        starts[p] + static_cast<unsigned long long>(std::lower_bound(expected[p].begin(), expected[p].end(), last) -
                                                    expected[p].begin());
  }
  const DeviceArray<std::int32_t> limits(radii);
  const DeviceArray<unsigned long long> counts(std::vector<unsigned long long>(n_probes, 0));
  const DeviceArray<unsigned long long> cursors(std::vector<unsigned long long>(starts.begin(), starts.end() - 1));
  const DeviceArray<uint64_t> keys(starts.back());
  hadamard_range(kPlace, given, limits.data(), items, counts.data(), nullptr);
  hadamard_range(kPlace, given, limits.data(), items, cursors.data(), keys.data());
  Words found = keys.values();
  const auto counted = counts.values();
  for (size_t p = 0; p < n_probes; ++p) {
    const auto first = found.begin() + static_cast<std::ptrdiff_t>(starts[p]);
    const auto last = found.begin() + static_cast<std::ptrdiff_t>(starts[p + 1]);
    std::sort(first, last);
    check(counted[p] == starts[p + 1] - starts[p] && std::equal(first, last, expected[p].begin()), "hadamard_range",
          dim, p);
  }
}

void run() {
  for (size_t n = 1; n <= size_t{1} << 18; n *= n < 8192 ? 4 : 2) test_transforms(n, n < 1024 ? 40 : 3);
  test_what_is_refused();
  test_items(1, 1, 3);
  test_items(8, 7, 5);
  test_items(64, 40, 7);
  test_items(512, 512, 9);
  test_items(16384, 700, 4);
  test_items(8192, 8192, 3);  // which a block does not sort
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  hypersketch::cuda::run();
  std::printf("%zu checks, %zu failures\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::checks != 0 && hypersketch::failures == 0 ? 0 : 1;
}
