# SPDX-License-Identifier: Apache-2.0
"""Item memories: hypervectors by their keys, found again by what they are alike to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation, files
from hypersketch._stored import Tally
from hypersketch._structure import chunks
from hypersketch.keys import is_single
from hypersketch.memories._codebooks import StoredCodebook
from hypersketch.memories._columns import Column
from hypersketch.memories._item_keys import KeyBatch, ends_of_equals, hashed_batch, parsed, without_nulls
from hypersketch.memories._item_looks import CodebookName
from hypersketch.memories._item_queries import ItemQueries
from hypersketch.memories._item_state import Items
from hypersketch.memories._probes import Matches, MatchesInRange, vectors_of
from hypersketch.vsa import _described
from hypersketch.vsa._space import Space

__all__ = ["ItemMemory", "Matches", "MatchesInRange"]


@files.register
class ItemMemory(ItemQueries):
    """Hypervectors by their keys: what a noisy vector is cleaned up against.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        Whose vectors are kept.
    codebook : {'stored', 'procedural', 'hadamard'}, default 'stored'
        ``stored``: any vectors of the space are kept. ``procedural``: an item's vector is the atom of its
        key, computed anew in every search; the state is 8 bytes an item with an integer key, however large
        the dimension. Finding keys takes 8 bytes an item more in memory. ``hadamard``: an item's vector is a
        row of a Hadamard matrix with random signs by the seed, for MAP and BSC and a dimension D that is a
        power of two, at most 2**26. Up to D items are orthogonal to each other, and one fast transform of
        D log2 D sums compares a probe with all of them; the state is 12 bytes an item. An item takes the
        first row that is free, so vectors depend on the order of additions.
    device : str, default 'cpu'
        Where the vectors lie: ``cpu``, ``cuda`` for the first GPU, or ``cuda:1`` and so on. On a GPU they are
        of any space, stored or computed (but for spectral HRR, which is stored); the GPU then answers
        `search`, `range_search` and `cleanup`, also for arrays that lie there, whose answers do, too (but
        not keys). Keys stay with the host. All else works as on the CPU, which copies or computes the
        vectors for it: sums of MAP-I as probes, more than 256 neighbours in real spaces. Computed vectors are
        there in pieces of up to 1 GiB at a time. Real vectors take half as much memory again while they are
        searched; similarities are those of the CPU within 1e-15 or so, those of all other spaces the same.
        Scores of up to 256 MiB are there at a time in MAP-T, BSDC, MCR, CGR and block codes.

    Raises
    ------
    TypeError, ValueError
        For what is no space, an unknown codebook, and a Hadamard codebook for other spaces and dimensions.

    Notes
    -----
    A search compares every probe with every item: its answer is exact, and the same for any number of
    threads. Packed spaces search by Hamming distance, real ones by matrix products in single precision (with
    the threads of NumPy's library), whose undecided places are settled in double precision; the others by
    ``space.similarities``. Items are passed in blocks, and never all similarities are held at once. Saving
    puts everything into one array first, which takes as much memory again.

    Keys are those of `hypersketch.hash_keys`, and come back as they were: 1 and ``"1"`` are different keys,
    5 and ``np.int8(5)`` the same one, and so are ``"a"`` and ``b"a"``. Queries do not wait for changes; they
    look at the items that were there when they began.

    Examples
    --------
    >>> import hypersketch
    >>> space = hypersketch.MapB(10_000)
    >>> memory = hypersketch.ItemMemory(space)
    >>> memory.add(["red", "green", "blue"])
    >>> bag = space.bundle(["red", "blue", "red"])
    >>> keys, similarities, _ = memory.search(bag.vector, k=2)
    >>> keys
    array([['red', 'blue']], dtype=object)
    >>> memory
    ItemMemory(MapB(dim=10000, seed=0), codebook='stored', n_items=3)
    """

    def __init__(self, space: Space, *, codebook: CodebookName = "stored", device: str = "cpu") -> None:
        parameters = self._checked(
            space=_described.described("ItemMemory", space),
            codebook=codebook,
            n_items=0,
            keys="int64",
            text_bytes=0,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    def add(self, keys: Any, hypervectors: Any = None, *, threads: int | None = None) -> None:
        """Add items; a key that is there already keeps its place and takes the new vector, as in a dict.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. Of equal keys of a batch the last one's vector counts.
        hypervectors : ndarray, Hypervectors or bundle, optional
            One vector a key, of the memory's space; default the atoms of the keys. Only for stored vectors.
            Arrays on a GPU are checked in host memory.
            MAP-I keeps packed vectors; ``space.normalize`` makes them of sums.
        threads : int, optional
            Threads for hashing and atoms; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for what are not vectors of the space or not one a
            key, for given vectors where they are computed, for more items than a Hadamard codebook has rows,
            and when the memory is memory-mapped. Nothing is changed then.

        Notes
        -----
        Room grows twofold when it is used up, so adding items one by one costs no more than a few copies of
        each.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapB(10_000)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(["red", "green"])
        >>> memory.add("brown", space.bundle(["red", "green", "black"]))
        >>> memory.search(space.atoms("black")).keys
        array([['brown']], dtype=object)
        """
        owner = "ItemMemory.add"
        n_threads, batch = _threads.resolve(owner, threads), parsed(keys, threads)
        given = None if hypervectors is None else self._given(batch.hashes.size, hypervectors)
        self._put(batch, given, n_threads)

    def _learn(self, keys: list[Any], hashes: NDArray[np.uint64], vectors: NDArray[Any]) -> None:
        """Add keys of one type with sound vectors, in an array that nobody else will change."""
        given = vectors if self.codebook == "stored" else None
        self._put(hashed_batch(hashes, keys), given, _threads.get_num_threads(), own=True)

    def _put(self, batch: KeyBatch, given: NDArray[Any] | None, n_threads: int, own: bool = False) -> None:
        first, last = ends_of_equals(batch.hashes)
        with self._lock:
            self._require_writable()
            items = self._items
            places = items.keys.find(batch.hashes[first])
            new = places < 0
            if new.any():
                every = first.size == batch.hashes.size and new.all()
                keys_now = items.keys.extended(batch if every else batch.chosen(first[new]))
                vectors = given if given is None or every else given[last[new]]
                begun = Items(keys_now, items.book)
                items = self._with_vectors(begun, vectors, n_threads, own or not every)
            if not new.all() and isinstance(items.book, StoredCodebook):
                kept = last[~new]
                vectors = self._atoms(batch.hashes[kept], n_threads) if given is None else given[kept]
                items = replace(items, book=items.book.replaced(places[~new], vectors))
            self._items = items

    def _add_without_nulls(self, batch: Any, threads: int | None) -> None:
        self.add(batch if is_single(batch) else without_nulls(batch), threads=threads)

    def _atoms(self, hashes: NDArray[np.uint64], threads: int) -> NDArray[Any]:
        atoms: NDArray[Any] = self._space._atoms_of(np.ascontiguousarray(hashes), threads)
        return atoms

    def _with_vectors(
        self, items: Items, vectors: NDArray[Any] | None, threads: int, own: bool = False
    ) -> Items:
        """Return the items with the vectors of keys that have none yet, the last ones.

        With ``own`` the vectors are in an array that may be kept.
        """
        hashes, book = items.keys.hashes, items.book
        if not isinstance(book, StoredCodebook):
            return replace(items, book=book.extended(hashes, None))
        new = hashes.rows[len(book) :]
        if own and vectors is not None and not len(book) and book.device is None:
            return replace(items, book=StoredCodebook(self._space, hashes, Column(vectors)))
        for part in chunks(len(new), self._space.width):
            rows = self._atoms(new[part], threads) if vectors is None else vectors[part]
            book = book.extended(hashes, rows)
        return replace(items, book=book)

    def _given(self, n: int, hypervectors: Any) -> NDArray[Any]:
        """Return one checked vector a key."""
        owner = "ItemMemory.add"
        if self.codebook != "stored":
            must = f"None with codebook={self.codebook!r}, which makes the vectors itself"
            _validation.refuse(owner, "hypervectors", must, type(hypervectors), TypeError)
        rows = vectors_of(owner, "hypervectors", self._space, hypervectors)
        if rows.dtype != self._space.dtype:
            must = "packed vectors, which space.normalize makes of sums"
            _validation.refuse(owner, "hypervectors", must, rows.dtype, TypeError)
        rows = np.atleast_2d(rows)
        if len(rows) != n:
            raise ValueError(
                f"{owner} needs one vector a key: keys has {n} elements but hypervectors has {len(rows)} "
                "rows."
            )
        return rows

    def remove(self, keys: Any, *, threads: int | None = None) -> None:
        """Remove items; the others keep their order.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys of the memory.
        threads : int, optional
            Threads for hashing; default `hypersketch.get_num_threads`.

        Raises
        ------
        KeyError
            For a key that is not in the memory. Nothing is changed then.
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or when the memory is memory-mapped.

        Notes
        -----
        What stays is copied: removing many keys in one call costs as much as removing one.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green", "blue"])
        >>> memory.remove(["green"])
        >>> memory.keys
        array(['red', 'blue'], dtype=object)
        """
        with self._lock:
            self._require_writable()
            items = self._items
            stays = np.ones(len(items), bool)
            stays[self._required(items, keys, threads)] = False
            if not stays.all():
                self._items = items.chosen(np.flatnonzero(stays))

    def clear(self) -> None:
        """Remove all items.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.clear()
        >>> len(memory)
        0
        """
        with self._lock:
            self._require_writable()
            self._items = self._items.chosen(np.empty(0, np.intp))

    def merge(self, other: ItemMemory) -> None:
        """Add all items of another memory, in its order behind these.

        Parameters
        ----------
        other : ItemMemory
            Of the same space and codebook. Keys that both have must have the same vectors.

        Raises
        ------
        TypeError
            When the other is no ItemMemory.
        ValueError
            When space or codebook differ, when a key has different vectors in the two (or, in a Hadamard
            codebook, two keys the same one), or when this memory is memory-mapped. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.ItemMemory(hypersketch.MapB(100)) for _ in "ab")
        >>> a.add(["red", "green"])
        >>> b.add(["green", "blue"])
        >>> a.merge(b)
        >>> a.keys
        array(['red', 'green', 'blue'], dtype=object)
        """
        self._require_same(other, "merge with")
        theirs, n_threads = other._items, _threads.get_num_threads()
        with self._lock:
            self._require_writable()
            items = self._items
            places = items.keys.find(theirs.keys.hashes.rows)
            shared, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
            for part in chunks(shared.size, self._space.width):
                mine = items.book.taken(places[shared[part]], n_threads)
                same = (mine == theirs.book.taken(shared[part], n_threads)).all(axis=1)
                if not same.all():
                    key = theirs.keys.taken(shared[part][~same][:1]).tolist()[0]
                    raise ValueError(
                        f"The key {_validation.shown(key)} has different vectors in the two memories; remove "
                        "one of them before merging."
                    )
            if new.size:
                keys = items.keys.extended(theirs.keys.batch(new))
                book = items.book.merged(keys.hashes, theirs.book, new, n_threads)
                self._items = Items(keys, book)
