# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filters: multisets in a few small counters a key, with removal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation, files
from hypersketch._stored import Tally
from hypersketch._structure import tally_of
from hypersketch.sketches import _counters
from hypersketch.sketches._cells import CAPACITY, CELLS, HASHES
from hypersketch.sketches._layouts import Batch
from hypersketch.sketches._multisets import Multiset
from hypersketch.sketches._weights_on_gpu import require_host_weights, weights_on_gpu

_DTYPES: dict[int, type[np.unsignedinteger[Any]]] = {4: np.uint8, 8: np.uint8, 16: np.uint16, 32: np.uint32}


class SaturationWarning(UserWarning):
    """A counter of a counting Bloom filter reached its largest value, at which it stays.

    Examples
    --------
    >>> import warnings
    >>> import hypersketch
    >>> stock = hypersketch.CountingBloomFilter(n_cells=100, n_hashes=3, counter_bits=4)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     stock.add(["apple"], weights=[15])
    >>> caught[0].category.__name__
    'SaturationWarning'
    """


@files.register
class CountingBloomFilter(Multiset):
    """A multiset of keys in m small counters: every key adds its weight to k of them.

    Parameters
    ----------
    capacity : int >= 1, optional
        Number of distinct keys it is sized for.
    fpr : float in [1e-70, 1), optional
        Probability that a key which was not added gets a count above 0, at this capacity. The smallest filter
        is chosen whose exact probability is at most this.
    n_cells : int >= 1, optional
        Number m of counters. With ``n_hashes`` instead of ``capacity`` and ``fpr``.
    n_hashes : int in [1, 255], optional
        Number k of counters a key.
    counter_bits : {4, 8, 16, 32}, default 8
        Size of a counter. Counters saturate: one that reaches its largest value, 2**counter_bits - 1, stays
        there whatever is added or removed later, so that a key is never lost. `n_saturated` tells how many
        did, and the first time a `SaturationWarning` does.
    seed : int in [0, 2**64), default 0
        Filters of different seeds make independent errors and cannot be merged.
    device : str, default 'cpu'
        Where the counters lie: ``cpu``, ``cuda``, ``cuda:1``; see `to`.

    Raises
    ------
    TypeError
        When not exactly one of the two ways of sizing is given, or for arguments of a wrong type.
    ValueError
        For arguments out of range.

    Notes
    -----
    Fan, Cao, Almeida & Broder (2000), with the cells of a classic `hypersketch.BloomFilter`. Two of a key's k
    cells may coincide; its weight is then added twice there, and `count` allows for that. With keys added
    once each and m = n k / ln 2 cells, some 4-bit counter saturates with probability below 1.4e-15 m
    (formula 4.11). As for `collections.Counter`, ``+`` adds counts up, ``|`` takes the larger and ``&`` the
    smaller ones.

    Examples
    --------
    >>> import hypersketch
    >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
    >>> stock.add(["apple", "pear"], weights=[3, 2])
    >>> stock.remove("apple")
    >>> stock.count(["apple", "pear", "plum"])
    array([2, 2, 0])
    >>> stock
    CountingBloomFilter(n_cells=9595, n_hashes=7, capacity=1000, counter_bits=8, seed=0, n_added=1)
    """

    _CELLS = "n_cells"
    _told_saturated = False
    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_cells": CELLS,
        "n_hashes": HASHES,
        "capacity": CAPACITY,
        "counter_bits": _validation.one_of(*_DTYPES),
        "seed": _validation.seed,
    }

    def __init__(
        self,
        capacity: int | None = None,
        fpr: float | None = None,
        *,
        n_cells: int | None = None,
        n_hashes: int | None = None,
        counter_bits: Literal[4, 8, 16, 32] = 8,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        cells, hashes = self._sized(capacity, fpr, n_cells, n_hashes)
        parameters = self._checked(
            n_cells=cells, n_hashes=hashes, capacity=capacity, counter_bits=counter_bits, seed=seed
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        n_cells, bits = parameters["n_cells"], parameters["counter_bits"]
        return -(-n_cells // 2) if bits == 4 else n_cells, _DTYPES[bits]

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> CountingBloomFilter:
        if parameters["counter_bits"] == 4 and parameters["n_cells"] % 2 and state[-1] > 15:
            raise ValueError("its state sets bits beyond n_cells.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, CountingBloomFilter)
        return made

    @property
    def n_saturated(self) -> int:
        """Number of counters at their largest value; what they counted is no longer known.

        >>> import hypersketch
        >>> hypersketch.CountingBloomFilter(n_cells=1000, n_hashes=3).n_saturated
        0
        """
        return self._look(self._state)[1]

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add keys, each as often as its weight says.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of int, shape (n,), optional
            How often each key is added, in [0, 2**31); default once.
        threads : int, optional
            Threads for hashing; default `hypersketch.get_num_threads`. The counters are changed by one.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that are negative, not integers or not
            one a key, or when the state is memory-mapped.

        Warns
        -----
        CapacityWarning
            Once, when more keys are added than the filter was sized for.
        SaturationWarning
            Once, when a counter has reached its largest value. The keys are in.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the filter holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.add(["apple", "pear"], weights=[3, 2])
        >>> stock.n_added, stock.total_weight
        (2, 5)
        """
        n_threads = self._n_threads("add", threads)
        self._change("add", self._batch(keys, n_threads), weights, n_threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add keys by their hashes, each as often as its weight says.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        weights, threads
            As for `add`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64; otherwise as `add`.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.add_hashes(hypersketch.hash_keys(["apple"]), weights=[3])
        >>> stock.count("apple")
        array([3])
        """
        n_threads = self._n_threads("add_hashes", threads)
        self._change("add_hashes", self._hashed("add_hashes", hashes), weights, n_threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Remove keys that were added before, each as often as its weight says.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        weights : array of int, shape (n,), optional
            How often each key is removed, in [0, 2**31); default once.
        threads : int, optional
            Threads for hashing; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError
            As for `add`.
        ValueError
            As for `add`, and when a counter would fall below zero. Nothing is changed then.

        Notes
        -----
        The filter cannot always tell that a key was never added: removing such a key may succeed and then
        spoils the counts of others.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.add(["apple", "pear"])
        >>> stock.remove("apple")
        >>> "apple" in stock
        False
        """
        n_threads = self._n_threads("remove", threads)
        self._change("remove", self._batch(keys, n_threads), weights, n_threads, -1)

    def remove_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Remove keys by their hashes, each as often as its weight says.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        weights, threads
            As for `remove`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64; otherwise as `remove`.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.add("apple")
        >>> stock.remove_hashes(hypersketch.hash_keys(["apple"]))
        >>> "apple" in stock
        False
        """
        n_threads = self._n_threads("remove_hashes", threads)
        self._change("remove_hashes", self._hashed("remove_hashes", hashes), weights, n_threads, -1)

    def _change(self, verb: str, batch: Batch, weights: Any, threads: int, sign: int = 1) -> None:
        words = batch.values
        checked = self._checked_weights(f"CountingBloomFilter.{verb}", weights, words)
        with self._lock:
            self._require_writable()
            if sign == 1:
                self._add(words, checked, threads)
            else:
                self._remove(words, checked, threads)

    def _checked_weights(self, owner: str, weights: Any, words: Any) -> Any:
        """Return weights in [0, 2**31) that lie where the keys do, or None."""
        if isinstance(words, np.ndarray):
            require_host_weights(owner, weights)
            return _validation.weights(owner, weights, words.size, least=0)
        return None if weights is None else weights_on_gpu(owner, weights, words, np.dtype(np.int32), 0)

    def _weight_arguments(self, n: int, weights: Any, sign: int) -> tuple[Any, ...]:
        return (getattr(weights, "span", weights),)

    def _loops(self, saturated: NDArray[np.int64], threads: int) -> _counters.Loops:
        return _counters.loops(self._shape, self._state, saturated, threads)

    def _pieces(self, words: Any) -> Iterator[slice]:
        return _counters.pieces(self._shape, self._state, words)

    def _add(self, words: Any, weights: Any, threads: int) -> None:
        self._warn_beyond_capacity(words.size, stacklevel=5)
        saturated = np.zeros(1, np.int64)
        self._add_chunks(self._loops(saturated, threads).add, words, weights, pieces=self._pieces(words))
        self._warn_saturated(saturated)

    def _remove(self, words: Any, weights: Any, threads: int) -> None:
        loops, before = self._loops(np.zeros(1, np.int64), threads), self.n_added
        try:
            self._add_chunks(loops.remove, words, weights, sign=-1, pieces=self._pieces(words))
        except ValueError:
            # Pieces that went before the refused one come back, in one uninterrupted call.
            n = before - self.n_added
            if n:  # of host memory: keys on a GPU are one piece
                mine = None if weights is None else weights[:n]
                self._commit(loops.add, (words[:n], mine), tally_of(n, mine))
            raise

    def _warn_saturated(self, saturated: NDArray[np.int64], stacklevel: int = 5) -> None:
        if saturated[0] == 0 or self._told_saturated:
            return
        self._told_saturated = True
        warnings.warn(
            f"{saturated[0]} counters of this CountingBloomFilter have reached their largest value, "
            f"{2**self.counter_bits - 1}, and stay there: counts of their keys are cut off.",
            SaturationWarning,
            stacklevel=stacklevel,
        )

    def _test_and_take(self, batch: Batch, answers: NDArray[np.bool_], threads: int) -> None:
        words, saturated = batch.values, np.zeros(1, np.int64)
        self._warn_beyond_capacity(words.size, stacklevel=5)
        change = self._loops(saturated, threads).test_and_add
        for part in self._pieces(words):
            self._commit(change, (words[part], answers[part]), tally_of(part.stop - part.start, None))
        self._warn_saturated(saturated)

    def count(self, keys: Any, *, threads: int | None = None) -> NDArray[np.int64]:
        """Return how often each key was added: never too low, but for counts cut off at the largest value.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of int64, shape (n,)
            The counts. One is too high when other keys meet all k cells of its key.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Notes
        -----
        The smallest of the key's distinct cells, each divided by how often the key meets it; saturated cells
        say nothing, and when all are, the count is 2**counter_bits - 1. The probability of a count that is
        too high is `hypersketch.theory.counting_bloom.wrong_count_rate`.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.add(["apple", "pear"], weights=[3, 2])
        >>> stock.count(["apple", "plum"])
        array([3, 0])
        """
        n_threads = self._n_threads("count", threads)
        return self._count(self._batch(keys, n_threads), n_threads)

    def count_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> NDArray[np.int64]:
        """Return how often each key was added, by their hashes.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        threads
            As for `count`.

        Returns
        -------
        ndarray of int64, shape (n,)
            As for `count`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64.

        Examples
        --------
        >>> import hypersketch
        >>> stock = hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01)
        >>> stock.count_hashes(hypersketch.hash_keys(["apple"]))
        array([0])
        """
        batch = self._hashed("count_hashes", hashes)
        return self._count(batch, self._n_threads("count_hashes", threads))

    def _count(self, batch: Batch, threads: int) -> NDArray[np.int64]:
        counts = batch.output("CountingBloomFilter.count", None, batch.values.size, np.int64)
        loops = self._loops(np.zeros(1, np.int64), threads)
        for part in self._pieces(batch.values):
            loops.counts(batch.values[part], counts[part])
        given: NDArray[np.int64] = _device.result(counts)
        return given

    def _ask(self, batch: Batch, answers: NDArray[Any], packed: bool, threads: int) -> None:
        loops = self._loops(np.zeros(1, np.int64), threads)
        self._ask_by_pieces(loops, self._pieces(batch.values), batch, answers, packed)

    def _join(self, other: Any) -> None:
        self._warn_beyond_capacity(other.n_added)
        saturated = np.zeros(1, np.int64)
        change = _counters.combining("sum", self._shape, self._state, other._state, saturated)
        self._commit(*change, other._tally)
        self._warn_saturated(saturated, stacklevel=4)
