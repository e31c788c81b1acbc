// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "learning.hpp"

namespace hypersketch::bindings {
namespace {

size_t rows_of(const Span& rows, size_t width) {
  require(width >= 1 && rows.n % width == 0, "The rows must be whole.");
  return rows.n / width;
}

void expand_rows(const Span& rows, const Span& matrix, const std::optional<Span>& phases, size_t dim, const Span& out) {
  require_together(rows, matrix, out);
  const size_t n_features = rows_of(matrix, dim), n = rows_of(rows, n_features);
  require(out.n == n * dim && (!phases || (phases->n == 2 * dim && phases->device == rows.device)),
          "out must have dim entries a row, and there must be dim phases and offsets.");
  const py::gil_scoped_release release;
  cuda::expand_rows(rows.place(), rows.data<const float>(), n,
                    {matrix.data<const float>(), phases ? phases->data<const float>() : nullptr, n_features, dim},
                    out.data<float>());
}

void feature_levels(const Span& rows, const Span& low, const Span& span, std::uint32_t n_levels, const Span& out) {
  require_together(rows, low, span, out);
  require(low.n == span.n && out.n == rows.n && n_levels >= 1, "There must be one range a feature.");
  rows_of(rows, low.n);
  const py::gil_scoped_release release;
  cuda::feature_levels(rows.place(), rows.data<const float>(), rows.n,
                       {low.data<const float>(), span.data<const float>(), low.n, n_levels}, out.data<std::uint32_t>());
}

void pack_rows(const Span& rows, size_t dim, const Span& out) {
  require_together(rows, out);
  const size_t n = rows_of(rows, dim);
  require(out.n == n * words_for(dim), "out must have one packed vector a row.");
  const py::gil_scoped_release release;
  cuda::pack_rows(rows.place(), rows.data<const float>(), n, dim, out.data<uint64_t>());
}

template <class T>
void sign_entries(const Span& values, const Span& out) {
  require_together(values, out);
  require(out.n == values.n, "out must have as many entries.");
  const py::gil_scoped_release release;
  cuda::sign_entries(values.place(), values.data<const float>(), values.n, out.data<T>());
}

void clip_sums(const Span& sums, std::int32_t clip, const Span& out) {
  require_together(sums, out);
  require(out.n == sums.n && clip >= 0, "out must have as many entries.");
  const py::gil_scoped_release release;
  cuda::clip_sums(sums.place(), sums.data<const std::int32_t>(), sums.n, clip, out.data<float>());
}

void fold_rows(const Span& rows, size_t inner_dim, const Span& keys, size_t dim, const Span& out) {
  require_together(rows, keys, out);
  const size_t n = rows_of(rows, inner_dim), n_segments = rows_of(keys, dim);
  require(out.n == n * dim, "out must have dim entries a row.");
  const py::gil_scoped_release release;
  cuda::fold_rows(rows.place(), rows.data<const float>(), n, inner_dim, keys.data<const float>(), n_segments, dim,
                  out.data<float>());
}

// The caller has looked at the columns.
void take_columns(const Span& rows, size_t dim, const Span& columns, const Span& out) {
  require_together(rows, columns, out);
  const size_t n = rows_of(rows, dim);
  require(out.n == n * columns.n, "out must have one entry a column of each row.");
  const py::gil_scoped_release release;
  cuda::take_columns(rows.place(), rows.data<const float>(), n, dim, columns.data<const std::int64_t>(), columns.n,
                     out.data<float>());
}

void inner_products(const Span& rows, const Span& vectors, size_t dim, const Span& out) {
  require_together(rows, vectors, out);
  const size_t n = rows_of(rows, dim), n_vectors = rows_of(vectors, dim);
  require(out.n == n * n_vectors, "out must have one entry a row and vector.");
  const py::gil_scoped_release release;
  cuda::inner_products(rows.place(), rows.data<const float>(), n, vectors.data<const float>(), n_vectors, dim,
                       out.data<float>());
}

void packed_similarities(const Span& rows, const Span& vectors, size_t dim, const Span& out) {
  require_together(rows, vectors, out);
  const size_t n = rows_of(rows, words_for(dim)), n_vectors = rows_of(vectors, words_for(dim));
  require(out.n == n * n_vectors, "out must have one entry a row and vector.");
  const py::gil_scoped_release release;
  cuda::packed_similarities(rows.place(), rows.data<const uint64_t>(), n, vectors.data<const uint64_t>(), n_vectors,
                            dim, out.data<double>());
}

void row_lengths(const Span& rows, size_t dim, const Span& out) {
  require_together(rows, out);
  const size_t n = rows_of(rows, dim);
  require(out.n == n, "out must have one entry a row.");
  const py::gil_scoped_release release;
  cuda::row_lengths(rows.place(), rows.data<const float>(), n, dim, out.data<float>());
}

void divide_scores(const Span& scores, const Span& vector_lengths, const Span& lengths) {
  require_together(scores, vector_lengths, lengths);
  require(scores.n == vector_lengths.n * lengths.n, "There must be one score a row and vector.");
  const py::gil_scoped_release release;
  cuda::divide_scores(scores.place(), scores.data<float>(), lengths.n, vector_lengths.n,
                      vector_lengths.data<const float>(), lengths.data<const float>());
}

template <class T>
void best_columns(const Span& scores, size_t n_columns, const Span& out) {
  require_together(scores, out);
  require(rows_of(scores, n_columns) == out.n, "out must have one entry a row.");
  const py::gil_scoped_release release;
  cuda::best_columns(scores.place(), scores.data<const T>(), out.n, n_columns, out.data<std::int64_t>());
}

template <class T>
void least_columns(const Span& distances, size_t n_columns, const Span& out) {
  require_together(distances, out);
  require(rows_of(distances, n_columns) == out.n, "out must have one entry a row.");
  const py::gil_scoped_release release;
  cuda::least_columns(distances.place(), distances.data<const T>(), out.n, n_columns, out.data<std::int32_t>());
}

void cosine_distances(const Span& scores, const Span& lengths) {
  require_together(scores, lengths);
  const size_t n_columns = scores.n / std::max<size_t>(1, lengths.n);
  require(scores.n == n_columns * lengths.n, "There must be one length a row.");
  const py::gil_scoped_release release;
  cuda::cosine_distances(scores.place(), scores.data<float>(), lengths.n, n_columns, lengths.data<const float>());
}

void sign_distances(const Span& scores) {
  const py::gil_scoped_release release;
  cuda::sign_distances(scores.place(), scores.data<double>(), scores.n);
}

template <class T>
void subtract_columns(const Span& scores, const Span& out) {
  require_together(scores, out);
  require(scores.n == 2 * out.n, "There must be two columns.");
  const py::gil_scoped_release release;
  cuda::subtract_columns(scores.place(), scores.data<const T>(), out.n, out.data<T>());
}

// ---- classes; the caller has looked at the targets

cuda::ClassRows class_rows(const Span& rows, size_t dim, const std::optional<Span>& lengths, const Span& targets,
                           const std::optional<Span>& weights, const Span& vectors) {
  require_together(rows, targets, vectors);
  const size_t n = rows_of(rows, dim);
  require(targets.n == n && (!weights || (weights->n == n && weights->device == rows.device)) &&
              (!lengths || (lengths->n == n && lengths->device == rows.device)),
          "There must be one target, weight and length a row.");
  rows_of(vectors, dim);
  return {rows.data<const float>(),
          lengths ? lengths->data<const float>() : nullptr,
          targets.data<const std::int64_t>(),
          weights ? weights->data<const float>() : nullptr,
          n,
          dim};
}

void add_to_classes(const Span& rows, size_t dim, const Span& targets, const std::optional<Span>& weights,
                    size_t batch_size, const Span& vectors) {
  const cuda::ClassRows given = class_rows(rows, dim, std::nullopt, targets, weights, vectors);
  require(batch_size >= 1, "There must be a row in a batch.");
  const py::gil_scoped_release release;
  cuda::add_to_classes(rows.place(), given, batch_size, vectors.data<float>(), vectors.n / dim);
}

py::typing::Tuple<size_t, size_t> learn_pass(const Span& rows, size_t dim, const Span& lengths, const Span& targets,
                                             const std::optional<Span>& weights, const Span& vectors,
                                             const Scores& order, size_t batch_size, float learning_rate, float margin,
                                             bool by_distance, bool binarized) {
  const cuda::ClassRows given = class_rows(rows, dim, lengths, targets, weights, vectors);
  require(vectors.n >= 2 * dim && batch_size >= 1, "There must be two classes and a row in a batch.");
  const auto batches = read(order);
  for (const std::int64_t batch : batches)
    require(batch >= 0 && static_cast<size_t>(batch) * batch_size < given.n,
            "order names a batch that does not exist.");
  cuda::ClassCounts counts;
  {
    const py::gil_scoped_release release;
    counts = cuda::learn_pass(rows.place(), given, batches.data(), batches.size(), batch_size, vectors.data<float>(),
                              vectors.n / dim, {learning_rate, margin, by_distance, binarized});
  }
  return py::make_tuple(counts.corrected, counts.mistaken);
}

void bind_rows_of_features(py::module_& module) {
  module.def("expand_rows", &expand_rows, py::arg("rows"), py::arg("matrix"), py::arg("phases").none(true),
             py::arg("dim"), py::arg("out"), "Rows times a matrix; with phases and offsets, their sines.");
  module.def("feature_levels", &feature_levels, py::arg("rows"), py::arg("low"), py::arg("span"), py::arg("n_levels"),
             py::arg("out"), "Nearest levels of values in their features' ranges.");
  module.def("pack_rows", &pack_rows, py::arg("rows"), py::arg("dim"), py::arg("out"), "Bits of negative entries.");
  module.def("sign_entries_f32", &sign_entries<float>, py::arg("values"), py::arg("out"), "Signs, -1 and 1.");
  module.def("sign_entries_i8", &sign_entries<std::int8_t>, py::arg("values"), py::arg("out"), "Signs, -1 and 1.");
  module.def("clip_sums", &clip_sums, py::arg("sums"), py::arg("clip"), py::arg("out"),
             "Sums as floats, clipped unless clip is 0.");
  module.def("fold_rows", &fold_rows, py::arg("rows"), py::arg("inner_dim"), py::arg("keys"), py::arg("dim"),
             py::arg("out"), "Sums of the segments of rows, each times its key.");
  module.def("take_columns", &take_columns, py::arg("rows"), py::arg("dim"), py::arg("columns"), py::arg("out"),
             "Some entries of every row.");
}

}  // namespace

void bind_cuda_learning(py::module_& module) {
  bind_rows_of_features(module);
  module.def("inner_products", &inner_products, py::arg("rows"), py::arg("vectors"), py::arg("dim"), py::arg("out"),
             "Inner products of every row with every vector.");
  module.def("packed_similarities", &packed_similarities, py::arg("rows"), py::arg("vectors"), py::arg("dim"),
             py::arg("out"), "Inner products of packed rows and vectors over the dimension.");
  module.def("row_lengths", &row_lengths, py::arg("rows"), py::arg("dim"), py::arg("out"), "Lengths of rows, never 0.");
  module.def("divide_scores", &divide_scores, py::arg("scores"), py::arg("vector_lengths"), py::arg("lengths"),
             "Inner products over both lengths, where they are.");
  module.def("best_columns_f32", &best_columns<float>, py::arg("scores"), py::arg("n_columns"), py::arg("out"),
             "Where the largest score of each row is.");
  module.def("best_columns_f64", &best_columns<double>, py::arg("scores"), py::arg("n_columns"), py::arg("out"),
             "Where the largest score of each row is.");
  module.def("least_columns_f32", &least_columns<float>, py::arg("distances"), py::arg("n_columns"), py::arg("out"),
             "Where the smallest distance of each row is.");
  module.def("least_columns_f64", &least_columns<double>, py::arg("distances"), py::arg("n_columns"), py::arg("out"),
             "Where the smallest distance of each row is.");
  module.def("cosine_distances", &cosine_distances, py::arg("scores"), py::arg("lengths"),
             "1 less inner products over the rows' lengths, where they are.");
  module.def("sign_distances", &sign_distances, py::arg("scores"),
             "Shares of signs that differ from their similarities, where these are.");
  module.def("subtract_columns_f32", &subtract_columns<float>, py::arg("scores"), py::arg("out"),
             "The second score of each row less the first.");
  module.def("subtract_columns_f64", &subtract_columns<double>, py::arg("scores"), py::arg("out"),
             "The second score of each row less the first.");
  module.def("add_to_classes", &add_to_classes, py::arg("rows"), py::arg("dim"), py::arg("targets"),
             py::arg("weights").none(true), py::arg("batch_size"), py::arg("vectors"),
             "Add rows to the vectors of their classes.");
  module.def("learn_pass", &learn_pass, py::arg("rows"), py::arg("dim"), py::arg("lengths"), py::arg("targets"),
             py::arg("weights").none(true), py::arg("vectors"), py::arg("order").noconvert(), py::arg("batch_size"),
             py::arg("learning_rate"), py::arg("margin"), py::arg("by_distance"), py::arg("binarized"),
             "Let rows correct class vectors; returns how many did, and how many a rival won.");
}

}  // namespace hypersketch::bindings
