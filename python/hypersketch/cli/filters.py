# SPDX-License-Identifier: Apache-2.0
"""Bloom filters of files: built from their records, and asked about the records of others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import hypersketch
from hypersketch import BloomFilter, CapacityWarning, CountingBloomFilter, ScalableBloomFilter
from hypersketch.cli.dedup import new_filter
from hypersketch.cli.outputs import Output
from hypersketch.cli.pieces import Reader, require_one_kind
from hypersketch.cli.sources import Advance, Reading, Source

__all__ = ["build", "load_filter", "matching"]

_KINDS = (BloomFilter, CountingBloomFilter, ScalableBloomFilter)


def build(
    sources: Sequence[Source],
    reading: Reading,
    *,
    fpr: float,
    capacity: int | None = None,
    layout: str | None = None,
    advance: Advance = lambda n_bytes: None,
) -> Any:
    """A filter of all records; rows without a value are not in it unless ``nulls="error"`` refuses them.

    Parameters
    ----------
    sources : sequence of Source
    reading : Reading
        What a record is.
    fpr : float in (0, 1)
        False-positive rate.
    capacity : int, optional
        Number of different records; default an estimate from the files, and for streams a filter that grows.
    layout : str, optional
        Default the smaller of split-block and cache-line.
    advance : callable, optional
        Is told how many more bytes were done.

    Returns
    -------
    BloomFilter or ScalableBloomFilter

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("in.txt").write_text("a\\nb\\na\\n")
    >>> made = build(find_sources(["in.txt"], Reading()), Reading(), fpr=0.01)
    >>> made.contains([b"a", b"c"])
    array([ True, False])
    """
    require_one_kind(sources, reading)
    made = new_filter(sources, reading, capacity, fpr, layout)
    reader = Reader(reading, columns_only=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CapacityWarning)  # the command tells
        for source in sources:
            for piece in reader.pieces(source):
                made.test_and_add_hashes(piece.spans.hashes())  # counts different records only
                advance(piece.n_bytes)
    return made


def load_filter(path: str) -> Any:
    """A filter from a file.

    Raises
    ------
    OSError, ValueError
        When there is none.

    Examples
    --------
    >>> hypersketch.BloomFilter(100, 0.01).save("seen.safetensors")
    >>> load_filter("seen.safetensors").capacity
    100
    """
    made = hypersketch.load(path)
    if not isinstance(made, _KINDS):
        raise ValueError(f"'{path}' holds a {type(made).__name__}, which is no filter.")
    return made


def matching(
    made: Any,
    sources: Sequence[Source],
    reading: Reading,
    output: Output | None,
    *,
    invert: bool = False,
    advance: Advance = lambda n_bytes: None,
) -> int:
    """Count the records that a filter has (or has not), and write them.

    A row without a value is in no filter.

    Parameters
    ----------
    made : BloomFilter, CountingBloomFilter or ScalableBloomFilter
    sources : sequence of Source
    reading : Reading
    output : Output or None
        None only counts.
    invert : bool, default False
        Take the records that the filter has not.
    advance : callable, optional
        Is told how many more bytes were done.

    Returns
    -------
    int

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("in.txt").write_text("a\\nb\\na\\n")
    >>> made = hypersketch.BloomFilter(100, 0.01)
    >>> made.add(b"a")
    >>> matching(made, find_sources(["in.txt"], Reading()), Reading(), None)
    2
    """
    reader, found = Reader(reading, columns_only=output is None), 0
    for source in sources:
        if output is not None:
            output.start(source)
        for piece in reader.pieces(source):
            keep = made.contains_hashes(piece.spans.hashes())
            if invert:
                np.logical_not(keep, out=keep)
            rows = piece.rows(keep, absent=invert)
            found += int(np.count_nonzero(rows)) - (piece.n_blank if invert else 0)
            if output is not None:
                output.write(piece, rows, source)
            advance(piece.n_bytes)
    if output is not None:
        output.finish()
    return found
