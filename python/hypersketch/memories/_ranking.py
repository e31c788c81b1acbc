# SPDX-License-Identifier: Apache-2.0
"""The best items of every probe, found block by block: never all similarities at once.

A scorer's similarities may be off by a known slack. What could belong to the answer in spite of it is scored
again exactly, so that the answer depends on the vectors alone, not on blocks, threads or libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._codebooks import Codebook, ProceduralCodebook, real_parts, real_weights
from hypersketch.memories._hadamard import HadamardCodebook
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace, cosines
from hypersketch.vsa.search import nearest, within

_BLOCK_SCORES = 1 << 20
"""Similarities held at once: they stay in a cache of the second level's size or a few times that."""
_BLOCK_BYTES = 1 << 23
"""Bytes of vectors computed at once."""
_MOST_PROBES = 256
"""Probes that share a pass over the items."""
_FEW_PROBES = 16
"""Probes that meet real atoms faster while these are made than once they are stored."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Found(NamedTuple):
    """Pairs of probes and items with their similarities."""

    probes: Indices
    items: Indices
    similarities: Floats

    def at(self, places: NDArray[Any]) -> Found:
        """Return some of the pairs."""
        return Found(self.probes[places], self.items[places], self.similarities[places])


class Scorer(Protocol):
    """How alike some probes are to items."""

    slack: float
    """How much `scores` may be off."""
    unit: float
    """The similarity that a score of 1 stands for."""

    def scores(self, part: slice, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the similarity of every probe to every one of consecutive items; NaN where unknown."""

    def exact(self, probes: Indices, rows: NDArray[Any]) -> Floats:
        """Return the similarities of pairs."""


