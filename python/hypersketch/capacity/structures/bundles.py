# SPDX-License-Identifier: Apache-2.0
"""Bundles of every space as seen from experiments: dimensions, fused trials, cleanup of members and pairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
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
_SCORES_AT_ONCE = 1 << 16
"""Scores of trials that share a call: they stay in a cache."""


class SpaceBundle(Structure):
    """A bundle of a space's atoms, through the algebra that all spaces have."""

    unit: ClassVar[str] = "dim"
    #: Bundles that share the codebook of a trial, whose atoms cost far more than they.
    bundles_per_codebook: int = 50

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": self.units_near(units)}

    def units_near(self, dim: int) -> int:
        """The dimension nearest to the wanted one that the space can have."""
        return max(self.least, dim)

    @abstractmethod
    def space(self, size: Size, seed: int) -> Any:
        """The public space of that size."""

    def algebra(self, size: Size, seed: int) -> Any:
        """What makes, binds and compares vectors on the structure's device: the space, if it does."""
        return self.space(size, seed)

    @property
    def model(self) -> str:
        """Its name in `hypersketch.theory.spaces`."""
        return self.name

    def options(self, size: Size) -> dict[str, Any]:
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

    @property
    def distance(self) -> float:
        """Squared distance of right and wrong scores in standard deviations, times n / D, for many items."""
        scores = theory.spaces.moments(self.model, 4096, 401, **self.options(self.size(4096, 401)))
        return 401 / 4096 * ((scores.hit_mean - scores.rest_mean) / scores.rest_sd) ** 2

    # ---- trials

    def _codebooks(self, size: Size, seeds: UInt64Array, codebook: UInt64Array) -> Iterator[tuple[Any, Any]]:
        """The space and the atoms of each codebook; on a GPU what answers with them."""
        for seed in seeds.tolist():
            space = self.space(size, seed)
            if self.device == "cpu":
                yield space, space.atoms_of_hashes(codebook, threads=1)
            else:
                yield space, self._book_on_gpu(space, codebook)

    def _book_on_gpu(self, space: Any, codebook: UInt64Array) -> Any:
        """A codebook of packed vectors, whose scores are whole numbers."""
        from hypersketch.capacity.kernels_on_gpu import Book

        return Book(space, self.device, codebook)

    def _bundle_scores(self, space: Any, atoms: Any, members: Int64Array) -> FloatArray:
        """Similarities of bundles, whose members are the rows of ``members``, with all atoms."""
        edges = np.arange(0, members.size + 1, members.shape[1])
        return self._scores_of_runs(space, atoms, members.ravel(), edges)

    def _scores_of_runs(self, space: Any, atoms: Any, members: Int64Array, starts: Int64Array) -> FloatArray:
        """Similarities of bundles, whose members follow one another, with all atoms."""
        if self.device != "cpu":
            found: FloatArray = atoms.bundle_scores(members, starts)
            return found
        bundles = self.superposed(space, atoms[members], starts)
        return np.asarray(space.similarities(bundles, atoms, threads=1))

    def _values_found(self, space: Any, atoms: Any, drawn: Int64Array, asked: int) -> int:
        """How many of the first ``asked`` keys of each record bring back their values."""
        n = drawn.shape[1] // 2
        keys, values = drawn[:, :n], drawn[:, n:]
        if self.device == "cpu":
            pairs = space.bind(atoms[values.ravel()], atoms[keys.ravel()])
            records = self.superposed(space, pairs, np.arange(0, len(pairs) + 1, n))
            found = space.unbind(np.repeat(records, asked, axis=0), atoms[keys[:, :asked].ravel()])
            scores = space.similarities(found, atoms, threads=1)
        else:
            scores = atoms.value_scores(keys, values, asked)
        return int(np.count_nonzero(first_best(scores) == values[:, :asked].ravel()))

    #: Whether bundles are what the space itself makes of keys.
    from_keys: ClassVar[bool] = True

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
        books = enumerate(self._codebooks(size, seeds, codebook))
        return np.array(
            [
                hits_among_best(self._bundle_scores(*book, members[trial]), members[trial])
                for trial, book in books
            ],
            np.int64,
        )

    def hits_of_sizes(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, drawn: list[Int64Array], *, pairs: bool
    ) -> list[int]:
        """Hits of bundles of several sizes that share codebooks, summed over these.

        Parameters
        ----------
        size : Size
            Parameters of the space.
        seeds : array of uint64, shape (C,)
            Seed of the space of each codebook.
        codebook : array of uint64, shape (N,)
            Hashes of the codewords.
        drawn : list of arrays of int64, shape (C, n)
            For each size the indices of the members of one bundle a codebook; of pairs keys, then values.
        pairs : bool
            Whether items are pairs, all of whose keys are asked for.
        """
        hits = [0] * len(drawn)
        starts = np.cumsum([0, *(chosen.shape[1] for chosen in drawn)])
        fused = self.device == "cpu" and self.from_keys and not pairs
        if fused and self.space(size, 0)._STORES_NO_ATOMS:
            return self._hits_from_keys(size, seeds, codebook, drawn, starts)
        for trial, (space, atoms) in enumerate(self._codebooks(size, seeds, codebook)):
            ones = [chosen[trial : trial + 1] for chosen in drawn]
            if pairs:
                found = [self._values_found(space, atoms, one, one.shape[1] // 2) for one in ones]
            else:
                members = np.concatenate(ones, axis=1)[0]
                scores = self._scores_of_runs(space, atoms, members, starts)
                found = kernels.runs_among_best(_ranked(scores), members, starts).tolist()
            hits = [so_far + more for so_far, more in zip(hits, found, strict=True)]
        return hits

    def _hits_from_keys(
        self,
        size: Size,
        seeds: UInt64Array,
        codebook: UInt64Array,
        drawn: list[Int64Array],
        starts: Int64Array,
    ) -> list[int]:
        """`hits_of_sizes` of spaces that need no codebook in memory, whose sums have one order of terms."""
        space, counts = self.space(size, 0), np.diff(starts)
        hits, step = np.zeros(len(drawn), np.int64), max(1, _SCORES_AT_ONCE // (len(drawn) * codebook.size))
        for first in range(0, seeds.size, step):
            some = np.ascontiguousarray(seeds[first : first + step], np.uint64)
            members = np.concatenate([chosen[first : first + step] for chosen in drawn], axis=1)
            edges = np.concatenate(([0], np.cumsum(np.tile(counts, some.size))))
            bundles = space._bundles_of(codebook[members.ravel()], edges, 1, some)
            scores = space._key_similarities(bundles, codebook, 1, some)
            found = kernels.runs_among_best(scores, members.ravel(), edges)
            hits += found.reshape(some.size, -1).sum(axis=0)
        return [int(found) for found in hits]

    def single_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        """Members that beat all codewords which are not in their bundle, up to `QUERIES` of each bundle."""
        books = enumerate(self._codebooks(size, seeds, codebook))
        return np.array(
            [
                members_beating_strangers(self._bundle_scores(*book, members[trial]), members[trial])
                for trial, book in books
            ],
            np.int64,
        )

    def pair_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, drawn: Int64Array
    ) -> Int64Array:
        """Keys of each codebook whose value is the best of all codewords, up to `QUERIES` of each bundle.

        ``drawn`` (C, B, 2 n) holds the indices of n keys, then of their n values.
        """
        asked = min(drawn.shape[2] // 2, QUERIES)
        books = enumerate(self._codebooks(size, seeds, codebook))
        return np.array([self._values_found(*book, drawn[trial], asked) for trial, book in books], np.int64)


def fused_hits(
    dim: int, packed: bool, seeds: UInt64Array, codebook: UInt64Array, drawn: list[Int64Array]
) -> list[int]:
    """`SpaceBundle.hits_of_sizes` by the kernel of bundles of signs, which stores no atoms."""
    found = (kernels.cleanup_trials(dim, packed, seeds, codebook, chosen) for chosen in drawn)
    return [int(hits.sum()) for hits in found]


def _ranked(scores: FloatArray) -> FloatArray:
    """Scores without the last digits, in which equal sums may differ by the order of their terms."""
    ranked: FloatArray = np.rint(scores * 1e9)
    return ranked


def hits_among_best(scores: FloatArray, members: Int64Array) -> int:
    """Members among the n best of each row; of equal scores those of lower indices come first.

    Examples
    --------
    >>> hits_among_best(np.array([[1.0, 0.5, 0.5]]), np.array([[0, 2]]))
    1
    """
    return int(kernels.members_among_best(_ranked(scores), members).sum())


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
        dim, device = size["dim"], self.device
        return kernels.bundle_trials(dim, self.packed, seeds, members, probes, weights, device=device) / dim

    def cleanup_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        dim, drawn = size["dim"], members[:, 0]
        return kernels.cleanup_trials(dim, self.packed, seeds, codebook, drawn, device=self.device)

    def hits_of_sizes(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, drawn: list[Int64Array], *, pairs: bool
    ) -> list[int]:
        if pairs or self.device != "cpu":  # where a codebook lies at hand for all sizes
            return super().hits_of_sizes(size, seeds, codebook, drawn, pairs=pairs)
        return fused_hits(size["dim"], self.packed, seeds, codebook, drawn)

    @abstractmethod
    def space(self, size: Size, seed: int) -> MapI | MapB:
        """The public space of that size."""

    @abstractmethod
    def leaf_similarity(self, fan_out: int, depth: int) -> float:
        """Expected similarity of a leaf with a bundle of bundles, `depth` levels of `fan_out` each."""
