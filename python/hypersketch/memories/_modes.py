# SPDX-License-Identifier: Apache-2.0
"""Modes: means of keys and values with counts, into which new ones go one after the other.

The rule is that of one item after the other. Items come in chunks: products in single precision with all
modes say which could be nearest, double precision decides where that leaves a doubt, and a mode that changes
is compared anew with the items that follow. So what happens is the same for any split into batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._changes import at_once

_CHUNK = 128
Rows = NDArray[np.float32]
Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Modes(NamedTuple):
    """Views of a state: one row a mode."""

    counts: Integers
    """How many items each is the mean of; 0 where it was never used."""
    touched: Integers
    """When each was changed last: the number of that item, from 1 on; 0 for never."""
    keys: Rows
    values: Rows

    @classmethod
    def of(cls, parameters: Mapping[str, Any], state: NDArray[np.uint8]) -> Modes:
        n, key_dim, value_dim = (parameters[name] for name in ("n_modes", "key_dim", "value_dim"))
        numbers = state[: 16 * n].view(np.int64)
        rows = state[16 * n :].view(np.float32)
        keys, values = rows[: n * key_dim], rows[n * key_dim :]
        return cls(numbers[:n], numbers[n:], keys.reshape(n, key_dim), values.reshape(n, value_dim))

    @property
    def n_used(self) -> int:
        """Modes are used from the first on."""
        return int(np.count_nonzero(self.counts))

    def verify(self, n_added: int, means: bool = True) -> None:
        """Refuse what no memory can have come to."""
        used = self.counts > 0
        sound = (
            (self.counts >= 0).all()
            and ((self.touched > 0) == used).all()
            and used[: self.n_used].all()
            and self.touched.max() <= n_added
        )
        if not sound or (means and not (np.isfinite(self.keys).all() and np.isfinite(self.values).all())):
            raise ValueError("its modes are not what a memory can hold.")

    def take(self, keys: Rows, values: Rows, similarity: str, threshold: float, clock: int) -> None:
        """Put items in, one after the other."""
        for first in range(0, len(keys), _CHUNK):
            part = slice(first, first + _CHUNK)
            chunk = _Chunk(self, keys[part], similarity, threshold)
            both = np.concatenate((keys[part], values[part]), axis=1, dtype=np.float64)
            for i, row in enumerate(both):
                mode, now = chunk.nearest(i), clock + first + i + 1
                if mode < 0:
                    mode = int(self.touched.argmin())  # never used ones first
                    self._put(mode, row, 1, now)
                    chunk.renewed(i, mode)
                else:
                    count = int(self.counts[mode]) + 1
                    row = self._towards(mode, row, count)
                    self._put(mode, row, count, now)
                    chunk.changed(i, mode, row)

    def _towards(self, mode: int, row: Doubles, count: int) -> Doubles:
        """Return the means of a mode's key and value with one more, side by side."""
        dim, old = self.keys.shape[1], np.empty_like(row)
        old[:dim], old[dim:] = self.keys[mode], self.values[mode]
        made: Doubles = row - old
        made /= count
        made += old
        return made

    def _put(self, mode: int, row: Doubles, count: int, now: int) -> None:
        """Write all of a mode in one step, between whose parts no Ctrl-C can come."""
        dim = self.keys.shape[1]
        at_once(
            (self.keys, mode, row[:dim]),
            (self.values, mode, row[dim:]),
            (self.counts, mode, count),
            (self.touched, mode, now),
        )


class _Chunk:
    """How alike some items are to all modes, while these change."""

    def __init__(self, modes: Modes, keys: Rows, similarity: str, threshold: float) -> None:
        used = modes.n_used
        self._modes, self._keys, self._similarity, self._threshold = modes, keys, similarity, threshold
        old = modes.keys[:used]
        # Means are no longer than what they are of, so these are the longest that there will be.
        norms = np.concatenate([_nearest.lengths(old), _nearest.lengths(keys)])
        self._scorer = _nearest.Nearness(similarity, keys, norms)
        self._among = self._scorer.scores(slice(used, None), keys)
        self._limits = threshold / self._scorer.units
        self._scores = np.full((len(keys), min(len(modes.counts), used + len(keys))), -np.inf, np.float32)
        if used:
            self._scores[:, :used] = self._scorer.scores(slice(0, used), old)

    def nearest(self, item: int) -> int:
        """Return the mode most alike to an item, the first of equals; -1 where none exceeds the threshold."""
        scores, slack, limit = self._scores[item], self._scorer.slack, self._limits[item]
        best = int(scores.argmax())  # a NaN, if there is one
        top = float(scores[best])
        if top + slack <= limit:
            return -1
        if top - slack > limit and np.count_nonzero(scores >= top - 2 * slack) == 1:
            return best
        return self._settled(item, top)

    def _settled(self, item: int, top: float) -> int:
        """Return the nearest mode of those that may be it."""
        scores, floor = self._scores[item], top - 2 * self._scorer.slack
        near = ~(scores < floor) if np.isfinite(top) else ~np.isneginf(scores)
        places = np.flatnonzero(near)
        if not places.size:
            return -1
        rows = self._modes.keys[places]
        alike = _nearest.exact(self._similarity, self._keys[item : item + 1], rows)
        best = int(alike.argmax())
        return int(places[best]) if alike[best] > self._threshold else -1

    def renewed(self, item: int, mode: int) -> None:
        """Compare a mode that has become an item with the items that follow."""
        self._scores[item + 1 :, mode] = self._among[item + 1 :, item]

    def changed(self, item: int, mode: int, row: Doubles) -> None:
        """Compare a changed mode, which is a row up to rounding, with the items that follow."""
        if item + 1 < len(self._keys):
            mean = self._modes.keys[mode]
            square = float(np.dot(row[: mean.size], row[: mean.size]))
            self._scores[item + 1 :, mode] = self._scorer.against_one(mean, square, item + 1)


def mode_bytes(key_dim: int, value_dim: int) -> int:
    """Return the bytes of one mode."""
    return 16 + 4 * (key_dim + value_dim)


def modes_of(owner: str, budget: object, key_dim: object, value_dim: object) -> int:
    """Return how many modes a budget buys."""
    dims = (_reals.DIM(owner, name, dim) for name, dim in (("key_dim", key_dim), ("value_dim", value_dim)))
    each = mode_bytes(*dims)
    total = _validation.integer(owner, "budget_bytes", budget, 0, 2**62)
    if total < each:
        _validation.refuse(owner, "budget_bytes", f"at least {each}, the bytes of one mode", total)
    return total // each
