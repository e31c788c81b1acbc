# SPDX-License-Identifier: Apache-2.0
"""Softmax and entmax retrieval from real patterns, one thread: many queries, one, three kinds of stores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from hypersketch.memories import ContinuousMemory
from native import Limits
from peers import Missing
from peers.attention import Entmax, NumpyAttention, TorchAttention

Floats = NDArray[np.float32]

SHAPES = (
    (100_000, 256, 32, 2.0),
    (100_000, 256, 256, 1.25),
    (100_000, 384, 256, 1.25),
    (50_000, 768, 256, 1.25),
    (40_000, 1024, 256, 1.25),
    (99_991, 251, 256, 1.25),
)
"""Patterns, dimensions, queries, and the smallest ratio to the better one of torch and NumPy asked for."""

ONE_SHAPES = ((1_000_000, 256), (990_001, 251), (700_000, 384), (300_000, 768), (250_000, 1024))
"""Patterns and dimensions that one query meets, first those that torch meets too."""

ONE = {"float32": 3.0, "bfloat16": 5.5, "int8": 10.0}
"""Ratio to torch asked for, for one query and 10^6 patterns of 256 dimensions."""


def unit(n: int, dim: int, seed: int = 0) -> Floats:
    """Random directions."""
    rows = np.random.default_rng(seed).standard_normal((n, dim), np.float32)
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows


def noisy(patterns: Floats, n: int) -> Floats:
    """Patterns with noise half as long as they are."""
    some = patterns[np.random.default_rng(1).integers(len(patterns), size=n)]
    return np.ascontiguousarray(some + 0.5 * unit(n, some.shape[1], 2))


def states_of(patterns: Floats, queries: Floats, beta: float) -> NDArray[np.float64]:
    """Means in double precision, of the patterns as given."""
    scores = beta * (queries.astype(np.float64) @ patterns.T.astype(np.float64))
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    exact: NDArray[np.float64] = weights @ patterns.astype(np.float64) / weights.sum(axis=1, keepdims=True)
    return exact


def error_of(memory: ContinuousMemory, patterns: Floats, queries: Floats, beta: float) -> str:
    """Largest difference from double precision."""
    found = memory.retrieve(few := queries[:3]).states
    return f"off by {np.abs(found - states_of(patterns, few, beta)).max():.0e} of 1"


def made(patterns: Floats, beta: float, **options: Any) -> ContinuousMemory:
    memory = ContinuousMemory(patterns.shape[1], beta=beta, **options)
    memory.store(patterns)
    return memory


def sgemm_work(flops_a_query: float) -> Work:
    """A matrix product of NumPy's best kernel, counted in queries of so many operations."""
    a = np.random.default_rng(3).standard_normal((1536, 1536), np.float32)
    b, out = a.T.copy(), np.empty_like(a)
    return Work(lambda: np.matmul(a, b, out=out), int(2 * 1536**3 / flops_a_query))


def batch_rows(repeats: int, shape: tuple[int, int, int, float]) -> list[Row]:
    """Many queries at once."""
    n, dim, n_queries, bar = shape
    patterns = unit(n, dim)
    queries, beta = noisy(patterns, n_queries), 20.0
    memory, out = made(patterns, beta), np.empty((n_queries, dim), np.float32)
    flops = 4.0 * n * dim
    works = {
        "ours": Work(lambda: memory.retrieve(queries, out=out, threads=1), n_queries),
        "sgemm": sgemm_work(flops),
        "numpy": Work(lambda: NumpyAttention(patterns, beta).retrieve(queries), n_queries),
    }
    name = {"numpy": f"NumPy {np.__version__}"}
    results = []
    try:
        torch = TorchAttention(patterns, beta)
        works["torch"], name["torch"] = Work(lambda: torch.retrieve(queries), n_queries), torch.name
    except Missing as reason:
        results.append(note("softmax retrieval", str(reason)))
    got = rates(repeats, works)
    what = f"softmax retrieval, {n_queries} queries, {n:,} x {dim:,}, float32"
    mine, accuracy = f"{got['ours'] * flops / 1e9:.0f} GFLOP/s", error_of(memory, patterns, queries, beta)
    size = f"{4 * dim:,} a pattern"
    best = max(name, key=lambda peer: got[peer])
    for peer, text in name.items():
        limit = bar if peer == best else None
        against = f"{text}: {got[peer] * flops / 1e9:.0f} GFLOP/s"
        headline = peer == best and shape in SHAPES[:3]
        results.append(
            row(what, mine, against, got["ours"] / got[peer], limit, accuracy, size, headline=headline)
        )
    text = f"sgemm of NumPy's library: {got['sgemm'] * flops / 1e9:.0f} GFLOP/s"
    asked = 0.95 if n_queries >= 256 else None
    results.append(row(what, mine, text, got["ours"] / got["sgemm"], asked, accuracy, size, limit=True))
    return results


