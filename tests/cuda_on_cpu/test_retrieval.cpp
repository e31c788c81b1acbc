// SPDX-License-Identifier: Apache-2.0
// Retrieval on the emulated GPU against its definition in double precision: every store, similarity and kernel.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "retrieve_merge.hpp"

namespace hypersketch::cuda {
namespace {

// The number of a code of 8 bits: a sign, 4 bits of exponent with a bias of 7, 3 of fraction.
float float8(unsigned code) {
  const int exponent = static_cast<int>(code >> 3 & 15U), fraction = static_cast<int>(code & 7U);
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return static_cast<float>((code & 0x80U) != 0 ? -size : size);
}

struct Shape {
  size_t n_queries;
  size_t n;
  size_t dim;
};

std::vector<float> make_numbers(size_t n, uint64_t seed) {
  std::vector<float> numbers(n);
  const auto words = random_words(n, seed);
  for (size_t i = 0; i < n; ++i) numbers[i] = static_cast<float>(static_cast<int>(words[i] % 2001) - 1000) / 1000.0F;
  return numbers;
}

// Rows as a store on the device keeps them, and as numbers.
struct Store {
  Store(const std::vector<float>& rows, size_t n_, size_t dim_, StoredType type_)
      : type(type_), n(n_), dim(dim_), kept(n * padded_bytes(type, dim)), scales(is_scaled(type) ? n : 1), lengths(n) {
    const DeviceArray<float> given(rows), largest(n);
    keep_rows(kPlace, given.data(), n, dim, type, kept.data(), is_scaled(type) ? scales.data() : nullptr,
              lengths.data(), largest.data());
    widen();
  }

  void widen() {
    const auto bytes = kept.values();
    const auto factors = scales.values();
    for (size_t i = 0; i < n; ++i)
      for (size_t d = 0; d < dim; ++d) {
        const unsigned char* const at = bytes.data() + i * padded_bytes(type, dim) + d * size_of(type);
        std::uint32_t bits = 0;
        std::memcpy(&bits, at, size_of(type));
        if (type == StoredType::kBfloat16) bits <<= 16;
        float number = 0.0F;
        std::memcpy(&number, &bits, sizeof number);
        if (type == StoredType::kInt8) number = static_cast<float>(static_cast<std::int8_t>(bits)) * factors[i];
        if (type == StoredType::kFloat8) number = float8(bits) * factors[i];
        numbers.push_back(static_cast<double>(number));
      }
  }

  StoredRows view() const {
    return {kept.data(), type, n, dim, padded_bytes(type, dim), is_scaled(type) ? scales.data() : nullptr};
  }

