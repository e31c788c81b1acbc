# SPDX-License-Identifier: Apache-2.0
"""The most frequent records of files, by a count sketch that keeps track of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypersketch import CountSketch
from hypersketch.cli.pieces import Reader, require_one_kind
from hypersketch.cli.sources import Advance, Reading, Source

__all__ = ["Heavy", "heaviest", "new_sketch"]

_MEMORY = 4_000_000
_DEPTH = 5
_SHOWN = 100


@dataclass(frozen=True)
class Heavy:
    """The most frequent records.

    Attributes
    ----------
    records : list of (str, float, float)
        Records as printed, with estimated count and its standard error, the most frequent first.
    n_added : int
        Number of records counted.
    """

    records: list[tuple[str, float, float]]
    n_added: int


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
    return CountSketch(width or _MEMORY // 8 // _DEPTH, _DEPTH if depth is None else depth, track=k)


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
    >>> [(word, count) for word, count, _ in found.records]
    [('be', 2.0), ('to', 2.0)]
    """
    require_one_kind(sources, reading)
    reader = Reader(reading, columns_only=True)
    for source in sources:
        for piece in reader.pieces(source):
            sketch.add(piece.spans.batch())
            advance(piece.n_bytes)
    found = sketch.heavy_hitters(k)
    errors = np.atleast_1d(sketch.standard_error([key for key, _ in found]))
    records = [
        (_shown(key), float(count), float(error)) for (key, count), error in zip(found, errors, strict=True)
    ]
    records.sort(key=lambda each: (-each[1], each[0]))
    return Heavy(records, sketch.n_added)


def _shown(key: object) -> str:
    """A record as text, with what cannot be printed escaped, and cut where it is long."""
    if not isinstance(key, bytes):
        return str(key)
    text = key.decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
