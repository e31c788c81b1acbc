// SPDX-License-Identifier: Apache-2.0
// Associative memories on the emulated GPU: states against those of the CPU, counters, sums and products against their
// definitions.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "hypersketch/hopfield.hpp"
#include "hypersketch/recall.hpp"
#include "locations.hpp"
#include "matmul.hpp"
#include "membership_tensor.hpp"
#include "recall.hpp"
#include "synapses.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<uint64_t> make_rows(size_t n, size_t dim, uint64_t seed) {
  auto words = random_words(n * words_for(dim), seed);
  for (size_t i = 0; i < n; ++i) words[(i + 1) * words_for(dim) - 1] &= tail_mask(dim);
  return words;
}

bool is_set(const std::vector<uint64_t>& rows, size_t dim, size_t i, size_t d) {
  return bit_at(rows.data() + i * words_for(dim), d);
}

size_t distance(const std::vector<uint64_t>& a, size_t i, const std::vector<uint64_t>& b, size_t j, size_t dim) {
  size_t sum = 0;
  for (size_t d = 0; d < dim; ++d) sum += is_set(a, dim, i, d) != is_set(b, dim, j, d);
  return sum;
}

bool* flags(const DeviceArray<unsigned char>& bytes) { return reinterpret_cast<bool*>(bytes.data()); }

// Hebb's rule, whole or with its integers as floats.
struct Table {
  explicit Table(size_t dim) : overlaps(dim + 1), ones(dim + 1, -1.0), squares(dim + 1), none(dim + 1) {
    for (size_t d = 0; d <= dim; ++d) {
      const auto overlap = static_cast<int32_t>(dim) - 2 * static_cast<int32_t>(d);
      overlaps[d] = overlap;
      squares[d] = static_cast<double>(overlap) * overlap;
      whole.push_back(overlap);
      offsets.push_back(-1);
    }
  }
  std::vector<double> overlaps, ones, squares;
  std::vector<int32_t> none, whole;
  std::vector<int64_t> offsets;
};

struct Answers {
  explicit Answers(size_t n) : values(n), exponents(n), sweeps(n), converged(n), cycles(n) {}
  DeviceArray<double> values;
  DeviceArray<int64_t> exponents, sweeps;
  DeviceArray<unsigned char> converged, cycles;
};

void test_recall(size_t dim, size_t n, size_t n_states, bool whole, bool synchronous) {
  const auto patterns = make_rows(n, dim, 1), states = make_rows(n_states, dim, 2);
  const Table table(dim);
  const RecallRule rule{dim, synchronous, 7, nullptr, 6};
  PatternBook book(patterns.data(), n, dim, 1, true);
  const RecallTable numbers{{table.overlaps.data(), table.none.data()},
                            {table.ones.data(), table.none.data()},
                            {table.squares.data(), table.none.data()},
                            nullptr,
                            nullptr,
                            true};
  const DeviceArray<uint64_t> rows(patterns), units(dim * words_for(n)), followed(states);
  turn_bits(kPlace, rows.data(), n, dim, units.data());
  const DeviceArray<double> overlaps(table.overlaps), ones(table.ones), squares(table.squares);
  const DeviceArray<int32_t> none(table.none), integers(table.whole);
  const DeviceArray<int64_t> offsets(table.offsets);
  const Answers answers(n_states);
  const unsigned n_planes = static_cast<unsigned>(std::bit_width(dim)) + 1;
  const RecallNumbers there{{overlaps.data(), none.data()},
                            {ones.data(), none.data()},
                            {squares.data(), none.data()},
                            whole ? integers.data() : nullptr,
                            whole ? offsets.data() : nullptr,
                            n_planes,
                            true,
                            whole,
                            whole};
  recall(kPlace, {rows.data(), units.data(), n, dim}, there, rule, followed.data(), n_states,
         {answers.values.data(), answers.exponents.data(), answers.sweeps.data(), flags(answers.converged),
          flags(answers.cycles)});
  auto expected = states;
  const auto values = answers.values.values();
  const auto sweeps = answers.sweeps.values();
  const auto converged = answers.converged.values(), cycles = answers.cycles.values();
  for (size_t i = 0; i < n_states; ++i) {
    Recalled found{};
    PatternRecall(book, numbers, 0).run(rule, expected.data() + i * words_for(dim), found);
    check(values[i] == found.value, "recall");
    check(sweeps[i] == found.sweeps, "recall");
    check((converged[i] != 0) == found.converged, "recall");
    check((cycles[i] != 0) == found.cycle, "recall");
  }
  check(followed.values() == expected, "recall");
}

