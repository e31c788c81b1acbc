// SPDX-License-Identifier: Apache-2.0
// Sparse distributed memories: which hard locations an address activates is a row of bits, from the distances that
// searches compute too, and counters are read and written by those bits. A write takes one location after the other and
// there item after item, so that no two threads meet and limits hold after every item; sums of integers are exact, so
// all of it equals the CPU's.
//
// Bottleneck: memory, the counters of all activated locations once an item when they are read, and once a batch when
// they are written.
#include "common_bits.cuh"
#include "hypersketch/bits.hpp"
#include "locations.hpp"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{256} << 20;  // of distances at once
#else
constexpr size_t kPieceBytes = size_t{64} << 10;  // in tests, for several pieces
#endif
constexpr unsigned kEach = 4, kColumns = kEach * kThreads;  // counters of a thread and of a block

size_t halves_for(size_t n) { return (n + kWarp - 1) / kWarp; }

// Addresses that are worked on together; whole halves of words, unless the distances of so many take more.
size_t step_for(size_t n_locations) {
  const size_t step = std::clamp<size_t>(kPieceBytes / (n_locations * sizeof(std::int32_t)), 1, 4096);
  return step < kWarp ? step : step / kWarp * kWarp;
}

// Bit i of row r: whether distance i of row r is within the radius. A warp makes 32 bits.
__global__ void mask_kernel(const std::int32_t* distances, size_t n_rows, size_t n, std::int32_t radius,
                            unsigned* mask) {
  const size_t n_halves = (n + kWarp - 1) / kWarp, n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n_rows * n_halves; i += n_warps) {
    const size_t at = i % n_halves * kWarp + lane;
    const unsigned bits = __ballot_sync(kWholeWarp, at < n && distances[i / n_halves * n + at] <= radius);
    if (lane == 0) mask[i] = bits;
  }
}

// Sets the bits of the nearest: row q and bit `location`, or the other way round.
__global__ void mark_kernel(const std::int64_t* indices, size_t n, size_t k, bool by_location, size_t n_halves,
                            unsigned* mask) {
  const size_t i = thread_index();
  if (i >= n * k) return;
  const auto location = static_cast<size_t>(indices[i]);
  const size_t row = by_location ? location : i / k, bit = by_location ? i / k : location;
  atomicOr(mask + row * n_halves + bit / kWarp, 1U << (bit % kWarp));
}

// Which locations some addresses activate: a row of bits an address, or one a location.
class Activation {
 public:
  Activation(Place place, HardLocations locations, const uint64_t* asked, size_t n, bool by_location)
      : n_halves_(halves_for(by_location ? n : locations.n)),
        n_rows_(by_location ? locations.n : n),
        mask_(place, n_rows_ * n_halves_) {
    if (locations.k != 0)
      mark(place, locations, asked, n, by_location);
    else
      compare(place, locations, asked, n, by_location);
  }

  const unsigned* mask() const { return mask_.data(); }
  size_t n_halves() const { return n_halves_; }

 private:
  void compare(Place place, HardLocations locations, const uint64_t* asked, size_t n, bool by_location) {
    const size_t n_words = words_for(locations.dim);
    const Scratch<std::int32_t> distances(place, n * locations.n);
    const DistanceTable table =
        by_location ? DistanceTable{distances.data(), n, 1} : DistanceTable{distances.data(), 1, locations.n};
    all_distances(place, {locations.addresses, locations.n, n_words}, {asked, n, n_words}, locations.dim, table);
    launch(place, grid_for(n_rows_ * n_halves_ * kWarp), mask_kernel, distances.data(), n_rows_,
           by_location ? n : locations.n, static_cast<std::int32_t>(locations.radius), mask_.data());
  }

  void mark(Place place, HardLocations locations, const uint64_t* asked, size_t n, bool by_location) {
    const size_t n_words = words_for(locations.dim);
    const Scratch<std::int64_t> indices(place, n * locations.k);
    hamming_top_k(place, {asked, n, n_words}, {locations.addresses, locations.n, n_words}, locations.dim,
                  {locations.k, indices.data(), nullptr, nullptr});
    clear(place, mask_.data(), n_rows_ * n_halves_ * sizeof(unsigned));
    launch(place, grid_for(n * locations.k), mark_kernel, indices.data(), n, locations.k, by_location, n_halves_,
           mask_.data());
  }

