// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/vsa.hpp"

#include "arrays.hpp"
#include "hypersketch/trials.hpp"

namespace hypersketch::bindings {
namespace {

// factors is (F, n): factor f of item i is factors[f, i].
ItemView items_of(const Hashes& factors) {
  const size_t n_factors = extent(factors, 0, 2);
  require(n_factors >= 1, "An item needs at least one factor.");
  return {factors.data(), extent(factors, 1, 2), n_factors};
}

RowBatch rows_of(const Array<uint64_t>& rows, size_t dim) {
  require(dim >= 1, "A vector has at least one dimension.");
  require(extent(rows, 1, 2) == words_for(dim), "Packed vectors must have ceil(dim / 64) words.");
  return {rows.data(), extent(rows, 0, 2), words_for(dim), nullptr};
}

void add_items(Array<std::int32_t> counters, uint64_t seed, const Hashes& factors, const Weights& weights,
               size_t threads, bool hashed) {
  const auto state = write(counters);
  ItemView items = items_of(factors);
  items.hashed = hashed;
  const std::int64_t* values = read_weights(weights, items.n);
  py::gil_scoped_release release;  // every pointer is taken; the caller holds the object's lock
  bundle_add(state, seed, items, values, threads);
}

void add_rows(Array<std::int32_t> counters, const Array<uint64_t>& rows, const Weights& weights, size_t threads) {
  const auto state = write(counters);
  const RowBatch batch = rows_of(rows, state.size());
  const std::int64_t* values = read_weights(weights, batch.n);
  py::gil_scoped_release release;
  bundle_add_rows(state, batch, values, threads);
}

void scores_of_items(const Array<std::int32_t>& counters, uint64_t seed, const Hashes& factors, Scores out,
                     size_t threads) {
  const auto state = read(counters);
  const ItemView items = items_of(factors);
  const auto scores = write(out);
  require_size(scores, items.n, "out");
  py::gil_scoped_release release;
  bundle_scores(Planes(state), seed, items, scores.data(), threads);
}

void scores_of_rows(const Array<std::int32_t>& counters, const Array<uint64_t>& rows, Scores out, size_t threads) {
  const auto state = read(counters);
  const RowBatch batch = rows_of(rows, state.size());
  const auto scores = write(out);
  require_size(scores, batch.n, "out");
  py::gil_scoped_release release;
  bundle_score_rows(Planes(state), batch, scores.data(), threads);
}

Planes packed_planes(std::span<const uint64_t> packed, size_t dim) {
  require_size(packed, words_for(dim), "packed");
  Planes planes;
  planes.assign_packed(packed.data(), dim);
  return planes;
}

void packed_scores(const Array<uint64_t>& packed, size_t dim, uint64_t seed, const Hashes& factors, Scores out,
                   size_t threads) {
  const auto vector = read(packed);
  const ItemView items = items_of(factors);
  const auto scores = write(out);
  require_size(scores, items.n, "out");
  py::gil_scoped_release release;
  bundle_scores(packed_planes(vector, dim), seed, items, scores.data(), threads);
}

void packed_score_rows(const Array<uint64_t>& packed, size_t dim, const Array<uint64_t>& rows, Scores out,
                       size_t threads) {
  const auto vector = read(packed);
  const RowBatch batch = rows_of(rows, dim);
  const auto scores = write(out);
  require_size(scores, batch.n, "out");
  py::gil_scoped_release release;
  bundle_score_rows(packed_planes(vector, dim), batch, scores.data(), threads);
}

void sign_bits(const Array<std::int32_t>& counters, uint64_t seed, Array<uint64_t> out) {
  const auto state = read(counters);
  const auto packed = write(out);
  require_size(packed, words_for(state.size()), "out");
  py::gil_scoped_release release;
  pack_signs(state, seed, packed.data());
}

void rows_of_atoms(size_t dim, uint64_t seed, const Hashes& hashes, Array<uint64_t> out, size_t threads) {
  const auto keys = read(hashes);
  const RowBatch batch = rows_of(out, dim);
  require(batch.n == keys.size(), "out must have one row a key.");
  const auto rows = write(out);
  py::gil_scoped_release release;
  atom_rows(dim, seed, keys, rows.data(), words_for(dim), threads);
}

void reals_of_atoms(size_t dim, uint64_t seed, const Hashes& hashes, int kind, double scale, Array<float> out,
                    size_t threads) {
  const auto keys = read(hashes);
  require(kind >= 0 && kind <= 2, "kind must be 0 (uniform), 1 (normal) or 2 (phasors).");
  const auto rows = write(out);
  require_size(rows, keys.size() * dim * (kind == 2 ? 2 : 1), "out");
  py::gil_scoped_release release;
  atom_reals(dim, seed, keys, static_cast<RealKind>(kind), scale, rows.data(), threads);
}

// items is (F, T, n): factor f of item i of trial t.
TrialItems trial_items(const Hashes& items) {
  const size_t n_factors = extent(items, 0, 3);
  require(n_factors >= 1, "An item needs at least one factor.");
  return {items.data(), extent(items, 1, 3), extent(items, 2, 3), n_factors};
}

void score_trials(size_t dim, bool packed, const Hashes& seeds, const Hashes& members, const Weights& weights,
                  const Hashes& probes, Scores out, size_t threads) {
  const auto trial_seeds = read(seeds);
  const TrialItems added = trial_items(members), asked = trial_items(probes);
  const std::int64_t* values = read_weights(weights, added.n);
  const auto scores = write(out);
  require(dim >= 1, "A vector has at least one dimension.");
  require(added.n_trials == trial_seeds.size() && asked.n_trials == trial_seeds.size(),
          "Every trial needs a seed, members and probes.");
  require_size(scores, asked.n_trials * asked.n, "out");
  py::gil_scoped_release release;
  bundle_trials(dim, packed, trial_seeds.data(), added, values, asked, scores.data(), threads);
}

void count_cleanup_hits(size_t dim, bool packed, const Hashes& seeds, const Hashes& codebook, const Scores& members,
                        Scores out, size_t threads) {
  const auto trial_seeds = read(seeds);
  const auto items = read(codebook);
  const size_t n = extent(members, 1, 2);
  const auto hits = write(out);
  require(dim >= 1, "A vector has at least one dimension.");
  require(extent(members, 0, 2) == trial_seeds.size(), "Every trial needs a seed and members.");
  require_size(hits, trial_seeds.size(), "out");
  for (const std::int64_t m : read(members))
    require(m >= 0 && static_cast<uint64_t>(m) < items.size(), "Members must be indices into the codebook.");
  const std::int64_t* indices = members.data();
  py::gil_scoped_release release;
  cleanup_trials(dim, packed, trial_seeds, items, indices, n, hits.data(), threads);
}

// Row t of scores belongs to row t of members; out[t] counts those that are among the n best.
void count_best(const Array<double>& scores, const Array<std::int64_t>& members, Scores out) {
  const size_t n_rows = extent(scores, 0, 2), universe = extent(scores, 1, 2), n = extent(members, 1, 2);
  require(extent(members, 0, 2) == n_rows, "members must have one row for each row of scores.");
  const auto all = read(scores);
  const auto chosen = read(members);
  const auto hits = write(out);
  require_size(hits, n_rows, "out");
  for (const std::int64_t m : chosen)
    require(m >= 0 && static_cast<size_t>(m) < universe, "A member lies outside the scores.");
  py::gil_scoped_release release;
  std::vector<std::pair<double, size_t>> candidates;
  for (size_t t = 0; t < n_rows; ++t)
    hits[t] = members_among_best<double>(all.subspan(t * universe, universe), chosen.subspan(t * n, n), candidates);
}

// The members of row b are members[starts[b]] to members[starts[b + 1] - 1].
void count_best_of_runs(const Array<double>& scores, const Array<std::int64_t>& members,
                        const Array<std::int64_t>& starts, Scores out) {
  const size_t n_rows = extent(scores, 0, 2), universe = extent(scores, 1, 2);
  const auto all = read(scores);
  const auto chosen = read(members), ends = read(starts);
  const auto hits = write(out);
  require_size(hits, n_rows, "out");
  require(ends.size() == n_rows + 1 && ends.front() >= 0 && static_cast<size_t>(ends.back()) <= chosen.size() &&
              std::is_sorted(ends.begin(), ends.end()),
          "starts must lie in the members and must not fall.");
  for (const std::int64_t m : chosen)
    require(m >= 0 && static_cast<size_t>(m) < universe, "A member lies outside the scores.");
  py::gil_scoped_release release;
  std::vector<std::pair<double, size_t>> candidates;
  for (size_t b = 0; b < n_rows; ++b) {
    const auto first = static_cast<size_t>(ends[b]), n = static_cast<size_t>(ends[b + 1]) - first;
    hits[b] = members_among_best<double>(all.subspan(b * universe, universe), chosen.subspan(first, n), candidates);
  }
}

void draw_indices(uint64_t seed, size_t n_trials, size_t n, uint64_t universe, Scores out) {
  const auto indices = write(out);
  require_size(indices, n_trials * n, "out");
  require(n <= universe, "More distinct indices were asked for than there are.");
  py::gil_scoped_release release;
  sample_indices(seed, n_trials, n, universe, indices.data());
}

void bind_bundles(py::module_& module) {
  module.def("bundle_add", &add_items, py::arg("counters").noconvert(), py::arg("seed"), py::arg("factors").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("threads"), py::arg("hashed") = true,
             "Add products of atoms to counters.");
  module.def("bundle_add_rows", &add_rows, py::arg("counters").noconvert(), py::arg("rows").noconvert(),
             py::arg("weights").noconvert().none(true), py::arg("threads"), "Add packed vectors to counters.");
  module.def("bundle_scores", &scores_of_items, py::arg("counters").noconvert(), py::arg("seed"),
             py::arg("factors").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "Inner products of counters with products of atoms.");
  module.def("bundle_score_rows", &scores_of_rows, py::arg("counters").noconvert(), py::arg("rows").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"), "Inner products of counters with packed vectors.");
  module.def("pack_signs", &sign_bits, py::arg("counters").noconvert(), py::arg("seed"), py::arg("out").noconvert(),
             "Signs of counters as bits; ties take the tie vector's.");
  module.def("packed_scores", &packed_scores, py::arg("packed").noconvert(), py::arg("dim"), py::arg("seed"),
             py::arg("factors").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "D - 2 Hamming against products of atoms.");
  module.def("packed_score_rows", &packed_score_rows, py::arg("packed").noconvert(), py::arg("dim"),
             py::arg("rows").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "D - 2 Hamming against packed vectors.");
}

}  // namespace

void bind_vsa(py::module_& module) {
  bind_bundles(module);
  module.def("atom_rows", &rows_of_atoms, py::arg("dim"), py::arg("seed"), py::arg("hashes").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"), "Packed atoms of keys.");
  module.def("atom_reals", &reals_of_atoms, py::arg("dim"), py::arg("seed"), py::arg("hashes").noconvert(),
             py::arg("kind"), py::arg("scale"), py::arg("out").noconvert(), py::arg("threads"),
             "Real atoms of keys: uniform, normal, or phasors as pairs of floats.");
  module.def("bundle_trials", &score_trials, py::arg("dim"), py::arg("packed"), py::arg("seeds").noconvert(),
             py::arg("members").noconvert(), py::arg("weights").noconvert().none(true), py::arg("probes").noconvert(),
             py::arg("out").noconvert(), py::arg("threads"),
             "One bundle a trial, built from members and scored against probes.");
  module.def("cleanup_trials", &count_cleanup_hits, py::arg("dim"), py::arg("packed"), py::arg("seeds").noconvert(),
             py::arg("codebook").noconvert(), py::arg("members").noconvert(), py::arg("out").noconvert(),
             py::arg("threads"), "Members among the n best of the codebook, a trial each.");
  module.def("members_among_best", &count_best, py::arg("scores").noconvert(), py::arg("members").noconvert(),
             py::arg("out").noconvert(), "Members among the n best scores of each row.");
  module.def("runs_among_best", &count_best_of_runs, py::arg("scores").noconvert(), py::arg("members").noconvert(),
             py::arg("starts").noconvert(), py::arg("out").noconvert(),
             "Members among the n best scores of each row, whose numbers may differ.");
  module.def("sample_indices", &draw_indices, py::arg("seed"), py::arg("trials"), py::arg("n"), py::arg("universe"),
             py::arg("out").noconvert(), "Distinct random indices, a row a trial.");
}

}  // namespace hypersketch::bindings
