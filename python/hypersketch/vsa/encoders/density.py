# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers by thermometers that are bound to roles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa.encoders._base import Encoder, Vectors
from hypersketch.vsa.encoders._projecting import FEATURES
from hypersketch.vsa.encoders.level import Scale
from hypersketch.vsa.encoders.records import RecordEncoder
from hypersketch.vsa.encoders.thermometer import ThermometerEncoder


@dataclass(frozen=True)
class DensityEncoder(Scale):
    """Rows of numbers by density encoding: the bundle of every number's thermometer bound to its role.

    Parameters
    ----------
    space : MapI, MapB, BSC, MapT, MapC, FHRR or MCR of an even modulus
        The space of the vectors.
    low, high : float, default 0 and 1
        The interval of the numbers.
    levels : int in [2, 2**20], optional
        Levels of the thermometers; default D + 1.
    features : int in [1, 2**24], default 1
        Numbers a row.
    clip : int > 0, optional
        Where sums of MAP-I are cut off, -clip and clip.
    outside : {'clip', 'raise'}, default 'clip'
        What happens to values outside [low, high].
    seed : int in [0, 2**64), default 0
        Seed of the roles.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, spaces without opposites, and ``clip`` in other spaces.

    Notes
    -----
    Kleyko et al. (2021, IEEE TNNLS 32(8)), who use it with ``clip`` as the hidden layer of random networks.
    It is a `RecordEncoder` of thermometers. The cosine of the sums of rows x and y has the expectation

        1 - 2 mean_f abs(x_f - y_f) / (high - low),

    its variance at most 2 / D for many features, and is exact for one. `kernel` says what it is of
    majorities.

    Examples
    --------
    >>> from hypersketch.vsa import MapI
    >>> from hypersketch.vsa.encoders import DensityEncoder
    >>> encoder = DensityEncoder(MapI(1000), 0, 1, features=3, clip=2)
    >>> encoder.encode([[0.1, 0.5, 0.9], [0.2, 0.4, 1.0]]).shape
    (2, 1000)
    """

    levels: int = None  # type: ignore[assignment]  # until it is known what D is
    """Number of levels of the thermometers."""
    features: int = 1
    """Numbers a row."""
    clip: int | None = None
    """Where sums are cut off; None for nowhere."""
    outside: str = "clip"
    """What happens to values outside the interval."""
    seed: int = 0
    """Seed of the roles."""

    def __post_init__(self) -> None:
        owner = self._init()
        self._set("features", FEATURES(owner, "features", self.features))
        self._set("levels", self._thermometer.levels)
        self._init_scale()
        if self.clip is None:
            return
        self._set("clip", _validation.integer(owner, "clip", self.clip, 1, 2**31 - 1))
        if not isinstance(self.space, MapSpace) or self.space.binary:
            _validation.refuse(owner, "clip", "None but in MapI, whose vectors are sums", self.clip)

    @cached_property
    def _thermometer(self) -> ThermometerEncoder:
        return ThermometerEncoder(self.space, self.low, self.high, self.levels, self.outside)

    @cached_property
    def _record(self) -> RecordEncoder:
        return RecordEncoder(self.space, self.features, self._thermometer, seed=self.seed)

    def _make_table(self) -> Vectors:
        return self._thermometer.table

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a row.

        Parameters
        ----------
        values : array of shape (n, features), or one row
            Real numbers.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space; sums of MAP-I (int32, shape (n, dim)).

        Raises
        ------
        TypeError, ValueError
            As `RecordEncoder.encode`.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import DensityEncoder
        >>> DensityEncoder(BSC(128), features=2).encode([[0.5, 0.2]]).shape
        (1, 2)
        """
        made = self._record.encode(values, threads=threads)
        return made if self.clip is None else np.clip(made, -self.clip, self.clip, out=made)

    def _codes(self, values: Any, threads: int | None) -> tuple[Vectors, NDArray[np.int64]]:
        return Encoder._codes(self, values, threads)

    def decode(self, vectors: Vectors, feature: int = 0) -> NDArray[np.float64]:
        """Return the values of one feature, the nearest thermometers of what unbinding its role leaves.

        >>> from hypersketch.vsa import MapI
        >>> from hypersketch.vsa.encoders import DensityEncoder
        >>> encoder = DensityEncoder(MapI(4000), 0, 10, levels=11, features=3)
        >>> encoder.decode(encoder.encode([[2, 5, 9]]), feature=2).round()
        array([9.])
        """
        found: NDArray[np.float64] = self._record.decode(vectors, feature)
        return found

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected cosine of the vectors of rows, without ``clip``; see `RecordEncoder.kernel`.

        >>> from hypersketch.vsa import MapI
        >>> from hypersketch.vsa.encoders import DensityEncoder
        >>> DensityEncoder(MapI(100), 0, 1, levels=11, features=2).kernel([[0, 0.5]], [[0.2, 0.8]]).round(2)
        array([0.5])
        """
        return self._record.kernel(a, b)
