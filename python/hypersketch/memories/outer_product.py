# SPDX-License-Identifier: Apache-2.0
"""Linear associative memories: pairs of vectors in one matrix."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from hypersketch import _memory, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _reals
from hypersketch.memories._associative import Retrieval
from hypersketch.memories._changes import require_writable
from hypersketch.memories._pair_answers import PairAnswers, most_alike, n_values_of
from hypersketch.memories._pair_matrix import LINEAR_CHUNK
from hypersketch.memories._probes import Matches
from hypersketch.memories.item_memory import ItemMemory

_RIDGE = 1e-3


@files.register
class OuterProductMemory(PairAnswers):
    """Pairs of vectors in a matrix, W = sum of q v k^T: asked with a key k, it answers W k.

    Parameters
    ----------
    key_dim : int in [1, 2**24]
        Dimensions of the keys.
    value_dim : int in [1, 2**24], optional
        Dimensions of the values; default those of the keys.
    rule : {'hebb', 'delta', 'ridge'}, default 'hebb'
        How pairs are stored, one after the other. ``hebb``: W <- g W + q v k^T. ``delta``, that of fast
        weights: W <- g W + b (v - W k) k^T, which overwrites what W answers for k. ``ridge``: W is the
        regularized least-squares solution V^T K (K^T K + ridge)^-1 of all pairs; up to as many pairs as key
        dimensions it answers exactly, but for the penalty. The memory then keeps both products, from which
        W is solved when it is asked.
    dtype : {'float32', 'float64'}, default 'float32'
        Of W. Ridge keeps its products in double precision.
    strength : float in [0, 2], default 1.0
        The q, or step b, of pairs stored without weights of their own.
    gate : float in [0, 1], default 1.0
        The g of pairs stored without gates of their own: what is left of the memory when a pair comes.
    ridge : float > 0, optional
        Penalty of the rule ``ridge``, default 1e-3.
    device : str, default 'cpu'
        Where the matrix lies and is worked on: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on. There sums
        are made in another order than on the CPU, so results differ by rounding; ridge solves on the CPU.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Weights q by the frequency of what is stored are those of Cabannes, Dohmatob & Bietti (arXiv 2310.02984);
    `frequency_weights` makes them. The delta rule is that of Widrow and Hoff, as in Schlag, Irie &
    Schmidhuber (2021); pairs go in by chunks, whose result differs from one pair after the other by rounding
    alone. `hypersketch.theory.outer_product` has the error rates.

    Examples
    --------
    >>> import numpy as np
    >>> import hypersketch
    >>> rng = np.random.default_rng(0)
    >>> keys, values = rng.standard_normal((2, 30, 256)) / 16
    >>> memory = hypersketch.OuterProductMemory(256)
    >>> memory.store(keys, values)
    >>> memory.recall(keys[:5], values).indices.ravel()
    array([0, 1, 2, 3, 4])
    >>> memory
    OuterProductMemory(key_dim=256, value_dim=256, rule='hebb', dtype='float32', strength=1.0, gate=1.0, n_added=30)
    """  # noqa: E501

    def __init__(
        self,
        key_dim: int,
        value_dim: int | None = None,
        *,
        rule: Literal["hebb", "delta", "ridge"] = "hebb",
        dtype: Literal["float32", "float64"] = "float32",
        strength: float = 1.0,
        gate: float = 1.0,
        ridge: float | None = None,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            key_dim=key_dim,
            value_dim=key_dim if value_dim is None else value_dim,
            rule=rule,
            dtype=dtype,
            strength=strength,
            gate=gate,
            ridge=_RIDGE if ridge is None and rule == "ridge" else ridge,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- changes

    def store(
        self,
        keys: Any,
        values: Any = None,
        weights: Any = None,
        *,
        gates: Any = None,
        chunk: int | None = None,
    ) -> None:
        """Store pairs, in their order.

        Parameters
        ----------
        keys : array of shape (key_dim,) or (n, key_dim)
            n keys. The delta rule overwrites fully for keys of length 1.
        values : array of shape (value_dim,) or (n, value_dim), optional
            Their values; default the keys themselves.
        weights : float or array of shape (n,), optional
            The q of each pair (of any sign for ``hebb``, at least 0 for ``ridge``), or its step b in [0, 2]
            for ``delta``; default ``strength``.
        gates : float or array of shape (n,), optional
            The g of each pair, in [0, 1]; default ``gate``.
        chunk : int, optional
            How many pairs go in at once; default 32 or 64 for the delta rule, by the dimension, and
            4096 for the others. 1 applies the rule pair by pair.

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors (the row is named) of these dimensions, unequal numbers of them,
            weights or gates out of range, or when the memory is memory-mapped.
        OverflowError
            When the matrix would leave its dtype. Nothing is changed then, as in all other cases.

        Notes
        -----
        Chunks of c pairs differ from pair by pair by rounding: relative to the largest element of W about
        c times the unit of the dtype for keys of length 1.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.OuterProductMemory(2, rule="delta")
        >>> memory.store([[1, 0], [0, 1], [1, 0]], [[1, 1], [5, 5], [2, 2]])
        >>> memory.retrieve([[1, 0], [0, 1]]).states
        array([[2., 2.],
               [5., 5.]], dtype=float32)
        """
        owner = "OuterProductMemory.store"
        pairs = self._pairs(owner, keys, values, weights)
        gates = self._values["gate"] if gates is None else gates
        checked = self._numbers(owner, "gates", gates, len(pairs[0]), 0.0, 1.0)
        default = (64 if self.key_dim > 128 else 32) if self.rule == "delta" else LINEAR_CHUNK
        step = _validation.integer(owner, "chunk", default if chunk is None else chunk, 1, 2**16)
        self._write(*pairs, checked, step, len(pairs[0]))

    def remove(self, keys: Any, values: Any = None, weights: Any = None) -> None:
        """Take pairs out again, up to rounding; for linear rules, and pairs that no gate has weakened.

        Parameters
        ----------
        keys, values, weights
            As for `store`.

        Raises
        ------
        TypeError, ValueError
            As `store`, and for the delta rule.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.OuterProductMemory(2)
        >>> memory.store([[1, 0], [1, 1]], [[1, 1], [5, 5]])
        >>> memory.remove([1, 1], [5, 5])
        >>> memory.matrix
        array([[1., 0.],
               [1., 0.]], dtype=float32)
        """
        owner = "OuterProductMemory.remove"
        self._require_linear("remove pairs from")
        left, right, strengths = self._pairs(owner, keys, values, weights)
        self._write(left, right, -strengths, np.ones(len(left)), LINEAR_CHUNK, -len(left))

    def merge(self, other: OuterProductMemory) -> None:
        """Add everything another memory of the same parameters holds.

        Parameters
        ----------
        other : OuterProductMemory
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, for the delta rule, or when this one is memory-mapped.
        OverflowError
            When the matrix would leave its dtype. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.OuterProductMemory(2, rule="ridge") for _ in "ab")
        >>> a.store([1, 0], [1, 1])
        >>> b.store([0, 1], [2, 2])
        >>> a.merge(b)
        >>> a.retrieve([[1, 0], [0, 1]]).states.round(2)
        array([[1., 1.],
               [2., 2.]], dtype=float32)
        """
        self._require_same(other, "merge with")
        self._require_linear("merge")
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
        >>> memory = hypersketch.OuterProductMemory(2)
        >>> memory.store([1, 0], [1, 1])
        >>> memory.clear()
        >>> memory == hypersketch.OuterProductMemory(2)
        True
        """
        with self._lock:
            require_writable(self)
            change, arguments = _memory.clearing(self._state)
            change(*arguments)
            self._record = (Tally(), [])

    # ---- answers

    def retrieve(self, queries: Any) -> Retrieval:
        """Return what the matrix answers for each query: W k.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            n keys, or what is like keys.

        Returns
        -------
        Retrieval
            ``states`` of shape (n, value_dim) in the memory's dtype; no energies, and one step that is always
            the last.

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors of key_dim dimensions, for an empty memory, and for the rule
            ``ridge`` when pairs were removed that had not been stored.
        OverflowError
            When an answer would leave the dtype.
        ImportError
            For the rule ``ridge`` without SciPy.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.OuterProductMemory(2, 3)
        >>> memory.store([1, 0], [1, 2, 3])
        >>> memory.retrieve([2, 7]).states
        array([[2., 4., 6.]], dtype=float32)
        """
        owner = "OuterProductMemory.retrieve"
        asked = self._given(owner, "queries", queries, self.key_dim, self._values["dtype"])
        if not self.n_added:
            raise ValueError(f"{owner} needs pairs, but this OuterProductMemory is empty.")
        if self._device_index is not None:
            return self._retrieved_there(asked)
        with np.errstate(over="ignore", invalid="ignore"):
            states = self._in_dtype(asked @ self.matrix.T)
        n = len(asked)
        return Retrieval(states, None, np.ones(n, np.int64), np.ones(n, bool))

    def recall(self, queries: Any, codebook: Any, k: int = 1) -> Matches:
        """Return which values of a codebook the answers are most like.

        Parameters
        ----------
        queries : array of shape (key_dim,) or (n, key_dim)
            As for `retrieve`.
        codebook : array of shape (m, value_dim), or ItemMemory
            The values to choose from. Those of an array are compared by inner products, those of an item
            memory of a real space by its similarity, the cosine.
        k : int, default 1
            How many of them.

        Returns
        -------
        keys : ndarray, shape (n, k)
            Of the item memory; rows of an array.
        similarities : ndarray of float64, shape (n, k)
            Largest first; of equal ones the first row comes first.
        indices : ndarray of int64, shape (n, k)
            Rows of the codebook.

        Raises
        ------
        TypeError, ValueError
            As `retrieve`, for a codebook of other dimensions, and for a k beyond its size.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(512)
        >>> names = hypersketch.ItemMemory(space)
        >>> names.add(["Paris", "Rome", "Oslo"])
        >>> memory = hypersketch.OuterProductMemory(512)
        >>> memory.store(space.atoms(["France", "Italy"]), space.atoms(["Paris", "Rome"]))
        >>> memory.recall(space.atoms(["Italy", "France"]), names).keys.ravel()
        array(['Rome', 'Paris'], dtype=object)
        """
        owner = "OuterProductMemory.recall"
        if self._device_index is not None:
            return self._recalled_there(owner, queries, codebook, k)
        if isinstance(codebook, ItemMemory):
            return codebook.search(self.retrieve(queries).states.astype(np.float32), k)
        values = _reals.rows(owner, "codebook", codebook, self.value_dim, self._values["dtype"])
        few = _validation.neighbours(owner, k, len(values), "values")
        return most_alike(self.retrieve(queries).states, values, few)

    def capacity(self, error: float = 0.01, *, n_values: int | None = None) -> float:
        """Return how many random pairs fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Chance that a stored key gives another value than its own.
        n_values : int, optional
            Number of values to choose from; default all that are stored.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For an error or a number out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> [hypersketch.OuterProductMemory(64, rule=rule).capacity() for rule in ("hebb", "ridge")]
        [121.0, 180.0]
        """
        owner = "OuterProductMemory.capacity"
        rate, many = _validation.probability(owner, "error", error), n_values_of(owner, n_values)
        return float(
            theory.outer_product.capacity(
                self.rule, self.key_dim, self.value_dim, rate, many, **self._options
            )
        )

    def expected_error(self, *, n_values: int | None = None) -> float:
        """Return the chance that a stored key gives another value than its own, for random pairs.

        Parameters
        ----------
        n_values : int, optional
            Number of values to choose from; default all that are stored.

        Returns
        -------
        float
            `hypersketch.theory.outer_product.mean_error` for as many pairs, all with the memory's own
            strength and gate, and keys and values that are random directions.

        Raises
        ------
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.OuterProductMemory(64)
        >>> memory.store(*np.random.default_rng(0).standard_normal((2, 200, 64)) / 8)
        >>> round(memory.expected_error(), 2)
        0.13
        """
        many = n_values_of("OuterProductMemory.expected_error", n_values)
        return theory.outer_product.mean_error(
            self.rule, self.key_dim, self.value_dim, max(0, self.n_added), many, **self._options
        )
