# SPDX-License-Identifier: Apache-2.0
"""The loops of `kernels` on a GPU, trial by trial: the same integers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from hypersketch import _device
from hypersketch._device_array import Passing
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapB, MapI

__all__ = ["Book", "Rows", "bundle_scores", "index_of", "signs_of_keys"]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
_MOST_EXACT = 1 << 24
"""Up to which single precision has all whole numbers."""


def index_of(device: str) -> int:
    """Index of the GPU of a run that was placed there."""
    index = _device.resolve("run", device)
    assert index is not None
    return index


def bundle_scores(
    device: str,
    dim: int,
    packed: bool,
    seed: int,
    members: UInt64Array,
    probes: UInt64Array,
    weights: Int64Array | None = None,
) -> Int64Array:
    """Inner products of one bundle with probes, both of F <= 2 hashes an item: (F, n) and (F, q)."""
    passing, module = Passing(index_of(device), _device.chosen_stream()), _device.module()
    sums = passing.empty(dim, np.int32)
    module.clear_span(sums, 4 * dim)
    keys, others = _factors(passing, members)
    given = None if weights is None else passing.span(np.ascontiguousarray(weights, np.int64))
    n = members.shape[1]
    plan = module.BundlePlan(dim=dim, n_items=n, longest=n, sums=sums, weights=given)
    module.bundle_keys(plan, keys, others, True, seed)
    bundle = sums
    if packed:
        bundle = passing.empty(MapB(dim).n_words, np.uint64)
        module.pack_signs(sums, dim, seed, bundle)
    asked, more = _factors(passing, probes)
    scores = passing.empty(probes.shape[1], np.float64)
    module.score_keys(bundle, dim, int(packed), asked, more, True, seed, scores, 1.0, dim)
    return _whole(scores, dim)


def signs_of_keys(space: MapI, keys: UInt64Array, device: str) -> npt.NDArray[np.int8]:
    """Entries of the atoms of integers, in host memory."""
    rows = Rows(space, device)
    words = rows.to_host(rows.atoms(hash_keys(keys, threads=1)), np.uint64)
    return space.unpack(words.reshape(keys.size, rows.n_words))


def _factors(passing: Passing, items: UInt64Array) -> tuple[Any, Any]:
    first, *more = (passing.span(np.ascontiguousarray(one)) for one in items)
    return first, more[0] if more else None


def _whole(scores: Any, dim: int) -> Int64Array:
    out = np.empty(scores.n, np.float64)
    scores.to_host(out.view(np.uint8))
    return np.asarray(np.rint(out * dim), np.int64)


class Rows:
    """Packed vectors of a space on a GPU, one a row, for the length of a trial."""

    def __init__(self, space: Any, device: str) -> None:
        self.space, self.dim, self.n_words = space, space.dim, MapB(space.dim).n_words
        self.passing = Passing(index_of(device), _device.chosen_stream())
        self.module = _device.module()

    def atoms(self, *hashes: UInt64Array, seeds: tuple[int, ...] = ()) -> Any:
        """Atoms of hashes; several batches, each of a seed, follow one another."""
        edges = np.cumsum([0, *(one.size for one in hashes)])
        made = self.passing.empty(int(edges[-1]) * self.n_words, np.uint64)
        for one, start, seed in zip(hashes, edges.tolist(), seeds or (self.space.seed,), strict=False):
            self.module.atom_rows(self.passing.span(one), self.dim, seed, self.slice(made, start, one.size))
        return made

    def slice(self, rows: Any, start: int, n: int = 1) -> Any:
        """Some rows that follow one another, where they are."""
        first = rows.pointer + 8 * start * self.n_words
        return self.module.Span(first, n * self.n_words, rows.device, rows.stream)

    def taken(self, rows: Any, places: Int64Array, words: int | None = None) -> Any:
        """Some rows, by their indices."""
        n_words = words or 2 * self.n_words
        made = self.passing.empty(places.size * n_words, np.uint32)
        self.module.take_rows(rows, n_words, n_words, self.passing.span(places.astype(np.int64)), made)
        return self.module.Span(
            made.pointer, made.n // 2 if words is None else made.n, made.device, made.stream
        )

    def joined(self, *spans: Any) -> Any:
        """Rows one after the other."""
        made, start = self.passing.empty(sum(one.n for one in spans), np.uint64), 0
        for one in spans:
            n = one.n // self.n_words
            self.module.copy_span(self.slice(made, start, n), one, 8 * one.n)
            start += n
        return made

    def bound(self, a: Any, b: Any) -> Any:
        """Products of rows."""
        made = self.passing.empty(a.n, np.uint64)
        self.module.bind_rows(a, b, self.dim, made)
        return made

    def rotated(self, rows: Any, shifts: Int64Array) -> Any:
        """Row i shifted by ``shifts[i]``; rows with one shift that follow one another share a launch."""
        made, start = self.passing.empty(shifts.size * self.n_words, np.uint64), 0
        for shift, run in itertools.groupby(shifts.tolist()):
            n = len(list(run))
            given, to = (self.slice(span, start, n) for span in (rows, made))
            self.module.rotate_rows(given, self.dim, shift % self.dim, to)
            start += n
        return made

    def superposed(self, rows: Any, starts: Int64Array) -> Any:
        """Bundles of runs of rows: sums of int32, or packed majorities of binary spaces."""
        n, longest, edges = starts.size - 1, int(np.diff(starts).max()), self.passing.span(starts)
        plan = {"dim": self.dim, "n_items": int(starts[-1]), "longest": longest, "starts": edges}
        if self.space.binary:
            made = self.passing.empty(n * self.n_words, np.uint64)
            ties = self.passing.span(self.space._ties())
            self.module.bundle_rows(self.module.BundlePlan(**plan, bits=made, ties=ties), rows, None)
            return made
        made = self.passing.empty(n * self.dim, np.int32)
        self.module.clear_span(made, 4 * made.n)
        self.module.bundle_rows(self.module.BundlePlan(**plan, sums=made), rows, None)
        return made

    def unbound(self, bundles: Any, keys: Any, n: int, places: Int64Array) -> Any:
        """Bundle ``places[i]`` without key i."""
        if self.space.binary:
            return self.bound(self.taken(bundles, places), keys)
        records, made = self.taken(bundles, places, self.dim), self.passing.empty(n * self.dim, np.int32)
        self.module.turn_rows(records, keys, self.dim, made)
        return made

    def products(self, vectors: Any, n: int, rows: Any, n_rows: int, most: int) -> Int64Array:
        """Inner products of n vectors, whose entries are at most so large, with rows."""
        if self.space.binary:
            scores = self.passing.empty(n * n_rows, np.float64)
            self.module.packed_similarities(vectors, rows, self.dim, scores)
            return _whole(scores, self.dim).reshape(n, n_rows)
        if most * self.dim >= _MOST_EXACT:
            return np.stack([self.scores(self._sums(vectors, i), rows, n_rows) for i in range(n)])
        left, right = (self.passing.empty(count * self.dim, np.float32) for count in (n, n_rows))
        self.module.clip_sums(vectors, 0, left)
        self.module.unpack_entries(rows, self.dim, "float32", right)
        scores = self.passing.empty(n * n_rows, np.float32)
        self.module.inner_products(left, right, self.dim, scores)
        return np.asarray(self.to_host(scores, np.float32), np.int64).reshape(n, n_rows)

    def _sums(self, vectors: Any, i: int) -> Any:
        start = vectors.pointer + 4 * i * self.dim
        return self.module.Span(start, self.dim, vectors.device, vectors.stream)

    def scores(self, bundle: Any, rows: Any, n_rows: int) -> Int64Array:
        """Inner products of one bundle with rows."""
        scores = self.passing.empty(n_rows, np.float64)
        self.module.score_rows(bundle, self.dim, int(self.space.binary), rows, scores, 1.0, self.dim)
        return _whole(scores, self.dim)

    @staticmethod
    def to_host(span: Any, dtype: Any) -> Any:
        """Copy of a span in host memory."""
        out = np.empty(span.n, dtype)
        span.to_host(out.view(np.uint8))
        return out


class Book(Rows):
    """The atoms of a codebook on a GPU, and similarities with all of them: bit for bit the space's."""

    def __init__(self, space: Any, device: str, codebook: UInt64Array) -> None:
        super().__init__(space, device)
        self.rows, self.n_rows = self.atoms(codebook), codebook.size

    def bundle_scores(self, members: Int64Array, starts: Int64Array) -> FloatArray:
        """Similarities of bundles of runs of members."""
        bundles, longest = self.superposed(self.taken(self.rows, members), starts), int(np.diff(starts).max())
        return self._similarities(bundles, starts.size - 1, longest)

    def value_scores(self, keys: Int64Array, values: Int64Array, asked: int) -> FloatArray:
        """Similarities of what the first keys of each record bring back; keys and values: (record, pair)."""
        n_records, n = keys.shape
        pairs = self.bound(*(self.taken(self.rows, which.ravel()) for which in (values, keys)))
        records = self.superposed(pairs, np.arange(0, keys.size + 1, n))
        few = self.taken(self.rows, keys[:, :asked].ravel())
        found = self.unbound(records, few, n_records * asked, np.repeat(np.arange(n_records), asked))
        return self._similarities(found, n_records * asked, n)

    def _similarities(self, vectors: Any, n: int, most: int) -> FloatArray:
        products = self.products(vectors, n, self.rows, self.n_rows, most)
        return np.asarray(products / self.dim, np.float64)
