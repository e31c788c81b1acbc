# SPDX-License-Identifier: Apache-2.0
"""What an item memory tells: its keys and vectors, and which of them a probe is like."""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation
from hypersketch.memories import _ranking
from hypersketch.memories._item_keys import KeyBatch, parsed
from hypersketch.memories._item_state import Items
from hypersketch.memories._item_store import ItemStore
from hypersketch.memories._probes import Matches, MatchesInRange, thresholds_of, vectors_of

CodebookName = Literal["stored", "procedural"]


class ItemQueries(ItemStore):
    """The methods that change nothing."""

    @property
    def space(self) -> Any:
        """The space whose vectors are kept.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100)).space
        MapB(dim=100, seed=0)
        """
        return self._space

    @property
    def codebook(self) -> CodebookName:
        """Where vectors come from: see the class.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100), codebook="procedural").codebook
        'procedural'
        """
        name: CodebookName = self._values["codebook"]
        return name

    @property
    def seed(self) -> int:
        """Seed of the space.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100, seed=7)).seed
        7
        """
        return int(self._space.seed)

    @property
    def nbytes(self) -> int:
        """Size of what is kept in bytes: vectors, hashes and texts of keys.

        >>> import hypersketch
        >>> for codebook in ("stored", "procedural"):
        ...     memory = hypersketch.ItemMemory(hypersketch.MapB(10_000), codebook=codebook)
        ...     memory.add(range(1000))
        ...     print(memory.nbytes)
        1264000
        8000
        """
        return self._items.nbytes

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"ItemMemory({self._space}, codebook={self.codebook!r}, n_items={len(self)})"

    @property
    def keys(self) -> NDArray[Any]:
        """All keys, in the order in which they were added.

        An array of int64 while all are integers that it holds, otherwise of objects: int, str and bytes.

        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.keys
        array(['red', 'green'], dtype=object)
        """
        items = self._items
        return items.keys.taken(np.arange(len(items)))

    @property
    def vectors(self) -> NDArray[Any]:
        """The vectors of all items, in the order of `keys`; a read-only view of stored ones.

        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.vectors.shape
        (2, 2)
        """
        book = self._items.book
        view: NDArray[Any] = book.rows(slice(0, len(book)), _threads.get_num_threads()).view()
        view.flags.writeable = False
        return view

    def _found(self, items: Items, keys: Any, threads: int | None) -> tuple[KeyBatch, NDArray[np.intp]]:
        batch = parsed(keys, threads)
        with self._lock:  # finding prepares what later finds use
            return batch, items.keys.find(batch.hashes)

    def _required(self, items: Items, keys: Any, threads: int | None) -> NDArray[np.intp]:
        """Return the places of keys, all of which must be here."""
        batch, places = self._found(items, keys, threads)
        if (places < 0).any():
            stranger = batch.key(int(np.argmax(places < 0)))
            raise KeyError(f"There is no key {_validation.shown(stranger)} in this ItemMemory.")
        return places

    def contains(self, keys: Any, *, threads: int | None = None) -> NDArray[np.bool_]:
        """Tell which keys are in the memory, exactly.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for hashing; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.contains(["red", "grey"]), "green" in memory
        (array([ True, False]), True)
        """
        return self._found(self._items, keys, threads)[1] >= 0

    def __contains__(self, key: object) -> bool:
        found = self.contains(key)
        if found.size != 1:
            _validation.refuse("'in' of ItemMemory", "key", "one int, str or bytes", key, TypeError)
        return bool(found[0])

    def vector(self, keys: Any, *, threads: int | None = None) -> NDArray[Any]:
        """Return the vectors of keys, one a row.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys of the memory.
        threads : int, optional
            Threads for computed vectors; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)

        Raises
        ------
        KeyError
            For a key that is not in the memory.
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapB(100)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(["red", "green"])
        >>> bool((memory.vector("green") == space.atoms("green")).all())
        True
        """
        items, n_threads = self._items, _threads.resolve("ItemMemory.vector", threads)
        return items.book.taken(self._required(items, keys, threads), n_threads)

    # ---- search

    def _asked(self, owner: str, probes: Any) -> tuple[Items, NDArray[Any]]:
        """Return the items, of which there are some, and checked probes, one a row."""
        items = self._items
        rows = np.atleast_2d(vectors_of(owner, "probes", self._space, probes))
        if not len(items):
            raise ValueError(f"{owner} needs items, but this ItemMemory is empty.")
        return items, rows

    def search(self, probes: Any, k: int = 1, *, threads: int | None = None) -> Matches:
        """Return the k items most alike to each probe.

        Parameters
        ----------
        probes : ndarray, Hypervectors or bundle
            n vectors of the memory's space, or one. Sums of MAP-I (int32) are vectors, too.
        k : int, default 1
            How many items a probe, at most as many as there are.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        keys : ndarray, shape (n, k)
            Keys of the items: the most alike first, of equally alike ones the one added first.
        similarities : ndarray of float64, shape (n, k)
            As ``space.similarity`` has them.
        indices : ndarray of int64, shape (n, k)
            Places of the items among all.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space (NaN, another dimension) and vectors of another
            space; a k beyond the number of items; an empty memory.

        See Also
        --------
        range_search : All items that are alike enough.
        cleanup : The vectors of the best items.

        Examples
        --------
        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(4096)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(["Paris", "Rome", "Oslo"])
        >>> record = space.bundle()
        >>> record.add_pairs(["France", "Italy"], ["Paris", "Rome"])
        >>> found = space.unbind(record.vector, space.atoms("Italy"))
        >>> memory.search(found).keys
        array([['Rome']], dtype=object)
        """
        owner, n_threads = "ItemMemory.search", _threads.resolve("ItemMemory.search", threads)
        items, rows = self._asked(owner, probes)
        places, similarities = _ranking.best(items.book, rows, _neighbours(owner, k, len(items)), n_threads)
        return Matches(items.keys.taken(places), similarities, places)

    def range_search(self, probes: Any, threshold: Any, *, threads: int | None = None) -> MatchesInRange:
        """Return all items whose similarity to a probe reaches a threshold.

        Parameters
        ----------
        probes : ndarray, Hypervectors or bundle
            n vectors of the memory's space, or one, as for `search`.
        threshold : float, or ndarray of shape (n,)
            The least similarity: one for all probes, or one for each.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        starts : ndarray of int64, shape (n + 1,)
            What was found for probe i stands at ``starts[i]:starts[i + 1]`` of the others.
        keys : ndarray
            Keys of the items: for each probe the most alike first, of equally alike ones the one added first.
        similarities : ndarray of float64
            As ``space.similarity`` has them.
        indices : ndarray of int64
            Places of the items among all.

        Raises
        ------
        TypeError, ValueError
            As for `search`, and for thresholds that are not finite numbers or not one a probe.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapB(10_000)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(range(1000))
        >>> bag = space.bundle([3, 14, 159])
        >>> sorted(memory.range_search(bag.vector, 0.25).keys.tolist())
        [3, 14, 159]
        """
        owner, n_threads = "ItemMemory.range_search", _threads.resolve("ItemMemory.range_search", threads)
        items, rows = self._asked(owner, probes)
        found = _ranking.reaching(items.book, rows, thresholds_of(owner, threshold, len(rows)), n_threads)
        starts = np.searchsorted(found.probes, np.arange(len(rows) + 1))
        return MatchesInRange(starts, items.keys.taken(found.items), found.similarities, found.items)

    def cleanup(self, probes: Any, threshold: Any = None, *, threads: int | None = None) -> NDArray[Any]:
        """Return the vector of the item most alike to each probe.

        Parameters
        ----------
        probes : ndarray, Hypervectors or bundle
            n vectors of the memory's space, or one, as for `search`.
        threshold : float, or ndarray of shape (n,), optional
            The least similarity. A probe that is less alike to all items gives a vector of zeros: none at all
            in real and sparse spaces, and in all others the identity, which is like no item.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (width,) or (n, width)
            One row a probe; a vector for one vector. Of MAP-I's sums, packed.

        Raises
        ------
        TypeError, ValueError
            As for `range_search`.

        Examples
        --------
        >>> import hypersketch
        >>> from hypersketch.vsa import FHRR
        >>> space = FHRR(1000)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(range(20))
        >>> noisy = space.bundle([7, 77, 777]).vector
        >>> bool((memory.cleanup(noisy) == memory.vector(7)[0]).all())
        True
        """
        owner, n_threads = "ItemMemory.cleanup", _threads.resolve("ItemMemory.cleanup", threads)
        items, rows = self._asked(owner, probes)
        limits = None if threshold is None else thresholds_of(owner, threshold, len(rows))
        places, similarities = _ranking.best(items.book, rows, 1, n_threads)
        cleaned = items.book.taken(places[:, 0], n_threads)
        if limits is not None:
            cleaned[similarities[:, 0] < limits] = 0
        single = np.ndim(getattr(probes, "vector", probes)) == 1
        return cleaned[0] if single else cleaned


def _neighbours(owner: str, value: object, n: int) -> int:
    """Return k, which the memory must have."""
    must = f"an integer in [1, {n}], the number of items"
    if isinstance(value, bool | np.bool_ | np.ndarray):
        _validation.refuse(owner, "k", must, value, TypeError)
    try:
        k = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        _validation.refuse(owner, "k", must, value, TypeError)
    if not 1 <= k <= n:
        _validation.refuse(owner, "k", must, k)
    return k
