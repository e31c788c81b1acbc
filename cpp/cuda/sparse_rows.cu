// SPDX-License-Identifier: Apache-2.0
// Stored sparse codes: overlaps, rotations as a whole and by segments, and thinning. A warp compares two rows; a thread
// makes a word, or a bit where segments are rotated. Bottleneck: memory, but for thinning, which reads two words a
// rotation, from the caches.
#include "counted.hpp"
#include "hypersketch/layout.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWarps = kThreads / kWarp;

__device__ __forceinline__ const uint64_t* row_of(PackedRows rows, PackedShape shape, size_t row) {
  return rows.words + (rows.n == 1 ? 0 : row) * shape.n_words;
}

__global__ void __launch_bounds__(kThreads)
    find_overlaps(PackedRows a, PackedRows b, size_t n, PackedShape shape, double* out, unsigned* strayed) {
  const unsigned lane = threadIdx.x % kWarp;
  bool mine = false;
  for (size_t row = thread_index() / kWarp; row < n; row += size_t{gridDim.x} * kWarps) {
    const uint64_t *const left = row_of(a, shape, row), *const right = row_of(b, shape, row);
    int common = 0, of_a = 0, of_b = 0;
    for (size_t j = lane; j < shape.n_words; j += kWarp) {
      common += __popcll(left[j] & right[j]), of_a += __popcll(left[j]), of_b += __popcll(right[j]);
      mine |= ((left[j] | right[j]) & ~shape.mask(j)) != 0;
    }
    common = sum_of_warp(common), of_a = sum_of_warp(of_a), of_b = sum_of_warp(of_b);
    if (lane != 0) continue;
    const double size = __dsqrt_rn(__dmul_rn(double(of_a), double(of_b)));
    out[row] = size > 0 ? __ddiv_rn(double(common), size) : 0.0;
  }
  if (mine) atomicOr(strayed, kStrays);
}

// ---- rotations

// A warp a row of the second factor: the sum of the places of its ones, modulo the dimension.
__global__ void __launch_bounds__(kThreads)
    sum_places(PackedRows rows, PackedShape shape, bool back, std::uint32_t* shifts, unsigned* strayed) {
  const unsigned lane = threadIdx.x % kWarp;
  bool mine = false;
  for (size_t row = thread_index() / kWarp; row < rows.n; row += size_t{gridDim.x} * kWarps) {
    const uint64_t* const words = row_of(rows, shape, row);
    std::int64_t sum = 0;
    for (size_t j = lane; j < shape.n_words; j += kWarp) {
      mine |= (words[j] & ~shape.mask(j)) != 0;
      for (uint64_t rest = words[j] & shape.mask(j); rest != 0; rest &= rest - 1)
        sum += static_cast<std::int64_t>(j * kWordBits) + __ffsll(static_cast<long long>(rest)) - 1;
    }
    const auto shift = static_cast<uint64_t>(sum_of_warp(sum)) % shape.dim;
    if (lane == 0) shifts[row] = static_cast<std::uint32_t>(back && shift != 0 ? shape.dim - shift : shift);
  }
  if (mine) atomicOr(strayed, kStrays);
}

struct Shifts {
  const std::uint32_t* of;
  size_t n;
};

__global__ void __launch_bounds__(kThreads)
    rotate_each(PackedRows rows, Shifts shifts, size_t n_total, PackedShape shape, uint64_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    const uint64_t* const words = row_of(rows, shape, row);
    mine |= (words[j] & ~shape.mask(j)) != 0;
    const size_t shift = shifts.of[shifts.n == 1 ? 0 : row];
    out[i] = rotated_word([words](size_t k) { return words[k]; }, shape, shift, j);
  }
  if (mine) atomicOr(strayed, kStrays);
}

__device__ __forceinline__ bool bit_at(const uint64_t* words, size_t d) {
  return (words[d / kWordBits] >> (d % kWordBits) & 1) != 0;
}

