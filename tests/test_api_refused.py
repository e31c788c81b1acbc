# SPDX-License-Identifier: Apache-2.0
"""One clear sentence for every bad input, and a state that stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import BloomFilter, CountingBloomFilter, HopfieldMembership, MapI
from makers import MAKERS, SETS, filled

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
