// SPDX-License-Identifier: Apache-2.0
// Blocked Bloom filters, one random access a key: a sector of 32 bytes, or two in one line. That access is the
// bottleneck, at the rate of the L2 cache or of memory, so that all a kernel can do is to have many of them under way.
// Asking: a thread has several blocks on their way before it looks at the first. Adding: lanes side by side set the
// words of one block by one instruction, which reaches the L2 as one request for each sector.
#include "bloom.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWordsInFlight = 16;  // of blocks, a thread: half of its 64 registers
constexpr unsigned kResident = 4;        // blocks of threads a processor, which is what 64 registers allow

template <class Layout, class Answers>
__global__ void __launch_bounds__(kThreads, kResident)
    ask_kernel(BlockArray<Layout> blocks, WordRule rule, const uint64_t* keys, size_t n, Answers answers) {
  constexpr unsigned kKeys = kWordsInFlight / Layout::kWords;
  const size_t first = size_t{blockIdx.x} * (kKeys * kThreads) + threadIdx.x;
  uint64_t words[kKeys];
#pragma unroll
  for (unsigned r = 0; r < kKeys; ++r) {
    const size_t i = first + r * kThreads;
    words[r] = i < n ? __ldcs(keys + i) : 0;
  }
  make_words(words, rule);
  const CachePolicy policy(blocks.keep);
  Block<Layout> found[kKeys];
#pragma unroll
  for (unsigned r = 0; r < kKeys; ++r) found[r].load(blocks.block_of(words[r]), policy);
#pragma unroll
  for (unsigned r = 0; r < kKeys; ++r) answers.put(first + r * kThreads, n, found[r].holds(blocks.layout, words[r]));
}

// Every lane makes the word of one key; then groups of as many lanes as a block has words take key after key.
template <class Layout>
__global__ void __launch_bounds__(kThreads)
    add_kernel(BlockArray<Layout> blocks, WordRule rule, const uint64_t* keys, size_t n) {
  constexpr unsigned kGroup = Layout::kWords, kGroups = kWarp / kGroup;
  const unsigned lane = threadIdx.x % kWarp, group = lane / kGroup, j = lane % kGroup;
  const size_t i = thread_index(), first = i - lane;
  const uint64_t own = i < n ? make_word(__ldcs(keys + i), rule) : 0;
  const uint64_t own_placed = blocks.layout.placed(own);
  const CachePolicy policy(blocks.keep);
  const auto salts = blocks.layout.salts(j);
#pragma unroll
  for (unsigned step = 0; step < kGroup; ++step) {
    const unsigned source = step * kGroups + group;
    const uint64_t word = word_of_lane(own, source);
    const uint64_t placed = Layout::kPlaced ? word_of_lane(own_placed, source) : 0;
    const uint64_t mask = blocks.layout.mask(word, placed, j, salts);
    if (first + source < n && mask != 0) set_bits(blocks.block_of(word) + j, mask, policy);
  }
}

__global__ void __launch_bounds__(kThreads)
    words_kernel(WordRule rule, const uint64_t* keys, size_t n, uint64_t* words) {
  const size_t i = thread_index();
  if (i < n) words[i] = make_word(__ldcs(keys + i), rule);
}

template <class Answers>
void ask(Place place, BloomFilter filter, Keys keys, Answers answers) {
  with_blocks(place, filter, [&]<class Layout>(BlockArray<Layout> blocks) {
    launch(place, grid_for(keys.n, kWordsInFlight / Layout::kWords), ask_kernel<Layout, Answers>, blocks,
           word_rule(filter, keys.hashed), keys.words, keys.n, answers);
  });
}

void add(Place place, BloomFilter filter, WordRule rule, const uint64_t* keys, size_t n) {
  with_blocks(place, filter, [&]<class Layout>(BlockArray<Layout> blocks) {
    launch(place, grid_for(n), add_kernel<Layout>, blocks, rule, keys, n);
  });
}

}  // namespace

void ask_blocks(Place place, BloomFilter filter, Keys keys, BoolAnswers answers) { ask(place, filter, keys, answers); }

void ask_blocks(Place place, BloomFilter filter, Keys keys, PackedAnswers answers) {
  ask(place, filter, keys, answers);
}

void add_to_blocks(Place place, BloomFilter filter, Keys keys) {
  add(place, filter, word_rule(filter, keys.hashed), keys.words, keys.n);
}

void add_words_to_blocks(Place place, BloomFilter filter, const uint64_t* words, size_t n) {
  add(place, filter, WordRule{0, false, false}, words, n);
}

void make_words_of_keys(Place place, BloomFilter filter, Keys keys, uint64_t* words) {
  launch(place, grid_for(keys.n), words_kernel, word_rule(filter, keys.hashed), keys.words, keys.n, words);
}

}  // namespace hypersketch::cuda
