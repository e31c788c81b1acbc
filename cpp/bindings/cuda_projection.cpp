// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

// The codes of a table lie in a state that hypersketch made from them, checked in host memory.
SignTable table_of(const State& codes, size_t n_features, size_t n_entries, size_t n_outputs) {
  require(codes.memory.size() == n_features * n_entries * sizeof(std::uint32_t), "The table does not fit its shape.");
  return {codes.data<const std::uint32_t>(), n_features, n_entries, n_outputs};
}

template <class T>
void dense(State& codes, size_t n_features, size_t n_entries, size_t n_outputs, const Span& rows, size_t n,
           size_t stride, T scale, const Span& out) {
  const SignTable table = table_of(codes, n_features, n_entries, n_outputs);
  require(out.n == n * n_outputs, "out must have one row a row.");
  require(rows.device == codes.memory.device() && out.device == rows.device, "All arrays must lie on one GPU.");
  const py::gil_scoped_release release;
  const Use use(codes, rows.stream);
  cuda::project_dense<T>(rows.place(), rows.data<const T>(), n, stride, table, scale, out.data<T>());
}

template <class T, class Index>
void compressed(State& codes, size_t n_features, size_t n_entries, size_t n_outputs, const Span& starts,
                const Span& features, const Span& values, T scale, const Span& out) {
  const SignTable table = table_of(codes, n_features, n_entries, n_outputs);
  require(starts.n >= 1 && out.n == (starts.n - 1) * n_outputs, "out must have one row a row.");
  require(features.n == values.n, "There must be one feature a value.");
  for (const Span* span : {&starts, &features, &values, &out})
    require(span->device == codes.memory.device(), "All arrays must lie on one GPU.");
  const py::gil_scoped_release release;
  const Use use(codes, values.stream);
  cuda::project_csr<T, Index>(
      values.place(),
      {starts.data<const Index>(), features.data<const Index>(), values.data<const T>(), starts.n - 1, values.n}, table,
      scale, out.data<T>());
}

template <class F, class... Rest>
void define(py::module_& module, const char* name, F function, const char* doc, Rest... rest) {
  module.def(name, function, py::arg("codes"), py::arg("n_features"), py::arg("n_entries"), py::arg("n_outputs"),
             rest..., py::arg("scale"), py::arg("out"), doc);
}

}  // namespace

void bind_cuda_projection(py::module_& module) {
  const auto rows = py::arg("rows"), n = py::arg("n"), stride = py::arg("stride");
  define(module, "project_dense_f32", &dense<float>, "Rows times the sparse matrix of signs.", rows, n, stride);
  define(module, "project_dense_f64", &dense<double>, "Rows times the sparse matrix of signs.", rows, n, stride);
  const auto starts = py::arg("starts"), features = py::arg("features"), values = py::arg("values");
  const char* const doc = "The same for rows in compressed form.";
  define(module, "project_csr_f32_i32", &compressed<float, std::int32_t>, doc, starts, features, values);
  define(module, "project_csr_f32_i64", &compressed<float, std::int64_t>, doc, starts, features, values);
  define(module, "project_csr_f64_i32", &compressed<double, std::int32_t>, doc, starts, features, values);
  define(module, "project_csr_f64_i64", &compressed<double, std::int64_t>, doc, starts, features, values);
}

}  // namespace hypersketch::bindings
