// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/retrieval.hpp"

#include "arrays.hpp"
#include "hypersketch/sparse_retrieval.hpp"

namespace hypersketch::bindings {
namespace {

using Floats = Array<float>;
using Doubles = Array<double>;
using MaybeFloats = std::optional<Floats>;

const float* read_or_null(const MaybeFloats& array, size_t n, const char* name) {
  if (!array) return nullptr;
  require_size(read(*array), n, name);
  return array->data();
}

// Rows of float32, of bfloat16 in uint16, or with one scale a row of int8 or, in uint8, of float8.
PatternStore store_of(const py::array& rows, const MaybeFloats& scales) {
  require(rows.ndim() == 2 && (rows.flags() & py::array::c_style) != 0, "Patterns must be rows that lie end to end.");
  const auto n = static_cast<size_t>(rows.shape(0)), dim = static_cast<size_t>(rows.shape(1));
  require(dim >= 1 && dim <= 65536, "The dimension must be in [1, 2**16].");
  require(n >= 1 && n < 0xFFFFFFFFU, "There must be 1 to 2**32 - 2 patterns.");
  if (py::isinstance<Floats>(rows)) return {rows.data(), StoreType::kFloat32, n, dim, nullptr};
  if (py::isinstance<Array<std::uint16_t>>(rows)) return {rows.data(), StoreType::kBfloat16, n, dim, nullptr};
  const bool whole = py::isinstance<Array<std::int8_t>>(rows);
  require(whole || py::isinstance<Array<std::uint8_t>>(rows), "Patterns must be float32, uint16, int8 or uint8.");
  require(scales.has_value(), "Patterns of 8 bits a number need scales.");
  return {rows.data(), whole ? StoreType::kInt8 : StoreType::kFloat8, n, dim, read_or_null(scales, n, "scales")};
}

FloatRows queries_of(const Floats& queries, size_t dim) {
  require(extent(queries, 1, 2) == dim, "Queries must have the dimension of the patterns.");
  return {queries.data(), extent(queries, 0, 2), dim};
}

Similarity similarity_of(bool distances, const MaybeFloats& factors, const MaybeFloats& offsets, size_t n) {
  return {distances, read_or_null(factors, n, "factors"), read_or_null(offsets, n, "offsets")};
}

// What all calls begin with.
struct Asked {
  PatternStore store;
  FloatRows queries;
  Similarity similarity;
};

Asked asked_of(const py::array& rows, const MaybeFloats& scales, const Floats& queries, bool distances,
               const MaybeFloats& factors, const MaybeFloats& offsets) {
  const PatternStore store = store_of(rows, scales);
  return {store, queries_of(queries, store.dim), similarity_of(distances, factors, offsets, store.n)};
}

Weighing weighing_of(const std::string& separation, const Floats& betas, const MaybeFloats& thresholds, float exponent,
                     size_t n) {
  require_size(read(betas), n, "betas");
  const float* limits = read_or_null(thresholds, n, "thresholds");
  if (separation == "softmax") return {Separation::kSoftmax, betas.data(), nullptr, 1.0F};
  if (separation == "power") {
    require(exponent >= 1.0F && exponent <= 64.0F && exponent == std::floor(exponent), "A degree is in [1, 64].");
    return {Separation::kPower, betas.data(), nullptr, exponent};
  }
  require(separation == "beyond" && limits != nullptr, "A separation is 'softmax', 'power' or 'beyond' thresholds.");
  return {Separation::kBeyond, betas.data(), limits, exponent};
}

Precision precision_of(const std::string& name) {
  require(name == "float32" || name == "tf32" || name == "bfloat16", "A precision is float32, tf32 or bfloat16.");
  return name == "bfloat16" ? Precision::kBfloat16 : Precision::kFloat;
}

void retrieve_states(const py::array& rows, const MaybeFloats& scales, const std::optional<py::array>& values,
                     const MaybeFloats& value_scales, const Floats& queries, bool distances, const MaybeFloats& factors,
                     const MaybeFloats& offsets, const std::string& separation, const Floats& betas,
                     const MaybeFloats& thresholds, float exponent, const std::string& precision, Floats states_out,
                     Doubles numbers_out, size_t threads) {
  const Asked asked = asked_of(rows, scales, queries, distances, factors, offsets);
  const PatternStore projected = values ? store_of(*values, value_scales) : asked.store;
  require(projected.n == asked.store.n, "There must be one value a pattern.");
  const Weighing weighing = weighing_of(separation, betas, thresholds, exponent, asked.queries.n);
  const auto states = write(states_out);
  const auto numbers = write(numbers_out);
  require_size(states, asked.queries.n * projected.dim, "states_out");
  require_size(numbers, asked.queries.n * 3, "numbers_out");
  py::gil_scoped_release release;  // every pointer is taken
  retrieve(asked.store, projected, asked.queries, asked.similarity, weighing, precision_of(precision), states.data(),
           numbers.data(), threads);
}

void nearest_patterns(const py::array& rows, const MaybeFloats& scales, const Floats& queries, bool distances,
                      const MaybeFloats& factors, const MaybeFloats& offsets, Scores patterns_out, Floats scores_out,
                      size_t threads) {
  const Asked asked = asked_of(rows, scales, queries, distances, factors, offsets);
  const size_t k = extent(patterns_out, 1, 2);
  const auto patterns = write(patterns_out);
  const auto scores = write(scores_out);
  require(k >= 1 && k <= asked.store.n, "k must be in [1, the number of patterns].");
  require_size(patterns, asked.queries.n * k, "patterns_out");
  require_size(scores, asked.queries.n * k, "scores_out");
  py::gil_scoped_release release;
  nearest(asked.store, asked.queries, asked.similarity, k, patterns.data(), scores.data(), threads);
}

using Listed = py::typing::Tuple<Scores, Scores, Floats>;

// Where each query's begin, the patterns, their scores.
Listed listed(const std::vector<std::vector<Found>>& found) {
  size_t total = 0;
  for (const auto& one : found) total += one.size();
  Scores starts(static_cast<py::ssize_t>(found.size() + 1)), patterns(static_cast<py::ssize_t>(total));
  Floats scores(static_cast<py::ssize_t>(total));
  std::int64_t at = 0;
  starts.mutable_data()[0] = 0;
  for (size_t q = 0; q < found.size(); ++q) {
    for (const Found& one : found[q]) {
      patterns.mutable_data()[at] = one.pattern;
      scores.mutable_data()[at++] = one.score;
    }
    starts.mutable_data()[q + 1] = at;
  }
  return py::make_tuple(starts, patterns, scores);
}

Listed above_bounds(const py::array& rows, const MaybeFloats& scales, const Floats& queries, bool distances,
                    const MaybeFloats& factors, const MaybeFloats& offsets, const Floats& bounds, size_t threads) {
  const Asked asked = asked_of(rows, scales, queries, distances, factors, offsets);
  require_size(read(bounds), asked.queries.n, "bounds");
  std::vector<std::vector<Found>> found;
  {
    py::gil_scoped_release release;
    found = scores_above(asked.store, asked.queries, asked.similarity, bounds.data(), threads);
  }
  return listed(found);
}

using Supported = py::typing::Tuple<Listed, Doubles, Array<bool>>;

Supported support(const py::array& rows, const MaybeFloats& scales, const Floats& queries, bool distances,
                  const MaybeFloats& factors, const MaybeFloats& offsets, const Floats& betas, double exponent,
                  size_t threads) {
  const Asked asked = asked_of(rows, scales, queries, distances, factors, offsets);
  require_size(read(betas), asked.queries.n, "betas");
  Support found;
  {
    py::gil_scoped_release release;
    found = support_of(asked.store, asked.queries, asked.similarity, betas.data(), exponent, threads);
  }
  Doubles thresholds(static_cast<py::ssize_t>(asked.queries.n));
  Array<bool> dense(static_cast<py::ssize_t>(asked.queries.n));
  std::copy(found.thresholds.begin(), found.thresholds.end(), thresholds.mutable_data());
  std::copy(found.dense.begin(), found.dense.end(), dense.mutable_data());
  return py::make_tuple(listed(found.found), thresholds, dense);
}

void refine(const py::array& rows, const MaybeFloats& scales, const Floats& queries, bool distances,
            const MaybeFloats& factors, const MaybeFloats& offsets, const Floats& betas, float exponent,
            Doubles thresholds, size_t threads) {
  const Asked asked = asked_of(rows, scales, queries, distances, factors, offsets);
  require_size(read(betas), asked.queries.n, "betas");
  const auto limits = write(thresholds);
  require_size(limits, asked.queries.n, "thresholds");
  py::gil_scoped_release release;
  refine_thresholds(asked.store, asked.queries, asked.similarity, betas.data(), exponent, limits.data(), threads);
}

void sum_listed(const py::array& values, const MaybeFloats& scales, const Scores& starts, const Scores& patterns,
                const Floats& weights, Floats states_out, size_t threads) {
  const PatternStore store = store_of(values, scales);
  const size_t n = extent(states_out, 0, 2);
  const auto states = write(states_out);
  require_size(states, n * store.dim, "states_out");
  require_size(read(starts), n + 1, "starts");
  require_size(read(weights), static_cast<size_t>(patterns.size()), "weights");
  const auto first = read(starts);
  require(first.front() >= 0 && std::is_sorted(first.begin(), first.end()) && first.back() <= patterns.size(),
          "starts must ascend to the number of patterns.");
  for (const std::int64_t pattern : read(patterns))
    require(pattern >= 0 && pattern < static_cast<std::int64_t>(store.n), "There is no such pattern.");
  py::gil_scoped_release release;
  sum_sparse(store, first.data(), n, patterns.data(), weights.data(), states.data(), threads);
}

}  // namespace

#define HYPERSKETCH_ASKED                                                                                           \
  py::arg("rows").noconvert(), py::arg("scales").noconvert(), py::arg("queries").noconvert(), py::arg("distances"), \
      py::arg("factors").noconvert(), py::arg("offsets").noconvert()

void bind_retrieval(py::module_& module) {
  module.def("retrieve_states", &retrieve_states, py::arg("rows").noconvert(), py::arg("scales").noconvert(),
             py::arg("values").noconvert(), py::arg("value_scales").noconvert(), py::arg("queries").noconvert(),
             py::arg("distances"), py::arg("factors").noconvert(), py::arg("offsets").noconvert(),
             py::arg("separation"), py::arg("betas").noconvert(), py::arg("thresholds").noconvert(),
             py::arg("exponent"), py::arg("precision"), py::arg("states_out").noconvert(),
             py::arg("numbers_out").noconvert(), py::arg("threads"),
             "Weighted means of values, and each query's maximum, sum of weights, sum of squares.");
  module.def("nearest_patterns", &nearest_patterns, HYPERSKETCH_ASKED, py::arg("patterns_out").noconvert(),
             py::arg("scores_out").noconvert(), py::arg("threads"), "The best patterns of every query.");
  module.def("scores_above", &above_bounds, HYPERSKETCH_ASKED, py::arg("bounds").noconvert(), py::arg("threads"),
             "Patterns whose scores are above a bound: where each query's begin, the patterns, their scores.");
  module.def("sparse_support", &support, HYPERSKETCH_ASKED, py::arg("betas").noconvert(), py::arg("exponent"),
             py::arg("threads"), "What is beyond thresholds, the thresholds, and which queries have too many.");
  module.def("refine_thresholds", &refine, HYPERSKETCH_ASKED, py::arg("betas").noconvert(), py::arg("exponent"),
             py::arg("thresholds").noconvert(), py::arg("threads"), "Thresholds by passes, in place of lower bounds.");
  module.def("sum_listed", &sum_listed, py::arg("values").noconvert(), py::arg("scales").noconvert(),
             py::arg("starts").noconvert(), py::arg("patterns").noconvert(), py::arg("weights").noconvert(),
             py::arg("states_out").noconvert(), py::arg("threads"), "Weighted sums of listed values.");
}

#undef HYPERSKETCH_ASKED

}  // namespace hypersketch::bindings
