# SPDX-License-Identifier: Apache-2.0
"""Dense associative memories: patterns of -1 and +1 whose energy is a high power, or the exponential."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _recall_tables
from hypersketch.memories._pattern_memory import PatternMemory, Run
from hypersketch.memories._pattern_store import MAX_UNITS
from hypersketch.memories._recall_tables import RecallColumns

MAX_DEGREE = 64


def _degree(owner: str, name: str, value: object) -> int | str:
    if isinstance(value, str):
        if value != "exp":
            _validation.refuse(owner, name, f"'exp' or an integer in [2, {MAX_DEGREE}]", value)
        return value
    return _validation.integer(owner, name, value, 2, MAX_DEGREE)


@files.register
class DenseMemory(PatternMemory):
    """Patterns of -1 and +1 with the energy E = -sum over patterns of F(overlap).

    Parameters
    ----------
    n_units : int in [1, 2**24]
        Number of units N.
    degree : int in [2, 64] or 'exp', default 3
        F(x) = x**degree, or exp(x). Degree 2 is Hopfield's network. About N**(degree - 1) patterns fit, or
        exponentially many.
    rectified : bool, default False
        F(x) = 0 for negative x: states are not drawn to the negatives of patterns.
    seed : int in [0, 2**64), default 0
        Of the random orders of units in asynchronous updates.
    device : str, default 'cpu'
        Where the patterns lie and states are updated: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Krotov & Hopfield (2016): unit i becomes the sign of the sum over patterns of F(overlap with the unit at
    +1) - F(overlap with it at -1), and keeps its state where that is 0. The exponential is that of Demircigil
    et al. (2017). Patterns are kept packed; an update counts bits.

    All sums are exact while no partial sum reaches 2**53 in units of the table's common divisor. Beyond, and
    for the exponential, weights are floats relative to the largest one, so nothing overflows, and a unit
    turns only if its field exceeds the bound on rounding, 2**-52 (n_patterns + 16) times the sum of all
    terms' magnitudes: no unit is ever turned against the sign of its exact field.

    Energies are in units of F(N), -sum of (overlap / N)**degree; for the exponential they are the logarithm
    of the sum, -log(sum of exp(overlap)). The first retrieval lays the patterns out anew, which takes two to
    three times their bytes.

    Examples
    --------
    >>> import numpy as np, hypersketch
    >>> patterns = np.random.default_rng(0).choice([-1, 1], (300, 60))
    >>> counts = []
    >>> for degree in (2, 3, 4, "exp"):
    ...     memory = hypersketch.DenseMemory(60, degree)
    ...     memory.store(patterns)
    ...     counts.append(int((memory.retrieve(patterns).states == patterns).all(axis=1).sum()))
    >>> counts
    [0, 71, 300, 300]
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_units": _validation.within(1, MAX_UNITS),
        "degree": _degree,
        "rectified": _validation.flag,
        "seed": _validation.seed,
        "n_patterns": _validation.within(0, 2**40),
    }

    def __init__(
        self,
        n_units: int,
        degree: int | Literal["exp"] = 3,
        *,
        rectified: bool = False,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            n_units=n_units, degree=degree, rectified=rectified, seed=seed, n_patterns=0
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if parameters["rectified"] and parameters["degree"] == "exp":
            must = "False with degree='exp', which is never negative"
            _validation.refuse(cls.__name__, "rectified", must, True)
        return parameters

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        super()._fill(parameters, state, tally, device)
        self._table: RecallColumns | None = None

    @property
    def degree(self) -> int | str:
        """The power, or ``'exp'``.

        >>> import hypersketch
        >>> hypersketch.DenseMemory(100, 4).degree
        4
        """
        degree: int | str = self._values["degree"]
        return degree

    @property
    def rectified(self) -> bool:
        """Whether F is 0 for negative overlaps.

        >>> import hypersketch
        >>> hypersketch.DenseMemory(100, 4).rectified
        False
        """
        return bool(self._values["rectified"])

    def _require_storable(self, owner: str, rows: Any) -> None:
        pass  # any patterns can be held

    @property
    def _numbers(self) -> RecallColumns:
        if self._table is None:
            degree, n_units = self.degree, self.n_units
            if isinstance(degree, str):
                self._table = _recall_tables.exponential(n_units)
            else:
                self._table = _recall_tables.power(n_units, degree, self.rectified)
        return self._table

    def _run(self, run: Run) -> None:
        table = self._numbers
        # Weights that fit may still add up to an offset that does not: then units are summed one by one.
        self._recall(run, table, by_units=not (run.synchronous and table.is_whole(self.n_patterns)))

    def _energies(self, run: Run) -> NDArray[np.float64]:
        if isinstance(self.degree, str):
            energies: NDArray[np.float64] = -(np.log(run.values) + run.exponents * math.log(2.0))
            return energies
        mantissa, exponent = _recall_tables.scaled_power(self.n_units, self.degree)
        shift = np.clip(run.exponents - exponent, -(2**20), 2**20).astype(np.int32)
        return np.asarray(-np.ldexp(run.values / mantissa, shift))

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random patterns fit while a unit of a stored pattern errs at most so often.

        Parameters
        ----------
        error : float in (0, 0.5), default 0.01
            Rate of wrong units after one update from a stored pattern.

        Returns
        -------
        float
            For a power by the exact rate, `hypersketch.theory.dense.bit_error`; for the exponential the
            number that is proved to be enough, by `hypersketch.theory.dense.bit_error_bound`.

        Raises
        ------
        TypeError, ValueError
            For an error out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> [round(hypersketch.DenseMemory(100, degree).capacity(0.01)) for degree in (2, 3, 4)]
        [19, 605, 12143]
        """
        rate = _validation.error_rate("DenseMemory.capacity", error)
        return float(theory.dense.capacity(self.n_units, rate, self.degree, self.rectified))

    def expected_error(self) -> float:
        """Return the rate of wrong units after one update from a stored pattern, for random patterns.

        Returns
        -------
        float
            Exact for a power, an upper bound for the exponential; 0 for an empty memory.

        Raises
        ------
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import numpy as np, hypersketch
        >>> memory = hypersketch.DenseMemory(60)
        >>> memory.store(np.random.default_rng(0).choice([-1, 1], (300, 60)))
        >>> round(memory.expected_error(), 4)
        0.0241
        """
        if not self.n_patterns:
            return 0.0
        if isinstance(self.degree, str):
            return float(theory.dense.bit_error_bound(self.n_units, self.n_patterns))
        return float(theory.dense.bit_error(self.n_units, self.n_patterns, self.degree, self.rectified))
