# SPDX-License-Identifier: Apache-2.0
"""Counted bundles, Willshaw's matrix and nearest neighbours on a GPU beside our own on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import gpu
from data import power
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, rate_text, rates, row
from hypersketch import NeighbourMemory, WillshawMemory
from hypersketch.vsa import BSDC, CGR, MCR, MapT


class Shape(NamedTuple):
    """How much is measured."""

    keys: int
    few: int
    """Keys, patterns and queries of the CPU."""
    dim: int
    units: int
    active: int
    patterns: int
    rows: int
    width: int
    queries: int
    k: int


FULL = Shape(10**6, 2000, 10_000, 1024, 10, 10**5, 10**6, 384, 1024, 32)
QUICK = Shape(300, 50, 130, 70, 5, 60, 400, 20, 30, 4)


def _row(what: str, repeats: int, there: Work, here: Work, worth: str, size: str) -> Row:
    got = rates(repeats, {"there": there, "here": here})
    rival = f"our own on the CPU: {rate_text(got['here'])}"
    return row(what, rate_text(got["there"]), rival, got["there"] / got["here"], None, worth, size)


def _bundles(repeats: int, clock: Clock, shape: Shape) -> Iterator[Row]:
    """Atoms of keys into counters, which are made where they are counted."""
    keys = gpu.key(gpu.numbers(0, shape.keys))
    asked, few = gpu.on_gpu(keys), keys[: shape.few]
    width = shape.dim // 10
    for space in (MapT(shape.dim), BSDC(shape.dim), CGR(width, modulus=64), MCR(width, modulus=64)):
        here: Any = space.bundle(few)
        there, emptied = here.to("cuda"), space.bundle(device="cuda")
        emptied.add(gpu.on_gpu(few))
        worth = "counters equal to the CPU's" if emptied == here else "WRONG"
        yield _row(
            f"GPU bundle of {type(space).__name__}, D = {space.dim:,}, keys/s",
            repeats,
            clock.work(lambda one=emptied: one.add(asked), shape.keys, emptied.clear),
            Work(lambda one=here: one.add(few), few.size, here.clear),
            worth,
            f"{here.nbytes:,}",
        )
        here.clear()
        here.add(few)
        same = np.array_equal(np.asarray(there.similarity(asked))[: few.size], here.similarity(few))
        yield _row(
            f"GPU similarities with a bundle of {type(space).__name__}, D = {space.dim:,}, keys/s",
            repeats,
            clock.work(lambda one=there: one.similarity(asked), shape.keys),
            Work(lambda one=here: one.similarity(few), few.size),
            "equal to the CPU's" if same else "WRONG",
            f"{here.nbytes:,}",
        )


def _willshaw(repeats: int, clock: Clock, shape: Shape) -> Iterator[Row]:
    rng = np.random.default_rng(3)
    draws = rng.random((shape.patterns, shape.units), np.float32)
    units = np.argpartition(draws, shape.active, axis=1)[:, : shape.active].astype(np.int64)
    here, there = (WillshawMemory(shape.units, device=on) for on in ("cpu", "cuda"))
    asked, few = gpu.on_gpu(units), units[: shape.few]
    here.store(few)
    there.store(gpu.on_gpu(few))
    same = there == here and np.array_equal(
        np.asarray(there.retrieve(gpu.on_gpu(few)).states), here.retrieve(few).states
    )
    worth, size = "bits and answers equal to the CPU's" if same else "WRONG", f"{here.nbytes:,}"
    what = f"GPU Willshaw's matrix, {shape.units:,} units, {shape.active} active"
    for verb, reset in (("retrieve", False), ("store", True)):
        clear = [one.clear if reset else None for one in (there, here)]
        yield _row(
            f"{what}, {verb}, patterns/s",
            repeats,
            clock.work(lambda v=verb: getattr(there, v)(asked), shape.patterns, clear[0]),
            Work(lambda v=verb: getattr(here, v)(few), len(few), clear[1]),
            worth,
            size,
        )


def _neighbours(repeats: int, clock: Clock, shape: Shape) -> Row:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((shape.rows, shape.width), np.float32)
    queries = rng.standard_normal((shape.queries, shape.width), np.float32)
    here, there = (NeighbourMemory(shape.width, vocabulary=1, device=on) for on in ("cpu", "cuda"))
    for one in (here, there):
        one.store(rows, np.zeros(shape.rows, np.int64))
    asked, few = gpu.on_gpu(queries), queries[: max(1, shape.queries // 16)]
    ours, theirs = there.search(asked, shape.k), here.search(few, shape.k)
    same = all(np.array_equal(np.asarray(a)[: len(few)], b) for a, b in zip(ours, theirs, strict=True))
    among = f"{power(10, shape.rows)} rows of {shape.width}"
    return _row(
        f"GPU nearest {shape.k} of {among}, {shape.queries:,} queries, queries/s",
        repeats,
        clock.work(lambda: there.search(asked, shape.k), shape.queries),
        Work(lambda: here.search(few, shape.k), len(few)),
        "items and similarities equal to the CPU's" if same else "WRONG",
        f"{4 * shape.width} a row",
    )


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Iterator[Row]:
    """Every row of these memories."""
    shape = FULL if scale is gpu.FULL else QUICK
    yield from _bundles(repeats, clock, shape)
    yield from _willshaw(repeats, clock, shape)
    yield _neighbours(repeats, clock, shape)
