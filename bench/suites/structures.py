# SPDX-License-Identifier: Apache-2.0
"""Records that are filled and looked up, beside torchhd's hash table on equal vectors; one thread.

Its table is given all vectors. Ours is measured so, and from keys: then it makes the vectors, keeps the keys
to answer with, and tests whether each pair that it finds is in the record.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Row, Work, note, rate_text, rates, row
from hypersketch.interop.torchhd import to_torchhd
from hypersketch.vsa import FHRR, HRR, Hypervectors, MapB, MapI, Record
from peers import Missing
from peers.torchhd import Torchhd

DIM, N_PAIRS = 10_000, 100
SPACES: tuple[Any, ...] = (MapB(DIM), MapI(DIM), FHRR(DIM), HRR(DIM))


def record_rows(repeats: int, torchhd: Torchhd, space: Any) -> list[Row]:
    """Ours from keys, whose vectors it makes and which it answers with, and from vectors, as theirs."""
    roles = [f"role {i}" for i in range(N_PAIRS)]
    values = [f"value {i}" for i in range(N_PAIRS)]
    record = Record(space, roles, values)
    given = [Hypervectors(space, space.atoms(names)) for names in (roles, values)]
    signs = MapI(DIM) if isinstance(space, MapB) else space  # torchhd has no majority of its own here
    keys, fillers = (to_torchhd(signs.atoms(names), signs) for names in (roles, values))
    table = torchhd.hash_table(keys, fillers)
    works = {
        "filled from vectors": Work(lambda: Record(space, *given), N_PAIRS),
        "filled from keys": Work(lambda: Record(space, roles, values), N_PAIRS),
        "looked up by vectors": Work(lambda: record.search(given[0]), N_PAIRS),
        "looked up by keys, each answer tested": Work(lambda: record.get(roles), N_PAIRS),
        "filled": Work(lambda: torchhd.hash_table(keys, fillers), N_PAIRS),
        "looked up": Work(lambda: torchhd.look_up(table, keys, fillers), N_PAIRS),
    }
    got = rates(repeats, works)
    found = record.get(roles)
    right = np.mean([one == other for one, other in zip(found, values, strict=True)])
    theirs = np.mean(np.asarray(torchhd.look_up(table, keys, fillers)) == np.arange(N_PAIRS))
    accuracy = f"{right:.2f} right; peer {theirs:.2f}"
    size = f"{space.nbytes if isinstance(space, MapB) else record.vector.nbytes:,}"
    name = f"{type(space).__name__} record of {N_PAIRS} pairs, D = {DIM:,}"
    return [
        row(
            f"{name}, {what}, pairs/s",
            rate_text(got[what]),
            f"{torchhd.name}, from vectors: {rate_text(got[peer])}",
            got[what] / got[peer],
            None,
            accuracy,
            f"{size}; peer {torchhd.nbytes(table[None]):,}",
        )
        for peer in ("filled", "looked up")
        for what in works
        if what.startswith(f"{peer} ")
    ]


def rows(repeats: int) -> list[Row]:
    try:
        torchhd = Torchhd()
    except Missing as reason:
        return [note("records", str(reason))]
    return [one for space in SPACES for one in record_rows(repeats, torchhd, space)]
