// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/search.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Words = Array<uint64_t>;
using Distances = Array<std::int32_t>;

RowBatch rows_of(const Words& rows, size_t dim) {
  require(dim >= 1 && dim <= 0x7FFFFFFF, "The dimension must be in [1, 2**31 - 1].");
  require(extent(rows, 1, 2) == words_for(dim), "Packed vectors must have ceil(dim / 64) words.");
  const RowBatch batch{rows.data(), extent(rows, 0, 2), words_for(dim), nullptr};
  require(batch.n < kMaxSearchRows, "A search takes fewer than 2**33 rows.");
  return batch;
}

void top_k(const Words& queries, const Words& rows, size_t dim, Scores indices_out, Distances distances_out,
           size_t threads) {
  const RowBatch asked = rows_of(queries, dim), stored = rows_of(rows, dim);
  const size_t k = extent(indices_out, 1, 2);
  const auto indices = write(indices_out);
  const auto distances = write(distances_out);
  require(k >= 1 && k <= stored.n, "k must be in [1, the number of rows].");
  require_size(indices, asked.n * k, "indices_out");
  require_size(distances, asked.n * k, "distances_out");
  py::gil_scoped_release release;  // every pointer is taken
  hamming_top_k(asked, stored, dim, k, indices.data(), distances.data(), threads);
}

void all_distances(const Words& queries, const Words& rows, size_t dim, Distances out, size_t threads) {
  const RowBatch asked = rows_of(queries, dim), stored = rows_of(rows, dim);
  const auto distances = write(out);
  require_size(distances, asked.n * stored.n, "out");
  py::gil_scoped_release release;
  hamming_distances(asked, stored, distances.data(), threads);
}

using Found = py::typing::Tuple<Scores, Scores, Distances>;

Found range(const Words& queries, const Words& rows, size_t dim, size_t radius, size_t threads) {
  const RowBatch asked = rows_of(queries, dim), stored = rows_of(rows, dim);
  require(radius <= dim, "The radius must be in [0, dim].");
  std::vector<std::vector<uint64_t>> found;
  {
    py::gil_scoped_release release;
    found = hamming_range(asked, stored, radius, threads);
  }
  size_t total = 0;
  for (const auto& keys : found) total += keys.size();
  Scores starts(static_cast<py::ssize_t>(asked.n + 1)), indices(static_cast<py::ssize_t>(total));
  Distances distances(static_cast<py::ssize_t>(total));
  std::int64_t* start = starts.mutable_data();
  start[0] = 0;
  for (size_t q = 0; q < asked.n; ++q) {
    write_keys(found[q], indices.mutable_data() + start[q], distances.mutable_data() + start[q]);
    start[q + 1] = start[q] + static_cast<std::int64_t>(found[q].size());
  }
  return py::make_tuple(starts, indices, distances);
}

}  // namespace

void bind_search(py::module_& module) {
  module.def("hamming_top_k", &top_k, py::arg("queries").noconvert(), py::arg("rows").noconvert(), py::arg("dim"),
             py::arg("indices_out").noconvert(), py::arg("distances_out").noconvert(), py::arg("threads"),
             "Nearest rows of every query, by distance and then by row.");
  module.def("hamming_distances", &all_distances, py::arg("queries").noconvert(), py::arg("rows").noconvert(),
             py::arg("dim"), py::arg("out").noconvert(), py::arg("threads"), "Distances of every query to every row.");
  module.def("hamming_range", &range, py::arg("queries").noconvert(), py::arg("rows").noconvert(), py::arg("dim"),
             py::arg("radius"), py::arg("threads"),
             "Rows within a radius of every query: where each query's begin, the rows, their distances.");
}

}  // namespace hypersketch::bindings
