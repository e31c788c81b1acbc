# SPDX-License-Identifier: Apache-2.0
"""MAP-T on a GPU: the CPU's atoms, products, sums and cosines, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hypersketch import cuda
from hypersketch.vsa import MapT

REASON = cuda.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

DIMS = [1, 63, 64, 65, 1000, 5000]


def there(array: Any, device: int = 0) -> cuda.DeviceArray:
    return cuda.DeviceArray.of(np.ascontiguousarray(array), device)


def same(ours: Any, theirs: Any) -> bool:
    """Bit for bit."""
    host = np.asarray(ours)
    return bool(
        isinstance(ours, cuda.DeviceArray)
        and host.dtype == theirs.dtype
        and host.shape == theirs.shape
        and host.tobytes() == theirs.tobytes()
    )


def some(space: MapT, n: int, seed: int) -> Any:
    """Vectors with as many zeros as others, and one of zeros alone."""
    entries = np.random.default_rng(seed).choice([-1, 0, 0, 1], (n, space.dim))
    entries[n // 2] = 0
    return space.pack(entries)


@pytest.mark.parametrize("dim", DIMS)
def test_atoms(dim: int) -> None:
    space, keys = MapT(dim, 4), np.arange(50)
    for some_keys in (keys, keys[:1], keys[:0]):
        assert same(space.atoms(there(some_keys)), space.atoms(some_keys))


@pytest.mark.parametrize("dim", DIMS)
def test_products_and_cosines(dim: int) -> None:
    space = MapT(dim, 4)
    a, b = some(space, 9, 1), some(space, 9, 2)
    for left, right in ((a, b), (a[0], b), (a, b[0]), (a[0], b[0]), (a[:0], b[:0]), (a, a)):
        assert same(space.bind(there(left), there(right)), space.bind(left, right))
        assert same(space.unbind(there(left), there(right)), space.unbind(left, right))
        assert same(space.similarity(there(left), there(right)), space.similarity(left, right))
    signed = space.bind(there(a.view(np.int64)), there(b.view(np.int64)))  # the same bits
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
        assert same(space.superpose(there(rows), **how), space.superpose(rows, **how))
    assert same(space.superpose(there(rows[0])), rows[0])
    opposite = np.stack([rows[0], space._exchanged(rows[0])])
    assert not np.asarray(space.superpose(there(opposite))).any()
    assert same(space.superpose(there(rows), weights=there(weights)), space.superpose(rows, weights=weights))


def test_what_does_not_fit_is_refused() -> None:
    space = MapT(65)
    rows, beyond, both = (there(some(space, 3, 1)) for _ in range(3))
    strays = np.asarray(beyond).copy()
    strays[1, 1] |= np.uint64(2)
    twice = np.asarray(both).copy()
    twice[2, 0] |= np.uint64(1)
    twice[2, 2] |= np.uint64(1)
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "packed vectors of uint64 with 4 words", there(np.zeros((3, 4), np.float64))),
        (TypeError, "on a GPU, where the others are", space.atoms("a")),
        (ValueError, "has the shape", there(np.zeros((3, 3), np.uint64))),
        (ValueError, "rows but", there(some(space, 2, 1))),
        (ValueError, "one GPU", there(some(space, 3, 1), 1)),
        (ValueError, "no bit beyond them and no entry both", there(strays)),
        (ValueError, "no bit beyond them and no entry both", there(twice)),
    ]
    for error, words, other in cases:
        for call in (space.bind, space.similarity):
            with pytest.raises(error, match=words):
                call(rows, other)
            with pytest.raises(error, match=words):
                call(other, rows)
    for other in (strays, twice):
        with pytest.raises(ValueError, match="no bit beyond them and no entry both"):
            space.superpose(there(other))
    with pytest.raises(ValueError, match="at least one vector"):
        space.superpose(rows, starts=[0, 0, 3])
    with pytest.raises(OverflowError, match="sums could leave int32"):
        space.superpose(rows, weights=[2**30, 2**30, 2**30])
