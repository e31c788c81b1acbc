// SPDX-License-Identifier: Apache-2.0
// Vectors of integers below a modulus: atoms, counters of every value of every entry, what stands for them, and
// comparisons with atoms, which are made where they are used.
//
// A half word of 32 bits times the modulus, without the lower 32 bits, is a digit, so a word of a key's stream has two.
// A block counts a few words' digits of a share of the items in shared memory, where there is room for all values, and
// adds what it has to the counters. Bottleneck: two random words' multiplications a word of an atom, and two additions.
#include "digits.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWarps = kThreads / kWarp;

// Digit d of the atom whose stream starts here.
__device__ __forceinline__ std::uint32_t digit_at(uint64_t start, size_t d, std::uint32_t modulus) {
  return digit_of(atom_word(start, d / 2) >> (d % 2 * 32) & 0xFFFFFFFFU, modulus);
}

// ---- atoms

__global__ void __launch_bounds__(kThreads)
    write_digits(const uint64_t* hashes, size_t n, DigitSpace space, uint64_t word_of_seed, std::uint16_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x, n_words = (space.width + 1) / 2;
  for (size_t i = thread_index(); i < n * n_words; i += step) {
    const size_t row = i / n_words, k = i - row * n_words;
    const TwoDigits made = digits_of(atom_word(stream_start(word_of_seed, hashes[row]), k), space.modulus);
    std::uint16_t* const to = out + row * space.width + 2 * k;
    to[0] = static_cast<std::uint16_t>(made.first);
    if (2 * k + 1 < space.width) to[1] = static_cast<std::uint16_t>(made.second);
  }
}

__global__ void __launch_bounds__(kThreads)
    look_for_large(const std::uint16_t* digits, size_t n, std::uint32_t modulus, unsigned* found) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n; i += step) mine |= digits[i] >= modulus;
  if (mine) atomicOr(found, 1U);
}

// ---- counters: an item is what threads share of it, and has two digits a word

struct Atoms {
  const uint64_t* hashes;
  uint64_t word_of_seed;
  std::uint32_t modulus;

  __device__ uint64_t item(size_t i) const { return stream_start(word_of_seed, hashes[i]); }
  __device__ TwoDigits at(uint64_t start, size_t k) const { return digits_of(atom_word(start, k), modulus); }
};

struct Products {
  Atoms atoms;
  const uint64_t* others;

  struct Starts {
    uint64_t a;
    uint64_t b;
  };
  __device__ Starts item(size_t i) const { return {atoms.item(i), stream_start(atoms.word_of_seed, others[i])}; }
  __device__ TwoDigits at(Starts starts, size_t k) const {
    const TwoDigits a = atoms.at(starts.a, k), b = atoms.at(starts.b, k);
    return {sum_modulo(a.first, b.first, atoms.modulus), sum_modulo(a.second, b.second, atoms.modulus)};
  }
};

struct Stored {
  const std::uint16_t* rows;
  size_t width;

  __device__ const std::uint16_t* item(size_t i) const { return rows + i * width; }
  __device__ TwoDigits at(const std::uint16_t* row, size_t k) const {
    return {row[2 * k], 2 * k + 1 < width ? row[2 * k + 1] : std::uint32_t{0}};
  }
};

// How blocks share entries and items, and threads of a block: `lanes` words side by side, and the rest other items.
struct Team {
  unsigned lanes;
  bool shared;   // whether a block counts for itself before it adds to the counters
  size_t tiles;  // of the words
  size_t each;   // items of a share
};

template <class Source>
__global__ void __launch_bounds__(kThreads) count_digits(Source source, size_t n, DigitSpace space,
                                                         CountedWeights weights, Team team, std::uint32_t* counters) {
  const size_t tile = blockIdx.x % team.tiles, first_word = tile * team.lanes;
  const unsigned lane = threadIdx.x % team.lanes, groups = blockDim.x / team.lanes;
  const size_t k = first_word + lane, first = blockIdx.x / team.tiles * team.each;
  const size_t last = first + team.each < n ? first + team.each : n;
  const size_t entries = space.width - 2 * first_word;
  const size_t n_cells = (entries < 2 * team.lanes ? entries : 2 * team.lanes) * space.modulus;
  std::uint32_t* const target = counters + 2 * first_word * space.modulus;
  std::uint32_t* const cells = team.shared ? shared_memory<std::uint32_t>() : target;
  if (team.shared) {
    for (size_t c = threadIdx.x; c < n_cells; c += blockDim.x) cells[c] = 0;
    __syncthreads();
  }
  if (2 * k < space.width) {
    std::uint32_t* const mine = cells + size_t{2} * lane * space.modulus;
    for (size_t i = first + threadIdx.x / team.lanes; i < last; i += groups) {
      const std::uint32_t weight = weights.each == nullptr ? 1U : static_cast<std::uint32_t>(weights.each[i]);
      const std::uint32_t change = weights.subtract ? 0U - weight : weight;
      const TwoDigits digits = source.at(source.item(i), k);
      atomicAdd(mine + digits.first, change);
      if (2 * k + 1 < space.width) atomicAdd(mine + space.modulus + digits.second, change);
    }
  }
  if (!team.shared) return;
  __syncthreads();
  for (size_t c = threadIdx.x; c < n_cells; c += blockDim.x)
    if (cells[c] != 0) atomicAdd(target + c, cells[c]);
}

