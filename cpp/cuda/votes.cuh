// SPDX-License-Identifier: Apache-2.0
// Bundles of items that are made where they are counted. An Items type has word(i, j), word j of item i, or
// load(i, n, j, x), which puts word j of eight items into x, zeros behind the first n.
//
// Unweighted items are counted in bit planes, which a thread keeps in registers for its word: plane p holds bit p of 64
// counts. Eight items at a time go through full adders, each two three-input instructions (lop3) for 32 bits. Threads
// of a block that have the same word and other items add their planes in shared memory, and the block decides its bits,
// or adds counts to counters where several blocks share a bundle. Bottleneck: memory, where items are stored rows; the
// multiplications of the random words, where they are atoms.
//
// Weighted items go the same way with 32 integers a thread, which hold the weights of the items that set a bit.
#pragma once

#include "packed.cuh"
#include "rows.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kBatch = 8;  // items that are loaded before they are counted

__device__ __forceinline__ uint64_t majority_of(uint64_t a, uint64_t b, uint64_t c) { return (a & b) | (c & (a ^ b)); }

// Adds a and b to a plane; returns what is carried.
__device__ __forceinline__ uint64_t full_add(uint64_t& plane, uint64_t a, uint64_t b) {
  const uint64_t carry = majority_of(plane, a, b);
  plane ^= a ^ b;
  return carry;
}

template <unsigned kPlanes>
__device__ __forceinline__ void count_eight(const uint64_t (&x)[kBatch], uint64_t (&planes)[kPlanes]) {
  const uint64_t a = full_add(planes[0], x[0], x[1]), b = full_add(planes[0], x[2], x[3]);
  const uint64_t c = full_add(planes[0], x[4], x[5]), d = full_add(planes[0], x[6], x[7]);
  const uint64_t e = full_add(planes[1], a, b), f = full_add(planes[1], c, d);
  uint64_t carry = full_add(planes[2], e, f);
#pragma unroll
  for (unsigned p = 3; p < kPlanes; ++p) {
    const uint64_t next = planes[p] & carry;
    planes[p] ^= carry;
    carry = next;
  }
}

// How a block is laid out: `lanes` words side by side, and `groups` threads for each, which take different items.
struct Team {
  unsigned lanes;
  unsigned groups;
  size_t tiles;   // blocks that share a bundle's words
  size_t splits;  // blocks that share its items
  size_t jobs;    // bundles * splits * tiles

  __host__ __device__ unsigned threads() const { return lanes * groups; }
};

struct Job {
  size_t bundle;
  size_t tile;
  size_t first;  // items
  size_t last;
  size_t total;  // items of the whole bundle
};

__device__ __forceinline__ Job job_at(const Team& team, const Bundles& bundles, size_t index) {
  const size_t tile = index % team.tiles, rest = index / team.tiles;
  const size_t split = rest % team.splits, bundle = rest / team.splits;
  size_t begin = 0, total = bundles.longest;
  if (bundles.starts != nullptr) {
    begin = static_cast<size_t>(bundles.starts[bundle]);
    const std::int64_t end = bundles.ends != nullptr ? bundles.ends[bundle] : bundles.starts[bundle + 1];
    const size_t length = static_cast<size_t>(end) - begin;
    total = length < bundles.trimmed ? 0 : length - bundles.trimmed;
  }
  // Whole batches a split, so that all but the last one fill them.
  const size_t each = (total + team.splits - 1) / team.splits;
  const size_t first = each * split < total ? each * split : total;
  const size_t last = first + each < total ? first + each : total;
  return {bundle, tile, begin + first, begin + last, total};
}

template <bool kFull, class Items>
__device__ __forceinline__ void load_items(const Items& items, size_t i, size_t n, size_t j, uint64_t (&x)[kBatch]) {
  if constexpr (requires { items.template load<kFull>(i, n, j, x); }) {
    items.template load<kFull>(i, n, j, x);
  } else {
#pragma unroll
    for (unsigned k = 0; k < kBatch; ++k) x[k] = kFull || k < n ? items.word(i + k, j) : uint64_t{0};
  }
}

