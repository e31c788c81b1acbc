// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "resonator.hpp"

namespace hypersketch::bindings {
namespace {

// Problems on their way, and all that they need on the GPU. The caller keeps the arrays.
struct Resonance {
  cuda::Place place;
  cuda::ResonatorProblems problems;
  cuda::ResonatorRules rules;
  cuda::ResonatorState state;
  cuda::ResonatorAnswers answers;

  size_t resume(std::int64_t n_sweeps) const {
    require(n_sweeps >= 1, "There must be a sweep.");
    if (problems.n == 0) return 0;
    const py::gil_scoped_release release;
    return cuda::resonate(place, problems, rules, state, answers, n_sweeps);
  }
};

cuda::ResonatorProblems problems_of(const Span& books, const Span& starts, const Span& sizes, size_t largest,
                                    const Span& probes, const Span& seeds, const Span& hashes, size_t dim) {
  require(dim >= 1 && dim <= (size_t{1} << 28), "The dimension must be in [1, 2**28].");
  const size_t n_words = words_for(dim), n = hashes.n, n_factors = sizes.n;
  require(n_factors >= 1 && probes.n == n * n_words && seeds.n == n && n < (size_t{1} << 31),
          "There must be one probe and seed a problem.");
  require(starts.n % (n_factors * n_words) == 0, "Every factor needs a first estimate.");
  const size_t n_sets = starts.n / (n_factors * n_words);
  require(n_sets == 1 || n_sets == n, "There must be one set of codebooks, or one a problem.");
  require(n_sets != 0 && books.n % (n_sets * n_words) == 0, "The codebooks must be whole.");
  for (const Span* span : {&starts, &sizes, &probes, &seeds, &hashes})
    require(span->device == books.device, "All arrays of a call must lie on one GPU.");
  return {books.data<const uint64_t>(),
          starts.data<const uint64_t>(),
          sizes.data<const std::int64_t>(),
          n_sets,
          n_factors,
          books.n / (n_sets * n_words),
          largest,
          probes.data<const uint64_t>(),
          seeds.data<const uint64_t>(),
          hashes.data<const uint64_t>(),
          n,
          dim};
}

// The caller knows that the sizes add up to the codebooks.
Resonance begin(const Span& books, const Span& starts, const Span& sizes, size_t largest, const Span& probes,
                const Span& seeds, const Span& hashes, size_t dim, bool synchronous, std::int64_t noise,
                std::int32_t threshold, std::int64_t accept, std::int64_t budget, const Span& vectors,
                const Span& weights, const Span& numbers, const Span& codewords, const Span& products,
                const Span& sweeps, const Span& periods) {
  const auto problems = problems_of(books, starts, sizes, largest, probes, seeds, hashes, dim);
  const size_t n = problems.n, n_factors = problems.n_factors;
  require(budget >= 1 && noise >= 0 && noise < (std::int64_t{1} << 48), "The budget or the noise is out of range.");
  require(vectors.n == n * (3 * n_factors + 1) * words_for(dim) && weights.n == n * largest && numbers.n == 3 * n,
          "There must be room for what problems know.");
  require(codewords.n == n * n_factors && products.n == n && sweeps.n == n && periods.n == n,
          "There must be room for the answers.");
  for (const Span* span : {&vectors, &weights, &numbers, &codewords, &products, &sweeps, &periods})
    require(span->device == books.device, "All arrays of a call must lie on one GPU.");
  const Resonance made{books.place(),
                       problems,
                       {synchronous, noise, threshold, accept, budget},
                       {vectors.data<uint64_t>(), weights.data<std::int32_t>(), numbers.data<std::int64_t>()},
                       {codewords.data<std::int64_t>(), products.data<std::int64_t>(), sweeps.data<std::int64_t>(),
                        periods.data<std::int64_t>()}};
  const py::gil_scoped_release release;
  if (n != 0) cuda::begin_resonance(made.place, made.problems, made.state, made.answers);
  return made;
}

}  // namespace

void bind_cuda_resonator(py::module_& module) {
  py::class_<Resonance>(module, "Resonance", "Products that a resonator network takes apart.")
      .def(py::init(&begin), py::arg("books"), py::arg("starts"), py::arg("sizes"), py::arg("largest"),
           py::arg("probes"), py::arg("seeds"), py::arg("hashes"), py::arg("dim"), py::arg("synchronous"),
           py::arg("noise"), py::arg("threshold"), py::arg("accept"), py::arg("budget"), py::arg("vectors"),
           py::arg("weights"), py::arg("numbers"), py::arg("codewords"), py::arg("products"), py::arg("sweeps"),
           py::arg("periods"))
      .def("resume", &Resonance::resume, py::arg("n_sweeps"), "Make some more sweeps; return how many go on.");
}

}  // namespace hypersketch::bindings
