// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string_view>
#include <type_traits>

#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Pair = py::typing::Tuple<py::float_, py::float_>;  // ints of integer cells
using Summary = py::typing::Tuple<py::float_, py::float_, py::float_, py::float_, py::bool_>;

struct Shape {
  uint64_t width;
  uint64_t depth;
  uint64_t seed;
  bool is_signed;

  RowParams params() const { return {width, static_cast<size_t>(depth), seed, is_signed}; }
};

Shape make_shape(uint64_t width, uint64_t depth, uint64_t seed, bool is_signed) {
  require(width >= 1 && width <= 0xFFFFFFFF, "The width must be in [1, 2**32 - 1].");
  require(depth >= 1 && depth <= 64, "The depth must be in [1, 64].");
  return {width, depth, seed, is_signed};
}

// Calls f(Cell{}) for the type of cells with this name.
template <class F>
auto with_cells(std::string_view dtype, F&& f) {
  if (dtype == "int32") return f(std::int32_t{});
  if (dtype == "int64") return f(std::int64_t{});
  if (dtype == "float32") return f(float{});
  require(dtype == "float64", "The cells must be of int32, int64, float32 or float64.");
  return f(double{});
}

template <class Cell>
Cell* cells_of(const State& state, const Shape& shape) {
  require(state.memory.size() == shape.width * shape.depth * sizeof(Cell), "The state does not fit the shape.");
  return state.data<Cell>();
}

template <class Cell>
void add_to(State& state, const Shape& shape, Batch& batch, const std::optional<Argument<Weight<Cell>>>& weights) {
  Cell* const cells = cells_of<Cell>(state, shape);
  batch.add_weights(weights);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    const auto* mine = weights ? static_cast<const Weight<Cell>*>(piece.more_in) : nullptr;
    cuda::sketch_add(place, cells, shape.params(), part, mine);
  });
}

template <class T>
void add(State& state, std::string_view dtype, const Shape& shape, const Argument<uint64_t>& keys,
         const std::optional<Argument<T>>& weights, bool hashed, std::uintptr_t stream, size_t threads) {
  Batch batch(state, keys, hashed, stream, threads);
  with_cells(dtype, [&](auto cell) {
    using Cell = decltype(cell);
    if constexpr (std::is_same_v<Weight<Cell>, T>)
      add_to<Cell>(state, shape, batch, weights);
    else
      require(false, "The weights must be of the cells' kind.");
  });
}

template <class Out>
void estimate(State& state, std::string_view dtype, const Shape& shape, const Argument<uint64_t>& keys,
              Argument<Out> out, bool hashed, std::uintptr_t stream, size_t threads) {
  Batch batch(state, keys, hashed, stream, threads);
  batch.add_answers(out);
  with_cells(dtype, [&](auto cell) {
    using Cell = decltype(cell);
    if constexpr (std::is_integral_v<Cell> || std::is_same_v<Out, double>) {
      const Cell* const cells = cells_of<Cell>(state, shape);
      batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
        cuda::sketch_estimate(place, cells, shape.params(), part, static_cast<Out*>(piece.out));
      });
    } else {
      require(false, "Estimates of float cells are floats.");
    }
  });
}

// Adds or subtracts another state's cells.
void combine(State& state, State& other, std::string_view dtype, bool add_them, std::uintptr_t stream) {
  require(state.memory.size() == other.memory.size(), "The states must be of one size.");
  require(state.memory.device() == other.memory.device(), "The states must lie on one GPU.");
  with_cells(dtype, [&](auto cell) {
    using Cell = decltype(cell);
    const py::gil_scoped_release release;
    const BothUsed both(state, other, stream);
    const cuda::Place place{state.memory.device(), stream};
    const size_t n = state.memory.size() / sizeof(Cell);
    if (add_them)
      cuda::add_cells(place, state.data<Cell>(), other.data<Cell>(), n);
    else
      cuda::subtract_cells(place, state.data<Cell>(), other.data<Cell>(), n);
  });
}

Pair extremes(State& state, std::string_view dtype, std::uintptr_t stream) {
  return with_cells(dtype, [&](auto cell) -> Pair {
    using Cell = decltype(cell);
    cuda::Extremes<Cell> found{};
    {
      const py::gil_scoped_release release;
      const Use use(state, stream);
      found =
          cuda::extremes({state.memory.device(), stream}, state.data<const Cell>(), state.memory.size() / sizeof(Cell));
    }
    return py::make_tuple(found.least, found.most);
  });
}

template <class T>
Summary summarize(const Span& weights) {
  cuda::WeightSummary<T> found{};
  {
    const py::gil_scoped_release release;
    found = cuda::summarize(weights.place(), weights.data<const T>(), weights.n);
  }
  return py::make_tuple(found.least, found.most, found.sum, found.magnitude, found.all_real);
}

template <class T>
void bind_type(py::module_& module, const std::string& suffix) {
  module.def(("sketch_add_" + suffix).c_str(), &add<T>, py::arg("state"), py::arg("dtype"), py::arg("shape"),
             py::arg("keys").noconvert(), py::arg("weights").noconvert().none(true), py::arg("hashed"),
             py::arg("stream"), py::arg("threads"), "Add keys; the caller knows that no cell leaves its range.");
  module.def(("sketch_estimate_" + suffix).c_str(), &estimate<T>, py::arg("state"), py::arg("dtype"), py::arg("shape"),
             py::arg("keys").noconvert(), py::arg("out").noconvert(), py::arg("hashed"), py::arg("stream"),
             py::arg("threads"), "Estimated weights of keys.");
  module.def(("summarize_" + suffix).c_str(), &summarize<T>, py::arg("weights"),
             "Least, most, sum, sum of magnitudes (of integers modulo 2**64) and whether all are finite.");
}

}  // namespace

void bind_cuda_sketch(py::module_& module) {
  py::class_<Shape>(module, "SketchShape", "Shape of a count sketch or Count-Min sketch.")
      .def(py::init(&make_shape), py::arg("width"), py::arg("depth"), py::arg("seed"), py::arg("is_signed"));
  bind_type<std::int64_t>(module, "i64");
  bind_type<double>(module, "f64");
  module.def("combine_cells", &combine, py::arg("state"), py::arg("other"), py::arg("dtype"), py::arg("add"),
             py::arg("stream"), "Add or subtract another state's cells.");
  module.def("extremes", &extremes, py::arg("state"), py::arg("dtype"), py::arg("stream"),
             "The smallest and the largest cell.");
}

}  // namespace hypersketch::bindings
