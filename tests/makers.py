# SPDX-License-Identifier: Apache-2.0
"""One small object of every structure, for the tests of what they all share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypersketch

MAKERS: dict[str, Callable[..., Any]] = {
    "BloomFilter": lambda seed=0: hypersketch.BloomFilter(n_bits=1000, n_hashes=5, seed=seed),
    "CountingBloomFilter": lambda seed=0: hypersketch.CountingBloomFilter(n_cells=1000, n_hashes=5, seed=seed),
    "Bundle of MapI": lambda seed=0: hypersketch.MapI(200, seed).bundle(),
    "Bundle of MapB": lambda seed=0: hypersketch.MapB(200, seed).bundle(),
    "HopfieldMembership": lambda seed=0: hypersketch.HopfieldMembership(70, seed),
}
"""Structures that keys can be added to."""


def packed(seed: int = 0) -> Any:
    return hypersketch.MapB(200, seed).bundle(range(31)).pack()


def filled(name: str, keys: Any = range(40), seed: int = 0) -> Any:
    """A structure of that name with some keys in it."""
    if name == "PackedBundle":
        return packed(seed)
    made = MAKERS[name](seed)
    made.add(keys)
    return made


ALL = [*MAKERS, "PackedBundle"]


def state(made: Any) -> Any:
    """The array that a structure keeps."""
    return made._state
