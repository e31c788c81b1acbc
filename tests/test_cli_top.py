# SPDX-License-Identifier: Apache-2.0
"""hypersketch top beside exact counts of a real corpus."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cli_tools import call, corpus, lines_of, run
from hypersketch import CountSketch
from hypersketch.cli.heavy import simultaneous_error


def rows_of(output: str) -> list[tuple[int, str, int, int]]:
    """Rank, record, count and error of every printed row."""
    found = re.findall(r"^│ *(\d+) │ (.*?) *│ *([\d,]+) │ *([\d,]+) │$", output, re.MULTILINE)
    return [(int(a), b, int(c.replace(",", "")), int(d.replace(",", ""))) for a, b, c, d in found]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return corpus(8_000_000)


@pytest.mark.parametrize("by", ["word", "line"])
def test_the_most_frequent_of_a_corpus(by: str, files: list[Path]) -> None:
    texts = [path.read_bytes() for path in files]
    if by == "word":
        records = [word for text in texts for word in text.split()]
    else:
        records = [content for text in texts for content, _ in lines_of(text)]
    counts: dict[str, list[int]] = {}
    for key, n in Counter(records).items():
        counts.setdefault(key.decode("utf-8", "backslashreplace").rstrip(), []).append(n)
    result = call("top", *files, "--by", by, "--k", "30", "--memory", "4e6")
    assert result.exit_code == 0, result.output
    found = rows_of(result.stdout)
    assert [rank for rank, *_ in found] == list(range(1, 31))
    for _, record, count, error in found:
        assert min(abs(count - n) for n in counts[record]) <= error
    surely = min(count + error for _, _, count, error in found)
    named = {record for _, record, *_ in found}
    assert {key for key, ns in counts.items() if max(ns) > surely} <= named
    assert f"{len(records):,} records counted." in result.stdout


FLAT = np.random.default_rng(2).integers(0, 10**7, 10**6)
STREAMS = {
    "flat": FLAT,
    "flat, few": FLAT[:5000],
    "skewed": np.random.default_rng(3).zipf(1.2, 300_000) % 2**40,
    "heavy and flat": np.concatenate([np.repeat(np.arange(10**8, 10**8 + 1000), 300), FLAT[:300_000]]),
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("size", [[4_000_000, 5], [100_000, 5], [50_000, 4], [8_000, 3], [8_000, 1]])
def test_the_error_holds_for_the_largest_estimates(stream: str, size: list[int]) -> None:
    keys = STREAMS[stream]
    distinct, counts = np.unique(keys, return_counts=True)
    wrong = 0
    for seed in range(8):
        sketch = CountSketch.for_memory(size[0], depth=size[1], seed=seed)
        sketch.add(keys)
        wrong += abs(sketch.estimate(distinct) - counts).max() > simultaneous_error(sketch)
    assert wrong <= 3  # of 8 at 5 % each: more have a probability of 4e-4 when the error is exact


def test_counts_that_do_not_stand_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("".join(f"{key}\n" for key in FLAT[:300_000]))
    true = Counter(map(str, FLAT[:300_000]))
    result = call("top", tmp_path / "in")
    found = rows_of(result.stdout)
    assert len(found) == 20
    assert all(abs(true[record] - count) <= error for _, record, count, error in found)
    n = sum(count <= error for _, _, count, error in found)
    assert n > 0
    assert f"{n} of the 20 counts are no larger than their ±" in " ".join(result.stdout.split())
    (tmp_path / "in").write_text("a\n" * 5 + "b\n")
    result = call("top", tmp_path / "in")
    assert [error for *_, error in rows_of(result.stdout)] == [0, 0]
    assert "no larger" not in result.stdout


def test_the_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("city,n\nUlm,1\nUlm,2\n")
    header = call("top", tmp_path / "in.csv", "--by", "column", "--column", "city").stdout.splitlines()[1]
    assert header.split() == ["┃", "rank", "┃", "city", "┃", "count", "┃", "±", "┃"]


def test_a_small_text_is_exact() -> None:
    text = b"to be or not to be\nthat is the question\nto be\n" * 3 + b"\xff\x00 end"
    wanted = [("to", 9), ("be", 9), ("or", 3)]
    found = [
        (record, count)
        for _, record, count, _ in rows_of(run("top", "-", "--by", "word", stdin=text).stdout.decode())
    ]
    assert sorted(found[:2]) == sorted(wanted[:2])
    assert ("\\xff\\x00", 1) in found
    assert dict(found) | dict(wanted) == dict(found)


def test_columns(tmp_path: Path) -> None:
    values = [i * i % 11 for i in range(300)]
    parquet.write_table(pa.table({"n": values, "s": [f"s{v}" for v in values]}), tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("n,s\n" + "".join(f"{v},s{v}\n" for v in values))
    wanted = sorted(Counter(values).items())
    for name in ("in.parquet", "in.csv"):
        for column, mark in (("n", ""), ("s", "s")):
            result = call("top", tmp_path / name, "--by", "column", "--column", column)
            found = sorted((record, count) for _, record, count, _ in rows_of(result.stdout))
            assert found == sorted((f"{mark}{value}", count) for value, count in wanted)


def test_rows_without_a_value_are_skipped_on_request(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"s": ["a", None, "a"]}), tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("i,s\n1,a\n2,\n3,a\n")
    for name in ("in.parquet", "in.csv"):
        command = ["top", tmp_path / name, "--by", "column", "--column", "s"]
        result = call(*command)
        assert result.exit_code == 1
        assert result.stderr == (
            f"Column 's' of '{tmp_path / name}' has rows without a value. "
            "Say what becomes of them: --nulls skip (they are left out).\n"
        )
        result = call(*command, "--nulls", "skip")
        assert rows_of(result.stdout) == [(1, "a", 2, 0)]
        assert "2 records counted." in result.stdout


def test_width_and_depth_make_the_sketch(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\nb\na\n" + b"x" * 300 + b"\n")
    result = call("top", tmp_path / "in", "--width", "1e3", "--depth", "3", "--k", "2")
    assert rows_of(result.stdout)[0][1:3] == ("a", 2)
    assert call("top", tmp_path / "in", "--k", "9").stdout.count("x" * 100 + "…") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{}/nowhere"], "'{}/nowhere': No such file or directory."),
        (["{}/in", "--memory", "1e6", "--width", "5"], "by --memory or by --width and --depth, not by both."),
        (["{}/in", "--depth", "0"], "--depth must be an integer in [1, 64]. Got 0 instead."),
        (["{}/in", "--width", "0"], "--width must be an integer in [1, 2**32 - 1]. Got 0 instead."),
        (["{}/in", "--memory", "5"], "--memory must be at least 40, one cell a row. Got 5 instead."),
        (["{}/in", "--nulls", "keep"], "--nulls must be one of error, skip. Got 'keep' instead."),
        (["{}/in", "--by", "letter"], "one of line, word, paragraph, column. Got 'letter' instead."),
    ],
)
def test_errors_are_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\n")
    result = call("top", *(each.format(tmp_path) for each in arguments))
    assert result.exit_code == 1
    assert sentence.format(tmp_path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    result = call("top", tmp_path / "in")
    assert result.exit_code == 0, result.output
    assert "0 records counted." in result.stdout
