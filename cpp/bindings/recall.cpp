// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/recall.hpp"

#include <mutex>

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Words = Array<uint64_t>;
using Reals = Array<double>;
using Ints = Array<std::int32_t>;
using Flags = Array<bool>;

// Numbers by Hamming distance, and the arrays that they lie in.
struct Table {
  Reals weights, offsets, energies;
  Ints weight_exponents, offset_exponents, energy_exponents;
  std::optional<Ints> whole_weights;
  std::optional<Scores> whole_offsets;
  bool exact;

  RecallTable view(size_t dim) const {
    for (const Reals* column : {&weights, &offsets, &energies}) require_rows(column->size(), dim);
    for (const Ints* column : {&weight_exponents, &offset_exponents, &energy_exponents})
      require_rows(column->size(), dim);
    require(whole_weights.has_value() == whole_offsets.has_value(), "Both whole columns or none are needed.");
    RecallTable table{{weights.data(), weight_exponents.data()},
                      {offsets.data(), offset_exponents.data()},
                      {energies.data(), energy_exponents.data()},
                      nullptr,
                      nullptr,
                      exact};
    if (!whole_weights) return table;
    require_rows(whole_weights->size(), dim);
    require_rows(whole_offsets->size(), dim);
    for (const std::int32_t weight : read(*whole_weights))
      require(weight >= -kMaxWeighed && weight <= kMaxWeighed, "A whole weight is too large.");
    table.whole_weights = whole_weights->data();
    table.whole_offsets = whole_offsets->data();
    return table;
  }

  // Whether no sum over so many patterns leaves what the adders take.
  bool is_whole(size_t n) const {
    if (!whole_offsets) return false;
    std::int64_t largest = 0;
    for (const std::int64_t offset : read(*whole_offsets)) largest = std::max(largest, std::abs(offset));
    return static_cast<double>(largest) * static_cast<double>(n) <= kMaxWeighed;
  }

 private:
  static void require_rows(py::ssize_t size, size_t dim) {
    require(static_cast<size_t>(size) == dim + 1, "A table needs dim + 1 rows.");
  }
};

Table make_table(Reals weights, Ints weight_exponents, Reals offsets, Ints offset_exponents, Reals energies,
                 Ints energy_exponents, std::optional<Ints> whole_weights, std::optional<Scores> whole_offsets,
                 bool exact) {
  return {weights,       offsets,       energies, weight_exponents, offset_exponents, energy_exponents,
          whole_weights, whole_offsets, exact};
}

size_t rows_of(const Words& rows, size_t dim) {
  require(dim >= 1 && dim <= (size_t{1} << 28), "The dimension must be in [1, 2**28].");
  require(extent(rows, 1, 2) == words_for(dim), "Packed vectors must have ceil(dim / 64) words.");
  return extent(rows, 0, 2);
}

struct Probes {
  std::span<uint64_t> words;
  size_t n;
  RecallRule rule;
  RecallResults results;
};

Probes probes_of(Words& probes, size_t dim, bool synchronous, uint64_t seed, const std::optional<Scores>& order,
                 size_t budget, Reals& values, Scores& exponents, Scores& sweeps, Flags& converged, Flags& cycles) {
  const size_t n = rows_of(probes, dim);
  require_size(write(values), n, "values");
  for (Scores* column : {&exponents, &sweeps}) require_size(write(*column), n, "exponents and sweeps");
  for (Flags* column : {&converged, &cycles}) require_size(write(*column), n, "converged and cycles");
  if (order) {
    require(static_cast<size_t>(order->size()) == dim, "The order must name every unit.");
    for (const std::int64_t unit : read(*order))
      require(unit >= 0 && static_cast<uint64_t>(unit) < dim, "The order must name units.");
  }
  return {write(probes),
          n,
          {dim, synchronous, seed, order ? order->data() : nullptr, budget},
          {values.mutable_data(), exponents.mutable_data(), sweeps.mutable_data(), converged.mutable_data(),
           cycles.mutable_data()}};
}

// Patterns laid out for recall once, for many calls.
class Patterns {
 public:
  Patterns(const Words& rows, size_t dim, size_t workers, bool by_units)
      : rows_(rows), dim_(dim), workers_(workers), by_units_(by_units), book_(make(rows_of(rows, dim))) {}

  void recall(const Table& table, Words probes, bool synchronous, uint64_t seed, std::optional<Scores> order,
              size_t budget, Reals values, Scores exponents, Scores sweeps, Flags converged, Flags cycles,
              size_t threads) {
    const Probes asked =
        probes_of(probes, dim_, synchronous, seed, order, budget, values, exponents, sweeps, converged, cycles);
    const RecallTable numbers = table.view(dim_);
    require(threads >= 1 && threads <= workers_, "The patterns are laid out for fewer threads.");
    require(by_units_ || (synchronous && table.is_whole(book_.size())), "These patterns are not there by units.");
    py::gil_scoped_release release;  // every pointer is taken
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (lock.owns_lock()) return run(book_, numbers, asked, threads);
    run(make(book_.size()), numbers, asked, threads);  // workers have their states in the book that others use
  }

