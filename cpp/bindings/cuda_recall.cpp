// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "membership_tensor.hpp"
#include "recall.hpp"

namespace hypersketch::bindings {
namespace {

template <class T>
struct Tag {
  using Type = T;
};

// Calls visit with the type that NumPy calls so.
template <class Visit>
auto with_type(const std::string& name, Visit&& visit) {
  if (name == "bool") return visit(Tag<bool>{});
  if (name == "int8") return visit(Tag<std::int8_t>{});
  if (name == "int16") return visit(Tag<std::int16_t>{});
  if (name == "int32") return visit(Tag<std::int32_t>{});
  if (name == "int64") return visit(Tag<std::int64_t>{});
  if (name == "uint8") return visit(Tag<std::uint8_t>{});
  if (name == "uint16") return visit(Tag<std::uint16_t>{});
  if (name == "uint32") return visit(Tag<std::uint32_t>{});
  if (name == "uint64") return visit(Tag<std::uint64_t>{});
  if (name == "float16") return visit(Tag<cuda::Half>{});
  if (name == "float32") return visit(Tag<float>{});
  require(name == "float64", "There is no such type on a GPU.");
  return visit(Tag<double>{});
}

std::int64_t place_of(uint64_t first_bad) {
  return first_bad == cuda::kAllGood ? -1 : static_cast<std::int64_t>(first_bad);
}

std::int64_t pack_entries(const Span& rows, const std::string& dtype, size_t n, size_t dim, size_t stride,
                          const Span& out) {
  require_together(rows, out);
  require(out.n == n * words_for(dim), "out must have one row a row.");
  return place_of(with_type(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const py::gil_scoped_release release;
    return cuda::pack_entries(rows.place(), rows.data<const T>(), n, dim, stride, out.data<uint64_t>());
  }));
}

void unpack_entries(const Span& words, size_t dim, const std::string& dtype, const Span& out) {
  require_together(words, out);
  const size_t n = words.n / words_for(dim);
  require(words.n == n * words_for(dim) && out.n == n * dim, "out must have one row a row.");
  with_type(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const py::gil_scoped_release release;
    cuda::unpack_entries(words.place(), words.data<const uint64_t>(), n, dim, out.data<T>());
  });
}

template <class To>
std::int64_t convert_entries(const Span& rows, const std::string& dtype, size_t n, size_t dim, size_t stride,
                             const Span& out) {
  require_together(rows, out);
  require(out.n == n * dim, "out must have one row a row.");
  const auto convert = [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const py::gil_scoped_release release;
    return cuda::convert_entries(rows.place(), rows.data<const T>(), n, dim, stride, out.data<To>());
  };
  return place_of(dtype == "bfloat16" ? convert(Tag<cuda::Bfloat>{}) : with_type(dtype, convert));
}

void turn_bits(const Span& rows, size_t dim, const Span& units) {
  require_together(rows, units);
  const size_t n = rows.n / words_for(dim);
  require(rows.n == n * words_for(dim) && units.n == dim * words_for(n), "There must be one row of bits a unit.");
  const py::gil_scoped_release release;
  cuda::turn_bits(rows.place(), rows.data<const uint64_t>(), n, dim, units.data<uint64_t>());
}

cuda::ScaledColumn column_of(const Span& mantissas, const Span& exponents, size_t dim) {
  require_together(mantissas, exponents);
  require(mantissas.n == dim + 1 && exponents.n == dim + 1, "A table needs dim + 1 rows.");
  return {mantissas.data<const double>(), exponents.data<const std::int32_t>()};
}

// Columns of a table on a GPU; the caller keeps their memory.
cuda::RecallNumbers make_numbers(size_t dim, const Span& weights, const Span& weight_exponents, const Span& offsets,
                                 const Span& offset_exponents, const Span& energies, const Span& energy_exponents,
                                 const std::optional<Span>& whole_weights, const std::optional<Span>& whole_offsets,
                                 unsigned n_planes, bool exact, bool order_free, bool free_energies) {
  require(whole_weights.has_value() == whole_offsets.has_value() && n_planes <= 31, "The whole weights do not fit.");
  require(!whole_weights || (whole_weights->n == dim + 1 && whole_offsets->n == dim + 1),
          "A table needs dim + 1 rows.");
  return {column_of(weights, weight_exponents, dim),
          column_of(offsets, offset_exponents, dim),
          column_of(energies, energy_exponents, dim),
          whole_weights ? whole_weights->data<const std::int32_t>() : nullptr,
          whole_offsets ? whole_offsets->data<const std::int64_t>() : nullptr,
          n_planes,
          exact,
          order_free,
          free_energies};
}

void recall(const cuda::RecallNumbers& numbers, const Span& rows, const Span& units, size_t dim, const Span& states,
            bool synchronous, uint64_t seed, const std::optional<Array<std::int64_t>>& order, size_t budget,
            const Span& values, const Span& exponents, const Span& sweeps, const Span& converged, const Span& cycles) {
  require_together(states, rows, units, values, exponents, sweeps, converged, cycles);
  const size_t n_words = words_for(dim), n_patterns = rows.n / n_words, n = states.n / n_words;
  require(rows.n == n_patterns * n_words && states.n == n * n_words, "Packed vectors must be whole rows.");
  require(n_patterns >= 1 && n_patterns < (size_t{1} << 31), "The number of patterns is out of range.");
  require(units.n == dim * words_for(n_patterns), "There must be one row of bits a unit.");
  for (const Span* column : {&values, &exponents, &sweeps, &converged, &cycles})
    require(column->n == n, "There must be one answer a state.");
  require(!order || static_cast<size_t>(order->size()) == dim, "The order must name every unit.");
  const RecallRule rule{dim, synchronous, seed, order ? order->data() : nullptr, budget};
  const py::gil_scoped_release release;
  cuda::recall(states.place(), {rows.data<const uint64_t>(), units.data<const uint64_t>(), n_patterns, dim}, numbers,
               rule, states.data<uint64_t>(), n,
               {values.data<double>(), exponents.data<std::int64_t>(), sweeps.data<std::int64_t>(),
                converged.data<bool>(), cycles.data<bool>()});
}

