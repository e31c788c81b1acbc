// SPDX-License-Identifier: Apache-2.0
#include "cuda_packed.hpp"

namespace hypersketch::bindings {
namespace {

void require_planes(size_t n_planes) { require(n_planes >= 1 && n_planes <= 8, "There must be 1 to 8 planes."); }

// Counters where there are no planes.
cuda::BundleView view_of(const Span& bundle, size_t dim, size_t n_planes, double factor, double divisor) {
  require_dim(dim);
  if (n_planes == 0) {
    require(bundle.n == dim, "The bundle must have dim entries.");
    return {bundle.data<const std::int32_t>(), nullptr, 0, dim, {factor, divisor}};
  }
  require_planes(n_planes);
  require(bundle.n == n_planes * words_for(dim), "The bundle must have dim entries a plane.");
  return {nullptr, bundle.data<const uint64_t>(), static_cast<unsigned>(n_planes), dim, {factor, divisor}};
}

void score_keys(const Span& bundle, size_t dim, size_t n_planes, const Span& keys, const Words& others, bool hashed,
                uint64_t seed, const Span& out, double factor, double divisor) {
  require_together(bundle, keys, out);
  require(out.n == keys.n, "out must have one element an item.");
  const cuda::BundleView view = view_of(bundle, dim, n_planes, factor, divisor);
  const cuda::KeyProducts items = products_of(keys, others, hashed, seed);
  const py::gil_scoped_release release;
  cuda::score_keys(keys.place(), view, items, out.data<double>());
}

void score_rows(const Span& bundle, size_t dim, size_t n_planes, const Span& rows, const Span& out, double factor,
                double divisor) {
  require_together(bundle, rows, out);
  const cuda::BundleView view = view_of(bundle, dim, n_planes, factor, divisor);
  const cuda::PackedRows items = rows_of(rows, dim);
  require(out.n == items.n, "out must have one element an item.");
  const py::gil_scoped_release release;
  cuda::score_rows(rows.place(), view, items, out.data<double>());
}

void divide_numbers(const Span& numbers, double divisor) {
  const py::gil_scoped_release release;
  cuda::divide_numbers(numbers.place(), numbers.data<double>(), numbers.n, divisor);
}

void reach_limit(const Span& numbers, double limit, const Span& out) {
  require_together(numbers, out);
  require(out.n == numbers.n, "out must have one element a number.");
  const py::gil_scoped_release release;
  cuda::reach_limit(numbers.place(), numbers.data<const double>(), numbers.n, limit, out.data<std::uint8_t>());
}

std::int64_t inner_product(const Span& a, const Span& b) {
  require_together(a, b);
  require(a.n == b.n, "Both must have as many counters.");
  const py::gil_scoped_release release;
  return cuda::inner_product(a.place(), a.data<const std::int32_t>(), b.data<const std::int32_t>(), a.n);
}

std::int64_t cut_counters(const Span& counters, uint64_t seed, std::uint32_t step, const Span& planes) {
  require_together(counters, planes);
  const size_t dim = counters.n;
  const size_t bits = rows_of(planes, dim).n;
  require_planes(bits);
  require(step >= 2 && step % 2 == 0, "The step must be even.");
  const py::gil_scoped_release release;
  return cuda::cut_counters(counters.place(), counters.data<const std::int32_t>(), dim,
                            {static_cast<unsigned>(bits), step, seed}, planes.data<uint64_t>());
}

void join_planes(const Span& planes, const Span& out) {
  require_together(planes, out);
  const size_t n = rows_of(planes, out.n).n;
  require_planes(n);
  const py::gil_scoped_release release;
  cuda::join_planes(planes.place(), planes.data<const uint64_t>(), static_cast<unsigned>(n), out.n,
                    out.data<std::int32_t>());
}

}  // namespace

void bind_cuda_scores(py::module_& module) {
  module.def("score_keys", &score_keys, py::arg("bundle"), py::arg("dim"), py::arg("n_planes"), py::arg("keys"),
             py::arg("others").none(true), py::arg("hashed"), py::arg("seed"), py::arg("out"), py::arg("factor"),
             py::arg("divisor"),
             "Scores of counters, or of planes of signs where n_planes is not 0, with atoms or products of two.");
  module.def("score_rows", &score_rows, py::arg("bundle"), py::arg("dim"), py::arg("n_planes"), py::arg("rows"),
             py::arg("out"), py::arg("factor"), py::arg("divisor"), "The same with packed rows.");
  module.def("divide_numbers", &divide_numbers, py::arg("numbers"), py::arg("divisor"), "Divide doubles.");
  module.def("reach_limit", &reach_limit, py::arg("numbers"), py::arg("limit"), py::arg("out"),
             "Which doubles are at least the limit.");
  module.def("inner_product", &inner_product, py::arg("a"), py::arg("b"),
             "Inner product of int32 arrays; the caller knows that it fits 64 bits.");
  module.def("cut_counters", &cut_counters, py::arg("counters"), py::arg("seed"), py::arg("step"), py::arg("planes"),
             "Cut counters to planes of signs; returns the inner product of both.");
  module.def("join_planes", &join_planes, py::arg("planes"), py::arg("out"), "What planes of signs stand for.");
}

}  // namespace hypersketch::bindings
