# SPDX-License-Identifier: Apache-2.0
"""Where a key's bits fall in a filter of blocks, and what follows from that alone.

Every layout here is eight lanes of S bits a block. A key picks a block, then a window (how many bits it
throws into each lane), then a uniform position for each throw. Split-block has one window, one throw a lane;
cache-line has eight, the rotations of k throws dealt lane by lane.
"""

from __future__ import annotations

import functools
import math
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._checks import count, refuse
from ._search import least_passing

LANES = 8
MOST_HASHES = 16
_FIXED_POINT = 256  # bits after the point: an answer of 2^-100 keeps more than a float's 53
_EXACT_LOADS = 512  # keys in a block from which the answer is so close to 1 that floats suffice
_FULL = 32_768  # keys in a block that leave no bit free, to the last digit of a float


@dataclass(frozen=True)
class Throws:
    """How one key's bits fall into the eight lanes of its block.

    Attributes
    ----------
    lane_bits : int
        Bits S of a lane.
    windows : tuple of tuple of int
        Throws into each lane, for every equally likely window; the first is the one of the asked key.
    """

    lane_bits: int
    windows: tuple[tuple[int, ...], ...]

    @property
    def block_bits(self) -> int:
        """Bits of a block."""
        return LANES * self.lane_bits

    def hit(self, throws: int) -> float:
        """Return the chance that some throws into a lane set a given bit of it."""
        return 1.0 - (1.0 - 1.0 / self.lane_bits) ** throws

    def hit_both(self, throws: int) -> float:
        """Return the chance that some throws into a lane set two given bits of it."""
        size = self.lane_bits
        return 1.0 - 2.0 * (1.0 - 1.0 / size) ** throws + (1.0 - 2.0 / size) ** throws

    def distinct_variance(self) -> float:
        """Return the variance of the number of bits that a key sets: throws into a lane may coincide."""
        same = 1.0 / self.lane_bits
        return sum(throws == 2 for throws in self.windows[0]) * same * (1.0 - same)


