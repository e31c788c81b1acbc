# SPDX-License-Identifier: Apache-2.0
"""A resonator network from its definition, on vectors of -1 and +1 in integers, one probe at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import reference

RESONATOR = 8  # the purpose of its random words
Signs = NDArray[np.int64]


class Result(NamedTuple):
    codewords: list[int]
    product: int
    sweeps: int
    period: int


@dataclass
class Rule:
    books: list[Signs]
    start: list[Signs]
    budget: int
    accept: int
    synchronous: bool = False
    noise: float = 0.0
    threshold: float = 0.0
    seed: int = 0


def noise(rule: Rule, probe_hash: int, drawn: int, n: int) -> Signs:
    """Set bits among 256 random ones, less 128, times an eighth of the deviation, rounded half up."""
    start = reference.stream_starts(rule.seed, RESONATOR, np.array([probe_hash], np.uint64))
    words = reference.random_words(start, drawn + 4 * n)[0, drawn:]
    ones = np.array([bin(int(word)).count("1") for word in words], np.int64).reshape(n, 4).sum(axis=1)
    deviation = rule.noise * np.sqrt(rule.books[0].shape[1])
    return ((ones - 128) * round(float(deviation) * 2**13) + 2**15) >> 16


def resonate(rule: Rule, probe: Signs, probe_hash: int) -> Result:
    state, drawn, trace = [one.copy() for one in rule.start], 0, [np.stack(rule.start)]
    dim = probe.size
    for sweep in range(1, rule.budget + 1):
        before, codewords = [one.copy() for one in state], []
        for f, book in enumerate(rule.books):
            rest = probe.copy()
            for g, other in enumerate(before if rule.synchronous else state):
                if g != f:
                    rest *= other
            weights = book @ rest
            codewords.append(int(np.abs(weights).argmax()))
            if rule.noise:
                weights = weights + noise(rule, probe_hash, drawn, len(book))
                drawn += 4 * len(book)
            weights[np.abs(weights) < rule.threshold * np.sqrt(dim)] = 0
            sums = weights @ book
            state[f] = np.where(sums == 0, state[f], np.sign(sums))
        product = int(
            probe @ np.prod([book[i] for book, i in zip(rule.books, codewords, strict=True)], axis=0)
        )
        trace.append(np.stack(state))
        period = 0 if rule.noise or abs(product) >= rule.accept else recurrence(trace)
        if abs(product) >= rule.accept or period or sweep == rule.budget:
            return Result(codewords, product, sweep, period)
    raise AssertionError("A budget is at least 1.")


def recurrence(trace: list[Signs]) -> int:
    """Return 1 when the last sweep changed nothing, else the way back to the state of sweep 0, 1, 3, 7 ..."""
    last = len(trace) - 1
    if (trace[last] == trace[last - 1]).all():
        return 1
    looked = max(2**i - 1 for i in range(last.bit_length() + 1) if 2**i - 1 < last)
    return last - looked if (trace[last] == trace[looked]).all() else 0
