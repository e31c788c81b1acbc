# SPDX-License-Identifier: Apache-2.0
"""Kanerva's memory beside torchhd's, and the memories of sparse patterns, on one thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from hypersketch.memories import SparseDistributedMemory, SparseyMemory, WillshawMemory
from peers import Missing
from peers.torchhd import SparseDistributed

N_LOCATIONS, DIM, N_ITEMS, N_QUERIES = 100_000, 1000, 100, 256
P = 0.000368
"""Share of locations that torchhd takes by default; both take the same radius of 446."""
BAR = 20.0

Signs = NDArray[np.int8]


def kanerva_rows(repeats: int) -> list[Row]:
    """Reads of 1,000 bits from 100,000 locations."""
    what = f"sparse distributed memory, {N_LOCATIONS:,} x {DIM:,} bits"
    rng = np.random.default_rng(0)
    locations, items = (rng.choice(np.array([-1, 1], np.int8), (n, DIM)) for n in (N_LOCATIONS, N_ITEMS))
    queries = items[rng.integers(0, N_ITEMS, N_QUERIES)]
    try:
        peer = SparseDistributed(locations, DIM, P)
    except Missing as reason:
        return [note(what, str(reason))]
    memory = SparseDistributedMemory(DIM, locations=locations, radius=peer.radius)
    memory.store(items)
    peer.write(items)
    found = memory.retrieve(queries)
    same = np.array_equal(peer.read(queries), found.sums)
    works = {
        "ours": Work(lambda: memory.retrieve(queries, threads=1), N_QUERIES),
        "one": Work(lambda: memory.retrieve(queries[:1], threads=1)),
        "peer": Work(lambda: peer.read(queries), N_QUERIES),
        "peer one": Work(lambda: peer.read(queries[:1])),
        "write": Work(lambda: memory.store(items, threads=1), N_ITEMS),
        "peer write": Work(lambda: peer.write(items), N_ITEMS),
    }
    got = rates(repeats, works)
    accuracy = "sums equal to torchhd's" if same else "WRONG"
    size = f"{memory.nbytes >> 20:,} MiB, torchhd {peer.nbytes >> 20:,} MiB"
    results = []
    for verb, ours, theirs, bar in (
        (f"{N_QUERIES} reads", "ours", "peer", BAR),
        ("one read", "one", "peer one", None),
        (f"{N_ITEMS} writes", "write", "peer write", None),
    ):
        text = f"{peer.name}: {rate_text(got[theirs])}"
        ratio = got[ours] / got[theirs]
        mine = rate_text(got[ours])
        results.append(
            row(f"{what}, {verb}", mine, text, ratio, bar, accuracy, size, headline=bar is not None)
        )
    results.append(
        two_thread_row(
            repeats,
            f"{what}, {N_QUERIES} reads",
            N_QUERIES,
            lambda threads: memory.retrieve(queries, threads=threads),
        )
    )
    return results


def sparse_rows(repeats: int) -> list[Row]:
    """Willshaw's matrix against NumPy's matrix product, and Sparsey, whose time does not grow."""
    n, k, n_pairs = 1024, 10, 7000
    chosen = np.random.default_rng(1).random((2 * n_pairs, n)).argpartition(k, axis=1)[:, :k]
    inputs, outputs = np.split(chosen, 2)
    memory = WillshawMemory(n)
    memory.store(inputs, outputs)
    dense = np.zeros((n_pairs, n), np.float32)
    np.put_along_axis(dense, inputs, 1.0, axis=1)
    matrix = memory.matrix.astype(np.float32)
    few, some = inputs[:1000], dense[:1000]
    same = np.array_equal(memory.retrieve(few).states, some @ matrix >= k)
    sparsey = SparseyMemory(n, 64, 16)
    sparsey.store(inputs[:50])
    full = SparseyMemory(n, 64, 16)
    full.store(inputs[:2000])
    got = rates(
        repeats,
        {
            "ours": Work(lambda: memory.retrieve(few, threads=1), 1000),
            "numpy": Work(lambda: some @ matrix >= k, 1000),
            "sparsey": Work(lambda: sparsey.retrieve(few, threads=1), 1000),
            "full": Work(lambda: full.retrieve(few, threads=1), 1000),
        },
    )
    return [
        row(
            f"Willshaw's matrix, {n:,} x {n:,}, {k} active, {n_pairs:,} pairs, queries/s",
            rate_text(got["ours"]),
            f"NumPy {np.__version__}, float32 product: {rate_text(got['numpy'])}",
            got["ours"] / got["numpy"],
            None,
            "units equal to NumPy's" if same else "WRONG",
            f"{memory.nbytes >> 10:,} KiB, NumPy {matrix.nbytes >> 10:,} KiB",
        ),
        row(
            f"Sparsey, {n:,} inputs, 64 modules of 16, 2,000 items stored, queries/s",
            rate_text(got["full"]),
            f"the same with 50 items: {rate_text(got['sparsey'])}",
            got["full"] / got["sparsey"],
            None,
            f"familiarity of stored items {full.retrieve(few).familiarity.mean():.2f}",
            f"{full.nbytes >> 10:,} KiB",
        ),
    ]


def rows(repeats: int) -> list[Row]:
    """All three memories."""
    return kanerva_rows(repeats) + sparse_rows(repeats)
