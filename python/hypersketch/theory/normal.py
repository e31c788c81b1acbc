# SPDX-License-Identifier: Apache-2.0
"""The normal tail, with the standard library alone.

Q is the ``z`` of every Gaussian formula of this room: a test whose score lies ``z`` standard deviations from
its threshold errs with probability Q(z).
"""

from __future__ import annotations

import math
import statistics

import numpy as np

from ._checks import Floats, answer, probabilities, reals

_ERFC = np.frompyfunc(math.erfc, 1, 1)
_INVERSE = np.frompyfunc(statistics.NormalDist().inv_cdf, 1, 1)


def tail(z: Floats) -> Floats:
    """Return the normal tail Q(z) = 1 - Phi(z).

    Parameters
    ----------
    z : float or array
        Standard deviations above the mean. Elementwise.

    Returns
    -------
    float or ndarray
        Probability that a standard normal variable exceeds ``z``, with full relative accuracy in the upper
        tail (``erfc``).

    Raises
    ------
    ValueError
        ``z`` is not a finite number.

    Notes
    -----
    Q(z) = erfc(z / sqrt 2) / 2. Definition.

    Examples
    --------
    >>> tail(0.0)
    0.5
    >>> round(tail(2.326), 4)
    0.01
    """
    given = reals("normal.tail", "z", z)
    return answer(0.5 * np.asarray(_ERFC(given / math.sqrt(2.0)), dtype=np.float64))


def tail_inverse(p: Floats) -> Floats:
    """Return the z with Q(z) = p.

    Parameters
    ----------
    p : float or array
        Tail probability, strictly between 0 and 1. Elementwise.

    Returns
    -------
    float or ndarray
        Standard deviations above the mean.

    Raises
    ------
    ValueError
        ``p`` is not strictly between 0 and 1.

    Notes
    -----
    Wichura's algorithm AS 241 as the standard library has it; about 1e-15 relative.

    Examples
    --------
    >>> round(tail_inverse(0.01), 4)
    2.3263
    >>> tail_inverse([0.5, 1e-9]).round(4).tolist()
    [0.0, 5.9978]
    """
    # Phi^-1(p) keeps its accuracy at small p, so the tail is taken on that side: Q^-1(p) = -Phi^-1(p).
    given = probabilities("normal.tail_inverse", "p", p)
    return answer(-np.asarray(_INVERSE(given), dtype=np.float64) + 0.0)
