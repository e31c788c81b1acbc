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


class Consolidated:
    """Modes of running means: an item joins the nearest one beyond a threshold, or replaces the stalest."""

    def __init__(self, n_modes: int, kind: str, threshold: float) -> None:
        self.n_modes, self.kind, self.threshold, self.clock = n_modes, kind, threshold, 0
        self.modes: list[dict[str, Any]] = []

    def store(self, key: Floats, value: Floats) -> None:
        self.clock += 1
        alike = [similarity(self.kind, key.astype(float), mode["key"].astype(float)) for mode in self.modes]
        best = int(np.argmax(alike)) if alike else -1
        if alike and alike[best] > self.threshold:
            mode = self.modes[best]
            mode["count"] += 1
            for name, new in (("key", key), ("value", value)):
                old = mode[name].astype(float)
                mode[name] = (old + (new.astype(float) - old) / mode["count"]).astype(np.float32)
        else:
            mode = {"key": key, "value": value, "count": 1}
            if len(self.modes) < self.n_modes:
                self.modes.append(mode)
            else:
                stalest = min(range(self.n_modes), key=lambda i: self.modes[i]["time"])
                self.modes[stalest] = mode
        mode["time"] = self.clock
