# SPDX-License-Identifier: Apache-2.0
"""What the MAP family (multiply, add, permute) has in common.

Atoms have D entries -1 and +1. They are computed where they are needed and kept packed, one bit an entry: bit
d of a row is set where entry d is -1, so binding is XOR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch.vsa import _entries, _packed
from hypersketch.vsa._space import Space

if TYPE_CHECKING:
    from hypersketch.vsa.bundle import Bundle

MOST = 2**31 - 1
DIM = _validation.within(1, MOST)


@dataclass(frozen=True)
class MapSpace(Space):
    """What MAP-I and MAP-B have in common: everything but how bundles answer."""

    #: Whether bundles answer by the signs of their counters.
    binary: ClassVar[bool] = False
    #: What clear and set bits stand for.
    _ENTRIES: ClassVar[tuple[int, int]] = (1, -1)

    _MOST = MOST

    @property
    def n_words(self) -> int:
        """Number of 64-bit words of a packed vector.

        >>> import hypersketch
        >>> hypersketch.MapI(100).n_words
        2
        """
        return _validation.words_for(self.dim)

    @property
    def width(self) -> int:
        """Number of 64-bit words of a packed vector, as `n_words`.

        >>> import hypersketch
        >>> hypersketch.MapI(100).width
        2
        """
        return self.n_words

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a packed vector's words.

        >>> import hypersketch
        >>> hypersketch.MapI(100).dtype
        dtype('uint64')
        """
        return np.dtype(np.uint64)

    def _checked(self, method: str, name: str, value: object) -> NDArray[Any]:
        return _validation.packed(self._owner(method), name, value, self.dim)

    def bundle(
        self,
        keys: Any = None,
        weights: Any = None,
        *,
        device: str | None = None,
        threads: int | None = None,
    ) -> Bundle:
        """Return a bundle: the weighted sum of the keys' atoms.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them, optional
            n keys, as for `hypersketch.hash_keys`; none by default.
        weights : array of int, shape (n,), optional
            One weight a key, below 2**31 in magnitude; default 1.
        device : str, optional
            Where the bundle lies: ``cpu``, ``cuda``, ``cuda:1`` and so on; default where the keys do.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        Bundle
            In this space. The atoms are not stored.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As `Bundle.add`.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapI(10_000).bundle(["red", "green"], weights=[5, -2])
        >>> bag.similarity(["red", "green", "blue"]).round()
        array([ 5., -2.,  0.])
        """
        from hypersketch.vsa.bundle import Bundle

        # MapI or MapB: the class itself is never used.
        made = Bundle(self, device=_device.of(keys) if device is None else device)  # type: ignore[arg-type]
        filled: Bundle = self._filled(made, keys, weights, threads)
        return filled

    def _empty_bundle(self) -> Bundle:
        from hypersketch.vsa.bundle import Bundle

        return Bundle(self)  # type: ignore[arg-type]  # MapI or MapB: the class above is never used itself

    def _ties(self) -> NDArray[np.uint64]:
        """Return the space's own vector, whose signs stand where votes are equal."""
        packed = np.empty(self.n_words, np.uint64)
        _core.pack_signs(np.zeros(self.dim, np.int32), self.seed, packed)
        return packed

    def atoms(self, keys: Any, *, threads: int | None = None) -> NDArray[np.uint64]:
        """Return the atoms of keys: their random vectors, packed.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of uint64, shape (n, n_words)
            A row a key, one bit a dimension: set for -1, clear for +1. Bits beyond the dimension are zero.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Notes
        -----
        Word j of the atom of a key with hash h is the j-th word of the SplitMix64 stream of (seed, h).

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.MapI(100).atoms(["a", "b"]).shape
        (2, 2)
        """
        rows: NDArray[np.uint64] = super().atoms(keys, threads=threads)
        return rows

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> NDArray[np.uint64]:
        rows = np.empty((hashes.size, self.n_words), np.uint64)
        _core.atom_rows(self.dim, self.seed, hashes, rows, threads)
        return rows

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Any:
        from hypersketch.vsa import _on_gpu

        return _on_gpu.atoms(self._owner(method), words, hashed, self.dim, self.seed)

    def bind(
        self,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        *,
        out: NDArray[np.uint64] | None = None,
        threads: int | None = None,
    ) -> NDArray[np.uint64]:
        """Bind packed vectors: multiply them entry by entry.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors, in host memory or both on one GPU. One vector binds with each row of the other
            argument.
        out : ndarray of uint64, optional
            Where to write the products; it may be ``a`` or ``b``. Apart from them it may have been written to
            when vectors with bits beyond the dimension are refused.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of uint64
            Packed products, of the shape that ``a`` and ``b`` broadcast to. Binding with the same vector
            again undoes it.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space, unequal numbers of rows, or an output of
            another shape.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> name, value = space.atoms(["name", "value"])
        >>> bool((space.bind(space.bind(name, value), value) == name).all())
        True
        """
        return _packed.bind(self._owner("bind"), a, b, self.dim, out, threads)

    def permute(
        self,
        vectors: NDArray[np.uint64],
        shift: int,
        *,
        out: NDArray[np.uint64] | None = None,
        threads: int | None = None,
    ) -> NDArray[np.uint64]:
        """Shift packed vectors cyclically: entry d moves to (d + shift) mod D.

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors.
        shift : int
            By how much; negative shifts undo positive ones.
        out : ndarray of uint64, optional
            Where to write, apart from the vectors.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of uint64
            Packed vectors of the same shape.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space, a shift that is not an integer, or an output
            of another shape or that shares memory with the vectors.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> a = space.atoms("a")
        >>> bool((space.permute(space.permute(a, 3), -3) == a).all())
        True
        """
        return _packed.rotate(self._owner("permute"), vectors, self.dim, shift, out, threads)

    def unbind(self, bound: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Take a known vector out of a product, exactly: bind it again.

        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        return self.bind(bound, known)

    def inverse(self, vectors: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the vectors that undo binding with these: themselves.

        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> bool((space.inverse(space.atoms("a")) == space.atoms("a")).all())
        True
        """
        return self._checked("inverse", "vectors", vectors)

    def normalize(self, vectors: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return packed vectors as they are: they have no other length.

        >>> import hypersketch
        >>> space = hypersketch.MapB(100)
        >>> bool((space.normalize(space.atoms("a")) == space.atoms("a")).all())
        True
        """
        if _device.is_on_gpu(vectors):
            return vectors
        return self._checked("normalize", "vectors", vectors)

    def identity(self) -> NDArray[np.uint64]:
        """Return the vector with which binding changes nothing: all entries +1.

        >>> import hypersketch
        >>> hypersketch.MapI(100).identity()
        array([0, 0], dtype=uint64)
        """
        return np.zeros(self.n_words, np.uint64)

    def pack(self, entries: ArrayLike) -> NDArray[np.uint64]:
        """Return packed vectors of plain entries, what `unpack` undoes.

        Parameters
        ----------
        entries : array, shape (dim,) or (n, dim)
            Numbers -1 and +1 (`BSC`: 0 and 1), or bools: True for what sets a bit, so for -1 and for 1.

        Returns
        -------
        ndarray of uint64, shape (n_words,) or (n, n_words)

        Raises
        ------
        TypeError, ValueError
            For arrays of another type or shape, or with other entries.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(4)
        >>> space.pack([1, -1, 1, 1]), space.unpack(space.pack([1, -1, 1, 1]))
        (array([2], dtype=uint64), array([ 1, -1,  1,  1], dtype=int8))
        """
        return _entries.packed(self._owner("pack"), entries, self.dim, *self._ENTRIES)

    def unpack(self, vectors: NDArray[np.uint64]) -> NDArray[Any]:
        """Return the entries -1 and +1 of packed vectors.

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors.

        Returns
        -------
        ndarray of int8, shape (dim,) or (n, dim)

        Raises
        ------
        TypeError, ValueError
            For arrays that are not packed vectors of this space.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.MapI(4).unpack(hypersketch.MapI(4).atoms("a")).shape
        (1, 4)
        """
        rows = _validation.packed(self._owner("unpack"), "vectors", vectors, self.dim)
        bits = self._entries(rows)
        return (1 - 2 * bits.view(np.int8)).astype(np.int8, copy=False)

    def _power(self, rows: NDArray[Any], exponent: Any) -> NDArray[Any]:
        return rows if exponent % 2 else np.broadcast_to(self.identity(), rows.shape).copy()

    def _entries(self, rows: NDArray[Any]) -> NDArray[Any]:
        octets = rows.astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(octets, axis=-1, count=self.dim, bitorder="little")

    def _of_entries(self, entries: NDArray[Any]) -> NDArray[Any]:
        return _packed.pack_bits(entries)

    def similarity(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the similarity of packed vectors, row by row: their inner product over the dimension.

        Parameters
        ----------
        a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            In [-1, 1]; 1 - 2 h / D for h differing entries. One element when both arguments are single
            vectors.

        Raises
        ------
        TypeError, ValueError
            As `bind`.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(100)
        >>> space.similarity(space.atoms("a"), space.atoms("a"))
        array([1.])
        """
        if _device.is_on_gpu(a) or _device.is_on_gpu(b):
            from hypersketch.vsa import _scores_on_gpu

            found: NDArray[np.float64] = _scores_on_gpu.similarity(self._owner("similarity"), a, b, self.dim)
            return found
        products = self.bind(a, b).reshape(-1, self.n_words)
        scores = np.empty(products.shape[0], np.int64)
        ones = np.zeros(self.n_words, np.uint64)
        _core.packed_score_rows(ones, self.dim, products, scores, _threads.get_num_threads())
        return scores / self.dim

    def _similarities(self, a: NDArray[Any], b: NDArray[Any], threads: int) -> NDArray[np.float64]:
        differing = _packed.distances(a, b, self.dim, threads)
        return np.asarray((self.dim - 2 * differing.astype(np.float64)) / self.dim)
