// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "retrieval.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;
using cuda::AskedRows;

// The place of a name among others.
template <size_t kNames>
size_t choice(const std::string& name, const char* const (&names)[kNames], const char* must) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  require(found != std::end(names), must);
  return static_cast<size_t>(found - std::begin(names));
}

const float* floats_or_null(const MaybeSpan& span, size_t n, int device) {
  if (!span) return nullptr;
  require(span->n == n, "There must be one number a row.");
  require(span->device == device, "All arrays must lie on one GPU.");
  return span->data<const float>();
}

cuda::StoredType type_of(const std::string& dtype) {
  return static_cast<cuda::StoredType>(choice(dtype, {"float32", "bfloat16", "int8", "float8"},
                                              "dtype must be 'float32', 'bfloat16', 'int8' or 'float8'."));
}

// Rows of a store, and how they are compared with queries.
struct StoredPatterns {
  StoredPatterns(const Span& rows, const std::string& dtype, size_t n, size_t dim, const MaybeSpan& scales,
                 const MaybeSpan& lengths, const std::string& similarity)
      : device(rows.device) {
    const auto type = type_of(dtype);
    const auto likeness = static_cast<cuda::Likeness>(
        choice(similarity, {"dot", "cosine", "euclidean", "manhattan"}, "There is no such similarity."));
    require(n >= 1 && n < 0xFFFFFFFFU && dim >= 1 && dim <= 65536, "There must be rows of 1 to 2**16 numbers.");
    const size_t stride = cuda::padded_bytes(type, dim);
    require(rows.n * cuda::size_of(type) >= n * stride && rows.pointer % 16 == 0, "The rows are not padded.");
    require(scales.has_value() == cuda::is_scaled(type), "Rows of 8 bits a number, and no others, need scales.");
    const bool by_lengths = likeness == cuda::Likeness::kCosine || likeness == cuda::Likeness::kEuclidean;
    require(lengths.has_value() || !by_lengths, "This similarity needs lengths.");
    patterns = {{rows.data<const void>(), type, n, dim, stride, floats_or_null(scales, n, device)},
                floats_or_null(lengths, n, device),
                likeness};
  }

  cuda::Compared patterns{};
  int device;
};

AskedRows asked_of(const StoredPatterns& store, const Span& queries, const Span& betas) {
  const size_t dim = store.patterns.rows.dim;
  require(queries.n == betas.n * dim, "Queries must have the dimension of the patterns, and a beta each.");
  require(queries.device == store.device && betas.device == store.device, "All arrays must lie on one GPU.");
  return {queries.data<const float>(), betas.n, betas.data<const float>()};
}

// How a step makes weights; a degree or a number of the best is in [1, 2**32).
struct StepRule {
  StepRule(const std::string& kind, size_t degree, double sum_exponent, double weight_exponent)
      : rule{static_cast<cuda::StepKind>(
                 choice(kind, {"softmax", "power", "threshold", "best"}, "There is no such rule of steps.")),
             degree, sum_exponent, weight_exponent} {
    require(rule.kind != cuda::StepKind::kPower || (degree >= 1 && degree <= 64), "A degree is in [1, 64].");
    const bool rise =
        sum_exponent > 0.0 && std::isfinite(sum_exponent) && weight_exponent > 0.0 && std::isfinite(weight_exponent);
    require(rule.kind != cuda::StepKind::kThreshold || rise, "Exponents are finite and above 0.");
  }
  // For a store with its patterns.
  const cuda::StepRule& of(const StoredPatterns& store) const {
    const bool best = rule.kind == cuda::StepKind::kBest;
    require(!best || (rule.degree >= 1 && rule.degree <= store.patterns.rows.n),
            "k must be in [1, the number of patterns].");
    return rule;
  }

  cuda::StepRule rule;
};

cuda::Precision precision_of(const std::string& name) {
  return static_cast<cuda::Precision>(choice(name, {"float32", "tf32", "bfloat16"}, "There is no such precision."));
}

