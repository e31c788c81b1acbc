// SPDX-License-Identifier: Apache-2.0
// test-and-add of blocked filters, with the answers of one key after the other. Keys of different blocks do not know of
// each other: a stable sort by block puts those of one block together and leaves them in their order. Most runs are
// short: one thread goes through each, with the block in registers, after all threads have fetched the keys. A long
// run, of keys that come again and again, is gone through by a warp or by a block of threads, as many keys at a time as
// there are threads: nothing happens but at keys that are absent, and a block of b bits sees at most b of those.
// Bottleneck: the sort, four passes over eight bytes a key in and out, and two random accesses a key, to fetch it and
// to answer it.
#include "bloom.cuh"
#include "sort.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kMostAtOnce = size_t{1} << 27;   // keys; their scratch memory is 16 bytes each, 2 GiB
constexpr size_t kLeastAtOnce = size_t{1} << 16;  // with less memory than for these the call fails
constexpr unsigned kShortRun = 32;                // keys that one thread goes through
constexpr unsigned kWarpRun = 2048;               // keys that a warp goes through
constexpr unsigned kTile = kThreads + kShortRun;  // of a short run that starts in it, a tile sees the end

// Keys by their blocks: `homes` are the blocks, `indices` the keys' places in the batch.
struct SortedKeys {
  const uint64_t* keys;
  WordRule rule;
  const std::uint32_t* homes;
  const std::uint32_t* indices;
  size_t n;

  __device__ __forceinline__ bool goes_on(size_t i, std::uint32_t home) const { return i < n && homes[i] == home; }
};

// First keys of runs, in any order.
struct RunList {
  std::uint32_t* heads;
  unsigned* n;

  __device__ __forceinline__ void append(size_t head) const {
    heads[atomicAdd(n, 1U)] = static_cast<std::uint32_t>(head);
  }
};

template <class Layout>
__global__ void __launch_bounds__(kThreads) homes_kernel(BlockArray<Layout> blocks, WordRule rule, const uint64_t* keys,
                                                         size_t n, std::uint32_t* homes, std::uint32_t* indices) {
  const size_t i = thread_index();
  if (i >= n) return;
  homes[i] = static_cast<std::uint32_t>(block_index(make_word(keys[i], rule), blocks.n_blocks));
  indices[i] = static_cast<std::uint32_t>(i);
}

enum class Answer : unsigned char { kElsewhere, kPresent, kAbsent };

struct Tile {
  uint64_t words[kTile];
  std::uint32_t homes[kTile], indices[kTile];
  Answer answers[kTile];
};

// Goes through the run that starts at key `t` of the tile, which holds `n`. Returns how many were absent.
template <class Layout>
__device__ unsigned run_of_thread(const BlockArray<Layout>& blocks, Tile& tile, unsigned t, size_t n) {
  const std::uint32_t home = tile.homes[t];
  uint64_t* const place = blocks.words + size_t{home} * Layout::kWords;
  Block<Layout> block;
  block.load(place, CachePolicy(blocks.keep));
  unsigned absent = 0;
  for (; t < n && tile.homes[t] == home; ++t) {
    const bool is_there = block.holds(blocks.layout, tile.words[t]);
    tile.answers[t] = is_there ? Answer::kPresent : Answer::kAbsent;
    if (is_there) continue;
    block.put(blocks.layout, tile.words[t]);
    ++absent;
  }
  if (absent != 0) block.store(place);
  return absent;
}

template <class Layout>
__global__ void __launch_bounds__(kThreads)
    short_runs_kernel(BlockArray<Layout> blocks, SortedKeys sorted, bool* out, RunList for_warps, RunList for_blocks,
                      unsigned long long* fresh) {
  __shared__ Tile tile;
  const size_t first = size_t{blockIdx.x} * kThreads;
  const size_t n = sorted.n - first < kTile ? sorted.n - first : kTile;
  for (unsigned t = threadIdx.x; t < n; t += kThreads) {
    tile.indices[t] = sorted.indices[first + t];
    tile.homes[t] = sorted.homes[first + t];
    tile.words[t] = make_word(sorted.keys[tile.indices[t]], sorted.rule);
    tile.answers[t] = Answer::kElsewhere;
  }
  __syncthreads();
  const size_t i = first + threadIdx.x;
  unsigned absent = 0;
  if (i < sorted.n && (i == 0 || sorted.homes[i - 1] != tile.homes[threadIdx.x])) {
    const std::uint32_t home = tile.homes[threadIdx.x];
    if (!sorted.goes_on(i + kShortRun, home))
      absent = run_of_thread(blocks, tile, threadIdx.x, n);
    else if (!sorted.goes_on(i + kWarpRun, home))
      for_warps.append(i);
    else
      for_blocks.append(i);
  }
  __syncthreads();
  for (unsigned t = threadIdx.x; t < n; t += kThreads)
    if (tile.answers[t] != Answer::kElsewhere) out[tile.indices[t]] = tile.answers[t] == Answer::kPresent;
  add_to_counter(fresh, absent);
}

