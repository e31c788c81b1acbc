# SPDX-License-Identifier: Apache-2.0
"""Files and bytes: every structure in one safetensors container, saved atomically and checked on loading."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hypersketch import _atomic, _container, _memory, _validation
from hypersketch._container import Storable
from hypersketch._container import register as register

_PIECE_BYTES = 1 << 24

Path_ = str | os.PathLike[str]


def _checked_path(owner: str, path: object) -> Path_:
    """Return a path; a number would be a descriptor that is open already."""
    if not isinstance(path, str | os.PathLike):
        _validation.refuse(owner, "path", "a str or path-like", path, TypeError)
    return path


# ---- saving


def save(structure: Storable, path: Path_) -> None:
    """Save a structure; `hypersketch.load` reads it back.

    The file is complete or not there: it is written beside its place under another name, flushed to the disk
    and then renamed. When anything fails (a full disk, Ctrl-C), an old file of that name stays as it was.

    Parameters
    ----------
    structure : any structure of this package
        What to save. It must not change meanwhile; its own method ``save`` takes care of that.
    path : str or path-like
        Where to; conventionally ``*.safetensors``.

    Raises
    ------
    OSError
        When the file cannot be written.
    ValueError
        When the path is something other than a regular file.

    Examples
    --------
    >>> import hypersketch
    >>> from hypersketch import files
    >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
    >>> files.save(seen, "seen.safetensors")
    >>> hypersketch.load("seen.safetensors") == seen
    True
    """
    target = _atomic.resolved(_checked_path("save", path))
    header, state = _container.packed(structure)
    try:
        with _atomic.replacing(target) as file:
            file.write(header)
            _write_array(file, state)
    except OSError as error:
        reason = f"{error.strerror or error}; nothing was saved and an older file stays as it was"
        raise OSError(error.errno, reason, str(path)) from error


def _write_array(file: BinaryIO, data: NDArray[np.uint8]) -> None:
    """Write in pieces, between which Ctrl-C is heard."""
    for first in range(0, data.size, _PIECE_BYTES):
        file.write(data[first : first + _PIECE_BYTES].data)


# ---- loading


def load(path: Path_, *, mmap: bool = False) -> Any:
    """Load a structure that was saved by its method ``save``.

    Parameters
    ----------
    path : str or path-like
        The file.
    mmap : bool, default False
        Map the state into memory, read-only, instead of reading it: it is there at once, its pages are read
        when a query touches them and are shared between processes. Changing such a structure raises
        ValueError; its ``copy()`` can be changed. The checksum is not verified then, as that would read
        everything. The file must not be shortened while it is mapped.

    Returns
    -------
    structure
        What the file holds, of the class it was saved from.

    Raises
    ------
    FileNotFoundError, PermissionError
        When there is no such file, or none that can be read.
    ValueError
        When the file is not a valid file of hypersketch: truncated, damaged, of another kind or of a newer
        version.

    Notes
    -----
    Safe for files from strangers: nothing in a file is executed, and sizes are compared with the file's own
    size before memory is taken.

    Examples
    --------
    >>> import hypersketch
    >>> hypersketch.MapI(100).bundle(["a", "b"]).save("letters.safetensors")
    >>> hypersketch.load("letters.safetensors", mmap=True)
    Bundle(space='MapI', dim=100, seed=0, n_added=2)
    """
    path, mmap = _checked_path("load", path), _validation.flag("load", "mmap", mmap)
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer
        raise ValueError(f"{path} cannot be loaded: it is not a regular file.")
    with open(path, "rb") as file, _container.refusing(os.fsdecode(path)):
        return _load(file, mmap)


def _load(file: BufferedReader, mmap: bool) -> Any:
    def part(first: int, last: int) -> bytes:
        file.seek(first)
        return file.read(last - first)

    content = _container.read(part, os.fstat(file.fileno()).st_size)
    state = (_map_state if mmap else _read_state)(file, content)
    return content.restore(state, verified=not mmap)


def _read_state(file: BufferedReader, content: _container.Content) -> NDArray[Any]:
    file.seek(content.offset)
    state: NDArray[Any] = _memory.zeros(content.size, content.dtype)
    view = state.view(np.uint8).data
    for first in range(0, len(view), _PIECE_BYTES):  # between which Ctrl-C is heard
        piece = view[first : first + _PIECE_BYTES]
        if file.readinto(piece) != len(piece):
            raise ValueError("it ends before its state does.")
    return state


def _map_state(file: BufferedReader, content: _container.Content) -> NDArray[Any]:
    if content.offset % np.dtype(content.dtype).itemsize:
        raise ValueError("its state is not aligned and cannot be memory-mapped; load it without mmap=True.")
    if content.size == 0:  # nothing can be mapped
        state: NDArray[Any] = np.empty(0, content.dtype)
        state.flags.writeable = False
        return state
    return np.asarray(np.memmap(file, content.dtype, "r", content.offset, (content.size,)))


# ---- bytes


def from_bytes(data: Any) -> Any:
    """Make a structure from what its method ``to_bytes`` returned, or from the bytes of a saved file.

    Parameters
    ----------
    data : bytes-like
        Anything with contiguous memory: bytes, bytearray, memoryview, mmap, an array of bytes. It is copied.

    Returns
    -------
    structure
        What the bytes hold, of the class they were made from.

    Raises
    ------
    TypeError
        When ``data`` is not bytes-like.
    ValueError
        When the bytes are not a valid container: truncated, damaged, of another kind or of a newer version.

    Notes
    -----
    Safe for bytes from strangers, as `load` is for files.

    Examples
    --------
    >>> import hypersketch
    >>> letters = hypersketch.MapI(100).bundle(["a", "b"])
    >>> hypersketch.from_bytes(letters.to_bytes()) == letters
    True
    """
    view = bytes_of("from_bytes", data)
    with _container.refusing("The 'data' parameter of from_bytes"):
        content, state = within(view)
        return content.restore(_memory.copied(state))


def within(view: memoryview, *, exactly: bool = True) -> tuple[_container.Content, NDArray[Any]]:
    """Return what bytes hold, and the state where it lies in them; bytes may follow it unless exactly."""
    content = _container.read(lambda first, last: bytes(view[first:last]), len(view), exactly=exactly)
    return content, np.frombuffer(view[content.offset :], content.dtype, content.size)


def bytes_of(owner: str, data: Any) -> memoryview:
    """Return the memory of a bytes-like object."""
    try:
        return memoryview(data).cast("B")
    except TypeError:
        _validation.refuse(owner, "data", "bytes-like and contiguous", type(data), TypeError)
