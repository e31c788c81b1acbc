# SPDX-License-Identifier: Apache-2.0
"""What all structures share."""

from __future__ import annotations

import copy
import doctest
import importlib
import inspect
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import BloomFilter, CountingBloomFilter, HopfieldMembership, MapB, MapI
from makers import ALL, MAKERS, SETS, answers, filled, state

# ---- the package


def test_public_names() -> None:
    assert sorted(hypersketch.__all__) == list(hypersketch.__all__)
    assert set(hypersketch.__all__) <= set(dir(hypersketch))
    for name in hypersketch.__all__:
        assert getattr(hypersketch, name).__doc__
    with pytest.raises(AttributeError, match="module 'hypersketch' has no attribute 'nothing'"):
        hypersketch.nothing  # noqa: B018
    assert hypersketch.__version__ == hypersketch.build_info()["version"]


@pytest.mark.parametrize(
    "module",
    [
        "_additive",
        "_doors",
        "_optional",
        "_structure",
        "_threads",
        "memories._changes",
        "memories._item_looks",
        "memories._item_queries",
        "memories._neighbour_store",
        "memories._pair_matrix",
        "memories._triple_store",
        "sketches._cells",
        "sketches._members",
        "sketches._multisets",
        "sketches._rows",
        "sketches._row_streams",
        "vsa._answers",
    ],
)
def test_examples_of_inherited_methods(module: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(f"hypersketch.{module}"), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("name", [n for n in hypersketch.__all__ if inspect.isclass(getattr(hypersketch, n))])
def test_every_public_method_is_documented_with_an_example(name: str) -> None:
    kind = getattr(hypersketch, name)
    for attribute, value in inspect.getmembers(kind):
        if attribute.startswith("_") or issubclass(kind, Warning):
            continue
        if inspect.isfunction(value) or isinstance(value, property):
            assert ">>>" in (inspect.getdoc(value) or ""), f"{name}.{attribute}"


# ---- all structures alike


@pytest.mark.parametrize("name", ALL)
def test_copies_are_equal_and_independent(name: str) -> None:
    made = filled(name)
    for twin in (made.copy(), copy.copy(made), copy.deepcopy(made)):
        assert twin == made
        assert not np.shares_memory(state(twin), state(made))
        state(twin).view(np.uint8)[0] ^= 255
        assert twin != made


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ALL)
def test_pickling(name: str, protocol: int) -> None:
    made = filled(name)
    again = pickle.loads(pickle.dumps(made, protocol))
    assert again == made
    assert again._saved_counts() == made._saved_counts()
    if name in MAKERS:
        again.add(range(100, 110))
        made.add(range(100, 110))
        assert again == made


@pytest.mark.parametrize("name", ALL)
def test_pickling_out_of_band_copies_nothing(name: str) -> None:
    made, buffers = filled(name), []
    data = pickle.dumps(made, 5, buffer_callback=buffers.append)
    assert len(data) < 800
    assert [buffer.raw().nbytes for buffer in buffers] == [made.nbytes]
    again = pickle.loads(data, buffers=buffers)
    assert again == made
    assert np.shares_memory(state(again), state(made))
    frozen = pickle.loads(data, buffers=[bytes(buffer) for buffer in buffers])
    if name in MAKERS:
        with pytest.raises(ValueError, match="is read-only"):
            frozen.add(1)


@pytest.mark.parametrize("name", ALL)
def test_equality_and_hash(name: str) -> None:
    made = filled(name)
    assert made == filled(name)
    assert made != filled(name, seed=1)
    assert all(made != filled(other) for other in ALL if other != name)
    assert made != "something else"
    assert made.__eq__(5) is NotImplemented
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


@pytest.mark.parametrize("name", list(MAKERS))
def test_clear(name: str) -> None:
    made = filled(name)
    made.clear()
    assert made == MAKERS[name]()
    assert made._saved_counts() == MAKERS[name]()._saved_counts()
    made.add(range(40))
    assert made == filled(name)


@pytest.mark.parametrize("name", list(MAKERS))
def test_empty_batches_change_nothing(name: str) -> None:
    made = filled(name)
    for keys in ([], (), np.array([]), range(0), set()):
        made.add(keys)
        assert answers(made, keys).shape == (0,)
    if name not in SETS:
        made.add([], [])
        made.add([], weights=np.array([]))
    assert made == filled(name)
    assert made.n_added == 40


@pytest.mark.parametrize("name", ALL)
def test_sizes_seeds_and_names(name: str) -> None:
    made = filled(name, seed=3)
    assert made.nbytes == state(made).nbytes
    assert made.seed == 3
    assert repr(made).startswith(type(made).__name__ + "(")
    assert "seed=3" in repr(made)
    assert f"n_added={made.n_added}" in repr(made)


