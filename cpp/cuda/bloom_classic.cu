// SPDX-License-Identifier: Apache-2.0
// Classic Bloom filters: k random accesses a key, wherever its positions lie. They are the bottleneck; a thread waits
// for one at a time when it asks, since an absent key is known as such after two on average and other threads fill the
// wait.
#include "first_positions.cuh"

namespace hypersketch::cuda {
namespace {

struct Cells {
  uint64_t* words;
  uint64_t n_cells;
  size_t n_hashes;

  explicit Cells(BloomFilter filter) : words(filter.words), n_cells(filter.n_bits), n_hashes(filter.n_hashes) {}
  __device__ __forceinline__ bool is_set(uint64_t position) const {
    return (words[position / kWordBits] >> (position % kWordBits) & 1) != 0;
  }
  // While other threads set other bits of the word.
  __device__ __forceinline__ bool was_set(uint64_t position) const {
    return (__ldcg(words + position / kWordBits) >> (position % kWordBits) & 1) != 0;
  }
  __device__ __forceinline__ void first(uint64_t position) const { set(position); }
  __device__ __forceinline__ void set(uint64_t position) const {
    set_bits(words + position / kWordBits, uint64_t{1} << (position % kWordBits), CachePolicy(false));
  }
};

__global__ void __launch_bounds__(kThreads) add_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n) {
  const size_t i = thread_index();
  if (i >= n) return;
  const uint64_t start = make_word(__ldcs(keys + i), rule);
  for (size_t h = 0; h < cells.n_hashes; ++h) cells.set(cell_position(start, h, cells.n_cells));
}

template <class Answers>
__global__ void __launch_bounds__(kThreads)
    ask_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n, Answers answers) {
  const size_t i = thread_index();
  bool all = i < n;
  const uint64_t start = all ? make_word(__ldcs(keys + i), rule) : 0;
  for (size_t h = 0; all && h < cells.n_hashes; ++h) all = cells.is_set(cell_position(start, h, cells.n_cells));
  answers.put(i, n, all);
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

}  // namespace

void add_to_classic(Place place, BloomFilter filter, Keys keys) {
  launch(place, grid_for(keys.n), add_kernel, Cells(filter), word_rule(filter, keys.hashed), keys.words, keys.n);
}

void ask_classic(Place place, BloomFilter filter, Keys keys, BoolAnswers answers) { ask(place, filter, keys, answers); }

void ask_classic(Place place, BloomFilter filter, Keys keys, PackedAnswers answers) {
  ask(place, filter, keys, answers);
}

uint64_t test_and_add_to_classic(Place place, BloomFilter filter, Keys keys, bool* out) {
  return find_new_keys(place, Cells(filter), word_rule(filter, keys.hashed), keys, out,
                       [&](Keys part, const bool* answers, unsigned long long* fresh) {
                         launch(place, grid_for(part.n, 64), count_absent_kernel, answers, part.n, fresh);
                       });
}

}  // namespace hypersketch::cuda
