# SPDX-License-Identifier: Apache-2.0
"""Records as arrays of offsets: the bytes of one piece of a file, where its records lie, and how they split.

No record becomes a Python object. A block of bytes is cut in one of four ways; each takes the block and
whether the file ends with it, and leaves what it cannot decide yet to the next block.

* A line ends with LF or CR LF; its ending is no part of it.
* A row of CSV is a line, but for line endings inside quoted fields.
* A paragraph is text between blank lines (lines of nothing but their ending). Without its last line ending it
  is the record; that ending and the blank lines behind it go where the paragraph goes.
* A word is what lies between white space (ASCII).
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, get_num_threads
from hypersketch._optional import require

__all__ = [
    "BLOCK",
    "Absent",
    "Block",
    "Cut",
    "Spans",
    "Splitter",
    "blocks",
    "cut_lines",
    "cut_paragraphs",
    "cut_rows",
    "cut_words",
]

Bytes: TypeAlias = NDArray[np.uint8]
Offsets: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

BLOCK = 1 << 22
"""Bytes read at once: still in the processor's caches when the records are cut, hashed and written."""


@dataclass(frozen=True)
class Spans:
    """Some records: record i is ``data[starts[i]:ends[i]]``.

    Examples
    --------
    >>> text = np.frombuffer(b"one two", np.uint8)
    >>> words = Spans(text, np.array([0, 4]), np.array([3, 7]))
    >>> words.hashes().tolist() == __import__("hypersketch").hash_keys([b"one", b"two"]).tolist()
    True
    >>> words.batch().to_pylist()
    [b'one', b'two']
    """

    data: Bytes
    starts: Offsets
    ends: Offsets
    integers: NDArray[Any] | None = None
    """The records as numbers, where they are."""

    def __len__(self) -> int:
        return int(self.starts.size)

    def hashes(self) -> NDArray[np.uint64]:
        """XXH64 of every record, as `hypersketch.hash_keys` gives for its bytes."""
        return _core.hash_spans(self.data, self.starts, self.ends, 0, get_num_threads())

    def batch(self) -> Any:
        """The records as a batch of keys: an array of integers, or an Arrow column of bytes."""
        if self.integers is not None:
            return self.integers
        require("This command", "cli", "pyarrow")
        import pyarrow as pa

        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.ends - self.starts, out=offsets[1:])
        data = np.empty(int(offsets[-1]), np.uint8)
        _core.pack_spans(self.data, self.starts, self.ends, None, data)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.large_binary(), len(self), buffers)

    def one(self, index: int) -> bytes:
        """The bytes of one record."""
        return self.data[self.starts[index] : self.ends[index]].tobytes()


@dataclass(frozen=True)
class Absent:
    """Rows that hold no record, and which of them stay.

    Attributes
    ----------
    rows : ndarray of bool, shape (rows,)
        True for a row without a value.
    kept : ndarray of bool, shape (number of such rows,)
    """

    rows: Flags
    kept: Flags


@dataclass(frozen=True)
class Cut:
    """Where the records of a block lie: record i is ``[starts[i], ends[i])``, and what belongs to it ends at
    ``stops[i]``, where the next one starts."""

    starts: Offsets
    ends: Offsets
    stops: Offsets
    missing: bytes = b""
    """What must be written before anything can follow the last record: the end of the file left it open."""


Splitter: TypeAlias = Callable[[Bytes, bool], Cut]


def cut_lines(data: Bytes, at_end: bool) -> Cut:
    """Cut lines.

    Examples
    --------
    >>> cut = cut_lines(np.frombuffer(b"a\\r\\nbc\\nd", np.uint8), at_end=True)
    >>> cut.starts, cut.ends, cut.missing
    (array([0, 3, 6]), array([1, 5, 7]), b'\\n')
    """
    ends, stops = _core.split_lines(data)
    return _cut(ends, stops, data.size if at_end else 0)


def cut_rows(data: Bytes, at_end: bool, delimiter: bytes = b",", *, marked: bool = False) -> Cut:
    """Cut rows of CSV: lines, where an LF inside a quoted field ends nothing.

    Double quotes quote where they open a field, as in RFC 4180; elsewhere they are characters like others.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
    at_end : bool
    delimiter : bytes, default b","
    marked : bool, default False
        Whether a byte order mark may stand before the first field.

    Raises
    ------
    ValueError
        When a CR outside quoted fields ends no line: readers of CSV disagree about such files.

    Examples
    --------
    >>> cut_rows(np.frombuffer(b'1,"a\\nb"\\n2",c\\n', np.uint8), at_end=True).stops
    array([ 8, 13])
    """
    skip = 3 if marked and data[:3].tobytes() == codecs.BOM_UTF8 else 0
    ends, stops, stray = _core.split_rows(data[skip:], delimiter[0], at_end)
    if stray >= 0:
        raise ValueError(
            "a carriage return (CR) outside quotes ends no line. Line ends of old Macs must become LF first."
        )
    return _cut(ends + skip, stops + skip, data.size if at_end else 0)


