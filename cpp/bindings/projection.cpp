// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/projection.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Codes = Array<std::uint32_t>;

SignTable sign_table(const Codes& codes, size_t n_outputs) {
  const SignTable table{codes.data(), extent(codes, 0, 2), extent(codes, 1, 2), n_outputs};
  require(n_outputs >= 1 && n_outputs <= kMaxOutputs, "The number of outputs must be in [1, 2**31 - 1].");
  for (const std::uint32_t code : read(codes))
    require((code & ~kCodeSign) < n_outputs, "A code names an output that does not exist.");
  return table;
}

void codes_of(const Hashes& hashes, uint64_t seed, size_t n_outputs, Codes out) {
  const auto keys = read(hashes);
  const size_t n_entries = extent(out, 1, 2);
  const auto codes = write(out);
  require(n_outputs <= kMaxOutputs, "The number of outputs must be in [1, 2**31 - 1].");
  require(n_entries >= 1 && n_entries <= n_outputs, "The number of entries must be in [1, the number of outputs].");
  require_size(codes, keys.size() * n_entries, "out");
  py::gil_scoped_release release;
  sign_codes(keys, seed, n_entries, n_outputs, codes.data());
}

template <class T>
void signs_of(const Hashes& hashes, uint64_t seed, Array<T> out, size_t threads) {
  const auto keys = read(hashes);
  const size_t dim = extent(out, 1, 2);
  const auto signs = write(out);
  require_size(signs, keys.size() * dim, "out");
  py::gil_scoped_release release;
  dense_signs(keys, seed, dim, signs.data(), threads);
}

template <class T>
void dense(const Array<T>& rows, const Codes& codes, T scale, Array<T> out, size_t threads) {
  const SignTable table = sign_table(codes, extent(out, 1, 2));
  const size_t n = extent(rows, 0, 2);
  const auto answers = write(out);
  require(extent(rows, 1, 2) == table.n_features, "rows must have one column a feature.");
  require_size(answers, n * table.n_outputs, "out");
  py::gil_scoped_release release;
  project_dense(rows.data(), n, table, scale, answers.data(), threads);
}

template <class T, class Index>
void compressed(const Array<Index>& starts, const Array<Index>& features, const Array<T>& values, const Codes& codes,
                T scale, Array<T> out, size_t threads) {
  const SignTable table = sign_table(codes, extent(out, 1, 2));
  const size_t n = extent(out, 0, 2);
  const auto answers = write(out);
  const auto begins = read(starts), columns = read(features);
  const auto entries = read(values);
  require_size(begins, n + 1, "starts");
  require_size(columns, entries.size(), "features");
  py::gil_scoped_release release;
  project_csr(begins, columns, entries, table, scale, answers.data(), threads);
}

template <class T, class Index>
void bind_compressed(py::module_& module) {
  module.def("project_csr", &compressed<T, Index>, py::arg("starts").noconvert(), py::arg("features").noconvert(),
             py::arg("values").noconvert(), py::arg("codes").noconvert(), py::arg("scale"), py::arg("out").noconvert(),
             py::arg("threads"), "The same for rows in compressed form.");
}

template <class T>
void bind_type(py::module_& module) {
  module.def("dense_signs", &signs_of<T>, py::arg("hashes").noconvert(), py::arg("seed"), py::arg("out").noconvert(),
             py::arg("threads"), "Atoms of features as -1 and +1.");
  module.def("project_dense", &dense<T>, py::arg("rows").noconvert(), py::arg("codes").noconvert(), py::arg("scale"),
             py::arg("out").noconvert(), py::arg("threads"), "Rows times the sparse matrix of signs.");
  bind_compressed<T, std::int32_t>(module);
  bind_compressed<T, std::int64_t>(module);
}

}  // namespace

void bind_projection(py::module_& module) {
  module.def("sign_codes", &codes_of, py::arg("hashes").noconvert(), py::arg("seed"), py::arg("n_outputs"),
             py::arg("out").noconvert(), "Outputs (lower 31 bits) and signs (top bit) of features.");
  bind_type<float>(module);
  bind_type<double>(module);
}

}  // namespace hypersketch::bindings
