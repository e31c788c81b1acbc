# SPDX-License-Identifier: Apache-2.0
"""How what a memory remembers is mixed into what a model says."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

Floats = NDArray[np.float64]


def _pair(owner: str, one: tuple[str, Any], other: tuple[str, Any]) -> tuple[Floats, Floats]:
    """Return two arrays of real numbers of one shape."""
    made = []
    for name, value in (one, other):
        made.append(_numbers(owner, name, value, "an array of real numbers"))
    if made[0].shape != made[1].shape:
        raise ValueError(
            f"{owner} needs {one[0]} and {other[0]} of one shape. Got {made[0].shape} and {made[1].shape}."
        )
    return made[0], made[1]


def _numbers(owner: str, name: str, value: Any, must: str) -> Floats:
    _validation.not_masked(owner, name, value, must)
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, name, must, value, TypeError)
    if given.dtype.kind not in "iuf":
        _validation.refuse(owner, name, must, value, TypeError)
    return given.astype(np.float64)


def _refuse_row(owner: str, name: str, must: str, rows: NDArray[np.bool_]) -> NoReturn:
    where = f"row {int(np.flatnonzero(rows.reshape(len(rows), -1).any(axis=1))[0])}" if rows.ndim else "it"
    raise ValueError(f"The {name!r} parameter of {owner} must be {must}. Got others in {where}.")


def interpolate(model: Any, memory: Any, weight: Any, *, log: bool = False) -> Floats:
    """Return a mixture of two distributions: (1 - weight) model + weight memory.

    Parameters
    ----------
    model, memory : array of shape (..., vocabulary)
        Probabilities, or their logarithms: of a language model, and of `NeighbourMemory.retrieve`.
    weight : float, or array of shape (...)
        The memory's share, in [0, 1].
    log : bool, default False
        Whether both are natural logarithms; then the answer is one, too. -inf is a logarithm of 0.

    Returns
    -------
    ndarray of float64, shape (..., vocabulary)

    Raises
    ------
    TypeError, ValueError
        For arrays of different shapes, what are no probabilities (the row is named), and weights out of
        [0, 1] or neither one nor one a row.

    Notes
    -----
    The interpolation of kNN-LM (Khandelwal et al. 2020, arXiv 1911.00172), whose lambda is ``weight``.

    Examples
    --------
    >>> from hypersketch.memories import interpolate
    >>> interpolate([0.5, 0.5], [1.0, 0.0], 0.25)
    array([0.625, 0.375])
    >>> import numpy as np
    >>> np.exp(interpolate(np.log([0.5, 0.5]), [0.0, -np.inf], 0.25, log=True)).round(3)
    array([0.625, 0.375])
    """
    owner = "interpolate"
    one, other = _pair(owner, ("model", model), ("memory", memory))
    shares = _numbers(owner, "weight", weight, "numbers in [0, 1]")
    if shares.ndim and shares.shape != one.shape[:-1]:
        must = f"a number, or one for each row, shape {one.shape[:-1]}"
        _validation.refuse(owner, "weight", must, f"shape {shares.shape}")
    if not (np.isfinite(shares) & (shares >= 0.0) & (shares <= 1.0)).all():
        _validation.refuse(owner, "weight", "numbers in [0, 1]", weight)
    shares = shares[..., np.newaxis] if shares.ndim else shares
    must = "logarithms of probabilities" if log else "probabilities"
    for name, given in (("model", one), ("memory", other)):
        bad = ~(given <= 1e-6) if log else ~((given >= 0.0) & (given <= 1.0 + 1e-6))
        if bad.any():
            _refuse_row(owner, name, must, bad)
    if not log:
        return np.asarray((1.0 - shares) * one + shares * other)
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-shares) + one, np.log(shares) + other))


def gated(local: Any, remembered: Any, bias: Any) -> Floats:
    """Return a mixture of two results by a learned gate: g remembered + (1 - g) local, g = sigmoid(bias).

    Parameters
    ----------
    local, remembered : array of shape (..., dim)
        Results of attention to the context and to the memory.
    bias : float or array that broadcasts to the shape (..., 1)
        The gate's logit: one number a head in the paper, shape (heads, 1, 1) for results of shape
        (heads, n, dim).

    Returns
    -------
    ndarray of float64, shape (..., dim)

    Raises
    ------
    TypeError, ValueError
        For arrays of different shapes, and biases that are NaN or do not broadcast.

    Notes
    -----
    The gate of Memorizing Transformers (Wu et al. 2022, arXiv 2203.08913).

    Examples
    --------
    >>> from hypersketch.memories import gated
    >>> gated([[1.0, 1.0]], [[3.0, 5.0]], 0.0)
    array([[2., 3.]])
    """
    owner = "gated"
    one, other = _pair(owner, ("local", local), ("remembered", remembered))
    logits = _numbers(owner, "bias", bias, "numbers")
    if np.isnan(logits).any():
        _validation.refuse(owner, "bias", "numbers", bias)
    try:
        np.broadcast_to(logits, (*one.shape[:-1], 1) if one.ndim else ())
    except ValueError:
        must = f"a number or an array that broadcasts to the shape {(*one.shape[:-1], 1)}"
        _validation.refuse(owner, "bias", must, f"shape {logits.shape}")
    gate = 0.5 * (1.0 + np.tanh(0.5 * logits))  # the sigmoid, which overflows nowhere
    return np.asarray(gate * other + (1.0 - gate) * one)
