# SPDX-License-Identifier: Apache-2.0
"""Names, categories, symbols: things that are equal or have nothing in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation
from hypersketch.keys import host_hashes, is_single
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa.encoders._base import Encoder, Vectors, derived, nearest_rows
from hypersketch.vsa.encoders._bundling import result_rows
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.ternary import MapT


@dataclass(frozen=True)
class RandomEncoder(Encoder):
    """Keys by atoms: a random vector each.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.
    categories : sequence of keys, optional
        The only keys there are: others are refused, and `decode` knows them.
    seed : int in [0, 2**64) or None, default None
        Encoders of different seeds have vectors that have nothing to do with each other. None takes the
        atoms of the space itself, ``space.atoms(keys)``.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and categories that are none or come twice.

    Notes
    -----
    Any number of keys costs no memory: atoms are computed. The similarity of different keys has the mean 0
    (1/r in `CGR` and `SparseBlockCodes`, about 1 / sqrt(D) in `BSDC`) and, in MAP-I, MAP-B, BSC, HRR and
    VTB, the variance 1/D; in FHRR 1 / (2 D).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import RandomEncoder
    >>> space = BSC(10_000)
    >>> colours = RandomEncoder(space, categories=("red", "green", "blue"))
    >>> mixed = space.superpose(colours.encode(["red", "red", "blue"]))
    >>> colours.decode(mixed)
    array(['red'], dtype='<U5')
    """

    categories: tuple[Any, ...] | None = None
    """The only keys there are; None for any."""
    seed: int | None = None
    """Seed of the vectors, besides that of the space; None for the atoms of the space."""

    _SEED_IS_OPTIONAL: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = self._init()
        if self.categories is None:
            return
        given = self.categories
        must = "a sequence of one or more keys, all different"
        if is_single(given):
            _validation.refuse(owner, "categories", must, given, TypeError)
        self._set("categories", tuple(given.tolist() if isinstance(given, np.ndarray) else given))
        hashes = host_hashes(list(self.categories or ()), None)
        if hashes.size == 0 or np.unique(hashes).size < hashes.size:
            _validation.refuse(owner, "categories", must, self.categories)

    @cached_property
    def _own(self) -> Any:
        return self.space if self.seed is None else derived(self.space, "RandomEncoder", self.seed)

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of the categories in order, and which category each is of."""
        hashes = host_hashes(list(self.categories or ()), None)
        order = np.argsort(hashes)
        return hashes[order], order

    @cached_property
    def table(self) -> Vectors:
        """The vectors of the categories, one a row; read-only.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import RandomEncoder
        >>> RandomEncoder(BSC(64), categories="abc".split("b")).table.shape
        (2, 1)
        """
        self._require_categories("table")
        made: Vectors = self._own.atoms(list(self.categories or ()))
        made.flags.writeable = False
        return made

    def _require_categories(self, method: str) -> None:
        if self.categories is None:
            raise ValueError(f"{self._owner(method)} needs categories: without them any key has a vector.")

    def indices(self, values: Any) -> NDArray[np.int64]:
        """Return which category each key is, from 0.

        Parameters
        ----------
        values : keys
            As for `hypersketch.hash_keys`.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For what is no key, keys that are no category, and encoders without categories.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import RandomEncoder
        >>> RandomEncoder(BSC(64), categories=["a", "b"]).indices(["b", "b", "a"])
        array([1, 1, 0])
        """
        self._require_categories("indices")
        return self._places(host_hashes(values, None), values)

    def _places(self, hashes: NDArray[np.uint64], values: Any) -> NDArray[np.int64]:
        known, order = self._sorted
        places = np.minimum(np.searchsorted(known, hashes), known.size - 1)
        strange = known[places] != hashes
        if strange.any():
            first = int(strange.argmax())
            came = values if is_single(values) else list(values)[first]
            _validation.refuse(self._owner("encode"), "values", "keys that are categories", came)
        return order[places]

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return the vectors of keys.

        Parameters
        ----------
        values : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space.

        Raises
        ------
        TypeError, ValueError
            For what is no key, and keys that are no category where there are categories.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import RandomEncoder
        >>> RandomEncoder(BSC(128)).encode(["a", "b"]).shape
        (2, 2)
        """
        if self.categories is None:
            vectors: Vectors = self._own.atoms(values, threads=threads)
            return vectors
        return np.asarray(self.table[self.indices(values)])

    def decode(self, vectors: Vectors) -> NDArray[Any]:
        """Return the category that each vector is most similar to.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of the space, with noise or without.

        Returns
        -------
        ndarray, shape (n,)
            Categories; the first of equally similar ones.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space, and encoders without categories.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import RandomEncoder
        >>> digits = RandomEncoder(BSC(1000), categories=range(10))
        >>> digits.decode(digits.encode([7, 3]))
        array([7, 3])
        """
        self._require_categories("decode")
        found: NDArray[Any] = np.array(self.categories)[nearest_rows(self.space, vectors, self.table)]
        return found

    def _codes(self, values: Any, threads: int | None) -> tuple[Vectors, NDArray[np.int64]]:
        hashes = host_hashes(values, threads)
        if self.categories is not None:
            return self.table, self._places(hashes, values)
        distinct, which = np.unique(hashes, return_inverse=True)
        asked = _threads.resolve(self._owner("encode"), threads)
        return self._own._atoms_of(distinct, asked), which.reshape(-1)


@dataclass(frozen=True)
class IdentityEncoder(Encoder):
    """Every value by the vector with which binding changes nothing: that something is there, not what.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.

    Raises
    ------
    TypeError
        For what is no space.

    Examples
    --------
    >>> from hypersketch.vsa import MapC
    >>> from hypersketch.vsa.encoders import IdentityEncoder
    >>> IdentityEncoder(MapC(3)).encode(["any", "thing"])
    array([[1., 1., 1.],
           [1., 1., 1.]], dtype=float32)
    """

    def __post_init__(self) -> None:
        self._init()

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return the identity as often as there are values.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import IdentityEncoder
        >>> IdentityEncoder(BSC(64)).encode([1, 2])
        array([[0],
               [0]], dtype=uint64)
        """
        return np.tile(self.space.identity(), (_count(values), 1))

    def _codes(self, values: Any, threads: int | None) -> tuple[Vectors, NDArray[np.int64]]:
        return self.space.identity()[np.newaxis], np.zeros(len(values), np.int64)


