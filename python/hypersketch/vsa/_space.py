# SPDX-License-Identifier: Apache-2.0
"""What spaces share whose vectors are made in NumPy: a dimension, a seed, atoms of keys and bundles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads, _validation
from hypersketch.keys import host_hashes

MOST = 2**26
"""Largest dimension: a vector may then take half a gibibyte."""
DIM = _validation.within(1, MOST)


@dataclass(frozen=True)
class Space(ABC):
    """Which random vector stands for which key, and how vectors are bound."""

    dim: int
    """Dimension D."""
    seed: int = 0
    """Seed of the atoms. Vectors of spaces with different seeds have nothing to do with each other."""

    _LEAST: ClassVar[int] = 1
    """Smallest dimension."""

    def __post_init__(self) -> None:
        owner = type(self).__name__
        object.__setattr__(self, "dim", _validation.within(self._LEAST, MOST)(owner, "dim", self.dim))
        object.__setattr__(self, "seed", _validation.seed(owner, "seed", self.seed))

    def _owner(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _require_rows(self, names: tuple[str, str], a: NDArray[Any], b: NDArray[Any]) -> None:
        """Refuse batches whose rows do not go together."""
        if a.ndim == b.ndim == 2 and len(a) != len(b) and 1 not in (len(a), len(b)):
            raise ValueError(f"{names[0]} has {len(a)} rows but {names[1]} has {len(b)}.")

    def _words(self, hashes: NDArray[np.uint64], n: int, threads: int) -> NDArray[np.uint64]:
        """Return n random words of every key."""
        words = np.empty((hashes.size, n), np.uint64)
        _core.atom_rows(64 * n, self.seed, hashes, words, threads)
        return words

    @abstractmethod
    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Any:
        """Return the atoms of hashed keys, one a row."""

    def atoms(self, keys: Any, *, threads: int | None = None) -> Any:
        """Return the atoms of keys: their random vectors.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray
            One row a key, of the form of the space: a function of the seed and the key alone. Real numbers
            are the same on every machine but for the last digit of what its mathematical library returns.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC, CGR, HRR
        >>> [space.atoms(["a", "b"]).shape for space in (HRR(128), CGR(128), BSDC(128))]
        [(2, 128), (2, 128), (2, 2)]
        """
        n_threads = _threads.resolve(self._owner("atoms"), threads)
        return self._atoms_of(host_hashes(keys, threads), n_threads)

    @abstractmethod
    def permute(self, vectors: Any, shift: int) -> Any:
        """Shift vectors cyclically."""

    @abstractmethod
    def _empty_bundle(self) -> Any:
        """Return a bundle without keys."""

    def bundle(self, keys: Any = None, weights: Any = None, *, threads: int | None = None) -> Any:
        """Return a bundle: the weighted sum of the keys' atoms, which takes more as they come.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them, optional
            n keys, as for `hypersketch.hash_keys`; none by default.
        weights : array of shape (n,), optional
            One weight a key, as for the bundle's ``add``; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        RealBundle, ModularBundle or SparseBundle
            In this space.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As the bundle's ``add``.

        Examples
        --------
        >>> from hypersketch.vsa import BSDC, CGR, HRR
        >>> for space in (HRR(10_000), CGR(10_000), BSDC(10_000)):
        ...     print(space.bundle(["red", "green"]).similarity(["red", "blue"]).round(1) + 0.0)
        [0.7 0. ]
        [0.5 0. ]
        [0.7 0. ]
        """
        made = self._empty_bundle()
        if keys is not None:
            made.add(keys, weights, threads=threads)
        elif weights is not None:
            must = "None when there are no keys"
            _validation.refuse(self._owner("bundle"), "weights", must, weights, TypeError)
        return made
