# SPDX-License-Identifier: Apache-2.0
"""Features in superposition: M directions in m dimensions, and how much they overlap."""

from __future__ import annotations

import numpy as np

from ._checks import Floats, answer, counts


def interference(dim: Floats, features: Floats) -> Floats:
    """Return the sum of the squared cosines of a random direction with all others, on average.

    Parameters
    ----------
    dim, features : int or array
        Dimensions m and number M of features. Elementwise.

    Returns
    -------
    float or ndarray
        (M - 1) / m, for directions of any law with E w w^T = I / m, as normal vectors and signs.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Exact; derived. Elhage et al. (2022, "Toy Models of Superposition") measure features by this sum.

    Examples
    --------
    >>> interference(64, 513)
    8.0
    """
    owner = "superposition.interference"
    return answer((counts(owner, "features", features) - 1.0) / counts(owner, "dim", dim))


def least_interference(dim: Floats, features: Floats) -> Floats:
    """Return the least that `interference` can be on average over the features, whatever their directions.

    Parameters
    ----------
    dim, features : int or array
        As for `interference`.

    Returns
    -------
    float or ndarray
        max(0, M / m - 1), which tight frames reach.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Welch (1974), recalled: the sum of all squared inner products of M unit vectors is at least M^2 / m. That
    of random directions is larger by less than 1.

    Examples
    --------
    >>> least_interference(64, [64, 512]).tolist()
    [0.0, 7.0]
    """
    owner = "superposition.least_interference"
    many, dims = counts(owner, "features", features), counts(owner, "dim", dim)
    return answer(np.maximum(0.0, many / dims - 1.0))
