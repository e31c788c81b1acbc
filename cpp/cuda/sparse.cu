// SPDX-License-Identifier: Apache-2.0
// Sparse codes: the ones of atoms are made by a warp a key and used where they are made, as bits, in counters, or to
// look at a vector. No atom is stored but where it is asked for.
//
// The ones are at the first n_ones different places of a key's stream. As many words as ones are missing are drawn at a
// time, which never draws too many, so all lanes draw at once. Places seen stand in a table in shared memory, each
// where it would be if the table were sorted, or behind. Bottleneck: additions to counters in the L2 cache.
#include "counted.hpp"
#include "hypersketch/layout.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kSharedBytes = size_t{48} << 10;  // what a block has without asking
constexpr std::uint32_t kFree = ~std::uint32_t{0};

struct SparseShape {
  explicit SparseShape(SparseSpace space)
      : dim(space.dim),
        n_ones(static_cast<std::uint32_t>(space.n_ones)),
        n_slots(space.segments ? 0 : n_ones + n_ones / 4 + 8),
        word_of_seed(seed_word(space.seed, Purpose::kAtom)) {}

  uint64_t dim;
  std::uint32_t n_ones;
  std::uint32_t n_slots;  // 0 where each 1 has a segment of its own
  uint64_t word_of_seed;
};

__device__ __forceinline__ std::uint32_t place_of(uint64_t word, uint64_t from, uint64_t to) {
  return static_cast<std::uint32_t>(from + ((word >> 32) * (to - from) >> 32));
}

// Notes a place; whether it is new. There are more slots than places.
__device__ __forceinline__ bool is_new(std::uint32_t* slots, const SparseShape& shape, std::uint32_t place) {
  auto slot = static_cast<std::uint32_t>(uint64_t{place} * shape.n_slots / shape.dim);
  for (;;) {
    const std::uint32_t there = atomicCAS(slots + slot, kFree, place);
    if (there == kFree || there == place) return there == kFree;
    slot = slot + 1 == shape.n_slots ? 0 : slot + 1;
  }
}

// Calls visit(place) once for every 1 of an atom, in some lane. The whole warp must call it.
template <class Visit>
__device__ __forceinline__ void for_each_one(const SparseShape& shape, uint64_t start, std::uint32_t* slots,
                                             Visit&& visit) {
  const unsigned lane = threadIdx.x % kWarp;
  if (shape.n_slots == 0) {
    for (std::uint32_t j = lane; j < shape.n_ones; j += kWarp)
      visit(place_of(atom_word(start, j), block_begin(j, shape.n_ones, shape.dim),
                     block_begin(j + 1, shape.n_ones, shape.dim)));
    return;
  }
  for (std::uint32_t slot = lane; slot < shape.n_slots; slot += kWarp) slots[slot] = kFree;
  __syncwarp();
  uint64_t drawn = 0;
  for (unsigned found = 0; found < shape.n_ones;) {
    const unsigned missing = shape.n_ones - found;
    unsigned mine = 0;
    for (unsigned j = lane; j < missing; j += kWarp) {
      const std::uint32_t place = place_of(atom_word(start, drawn + j), 0, shape.dim);
      if (!is_new(slots, shape, place)) continue;
      visit(place);
      ++mine;
    }
    drawn += missing;
    found += sum_of_warp(mine);
  }
  __syncwarp();  // before the table serves another key
}

// ---- what becomes of ones

struct SetBits {
  std::uint32_t* rows;
  size_t stride;

  __device__ std::uint32_t* begin(size_t i) const { return rows + i * stride; }
  __device__ void one(std::uint32_t*& row, std::uint32_t place) const {
    atomicOr(row + place / kWarp, 1U << (place % kWarp));
  }
  __device__ void end(std::uint32_t*, size_t) const {}
};

struct AddOnes {
  CountedWeights weights;
  std::uint32_t* counters;

  __device__ std::uint32_t begin(size_t i) const {
    const std::uint32_t weight = weights.each == nullptr ? 1U : static_cast<std::uint32_t>(weights.each[i]);
    return weights.subtract ? 0U - weight : weight;
  }
  __device__ void one(std::uint32_t& weight, std::uint32_t place) const { atomicAdd(counters + place, weight); }
  __device__ void end(std::uint32_t, size_t) const {}
};

struct CountCommon {
  const std::uint32_t* vector;
  double size;  // the root of both numbers of ones
  double* out;

  __device__ unsigned begin(size_t) const { return 0; }
  __device__ void one(unsigned& common, std::uint32_t place) const {
    common += vector[place / kWarp] >> (place % kWarp) & 1U;
  }
  __device__ void end(unsigned common, size_t i) const {
    common = sum_of_warp(common);
    if (threadIdx.x % kWarp == 0) out[i] = size > 0 ? __ddiv_rn(double(common), size) : 0.0;
  }
};

template <class Use>
__global__ void __launch_bounds__(kThreads) use_ones(const uint64_t* hashes, size_t n, SparseShape shape, Use use) {
  std::uint32_t* slots = nullptr;
  if (shape.n_slots != 0) slots = shared_memory<std::uint32_t>() + size_t{threadIdx.x / kWarp} * shape.n_slots;
  const size_t step = size_t{gridDim.x} * (blockDim.x / kWarp);
  for (size_t i = thread_index() / kWarp; i < n; i += step) {
    auto mine = use.begin(i);
    for_each_one(shape, stream_start(shape.word_of_seed, hashes[i]), slots,
                 [&](std::uint32_t place) { use.one(mine, place); });
    use.end(mine, i);
  }
}

template <class Use>
void launch_use(Place place, const uint64_t* hashes, size_t n, const SparseShape& shape, Use use) {
  const size_t bytes = size_t{shape.n_slots} * sizeof(std::uint32_t);  // of a warp; 41 KB of the largest dimension
  const size_t fitting = bytes == 0 ? kThreads / kWarp : kSharedBytes / bytes;
  const auto warps = static_cast<unsigned>(std::min<size_t>(kThreads / kWarp, fitting));
  const size_t blocks = std::min<size_t>((n + warps - 1) / warps, 1U << 20);
  launch(place, Grid{static_cast<unsigned>(blocks), warps * kWarp, warps * bytes}, use_ones<Use>, hashes, n, shape,
         use);
}

}  // namespace

void sparse_atoms(Place place, const uint64_t* hashes, size_t n, SparseSpace space, uint64_t* out) {
  const OnDevice on(place.device);
  const size_t n_words = words_for(space.dim);
  clear(place, out, n * n_words * sizeof(uint64_t));
  launch_use(place, hashes, n, SparseShape(space), SetBits{reinterpret_cast<std::uint32_t*>(out), 2 * n_words});
}

void add_sparse_atoms(Place place, const uint64_t* hashes, size_t n, SparseSpace space, CountedWeights weights,
                      std::int32_t* counters) {
  const OnDevice on(place.device);
  launch_use(place, hashes, n, SparseShape(space), AddOnes{weights, reinterpret_cast<std::uint32_t*>(counters)});
}

void score_sparse_atoms(Place place, const uint64_t* vector, const uint64_t* hashes, size_t n, SparseSpace space,
                        double* out) {
  const OnDevice on(place.device);
  const auto ones = static_cast<double>(popcount(place, vector, words_for(space.dim)));
  const double size = std::sqrt(ones * static_cast<double>(space.n_ones));
  launch_use(place, hashes, n, SparseShape(space),
             CountCommon{reinterpret_cast<const std::uint32_t*>(vector), size, out});
}

}  // namespace hypersketch::cuda
