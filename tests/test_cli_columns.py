# SPDX-License-Identifier: Apache-2.0
"""Records that are rows of CSV and Parquet files, told apart by a column."""

from __future__ import annotations

import csv
import datetime
import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cli_tools import call, first_ones, number, run
from hypersketch.cli import spans as spans_module

VALUES = [f"value {i * i % 37}" for i in range(400)]
FIRST = [i for i in range(400) if VALUES[i] not in VALUES[:i]]


def table_of(values: Any) -> pa.Table:
    table = pa.table({"id": pa.array(range(len(values)), pa.int16()), "value": values})
    return table.replace_schema_metadata({"made by": "a test"})


def dedup(path: Path, *more: object) -> tuple[Path, Any]:
    out = path.with_name(f"out{path.suffix}")
    return out, call("dedup", path, "--by", "column", "--column", "value", "--out", out, *more)


# ---- Parquet

COLUMNS = {
    "string": pa.array(VALUES),
    "large_string": pa.array(VALUES, pa.large_string()),
    "string_view": pa.array(VALUES, pa.string_view()),
    "binary": pa.array([value.encode() + b"\0\xff" for value in VALUES]),
    "dictionary": pa.array(VALUES).dictionary_encode(),
    "int8": pa.array([i * i % 37 - 18 for i in range(400)], pa.int8()),
    "uint64": pa.array([2**64 - 1 - i * i % 37 for i in range(400)], pa.uint64()),
    "date32": pa.array([datetime.date(2020, 1, 1 + i * i % 37 % 28) for i in range(400)]),
    "timestamp": pa.array([datetime.datetime(2020, 1, 1, 0, i * i % 37) for i in range(400)]),
    "fixed_size_binary": pa.array([b"%08d" % (i * i % 37) for i in range(400)], pa.binary(8)),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("more", [[], ["--one-pass"]], ids=["two passes", "one pass"])
def test_parquet_keeps_the_first_rows(kind: str, more: list[str], tmp_path: Path) -> None:
    table = table_of(COLUMNS[kind])
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=150, compression="zstd")
    out, result = dedup(tmp_path / "in.parquet", *more)
    assert result.exit_code == 0, result.output
    plain = table.column("value").to_pylist()
    first = [i for i in range(400) if plain[i] not in plain[:i]]
    rows = table.to_pylist()
    assert parquet.read_table(out).to_pylist() == [rows[i] for i in first]
    assert parquet.read_schema(out).equals(parquet.read_schema(tmp_path / "in.parquet"), check_metadata=True)
    assert parquet.ParquetFile(out).metadata.row_group(0).column(1).compression == "ZSTD"
    assert number(result.output, "rows dropped") == 400 - len(first)


def test_several_parquet_files_become_one(tmp_path: Path) -> None:
    table = table_of(VALUES)
    files = []
    for i in range(3):
        files.append(tmp_path / f"{i}.parquet")
        parquet.write_table(table.slice(130 * i, 130), files[-1])
    command = ["dedup", *files, "--by", "column", "--column", "value", "--out"]
    assert call(*command, tmp_path / "all.parquet").exit_code == 0
    assert parquet.read_table(tmp_path / "all.parquet").equals(table.take([i for i in FIRST if i < 390]))
    assert parquet.ParquetFile(tmp_path / "all.parquet").metadata.num_row_groups == 1
    assert call(*command, f"{tmp_path}/each/").exit_code == 0
    parts = [parquet.read_table(tmp_path / "each" / f"{i}.parquet") for i in range(3)]
    assert pa.concat_tables(parts).equals(table.take([i for i in FIRST if i < 390]))


def test_empty_parquet(tmp_path: Path) -> None:
    empty = table_of(VALUES).schema.empty_table()
    parquet.write_table(empty, tmp_path / "in.parquet")
    parquet.ParquetWriter(tmp_path / "none.parquet", empty.schema).close()  # not even a row group
    for name in ("in", "none"):
        out, result = dedup(tmp_path / f"{name}.parquet")
        assert result.exit_code == 0, result.output
        assert parquet.read_table(out).equals(empty)


