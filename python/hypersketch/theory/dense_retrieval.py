# SPDX-License-Identifier: Apache-2.0
"""How often a random vector outscores the relevant one: dense retrieval against dimension and index size.

A query has the cosine c with its relevant document, and all other documents are random directions in d
dimensions. The relevant one is then outdone by each of them independently with the chance that a random
cosine reaches c. Reimers & Gurevych (2021, "The Curse of Dense Low-Dimensional Information Retrieval for
Large Index Sizes") prove that such false positives grow with the index and fall with the dimension; the law
here is exact for random directions, which real embeddings are not: take their intrinsic dimension for d.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import Floats, answer, count, counts, probabilities, real, reals
from ._search import least_passing
from .item_memory import cosine_tail

_MOST_DIM = 1 << 30


def outscored(dim: int, n: Floats, cosine: Floats) -> Floats:
    """Return the probability that any of n random documents scores at least as high as the relevant one.

    Parameters
    ----------
    dim : int
        Dimension d, at least 2.
    n : int or array
        Number of other documents, at least 0. Elementwise with ``cosine``.
    cosine : float or array
        Cosine of the query with the relevant document.

    Returns
    -------
    float or ndarray
        1 - (1 - p)^n with p = P(cos >= c), half of the regularized incomplete beta function of 1 - c^2 with
        the parameters (d - 1) / 2 and 1 / 2.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Exact; derived.

    Examples
    --------
    >>> [round(outscored(dim, 10**6, 0.4), 3) for dim in (64, 100, 128)]
    [1.0, 1.0, 0.734]
    """
    owner = "dense_retrieval.outscored"
    documents, limit = counts(owner, "n", n, 0), reals(owner, "cosine", cosine, -1.0, 1.0)
    rate = np.asarray(cosine_tail(count(owner, "dim", dim, 2), limit), np.float64)
    return answer(-np.expm1(documents * np.log1p(-np.minimum(rate, 1.0 - 1e-16))))


def false_positives(dim: int, n: Floats, cosine: Floats) -> Floats:
    """Return how many of n random documents score at least as high as the relevant one, on average.

    Parameters
    ----------
    dim, n, cosine
        As for `outscored`.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> round(false_positives(128, 10**6, 0.3), 1)
    276.1
    """
    owner = "dense_retrieval.false_positives"
    documents, limit = counts(owner, "n", n, 0), reals(owner, "cosine", cosine, -1.0, 1.0)
    return answer(documents * np.asarray(cosine_tail(count(owner, "dim", dim, 2), limit)))


def index_size(dim: int, error: Floats, cosine: Floats) -> Floats:
    """Return how many random documents there may be, so that the relevant one comes first often enough.

    Parameters
    ----------
    dim : int
        Dimension d, at least 2.
    error : float or array
        Share of queries whose relevant document may be outscored, strictly between 0 and 1.
    cosine : float or array
        Cosine of the query with the relevant document.

    Returns
    -------
    float or ndarray
        Not rounded; infinite where no random document gets so near.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [round(index_size(dim, 0.01, 0.5)) for dim in (32, 64, 128)]
    [7, 902, 12479177]
    """
    owner = "dense_retrieval.index_size"
    wrong, limit = probabilities(owner, "error", error), reals(owner, "cosine", cosine, -1.0, 1.0)
    rate = np.asarray(cosine_tail(count(owner, "dim", dim, 2), limit), np.float64)
    with np.errstate(divide="ignore"):
        return answer(np.log1p(-wrong) / np.log1p(-np.minimum(rate, 1.0 - 1e-16)))


def dimension(n: int, error: float, cosine: float) -> int:
    """Return the least dimension at which the relevant one of n + 1 documents comes first often enough.

    Parameters
    ----------
    n : int
        Number of other documents.
    error : float
        Share of queries whose relevant document may be outscored, strictly between 0 and 1.
    cosine : float
        Cosine of the query with the relevant document, in (0, 1].

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [dimension(n, 0.01, 0.4) for n in (10**4, 10**6, 10**8)]
    [132, 183, 234]
    """
    owner = "dense_retrieval.dimension"
    documents, wrong = count(owner, "n", n, 0), real(owner, "error", error, 0.0, 1.0, "()")
    limit = real(owner, "cosine", cosine, 0.0, 1.0, "(]")
    found = least_passing(lambda dim: float(outscored(dim, documents, limit)) <= wrong, 2, 1, _MOST_DIM)
    if found is None:
        raise ValueError(f"More than {_MOST_DIM} dimensions are needed for a cosine of {limit:g}.")
    return found


def leading_cosine(dim: int, n: int) -> float:
    """Return the cosine that the best of n random documents has with a query, about: sqrt(2 ln(n) / d).

    Parameters
    ----------
    dim, n : int
        Dimension and number of documents.

    Returns
    -------
    float
        At most 1.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(leading_cosine(128, 10**6), 2)
    0.46
    """
    owner = "dense_retrieval.leading_cosine"
    d, documents = count(owner, "dim", dim, 2), count(owner, "n", n)
    return min(1.0, math.sqrt(2.0 * math.log(documents) / d))
