# SPDX-License-Identifier: Apache-2.0
"""Softmax retrieval on a GPU from bfloat16 patterns, beside torch's attention and the tensor cores' rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gpu
from gpu import Ceilings, Clock, Sizes
from harness import Row, note, rate_text, rates, row
from hypersketch import _device, cuda
from hypersketch.memories import ContinuousMemory
from hypersketch.memories._continuous_on_gpu import Bench, lengths_there, rule_of
from hypersketch.memories._separations import law_of
from peers import Missing
from peers.attention_gpu import TorchAttentionOnGpu

AGAINST_TORCH, TARGET = 1.8, 450e12
"""Bars: a multiple of torch's best attention, and operations a second."""

Floats = NDArray[np.float32]


class Case(NamedTuple):
    dim: int
    n: int
    queries: tuple[int, ...]
    dtype: Any = "bfloat16"
    precision: str = "bfloat16"
    few: bool = True
    """Whether memory is the limit, or the tensor cores."""
    separation: str = "softmax"


def cases(scale: Sizes) -> list[Case]:
    """Every store that is asked, with the numbers of queries."""
    full = scale is gpu.FULL
    n, many = (10**6, 16_896) if full else (130, 40)  # 132 processors times 128
    few = (1, 16, 64) if full else (1, 5)
    wide = n // 4
    return [
        Case(384, n, few),
        Case(384, n, few[:2], "float32", "float32"),
        Case(384, n, few[:2], "int8"),
        Case(384, n, few[:2], "float8"),
        Case(384, n, few[:2], "bfloat16", "float32", separation="sparsemax"),
        Case(128, n // 4, (many,), few=False),
        Case(64, n // 4, (many,), few=False),
        Case(256, n // 4, (many,), few=False),
        Case(512, wide, (many // 4,), few=False),
        Case(1024, wide, (many // 4,), few=False),
    ]


class Asked:
    """A memory on the GPU and queries there, so that a pass is its kernels alone."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(0)
        self.case, self.beta = case, 12.0
        self.patterns = rng.standard_normal((case.n, case.dim), np.float32)
        self.patterns /= np.linalg.norm(self.patterns, axis=1, keepdims=True)
        noise = rng.standard_normal((max(case.queries), case.dim), np.float32)
        chosen = self.patterns[rng.integers(case.n, size=len(noise))]
        self.queries: Floats = (chosen + 0.5 * noise / case.dim**0.5).astype(np.float32)
        device = f"cuda:{gpu.DEVICE}"
        how = {"beta": self.beta, "dtype": case.dtype, "separation": case.separation}
        self.memory = ContinuousMemory(case.dim, **how, device=device)
        self.memory.store(self.patterns)
        self.law = law_of(self.memory._values, case.n)
        self._there = gpu.on_gpu(self.queries)
        self._betas = gpu.on_gpu(self.law.scaled(np.full(len(self.queries), self.beta, np.float32)))
        self._states = cuda.DeviceArray.empty(self.queries.shape, np.float32, gpu.DEVICE)
        self._sums = cuda.DeviceArray.empty((len(self.queries), 3), np.float64, gpu.DEVICE)

    def retrieve(self, n: int) -> None:
        """Take one step from the first queries."""
        held, dim = self.memory._held, self.case.dim
        with Bench(gpu.DEVICE) as bench:
            stored = bench.stored(held.patterns, "dot", lengths_there(held))
            parts = ((self._there, n * dim), (self._betas, n), (self._states, n * dim), (self._sums, 3 * n))
            asked, betas, states, sums = (bench.take(a.view()._replace(shape=(size,))) for a, size in parts)
            _device.module().retrieve_states(
                stored, stored, asked, betas, rule_of(self.law), self.case.precision, states, sums
            )

    def worth(self, n: int) -> str:
        """Compare with double precision on the patterns as given."""
        self.retrieve(n)
        few = slice(0, min(n, 3))
        scores = self.beta * (self.queries[few].astype(np.float64) @ self.patterns.T.astype(np.float64))
        weights = sparsemax(scores) if self.case.separation == "sparsemax" else softmax(scores)
        exact = weights @ self.patterns.astype(np.float64)
        return f"off by {np.abs(np.asarray(self._states)[few] - exact).max():.0e} of 1"


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by the definition."""
    weights: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def sparsemax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by the definition: what is beyond a threshold, so that they sum up to 1."""
    falling = -np.sort(-scores, axis=1)
    thresholds = (falling.cumsum(axis=1) - 1) / np.arange(1, scores.shape[1] + 1)
    n_beyond = (falling > thresholds).sum(axis=1)
    return np.maximum(scores - thresholds[np.arange(len(scores)), n_beyond - 1, None], 0.0)


def case_rows(case: Case, repeats: int, clock: Clock, ceilings: Ceilings) -> Iterator[Row]:
    """Ours against the limit, and against torch where it has the same patterns."""
    asked = Asked(case)
    works = {f"{n}": clock.work(lambda n=n: asked.retrieve(n), n) for n in case.queries}
    names: dict[int, str] = {}
    if case.precision == "bfloat16" and case.dtype == "bfloat16":
        try:
            peer = TorchAttentionOnGpu(asked.patterns, asked.beta, gpu.DEVICE)
            for n in case.queries:
                given = peer.queries(asked.queries[:n])
                names[n] = f"{peer.name}, {peer.best(given)}"
                works[f"torch {n}"] = clock.work(lambda given=given: peer.retrieve(given), n)
            if not case.few:
                run, operations = peer.product()
                works["product"] = clock.work(run, operations)
        except (Missing, ImportError) as reason:
            yield note(f"GPU torch attention, {case.dim} numbers", str(reason))
    got = rates(repeats, works)
    size = asked.memory.nbytes // case.n
    for n in case.queries:
        shape = f"{case.n:,} {case.dtype} patterns of {case.dim}, {n:,} queries"
        what, rate = f"GPU {case.separation} retrieval, {shape}, queries/s", got[f"{n}"]
        worth, bytes_text = asked.worth(n), f"{size:,} a pattern"
        done = rate * 4 * case.n * case.dim
        if case.few:
            limit = ceilings.any("copy")
            share = rate / n * asked.memory.nbytes / (2 * limit.rate)
            yield row(what, rate_text(rate), f"{limit.text()}B", share, None, worth, bytes_text, limit=True)
        else:
            limit = ceilings.any("bfloats")
            other = f"mma.sync: {limit.text()}"
            yield row(what, rate_text(rate), other, done / limit.rate, None, worth, bytes_text, limit=True)
            bar = 1.0 if case.dim == 128 else None
            other = f"{rate_text(TARGET)} operations asked for"
            yield row(what, f"{rate_text(done)} operations", other, done / TARGET, bar, worth, bytes_text)
        if f"torch {n}" in got:
            bar = AGAINST_TORCH if case.few else None
            other = f"{names[n]}: {rate_text(got[f'torch {n}'])}"
            ratio = rate / got[f"torch {n}"]
            yield row(what, rate_text(rate), other, ratio, bar, worth, bytes_text)
        if "product" in got:
            other = f"torch bf16 product: {rate_text(got['product'])}"
            yield row(what, rate_text(done), other, done / got["product"], None, worth, bytes_text)


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of these."""
    return [one for case in cases(scale) for one in case_rows(case, repeats, clock, ceilings)]
