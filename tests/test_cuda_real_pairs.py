# SPDX-License-Identifier: Apache-2.0
"""Real vectors met as wholes on a GPU: convolutions, products of matrices, cosines of all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference_reals
from gpu_tools import needs_gpu
from hypersketch import _device
from hypersketch._device_array import Passing

pytestmark = needs_gpu

Floats = NDArray[np.float32]


def vectors(n: int, dim: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


class Call:
    """Arrays of a call on a GPU."""

    def __init__(self) -> None:
        self.passing, self.module = Passing(0, 0), _device.module()

    def span(self, array: Any) -> Any:
        return self.passing.span(np.ascontiguousarray(array))

    def host(self, span: Any, dtype: Any) -> Any:
        found = np.empty(span.n, dtype)
        span.to_host(found.view(np.uint8))
        return found

    def convolved(self, a: Floats, b: Floats, correlate: bool) -> tuple[bool, Floats]:
        dim = a.shape[-1]
        out = self.passing.empty(max(a.size, b.size), np.float32)
        good = self.module.convolve_rows(self.span(a), self.span(b), dim, correlate, out)
        return good, self.host(out, np.float32).reshape(-1, dim)

    def multiplied(self, a: Floats, b: Floats, turned: bool) -> tuple[bool, Floats]:
        dim = a.shape[-1]
        out = self.passing.empty(max(a.size, b.size), np.float32)
        side = round(dim**0.5)
        good = self.module.multiply_matrices(self.span(a), self.span(b), side, turned, out)
        return good, self.host(out, np.float32).reshape(-1, dim)

    def cosines(self, a: Floats, b: Floats) -> NDArray[np.float64]:
        out = self.passing.empty(len(a) * len(b), np.float64)
        self.module.all_cosines(self.span(a), self.span(b), a.shape[1], out)
        made: NDArray[np.float64] = self.host(out, np.float64).reshape(len(a), len(b))
        return made


@pytest.mark.parametrize("dim", [1, 2, 7, 255, 256, 300, 1025, 1300])
@pytest.mark.parametrize("correlate", [False, True])
def test_convolutions_are_sums_in_order(dim: int, correlate: bool) -> None:
    a, b = vectors(2, dim, 1), vectors(2, dim, 2)
    expected = [
        reference_reals.convolved(x, y, correlate).astype(np.float32) for x, y in zip(a, b, strict=True)
    ]
    good, found = Call().convolved(a, b, correlate)
    assert good
    assert found.tobytes() == np.stack(expected).tobytes()
    assert Call().convolved(a[:1], b, correlate)[1][0].tobytes() == expected[0].tobytes()
    assert Call().convolved(a, b[1:], correlate)[1][1].tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("side", [1, 3, 16, 17, 35])
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_matrices_are_sums_in_order(side: int, turned: bool) -> None:
    a, b, factor = vectors(3, side**2, 3), vectors(3, side**2, 4), float(np.sqrt(side))
    expected = np.stack(
        [factor * reference_reals.multiplied(x, y, turned) for x, y in zip(a, b, strict=True)]
    ).astype(np.float32)
    good, found = Call().multiplied(a, b, turned)
    assert good
    assert found.tobytes() == expected.tobytes()
    assert Call().multiplied(a[:1], b, turned)[1][0].tobytes() == expected[0].tobytes()
    assert Call().multiplied(a, b[2:], turned)[1][2].tobytes() == expected[2].tobytes()


@pytest.mark.parametrize(("n", "n_others", "width"), [(1, 1, 1), (3, 70, 5), (65, 2, 513), (2, 3, 1100)])
def test_cosines_of_all_pairs(n: int, n_others: int, width: int) -> None:
    a, b = vectors(n, width, 5), vectors(n_others, width, 6)
    b[-1] *= np.float32(1e-20)  # whose square single precision does not have
    a[1:2] = 0
    found = Call().cosines(a, b)
    bound = reference_reals.cosine_error(width, np.float64)
    assert np.abs(found - reference_reals.cosines(a, b)).max() <= bound
    assert not found[1:2].any()
    assert Call().cosines(a, a)[0, 0] == pytest.approx(1, abs=bound)
    assert Call().cosines(a[:0], b).shape == (0, n_others)


def test_what_is_not_finite_is_said() -> None:
    rows = vectors(2, 9, 7)
    for strange in (np.nan, np.inf, np.float32(3e38)):
        given = rows.copy()
        given[1, 4] = strange
        for one, other in ((given, rows * 10), (rows * 10, given)):
            assert not Call().convolved(one, other, False)[0]
            assert not Call().multiplied(one, other, False)[0]
    assert Call().convolved(rows[:0], rows[:0], True)[0]
    assert Call().multiplied(rows[:0], rows[:0], True)[0]


def test_sizes_must_fit() -> None:
    call, rows = Call(), vectors(2, 9, 8)
    a, b, out = call.span(rows), call.span(rows), call.span(rows[0])
    with pytest.raises(ValueError, match="out must have one row a pair"):
        call.module.convolve_rows(a, b, 9, False, out)
    with pytest.raises(ValueError, match="Vectors must be whole rows"):
        call.module.convolve_rows(a, b, 5, False, out)
    with pytest.raises(ValueError, match="out must have one row a pair"):
        call.module.multiply_matrices(a, b, 3, False, out)
    with pytest.raises(ValueError, match="out must have one element for each row of a and row of b"):
        call.module.all_cosines(a, b, 9, out)
    with pytest.raises(ValueError, match="too long to be convolved without a transform"):
        call.module.convolve_rows(a, b, 2**26 + 1, False, out)
