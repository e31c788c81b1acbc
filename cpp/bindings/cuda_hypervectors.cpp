// SPDX-License-Identifier: Apache-2.0
#include "cuda_packed.hpp"

namespace hypersketch::bindings {
namespace {

size_t met(size_t a, size_t b) {
  require(a == b || a == 1 || b == 1, "There must be one vector or as many as of the other argument.");
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

void atom_rows(const Span& hashes, size_t dim, uint64_t seed, const Span& out) {
  require_together(hashes, out);
  require(rows_of(out, dim).n == hashes.n, "out must have one row a key.");
  const py::gil_scoped_release release;
  cuda::atom_rows(hashes.place(), hashes.data<const uint64_t>(), hashes.n, dim, seed, out.data<uint64_t>());
}

bool bind_rows(const Span& a, const Span& b, size_t dim, const Span& out) {
  require_together(a, b, out);
  const auto left = rows_of(a, dim), right = rows_of(b, dim);
  require(rows_of(out, dim).n == met(left.n, right.n), "out must have one row a product.");
  const py::gil_scoped_release release;
  return cuda::bind_rows(a.place(), left, right, dim, out.data<uint64_t>());
}

bool rotate_rows(const Span& rows, size_t dim, size_t shift, const Span& out) {
  require_together(rows, out);
  const auto given = rows_of(rows, dim);
  require(shift < dim && out.n == rows.n, "The shift must be below the dimension, and out of the rows' size.");
  const py::gil_scoped_release release;
  return cuda::rotate_rows(rows.place(), given, dim, shift, out.data<uint64_t>());
}

void roll_rows(const Span& rows, size_t dim, size_t shift, const Span& out) {
  require_together(rows, out);
  require_dim(dim);
  require(shift < dim && rows.n % dim == 0 && out.n == rows.n, "The rows must have dim entries, as out.");
  const py::gil_scoped_release release;
  cuda::roll_rows(rows.place(), rows.data<const std::int32_t>(), rows.n / dim, dim, shift, out.data<std::int32_t>());
}

bool turn_rows(const Span& sums, const Span& signs, size_t dim, const Span& out) {
  require_together(sums, signs, out);
  const auto packed = rows_of(signs, dim);
  require(sums.n % dim == 0 && out.n == dim * met(sums.n / dim, packed.n), "out must have one row a product.");
  const py::gil_scoped_release release;
  return cuda::turn_rows(sums.place(), sums.data<const std::int32_t>(), sums.n / dim, packed, dim,
                         out.data<std::int32_t>());
}

void pack_signs(const Span& counters, size_t dim, uint64_t seed, const Span& out) {
  require_together(counters, out);
  const size_t n = rows_of(out, dim).n;
  require(counters.n == n * dim, "out must have one row a row of counters.");
  const py::gil_scoped_release release;
  cuda::pack_signs(counters.place(), counters.data<const std::int32_t>(), n, dim, seed, out.data<uint64_t>());
}

// ---- memory for the length of a call

// Bytes of a pool, given back in the order of the stream: neither makes anybody wait.
class Passing {
 public:
  Passing(size_t n_bytes, int device, std::uintptr_t stream)
      : place_{device, stream},
        n_bytes_(n_bytes),
        data_(n_bytes == 0 ? nullptr : cuda::take_scratch(place_, n_bytes)) {}
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;
  ~Passing() {
    if (data_ != nullptr) cuda::give_scratch(place_, data_);
  }

  Span span(size_t n) const { return {reinterpret_cast<std::uintptr_t>(data_), n, place_.device, place_.stream}; }

  void from_host(const Array<std::uint8_t>& bytes) {
    const auto source = read(bytes);
    require(source.size() <= n_bytes_, "There must be room for all bytes.");
    const py::gil_scoped_release release;
    cuda::copy_from_host(place_, data_, source.data(), source.size());
  }

 private:
  cuda::Place place_;
  size_t n_bytes_;
  void* data_;
};

// ---- bundles

// What is bundled, and what becomes of it. The caller keeps the arrays, and knows that starts rise within the items.
struct Plan {
  size_t dim;
  size_t n;
  cuda::Bundles bundles;
  cuda::Outcome outcome;
  int device;

  void require_here(const Span& span) const {
    require(span.device == device, "All arrays of a call must lie on one GPU.");
  }
};

cuda::Bundles bundles_of(const Words& starts, const Words& ends, size_t longest, size_t trimmed, const Words& weights,
                         size_t n_items) {
  require(!starts || starts->n >= 1, "There must be one start more than bundles.");
  require(!ends || (starts && ends->n + 1 == starts->n), "There must be one end a bundle.");
  require(!weights || weights->n == n_items, "There must be one weight an item.");
  return {starts ? starts->data<const std::int64_t>() : nullptr,
          ends ? ends->data<const std::int64_t>() : nullptr,
          starts ? starts->n - 1 : 1,
          longest,
          trimmed,
          weights ? weights->data<const std::int64_t>() : nullptr};
}

Plan make_plan(size_t dim, size_t n_items, size_t longest, const Words& starts, const Words& ends, size_t trimmed,
               const Words& weights, const Words& bits, const Words& ties, uint64_t at_least, const Words& sums,
               bool subtract) {
  require_dim(dim);
  require(bits.has_value() != sums.has_value(), "There must be one array to write.");
  const Span& out = bits ? *bits : *sums;
  Plan plan{dim, n_items, bundles_of(starts, ends, longest, trimmed, weights, n_items), {}, out.device};
  require(starts || longest == n_items, "One bundle is of all items.");
  for (const Words* words : {&starts, &ends, &weights, &ties})
    if (*words) plan.require_here(**words);
  require(out.n == plan.bundles.n * (bits ? words_for(dim) : dim), "out must have one row a bundle.");
  if (bits) {
    require(at_least != 0 || (ties && ties->n == words_for(dim)), "Ties must be one packed vector.");
    plan.outcome = {bits->data<uint64_t>(), ties ? ties->data<const uint64_t>() : nullptr, at_least, nullptr, false};
  } else {
    plan.outcome = {nullptr, nullptr, 0, sums->data<std::int32_t>(), subtract};
  }
  return plan;
}

bool bundle_rows(const Plan& plan, const Span& rows, const Words& others) {
  plan.require_here(rows);
  require(rows_of(rows, plan.dim).n == plan.n, "There must be one row an item.");
  if (others) {
    plan.require_here(*others);
    require(others->n == rows.n, "There must be as many others as rows.");
  }
  const py::gil_scoped_release release;
  return cuda::bundle_rows(rows.place(), rows.data<const uint64_t>(), others ? others->data<const uint64_t>() : nullptr,
                           plan.dim, plan.bundles, plan.outcome);
}

// The caller has looked at the choices.
void bundle_chosen(const Plan& plan, const Span& book, const Span& chosen, const Words& other_book,
                   const Words& others) {
  require(chosen.n == plan.n, "There must be one choice an item.");
  for (const Span* span : {&book, &chosen}) plan.require_here(*span);
  cuda::ChosenRows items{book.data<const uint64_t>(), chosen.data<const std::uint32_t>(), nullptr, nullptr, 0};
  if (other_book) {
    plan.require_here(*other_book);
    const size_t period = rows_of(*other_book, plan.dim).n;
    require(others || (period >= 1 && plan.n < (size_t{1} << 32)), "There must be less than 2**32 choices.");
    items.other_book = other_book->data<const uint64_t>();
    items.period = static_cast<std::uint32_t>(period);
  }
  if (others) {
    plan.require_here(*others);
    require(other_book && others->n == plan.n, "There must be one choice an item.");
    items.others = others->data<const std::uint32_t>();
  }
  const py::gil_scoped_release release;
  cuda::bundle_chosen(chosen.place(), items, plan.dim, plan.bundles, plan.outcome);
}

void bundle_keys(const Plan& plan, const Span& keys, const Words& others, bool hashed, uint64_t seed) {
  plan.require_here(keys);
  require(keys.n == plan.n, "There must be one key an item.");
  const cuda::KeyProducts items = products_of(keys, others, hashed, seed);
  const py::gil_scoped_release release;
  cuda::bundle_keys(keys.place(), items, plan.dim, plan.bundles, plan.outcome);
}

// Tokens of four bytes, or of one; the caller has looked at them.
void bundle_grams(const Plan& plan, const Span& book, const Span& tokens, size_t n_bytes, size_t length) {
  plan.require_here(tokens);
  plan.require_here(book);
  require(tokens.n == plan.n && (n_bytes == 1 || n_bytes == 4), "Tokens must be bytes or of 32 bits.");
  require(length >= 1 && plan.bundles.trimmed == length - 1, "Bundles must be trimmed by the length less one.");
  const cuda::BookTokens given{book.data<const uint64_t>(), rows_of(book, plan.dim).n,
                               n_bytes == 4 ? tokens.data<const std::uint32_t>() : nullptr,
                               n_bytes == 1 ? tokens.data<const unsigned char>() : nullptr};
  const py::gil_scoped_release release;
  cuda::bundle_grams(tokens.place(), given, length, plan.dim, plan.bundles, plan.outcome);
}

void bundle_key_grams(const Plan& plan, const Span& hashes, uint64_t seed, size_t length) {
  plan.require_here(hashes);
  require(hashes.n == plan.n, "There must be one hash a token.");
  require(length >= 1 && plan.bundles.trimmed == length - 1, "Bundles must be trimmed by the length less one.");
  const py::gil_scoped_release release;
  cuda::bundle_grams(hashes.place(), hashes.data<const uint64_t>(), hashes.n, seed, length, plan.dim, plan.bundles,
                     plan.outcome);
}

// ---- encoding

// The caller knows that starts rise within the bytes.
bool decode_characters(const Span& starts, const Span& bytes, const Span& hashes, const Span& ends) {
  require_together(starts, bytes, hashes, ends);
  require(starts.n == ends.n + 1 && hashes.n == bytes.n, "There must be room for one hash a byte.");
  const py::gil_scoped_release release;
  return cuda::decode_characters(bytes.place(), starts.data<const std::int64_t>(), ends.n,
                                 bytes.data<const unsigned char>(), hashes.data<uint64_t>(), ends.data<std::int64_t>());
}

template <class T>
unsigned quantize(const Span& values, double low, double scale, std::uint32_t levels, double least, double most,
                  const Span& out) {
  require_together(values, out);
  require(levels >= 1 && values.n == out.n, "There must be one level a value.");
  const py::gil_scoped_release release;
  return cuda::quantize<T>(values.place(), values.data<const T>(), values.n, {low, scale, levels, least, most},
                           out.data<std::uint32_t>());
}

template <class T>
void bind_quantize(py::module_& module, const char* name) {
  module.def(name, &quantize<T>, py::arg("values"), py::arg("low"), py::arg("scale"), py::arg("levels"),
             py::arg("least"), py::arg("most"), py::arg("out"),
             "Nearest levels; 1 where a value is no number, 2 where one is outside.");
}

bool any_beyond(const Span& rows, size_t dim) {
  const cuda::PackedRows given = rows_of(rows, dim);
  const py::gil_scoped_release release;
  return cuda::any_beyond(rows.place(), given, dim);
}

void clear_span(const Span& span, size_t n_bytes) {
  const py::gil_scoped_release release;
  cuda::clear(span.place(), span.data<void>(), n_bytes);
}

// Keys into the counters of a structure, through staging buffers when they lie in host memory.
void bundle_add(State& state, uint64_t seed, const Argument<uint64_t>& keys,
                const std::optional<Argument<std::int64_t>>& weights, bool hashed, bool subtract, std::uintptr_t stream,
                size_t threads) {
  const size_t dim = state.memory.size() / sizeof(std::int32_t);
  require_dim(dim);
  Batch batch(state, keys, hashed, stream, threads);
  batch.add_weights(weights);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    const auto* mine = weights ? static_cast<const std::int64_t*>(piece.more_in) : nullptr;
    cuda::bundle_keys(place, {part, nullptr, seed}, dim, {nullptr, nullptr, 1, part.n, 0, mine},
                      {nullptr, nullptr, 0, state.data<std::int32_t>(), subtract});
  });
}

}  // namespace

