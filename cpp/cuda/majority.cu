// SPDX-License-Identifier: Apache-2.0
// Bundles of stored vectors: rows as they are, rows bound to others, and rows of books that indices choose (records).
// Roofline of 10^6 rows of 10,000 bits on an H200: 1.256 GB read once, 262 us at 4.8 TB/s; eight items take 28 lop3 for
// each half of a word with ten planes, 1.1e9 in all, 75 us of the integer units beside it. The blocks' counts are
// 10^7 atomic additions to 40 KB, which the L2 cache takes.
#include "items.cuh"
#include "votes.cuh"

namespace hypersketch::cuda {
namespace {

struct BoundRows {
  const uint64_t* rows;
  const uint64_t* others;
  size_t n_words;
  __device__ __forceinline__ uint64_t word(size_t i, size_t j) const {
    return __ldg(rows + i * n_words + j) ^ __ldg(others + i * n_words + j);
  }
};

struct Chosen {
  ChosenRows rows;
  size_t n_words;
  __device__ __forceinline__ uint64_t word(size_t i, size_t j) const {
    uint64_t made = __ldg(rows.book + size_t{__ldg(rows.chosen + i)} * n_words + j);
    if (rows.other_book == nullptr) return made;
    const std::uint32_t other =
        rows.others != nullptr ? __ldg(rows.others + i) : static_cast<std::uint32_t>(i) % rows.period;
    return made ^ __ldg(rows.other_book + size_t{other} * n_words + j);
  }
};

}  // namespace

bool bundle_rows(Place place, const uint64_t* rows, const uint64_t* others, size_t dim, Bundles bundles,
                 Outcome outcome) {
  const OnDevice on(place.device);
  const Alarm strays(place, dim % kWordBits != 0);
  const size_t n_words = words_for(dim);
  if (others == nullptr)
    bundle_items<true>(place, StoredRows{rows, n_words}, dim, bundles, outcome, strays.data());
  else
    bundle_items<true>(place, BoundRows{rows, others, n_words}, dim, bundles, outcome, strays.data());
  return strays.silent();
}

void bundle_chosen(Place place, ChosenRows items, size_t dim, Bundles bundles, Outcome outcome) {
  bundle_items<true>(place, Chosen{items, words_for(dim)}, dim, bundles, outcome, nullptr);
}

}  // namespace hypersketch::cuda
