# SPDX-License-Identifier: Apache-2.0
"""Quantized bundles from their definition, slowly: numbers, no planes."""

from __future__ import annotations

from collections.abc import Sequence


def quantize(counters: Sequence[int], ties: Sequence[int], bits: int, step: int) -> list[int]:
    """The odd number that is kept of each counter; ties are the signs that even counters take."""
    kept = []
    for counter, tie in zip(counters, ties, strict=True):
        odd = counter if counter % 2 else counter + tie
        level = min(abs(odd) // step, 2 ** (bits - 1) - 1)
        kept.append((2 * level + 1) * (1 if odd > 0 else -1))
    return kept


def similarity(kept: Sequence[int], counters: Sequence[int], atom: Sequence[int]) -> float:
    """The score with an atom, scaled so that it estimates the weight of the atom's key."""
    squared = sum(counter * counter for counter in counters)
    signal = sum(value * counter for value, counter in zip(kept, counters, strict=True))
    score = sum(value * sign for value, sign in zip(kept, atom, strict=True))
    return score * (squared / signal if signal > 0 else 0.0) / len(kept)


def planes(kept: Sequence[int], bits: int) -> list[list[int]]:
    """The bits of each plane, lowest first: with signs t_j the value is the sum of 2**j t_j, set for -1."""
    rows = []
    for j in range(bits):
        row = []
        for value in kept:
            low = value
            for k in reversed(range(j + 1, bits)):  # take the higher planes' signs away
                low -= 2**k if low > 0 else -(2**k)
            row.append(int(low < 0))
        rows.append(row)
    return rows
