// SPDX-License-Identifier: Apache-2.0
// Count sketches and Count-Min, their candidates, and the lanes that work on them.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "checks.hpp"
#include "hypersketch/count_sketch.hpp"
#include "hypersketch/count_stream.hpp"
#include "hypersketch/hash.hpp"

namespace hypersketch {
namespace {

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

}  // namespace

void run_count_sketch_tests() {
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

}  // namespace hypersketch