@functools.cache
def _throws(layout: str, n_hashes: int) -> Throws:
    if layout == "split-block":
        return Throws(32, ((1,) * LANES,))
    rows = (
        tuple((n_hashes + LANES - 1 - (lane - start) % LANES) // LANES for lane in range(LANES))
        for start in range(LANES)
    )
    return Throws(64, tuple(rows))


def throws_of(owner: str, layout: object, n_hashes: object) -> Throws:
    """Return how the keys of a layout throw their bits, refusing what no layout has."""
    if layout not in ("split-block", "cache-line"):
        refuse(owner, "layout", "'split-block' or 'cache-line'", layout)
    hashes = count(owner, "n_hashes", n_hashes)
    if layout == "split-block" and hashes != LANES:
        refuse(owner, "n_hashes", "8 for split-block", hashes)
    if hashes > MOST_HASHES:
        refuse(owner, "n_hashes", f"an integer in [1, {MOST_HASHES}]", hashes)
    return _throws(str(layout), hashes)


def loads(n: int, n_blocks: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return numbers of keys in a block and their binomial probabilities, for all but 1e-17 of the mass.

    Ratios of neighbours from the mode on: at 10^10 keys, differences of log-gammas have lost ten digits.
    """
    mean = n / n_blocks
    if n_blocks == 1 or n == 0:
        return np.array([float(n)]), np.ones(1)
    reach = 10.0 * math.sqrt(mean) + 40.0
    mode = min(n, int((n + 1) // n_blocks))
    up = np.arange(mode, min(n, math.ceil(mean + reach)), dtype=np.float64)
    down = np.arange(mode, max(0, math.floor(mean - reach)), -1.0)
    above = np.cumprod((n - up) / ((up + 1.0) * (n_blocks - 1.0)))
    below = np.cumprod(down * (n_blocks - 1.0) / (n - down + 1.0))
    chance = np.concatenate([below[::-1], [1.0], above])
    first = mode - below.size
    return np.arange(first, first + chance.size, dtype=np.float64), chance / chance.sum()


class BlockAnswer:
    """P(an absent key finds its bits set | i keys in its block), by inclusion and exclusion over lanes.

    For the asked key, a lane holds 0, 1 or 2 of its bits (2 of them coincide with chance 1/S); given that s
    of them must be free, a key with t throws into the lane leaves them so with chance (1 - s/S)^t. Summed
    over the states s of all lanes this is sum_j c_j rho_j^i. The terms cancel almost completely, so they are
    added up as integers; few rho are different.
    """

    def __init__(self, throws: Throws) -> None:
        rates, signs = _terms(throws)
        # All rates share a denominator: windows x S^throws.
        whole = len(throws.windows) * throws.lane_bits ** sum(throws.windows[0])
        unit = throws.lane_bits**LANES
        self._floats = np.array([rate / whole for rate in rates]), np.array([c / unit for c in signs])
        self._rates = np.array([(rate << _FIXED_POINT) // whole for rate in rates], dtype=object)
        self._powers = np.array([(c << _FIXED_POINT) // unit for c in signs], dtype=object)
        self._table: list[float] = []
        self._lock = threading.Lock()

    def __call__(self, held: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities for ascending numbers of keys in a block."""
        few = held[held < _EXACT_LOADS].astype(np.int64)
        if few.size:
            with self._lock:  # one table serves the filters of all threads
                self._extend(int(few[-1]) + 1)
        exact = np.array(self._table)[few] if few.size else np.zeros(0)
        rates, signs = self._floats
        return np.concatenate([exact, rates ** held[few.size :, np.newaxis] @ signs])

    def _extend(self, size: int) -> None:
        """Make the table of the exact probabilities hold 0, 1, ..., size - 1."""
        for _ in range(len(self._table), size):
            self._table.append(max(0.0, math.ldexp(float(sum(self._powers.tolist())), -_FIXED_POINT)))
            self._powers = self._powers * self._rates >> _FIXED_POINT


def _terms(throws: Throws) -> tuple[list[int], list[int]]:
    """Return the different rho_j times windows * S^throws, and their c_j times S^8, all integers."""
    size = throws.lane_bits
    # (bits that must be free, weight times S) for 0, 1 and 2 bits of the asked key in a lane
    states = (((0, size),), ((0, size), (1, -size)), ((0, size), (1, 1 - 2 * size), (2, size - 1)))
    asked = [states[own] for own in throws.windows[0]]
    sign, total = np.array([1], dtype=object), np.array([0], dtype=object)
    for lane in asked:
        sign = np.multiply.outer(sign, np.array([weight for _, weight in lane], dtype=object)).ravel()
    for window in throws.windows:
        rate = np.array([1], dtype=object)
        for lane, thrown in zip(asked, window, strict=True):
            free = np.array([(size - bits) ** thrown for bits, _ in lane], dtype=object)
            rate = np.multiply.outer(rate, free).ravel()
        total = total + rate
    merged: dict[int, int] = {}
    for rho, c in zip(np.asarray(total).tolist(), sign.tolist(), strict=True):
        merged[rho] = merged.get(rho, 0) + c
    return list(merged), list(merged.values())


_answer = functools.cache(BlockAnswer)


def block_fpr(throws: Throws, n_blocks: int, n: int) -> float:
    """Return the exact false-positive rate of n keys in a number of blocks."""
    held, chance = loads(n, n_blocks) if n < _FULL * n_blocks else (np.zeros(0), np.zeros(0))
    return min(1.0, float(chance @ _answer(throws)(held))) if held.size else 1.0


def least_blocks(throws: Throws, n: int, fpr: float, start: int) -> int:
    """Return the smallest number of blocks whose exact rate for n keys is at most fpr."""
    return least_passing(lambda n_blocks: block_fpr(throws, n_blocks, n) <= fpr, start=max(1, start))
