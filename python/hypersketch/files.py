# SPDX-License-Identifier: Apache-2.0
"""Files: every structure in one safetensors container, saved atomically and checked on loading.

The container holds one tensor, ``state``, and in its metadata ``format`` (always "hypersketch"), ``version``,
``type``, ``parameters`` and ``counts`` (JSON), and ``checksum``. Any safetensors reader can open it. Nothing
in a file is executed or imported: its type is looked up among the classes that this package registered.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation

VERSION = 1
"""Format version that this package writes; it reads this one and all before it."""

_FORMAT = "hypersketch"
_TENSOR = "state"
_NAMES = {
    np.dtype(np.uint8): "U8",
    np.dtype(np.uint16): "U16",
    np.dtype(np.uint32): "U32",
    np.dtype(np.uint64): "U64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int64): "I64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float64): "F64",
}
_WRITE_BYTES = 1 << 24

Path_ = str | os.PathLike[str]


class Storable(Protocol):
    """What a class must offer to be saved and loaded."""

    def _parameters(self) -> dict[str, Any]: ...
    def _saved_counts(self) -> dict[str, int]: ...
    @property
    def _state(self) -> NDArray[Any]: ...
    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]: ...
    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]: ...
    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> Storable: ...


_KINDS: dict[str, type[Storable]] = {}
_Kind = TypeVar("_Kind", bound=type[Any])


def register(kind: _Kind) -> _Kind:
    """Make a class known to `load` under its own name."""
    _KINDS[kind.__name__] = kind
    return kind


# ---- saving


def save(structure: Storable, path: Path_) -> None:
    """Save a structure; `hypersketch.load` reads it back.

    The file is complete or not there: it is written beside its place under another name, flushed to the disk
    and then renamed. When anything fails (a full disk, Ctrl-C), an old file of that name stays as it was.

    Parameters
    ----------
    structure : BloomFilter, CountingBloomFilter, Bundle, PackedBundle or HopfieldMembership
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
    target = Path(os.path.realpath(path))  # a link stays a link, what it names is replaced
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} cannot be saved to: it is not a regular file.")
    state = np.ascontiguousarray(structure._state)
    metadata = _metadata(structure, state)
    try:
        with _replacing(target) as file:
            file.write(_header(metadata, state))
            _write_array(file, state)
    except OSError as error:
        reason = f"{error.strerror or error}; nothing was saved and an older file stays as it was"
        raise OSError(error.errno, reason, str(path)) from error


def _metadata(structure: Storable, state: NDArray[Any]) -> dict[str, str]:
    metadata = {
        "format": _FORMAT,
        "version": str(VERSION),
        "type": type(structure).__name__,
        "parameters": json.dumps(structure._parameters(), sort_keys=True),
        "counts": json.dumps(structure._saved_counts(), sort_keys=True),
    }
    return {**metadata, "checksum": _checksum(metadata, state)}


def _checksum(metadata: Mapping[str, str], state: NDArray[Any]) -> str:
    """XXH64 of the tensor's name, shape and dtype and of the metadata, seeded by the XXH64 of its bytes."""
    described = {key: metadata[key] for key in ("format", "version", "type", "parameters", "counts")}
    described["tensor"] = f"{_TENSOR} {_NAMES[state.dtype]} {list(state.shape)}"
    text = json.dumps(described, sort_keys=True).encode()
    return f"xxh64:{_core.hash_bytes(text, _core.hash_bytes(state.data, 0)):016x}"


def _header(metadata: dict[str, str], state: NDArray[Any]) -> bytes:
    """Return the length and the JSON header of the safetensors format, padded to whole words."""
    tensor = {"dtype": _NAMES[state.dtype], "shape": list(state.shape), "data_offsets": [0, state.nbytes]}
    text = json.dumps({"__metadata__": metadata, _TENSOR: tensor}).encode()
    text += b" " * (-len(text) % 8)  # so that a memory map of the words is aligned
    return len(text).to_bytes(8, "little") + text


