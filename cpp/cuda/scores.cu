// SPDX-License-Identifier: Apache-2.0
// Inner products of a bundle with atoms, products of atoms and packed vectors. Counters are turned into bit planes
// first, so that a word meets 64 of them with a population count a plane; a warp takes four items through all words.
// What is packed or quantized is planes already. Integers all the way: the same scores as on the CPU. Bottleneck:
// population counts, 16 a clock and processor.
#include "counter.cuh"
#include "items.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kItems = 4;  // of a warp at a time: a plane's word is loaded once for them

// Plane p, word j at words[p * n_words + j]. A score is constant() less twice what the words' values add up to.
struct Planes {
  const uint64_t* words;
  unsigned n;
  PackedShape shape;
};

// Counters in two's complement: the last plane is that of the sign. The constant is the sum of the counters.
struct CounterPlanes : Planes {
  const unsigned long long* total;
  __device__ __forceinline__ std::int64_t value(unsigned p, uint64_t plane, uint64_t word) const {
    const auto sum = static_cast<std::int64_t>(count_ones(plane & word)) << p;
    return p + 1 == n ? -sum : sum;
  }
  __device__ __forceinline__ std::int64_t constant() const { return static_cast<std::int64_t>(*total); }
};

// A counter is the sum over p of 2^p times a sign, and each plane a packed vector of signs.
struct SignPlanes : Planes {
  __device__ __forceinline__ std::int64_t value(unsigned p, uint64_t plane, uint64_t word) const {
    return static_cast<std::int64_t>(count_ones(plane ^ word)) << p;
  }
  __device__ __forceinline__ std::int64_t constant() const {
    return ((std::int64_t{1} << n) - 1) * static_cast<std::int64_t>(shape.dim);
  }
};

// A warp makes half a word of every plane.
__global__ void __launch_bounds__(kThreads)
    slice_counters(const std::int32_t* counters, PackedShape shape, unsigned n_planes, std::uint32_t* out) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t half = thread_index() / kWarp, d = half * kWarp + lane;
  if (half >= 2 * shape.n_words) return;
  const auto counter = static_cast<std::uint32_t>(d < shape.dim ? counters[d] : 0);
  for (unsigned p = 0; p < n_planes; ++p) {
    const unsigned bits = __ballot_sync(kWholeWarp, static_cast<int>(counter >> p & 1));
    if (lane == 0) out[p * 2 * shape.n_words + half] = bits;
  }
}

// What the planes would score with a vector of set bits, whose half-sum all scores begin with.
__global__ void __launch_bounds__(kThreads) sum_planes(CounterPlanes planes, unsigned long long* total) {
  const size_t i = thread_index(), p = i / planes.shape.n_words;
  std::int64_t mine = 0;
  if (p < planes.n) mine = planes.value(static_cast<unsigned>(p), planes.words[i], ~uint64_t{0});
  add_to_counter(total, static_cast<unsigned long long>(mine));
}

// Four blocks of a processor: with the registers of more it spills.
template <class Items, class Sliced>
__global__ void __launch_bounds__(kThreads, 4) score(Items items, size_t n, Sliced planes, double* out) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t first = thread_index() / kWarp * kItems;
  if (first >= n) return;
  std::int64_t sums[kItems] = {};
  for (size_t j = lane; j < planes.shape.n_words; j += kWarp) {
    uint64_t words[kItems];
#pragma unroll
    for (unsigned k = 0; k < kItems; ++k) words[k] = first + k < n ? items.word(first + k, j) : 0;
    for (unsigned p = 0; p < planes.n; ++p) {
      const uint64_t plane = __ldg(planes.words + p * planes.shape.n_words + j);
#pragma unroll
      for (unsigned k = 0; k < kItems; ++k) sums[k] += planes.value(p, plane, words[k]);
    }
  }
  std::int64_t mine = 0;  // of lane k: the sum of item k
#pragma unroll
  for (unsigned k = 0; k < kItems; ++k) {
    const std::int64_t sum = sum_of_warp(sums[k]);
    if (lane == k) mine = sum;
  }
  if (lane < kItems && first + lane < n) out[first + lane] = static_cast<double>(planes.constant() - 2 * mine);
}

// Apart from what makes scores: a division takes the registers of its rare cases.
__global__ void __launch_bounds__(kThreads) read_as(double* numbers, size_t n, Reading reading) {
  const size_t i = thread_index();
  if (i < n) numbers[i] = numbers[i] * reading.factor / reading.divisor;
}

__global__ void __launch_bounds__(kThreads) reach(const double* numbers, size_t n, double limit, std::uint8_t* out) {
  const size_t i = thread_index();
  if (i < n) out[i] = numbers[i] >= limit ? 1 : 0;
}

unsigned bit_width(uint64_t x) {
  unsigned width = 0;
  for (; x != 0; x >>= 1) ++width;
  return width;
}

// Waits where it must look at counters.
unsigned planes_of(Place place, BundleView bundle) {
  const Extremes<std::int32_t> found = extremes(place, bundle.counters, bundle.dim);
  const std::int32_t magnitude = std::max(found.most, ~found.least);
  return bit_width(static_cast<uint64_t>(std::max(magnitude, 0))) + 1;
}

// The planes of counters, and their sum.
class Sliced {
 public:
  Sliced(Place place, BundleView bundle, unsigned n_planes)
      : shape_(bundle.dim), n_(n_planes), words_(place, n_planes * shape_.n_words), total_(place) {
    launch(place, grid_for(2 * shape_.n_words * kWarp), slice_counters, bundle.counters, shape_, n_,
           reinterpret_cast<std::uint32_t*>(words_.data()));
    launch(place, grid_for(n_ * shape_.n_words), sum_planes, planes(), total_.data());
  }
  CounterPlanes planes() const { return {{words_.data(), n_, shape_}, total_.data()}; }

 private:
  PackedShape shape_;
  unsigned n_;
  Scratch<uint64_t> words_;
  Counter total_;
};

template <class Items>
void score_all(Place place, BundleView bundle, const Items& items, size_t n, double* out) {
  const Grid grid = grid_for((n + kItems - 1) / kItems * kWarp);
  if (bundle.counters != nullptr) {
    const Sliced sliced(place, bundle, planes_of(place, bundle));
    launch(place, grid, score<Items, CounterPlanes>, items, n, sliced.planes(), out);
  } else {
    const SignPlanes planes{{bundle.planes, bundle.n_planes, PackedShape(bundle.dim)}};
    launch(place, grid, score<Items, SignPlanes>, items, n, planes, out);
  }
  launch(place, grid_for(n), read_as, out, n, bundle.reading);
}

}  // namespace

void score_keys(Place place, BundleView bundle, KeyProducts items, double* out) {
  if (items.keys.n == 0) return;
  const OnDevice on(place.device);
  const ProductStarts starts(place, items);
  score_all(place, bundle, starts.products(bundle.dim), items.keys.n, out);
}

void score_rows(Place place, BundleView bundle, PackedRows rows, double* out) {
  if (rows.n == 0) return;
  const OnDevice on(place.device);
  score_all(place, bundle, StoredRows{rows.words, words_for(bundle.dim)}, rows.n, out);
}

void divide_numbers(Place place, double* numbers, size_t n, double divisor) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), read_as, numbers, n, Reading{1.0, divisor});
}

void reach_limit(Place place, const double* numbers, size_t n, double limit, std::uint8_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), reach, numbers, n, limit, out);
}

}  // namespace hypersketch::cuda
