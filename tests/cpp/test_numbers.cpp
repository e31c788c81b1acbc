// SPDX-License-Identifier: Apache-2.0
// Products, quotients, sums and unit phasors of rows of numbers, from their definitions.
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "checks.hpp"
#include "hypersketch/numbers.hpp"

namespace hypersketch {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> numbers_of(size_t n, uint64_t seed) {
  std::vector<float> numbers;
  for (const uint64_t word : random_words(n, seed))
    numbers.push_back(static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31F);
  return numbers;
}

std::complex<float> at(const std::vector<float>& numbers, size_t i) { return {numbers[2 * i], numbers[2 * i + 1]}; }

// Products and conjugated ones in single precision, as the kernels have them.
std::complex<float> product(std::complex<float> a, std::complex<float> b) {
  const float parts[4] = {a.real() * b.real(), -a.imag() * b.imag(), a.imag() * b.real(), a.real() * b.imag()};
  return {parts[0] + parts[1], parts[2] + parts[3]};
}

void test_phasors(size_t width) {
  const size_t n = 3;
  auto a = numbers_of(2 * width * n, 1), b = numbers_of(2 * width * n, 2);
  b[0] = b[1] = 0.0F;
  std::vector<float> out(a.size());
  for (const PhasorRule rule : {PhasorRule::kProduct, PhasorRule::kConjugate, PhasorRule::kQuotient})
    for (const size_t stride : {2 * width, size_t{0}})
      for (const size_t threads : {1, 2}) {
        check(combine_phasors({a.data(), 2 * width}, {b.data(), stride}, n, width, rule, out.data(), threads),
              "finite phasors", width);
        for (size_t i = 0; i < n * width; ++i) {
          const std::complex<float> x = at(a, i), y = at(b, stride == 0 ? i % width : i);
          const std::complex<double> wide = y == 0.0F ? 0.0 : std::complex<double>(x) / std::complex<double>(y);
          const std::complex<float> wanted = rule == PhasorRule::kQuotient  ? std::complex<float>(wide)
                                             : rule == PhasorRule::kProduct ? product(x, y)
                                                                            : product(x, std::conj(y));
          const float error = std::abs(at(out, i) - wanted), bound = 2e-7F * std::abs(wanted);
          check(rule == PhasorRule::kQuotient ? error <= bound : error == 0.0F, "phasors", width, i);
        }
      }
  for (const float strange : {kNan, kInfinity, -kInfinity})
    for (const size_t place : {size_t{0}, 2 * width - 1})
      for (const int side : {0, 1}) {
        auto x = a, y = b;
        (side == 0 ? x : y)[place] = strange;
        for (const PhasorRule rule : {PhasorRule::kProduct, PhasorRule::kConjugate, PhasorRule::kQuotient})
          check(!combine_phasors({x.data(), 2 * width}, {y.data(), 2 * width}, 1, width, rule, out.data(), 1),
                "phasors that are not finite", width, place);
        check(!kernels().all_finite(side == 0 ? x.data() : y.data(), 2 * width), "all_finite", width, place);
      }
  check(kernels().all_finite(a.data(), a.size()), "all_finite", width);
}

void test_unit_phasors(size_t width) {
  std::vector<double> numbers;
  const auto mantissas = numbers_of(2 * width, 3);
  for (size_t i = 0; i < 2 * width; ++i)
    numbers.push_back(std::ldexp(static_cast<double>(mantissas[i]), static_cast<int>((i / 2 * 97) % 2000) - 1030));
  numbers[0] = numbers[1] = 0.0;
  std::vector<float> out(2 * width, 77.0F);
  kernels().unit_phasors(numbers.data(), width, out.data());
  for (size_t i = 0; i < width; ++i) {
    const double length = std::hypot(numbers[2 * i], numbers[2 * i + 1]);
    for (size_t part = 0; part < 2; ++part) {
      const double wanted = length > 0 ? numbers[2 * i + part] / length : 0.0;
      check(std::abs(static_cast<double>(out[2 * i + part]) - wanted) <= 1e-7, "unit_phasors", width, i);
    }
  }
}

void test_sums(size_t n, size_t width) {
  const auto rows = numbers_of(n * width, 4);
  std::vector<double> weights, plain(2 * width, 1.0), weighed(2 * width, 1.0), found(2 * width);
  for (size_t i = 0; i < n; ++i) weights.push_back(0.3 * static_cast<double>(i) - 1.0);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < width; ++j) {
      const size_t to = (i < n / 3 ? 0 : width) + j;
      const double number = rows[i * width + j], term = number * weights[i];
      plain[to] += number;
      weighed[to] += term;
    }
  const std::int64_t starts[] = {0, static_cast<std::int64_t>(n / 3), static_cast<std::int64_t>(n)};
  for (const size_t threads : {1, 2})
    for (const bool with : {false, true}) {
      std::fill(found.begin(), found.end(), 1.0);
      sum_real_rows(rows.data(), width, starts, with ? weights.data() : nullptr, found.data(), threads);
      check(found == (with ? weighed : plain), "sum_rows", n, width);
    }
}

