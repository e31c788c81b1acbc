# SPDX-License-Identifier: Apache-2.0
"""What theory says of a continuous memory."""

from __future__ import annotations

import math

from hypersketch import _validation, theory
from hypersketch.memories._continuous_there import ContinuousThere
from hypersketch.memories._separations import SPARSE


class ContinuousLaws(ContinuousThere):
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

    def measured_beta(
        self, error: float = 0.01, *, share: float = 0.9, sample: int = 256, threads: int | None = None
    ) -> float:
        """Return the inverse temperature at which a share of the patterns leak ``error`` at most: measured.

        Real patterns are more alike than the random ones of `beta_for`, and need a larger one.

        Parameters
        ----------
        error : float in [0.0001, 1), default 0.01
            Part of the weight on others when a pattern is asked for itself. Sparse separations leave none.
        share : float in (0, 1], default 0.9
            Of the patterns. The rest are nearer to others: those that have twins never leak little.
        sample : int in [1, 2**20], default 256
            How many patterns are looked at, the same ones each time.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        float
            For `retrieve`, or for another memory of the same patterns. Queries whose cosine with their
            pattern is c by noise leak as at c times it.

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, powers of similarities, fewer than two patterns, and where no
            temperature suffices, because more patterns than the rest have twins.

        Notes
        -----
        The law of `beta_for` with the similarities that there are in place of random ones: the root of
        r / (1 + r) = error, r the sum of exp(beta (s - s_own)) over all others, found by secants, each a pass
        over the patterns. A sparse separation is exact from `theory.continuous.margin` over the gap on.

        Examples
        --------
        >>> import hypersketch
        >>> import numpy as np
        >>> memory = hypersketch.ContinuousMemory(3)
        >>> memory.store([[1, 0, 0], [0.6, 0.8, 0], [0, 0.6, 0.8], [0.8, 0, 0.6]])
        >>> beta = memory.measured_beta(0.05, share=1.0)
        >>> found = memory.retrieve(memory.patterns, betas=beta, weights=True, least=0.0)
        >>> weights = found.weights.values.reshape(4, 4)
        >>> round(float(1 - weights.diagonal().min()), 2)
        0.05
        """
        return self._measured_beta("ContinuousMemory.measured_beta", error, share, sample, threads)

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
