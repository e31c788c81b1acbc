# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers as hypervectors: the maps behind `HDEncoder`, made when the features are known.

They are not those of `hypersketch.vsa.encoders`, which are values: drawn from keys and never
changed. Learning redraws some columns and encodes them alone, with the same bits as in all; it wants entries
that are not brought to length 1, and a range for every feature.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads
from hypersketch.learn._bits import Floats, Words, signs
from hypersketch.vsa import MapB, MapI
from hypersketch.vsa._gathered import gathered
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import pack_bits

_BLOCK = 1 << 20
"""Numbers that are made at once where they are not kept."""


def as_signs(rows: Floats) -> Floats:
    """Make rows into their signs, -1 and +1, where they are."""
    rows += np.float32(0)  # -0 is not negative
    return np.asarray(np.copysign(np.float32(1), rows, out=rows))


class RowEncoder(ABC):
    """A fixed map from rows of numbers to vectors of `dim` entries."""

    def __init__(self, n_features: int, dim: int) -> None:
        self.n_features = n_features
        self.dim = dim

    @abstractmethod
    def floats(self, X: Floats) -> Floats:
        """Return the vectors, float32, one a row."""

    def packed(self, X: Floats) -> Words:
        """Return the signs of the vectors, one bit an entry."""
        step = max(1, _BLOCK // self.dim)
        blocks = [self.floats(X[i : i + step]) < 0 for i in range(0, len(X), step)]
        return np.concatenate([pack_bits(block) for block in blocks])

    def signs(self, X: Floats) -> Floats:
        """Return the signs of the vectors, -1 and +1."""
        return as_signs(self.floats(X))

    def redraw(self, dims: NDArray[np.intp], rng: np.random.Generator) -> None:
        """Draw the random numbers of some entries anew."""
        raise NotImplementedError


class MatrixEncoder(RowEncoder):
    """Rows times a matrix of normal numbers, or the sines of the products."""

    def __init__(self, n_features: int, dim: int, rng: np.random.Generator) -> None:
        super().__init__(n_features, dim)
        self.matrix = self._draw(dim, rng)

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Return n random columns."""

    phases: Floats | None = None
    """Two lines, of phases b and of offsets c: a product p becomes sin(p + b) - c. None leaves products."""

    def floats(self, X: Floats) -> Floats:
        return self._expanded(X, self.matrix, self.phases)

    def columns(self, X: Floats, dims: NDArray[np.intp]) -> Floats:
        """Return some entries of the vectors, the same bits as in all of them."""
        phases = None if self.phases is None else np.ascontiguousarray(self.phases[:, dims])
        return self._expanded(X, np.ascontiguousarray(self.matrix[:, dims]), phases)

    @staticmethod
    def _expanded(X: Floats, matrix: Floats, phases: Floats | None) -> Floats:
        out = np.empty((len(X), matrix.shape[1]), np.float32)
        _core.expand(X, matrix, phases, out, _threads.get_num_threads())
        return out

    def redraw(self, dims: NDArray[np.intp], rng: np.random.Generator) -> None:
        self.matrix[:, dims] = self._draw(dims.size, rng)


class Projection(MatrixEncoder):
    """Inner products with random directions."""

    def _draw(self, n: int, rng: np.random.Generator) -> Floats:
        columns = rng.standard_normal((self.n_features, n), dtype=np.float32)
        columns /= np.maximum(np.linalg.norm(columns, axis=0), np.finfo(np.float32).tiny)
        return columns


class Fourier(MatrixEncoder):
    """sin(q + b), q a random projection and b a random phase."""

    phases: Floats

    def __init__(self, n_features: int, dim: int, rng: np.random.Generator, gamma: float) -> None:
        self.gamma = gamma
        self.phases = np.empty((2, dim), np.float32)
        self._set_phases(slice(None), self._draw_phases(dim, rng))
        super().__init__(n_features, dim, rng)

    def _draw(self, n: int, rng: np.random.Generator) -> Floats:
        columns = rng.standard_normal((self.n_features, n), dtype=np.float32)
        columns *= np.float32(np.sqrt(2 * self.gamma))
        return columns

    @staticmethod
    def _draw_phases(n: int, rng: np.random.Generator) -> Floats:
        return np.asarray(rng.random(n, dtype=np.float32) * np.float32(2 * np.pi))

    def _set_phases(self, dims: Any, phases: Floats) -> None:
        self.phases[0, dims], self.phases[1, dims] = phases, self._at_origin(phases)

    def _at_origin(self, phases: Floats) -> Floats | float:
        """Return what is taken away from the sines."""
        return 0.0

    def redraw(self, dims: NDArray[np.intp], rng: np.random.Generator) -> None:
        self._set_phases(dims, self._draw_phases(dims.size, rng))
        super().redraw(dims, rng)


class Sinusoid(Fourier):
    """2 cos(p + b) sin(p), with p = q / 2, computed as sin(q + b) - sin(b)."""

    def _at_origin(self, phases: Floats) -> Floats:
        return np.asarray(np.sin(phases))


class Record(RowEncoder):
    """The bundle over the features of a random vector of the feature bound with the vector of its value."""

    def __init__(self, space: MapSpace, low: NDArray[Any], high: NDArray[Any], n_levels: int) -> None:
        super().__init__(low.size, space.dim)
        self.space = space
        self.low, self.high = low.astype(np.float32), high.astype(np.float32)
        self.n_levels = n_levels
        self.features = space.atoms(np.arange(low.size))
        self.levels = pack_bits(self._level_rows())

    @abstractmethod
    def _level_rows(self) -> NDArray[np.bool_]:
        """Return the entries -1 of every level's vector."""

    def indices(self, X: Floats) -> NDArray[np.intp]:
        """Return the nearest level of every value; values beyond the range get its end."""
        span = np.where(self.high > self.low, self.high - self.low, np.float32(1))
        places = (X - self.low) / span * np.float32(self.n_levels - 1)
        return np.asarray(np.rint(np.clip(places, 0, self.n_levels - 1)).astype(np.intp))

    def _bundles(self, X: Floats) -> NDArray[Any]:
        """Return the bundles of rows' bound vectors, none of which is ever stored."""
        indices = self.indices(X)
        fields = np.tile(np.arange(self.n_features), len(X))
        starts = np.arange(0, indices.size + 1, self.n_features)
        bound_to = (self.levels, indices.ravel())
        return gathered("HDEncoder", self.space, self.features, fields, starts, bound_to=bound_to)


class LevelRecord(Record):
    """Records of levels by majority: from the lowest level to the highest every entry turns once."""

    space: MapB

    def _level_rows(self) -> NDArray[np.bool_]:
        lowest = signs(self.space.atoms(["lowest"]), self.dim)[0] < 0
        turn = np.random.default_rng(self.space.seed).random(self.dim)
        reached = np.arange(self.n_levels)[:, np.newaxis] > turn * max(1, self.n_levels - 1)
        return np.asarray(reached ^ lowest)

    def packed(self, X: Floats) -> Words:
        return self._bundles(X)

    def floats(self, X: Floats) -> Floats:
        return signs(self.packed(X), self.dim)

    def signs(self, X: Floats) -> Floats:
        return self.floats(X)


class DensityRecord(Record):
    """Sums of thermometer vectors bound with the features', clipped: the density encoding."""

    space: MapI

    def __init__(
        self, space: MapI, low: NDArray[Any], high: NDArray[Any], n_levels: int, clip: int | None
    ) -> None:
        super().__init__(space, low, high, n_levels)
        self.clip = clip

    def _level_rows(self) -> NDArray[np.bool_]:
        filled = np.arange(self.n_levels) * self.dim // max(1, self.n_levels - 1)
        return np.arange(self.dim) >= filled[:, np.newaxis]

    def floats(self, X: Floats) -> Floats:
        sums = np.empty((len(X), self.dim), np.float32)
        step = max(1, _BLOCK // self.dim)
        for i in range(0, len(X), step):
            sums[i : i + step] = self._bundles(X[i : i + step])
        return sums if self.clip is None else np.clip(sums, -self.clip, self.clip, out=sums)


class Foreign(RowEncoder):
    """A fitted encoder of somebody else: an object with ``transform`` or ``encode``."""

    def __init__(self, made: Any, X: Floats, dim: int) -> None:
        super().__init__(X.shape[1], dim)
        self.made = made
        self.dim = self._width(self._vectors(X[:1]))

    def _vectors(self, X: Floats) -> NDArray[Any]:
        made = self.made.transform(X) if hasattr(self.made, "transform") else self.made.encode(X)
        rows = np.asarray(made)
        if rows.ndim != 2 or len(rows) != len(X) or rows.dtype.kind not in "iuf":
            raise ValueError(
                f"The encoder {type(self.made).__name__} must return one row of numbers a row of X, "
                f"{len(X)}. Got an array of {rows.dtype}, shape {rows.shape} instead."
            )
        return rows

    def _width(self, rows: NDArray[Any]) -> int:
        """Return the dimension: packed vectors must be of the one that was asked for."""
        if rows.dtype != np.uint64:
            return int(rows.shape[1])
        inner = getattr(self.made, "dim", getattr(getattr(self.made, "space", None), "dim", self.dim))
        n_words = -(-inner // 64)
        if rows.shape[1] != n_words:
            raise ValueError(
                f"The encoder {type(self.made).__name__} returns {rows.shape[1]} words a row, but packed "
                f"vectors of dim={inner} have {n_words}."
            )
        return int(inner)

    def floats(self, X: Floats) -> Floats:
        rows = self._vectors(X)
        return signs(rows, self.dim) if rows.dtype == np.uint64 else rows.astype(np.float32)

    def packed(self, X: Floats) -> Words:
        rows = self._vectors(X)
        return rows if rows.dtype == np.uint64 else pack_bits(rows < 0)
