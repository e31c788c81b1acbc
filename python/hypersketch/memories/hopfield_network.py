# SPDX-License-Identifier: Apache-2.0
"""Hopfield networks: patterns of -1 and +1 that are fixed points of the sign of a symmetric matrix."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _memory, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _bipolar, _float_rules, _recall_tables
from hypersketch.memories._float_updates import follow
from hypersketch.memories._pattern_memory import PatternMemory, Run
from hypersketch.memories._pattern_store import MAX_UNITS

Rule = Literal["hebb", "storkey", "pseudo-inverse"]

RULES = ("hebb", "storkey", "pseudo-inverse")
_SYNC_GAIN = 3
"""Times as many patterns as units, from which on the matrix makes synchronous updates faster."""


@files.register
class HopfieldNetwork(PatternMemory):
    """Hopfield's associative memory of patterns of -1 and +1, with zero diagonal.

    Parameters
    ----------
    n_units : int in [1, 2**24]
        Number of units N.
    rule : {'hebb', 'storkey', 'pseudo-inverse'}, default 'hebb'
        What the weights W are made of patterns by. ``hebb``: W = X^T X / N, for about 0.138 N patterns with
        few errors. ``storkey``: incremental and local too, more patterns; their order counts.
        ``pseudo-inverse``: the projection onto the patterns, of which any N that are linearly independent are
        fixed points.
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
    Unit i becomes the sign of sum over j of W_ij s_j; the energy is -s^T W s / 2. Patterns are kept packed,
    and while they are fewer than units W is never formed: Hebb's fields are integers, sums of overlap *
    pattern - n_patterns * state, by popcounts and carry-save adders; those of the other rules are products
    with one or two rows of floats a pattern (`weights` forms W for other uses). From as many patterns as
    units on, W is formed, for Hebb in int32, where that is faster. Hebb's states are the same on both ways,
    bit by bit, for any number of threads. For the other rules fields are rounded; one below 1e-9 in magnitude
    counts as zero, so that the ways could differ only where a field lies within rounding (about 1e-13) of
    that. With many more patterns than units Storkey's weights explode, and the 1e-9 with them. Products of
    floats run with the threads of NumPy's library. The first retrieval lays the patterns out anew, which
    takes two to three times their bytes (for Hebb's rule), or 16 to 32 bytes an entry (for the others).

    Hopfield (1982); Storkey (1997); Personnaz, Guyon & Dreyfus (1985), Kanter & Sompolinsky (1987) for the
    pseudo-inverse without self-coupling. Error rates: `hypersketch.theory.hopfield_network`.

    Examples
    --------
    >>> import numpy as np, hypersketch
    >>> patterns = np.random.default_rng(0).choice([-1, 1], (50, 1000))
    >>> network = hypersketch.HopfieldNetwork(1000)
    >>> network.store(patterns)
    >>> noisy = patterns * np.where(np.random.default_rng(1).random((50, 1000)) < 0.1, -1, 1)
    >>> bool((network.retrieve(noisy).states == patterns).all())
    True
    >>> network.nbytes, round(network.capacity(0.01))
    (6400, 185)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_units": _validation.within(1, MAX_UNITS),
        "rule": _validation.one_of(*RULES),
        "seed": _validation.seed,
        "n_patterns": _validation.within(0, 2**40),
    }

    def __init__(self, n_units: int, rule: Rule = "hebb", *, seed: int = 0, device: str = "cpu") -> None:
        parameters = self._checked(n_units=n_units, rule=rule, seed=seed, n_patterns=0)
        self._fill(parameters, None, Tally(), self._device_for(device))

    @property
    def rule(self) -> Rule:
        """What the weights are made of patterns by.

        >>> import hypersketch
        >>> hypersketch.HopfieldNetwork(100).rule
        'hebb'
        """
        rule: Rule = self._values["rule"]
        return rule

    def _require_storable(self, owner: str, rows: Any) -> None:
        if self.rule != "pseudo-inverse":
            return
        if len(rows) > self.n_units:
            raise ValueError(
                f"{owner} cannot make more patterns than units fixed points: the pseudo-inverse rule takes "
                f"at most {self.n_units}. Got {len(rows)} instead."
            )
        dependent = _float_rules.first_dependent(self._signs_of(rows))
        if dependent is not None:
            raise ValueError(
                f"{owner} needs linearly independent patterns with the pseudo-inverse rule. Pattern "
                f"{dependent} of all depends on those before it."
            )

    def _signs_of(self, rows: Any) -> NDArray[np.float64]:
        """Return patterns as floats in host memory, where learning with floats takes place."""
        return _bipolar.signs(_memory.host(rows), self.n_units, np.float64)

    def _verify(self) -> None:
        super()._verify()
        self._require_storable("HopfieldNetwork.load", self._rows)

    # ---- weights

    @property
    def weights(self) -> NDArray[np.float64]:
        """The matrix W, shape (n_units, n_units): symmetric, with zero diagonal; made when asked for.

        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(4)
        >>> network.store([1, 1, -1, -1])
        >>> network.weights[0]
        array([ 0.  ,  0.25, -0.25, -0.25])
        """
        if not self.n_patterns:
            return np.zeros((self.n_units, self.n_units))
        return (
            self._hebb_matrix(_memory.host(self._rows)) / self.n_units
            if self.rule == "hebb"
            else self._thin().matrix()
        )

    def _hebb_matrix(self, rows: Any) -> NDArray[np.int32]:
        matrix = np.empty((self.n_units, self.n_units), np.int32)
        _core.RecallPatterns(rows, self.n_units, 1, False).matrix(matrix.reshape(-1), 1)
        return matrix

    def _thin(self) -> _float_rules.ThinFields:
        def make(rows: Any) -> _float_rules.ThinFields:
            if self._frozen:  # nobody looked at what was mapped
                self._require_storable("HopfieldNetwork.load", rows)
            patterns = self._signs_of(rows)
            rule = _float_rules.storkey if self.rule == "storkey" else _float_rules.pseudo_inverse
            return rule(patterns)

        fields: _float_rules.ThinFields = self._made("thin", make)
        return fields

    def _by_matrix(self, run: Run) -> bool:
        """Whether W makes this run faster; its fields must fit int32."""
        gain = _SYNC_GAIN if run.synchronous and self.rule == "hebb" else 1
        return gain * self.n_units <= self.n_patterns and self.n_patterns * self.n_units < 2**31

    # ---- retrieval

    def _run(self, run: Run) -> None:
        if self.rule != "hebb":
            self._follow(run)
        elif run.budget and self._device_index is None and self._by_matrix(run):
            matrix = self._made("matrix", self._hebb_matrix)
            how = *run.how, run.threads
            _core.recall_by_matrix(matrix.reshape(-1), self.n_units, *how)
            run.values += self.n_patterns * self.n_units
        else:
            columns = self._made("columns", lambda _: _recall_tables.hebb(self.n_units))
            self._recall(run, columns, by_units=not run.synchronous)

    def _follow(self, run: Run) -> None:
        device = self._device_index
        if device is None:
            run.values[...] = follow(self._fields(run), run, self.n_units)
            return
        from hypersketch.memories import _gpu_recall

        formed = run.synchronous and self._by_matrix(run)
        made = self._made(
            "formed there" if formed else "thin there",
            lambda _: _gpu_recall.GpuFields(self._thin(), formed, device),
        )
        made.follow(run, self.n_units)

    def _fields(self, run: Run) -> _float_rules.Fields:
        thin = self._thin()
        if self._by_matrix(run):
            weights = self._made("matrix", lambda _: self._thin().matrix())
            return _float_rules.MatrixFields(weights, thin.tie)
        return _float_rules.ThinFields(thin.u, thin.v)

    def _energies(self, run: Run) -> NDArray[np.float64]:
        if self.rule != "hebb":
            return run.values
        squares = np.ldexp(run.values, run.exponents.astype(np.int32))
        return (self.n_patterns * self.n_units - squares) / (2.0 * self.n_units)

    # ---- capacity

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random patterns fit while a unit of a stored pattern errs at most so often.

        Parameters
        ----------
        error : float in (0, 0.5), default 0.01
            Rate of wrong units after one update from a stored pattern.

        Returns
        -------
        float
            By the exact rate for Hebb's rule, and by its limit for many units for Storkey's
            (`hypersketch.theory.hopfield_network`). For the pseudo-inverse n_units, whatever the error.

        Raises
        ------
        TypeError, ValueError
            For an error out of range.
        ImportError
            When SciPy is not installed (not for the pseudo-inverse).

        Examples
        --------
        >>> import hypersketch
        >>> for rule in ("hebb", "storkey", "pseudo-inverse"):
        ...     print(round(hypersketch.HopfieldNetwork(1000, rule).capacity(0.001)))
        105
        410
        1000
        """
        rate = _validation.error_rate("HopfieldNetwork.capacity", error)
        if self.rule == "hebb":
            return float(theory.hopfield_network.capacity(self.n_units, rate))
        if self.rule == "storkey":
            return self.n_units * float(theory.hopfield_network.storkey_load(rate))
        return float(self.n_units)

    def expected_error(self) -> float:
        """Return the rate of wrong units after one update from a stored pattern, for random patterns.

        Returns
        -------
        float
            Exact for Hebb's rule, the limit for many units for Storkey's, 0 for the pseudo-inverse.

        Raises
        ------
        ImportError
            When SciPy is not installed (Hebb's rule alone).

        Examples
        --------
        >>> import numpy as np, hypersketch
        >>> network = hypersketch.HopfieldNetwork(1000)
        >>> network.store(np.random.default_rng(0).choice([-1, 1], (138, 1000)))
        >>> round(network.expected_error(), 4)
        0.0034
        """
        if not self.n_patterns or self.rule == "pseudo-inverse":
            return 0.0
        if self.rule == "storkey":
            return float(theory.hopfield_network.storkey_bit_error(self.n_patterns / self.n_units))
        return float(theory.hopfield_network.bit_error(self.n_units, self.n_patterns))
