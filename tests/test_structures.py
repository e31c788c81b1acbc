# SPDX-License-Identifier: Apache-2.0
"""Structures of hypervectors against those of Python, in every space, where none is expected to fail."""

from __future__ import annotations

import doctest
import importlib
import pickle
from collections import Counter, deque
from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_structures as reference
from hypersketch.vsa import (
    HRR,
    BindSequence,
    BundleSequence,
    ChunkedSequence,
    FiniteStateAutomaton,
    Graph,
    MapI,
    Multiset,
    NGrams,
    Record,
    Tree,
)
from hypersketch.vsa.structures._order import multiplier, turn
from structure_makers import COMMUTATIVE, EXACT, MAKERS, SPACES, SUMS, UNBINDING, sure

in_all = pytest.mark.parametrize("name", SPACES)
unbinding = pytest.mark.parametrize("name", UNBINDING)
exact = pytest.mark.parametrize("name", EXACT)


@pytest.mark.parametrize(
    "module", ["_composite", "_edges", "_kept", "_order", "_places", "_readout", "_rolling"]
)
def test_examples_of_what_structures_share(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"hypersketch.vsa.structures.{module}"))
    assert found.failed == 0
    assert found.attempted > 0


# ---- against Python's own


@in_all
def test_multisets_are_counters(name: str) -> None:
    rng, bag, shadow = np.random.default_rng(1), Multiset(SPACES[name]), Counter[int]()
    linear = "sums" in name or name in ("MapI", "HRR")
    for _ in range(24):
        key = int(rng.integers(20))
        if shadow[key] and (not linear or rng.random() < 0.4):
            bag.remove(key)
            shadow[key] -= 1
        else:
            bag.add(key)
            shadow[key] += 1
    keys = list(range(40))
    assert len(bag) == bag.total_weight == shadow.total()
    sure(bag, 40)
    assert bag.contains(keys).tolist() == [shadow[key] > 0 for key in keys]
    assert {key for key, _ in bag.most_common()} == {key for key in keys if shadow[key]}
    if linear:
        assert max(shadow.values()) > 1
        assert bag.count(keys).round().tolist() == [shadow[key] for key in keys]


@unbinding
def test_records_are_dicts(name: str) -> None:
    rng, record, shadow = np.random.default_rng(2), Record(SPACES[name]), dict[str, bytes]()
    values = [f"value {i}".encode() for i in range(10)]
    for _ in range(40):
        key, value = f"key {rng.integers(15)}", values[rng.integers(10)]
        if key not in shadow:
            assert key not in record
            record.add(key, value)
            shadow[key] = value
        elif rng.random() < 0.4:
            assert record.pop(key) == shadow.pop(key)
        elif shadow[key] != value:
            record[key] = value
            shadow[key] = value
    sure(record, 1000)
    asked = [f"key {i}" for i in range(20)]
    assert record.get(asked) == [shadow.get(key) for key in asked]
    assert dict(record.items()) == shadow
    assert len(record) == len(shadow)
    pairs = [(key, value) for key in asked for value in values]
    found = record.contains(*map(list, zip(*pairs, strict=True)))
    assert found.tolist() == [shadow.get(key) == value for key, value in pairs]
    for value in values:
        assert set(record.find(value)) == {key for key, other in shadow.items() if other == value}
    with pytest.raises(KeyError, match="nothing"):
        record["nothing"]


@in_all
def test_bundle_sequences_are_deques(name: str) -> None:
    rng, sequence, shadow = np.random.default_rng(3), BundleSequence(SPACES[name]), deque[int]()
    for _ in range(40):
        item, what = int(rng.integers(8)), rng.random()
        if len(shadow) < 5 or (what < 0.3 and len(shadow) < 12):
            sequence.append(item)
            shadow.append(item)
        elif what < 0.5 and len(shadow) < 12:
            sequence.appendleft(item)
            shadow.appendleft(item)
        elif what < 0.65:
            assert sequence.pop() == shadow.pop()
        elif what < 0.8:
            assert sequence.popleft() == shadow.popleft()
        else:
            place = int(rng.integers(len(shadow)))
            sequence[place] = item
            shadow[place] = item
    sure(sequence, 200)
    assert sequence.to_list() == list(sequence) == list(shadow)
    assert [sequence[i] for i in (0, -1)] == [shadow[0], shadow[-1]]
    assert sequence[1:4] == list(shadow)[1:4]
    for item in range(8):
        assert sequence.positions(item) == [i for i, other in enumerate(shadow) if other == item]
        assert (item in sequence) == (item in shadow)
    twice = sequence + sequence.copy()
    assert twice.to_list() == list(shadow) * 2


