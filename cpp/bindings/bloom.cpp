// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/bloom.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

constexpr uint64_t kMaxHashes = 255;

CellParams cell_params(uint64_t n_cells, uint64_t n_hashes, uint64_t seed) {
  require(n_cells >= 1, "A filter needs at least one cell.");
  require(n_hashes >= 1 && n_hashes <= kMaxHashes, "The number of hashes must be in [1, 255].");
  return {n_cells, static_cast<size_t>(n_hashes), seed};
}

void add(Array<uint64_t> words, uint64_t n_bits, uint64_t n_hashes, uint64_t seed, const Hashes& hashes,
         size_t threads) {
  const auto params = cell_params(n_bits, n_hashes, seed);
  const auto state = write(words);
  const auto keys = read(hashes);
  require_size(state, words_for(n_bits), "words");
  py::gil_scoped_release release;  // every pointer is taken; the caller holds the object's lock
  bloom_add(state, params, keys, threads);
}

void contains(const Array<uint64_t>& words, uint64_t n_bits, uint64_t n_hashes, uint64_t seed, const Hashes& hashes,
              Array<bool> out, size_t threads) {
  const auto params = cell_params(n_bits, n_hashes, seed);
  const auto state = read(words);
  const auto keys = read(hashes);
  const auto answers = write(out);
  require_size(state, words_for(n_bits), "words");
  require_size(answers, keys.size(), "out");
  py::gil_scoped_release release;
  bloom_contains(state, params, keys, answers.data(), threads);
}

uint64_t test_and_add(Array<uint64_t> words, uint64_t n_bits, uint64_t n_hashes, uint64_t seed, const Hashes& hashes,
                      Array<bool> out) {
  const auto params = cell_params(n_bits, n_hashes, seed);
  const auto state = write(words);
  const auto keys = read(hashes);
  const auto answers = write(out);
  require_size(state, words_for(n_bits), "words");
  require_size(answers, keys.size(), "out");
  py::gil_scoped_release release;
  return bloom_test_and_add(state, params, keys, answers.data());
}

uint64_t ones_of_either(const Array<uint64_t>& a, const Array<uint64_t>& b) {
  const auto left = read(a), right = read(b);
  require_size(right, left.size(), "b");
  py::gil_scoped_release release;
  return popcount_or(left, right);
}

uint64_t ones(const Array<uint64_t>& words) {
  const auto state = read(words);
  py::gil_scoped_release release;
  return popcount(state);
}

}  // namespace

void bind_bloom(py::module_& module) {
  module.def("bloom_add", &add, py::arg("words").noconvert(), py::arg("n_bits"), py::arg("n_hashes"), py::arg("seed"),
             py::arg("hashes").noconvert(), py::arg("threads"), "Set the bits of every key.");
  module.def("bloom_contains", &contains, py::arg("words").noconvert(), py::arg("n_bits"), py::arg("n_hashes"),
             py::arg("seed"), py::arg("hashes").noconvert(), py::arg("out").noconvert(), py::arg("threads"),
             "Whether all bits of each key are set.");
  module.def("bloom_test_and_add", &test_and_add, py::arg("words").noconvert(), py::arg("n_bits"), py::arg("n_hashes"),
             py::arg("seed"), py::arg("hashes").noconvert(), py::arg("out").noconvert(),
             "Tell for every key whether it was there, then add it. Returns how many were not there.");
  module.def("popcount", &ones, py::arg("words").noconvert(), "Number of set bits.");
  module.def("popcount_or", &ones_of_either, py::arg("a").noconvert(), py::arg("b").noconvert(),
             "Number of bits set in either.");
}

}  // namespace hypersketch::bindings
