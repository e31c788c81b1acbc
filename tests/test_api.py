# SPDX-License-Identifier: Apache-2.0
"""What all structures share, and one clear sentence for every bad input."""

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


# ---- bad input

BAD_KEYS = [1.5, float("nan"), [1.0], [float("nan")], [1, "a"], None, [None], np.array([1.5]), True, 2**64]


@pytest.mark.parametrize("keys", BAD_KEYS, ids=repr)
@pytest.mark.parametrize("name", list(MAKERS))
def test_bad_keys_leave_the_state_as_it_was(name: str, keys: Any) -> None:
    made = filled(name)
    uses = [made.add]
    uses += [
        getattr(made, method)
        for method in ("contains", "estimate", "remove", "count", "score", "similarity")
        if hasattr(made, method)
    ]
    for use in uses:
        if use == getattr(made, "remove", None) and "MapB" in name:
            continue
        with pytest.raises((TypeError, ValueError), match=r"[Kk]ey.* must be .*Got"):
            use(keys)
    assert made == filled(name)
    assert made.n_added == 40


SETS_AND_COUNTERS = [*SETS, "CountingBloomFilter"]


@pytest.mark.parametrize("name", SETS_AND_COUNTERS)
def test_bad_numbers_of_threads_name_the_method(name: str) -> None:
    made, hashes = filled(name), hypersketch.hash_keys([1, 2])
    for verb in ("add", "contains", "test_and_add", "remove", "count"):
        for method, argument in ((verb, [1, 2]), (f"{verb}_hashes", hashes)):
            if not hasattr(made, method):
                continue
            owner = f"{type(made).__name__}.{method}"
            with pytest.raises(ValueError, match=rf"'threads' parameter of {owner} must be .* Got 0 instead"):
                getattr(made, method)(argument, threads=0)
            getattr(made.copy(), method)(argument, threads=2)
    assert made == filled(name)


@pytest.mark.parametrize("name", SETS_AND_COUNTERS)
def test_mapped_structures_say_what_they_are(name: str, path: Any) -> None:
    filled(name).save(path)
    mapped = hypersketch.load(path, mmap=True)
    with pytest.raises(ValueError, match=f"This {type(mapped).__name__} is read-only"):
        mapped.test_and_add(1)


@pytest.mark.parametrize("name", SETS_AND_COUNTERS)
def test_sets_and_counters_have_the_same_verbs(name: str) -> None:
    verbs = "add contains test_and_add merge cardinality cardinality_sd expected_fpr fill capacity copy clear"
    only_of_one = (
        "union_cardinality union_cardinality_sd intersection_cardinality intersection_cardinality_sd"
    )
    made = MAKERS[name]()
    for verb in [*verbs.split(), *([] if name.startswith("Scal") else [*only_of_one.split(), "intersect"])]:
        assert hasattr(made, verb), verb
    assert (made | filled(name)) == filled(name)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in SETS])
def test_bad_weights_leave_the_state_as_it_was(name: str) -> None:
    made = filled(name)
    not_whole = [] if name.startswith("Real") else [[1.5, 2.5], [2**31, 1]]
    for weights in ([1], [1, 2, 3], *not_whole, [[1, 2]], "ab", [None, 1], [np.nan, 1], 7):
        with pytest.raises((TypeError, ValueError), match="weights"):
            made.add(["x", "y"], weights)
    assert made == filled(name)
    assert (made.n_added, made.total_weight) == (40, 40)


def test_bad_hashes() -> None:
    for made in (
        BloomFilter(n_bits=9, n_hashes=3, layout="classic"),
        CountingBloomFilter(n_cells=9, n_hashes=3),
        HopfieldMembership(9),
    ):
        for hashes in ([1, 2], np.array([1, 2]), np.zeros((2, 2), np.uint64), 5, np.zeros(2)):
            with pytest.raises(
                TypeError, match=r"must be a one-dimensional array of uint64, as hash_keys returns\. Got"
            ):
                made.add_hashes(hashes)  # type: ignore[arg-type]


