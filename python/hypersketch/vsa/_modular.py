# SPDX-License-Identifier: Apache-2.0
"""What spaces share whose vectors are small integers, bound by adding them modulo r."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _validation
from hypersketch._structure import chunks
from hypersketch.keys import hash_keys
from hypersketch.vsa._space import Seeds, Space

if TYPE_CHECKING:
    from hypersketch.vsa.modular_bundle import ModularBundle

Digits = NDArray[np.uint16]

_NO_KEY = hash_keys(0)
_NO_KEY.flags.writeable = False

MOST_IN_BYTES = 128
"""Largest modulus whose atoms the kernels compare in bytes, and whose values they count."""
MODULUS = _validation.within(2, 2**16)


@dataclass(frozen=True)
class ModularSpace(Space):
    """A space of vectors of integers in [0, r), an element of a cyclic group each."""

    modulus: int = 64
    """Order r of the group."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "modulus", MODULUS(type(self).__name__, "modulus", self.modulus))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a vector's integers.

        >>> from hypersketch.vsa import CGR
        >>> CGR(100).dtype
        dtype('uint16')
        """
        return np.dtype(np.uint16)

    def _checked(self, method: str, name: str, value: object) -> Digits:
        """Return vectors of this space, shape (width,) or (n, width)."""
        owner, must = self._owner(method), f"vectors of {self.width} integers in [0, {self.modulus})"
        if not isinstance(value, np.ndarray):
            _validation.refuse(owner, name, must, value, TypeError)
        if value.dtype.kind not in "iu":
            _validation.refuse(owner, name, must, value.dtype, TypeError)
        if value.ndim not in (1, 2) or value.shape[-1] != self.width:
            raise ValueError(
                f"{name} has the shape {value.shape} but {owner} needs ({self.width},) or (n, {self.width})."
            )
        if value.size and not (value.min() >= 0 and value.max() < self.modulus):
            beyond = value[(value < 0) | (value >= self.modulus)].ravel()[0]
            _validation.refuse(owner, name, must, int(beyond))
        return value.astype(np.uint16, copy=False)

    def _pair(self, method: str, first: tuple[str, object], second: tuple[str, object]) -> list[NDArray[Any]]:
        """Return two batches of vectors whose rows go together, wide enough to be added."""
        a, b = (self._checked(method, name, value) for name, value in (first, second))
        self._require_rows((first[0], second[0]), a, b)
        return [a.astype(np.int32), b.astype(np.int32)]

    # ---- atoms

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Digits:
        rows = np.empty((hashes.size, self.width), np.uint16)
        _core.digit_rows(self.seed, hashes, self.modulus, rows, threads)
        return rows

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Digits:
        from hypersketch.vsa import _modular_on_gpu

        made: Digits = _modular_on_gpu.atoms(self._owner(method), self, words, hashed)
        return made

    def identity(self) -> Digits:
        """Return the vector with which binding changes nothing: zeros.

        >>> from hypersketch.vsa import CGR
        >>> CGR(3).identity()
        array([0, 0, 0], dtype=uint16)
        """
        return np.zeros(self.width, np.uint16)

    # ---- algebra

    def bind(self, a: Digits, b: Digits) -> Digits:
        """Bind vectors: add them modulo r.

        Parameters
        ----------
        a, b : ndarray of integers, shape (width,) or (n, width)
            Vectors of this space. One vector binds with each row of the other argument.

        Returns
        -------
        ndarray of uint16
            The products, of the shape that ``a`` and ``b`` broadcast to.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or unequal numbers of rows.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> space = CGR(100)
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            return self._combined_on_gpu("bind", ("a", "b"), a, b, False)
        left, right = self._pair("bind", ("a", a), ("b", b))
        return np.asarray((left + right) % self.modulus, np.uint16)

    def unbind(self, bound: Digits, known: Digits) -> Digits:
        """Take a known vector out of a product, exactly: subtract it modulo r; otherwise as `bind`.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2, modulus=10).unbind(numpy.array([3, 1]), numpy.array([5, 1]))
        array([8, 0], dtype=uint16)
        """
        if _device.is_on_gpu(bound) or _device.is_on_gpu(known):
            return self._combined_on_gpu("unbind", ("bound", "known"), bound, known, True)
        product, factor = self._pair("unbind", ("bound", bound), ("known", known))
        return np.asarray((product - factor) % self.modulus, np.uint16)

    def _combined_on_gpu(self, method: str, names: tuple[str, str], a: Any, b: Any, subtract: bool) -> Digits:
        from hypersketch.vsa import _modular_on_gpu

        made: Digits = _modular_on_gpu.combined(self._owner(method), self, names, a, b, subtract)
        return made

    def inverse(self, vectors: Digits) -> Digits:
        """Return the vectors that undo binding with these.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2, modulus=10).inverse(numpy.array([3, 0]))
        array([7, 0], dtype=uint16)
        """
        rows = self._checked("inverse", "vectors", vectors).astype(np.int32)
        return np.asarray(-rows % self.modulus, np.uint16)

    def _power(self, rows: Digits, exponent: Any) -> Digits:
        return np.asarray(rows.astype(np.int64) * (exponent % self.modulus) % self.modulus, np.uint16)

    def permute(self, vectors: Digits, shift: int) -> Digits:
        """Shift vectors cyclically: entry d moves to d + shift; negative shifts undo positive ones.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(3).permute(numpy.array([1, 2, 3]), 1)
        array([3, 1, 2], dtype=uint16)
        """
        rows = self._checked("permute", "vectors", vectors)
        steps = _validation.integer(self._owner("permute"), "shift", shift, -(2**63), 2**63 - 1)
        return np.roll(rows, steps % self.width, axis=-1)

    def normalize(self, vectors: Digits) -> Digits:
        """Return vectors as the space keeps them: as they are.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2).normalize(numpy.array([3, 0]))
        array([3, 0], dtype=uint16)
        """
        return self._checked("normalize", "vectors", vectors)

    def similarity(self, a: Digits, b: Digits) -> NDArray[np.float64]:
        """Return how alike vectors are, row by row, as the class says.

        Parameters
        ----------
        a, b : ndarray of integers, shape (width,) or (n, width)
            Vectors of this space. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            1 for equal vectors. One element when both arguments are single vectors.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> space = CGR(1000)
        >>> space.similarity(space.atoms("a"), space.atoms(["a", "b"])).round(1)
        array([1., 0.])
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            from hypersketch.vsa import _modular_on_gpu

            found: NDArray[np.float64] = _modular_on_gpu.similarity(self._owner("similarity"), self, a, b)
            return found
        left, right = self._pair("similarity", ("a", a), ("b", b))
        return np.atleast_1d(self._likeness(left, right))

    def _similarities(self, a: Digits, b: Digits, threads: int) -> NDArray[np.float64]:
        sums = np.empty((len(a), len(b)), np.int64)
        left, right = (np.ascontiguousarray(side, np.uint16) for side in (a, b))
        _core.compare_digits(left, right, self._CIRCLE * self.modulus, sums, threads)
        return self._scaled(sums)

    @property
    def _STORES_NO_ATOMS(self) -> bool:  # type: ignore[override]
        return self.modulus <= MOST_IN_BYTES and self.modulus & (self.modulus - 1) == 0

    def _bundles_of(
        self, hashes: NDArray[np.uint64], edges: NDArray[np.int64], threads: int, seeds: Seeds | None = None
    ) -> Digits:
        directions = self._direction_table()
        counted = self.modulus <= MOST_IN_BYTES and int(np.diff(edges).max(initial=0)) < 2**16
        if directions is None and not counted:
            return np.asarray(super()._bundles_of(hashes, edges, threads), np.uint16)
        made, own = np.empty((edges.size - 1, self.width), np.uint16), self._seeds(seeds)
        offsets = np.stack([self._offsets(seed) for seed in own.tolist()])
        _core.bundle_digits(own, hashes, edges, self.modulus, offsets, directions, made, threads)
        return made

    def _direction_table(self) -> NDArray[np.float64] | None:
        """Return the directions that bundles add, pairs of coordinates, where they do."""
        return None

    def _key_similarities(
        self, vectors: Digits, hashes: NDArray[np.uint64], threads: int, seeds: Seeds | None = None
    ) -> NDArray[np.float64]:
        if not self._STORES_NO_ATOMS:
            return super()._key_similarities(vectors, hashes, threads)
        rows, own, parts = np.ascontiguousarray(vectors, np.uint16), self._seeds(seeds), []
        for part in chunks(hashes.size, (1 + len(rows)) * self.width // 32):
            sums = np.empty((len(rows), part.stop - part.start), np.int64)
            _core.score_digits(own, hashes[part], self.modulus, bool(self._CIRCLE), rows, sums, threads)
            parts.append(self._scaled(sums))
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((len(rows), 0)), *parts], axis=1)

    _CIRCLE: ClassVar[int] = 0
    """1 when entries are compared around a circle, 0 when they are equal or not."""

    @abstractmethod
    def _scaled(self, sums: NDArray[Any]) -> NDArray[np.float64]:
        """Return similarities of what the comparisons of all entries add up to."""

    @abstractmethod
    def _likeness(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        """Return the similarity of checked vectors: a sum of integers, and one division."""

    # ---- bundles

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        from hypersketch.vsa import _modular_on_gpu

        return _modular_on_gpu.superposed(owner, self, vectors, weights, starts)

    def _superpose(self, rows: Digits, weights: Any, edges: NDArray[np.int64]) -> Digits:
        """Count the bundles of a piece all at once."""
        if weights is not None:
            return np.asarray(super()._superpose(rows, weights, edges), np.uint16)
        made = np.empty((edges.size - 1, self.width), np.uint16)
        size, offsets = self.width * self.modulus, self._offsets()
        for part in chunks(len(made), 8 * size):
            inside = rows[edges[part.start] : edges[part.stop]]
            bundle = np.repeat(np.arange(part.stop - part.start), np.diff(edges[part.start : part.stop + 1]))
            cells = (bundle[:, np.newaxis] * self.width + np.arange(self.width)) * self.modulus + inside
            counts = np.bincount(cells.ravel(), minlength=(part.stop - part.start) * size)
            counted = counts.astype(np.int32).reshape(-1, self.modulus)
            chosen = self._chosen(counted, np.tile(offsets, part.stop - part.start))
            made[part] = chosen.reshape(-1, self.width)
        return made

    def _offsets(self, seed: int | None = None) -> Digits:
        """Return what breaks ties: an atom of a key that nobody can add, as it has another seed."""
        made = np.empty((1, self.width), np.uint16)
        own = self.seed if seed is None else seed
        _core.digit_rows(own ^ (2**64 - 1), _NO_KEY, self.modulus, made, 1)
        return np.asarray(made[0])

    @abstractmethod
    def _chosen(self, counts: NDArray[np.int32], offsets: Digits) -> Digits:
        """Return the entries that stand for counts, shape (width, r); offsets break ties without favour."""

    def _empty_bundle(self) -> ModularBundle:
        from hypersketch.vsa.modular_bundle import ModularBundle

        return ModularBundle(self)


def most_frequent(counts: NDArray[np.int32], offsets: Digits) -> Digits:
    """Return the most frequent value of every entry; of equal ones the first from the entry's offset on."""
    modulus = counts.shape[1]
    # One number says both: the count, and of equal counts how soon its value comes.
    late = (np.arange(modulus, dtype=np.int64) - offsets[:, np.newaxis]) % modulus
    return np.asarray((counts * np.int64(modulus) - late).argmax(axis=1), np.uint16)