// Threads that go through one run together. `vote` finds the first thread with `mine` set, gives its word to all, and
// returns kSize when there is none.
struct WarpTeam {
  static constexpr unsigned kSize = kWarp, kTeams = kThreads / kWarp;  // of a block of threads

  static __device__ __forceinline__ void wait() { __syncwarp(); }
  static __device__ __forceinline__ unsigned vote(bool mine, uint64_t& word) {
    const unsigned votes = __ballot_sync(kWholeWarp, mine);
    if (votes == 0) return kSize;
    const auto first = static_cast<unsigned>(__ffs(static_cast<int>(votes)) - 1);
    word = word_of_lane(word, first);
    return first;
  }
};

struct BlockTeam {
  static constexpr unsigned kSize = 1024, kTeams = 1;

  static __device__ __forceinline__ void wait() { __syncthreads(); }
  static __device__ __forceinline__ unsigned vote(bool mine, uint64_t& word) {
    __shared__ unsigned votes_of_warps[kSize / kWarp];
    __shared__ uint64_t chosen;
    const unsigned votes = __ballot_sync(kWholeWarp, mine), lane = threadIdx.x % kWarp;
    if (lane == 0) votes_of_warps[threadIdx.x / kWarp] = votes;
    __syncthreads();
    const unsigned warps = __ballot_sync(kWholeWarp, votes_of_warps[lane] != 0);
    unsigned first = kSize;
    if (warps != 0) {
      const auto warp = static_cast<unsigned>(__ffs(static_cast<int>(warps)) - 1);
      first = warp * kWarp + static_cast<unsigned>(__ffs(static_cast<int>(votes_of_warps[warp])) - 1);
      if (threadIdx.x == first) chosen = word;
    }
    __syncthreads();
    if (warps != 0) word = chosen;
    return first;
  }
};

// Keys of a step that every thread holds; they are fetched together and dealt with row after row.
constexpr unsigned kRows = 4;

// Deals with one key a thread, in the order of the threads. Returns whether the thread's was absent.
template <class Team, class Layout>
__device__ __forceinline__ bool row_of_team(Block<Layout>& block, Layout layout, uint64_t word, bool is_key) {
  bool is_absent = false;
  for (;;) {
    uint64_t chosen = word;
    const unsigned first = Team::vote(is_key && !block.holds(layout, word), chosen);
    if (first == Team::kSize) return is_absent;  // all that are left are there
    block.put(layout, chosen);
    is_absent = is_absent || threadIdx.x % Team::kSize == first;
  }
}

// Goes through the run that starts at key `head`. Returns how many of this thread's keys were absent.
template <class Team, class Layout>
__device__ unsigned run_of_team(const BlockArray<Layout>& blocks, const SortedKeys& sorted, size_t head, bool* out) {
  const std::uint32_t home = sorted.homes[head];
  uint64_t* const place = blocks.words + size_t{home} * Layout::kWords;
  const unsigned rank = threadIdx.x % Team::kSize;
  Block<Layout> block;
  block.load(place, CachePolicy(blocks.keep));
  unsigned absent = 0;
  for (size_t step = head; sorted.goes_on(step, home); step += kRows * Team::kSize) {
    std::uint32_t indices[kRows];
    uint64_t words[kRows];
    bool is_key[kRows];
#pragma unroll
    for (unsigned r = 0; r < kRows; ++r) {
      const size_t i = step + r * Team::kSize + rank;
      is_key[r] = sorted.goes_on(i, home);
      indices[r] = is_key[r] ? sorted.indices[i] : 0;
    }
#pragma unroll
    for (unsigned r = 0; r < kRows; ++r) words[r] = is_key[r] ? sorted.keys[indices[r]] : 0;
    make_words(words, sorted.rule);
#pragma unroll
    for (unsigned r = 0; r < kRows; ++r) {
      const bool is_absent = row_of_team<Team>(block, blocks.layout, words[r], is_key[r]);
      if (is_key[r]) out[indices[r]] = !is_absent;
      absent += is_absent;
    }
  }
  Team::wait();
  if (rank == 0) block.store(place);
  return absent;
}