cuda::RetrievalPath path_of(const std::string& name) {
  return static_cast<cuda::RetrievalPath>(choice(name, {"best", "tiles", "groups"}, "There is no such path."));
}

template <class T>
T* out_of(const Span& span, size_t n, int device) {
  require(span.n == n, "An output does not have its size.");
  require(span.device == device, "All arrays must lie on one GPU.");
  return span.data<T>();
}

cuda::WeightSums* sums_of(const Span& sums, size_t n, int device) {
  return reinterpret_cast<cuda::WeightSums*>(out_of<double>(sums, 3 * n, device));
}

void retrieve_states(const StoredPatterns& store, const StoredPatterns& values, const Span& queries, const Span& betas,
                     const StepRule& rule, const std::string& precision, const Span& states, const Span& sums,
                     const std::string& path) {
  const AskedRows asked = asked_of(store, queries, betas);
  const cuda::StoredRows& projected = values.patterns.rows;
  require(projected.n == store.patterns.rows.n && projected.type == store.patterns.rows.type &&
              values.device == store.device,
          "There must be one value a pattern, of the same type, on the same GPU.");
  const cuda::StepRule& step = rule.of(store);
  float* const to = out_of<float>(states, asked.n * projected.dim, store.device);
  cuda::WeightSums* const of_weights = sums_of(sums, asked.n, store.device);
  const auto chosen = precision_of(precision);
  const auto by = path_of(path);
  const py::gil_scoped_release release;
  cuda::take_step(queries.place(), store.patterns, projected, asked, step, chosen, to, of_weights, by);
}

void walk_patterns(const StoredPatterns& store, const Span& states, const Span& betas, const StepRule& rule,
                   const std::string& precision, size_t steps, float tolerance, const Span& before, const Span& sums,
                   const Span& n_steps, const Span& converged, const std::string& path) {
  const AskedRows asked = asked_of(store, states, betas);
  const size_t n = asked.n, dim = store.patterns.rows.dim;
  const cuda::StepRule& step = rule.of(store);
  const cuda::Walked walked{states.data<float>(), out_of<float>(before, n * dim, store.device),
                            sums_of(sums, n, store.device), out_of<std::int64_t>(n_steps, n, store.device),
                            out_of<bool>(converged, n, store.device)};
  const auto chosen = precision_of(precision);
  const auto by = path_of(path);
  const py::gil_scoped_release release;
  cuda::walk(states.place(), store.patterns, asked, step, chosen, steps, tolerance, walked, by);
}

void nearest_patterns(const StoredPatterns& store, const Span& queries, const Span& betas, size_t k,
                      const Span& indices, const Span& scores) {
  const AskedRows asked = asked_of(store, queries, betas);
  require(k >= 1 && k <= store.patterns.rows.n, "k must be in [1, the number of patterns].");
  auto* const places = out_of<std::int64_t>(indices, asked.n * k, store.device);
  auto* const found = out_of<float>(scores, asked.n * k, store.device);
  const py::gil_scoped_release release;
  cuda::nearest_patterns(queries.place(), store.patterns, asked, k, places, found);
}

using Integers = Array<std::int64_t>;
using Listed = py::typing::Tuple<Integers, Integers, Array<float>>;

Listed listed(const std::vector<std::vector<cuda::ScoredPattern>>& found) {
  size_t total = 0;
  for (const auto& one : found) total += one.size();
  Integers starts(static_cast<py::ssize_t>(found.size() + 1)), patterns(static_cast<py::ssize_t>(total));
  Array<float> scores(static_cast<py::ssize_t>(total));
  std::int64_t at = 0;
  starts.mutable_data()[0] = 0;
  for (size_t q = 0; q < found.size(); ++q) {
    for (const auto& one : found[q]) {
      patterns.mutable_data()[at] = one.pattern;
      scores.mutable_data()[at++] = one.score;
    }
    starts.mutable_data()[q + 1] = at;
  }
  return py::make_tuple(starts, patterns, scores);
}

