// SPDX-License-Identifier: Apache-2.0
// Kernels alone, one thread, every level that this processor runs. Names read kernel/level/size; items are keys.
// These loops are exact at every level (tests/cpp), so a row needs no accuracy beside its speed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "hypersketch/bloom.hpp"
#include "hypersketch/count_stream.hpp"
#include "hypersketch/hadamard.hpp"
#include "hypersketch/hopfield.hpp"
#include "hypersketch/majority.hpp"
#include "hypersketch/numbers.hpp"
#include "hypersketch/projection.hpp"
#include "hypersketch/resonator.hpp"
#include "hypersketch/retrieval.hpp"
#include "hypersketch/search.hpp"
#include "hypersketch/transforms.hpp"
#include "hypersketch/vsa.hpp"

namespace {

using namespace hypersketch;

std::vector<uint64_t> random_keys(size_t n) {
  std::mt19937_64 generator(1);
  std::vector<uint64_t> keys(n);
  for (auto& key : keys) key = generator();
  return keys;
}

void report(benchmark::State& state, size_t keys, size_t bytes) {
  const auto runs = static_cast<size_t>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(runs * keys));
  state.SetBytesProcessed(static_cast<int64_t>(runs * bytes));
}

void hash_u64(benchmark::State& state) {
  const auto keys = random_keys(static_cast<size_t>(state.range(0)));
  std::vector<uint64_t> out(keys.size());
  for (auto _ : state) {
    kernels().hash_u64(keys.data(), keys.size(), 0, out.data());
    benchmark::ClobberMemory();
  }
  report(state, keys.size(), 16 * keys.size());
}

