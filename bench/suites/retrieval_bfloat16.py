# SPDX-License-Identifier: Apache-2.0
"""Softmax retrieval from patterns of bfloat16 with 8 bits a product, one thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness import Row, Work, note, rates, row
from hypersketch import build_info
from hypersketch.memories.continuous import Precision
from peers import Missing
from peers.attention import TorchAttention
from suites.retrieval import made, noisy, states_of, unit

Floats = NDArray[np.float32]

SHAPES = (
    (100_000, 256, 32),
    (100_000, 256, 256),
    (100_000, 384, 256),
    (99_991, 251, 256),
    (40_000, 1024, 256),
)
"""Patterns, dimensions, queries."""


def rows_of(repeats: int, n: int, dim: int, n_queries: int) -> list[Row]:
    """Many queries whose numbers and weights have 8 bits, beside 24 and torch's ways of doing so."""
    patterns, beta = unit(n, dim), 20.0
    queries, memory = noisy(patterns, n_queries), made(patterns, beta, dtype="bfloat16")
    exact = states_of(patterns, queries[:8], beta)

    def ours(precision: Precision) -> Floats:
        return memory.retrieve(queries, precision=precision, threads=1).states

    answers: dict[str, Callable[[], Floats]] = {
        "ours": lambda: ours("bfloat16"),
        "hypersketch with 24 bits": lambda: ours("float32"),
    }
    results = []
    for fused in (True, False):
        try:
            peer = TorchAttention(patterns, beta, "bfloat16", fused)
        except Missing as reason:
            results.append(note("softmax retrieval in bfloat16", str(reason)))
            break
        answers[f"{peer.name} in bfloat16"] = lambda peer=peer: peer.retrieve(queries)
    got = rates(repeats, {name: Work(answer, n_queries) for name, answer in answers.items()})
    off = {name: f"{np.abs(answer()[:8] - exact).max():.0e}" for name, answer in answers.items()}
    products = build_info()["bfloat16_products"] or "no fast"
    what = f"softmax retrieval, {n_queries} queries, {n:,} x {dim:,}, 8 bits, {products} products"
    flops = 4.0 * n * dim / 1e9
    for name in [name for name in answers if name != "ours"]:
        mine, text = f"{got['ours'] * flops:.0f} GFLOP/s", f"{name}: {got[name] * flops:.0f} GFLOP/s"
        accuracy = f"off by {off['ours']} of 1; peer {off[name]}"
        results.append(
            row(what, mine, text, got["ours"] / got[name], None, accuracy, f"{2 * dim:,} a pattern")
        )
    return results


def rows(repeats: int) -> list[Row]:
    """Batches of every shape."""
    return [one for shape in SHAPES for one in rows_of(repeats, *shape)]
