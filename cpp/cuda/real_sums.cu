// SPDX-License-Identifier: Apache-2.0
// Bundles of real and complex vectors: sums of very many rows, stored or made of keys, and cosines with atoms of keys.
//
// Idea: a thread has a column (or the two numbers or phasors that one word makes) of a group of items and adds them in
// their order in double precision; the groups' sums are added in theirs. How many groups there are depends on sizes
// alone, so that all GPUs give the same bits, and up to kThreads items make one group: the CPU's bits. No atom is
// stored. Bottleneck: memory for rows, and some 80 operations a word for atoms.
#include "real_atoms.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWarps = kThreads / kWarp;
constexpr size_t kWanted = size_t{1} << 18;  // columns of groups: what keeps a large GPU busy

// ---- what is summed: an item is what threads share of it, and has kEach numbers in every column

struct StoredRows {
  static constexpr unsigned kEach = 1;
  using Item = const float*;
  const float* rows;
  size_t width;

  __device__ Item item(size_t i) const { return rows + i * width; }
  __device__ void numbers(Item row, size_t column, float (&out)[kEach]) const { out[0] = row[column]; }
};

struct AtomWords {
  const uint64_t* hashes;
  const uint64_t* others;
  uint64_t word_of_seed;
  float scale;
};

template <RealAtoms kKind>
struct Atoms {
  static constexpr unsigned kEach = kFloatsOfWord<kKind>;
  using Item = uint64_t;
  AtomWords words;

  __device__ Item item(size_t i) const { return stream_start(words.word_of_seed, words.hashes[i]); }
  __device__ void numbers(Item start, size_t column, float (&out)[kEach]) const {
    numbers_of<kKind>(atom_word(start, column), words.scale, out);
  }
};

// Products of two atoms, entry by entry.
template <RealAtoms kKind>
struct AtomProducts {
  static constexpr unsigned kEach = kFloatsOfWord<kKind>;
  struct Item {
    uint64_t a;
    uint64_t b;
  };
  AtomWords words;

  __device__ Item item(size_t i) const {
    return {stream_start(words.word_of_seed, words.hashes[i]), stream_start(words.word_of_seed, words.others[i])};
  }
  __device__ void numbers(Item starts, size_t column, float (&out)[kEach]) const {
    float left[kEach], right[kEach];
    numbers_of<kKind>(atom_word(starts.a, column), words.scale, left);
    numbers_of<kKind>(atom_word(starts.b, column), words.scale, right);
    if constexpr (kKind == RealAtoms::kPhasors) {
      for (unsigned k = 0; k < kEach; k += 2) {
        const Pair made = product({left[k], left[k + 1]}, {right[k], right[k + 1]});
        out[k] = made.a, out[k + 1] = made.b;
      }
    } else {
      for (unsigned k = 0; k < kEach; ++k) out[k] = mul(left[k], right[k]);
    }
  }
};

// ---- sums

struct Groups {
  size_t n;          // items
  size_t per_group;  // but for the last one
  size_t n_groups;
  size_t n_columns;
  size_t width;  // numbers

  size_t blocks_of_columns() const { return (n_columns + kThreads - 1) / kThreads; }
};

Groups groups_of(size_t n, size_t n_columns, size_t width) {
  const size_t wanted = std::min((n + kThreads - 1) / kThreads, std::max<size_t>(1, kWanted / n_columns));
  const size_t per_group = ((n + wanted - 1) / wanted + kThreads - 1) / kThreads * kThreads;
  return {n, per_group, (n + per_group - 1) / per_group, n_columns, width};
}

template <class Source>
__global__ void __launch_bounds__(kThreads)
    sum_groups(Source source, const double* weights, Groups groups, size_t n_blocks, double* partial) {
  __shared__ typename Source::Item items[kThreads];
  __shared__ double factors[kThreads];
  const size_t group = blockIdx.x / n_blocks, column = blockIdx.x % n_blocks * kThreads + threadIdx.x;
  const size_t first = group * groups.per_group;
  const size_t last = groups.n - first < groups.per_group ? groups.n : first + groups.per_group;
  double totals[Source::kEach] = {};
  for (size_t begin = first; begin < last; begin += kThreads) {
    const unsigned here = last - begin < kThreads ? static_cast<unsigned>(last - begin) : kThreads;
    __syncthreads();  // before others' items are overwritten
    if (threadIdx.x < here) {
      items[threadIdx.x] = source.item(begin + threadIdx.x);
      factors[threadIdx.x] = weights == nullptr ? 1.0 : weights[begin + threadIdx.x];
    }
    __syncthreads();
    if (column >= groups.n_columns) continue;
#pragma unroll 4
    for (unsigned i = 0; i < here; ++i) {
      float numbers[Source::kEach];
      source.numbers(items[i], column, numbers);
#pragma unroll
      for (unsigned k = 0; k < Source::kEach; ++k)
        totals[k] = __dadd_rn(totals[k], __dmul_rn(static_cast<double>(numbers[k]), factors[i]));
    }
  }
  if (column >= groups.n_columns) return;
#pragma unroll
  for (unsigned k = 0; k < Source::kEach; ++k) {
    const size_t at = column * Source::kEach + k;
    if (at < groups.width) partial[group * groups.width + at] = totals[k];
  }
}

