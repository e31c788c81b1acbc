# SPDX-License-Identifier: Apache-2.0
"""What all spaces share: a dimension, a seed, atoms of keys, and bundles of vectors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _device_keys, _threads, _validation
from hypersketch.keys import host_hashes
from hypersketch.vsa._algebra import Algebra

Seeds: TypeAlias = NDArray[np.uint64]

MOST = 2**26
"""Largest dimension: a vector may then take half a gibibyte."""
DIM = _validation.within(1, MOST)


@dataclass(frozen=True)
class Space(Algebra):
    """Which random vector stands for which key, and how vectors are bound."""

    seed: int = 0
    """Seed of the atoms. Vectors of spaces with different seeds have nothing to do with each other."""

    _LEAST: ClassVar[int] = 1
    """Smallest dimension."""
    _MOST: ClassVar[int] = MOST
    """Largest dimension."""

    def __post_init__(self) -> None:
        owner = type(self).__name__
        object.__setattr__(self, "dim", _validation.within(self._LEAST, self._MOST)(owner, "dim", self.dim))
        object.__setattr__(self, "seed", _validation.seed(owner, "seed", self.seed))

    def _words(self, hashes: NDArray[np.uint64], n: int, threads: int) -> NDArray[np.uint64]:
        """Return n random words of every key."""
        words = np.empty((hashes.size, n), np.uint64)
        _core.atom_rows(64 * n, self.seed, hashes, words, threads)
        return words

    # ---- atoms

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
            For keys on a GPU an array there, of their library.

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
        if _device.is_on_gpu(keys):
            return self._atoms_on_gpu("atoms", *_device_keys.words_of(self._owner("atoms"), keys))
        return self._atoms_of(host_hashes(keys, threads), n_threads)

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Any:
        """Return the atoms of keys on a GPU, where the space has kernels for it."""
        raise self._not_on_gpu(method)

    def _not_on_gpu(self, method: str) -> ValueError:
        return ValueError(
            f"{self._owner(method)} has no GPU kernels (those of MAP, BSC and real spaces have). Bring the "
            "arrays to host memory."
        )

    def atoms_of_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> Any:
        """Return the atoms of keys by their hashes (`hypersketch.hash_keys` with seed 0), else as `atoms`.

        >>> import hypersketch
        >>> from hypersketch.vsa import CGR
        >>> space, hashes = CGR(128), hypersketch.hash_keys(["a", "b"])
        >>> bool((space.atoms_of_hashes(hashes) == space.atoms(["a", "b"])).all())
        True
        """
        owner = self._owner("atoms_of_hashes")
        if _device.is_on_gpu(hashes):
            return self._atoms_on_gpu("atoms_of_hashes", _device_keys.hashes_of(owner, hashes), True)
        return self._atoms_of(_validation.hashes(owner, hashes), _threads.resolve(owner, threads))

    # ---- bundles

    @abstractmethod
    def _empty_bundle(self) -> Any:
        """Return a bundle without keys."""

    def bundle(
        self,
        keys: Any = None,
        weights: Any = None,
        *,
        device: str | None = None,
        threads: int | None = None,
    ) -> Any:
        """Return a bundle: the weighted sum of the keys' atoms, which takes more as they come.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them, optional
            n keys, as for `hypersketch.hash_keys`; none by default.
        weights : array of shape (n,), optional
            One weight a key, as for the bundle's ``add``; default 1.
        device : str, optional
            Where the bundle lies: ``cpu``, ``cuda``, ``cuda:1`` and so on; default where the keys do.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        RealBundle, ModularBundle, SparseBundle or TernaryBundle
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
        where = _device.of(keys) if device is None else device
        return self._filled(made if where == "cpu" else made.to(where), keys, weights, threads)

    def _filled(self, made: Any, keys: Any, weights: Any, threads: int | None) -> Any:
        if keys is not None:
            made.add(keys, weights, threads=threads)
        elif weights is not None:
            must = "None when there are no keys"
            _validation.refuse(self._owner("bundle"), "weights", must, weights, TypeError)
        return made

    def superpose(self, vectors: Any, weights: Any = None, *, starts: Any = None) -> Any:
        """Return the bundle of given vectors as a vector of the space, or those of many batches at once.

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows
            Vectors of this space.
        weights : array of shape (n,), optional
            One weight a vector, as for the bundle's ``add``; default 1.
        starts : array of int, shape (n_bundles + 1,), optional
            Bundle b is of the rows ``starts[b]`` to ``starts[b + 1] - 1``; default one bundle of all rows.

        Returns
        -------
        ndarray
            One vector, or with ``starts`` one row a bundle, as `bundle` followed by ``add_vectors`` makes it.
            MAP-I returns sums, int32 of D entries.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for the bundle's ``add_vectors``; for a bundle of no vectors, or starts that fall or lie
            outside.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> space = BSC(10_000)
        >>> rows = space.atoms(["a", "b", "c", "x", "y"])
        >>> both = space.superpose(rows, starts=[0, 3, 5])
        >>> space.similarities(both, rows).round(1) + 0.0
        array([[0.5, 0.5, 0.5, 0. , 0. ],
               [0. , 0. , 0. , 0.5, 0.5]])
        """
        owner = self._owner("superpose")
        if _device.is_on_gpu(vectors):
            return self._superpose_on_gpu(owner, vectors, weights, starts)
        rows = np.atleast_2d(self._summands(vectors))
        edges = _validation.starts(owner, starts, len(rows))
        if not (edges[1:] > edges[:-1]).all():
            raise ValueError(f"{owner} needs at least one vector in every bundle.")
        return self._superpose(rows, weights, edges)[0 if starts is None else slice(None)]

    def _superpose_on_gpu(self, owner: str, vectors: Any, weights: Any, starts: Any) -> Any:
        raise self._not_on_gpu("superpose")

    def _summands(self, vectors: object) -> NDArray[Any]:
        """Return the vectors that are to be bundled."""
        return self._checked("superpose", "vectors", vectors)

    def _superpose(self, rows: NDArray[Any], weights: Any, edges: NDArray[np.int64]) -> NDArray[Any]:
        """Return one vector a bundle of checked rows."""
        if weights is not None and np.shape(weights) != (len(rows),):
            must = f"one weight a vector ({len(rows)} of them)"
            _validation.refuse(self._owner("superpose"), "weights", must, np.shape(weights))
        made = [self._empty_bundle().vector]  # which says what a vector looks like
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            bag = self._empty_bundle()
            bag.add_vectors(rows[start:end], None if weights is None else weights[start:end])
            made.append(bag.vector)
        return np.stack(made)[1:]

    # ---- of keys alone

    _STORES_NO_ATOMS: ClassVar[bool] = False
    """Whether the following two make atoms where they are used; elsewhere all are made first."""

    def _bundles_of(
        self, hashes: NDArray[np.uint64], edges: NDArray[np.int64], threads: int, seeds: Seeds | None = None
    ) -> Any:
        """Return bundles of runs of hashed keys as vectors, as `_superpose` makes them of atoms.

        Spaces that store no atoms take seeds besides, for which theirs is exchanged: as many bundles come of
        the first one, then as many of the second.
        """
        return self._superpose(self._atoms_of(hashes, threads), None, edges)

    def _key_similarities(
        self, vectors: Any, hashes: NDArray[np.uint64], threads: int, seeds: Seeds | None = None
    ) -> NDArray[np.float64]:
        """Return similarities of all vectors with the atoms of all hashed keys; seeds as in `_bundles_of`."""
        found: NDArray[np.float64] = self._similarities(vectors, self._atoms_of(hashes, threads), threads)
        return found

    def _seeds(self, seeds: Seeds | None) -> Seeds:
        return np.array([self.seed], np.uint64) if seeds is None else seeds

    def expected_accuracy(
        self,
        n_items: int,
        n_candidates: int = 1000,
        k: Literal["members", 1] = "members",
        *,
        pairs: bool = False,
    ) -> float:
        """Return how often what a bundle holds is found among candidates, as theory predicts.

        Parameters
        ----------
        n_items : int
            Number n of items, or of key-value pairs, in the bundle.
        n_candidates : int, default 1000
            Number N of vectors that are compared with the bundle, what it holds included.
        k : {'members', 1}, default 'members'
            What is counted: the share of the n members among the n most similar candidates, or the chance
            that one member is more similar than all N - 1 candidates that are not in the bundle.
        pairs : bool, default False
            Whether the bundle is of pairs, ``bind(value, key)``, and is unbound by one key; then it is the
            chance that this key's value comes first, whatever ``k`` is.

        Returns
        -------
        float
            In [0, 1]. Equal similarities come in random order.

        Raises
        ------
        TypeError, ValueError
            For numbers out of range, more items than candidates, and pairs of a space that cannot unbind.
        ImportError
            When SciPy is not installed.

        Notes
        -----
        `hypersketch.theory.spaces` has the formulas and where they come from: the order statistics of the
        similarities of members and others (the protocol of Schlegel, Neubert & Protzel 2022), and the
        integral of Frady, Kleyko & Sommer (2018) for one against N - 1.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, FHRR, HRR
        >>> [round(space(500).expected_accuracy(15), 3) for space in (BSC, HRR, FHRR)]
        [0.946, 0.994, 1.0]
        >>> round(HRR(500).expected_accuracy(15, pairs=True), 3)
        0.99
        """
        from hypersketch.vsa._expected import expected_accuracy

        return expected_accuracy(self, n_items, n_candidates, k, pairs)
