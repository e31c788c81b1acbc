# SPDX-License-Identifier: Apache-2.0
"""MCR, CGR and block codes on a GPU: the CPU's products, similarities and bundles, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu, on_gpu, same_there
from hypersketch.vsa import CGR, MCR, SparseBlockCodes, _modular_on_gpu

pytestmark = needs_gpu

SPACES = [
    *(kind(dim, 4, r) for kind in (CGR, MCR) for dim, r in ((1, 2), (2, 9), (65, 64), (333, 10), (7, 2**16))),
    SparseBlockCodes(33 * 16, 4, 16),
]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_products_and_similarities(space: Any) -> None:
    a, b = space.atoms(range(9)), space.atoms(range(5, 14))
    b[3] = space.identity()
    for left, right in ((a, b), (a[0], b), (a, b[0]), (a[0], b[0]), (a[:1], b), (a[:0], b[:0]), (a, a)):
        assert same_there(space.bind(on_gpu(left), on_gpu(right)), space.bind(left, right))
        assert same_there(space.unbind(on_gpu(left), on_gpu(right)), space.unbind(left, right))
        assert same_there(space.similarity(on_gpu(left), on_gpu(right)), space.similarity(left, right))
    signed = space.bind(on_gpu(a.view(np.int16)), on_gpu(b.view(np.int16)))  # the same bits
    assert np.array_equal(np.asarray(signed).view(np.uint16), space.bind(a, b))


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("at_once", [1 << 26, 1])
def test_bundles(space: Any, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_modular_on_gpu, "_CELLS_AT_ONCE", at_once)
    rows, weights = space.atoms(range(40)), np.arange(40) - 11
    for how in (
        {},
        {"weights": weights},
        {"starts": [0, 2, 5, 40]},
        {"weights": weights, "starts": [1, 3, 30]},
        {"starts": np.arange(0, 41, 2)},  # ties everywhere
    ):
        assert same_there(space.superpose(on_gpu(rows), **how), space.superpose(rows, **how))
    assert same_there(space.superpose(on_gpu(rows[0])), rows[0])
    assert same_there(space.superpose(on_gpu(rows), on_gpu(weights)), space.superpose(rows, weights))
    halves = {"starts": [3, 20, 40]}
    assert same_there(
        space.superpose(on_gpu(rows), on_gpu(weights), **halves), space.superpose(rows, weights, **halves)
    )


def test_large_bundles() -> None:
    for space in (CGR(33, 0, 8), MCR(34)):
        rows = space.atoms(range(900))
        assert same_there(space.superpose(on_gpu(rows)), space.superpose(rows))


def test_opposite_directions_and_those_between() -> None:
    for modulus in (2, 5, 7, 10, 11, 64):
        space = MCR(4, 1, modulus)
        low, high = (modulus - 1) // 2, (modulus + 1) // 2
        steps = np.array([low, high, low, high, 1 % modulus, modulus - 1], np.uint16)
        for seed in range(5):
            rows = np.random.default_rng(seed).permuted(np.tile(steps, (4, 1)), axis=1).T
            assert same_there(space.superpose(on_gpu(rows)), space.superpose(rows))
            if modulus % 2:
                assert set(space.superpose(rows).tolist()) == {low if low % 2 == 0 else high}


def test_what_does_not_fit_is_refused() -> None:
    space = CGR(65, 0, 9)
    rows, large = on_gpu(space.atoms(range(3))), space.atoms(range(3))
    large[1, 64] = 9
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "vectors of 65 integers", on_gpu(np.zeros((3, 65), np.float64))),
        (TypeError, "on a GPU, where the others are", space.atoms("a")),
        (ValueError, "has the shape", on_gpu(np.zeros((3, 64), np.uint16))),
        (ValueError, "rows but", on_gpu(space.atoms(range(2)))),
        (ValueError, "one GPU", on_gpu(space.atoms(range(3)), 1)),
        (ValueError, "Got 'larger ones'", on_gpu(large)),
    ]
    for error, words, other in cases:
        for call in (space.bind, space.unbind, space.similarity):
            with pytest.raises(error, match=words):
                call(rows, other)
            with pytest.raises(error, match=words):
                call(other, rows)
    with pytest.raises(ValueError, match=r"'known' parameter of CGR.unbind .* Got 'larger ones'"):
        space.unbind(rows, on_gpu(large))
    with pytest.raises(ValueError, match="larger ones"):
        space.superpose(on_gpu(large))
    with pytest.raises(ValueError, match="at least one vector"):
        space.superpose(rows, starts=[0, 0, 3])
    with pytest.raises(ValueError, match="weight"):
        space.superpose(rows, [1, 2])
    with pytest.raises(OverflowError, match="sums could leave int32"):
        space.superpose(rows, weights=[2**30, 2**30, 2**30])
