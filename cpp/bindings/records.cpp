// SPDX-License-Identifier: Apache-2.0
// Records of a block of bytes as arrays of offsets. Blocks, tables and arenas are NumPy arrays that the caller owns.
#include "hypersketch/records.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Block = Array<std::uint8_t>;
using Offsets = Array<std::int64_t>;
using Flags = Array<bool>;
using Slots = Array<uint64_t>;
using Pair = py::typing::Tuple<Offsets, Offsets>;
using Rows = py::typing::Tuple<Offsets, Offsets, std::int64_t>;
using Progress = py::typing::Tuple<size_t, size_t, size_t>;

static_assert(sizeof(ExactSlot) == 2 * sizeof(uint64_t));

SpanView read_spans(const Block& data, const Offsets& starts, const Offsets& ends) {
  const auto from = read(starts), to = read(ends);
  require_size(to, from.size(), "ends");
  const auto size = static_cast<std::int64_t>(data.size());
  bool inside = true;
  for (size_t i = 0; i < from.size(); ++i) inside &= 0 <= from[i] && from[i] <= to[i] && to[i] <= size;
  require(inside, "A record must lie inside its block.");
  return {data.data(), from.data(), to.data(), from.size()};
}

Offsets first_of(const Offsets& array, size_t n) {
  return py::reinterpret_borrow<Offsets>(array[py::slice(0, static_cast<py::ssize_t>(n), 1)]);
}

Pair bind_lines(const Block& data) {
  const auto bytes = read(data);
  const auto most = static_cast<py::ssize_t>(count_byte(bytes, '\n'));
  Offsets ends(most), stops(most);
  size_t n = 0;
  {
    std::int64_t* const to = ends.mutable_data();
    std::int64_t* const behind = stops.mutable_data();
    py::gil_scoped_release release;
    n = split_lines(bytes, to, behind);
  }
  return py::make_tuple(first_of(ends, n), first_of(stops, n));
}

Rows bind_rows(const Block& data, unsigned char delimiter, bool at_end) {
  const auto bytes = read(data);
  const auto most = static_cast<py::ssize_t>(count_byte(bytes, '\n'));
  Offsets ends(most), stops(most);
  RowScan scan{};
  {
    std::int64_t* const to = ends.mutable_data();
    std::int64_t* const behind = stops.mutable_data();
    py::gil_scoped_release release;
    scan = split_rows(bytes, delimiter, at_end, to, behind);
  }
  return py::make_tuple(first_of(ends, scan.n), first_of(stops, scan.n), scan.stray);
}

Pair bind_words(const Block& data) {
  const auto bytes = read(data);
  const auto n = static_cast<py::ssize_t>(count_words(bytes));
  Offsets starts(n), ends(n);
  {
    std::int64_t* const from = starts.mutable_data();
    std::int64_t* const to = ends.mutable_data();
    py::gil_scoped_release release;
    split_words(bytes, from, to);
  }
  return py::make_tuple(starts, ends);
}

Hashes bind_hashes(const Block& data, const Offsets& starts, const Offsets& ends, uint64_t seed, size_t threads) {
  const SpanView spans = read_spans(data, starts, ends);
  Hashes out(static_cast<py::ssize_t>(spans.n));
  uint64_t* const target = out.mutable_data();
  py::gil_scoped_release release;
  hash_spans(spans, seed, threads, target);
  return out;
}

size_t bind_pack(const Block& data, const Offsets& starts, const Offsets& ends, const std::optional<Flags>& keep,
                 Block out) {
  const SpanView spans = read_spans(data, starts, ends);
  if (keep) require_size(read(*keep), spans.n, "keep");
  const auto target = write(out);
  size_t needed = 0;
  for (size_t i = 0; i < spans.n; ++i) needed += !keep || keep->data()[i] ? spans.size_of(i) : 0;
  require(needed <= target.size(), "out is too small for the records that are kept.");
  const bool* const flags = keep ? keep->data() : nullptr;
  py::gil_scoped_release release;
  return pack_spans(spans, flags, target.data());
}