void test_sums_of_combined(size_t n, size_t width) {
  const auto a = numbers_of(2 * n * width, 8), b = numbers_of(2 * n * width, 9);
  std::vector<float> made(a.size());
  std::vector<double> weights(n, 0.25), expected(2 * width), found(2 * width);
  for (const PhasorRule rule : {PhasorRule::kProduct, PhasorRule::kConjugate, PhasorRule::kQuotient})
    for (const double* factors : {static_cast<const double*>(nullptr), static_cast<const double*>(weights.data())}) {
      combine_phasors({a.data(), 2 * width}, {b.data(), 2 * width}, n, width, rule, made.data(), 1);
      std::fill(expected.begin(), expected.end(), 0.0);
      const std::int64_t starts[] = {0, static_cast<std::int64_t>(n)};
      sum_real_rows(made.data(), 2 * width, starts, factors, expected.data(), 1);
      for (const size_t threads : {1, 2}) {
        std::fill(found.begin(), found.end(), 0.0);
        check(sum_combined(a.data(), b.data(), n, width, rule, factors, found.data(), threads), "finite", n, width);
        check(found == expected, "sum_combined", n, width);
      }
    }
}

void test_products(size_t width) {
  const size_t n = 3;
  const auto a = numbers_of(n * width, 5), b = numbers_of(n * width, 6);
  std::vector<double> found(3 * n), expected;
  for (const size_t stride : {width, size_t{0}}) {
    expected.clear();
    for (size_t i = 0; i < n; ++i) {
      const float *const x = &a[i * width], *const y = &b[i * stride];
      for (const auto& [left, right] : {std::pair{x, x}, std::pair{y, y}, std::pair{x, y}}) {
        double lanes[kSumLanes] = {};
        for (size_t j = 0; j < width; ++j) {
          const double term = static_cast<double>(left[j]) * right[j];
          lanes[j % kSumLanes] += term;
        }
        for (size_t half = kSumLanes / 2; half > 0; half /= 2)
          for (size_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
        expected.push_back(lanes[0]);
      }
    }
    for (const size_t threads : {1, 2}) {
      real_products({a.data(), width}, {b.data(), stride}, n, width, found.data(), threads);
      check(found == expected, "real_products", width, stride);
    }
  }
}

void test_turns(size_t dim) {
  const size_t n = 3;
  const auto words = random_words(n * words_for(dim), 7);
  std::vector<std::int32_t> sums(dim), found(n * dim, 77);
  for (size_t d = 0; d < dim; ++d) sums[d] = static_cast<std::int32_t>(d * 2654435761U);
  turn_rows({sums.data(), 0}, {words.data(), words_for(dim)}, n, dim, found.data(), 2);
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dim; ++d) {
      const bool minus = ((words[i * words_for(dim) + d / 64] >> (d % 64)) & 1) != 0;
      check(found[i * dim + d] == (minus ? -sums[d] : sums[d]), "turn_signs", dim, d);
    }
}

}  // namespace

void run_number_tests() {
  for (const size_t width : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 130}) {
    test_phasors(width);
    test_unit_phasors(width);
    test_products(width);
    test_turns(width);
    for (const size_t n : {0, 1, 7, 8, 9, 17}) test_sums(n, width);
  }
  for (const size_t n : {0, 1, 8, 21}) {
    test_sums_of_combined(n, 33);
    test_sums_of_combined(n, 1030);
    test_sums_of_combined(n, 16390);
  }
  test_unit_phasors(2100);
  test_sums(33, 8192 * 2 + 5);
}

}  // namespace hypersketch
