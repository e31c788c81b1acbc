# SPDX-License-Identifier: Apache-2.0
"""Memories of a fixed number of modes that take in what is alike and replace what is stale."""

from __future__ import annotations

import math

from ._checks import count, real
from ._search import least_passing
from .item_memory import cosine_tail

_MOST = 1 << 50


def error(dim: int, n: int, n_modes: int, cosine: float) -> float:
    """Return the share of n random keys that have no mode of their own any more.

    Parameters
    ----------
    dim : int
        Dimension d of the keys, random directions, at least 2.
    n : int
        Number of keys stored, at least 0.
    n_modes : int
        Number of modes M.
    cosine : float
        Cosine beyond which a key joins a mode.

    Returns
    -------
    float
        1 - min(1, M / n) (1 - p)^(min(n, M) - 1), p the chance that two random keys join.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    A key keeps its mode when it is alike to none of the others that are there with it, and when fewer than M
    new ones came after it. Up to M keys that is exact but for means of several keys; beyond, it counts keys
    that join as if they replaced a mode, too. Derived; simulated (d = 40, M = 150, cosine 0.5: .036, .197 and
    .531 against .042, .219 and .531 at n = 100, 180 and 300).

    Examples
    --------
    >>> round(error(32, 500, 500, 0.5), 2), round(error(64, 1000, 500, 0.5), 3)
    (0.53, 0.503)
    """
    owner = "consolidation.error"
    d, keys, modes = count(owner, "dim", dim, 2), count(owner, "n", n, 0), count(owner, "n_modes", n_modes)
    if not keys:
        return 0.0
    alike = float(cosine_tail(d, real(owner, "cosine", cosine)))
    alone = (1.0 - alike) ** (min(keys, modes) - 1)
    return 1.0 - min(1.0, modes / keys) * alone


def capacity(dim: int, n_modes: int, cosine: float, error_rate: float) -> int:
    """Return the most random keys of which `error` stays at or below a rate.

    Parameters
    ----------
    dim, n_modes, cosine
        As for `error`.
    error_rate : float
        In (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> capacity(64, 500, 0.5, 0.01), capacity(64, 500, 0.9, 0.01)
    (502, 505)
    """
    limit = real("consolidation.capacity", "error_rate", error_rate, 0.0, 1.0, "()")
    found = least_passing(lambda n: error(dim, n, n_modes, cosine) > limit, 1, 0, _MOST)
    return _MOST if found is None else found - 1


def cosine_of(similarity: str, threshold: float) -> float:
    """Return the cosine at which keys of length 1 have a similarity.

    Examples
    --------
    >>> cosine_of("euclidean", -0.5), cosine_of("dot", 0.7)
    (0.75, 0.7)
    """
    cosine = 1.0 + threshold / 2.0 if similarity == "euclidean" else threshold
    return math.copysign(min(2.0, abs(cosine)), cosine)
