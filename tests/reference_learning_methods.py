# SPDX-License-Identifier: Apache-2.0
"""LeHDC, SparseHD and CompHD from their definitions, in double precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def sign(numbers: Any) -> Any:
    return np.where(np.asarray(numbers) < 0, -1.0, 1.0)


def lehdc(
    rows: Any, targets: Any, n_classes: int, n_iter: int, batch: int, decay: float, weights: Any
) -> Any:
    """Latent weights after passes in the order of the rows, without dropout.

    They begin as sums of the classes' rows. Rows are then brought to the length sqrt(D); the loss of one is
    sqrt(D) times the cross-entropy of softmax(S x / sqrt(D)), where S are the signs of the latent weights;
    gradients are taken as if they were the weights themselves.
    """
    rows, dim = np.asarray(rows, np.float64), len(rows[0])
    weights = np.ones(len(rows)) if weights is None else weights
    latent = np.zeros((n_classes, dim))
    for row, target, weight in zip(rows, targets, weights, strict=True):
        latent[target] += weight * row
    weights = np.asarray(weights) / np.mean(weights)
    rows = np.array([row / np.linalg.norm(row) * math.sqrt(dim) for row in rows])
    latent *= 0.1 / np.abs(latent).mean(axis=1)[:, None]
    first, second, steps, rate, before = np.zeros_like(latent), np.zeros_like(latent), 0, 0.01, math.inf
    for _ in range(1, n_iter):
        total = 0.0
        for start in range(0, len(rows), batch):
            some = range(start, min(start + batch, len(rows)))
            gradient = np.zeros_like(latent)
            for i in some:
                shares = np.exp(sign(latent) @ rows[i] / math.sqrt(dim))
                shares /= shares.sum()
                total -= weights[i] * math.log(shares[targets[i]])
                for c in range(n_classes):
                    error = shares[c] - (c == targets[i])
                    gradient[c] += weights[i] * error * rows[i] / len(some)
            gradient += decay * latent
            steps += 1
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            slope = first / (1 - 0.9**steps) / (np.sqrt(second / (1 - 0.999**steps)) + 1e-8)
            latent = latent - rate * slope
        if total > before:
            rate /= 2
        before = total
    return latent


def prune(vectors: Any, sparsity: float, by: str) -> None:
    """Make entries zero, where they are."""
    n_classes, dim = vectors.shape
    n = math.floor(sparsity * dim)
    if by == "class":
        for one in vectors:
            for d in sorted(range(dim), key=lambda d: abs(one[d]))[:n]:
                one[d] = 0
        return
    unit = [one / (np.linalg.norm(one) or 1) for one in vectors]
    spread = [max(one[d] for one in unit) - min(one[d] for one in unit) for d in range(dim)]
    for d in sorted(range(dim), key=lambda d: spread[d])[:n]:
        for c in range(n_classes):
            vectors[c][d] = 0


def fold(row: Any, keys: Any) -> list[float]:
    """Sum over segments of key times segment; what is missing at the end counts as zero."""
    width = -(-len(row) // len(keys))
    folded = [0.0] * width
    for d, entry in enumerate(row):
        folded[d % width] += float(keys[d // width][d % width]) * float(entry)
    return folded