// A thread a segment: where its 1 is.
__global__ void __launch_bounds__(kThreads) find_places(PackedRows rows, PackedShape shape, std::uint32_t n_segments,
                                                        bool back, std::uint32_t* shifts, unsigned* found) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  unsigned mine = 0;
  for (size_t i = thread_index(); i < rows.n * n_segments; i += step) {
    const size_t row = i / n_segments, segment = i - row * n_segments;
    const uint64_t* const words = row_of(rows, shape, row);
    const size_t from = block_begin(segment, n_segments, shape.dim),
                 to = block_begin(segment + 1, n_segments, shape.dim);
    size_t place = 0, ones = 0;
    for (size_t d = from; d < to; ++d)
      if (bit_at(words, d)) place = d - from, ++ones;
    if (ones != 1) mine |= kNotOne;
    if (segment == 0 && (words[shape.n_words - 1] & ~shape.mask(shape.n_words - 1)) != 0) mine |= kStrays;
    shifts[i] = static_cast<std::uint32_t>(back && place != 0 ? to - from - place : place);
  }
  if (mine != 0) atomicOr(found, mine);
}

// A warp makes half a word of the vectors, whose rows are whole words. Bit d is that of its segment `shift` before it.
__global__ void __launch_bounds__(kThreads)
    rotate_segments(PackedRows rows, Shifts shifts, size_t n, PackedShape shape, std::uint32_t n_segments,
                    std::uint32_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x, width = kWordBits * shape.n_words;
  bool mine = false;
  for (size_t i = thread_index(); i < n * width; i += step) {
    const size_t row = i / width, d = i - row * width;
    const uint64_t* const words = row_of(rows, shape, row);
    bool bit = false;
    if (d < shape.dim) {
      const size_t segment = ((d + 1) * n_segments - 1) / shape.dim;
      const size_t from = block_begin(segment, n_segments, shape.dim);
      const size_t length = block_begin(segment + 1, n_segments, shape.dim) - from;
      const size_t shift = shifts.of[(shifts.n == 1 ? 0 : row) * n_segments + segment];
      const size_t source = d - from + (d - from < shift ? length : 0) - shift;
      bit = bit_at(words, from + source);
    } else {
      mine |= bit_at(words, d);
    }
    const unsigned bits = __ballot_sync(kWholeWarp, bit);
    if (threadIdx.x % kWarp == 0) out[i / kWarp] = bits;
  }
  if (mine) atomicOr(strayed, kStrays);
}

// ---- thinning

// A warp a row: the union of two, and its number of ones.
__global__ void __launch_bounds__(kThreads) unite_rows(PackedRows a, PackedRows b, size_t n, PackedShape shape,
                                                       uint64_t* out, std::int32_t* ones, unsigned* strayed) {
  const unsigned lane = threadIdx.x % kWarp;
  bool mine = false;
  for (size_t row = thread_index() / kWarp; row < n; row += size_t{gridDim.x} * kWarps) {
    const uint64_t *const left = row_of(a, shape, row), *const right = row_of(b, shape, row);
    int count = 0;
    for (size_t j = lane; j < shape.n_words; j += kWarp) {
      const uint64_t both = left[j] | right[j];
      mine |= (both & ~shape.mask(j)) != 0;
      count += __popcll(both);
      out[row * shape.n_words + j] = both;
    }
    count = sum_of_warp(count);
    if (lane == 0) ones[row] = count;
  }
  if (mine) atomicOr(strayed, kStrays);
}

__global__ void __launch_bounds__(kThreads)
    thin(PackedRows rows, PackedShape shape, const std::int32_t* rotations, const std::int64_t* steps, uint64_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < rows.n * shape.n_words; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    const uint64_t* const words = rows.words + row * shape.n_words;
    uint64_t left = words[j];
    for (std::int32_t r = 0; r < rotations[row] && left != 0; ++r)
      left &= ~rotated_word([words](size_t k) { return words[k]; }, shape, static_cast<size_t>(steps[r]), j);
    out[i] = left;
  }
}

