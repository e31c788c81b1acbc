// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "matmul.hpp"

namespace hypersketch::bindings {
namespace {

// out = rows * matrix^T: what a matrix of value_dim rows and key_dim columns answers to each of some vectors.
template <class T>
void answer_rows(const Span& rows, const Span& matrix, size_t key_dim, const Span& out) {
  require_together(rows, matrix, out);
  require(key_dim >= 1 && rows.n % key_dim == 0 && matrix.n % key_dim == 0, "The rows do not fit the matrix.");
  const size_t n = rows.n / key_dim, value_dim = matrix.n / key_dim;
  require(out.n == n * value_dim, "out must have one row a row.");
  const py::gil_scoped_release release;
  cuda::multiply<T>(rows.place(), {rows.data<const T>(), key_dim, 1}, {matrix.data<const T>(), 1, key_dim},
                    {n, key_dim, value_dim}, nullptr, T{1}, out.data<T>());
}

template <class T>
bool all_finite(const Span& values) {
  const py::gil_scoped_release release;
  return cuda::all_finite<T>(values.place(), values.data<const T>(), values.n);
}

template <class T>
void write_pairs(const Span& matrix, const Span& keys, const Span& values, size_t key_dim, size_t value_dim,
                 size_t chunk, const Span& factors, const Span& strengths, const Span& before,
                 const std::optional<Span>& decays, const Array<double>& kept, bool delta) {
  require_together(matrix, keys, values, factors, strengths, before);
  const size_t n = factors.n;
  require(keys.n == n * key_dim && values.n == n * value_dim && matrix.n == key_dim * value_dim,
          "The pairs do not fit the matrix.");
  require(strengths.n == n && before.n == n && chunk >= 1, "There must be one weight a pair.");
  const size_t n_chunks = (n + chunk - 1) / chunk;
  require(static_cast<size_t>(kept.size()) == n_chunks, "There must be one number a chunk.");
  require(!decays || (decays->device == matrix.device && decays->n == n_chunks * chunk * chunk),
          "There must be one square a chunk.");
  const cuda::PairBatch<T> pairs{keys.data<const T>(),
                                 values.data<const T>(),
                                 n,
                                 key_dim,
                                 value_dim,
                                 chunk,
                                 factors.data<const double>(),
                                 strengths.data<const double>(),
                                 before.data<const double>(),
                                 decays ? decays->data<const double>() : nullptr};
  const py::gil_scoped_release release;
  cuda::write_pairs<T>(matrix.place(), matrix.data<T>(), pairs, kept.data(), delta);
}

void follow_fields(const Span& u, const std::optional<Span>& v, const Span& diagonal, size_t dim, double tie,
                   const Span& states, bool synchronous, uint64_t seed, const std::optional<Array<std::int64_t>>& order,
                   size_t budget, const Span& values, const Span& exponents, const Span& sweeps, const Span& converged,
                   const Span& cycles) {
  require_together(states, u, diagonal, values, exponents, sweeps, converged, cycles);
  const size_t n_words = words_for(dim), n = states.n / n_words;
  require(states.n == n * n_words && u.n % dim == 0 && diagonal.n == dim, "The fields do not fit the states.");
  require(!v || (v->n == u.n && v->device == u.device), "Both thin matrices must be of one size.");
  require(v || (synchronous && u.n == dim * dim), "The matrix must be square.");
  for (const Span* column : {&values, &exponents, &sweeps, &converged, &cycles})
    require(column->n == n, "There must be one answer a state.");
  require(!order || static_cast<size_t>(order->size()) == dim, "The order must name every unit.");
  const cuda::Fields fields{u.data<const double>(),
                            v ? v->data<const double>() : nullptr,
                            diagonal.data<const double>(),
                            u.n / dim,
                            dim,
                            tie};
  const RecallRule rule{dim, synchronous, seed, order ? order->data() : nullptr, budget};
  const py::gil_scoped_release release;
  cuda::follow_fields(states.place(), fields, rule, states.data<uint64_t>(), n,
                      {values.data<double>(), exponents.data<std::int64_t>(), sweeps.data<std::int64_t>(),
                       converged.data<bool>(), cycles.data<bool>()});
}

template <class T>
void bind_type(py::module_& module, const std::string& type) {
  module.def(("answer_rows_" + type).c_str(), &answer_rows<T>, py::arg("rows"), py::arg("matrix"), py::arg("key_dim"),
             py::arg("out"), "What a matrix answers to each row.");
  module.def(("all_finite_" + type).c_str(), &all_finite<T>, py::arg("values"), "Whether all numbers are finite.");
  module.def(("write_pairs_" + type).c_str(), &write_pairs<T>, py::arg("matrix"), py::arg("keys"), py::arg("values"),
             py::arg("key_dim"), py::arg("value_dim"), py::arg("chunk"), py::arg("factors"), py::arg("strengths"),
             py::arg("before"), py::arg("decays"), py::arg("kept").noconvert(), py::arg("delta"),
             "Write pairs into a matrix, chunk by chunk.");
}

}  // namespace

void bind_cuda_pairs(py::module_& module) {
  bind_type<float>(module, "float32");
  bind_type<double>(module, "float64");
  module.def("follow_fields", &follow_fields, py::arg("u"), py::arg("v"), py::arg("diagonal"), py::arg("dim"),
             py::arg("tie"), py::arg("states"), py::arg("synchronous"), py::arg("seed"),
             py::arg("order").noconvert().none(true), py::arg("budget"), py::arg("values"), py::arg("exponents"),
             py::arg("sweeps"), py::arg("converged"), py::arg("cycles"),
             "Let every state follow fields in double precision, in place.");
}

}  // namespace hypersketch::bindings
