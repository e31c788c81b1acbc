# SPDX-License-Identifier: Apache-2.0
"""Expressions of polars and SQL functions of DuckDB, run by the real things."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

import hypersketch
from hypersketch import BloomFilter, MapI
from hypersketch.interop.duckdb import register_contains
from hypersketch.interop.polars import contains, estimate
from makers import MAKERS, filled

# ---- polars

KEYS = [3, None, 39, 40, 1000, None, -1]


@pytest.mark.parametrize("name", [name for name in MAKERS if hasattr(MAKERS[name](), "contains")])
def test_polars_answers_are_those_of_the_structure(name: str) -> None:
    made = filled(name)
    frame = pl.DataFrame({"key": range(-50, 500)})
    found = frame.select(contains(pl.col("key"), made, threads=1))["key"]
    assert found.dtype == pl.Boolean
    assert np.array_equal(found.to_numpy(), made.contains(range(-50, 500)))


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.String, pl.Binary, pl.Categorical])
def test_polars_null_for_null(dtype: Any) -> None:
    small = [key if key is None or key < 100 else 77 for key in KEYS]
    values: list[Any] = (
        small if dtype in (pl.Int8, pl.Int64) else [None if k is None else str(k) for k in small]
    )
    if dtype == pl.Binary:
        values = [None if v is None else v.encode() for v in values]
    seen = BloomFilter(capacity=1000, fpr=1e-6)
    seen.add([v for v in values if v is not None][:2])
    frame = pl.DataFrame({"key": pl.Series(values, dtype=dtype)})
    expected = [True, None, True, False, False, None, False]
    assert frame.select(contains("key", seen)).to_series().to_list() == expected
    lazy = frame.lazy().filter(contains("key", seen)).collect()
    assert lazy.height == 2
    nothing = frame.filter(pl.col("key").is_null()).select(contains("key", seen)).to_series()
    assert nothing.to_list() == [None, None]
    assert frame.clear().select(contains("key", seen)).to_series().to_list() == []


def test_polars_expressions_of_expressions() -> None:
    seen = filled("BloomFilter, classic")
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [10, 20, 90], "g": [1, 1, 2]})
    total = frame.select(contains(pl.col("a") + pl.col("b"), seen)).to_series().to_list()
    assert total == seen.contains([11, 22, 93]).tolist()
    counts = frame.group_by("g", maintain_order=True).agg(contains("a", seen).sum().alias("n"))
    assert counts["n"].to_list() == [2, 1]


def test_polars_estimates() -> None:
    bag = MapI(20_000).bundle(["a", "b"], weights=[5, 2])
    frame = pl.DataFrame({"key": ["a", None, "b", "c"]})
    column = frame.select(estimate(pl.col("key"), bag)).to_series()
    assert column.dtype == pl.Float64
    assert column.round().to_list()[:3] == [5.0, None, 2.0]


def test_polars_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match=r"polars\.contains must be an object with a method 'contains'"):
        contains("key", object())
    with pytest.raises(TypeError, match=r"polars\.estimate must be an object with a method 'estimate'"):
        estimate("key", filled("BloomFilter"))
    with pytest.raises((TypeError, pl.exceptions.ComputeError), match="column of integers, strings or bytes"):
        pl.DataFrame({"key": [1.5]}).select(contains("key", filled("BloomFilter")))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for use in (contains, estimate):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'hypersketch\[polars\]'"):
            use("key", filled("Bundle of MapI"))


# ---- DuckDB


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


@pytest.mark.parametrize("name", [name for name in MAKERS if hasattr(MAKERS[name](), "contains")])
def test_duckdb_answers_are_those_of_the_structure(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    made = filled(name)
    register_contains(connection, "was_seen", made, key_type="BIGINT")
    rows = connection.sql("SELECT was_seen(range) FROM range(-3000, 3000) ORDER BY range").fetchall()
    assert [row[0] for row in rows] == made.contains(range(-3000, 3000)).tolist()


@pytest.mark.parametrize(
    ("key_type", "keys", "literal"),
    [
        ("VARCHAR", ["a", "é", "ß" * 40], "'{}'"),
        ("BLOB", [b"a", b"b"], "'{}'::BLOB"),
        ("INTEGER", [1, -5], "{}"),
        ("UBIGINT", [2**64 - 1, 7], "{}::UBIGINT"),
    ],
)
def test_duckdb_types_and_nulls(
    key_type: str, keys: list[Any], literal: str, connection: duckdb.DuckDBPyConnection
) -> None:
    seen = BloomFilter(capacity=1000, fpr=1e-6)
    seen.add(keys)
    register_contains(connection, "was_seen", seen, key_type=key_type)
    texts = [literal.format(key.decode() if isinstance(key, bytes) else key) for key in keys]
    for text in texts:
        assert connection.sql(f"SELECT was_seen({text})").fetchall() == [(True,)]
    values = ", ".join(f"({text})" for text in [*texts, "NULL", literal.format(99)])
    rows = connection.sql(f"SELECT was_seen(k) FROM (VALUES {values}) t(k)").fetchall()
    assert [row[0] for row in rows] == [True] * len(keys) + [None, False]


def test_duckdb_sees_what_is_added_later_and_builds_from_queries(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    seen = BloomFilter(capacity=100_000, fpr=1e-6)
    register_contains(connection, "was_seen", seen, key_type="BIGINT")
    query = "SELECT count(*) FROM range(10000) WHERE was_seen(range)"
    assert connection.sql(query).fetchall() == [(0,)]
    seen.update(connection.sql("SELECT range AS k, 'x' AS other FROM range(5000)"), column="k")
    assert seen.n_added == 5000
    assert connection.sql(query).fetchall() == [(5000,)]
    # The stream of this query calls back into Python while it is read.
    seen.update(connection.sql("SELECT range AS k FROM range(20000) WHERE NOT was_seen(range)"))
    assert seen.contains(range(20000)).all()


def test_duckdb_keys_of_any_type(connection: duckdb.DuckDBPyConnection) -> None:
    seen = BloomFilter(capacity=1000, fpr=1e-6)
    seen.add([3, -5, 2**64 - 1])
    seen.add(["a"])
    register_contains(connection, "was_seen", seen)
    query = "SELECT was_seen(3), was_seen(-5::TINYINT), was_seen(4), was_seen(18446744073709551615::UBIGINT)"
    assert connection.sql(query).fetchall() == [(True, True, False, True)]
    query = "SELECT was_seen('a'), was_seen('a'::BLOB), was_seen('b'), was_seen(NULL)"
    assert connection.sql(query).fetchall() == [(True, True, False, None)]
    with pytest.raises(duckdb.Error, match="must be a column of integers, strings or bytes"):
        connection.sql("SELECT was_seen(1.5)").fetchall()
    with pytest.raises(duckdb.Error, match=r"was_seen takes one argument\. Got 2 instead"):
        connection.sql("SELECT was_seen(1, 2)").fetchall()


def test_duckdb_refusals(connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="'name' parameter of register_contains must be a str"):
        register_contains(connection, 5, filled("BloomFilter"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'connection' parameter of register_contains must be a duckdb"):
        register_contains("c", "f", filled("BloomFilter"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'key_type' parameter of register_contains must be a str or None"):
        register_contains(connection, "f", filled("BloomFilter"), key_type=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="register_contains must be an object with a method 'contains'"):
        register_contains(connection, "f", object())
    register_contains(connection, "f", filled("BloomFilter"), key_type="DOUBLE")
    with pytest.raises(duckdb.Error, match="column of integers, strings or bytes"):
        connection.sql("SELECT f(1.5)").fetchall()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hypersketch\[duckdb\]'"):
        register_contains(connection, "g", hypersketch.BloomFilter(n_bits=256))
