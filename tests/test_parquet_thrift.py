# SPDX-License-Identifier: Apache-2.0
"""Thrift as Parquet's footers are written in: any bytes are read, or refused."""

from __future__ import annotations

import io
import re
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypersketch.interop import _thrift
from hypersketch.interop._parquet_file import Footer
from hypersketch.interop._thrift import Struct
from parquet_makers import footer_bytes


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