KINDS = {
    "units of timestamps": (pa.array([1000], pa.timestamp("ms")), pa.array([1000], pa.timestamp("us"))),
    "moments and local times": (pa.array([1], pa.timestamp("ms", "UTC")), pa.array([1], pa.timestamp("ms"))),
    "units of durations": (pa.array([1000], pa.duration("ms")), pa.array([1000], pa.duration("s"))),
    "units of times": (pa.array([1000], pa.time32("ms")), pa.array([1000], pa.time64("us"))),
    "signs": (pa.array([-1], pa.int64()), pa.array([2**64 - 1], pa.uint64())),
    "dates and integers": (pa.array([18262], pa.date32()), pa.array([18262], pa.int64())),
    "dates and dates": (pa.array([0], pa.date32()), pa.array([0], pa.timestamp("ms"))),
    "integers and bytes": (pa.array([1], pa.int64()), pa.array([b"\1" + bytes(7)])),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [[], ["--one-pass"]], ids=["two passes", "one pass"])
def test_columns_of_other_kinds_are_not_compared(kind: str, more: list[str], tmp_path: Path) -> None:
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    for path, column in zip((a, b), KINDS[kind], strict=True):
        parquet.write_table(pa.table({"value": column}), path)
    for command in (
        ["dedup", "--out", f"{tmp_path}/out/", *more],
        ["top"],
        ["filter", "build", "--out", tmp_path / "f"],
    ):
        result = call(*command, a, b, "--by", "column", "--column", "value")
        assert result.exit_code == 1
        told = rf"The column holds .* in '{a}' and .* in '{b}', which cannot be compared\. Convert one.*\n"
        assert re.fullmatch(told, result.stderr)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_columns_of_one_kind_are_compared(tmp_path: Path) -> None:
    alike = [
        [pa.array([-1, 5], kind) for kind in (pa.int8(), pa.int32(), pa.int64())],
        [pa.array([1, 5], kind) for kind in (pa.uint8(), pa.uint64())],
        [pa.array([1, 5], pa.timestamp("ms", zone)) for zone in ("UTC", "Asia/Tokyo")],
        [
            pa.array(["a", "b"]),
            pa.array(["a", "b"], pa.large_string()),
            pa.array(["a", "b"], pa.string_view()),
            pa.array(["a", "b"]).dictionary_encode(),
            pa.array([b"a", b"b"], pa.binary(1)),
        ],
    ]
    for number_of_group, columns in enumerate(alike):
        files = [tmp_path / f"{number_of_group}-{i}.parquet" for i in range(len(columns))]
        for path, column in zip(files, columns, strict=True):
            parquet.write_table(pa.table({"value": column}), path)
        result = call("dedup", *files, "--by", "column", "--column", "value", "--out", f"{tmp_path}/out/")
        assert result.exit_code == 0, result.output
        rows = [parquet.read_table(tmp_path / "out" / path.name).num_rows for path in files]
        assert rows == [2] + [0] * (len(files) - 1)


def test_csv_beside_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("value\n1\n00000002\n")
    parquet.write_table(pa.table({"value": ["1", "2"]}), tmp_path / "texts.parquet")
    parquet.write_table(
        pa.table({"value": [1, int.from_bytes(b"00000002", "little")]}), tmp_path / "b.parquet"
    )
    command = ["dedup", "--by", "column", "--out", f"{tmp_path}/out/", tmp_path / "a.csv"]
    assert call(*command, tmp_path / "texts.parquet").exit_code == 0
    assert parquet.read_table(tmp_path / "out" / "texts.parquet").to_pydict() == {"value": ["2"]}
    result = call(*command, tmp_path / "b.parquet")
    assert result.exit_code == 1
    assert f"holds text or bytes in '{tmp_path / 'a.csv'}' and signed integers in" in result.stderr


