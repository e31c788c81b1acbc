// SPDX-License-Identifier: Apache-2.0
// Vectors of integers below a modulus of at most 2^16: their atoms, and how far two of them are apart.
//
// Idea: a half word of 32 bits times the modulus, without the lower 32 bits, is a digit; two products of 16 bits make
// it without leaving the lane. Distances are taken in lanes of 16 bits and summed in lanes of 32. Bottleneck: the words
// of the atoms (two multiplies each); for distances, loads.

constexpr size_t kDigitBytes = sizeof(Vec) > 16 ? sizeof(Vec) : 16;
constexpr size_t kDigitLanes = kDigitBytes / sizeof(std::uint16_t);
typedef std::uint16_t Shorts __attribute__((vector_size(kDigitBytes)));
typedef std::uint16_t HalfShorts __attribute__((vector_size(kDigitBytes / 2)));
typedef std::uint32_t ShortPairs __attribute__((vector_size(kDigitBytes)));

// Two integers in [0, modulus) a word, the lower half's first.
void digit_numbers(const uint64_t* words, size_t n_words, std::uint32_t modulus, std::uint16_t* out) {
  for (size_t i = 0; i < n_words; i += kDigitBytes / sizeof(uint64_t)) {
    ShortPairs halves;
    std::memcpy(&halves, words + i, sizeof halves);
    const ShortPairs digits = ((halves >> 16) * modulus + ((halves & 0xFFFFU) * modulus >> 16)) >> 16;
    const HalfShorts narrow = __builtin_convertvector(digits, HalfShorts);
    std::memcpy(out + 2 * i, &narrow, sizeof narrow);
  }
}

HYPERSKETCH_HD Shorts lesser(Shorts a, Shorts b) {
  const Shorts less = reinterpret_cast<Shorts>(a < b);
  return (a & less) | (b & ~less);
}

std::int64_t digits_apart(const std::uint16_t* a, const std::uint16_t* b, size_t n, std::uint32_t modulus) {
  // In 16 bits a modulus of 2^16 is 0, and 0 - d what is meant; d = 0 is the smaller one in any case.
  const std::uint16_t round = static_cast<std::uint16_t>(modulus);
  ShortPairs even{}, odd{};  // sums of every second lane
  std::int64_t total = 0;
  size_t i = 0;
  for (size_t flush = 0; i + kDigitLanes <= n; i += kDigitLanes) {
    Shorts x, y;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    const Shorts less = reinterpret_cast<Shorts>(x < y);
    const Shorts apart = ((y - x) & less) | ((x - y) & ~less);
    const Shorts other = round - apart;
    const ShortPairs pairs = reinterpret_cast<ShortPairs>(lesser(apart, other));
    even += pairs & 0xFFFFU;
    odd += pairs >> 16;
    if (++flush == 65536) {  // of at most 2^15 each
      for (size_t lane = 0; lane < kDigitLanes / 2; ++lane) total += std::int64_t{even[lane]} + odd[lane];
      even = odd = ShortPairs{};
      flush = 0;
    }
  }
  for (size_t lane = 0; lane < kDigitLanes / 2; ++lane) total += std::int64_t{even[lane]} + odd[lane];
  for (; i < n; ++i) {
    const std::uint32_t apart = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
    total += apart < modulus - apart ? apart : modulus - apart;
  }
  return total;
}

// Flushed before a lane of 16 bits can be full.
size_t digits_equal(const std::uint16_t* a, const std::uint16_t* b, size_t n) {
  size_t total = 0, i = 0;
  while (i + kDigitLanes <= n) {
    Shorts counts{};
    for (size_t step = 0; step < 65535 && i + kDigitLanes <= n; ++step, i += kDigitLanes) {
      Shorts x, y;
      std::memcpy(&x, a + i, sizeof x);
      std::memcpy(&y, b + i, sizeof y);
      counts -= reinterpret_cast<Shorts>(x == y);
    }
    for (size_t lane = 0; lane < kDigitLanes; ++lane) total += counts[lane];
  }
  for (; i < n; ++i) total += a[i] == b[i];
  return total;
}