template <unsigned kPlanes, class Items>
__device__ __forceinline__ void count_items(const Items& items, const Job& job, unsigned groups, unsigned group,
                                            size_t j, uint64_t (&planes)[kPlanes]) {
#pragma unroll
  for (unsigned p = 0; p < kPlanes; ++p) planes[p] = 0;
  const size_t step = size_t{groups} * kBatch;
  for (size_t i = job.first + size_t{group} * kBatch; i < job.last; i += step) {
    uint64_t x[kBatch];
    if (i + kBatch <= job.last)
      load_items<true>(items, i, kBatch, j, x);
    else
      load_items<false>(items, i, job.last - i, j, x);
    count_eight(x, planes);
  }
}

// Adds the planes of all groups to those of group 0, by halves. All threads of the block must call it; groups are a
// power of two.
template <unsigned kPlanes>
__device__ __forceinline__ void add_groups(uint64_t (&planes)[kPlanes], const Team& team, uint64_t* shared) {
  const unsigned group = threadIdx.x / team.lanes, lane = threadIdx.x % team.lanes;
  for (unsigned half = team.groups / 2; half != 0; half /= 2) {
    const unsigned slots = half * team.lanes, mine = group % half * team.lanes + lane;
    __syncthreads();
    if (group >= half && group < 2 * half)
#pragma unroll
      for (unsigned p = 0; p < kPlanes; ++p) shared[p * slots + mine] = planes[p];
    __syncthreads();
    if (group < half) {
      uint64_t carry = 0;
#pragma unroll
      for (unsigned p = 0; p < kPlanes; ++p) {
        const uint64_t next = majority_of(planes[p], carry, shared[p * slots + mine]);
        planes[p] ^= carry ^ shared[p * slots + mine];
        carry = next;
      }
    }
  }
}

// The bits whose count exceeds a threshold, and in `equal` those where it is that.
template <unsigned kPlanes>
__device__ __forceinline__ uint64_t above(const uint64_t (&planes)[kPlanes], uint64_t threshold, uint64_t& equal) {
  uint64_t greater = 0;
  equal = ~uint64_t{0};
#pragma unroll
  for (unsigned p = kPlanes; p-- > 0;) {
    if ((threshold >> p & 1) != 0) {
      equal &= planes[p];
    } else {
      greater |= equal & planes[p];
      equal &= ~planes[p];
    }
  }
  return greater;
}

// The rule of bits, for `total` votes of which a bit has as many as the threshold says, or exactly so many.
struct Threshold {
  __device__ __forceinline__ Threshold(const Outcome& outcome, uint64_t total) {
    with_ties = outcome.at_least == 0 && total % 2 == 0;
    value = outcome.at_least == 0 ? total / 2 : outcome.at_least <= total ? outcome.at_least - 1 : total;
  }
  uint64_t value;
  bool with_ties;
};

template <unsigned kPlanes>
__device__ __forceinline__ uint64_t decided(const uint64_t (&planes)[kPlanes], const Outcome& outcome, size_t total,
                                            size_t j) {
  const Threshold threshold(outcome, total);
  uint64_t equal;
  const uint64_t bits = above(planes, threshold.value, equal);
  return threshold.with_ties ? bits | (equal & outcome.ties[j]) : bits;
}

// Where counts go when a block does not decide: cell += constant * items + factor * count, modulo 2^32.
struct Counters {
  std::uint32_t* cells;  // dim of every bundle, or null
  std::uint32_t constant;
  std::uint32_t factor;
};

template <unsigned kPlanes>
__device__ __forceinline__ void add_counts(const uint64_t (&planes)[kPlanes], const Team& team, const Job& job,
                                           PackedShape shape, Counters counters, uint64_t* shared) {
  const unsigned lanes = team.lanes;
  __syncthreads();
  if (threadIdx.x < lanes)
#pragma unroll
    for (unsigned p = 0; p < kPlanes; ++p) shared[p * lanes + threadIdx.x] = planes[p];
  __syncthreads();
  const std::uint32_t* const halves = reinterpret_cast<const std::uint32_t*>(shared);
  const auto items = static_cast<std::uint32_t>(job.last - job.first);
  const size_t first = job.tile * lanes * kWordBits;
  for (unsigned k = threadIdx.x; k < lanes * kWordBits && first + k < shape.dim; k += blockDim.x) {
    std::uint32_t count = 0;
#pragma unroll
    for (unsigned p = 0; p < kPlanes; ++p) count |= (halves[p * 2 * lanes + k / 32] >> (k % 32) & 1) << p;
    atomicAdd(counters.cells + job.bundle * shape.dim + first + k, counters.constant * items + counters.factor * count);
  }
}

