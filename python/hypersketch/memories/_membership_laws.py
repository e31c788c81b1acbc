# SPDX-License-Identifier: Apache-2.0
"""What a set of keys in a matrix or a tensor says of itself from theory."""

from __future__ import annotations

from hypersketch import _validation, theory
from hypersketch._additive import Counters
from hypersketch.theory._search import least_passing

_MOST = 1 << 50


class MembershipLaws(Counters):
    """How many keys fit, and how often others are taken for them."""

    def capacity(self, error: float = 0.01) -> float:
        """Return how many keys fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 0.5), default 0.01
            Share of strangers that are taken for members.

        Returns
        -------
        float
            About D^2 / (12 z^2) keys with z = Q^-1(error); without the diagonal half as many again, and for
            degree k in proportion to C(D, k).

        Raises
        ------
        TypeError, ValueError
            For an error out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> [hypersketch.HopfieldMembership(64, degree=degree).capacity() for degree in (2, 3)]
        [61.0, 1908.0]
        """
        rate = _validation.error_rate("HopfieldMembership.capacity", error)
        first = least_passing(lambda n: self._error(n) > rate, 1, 0, _MOST) if self._state.size else 1
        return float(_MOST if first is None else first - 1)

    def expected_error(self) -> float:
        """Return the chance that a stranger is taken for a member, for as many keys as are stored.

        Returns
        -------
        float
            `hypersketch.theory.hopfield.false_positive_rate` at the threshold 1/2, for weights of 1;
            exact. Members are missed about as often (`hypersketch.theory.hopfield.false_negative_rate`).

        Raises
        ------
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.HopfieldMembership(64)
        >>> memory.add(range(300))
        >>> round(memory.expected_error(), 4)
        0.1415
        """
        return self._error(max(0, self.n_added)) if self._state.size else 0.0

    def _error(self, n: int) -> float:
        dim, diagonal, degree = (self._values[name] for name in ("dim", "diagonal", "degree"))
        return theory.hopfield.false_positive_rate(dim, n, 0.5, diagonal, degree)