__global__ void __launch_bounds__(kThreads)
    pack_below(const std::int32_t* sums, const std::int64_t* limits, size_t n, PackedShape shape, std::uint32_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x, width = kWordBits * shape.n_words;
  for (size_t i = thread_index(); i < n * width; i += step) {
    const size_t row = i / width, d = i - row * width;
    const bool bit = d < shape.dim && sums[row * shape.dim + d] < limits[row];
    const unsigned bits = __ballot_sync(kWholeWarp, bit);
    if (threadIdx.x % kWarp == 0) out[i / kWarp] = bits;
  }
}

unsigned read(Place place, const Scratch<unsigned>& found) {
  unsigned value = 0;
  copy_to_host(place, &value, found.data(), sizeof value);
  return value;
}

}  // namespace

unsigned sparse_overlaps(Place place, PackedRows a, PackedRows b, size_t dim, double* out) {
  if (a.n == 0 || b.n == 0) return 0;
  const OnDevice on(place.device);
  const Scratch<unsigned> found(place, 1);
  clear(place, found.data(), sizeof(unsigned));
  const size_t n = std::max(a.n, b.n);
  launch(place, grid_for(n * kWarp), find_overlaps, a, b, n, PackedShape(dim), out, found.data());
  return read(place, found);
}

unsigned turn_sparse(Place place, PackedRows a, PackedRows b, SparseSpace space, bool back, uint64_t* out) {
  if (a.n == 0 || b.n == 0) return 0;
  const OnDevice on(place.device);
  const PackedShape shape(space.dim);
  const size_t n = std::max(a.n, b.n);
  const auto n_segments = static_cast<std::uint32_t>(space.segments ? space.n_ones : 1);
  const Scratch<std::uint32_t> shifts(place, b.n * n_segments);
  const Scratch<unsigned> found(place, 1);
  clear(place, found.data(), sizeof(unsigned));
  const Shifts given{shifts.data(), b.n};
  if (space.segments) {
    launch(place, grid_for(b.n * n_segments), find_places, b, shape, n_segments, back, shifts.data(), found.data());
    launch(place, grid_for(n * shape.n_words * kWordBits, 4), rotate_segments, a, given, n, shape, n_segments,
           reinterpret_cast<std::uint32_t*>(out), found.data());
  } else {
    launch(place, grid_for(b.n * kWarp), sum_places, b, shape, back, shifts.data(), found.data());
    launch(place, grid_for(n * shape.n_words), rotate_each, a, given, n * shape.n_words, shape, out, found.data());
  }
  return read(place, found);
}

unsigned unite_sparse(Place place, PackedRows a, PackedRows b, size_t dim, uint64_t* out, std::int32_t* ones) {
  if (a.n == 0 || b.n == 0) return 0;
  const OnDevice on(place.device);
  const Scratch<unsigned> found(place, 1);
  clear(place, found.data(), sizeof(unsigned));
  const size_t n = std::max(a.n, b.n);
  launch(place, grid_for(n * kWarp), unite_rows, a, b, n, PackedShape(dim), out, ones, found.data());
  return read(place, found);
}

void thin_sparse(Place place, PackedRows rows, size_t dim, const std::int32_t* rotations, const std::int64_t* steps,
                 uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  launch(place, grid_for(rows.n * shape.n_words), thin, rows, shape, rotations, steps, out);
}

void pack_below_limits(Place place, const std::int32_t* sums, const std::int64_t* limits, size_t n, size_t dim,
                       uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  launch(place, grid_for(n * shape.n_words * kWordBits, 4), pack_below, sums, limits, n, shape,
         reinterpret_cast<std::uint32_t*>(out));
}

}  // namespace hypersketch::cuda
