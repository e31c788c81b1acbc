// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "nearest.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;

cuda::Nearness kind_of(const std::string& name) {
  if (name == "dot") return cuda::Nearness::kDot;
  if (name == "cosine") return cuda::Nearness::kCosine;
  require(name == "euclidean", "The similarity must be 'dot', 'cosine' or 'euclidean'.");
  return cuda::Nearness::kEuclidean;
}

// Queries and rows on a GPU; the caller keeps them.
struct Near {
  Near(const std::string& kind, size_t dim, const Span& queries, const Span& query_squares, const Span& rows,
       const Span& row_squares)
      : place(queries.place()),
        view{kind_of(kind),
             dim,
             queries.data<const float>(),
             query_squares.data<const double>(),
             query_squares.n,
             rows.data<const float>(),
             row_squares.data<const double>(),
             row_squares.n} {
    require_together(queries, query_squares, rows, row_squares);
    require(dim >= 1 && dim <= (size_t{1} << 24), "The dimension must be in [1, 2**24].");
    require(queries.n == query_squares.n * dim && rows.n == row_squares.n * dim, "There must be one square a row.");
  }

  cuda::NearItems items(size_t k, std::int64_t first, const Span& indices, const Span& similarities) const {
    require(k >= 1 && k <= view.n_rows, "k must be in [1, n].");
    require(indices.n == view.n_queries * k && similarities.n == indices.n, "There must be k answers a query.");
    require(indices.device == place.device && similarities.device == place.device, "All must lie on one GPU.");
    return {k, first, indices.data<std::int64_t>(), similarities.data<double>()};
  }

  cuda::Place place;
  cuda::NearRows view;
};

void row_squares_of(const Span& rows, size_t dim, const Span& out) {
  require_together(rows, out);
  require(dim >= 1 && rows.n == out.n * dim, "There must be one square a row.");
  const py::gil_scoped_release release;
  cuda::row_squares_of(rows.place(), rows.data<const float>(), out.n, dim, out.data<double>());
}

void lift_rows(const Span& rows, size_t dim, const MaybeSpan& squares, float scale, const Span& out) {
  require_together(rows, out);
  const size_t n = rows.n / dim;
  require(rows.n == n * dim && out.n == n * (dim + 2), "There must be one row a row.");
  require(!squares || (squares->n == n && squares->device == rows.device), "There must be one square a row.");
  const py::gil_scoped_release release;
  cuda::lifted(rows.place(), rows.data<const float>(), n, dim, squares ? squares->data<const double>() : nullptr, scale,
               out.data<float>());
}

void best_of_candidates(const Near& near, const Span& rows, const Span& scores, double longest, size_t k,
                        std::int64_t first, const Span& indices, const Span& similarities, const Span& settled) {
  require_together(rows, scores, indices, settled);
  const cuda::NearItems items = near.items(k, first, indices, similarities);
  const size_t n = near.view.n_queries, many = n == 0 ? k : rows.n / n;
  require(many >= k && rows.n == n * many && scores.n == rows.n && settled.n == n, "The candidates do not fit.");
  const py::gil_scoped_release release;
  cuda::best_of_candidates(near.place, near.view,
                           {rows.data<const std::int64_t>(), scores.data<const double>(), many, longest}, items,
                           settled.data<bool>());
}

void best_of_all(const Near& near, const std::vector<std::int64_t>& queries, size_t k, std::int64_t first,
                 const Span& indices, const Span& similarities) {
  const cuda::NearItems items = near.items(k, first, indices, similarities);
  for (const std::int64_t query : queries)
    require(query >= 0 && static_cast<size_t>(query) < near.view.n_queries, "There is no such query.");
  const py::gil_scoped_release release;
  cuda::best_of_all(near.place, near.view, queries, items);
}

void soften(const Span& similarities, size_t k, double temperature, const Span& weights) {
  require_together(similarities, weights);
  require(k >= 1 && similarities.n % k == 0 && weights.n == similarities.n, "There must be one weight a similarity.");
  const py::gil_scoped_release release;
  cuda::soften(similarities.place(), similarities.data<const double>(), similarities.n / k, k, temperature,
               weights.data<double>());
}

cuda::WeightedItems weighted(const Span& weights, const Span& indices, std::int64_t first, size_t k) {
  require_together(weights, indices);
  require(k >= 1 && weights.n % k == 0 && indices.n == weights.n, "There must be one weight an item.");
  return {weights.data<const double>(), indices.data<const std::int64_t>(), first, weights.n / k, k};
}

void mix_vectors(const Span& weights, const Span& indices, std::int64_t first, size_t k, const Span& values,
                 size_t width, const Span& out) {
  require_together(weights, values, out);
  const cuda::WeightedItems items = weighted(weights, indices, first, k);
  require(out.n == items.n * width, "There must be one answer a query.");
  const py::gil_scoped_release release;
  cuda::mix_vectors(weights.place(), items, values.data<const float>(), width, out.data<float>());
}

void mix_tokens(const Span& weights, const Span& indices, std::int64_t first, size_t k, const Span& tokens,
                size_t n_tokens, const Span& out) {
  require_together(weights, tokens, out);
  const cuda::WeightedItems items = weighted(weights, indices, first, k);
  require(out.n == items.n * n_tokens, "There must be one answer a query.");
  const py::gil_scoped_release release;
  cuda::mix_tokens(weights.place(), items, tokens.data<const std::int64_t>(), n_tokens, out.data<double>());
}

}  // namespace

void bind_cuda_nearest(py::module_& module) {
  py::class_<Near>(module, "Near", "Queries and rows on a GPU; the caller keeps them.")
      .def(py::init<const std::string&, size_t, const Span&, const Span&, const Span&, const Span&>(), py::arg("kind"),
           py::arg("dim"), py::arg("queries"), py::arg("query_squares"), py::arg("rows"), py::arg("row_squares"));
  module.def("row_squares_of", &row_squares_of, py::arg("rows"), py::arg("dim"), py::arg("out"),
             "Squared lengths of rows, in NumPy's order.");
  module.def("lift_rows", &lift_rows, py::arg("rows"), py::arg("dim"), py::arg("squares"), py::arg("scale"),
             py::arg("out"), "Rows of two numbers more, whose inner products rank as distances do.");
  module.def("best_of_candidates", &best_of_candidates, py::arg("near"), py::arg("rows"), py::arg("scores"),
             py::arg("longest"), py::arg("k"), py::arg("first"), py::arg("indices"), py::arg("similarities"),
             py::arg("settled"), "The best of candidates, and whether they are the best of all rows.");
  module.def("best_of_all", &best_of_all, py::arg("near"), py::arg("queries"), py::arg("k"), py::arg("first"),
             py::arg("indices"), py::arg("similarities"), "The best of all rows for some queries.");
  module.def("soften", &soften, py::arg("similarities"), py::arg("k"), py::arg("temperature"), py::arg("weights"),
             "Softmax of similarities over a temperature.");
  module.def("mix_vectors", &mix_vectors, py::arg("weights"), py::arg("indices"), py::arg("first"), py::arg("k"),
             py::arg("values"), py::arg("width"), py::arg("out"), "Weighted means of the values of items.");
  module.def("mix_tokens", &mix_tokens, py::arg("weights"), py::arg("indices"), py::arg("first"), py::arg("k"),
             py::arg("tokens"), py::arg("n_tokens"), py::arg("out"), "Distributions over the tokens of items.");
}

}  // namespace hypersketch::bindings
