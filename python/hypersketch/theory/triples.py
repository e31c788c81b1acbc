# SPDX-License-Identifier: Apache-2.0
"""Facts of three parts in a dense tensor: T = sum of s (x) p (x) o for random embeddings.

Facts in one vector, as sums of bound triples, follow the laws of bundles: `hypersketch.theory.spaces`.
"""

from __future__ import annotations

import math

from . import cleanup
from ._checks import count, real
from ._search import least_passing

_MOST = 1 << 50


def tensor_error(dim: int, n: int, n_entities: int, n_predicates: int) -> float:
    """Return the chance that a part of a stored fact is not what the tensor answers for the other two.

    Parameters
    ----------
    dim : int
        Dimension d of the embeddings, random directions; the tensor has d^3 numbers.
    n : int
        Number of facts, drawn from all possible ones at random; at least 0.
    n_entities : int
        Number of entities, which are subjects and objects: the candidates.
    n_predicates : int
        Number of predicates.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Asked with s and p, the tensor leaves o plus every other fact's o' times (s . s')(p . p'), whose mean
    square is A B, with A = 1 / E + (1 - 1 / E) / d for one of E entities, equal with chance 1 / E, and B
    alike. The right object scores 1 with variance (n - 1) A B / d, any other 0 with 1 / d + (n - 1) A B A.
    Scores are taken to be normal. Derived; simulated (d = 32, E = 200, P = 10: .10 and .43 for normal
    embeddings, .07 and .32 for signs, against .06 and .40 at n = 200 and 500).

    Examples
    --------
    >>> [round(tensor_error(32, n, 200, 10), 3) for n in (50, 500, 5000)]
    [0.0, 0.402, 0.954]
    """
    owner = "triples.tensor_error"
    d, facts = count(owner, "dim", dim), count(owner, "n", n, 0)
    entities, predicates = count(owner, "n_entities", n_entities), count(owner, "n_predicates", n_predicates)
    if facts == 0 or entities == 1:
        return 0.0
    a, b = _overlap(d, entities), _overlap(d, predicates)
    noise = (facts - 1) * a * b
    hit, rest = math.sqrt(max(noise / d, 1e-18)), math.sqrt(1.0 / d + noise * a)
    return max(0.0, 1.0 - cleanup.accuracy(1.0, hit, 0.0, rest, entities))


def _overlap(dim: int, kinds: int) -> float:
    """Return the mean squared inner product of the embeddings of two of so many."""
    return 1.0 / kinds + (1.0 - 1.0 / kinds) / dim


def tensor_capacity(dim: int, n_entities: int, n_predicates: int, error: float = 0.01) -> int:
    """Return the most facts at which `tensor_error` stays at or below an error.

    Parameters
    ----------
    dim, n_entities, n_predicates
        As for `tensor_error`.
    error : float, default 0.01
        In (0, 1).

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
    >>> [tensor_capacity(dim, 200, 10) for dim in (16, 32, 64)]
    [3, 116, 620]
    """
    limit = real("triples.tensor_capacity", "error", error, 0.0, 1.0, "()")
    found = least_passing(lambda n: tensor_error(dim, n, n_entities, n_predicates) > limit, 1, 0, _MOST)
    return _MOST if found is None else found - 1
