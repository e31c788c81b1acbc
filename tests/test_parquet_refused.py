# SPDX-License-Identifier: Apache-2.0
"""Parquet files and filters that are refused: other columns, other filters, damaged and hostile files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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


def test_refused_columns_and_files(plain_parquet: Path, tmp_path: Path) -> None:
    for use in (read_parquet_bloom, build_parquet_bloom):
        with pytest.raises(ValueError, match=r"must be one of the columns .*\. Got 'missing' instead"):
            use(plain_parquet, "missing")
        with pytest.raises(TypeError, match="'column' parameter of Parquet files must be a str"):
            use(plain_parquet, 5)  # type: ignore[arg-type]
        with pytest.raises(FileNotFoundError):
            use(tmp_path / "missing.parquet", "a")
    with pytest.raises(ValueError, match="'fpr' parameter of build_parquet_bloom must be a float in"):
        build_parquet_bloom(plain_parquet, "int32", fpr=1.0)


def test_refused_filters(plain_parquet: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.parquet"
    target.write_bytes(b"as it was")
    blooms = build_parquet_bloom(plain_parquet, "int32")
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
            write_parquet_bloom(plain_parquet, target, filters)
    assert target.read_bytes() == b"as it was"
    with pytest.raises(ValueError, match="not a sound Parquet file"):
        write_parquet_bloom(target, target, {"int32": blooms})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["target.parquet"]


def test_filters_that_readers_would_not_take(monkeypatch: pytest.MonkeyPatch, plain_parquet: Path) -> None:
    monkeypatch.setattr("hypersketch.interop.parquet._MAX_BLOCKS", 8)
    with pytest.raises(ValueError, match=r"would have 4096 bytes; Parquet readers take up to 256"):
        build_parquet_bloom(plain_parquet, "int32")


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, plain_parquet: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for use in (read_parquet_bloom, build_parquet_bloom):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'hypersketch\[parquet\]'"):
            use(plain_parquet, "int32")


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