@dataclass(frozen=True)
class EmptyEncoder(Encoder):
    """Every value by the vector that adds nothing to a bundle: what is not there.

    Parameters
    ----------
    space : MapI, MapT, MapC, HRR, FHRR, VTB, TVTB, MBAT or BSDC
        The space of the vectors: one that has such a vector.

    Raises
    ------
    TypeError
        For what is no such space.

    Examples
    --------
    >>> from hypersketch.vsa import HRR
    >>> from hypersketch.vsa.encoders import EmptyEncoder
    >>> EmptyEncoder(HRR(3)).encode(["nothing"])
    array([[0., 0., 0.]], dtype=float32)
    """

    def __post_init__(self) -> None:
        owner = self._init()
        space = self.space
        packed_sums = isinstance(space, MapSpace) and not space.binary
        if not (packed_sums or isinstance(space, MapT | RealSpace | BSDC)):
            must = "a MapI, MapT, MapC, HRR, FHRR, VTB, TVTB, MBAT or BSDC, which have a vector of zeros"
            _validation.refuse(owner, "space", must, space, TypeError)

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return zeros for as many values; sums of MAP-I (int32, shape (n, dim)).

        >>> from hypersketch.vsa import MapI
        >>> from hypersketch.vsa.encoders import EmptyEncoder
        >>> EmptyEncoder(MapI(2)).encode([1, 2, 3]).shape
        (3, 2)
        """
        made = result_rows(self.space, _count(values))
        made[...] = 0
        return made


def _count(values: Any) -> int:
    return 1 if is_single(values) or np.ndim(values) == 0 else len(values)
