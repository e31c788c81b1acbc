# SPDX-License-Identifier: Apache-2.0
"""Memories of binary patterns from their definitions, with loops over Python's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def locations_of(
    address: Sequence[int], locations: Sequence[Sequence[int]], radius: int | None, k: int | None
) -> list[int]:
    """Locations within a radius, or the k nearest, by distance and then by number."""
    distances = [sum(a != b for a, b in zip(address, one, strict=True)) for one in locations]
    ranked = sorted(range(len(locations)), key=lambda i: (distances[i], i))
    return ranked[:k] if radius is None else [i for i in ranked if distances[i] <= radius]


def written(
    counters: list[list[int]], here: Sequence[int], value: Sequence[int], weight: int, limit: int | None
) -> None:
    """Add a value of -1 and +1 to some rows of counters, in place."""
    for i in here:
        for d, sign in enumerate(value):
            total = counters[i][d] + weight * sign
            counters[i][d] = total if limit is None else max(-limit, min(limit, total))


def read(counters: list[list[int]], here: Sequence[int]) -> list[int]:
    """Sums over some rows of counters."""
    return [sum(counters[i][d] for i in here) for d in range(len(counters[0]))]


def willshaw_matrix(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], n_in: int, n_out: int
) -> list[list[bool]]:
    """A synapse is set if both units were active in a pair."""
    return [[any(i in a and j in b for a, b in pairs) for j in range(n_out)] for i in range(n_in)]


def willshaw_sums(matrix: list[list[bool]], query: Sequence[int]) -> list[int]:
    """How many of the query's units each output is connected with."""
    return [sum(matrix[i][j] for i in query) for j in range(len(matrix[0]))]


def winners(sums: Sequence[int], k: int) -> list[int]:
    """The k largest sums above 0, of equal ones the first."""
    ranked = sorted(range(len(sums)), key=lambda j: (-sums[j], j))[:k]
    return sorted(j for j in ranked if sums[j] > 0)


class Sparsey:
    """Weights as sets of pairs; codes as they come."""

    def __init__(self, n_inputs: int, n_modules: int, n_units: int) -> None:
        self.sizes = n_inputs, n_modules, n_units
        self.weights: set[tuple[int, int, int]] = set()
        self.contexts: set[tuple[int, int, int, int]] = set()

    def learn(self, item: Sequence[int], code: Sequence[int], before: Sequence[int] | None) -> None:
        """Connect the active inputs, and the winners before, with a code."""
        for q, unit in enumerate(code):
            self.weights |= {(i, q, unit) for i in item}
            if before is not None:
                self.contexts |= {(p, old, q, unit) for p, old in enumerate(before)}

    def support(self, item: Sequence[int] | None, before: Sequence[int] | None) -> list[list[float]]:
        """V of all units, a row a module."""
        _, n_modules, n_units = self.sizes
        made = [[1.0] * n_units for _ in range(n_modules)]
        for q in range(n_modules):
            for unit in range(n_units):
                if item is not None:
                    made[q][unit] *= sum((i, q, unit) in self.weights for i in item) / len(item)
                if before is not None:
                    from_before = sum((p, old, q, unit) in self.contexts for p, old in enumerate(before))
                    made[q][unit] *= from_before / n_modules
        return made

    def inputs(self, code: Sequence[int]) -> list[int]:
        """Inputs connected with all winners."""
        return [
            i
            for i in range(self.sizes[0])
            if all((i, q, unit) in self.weights for q, unit in enumerate(code))
        ]


def best(support: list[list[float]]) -> tuple[list[int], float]:
    """First unit of the largest support in each module, and the familiarity."""
    largest = [max(row) for row in support]
    code = [row.index(top) for row, top in zip(support, largest, strict=True)]
    return code, sum(largest) / len(largest)


def as_lists(rows: Any) -> list[list[int]]:
    """Rows of numbers as Python's."""
    return [list(map(int, row)) for row in rows]
