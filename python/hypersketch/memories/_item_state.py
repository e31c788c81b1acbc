# SPDX-License-Identifier: Apache-2.0
"""What an item memory holds, and the one array of bytes that stands for it in files and pickles.

The array holds, each from a multiple of 64 bytes on, the hashes of the keys, their types, the ends of their
texts, the texts, and the columns of the codebook. What all keys do without is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._codebooks import Codebook, ProceduralCodebook, StoredCodebook
from hypersketch.memories._columns import Column
from hypersketch.memories._hadamard import HadamardCodebook
from hypersketch.memories._item_keys import KeyColumn, verified
from hypersketch.vsa import _described

ALIGNMENT = 64

KEY_KINDS = ("int64", "integers", "any")
"""What is kept of the keys: hashes; their types, too; and their texts."""

CODEBOOKS: dict[str, type[Codebook]] = {
    "stored": StoredCodebook,
    "procedural": ProceduralCodebook,
    "hadamard": HadamardCodebook,
}


@dataclass(frozen=True)
class Items:
    """Keys and vectors that belong together: what a query looks at, whatever changes meanwhile."""

    keys: KeyColumn
    book: Codebook

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def columns(self) -> list[Column]:
        """All that is kept."""
        return [*self.keys.columns, *self.book.columns]

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.book.nbytes

    @property
    def key_kind(self) -> str:
        return KEY_KINDS[(self.keys.tags is not None) + (self.keys.text is not None)]

    @property
    def text_bytes(self) -> int:
        return 0 if self.keys.text is None else len(self.keys.text)

    def chosen(self, places: NDArray[np.intp]) -> Items:
        """Return the items at some places, which ascend."""
        keys = self.keys.chosen(places)
        return Items(keys, self.book.chosen(keys.hashes, places))

    def copied(self) -> Items:
        """Return items in memory of their own."""
        keys = self.keys.copied()
        return Items(keys, self.book.copied(keys.hashes))


class _Section(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    first: int

    @property
    def last(self) -> int:
        return self.first + self.dtype.itemsize * int(np.prod(self.shape, dtype=object))


def _sections(parameters: Mapping[str, Any]) -> list[_Section]:
    n, kind = parameters["n_items"], KEY_KINDS.index(parameters["keys"])
    parts: list[tuple[Any, tuple[int, ...]]] = [(np.uint64, (n,))]
    if kind >= 1:
        parts.append((np.uint8, (n,)))
    if kind == 2:
        parts += [(np.int64, (n,)), (np.uint8, (parameters["text_bytes"],))]
    space = _described.restored(parameters["space"])
    parts += [(dtype, (n, *shape)) for dtype, shape in CODEBOOKS[parameters["codebook"]].columns_of(space)]
    sections, first = [], 0
    for dtype, shape in parts:
        sections.append(_Section(np.dtype(dtype), shape, first))
        first = -(-sections[-1].last // ALIGNMENT) * ALIGNMENT
    return sections


def size(parameters: Mapping[str, Any]) -> int:
    """Return the number of bytes of the array."""
    return _sections(parameters)[-1].last


def joined(items: Items, parameters: Mapping[str, Any], state: NDArray[np.uint8]) -> None:
    """Write items into an array of zeros."""
    for section, column in zip(_sections(parameters), items.columns, strict=True):
        state[section.first : section.last].view(section.dtype).reshape(section.shape)[...] = column.rows


def split(parameters: Mapping[str, Any], state: NDArray[np.uint8]) -> Items:
    """Return the items that an array holds, where they lie in it."""
    columns = [
        Column(state[section.first : section.last].view(section.dtype).reshape(section.shape))
        for section in _sections(parameters)
    ]
    kind = KEY_KINDS.index(parameters["keys"])
    hashes, *rest = columns
    tags = rest.pop(0) if kind >= 1 else None
    ends, text = (rest.pop(0), rest.pop(0)) if kind == 2 else (None, None)
    book = CODEBOOKS[parameters["codebook"]].of(_described.restored(parameters["space"]), hashes, rest)
    return Items(KeyColumn(hashes, tags, ends, text), book)


def verify(items: Items) -> None:
    """Refuse items of a file that cannot be."""
    verified(items.keys)
    items.book.verify()
