# SPDX-License-Identifier: Apache-2.0
"""How far two ways to compute the same numbers may be apart, when each rounds every operation on its own.

A sum of n products errs by at most n u times the sum of their magnitudes, whatever its order, where u is
half the dtype's eps. Magnitudes are taken from double precision; what is of second order in u is made up
for by `SECOND`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SECOND = 1.01
"""Over terms of first order, as long as these are below a hundredth of what they are errors of."""


def unit(dtype: Any) -> float:
    """Return the largest relative error of one operation."""
    return float(np.finfo(dtype).eps) / 2


def length(rows: Any) -> float:
    """Return the Frobenius norm."""
    return float(np.linalg.norm(np.asarray(rows, float)))


class Stored(NamedTuple):
    """Pairs of one call that an outer-product memory stores."""

    keys: Floats
    values: Floats
    weights: Floats
    gates: Floats
    chunk: int


def hebbian(calls: Iterable[Stored], dtype: Any) -> Floats:
    """Return how far the elements of two matrices may be apart: of sums of pairs, times gates.

    A pair is weighed, rounded to the dtype and multiplied with its key; sums take one operation a pair and
    two a chunk, the gates' included. Weights with their gates are products in double precision, one more
    operation.
    """
    sizes, depth = np.zeros((1, 1)), 0
    for keys, values, weights, gates, chunk in calls:
        for key, value, weight, gate in zip(keys, values, np.abs(weights), gates, strict=True):
            sizes = gate * sizes + weight * np.outer(np.abs(value), np.abs(key))
        depth += len(keys) + 2 * -(-len(keys) // chunk)
    return 2 * SECOND * (depth + 4) * unit(dtype) * sizes


def delta(calls: Iterable[Stored], dtype: Any) -> tuple[float, Floats]:
    """Return how far two matrices of the delta rule may be apart in the Frobenius norm, and the matrix.

    With W' = W (g - b k k^T) + b v k^T an error of W is multiplied by at most max(g, abs(g - b |k|^2)). The
    error of a pair, v - W k less what the pairs of its chunk before it added, is a sum of products of a
    depth of the key's dimension, which solving the triangle adds one operation a pair to, in double
    precision.
    """
    given = list(calls)
    u, apart = unit(dtype), 0.0
    matrix = np.zeros((given[0].values.shape[1], given[0].keys.shape[1]))
    for call in given:
        for first in range(0, len(call.keys), call.chunk):
            part = slice(first, first + call.chunk)
            some = call._replace(**{name: getattr(call, name)[part] for name in call._fields[:4]})
            matrix, errors, start = *_chunk(some, matrix), length(matrix)
            sizes, added = np.linalg.norm(some.keys, axis=1), 0.0
            solving = _of_triangle(some) * length(errors)
            for i, (b, gate) in enumerate(zip(some.weights, some.gates, strict=True)):
                terms = length(some.values[i]) + (start + added) * sizes[i]
                made = (len(some.keys[i]) + 4) * u * terms + solving
                apart = max(gate, abs(gate - b * sizes[i] ** 2)) * apart + b * sizes[i] * made
                added += b * sizes[i] * length(errors[i])
            apart += (len(sizes) + 4) * u * (start + added)
    return 2 * SECOND * apart, matrix


def _chunk(some: Stored, matrix: Floats) -> tuple[Floats, Floats]:
    """Return the matrix after some pairs, and their errors."""
    errors = np.empty_like(some.values)
    for i, (key, value, b, gate) in enumerate(zip(*some[:4], strict=True)):
        errors[i] = value - matrix @ key
        matrix = gate * matrix + b * np.outer(errors[i], key)
    return matrix, errors


def _of_triangle(some: Stored) -> float:
    """Return the relative error of solving a chunk's triangle, or by its inverse: 4 n u its condition."""
    system = np.eye(len(some.keys))
    for t in range(len(system)):
        for s in range(t):
            decay = np.prod(some.gates[s + 1 : t])
            system[t, s] = decay * some.weights[s] * (some.keys[s] @ some.keys[t])
    return float(4 * len(system) * unit(np.float64) * np.linalg.cond(system))


def solved(inner: Floats, mixed: Floats, penalty: float, apart: Floats, dtype: Any) -> tuple[float, Floats]:
    """Return how far two solutions of X (inner + penalty) = mixed may be apart in the norm, and the solution.

    `apart` is how far the elements of inner, and below them mixed, are. Cholesky's residual is that of a
    depth of the dimension, at most 4 d^2 u times the norms (Higham, Accuracy and Stability of Numerical
    Algorithms, 10.1).
    """
    dim = len(inner)
    system = inner + penalty * np.eye(dim)
    solution = np.linalg.solve(system, mixed.T).T
    residual = 8 * dim**2 * unit(np.float64) * length(system) * length(solution)
    lost = length(apart[dim:]) + length(apart[:dim]) * length(solution) + residual
    least = float(np.linalg.eigvalsh(system)[0])
    return SECOND * (lost / least + 2 * unit(dtype) * length(solution)), solution


def answered(matrix: Floats, apart: float, asked: Floats, dtype: Any) -> Floats:
    """Return how far two answers of matrices may be apart, one a row of what is asked, in the norm."""
    own = 2 * (matrix.shape[1] + 1) * unit(dtype) * length(matrix)
    return SECOND * (apart + own) * np.linalg.norm(asked, axis=1)
