// SPDX-License-Identifier: Apache-2.0
// Hopfield+- of tensors: a warp takes a row, the cells that differ in the last dimension alone. It finds the others by
// the row's number in lexicographic order. Bottleneck: population counts to add many items, memory for few; a score
// takes all cells, once for kKeys items.
#include "membership.cuh"
#include "membership_tensor.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kKeys = 8;        // whose scores a block makes
constexpr unsigned kMostPlaces = 7;  // of a prefix: one less than the largest degree
constexpr unsigned kWarps = kThreads / kWarp;
constexpr size_t kScoreBlocks = 2048;  // enough to fill a GPU with few keys

// Rows of cells by their prefixes, combinations of n_places dimensions below dim - 1.
struct Rows {
  const uint64_t* binomials;  // m over j at binomials[j * dim + m], m < dim
  uint64_t n;
  uint64_t n_cells;
  unsigned dim;
  unsigned n_places;

  __device__ __forceinline__ uint64_t over(unsigned m, unsigned j) const { return __ldg(binomials + j * dim + m); }
};

struct Prefix {
  unsigned places[kMostPlaces];
  unsigned last;
  uint64_t cell;  // where its row begins
};

// The largest m < end with m over j at most `rest`; it rises with m.
__device__ __forceinline__ unsigned largest_below(const Rows& rows, unsigned j, uint64_t rest, unsigned end) {
  unsigned low = 0;
  while (end - low > 1) {
    const unsigned middle = low + (end - low) / 2;
    if (rows.over(middle, j) <= rest) {
      low = middle;
    } else {
      end = middle;
    }
  }
  return low;
}

// A combination is told by how many come behind it: the sum of m over j for each place, j = n_places, ..., 1, where the
// place is the m-th from the end.
__device__ __forceinline__ Prefix prefix_of(const Rows& rows, uint64_t row) {
  Prefix made{};
  uint64_t behind = rows.n - 1 - row, cells_behind = 0;
  unsigned m = rows.dim - 1;
#pragma unroll
  for (unsigned i = 0; i < kMostPlaces; ++i) {
    if (i >= rows.n_places) break;
    const unsigned j = rows.n_places - i;
    m = largest_below(rows, j, behind, m);
    behind -= rows.over(m, j);
    cells_behind += rows.over(m + 1, j + 1);
    made.places[i] = made.last = rows.dim - 2 - m;
  }
  made.cell = rows.n_cells - 1 - cells_behind - m;  // the row's first cell is that of the next dimension
  return made;
}

__global__ void __launch_bounds__(kThreads) add_tensor(std::int32_t* cells, Rows rows, MemberUnits items) {
  const unsigned lane = threadIdx.x % kWarp;
  const uint64_t step = uint64_t{gridDim.x} * kWarps;
  for (uint64_t row = thread_index() / kWarp; row < rows.n; row += step) {
    const Prefix prefix = prefix_of(rows, row);
    for (unsigned b = prefix.last + 1 + lane; b < rows.dim; b += kWarp) {
      std::int64_t sum = 0;
      for (size_t w = 0; w < items.n_words; ++w) {
        uint64_t bits = items.of(b)[w];
#pragma unroll
        for (unsigned i = 0; i < kMostPlaces; ++i)
          if (i < rows.n_places) bits ^= __ldg(items.of(prefix.places[i]) + w);
        sum += items.votes(bits, w);
      }
      std::int32_t& cell = cells[prefix.cell + b - prefix.last - 1];
      cell = static_cast<std::int32_t>(cell + sum);
    }
  }
}

struct ScoredKeys {
  const uint64_t* vectors;
  const uint64_t* hashes;
  size_t n;
  size_t n_words;
  uint64_t word_of_seed;

  // Bit d of a key's vector; behind the last key it is the last one's.
  __device__ __forceinline__ unsigned bit(size_t key, unsigned d) const {
    const uint64_t word = __ldg(vectors + (key < n ? key : n - 1) * n_words + d / kWordBits);
    return static_cast<unsigned>(word >> (d % kWordBits) & 1);
  }
};

