// SPDX-License-Identifier: Apache-2.0
// Bloom filters of every layout, and counting ones.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "checks.hpp"
#include "hypersketch/bloom.hpp"
#include "hypersketch/bloom_blocks.hpp"
#include "hypersketch/counting_bloom.hpp"

namespace hypersketch {
namespace {

void test_bloom(uint64_t n_bits, size_t n_hashes, size_t n) {
  const CellParams params{n_bits, n_hashes, 5};
  const auto hashes = random_words(n, n_bits);
  std::vector<uint64_t> words(words_for(n_bits)), threaded(words.size()), expected(words.size());
  bloom_add(words, params, hashes, 1);
  bloom_add(threaded, params, hashes, 3);
  for (const uint64_t hash : hashes)
    for (size_t i = 0; i < n_hashes; ++i) {
      const uint64_t start = stream_start(seed_word(5, Purpose::kBloom), hash);
      const uint64_t position =
          static_cast<uint64_t>((static_cast<unsigned __int128>(random_word(start, i)) * n_bits) >> 64);
      expected[position / 64] |= uint64_t{1} << (position % 64);
    }
  check(words == expected && threaded == expected, "bloom_add", n_bits, n);
  std::vector<char> answers(n + 1, 0);
  bloom_contains(words, params, hashes, reinterpret_cast<bool*>(answers.data()), 2);
  for (size_t i = 0; i < n; ++i) check(answers[i] == 1, "bloom_contains", n_bits, i);
}

template <class Cells>
void test_counting(size_t n_bytes) {
  const CellParams params{257, 4, 5};
  const auto hashes = random_words(100, 8);
  std::vector<std::uint8_t> bytes(n_bytes);
  const Cells cells{reinterpret_cast<typename Cells::Stored*>(bytes.data())};
  check(counting_add(cells, params, hashes, nullptr) == 0, "no counter is full after a hundred keys");
  std::vector<int64_t> counts(hashes.size());
  counting_count(cells, params, hashes, counts.data(), 2);
  for (const int64_t count : counts) check(count >= 1, "counting_count");
  const auto others = random_words(100, 99);
  const auto before = bytes;
  bool refused = false;
  try {
    counting_remove(cells, params, others, nullptr);
  } catch (const std::invalid_argument&) {
    refused = bytes == before;
  }
  check(refused, "removal below zero is refused whole");
  counting_remove(cells, params, hashes, nullptr);
  check(bytes == std::vector<std::uint8_t>(n_bytes), "removal undoes adding");
  const std::vector<int64_t> large(100, Cells::kMost / 2 + 1);
  counting_add(cells, params, hashes, large.data());
  check(counting_add(cells, params, hashes, large.data()) > 0, "counters saturate");
  const auto full = counting_sums(cells, cells, params.n_cells);
  counting_remove(cells, params, hashes, large.data());
  check(counting_sums(cells, cells, params.n_cells).saturated == full.saturated, "full counters stay");
}

// Positions by the rules of layout.hpp, bit by bit.
uint64_t block_of_word(uint64_t word, uint64_t n_blocks) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(word >> 32) * n_blocks) >> 32);
}

std::vector<uint64_t> split_bits(uint64_t n_blocks, uint64_t word) {
  std::vector<uint64_t> bits;
  for (size_t lane = 0; lane < 8; ++lane)
    bits.push_back(block_of_word(word, n_blocks) * 256 + lane * 32 +
                   ((static_cast<uint32_t>(word) * split_salts().of_lane[lane]) >> 27));
  return bits;
}

std::vector<uint64_t> line_bits(uint64_t n_blocks, size_t n_hashes, uint64_t word) {
  std::vector<uint64_t> bits;
  for (size_t i = 0; i < n_hashes; ++i) {
    const size_t lane = (word + i) % 8;
    const uint64_t product = random_word(word, 0) * line_salts().of_lane[lane];
    bits.push_back(block_of_word(word, n_blocks) * 512 + lane * 64 + (product >> (i < 8 ? 58 : 52)) % 64);
  }
  return bits;
}

std::vector<uint64_t> block_bits(BlockLayout layout, uint64_t n_blocks, size_t n_hashes, uint64_t seed, uint64_t hash) {
  const bool split = layout == BlockLayout::kSplitBlock;
  const uint64_t word = split && seed == 0 ? hash : stream_start(seed_word(seed, Purpose::kBloom), hash);
  return split ? split_bits(n_blocks, word) : line_bits(n_blocks, n_hashes, word);
}

// The rule that kernels take a block's words from says the same as the one for single bits.
void test_masks(uint64_t word) {
  for (const size_t k : {1, 2, 7, 8, 9, 15, 16}) {
    uint64_t expected[kLineWords] = {};
    for (const uint64_t bit : line_bits(1, k, word)) expected[bit / 64] |= uint64_t{1} << (bit % 64);
    for (size_t j = 0; j < kLineWords; ++j)
      check(cache_line_mask(word, line_word(word), k, j) == expected[j], "cache_line_mask", k, j);
  }
  uint64_t expected[kSplitWords] = {};
  for (const uint64_t bit : split_bits(1, word)) expected[bit / 64] |= uint64_t{1} << (bit % 64);
  for (size_t j = 0; j < kSplitWords; ++j) check(split_block_mask(word, j) == expected[j], "split_block_mask", j);
}

