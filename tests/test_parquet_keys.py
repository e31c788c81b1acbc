# SPDX-License-Identifier: Apache-2.0
"""Keys of Bloom filters in Parquet files: hashed by the column's type, and never rounded or parsed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import reference
from hypersketch.interop.parquet import build_parquet_bloom


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
def test_keys_are_hashed_by_the_columns_type(column: str, key: Any, data: bytes, plain_parquet: Path) -> None:
    bloom = build_parquet_bloom(plain_parquet, column)[0]
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
def test_refused_keys(column: str, key: Any, error: type[Exception], plain_parquet: Path) -> None:
    bloom = build_parquet_bloom(plain_parquet, column)[0]
    before = bloom.bloom.copy()
    for use in (bloom.contains, bloom.add):
        with pytest.raises(error, match="The 'keys' parameter must"):
            use(key)
    assert bloom.bloom == before


def test_adding_more(plain_parquet: Path) -> None:
    bloom = build_parquet_bloom(plain_parquet, "int32")[0]
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


def test_nanoseconds_are_no_microseconds(plain_parquet: Path) -> None:
    [bloom, *_] = build_parquet_bloom(plain_parquet, "micros")
    with pytest.raises(ValueError, match="would lose data"):
        bloom.contains(pd.Timestamp(1))
    [bloom, *_] = build_parquet_bloom(plain_parquet, "date")
    with pytest.raises(TypeError, match="dates and datetimes are mixed"):
        bloom.contains([datetime.date(1900, 1, 1), datetime.datetime(1900, 1, 1, 5)])
