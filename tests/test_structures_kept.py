# SPDX-License-Identifier: Apache-2.0
"""Structures in files and copies, with item memories and vectors of others."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import ItemMemory, _container
from hypersketch.vsa import (
    FHRR,
    BindSequence,
    BundleSequence,
    ChunkedSequence,
    FiniteStateAutomaton,
    Graph,
    Hypervectors,
    MapI,
    Multiset,
    NGrams,
    Record,
    Tree,
)
from structure_makers import MAKERS, SPACE, SPACES, adding, every_kind


def answers(made: Any) -> Any:
    """Something that only a structure with its keys can say."""
    if isinstance(made, Multiset):
        return [key for key, _ in made.most_common()]
    if isinstance(made, BindSequence):
        return made.fill([None, *"ello"])
    asked: dict[type, Any] = {
        Record: lambda: [made.items(), made.find("euro")],
        BundleSequence: made.to_list if isinstance(made, BundleSequence) else None,
        Tree: lambda: [made[path] for path in ("ll", "lr", "r")],
        Graph: lambda: [made.neighbors(2), made.label(1, 3)],
        FiniteStateAutomaton: lambda: made.run("A", "0110"),
        NGrams: lambda: [key for key, _ in made.following("n")],
    }
    return asked[type(made)]()


# ---- files and copies


@every_kind
@pytest.mark.parametrize(
    "name", ["MapI", "BSC", "MapT", "HRR, spectral", "FHRR, sums", "VTB", "BSDC-SEG", "CGR"]
)
def test_files_keep_structures(kind: str, name: str, tmp_path: Path) -> None:
    made = MAKERS[kind](SPACES[name])
    made.save(tmp_path / "a.safetensors")
    loaded = hypersketch.load(tmp_path / "a.safetensors")
    for twin in (loaded, hypersketch.from_bytes(made.to_bytes()), pickle.loads(pickle.dumps(made))):
        assert type(twin) is type(made)
        assert twin == made
        assert repr(twin) == repr(made)
        assert answers(twin) == answers(made)
    assert loaded.to_bytes() == made.to_bytes()


@every_kind
def test_copies_are_independent(kind: str) -> None:
    made = MAKERS[kind](SPACE)
    for twin in (made.copy(), copy.copy(made), copy.deepcopy(made)):
        assert twin == made
        before = len(made)
        twin.clear()
        assert twin != made
        assert (len(twin), len(made)) == (0, before)
        assert len(twin.memory.keys) == 0 < len(made.memory.keys)


@every_kind
def test_mapped_states_do_not_change(kind: str, tmp_path: Path) -> None:
    made = MAKERS[kind](SPACE)
    made.save(tmp_path / "a.safetensors")
    mapped = hypersketch.load(tmp_path / "a.safetensors", mmap=True)
    assert mapped == made
    assert answers(mapped) == answers(made)
    n_keys = len(mapped.memory.keys)
    with pytest.raises(ValueError, match="read-only"):
        mapped.clear()
    change: dict[str, Any] = {"Multiset": ("z",), "NGrams": ("zzz",), "FiniteStateAutomaton": tuple("xyz")}
    with pytest.raises(ValueError, match="read-only"):
        adding(mapped)(*change.get(kind, ("y",) if hasattr(mapped, "append") else ("y", "z")))
    assert mapped == made
    assert (len(mapped), len(mapped.memory.keys)) == (len(made), n_keys)
    twin = mapped.copy()
    twin.clear()
    assert len(twin) == 0


def test_shared_structures_answer() -> None:
    made = MAKERS["Record"](SPACE)
    with made.share() as shared:
        seen = hypersketch.attach(shared.name)
        assert seen == made
        assert seen["name"] == "France"
        with pytest.raises(ValueError, match="cannot grow"):
            hypersketch.attach(shared.name, writable=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p, c: c.pop("numbers"), "bundle, numbers, keys"),
        (lambda p, c: c["numbers"].update(other=1), "not those of a Record"),
        (lambda p, c: c["numbers"].update(size=1.5), "'size' parameter of Record must be an integer"),
        (lambda p, c: c["keys"].update(memory="x"), "not a list"),
        (lambda p, c: c["keys"].update(memory=[None]), "must be an integer"),
        (lambda p, c: c["keys"].pop("roles"), "not those of a Record"),
        (lambda p, c: c["bundle"].pop("n_added"), "counts must be"),
        (lambda p, c: p["space"].update(model="Nothing"), "description of a space"),
        (lambda p, c: p["space"].update(dim=-1), "'dim' parameter"),
        (lambda p, c: p["space"].update(dim=2**30), "parameters ask for"),
        (lambda p, c: p.update(more=1), "parameters of Record are space"),
    ],
)
def test_files_that_lie_are_refused(change: Any, sentence: str) -> None:
    data = MAKERS["Record"](SPACE).to_bytes()
    size = int.from_bytes(data[:8], "little")
    header, state = json.loads(data[8 : 8 + size]), np.frombuffer(data[8 + size :], np.int32)
    metadata = header["__metadata__"]
    parameters, counts = (json.loads(metadata[name]) for name in ("parameters", "counts"))
    change(parameters, counts)
    metadata.update(parameters=json.dumps(parameters), counts=json.dumps(counts))
    metadata["checksum"] = _container._checksum(metadata, state)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with pytest.raises(ValueError, match=sentence):
        hypersketch.from_bytes(len(text).to_bytes(8, "little") + text + state.tobytes())


@pytest.mark.parametrize(
    ("made", "size"),
    [
        (BundleSequence(SPACE, "a"), -1),
        (BundleSequence(SPACE, "a"), 1001),
        (BindSequence(SPACE, "a"), -1),
        (ChunkedSequence(SPACE, list("abc")), 4),
        (Multiset(SPACE, "a"), 2**63),
    ],
)
def test_sizes_of_files_are_possible(made: Any, size: int) -> None:
    made._numbers["size"] = size
    with pytest.raises(ValueError, match="'size' parameter of"):
        hypersketch.from_bytes(made.to_bytes())


@pytest.mark.parametrize("name", ["FHRR", "CGR", "BSC"])
def test_vectors_of_files_are_vectors(name: str) -> None:
    space = SPACES[name]
    data = bytearray(BindSequence(space, list("abc")).to_bytes())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    data[-8:] = b"\xff" * 8  # NaN, digits beyond the modulus, bits beyond the dimension
    header["__metadata__"]["checksum"] = _container._checksum(
        header["__metadata__"], np.frombuffer(data[8 + size :], BindSequence._layout({"space": space})[1])
    )
    text = json.dumps(header).encode().ljust(size)
    with pytest.raises(ValueError, match=r"finite|integers in|bits beyond"):
        hypersketch.from_bytes(bytes(data[:8]) + text + bytes(data[8 + size :]))


# ---- item memories and vectors


def test_a_given_memory_is_used_and_left_alone() -> None:
    space = FHRR(1000)
    colours = ItemMemory(space)
    colours.add(["red", "green"])
    colours.add("rot", space.atoms("red"))  # another key for a vector, found after the first
    record = Record(space, memory=colours)
    record.add(["a", "b", "c"], ["red", "rot", "blue"])
    assert record.get(["a", "b", "c"]) == ["red", "red", None]
    assert colours.keys.tolist() == ["red", "green", "rot"]
    twin = pickle.loads(pickle.dumps(record))
    assert twin.get(["a", "c"]) == ["red", None]
    assert record.copy().memory is colours
    loaded = hypersketch.from_bytes(record.to_bytes())
    assert loaded.memory is None
    with pytest.raises(ValueError, match="has no item memory"):
        loaded["a"]
    loaded.memory = colours
    assert loaded["a"] == "red"


def test_keys_of_several_types_live_together() -> None:
    record = Record(SPACE)
    record.add(["a", "b"], [1, 2])
    record.add([b"c"], ["two"])
    record.add(np.array([4, 5], np.int8), [b"x", b"y"])
    twin = hypersketch.from_bytes(record.to_bytes())
    for one in (record, twin):
        assert one.get(["a", "b"]) == [1, 2]
        assert one[b"c"] == "two"
        assert one.get(range(4, 7)) == [b"x", b"y", None]
        assert one.find("two") == [b"c"]
        assert one.memory.keys.tolist() == [1, 2, "two", b"x", b"y"]


@pytest.mark.parametrize("name", ["MapI", "MapB", "HRR", "FHRR", "MCR", "BSDC-S"])
def test_vectors_go_where_keys_go(name: str) -> None:
    space = SPACES[name]
    a, b, c = Hypervectors.of(space, ["a", "b", "c"])
    by_keys, by_vectors = Record(space, ["a", "b"], ["x", "y"]), Record(space)
    by_vectors.add(Hypervectors.of(space, ["a", "b"]), Hypervectors.of(space, ["x", "y"]))
    assert by_keys == by_vectors
    assert len(by_vectors.memory.keys) == 0
    assert by_keys.get(a) == "x"
    assert by_keys.get(Hypervectors.of(space, ["b", "c"])) == ["y", None]
    assert (a in by_keys, c in by_keys) == (True, False)
    assert Multiset(space, ["a", "b"]).contains(b).tolist() == [True]
    assert (
        Multiset(space, ["a", "b"]).hypervectors
        == Multiset(space, Hypervectors.of(space, ["a", "b"])).hypervectors
    )
    words = BundleSequence(space, Hypervectors.of(space, ["b", "a"]))
    words.memory = Record(space, ["k", "l"], ["a", "b"]).memory
    assert words.to_list() == ["b", "a"]
    graph = Graph(space, a, b)
    assert graph.contains(b, a).tolist() == [True]


def test_records_nest() -> None:
    space = MapI(10_000)
    inner = Record(space, ["capital", "money"], ["Paris", "euro"])
    outer = Record(space, ["name"], ["Europe"])
    outer.add("france", inner.hypervectors)
    found = space.unbind(outer.unbind("france")[0], space.atoms("capital")[0])
    assert inner.memory.search(found).keys.tolist() == [["Paris"]]
    assert outer["name"] == "Europe"
