// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "search.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;

template <class T>
T* data_or_null(const MaybeSpan& span, size_t n, int device) {
  if (!span) return nullptr;
  require(span->n == n, "There must be k answers a query.");
  require(span->device == device, "All arrays must lie on one GPU.");
  return span->data<T>();
}

cuda::SearchPath path_of(const std::string& name) {
  const char* const names[] = {"best", "popcount", "few", "many"};
  const auto found = std::find(std::begin(names), std::end(names), name);
  require(found != std::end(names), "path must be 'best', 'popcount', 'few' or 'many'.");
  return static_cast<cuda::SearchPath>(found - std::begin(names));
}

// Rows and queries of as many words as the dimension needs, with their strides in words.
void hamming_top_k(const Span& queries, size_t n_queries, size_t query_stride, const Span& rows, size_t n_rows,
                   size_t row_stride, size_t dim, size_t k, const Span& indices, const MaybeSpan& distances,
                   const MaybeSpan& similarities, const std::string& path) {
  require(k >= 1 && k <= n_rows, "k must be in [1, n].");
  const int device = queries.device;
  require(rows.device == device, "All arrays must lie on one GPU.");
  const size_t size = n_queries * k;
  const cuda::NearestRows answers{k, data_or_null<std::int64_t>(indices, size, device),
                                  data_or_null<std::int32_t>(distances, size, device),
                                  data_or_null<double>(similarities, size, device)};
  const cuda::SearchPath chosen = path_of(path);
  const py::gil_scoped_release release;
  cuda::hamming_top_k(queries.place(), {queries.data<const uint64_t>(), n_queries, query_stride},
                      {rows.data<const uint64_t>(), n_rows, row_stride}, dim, answers, chosen);
}

// Rows are packed vectors with their stride; or hashes of keys, without.
void hamming_range(const Span& queries, size_t query_stride, const Span& radii, const Span& rows, size_t n_rows,
                   size_t row_stride, uint64_t seed, size_t dim, const Span& cursors, const MaybeSpan& keys) {
  require(dim >= 1 && n_rows < (size_t{1} << kRowBits), "There must be dimensions, and less than 2^33 rows.");
  require(radii.n == cursors.n, "There must be one radius and cursor a query.");
  for (const Span* span : {&radii, &rows, &cursors})
    require(span->device == queries.device, "All arrays must lie on one GPU.");
  const cuda::BitRows asked{queries.data<const uint64_t>(), radii.n, query_stride};
  auto* const places = cursors.data<unsigned long long>();
  auto* const found = keys ? keys->data<uint64_t>() : nullptr;
  const py::gil_scoped_release release;
  if (row_stride != 0)
    cuda::hamming_range(queries.place(), asked, radii.data<const std::int32_t>(),
                        {rows.data<const uint64_t>(), n_rows, row_stride}, dim, places, found);
  else
    cuda::hamming_range_of_atoms(queries.place(), asked, radii.data<const std::int32_t>(), rows.data<const uint64_t>(),
                                 n_rows, seed, dim, places, found);
}

const double* weights_of(const MaybeSpan& weights, size_t dim) {
  require(!weights || weights->n == dim, "There must be one weight a number.");
  return weights ? weights->data<const double>() : nullptr;
}

cuda::RoundedRows rounded_of(const Span& bfloats, const Span& squares, const Span& extremes, size_t n, size_t dim) {
  require(bfloats.n == n * cuda::bfloat_words(dim) && squares.n == n && extremes.n == 2,
          "The rounded rows do not fit the rows.");
  require(squares.device == bfloats.device && extremes.device == bfloats.device, "All arrays must lie on one GPU.");
  return {bfloats.data<std::uint32_t>(), squares.data<double>(), extremes.data<double>()};
}

void round_rows(const Span& rows, size_t dim, const MaybeSpan& weights, bool cosine, const Span& bfloats,
                const Span& squares, const Span& extremes) {
  const size_t n = squares.n;
  require(rows.n == n * dim, "The rows do not fit their dimension.");
  const cuda::RealRows given{rows.data<const float>(), n, dim, weights_of(weights, dim)};
  const cuda::RoundedRows rounded = rounded_of(bfloats, squares, extremes, n, dim);
  const py::gil_scoped_release release;
  cuda::clear(rows.place(), rounded.extremes, 2 * sizeof(double));
  cuda::round_rows(rows.place(), given, cosine, rounded);
}

