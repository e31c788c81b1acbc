// SPDX-License-Identifier: Apache-2.0
// Inner products of a bundle with atoms, products of atoms and packed vectors. Counters are turned into bit planes
// first, so that a word meets 64 of them with a population count a plane; a warp takes four items through all words.
// Integers all the way: the same scores as on the CPU. Bottleneck: population counts, 16 a clock and processor.
#include "counter.cuh"
#include "items.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kItems = 4;  // of a warp at a time: a plane's word is loaded once for them

// Plane p, word j at planes[p * n_words + j]; the last plane is that of the sign, as of integers in two's complement.
struct Planes {
  const uint64_t* words;
  unsigned n;
  PackedShape shape;
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

// The planes of signs: a set bit of the first is 1, of the second -2.
__global__ void __launch_bounds__(kThreads) slice_signs(const uint64_t* signs, PackedShape shape, uint64_t* out) {
  const size_t j = thread_index();
  if (j >= shape.n_words) return;
  out[j] = shape.mask(j);
  out[shape.n_words + j] = signs[j] & shape.mask(j);
}

// What a word of plane p counts, with its sign.
__device__ __forceinline__ std::int64_t plane_value(const Planes& planes, unsigned p, uint64_t bits) {
  const auto value = static_cast<std::int64_t>(count_ones(bits)) << p;
  return p + 1 == planes.n ? -value : value;
}

__global__ void __launch_bounds__(kThreads) sum_planes(Planes planes, unsigned long long* total) {
  const size_t i = thread_index(), j = i % planes.shape.n_words, p = i / planes.shape.n_words;
  std::int64_t mine = 0;
  if (p < planes.n) mine = plane_value(planes, static_cast<unsigned>(p), planes.words[p * planes.shape.n_words + j]);
  add_to_counter(total, static_cast<unsigned long long>(mine));
}

template <class Items>
__global__ void __launch_bounds__(kThreads)
    score(Items items, size_t n, Planes planes, const unsigned long long* total, double* out) {
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
      for (unsigned k = 0; k < kItems; ++k) sums[k] += plane_value(planes, p, plane & words[k]);
    }
  }
#pragma unroll
  for (unsigned k = 0; k < kItems; ++k) sums[k] = sum_of_warp(sums[k]);
  if (lane != 0) return;
  const auto constant = static_cast<std::int64_t>(*total);
#pragma unroll
  for (unsigned k = 0; k < kItems; ++k)
    if (first + k < n)
      out[first + k] = static_cast<double>(constant - 2 * sums[k]) / static_cast<double>(planes.shape.dim);
}

unsigned bit_width(uint64_t x) {
  unsigned width = 0;
  for (; x != 0; x >>= 1) ++width;
  return width;
}

// The bundle's planes, and the sum of its entries.
class Sliced {
 public:
  Sliced(Place place, BundleView bundle, unsigned n_planes)
      : shape_(bundle.dim), n_(n_planes), words_(place, n_planes * shape_.n_words), total_(place) {
    if (bundle.signs != nullptr)
      launch(place, grid_for(shape_.n_words), slice_signs, bundle.signs, shape_, words_.data());
    else
      launch(place, grid_for(2 * shape_.n_words * kWarp), slice_counters, bundle.counters, shape_, n_,
             reinterpret_cast<std::uint32_t*>(words_.data()));
    launch(place, grid_for(n_ * shape_.n_words), sum_planes, planes(), total_.data());
  }
  Planes planes() const { return {words_.data(), n_, shape_}; }

  template <class Items>
  void score_all(Place place, const Items& items, size_t n, double* out) const {
    launch(place, grid_for((n + kItems - 1) / kItems * kWarp), score<Items>, items, n, planes(),
           static_cast<const unsigned long long*>(total_.data()), out);
  }

 private:
  PackedShape shape_;
  unsigned n_;
  Scratch<uint64_t> words_;
  Counter total_;
};

// Waits where it must look at counters.
unsigned planes_of(Place place, BundleView bundle) {
  if (bundle.signs != nullptr) return 2;
  const Extremes<std::int32_t> found = extremes(place, bundle.counters, bundle.dim);
  const std::int32_t magnitude = std::max(found.most, ~found.least);
  return bit_width(static_cast<uint64_t>(std::max(magnitude, 0))) + 1;
}

}  // namespace

void score_keys(Place place, BundleView bundle, KeyProducts items, double* out) {
  if (items.keys.n == 0) return;
  const OnDevice on(place.device);
  const ProductStarts starts(place, items);
  Sliced(place, bundle, planes_of(place, bundle)).score_all(place, starts.products(bundle.dim), items.keys.n, out);
}

void score_rows(Place place, BundleView bundle, PackedRows rows, double* out) {
  if (rows.n == 0) return;
  const OnDevice on(place.device);
  const StoredRows items{rows.words, words_for(bundle.dim)};
  Sliced(place, bundle, planes_of(place, bundle)).score_all(place, items, rows.n, out);
}

}  // namespace hypersketch::cuda
