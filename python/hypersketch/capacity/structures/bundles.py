# SPDX-License-Identifier: Apache-2.0
"""Bundles of every space as seen from experiments: dimensions, fused trials, cleanup of members and pairs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import (
    FloatArray,
    Int64Array,
    Structure,
    UInt64Array,
)
from hypersketch.vsa import MapB, MapI

__all__ = ["QUERIES", "MapBundle", "SpaceBundle"]

#: Keys of a bundle of pairs that are asked for; the others of larger bundles would only cost time.
QUERIES = 5


class SpaceBundle(Structure):
    """A bundle of a space's atoms, through the algebra that all spaces have."""

    unit: ClassVar[str] = "dim"
    #: Bundles that share the codebook of a trial, whose atoms cost far more than they.
    bundles_per_codebook: int = 50

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": units}

    def units_near(self, dim: int) -> int:
        """The dimension nearest to the wanted one that the space can have."""
        return max(self.least, dim)

    @abstractmethod
    def space(self, size: Size, seed: int) -> Any:
        """The public space of that size."""

    @property
    def model(self) -> str:
        """Its name in `hypersketch.theory.spaces`."""
        return self.name

    def options(self, size: Size) -> dict[str, int]:
        """What `hypersketch.theory.spaces` is told besides the dimension."""
        return {name: value for name, value in size.items() if name != "dim"}

    def n_bytes(self, size: Size) -> int:
        return int(self.space(size, 0).nbytes)

    def expression(self, size: Size) -> str:
        return f"{self.space(size, 0)!r}.bundle()"

    # ---- predictions

    def cleanup_accuracy(self, size: Size, n: int, universe: int) -> float:
        """Predicted share of the n members found by taking the n best of the universe."""
        return theory.spaces.top_k(self.model, size["dim"], n, universe, **self.options(size))

    def item_accuracy(self, size: Size, n: int, universe: int, *, pairs: bool) -> float:
        """Predicted chance that one member, or a key's value, beats all codewords that are not stored."""
        return theory.spaces.accuracy(self.model, size["dim"], n, universe, pairs=pairs, **self.options(size))

    # ---- trials

    def superposed(self, space: Any, rows: Any, starts: Int64Array) -> Any:
        """One bundle for each group of rows."""
        return space.superpose(rows, starts=starts)

    def cleanup_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        """Hits of each codebook: members among the n best of the codebook, summed over its bundles.

        Parameters
        ----------
        size : Size
            Parameters of the space.
        seeds : array of uint64, shape (C,)
            Seed of the space of each codebook.
        codebook : array of uint64, shape (N,)
            Hashes of the codewords.
        members : array of int64, shape (C, B, n)
            Indices of the codewords of the B bundles of each codebook.
        """
        hits = np.empty(seeds.size, np.int64)
        n = members.shape[2]
        starts = np.arange(0, members.shape[1] * n + 1, n)
        for trial, seed in enumerate(seeds.tolist()):
            space = self.space(size, seed)
            atoms = space._atoms_of(codebook, 1)
            bundles = self.superposed(space, atoms[members[trial].ravel()], starts)
            scores = space.similarities(bundles, atoms, threads=1)
            hits[trial] = hits_among_best(scores, members[trial])
        return hits

    def single_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        """Members that beat all codewords which are not in their bundle, up to `QUERIES` of each bundle."""
        hits = np.empty(seeds.size, np.int64)
        n = members.shape[2]
        starts = np.arange(0, members.shape[1] * n + 1, n)
        for trial, seed in enumerate(seeds.tolist()):
            space = self.space(size, seed)
            atoms = space._atoms_of(codebook, 1)
            bundles = self.superposed(space, atoms[members[trial].ravel()], starts)
            scores = space.similarities(bundles, atoms, threads=1)
            hits[trial] = members_beating_strangers(scores, members[trial])
        return hits

    def pair_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, drawn: Int64Array
    ) -> Int64Array:
        """Keys of each codebook whose value is the best of all codewords, up to `QUERIES` of each bundle.

        ``drawn`` (C, B, 2 n) holds the indices of n keys, then of their n values.
        """
        hits = np.empty(seeds.size, np.int64)
        n = drawn.shape[2] // 2
        asked = min(n, QUERIES)
        starts = np.arange(0, drawn.shape[1] * n + 1, n)
        for trial, seed in enumerate(seeds.tolist()):
            space = self.space(size, seed)
            atoms = space._atoms_of(codebook, 1)
            keys, values = drawn[trial, :, :n], drawn[trial, :, n:]
            records = self.superposed(space, space.bind(atoms[values.ravel()], atoms[keys.ravel()]), starts)
            found = space.unbind(np.repeat(records, asked, axis=0), atoms[keys[:, :asked].ravel()])
            best = first_best(space.similarities(found, atoms, threads=1))
            hits[trial] = np.count_nonzero(best == values[:, :asked].ravel())
        return hits


