# SPDX-License-Identifier: Apache-2.0
"""MAP-T on a GPU: the CPU's atoms, products, sums and cosines, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu, on_gpu, same_there
from hypersketch.vsa import MapT

pytestmark = needs_gpu

DIMS = [1, 63, 64, 65, 1000, 5000]


def some(space: MapT, n: int, seed: int) -> Any:
    """Vectors with as many zeros as others, and one of zeros alone."""
    entries = np.random.default_rng(seed).choice([-1, 0, 0, 1], (n, space.dim))
    entries[n // 2] = 0
    return space.pack(entries)


@pytest.mark.parametrize("dim", DIMS)
def test_atoms(dim: int) -> None:
    space, keys = MapT(dim, 4), np.arange(50)
    for some_keys in (keys, keys[:1], keys[:0]):
        assert same_there(space.atoms(on_gpu(some_keys)), space.atoms(some_keys))


@pytest.mark.parametrize("dim", DIMS)
def test_products_and_cosines(dim: int) -> None:
    space = MapT(dim, 4)
    a, b = some(space, 9, 1), some(space, 9, 2)
    for left, right in ((a, b), (a[0], b), (a, b[0]), (a[0], b[0]), (a[:0], b[:0]), (a, a)):
        assert same_there(space.bind(on_gpu(left), on_gpu(right)), space.bind(left, right))
        assert same_there(space.unbind(on_gpu(left), on_gpu(right)), space.unbind(left, right))
        assert same_there(space.similarity(on_gpu(left), on_gpu(right)), space.similarity(left, right))
    signed = space.bind(on_gpu(a.view(np.int64)), on_gpu(b.view(np.int64)))  # the same bits
    assert np.array_equal(np.asarray(signed).view(np.uint64), space.bind(a, b))


@pytest.mark.parametrize("dim", DIMS)
def test_sums(dim: int) -> None:
    space, rows = MapT(dim, 4), some(MapT(dim), 40, 3)
    weights = np.arange(40) - 11
    for how in (
        {},
        {"weights": weights},
        {"starts": [0, 2, 5, 40]},
        {"weights": weights, "starts": [1, 3, 30]},
    ):
        assert same_there(space.superpose(on_gpu(rows), **how), space.superpose(rows, **how))
    assert same_there(space.superpose(on_gpu(rows[0])), rows[0])
    opposite = np.stack([rows[0], space._exchanged(rows[0])])
    assert not np.asarray(space.superpose(on_gpu(opposite))).any()
    assert same_there(
        space.superpose(on_gpu(rows), weights=on_gpu(weights)), space.superpose(rows, weights=weights)
    )


def test_what_does_not_fit_is_refused() -> None:
    space = MapT(65)
    rows, beyond, both = (on_gpu(some(space, 3, 1)) for _ in range(3))
    strays = np.asarray(beyond).copy()
    strays[1, 1] |= np.uint64(2)
    twice = np.asarray(both).copy()
    twice[2, 0] |= np.uint64(1)
    twice[2, 2] |= np.uint64(1)
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "packed vectors of uint64 with 4 words", on_gpu(np.zeros((3, 4), np.float64))),
        (TypeError, "on a GPU, where the others are", space.atoms("a")),
        (ValueError, "has the shape", on_gpu(np.zeros((3, 3), np.uint64))),
        (ValueError, "rows but", on_gpu(some(space, 2, 1))),
        (ValueError, "one GPU", on_gpu(some(space, 3, 1), 1)),
        (ValueError, "no bit beyond them and no entry both", on_gpu(strays)),
        (ValueError, "no bit beyond them and no entry both", on_gpu(twice)),
    ]
    for error, words, other in cases:
        for call in (space.bind, space.similarity):
            with pytest.raises(error, match=words):
                call(rows, other)
            with pytest.raises(error, match=words):
                call(other, rows)
    for other in (strays, twice):
        with pytest.raises(ValueError, match="no bit beyond them and no entry both"):
            space.superpose(on_gpu(other))
    with pytest.raises(ValueError, match="at least one vector"):
        space.superpose(rows, starts=[0, 0, 3])
    with pytest.raises(OverflowError, match="sums could leave int32"):
        space.superpose(rows, weights=[2**30, 2**30, 2**30])