template <class Team, class Layout>
__global__ void __launch_bounds__(Team::kSize* Team::kTeams)
    long_runs_kernel(BlockArray<Layout> blocks, SortedKeys sorted, bool* out, RunList runs, unsigned long long* fresh) {
  const unsigned n = *runs.n;
  unsigned long long absent = 0;
  for (unsigned r = blockIdx.x * Team::kTeams + threadIdx.x / Team::kSize; r < n; r += gridDim.x * Team::kTeams)
    absent += run_of_team<Team>(blocks, sorted, runs.heads[r], out);
  add_to_counter(fresh, absent);
}

// Most runs there can be that are longer than `length`.
size_t most_runs(size_t n, size_t length) { return n / (length + 1) + 1; }

// Scratch memory of batches of up to `most` keys.
struct Workspace {
  Sorter<std::uint32_t, std::uint32_t> sorter;
  Scratch<std::uint32_t> heads_for_warps, heads_for_blocks;
  Scratch<unsigned> list_sizes;
  Counter fresh;

  Workspace(Place place, size_t most)
      : sorter(place, most),
        heads_for_warps(place, most_runs(most, kShortRun)),
        heads_for_blocks(place, most_runs(most, kWarpRun)),
        list_sizes(place, 2),
        fresh(place) {}
  RunList for_warps() const { return {heads_for_warps.data(), list_sizes.data()}; }
  RunList for_blocks() const { return {heads_for_blocks.data(), list_sizes.data() + 1}; }
};

template <class Team, class Layout>
void go_through_long_runs(Place place, BlockArray<Layout> blocks, SortedKeys sorted, bool* out, RunList runs,
                          size_t most, unsigned long long* fresh) {
  constexpr unsigned kThreadsOfBlock = Team::kSize * Team::kTeams;
  const auto resident =
      static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount)) * (2048 / kThreadsOfBlock);
  const size_t needed = (most + Team::kTeams - 1) / Team::kTeams;
  const Grid grid{static_cast<unsigned>(std::min(resident, needed)), kThreadsOfBlock};
  launch(place, grid, long_runs_kernel<Team, Layout>, blocks, sorted, out, runs, fresh);
}

template <class Layout>
void test_and_add_batch(Place place, BlockArray<Layout> blocks, WordRule rule, const uint64_t* keys, size_t n,
                        bool* out, Workspace& space) {
  launch(place, grid_for(n), homes_kernel<Layout>, blocks, rule, keys, n, space.sorter.keys(), space.sorter.values());
  space.sorter.sort(n, 0, bits_below(blocks.n_blocks));
  const SortedKeys sorted{keys, rule, space.sorter.keys(), space.sorter.values(), n};
  check(cudaMemsetAsync(space.list_sizes.data(), 0, 2 * sizeof(unsigned), stream_of(place)), "Clearing a list");
  unsigned long long* const fresh = space.fresh.data();
  launch(place, grid_for(n), short_runs_kernel<Layout>, blocks, sorted, out, space.for_warps(), space.for_blocks(),
         fresh);
  if (n > kShortRun)
    go_through_long_runs<WarpTeam>(place, blocks, sorted, out, space.for_warps(), most_runs(n, kShortRun), fresh);
  if (n > kWarpRun)
    go_through_long_runs<BlockTeam>(place, blocks, sorted, out, space.for_blocks(), most_runs(n, kWarpRun), fresh);
}

template <class Layout>
uint64_t test_and_add(Place place, BlockArray<Layout> blocks, WordRule rule, Keys keys, bool* out) {
  const auto in_batches = [&](size_t most) {
    Workspace space(place, most);
    for (size_t first = 0; first < keys.n; first += most)
      test_and_add_batch(place, blocks, rule, keys.words + first, std::min(most, keys.n - first), out + first, space);
    return space.fresh.read();
  };
  return with_memory_for(std::min(keys.n, kMostAtOnce), kLeastAtOnce, in_batches);
}

}  // namespace

uint64_t test_and_add_to_blocks(Place place, BloomFilter filter, Keys keys, bool* out) {
  return with_blocks(place, filter, [&](auto blocks) {
    return test_and_add(place, blocks, word_rule(filter, keys.hashed), keys, out);
  });
}

}  // namespace hypersketch::cuda
