// SPDX-License-Identifier: Apache-2.0
// Modular spaces from keys alone: bundles of atoms, and comparisons of vectors with atoms. No atom is stored.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "hypersketch/digits.hpp"

namespace hypersketch {

// The largest modulus whose digits leave a bit of a byte free, which says that there is no digit.
inline constexpr std::uint32_t kMostInBytes = 128;

inline bool fits_bytes(std::uint32_t modulus) { return std::has_single_bit(modulus) && modulus <= kMostInBytes; }

// Vectors of digits as the kernel wants them.
class EightsOfDigits {
 public:
  EightsOfDigits(const std::uint16_t* vectors, size_t n, size_t width, std::uint32_t modulus, bool circle)
      : n_(n), stride_((width + 7) / 8), eights_(n * stride_) {
    const int shift = 8 - std::countr_zero(modulus);
    const uint64_t digit = (0xFFU << shift) & 0xFFU, every = 0x0101010101010101;
    mask_ = digit * every;
    for (size_t d = 0; d < 8 * stride_; ++d) {
      const size_t byte = d % 8 / 2 + 4 * (d % 2);  // the lower halves of four words, then the upper ones
      if (d < width && d / 8 + 1 == stride_) last_mask_ |= uint64_t{0xFF} << 8 * byte;
      for (size_t v = 0; v < n; ++v) {
        const uint64_t value = d < width ? uint64_t{vectors[v * width + d]} << shift : circle ? 0 : 1;
        eights_[v * stride_ + d / 8] |= value << 8 * byte;
      }
    }
    shift_ = shift;
  }

  DigitVectors view() const { return {eights_.data(), n_, stride_, mask_, last_mask_}; }
  int shift() const { return shift_; }

 private:
  size_t n_, stride_;
  std::vector<uint64_t> eights_;
  uint64_t mask_ = 0, last_mask_ = 0;
  int shift_ = 0;
};

// out[v * n + i] compares vector v with the atom of key i: the sum of distances around the circle, or how many digits
// are equal.
inline void compare_with_atoms(uint64_t seed, std::span<const uint64_t> hashes, size_t width, std::uint32_t modulus,
                               bool circle, const std::uint16_t* vectors, size_t n_vectors, std::int64_t* out,
                               size_t threads) {
  constexpr size_t kBatch = 256;
  const size_t n = hashes.size();
  const EightsOfDigits eights(vectors, n_vectors, width, modulus, circle);
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  if (n * width < size_t{1} << 18) threads = 1;
  parallel_for(n, kBatch, threads, [&](size_t begin, size_t end) {
    uint64_t starts[kBatch];
    for (size_t first = begin; first < end; first += kBatch) {
      const size_t count = std::min(kBatch, end - first);
      kernels().stream_starts(hashes.data() + first, count, word_of_seed, starts);
      kernels().score_digits(starts, count, circle, eights.view(), out + first, n);
      if (!circle) continue;
      for (size_t v = 0; v < n_vectors; ++v)
        for (size_t i = first; i < first + count; ++i) out[v * n + i] >>= eights.shift();
    }
  });
}

// Calls body(first, count, digits) for pieces of the atom of a key.
class DigitPieces {
 public:
  static constexpr size_t kPiece = 512;  // they, their words and their counts stay in the first cache

  explicit DigitPieces(std::uint32_t modulus)
      : modulus_(modulus), words_(kPiece / 2 + kPadWords), digits_(2 * words_.size()) {}

  const std::uint16_t* make(uint64_t seed, uint64_t hash, size_t first, size_t count) {
    const uint64_t here = stream_start(seed_word(seed, Purpose::kAtom), hash) + first / 2 * kGamma;
    const size_t n_words = (count + 1) / 2;
    kernels().atom_rows(&here, 1, n_words, ~uint64_t{0}, words_.data(), n_words);
    kernels().digit_numbers(words_.data(), n_words, modulus_, digits_.data());
    return digits_.data();
  }

 private:
  std::uint32_t modulus_;
  std::vector<uint64_t> words_;
  std::vector<std::uint16_t> digits_;
};

// Bundles come by seeds: as many of the first one, then as many of the second.
struct DigitBundles {
  std::span<const uint64_t> seeds;
  std::span<const uint64_t> hashes;
  std::span<const std::int64_t> edges;  // bundle b is of the keys edges[b] to edges[b + 1] - 1
  size_t width;
  std::uint32_t modulus;
  const std::uint16_t* offsets;  // which break ties, a row a seed

