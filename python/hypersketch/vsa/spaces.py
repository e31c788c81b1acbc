# SPDX-License-Identifier: Apache-2.0
"""Spaces of hypervectors: which random vector stands for which key, and how vectors are bound and permuted.

A space of the MAP family (multiply, add, permute) has atoms of D entries -1 and +1. They are computed where
they are needed and kept packed, one bit an entry: bit d of a row is set where entry d is -1, so binding is
XOR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads, _validation
from hypersketch.keys import host_hashes
from hypersketch.vsa import _packed

if TYPE_CHECKING:
    from hypersketch.vsa.bundle import Bundle

DIM = _validation.within(1, 2**31 - 1)


@dataclass(frozen=True)
class MapSpace:
    """What MAP-I and MAP-B have in common: everything but how bundles answer."""

    dim: int
    """Dimension D."""
    seed: int = 0
    """Seed of the atoms. Vectors of spaces with different seeds have nothing to do with each other."""

    #: Whether bundles answer by the signs of their counters.
    binary: ClassVar[bool] = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        object.__setattr__(self, "dim", DIM(owner, "dim", self.dim))
        object.__setattr__(self, "seed", _validation.seed(owner, "seed", self.seed))

    @property
    def n_words(self) -> int:
        """Number of 64-bit words of a packed vector.

        >>> import hypersketch
        >>> hypersketch.MapI(100).n_words
        2
        """
        return _validation.words_for(self.dim)

    @property
    def nbytes(self) -> int:
        """Size of one packed vector in bytes.

        >>> import hypersketch
        >>> hypersketch.MapB(10_000).nbytes
        1256
        """
        return 8 * self.n_words

    def _owner(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def bundle(self, keys: Any = None, weights: Any = None, *, threads: int | None = None) -> Bundle:
        """Return a bundle: the weighted sum of the keys' atoms.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them, optional
            n keys, as for `hypersketch.hash_keys`; none by default.
        weights : array of int, shape (n,), optional
            One weight a key, below 2**31 in magnitude; default 1.
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

        made = Bundle(self)  # type: ignore[arg-type]  # MapI or MapB: the class above is never used itself
        if keys is not None:
            made.add(keys, weights, threads=threads)
        elif weights is not None:
            _validation.refuse(
                self._owner("bundle"), "weights", "None when there are no keys", weights, TypeError
            )
        return made

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
        hashes = host_hashes(keys, threads)
        rows = np.empty((hashes.size, self.n_words), np.uint64)
        _core.atom_rows(self.dim, self.seed, hashes, rows, _threads.resolve(self._owner("atoms"), threads))
        return rows

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
            Packed vectors. One vector binds with each row of the other argument.
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
        return _validation.packed(self._owner("inverse"), "vectors", vectors, self.dim)

    def identity(self) -> NDArray[np.uint64]:
        """Return the vector with which binding changes nothing: all entries +1.

        >>> import hypersketch
        >>> hypersketch.MapI(100).identity()
        array([0, 0], dtype=uint64)
        """
        return np.zeros(self.n_words, np.uint64)

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
        octets = rows.astype("<u8", copy=False).view(np.uint8)
        bits = np.unpackbits(octets, axis=-1, count=self.dim, bitorder="little")
        return (1 - 2 * bits.view(np.int8)).astype(np.int8, copy=False)

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
        products = self.bind(a, b).reshape(-1, self.n_words)
        scores = np.empty(products.shape[0], np.int64)
        ones = np.zeros(self.n_words, np.uint64)
        _core.packed_score_rows(ones, self.dim, products, scores, _threads.get_num_threads())
        return scores / self.dim


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

    Examples
    --------
    >>> import hypersketch
    >>> space = hypersketch.MapI(10_000)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.contains(["red", "grey"])
    array([ True, False])
    """


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
