// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/sparse_retrieval.hpp"
#include "retrieval.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;
using cuda::AskedRows;
using cuda::SeparationKind;

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

cuda::Separating separating_of(const std::string& separation, const MaybeSpan& thresholds, float exponent, size_t n,
                               int device) {
  const auto kind = static_cast<SeparationKind>(
      choice(separation, {"softmax", "beyond", "power"}, "A separation is 'softmax', 'beyond' or 'power'."));
  require(thresholds.has_value() == (kind == SeparationKind::kBeyond), "Only 'beyond' takes thresholds.");
  const bool whole = exponent >= 1.0F && exponent <= 64.0F && exponent == std::floor(exponent);
  require(kind != SeparationKind::kPower || whole, "A degree is in [1, 64].");
  return {kind, floats_or_null(thresholds, n, device), exponent};
}

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
                     const std::string& separation, const MaybeSpan& thresholds, float exponent,
                     const std::string& precision, const Span& states, const Span& sums, const std::string& path) {
  const AskedRows asked = asked_of(store, queries, betas);
  const cuda::StoredRows& projected = values.patterns.rows;
  require(projected.n == store.patterns.rows.n && projected.type == store.patterns.rows.type &&
              values.device == store.device,
          "There must be one value a pattern, of the same type, on the same GPU.");
  const auto separating = separating_of(separation, thresholds, exponent, asked.n, store.device);
  float* const to = out_of<float>(states, asked.n * projected.dim, store.device);
  cuda::WeightSums* const of_weights = sums_of(sums, asked.n, store.device);
  const auto chosen = precision_of(precision);
  const auto by = path_of(path);
  const py::gil_scoped_release release;
  cuda::retrieve_states(queries.place(), store.patterns, projected, asked, separating, chosen, to, of_weights, by);
}

void walk_patterns(const StoredPatterns& store, const Span& states, const Span& betas, const std::string& separation,
                   float exponent, const std::string& precision, size_t steps, float tolerance, const Span& before,
                   const Span& sums, const Span& n_steps, const Span& converged, const std::string& path) {
  const AskedRows asked = asked_of(store, states, betas);
  const size_t n = asked.n, dim = store.patterns.rows.dim;
  const auto separating = separating_of(separation, std::nullopt, exponent, n, store.device);
  const cuda::Walked walked{states.data<float>(), out_of<float>(before, n * dim, store.device),
                            sums_of(sums, n, store.device), out_of<std::int64_t>(n_steps, n, store.device),
                            out_of<bool>(converged, n, store.device)};
  const auto chosen = precision_of(precision);
  const auto by = path_of(path);
  const py::gil_scoped_release release;
  cuda::walk(states.place(), store.patterns, asked, separating, chosen, steps, tolerance, walked, by);
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
  cuda::ListedPatterns found;
  {
    const py::gil_scoped_release release;
    found = cuda::scores_above(queries.place(), store.patterns, asked, limits, 0);
  }
  return listed(found.found);
}

template <class T>
std::vector<T> on_host(cuda::Place place, const T* data, size_t n) {
  std::vector<T> copied(n);
  cuda::copy_to_host(place, copied.data(), data, n * sizeof(T));
  return copied;
}

// Memory of a call for numbers of the host.
template <class T>
struct Copied {
  Copied(cuda::Place place, const std::vector<T>& numbers) : memory(place.device, numbers.size() * sizeof(T)) {
    cuda::copy_from_host(place, memory.data(), numbers.data(), numbers.size() * sizeof(T));
  }
  const T* data() const { return static_cast<const T*>(memory.data()); }
  cuda::Memory memory;
};

// A pass that only measures weights.
std::vector<cuda::WeightSums> measured(cuda::Place place, const cuda::Compared& patterns, AskedRows asked,
                                       cuda::Separating separating) {
  const cuda::Memory sums(place.device, asked.n * sizeof(cuda::WeightSums));
  auto* const there = static_cast<cuda::WeightSums*>(sums.data());
  cuda::weight_sums(place, patterns, asked, separating, there);
  return on_host(place, there, asked.n);
}

// The threshold of one query, and of its patterns those that are beyond it.
double settle(std::vector<cuda::ScoredPattern>& found, double beta, double exponent) {
  std::vector<Found> candidates;
  double most = -std::numeric_limits<double>::infinity();
  for (const auto& one : found) {
    candidates.push_back({one.score, one.pattern});
    most = std::max(most, static_cast<double>(one.score));
  }
  const double threshold = threshold_of(candidates, beta, most, exponent);
  std::erase_if(found, [&](const auto& one) { return beta * static_cast<double>(one.score) <= threshold; });
  return threshold;
}

struct Sparse {
  std::vector<std::vector<cuda::ScoredPattern>> found;
  std::vector<double> thresholds;
  std::vector<char> dense;
};

// As support_of does on the CPU: the threshold is at least the largest beta score less 1.
Sparse support_of(cuda::Place place, const cuda::Compared& patterns, AskedRows asked, double exponent) {
  const auto betas = on_host(place, asked.betas, asked.n);
  const auto sums = measured(place, patterns, asked, {SeparationKind::kSoftmax, nullptr, 1.0F});
  std::vector<float> bounds(asked.n);
  for (size_t q = 0; q < asked.n; ++q) {
    const double least = sums[q].maximum - 1.0, safe = least - 4e-7 * std::fabs(sums[q].maximum);
    bounds[q] = std::nextafter(static_cast<float>(safe / static_cast<double>(betas[q])), -HUGE_VALF);
  }
  const Copied<float> limits(place, bounds);
  cuda::ListedPatterns listed = cuda::scores_above(place, patterns, asked, limits.data(), kMostCandidates);
  Sparse sparse{std::move(listed.found), std::vector<double>(asked.n), std::vector<char>(asked.n)};
  for (size_t q = 0; q < asked.n; ++q) {
    sparse.dense[q] = listed.counts[q] > static_cast<std::int64_t>(kMostCandidates);
    sparse.thresholds[q] = sums[q].maximum - 1.0;
    if (!sparse.dense[q]) sparse.thresholds[q] = settle(sparse.found[q], static_cast<double>(betas[q]), exponent);
  }
  return sparse;
}