  size_t n_halves_, n_rows_;
  Scratch<unsigned> mask_;
};

// Calls visit(i) for the bits of a row, in order; threads with the same row take the same way.
template <class Visit>
__device__ __forceinline__ void visit_bits(const unsigned* row, size_t n_halves, Visit visit) {
  for (size_t w = 0; w < n_halves; ++w)
    for (unsigned bits = __ldg(row + w); bits != 0; bits &= bits - 1)
      visit(w * kWarp + static_cast<size_t>(__ffs(static_cast<int>(bits))) - 1);
}

__device__ __forceinline__ std::int64_t within(std::int64_t value, std::int64_t limit) {
  if (limit == 0) return value;
  return value < -limit ? -limit : value > limit ? limit : value;
}

// Block b writes kColumns counters of location b / n_tiles.
template <class Cell>
__global__ void __launch_bounds__(kThreads)
    write_kernel(const unsigned* mask, size_t n_halves, LocationItems items, Cell* counters, size_t width,
                 std::int64_t limit, unsigned n_tiles) {
  const size_t location = blockIdx.x / n_tiles, n_words = words_for(width);
  const size_t first = size_t{blockIdx.x % n_tiles} * kColumns + threadIdx.x;
  Cell* const row = counters + location * width;
  std::int64_t own[kEach] = {};
  bool touched = false;
  visit_bits(mask + location * n_halves, n_halves, [&](size_t item) {
    const std::int64_t weight = items.weights == nullptr ? 1 : __ldg(items.weights + item);
    const uint64_t* const value = items.values + item * n_words;
#pragma unroll
    for (unsigned i = 0; i < kEach; ++i) {
      const size_t column = first + i * kThreads;
      if (column >= width) break;
      if (!touched) own[i] = row[column];
      const bool minus = (__ldg(value + column / kWordBits) >> (column % kWordBits) & 1) != 0;
      own[i] = within(own[i] + (minus ? -weight : weight), limit);
    }
    touched = true;
  });
  if (!touched) return;
#pragma unroll
  for (unsigned i = 0; i < kEach; ++i)
    if (first + i * kThreads < width) row[first + i * kThreads] = static_cast<Cell>(own[i]);
}

// Adds the magnitudes of the weights that meet at a location; a thread each.
__global__ void load_kernel(const unsigned* mask, size_t n_halves, const std::int64_t* weights, size_t n_locations,
                            std::int64_t* loads) {
  const size_t location = thread_index();
  if (location >= n_locations) return;
  std::int64_t sum = 0;
  visit_bits(mask + location * n_halves, n_halves, [&](size_t item) {
    const std::int64_t weight = weights == nullptr ? 1 : __ldg(weights + item);
    sum += weight < 0 ? -weight : weight;
  });
  loads[location] += sum;
}

template <class Cell>
__global__ void largest_kernel(const Cell* counters, const Cell* others, size_t n, long long* largest) {
  long long most = 0;
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) {
    const long long sum = static_cast<long long>(counters[i]) + (others == nullptr ? 0 : others[i]);
    const long long size = sum < 0 ? -sum : sum;
    if (size > most) most = size;
  }
  for (int delta = kWarp / 2; delta > 0; delta /= 2) {
    const long long other = __shfl_xor_sync(kWholeWarp, most, delta);
    if (other > most) most = other;
  }
  if (threadIdx.x % kWarp == 0) atomicMax(largest, most);
}

template <class Cell>
__global__ void join_kernel(Cell* counters, const Cell* others, size_t n, std::int64_t limit) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    counters[i] = static_cast<Cell>(within(std::int64_t{counters[i]} + others[i], limit));
}