@in_all
def test_chunked_sequences_are_lists(name: str) -> None:
    rng = np.random.default_rng(8)
    levels = {0: (), 1: (1,), 5: (1,), 6: (2, 1), 25: (5, 1), 26: (6, 2, 1), 60: (12, 3, 1)}
    for length in levels:
        items = [int(item) for item in rng.integers(0, 30, length)]
        sequence = ChunkedSequence(SPACES[name], items, chunk=5)
        assert sequence.to_list() == items
        assert len(sequence) == length
        assert (
            sequence.levels
            == {0: (), 1: (1,), 5: (1,), 6: (2, 1), 25: (5, 1), 26: (6, 2, 1), 60: (12, 3, 1)}[length]
        )
    assert (sequence[7], sequence[-1], sequence[3:50:9]) == (items[7], items[-1], items[3:50:9])
    chunk = BundleSequence(SPACES[name], items[10:15])
    assert int((sequence.chunks() @ chunk.hypervectors).argmax()) == 2
    twin = pickle.loads(pickle.dumps(sequence))
    assert twin == sequence == hypersketch.from_bytes(sequence.to_bytes())
    assert twin.to_list() == items
    assert sequence != ChunkedSequence(SPACES[name], items[::-1], chunk=5)
    assert sequence.similarity(twin) > 0.99


@pytest.mark.parametrize("name", ["MapI", "MapB", "BSC", "HRR", "HRR, spectral", "FHRR", "CGR", "MCR"])
def test_bind_sequences_are_recalled(name: str) -> None:
    for items in (["a"], ["b", "a"], ["c", "a", "c"]):
        sequence = BindSequence(SPACES[name], items)
        sequence.memory = BindSequence(SPACES[name], list("abcdef")).memory
        assert sequence.recall() == items
    assert BindSequence(SPACES[name]).recall() == []
    stranger = BindSequence(SPACES[name], ["x", "y", "z"])
    stranger.memory = sequence.memory
    assert stranger.recall(max_iterations=20) is None


@unbinding
def test_bind_sequences_tell_order(name: str) -> None:
    space, rng = SPACES[name], np.random.default_rng(4)
    items = [int(item) for item in rng.integers(0, 6, 12)]
    sequence = BindSequence(space, items)
    assert sequence.similarity(items) > 0.99
    # Factors of MAP-C have fourth moments 1.8 times those of signs: 11 in common make heavy tails.
    spread = 1.8**5.5 if name == "MapC" else 1.0
    limit = 6 * spread / np.sqrt(space.width if name in ("B-SBC", "CGR", "MCR") else space.dim) + 0.02
    others = [
        items[::-1],
        items[1:] + items[:1],
        [*items[:-1], 99],
        [98, *items[1:]],
        items[:-1],
        [*items, 1],
    ]
    for other in others:
        assert other == items or abs(sequence.similarity(other)) < limit
    sequence.append([7, 8])
    assert (sequence.pop(8), sequence.pop(7)) == (8, 7)
    assert sequence.similarity(items) > 0.99
    first, second = BindSequence(space, [1, 2]), BindSequence(space, [2, 1])
    assert abs(first.similarity(second)) < limit
    assert BindSequence(space, [4, 5, 6]).fill([None, 5, 6]) in (4, None)


@pytest.mark.parametrize("name", COMMUTATIVE)
def test_bind_sequences_change_at_both_ends(name: str) -> None:
    space = SPACES[name]
    sequence = BindSequence(space, ["c", "d"])
    sequence.appendleft(["a", "b"])
    assert sequence.similarity(list("abcd")) > 0.99
    sequence.replace(-3, "b", "x")
    assert sequence.similarity(list("axcd")) > 0.99
    for place in range(4):
        known: list[Any] = list("axcd")
        known[place] = None
        assert sequence.fill(known) == "axcd"[place]
    sequence.popleft("a")
    sequence.popleft("x")
    assert sequence.similarity(list("cd")) > 0.99


# ---- from the definitions