def _ranked(scores: FloatArray) -> FloatArray:
    """Scores without the last digits, in which equal sums may differ by the order of their terms."""
    return np.round(scores, 9)


def hits_among_best(scores: FloatArray, members: Int64Array) -> int:
    """Members among the n best of each row; of equal scores those of lower indices come first.

    Examples
    --------
    >>> hits_among_best(np.array([[1.0, 0.5, 0.5]]), np.array([[0, 2]]))
    1
    """
    n, ranked = members.shape[1], _ranked(scores)
    worst = -np.partition(-ranked, n - 1, axis=1)[:, n - 1 : n]  # the score of the last one that comes in
    own = np.take_along_axis(ranked, members, axis=1)
    hits = int(np.count_nonzero(own > worst))
    ties = ranked == worst
    room = n - np.count_nonzero(ranked > worst, axis=1)
    for row in np.nonzero((own == worst).any(axis=1))[0]:
        let_in = np.nonzero(ties[row])[0][: room[row]]
        hits += int(np.isin(members[row], let_in).sum())
    return hits


def first_best(scores: FloatArray) -> Int64Array:
    """Index of the best score of each row, the first of equal ones."""
    return np.asarray(_ranked(scores).argmax(axis=1), np.int64)


def members_beating_strangers(scores: FloatArray, members: Int64Array) -> int:
    """How many of the first members of each row score above everything that is not a member of it.

    Of equal scores that of the lower index wins, so that a member wins as often as chance would have it.

    Examples
    --------
    >>> members_beating_strangers(np.array([[0.9, 0.5, 0.7]]), np.array([[0, 1]]))
    1
    """
    ranked = _ranked(scores)
    strangers = ranked.copy()
    np.put_along_axis(strangers, members, -np.inf, axis=1)
    rival = strangers.argmax(axis=1)[:, np.newaxis]
    asked = members[:, :QUERIES]
    own, best = (np.take_along_axis(ranked, index, axis=1) for index in (asked, rival))
    return int(np.count_nonzero((own > best) | ((own == best) & (asked < rival))))


class MapBundle(SpaceBundle):
    """A bundle of atoms with entries -1 and +1."""

    #: Whether scores are taken from the signs of the sums (MAP-B) or from the sums (MAP-I).
    packed: ClassVar[bool]
    bundles_per_codebook = 1

    def score_trials(
        self,
        size: Size,
        seeds: UInt64Array,
        members: UInt64Array,
        probes: UInt64Array,
        weights: Int64Array | None = None,
    ) -> FloatArray:
        scores = kernels.bundle_trials(size["dim"], self.packed, seeds, members, probes, weights)
        return scores / size["dim"]

    def cleanup_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        return kernels.cleanup_trials(size["dim"], self.packed, seeds, codebook, members[:, 0])

    @abstractmethod
    def space(self, size: Size, seed: int) -> MapI | MapB:
        """The public space of that size."""

    @abstractmethod
    def leaf_similarity(self, fan_out: int, depth: int) -> float:
        """Expected similarity of a leaf with a bundle of bundles, `depth` levels of `fan_out` each."""
