// SPDX-License-Identifier: Apache-2.0
// Bundles of n-grams. With a book of atoms its rotations are made once and stay in the caches: a gram's word is one
// load a token. Without, tokens are hashes: a word of a rotated atom is cut from two of its random words, and no atom
// is ever stored. Bottleneck: the first-level cache, 8 bytes a token of a gram and word; or integer multiplications.
#include "items.cuh"
#include "votes.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kMostRotated = size_t{1} << 30;  // bytes of a rotated book

// Eight grams token by token: `word` gives a word of token t's atom, rotated by length - 1 - f.
template <bool kFull, class Word>
__device__ __forceinline__ void load_grams(Word word, size_t length, size_t i, size_t n, uint64_t (&x)[kBatch]) {
#pragma unroll
  for (unsigned k = 0; k < kBatch; ++k) x[k] = 0;
#pragma unroll 1
  for (size_t f = 0; f < length; ++f)
#pragma unroll
    for (unsigned k = 0; k < kBatch; ++k)
      if (kFull || k < n) x[k] ^= word(i + k + f, f);
}

template <class Token>
struct BookGrams {
  const uint64_t* rotated;  // row v of rotation f is atom v rotated by length - 1 - f
  const Token* tokens;
  size_t length;
  size_t n_rows;
  size_t n_words;

  template <bool kFull>
  __device__ __forceinline__ void load(size_t i, size_t n, size_t j, uint64_t (&x)[kBatch]) const {
    const auto word = [&](size_t t, size_t f) {
      return __ldg(rotated + (f * n_rows + size_t{__ldg(tokens + t)}) * n_words + j);
    };
    load_grams<kFull>(word, length, i, n, x);
  }
};

template <class Token>
struct TurnedGrams {
  const uint64_t* book;
  const Token* tokens;
  size_t length;
  PackedShape shape;

  template <bool kFull>
  __device__ __forceinline__ void load(size_t i, size_t n, size_t j, uint64_t (&x)[kBatch]) const {
    const auto word = [&](size_t t, size_t f) {
      const uint64_t* const row = book + size_t{__ldg(tokens + t)} * shape.n_words;
      return rotated_word([&](size_t k) { return __ldg(row + k); }, shape, (length - 1 - f) % shape.dim, j);
    };
    load_grams<kFull>(word, length, i, n, x);
  }
};

struct HashGrams {
  const uint64_t* starts;  // of streams
  size_t length;
  PackedShape shape;

  template <bool kFull>
  __device__ __forceinline__ void load(size_t i, size_t n, size_t j, uint64_t (&x)[kBatch]) const {
    const auto word = [&](size_t t, size_t f) {
      const uint64_t start = __ldg(starts + t);
      return rotated_word([&](size_t k) { return atom_word(start, k) & shape.mask(k); }, shape,
                          (length - 1 - f) % shape.dim, j);
    };
    load_grams<kFull>(word, length, i, n, x);
  }
};

template <class Token>
void bundle_of_book(Place place, const uint64_t* book, size_t n_rows, const Token* tokens, size_t length, size_t dim,
                    Bundles bundles, Outcome outcome) {
  const PackedShape shape(dim);
  const size_t size = n_rows * shape.n_words;
  if (size > kMostRotated / sizeof(uint64_t) / length)
    return bundle_items<false>(place, TurnedGrams<Token>{book, tokens, length, shape}, dim, bundles, outcome, nullptr);
  const Scratch<uint64_t> rotated(place, size * length);
  for (size_t f = 0; f < length; ++f)
    rotate_known(place, {book, n_rows}, dim, (length - 1 - f) % dim, rotated.data() + f * size, nullptr);
  bundle_items<false>(place, BookGrams<Token>{rotated.data(), tokens, length, n_rows, shape.n_words}, dim, bundles,
                      outcome, nullptr);
}

}  // namespace

void bundle_grams(Place place, BookTokens tokens, size_t length, size_t dim, Bundles bundles, Outcome outcome) {
  const OnDevice on(place.device);
  if (tokens.tokens != nullptr)
    bundle_of_book(place, tokens.book, tokens.n_rows, tokens.tokens, length, dim, bundles, outcome);
  else
    bundle_of_book(place, tokens.book, tokens.n_rows, tokens.bytes, length, dim, bundles, outcome);
}

void bundle_grams(Place place, const uint64_t* hashes, size_t n, uint64_t seed, size_t length, size_t dim,
                  Bundles bundles, Outcome outcome) {
  const OnDevice on(place.device);
  const Scratch<uint64_t> starts(place, n);
  find_starts(place, {hashes, n, true}, seed, starts.data());
  bundle_items<false>(place, HashGrams{starts.data(), length, PackedShape(dim)}, dim, bundles, outcome, nullptr);
}

}  // namespace hypersketch::cuda