SIZES: list[tuple[str, Callable[..., Any], dict[str, Any], type[Exception], str]] = [
    (
        "fpr 0",
        BloomFilter,
        {"capacity": 10, "fpr": 0},
        ValueError,
        r"'fpr' .* must be a float in \[1e-70, 1\)\. Got 0\.0",
    ),
    (
        "fpr 1",
        BloomFilter,
        {"capacity": 10, "fpr": 1.0},
        ValueError,
        r"'fpr' .* must be a float in \[1e-70, 1\)\. Got 1\.0",
    ),
    ("fpr -1", BloomFilter, {"capacity": 10, "fpr": -1}, ValueError, r"'fpr' .* Got -1\.0 instead"),
    ("fpr nan", BloomFilter, {"capacity": 10, "fpr": float("nan")}, ValueError, r"'fpr' .* Got nan instead"),
    ("fpr text", BloomFilter, {"capacity": 10, "fpr": "0.1"}, TypeError, r"'fpr' .* Got '0\.1' instead"),
    (
        "fpr array",
        BloomFilter,
        {"capacity": 10, "fpr": np.array([0.1])},
        TypeError,
        "'fpr' .* must be a float",
    ),
    (
        "capacity 0",
        BloomFilter,
        {"capacity": 0, "fpr": 0.1},
        ValueError,
        r"'capacity' .* must be an integer in \[1, .*Got 0",
    ),
    ("capacity -5", BloomFilter, {"capacity": -5, "fpr": 0.1}, ValueError, "'capacity' .* Got -5 instead"),
    (
        "capacity 1.5",
        BloomFilter,
        {"capacity": 1.5, "fpr": 0.1},
        TypeError,
        r"'capacity' .* Got 1\.5 instead",
    ),
    (
        "n_bits 0",
        BloomFilter,
        {"n_bits": 0, "n_hashes": 1},
        ValueError,
        r"'n_bits' parameter of BloomFilter must be .*Got 0",
    ),
    (
        "n_hashes 0",
        BloomFilter,
        {"n_bits": 9, "n_hashes": 0},
        ValueError,
        r"'n_hashes' .* in \[1, 255\]\. Got 0 instead",
    ),
    (
        "n_hashes 256",
        BloomFilter,
        {"n_bits": 9, "n_hashes": 256},
        ValueError,
        "'n_hashes' .* Got 256 instead",
    ),
    (
        "layout",
        BloomFilter,
        {"n_bits": 9, "n_hashes": 1, "layout": "blocked"},
        ValueError,
        "must be one of 'split-block', 'cache-line', 'classic'. Got 'blo",
    ),
    (
        "seed",
        BloomFilter,
        {"n_bits": 9, "n_hashes": 1, "seed": -1},
        ValueError,
        "'seed' parameter of BloomFilter .* Got -1",
    ),
    (
        "neither",
        BloomFilter,
        {},
        TypeError,
        "sized either by capacity and fpr or by n_bits and n_hashes. Got none of them",
    ),
    (
        "both",
        BloomFilter,
        {"capacity": 9, "fpr": 0.1, "n_bits": 9},
        TypeError,
        "Got capacity=9, fpr=0.1, n_bits=9 instead",
    ),
    ("half", BloomFilter, {"capacity": 9}, TypeError, "Got capacity=9 instead"),
    (
        "crossed",
        CountingBloomFilter,
        {"capacity": 9, "n_hashes": 3},
        TypeError,
        "by n_cells and n_hashes. Got capacity=9, n_h",
    ),
    (
        "cells 0",
        CountingBloomFilter,
        {"n_cells": 0, "n_hashes": 3},
        ValueError,
        "'n_cells' parameter of CountingBloomFilter",
    ),
    (
        "bits 7",
        CountingBloomFilter,
        {"n_cells": 9, "n_hashes": 3, "counter_bits": 7},
        ValueError,
        "one of 4, 8, 16, 32. Got 7",
    ),
    (
        "bits 8.0",
        CountingBloomFilter,
        {"n_cells": 9, "n_hashes": 3, "counter_bits": 8.0},
        ValueError,
        r"Got 8\.0 instead",
    ),
]


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "text"), [case[1:] for case in SIZES], ids=[c[0] for c in SIZES]
)
def test_bad_sizes(kind: Any, arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        kind(**arguments)
    assert "\n" not in str(caught.value)


def test_expected_fpr_of_a_bad_number() -> None:
    seen = BloomFilter(n_bits=9, n_hashes=3, layout="classic")
    with pytest.raises(
        ValueError, match=r"'n' parameter of BloomFilter.expected_fpr must be an integer in .* Got -1"
    ):
        seen.expected_fpr(-1)
    with pytest.raises(TypeError, match=r"Got 1\.5 instead"):
        seen.expected_fpr(1.5)  # type: ignore[arg-type]


def test_long_values_are_shortened_in_messages() -> None:
    with pytest.raises(TypeError) as caught:
        MapI("x" * 1000)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 250


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
