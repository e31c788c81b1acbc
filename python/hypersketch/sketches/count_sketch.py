# SPDX-License-Identifier: Apache-2.0
"""Count sketches: weights of any sign in a fixed table, estimated without bias."""

from __future__ import annotations

import math
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch._stored import Tally
from hypersketch._structure import dot
from hypersketch.sketches._row_streams import TRACK, RowSketch
from hypersketch.sketches._rows import DEPTH, DTYPE, WIDTH, Cells
from hypersketch.theory import count_sketch as theory


@files.register
class CountSketch(RowSketch):
    """Weights of keys in d rows of w signed sums; estimates are unbiased and weights may be negative.

    Parameters
    ----------
    width : int in [1, 2**32)
        Cells w of a row.
    depth : int in [1, 64], default 5
        Rows d. Odd depths give whole estimates; an even one averages its middle two rows.
    dtype : {'int64', 'int32', 'float32', 'float64'}, or such a dtype or type of NumPy
        Type of the cells. Integer cells take integer weights, are exact and never wrap: an addition that
        would make one leave its range is refused. Float cells take finite weights and round as sums in the
        order of the keys do, whatever the number of threads.
    track : int in [0, 2**20], default 0
        How many of the heaviest keys `heavy_hitters` can name. Keeps up to four candidates each.
    seed : int in [0, 2**64), default 0
        Sketches of different seeds make independent errors and cannot be merged.
    device : str, default 'cpu'
        Where the cells lie: ``cpu``, ``cuda``, ``cuda:1``; see `to`.
        A GPU takes keys in no order: it does not add with ``track``, and float cells are the same sums
        in another order, which differ by n u sum |w| at most for n weights w (u = 2^-24 or 2^-53).

    Raises
    ------
    TypeError
        For arguments of a wrong type.
    ValueError
        For arguments out of range.

    See Also
    --------
    CountMinSketch : Estimates that are never too low, for weights that are never negative.

    Notes
    -----
    Charikar, Chen & Farach-Colton (2002). In row r, word r of the SplitMix64 stream of (seed, hash of the
    key) gives the column, floor(upper half * w / 2^32), and the sign, -1 where the lowest bit is set. The
    sketch is linear: the sketch of two streams together is the sum of theirs. Its error is `standard_error`;
    Euclidean, so a few heavy keys hide only lighter ones. ``track`` and the candidates take no part in
    comparisons.

    Examples
    --------
    >>> import hypersketch
    >>> sketch = hypersketch.CountSketch(2**16, 5)
    >>> sketch.add(["apple", "pear", "apple"], weights=[3, -2, 1])
    >>> sketch.estimate(["apple", "pear", "plum"])
    array([ 4, -2,  0])
    >>> sketch
    CountSketch(width=65536, depth=5, dtype='int64', track=0, seed=0, n_added=3)
    """

    _SIGNED = True
    _dimensions = staticmethod(theory.dimensions)
    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "width": WIDTH,
        "depth": DEPTH,
        "dtype": DTYPE,
        "track": TRACK,
        "seed": _validation.seed,
    }

    def __init__(
        self,
        width: int,
        depth: int = 5,
        *,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(width=width, depth=depth, dtype=dtype, track=track, seed=seed)
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def for_error(
        cls,
        eps: float,
        delta: float,
        *,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> CountSketch:
        """Make the smallest sketch whose estimates are that good, for every stream.

        Parameters
        ----------
        eps : float > 0
            Largest error, in units of |f|_2, the root of the second moment of all weights.
        delta : float in (0, 1)
            Probability that the estimate of a key is worse.
        dtype, track, seed, device
            As for the class.

        Returns
        -------
        CountSketch

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, or when the width would reach 2**32.

        Notes
        -----
        The bound has all its constants: `hypersketch.theory.count_sketch.failure_bound`. Real streams do
        better.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch.for_error(0.01, 0.01)
        >>> sketch.width, sketch.depth
        (42480, 7)
        """
        return cls._of_error(eps, delta, dtype=dtype, track=track, seed=seed, device=device)

    @classmethod
    def for_memory(
        cls,
        n_bytes: int,
        *,
        depth: int = 5,
        dtype: Cells = "int64",
        track: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ) -> CountSketch:
        """Make the widest sketch whose cells fit a budget.

        Parameters
        ----------
        n_bytes : int
            Budget for the cells.
        depth, dtype, track, seed, device
            As for the class.

        Returns
        -------
        CountSketch

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, or a budget below one cell a row.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.CountSketch.for_memory(2**20, dtype="int32").nbytes
        1048560
        """
        return cls._of_memory(n_bytes, depth, dtype, track=track, seed=seed, device=device)

    def inner(self, other: CountSketch) -> float:
        """Estimate the inner product of two weight vectors: the sum over all keys of the product of weights.

        Parameters
        ----------
        other : CountSketch
            Of the same width, depth, dtype and seed.

        Returns
        -------
        float
            The median of the rows' products, each of which is unbiased.

        Raises
        ------
        TypeError, ValueError
            When the other is no such sketch.

        Notes
        -----
        A row's variance is `hypersketch.theory.count_sketch.inner_moments`.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountSketch(2**16, 5) for _ in range(2))
        >>> a.add(["apple", "pear"], weights=[3, 2])
        >>> b.add(["apple", "plum"], weights=[5, 7])
        >>> a.inner(b)
        15.0
        """
        return float(np.median(self._row_products(other)))

    def second_moment(self) -> float:
        """Estimate the second moment F2: the sum of all keys' squared weights.

        Returns
        -------
        float
            The median of the rows' squared norms, each of which is unbiased; infinite beyond float64.

        Notes
        -----
        Alon, Matias & Szegedy (1996). A row's variance is at most 2 F2^2 / w; see
        `hypersketch.theory.count_sketch.second_moment_moments`.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(2**16, 5)
        >>> sketch.add(["apple", "pear"], weights=[3, -4])
        >>> sketch.second_moment()
        25.0
        """
        return self.inner(self)

    @overload
    def standard_error(self, keys: None = None, *, threads: int | None = None) -> float: ...

    @overload
    def standard_error(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]: ...

    def standard_error(self, keys: Any = None, *, threads: int | None = None) -> float | NDArray[np.float64]:
        """Return the standard error of estimates, from the sketch's own second moment.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them, optional
            n keys, whose own estimated weights are left out. Without keys the error for one of no weight.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        float or ndarray of float64, shape (n,)
            In units of the weights.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Notes
        -----
        sqrt((F2 - f^2) / w) times the factor of a median of d Gaussian rows; see
        `hypersketch.theory.count_sketch.standard_error`. Skewed streams do better.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(100, 5)
        >>> sketch.add(range(10_000))
        >>> round(sketch.standard_error(), 1)
        5.5
        """
        f2, unit = self.second_moment(), 1.0
        if not math.isfinite(f2):  # squares of huge floats
            unit = self._largest()
            f2 = float(np.median([dot(row / unit, row / unit) for row in self._rows()]))
        if keys is None:
            return unit * float(theory.standard_error(f2, 0.0, self.width, self.depth))
        own = np.minimum(np.abs(self.estimate(keys, threads=threads) / unit), np.sqrt(f2))
        errors: NDArray[np.float64] = np.asarray(theory.standard_error(f2, own, self.width, self.depth))
        return unit * errors