void test_entries() {
  const size_t n = 3, dim = 70;
  const auto bits = make_rows(n, dim, 3);
  std::vector<float> entries(n * dim);
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dim; ++d) entries[i * dim + d] = is_set(bits, dim, i, d) ? -1.0F : 1.0F;
  const DeviceArray<float> given(entries), back(n * dim);
  const DeviceArray<uint64_t> packed(n * words_for(dim));
  check(pack_entries(kPlace, given.data(), n, dim, dim, packed.data()) == kAllGood, "entries");
  check(packed.values() == bits, "entries");
  unpack_entries(kPlace, packed.data(), n, dim, back.data());
  check(back.values() == entries, "entries");
  entries[100] = 0.5F;
  entries[180] = 2.0F;
  const DeviceArray<float> bad(entries);
  check(pack_entries(kPlace, bad.data(), n, dim, dim, packed.data()) == 100, "entries");
  entries[5] = INFINITY;
  const DeviceArray<float> infinite(entries);
  const DeviceArray<double> wide(n * dim);
  check(convert_entries(kPlace, infinite.data(), n, dim, dim, wide.data()) == 5, "entries");
}

template <class Cell>
void test_locations(size_t n_locations, size_t n, size_t dim, size_t width, size_t radius, size_t k, int64_t limit) {
  const auto places = make_rows(n_locations, dim, 4), asked = make_rows(n, dim, 5), values = make_rows(n, width, 6);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(i % 5) - 1;
  const DeviceArray<uint64_t> places_there(places), asked_there(asked), values_there(values),
      states(n * words_for(width)), ties(std::vector<uint64_t>(words_for(width), 0));
  const DeviceArray<int64_t> weights_there(weights), sums(n * width), active(n), steps(n);
  const DeviceArray<unsigned char> converged(n);
  const DeviceArray<Cell> counters(std::vector<Cell>(n_locations * width, 0));
  const HardLocations locations{places_there.data(), n_locations, dim, radius, k};
  const LocationItems items{asked_there.data(), values_there.data(), weights_there.data(), n};
  write_locations(kPlace, locations, items, counters.data(), width, limit);
  read_locations(kPlace, locations, counters.data(), width, asked_there.data(), n, ties.data(), 1,
                 {states.data(), sums.data(), active.data(), steps.data(), flags(converged)});

  std::vector<std::vector<size_t>> near(n);
  std::vector<int64_t> loads(n_locations, 0), cells(n_locations * width, 0);
  for (size_t i = 0; i < n; ++i) {
    std::vector<std::pair<size_t, size_t>> all;
    for (size_t place = 0; place < n_locations; ++place)
      all.emplace_back(distance(places, place, asked, i, dim), place);
    std::sort(all.begin(), all.end());
    for (size_t place = 0; place < n_locations; ++place)
      if (k != 0 ? place < k : all[place].first <= radius) near[i].push_back(all[place].second);
    for (const size_t place : near[i]) {
      loads[place] += std::abs(weights[i]);
      for (size_t d = 0; d < width; ++d) {
        int64_t& cell = cells[place * width + d];
        cell += is_set(values, width, i, d) ? -weights[i] : weights[i];
        if (limit != 0) cell = std::clamp(cell, -limit, limit);
      }
    }
  }
  const auto found = counters.values();
  for (size_t i = 0; i < cells.size(); ++i) check(found[i] == cells[i], "locations");
  int64_t largest = 0;
  for (const int64_t cell : cells) largest = std::max(largest, std::abs(cell));
  check(largest_counter<Cell>(kPlace, counters.data(), nullptr, cells.size()) == largest, "locations");
  check(largest_load(kPlace, locations, items) == *std::max_element(loads.begin(), loads.end()), "locations");
  const auto read = sums.values(), numbers = active.values();
  for (size_t i = 0; i < n; ++i) {
    check(numbers[i] == static_cast<int64_t>(near[i].size()), "locations");
    for (size_t d = 0; d < width; ++d) {
      int64_t sum = 0;
      for (const size_t place : near[i]) sum += cells[place * width + d];
      check(read[i * width + d] == sum, "locations");
    }
  }
}

