# SPDX-License-Identifier: Apache-2.0
"""Bundles of real and complex hypervectors: weighted sums, one pair of doubles or one double a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation, files
from hypersketch._additive import Additive
from hypersketch._stored import Stored, Tally
from hypersketch._structure import chunks
from hypersketch.keys import host_hashes
from hypersketch.vsa._real import DIM, RealSpace, Vectors
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, VTB

_SPECTRAL, _SUMS = "HRR, spectral", "FHRR, sums"
_NAMES = ("HRR", _SPECTRAL, "FHRR", _SUMS, "MapC", "VTB", "MBAT")


def _name(space: RealSpace) -> str:
    if isinstance(space, HRR) and space.spectral:
        return _SPECTRAL
    if isinstance(space, FHRR) and not space.phase_only:
        return _SUMS
    return type(space).__name__


def _space(name: str, dim: int, seed: int) -> RealSpace:
    if name == _SPECTRAL:
        return HRR(dim, seed, spectral=True)
    if name == _SUMS:
        return FHRR(dim, seed, phase_only=False)
    kinds: list[type[HRR | FHRR | MapC | VTB | MBAT]] = [HRR, FHRR, MapC, VTB, MBAT]
    return {kind.__name__: kind for kind in kinds}[name](dim, seed)


@files.register
class RealBundle(Additive):
    """A weighted sum of real or complex hypervectors, kept in double precision.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : HRR, FHRR, MapC, VTB or MBAT
        The space whose atoms it sums.

    Raises
    ------
    TypeError
        When ``space`` is no such space.

    Notes
    -----
    Adding is linear: the order of additions matters for rounding alone, merging adds sums, and `remove` takes
    out what was added up to rounding. The sum is brought to the form of the space (`vector`) when it answers.

    Examples
    --------
    >>> from hypersketch.vsa import FHRR
    >>> bag = FHRR(4096, phase_only=False).bundle(["red", "green"])
    >>> bag.add("blue", weights=[2])
    >>> bag.n_added, bag.total_weight
    (3, 4.0)
    >>> bag
    RealBundle(space='FHRR, sums', dim=4096, seed=0, n_added=3)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*_NAMES),
        "dim": DIM,
        "seed": _validation.seed,
    }

    def __init__(self, space: RealSpace) -> None:
        if not isinstance(space, HRR | FHRR | MapC | VTB | MBAT):
            _validation.refuse("RealBundle", "space", "a space of real hypervectors", space, TypeError)
        self._fill({"space": _name(space), "dim": space.dim, "seed": space.seed}, None, Tally())

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        _space(parameters["space"], parameters["dim"], parameters["seed"])  # which may want squares
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        space = _space(parameters["space"], parameters["dim"], parameters["seed"])
        return space.width * (2 if space.dtype.kind == "c" else 1), np.float64

    # ---- looks

    @property
    def space(self) -> RealSpace:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import HRR
        >>> HRR(64).bundle().space
        HRR(dim=64, seed=0, spectral=False)
        """
        return _space(self._values["space"], self._values["dim"], self._values["seed"])

    @property
    def dim(self) -> int:
        """Dimension D.

        >>> from hypersketch.vsa import HRR
        >>> HRR(64).bundle().dim
        64
        """
        return int(self._values["dim"])

    @property
    def _sum(self) -> Vectors:
        numbers: Vectors = self._state
        return numbers.view(np.complex128) if self.space.dtype.kind == "c" else numbers

    @property
    def vector(self) -> Vectors:
        """The bundle as a vector of its space, normalized as the space does; zeros when it is empty.

        >>> from hypersketch.vsa import HRR
        >>> round(float((HRR(64).bundle(["a", "b"]).vector ** 2).sum()), 3)
        1.0
        """
        space = self.space
        made: Vectors = space._normalize(self._sum).astype(space.dtype)
        return made

    # ---- changes

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add the atoms of keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of real numbers, shape (n,), optional
            One weight a key, finite, of any sign; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that are not finite or not one a key,
            or when the state is memory-mapped.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(1000).bundle()
        >>> bag.add(["a", "b"], weights=[1.5, -1])
        >>> bag.n_added, bag.total_weight
        (2, 0.5)
        """
        self._add_hashed("add", host_hashes(keys, threads), weights, 1, threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add the atoms of keys by their hashes (`hypersketch.hash_keys` with seed 0); otherwise as `add`.

        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(64).bundle()
        >>> bag.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> bag == HRR(64).bundle(["a", "b"])
        True
        """
        batch = _validation.hashes("RealBundle.add_hashes", hashes)
        self._add_hashed("add_hashes", batch, weights, 1, threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Take the atoms of keys out again; otherwise as `add`.

        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(64).bundle(["a", "b"])
        >>> bag.remove("b")
        >>> bag.n_added, bool((abs(bag.vector - HRR(64).bundle("a").vector) < 1e-6).all())
        (1, True)
        """
        self._add_hashed("remove", host_hashes(keys, threads), weights, -1, threads)

    def add_pairs(self, keys: Any, values: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add bound pairs: a value's atom bound with its key's, for every pair.

        Parameters
        ----------
        keys, values : int, str, bytes or batches of them
            n keys and n values, as for `hypersketch.hash_keys`.
        weights : array of real numbers, shape (n,), optional
            One weight a pair, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            As for `add`, and for unequal numbers of keys and values.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(10_000)
        >>> record = space.bundle()
        >>> record.add_pairs(["name", "capital"], ["France", "Paris"])
        >>> found = space.unbind(record.vector, space.atoms("capital"))
        >>> space.similarity(found, space.atoms(["Paris", "France"])).round(1) + 0.0
        array([0.6, 0. ])
        """
        left, right = host_hashes(keys, threads), host_hashes(values, threads)
        if left.size != right.size:
            raise ValueError(
                f"add_pairs needs one value a key: keys has {left.size} elements but values has {right.size}."
            )
        space, n_threads = self.space, _threads.resolve("RealBundle.add_pairs", threads)

        def rows(part: slice) -> Vectors:
            return space._bind(
                space._atoms_of(right[part], n_threads), space._atoms_of(left[part], n_threads)
            )

        self._add_rows("add_pairs", left.size, rows, weights, 1)

    def add_vectors(self, vectors: Vectors, weights: Any = None) -> None:
        """Add vectors of the space: products, permuted ones, or other bundles' (nesting).

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of this space.
        weights : array of real numbers, shape (n,), optional
            One weight a vector, as for `add`; default 1.

        Raises
        ------
        TypeError, ValueError
            As for `add`, and for arrays that are not vectors of this space.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> space = FHRR(10_000)
        >>> word = space.bundle()
        >>> for position, letter in enumerate("abc"):
        ...     word.add_vectors(space.permute(space.atoms(letter), position))
        >>> space.similarity(word.vector, space.permute(space.atoms(["a", "b"]), 1)).round(1) + 0.0
        array([0. , 0.5])
        """
        checked = self.space._checked("bundle().add_vectors", "vectors", vectors)
        batch = checked.reshape(-1, self.space.width)
        self._add_rows("add_vectors", len(batch), lambda part: batch[part], weights, 1)

    def _add_hashed(
        self, verb: str, hashes: NDArray[np.uint64], weights: Any, sign: int, threads: int | None
    ) -> None:
        space, n_threads = self.space, _threads.resolve(f"RealBundle.{verb}", threads)
        self._add_rows(
            verb, hashes.size, lambda part: space._atoms_of(hashes[part], n_threads), weights, sign
        )

    def _add_rows(self, verb: str, n: int, rows: Any, weights: Any, sign: int) -> None:
        """Add vectors that ``rows`` makes, piece by piece."""
        owner, wide = f"RealBundle.{verb}", self.space._wide
        checked = _validation.real_weights(owner, weights, n, np.dtype(np.float64))
        with self._lock:
            self._require_writable()
            for part in chunks(n, 64 * self.dim):
                mine = np.ones(part.stop - part.start) if checked is None else checked[part]
                change = np.asarray(sign * mine @ rows(part).astype(wide))
                tally = Tally(n_added=sign * mine.size, total_weight=float(sign * mine.sum()))
                self._commit(np.add, (self._sum, change, self._sum), tally)

    def _join(self, other: Any) -> None:
        self._commit(np.add, (self._state, other._state, self._state), other._tally)

    # ---- answers

    def similarity(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the cosine of the bundle with the atom of each key.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            About w / |weights| for a key of weight w, 0 for strangers.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> bag = HRR(10_000).bundle(["a", "b"], weights=[3, 1])
        >>> bag.similarity(["a", "b", "c"]).round(1) + 0.0
        array([0.9, 0.3, 0. ])
        """
        space, hashes = self.space, host_hashes(keys, threads)
        n_threads = _threads.resolve("RealBundle.similarity", threads)
        vector, scores = self.vector, np.empty(hashes.size)
        for part in chunks(hashes.size, 64 * self.dim):
            scores[part] = space.similarity(vector, space._atoms_of(hashes[part], n_threads))
        return scores

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Stored:
        total = _validation.real(cls.__name__, "total_weight", counts.get("total_weight"))
        if state.flags.writeable and not np.isfinite(state).all():
            raise ValueError("its state holds numbers that are not finite.")
        made = super()._restore(parameters, {**counts, "total_weight": 0}, state)
        assert isinstance(made, RealBundle)
        made._record = (made._tally._replace(total_weight=total), [])
        return made