class Unmade:
    """Atoms of a block of keys, of which only those are made that somebody asks for."""

    def __init__(self, book: ProceduralCodebook, part: slice, threads: int) -> None:
        self._space, self._threads = book.space, threads
        self._hashes = np.ascontiguousarray(book.hashes.rows[part])
        self.shape = (len(self._hashes), book.space.width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = self._space._atoms_of(self._hashes[places], self._threads)
        return made

    def scores(self, probes: NDArray[Any]) -> Floats:
        """Return the similarity of every probe with every one of them."""
        return self._space._key_similarities(probes, self._hashes, self._threads)


class Exact:
    """Similarities of spaces that count: they have no rounding to speak of."""

    slack, unit = 0.0, 1.0

    def __init__(self, book: Codebook, probes: NDArray[Any], threads: int) -> None:
        self._book, self._probes, self._threads = book, probes, threads

    def scores(self, part: slice, rows: NDArray[Any]) -> NDArray[Any]:
        if isinstance(rows, Unmade):
            return rows.scores(self._probes)
        return self._book.space._similarities(self._probes, rows, self._threads)

    def exact(self, probes: Indices, rows: NDArray[Any]) -> Floats:
        raise NotImplementedError  # without slack nobody asks


class Transforms(Exact):
    """Integers that one transform a probe finds for all items."""

    def __init__(self, book: HadamardCodebook, probes: NDArray[Any], threads: int) -> None:
        super().__init__(book, probes, threads)
        self.unit = 1.0 / book.space.dim  # a power of two: products with it are exact

    def scores(self, part: slice, rows: NDArray[Any]) -> NDArray[Any]:
        assert isinstance(self._book, HadamardCodebook)
        return self._book.scores(self._probes, self._threads)


class Cosines:
    """Cosines by matrix products in single precision, which double precision settles."""

    unit = 1.0

    def __init__(self, book: Codebook, probes: NDArray[Any]) -> None:
        space = book.space
        assert isinstance(space, RealSpace)
        self._book, self._space, self._probes = book, space, probes
        norms = np.sqrt(space._terms(probes, probes)[:, :1])
        factors = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        parts, weights = real_parts(probes), real_weights(space)
        if _has_sound_squares(norms).all():  # and reciprocals that floats can be
            self._units = parts * factors.astype(np.float32)
            if weights is not None:
                self._units *= weights.astype(np.float32)
        else:
            wide = parts * factors
            self._units = (wide if weights is None else wide * weights).astype(np.float32)
        # A sum of m products is off by (m + 1) 2^-24 times the lengths at most, in whatever order; the
        # squared length of a row is one, too. What is multiplied has been rounded up to four times.
        self.slack = (2 * self._units.shape[1] + 40) * 2.0**-24

    def scores(self, part: slice, rows: NDArray[Any]) -> NDArray[Any]:
        if isinstance(rows, Unmade):
            return rows.scores(self._units)
        norms = self._book.norms(part, rows)
        sound = _has_sound_squares(norms)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            scores = self._units @ real_parts(rows).T
            scores *= np.reciprocal(norms)
        if not sound.all():
            scores[:, ~sound] = np.nan
        return np.asarray(scores)

    def exact(self, probes: Indices, rows: NDArray[Any]) -> Floats:
        each = probes.size == len(self._probes) and bool((probes[1:] > probes[:-1]).all())
        return cosines(self._space._terms(self._probes if each else self._probes[probes], rows))


def _has_sound_squares(norms: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which lengths have squares of 24 bits: not vanishing and not infinite."""
    return np.asarray((norms > 1e-15) & (norms < 1e15))


def _scorer(book: Codebook, probes: NDArray[Any], threads: int) -> Scorer:
    if isinstance(book, HadamardCodebook):
        return Transforms(book, probes, threads)
    return Cosines(book, probes) if isinstance(book.space, RealSpace) else Exact(book, probes, threads)


def _blocks(n: int, step: int) -> Iterator[slice]:
    return (slice(first, min(n, first + step)) for first in range(0, n, max(1, step)))


def _settled(scorer: Scorer, rows: NDArray[Any], first: int, scores: NDArray[Any], limits: Floats) -> Found:
    """Return the pairs of a block that may reach their probes' limits, with their exact similarities."""
    live = np.flatnonzero(~(scores.max(axis=1) < limits))  # after some blocks few, or none
    probes, places = np.nonzero(~(scores[live] < limits[live, np.newaxis]))
    probes = live[probes]
    if not scorer.slack:
        return Found(probes, places + first, scores[probes, places] * scorer.unit)
    found, step = np.empty(probes.size), max(1, _BLOCK_SCORES // rows.shape[1])
    for part in _blocks(probes.size, step):
        found[part] = scorer.exact(probes[part], rows[places[part]])
    return Found(probes, places + first, found)


def _joined(parts: list[Found]) -> Found:
    probes, items, similarities = zip(*parts, strict=True)
    return Found(np.concatenate(probes), np.concatenate(items), np.concatenate(similarities))


def _ordered(found: Found) -> NDArray[np.intp]:
    """Return the order by probes, then from the most alike item on, then by items."""
    return np.lexsort((found.items, -found.similarities, found.probes))


# ---- the k best


class _Best:
    """The k best items so far of some probes."""

    def __init__(self, n: int, k: int) -> None:
        self.items = np.full((n, k), np.iinfo(np.int64).max)
        self.similarities = np.full((n, k), -np.inf)

    def floor(self, scores: NDArray[Any], scorer: Scorer) -> Floats:
        """Return below which score no item of a block belongs to the best, one limit a probe."""
        k, slack = self.items.shape[1], scorer.slack
        worst = self.similarities[:, -1] / scorer.unit
        limit = worst - slack if slack else np.nextafter(worst, np.inf)  # equal ones come too late
        if scores.shape[1] > k and np.isneginf(worst).any():
            limit = np.maximum(limit, _kth_largest(scores, k) - 2 * slack)
        return np.asarray(limit)

    def take(self, found: Found) -> None:
        """Let more items compete."""
        if not found.items.size:
            return
        n, k = self.items.shape
        mine = Found(np.repeat(np.arange(n), k), self.items.ravel(), self.similarities.ravel())
        everything = _joined([mine, found])
        starts = np.searchsorted(np.sort(everything.probes), np.arange(n))
        best = _ordered(everything)[starts[:, np.newaxis] + np.arange(k)]
        self.items, self.similarities = everything.items[best], everything.similarities[best]


def _without_late_ties(found: Found, limits: Floats, k: int) -> Found:
    """Return the pairs of a block without those that only tie with the worst of k and come after them."""
    if found.items.size <= 2 * k * limits.size:
        return found
    tie = found.similarities == limits[found.probes]
    above = np.bincount(found.probes[~tie], minlength=limits.size)
    starts = np.searchsorted(found.probes, np.arange(limits.size))
    so_far = np.concatenate(([0], np.cumsum(tie)))
    number = so_far[1:] - so_far[starts][found.probes]  # 1, 2, ... of the ties of a probe
    return found.at(np.flatnonzero(~tie | (number <= (k - above)[found.probes])))


def _kth_largest(scores: NDArray[Any], k: int) -> Floats:
    """Return the k-th largest score of each probe, of those that are known."""
    if np.isnan(scores.max(axis=1)).any():
        scores = np.where(np.isnan(scores), -np.inf, scores)
    place = scores.shape[1] - k
    kth = scores.max(axis=1) if k == 1 else np.partition(scores, place, axis=1)[:, place]
    return np.asarray(kth, np.float64)


def best(book: Codebook, probes: NDArray[Any], k: int, threads: int) -> tuple[Indices, Floats]:
    """Return the k items most alike to each probe, and their similarities."""
    hamming = _is_hamming(book, probes)
    if book.device is not None and (hamming or not isinstance(book.space, MapSpace)):
        there: tuple[Indices, Floats] | None = book.nearest(probes, k)  # type: ignore[attr-defined]
        if there is not None:
            return there
    items = np.empty((len(probes), k), np.int64)
    similarities = np.empty((len(probes), k))
    for part in _blocks(len(probes), _at_once(book, probes)):
        ranked = (_best_of_packed if hamming else _best_of_some)(book, probes[part], k, threads)
        items[part], similarities[part] = ranked.items, ranked.similarities
    return items, similarities


def _best_of_some(book: Codebook, probes: NDArray[Any], k: int, threads: int) -> _Best:
    passes = _passes(book, _BLOCK_SCORES // len(probes), threads, len(probes))
    return best_by(_scorer(book, probes, threads), passes, len(probes), k)


def best_by(scorer: Scorer, passes: Iterator[tuple[slice, NDArray[Any]]], n: int, k: int) -> _Best:
    """Return the k best items of n probes, which a scorer knows, of blocks of items and their vectors."""
    ranked, asked = _Best(n, k), np.arange(n)
    for block, rows in passes:
        scores = scorer.scores(block, rows)
        if k == 1 and not scorer.slack:
            first = scores.argmax(axis=1)  # of equal ones
            ranked.take(Found(asked, first + block.start, scores[asked, first] * scorer.unit))
            continue
        limits = ranked.floor(scores, scorer)
        found = _settled(scorer, rows, block.start, scores, limits)
        ranked.take(found if scorer.slack else _without_late_ties(found, limits * scorer.unit, k))
    return ranked


def _best_of_packed(book: Codebook, probes: NDArray[Any], k: int, threads: int) -> _Best:
    ranked, dim = _Best(len(probes), k), book.space.dim
    for block, rows in _passes(book, len(book), threads):
        few = min(k, len(rows))
        items, distances = nearest(probes, rows, dim, few, threads=threads)
        alike = (dim - 2 * distances.astype(np.int64)) / dim
        if len(rows) == len(book):  # all items at once
            ranked.items, ranked.similarities = items, alike
        else:
            asked = np.repeat(np.arange(len(probes)), few)
            ranked.take(Found(asked, items.ravel() + block.start, alike.ravel()))
    return ranked


def _meets_unmade(book: Codebook, n_probes: int) -> bool:
    """Whether probes meet atoms while these are made; for many a product of matrices is faster."""
    if not isinstance(book, ProceduralCodebook) or not book.space._STORES_NO_ATOMS:
        return False
    return n_probes <= _FEW_PROBES or not isinstance(book.space, RealSpace)


def _passes(
    book: Codebook, step: int, threads: int, n_probes: int = _MOST_PROBES
) -> Iterator[tuple[slice, Any]]:
    """Yield all items by blocks, with their vectors."""
    if isinstance(book, HadamardCodebook):
        yield slice(0, len(book)), np.empty((0, 1))
        return
    if _meets_unmade(book, n_probes):
        assert isinstance(book, ProceduralCodebook)
        for block in _blocks(len(book), step):
            yield block, Unmade(book, block, threads)
        return
    if not book.columns:  # vectors are computed
        step = min(step, max(1, _BLOCK_BYTES // book.space.nbytes))
    for block in _blocks(len(book), step):
        yield block, book.rows(block, threads)


def _is_hamming(book: Codebook, probes: NDArray[Any]) -> bool:
    """Whether a similarity is 1 - 2 h / D for the distance h of packed vectors."""
    packed = isinstance(book.space, MapSpace) and probes.dtype == np.uint64
    return packed and (book.device is not None or not isinstance(book, HadamardCodebook))


def _at_once(book: Codebook, probes: NDArray[Any]) -> int:
    """Return how many probes share a pass over the items."""
    if _is_hamming(book, probes):
        return max(1, len(probes))
    return max(1, _BLOCK_SCORES // book.space.dim) if isinstance(book, HadamardCodebook) else _MOST_PROBES


# ---- all above a threshold


def reaching(book: Codebook, probes: NDArray[Any], thresholds: Floats, threads: int) -> Found:
    """Return all items at least so alike to each probe, in order."""
    parts = [Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    hamming = _is_hamming(book, probes)
    for part in _blocks(len(probes), _at_once(book, probes)):
        some = (_near if hamming else _reaching_some)(book, probes[part], thresholds[part], threads)
        parts += [one._replace(probes=one.probes + part.start) for one in some]
    found = _joined(parts)
    return found.at(_ordered(found))


def _reaching_some(book: Codebook, probes: NDArray[Any], thresholds: Floats, threads: int) -> Iterator[Found]:
    if book.device is not None and not isinstance(book.space, MapSpace):
        yield Found(*book.reaching(probes, thresholds))  # type: ignore[attr-defined]
        return
    scorer = _scorer(book, probes, threads)
    for block, rows in _passes(book, _BLOCK_SCORES // len(probes), threads, len(probes)):
        scores = scorer.scores(block, rows)
        limits = thresholds / scorer.unit - scorer.slack
        found = _settled(scorer, rows, block.start, scores, limits)
        yield found.at(found.similarities >= thresholds[found.probes])


def _near(book: Codebook, probes: NDArray[Any], thresholds: Floats, threads: int) -> Iterator[Found]:
    dim = book.space.dim
    if book.device is not None:
        yield _near_ones(dim, book.within(probes, thresholds), thresholds, 0)  # type: ignore[attr-defined]
        return
    least = thresholds.min(initial=1.0)
    if least > 1.0:
        return
    radius = min(dim, int(dim * (1.0 - max(-1.0, least)) / 2.0) + 1)
    for block, rows in _passes(book, len(book), threads):
        found = within(probes, rows, dim, radius, threads=threads)
        yield _near_ones(dim, found, thresholds, block.start)


def _near_ones(
    dim: int, found: tuple[Indices, Indices, NDArray[np.int32]], thresholds: Floats, first: int
) -> Found:
    """Return of what is near enough what reaches its probe's threshold."""
    starts, items, distances = found
    alike = (dim - 2 * distances.astype(np.int64)) / dim
    asked = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    kept = alike >= thresholds[asked]
    return Found(asked[kept], items[kept] + first, alike[kept])
