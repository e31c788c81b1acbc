// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "cuda_arrays.hpp"
#include "hypersketch/counters.hpp"

namespace hypersketch::bindings {
namespace {

using WeightsArgument = std::optional<Argument<std::int64_t>>;
using Saturated = Array<std::int64_t>;

struct Rule {
  uint64_t n_cells;
  int counter_bits;
  size_t n_hashes;
  uint64_t seed;

  // Of cells, rounded up to whole bytes.
  size_t n_bytes() const { return (n_cells * static_cast<uint64_t>(counter_bits) + 7) / 8; }
};

Rule make_rule(uint64_t n_cells, int counter_bits, uint64_t n_hashes, uint64_t seed) {
  require(n_cells >= 1 && n_cells < uint64_t{1} << 48, "A filter has from one to 2**48 - 1 cells.");
  require(counter_bits == 4 || counter_bits == 8 || counter_bits == 16 || counter_bits == 32,
          "A counter has 4, 8, 16 or 32 bits.");
  require(n_hashes >= 1 && n_hashes <= 255, "The number of hashes must be in [1, 255].");
  return {n_cells, counter_bits, static_cast<size_t>(n_hashes), seed};
}

cuda::CountingFilter filter_of(const State& state, const Rule& rule) {
  require(state.memory.size() == rule.n_bytes(), "The state does not fit the rule.");
  return {state.data<std::uint32_t>(), rule.n_cells, rule.counter_bits, rule.n_hashes, rule.seed};
}

std::int64_t& total_of(Saturated& saturated) {
  const auto total = write(saturated);
  require_size(total, 1, "saturated");
  return total[0];
}

const std::int64_t* weights_of(const WeightsArgument& weights, const cuda::Piece& piece) {
  return weights ? static_cast<const std::int64_t*>(piece.more_in) : nullptr;
}

void add(State& state, const Rule& rule, Saturated saturated, const Argument<uint64_t>& keys,
         const WeightsArgument& weights, std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  auto& total = total_of(saturated);
  Batch batch(state, keys, true, stream, threads);
  batch.add_weights(weights);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    total += static_cast<std::int64_t>(counting_add(place, filter, part, weights_of(weights, piece)));
  });
}

void remove(State& state, const Rule& rule, const Argument<uint64_t>& keys, const WeightsArgument& weights,
            std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch batch(state, keys, true, stream, threads);
  batch.add_weights(weights);
  size_t done = 0;
  bool refused = false;
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    refused = refused || !counting_take(place, filter, part, weights_of(weights, piece));
    if (!refused) done += part.n;
  });
  if (!refused) return;
  if (done > 0)  // pieces that went before the refused one; what was taken saturates nothing when it comes back
    batch.first(done).run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
      counting_add(place, filter, part, weights_of(weights, piece));
    });
  throw py::value_error(kNotAdded);
}

void test_and_add(State& state, const Rule& rule, Saturated saturated, const Argument<uint64_t>& keys,
                  Argument<bool> out, std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  auto& total = total_of(saturated);
  Batch batch(state, keys, true, stream, threads);
  batch.add_answers(out);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    total += static_cast<std::int64_t>(counting_test_and_add(place, filter, part, static_cast<bool*>(piece.out)));
  });
}

void count(State& state, const Rule& rule, const Argument<uint64_t>& keys, Argument<std::int64_t> out,
           std::uintptr_t stream, size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch batch(state, keys, true, stream, threads);
  batch.add_answers(out);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    counting_count(place, filter, part, static_cast<std::int64_t*>(piece.out));
  });
}

void contains(State& state, const Rule& rule, const Argument<uint64_t>& keys, Argument<bool> out, std::uintptr_t stream,
              size_t threads) {
  const auto filter = filter_of(state, rule);
  Batch batch(state, keys, true, stream, threads);
  batch.add_answers(out);
  batch.run(state, [&](cuda::Place place, cuda::Keys part, cuda::Piece piece) {
    counting_contains(place, filter, part, static_cast<bool*>(piece.out));
  });
}

