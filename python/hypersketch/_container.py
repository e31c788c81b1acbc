# SPDX-License-Identifier: Apache-2.0
"""The container that files, bytes and shared memory hold: one state in the safetensors format.

It holds one tensor, ``state``, and in its metadata ``format`` (always "hypersketch"), ``version``, ``type``,
``parameters`` and ``counts`` (JSON), and ``checksum``. Any safetensors reader can open it; the package
safetensors itself is not used, as it cannot look into memory without copying the tensors. Nothing in a
container is executed or imported: its type is looked up among the classes that this package registered.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _memory, _validation

VERSION = 1
"""Format version that this package writes; it reads this one and all before it."""

ALIGNMENT = 64
"""The state begins at a multiple of so many bytes: a line of the cache, the widest vector."""

_FORMAT = "hypersketch"
_TENSOR = "state"
_NAMES: dict[np.dtype[Any], str] = {
    np.dtype(np.uint8): "U8",
    np.dtype(np.uint16): "U16",
    np.dtype(np.uint32): "U32",
    np.dtype(np.uint64): "U64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int64): "I64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float64): "F64",
}
_ITEM_BYTES = {name: dtype.itemsize for dtype, name in _NAMES.items()}
_DESCRIBED = ("format", "version", "type", "parameters", "counts")
_MAX_HEADER = 1 << 26
"""Ours take less than a thousandth of a mebibyte, unless a sketch tracks many or long keys."""


class Storable(Protocol):
    """What a class must offer to be saved and loaded."""

    _GROWS: ClassVar[bool]

    def _parameters(self) -> dict[str, Any]: ...
    def _saved_counts(self) -> dict[str, int]: ...
    @property
    def _state(self) -> _memory.State: ...
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
    """Make a class known to every loader under its own name."""
    _KINDS[kind.__name__] = kind
    return kind


# ---- writing


def packed(structure: Storable) -> tuple[bytes, NDArray[np.uint8]]:
    """Return the header and the state's bytes, which follow it."""
    state = np.ascontiguousarray(_memory.host(structure._state))
    metadata = {
        "format": _FORMAT,
        "version": str(VERSION),
        "type": type(structure).__name__,
        "parameters": json.dumps(structure._parameters(), sort_keys=True),
        "counts": json.dumps(structure._saved_counts(), sort_keys=True),
    }
    metadata["checksum"] = _checksum(metadata, state)
    tensor = {"dtype": _NAMES[state.dtype], "shape": list(state.shape), "data_offsets": [0, state.nbytes]}
    text = json.dumps({"__metadata__": metadata, _TENSOR: tensor}).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    if len(text) > _MAX_HEADER:
        raise ValueError(
            f"This {type(structure).__name__} cannot be saved: its tracked keys make a header of {len(text)} "
            f"bytes, and at most {_MAX_HEADER} can be read back."
        )
    return len(text).to_bytes(8, "little") + text, state.reshape(-1).view(np.uint8)


def _checksum(metadata: Mapping[str, str], state: NDArray[Any]) -> str:
    """XXH64 of the tensor's name, shape and dtype and of the metadata, seeded by the XXH64 of its bytes."""
    described = {key: metadata[key] for key in _DESCRIBED}
    described["tensor"] = f"{_TENSOR} {_NAMES[state.dtype]} {list(state.shape)}"
    text = json.dumps(described, sort_keys=True).encode()
    return f"xxh64:{_core.hash_bytes(text, _core.hash_bytes(state.data, 0)):016x}"


# ---- reading


class Content(NamedTuple):
    """What a container says of itself, checked but for its checksum."""

    kind: type[Storable]
    parameters: dict[str, Any]
    counts: dict[str, Any]
    size: int
    """Number of elements of the state."""
    dtype: type[np.generic]
    offset: int
    """Where the bytes of the state begin."""
    metadata: dict[str, str]

    def restore(self, state: NDArray[Any], *, verified: bool = True) -> Any:
        """Return the structure with this state, whose checksum is verified first."""
        if verified and self.metadata.get("checksum") != _checksum(self.metadata, state):
            raise ValueError("its checksum does not match its content; the file is damaged.")
        return self.kind._restore(self.parameters, self.counts, state)


