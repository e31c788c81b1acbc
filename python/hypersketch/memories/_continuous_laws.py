# SPDX-License-Identifier: Apache-2.0
"""What theory says of a continuous memory."""

from __future__ import annotations

import math

from hypersketch import _validation, theory
from hypersketch.memories._continuous_queries import ContinuousQueries
from hypersketch.memories._separations import SPARSE


class ContinuousLaws(ContinuousQueries):
    """Capacity, errors and inverse temperatures for random patterns."""

    def beta_for(self, error: float = 0.01) -> float:
        """Return the inverse temperature at which a softmax leaks ``error`` to other random patterns.

        Parameters
        ----------
        error : float in (0, 1), default 0.01

        Returns
        -------
        float
            `hypersketch.theory.continuous.beta_for` for as many patterns, over their mean squared length.

        Raises
        ------
        ValueError
            For an error out of range, and when there are no patterns.

        Examples
        --------
        >>> import hypersketch
        >>> import numpy as np
        >>> memory = hypersketch.ContinuousMemory(64)
        >>> memory.store(2 * np.eye(64))
        >>> round(memory.beta_for(0.01), 2)
        2.36
        """
        error = _validation.probability("ContinuousMemory.beta_for", "error", error)
        return self._theoretical_beta(self._held_or_refuse("ContinuousMemory.beta_for"), error)

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random patterns of length 1 a softmax holds while it leaks at most ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Part of the weight on others; for sparse separations, the probability that any other has weight.

        Returns
        -------
        float
            At this beta; where beta is chosen from theory, at beta = dim.

        Raises
        ------
        ValueError
            For an error out of range, and for separations and similarities that theory has no law for.

        Examples
        --------
        >>> import hypersketch
        >>> round(hypersketch.ContinuousMemory(64, beta=10.0).capacity(1 / 3))
        5089
        """
        error = _validation.probability("ContinuousMemory.capacity", "error", error)
        beta = self._values["beta"] or float(self._values["dim"])
        dim = self._require_law("ContinuousMemory.capacity")
        if self._values["separation"] in SPARSE:
            one = theory.continuous.inexactness(2, dim, beta, self._margin())
            if one in (0.0, 1.0):
                return math.inf if one == 0.0 else 1.0
            return 1.0 + math.log1p(-error) / math.log1p(-one)
        return theory.continuous.capacity(dim, beta, error)

    def expected_error(self) -> float:
        """Return what theory gives for as many random patterns of length 1 as there are.

        Returns
        -------
        float
            The part of the weight that leaks to others; for sparse separations, the probability that any
            other has weight.

        Raises
        ------
        ValueError
            For separations and similarities that theory has no law for.

        Examples
        --------
        >>> import hypersketch
        >>> import numpy as np
        >>> memory = hypersketch.ContinuousMemory(64, beta=10.0)
        >>> memory.store(np.eye(64))
        >>> round(memory.expected_error(), 4)
        0.0062
        """
        dim, n = self._require_law("ContinuousMemory.expected_error"), len(self)
        if n <= 1:
            return 0.0
        beta = self._values["beta"] or theory.continuous.beta_for(n, dim)
        if self._values["separation"] in SPARSE:
            return theory.continuous.inexactness(n, dim, beta, self._margin())
        return theory.continuous.leakage(n, dim, beta)

    def _require_law(self, owner: str) -> int:
        similarity, separation = self._values["similarity"], self._values["separation"]
        if similarity not in ("dot", "cosine") or separation not in ("softmax", *SPARSE):
            raise ValueError(
                f"{owner} has a law for softmax and sparse separations of dot and cosine alone. This memory "
                f"has {separation!r} of {similarity!r}."
            )
        return int(self._values["dim"])

    def _margin(self) -> float:
        return theory.continuous.margin(self._values["separation"], self._values["alpha"])
