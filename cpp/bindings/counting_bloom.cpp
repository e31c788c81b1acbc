// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/counting_bloom.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

constexpr uint64_t kMaxHashes = 255;

// Calls f with the counters of one or two states of equal size: two counters a byte when they are of four bits.
template <class Cell, class Function, class... States>
auto with_cells(uint64_t n_cells, int counter_bits, Function&& f, const States&... states) {
  // Queries take states that cannot be written, and do not write.
  if constexpr (sizeof(Cell) == 1)
    if (counter_bits == 4) {
      (require_size(read(states), (n_cells + 1) / 2, "cells"), ...);
      return f(HalfByteCells{const_cast<Cell*>(states.data())}...);
    }
  require(counter_bits == 8 * static_cast<int>(sizeof(Cell)), "The counters are of another size than the state.");
  (require_size(read(states), n_cells, "cells"), ...);
  return f(WholeCells<Cell>{const_cast<Cell*>(states.data())}...);
}

CellParams cell_params(uint64_t n_cells, uint64_t n_hashes, uint64_t seed) {
  require(n_cells >= 1, "A filter needs at least one cell.");
  require(n_hashes >= 1 && n_hashes <= kMaxHashes, "The number of hashes must be in [1, 255].");
  return {n_cells, static_cast<size_t>(n_hashes), seed};
}

template <class Cell>
struct Counting {
  using State = Array<Cell>;

  static void add(State cells, uint64_t n_cells, int bits, uint64_t n_hashes, uint64_t seed, Scores saturated,
                  const Hashes& hashes, const Weights& weights) {
    write(cells);
    const auto params = cell_params(n_cells, n_hashes, seed);
    const auto keys = read(hashes);
    const int64_t* values = read_weights(weights, keys.size());
    const auto total = write(saturated);
    require_size(total, 1, "saturated");
    with_cells<Cell>(
        n_cells, bits,
        [&](auto view) {
          py::gil_scoped_release release;
          total[0] += counting_add(view, params, keys, values);
        },
        cells);
  }

  static void remove(State cells, uint64_t n_cells, int bits, uint64_t n_hashes, uint64_t seed, const Hashes& hashes,
                     const Weights& weights) {
    write(cells);
    const auto params = cell_params(n_cells, n_hashes, seed);
    const auto keys = read(hashes);
    const int64_t* values = read_weights(weights, keys.size());
    with_cells<Cell>(
        n_cells, bits,
        [&](auto view) {
          py::gil_scoped_release release;
          counting_remove(view, params, keys, values);
        },
        cells);
  }

  static void test_and_add(State cells, uint64_t n_cells, int bits, uint64_t n_hashes, uint64_t seed, Scores saturated,
                           const Hashes& hashes, Array<bool> out) {
    write(cells);
    const auto params = cell_params(n_cells, n_hashes, seed);
    const auto keys = read(hashes);
    const auto answers = write(out);
    require_size(answers, keys.size(), "out");
    const auto total = write(saturated);
    require_size(total, 1, "saturated");
    with_cells<Cell>(
        n_cells, bits,
        [&](auto view) {
          py::gil_scoped_release release;
          total[0] += counting_test_and_add(view, params, keys, answers.data());
        },
        cells);
  }

  static void count(const State& cells, uint64_t n_cells, int bits, uint64_t n_hashes, uint64_t seed,
                    const Hashes& hashes, Scores out, size_t threads) {
    const auto params = cell_params(n_cells, n_hashes, seed);
    const auto keys = read(hashes);
    const auto counts = write(out);
    require_size(counts, keys.size(), "out");
    with_cells<Cell>(
        n_cells, bits,
        [&](auto view) {
          py::gil_scoped_release release;
          counting_count(view, params, keys, counts.data(), threads);
        },
        cells);
  }

  static void merge(State cells, uint64_t n_cells, int bits, Scores saturated, const State& other) {
    write(cells);
    const auto total = write(saturated);
    require_size(total, 1, "saturated");
    with_cells<Cell>(
        n_cells, bits,
        [&](auto mine, auto theirs) {
          py::gil_scoped_release release;
          total[0] += counting_merge(mine, theirs, n_cells);
        },
        cells, other);
  }

  static py::typing::Tuple<double, uint64_t, uint64_t> sums(const State& a, const State& b, uint64_t n_cells,
                                                            int bits) {
    const CellSums found = with_cells<Cell>(
        n_cells, bits,
        [&](auto mine, auto theirs) {
          py::gil_scoped_release release;
          return counting_sums(mine, theirs, n_cells);
        },
        a, b);
    return py::make_tuple(found.product, found.occupied, found.saturated);
  }

  static void bind(py::module_& module) {
    const auto cells = py::arg("cells").noconvert();
    const auto n_cells = py::arg("n_cells"), bits = py::arg("counter_bits");
    const auto n_hashes = py::arg("n_hashes"), seed = py::arg("seed");
    const auto hashes = py::arg("hashes").noconvert(), out = py::arg("out").noconvert();
    const auto weights = py::arg("weights").noconvert().none(true), saturated = py::arg("saturated").noconvert();
    module.def("counting_add", &add, cells, n_cells, bits, n_hashes, seed, saturated, hashes, weights,
               "Add keys; saturated[0] grows by the number of counters that reached their largest value.");
    module.def("counting_remove", &remove, cells, n_cells, bits, n_hashes, seed, hashes, weights,
               "Remove keys; a refused batch leaves the cells as they were.");
    module.def("counting_test_and_add", &test_and_add, cells, n_cells, bits, n_hashes, seed, saturated, hashes, out,
               "Tell for every key whether it was there, then add it.");
    module.def("counting_count", &count, cells, n_cells, bits, n_hashes, seed, hashes, out, py::arg("threads"),
               "Upper bounds of the keys' counts.");
    module.def("counting_merge", &merge, cells, n_cells, bits, saturated, py::arg("other").noconvert(),
               "Add another filter's counters.");
    module.def("counting_sums", &sums, py::arg("a").noconvert(), py::arg("b").noconvert(), n_cells, bits,
               "Inner product, counters above zero in either, and saturated counters of a.");
  }
};

}  // namespace

void bind_counting_bloom(py::module_& module) {
  Counting<std::uint8_t>::bind(module);
  Counting<std::uint16_t>::bind(module);
  Counting<std::uint32_t>::bind(module);
}

}  // namespace hypersketch::bindings