// Block b takes kKeys keys, and every n_slices-th group of rows.
__global__ void __launch_bounds__(kThreads)
    score_tensor(const std::int32_t* cells, Rows rows, ScoredKeys keys, unsigned n_slices, std::int64_t* out) {
  const size_t first = size_t{blockIdx.x / n_slices} * kKeys;
  const unsigned lane = threadIdx.x % kWarp;
  const uint64_t step = uint64_t{n_slices} * kWarps;
  std::int64_t own[kKeys] = {};
  for (uint64_t row = uint64_t{blockIdx.x % n_slices} * kWarps + threadIdx.x / kWarp; row < rows.n; row += step) {
    const Prefix prefix = prefix_of(rows, row);
    unsigned odd[kKeys] = {};
#pragma unroll
    for (unsigned i = 0; i < kMostPlaces; ++i) {
      if (i >= rows.n_places) break;
#pragma unroll
      for (unsigned k = 0; k < kKeys; ++k) odd[k] ^= keys.bit(first + k, prefix.places[i]);
    }
    for (unsigned b = prefix.last + 1 + lane; b < rows.dim; b += kWarp) {
      const std::int64_t cell = cells[prefix.cell + b - prefix.last - 1];
#pragma unroll
      for (unsigned k = 0; k < kKeys; ++k) own[k] += odd[k] != keys.bit(first + k, b) ? -cell : cell;
    }
  }
#pragma unroll
  for (unsigned k = 0; k < kKeys; ++k) {
    const std::int64_t sum = sum_of_warp(own[k]);
    if (lane != k || first + k >= keys.n) continue;
    add_to(out + first + k, sign_bit(keys.word_of_seed, keys.hashes[first + k]) != 0 ? -sum : sum);
  }
}

// m over j for all m < dim and j <= degree.
std::vector<uint64_t> binomials_of(TensorShape shape) {
  const size_t dim = shape.dim;
  std::vector<uint64_t> table((shape.degree + 1) * dim, 0);
  for (size_t j = 0; j <= shape.degree; ++j)
    for (size_t m = 0; m < dim; ++m)
      table[j * dim + m] = j == 0 ? 1 : m == 0 ? 0 : table[(j - 1) * dim + m - 1] + table[j * dim + m - 1];
  return table;
}

// The rows of a tensor, with the table they are found by.
class TensorRows {
 public:
  TensorRows(Place place, TensorShape shape) : table_(place, (shape.degree + 1) * shape.dim) {
    const std::vector<uint64_t> binomials = binomials_of(shape);
    copy_from_host(place, table_.data(), binomials.data(), binomials.size() * sizeof(uint64_t));
    const uint64_t n_rows = binomials[(shape.degree - 1) * shape.dim + shape.dim - 1];
    const uint64_t n_cells = n_rows + binomials[shape.degree * shape.dim + shape.dim - 1];  // by Pascal's rule
    rows_ = {table_.data(), n_rows, n_cells, static_cast<unsigned>(shape.dim), static_cast<unsigned>(shape.degree - 1)};
  }
  const Rows& get() const { return rows_; }

 private:
  Scratch<uint64_t> table_;
  Rows rows_;
};

}  // namespace

void tensor_add(Place place, std::int32_t* cells, TensorShape shape, uint64_t seed, const uint64_t* hashes, size_t n,
                const std::int64_t* weights) {
  const OnDevice on(place.device);
  const TensorRows rows(place, shape);
  for_units(place, shape.dim, seed, hashes, n, weights, [&](MemberUnits items) {
    launch(place, grid_for(rows.get().n * kWarp), add_tensor, cells, rows.get(), items);
  });
}

void tensor_scores(Place place, const std::int32_t* cells, TensorShape shape, uint64_t seed, const uint64_t* hashes,
                   size_t n, std::int64_t* out) {
  const OnDevice on(place.device);
  const TensorRows rows(place, shape);
  clear(place, out, n * sizeof(std::int64_t));
  for_members(place, shape.dim, seed, hashes, n, [&](size_t first, size_t count, const uint64_t* vectors) {
    const size_t groups = (count + kKeys - 1) / kKeys, most = (rows.get().n + kWarps - 1) / kWarps;
    const size_t n_slices = std::clamp<size_t>(kScoreBlocks / groups, 1, std::max<size_t>(1, most));
    const ScoredKeys keys{vectors, hashes + first, count, words_for(shape.dim), seed_word(seed, Purpose::kSign)};
    launch(place, {static_cast<unsigned>(groups * n_slices)}, score_tensor, cells, rows.get(), keys,
           static_cast<unsigned>(n_slices), out + first);
  });
}

}  // namespace hypersketch::cuda