template <unsigned kPlanes, class Items>
__global__ void __launch_bounds__(kThreads) vote(Items items, PackedShape shape, Bundles bundles, Team team,
                                                 Outcome outcome, Counters counters, unsigned* strayed) {
  uint64_t* const shared = shared_memory<uint64_t>();
  const unsigned lane = threadIdx.x % team.lanes, group = threadIdx.x / team.lanes;
  for (size_t index = blockIdx.x; index < team.jobs; index += gridDim.x) {
    const Job job = job_at(team, bundles, index);
    const size_t j = job.tile * team.lanes + lane;
    uint64_t planes[kPlanes];
    // Threads beyond the last word take part in barriers alone.
    count_items(items, j < shape.n_words ? job : Job{}, team.groups, group, j, planes);
    add_groups(planes, team, shared);
    if (threadIdx.x < team.lanes && j + 1 == shape.n_words && strayed != nullptr) {
      uint64_t any = 0;
#pragma unroll
      for (unsigned p = 0; p < kPlanes; ++p) any |= planes[p];
      if ((any & ~shape.mask(j)) != 0) atomicOr(strayed, 1U);
    }
    if (counters.cells != nullptr)
      add_counts(planes, team, job, shape, counters, shared);
    else if (threadIdx.x < team.lanes && j < shape.n_words)
      outcome.bits[job.bundle * shape.n_words + j] = decided(planes, outcome, job.total, j) & shape.mask(j);
  }
}

// ---- weights

// Where weighted counts go. Sums (uint32): cell += all weights - 2 * those of set bits. Votes (uint64): cell += weights
// of set bits, and the magnitude of negative ones where the bit is clear; totals += magnitudes of all.
template <class Sum>
struct Weighed {
  Sum* cells;
  Sum* totals;  // one a bundle, of votes
  bool subtract;
};

template <class Sum, class Items>
__global__ void __launch_bounds__(kThreads)
    weigh(Items items, PackedShape shape, Bundles bundles, Team team, Weighed<Sum> weighed, unsigned* strayed) {
  constexpr bool kVotes = sizeof(Sum) == 8;
  constexpr unsigned kBits = 32;  // a thread has half a word
  Sum* const shared = shared_memory<Sum>();
  Sum* const constants = shared + kBits * team.lanes;
  const unsigned lane = threadIdx.x % team.lanes, group = threadIdx.x / team.lanes;
  for (size_t index = blockIdx.x; index < team.jobs; index += gridDim.x) {
    const Job job = job_at(team, bundles, index);
    const size_t half = job.tile * team.lanes + lane, j = half / 2;
    for (unsigned k = threadIdx.x; k < kBits * team.lanes + 2; k += blockDim.x) shared[k] = 0;
    __syncthreads();
    Sum sums[kBits];
#pragma unroll
    for (unsigned b = 0; b < kBits; ++b) sums[b] = 0;
    Sum constant = 0, magnitudes = 0;
    uint64_t beyond = 0;
    if (j < shape.n_words) {
      const uint64_t mask = shape.mask(j);
      for (size_t i = job.first + group; i < job.last; i += team.groups) {
        const uint64_t word = items.word(i, j);
        const std::int64_t weight = bundles.weights[i];
        const Sum value = static_cast<Sum>(weight), magnitude = weight < 0 ? Sum{0} - value : value;
        const auto bits = static_cast<std::uint32_t>(word >> (half % 2 * kBits));
        constant += kVotes ? (weight < 0 ? magnitude : Sum{0}) : value;
        magnitudes += magnitude;
        beyond |= word & ~mask;
#pragma unroll
        for (unsigned b = 0; b < kBits; ++b) sums[b] += (bits >> b & 1) != 0 ? value : Sum{0};
      }
#pragma unroll
      for (unsigned b = 0; b < kBits; ++b) add_to_shared(shared + b * team.lanes + lane, sums[b]);
    }
    if (lane == 0) {
      add_to_shared(constants, constant);
      add_to_shared(constants + 1, magnitudes);
    }
    if (beyond != 0 && strayed != nullptr) atomicOr(strayed, 1U);
    __syncthreads();
    const size_t first = job.tile * team.lanes * kBits;
    for (unsigned k = threadIdx.x; k < kBits * team.lanes && first + k < shape.dim; k += blockDim.x) {
      const Sum sum = shared[k % kBits * team.lanes + k / kBits];
      const Sum change = kVotes ? sum + constants[0] : constants[0] - 2 * sum;
      add_to(weighed.cells + job.bundle * shape.dim + first + k, weighed.subtract ? Sum{0} - change : change);
    }
    if (kVotes && job.tile == 0 && threadIdx.x == 0) add_to(weighed.totals + job.bundle, constants[1]);
    __syncthreads();
  }
}

