# SPDX-License-Identifier: Apache-2.0
"""An item memory from its definition: a dictionary, and a sort of all similarities. Slow, and of no C++."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from hypersketch import vsa


def bits(words: Any) -> int:
    return sum(int(word) << (64 * j) for j, word in enumerate(words))


def signs(space: Any, vector: Any) -> list[int]:
    """The entries of a vector of MAP: packed, or a sum."""
    if vector.dtype == np.int32:
        return vector.tolist()
    number = bits(vector)
    return [1 - 2 * (number >> d & 1) for d in range(space.dim)]


def cosine(space: Any, a: Any, b: Any) -> float:
    """Of float or complex vectors, or of spectra: sums are rounded once."""
    both = np.ones(len(a))
    if isinstance(space, vsa.HRR) and space.spectral:  # frequencies that stand for two count twice
        both = np.array([2.0] * len(a))
        both[[0, -1] if space.dim % 2 == 0 else [0]] = 1.0

    def inner(x: Any, y: Any) -> float:
        x, y = x.astype(np.complex128), y.astype(np.complex128)
        return math.fsum(np.concatenate([both * x.real * y.real, both * x.imag * y.imag]))

    size = math.sqrt(inner(a, a) * inner(b, b))
    return inner(a, b) / size if size else 0.0


def similarity(space: Any, a: Any, b: Any) -> float:
    """How alike two vectors are, from the definition of each space."""
    if isinstance(space, vsa.MapI | vsa.MapB):
        return sum(x * y for x, y in zip(signs(space, a), signs(space, b), strict=True)) / space.dim
    if isinstance(space, vsa.MapT):
        x, y = space.unpack(a).astype(int), space.unpack(b).astype(int)
        size = math.sqrt(sum(abs(x)) * sum(abs(y)))
        return int(sum(x * y)) / size if size else 0.0
    if isinstance(space, vsa.BSDC):
        x, y = bits(a), bits(b)
        size = math.sqrt(x.bit_count() * y.bit_count())
        return (x & y).bit_count() / size if size else 0.0
    if isinstance(space, vsa.CGR):
        return sum(int(x) == int(y) for x, y in zip(a, b, strict=True)) / len(a)
    if isinstance(space, vsa.MCR):
        r = space.modulus
        around = [min((int(x) - int(y)) % r, (int(y) - int(x)) % r) for x, y in zip(a, b, strict=True)]
        return 1 - 4 * sum(around) / (r * len(a))
    return cosine(space, a, b)


class ItemReference:
    """Keys and their vectors, in the order in which they came."""

    def __init__(self, space: Any) -> None:
        self.space, self.items = space, {}

    def add(self, keys: Iterable[Any], vectors: Any) -> None:
        self.items.update(zip(keys, vectors, strict=True))

    def remove(self, keys: Iterable[Any]) -> None:
        for key in set(keys):
            del self.items[key]

    def ranked(self, probe: Any) -> list[tuple[float, int, Any]]:
        """All similarities with their places and keys, the best first, of equal ones the first."""
        scores = [similarity(self.space, probe, vector) for vector in self.items.values()]
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        keys = list(self.items)
        return [(scores[i], i, keys[i]) for i in order]
