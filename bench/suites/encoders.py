# SPDX-License-Identifier: Apache-2.0
"""Pictures as vectors: levels bound to roles of pixels, signs of projections, beside torchhd; one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Row, Work, rate_text, rates, row
from hypersketch.interop.torchhd import to_torchhd
from hypersketch.vsa import BSC, LevelEncoder, MapI, ProjectionEncoder, RecordEncoder
from peers.torchhd import Torchhd

DIM, PIXELS, LEVELS, N, FEW = 10_000, 784, 256, 2000, 10


def pictures() -> Any:
    return np.random.default_rng(0).random((N, PIXELS), np.float32)


def record_rows(repeats: int, torchhd: Torchhd, values: Any) -> list[Row]:
    """The same tables and roles for both; torchhd takes levels that are looked up already."""
    packed, sums = (
        RecordEncoder(space, PIXELS, LevelEncoder(space, levels=LEVELS)) for space in (BSC(DIM), MapI(DIM))
    )
    level = sums.encoders[0]
    table, roles = (to_torchhd(one, sums.space) for one in (level.table, sums.roles))
    which = torchhd.tensor(level.indices(values[:FEW]))
    works = {
        "packed": Work(lambda: packed.encode(values, threads=1), N),
        "sums": Work(lambda: sums.encode(values, threads=1), N),
        "peer": Work(lambda: torchhd.records(table, roles, which), FEW),
    }
    got = rates(repeats, works)
    theirs = np.asarray(torchhd.records(table, roles, which)).astype(np.int32)
    found = sums.encode(values[:FEW])
    exact = np.array_equal(found, theirs) and np.array_equal(
        packed.encode(values[:FEW]), sums.space.normalize(found)
    )
    return [
        row(
            f"pictures of {PIXELS} pixels, {LEVELS} levels, D = {DIM:,}, {name}, pictures/s",
            rate_text(got[key]),
            f"{torchhd.name}, sums: {got['peer']:.1f}",
            got[key] / got["peer"],
            None,
            "equal" if exact else "WRONG",
            f"{size:,} a picture; peer {4 * DIM:,}, and {4 * DIM * PIXELS:,} on the way",
            headline=key == "packed",
        )
        for key, name, size in (("packed", "bits", packed.space.nbytes), ("sums", "sums", 4 * DIM))
    ]


def projection_row(repeats: int, torchhd: Torchhd, values: Any) -> Row:
    """Signs of the same products, to bits and to torchhd's bools."""
    encoder = ProjectionEncoder(BSC(DIM), PIXELS)
    directions = torchhd.tensor(np.ascontiguousarray(encoder.directions.T))
    given = torchhd.tensor(values)
    works = {
        "ours": Work(lambda: encoder.encode(values), N),
        "peer": Work(lambda: torchhd.projected(given, directions), N),
    }
    got = rates(repeats, works)
    theirs = np.asarray(torchhd.projected(given[:100], directions))
    ours = encoder.space.unpack(encoder.encode(values[:100])).astype(np.bool_)
    differ = float((ours != theirs).mean())
    return row(
        f"signs of random projections, {PIXELS} numbers, D = {DIM:,}, rows/s",
        rate_text(got["ours"]),
        f"{torchhd.name}'s linear map and signs: {rate_text(got['peer'])}",
        got["ours"] / got["peer"],
        None,
        "equal" if differ == 0 else f"{differ:.1e} of the signs differ" if differ < 1e-5 else "WRONG",
        f"{encoder.space.nbytes:,} a row; peer {DIM:,}",
    )


def rows(repeats: int) -> list[Row]:
    """Records by levels, and projections."""
    torchhd, values = Torchhd(), pictures()
    return [*record_rows(repeats, torchhd, values), projection_row(repeats, torchhd, values)]
