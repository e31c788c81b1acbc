// SPDX-License-Identifier: Apache-2.0
// Trivially copyable, non-owning views handed to kernels.
#pragma once

#include <type_traits>

#include "hypersketch/config.hpp"

namespace hypersketch {

// Items whose vectors are products of computed atoms: starts[f * stride + i] is factor f of item i.
struct AtomBatch {
  const uint64_t* starts;
  size_t n;
  size_t n_factors;
  size_t stride;
};

// Packed vectors, one a row; flips[i] is XORed into every word of row i (all ones negates it), or null.
struct RowBatch {
  const uint64_t* rows;
  size_t n;
  size_t stride;
  const uint64_t* flips;
};

// Items that are XORs of packed vectors: vector f of item i begins at rows[f * stride + i].
struct ItemRows {
  const uint64_t* const* rows;
  size_t n;
  size_t n_factors;
  size_t stride;
};

// Counts of set bits as bit planes: bit p of the counts of a word j in [first_word, last_word) is word
// j - first_word of planes + p * stride. The stride is a multiple of kVoteGrain; planes 0 to 4 are always there.
struct VotePlanes {
  uint64_t* planes;
  size_t stride;
  size_t n_planes;  // that counts may reach
  size_t first_word;
  size_t last_word;
};

inline constexpr size_t kVoteGrain = 8;

// A row of a search and its distance as one number, (distance << kRowBits) | row: smaller is nearer, and of equally
// near rows the first one.
inline constexpr int kRowBits = 33;

// Queries that a search kernel takes at once, and the most rows.
inline constexpr size_t kQueriesAtOnce = 4;
inline constexpr size_t kMaxTileRows = 256;

// Where a search kernel writes what it found: counts[q] numbers at keys + q * stride, rows counted from first_row.
struct NearRows {
  uint64_t* keys;
  size_t stride;
  size_t* counts;
  uint64_t first_row;
};

// A blocked Bloom filter and how its keys become the words that place them (layout.hpp).
struct BlockView {
  uint64_t* bits;
  uint64_t n_blocks;  // at most 2^32
  size_t n_hashes;
  uint64_t word_of_seed;
  bool hash;      // keys are integers to be hashed first
  bool start;     // a word is the start of the key's stream, else its hash
  bool prefetch;  // the blocks are in no cache near by
};

// Scratch of a weigh kernel for n rows.
struct WeighMemory {
  std::uint32_t* digits;  // 2 n + 32
  std::uint32_t* rows;    // kMostDigits n + 16
  uint64_t* carries;      // 4 (n + 2) cache lines, which it begins with
};

// Weights are at most kMaxWeighed in magnitude: 30 digits, of which no two neighbours are not zero.
inline constexpr std::int32_t kMaxWeighed = 1 << 29;
inline constexpr size_t kMostDigits = 16;

// Signed counters of `dim` dimensions; a kernel updates the words [first_word, last_word) of them.
struct CounterView {
  std::int32_t* counters;
  size_t dim;
  size_t first_word;
  size_t last_word;
};

// Counters as bit planes in two's complement: planes[j * n_planes + p] is bit p of the 64 counters of word j.
struct PlaneView {
  const uint64_t* planes;
  const std::int64_t* coefficients;  // n_planes of them: what a set bit of the plane adds to the score
  size_t n_planes;
  size_t n_words;
};

// A count sketch (signed) or Count-Min sketch of `depth` rows.
struct RowParams {
  uint64_t width;  // below 2^32
  size_t depth;
  uint64_t seed;
  bool is_signed;  // count sketch, else Count-Min
};

// One row of a count sketch (signed) or Count-Min sketch: word `index` of a key's stream places it (layout.hpp).
template <class Cell>
struct RowView {
  Cell* cells;
  uint64_t width;
  uint64_t index;
  bool is_signed;
};

// What a key may weigh in a sketch: the widest type of its cells' kind.
template <class Cell>
using Weight = std::conditional_t<std::is_integral_v<Cell>, std::int64_t, double>;

// The entries +-1 of a sparse matrix, equally many for every feature: entry r of feature j is
// codes[j * n_entries + r], whose lower 31 bits are the output and whose top bit is set for -1.
struct SignTable {
  const std::uint32_t* codes;
  size_t n_features;
  size_t n_entries;
  size_t n_outputs;
};

inline constexpr std::uint32_t kCodeSign = 0x80000000U;

// Transforms of one length: its factors, each 2 to 5, and for each factor r in turn, of what rest m remains, the
// numbers exp(-2 pi sqrt(-1) j p / (r m)) for p < m and 1 <= j < r, real and imaginary part.
struct ShortPlan {
  size_t length;
  const std::uint32_t* radices;
  size_t n_radices;
  const float* twiddles;
};

// A transform of length n1 n2: transforms down columns of length n1 and, transposed, n2, neither below kLeastSide.
// Element k n2 + j of the tables is the cosine, or minus the sine, of 2 pi j k / (n1 n2).
struct TransformPlan {
  ShortPlan columns;
  ShortPlan rows;
  const float* cosines;
  const float* sines;
};

inline constexpr size_t kLeastSide = 16;

// Floats that convolve_two works in, in memory aligned to kLineBytes.
constexpr size_t transform_scratch(size_t n1, size_t n2) { return 64 * (n1 > n2 ? n1 : n2) + 6 * n1 * n2; }

// Patterns that meet queries at once.
inline constexpr size_t kTile = 64;
// Scores of fewer patterns come in multiples of so many.
inline constexpr size_t kWidth = 16;

// A sum has so many parts, which no vector has more lanes than.
inline constexpr size_t kSoftParts = 16;

// What weights of one row of scores a query have come to: all are relative to exp(maximum), or to maximum^degree. The
// sums of query q are those of parts [q * kSoftParts, (q + 1) * kSoftParts).
struct SoftSums {
  float* maxima;
  float* sums;
  float* squares;
};

// Memory that is fetched while other work goes on.
struct Ahead {
  const char* next;
  const char* end;
};

// A query scale * (256 high + low), in memory aligned to kLineBytes with zeros up to whole lines, and the parts' sums.
struct ByteQuery {
  const std::int8_t* high;
  const std::int8_t* low;
  std::int32_t high_sum, low_sum;
  float scale;
};
// How rows meet the one row of a spectrum: convolved with it, correlated with it (row[j] one[j - d]), or it with them.
enum class MeetRule { kConvolve, kRowsCorrelate, kOneCorrelates };

// The exponent of a row with NaN or infinity.
inline constexpr int kNotFinite = 255;

// Spectra of two complex vectors.
struct SpectrumPair {
  float* re[2];
  float* im[2];
};

}  // namespace hypersketch
