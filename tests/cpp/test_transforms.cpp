// SPDX-License-Identifier: Apache-2.0
// Convolutions by transforms against the sum, at every level.
#include <cmath>
#include <numbers>
#include <vector>

#include "checks.hpp"
#include "hypersketch/transforms.hpp"

namespace hypersketch {
namespace {

struct Tables {
  std::vector<std::uint32_t> factors;
  std::vector<float> twiddles;
  size_t length = 1;

  explicit Tables(std::vector<std::uint32_t> given) : factors(std::move(given)) {
    for (const auto factor : factors) length *= factor;
    size_t rest = length;
    for (const auto factor : factors) {
      const size_t before = rest;
      rest /= factor;
      for (size_t p = 0; p < rest; ++p)
        for (size_t j = 1; j < factor; ++j) {
          const double turn = -2 * std::numbers::pi * static_cast<double>(j * p) / static_cast<double>(before);
          twiddles.push_back(static_cast<float>(std::cos(turn)));
          twiddles.push_back(static_cast<float>(std::sin(turn)));
        }
    }
  }

  ShortPlan plan() const { return {length, factors.data(), factors.size(), twiddles.data()}; }
};

std::vector<float> random_rows(size_t n, uint64_t seed) {
  const auto words = random_words(n, seed);
  std::vector<float> row(n);
  for (size_t i = 0; i < n; ++i) row[i] = static_cast<float>(words[i] >> 40) / 16777216.0F - 0.5F;
  return row;
}

double convolved(const float* a, const float* b, size_t dim, size_t d, bool correlate) {
  double sum = 0;
  for (size_t j = 0; j < dim; ++j)
    sum += static_cast<double>(a[j]) * b[((correlate ? j + dim - d : d + dim - j)) % dim];
  return sum;
}

void test_convolutions(const Tables& columns, const Tables& rows, size_t n, bool correlate, size_t threads) {
  const size_t n1 = columns.length, n2 = rows.length, dim = n1 * n2;
  std::vector<float> cosines(dim), sines(dim);
  for (size_t k = 0; k < n1; ++k)
    for (size_t j = 0; j < n2; ++j) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(j * k) / static_cast<double>(dim);
      cosines[k * n2 + j] = static_cast<float>(std::cos(turn));
      sines[k * n2 + j] = static_cast<float>(-std::sin(turn));
    }
  const TransformPlan plan{columns.plan(), rows.plan(), cosines.data(), sines.data()};
  const auto a = random_rows(n * dim, dim), b = random_rows(n * dim, dim + 1);
  std::vector<float> out(n * dim), one(n * dim), other(n * dim);
  convolve_rows({a.data(), dim}, {b.data(), dim}, n, plan, correlate, out.data(), threads);
  convolve_rows({a.data(), dim}, {b.data(), 0}, n, plan, correlate, one.data(), threads);
  convolve_rows({b.data(), 0}, {a.data(), dim}, n, plan, correlate, other.data(), threads);
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dim; d += dim / 37 + 1) {
      check(std::abs(out[i * dim + d] - convolved(&a[i * dim], &b[i * dim], dim, d, correlate)) < 1e-3, "convolve", dim,
            d);
      check(std::abs(one[i * dim + d] - convolved(&a[i * dim], b.data(), dim, d, correlate)) < 1e-3, "one", dim, d);
      check(std::abs(other[i * dim + d] - convolved(b.data(), &a[i * dim], dim, d, correlate)) < 1e-3, "other", dim, d);
    }
}

}  // namespace

void run_transform_tests() {
  for (const bool correlate : {false, true}) {
    test_convolutions(Tables({4, 4}), Tables({4, 2, 2}), 1, correlate, 1);
    test_convolutions(Tables({4, 4}), Tables({3, 3, 2}), 2, correlate, 1);
    test_convolutions(Tables({5, 5}), Tables({5, 4, 2}), 5, correlate, 3);
    test_convolutions(Tables({5, 4}), Tables({3, 3, 3}), 3, correlate, 2);
  }
  test_convolutions(Tables({4, 4}), Tables({4, 4}), 0, false, 2);
}

}  // namespace hypersketch
