// SPDX-License-Identifier: Apache-2.0
// Willshaw's matrices: patterns are lists of few units, so learning sets single bits, and reading takes the rows of the
// active units alone; all rows with all columns (common_bits.cuh) would read n_in bits a unit instead. Bits and
// integers, whose order does not matter: all of it equals the CPU's.
//
// Bottleneck: memory. Of ten active units in a matrix of 1,024 x 1,024 a query reads 1.25 KiB of rows, which the caches
// keep, and writes 4 KiB of sums and 1 KiB of bools. With very many active units the integer units: three instructions
// for 32 synapses.
#include "counter.cuh"
#include "hypersketch/bits.hpp"
#include "synapses.hpp"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{256} << 20;  // of bits that say which units came
#else
constexpr size_t kPieceBytes = size_t{1} << 10;  // in tests, for several pieces
#endif
constexpr unsigned kEach = 4;  // columns of a thread

__host__ __device__ __forceinline__ size_t halves_for(size_t n) { return 2 * words_for(n); }

// Threads of a block that works on a row of n columns: whole warps, no more than have something to do.
unsigned threads_for(size_t n) {
  const size_t warps = (n + kEach * kWarp - 1) / (kEach * kWarp);
  return static_cast<unsigned>(std::clamp<size_t>(warps * kWarp, kWarp, kThreads));
}

__device__ __forceinline__ size_t row_of(const std::int64_t* rows, size_t i) {
  return rows == nullptr ? i : static_cast<size_t>(__ldg(rows + i));
}

// ---- learning

// Synapse t of a pair is between its input unit t / n_values and its output unit t % n_values. Blocks b with the same
// b / n_shares share a pair.
__global__ void __launch_bounds__(kThreads)
    set_kernel(unsigned* halves, size_t n_halves, UnitLists inputs, UnitLists outputs, unsigned n_shares) {
  const size_t pair = blockIdx.x / n_shares, share = blockIdx.x % n_shares;
  const std::int64_t first_key = inputs.starts[pair], first_value = outputs.starts[pair];
  const auto n_keys = static_cast<size_t>(inputs.starts[pair + 1] - first_key);
  const auto n_values = static_cast<size_t>(outputs.starts[pair + 1] - first_value);
  const size_t step = size_t{n_shares} * blockDim.x;
  for (size_t t = share * blockDim.x + threadIdx.x; t < n_keys * n_values; t += step) {
    const size_t key = __ldg(inputs.indices + first_key + t / n_values);
    const unsigned value = __ldg(outputs.indices + first_value + t % n_values);
    atomicOr(halves + key * n_halves + value / kWarp, 1U << (value % kWarp));
  }
}

// ---- reading

// Block b sums kEach * blockDim.x columns for pattern b / n_tiles. The lanes of a warp share each half of a word.
__global__ void __launch_bounds__(kThreads)
    sum_kernel(const unsigned* halves, size_t n_out, UnitLists asked, UnitReading reading, unsigned n_tiles) {
  const size_t q = blockIdx.x / n_tiles, n_halves = halves_for(n_out);
  const size_t first = size_t{blockIdx.x % n_tiles} * kEach * blockDim.x + threadIdx.x;
  const unsigned lane = threadIdx.x % kWarp;
  std::int32_t own[kEach] = {};
  const std::int64_t end = asked.starts[q + 1];
#pragma unroll 4
  for (std::int64_t e = asked.starts[q]; e < end; ++e) {
    const unsigned* const row = halves + size_t{__ldg(asked.indices + e)} * n_halves;
#pragma unroll
    for (unsigned i = 0; i < kEach; ++i) {
      const size_t half = (first + i * blockDim.x) / kWarp;
      if (half < n_halves) own[i] += static_cast<std::int32_t>(__ldg(row + half) >> lane & 1);
    }
  }
  std::int32_t* const sums = reading.sums + row_of(reading.rows, q) * n_out;
#pragma unroll
  for (unsigned i = 0; i < kEach; ++i)
    if (first + i * blockDim.x < n_out) sums[first + i * blockDim.x] = own[i];
}

// How many numbers of a row are above a value, for all threads of the block, which must all call it.
__device__ size_t number_above(const std::int32_t* sums, size_t n, std::int64_t value) {
  unsigned mine = 0;
  for (size_t i = threadIdx.x; i < n; i += blockDim.x) mine += sums[i] > value;
  return static_cast<size_t>(sum_of_block(static_cast<double>(mine)));  // exact: far fewer than 2^53
}