std::vector<double> numbers(size_t n, uint64_t seed) {
  std::vector<double> made;
  for (const uint64_t word : random_words(n, seed)) made.push_back(static_cast<double>(word % 2001) / 1000.0 - 1.0);
  return made;
}

// C = 0.5 B + A^T K, with A by its columns.
void test_products(size_t n_rows, size_t depth, size_t n_columns) {
  const auto left = numbers(n_rows * depth, 1), right = numbers(depth * n_columns, 2),
             base = numbers(n_rows * n_columns, 3);
  const DeviceArray<double> a(left), b(right), c(base);
  multiply<double>(kPlace, {a.data(), 1, n_rows}, {b.data(), n_columns, 1}, {n_rows, depth, n_columns}, c.data(), 0.5,
                   c.data());
  const auto found = c.values();
  for (size_t i = 0; i < n_rows; ++i)
    for (size_t j = 0; j < n_columns; ++j) {
      double sum = 0.5 * base[i * n_columns + j];
      for (size_t t = 0; t < depth; ++t) sum += left[t * n_rows + i] * right[t * n_columns + j];
      check(std::abs(found[i * n_columns + j] - sum) < 1e-10, "products");
    }
  check(all_finite(kPlace, c.data(), n_rows * n_columns), "products");
}

// The delta rule in one chunk against pair by pair, which is its definition.
void test_delta(size_t n, size_t key_dim, size_t value_dim) {
  const auto keys = numbers(n * key_dim, 4), values = numbers(n * value_dim, 5);
  std::vector<double> strengths(n, 0.5), ones(n, 1.0), expected(key_dim * value_dim, 0.0);
  const DeviceArray<double> k(keys), v(values), s(strengths), o(ones), matrix(expected);
  const std::vector<double> kept{1.0};
  write_pairs<double>(kPlace, matrix.data(),
                      {k.data(), v.data(), n, key_dim, value_dim, n, s.data(), s.data(), o.data(), nullptr},
                      kept.data(), true);
  for (size_t t = 0; t < n; ++t)
    for (size_t i = 0; i < value_dim; ++i) {
      double known = 0;
      for (size_t j = 0; j < key_dim; ++j) known += expected[i * key_dim + j] * keys[t * key_dim + j];
      const double error = values[t * value_dim + i] - known;
      for (size_t j = 0; j < key_dim; ++j) expected[i * key_dim + j] += 0.5 * error * keys[t * key_dim + j];
    }
  const auto found = matrix.values();
  for (size_t i = 0; i < found.size(); ++i) check(std::abs(found[i] - expected[i]) < 1e-9, "delta rule");
}

// Patterns as lists of units, in no order, and as bits.
struct Patterns {
  Patterns(size_t n, size_t n_units, uint64_t seed) : n_units(n_units), starts{0} {
    bits = make_rows(n, n_units, seed);
    const auto fewer = make_rows(n, n_units, seed + 100);
    for (size_t i = 0; i < bits.size(); ++i) bits[i] &= fewer[i];
    for (size_t i = 0; i < n; ++i) {
      for (size_t d = n_units; d-- > 0;)
        if (is_set(bits, n_units, i, d)) indices.push_back(static_cast<uint32_t>(d));
      starts.push_back(static_cast<int64_t>(indices.size()));
    }
  }
  bool has(size_t i, size_t d) const { return is_set(bits, n_units, i, d); }

  size_t n_units;
  std::vector<uint64_t> bits;
  std::vector<int64_t> starts;
  std::vector<uint32_t> indices;
};

