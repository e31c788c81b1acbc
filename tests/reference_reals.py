# SPDX-License-Identifier: Apache-2.0
"""Products of real vectors from their definitions, and how far single precision may be from them.

Sums are taken term by term in double precision, in which products of two floats are exact. What is computed
in single precision is bounded step by step: a vector that is off by e comes out of a product off by the
product's largest gain times e, and by what the product itself rounds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rounding
from hypersketch.vsa import HRR, TVTB, VTB

Doubles = NDArray[np.float64]


def convolved(a: NDArray[Any], b: NDArray[Any], correlate: bool) -> Doubles:
    """The sum over j of a[j] b[d - j], or of a[j] b[j - d], indices modulo dim, in the order of j."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    total, places = np.zeros(x.size), np.arange(x.size)
    for j in range(x.size):
        total += x[j] * y[(j - places if correlate else places - j) % x.size]
    return total


def multiplied(a: NDArray[Any], b: NDArray[Any], turned: bool) -> Doubles:
    """The product of square matrices that lie row after row, the second turned or not, terms in order."""
    side = math.isqrt(a.size)
    x, y = (one.astype(np.float64).reshape(side, side) for one in (a, b))
    total = np.zeros((side, side))
    for k in range(side):
        total += np.outer(x[:, k], y[:, k] if turned else y[k])
    return total.reshape(-1)


def cosines(a: NDArray[Any], b: NDArray[Any]) -> Doubles:
    """Cosines of all rows of floats with all rows, of sums that are rounded once; 0 where a row is 0."""

    def inner(x: NDArray[Any], y: NDArray[Any]) -> float:
        return math.fsum(x.astype(np.float64) * y.astype(np.float64))

    made = np.zeros((len(a), len(b)))
    for i, j in np.ndindex(made.shape):
        size = math.sqrt(inner(a[i], a[i])) * math.sqrt(inner(b[j], b[j]))
        made[i, j] = inner(a[i], b[j]) / size if size else 0.0
    return made


def cosine_error(width: int, dtype: Any) -> float:
    """How far a cosine of so many numbers may be off.

    A sum of n products errs by n u of the sum of their magnitudes: that of the inner product is at most the
    product of the lengths, and those of the squares count half each. Root, product and quotient take 4 u.
    """
    return rounding.SECOND * (2 * width + 4) * rounding.unit(dtype)


class Bounded(NamedTuple):
    """A vector, and how far in the norm what single precision makes of it may be away."""

    vector: Doubles
    error: float

    def angle(self) -> float:
        """How far a cosine with it may be off for that."""
        return rounding.SECOND * self.error / float(np.linalg.norm(self.vector))


def combined(space: Any, a: Bounded, known: Doubles, undo: bool) -> Bounded:
    """What a space makes of a vector and an atom, by its definition."""
    if isinstance(space, HRR):
        made, (gain, own) = convolved(a.vector, known, undo), _of_convolution(known)
    elif isinstance(space, VTB):
        turned = undo == isinstance(space, TVTB)
        factor = math.sqrt(math.isqrt(space.dim))
        made, (gain, own) = factor * multiplied(a.vector, known, turned), _of_matrix(known)
    else:
        raise TypeError(type(space))
    return Bounded(made, gain * a.error + own * float(np.linalg.norm(a.vector)))


def _of_convolution(known: Doubles) -> tuple[float, float]:
    """Largest gain of a frequency, and the error of convolving a vector of length 1 by transforms.

    A pass of radix p is p sums of p products: its error is (p + 4) u times the norm p of a matrix of ones,
    and its own norm is sqrt(p), so that it adds (p + 4) sqrt(p) u in the norm. Both transforms and that back
    take all passes; an error of the known factor's may fall on one frequency. Products take 5 u.
    """
    u, spectrum = rounding.unit(np.float32), np.abs(np.fft.fft(known))
    passes = sum((p + 4) * math.sqrt(p) * u for p in _primes(known.size))
    gain = float(spectrum.max())
    return gain, passes * (2 * gain + float(np.linalg.norm(spectrum))) + 5 * u * gain


def _primes(n: int) -> list[int]:
    for p in range(2, n + 1):
        if n % p == 0:
            return [p, *_primes(n // p)]
    return []


def _of_matrix(known: Doubles) -> tuple[float, float]:
    """Largest gain of a matrix, and the error of a product with one of norm 1: d terms, scaled twice."""
    side = math.isqrt(known.size)
    factor, matrix = math.sqrt(side), known.reshape(side, side)
    own = (side + 3) * rounding.unit(np.float32) * factor * float(np.linalg.norm(matrix))
    return factor * float(np.linalg.norm(matrix, 2)), own


def kept(space: Any, atoms: NDArray[Any]) -> tuple[float, float]:
    """Cosine of the first atom with itself, bound with all others and unbound, and how far it may be off."""
    vector, *others = atoms.astype(np.float64)
    bound = Bounded(vector, 0.0)
    for other in others:
        bound = combined(space, bound, other, undo=False)
    for other in reversed(others):
        bound = combined(space, bound, other, undo=True)
    size = np.linalg.norm(bound.vector) * np.linalg.norm(vector)
    return float(bound.vector @ vector / size), bound.angle()