void contains_packed(State& state, const Rule& rule, const Span& keys, const Span& out) {
  const auto filter = filter_of(state, rule);
  require(keys.device == state.memory.device() && out.device == keys.device, "All arrays must lie on one GPU.");
  require(out.n == (keys.n + 7) / 8, "out must have a bit a key.");
  const py::gil_scoped_release release;
  const Use use(state, keys.stream);
  counting_contains_packed(keys.place(), filter, {keys.data<const uint64_t>(), keys.n, true},
                           out.data<unsigned char>());
}

cuda::CounterChoice choice_named(std::string_view name) {
  if (name == "sum") return cuda::CounterChoice::kSum;
  if (name == "largest") return cuda::CounterChoice::kLargest;
  require(name == "smallest", "The choice must be 'sum', 'largest' or 'smallest'.");
  return cuda::CounterChoice::kSmallest;
}

// Calls f(place, filter, others) for two states of one GPU; both are this call's alone.
template <class F>
auto with_both(State& state, const Rule& rule, State& other, std::uintptr_t stream, F&& f) {
  const auto filter = filter_of(state, rule);
  require(state.memory.size() == other.memory.size(), "The states must be of one size.");
  require(state.memory.device() == other.memory.device(), "The states must lie on one GPU.");
  const py::gil_scoped_release release;
  const BothUsed both(state, other, stream);
  return f(cuda::Place{state.memory.device(), stream}, filter, other.data<const std::uint32_t>());
}

void combine(State& state, const Rule& rule, Saturated saturated, std::string_view choice, State& other,
             std::uintptr_t stream) {
  const auto chosen = choice_named(choice);
  auto& total = total_of(saturated);
  total += static_cast<std::int64_t>(
      with_both(state, rule, other, stream, [&](cuda::Place place, auto filter, const std::uint32_t* others) {
        return counting_combine(place, filter, others, chosen);
      }));
}

py::typing::Tuple<uint64_t, uint64_t> look(State& state, const Rule& rule, State& other, std::uintptr_t stream) {
  const auto found = with_both(state, rule, other, stream, cuda::counting_look);
  return py::make_tuple(found.occupied, found.saturated);
}

}  // namespace

void bind_cuda_counting(py::module_& module) {
  py::class_<Rule>(module, "CountingRule", "Size and counters of a counting Bloom filter.")
      .def(py::init(&make_rule), py::arg("n_cells"), py::arg("counter_bits"), py::arg("n_hashes"), py::arg("seed"));
  const auto state = py::arg("state"), rule = py::arg("rule"), other = py::arg("other");
  const auto saturated = py::arg("saturated").noconvert();
  const auto keys = py::arg("keys").noconvert(), out = py::arg("out").noconvert();
  const auto weights = py::arg("weights").noconvert().none(true);
  const auto stream = py::arg("stream"), threads = py::arg("threads");
  module.def("counting_add", &add, state, rule, saturated, keys, weights, stream, threads,
             "Add keys; saturated[0] grows by the number of counters that reached their largest value.");
  module.def("counting_remove", &remove, state, rule, keys, weights, stream, threads,
             "Remove keys; a refused batch leaves the cells as they were.");
  module.def("counting_test_and_add", &test_and_add, state, rule, saturated, keys, out, stream, threads,
             "Tell for every key whether it was there, then add it.");
  module.def("counting_count", &count, state, rule, keys, out, stream, threads, "Upper bounds of the keys' counts.");
  module.def("counting_contains", &contains, state, rule, keys, out, stream, threads,
             "Whether the count of each key is above zero.");
  module.def("counting_contains_packed", &contains_packed, state, rule, keys, out,
             "The same for keys on the GPU, eight answers a byte.");
  module.def("counting_combine", &combine, state, rule, saturated, py::arg("choice"), other, stream,
             "Put the 'sum', or the 'largest' or 'smallest', of every two counters here.");
  module.def("counting_look", &look, state, rule, other, stream,
             "Counters above zero in either, and saturated counters of the first.");
}

}  // namespace hypersketch::bindings
