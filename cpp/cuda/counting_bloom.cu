// SPDX-License-Identifier: Apache-2.0
// Counting Bloom filters: k random accesses a key. There are no atomic operations for small counters, so a counter is
// changed as part of its word, anew where somebody came in between. Sums saturate, so that they depend on no order.
// Removal: as no weight is negative, a batch is refused exactly when for some counter that is not saturated the batch's
// weights exceed its value, whatever the order. Each access that finds enough takes it; if one does not, all that was
// taken goes back, which saturates none.
#include "first_positions.cuh"
#include "hypersketch/counters.hpp"

namespace hypersketch::cuda {
namespace {

using std::int64_t;

constexpr unsigned kMarks = 32;  // accesses a word of marks

template <unsigned kBits>
struct Counters {
  static constexpr unsigned kPerWord = 32 / kBits;
  static constexpr int64_t kMost = kMostCount<kBits>;
  static constexpr std::uint32_t kMask = ~0U >> (32 - kBits);
  std::uint32_t* words;
  uint64_t n_cells;
  size_t n_hashes;

  explicit Counters(CountingFilter filter) : words(filter.words), n_cells(filter.n_cells), n_hashes(filter.n_hashes) {}

  __host__ __device__ __forceinline__ static int64_t part(std::uint32_t word, unsigned place) {
    return word >> (kBits * place) & kMask;
  }
  __host__ __device__ __forceinline__ static std::uint32_t with_part(std::uint32_t word, unsigned place,
                                                                     int64_t value) {
    return (word & ~(kMask << (kBits * place))) | static_cast<std::uint32_t>(value) << (kBits * place);
  }
  // While nobody changes it.
  __host__ __device__ __forceinline__ int64_t get(uint64_t i) const {
    return part(words[i / kPerWord], static_cast<unsigned>(i % kPerWord));
  }
  __device__ __forceinline__ bool was_set(uint64_t i) const { return get(i) != 0; }
  __device__ __forceinline__ void first(uint64_t) const {}  // keys are added afterwards

  // Puts next(value) for the counter's value, which it returns.
  template <class Next>
  __device__ __forceinline__ int64_t change(uint64_t i, Next next) const {
    std::uint32_t* const at = words + i / kPerWord;
    const auto place = static_cast<unsigned>(i % kPerWord);
    for (std::uint32_t seen = __ldcg(at);;) {
      const int64_t value = part(seen, place), wanted = next(value);
      if (wanted == value) return value;
      const std::uint32_t found = atomicCAS(at, seen, with_part(seen, place, wanted));
      if (found == seen) return value;
      seen = found;
    }
  }
  __device__ __forceinline__ uint64_t position(uint64_t start, size_t h) const {
    return cell_position(start, h, n_cells);
  }
};

template <class Cells>
struct ValueAt {
  Cells cells;
  __host__ __device__ __forceinline__ int64_t operator()(uint64_t place) const { return cells.get(place); }
};

struct PositionOf {
  uint64_t start, n_cells;
  __host__ __device__ __forceinline__ uint64_t operator()(size_t h) const { return cell_position(start, h, n_cells); }
};

// Keys with their weights, 1 each when there are none.
struct Weighted {
  const uint64_t* keys;
  const int64_t* weights;
  size_t n;