// Block b sums kColumns columns for state b / n_tiles; the words of its row of bits pass through shared memory.
template <class Cell>
__global__ void __launch_bounds__(kThreads) read_kernel(const unsigned* mask, size_t n_halves, const Cell* counters,
                                                        size_t width, unsigned n_tiles, LocationReading reading) {
  const size_t q = blockIdx.x / n_tiles;
  if (reading.converged[q]) return;
  unsigned* const words = shared_memory<unsigned>();
  const size_t first = size_t{blockIdx.x % n_tiles} * kColumns + threadIdx.x;
  std::int64_t own[kEach] = {}, active = 0;
  for (size_t from = 0; from < n_halves; from += kThreads) {
    const size_t mine = from + threadIdx.x;
    words[threadIdx.x] = mine < n_halves ? mask[q * n_halves + mine] : 0;
    __syncthreads();
    for (unsigned w = 0; w < kThreads && from + w < n_halves; ++w)
      for (unsigned bits = words[w]; bits != 0; bits &= bits - 1) {
        const size_t location = (from + w) * kWarp + static_cast<size_t>(__ffs(static_cast<int>(bits))) - 1;
        ++active;
#pragma unroll
        for (unsigned i = 0; i < kEach; ++i)
          if (first + i * kThreads < width) own[i] += counters[location * width + first + i * kThreads];
      }
    __syncthreads();
  }
#pragma unroll
  for (unsigned i = 0; i < kEach; ++i)
    if (first + i * kThreads < width) reading.sums[q * width + first + i * kThreads] = own[i];
  if (first == 0) reading.active[q] = active;
}

// Signs of sums become states; a state that stays has converged, as has any where values are no addresses. A warp each.
__global__ void sign_kernel(LocationReading reading, const uint64_t* asked, size_t n, size_t width,
                            const uint64_t* ties, bool can_stay, unsigned* going) {
  const size_t q = thread_index() / kWarp, n_halves = 2 * words_for(width);
  const unsigned lane = threadIdx.x % kWarp;
  if (q >= n || reading.converged[q]) return;
  bool stays = true;
  for (size_t w = 0; w < n_halves; ++w) {
    const size_t column = w * kWarp + lane;
    bool minus = false;
    if (column < width) {
      const std::int64_t sum = reading.sums[q * width + column];
      const bool tied = (__ldg(ties + column / kWordBits) >> (column % kWordBits) & 1) != 0;
      minus = sum < 0 || (sum == 0 && tied);
    }
    const unsigned word = __ballot_sync(kWholeWarp, minus);
    unsigned* const to = reinterpret_cast<unsigned*>(reading.states) + q * n_halves + w;
    if (can_stay) stays = stays && word == reinterpret_cast<const unsigned*>(asked)[q * n_halves + w];
    __syncwarp();
    if (lane == 0) *to = word;
  }
  if (lane != 0) return;
  ++reading.steps[q];
  reading.converged[q] = stays;
  if (!stays) atomicAdd(going, 1U);
}

LocationReading from(LocationReading reading, size_t first, size_t width) {
  return {reading.states + first * words_for(width), reading.sums + first * width, reading.active + first,
          reading.steps + first, reading.converged + first};
}

unsigned tiles_for(size_t width) { return static_cast<unsigned>(tiles_of(width, kColumns)); }

// Calls visit(items, activation) for items that are worked on together, in order.
template <class Visit>
void each_piece(Place place, HardLocations locations, LocationItems items, size_t n_value_words, Visit visit) {
  const size_t step = step_for(locations.n), n_words = words_for(locations.dim);
  for (size_t first = 0; first < items.n; first += step) {
    const LocationItems some{
        items.addresses + first * n_words, items.values == nullptr ? nullptr : items.values + first * n_value_words,
        items.weights == nullptr ? nullptr : items.weights + first, std::min(step, items.n - first)};
    visit(some, Activation(place, locations, some.addresses, some.n, true));
  }
}

}  // namespace