using Supported = py::typing::Tuple<Listed, Array<double>, Array<bool>>;

Supported sparse_support(const StoredPatterns& store, const Span& queries, const Span& betas, double exponent) {
  const AskedRows asked = asked_of(store, queries, betas);
  Sparse sparse;
  {
    const py::gil_scoped_release release;
    sparse = support_of(queries.place(), store.patterns, asked, exponent);
  }
  Array<double> thresholds(static_cast<py::ssize_t>(asked.n));
  Array<bool> dense(static_cast<py::ssize_t>(asked.n));
  std::copy(sparse.thresholds.begin(), sparse.thresholds.end(), thresholds.mutable_data());
  std::copy(sparse.dense.begin(), sparse.dense.end(), dense.mutable_data());
  return py::make_tuple(listed(sparse.found), thresholds, dense);
}

void refine(cuda::Place place, const cuda::Compared& patterns, AskedRows asked, float exponent, double* thresholds) {
  std::vector<ThresholdSearch> searches;
  for (size_t q = 0; q < asked.n; ++q) searches.emplace_back(thresholds[q]);
  bool done = asked.n == 0;
  for (int step = 0; step < kMostSteps && !done; ++step) {
    std::vector<float> tried;
    for (const auto& search : searches) tried.push_back(static_cast<float>(search.at()));
    const Copied<float> limits(place, tried);
    const auto sums = measured(place, patterns, asked, {SeparationKind::kBeyond, limits.data(), exponent});
    done = true;
    for (size_t q = 0; q < asked.n; ++q) {
      const double before = searches[q].at(), slope = -static_cast<double>(exponent) * sums[q].squares;
      if (!searches[q].done()) searches[q].look({sums[q].sum, slope});
      // Beyond the digits that single precision gives the scores there is nothing to find.
      done = done && std::fabs(searches[q].at() - before) <= 1e-7 * std::max(1.0, std::fabs(before));
    }
  }
  for (size_t q = 0; q < asked.n; ++q) thresholds[q] = searches[q].at();
}

void refine_thresholds(const StoredPatterns& store, const Span& queries, const Span& betas, float exponent,
                       Array<double> thresholds) {
  const AskedRows asked = asked_of(store, queries, betas);
  const auto limits = write(thresholds);
  require_size(limits, asked.n, "thresholds");
  const py::gil_scoped_release release;
  refine(queries.place(), store.patterns, asked, exponent, limits.data());
}

void sum_listed(const StoredPatterns& values, const Span& starts, const Span& patterns, const Span& weights,
                const Span& states) {
  require(starts.n >= 1 && patterns.n == weights.n, "There must be one weight a pattern.");
  const size_t n = starts.n - 1, dim = values.patterns.rows.dim;
  const auto* const begins = out_of<const std::int64_t>(starts, n + 1, values.device);
  const auto* const places = out_of<const std::int64_t>(patterns, weights.n, values.device);
  const auto* const shares = out_of<const float>(weights, weights.n, values.device);
  auto* const to = out_of<float>(states, n * dim, values.device);
  const py::gil_scoped_release release;
  cuda::sum_listed(states.place(), values.patterns.rows, begins, n, places, shares, to);
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
  module.def("retrieve_states", &retrieve_states, py::arg("patterns"), py::arg("values"), py::arg("queries"),
             py::arg("betas"), py::arg("separation"), py::arg("thresholds"), py::arg("exponent"), py::arg("precision"),
             py::arg("states"), py::arg("sums"), py::arg("path") = "best",
             "Weighted means of values, and each query's maximum, sum of weights, sum of squares.");
  module.def("walk_patterns", &walk_patterns, py::arg("patterns"), py::arg("states"), py::arg("betas"),
             py::arg("separation"), py::arg("exponent"), py::arg("precision"), py::arg("steps"), py::arg("tolerance"),
             py::arg("before"), py::arg("sums"), py::arg("n_steps"), py::arg("converged"), py::arg("path") = "best",
             "Steps of which each begins where the last one ended; the states are the queries at first.");
  module.def("nearest_patterns", &nearest_patterns, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("k"), py::arg("indices"), py::arg("scores"), "The best patterns of every query.");
  module.def("scores_above", &scores_above, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("bounds"),
             "Patterns whose scores are above a bound: where each query's begin, the patterns, their scores.");
  module.def("sparse_support", &sparse_support, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("exponent"), "What is beyond thresholds, the thresholds, and which queries have too many.");
  module.def("refine_thresholds", &refine_thresholds, py::arg("patterns"), py::arg("queries"), py::arg("betas"),
             py::arg("exponent"), py::arg("thresholds").noconvert(), "Thresholds by passes, in place of lower bounds.");
  module.def("sum_listed", &sum_listed, py::arg("values"), py::arg("starts"), py::arg("patterns"), py::arg("weights"),
             py::arg("states"), "Weighted sums of listed values.");
  module.def("keep_rows", &keep_rows, py::arg("rows"), py::arg("dim"), py::arg("dtype"), py::arg("kept"),
             py::arg("scales"), py::arg("lengths"), py::arg("largest"), "Float rows as a store keeps them.");
  module.def("squared_lengths", &squared_lengths, py::arg("rows"), py::arg("dim"), py::arg("squares"),
             "Squared lengths of float rows.");
}

}  // namespace hypersketch::bindings
