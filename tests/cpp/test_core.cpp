// SPDX-License-Identifier: Apache-2.0
// Every kernel and family function against its definition, one SIMD level a run, at sizes around every lane count.
// Buffers have exactly the stated size, so that under the address sanitizer one word too far is an error.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "hypersketch/bloom.hpp"
#include "hypersketch/bloom_blocks.hpp"
#include "hypersketch/count_stream.hpp"
#include "hypersketch/counting_bloom.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/hopfield.hpp"
#include "hypersketch/projection.hpp"
#include "hypersketch/records.hpp"
#include "hypersketch/trials.hpp"

namespace hypersketch {
namespace {

size_t checks = 0;
size_t failures = 0;

void check(bool condition, const char* what, size_t a = 0, size_t b = 0) {
  ++checks;
  if (condition) return;
  std::printf("FAILED %s (%zu, %zu)\n", what, a, b);
  ++failures;
}

std::vector<uint64_t> random_words(size_t n, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<uint64_t> words(n);
  for (auto& word : words) word = generator();
  return words;
}

// +1 or -1: dimension d of the atom of a key.
int64_t sign_of(uint64_t seed, uint64_t hash, size_t d) {
  const uint64_t word = atom_word(stream_start(seed_word(seed, Purpose::kAtom), hash), d / 64);
  return ((word >> (d % 64)) & 1) != 0 ? -1 : 1;
}

int64_t product_sign(uint64_t seed, const std::vector<uint64_t>& hashes, size_t n, size_t factors, size_t i, size_t d) {
  int64_t sign = 1;
  for (size_t f = 0; f < factors; ++f) sign *= sign_of(seed, hashes[f * n + i], d);
  return sign;
}

void test_hash_vectors() {
  // Published with xxHash (xxhash_spec and the reference implementation's self test) and from the definition.
  check(xxh64_bytes(nullptr, 0, 0) == 0xEF46DB3751D8E999ULL, "xxh64 of nothing");
  const std::string_view abc = "abc";
  check(xxh64_bytes(reinterpret_cast<const unsigned char*>(abc.data()), 3, 0) == 0x44BC2CF5AD770999ULL, "xxh64 of abc");
  for (const size_t n : {0, 1, 3, 7, 8, 9, 64, 65}) {
    const auto keys = random_words(n, n + 1);
    std::vector<uint64_t> out(n);
    kernels().hash_u64(keys.data(), n, 7, out.data());
    for (size_t i = 0; i < n; ++i)
      check(out[i] == xxh64_bytes(reinterpret_cast<const unsigned char*>(&keys[i]), 8, 7), "hash_u64", n, i);
  }
}

// Strings of every length up to 100 bytes, each in memory of its own that ends where the string ends.
void test_hash_strings() {
  std::vector<std::vector<unsigned char>> strings;
  for (size_t i = 0; i < 303; ++i) {
    strings.emplace_back((i * 37) % 101);
    for (size_t b = 0; b < strings[i].size(); ++b) strings[i][b] = static_cast<unsigned char>(i * 31 + b * 7);
  }
  std::vector<const unsigned char*> pointers;
  std::vector<size_t> sizes;
  for (const auto& bytes : strings) pointers.push_back(bytes.data()), sizes.push_back(bytes.size());
  std::vector<uint64_t> out(strings.size());
  kernels().hash_strings(pointers.data(), sizes.data(), out.size(), 11, out.data());
  for (size_t i = 0; i < out.size(); ++i)
    check(out[i] == xxh64_bytes(pointers[i], sizes[i], 11), "hash_strings", i, sizes[i]);
}

void test_multiply_high() {
  for (const uint64_t x : random_words(100, 1))
    for (const uint64_t y : {uint64_t{1}, uint64_t{1000}, uint64_t{1} << 32, ~uint64_t{0}, x})
      check(multiply_high(x, y) == static_cast<uint64_t>((static_cast<unsigned __int128>(x) * y) >> 64),
            "multiply_high");
}

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
  check(members_among_best(scores, members, scratch) == 2, "ties rank by index");
  std::vector<int64_t> indices(4 * 30);
  sample_indices(1, 4, 30, 30, indices.data());
  for (size_t t = 0; t < 4; ++t) {
    std::vector<bool> seen(30);
    for (size_t i = 0; i < 30; ++i) seen[static_cast<size_t>(indices[t * 30 + i])] = true;
    for (size_t i = 0; i < 30; ++i) check(seen[i], "sample_indices is a permutation", t, i);
  }
}

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
std::vector<uint64_t> block_bits(BlockLayout layout, uint64_t n_blocks, size_t n_hashes, uint64_t seed, uint64_t hash) {
  const bool split = layout == BlockLayout::kSplitBlock;
  const uint64_t word = split && seed == 0 ? hash : stream_start(seed_word(seed, Purpose::kBloom), hash);
  const uint64_t block = static_cast<uint64_t>((static_cast<unsigned __int128>(word >> 32) * n_blocks) >> 32);
  std::vector<uint64_t> bits;
  for (size_t i = 0; i < n_hashes; ++i) {
    const size_t lane = split ? i : (word + i) % 8;
    const uint64_t product = random_word(word, 0) * kLineSalts[lane];
    bits.push_back(split ? block * 256 + lane * 32 + ((static_cast<uint32_t>(word) * kSplitSalts[lane]) >> 27)
                         : block * 512 + lane * 64 + (product >> (i < 8 ? 58 : 52)) % 64);
  }
  return bits;
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

// Column and sign of a key in a row, by the rule in layout.hpp, in 128 bits.
struct Place {
  uint64_t column;
  int sign;
};

Place place_of(RowParams params, uint64_t hash, size_t r) {
  const uint64_t word = random_word(stream_start(seed_word(params.seed, Purpose::kRow), hash), r);
  const auto product = static_cast<unsigned __int128>(word >> 32) * params.width;
  return {static_cast<uint64_t>(product >> 32), (word & 1) != 0 ? -1 : 1};
}

void test_row_places(uint64_t width, size_t n) {
  const RowParams params{width, 3, 5, true};
  const auto hashes = random_words(n, width);
  std::vector<uint64_t> starts(n);
  key_starts({hashes, true}, params.seed, 0, n, starts.data());
  std::vector<uint32_t> columns(n), unsigned_columns(n);
  std::vector<int32_t> signs(n);
  for (size_t r = 0; r < params.depth; ++r) {
    kernels().row_places(starts.data(), n, r, width, columns.data(), signs.data());
    kernels().row_places(starts.data(), n, r, width, unsigned_columns.data(), nullptr);
    check(columns == unsigned_columns, "row_places without signs", width, n);
    for (size_t i = 0; i < n; ++i) {
      const Place place = place_of(params, hashes[i], r);
      check(columns[i] == place.column && signs[i] == place.sign, "row_places", width, i);
    }
  }
}

template <class Value>
void test_row_sort(size_t depth, size_t n) {
  const auto words = random_words(depth * kReadBlock, depth + n);
  std::vector<Value> values(words.size());
  for (size_t i = 0; i < words.size(); ++i) values[i] = static_cast<Value>(static_cast<int64_t>(words[i] % 15) - 7);
  const auto before = values;
  const size_t last = depth / 2;
  row_kernels<Value>().sort(values.data(), kReadBlock, depth, n, last);
  for (size_t i = 0; i < n; ++i) {
    std::vector<Value> list;
    for (size_t r = 0; r < depth; ++r) list.push_back(before[r * kReadBlock + i]);
    std::sort(list.begin(), list.end());
    for (size_t r = 0; r <= last && r < depth; ++r) check(values[r * kReadBlock + i] == list[r], "row_sort", depth, i);
  }
}

template <class Cell>
std::vector<Cell> sketch_of(RowParams params, const std::vector<uint64_t>& hashes,
                            const std::vector<Weight<Cell>>& weights) {
  std::vector<Cell> cells(params.width * params.depth);
  for (size_t i = 0; i < hashes.size(); ++i)
    for (size_t r = 0; r < params.depth; ++r) {
      const Place place = place_of(params, hashes[i], r);
      const Weight<Cell> weight = weights.empty() ? 1 : weights[i];
      Cell& cell = cells[r * params.width + place.column];
      cell = static_cast<Cell>(cell + static_cast<Cell>(params.is_signed ? weight * place.sign : weight));
    }
  return cells;
}

template <class Cell>
void test_sketch(RowParams params, size_t n, size_t threads) {
  const auto hashes = random_words(n, params.width);
  std::vector<Weight<Cell>> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<Weight<Cell>>(hashes[i] % 31) / Weight<Cell>{3};
  for (const auto& mine : {std::vector<Weight<Cell>>(), weights}) {
    std::vector<Cell> cells(params.width * params.depth);
    const auto* values = mine.empty() ? nullptr : mine.data();
    const AddBatch<Cell> batch{cells, params, false, {hashes, true}, values};
    check(sketch_fits<Cell>(cells, params, false, batch.keys, values), "sketch_fits", params.width, n);
    sketch_add(batch, threads);
    check(cells == sketch_of<Cell>(params, hashes, mine), "sketch_add", params.width, n);
    std::vector<double> estimates(n);
    sketch_estimate<Cell>(cells, params, batch.keys, estimates.data(), threads);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> rows;
      for (size_t r = 0; r < params.depth; ++r) {
        const Place place = place_of(params, hashes[i], r);
        rows.push_back(static_cast<double>(cells[r * params.width + place.column]) *
                       (params.is_signed ? place.sign : 1));
      }
      std::sort(rows.begin(), rows.end());
      const size_t d = params.depth;
      const double median = d % 2 == 1 ? rows[d / 2] : 0.5 * rows[d / 2 - 1] + 0.5 * rows[d / 2];
      check(estimates[i] == (params.is_signed ? median : rows[0]), "sketch_estimate", params.width, i);
    }
  }
}

// Every eighth key is one of ten: they are the candidates, for any number of threads.
void test_candidates(bool is_signed, bool conservative) {
  const RowParams params{5000, 5, 7, is_signed};
  auto keys = random_words(50000, 3);
  for (size_t i = 0; i < keys.size(); i += 8) keys[i] = (i / 8) % 10;
  std::vector<uint64_t> reference;
  for (const size_t threads : {1, 2, 5}) {
    std::vector<int32_t> cells(params.width * params.depth);
    const AddBatch<int32_t> batch{cells, params, conservative, {keys, false}, nullptr};
    auto candidates = sketch_track(batch, {}, 40, threads);
    std::vector<uint64_t> first, again;
    for (const Candidate& item : candidates.items()) {
      check(item.hash == xxh64_integer(keys[static_cast<size_t>(item.origin)], 0), "origins of candidates");
      first.push_back(item.hash);
    }
    candidates = sketch_track(batch, first, 40, threads);
    for (const Candidate& item : candidates.items()) again.push_back(item.hash);
    for (uint64_t key = 0; key < 10; ++key)
      check(std::count(again.begin(), again.end(), xxh64_integer(key, 0)) == 1, "heavy keys are candidates", key);
    check(again.size() <= 40, "candidates are few");
    if (reference.empty()) reference = again;
    check(again == reference, "candidates of several threads", threads);
  }
}

void test_lanes(size_t threads) {
  // Three lanes; the last waits for the others, and they may be two steps ahead of it.
  std::vector<std::vector<size_t>> taken(3);
  for (auto& steps : taken) steps.reserve(100);  // so that a lane may read beside one that appends
  size_t sum = 0;
  Lanes(3, 100).work(
      threads,
      [](size_t lane, const std::vector<size_t>& done) {
        return lane == 2 ? done[2] < std::min(done[0], done[1]) : done[lane] < done[2] + 2;
      },
      [](size_t thread, size_t i) { return (thread + i) % 3; },
      [&](size_t lane, size_t step) {
        taken[lane].push_back(step);
        if (lane == 2) sum += taken[0][step] + taken[1][step];
      });
  for (const auto& steps : taken) check(steps.size() == 100 && std::is_sorted(steps.begin(), steps.end()), "lanes");
  check(sum == 99 * 100, "a lane sees what it waited for");
  bool thrown = false;
  try {
    Lanes(2, 10).work(
        threads, [](size_t, const auto&) { return true; }, [](size_t, size_t i) { return i; },
        [](size_t lane, size_t step) {
          if (lane == 1 && step == 3) throw std::runtime_error("stop");
        });
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  check(thrown, "an error in a lane ends the work");
}

void test_sketches() {
  for (const uint64_t width : {uint64_t{1}, uint64_t{1000}, uint64_t{1} << 31, uint64_t{0xFFFFFFFF}})
    for (const size_t n : {0, 1, 3, 7, 8, 9, 64, 65}) test_row_places(width, n);
  for (const size_t depth : {1, 2, 3, 5, 8, 64})
    for (const size_t n : {1, 15, 16, 17, 33}) {
      test_row_sort<int32_t>(depth, n);
      test_row_sort<int64_t>(depth, n);
      test_row_sort<float>(depth, n);
      test_row_sort<double>(depth, n);
    }
  for (const size_t n : {0, 1, 63, 64, 65, 1025, 30000})
    for (const size_t threads : {1, 2, 4}) {
      test_sketch<int32_t>({257, 5, 3, true}, n, threads);
      test_sketch<int64_t>({100, 4, 3, true}, n, threads);
      test_sketch<float>({64, 3, 3, false}, n, threads);
      test_sketch<double>({1, 2, 3, true}, n, threads);
    }
  test_sketch<int32_t>({(1 << 18) + 1, 2, 3, true}, 9000, 2);  // rows that are prefetched
  test_candidates(true, false);
  test_candidates(false, false);
  test_candidates(false, true);
  for (const size_t threads : {1, 2, 3, 7}) test_lanes(threads);
}

void test_hopfield(size_t dim, size_t n) {
  const auto hashes = random_words(n, dim);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(i % 7) - 3;
  std::vector<int32_t> cells(triangle_size(dim));
  const int64_t trace = hopfield_add(cells, dim, 3, hashes, weights.data(), 2);
  std::vector<int64_t> scores(n);
  hopfield_scores(cells, trace, dim, 3, hashes, scores.data(), 2);
  const auto sign = [&](uint64_t hash) { return sign_bit(seed_word(3, Purpose::kSign), hash) != 0 ? -1 : 1; };
  for (size_t j = 0; j < n; ++j) {
    int64_t expected = 0;
    for (size_t i = 0; i < n; ++i) {
      int64_t overlap = 0;
      for (size_t d = 0; d < dim; ++d) overlap += sign_of(3, hashes[i], d) * sign_of(3, hashes[j], d);
      expected += weights[i] * sign(hashes[i]) * overlap * overlap;
    }
    check(scores[j] == expected * sign(hashes[j]), "hopfield_scores", dim, j);
  }
}

// Integers, so that sums are exact in any order; dense rows and compressed ones.
template <class T>
void test_projection(size_t n, size_t dim, size_t width, size_t n_entries) {
  const auto hashes = random_words(dim, 5), numbers = random_words(n * dim, 6);
  std::vector<std::uint32_t> codes(dim * n_entries);
  sign_codes(hashes, 9, n_entries, width, codes.data());
  std::vector<T> rows(n * dim), expected(n * width);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<T>(numbers[i] % 201) - 100;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < dim; ++j)
      for (size_t r = 0; r < n_entries; ++r) {
        const uint64_t word = random_word(stream_start(seed_word(9, Purpose::kRow), hashes[j]), r);
        const uint64_t first = r * width / n_entries, last = (r + 1) * width / n_entries;
        const size_t column = first + ((word >> 32) * (last - first) >> 32);
        expected[i * width + column] += (word & 1) != 0 ? -2 * rows[i * dim + j] : 2 * rows[i * dim + j];
      }
  const SignTable table{codes.data(), dim, n_entries, width};
  for (const size_t threads : {1, 2}) {
    std::vector<T> out(n * width, T{77}), sparse(n * width, T{77});
    project_dense(rows.data(), n, table, T{2}, out.data(), threads);
    check(out == expected, "project_dense", dim, width);
    std::vector<std::int32_t> starts, features;
    for (size_t i = 0; i <= n; ++i) starts.push_back(static_cast<std::int32_t>(i * dim));
    for (size_t i = 0; i < n * dim; ++i) features.push_back(static_cast<std::int32_t>(i % dim));
    project_csr(std::span<const std::int32_t>(starts), std::span<const std::int32_t>(features),
                std::span<const T>(rows), table, T{2}, sparse.data(), threads);
    check(sparse == expected, "project_csr", dim, width);
  }
}

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

void test_lines_and_words() {
  const auto data = bytes_of("a\r\n\n\"x\ny\"\n to  be");
  std::vector<int64_t> ends(count_byte(data, '\n')), stops(ends.size());
  check(split_lines(data, ends.data(), stops.data()) == 4, "lines");
  check(ends == std::vector<int64_t>({1, 3, 6, 9}) && stops == std::vector<int64_t>({3, 4, 7, 10}), "where lines end");
  const RowScan rows = split_rows(data, ',', true, ends.data(), stops.data());
  check(rows.n == 3 && rows.stray == -1 && ends[2] == 9, "rows of CSV");
  const size_t n = count_words(data);
  std::vector<int64_t> from(n), to(n);
  split_words(data, from.data(), to.data());
  check(from == std::vector<int64_t>({0, 4, 7, 11, 15}) && to == std::vector<int64_t>({1, 6, 9, 13, 17}), "words");
  auto block = data;
  const bool keep[] = {true, false, true, true, true};
  check(pack_spans({block.data(), from.data(), to.data(), n}, keep, block.data()) == 7 &&
            std::string_view(reinterpret_cast<const char*>(block.data()), 7) == "ay\"tobe",
        "packed words");
}

// Quotes open where a field begins; CRs outside of them end lines. Blocks have exactly the size of their text.
void test_csv_rows() {
  const std::pair<std::string_view, RowScan> cases[] = {
      {"", {0, -1}},
      {"\"", {0, -1}},
      {"\"\"", {0, -1}},
      {"\"a\"\n", {1, -1}},
      {"a\"b\nc\"\n", {2, -1}},
      {"a,\"b\nc\"\n", {1, -1}},
      {"\"a\"\"\nb\"\n", {1, -1}},
      {"\"a\"b\"c\nd\n", {2, -1}},
      {"a;\"b\nc\"\n", {2, -1}},
      {"a\r\nb\r", {1, 4}},
      {"a\rb\n", {0, 1}},
      {"\"a\rb\"\r\n", {1, -1}},
      {"a,\"\r\"\rb\n", {0, 5}},
  };
  for (const auto& [text, wanted] : cases) {
    const auto data = bytes_of(text);
    std::vector<int64_t> ends(count_byte(data, '\n')), stops(ends.size());
    const RowScan scan = split_rows(data, ',', true, ends.data(), stops.data());
    check(scan.n == wanted.n && scan.stray == wanted.stray, "split_rows", scan.n, data.size());
  }
  const auto data = bytes_of("a\r");
  check(split_rows(data, ',', false, nullptr, nullptr).stray == -1, "a CR whose LF may follow");
}

// Records of `size` bytes, each value three times; with `same` all hashes are equal. Table and arena have no room
// more than is needed.
void test_exact_table(size_t size, bool same) {
  constexpr size_t kValues = 40;
  std::vector<unsigned char> data;
  std::vector<int64_t> starts, ends;
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < 3 * kValues; ++i) {
    starts.push_back(static_cast<int64_t>(data.size()));
    for (size_t b = 0; b < size; ++b) data.push_back(static_cast<unsigned char>(i % kValues + b));
    ends.push_back(static_cast<int64_t>(data.size()));
    hashes.push_back(same ? 0 : xxh64_bytes(data.data() + starts.back(), size, 0));
  }
  const size_t different = size == 0 ? 1 : kValues;
  std::vector<ExactSlot> slots(2 * kValues);
  std::vector<unsigned char> arena(different * (8 + size));
  ExactTable table{slots.data(), slots.size(), 0, different, arena.data(), arena.size(), 0};
  check(exact_reserve(table, hashes) == hashes.size(), "reserved", size, same);
  bool keep[3 * kValues];
  check(exact_keep(table, {data.data(), starts.data(), ends.data(), hashes.size()}, hashes, keep) == hashes.size(),
        "kept", size, same);
  for (size_t i = 0; i < hashes.size(); ++i) check(keep[i] == (i < different), "the first of its bytes", size, i);
  check(table.used == different && table.filled == arena.size(), "room", table.used, table.filled);
  std::vector<ExactSlot> wider(3 * kValues);
  ExactTable moved{wider.data(), wider.size(), table.used, different, arena.data(), arena.size(), table.filled};
  exact_move(slots, moved);
  check(exact_keep(moved, {data.data(), starts.data(), ends.data(), hashes.size()}, hashes, keep) == hashes.size(),
        "kept after a move", size, same);
  for (size_t i = 0; i < hashes.size(); ++i) check(!keep[i], "seen before a move", size, i);
}

