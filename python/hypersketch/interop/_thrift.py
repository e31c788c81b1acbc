# SPDX-License-Identifier: Apache-2.0
"""Thrift's compact protocol without a schema: structs taken apart and put together, unknown fields kept.

Values stay the bytes that they were, so whatever is not looked at is written as it was read. Packages for
Thrift read what a schema knows and drop the rest. Protocol: github.com/apache/thrift, doc/specs,
thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Sequence

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)

_FIXED = {BYTE: 1, DOUBLE: 8, UUID: 16}
_MAX_DEPTH = 40


class Struct:
    """A struct: its fields in order, each with an identifier, a type and the bytes of its value."""

    def __init__(self) -> None:
        self._fields: dict[int, tuple[int, bytes]] = {}

    @classmethod
    def read(cls, data: bytes, first: int = 0) -> tuple[Struct, int]:
        """Take a struct apart; return it and where it ends.

        Raises
        ------
        ValueError
            When the bytes are no struct.
        """
        made, identifier, at = cls(), 0, first
        while True:
            identifier, kind, at = _field_header(data, at, identifier)
            if kind == 0:
                return made, at
            if identifier in made._fields:
                raise ValueError(f"field {identifier} stands twice in a Thrift struct.")
            end = _skip(data, at, kind, 0)
            made._fields[identifier] = (kind, bytes(data[at:end]))
            at = end

    @classmethod
    def whole(cls, data: bytes) -> Struct:
        """Take bytes apart that are one struct and nothing more."""
        made, end = cls.read(data)
        if end != len(data):
            raise ValueError(f"{len(data) - end} bytes follow a Thrift struct.")
        return made

    def get(self, identifier: int, kind: int) -> bytes | None:
        """Return the bytes of a field of this type, None where it is missing."""
        found, value = self._fields.get(identifier, (kind, None))
        if found != kind:
            raise ValueError(f"field {identifier} of a Thrift struct has type {found} instead of {kind}.")
        return value

    def require(self, identifier: int, kind: int) -> bytes:
        """Return the bytes of a field that must be there."""
        value = self.get(identifier, kind)
        if value is None:
            raise ValueError(f"field {identifier} of a Thrift struct is missing.")
        return value

    def put(self, identifier: int, kind: int, value: bytes) -> None:
        """Add a field, or replace it."""
        self._fields[identifier] = (kind, value)

    def only(self) -> tuple[int, int]:
        """Return identifier and type of the one field of a union."""
        if len(self._fields) != 1:
            raise ValueError(f"a Thrift union has {len(self._fields)} fields instead of one.")
        [(identifier, (kind, _))] = self._fields.items()
        return identifier, kind

    def encoded(self) -> bytes:
        """Put the struct together."""
        pieces, before = [], 0
        for identifier, (kind, value) in sorted(self._fields.items()):
            step = identifier - before
            if 0 < step < 16:
                pieces.append(bytes([step << 4 | kind]))
            else:
                pieces += [bytes([kind]), of_integer(identifier)]
            pieces.append(value)
            before = identifier
        return b"".join((*pieces, b"\0"))


def to_integer(value: bytes) -> int:
    """Return the number that the bytes of an I16, I32 or I64 are."""
    number, end = _varint(value, 0)
    if end != len(value):
        raise ValueError("bytes follow a Thrift integer.")
    return number >> 1 ^ -(number & 1)


def of_integer(number: int) -> bytes:
    """Return the bytes of an I16, I32 or I64."""
    return _of_varint(number << 1 if number >= 0 else ~number << 1 | 1)


def to_binary(value: bytes) -> bytes:
    """Return the content of a BINARY."""
    return value[_varint(value, 0)[1] :]


def to_list(value: bytes, kind: int) -> list[bytes]:
    """Return the elements of a LIST, which must be of this type."""
    n, found, at = _list_header(value, 0)
    if found != kind:
        raise ValueError(f"a Thrift list has elements of type {found} instead of {kind}.")
    elements = []
    for _ in range(n):
        end = _skip(value, at, kind, 0)
        elements.append(value[at:end])
        at = end
    return elements


def of_list(elements: Sequence[bytes], kind: int) -> bytes:
    """Return the bytes of a LIST."""
    n = len(elements)
    header = bytes([n << 4 | kind]) if n < 15 else bytes([0xF0 | kind]) + _of_varint(n)
    return header + b"".join(elements)


# ---- walking


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("a Thrift value ends too early.")
    return data[at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        byte = _byte(data, at)
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    if number >= 1 << 64 or byte >= 0x80:
        raise ValueError("a Thrift integer has more than 64 bits.")
    return number, at


def _of_varint(number: int) -> bytes:
    pieces = bytearray()
    while number >= 0x80:
        pieces.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*pieces, number])


def _field_header(data: bytes, at: int, before: int) -> tuple[int, int, int]:
    """Return identifier, type (0 for the end of the struct) and where the value begins."""
    head = _byte(data, at)
    step, kind = head >> 4, head & 15
    if kind == 0 or step:
        return before + step, kind, at + 1
    number, end = _varint(data, at + 1)
    return number >> 1 ^ -(number & 1), kind, end


def _list_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return number and type of the elements, and where the first begins."""
    head = _byte(data, at)
    n, end = head >> 4, at + 1
    if n == 15:
        n, end = _varint(data, end)
    if n > len(data) - end:  # each takes a byte at least
        raise ValueError(f"a Thrift list has {n} elements in {len(data) - end} bytes.")
    return n, head & 15, end


def _skip(data: bytes, at: int, kind: int, depth: int, element: bool = False) -> int:
    """Return where a value ends; truth values have a byte only as elements of a list or map."""
    if depth > _MAX_DEPTH:
        raise ValueError("Thrift values are nested too deeply.")
    if kind in (TRUE, FALSE):
        end = at + element
    elif kind in _FIXED:
        end = at + _FIXED[kind]
    elif kind in (I16, I32, I64):
        end = _varint(data, at)[1]
    elif kind == BINARY:
        size, first = _varint(data, at)
        end = first + size
    else:
        end = _skip_nested(data, at, kind, depth)
    if end > len(data):
        raise ValueError("a Thrift value ends too early.")
    return end


def _skip_nested(data: bytes, at: int, kind: int, depth: int) -> int:
    if kind == STRUCT:
        identifier = 0
        while True:
            identifier, field, at = _field_header(data, at, identifier)
            if field == 0:
                return at
            at = _skip(data, at, field, depth + 1)
    if kind in (LIST, SET):
        n, of, at = _list_header(data, at)
        for _ in range(n):
            at = _skip(data, at, of, depth + 1, element=True)
        return at
    if kind != MAP:
        raise ValueError(f"{kind} is no Thrift type.")
    n, at = _varint(data, at)
    if n > len(data) - at:
        raise ValueError(f"a Thrift map has {n} entries in {len(data) - at} bytes.")
    kinds = _byte(data, at) if n else 0
    at += n > 0
    for _ in range(n):
        at = _skip(data, at, kinds >> 4, depth + 1, element=True)
        at = _skip(data, at, kinds & 15, depth + 1, element=True)
    return at
