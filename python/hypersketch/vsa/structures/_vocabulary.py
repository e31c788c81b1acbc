# SPDX-License-Identifier: Apache-2.0
"""What structures call things: keys or vectors come in, and an item memory turns vectors into keys again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch.keys import hash_keys, host_hashes, is_single
from hypersketch.memories import item_memory  # its classes come later where it is imported first
from hypersketch.sketches._candidates import batch_of, decoded, encoded
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors

if TYPE_CHECKING:
    from hypersketch.memories.item_memory import ItemMemory, Matches

Memory: TypeAlias = "ItemMemory | bool"

_PIECE_BYTES = 1 << 25
"""Of the products that are made at once where all keys of a memory are tried."""
_MOST_KEYS = 2**31


class Symbols(NamedTuple):
    """Vectors that came in, one a row, and the keys they stand for where keys came."""

    rows: NDArray[Any]
    keys: list[Any] | None
    single: bool
    atoms: bool = False
    """Whether all are surely the atoms of the keys."""
    hashes: NDArray[np.uint64] | None = None
    """Of the keys."""

    def answer(self, found: Sequence[Any]) -> Any:
        """Return one answer for one key, and a list for a batch."""
        return found[0] if self.single else list(found)


_PLAIN = {int}, {str}, {bytes}


def plain_keys(keys: Any) -> tuple[list[Any], NDArray[np.uint64]]:
    """Return a batch of keys as a list of int, str or bytes, and their hashes."""
    if isinstance(keys, list | tuple) and set(map(type, keys)) in _PLAIN:
        return list(keys), hash_keys(keys)
    if _device.is_on_gpu(keys):
        host_hashes(keys, None)  # which refuses them
    batch = batch_of(keys, None, keep=True)
    made = [batch.key_at(place) for place in range(batch.words.size)]
    return made, batch.words if batch.hashed else hash_keys(keys)


class Vocabulary:
    """The item memory of a structure: its own, which grows with the keys it sees, or a given one."""

    def __init__(self, owner: str, name: str, space: Space, memory: Memory) -> None:
        self.owner, self.name, self.space = owner, name, space
        self.given: ItemMemory | None = None
        self.memory: ItemMemory | None = None
        """What answers, if anything does."""
        if isinstance(memory, bool | np.bool_):
            self.memory = item_memory.ItemMemory(space) if memory else None
        elif not isinstance(memory, item_memory.ItemMemory):
            _validation.refuse(owner, name, "an ItemMemory, True or False", memory, TypeError)
        elif memory.space != space:
            raise TypeError(f"Vectors of different spaces do not mix: {space} and {memory.space}.")
        else:
            self.given = self.memory = memory

    # ---- keys to vectors

    def symbols(self, method: str, name: str, given: Any) -> Symbols:
        """Return the vectors of keys, or vectors as they came."""
        if isinstance(given, Hypervectors):
            if given.space != self.space:
                raise TypeError(f"Vectors of different spaces do not mix: {self.space} and {given.space}.")
            rows = np.asarray(given)
            return Symbols(np.atleast_2d(rows), None, rows.ndim == 1)
        if isinstance(given, np.ndarray) and given.ndim > 1:
            must = "keys, or Hypervectors where vectors are meant"
            came = f"an array of shape {given.shape}"
            _validation.refuse(f"{self.owner}.{method}", name, must, came, TypeError)
        keys, hashes = plain_keys(given)
        return Symbols(self._vectors(keys, hashes), keys, is_single(given), self.given is None, hashes)

    def _vectors(self, keys: list[Any], hashes: NDArray[np.uint64]) -> NDArray[Any]:
        """Return the vectors that a given memory has for keys, and the atoms of all others."""
        rows: NDArray[Any] = self.space._atoms_of(hashes, _threads.get_num_threads())
        if self.given is not None and keys:
            known = self.given.contains(keys)
            if known.any():
                rows[known] = self.given.vector([keys[i] for i in np.flatnonzero(known).tolist()])
        return rows

    # ---- what is known

    @property
    def items(self) -> ItemMemory:
        """The item memory; structures without one are refused."""
        if self.memory is None:
            raise ValueError(
                f"This {self.owner} has no item memory ({self.name}=False), so it cannot answer with keys: "
                "set one, or ask for vectors."
            )
        return self.memory

    @property
    def holds_atoms(self) -> bool:
        """Whether all vectors of the item memory are surely the atoms of its keys."""
        return self.memory is not None and (self.given is None or self.given.codebook == "procedural")

    def _known(self) -> list[Any]:
        return [] if self.memory is None else list(self.memory.keys.tolist())

    def note(self, symbols: Symbols) -> None:
        """Note keys of one type that were added to the structure, if keys came."""
        if self.memory is None or self.given is not None or symbols.hashes is None or not symbols.keys:
            return
        self.memory._learn(symbols.keys, symbols.hashes, symbols.rows)

    def learn(self, keys: list[Any] | None) -> None:
        """Note keys that were added to the structure."""
        if keys is None or self.memory is None or self.given is not None:
            return
        for _, run in itertools.groupby(keys, type):  # a batch has one type
            self.memory.add(list(run))

    def forget(self) -> None:
        """Empty the structure's own memory."""
        if self.given is None and self.memory is not None:
            self.memory.clear()

    def rows_at(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return the vectors of some items."""
        made: NDArray[Any] = self.items._items.book.taken(places.astype(np.intp), _threads.get_num_threads())
        return made

    def pieces(self) -> Iterator[tuple[list[Any], NDArray[Any]]]:
        """Return all keys and their vectors, some at a time."""
        keys, step = self._known() if self.items else [], max(1, _PIECE_BYTES // (8 * self.space.dim))
        for first in range(0, len(keys), step):
            part = keys[first : first + step]
            yield part, self.rows_at(np.arange(first, first + len(part)))

    def nearest(self, probes: NDArray[Any], k: int) -> Matches:
        """Return the k best matches of every probe."""
        return self.items.search(probes, k)

    # ---- copies and files

    def copy(self) -> Vocabulary:
        memory = self.given if self.given is not None else False
        twin = Vocabulary(self.owner, self.name, self.space, memory)
        if self.given is None and self.memory is not None:
            twin.memory = self.memory.copy()
        return twin

    def merge(self, other: Vocabulary) -> None:
        """Learn what another one knows by itself."""
        if other.given is None:
            self.learn(other._known())

    def saved(self) -> list[Any] | None:
        """Return what files hold: its own keys."""
        return None if self.memory is None or self.given is not None else encoded(self._known())

    @classmethod
    def restored(cls, owner: str, name: str, space: Space, saved: object) -> Vocabulary:
        """Return the vocabulary that a file describes."""
        made = cls(owner, name, space, saved is not None)
        if saved is not None:
            made.learn(list(decoded(owner, saved, _MOST_KEYS).values()))
        return made
