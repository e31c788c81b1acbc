# SPDX-License-Identifier: Apache-2.0
"""Hopfield±: a set of keys in a matrix or a symmetric tensor, each stored as a signed outer product."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation, files
from hypersketch._stored import Tally
from hypersketch._structure import chunks, dot, tally_of
from hypersketch.memories._gpu_membership import MembershipThere
from hypersketch.memories._membership_laws import MembershipLaws

_MOST_CELLS = 2**31  # beyond this a score could leave int64


@files.register
class HopfieldMembership(MembershipThere, MembershipLaws):
    """A weighted set of keys in a symmetric D x D matrix, W = sum of w e s s^T, or a tensor of more axes.

    Parameters
    ----------
    dim : int in [1, 2**16]
        Dimension D of the atoms s, vectors of -1 and +1.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the signs e.
    diagonal : bool, optional
        Whether the diagonal of W takes part in the score. Without it the noise is smaller, its variance
        n (2 - 2/D) / D^2 instead of n (3 - 2/D) / D^2, and a member's expectation is 1 - 1/D instead of 1.
        Default True for a matrix; a tensor has none.
    degree : int in [2, 8], default 2
        Axes k of the tensor: 2 is the matrix. Cells are those of k different dimensions, C(D, k) of them, of
        which there must be fewer than 2**31; the noise has the variance n / C(D, k).
    device : str, default 'cpu'
        Where a matrix lies: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on. Tensors have no GPU kernels.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Hopfield± of Clarkson, Ubaru & Yang (arXiv 2301.10352), as derived there: every key has a random vector s
    and a random sign e, and the score of a key is e s^T W s / D^2. Only the strict upper triangle of W is
    stored, as int32; its diagonal is one number. Adding costs D^2/2 counters a batch. For degree k the score
    is e times the sum over k different dimensions of T s s ... s, divided by their number, so that a member's
    is its weight: products of different sets of dimensions are uncorrelated, and about D^k keys fit. Error
    rates: `hypersketch.theory.hopfield`.

    Examples
    --------
    >>> import hypersketch
    >>> memory = hypersketch.HopfieldMembership(dim=256)
    >>> memory.add(range(100))
    >>> memory.contains([3, 99, 5000])
    array([ True,  True, False])
    >>> memory
    HopfieldMembership(dim=256, diagonal=True, seed=0, n_added=100)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "dim": _validation.within(1, 2**16),  # beyond this a score could leave int64
        "diagonal": _validation.flag,
        "seed": _validation.seed,
        "degree": _validation.within(2, 8),
    }

    def __init__(
        self, dim: int, seed: int = 0, *, diagonal: bool | None = None, degree: int = 2, device: str = "cpu"
    ) -> None:
        with_diagonal = degree == 2 if diagonal is None else diagonal
        parameters = self._checked(dim=dim, seed=seed, diagonal=with_diagonal, degree=degree)
        self._fill(parameters, None, Tally(), self._device_of_degree(degree, device))

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**{"degree": 2, **given})  # files of matrices do not name it
        dim, degree = parameters["dim"], parameters["degree"]
        if degree > 2 and parameters["diagonal"]:
            _validation.refuse(cls.__name__, "diagonal", "False or None for a degree above 2", True)
        if degree > 2 and math.comb(dim, degree) >= _MOST_CELLS:
            raise ValueError(
                f"{cls.__name__} of degree {degree} takes fewer than 2**31 cells. Got dim={dim}, which has "
                f"{math.comb(dim, degree)}."
            )
        return parameters

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        parameters = {**parameters, "degree": parameters.get("degree", 2)}
        super()._fill(parameters, state, tally, device)

    def _parameters(self) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if (name, value) != ("degree", 2)}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._parameters().items())
        where = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"{type(self).__name__}({shown}, n_added={self.n_added}{where})"

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return math.comb(parameters["dim"], parameters["degree"]), np.int32

    @property
    def dim(self) -> int:
        """Dimension D.

        >>> import hypersketch
        >>> hypersketch.HopfieldMembership(64).dim
        64
        """
        return int(self._values["dim"])

    @property
    def diagonal(self) -> bool:
        """Whether the diagonal of W takes part in the score.

        >>> import hypersketch
        >>> hypersketch.HopfieldMembership(64).diagonal
        True
        """
        return bool(self._values["diagonal"])

    @property
    def degree(self) -> int:
        """Number of axes: 2 for a matrix.

        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(64, degree=3)
        >>> memory.add(range(100))
        >>> memory.degree, memory.state.size, memory.contains([3, 5000])
        (3, 41664, array([ True, False]))
        """
        return int(self._values["degree"])

    @property
    def _words_per_key(self) -> int:
        return _validation.words_for(self.dim) * math.comb(self.dim, self.degree - 1)

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of int, shape (n,), optional
            One weight a key, below 2**31 in magnitude, of any sign; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that are not integers or not one a key,
            or when the state is memory-mapped.
        OverflowError
            When an element of W could leave int32. Nothing is changed then.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the memory holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(64)
        >>> memory.add(["a", "b"], weights=[3, 1])
        >>> memory.n_added, memory.total_weight
        (2, 4)
        """
        self.add_hashes(self._hashed("add", keys, threads), weights, threads=threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add keys by their hashes (`hypersketch.hash_keys` with seed 0); otherwise as `add`.

        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(64)
        >>> memory.add_hashes(hypersketch.hash_keys(["a"]))
        >>> memory.score("a")
        array([1.])
        """
        self._change("HopfieldMembership.add", hashes, weights, 1, threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Take keys out again.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        weights : array of int, shape (n,), optional
            One weight a key, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`.

        Notes
        -----
        Exact for keys that were added; a key that was not gets a negative weight.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(64)
        >>> memory.add(["a", "b"])
        >>> memory.remove("b")
        >>> memory.score("a")
        array([1.])
        """
        self._change("HopfieldMembership.remove", self._hashed("remove", keys, threads), weights, -1, threads)

    def _change(self, owner: str, hashes: Any, weights: Any, sign: int, threads: int | None) -> None:
        batch = self._batch(owner, hashes)
        checked = _validation.weights(owner, _device.on_host(owner, "weights", weights), batch.size)
        n_threads = _threads.resolve(owner, threads)
        with self._lock:
            self._require_writable()
            self._require_room(tally_of(batch.size, checked).bound)
            change: Callable[..., Any]
            if self._device_index is not None:
                self._add_there(batch, checked, sign, n_threads)
                return
            if self.degree == 2:
                change = partial(_core.hopfield_add, self._state, self.dim, self.seed, threads=n_threads)
            else:
                shape = self.dim, self.degree, self.seed
                change = partial(_core.tensor_add, self._state, *shape, threads=n_threads)
            self._add_chunks(change, batch, checked, sign=sign, words_per_key=self._words_per_key)

    def score(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the score of each key: e s^T W s / D^2, or what a tensor has in its place.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            The expectation is the key's weight (times 1 - 1/D without the diagonal), 0 for strangers.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Notes
        -----
        Every other key of weight w adds noise of variance w^2 (3 - 2/D) / D^2, or w^2 (2 - 2/D) / D^2 without
        the diagonal; see `hypersketch.theory.hopfield.noise_variance`.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(512)
        >>> memory.add(["a", "b"], weights=[3, 1])
        >>> memory.score(["a", "b", "c"]).round() + 0.0
        array([3., 1., 0.])
        """
        return self.score_hashes(self._hashed("score", keys, threads), threads=threads)

    def score_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the score of each key by its hash (`hash_keys` with seed 0); otherwise as `score`.

        >>> import hypersketch
        >>> hypersketch.HopfieldMembership(64).score_hashes(hypersketch.hash_keys(["a"]))
        array([0.])
        """
        owner = "HopfieldMembership.score"
        batch = self._batch(owner, hashes)
        n_threads = _threads.resolve(owner, threads)
        trace = self._tally.trace if self.diagonal else 0
        if self._device_index is not None:
            return cast("NDArray[np.float64]", self._scores_there(owner, batch, trace, n_threads))
        scores = np.empty(batch.size, np.int64)
        for part in chunks(batch.size, self._words_per_key):
            keys, found = batch[part], scores[part]
            if self.degree == 2:
                _core.hopfield_scores(self._state, trace, self.dim, self.seed, keys, found, n_threads)
            else:
                _core.tensor_scores(self._state, self.dim, self.degree, self.seed, keys, found, n_threads)
        return scores / (self.dim**2 if self.degree == 2 else max(1, self._state.size))

    def contains(self, keys: Any, threshold: float = 0.5, *, threads: int | None = None) -> NDArray[np.bool_]:
        """Tell which keys are probably members: those whose score reaches the threshold.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threshold : float, default 0.5
            Half of what a member scores.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or a threshold that is not a finite number.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(256)
        >>> memory.add(["a", "b"])
        >>> memory.contains(["a", "c"])
        array([ True, False])
        """
        limit = _validation.real("HopfieldMembership.contains", "threshold", threshold)
        return cast("NDArray[np.bool_]", self._reaching(self.score(keys, threads=threads), limit))

    def inner(self, other: HopfieldMembership) -> float:
        """Estimate the sum over all keys of the product of their weights in two memories.

        Parameters
        ----------
        other : HopfieldMembership
            Of the same dimension, seed and diagonal.

        Returns
        -------
        float
            <W, W'> / D^2, the sum of the products of all D^2 elements, or the mean over the cells of a
            tensor; unbiased.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.HopfieldMembership(512) for _ in "ab")
        >>> a.add(["x", "y"], weights=[3, 1])
        >>> b.add(["x", "z"], weights=[2, 1])
        >>> round(a.inner(b))
        6
        """
        self._require_same(other, "compare")
        shared = dot(self._state, other._state)
        if self.degree > 2:
            return float(shared / max(1, self._state.size))
        on_diagonal = self.dim * self._tally.trace * other._tally.trace
        return (2.0 * shared + on_diagonal) / self.dim**2

    def intersection_cardinality(self, other: HopfieldMembership) -> float:
        """Estimate the number of keys that two memories share, when each key was added once.

        Parameters
        ----------
        other : HopfieldMembership
            Of the same dimension, seed and diagonal.

        Returns
        -------
        float
            `inner`: for sets the two are the same number.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.HopfieldMembership(256) for _ in "ab")
        >>> a.add(range(60))
        >>> b.add(range(40, 100))
        >>> 15 < a.intersection_cardinality(b) < 25
        True
        """
        return self.inner(other)
