// SPDX-License-Identifier: Apache-2.0
// A block a problem, for as many sweeps as it is given. Inner products: some lanes of a warp a codeword, which share
// its words. Sums: a thread has 32 entries side by side and every second codeword, or fewer; a codeword of weight 0 is
// passed over, which with a threshold most are. Bottleneck: 32 additions for each half word of a codeword, some 20 us a
// factor of 322 codewords of 4,096 entries, and as many problems at once as the GPU has room for blocks. What a problem
// knows is a few vectors in the caches.
#include "hypersketch/layout.hpp"
#include "hypersketch/views.hpp"
#include "packed.cuh"
#include "resonator.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kMostLanes = 128;  // half words that a block has at once
constexpr unsigned kHalf = 32;        // bits
constexpr unsigned kPitch = kHalf + 1;
constexpr size_t kNumbers = 3;

enum Number : size_t { kDone, kSeenAt, kSweep };

template <class Sum>
struct BlockMemory {
  Sum sums[kMostLanes * kPitch];
  Sum total;
  unsigned long long best[kThreads];
  unsigned changed;
};

// The vectors of one problem.
template <class Sum>
class Network {
 public:
  __device__ Network(const ResonatorProblems& problems, const ResonatorRules& rules, const ResonatorState& state,
                     const ResonatorAnswers& answers, size_t i, BlockMemory<Sum>& shared)
      : problems_(problems),
        rules_(rules),
        shape_(problems.dim),
        shared_(shared),
        books_(problems.books + (problems.n_sets == 1 ? 0 : i) * problems.n_codewords * shape_.n_words),
        probe_(problems.probes + i * shape_.n_words),
        state_(state.vectors + i * (3 * problems.n_factors + 1) * shape_.n_words),
        next_(state_ + problems.n_factors * shape_.n_words),
        seen_(next_ + problems.n_factors * shape_.n_words),
        rest_(seen_ + problems.n_factors * shape_.n_words),
        weights_(state.weights + i * problems.largest),
        codewords_(answers.codewords + i * problems.n_factors),
        stream_(stream_start(seed_word(problems.seeds[i], Purpose::kResonator), problems.hashes[i])) {}

  // One sweep over all factors, the sweep-th. Returns whether it changed the state.
  __device__ bool step(std::int64_t sweep) {
    if (threadIdx.x == 0) shared_.changed = 0;
    size_t first = 0;
    for (size_t f = 0; f < problems_.n_factors; ++f) {
      const auto size = static_cast<size_t>(problems_.sizes[f]);
      others(f);
      __syncthreads();
      weigh(first, size, static_cast<uint64_t>(sweep - 1) * problems_.n_codewords + first);
      choose(f);
      clean(f, first, size);
      first += size;
      __syncthreads();
    }
    if (rules_.synchronous)
      for (size_t j = threadIdx.x; j < problems_.n_factors * shape_.n_words; j += blockDim.x) state_[j] = next_[j];
    __syncthreads();
    return shared_.changed != 0;
  }

  // Inner product of the probe and the product of the codewords.
  __device__ std::int64_t product() {
    unsigned long long ones = 0;
    for (size_t j = threadIdx.x; j < shape_.n_words; j += blockDim.x) {
      uint64_t word = probe_[j];
      size_t first = 0;
      for (size_t f = 0; f < problems_.n_factors; ++f) {
        word ^= books_[(first + static_cast<size_t>(codewords_[f])) * shape_.n_words + j];
        first += static_cast<size_t>(problems_.sizes[f]);
      }
      ones += count_ones(word);
    }
    const auto differing = static_cast<std::int64_t>(block_result(ones, [](auto a, auto b) { return a + b; }));
    return static_cast<std::int64_t>(shape_.dim) - 2 * differing;
  }

  __device__ bool came_back() {
    unsigned long long differs = 0;
    for (size_t j = threadIdx.x; j < problems_.n_factors * shape_.n_words; j += blockDim.x)
      differs |= state_[j] ^ seen_[j];
    return block_result(differs, [](auto a, auto b) { return a | b; }) == 0;
  }

  __device__ void look() {
    for (size_t j = threadIdx.x; j < problems_.n_factors * shape_.n_words; j += blockDim.x) seen_[j] = state_[j];
    __syncthreads();
  }

 private:
  template <class Join>
  __device__ unsigned long long block_result(unsigned long long mine, Join join) {
    shared_.best[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned half = kThreads / 2; half > 0; half /= 2) {
      if (threadIdx.x < half)
        shared_.best[threadIdx.x] = join(shared_.best[threadIdx.x], shared_.best[threadIdx.x + half]);
      __syncthreads();
    }
    const unsigned long long result = shared_.best[0];
    __syncthreads();
    return result;
  }

  // The probe without the estimates of all factors but f.
  __device__ void others(size_t f) {
    for (size_t j = threadIdx.x; j < shape_.n_words; j += blockDim.x) {
      uint64_t word = probe_[j];
      for (size_t g = 0; g < problems_.n_factors; ++g)
        if (g != f) word ^= state_[g * shape_.n_words + j];
      rest_[j] = word;
    }
  }