@pytest.mark.parametrize("dim", [1, 2, 63, 64, 65, 130])
def test_structures_follow_their_definitions(dim: int) -> None:
    space = MapI(dim, seed=5)
    words = ["a", "b", "c", "a", "d"]
    rows = list(space.unpack(space.atoms(words)).astype(np.int64))
    assert (Record(space, words, words[::-1]).vector == reference.record(rows, rows[::-1])).all()
    if dim >= len(words):
        assert (BundleSequence(space, words).vector == reference.bundle_sequence(rows)).all()
    assert (space.unpack(BindSequence(space, words).vector) == reference.bind_sequence(rows)).all()
    for n in (1, 2, 5):
        assert (NGrams(space, n, words).vector == reference.ngrams(rows, n)).all()
    tree = Tree(space)
    tree.add("a", words[1:])
    assert (tree.vector == reference.leaf(rows[0], rows[1:])).all()
    for directed in (False, True):
        graph = Graph(space, "a", "b", directed=directed)
        assert (graph.vector == reference.edge(rows[0], rows[1], directed)).all()
    machine = FiniteStateAutomaton(space)
    machine.add("a", "b", "c")
    assert (machine.vector == reference.transition(*rows[:3])).all()


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 8, 9, 30, 31])
def test_what_convolution_respects(dim: int) -> None:
    space, unit = HRR(dim), multiplier(dim)
    spectral = HRR(dim, spectral=True)
    a, b = space.atoms(["a", "b"])
    for steps in (0, 1, 3, -1):
        power = pow(unit, steps, dim) if dim > 1 else 1
        wanted = reference.multiplied(a, power, 1)
        assert np.allclose(turn(space, a, steps), wanted, atol=1e-6)
        other = turn(spectral, spectral.to_spectral(a), steps)
        assert np.allclose(spectral.from_spectral(other), wanted, atol=1e-5)
        assert np.allclose(turn(space, turn(space, a, steps), -steps), a)
    product = turn(space, space.bind(a, b), 1)
    wanted = reference.convolution(turn(space, a, 1).astype(float), turn(space, b, 1).astype(float))
    assert np.allclose(product, wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["HRR", "HRR, spectral", "BSDC-S", "BSDC-SEG"])
def test_rotations_do_not_lose_order(name: str) -> None:
    """A shift of one factor would be one of the product, and edges a to b those of b to a."""
    space = SPACES[name]
    graph = Graph(space, ["a"], ["b"], directed=True)
    assert ("a", "b") in graph
    assert ("b", "a") not in graph
    profile = NGrams(space, 3, "abc")
    assert profile.contains(["abc", "acb", "bac", "cba", "bca"]).tolist() == [True, *[False] * 4]


# ---- sums


@exact
@pytest.mark.parametrize("kind", SUMS)
def test_removing_restores_the_state(name: str, kind: str) -> None:
    if name == "BSDC-CDT" and kind not in ("Multiset", "NGrams"):
        pytest.skip("binding cannot be undone")
    made = MAKERS[kind](SPACES[name])
    before = made.copy()
    changes: dict[str, tuple[Any, ...]] = {
        "Multiset": ([1, 2, 3],),
        "Record": (["x", "y"], [1, 2]),
        "Tree": (["x", "y"], ["lll", "rl"]),
        "Graph": ([7, 8], [8, 9]),
        "FiniteStateAutomaton": ([1, 2], [3, 4], [5, 6]),
        "NGrams": ("ananas",),
    }
    made.add(*changes[kind])
    assert made != before
    assert len(made) > len(before)
    made.remove(*changes[kind])
    assert made == before
    assert (made.state == before.state).all()


@exact
def test_sequences_restore_their_states(name: str) -> None:
    space = SPACES[name]
    for kind in (BundleSequence, BindSequence):
        if kind is BindSequence and name == "BSDC-CDT":
            continue
        made = kind(space, list("abc"))
        before = made.copy()
        made.append(["d", "e"])
        made.pop("e")
        made.pop("d")
        assert made == before
        if kind is BundleSequence or name in COMMUTATIVE:
            made.appendleft("z")
            made.popleft("z")
            made.replace(1, "b", "q")
            assert made != before
            made.replace(1, "q", "b")
            assert made == before
        made.clear()
        assert made == kind(space)


@in_all
@pytest.mark.parametrize("kind", SUMS)
def test_merging_is_adding(name: str, kind: str) -> None:
    if name == "BSDC-CDT" and kind not in ("Multiset", "NGrams"):
        pytest.skip("binding cannot be undone")
    one, two = (MAKERS[kind](SPACES[name]) for _ in range(2))
    both = one + two
    assert len(both) == 2 * len(one)
    assert np.allclose(both.state, 2 * one.state)
    one += two
    assert np.allclose(one.state, both.state)
    assert list(both.memory.keys) == list(one.memory.keys) == list(two.memory.keys)
    two.merge(two)
    assert two == one


def test_weights_stream_in() -> None:
    bag = Multiset(MapI(10_000), memory=False)
    bag.update(np.arange(first, first + 100) for first in range(0, 500, 100))
    bag.add([3, 499], weights=[50, 20])
    assert bag.count([3, 499, 1000]).round(-1).tolist() == [50.0, 20.0, 0.0]
    assert (len(bag), bag.total_weight) == (502, 570)
    assert bag.memory is None
