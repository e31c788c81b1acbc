# SPDX-License-Identifier: Apache-2.0
"""hypersketch filter: built from files, asked about files, described, merged."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import hypersketch
from cli_tools import call, corpus, fact, lines_of, number, run

OLD = [b"line %d" % i for i in range(2000)]
NEW = [b"line %d" % i for i in range(1500, 3000)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filter of OLD."""
    (tmp_path / "old.txt").write_bytes(b"\r\n".join(OLD))
    result = call(
        "filter", "build", tmp_path / "old.txt", "--fpr", "1e-6", "--out", tmp_path / "old.safetensors"
    )
    assert result.exit_code == 0, result.output
    return tmp_path / "old.safetensors"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new.txt").write_bytes(b"".join(line + b"\n" for line in NEW))
    return tmp_path / "new.txt"


def test_a_built_filter_is_the_librarys(old: Path) -> None:
    made = hypersketch.load(old)
    assert made.contains(OLD).all()
    assert made.contains([line.decode() for line in OLD]).all()
    assert not made.contains(NEW[500:]).any()
    assert made.n_added == len(OLD)


def test_query_prints_what_is_there(old: Path, new: Path, tmp_path: Path) -> None:
    there, not_there = (b"".join(line + b"\n" for line in part) for part in (NEW[:500], NEW[500:]))
    assert call("filter", "query", old, new).stdout_bytes == there
    assert call("filter", "query", old, new, "--invert").stdout_bytes == not_there
    assert call("filter", "query", old, new, "--count").stdout == "500\n"
    assert call("filter", "query", old, new, "--count", "--invert").stdout == "1000\n"
    assert call("filter", "query", old, new, "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out").read_bytes() == there
    assert run("filter", "query", old, "-", stdin=new.read_bytes()).stdout == there


def test_build_from_a_stream(new: Path, tmp_path: Path) -> None:
    data = new.read_bytes()
    done = run("filter", "build", "-", "--fpr", "1e-4", "--out", tmp_path / "f", stdin=data)
    assert done.returncode == 0, done.stderr
    assert call("filter", "query", tmp_path / "f", new, "--count").stdout == f"{len(NEW)}\n"


def test_info_tells_what_the_filter_tells(old: Path) -> None:
    made = hypersketch.load(old)
    result = call("filter", "info", old)
    assert result.exit_code == 0
    assert f"{old}: BloomFilter" in result.stdout
    assert fact(result.stdout, "layout") == made.layout
    assert fact(result.stdout, "n_bits") == str(made.n_bits)
    assert fact(result.stdout, "fill") == f"{made.fill:.2%}"
    assert fact(result.stdout, "keys added") == "2,000"
    assert fact(result.stdout, "different keys, estimated") == (
        f"{made.cardinality():,.0f} ± {made.cardinality_sd():,.0f}"
    )
    assert number(result.stdout, "expected false-positive rate") <= 1e-6


def test_merge_is_the_librarys(tmp_path: Path) -> None:
    for name, lines in (("a", OLD), ("b", NEW)):
        (tmp_path / name).write_bytes(b"\n".join(lines))
        call(
            "filter",
            "build",
            tmp_path / name,
            "--capacity",
            "2500",
            "--out",
            tmp_path / f"{name}.safetensors",
        )
    a, b = (tmp_path / f"{name}.safetensors" for name in "ab")
    result = call("filter", "merge", a, b, "--out", tmp_path / "both")
    assert result.exit_code == 0, result.output
    told = "There were more different records than the filter was made for: its false-positive rate is "
    assert result.stderr.startswith(told)
    assert result.stderr.endswith(". Build the filters with a larger --capacity.\n")
    assert result.stderr.count("\n") == 1
    both = hypersketch.load(a)
    with pytest.warns(hypersketch.CapacityWarning):
        both |= hypersketch.load(b)
    assert hypersketch.load(tmp_path / "both") == both
    call("filter", "build", tmp_path / "a", "--capacity", "9e3", "--out", tmp_path / "other")
    result = call("filter", "merge", a, tmp_path / "other", "--out", tmp_path / "both")
    assert result.exit_code == 1
    assert "must be equal to merge with them" in result.stderr


def test_columns(tmp_path: Path) -> None:
    table = pa.table({"id": [3, 1, None, 2], "name": ["c", "a", None, "b"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("id,name\n9,c\n8,\n\n7,d\n")
    build = ["filter", "build", tmp_path / "in.parquet", "--by", "column", "--fpr", "1e-6", "--column"]
    result = call(*build, "id", "--out", tmp_path / "ids")
    assert (result.exit_code, (tmp_path / "ids").exists()) == (1, False)
    assert "has rows without a value. Say what becomes of them: --nulls skip (they are left" in result.stderr
    build[2:2] = ["--nulls", "skip"]
    call(*build, "id", "--out", tmp_path / "ids")
    assert hypersketch.load(tmp_path / "ids").contains([1, 2, 3, 4]).tolist() == [True, True, True, False]
    call(*build, "name", "--out", tmp_path / "names")
    query = ["filter", "query", tmp_path / "names", tmp_path / "in.csv", "--by", "column", "--column", "name"]
    assert call(*query).stdout == "id,name\n9,c\n"
    assert call(*query, "--invert").stdout == "id,name\n8,\n\n7,d\n"
    assert call(*query, "--invert", "--count").stdout == "2\n"
    column = ["--by", "column", "--column", "name", "--out", tmp_path / "out.parquet"]
    assert call("filter", "query", tmp_path / "names", tmp_path / "in.parquet", *column).exit_code == 0
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == [
        row for row in table.to_pylist() if row["name"]
    ]


def test_a_corpus_finds_itself(tmp_path: Path) -> None:
    files = corpus(4_000_000)
    n = sum(len(lines_of(path.read_bytes())) for path in files)
    assert call("filter", "build", *files, "--out", tmp_path / "f").exit_code == 0
    assert call("filter", "query", tmp_path / "f", *files, "--count").stdout == f"{n}\n"


def test_a_capacity_that_was_too_small_is_told(new: Path, tmp_path: Path) -> None:
    result = call("filter", "build", new, "--capacity", "100", "--out", tmp_path / "f")
    assert result.exit_code == 0
    assert "more different records than the filter was made for" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "{}/nowhere"], "'{}/nowhere': No such file or directory."),
        (["info", "{}/new.txt"], "{}/new.txt cannot be loaded: it is not a sound safetensors file"),
        (["info", "{}/bag"], "'{}/bag' holds a Bundle, which is no filter."),
        (
            ["build", "{}/new.txt", "--fpr", "0", "--out", "{}/f"],
            "--fpr must be a float in [1e-70, 1). Got 0.0 instead.",
        ),
        (
            ["build", "{}/new.txt", "--capacity", "0", "--out", "{}/f"],
            "--capacity must be an integer in [1, ",
        ),
        (
            ["build", "{}/new.txt", "--layout", "foo", "--out", "{}/f"],
            "--layout must be one of 'split-block', 'cache-line', 'classic'. Got 'foo' instead.",
        ),
        (["build", "{}/new.txt", "--by", "word", "--out", "{}/f"], "--by must be one of line, column."),
        (["query", "{}/bag", "{}/new.txt"], "'{}/bag' holds a Bundle, which is no filter."),
    ],
)
def test_errors_are_one_sentence(arguments: list[str], sentence: str, new: Path, tmp_path: Path) -> None:
    hypersketch.MapI(64).bundle(["a"]).save(tmp_path / "bag")
    result = call("filter", *(each.format(tmp_path) for each in arguments))
    assert result.exit_code == 1
    assert sentence.format(tmp_path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "f").exists()