// Which units answer: those whose sums reach `least`, or the first of those with the largest sums.
std::vector<bool> answer_of(const std::vector<int32_t>& sums, int64_t least, size_t winners) {
  std::vector<size_t> order(sums.size());
  for (size_t d = 0; d < order.size(); ++d) order[d] = d;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return sums[a] > sums[b]; });
  std::vector<bool> states(sums.size());
  for (size_t rank = 0; rank < order.size(); ++rank)
    states[order[rank]] = sums[order[rank]] >= (least != 0 ? least : 1) && (least != 0 || rank < winners);
  return states;
}

// `least` of 0 is for winners.
void test_synapses(size_t n_in, size_t n_out, size_t n, int64_t least, size_t winners) {
  const Patterns keys(n, n_in, 1), values(n, n_out, 2), asked(n, n_in, 3);
  const DeviceArray<uint64_t> words(std::vector<uint64_t>(n_in * words_for(n_out), 0));
  const auto lists = [&](const Patterns& one, auto&& visit) {
    const DeviceArray<int64_t> starts(one.starts);
    const DeviceArray<uint32_t> indices(one.indices);
    visit(UnitLists{starts.data(), indices.data(), n});
    synchronize(kPlace);
  };
  const Synapses synapses{words.data(), n_in, n_out};
  lists(keys, [&](UnitLists inputs) {
    lists(values, [&](UnitLists outputs) { set_synapses(kPlace, synapses, inputs, outputs, n_in * n_out); });
  });
  const DeviceArray<int32_t> sums(n * n_out);
  const DeviceArray<unsigned char> states(n * n_out), stays(n);
  const DeviceArray<int64_t> numbers(n), limits(std::vector<int64_t>(n, least));
  std::vector<int64_t> turned(n);
  for (size_t i = 0; i < n; ++i) turned[i] = static_cast<int64_t>(n - 1 - i);
  const DeviceArray<int64_t> rows(turned);
  lists(asked, [&](UnitLists queries) {
    read_synapses(kPlace, synapses, queries,
                  {sums.data(), flags(states), rows.data(), least != 0 ? limits.data() : nullptr, winners,
                   numbers.data(), flags(stays)});
  });
  const auto set = words.values();
  const auto totals = sums.values();
  const auto found = states.values(), kept = stays.values();
  const auto counts = numbers.values();
  for (size_t i = 0; i < n_in; ++i)
    for (size_t d = 0; d < n_out; ++d) {
      bool expected = false;
      for (size_t p = 0; p < n; ++p) expected = expected || (keys.has(p, i) && values.has(p, d));
      check(is_set(set, n_out, i, d) == expected, "synapses");
    }
  for (size_t q = 0; q < n; ++q) {
    std::vector<int32_t> own(n_out);
    for (size_t d = 0; d < n_out; ++d)
      for (size_t i = 0; i < n_in; ++i) own[d] += asked.has(q, i) && is_set(set, n_out, i, d);
    const auto states_of = answer_of(own, least, winners);
    bool same = n_in == n_out;
    for (size_t d = 0; d < n_out; ++d) {
      check(totals[(n - 1 - q) * n_out + d] == own[d], "synapses");
      check((found[(n - 1 - q) * n_out + d] != 0) == states_of[d], "synapses");
      same = same && states_of[d] == asked.has(q, d);
    }
    check(counts[q] == std::count(states_of.begin(), states_of.end(), true), "synapses");
    check((kept[q] != 0) == same, "synapses");
  }
}

void test_units(size_t n, size_t n_units) {
  const Patterns given(n, n_units, 4);
  std::vector<unsigned char> bools(n * (n_units + 3));
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < n_units; ++d) bools[i * (n_units + 3) + d] = given.has(i, d) ? 2 : 0;
  const DeviceArray<unsigned char> there(bools);
  const DeviceArray<int64_t> numbers(n), starts(given.starts);
  const DeviceArray<uint32_t> indices(given.indices.size());
  const BoolRows rows{there.data(), n_units + 3, n_units, nullptr, n};
  count_units(kPlace, rows, numbers.data());
  list_units(kPlace, rows, starts.data(), indices.data());
  const auto counts = numbers.values();
  auto listed = indices.values();
  for (size_t i = 0; i < n; ++i) {
    check(counts[i] == given.starts[i + 1] - given.starts[i], "units");
    std::reverse(listed.begin() + given.starts[i], listed.begin() + given.starts[i + 1]);
  }
  check(listed == given.indices, "units");
}

