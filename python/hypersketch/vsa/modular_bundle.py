# SPDX-License-Identifier: Apache-2.0
"""Bundles of vectors of small integers: one int32 counter for every value of every entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation, files
from hypersketch._additive import Counters
from hypersketch._stored import Tally
from hypersketch._structure import chunks, tally_of
from hypersketch.keys import hash_keys, host_hashes
from hypersketch.vsa.modular import CGR, DIM, MCR, MODULUS, Digits, ModularSpace, SparseBlockCodes

_KINDS: dict[str, type[CGR | MCR | SparseBlockCodes]] = {
    "CGR": CGR,
    "MCR": MCR,
    "SparseBlockCodes": SparseBlockCodes,
}


@files.register
class ModularBundle(Counters):
    """How often every entry of the vectors added has every value.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : CGR, MCR or SparseBlockCodes
        The space whose atoms it counts.

    Raises
    ------
    TypeError
        When ``space`` is no such space.

    Notes
    -----
    Adding is linear and exact: the order does not matter, merging equals adding the other's keys, and
    `remove` undoes `add`. Counters stay within int32: an addition that could make one leave it raises
    OverflowError and changes nothing. It takes 4 r bytes an entry; `vector` is the bundle in the form of the
    space.

    Examples
    --------
    >>> from hypersketch.vsa import CGR
    >>> bag = CGR(1000).bundle(["red", "green"])
    >>> bag.add("blue", weights=[2])
    >>> bag.similarity(["blue", "red"]).round(1)
    array([1., 0.])
    >>> bag
    ModularBundle(space='CGR', dim=1000, modulus=64, seed=0, n_added=3)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*_KINDS),
        "dim": DIM,
        "modulus": MODULUS,
        "seed": _validation.seed,
    }

    def __init__(self, space: ModularSpace) -> None:
        if type(space) not in _KINDS.values():
            _validation.refuse("ModularBundle", "space", f"a space ({', '.join(_KINDS)})", space, TypeError)
        names = {"space": type(space).__name__, "dim": space.dim, "modulus": space.modulus}
        self._fill({**names, "seed": space.seed}, None, Tally())

    @staticmethod
    def _space_of(parameters: Mapping[str, Any]) -> ModularSpace:
        kind = _KINDS[parameters["space"]]
        return kind(parameters["dim"], parameters["seed"], parameters["modulus"])

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return cls._space_of(parameters).width * parameters["modulus"], np.int32

    @property
    def space(self) -> ModularSpace:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import CGR
        >>> CGR(64).bundle().space
        CGR(dim=64, seed=0, modulus=64)
        """
        return self._space_of(self._values)

    @property
    def counters(self) -> NDArray[np.int32]:
        """The counters, int32 of shape (width, r); a read-only view.

        >>> from hypersketch.vsa import CGR
        >>> CGR(2, modulus=3).bundle().counters
        array([[0, 0, 0],
               [0, 0, 0]], dtype=int32)
        """
        view: NDArray[np.int32] = self._state.reshape(-1, self._values["modulus"]).view()
        view.flags.writeable = False
        return view

    @property
    def vector(self) -> Digits:
        """The bundle as a vector of its space.

        >>> from hypersketch.vsa import CGR
        >>> space = CGR(64)
        >>> bool((space.bundle("a").vector == space.atoms("a")[0]).all())
        True
        """
        space = self.space
        # An atom of a key that nobody can add: it has another seed.
        offsets = type(space)(space.dim, space.seed ^ (2**64 - 1), space.modulus)
        return space._chosen(self.counters, offsets._atoms_of(hash_keys(0), 1)[0])

    # ---- changes

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add the atoms of keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of int, shape (n,), optional
            One weight a key, below 2**31 in magnitude, of any sign; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that are not integers or not one a key,
            or when the state is memory-mapped.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Examples
        --------
        >>> from hypersketch.vsa import MCR
        >>> bag = MCR(64).bundle()
        >>> bag.add(["a", "b"], weights=[3, -1])
        >>> bag.n_added, bag.total_weight
        (2, 2)
        """
        self._add_hashed("add", host_hashes(keys, threads), weights, 1, threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add the atoms of keys by their hashes (`hypersketch.hash_keys` with seed 0); otherwise as `add`.

        >>> import hypersketch
        >>> from hypersketch.vsa import CGR
        >>> bag = CGR(64).bundle()
        >>> bag.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> bag == CGR(64).bundle(["a", "b"])
        True
        """
        batch = _validation.hashes("ModularBundle.add_hashes", hashes)
        self._add_hashed("add_hashes", batch, weights, 1, threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Take the atoms of keys out again, exactly; otherwise as `add`.

        >>> from hypersketch.vsa import CGR
        >>> bag = CGR(64).bundle(["a", "b"])
        >>> bag.remove("b")
        >>> bag == CGR(64).bundle("a")
        True
        """
        self._add_hashed("remove", host_hashes(keys, threads), weights, -1, threads)

    def add_pairs(self, keys: Any, values: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add bound pairs: a key's atom bound with a value's, for every pair; otherwise as `add`.

        >>> from hypersketch.vsa import CGR
        >>> space = CGR(2000)
        >>> record = space.bundle()
        >>> record.add_pairs(["name", "capital"], ["France", "Paris"])
        >>> found = space.unbind(record.vector, space.atoms("capital"))
        >>> space.similarity(found, space.atoms(["Paris", "France"])).round(1)
        array([0.5, 0. ])
        """
        left, right = host_hashes(keys, threads), host_hashes(values, threads)
        if left.size != right.size:
            raise ValueError(
                f"add_pairs needs one value a key: keys has {left.size} elements but values has {right.size}."
            )
        space, n_threads = self.space, _threads.resolve("ModularBundle.add_pairs", threads)

        def rows(part: slice) -> Digits:
            return space.bind(space._atoms_of(left[part], n_threads), space._atoms_of(right[part], n_threads))

        self._add_rows("add_pairs", left.size, rows, weights, 1)

    def add_vectors(self, vectors: Digits, weights: Any = None) -> None:
        """Add vectors of the space: products, permuted ones, or other bundles' (nesting); otherwise as `add`.

        >>> from hypersketch.vsa import CGR
        >>> space = CGR(64)
        >>> bag = space.bundle()
        >>> bag.add_vectors(space.atoms(["a", "b"]))
        >>> bag == space.bundle(["a", "b"])
        True
        """
        checked = self.space._checked("bundle().add_vectors", "vectors", vectors)
        batch = checked.reshape(-1, self.space.width)
        self._add_rows("add_vectors", len(batch), lambda part: batch[part], weights, 1)

    def _add_hashed(
        self, verb: str, hashes: NDArray[np.uint64], weights: Any, sign: int, threads: int | None
    ) -> None:
        space, n_threads = self.space, _threads.resolve(f"ModularBundle.{verb}", threads)
        self._add_rows(
            verb, hashes.size, lambda part: space._atoms_of(hashes[part], n_threads), weights, sign
        )

    def _add_rows(self, verb: str, n: int, rows: Callable[[slice], Digits], weights: Any, sign: int) -> None:
        """Add vectors that ``rows`` makes, piece by piece."""
        checked = _validation.weights(f"ModularBundle.{verb}", weights, n)
        with self._lock:
            self._require_writable()
            self._require_room(tally_of(n, checked).bound)
            for part in chunks(n, 64 * self.space.width):
                mine = None if checked is None else checked[part]
                change = self._counted(rows(part), mine, sign)
                tally = tally_of(part.stop - part.start, mine, sign)
                self._commit(np.add, (self._state, change, self._state), tally)

    def _counted(self, rows: Digits, weights: NDArray[np.int64] | None, sign: int) -> NDArray[np.int32]:
        """Return the counters of some vectors alone."""
        places = rows + np.arange(rows.shape[1]) * self._values["modulus"]
        counts = np.zeros(self._state.size, np.int64)
        for row, weight in zip(places, [1] * len(rows) if weights is None else weights.tolist(), strict=True):
            counts[row] += sign * weight  # the places of one vector are all different
        return counts.astype(np.int32)

    # ---- answers

    def similarity(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the similarity of the bundle's vector with the atom of each key.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            As the space's ``similarity``.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> CGR(2000).bundle(["a", "b"]).similarity(["a", "c"]).round(1)
        array([0.5, 0. ])
        """
        space, hashes = self.space, host_hashes(keys, threads)
        n_threads = _threads.resolve("ModularBundle.similarity", threads)
        vector, scores = self.vector, np.empty(hashes.size)
        for part in chunks(hashes.size, 64 * space.width):
            scores[part] = space.similarity(vector, space._atoms_of(hashes[part], n_threads))
        return scores