template <class Cell>
void write_locations(Place place, HardLocations locations, LocationItems items, Cell* counters, size_t width,
                     std::int64_t limit) {
  const OnDevice on(place.device);
  const unsigned n_tiles = tiles_for(width);
  each_piece(place, locations, items, words_for(width), [&](LocationItems some, const Activation& active) {
    launch(place, {static_cast<unsigned>(locations.n * n_tiles), kThreads}, write_kernel<Cell>, active.mask(),
           active.n_halves(), some, counters, width, limit, n_tiles);
  });
}

std::int64_t largest_load(Place place, HardLocations locations, LocationItems items) {
  const OnDevice on(place.device);
  const Scratch<std::int64_t> loads(place, locations.n);
  clear(place, loads.data(), locations.n * sizeof(std::int64_t));
  each_piece(place, locations, items, 0, [&](LocationItems some, const Activation& active) {
    launch(place, grid_for(locations.n), load_kernel, active.mask(), active.n_halves(), some.weights, locations.n,
           loads.data());
  });
  return largest_counter<std::int64_t>(place, loads.data(), nullptr, locations.n);
}

template <class Cell>
std::int64_t largest_counter(Place place, const Cell* counters, const Cell* others, size_t n) {
  const OnDevice on(place.device);
  const Scratch<long long> largest(place, 1);
  clear(place, largest.data(), sizeof(long long));
  launch(place, grid_for(n, 16), largest_kernel<Cell>, counters, others, n, largest.data());
  long long found = 0;
  copy_to_host(place, &found, largest.data(), sizeof found);
  return found;
}

template <class Cell>
void join_counters(Place place, Cell* counters, const Cell* others, size_t n, std::int64_t limit) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), join_kernel<Cell>, counters, others, n, limit);
}

template <class Cell>
void read_locations(Place place, HardLocations locations, const Cell* counters, size_t width, const uint64_t* asked,
                    size_t n, const uint64_t* ties, size_t steps, LocationReading reading) {
  const OnDevice on(place.device);
  const unsigned n_tiles = tiles_for(width);
  const size_t n_words = words_for(locations.dim), step = step_for(locations.n);
  const Scratch<unsigned> going(place, 1);
  const Scratch<uint64_t> before(place, std::min(n, step) * n_words);
  for (size_t first = 0; first < n; first += step) {
    const size_t some = std::min(step, n - first);
    const LocationReading mine = from(reading, first, width);
    clear(place, mine.steps, some * sizeof(std::int64_t));
    clear(place, mine.converged, some);
    for (size_t i = 0; i < steps; ++i) {
      copy(place, before.data(), i == 0 ? asked + first * n_words : mine.states, some * n_words * sizeof(uint64_t));
      clear(place, going.data(), sizeof(unsigned));
      const Activation active(place, locations, before.data(), some, false);
      launch(place, {static_cast<unsigned>(some * n_tiles), kThreads, kThreads * sizeof(unsigned)}, read_kernel<Cell>,
             active.mask(), active.n_halves(), counters, width, n_tiles, mine);
      launch(place, grid_for(some * kWarp), sign_kernel, mine, before.data(), some, width, ties, locations.dim == width,
             going.data());
      unsigned left = 1;
      if (i % 4 == 1 && i + 1 < steps) copy_to_host(place, &left, going.data(), sizeof left);
      if (left == 0) break;
    }
  }
}

#define HYPERSKETCH_CELLS(Cell)                                                                          \
  template void write_locations<Cell>(Place, HardLocations, LocationItems, Cell*, size_t, std::int64_t); \
  template std::int64_t largest_counter<Cell>(Place, const Cell*, const Cell*, size_t);                  \
  template void join_counters<Cell>(Place, Cell*, const Cell*, size_t, std::int64_t);                    \
  template void read_locations<Cell>(Place, HardLocations, const Cell*, size_t, const uint64_t*, size_t, \
                                     const uint64_t*, size_t, LocationReading);
HYPERSKETCH_CELLS(std::int8_t)
HYPERSKETCH_CELLS(std::int16_t)
HYPERSKETCH_CELLS(std::int32_t)
#undef HYPERSKETCH_CELLS

}  // namespace hypersketch::cuda