// Softmax retrieval from 64 patterns of 256 floats, by 48 queries or one, with 24 bits or 8; items are products.
template <Precision kPrecision>
void retrieve_softmax(benchmark::State& state) {
  constexpr size_t kPatterns = 64, kDim = 256;
  const auto n_queries = static_cast<size_t>(state.range(0));
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  LineBuffer patterns(kPatterns * kDim);
  std::vector<float> queries(n_queries * kDim), betas(n_queries, 0.1F), states(queries.size());
  std::generate_n(patterns.data(), kPatterns * kDim, [&] { return normal(generator); });
  std::generate(queries.begin(), queries.end(), [&] { return normal(generator); });
  std::vector<double> numbers(3 * n_queries);
  const PatternStore store{patterns.data(), StoreType::kFloat32, kPatterns, kDim, nullptr};
  for (auto _ : state) {
    retrieve(store, store, {queries.data(), n_queries, kDim}, {false, nullptr, nullptr},
             {Separation::kSoftmax, betas.data(), nullptr, 1.0F}, kPrecision, states.data(), numbers.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, 2 * n_queries * kPatterns * kDim, kPatterns * kDim * sizeof(float));
}

void bundle_from_keys(benchmark::State& state) {
  const auto keys = random_keys(4080);
  std::vector<int32_t> counters(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    bundle_add(counters, 0, {keys.data(), keys.size(), 1}, nullptr, 1);
    benchmark::ClobberMemory();
    std::fill(counters.begin(), counters.end(), 0);
  }
  report(state, keys.size(), keys.size() * words_for(counters.size()) * 8);
}

void score_keys(benchmark::State& state) {
  const auto keys = random_keys(4080);
  std::vector<int32_t> counters(static_cast<size_t>(state.range(0)));
  bundle_add(counters, 0, {keys.data(), 50, 1}, nullptr, 1);
  const Planes planes(counters);
  std::vector<int64_t> out(keys.size());
  for (auto _ : state) {
    bundle_scores(planes, 0, {keys.data(), keys.size(), 1}, out.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, keys.size(), keys.size() * words_for(counters.size()) * 8);
}

// 500 packed vectors, which a core's own cache holds.
void majority(benchmark::State& state) {
  const auto dim = static_cast<size_t>(state.range(0));
  const size_t n_words = words_for(dim);
  const auto rows = random_keys(500 * n_words);
  std::vector<uint64_t> out(n_words);
  const int64_t starts[] = {0, 500};
  for (auto _ : state) {
    vote_bundles(RowItems{{rows.data(), nullptr}, 1, n_words}, dim, {starts, 1}, nullptr, {rows.data(), 0}, out.data(),
                 1);
    benchmark::ClobberMemory();
  }
  report(state, 500, 8 * rows.size());
}

// 500 packed vectors shifted by so many bits.
void rotate(benchmark::State& state) {
  const size_t dim = 10000, n_words = words_for(dim);
  const auto rows = random_keys(500 * n_words);
  std::vector<uint64_t> out(rows.size());
  for (auto _ : state) {
    rotate_rows({rows.data(), 500, n_words, nullptr}, dim, static_cast<size_t>(state.range(0)), out.data());
    benchmark::ClobberMemory();
  }
  report(state, 500, 16 * rows.size());
}

// One transform of so many integers.
void hadamard(benchmark::State& state) {
  std::vector<int32_t> row(static_cast<size_t>(state.range(0)), 1);
  for (auto _ : state) {
    walsh_hadamard_rows(row.data(), 1, row.size(), 1);
    benchmark::ClobberMemory();
  }
  report(state, row.size(), 4 * row.size());
}

// Convolutions of 10,000 numbers. What the twiddles are does not matter here.
void convolution(benchmark::State& state) {
  const std::uint32_t factors[2][3] = {{5, 4, 4}, {5, 5, 5}};
  constexpr size_t n1 = 80, n2 = 125, dim = n1 * n2;
  const std::vector<float> twiddles(4 * n2, 1.0F), table(dim, 1.0F);
  const TransformPlan plan{
      {n1, factors[0], 3, twiddles.data()}, {n2, factors[1], 3, twiddles.data()}, table.data(), table.data()};
  const auto n = static_cast<size_t>(state.range(0));
  const std::vector<float> a(n * dim, 0.5F), b(n * dim, 0.25F);
  std::vector<float> out(n * dim);
  for (auto _ : state) {
    convolve_rows({a.data(), dim}, {b.data(), dim}, n, plan, false, out.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, n, 12 * n * dim);
}

// Rows of 10,000 phasors that lie in the last cache, added, bound, unbound or compared; items are rows.
void phasors(benchmark::State& state, int what) {
  const size_t n = 20, width = 10000;
  std::vector<float> a(2 * n * width, 0.5F), b(2 * n * width, 0.25F), out(2 * n * width);
  std::vector<double> sums(2 * width), products(3 * n);
  const int64_t starts[] = {0, n};
  for (auto _ : state) {
    if (what == 0)
      sum_real_rows(a.data(), 2 * width, starts, nullptr, sums.data(), 1);
    else if (what == 3)
      real_products({a.data(), 2 * width}, {b.data(), 2 * width}, n, 2 * width, products.data(), 1);
    else
      combine_phasors({a.data(), 2 * width}, {b.data(), 2 * width}, n, width,
                      what == 1 ? PhasorRule::kProduct : PhasorRule::kQuotient, out.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, n, 2 * n * width * sizeof(float) * (what == 0 ? 1 : 2));
}

void phasor_sums(benchmark::State& state) { phasors(state, 0); }
void phasor_products(benchmark::State& state) { phasors(state, 1); }
void phasor_quotients(benchmark::State& state) { phasors(state, 2); }
void phasor_cosines(benchmark::State& state) { phasors(state, 3); }

void bloom_query(benchmark::State& state) {
  const auto n_bits = static_cast<uint64_t>(state.range(0));
  const auto keys = random_keys(1 << 16);
  std::vector<uint64_t> words(words_for(n_bits));
  bloom_add(words, {n_bits, 7, 0}, std::span(keys).first(keys.size() / 2), 1);
  const auto out = std::make_unique<bool[]>(keys.size());
  for (auto _ : state) {
    bloom_contains(words, {n_bits, 7, 0}, keys, out.get(), 1);
    benchmark::ClobberMemory();
  }
  report(state, keys.size(), 8 * keys.size());
}

void row_places(benchmark::State& state) {
  const auto starts = random_keys(static_cast<size_t>(state.range(0)));
  std::vector<uint32_t> columns(starts.size());
  std::vector<int32_t> signs(starts.size());
  for (auto _ : state) {
    kernels().row_places(starts.data(), starts.size(), 1, 1 << 16, columns.data(), signs.data());
    benchmark::ClobberMemory();
  }
  report(state, starts.size(), 16 * starts.size());
}

// Depth 5, int32, keys of a Zipf(1.1) stream; the argument is the width.
void sketch_from_keys(benchmark::State& state) {
  const RowParams params{static_cast<uint64_t>(state.range(0)), 5, 0, true};
  std::vector<double> shares(1000000);
  double total = 0;
  for (size_t i = 0; i < shares.size(); ++i) shares[i] = total += std::pow(static_cast<double>(i + 1), -1.1);
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> uniform(0, total);
  std::vector<uint64_t> keys(1 << 20);
  for (auto& key : keys)
    key = static_cast<uint64_t>(std::lower_bound(shares.begin(), shares.end(), uniform(generator)) - shares.begin());
  std::vector<int32_t> cells(params.width * params.depth);
  for (auto _ : state) {
    sketch_add(AddBatch<int32_t>{cells, params, false, {keys, false}, nullptr}, 1);
    benchmark::ClobberMemory();
  }
  report(state, keys.size(), 4 * params.depth * keys.size());
}

// The limit of the row above: five increments a key at random places that are known already.
void random_increments(benchmark::State& state) {
  const auto width = static_cast<uint64_t>(state.range(0));
  std::vector<int32_t> cells(5 * width);
  std::vector<uint32_t> places;
  for (const uint64_t key : random_keys(1 << 17)) places.push_back(static_cast<uint32_t>(multiply_high(key, width)));
  for (auto _ : state)
    for (size_t r = 0; r < 5; ++r) {
      int32_t* const row = cells.data() + r * width;
      for (size_t i = 0; i < places.size(); ++i) {
        if (width > (1 << 18)) __builtin_prefetch(row + places[(i + 32) % places.size()], 1, 3);
        row[places[i]] += 1 - 2 * static_cast<int32_t>(places[i] & 1);
      }
      benchmark::ClobberMemory();
    }
  report(state, places.size(), 4 * 5 * places.size());
}

void hopfield_from_keys(benchmark::State& state) {
  const auto dim = static_cast<size_t>(state.range(0));
  const auto keys = random_keys(2040);
  std::vector<int32_t> cells(triangle_size(dim));
  for (auto _ : state) {
    hopfield_add(cells, dim, 0, keys, nullptr, 1);
    benchmark::ClobberMemory();
  }
  report(state, keys.size(), keys.size() * cells.size() / 8);
}

// Signs of a sum of 80 rows of so many dimensions, weighted as a resonator network weighs codewords; items are rows.
void weigh(benchmark::State& state) {
  const auto dim = static_cast<size_t>(state.range(0));
  const size_t n = 80;
  auto words = random_keys((n + 1) * words_for(dim));
  const Codebook book(words.data(), n, dim);
  const size_t stride = line_stride(words_for(dim));
  const LineWords probe(stride), ties(stride), out(stride), carries(4 * (n + 2) * kLineBytes / sizeof(uint64_t));
  std::vector<std::uint32_t> digits(2 * n + 32), rows(kMostDigits * n + 16);
  std::vector<int64_t> scratch(n);
  std::vector<int32_t> weights(n);
  std::copy_n(&words[n * words_for(dim)], words_for(dim), probe.data());
  book.products(probe.data(), scratch.data(), weights.data());
  for (auto _ : state) {
    kernels().weigh_rows(book.rows(), weights.data(), ties.data(), {digits.data(), rows.data(), carries.data()},
                         out.data());
    benchmark::ClobberMemory();
  }
  report(state, n, n * words_for(dim) * sizeof(uint64_t));
}

// Sums of so many doubles with random signs, as one unit of a recall takes them; items are numbers.
void signed_sums(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(0));
  const auto bits = random_keys(words_for(n));
  const std::vector<double> values(words_for(n) * 64, 1.5);
  for (auto _ : state) benchmark::DoNotOptimize(kernels().signed_sum(bits.data(), values.data(), bits.size()));
  report(state, n, n * sizeof(double));
}

// A row of so many integers, doubled, to another; items are numbers.
void add_multiples(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(0));
  const std::vector<int32_t> row(n, 3);
  std::vector<int32_t> to(n);
  int32_t factor = 2;
  for (auto _ : state) {
    kernels().add_multiple(row.data(), factor = -factor, n, to.data());
    benchmark::ClobberMemory();
  }
  report(state, n, 3 * n * sizeof(int32_t));
}

// Rows of 1,024 floats to 1,024 outputs with so many entries a feature; items are rows.
void project_rows(benchmark::State& state) {
  const size_t n = 256, dim = 1024, n_entries = static_cast<size_t>(state.range(0));
  std::vector<std::uint32_t> codes(dim * n_entries);
  sign_codes(random_keys(dim), 0, n_entries, dim, codes.data());
  std::vector<float> rows(n * dim, 1.0F), out(n * dim);
  for (auto _ : state) {
    project_dense(rows.data(), n, {codes.data(), dim, n_entries, dim}, 1.0F, out.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, n, 2 * sizeof(float) * rows.size());
}

// The ten nearest of 4,096 rows for 64 queries; items are queries, bytes those compared.
void hamming_search(benchmark::State& state) {
  const auto dim = static_cast<size_t>(state.range(0));
  const size_t n = 4096, n_queries = 64, n_words = dim / 64;
  const auto words = random_keys(n * n_words);
  const RowBatch rows{words.data(), n, n_words, nullptr}, queries{words.data(), n_queries, n_words, nullptr};
  std::vector<int64_t> indices(n_queries * 10);
  std::vector<int32_t> distances(indices.size());
  for (auto _ : state) {
    hamming_top_k(queries, rows, dim, 10, indices.data(), distances.data(), 1);
    benchmark::ClobberMemory();
  }
  report(state, n_queries, n_queries * n * n_words * 8);
}

using Bench = void (*)(benchmark::State&);

void add(const std::string& name, const std::string& level, Bench bench, std::initializer_list<int64_t> sizes) {
  auto* rows = benchmark::RegisterBenchmark((name + "/" + level).c_str(), [bench, level](benchmark::State& state) {
    set_level(level);
    bench(state);
  });
  for (const int64_t size : sizes) rows->Arg(size);
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto name : hypersketch::compiled_levels()) {
    if (!hypersketch::level_available(name)) continue;
    const std::string level(name);
    add("hash_u64", level, hash_u64, {1 << 12, 1 << 16, 1 << 22});
    add("bundle_from_keys", level, bundle_from_keys, {1024, 10000});
    add("score_keys", level, score_keys, {1024, 10000});
    add("majority", level, majority, {1024, 8192, 10000});
    add("hadamard", level, hadamard, {64, 1024, 16384, 1 << 20});
    add("convolution", level, convolution, {1, 64, 1000});
    add("phasor_sums", level, phasor_sums, {1});
    add("phasor_products", level, phasor_products, {1});
    add("phasor_quotients", level, phasor_quotients, {1});
    add("phasor_cosines", level, phasor_cosines, {1});
    add("weigh", level, weigh, {500, 1500, 4096});
    add("signed_sum", level, signed_sums, {64, 1024, 16384});
    add("add_multiple", level, add_multiples, {1024, 16384});
    add("retrieve_softmax", level, retrieve_softmax<Precision::kFloat>, {1, 48});
    add("retrieve_softmax_8_bits", level, retrieve_softmax<Precision::kBfloat16>, {48});
    add("rotate", level, rotate, {1, 64, 4999});
    add("bloom_query", level, bloom_query, {1 << 20, 1 << 26, int64_t{1} << 30});
    add("row_places", level, row_places, {1 << 12});
    add("sketch_from_keys", level, sketch_from_keys, {1 << 16, 1 << 18, 1 << 20});
    if (level == "base") add("random_increments", level, random_increments, {1 << 16, 1 << 18, 1 << 20});
    add("hopfield_from_keys", level, hopfield_from_keys, {64, 256});
    add("project_rows", level, project_rows, {1, 4, 8});
    add("hamming_search", level, hamming_search, {1024, 10240});
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