// Sums above a value answer, and so many of those that equal it.
struct Cut {
  std::int64_t value;
  size_t ties;
};

// The cut of so many winners with sums of 1 to `most`. The value is the largest that at least as many reach, or 1.
__device__ Cut cut_of_winners(const std::int32_t* sums, size_t n, std::int64_t most, size_t winners) {
  std::int64_t reached = 1, missed = most + 1;
  while (missed - reached > 1) {
    const std::int64_t middle = reached + (missed - reached) / 2;
    (number_above(sums, n, middle - 1) >= winners ? reached : missed) = middle;
  }
  const size_t above = number_above(sums, n, reached);
  return {reached, winners > above ? winners - above : 0};
}

// How many threads of the block before this one say so, and how many of all. All threads of the block must call it.
__device__ unsigned rank_in_block(bool so, unsigned& total) {
  __shared__ unsigned counts[kWarp];  // of warps
  const unsigned votes = __ballot_sync(kWholeWarp, so), lane = threadIdx.x % kWarp, mine = threadIdx.x / kWarp;
  __syncthreads();  // the numbers before were read
  if (lane == 0) counts[mine] = static_cast<unsigned>(__popc(votes));
  __syncthreads();
  auto before = static_cast<unsigned>(__popc(votes & ((1U << lane) - 1)));
  total = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) {
    if (warp < mine) before += counts[warp];
    total += counts[warp];
  }
  return before;
}

// Puts down which units answer; returns how many of this thread's.
__device__ unsigned answer(const std::int32_t* sums, size_t n, Cut cut, bool* states) {
  unsigned mine = 0;
  size_t seen = 0;
  for (size_t from = 0; from < n; from += blockDim.x) {
    const size_t i = from + threadIdx.x;
    const std::int64_t sum = i < n ? sums[i] : -1;
    bool so = sum > cut.value;
    if (cut.ties != 0) {  // the same for all threads
      unsigned total;
      const unsigned rank = rank_in_block(sum == cut.value, total);
      so = so || (sum == cut.value && seen + rank < cut.ties);
      seen += total;
    }
    if (i < n) states[i] = so;
    mine += so;
  }
  return mine;
}

// A block a pattern.
__global__ void __launch_bounds__(kThreads)
    choose_kernel(size_t n_out, UnitLists asked, UnitReading reading, bool can_stay) {
  const size_t q = blockIdx.x, row = row_of(reading.rows, q);
  const std::int64_t first = asked.starts[q], n_units = asked.starts[q + 1] - first;
  const std::int32_t* const sums = reading.sums + row * n_out;
  bool* const states = reading.states + row * n_out;
  const Cut cut =
      reading.least != nullptr ? Cut{reading.least[q] - 1, 0} : cut_of_winners(sums, n_out, n_units, reading.winners);
  const unsigned mine = answer(sums, n_out, cut, states);
  const auto number = static_cast<std::int64_t>(sum_of_block(static_cast<double>(mine)));
  bool stays = can_stay && number == n_units;
  if (stays) {  // the same for all threads, which the barriers of the sum let see all states
    unsigned kept = 0;
    for (std::int64_t e = threadIdx.x; e < n_units; e += blockDim.x) kept += states[asked.indices[first + e]];
    stays = static_cast<std::int64_t>(sum_of_block(static_cast<double>(kept))) == n_units;
  }
  if (threadIdx.x != 0) return;
  reading.numbers[q] = number;
  reading.stays[q] = stays;
}

// ---- lists

// A warp a row: calls visit(units before these 32, whether this lane's is active, unit) for 32 units at a time, and
// returns how many are active.
template <class Visit>
__device__ __forceinline__ std::int64_t visit_row(const BoolRows& bools, size_t i, Visit visit) {
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned char* const row = bools.values + row_of(bools.rows, i) * bools.stride;
  std::int64_t before = 0;
  for (size_t from = 0; from < bools.n_units; from += kWarp) {
    const size_t unit = from + lane;
    const bool active = unit < bools.n_units && row[unit] != 0;
    const unsigned votes = __ballot_sync(kWholeWarp, active);
    if (active) visit(before + __popc(votes & ((1U << lane) - 1)), unit);
    before += __popc(votes);
  }
  return before;
}

