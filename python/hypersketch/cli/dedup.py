# SPDX-License-Identifier: Apache-2.0
"""Exact duplicates out of files, in the memory of a Bloom filter.

In one pass a record that the filter has seen is dropped; at the filter's rate a new one is mistaken for such
a record and lost. In two passes the first only notes the hashes of these records, and the second compares
their bytes, so exactly the duplicates go. The first record of its bytes stays, in the order of the files.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypersketch import BloomFilter, CapacityWarning, ScalableBloomFilter
from hypersketch.cli.exact import ExactTable
from hypersketch.cli.outputs import Output
from hypersketch.cli.pieces import Reader, require_one_kind
from hypersketch.cli.sources import Advance, Reading, Source, estimated_records

__all__ = ["ONE_PASS_FPR", "TWO_PASS_FPR", "Summary", "deduplicate", "new_filter"]

ONE_PASS_FPR = 1e-6
TWO_PASS_FPR = 1e-3
"""A record that is flagged for nothing costs a comparison, where one that is dropped for nothing is lost."""

_SPARSE_FPR = 1e-4
"""Below it, blocks of 256 bits need far more bits a key than cache lines: 65 instead of 39 at 1e-6."""
_UNKNOWN = 1 << 20
_NODES = 24


@dataclass
class Summary:
    """What a deduplication did.

    Attributes
    ----------
    seen, dropped : int
        Records (rows) read, and those of them left out.
    expected_false_drops : float
        How many of the dropped ones were no duplicates, on average over random hashes; 0 after two passes.
    averted : int
        Records that the filter took for duplicates and the second pass did not.
    n_bytes : int
        Bytes read, in all passes.
    seconds : float
    filter_bytes, table_bytes : int
        Size of the filter and of the exact table.
    fpr : float
        False-positive rate of the filter at the end.
    wanted_fpr : float
        The rate that was asked for.
    """

    seen: int = 0
    dropped: int = 0
    expected_false_drops: float = 0.0
    averted: int = 0
    n_bytes: int = 0
    seconds: float = 0.0
    filter_bytes: int = 0
    table_bytes: int = 0
    fpr: float = 0.0
    wanted_fpr: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    @property
    def speed(self) -> float:
        """Bytes read in a second."""
        return self.n_bytes / max(self.seconds, 1e-9)


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes.

    Examples
    --------
    >>> peak_memory() > 1_000_000
    True
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def deduplicate(
    sources: Sequence[Source],
    reading: Reading,
    output: Output,
    *,
    fpr: float | None = None,
    capacity: int | None = None,
    layout: str | None = None,
    one_pass: bool = False,
    advance: Advance = lambda n_bytes: None,
) -> Summary:
    """Copy the sources to the output without records that came before.

    Parameters
    ----------
    sources : sequence of Source
        One stream, in this order.
    reading : Reading
        What a record is.
    output : Output
        Where to.
    fpr : float in (0, 1), optional
        False-positive rate of the filter; default 1e-6 in one pass, 1e-3 in two.
    capacity : int, optional
        Number of different records; default an estimate from the files, and for streams a filter that grows.
    layout : str, optional
        Layout of the filter; default the smaller of split-block and cache-line.
    one_pass : bool, default False
        Read once, and drop what the filter takes for a duplicate.
    advance : callable, optional
        Is told how many more bytes were done.

    Returns
    -------
    Summary

    Raises
    ------
    OSError, ValueError, TypeError
        When a source cannot be read, or changes between two passes, or the output not be written, and when
        the sources' columns hold values that cannot be compared.

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.outputs import opened_output
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("in.txt").write_text("a\\nb\\na\\n")
    >>> sources = find_sources(["in.txt"], Reading())
    >>> with opened_output("out.txt", sources) as output:
    ...     summary = deduplicate(sources, Reading(), output)
    >>> summary.seen, summary.dropped, Path("out.txt").read_text()
    (3, 1, 'a\\nb\\n')
    """
    if not one_pass:
        _require_files(sources)
    require_one_kind(sources, reading)
    summary = Summary(wanted_fpr=fpr if fpr is not None else ONE_PASS_FPR if one_pass else TWO_PASS_FPR)
    seen = new_filter(sources, reading, capacity, summary.wanted_fpr, layout, growing=one_pass)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CapacityWarning)  # the summary tells
        work = _one_pass if one_pass else _two_passes
        work(sources, reading, output, seen, summary, advance)
    summary.filter_bytes = seen.nbytes
    summary.seconds = time.perf_counter() - summary.begun
    return summary


def _require_files(sources: Sequence[Source]) -> None:
    for source in sources:
        if source.size is None:
            name = source.label[0].upper() + source.label[1:]
            raise ValueError(f"{name} can be read only once. Add --one-pass.")


def new_filter(
    sources: Sequence[Source],
    reading: Reading,
    capacity: int | None,
    fpr: float,
    layout: str | None,
    *,
    growing: bool = False,
) -> Any:
    """A filter for the records.

    Parameters
    ----------
    sources : sequence of Source
    reading : Reading
    capacity : int or None
        Number of different records; None for an estimate.
    fpr : float in (0, 1)
    layout : str or None
        None for the smaller of split-block and cache-line.
    growing : bool, default False
        Whether the filter must keep its rate where the estimate is too low.

    Returns
    -------
    BloomFilter or ScalableBloomFilter
        The latter also where nobody knows how many records there are.

    Examples
    --------
    >>> new_filter([], Reading(), 1000, 0.01, None).layout
    'split-block'
    """
    chosen: Any = layout or ("split-block" if fpr > _SPARSE_FPR else "cache-line")
    if capacity is not None:
        return BloomFilter(capacity, fpr, layout=chosen)
    estimate = estimated_records(sources, reading)
    if growing or estimate is None:
        chosen = layout or "auto"  # its later slices have lower rates
        return ScalableBloomFilter(estimate or _UNKNOWN, fpr, layout=chosen)
    return BloomFilter(estimate, fpr, layout=chosen)


def _one_pass(
    sources: Sequence[Source], reading: Reading, output: Output, seen: Any, summary: Summary, advance: Advance
) -> None:
    reader = Reader(reading)
    different = 0
    for source in sources:
        output.start(source)
        for piece in reader.pieces(source):
            new = ~seen.test_and_add_hashes(piece.spans.hashes())
            different += int(np.count_nonzero(new))
            _write(piece, new, source, output, summary)
            _done(piece, summary, advance)
    output.finish()
    summary.fpr = seen.expected_fpr(different)
    summary.expected_false_drops = _false_drops(seen, different)


def _two_passes(
    sources: Sequence[Source], reading: Reading, output: Output, seen: Any, summary: Summary, advance: Advance
) -> None:
    table, reader = ExactTable(), Reader(reading, columns_only=True)
    flagged = different = 0
    for source in sources:
        for piece in reader.pieces(source):
            hashes = piece.spans.hashes()
            again = seen.test_and_add_hashes(hashes)
            table.reserve(hashes[again])
            n_again = int(np.count_nonzero(again))
            flagged, different = flagged + n_again, different + again.size - n_again
            _done(piece, summary, advance)
    reader, kept = Reader(reading), 0
    for source in sources:
        output.start(source)
        for piece in reader.pieces(source):
            keep = table.keep(piece.spans, piece.spans.hashes())
            kept += int(np.count_nonzero(keep))
            _write(piece, keep, source, output, summary)
            _done(piece, summary, advance)
        source.require_unchanged()
    output.finish()
    summary.averted = kept - different
    summary.table_bytes = table.nbytes
    summary.fpr = seen.expected_fpr(different)


def _false_drops(seen: BloomFilter, different: int) -> float:
    """How many new records were dropped, on average, until so many were kept.

    A new record is lost with the probability p(n) of the filter when n are in it. So p / (1 - p) are lost for
    each that is kept; the sum over n is an integral, by Gauss and Legendre.
    """
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    rates = np.array([seen.expected_fpr(int(n)) for n in (places + 1) / 2 * different])
    return float(different / 2 * (weights @ (rates / (1 - rates))))


def _write(piece: Any, keep: Any, source: Source, output: Output, summary: Summary) -> None:
    rows = piece.rows(keep)
    output.write(piece, rows, source)
    summary.seen += rows.size - piece.n_blank
    summary.dropped += rows.size - int(np.count_nonzero(rows))


def _done(piece: Any, summary: Summary, advance: Advance) -> None:
    summary.n_bytes += piece.n_bytes
    advance(piece.n_bytes)
