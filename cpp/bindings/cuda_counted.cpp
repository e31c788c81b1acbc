// SPDX-License-Identifier: Apache-2.0
#include "counted.hpp"
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "hypervectors.hpp"

namespace hypersketch::bindings {
namespace {

using Words = std::optional<Span>;

void require_dim(size_t dim) { require(dim >= 1 && dim < (size_t{1} << 31), "The dimension must be in [1, 2**31)."); }

cuda::SparseSpace sparse_space(size_t dim, size_t n_ones, bool segments, uint64_t seed) {
  require(dim >= 1 && dim <= (size_t{1} << 26), "The dimension must be in [1, 2**26].");
  require(n_ones >= 1 && n_ones <= dim && n_ones <= (size_t{1} << 13), "There must be 1 to 2**13 ones, at most dim.");
  return {dim, n_ones, segments, seed};
}

cuda::DigitSpace digit_space(size_t width, std::uint32_t modulus, uint64_t seed) {
  require(modulus >= 2 && modulus <= 65536, "The modulus must be in [2, 2**16].");
  require(width >= 1 && width <= (size_t{1} << 26), "The width must be in [1, 2**26].");
  return {width, modulus, seed};
}

// ---- changes of a structure's counters, on the stream of the items

// Items and their weights, of which there is one each, on the GPU of a state.
cuda::CountedWeights weights_of(const State& state, const Span& items, size_t n, const Words& weights, bool subtract) {
  require(items.device == state.memory.device(), "All arrays of a call must lie on one GPU.");
  require(!weights || (weights->n == n && weights->device == items.device), "There must be one weight an item.");
  return {weights ? weights->data<const std::int64_t>() : nullptr, subtract};
}

const uint64_t* others_of(const Span& hashes, const Words& others) {
  require(!others || (others->n == hashes.n && others->device == hashes.device), "There must be one factor a key.");
  return others ? others->data<const uint64_t>() : nullptr;
}

size_t cells_of(const State& state) { return state.memory.size() / sizeof(std::int32_t); }

void add_sign_atoms(State& state, uint64_t seed, const Span& hashes, const Words& others, const Words& weights,
                    bool subtract) {
  const size_t dim = cells_of(state);
  require_dim(dim);
  const auto given = weights_of(state, hashes, hashes.n, weights, subtract);
  const cuda::KeyProducts items{{hashes.data<const uint64_t>(), hashes.n, true}, others_of(hashes, others), seed};
  const py::gil_scoped_release release;
  const Use use(state, hashes.stream);
  cuda::bundle_keys(hashes.place(), items, dim, {nullptr, nullptr, 1, hashes.n, 0, given.each},
                    {nullptr, nullptr, 0, state.data<std::int32_t>(), subtract});
}

void add_sparse_atoms(State& state, size_t n_ones, bool segments, uint64_t seed, const Span& hashes,
                      const Words& weights, bool subtract) {
  const auto space = sparse_space(cells_of(state), n_ones, segments, seed);
  const auto given = weights_of(state, hashes, hashes.n, weights, subtract);
  const py::gil_scoped_release release;
  const Use use(state, hashes.stream);
  cuda::add_sparse_atoms(hashes.place(), hashes.data<const uint64_t>(), hashes.n, space, given,
                         state.data<std::int32_t>());
}

void add_digit_atoms(State& state, size_t width, std::uint32_t modulus, uint64_t seed, const Span& hashes,
                     const Words& others, const Words& weights, bool subtract) {
  const auto space = digit_space(width, modulus, seed);
  require(cells_of(state) == space.n_counters(), "There must be one counter a value of an entry.");
  const auto given = weights_of(state, hashes, hashes.n, weights, subtract);
  const uint64_t* const second = others_of(hashes, others);
  const py::gil_scoped_release release;
  const Use use(state, hashes.stream);
  cuda::add_digit_atoms(hashes.place(), hashes.data<const uint64_t>(), second, hashes.n, space, given,
                        state.data<std::int32_t>());
}

// The caller has looked for bits beyond the dimension. With two planes the second one's bits count -1.
void add_bit_rows(State& state, size_t planes, const Span& rows, const Words& weights, bool subtract) {
  const size_t dim = cells_of(state), n_words = words_for(dim);
  require_dim(dim);
  require((planes == 1 || planes == 2) && rows.n % (planes * n_words) == 0, "Rows must be whole.");
  const size_t n = rows.n / (planes * n_words);
  const auto given = weights_of(state, rows, n, weights, subtract);
  const auto* const words = rows.data<const uint64_t>();
  const py::gil_scoped_release release;
  const Use use(state, rows.stream);
  cuda::add_bits(rows.place(), {words, n, planes * n_words}, dim, given, state.data<std::int32_t>());
  if (planes == 2)
    cuda::add_bits(rows.place(), {words + n_words, n, planes * n_words}, dim, {given.each, !subtract},
                   state.data<std::int32_t>());
}

// The caller has looked for integers that are too large.
void add_digit_rows(State& state, size_t width, std::uint32_t modulus, const Span& rows, const Words& weights,
                    bool subtract) {
  const auto space = digit_space(width, modulus, 0);
  require(cells_of(state) == space.n_counters() && rows.n % width == 0, "Rows must be whole, with a counter a value.");
  const auto given = weights_of(state, rows, rows.n / width, weights, subtract);
  const py::gil_scoped_release release;
  const Use use(state, rows.stream);
  cuda::add_digit_rows(rows.place(), rows.data<const std::uint16_t>(), rows.n / width, space, given,
                       state.data<std::int32_t>());
}

// ---- vectors of counters

void pack_counts(const Span& counters, size_t planes, const Span& out) {
  require_together(counters, out);
  require_dim(counters.n);
  const size_t n_words = words_for(counters.n);
  require((planes == 1 || planes == 2) && out.n == planes * n_words, "out must be one vector.");
  auto* const words = out.data<uint64_t>();
  const py::gil_scoped_release release;
  cuda::pack_counts(counters.place(), counters.data<const std::int32_t>(), counters.n, words,
                    planes == 2 ? words + n_words : nullptr);
}

// One vector, or many. The seed and the hash are those of the atom of offsets.
void choose_digits(const Span& counters, size_t width, std::uint32_t modulus, uint64_t seed, uint64_t hash,
                   const Words& directions, const Span& out) {
  require_together(counters, out);
  const auto space = digit_space(width, modulus, seed);
  require(out.n % width == 0 && counters.n == out.n * modulus, "There must be one counter a value of an entry.");
  require(!directions || (directions->n == 2 * size_t{modulus} && directions->device == counters.device),
          "There must be one direction a value.");
  const cuda::DigitCounts counts{counters.data<const std::int32_t>(), out.n / width, hash};
  const py::gil_scoped_release release;
  if (directions)
    cuda::nearest_directions(counters.place(), counts, space, directions->data<const double>(),
                             out.data<std::uint16_t>());
  else
    cuda::most_frequent(counters.place(), counts, space, out.data<std::uint16_t>());
}

// ---- atoms, and comparisons with them

void sparse_atoms(const Span& hashes, size_t dim, size_t n_ones, bool segments, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  const auto space = sparse_space(dim, n_ones, segments, seed);
  require(out.n == hashes.n * words_for(dim), "out must have one row a key.");
  const py::gil_scoped_release release;
  cuda::sparse_atoms(hashes.place(), hashes.data<const uint64_t>(), hashes.n, space, out.data<uint64_t>());
}

void digit_atoms(const Span& hashes, size_t width, std::uint32_t modulus, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  const auto space = digit_space(width, modulus, seed);
  require(out.n == hashes.n * width, "out must have one row a key.");
  const py::gil_scoped_release release;
  cuda::digit_atoms(hashes.place(), hashes.data<const uint64_t>(), hashes.n, space, out.data<std::uint16_t>());
}

void score_sparse_atoms(const Span& vector, size_t dim, size_t n_ones, bool segments, uint64_t seed, const Span& hashes,
                        const Span& out) {
  require_together(hashes, vector, out);
  const auto space = sparse_space(dim, n_ones, segments, seed);
  require(vector.n == words_for(dim) && out.n == hashes.n, "vector must be one, out have one element a key.");
  const py::gil_scoped_release release;
  cuda::score_sparse_atoms(hashes.place(), vector.data<const uint64_t>(), hashes.data<const uint64_t>(), hashes.n,
                           space, out.data<double>());
}

void score_digit_atoms(const Span& vector, std::uint32_t modulus, uint64_t seed, bool circle, const Span& hashes,
                       const Span& out) {
  require_together(hashes, vector, out);
  const auto space = digit_space(vector.n, modulus, seed);
  require(out.n == hashes.n, "out must have one element a key.");
  const py::gil_scoped_release release;
  cuda::score_digit_atoms(hashes.place(), vector.data<const std::uint16_t>(), hashes.data<const uint64_t>(), hashes.n,
                          space, circle, out.data<double>());
}

bool any_not_below(const Span& digits, std::uint32_t modulus) {
  const py::gil_scoped_release release;
  return cuda::any_not_below(digits.place(), digits.data<const std::uint16_t>(), digits.n, modulus);
}

// ---- stored vectors

cuda::DigitRows digit_rows_of(const Span& span, size_t width) {
  require(span.n % width == 0, "Vectors must be whole rows.");
  return {span.data<const std::uint16_t>(), span.n / width};
}

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

bool combine_digits(const Span& a, const Span& b, size_t width, std::uint32_t modulus, bool subtract, const Span& out) {
  require_together(a, b, out);
  const auto space = digit_space(width, modulus, 0);
  const auto left = digit_rows_of(a, width), right = digit_rows_of(b, width);
  require(out.n == width * met(left.n, right.n), "out must have one row a pair.");
  const py::gil_scoped_release release;
  return cuda::combine_digits(a.place(), left, right, space, subtract, out.data<std::uint16_t>());
}

bool compare_digits(const Span& a, const Span& b, size_t width, std::uint32_t modulus, bool circle, const Span& out) {
  require_together(a, b, out);
  const auto space = digit_space(width, modulus, 0);
  const auto left = digit_rows_of(a, width), right = digit_rows_of(b, width);
  require(out.n == met(left.n, right.n), "out must have one element a pair.");
  const py::gil_scoped_release release;
  return cuda::compare_digits(a.place(), left, right, space, circle, out.data<double>());
}

// The caller has looked for integers that are too large, and knows that starts rise within the rows, which begin with
// that of the first start.
void count_digit_runs(const Span& rows, size_t width, std::uint32_t modulus, const Span& starts, const Words& weights,
                      const Span& counters) {
  require_together(rows, starts, counters);
  const auto space = digit_space(width, modulus, 0);
  const auto given = digit_rows_of(rows, width);
  require(starts.n >= 2 && counters.n == (starts.n - 1) * space.n_counters(),
          "There must be counters for all bundles.");
  require(!weights || (weights->n == given.n && weights->device == rows.device), "There must be one weight a row.");
  const std::int64_t* const factors = weights ? weights->data<const std::int64_t>() : nullptr;
  const py::gil_scoped_release release;
  cuda::clear(rows.place(), counters.data<void>(), counters.n * sizeof(std::int32_t));
  cuda::count_digit_runs(rows.place(), {given.digits, given.n, starts.data<const std::int64_t>(), starts.n - 1}, space,
                         factors, counters.data<std::int32_t>());
}

void bind_changes(py::module_& module) {
  module.def("add_sign_atoms", &add_sign_atoms, py::arg("state"), py::arg("seed"), py::arg("hashes"),
             py::arg("others").none(true), py::arg("weights").none(true), py::arg("subtract"),
             "Add atoms of signs, or products of two, to int32 counters; the caller knows that none leaves its range.");
  module.def("add_sparse_atoms", &add_sparse_atoms, py::arg("state"), py::arg("n_ones"), py::arg("segments"),
             py::arg("seed"), py::arg("hashes"), py::arg("weights").none(true), py::arg("subtract"),
             "The same of sparse atoms.");
  module.def("add_digit_atoms", &add_digit_atoms, py::arg("state"), py::arg("width"), py::arg("modulus"),
             py::arg("seed"), py::arg("hashes"), py::arg("others").none(true), py::arg("weights").none(true),
             py::arg("subtract"), "The same of atoms of integers, or sums of two, to one counter a value of an entry.");
  module.def("add_bit_rows", &add_bit_rows, py::arg("state"), py::arg("planes"), py::arg("rows"),
             py::arg("weights").none(true), py::arg("subtract"), "The same of packed rows; a second plane counts -1.");
  module.def("add_digit_rows", &add_digit_rows, py::arg("state"), py::arg("width"), py::arg("modulus"), py::arg("rows"),
             py::arg("weights").none(true), py::arg("subtract"), "The same of rows of integers.");
}

}  // namespace

void bind_cuda_counted(py::module_& module) {
  bind_changes(module);
  module.def("pack_counts", &pack_counts, py::arg("counters"), py::arg("planes"), py::arg("out"),
             "The bits of counters above 0, and of those below as a second plane.");
  module.def("choose_digits", &choose_digits, py::arg("counters"), py::arg("width"), py::arg("modulus"),
             py::arg("seed"), py::arg("hash"), py::arg("directions").none(true), py::arg("out"),
             "The most frequent values, or those whose directions are nearest to the sum's.");
  module.def("sparse_atoms", &sparse_atoms, py::arg("hashes"), py::arg("dim"), py::arg("n_ones"), py::arg("segments"),
             py::arg("seed"), py::arg("out"), "Packed atoms with few ones.");
  module.def("digit_atoms", &digit_atoms, py::arg("hashes"), py::arg("width"), py::arg("modulus"), py::arg("seed"),
             py::arg("out"), "Atoms of integers below the modulus.");
  module.def("score_sparse_atoms", &score_sparse_atoms, py::arg("vector"), py::arg("dim"), py::arg("n_ones"),
             py::arg("segments"), py::arg("seed"), py::arg("hashes"), py::arg("out"),
             "Overlaps with sparse atoms over the root of both numbers of ones.");
  module.def("score_digit_atoms", &score_digit_atoms, py::arg("vector"), py::arg("modulus"), py::arg("seed"),
             py::arg("circle"), py::arg("hashes"), py::arg("out"),
             "Shares of entries equal to atoms', or how near they are around a circle.");
  module.def("combine_digits", &combine_digits, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("modulus"),
             py::arg("subtract"), py::arg("out"),
             "Sums, or differences, modulo r; false where an integer is too large.");
  module.def("compare_digits", &compare_digits, py::arg("a"), py::arg("b"), py::arg("width"), py::arg("modulus"),
             py::arg("circle"), py::arg("out"), "Similarities row by row; false where an integer is too large.");
  module.def("count_digit_runs", &count_digit_runs, py::arg("rows"), py::arg("width"), py::arg("modulus"),
             py::arg("starts"), py::arg("weights").none(true), py::arg("counters"),
             "Counters of the values of every entry, one vector's for each run of rows.");
  module.def("any_not_below", &any_not_below, py::arg("digits"), py::arg("modulus"),
             "Whether any integer is too large.");
}

}  // namespace hypersketch::bindings
