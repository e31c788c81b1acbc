# SPDX-License-Identifier: Apache-2.0
"""The most frequent records of files, by a count sketch that keeps track of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hypersketch import CountSketch
from hypersketch.cli.pieces import Reader, require_one_kind
from hypersketch.cli.sources import Advance, Reading, Source

__all__ = ["Heavy", "heaviest", "new_sketch", "simultaneous_error"]

_MEMORY = 4_000_000
_DEPTH = 5
_SHOWN = 100
_CONFIDENCE = 0.95
_HALVINGS = 60


@dataclass(frozen=True)
class Heavy:
    """The most frequent records.

    Attributes
    ----------
    records : list of (str, float)
        Records as printed, with estimated count, the most frequent first.
    error : float
        All counts are that close, by `simultaneous_error`.
    n_added : int
        Number of records counted.
    """

    records: list[tuple[str, float]]
    error: float
    n_added: int

    @property
    def n_noise(self) -> int:
        """How many counts are no larger than their error: these may be records that hardly ever came."""
        return sum(count <= self.error for _, count in self.records)


def new_sketch(k: int, width: int | None, depth: int | None, memory: int | None) -> CountSketch:
    """A sketch that keeps track of k records, sized by width and depth, or by memory (bytes; default 4 MB).

    Raises
    ------
    ValueError
        When both ways of sizing are used.

    Examples
    --------
    >>> new_sketch(10, None, None, 1_000_000).nbytes <= 1_000_000
    True
    """
    if memory is not None and (width, depth) != (None, None):
        raise ValueError("A sketch is sized by --memory or by --width and --depth, not by both.")
    if (width, depth) == (None, None):
        return CountSketch.for_memory(_MEMORY if memory is None else memory, track=k)
    wide = _MEMORY // 8 // _DEPTH if width is None else width
    return CountSketch(wide, _DEPTH if depth is None else depth, track=k)


def heaviest(
    sketch: CountSketch,
    sources: Sequence[Source],
    reading: Reading,
    k: int,
    advance: Advance = lambda n_bytes: None,
) -> Heavy:
    """Count the records of all sources and return the k most frequent ones.

    Parameters
    ----------
    sketch : CountSketch
        That keeps track of at least k records.
    sources : sequence of Source
    reading : Reading
        What a record is.
    k : int
    advance : callable, optional
        Is told how many more bytes were done.

    Returns
    -------
    Heavy

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("in.txt").write_text("to be or not to be")
    >>> reading = Reading("word")
    >>> found = heaviest(new_sketch(2, None, None, None), find_sources(["in.txt"], reading), reading, 2)
    >>> found.records, found.error
    ([('be', 2.0), ('to', 2.0)], 0.0)
    """
    require_one_kind(sources, reading)
    reader = Reader(reading, columns_only=True)
    for source in sources:
        for piece in reader.pieces(source):
            sketch.add(piece.spans.batch())
            advance(piece.n_bytes)
    records = [(_shown(key), float(count)) for key, count in sketch.heavy_hitters(k)]
    records.sort(key=lambda each: (-each[1], each[0]))
    return Heavy(records, simultaneous_error(sketch), sketch.n_added)


def simultaneous_error(sketch: CountSketch) -> float:
    """An error that, at 95 % confidence, no estimate of the sketch exceeds: not even the largest ones.

    Parameters
    ----------
    sketch : CountSketch

    Returns
    -------
    float

    Notes
    -----
    The error of a row is a cell of it with a random sign, so the cells themselves tell how often a row is off
    by more than t. A median of d rows is off, to one side, only where half of them are; with p the
    probability of one row, P(Binomial(d, p) >= d / 2) is the chance of that. The error is the smallest t for
    which this chance, summed over both sides and all keys (at most as many as were added), is 5 %. Where
    a row has too few cells to tell, it is the largest of them and the quantile of a Gaussian row besides.

    Examples
    --------
    >>> sketch = CountSketch(10_000, 5)
    >>> sketch.add(range(100_000))
    >>> simultaneous_error(sketch)
    9.0
    """
    chance = _row_chance(sketch.depth, (1 - _CONFIDENCE) / (2 * max(1, sketch.n_added)))
    most = min(int(2 * chance * sketch.width), sketch.width - 1)  # cells of a row that may be larger
    rows = sketch.state.reshape(sketch.depth, sketch.width)
    error = max(float(np.partition(np.abs(row), -1 - most)[-1 - most]) for row in rows)
    if most > 0:
        return error
    return error + NormalDist().inv_cdf(1 - chance) * math.sqrt(sketch.second_moment() / sketch.width)


def _row_chance(depth: int, chance: float) -> float:
    """The probability of a row for which half of the rows have the given one."""
    least = (depth + 1) // 2
    low, high = 0.0, 0.5
    for _ in range(_HALVINGS):
        p = (low + high) / 2
        tail = sum(math.comb(depth, i) * p**i * (1 - p) ** (depth - i) for i in range(least, depth + 1))
        low, high = (p, high) if tail <= chance else (low, p)
    return low


def _shown(key: object) -> str:
    """A record as text, with what cannot be printed escaped, and cut where it is long."""
    if not isinstance(key, bytes):
        return str(key)
    text = key.decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
