# SPDX-License-Identifier: Apache-2.0
"""hypersketch dedup on lines and paragraphs, beside an exact set."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tools import call, corpus, first_ones, joined, lines_of, number, paragraphs_of
from hypersketch.cli import spans as spans_module
from hypersketch.cli.exact import ExactTable
from hypersketch.cli.sources import Reading, estimated_records, find_sources
from hypersketch.cli.spans import Spans, blocks, cut_lines, cut_paragraphs, cut_rows, cut_words

CORPUS_BYTES = 40_000_000

ODD = {
    "nothing": b"",
    "one blank line": b"\n",
    "blank lines": b"\n\n\n",
    "no final newline": b"a\nb\na",
    "the only line has no newline": b"a",
    "CRLF": b"a\r\nb\r\na\r\n\r\nb\r\n",
    "mixed endings": b"a\r\na\na\r\r\nb\n\r\n\n",
    "NUL and invalid UTF-8": b"\0\n\xff\xfe\n\0\n\0\0\n\xff\xfe\n",
    "leading blank lines": b"\n\r\n\na\n\n\na\n\nb",
    "long": b"x" * 5000 + b"\n" + b"y\n" * 3 + b"x" * 5000 + b"\n",
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Real texts, under names that differ."""
    folder = tmp_path_factory.mktemp("corpus")
    found = []
    for i, path in enumerate(corpus(CORPUS_BYTES)):
        found.append(folder / f"{i:05}.txt")
        found[-1].symlink_to(path)
    return found


# ---- the real corpus


def test_lines_of_a_corpus_equal_an_exact_set(texts: list[Path], tmp_path: Path) -> None:
    records = [each for path in texts for each in lines_of(path.read_bytes())]
    kept = first_ones(records)
    assert len(kept) < 0.8 * len(records)
    result = call("dedup", *texts, "--out", tmp_path / "out.txt")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.txt").read_bytes() == joined(kept)
    assert number(result.output, "lines seen") == len(records)
    assert number(result.output, "lines dropped") == len(records) - len(kept)

    again = call("dedup", tmp_path / "out.txt", "--out", tmp_path / "again.txt")
    assert number(again.output, "lines dropped") == 0
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "out.txt").read_bytes()


def test_paragraphs_of_a_corpus_go_to_a_folder(texts: list[Path], tmp_path: Path) -> None:
    texts = texts[:500]  # every one is forced to the disk
    result = call("dedup", *texts, "--by", "paragraph", "--out", f"{tmp_path}/new/")
    assert result.exit_code == 0, result.output
    seen: set[bytes] = set()
    for path in texts:
        lead, records = paragraphs_of(path.read_bytes())
        assert (tmp_path / "new" / path.name).read_bytes() == lead + b"".join(first_ones(records, seen))
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == [path.name for path in texts]


def test_one_pass_loses_as_many_as_it_says(texts: list[Path], tmp_path: Path) -> None:
    records = [each for path in texts for each in lines_of(path.read_bytes())]
    kept = first_ones(records)
    out = tmp_path / "out.txt"
    result = call("dedup", *texts, "--one-pass", "--fpr", "0.01", "--capacity", len(kept), "--out", out)
    assert result.exit_code == 0, result.output
    lost = number(result.output, "lines dropped") - (len(records) - len(kept))
    expected = number(result.output, "expected false drops")
    assert expected > 500
    # Of independent losses the variance is below their mean; three digits of the mean are printed.
    assert abs(lost - expected) < 5 * np.sqrt(expected) + 0.005 * expected
    written = out.read_bytes()
    assert len(written.splitlines()) <= len(kept)
    remaining = (line.rstrip(b"\r\n") for line in kept)
    assert all(any(content == line for line in remaining) for content, _ in lines_of(written))  # in order


