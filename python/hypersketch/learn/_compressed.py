# SPDX-License-Identifier: Apache-2.0
"""Hypervectors folded into shorter ones (CompHD)."""

from __future__ import annotations

import numpy as np

from hypersketch import _validation
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import RowEncoder

_BLOCK = 1 << 20
"""Numbers that are folded at once."""


class Compressed(RowEncoder):
    """The bundle of a vector's segments, each bound with a random vector of its place."""

    def __init__(self, inner: RowEncoder, n_segments: int, rng: np.random.Generator, owner: str) -> None:
        if n_segments > inner.dim:
            must = f"an integer in [1, {inner.dim}], the dimension of the vectors"
            _validation.refuse(owner, "n_segments", must, n_segments)
        super().__init__(inner.n_features, -(-inner.dim // n_segments))
        self.inner = inner
        self.keys = rng.integers(2, size=(n_segments, self.dim)).astype(np.float32) * 2 - 1

    def floats(self, X: Floats) -> Floats:
        out = np.empty((len(X), self.dim), np.float32)
        step = max(1, _BLOCK // self.inner.dim)
        for i in range(0, len(X), step):
            out[i : i + step] = self.fold(self.inner.floats(X[i : i + step]))
        return out

    def fold(self, rows: Floats) -> Floats:
        """Return vectors of all dimensions as short ones; the last segment may be cut off."""
        folded = np.zeros((len(rows), self.dim), np.float32)
        for place, key in enumerate(self.keys):
            segment = rows[:, place * self.dim : (place + 1) * self.dim]
            folded[:, : segment.shape[1]] += segment * key[: segment.shape[1]]
        return folded