// Bits of counted votes; totals are those of the bundles where `totals` is null. A warp makes half a word.
template <class Sum>
__global__ void __launch_bounds__(kThreads)
    decide(const Sum* votes, const Sum* totals, PackedShape shape, Bundles bundles, Outcome outcome) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp, halves = 2 * shape.n_words;
  for (size_t h = thread_index() / kWarp; h < bundles.n * halves; h += step) {
    const size_t bundle = h / halves, half = h - bundle * halves, d = half * kWarp + lane;
    const uint64_t total = totals != nullptr ? totals[bundle] : job_at({1, 1, 1, 1, 0}, bundles, bundle).total;
    const Threshold threshold(outcome, total);
    const uint64_t count = d < shape.dim ? votes[bundle * shape.dim + d] : 0;
    const bool tied = threshold.with_ties && count == threshold.value &&
                      (outcome.ties[d / kWordBits < shape.n_words ? d / kWordBits : 0] >> (d % kWordBits) & 1) != 0;
    const unsigned bits = __ballot_sync(kWholeWarp, d < shape.dim && (count > threshold.value || tied));
    if (lane == 0) reinterpret_cast<std::uint32_t*>(outcome.bits)[h] = bits;
  }
}

// ---- on the host

inline size_t power_of_two_at_least(size_t n) {
  size_t power = 1;
  while (power < n) power *= 2;
  return power;
}

inline constexpr size_t kMostInPlanes = 65535;
inline constexpr size_t kSplitItems = 1023;  // of a block where several share a bundle: as many as ten planes count
inline constexpr size_t kCountedCells = size_t{1} << 26;  // that are kept at once where blocks do not decide

// `width` is how many words, or halves, a bundle has; each group should have a few batches of items.
inline Team team_for(size_t width, const Bundles& bundles, size_t each, size_t most_items, int device) {
  Team team{};
  team.lanes = static_cast<unsigned>(std::min<size_t>(kWarp, power_of_two_at_least(width)));
  const size_t useful = power_of_two_at_least((bundles.longest + 2 * each - 1) / (2 * each));
  team.groups = static_cast<unsigned>(std::min<size_t>(useful, kThreads / team.lanes));
  team.tiles = (width + team.lanes - 1) / team.lanes;
  // As many blocks as keep the processors busy for several rounds, so that no last round stands out.
  const auto processors = static_cast<size_t>(device_attribute(device, cudaDevAttrMultiProcessorCount));
  const size_t wanted = 32 * processors / (bundles.n * team.tiles) + 1;
  const size_t least_each = size_t{4} * each * team.groups;
  const size_t useful_splits = std::max<size_t>(1, bundles.longest / least_each);
  team.splits = std::max(std::min(wanted, useful_splits), (bundles.longest + most_items - 1) / most_items);
  team.splits = std::max<size_t>(1, team.splits);
  team.jobs = bundles.n * team.splits * team.tiles;
  return team;
}

template <unsigned kPlanes, class Items>
void launch_vote(Place place, const Items& items, PackedShape shape, const Bundles& bundles, const Team& team,
                 const Outcome& outcome, Counters counters, unsigned* strayed) {
  const size_t slots = std::max<size_t>(team.lanes, team.threads() / 2);
  const Grid grid{static_cast<unsigned>(std::min(team.jobs, kMostBlocks)), team.threads(),
                  kPlanes * slots * sizeof(uint64_t)};
  launch(place, grid, vote<kPlanes, Items>, items, shape, bundles, team, outcome, counters, strayed);
}

// Counts items in as few planes as hold a block's.
template <class Items>
void count_votes(Place place, const Items& items, PackedShape shape, const Bundles& bundles, const Team& team,
                 const Outcome& outcome, Counters counters, unsigned* strayed) {
  const size_t most = (bundles.longest + team.splits - 1) / team.splits;
  if (most < 64)
    launch_vote<6>(place, items, shape, bundles, team, outcome, counters, strayed);
  else if (most < 1024)
    launch_vote<10>(place, items, shape, bundles, team, outcome, counters, strayed);
  else
    launch_vote<16>(place, items, shape, bundles, team, outcome, counters, strayed);
}

