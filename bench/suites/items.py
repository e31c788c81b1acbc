# SPDX-License-Identifier: Apache-2.0
"""Item memories: real cleanup beside torchhd and NumPy, orthogonal and computed codebooks, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness import Row, Work, note, rate_text, rates, row
from hypersketch import ItemMemory, MapB
from hypersketch.vsa import HRR, walsh_hadamard
from peers import Missing
from peers.torchhd import Torchhd

N_ITEMS, N_PROBES, DIM = 20_000, 200, 1024
ORTHOGONAL = 16_384
COMPUTED = 500_000


def _numpy_cleanup(rows: Any, probes: Any) -> Any:
    """The whole matrix of cosines and its largest entries."""
    cosines = probes @ rows.T / np.linalg.norm(rows, axis=1)
    return cosines.argmax(axis=1)


def real_rows(repeats: int) -> list[Row]:
    """Cleanup of noisy real vectors against all items."""
    space = HRR(DIM)
    memory = ItemMemory(space)
    memory.add(range(N_ITEMS))
    truth = np.arange(N_PROBES) * 7
    probes = memory.vectors[truth] + 2.0 * space.atoms(range(N_ITEMS, N_ITEMS + N_PROBES))
    works: dict[str, Work] = {
        "ours": Work(lambda: memory.search(probes, threads=1), N_PROBES),
        "single": Work(lambda: [memory.search(one, threads=1) for one in probes[:10]], 10),
        "NumPy, all cosines at once": Work(lambda: _numpy_cleanup(memory.vectors, probes), N_PROBES),
    }
    missing = []
    try:
        torchhd = Torchhd()
        asked = torchhd.search(memory.vectors, probes)
        works[torchhd.name] = Work(asked, N_PROBES)
    except Missing as reason:
        missing.append(note("cleanup of real vectors", str(reason)))
    got = rates(repeats, works)
    found = memory.search(probes).indices[:, 0]
    same = np.array_equal(found, _numpy_cleanup(memory.vectors, probes))
    accuracy = f"{(found == truth).mean():.3f} right, {'as' if same else 'NOT as'} NumPy"
    what = f"HRR cleanup, {N_ITEMS:,} items, D = {DIM:,}, probes/s"
    size = f"{space.nbytes:,} an item"
    rivals = [name for name in works if name not in ("ours", "single")]
    results = [
        row(
            what,
            rate_text(got["ours"]),
            f"{name}: {rate_text(got[name])}",
            got["ours"] / got[name],
            None,
            accuracy,
            size,
        )
        for name in rivals
    ]
    numpy = "NumPy, all cosines at once"
    one = what.replace("probes/s", "one probe a call")
    text = f"{numpy}, {N_PROBES} a call: {rate_text(got[numpy])}"
    results.append(row(one, rate_text(got["single"]), text, got["single"] / got[numpy], None, accuracy, size))
    return [*results, *missing]


def orthogonal_rows(repeats: int) -> list[Row]:
    """All D orthogonal items by one transform, beside comparing each."""
    space = MapB(ORTHOGONAL)
    memory, stored = ItemMemory(space, codebook="hadamard"), ItemMemory(space)
    memory.add(range(ORTHOGONAL))
    stored.add(range(ORTHOGONAL), memory.vectors)
    truth = np.arange(N_PROBES) * 7
    probes = space.superpose(
        np.concatenate(
            [
                memory.vectors[truth, np.newaxis],
                *(space.atoms(range(i, i + N_PROBES))[:, np.newaxis] for i in (10**6, 10**7)),
            ],
            axis=1,
        ).reshape(-1, space.width),
        starts=np.arange(0, 3 * N_PROBES + 1, 3),
    )
    scratch = np.random.default_rng(0).integers(-100, 100, (N_PROBES, ORTHOGONAL), np.int32)
    got = rates(
        repeats,
        {
            "ours": Work(lambda: memory.search(probes, threads=1), N_PROBES),
            "stored": Work(lambda: stored.search(probes, threads=1), N_PROBES),
            "transform": Work(lambda: walsh_hadamard(scratch, threads=1), N_PROBES),
        },
    )
    found = memory.search(probes).indices[:, 0]
    same = np.array_equal(found, stored.search(probes).indices[:, 0])
    accuracy = f"{(found == truth).mean():.3f} right, {'as' if same else 'NOT as'} compared with each"
    what = f"cleanup of all D = {ORTHOGONAL:,} orthogonal items, probes/s"
    text = f"Hamming search of the same items, stored: {rate_text(got['stored'])}"
    size = f"12 an item; stored: {space.nbytes:,}"
    copied = f"transforms of copies alone: {rate_text(got['transform'])}"
    return [
        row(what, rate_text(got["ours"]), text, got["ours"] / got["stored"], None, accuracy, size),
        row(what, rate_text(got["ours"]), copied, got["ours"] / got["transform"], None, accuracy, "-"),
    ]


def computed_rows(repeats: int) -> list[Row]:
    """Items whose atoms are computed in the search, beside stored ones."""
    space = MapB(DIM)
    memories = {codebook: ItemMemory(space, codebook=codebook) for codebook in ("procedural", "stored")}
    for memory in memories.values():
        memory.add(range(COMPUTED))
    probes = space.atoms(range(N_PROBES))

    def search(codebook: str) -> Callable[[], object]:
        return lambda: memories[codebook].search(probes, 10, threads=1)

    got = rates(repeats, {name: Work(search(name), N_PROBES) for name in memories})
    a, b = (memory.search(probes, 10) for memory in memories.values())
    accuracy = "as stored" if np.array_equal(a.indices, b.indices) else "WRONG"
    what = f"top-10 of {COMPUTED:,} computed items, D = {DIM:,}, probes/s"
    text, ratio = f"stored: {rate_text(got['stored'])}", got["procedural"] / got["stored"]
    size = " against ".join(f"{memory.nbytes:,}" for memory in memories.values())
    return [row(what, rate_text(got["procedural"]), text, ratio, None, accuracy, size)]


def rows(repeats: int) -> list[Row]:
    """Item memories of three kinds."""
    return [*real_rows(repeats), *orthogonal_rows(repeats), *computed_rows(repeats)]
