# SPDX-License-Identifier: Apache-2.0
"""Keys as they are kept: a hash each, and whatever else it takes to give them back as they came.

XXH64 of eight bytes can be undone, so integers need nothing but their hashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _batches, _core, _device
from hypersketch.keys import hash_keys, host_hashes, is_single
from hypersketch.keys import without_nulls as some_of_array
from hypersketch.memories._columns import Column

SIGNED, UNSIGNED, TEXT, BYTES = range(4)
"""What a key is: an int that int64 holds, a larger one, a str, bytes."""

Hashes = NDArray[np.uint64]

_TOP = np.uint64(63)
_MASK = 2**64 - 1
_PRIMES = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
"""The five of XXH64, see hash.hpp."""
_INVERSES = [np.uint64(pow(prime, -1, 2**64)) for prime in _PRIMES[:3]]


def _unrotated(words: Hashes, steps: int) -> Hashes:
    return np.asarray((words >> np.uint64(steps)) | (words << np.uint64(64 - steps)))


def bits_of(hashes: Hashes) -> Hashes:
    """Return the 64 bits of the integers that have these hashes: XXH64 of eight bytes, step by step back."""
    first, second, third = _INVERSES
    words = hashes ^ (hashes >> np.uint64(32))
    words = words * third
    words = words ^ (words >> np.uint64(29)) ^ (words >> np.uint64(58))
    words = words * second
    words = words ^ (words >> np.uint64(33))
    words = _unrotated((words - np.uint64(_PRIMES[3])) * first, 27)
    words = words ^ np.uint64((_PRIMES[4] + 8) & _MASK)
    return np.asarray(_unrotated(words * first, 31) * second)


class KeyBatch(NamedTuple):
    """Some keys as they come."""

    hashes: Hashes
    tags: NDArray[np.uint8]
    text: bytes
    """The bytes of all keys that are str or bytes."""
    ends: NDArray[np.int64]
    """Where each key's bytes end."""

    def chosen(self, places: NDArray[np.intp]) -> KeyBatch:
        """Return the keys at some places."""
        if not self.text:
            return KeyBatch(self.hashes[places], self.tags[places], b"", self.ends[places])
        starts = np.concatenate(([0], self.ends[:-1]))
        parts = [self.text[starts[place] : self.ends[place]] for place in places.tolist()]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return KeyBatch(self.hashes[places], self.tags[places], b"".join(parts), ends)

    def key(self, place: int) -> Any:
        """Return one key."""
        return KeyColumn.empty().extended(self.chosen(np.array([place]))).taken(np.array([0])).tolist()[0]


def parsed(keys: Any, threads: int | None) -> KeyBatch:
    """Return keys of any kind that `hypersketch.hash_keys` takes."""
    return hashed_batch(*_with_items(keys, threads))


def hashed_batch(hashes: Hashes, items: Any) -> KeyBatch:
    """Return keys of one type with their hashes, of a list, a range or an array of integers."""
    n = hashes.size
    first = next(iter(items), 0) if not isinstance(items, np.ndarray) else 0
    if isinstance(first, str | bytes):
        encoded = list(map(str.encode if isinstance(first, str) else bytes, items))
        tags = np.full(n, TEXT if isinstance(first, str) else BYTES, np.uint8)
        ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, n))
        return KeyBatch(hashes, tags, b"".join(encoded), ends)
    tags = np.zeros(n, np.uint8)
    high = np.flatnonzero(bits_of(hashes) >> _TOP)
    if high.size:
        tags[high[[int(items[place]) > 0 for place in high.tolist()]]] = UNSIGNED
    return KeyBatch(hashes, tags, b"", np.zeros(n, np.int64))


def _with_items(keys: Any, threads: int | None) -> tuple[Hashes, Any]:
    """Return hashes, and the keys in a list, a range or an array of integers."""
    if hasattr(keys, "__arrow_c_array__") or hasattr(keys, "__arrow_c_stream__"):
        try:
            chunks = _batches.chunks(keys)
        except ImportError:  # pandas offers the door but needs pyarrow to open it
            keys = np.asarray(keys)
        else:
            words = [np.empty(0, np.uint64), *(hash_keys(chunk, threads=threads) for chunk in chunks)]
            return np.concatenate(words), [chunk.item(i) for chunk in chunks for i in range(len(chunk))]
    items = _indexable(keys)
    hashes = host_hashes(items, threads)
    if isinstance(items, np.ndarray):
        plain = np.atleast_1d(np.asarray(items))
        return hashes, plain if plain.dtype.kind in "iu" else plain.tolist()
    return hashes, items


