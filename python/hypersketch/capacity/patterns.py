# SPDX-License-Identifier: Apache-2.0
"""Random packed patterns of the experiments with memories of patterns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories import _bipolar

Words = NDArray[np.uint64]


def random_patterns(rng: np.random.Generator, n: int, n_units: int) -> Words:
    """Return n random packed patterns.

    Examples
    --------
    >>> random_patterns(np.random.default_rng(0), 5, 100).shape
    (5, 2)
    """
    words = rng.integers(0, 2**64, (n, -(-n_units // 64)), dtype=np.uint64)
    words[:, -1] &= np.uint64(2 ** ((n_units - 1) % 64 + 1) - 1)
    return words


def turned(rng: np.random.Generator, patterns: Words, n_units: int, n_flipped: int) -> Words:
    """Return the patterns with so many random units of each turned.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> patterns = random_patterns(rng, 5, 100)
    >>> wrong_units(turned(rng, patterns, 100, 7), patterns, 100).tolist()
    [7, 7, 7, 7, 7]
    """
    flips = np.zeros((len(patterns), n_units), np.uint8)
    flips[:, :n_flipped] = 1
    negative = rng.permuted(flips, axis=1)
    words, _ = _bipolar.packed_rows("turned", "patterns", 1 - 2 * negative.astype(np.int8), n_units)
    return patterns ^ words


def wrong_units(states: Words, patterns: Words, n_units: int) -> NDArray[np.int64]:
    """Return in how many units each state differs from its pattern.

    Examples
    --------
    >>> wrong_units(np.array([[5]], np.uint64), np.array([[3]], np.uint64), 3).tolist()
    [2]
    """
    return np.asarray((_bipolar.signs(states ^ patterns, n_units) < 0).sum(axis=1))


def per_trial(cell: Any) -> list[np.random.Generator]:
    """Return a generator for every trial of a cell."""
    return [np.random.default_rng([cell.seed, trial]) for trial in range(cell.trials)]