NULLS = {"keep": [0, 1, 2, 3, 5, 6], "equal": [0, 1, 2, 5]}


@pytest.mark.parametrize("policy", NULLS)
@pytest.mark.parametrize("more", [[], ["--one-pass"]], ids=["two passes", "one pass"])
def test_rows_without_a_value(policy: str, more: list[str], tmp_path: Path) -> None:
    values = ["a", None, "b", None, "a", "c", None]
    parquet.write_table(table_of(values), tmp_path / "in.parquet", row_group_size=3)
    out, result = dedup(tmp_path / "in.parquet", "--nulls", policy, *more)
    assert result.exit_code == 0, result.output
    assert parquet.read_table(out).column("id").to_pylist() == NULLS[policy]
    text = "".join(f"{i},{'' if value is None else value}\n" for i, value in enumerate(values))
    (tmp_path / "in.csv").write_text("id,value\n" + text)
    out, result = dedup(tmp_path / "in.csv", "--nulls", policy, *more)
    assert result.exit_code == 0, result.output
    assert [int(row["id"]) for row in csv.DictReader(io.StringIO(out.read_text()))] == NULLS[policy]


# ---- CSV


def as_csv(values: list[str], end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(
        [("id", "value", "price"), *((i, v, "1.50") for i, v in enumerate(values))]
    )
    return text.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("block", [23, 1 << 22])
def test_csv_rows_are_written_as_they_were(
    end: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans_module, "BLOCK", block)
    values = [
        'say "no"',
        "a, b",
        "two\nlines",
        "plain",
        "a, b",
        "00",
        "0",
        'say "no"',
        "ä",
        "two\nlines",
        "00",
    ]
    data = as_csv(values, end).encode()
    (tmp_path / "in.csv").write_bytes(data)
    out, result = dedup(tmp_path / "in.csv")
    assert result.exit_code == 0, result.output
    kept = [value for i, value in enumerate(values) if value not in values[:i]]
    rows = list(csv.reader(io.StringIO(out.read_bytes().decode(), newline="")))
    assert [row[1] for row in rows[1:]] == kept
    out.rename(tmp_path / "in.csv")
    again, result = dedup(tmp_path / "in.csv")
    assert number(result.output, "rows dropped") == 0
    assert again.read_bytes() == (tmp_path / "in.csv").read_bytes()


def test_csv_bytes_stay(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfid,value\n1,"x"\n\n2,x\n3,007\n4,7\n\n5,\xff\n6,""\n7,\xff\n8,"y"'
    (tmp_path / "in.csv").write_bytes(data)
    out, result = dedup(tmp_path / "in.csv")
    assert result.exit_code == 0, result.output
    # Row 2 has the value of row 1 without its quotes; blank lines are no rows and stay.
    assert out.read_bytes() == data.replace(b"2,x\n", b"").replace(b"7,\xff\n", b"")
    assert (number(result.output, "rows seen"), number(result.output, "rows dropped")) == (8, 2)


def test_quotes_open_only_where_a_field_begins(tmp_path: Path) -> None:
    data = b'id,value\nd,d\na"b,"c\nd"\ne"f,d\nz,q\n'
    (tmp_path / "in.csv").write_bytes(data)
    out, result = dedup(tmp_path / "in.csv")
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == b'id,value\nd,d\na"b,"c\nd"\nz,q\n'
    (tmp_path / "in.tsv").write_bytes(b'id\tvalue\n1\t5" disk\n2\t6"\n3\t5" disk\n')
    out, result = dedup(tmp_path / "in.tsv")
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == b'id\tvalue\n1\t5" disk\n2\t6"\n'


PIECES = ['"', '"', ",", ",", "\n", "\r\n", "a", "b", "\t", " ", '""', "ä"]


def csv_rows(text: str, delimiter: str) -> list[tuple[list[str], str]]:
    """Rows of CSV by Python's reader: their fields, and their text."""
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    reader = csv.reader(lines, delimiter=delimiter)
    found, used = [], 0
    for fields in reader:
        found.append((fields, "".join(lines[used : reader.line_num])))
        used = reader.line_num
    return found


def test_rows_are_those_of_pythons_reader() -> None:
    draw = np.random.default_rng(11)
    for _ in range(3000):
        text = "".join(draw.choice(PIECES, draw.integers(0, 25)))
        data = np.frombuffer(text.encode(), np.uint8)
        for delimiter in ",\t":
            cut = spans_module.cut_rows(data, True, delimiter.encode())
            found = [data[a:b].tobytes().decode() for a, b in zip(cut.starts, cut.stops, strict=True)]
            assert found == [whole for _, whole in csv_rows(text, delimiter)], text


@pytest.mark.parametrize("block", [29, 1 << 22])
def test_values_are_those_of_pythons_reader(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans_module, "BLOCK", block)
    draw = np.random.default_rng(12)
    header = '\ufeff"i\nd",value\n'
    for number_of_files in range(60):
        rows: list[str] = []
        while len(rows) < 40:
            text = "".join(draw.choice(PIECES, draw.integers(3, 9))) + "\n"
            parsed = csv_rows(text + "x,y\n", ",")
            if len(parsed) == 2 and len(parsed[0][0]) == 2:
                rows.append(text)
        # An empty field may be no value, as a quoted one is not: Python's reader does not tell.
        parsed = [each for each in csv_rows("".join(rows), ",") if len(each[0]) == 2 and each[0][1]]
        path = tmp_path / f"{number_of_files}.csv"
        path.write_bytes((header + "".join(whole for _, whole in parsed)).encode())
        wanted = first_ones((fields[1].encode(), whole.encode()) for fields, whole in parsed)
        out, result = dedup(path)
        assert result.exit_code == 0, result.output
        assert out.read_bytes() == header.encode() + b"".join(wanted)


@pytest.mark.parametrize("block", [9, 1 << 22])
def test_a_byte_order_mark_is_none_inside_a_file(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans_module, "BLOCK", block)
    data = b"\xef\xbb\xbfvalue\n\xef\xbb\xbfx\nx\n\xef\xbb\xbfx\nyyyyyyyy\n\xef\xbb\xbfyyyyyyyy\n"
    (tmp_path / "in.csv").write_bytes(data)
    out, result = dedup(tmp_path / "in.csv")
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == data.replace(b"x\n\xef\xbb\xbfx\n", b"x\n")


def test_csv_streams_and_tabs() -> None:
    data = b"id\tvalue\n1\ta,b\n2\tc\n3\ta,b\n"
    done = run(
        "dedup", "-", "--one-pass", "--by", "column", "--column", "value", "--format", "tsv", stdin=data
    )
    assert (done.returncode, done.stdout) == (0, b"id\tvalue\n1\ta,b\n2\tc\n")


def test_csv_files_of_one_header_become_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,value\r\n1,x\r\n2,y")
    (tmp_path / "b.csv").write_bytes(b"id,value\n3,y\n4,z\n")
    (tmp_path / "c.csv").write_bytes(b"id,value")
    (tmp_path / "d.csv").write_bytes(b"value,id\nx,1\n")
    command = ["dedup", "--by", "column", "--column", "value", "--out", tmp_path / "out.csv"]
    assert call(*command, *(tmp_path / f"{name}.csv" for name in "abc")).exit_code == 0
    assert (tmp_path / "out.csv").read_bytes() == b"id,value\r\n1,x\r\n2,y\n4,z\n"
    result = call(*command, *(tmp_path / f"{name}.csv" for name in "ad"))
    assert result.exit_code == 1
    assert "d.csv' has other columns than the files before it" in result.stderr
    assert (tmp_path / "out.csv").read_bytes() == b"id,value\r\n1,x\r\n2,y\n4,z\n"


def test_the_only_column_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("word\nb\na\nb\n")
    assert call("dedup", tmp_path / "in.csv", "--by", "column", "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out").read_text() == "word\nb\na\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("in.csv", b"", "'{}' is empty; a table begins with a row of names."),
        ("in.csv", b"id,text\n1,a\n", "There is no column 'value' in '{}'. Its columns are: id, text."),
        ("in.csv", b"value,value\n1,a\n", "There are several columns 'value' in '{}'."),
        (
            "in.csv",
            b"id,value\n1,\n",
            "Column 'value' of '{}' has rows without a value. Say what becomes of them",
        ),
        ("in.csv", b"id,value\n1,a,b\n", "'{}' cannot be read: CSV parse error: Expected 2 columns, got 3"),
        (
            "in.csv",
            b"id,value\r1,a\r2,b\r",
            "'{}' cannot be read: a carriage return (CR) outside quotes ends no line. Line ends of old Macs",
        ),
        (
            "in.csv",
            b"id,value\n1,a\n2,b\r3,c\n",
            "'{}' cannot be read: a carriage return (CR) outside quotes",
        ),
        ("in.csv", b"id,value\n1,a\r", "'{}' cannot be read: a carriage return (CR) outside quotes"),
        ("in.parquet", b"PAR1 and nothing else", "'{}' cannot be read as Parquet"),
    ],
)
def test_tables_that_cannot_be_read(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    out, result = dedup(path)
    assert result.exit_code == 1
    assert sentence.format(path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1.5, 2.5], "must hold integers, strings, bytes or times. It holds double instead."),
        ([True, False], "It holds bool instead."),
        ([[1], [2]], "It holds list<"),
        (["a", None], "has rows without a value. Say what becomes of them: --nulls keep"),
    ],
)
def test_parquet_columns_that_are_no_keys(values: list[Any], sentence: str, tmp_path: Path) -> None:
    parquet.write_table(table_of(values), tmp_path / "in.parquet")
    out, result = dedup(tmp_path / "in.parquet")
    assert result.exit_code == 1
    assert f"Column 'value' of '{tmp_path / 'in.parquet'}'" in result.stderr
    assert sentence in result.stderr
    assert not out.exists()


