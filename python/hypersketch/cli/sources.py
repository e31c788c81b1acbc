# SPDX-License-Identifier: Apache-2.0
"""The files of a command: what they are, how their records are to be read, and about how many there are."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from hypersketch._optional import require
from hypersketch.cli.spans import Splitter, cut_lines, cut_paragraphs, cut_words

__all__ = ["STREAM", "Advance", "Reading", "Source", "estimated_records", "find_sources", "require_known"]

Advance = Callable[[int], None]
"""Is told how many more bytes were done."""

STREAM = "-"
"""Stands for standard input, and for standard output."""

_FORMATS = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".pq": "parquet"}
_SPOT = 1 << 17
_SPOTS = 128
_LEAST = 1000
_MARGIN = 1.1


@dataclass(frozen=True)
class Reading:
    """What a record is.

    Attributes
    ----------
    by : {"line", "paragraph", "word", "column"}
        Column: a row of a table, which counts as the same record where its column holds the same value.
    column : str or None
        Which column; may be left out where there is only one.
    format : {"text", "csv", "tsv", "parquet"} or None
        Of all files; None takes it from their names.
    nulls : {"error", "skip", "keep", "equal"}
        What becomes of rows without a value in the column: refused, no records (skip and keep: where rows are
        written, they stay), or duplicates of each other.
    ways : sequence of str
        What the user may choose for nulls.
    """

    by: str = "line"
    column: str | None = None
    format: str | None = None
    nulls: str = "error"
    ways: Sequence[str] = ("error", "keep", "equal")

    def __post_init__(self) -> None:
        require_known("--by", self.by, ("line", "paragraph", "word", "column"))
        require_known("--format", self.format, (None, "text", "csv", "tsv", "parquet"))
        require_known("--nulls", self.nulls, self.ways)
        if self.column is not None and self.by != "column":
            raise ValueError(f"--column names a column, but records are by {self.by}. Use --by column.")

    @property
    def splitter(self) -> Splitter:
        """How blocks of bytes are cut."""
        return {"paragraph": cut_paragraphs, "word": cut_words}.get(self.by, cut_lines)


def require_known(option: str, value: str | None, known: Sequence[str | None]) -> None:
    """Refuse a word that an option does not know.

    Raises
    ------
    ValueError
        Naming the words it knows.

    Examples
    --------
    >>> require_known("--by", "line", ("line", "column"))
    """
    if value not in known:
        names = ", ".join(name for name in known if name is not None)
        raise ValueError(f"{option} must be one of {names}. Got '{value}' instead.")


@dataclass(frozen=True)
class Source:
    """One file, or standard input.

    Attributes
    ----------
    path : str
        ``-`` is standard input.
    format : {"text", "csv", "tsv", "parquet"}
    size : int or None
        Bytes; None for what can be read only once (a pipe).
    """

    path: str
    format: str
    size: int | None
    mark: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """How messages name it."""
        return "standard input" if self.path == STREAM else f"'{self.path}'"

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, open for reading."""
        if self.path == STREAM:
            yield sys.stdin.buffer
            return
        with open(self.path, "rb", buffering=0) as file:
            yield cast(BinaryIO, file)

    def require_unchanged(self) -> None:
        """Refuse a file that was written to since it was found: two passes over it would not agree.

        Raises
        ------
        ValueError
            When its size or time of change differs.
        """
        if self.size is not None and _mark(os.stat(self.path)) != self.mark:
            raise ValueError(f"{self.label} changed while it was read.")


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def find_sources(files: Sequence[str], reading: Reading) -> list[Source]:
    """Look at the files that a user named.

    Parameters
    ----------
    files : sequence of str
        Paths; ``-`` is standard input.
    reading : Reading
        What a record is.

    Returns
    -------
    list of Source

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        For a folder, for standard input named twice, and for a format that has no such records.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("words.txt").write_text("to be or not to be")
    >>> [source] = find_sources(["words.txt"], Reading())
    >>> source.format, source.size
    ('text', 18)
    """
    if list(files).count(STREAM) > 1:
        raise ValueError("Standard input ('-') can be read only once.")
    return [_find(path, reading) for path in files]


def _find(path: str, reading: Reading) -> Source:
    kind = reading.format or _FORMATS.get(Path(path).suffix.lower(), "text")
    if reading.by == "column" and kind == "text":
        raise ValueError(f"'{path}' is read as text, which has no columns. Name its --format, e.g. csv.")
    if reading.by != "column" and kind == "parquet":
        raise ValueError(f"'{path}' is a Parquet file, which has no {reading.by}s. Use --by column.")
    if reading.by != "column":
        kind = "text"  # the lines of a CSV file are lines
    if path == STREAM:
        if kind == "parquet":
            raise ValueError("Parquet cannot be read from a stream: its table of contents is at the end.")
        return Source(path, kind, None)
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"'{path}' is a folder; name the files in it.")
    regular = stat.S_ISREG(status.st_mode)
    return Source(path, kind, status.st_size if regular else None, _mark(status))


def estimated_records(sources: Sequence[Source], reading: Reading) -> int | None:
    """About how many records there are, a little more rather than less.

    Text is sampled in up to 128 places; a Parquet file says it.

    Returns
    -------
    int or None
        None where a source is a stream, whose length nobody knows.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("numbers.txt").write_text("".join(f"{i}\\n" for i in range(100_000)))
    >>> 100_000 < estimated_records(find_sources(["numbers.txt"], Reading()), Reading()) < 120_000
    True
    """
    if any(source.size is None for source in sources):
        return None
    tables = [source for source in sources if source.format == "parquet"]
    texts = [source for source in sources if source.format != "parquet" and source.size]
    n = sum(_rows(source) for source in tables) + _sampled(texts, reading.splitter)
    return max(_LEAST, int(_MARGIN * n))


def _rows(source: Source) -> int:
    require("A Parquet file", "cli", "pyarrow")
    from hypersketch.cli.parquet import opened_parquet

    with opened_parquet(source) as file:
        return int(file.metadata.num_rows)


def _sampled(sources: Sequence[Source], splitter: Splitter) -> float:
    """Records of all texts, by the records a byte in evenly spread places of their concatenation."""
    ends = np.cumsum([source.size or 0 for source in sources], dtype=np.int64)
    if not ends.size:
        return 0.0
    total = int(ends[-1])
    n_bytes, n_records = 0, 0
    for place in np.linspace(0, total, min(_SPOTS, -(-total // _SPOT)), endpoint=False, dtype=np.int64):
        index = int(np.searchsorted(ends, place, side="right"))
        source = sources[index]
        start = int(place - ends[index]) + (source.size or 0)
        with source.opened() as file:
            file.seek(start)
            data = np.frombuffer(file.read(_SPOT), np.uint8)
        n_bytes += data.size
        n_records += splitter(data, True).starts.size
    return total * n_records / max(1, n_bytes)
