# SPDX-License-Identifier: Apache-2.0
"""Memories of real vectors from their definitions, one step after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fast_weights(keys: Any, values: Any, weights: Any, gates: Any, rule: str, matrix: Any = None) -> Floats:
    """W after every pair: W <- g W + q e k^T with e = v, or v - W k by the delta rule."""
    w = np.zeros((np.shape(values)[1], np.shape(keys)[1])) if matrix is None else np.array(matrix, float)
    for k, v, q, g in zip(keys, values, weights, gates, strict=True):
        error = v - w @ k if rule == "delta" else v
        w = g * w + q * np.outer(error, k)
    return w


def ridge(keys: Floats, values: Floats, weights: Floats, penalty: float) -> Floats:
    """The W that minimizes the sum of q |v - W k|^2 plus penalty |W|^2."""
    root = np.sqrt(weights)[:, np.newaxis]
    left = np.concatenate([root * keys, np.sqrt(penalty) * np.eye(keys.shape[1])])
    right = np.concatenate([root * values, np.zeros((keys.shape[1], values.shape[1]))])
    return np.linalg.lstsq(left, right, rcond=None)[0].T


def similarity(kind: str, a: Floats, b: Floats) -> float:
    """Of two vectors: inner product, cosine, or minus the squared distance."""
    if kind == "dot":
        return float(sum(a * b))
    if kind == "cosine":
        return float(sum(a * b) / np.sqrt(sum(a * a) * sum(b * b)))
    return -float(sum((a - b) ** 2))
