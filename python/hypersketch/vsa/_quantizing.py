# SPDX-License-Identifier: Apache-2.0
"""How counters of MAP-I become a quantized bundle."""

from __future__ import annotations

import math

import numpy as np

from hypersketch import _memory
from hypersketch._structure import dot
from hypersketch.theory.quantized import best_step
from hypersketch.vsa.quantized import BITS, MOST_STEP, QuantizedBundle, step
from hypersketch.vsa.spaces import MapI


def quantized(
    space: MapI, counters: _memory.State, bits: int, chosen: int | None, n_added: int
) -> QuantizedBundle:
    """Return counters cut to a few bits a dimension, where they lie; see `Bundle.quantize`.

    Examples
    --------
    >>> import numpy as np
    >>> quantized(MapI(3), np.array([5, -1, 9], np.int32), 2, 4, 1).vector
    array([ 3, -1,  3], dtype=int32)
    """
    given = BITS("Bundle.quantize", "bits", bits)
    if _memory.on_gpu(counters):
        from hypersketch.vsa import _quantized_on_gpu

        there: QuantizedBundle = _quantized_on_gpu.quantized(space, counters, given, chosen, n_added)
        return there
    squared = dot(counters, counters)
    width = width_of(given, chosen, squared, space.dim)
    # An even sum takes the tie vector as one more member, as majorities do, and is odd then.
    sums = counters.astype(np.int64)
    signs = space.unpack(space._ties()).astype(np.int64)
    sums += np.where(sums % 2 == 0, signs, 0)
    values = 2 * np.minimum(np.abs(sums) // width, 2 ** (given - 1) - 1) + 1
    values *= np.sign(sums)
    scale = scale_of(squared, dot(values, counters))
    return QuantizedBundle(space, values, given, width, scale, max(0, n_added))


def width_of(bits: int, chosen: int | None, squared: float, dim: int) -> int:
    """Return the step that was chosen, or the one that keeps most of counters of a squared length."""
    if chosen is not None:
        return step("Bundle.quantize", "step", chosen)
    return min(best_step(bits, math.sqrt(squared / dim)), MOST_STEP)


def scale_of(squared: float, signal: float) -> float:
    """Return what makes weights of inner products with what was kept."""
    return squared / signal if signal > 0 else 0.0
