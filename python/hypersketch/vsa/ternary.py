# SPDX-License-Identifier: Apache-2.0
"""MAP-T: vectors of -1, 0 and +1, where 0 is what a bundle says that is undecided.

A packed vector is two planes of bits, the entries that are +1 and then those that are -1. Inner products are
differences of Hamming distances: to the other vector, and to it with its planes exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _validation
from hypersketch.vsa._packed import distances, pack_bits, popcounts
from hypersketch.vsa._space import Space

if TYPE_CHECKING:
    from hypersketch.vsa.ternary_bundle import TernaryBundle

Planes = NDArray[np.uint64]


@dataclass(frozen=True)
class MapT(Space):
    """MAP-T: atoms of -1 and +1, bundles that are the signs of sums and 0 where votes are equal.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms, which are those of `MapI` and `MapB`.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Multiply, add, permute with a 0 for ties, two bits a dimension. The similarity is the cosine: for a bundle
    of two 1 / sqrt(2), where MAP-B has 1/2, because the half that is undecided adds no noise. Binding with
    atoms is undone by binding again; where a factor is 0 so is the product. What arrays on a GPU are bound,
    superposed and compared to lies there, and so do bundles made with ``device="cuda"``.

    Examples
    --------
    >>> from hypersketch.vsa import MapT
    >>> space = MapT(10_000)
    >>> bag = space.bundle(["red", "green"])
    >>> bag.similarity(["red", "grey"]).round(1) + 0.0
    array([0.7, 0. ])
    """

    @property
    def width(self) -> int:
        """Number of 64-bit words of a packed vector.

        >>> from hypersketch.vsa import MapT
        >>> MapT(10_000).width
        314
        """
        return 2 * _validation.words_for(self.dim)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a packed vector's words.

        >>> from hypersketch.vsa import MapT
        >>> MapT(10_000).dtype
        dtype('uint64')
        """
        return np.dtype(np.uint64)

    def _checked(self, method: str, name: str, value: object) -> Planes:
        owner, must = self._owner(method), f"packed vectors of uint64 with {self.width} words"
        if not isinstance(value, np.ndarray) or value.dtype != np.uint64:
            _validation.refuse(owner, name, must, getattr(value, "dtype", value), TypeError)
        if value.ndim not in (1, 2) or value.shape[-1] != self.width:
            raise ValueError(
                f"{name} has the shape {value.shape} but {owner} needs ({self.width},) or (n, {self.width}): "
                f"two planes of {self.dim} dimensions in words of 64 bits."
            )
        plus, minus = self._planes(value)
        for plane in (plus, minus):
            _validation.packed(owner, name, plane, self.dim)
        if (plus & minus).any():
            _validation.refuse(owner, name, "no entry both +1 and -1", "such entries")
        return np.ascontiguousarray(value)

    def _planes(self, rows: Planes) -> tuple[Planes, Planes]:
        """Return where entries are +1, and where -1."""
        half = self.width // 2
        return rows[..., :half], rows[..., half:]

    def _exchanged(self, rows: Planes) -> Planes:
        """Return the vectors with all signs turned round."""
        plus, minus = self._planes(rows)
        return np.concatenate([minus, plus], axis=-1)

    # ---- entries

    def unpack(self, vectors: Planes) -> NDArray[np.int8]:
        """Return the entries -1, 0 and +1 of packed vectors, shape (dim,) or (n, dim).

        >>> from hypersketch.vsa import MapT
        >>> space = MapT(4)
        >>> space.unpack(space.pack([[1, 0, -1, 0]]))
        array([[ 1,  0, -1,  0]], dtype=int8)
        """
        return self._entries(self._checked("unpack", "vectors", vectors))

    def pack(self, entries: Any) -> Planes:
        """Return packed vectors with given entries -1, 0 and +1, of shape (dim,) or (n, dim).

        >>> from hypersketch.vsa import MapT
        >>> MapT(4).pack([1, 0, -1, 0])
        array([1, 4], dtype=uint64)
        """
        owner, given = self._owner("pack"), np.asarray(entries)
        if given.dtype.kind not in "iuf":
            _validation.refuse(owner, "entries", "numbers -1, 0 and +1", given.dtype, TypeError)
        if given.ndim not in (1, 2) or given.shape[-1] != self.dim:
            shape = f"({self.dim},) or (n, {self.dim})"
            raise ValueError(f"entries has the shape {given.shape} but {owner} needs {shape}.")
        if not np.isin(given, (-1, 0, 1)).all():
            _validation.refuse(owner, "entries", "numbers -1, 0 and +1", "others")
        return self._of_entries(given)

    def _entries(self, rows: Planes) -> NDArray[np.int8]:
        octets = rows.astype("<u8", copy=False).view(np.uint8)
        half = octets.shape[-1] // 2
        plus, minus = (
            np.unpackbits(np.ascontiguousarray(part), axis=-1, count=self.dim, bitorder="little").view(
                np.int8
            )
            for part in (octets[..., :half], octets[..., half:])
        )
        return np.asarray(plus - minus, np.int8)

    def _of_entries(self, entries: NDArray[Any]) -> Planes:
        return np.concatenate([pack_bits(entries > 0), pack_bits(entries < 0)], axis=-1)

    # ---- atoms

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Planes:
        minus = np.empty((hashes.size, self.width // 2), np.uint64)
        _core.atom_rows(self.dim, self.seed, hashes, minus, threads)
        return np.concatenate([minus ^ self._planes(self.identity())[0], minus], axis=-1)

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Planes:
        from hypersketch.vsa import _ternary_on_gpu

        made: Planes = _ternary_on_gpu.atoms(self._owner(method), self, words, hashed)
        return made

    def identity(self) -> Planes:
        """Return the vector with which binding changes nothing: all entries +1.

        >>> from hypersketch.vsa import MapT
        >>> MapT(3).identity()
        array([7, 0], dtype=uint64)
        """
        return self._of_entries(np.ones(self.dim, np.int8))

    # ---- algebra

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        from hypersketch.vsa import _ternary_on_gpu

        return _ternary_on_gpu.superposed(owner, self, vectors, weights, starts)

    def bind(self, a: Planes, b: Planes) -> Planes:
        """Bind vectors: multiply them entry by entry.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (width,) or (n, width)
            Packed vectors. One vector binds with each row of the other argument.

        Returns
        -------
        ndarray of uint64
            Packed products, of the shape that ``a`` and ``b`` broadcast to.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space, or unequal numbers of rows.

        Examples
        --------
        >>> from hypersketch.vsa import MapT
        >>> space = MapT(4)
        >>> space.unpack(space.bind(space.pack([1, -1, 0, -1]), space.pack([-1, -1, 1, 0])))
        array([-1,  1,  0,  0], dtype=int8)
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            from hypersketch.vsa import _ternary_on_gpu

            made: Planes = _ternary_on_gpu.bind(self._owner("bind"), self, a, b)
            return made
        left, right = self._pair("bind", ("a", a), ("b", b))
        (p, m), (q, n) = self._planes(left), self._planes(right)
        return np.concatenate([(p & q) | (m & n), (p & n) | (m & q)], axis=-1)

    def _pair(self, method: str, first: tuple[str, Any], second: tuple[str, Any]) -> tuple[Planes, Planes]:
        a, b = (self._checked(method, name, value) for name, value in (first, second))
        self._require_rows((first[0], second[0]), a, b)
        return a, b

    def unbind(self, bound: Planes, known: Planes) -> Planes:
        """Take a known vector out of a product: bind it again. Where it is 0 nothing comes back.

        >>> from hypersketch.vsa import MapT
        >>> space = MapT(100)
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        return self.bind(bound, known)

    def inverse(self, vectors: Planes) -> Planes:
        """Return the vectors that undo binding with these, but where they are 0: themselves.

        >>> from hypersketch.vsa import MapT
        >>> space = MapT(100)
        >>> bool((space.inverse(space.atoms("a")) == space.atoms("a")).all())
        True
        """
        return self._checked("inverse", "vectors", vectors)

    def permute(self, vectors: Planes, shift: int) -> Planes:
        """Shift vectors cyclically: entry d moves to (d + shift) mod D; negative shifts undo positive ones.

        >>> from hypersketch.vsa import MapT
        >>> space = MapT(4)
        >>> space.unpack(space.permute(space.pack([1, 0, 0, -1]), 1))
        array([-1,  1,  0,  0], dtype=int8)
        """
        rows = self._checked("permute", "vectors", vectors)
        owner = self._owner("permute")
        steps = _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % self.dim
        half = self.width // 2
        planes = np.ascontiguousarray(rows.reshape(-1, half))  # of one vector after another
        out = np.empty_like(planes)
        _core.rotate_rows(planes, self.dim, steps, out)
        return out.reshape(rows.shape)

    def normalize(self, vectors: Planes) -> Planes:
        """Return vectors as they are.

        >>> from hypersketch.vsa import MapT
        >>> MapT(2).normalize(MapT(2).identity())
        array([3, 0], dtype=uint64)
        """
        return self._checked("normalize", "vectors", vectors)

    def similarity(self, a: Planes, b: Planes) -> NDArray[np.float64]:
        """Return the cosine of vectors, row by row.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (width,) or (n, width)
            Packed vectors. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            In [-1, 1]; 0 where a vector has zeros alone. One element when both are single vectors.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import MapT
        >>> space = MapT(3)
        >>> space.similarity(space.pack([1, -1, 0]), space.pack([[1, 0, 0], [1, 1, 1]])).round(2)
        array([0.71, 0.  ])
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            from hypersketch.vsa import _ternary_on_gpu

            found: NDArray[np.float64] = _ternary_on_gpu.similarity(self._owner("similarity"), self, a, b)
            return found
        left, right = self._pair("similarity", ("a", a), ("b", b))
        if left.ndim == 2 and right.ndim == 2 and 1 not in (len(left), len(right)):
            pairs = zip(left, right, strict=True)
            rows = [self._similarities(x[np.newaxis], y[np.newaxis], 1)[0, 0] for x, y in pairs]
            return np.array(rows, np.float64)
        return self._similarities(np.atleast_2d(left), np.atleast_2d(right), 1).reshape(-1)

    def _similarities(self, a: Planes, b: Planes, threads: int) -> NDArray[np.float64]:
        same, other = (
            distances(rows, b, 64 * self.width, threads).astype(np.float64)
            for rows in (a, self._exchanged(a))
        )
        inner = (other - same) / 2
        sizes = np.sqrt(np.multiply.outer(popcounts(a), popcounts(b), dtype=np.float64))
        return np.divide(inner, sizes, out=np.zeros_like(inner), where=sizes > 0)

    def _empty_bundle(self) -> TernaryBundle:
        from hypersketch.vsa.ternary_bundle import TernaryBundle

        return TernaryBundle(self)
