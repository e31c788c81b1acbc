# SPDX-License-Identifier: Apache-2.0
"""Plain arrays of signs, bits and angles as vectors of the spaces, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from hypersketch.vsa import BSC, BSDC, FHRR, MCR, MapB, MapI, SparseBlockCodes

DIMS = [1, 7, 8, 63, 64, 65, 100, 128, 1000]
PACKED: dict[str, Callable[[int], Any]] = {
    "MapI": MapI,
    "MapB": MapB,
    "BSC": BSC,
    "BSDC": lambda dim: BSDC(max(dim, 16)),
}
kinds = pytest.mark.parametrize("kind", PACKED)
NUMBERS = [np.int8, np.int16, np.int32, np.int64, np.float32, np.float64]


@kinds
@pytest.mark.parametrize("dim", DIMS)
def test_packing_undoes_unpacking(kind: str, dim: int) -> None:
    space = PACKED[kind](dim)
    for vectors in (space.atoms(range(9)), space.atoms("a")[0], space.atoms([])):
        entries = space.unpack(vectors)
        set_ = entries == (-1 if kind.startswith("Map") else 1)
        for plain in (entries, set_, *(entries.astype(dtype) for dtype in NUMBERS)):
            packed = space.pack(plain)
            assert packed.dtype == np.uint64
            assert packed.shape == vectors.shape
            assert np.array_equal(packed, vectors)


@given(st.integers(1, 200), st.integers(0, 4), st.integers(0, 2**32))
def test_signs_are_packed_as_the_definition_says(dim: int, n: int, seed: int) -> None:
    signs = np.random.default_rng(seed).choice([-1, 1], (n, dim))
    assert np.array_equal(MapI(dim).pack(signs), reference.pack(signs))
    assert np.array_equal(MapB(dim).pack(signs < 0), reference.pack(signs))
    assert np.array_equal(BSC(dim).pack(signs[:, ::-1] < 0), reference.pack(signs[:, ::-1]))


def test_any_layout_of_memory_goes_in() -> None:
    signs = np.random.default_rng(3).choice([-1, 1], (130, 7))
    assert np.array_equal(MapI(130).pack(signs.T), reference.pack(signs.T))
    assert np.array_equal(MapI(65).pack(signs.T[:, ::2]), reference.pack(signs.T[:, ::2]))
    assert np.array_equal(MapI(7).pack(signs[0].tolist()), reference.pack(signs[:1])[0])


@pytest.mark.parametrize(("blocks", "length"), [(1, 2), (10, 7), (64, 16)])
def test_block_codes_are_packed_by_places(blocks: int, length: int) -> None:
    space = SparseBlockCodes(blocks * length, modulus=length)
    for vectors in (space.atoms(range(5)), space.atoms("a")[0]):
        bits = space.unpack(vectors)
        for plain in (bits, bits.astype(bool), bits.astype(np.float32)):
            packed = space.pack(plain)
            assert packed.dtype == np.uint16
            assert np.array_equal(packed, vectors)


def test_angles_of_phasors_and_of_directions() -> None:
    phasors, directions = FHRR(50), MCR(50, modulus=12)
    rows = directions.atoms(range(20))
    phases = directions.to_phases(rows)
    assert phases.dtype == np.float32
    assert np.all((phases > -math.pi) & (phases <= np.float32(math.pi)))
    assert np.array_equal(directions.from_phases(phases), rows)
    assert np.allclose(phasors.from_phases(phases), np.exp(2j * np.pi * rows / 12), atol=1e-6)
    # A direction stands for all angles within half a step.
    half = math.tau / 24 * 0.99
    for turn in (-half, half, -half + 4 * math.tau, half - 3 * math.tau):
        assert np.array_equal(directions.from_phases(phases.astype(np.float64) + turn), rows)


def refused(call: Callable[[], object], *words: str, error: type[Exception] = ValueError) -> None:
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


@kinds
def test_what_is_no_entry(kind: str) -> None:
    space = PACKED[kind](64)
    own, other = ("-1", 0) if kind.startswith("Map") else ("1", -1)
    refused(lambda: space.pack(np.full(64, other)), own, str(other), f"{type(space).__name__}.pack")
    refused(lambda: space.pack(np.full(64, np.nan)), "nan")
    refused(lambda: space.pack(np.ones(63)), "(63,)", "(64,)")
    refused(lambda: space.pack(np.ones((2, 2, 64))), "(2, 2, 64)")
    refused(lambda: space.pack(1), "()")
    for strange in ("1" * 64, [None] * 64, np.ones(64, complex)):
        refused(lambda strange=strange: space.pack(strange), "Got", error=TypeError)


def test_what_is_no_block_and_no_angle() -> None:
    space = SparseBlockCodes(8, modulus=4)
    for bits in ([1, 1, 0, 0, 1, 0, 0, 0], [0] * 8):
        refused(lambda bits=bits: space.pack(bits), "'bits'", "block of 4")
    refused(lambda: space.pack([2, 0, 0, 0, 1, 0, 0, 0]), "2")
    refused(lambda: space.pack(np.eye(9)), "(9, 9)", "(8,)")
    for angular in (FHRR(4), MCR(4)):
        refused(lambda angular=angular: angular.from_phases(np.array([1, 2, 3, np.inf])), "infinity")
        refused(lambda angular=angular: angular.from_phases(np.zeros(5)), "(5,)", "(4,)")
        refused(lambda angular=angular: angular.from_phases(np.array(["a"] * 4)), "real", error=TypeError)
