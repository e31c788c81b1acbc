# SPDX-License-Identifier: Apache-2.0
"""Rinkus's code selection: one winner a module, drawn with the less noise the more familiar the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, theory

Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]


def familiarity(support: Doubles) -> Doubles:
    """Return G of supports of shape (..., n_modules, n_units): the mean of the modules' largest."""
    made: Doubles = support.max(axis=-1).mean(axis=-1)
    return made


def draws(seed: int, first: int, n_modules: int) -> Doubles:
    """Return numbers of [0, 1) with which the winners of the item of a number are drawn."""
    keys = np.arange(n_modules, dtype=np.uint64) + np.uint64((first * n_modules) % 2**64)
    hashes = np.empty(n_modules, np.uint64)
    _core.hash_u64(keys, seed, hashes, 1)
    made: Doubles = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return made


def chosen(support: Doubles, uniforms: Doubles, options: Mapping[str, float]) -> tuple[Codes, float]:
    """Return a winner for each module, by chances from the supports, and the familiarity."""
    known = float(familiarity(support))
    chances = theory.sparsey.relative_chances(support, known, support.shape[1], options)
    edges = np.cumsum(chances, axis=1)
    winners = (edges <= uniforms[:, None] * edges[:, -1:]).sum(axis=1)
    return np.minimum(winners, support.shape[1] - 1), known


def best(support: Doubles) -> Codes:
    """Return the unit of the largest support in each module, of equal ones the first."""
    made: Codes = support.argmax(axis=-1).astype(np.int64)
    return made
