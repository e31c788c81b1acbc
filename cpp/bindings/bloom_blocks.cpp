// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/bloom_blocks.hpp"

#include <string_view>

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

BlockLayout layout_named(std::string_view name) {
  if (name == "split-block") return BlockLayout::kSplitBlock;
  require(name == "cache-line", "The layout must be 'split-block' or 'cache-line'.");
  return BlockLayout::kCacheLine;
}

// Queries take the words of a memory-mapped state, which cannot be written; no operation of theirs writes.
BlockFilter block_filter(const Array<uint64_t>& words, std::string_view layout, uint64_t n_hashes, uint64_t seed) {
  const std::span<const uint64_t> state = read(words);
  const BlockFilter filter(layout_named(layout), {const_cast<uint64_t*>(state.data()), state.size()},
                           static_cast<size_t>(n_hashes), seed);
  const size_t block_words = layout == "split-block" ? kSplitWords : kLineWords;
  require(n_hashes >= 1 && n_hashes <= kMaxLineHashes, "The number of hashes must be in [1, 16].");
  require(!state.empty() && state.size() % block_words == 0, "The state must be whole blocks.");
  require(filter.n_blocks() <= uint64_t{1} << 32, "A filter has at most 2**32 blocks.");
  return filter;
}

void add(Array<uint64_t> words, std::string_view layout, uint64_t n_hashes, uint64_t seed, const Hashes& keys,
         bool hashed, size_t threads) {
  write(words);
  const auto filter = block_filter(words, layout, n_hashes, seed);
  const KeyBatch batch{read(keys), hashed};
  py::gil_scoped_release release;  // every pointer is taken; the caller holds the object's lock
  blocks_add(filter, batch, threads);
}

uint64_t test_and_add(Array<uint64_t> words, std::string_view layout, uint64_t n_hashes, uint64_t seed,
                      const Hashes& keys, Array<bool> out, bool hashed, size_t threads) {
  write(words);
  const auto filter = block_filter(words, layout, n_hashes, seed);
  const KeyBatch batch{read(keys), hashed};
  const auto answers = write(out);
  require_size(answers, batch.size(), "out");
  py::gil_scoped_release release;
  return blocks_test_and_add(filter, batch, answers.data(), threads);
}

void contains(const Array<uint64_t>& words, std::string_view layout, uint64_t n_hashes, uint64_t seed,
              const Hashes& keys, Array<bool> out, bool hashed, size_t threads) {
  const auto filter = block_filter(words, layout, n_hashes, seed);
  const KeyBatch batch{read(keys), hashed};
  const auto answers = write(out);
  require_size(answers, batch.size(), "out");
  py::gil_scoped_release release;
  blocks_contains(filter, batch, answers.data(), threads);
}

void contains_packed(const Array<uint64_t>& words, std::string_view layout, uint64_t n_hashes, uint64_t seed,
                     const Hashes& keys, Array<std::uint8_t> out, bool hashed, size_t threads) {
  const auto filter = block_filter(words, layout, n_hashes, seed);
  const KeyBatch batch{read(keys), hashed};
  const auto answers = write(out);
  require_size(answers, (batch.size() + 7) / 8, "out");
  py::gil_scoped_release release;
  blocks_contains_packed(filter, batch, answers.data(), threads);
}

}  // namespace

void bind_bloom_blocks(py::module_& module) {
  const auto def = [&](const char* name, auto function, auto... rest) {
    module.def(name, function, py::arg("words").noconvert(), py::arg("layout"), py::arg("n_hashes"), py::arg("seed"),
               py::arg("keys").noconvert(), rest...);
  };
  const auto out = py::arg("out").noconvert();
  const auto hashed = py::arg("hashed"), threads = py::arg("threads");
  def("blocks_add", &add, hashed, threads, "Set the bits of every key.");
  def("blocks_test_and_add", &test_and_add, out, hashed, threads,
      "Tell for every key whether it was there, then add it. Returns how many were not there.");
  def("blocks_contains", &contains, out, hashed, threads, "Whether all bits of each key are set.");
  def("blocks_contains_packed", &contains_packed, out, hashed, threads, "The same, eight answers a byte.");
}

}  // namespace hypersketch::bindings
