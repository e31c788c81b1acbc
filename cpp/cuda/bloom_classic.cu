// SPDX-License-Identifier: Apache-2.0
// Classic Bloom filters: k random accesses a key, wherever its positions lie. They are the bottleneck; a thread waits
// for one at a time when it asks, since an absent key is known as such after two on average and other threads fill the
// wait.
// test-and-add: a key is absent when one of its positions is not set, neither before the batch nor by an earlier key.
// Sorted stably by position, the first of equal ones belongs to the key that came first: for every position that is
// clear, that key is absent, and no other for this position's sake.
#include "bloom.cuh"
#include "sort.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kMostPositions = size_t{1} << 27;   // at once; their scratch memory is 24 bytes each, 3 GiB
constexpr size_t kLeastPositions = size_t{1} << 16;  // with less memory than for these the call fails

struct Cells {
  uint64_t* words;
  uint64_t n_bits;
  size_t n_hashes;

  explicit Cells(BloomFilter filter) : words(filter.words), n_bits(filter.n_bits), n_hashes(filter.n_hashes) {}
  __device__ __forceinline__ bool is_set(uint64_t position) const {
    return (words[position / kWordBits] >> (position % kWordBits) & 1) != 0;
  }
  __device__ __forceinline__ void set(uint64_t position) const {
    set_bits(words + position / kWordBits, uint64_t{1} << (position % kWordBits), CachePolicy(false));
  }
};

__global__ void __launch_bounds__(kThreads) add_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n) {
  const size_t i = thread_index();
  if (i >= n) return;
  const uint64_t start = make_word(__ldcs(keys + i), rule);
  for (size_t h = 0; h < cells.n_hashes; ++h) cells.set(cell_position(start, h, cells.n_bits));
}

template <class Answers>
__global__ void __launch_bounds__(kThreads)
    ask_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n, Answers answers) {
  const size_t i = thread_index();
  bool all = i < n;
  const uint64_t start = all ? make_word(__ldcs(keys + i), rule) : 0;
  for (size_t h = 0; all && h < cells.n_hashes; ++h) all = cells.is_set(cell_position(start, h, cells.n_bits));
  answers.put(i, n, all);
}

// Position p of a batch is position p % k of its key p / k.
__global__ void __launch_bounds__(kThreads) positions_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n,
                                                             uint64_t* positions, std::uint32_t* owners) {
  const size_t p = thread_index();
  if (p >= n * cells.n_hashes) return;
  const auto k = static_cast<std::uint32_t>(cells.n_hashes), owner = static_cast<std::uint32_t>(p) / k;
  positions[p] = cell_position(make_word(keys[owner], rule), static_cast<std::uint32_t>(p) % k, cells.n_bits);
  owners[p] = owner;
}

__global__ void __launch_bounds__(kThreads)
    first_positions_kernel(Cells cells, const uint64_t* positions, const std::uint32_t* owners, size_t n, bool* out) {
  const size_t p = thread_index();
  if (p >= n || (p > 0 && positions[p - 1] == positions[p]) || cells.is_set(positions[p])) return;
  out[owners[p]] = false;
  cells.set(positions[p]);
}

__global__ void __launch_bounds__(kThreads) count_absent_kernel(const bool* out, size_t n, unsigned long long* fresh) {
  unsigned long long absent = 0;
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * kThreads) absent += !out[i];
  add_to_counter(fresh, absent);
}

template <class Answers>
void ask(Place place, BloomFilter filter, Keys keys, Answers answers) {
  launch(place, grid_for(keys.n), ask_kernel<Answers>, Cells(filter), word_rule(filter, keys.hashed), keys.words,
         keys.n, answers);
}

void test_and_add_batch(Place place, Cells cells, WordRule rule, const uint64_t* keys, size_t n, bool* out,
                        Sorter<uint64_t, std::uint32_t>& sorter) {
  const size_t n_positions = n * cells.n_hashes;
  launch(place, grid_for(n_positions), positions_kernel, cells, rule, keys, n, sorter.keys(), sorter.values());
  sorter.sort(n_positions, 0, bits_below(cells.n_bits));
  launch(place, grid_for(n_positions), first_positions_kernel, cells, sorter.keys(), sorter.values(), n_positions, out);
}

}  // namespace

void add_to_classic(Place place, BloomFilter filter, Keys keys) {
  launch(place, grid_for(keys.n), add_kernel, Cells(filter), word_rule(filter, keys.hashed), keys.words, keys.n);
}

void ask_classic(Place place, BloomFilter filter, Keys keys, BoolAnswers answers) { ask(place, filter, keys, answers); }

void ask_classic(Place place, BloomFilter filter, Keys keys, PackedAnswers answers) {
  ask(place, filter, keys, answers);
}

uint64_t test_and_add_to_classic(Place place, BloomFilter filter, Keys keys, bool* out) {
  const Cells cells(filter);
  const WordRule rule = word_rule(filter, keys.hashed);
  const auto keys_for = [&](size_t positions) { return std::max<size_t>(positions / filter.n_hashes, 1); };
  const auto in_batches = [&](size_t most) {
    Sorter<uint64_t, std::uint32_t> sorter(place, most * filter.n_hashes);
    const Counter fresh(place);
    check(cudaMemsetAsync(out, 1, keys.n, stream_of(place)), "Preparing the answers");
    for (size_t first = 0; first < keys.n; first += most)
      test_and_add_batch(place, cells, rule, keys.words + first, std::min(most, keys.n - first), out + first, sorter);
    launch(place, grid_for(keys.n, 64), count_absent_kernel, out, keys.n, fresh.data());
    return fresh.read();
  };
  return with_memory_for(std::min(keys.n, keys_for(kMostPositions)), keys_for(kLeastPositions), in_batches);
}

}  // namespace hypersketch::cuda
