# SPDX-License-Identifier: Apache-2.0
"""Spaces of the MAP family: sums of signs (MAP-I), signs of sums (MAP-B), and the same as bits (BSC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch._structure import MAX_COUNTER, chunks
from hypersketch.vsa import _numbers, _packed
from hypersketch.vsa._algebra import Algebra
from hypersketch.vsa._map import DIM, MapSpace

__all__ = ["BSC", "DIM", "SPACES", "MapB", "MapI"]

_MOST_SUM = 2**31 - 1


@dataclass(frozen=True)
class MapI(MapSpace):
    """MAP-I: atoms of -1 and +1, bundles that are sums of integers.

    Parameters
    ----------
    dim : int in [1, 2**31)
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Multiply, add, permute with integers (Gayler 1998; Clarkson, Ubaru & Yang, arXiv 2301.10352). A bundle of
    n items scores a stranger with mean 0 and variance n/D, a member with mean 1 and variance (n-1)/D.

    Vectors come in two forms: packed signs (uint64, shape (n_words,) or (n, n_words)), which atoms and their
    products are, and sums (int32, shape (dim,) or (n, dim)), which bundles are. Every method takes both.

    Examples
    --------
    >>> import hypersketch
    >>> space = hypersketch.MapI(10_000)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.contains(["red", "grey"])
    array([ True, False])

    The values of a record come back by unbinding its sum:

    >>> record = space.bundle()
    >>> record.add_pairs(["name", "capital"], ["France", "Paris"])
    >>> found = space.unbind(record.vector, space.atoms("capital"))
    >>> space.similarity(found, space.atoms(["France", "Paris"])).round() + 0.0
    array([0., 1.])
    """

    def _checked(self, method: str, name: str, value: object) -> NDArray[Any]:
        if not _is_sums(value):
            return super()._checked(method, name, value)
        if value.ndim not in (1, 2) or value.shape[-1] != self.dim:
            raise ValueError(
                f"{name} has the shape {value.shape} but {self._owner(method)} needs ({self.dim},) or "
                f"(n, {self.dim}) of int32."
            )
        low = np.iinfo(np.int32).min
        if value.size and value.min() == low:
            _validation.refuse(self._owner(method), name, "sums whose signs can turn round", low)
        return np.ascontiguousarray(value)

    def _sums(self, rows: NDArray[Any]) -> NDArray[np.int32]:
        """Return checked vectors as sums."""
        return rows if rows.dtype == np.int32 else super().unpack(rows).astype(np.int32)

    def bind(
        self, a: NDArray[Any], b: NDArray[Any], *, out: NDArray[Any] | None = None, threads: int | None = None
    ) -> NDArray[Any]:
        """Bind vectors: multiply them entry by entry.

        Parameters
        ----------
        a, b : ndarray
            Packed vectors or sums. One vector binds with each row of the other argument.
        out : ndarray of uint64, optional
            Where to write the products of packed vectors; it may be ``a`` or ``b``.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray
            Packed products of packed vectors; otherwise sums. Binding with the same packed vector again
            undoes it.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, unequal numbers of rows, or an output for products
            that are not packed.
        OverflowError
            When a product of sums leaves int32.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> total = space.superpose(space.atoms(["a", "b"]))
        >>> bool((space.bind(space.bind(total, space.atoms("c")), space.atoms("c")) == total).all())
        True
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            on_gpu: NDArray[Any] = self._bind_on_gpu(a, b, out)
            return on_gpu
        if not (_is_sums(a) or _is_sums(b)):
            return super().bind(a, b, out=out, threads=threads)
        if out is not None:
            _validation.refuse(self._owner("bind"), "out", "None for sums", out, TypeError)
        left, right = (self._checked("bind", name, value) for name, value in (("a", a), ("b", b)))
        self._require_rows(("a", "b"), left, right)
        if left.dtype != right.dtype:
            sums, packed = (left, right) if left.dtype == np.int32 else (right, left)
            turned: NDArray[np.int32] = _numbers.turned(sums, packed)
            return turned
        products: NDArray[np.int64] = np.multiply(left, right, dtype=np.int64)
        if products.size and np.abs(products).max() > _MOST_SUM:
            raise OverflowError(f"A product of these sums leaves the range of int32 ({self._owner('bind')}).")
        narrow: NDArray[np.int32] = products.astype(np.int32)
        return narrow

    def _bind_on_gpu(self, a: Any, b: Any, out: Any) -> Any:
        from hypersketch.vsa import _on_gpu

        owner, of_sums = self._owner("bind"), [_on_gpu.is_sums(one) for one in (a, b)]
        if not any(of_sums):
            return _on_gpu.bind(owner, a, b, self.dim, out)
        if all(of_sums):
            must = "packed where both are on a GPU and a holds sums"
            _validation.refuse(owner, "b", must, "sums", TypeError)
        if out is not None:
            _validation.refuse(owner, "out", "None for sums", out, TypeError)
        if of_sums[0]:
            return _on_gpu.turn(owner, a, b, self.dim, ("a", "b"))
        return _on_gpu.turn(owner, b, a, self.dim, ("b", "a"))

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        from hypersketch.vsa import _on_gpu

        return _on_gpu.summed(owner, vectors, self.dim, weights, starts)

    def permute(
        self,
        vectors: NDArray[Any],
        shift: int,
        *,
        out: NDArray[Any] | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Shift vectors cyclically: entry d moves to (d + shift) mod D; otherwise as `MapB.permute`.

        >>> import hypersketch
        >>> import numpy
        >>> hypersketch.MapI(3).permute(numpy.array([1, 2, 3], numpy.int32), 1)
        array([3, 1, 2], dtype=int32)
        """
        if _device.is_on_gpu(vectors) or not _is_sums(vectors):
            return super().permute(vectors, shift, out=out, threads=threads)
        owner, rows = self._owner("permute"), self._checked("permute", "vectors", vectors)
        steps = _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % self.dim
        shifted = _numbers.rolled(rows, steps)
        if out is None:
            return shifted
        _validation.output_array(owner, out, rows.shape, np.int32)[...] = shifted
        return out

    def normalize(self, vectors: NDArray[Any]) -> NDArray[np.uint64]:
        """Return the signs of sums, packed; a sum of zero takes the sign of the space's tie vector.

        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> space.normalize(space.superpose(space.atoms(["a", "b", "c"]))).shape
        (2,)
        """
        if _device.is_on_gpu(vectors):
            from hypersketch.vsa import _on_gpu

            owner, is_packed = self._owner("normalize"), not _on_gpu.is_sums(vectors)
            return vectors if is_packed else _on_gpu.signs_of(owner, vectors, self.dim, self.seed)
        rows = self._checked("normalize", "vectors", vectors)
        if rows.dtype != np.int32:
            return rows
        signs = np.empty((*rows.shape[:-1], self.n_words), np.uint64)
        for row, packed in zip(np.atleast_2d(rows), np.atleast_2d(signs), strict=True):
            _core.pack_signs(row, self.seed, packed)
        return signs

    def similarity(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        """Return the inner product of vectors over the dimension, row by row.

        Parameters
        ----------
        a, b : ndarray
            Packed vectors or sums. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            For a sum and a packed vector an unbiased estimate of the vector's weight in the sum. One element
            when both arguments are single vectors.

        Raises
        ------
        TypeError, ValueError
            As `bind`.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> total = space.superpose(space.atoms(["a", "b"]), weights=[3, 1])
        >>> space.similarity(total, space.atoms(["a", "b", "c"])).round() + 0.0
        array([3., 1., 0.])
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b) or not (_is_sums(a) or _is_sums(b)):
            return super().similarity(a, b)
        left, right = (self._checked("similarity", name, value) for name, value in (("a", a), ("b", b)))
        self._require_rows(("a", "b"), left, right)
        one, many = (left, right) if left.ndim == 1 else (right, left)
        if one.ndim == 1:
            return np.asarray(self._similarities(one[np.newaxis], np.atleast_2d(many), 1)[0])
        inner = np.einsum("nd,nd->n", self._sums(left), self._sums(right), dtype=np.float64)
        return np.asarray(inner / self.dim)

    def _similarities(self, a: NDArray[Any], b: NDArray[Any], threads: int) -> NDArray[np.float64]:
        if a.dtype == b.dtype == np.int32:
            return np.asarray(a.astype(np.float64) @ b.T.astype(np.float64) / self.dim)
        if a.dtype == b.dtype:
            return super()._similarities(a, b, threads)
        if b.dtype == np.int32:
            return np.ascontiguousarray(self._similarities(b, a, threads).T)
        scores = np.empty((len(a), len(b)), np.int64)
        for sums, score in zip(a, scores, strict=True):
            for part in chunks(len(b), self.n_words):
                _core.bundle_score_rows(sums, b[part], score[part], threads)
        return np.asarray(scores / self.dim)

    def _superpose(self, rows: NDArray[Any], weights: Any, edges: NDArray[np.int64]) -> NDArray[Any]:
        checked = _validation.weights(self._owner("superpose"), weights, len(rows))
        most = len(rows) if checked is None else int(np.abs(checked).sum())
        if rows.dtype == np.int32 or most > MAX_COUNTER:  # bundles look at their counters
            return super()._superpose(rows, weights, edges)
        sums, every = np.zeros((edges.size - 1, self.dim), np.int32), np.arange(len(rows), dtype=np.uint32)
        threads = _threads.get_num_threads()
        _core.gathered_counters(rows, every, None, None, self.dim, edges, checked, sums, threads)
        return sums

    def _identity_as(self, rows: NDArray[Any]) -> NDArray[Any]:
        return np.ones(self.dim, np.int32) if rows.dtype == np.int32 else self.identity()

    def inverse(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Return the vectors that undo binding with these: packed vectors themselves; sums have none.

        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> bool((space.inverse(space.atoms("a")) == space.atoms("a")).all())
        True
        """
        if _is_sums(vectors):
            raise ValueError("Sums of MapI have no inverse: bind with packed vectors, or normalize() first.")
        return super().inverse(vectors)

    def _power(self, rows: NDArray[Any], exponent: Any) -> NDArray[Any]:
        if rows.dtype != np.int32:
            return super()._power(rows, exponent)
        return Algebra._power(self, rows, exponent)

    def _entries(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows if rows.dtype == np.int32 else super()._entries(rows)

    def _of_entries(self, entries: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(entries) if entries.dtype == np.int32 else super()._of_entries(entries)

    def unpack(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Return the entries of vectors: -1 and +1 (int8) of packed ones, sums as they are.

        >>> import hypersketch
        >>> hypersketch.MapI(4).unpack(hypersketch.MapI(4).atoms("a")).shape
        (1, 4)
        """
        return self._checked("unpack", "vectors", vectors) if _is_sums(vectors) else super().unpack(vectors)


def _is_sums(value: object) -> TypeGuard[NDArray[np.int32]]:
    return isinstance(value, np.ndarray) and value.dtype == np.int32


@dataclass(frozen=True)
class MapB(MapSpace):
    """MAP-B: atoms of -1 and +1, bundles that are the signs of sums, one bit a dimension.

    Parameters
    ----------
    dim : int in [1, 2**31)
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the vector that breaks ties.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Multiply, add, permute with the majority (Gayler 1998; Kanerva 1997). A member of a bundle of n scores
    c(n), about sqrt(2 / (pi n)), see `hypersketch.theory.map_b.correlation`; a stranger 0 with variance 1/D.
    A bundle keeps integer counters while it is built, answers by their signs all the while, and ``pack()``
    keeps the signs alone.

    Examples
    --------
    >>> import hypersketch
    >>> space = hypersketch.MapB(10_000)
    >>> bag = space.bundle(["red", "green", "blue"]).pack()
    >>> bag.contains(["red", "grey"])
    array([ True, False])
    """

    binary: ClassVar[bool] = True

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        from hypersketch.vsa import _on_gpu

        ties = _on_gpu.ties_of(self, vectors)
        return _on_gpu.majority(owner, vectors, self.dim, ties, weights, starts)

    def _superpose(self, rows: NDArray[Any], weights: Any, edges: NDArray[np.int64]) -> NDArray[Any]:
        return _packed.majority(self._owner("superpose"), rows, self.dim, self._ties(), weights, edges)


@dataclass(frozen=True)
class BSC(MapB):
    """BSC: atoms of zeros and ones, bound by exclusive or, bundled by majority.

    Parameters
    ----------
    dim : int in [1, 2**31)
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the vector that breaks ties.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Binary spatter codes (Kanerva 1997). The same algebra and the same packed bits as `MapB`, with 1 for its
    -1; `hamming` is the distance that the field uses, (1 - similarity) / 2: (1 - c(n)) / 2 for a member of a
    bundle of n, 1/2 for a stranger.

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> space = BSC(10_000)
    >>> bag = space.bundle(["red", "green", "blue"]).pack()
    >>> space.hamming(bag.vector, space.atoms(["red", "grey"])).round(2)
    array([0.25, 0.5 ])
    """

    _ENTRIES: ClassVar[tuple[int, int]] = (0, 1)

    def unpack(self, vectors: NDArray[np.uint64]) -> NDArray[Any]:
        """Return the zeros and ones of packed vectors.

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors.

        Returns
        -------
        ndarray of uint8, shape (dim,) or (n, dim)

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> sorted(set(BSC(64).unpack(BSC(64).atoms("a"))[0].tolist()))
        [0, 1]
        """
        return (super().unpack(vectors) < 0).astype(np.uint8)

    def hamming(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the share of entries in which packed vectors differ, row by row; otherwise as `similarity`.

        >>> from hypersketch.vsa import BSC
        >>> BSC(64).hamming(BSC(64).atoms("a"), BSC(64).atoms("a"))
        array([0.])
        """
        return 0.5 - 0.5 * self.similarity(a, b)


SPACES: dict[str, type[MapI] | type[MapB]] = {"MapI": MapI, "MapB": MapB, "BSC": BSC}
