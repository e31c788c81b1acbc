# SPDX-License-Identifier: Apache-2.0
"""BSDC on a GPU: the CPU's products, thinned vectors, unions and overlaps, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu, on_gpu, same_there
from hypersketch.vsa import BSDC

pytestmark = needs_gpu

DIMS = [16, 63, 64, 65, 1000]
SPACES = [BSDC(dim, 4, variant) for dim in DIMS for variant in ("cdt", "s", "seg")]


def some(space: BSDC, n: int, seed: int) -> Any:
    """Vectors of any number of ones, among them none and all."""
    shares = np.random.default_rng(seed).random((n, 1))
    bits = np.random.default_rng(seed + 1).random((n, space.dim)) < shares
    bits[0], bits[n - 1] = False, True
    return space.pack(bits)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_products(space: BSDC) -> None:
    values = some(space, 9, 1)
    keys = space.atoms(range(9)) if space.variant == "seg" else some(space, 9, 3)
    for a, b in (
        (values, keys),
        (values[1], keys),
        (values, keys[1]),
        (values[1], keys[1]),
        (values[:1], keys),
        (values[:0], keys[:0]),
        (keys, keys),
    ):
        assert same_there(space.bind(on_gpu(a), on_gpu(b)), space.bind(a, b))
        if space.variant != "cdt":
            assert same_there(space.unbind(on_gpu(a), on_gpu(b)), space.unbind(a, b))
    signed = space.bind(on_gpu(values.view(np.int64)), on_gpu(keys.view(np.int64)))  # the same bits
    assert np.array_equal(np.asarray(signed).view(np.uint64), space.bind(values, keys))


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_overlaps(space: BSDC) -> None:
    a, b = some(space, 9, 1), some(space, 9, 5)
    for left, right in ((a, b), (a[1], b), (a, b[1]), (a[1], b[1]), (a[0], b[0]), (a[:0], b[:0]), (a, a)):
        assert same_there(space.similarity(on_gpu(left), on_gpu(right)), space.similarity(left, right))


@pytest.mark.parametrize("space", [BSDC(dim, 4) for dim in (*DIMS, 5000)], ids=repr)
def test_thinning(space: BSDC) -> None:
    rows = some(space, 20, 7)
    assert same_there(space.thin(on_gpu(rows)), space.thin(rows))
    assert same_there(space.thin(on_gpu(rows[5])), space.thin(rows[5]))
    assert same_there(space.thin(on_gpu(rows[:0])), space.thin(rows[:0]))
    union = space.bundle(range(5), device="cuda").vector
    assert same_there(space.thin(union), space.thin(space.bundle(range(5)).vector))


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_bundles(space: BSDC) -> None:
    rows, weights = space.atoms(range(40)), np.arange(40) - 11
    for how in (
        {},
        {"weights": weights},
        {"starts": [0, 2, 5, 40]},
        {"starts": [3, 4, 20]},
        {"weights": weights, "starts": [1, 3, 30]},
        {"weights": -weights, "starts": [0, 13, 14, 40]},
    ):
        assert same_there(space.superpose(on_gpu(rows), **how), space.superpose(rows, **how))
    assert same_there(space.superpose(on_gpu(rows[0])), rows[0])
    assert same_there(space.superpose(on_gpu(rows), on_gpu(weights)), space.superpose(rows, weights))


def test_what_does_not_fit_is_refused() -> None:
    for variant in ("cdt", "s", "seg"):
        space = BSDC(65, 0, variant)  # type: ignore[arg-type]
        rows, stray = on_gpu(space.atoms(range(3))), space.atoms(range(3))
        stray[1, 1] |= np.uint64(2)
        cases: list[tuple[type[Exception], str, Any]] = [
            (TypeError, "packed vectors of uint64 with 2 words", on_gpu(np.zeros((3, 2), np.float64))),
            (TypeError, "on a GPU, where the others are", space.atoms("a")),
            (ValueError, "has the shape", on_gpu(np.zeros((3, 3), np.uint64))),
            (ValueError, "rows but", on_gpu(space.atoms(range(2)))),
            (ValueError, "one GPU", on_gpu(space.atoms(range(3)), 1)),
            (ValueError, "sets bits beyond dimension 65", on_gpu(stray)),
        ]
        for error, words, other in cases:
            for call in (space.bind, space.similarity):
                with pytest.raises(error, match=words):
                    call(rows, other)
                with pytest.raises(error, match=words):
                    call(other, rows)
        for call in (space.superpose, space.thin, lambda rows, space=space: space.superpose(rows, [1, 2, 3])):
            with pytest.raises(ValueError, match="vectors sets bits beyond dimension 65"):
                call(on_gpu(stray))
        with pytest.raises(ValueError, match="at least one vector"):
            space.superpose(rows, starts=[0, 0, 3])
        with pytest.raises(ValueError, match="at least one vector"):
            space.superpose(rows, [1, 2, 3], starts=[0, 0, 3])
        with pytest.raises(ValueError, match="weight"):
            space.superpose(rows, [1, 2])
        with pytest.raises(OverflowError, match="sums could leave int32"):
            space.superpose(rows, weights=[2**30, 2**30, 2**30])
    with pytest.raises(ValueError, match=r"thinning \(variant='cdt'\) cannot be undone"):
        BSDC(65).unbind(rows, rows)
    two = BSDC(65, 0, "seg").bind
    for wrong in (np.zeros((3, 2), np.uint64), BSDC(65).superpose(np.asarray(rows))):
        with pytest.raises(ValueError, match=r"'b' parameter of BSDC.bind must be vectors with one 1 in"):
            two(rows, on_gpu(wrong))
    with pytest.raises(ValueError, match=r"'known' parameter of BSDC.unbind must be vectors with one 1"):
        BSDC(65, 0, "seg").unbind(rows, on_gpu(np.zeros(2, np.uint64)))