# ---- odd bytes


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
@pytest.mark.parametrize("block", [3, 7, 1 << 22])
@pytest.mark.parametrize("more", [[], ["--one-pass"]], ids=["two passes", "one pass"])
def test_odd_lines(
    data: bytes, block: int, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans_module, "BLOCK", block)
    (tmp_path / "in").write_bytes(data)
    assert call("dedup", tmp_path / "in", "--out", tmp_path / "out", *more).exit_code == 0
    assert (tmp_path / "out").read_bytes() == b"".join(first_ones(lines_of(data)))


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_odd_paragraphs(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(data)
    result = call("dedup", tmp_path / "in", "--out", tmp_path / "out", "--by", "paragraph")
    assert result.exit_code == 0, result.output
    lead, records = paragraphs_of(data)
    assert (tmp_path / "out").read_bytes() == lead + b"".join(first_ones(records))


PIECES = st.lists(
    st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\r", b"\n\n", b'"', b" ", b"\0"]), max_size=30
)


@given(PIECES, st.integers(1, 9))
def test_blocks_are_cut_as_the_whole_is(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    for splitter in (cut_lines, cut_paragraphs, cut_words, cut_rows):
        try:
            whole = splitter(np.frombuffer(data, np.uint8), True)
        except ValueError as error:
            with pytest.raises(ValueError, match=re.escape(str(error))):
                list(blocks(io.BytesIO(data), splitter, size))
            continue
        wanted = [data[a:b] for a, b in zip(whole.starts, whole.ends, strict=True)]
        found, covered = [], b""
        for block in blocks(io.BytesIO(data), splitter, size):
            found += [block.spans.one(i) for i in range(len(block.spans))]
            covered += block.data.tobytes()
            assert (block.cut.stops[:-1] == block.cut.starts[1:]).all()
        assert (found, covered) == (wanted, data)
    assert [content for content, _ in lines_of(data)] == [
        data[a:b] for a, b in zip(*_spans(cut_lines, data), strict=True)
    ]
    assert [content for content, _ in paragraphs_of(data)[1]] == [
        data[a:b] for a, b in zip(*_spans(cut_paragraphs, data), strict=True)
    ]
    assert data.split() == [data[a:b] for a, b in zip(*_spans(cut_words, data), strict=True)]


def _spans(splitter: spans_module.Splitter, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    cut = splitter(np.frombuffer(data, np.uint8), True)
    return cut.starts, cut.ends


def test_files_that_end_in_a_line_are_joined(tmp_path: Path) -> None:
    for name, data in {"a": b"x\ny", "b": b"y", "c": b"z\n", "d": b"\n\nq"}.items():
        (tmp_path / name).write_bytes(data)
    files = [tmp_path / name for name in "abcd"]
    call("dedup", *files, "--out", tmp_path / "lines")
    assert (tmp_path / "lines").read_bytes() == b"x\ny\nz\n\nq"
    call("dedup", *files, "--out", tmp_path / "paragraphs", "--by", "paragraph")
    assert (tmp_path / "paragraphs").read_bytes() == b"x\ny\n\ny\n\nz\n\n\n\nq"


# ---- the exact table


def test_the_second_pass_repairs_a_bad_filter(tmp_path: Path) -> None:
    data = b"".join(b"%d\n" % (i % 30_000) for i in range(40_000))
    (tmp_path / "in").write_bytes(data)
    result = call("dedup", tmp_path / "in", "--out", tmp_path / "out", "--capacity", "2000", "--fpr", "0.2")
    assert (tmp_path / "out").read_bytes() == data[: data.index(b"29999\n") + 6]
    assert number(result.output, "false drops averted by the second pass") > 10_000
    assert "more different records than the filter was made for" in result.stderr


@pytest.mark.parametrize("same", [False, True], ids=["hashes differ", "all hashes are equal"])
def test_the_table_is_exact_whatever_the_hashes(same: bool) -> None:
    numbers = np.random.default_rng(5).integers(0, 400 if same else 20_000, 30_000)
    data = b"".join(b"%x" % n * (n % 9) for n in numbers)
    sizes = np.array([len(b"%x" % n) * (n % 9) for n in numbers])
    ends = np.cumsum(sizes)
    records = Spans(np.frombuffer(data, np.uint8), ends - sizes, ends)
    hashes = np.zeros(numbers.size, np.uint64) if same else records.hashes()
    table = ExactTable()
    table.reserve(hashes)
    keep = np.concatenate(
        [table.keep(Spans(records.data, *(e[i : i + 7000] for e in (records.starts, records.ends))),
                    hashes[i : i + 7000]) for i in range(0, numbers.size, 7000)]
    )  # fmt: skip
    seen: set[bytes] = set()
    wanted = [not (records.one(i) in seen or seen.add(records.one(i))) for i in range(numbers.size)]
    assert keep.tolist() == wanted
    assert table.n_reserved == len(seen)
    assert table.nbytes > len(b"".join(seen))


def test_hashes_that_are_not_reserved_store_nothing() -> None:
    table = ExactTable()
    size = table.nbytes
    records = Spans(np.zeros(1 << 20, np.uint8), np.arange(0, 1 << 20, 16), np.arange(16, (1 << 20) + 1, 16))
    assert table.keep(records, np.arange(1, 1 + (1 << 16), dtype=np.uint64)).all()
    assert (table.nbytes, table.n_reserved) == (size, 0)


def test_the_number_of_records_is_estimated(texts: list[Path], tmp_path: Path) -> None:
    reading = Reading()
    n = sum(len(lines_of(path.read_bytes())) for path in texts)
    assert 0.9 * n < estimated_records(find_sources(list(map(str, texts)), reading), reading) < 1.4 * n
    (tmp_path / "empty").touch()
    assert estimated_records(find_sources([str(tmp_path / "empty")], reading), reading) == 1000