def one_query_rows(repeats: int, limits: Limits, shape: tuple[int, int], torch: bool) -> list[Row]:
    """One query, whose speed is that of reading the patterns."""
    n, dim, beta = *shape, 20.0
    patterns = unit(n, dim)
    query = noisy(patterns, 1)
    memories = {dtype: made(patterns, beta, dtype=dtype) for dtype in ONE}
    works = {
        dtype: Work(lambda memory=memory: memory.retrieve(query, threads=1))
        for dtype, memory in memories.items()
    }
    works["read"] = limits.work("stream-read", 256 << 20)
    results = []
    if torch:
        try:
            attention = TorchAttention(patterns, beta)
            works["torch"] = Work(lambda: attention.retrieve(query))
        except Missing as reason:
            results.append(note("softmax retrieval of one query", str(reason)))
    got = rates(repeats, works)
    for dtype, memory in memories.items():
        what = f"softmax retrieval, one query, {n:,} x {dim:,}, {dtype}"
        accuracy, size = error_of(memory, patterns, query, beta), f"{memory.nbytes // n:,} a pattern"
        if "torch" in got:
            text = f"{attention.name} in float32: {1e3 / got['torch']:.0f} ms"
            ratio, mine = got[dtype] / got["torch"], f"{1e3 / got[dtype]:.1f} ms"
            results.append(row(what, mine, text, ratio, ONE[dtype], accuracy, size, headline=True))
        speed = got[dtype] * memory.nbytes / 1e9
        text = f"reading them: {got['read'] / 1e9:.0f} GB/s"
        ratio = speed * 1e9 / got["read"]
        results.append(row(what, f"{speed:.0f} GB/s", text, ratio, 0.85, accuracy, size, limit=True))
    return results


def sparse_rows(repeats: int) -> list[Row]:
    """Entmax and sparsemax beside our softmax and the package entmax."""
    n, dim, n_queries, beta = 10_000, 64, 256, 20.0
    patterns = unit(n, dim)
    queries = noisy(patterns, n_queries)
    soft = made(patterns, beta)
    works = {"softmax": Work(lambda: soft.retrieve(queries, threads=1), n_queries)}
    peers: dict[str, Entmax] = {}
    results = []
    for name, alpha in (("entmax", 1.5), ("sparsemax", 2.0)):
        memory = made(patterns, beta, separation=name)
        works[name] = Work(lambda memory=memory: memory.retrieve(queries, threads=1), n_queries)
        try:
            peers[name] = Entmax(patterns, beta, alpha)
            works[f"{name} peer"] = Work(lambda name=name: peers[name].retrieve(queries), n_queries)
        except Missing as reason:
            results.append(note(f"{name} retrieval", str(reason)))
    got = rates(repeats, works)
    for name in ("entmax", "sparsemax"):
        memory = made(patterns, beta, separation=name)
        found = memory.retrieve(queries)
        what = f"{name} retrieval, {n_queries} queries, {n:,} x {dim}, beta {beta:g}"
        support = f"{found.effective.mean():.1f} patterns have weight"
        mine, size = f"{rate_text(got[name])} queries/s", f"{4 * dim} a pattern"
        text = f"our softmax: {rate_text(got['softmax'])}"
        results.append(row(what, mine, text, got[name] / got["softmax"], 0.7, support, size))
        if name in peers:
            off = np.abs(peers[name].retrieve(queries) - found.states).max()
            text = f"{peers[name].name}: {rate_text(got[f'{name} peer'])}"
            ratio = got[name] / got[f"{name} peer"]
            results.append(row(what, mine, text, ratio, 10.0, f"off by {off:.0e} of 1", size, headline=True))
    return results


def rows(repeats: int) -> list[Row]:
    """Softmax and entmax retrieval."""
    limits = Limits()
    try:
        results = [one for shape in SHAPES for one in batch_rows(repeats, shape)]
        results += one_query_rows(repeats, limits, ONE_SHAPES[0], torch=True)
        for one_shape in ONE_SHAPES[1:]:
            results += one_query_rows(repeats, limits, one_shape, torch=False)
        results += sparse_rows(repeats)
    finally:
        limits.close()
    patterns = unit(100_000, 256)
    memory, queries = made(patterns, 20.0), noisy(patterns, 256)
    two = two_thread_row(
        repeats,
        "softmax retrieval, 256 queries, 100,000 x 256",
        256,
        lambda threads: memory.retrieve(queries, threads=threads),
    )
    return [*results, two]