  StoredType type;
  size_t n, dim;
  DeviceArray<unsigned char> kept;
  DeviceArray<float> scales, lengths;
  std::vector<double> numbers;
};

double score(const Store& store, Likeness likeness, const float* query, size_t i) {
  double inner = 0.0, own = 0.0, length = 0.0, distance = 0.0;
  for (size_t d = 0; d < store.dim; ++d) {
    const double x = store.numbers[i * store.dim + d], q = static_cast<double>(query[d]);
    inner += q * x, own += q * q, length += x * x, distance += std::fabs(q - x);
  }
  if (likeness == Likeness::kCosine) return own * length > 0.0 ? inner / std::sqrt(own * length) : 0.0;
  if (likeness == Likeness::kEuclidean) return inner - 0.5 * length;
  return likeness == Likeness::kManhattan ? -distance : inner;
}

// The mean of the values, weighted by exp(beta score).
std::vector<double> expected_state(const Store& store, const Store& values, Likeness likeness, const float* query,
                                   double beta) {
  std::vector<double> weights(store.n), state(values.dim);
  for (size_t i = 0; i < store.n; ++i) weights[i] = beta * score(store, likeness, query, i);
  const double most = *std::max_element(weights.begin(), weights.end());
  double sum = 0.0;
  for (double& weight : weights) sum += weight = std::exp(weight - most);
  for (size_t i = 0; i < store.n; ++i)
    for (size_t d = 0; d < values.dim; ++d) state[d] += weights[i] / sum * values.numbers[i * values.dim + d];
  return state;
}

void test_softmax(const Shape& shape, StoredType type, Likeness likeness, Precision precision, RetrievalPath path,
                  size_t value_dim = 0) {
  const Store store(make_numbers(shape.n * shape.dim, 3), shape.n, shape.dim, type);
  const Store others(make_numbers(shape.n * std::max<size_t>(1, value_dim), 5), shape.n, std::max<size_t>(1, value_dim),
                     type);
  const Store& values = value_dim == 0 ? store : others;
  const auto queries = make_numbers(shape.n_queries * shape.dim, 4);
  const float beta = 4.0F / static_cast<float>(shape.dim);
  const DeviceArray<float> asked(queries), betas(std::vector<float>(shape.n_queries, beta));
  const DeviceArray<float> states(shape.n_queries * values.dim);
  const DeviceArray<WeightSums> sums(shape.n_queries);
  retrieve_states(kPlace, {store.view(), store.lengths.data(), likeness}, values.view(),
                  {asked.data(), shape.n_queries, betas.data()}, {SeparationKind::kSoftmax, nullptr, 1.0F}, precision,
                  states.data(), sums.data(), path);
  const auto found = states.values();
  const double slack = precision == Precision::kBfloat16 ? 0.02 : precision == Precision::kTf32 ? 2e-4 : 1e-5;
  bool sound = true;
  for (size_t q = 0; q < shape.n_queries; ++q) {
    const auto state = expected_state(store, values, likeness, queries.data() + q * shape.dim, double(beta));
    for (size_t d = 0; d < values.dim; ++d) sound &= std::fabs(double(found[q * values.dim + d]) - state[d]) <= slack;
  }
  check(sound, "retrieve_states", shape.n, shape.dim);
}

void test_nearest(const Shape& shape, StoredType type, size_t k) {
  const Store store(make_numbers(shape.n * shape.dim, 3), shape.n, shape.dim, type);
  const auto queries = make_numbers(shape.n_queries * shape.dim, 4);
  const DeviceArray<float> asked(queries), betas(std::vector<float>(shape.n_queries, 1.0F));
  const DeviceArray<std::int64_t> places(shape.n_queries * k);
  const DeviceArray<float> scores(shape.n_queries * k);
  const Compared compared{store.view(), store.lengths.data(), Likeness::kDot};
  const AskedRows rows{asked.data(), shape.n_queries, betas.data()};
  nearest_patterns(kPlace, compared, rows, k, places.data(), scores.data());
  const auto found = places.values();
  const auto alike = scores.values();
  bool sound = true;
  std::vector<float> bounds;
  for (size_t q = 0; q < shape.n_queries; ++q) {
    std::vector<double> all(shape.n);
    for (size_t i = 0; i < shape.n; ++i) all[i] = score(store, Likeness::kDot, queries.data() + q * shape.dim, i);
    for (size_t i = 0; i < k; ++i)
      sound &= std::fabs(all[static_cast<size_t>(found[q * k + i])] - double(alike[q * k + i])) <= 1e-4;
    std::sort(all.begin(), all.end(), std::greater<>());
    for (size_t i = 0; i < k; ++i) sound &= std::fabs(all[i] - double(alike[q * k + i])) <= 1e-4;
    bounds.push_back(alike[q * k + k - 1]);
  }
  check(sound, "nearest_patterns", shape.n, k);
  const DeviceArray<float> limits(bounds);
  const auto listed = scores_above(kPlace, compared, rows, limits.data());
  for (size_t q = 0; q < shape.n_queries; ++q) check(listed[q].size() < k, "scores_above", q, listed[q].size());
}

// What splits came to, brought together in their order: the same bits as one after the other.
void test_merging(size_t n_splits, size_t n, size_t dim) {
  const std::vector<float> states = make_numbers(n_splits * n * dim, 1);
  std::vector<float> found = make_numbers(n_splits * n * 3, 2);
  for (size_t i = 0; i < found.size(); ++i)
    if (i % 3 != 0) found[i] = std::abs(found[i]) + 0.5F;  // sums of weights and of their squares
  const DeviceArray<float> given_states(states), given(found), out(n * dim);
  const DeviceArray<WeightSums> sums(n);
  merge_states(kPlace, {given_states.data(), given.data()}, n_splits, n, dim, {SeparationKind::kSoftmax, nullptr, 1.0F},
               out.data(), sums.data());
  const std::vector<float> merged = out.values();
  const std::vector<WeightSums> weights = sums.values();
  for (size_t q = 0; q < n; ++q) {
    const auto of = [&](size_t s, size_t part) { return double{found[(s * n + q) * 3 + part]}; };
    double most = of(0, 0), sum = 0.0, squares = 0.0;
    for (size_t s = 0; s < n_splits; ++s) most = std::max(most, of(s, 0));
    std::vector<double> factors(n_splits), totals(dim);
    for (size_t s = 0; s < n_splits; ++s) {
      factors[s] = of(s, 0) == most ? 1.0 : std::exp(of(s, 0) - most);
      sum += of(s, 1) * factors[s];
      squares += of(s, 2) * factors[s] * factors[s];
      for (size_t d = 0; d < dim; ++d) totals[d] += double{states[(s * n + q) * dim + d]} * factors[s];
    }
    const WeightSums mine = weights[q];
    check(mine.maximum == most && mine.sum == sum && mine.squares == squares, "sums of splits", n_splits, q);
    for (size_t d = 0; d < dim; ++d)
      check(merged[q * dim + d] == static_cast<float>(totals[d] / sum), "states of splits", n_splits, d);
  }
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  const StoredType types[] = {StoredType::kFloat32, StoredType::kBfloat16, StoredType::kInt8, StoredType::kFloat8};
  const Precision precisions[] = {Precision::kFloat32, Precision::kTf32, Precision::kBfloat16};
  size_t at = 0;
  const Likeness likenesses[] = {Likeness::kDot, Likeness::kCosine, Likeness::kEuclidean, Likeness::kManhattan};
  for (const StoredType type : types)  // each meets every shape, and two likenesses there in turns
    for (const Shape& shape : {Shape{1, 1, 1}, {3, 63, 15}, {17, 65, 16}, {2, 66, 400}, {33, 20, 129}, {2, 17, 1030}})
      for (const size_t turn : {0, 2}) {
        const Likeness likeness = likenesses[(at / 2 + at / 12 + turn) % 4];
        const Precision precision = precisions[at++ % 3];
        test_softmax(shape, type, likeness, precision, RetrievalPath::kTiles, at % 2 == 0 ? 0 : 9);
      }
  for (const Shape& shape : {Shape{1, 1, 1}, {3, 130, 64}, {65, 129, 100}, {129, 70, 200}})
    for (const Likeness likeness : {Likeness::kDot, Likeness::kCosine, Likeness::kEuclidean})
      for (const size_t value_dim : {size_t{0}, size_t{70}})
        test_softmax(shape, StoredType::kBfloat16, likeness, Precision::kBfloat16, RetrievalPath::kWarpGroups,
                     value_dim);
  // A group a half of the numbers; few tiles, and more than stages.
  for (const Shape& shape : {Shape{1, 1, 257}, {3, 64, 300}, {65, 65, 400}, {64, 129, 512}, {70, 500, 260}})
    for (const Likeness likeness : {Likeness::kDot, Likeness::kCosine, Likeness::kEuclidean})
      test_softmax(shape, StoredType::kBfloat16, likeness, Precision::kBfloat16, RetrievalPath::kWarpGroups, 0);
  for (const size_t n_splits : {1, 7, 256, 257, 600}) test_merging(n_splits, 3, 300);
  for (const StoredType type : types) test_nearest({3, 90, 20}, type, 7);
  test_nearest({17, 300, 5}, StoredType::kFloat32, 280);
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
