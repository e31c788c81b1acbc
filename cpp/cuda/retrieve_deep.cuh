// SPDX-License-Identifier: Apache-2.0
// Softmax retrieval of many queries from bfloat16 patterns of up to 512 numbers, by groups of four warps (compute
// capability 9.0): the states of 64 queries fill the registers of two groups, half of the numbers each. The groups make
// the weights of a tile in turns, hand them to each other, and each adds the tile to its half.
//
// Bottleneck: the second-level cache. A tile of 64 patterns of 512 numbers, 64 KiB, is met by 64 queries with 4.2e6
// multiplications and additions, 1,024 clocks of an H200's processor at the full rate; at some 30 bytes a clock it
// takes 2,200 to arrive, while the tile before is met. That takes 2,000 or so: scores read 4 KiB of operands from
// shared memory for every 16 clocks of products, 1,024 clocks a tile, then come some 400 of weights and 512 of sums.
#pragma once

#include "retrieve_wide.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kDeepDim = 512, kHalf = kDeepDim / kWideGroups, kDeepPatterns = 64;
using DeepTile = WideTile<kDeepDim, true>;
static_assert(DeepTile::kPatterns == kDeepPatterns && DeepTile::kRing == 2);

// What the group that made a tile's weights tells the other one, whose threads have the same places.
struct Handed {
  uint4 weights[kDeepPatterns / kStep][kGroupThreads];
  float4 rows[kGroupThreads];  // both rows' factors and maxima; at the end sums and those of squares
};
inline constexpr size_t kDeepMemory =
    kSwizzled + DeepTile::kQueryBytes + DeepTile::kRing * DeepTile::kStage + kWideGroups * sizeof(Handed);
static_assert(kDeepMemory <= kMostMemory);

// Barriers of both groups: of the queries, and of what each group hands to the other.
inline constexpr unsigned kBarrierOfHanded = kBarrierOfQueries + 1;

using DeepScores = WideScores<kDeepPatterns>;
using DeepWeights = unsigned[kDeepPatterns / kStep][4];

__device__ __forceinline__ void hand_over(Handed& to, const DeepScores& scores, const float (&factors)[2],
                                          const DeepWeights& weights, unsigned thread) {
#pragma unroll
  for (unsigned step = 0; step < kDeepPatterns / kStep; ++step)
    to.weights[step][thread] = {weights[step][0], weights[step][1], weights[step][2], weights[step][3]};
  to.rows[thread] = {factors[0], factors[1], scores.maxima[0], scores.maxima[1]};
}

// The other group's weights; this one's sums follow the maxima.
__device__ __forceinline__ void take_over(const Handed& from, DeepScores& scores, float (&factors)[2],
                                          DeepWeights& weights, unsigned thread) {
#pragma unroll
  for (unsigned step = 0; step < kDeepPatterns / kStep; ++step) {
    const uint4 words = from.weights[step][thread];
    weights[step][0] = words.x, weights[step][1] = words.y, weights[step][2] = words.z, weights[step][3] = words.w;
  }
  const float4 rows = from.rows[thread];
  factors[0] = rows.x, factors[1] = rows.y, scores.maxima[0] = rows.z, scores.maxima[1] = rows.w;
#pragma unroll
  for (unsigned i = 0; i < 2; ++i) {
    scores.totals[i] *= factors[i];
    scores.squares[i] *= factors[i] * factors[i];
  }
}

// A group's weights of a tile, by its own scores.
__device__ __forceinline__ void weigh_own(const RetrievalPass& pass, SharedTile queries, const unsigned char* stages,
                                          unsigned i, DeepScores& scores, float (&factors)[2], DeepWeights& weights) {
  scores.template multiply<kDeepDim>(queries, DeepTile::patterns(stages, i));
  await_products<0>();
  hold(scores.sums);
  scores.adjust(pass, pass.begin() + size_t{i} * kDeepPatterns);
  scores.weigh(factors);
  scores.pack(weights);
}

// A group that multiplies; the queries are there.
__device__ __forceinline__ void retrieve_half(const RetrievalPass& pass, const unsigned char* queries,
                                              const unsigned char* stages, unsigned group, Handed* handed,
                                              SplitStates found) {
  const unsigned thread = threadIdx.x % kGroupThreads;
  const unsigned query = pass.group() * kGroupRows + thread / kWarp * 16 + thread % kWarp / 4;
  const SharedTile asked = shared_tile(queries, kGroupRows * kPanelBytes);
  constexpr unsigned kHalfBytes = kHalf / kPanelNumbers * kDeepPatterns * kPanelBytes;
  const auto n_tiles = static_cast<unsigned>((pass.end() - pass.begin() + kDeepPatterns - 1) / kDeepPatterns);
  DeepScores scores(pass, query);
  WideStates<kHalf, kDeepPatterns> states;
  states.clear();
  DeepWeights weights;
  float factors[2];
  for (unsigned i = 0; i < n_tiles; ++i) {
    const unsigned stage = i % DeepTile::kRing, owner = i % kWideGroups;
    await_barrier(full_barrier(group, stage), kPairThreads);
    if (owner == group) {
      weigh_own(pass, asked, stages, i, scores, factors, weights);
      hand_over(handed[owner], scores, factors, weights, thread);
      arrive_at_barrier(kBarrierOfHanded + owner, kPairThreads);
    } else {
      await_barrier(kBarrierOfHanded + owner, kPairThreads);
      take_over(handed[owner], scores, factors, weights, thread);
    }
    states.scale(factors);
    states.add(weights, DeepTile::values(stages, i) + group * kHalfBytes);
    await_products<0>();
    states.hold_all();
    if (i + DeepTile::kRing < n_tiles) arrive_at_barrier(empty_barrier(group, stage), kPairThreads);
  }
  const size_t split = pass.split() * size_t{pass.queries.n};
  states.write(found.states + split * pass.values.dim, query, pass.queries.n, pass.values.dim, group * kHalf);
  float4& sums = handed[0].rows[thread];  // which the second group has read
  if (group != 0) sums = {scores.totals[0], scores.totals[1], scores.squares[0], scores.squares[1]};
  await_barrier(kBarrierOfQueries, kPairThreads);
  if (group != 0) return;
  const float4 others = sums;
  scores.totals[0] += others.x, scores.totals[1] += others.y;
  scores.squares[0] += others.z, scores.squares[1] += others.w;
  scores.write_sums(pass, found.sums + split * 3, query);
}

// The queries are rows of bfloat16, `stride` bytes apart.
static __global__ void __launch_bounds__(kWideThreads, 1)
    retrieve_deep(RetrievalPass pass, const unsigned char* queries, size_t stride, SplitStates found) {
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* const memory = shared_memory<unsigned char>();
  unsigned char* const own = memory + (kSwizzled - behind_panel(memory)) % kSwizzled;
  unsigned char* const stages = own + DeepTile::kQueryBytes;
  if (threadIdx.x >= kWideGroups * kGroupThreads) {
    give_registers<40>();
    feed<kDeepDim, true>(pass, stages);
    return;
  }
  take_registers<232>();
  auto* const handed = reinterpret_cast<Handed*>(stages + DeepTile::kRing * DeepTile::kStage);
  const unsigned group = threadIdx.x / kGroupThreads;
  if (group == 0) take_queries<kDeepDim>(pass, queries, stride, own, pass.group() * kGroupRows);
  await_barrier(kBarrierOfQueries, kPairThreads);
  retrieve_half(pass, own, stages, group, handed, found);
#endif
}

}  // namespace hypersketch::cuda
