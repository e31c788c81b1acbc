# SPDX-License-Identifier: Apache-2.0
"""hash_keys against polars' Series.hash(), one thread."""

from __future__ import annotations

import numpy as np

import hypersketch
from harness import Row, medians, row
from peers import version_of
from peers.polars import Polars


def rows(repeats: int) -> list[Row]:
    """hash_keys against polars' Series.hash(), one thread."""
    polars = Polars()
    generator = np.random.default_rng(1)
    results = []
    cases = (
        ("uint64 array of 10⁵ (in cache)", generator.integers(0, 2**63, 10**5, dtype=np.uint64), 2.5),
        (
            "column of 10⁶ strings of 20 bytes",
            [f"{x:020d}" for x in generator.integers(0, 2**63, 10**6)],
            1.0,
        ),
        (
            "column of 10⁷ strings of 20 bytes",
            [f"{x:020d}" for x in generator.integers(0, 2**63, 10**7)],
            1.0,
        ),
    )
    for name, values, bar in cases:
        series = polars.series(values)
        keys = values if isinstance(values, np.ndarray) else series
        out = np.empty(len(series), np.uint64)
        fresh, ours, theirs = medians(
            max(repeats, 11),
            lambda keys=keys: hypersketch.hash_keys(keys, threads=1),
            lambda keys=keys, out=out: hypersketch.hash_keys(keys, out=out, threads=1),
            lambda series=series: series.hash(),
        )
        peer = f"polars {version_of('polars')}: {len(series) / theirs / 1e6:.0f}"
        for how, taken in (("fresh result", fresh), ("out=, as polars' allocator reuses", ours)):
            rate = f"{len(series) / taken / 1e6:.0f}"
            work = f"hash_keys, {name}, {how} (M keys/s)"
            results.append(row(work, rate, peer, theirs / taken, bar, "XXH64, exact", "8 a key"))
    return results