void test_blocks(BlockLayout layout, uint64_t n_blocks, size_t n_hashes, uint64_t seed, size_t n) {
  const size_t n_words = n_blocks * (layout == BlockLayout::kSplitBlock ? kSplitWords : kLineWords);
  auto hashes = random_words(n, seed + n);
  for (size_t i = 3; i < n; i += 7) hashes[i] = hashes[i / 2];
  std::vector<uint64_t> expected(n_words), words(n_words), threaded(n_words), tested(n_words), tested_threaded(n_words);
  std::vector<char> was(n + 8);
  for (size_t i = 0; i < n; ++i) {
    bool all = true;
    for (const uint64_t bit : block_bits(layout, n_blocks, n_hashes, seed, hashes[i])) {
      all = all && (expected[bit / 64] >> (bit % 64) & 1) != 0;
      if (!all) break;
    }
    was[i] = all;
    for (const uint64_t bit : block_bits(layout, n_blocks, n_hashes, seed, hashes[i]))
      expected[bit / 64] |= uint64_t{1} << (bit % 64);
  }
  const KeyBatch keys{hashes, true};
  const auto filter = [&](std::vector<uint64_t>& state) { return BlockFilter(layout, state, n_hashes, seed); };
  const auto answers = std::make_unique<bool[]>(n + 8);
  const auto same = [&] {
    return std::equal(was.begin(), was.begin() + static_cast<std::ptrdiff_t>(n), answers.get());
  };
  blocks_add(filter(words), keys, 1);
  blocks_add(filter(threaded), keys, 3);
  check(words == expected && threaded == expected, "blocks_add", n_blocks, n);
  blocks_test_and_add(filter(tested), keys, answers.get(), 1);
  check(tested == expected && same(), "blocks_test_and_add", n_blocks, n);
  blocks_test_and_add(filter(tested_threaded), keys, answers.get(), 3);
  check(tested_threaded == expected && same(), "blocks_test_and_add, threads", n_blocks, n);
  blocks_contains(filter(words), keys, answers.get(), 2);
  check(std::count(answers.get(), answers.get() + n, true) == static_cast<std::ptrdiff_t>(n), "blocks_contains", n);
  std::vector<unsigned char> bits((n + 7) / 8);
  blocks_contains_packed(filter(words), keys, bits.data(), 2);
  size_t ones = 0;
  for (const unsigned char byte : bits) ones += count_ones(byte);
  check(ones == n, "blocks_contains_packed", n);
}

// Large batches go in rounds, with the bytes and answers of one key after the other, whether the keys spread or not.
void test_rounds(bool is_skewed, size_t n) {
  auto hashes = random_words(n, 5);
  for (size_t i = 0; is_skewed && i < n; ++i) hashes[i] = i % 16 == 0 ? hashes[i] : hashes[1];
  const KeyBatch keys{hashes, true};
  std::vector<uint64_t> direct(kLeastRounds / sizeof(uint64_t)), rounds(direct), threaded(direct);
  const auto filter = [](std::vector<uint64_t>& state) { return BlockFilter(BlockLayout::kSplitBlock, state, 8, 0); };
  check(worth_rounds(filter(direct), n, 1), "worth_rounds", n);
  filter(direct).operations().add(filter(direct).view(keys), hashes.data(), n);
  blocks_add(filter(rounds), keys, 1);
  blocks_add(filter(threaded), keys, 3);
  check(rounds == direct && threaded == direct, "adding in rounds", is_skewed, n);
  for (size_t i = 0; i < n; i += 3) hashes[i] = mix64(hashes[i]);  // mostly absent
  const auto expected = std::make_unique<bool[]>(n), answers = std::make_unique<bool[]>(n);
  filter(direct).operations().contains(filter(direct).view(keys), hashes.data(), n, expected.get());
  std::vector<unsigned char> bits((n + 7) / 8);
  for (const size_t threads : {1, 2}) {
    blocks_contains(filter(direct), keys, answers.get(), threads);
    check(std::equal(answers.get(), answers.get() + n, expected.get()), "asking in rounds", is_skewed, threads);
    blocks_contains_packed(filter(direct), keys, bits.data(), threads);
    bool same = true;
    for (size_t i = 0; i < n; ++i) same = same && (bits[i / 8] >> (i % 8) & 1) == expected[i];
    check(same, "asking in rounds, packed", is_skewed, threads);
  }
}

}  // namespace

void run_bloom_tests() {
  for (const uint64_t n_bits : {1, 63, 64, 65, 1000, 1 << 24}) test_bloom(n_bits, 1 + n_bits % 9, 10000);
  test_bloom(1000, 3, 0);
  test_counting<HalfByteCells>(129);
  test_counting<WholeCells<std::uint8_t>>(257);
  test_counting<WholeCells<std::uint16_t>>(2 * 257);
  test_counting<WholeCells<std::uint32_t>>(4 * 257);
  for (const uint64_t word : random_words(10'000, 3)) test_masks(word);
  for (const size_t n : {0, 1, 7, 8, 9, 63, 64, 65, 511, 513, 70'000}) {
    test_blocks(BlockLayout::kSplitBlock, 1 + n / 20, 8, n % 2, n);
    for (const size_t k : {1, 5, 8, 9, 16}) test_blocks(BlockLayout::kCacheLine, 1 + n / 30, k, n, n);
  }
  test_blocks(BlockLayout::kSplitBlock, 1 << 18, 8, 0, 70'000);  // large enough to be prefetched
  test_rounds(false, 3'700'001);                                 // two rounds
  test_rounds(true, 1'300'001);
}

}  // namespace hypersketch