void test_level(const char* level) {
  check(std::string_view(kernels().level) == level, "the level runs the code compiled for it");
  test_hash_vectors();
  test_hash_strings();
  test_multiply_high();
  test_lines_and_words();
  test_csv_rows();
  for (const size_t size : {0, 1, 9}) test_exact_table(size, false), test_exact_table(size, true);
  for (const size_t dim : {1, 2, 63, 64, 65, 127, 129, 511, 513, 700})
    for (const size_t n : {0, 1, 2, 4, 15, 16, 17, 33, 254, 255, 256}) {
      if (dim * n > 40000) continue;
      test_bundles(dim, n, 1, false);
      test_bundles(dim, n, 1 + n % 3, true);
      test_rows(dim, n);
    }
  test_extreme_counters();
  test_trials(false);
  test_trials(true);
  test_cleanup();
  for (const uint64_t n_bits : {1, 63, 64, 65, 1000, 1 << 24}) test_bloom(n_bits, 1 + n_bits % 9, 10000);
  test_bloom(1000, 3, 0);
  test_counting<HalfByteCells>(129);
  test_counting<WholeCells<std::uint8_t>>(257);
  test_counting<WholeCells<std::uint16_t>>(2 * 257);
  test_counting<WholeCells<std::uint32_t>>(4 * 257);
  for (const size_t n : {0, 1, 7, 8, 9, 63, 64, 65, 511, 513, 70'000}) {
    test_blocks(BlockLayout::kSplitBlock, 1 + n / 20, 8, n % 2, n);
    for (const size_t k : {1, 5, 8, 9, 16}) test_blocks(BlockLayout::kCacheLine, 1 + n / 30, k, n, n);
  }
  test_blocks(BlockLayout::kSplitBlock, 1 << 18, 8, 0, 70'000);  // large enough to be prefetched
  test_sketches();
  for (const size_t dim : {1, 2, 64, 65, 130}) test_hopfield(dim, 20);
  for (const size_t n : {1, 7, 8, 16, 17, 130})
    for (const size_t dim : {1, 15, 16, 40})
      for (const size_t width : {1, 8, 16, 37, 64}) {
        test_projection<float>(n, dim, width, 1 + dim % width);
        test_projection<double>(n, dim, width, 1 + dim % width);
      }
  test_projection<float>(17, 512, 256, 3);  // rows that collide in a cache go another way
  test_projection<double>(17, 128, 256, 3);
}

}  // namespace
}  // namespace hypersketch

int main(int argc, char** argv) {
  const char* level = argc > 1 ? argv[1] : hypersketch::kernels().level;
  if (!hypersketch::level_available(level)) {
    std::printf("skipped: this processor does not run %s\n", level);
    return 77;
  }
  hypersketch::set_level(level);
  hypersketch::test_level(level);
  std::printf("%s: %zu checks, %zu failed\n", level, hypersketch::checks, hypersketch::failures);
  return hypersketch::checks != 0 && hypersketch::failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
