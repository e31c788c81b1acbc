// SPDX-License-Identifier: Apache-2.0
// Sums of numbers whose signs are bits, and multiples of rows of integers.
//
// Idea: a bit moves to the sign of its number by one shift and one XOR, so a pattern of -1 and +1 is never unpacked.
// Every sum has kSumLanes lanes, added by halves, so all levels give the same bits. Bottleneck: two loads and an
// addition for a vector of numbers; the numbers of a few thousand patterns stay in the first two caches.

typedef double Doubles __attribute__((vector_size(kSingleBytes)));
typedef uint64_t DoubleBits __attribute__((vector_size(kSingleBytes)));
constexpr size_t kDoubleLanes = kSingleBytes / sizeof(double);
constexpr size_t kDoubleParts = kSumLanes / kDoubleLanes;

// Adds 64 numbers, negated where the bit of the word is set, to the lanes.
HYPERSKETCH_HD void add_signed(uint64_t word, const double* values, DoubleBits to_sign, Doubles (&sums)[kDoubleParts]) {
  for (size_t i = 0; i < kWordBits; i += kDoubleLanes) {
    DoubleBits signs;
    if constexpr (kDoubleLanes > 2)
      signs = (DoubleBits{} + word) << (to_sign - i);
    else  // without shifts of single lanes the same ones each time are cheaper
      signs = (DoubleBits{} + (word >> i)) << to_sign;
    signs &= DoubleBits{} + (uint64_t{1} << 63);
    DoubleBits numbers;
    std::memcpy(&numbers, values + i, sizeof numbers);
    sums[i / kDoubleLanes % kDoubleParts] += reinterpret_cast<Doubles>(numbers ^ signs);
  }
}

double signed_sum(const uint64_t* bits, const double* values, size_t n_words) {
  DoubleBits to_sign;
  for (size_t i = 0; i < kDoubleLanes; ++i) to_sign[i] = 63 - i;
  Doubles sums[kDoubleParts] = {};
  for (size_t j = 0; j < n_words; ++j) add_signed(bits[j], values + j * kWordBits, to_sign, sums);
  double lanes[kSumLanes];
  std::memcpy(lanes, sums, sizeof lanes);
  for (size_t half = kSumLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

void add_multiple(const std::int32_t* row, std::int32_t factor, size_t n, std::int32_t* to) {
  for (size_t i = 0; i < n; ++i) to[i] += factor * row[i];
}
