// SPDX-License-Identifier: Apache-2.0
#include "codes.hpp"
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"

namespace hypersketch::bindings {
namespace {

using cuda::CodeShape;

CodeShape shape_of(size_t n_modules, size_t n_units) {
  require(n_modules >= 1 && n_units >= 1, "There must be modules and units.");
  return {n_modules, n_units};
}

void require_rows(const Span& weights, CodeShape shape, size_t n_rows) {
  require(weights.n == n_rows * words_for(shape.n_code()), "There must be one row of weights each.");
}

void count_lists(const Span& weights, size_t n_modules, size_t n_units, const Span& starts, const Span& indices,
                 const Span& counts) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_together(weights, starts, indices, counts);
  require(starts.n >= 1 && counts.n == (starts.n - 1) * shape.n_code(), "counts must have one row a list.");
  const py::gil_scoped_release release;
  cuda::count_lists(weights.place(), weights.data<const uint64_t>(), shape,
                    {starts.data<const std::int64_t>(), indices.data<const std::int64_t>()}, starts.n - 1,
                    counts.data<std::int32_t>());
}

void count_winners(const Span& context, size_t n_modules, size_t n_units, const Span& code, const Span& counts) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_together(context, code, counts);
  require_rows(context, shape, shape.n_code());
  require(code.n == n_modules && counts.n == shape.n_code(), "There must be one code, and one count a unit.");
  const py::gil_scoped_release release;
  cuda::count_winners(context.place(), context.data<const uint64_t>(), shape, code.data<const std::int64_t>(),
                      counts.data<std::int32_t>());
}

void require_codes(const Span& codes, const Span& largest, CodeShape shape) {
  require_together(codes, largest);
  require(codes.n == largest.n && codes.n % shape.n_modules == 0, "There must be one support a winner.");
}

void best_units(const Span& counts, const Span& numbers, size_t n_modules, size_t n_units, const Span& codes,
                const Span& largest) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_codes(codes, largest, shape);
  require_together(codes, counts, numbers);
  const size_t n = codes.n / n_modules;
  require(numbers.n == n && counts.n == n * shape.n_code(), "There must be one row of counts a code.");
  const py::gil_scoped_release release;
  cuda::best_units(codes.place(), {counts.data<const std::int32_t>(), numbers.data<const std::int64_t>(), nullptr},
                   shape, n, codes.data<std::int64_t>(), largest.data<double>());
}

void follow_codes(const std::optional<Span>& counts, const std::optional<Span>& numbers, const Span& context,
                  size_t n_modules, size_t n_units, const Array<bool>& begins, const std::optional<Span>& before,
                  const Span& codes, const Span& largest) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_codes(codes, largest, shape);
  require_together(codes, context);
  require_rows(context, shape, shape.n_code());
  const size_t n = codes.n / n_modules;
  require(static_cast<size_t>(begins.size()) == n, "begins must have one element a code.");
  require(counts.has_value() == numbers.has_value(), "Counts come with numbers.");
  if (counts) {
    require_together(codes, *counts, *numbers);
    require(numbers->n == n && counts->n == n * shape.n_code(), "There must be one row of counts a code.");
  }
  require(n == 0 || begins.data()[0] || (before && before->n == n_modules && before->device == codes.device),
          "There must be a code before the first.");
  const py::gil_scoped_release release;
  cuda::follow_codes(codes.place(),
                     {counts ? counts->data<const std::int32_t>() : nullptr,
                      numbers ? numbers->data<const std::int64_t>() : nullptr, nullptr},
                     context.data<const uint64_t>(), shape, begins.data(),
                     before ? before->data<const std::int64_t>() : nullptr, n, codes.data<std::int64_t>(),
                     largest.data<double>());
}

void learn_code(const Span& weights, const Span& context, size_t n_modules, size_t n_units, const Span& rows,
                const Span& code, const std::optional<Span>& before) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_together(weights, context, rows, code);
  require(code.n == n_modules && (!before || (before->n == n_modules && before->device == weights.device)),
          "A code has one winner a module.");
  if (before) require_rows(context, shape, shape.n_code());
  const py::gil_scoped_release release;
  cuda::set_code(weights.place(), weights.data<uint64_t>(), shape, rows.data<const std::int64_t>(), rows.n,
                 code.data<const std::int64_t>());
  if (before)
    cuda::set_code_behind(weights.place(), context.data<uint64_t>(), shape, before->data<const std::int64_t>(),
                          code.data<const std::int64_t>());
}

void connected_rows(const Span& weights, size_t n_rows, size_t n_modules, size_t n_units, const Span& codes,
                    const Span& out) {
  const CodeShape shape = shape_of(n_modules, n_units);
  require_together(out, weights, codes);
  require_rows(weights, shape, n_rows);
  require(codes.n % n_modules == 0 && out.n == codes.n / n_modules * n_rows, "out must have one row a code.");
  const py::gil_scoped_release release;
  cuda::connected_rows(out.place(), weights.data<const uint64_t>(), n_rows, shape, codes.data<const std::int64_t>(),
                       codes.n / n_modules, out.data<bool>());
}

}  // namespace

void bind_cuda_codes(py::module_& module) {
  module.def("count_lists", &count_lists, py::arg("weights"), py::arg("n_modules"), py::arg("n_units"),
             py::arg("starts"), py::arg("indices"), py::arg("counts"), "How many rows of each list have each bit.");
  module.def("count_winners", &count_winners, py::arg("context"), py::arg("n_modules"), py::arg("n_units"),
             py::arg("code"), py::arg("counts"), "How many rows of a code's winners have each bit.");
  module.def("best_units", &best_units, py::arg("counts"), py::arg("numbers"), py::arg("n_modules"), py::arg("n_units"),
             py::arg("codes"), py::arg("largest"), "The unit of the largest support in each module, and that support.");
  module.def("follow_codes", &follow_codes, py::arg("counts"), py::arg("numbers"), py::arg("context"),
             py::arg("n_modules"), py::arg("n_units"), py::arg("begins").noconvert(), py::arg("before"),
             py::arg("codes"), py::arg("largest"), "The same, one after the other, each after the code before.");
  module.def("learn_code", &learn_code, py::arg("weights"), py::arg("context"), py::arg("n_modules"),
             py::arg("n_units"), py::arg("rows"), py::arg("code"), py::arg("before"),
             "Set the bits of a code in rows, and in those of the code before.");
  module.def("connected_rows", &connected_rows, py::arg("weights"), py::arg("n_rows"), py::arg("n_modules"),
             py::arg("n_units"), py::arg("codes"), py::arg("out"), "Which rows have the bits of all winners.");
}

}  // namespace hypersketch::bindings