void real_top_k(const Span& queries, const Span& rows, size_t dim, const MaybeSpan& weights, bool cosine,
                const Span& bfloats, const Span& squares, const Span& extremes, size_t k, const Span& indices,
                const Span& similarities, const std::string& path) {
  const size_t n = squares.n, n_queries = dim == 0 ? 0 : queries.n / dim;
  const int device = queries.device;
  require(k >= 1 && k <= n && k <= cuda::kMostRealNeighbours, "k must be in [1, n], and at most 256.");
  require(rows.n == n * dim && queries.n == n_queries * dim, "The rows do not fit their dimension.");
  require(rows.device == device && bfloats.device == device, "All arrays must lie on one GPU.");
  const double* const given = weights_of(weights, dim);
  const cuda::NearestRows answers{k, data_or_null<std::int64_t>(indices, n_queries * k, device), nullptr,
                                  data_or_null<double>(similarities, n_queries * k, device)};
  const cuda::RoundedRows rounded = rounded_of(bfloats, squares, extremes, n, dim);
  const cuda::SearchPath chosen = path_of(path);
  const py::gil_scoped_release release;
  cuda::real_top_k(queries.place(), {queries.data<const float>(), n_queries, dim, given},
                   {rows.data<const float>(), n, dim, given}, rounded, cosine, answers, chosen);
}

void real_range(const Span& queries, const Span& rows, size_t dim, const MaybeSpan& weights, bool cosine,
                const Span& bfloats, const Span& squares, const Span& extremes, const Span& thresholds,
                const Span& cursors, const MaybeSpan& found, const MaybeSpan& similarities) {
  const size_t n = squares.n, n_queries = cursors.n;
  require(rows.n == n * dim && queries.n == n_queries * dim, "The rows do not fit their dimension.");
  require(thresholds.n == n_queries, "There must be one threshold and cursor a query.");
  require_together(queries, rows, bfloats, thresholds, cursors);
  const double* const given = weights_of(weights, dim);
  const size_t n_found = found ? found->n : 0;
  const cuda::RealMatches matches{data_or_null<std::int64_t>(found, n_found, queries.device),
                                  data_or_null<double>(similarities, n_found, queries.device)};
  require((matches.rows == nullptr) == (matches.similarities == nullptr), "Rows are found with their similarities.");
  const cuda::RoundedRows rounded = rounded_of(bfloats, squares, extremes, n, dim);
  const py::gil_scoped_release release;
  cuda::real_range(queries.place(), {queries.data<const float>(), n_queries, dim, given},
                   thresholds.data<const double>(), {rows.data<const float>(), n, dim, given}, rounded, cosine,
                   cursors.data<unsigned long long>(), matches);
}

void hamming_top_k_of_host(const Array<uint64_t>& queries, const Span& rows, size_t n_rows, size_t row_stride,
                           size_t dim, size_t k, Array<uint64_t> keys, size_t threads) {
  const size_t n = static_cast<size_t>(queries.size()) / std::max<size_t>(1, words_for(dim));
  require(k >= 1 && k <= n_rows, "k must be in [1, n].");
  const auto asked = read(queries);
  const auto answers = write(keys);
  require(asked.size() == n * words_for(dim), "queries must be whole packed vectors.");
  require_size(answers, n * k, "keys");
  const py::gil_scoped_release release;
  cuda::hamming_top_k_of_host(rows.place(), asked.data(), n, {rows.data<const uint64_t>(), n_rows, row_stride}, dim, k,
                              answers.data(), threads);
}

void real_top_k_of_host(const Array<float>& queries, const Span& rows, size_t dim, const MaybeSpan& weights,
                        bool cosine, const Span& bfloats, const Span& squares, const Span& extremes, size_t k,
                        Array<double> pairs, size_t threads) {
  const size_t n_rows = squares.n, n = static_cast<size_t>(queries.size()) / std::max<size_t>(1, dim);
  require(k >= 1 && k <= n_rows && k <= cuda::kMostRealNeighbours, "k must be in [1, n], and at most 256.");
  require(rows.n == n_rows * dim && bfloats.device == rows.device, "The rows do not fit their dimension.");
  const auto asked = read(queries);
  const auto answers = write(pairs);
  require(asked.size() == n * dim, "queries must be whole vectors.");
  require_size(answers, 2 * n * k, "pairs");
  const cuda::RoundedRows rounded = rounded_of(bfloats, squares, extremes, n_rows, dim);
  const cuda::RealRows given{rows.data<const float>(), n_rows, dim, weights_of(weights, dim)};
  const py::gil_scoped_release release;
  cuda::real_top_k_of_host(rows.place(), asked.data(), n, given, rounded, cosine, k, answers.data(), threads);
}