@contextlib.contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn whatever is wrong with a container into one ValueError that names it."""
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{what} cannot be loaded: {error}") from error


def read(part: Callable[[int, int], bytes], total: int, *, exactly: bool = True) -> Content:
    """Check a container, taking no memory for what it only claims to hold.

    Parameters
    ----------
    part : callable
        Returns the bytes from its first argument up to its second.
    total : int
        Size of the container in bytes.
    exactly : bool, default True
        Whether it must end where its state does.
    """
    header, offset = _read_header(part, total)
    metadata = _metadata_of(header)
    names = [name for name in header if name != "__metadata__"]
    if names != [_TENSOR]:
        raise ValueError(f"it must hold one tensor, {_TENSOR!r}. Got {_validation.shown(names)} instead.")
    shape, name = _read_tensor(header[_TENSOR], total - offset, exactly)
    kind = _kind_of(metadata)
    parameters = kind._checked(**_json_object(metadata, "parameters"))
    size, dtype = kind._layout(parameters)
    wanted = _NAMES[np.dtype(dtype)]
    if (name, shape) != (wanted, [size]):
        raise ValueError(
            f"its state is {name} of shape {_validation.shown(shape)}, but its parameters ask for {wanted} "
            f"of shape {[size]}."
        )
    return Content(kind, parameters, _json_object(metadata, "counts"), size, dtype, offset, metadata)


def _unsound(reason: str) -> NoReturn:
    raise ValueError(f"it is not a sound safetensors file ({reason}).")


def _read_header(part: Callable[[int, int], bytes], total: int) -> tuple[dict[str, Any], int]:
    """Return the JSON header and where it ends."""
    if total < 8:
        _unsound(f"{total} bytes are too few")
    length = int.from_bytes(part(0, 8), "little")
    if not 2 <= length <= min(_MAX_HEADER, total - 8):
        _unsound(f"its header would have {length} of {total} bytes")
    text = part(8, 8 + length)
    try:
        header = _json(text.decode()) if text.startswith(b"{") else None
    except ValueError as error:
        _unsound(str(error))
    if not isinstance(header, dict):
        _unsound("its header is not a JSON object")
    return header, 8 + length


def _json(text: str) -> Any:
    """Read JSON, strictly: no name twice, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a name stands twice in its JSON")
        return made

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


def _read_tensor(entry: Any, n_bytes: int, exactly: bool) -> tuple[list[int], str]:
    """Return shape and dtype of the tensor, which must lie in the bytes behind the header."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _unsound("its tensor is not described by dtype, shape and data_offsets")
    shape, name, offsets = entry["shape"], entry["dtype"], entry["data_offsets"]
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if not isinstance(name, str) or any(type(x) is not int or not 0 <= x < 2**63 for x in numbers):
        _unsound("its tensor's dtype, shape or offsets are malformed")
    fits = len(offsets) == 2 and offsets[0] == 0 and offsets[1] <= n_bytes
    if not fits or (exactly and offsets[1] != n_bytes):
        _unsound(f"its tensor lies at {_validation.shown(offsets)} of {n_bytes} bytes")
    if name in _ITEM_BYTES and len(shape) <= 32 and math.prod(shape) * _ITEM_BYTES[name] != offsets[1]:
        _unsound(f"a tensor of {name} and shape {_validation.shown(shape)} has not {offsets[1]} bytes")
    return shape, name


def _metadata_of(header: Mapping[str, Any]) -> dict[str, str]:
    metadata = header.get("__metadata__")
    texts = isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    if not isinstance(metadata, dict) or not texts or metadata.get("format") != _FORMAT:
        raise ValueError("it is a safetensors file, but not one that hypersketch saved.")
    _check_version(metadata)
    return metadata


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
    value = _json(metadata.get(key, "null"))
    if not isinstance(value, dict):
        raise ValueError(f"its {key} are not a JSON object.")
    return value
