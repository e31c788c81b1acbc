// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "synapses.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;

cuda::Synapses synapses_of(const Span& words, size_t n_in, size_t n_out) {
  require(n_in >= 1 && n_out >= 1 && words.n == n_in * words_for(n_out), "There must be a row of bits an input unit.");
  return {words.data<uint64_t>(), n_in, n_out};
}

cuda::UnitLists lists_of(const Span& starts, const Span& indices) {
  require(starts.n >= 1, "There must be one start more than patterns.");
  return {starts.data<const std::int64_t>(), indices.data<const std::uint32_t>(), starts.n - 1};
}

const std::int64_t* numbers_of(const MaybeSpan& numbers, size_t n, const Span& near) {
  if (!numbers) return nullptr;
  require(numbers->n == n && numbers->device == near.device, "There must be one number a pattern.");
  return numbers->data<const std::int64_t>();
}

void set_synapses(const Span& words, size_t n_in, size_t n_out, const Span& in_starts, const Span& in_indices,
                  const Span& out_starts, const Span& out_indices, size_t most) {
  require_together(words, in_starts, in_indices, out_starts, out_indices);
  const cuda::Synapses synapses = synapses_of(words, n_in, n_out);
  const cuda::UnitLists inputs = lists_of(in_starts, in_indices), outputs = lists_of(out_starts, out_indices);
  require(inputs.n == outputs.n, "There must be as many outputs as inputs.");
  const py::gil_scoped_release release;
  cuda::set_synapses(words.place(), synapses, inputs, outputs, most);
}

void read_synapses(const Span& words, size_t n_in, size_t n_out, const Span& starts, const Span& indices,
                   const MaybeSpan& rows, const MaybeSpan& least, size_t winners, const Span& sums, const Span& states,
                   const Span& numbers, const Span& stays) {
  require_together(words, starts, indices, sums, states, numbers, stays);
  const cuda::Synapses synapses = synapses_of(words, n_in, n_out);
  const cuda::UnitLists asked = lists_of(starts, indices);
  require(sums.n == states.n && sums.n % n_out == 0 && (rows || sums.n == asked.n * n_out),
          "There must be a row of sums and of states a pattern.");
  require(numbers.n == asked.n && stays.n == asked.n, "There must be one answer a pattern.");
  const cuda::UnitReading reading{sums.data<std::int32_t>(),
                                  states.data<bool>(),
                                  numbers_of(rows, asked.n, words),
                                  numbers_of(least, asked.n, words),
                                  winners,
                                  numbers.data<std::int64_t>(),
                                  stays.data<bool>()};
  const py::gil_scoped_release release;
  cuda::read_synapses(words.place(), synapses, asked, reading);
}

cuda::BoolRows bools_of(const Span& bools, size_t stride, size_t n_units, const MaybeSpan& rows, size_t n) {
  require(stride >= n_units, "Rows of bools must not overlap.");
  return {bools.data<const unsigned char>(), stride, n_units, numbers_of(rows, n, bools), n};
}

void count_units(const Span& bools, size_t stride, size_t n_units, const MaybeSpan& rows, const Span& numbers) {
  require_together(bools, numbers);
  const cuda::BoolRows given = bools_of(bools, stride, n_units, rows, numbers.n);
  const py::gil_scoped_release release;
  cuda::count_units(bools.place(), given, numbers.data<std::int64_t>());
}

void list_units(const Span& bools, size_t stride, size_t n_units, const MaybeSpan& rows, const Span& starts,
                const Span& indices) {
  require_together(bools, starts, indices);
  const cuda::UnitLists lists = lists_of(starts, indices);
  const cuda::BoolRows given = bools_of(bools, stride, n_units, rows, lists.n);
  const py::gil_scoped_release release;
  cuda::list_units(bools.place(), given, lists.starts, indices.data<std::uint32_t>());
}

size_t checked_units(const Span& rows, size_t width, size_t n_units, const Span& indices) {
  require_together(rows, indices);
  require(width >= 1 && rows.n % width == 0 && indices.n == rows.n, "There must be one index a number.");
  const py::gil_scoped_release release;
  return cuda::checked_units(rows.place(), rows.data<const double>(), rows.n / width, width, n_units,
                             indices.data<std::uint32_t>());
}

}  // namespace

void bind_cuda_synapses(py::module_& module) {
  module.def("set_synapses", &set_synapses, py::arg("words"), py::arg("n_in"), py::arg("n_out"), py::arg("in_starts"),
             py::arg("in_indices"), py::arg("out_starts"), py::arg("out_indices"), py::arg("most"),
             "Set the synapses between all units of each input and of its output.");
  module.def("read_synapses", &read_synapses, py::arg("words"), py::arg("n_in"), py::arg("n_out"), py::arg("starts"),
             py::arg("indices"), py::arg("rows"), py::arg("least"), py::arg("winners"), py::arg("sums"),
             py::arg("states"), py::arg("numbers"), py::arg("stays"),
             "With how many units of patterns each unit is connected, and which ones answer.");
  module.def("count_units", &count_units, py::arg("bools"), py::arg("stride"), py::arg("n_units"), py::arg("rows"),
             py::arg("numbers"), "How many bools of rows are true.");
  module.def("list_units", &list_units, py::arg("bools"), py::arg("stride"), py::arg("n_units"), py::arg("rows"),
             py::arg("starts"), py::arg("indices"), "Which bools of rows are true.");
  module.def("checked_units", &checked_units, py::arg("rows"), py::arg("width"), py::arg("n_units"), py::arg("indices"),
             "Rows of numbers as units; the first row with one that is none or comes twice, or how many rows.");
}

}  // namespace hypersketch::bindings
