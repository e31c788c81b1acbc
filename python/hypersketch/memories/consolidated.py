# SPDX-License-Identifier: Apache-2.0
"""Memories of a fixed number of modes: what is alike is averaged, what is new replaces what is stale."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _threads, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._changes import counted, require_writable
from hypersketch.memories._mode_store import ModeStore
from hypersketch.memories._modes import modes_of
from hypersketch.memories._neighbour_answers import Floats, Neighbours, formed, neighbours_of, softmax


@files.register
class ConsolidatedMemory(ModeStore):
    """A fixed number of modes, each the mean of keys that were alike, and of their values.

    Parameters
    ----------
    key_dim : int in [1, 2**24]
        Dimensions of the keys.
    value_dim : int, optional
        Dimensions of the values; default those of the keys.
    n_modes : int, optional
        Number of modes. Either this or a budget must be given.
    budget_bytes : int, optional
        Bytes of the state: as many modes as fit, of 16 + 4 (key_dim + value_dim) bytes each.
    threshold : float, default 0.9
        An item whose key's similarity to the nearest mode exceeds this is taken into that mode's running
        means. Any other is new: it replaces the mode that has been unchanged for longest.
    similarity : {'cosine', 'dot', 'euclidean'}, default 'cosine'
        ``euclidean`` is minus the squared distance.
    device : str, default 'cpu'
        Where the modes lie and are searched: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and for a budget smaller than one mode.

    Notes
    -----
    The consolidated associative memory of CAMELoT (He et al. 2024, arXiv 2402.13449). Batches mean one item
    after the other, in their order, whatever the batches; after Ctrl-C a prefix of the batch is stored.

    On a GPU modes are searched and mixed as the items of `NeighbourMemory` are: the same modes and
    similarities as on the CPU, weights and states up to roundings. One item may change what the next one
    meets, so the CPU stores them, in a copy of the modes that stays in host memory, and those that changed go
    to the GPU. ``keys``, ``values``, ``counts`` and ``ages`` are of that copy.

    Examples
    --------
    >>> import hypersketch
    >>> memory = hypersketch.ConsolidatedMemory(2, 1, n_modes=2, threshold=0.95)
    >>> memory.store([[1, 0], [0, 1], [1, 0.1]], [[10], [20], [30]])
    >>> memory.counts, memory.ages, memory.values[:, 0]
    (array([2, 1]), array([0, 1]), array([20., 20.], dtype=float32))
    >>> memory.store([-1, 0], [40])  # is new, and replaces the stalest
    >>> memory.keys[1]
    array([-1.,  0.], dtype=float32)
    >>> memory.retrieve([-3, 1]).states
    array([[40.]], dtype=float32)
    """

    def __init__(
        self,
        key_dim: int,
        value_dim: int | None = None,
        *,
        n_modes: int | None = None,
        budget_bytes: int | None = None,
        threshold: float = 0.9,
        similarity: Literal["cosine", "dot", "euclidean"] = "cosine",
        device: str = "cpu",
    ) -> None:
        owner = type(self).__name__
        if (n_modes is None) == (budget_bytes is None):
            _validation.refuse(owner, "n_modes", "given, or else budget_bytes, and not both", n_modes)
        width = key_dim if value_dim is None else value_dim
        if n_modes is None:
            n_modes = modes_of(owner, budget_bytes, key_dim, width)
        parameters = self._checked(
            key_dim=key_dim, value_dim=width, n_modes=n_modes, threshold=threshold, similarity=similarity
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- changes

    def store(self, keys: Any, values: Any = None) -> None:
        """Store items, one after the other: each is consolidated or replaces the stalest mode.

        Parameters
        ----------
        keys : array of shape (key_dim,) or (n, key_dim)
            n keys.
        values : array of shape (value_dim,) or (n, value_dim), optional
            Their values; default the keys themselves.

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors (the row is named) of these dimensions, unequal numbers, zero
            vectors under cosine, or when the memory is memory-mapped. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=8)
        >>> memory.store([[3, 4], [0, 1], [0, 2]])
        >>> len(memory), memory.n_added
        (2, 3)
        """
        owner = "ConsolidatedMemory.store"
        keys, values = self._brought(owner, "keys", keys), self._brought(owner, "values", values)
        left = self._vectors(owner, "keys", keys)
        dims = self._values["key_dim"], self._values["value_dim"]
        right = _reals.values(owner, keys, values, *dims, np.float32)
        n = _reals.as_many(owner, keys=left, values=right)
        with self._lock:
            require_writable(self)
            if self._device_index is not None:
                self._take_there(left, right)
                return
            similarity, threshold = self._values["similarity"], self._values["threshold"]
            modes, clock = self._modes, self.n_added
            try:
                modes.take(left, right, similarity, threshold, clock)
            finally:
                if n:  # after Ctrl-C what is in is counted
                    counted(self, int(modes.touched.max()) - clock)

    def clear(self) -> None:
        """Forget everything.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=2)
        >>> memory.store([1, 0])
        >>> memory.clear()
        >>> len(memory)
        0
        """
        with self._lock:
            require_writable(self)
            change, arguments = _memory.clearing(self._state)
            change(*arguments)
            self._record, self._twin = (Tally(), []), None

    # ---- answers

    def search(
        self, queries: Any, k: int = 1, *, threads: int | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the k modes whose keys are most alike to each query.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            n queries.
        k : int, default 1
            How many, at most as many as are in use.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        indices : ndarray of int64, shape (n, k)
            Modes: the most alike first, of equally alike ones that of the lowest index.
        similarities : ndarray of float64, shape (n, k)

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors of key_dim dimensions, zero vectors under cosine, an empty memory,
            and a k beyond the number of modes in use.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=8, similarity="dot")
        >>> memory.store([[1, 0], [0, 1]])
        >>> memory.search([0.5, 3], k=2)
        (array([[1, 0]]), array([[3. , 0.5]]))
        """
        owner = "ConsolidatedMemory.search"
        asked, form = self._asked(owner, queries)
        many = _threads.resolve(owner, threads)
        with self._lock:
            few = self._answering(owner, k)
            if self._device_index is not None:
                places, alike = self._there().best(asked.view(), few, 0)
                return formed(form, places), formed(form, alike)
            return self._nearest(asked, few, many)

    def _answering(self, owner: str, k: object) -> int:
        """Return how many modes answer, after checks."""
        if not len(self):
            raise ValueError(f"{owner} needs items, but this ConsolidatedMemory is empty.")
        return _validation.neighbours(owner, k, len(self), "modes in use")

    def _nearest(
        self, asked: NDArray[np.float32], few: int, threads: int
    ) -> tuple[NDArray[np.int64], Floats]:
        keys = self._modes.keys[: len(self)]
        return _nearest.best(self._values["similarity"], asked, [keys], _nearest.lengths(keys), few, threads)

    def retrieve(
        self,
        queries: Any,
        k: int | None = 1,
        temperature: float = 1.0,
        *,
        threads: int | None = None,
    ) -> Neighbours:
        """Return the values of the modes most alike to each query.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            n queries.
        k : int or None, default 1
            How many modes answer; None for all.
        temperature : float > 0, default 1.0
            Values are weighed by the softmax of the similarities over it.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        Neighbours
            ``states`` are the weighted means of the values, ``indices`` the modes.

        Raises
        ------
        TypeError, ValueError
            As `search`, and for a temperature that is not a finite float > 0.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, 1, n_modes=8)
        >>> memory.store([[1, 0], [0, 1]], [[1], [3]])
        >>> memory.retrieve([5, 4]).states, memory.retrieve([5, 5], k=None).states
        (array([[1.]], dtype=float32), array([[2.]], dtype=float32))
        """
        owner = "ConsolidatedMemory.retrieve"
        asked, form = self._asked(owner, queries)
        heat = _validation.positive(owner, "temperature", temperature)
        many = _threads.resolve(owner, threads)
        with self._lock:
            few = self._answering(owner, max(1, len(self)) if k is None else k)
            if self._device_index is not None:
                return neighbours_of(form, *self._there().answers(asked.view(), few, 0, heat, None))
            places, similarities = self._nearest(asked, few, many)
            values = self._modes.values[places].astype(np.float64)
        weights = softmax(similarities, heat)
        states = np.einsum("nk,nkd->nd", weights, values).astype(np.float32)
        n = len(asked)
        return Neighbours(states, None, np.ones(n, np.int64), np.ones(n, bool), places, similarities, weights)

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random keys fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Share of keys without a mode of their own.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For an error out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.ConsolidatedMemory(64, n_modes=500, threshold=0.5).capacity()
        502.0
        """
        rate = _validation.probability("ConsolidatedMemory.capacity", "error", error)
        dim, cosine = self._random_keys
        return float(theory.consolidation.capacity(dim, self.n_modes, cosine, rate))

    def expected_error(self) -> float:
        """Return the share of keys without a mode of their own, for as many random directions of length 1.

        Returns
        -------
        float
            `hypersketch.theory.consolidation.error`: keys that gave way, or joined others by
            chance.

        Raises
        ------
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(64, n_modes=500)
        >>> memory.store(np.random.default_rng(0).standard_normal((600, 64)))
        >>> round(memory.expected_error(), 3)
        0.167
        """
        dim, cosine = self._random_keys
        return theory.consolidation.error(dim, self.n_added, self.n_modes, cosine)

    @property
    def _random_keys(self) -> tuple[int, float]:
        """Dimension of random keys, and from which cosine on two of them join."""
        cosine = theory.consolidation.cosine_of(self._values["similarity"], self._values["threshold"])
        return max(2, self._values["key_dim"]), cosine
