# SPDX-License-Identifier: Apache-2.0
"""Resonator networks on packed vectors on a GPU: a block a probe, the CPU's answers, integer by integer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device_array import Passing
from hypersketch.vsa._resonance import Found, PackedEngine, hash_rows, no_answers

_SWEEP_WORDS = 1 << 36
"""Words compared between two looks at Ctrl-C, when no probe comes to its end: a second or less."""
_STATE_BYTES = 1 << 30
"""Of what probes know that are on their way at once."""


class Problems(NamedTuple):
    """Products on a GPU and their codebooks: spans, and sizes in host memory."""

    dim: int
    books: Any
    starts: Any
    """First estimates: of one set of codebooks for all probes, or of one for each."""
    sizes: NDArray[np.int64]
    probes: Any
    seeds: Any
    hashes: Any


def run(problems: Problems, numbers: tuple[Any, ...], budget: int, passing: Passing) -> Found:
    """Return what is found. `numbers` are those of a rule: see `PackedEngine.numbers`."""
    n, n_factors, dim = problems.hashes.n, len(problems.sizes), problems.dim
    n_words, largest = -(-dim // 64), int(problems.sizes.max())
    synchronous, noise, threshold, accept = numbers
    state = [
        passing.empty(n * (3 * n_factors + 1) * n_words, np.uint64),
        passing.empty(n * largest, np.int32),
        passing.empty(n * 3, np.int64),
    ]
    answers = [passing.empty(count, np.int64) for count in (n * n_factors, n, n, n)]
    resonance = _device.module().Resonance(
        *(problems.books, problems.starts, passing.span(problems.sizes), largest, problems.probes),
        *(problems.seeds, problems.hashes, dim, synchronous, noise, threshold, accept, budget),
        *(*state, *answers),
    )
    steps = max(1, min(budget, _SWEEP_WORDS // max(1, 32 * n * n_words * int(problems.sizes.sum()))))
    while resonance.resume(steps):
        pass
    found, products = no_answers(n, n_factors), np.empty(n, np.int64)
    targets = (found.codewords.reshape(-1), products, found.sweeps, found.periods)
    for span, target in zip(answers, targets, strict=True):
        span.to_host(target.view(np.uint8))
    return found._replace(similarities=products / dim)


def bytes_a_probe(dim: int, sizes: NDArray[np.int64]) -> int:
    """Return what a probe takes on the GPU besides codebooks."""
    return 8 * (3 * len(sizes) + 2) * -(-dim // 64) + 4 * int(sizes.max()) + 8 * (len(sizes) + 8)


class GpuPackedEngine(PackedEngine):
    """Resonance of packed vectors on a GPU, all probes by the same codebooks."""

    def __init__(self, space: Any, books: list[NDArray[np.uint64]], rule: Any, device: int) -> None:
        super().__init__(space, books, rule)
        self.device = device

    def run(self, probes: NDArray[np.uint64], budget: int, threads: int) -> Found:
        hashes = hash_rows(probes)
        step = max(1, _STATE_BYTES // bytes_a_probe(self.dim, self.sizes))
        parts = [slice(first, first + step) for first in range(0, len(probes), step)]
        found = [self._some(probes[part], hashes[part], budget) for part in parts]
        if not found:
            return no_answers(0, len(self.sizes))
        return Found(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def _some(self, probes: NDArray[np.uint64], hashes: NDArray[np.uint64], budget: int) -> Found:
        passing = Passing(self.device, _device.chosen_stream())
        seeds = np.full(len(probes), self.rule.seed, np.uint64)
        spans = [passing.span(one) for one in (self.rows, self.start, probes, seeds, hashes)]
        problems = Problems(self.dim, spans[0], spans[1], self.sizes, *spans[2:])
        return run(problems, self.numbers(), budget, passing)
