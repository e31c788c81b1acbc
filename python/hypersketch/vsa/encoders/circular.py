# SPDX-License-Identifier: Apache-2.0
"""Numbers on a circle: hours, angles, seasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa.encoders._base import TableEncoder, Vectors, derived, numbers
from hypersketch.vsa.encoders._pieces import interpolated
from hypersketch.vsa.encoders._strangers import stranger_similarity
from hypersketch.vsa.encoders.level import LEVELS


@dataclass(frozen=True)
class CircularEncoder(TableEncoder):
    """Periodic numbers: similarity falls linearly with the distance around the circle.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.
    period : float > 0, default 1
        After which values come again: 24 for hours, 360 for degrees.
    levels : int in [2, 2**20], default 256
        Levels around the circle that values are rounded to.
    anchors : int in [2, 2**20], default 2
        Random vectors that stand around the circle. Values further apart than ``period / anchors`` have
        nothing in common.
    phase : float, default 0
        Value of level 0.
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have vectors that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    With m random vectors a(i) and one number u(d) in (0, 1) a dimension, spread evenly in random order, entry
    d of the value x is that of a(floor(m x / period + u(d)) mod m). The expected similarity of levels at the
    distance t around the circle is

        k + (1 - k) s,   k = max(0, 1 - m t / period),

    with s as in `LevelEncoder`, and the same variance. With two vectors this is the circular code of Nunes
    et al. (2022): opposite values are the only ones without anything in common.

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import CircularEncoder
    >>> space = BSC(10_000)
    >>> hour = CircularEncoder(space, period=24, levels=24)
    >>> midnight, late, noon = hour.encode([0, 23, 12])
    >>> space.similarity(midnight, late).round(1), space.similarity(midnight, noon).round(1) + 0.0
    (array([0.9]), array([0.]))
    >>> hour.decode(late)
    array([23.])
    """

    period: float = 1.0
    """After which values come again."""
    levels: int = 256
    """Number of levels around the circle."""
    anchors: int = 2
    """Number of random vectors around the circle."""
    phase: float = 0.0
    """Value of level 0."""
    seed: int = 0
    """Seed of the vectors, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init()
        self._set("period", _validation.positive(owner, "period", self.period))
        self._set("levels", LEVELS(owner, "levels", self.levels))
        self._set("anchors", LEVELS(owner, "anchors", self.anchors))
        self._set("phase", _validation.real(owner, "phase", self.phase))

    def indices(self, values: Any) -> NDArray[np.int64]:
        """Return the level of each value, from 0: the nearest one around the circle.

        Parameters
        ----------
        values : array of numbers of any shape, or one number
            Finite.

        Returns
        -------
        ndarray of int64
            Of the same shape.

        Raises
        ------
        TypeError, ValueError
            For what is not real numbers, NaN and infinity.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CircularEncoder
        >>> CircularEncoder(BSC(64), period=360, levels=4).indices([0, 90, -90, 359, 810])
        array([0, 1, 3, 0, 1])
        """
        given = numbers(self._owner("encode"), values, axes=(0, 1, 2)).astype(np.float64)
        around = np.mod(given - self.phase, self.period) * (self.levels / self.period)
        return np.asarray(np.rint(around), np.int64) % self.levels

    def _values_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.phase + rows * self.period / self.levels

    def _make_table(self) -> Vectors:
        own = derived(self.space, "CircularEncoder", self.seed)
        positions = self.anchors * np.arange(self.levels) / self.levels
        return interpolated(own, own.atoms(np.arange(self.anchors)), positions, wraps=True)

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of values, as the class says.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CircularEncoder
        >>> CircularEncoder(BSC(64), period=24, levels=24).kernel(0, [0, 6, 12, 18])
        array([1. , 0.5, 0. , 0.5])
        """
        apart = np.abs(self.indices(a) - self.indices(b))
        around = np.minimum(apart, self.levels - apart)
        kept = np.maximum(0.0, 1.0 - self.anchors * around / self.levels)
        return np.asarray(kept + (1.0 - kept) * stranger_similarity(self.space))