  __device__ __forceinline__ int64_t weight(size_t i) const { return weights == nullptr ? 1 : __ldcs(weights + i); }
};

template <class Cells>
__global__ void __launch_bounds__(kThreads)
    add_kernel(Cells cells, WordRule rule, Weighted batch, unsigned long long* saturated) {
  const size_t i = thread_index();
  unsigned long long full = 0;
  if (i < batch.n) {
    const uint64_t start = make_word(__ldcs(batch.keys + i), rule);
    const int64_t weight = batch.weight(i);
    for (size_t h = 0; h < cells.n_hashes; ++h) {
      const auto raise = [=](int64_t value) { return raised(value, weight, Cells::kMost); };
      const int64_t before = cells.change(cells.position(start, h), raise);
      full += before != Cells::kMost && raise(before) == Cells::kMost;
    }
  }
  add_to_counter(saturated, full);
}

// Bit h % 32 of taken[h / 32 * n + i] is whether key i has taken its weight at position h.
template <class Cells>
__global__ void __launch_bounds__(kThreads)
    take_kernel(Cells cells, WordRule rule, Weighted batch, std::uint32_t* taken, unsigned* missing) {
  const size_t i = thread_index();
  if (i >= batch.n) return;
  const uint64_t start = make_word(batch.keys[i], rule);
  const int64_t weight = batch.weight(i);
  std::uint32_t marks = 0;
  bool too_few = false;
  for (size_t h = 0; h < cells.n_hashes; ++h) {
    const int64_t before = cells.change(cells.position(start, h), [=](int64_t value) {
      return value == Cells::kMost || value < weight ? value : value - weight;
    });
    const bool enough = before >= weight;
    too_few |= before != Cells::kMost && !enough;
    if (before != Cells::kMost && enough) marks |= 1U << (h % kMarks);
    if (h % kMarks == kMarks - 1 || h + 1 == cells.n_hashes) {
      taken[h / kMarks * batch.n + i] = marks;
      marks = 0;
    }
  }
  if (too_few) atomicExch(missing, 1U);
}

template <class Cells>
__global__ void __launch_bounds__(kThreads)
    give_back_kernel(Cells cells, WordRule rule, Weighted batch, const std::uint32_t* taken) {
  const size_t i = thread_index();
  if (i >= batch.n) return;
  const uint64_t start = make_word(batch.keys[i], rule);
  const int64_t weight = batch.weight(i);
  for (size_t h = 0; h < cells.n_hashes; ++h)
    if ((taken[h / kMarks * batch.n + i] >> (h % kMarks) & 1) != 0)
      cells.change(cells.position(start, h), [=](int64_t value) { return value + weight; });
}

template <class Cells>
__device__ __forceinline__ int64_t count_of(Cells cells, uint64_t start) {
  return smallest_count(ValueAt<Cells>{cells}, PositionOf{start, cells.n_cells}, cells.n_hashes, Cells::kMost);
}

template <class Cells>
__global__ void __launch_bounds__(kThreads)
    count_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n, int64_t* out) {
  const size_t i = thread_index();
  if (i < n) out[i] = count_of(cells, make_word(__ldcs(keys + i), rule));
}

template <class Cells, class Answers>
__global__ void __launch_bounds__(kThreads)
    contains_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n, Answers answers) {
  const size_t i = thread_index();
  const bool found = i < n && count_of(cells, make_word(__ldcs(keys + i), rule)) > 0;
  answers.put(i, n, found);
}

template <class Cells>
__device__ __forceinline__ int64_t chosen(int64_t mine, int64_t other, CounterChoice choice) {
  if (choice == CounterChoice::kSum) return raised(mine, other, Cells::kMost);
  return (mine < other) == (choice == CounterChoice::kLargest) ? other : mine;
}

// The arrays may be the same. What lies behind the last counter stays as it is.
template <class Cells>
__global__ void __launch_bounds__(kThreads)
    combine_kernel(Cells cells, const std::uint32_t* others, CounterChoice choice, unsigned long long* saturated) {
  unsigned long long full = 0;
  const size_t first = thread_index() * Cells::kPerWord, step = size_t{gridDim.x} * kThreads * Cells::kPerWord;
  for (size_t i = first; i < cells.n_cells; i += step) {
    const std::uint32_t mine = cells.words[i / Cells::kPerWord], theirs = others[i / Cells::kPerWord];
    std::uint32_t word = mine;
    for (unsigned place = 0; place < Cells::kPerWord && i + place < cells.n_cells; ++place) {
      const int64_t before = Cells::part(mine, place);
      const int64_t value = chosen<Cells>(before, Cells::part(theirs, place), choice);
      full += before != Cells::kMost && value == Cells::kMost;
      word = Cells::with_part(word, place, value);
    }
    cells.words[i / Cells::kPerWord] = word;
  }
  add_to_counter(saturated, full);
}

// One of the two numbers a launch: a block's sum has room for one.
template <class Cells>
__global__ void __launch_bounds__(kThreads)
    look_kernel(Cells cells, const std::uint32_t* others, bool occupied, unsigned long long* counter) {
  unsigned long long found = 0;
  const size_t first = thread_index() * Cells::kPerWord, step = size_t{gridDim.x} * kThreads * Cells::kPerWord;
  for (size_t i = first; i < cells.n_cells; i += step) {
    const std::uint32_t mine = cells.words[i / Cells::kPerWord], theirs = others[i / Cells::kPerWord];
    for (unsigned place = 0; place < Cells::kPerWord && i + place < cells.n_cells; ++place)
      found += occupied ? Cells::part(mine | theirs, place) != 0 : Cells::part(mine, place) == Cells::kMost;
  }
  add_to_counter(counter, found);
}