void test_checked_units() {
  const size_t n = 300, width = 3, n_units = 70;
  std::vector<double> rows(n * width);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<double>((7 * i) % n_units);
  const auto first_bad = [&] {
    const DeviceArray<double> given(rows);
    const DeviceArray<uint32_t> indices(rows.size());
    const size_t bad = checked_units(kPlace, given.data(), n, width, n_units, indices.data());
    const auto found = indices.values();
    for (size_t i = 0; i < bad * width; ++i) check(found[i] == rows[i], "checked units");
    return bad;
  };
  check(first_bad() == n, "checked units");
  rows[3 * 299 + 2] = static_cast<double>(n_units);
  check(first_bad() == 299, "checked units");
  rows[3 * 250] = -1;
  check(first_bad() == 250, "checked units");
  rows[3 * 130 + 2] = rows[3 * 130];
  check(first_bad() == 130, "checked units");
}

void test_tensors(size_t dim, size_t degree, size_t n, bool weighed) {
  constexpr uint64_t kSeed = 7;
  const auto hashes = random_words(n, 1);
  std::vector<std::int64_t> weights, scores(n);
  for (const uint64_t word : random_words(n, 2)) weights.push_back(static_cast<std::int64_t>(word % 9) - 4);
  const std::int64_t* const given = weighed ? weights.data() : nullptr;
  std::vector<std::int32_t> cells(choose(dim, degree), 3);
  const DeviceArray<std::int32_t> there(cells);
  hypersketch::tensor_add(cells, dim, degree, kSeed, hashes, given, 1);
  hypersketch::tensor_scores(cells, dim, degree, kSeed, hashes, scores.data(), 1);
  const DeviceArray<uint64_t> keys(hashes);
  const DeviceArray<std::int64_t> found(n), factors(weights);
  tensor_add(kPlace, there.data(), {dim, degree}, kSeed, keys.data(), n, weighed ? factors.data() : nullptr);
  check(there.values() == cells, "tensor_add", dim, degree);
  tensor_scores(kPlace, there.data(), {dim, degree}, kSeed, keys.data(), n, found.data());
  check(found.values() == scores, "tensor_scores", dim, degree);
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  for (const bool synchronous : {true, false})
    for (const bool whole : {true, false}) {
      test_recall(1, 1, 1, whole, synchronous);
      test_recall(33, 5, 3, whole, synchronous);
    }
  test_recall(70, 65, 18, true, true);
  test_recall(70, 65, 2, false, true);
  test_entries();
  test_locations<int32_t>(1, 1, 1, 1, 1, 0, 0);
  test_locations<int32_t>(33, 40, 65, 70, 32, 0, 0);
  test_locations<int32_t>(64, 3, 64, 64, 0, 5, 0);
  test_locations<int8_t>(31, 40, 70, 33, 36, 0, 2);
  test_locations<int16_t>(70, 33, 70, 1100, 0, 9, 200);
  test_products(1, 1, 1);
  test_products(65, 17, 3);
  test_products(3, 1100, 66);
  test_delta(1, 1, 1);
  test_delta(9, 5, 70);
  test_synapses(1, 1, 1, 1, 0);
  test_synapses(33, 70, 9, 3, 0);
  test_synapses(65, 65, 20, 0, 5);
  test_synapses(20, 1100, 4, 0, 300);
  test_synapses(70, 70, 3, 20, 0);
  test_units(1, 1);
  test_units(9, 70);
  test_checked_units();
  for (const bool weighed : {false, true}) {
    test_tensors(3, 3, 1, weighed);
    test_tensors(65, 3, 70, weighed);
    test_tensors(11, 8, 9, weighed);
  }
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
