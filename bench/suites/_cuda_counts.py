# SPDX-License-Identifier: Apache-2.0
"""Count sketches on a GPU, depth 5, int32 cells: under Zipf's law of several exponents, narrow and wide."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpu
import hypersketch
from data import power
from gpu import Ceilings, Clock, Sizes
from harness import Row, rate_text, rates, row

DEPTH = 5
EXPONENTS = (0.0, 1.1, 1.5)
ASKED = 5e9
"""Updates a second that were asked for where cells are in shared memory, at the exponent 1.1."""
SHARE = 0.6
_QUANTILES = 1 << 24


class Stream:
    """Keys under Zipf's law over some ranks, or all different where its exponent is 0; and their counts."""

    def __init__(self, exponent: float, scale: Sizes) -> None:
        n = scale.batch // 2
        if exponent == 0:
            self.keys, self.law = gpu.key(gpu.numbers(0, n)), "Zipf 0, all keys different"
            self.distinct, self.counts = self.keys[: 10**6], np.ones(min(n, 10**6))
            return
        weights = np.arange(1, scale.ranks + 1) ** -exponent
        below = np.cumsum(weights) / weights.sum()
        by_quantile = np.searchsorted(below, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
        ranks = by_quantile[gpu.mix(gpu.numbers(0, n)) >> np.uint64(40)]
        counts = np.bincount(ranks, minlength=scale.ranks)
        self.keys, self.law = gpu.key(ranks.astype(np.uint64)), f"Zipf {exponent:g}"
        self.distinct = gpu.key(np.flatnonzero(counts).astype(np.uint64))
        self.counts = counts[counts > 0]

    def mean_error(self, estimates: Any) -> float:
        """Mean absolute error over the distinct keys (10⁶ of them where all are)."""
        return float(np.abs(np.asarray(estimates).astype(np.float64) - self.counts).mean())


def case_rows(
    repeats: int, clock: Clock, ceilings: Ceilings, stream: Stream, width: int, exponent: float, narrow: bool
) -> list[Row]:
    ours = hypersketch.CountSketch(width, DEPTH, dtype="int32", device=f"cuda:{gpu.DEVICE}")
    keys, distinct = gpu.on_gpu(stream.keys), gpu.on_gpu(stream.distinct)
    works = {"add": clock.work(lambda: ours.add(keys), keys.size, ours.clear)}
    got = rates(repeats, works)
    ours.clear()
    ours.add(keys)
    got |= rates(repeats, {"estimate": clock.work(lambda: ours.estimate(keys), keys.size)})
    text = f"mean error {stream.mean_error(ours.estimate(distinct)):.3g}"
    at, size = f"width {power(2, width)}, {stream.law}, keys/s", f"{ours.nbytes:,}"
    adds, reads = (ceilings.at(name, ours.nbytes) for name in ("add4", "read32"))
    rate, asked = got["add"], rate_text(got["estimate"])
    results = []
    if narrow:
        bar = 1.0 if exponent == 1.1 else None
        goal = f"asked for at 1.1: {rate_text(ASKED)}"
        what = f"GPU count sketch update, {at}"
        results.append(
            row(what, rate_text(rate), goal, rate / ASKED, bar, text, size, headline=bar is not None)
        )
    for what, mine, ratio, ceiling, bar in (
        ("update", rate_text(rate), rate * DEPTH / adds.rate, adds, None if narrow else SHARE),
        ("estimate", asked, got["estimate"] * DEPTH / reads.rate, reads, None),
    ):
        limit = f"{DEPTH} of {ceiling.text()}"
        results.append(
            row(f"GPU count sketch {what}, {at}", mine, limit, ratio, bar, text, size, headline=bool(bar))
        )
    return results


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of count sketches."""
    results = []
    for exponent in EXPONENTS:
        stream = Stream(exponent, scale)
        for i, width in enumerate(scale.widths):
            results += case_rows(repeats, clock, ceilings, stream, width, exponent, narrow=i == 0)
    return results
