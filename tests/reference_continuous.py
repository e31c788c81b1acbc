# SPDX-License-Identifier: Apache-2.0
"""Continuous memories from their definitions, in double precision: scores, weights, means."""

from __future__ import annotations

import numpy as np


def rounded(numbers):
    """Numbers to the nearest of bfloat16, ties to even; in double precision."""
    parts, exponents = np.frexp(np.asarray(numbers, np.float32).astype(float))
    return np.ldexp(np.rint(parts * 256) / 256, exponents)


def float8(codes):
    """The numbers of codes of 8 bits: a sign, 4 bits of exponent with a bias of 7, 3 of fraction (E4M3)."""
    numbers = []
    for code in np.asarray(codes).ravel().tolist():
        sign, exponent, fraction = code >> 7, code >> 3 & 15, code & 7
        size = fraction / 8 * 2.0**-6 if exponent == 0 else (1 + fraction / 8) * 2.0 ** (exponent - 7)
        if exponent == 15 and fraction == 7:
            size = np.nan  # there are no infinities: the codes before are 448
        numbers.append(-size if sign else size)
    return np.reshape(numbers, np.shape(codes))


def to_float8(numbers):
    """Codes of the nearest numbers: of two as near that with an even fraction, of all beyond that of 448."""
    sizes, codes = float8(np.arange(127)), []
    for number in np.asarray(numbers, float).ravel():
        distances = np.abs(sizes - abs(number))
        nearest = np.flatnonzero(distances == distances.min())
        code = min(nearest, key=lambda one: one % 2)
        codes.append(code | (128 if np.signbit(number) else 0))
    return np.reshape(np.array(codes, np.uint8), np.shape(numbers))


def similarities(name, queries, patterns):
    q, x = np.asarray(queries, float), np.asarray(patterns, float)
    if name == "dot":
        return q @ x.T
    if name == "cosine":
        return (q @ x.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(x, axis=1)
    differences = q[:, None, :] - x[None]
    if name == "euclidean":
        return -0.5 * (differences**2).sum(-1)
    return -np.abs(differences).sum(-1)


def softmax(theta):
    weights = np.exp(theta - theta.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def by_threshold(t, e, g):
    """Weights max(0, t - tau)^g by bisection for tau."""
    low, high = t.max(axis=1) - 1.0, t.max(axis=1)
    for _ in range(200):
        tau = 0.5 * (low + high)
        large = (np.maximum(t - tau[:, None], 0) ** e).sum(axis=1) >= 1.0
        low, high = np.where(large, tau, low), np.where(large, high, tau)
    beyond = np.maximum(t - low[:, None], 0)
    weights = np.where(beyond > 0, beyond, 1.0) ** g * (beyond > 0)
    return weights / weights.sum(axis=1, keepdims=True)


def weights(separation, scores, beta, *, alpha=1.5, k=8, degree=2):
    if separation == "softmax":
        return softmax(beta * scores)
    if separation == "sparsemax":
        return by_threshold(beta * scores, 1.0, 1.0)
    if separation == "entmax":
        return by_threshold((alpha - 1) * beta * scores, 1 / (alpha - 1), 1 / (alpha - 1))
    if separation == "normmax":
        return by_threshold(beta * scores, alpha / (alpha - 1), 1 / (alpha - 1))
    if separation == "top-k":
        kept = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        masked = np.full(scores.shape, -np.inf)
        np.put_along_axis(masked, kept, np.take_along_axis(scores, kept, 1), 1)
        return softmax(beta * masked)
    powers = scores ** (1 if separation == "identity" else degree)
    return powers / np.abs(powers).sum(axis=1, keepdims=True)


def retrieve(similarity, separation, patterns, queries, beta, values=None, **options):
    shares = weights(separation, similarities(similarity, queries, patterns), beta, **options)
    return shares @ np.asarray(patterns if values is None else values, float)
