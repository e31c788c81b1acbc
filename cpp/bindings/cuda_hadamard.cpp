// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "cuda_arrays.hpp"
#include "hadamard.hpp"
#include "hypersketch/bits.hpp"

namespace hypersketch::bindings {
namespace {

void require_size_of_row(size_t n) {
  require(std::has_single_bit(n) && n <= cuda::kMostHadamard,
          "Rows must have a power of two of entries, at most 2^26.");
}

template <class T>
bool transform(const Span& rows, size_t n) {
  require_size_of_row(n);
  require(rows.n % n == 0, "Rows must be whole.");
  const py::gil_scoped_release release;
  return cuda::walsh_hadamard(rows.place(), rows.data<T>(), rows.n / n, n);
}

// The caller knows that numbers are below the dimension.
cuda::HadamardItems items_of(size_t dim, const Span& signs, const Span& numbers) {
  require_size_of_row(dim);
  require(signs.n == words_for(dim), "signs must be one packed vector.");
  require_together(signs, numbers);
  return {dim, signs.data<const uint64_t>(), numbers.data<const std::uint32_t>(), numbers.n};
}

void top_k(const Span& probes, size_t n, size_t stride, size_t dim, const Span& signs, const Span& numbers, size_t k,
           const Span& indices, const Span& similarities) {
  const auto items = items_of(dim, signs, numbers);
  require_together(probes, signs, indices, similarities);
  require(k >= 1 && k <= items.n && indices.n == n * k && similarities.n == n * k,
          "There must be k answers a probe, and as many items.");
  const py::gil_scoped_release release;
  cuda::hadamard_top_k(probes.place(), {probes.data<const uint64_t>(), n, stride}, items,
                       {k, indices.data<std::int64_t>(), nullptr, similarities.data<double>()});
}

void range(const Span& probes, size_t stride, const Span& radii, size_t dim, const Span& signs, const Span& numbers,
           const Span& cursors, const std::optional<Span>& keys) {
  const auto items = items_of(dim, signs, numbers);
  require_together(probes, signs, radii, cursors);
  require(radii.n == cursors.n, "There must be one radius and cursor a probe.");
  require(!keys || keys->device == probes.device, "All arrays must lie on one GPU.");
  auto* const found = keys ? keys->data<uint64_t>() : nullptr;
  const py::gil_scoped_release release;
  cuda::hadamard_range(probes.place(), {probes.data<const uint64_t>(), radii.n, stride},
                       radii.data<const std::int32_t>(), items, cursors.data<unsigned long long>(), found);
}

void rows(size_t dim, const Span& signs, const Span& numbers, const Span& places, const Span& out) {
  const auto items = items_of(dim, signs, numbers);
  require_together(places, signs, out);
  require(out.n == places.n * words_for(dim), "out must have one row a place.");
  const py::gil_scoped_release release;
  cuda::hadamard_rows(places.place(), items, places.data<const std::int64_t>(), places.n, out.data<uint64_t>());
}

}  // namespace

void bind_cuda_hadamard(py::module_& module) {
  module.def("walsh_hadamard_f32", &transform<float>, py::arg("rows"), py::arg("n"),
             "Transform rows in place; false, and nothing, where one is not finite.");
  module.def("walsh_hadamard_i32", &transform<std::int32_t>, py::arg("rows"), py::arg("n"),
             "Transform rows in place; false, and nothing, where one could leave its range.");
  module.def("hadamard_top_k", &top_k, py::arg("probes"), py::arg("n"), py::arg("stride"), py::arg("dim"),
             py::arg("signs"), py::arg("numbers"), py::arg("k"), py::arg("indices"), py::arg("similarities"),
             "The k nearest items of each packed probe, of equally near ones the first.");
  module.def("hadamard_range", &range, py::arg("probes"), py::arg("stride"), py::arg("radii"), py::arg("dim"),
             py::arg("signs"), py::arg("numbers"), py::arg("cursors"), py::arg("keys").none(true),
             "All items within radii; their numbers alone without places for their keys.");
  module.def("hadamard_rows", &rows, py::arg("dim"), py::arg("signs"), py::arg("numbers"), py::arg("places"),
             py::arg("out"), "Packed vectors of items, zeros for places below 0.");
}

}  // namespace hypersketch::bindings
