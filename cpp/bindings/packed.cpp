// SPDX-License-Identifier: Apache-2.0
// Packed vectors bundled without counters, and n-grams.
#include "arrays.hpp"
#include "hypersketch/gathered.hpp"
#include "hypersketch/ngrams.hpp"

namespace hypersketch::bindings {
namespace {

using Rows = Array<uint64_t>;
using OptionalRows = std::optional<Rows>;
using Indices = Array<uint32_t>;
using OptionalIndices = std::optional<Indices>;

size_t count_rows(const Rows& rows, size_t dim) {
  require(dim >= 1, "A vector has at least one dimension.");
  require(extent(rows, 1, 2) == words_for(dim), "Packed vectors must have ceil(dim / 64) words.");
  return extent(rows, 0, 2);
}

// Starts of bundles of n items: rising from 0 or more to n or less.
Bundles bundles_of(const Scores& starts, size_t n) {
  const auto values = read(starts);
  require(!values.empty(), "Bundles need starts.");
  require(values.front() >= 0 && static_cast<uint64_t>(values.back()) <= n, "Bundles must lie in what is bundled.");
  for (size_t b = 0; b + 1 < values.size(); ++b) require(values[b] <= values[b + 1], "Starts must not fall.");
  return {values.data(), values.size() - 1};
}

const uint64_t* tie_vector(const Rows& ties, size_t dim) {
  const auto words = read(ties);
  require_size(words, words_for(dim), "ties");
  return words.data();
}

bool majorities(const Rows& rows, const OptionalRows& others, size_t dim, const Scores& starts, const Weights& weights,
                const Rows& ties, uint64_t at_least, Rows out, size_t threads) {
  const size_t n = count_rows(rows, dim);
  RowItems items{{rows.data(), nullptr}, 1, words_for(dim)};
  if (others) {
    require(count_rows(*others, dim) == n, "Both sets must have as many rows.");
    items.rows[items.n_factors++] = others->data();
  }
  const Bundles bundles = bundles_of(starts, n);
  const std::int64_t* values = read_weights(weights, n);
  const VoteRule rule{tie_vector(ties, dim), at_least};
  require(count_rows(out, dim) == bundles.n, "out must have one row a bundle.");
  const auto result = write(out);
  py::gil_scoped_release release;
  return vote_bundles(items, dim, bundles, values, rule, result.data(), threads);
}

// The rows of `book` that the indices choose become one more factor of items.
void add_book(GatheredItems& items, const Rows& book, const Indices& indices, size_t dim) {
  const size_t n_rows = count_rows(book, dim);
  uint32_t largest = 0;
  for (const uint32_t index : read(indices)) largest = std::max(largest, index);
  require(indices.size() == 0 || largest < n_rows, "Indices must be rows of the code book.");
  items.chosen[items.n_factors] = indices.data();
  items.books[items.n_factors++] = book.data();
}

GatheredItems gathered(const Rows& book, const Indices& indices, const OptionalRows& other,
                       const OptionalIndices& other_indices, size_t dim) {
  GatheredItems items{{nullptr, nullptr}, {nullptr, nullptr}, 0, words_for(dim)};
  add_book(items, book, indices, dim);
  require(other.has_value() == other_indices.has_value(), "A code book comes with indices.");
  if (!other) return items;
  require(other_indices->size() == indices.size(), "Both code books must have as many indices.");
  add_book(items, *other, *other_indices, dim);
  return items;
}

bool gathered_majorities(const Rows& book, const Indices& indices, const OptionalRows& other,
                         const OptionalIndices& other_indices, size_t dim, const Scores& starts, const Weights& weights,
                         const Rows& ties, Rows out, size_t threads) {
  const GatheredItems items = gathered(book, indices, other, other_indices, dim);
  const auto n = static_cast<size_t>(indices.size());
  const Bundles bundles = bundles_of(starts, n);
  const std::int64_t* values = read_weights(weights, n);
  const VoteRule rule{tie_vector(ties, dim), 0};
  require(count_rows(out, dim) == bundles.n, "out must have one row a bundle.");
  const auto result = write(out);
  py::gil_scoped_release release;
  return vote_bundles(items, dim, bundles, values, rule, result.data(), threads);
}

void gathered_counters(const Rows& book, const Indices& indices, const OptionalRows& other,
                       const OptionalIndices& other_indices, size_t dim, const Scores& starts, const Weights& weights,
                       Array<std::int32_t> out, size_t threads) {
  const GatheredItems items = gathered(book, indices, other, other_indices, dim);
  const auto n = static_cast<size_t>(indices.size());
  const Bundles bundles = bundles_of(starts, n);
  const std::int64_t* values = read_weights(weights, n);
  const auto result = write(out);
  require_size(result, bundles.n * dim, "out");
  py::gil_scoped_release release;
  count_bundles(items, dim, bundles, values, result.data(), threads);
}

// Rows of the code book where there is one, else hashes of atoms of the seed.
Tokens tokens_of(const Hashes& tokens, const OptionalRows& codebook, uint64_t seed, size_t dim, const Scores& starts) {
  const auto given = read(tokens);
  const Bundles documents = bundles_of(starts, given.size());
  require(dim >= 1, "A vector has at least one dimension.");
  Tokens result{given.data(), documents.starts, documents.n, nullptr, 0, seed_word(seed, Purpose::kAtom)};
  if (!codebook) return result;
  result.n_atoms = count_rows(*codebook, dim);
  result.codebook = codebook->data();
  for (const uint64_t token : given) require(token < result.n_atoms, "Tokens must be rows of the code book.");
  return result;
}

void gram_majorities(const Hashes& tokens, const OptionalRows& codebook, uint64_t seed, size_t dim, size_t n,
                     const Scores& starts, const Rows& ties, Rows out, size_t threads) {
  const Tokens text = tokens_of(tokens, codebook, seed, dim, starts);
  require(n >= 1, "A gram has at least one token.");
  const VoteRule rule{tie_vector(ties, dim), 0};
  require(count_rows(out, dim) == text.n_documents, "out must have one row a document.");
  const auto result = write(out);
  py::gil_scoped_release release;
  with_grams(text, dim, n, threads, [&](const auto& items, Bundles bundles, size_t workers) {
    vote_bundles(items, dim, bundles, nullptr, rule, result.data(), workers);
  });
}

void gram_counters(const Hashes& tokens, const OptionalRows& codebook, uint64_t seed, size_t dim, size_t n,
                   const Scores& starts, Array<std::int32_t> out, size_t threads) {
  const Tokens text = tokens_of(tokens, codebook, seed, dim, starts);
  require(n >= 1, "A gram has at least one token.");
  const auto result = write(out);
  require_size(result, text.n_documents * dim, "out");
  py::gil_scoped_release release;
  with_grams(text, dim, n, threads, [&](const auto& items, Bundles bundles, size_t workers) {
    count_bundles(items, dim, bundles, nullptr, result.data(), workers);
  });
}

// a and b are rows, or one row for all.
bool bound(const Rows& a, const Rows& b, size_t dim, Rows out, size_t threads) {
  const size_t n_words = words_for(dim), n_a = count_rows(a, dim), n_b = count_rows(b, dim), n = count_rows(out, dim);
  require((n_a == n || n_a == 1) && (n_b == n || n_b == 1), "out must have a row for every row of a and b.");
  const auto result = write(out);
  py::gil_scoped_release release;
  const uint64_t last_words =
      bind_rows(a.data(), n_a == n ? n_words : 0, b.data(), n_b == n ? n_words : 0, n, n_words, result.data(), threads);
  return (last_words & ~tail_mask(dim)) == 0;
}

void rotated(const Rows& rows, size_t dim, size_t shift, Rows out, size_t threads) {
  const size_t n = count_rows(rows, dim);
  const auto result = write(out);
  require_size(result, static_cast<size_t>(rows.size()), "out");
  require(shift < dim, "The shift must be in [0, dim).");
  py::gil_scoped_release release;
  rotate_rows({rows.data(), n, words_for(dim), nullptr}, dim, shift, result.data(), threads);
}

}  // namespace

void bind_packed(py::module_& module) {
  module.def("rotate_rows", &rotated, py::arg("rows").noconvert(), py::arg("dim"), py::arg("shift"),
             py::arg("out").noconvert(), py::arg("threads") = 1, "Packed vectors shifted cyclically.");
  module.def("bind_rows", &bound, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("dim"),
             py::arg("out").noconvert(), py::arg("threads"),
             "XORs of packed vectors. False: bits beyond the dimension.");
  module.def("majorities", &majorities, py::arg("rows").noconvert(), py::arg("others").noconvert().none(true),
             py::arg("dim"), py::arg("starts").noconvert(), py::arg("weights").noconvert().none(true),
             py::arg("ties").noconvert(), py::arg("at_least"), py::arg("out").noconvert(), py::arg("threads"),
             "Majorities of packed vectors, or of XORs of two. False: bits beyond the dimension.");
  module.def("gathered_majorities", &gathered_majorities, py::arg("book").noconvert(), py::arg("indices").noconvert(),
             py::arg("other").noconvert().none(true), py::arg("other_indices").noconvert().none(true), py::arg("dim"),
             py::arg("starts").noconvert(), py::arg("weights").noconvert().none(true), py::arg("ties").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"),
             "Majorities of chosen rows of a book, or of XORs with those of another. False: bits beyond dim.");
  module.def("gathered_counters", &gathered_counters, py::arg("book").noconvert(), py::arg("indices").noconvert(),
             py::arg("other").noconvert().none(true), py::arg("other_indices").noconvert().none(true), py::arg("dim"),
             py::arg("starts").noconvert(), py::arg("weights").noconvert().none(true), py::arg("out").noconvert(),
             py::arg("threads"), "Sums of the same, of -1 for set and +1 for clear bits, added to counters.");
  module.def("gram_majorities", &gram_majorities, py::arg("tokens").noconvert(),
             py::arg("codebook").noconvert().none(true), py::arg("seed"), py::arg("dim"), py::arg("n"),
             py::arg("starts").noconvert(), py::arg("ties").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "Majorities of the n-grams of documents.");
  module.def("gram_counters", &gram_counters, py::arg("tokens").noconvert(), py::arg("codebook").noconvert().none(true),
             py::arg("seed"), py::arg("dim"), py::arg("n"), py::arg("starts").noconvert(), py::arg("out").noconvert(),
             py::arg("threads"), "Sums of the n-grams of documents, added to counters.");
}

}  // namespace hypersketch::bindings