  void matrix(Ints out, size_t threads) const {
    const auto cells = write(out);
    require_size(cells, dim_ * dim_, "out");
    py::gil_scoped_release release;
    hebb_matrix(book_, cells.data(), threads);
  }

 private:
  PatternBook make(size_t n) const {
    require(workers_ >= 1 && workers_ <= 4096, "The number of threads is out of range.");
    require((n + workers_) * line_stride(words_for(dim_)) < (uint64_t{1} << 32), "There are too many patterns.");
    return {rows_.data(), n, dim_, workers_, by_units_};
  }

  void run(const PatternBook& book, const RecallTable& table, const Probes& asked, size_t threads) const {
    recall_probes(asked.rule, asked.words.data(), asked.n, asked.results,
                  std::min(threads, std::max<size_t>(1, asked.n)),
                  [&](size_t worker) { return PatternRecall(book, table, worker); });
  }

  Words rows_;
  size_t dim_, workers_;
  bool by_units_;
  PatternBook book_;
  std::mutex busy_;
};

void recall_order(uint64_t seed, size_t sweep, Scores out) {
  const auto order = write(out);
  std::vector<size_t> units;
  order_units({order.size(), false, seed, nullptr, 0}, sweep, units);
  std::copy(units.begin(), units.end(), order.begin());
}

void recall_by_matrix(const Ints& matrix, size_t dim, Words probes, bool synchronous, uint64_t seed,
                      std::optional<Scores> order, size_t budget, Reals values, Scores exponents, Scores sweeps,
                      Flags converged, Flags cycles, size_t threads) {
  const Probes asked =
      probes_of(probes, dim, synchronous, seed, order, budget, values, exponents, sweeps, converged, cycles);
  require(static_cast<uint64_t>(matrix.size()) == dim * dim, "The matrix must have dim * dim elements.");
  const std::int32_t* cells = matrix.data();
  py::gil_scoped_release release;
  recall_probes(asked.rule, asked.words.data(), asked.n, asked.results, std::min(threads, std::max<size_t>(1, asked.n)),
                [&](size_t) { return MatrixRecall(cells, dim); });
}

}  // namespace

void bind_recall(py::module_& module) {
  py::class_<Table>(module, "RecallTable", "Weights, offsets and energies of a pattern by its Hamming distance.")
      .def(py::init(&make_table), py::arg("weights").noconvert(), py::arg("weight_exponents").noconvert(),
           py::arg("offsets").noconvert(), py::arg("offset_exponents").noconvert(), py::arg("energies").noconvert(),
           py::arg("energy_exponents").noconvert(), py::arg("whole_weights").noconvert().none(true),
           py::arg("whole_offsets").noconvert().none(true), py::arg("exact"))
      .def("is_whole", &Table::is_whole, py::arg("n"), "Whether so many patterns need no floats.");
  py::class_<Patterns>(module, "RecallPatterns", "Packed patterns laid out for recall.")
      .def(py::init<const Words&, size_t, size_t, bool>(), py::arg("rows").noconvert(), py::arg("dim"),
           py::arg("workers"), py::arg("by_units"))
      .def("recall", &Patterns::recall, py::arg("table"), py::arg("probes").noconvert(), py::arg("synchronous"),
           py::arg("seed"), py::arg("order").noconvert().none(true), py::arg("budget"), py::arg("values").noconvert(),
           py::arg("exponents").noconvert(), py::arg("sweeps").noconvert(), py::arg("converged").noconvert(),
           py::arg("cycles").noconvert(), py::arg("threads"), "Let every probe follow the energy, in place.")
      .def("matrix", &Patterns::matrix, py::arg("out").noconvert(), py::arg("threads"),
           "Write the sum of x x^T with zero diagonal.");
  module.def("recall_order", &recall_order, py::arg("seed"), py::arg("sweep"), py::arg("out").noconvert(),
             "Write the random order of units in a sweep.");
  module.def("recall_by_matrix", &recall_by_matrix, py::arg("matrix").noconvert(), py::arg("dim"),
             py::arg("probes").noconvert(), py::arg("synchronous"), py::arg("seed"),
             py::arg("order").noconvert().none(true), py::arg("budget"), py::arg("values").noconvert(),
             py::arg("exponents").noconvert(), py::arg("sweeps").noconvert(), py::arg("converged").noconvert(),
             py::arg("cycles").noconvert(), py::arg("threads"), "The same by a matrix of integers.");
}

}  // namespace hypersketch::bindings
