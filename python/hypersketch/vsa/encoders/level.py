# SPDX-License-Identifier: Apache-2.0
"""Numbers on a scale: the nearer, the more alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa.encoders._base import OUTSIDE, TableEncoder, Vectors, derived, numbers
from hypersketch.vsa.encoders._pieces import interpolated
from hypersketch.vsa.encoders._strangers import stranger_similarity

LEVELS = _validation.within(2, 2**20)


@dataclass(frozen=True)
class Scale(TableEncoder):
    """What encoders of numbers in an interval share: levels, from the low to the high end."""

    low: float = 0.0
    """Value of the lowest level."""
    high: float = 1.0
    """Value of the highest level."""
    levels: int = 256
    """Number of levels, the ends among them."""

    def _init_scale(self) -> str:
        owner = self._init()
        for name in ("low", "high"):
            self._set(name, _validation.real(owner, name, getattr(self, name)))
        if not self.low < self.high or not math.isfinite(self.high - self.low):
            must = f"greater than low = {self.low:g} by a finite number"
            _validation.refuse(owner, "high", must, self.high)
        self._set("levels", LEVELS(owner, "levels", self.levels))
        OUTSIDE(owner, "outside", self.outside)  # type: ignore[attr-defined]
        return owner

    @property
    def step(self) -> float:
        """Distance of neighbouring levels.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> LevelEncoder(BSC(64), 0, 10, levels=11).step
        1.0
        """
        return (self.high - self.low) / (self.levels - 1)

    def indices(self, values: Any) -> NDArray[np.int64]:
        """Return the level of each value, from 0: the nearest one.

        Parameters
        ----------
        values : array of numbers of any shape, or one number
            Values outside [low, high] have the level of the end, or are refused, as ``outside`` says.

        Returns
        -------
        ndarray of int64
            Of the same shape.

        Raises
        ------
        TypeError, ValueError
            For what is not real numbers, NaN, and values outside with ``outside='raise'``.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> LevelEncoder(BSC(64), 0, 1, levels=5).indices([[0, 0.3], [0.9, 7]])
        array([[0, 1],
               [4, 4]])
        """
        owner = self._owner("encode")
        given = numbers(owner, values, axes=(0, 1, 2), infinite=self.outside == "clip")  # type: ignore[attr-defined]
        if self.outside == "raise" and given.size:  # type: ignore[attr-defined]
            beyond = (given < self.low) | (given > self.high)
            if beyond.any():
                must = f"numbers in [{self.low:g}, {self.high:g}]"
                _validation.refuse(owner, "values", must, float(given[beyond].flat[0]))
        return self._places(given)

    def _places(self, given: NDArray[Any]) -> NDArray[np.int64]:
        wide = np.asarray(given, np.float64)
        with np.errstate(over="ignore"):  # what becomes infinite is clipped
            places = np.rint((wide - self.low) * ((self.levels - 1) / (self.high - self.low)))
        return np.asarray(np.clip(places, 0, self.levels - 1), np.int64)

    def _values_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.low + rows * (self.high - self.low) / (self.levels - 1)


@dataclass(frozen=True)
class LevelEncoder(Scale):
    """Numbers by levels between random vectors: similarity falls linearly with the distance.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.
    low, high : float, default 0 and 1
        The interval.
    levels : int in [2, 2**20], default 256
        Levels that values are rounded to.
    bandwidth : float > 0, optional
        Distance at which two values have nothing in common any more; default ``high - low``, so that only
        both ends have not. A new random vector stands at every multiple of it.
    outside : {'clip', 'raise'}, default 'clip'
        What happens to values outside [low, high].
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have vectors that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    With random vectors a(0), a(1), ... and one number u(d) in (0, 1) a dimension, spread evenly in random
    order, entry d of the value x is that of a(floor((x - low) / bandwidth + u(d))). So of D entries
    D |x - y| / bandwidth belong to different vectors, within one, and the expected similarity of the
    levels x and y is

        k + (1 - k) s,   k = max(0, 1 - |x - y| / bandwidth),

    where s is the similarity of strangers in the space: 0, but 1/r in `CGR` and `SparseBlockCodes`. In
    MAP-I, MAP-B and BSC its variance is (1 - k) / D. `BSDC` changes its k ones, or segments, one by one,
    so it tells apart no more than sqrt(D) levels a bandwidth.

    Linear interpolation is of Rachkovskij et al. (2005) and Widdows & Cohen (2015). A torchhd ``randomness``
    of r is a bandwidth of ((1 - r) + r / (levels - 1)) (high - low).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import LevelEncoder
    >>> space = BSC(10_000)
    >>> warmth = LevelEncoder(space, -20, 40, levels=61)
    >>> cold, mild, hot = warmth.encode([-20, 10, 40])
    >>> space.similarity(mild, cold).round(1), space.similarity(hot, cold).round(1) + 0.0
    (array([0.5]), array([0.]))
    >>> warmth.decode(mild)
    array([10.])
    """

    bandwidth: float | None = None
    """Distance at which similarity ends; None is the whole interval."""
    outside: str = "clip"
    """What happens to values outside the interval."""
    seed: int = 0
    """Seed of the vectors, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init_scale()
        if self.bandwidth is not None:
            self._set("bandwidth", _validation.positive(owner, "bandwidth", self.bandwidth))
            if (self.high - self.low) / self.bandwidth > 2**20:
                must = f"at least {(self.high - self.low) / 2**20:g}, a 2**20-th of the interval"
                _validation.refuse(owner, "bandwidth", must, self.bandwidth)

    @property
    def _spans(self) -> float:
        return 1.0 if self.bandwidth is None else (self.high - self.low) / self.bandwidth

    def _make_table(self) -> Vectors:
        own = derived(self.space, "LevelEncoder", self.seed)
        positions = self._spans * np.arange(self.levels) / (self.levels - 1)
        anchors = own.atoms(np.arange(math.ceil(self._spans) + 1))
        return interpolated(own, anchors, positions)

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of values, as the class says.

        Parameters
        ----------
        a, b : array of numbers, or one
            Values, of shapes that broadcast.

        Returns
        -------
        ndarray of float64

        Raises
        ------
        TypeError, ValueError
            As `encode`.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> LevelEncoder(BSC(64), 0, 10, levels=11).kernel([0, 3], 5)
        array([0.5, 0.8])
        """
        steps = np.abs(self.indices(a) - self.indices(b))
        kept = np.maximum(0.0, 1.0 - self._spans * steps / (self.levels - 1))
        return np.asarray(kept + (1.0 - kept) * stranger_similarity(self.space))
