# SPDX-License-Identifier: Apache-2.0
"""Continuous memories, queries and bounds for the tests of their retrieval."""

from __future__ import annotations

import numpy as np

from hypersketch.memories import ContinuousMemory

SIMILARITIES = ["dot", "cosine", "euclidean", "manhattan"]
SEPARATIONS = ["softmax", "sparsemax", "entmax", "normmax", "top-k", "polynomial", "identity"]
DTYPES = ["float32", "bfloat16", "int8", "float8"]


def made(n, dim, *, seed=0, scale=1.0, **options):
    rng = np.random.default_rng(seed)
    memory = ContinuousMemory(dim, **options)
    values = (
        {} if options.get("value_dim") is None else {"values": rng.normal(size=(n, options["value_dim"]))}
    )
    memory.store(scale * rng.normal(size=(n, dim)) / dim**0.5, **values)
    return memory


def near(memory, n, seed=1, noise=0.3):
    rng = np.random.default_rng(seed)
    patterns = memory.patterns
    chosen = patterns[rng.integers(len(patterns), size=n)]
    return (chosen + noise * rng.normal(size=chosen.shape) / chosen.shape[1] ** 0.5).astype(np.float32)


def bound_of(memory, queries, beta):
    """The stated error of scores as one of weighted means; distances add terms and squares."""
    largest = np.abs(memory.patterns).sum(axis=1).max()
    lengths = np.linalg.norm(memory.patterns, axis=1).max() + np.linalg.norm(queries, axis=1).max()
    scores = (memory.patterns.shape[1] + 8) * 2.0**-24 * lengths**2
    if memory.patterns.shape[1] and "int8" in repr(memory):
        scores += 2.0**-15 * np.abs(queries).max() * largest
    if "manhattan" in repr(memory):
        scores += (memory.patterns.shape[1] + 8) * 2.0**-24 * 2 * largest
    return np.abs(memory.values).max() * (4 * beta * scores * 16 + 2.0**-13)