__global__ void count_kernel(BoolRows bools, std::int64_t* numbers) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t i = thread_index() / kWarp; i < bools.n; i += n_warps) {
    const std::int64_t found = visit_row(bools, i, [](std::int64_t, size_t) {});
    if (threadIdx.x % kWarp == 0) numbers[i] = found;
  }
}

__global__ void list_kernel(BoolRows bools, const std::int64_t* starts, std::uint32_t* indices) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t i = thread_index() / kWarp; i < bools.n; i += n_warps) {
    std::uint32_t* const out = indices + starts[i];
    visit_row(bools, i, [out](std::int64_t place, size_t unit) { out[place] = static_cast<std::uint32_t>(unit); });
  }
}

// A number a thread; `came` has a row of cleared bits for each of n rows, the first of which is row `first` of all.
__global__ void check_kernel(const double* rows, size_t n, size_t width, size_t n_units, size_t first, unsigned* came,
                             std::uint32_t* indices, unsigned long long* first_bad) {
  const size_t n_halves = halves_for(n_units);
  for (size_t i = thread_index(); i < n * width; i += size_t{gridDim.x} * blockDim.x) {
    const double value = rows[i];
    bool bad = !(value >= 0 && value < static_cast<double>(n_units));
    const unsigned unit = bad ? 0 : static_cast<unsigned>(value);
    indices[i] = unit;
    if (!bad) {
      const unsigned bit = 1U << (unit % kWarp);
      bad = (atomicOr(came + i / width * n_halves + unit / kWarp, bit) & bit) != 0;
    }
    if (bad) atomicMin(first_bad, static_cast<unsigned long long>(first + i / width));
  }
}

unsigned* halves_of(Synapses synapses) { return reinterpret_cast<unsigned*>(synapses.words); }

}  // namespace

void set_synapses(Place place, Synapses synapses, UnitLists inputs, UnitLists outputs, size_t most) {
  if (inputs.n == 0 || most == 0) return;
  const OnDevice on(place.device);
  const unsigned threads = threads_for(most);
  const size_t each = size_t{kEach} * threads, room = 0x7FFFFFFF / inputs.n;
  const auto n_shares =
      static_cast<unsigned>(std::clamp<size_t>((most + each - 1) / each, 1, std::min<size_t>(room, 4096)));
  launch(place, {static_cast<unsigned>(inputs.n * n_shares), threads}, set_kernel, halves_of(synapses),
         halves_for(synapses.n_out), inputs, outputs, n_shares);
}

void read_synapses(Place place, Synapses synapses, UnitLists asked, UnitReading reading) {
  const OnDevice on(place.device);
  const unsigned threads = threads_for(synapses.n_out);
  const size_t each = size_t{kEach} * threads;
  const auto n_tiles = static_cast<unsigned>((synapses.n_out + each - 1) / each);
  launch(place, {static_cast<unsigned>(asked.n * n_tiles), threads}, sum_kernel,
         static_cast<const unsigned*>(halves_of(synapses)), synapses.n_out, asked, reading, n_tiles);
  launch(place, {static_cast<unsigned>(asked.n), threads}, choose_kernel, synapses.n_out, asked, reading,
         synapses.n_in == synapses.n_out);
}

void count_units(Place place, BoolRows bools, std::int64_t* numbers) {
  const OnDevice on(place.device);
  launch(place, grid_for(bools.n * kWarp), count_kernel, bools, numbers);
}

void list_units(Place place, BoolRows bools, const std::int64_t* starts, std::uint32_t* indices) {
  const OnDevice on(place.device);
  launch(place, grid_for(bools.n * kWarp), list_kernel, bools, starts, indices);
}

size_t checked_units(Place place, const double* rows, size_t n, size_t width, size_t n_units, std::uint32_t* indices) {
  if (n * width == 0) return n;
  const OnDevice on(place.device);
  const size_t n_bytes = halves_for(n_units) * sizeof(unsigned);
  const size_t step = std::clamp<size_t>(kPieceBytes / n_bytes, 1, n);
  const FirstBad bad(place);
  const Scratch<unsigned> came(place, step * n_bytes / sizeof(unsigned));
  for (size_t first = 0; first < n; first += step) {
    const size_t some = std::min(step, n - first);
    clear(place, came.data(), some * n_bytes);
    launch(place, grid_for(some * width), check_kernel, rows + first * width, some, width, n_units, first, came.data(),
           indices + first * width, bad.data());
  }
  return static_cast<size_t>(std::min<uint64_t>(bad.wait(), n));
}

}  // namespace hypersketch::cuda
