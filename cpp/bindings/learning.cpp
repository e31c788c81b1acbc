// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/learning.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Floats = Array<float>;

void expand_to(const Floats& rows, const Floats& matrix, const std::optional<Floats>& phases, Floats out,
               size_t threads) {
  const size_t n = extent(rows, 0, 2), n_features = extent(rows, 1, 2), dim = extent(matrix, 1, 2);
  require(extent(matrix, 0, 2) == n_features, "matrix must have one line a feature.");
  const auto answers = write(out);
  require_size(answers, n * dim, "out");
  Expansion expansion{matrix.data(), nullptr, nullptr, n_features, dim};
  if (phases) {
    require_size(read(*phases), 2 * dim, "phases");
    expansion.phases = phases->data();
    expansion.offsets = phases->data() + dim;
  }
  py::gil_scoped_release release;
  expand(rows.data(), n, expansion, answers.data(), threads);
}

void products_to(const Floats& rows, const Floats& vectors, Floats out, size_t threads) {
  const size_t n = extent(rows, 0, 2), dim = extent(rows, 1, 2), n_vectors = extent(vectors, 0, 2);
  require(extent(vectors, 1, 2) == dim, "vectors must have the dimension of rows.");
  const auto answers = write(out);
  require_size(answers, n * n_vectors, "out");
  py::gil_scoped_release release;
  products(rows.data(), n, vectors.data(), n_vectors, dim, answers.data(), threads);
}

void lengths_to(const Floats& rows, Floats out, size_t threads) {
  const size_t n = extent(rows, 0, 2), dim = extent(rows, 1, 2);
  const auto answers = write(out);
  require_size(answers, n, "out");
  py::gil_scoped_release release;
  lengths(rows.data(), n, dim, answers.data(), threads);
}

py::typing::Tuple<size_t, size_t> learn(const Floats& rows, const Floats& row_lengths, const Scores& targets,
                                        const std::optional<Floats>& weights, Floats vectors, const Scores& order,
                                        size_t batch_size, float learning_rate, float margin, bool by_distance,
                                        bool binarized, size_t threads) {
  const size_t n = extent(rows, 0, 2), dim = extent(rows, 1, 2), n_classes = extent(vectors, 0, 2);
  require(extent(vectors, 1, 2) == dim, "vectors must have the dimension of rows.");
  require(n_classes >= 2 && batch_size >= 1, "There must be two classes and a row in a batch.");
  require_size(read(row_lengths), n, "lengths");
  require_size(read(targets), n, "targets");
  if (weights) require_size(read(*weights), n, "weights");
  for (const std::int64_t target : read(targets))
    require(target >= 0 && static_cast<size_t>(target) < n_classes, "A target names a class that does not exist.");
  const size_t n_batches = (n + batch_size - 1) / batch_size;
  for (const std::int64_t batch : read(order))
    require(batch >= 0 && static_cast<size_t>(batch) < n_batches, "order names a batch that does not exist.");
  const auto classes = write(vectors);
  const EncodedRows given{rows.data(), row_lengths.data(), targets.data(), weights ? weights->data() : nullptr, n, dim};
  PassCounts counts;
  {
    py::gil_scoped_release release;
    counts = learn_pass(given, read(order), batch_size, classes.data(), n_classes,
                        {learning_rate, margin, by_distance, binarized}, threads);
  }
  return py::make_tuple(counts.corrected, counts.mistaken);
}

}  // namespace

void bind_learning(py::module_& module) {
  const auto arg = [](const char* name) { return py::arg(name).noconvert(); };
  module.def("expand", &expand_to, arg("rows"), arg("matrix"), arg("phases").none(true), arg("out"), py::arg("threads"),
             "Rows times a matrix; with phases, a line of them and one of offsets, their sines.");
  module.def("inner_products", &products_to, arg("rows"), arg("vectors"), arg("out"), py::arg("threads"),
             "Inner products of every row with every vector.");
  module.def("lengths", &lengths_to, arg("rows"), arg("out"), py::arg("threads"), "Lengths of rows, never 0.");
  module.def("learn_pass", &learn, arg("rows"), arg("lengths"), arg("targets"), arg("weights").none(true),
             arg("vectors"), arg("order"), py::arg("batch_size"), py::arg("learning_rate"), py::arg("margin"),
             py::arg("by_distance"), py::arg("binarized"), py::arg("threads"),
             "Lets rows correct class vectors; returns how many did, and how many a rival won.");
}

}  // namespace hypersketch::bindings
