// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/resonator.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Words = Array<uint64_t>;

size_t rows_of(const Words& rows, size_t dim) {
  require(extent(rows, 1, 2) == words_for(dim), "Packed vectors must have ceil(dim / 64) words.");
  return extent(rows, 0, 2);
}

// The codebooks lie end to end; sizes has the number of rows of each.
std::vector<Codebook> codebooks(const Words& rows, const Scores& sizes, size_t dim) {
  const size_t n = rows_of(rows, dim);
  std::vector<Codebook> books;
  books.reserve(static_cast<size_t>(sizes.size()));
  size_t first = 0;
  for (const std::int64_t size : read(sizes)) {
    require(size >= 1 && static_cast<uint64_t>(size) <= n - first, "The codebooks must be the rows.");
    books.emplace_back(rows.data() + first * words_for(dim), static_cast<size_t>(size), dim);
    first += static_cast<size_t>(size);
  }
  require(first == n && n * line_stride(words_for(dim)) < (uint64_t{1} << 32), "The codebooks must be the rows.");
  return books;
}

void run(const Words& rows, const Scores& sizes, size_t dim, const Words& start, const Words& probes,
         const Hashes& hashes, bool synchronous, uint64_t seed, std::int64_t noise, std::int32_t threshold,
         std::int64_t accept, size_t budget, Scores codewords, Scores products, Scores sweeps, Scores periods,
         size_t threads) {
  require(dim >= 1 && dim <= (size_t{1} << 28), "The dimension must be in [1, 2**28].");
  require(budget >= 1 && noise >= 0 && noise < (std::int64_t{1} << 48), "The budget or the noise is out of range.");
  const std::vector<Codebook> books = codebooks(rows, sizes, dim);
  require(rows_of(start, dim) == books.size(), "Every factor needs a first estimate.");
  const size_t n = rows_of(probes, dim);
  require(static_cast<size_t>(hashes.size()) == n, "Every probe needs a hash.");
  const ResonatorResults results{write(codewords).data(), write(products).data(), write(sweeps).data(),
                                 write(periods).data()};
  require_size(write(codewords), n * books.size(), "codewords");
  for (Scores* column : {&products, &sweeps, &periods}) require_size(write(*column), n, "products, sweeps and periods");
  const Probes asked{probes.data(), hashes.data(), n};
  const uint64_t* first = start.data();
  py::gil_scoped_release release;  // every pointer is taken
  resonate({dim, synchronous, seed, noise, threshold, accept, budget}, books, first, asked, results, threads);
}

}  // namespace

void bind_resonator(py::module_& module) {
  module.def("resonate", &run, py::arg("rows").noconvert(), py::arg("sizes").noconvert(), py::arg("dim"),
             py::arg("start").noconvert(), py::arg("probes").noconvert(), py::arg("hashes").noconvert(),
             py::arg("synchronous"), py::arg("seed"), py::arg("noise"), py::arg("threshold"), py::arg("accept"),
             py::arg("budget"), py::arg("codewords").noconvert(), py::arg("products").noconvert(),
             py::arg("sweeps").noconvert(), py::arg("periods").noconvert(), py::arg("threads"),
             "Which codewords, one a factor, multiply to each probe.");
}

}  // namespace hypersketch::bindings