void take_rows(const Span& rows, size_t stride, size_t n_words, const Span& indices, const Span& out) {
  require(rows.device == indices.device && out.device == indices.device, "All arrays must lie on one GPU.");
  const py::gil_scoped_release release;
  cuda::take_rows(indices.place(), rows.data<const std::uint32_t>(), stride, n_words,
                  indices.data<const std::int64_t>(), indices.n, out.data<std::uint32_t>());
}

void put_rows(const Span& rows, size_t n_words, const Span& indices, const Span& values) {
  require(rows.device == indices.device && values.device == indices.device, "All arrays must lie on one GPU.");
  const py::gil_scoped_release release;
  cuda::put_rows(indices.place(), rows.data<std::uint32_t>(), n_words, indices.data<const std::int64_t>(), indices.n,
                 values.data<const std::uint32_t>());
}

void copy_span(const Span& to, const Span& from, size_t n_bytes) {
  const py::gil_scoped_release release;
  cuda::copy(to.place(), to.data<void>(), from.data<const void>(), n_bytes);
}

}  // namespace

void bind_cuda_search(py::module_& module) {
  module.def("hamming_top_k", &hamming_top_k, py::arg("queries"), py::arg("n_queries"), py::arg("query_stride"),
             py::arg("rows"), py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("k"),
             py::arg("indices"), py::arg("distances"), py::arg("similarities"), py::arg("path") = "best",
             "The k rows nearest to each query by Hamming distance.");
  module.def("hamming_range", &hamming_range, py::arg("queries"), py::arg("query_stride"), py::arg("radii"),
             py::arg("rows"), py::arg("n_rows"), py::arg("row_stride"), py::arg("seed"), py::arg("dim"),
             py::arg("cursors"), py::arg("keys"), "Count, or write, the rows or atoms within a distance of queries.");
  module.def("bfloat_words", &cuda::bfloat_words, py::arg("dim"), "Words of a rounded row.");
  module.def("round_rows", &round_rows, py::arg("rows"), py::arg("dim"), py::arg("weights"), py::arg("cosine"),
             py::arg("bfloats"), py::arg("squares"), py::arg("extremes"), "What real_top_k needs of rows besides.");
  module.def("real_top_k", &real_top_k, py::arg("queries"), py::arg("rows"), py::arg("dim"), py::arg("weights"),
             py::arg("cosine"), py::arg("bfloats"), py::arg("squares"), py::arg("extremes"), py::arg("k"),
             py::arg("indices"), py::arg("similarities"), py::arg("path") = "best",
             "The k rows most alike to each query by inner product or cosine.");
  module.def("real_range", &real_range, py::arg("queries"), py::arg("rows"), py::arg("dim"), py::arg("weights"),
             py::arg("cosine"), py::arg("bfloats"), py::arg("squares"), py::arg("extremes"), py::arg("thresholds"),
             py::arg("cursors"), py::arg("found").none(true), py::arg("similarities").none(true),
             "The rows that reach each query's threshold; their numbers alone without places for them.");
  module.def("most_staged_bytes", &cuda::most_staged_bytes,
             "Bytes that a query of host memory, or its answer, may take.");
  module.def("hamming_top_k_of_host", &hamming_top_k_of_host, py::arg("queries").noconvert(), py::arg("rows"),
             py::arg("n_rows"), py::arg("row_stride"), py::arg("dim"), py::arg("k"), py::arg("keys").noconvert(),
             py::arg("threads"), "The same for queries of host memory, as distance * 2**33 + row.");
  module.def("real_top_k_of_host", &real_top_k_of_host, py::arg("queries").noconvert(), py::arg("rows"), py::arg("dim"),
             py::arg("weights"), py::arg("cosine"), py::arg("bfloats"), py::arg("squares"), py::arg("extremes"),
             py::arg("k"), py::arg("pairs").noconvert(), py::arg("threads"),
             "The same for queries of host memory, as pairs of a row's bits and a similarity.");
  module.def("take_rows", &take_rows, py::arg("rows"), py::arg("stride"), py::arg("n_words"), py::arg("indices"),
             py::arg("out"), "Rows by their indices, zeros for those below 0; words are of 32 bits.");
  module.def("put_rows", &put_rows, py::arg("rows"), py::arg("n_words"), py::arg("indices"), py::arg("values"),
             "Rows in the place of others.");
  module.def("copy_span", &copy_span, py::arg("to"), py::arg("source"), py::arg("n_bytes"),
             "Copy bytes on GPUs, on the stream of the target.");
}

}  // namespace hypersketch::bindings
