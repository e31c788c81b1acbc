# SPDX-License-Identifier: Apache-2.0
"""Memories of real vectors that change: nearest neighbours, pairs by the delta rule, consolidated modes.

The peers are faiss's flat index and loops of NumPy, which is what users write: nobody has these memories.
One thread; NumPy's library is told so by the environment.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch
from harness import Row, Work, note, rate_text, rates, row
from peers import Missing
from peers.faiss import FaissFlat

Floats = NDArray[np.float32]


def draws(*shape: int) -> Floats:
    return np.random.default_rng(len(shape) + shape[0]).standard_normal(shape, np.float32)


def numpy_nearest(rows: Floats, queries: Floats, k: int) -> NDArray[Any]:
    scores = queries @ rows.T
    places = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, places, axis=1), axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1)


def nearest_rows(repeats: int) -> list[Row]:
    n, dim, k, made = 100_000, 128, 32, []
    rows = draws(n, dim)
    memory = hypersketch.NeighbourMemory(dim, vocabulary=1)
    memory.store(rows, np.zeros(n, np.int64))
    try:
        peer: Any = FaissFlat(rows)
    except Missing as missing:
        peer = None
        made.append(note("nearest neighbours", str(missing)))
    for many in (1, 64, 512):
        queries = draws(many, dim)
        works = {
            "ours": Work(partial(memory.search, queries, k), many),
            "numpy": Work(partial(numpy_nearest, rows, queries, k), many),
        }
        if peer is not None:
            works["faiss"] = Work(partial(peer.nearest, queries, k), many)
        got = rates(repeats, works)
        same = np.array_equal(memory.search(queries, k)[0], numpy_nearest(rows, queries, k))
        others = {"numpy": "NumPy argpartition", "faiss": getattr(peer, "name", "")}
        for name, title in others.items():
            if name in got:
                made.append(
                    row(
                        f"top {k} of {n:,} x {dim}, batch {many}",
                        f"{rate_text(got['ours'])} queries/s",
                        f"{title}: {rate_text(got[name])}",
                        got["ours"] / got[name],
                        None,
                        "the same rows" if same else "other rows among equals",
                        f"{memory.nbytes:,}",
                    )
                )
    return made


def numpy_delta(keys: Floats, values: Floats) -> Floats:
    matrix = np.zeros((values.shape[1], keys.shape[1]), np.float32)
    for key, value in zip(keys, values, strict=True):
        matrix += np.outer(value - matrix @ key, key)
    return matrix


def delta_row(repeats: int, dim: int, n: int) -> Row:
    keys, values = draws(n, dim) / np.float32(np.sqrt(dim)), draws(n, dim, 1)[:, :, 0]
    made: list[Any] = []

    def ours() -> None:
        memory = hypersketch.OuterProductMemory(dim, rule="delta")
        memory.store(keys, values)
        made[:] = [memory]

    got = rates(repeats, {"ours": Work(ours, n), "numpy": Work(partial(numpy_delta, keys, values), n)})
    wanted = numpy_delta(keys, values)
    off = np.abs(made[0].matrix - wanted).max() / np.abs(wanted).max()
    return row(
        f"delta rule, d = {dim}, {n:,} pairs",
        f"{rate_text(got['ours'])} pairs/s",
        f"NumPy, pair by pair: {rate_text(got['numpy'])}",
        got["ours"] / got["numpy"],
        2.0 if dim > 64 else None,
        f"off by {off:.0e} of the largest element",
        f"{made[0].nbytes:,}",
    )


def numpy_modes(keys: Floats, n_modes: int, threshold: float) -> NDArray[np.int64]:
    """The same rule by cosines, one product with all modes an item; the keys are the values, too."""
    means, norms = np.zeros((n_modes, keys.shape[1]), np.float32), np.ones(n_modes, np.float32)
    values = means.copy()
    counts, touched = np.zeros(n_modes, np.int64), np.zeros(n_modes, np.int64)
    for i, key in enumerate(keys):
        scores = means @ key / norms
        mode = int(scores.argmax())
        if counts[mode] and scores[mode] > threshold * np.sqrt(key @ key):
            counts[mode] += 1
            means[mode] += (key - means[mode]) / counts[mode]
            values[mode] += (key - values[mode]) / counts[mode]
        else:
            mode = int(touched.argmin())
            means[mode], values[mode], counts[mode] = key, key, 1
        norms[mode], touched[mode] = np.sqrt(means[mode] @ means[mode]), i + 1
    return counts


def modes_row(repeats: int, n_modes: int, dim: int) -> Row:
    n, rng = 4000, np.random.default_rng(0)
    centres = rng.standard_normal((2 * n_modes, dim))
    noise = 0.3 * rng.standard_normal((n, dim))
    keys = (centres[rng.integers(0, 2 * n_modes, n)] + noise).astype(np.float32)
    made: list[Any] = []

    def ours() -> None:
        memory = hypersketch.ConsolidatedMemory(dim, n_modes=n_modes, threshold=0.8)
        memory.store(keys)
        made[:] = [memory]

    works = {"ours": Work(ours, n), "numpy": Work(partial(numpy_modes, keys, n_modes, 0.8), n)}
    got = rates(repeats, works)
    counts = numpy_modes(keys, n_modes, 0.8)
    same = np.array_equal(made[0].counts, counts[counts > 0])
    return row(
        f"consolidation, {n_modes:,} modes x {dim}",
        f"{rate_text(got['ours'])} items/s",
        f"NumPy, item by item: {rate_text(got['numpy'])}",
        got["ours"] / got["numpy"],
        None,
        "the same modes" if same else "other modes",
        f"{made[0].nbytes:,}",
    )


def rows(repeats: int) -> list[Row]:
    """Return the lines of the table."""
    return [
        *nearest_rows(repeats),
        delta_row(repeats, 256, 2000),
        delta_row(repeats, 64, 4000),
        modes_row(repeats, 256, 64),
        modes_row(repeats, 4096, 128),
    ]
