// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/hopfield.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

void require_triangle(size_t size, size_t dim) {
  require(dim >= 1, "A vector has at least one dimension.");
  require(size == triangle_size(dim), "cells must have dim * (dim - 1) / 2 elements.");
}

std::int64_t add(Array<std::int32_t> cells, size_t dim, uint64_t seed, const Hashes& hashes, const Weights& weights,
                 size_t threads) {
  const auto state = write(cells);
  const auto keys = read(hashes);
  const std::int64_t* values = read_weights(weights, keys.size());
  require_triangle(state.size(), dim);
  py::gil_scoped_release release;  // every pointer is taken; the caller holds the object's lock
  return hopfield_add(state, dim, seed, keys, values, threads);
}

void scores(const Array<std::int32_t>& cells, std::int64_t trace, size_t dim, uint64_t seed, const Hashes& hashes,
            Scores out, size_t threads) {
  const auto state = read(cells);
  const auto keys = read(hashes);
  const auto values = write(out);
  require_triangle(state.size(), dim);
  require_size(values, keys.size(), "out");
  py::gil_scoped_release release;
  hopfield_scores(state, trace, dim, seed, keys, values.data(), threads);
}

void require_tensor(size_t size, size_t dim, size_t degree) {
  require(degree >= 3 && degree <= 8 && dim >= 1 && dim <= 65536, "The dimension or the degree is out of range.");
  require(size == choose(dim, degree), "cells must have one element for every choice of `degree` dimensions.");
}

void add_to_tensor(Array<std::int32_t> cells, size_t dim, size_t degree, uint64_t seed, const Hashes& hashes,
                   const Weights& weights, size_t threads) {
  const auto state = write(cells);
  const auto keys = read(hashes);
  const std::int64_t* values = read_weights(weights, keys.size());
  require_tensor(state.size(), dim, degree);
  py::gil_scoped_release release;
  tensor_add(state, dim, degree, seed, keys, values, threads);
}

void scores_of_tensor(const Array<std::int32_t>& cells, size_t dim, size_t degree, uint64_t seed, const Hashes& hashes,
                      Scores out, size_t threads) {
  const auto state = read(cells);
  const auto keys = read(hashes);
  const auto values = write(out);
  require_tensor(state.size(), dim, degree);
  require_size(values, keys.size(), "out");
  py::gil_scoped_release release;
  tensor_scores(state, dim, degree, seed, keys, values.data(), threads);
}

}  // namespace

void bind_hopfield(py::module_& module) {
  module.def("hopfield_add", &add, py::arg("cells").noconvert(), py::arg("dim"), py::arg("seed"),
             py::arg("hashes").noconvert(), py::arg("weights").noconvert().none(true), py::arg("threads"),
             "Add signed outer products; returns the sum of w e.");
  module.def("hopfield_scores", &scores, py::arg("cells").noconvert(), py::arg("trace"), py::arg("dim"),
             py::arg("seed"), py::arg("hashes").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "e s^T W s of every key.");
  module.def("tensor_add", &add_to_tensor, py::arg("cells").noconvert(), py::arg("dim"), py::arg("degree"),
             py::arg("seed"), py::arg("hashes").noconvert(), py::arg("weights").noconvert().none(true),
             py::arg("threads"), "Add signed outer powers to the cells of different dimensions.");
  module.def("tensor_scores", &scores_of_tensor, py::arg("cells").noconvert(), py::arg("dim"), py::arg("degree"),
             py::arg("seed"), py::arg("hashes").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "Sum of the cells times sign and entries of every key.");
}

}  // namespace hypersketch::bindings
