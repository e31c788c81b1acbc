// SPDX-License-Identifier: Apache-2.0
// Retrieval from patterns of every type against double precision, for the same bits with all thread counts.
#include <cmath>
#include <vector>

#include "checks.hpp"
#include "hypersketch/sparse_retrieval.hpp"

namespace hypersketch {
namespace {

// The number of a code of 8 bits: a sign, 4 bits of exponent with a bias of 7, 3 of fraction.
double float8(unsigned code) {
  const int exponent = static_cast<int>(code >> 3 & 15U), fraction = static_cast<int>(code & 7U);
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return (code & 0x80U) != 0 ? -size : size;
}

// A code near a number; which of the neighbours does not matter here.
std::uint8_t near_float8(float number) {
  unsigned code = 0;
  while (code < 0x7EU && float8(code + 1) <= std::fabs(static_cast<double>(number))) ++code;
  return static_cast<std::uint8_t>(code | (std::signbit(number) ? 0x80U : 0U));
}

// Patterns in one type, and what they are as doubles.
struct Stored {
  std::vector<float> floats, scales;
  std::vector<std::uint16_t> bfloats;
  std::vector<std::int8_t> bytes;
  std::vector<std::uint8_t> eights;
  std::vector<double> exact;
  PatternStore store;
};

Stored stored(StoreType type, size_t n, size_t dim) {
  std::mt19937 generator(static_cast<unsigned>(n * 1000 + dim));
  std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(dim)));
  Stored made;
  for (size_t i = 0; i < n * dim; ++i) made.floats.push_back(normal(generator));
  for (size_t j = 0; j < n; ++j) made.scales.push_back(0.01F + 0.001F * static_cast<float>(j % 7));
  for (size_t i = 0; i < n * dim; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, &made.floats[i], sizeof bits);
    made.bfloats.push_back(static_cast<std::uint16_t>(bits >> 16));
    const std::uint32_t kept = bits & 0xFFFF0000U;
    float widened;
    std::memcpy(&widened, &kept, sizeof widened);
    const float scale = made.scales[i / dim];
    made.bytes.push_back(
        static_cast<std::int8_t>(std::lrintf(std::fmin(127.0F, std::fmax(-127.0F, made.floats[i] / scale)))));
    const float whole = static_cast<float>(made.bytes.back()) * scale;
    made.eights.push_back(type == StoreType::kFloat8 ? near_float8(made.floats[i] / scale) : std::uint8_t{0});
    const float numbers[] = {made.floats[i], widened, whole, static_cast<float>(float8(made.eights.back())) * scale};
    const float number = numbers[static_cast<size_t>(type)];  // in the order of the types
    made.exact.push_back(static_cast<double>(number));
  }
  const void* rows[] = {made.floats.data(), made.bfloats.data(), made.bytes.data(), made.eights.data()};
  made.store = {rows[static_cast<size_t>(type)], type, n, dim, made.scales.data()};
  return made;
}

std::vector<double> scores_of(const Stored& made, const float* query) {
  std::vector<double> scores(made.store.n);
  for (size_t j = 0; j < made.store.n; ++j)
    for (size_t d = 0; d < made.store.dim; ++d)
      scores[j] += static_cast<double>(query[d]) * made.exact[j * made.store.dim + d];
  return scores;
}

std::vector<double> softmax_state(const Stored& made, const std::vector<double>& scores, double beta) {
  double sum = 0.0;
  std::vector<double> state(made.store.dim);
  for (size_t j = 0; j < made.store.n; ++j) {
    const double weight = std::exp(beta * scores[j]);
    sum += weight;
    for (size_t d = 0; d < made.store.dim; ++d) state[d] += weight * made.exact[j * made.store.dim + d];
  }
  for (double& number : state) number /= sum;
  return state;
}

// Queries have 8 bits, so that either precision keeps them.
void test_softmax(const Stored& made, size_t n_queries, Precision precision) {
  const size_t dim = made.store.dim;
  const std::vector<double> exact = stored(StoreType::kBfloat16, n_queries, dim).exact;
  const std::vector<float> asked(exact.begin(), exact.end()), betas(n_queries, 4.0F);
  const Weighing weighing{Separation::kSoftmax, betas.data(), nullptr, 1.0F};
  std::vector<float> states(n_queries * dim), again(states.size());
  std::vector<double> numbers(n_queries * 3), same(numbers.size());
  const FloatRows queries{asked.data(), n_queries, dim};
  const Similarity dot{false, nullptr, nullptr};
  retrieve(made.store, made.store, queries, dot, weighing, precision, states.data(), numbers.data(), 1);
  retrieve(made.store, made.store, queries, dot, weighing, precision, again.data(), same.data(), 3);
  check(states == again && numbers == same, "threads of retrieve", made.store.n, dim);
  double most = 0.0;
  for (const double number : made.exact) most = std::max(most, std::fabs(number));
  // Scores then err by 2^-9 of the patterns' rounding, at lengths of about 1, times beta.
  const double bound = 1e-3 + (precision == Precision::kBfloat16 ? most * (2.0 / 256 + 4.0 * 4.0 / 512) : 0.0);
  for (size_t q = 0; q < n_queries; ++q) {
    const auto expected = softmax_state(made, scores_of(made, queries.rows + q * dim), 4.0);
    bool near = true;
    for (size_t d = 0; d < dim; ++d)
      near = near && std::fabs(static_cast<double>(states[q * dim + d]) - expected[d]) < bound;
    check(near, "softmax", made.store.n, dim);
  }
}

