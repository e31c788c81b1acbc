# SPDX-License-Identifier: Apache-2.0
"""Lives of structures: the same calls, drawn at random, on a GPU and on the CPU leave the same states.

Batches are integers or strings, of every small size, in host memory or on the GPU, with weights or without;
between them come merges, copies, files, moves, emptying, and calls that must be refused on both sides alike.
"""

from __future__ import annotations

import pickle
import warnings
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, outcome
from hypersketch import cuda
from makers import MAKERS, SETS, answers, same

pytestmark = needs_gpu

N_CALLS = 60
SIZES = [0, 1, 2, 7, 31, 32, 33, 64, 65, 200, 1000]


class Batch(NamedTuple):
    """Keys and weights in host memory, and the same where the GPU's structure takes them from."""

    keys: Any
    weights: Any
    there: Any
    weights_there: Any


def keys_of(random: Random, n: int) -> Any:
    kind = random.randrange(3)
    numbers = np.random.default_rng(random.randrange(2**32)).integers(0, random.choice([5, 300, 2**62]), n)
    if kind == 0:
        return [f"key {number}" for number in numbers]
    return numbers.astype(random.choice([np.int32, np.uint64])) if kind == 1 else numbers


def strings_there(texts: list[str]) -> cuda.Strings:
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    return cuda.Strings(on_gpu(offsets), on_gpu(np.frombuffer(b"".join(encoded), np.uint8)))


def batch_of(random: Random, weighted: bool, least: int) -> Batch:
    keys = keys_of(random, random.choice(SIZES))
    n, weights = len(keys), None
    if weighted and random.random() < 0.6:
        most = random.choice([3, 3, 3, 3, 2**31 - 1])  # which some structure refuses sooner or later
        weights = np.array([random.randint(least * most, most) for _ in range(n)], np.int64)
    lies_there = random.random() < 0.6
    if not lies_there:
        return Batch(keys, weights, keys, weights)
    there = strings_there(keys) if isinstance(keys, list) else on_gpu(keys)
    return Batch(keys, weights, there, None if weights is None else on_gpu(weights))


class Life:
    """A structure on a GPU, its twin on the CPU, and what happened to them."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.random = name, Random(f"{name} {seed}")
        self.here = MAKERS[name]()
        self.there = self.here.to("cuda")
        self.weighted = name not in SETS
        self.least = 0 if name.startswith(("Counting", "CountMin")) else -1
        self.never = {"remove"} if name == "Bundle of MapB" else set()
        self.is_real, self.largest = name.startswith("Real"), 0.0
        self.past: list[str] = []
        self.worked: set[str] = set()
        """Verbs that were not refused."""

    def step(self) -> None:
        verbs = [self.add] * 5 + [self.ask] * 3 + [self.merge, self.duplicate, self.reload, self.empty]
        if hasattr(self.here, "remove"):
            verbs += [self.remove] * 2
        if hasattr(self.here, "test_and_add"):
            verbs += [self.test_and_add] * 2
        verb = self.random.choice(verbs)
        self.past.append(verb.__name__)
        verb()
        assert self.is_same(), self.past
        assert self.there.device == "cuda:0"

    def is_same(self) -> bool:
        """Whether the states are equal; sums of real vectors may be, but for their order."""
        moved = self.there.to("cpu")
        if not self.is_real:
            return same(moved, self.here)
        off = np.abs(moved._state - self.here._state).max()
        self.largest = max(self.largest, np.abs(self.here._state).max())
        counts = moved._saved_counts() == self.here._saved_counts()
        return counts and bool(off <= N_CALLS * SIZES[-1] * 2.0**-52 * self.largest)

    def both(self, verb: str) -> None:
        batch = batch_of(self.random, self.weighted and verb != "test_and_add", self.least)
        arguments = [(batch.keys,), (batch.there,)]
        if batch.weights is not None:
            arguments = [(batch.keys, batch.weights), (batch.there, batch.weights_there)]
        (found, error), (expected, refusal) = (
            outcome(getattr(one, verb), *given)
            for one, given in zip((self.there, self.here), arguments[::-1], strict=True)
        )
        assert error == refusal, (self.past, error, refusal)
        if not error:
            self.worked.add(verb)
        if expected is not None:
            assert np.array_equal(np.asarray(found), expected), self.past

    def add(self) -> None:
        self.both("add")

    def remove(self) -> None:
        self.both("remove")

    def test_and_add(self) -> None:
        self.both("test_and_add")

    def ask(self) -> None:
        batch = batch_of(self.random, False, 0)
        found, expected = (answers(*one) for one in ((self.there, batch.there), (self.here, batch.keys)))
        assert isinstance(found, np.ndarray) == (batch.there is batch.keys), self.past
        found = np.asarray(found)
        if found.dtype == np.bool_ or not self.is_real:
            assert np.array_equal(found, expected), self.past
        else:  # cosines of single precision
            assert np.allclose(found, expected, rtol=0, atol=1e-6), self.past

    def merge(self) -> None:
        other = MAKERS[self.name]()
        keys = keys_of(self.random, self.random.choice(SIZES))
        other.add(keys)
        given = other.to("cuda") if self.random.random() < 0.5 else other
        done = [outcome(one.merge, two)[1] for one, two in ((self.there, given), (self.here, other))]
        assert done[0] == done[1], self.past
        if not done[0]:
            self.worked.add("merge")

    def duplicate(self) -> None:
        twin = self.random.choice([lambda one: one.copy(), lambda one: pickle.loads(pickle.dumps(one))])
        before, self.there = self.there, twin(self.there)
        outcome(before.add, keys_of(self.random, 9))  # which the twin must not see

    def reload(self) -> None:
        self.there = hypersketch.from_bytes(self.there.to_bytes()).to("cuda")

    def empty(self) -> None:
        if self.random.random() < 0.3:
            self.here.clear()
            self.there.clear()


@pytest.mark.parametrize("name", MAKERS)
def test_lives_are_the_same(name: str) -> None:
    worked: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of capacities, and of counters that are full
        for seed in range(4):
            life = Life(name, seed)
            for _ in range(N_CALLS):
                life.step()
            worked |= life.worked
    verbs = {"add", "merge", "remove", "test_and_add"}
    # Not all of a kind were refused on both sides; MAP-B alone takes nothing away.
    assert worked == {verb for verb in verbs if hasattr(life.here, verb)} - life.never
