// SPDX-License-Identifier: Apache-2.0
// Learning on the emulated GPU against the CPU's: equal bits from equal rows, and rows of equal bits where the CPU
// fuses products and sums too.
#include <cstring>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/learning.hpp"
#include "learning.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<float> numbers(size_t n, uint64_t seed) {
  const auto words = random_words(n, seed);
  std::vector<float> made(n);
  for (size_t i = 0; i < n; ++i) made[i] = static_cast<float>(static_cast<std::int32_t>(words[i])) * 0x1p-30F;
  return made;
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool close(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= 1e-5F * (1 + std::abs(b[i])))) return false;
  return a.size() == b.size();
}

void test_expand(size_t n, size_t n_features, size_t dim, bool with_phases) {
  const auto rows = numbers(n * n_features, 1), matrix = numbers(n_features * dim, 2), phases = numbers(2 * dim, 3);
  std::vector<float> expected(n * dim);
  hypersketch::expand(rows.data(), n,
                      {matrix.data(), with_phases ? phases.data() : nullptr, phases.data() + dim, n_features, dim},
                      expected.data(), 1);
  const DeviceArray<float> r(rows), m(matrix), p(phases), out(std::vector<float>(n * dim, 7));
  expand_rows(kPlace, r.data(), n, {m.data(), with_phases ? p.data() : nullptr, n_features, dim}, out.data());
  check(close(out.values(), expected), "expand_rows", n, dim);
}

void test_products(size_t n, size_t n_vectors, size_t dim) {
  const auto rows = numbers(n * dim, 4), vectors = numbers(n_vectors * dim, 5);
  std::vector<float> expected(n * n_vectors), lengths(n);
  hypersketch::products(rows.data(), n, vectors.data(), n_vectors, dim, expected.data(), 1);
  hypersketch::lengths(rows.data(), n, dim, lengths.data(), 1);
  const DeviceArray<float> r(rows), v(vectors), out(std::vector<float>(n * n_vectors, 7)), l(std::vector<float>(n, 7));
  inner_products(kPlace, r.data(), n, v.data(), n_vectors, dim, out.data());
  row_lengths(kPlace, r.data(), n, dim, l.data());
  check(same_bytes(out.values(), expected), "inner_products", n, dim);
  check(same_bytes(l.values(), lengths), "row_lengths", n, dim);
}

void test_pass(size_t n, size_t n_classes, size_t dim, size_t batch_size, ClassRule rule, bool weighed) {
  const auto rows = numbers(n * dim, 6), weights = numbers(n, 7);
  std::vector<std::int64_t> targets(n), order;
  for (size_t i = 0; i < n; ++i) targets[i] = static_cast<std::int64_t>((i * 7 + i / 3) % n_classes);
  for (size_t b = (n + batch_size - 1) / batch_size; b-- > 0;) order.push_back(static_cast<std::int64_t>(b));
  auto vectors = numbers(n_classes * dim, 8);
  const DeviceArray<float> r(rows), w(weights), v(vectors), l(std::vector<float>(n, 7));
  const DeviceArray<std::int64_t> t(targets);
  row_lengths(kPlace, r.data(), n, dim, l.data());
  const std::vector<float> lengths = l.values();
  const hypersketch::PassCounts expected = hypersketch::learn_pass(
      {rows.data(), lengths.data(), targets.data(), weighed ? weights.data() : nullptr, n, dim}, order, batch_size,
      vectors.data(), n_classes, {rule.learning_rate, rule.margin, rule.by_distance, rule.binarized}, 1);
  const ClassCounts found = learn_pass(kPlace, {r.data(), l.data(), t.data(), weighed ? w.data() : nullptr, n, dim},
                                       order.data(), order.size(), batch_size, v.data(), n_classes, rule);
  check(found.corrected == expected.corrected && found.mistaken == expected.mistaken, "counts of a pass", n, dim);
  check(v.values() == vectors, "learn_pass", n, dim);  // == and not bytes: a sum of nothing may be -0 in one of both
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch::cuda;
  for (const bool with_phases : {false, true}) {
    test_expand(1, 1, 1, with_phases);
    test_expand(65, 17, 129, with_phases);
    test_expand(3, 33, 300, with_phases);
  }
  test_products(1, 1, 1);
  test_products(3, 7, 15);
  test_products(33, 5, 17);
  test_products(2000, 11, 33);
  for (const bool flag : {false, true}) {
    test_pass(1, 2, 1, 1, {1, 0.05F, flag, false}, false);
    test_pass(40, 3, 257, 7, {0.5F, 0.05F, flag, false}, true);
    test_pass(300, 5, 70, 290, {1, 0.3F, false, flag}, flag);
  }
  std::printf("%zu checks, %zu failed\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::checks != 0 && hypersketch::failures == 0 ? 0 : 1;
}