void test_nearest(const Stored& made, size_t n_queries) {
  const size_t dim = made.store.dim, k = std::min<size_t>(5, made.store.n);
  const Stored asked = stored(StoreType::kFloat32, n_queries, dim);
  const FloatRows queries{asked.floats.data(), n_queries, dim};
  std::vector<std::int64_t> patterns(n_queries * k);
  std::vector<float> scores(n_queries * k);
  nearest(made.store, queries, {false, nullptr, nullptr}, k, patterns.data(), scores.data(), 2);
  for (size_t q = 0; q < n_queries; ++q) {
    const auto exact = scores_of(made, queries.rows + q * dim);
    auto sorted = exact;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    for (size_t i = 0; i < k; ++i) {
      const double score = static_cast<double>(scores[q * k + i]);
      check(std::fabs(score - sorted[i]) < 1e-3, "nearest score", made.store.n, dim);
      check(std::fabs(score - exact[static_cast<size_t>(patterns[q * k + i])]) < 1e-3, "nearest", made.store.n, dim);
    }
  }
}

void test_support(const Stored& made, size_t n_queries) {
  const Stored asked = stored(StoreType::kFloat32, n_queries, made.store.dim);
  const FloatRows queries{asked.floats.data(), n_queries, made.store.dim};
  for (const float beta : {1e-5F, 0.5F, 20.0F}) {
    const std::vector<float> betas(n_queries, beta);
    Support support = support_of(made.store, queries, {false, nullptr, nullptr}, betas.data(), 2.0, 2);
    refine_thresholds(made.store, queries, {false, nullptr, nullptr}, betas.data(), 2.0F, support.thresholds.data(), 2);
    for (size_t q = 0; q < n_queries; ++q) {
      double sum = 0.0;
      for (const double score : scores_of(made, queries.rows + q * made.store.dim)) {
        const double beyond = std::max(0.0, static_cast<double>(beta) * score - support.thresholds[q]);
        sum += beyond * beyond;
      }
      check(std::fabs(sum - 1.0) < 0.02, "threshold", made.store.n, made.store.dim);
    }
  }
}

// Every code, at every place of a vector, and rows of every length.
void test_floats_of_8_bits() {
  LineBuffer wide(padded(256));
  for (size_t first = 0; first < 256; ++first)
    for (size_t n = 1; n <= 256 - first && n < 70; ++n) {
      std::vector<std::uint8_t> codes(n);
      for (size_t i = 0; i < n; ++i) codes[i] = static_cast<std::uint8_t>(first + i);
      kernels().retrieval.widen_float8(codes.data(), n, 0.3F, wide.data());
      bool equal = true;
      for (size_t i = 0; i < n; ++i) {
        const float expected = static_cast<float>(float8(codes[i])) * 0.3F;
        equal = equal && std::memcmp(&expected, wide.data() + i, sizeof expected) == 0;
      }
      check(equal, "widen_float8", first, n);
    }
}

}  // namespace

void run_retrieval_tests() {
  test_floats_of_8_bits();
  for (const StoreType type : {StoreType::kFloat32, StoreType::kBfloat16, StoreType::kInt8, StoreType::kFloat8})
    for (const size_t dim : {1, 31, 64, 65, 300})
      for (const size_t n : {1, 63, 64, 65, 200}) {
        const Stored made = stored(type, n, dim);
        for (const size_t n_queries : {1, 3, 4, 13, 35}) {
          test_softmax(made, n_queries, Precision::kFloat);
          if (word_kernels() == nullptr) test_softmax(made, n_queries, Precision::kBfloat16);
          for (const auto name : compiled_word_kernels()) {
            if (!word_kernels_available(name)) continue;
            set_word_kernels(name);
            test_softmax(made, n_queries, Precision::kBfloat16);
          }
          test_nearest(made, n_queries);
          test_support(made, n_queries);
        }
      }
  test_support(stored(StoreType::kFloat32, 5000, 8), 2);  // more candidates than are kept
}

}  // namespace hypersketch
