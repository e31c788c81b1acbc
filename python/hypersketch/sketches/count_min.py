# SPDX-License-Identifier: Apache-2.0
"""Count-Min sketches: weights in a fixed table, estimated never too low."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np

from hypersketch import _memory, _validation, files
from hypersketch._stored import Tally
from hypersketch.sketches._row_streams import TRACK, RowSketch
from hypersketch.sketches._rows import DEPTH, DTYPE, WIDTH, Cells
from hypersketch.theory import count_min as theory


@files.register
class CountMinSketch(RowSketch):
    """Weights of keys in d rows of w sums; an estimate is the key's smallest cell and never too low.

    Parameters
    ----------
    width : int in [1, 2**32)
        Cells w of a row.
    depth : int in [1, 64], default 5
        Rows d.
    conservative : bool, default False
        Raise only the cells below the key's smallest plus its weight. Estimates are never higher than without
        and often much lower, but the sketch is not linear any more: it cannot be merged, subtracted or
        compared, keys count in their order, and one thread adds them.
    dtype : {'int64', 'int32', 'float32', 'float64'}, or such a dtype or type of NumPy
        Type of the cells. Integer cells take integer weights, are exact and never wrap: an addition that
        would make one leave its range is refused. Float cells take finite weights; their rounding may make an
        estimate too low by as much.
    track : int in [0, 2**20], default 0
        How many of the heaviest keys `heavy_hitters` can name. Keeps up to four candidates each.
    seed : int in [0, 2**64), default 0
        Sketches of different seeds make independent errors and cannot be merged.
    device : str, default 'cpu'
        Where the cells lie: ``cpu``, ``cuda``, ``cuda:1``; see `to`.
        A GPU takes keys in no order: it adds neither with ``track`` nor with
        ``conservative``, and float cells are the same sums
        in another order, which differ by n u sum |w| at most for n weights w (u = 2^-24 or 2^-53).

    Raises
    ------
    TypeError
        For arguments of a wrong type.
    ValueError
        For arguments out of range.

    See Also
    --------
    CountSketch : Weights of any sign, and errors that average out.

    Notes
    -----
    Cormode & Muthukrishnan (2005); conservative update by Estan & Varghese (2002). Columns are those of
    `hypersketch.CountSketch`. Weights below 0 are refused; `subtract` takes a part away again. An estimate
    exceeds the truth by more than eps times the total weight with probability at most (eps w)^-d.

    Examples
    --------
    >>> import hypersketch
    >>> sketch = hypersketch.CountMinSketch(2**16, 5)
    >>> sketch.add(["apple", "pear", "apple"], weights=[3, 2, 1])
    >>> sketch.estimate(["apple", "pear", "plum"])
    array([4, 2, 0])
    >>> sketch  # doctest: +ELLIPSIS
    CountMinSketch(width=65536, depth=5, conservative=False, dtype='int64', track=0, seed=0, n_added=3)
    """

    _SIGNED = False
    _dimensions = staticmethod(theory.dimensions)
    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "width": WIDTH,
        "depth": DEPTH,
        "conservative": _validation.flag,
        "dtype": DTYPE,
        "track": TRACK,
        "seed": _validation.seed,
    }

    def __init__(
        self,
        width: int,
        depth: int = 5,
        *,
        conservative: bool = False,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            width=width, depth=depth, conservative=conservative, dtype=dtype, track=track, seed=seed
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def for_error(
        cls,
        eps: float,
        delta: float,
        *,
        conservative: bool = False,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> CountMinSketch:
        """Make the smallest sketch whose estimates are that good, for every stream.

        Parameters
        ----------
        eps : float > 0
            Largest excess, in units of the total weight.
        delta : float in (0, 1)
            Probability that the estimate of a key is worse.
        conservative, dtype, track, seed, device
            As for the class.

        Returns
        -------
        CountMinSketch

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, or when the width would reach 2**32.

        Notes
        -----
        The best whole numbers near w = e / eps, d = ln(1 / delta): `hypersketch.theory.count_min.dimensions`.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountMinSketch.for_error(0.001, 0.01)
        >>> sketch.width, sketch.depth
        (2512, 5)
        """
        return cls._of_error(
            eps, delta, conservative=conservative, dtype=dtype, track=track, seed=seed, device=device
        )

    @classmethod
    def for_memory(
        cls,
        n_bytes: int,
        *,
        depth: int = 5,
        conservative: bool = False,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> CountMinSketch:
        """Make the widest sketch whose cells fit a budget.

        Parameters
        ----------
        n_bytes : int
            Budget for the cells.
        depth, conservative, dtype, track, seed, device
            As for the class.

        Returns
        -------
        CountMinSketch

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, or a budget below one cell a row.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.CountMinSketch.for_memory(2**20, depth=4).width
        32768
        """
        return cls._of_memory(
            n_bytes, depth, dtype, conservative=conservative, track=track, seed=seed, device=device
        )

    @property
    def conservative(self) -> bool:
        """Whether only the cells that must grow are raised.

        >>> import hypersketch
        >>> hypersketch.CountMinSketch(1024, 5, conservative=True).conservative
        True
        """
        return bool(self._values["conservative"])

    def _require_linear(self, action: str) -> None:
        if self.conservative:
            self._refuse_conservative(action)

    def _refuse_conservative(self, action: str) -> NoReturn:
        raise ValueError(
            f"A CountMinSketch with conservative update is not linear and cannot be {action}. Make it with "
            "conservative=False for that."
        )

    def _join(self, other: Any) -> None:
        self._require_linear("merged")
        super()._join(other)

    def _combine(self, operation: np.ufunc, other: Any, tally: Tally) -> None:
        if operation is np.subtract:
            self._require_linear("subtracted")
            # Float cells that were added and taken away again may end a rounding error below 0.
            if self._integral and np.any(_memory.host(self._state) < _memory.host(other._state)):
                raise ValueError(
                    "A CountMinSketch to subtract must be part of this one: a cell would fall below zero."
                )
        super()._combine(operation, other, tally)

    def inner(self, other: CountMinSketch) -> float:
        """Bound the inner product of two weight vectors: the sum over all keys of the product of weights.

        Parameters
        ----------
        other : CountMinSketch
            Of the same width, depth, dtype and seed, not conservative.

        Returns
        -------
        float
            The smallest of the rows' products: never too low.

        Raises
        ------
        TypeError, ValueError
            When the other is no such sketch, or they are updated conservatively.

        Notes
        -----
        Each row exceeds the truth by F1 F1' / w on average.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountMinSketch(2**16, 5) for _ in range(2))
        >>> a.add(["apple", "pear"], weights=[3, 2])
        >>> b.add(["apple", "plum"], weights=[5, 7])
        >>> a.inner(b)
        15.0
        """
        self._require_linear("compared")
        return float(self._row_products(other).min())

    def second_moment(self) -> float:
        """Bound the second moment F2: the sum of all keys' squared weights.

        Returns
        -------
        float
            `inner` with itself: never too low.

        Raises
        ------
        ValueError
            When the sketch is updated conservatively.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountMinSketch(2**16, 5)
        >>> sketch.add(["apple", "pear"], weights=[3, 4])
        >>> sketch.second_moment()
        25.0
        """
        return self.inner(self)

    def standard_error(self) -> float:
        """Return by how much an estimate is expected to be too high, from the cells themselves.

        Returns
        -------
        float
            The mean estimate of a key that was never added, in units of the weights.

        Notes
        -----
        Exact over the random places of such a key; see `hypersketch.theory.count_min.excess`. The mean of a
        single row is F1 / w. There is no error for single keys, as `CountSketch.standard_error` has: how much
        of a key's cells is its own weight is what only its estimate tells, which is too high by the error.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountMinSketch(100, 5)
        >>> sketch.add(range(10_000))
        >>> 80 < sketch.standard_error() < 100
        True
        """
        return theory.excess(self._rows())[0]
