# SPDX-License-Identifier: Apache-2.0
"""Exact search on a GPU: packed vectors by Hamming distance, real ones by cosine, the ten best of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gpu
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, note, rate_text, rates, row
from hypersketch import _device_reals, _device_search
from hypersketch.vsa import nearest
from peers import Missing
from peers.torch_search import TorchSearch

DIM, K, REAL_DIM = 1024, 10, 384
OF_MEMORY, OF_BITS, OF_POPCOUNTS = 0.8, 0.4, 10.0
"""Bars: shares of the bandwidth and of the tensor cores' rate, and a multiple of the popcounts'."""

Words = NDArray[np.uint64]


class Packed:
    """Rows and queries on the GPU: rows with a seventh of the bits flipped."""

    def __init__(self, n: int, n_queries: int) -> None:
        rng = np.random.default_rng(0)
        self.rows = rng.integers(0, 2**64, (n, DIM // 64), dtype=np.uint64)
        noise = rng.integers(0, 2**64, (3, n_queries, DIM // 64), dtype=np.uint64)
        self.queries = self.rows[rng.integers(0, n, n_queries)] ^ (noise[0] & noise[1] & noise[2])
        self.there, self.asked = gpu.on_gpu(self.rows), gpu.on_gpu(self.queries)

    def search(self, n_queries: int, path: str = "best") -> tuple[Any, Any]:
        """Ask by one of the kernels."""
        asked, stored = (_device_search.rows_of("", "", one.view()) for one in (self.asked, self.there))
        found = _device_search.hamming("", asked.part(0, n_queries), stored, DIM, K, alike=False, path=path)
        return found[0].finished(), found[1].finished()

    def worth(self, n_queries: int) -> str:
        """Compare with the CPU's answers to some queries."""
        few = slice(0, n_queries, max(1, n_queries // 4))
        expected = nearest(self.queries[few], self.rows, DIM, K)
        found = self.search(n_queries)
        same = all(np.array_equal(np.asarray(a)[few], b) for a, b in zip(found, expected, strict=True))
        return "rows and distances equal to the CPU's" if same else "WRONG"


def packed_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Iterator[Row]:
    data = Packed(scale.items, max(scale.probes))
    works = {f"{n}": clock.work(lambda n=n: data.search(n), n) for n in scale.probes}
    many = scale.probes[2:]
    works |= {f"popcounts {many[0]}": clock.work(lambda: data.search(many[0], "popcount"), many[0])}
    try:
        peer = TorchSearch(data.rows, gpu.DEVICE)
    except (Missing, ImportError) as reason:
        yield note("GPU torch bf16 matmul and topk", str(reason))
    else:
        for n in many:
            asked = peer.queries(data.queries[:n])
            works[f"torch {n}"] = clock.work(lambda n=n, asked=asked: peer.nearest(asked, K), n)
    got = rates(repeats, works)
    size = f"{DIM // 8} a row"
    for n in scale.probes:
        what = f"GPU Hamming top {K} of {scale.items:,} rows of {DIM:,} bits, {n:,} probes, probes/s"
        rate, worth = got[f"{n}"], data.worth(n)
        if n not in many:
            limit = ceilings.any("copy")
            share = rate / n * scale.items * (DIM // 8) / (2 * limit.rate)
            yield row(what, rate_text(rate), f"{limit.text()}B", share, OF_MEMORY, worth, size, limit=True)
            continue
        limit = ceilings.any("bits")
        share = rate * scale.items * DIM / limit.rate
        yield row(what, rate_text(rate), limit.text(), share, OF_BITS, worth, size, limit=True)
        slow = got.get(f"popcounts {n}")
        if slow is not None:
            other = f"our popcounts: {rate_text(slow)}"
            yield row(what, rate_text(rate), other, rate / slow, OF_POPCOUNTS, worth, size)
        theirs = got.get(f"torch {n}")
        if theirs is not None:
            other = f"{peer.name}: {rate_text(theirs)}"
            yield row(what, rate_text(rate), other, rate / theirs, None, worth, f"{size}, theirs {2 * DIM}")


def real_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Iterator[Row]:
    rng, n = np.random.default_rng(1), max(20, scale.items // 10)
    rows = rng.standard_normal((n, REAL_DIM), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries = rng.standard_normal((max(scale.probes), REAL_DIM), np.float32)
    there, asked = gpu.on_gpu(rows), gpu.on_gpu(queries)
    rounded = _device_reals.RoundedRows(there.view(), None, True)

    def search(count: int) -> Any:
        seen = asked.view()._replace(shape=(count, REAL_DIM))
        return [one.finished() for one in rounded.search("", seen, there.view(), K)]

    works: dict[str, Work] = {
        f"{count}": clock.work(lambda count=count: search(count), count) for count in scale.probes
    }
    try:
        peer = TorchSearch(rows, gpu.DEVICE)
    except (Missing, ImportError) as reason:
        yield note("GPU torch bf16 matmul and topk", str(reason))
    else:
        for count in scale.probes:
            given = peer.queries(queries[:count])
            works[f"torch {count}"] = clock.work(
                lambda count=count, given=given: peer.nearest(given, K), count
            )
    got = rates(repeats, works)
    exact = np.argsort(-(queries[:1].astype(np.float64) @ rows.T.astype(np.float64)), kind="stable")[0, :K]
    worth = "exact, as float64 ranks" if np.array_equal(np.asarray(search(1)[0])[0], exact) else "WRONG"
    for count in scale.probes:
        what = f"GPU cosine top {K} of {n:,} float32 rows of {REAL_DIM}, {count:,} probes, probes/s"
        rate, limit = got[f"{count}"], ceilings.any("bfloats")
        share = rate * n * 2 * REAL_DIM / limit.rate
        size = f"{6 * REAL_DIM} a row"
        yield row(what, rate_text(rate), limit.text(), share, None, worth, size, limit=True)
        theirs = got.get(f"torch {count}")
        if theirs is not None:
            other = f"{peer.name} (not exact): {rate_text(theirs)}"
            yield row(what, rate_text(rate), other, rate / theirs, None, worth, size)


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of these."""
    return [
        *packed_rows(repeats, clock, ceilings, scale),
        *real_rows(repeats, clock, ceilings, scale),
    ]