def _write_array(file: BinaryIO, state: NDArray[Any]) -> None:
    """Write in pieces, between which Ctrl-C is heard."""
    data = state.reshape(-1).view(np.uint8)
    for first in range(0, data.size, _WRITE_BYTES):
        file.write(data[first : first + _WRITE_BYTES].data)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the target's place when the block ends well, and vanishes otherwise."""
    temporary = target.with_name(f".hypersketch-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power failure, where directories can be synchronized."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
    BloomFilter, CountingBloomFilter, Bundle, PackedBundle or HopfieldMembership
        What the file holds.

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
    mmap = _validation.flag("load", "mmap", mmap)
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer
        raise ValueError(f"{path} cannot be loaded: it is not a regular file.")
    with open(path, "rb") as file:
        try:
            return _load(file, os.fspath(path), mmap)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{path} cannot be loaded: {error}") from error


def _load(file: BinaryIO, path: str, mmap: bool) -> Storable:
    metadata, tensor, offset = _read_header(file, path)
    kind = _kind_of(metadata)
    parameters = kind._checked(**_json_object(metadata, "parameters"))
    counts = _json_object(metadata, "counts")
    size, dtype = kind._layout(parameters)
    _require_tensor(tensor, os.fstat(file.fileno()).st_size - offset, size, dtype)
    state = _map_state(file, offset, size, dtype) if mmap else _read_state(file, offset, size, dtype)
    if not mmap and metadata.get("checksum") != _checksum(metadata, state):
        raise ValueError("its checksum does not match its content; the file is damaged.")
    return kind._restore(parameters, counts, state)


def _require_tensor(tensor: Mapping[str, Any], n_bytes: int, size: int, dtype: type[np.generic]) -> None:
    """Refuse a state other than the parameters ask for, before any memory is taken for it."""
    wanted = (_NAMES[np.dtype(dtype)], [size])
    found = (tensor["dtype"], tensor["shape"])
    if wanted != found or n_bytes != size * np.dtype(dtype).itemsize:
        raise ValueError(
            f"its state is {found[0]} of shape {found[1]} in {n_bytes} bytes, but its parameters ask for "
            f"{wanted[0]} of shape {wanted[1]}."
        )


def _read_header(file: BinaryIO, path: str) -> tuple[dict[str, str], dict[str, Any], int]:
    """Return metadata, the state's entry and where its bytes begin, if safetensors finds the file sound."""
    from safetensors import SafetensorError, safe_open

    try:
        # Checks that the header fits the file, and that the tensors fill the rest of it exactly.
        with safe_open(path, framework="numpy") as container:
            metadata = cast("dict[str, str] | None", container.metadata())
            names = list(container.keys())
    except (SafetensorError, OSError) as error:
        raise ValueError(f"it is not a sound safetensors file ({error}).") from error
    if metadata is None or metadata.get("format") != _FORMAT:
        raise ValueError("it is a safetensors file, but not one that hypersketch saved.")
    _check_version(metadata)
    if names != [_TENSOR]:
        raise ValueError(f"it must hold one tensor, {_TENSOR!r}. Got {_validation.shown(names)} instead.")
    length = int.from_bytes(file.read(8), "little")
    entry = json.loads(file.read(length))[_TENSOR]
    return metadata, entry, 8 + length


def _check_version(metadata: Mapping[str, str]) -> None:
    text = metadata.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise ValueError(f"its format version is {_validation.shown(text)}, which is not a version.")
    if int(text) > VERSION:
        raise ValueError(
            f"it was saved by a newer hypersketch (format version {text}; this one reads up to {VERSION})."
        )


def _kind_of(metadata: Mapping[str, str]) -> type[Storable]:
    name = metadata.get("type", "")
    if name not in _KINDS:
        raise ValueError(f"it holds a {_validation.shown(name)}; known are {', '.join(sorted(_KINDS))}.")
    return _KINDS[name]


def _json_object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    value = json.loads(metadata.get(key, "null"))
    if not isinstance(value, dict):
        raise ValueError(f"its {key} are not a JSON object.")
    return value


def _read_state(file: BinaryIO, offset: int, size: int, dtype: type[np.generic]) -> NDArray[Any]:
    state = np.fromfile(file, dtype, size, offset=offset - file.tell())
    if state.size != size:
        raise ValueError("it ends before its state does.")
    return state


def _map_state(file: BinaryIO, offset: int, size: int, dtype: type[np.generic]) -> NDArray[Any]:
    if offset % np.dtype(dtype).itemsize:
        raise ValueError("its state is not aligned and cannot be memory-mapped; load it without mmap=True.")
    if size == 0:  # nothing can be mapped
        state: NDArray[Any] = np.empty(0, dtype)
        state.flags.writeable = False
        return state
    return np.asarray(np.memmap(file, dtype, "r", offset, (size,)))
