// SPDX-License-Identifier: Apache-2.0
// Resonator networks on the emulated GPU against the CPU's: every number.
#include <algorithm>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/resonator.hpp"
#include "resonator.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<uint64_t> packed(size_t n, size_t dim, uint64_t seed) {
  auto words = random_words(n * words_for(dim), seed);
  for (size_t i = words_for(dim) - 1; i < words.size(); i += words_for(dim)) words[i] &= tail_mask(dim);
  return words;
}

void test_network(size_t dim, const std::vector<std::int64_t>& sizes, ResonatorRules rules) {
  constexpr size_t kProbes = 3;
  const size_t n_words = words_for(dim), n_factors = sizes.size();
  size_t n_rows = 0;
  for (const std::int64_t size : sizes) n_rows += static_cast<size_t>(size);
  const auto rows = packed(n_rows, dim, 1), starts = packed(n_factors, dim, 2), probes = packed(kProbes, dim, 3);
  const auto hashes = random_words(kProbes, 4);
  std::vector<Codebook> books;
  for (size_t f = 0, first = 0; f < n_factors; first += static_cast<size_t>(sizes[f++]))
    books.emplace_back(rows.data() + first * n_words, static_cast<size_t>(sizes[f]), dim);
  std::vector<std::int64_t> codewords(kProbes * n_factors), products(kProbes), sweeps(kProbes), periods(kProbes);
  hypersketch::resonate(
      {dim, rules.synchronous, 7, rules.noise, rules.threshold, rules.accept, static_cast<size_t>(rules.budget)}, books,
      starts.data(), {probes.data(), hashes.data(), kProbes},
      {codewords.data(), products.data(), sweeps.data(), periods.data()}, 1);
  const auto largest = static_cast<size_t>(*std::max_element(sizes.begin(), sizes.end()));
  const DeviceArray<uint64_t> r(rows), s(starts), p(probes), h(hashes), seeds(std::vector<uint64_t>(kProbes, 7));
  const DeviceArray<std::int64_t> z(sizes), numbers(3 * kProbes), c(codewords.size()), q(kProbes), w(kProbes),
      e(kProbes);
  const DeviceArray<uint64_t> vectors(kProbes * (3 * n_factors + 1) * n_words);
  const DeviceArray<std::int32_t> weights(kProbes * largest);
  const ResonatorProblems problems{r.data(), s.data(), z.data(),     1,        n_factors, n_rows,
                                   largest,  p.data(), seeds.data(), h.data(), kProbes,   dim};
  const ResonatorState state{vectors.data(), weights.data(), numbers.data()};
  const ResonatorAnswers answers{c.data(), q.data(), w.data(), e.data()};
  begin_resonance(kPlace, problems, state, answers);
  while (resonate(kPlace, problems, rules, state, answers, 2) != 0) {
  }
  check(c.values() == codewords, "codewords", dim, n_factors);
  check(q.values() == products, "products", dim, n_factors);
  check(w.values() == sweeps && e.values() == periods, "sweeps and periods", dim, n_factors);
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  for (const std::int64_t noise : {0, 30000}) {
    cuda::test_network(1, {1, 1}, {false, noise, 0, 2, 3});
    cuda::test_network(65, {5, 9}, {true, noise, 3, 66, 5});
    cuda::test_network(300, {3, 1, 7}, {false, noise, 0, 301, 4});
    cuda::test_network(4200, {2, 3}, {false, noise, 10, 4201, 3});
  }
  cuda::test_network(90, {40, 40}, {false, std::int64_t{1} << 40, 0, 91, 3});
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
