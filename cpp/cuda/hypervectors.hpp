// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers for hypervectors: plain C++, under the rules of launch.hpp. Packed vectors are rows of
// words_for(dim) words as layout.hpp has them.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// ---- memory.cu: memory of a pool, in the order of the place's stream

void* take_scratch(Place place, size_t n_bytes);
void give_scratch(Place place, void* data) noexcept;

// ---- hypervectors.cu

// Row i of `out` is the atom of the key with hash i.
void atom_rows(Place place, const uint64_t* hashes, size_t n, size_t dim, uint64_t seed, uint64_t* out);

// Packed vectors, one after the other; `n` may be 1 where another argument has more.
struct PackedRows {
  const uint64_t* words;
  size_t n;
};

// out = a xor b for max(a.n, b.n) rows; it may be a or b. False where bits beyond the dimension are set, which it waits
// for unless the dimension fills its words.
bool bind_rows(Place place, PackedRows a, PackedRows b, size_t dim, uint64_t* out);

// Bit d goes to (d + shift) mod dim; shift < dim. `out` lies apart. False as for bind_rows.
bool rotate_rows(Place place, PackedRows rows, size_t dim, size_t shift, uint64_t* out);

// The same of int32 entries.
void roll_rows(Place place, const std::int32_t* rows, size_t n, size_t dim, size_t shift, std::int32_t* out);

// out = sums * the signs of packed vectors; one row of either meets all of the other. False as for bind_rows.
bool turn_rows(Place place, const std::int32_t* sums, size_t n, PackedRows signs, size_t dim, std::int32_t* out);

// Signs of n rows of counters; zeros take the bits of the tie vector of this seed.
void pack_signs(Place place, const std::int32_t* counters, size_t n, size_t dim, uint64_t seed, uint64_t* out);

// ---- bundles: majority.cu, bundle.cu, ngrams.cu

// Bundle b is of the items [starts[b], starts[b + 1] - trimmed), or [starts[b], ends[b] - trimmed), none of them longer
// than `longest`; of all n items, where starts is null. Starts, ends and weights are in device memory.
struct Bundles {
  const std::int64_t* starts;
  const std::int64_t* ends;  // or null
  size_t n;
  size_t longest;
  size_t trimmed;
  const std::int64_t* weights;  // one an item, below 2^31 in magnitude, or null
};

// What becomes of counted bits: bits of a majority, or sums that are added to int32 counters modulo 2^32.
struct Outcome {
  uint64_t* bits;        // n rows, or null for sums
  const uint64_t* ties;  // the bits that are set where votes are equal
  uint64_t at_least;     // if not 0, the weight that sets a bit
  std::int32_t* sums;    // n rows of dim
  bool subtract;         // from the sums
};

// Row i of `rows`, bound to row i of `others` unless these are null. False where a vote is for a bit beyond the
// dimension, which it waits for unless the dimension fills its words.
bool bundle_rows(Place place, const uint64_t* rows, const uint64_t* others, size_t dim, Bundles bundles,
                 Outcome outcome);

// Row chosen[i] of a book, bound to row others[i] of another one, or to row i mod period where `others` is null, unless
// there is no other book. With a period there are less than 2^32 items.
struct ChosenRows {
  const uint64_t* book;
  const std::uint32_t* chosen;
  const uint64_t* other_book;
  const std::uint32_t* others;
  std::uint32_t period;
};
void bundle_chosen(Place place, ChosenRows items, size_t dim, Bundles bundles, Outcome outcome);

// Atoms of keys, or their products with the atoms of as many others, which are hashed or not as these.
struct KeyProducts {
  Keys keys;
  const uint64_t* others;  // or null
  uint64_t seed;
};
void bundle_keys(Place place, KeyProducts items, size_t dim, Bundles bundles, Outcome outcome);

// Tokens of documents: rows of a book, or hashes of keys whose atoms are computed. The gram at token t is the XOR over
// f < length of token t + f's atom, rotated by length - 1 - f; bundles are trimmed by length - 1.
struct BookTokens {
  const uint64_t* book;
  size_t n_rows;
  const std::uint32_t* tokens;  // or null
  const unsigned char* bytes;   // or tokens of one byte
};
void bundle_grams(Place place, BookTokens tokens, size_t length, size_t dim, Bundles bundles, Outcome outcome);
void bundle_grams(Place place, const uint64_t* hashes, size_t n, uint64_t seed, size_t length, size_t dim,
                  Bundles bundles, Outcome outcome);

// ---- encoding.cu

// Hashes of the characters of documents of UTF-8: those of document d, which is the bytes [starts[d], starts[d + 1]),
// stand from hashes[starts[d]] to hashes[ends[d]]. Waits; false where anything is no UTF-8.
bool decode_characters(Place place, const std::int64_t* starts, size_t n, const unsigned char* bytes, uint64_t* hashes,
                       std::int64_t* ends);

struct Levels {
  double low;
  double scale;  // of n levels: (n - 1) / (high - low)
  std::uint32_t n;
  double least;  // values beyond are told of
  double most;
};

inline constexpr unsigned kNoNumber = 1, kOutside = 2;

// The nearest level of each value, clipped. Waits; returns what there was to refuse. T is float or double.
template <class T>
unsigned quantize(Place place, const T* values, size_t n, Levels levels, std::uint32_t* out);

// ---- scores.cu

// How a score, an integer, is told: times a factor, over a divisor.
struct Reading {
  double factor;
  double divisor;
};

// Counters; or, where they are null, planes of signs: a packed vector is one, a quantized bundle several, the lowest
// first.
struct BundleView {
  const std::int32_t* counters;
  const uint64_t* planes;
  unsigned n_planes;
  size_t dim;
  Reading reading;
};

// out[i] = inner product with item i, as the bundle is read. Waits where it looks at counters.
void score_keys(Place place, BundleView bundle, KeyProducts items, double* out);
void score_rows(Place place, BundleView bundle, PackedRows rows, double* out);

void divide_numbers(Place place, double* numbers, size_t n, double divisor);

// out[i] = whether number i is at least the limit, 1 or 0.
void reach_limit(Place place, const double* numbers, size_t n, double limit, std::uint8_t* out);

// ---- quantized.cu: counters cut to planes of signs, see python/hypersketch/vsa/quantized.py

struct Cut {
  unsigned bits;  // at most 8
  uint32_t step;  // even
  uint64_t seed;  // of the ties
};

// `planes` has cut.bits rows of words_for(dim) words. Returns the inner product of the counters with what is kept,
// which the caller knows to fit. Waits.
std::int64_t cut_counters(Place place, const std::int32_t* counters, size_t dim, Cut cut, uint64_t* planes);

// out[d] = the odd number that n planes of signs keep of counter d.
void join_planes(Place place, const uint64_t* planes, unsigned n, size_t dim, std::int32_t* out);

// Whether a row sets bits beyond the dimension; waits unless it fills its words.
bool any_beyond(Place place, PackedRows rows, size_t dim);

}  // namespace hypersketch::cuda
