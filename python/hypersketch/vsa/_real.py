# SPDX-License-Identifier: Apache-2.0
"""What spaces of real and complex hypervectors share: computed atoms, checks, similarity, arithmetic.

A vector is an array of `width` numbers, a batch an array of rows. Atoms come from the same streams of words
as those of all spaces: they are computed where they are needed and never stored.
"""

from __future__ import annotations

import enum
import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _validation
from hypersketch._structure import chunks
from hypersketch.vsa import _numbers, _real_keys
from hypersketch.vsa._space import Seeds, Space

if TYPE_CHECKING:
    from hypersketch.vsa.real_bundle import RealBundle

Vectors = NDArray[Any]
MOST_SUM = 1e150
"""No number of a sum is larger, so that its square is finite."""


class Numbers(enum.IntEnum):
    """Random numbers, all made of 32 random bits each."""

    UNIFORM = 0
    """In (-1, 1)."""
    NORMAL = 1
    """By the transform of Box and Muller."""
    PHASORS = 2
    """Complex, of length 1."""


@dataclass(frozen=True)
class RealSpace(Space):
    """A space whose vectors are arrays of floats or complex numbers."""

    _DTYPE: ClassVar[type[np.generic]] = np.float32

    # ---- what vectors are

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of these numbers.

        >>> from hypersketch.vsa import FHRR
        >>> FHRR(100).dtype
        dtype('complex64')
        """
        return np.dtype(self._DTYPE)

    def _checked(self, method: str, name: str, value: object) -> Vectors:
        """Return vectors of this space, shape (width,) or (n, width)."""
        rows = self._shaped(method, name, value)
        if not _numbers.finite(rows):
            must = f"finite numbers of {self.dtype}"
            _validation.refuse(self._owner(method), name, must, "NaN or infinity")
        return rows

    def _shaped(self, method: str, name: str, value: object) -> Vectors:
        """Return what may be vectors of this space, for code that finds NaN and infinity by itself."""
        dtype, width = self.dtype, self.width
        kinds = "iufc" if dtype.kind == "c" else "iuf"
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            came = value.dtype if isinstance(value, np.ndarray) else value
            must = f"vectors of {dtype} with {width} numbers"
            _validation.refuse(self._owner(method), name, must, came, TypeError)
        if value.ndim not in (1, 2) or value.shape[-1] != width:
            owner = self._owner(method)
            raise ValueError(
                f"{name} has the shape {value.shape} but {owner} needs ({width},) or (n, {width})."
            )
        if value.dtype == dtype:
            return value
        with np.errstate(over="ignore"):
            return value.astype(dtype)

    def _pair(self, method: str, first: tuple[str, object], second: tuple[str, object]) -> list[Vectors]:
        """Return two batches of vectors whose rows go together."""
        look = self._shaped if method in self._FINDS_STRANGE else self._checked
        a, b = (look(method, name, value) for name, value in (first, second))
        self._require_rows((first[0], second[0]), a, b)
        return [a, b]

    _FINDS_STRANGE: ClassVar[frozenset[str]] = frozenset({"similarity"})
    """Methods that find NaN and infinity in what they make, instead of looking at what came first."""

    def _refuse_strange(self, method: str, **given: Vectors) -> None:
        """Refuse vectors with NaN or infinity, where a result has them; finite vectors may make them, too."""
        for name, rows in given.items():
            self._checked(method, name, rows)

    # ---- atoms

    _NUMBERS: ClassVar[Numbers] = Numbers.NORMAL
    """What entries of atoms are."""

    @property
    def _scale(self) -> float:
        """What these numbers are multiplied by."""
        return 1.0 / math.sqrt(self.dim)

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Vectors:
        return random_reals(self._NUMBERS, self.dim, self.seed, hashes, self._scale, threads)

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        made: Vectors = _spectral_on_gpu.atoms(self._owner(method), self, words, hashed)
        return made

    # ---- of keys alone

    _STORES_NO_ATOMS = True

    def _bundles_of(
        self, hashes: NDArray[np.uint64], edges: NDArray[np.int64], threads: int, seeds: Seeds | None = None
    ) -> Vectors:
        if not self._STORES_NO_ATOMS:
            return np.asarray(super()._bundles_of(hashes, edges, threads))
        return _real_keys.bundles(self, hashes, edges, threads, self._seeds(seeds))

    def _key_similarities(
        self, vectors: Vectors, hashes: NDArray[np.uint64], threads: int, seeds: Seeds | None = None
    ) -> NDArray[np.float64]:
        if not self._STORES_NO_ATOMS:
            return super()._key_similarities(vectors, hashes, threads)
        return _real_keys.similarities(self, vectors, hashes, threads, self._seeds(seeds))

    # ---- algebra

    def bind(self, a: Vectors, b: Vectors) -> Vectors:
        """Bind vectors: a vector like neither of them, from which each brings the other back.

        Parameters
        ----------
        a, b : ndarray, shape (width,) or (n, width)
            Vectors of this space. One vector binds with each row of the other argument.

        Returns
        -------
        ndarray
            The products, of the shape that ``a`` and ``b`` broadcast to.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or unequal numbers of rows.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> space = FHRR(1000)
        >>> name, value = space.atoms(["name", "value"])
        >>> float(space.similarity(space.unbind(space.bind(value, name), name), value)[0].round(3))
        1.0
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            return self._combined_on_gpu("bind", ("a", a), ("b", b))
        left, right = self._pair("bind", ("a", a), ("b", b))
        return self._bind(left, right).astype(self.dtype, copy=False)

    def unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        """Take a known vector out of a product.

        Parameters
        ----------
        bound, known : ndarray, shape (width,) or (n, width)
            ``bind(x, known)``, or a bundle of such products, and the vector to take out.

        Returns
        -------
        ndarray
            x, exactly or with noise, as the class says.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(4096)
        >>> a, b = space.atoms(["a", "b"])
        >>> bool(space.similarity(space.unbind(space.bind(a, b), a), b)[0] > 0.6)
        True
        """
        if _device.is_on_gpu(bound) or _device.is_on_gpu(known):
            return self._combined_on_gpu("unbind", ("bound", bound), ("known", known))
        product, factor = self._pair("unbind", ("bound", bound), ("known", known))
        return self._unbind(product, factor).astype(self.dtype, copy=False)

    @abstractmethod
    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        """Bind or unbind vectors on a GPU."""

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        from hypersketch.vsa import _spectral_on_gpu

        return _spectral_on_gpu.superposed(owner, self, vectors, weights, starts)

    @abstractmethod
    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        """Bind checked vectors."""

    @abstractmethod
    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        """Unbind checked vectors."""

    def inverse(self, vectors: Vectors) -> Vectors:
        """Return the vectors that undo binding with these: ``bind(bind(x, a), inverse(a))`` is like x.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of this space.

        Returns
        -------
        ndarray
            Of the same shape.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> space = FHRR(64)
        >>> a = space.atoms("a")
        >>> bool((abs(space.bind(a, space.inverse(a)) - space.identity()) < 1e-6).all())
        True
        """
        rows = self._checked("inverse", "vectors", vectors)
        return self._inverse(rows).astype(self.dtype, copy=False)

    @abstractmethod
    def _inverse(self, vectors: Vectors) -> Vectors:
        """Invert checked vectors."""

    def permute(self, vectors: Vectors, shift: int) -> Vectors:
        """Shift vectors cyclically: entry d moves to (d + shift) mod D.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of this space.
        shift : int
            By how much; negative shifts undo positive ones.

        Returns
        -------
        ndarray
            Of the same shape.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or a shift that is not an integer.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(100)
        >>> a = space.atoms("a")
        >>> bool((space.permute(space.permute(a, 3), -3) == a).all())
        True
        """
        owner = self._owner("permute")
        rows = self._checked("permute", "vectors", vectors)
        return self._permute(rows, _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % self.dim)

    def _permute(self, rows: Vectors, steps: int) -> Vectors:
        return _numbers.rolled(rows, steps)

    def normalize(self, vectors: Vectors) -> Vectors:
        """Return vectors as the space keeps them; what is zero stays so.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of this space, for example sums.

        Returns
        -------
        ndarray
            Of the same shape: of norm 1, unless the class says otherwise.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(100)
        >>> two = space.normalize(2 * space.atoms("a"))
        >>> round(float((two**2).sum()), 6)
        1.0
        """
        rows = self._checked("normalize", "vectors", vectors)
        return self._normalize(rows).astype(self.dtype, copy=False)

    def _normalize(self, rows: Vectors) -> Vectors:
        norms = np.sqrt(self._products(rows, rows))[..., np.newaxis]
        norms[norms == 0] = 1.0
        return np.asarray(rows / norms)

    # ---- similarity

    def similarity(self, a: Vectors, b: Vectors) -> NDArray[np.float64]:
        """Return the cosine of vectors, row by row.

        Parameters
        ----------
        a, b : ndarray, shape (width,) or (n, width)
            Vectors of this space. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            In [-1, 1]; 0 where a vector is zero. One element when both arguments are single vectors.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(10_000)
        >>> space.similarity(space.atoms("a"), space.atoms(["a", "b"])).round(1) + 0.0
        array([1., 0.])
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            from hypersketch.vsa import _spectral_on_gpu

            found: NDArray[np.float64] = _spectral_on_gpu.similarity(self._owner("similarity"), self, a, b)
            return found
        left, right = self._pair("similarity", ("a", a), ("b", b))
        terms = self._terms(left, right)
        if not np.isfinite(terms).all():
            self._refuse_strange("similarity", a=left, b=right)
        return cosines(terms)

    def _similarities(self, a: Vectors, b: Vectors, threads: int) -> NDArray[np.float64]:
        # Real and imaginary parts lie side by side: their plain products are the real inner products.
        (left, weighed), (right, other) = (
            tuple(np.ascontiguousarray(part).view(np.float32) for part in (rows, self._weighed(rows)))
            for rows in (a, b)
        )
        # A product is fastest with the larger batch on the left.
        product = weighed @ right.T if len(a) > len(b) else (right @ weighed.T).T
        inner = product.astype(np.float64)
        lengths = (
            np.sqrt(np.einsum("nd,nd->n", *pair).astype(np.float64))
            for pair in ((left, weighed), (right, other))
        )
        sizes = np.multiply.outer(*lengths)
        cosines = np.divide(inner, sizes, out=np.zeros_like(inner), where=sizes > 0)
        return np.asarray(np.clip(cosines, -1.0, 1.0))

    def _weighed(self, rows: Vectors) -> Vectors:
        """Return rows whose plain products with others are the inner products of this space."""
        return rows

    def _products(self, a: Vectors, b: Vectors) -> NDArray[np.float64]:
        """Return the real inner products of rows, summed in double precision."""
        if a.dtype == b.dtype == self.dtype:
            inner = self._terms(a, b)[:, 2]
            return inner if 2 in (a.ndim, b.ndim) else inner[0]
        left, right = (rows.astype(self._wide, copy=False).view(np.float64) for rows in (a, b))
        return np.asarray(np.einsum("...d,...d->...", left, right))

    def _terms(self, a: Vectors, b: Vectors) -> NDArray[np.float64]:
        """Return the inner products aa, bb and ab of rows; not finite where a or b is not."""
        return _numbers.products(a, b)

    @property
    def _wide(self) -> type[np.generic]:
        return np.complex128 if self.dtype.kind == "c" else np.float64

    def _summands(self, vectors: object) -> Vectors:
        return self._shaped("superpose", "vectors", vectors)  # sums show what is not finite

    def _superpose(self, rows: Vectors, weights: Any, edges: NDArray[np.int64]) -> Vectors:
        owner, wide = self._owner("superpose"), np.dtype(np.float64)
        checked = _validation.real_weights(owner, weights, len(rows), wide)
        made = np.empty((edges.size - 1, self.width), self.dtype)
        for part in chunks(len(made), 64 * self.dim):
            sums = _numbers.sums_of_runs(rows, edges[part.start : part.stop + 1], checked)
            if not within_range(sums):
                self._refuse_strange("superpose", vectors=rows)
                raise OverflowError(f"A number of a sum of {owner} could exceed {MOST_SUM:g} in magnitude.")
            made[part] = self._normalize(sums)
        return made

    def _empty_bundle(self) -> RealBundle:
        from hypersketch.vsa.real_bundle import RealBundle

        return RealBundle(self)


def within_range(sums: Vectors) -> bool:
    """Tell whether all parts of numbers are finite and small enough to be squared."""
    parts = sums.view(np.float64)
    return bool(parts.min(initial=0.0) >= -MOST_SUM and parts.max(initial=0.0) <= MOST_SUM)


def cosines(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ab / sqrt(aa bb) in [-1, 1] of products aa, bb, ab, one line a pair; 0 where a or b is 0.

    >>> cosines(np.array([[4.0, 9.0, 3.0], [0.0, 1.0, 0.0]]))
    array([0.5, 0. ])
    """
    sizes = np.sqrt(terms[:, 0] * terms[:, 1])
    sizes[sizes == 0] = 1.0
    found = terms[:, 2] / sizes
    return np.minimum(np.maximum(found, -1.0, out=found), 1.0, out=found)


def random_reals(
    numbers: Numbers, n: int, seed: int, hashes: NDArray[np.uint64], scale: float, threads: int
) -> Vectors:
    """Return n random numbers of every hashed key, times the scale: float32, or complex64 for phasors."""
    dtype = np.complex64 if numbers == Numbers.PHASORS else np.float32
    rows = np.empty((hashes.size, n), dtype)
    _core.atom_reals(n, seed, hashes, int(numbers), scale, rows.view(np.float32), threads)
    return rows
