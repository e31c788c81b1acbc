# SPDX-License-Identifier: Apache-2.0
"""The loops of `kernels` on a GPU, trial by trial: the same integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hypersketch import _device
from hypersketch._device_array import Passing
from hypersketch.vsa import MapB

__all__ = ["Rows", "bundle_scores", "index_of"]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
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
    module.score_keys(bundle, dim, packed, asked, more, True, seed, scores)
    return _whole(scores, dim)


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

    def atoms(self, hashes: UInt64Array) -> Any:
        """Atoms of hashes."""
        made = self.passing.empty(hashes.size * self.n_words, np.uint64)
        self.module.atom_rows(self.passing.span(hashes), self.dim, self.space.seed, made)
        return made

    def taken(self, rows: Any, places: Int64Array, words: int | None = None) -> Any:
        """Some rows, by their indices."""
        n_words = words or 2 * self.n_words
        made = self.passing.empty(places.size * n_words, np.uint32)
        self.module.take_rows(rows, n_words, n_words, self.passing.span(places.astype(np.int64)), made)
        return self.module.Span(
            made.pointer, made.n // 2 if words is None else made.n, made.device, made.stream
        )

    def bound(self, a: Any, b: Any) -> Any:
        """Products of rows."""
        made = self.passing.empty(a.n, np.uint64)
        self.module.bind_rows(a, b, self.dim, made)
        return made

    def rotated(self, rows: Any, n: int, shifts: Int64Array) -> Any:
        """Row i shifted by ``shifts[i]``."""
        made = self.passing.empty(n * self.n_words, np.uint64)
        for i, shift in enumerate(shifts.tolist()):
            one, to = (self._row(span, i) for span in (rows, made))
            self.module.rotate_rows(one, self.dim, shift % self.dim, to)
        return made

    def _row(self, span: Any, i: int) -> Any:
        start = span.pointer + 8 * i * self.n_words
        return self.module.Span(start, self.n_words, span.device, span.stream)

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
            raise OverflowError("Sums this large have no exact products in single precision.")
        left, right = (self.passing.empty(count * self.dim, np.float32) for count in (n, n_rows))
        self.module.clip_sums(vectors, 0, left)
        self.module.unpack_entries(rows, self.dim, "float32", right)
        scores = self.passing.empty(n * n_rows, np.float32)
        self.module.inner_products(left, right, self.dim, scores)
        return np.asarray(self.to_host(scores, np.float32), np.int64).reshape(n, n_rows)

    @staticmethod
    def to_host(span: Any, dtype: Any) -> Any:
        """Copy of a span in host memory."""
        out = np.empty(span.n, dtype)
        span.to_host(out.view(np.uint8))
        return out