def _cut(ends: Offsets, stops: Offsets, end: int) -> Cut:
    """The cut at these lines; what is left before the end of a file is one more."""
    used = int(stops[-1]) if stops.size else 0
    left_open = used < end
    if left_open:
        ends, stops = (np.append(each, end) for each in (ends, stops))
    starts = np.zeros_like(stops)
    starts[1:] = stops[:-1]
    return Cut(starts, ends, stops, b"\n" if left_open else b"")


def cut_paragraphs(data: Bytes, at_end: bool) -> Cut:
    """Cut paragraphs. The last one of a block may go on in the next one and is left to it.

    Examples
    --------
    >>> cut = cut_paragraphs(np.frombuffer(b"a\\nb\\n\\n\\nc", np.uint8), at_end=True)
    >>> cut.starts, cut.ends, cut.stops
    (array([0, 6]), array([3, 7]), array([6, 7]))
    """
    lines = cut_lines(data, at_end)
    text = np.flatnonzero(lines.ends > lines.starts)  # the lines that are not blank
    if text.size == 0:
        none = np.empty(0, np.int64)
        return Cut(none, none, none)
    gap = np.diff(text) > 1
    firsts = text[np.concatenate([[True], gap])]
    lasts = text[np.concatenate([gap, [True]])]
    starts, ends = lines.starts[firsts], lines.ends[lasts]
    stops = np.append(starts[1:], lines.stops[-1])
    if not at_end:
        return Cut(starts[:-1], ends[:-1], stops[:-1])
    endings = int(np.count_nonzero(data[ends[-1] :] == ord("\n")))
    return Cut(starts, ends, stops, b"\n" * max(0, 2 - endings))


def cut_words(data: Bytes, at_end: bool) -> Cut:
    """Cut words.

    Examples
    --------
    >>> cut = cut_words(np.frombuffer(b" to be\\tor", np.uint8), at_end=False)
    >>> cut.starts, cut.ends
    (array([1, 4]), array([3, 6]))
    """
    starts, ends = _core.split_words(data)
    if starts.size and not at_end and ends[-1] == data.size:
        starts, ends = starts[:-1], ends[:-1]
    stops = ends.copy()
    stops[:-1] = starts[1:]
    return Cut(starts, ends, stops)


@dataclass(frozen=True)
class Block:
    """A piece of a file with whole records in it. The next block reuses its memory."""

    data: Bytes
    cut: Cut
    first: bool
    """Whether the file begins with it."""

    @property
    def spans(self) -> Spans:
        """The records."""
        return Spans(self.data, self.cut.starts, self.cut.ends)


def blocks(file: BinaryIO, splitter: Splitter, size: int | None = None) -> Iterator[Block]:
    """Read a file to its end by blocks of whole records.

    A record that does not fit makes the block larger. Bytes before the first record of a file, such as blank
    lines, are in the first block; a file without records is one block without records.

    Parameters
    ----------
    file : binary file
        Anything with ``readinto``; may be a pipe.
    splitter : callable
        One of the functions ``cut_*``.
    size : int, optional
        Bytes to read at once; default `BLOCK`.

    Yields
    ------
    Block
        Valid until the next one is asked for.

    Examples
    --------
    >>> import io
    >>> [len(block.spans) for block in blocks(io.BytesIO(b"a\\nbb\\nccc\\n"), cut_lines, size=5)]
    [2, 1]
    """
    buffer: Bytes = np.empty(size or BLOCK, np.uint8)
    held, first, at_end = 0, True, False
    while not at_end:
        filled = _fill(file, buffer, held)
        at_end = filled < buffer.size
        data = buffer[:filled]
        cut = splitter(data, at_end)
        used = filled if at_end else int(cut.stops[-1]) if cut.stops.size else 0
        if used or at_end:
            yield Block(data[:used], cut, first)
            first = False
        held = filled - used
        wider = buffer if used else np.empty(2 * buffer.size, np.uint8)
        wider[:held] = buffer[used:filled].copy()
        buffer = wider


def _fill(file: BinaryIO, buffer: Bytes, held: int) -> int:
    """Read behind the first ``held`` bytes until the buffer is full or the file ends; return their number."""
    view = buffer.data
    while held < len(view):
        n = file.readinto(view[held:])  # type: ignore[attr-defined]
        if not n:
            break
        held += n
    return held
