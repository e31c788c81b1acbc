# SPDX-License-Identifier: Apache-2.0
"""Numbers by the cells that hold them: overlapping intervals, grids of several periods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._gathered import gathered
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa.encoders._base import Encoder, Vectors, derived, numbers, pieces
from hypersketch.vsa.encoders._bundling import result_rows

_MUST = "a sequence of cells (low, high) or (low, high, period) with low < high"


@dataclass(frozen=True)
class CellEncoder(Encoder):
    """Numbers by the bundle of the atoms of all cells that hold them.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.
    cells : sequence of (low, high) or (low, high, period)
        Intervals, without their upper ends, that come again after the period where there is one.
        `overlapping` makes some.
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have vectors that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type, cells without length or longer than their period.

    Notes
    -----
    The sums of values in the cells A and B have the expected inner product abs(A & B), so the expected cosine
    abs(A & B) / sqrt(abs(A) abs(B)): near values share cells (coarse coding, Hinton 1984). Periods of
    different lengths tell values apart over the least common multiple of all (grid cells).

    Examples
    --------
    >>> from hypersketch.vsa import HRR
    >>> from hypersketch.vsa.encoders import CellEncoder
    >>> space = HRR(4096)
    >>> height = CellEncoder.overlapping(space, 0, 200, n_cells=20, overlap=5)
    >>> one, near, far = height.encode([150, 160, 60])
    >>> height.kernel(150, [160, 60]), space.similarities(one, near).round(1)
    (array([0.8, 0. ]), array([[0.8]]))
    """

    cells: tuple[tuple[float, ...], ...] = ()
    """The cells."""
    seed: int = 0
    """Seed of the atoms, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init()
        try:
            given = [tuple(float(x) for x in cell) for cell in self.cells]
        except (TypeError, ValueError):
            _validation.refuse(owner, "cells", _MUST, self.cells, TypeError)
        for cell in given:
            good = len(cell) in (2, 3) and np.isfinite(cell).all() and cell[0] < cell[1]
            if not good or (len(cell) == 3 and not cell[1] - cell[0] <= cell[2]):
                _validation.refuse(owner, "cells", _MUST + " and no longer than the period", cell)
        if not given:
            _validation.refuse(owner, "cells", _MUST, self.cells)
        self._set("cells", tuple(given))

    @classmethod
    def overlapping(
        cls, space: Any, low: float, high: float, n_cells: int = 20, overlap: int = 2, *, seed: int = 0
    ) -> CellEncoder:
        """Return the encoder of equally long cells, so many of which hold every value in [low, high].

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CellEncoder
        >>> CellEncoder.overlapping(BSC(64), 0, 3, n_cells=4, overlap=2).cells
        ((-1.5, 1.5), (0.0, 3.0), (1.5, 4.5), (3.0, 6.0))
        """
        owner = f"{cls.__name__}.overlapping"
        start, end = (_validation.real(owner, name, one) for name, one in (("low", low), ("high", high)))
        each = _validation.integer(owner, "overlap", overlap, 1, 2**16)
        n = _validation.integer(owner, "n_cells", n_cells, each + 1, 2**20)
        if not start < end:
            _validation.refuse(owner, "high", f"greater than low = {start:g}", high)
        step = (end - start) / (n - each)
        edges = start + step * np.arange(1 - each, n - each + 1)
        return cls(space, tuple((float(edge), float(edge + each * step)) for edge in edges), seed)

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Where cells begin, how long they are, and after what they come again."""
        lows, highs, periods = np.array([(*cell, np.inf)[:3] for cell in self.cells]).T
        return lows, highs - lows, periods

    @cached_property
    def atoms(self) -> Vectors:
        """The atoms of the cells, one a row; read-only.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CellEncoder
        >>> CellEncoder(BSC(64), [(0, 1), (1, 2)]).atoms.shape
        (2, 1)
        """
        made: Vectors = derived(self.space, "CellEncoder", self.seed).atoms(np.arange(len(self.cells)))
        made.flags.writeable = False
        return made

    def holding(self, values: Any) -> NDArray[np.bool_]:
        """Return which cells hold which values, shape (n, n_cells).

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CellEncoder
        >>> CellEncoder(BSC(64), [(0, 1), (0, 1, 5)]).holding([0.5, 5.5])
        array([[ True,  True],
               [False,  True]])
        """
        given = numbers(self._owner("encode"), values).astype(np.float64).reshape(-1, 1)
        lows, lengths, periods = self._bounds
        after = given - lows
        again = np.isfinite(periods)
        after = np.where(again, np.mod(after, np.where(again, periods, 1)), after)
        return np.asarray((after >= 0) & (after < lengths))

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a value.

        Parameters
        ----------
        values : array of shape (n,), or one number
            Finite numbers, each of which a cell holds.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space; sums of MAP-I (int32, shape (n, dim)).

        Raises
        ------
        TypeError, ValueError
            For what is not real numbers, NaN and infinity, and values that no cell holds.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CellEncoder
        >>> CellEncoder(BSC(128), [(0, 2), (1, 3)]).encode([0.5, 1.5]).shape
        (2, 2)
        """
        owner = self._owner("encode")
        given = np.atleast_1d(numbers(owner, values))
        for part in pieces(given.size, len(self.cells)):
            held = self.holding(given[part]).any(axis=1)
            if not held.all():
                _validation.refuse(owner, "values", "numbers in the cells", float(given[part][~held][0]))
        made = result_rows(self.space, given.size)
        for part in pieces(given.size, len(self.cells) * max(64, self.space.width), 2**23):
            inside = self.holding(given[part])
            starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
            which = np.nonzero(inside)[1]
            if isinstance(self.space, MapSpace):
                gathered(owner, self.space, self.atoms, which, starts, out=made[part], threads=threads)
            else:
                made[part] = self.space.superpose(self.atoms[which], starts=starts)
        return made

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected cosine of the sums of values, as the class says.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import CellEncoder
        >>> CellEncoder(BSC(64), [(0, 2), (1, 3), (1, 4)]).kernel([0.5, 1.5], 2.5).round(2)
        array([0.  , 0.82])
        """
        x, y = (self.holding(one) for one in (a, b))
        if len(x) != len(y) and 1 not in (len(x), len(y)):
            raise ValueError(f"a has {len(x)} values but b has {len(y)}.")
        sizes = np.sqrt(x.sum(axis=1) * y.sum(axis=1))
        shared = (x & y).sum(axis=1).astype(np.float64)
        return np.asarray(np.divide(shared, sizes, out=np.zeros_like(shared), where=sizes > 0))
