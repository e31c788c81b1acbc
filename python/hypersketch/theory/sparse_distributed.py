# SPDX-License-Identifier: Apache-2.0
"""Kanerva's sparse distributed memory: how many locations answer, and how often a bit of it is wrong."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real
from ._search import least_passing
from .normal import tail

_LONGEST = 1 << 15  # noise is added up exactly on a lattice of up to so many points
_MOST = 1 << 50
_Doubles = NDArray[np.float64]


def activation(dim: int, radius: int) -> float:
    """Return the chance that a random location is within a radius of an address.

    Parameters
    ----------
    dim : int
        Bits of an address.
    radius : int
        Hamming distance, in [0, dim].

    Returns
    -------
    float
        P(Binomial(dim, 1/2) <= radius).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Kanerva, Sparse Distributed Memory (1988): radius 451 of 1,000 bits takes about a thousandth.

    Examples
    --------
    >>> round(activation(1000, 451), 6)
    0.001072
    """
    owner = "sparse_distributed.activation"
    n = count(owner, "dim", dim)
    r = int(real(owner, "radius", radius, 0, n))
    return float(min(1.0, _binomial(n, 0.5)[: r + 1].sum()))


def radius(dim: int, p: float) -> int:
    """Return the least radius that takes at least a share p of all random locations.

    Parameters
    ----------
    dim : int
        Bits of an address.
    p : float
        In (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> radius(1000, 0.001)
    451
    """
    owner = "sparse_distributed.radius"
    n, share = count(owner, "dim", dim), real(owner, "p", p, 0.0, 1.0, "()")
    return min(n, int(np.searchsorted(np.cumsum(_binomial(n, 0.5)), share * (1.0 - 1e-12))))


def best_activation(n_locations: int, n_items: int) -> float:
    """Return the activation p with the best signal to noise: (2 R T)^(-1/3).

    Parameters
    ----------
    n_locations : int
        R.
    n_items : int
        T.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Where the signal over the noise is largest for a random number of active locations, in the normal
    approximation (Kanerva 1993, in the form of Jaeckel). `bit_error` has its minimum at about three quarters
    of it, where hardly fewer bits are wrong.

    Examples
    --------
    >>> round(best_activation(1000, 200), 5)
    0.01357
    """
    owner = "sparse_distributed.best_activation"
    product = 2.0 * count(owner, "n_locations", n_locations) * count(owner, "n_items", n_items)
    return float(product ** (-1.0 / 3.0))


def overlap(dim: int, radius: int, distance: int) -> float:
    """Return the chance that a location near one address is near another, at a distance from the first.

    Parameters
    ----------
    dim : int
        Bits of an address.
    radius : int
        Hamming distance within which locations are near.
    distance : int
        Between the two addresses, in [0, dim].

    Returns
    -------
    float
        P(both near) / P(near).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Among the bits in which the addresses differ, u of the location's differ from the first and the others
    from the second; exact. Kanerva (1988), appendix B, has an approximation.

    Examples
    --------
    >>> overlap(1000, 451, 0), round(overlap(1000, 451, 100), 3), round(overlap(1000, 451, 500), 5)
    (1.0, 0.267, 0.00103)
    """
    owner = "sparse_distributed.overlap"
    n = count(owner, "dim", dim)
    r, d = (
        int(real(owner, name, value, 0, n)) for name, value in (("radius", radius), ("distance", distance))
    )
    differing = np.arange(d + 1)
    room = r - np.maximum(differing, d - differing)  # for bits in which the addresses are equal
    below = np.cumsum(_binomial(n - d, 0.5))
    both = _binomial(d, 0.5)[room >= 0] @ below[np.minimum(room[room >= 0], n - d)]
    return float(min(1.0, both / activation(n, r))) if d else 1.0


def bit_error(
    n_locations: int, n_items: int, p: float, *, nearest: bool = False, overlap: float = 1.0
) -> float:
    """Return the chance that a bit which is read is wrong.

    Parameters
    ----------
    n_locations : int
        R, random.
    n_items : int
        T random items with random addresses, at least 1.
    p : float
        Share of the locations that an address activates.
    nearest : bool, default False
        Whether always p R of them, the nearest ones; else each with chance p, all within a radius.
    overlap : float, default 1.0
        Share of a query's active locations that its item was written to: 1 for the item's own address.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Of a query's a active locations, each of T - 1 other items has been written to m, binomial (a, p) or, of a
    fixed number, hypergeometric, with a random sign each. The distribution of their sum is the Fourier
    transform's inverse of E[cos(t m)]^(T - 1), and the bit is wrong where that exceeds the item's own count;
    ties are even chances. For long sums the normal tail Q(a / sd), sd^2 = (T - 1)(a p (1 - p) + a^2 p^2),
    which is light where a p is small. Averaged over a.

    Examples
    --------
    >>> round(bit_error(1000, 200, 0.014, nearest=True), 4), round(bit_error(1000, 200, 0.014), 4)
    (0.0194, 0.024)
    """
    owner = "sparse_distributed.bit_error"
    locations, items = count(owner, "n_locations", n_locations), count(owner, "n_items", n_items)
    share = real(owner, "p", p, 0.0, 1.0)
    shared = real(owner, "overlap", overlap, 0.0, 1.0)
    if nearest:
        k = round(share * locations)
        return _error(k, _hypergeometric(locations, k), items, shared)
    chances = _binomial(locations, share)
    likely = np.flatnonzero(chances > 1e-12)
    # A smooth function of the number: some of many numbers are enough.
    step = max(1, len(likely) // 64)
    some = likely[::step]
    errors = [_error(int(a), _binomial(int(a), share), items, shared) for a in some]
    return float(chances[likely] @ np.interp(likely, some, errors))


def capacity(
    n_locations: int, p: float, error_rate: float, *, nearest: bool = False, overlap: float = 1.0
) -> int:
    """Return the most items of which `bit_error` stays at or below a rate; 0 if there are none.

    Parameters
    ----------
    n_locations, p, nearest, overlap
        As for `bit_error`.
    error_rate : float
        In (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> capacity(1000, 0.014, 0.01)
    140
    """
    limit = real("sparse_distributed.capacity", "error_rate", error_rate, 0.0, 1.0, "()")

    def fails(n: int) -> bool:
        return bit_error(n_locations, n, p, nearest=nearest, overlap=overlap) > limit

    found = least_passing(fails, 1, 0, _MOST)
    return _MOST if found is None else found - 1


def _error(a: int, counts: _Doubles, items: int, shared: float) -> float:
    """Chance of a wrong bit from a active locations, to which another item was written so many times."""
    if a == 0:
        return 0.5
    own = _binomial(a, shared)
    numbers = np.arange(len(counts))
    sd = math.sqrt((items - 1) * float(counts @ numbers**2))
    reach = 2 * a + 14 * sd + 4
    if reach > _LONGEST // 2:
        beyond = np.asarray(tail(np.arange(a + 1) / sd), float)
        return float(own @ beyond)
    size = 1 << math.ceil(math.log2(2 * reach))
    waves = np.fft.rfft(counts, size).real
    sums = np.fft.irfft(waves ** (items - 1), size)[: size // 2]
    beyond = np.cumsum(sums[::-1])[::-1]
    return float(np.clip(own @ (beyond[: a + 1] - 0.5 * sums[: a + 1]), 0.0, 1.0))


@lru_cache(maxsize=4096)
def _binomial(n: int, p: float) -> _Doubles:
    """Chances of 0 to n."""
    if n == 0 or p in (0.0, 1.0):
        made = np.zeros(n + 1)
        made[n if p == 1.0 else 0] = 1.0
        return made
    k = np.arange(1, n + 1, dtype=np.float64)
    return _from_logs(np.concatenate([[0.0], np.cumsum(np.log((n + 1 - k) / k * (p / (1 - p))))]))


@lru_cache(maxsize=64)
def _hypergeometric(n: int, k: int) -> _Doubles:
    """Chances of how many of k random ones of n are among k given ones, 0 to k."""
    least = max(0, 2 * k - n)
    m = np.arange(least + 1, k + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((k - m + 1) ** 2 / (m * (n - 2 * k + m))))])
    return np.concatenate([np.zeros(least), _from_logs(logs)])


def _from_logs(logs: _Doubles) -> _Doubles:
    weights = np.exp(logs - logs.max())
    made: _Doubles = weights / weights.sum()
    made.flags.writeable = False
    return made
