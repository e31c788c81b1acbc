# SPDX-License-Identifier: Apache-2.0
"""Binary sparse distributed codes: vectors with few ones, united by OR, bound by shifts or by thinning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hypersketch import _core, _validation
from hypersketch.keys import hash_keys
from hypersketch.vsa import _entries
from hypersketch.vsa._packed import distances, pack_bits, popcounts
from hypersketch.vsa._space import Space

if TYPE_CHECKING:
    from hypersketch.vsa.sparse_bundle import SparseBundle

Bits = NDArray[np.uint8]
Packed = NDArray[np.uint64]
Variant = Literal["cdt", "s", "seg"]

VARIANT = _validation.one_of("cdt", "s", "seg")
_MOST_ROTATIONS = 1000
"""Of thinning; what needs more is thin enough."""


@dataclass(frozen=True)
class BSDC(Space):
    """BSDC: about sqrt(D) ones in D bits; bundles are unions.

    Parameters
    ----------
    dim : int in [16, 2**26]
        Dimension D. Atoms have k = ceil(sqrt(D)) ones.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the rotations that thin.
    variant : {'cdt', 's', 'seg'}, default 'cdt'
        How vectors are bound. ``s``: the first is rotated by the sum of the places of the second one's ones.
        ``seg``: atoms have one 1 in each of k segments, and every segment is rotated by the place of the
        second one's 1. ``cdt``: context-dependent thinning of the union (`thin`), which cannot be undone: a
        product is like its factors, and only the same factors make the same one.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Rachkovskij (2001) for thinning, Schlegel, Neubert & Protzel (2022) for the three. The similarity is the
    overlap over the geometric mean of both numbers of ones: about 1 / sqrt(n) for a member of a union of n
    atoms, 1 / sqrt(D) for strangers.

    Examples
    --------
    >>> from hypersketch.vsa import BSDC
    >>> space = BSDC(10_000, variant="seg")
    >>> value, role = space.atoms(["value", "role"])
    >>> bool((space.unbind(space.bind(value, role), role) == value).all())
    True
    >>> space.bundle(["red", "green", "blue"]).similarity(["red", "grey"]).round(1)
    array([0.6, 0. ])
    """

    variant: Variant = "cdt"
    """How vectors are bound."""

    _LEAST = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        VARIANT("BSDC", "variant", self.variant)

    @property
    def n_ones(self) -> int:
        """Number k of ones of an atom.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(10_000).n_ones
        100
        """
        return math.isqrt(self.dim - 1) + 1

    @property
    def width(self) -> int:
        """Number of 64-bit words of a packed vector.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(10_000).width
        157
        """
        return _validation.words_for(self.dim)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a packed vector's words.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(10_000).dtype
        dtype('uint64')
        """
        return np.dtype(np.uint64)

    def _checked(self, method: str, name: str, value: object) -> Packed:
        return _validation.packed(self._owner(method), name, value, self.dim)

    @property
    def _edges(self) -> NDArray[np.int64]:
        """Where the segments begin, and where the last one ends."""
        return np.arange(self.n_ones + 1) * self.dim // self.n_ones

    # ---- bits

    def pack(self, bits: ArrayLike) -> Packed:
        """Return packed vectors of zeros and ones or bools, shape (dim,) or (n, dim), of any number of ones.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(16).pack([0, 1, 1] + 13 * [0])
        array([6], dtype=uint64)
        """
        return _entries.packed(self._owner("pack"), bits, self.dim, 0, 1)

    def unpack(self, vectors: Packed) -> Bits:
        """Return the zeros and ones of packed vectors, shape (dim,) or (n, dim).

        >>> from hypersketch.vsa import BSDC
        >>> int(BSDC(10_000).unpack(BSDC(10_000).atoms("a")).sum())
        100
        """
        return self._bits(self._checked("unpack", "vectors", vectors))

    def _bits(self, rows: Packed) -> Bits:
        octets = rows.astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(octets, axis=-1, count=self.dim, bitorder="little")

    def _entries(self, rows: Packed) -> Bits:
        return self._bits(rows)

    def _of_entries(self, entries: Bits) -> Packed:
        return pack_bits(entries)

    # ---- atoms

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Packed:
        rows = np.empty((hashes.size, self.width), np.uint64)
        _core.sparse_rows(self.seed, hashes, self.dim, self.n_ones, self.variant == "seg", rows, threads)
        return rows

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Packed:
        from hypersketch.vsa import _sparse_on_gpu

        made: Packed = _sparse_on_gpu.atoms(self._owner(method), self, words, hashed)
        return made

    def identity(self) -> Packed:
        """Return the second factor with which binding changes nothing.

        For ``s`` and ``cdt`` it has no ones, for ``seg`` one at the start of every segment.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(64).identity()
        array([0], dtype=uint64)
        """
        bits = np.zeros(self.dim, np.uint8)
        if self.variant == "seg":
            bits[self._edges[:-1]] = 1
        return pack_bits(bits)

    # ---- algebra

    def _pair(self, method: str, first: tuple[str, Any], second: tuple[str, Any]) -> tuple[Bits, Bits]:
        """Return the bits of two batches of vectors whose rows go together."""
        a, b = (self._bits(self._checked(method, name, value)) for name, value in (first, second))
        self._require_rows((first[0], second[0]), a, b)
        return a, b

    def bind(self, a: Packed, b: Packed) -> Packed:
        """Bind packed vectors, as the variant does.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors. One vector binds with each row of the other argument.

        Returns
        -------
        ndarray of uint64
            Packed products, of the shape that ``a`` and ``b`` broadcast to.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space, unequal numbers of rows, and for ``seg`` a
            second factor that has not one 1 in every segment.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(1000, variant="s")
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        left, right = self._pair("bind", ("a", a), ("b", b))
        if self.variant == "cdt":
            return pack_bits(self._thinned(left | right))
        return pack_bits(self._turned("bind", left, right, 1))

    def unbind(self, bound: Packed, known: Packed) -> Packed:
        """Take a known vector out of a product ``bind(x, known)``, exactly; otherwise as `bind`.

        Raises
        ------
        TypeError, ValueError
            As for `bind`, and for ``cdt``, which cannot be undone.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(1000, variant="s")
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        if self.variant == "cdt":
            raise ValueError(
                "Binding by thinning (variant='cdt') cannot be undone: compare products instead."
            )
        product, factor = self._pair("unbind", ("bound", bound), ("known", known))
        return pack_bits(self._turned("unbind", product, factor, -1))

    def inverse(self, vectors: Packed) -> Packed:
        """Return the vectors that undo binding with these; only ``seg`` has such.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors with one 1 a segment, and for the other variants.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(100, variant="seg")
        >>> a = space.atoms("a")
        >>> bool((space.bind(a, space.inverse(a)) == space.identity()).all())
        True
        """
        if self.variant != "seg":
            raise ValueError(f"BSDC(variant={self.variant!r}) has no vectors that undo binding with others.")
        rows = self._bits(_validation.packed(self._owner("inverse"), "vectors", vectors, self.dim))
        edges = self._edges
        places = edges[:-1] + -self._segment_places("inverse", rows) % np.diff(edges)
        bits = np.zeros(rows.shape, np.uint8)
        np.put_along_axis(bits, places, 1, axis=-1)
        return pack_bits(bits)

    def _turned(self, method: str, bits: Bits, by: Bits, sign: int) -> Bits:
        """Return bits rotated, whole or by segments, as other bits tell."""
        places = np.arange(self.dim)
        if self.variant == "s":
            steps = (by @ places) % self.dim
            source = (places - sign * steps[..., np.newaxis]) % self.dim
        else:
            edges = self._edges
            lengths, segment = np.diff(edges), np.repeat(np.arange(self.n_ones), np.diff(edges))
            steps = self._segment_places(method, by)[..., segment]
            begins = edges[segment]
            source = begins + (places - begins - sign * steps) % lengths[segment]
        shape = np.broadcast_shapes(bits.shape, source.shape)
        return np.take_along_axis(np.broadcast_to(bits, shape), np.broadcast_to(source, shape), axis=-1)

    def _segment_places(self, method: str, bits: Bits) -> NDArray[np.int64]:
        """Return where in its segment each 1 is."""
        edges = self._edges
        if not (np.add.reduceat(bits, edges[:-1], axis=-1) == 1).all():
            name = {"bind": "b", "unbind": "known"}.get(method, "vectors")
            must = f"vectors with one 1 in each of {self.n_ones} segments"
            _validation.refuse(self._owner(method), name, must, "others")
        ones = bits.nonzero()[-1].reshape(*bits.shape[:-1], self.n_ones)
        return np.asarray(ones - edges[:-1], np.int64)

    def thin(self, vectors: Packed) -> Packed:
        """Return vectors with about k of their ones; which ones depends on all of them.

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors, for example unions.

        Returns
        -------
        ndarray of uint64
            Packed vectors of the same shape; those with no more than k ones as they are.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space.

        Notes
        -----
        Context-dependent thinning, the subtractive form: a 1 stays when none of K fixed random rotations of
        the vector meets it. K is the whole number that leaves k ones of a random vector of as many.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(10_000)
        >>> thinned = space.thin(space.bundle(range(10)).vector)
        >>> 60 < int(space.unpack(thinned).sum()) < 140
        True
        """
        rows = self._checked("thin", "vectors", vectors)
        return pack_bits(self._thinned(self._bits(rows)))

    def _thinned(self, bits: Bits) -> Bits:
        if bits.ndim == 2:
            return np.stack([self._thinned(row) for row in bits]) if len(bits) else bits
        n, k = int(bits.sum()), self.n_ones
        if n <= k:
            return bits
        rotations = round(math.log(k / n) / math.log1p(-n / self.dim)) if n < self.dim else 0
        met = np.zeros_like(bits)
        for steps in self._rotations(min(rotations, _MOST_ROTATIONS)):
            met |= np.roll(bits, steps)
        return bits & (1 - met)

    def _rotations(self, n: int) -> list[int]:
        """Return the first n of the space's random rotations."""
        words = np.empty((1, _MOST_ROTATIONS), np.uint64)
        _core.atom_rows(64 * _MOST_ROTATIONS, self.seed ^ (2**64 - 1), hash_keys(0), words, 1)
        drawn = 1 + ((words[0, :n] >> np.uint64(32)).astype(np.int64) * (self.dim - 1) >> 32)
        return [int(steps) for steps in drawn]

    def permute(self, vectors: Packed, shift: int) -> Packed:
        """Shift packed vectors cyclically: bit d moves to d + shift; negative shifts undo positive ones.

        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(100)
        >>> a = space.atoms("a")
        >>> bool((space.permute(space.permute(a, 3), -3) == a).all())
        True
        """
        owner = self._owner("permute")
        rows = self._checked("permute", "vectors", vectors)
        steps = _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % self.dim
        out = np.empty_like(rows)
        words = rows.shape[-1]
        _core.rotate_rows(rows.reshape(-1, words), self.dim, steps, out.reshape(-1, words))
        return out

    def similarity(self, a: Packed, b: Packed) -> NDArray[np.float64]:
        """Return the overlap of packed vectors over the geometric mean of their numbers of ones, row by row.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            In [0, 1]; 0 where a vector has no ones. One element when both arguments are single vectors.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC
        >>> BSDC(100).similarity(BSDC(100).atoms("a"), BSDC(100).atoms("a"))
        array([1.])
        """
        left, right = self._pair("similarity", ("a", a), ("b", b))
        overlap = (left & right).sum(axis=-1, dtype=np.float64)
        sizes = np.sqrt(left.sum(axis=-1, dtype=np.float64) * right.sum(axis=-1, dtype=np.float64))
        return np.atleast_1d(np.divide(overlap, sizes, out=np.zeros_like(overlap), where=sizes > 0))

    def _similarities(self, a: Packed, b: Packed, threads: int) -> NDArray[np.float64]:
        mine, theirs = (popcounts(rows) for rows in (a, b))
        doubled = np.add.outer(mine, theirs) - distances(a, b, self.dim, threads)
        if theirs.size and theirs.min() == theirs.max():  # as of atoms: one root a row
            theirs = theirs[:1]
        sizes = np.sqrt(np.multiply.outer(mine, theirs, dtype=np.float64))
        sizes[sizes == 0] = np.inf
        return np.asarray(0.5 * doubled / sizes)

    def normalize(self, vectors: Packed) -> Packed:
        """Return packed vectors as the space keeps them: for ``cdt`` thinned, otherwise as they are.

        >>> from hypersketch.vsa import BSDC
        >>> space = BSDC(10_000)
        >>> union = space.superpose(space.atoms(range(10)))
        >>> [int(space.unpack(vector).sum()) > 140 for vector in (union, space.normalize(union))]
        [True, False]
        """
        rows = self._checked("normalize", "vectors", vectors)
        return pack_bits(self._thinned(self._bits(rows))) if self.variant == "cdt" else rows

    def _power(self, rows: Packed, exponent: Any) -> Packed:
        if self.variant != "seg":
            raise ValueError(f"BSDC '{self.variant}' has no powers: its binding is not associative.")
        return super()._power(rows, exponent)

    def _superpose(self, rows: Packed, weights: Any, edges: NDArray[np.int64]) -> Packed:
        if weights is not None:
            return np.asarray(super()._superpose(rows, weights, edges), np.uint64)
        return np.asarray(np.bitwise_or.reduceat(rows, edges[:-1], axis=0))

    def _empty_bundle(self) -> SparseBundle:
        from hypersketch.vsa.sparse_bundle import SparseBundle

        return SparseBundle(self)
