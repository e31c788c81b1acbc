# SPDX-License-Identifier: Apache-2.0
"""Memories of nearest neighbours: keys with values, of which the k most alike to a query answer."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._neighbour_answers import Floats, Neighbours, formed, neighbours_of, softmax
from hypersketch.memories._neighbour_store import NeighbourStore


@files.register
class NeighbourMemory(NeighbourStore):
    """Keys with values, vectors or tokens: the k keys most alike to a query answer, weighed by a softmax.

    Parameters
    ----------
    key_dim : int in [1, 2**24]
        Dimensions of the keys.
    value_dim : int, optional
        Dimensions of values that are vectors; default those of the keys.
    vocabulary : int, optional
        Number of tokens, where values are tokens instead: integers in [0, vocabulary).
    max_items : int, optional
        How many items are kept; the oldest give way. Default all.
    similarity : {'dot', 'cosine', 'euclidean'}, default 'dot'
        ``euclidean`` is minus the squared distance.
    device : str, default 'cpu'
        Where keys and values lie and are searched: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and for both kinds of values.

    Notes
    -----
    The external memory of Memorizing Transformers (Wu et al. 2022, arXiv 2203.08913), with vectors and
    ``max_items``; the datastore of kNN-LM (Khandelwal et al. 2020, arXiv 1911.00172), with tokens and
    Euclidean distances. Search is exact: products in single precision choose the candidates, double precision
    ranks them. `interpolate` and `gated` mix what is found into a model.

    On a GPU bfloat16 products choose the candidates, and sums in NumPy's order rank them, so that items and
    similarities are the CPU's. Weights and states there may differ by a few roundings of double precision,
    and states that are vectors by one of float32. Vectors in arrays there stay there (tokens are checked in
    host memory), and answers to them are of their kind. Items take up to twice their bytes, and searches 2
    bytes a number more, 6 for distances.

    Examples
    --------
    >>> import hypersketch
    >>> from hypersketch.memories import interpolate
    >>> memory = hypersketch.NeighbourMemory(2, vocabulary=4, similarity="euclidean")
    >>> memory.store([[0, 0], [0, 1], [9, 9]], [1, 1, 3])
    >>> found = memory.retrieve([0, 0.5], k=2)
    >>> found.states
    array([[0., 1., 0., 0.]])
    >>> interpolate([[0.25, 0.25, 0.25, 0.25]], found.states, 0.2)
    array([[0.2, 0.4, 0.2, 0.2]])
    >>> memory
    NeighbourMemory(key_dim=2, vocabulary=4, similarity='euclidean', n_added=3)
    """

    def __init__(
        self,
        key_dim: int,
        value_dim: int | None = None,
        *,
        vocabulary: int | None = None,
        max_items: int | None = None,
        similarity: Literal["dot", "cosine", "euclidean"] = "dot",
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            key_dim=key_dim,
            value_dim=key_dim if value_dim is None and vocabulary is None else value_dim,
            vocabulary=vocabulary,
            max_items=max_items,
            similarity=similarity,
            n_items=0,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- changes

    def store(self, keys: Any, values: Any = None) -> None:
        """Store keys with their values, in their order.

        Parameters
        ----------
        keys : array of shape (key_dim,) or (n, key_dim)
            n keys.
        values : array of shape (n, value_dim), or integers of shape (n,), optional
            Their values, vectors or tokens; default the keys themselves.

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors (the row is named) of these dimensions, tokens out of the
            vocabulary, unequal numbers, zero vectors under cosine, or when the memory is memory-mapped.
            Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(2, max_items=2)
        >>> memory.store([[1, 0], [0, 1], [1, 1]])
        >>> len(memory), memory.n_added
        (2, 3)
        """
        owner = "NeighbourMemory.store"
        left, _ = self._vectors(owner, "keys", keys)
        right = self._checked_values(owner, keys, values)
        n = _reals.as_many(owner, keys=left, values=right)
        with self._lock:
            self._require_writable()
            self._put(left, right, n)

    def merge(self, other: NeighbourMemory) -> None:
        """Store what another memory of the same parameters holds, after what is here.

        Parameters
        ----------
        other : NeighbourMemory
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, or this one is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.NeighbourMemory(2) for _ in "ab")
        >>> a.store([1, 0])
        >>> b.store([0, 1])
        >>> a.merge(b)
        >>> a.search([1, 3])[0]
        array([[1]])
        """
        self._require_same(other, "merge with")
        self._join(other)

    def clear(self) -> None:
        """Forget everything.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(2)
        >>> memory.store([1, 0])
        >>> memory.clear()
        >>> len(memory)
        0
        """
        with self._lock:
            self._require_writable()
            if self._there is not None:
                none = type(self._there).empty(self._values, self._there.device)
                self._set_there(none, (vars(self), "_record", (Tally(), [])))
                return
            kept = np.empty(0, np.intp)
            self._columns = [column.chosen(kept) for column in self._columns]
            self._lengths, self._oldest, self._record = None, 0, (Tally(), [])

    # ---- answers

    def search(
        self, queries: Any, k: int = 1, *, threads: int | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the k items whose keys are most alike to each query.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            n queries.
        k : int, default 1
            How many, at most as many as there are.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        indices : ndarray of int64, shape (n, k)
            Numbers of the items, counted from 0 as they were stored: the most alike first, of equally alike
            ones the oldest.
        similarities : ndarray of float64, shape (n, k)

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors of key_dim dimensions, zero vectors under cosine, an empty memory,
            and a k beyond the number of items.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(2)
        >>> memory.store([[1, 0], [0, 1], [3, 0]])
        >>> memory.search([1, 0.5], k=2)
        (array([[2, 0]]), array([[3., 1.]]))
        """
        owner = "NeighbourMemory.search"
        asked, form = self._vectors(owner, "queries", queries)
        many = _threads.resolve(owner, threads)
        with self._lock:
            few = self._answering(owner, k)
            if self._there is not None:
                found = self._there.best(asked.view(), few, self._first)
                return formed(form, found[0]), formed(form, found[1])
            ages, similarities = self._nearest(asked, few, many)
            return ages + self._first, similarities

    def _answering(self, owner: str, k: object) -> int:
        """Return how many items answer, after checks."""
        if not len(self):
            raise ValueError(f"{owner} needs items, but this NeighbourMemory is empty.")
        return _validation.neighbours(owner, k, len(self), "items")

    def _nearest(
        self, asked: NDArray[np.float32], few: int, threads: int
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the best items, counted from the oldest; the lock is held."""
        norms = np.concatenate(self._in_order(self._norms()))
        runs = self._in_order(self._columns[0])
        return _nearest.best(self._values["similarity"], asked, runs, norms, few, threads)

    def retrieve(
        self,
        queries: Any,
        k: int | None = None,
        temperature: float = 1.0,
        *,
        threads: int | None = None,
    ) -> Neighbours:
        """Return what the nearest neighbours answer.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            n queries.
        k : int, optional
            How many neighbours answer; default 32, or all where there are fewer.
        temperature : float > 0, default 1.0
            Weights are the softmax of the similarities over it.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        Neighbours
            ``states`` are the weighted means of values that are vectors (float32), or the distributions over
            the vocabulary (float64).

        Raises
        ------
        TypeError, ValueError
            As `search`, and for a temperature that is not a finite float > 0.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(2, 1)
        >>> memory.store([[1, 0], [0, 1], [-1, 0]], [[1], [2], [3]])
        >>> memory.retrieve([9, 9], k=2).states
        array([[1.5]], dtype=float32)
        """
        owner = "NeighbourMemory.retrieve"
        asked, form = self._vectors(owner, "queries", queries)
        heat = _validation.positive(owner, "temperature", temperature)
        many = _threads.resolve(owner, threads)
        with self._lock:
            few = self._answering(owner, min(32, max(1, len(self))) if k is None else k)
            if self._there is not None:
                found = self._there.answers(asked.view(), few, self._first, heat, self._values["vocabulary"])
                return neighbours_of(form, *found)
            ages, similarities = self._nearest(asked, few, many)
            values, first = self._taken(1, ages), self._first
        weights = softmax(similarities, heat)
        states = self._mixed(values, weights)
        n = len(asked)
        return Neighbours(
            states, None, np.ones(n, np.int64), np.ones(n, bool), ages + first, similarities, weights
        )

    def _mixed(self, values: NDArray[Any], weights: Floats) -> NDArray[Any]:
        top = self._values["vocabulary"]
        if top is None:
            mean = np.einsum("nk,nkd->nd", weights, values.astype(np.float64))
            return np.asarray(mean, np.float32)
        mixed = np.zeros((len(weights), top))
        np.add.at(mixed, (np.arange(len(weights))[:, np.newaxis], values), weights)
        return mixed

    def capacity(self, error: float = 0.01, *, cosine: float = 1.0) -> float:
        """Return how many random keys fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Share of stored keys that are not found again.
        cosine : float in (0, 1], default 1.0
            Cosine of a query with the key that it means.

        Returns
        -------
        float
            Infinite for queries that are keys, in a memory without bound.

        Raises
        ------
        ValueError
            For numbers out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.NeighbourMemory(64).capacity()
        inf
        >>> round(hypersketch.NeighbourMemory(64).capacity(cosine=0.5))
        903
        """
        owner = "NeighbourMemory.capacity"
        rate, bound = _validation.probability(owner, "error", error), self._values["max_items"]
        most, alike = math.inf if bound is None else bound / (1.0 - rate), _cosine(owner, cosine)
        if alike == 1.0 or self.key_dim == 1:
            return float(most)
        found = 1.0 + float(theory.dense_retrieval.index_size(self.key_dim, rate, alike))
        return found if bound is None or found <= bound else float(bound)

    def expected_error(self, *, cosine: float = 1.0) -> float:
        """Return the share of stored keys that are not found again, for random directions as keys.

        Parameters
        ----------
        cosine : float in (0, 1], default 1.0
            Cosine of a query with the key that it means.

        Returns
        -------
        float
            Of those that gave way, and of those that another key outdoes
            (`hypersketch.theory.dense_retrieval.outscored`).

        Raises
        ------
        ValueError
            For a number out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(64, max_items=900)
        >>> memory.store(np.random.default_rng(0).standard_normal((1000, 64)))
        >>> round(memory.expected_error(), 3), round(memory.expected_error(cosine=0.5), 3)
        (0.1, 0.109)
        """
        alike = _cosine("NeighbourMemory.expected_error", cosine)
        if not self.n_added:
            return 0.0
        kept = len(self) / self.n_added
        if alike == 1.0 or self.key_dim == 1:
            return 1.0 - kept
        outdone = float(theory.dense_retrieval.outscored(self.key_dim, len(self) - 1, alike))
        return 1.0 - kept * (1.0 - outdone)


def _cosine(owner: str, value: object) -> float:
    must = "a float in (0, 1]"
    number = _validation.real(owner, "cosine", value, must)
    if not 0.0 < number <= 1.0:
        _validation.refuse(owner, "cosine", must, number)
    return number
