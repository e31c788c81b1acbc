# SPDX-License-Identifier: Apache-2.0
"""Bloom filters in Parquet files: pyarrow's read here, ours used by DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hypersketch import BloomFilter
from hypersketch.interop.parquet import build_parquet_bloom, read_parquet_bloom, write_parquet_bloom
from parquet_makers import COLUMNS, TABLE, N, footer_bytes, groups

WRITES_BLOOM = int(pa.__version__.split(".")[0]) >= 24


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same columns with filters that pyarrow wrote."""
    if not WRITES_BLOOM:
        pytest.skip("this pyarrow writes no Bloom filters")
    path = tmp_path_factory.mktemp("parquet") / "filtered.parquet"
    options = {name: {"ndv": 2000, "fpp": 0.01} for name in COLUMNS}
    pq.write_table(TABLE, path, row_group_size=2000, bloom_filter_options=options)
    return path


# ---- pyarrow's filters


@pytest.mark.parametrize("column", COLUMNS)
def test_filters_of_pyarrow_hold_their_values_and_are_ours_byte_for_byte(column: str, filtered: Path) -> None:
    read, built = read_parquet_bloom(filtered, column), build_parquet_bloom(filtered, column)
    for theirs, ours, values in zip(read, built, groups(column), strict=True):
        assert theirs is not None
        assert theirs.contains(values).all()
        assert theirs.contains(values.to_pylist()[:50]).all()
        same_size = BloomFilter(n_bits=theirs.bloom.n_bits)
        same_size.add_hashes(ours.hash_keys(values))
        assert same_size == theirs.bloom
        assert (theirs.column, theirs.physical_type) == (ours.column, ours.physical_type)


def test_the_error_of_pyarrows_filters_is_as_theory(filtered: Path) -> None:
    for column, strangers in (
        ("int64", np.arange(200_000)),
        ("int32", np.arange(10**6, 1_200_000, dtype=np.int32)),
        ("string", [f"stranger {i}" for i in range(200_000)]),
    ):
        for bloom, values in zip(read_parquet_bloom(filtered, column), groups(column), strict=True):
            assert bloom is not None
            expected = bloom.bloom.expected_fpr(len(values))
            found = bloom.contains(strangers).mean()
            # 5 standard deviations, and 12 % for the fill of this one filter.
            assert abs(found - expected) < 5 * np.sqrt(expected / len(strangers)) + 0.12 * expected
            assert abs(bloom.bloom.n_added - len(values)) < 0.1 * len(values)


def test_files_without_filters(plain_parquet: Path) -> None:
    assert read_parquet_bloom(plain_parquet, "int64") == [None, None, None]


# ---- our filters


@pytest.fixture(scope="module")
def ours(plain_parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "ours.parquet"
    write_parquet_bloom(
        plain_parquet, path, {name: build_parquet_bloom(plain_parquet, name) for name in COLUMNS}
    )
    return path


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_written_is_read(column: str, plain_parquet: Path, ours: Path) -> None:
    for read, built in zip(
        read_parquet_bloom(ours, column), build_parquet_bloom(plain_parquet, column), strict=True
    ):
        assert read is not None
        assert read.bloom == built.bloom
        assert read.n_blocks & (read.n_blocks - 1) == 0


def test_the_table_and_the_metadata_stay_as_they_were(plain_parquet: Path, ours: Path) -> None:
    assert pq.read_table(ours).equals(pq.read_table(plain_parquet))
    assert pl.read_parquet(ours).equals(pl.read_parquet(plain_parquet))
    before, after = pq.read_metadata(plain_parquet).to_dict(), pq.read_metadata(ours).to_dict()
    chunks = [chunk for group in after["row_groups"] for chunk in group["columns"]]
    for chunk in chunks + [chunk for group in before["row_groups"] for chunk in group["columns"]]:
        for name in ("bloom_filter_offset", "bloom_filter_length"):
            chunk.pop(name, None)
    after.pop("serialized_size"), before.pop("serialized_size")
    assert after == before
    assert pq.read_schema(ours).equals(pq.read_schema(plain_parquet), check_metadata=True)
    assert ours.read_bytes().startswith(plain_parquet.read_bytes()[: -footer_bytes(plain_parquet) - 8])


def excluded(path: Path, column: str, literal: str) -> list[bool]:
    """Which row groups DuckDB excludes by their filters."""
    probe = f"parquet_bloom_probe('{path}', '{column}', {literal})"
    rows = duckdb.sql(f"SELECT bloom_filter_excludes FROM {probe} ORDER BY row_group_id").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("column", "inside", "outside"),
    [
        ("int32", "-2000::INTEGER", "-1999::INTEGER"),
        ("int64", "1000000000000 - 2000", "77"),
        ("uint32", "2147483647::UINTEGER", "5::UINTEGER"),
        ("float", "(1/7)::FLOAT", "0.123::FLOAT"),
        ("double", "1::DOUBLE / 7", "0.123::DOUBLE"),
        ("string", "'text é 3'", "'stranger'"),
        pytest.param(
            *("binary", "'\\x03\\x03\\x03'::BLOB", "'\\x99\\x03\\x03'::BLOB"),
            marks=pytest.mark.skipif(int(duckdb.__version__[0]) < 2, reason="DuckDB 1 finds no BLOB"),
        ),
    ],
)
def test_duckdb_probes_our_filters(column: str, inside: str, outside: str, ours: Path) -> None:
    assert excluded(ours, column, inside)[0] is False
    # Each group keeps a stranger with 1 % at most; all three with 1e-6.
    assert any(excluded(ours, column, outside))
    assert not all(excluded(ours, column, inside))