def without_nulls(keys: Any) -> Any:
    """Return the keys of a batch that are not null."""
    if hasattr(keys, "__arrow_c_array__") or hasattr(keys, "__arrow_c_stream__"):
        try:
            chunks = _batches.chunks(keys)
        except ImportError:  # pandas offers the door but needs pyarrow to open it
            keys = np.asarray(keys)
        else:
            return [chunk.item(int(place)) for chunk in chunks for place in chunk.places()]
    if isinstance(keys, np.ndarray):
        return some_of_array(keys)
    return [key for key in keys if key is not None] if isinstance(keys, Iterable) else keys


def _indexable(keys: Any) -> Any:
    """Return keys that can be looked at twice; what hash_keys refuses as it is."""
    if is_single(keys):
        return [keys]
    if _device.is_on_gpu(keys) or isinstance(keys, np.ndarray | range | list | bytearray | memoryview):
        return keys
    if hasattr(keys, "__array__"):
        return np.asarray(keys)
    return list(keys) if isinstance(keys, Iterable) else keys


class KeyColumn:
    """Different keys in the order in which they came. Columns do not change: changes return new ones."""

    __slots__ = ("_runs", "ends", "hashes", "tags", "text")

    def __init__(
        self,
        hashes: Column,
        tags: Column | None,
        ends: Column | None,
        text: Column | None,
        runs: list[Column] | None = None,
    ) -> None:
        self.hashes = hashes
        self.tags = tags
        """None while all keys are ints of int64."""
        self.ends = ends
        """None while no key is a str or bytes, like the text."""
        self.text = text
        self._runs = runs
        """What finds keys: see `find`."""

    @classmethod
    def empty(cls) -> KeyColumn:
        return cls(Column.empty(np.uint64), None, None, None)

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def columns(self) -> list[Column]:
        """What is kept."""
        return [one for one in (self.hashes, self.tags, self.ends, self.text) if one is not None]

    @property
    def nbytes(self) -> int:
        return sum(one.rows.nbytes for one in self.columns)

    # ---- changes

    def extended(self, batch: KeyBatch) -> KeyColumn:
        """Return a column with some more keys, which it does not have yet."""
        tags, ends, text = self.tags, self.ends, self.text
        n = len(self)
        if tags is None and batch.tags.any():
            tags = Column(np.zeros(n, np.uint8))
        if text is None and (batch.tags >= TEXT).any():
            ends, text = Column(np.zeros(n, np.int64)), Column.empty(np.uint8)
        if tags is not None:
            tags = tags.extended(batch.tags)
        if text is not None and ends is not None:
            ends = ends.extended(batch.ends + len(text))
            text = text.extended(np.frombuffer(batch.text, np.uint8))
        hashes = self.hashes.extended(batch.hashes)
        return KeyColumn(hashes, tags, ends, text, self._longer_runs(hashes.rows))

    def chosen(self, places: NDArray[np.intp]) -> KeyColumn:
        """Return the keys at some places, which ascend."""
        tags = None if self.tags is None else self.tags.chosen(places)
        if tags is not None and not tags.rows.any():
            tags = None
        ends = text = None
        if tags is not None and (tags.rows >= TEXT).any():
            ends, text = self._chosen_text(places)
        runs = None if self._runs is None else _runs_of(self._runs, places)
        return KeyColumn(self.hashes.chosen(places), tags, ends, text, runs)

    def _chosen_text(self, places: NDArray[np.intp]) -> tuple[Column, Column]:
        starts, ends = self.spans()
        lengths = (ends - starts)[places]
        new_ends = np.cumsum(lengths, dtype=np.int64)
        # Byte i of the new text is so far from where its key began as it was in the old one.
        shift = np.repeat(starts[places] - (new_ends - lengths), lengths)
        assert self.text is not None
        text = self.text.rows[np.arange(lengths.sum(), dtype=np.int64) + shift]
        return Column(new_ends), Column(text)

    def copied(self) -> KeyColumn:
        """Return a column in memory of its own."""
        tags, ends, text = (
            None if one is None else one.copied() for one in (self.tags, self.ends, self.text)
        )
        return KeyColumn(self.hashes.copied(), tags, ends, text, self._runs)

    # ---- looks

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the text of each key begins and ends."""
        ends = np.zeros(len(self), np.int64) if self.ends is None else self.ends.rows
        return np.concatenate((np.zeros(min(1, ends.size), np.int64), ends[:-1])), ends

    def batch(self, places: NDArray[np.intp]) -> KeyBatch:
        """Return some keys as other columns take them."""
        some = self.chosen(places)
        n = len(some)
        tags = np.zeros(n, np.uint8) if some.tags is None else some.tags.rows
        text = b"" if some.text is None else some.text.rows.tobytes()
        return KeyBatch(some.hashes.rows, tags, text, some.spans()[1])

    def taken(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return the keys at some places as they came, in an array of the places' shape.

        The array is of int64 while all keys of the column are such integers, and otherwise of objects.
        """
        if self.tags is None:
            return bits_of(self.hashes.rows[places]).view(np.int64)
        single, inverse = np.unique(places, return_inverse=True)
        keys = np.empty(single.size, object)
        keys[:] = self._plain(single)
        taken: NDArray[Any] = keys[inverse].reshape(np.shape(places))
        return taken

    def _plain(self, places: NDArray[Any]) -> list[int | str | bytes]:
        assert self.tags is not None
        tags = self.tags.rows[places].tolist()
        bits = bits_of(self.hashes.rows[places])
        integers = zip(bits.view(np.int64).tolist(), bits.tolist(), strict=True)
        if self.text is None:
            return [pair[tag] for tag, pair in zip(tags, integers, strict=True)]
        starts, ends = (edge[places].tolist() for edge in self.spans())
        view = self.text.rows.data
        made: list[int | str | bytes] = []
        for tag, pair, start, end in zip(tags, integers, starts, ends, strict=True):
            if tag < TEXT:
                made.append(pair[tag])
            else:
                one = bytes(view[start:end])
                made.append(one.decode() if tag == TEXT else one)
        return made

    def find(self, hashes: Hashes) -> NDArray[np.intp]:
        """Return where the keys with these hashes are; -1 for those that are not here."""
        if self._runs is None:
            self._runs = _sorted_runs([], self.hashes.rows)
        found = np.full(hashes.size, -1, np.intp)
        mine, first = self.hashes.rows, 0
        for run in self._runs:
            last = first + len(run)
            part = mine[first:last]
            at = np.searchsorted(part, hashes, sorter=run.rows)
            place = run.rows[np.minimum(at, len(run) - 1)]
            here = part[place] == hashes
            found[here] = place[here] + first
            first = last
        return found

    def _longer_runs(self, hashes: Hashes) -> list[Column] | None:
        return None if self._runs is None else _sorted_runs(self._runs, hashes)


