# SPDX-License-Identifier: Apache-2.0
"""Long sequences: chunks of chunks, each a vector that is cleaned up on the way down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.structures._composite import Composite
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._vectors import Vectors
from hypersketch.vsa.structures._vocabulary import Memory, plain_keys

_LENGTH = _validation.within(0, 2**62)


@files.register
class ChunkedSequence(Composite):
    """A sequence of any length: chunks of items, chunks of chunks, up to one vector.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vectors.
    keys : int, str, bytes, a batch of them, or Hypervectors
        The items; a sequence does not change afterwards.
    chunk : int >= 2, default 8
        Members of a chunk: as many as the dimension can tell apart well.
    memory : ItemMemory or bool, default True
        Whose keys are answers: an item memory that is given, one of its own of the items (True), or none
        (False).

    Raises
    ------
    TypeError, ValueError
        For what is no space or item memory, keys that `hypersketch.hash_keys` refuses, vectors of another
        space, a chunk that is too small, or has more members than a shift tells apart.

    Notes
    -----
    A chunk is the sum of its members, member i shifted cyclically by i entries, in the form of its space
    (`BundleSequence` of at most ``chunk`` members), thinned in BSDC. All chunks are kept as a memory: an item
    is found from the one vector at the top by shifting and cleaning up once a level, so noise does not add
    up, and the dimension must only suffice for one chunk. Length n takes about n / (chunk - 1) vectors.

    Examples
    --------
    >>> from hypersketch.vsa import BSC, ChunkedSequence
    >>> text = "it was the best of times, it was the worst of times"
    >>> book = ChunkedSequence(BSC(4096), list(text))
    >>> book[0], book[-1], "".join(book) == text
    ('i', 's', True)
    >>> len(book), book.levels
    (51, (7, 1))
    """

    _OPTIONS: ClassVar[dict[str, _validation.Check]] = {
        "chunk": _validation.within(2, 2**31 - 1),
        "length": _LENGTH,
    }
    _UNBINDS = False

    def __init__(self, space: Space, keys: Any, *, chunk: int = 8, memory: Memory = True) -> None:
        given = keys if isinstance(keys, Hypervectors) else plain_keys(keys)[0]
        n = len(np.atleast_2d(np.asarray(keys))) if isinstance(keys, Hypervectors) else len(given)
        self._begin(space, {"chunk": chunk, "length": n}, memory=memory)
        symbols = self._symbols("__init__", "keys", given)
        self._bundle.put(self._chunks_of(symbols.rows))
        self._numbers["size"] = n
        self._vocabularies["memory"].note(symbols)

    @classmethod
    def _checked(cls, **given: Any) -> dict[str, Any]:
        checked = super()._checked(**given)
        most = checked["space"].width if hasattr(checked["space"], "modulus") else checked["space"].dim
        if checked["chunk"] > most:
            _validation.refuse(
                cls.__name__, "chunk", f"at most {most} in {checked['space']}", checked["chunk"]
            )
        return checked

    @classmethod
    def _bundle_of(cls, parameters: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        rows = sum(_levels(parameters["length"], parameters["chunk"]))
        return Vectors, {"space": parameters["space"], "rows": max(1, rows)}

    @classmethod
    def _sizes(cls, parameters: Mapping[str, Any]) -> tuple[int, int]:
        return parameters["length"], parameters["length"]

    def _chunks_of(self, rows: Rows) -> Rows:
        """Return the chunks of all levels, the lowest first."""
        made: list[Rows] = []
        while not made or len(rows) > 1:
            if not len(rows):
                return np.atleast_2d(self.space.normalize(self.space.bundle().vector))
            rows = self._one_level(rows)
            made.append(rows)
        return np.concatenate(made)

    def _one_level(self, rows: Rows) -> Rows:
        """Return the chunks of some vectors."""
        chunk, shifted = self.chunk, np.empty_like(rows)
        for place in range(min(chunk, len(rows))):
            shifted[place::chunk] = self.space.permute(np.ascontiguousarray(rows[place::chunk]), place)
        starts = [*range(0, len(rows), chunk), len(rows)]
        unions = self.space.superpose(shifted, starts=starts)
        # Unions of unions would soon set every bit.
        made: Rows = (self.space.thin if isinstance(self.space, BSDC) else self.space.normalize)(unions)
        return made

    # ---- looks

    @property
    def chunk(self) -> int:
        """Members of a chunk.

        >>> from hypersketch.vsa import BSC, ChunkedSequence
        >>> ChunkedSequence(BSC(4096), "abc", chunk=5).chunk
        5
        """
        return int(self._values["chunk"])

    @property
    def levels(self) -> tuple[int, ...]:
        """How many chunks there are of items, of these chunks, and so on.

        >>> from hypersketch.vsa import BSC, ChunkedSequence
        >>> ChunkedSequence(BSC(1024), range(1000), chunk=10).levels
        (100, 10, 1)
        """
        return _levels(self._values["length"], self.chunk)

    def chunks(self, level: int = 0) -> Hypervectors:
        """Return the chunks of a level: 0 for those of items.

        Parameters
        ----------
        level : int, default 0
            Below ``len(levels)``.

        Returns
        -------
        Hypervectors
            One a chunk, in their order; ``chunks() @ other`` says which are alike to another vector.

        Raises
        ------
        TypeError, ValueError
            For what is no level.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, BundleSequence, ChunkedSequence
        >>> book = ChunkedSequence(BSC(4096), list("to be or not to be"), chunk=6)
        >>> line = BundleSequence(BSC(4096), list("or not"))
        >>> int((book.chunks() @ line.hypervectors).argmax())
        1
        """
        levels = self.levels
        which = _validation.integer("ChunkedSequence.chunks", "level", level, 0, max(0, len(levels) - 1))
        first = sum(levels[:which])
        rows = self._bundle.vectors[first : first + levels[which]] if levels else self._bundle.vectors[:0]
        return Hypervectors(self.space, np.array(rows))

    # ---- answers

    def search(self, indices: Any, k: int = 1) -> Any:
        """Return the k most probable items of each place.

        Parameters
        ----------
        indices : int or batch of int
            n places; negative ones count from the end.
        k : int, default 1
            How many.

        Returns
        -------
        Matches
            ``keys``, ``similarities`` and ``indices`` of the item memory, each of shape (n, k).

        Raises
        ------
        IndexError
            When there is no such place.
        ValueError
            When there is no item memory, or nothing in it.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, ChunkedSequence
        >>> ChunkedSequence(BSC(4096), range(100)).search([3, 77]).keys.tolist()
        [[3], [77]]
        """
        places = [self._place(index) for index in np.atleast_1d(np.asarray(indices)).tolist()]
        return self._vocabularies["memory"].nearest(self._descended(np.array(places, np.int64)), k)

    def _descended(self, places: Any) -> Rows:
        """Return what the lowest chunks hold at places, from the top on."""
        vectors, levels = self._bundle.vectors, self.levels
        found = np.broadcast_to(vectors[-1], (len(places), vectors.shape[1]))
        for level in range(len(levels) - 1, -1, -1):
            found = self._shifted_back(found, places // self.chunk**level % self.chunk)
            if level:
                below = vectors[sum(levels[: level - 1]) : sum(levels[:level])]
                found = below[self.space.similarities(found, below).argmax(axis=1)]
        return found

    def _shifted_back(self, rows: Rows, digits: Any) -> Rows:
        made = np.empty(rows.shape, rows.dtype)
        for digit in np.unique(digits).tolist():
            made[digits == digit] = self.space.permute(np.ascontiguousarray(rows[digits == digit]), -digit)
        return made

    def _place(self, index: Any) -> int:
        place = _validation.integer("ChunkedSequence", "index", index, -(2**62), 2**62)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range of {len(self)} items")
        return place % len(self)

    def __getitem__(self, index: Any) -> Any:
        """Return the most similar item of a place, or a list of those of a slice."""
        if isinstance(index, slice):
            places = list(range(*index.indices(len(self))))
            return self.search(places).keys[:, 0].tolist() if places else []
        return self.search(self._place(index)).keys.tolist()[0][0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def to_list(self) -> list[Any]:
        """Return all items, each the most similar one of its place.

        >>> from hypersketch.vsa import BSC, ChunkedSequence
        >>> ChunkedSequence(BSC(4096), range(20), chunk=5).to_list() == list(range(20))
        True
        """
        return list(self[:])

    def similarity(self, other: ChunkedSequence) -> float:
        """Return how alike the vectors at the top are, as their space has it.

        >>> from hypersketch.vsa import ChunkedSequence, HRR
        >>> one, two = (ChunkedSequence(HRR(4096), list(text)) for text in ("a long text", "a long test"))
        >>> bool(one.similarity(two) > 0.7)
        True
        """
        self._require_same(other, "be compared with")
        return float(self.space.similarity(self.vector, other.vector)[0])

    def clear(self) -> None:
        raise TypeError("A ChunkedSequence does not change: make another one.")

    def _now(self) -> Any:
        raise TypeError("A ChunkedSequence has no noise of its own: its chunks are cleaned up.")


def _levels(length: int, chunk: int) -> tuple[int, ...]:
    """Return the numbers of chunks of every level."""
    counts: list[int] = []
    n = length
    while n > 1 or (n == 1 and not counts):
        n = -(-n // chunk)
        counts.append(n)
    return tuple(counts)
