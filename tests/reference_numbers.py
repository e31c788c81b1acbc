# SPDX-License-Identifier: Apache-2.0
"""What kernels do to rows of numbers, entry by entry from the definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def divided(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.complex128]:
    """Return a / b, 0 where b is 0."""
    pairs = zip(a.astype(np.complex128).tolist(), b.astype(np.complex128).tolist(), strict=True)
    return np.array([x / y if y else 0.0 for x, y in pairs], np.complex128)


def unit(numbers: NDArray[Any]) -> NDArray[np.complex128]:
    """Return complex numbers over their magnitudes."""
    sizes = [math.hypot(one.real, one.imag) for one in numbers.tolist()]
    return np.array(
        [
            complex(one.real / size, one.imag / size) if size else 0.0
            for one, size in zip(numbers.tolist(), sizes, strict=True)
        ],
        np.complex128,
    )


def inner(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the real inner product, rounded once."""
    pairs = zip(a.astype(np.complex128).tolist(), b.astype(np.complex128).tolist(), strict=True)
    return math.fsum(x.real * y.real + x.imag * y.imag for x, y in pairs)


def summed(rows: NDArray[Any], weights: list[float]) -> NDArray[Any]:
    """Return the weighted sum of rows in double precision, one row after the other."""
    wide = np.complex128 if rows.dtype.kind == "c" else np.float64
    total = np.zeros(rows.shape[1], wide)
    for row, weight in zip(rows, weights, strict=True):
        total += row.astype(wide) * weight
    return total