constexpr size_t kSharedCells = size_t{8} << 10;  // of a block: 32 KiB, so that several run beside each other
constexpr unsigned kLanes = 32;

Team team_for(size_t n, DigitSpace space, int device) {
  Team team{kLanes, n >= space.modulus && 2 * space.modulus <= kSharedCells, 0, 0};
  while (team.shared && 2 * team.lanes * space.modulus > kSharedCells) team.lanes /= 2;
  team.tiles = (space.n_words() + team.lanes - 1) / team.lanes;
  // As many shares as keep the processors busy for several rounds, each worth the additions at its end.
  const auto processors = static_cast<size_t>(device_attribute(device, cudaDevAttrMultiProcessorCount));
  const size_t wanted = 16 * processors / team.tiles + 1;
  const size_t least = std::max<size_t>(kThreads / team.lanes, team.shared ? space.modulus : 1);
  team.each = std::max(least, (n + wanted - 1) / wanted);
  return team;
}

template <class Source>
void add_digits(Place place, Source source, size_t n, DigitSpace space, CountedWeights weights,
                std::int32_t* counters) {
  if (n == 0) return;
  const OnDevice on(place.device);
  const Team team = team_for(n, space, place.device);
  const size_t blocks = team.tiles * ((n + team.each - 1) / team.each);
  const size_t bytes = team.shared ? 2 * team.lanes * space.modulus * sizeof(std::uint32_t) : 0;
  launch(place, Grid{static_cast<unsigned>(blocks), kThreads, bytes}, count_digits<Source>, source, n, space, weights,
         team, reinterpret_cast<std::uint32_t*>(counters));
}

// ---- what stands for counters: a warp has an entry

__global__ void __launch_bounds__(kThreads)
    find_modes(DigitCounts counts, DigitSpace space, uint64_t start_of_offsets, std::uint16_t* out) {
  const unsigned lane = threadIdx.x % kWarp, modulus = space.modulus;
  for (size_t d = thread_index() / kWarp; d < counts.n * space.width; d += size_t{gridDim.x} * kWarps) {
    const std::int32_t* const counters = counts.counters + d * modulus;
    const std::uint32_t offset = digit_at(start_of_offsets, d % space.width, modulus);
    // One number says both: the count, and of equal counts how soon its value comes.
    std::int64_t best = INT64_MIN;
    for (std::uint32_t v = lane; v < modulus; v += kWarp) {
      const std::uint32_t late = v >= offset ? v - offset : v + modulus - offset;
      const std::int64_t mine = std::int64_t{counters[v]} * modulus - late;
      best = mine > best ? mine : best;
    }
    for (int half = kWarp / 2; half > 0; half /= 2) {
      const std::int64_t theirs = __shfl_xor_sync(kWholeWarp, best, half);
      best = theirs > best ? theirs : best;
    }
    if (lane != 0) continue;
    const std::int64_t rest = -best % modulus;
    const auto late = static_cast<std::uint32_t>(rest < 0 ? rest + modulus : rest);
    out[d] = static_cast<std::uint16_t>(sum_modulo(late, offset, modulus));
  }
}

// The step nearest to the direction of a sum; of two equally near ones the one an even number of steps from 0, the
// shorter way round.
__device__ std::uint32_t nearest_step(double x, double y, std::uint32_t modulus) {
  constexpr double kTau = 6.283185307179586;
  double place = __dmul_rn(atan2(y, x), __ddiv_rn(double(modulus), kTau));
  // Halfway is where it is but for rounding errors of sums, whose order of terms must not decide.
  const double halves = rint(__dmul_rn(2.0, place));
  if (fabs(__dsub_rn(__dmul_rn(2.0, place), halves)) < 1e-6) place = halves / 2.0;
  if (2.0 * place == -double(modulus)) place = -place;  // half around, of which a rounding error chose the side
  const std::int64_t step = static_cast<std::int64_t>(rint(place)) % modulus;
  return static_cast<std::uint32_t>(step < 0 ? step + modulus : step);
}

