# SPDX-License-Identifier: Apache-2.0
"""What the other keys add to one cell of a row of hashed counters: the law behind every count sketch.

Each key falls into the cell with chance 1/w, on its own, and adds its count with or without a random sign.
The law of the sum is the inverse transform of the product of the keys' transforms, on a lattice. Totals up
to `_EXACT` are counted in steps of one, exactly. Larger ones are counted in steps of a few thousandths of
the sum's usual size, and collisions are Poisson: within 1.5 percent from w = 64 on, 3 at w = 16. Keys
that are larger than that lattice put the sum out of it whenever they collide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import counts as checked

Array = NDArray[np.float64]

_EXACT = 1 << 15  # largest total that is counted in steps of one
_POINTS = 1 << 13  # lattice points of larger totals
_USUAL = 256  # steps that the usual size of a larger sum has
_KEPT = 0.75  # counts up to this part of the lattice are on it: the rest of the sum needs room
_NODES = 6  # own counts, from each end, at which the error is computed; 1e-5 of it is lost between them
_OUTER = 400  # points beyond the lattice


class Row:
    """One cell of a row of w counters.

    Parameters
    ----------
    width : int
        Cells w of the row, at least 3.
    counts : array of shape (v,)
        Different counts, ascending, above 0.
    numbers : array of shape (v,)
        Keys that have each.
    signed : bool
        Whether keys come with random signs.
    """

    def __init__(self, width: int, counts: Array, numbers: Array, signed: bool) -> None:
        self._width, self._counts, self._numbers, self._signed = width, counts, numbers, signed
        total = float(counts @ numbers)
        self.exact = total <= _EXACT
        if self.exact:
            self.step, reach = 1.0, int(total) + 2
            self._size = 1 << (2 * reach if signed else reach).bit_length()
        else:
            self.step, self._size = self._usual() / _USUAL, _POINTS
        self._edge = self.step * self._size / (2 if signed else 1)
        self._inside = np.full(counts.size, True) if self.exact else counts < self._edge * _KEPT
        angle = 2.0 * np.pi * np.arange(self._size) / self._size
        #: Transform of a sum of one step, less 1, at all frequencies.
        self._unit: NDArray[Any] = (np.cos(angle) if signed else np.exp(-1j * angle)) - 1.0
        self._transform = self._product()

    def _usual(self) -> float:
        """Return the size that the sum usually has: what the keys make of it that are not much larger."""
        mass = np.cumsum(self._counts * self._numbers) / self._width
        spread = np.sqrt(np.cumsum(self._counts**2 * self._numbers) / self._width)
        usual = spread if self._signed else mass + spread
        # Keys of up to twice the usual size, where the sum of their collisions balances.
        return float(usual[max(0, int(np.searchsorted(self._counts > 2.0 * usual, True)) - 1)])

    def _factor(self, steps: int) -> NDArray[Any]:
        """Return the logarithm of the transform of one key's part in the cell."""
        index = (np.arange(self._size // 2 + 1) * steps) % self._size
        return np.asarray(np.log1p(self._unit[index] / self._width))

    def _product(self) -> NDArray[Any]:
        """Return the logarithm of the transform of all keys inside the lattice."""
        counts, numbers = self._counts[self._inside] / self.step, self._numbers[self._inside]
        if self.exact:
            return np.asarray(
                sum(n * self._factor(int(c)) for c, n in zip(counts, numbers, strict=True))
                + np.zeros(self._size // 2 + 1)
            )
        # Each count is shared between its two neighbours on the lattice: its mean is kept. Many small
        # chances are Poisson: log(1 + t/w) is t/w.
        low = np.floor(counts).astype(np.int64)
        many = np.bincount(low, numbers * (1.0 + low - counts), self._size)
        many += np.bincount(low + 1, numbers * (counts - low), self._size)
        transform = np.fft.rfft(many)
        return np.asarray((transform.real if self._signed else transform) - many.sum()) / self._width

    def tail(self, own: float = 0.0, times: int = 1) -> tuple[Array, Array]:
        """Return places x > 0 and P(sum >= x), without one of the given counts (0: with all), taken often."""
        transform = self._transform
        if own and self.exact:
            transform = transform - times * self._factor(int(own))
        law: Array = np.maximum(np.fft.irfft(np.exp(transform), self._size), 0.0)
        half = self._size // 2 if self._signed else self._size
        above = np.asarray(np.cumsum(law[1:half][::-1])[::-1], dtype=np.float64)
        inside = self.step * np.arange(1, half, dtype=np.float64)
        if self.exact:
            return inside, above
        share = 0.5 if self._signed else 1.0
        outer = np.geomspace(self._edge, max(2.0 * self._edge, float(self._counts[-1]) * 1.5), _OUTER)
        above = above + (share - above) * self._collides(np.zeros(1))  # a key beyond the lattice collides
        return np.append(inside, outer), np.append(above, share * self._collides(outer))

    def _collides(self, least: Array) -> Array:
        """Return the chance that a key beyond the lattice, of at least some counts, falls into the cell."""
        more = np.cumsum(self._numbers[::-1])[::-1]
        first = np.searchsorted(self._counts, np.maximum(least, self._edge * _KEPT))
        keys = np.append(more, 0.0)[first]
        return np.asarray(-np.expm1(keys * np.log1p(-1.0 / self._width)))


def moments(x: Array, above: Array) -> Array:
    """Return E[max(X, 0)] and E[max(X, 0)^2] from places x > 0 and P(X >= x)."""
    before = np.append(0.0, x[:-1])
    return np.array([np.sum(above * (x**power - before**power)) for power in (1, 2)])


def mean_over_keys(
    row: Row, counts: Array, numbers: Array, least: Callable[[Array], Array], times: int = 1
) -> Array:
    """Return both moments of a key's error, averaged over all keys.

    `least` makes P(error >= x) of the P(sum >= x) that the other keys leave in one cell. A key is thrown at
    the row as often as `times` says.
    """

    def one(own: float = 0.0) -> Array:
        x, above = row.tail(own, times)
        return moments(x, least(above))

    if not row.exact:  # one key of so many changes nothing
        return one()
    chosen = np.unique(np.geomspace(1, counts.size, _NODES).round().astype(np.int64)) - 1
    chosen = np.unique(np.append(chosen, counts.size - 1 - chosen))
    values = np.array([one(own) for own in counts[chosen]])
    means = [np.interp(counts, counts[chosen], value) @ numbers / numbers.sum() for value in values.T]
    return np.array(means)


def distinct_counts(owner: str, values: ArrayLike, numbers: ArrayLike | None) -> tuple[Array, Array]:
    """Return the different counts in ascending order and how many keys have each."""
    found = checked(owner, "counts", values, 0).ravel()
    many = np.ones(found.size) if numbers is None else checked(owner, "numbers", numbers, 0).ravel()
    if found.size != many.size or not found.size:
        raise ValueError(
            f"The counts of {owner} must be one or more, each with its number. Got {found.size} counts and "
            f"{many.size} numbers instead."
        )
    different, place = np.unique(found, return_inverse=True)
    keys = np.bincount(place, many).astype(np.float64)
    return different[different > 0], keys[different > 0]


def median_at_least(depth: int, above: Array) -> Array:
    """Return P(median of an odd number of independent values >= x) from P(value >= x)."""
    most = sum(
        math.comb(depth, j) * above**j * (1.0 - above) ** (depth - j)
        for j in range(depth // 2 + 1, depth + 1)
    )
    return np.asarray(most)


def place_of(row: Row, chance: float, least: Callable[[Array], Array]) -> float:
    """Return the first place x at which P(error >= x) is at most a chance, for a key that never occurred."""
    x, above = row.tail()
    return float(np.append(x, x[-1] + row.step)[int(np.argmax(np.append(least(above), 0.0) <= chance))])
