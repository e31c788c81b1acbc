// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/digit_scores.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Digits = Array<std::uint16_t>;

std::span<const uint64_t> seeds_of(const Hashes& seeds, size_t n) {
  const auto given = read(seeds);
  require(!given.empty() && n % given.size() == 0, "As many bundles or vectors must come of every seed.");
  return given;
}

// Directions of all digits make vectors of those nearest to sums; without them the most frequent digits are wanted.
void bundles(const Hashes& seeds, const Hashes& hashes, const Array<std::int64_t>& edges, std::uint32_t modulus,
             const Digits& offsets, const std::optional<Array<double>>& directions, Digits out, size_t threads) {
  const auto keys = read(hashes);
  const auto ends = read(edges);
  require(modulus >= 1 && modulus <= 65536, "The modulus must be in [1, 2**16].");
  require(!ends.empty() && ends.front() >= 0 && static_cast<size_t>(ends.back()) <= keys.size() &&
              std::is_sorted(ends.begin(), ends.end()),
          "edges must lie in the keys and must not fall.");
  const size_t n_seeds = seeds_of(seeds, ends.size() - 1).size(), width = extent(offsets, 1, 2);
  require(extent(offsets, 0, 2) == n_seeds, "offsets must have one row a seed.");
  for (const std::uint16_t offset : read(offsets)) require(offset < modulus, "offsets must be digits.");
  for (size_t b = 0; b + 1 < ends.size(); ++b)
    require(directions || ends[b + 1] - ends[b] < 65536, "A bundle has too many keys to be counted in 16 bits.");
  if (directions) require_size(read(*directions), size_t{2} * modulus, "directions");
  const auto rows = write(out);
  require_size(rows, (ends.size() - 1) * width, "out");
  const DigitBundles asked{read(seeds), keys, ends, width, modulus, offsets.data()};
  static_assert(sizeof(Direction) == 2 * sizeof(double));
  const auto* const table = directions ? reinterpret_cast<const Direction*>(directions->data()) : nullptr;
  py::gil_scoped_release release;
  if (table != nullptr)
    nearest_digits(asked, table, rows.data(), threads);
  else
    most_frequent_digits(asked, rows.data(), threads);
}

void scores(const Hashes& seeds, const Hashes& hashes, std::uint32_t modulus, bool circle, const Digits& vectors,
            Scores out, size_t threads) {
  const auto keys = read(hashes);
  const size_t n = extent(vectors, 0, 2), width = extent(vectors, 1, 2);
  const auto given = seeds_of(seeds, n);
  const size_t per_seed = n / given.size();
  require(fits_bytes(modulus), "The modulus must be a power of two of at most 128.");
  for (const std::uint16_t digit : read(vectors)) require(digit < modulus, "vectors must be of digits.");
  const auto sums = write(out);
  require_size(sums, n * keys.size(), "out");
  const std::uint16_t* const rows = vectors.data();
  py::gil_scoped_release release;
  for (size_t s = 0; s < given.size(); ++s)
    compare_with_atoms(given[s], keys, width, modulus, circle, rows + s * per_seed * width, per_seed,
                       sums.data() + s * per_seed * keys.size(), threads);
}

}  // namespace

void bind_digit_scores(py::module_& module) {
  module.def("bundle_digits", &bundles, py::arg("seeds").noconvert(), py::arg("hashes").noconvert(),
             py::arg("edges").noconvert(), py::arg("modulus"), py::arg("offsets").noconvert(),
             py::arg("directions").noconvert().none(true), py::arg("out").noconvert(), py::arg("threads"),
             "Bundles of runs of atoms of digits.");
  module.def("score_digits", &scores, py::arg("seeds").noconvert(), py::arg("hashes").noconvert(), py::arg("modulus"),
             py::arg("circle"), py::arg("vectors").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "Distances around the circle, or numbers of equal digits, of vectors and the atoms of keys.");
}

}  // namespace hypersketch::bindings