def test_duckdb_never_excludes_a_member_and_strangers_as_theory(ours: Path) -> None:
    values = COLUMNS["int64"].to_pylist()
    for i in range(0, N, 499):
        assert excluded(ours, "int64", str(values[i]))[i // 2000] is False
    kept = sum(not out for i in range(300) for out in excluded(ours, "int64", str(i)))
    rates = [bloom.bloom.expected_fpr() for bloom in read_parquet_bloom(ours, "int64") if bloom is not None]
    mean = 300 * sum(rates)
    assert abs(kept - mean) < 5 * np.sqrt(mean) + 1


def test_duckdb_gives_the_same_rows(plain_parquet: Path, ours: Path) -> None:
    for condition in (
        "string = 'text é 4242'",
        "int64 = 77",
        "int32 IN (-2000, 5, 33000)",
        "double = 1::DOUBLE/7",
        "date = DATE '1903-01-02'",
        "true",
    ):
        query = f"SELECT string, int64, date, fixed FROM '{{}}' WHERE {condition}"
        rows = [duckdb.sql(query.format(path)).fetchall() for path in (plain_parquet, ours)]
        assert rows[0] == rows[1]


def test_some_row_groups_only_and_in_place(plain_parquet: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    path.write_bytes(plain_parquet.read_bytes())
    first, _, third = build_parquet_bloom(path, "string", fpr=0.2)
    write_parquet_bloom(path, path, {"string": [first, None, third]})
    write_parquet_bloom(path, path, {"int32": build_parquet_bloom(path, "int32")})
    read = read_parquet_bloom(path, "string")
    assert [bloom is None for bloom in read] == [False, True, False]
    assert "text é 5" in read[0]  # type: ignore[operator]
    better = build_parquet_bloom(path, "string", fpr=0.001)
    write_parquet_bloom(path, path, {"string": better})
    again = read_parquet_bloom(path, "string")
    assert [bloom and bloom.n_blocks for bloom in again] == [bloom.n_blocks for bloom in better]
    assert pq.read_table(path).equals(pq.read_table(plain_parquet))


def test_rates_are_kept(plain_parquet: Path) -> None:
    for fpr in (0.3, 0.05, 0.001):
        for bloom in build_parquet_bloom(plain_parquet, "int64", fpr):
            assert bloom.bloom.expected_fpr() <= fpr


def test_nulls_and_empty_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "nulls.parquet"
    for table in (
        pa.table({"a": pa.array([1, None, 3])}),
        pa.table({"a": pa.array([None, None], pa.int32())}),
    ):
        pq.write_table(table, path)
        blooms = build_parquet_bloom(path, "a")
        write_parquet_bloom(path, path, {"a": blooms})
        [read] = read_parquet_bloom(path, "a")
        assert read is not None
        assert read.bloom.n_added == table["a"].drop_null().length()
        assert pq.read_table(path).equals(table)
    pq.write_table(pa.table({"a": pa.array([], pa.int32())}), path)
    write_parquet_bloom(path, path, {"a": build_parquet_bloom(path, "a")})
    assert all(bloom is not None for bloom in read_parquet_bloom(path, "a"))


@pytest.mark.parametrize("writer", ["polars", "duckdb", "pandas"])
def test_files_of_other_writers(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    frame = pl.DataFrame({"k": [f"key {i}" for i in range(3000)], "v": range(3000)})
    if writer == "polars":
        frame.write_parquet(path)
    elif writer == "pandas":
        frame.to_pandas().to_parquet(path)
    else:
        duckdb.sql(f"COPY (SELECT * FROM frame) TO '{path}' (FORMAT parquet)")
    write_parquet_bloom(path, path, {name: build_parquet_bloom(path, name) for name in ("k", "v")})
    for name in ("k", "v"):
        assert all(bloom is not None for bloom in read_parquet_bloom(path, name))
    assert pl.read_parquet(path).equals(frame)
    assert duckdb.sql(f"SELECT v FROM '{path}' WHERE k = 'key 2000'").fetchall() == [(2000,)]


@pytest.mark.parametrize("column", ["list.list.element", "struct.a"])
def test_nested_columns_are_read(column: str, tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    table = pa.table({"list": [[1, 2], [3]], "struct": [{"a": 5}, {"a": 6}]})
    pq.write_table(table, path)
    assert read_parquet_bloom(path, column) == [None]
    with pytest.raises(ValueError, match="is nested; filters are built for plain columns"):
        build_parquet_bloom(path, column)
