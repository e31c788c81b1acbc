# SPDX-License-Identifier: Apache-2.0
"""Hashes, weights and cells for the tests of count sketches."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import CountMinSketch, CountSketch
from makers import state

DTYPES = ["int32", "int64", "float32", "float64"]
CLASSES = [CountSketch, CountMinSketch]
MOST = 2**31 - 1


def hashes_of(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def weights_of(n: int, dtype: str, least: int = -50) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.integers(least, 51, n) if dtype.startswith("int") else rng.uniform(least, 50, n)


def cells(sketch: Any) -> np.ndarray:
    return state(sketch).reshape(sketch.depth, sketch.width)


def same_bytes(a: Any, b: Any) -> bool:
    return state(a).tobytes() == state(b).tobytes() and a._saved_counts() == b._saved_counts()
