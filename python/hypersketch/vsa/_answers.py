# SPDX-License-Identifier: Apache-2.0
"""How bundles answer, the same way for sums (MAP-I), signs of sums (MAP-B) and packed signs."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _memory, _threads, _validation
from hypersketch._stored import Stored
from hypersketch._structure import chunks, dot
from hypersketch.keys import host_hashes
from hypersketch.theory import map_b
from hypersketch.vsa.spaces import SPACES, MapB, MapI


@functools.lru_cache(maxsize=64)
def _space(name: str, dim: int, seed: int) -> MapI | MapB:
    return SPACES[name](dim, seed)


def space_parameters(owner: str, space: object) -> dict[str, Any]:
    """Return the parameters of a bundle of a space."""
    if type(space) not in SPACES.values() or not isinstance(space, MapI | MapB):
        _validation.refuse(owner, "space", f"a space ({', '.join(SPACES)})", space, TypeError)
    return {"space": type(space).__name__, "dim": space.dim, "seed": space.seed}


def pair_factors(owner: str, keys: Any, values: Any, threads: int | None) -> NDArray[np.uint64]:
    """Return hashes of keys and values, shape (2, n)."""
    left, right = host_hashes(keys, threads), host_hashes(values, threads)
    if left.size != right.size:
        raise ValueError(
            f"{owner} needs one value a key: keys has {left.size} elements but values has {right.size}."
        )
    return np.stack((left, right))


class Answers(Stored):
    """A vector of a MAP space that compares itself with atoms, products of atoms and packed vectors."""

    @property
    def space(self) -> MapI | MapB:
        """The space whose atoms this is made of.

        >>> import hypersketch
        >>> hypersketch.MapI(64).bundle().space
        MapI(dim=64, seed=0)
        """
        return _space(self._values["space"], self.dim, self.seed)

    @property
    def dim(self) -> int:
        """Dimension D.

        >>> import hypersketch
        >>> hypersketch.MapI(64).bundle().dim
        64
        """
        return int(self._values["dim"])

    @property
    def _binary(self) -> bool:
        return SPACES[self._values["space"]].binary

    @abstractmethod
    def _signs(self) -> NDArray[np.uint64]:
        """Return the packed signs, by which binary spaces answer."""

    def _scored_state(self) -> Any:
        """Return what a GPU scores: counters, or planes of signs."""
        return self._signs() if self._binary else self._state

    @property
    def _n_planes(self) -> int:
        """Planes of signs in what a GPU scores; 0 for counters."""
        return int(self._binary)

    @property
    def _reading(self) -> tuple[float, float]:
        """A factor and a divisor: how a score becomes a similarity."""
        return 1.0, float(self.dim)

    def _scores(self, owner: str, factors: NDArray[np.uint64], threads: int | None) -> NDArray[np.float64]:
        """Return <x, product of atoms> / D; factor f of item i is factors[f, i]."""
        n_threads = _threads.resolve(owner, threads)
        signs = self._signs() if self._binary else None
        scores = np.empty(factors.shape[1], np.int64)
        for part in chunks(scores.size, factors.shape[0] * _validation.words_for(self.dim)):
            items, out = np.ascontiguousarray(factors[:, part]), scores[part]
            if signs is None:
                _core.bundle_scores(self._state, self.seed, items, out, n_threads)
            else:
                _core.packed_scores(signs, self.dim, self.seed, items, out, n_threads)
        return scores / self.dim

    def similarity(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the similarity of the bundle x with the atom s of each key: <x, s> / D.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            MAP-I: the expectation is the key's weight, 0 for strangers. MAP-B: in [-1, 1], with the
            expectation c(n) for a member of n.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapI(10_000).bundle(["a", "b"], weights=[3, 1])
        >>> bag.similarity(["a", "b"]).round()
        array([3., 1.])
        """
        if _memory.on_gpu(self._state):
            return self._similarity_on_gpu("similarity", keys, None, threads)
        return self._scores("similarity", host_hashes(keys, threads)[np.newaxis], threads)

    def _similarity_on_gpu(
        self, method: str, keys: Any, values: Any, threads: int | None
    ) -> NDArray[np.float64]:
        from hypersketch.vsa import _scores_on_gpu

        owner = f"{type(self).__name__}.{method}"
        found: NDArray[np.float64] = _scores_on_gpu.of_keys(self, owner, keys, values, threads)
        return found

    def pair_similarity(self, keys: Any, values: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the similarity with each bound pair, the product of a key's and a value's atoms.

        Parameters
        ----------
        keys, values : int, str, bytes or batches of them
            n keys and n values, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            As `similarity`.

        Raises
        ------
        TypeError, ValueError
            For keys or values that `hypersketch.hash_keys` refuses, or unequal numbers of them.

        Examples
        --------
        >>> import hypersketch
        >>> record = hypersketch.MapI(10_000).bundle()
        >>> record.add_pairs(["capital", "money"], ["Paris", "euro"])
        >>> record.pair_similarity(["capital", "capital"], ["Paris", "euro"]).round() + 0.0
        array([1., 0.])
        """
        if _memory.on_gpu(self._state):
            return self._similarity_on_gpu("pair_similarity", keys, values, threads)
        return self._scores(
            "pair_similarity", pair_factors("pair_similarity", keys, values, threads), threads
        )

    def vector_similarity(
        self, vectors: NDArray[np.uint64], *, threads: int | None = None
    ) -> NDArray[np.float64]:
        """Return the similarity with packed vectors.

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors of this space, for example bound or permuted atoms, or another packed bundle's
            ``vector``.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            As `similarity`; one element for a single vector.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> bag = space.bundle(["a", "b"])
        >>> bool((bag.vector_similarity(space.atoms(["a", "c"])) == bag.similarity(["a", "c"])).all())
        True
        """
        if _device.is_on_gpu(vectors) or _memory.on_gpu(self._state):
            from hypersketch.vsa import _scores_on_gpu

            found: NDArray[np.float64] = _scores_on_gpu.of_vectors(
                self, f"{type(self).__name__}.vector_similarity", vectors
            )
            return found
        checked = _validation.packed("vector_similarity", "vectors", vectors, self.dim)
        rows = checked.reshape(-1, _validation.words_for(self.dim))
        n_threads = _threads.resolve("vector_similarity", threads)
        signs = self._signs() if self._binary else None
        scores = np.empty(rows.shape[0], np.int64)
        for part in chunks(scores.size, rows.shape[1]):
            if signs is None:
                _core.bundle_score_rows(self._state, rows[part], scores[part], n_threads)
            else:
                _core.packed_score_rows(signs, self.dim, rows[part], scores[part], n_threads)
        return scores / self.dim

    def _correlation(self) -> float:
        """Return c(n), what a member of this bundle is expected to score in a binary space."""
        return float(map_b.correlation(self.n_added)) if self.n_added > 0 else math.inf

    def contains(
        self, keys: Any, threshold: float | None = None, *, threads: int | None = None
    ) -> NDArray[np.bool_]:
        """Tell which keys are probably members: those whose similarity reaches the threshold.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threshold : float, optional
            Default 1/2 for MAP-I and c(n)/2 with n = ``n_added`` for MAP-B, half of what a member scores.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or a threshold that is not a finite number.

        Notes
        -----
        Error rates: ``false_positive_rate`` and ``false_negative_rate`` of `hypersketch.theory.map_i` and
        `hypersketch.theory.map_b`. An empty MAP-B bundle contains nothing at the default threshold.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.MapI(10_000).bundle(["a", "b"]).contains(["a", "c"])
        array([ True, False])
        """
        if threshold is not None:
            limit = _validation.real("contains", "threshold", threshold)
        else:
            limit = self._correlation() / 2 if self._binary else 0.5
        scores = self.similarity(keys, threads=threads)
        reached: NDArray[np.bool_] = _device.reaching(f"{type(self).__name__}.contains", scores, limit)
        return reached

    def estimate(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Estimate the weight of each key in the bundle.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            MAP-I: the similarity, unbiased. MAP-B: the similarity over c(n) with n = ``n_added``, unbiased
            when all keys are distinct and weigh the same; 0 in an empty bundle.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapB(10_000).bundle(["a", "b", "c"])
        >>> bag.estimate(["a", "d"]).round() + 0.0
        array([1., 0.])
        """
        scores = self.similarity(keys, threads=threads)
        if self._binary:
            owner = f"{type(self).__name__}.estimate"
            scores = _device.divided(owner, scores, self._correlation())
        return scores

    def inner(self, other: Any) -> float:
        """Return the inner product with another bundle of the same space: <x, y> / D.

        Parameters
        ----------
        other : same type
            Of the same space.

        Returns
        -------
        float
            MAP-I: unbiased for the sum over all keys of the product of their weights. MAP-B: the correlation
            of the two sign vectors, in [-1, 1].

        Raises
        ------
        TypeError, ValueError
            When the other is no such bundle.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> round(space.bundle(["a", "b"], [3, 1]).inner(space.bundle(["a", "c"], [2, 1])))
        6
        """
        self._require_same(other, "compare")
        if not self._binary:
            return dot(self._state, other._state) / self.dim
        score = np.empty(1, np.int64)
        mine, theirs = (_memory.host(one._signs()) for one in (self, other))
        _core.packed_score_rows(mine, self.dim, theirs[np.newaxis], score, 1)
        return float(score[0] / self.dim)

    def intersection_cardinality(self, other: Any) -> float:
        """Estimate the number of keys that two bundles share, when each key was added once.

        Parameters
        ----------
        other : same type
            Of the same space.

        Returns
        -------
        float
            The estimate.

        Raises
        ------
        TypeError, ValueError
            When the other is no such bundle.

        Notes
        -----
        MAP-I: `inner`. MAP-B: sqrt(n n') sin(pi r / 2) for the correlation r = `inner` and sizes n and n' =
        ``n_added``, because r is about (2 / pi) asin(I / sqrt(n n')); see
        `hypersketch.theory.map_b.intersection_estimate`.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> 80 < space.bundle(range(300)).intersection_cardinality(space.bundle(range(200, 500))) < 120
        True
        """
        r = self.inner(other)
        if not self._binary:
            return r
        if min(self.n_added, other.n_added) < 1:
            return 0.0
        return float(map_b.intersection_estimate(self.n_added, r, other.n_added))
