# SPDX-License-Identifier: Apache-2.0
"""hash_keys against polars' Series.hash(), one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

import hypersketch
from data import random_keys, strings
from harness import Row, Work, rate_text, rates, row
from native import Limits
from peers.polars import Polars


def works_of(keys: Any, series: Any, limits: Limits) -> dict[str, Work]:
    """Ours into a new and into a kept array, polars' hash, and copying as many 8-byte numbers."""
    n = len(series)
    out = np.empty(n, np.uint64)
    return {
        "fresh": Work(lambda: hypersketch.hash_keys(keys, threads=1), n),
        "kept": Work(lambda: hypersketch.hash_keys(keys, out=out, threads=1), n),
        "polars": Work(lambda: series.hash(), n),
        "copy": limits.work("stream-copy", 8 * n),
    }


def case_rows(repeats: int, limits: Limits, name: str, values: Any, bar: float) -> list[Row]:
    polars = Polars()
    series = polars.series(values)
    integers = isinstance(values, np.ndarray)
    got = rates(max(repeats, 11), works_of(values if integers else series, series, limits))
    what = f"hash_keys, {name}"
    rivals = [(polars.name, got["polars"], bar)]
    if integers:
        rivals.append(("copying them", got["copy"] / 8, None))
    results = []
    for way, how in (("fresh", "new result"), ("kept", "out=, as polars' allocator reuses")):
        for rival, rate, least in rivals if way == "kept" else rivals[:1]:
            mine, text = rate_text(got[way]), f"{rival}: {rate_text(rate)}"
            ratio, headline = got[way] / rate, way == "kept" and least is not None
            title = f"{what}, {how}, keys/s"
            results.append(row(title, mine, text, ratio, least, "XXH64, exact", "8 a key", headline=headline))
    return results


def rows(repeats: int) -> list[Row]:
    """Integers and columns of strings, in cache and beyond."""
    limits = Limits()
    results = []
    try:
        for name, values, bar in (
            ("uint64 array of 10⁵ (in cache)", random_keys(1, 10**5), 2.5),
            ("uint64 array of 10⁷", random_keys(1, 10**7), 2.5),
            ("column of 10⁶ strings of 20 B", strings(1, 10**6), 1.0),
            ("column of 10⁷ strings of 20 B", strings(1, 10**7), 1.0),
        ):
            results += case_rows(repeats, limits, name, values, bar)
    finally:
        limits.close()
    return results