// `sums` may be the only group's.
__global__ void __launch_bounds__(kThreads)
    join_groups(const double* partial, size_t n_groups, size_t width, double* sums, unsigned* strange) {
  const size_t column = thread_index();
  if (column >= width) return;
  double total = partial[column];
  for (size_t g = 1; g < n_groups; ++g) total = __dadd_rn(total, partial[g * width + column]);
  sums[column] = total;
  if (!(total >= -kMostRealSum && total <= kMostRealSum)) atomicOr(strange, 1U);
}

template <class Source>
bool sum_items(Place place, Source source, size_t n, size_t width, const double* weights, double* sums) {
  const OnDevice on(place.device);
  if (n == 0 || width == 0) {
    clear(place, sums, width * sizeof(double));
    return true;
  }
  const Alarm strange(place);  // what is not finite, or too large
  const Groups groups = groups_of(n, (width + Source::kEach - 1) / Source::kEach, width);
  const Scratch<double> partial(place, groups.n_groups == 1 ? 0 : groups.n_groups * width);
  double* const to = groups.n_groups == 1 ? sums : partial.data();
  const size_t n_blocks = groups.blocks_of_columns();
  const Grid grid{static_cast<unsigned>(groups.n_groups * n_blocks), kThreads};
  launch(place, grid, sum_groups<Source>, source, weights, groups, n_blocks, to);
  launch(place, grid_for(width), join_groups, static_cast<const double*>(to), groups.n_groups, width, sums,
         strange.data());
  return strange.silent();
}

// ---- cosines

__global__ void __launch_bounds__(kThreads) find_square(const float* vector, size_t width, double* square) {
  double mine = 0;
  for (size_t j = threadIdx.x; j < width; j += kThreads) mine += static_cast<double>(vector[j]) * vector[j];
  mine = sum_of_block(mine);
  if (threadIdx.x == 0) *square = mine;
}

// A warp has an atom.
template <RealAtoms kKind>
__global__ void __launch_bounds__(kThreads)
    score(const uint64_t* hashes, size_t n, size_t width, float scale, uint64_t word_of_seed, const float* vector,
          const double* square, double* out) {
  constexpr unsigned kFloats = kFloatsOfWord<kKind>;
  const size_t n_words = (width + kFloats - 1) / kFloats, step = size_t{gridDim.x} * kWarps;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n; i += step) {
    const uint64_t start = stream_start(word_of_seed, hashes[i]);
    double atoms = 0, both = 0;
    for (size_t j = lane; j < n_words; j += kWarp) {
      float made[kFloats];
      numbers_of<kKind>(atom_word(start, j), scale, made);
#pragma unroll
      for (unsigned k = 0; k < kFloats; ++k) {
        if (kFloats * j + k >= width) continue;
        const double x = made[k];
        atoms += x * x, both += x * vector[kFloats * j + k];
      }
    }
    for (unsigned half = kWarp / 2; half > 0; half /= 2) {
      atoms += __shfl_xor_sync(kWholeWarp, atoms, half);
      both += __shfl_xor_sync(kWholeWarp, both, half);
    }
    if (lane != 0) continue;
    const double size = sqrt(atoms * *square), found = both / (size > 0 ? size : 1.0);
    out[i] = found < -1 ? -1 : found > 1 ? 1 : found;
  }
}

}  // namespace

bool sum_rows(Place place, const float* rows, size_t n, size_t width, const double* weights, double* sums) {
  return sum_items(place, StoredRows{rows, width}, n, width, weights, sums);
}

bool sum_atoms(Place place, AtomSpace space, const uint64_t* hashes, const uint64_t* others, size_t n,
               const double* weights, double* sums) {
  const AtomWords words{hashes, others, seed_word(space.seed, Purpose::kAtom), static_cast<float>(space.scale)};
  bool good = true;
  with_kind(space.kind, [&](auto constant) {
    constexpr RealAtoms kKind = decltype(constant)::value;
    if (others == nullptr)
      good = sum_items(place, Atoms<kKind>{words}, n, space.n_floats(), weights, sums);
    else if constexpr (kKind != RealAtoms::kNormals)
      good = sum_items(place, AtomProducts<kKind>{words}, n, space.n_floats(), weights, sums);
    else
      fail(cudaErrorInvalidValue, "Multiplying normal atoms entry by entry");
  });
  return good;
}

void score_atoms(Place place, AtomSpace space, const float* vector, const uint64_t* hashes, size_t n, double* out) {
  const OnDevice on(place.device);
  const Scratch<double> square(place, 1);
  const size_t width = space.n_floats();
  launch(place, Grid{1}, find_square, vector, width, square.data());
  with_kind(space.kind, [&](auto constant) {
    launch(place, Grid{static_cast<unsigned>(std::min<size_t>((n + kWarps - 1) / kWarps, 1U << 20))},
           score<decltype(constant)::value>, hashes, n, width, static_cast<float>(space.scale),
           seed_word(space.seed, Purpose::kAtom), vector, static_cast<const double*>(square.data()), out);
  });
}

}  // namespace hypersketch::cuda
