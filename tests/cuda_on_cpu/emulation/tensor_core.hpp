// SPDX-License-Identifier: Apache-2.0
// What a warp's tensor core computes, from the definition, and asynchronous copies that happen when they are waited
// for: reading before that reads what was there.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "warp.hpp"

namespace cuda_on_cpu {

// The words that a lane brings to a product of 16 rows and 8 columns.
struct Fragment {
  unsigned a[4];
  unsigned b[2];

  // Word w = 0..7 of row or column `of`, in the hands of lane 4 of + w % 4.
  static unsigned of_row(const Fragment* lanes, unsigned row, unsigned w) {
    return lanes[row % 8 * 4 + w % 4].a[w / 4 * 2 + row / 8];
  }
  static unsigned of_column(const Fragment* lanes, unsigned column, unsigned w) {
    return lanes[column * 4 + w % 4].b[w / 4];
  }
};

// The fragments of all lanes of this warp. As with words, they stay until this lane's next call.
inline const Fragment* all_fragments(const unsigned (&a)[4], const unsigned (&b)[2], const char* function,
                                     const Place& place) {
  const Unseen unseen;
  static std::vector<Fragment> memory(2 * kMostThreads);  // one block runs at a time
  const Meeting& warp = Block::current().warp();
  const unsigned first = threadIdx.x / Meeting::kWarp * Meeting::kWarp;
  Fragment* const lanes = memory.data() + warp.round % 2 * kMostThreads + first;
  lanes[lane()] = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  all_words(0, kFullMask, function, place);
  return lanes;
}

// sums[i] = fold(sums[i], word of the row, word of the column) for each word of this lane's four results.
template <class T, class Fold>
void multiply_tiles(T (&sums)[4], const Fragment* lanes, Fold fold) {
  const Unseen unseen;
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned w = 0; w < 8; ++w)
      sums[i] = fold(sums[i], Fragment::of_row(lanes, lane() / 4 + i / 2 * 8, w),
                     Fragment::of_column(lanes, lane() % 4 * 2 + i % 2, w));
}

inline void add_common_bits(int (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                            const Place& here = Place::current()) {
  multiply_tiles(sums, all_fragments(a, b, "add_common_bits", here),
                 [](int sum, unsigned x, unsigned y) { return sum + std::popcount(x & y); });
}

inline float bfloat(unsigned bits) { return std::bit_cast<float>(bits << 16); }

inline void add_bfloat_products(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                                const Place& here = Place::current()) {
  multiply_tiles(sums, all_fragments(a, b, "add_bfloat_products", here), [](float sum, unsigned x, unsigned y) {
    return sum + (bfloat(x & 0xFFFF) * bfloat(y & 0xFFFF) + bfloat(x >> 16) * bfloat(y >> 16));
  });
}

inline unsigned to_bfloats(float low, float high) {
  const auto rounded = [](float x) {
    const unsigned bits = std::bit_cast<unsigned>(x);
    return (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  };
  return rounded(low) | rounded(high) << 16;
}

struct AsyncCopy {
  void* to;
  const void* from;
  unsigned n_bytes;
  bool is_there;

  void happen() const {
    if (is_there)
      std::memcpy(to, from, n_bytes);
    else
      std::memset(to, 0, n_bytes);
  }
};

// A thread's copies in groups; the last one is still open.
struct CopyGroups {
  std::vector<std::vector<AsyncCopy>> groups = std::vector<std::vector<AsyncCopy>>(1);

  static CopyGroups& of_thread() {
    static std::vector<CopyGroups> threads(kMostThreads);
    return threads[threadIdx.x];
  }
};

inline void copy_async(void* to, const void* from, unsigned n_bytes, bool is_there) {
  const auto misplaced = [n_bytes](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % n_bytes != 0; };
  if (misplaced(to) || (is_there && misplaced(from))) stop("an asynchronous copy of %u bytes is misaligned", n_bytes);
  if (is_there) seem_to_read(from, n_bytes);  // the copy may happen from now on
  seem_to_write(to, n_bytes);
  const Unseen unseen;
  CopyGroups::of_thread().groups.back().push_back({to, from, n_bytes, is_there});
}

inline void end_copy_group() {
  const Unseen unseen;
  CopyGroups::of_thread().groups.emplace_back();
}

inline void await_copy_groups(unsigned n_pending) {
  const Unseen unseen;  // that they end here is no news: they were seen when they began
  auto& groups = CopyGroups::of_thread().groups;
  while (groups.size() > size_t{n_pending} + 1) {
    for (const AsyncCopy& copy : groups.front()) copy.happen();
    groups.erase(groups.begin());
  }
}

}  // namespace cuda_on_cpu
