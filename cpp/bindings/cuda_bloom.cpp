// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

using cuda::BloomLayout;

struct Rule {
  BloomLayout layout;
  uint64_t n_bits;
  size_t n_hashes;
  uint64_t seed;
};

BloomLayout layout_named(std::string_view name) {
  if (name == "split-block") return BloomLayout::kSplitBlock;
  if (name == "cache-line") return BloomLayout::kCacheLine;
  require(name == "classic", "The layout must be 'split-block', 'cache-line' or 'classic'.");
  return BloomLayout::kClassic;
}

Rule make_rule(std::string_view name, uint64_t n_bits, uint64_t n_hashes, uint64_t seed) {
  const BloomLayout layout = layout_named(name);
  const uint64_t unit = layout == BloomLayout::kSplitBlock ? 256 : layout == BloomLayout::kCacheLine ? 512 : 1;
  const uint64_t most_hashes = layout == BloomLayout::kSplitBlock ? 8 : layout == BloomLayout::kCacheLine ? 16 : 255;
  require(n_hashes >= 1 && n_hashes <= most_hashes, "The layout does not have so many hashes.");
  require(n_bits >= 1 && n_bits % unit == 0, "The state must be whole blocks.");
  require(unit == 1 || n_bits / unit <= uint64_t{1} << 32, "A filter has at most 2**32 blocks.");
  return {layout, n_bits, static_cast<size_t>(n_hashes), seed};
}

cuda::BloomFilter filter_of(const State& state, const Rule& rule) {
  require(state.memory.size() == (rule.n_bits + 63) / 64 * sizeof(uint64_t), "The state does not fit the rule.");
  return {state.data<uint64_t>(), rule.n_bits, rule.n_hashes, rule.seed, rule.layout};
}

void add(State& state, const Rule& rule, const Argument<uint64_t>& keys, bool hashed, std::uintptr_t stream,
         size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch(state, keys, hashed, stream, threads).run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece) {
    bloom_add(place, filter, part);
  });
}

void contains(State& state, const Rule& rule, const Argument<uint64_t>& keys, Argument<bool> out, bool hashed,
              std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch batch(state, keys, hashed, stream, threads);
  batch.add_answers(out);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    bloom_contains(place, filter, part, static_cast<bool*>(piece.out));
  });
}

void contains_packed(State& state, const Rule& rule, const Span& keys, const Span& out, bool hashed) {
  const auto filter = filter_of(state, rule);
  require(keys.device == state.memory.device() && out.device == keys.device, "All arrays must lie on one GPU.");
  require(out.n == (keys.n + 7) / 8, "out must have a bit a key.");
  const py::gil_scoped_release release;
  const Use use(state, keys.stream);
  bloom_contains_packed(keys.place(), filter, {keys.data<const uint64_t>(), keys.n, hashed}, out.data<unsigned char>());
}

uint64_t test_and_add(State& state, const Rule& rule, const Argument<uint64_t>& keys, Argument<bool> out, bool hashed,
                      std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch batch(state, keys, hashed, stream, threads);
  batch.add_answers(out);
  uint64_t fresh = 0;
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    fresh += bloom_test_and_add(place, filter, part, static_cast<bool*>(piece.out));
  });
  return fresh;
}

// Calls f(words, others, n) for two states of one GPU; both are this call's alone.
template <class F>
auto with_both(State& state, State& other, std::uintptr_t stream, F&& f) {
  require(state.memory.size() == other.memory.size(), "The states must be of one size.");
  require(state.memory.device() == other.memory.device(), "The states must lie on one GPU.");
  const py::gil_scoped_release release;
  const cuda::Place place{state.memory.device(), stream};
  const size_t n = state.memory.size() / sizeof(uint64_t);
  const BothUsed both(state, other, stream);
  return f(place, state.data<uint64_t>(), other.data<uint64_t>(), n);
}

uint64_t ones(State& state, std::uintptr_t stream) {
  const py::gil_scoped_release release;
  const Use use(state, stream);
  return cuda::popcount({state.memory.device(), stream}, state.data<uint64_t>(),
                        state.memory.size() / sizeof(uint64_t));
}

}  // namespace

void bind_cuda_bloom(py::module_& module) {
  py::class_<Rule>(module, "BloomRule", "Size and layout of a Bloom filter.")
      .def(py::init(&make_rule), py::arg("layout"), py::arg("n_bits"), py::arg("n_hashes"), py::arg("seed"));
  const auto keys = py::arg("keys").noconvert();
  const auto out = py::arg("out").noconvert();
  const auto hashed = py::arg("hashed"), stream = py::arg("stream"), threads = py::arg("threads");
  module.def("bloom_add", &add, py::arg("state"), py::arg("rule"), keys, hashed, stream, threads,
             "Set the bits of every key.");
  module.def("bloom_contains", &contains, py::arg("state"), py::arg("rule"), keys, out, hashed, stream, threads,
             "Whether all bits of each key are set.");
  module.def("bloom_contains_packed", &contains_packed, py::arg("state"), py::arg("rule"), keys, out, hashed,
             "The same for keys on the GPU, eight answers a byte.");
  module.def("bloom_test_and_add", &test_and_add, py::arg("state"), py::arg("rule"), keys, out, hashed, stream, threads,
             "Tell for every key whether it was there, then add it. Returns how many were not there.");
  module.def(
      "unite", [](State& state, State& other, std::uintptr_t on) { with_both(state, other, on, cuda::unite); },
      py::arg("state"), py::arg("other"), stream, "Set the other's bits too.");
  module.def(
      "intersect", [](State& state, State& other, std::uintptr_t on) { with_both(state, other, on, cuda::intersect); },
      py::arg("state"), py::arg("other"), stream, "Keep the bits that the other has too.");
  module.def(
      "popcount_or",
      [](State& state, State& other, std::uintptr_t on) { return with_both(state, other, on, cuda::popcount_or); },
      py::arg("state"), py::arg("other"), stream, "Number of bits set in either.");
  module.def("popcount", &ones, py::arg("state"), stream, "Number of set bits.");
}

}  // namespace hypersketch::bindings