Listed scores_above(const StoredPatterns& store, const Span& queries, const Span& betas, const Span& bounds) {
  const AskedRows asked = asked_of(store, queries, betas);
  const auto* const limits = out_of<const float>(bounds, asked.n, store.device);
  std::vector<std::vector<cuda::ScoredPattern>> found;
  {
    const py::gil_scoped_release release;
    found = cuda::scores_above(queries.place(), store.patterns, asked, limits);
  }
  return listed(found);
}

void keep_rows(const Span& rows, size_t dim, const std::string& dtype, const Span& kept, const MaybeSpan& scales,
               const Span& lengths, const Span& largest) {
  const size_t n = lengths.n;
  const auto type = type_of(dtype);
  require(rows.n == n * dim && kept.n * cuda::size_of(type) == n * cuda::padded_bytes(type, dim), "Rows do not fit.");
  const auto* const of_rows = floats_or_null(scales, n, rows.device);
  auto* const of_lengths = out_of<float>(lengths, n, rows.device);
  auto* const most = out_of<float>(largest, n, rows.device);
  const py::gil_scoped_release release;
  cuda::keep_rows(rows.place(), rows.data<const float>(), n, dim, type, kept.data<void>(), const_cast<float*>(of_rows),
                  of_lengths, most);
}

void squared_lengths(const Span& rows, size_t dim, const Span& squares) {
  require(rows.n == squares.n * dim, "Rows do not fit.");
  auto* const to = out_of<double>(squares, squares.n, rows.device);
  const py::gil_scoped_release release;
  cuda::squared_lengths(rows.place(), rows.data<const float>(), squares.n, dim, to);
}

}  // namespace

void bind_cuda_retrieval(py::module_& module) {
  py::class_<StoredPatterns>(module, "StoredPatterns", "Rows of patterns or values, and how they are compared.")
      .def(py::init<const Span&, const std::string&, size_t, size_t, const MaybeSpan&, const MaybeSpan&,
                    const std::string&>(),
           py::arg("rows"), py::arg("dtype"), py::arg("n"), py::arg("dim"), py::arg("scales"), py::arg("lengths"),
           py::arg("similarity"));
  py::class_<StepRule>(module, "StepRule",
                       "How a step makes weights of scores: 'softmax', 'power', 'threshold', 'best'.")
      .def(py::init<const std::string&, size_t, double, double>(), py::arg("kind"), py::arg("degree"),
           py::arg("sum_exponent"), py::arg("weight_exponent"));
  module.def("retrieve_states", &retrieve_states, py::arg("patterns"), py::arg("values"), py::arg("queries"),
             py::arg("betas"), py::arg("rule"), py::arg("precision"), py::arg("states"), py::arg("sums"),
             py::arg("path") = "best",
             "Weighted means of values, and each query's maximum or threshold, sum of weights, sum of squares.");
  module.def("walk_patterns", &walk_patterns, py::arg("patterns"), py::arg("states"), py::arg("betas"), py::arg("rule"),
             py::arg("precision"), py::arg("steps"), py::arg("tolerance"), py::arg("before"), py::arg("sums"),
             py::arg("n_steps"), py::arg("converged"), py::arg("path") = "best",
             "Steps of which each begins where the last one ended; the states are the queries at first.");
  module.def("nearest_patterns", &nearest_patterns, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("k"), py::arg("indices"), py::arg("scores"), "The best patterns of every query.");
  module.def("scores_above", &scores_above, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("bounds"),
             "Patterns whose scores are above a bound: where each query's begin, the patterns, their scores.");
  module.def("keep_rows", &keep_rows, py::arg("rows"), py::arg("dim"), py::arg("dtype"), py::arg("kept"),
             py::arg("scales"), py::arg("lengths"), py::arg("largest"), "Float rows as a store keeps them.");
  module.def("squared_lengths", &squared_lengths, py::arg("rows"), py::arg("dim"), py::arg("squares"),
             "Squared lengths of float rows.");
}

}  // namespace hypersketch::bindings
