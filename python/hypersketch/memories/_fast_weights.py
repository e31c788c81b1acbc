# SPDX-License-Identifier: Apache-2.0
"""Rules that write pairs into a matrix one after the other, some at a time.

The matrix after a pair is W' = g W + b e k^T, with e = v for the Hebbian rule and e = v - W k for the delta
rule. Over a chunk of pairs, with D[t, s] the product of the gates of the pairs between s and t, the delta
rule's errors solve a triangular system,

    e_t + sum over s < t of D[t, s] b_s (k_s . k_t) e_s = v_t - D[t, start] W k_t,

and then W is the sum of all e_s k_s^T, each times its strength and the gates that came after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _decays(gates: Floats) -> Floats:
    """Return D[t, s] for s < t, and 0 elsewhere."""
    n = len(gates)
    if (gates == 1.0).all():
        return np.tri(n, k=-1)
    # Row t is row t - 1 times the gate of pair t - 1, but for that pair itself. No quotients: gates may be 0.
    earlier = np.arange(n) < np.arange(n)[:, np.newaxis] - 1
    steps = np.where(earlier, np.roll(gates, 1)[:, np.newaxis], 1.0)
    return np.asarray(np.tril(np.cumprod(steps, axis=0), -1))


def written(
    matrix: NDArray[Any],
    keys: NDArray[Any],
    values: NDArray[Any],
    strengths: Floats,
    gates: Floats,
    *,
    delta: bool,
    chunk: int,
) -> NDArray[Any]:
    """Return the matrix after all pairs, in their order."""
    for first in range(0, len(keys), chunk):
        part = slice(first, first + chunk)
        matrix = _chunk_written(matrix, keys[part], values[part], strengths[part], gates[part], delta)
    return matrix


def _chunk_written(
    matrix: NDArray[Any],
    keys: NDArray[Any],
    values: NDArray[Any],
    strengths: Floats,
    gates: Floats,
    delta: bool,
) -> NDArray[Any]:
    start = np.concatenate(([1.0], np.cumprod(gates)))
    after = np.append(np.cumprod(gates[:0:-1])[::-1], 1.0)  # the gates of all later pairs
    errors = values
    if delta:
        inner = (keys @ keys.T).astype(np.float64)
        system = _decays(gates) * strengths * inner
        np.fill_diagonal(system, 1.0)
        known = values - start[:-1, np.newaxis] * (keys @ matrix.T).astype(np.float64)
        # The triangle has ones on its diagonal, so its inverse is as good as a solution, and thrice as fast.
        errors = np.linalg.inv(system) @ known
    weighed = (after * strengths)[:, np.newaxis] * errors
    kept = matrix if start[-1] == 1.0 else matrix * matrix.dtype.type(start[-1])
    return np.asarray(kept + weighed.astype(matrix.dtype).T @ keys)
