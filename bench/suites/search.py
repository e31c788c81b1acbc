# SPDX-License-Identifier: Apache-2.0
"""Exact Hamming search: the ten nearest of 100,000 packed rows for 1,000 queries, one thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from hypersketch.vsa import nearest
from native import Limits
from peers import Missing
from peers.faiss import Faiss
from peers.numkong import Numkong
from peers.numpy_search import NumpySearch
from peers.usearch import Usearch

N_ROWS, N_QUERIES, K = 100_000, 1000, 10
BARS = {1024: {"numkong": 2.8, "faiss": 4.5}, 10_240: {"numkong": 1.5, "faiss": 10.0}}
SLOW = {"faiss": 200, "usearch": 100, "numpy": 10}
"""Queries asked of peers whose rate does not depend on how many there are."""

Words = NDArray[np.uint64]


def vectors(dim: int) -> tuple[Words, Words]:
    """Random rows, and queries that are rows with three in twenty bits flipped."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2**64, (N_ROWS, dim // 64), dtype=np.uint64)
    noise = rng.integers(0, 2**64, (3, N_QUERIES, dim // 64), dtype=np.uint64)
    return rows, rows[rng.integers(0, N_ROWS, N_QUERIES)] ^ (noise[0] & noise[1] & (noise[2] | noise[0]))


def exact(rows: Words, queries: Words, dim: int) -> str:
    """Compare the answers to some queries with NumPy's."""
    few = queries[:: N_QUERIES // 20]
    expected = NumpySearch(rows).ranked(few, K)
    same = np.array_equal(nearest(few, rows, dim, K, threads=1)[0], expected)
    return "rows equal to NumPy's sort" if same else "WRONG"


def peers_of(rows: Words, queries: Words) -> tuple[dict[str, tuple[str, Work]], list[Row]]:
    """Return the peers' works by their short names, and why others are missing."""
    row_bytes, query_bytes = rows.view(np.uint8), queries.view(np.uint8)
    works: dict[str, tuple[str, Work]] = {}
    missing = []
    made: dict[str, Callable[[], Any]] = {
        "numkong": partial(Numkong, row_bytes),
        "faiss": partial(Faiss, row_bytes),
        "usearch": partial(Usearch, row_bytes),
        "numpy": partial(NumpySearch, rows),
    }
    for short, make in made.items():
        try:
            peer = make()
        except Missing as reason:
            missing.append(note("Hamming top-10", str(reason)))
            continue
        n = SLOW.get(short, N_QUERIES)
        asked = (queries if short == "numpy" else query_bytes)[:n]
        run = partial(peer.nearest, asked) if short == "numkong" else partial(peer.nearest, asked, K)
        what = " in blocks, minimum only" if short == "numkong" else ""
        works[short] = (peer.name + what, Work(run, n))
    return works, missing


def dim_rows(repeats: int, dim: int, limits: Limits) -> list[Row]:
    """Ours beside the peers and the machine at one dimension."""
    rows, queries = vectors(dim)
    peers, results = peers_of(rows, queries)
    ours = {
        "ours": Work(lambda: nearest(queries, rows, dim, K, threads=1), N_QUERIES),
        "one": Work(lambda: nearest(queries, rows, dim, 1, threads=1), N_QUERIES),
        "single": Work(lambda: [nearest(q, rows, dim, K, threads=1) for q in queries[:10]], 10),
    }
    machine = {"limit": limits.work("hamming", 16 << 10), "read": limits.work("stream-read", rows.nbytes)}
    got = rates(repeats, ours | {name: work for name, (_, work) in peers.items()} | machine)
    accuracy, size = exact(rows, queries, dim), f"{dim // 8:,} a row"
    what = f"Hamming top-10 of {N_ROWS:,}, D = {dim:,}, {N_QUERIES:,} queries"
    mine = rate_text(got["ours"])
    for short, (name, _) in peers.items():
        text, ratio = f"{name}: {rate_text(got[short])}", got["ours"] / got[short]
        bar = BARS[dim].get(short)
        results.append(
            row(f"{what}, queries/s", mine, text, ratio, bar, accuracy, size, headline=bar is not None)
        )
    if "numkong" in peers:
        name, least = peers["numkong"][0], what.replace("top-10", "nearest")
        text, ratio = f"{name}: {rate_text(got['numkong'])}", got["one"] / got["numkong"]
        results.append(row(f"{least}, queries/s", rate_text(got["one"]), text, ratio, None, accuracy, size))
    for part, asked, rival, text in (
        ("ours", what, "limit", "XOR and popcount in registers"),
        ("single", what.replace(f"{N_QUERIES:,} queries", "one query"), "read", "reading the rows"),
    ):
        compared, most = got[part] * rows.nbytes / 1e9, got[rival] / 1e9
        figure = f"{text}: {most:.0f} GB/s"
        results.append(
            row(asked, f"{compared:.0f} GB/s", figure, compared / most, None, accuracy, size, limit=True)
        )
    two = two_thread_row(
        repeats, what, N_QUERIES, lambda threads: nearest(queries, rows, dim, K, threads=threads)
    )
    return [*results, two]


def rows(repeats: int) -> list[Row]:
    """The ten nearest rows, exactly, at two dimensions."""
    limits = Limits()
    try:
        return [one for dim in BARS for one in dim_rows(repeats, dim, limits)]
    finally:
        limits.close()
