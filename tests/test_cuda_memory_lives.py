# SPDX-License-Identifier: Apache-2.0
"""Lives of memories: the same calls, drawn at random, leave the same states on a GPU as on the CPU.

Floats may differ by the rounding of sums, where a memory's numbers are floats at all.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, outcome
from hypersketch import (
    ConsolidatedMemory,
    DenseMemory,
    HopfieldNetwork,
    ItemMemory,
    OuterProductMemory,
    SparseDistributedMemory,
    SparseyMemory,
    TripleMemory,
    WillshawMemory,
    cuda,
)
from hypersketch.vsa import FHRR, HRR, MBAT, VTB, MapB, MapC, MapI
from item_makers import SPACES

pytestmark = needs_gpu

N_CALLS = 40
SIZES = [0, 1, 2, 7, 31, 33, 64, 65, 130]

Made = Callable[[Random], tuple[Any, ...]]


class Kind(NamedTuple):
    """A memory, its verbs with what they are given, and how far floats may be apart, over the largest."""

    make: Callable[[], Any]
    verbs: dict[str, Made]
    rounding: float = 0.0
    sums_floats: bool = False
    """Whether the state itself is of such floats."""


def generator(random: Random) -> np.random.Generator:
    return np.random.default_rng(random.randrange(2**32))


def signs(dim: int) -> Made:
    """Rows of few different patterns, each with some entries turned."""

    def made(random: Random) -> tuple[Any, ...]:
        rng, n = generator(random), random.choice(SIZES)
        patterns = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (20, dim))
        rows = patterns[rng.integers(0, 20, n)]
        return (np.where(rng.random(rows.shape) < 0.1, -rows, rows).astype(np.int8),)

    return made


def reals(dim: int) -> Made:
    def made(random: Random) -> tuple[Any, ...]:
        return (generator(random).standard_normal((random.choice(SIZES), dim)).astype(np.float32),)

    return made


def numbers(random: Random) -> tuple[Any, ...]:
    """Keys of which many come again."""
    return (generator(random).integers(0, random.choice([20, 400]), random.choice(SIZES)),)


def probes_of(space: Any) -> Made:
    """Bundles of few atoms, and how many items are asked for."""

    def made(random: Random) -> tuple[Any, ...]:
        n = random.choice([1, 2, 33])
        bags = [space.bundle(generator(random).integers(0, 400, 3)).vector for _ in range(n)]
        return np.stack(bags), random.choice([1, 2, 10])

    return made


def within_of(space: Any) -> Made:
    def made(random: Random) -> tuple[Any, ...]:
        return probes_of(space)(random)[0], random.choice([-1.0, 0.05, 0.3, 2.0])

    return made


def items(space: Any, codebook: Any) -> Kind:
    verbs: dict[str, Made] = {"add": numbers, "remove": numbers, "contains": numbers}
    verbs |= {"search": probes_of(space), "range_search": within_of(space), "cleanup": within_of(space)}
    verbs |= {"threshold": lambda random: (0.01, probes_of(space)(random)[0])}
    # Cosines of up to 36 complex numbers or so, summed in double precision in some order; others count.
    rounding = 256 * 2.0**-53 if isinstance(space, MapC | HRR | FHRR | VTB | MBAT) else 0.0
    return Kind(lambda: ItemMemory(space, codebook=codebook), verbs, rounding)


def active(n_units: int) -> Made:
    """Rows of bools, few of them true."""

    def made(random: Random) -> tuple[Any, ...]:
        n = random.choice(SIZES)
        patterns = np.random.default_rng(0).random((20, n_units)) < 0.08
        return (patterns[generator(random).integers(0, 20, n)],)

    return made


def prompt(random: Random) -> tuple[Any, ...]:
    """The beginning of a sequence, and how many items are to follow it."""
    return (*active(70)(random), random.choice([0, 1, 5]))


def facts(random: Random) -> tuple[Any, ...]:
    """Subjects, predicates and objects, few of each, and now and then what they weigh."""
    rng, n = generator(random), random.choice(SIZES)
    columns = (rng.integers(0, 9, n), rng.integers(10, 13, n), rng.integers(20, 29, n))
    return (*columns, rng.integers(-3, 4, n)) if random.random() < 0.3 else columns


def asked(random: Random) -> tuple[Any, ...]:
    given: list[Any] = [random.randrange(9), random.randrange(10, 13), random.randrange(20, 29)]
    given[random.randrange(3)] = None
    return tuple(given)


BY_KEY = ("add", "remove", "contains")
"""Verbs of memories whose keys stay with the host."""

KINDS = {
    "hopfield": Kind(lambda: HopfieldNetwork(70), {"store": signs(70), "retrieve": signs(70)}),
    "dense, exponential": Kind(lambda: DenseMemory(70, "exp"), {"store": signs(70), "retrieve": signs(70)}),
    "dense, cubes": Kind(lambda: DenseMemory(65, 3), {"store": signs(65), "retrieve": signs(65)}),
    "sparse distributed": Kind(
        lambda: SparseDistributedMemory(70, n_locations=99, k=9),
        {"store": signs(70), "remove": signs(70), "retrieve": signs(70)},
    ),
    "outer products": Kind(
        lambda: OuterProductMemory(33), {"store": reals(33), "retrieve": reals(33)}, 2.0**-16, True
    ),
    "willshaw": Kind(lambda: WillshawMemory(70), {"store": active(70), "retrieve": active(70)}),
    "sparsey": Kind(
        lambda: SparseyMemory(70, 9, 15), {"store": active(70), "observe": active(70), "retrieve": active(70)}
    ),
    "sparsey, in context": Kind(
        lambda: SparseyMemory(70, 33, 4, context=True),
        {"store": active(70), "retrieve": active(70), "recall": prompt},
    ),
    "consolidated": Kind(
        lambda: ConsolidatedMemory(17, n_modes=50, threshold=0.3),
        {"store": reals(17), "retrieve": reals(17), "search": reals(17)},
    ),
    "facts": Kind(lambda: TripleMemory(MapI(256)), {"add": facts, "remove": facts, "query": asked}),
    "facts, binary": Kind(lambda: TripleMemory(MapB(100)), {"add": facts, "query": asked}),
    **{
        f"items of {name}, {codebook}": items(SPACES[name], codebook)
        for name in (
            *("MapI", "MapB", "MapT", "BSC", "MapC", "HRR", "FHRR", "VTB", "MBAT"),
            *("BSDC", "BSDC, seg", "B-SBC", "CGR", "MCR"),
        )
        for codebook in ("stored", "procedural")
    },
}


def parts_of(answer: Any) -> list[Any]:
    """Return the arrays of an answer, in their order."""
    if isinstance(answer, np.ndarray | cuda.DeviceArray):
        return [answer]
    return list(answer) if isinstance(answer, tuple) else list(vars(answer).values())


class Life:
    """A memory on a GPU, its twin on the CPU, and what happened to them."""

    def __init__(self, name: str, seed: int) -> None:
        self.kind, self.random = KINDS[name], Random(f"{name} {seed}")
        self.here = self.kind.make()
        self.there = self.here.to("cuda")
        self.past: list[str] = []
        self.worked: set[str] = set()
        """Verbs that were not refused."""

    def step(self) -> None:
        verb = self.random.choice([*self.kind.verbs, *self.kind.verbs, "twin", "reload", "merge"])
        self.past.append(verb)
        getattr(self, f"_{verb}", lambda: self.both(verb))()
        assert self.there.device == "cuda:0"
        moved = self.there.to("cpu")
        if self.kind.sums_floats:
            assert self.close(moved.state, self.here.state), self.past
        else:
            assert moved == self.here, self.past

    def close(self, ours: Any, theirs: Any) -> bool:
        largest = np.abs(theirs).max(initial=1.0)
        return bool(np.allclose(ours, theirs, rtol=0, atol=self.kind.rounding * largest))

    def both(self, verb: str) -> None:
        given = self.kind.verbs[verb](self.random)
        moved = given
        if self.random.random() < 0.6 and not (
            isinstance(self.here, ItemMemory | TripleMemory) and verb in BY_KEY
        ):
            moved = tuple(on_gpu(one) if isinstance(one, np.ndarray) else one for one in given)
        (found, error), (expected, refusal) = (
            outcome(getattr(self.there, verb), *moved),
            outcome(getattr(self.here, verb), *given),
        )
        assert error == refusal, (self.past, error, refusal)
        if not error:
            self.worked.add(verb)
        if expected is None:
            return
        for ours, theirs in zip(parts_of(found), parts_of(expected), strict=True):
            if theirs is None or isinstance(theirs, list):
                assert ours == theirs, self.past
            elif np.asarray(theirs).dtype.kind == "f" and self.kind.rounding:
                assert self.close(np.asarray(ours), theirs), self.past
            else:
                assert np.array_equal(np.asarray(ours), theirs), self.past

    def _twin(self) -> None:
        twin = self.random.choice([lambda one: one.copy(), lambda one: pickle.loads(pickle.dumps(one))])
        before, self.there = self.there, twin(self.there)
        verb = next(iter(self.kind.verbs))
        outcome(getattr(before, verb), *self.kind.verbs[verb](self.random))  # which the twin must not see

    def _reload(self) -> None:
        self.there = hypersketch.from_bytes(self.there.to_bytes()).to("cuda")

    def _merge(self) -> None:
        if not hasattr(self.here, "merge"):
            return
        verb, other = next(iter(self.kind.verbs)), self.kind.make()
        outcome(getattr(other, verb), *self.kind.verbs[verb](self.random))
        given = other.to("cuda") if self.random.random() < 0.5 else other
        done = [outcome(one.merge, two)[1] for one, two in ((self.there, given), (self.here, other))]
        assert done[0] == done[1], self.past
        if not done[0]:
            self.worked.add("merge")


@pytest.mark.parametrize("name", KINDS)
def test_lives_are_the_same(name: str) -> None:
    worked: set[str] = set()
    for seed in range(4):
        life = Life(name, seed)
        for _ in range(N_CALLS):
            life.step()
        worked |= life.worked
    wanted = {*life.kind.verbs, *(["merge"] if hasattr(life.here, "merge") else [])}
    assert worked == wanted  # not all of a kind were refused on both sides