  size_t n() const { return edges.size() - 1; }
  size_t seed_of(size_t b) const { return b / (n() / seeds.size()); }
  std::span<const uint64_t> keys_of(size_t b) const {
    return hashes.subspan(static_cast<size_t>(edges[b]), static_cast<size_t>(edges[b + 1] - edges[b]));
  }
};

// Row b of `out` is the most frequent digit of each entry; bundles are of fewer than 2^16 keys.
inline void most_frequent_digits(DigitBundles bundles, std::uint16_t* out, size_t threads) {
  constexpr size_t kPiece = DigitPieces::kPiece;
  parallel_for(bundles.n(), 1, threads, [&](size_t begin, size_t end) {
    DigitPieces pieces(bundles.modulus);
    std::vector<std::uint16_t> counts(bundles.modulus * kPiece);
    std::vector<std::uint32_t> best(kPiece);
    for (size_t b = begin; b < end; ++b) {
      const uint64_t seed = bundles.seeds[bundles.seed_of(b)];
      const std::uint16_t* const offsets = bundles.offsets + bundles.seed_of(b) * bundles.width;
      for (size_t first = 0; first < bundles.width; first += kPiece) {
        const size_t count = std::min(kPiece, bundles.width - first);
        std::fill(counts.begin(), counts.end(), std::uint16_t{0});
        for (const uint64_t hash : bundles.keys_of(b))
          kernels().count_digits(pieces.make(seed, hash, first, count), count, bundles.modulus, counts.data(), kPiece);
        kernels().choose_digits(counts.data(), kPiece, count, bundles.modulus, offsets + first, best.data(),
                                out + b * bundles.width + first);
      }
    }
  });
}

struct Direction {
  double x, y;
};

// The angle of a direction in steps around the circle, to 10^-4 radians.
inline double rough_place(Direction sum, double steps_per_radian) {
  const double x = std::abs(sum.x), y = std::abs(sum.y), larger = std::max(x, y);
  if (!(larger > 0)) return 0;
  const double t = std::min(x, y) / larger, z = t * t;
  // Abramowitz and Stegun 4.4.49, off by 10^-5 at most.
  double angle = t * (0.9998660 + z * (-0.3302995 + z * (0.1801410 + z * (-0.0851330 + z * 0.0208351))));
  if (y > x) angle = std::numbers::pi / 2 - angle;
  if (sum.x < 0) angle = std::numbers::pi - angle;
  return (sum.y < 0 ? -angle : angle) * steps_per_radian;
}

// The number of steps nearest to the direction of a sum of n directions, and the offset where there is none. Of two
// equally near ones that with an even number of steps from 0, the shorter way round.
inline std::uint16_t nearest_step(Direction sum, size_t n, std::uint32_t modulus, std::uint16_t offset) {
  const double steps_per_radian = modulus / (2 * std::numbers::pi);
  double place = rough_place(sum, steps_per_radian);
  if (std::abs(place - std::floor(place) - 0.5) < 1e-4 * steps_per_radian + 1e-3) {
    place = std::atan2(sum.y, sum.x) * steps_per_radian;
    // Halfway is where it is but for rounding errors of sums.
    const double halves = std::nearbyint(2 * place);
    if (std::abs(2 * place - halves) < 1e-6) place = halves / 2;
    // Half around, of which a rounding error chose the side.
    if (2 * place == -static_cast<double>(modulus)) place = -place;
  }
  // What cancels is left with rounding errors far below a single direction's length.
  const double least = 1e-9 * static_cast<double>(n);
  if (!(sum.x * sum.x + sum.y * sum.y > least * least)) return offset;
  const auto nearest = static_cast<std::int64_t>(std::nearbyint(place));
  return static_cast<std::uint16_t>(nearest < 0 ? nearest + modulus : nearest == modulus ? 0 : nearest);
}

// Row b of `out` has the steps nearest to the sums of the keys' directions; directions[v] is that of digit v.
inline void nearest_digits(DigitBundles bundles, const Direction* directions, std::uint16_t* out, size_t threads) {
  constexpr size_t kPiece = DigitPieces::kPiece;
  parallel_for(bundles.n(), 1, threads, [&](size_t begin, size_t end) {
    DigitPieces pieces(bundles.modulus);
    std::vector<Direction> sums(kPiece);
    for (size_t b = begin; b < end; ++b) {
      const auto keys = bundles.keys_of(b);
      const uint64_t seed = bundles.seeds[bundles.seed_of(b)];
      const std::uint16_t* const offsets = bundles.offsets + bundles.seed_of(b) * bundles.width;
      for (size_t first = 0; first < bundles.width; first += kPiece) {
        const size_t count = std::min(kPiece, bundles.width - first);
        std::fill(sums.begin(), sums.end(), Direction{0, 0});
        for (const uint64_t hash : keys) {
          const std::uint16_t* const digits = pieces.make(seed, hash, first, count);
          for (size_t i = 0; i < count; ++i) {
            sums[i].x += directions[digits[i]].x;
            sums[i].y += directions[digits[i]].y;
          }
        }
        for (size_t i = 0; i < count; ++i)
          out[b * bundles.width + first + i] = nearest_step(sums[i], keys.size(), bundles.modulus, offsets[first + i]);
      }
    }
  });
}

}  // namespace hypersketch