def test_damaged_parquet_leaves_no_output(tmp_path: Path) -> None:
    values = [f"value {i}" for i in np.random.default_rng(1).permutation(20_000)]
    parquet.write_table(table_of(values), tmp_path / "in.parquet", use_dictionary=False)
    data = bytearray((tmp_path / "in.parquet").read_bytes())
    data[4:60_000] = bytes(59_996)
    (tmp_path / "in.parquet").write_bytes(data)
    out, result = dedup(tmp_path / "in.parquet", "--one-pass")
    assert result.exit_code == 1
    assert "cannot be read as Parquet" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["in.parquet"]
    assert not out.exists()


def test_parquet_needs_files(tmp_path: Path) -> None:
    parquet.write_table(table_of(VALUES), tmp_path / "in.parquet")
    result = call("dedup", tmp_path / "in.parquet", "--out", tmp_path / "out")
    assert "is a Parquet file, which has no lines. Use --by column." in result.stderr
    column = ["--by", "column", "--column", "value"]
    result = call("dedup", tmp_path / "in.parquet", *column, "--out", "-")
    assert "Parquet cannot be written to standard output. Give a file as --out." in result.stderr
    result = call("dedup", "-", "--format", "parquet", *column, "--out", tmp_path / "out", "--one-pass")
    assert "Parquet cannot be read from a stream" in result.stderr


def test_the_extra_is_named_when_pyarrow_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.csv").write_text(as_csv(VALUES))
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else found(name))
    result = call("dedup", tmp_path / "in.csv", "--by", "column", "--column", "value", "--out", "-")
    assert result.exit_code == 1
    assert result.stderr.startswith("A column of a file needs the extra 'cli' (missing: pyarrow).")
    assert (
        call("dedup", tmp_path / "in.csv", "--out", tmp_path / "out").exit_code == 0
    )  # lines do not need it
