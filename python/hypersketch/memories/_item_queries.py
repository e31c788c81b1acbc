# SPDX-License-Identifier: Apache-2.0
"""What an item memory answers: which of its items a probe is like, and from where on that says anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch.memories import _ranking
from hypersketch.memories._item_looks import ItemLooks
from hypersketch.memories._item_state import Items
from hypersketch.memories._probes import Matches, MatchesInRange, thresholds_of, vectors_of
from hypersketch.memories._strangers import thresholds


class ItemQueries(ItemLooks):
    """The methods that search."""

    def _asked(self, owner: str, probes: Any) -> tuple[Items, NDArray[Any]]:
        """Return the items, of which there are some, and checked probes, one a row."""
        items = self._items
        if _device.is_on_gpu(probes):
            return items, self._gpu().on_host(owner, items, probes)
        rows = np.atleast_2d(vectors_of(owner, "probes", self._space, probes))
        if not len(items):
            raise ValueError(f"{owner} needs items, but this ItemMemory is empty.")
        return items, rows

    @staticmethod
    def _gpu() -> Any:
        from hypersketch.memories import _gpu_probes

        return _gpu_probes

    def search(self, probes: Any, k: int = 1, *, threads: int | None = None) -> Matches:
        """Return the k items most alike to each probe.

        Parameters
        ----------
        probes : ndarray, Hypervectors or bundle
            n vectors of the memory's space, or one. Sums of MAP-I (int32) are vectors, too. For a memory on
            a GPU also an array there; real numbers of any type become float32 there.
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
        if _device.is_on_gpu(probes):
            matches: Matches = self._gpu().search(self._items, probes, k, n_threads)
            return matches
        items, rows = self._asked(owner, probes)
        places, similarities = _ranking.best(
            items.book, rows, _validation.neighbours(owner, k, len(items), "items"), n_threads
        )
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
        matches = MatchesInRange(starts, items.keys.taken(found.items), found.similarities, found.items)
        return self._gpu().in_range(matches, probes) if _device.is_on_gpu(probes) else matches

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
        if _device.is_on_gpu(probes):
            there: NDArray[Any] = self._gpu().cleanup(self._items, probes, threshold, n_threads)
            return there
        items, rows = self._asked(owner, probes)
        limits = None if threshold is None else thresholds_of(owner, threshold, len(rows))
        places, similarities = _ranking.best(items.book, rows, 1, n_threads)
        cleaned = items.book.taken(places[:, 0], n_threads)
        if limits is not None:
            cleaned[similarities[:, 0] < limits] = 0
        single = np.ndim(getattr(probes, "vector", probes)) == 1
        return cleaned[0] if single else cleaned

    def threshold(self, false_accept: float, probes: Any = None, *, threads: int | None = None) -> Any:
        """Return the similarity that keeps strangers out: for `range_search` and `cleanup`.

        Parameters
        ----------
        false_accept : float
            Probability in (0, 1) with which a stranger, the atom of a key that has nothing to do with the
            items, may reach the threshold for any of them.
        probes : ndarray, Hypervectors or bundle, optional
            n vectors of the space: one threshold each, for which the items are the strangers. It depends on
            the probe in MAP-I, where a sum's similarities grow with its length, in BSDC, where a union
            overlaps with more, and in MAP-T, where zeros count for nothing.
        threads : int, optional
            Threads for looking at the items of BSDC; default `hypersketch.get_num_threads`.

        Returns
        -------
        float, or ndarray of float64 of shape (n,) with ``probes``
            Above 1 where even an equal vector is too likely.

        Raises
        ------
        TypeError, ValueError
            For a rate out of range, probes that `search` refuses, and an empty memory.
        ImportError
            Where the form needs SciPy and it is not installed.

        Notes
        -----
        Each of N items may accept a stranger with probability ``false_accept`` / N (union bound, so the
        items may be anything). That is an exact quantile of the binomial law for MAP, BSC, CGR and block
        codes, of the hypergeometric one for BSDC, and of the cosine of random directions for HRR, VTB and
        MBAT; for the rest and for sums it is normal. See `hypersketch.theory.item_memory`.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapB(10_000)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(range(1000))
        >>> limit = memory.threshold(0.001)
        >>> limit
        0.0478
        >>> bag = space.bundle([3, 14, 15, 92])
        >>> sorted(memory.range_search(bag.vector, limit).keys.tolist())
        [3, 14, 15, 92]
        """
        owner = "ItemMemory.threshold"
        rate = _validation.probability(owner, "false_accept", false_accept)
        n_threads = _threads.resolve(owner, threads)
        items, rows = self._asked(owner, self._space.identity() if probes is None else probes)
        found = thresholds(items.book, rate, None if probes is None else rows, n_threads)
        return self._gpu().thresholds(found, probes) if _device.is_on_gpu(probes) else found
