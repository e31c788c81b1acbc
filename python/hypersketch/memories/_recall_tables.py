# SPDX-License-Identifier: Apache-2.0
"""What a stored pattern weighs in an update, by its Hamming distance from the state.

The energy is E = -sum over patterns of F(o), o = N - 2 d the overlap with the pattern. A unit turns when that
lowers E. Its field, positive where it should stay, is the sum over patterns of weight * pattern * state +
offset with weight = F(o + 2) - F(o - 2) and offset = 2 F(o) - F(o - 2) - F(o + 2): where the pattern agrees
with the unit these add up to 2 (F(o) - F(o - 2)), where not to -2 (F(o + 2) - F(o)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core

_MOST_WEIGHED = 1 << 29
_MOST_OFFSET = 1 << 30
_EXACT = 1 << 53
_NONE = -(1 << 30)
"""Exponent of zero."""

Column = tuple[NDArray[np.float64], NDArray[np.int32]]


class RecallColumns(NamedTuple):
    """Numbers by Hamming distance, mantissas and exponents of two; the CPU and a GPU are given the same."""

    weights: NDArray[np.float64]
    weight_exponents: NDArray[np.int32]
    offsets: NDArray[np.float64]
    offset_exponents: NDArray[np.int32]
    energies: NDArray[np.float64]
    energy_exponents: NDArray[np.int32]
    whole_weights: NDArray[np.int32] | None
    """Weights and offsets as integers, where they are small enough."""
    whole_offsets: NDArray[np.int64] | None
    exact: bool
    """Whether all weights and offsets are integers."""

    def is_whole(self, n: int) -> bool:
        """Whether no sum over so many patterns leaves what the CPU's adders take."""
        return self.whole_offsets is not None and int(np.abs(self.whole_offsets).max()) * n <= _MOST_WEIGHED

    def compiled(self) -> _core.RecallTable:
        """Return the table of the CPU's loops."""
        return _core.RecallTable(*self)


def _scaled(numbers: Sequence[int]) -> Column:
    """Return integers of any size as float mantissas and exponents of two, to 2**-53 of each."""
    mantissas, exponents = np.zeros(len(numbers)), np.full(len(numbers), _NONE, np.int32)
    for i, number in enumerate(numbers):
        if number:
            shift = max(0, number.bit_length() - 200)
            sign = -1 if number < 0 else 1
            mantissa, exponent = math.frexp(sign * float(abs(number) >> shift))
            mantissas[i], exponents[i] = mantissa, exponent + shift
    return mantissas, exponents


def _plain(numbers: Sequence[int] | NDArray[np.int64]) -> Column:
    return np.array(numbers, np.float64), np.zeros(len(numbers), np.int32)


def overlaps(n_units: int) -> NDArray[np.int64]:
    """Return the overlap at every Hamming distance.

    Examples
    --------
    >>> overlaps(3).tolist()
    [3, 1, -1, -3]
    """
    return n_units - 2 * np.arange(n_units + 1, dtype=np.int64)


def hebb(n_units: int) -> RecallColumns:
    """Return the table of F(x) = x**2, Hopfield's network with zero diagonal, divided by 8."""
    here = overlaps(n_units)
    offsets = np.full(n_units + 1, -1, np.int64)
    columns = *_plain(here), *_plain(offsets), *_plain(here * here)
    return RecallColumns(*columns, here.astype(np.int32), offsets, True)


def power(n_units: int, degree: int, rectified: bool) -> RecallColumns:
    """Return the table of F(x) = x**degree, or 0 for negative x where it is rectified."""
    if degree == 2 and not rectified:
        return hebb(n_units)

    def value(x: int) -> int:
        return 0 if rectified and x < 0 else x**degree

    return _of_integers(n_units, value)


def _of_integers(n_units: int, value: Callable[[int], int]) -> RecallColumns:
    # F at N + 2, N, ..., -N, -N - 2
    values = [value(n_units + 2 - 2 * i) for i in range(n_units + 3)]
    triples = list(zip(values, values[1:], values[2:], strict=False))
    weights = [above - below for above, _, below in triples]
    offsets = [2 * here - above - below for above, here, below in triples]
    common = math.gcd(*weights, *offsets) or 1
    weights, offsets = [w // common for w in weights], [o // common for o in offsets]
    heaviest, largest = max(map(abs, weights)), max(map(abs, offsets))
    exact = max(heaviest, largest) < _EXACT
    column = _plain if exact else _scaled
    whole: tuple[NDArray[np.int32] | None, NDArray[np.int64] | None] = (None, None)
    if heaviest <= _MOST_WEIGHED and largest <= _MOST_OFFSET:
        whole = np.array(weights, np.int32), np.array(offsets, np.int64)
    return RecallColumns(*column(weights), *column(offsets), *_scaled(values[1:-1]), *whole, exact)


def exponential(n_units: int) -> RecallColumns:
    """Return the table of F(x) = exp(x), divided by 2 sinh(2): weights exp(o), offsets -tanh(1) exp(o)."""
    with localcontext() as context:
        context.prec = 60
        digits = 160
        per_unit = int(Decimal(2) ** digits / Decimal(2).ln())  # log2(e), in fixed point
    powers = [int(o) * per_unit for o in overlaps(n_units)]
    exponents = np.array([power >> digits for power in powers], np.int32)
    fractions = np.array([(power & ((1 << digits) - 1)) / (1 << digits) for power in powers])
    mantissas = np.exp2(fractions)
    values = mantissas, exponents
    return RecallColumns(*values, -math.tanh(1.0) * mantissas, exponents, *values, None, None, False)


def scaled_power(n_units: int, degree: int) -> tuple[float, int]:
    """Return N**degree as a float and an exponent of two.

    Examples
    --------
    >>> scaled_power(4, 3)
    (0.5, 7)
    """
    mantissas, exponents = _scaled([n_units**degree])
    return float(mantissas[0]), int(exponents[0])
