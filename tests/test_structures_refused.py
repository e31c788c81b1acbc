# SPDX-License-Identifier: Apache-2.0
"""Structures with bad input: spaces that do not mix, one clear sentence, and nothing changed."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import CountSketch, ItemMemory
from hypersketch.sketches import CapacityWarning
from hypersketch.vsa import (
    BSC,
    BSDC,
    CGR,
    FHRR,
    HRR,
    MBAT,
    VTB,
    BindSequence,
    BundleSequence,
    ChunkedSequence,
    FiniteStateAutomaton,
    Graph,
    Hypervectors,
    MapB,
    MapI,
    Multiset,
    NGrams,
    Record,
    Tree,
)
from structure_makers import MAKERS, SPACE, SPACES, adding, every_kind


def test_what_is_no_space_or_memory() -> None:
    for kind in (Multiset, Record, BundleSequence, BindSequence, Tree, Graph, FiniteStateAutomaton, NGrams):
        with pytest.raises(TypeError, match=f"'space' parameter of {kind.__name__} must be a space"):
            kind(1000)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=f"'memory' parameter of {kind.__name__} must be an ItemMemory"):
            kind(SPACE, memory=["a"])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="different spaces do not mix"):
            kind(SPACE, memory=ItemMemory(MapI(999)))
        if kind not in (Multiset, BundleSequence, NGrams):
            with pytest.raises(
                ValueError, match=f"{kind.__name__} must be a space whose binding can be undone"
            ):
                kind(BSDC(1000))


@every_kind
def test_spaces_do_not_mix(kind: str) -> None:
    made = MAKERS[kind](SPACE)
    before, stranger = made.copy(), Hypervectors.of(MapI(1000, seed=4), ["a", "b", "c"])
    calls: dict[str, tuple[Any, ...]] = {
        "Multiset": (stranger,),
        "NGrams": (stranger,),
        "FiniteStateAutomaton": (["a"] * 3, stranger, ["b"] * 3),
        "Tree": (stranger, ["l"] * 3),
    }
    with pytest.raises(TypeError, match="different spaces do not mix"):
        adding(made)(*calls.get(kind, (stranger,) if hasattr(made, "append") else (["a"] * 3, stranger)))
    assert made == before
    assert made.memory.keys.tolist() == before.memory.keys.tolist()
    other = MAKERS[kind](MapI(1000, seed=4))
    if hasattr(made, "merge"):
        for strange, error in (
            (other, ValueError),
            (CountSketch(10, 3), TypeError),
            (SPACE.bundle("a"), TypeError),
        ):
            with pytest.raises(error, match=r"merge"):
                made.merge(strange)
        assert made == before
        with pytest.raises(TypeError, match="merge"):
            made.merge_from_bytes(SPACE.bundle("a").to_bytes())
        with pytest.raises(ValueError, match="cannot be loaded"):
            made.merge_from_bytes(b"nothing of ours")
        made.merge_from_bytes(before.to_bytes())
        assert len(made) == 2 * len(before)
    assert made != other
    assert made != 5


CALLS: list[tuple[Any, type[Exception], str]] = [
    (lambda: Multiset(SPACE).add(1.5), TypeError, "'keys' parameter must be integers, strings"),
    (lambda: Multiset(SPACE).add(np.zeros((2, 16), np.uint64)), TypeError, "keys, or Hypervectors"),
    (lambda: Multiset(SPACE).add("a", weights=[1, 2]), ValueError, "weights"),
    (lambda: Multiset(SPACE).add("a", weights=[1.5]), TypeError, "weights.*integers"),
    (lambda: Multiset(HRR(64)).add("a", weights=[np.nan]), ValueError, "weights.*finite"),
    (lambda: Multiset(SPACE, "a", memory=False).most_common(), ValueError, "has no item memory"),
    (lambda: Multiset(SPACE, "a").contains("a", threshold="x"), TypeError, "'threshold'.*finite float"),
    (lambda: Multiset(SPACE, "a").threshold(0), ValueError, r"'false_accept'.*\(0, 1\)"),
    (lambda: Multiset(SPACE, "a").expected_accuracy(0), ValueError, "'universe'.*integer in"),
    (lambda: Record(SPACE, ["a", "b"], ["x"]), ValueError, "as many values as keys. Got 1 and 2"),
    (lambda: Record(SPACE, ["a"]), TypeError, "'keys' parameter must be integers"),
    (lambda: Record(SPACE).add(["a", 1], [1, 2]), TypeError, "Keys of one batch"),
    (lambda: Record(SPACE)["a"], KeyError, "a"),
    (lambda: Record(SPACE).pop("a"), KeyError, "a"),
    (lambda: Record(SPACE, ["a"], ["x"]).search("a", k=2), ValueError, "k"),
    (lambda: Record(SPACE, "a", "b").find(["b", "c"]), ValueError, "'value'.*one value"),
    (lambda: FiniteStateAutomaton(SPACE).successors(["a", "b"], "c"), ValueError, "as many inputs as states"),
    (lambda: Record(SPACE).search("a"), ValueError, "empty"),
    (lambda: BundleSequence(SPACE).pop(), IndexError, "pop from an empty BundleSequence"),
    (lambda: BundleSequence(SPACE).popleft("a"), IndexError, "pop from an empty BundleSequence"),
    (lambda: BundleSequence(SPACE, ["a"])[1], IndexError, "index 1 is out of range of 1 items"),
    (lambda: BundleSequence(SPACE, ["a"])[1.0], TypeError, "'index' parameter"),
    (lambda: BundleSequence(SPACE, ["a"]).index("b"), ValueError, "'b' is not in this BundleSequence"),
    (
        lambda: BundleSequence(MapI(3), "abcd").append(list("abc")),
        ValueError,
        "at most 3 places. Got 4 items",
    ),
    (lambda: BundleSequence(SPACE, ["a"]).replace(0, ["a", "b"], "c"), ValueError, "'old'.*one item"),
    (lambda: BundleSequence(SPACE).concat([]), TypeError, "be joined with"),
    (lambda: BindSequence(SPACE).pop("a"), IndexError, "pop from an empty BindSequence"),
    (lambda: BindSequence(SPACE, ["a"]).pop(["a", "b"]), ValueError, "'key'.*one item"),
    (lambda: BindSequence(SPACE, ["a"]).fill(["a"]), ValueError, "1 items of which one is None"),
    (lambda: BindSequence(SPACE, ["a"]).replace(3, "a", "b"), IndexError, "out of range"),
    (lambda: BindSequence(VTB(64), ["a"]).appendleft("b"), ValueError, "commutative"),
    (lambda: BindSequence(MBAT(64), ["a", "b"]).popleft("a"), ValueError, "commutative"),
    (lambda: BindSequence(VTB(64), ["a", "b"]).recall(), TypeError, "'space' parameter of Resonator"),
    (lambda: BindSequence(SPACE, ["a", "b"], memory=False).recall(), ValueError, "has no item memory"),
    (lambda: BindSequence(SPACE).threshold(0.1), TypeError, "has no noise"),
    (lambda: ChunkedSequence(SPACE, "abc", chunk=1), ValueError, r"'chunk'.*integer in \[2, 2"),
    (lambda: ChunkedSequence(CGR(9), "abc", chunk=10), ValueError, "'chunk'.*at most 9 in CGR"),
    (lambda: ChunkedSequence(SPACE, ["a"])[1], IndexError, "index 1 is out of range of 1 items"),
    (lambda: ChunkedSequence(SPACE, ["a"]).chunks(1), ValueError, "'level'"),
    (lambda: ChunkedSequence(SPACE, ["a"], memory=False)[0], ValueError, "no item memory"),
    (lambda: ChunkedSequence(SPACE, ["a"]).clear(), TypeError, "does not change"),
    (lambda: ChunkedSequence(SPACE, ["a"]).expected_accuracy(), TypeError, "has no noise of its own"),
    (lambda: Tree(SPACE).add("a", 5), TypeError, "'path'.*a str of branches"),
    (lambda: Tree(SPACE).add(["a", "b"], ["l"]), ValueError, "as many paths as values. Got 1 and 2"),
    (lambda: Tree(SPACE)["l"], KeyError, "l"),
    (lambda: Graph(SPACE, directed=1), TypeError, "'directed'.*True or False"),
    (lambda: Graph(SPACE, ["a"], ["a"]), ValueError, "has no loops"),
    (lambda: Graph(SPACE, ["a", "b"], ["c"]), ValueError, "as many targets as sources"),
    (lambda: Graph(SPACE).add("a", "b", labels=["x", "y"]), ValueError, "as many labels"),
    (lambda: Graph(SPACE, "a", "b").neighbors(["a", "b"]), ValueError, "one node"),
    (lambda: "a" in Graph(SPACE), TypeError, r"a tuple \(source, target\)"),
    (lambda: Graph(VTB(64), directed=True).unbind("a", incoming=True), ValueError, "use neighbors"),
    (lambda: FiniteStateAutomaton(SPACE).add("a", "b", ["c", "d"]), ValueError, "as many next_states"),
    (lambda: NGrams(SPACE, 0), ValueError, r"'n' parameter of NGrams must be an integer in \[1, 255\]"),
    (lambda: NGrams(SPACE, 2, b"bytes"), TypeError, "'tokens'.*a str, a batch"),
    (lambda: NGrams(SPACE, 2).add("abc", weight=0.5), TypeError, "integers"),
    (lambda: NGrams(SPACE, 2).count("abc"), ValueError, "runs of 2 tokens"),
    (lambda: NGrams(SPACE, 2).following("ab"), ValueError, "1 tokens"),
    (lambda: NGrams(SPACE, 2).similarity(NGrams(SPACE, 3)), ValueError, "'n' parameter of both"),
]


@pytest.mark.parametrize(("call", "error", "sentence"), CALLS, ids=range(len(CALLS)))
def test_one_clear_sentence(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


@every_kind
def test_a_refused_change_changes_nothing(kind: str) -> None:
    made = MAKERS[kind](SPACE)
    before = made.copy()
    bad: dict[str, list[tuple[Any, ...]]] = {
        "Multiset": [(["new"], [2**31]), (["new", 1],), (["new"], ["x"])],
        "Record": [(["new"], ["x", "y"]), ("new", "x", [2**31]), ("new", 1.5)],
        "Tree": [(["new"], ["l", "r"]), ("new", "l", [0.5]), ("new", [1.5])],
        "Graph": [(["new"], ["x", "y"]), ("new", "x", [2**40]), ("new", None)],
        "FiniteStateAutomaton": [("new", "x", ["y", "z"]), ("new", "x", "y", ["w"])],
        "NGrams": [("new text", 2**31), ([1.5, 2.5],)],
        "BundleSequence": [(["new", 1],), (1.5,)],
        "BindSequence": [(["new", 1],), (1.5,)],
    }
    for arguments in bad[kind]:
        with pytest.raises((TypeError, ValueError)):
            adding(made)(*arguments)
    if kind in ("Multiset", "Record", "NGrams"):
        most = {
            "Multiset": ("w", [2**31 - 1]),
            "Record": ("w", "v", [2**31 - 1]),
            "NGrams": ("wv", 2**31 - 1),
        }
        for one in (made, before):
            one.clear()
            one.add(*most[kind])
        with pytest.raises(OverflowError, match="int32"):
            made.add(*most[kind])
    assert made == before
    assert len(made) == len(before)
    assert made.memory.keys.tolist() == before.memory.keys.tolist()


@pytest.mark.parametrize(
    "space", [MapI(1), MapB(1), BSC(63), HRR(1), HRR(2, spectral=True), FHRR(1), CGR(1), VTB(1)]
)
def test_tiny_dimensions_do_not_break(space: Any) -> None:
    for kind, make in MAKERS.items():
        if kind == "BundleSequence" and space.dim < 5:
            continue
        if kind in ("Multiset", "Graph") or space.dim > 8:
            made = make(space)
            twin = hypersketch.from_bytes(made.to_bytes())
            assert twin == made
            made.clear()
            assert len(made) == 0


def test_empty_batches_and_structures() -> None:
    for space in SPACES.values():
        bag = Multiset(space, [])
        assert (len(bag), bag.most_common(), bag.expected_error) == (0, [], 0.0)
        assert bag.contains(["a"]).tolist() == [False]
        assert bag.count([]).shape == (0,)
        assert bag.count("a").tolist() == [0.0]
        assert BundleSequence(space).to_list() == []
        assert BundleSequence(space).positions("a") == []
    record = Record(SPACE, [], [])
    assert (record.get([]), record.get("a"), record.items(), len(record)) == ([], None, [], 0)
    graph = Graph(SPACE, [], [])
    assert (graph.edges(), graph.neighbors("a"), graph.label("a", "b")) == ([], [], None)
    assert FiniteStateAutomaton(SPACE).run("a", "bc") == ["a"]
    assert NGrams(SPACE, 3, "ab") == NGrams(SPACE, 3)
    assert Tree(SPACE).get("l") is None


def test_too_much_is_said_once() -> None:
    record = Record(MapB(200))
    record.add(range(7), range(7))
    with pytest.warns(
        CapacityWarning, match=r"This Record holds 157 elements in 200 dimensions: one test in \d"
    ):
        record.add(range(7, 157), range(150))
    assert record.expected_error > 0.1
    record.add(range(200, 400), range(200))  # no second warning


@pytest.mark.parametrize("kind", [BundleSequence, BindSequence, Multiset])
def test_threads_do_not_get_in_each_others_way(kind: Any) -> None:
    space = MapI(4000)
    made = kind(space)
    change = made.append if hasattr(made, "append") else made.add
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, ["a"] * 60))
    assert made == kind(space, ["a"] * 60)
    assert made.memory.keys.tolist() == ["a"]


def test_sentences_name_their_structures() -> None:
    assert repr(Graph(SPACE, directed=True)) == "Graph(space=MapI(dim=1000, seed=3), directed=True, size=0)"
    assert repr(NGrams(SPACE, 4)) == "NGrams(space=MapI(dim=1000, seed=3), n=4, size=0)"
    assert re.fullmatch(r"Record\(space=HRR\(dim=64, .*\), size=1\)", repr(Record(HRR(64), "a", "b")))
    assert bool(Multiset(SPACE))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Multiset(SPACE))
