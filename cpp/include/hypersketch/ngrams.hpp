// SPDX-License-Identifier: Apache-2.0
// n-grams of token sequences: the gram at position t is XOR over f < n of the atom of token t + f, rotated by
// n - 1 - f. No gram is ever stored; rotated atoms are, in one of two ways.
#pragma once

#include "hypersketch/majority.hpp"

namespace hypersketch {

// A code book's n rotations at most, in bytes: what a shared cache holds. Beyond, or when there are fewer tokens than
// atoms, atoms are rotated as they come.
inline constexpr size_t kMaxRotatedBytes = size_t{32} << 20;

// Documents are runs of `tokens`; document d is the tokens starts[d] .. starts[d + 1] - 1.
struct Tokens {
  const uint64_t* tokens;  // hashes, or rows of the code book when there is one
  const int64_t* starts;
  size_t n_documents;
  const uint64_t* codebook;  // or null: atoms of this seed
  size_t n_atoms;
  uint64_t word_of_seed;
};

inline void rotate_into(const uint64_t* row, size_t dim, size_t shift, uint64_t* out) {
  kernels().rotate_rows(row, 1, dim, shift, out);
}

// Grams as items over all rotations of a code book: row v of rotation f is atom v rotated by n - 1 - f.
struct TableGrams {
  static constexpr size_t kBatch = RowItems::kBatch;
  const uint64_t* tokens;
  const uint64_t* rotated;
  size_t n_factors;
  size_t n_atoms;
  size_t n_words;
  void prepare(size_t, size_t) const {}
  const uint64_t* at(size_t f, size_t i) const { return rotated + (f * n_atoms + tokens[i + f]) * n_words; }
};

// Grams as items whose atoms are rotated, and computed without a code book, a batch at a time.
class StreamGrams {
 public:
  static constexpr size_t kBatch = 64;  // whose rotations stay in the second-level cache
  size_t n_factors;

  StreamGrams(const Tokens& tokens, size_t dim, size_t n)
      : n_factors(n), tokens_(tokens), dim_(dim), n_words_(words_for(dim)) {}

  void prepare(size_t first, size_t n) {
    first_ = first;
    read_atoms(first, n + n_factors - 1);
    rotated_.resize(n_factors * kBatch * n_words_);
    for (size_t f = 0; f < n_factors; ++f)
      for (size_t i = 0; i < n; ++i) rotate(atoms_[i + f], (n_factors - 1 - f) % dim_, place(f, i));
  }

  const uint64_t* at(size_t f, size_t i) const {
    const size_t local = i - first_;
    return (n_factors - 1 - f) % dim_ == 0 ? atoms_[local + f] : rotated_.data() + (f * kBatch + local) * n_words_;
  }

 private:
  uint64_t* place(size_t f, size_t i) { return rotated_.data() + (f * kBatch + i) * n_words_; }

  void rotate(const uint64_t* row, size_t shift, uint64_t* out) const {
    if (shift != 0) rotate_into(row, dim_, shift, out);
  }

  void read_atoms(size_t first, size_t n) {
    atoms_.resize(n);
    if (tokens_.codebook != nullptr) {
      for (size_t i = 0; i < n; ++i) atoms_[i] = tokens_.codebook + tokens_.tokens[first + i] * n_words_;
      return;
    }
    computed_.resize(n * n_words_);
    starts_.resize(n);
    kernels().stream_starts(tokens_.tokens + first, n, tokens_.word_of_seed, starts_.data());
    kernels().atom_rows(starts_.data(), n, n_words_, tail_mask(dim_), computed_.data(), n_words_);
    for (size_t i = 0; i < n; ++i) atoms_[i] = computed_.data() + i * n_words_;
  }

  Tokens tokens_;
  size_t dim_, n_words_, first_ = 0;
  std::vector<const uint64_t*> atoms_;
  std::vector<uint64_t> computed_, starts_, rotated_;
};

inline std::vector<uint64_t> all_rotations(const Tokens& tokens, size_t dim, size_t n, size_t threads) {
  const size_t n_words = words_for(dim);
  std::vector<uint64_t> rotated(n * tokens.n_atoms * n_words);
  parallel_for(tokens.n_atoms, 1, threads, [&](size_t begin, size_t end) {
    for (size_t f = 0; f < n; ++f) {
      const size_t shift = (n - 1 - f) % dim, size = (end - begin) * n_words;
      const uint64_t* const from = tokens.codebook + begin * n_words;
      uint64_t* const to = rotated.data() + (f * tokens.n_atoms + begin) * n_words;
      shift == 0 ? static_cast<void>(std::copy_n(from, size, to))
                 : kernels().rotate_rows(from, end - begin, dim, shift, to);
    }
  });
  return rotated;
}

// Calls run(items, bundles, threads) with the documents' grams; a document shorter than n tokens has none.
// A gram is the item at its first token, so the last n - 1 tokens of a document have none.
template <class Run>
void with_grams(const Tokens& tokens, size_t dim, size_t n, size_t threads, Run&& run) {
  const Bundles bundles{tokens.starts, tokens.n_documents, n - 1};
  const size_t n_tokens = static_cast<size_t>(tokens.starts[tokens.n_documents] - tokens.starts[0]);
  const size_t table = n * tokens.n_atoms * words_for(dim) * sizeof(uint64_t);
  if (tokens.codebook != nullptr && tokens.n_atoms <= n_tokens && table <= kMaxRotatedBytes) {
    const auto rotated = all_rotations(tokens, dim, n, threads);
    run(TableGrams{tokens.tokens, rotated.data(), n, tokens.n_atoms, words_for(dim)}, bundles, threads);
  } else {
    // Threads that shared columns would all rotate every atom.
    run(StreamGrams(tokens, dim, n), bundles, std::min(threads, std::max<size_t>(1, tokens.n_documents)));
  }
}

}  // namespace hypersketch
