# SPDX-License-Identifier: Apache-2.0
"""Bloom filters in Parquet files: pyarrow's read here, ours used by DuckDB, hostile ones refused."""

from __future__ import annotations

import datetime
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from hypersketch import BloomFilter
from hypersketch.interop import _thrift
from hypersketch.interop._parquet_file import Footer, bitset_header
from hypersketch.interop._thrift import Struct
from hypersketch.interop.parquet import (
    ParquetBloom,
    build_parquet_bloom,
    read_parquet_bloom,
    write_parquet_bloom,
)

WRITES_BLOOM = int(pa.__version__.split(".")[0]) >= 24

N = 5000
DAYS = [datetime.date(1900, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
MOMENTS = [datetime.datetime(1950, 1, 1) + datetime.timedelta(seconds=12345 * i) for i in range(N)]
UTC = [moment.replace(tzinfo=datetime.timezone.utc) for moment in MOMENTS]
TIMES = [(datetime.datetime(1, 1, 1) + datetime.timedelta(milliseconds=i)).time() for i in range(N)]

COLUMNS: dict[str, pa.Array] = {
    "int8": pa.array(np.arange(N) % 100 - 50, pa.int8()),
    "int16": pa.array(np.arange(N) - 2000, pa.int16()),
    "int32": pa.array(np.arange(N) * 7 - 2000, pa.int32()),
    "int64": pa.array(np.arange(N) * 10**12 - 2000, pa.int64()),
    "uint8": pa.array(np.arange(N) % 100 + 100, pa.uint8()),
    "uint16": pa.array(np.arange(N) + 60000, pa.uint16()),
    "uint32": pa.array(np.arange(N) + 2**31 - 9, pa.uint32()),
    "uint64": pa.array(np.arange(N, dtype=np.uint64) + np.uint64(2**63 - 9), pa.uint64()),
    "float": pa.array(np.arange(N) / 7, pa.float32()),
    "double": pa.array(np.arange(N) / 7, pa.float64()),
    "string": pa.array([f"text é {i}" for i in range(N)]),
    "large_string": pa.array([f"text {i}" for i in range(N)], pa.large_string()),
    "binary": pa.array([bytes([i % 256]) * (i % 40) for i in range(N)], pa.binary()),
    "fixed": pa.array([i.to_bytes(5, "big") for i in range(N)], pa.binary(5)),
    "dictionary": pa.array([f"text {i % 90}" for i in range(N)]).dictionary_encode(),
    "date": pa.array(DAYS),
    "time_ms": pa.array(TIMES, pa.time32("ms")),
    "time_us": pa.array(TIMES, pa.time64("us")),
    "seconds": pa.array(MOMENTS, pa.timestamp("s")),  # Parquet has milliseconds at most
    "millis": pa.array(MOMENTS, pa.timestamp("ms")),
    "micros": pa.array(MOMENTS, pa.timestamp("us")),
    "nanos": pa.array(MOMENTS, pa.timestamp("ns")),
    "utc": pa.array(UTC, pa.timestamp("us", "UTC")),
    "zone": pa.array(UTC, pa.timestamp("us", "Europe/Berlin")),
}
TABLE = pa.table(COLUMNS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file without filters, of three row groups."""
    path = tmp_path_factory.mktemp("parquet") / "plain.parquet"
    pq.write_table(TABLE, path, row_group_size=2000)
    return path


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file with filters that pyarrow wrote."""
    if not WRITES_BLOOM:
        pytest.skip("this pyarrow writes no Bloom filters")
    path = tmp_path_factory.mktemp("parquet") / "filtered.parquet"
    options = {name: {"ndv": 2000, "fpp": 0.01} for name in COLUMNS}
    pq.write_table(TABLE, path, row_group_size=2000, bloom_filter_options=options)
    return path


def groups(column: str) -> list[pa.Array]:
    return [COLUMNS[column][first : first + 2000] for first in range(0, N, 2000)]


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


def test_files_without_filters(plain: Path) -> None:
    assert read_parquet_bloom(plain, "int64") == [None, None, None]


# ---- our filters


@pytest.fixture(scope="module")
def ours(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "ours.parquet"
    write_parquet_bloom(plain, path, {name: build_parquet_bloom(plain, name) for name in COLUMNS})
    return path


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_written_is_read(column: str, plain: Path, ours: Path) -> None:
    for read, built in zip(read_parquet_bloom(ours, column), build_parquet_bloom(plain, column), strict=True):
        assert read is not None
        assert read.bloom == built.bloom
        assert read.n_blocks & (read.n_blocks - 1) == 0


def test_the_table_and_the_metadata_stay_as_they_were(plain: Path, ours: Path) -> None:
    assert pq.read_table(ours).equals(pq.read_table(plain))
    assert pl.read_parquet(ours).equals(pl.read_parquet(plain))
    before, after = pq.read_metadata(plain).to_dict(), pq.read_metadata(ours).to_dict()
    chunks = [chunk for group in after["row_groups"] for chunk in group["columns"]]
    for chunk in chunks + [chunk for group in before["row_groups"] for chunk in group["columns"]]:
        for name in ("bloom_filter_offset", "bloom_filter_length"):
            chunk.pop(name, None)
    after.pop("serialized_size"), before.pop("serialized_size")
    assert after == before
    assert pq.read_schema(ours).equals(pq.read_schema(plain), check_metadata=True)
    assert ours.read_bytes().startswith(plain.read_bytes()[: -footer_bytes(plain) - 8])


def footer_bytes(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[-8:-4], "little")


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
        ("binary", "'\\x03\\x03\\x03'::BLOB", "'\\x99\\x03\\x03'::BLOB"),
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


def test_duckdb_gives_the_same_rows(plain: Path, ours: Path) -> None:
    for condition in (
        "string = 'text é 4242'",
        "int64 = 77",
        "int32 IN (-2000, 5, 33000)",
        "double = 1::DOUBLE/7",
        "date = DATE '1903-01-02'",
        "true",
    ):
        query = f"SELECT string, int64, date, fixed FROM '{{}}' WHERE {condition}"
        rows = [duckdb.sql(query.format(path)).fetchall() for path in (plain, ours)]
        assert rows[0] == rows[1]


def test_some_row_groups_only_and_in_place(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    path.write_bytes(plain.read_bytes())
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
    assert pq.read_table(path).equals(pq.read_table(plain))


def test_rates_are_kept(plain: Path) -> None:
    for fpr in (0.3, 0.05, 0.001):
        for bloom in build_parquet_bloom(plain, "int64", fpr):
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


# ---- keys


@pytest.mark.parametrize(
    ("column", "key", "data"),
    [
        ("int8", -3, (-3).to_bytes(4, "little", signed=True)),
        ("int32", -3, (-3).to_bytes(4, "little", signed=True)),
        ("uint16", 65535, (65535).to_bytes(4, "little")),
        ("uint32", 2**32 - 1, b"\xff" * 4),
        ("int64", -3, (-3).to_bytes(8, "little", signed=True)),
        ("uint64", 2**64 - 1, b"\xff" * 8),
        ("float", 1.5, np.float32(1.5).tobytes()),
        ("double", 0.1, np.float64(0.1).tobytes()),
        ("string", "é", "é".encode()),
        ("binary", b"\0\1", b"\0\1"),
        ("fixed", b"abcde", b"abcde"),
        ("date", datetime.date(1969, 12, 31), b"\xff" * 4),
        ("time_ms", datetime.time(0, 0, 1), (1000).to_bytes(4, "little")),
        ("time_us", datetime.time(0, 0, 1), (10**6).to_bytes(8, "little")),
        ("seconds", datetime.datetime(1970, 1, 2), (86_400_000).to_bytes(8, "little")),
        ("nanos", datetime.datetime(1970, 1, 2), (86_400 * 10**9).to_bytes(8, "little")),
        (
            "zone",
            datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc),
            (86_400 * 10**6).to_bytes(8, "little"),
        ),
    ],
)
def test_keys_are_hashed_by_the_columns_type(column: str, key: Any, data: bytes, plain: Path) -> None:
    bloom = build_parquet_bloom(plain, column)[0]
    expected = [reference.xxh64(data)]
    values = pa.array([key], pa.uint64() if column == "uint64" else None)
    forms = [key, [key], (key,), iter([key]), values, pl.Series(values), pd.Series([key])]
    if not isinstance(key, datetime.time | datetime.datetime):
        forms.append(np.array([key]))
    for form in forms:
        assert bloom.hash_keys(form).tolist() == expected
    assert bloom.hash_keys(pa.chunked_array([values, values])).tolist() == 2 * expected
    assert bloom.hash_keys([]).tolist() == []


@pytest.mark.parametrize(
    ("column", "key", "error"),
    [
        ("int32", 2**31, ValueError),
        ("int8", 200, ValueError),
        ("uint32", -1, ValueError),
        ("int64", 2**63, ValueError),
        ("int32", 1.5, TypeError),
        ("int32", 1.0, TypeError),
        ("int32", "1", TypeError),
        ("int32", True, TypeError),
        ("int32", None, ValueError),
        ("int32", [1, "a"], ValueError),
        ("int32", datetime.date(2020, 1, 1), TypeError),
        ("string", 5, TypeError),
        ("double", 1, TypeError),
        ("double", "1.5", TypeError),
        ("fixed", b"abc", ValueError),
        ("date", 5, TypeError),
        ("date", "2020-01-01", TypeError),
        ("micros", 5, TypeError),
        ("millis", datetime.datetime(2020, 1, 1, 0, 0, 0, 1), ValueError),
        ("string", object(), ValueError),
        ("string", ["a", None], ValueError),
    ],
)
def test_refused_keys(column: str, key: Any, error: type[Exception], plain: Path) -> None:
    bloom = build_parquet_bloom(plain, column)[0]
    before = bloom.bloom.copy()
    for use in (bloom.contains, bloom.add):
        with pytest.raises(error, match="The 'keys' parameter must"):
            use(key)
    assert bloom.bloom == before


def test_adding_more(plain: Path) -> None:
    bloom = build_parquet_bloom(plain, "int32")[0]
    bloom.add([10**9])
    assert 10**9 in bloom
    assert repr(bloom) == f"ParquetBloom(column='int32', physical_type='INT32', n_blocks={bloom.n_blocks})"


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_nanoseconds_of_pandas(zone: str | None, tmp_path: Path) -> None:
    moments = [pd.Timestamp(i, tz=zone) for i in (1, 1001, 10**18 + 7)]
    path = tmp_path / "nanos.parquet"
    pq.write_table(pa.table({"t": pd.Series(moments)}), path)
    [bloom] = build_parquet_bloom(path, "t", fpr=1e-6)
    strangers = [pd.Timestamp(i, tz=zone) for i in (0, 2, 1000, 10**18)]
    boxes = (
        list,
        tuple,
        pd.Series,
        lambda x: pd.Series(x, dtype=object),
        lambda x: np.array(x, dtype=object),
    )
    for box in boxes:
        assert bloom.contains(box(moments)).all()
        assert not bloom.contains(box(strangers)).any()
    assert moments[0] in bloom
    bloom.add(strangers)
    assert bloom.contains(strangers).all()
    assert not bloom.contains([pd.Timestamp(3, tz=zone), pd.Timestamp(1002, tz=zone)]).any()


def test_nanoseconds_are_no_microseconds(plain: Path) -> None:
    [bloom, *_] = build_parquet_bloom(plain, "micros")
    with pytest.raises(ValueError, match="would lose data"):
        bloom.contains(pd.Timestamp(1))
    [bloom, *_] = build_parquet_bloom(plain, "date")
    with pytest.raises(TypeError, match="dates and datetimes are mixed"):
        bloom.contains([datetime.date(1900, 1, 1), datetime.datetime(1900, 1, 1, 5)])


# ---- refused


@pytest.mark.parametrize(
    "column", [pa.array([True]), pa.array([Decimal("1.5")]), pa.array([Decimal(1)], pa.decimal128(5))]
)
def test_types_without_filters(column: pa.Array, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": column}), path)
    for use in (read_parquet_bloom, build_parquet_bloom):
        with pytest.raises(ValueError, match=r"The column 'a' of .* has no Bloom filter"):
            use(path, "a")


def test_refused_columns_and_files(plain: Path, tmp_path: Path) -> None:
    for use in (read_parquet_bloom, build_parquet_bloom):
        with pytest.raises(ValueError, match=r"must be one of the columns .*\. Got 'missing' instead"):
            use(plain, "missing")
        with pytest.raises(TypeError, match="'column' parameter of Parquet files must be a str"):
            use(plain, 5)  # type: ignore[arg-type]
        with pytest.raises(FileNotFoundError):
            use(tmp_path / "missing.parquet", "a")
    with pytest.raises(ValueError, match="'fpr' parameter of build_parquet_bloom must be a float in"):
        build_parquet_bloom(plain, "int32", fpr=1.0)


def test_refused_filters(plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.parquet"
    target.write_bytes(b"as it was")
    blooms = build_parquet_bloom(plain, "int32")
    kind = blooms[0]._kind
    odd = ParquetBloom(kind, BloomFilter(n_bits=3 * 256))
    seeded = ParquetBloom(kind, BloomFilter(n_bits=256, seed=1))
    lines = ParquetBloom(kind, BloomFilter(n_bits=512, layout="cache-line"))
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"int32": blooms[:2]}, ValueError, "needs one filter for each of 3 row groups. Got 2 instead"),
        ({"int64": blooms}, ValueError, "must be of the column 'int64' of INT64"),
        ({"missing": blooms}, ValueError, "must be one of the columns"),
        ({"int32": [odd, None, None]}, ValueError, "a power of two of them, and seed 0"),
        ({"int32": [seeded, None, None]}, ValueError, "a power of two of them, and seed 0"),
        ({"int32": [lines, None, None]}, ValueError, "a power of two of them, and seed 0"),
        ({"int32": [blooms[0].bloom, None, None]}, TypeError, "must be ParquetBloom objects or None"),
        (
            {"int32": blooms[0]},
            TypeError,
            "a list with one filter a row group for the column 'int32'. Got Parq",
        ),
        ({"int32": None}, TypeError, "a list with one filter a row group for the column 'int32'. Got None"),
        (blooms, TypeError, "must be a mapping of names of columns to lists of filters. Got"),  # type: ignore
    ]
    for filters, error, text in cases:
        with pytest.raises(error, match=text):
            write_parquet_bloom(plain, target, filters)
    assert target.read_bytes() == b"as it was"
    with pytest.raises(ValueError, match="not a sound Parquet file"):
        write_parquet_bloom(target, target, {"int32": blooms})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["target.parquet"]


def test_filters_that_readers_would_not_take(monkeypatch: pytest.MonkeyPatch, plain: Path) -> None:
    monkeypatch.setattr("hypersketch.interop.parquet._MAX_BLOCKS", 8)
    with pytest.raises(ValueError, match=r"would have 4096 bytes; Parquet readers take up to 256"):
        build_parquet_bloom(plain, "int32")


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, plain: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for use in (read_parquet_bloom, build_parquet_bloom):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'hypersketch\[parquet\]'"):
            use(plain, "int32")


# ---- hostile files


def small(tmp_path: Path) -> tuple[Path, bytes, int]:
    """A small file with a filter, its bytes, and where the filter begins."""
    path = tmp_path / "small.parquet"
    pq.write_table(pa.table({"a": range(30)}), path, compression="none")
    write_parquet_bloom(path, path, {"a": build_parquet_bloom(path, "a")})
    content = path.read_bytes()
    return path, content, content.rindex(bitset_header(32 * build_parquet_bloom(path, "a")[0].n_blocks))


def refused(path: Path, content: bytes, text: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text):
        read_parquet_bloom(path, "a")


def test_truncated_files(tmp_path: Path) -> None:
    path, content, _ = small(tmp_path)
    for length in (0, 3, 4, 8, 11, 12, len(content) // 2, len(content) - 4, len(content) - 1):
        refused(path, content[:length], "sound Parquet file|cannot be read")


def unions(algorithm: int = 1, hash_function: int = 1, compression: int = 1) -> Struct:
    header = Struct()
    for field, choice in ((2, algorithm), (3, hash_function), (4, compression)):
        union = Struct()
        union.put(choice, _thrift.STRUCT, Struct().encoded())
        header.put(field, _thrift.STRUCT, union.encoded())
    return header


def test_hostile_filter_headers(tmp_path: Path) -> None:
    path, content, at = small(tmp_path)
    _, end = Struct.read(content, at)
    bad: list[tuple[Struct, str]] = []
    for n_bytes in (-32, 0, 31, 33, 2**30, 2**31 - 32):
        header = unions()
        header.put(1, _thrift.I32, _thrift.of_integer(n_bytes))
        bad.append((header, f"would have {n_bytes} bytes where there are"))
    for name, choices in (("algorithm", (2,)), ("hash", (1, 2)), ("compression", (1, 1, 2))):
        header = unions(*choices)
        header.put(1, _thrift.I32, _thrift.of_integer(32))
        bad.append((header, f"has the unknown {name} 2"))
    bad.append((unions(), "field 1 of a Thrift struct is missing"))
    for header, text in bad:
        data = header.encoded()
        # What follows moves; the footer still finds the header, and its own place from the end.
        refused(path, content[:at] + data + content[end:], text)
    for garbage in (
        b"\x1c" * 64,
        b"\xff" * 64,
        b"\0" * 64,
        b"\x15" + b"\xff" * 63,
        b"\x19\xfc" + b"\xff" * 62,
    ):
        refused(path, content[:at] + garbage + content[at + 64 :], "Thrift|field")


def with_place(content: bytes, offset: int, length: int | None) -> bytes:
    """The file with another place of its filter in the footer."""
    size = int.from_bytes(content[-8:-4], "little")
    footer = Footer(content[-8 - size : -8])
    footer.put(0, "a", offset, 0 if length is None else length)
    return content[: -8 - size] + footer.encoded()


@pytest.mark.parametrize("offset", [-1, 0, 3, 10**6, 2**40, 2**63 - 1, -(2**63)])
def test_hostile_offsets(offset: int, tmp_path: Path) -> None:
    path, content, _ = small(tmp_path)
    refused(path, with_place(content, offset, 47), "sound Parquet file|outside the data")


@pytest.mark.parametrize("length", [0, 1, 46, -5])
def test_hostile_lengths(length: int, tmp_path: Path) -> None:
    path, content, at = small(tmp_path)
    refused(path, with_place(content, at, length), "sound Parquet file|bytes where there are")


def test_every_flipped_bit_behind_the_data_is_survived(tmp_path: Path) -> None:
    path, content, at = small(tmp_path)
    for i in range(at, len(content)):
        damaged = bytearray(content)
        damaged[i] ^= 1 << (i * 5 % 8)
        path.write_bytes(damaged)
        try:
            for bloom in read_parquet_bloom(path, "a"):
                assert bloom is None or bloom.contains(range(30)).shape == (30,)
        except (ValueError, TypeError):  # a column that is no integer any more refuses integers
            pass


# ---- Thrift


@given(st.binary(max_size=120))
def test_any_bytes_are_a_struct_or_refused(data: bytes) -> None:
    try:
        found, end = Struct.read(data)
    except ValueError:
        return
    assert Struct.read(found.encoded())[0]._fields == found._fields
    assert end <= len(data)


def test_bombs() -> None:
    for data in (
        b"\x1c" * 5000,  # a struct in a struct in a struct
        b"\x19" * 5000,  # lists of lists
        b"\x19\xf3" + b"\xff\xff\xff\xff\x0f",  # a list of four thousand million bytes
        b"\x18\xff\xff\xff\xff\x0f",  # as long a string
        b"\x1b\xff\xff\xff\xff\x0f\x33",  # and a map
        b"\x16" + b"\xff" * 11,  # an endless integer
        b"\x1e\0",
    ):
        with pytest.raises(ValueError, match="Thrift"):
            Struct.read(data)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers(number: int) -> None:
    assert _thrift.to_integer(_thrift.of_integer(number)) == number


def test_fields_that_are_not_understood_are_kept() -> None:
    made = Struct()
    made.put(1, _thrift.TRUE, b"")
    made.put(3, _thrift.LIST, _thrift.of_list([b"\1", b"\2"] * 20, _thrift.TRUE))
    made.put(4, _thrift.MAP, b"\x01\x83\x01a\x05")
    made.put(5, _thrift.MAP, b"\0")
    made.put(6, _thrift.DOUBLE, bytes(8))
    made.put(7, _thrift.UUID, bytes(16))
    made.put(900, _thrift.BYTE, b"\x07")
    made.put(901, _thrift.SET, _thrift.of_list([_thrift.of_integer(-5)], _thrift.I16))
    inner = Struct()
    inner.put(2, _thrift.STRUCT, made.encoded())
    again = Struct.whole(Struct.whole(inner.encoded()).require(2, _thrift.STRUCT))
    assert again._fields == made._fields
    assert again.encoded() == made.encoded()


@pytest.mark.parametrize("writer", ["pyarrow", "polars", "duckdb"])
def test_footers_go_through_unchanged(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    frame = pl.DataFrame({"k": [f"key {i}" for i in range(300)], "v": [[i] for i in range(300)]})
    if writer == "pyarrow":
        pq.write_table(frame.to_arrow(), path, row_group_size=20)
    elif writer == "polars":
        frame.write_parquet(path)
    else:
        duckdb.sql(f"COPY (SELECT * FROM frame) TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    size = footer_bytes(path)
    assert Footer(content[-8 - size : -8]).encoded() == content[-8 - size :]


def test_every_cut_of_a_footer_is_refused() -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), buffer)
    content = buffer.getvalue()
    size = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - size : -8]
    for length in range(size):
        with pytest.raises(ValueError, match=re.compile("Thrift|row group")):
            Footer(footer[:length])