inline Bundles some_of(Bundles bundles, size_t first, size_t n) {
  bundles.n = n;
  if (bundles.starts != nullptr) bundles.starts += first;
  if (bundles.ends != nullptr) bundles.ends += first;
  return bundles;
}

inline Outcome some_of(Outcome outcome, PackedShape shape, size_t first) {
  if (outcome.bits != nullptr) outcome.bits += first * shape.n_words;
  if (outcome.sums != nullptr) outcome.sums += first * shape.dim;
  return outcome;
}

template <class Items>
void bundle_unweighted(Place place, const Items& items, PackedShape shape, Bundles bundles, Outcome outcome,
                       unsigned* strayed) {
  const bool is_sum = outcome.bits == nullptr;
  Team team = team_for(shape.n_words, bundles, kBatch, kSplitItems, place.device);
  // Many bundles, each longer than ten planes count: a block a bundle is enough, and none needs counters.
  if (team.splits > 1 && bundles.longest <= kMostInPlanes &&
      bundles.n * team.tiles >= 8 * static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount)))
    team.splits = 1, team.jobs = bundles.n * team.tiles;
  if (is_sum)
    return count_votes(
        place, items, shape, bundles, team, outcome,
        {reinterpret_cast<std::uint32_t*>(outcome.sums), outcome.subtract ? ~0U : 1U, outcome.subtract ? 2U : ~1U},
        strayed);
  if (team.splits == 1) return count_votes(place, items, shape, bundles, team, outcome, {}, strayed);
  const size_t cells = bundles.n * shape.dim;
  const Scratch<std::uint32_t> votes(place, cells);
  clear(place, votes.data(), cells * sizeof(std::uint32_t));
  count_votes(place, items, shape, bundles, team, outcome, {votes.data(), 0, 1}, strayed);
  launch(place, grid_for(2 * shape.n_words * bundles.n * kWarp), decide<std::uint32_t>,
         static_cast<const std::uint32_t*>(votes.data()), static_cast<const std::uint32_t*>(nullptr), shape, bundles,
         outcome);
}

template <class Sum, class Items>
void launch_weigh(Place place, const Items& items, PackedShape shape, const Bundles& bundles, Weighed<Sum> weighed,
                  unsigned* strayed) {
  const Team team = team_for(2 * shape.n_words, bundles, 4, size_t{1} << 20, place.device);
  const Grid grid{static_cast<unsigned>(std::min(team.jobs, kMostBlocks)), team.threads(),
                  (32 * team.lanes + 2) * sizeof(Sum)};
  launch(place, grid, weigh<Sum, Items>, items, shape, bundles, team, weighed, strayed);
}

template <class Items>
void bundle_weighted(Place place, const Items& items, PackedShape shape, Bundles bundles, Outcome outcome,
                     unsigned* strayed) {
  if (outcome.bits == nullptr)
    return launch_weigh<std::uint32_t>(place, items, shape, bundles,
                                       {reinterpret_cast<std::uint32_t*>(outcome.sums), nullptr, outcome.subtract},
                                       strayed);
  const size_t cells = bundles.n * shape.dim;
  const Scratch<uint64_t> votes(place, cells + bundles.n);
  clear(place, votes.data(), (cells + bundles.n) * sizeof(uint64_t));
  launch_weigh<uint64_t>(place, items, shape, bundles, {votes.data(), votes.data() + cells, false}, strayed);
  launch(place, grid_for(2 * shape.n_words * bundles.n * kWarp), decide<uint64_t>,
         static_cast<const uint64_t*>(votes.data()), static_cast<const uint64_t*>(votes.data() + cells), shape, bundles,
         outcome);
}

// All of it, few enough bundles at a time that counters of all fit. `strayed` may be null.
template <bool kWeights, class Items>
void bundle_items(Place place, const Items& items, size_t dim, Bundles bundles, Outcome outcome, unsigned* strayed) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const size_t at_once = std::max<size_t>(1, kCountedCells / dim);
  for (size_t first = 0; first < bundles.n; first += at_once) {
    const Bundles some = some_of(bundles, first, std::min(at_once, bundles.n - first));
    const Outcome out = some_of(outcome, shape, first);
    if constexpr (kWeights) {
      if (bundles.weights != nullptr) {
        bundle_weighted(place, items, shape, some, out, strayed);
        continue;
      }
    }
    bundle_unweighted(place, items, shape, some, out, strayed);
  }
}

}  // namespace hypersketch::cuda
