# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filters on a GPU, 4-bit counters, in its L2 cache and beyond: 8-byte keys there."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpu
import hypersketch
from gpu import Ceilings, Clock, Sizes
from harness import Row, rate_text, rates, row
from native import size_name
from suites._cuda_bloom import Quality, Rates, fill, quality

CELLS_PER_KEY, N_HASHES = 10, 7


def measured(repeats: int, clock: Clock, ours: Any, members: int, batch: int) -> tuple[Rates, Quality]:
    """Rates of every verb, and what the answers of the full filter to keys that are not in it are worth."""
    n = min(batch, members)
    keys = gpu.on_gpu(gpu.key(gpu.numbers(0, n)))

    def hold_keys() -> None:
        ours.clear()
        ours.add(keys)

    got = rates(
        repeats,
        {
            "add": clock.work(lambda: ours.add(keys), n, ours.clear),
            "remove": clock.work(lambda: ours.remove(keys), n, hold_keys),
            "test_and_add": clock.work(lambda: ours.test_and_add(keys), n, ours.clear),
        },
    )
    fill(ours, members)
    out = gpu.empty(n, np.bool_)
    for hits in (100, 0):
        probes = gpu.probes(n, members, hits)
        there = gpu.on_gpu(probes.keys)
        works = {f"contains {hits}": clock.work(lambda k=there: ours.contains(k, out=out), n)}
        if hits == 100:
            works["count"] = clock.work(lambda k=there: ours.count(k), n)
        got |= rates(repeats, works)
        worth = quality(ours, out, probes.known)
        if worth.lost:
            raise SystemExit(f"a counting filter {worth.lost}")
    return got, worth


def case_rows(
    repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes, size: int, place: str
) -> list[Row]:
    """Every row of one size; a key changes or reads counters at seven random places."""
    members = 2 * size // CELLS_PER_KEY
    ours = hypersketch.CountingBloomFilter(
        n_cells=2 * size, n_hashes=N_HASHES, counter_bits=4, device=f"cuda:{gpu.DEVICE}"
    )
    got, worth = measured(repeats, clock, ours, members, scale.batch)
    adds, reads = ceilings.at("add4", size), ceilings.at("read32", size)
    lines = [(name, name, adds) for name in ("add", "remove", "test_and_add")]
    lines += [("count", "count", reads)]
    lines += [(f"contains, {hits} % hits", f"contains {hits}", reads) for hits in (0, 100)]
    return [
        row(
            f"GPU counting Bloom {verb}, 4 bits, {size_name(size)} ({place}), keys/s",
            rate_text(got[name]),
            f"{N_HASHES} of {ceiling.text()}",
            got[name] * N_HASHES / ceiling.rate,
            None,
            worth.text,
            f"{4 * CELLS_PER_KEY} bits a key",
            limit=True,
        )
        for verb, name, ceiling in lines
    ]


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of counting Bloom filters."""
    cases = ((scale.cached, "L2"), (scale.large, "DRAM"))
    return [line for size, place in cases for line in case_rows(repeats, clock, ceilings, scale, size, place)]
