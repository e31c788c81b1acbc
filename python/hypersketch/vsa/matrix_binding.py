# SPDX-License-Identifier: Apache-2.0
"""VTB, TVTB and MBAT: vectors bound by matrices, made of their entries or drawn for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation
from hypersketch.vsa._algebra import Algebra
from hypersketch.vsa._real import RealSpace, Vectors


@dataclass(frozen=True)
class VTB(RealSpace):
    """VTB: normal vectors, bound by a block matrix made of the other vector.

    Parameters
    ----------
    dim : int in [1, 2**26], a square
        Dimension D = d * d.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and a dimension that is not a square.

    Notes
    -----
    Vector-derived transformation binding (Gosmann & Eliasmith 2019). With x and y as d x d matrices X and Y,
    row after row, ``bind(x, y)`` is sqrt(d) X Y^T: every row of X goes through the same matrix. It is neither
    commutative nor associative; ``unbind(bind(x, y), y)`` brings x back with noise, by Y instead of Y^T.
    The known factor is the second one. Products have numbers that are sums of d terms, of single precision
    here and of double precision for arrays on a GPU.

    Examples
    --------
    >>> from hypersketch.vsa import VTB
    >>> space = VTB(4096)
    >>> value, role = space.atoms(["value", "role"])
    >>> space.similarity(space.unbind(space.bind(value, role), role), value).round(1)
    array([0.7])
    """

    _TURNED_BY: ClassVar[str] = "bind"
    """The method that takes the second matrix turned round."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if math.isqrt(self.dim) ** 2 != self.dim:
            _validation.refuse("VTB", "dim", "a square", self.dim)

    @property
    def _side(self) -> int:
        return math.isqrt(self.dim)

    def identity(self) -> Vectors:
        """Return the second factor with which binding changes nothing.

        >>> from hypersketch.vsa import VTB
        >>> VTB(4).identity().round(3)
        array([0.707, 0.   , 0.   , 0.707], dtype=float32)
        """
        made: Vectors = np.eye(self._side, dtype=np.float32).reshape(-1) / np.float32(math.sqrt(self._side))
        return made

    def _matrices(self, vectors: Vectors) -> Vectors:
        return vectors.reshape(*vectors.shape[:-1], self._side, self._side)

    def _times(self, a: Vectors, matrices: Vectors) -> Vectors:
        product = math.sqrt(self._side) * (self._matrices(a) @ matrices)
        return product.reshape(*product.shape[:-2], self.dim)

    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        multiply, turned = _spectral_on_gpu.matrices_multiplied, method == self._TURNED_BY
        made: Vectors = multiply(self._owner(method), self, turned, a, b)
        return made

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        return self._times(a, self._matrices(b).swapaxes(-1, -2))

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        return self._times(bound, self._matrices(known))

    def _inverse(self, vectors: Vectors) -> Vectors:
        """Return the vectors whose matrices are transposed."""
        turned = self._matrices(vectors).swapaxes(-1, -2)
        return np.ascontiguousarray(turned).reshape(vectors.shape)

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        raise ValueError("VTB has no powers: its binding is not associative.")

    def unitary(self, vectors: Vectors) -> Vectors:
        """Return the vectors with orthogonal matrices that are nearest to these.

        Binding with such a vector changes no similarity, and unbinding it is exact.

        >>> from hypersketch.vsa import VTB
        >>> space = VTB(900)
        >>> role, filler = space.atoms(["role", "filler"])
        >>> role = space.unitary(role)
        >>> space.similarity(space.unbind(space.bind(filler, role), role), filler).round(3)
        array([1.])
        """
        matrices = self._matrices(self._checked("unitary", "vectors", vectors)).astype(np.float64)
        left, _, right = np.linalg.svd(matrices)
        nearest = (left @ right / math.sqrt(self._side)).reshape(np.shape(vectors))
        return np.asarray(nearest, np.float32)


