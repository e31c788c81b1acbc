# SPDX-License-Identifier: Apache-2.0
"""Scaling laws of associative memories: error against dimension for data with a power law.

Tokens x = 1, 2, ... N come with probabilities p ~ x^-a and have one of M outputs, here x mod M. Their
embeddings u_x are normal vectors of d dimensions and mean length 1, those of the outputs e_y orthonormal, and
the memory is W = sum of q(x) e_f(x) u_x^T (Cabannes, Dohmatob & Bietti, arXiv 2310.02984).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real, refuse
from ._scipy import scipy_module

SCHEMES = ("proportional", "thresholded", "uniform")
_EACH = 1000
"""Tokens that are looked at one by one; of the rarer ones, those between two powers stand for each other."""
_NODES = np.linspace(-6.0, 6.0, 97)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()

Floats = NDArray[np.float64]


def frequencies(n_tokens: int, exponent: float) -> Floats:
    """Return the probabilities of tokens, p ~ x^-a.

    Parameters
    ----------
    n_tokens : int
        Number N of tokens.
    exponent : float
        The a, above 0.

    Returns
    -------
    ndarray of float64, shape (n_tokens,)

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> frequencies(3, 1.0).round(3)
    array([0.545, 0.273, 0.182])
    """
    owner = "scaling.frequencies"
    ranks = np.arange(1, count(owner, "n_tokens", n_tokens) + 1, dtype=np.float64)
    powers = ranks ** -real(owner, "exponent", exponent, 0.0, math.inf, "()")
    return np.asarray(powers / powers.sum())


def weights(n_tokens: int, exponent: float, scheme: str, n_kept: int = 0) -> Floats:
    """Return the weights q of tokens: p, 1 for the most frequent ones, or 1 for all.

    Parameters
    ----------
    n_tokens, exponent
        As for `frequencies`.
    scheme : {'proportional', 'thresholded', 'uniform'}
        Which.
    n_kept : int, default 0
        How many the thresholded scheme keeps.

    Returns
    -------
    ndarray of float64, shape (n_tokens,)

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> weights(4, 1.5, "thresholded", 2)
    array([1., 1., 0., 0.])
    """
    owner = "scaling.weights"
    if scheme not in SCHEMES:
        refuse(owner, "scheme", f"one of {', '.join(map(repr, SCHEMES))}", scheme)
    if scheme == "proportional":
        return frequencies(n_tokens, exponent)
    tokens = count(owner, "n_tokens", n_tokens)
    kept = tokens if scheme == "uniform" else count(owner, "n_kept", n_kept, 0)
    return (np.arange(tokens) < kept).astype(np.float64)


def error(dim: int, n_tokens: int, n_outputs: int, exponent: float, scheme: str, n_kept: int = 0) -> float:
    """Return the probability that a token of the data is given another output than its own.

    Parameters
    ----------
    dim : int
        Dimension d of the embeddings.
    n_tokens, n_outputs : int
        Numbers N and M.
    exponent, scheme, n_kept
        As for `weights`.

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
    Given u_x, the scores of the M outputs are independent and normal: of output y with variance |u_x|^2 / d
    times the sum of q^2 over the other tokens of y, and of the right one with the mean q |u_x|^2. The chance
    that it is not the largest is an integral, which is exact but for |u_x| being taken as normal. Derived.
    The published laws are its limits: for 10^7 tokens, 8 outputs and d from 256 to 4096 it falls with the
    powers -.165, -.167 (a = 1.5) and -.245, -.247 (a = 2) of d for q = p, and -.498, -.491 (a = 1.5) for
    d / 4 kept tokens, where `published_exponent` says -1/6, -1/4 and -1/2.

    Examples
    --------
    >>> [round(error(d, 5000, 8, 2.0, "proportional"), 3) for d in (32, 256)]
    [0.144, 0.085]
    >>> [round(error(d, 5000, 8, 2.0, "thresholded", d // 4), 4) for d in (32, 256)]
    [0.0624, 0.0083]
    """
    owner = "scaling.error"
    d, tokens = count(owner, "dim", dim), count(owner, "n_tokens", n_tokens)
    outputs = count(owner, "n_outputs", n_outputs)
    p, q = frequencies(tokens, exponent), weights(tokens, exponent, scheme, n_kept)
    if outputs == 1:
        return 0.0
    energy = np.bincount(np.arange(1, tokens + 1) % outputs, q * q, outputs) / d
    # Tokens one by one, then a few of the rarer ones for all outputs alike.
    edges = np.unique(np.geomspace(_EACH, max(_EACH, tokens), 120).astype(int)).tolist()
    wrong = _wrong(np.arange(min(tokens, _EACH)), q, energy, d) @ p[:_EACH]
    for low, high in itertools.pairwise(edges):
        some = int(math.sqrt(low * high)) + np.arange(outputs)
        some = np.minimum(some, high - 1)
        wrong += float(_wrong(some, q, energy, d).mean() * p[low:high].sum())
    return float(wrong)


def _wrong(tokens: NDArray[np.int64], q: Floats, energy: Floats, dim: int) -> Floats:
    """Return how likely each of some tokens, counted from 0, is given another output."""
    below = scipy_module("special").log_ndtr
    own = (tokens + 1) % energy.size
    mean_length = math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2)) * math.sqrt(2.0 / dim)
    spread = max(0.0, 1.0 - mean_length**2)
    mine = q[tokens]
    noise = np.maximum(energy[own] - mine**2 / dim, 0.0)
    scores = (mine * mean_length)[:, np.newaxis] + np.sqrt(noise + mine**2 * spread)[:, np.newaxis] * _NODES
    logs = np.zeros_like(scores)
    for output, variance in enumerate(energy):
        sd = math.sqrt(variance) if variance > 0 else 1e-300
        others = own != output
        logs[others] += below(scores[others] / sd)
    return np.asarray(1.0 - np.exp(logs) @ _WEIGHTS)


def published_exponent(exponent: float, scheme: str) -> float:
    """Return the power of the dimension with which the error falls, in the limit of large ones.

    Parameters
    ----------
    exponent : float
        The a of the data, above 1.
    scheme : {'proportional', 'thresholded', 'uniform'}
        ``thresholded`` with a number of kept tokens that grows as the dimension.

    Returns
    -------
    float
        -(a - 1) / (2 a), -(a - 1), and 0: storing all alike overflows.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 6.13; Cabannes, Dohmatob & Bietti (arXiv 2310.02984), recalled.

    Examples
    --------
    >>> [published_exponent(2.0, scheme) for scheme in SCHEMES]
    [-0.25, -1.0, 0.0]
    """
    owner = "scaling.published_exponent"
    a = real(owner, "exponent", exponent, 1.0, math.inf, "()")
    if scheme not in SCHEMES:
        refuse(owner, "scheme", f"one of {', '.join(map(repr, SCHEMES))}", scheme)
    return {"proportional": -(a - 1.0) / (2.0 * a), "thresholded": 1.0 - a, "uniform": 0.0}[scheme]
