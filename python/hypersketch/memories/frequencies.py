# SPDX-License-Identifier: Apache-2.0
"""Weights of what is stored by how often it is asked for."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.memories import _reals


def frequency_weights(
    frequencies: Any, scheme: Literal["proportional", "thresholded", "uniform"], n_kept: int | None = None
) -> NDArray[np.float64]:
    """Return the weight q of each of n pairs, by how often it is asked for.

    Parameters
    ----------
    frequencies : array of shape (n,)
        Counts or probabilities p, at least 0.
    scheme : {'proportional', 'thresholded', 'uniform'}
        ``proportional``: q = p, what plain counting gives. ``thresholded``: 1 for the most frequent ones, 0
        for the others. ``uniform``: 1 for all.
    n_kept : int, optional
        How many ``thresholded`` keeps, about the dimension of the memory; of equally frequent ones the first.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    TypeError, ValueError
        For what are not finite numbers of at least 0, an unknown scheme, and a number to keep that is missing
        or not wanted.

    Notes
    -----
    The three weightings of Cabannes, Dohmatob & Bietti (arXiv 2310.02984). For frequencies as x^-a the error
    falls with the dimension d as d^(-(a - 1) / (2 a)) for q = p and as d^-(a - 1) for about d kept pairs.

    Examples
    --------
    >>> from hypersketch.memories import frequency_weights
    >>> frequency_weights([5, 1, 3], "thresholded", n_kept=2)
    array([1., 0., 1.])
    >>> frequency_weights([5, 1, 4], "proportional")
    array([0.5, 0.1, 0.4])
    """
    owner = "frequency_weights"
    given = np.asarray(frequencies)
    counts = _reals.numbers(owner, "frequencies", np.atleast_1d(given), np.size(given), 0.0)
    kind = _validation.one_of("proportional", "thresholded", "uniform")(owner, "scheme", scheme)
    if (kind == "thresholded") != (n_kept is not None):
        _validation.refuse(owner, "n_kept", "given with scheme='thresholded' alone", n_kept)
    if kind == "uniform":
        return np.ones(counts.size)
    if kind == "proportional":
        total = float(counts.sum())
        return counts / total if total else counts
    kept = np.zeros(counts.size)
    most = _validation.integer(owner, "n_kept", n_kept, 0, 2**62)
    kept[np.argsort(-counts, kind="stable")[:most]] = 1.0
    return kept
