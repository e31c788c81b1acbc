# SPDX-License-Identifier: Apache-2.0
"""Random numbers of keys, real and complex: as defined, at every level, with any number of threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from hypersketch import _core
from hypersketch.vsa import FHRR, HRR, MBAT, VTB, MapC
from hypersketch.vsa._real import Numbers, random_reals

SIZES = [1, 2, 3, 15, 16, 17, 63, 64, 65, 1000, 1001]


def defined(numbers: Numbers, n: int, seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The numbers in double precision; phasors as pairs."""
    rows = []
    for start in reference.stream_starts(seed, reference.ATOM, hashes):
        words = reference.random_words(np.array([start], np.uint64), -(-n // 2)).ravel()
        halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], axis=1).ravel()
        x = (halves.astype(np.float64) + 0.5) / 2**32
        if numbers == Numbers.UNIFORM:
            row = 2 * x[:n] - 1
        elif numbers == Numbers.NORMAL:
            length, angle = np.sqrt(-2 * np.log(x[0::2])), 2 * math.pi * x[1::2]
            row = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1).ravel()[:n]
        else:
            angle = 2 * math.pi * x[:n]
            row = np.stack([np.cos(angle), np.sin(angle)], axis=1).ravel()
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("numbers", Numbers)
def test_numbers_are_as_defined(numbers: Numbers, level: str, threads: int) -> None:
    for n in SIZES:
        hashes = reference.hash_keys(list(range(9)))
        made = random_reals(numbers, n, 3, hashes, 0.25, threads)
        assert made.shape == (9, n)
        expected = 0.25 * defined(numbers, n, 3, hashes)
        # Single precision: each of a few operations may be off by an ulp, and the uniform one beside an end.
        wrong = np.abs(made.view(np.float32) - expected)
        assert (wrong <= 2.0**-21 * np.maximum(np.abs(expected), 2.0**-12 * 0.25)).all()
    assert random_reals(numbers, 5, 3, hashes[:0], 1.0, threads).shape == (0, 5)


@pytest.mark.parametrize("numbers", Numbers)
def test_all_levels_and_threads_agree(numbers: Numbers) -> None:
    hashes = reference.hash_keys(list(range(2000)))
    best = _core.simd_level()
    tables = []
    try:
        for level in _core.available_levels():
            _core.set_simd_level(level)
            tables += [random_reals(numbers, 77, 5, hashes, 1.0, threads) for threads in (1, 3)]
    finally:
        _core.set_simd_level(best)
    assert all(np.array_equal(table, tables[0]) for table in tables)


def test_what_spaces_make_of_them() -> None:
    hashes = reference.hash_keys([7, 8])
    cases: list[tuple[Any, Numbers, float]] = [
        (HRR(100, 3), Numbers.NORMAL, 0.1),
        (VTB(100, 3), Numbers.NORMAL, 0.1),
        (MBAT(100, 3), Numbers.NORMAL, 0.1),
        (MapC(100, 3), Numbers.UNIFORM, 1.0),
        (FHRR(100, 3), Numbers.PHASORS, 1.0),
    ]
    for space, numbers, scale in cases:
        assert np.array_equal(space.atoms([7, 8]), random_reals(numbers, 100, 3, hashes, scale, 1))
    lengths = np.abs(FHRR(1000).atoms(range(100)).astype(np.complex128))
    assert np.abs(lengths - 1).max() < 2.0**-21


def test_the_core_refuses_what_does_not_fit() -> None:
    out, hashes = np.empty((2, 8), np.float32), reference.hash_keys([7, 8])
    for kind, n in ((3, 8), (-1, 8), (0, 9), (2, 8)):
        with pytest.raises(ValueError, match=r"kind|out"):
            _core.atom_reals(n, 0, hashes, kind, 1.0, out, 1)