// `numbers` are the slots in use and the bytes of the arena in use.
ExactTable table_of(Slots& slots, Block& arena, std::pair<size_t, size_t> numbers) {
  const size_t n_slots = extent(slots, 0, 2);
  require(extent(slots, 1, 2) == 2 && n_slots >= 4, "slots must have the shape (n, 2).");
  const auto words = write(slots);
  const auto bytes = write(arena);
  const auto [used, filled] = numbers;
  require(used <= n_slots && filled <= bytes.size(), "More is in use than there is.");
  return {
      reinterpret_cast<ExactSlot*>(words.data()), n_slots, used, n_slots / 3 * 2, bytes.data(), bytes.size(), filled};
}

Progress bind_reserve(Slots slots, Block arena, std::pair<size_t, size_t> numbers, const Hashes& hashes) {
  ExactTable table = table_of(slots, arena, numbers);
  const auto batch = read(hashes);
  size_t done = 0;
  {
    py::gil_scoped_release release;
    done = exact_reserve(table, batch);
  }
  return py::make_tuple(done, table.used, table.filled);
}

void bind_move(const Slots& old, Slots slots, Block arena, std::pair<size_t, size_t> numbers) {
  ExactTable table = table_of(slots, arena, numbers);
  require(extent(old, 1, 2) == 2 && extent(old, 0, 2) <= table.n_slots, "A table can only move to a larger one.");
  const auto* first = reinterpret_cast<const ExactSlot*>(old.data());
  const size_t n = extent(old, 0, 2);
  py::gil_scoped_release release;
  exact_move({first, n}, table);
}

Progress bind_keep(Slots slots, Block arena, std::pair<size_t, size_t> numbers, const Block& data,
                   const Offsets& starts, const Offsets& ends, const Hashes& hashes, Flags keep) {
  ExactTable table = table_of(slots, arena, numbers);
  const SpanView spans = read_spans(data, starts, ends);
  const auto batch = read(hashes);
  require_size(batch, spans.n, "hashes");
  const auto flags = write(keep);
  require_size(flags, spans.n, "keep");
  size_t done = 0;
  {
    py::gil_scoped_release release;
    done = exact_keep(table, spans, batch, flags.data());
  }
  return py::make_tuple(done, table.used, table.filled);
}

}  // namespace

void bind_records(py::module_& module) {
  module.def("split_lines", &bind_lines, py::arg("data").noconvert(),
             "Where complete lines end, without and with their LF or CR LF.");
  module.def("split_rows", &bind_rows, py::arg("data").noconvert(), py::arg("delimiter"), py::arg("at_end"),
             "Where complete rows of CSV end, without and with their LF or CR LF, and the first stray CR or -1.");
  module.def("split_words", &bind_words, py::arg("data").noconvert(), "Where words begin and end.");
  module.def("hash_spans", &bind_hashes, py::arg("data").noconvert(), py::arg("starts").noconvert(),
             py::arg("ends").noconvert(), py::arg("seed"), py::arg("threads"), "XXH64 of parts of a block.");
  module.def("pack_spans", &bind_pack, py::arg("data").noconvert(), py::arg("starts").noconvert(),
             py::arg("ends").noconvert(), py::arg("keep").noconvert().none(true), py::arg("out").noconvert(),
             "Move the kept parts of a block to out, one behind the other; return their bytes.");
  module.def("exact_reserve", &bind_reserve, py::arg("slots").noconvert(), py::arg("arena").noconvert(),
             py::arg("numbers"), py::arg("hashes").noconvert(),
             "Reserve slots for hashes; return (hashes done, slots used, arena bytes).");
  module.def("exact_move", &bind_move, py::arg("old").noconvert(), py::arg("slots").noconvert(),
             py::arg("arena").noconvert(), py::arg("numbers"), "Move all slots of a table to a larger, empty one.");
  module.def("exact_keep", &bind_keep, py::arg("slots").noconvert(), py::arg("arena").noconvert(), py::arg("numbers"),
             py::arg("data").noconvert(), py::arg("starts").noconvert(), py::arg("ends").noconvert(),
             py::arg("hashes").noconvert(), py::arg("keep").noconvert(),
             "Tell which records are the first of their bytes; return (records done, slots used, arena bytes).");
}

}  // namespace hypersketch::bindings