size_t cells_of(size_t dim, size_t degree) {
  size_t n = 1;
  for (size_t i = 0; i < degree; ++i) n = n * (dim - i) / (i + 1);
  return n;
}

void require_cells(const State& state, size_t dim, size_t degree) {
  require(degree >= 2 && degree <= 8, "The degree must be in [2, 8].");
  require(dim >= 1 && dim <= (size_t{1} << 16), "The dimension must be in [1, 2**16].");
  const size_t n = dim < degree ? 0 : cells_of(dim, degree);
  require(state.memory.size() == n * sizeof(std::int32_t), "The cells do not fit the dimension.");
}

// Keys and weights of either memory.
std::int64_t membership_add(State& state, size_t dim, size_t degree, uint64_t seed, const Argument<uint64_t>& hashes,
                            const std::optional<Argument<std::int64_t>>& weights, std::uintptr_t stream,
                            size_t threads) {
  require_cells(state, dim, degree);
  Batch batch(state, hashes, true, stream, threads);
  batch.add_weights(weights);
  std::int64_t sum = 0;
  batch.run(state, [&](cuda::Place place, cuda::Keys keys, cuda::Piece piece) {
    auto* const cells = state.data<std::int32_t>();
    const auto* const mine = weights ? static_cast<const std::int64_t*>(piece.more_in) : nullptr;
    if (degree == 2)
      sum += cuda::membership_add(place, cells, dim, seed, keys.words, keys.n, mine);
    else
      cuda::tensor_add(place, cells, {dim, degree}, seed, keys.words, keys.n, mine);
  });
  return sum;
}

void membership_scores(State& state, std::int64_t trace, size_t dim, size_t degree, uint64_t seed,
                       const Argument<uint64_t>& hashes, Argument<std::int64_t> out, std::uintptr_t stream,
                       size_t threads) {
  require_cells(state, dim, degree);
  Batch batch(state, hashes, true, stream, threads);
  batch.add_answers(out);
  batch.run(state, [&](cuda::Place place, cuda::Keys keys, cuda::Piece piece) {
    const auto* const cells = state.data<const std::int32_t>();
    auto* const sums = static_cast<std::int64_t*>(piece.out);
    if (degree == 2)
      cuda::membership_scores(place, cells, trace, dim, seed, keys.words, keys.n, sums);
    else
      cuda::tensor_scores(place, cells, {dim, degree}, seed, keys.words, keys.n, sums);
  });
}

}  // namespace

void bind_cuda_recall(py::module_& module) {
  module.def("pack_entries", &pack_entries, py::arg("rows"), py::arg("dtype"), py::arg("n"), py::arg("dim"),
             py::arg("stride"), py::arg("out"),
             "-1 and +1, or bools, to bits; the first entry that is neither, or -1.");
  module.def("unpack_entries", &unpack_entries, py::arg("words"), py::arg("dim"), py::arg("dtype"), py::arg("out"),
             "Bits to -1 and +1, or to bools.");
  for (const auto& [name, function] :
       {std::pair{"convert_float32", &convert_entries<float>}, std::pair{"convert_float64", &convert_entries<double>}})
    module.def(name, function, py::arg("rows"), py::arg("dtype"), py::arg("n"), py::arg("dim"), py::arg("stride"),
               py::arg("out"), "The same numbers in another type; the first that is not finite there, or -1.");
  module.def("turn_bits", &turn_bits, py::arg("rows"), py::arg("dim"), py::arg("units"),
             "Packed rows by their columns.");
  module.def("membership_add", &membership_add, py::arg("state"), py::arg("dim"), py::arg("degree"), py::arg("seed"),
             py::arg("hashes").noconvert(), py::arg("weights").noconvert().none(true), py::arg("stream"),
             py::arg("threads"), "Add signed outer products; returns the sum of w e, of a matrix.");
  module.def("membership_scores", &membership_scores, py::arg("state"), py::arg("trace"), py::arg("dim"),
             py::arg("degree"), py::arg("seed"), py::arg("hashes").noconvert(), py::arg("out").noconvert(),
             py::arg("stream"), py::arg("threads"), "e s^T W s of every key, or what a tensor has in its place.");
  py::class_<cuda::RecallNumbers>(module, "RecallNumbers",
                                  "Weights, offsets and energies of a pattern by its Hamming distance, on a GPU.")
      .def(py::init(&make_numbers), py::arg("dim"), py::arg("weights"), py::arg("weight_exponents"), py::arg("offsets"),
           py::arg("offset_exponents"), py::arg("energies"), py::arg("energy_exponents"), py::arg("whole_weights"),
           py::arg("whole_offsets"), py::arg("n_planes"), py::arg("exact"), py::arg("order_free"),
           py::arg("free_energies"));
  module.def("recall", &recall, py::arg("numbers"), py::arg("rows"), py::arg("units"), py::arg("dim"),
             py::arg("states"), py::arg("synchronous"), py::arg("seed"), py::arg("order").noconvert().none(true),
             py::arg("budget"), py::arg("values"), py::arg("exponents"), py::arg("sweeps"), py::arg("converged"),
             py::arg("cycles"), "Let every state follow the energy, in place.");
}

}  // namespace hypersketch::bindings
