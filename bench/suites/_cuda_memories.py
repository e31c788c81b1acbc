# SPDX-License-Identifier: Apache-2.0
"""Associative memories on a GPU beside NumPy on all cores and torch's matrix products on the same GPU.

Networks and dense memories update all units of many states once; an outer-product memory stores pairs and is
read; a sparse distributed memory is written and read, beside our own on the CPU. Some answers are compared
with the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gpu
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, note, rate_text, rates, row
from hypersketch import DenseMemory, HopfieldNetwork, OuterProductMemory, SparseDistributedMemory
from peers import Missing
from peers.torch_memories import TorchMemories

Signs = NDArray[np.int8]


class Shape(NamedTuple):
    """How much is measured."""

    units: int
    patterns: int
    states: int
    dim: int
    """Of keys and values of pairs."""
    pairs: int
    locations: int
    address: int
    radius: int


FULL = Shape(1024, 1000, 4096, 1024, 1 << 15, 10**5, 1000, 451)
QUICK = Shape(70, 10, 20, 40, 100, 60, 64, 30)
_COMPARED = 16


def _peer() -> TorchMemories | None:
    try:
        return TorchMemories(gpu.DEVICE)
    except (Missing, ImportError):
        return None


def _signs(rng: np.random.Generator, n: int, width: int) -> Signs:
    return rng.choice(np.array([-1, 1], np.int8), (n, width))


def _beside(what: str, got: dict[str, float], worth: str, size: str) -> Iterator[Row]:
    """One row for every other that was timed."""
    ours = got["ours"]
    for name, theirs in got.items():
        if name != "ours":
            other = f"{name}: {rate_text(theirs)}"
            yield row(what, rate_text(ours), other, ours / theirs, None, worth, size)


# ---- patterns


def _weighed(name: Any, overlaps: Any, units: int) -> Any:
    """What NumPy and torch weigh patterns by."""
    if name == "exp":
        return np.exp(overlaps - units) if isinstance(overlaps, np.ndarray) else (overlaps - units).exp()
    return overlaps if name == 2 else overlaps * overlaps


def _updates(repeats: int, clock: Clock, ceilings: Ceilings, shape: Shape) -> Iterator[Row]:
    rng, peer = np.random.default_rng(0), _peer()
    patterns, starts = _signs(rng, shape.patterns, shape.units), _signs(rng, shape.states, shape.units)
    asked, n = gpu.on_gpu(starts), shape.states
    stored, given = patterns.astype(np.float32), starts.astype(np.float32)
    for degree in (2, 3, "exp"):
        network = HopfieldNetwork(shape.units)
        here: Any = network if degree == 2 else DenseMemory(shape.units, degree)  # type: ignore[arg-type]
        here.store(patterns)
        there = here.to("cuda")
        works: dict[str, Work] = {
            "ours": clock.work(lambda there=there: there.retrieve(asked, max_sweeps=1), n),
            "NumPy float32": Work(
                lambda d=degree: np.sign(_weighed(d, given @ stored.T, shape.units) @ stored), n
            ),
        }
        if peer is not None:
            x, s = peer.there(stored), peer.there(given)
            works[peer.name] = clock.work(
                lambda d=degree, x=x, s=s: peer.update(x, s, lambda o: _weighed(d, o, shape.units)), n
            )
        got = rates(repeats, works)
        few = slice(0, _COMPARED)
        expected = here.retrieve(starts[few], max_sweeps=1).states
        same = np.array_equal(np.asarray(there.retrieve(asked, max_sweeps=1).states)[few], expected)
        worth, size = "states equal to the CPU's" if same else "WRONG", f"{shape.units // 8} a pattern"
        name = "Hopfield network" if degree == 2 else f"dense memory, degree {degree}"
        what = f"GPU {name}, {shape.patterns:,} patterns of {shape.units:,} units, one update, states/s"
        if degree == 2:  # planes of the weights, and distances before and after
            limit, passes = ceilings.any("bits"), shape.units.bit_length() + 3
            share = got["ours"] * passes * shape.units * shape.patterns / limit.rate
            yield row(what, rate_text(got["ours"]), limit.text(), share, None, worth, size, limit=True)
        yield from _beside(what, got, worth, size)


# ---- pairs


def _pairs(repeats: int, clock: Clock, shape: Shape) -> Iterator[Row]:
    rng, peer = np.random.default_rng(1), _peer()
    keys, values = (
        (rng.standard_normal((shape.pairs, shape.dim)) / np.sqrt(shape.dim)).astype(np.float32)
        for _ in range(2)
    )
    for rule in ("hebb", "delta"):
        n = shape.pairs if rule == "hebb" else max(1, shape.pairs // 16)
        there, here = (OuterProductMemory(shape.dim, rule=rule, device=on) for on in ("cuda", "cpu"))  # type: ignore[arg-type]
        left, right = gpu.on_gpu(keys[:n]), gpu.on_gpu(values[:n])
        works = {
            "ours": clock.work(lambda m=there, a=left, b=right: m.store(a, b), n, there.clear),
            "ours on the CPU": Work(lambda m=here, n=n: m.store(keys[:n], values[:n]), n, here.clear),
        }
        if peer is not None and rule == "hebb":
            k, v = peer.there(keys), peer.there(values)
            works[peer.name] = clock.work(lambda k=k, v=v: peer.pairs(k, v), n)
        what = f"GPU outer products, {rule}, {shape.dim:,} x {shape.dim:,}, pairs/s"
        got = rates(repeats, works)
        for memory, pairs in ((there, (left, right)), (here, (keys[:n], values[:n]))):
            memory.clear()
            memory.store(*pairs)
        worth = _closeness(np.asarray(there.state), here.state)
        yield from _beside(what, got, worth, f"{4 * shape.dim**2:,} a matrix")
    asked, matrix = gpu.on_gpu(keys), np.asarray(there.state).reshape(shape.dim, shape.dim)
    works = {
        "ours": clock.work(lambda: there.retrieve(asked), shape.pairs),
        "NumPy float32": Work(lambda: keys @ matrix.T, shape.pairs),
    }
    if peer is not None:
        w, k = peer.there(matrix), peer.there(keys)
        works[peer.name] = clock.work(lambda: peer.answers(w, k), shape.pairs)
    what = f"GPU outer products, {shape.dim:,} x {shape.dim:,}, answers/s"
    got, answers = rates(repeats, works), np.asarray(there.retrieve(asked).states)[:_COMPARED]
    worth = _closeness(answers, keys[:_COMPARED] @ matrix.T)
    yield from _beside(what, got, worth, f"{4 * shape.dim**2:,} a matrix")


def _closeness(ours: Any, wanted: Any) -> str:
    """How far both are apart; a reader judges, and what is as far as the numbers themselves is named."""
    off = float(np.abs(ours - wanted).max() / np.abs(wanted).max())
    return f"off the CPU's by {off:.1e} of the largest" if off < 0.01 else "WRONG"


# ---- hard locations


def _locations(repeats: int, clock: Clock, shape: Shape) -> Iterator[Row]:
    rng, n, peer = np.random.default_rng(2), max(_COMPARED, shape.states // 4), _peer()
    size: dict[str, Any] = {"n_locations": shape.locations, "radius": shape.radius}
    here = SparseDistributedMemory(shape.address, **size)
    items = _signs(rng, n, shape.address)
    here.store(items)
    there, asked, few = here.to("cuda"), gpu.on_gpu(items), items[:_COMPARED]
    emptied = SparseDistributedMemory(shape.address, **size, device="cuda")
    works = {
        "ours": clock.work(lambda: there.retrieve(asked), n),
        "ours on the CPU": Work(lambda: here.retrieve(few), len(few)),
    }
    if peer is not None:
        bits = np.unpackbits(here.locations.view(np.uint8), axis=1, count=shape.address, bitorder="little")
        places, counters = peer.there(1 - 2 * bits.astype(np.int8)), peer.there(here.counters)
        given = peer.there(items)
        works[peer.name] = clock.work(lambda: peer.located(places, counters, given, shape.radius), n)
    sums = np.asarray(there.retrieve(asked).sums)[:_COMPARED]
    worth = "sums equal to the CPU's" if np.array_equal(sums, here.retrieve(few).sums) else "WRONG"
    what = f"GPU sparse distributed memory, {shape.locations:,} locations of {shape.address:,} bits"
    yield from _beside(f"{what}, reads/s", rates(repeats, works), worth, f"{here.nbytes}")
    works = {
        "ours": clock.work(lambda: emptied.store(asked), n, emptied.clear),
        "ours on the CPU": Work(lambda: here.store(few), len(few)),
    }
    got = rates(repeats, works)
    emptied.clear()
    emptied.store(asked)
    same = emptied == there
    yield from _beside(
        f"{what}, writes/s", got, "counters equal to the CPU's" if same else "WRONG", f"{here.nbytes}"
    )


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Iterator[Row]:
    """Every row of the memories."""
    shape = FULL if scale is gpu.FULL else QUICK
    if _peer() is None:
        yield note("GPU torch memories", "torch is not there, or sees no GPU")
    yield from _updates(repeats, clock, ceilings, shape)
    yield from _pairs(repeats, clock, shape)
    yield from _locations(repeats, clock, shape)
