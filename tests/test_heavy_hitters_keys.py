# SPDX-License-Identifier: Apache-2.0
"""Heavy hitters of keys of every type: strings, integers, columns of tables, with nulls and without."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hypersketch import CountMinSketch, CountSketch, hash_keys

WORDS = ["the", "cat", "and", "the", "dög", "€", "the", "", "and"]
TOP = [("the", 3), ("and", 2)]


@pytest.mark.parametrize(
    "keys",
    [
        WORDS,
        tuple(WORDS),
        deque(WORDS),
        iter(WORDS),
        dict(enumerate(WORDS)).values(),
        np.array(WORDS),
        np.array(WORDS, dtype=object),
        pl.Series(WORDS),
        pl.Series(WORDS, dtype=pl.Categorical),
        pa.array(WORDS),
        pa.array(WORDS, pa.large_string()),
        pa.array(WORDS).dictionary_encode(),
        pa.chunked_array([WORDS[:2], WORDS[2:]]),
        pd.Series(WORDS),
        pd.Series(WORDS, index=range(100, 109)),
        pd.Index(WORDS),
    ],
    ids=lambda keys: f"{type(keys).__module__}.{type(keys).__name__}",
)
def test_strings_from_any_column(keys: Any) -> None:
    sketch = CountSketch(2**12, 5, track=2)
    sketch.add(keys)
    assert sketch.heavy_hitters() == TOP
    assert [type(key) for key, _ in sketch.heavy_hitters()] == [str, str]


@pytest.mark.parametrize(
    "keys",
    [
        [-7, 2**64 - 8, -7, 3],  # -7 and 2**64 - 7 would be one key, 2**64 - 8 is another
        np.array([-7, -8, -7, 3]),
        np.array([-7, -8, -7, 3], np.int8),
        pl.Series([-7, -8, -7, 3], dtype=pl.Int16),
        pa.array([-7, -8, -7, 3]),
        pd.Series([-7, -8, -7, 3], index=[5, 6, 7, 8]),
        [np.int64(-7), np.int8(-8), -7, np.uint8(3)],
    ],
    ids=lambda keys: f"{type(keys).__module__}.{type(keys).__name__}",
)
def test_integers_from_any_column(keys: Any) -> None:
    sketch = CountSketch(2**12, 5, track=2)
    sketch.add(keys)
    assert sketch.heavy_hitters(1) == [(-7, 2)]
    assert type(sketch.heavy_hitters()[0][0]) is int


def test_single_keys_ranges_and_bytes() -> None:
    sketch = CountSketch(2**12, 5, track=9)
    sketch.add(range(3))
    for key in ("x", b"\xff\0y", np.int64(1), np.uint64(2**63), 1, np.array(1)):
        sketch.add(key)
    sketch.add(np.array([b"z", b"z\0", b"z"]))
    found = dict(sketch.heavy_hitters())
    assert found == {1: 4, b"z": 3, 0: 1, 2: 1, "x": 1, b"\xff\0y": 1, 2**63: 1}
    sketch.add(pl.Series([b"w"] * 9))
    assert sketch.heavy_hitters(1) == [(b"w", 9)]


class Column:
    """A column that offers nothing but its capsules, and those only once."""

    def __init__(self, *chunks: Any) -> None:
        self.stream = pa.chunked_array(list(chunks)).__arrow_c_stream__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.stream


@pytest.mark.parametrize(
    "type_",
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()],
    ids=str,
)
def test_items_of_arrow_columns(type_: Any) -> None:
    words = ["a", "", "longer than twelve bytes", "äöü€"] * 3
    expected = words[:4] if "string" in str(type_) else [word.encode() for word in words[:4]]
    column = pa.array(words, pa.binary() if "binary" in str(type_) else pa.string()).cast(type_)
    for offset in (0, 5):
        sketch = CountSketch(2**12, 5, track=9)
        sketch.add(Column(column[offset:], column[offset:offset], column[:4]))
        assert {key for key, _ in sketch.heavy_hitters()} == set(expected)
        counts = Counter(column[offset:].to_pylist() + column[:4].to_pylist())
        assert dict(sketch.heavy_hitters()) == counts


def test_items_of_other_arrow_columns() -> None:
    for type_ in (
        pa.int8(),
        pa.uint8(),
        pa.int16(),
        pa.uint16(),
        pa.int32(),
        pa.uint32(),
        pa.int64(),
        pa.uint64(),
    ):
        sketch = CountSketch(2**12, 5, track=9)
        sketch.add(Column(pa.array([1, 100, 7, 7], type_)[1:], pa.array([3], type_)))
        assert dict(sketch.heavy_hitters()) == {7: 2, 100: 1, 3: 1}
        column = pa.array(["x", "y", "x"]).dictionary_encode().cast(pa.dictionary(type_, pa.string()))
        sketch.add(Column(column[1:]))
        assert dict(sketch.heavy_hitters()) == {7: 2, 100: 1, 3: 1, "x": 1, "y": 1}
    fixed = CountSketch(2**12, 5, track=9)
    fixed.add(pa.array([b"abc", b"xyz"], pa.binary(3))[1:])
    assert fixed.heavy_hitters() == [(b"xyz", 1)]
    extremes = CountSketch(2**12, 5, track=9)
    extremes.add(pa.array([-(2**63), 2**63 - 1]))
    extremes.add(pa.array([2**64 - 2], pa.uint64()))
    assert {key for key, _ in extremes.heavy_hitters()} == {-(2**63), 2**63 - 1, 2**64 - 2}


NULLS = [
    ["a", None, "b", "b"],
    pl.Series([None, "a", None, "b", "b", None]),
    pl.Series([None, "a", "b", "b"], dtype=pl.Categorical),
    pa.chunked_array([[None], ["a", None, "b"], [], ["b"]], pa.string()),
    pa.array([None, "a", "b", "b"]).dictionary_encode(),
    pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 2]), pa.array([None, "a", "b"])),
    np.ma.MaskedArray(["x", "a", "b", "b"], [True, False, False, False]),
    pd.Series(["a", None, "b", "b"]),
]


@pytest.mark.parametrize("keys", NULLS, ids=lambda keys: f"{type(keys).__module__}.{type(keys).__name__}")
def test_nulls_may_be_left_out(keys: Any) -> None:
    sketch = CountSketch(2**12, 5, track=2)
    sketch.update([keys], nulls="skip")
    assert sketch.heavy_hitters() == [("b", 2), ("a", 1)]
    assert sketch.n_added == 3
    with pytest.raises((TypeError, ValueError), match=r"null|None"):
        sketch.add(keys)
    assert sketch.n_added == 3


def places_of_values(keys: Any) -> list[int]:
    plain = [item.as_py() if isinstance(item, pa.Scalar) else item for item in keys]
    return [i for i, item in enumerate(plain) if isinstance(item, str)]


@pytest.mark.parametrize("track", [0, 2])
@pytest.mark.parametrize("keys", NULLS, ids=lambda keys: f"{type(keys).__module__}.{type(keys).__name__}")
def test_nulls_are_left_out_with_their_weights(keys: Any, track: int) -> None:
    places = places_of_values(keys)
    weights = np.full(len(keys), -1000)
    weights[places] = [5, 20, 300]
    sketch = CountSketch(2**12, 5, track=track)
    for given in (weights, weights.tolist(), pa.array(weights), np.ma.array(weights, mask=weights < 0)):
        before = sketch.n_added
        sketch.add(keys, given, nulls="skip")
        assert sketch.n_added == before + 3
    assert sketch.estimate(["a", "b"]).tolist() == [4 * 5, 4 * 320]
    assert sketch.total_weight == 4 * 325
    if track:
        assert sketch.heavy_hitters() == [("b", 1280), ("a", 20)]
    for wrong in (weights[places], [*weights, 1]):
        with pytest.raises(ValueError, match=rf"must have one element a key, {len(keys)}\. Got {len(wrong)}"):
            sketch.add(keys, wrong, nulls="skip")
    with pytest.raises((TypeError, ValueError), match=r"null|None"):
        sketch.add(keys, weights)
    with pytest.raises(ValueError, match=r"'nulls' parameter of CountSketch\.add must be one of"):
        sketch.add(keys, weights, nulls="drop")
    assert sketch.total_weight == 4 * 325


def test_weights_of_keys_without_nulls() -> None:
    for keys in (np.arange(3), np.arange(3, dtype=np.int8), range(3), pa.array([0, 1, 2]), {0, 1, 2}):
        for track in (0, 3):
            sketch = CountMinSketch(2**12, 5, track=track)
            sketch.add(keys, [1, 10, 100], nulls="skip")
            assert sketch.estimate(range(3)).tolist() == [1, 10, 100]


def test_all_nulls() -> None:
    sketch = CountSketch(2**12, 5, track=2)
    sketch.update([pa.nulls(3), pa.array([None], pa.string()), [None]], nulls="skip")
    assert sketch.heavy_hitters() == []


@pytest.mark.parametrize(
    "keys", [1.5, [1.0], None, [None], [1, "a"], np.array([1.5]), True, 2**64, {1: 1.5}.values()]
)
def test_bad_keys(keys: Any) -> None:
    sketch = CountSketch(99, 3, track=2)
    sketch.add(["a"])
    with pytest.raises((TypeError, ValueError), match=r"[Kk]ey.* must be .*Got"):
        sketch.add(keys)
    assert sketch.heavy_hitters() == [("a", 1)]


def test_hashes_alone_have_no_names() -> None:
    sketch = CountSketch(99, 3, track=2)
    with pytest.raises(
        ValueError, match=r"tracks heavy hitters \(track=2\) and must see the keys themselves"
    ):
        sketch.add_hashes(hash_keys(["a"]))
    assert sketch.n_added == 0
