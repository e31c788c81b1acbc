# SPDX-License-Identifier: Apache-2.0
"""The learners from their definitions, one number at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def sinusoid(x: Any, directions: Any, phases: Any) -> list[float]:
    """2 cos(p + b) sin(p) for every projection p; the stored directions are doubled."""
    out = []
    for d, b in enumerate(phases):
        p = sum(float(v) * float(w) for v, w in zip(x, directions[:, d], strict=True)) / 2
        out.append(2 * math.cos(p + float(b)) * math.sin(p))
    return out


def fourier(x: Any, directions: Any, phases: Any) -> list[float]:
    """sin(q + b) for every projection q."""
    projected = [sum(float(v) * float(w) for v, w in zip(x, column, strict=True)) for column in directions.T]
    return [math.sin(q + float(b)) for q, b in zip(projected, phases, strict=True)]


def level_record(x: Any, features: Any, levels: Any, low: Any, high: Any, ties: Any) -> list[int]:
    """Signs of the sum over features of feature vector times value vector; entries are -1 and +1."""
    total = [0] * len(ties)
    for f, value in enumerate(x):
        span = (high[f] - low[f]) or 1.0
        place = (value - low[f]) / span * (len(levels) - 1)
        level = levels[round(min(max(place, 0), len(levels) - 1))]
        for d in range(len(ties)):
            total[d] += int(features[f][d]) * int(level[d])
    return [int(np.sign(t)) or int(tie) for t, tie in zip(total, ties, strict=True)]


def cosine(a: Any, b: Any) -> float:
    lengths = math.sqrt(float(np.dot(a, a)) * float(np.dot(b, b)))
    return float(np.dot(a, b)) / lengths if lengths else 0.0


def train(
    rows: Any,
    targets: Any,
    n_classes: int,
    method: str,
    n_iter: int,
    margin: float,
    rate: float = 1.0,
    batch: int = 64,
    weights: Any = None,
    after: Any = lambda vectors: None,
) -> Any:
    """Class vectors after passes in the order of the rows; ``after`` changes them at the end of each."""
    rows = np.asarray(rows, np.float64)
    weights = np.ones(len(rows)) if weights is None else weights
    vectors = np.zeros((n_classes, rows.shape[1]))
    first = 0
    if method in ("centroid", "adaptive", "quant"):
        for row, target, weight in zip(rows, targets, weights, strict=True):
            vectors[target] += weight * row
        after(vectors)
        first = 1
    for _ in range(first, n_iter if method != "centroid" else 0):
        for start in range(0, len(rows), batch):
            seen = np.sign(vectors) if method == "quant" else vectors.copy()
            for i in range(start, min(start + batch, len(rows))):
                scores = [cosine(rows[i], one) for one in seen]
                own = scores[targets[i]]
                rival = max((c for c in range(n_classes) if c != targets[i]), key=lambda c: scores[c])
                if own - scores[rival] > margin:
                    continue
                toward, away = (1 - own, 1 - scores[rival]) if method == "online" else (1.0, 1.0)
                vectors[targets[i]] += rate * weights[i] * toward * rows[i]
                vectors[rival] -= rate * weights[i] * away * rows[i]
        after(vectors)
    return vectors


def regress(
    rows: Any,
    wanted: Any,
    models: Any,
    clusters: Any,
    rate: float,
    sharpness: float,
    batch: int,
    weights: Any,
) -> Any:
    """Models and clusters after one pass, row by row; clusters move at the end of each batch."""
    models, clusters = np.array(models, np.float64), np.array(clusters, np.float64)
    for start in range(0, len(rows), batch):
        pulls = np.zeros_like(clusters)
        for i in range(start, min(start + batch, len(rows))):
            row = rows[i] / np.linalg.norm(rows[i])
            likeness = np.array([cosine(row, one) for one in clusters])
            shares = np.exp(sharpness * likeness) / np.exp(sharpness * likeness).sum()
            error = wanted[i] - shares @ (models @ row)
            models += rate * weights[i] * error * np.outer(shares, row)
            nearest = int(np.argmax(likeness))
            pulls[nearest] += weights[i] * (1 - likeness[nearest]) * row
        clusters += pulls
    return models, clusters
