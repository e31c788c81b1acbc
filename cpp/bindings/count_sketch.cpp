// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/count_sketch.hpp"

#include "arrays.hpp"
#include "hypersketch/count_stream.hpp"

namespace hypersketch::bindings {
namespace {

constexpr uint64_t kMaxWidth = 0xFFFFFFFF;
constexpr uint64_t kMaxDepth = 64;
constexpr std::int64_t kNoCandidate = -2;  // origin of an unused place; -1 is one of an earlier batch

template <class Cell>
using CellWeights = std::optional<Array<Weight<Cell>>>;

// Which cells a sketch has and how it uses them, as Python knows it.
struct Sketch {
  uint64_t width;
  uint64_t depth;
  uint64_t seed;
  bool is_signed;
  bool conservative;

  RowParams params() const { return {width, static_cast<size_t>(depth), seed, is_signed}; }
};

Sketch make_sketch(uint64_t width, uint64_t depth, uint64_t seed, bool is_signed, bool conservative) {
  require(width >= 1 && width <= kMaxWidth, "The width must be in [1, 2**32 - 1].");
  require(depth >= 1 && depth <= kMaxDepth, "The depth must be in [1, 64].");
  require(!(is_signed && conservative), "Only a Count-Min sketch is updated conservatively.");
  return {width, depth, seed, is_signed, conservative};
}

template <class Cell>
const Weight<Cell>* weights_of(const CellWeights<Cell>& weights, size_t n) {
  if (!weights) return nullptr;
  const auto values = read(*weights);
  require_size(values, n, "weights");
  return values.data();
}

template <class Cell>
AddBatch<Cell> batch_of(Array<Cell>& cells, const Sketch& sketch, const Hashes& keys, bool hashed,
                        const CellWeights<Cell>& weights) {
  const auto state = write(cells);
  require_size(state, sketch.width * sketch.depth, "cells");
  const auto words = read(keys);
  return {state, sketch.params(), sketch.conservative, {words, hashed}, weights_of<Cell>(weights, words.size())};
}

template <class Cell>
void add(Array<Cell> cells, const Sketch& sketch, const Hashes& keys, const CellWeights<Cell>& weights, bool hashed,
         size_t threads) {
  const auto batch = batch_of(cells, sketch, keys, hashed, weights);
  py::gil_scoped_release release;  // every pointer is taken; the caller holds the object's lock
  sketch_add(batch, threads);
}

template <class Cell>
void track(Array<Cell> cells, const Sketch& sketch, const Hashes& keys, const CellWeights<Cell>& weights, bool hashed,
           const Hashes& tracked, Hashes found, Array<std::int64_t> origins, size_t threads) {
  const auto batch = batch_of(cells, sketch, keys, hashed, weights);
  const auto earlier = read(tracked);
  const auto hashes = write(found);
  const auto places = write(origins);
  require(hashes.size() >= 2, "There must be room for two candidates.");
  require(earlier.size() <= hashes.size(), "There are more candidates than places.");
  require_size(places, hashes.size(), "origins");
  py::gil_scoped_release release;
  const Candidates candidates = sketch_track(batch, earlier, hashes.size(), threads);
  std::fill(places.begin(), places.end(), kNoCandidate);
  size_t i = 0;
  for (const Candidate& item : candidates.items()) {
    hashes[i] = item.hash;
    places[i++] = item.origin;
  }
}

template <class Cell>
bool has_room(const Array<Cell>& cells, const Sketch& sketch, const Hashes& keys, const CellWeights<Cell>& weights,
              bool hashed) {
  const auto state = read(cells);
  require_size(state, sketch.width * sketch.depth, "cells");
  const auto words = read(keys);
  const auto* values = weights_of<Cell>(weights, words.size());
  py::gil_scoped_release release;
  return sketch_fits(state, sketch.params(), sketch.conservative, {words, hashed}, values);
}

template <class Cell, class Out>
void estimate(const Array<Cell>& cells, const Sketch& sketch, const Hashes& keys, bool hashed, Array<Out> out,
              size_t threads) {
  const auto state = read(cells);
  require_size(state, sketch.width * sketch.depth, "cells");
  const auto words = read(keys);
  const auto answers = write(out);
  require_size(answers, words.size(), "out");
  py::gil_scoped_release release;
  sketch_estimate(state, sketch.params(), {words, hashed}, answers.data(), threads);
}

template <class Cell, class Out>
void bind_estimate(py::module_& module) {
  module.def("sketch_estimate", &estimate<Cell, Out>, py::arg("cells").noconvert(), py::arg("sketch"),
             py::arg("keys").noconvert(), py::arg("hashed"), py::arg("out").noconvert(), py::arg("threads"),
             "Estimated weights of keys.");
}

template <class Cell>
void bind_cells(py::module_& module) {
  module.def("sketch_add", &add<Cell>, py::arg("cells").noconvert(), py::arg("sketch"), py::arg("keys").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("hashed"), py::arg("threads"),
             "Add keys; no cell may leave its range.");
  module.def("sketch_track", &track<Cell>, py::arg("cells").noconvert(), py::arg("sketch"), py::arg("keys").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("hashed"), py::arg("tracked").noconvert(),
             py::arg("found").noconvert(), py::arg("origins").noconvert(), py::arg("threads"),
             "The same with candidates: places in the batch, -1 for those tracked already, -2 beyond the last.");
  module.def("sketch_fits", &has_room<Cell>, py::arg("cells").noconvert(), py::arg("sketch"),
             py::arg("keys").noconvert(), py::arg("weights").noconvert().none(true), py::arg("hashed"),
             "Whether the keys can be added in order without a cell leaving its range.");
  if constexpr (std::is_integral_v<Cell>) bind_estimate<Cell, std::int64_t>(module);
  bind_estimate<Cell, double>(module);
}

}  // namespace

void bind_count_sketch(py::module_& module) {
  py::class_<Sketch>(module, "Sketch", "Shape and rule of a count sketch or Count-Min sketch.")
      .def(py::init(&make_sketch), py::arg("width"), py::arg("depth"), py::arg("seed"), py::arg("is_signed"),
           py::arg("conservative"));
  bind_cells<std::int32_t>(module);
  bind_cells<std::int64_t>(module);
  bind_cells<float>(module);
  bind_cells<double>(module);
}

}  // namespace hypersketch::bindings