__global__ void __launch_bounds__(kThreads)
    find_directions(DigitCounts counts, DigitSpace space, uint64_t start_of_offsets, const double* directions,
                    std::uint16_t* out) {
  const unsigned lane = threadIdx.x % kWarp, modulus = space.modulus;
  for (size_t d = thread_index() / kWarp; d < counts.n * space.width; d += size_t{gridDim.x} * kWarps) {
    const std::int32_t* const counters = counts.counters + d * modulus;
    double x = 0, y = 0, size = 0;
    for (std::uint32_t v = lane; v < modulus; v += kWarp) {
      const double count = counters[v];
      x = __dadd_rn(x, __dmul_rn(count, directions[2 * v]));
      y = __dadd_rn(y, __dmul_rn(count, directions[2 * v + 1]));
      size += fabs(count);  // exact
    }
    x = sum_of_warp(x), y = sum_of_warp(y), size = sum_of_warp(size);
    if (lane != 0) continue;
    // What cancels is left with rounding errors far below a single vector's length.
    const bool has_direction = hypot(x, y) > 1e-9 * fmax(1.0, size);
    const std::uint32_t step =
        has_direction ? nearest_step(x, y, modulus) : digit_at(start_of_offsets, d % space.width, modulus);
    out[d] = static_cast<std::uint16_t>(step);
  }
}

// ---- comparisons: a warp has a key

template <bool kCircle>
__global__ void __launch_bounds__(kThreads) score_digits(const std::uint16_t* vector, const uint64_t* hashes, size_t n,
                                                         DigitSpace space, uint64_t word_of_seed, double* out) {
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n; i += size_t{gridDim.x} * kWarps) {
    const uint64_t start = stream_start(word_of_seed, hashes[i]);
    std::int64_t sum = 0;
    for (size_t k = lane; 2 * k < space.width; k += kWarp) {
      const TwoDigits digits = digits_of(atom_word(start, k), space.modulus);
      sum += compared<kCircle>(digits.first, vector[2 * k], space.modulus);
      if (2 * k + 1 < space.width) sum += compared<kCircle>(digits.second, vector[2 * k + 1], space.modulus);
    }
    sum = sum_of_warp(sum);
    if (lane != 0) continue;
    out[i] = likeness<kCircle>(sum, space);
  }
}

Atoms atoms_of(const uint64_t* hashes, DigitSpace space) {
  return {hashes, seed_word(space.seed, Purpose::kAtom), space.modulus};
}

}  // namespace

void digit_atoms(Place place, const uint64_t* hashes, size_t n, DigitSpace space, std::uint16_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * space.n_words()), write_digits, hashes, n, space, seed_word(space.seed, Purpose::kAtom),
         out);
}

bool any_not_below(Place place, const std::uint16_t* digits, size_t n, std::uint32_t modulus) {
  const OnDevice on(place.device);
  const Alarm found(place, n > 0 && modulus < 65536);
  if (found.data() != nullptr) launch(place, grid_for(n, 4), look_for_large, digits, n, modulus, found.data());
  return !found.silent();
}

void add_digit_atoms(Place place, const uint64_t* hashes, const uint64_t* others, size_t n, DigitSpace space,
                     CountedWeights weights, std::int32_t* counters) {
  const Atoms atoms = atoms_of(hashes, space);
  if (others == nullptr)
    add_digits(place, atoms, n, space, weights, counters);
  else
    add_digits(place, Products{atoms, others}, n, space, weights, counters);
}

void add_digit_rows(Place place, const std::uint16_t* rows, size_t n, DigitSpace space, CountedWeights weights,
                    std::int32_t* counters) {
  add_digits(place, Stored{rows, space.width}, n, space, weights, counters);
}

void most_frequent(Place place, DigitCounts counts, DigitSpace space, std::uint16_t* out) {
  const OnDevice on(place.device);
  const uint64_t start = stream_start(seed_word(space.seed, Purpose::kAtom), counts.hash_of_offsets);
  launch(place, grid_for(counts.n * space.width * kWarp), find_modes, counts, space, start, out);
}

void nearest_directions(Place place, DigitCounts counts, DigitSpace space, const double* directions,
                        std::uint16_t* out) {
  const OnDevice on(place.device);
  const uint64_t start = stream_start(seed_word(space.seed, Purpose::kAtom), counts.hash_of_offsets);
  launch(place, grid_for(counts.n * space.width * kWarp), find_directions, counts, space, start, directions, out);
}

void score_digit_atoms(Place place, const std::uint16_t* vector, const uint64_t* hashes, size_t n, DigitSpace space,
                       bool circle, double* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * kWarp), circle ? score_digits<true> : score_digits<false>, vector, hashes, n, space,
         seed_word(space.seed, Purpose::kAtom), out);
}

}  // namespace hypersketch::cuda
