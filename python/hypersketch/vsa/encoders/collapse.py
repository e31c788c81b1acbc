# SPDX-License-Identifier: Apache-2.0
"""Vectors of probabilities as bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa.encoders._base import Encoder, Vectors, derived, pieces, require_kinds, uniforms
from hypersketch.vsa.encoders._projecting import empty_rows, rows_of


@dataclass(frozen=True)
class CollapseEncoder(Encoder):
    """Rows of D probabilities as bits that are set with them: what a model says about every dimension.

    Parameters
    ----------
    space : MapI, MapB or BSC
        The space of the vectors.
    seed : int in [0, 2**64), default 0
        Encoders of different seeds draw independently.

    Raises
    ------
    TypeError, ValueError
        For other spaces, and seeds of a wrong type or out of range.

    Notes
    -----
    Bit d is set where x_d > u(d), with one number u(d) uniform in (0, 1) a dimension, the same for all rows.
    So equal rows have equal vectors, and the expected similarity of two is 1 - 2 mean_d abs(x_d - y_d).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import CollapseEncoder
    >>> import numpy
    >>> space = BSC(1000)
    >>> bits = space.unpack(CollapseEncoder(space).encode(numpy.full((1, 1000), 0.25)))
    >>> 200 < int(bits.sum()) < 300
    True
    """

    seed: int = 0
    """Seed of the draws, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init()
        require_kinds(owner, self.space, (MapSpace,), "its vectors are bits")

    @cached_property
    def _thresholds(self) -> NDArray[np.float64]:
        own = derived(self.space, "CollapseEncoder", self.seed)
        return np.asarray(uniforms(own, np.arange(1), self.space.dim)[0])

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a row.

        Parameters
        ----------
        values : array of shape (n, D), or one row
            Numbers in [0, 1].
        threads : int, optional
            Accepted for the sake of other encoders.

        Returns
        -------
        ndarray of uint64, shape (n, n_words)
            Packed vectors.

        Raises
        ------
        TypeError, ValueError
            For what is not rows of D real numbers in [0, 1].

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CollapseEncoder
        >>> CollapseEncoder(BSC(4)).encode([[0, 1, 1, 0]])
        array([[6]], dtype=uint64)
        """
        owner = self._owner("encode")
        rows = self._rows(owner, values)
        made = empty_rows(self.space, len(rows))
        for part in pieces(len(rows), self.space.dim):
            made[part] = pack_bits(rows[part] > self._thresholds)
        return made

    def _rows(self, owner: str, values: Any) -> NDArray[Any]:
        rows = rows_of(owner, values, self.space.dim)
        if rows.size and not (rows.min() >= 0 and rows.max() <= 1):
            beyond = rows[(rows < 0) | (rows > 1)]
            _validation.refuse(owner, "values", "numbers in [0, 1]", float(beyond.flat[0]))
        return rows

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of rows, as the class says.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CollapseEncoder
        >>> CollapseEncoder(BSC(2)).kernel([0.5, 0.5], [[0.5, 0.5], [0, 0]])
        array([1., 0.])
        """
        x, y = (self._rows(self._owner("kernel"), one) for one in (a, b))
        if len(x) != len(y) and 1 not in (len(x), len(y)):
            raise ValueError(f"a has {len(x)} rows but b has {len(y)}.")
        return np.asarray(1 - 2 * np.abs(x - y).mean(axis=1))