# ---- merging


DIFFERENT: list[tuple[str, Callable[[], Any], Callable[[], Any], str]] = [
    (
        "n_bits",
        lambda: BloomFilter(n_bits=100, n_hashes=3, layout="classic"),
        lambda: BloomFilter(n_bits=101, n_hashes=3, layout="classic"),
        "100 and 101",
    ),
    (
        "n_hashes",
        lambda: BloomFilter(n_bits=100, n_hashes=3, layout="classic"),
        lambda: BloomFilter(n_bits=100, n_hashes=4, layout="classic"),
        "3 and 4",
    ),
    (
        "seed",
        lambda: BloomFilter(n_bits=9, n_hashes=3, layout="classic"),
        lambda: BloomFilter(n_bits=9, n_hashes=3, layout="classic", seed=5),
        "0 and 5",
    ),
    (
        "n_cells",
        lambda: CountingBloomFilter(n_cells=9, n_hashes=3),
        lambda: CountingBloomFilter(n_cells=8, n_hashes=3),
        "9 and 8",
    ),
    (
        "counter_bits",
        lambda: CountingBloomFilter(n_cells=9, n_hashes=3),
        lambda: CountingBloomFilter(n_cells=9, n_hashes=3, counter_bits=16),
        "8 and 16",
    ),
    ("space", lambda: MapI(9).bundle(), lambda: MapB(9).bundle(), "'MapI' and 'MapB'"),
    ("dim", lambda: MapI(9).bundle(), lambda: MapI(8).bundle(), "9 and 8"),
    ("seed", lambda: MapB(9).bundle(), lambda: MapB(9, 1).bundle(), "0 and 1"),
    ("dim", lambda: HopfieldMembership(9), lambda: HopfieldMembership(8), "9 and 8"),
    (
        "diagonal",
        lambda: HopfieldMembership(9),
        lambda: HopfieldMembership(9, diagonal=False),
        "True and False",
    ),
]


@pytest.mark.parametrize(
    ("parameter", "one", "other", "values"), DIFFERENT, ids=lambda x: x if isinstance(x, str) else ""
)
def test_merging_needs_equal_parameters(parameter: str, one: Any, other: Any, values: str) -> None:
    made, theirs = one(), other()
    made.add("a")
    before = made.copy()
    add = operator.ior if isinstance(made, BloomFilter) else operator.iadd
    both = operator.or_ if isinstance(made, BloomFilter) else operator.add
    kind = type(made).__name__
    must = rf"^The '{parameter}' parameter of both {kind} objects must be equal to"
    text = rf"{must} merge with them\. Got {values} instead"
    for change in (lambda: made.merge(theirs), lambda: add(made, theirs), lambda: both(made, theirs)):
        with pytest.raises(ValueError, match=text):
            change()
    assert made == before
    with pytest.raises(ValueError, match=f"{must} compare them"):
        made.intersection_cardinality(theirs)


@pytest.mark.parametrize("name", list(MAKERS))
def test_merging_needs_the_same_type(name: str) -> None:
    made = filled(name)
    kind = type(made).__name__
    for other in (5, None, "a", {1, 2}, *(filled(n) for n in ALL if type(filled(n)) is not type(made))):
        wanted = rf"^A {kind} can only merge with another {kind}\. Got a {type(other).__name__} instead\.$"
        with pytest.raises(TypeError, match=wanted):
            made.merge(other)
        with pytest.raises(TypeError, match=wanted):
            _ = made | other if name in SETS else made + other
    assert made == filled(name)


# ---- a new user's first minutes


def test_a_set_of_words() -> None:
    seen = BloomFilter(capacity=1000, fpr=0.001)
    seen.add("one")
    seen.add(["two", "three"])
    assert "one" in seen
    assert seen.contains(["two", "four"]).tolist() == [True, False]
    assert (seen | seen.copy()).cardinality() == pytest.approx(3, abs=0.01)


def test_one_hash_for_every_structure() -> None:
    keys = [f"user {i}" for i in range(30)]
    hashes = hypersketch.hash_keys(keys)
    for made in (BloomFilter(100, 0.01), CountingBloomFilter(100, 0.01), HopfieldMembership(200)):
        by_keys = made.copy()
        by_keys.add(keys)
        made.add_hashes(hashes)
        assert made == by_keys
    stock = CountingBloomFilter(100, 0.01)
    stock.add(keys)
    stock.remove_hashes(hashes)
    assert stock.cardinality() == 0.0