  // Weights of the codewords from `first` on, and in `best_` the one most alike before noise, of equals the first.
  __device__ void weigh(size_t first, size_t size, uint64_t drawn) {
    unsigned width = 1;  // lanes a codeword
    while (width < kWarp && width < shape_.n_words) width *= 2;
    const unsigned lane = threadIdx.x % width, each = blockDim.x / width;
    best_ = 0;
    for (size_t begin = 0; begin < size; begin += each) {
      const size_t i = begin + threadIdx.x / width;
      int ones = 0;
      if (i < size)
        for (size_t j = lane; j < shape_.n_words; j += width)
          ones += __popcll(__ldg(books_ + (first + i) * shape_.n_words + j) ^ rest_[j]);
      for (unsigned half = width / 2; half > 0; half /= 2) ones += __shfl_xor_sync(kWholeWarp, ones, half);
      if (i >= size || lane != 0) continue;
      const std::int32_t weight = static_cast<std::int32_t>(shape_.dim) - 2 * ones;
      const auto magnitude = static_cast<unsigned long long>(weight < 0 ? -weight : weight);
      const unsigned long long key = magnitude << 32 | (0xFFFFFFFFULL - i);
      best_ = key > best_ ? key : best_;
      weights_[i] = shaken(weight, 4 * (drawn + i));
    }
  }

  // With noise and threshold. `drawn` random words of the problem came before.
  __device__ std::int32_t shaken(std::int32_t weight, uint64_t drawn) const {
    if (rules_.noise != 0) {
      std::int64_t ones = 0;
      for (unsigned k = 0; k < 4; ++k) ones += static_cast<std::int64_t>(count_ones(random_word(stream_, drawn + k)));
      const std::int64_t value = weight + (((ones - 128) * rules_.noise + (1 << 15)) >> 16), most = kMaxWeighed;
      weight = static_cast<std::int32_t>(value < -most ? -most : value > most ? most : value);
    }
    return (weight < 0 ? -weight : weight) < rules_.threshold ? 0 : weight;
  }

  __device__ void choose(size_t f) {
    const unsigned long long best = block_result(best_, [](auto a, auto b) { return a > b ? a : b; });
    if (threadIdx.x == 0) codewords_[f] = static_cast<std::int64_t>(0xFFFFFFFFULL - (best & 0xFFFFFFFFULL));
  }

  // The estimate becomes the signs of the sum of weighted codewords; entries whose sum is 0 stay.
  __device__ void clean(size_t f, size_t first, size_t size) {
    const size_t n_halves = 2 * shape_.n_words;
    unsigned lanes = 1;
    while (lanes < kMostLanes && lanes < n_halves) lanes *= 2;
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (size_t tile = 0; tile < n_halves; tile += lanes) {
      for (unsigned k = threadIdx.x; k < lanes * kPitch; k += blockDim.x) shared_.sums[k] = 0;
      if (threadIdx.x == 0) shared_.total = 0;
      __syncthreads();
      if (tile + lane < n_halves) add_codewords(first, size, tile, lane, group, groups);
      __syncthreads();
      decide(f, tile, lanes);
      __syncthreads();
    }
  }

  __device__ void add_codewords(size_t first, size_t size, size_t tile, unsigned lane, unsigned group,
                                unsigned groups) {
    const auto* const halves = reinterpret_cast<const std::uint32_t*>(books_ + first * shape_.n_words) + tile + lane;
    Sum sums[kHalf], total = 0;
#pragma unroll
    for (unsigned b = 0; b < kHalf; ++b) sums[b] = 0;
    for (size_t i = group; i < size; i += groups) {
      const Sum weight = weights_[i];
      if (weight == 0) continue;
      const std::uint32_t bits = __ldg(halves + i * 2 * shape_.n_words);
      total += weight;
#pragma unroll
      for (unsigned b = 0; b < kHalf; ++b) sums[b] += (bits >> b & 1) != 0 ? weight : Sum{0};
    }
#pragma unroll
    for (unsigned b = 0; b < kHalf; ++b) add_shared(&shared_.sums[lane * kPitch + b], sums[b]);
    if (lane == 0) add_shared(&shared_.total, total);
  }

  __device__ static void add_shared(Sum* to, Sum value) {
    if constexpr (sizeof(Sum) == 8)
      atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
    else
      atomicAdd(to, value);
  }

