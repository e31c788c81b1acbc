# SPDX-License-Identifier: Apache-2.0
"""Facts: any slot by the others, in every space and as a tensor, with episodes, exactly removed."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import MapI, TripleMemory, theory
from hypersketch.capacity.statistics import rate_interval
from hypersketch.memories._facts import Facts
from hypersketch.vsa import BSC, BSDC, CGR, FHRR, HRR, MBAT, MCR, VTB, MapB, MapC, MapT

SPACES = [
    MapI(2048),
    MapB(4096),
    BSC(4096),
    MapC(4096),
    MapT(4096),
    HRR(4096),
    HRR(4096, spectral=True),
    FHRR(2048),
    VTB(4096),
    MBAT(1024),
    MCR(1024),
    CGR(2048),
    BSDC(8192, variant="s"),
    BSDC(8192, variant="seg"),
]
TENSORS = [MapI(96), MapB(96), BSC(96), MapC(96), HRR(96)]
FACTS = [
    ("Ann", "knows", "Bob"),
    ("Bob", "knows", "Ann"),
    ("Ann", "likes", "tea"),
    ("Eve", "likes", "wine"),
    ("Bob", "fears", "Eve"),
]


def name_of(space: Any) -> str:
    return repr(space)


def memory_of(space: Any, form: str = "bundle") -> TripleMemory:
    memory = TripleMemory(space, form=form)
    memory.store(FACTS)
    return memory


CASES = [(space, "bundle") for space in SPACES] + [(space, "tensor") for space in TENSORS]


@pytest.mark.parametrize(("space", "form"), CASES, ids=str)
def test_every_slot_is_found_by_the_others(space: Any, form: str) -> None:
    memory = memory_of(space, form)
    for slot in range(3):
        # Of facts that are the only ones with the other two parts.
        asked = [tuple(None if i == slot else part for i, part in enumerate(fact)) for fact in FACTS]
        found = memory.retrieve(asked)
        assert found.keys[:, 0].tolist() == [fact[slot] for fact in FACTS]
        assert found.similarities.shape == (5, 1)
    scores = memory.score(*zip(*FACTS, strict=True))
    others = memory.score(["Ann", "tea", "Bob"], ["knows", "likes", "knows"], ["Eve", "Ann", "Bob"])
    assert scores.min() > 0.5 > others.max()


@pytest.mark.parametrize(("space", "form"), CASES, ids=str)
def test_queries_weigh_as_score_does(space: Any, form: str) -> None:
    memory = memory_of(space, form)
    found = memory.query(subject=["Ann", "Eve"], predicate=["likes", "knows"], k=4)
    again = memory.query(subject=["Ann", "Eve"], predicate=["likes", "knows"], k=4)
    assert np.array_equal(found.similarities, again.similarities)
    for row, (subject, predicate) in enumerate((("Ann", "likes"), ("Eve", "knows"))):
        keys = found.keys[row].tolist()
        assert np.allclose(
            memory.score([subject] * 4, [predicate] * 4, keys), found.similarities[row], rtol=1e-4, atol=1e-4
        )
        assert np.all(np.diff(found.similarities[row]) <= 0)


@pytest.mark.parametrize("space", SPACES, ids=name_of)
def test_unbinding_finds_what_trying_all_does(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = memory_of(space)
    memory.add(["Ann", "Eve"], ["likes", "likes"], ["wine", "tea"], episodes=["Monday", "Friday"])
    queries = [
        {"subject": "Ann", "predicate": "likes", "k": 5},
        {"predicate": "likes", "object": "tea", "k": 5},
        {"subject": "Bob", "object": "Eve", "k": 3},
        {"subject": "Ann", "object": "wine", "episode": "Monday", "k": 3},
        {"subject": "Ann", "predicate": "likes", "object": "wine", "k": 2},
        {"predicate": "likes", "object": "tea", "episode": "Friday", "k": 2},
    ]
    fast = [memory.query(**one) for one in queries]
    monkeypatch.setattr(Facts, "_unbinds", lambda self, known: False)
    for one, query in zip(fast, queries, strict=True):
        slow = memory.query(**query)
        assert np.allclose(one.similarities, slow.similarities, rtol=1e-4, atol=1e-4)
        assert one.keys[0, 0] == slow.keys[0, 0]


def reals_of(space: Any, rows: Any) -> np.ndarray:
    """Bits as signs: a one is -1."""
    if not isinstance(space, MapI | MapB):
        return np.asarray(rows, float)
    unpacked = space.unpack(rows).astype(float)
    return 1.0 - 2.0 * unpacked if isinstance(space, BSC) else unpacked


@pytest.mark.parametrize("space", TENSORS, ids=name_of)
def test_the_tensor_is_the_sum_of_outer_products(space: Any) -> None:
    memory = memory_of(space, "tensor")
    rows = [
        reals_of(space, space.atoms(part)) for part in (list(column) for column in zip(*FACTS, strict=True))
    ]
    tensor = np.einsum("ns,np,no->spo", *rows)
    assert np.allclose(memory.state.reshape(96, 96, 96), tensor, atol=1e-5 * np.abs(tensor).max())
    squares = [(part**2).sum(axis=1) for part in rows]
    weights = np.einsum("spo,ns,np,no->n", tensor, *rows) / np.prod(squares, axis=0)
    assert np.allclose(memory.score(*zip(*FACTS, strict=True)), weights, atol=1e-4)


@pytest.mark.parametrize(
    ("space", "form"), [(MapI(512), "bundle"), (MapB(512), "bundle"), (MapI(40), "tensor")]
)
def test_what_is_removed_was_never_there(space: Any, form: str) -> None:
    memory, other = memory_of(space, form), TripleMemory(space, form=form)
    memory.add(["x", "y"], ["p", "q"], ["y", "z"], [2, 3], episodes=[1, 2])
    memory.remove(["x", "y"], ["p", "q"], ["y", "z"], [2, 3], episodes=[1, 2])
    other.store(FACTS[:3])
    more = TripleMemory(space, form=form)
    more.store(FACTS[3:])
    other.merge(more)
    assert memory == other
    assert (len(memory), memory.n_added) == (5, 5)
    memory.clear()
    assert memory == TripleMemory(space, form=form)


@pytest.mark.parametrize(
    ("space", "form"),
    [(MapI(4096), "bundle"), (HRR(4096), "bundle"), (MapI(128), "tensor"), (HRR(128), "tensor")],
)
def test_episodes_are_times_of_facts(space: Any, form: str) -> None:
    memory = TripleMemory(space, form=form)
    memory.add(["Ann", "Ann", "Ann"], ["is in"] * 3, ["Oslo", "Rome", "Oslo"], episodes=[1, 2, 3])
    at = memory.query(subject=["Ann"] * 3, predicate=["is in"] * 3, episode=[1, 2, 3])
    assert at.keys.ravel().tolist() == ["Oslo", "Rome", "Oslo"]
    ever = memory.query(subject="Ann", predicate="is in", k=2)  # the sum over all times
    assert ever.keys[0].tolist() == ["Oslo", "Rome"]
    assert ever.similarities.round().tolist() == [[2, 1]]
    assert memory.query(subject="Ann", predicate="is in", object="Rome").keys.tolist() == [[2]]
    assert memory.query(subject="Ann", object="Rome", episode=2).keys.tolist() == [["is in"]]
    assert memory.query(predicate="is in", object="Rome", episode=2).keys.tolist() == [["Ann"]]
    assert memory.score("Ann", "is in", ["Rome"], episodes=2).round() == 1
    assert memory.score("Ann", "is in", ["Rome"], episodes=1).round() == 0
    assert memory.keys("episode").tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("space", "form"), [(MapI(512), "bundle"), (FHRR(512), "bundle"), (HRR(24), "tensor")]
)
def test_files_maps_pickles_and_copies(space: Any, form: str, tmp_path: Any) -> None:
    memory = memory_of(space, form)
    memory.save(tmp_path / "m.safetensors")
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    twins = [hypersketch.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(memory)), memory.copy()]
    for twin in (mapped, *twins):
        assert twin == memory
        assert twin.keys("subject").tolist() == memory.keys("subject").tolist()
        assert twin.query(subject="Eve", predicate="likes").keys.tolist() == [["wine"]]
    with pytest.raises(ValueError, match="read-only"):
        mapped.add("a", "b", "c")
    twins[0].add("a", "b", "c")
    assert twins[0] != memory
    assert len(memory) == 5


def test_given_item_memories_answer() -> None:
    space = MapI(4096)
    people = hypersketch.ItemMemory(space)
    people.add(["Ann", "Bob", "Eve"])
    memory = TripleMemory(space, memory=people)
    memory.store(FACTS)
    assert memory.query(subject="Bob", predicate="fears", k=3).keys[0, 0] == "Eve"
    assert pickle.loads(pickle.dumps(memory)).query(predicate="knows", object="Bob").keys[0, 0] == "Ann"
    without = TripleMemory(space, memory=False)
    without.store(FACTS)
    assert without.query(subject="Bob", object="Eve").keys[0, 0] == "fears"
    with pytest.raises(ValueError, match="This TripleMemory has no item memory"):
        without.query(subject="Bob", predicate="fears")


def test_errors_are_those_of_theory() -> None:
    """Of facts that share nothing, so that every query has one answer."""
    dim, n, wrong = 256, 40, []
    for seed in range(40):
        memory = TripleMemory(MapI(dim, seed))
        subjects, objects = np.arange(n), np.arange(1000, 1000 + n)
        memory.add(subjects, np.arange(2000, 2000 + n), objects)
        found = memory.query(subject=subjects, predicate=np.arange(2000, 2000 + n))
        wrong.append(int((found.keys[:, 0] != objects).sum()))
    low, high = rate_interval(wrong, n, 1e-4)
    assert low <= memory.expected_error() <= high
    assert memory.expected_error() == 1 - MapI(dim).expected_accuracy(n, 2 * n, 1)
    most = int(memory.capacity(0.05))
    accuracy = [MapI(dim).expected_accuracy(most + step, 2 * n, 1) for step in (0, 1)]
    assert accuracy[0] >= 0.95 > accuracy[1]
    tensor = TripleMemory(MapI(32), form="tensor")
    assert tensor.expected_error() == 0
    tensor.store(FACTS)
    assert tensor.expected_error() == theory.triples.tensor_error(32, 5, 5, 3)
    assert tensor.capacity(n_entities=50) == theory.triples.tensor_capacity(32, 50, 3)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda m: m.add(["a", "b"], ["c"], ["d"]),
            ValueError,
            "TripleMemory.add needs as many predicates as subjects. Got 1 and 2",
        ),
        (lambda m: m.add("a", "b", [1.5]), TypeError, "1.5|float"),
        (lambda m: m.add("a", "b", "c", [1, 2]), ValueError, "'weights' parameter of TripleMemory.add"),
        (lambda m: m.add("a", "b", "c", [0.5]), TypeError, "'weights' parameter of TripleMemory.add"),
        (lambda m: m.add("a", "b", np.ones((1, 256))), TypeError, "'objects' parameter of TripleMemory.add"),
        (lambda m: m.store([("a", "b")]), TypeError, r"'facts' parameter of TripleMemory.store must be rows"),
        (lambda m: m.store([("a", "b", "c"), ("a", "b", "c", "d")]), TypeError, "must be rows"),
        (lambda m: m.store("abc"), TypeError, "must be rows"),
        (
            lambda m: m.query(subject="Ann"),
            ValueError,
            "all but one of subject, predicate and object.* Got subject",
        ),
        (lambda m: m.query(), ValueError, "Got none"),
        (
            lambda m: m.query("Ann", "likes", "tea", episode=3),
            ValueError,
            "Got subject, predicate, object, episode",
        ),
        (
            lambda m: m.query("Ann", "likes", "tea"),
            ValueError,
            "needs keys for the episode, but there are none",
        ),
        (
            lambda m: m.query("Ann", "likes", k=9),
            ValueError,
            r"'k' .* in \[1, 5\], the number of keys for the object",
        ),
        (lambda m: m.retrieve([]), ValueError, "'queries' .* at least one query"),
        (
            lambda m: m.retrieve([("Ann", "likes", None), ("Ann", None, "tea")]),
            ValueError,
            "'queries' .* rows with None in the same slot of all",
        ),
        (
            lambda m: m.keys("time"),
            ValueError,
            "'slot' .* one of 'subject', 'predicate', 'object', 'episode'",
        ),
        (
            lambda m: m.merge(TripleMemory(MapI(64))),
            ValueError,
            "'space' parameter of both TripleMemory objects",
        ),
        (lambda m: m.merge(MapI(64)), TypeError, "can only merge with another TripleMemory"),
    ],
)
def test_refused_calls_change_nothing(call: Any, error: type[Exception], sentence: str) -> None:
    memory = memory_of(MapI(256))
    before = memory.copy()
    with pytest.raises(error, match=sentence):
        call(memory)
    assert memory == before
    assert memory.keys("subject").tolist() == before.keys("subject").tolist()


def test_tensors_do_not_overflow_when_they_merge() -> None:
    one, other = TripleMemory(HRR(8), form="tensor"), TripleMemory(HRR(8), form="tensor")
    for memory in (one, other):
        memory.store(FACTS[:1])
        memory._facts._bundle._state.fill(3e38)
    before = one.to_bytes()
    with pytest.raises(OverflowError, match="would leave float32; nothing was changed"):
        one.store(FACTS[:1], weights=[1e39])
    with pytest.raises(OverflowError, match="would leave float32; nothing was merged"):
        one.merge(other)
    assert one.to_bytes() == before


def test_after_ctrl_c_what_is_in_is_counted_and_known(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = TripleMemory(MapI(256))
    kind = type(memory._facts._bundle)
    real = kind.add_vectors

    def torn(bundle: Any, rows: Any, weights: Any) -> None:
        real(bundle, rows[:2], weights[:2])
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "add_vectors", torn)
    with pytest.raises(KeyboardInterrupt):
        memory.store(FACTS)
    monkeypatch.undo()
    prefix = TripleMemory(MapI(256))
    prefix.store(FACTS[:2])
    assert memory == prefix
    assert memory.query(subject="Ann", predicate="knows").keys == [["Bob"]]


@pytest.mark.parametrize("form", ["bundle", "tensor"])
def test_mapped_memories_are_named_when_they_refuse(form: str, tmp_path: Any) -> None:
    memory = memory_of(MapI(40), form)
    memory.save(tmp_path / "m.safetensors")
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    verbs = [
        lambda: mapped.store(FACTS),
        lambda: mapped.remove("Ann", "likes", "tea"),
        lambda: mapped.merge(memory),
        mapped.clear,
    ]
    for verb in verbs:
        with pytest.raises(ValueError, match="This TripleMemory is read-only"):
            verb()
    assert mapped == memory
    with pytest.raises(ValueError, match="This TripleMemory has no item memory"):
        TripleMemory(MapI(40), memory=False).keys("subject")


def test_spaces_that_cannot_be_used() -> None:
    with pytest.raises(
        ValueError, match="'space' parameter of TripleMemory must be a space whose binding can be"
    ):
        TripleMemory(BSDC(1024, variant="cdt"))
    with pytest.raises(ValueError, match="must be MapI, MapB, BSC, MapC or HRR for form='tensor'"):
        TripleMemory(FHRR(64), form="tensor")
    with pytest.raises(ValueError, match="must be of at most 1024 dimensions"):
        TripleMemory(MapI(2000), form="tensor")
    with pytest.raises(
        ValueError, match="'form' parameter of TripleMemory must be one of 'bundle', 'tensor'"
    ):
        TripleMemory(MapI(64), form="dense")
    with pytest.raises(TypeError, match="'space' parameter of TripleMemory must be a space of hypersketch"):
        TripleMemory(64)
