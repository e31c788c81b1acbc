# SPDX-License-Identifier: Apache-2.0
"""Convolution by kernels: the definition, the same bits at every level and thread count, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hypersketch import _core
from hypersketch.vsa import HRR
from hypersketch.vsa._transforms import convolve, plan

BY_KERNELS = [256, 320, 400, 432, 500, 512, 1000, 1024, 1250, 2187, 3600, 10_000, 10_240]
BY_NUMPY = [1, 2, 7, 63, 65, 100, 121, 250, 1009, 1022, 2**21]


def reference(a: NDArray[Any], b: NDArray[Any], correlate: bool) -> NDArray[np.float64]:
    """Every entry by its sum, in double precision."""
    dim = a.size
    places = (np.arange(dim)[:, np.newaxis] - np.arange(dim)) % dim
    by = b.astype(np.float64)[-places % dim if correlate else places]
    return np.asarray(by @ a.astype(np.float64))


def vectors(n: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, dim)) / np.sqrt(dim)).astype(np.float32)


def tolerance(dim: int) -> float:
    """A few rounding errors for every factor of the length, of entries of about 1/sqrt(dim)."""
    return 8 * np.log2(dim + 1) * 2.0**-24 * 4 / np.sqrt(dim)


def test_which_lengths_have_kernels() -> None:
    assert all(plan(dim) is not None for dim in BY_KERNELS)
    assert all(plan(dim) is None for dim in BY_NUMPY)


@pytest.mark.parametrize("dim", [dim for dim in BY_KERNELS if dim < 4000])
@pytest.mark.parametrize("correlate", [False, True])
def test_the_definition(dim: int, correlate: bool, level: str) -> None:
    a, b = vectors(3, dim), vectors(3, dim, 1)
    found = convolve(a, b, correlate=correlate)
    assert found.dtype == np.float32
    for left, right, mine in zip(a, b, found, strict=True):
        assert np.abs(mine - reference(left, right, correlate)).max() < tolerance(dim)


@pytest.mark.parametrize("dim", BY_KERNELS)
def test_equal_bits_at_every_level_and_thread_count(dim: int) -> None:
    a, b = vectors(7, dim), vectors(7, dim, 1)
    before, found = _core.simd_level(), []
    for level in _core.available_levels():
        _core.set_simd_level(level)
        found += [convolve(a, b, threads=threads) for threads in (1, 2, 5)]
    _core.set_simd_level(before)
    assert all(np.array_equal(one, found[0]) for one in found)
    exact = np.fft.irfft(np.fft.rfft(a.astype(float)) * np.fft.rfft(b.astype(float)), n=dim)
    assert np.abs(found[0] - exact).max() < tolerance(dim)


@pytest.mark.parametrize("dim", [400, 1009])
def test_shapes(dim: int) -> None:
    a, b = vectors(4, dim), vectors(4, dim, 1)
    alone = np.stack([convolve(a[0], row) for row in b])
    for one in (a[0], a[:1]):
        assert np.allclose(convolve(one, b), alone, rtol=0, atol=1e-6)
        assert np.allclose(convolve(b, one), alone, rtol=0, atol=1e-6)
    assert convolve(a[0], b[0]).shape == (dim,)
    assert convolve(a[:0], b[:0]).shape == (0, dim)
    assert convolve(a[0], b[:0]).shape == (0, dim)
    assert np.allclose(convolve(a[::-2], b[::-2]), convolve(a, b)[::-2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-15, 1000.0, 1e15, 1e30, 1e38])
def test_large_and_small_rows_do_not_meet(size: float) -> None:
    """Two rows go through one transform; neither leaves its rounding errors in the other."""
    a, b = vectors(2, 1000), vectors(2, 1000, 1)
    plain = [reference(x, y, False) for x, y in zip(a, b, strict=True)]
    a[0] *= np.float32(size)
    assert np.abs(convolve(a, b)[0] - size * plain[0]).max() < size * tolerance(1000)
    assert np.abs(convolve(a, b)[1] - plain[1]).max() < tolerance(1000)
    assert np.abs(convolve(b, a)[1] - plain[1]).max() < tolerance(1000)


def test_a_row_that_leaves_the_range_leaves_alone() -> None:
    a, b = vectors(2, 1000), vectors(2, 1000, 1)
    expected = reference(a[1], b[1], False)
    a[0] *= np.float32(1e30)
    b[0] *= np.float32(1e30)
    found = convolve(a, b)
    assert np.isinf(found[0]).any()
    assert np.abs(found[1] - expected).max() < tolerance(1000)


@pytest.mark.parametrize("dim", [400, 1009])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(dim: int, bad: float) -> None:
    space = HRR(dim)
    for place in (0, dim // 2, dim - 1):
        a, b = vectors(3, dim), vectors(3, dim, 1)
        b[1, place] = bad
        assert convolve(a, b) is None
        for call, name in ((space.bind, "b"), (space.unbind, "known")):
            with pytest.raises(ValueError, match=f"'{name}' parameter of HRR.*NaN or infinity"):
                call(a, b)
        with pytest.raises(ValueError, match="'a' parameter"):
            space.bind(b[1], a[0])
        with pytest.raises(ValueError, match="NaN or infinity"):
            space.unbind(a, b, exact=True)


def test_doubles_that_singles_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'a' parameter of HRR.bind must be finite numbers of float32"):
        HRR(400).bind(np.full(400, 1e300), vectors(2, 400))


def test_zeros_stay_zeros() -> None:
    rows = vectors(3, 400)
    rows[1] = 0
    assert not convolve(rows, rows)[1].any()


@pytest.mark.parametrize("dim", [400, 1009])
def test_hrr_uses_it(dim: int) -> None:
    space = HRR(dim)
    a, b = space.atoms(range(5)), space.atoms(range(5, 10))
    assert np.allclose(
        space.bind(a, b), [reference(x, y, False) for x, y in zip(a, b, strict=True)], atol=1e-5
    )
    back = [reference(x, y, True) for x, y in zip(a, b, strict=True)]
    assert np.allclose(space.unbind(a, b), back, atol=1e-5)


def test_tables_that_do_not_fit_are_refused() -> None:
    tables = list(plan(400) or ())
    rows = vectors(2, 400)
    out = np.empty_like(rows)
    _core.convolve_rows(rows, rows, *tables, False, out, 1)
    wrong: dict[int, Any] = {
        0: np.array([7, 5], np.uint32),
        1: tables[1][:-1],
        3: tables[3][:-2],
        4: tables[4].ravel()[:-1],
        5: tables[5].ravel()[:-1],
    }
    for place, table in wrong.items():
        given = [*tables[:place], table, *tables[place + 1 :]]
        with pytest.raises(ValueError, match=r"Factors|twiddles|cosines|sines|Rows"):
            _core.convolve_rows(rows, rows, *given, False, out, 1)
    with pytest.raises(ValueError, match="as many rows"):
        _core.convolve_rows(rows, vectors(3, 400), *tables, False, out, 1)
    with pytest.raises(ValueError, match="as long"):
        _core.convolve_rows(vectors(2, 399), rows, *tables, False, out, 1)