void bind_cuda_hypervectors(py::module_& module) {
  module.def("atom_rows", &atom_rows, py::arg("hashes"), py::arg("dim"), py::arg("seed"), py::arg("out"),
             "Packed atoms of keys.");
  module.def("bind_rows", &bind_rows, py::arg("a"), py::arg("b"), py::arg("dim"), py::arg("out"),
             "XOR of rows; false where bits beyond the dimension are set.");
  module.def("rotate_rows", &rotate_rows, py::arg("rows"), py::arg("dim"), py::arg("shift"), py::arg("out"),
             "Rows shifted cyclically; false as for bind_rows.");
  module.def("roll_rows", &roll_rows, py::arg("rows"), py::arg("dim"), py::arg("shift"), py::arg("out"),
             "Rows of int32 shifted cyclically.");
  module.def("turn_rows", &turn_rows, py::arg("sums"), py::arg("signs"), py::arg("dim"), py::arg("out"),
             "Sums times the signs of packed rows; false as for bind_rows.");
  module.def("pack_signs", &pack_signs, py::arg("counters"), py::arg("dim"), py::arg("seed"), py::arg("out"),
             "Signs of rows of counters.");
  py::class_<Passing>(module, "Passing", "Memory of a GPU for the length of a call.")
      .def(py::init<size_t, int, std::uintptr_t>(), py::arg("n_bytes"), py::arg("device"), py::arg("stream"))
      .def("span", &Passing::span, py::arg("n"), py::keep_alive<0, 1>(), "Its first n elements.")
      .def("from_host", &Passing::from_host, py::arg("data").noconvert(), "Fill it, and wait for the stream.");
  const auto none = py::none();
  py::class_<Plan>(module, "BundlePlan", "Which items are bundled with each other, and what becomes of them.")
      .def(py::init(&make_plan), py::arg("dim"), py::arg("n_items"), py::arg("longest"), py::arg("starts") = none,
           py::arg("ends") = none, py::arg("trimmed") = 0, py::arg("weights") = none, py::arg("bits") = none,
           py::arg("ties") = none, py::arg("at_least") = 0, py::arg("sums") = none, py::arg("subtract") = false);
  module.def("bundle_rows", &bundle_rows, py::arg("plan"), py::arg("rows"), py::arg("others").none(true),
             "Bundles of packed rows; false where a vote is for a bit beyond the dimension.");
  module.def("bundle_chosen", &bundle_chosen, py::arg("plan"), py::arg("book"), py::arg("chosen"),
             py::arg("other_book").none(true), py::arg("others").none(true), "Bundles of chosen rows of books.");
  module.def("bundle_keys", &bundle_keys, py::arg("plan"), py::arg("keys"), py::arg("others").none(true),
             py::arg("hashed"), py::arg("seed"), "Bundles of atoms, or of products of two.");
  module.def("bundle_grams", &bundle_grams, py::arg("plan"), py::arg("book"), py::arg("tokens"), py::arg("n_bytes"),
             py::arg("length"), "Bundles of n-grams of rows of a book.");
  module.def("bundle_key_grams", &bundle_key_grams, py::arg("plan"), py::arg("hashes"), py::arg("seed"),
             py::arg("length"), "Bundles of n-grams of atoms.");
  module.def("decode_characters", &decode_characters, py::arg("starts"), py::arg("bytes"), py::arg("hashes"),
             py::arg("ends"), "Hashes of the characters of documents; false where anything is no UTF-8.");
  bind_quantize<float>(module, "quantize_f32");
  bind_quantize<double>(module, "quantize_f64");
  module.def("any_beyond", &any_beyond, py::arg("rows"), py::arg("dim"), "Whether rows set bits beyond the dimension.");
  module.def("clear_span", &clear_span, py::arg("span"), py::arg("n_bytes"), "Set the first bytes to zero.");
  module.def("bundle_add", &bundle_add, py::arg("state"), py::arg("seed"), py::arg("keys").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("hashed"), py::arg("subtract"), py::arg("stream"),
             py::arg("threads"), "Add atoms of keys to int32 counters; the caller knows that none leaves its range.");
}

}  // namespace hypersketch::bindings
