# SPDX-License-Identifier: Apache-2.0
"""Bloom filters: sets in a few bits a key, with false positives and without false negatives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads, _validation, files
from hypersketch._structure import Tally, chunks
from hypersketch.keys import hash_keys
from hypersketch.sketches._cells import CAPACITY, CELLS, HASHES, CellSketch


@files.register
class BloomFilter(CellSketch):
    """A set of keys in m bits: k of them are set for every key.

    Parameters
    ----------
    capacity : int >= 1, optional
        Number of distinct keys it is sized for.
    fpr : float in (0, 1), optional
        False-positive rate that it may have at this capacity. The smallest filter is chosen whose exact rate
        (not the textbook approximation) is at most this.
    n_bits : int >= 1, optional
        Number m of bits; may exceed 2**32. With ``n_hashes`` instead of ``capacity`` and ``fpr``.
    n_hashes : int in [1, 255], optional
        Number k of bits a key.
    layout : {'classic'}, default 'classic'
        Where a key's bits lie: anywhere in the m bits, independently.
    seed : int in [0, 2**64), default 0
        Filters of different seeds make independent errors and cannot be merged.

    Raises
    ------
    TypeError
        When not exactly one of the two ways of sizing is given, or for arguments of a wrong type.
    ValueError
        For arguments out of range.

    Notes
    -----
    Bloom (1970). The i-th bit of a key with hash h is floor(w_i m / 2^64), w_i the i-th word of the
    SplitMix64 stream of (seed, h). Adding keys concurrently from several threads is safe; a query meanwhile
    sees any part of them.

    Examples
    --------
    >>> import hypersketch
    >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
    >>> seen.add(["apple", "pear"])
    >>> seen.contains(["apple", "plum"])
    array([ True, False])
    >>> "pear" in seen
    True
    >>> seen
    BloomFilter(n_bits=9595, n_hashes=7, capacity=1000, layout='classic', seed=0, n_added=2)
    """

    _CELLS = "n_bits"
    _BITS = "n_bits"
    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_bits": CELLS,
        "n_hashes": HASHES,
        "capacity": CAPACITY,
        "layout": _validation.one_of("classic"),
        "seed": _validation.seed,
    }

    def __init__(
        self,
        capacity: int | None = None,
        fpr: float | None = None,
        *,
        n_bits: int | None = None,
        n_hashes: int | None = None,
        layout: Literal["classic"] = "classic",
        seed: int = 0,
    ) -> None:
        bits, hashes = self._sized(capacity, fpr, n_bits, n_hashes)
        parameters = self._checked(n_bits=bits, n_hashes=hashes, capacity=capacity, layout=layout, seed=seed)
        self._fill(parameters, None, Tally())

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return _validation.words_for(parameters["n_bits"]), np.uint64

    @property
    def n_bits(self) -> int:
        """Number m of bits.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1000, n_hashes=3).n_bits
        1000
        """
        return self._n_cells

    @property
    def layout(self) -> str:
        """Where a key's bits lie; see the class.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1000, n_hashes=3).layout
        'classic'
        """
        return str(self._values["layout"])

    @property
    def _numbers(self) -> tuple[int, int, int]:
        return self.n_bits, self.n_hashes, self.seed

    def add(self, keys: Any, *, threads: int | None = None) -> None:
        """Add keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            As for `hypersketch.hash_keys`. An empty batch adds nothing.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or when the state is memory-mapped.

        Warns
        -----
        CapacityWarning
            Once, when more keys are added than the filter was sized for.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the filter holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add(range(500))
        >>> seen.n_added
        500
        """
        self.add_hashes(hash_keys(keys, threads=threads), threads=threads)

    def add_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> None:
        """Add keys by their hashes, for keys that go into several structures.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError
            For anything but a one-dimensional array of uint64.
        ValueError
            When the state is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> "a" in seen
        True
        """
        batch = _validation.hashes("BloomFilter.add_hashes", hashes)
        n_threads = _threads.resolve("BloomFilter.add_hashes", threads)
        with self._lock:
            self._require_writable()
            self._warn_beyond_capacity(batch.size)
            change = partial(_core.bloom_add, self._state, *self._numbers, threads=n_threads)
            self._add_chunks(change, batch, words_per_key=self.n_hashes)

    def contains_hashes(
        self, hashes: NDArray[np.uint64], *, out: NDArray[np.bool_] | None = None, threads: int | None = None
    ) -> NDArray[np.bool_]:
        """Tell which keys were probably added, by their hashes.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        out : ndarray of bool, shape (n,), optional
            Array for the answers, C-contiguous.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For arrays that do not fit.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.contains_hashes(hypersketch.hash_keys(["a"]))
        array([False])
        """
        owner = "BloomFilter.contains"
        batch = _validation.hashes(owner, hashes)
        answers = _validation.output(owner, out, batch.size, np.bool_)
        n_threads = _threads.resolve(owner, threads)
        for part in chunks(batch.size, self.n_hashes):
            _core.bloom_contains(self._state, *self._numbers, batch[part], answers[part], n_threads)
        return answers

    def _occupied(self) -> int:
        return int(_core.popcount(self._state))

    def _join(self, other: Any) -> None:
        self._warn_beyond_capacity(other.n_added)
        self._commit(np.bitwise_or, (self._state, other._state, self._state), other._tally)

    def __ior__(self, other: BloomFilter) -> BloomFilter:
        self.merge(other)
        return self

    def __or__(self, other: BloomFilter) -> BloomFilter:
        return self._joined(other)

    def union_cardinality(self, other: BloomFilter) -> float:
        """Estimate the number of distinct keys in either of two filters.

        Parameters
        ----------
        other : BloomFilter
            Of the same size, hashes and seed.

        Returns
        -------
        float
            What `cardinality` would return after merging the two.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 480 < a.union_cardinality(b) < 520
        True
        """
        self._require_same(other, "compare")
        return self._cardinality_of(int(_core.popcount_or(self._state, other._state)))

    def intersection_cardinality(self, other: BloomFilter) -> float:
        """Estimate the number of distinct keys that two filters share.

        Parameters
        ----------
        other : BloomFilter
            Of the same size, hashes and seed.

        Returns
        -------
        float
            The estimate; slightly negative values occur for disjoint sets, nan when a filter is full.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Notes
        -----
        By inclusion and exclusion, n(A) + n(B) - n(A or B), each by `cardinality`. Its standard deviation is
        `hypersketch.theory.bloom.intersection_sd`.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 80 < a.intersection_cardinality(b) < 120
        True
        """
        return self.cardinality() + other.cardinality() - self.union_cardinality(other)
