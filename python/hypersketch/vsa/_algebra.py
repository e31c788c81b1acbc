# SPDX-License-Identifier: Apache-2.0
"""The algebra of vectors: what every space can do with them, whatever they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads, _validation
from hypersketch._structure import chunks
from hypersketch.keys import hash_keys


@dataclass(frozen=True)
class Algebra(ABC):
    """Vectors of a dimension: binding, shifting, comparing."""

    dim: int
    """Dimension D."""

    # ---- what vectors are

    @property
    def width(self) -> int:
        """Numbers of an array that make one vector.

        >>> from hypersketch.vsa import BSC, HRR
        >>> BSC(128).width, HRR(128).width
        (2, 128)
        """
        return self.dim

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of these numbers."""

    @property
    def nbytes(self) -> int:
        """Size of one vector in bytes.

        >>> from hypersketch.vsa import BSC, HRR
        >>> BSC(128).nbytes, HRR(128).nbytes
        (16, 512)
        """
        return self.width * self.dtype.itemsize

    @abstractmethod
    def _checked(self, method: str, name: str, value: object) -> NDArray[Any]:
        """Return vectors of this space, shape (width,) or (n, width)."""

    @abstractmethod
    def identity(self) -> NDArray[Any]:
        """Return the vector with which binding changes nothing."""

    def _owner(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _require_rows(self, names: tuple[str, str], a: NDArray[Any], b: NDArray[Any]) -> None:
        """Refuse batches whose rows do not go together."""
        if a.ndim == b.ndim == 2 and len(a) != len(b) and 1 not in (len(a), len(b)):
            raise ValueError(f"{names[0]} has {len(a)} rows but {names[1]} has {len(b)}.")

    # ---- algebra

    @abstractmethod
    def bind(self, a: Any, b: Any) -> Any:
        """Bind vectors."""

    @abstractmethod
    def unbind(self, bound: Any, known: Any) -> Any:
        """Take known vectors out of products."""

    @abstractmethod
    def inverse(self, vectors: Any) -> Any:
        """Return the vectors that undo binding with these."""

    @abstractmethod
    def permute(self, vectors: Any, shift: int) -> Any:
        """Shift vectors cyclically."""

    @abstractmethod
    def normalize(self, vectors: Any) -> Any:
        """Return vectors as the space keeps them."""

    @abstractmethod
    def similarity(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return how alike vectors are, row by row."""

    def similarities(self, a: Any, b: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return how alike every vector of one batch is to every one of another.

        Parameters
        ----------
        a, b : ndarray, shape of one vector or of rows
            n and m vectors of this space.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n, m)
            ``similarity`` of each pair; of real vectors up to rounding.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, HRR
        >>> for space in (BSC(10_000), HRR(10_000)):
        ...     two, three = space.atoms(["a", "b"]), space.atoms(["a", "b", "c"])
        ...     print(space.similarities(two, three).round(1) + 0.0)
        [[1. 0. 0.]
         [0. 1. 0.]]
        [[1. 0. 0.]
         [0. 1. 0.]]
        """
        owner = self._owner("similarities")
        left, right = (
            np.atleast_2d(self._checked("similarities", name, value)) for name, value in (("a", a), ("b", b))
        )
        return self._similarities(left, right, _threads.resolve(owner, threads))

    def _similarities(self, a: NDArray[Any], b: NDArray[Any], threads: int) -> NDArray[np.float64]:
        scores = np.empty((len(a), len(b)))
        for row, score in zip(a, scores, strict=True):
            for part in chunks(len(b), self.dim):
                score[part] = self.similarity(row, b[part])
        return scores

    # ---- many at once

    def product(self, vectors: Any, *, starts: Any = None) -> Any:
        """Bind vectors all together, from the first on: ((v0 v1) v2) ...

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows
            Vectors of this space.
        starts : array of int, shape (n_products + 1,), optional
            Product p is of the rows ``starts[p]`` to ``starts[p + 1] - 1``; default one product of all rows.

        Returns
        -------
        ndarray
            One vector, or with ``starts`` one row a product; the identity where there are no vectors.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or starts that fall or lie outside.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2, modulus=10).product(numpy.array([[1, 2], [3, 4], [5, 6]]))
        array([9, 2], dtype=uint16)
        """
        rows = np.atleast_2d(self._checked("product", "vectors", vectors))
        edges = _validation.starts(self._owner("product"), starts, len(rows))
        counts = np.diff(edges)
        made = np.empty((counts.size, rows.shape[1]), rows.dtype)
        made[counts == 0] = self._identity_as(rows)
        some = counts > 0
        made[some] = rows[edges[:-1][some]]
        for place in range(1, int(counts.max(initial=0))):  # of all products that have so many, at once
            some = counts > place
            made[some] = self.bind(made[some], rows[edges[:-1][some] + place])
        return made[0] if starts is None else made

    def _identity_as(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the identity in the form that these vectors have."""
        return self.identity()

    def power(self, vectors: Any, exponent: float) -> Any:
        """Bind vectors with themselves so many times; a negative exponent binds inverses.

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows
            Vectors of this space.
        exponent : int, or a real number in HRR and FHRR
            How often. 0 makes the identity, 1 the vectors, -1 their inverses.

        Returns
        -------
        ndarray
            Of the same shape. ``bind(power(x, a), power(x, b))`` is ``power(x, a + b)``; for exponents of
            different signs only where inverses are exact, as they are in HRR and TVTB for unitary vectors.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, an exponent of another kind, and in spaces whose
            binding is not associative: VTB, MBAT, BSDC with thinning or shifts.

        Notes
        -----
        FHRR multiplies angles. HRR raises the Fourier transform to the power (Plate 1995), with angles in
        (-pi, pi]: by real exponents numbers are encoded so that near ones are alike. Of its two frequencies
        without an angle, 0 and D/2, the real parts are kept, whose exponents do not add up.

        Examples
        --------
        >>> from hypersketch.vsa import CGR, HRR
        >>> import numpy
        >>> CGR(3, modulus=10).power(numpy.array([1, 2, 3]), 4)
        array([4, 8, 2], dtype=uint16)
        >>> space = HRR(2048)
        >>> x = space.unitary(space.atoms("x"))
        >>> bool(space.similarity(space.power(x, 2.0), space.power(x, 2.2))[0] > 0.9)
        True
        """
        owner, rows = self._owner("power"), self._checked("power", "vectors", vectors)
        if self._REAL_POWERS:
            steps: float = _validation.real(owner, "exponent", exponent)
        else:
            steps = _validation.integer(owner, "exponent", exponent, -(2**31), 2**31)
        return self._power(rows, steps)

    _REAL_POWERS: ClassVar[bool] = False
    """Whether exponents may be fractions."""

    def _power(self, rows: NDArray[Any], exponent: Any) -> NDArray[Any]:
        """Return powers of checked vectors, by squaring them; for binding that is associative."""
        base = self.inverse(rows) if exponent < 0 else rows
        made = np.broadcast_to(self._identity_as(rows), rows.shape).astype(rows.dtype)
        for bit in f"{abs(exponent):b}":
            made = self.bind(made, made)
            if bit == "1":
                made = self.bind(made, base)
        return made

    # ---- by entries

    def _entries(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the entries of checked vectors, an array of shape (..., number of entries)."""
        return rows

    def _of_entries(self, entries: NDArray[Any]) -> NDArray[Any]:
        """Return the vectors that have these entries."""
        return np.ascontiguousarray(entries)

    def _draws(self, key: Any, n: int) -> NDArray[np.uint64]:
        """Return n random words of a key, apart from those of atoms."""
        words = np.empty(n, np.uint64)
        # Hashed by another seed than any key of an atom.
        _core.atom_rows(64 * n, 0, hash_keys(key, seed=2**64 - 1), words[np.newaxis], 1)
        return words

    def shuffle(self, vectors: Any, key: Any, *, inverse: bool = False) -> Any:
        """Put the entries of vectors into the random order that a key stands for.

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows
            Vectors of this space.
        key : int, str or bytes
            Which order: another one for every key, the same for all vectors.
        inverse : bool, default False
            Undo the shuffle of that key instead.

        Returns
        -------
        ndarray
            Of the same shape.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or what is no single key.

        Notes
        -----
        `permute` shifts, and so has D orders, which commute. Orders of keys do not.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> space, vector = CGR(4), numpy.array([5, 6, 7, 8])
        >>> sorted(space.shuffle(vector, "left").tolist())
        [5, 6, 7, 8]
        >>> space.shuffle(space.shuffle(vector, "left"), "left", inverse=True)
        array([5, 6, 7, 8], dtype=uint16)
        """
        entries = self._entries(self._checked("shuffle", "vectors", vectors))
        owner = self._owner("shuffle")
        hashed = hash_keys(key)
        if hashed.size != 1:
            _validation.refuse(owner, "key", "a single key", f"{hashed.size} keys")
        order = np.argsort(self._draws(key, entries.shape[-1]), kind="stable")
        if not _validation.flag(owner, "inverse", inverse):
            return self._of_entries(entries[..., order])
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        return self._of_entries(entries[..., back])

    def select(self, vectors: Any, key: Any = 0, weights: Any = None) -> Any:
        """Pick every entry from one of the vectors, at random: a bundle that stays in the space.

        Parameters
        ----------
        vectors : ndarray, shape (n, width)
            n >= 1 vectors of this space.
        key : int, str or bytes, default 0
            Which choice among the random ones.
        weights : array of shape (n,), optional
            How likely each vector is, not negative and not all 0; default equally.

        Returns
        -------
        ndarray
            One vector. With probability p_i its entry is that of vector i, so its similarity to it is about
            p_i for entries of one magnitude.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, no vector, or weights that are none.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> space = BSC(10_000)
        >>> rows = space.atoms(["a", "b"])
        >>> space.similarity(space.select(rows, weights=[3, 1]), rows).round(1)
        array([0.7, 0.3])
        """
        rows = np.atleast_2d(self._checked("select", "vectors", vectors))
        if not len(rows):
            raise ValueError(f"{self._owner('select')} needs at least one vector.")
        entries = self._entries(rows)
        kind = np.dtype(np.float64)
        given = _validation.real_weights(self._owner("select"), weights, len(rows), kind, least=0.0)
        shares = np.ones(len(rows)) if given is None else given / (given.max() or 1.0)
        if not shares.any():
            _validation.refuse(self._owner("select"), "weights", "not all 0", weights)
        uniform = (self._draws(key, entries.shape[-1]) >> np.uint64(11)) * 2.0**-53
        limits = np.cumsum(shares)
        chosen = np.searchsorted(limits, uniform * limits[-1], side="right")
        return self._of_entries(np.take_along_axis(entries, chosen[np.newaxis], axis=0)[0])