  // A warp makes half a word.
  __device__ void decide(size_t f, size_t tile, unsigned lanes) {
    auto* const before = reinterpret_cast<std::uint32_t*>(state_ + f * shape_.n_words);
    auto* const after = rules_.synchronous ? reinterpret_cast<std::uint32_t*>(next_ + f * shape_.n_words) : before;
    const unsigned bit = threadIdx.x % kWarp;
    for (unsigned h = threadIdx.x / kWarp; h < lanes && tile + h < 2 * shape_.n_words; h += blockDim.x / kWarp) {
      const size_t half = tile + h;
      const bool inside = half * kHalf + bit < shape_.dim;
      const Sum sum = shared_.total - 2 * shared_.sums[h * kPitch + bit];
      const unsigned negative = __ballot_sync(kWholeWarp, inside && sum < 0);
      const unsigned zero = __ballot_sync(kWholeWarp, inside && sum == 0);
      if (bit != 0) continue;
      const std::uint32_t old = before[half], made = negative | (zero & old);
      if (made != old) atomicOr(&shared_.changed, 1U);
      after[half] = made;
    }
  }

  const ResonatorProblems& problems_;
  const ResonatorRules& rules_;
  PackedShape shape_;
  BlockMemory<Sum>& shared_;
  const uint64_t* books_;
  const uint64_t* probe_;
  uint64_t *state_, *next_, *seen_, *rest_;
  std::int32_t* weights_;
  std::int64_t* codewords_;
  uint64_t stream_;
  unsigned long long best_ = 0;
};

template <class Sum>
__global__ void __launch_bounds__(kThreads)
    sweep_on(ResonatorProblems problems, ResonatorRules rules, ResonatorState state, ResonatorAnswers answers,
             std::int64_t n_sweeps, unsigned long long* n_running) {
  __shared__ BlockMemory<Sum> shared;
  const size_t i = blockIdx.x;
  std::int64_t* const numbers = state.numbers + i * kNumbers;
  if (numbers[kDone] != 0) return;
  Network<Sum> network(problems, rules, state, answers, i, shared);
  std::int64_t sweep = numbers[kSweep], seen_at = numbers[kSeenAt], product = 0, period = 0;
  bool done = false;
  __syncthreads();
  for (std::int64_t k = 0; k < n_sweeps && !done; ++k) {
    ++sweep;
    const bool changed = network.step(sweep);
    product = network.product();
    done = product >= rules.accept || -product >= rules.accept;
    if (!done && rules.noise == 0) {
      period = !changed ? 1 : network.came_back() ? sweep - seen_at : 0;
      done = period != 0;
    }
    if (!done && sweep == rules.budget) done = true;
    if (!done && sweep == 2 * seen_at + 1) {  // Brent's way to find a cycle: look back at ever longer distances
      network.look();
      seen_at = sweep;
    }
  }
  if (threadIdx.x != 0) return;
  numbers[kDone] = done ? 1 : 0, numbers[kSeenAt] = seen_at, numbers[kSweep] = sweep;
  answers.products[i] = product, answers.sweeps[i] = sweep, answers.periods[i] = period;
  if (!done) atomicAdd(n_running, 1ULL);
}

// States, and those seen, are the first estimates.
__global__ void __launch_bounds__(kThreads) begin(ResonatorProblems problems, ResonatorState state) {
  const size_t size = problems.n_factors * words_for(problems.dim), rows = 3 * size + words_for(problems.dim);
  for (size_t k = thread_index(); k < problems.n * size; k += size_t{gridDim.x} * blockDim.x) {
    const size_t i = k / size, j = k - i * size;
    const uint64_t word = problems.starts[(problems.n_sets == 1 ? 0 : i * size) + j];
    state.vectors[i * rows + j] = state.vectors[i * rows + 2 * size + j] = word;
  }
}

// Whether sums of weights may leave int32.
bool are_wide(const ResonatorProblems& problems, const ResonatorRules& rules) {
  const double most = std::min(static_cast<double>(kMaxWeighed),
                               static_cast<double>(problems.dim) + static_cast<double>(rules.noise) / 512 + 1);
  return 3 * most * static_cast<double>(problems.largest) >= 2147483648.0;
}

}  // namespace

void begin_resonance(Place place, const ResonatorProblems& problems, ResonatorState state, ResonatorAnswers answers) {
  const OnDevice on(place.device);
  clear(place, state.numbers, problems.n * kNumbers * sizeof(std::int64_t));
  clear(place, answers.codewords, problems.n * problems.n_factors * sizeof(std::int64_t));
  launch(place, grid_for(problems.n * problems.n_factors * words_for(problems.dim)), begin, problems, state);
}

size_t resonate(Place place, const ResonatorProblems& problems, ResonatorRules rules, ResonatorState state,
                ResonatorAnswers answers, std::int64_t n_sweeps) {
  const OnDevice on(place.device);
  const Scratch<unsigned long long> running(place, 1);
  clear(place, running.data(), sizeof(unsigned long long));
  auto* const kernel = are_wide(problems, rules) ? sweep_on<std::int64_t> : sweep_on<std::int32_t>;
  launch(place, {static_cast<unsigned>(problems.n)}, kernel, problems, rules, state, answers, n_sweeps, running.data());
  unsigned long long count = 0;
  copy_to_host(place, &count, running.data(), sizeof count);
  return static_cast<size_t>(count);
}

}  // namespace hypersketch::cuda
