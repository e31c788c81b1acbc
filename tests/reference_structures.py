# SPDX-License-Identifier: Apache-2.0
"""Structures from their definitions, on plain entries: slow, and of other means than the package's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Entries = NDArray[Any]


def shifted(x: Entries, steps: int) -> Entries:
    dim = len(x)
    return np.array([x[(d - steps) % dim] for d in range(dim)])


def multiplied(x: Entries, unit: int, steps: int) -> Entries:
    """Entry d goes to unit**steps * d mod D."""
    dim = len(x)
    made = np.empty_like(x)
    for d in range(dim):
        made[d * unit**steps % dim] = x[d]
    return made


def bundle_sequence(items: Sequence[Entries]) -> Entries:
    return sum((shifted(item, place) for place, item in enumerate(items)), np.zeros(len(items[0]), int))


def bind_sequence(items: Sequence[Entries]) -> Entries:
    last = len(items) - 1
    return np.prod([shifted(item, last - place) for place, item in enumerate(items)], axis=0)


def ngrams(tokens: Sequence[Entries], n: int) -> Entries:
    grams = [bind_sequence(tokens[first : first + n]) for first in range(len(tokens) - n + 1)]
    return np.sum(grams, axis=0)


def record(keys: Sequence[Entries], values: Sequence[Entries]) -> Entries:
    return np.sum([key * value for key, value in zip(keys, values, strict=True)], axis=0)


def leaf(value: Entries, branches: Sequence[Entries]) -> Entries:
    depth = len(branches)
    factors = [shifted(branch, place) for place, branch in enumerate(branches)]
    return np.prod([shifted(value, depth), *factors], axis=0)


def edge(source: Entries, target: Entries, directed: bool) -> Entries:
    return source * shifted(target, 1) if directed else source * target


def transition(state: Entries, symbol: Entries, following: Entries) -> Entries:
    return symbol * shifted(state, 1) * shifted(following, 2)


def convolution(a: Entries, b: Entries) -> Entries:
    dim = len(a)
    return np.array([sum(a[j] * b[(i - j) % dim] for j in range(dim)) for i in range(dim)])