@dataclass(frozen=True)
class TVTB(VTB):
    """TVTB: normal vectors as square matrices, bound by their product.

    Parameters
    ----------
    dim : int in [1, 2**26], a square
        Dimension D = d * d.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and a dimension that is not a square.

    Notes
    -----
    Transposed VTB, as Nengo SPA names it: with x and y as d x d matrices X and Y, row after row,
    ``bind(x, y)`` is sqrt(d) X Y, where VTB has Y^T. That makes binding associative, with one identity and
    one inverse Y^T for both sides; it does not commute. ``unbind(bind(x, y), y)`` brings x back with noise.

    Examples
    --------
    >>> from hypersketch.vsa import TVTB
    >>> space = TVTB(4096)
    >>> a, b, c = space.atoms(["a", "b", "c"])
    >>> one, other = space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c))
    >>> space.similarity(one, other).round(3)
    array([1.])
    """

    _TURNED_BY = "unbind"

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        return self._times(a, self._matrices(b))

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        return self._times(bound, self._matrices(known).swapaxes(-1, -2))

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        return Algebra._power(self, rows, exponent)


@dataclass(frozen=True)
class MBAT(RealSpace):
    """MBAT: normal vectors, bound by an orthogonal matrix that stands for the other vector.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the matrices.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Matrix binding of additive terms (Gallant & Okaywe 2013). ``bind(x, y)`` is M(y) x. The matrix of a vector
    is drawn at random by the exact bytes of y: a permutation of the entries with random signs, which takes D
    numbers instead of D^2 and mixes as well as a dense one for inner products. So `unbind` is exact, and the
    known factor must be exact too: an atom, not what a bundle gave back. Binding is linear in x alone. No
    vector but `identity` has an inverse that is a vector; use `unbind`.

    Examples
    --------
    >>> from hypersketch.vsa import MBAT
    >>> space = MBAT(1000)
    >>> value, role = space.atoms(["value", "role"])
    >>> space.similarity(space.unbind(space.bind(value, role), role), value).round(3)
    array([1.])
    """

    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        made: Vectors = _spectral_on_gpu.moved(self._owner(method), self, method == "unbind", a, b)
        return made

    def identity(self) -> Vectors:
        """Return the second factor with which binding changes nothing, by definition: 1 at entry 0.

        >>> from hypersketch.vsa import MBAT
        >>> MBAT(3).identity()
        array([1., 0., 0.], dtype=float32)
        """
        made = np.zeros(self.dim, np.float32)
        made[0] = 1.0
        return made

    def _matrix(self, vector: Vectors) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return where each entry comes from, and its sign."""
        if np.array_equal(vector, self.identity()):
            return np.arange(self.dim), np.ones(self.dim, np.float32)
        hashed = np.array([_core.hash_bytes(np.ascontiguousarray(vector).data, self.seed)], np.uint64)
        words = np.empty((1, self.dim), np.uint64)
        _core.atom_rows(64 * self.dim, self.seed ^ (2**64 - 1), hashed, words, 1)
        signs = 1.0 - 2.0 * (words[0] & np.uint64(1))
        return np.argsort(words[0], kind="stable"), signs.astype(np.float32)

    def _by_rows(self, a: Vectors, b: Vectors, one: Callable[[Vectors, Vectors], Vectors]) -> Vectors:
        """Call ``one`` for every row of a and of b, the matrix of a single b made once."""
        if b.ndim == 1:
            return one(a, b)
        given = np.atleast_2d(a)
        if len(b) == 1:
            return one(given, b[0])
        rows = np.broadcast_to(given, (len(b), self.dim))
        made = np.empty((len(b), self.dim), self.dtype)
        for row, vector, to in zip(rows, b, made, strict=True):
            to[:] = one(row, vector)
        return made

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        def one(x: Vectors, y: Vectors) -> Vectors:
            order, signs = self._matrix(y)
            product: Vectors = x[..., order] * signs
            return product

        return self._by_rows(a, b, one)

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        def one(x: Vectors, y: Vectors) -> Vectors:
            order, signs = self._matrix(y)
            value = np.empty_like(x)
            value[..., order] = x * signs
            return value

        return self._by_rows(bound, known, one)

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        raise ValueError("MBAT has no powers: its binding is not associative.")

    def _inverse(self, vectors: Vectors) -> Vectors:
        raise ValueError("MBAT has no vectors that undo binding with others: use unbind().")
