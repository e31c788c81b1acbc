# SPDX-License-Identifier: Apache-2.0
"""What bundles of explicit vectors share: keys, pairs and vectors come in by rows, and the sum answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _threads, _validation
from hypersketch._additive import Additive, Counters
from hypersketch._structure import chunks, tally_of
from hypersketch.keys import host_hashes

Rows: TypeAlias = NDArray[Any]


class VectorBundle(Additive):
    """A sum of the vectors of a space that makes its vectors in NumPy."""

    @property
    @abstractmethod
    def space(self) -> Any:
        """The space whose atoms this is made of."""

    @property
    @abstractmethod
    def vector(self) -> Rows:
        """The bundle as a vector of its space."""

    @abstractmethod
    def _add_rows(self, verb: str, n: int, rows: Callable[[slice], Rows], weights: Any, sign: int) -> None:
        """Add n vectors that ``rows`` makes, piece by piece; sign -1 takes them away."""

    @abstractmethod
    def _row_batch(self, vectors: object) -> Rows:
        """Return checked vectors, one a row."""

    def _threads_for(self, verb: str, threads: int | None) -> int:
        return _threads.resolve(f"{type(self).__name__}.{verb}", threads)

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add the atoms of keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of shape (n,), optional
            One weight a key, of any sign; default 1. Counters take integers below 2**31 in magnitude, sums of
            real vectors finite numbers.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights of another kind or not one a key, or
            when the state is memory-mapped.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the bundle holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(1000).bundle()
        >>> bag.add(["a", "b"], weights=[1.5, -1])
        >>> bag.n_added, bag.total_weight
        (2, 0.5)
        """
        self._add_keys("add", keys, weights, 1, threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add the atoms of keys by their hashes (`hypersketch.hash_keys` with seed 0); otherwise as `add`.

        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(64).bundle()
        >>> bag.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> bag == HRR(64).bundle(["a", "b"])
        True
        """
        if _memory.on_gpu(self._state):
            self._on_gpu().add_keys(self, "add_hashes", hashes, weights, 1, threads, True)
            return
        batch = _validation.hashes(f"{type(self).__name__}.add_hashes", hashes)
        self._add_hashed("add_hashes", batch, weights, 1, threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Take the atoms of keys out again; from sums of real vectors up to rounding. Otherwise as `add`.

        >>> from hypersketch.vsa import CGR
        >>> bag = CGR(64).bundle(["a", "b"])
        >>> bag.remove("b")
        >>> bag == CGR(64).bundle("a")
        True
        """
        self._add_keys("remove", keys, weights, -1, threads)

    def add_pairs(self, keys: Any, values: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add bound pairs: a value's atom bound with its key's, ``space.bind(value, key)``, for every pair.

        Parameters
        ----------
        keys, values : int, str, bytes or batches of them
            n keys and n values, as for `hypersketch.hash_keys`.
        weights : array of shape (n,), optional
            One weight a pair, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`, and for unequal numbers of keys and values.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(10_000)
        >>> record = space.bundle()
        >>> record.add_pairs(["name", "capital"], ["France", "Paris"])
        >>> found = space.unbind(record.vector, space.atoms("capital"))
        >>> space.similarity(found, space.atoms(["Paris", "France"])).round(1) + 0.0
        array([0.6, 0. ])
        """
        if _memory.on_gpu(self._state):
            self._on_gpu().add_pairs(self, keys, values, weights, threads)
            return
        left, right = host_hashes(keys, threads), host_hashes(values, threads)
        if left.size != right.size:
            raise ValueError(
                f"add_pairs needs one value a key: keys has {left.size} elements but values has {right.size}."
            )
        self._add_hashed_pairs(left, right, weights, threads)

    def _add_hashed_pairs(
        self, left: NDArray[np.uint64], right: NDArray[np.uint64], weights: Any, threads: int | None
    ) -> None:
        space, n_threads = self.space, self._threads_for("add_pairs", threads)

        def rows(part: slice) -> Rows:
            bound: Rows = space.bind(*(space._atoms_of(side[part], n_threads) for side in (right, left)))
            return bound

        self._add_rows("add_pairs", left.size, rows, weights, 1)

    def add_vectors(self, vectors: Rows, weights: Any = None) -> None:
        """Add vectors of the space: products, permuted ones, or other bundles' (nesting).

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows
            Vectors of this space.
        weights : array of shape (n,), optional
            One weight a vector, as for `add`; default 1.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`, and for arrays that are not vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> space = FHRR(10_000)
        >>> word = space.bundle()
        >>> for position, letter in enumerate("abc"):
        ...     word.add_vectors(space.permute(space.atoms(letter), position))
        >>> space.similarity(word.vector, space.permute(space.atoms(["a", "b"]), 1)).round(1) + 0.0
        array([0. , 0.5])
        """
        if _device.is_on_gpu(vectors) and _memory.on_gpu(self._state):
            self._on_gpu().add_vectors(self, vectors, weights)
            return
        batch = self._row_batch(vectors)
        self._add_rows("add_vectors", len(batch), lambda part: batch[part], weights, 1)

    def _add_keys(self, verb: str, keys: Any, weights: Any, sign: int, threads: int | None) -> None:
        if _memory.on_gpu(self._state):
            self._on_gpu().add_keys(self, verb, keys, weights, sign, threads)
        else:
            self._add_hashed(verb, host_hashes(keys, threads), weights, sign, threads)

    @abstractmethod
    def _on_gpu(self) -> Any:
        """Return what does the same for bundles on a GPU."""

    def _add_hashed(
        self, verb: str, hashes: NDArray[np.uint64], weights: Any, sign: int, threads: int | None
    ) -> None:
        space, n_threads = self.space, self._threads_for(verb, threads)
        self._add_rows(
            verb, hashes.size, lambda part: space._atoms_of(hashes[part], n_threads), weights, sign
        )

    def similarity(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the similarity of the bundle's vector with the atom of each key, as the space has it.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(10_000).bundle(["a", "b"], weights=[3, 1])
        >>> bag.similarity(["a", "b", "c"]).round(1) + 0.0
        array([0.9, 0.3, 0. ])
        """
        if _memory.on_gpu(self._state):
            there: NDArray[np.float64] = self._on_gpu().similarity(self, keys, threads)
            return there
        space, hashes = self.space, host_hashes(keys, threads)
        n_threads = self._threads_for("similarity", threads)
        if space._STORES_NO_ATOMS:
            made: NDArray[np.float64] = space._key_similarities(self.vector[np.newaxis], hashes, n_threads)
            return np.asarray(made[0])
        vector, scores = self.vector, np.empty(hashes.size)
        for part in chunks(hashes.size, 64 * space.dim):
            scores[part] = space.similarity(vector, space._atoms_of(hashes[part], n_threads))
        return scores


class CountedVectors(VectorBundle, Counters):
    """A bundle of int32 counters."""

    @property
    def vector(self) -> Rows:
        """The bundle as a vector of its space.

        >>> from hypersketch.vsa import CGR
        >>> space = CGR(64)
        >>> bool((space.bundle("a").vector == space.atoms("a")[0]).all())
        True
        """
        if _memory.on_gpu(self._state):
            there: Rows = self._on_gpu().vector(self)
            return there
        return self._chosen()

    @abstractmethod
    def _chosen(self) -> Rows:
        """Return the vector that stands for counters of host memory."""

    @abstractmethod
    def _counted(self, rows: Rows, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the counters of some vectors alone."""

    def _add_rows(self, verb: str, n: int, rows: Callable[[slice], Rows], weights: Any, sign: int) -> None:
        owner = f"{type(self).__name__}.{verb}"
        if _memory.on_gpu(self._state):
            weights = _device.on_host(owner, "weights", weights)
        checked = _validation.weights(owner, weights, n)
        with self._lock:
            self._require_writable()
            self._require_room(tally_of(n, checked).bound)
            for part in chunks(n, 64 * self.space.dim):
                size = part.stop - part.start
                mine = np.ones(size, np.int64) if checked is None else checked[part]
                change = self._counted(rows(part), sign * mine).astype(np.int32)
                self._commit(*_memory.combining(np.add, self._state, change), tally_of(size, mine, sign))
