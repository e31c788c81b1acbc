// SPDX-License-Identifier: Apache-2.0
// Sums of real and complex vectors on the emulated GPU against those of the CPU, and cosines against their definition.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/numbers.hpp"
#include "hypersketch/real_scores.hpp"
#include "spectra.hpp"

namespace hypersketch::cuda {
namespace {

constexpr uint64_t kSeed = 5;
constexpr double kUnit = 0x1p-53;
constexpr RealAtoms kKinds[] = {RealAtoms::kUniforms, RealAtoms::kNormals, RealAtoms::kPhasors};

std::vector<float> atoms_of(AtomSpace space, const std::vector<uint64_t>& hashes) {
  std::vector<float> rows(hashes.size() * space.n_floats());
  std::vector<uint64_t> starts(hashes.size());
  const uint64_t word = seed_word(space.seed, Purpose::kAtom);
  for (size_t i = 0; i < hashes.size(); ++i) starts[i] = stream_start(word, hashes[i]);
  kernels().atom_reals(starts.data(), hashes.size(), space.dim, static_cast<RealKind>(space.kind), space.scale,
                       rows.data());
  return rows;
}

std::vector<double> some_weights(size_t n) {
  std::vector<double> weights;
  for (const uint64_t word : random_words(n, 9)) weights.push_back(static_cast<double>(word % 2001) / 700.0 - 1.3);
  return weights;
}

// Up to 256 terms the CPU's bits; more in another order, and each order is off by less than (n + 1) 2^-53 of the sum of
// the magnitudes, the rounding of the products among it.
void test_sums(AtomSpace space, size_t n, bool weighted) {
  const auto hashes = random_words(n, n + 1);
  const auto rows = atoms_of(space, hashes);
  const auto weights = weighted ? some_weights(n) : std::vector<double>{};
  const size_t width = space.n_floats();
  std::vector<double> expected(width), bounds(width);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < width; ++j) {
      const double term = (weighted ? weights[i] : 1.0) * static_cast<double>(rows[i * width + j]);
      expected[j] += term;
      bounds[j] += n <= 256 ? 0.0 : 2.0 * static_cast<double>(n + 1) * kUnit * std::abs(term);
    }
  const DeviceArray<uint64_t> keys(hashes);
  const DeviceArray<float> stored(rows);
  const DeviceArray<double> factors(weights), sums(width);
  const double* const given = weighted ? factors.data() : nullptr;
  const auto are_near = [&] {
    const auto found = sums.values();
    for (size_t j = 0; j < width; ++j)
      if (!(std::abs(found[j] - expected[j]) <= bounds[j])) return false;
    return true;
  };
  check(sum_atoms(kPlace, space, keys.data(), nullptr, n, given, sums.data()), "sum_atoms is in range", n, space.dim);
  check(are_near(), "sum_atoms", n, space.dim);
  check(sum_rows(kPlace, stored.data(), n, width, given, sums.data()), "sum_rows is in range", n, space.dim);
  check(are_near(), "sum_rows", n, space.dim);
}

// Of a vector whose sums of m terms are off by m 2^-53 of the lengths' product, and those of two squares by half each.
void test_scores(AtomSpace space, size_t n) {
  const auto hashes = random_words(n, n + 2);
  const auto rows = atoms_of(space, hashes), vector = atoms_of(space, {hashes[0] ^ 1});
  const size_t width = space.n_floats();
  const DeviceArray<uint64_t> keys(hashes);
  const DeviceArray<float> stored(vector);
  const DeviceArray<double> out(n);
  score_atoms(kPlace, space, stored.data(), keys.data(), n, out.data());
  const auto found = out.values();
  bool near = true;
  for (size_t i = 0; i < n; ++i) {
    double aa = 0, bb = 0, ab = 0;
    for (size_t j = 0; j < width; ++j) {
      const double a = rows[i * width + j], b = vector[j];
      aa += a * a, bb += b * b, ab += a * b;
    }
    near &= std::abs(found[i] - ab / std::sqrt(aa * bb)) <= (4.0 * static_cast<double>(width) + 16.0) * kUnit;
  }
  check(near, "score_atoms", n, space.dim);
}

void test_what_is_out_of_range(AtomSpace space) {
  const auto hashes = random_words(3, 3);
  const DeviceArray<uint64_t> keys(hashes);
  const DeviceArray<double> large(std::vector<double>{1, 1e200, 1}), sums(space.n_floats());
  check(!sum_atoms(kPlace, space, keys.data(), nullptr, 3, large.data(), sums.data()), "a sum that is too large");
  const DeviceArray<float> rows(std::vector<float>{1, 2, NAN, 4});
  check(!sum_rows(kPlace, rows.data(), 2, 2, nullptr, sums.data()), "a sum that is no number");
  check(sum_rows(kPlace, rows.data(), 0, 1, nullptr, sums.data()) && sums.values()[0] == 0, "a sum of nothing");
}

// Against sums in extended precision: n + 1 roundings of the sum of magnitudes, and one to single precision.
void test_matrices(size_t side, size_t n_left, size_t n_right, bool turned) {
  const size_t size = side * side, n = std::max(n_left, n_right);
  const AtomSpace space{size, RealAtoms::kNormals, 1.0, kSeed};
  const auto left = atoms_of(space, random_words(n_left, 3)), right = atoms_of(space, random_words(n_right, 4));
  const DeviceArray<float> a(left), b(right), out(n * size);
  check(multiply_matrices(kPlace, {a.data(), n_left}, {b.data(), n_right}, side, turned, out.data()), "are finite");
  const auto found = out.values();
  const double root = std::sqrt(static_cast<double>(side)), terms = static_cast<double>(side + 2);
  bool right_ones = true;
  for (size_t i = 0; i < n * size; ++i) {
    const size_t pair = i / size, row = i % size / side, column = i % side;
    long double sum = 0, magnitude = 0;
    for (size_t k = 0; k < side; ++k) {
      const size_t other = turned ? column * side + k : k * side + column;
      const long double term = static_cast<long double>(left[(n_left == 1 ? 0 : pair * size) + row * side + k]) *
                               static_cast<long double>(right[(n_right == 1 ? 0 : pair * size) + other]);
      sum += term, magnitude += std::abs(term);
    }
    const double exact = static_cast<double>(sum) * root;
    const double bound = terms * kUnit * root * static_cast<double>(magnitude);
    right_ones &= std::abs(static_cast<double>(found[i]) - exact) <= bound + 0x1p-24 * (std::abs(exact) + bound);
  }
  check(right_ones, "multiply_matrices", side, n);
  std::vector<float> strange = right;
  strange[size / 2] = INFINITY;
  const DeviceArray<float> c(strange);
  check(!multiply_matrices(kPlace, {a.data(), n_left}, {c.data(), n_right}, side, turned, out.data()), "infinity");
}

// Against the definition: words of the stream of the bytes' hash, which say order and signs; the identity moves
// nothing.
void test_drawn(size_t dim, size_t n_values, size_t n_known, bool back) {
  const size_t n = std::max(n_values, n_known);
  const AtomSpace space{dim, RealAtoms::kNormals, 1.0, kSeed};
  const auto values = atoms_of(space, random_words(n_values, 3));
  auto known = atoms_of(space, random_words(n_known, 4));
  for (size_t i = 0; i < dim && n_known > 1; ++i) known[i] = i == 0 ? 1.0F : 0.0F;
  std::vector<float> expected(n * dim);
  for (size_t row = 0; row < n; ++row) {
    const size_t k = n_known == 1 ? 0 : row, v = n_values == 1 ? 0 : row;
    const uint64_t hash = xxh64_bytes(reinterpret_cast<const unsigned char*>(known.data() + k * dim), 4 * dim, kSeed);
    const uint64_t start = stream_start(seed_word(~kSeed, Purpose::kAtom), hash);
    std::vector<size_t> order(dim);
    std::iota(order.begin(), order.end(), size_t{0});
    const bool moves = n_known == 1 || k != 0;
    if (moves)
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return atom_word(start, a) < atom_word(start, b); });
    for (size_t j = 0; j < dim; ++j) {
      const float sign = moves && (atom_word(start, j) & 1) != 0 ? -1.0F : 1.0F;
      const size_t from = back ? j : order[j], to = back ? order[j] : j;
      expected[row * dim + to] = sign * values[v * dim + from];
    }
  }
  const DeviceArray<float> a(values), b(known), out(n * dim);
  check(move_by_drawn(kPlace, {a.data(), n_values}, {b.data(), n_known}, dim, kSeed, back, out.data()), "are finite");
  check(out.values() == expected, "move_by_drawn", dim, n);
  known.back() = NAN;
  const DeviceArray<float> c(known);
  check(!move_by_drawn(kPlace, {a.data(), n_values}, {c.data(), n_known}, dim, kSeed, back, out.data()), "a NaN");
}

void run() {
  for (const size_t dim : {size_t{1}, size_t{2}, size_t{63}, size_t{1000}})
    for (const bool back : {false, true}) {
      test_drawn(dim, 4, 4, back);
      test_drawn(dim, 1, 3, back);
      test_drawn(dim, 3, 1, back);
    }
  for (const size_t side : {size_t{1}, size_t{3}, size_t{16}, size_t{35}})
    for (const bool turned : {false, true}) {
      test_matrices(side, 4, 4, turned);
      test_matrices(side, 1, 3, turned);
      test_matrices(side, 3, 1, turned);
    }
  for (const RealAtoms kind : kKinds)
    for (const size_t dim : {size_t{2}, size_t{3}, size_t{33}, size_t{513}}) {
      const AtomSpace space{dim, kind, 0.3, kSeed};
      for (const size_t n : {size_t{1}, size_t{256}, size_t{257}, size_t{700}})
        for (const bool weighted : {false, true}) test_sums(space, n, weighted);
      test_scores(space, 70);
      test_what_is_out_of_range(space);
    }
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  hypersketch::cuda::run();
  std::printf("%zu checks, %zu failures\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::checks != 0 && hypersketch::failures == 0 ? 0 : 1;
}