// Calls f with the counters in their size.
template <class F>
auto with_counters(CountingFilter filter, F&& f) {
  if (filter.counter_bits == 4) return f(Counters<4>(filter));
  if (filter.counter_bits == 8) return f(Counters<8>(filter));
  if (filter.counter_bits == 16) return f(Counters<16>(filter));
  return f(Counters<32>(filter));
}

WordRule rule_of(CountingFilter filter, Keys keys) {
  return {seed_word(filter.seed, Purpose::kBloom), !keys.hashed, true};
}

constexpr unsigned kMostBlocks = 2048;  // of kernels that loop over the grid

template <class Cells>
Grid grid_of(Cells cells) {
  Grid grid = grid_for(cells.n_cells, 4 * Cells::kPerWord);
  grid.blocks = std::min(grid.blocks, kMostBlocks);
  return grid;
}

template <class Answers>
void ask(Place place, CountingFilter filter, Keys keys, Answers answers) {
  if (keys.n == 0) return;
  const OnDevice on(place.device);
  with_counters(filter, [&](auto cells) {
    launch(place, grid_for(keys.n), contains_kernel<decltype(cells), Answers>, cells, rule_of(filter, keys), keys.words,
           keys.n, answers);
  });
}

}  // namespace

uint64_t counting_add(Place place, CountingFilter filter, Keys keys, const int64_t* weights) {
  if (keys.n == 0) return 0;
  const OnDevice on(place.device);
  const Counter saturated(place);
  with_counters(filter, [&](auto cells) {
    launch(place, grid_for(keys.n), add_kernel<decltype(cells)>, cells, rule_of(filter, keys),
           Weighted{keys.words, weights, keys.n}, saturated.data());
  });
  return saturated.read();
}

bool counting_take(Place place, CountingFilter filter, Keys keys, const int64_t* weights) {
  if (keys.n == 0) return true;
  const OnDevice on(place.device);
  const Scratch<std::uint32_t> taken(place, keys.n * ((filter.n_hashes + kMarks - 1) / kMarks));
  const Alarm missing(place);
  return with_counters(filter, [&](auto cells) {
    using Cells = decltype(cells);
    const Weighted batch{keys.words, weights, keys.n};
    const WordRule rule = rule_of(filter, keys);
    launch(place, grid_for(keys.n), take_kernel<Cells>, cells, rule, batch, taken.data(), missing.data());
    if (missing.silent()) return true;
    launch(place, grid_for(keys.n), give_back_kernel<Cells>, cells, rule, batch, taken.data());
    return false;
  });
}

uint64_t counting_test_and_add(Place place, CountingFilter filter, Keys keys, bool* out) {
  if (keys.n == 0) return 0;
  const OnDevice on(place.device);
  const WordRule rule = rule_of(filter, keys);
  return with_counters(filter, [&](auto cells) {
    const auto add = [&](Keys part, const bool*, unsigned long long* saturated) {
      launch(place, grid_for(part.n), add_kernel<decltype(cells)>, cells, rule, Weighted{part.words, nullptr, part.n},
             saturated);
    };
    return find_new_keys(place, cells, rule, keys, out, add);
  });
}

void counting_count(Place place, CountingFilter filter, Keys keys, int64_t* out) {
  if (keys.n == 0) return;
  const OnDevice on(place.device);
  with_counters(filter, [&](auto cells) {
    launch(place, grid_for(keys.n), count_kernel<decltype(cells)>, cells, rule_of(filter, keys), keys.words, keys.n,
           out);
  });
}

void counting_contains(Place place, CountingFilter filter, Keys keys, bool* out) {
  ask(place, filter, keys, BoolAnswers{out});
}

void counting_contains_packed(Place place, CountingFilter filter, Keys keys, unsigned char* out) {
  ask(place, filter, keys, PackedAnswers{out});
}

uint64_t counting_combine(Place place, CountingFilter filter, const std::uint32_t* others, CounterChoice choice) {
  const OnDevice on(place.device);
  const Counter saturated(place);
  with_counters(filter, [&](auto cells) {
    launch(place, grid_of(cells), combine_kernel<decltype(cells)>, cells, others, choice, saturated.data());
  });
  return saturated.read();
}

CounterLook counting_look(Place place, CountingFilter filter, const std::uint32_t* others) {
  const OnDevice on(place.device);
  const Counter occupied(place), saturated(place);
  with_counters(filter, [&](auto cells) {
    launch(place, grid_of(cells), look_kernel<decltype(cells)>, cells, others, true, occupied.data());
    launch(place, grid_of(cells), look_kernel<decltype(cells)>, cells, others, false, saturated.data());
  });
  return {occupied.read(), saturated.read()};
}

}  // namespace hypersketch::cuda
