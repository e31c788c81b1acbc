# SPDX-License-Identifier: Apache-2.0
"""Columns of polars, pyarrow and pandas: hashed as their elements are, through the Arrow C interface."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hypersketch import hash_keys
from makers import TEXTS, oracle

ARROW_STRINGS = {
    "string": pa.array(TEXTS),
    "large string": pa.array(TEXTS, pa.large_string()),
    "string view": pa.array(TEXTS, pa.string_view()),
    "binary": pa.array([t.encode() for t in TEXTS], pa.binary()),
    "large binary": pa.array([t.encode() for t in TEXTS], pa.large_binary()),
    "binary view": pa.array([t.encode() for t in TEXTS], pa.binary_view()),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "chunked": pa.chunked_array([TEXTS[:100], [], TEXTS[100:]], pa.string()),
    "chunked dictionary": pa.chunked_array([TEXTS[:100], TEXTS[100:]]).dictionary_encode(),
    "polars": pl.Series(TEXTS),
    "polars chunks": pl.concat([pl.Series(TEXTS[:9]), pl.Series(TEXTS[9:])], rechunk=False),
    "polars categorical": pl.Series(TEXTS, dtype=pl.Categorical),
    "polars binary": pl.Series([t.encode() for t in TEXTS]),
    "pandas object": pd.Series(TEXTS, dtype=object),
    "pandas string": pd.Series(TEXTS, dtype="string"),
    "pandas arrow": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "pandas categorical": pd.Series(TEXTS, dtype="category"),
}


@pytest.mark.parametrize("name", ARROW_STRINGS)
def test_columns_of_strings(name: str, threads: int) -> None:
    column = ARROW_STRINGS[name]
    expected = oracle(TEXTS)
    assert hash_keys(column, threads=threads).tolist() == expected
    for first, n in ((0, 0), (1, 1), (7, 300), (99, 3), (600, 3)):
        part = column.iloc[first : first + n] if isinstance(column, pd.Series) else column[first : first + n]
        assert hash_keys(part, threads=threads).tolist() == expected[first : first + n]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_columns_of_integers(dtype: str, level: str) -> None:
    info = np.iinfo(dtype)
    values = [info.min, info.max, *range(100)] * 3
    expected = oracle(values)
    array = pa.array(values, dtype)
    chunked = pa.chunked_array([array[:50], array[50:]])
    for column in (
        array,
        chunked,
        pl.Series(values, dtype=getattr(pl, dtype.replace("i", "I").replace("uI", "UI"))),
    ):
        assert hash_keys(column).tolist() == expected
        assert hash_keys(column[3:20]).tolist() == expected[3:20]
    for kind in (
        dtype,
        pd.ArrowDtype(pa.from_numpy_dtype(dtype)),
        dtype.replace("i", "I").replace("uI", "UI"),
    ):
        assert hash_keys(pd.Series(values, dtype=kind)).tolist() == expected
    assert hash_keys(array.dictionary_encode()).tolist() == expected


def test_fixed_size_binary() -> None:
    values = [bytes([i]) * 12 for i in range(100)]
    column = pa.array(values, pa.binary(12))
    assert hash_keys(column).tolist() == oracle(values)
    assert hash_keys(column[40:60]).tolist() == oracle(values[40:60])


@pytest.mark.parametrize("index", ["int8", "uint16", "int64"])
def test_dictionary_indices_of_every_width(index: str) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([2, 0, 1, 2], index), pa.array(["a", "b", "c"]))
    assert hash_keys(column).tolist() == oracle("cabc")


def test_filtered_views_without_nulls() -> None:
    column = pa.array(["a", None, "b"])
    assert hash_keys(column.drop_null()).tolist() == oracle("ab")
    assert hash_keys(column[2:]).tolist() == oracle("b")  # the null lies outside the slice


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None]),
        pa.array([1, None]),
        pa.array([None, None]),
        pl.Series(["a", None]),
        pl.Series([1, None]),
        pd.Series(["a", None], dtype="string"),
        pd.Series([1, None], dtype="Int64"),
        pa.chunked_array([["a"], [None]], pa.string()),
        pa.array(["a", None], pa.string_view()),
        pa.array(["a", None]).dictionary_encode(),
    ],
)
def test_nulls_are_refused(column: Any) -> None:
    # Older versions of pandas hand their columns over as arrays of objects.
    with pytest.raises((TypeError, ValueError), match=r"must (have no nulls|be .*bytes).*\. Got"):
        hash_keys(column)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.5]),
        pa.array([True]),
        pa.array([datetime.datetime(2020, 1, 1)]),
        pa.array([[1], [2]]),
        pa.array([{"a": 1}]),
        pa.array([Decimal("1.5")]),
        pl.Series([1.5]),
        pl.Series([datetime.date(2020, 1, 1)]),
        pd.Series([1.5]),
        pd.Series([True]),
        pd.Series(pd.to_datetime(["2020-01-01"])),
        pl.DataFrame({"a": [1]}),
        pd.DataFrame({"a": [1]}),
        pa.table({"a": [1]}),
        pa.record_batch({"a": [1]}),
    ],
)
def test_columns_of_other_types_are_refused(column: Any) -> None:
    with pytest.raises(TypeError, match=r"must be (a column of )?integers, strings or bytes.*\. Got"):
        hash_keys(column)


class NeedsAbsentPackage:
    """A column like pandas' without pyarrow: it offers the door and cannot open it."""

    def __init__(self, values: list[int]) -> None:
        self.values = values

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise ImportError("pyarrow is missing")

    def __iter__(self) -> Any:
        return iter(self.values)


class WithArray(NeedsAbsentPackage):
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array(self.values)


def test_column_whose_package_lacks_arrow() -> None:
    assert hash_keys(WithArray([1, 2])).tolist() == oracle([1, 2])
    with pytest.raises(ImportError, match="pyarrow"):
        hash_keys(NeedsAbsentPackage([1]))
