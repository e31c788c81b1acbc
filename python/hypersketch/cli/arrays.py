# SPDX-License-Identifier: Apache-2.0
"""Arrays of users: files .npy that are mapped and read in pieces, and results written piece by piece."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hypersketch import _atomic

__all__ = ["RowsOutput", "opened_rows", "pieces", "require_output", "rows_of_file"]

_PIECE = 1 << 24  # numbers that are read at once


def rows_of_file(option: str, path: str, *, one: bool = False) -> NDArray[Any]:
    """Map the rows of a file .npy.

    Parameters
    ----------
    option : str
        The option that named it, for errors.
    path : str
    one : bool, default False
        Whether a vector may come in place of rows.

    Returns
    -------
    ndarray of real numbers, shape (n, dim)

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is not a whole file .npy with rows of real numbers.

    Examples
    --------
    >>> np.save("rows.npy", np.eye(3))
    >>> rows_of_file("--patterns", "rows.npy").shape
    (3, 3)
    """
    with open(path, "rb") as file:
        shape, dtype, n_bytes = _header(option, path, file)
    if one and len(shape) == 1:
        shape = (1, *shape)
    if dtype.kind not in "iuf" or len(shape) != 2:
        raise ValueError(
            f"{option} must be rows of real numbers, shape (n, dim). '{path}' has shape {shape} of {dtype}."
        )
    if 0 in shape:
        raise ValueError(f"{option} must have a row and a dimension at least. '{path}' has shape {shape}.")
    if os.path.getsize(path) < n_bytes:
        raise ValueError(f"'{path}' ends before its last row: it was not written to its end.")
    rows: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).reshape(shape)
    return rows


def _header(option: str, path: str, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and least size of a file."""
    try:
        version = npy.read_magic(file)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, _, dtype = readers[version](file)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{option} must be an array of numbers in NumPy's format, as numpy.save writes it (.npy). "
            f"'{path}' is none."
        ) from error
    return shape, dtype, file.tell() + dtype.itemsize * int(np.prod(shape, dtype=object))


def pieces(
    option: str, rows: NDArray[Any], *, no_zeros: bool = False
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield places and rows in single precision, some at a time.

    Parameters
    ----------
    option : str
        The option that the rows came from.
    rows : ndarray, shape (n, dim)
    no_zeros : bool, default False
        Whether rows of zeros are refused too.

    Raises
    ------
    ValueError
        For rows that are not finite in float32; the first is named.

    Examples
    --------
    >>> [(first, part.dtype.name) for first, part in pieces("--queries", np.ones((5, 2)))]
    [(0, 'float32')]
    """
    step = max(1, _PIECE // rows.shape[1])
    for first in range(0, len(rows), step):
        with np.errstate(over="ignore"):
            part = np.ascontiguousarray(rows[first : first + step], np.float32)
        for bad, must in ((~np.isfinite(part).all(axis=1), "be finite in float32"), (~part.any(axis=1), "")):
            if bad.any() and (must or no_zeros):
                row = first + int(np.flatnonzero(bad)[0])
                raise ValueError(
                    f"{option} must {must or 'have no zero vector, which has no cosine with any'}. "
                    f"Row {row} is not so."
                )
        yield first, part


def require_output(out: str) -> Path:
    """Return the file that a user named for results.

    Raises
    ------
    ValueError
        When its name says no format, or something other than a file is there.

    Examples
    --------
    >>> require_output("found.npz").name
    'found.npz'
    """
    if not out.endswith((".npz", ".npy")):
        raise ValueError(f"--out must end in .npz (all results) or .npy (the states). Got '{out}' instead.")
    return _atomic.resolved(out)


class RowsOutput:
    """Takes rows piece by piece, and other arrays at the end.

    `opened_rows` makes one.
    """

    def __init__(self, file: BinaryIO, archive: zipfile.ZipFile | None, shape: tuple[int, int]) -> None:
        self._archive = archive
        self._sink: Any = file
        if archive is not None:
            self._sink = archive.open("states.npy", "w", force_zip64=True)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self._sink, header)

    def write(self, rows: NDArray[np.float32]) -> None:
        """Write the next rows."""
        self._sink.write(np.ascontiguousarray(rows, "<f4").data.cast("B"))

    def finish(self, others: Mapping[str, NDArray[Any]]) -> None:
        """Write what there is beside the rows, where the format has a place for it."""
        if self._archive is None:
            return
        self._sink.close()
        for name, array in others.items():
            with self._archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)

    def abandon(self) -> None:
        """Let go of an archive that will be thrown away."""
        if self._archive is not None and not self._sink.closed:
            self._sink.close()


@contextlib.contextmanager
def opened_rows(target: Path | None, shape: tuple[int, int]) -> Iterator[RowsOutput | None]:
    """Open a new file for rows of float32; it takes its place when the block ends well.

    Parameters
    ----------
    target : Path or None
        Ends in .npz or .npy; None for nothing.
    shape : (int, int)
        Of all rows.

    Yields
    ------
    RowsOutput or None

    Examples
    --------
    >>> with opened_rows(Path("states.npz"), (2, 3)) as output:
    ...     output.write(np.ones((2, 3)))
    ...     output.finish({"steps": np.array([1, 2])})
    >>> with np.load("states.npz") as found:
    ...     print(sorted(found), found["states"].shape)
    ['states', 'steps'] (2, 3)
    """
    if target is None:
        yield None
        return
    with _atomic.replacing(target) as file, contextlib.ExitStack() as stack:
        archive = None
        if target.name.endswith(".npz"):
            archive = stack.enter_context(zipfile.ZipFile(file, "w"))
        output = RowsOutput(file, archive, shape)
        stack.callback(output.abandon)
        yield output
