# SPDX-License-Identifier: Apache-2.0
"""Where records are written: a file, a folder with one file for each that was read, or standard output.

Files and folders appear whole or not at all: they are written beside their place and renamed at the end, when
all of them are on the disk. Until then old files stay as they were, so an input may be its own output.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from hypersketch import _atomic
from hypersketch.cli.interruptions import uninterrupted
from hypersketch.cli.pieces import TextPiece
from hypersketch.cli.sources import STREAM, Source
from hypersketch.cli.spans import Flags

__all__ = ["Output", "opened_output"]


class Output:
    """Takes the pieces of one source after the other.

    `opened_output` makes one.
    """

    def __init__(self, sink: BinaryIO | None, folder: Path | None, label: str) -> None:
        self._sink = sink
        self._folder = folder
        self._label = label
        self._writer: _TextWriter | _TableWriter | None = None

    def start(self, source: Source) -> None:
        """Begin with a source; in a folder, begin its file."""
        if self._folder is not None:
            self.finish()
            name = Path(source.path).name
            self._sink = _atomic.created(self._folder / name, self._folder.parent / name, buffering=0)
        if self._writer is None:
            assert self._sink is not None
            kind = _TableWriter if source.format == "parquet" else _TextWriter
            self._writer = kind(self._sink)

    def write(self, piece: Any, rows: Flags, source: Source) -> None:
        """Write the rows of a piece that stay.

        Raises
        ------
        OSError
            When they cannot be written; the error names the output.
        ValueError
            When the source does not go into one file with those before it.
        """
        assert self._writer is not None
        try:
            self._writer.write(piece, rows, source)
        except OSError as error:
            self._fail(error)

    def finish(self) -> None:
        """End the present file."""
        try:
            if self._writer is not None:
                self._writer.close()
            if self._sink is not None:
                self._sink.flush()
                if self._folder is not None:
                    os.fsync(self._sink.fileno())
        except OSError as error:
            self._fail(error)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leave the present file as it is; in a folder, close it."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if self._folder is not None and self._sink is not None:
            self._sink.close()
            self._sink = None

    def _fail(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        raise OSError(error.errno, error.strerror or str(error), self._label) from error


class _TextWriter:
    """Bytes as they were read; a file that ended in a line is ended before the next one begins."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._owed = b""
        self._header: bytes | None = None

    def write(self, piece: TextPiece, rows: Flags, source: Source) -> None:
        if piece.header:
            self._begin_table(piece.header, source)
        self._put(piece.lead)
        last = bool(rows.size and rows[-1])
        self._put(piece.written(rows))
        if last:
            self._owed = piece.block.cut.missing

    def _begin_table(self, header: bytes, source: Source) -> None:
        names = header.rstrip(b"\r\n")
        if self._header is None:
            self._header = names
            self._put(memoryview(header))
            self._owed = b"" if header.endswith(b"\n") else b"\n"
        elif names != self._header:
            raise ValueError(
                f"{source.label} has other columns than the files before it, so they cannot become one file. "
                "Give a folder as --out."
            )

    def _put(self, data: memoryview) -> None:
        if not data.nbytes:
            return
        for part in (memoryview(self._owed), data):
            while part.nbytes:
                part = part[self._sink.write(part) :]  # an unbuffered file may take a part only
        self._owed = b""

    def close(self) -> None:
        pass  # every byte was handed over at once

    def abandon(self) -> None:
        pass


class _TableWriter:
    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._writer: Any = None

    def write(self, piece: Any, rows: Flags, source: Source) -> None:
        from hypersketch.cli.parquet import new_parquet

        if self._writer is None:
            self._writer = new_parquet(self._sink, piece.origin)
        elif not self._writer.schema.equals(piece.table.schema):
            raise ValueError(
                f"{source.label} has other columns than the files before it, so they cannot become one file. "
                "Give a folder as --out."
            )
        table = piece.kept(rows)
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def abandon(self) -> None:
        # A writer that is not closed would write once more when it is collected, to a file that is gone.
        with contextlib.suppress(Exception):
            self.close()
        if self._writer is not None:
            self._writer.is_open = False


@contextlib.contextmanager
def opened_output(out: str | None, sources: Sequence[Source]) -> Iterator[Output]:
    """Open what a user named as output.

    Parameters
    ----------
    out : str or None
        A file, a folder (which exists, or whose name ends with a slash), ``-`` or None for standard output.
    sources : sequence of Source
        What will be written to it.

    Yields
    ------
    Output
        When the block fails, nothing has changed, but for what went to standard output or a device.

    Raises
    ------
    OSError
        When it cannot be written.
    ValueError
        When the sources do not fit there.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from hypersketch.cli.pieces import Reader
    >>> from hypersketch.cli.sources import Reading, find_sources
    >>> _ = Path("in.txt").write_text("one\\ntwo\\n")
    >>> sources = find_sources(["in.txt"], Reading())
    >>> with opened_output("out.txt", sources) as output:
    ...     output.start(sources[0])
    ...     for piece in Reader(Reading()).pieces(sources[0]):
    ...         output.write(piece, np.array([False, True]), sources[0])
    ...     output.finish()
    >>> Path("out.txt").read_text()
    'two\\n'
    """
    kinds = {source.format for source in sources}
    if out is None or out == STREAM:
        if "parquet" in kinds:
            raise ValueError("Parquet cannot be written to standard output. Give a file as --out.")
        with _used(Output(sys.stdout.buffer, None, "standard output")) as output:
            yield output
    elif os.path.isdir(out) or out.endswith(("/", os.sep)):
        with _folder(Path(out), sources) as folder, _used(Output(None, folder, out)) as output:
            yield output
    elif len(kinds) > 1:
        raise ValueError("Files of several formats cannot become one file. Give a folder as --out.")
    else:
        with _sink(Path(os.path.realpath(out))) as sink, _used(Output(sink, None, out)) as output:
            yield output


@contextlib.contextmanager
def _used(output: Output) -> Iterator[Output]:
    try:
        yield output
    finally:
        output.abandon()  # after its finish() this does nothing


def _sink(target: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    if target.exists() and not target.is_file():  # a device or a pipe
        return open(target, "wb", buffering=0)
    return _atomic.replacing(target)


@contextlib.contextmanager
def _folder(folder: Path, sources: Sequence[Source]) -> Iterator[Path]:
    """A new folder inside the given one, whose files move up when the block ends well."""
    names = [Path(source.path).name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or STREAM in names:
        what = "standard input has no name" if STREAM in names else f"several are called '{twice[0]}'"
        raise ValueError(f"The files cannot be written to one folder: {what}.")
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".hypersketch-", suffix=".tmp", dir=folder))
    try:
        yield staged
        for name in names:
            if (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
        with uninterrupted():
            for name in names:
                os.replace(staged / name, folder / name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if fresh:
            with contextlib.suppress(OSError):
                folder.rmdir()  # unless there is something in it now
    _atomic.sync_directory(folder)