def _sorted_runs(runs: list[Column], hashes: Hashes) -> list[Column]:
    """Return orders in which consecutive parts of the hashes ascend, so that each can be searched by halves.

    What is new becomes one part more, and parts of similar sizes become one: so there are never more than
    the logarithm of their number, and adding one key after the other sorts each of them as often.
    """
    sizes = [len(run) for run in runs]
    new = hashes.size - sum(sizes)
    if not new:
        return runs
    kept = list(runs)
    while kept and len(kept[-1]) < 2 * new:
        new += len(kept.pop())
    order = np.argsort(hashes[hashes.size - new :])
    return [*kept, Column(order)]


def _runs_of(runs: list[Column], places: NDArray[np.intp]) -> list[Column]:
    """Return the orders of some of the hashes, without sorting them."""
    chosen, first = [], 0
    for run in runs:
        last = first + len(run)
        low, high = np.searchsorted(places, (first, last))
        number = np.full(len(run), -1, np.intp)
        number[places[low:high] - first] = np.arange(high - low)
        order = number[run.rows]
        if high > low:
            chosen.append(Column(order[order >= 0]))
        first = last
    return chosen


def ends_of_equals(hashes: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each different hash is first and last, in the order of the first places."""
    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        every = np.arange(hashes.size)
        return every, every
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    last = np.empty_like(first)
    last[inverse] = np.arange(inverse.size)  # of equal places the last one is written last
    order = np.argsort(first)
    return first[order], last[order]


def verified(column: KeyColumn) -> None:
    """Refuse keys of a file that cannot be keys: wrong hashes, text that is none, one key twice."""
    hashes = column.hashes.rows
    if np.unique(hashes).size != hashes.size:
        raise ValueError("one of its keys is there twice.")
    if column.tags is None:
        return
    tags, (starts, ends) = column.tags.rows, column.spans()
    size = 0 if column.text is None else len(column.text)
    if tags.size and tags.max() > (BYTES if size or column.text is not None else UNSIGNED):
        raise ValueError("its keys are of unknown types.")
    if (ends < starts).any() or (ends[-1:] != size).any() or (ends[tags < TEXT] != starts[tags < TEXT]).any():
        raise ValueError("the texts of its keys do not fit together.")
    if column.text is None:
        return
    spelled = _core.hash_spans(column.text.rows, np.ascontiguousarray(starts), ends, 0, 1)
    if (spelled != hashes)[tags >= TEXT].any():
        raise ValueError("the hashes of its keys are not theirs.")
    column.taken(np.flatnonzero(tags == TEXT))  # which decodes them
