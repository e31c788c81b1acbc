# SPDX-License-Identifier: Apache-2.0
"""Atoms of modular and sparse spaces, comparisons of digits: as defined, at every level, on any threads."""

from __future__ import annotations

import numpy as np
import pytest

import hypersketch
from hypersketch import _core
from hypersketch.vsa import BSDC, CGR, MCR, SparseBlockCodes

HASHES = hypersketch.hash_keys(np.arange(7))


def halves_of(n: int, seed: int) -> np.ndarray:
    """n numbers of 32 bits of every key: the lower half of each word of its stream, then the upper one."""
    words = np.empty((HASHES.size, -(-n // 2)), np.uint64)
    _core.atom_rows(64 * words.shape[1], seed, HASHES, words, 1)
    return words.view(np.uint32)[:, :n].astype(np.uint64)


@pytest.mark.parametrize("modulus", [2, 10, 64, 65536])
@pytest.mark.parametrize("width", [1, 2, 31, 64, 1023, 1025, 2050])
def test_digits_are_as_defined(width: int, modulus: int, level: str) -> None:
    expected = halves_of(width, 5) * np.uint64(modulus) >> np.uint64(32)
    space = CGR(width, 5, modulus)
    for threads in (1, 2):
        np.testing.assert_array_equal(space._atoms_of(HASHES, threads), expected)
    if width * modulus <= 2**26:
        blocks = SparseBlockCodes(width * modulus, 5, modulus)
        np.testing.assert_array_equal(blocks.atoms(np.arange(7)), expected)


@pytest.mark.parametrize("variant", ["s", "cdt", "seg"])
@pytest.mark.parametrize("dim", [16, 63, 64, 65, 400, 1001])
def test_ones_are_as_defined(dim: int, variant: str, level: str) -> None:
    space = BSDC(dim, 5, variant)  # type: ignore[arg-type]
    k = space.n_ones
    words = np.empty((HASHES.size, 64 * k), np.uint64)
    _core.atom_rows(64 * words.shape[1], 5, HASHES, words, 1)
    edges = np.arange(k + 1) * dim // k
    for row, atom in zip(words.tolist(), space._atoms_of(HASHES, 2), strict=True):
        if variant == "seg":
            places = [
                int(start) + ((word >> 32) * int(end - start) >> 32)
                for word, start, end in zip(row, edges[:-1], edges[1:], strict=False)
            ]
        else:
            places = list(dict.fromkeys((word >> 32) * dim >> 32 for word in row))[:k]
        assert sorted(places) == np.nonzero(space.unpack(atom))[0].tolist()


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 100, 1000])
@pytest.mark.parametrize("kind", [CGR, MCR])
def test_all_pairs_are_what_single_pairs_are(kind: type[CGR | MCR], width: int, level: str) -> None:
    for modulus in (2, 7, 64, 65536):
        space = kind(width, 1, modulus)
        a, b = space.atoms(np.arange(5)), space.atoms(np.arange(3, 12))
        found = space.similarities(a, b, threads=2)
        for row, scores in zip(a, found, strict=True):
            np.testing.assert_array_equal(scores, space.similarity(row, b))
        assert space.similarities(a[:0], b).shape == (0, 9)


@pytest.mark.parametrize(
    "space",
    [CGR(65, 1, 10), MCR(65, 1, 64), MCR(30, 2, 4), SparseBlockCodes(640, 3, 16)]
    + [BSDC(200, 4, variant) for variant in ("s", "cdt", "seg")],  # type: ignore[arg-type]
    ids=repr,
)
def test_many_bundles_at_once_are_single_bundles(space: hypersketch.vsa.CGR) -> None:
    rows, starts = space.atoms(np.arange(30)), np.array([0, 1, 3, 4, 10, 30])
    made = space.superpose(rows, starts=starts)
    for index, vector in enumerate(made):
        bag = space.bundle()
        bag.add_vectors(rows[starts[index] : starts[index + 1]])
        np.testing.assert_array_equal(vector, bag.vector)
    weighted = space.superpose(rows, np.arange(30) % 3, starts=starts)
    bag = space.bundle()
    bag.add_vectors(rows[4:10], np.arange(4, 10) % 3)
    np.testing.assert_array_equal(weighted[3], bag.vector)


def test_the_core_refuses_what_does_not_fit() -> None:
    digits = np.zeros((2, 8), np.uint16)
    out = np.empty((2, 2), np.int64)
    with pytest.raises(ValueError, match="a and b must have the same number of columns"):
        _core.compare_digits(digits, digits[:, :4].copy(), 0, out, 1)
    with pytest.raises(ValueError, match=r"The modulus must be in \[0, 2\*\*16\]"):
        _core.compare_digits(digits, digits, 2**17, out, 1)
    with pytest.raises(ValueError, match=r"The number of ones must be in \[1, dim\]"):
        _core.sparse_rows(0, HASHES, 8, 9, False, np.empty((7, 1), np.uint64), 1)
    with pytest.raises(ValueError, match="out"):
        _core.digit_rows(0, HASHES, 8, np.empty((6, 3), np.uint16), 1)
