// SPDX-License-Identifier: Apache-2.0
// Counting set bits by carry-save adders: a count of n vectors is bit planes, plane p holding bit p of every count.
// Sixteen vectors pass through 15 full adders (two instructions each with AVX-512) before a plane above the fourth is
// touched. A source has get(i, offset): its i-th vector.

HYPERSKETCH_HD void full_add(Vec& carry, Vec& sum, Vec a, Vec b) {
  carry = majority3(sum, a, b);
  sum = xor3(sum, a, b);
}

// The lowest four planes, held in registers.
struct LowPlanes {
  Vec ones, twos, fours, eights;
};

// Four items into planes 0 and 1; returns the carry into plane 2.
template <class Source>
HYPERSKETCH_HD Vec add_four(const Source& source, size_t i, Vec offset, Vec& ones, Vec& twos) {
  Vec a, b, fours;
  full_add(a, ones, source.get(i, offset), source.get(i + 1, offset));
  full_add(b, ones, source.get(i + 2, offset), source.get(i + 3, offset));
  full_add(fours, twos, a, b);
  return fours;
}

// Sixteen items into planes 0 to 3; returns the carry into plane 4.
template <class Source>
HYPERSKETCH_HD Vec add_sixteen(const Source& source, size_t i, Vec offset, LowPlanes& low) {
  Vec a, b, sixteens;
  const Vec f0 = add_four(source, i, offset, low.ones, low.twos);
  const Vec f1 = add_four(source, i + 4, offset, low.ones, low.twos);
  full_add(a, low.fours, f0, f1);
  const Vec f2 = add_four(source, i + 8, offset, low.ones, low.twos);
  const Vec f3 = add_four(source, i + 12, offset, low.ones, low.twos);
  full_add(b, low.fours, f2, f3);
  full_add(sixteens, low.eights, a, b);
  return sixteens;
}
