# SPDX-License-Identifier: Apache-2.0
"""Real spaces on a GPU against the CPU: bits where no row is summed, else within a bound."""

from __future__ import annotations

import contextlib
import math
import sys
import types
from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu, on_gpu, same_bits
from hypersketch import cuda
from hypersketch.vsa import FHRR, HRR, MBAT, TVTB, VTB, MapC

pytestmark = needs_gpu

DIMS = [1, 2, 3, 64, 65, 1001]


def spaces(dim: int) -> list[Any]:
    return [FHRR(dim, 4), FHRR(dim, 4, phase_only=False), HRR(dim, 4, spectral=True), MapC(dim, 4)]


def matrix_spaces(dim: int) -> list[Any]:
    return [MBAT(dim, 4), *([VTB(dim, 4), TVTB(dim, 4)] if math.isqrt(dim) ** 2 == dim else [])]


@pytest.mark.parametrize("dim", DIMS)
def test_atoms(dim: int) -> None:
    keys = np.arange(3000 if dim < 100 else 100)  # every branch of the logarithm
    for space in (FHRR(dim, seed=4), HRR(dim, seed=4), MapC(dim, seed=4), *matrix_spaces(dim)):
        assert same_bits(space.atoms(on_gpu(keys)), space.atoms(keys))
        assert same_bits(space.atoms(on_gpu(keys[:0])), space.atoms(keys[:0]))


@pytest.mark.parametrize("dim", DIMS)
def test_products_and_quotients(dim: int) -> None:
    for space in [*spaces(dim), MBAT(dim, 4)]:
        a, b = space.atoms(range(9)), space.atoms(range(9, 18))
        b[3], b[4], b[5] = 0, space.identity(), -space.identity()
        for left, right in ((a, b), (a[0], b), (a, b[0]), (a[0], b[0]), (a[:0], b[:0])):
            assert same_bits(space.bind(on_gpu(left), on_gpu(right)), space.bind(left, right))
            assert same_bits(space.unbind(on_gpu(left), on_gpu(right)), space.unbind(left, right))


def test_permutations_of_many_entries() -> None:
    space = MBAT(400_000, 2**64 - 2)  # of which two are drawn at once
    a, b = space.atoms(range(3)), space.atoms(range(3, 6))
    b[1] = space.identity()
    for left, right in ((a, b), (a[0], b), (a, b[0])):
        bound = space.bind(left, right)
        assert same_bits(space.bind(on_gpu(left), on_gpu(right)), bound)
        assert same_bits(space.unbind(on_gpu(bound), on_gpu(right)), space.unbind(bound, right))


@pytest.mark.parametrize("side", [1, 2, 15, 16, 17, 40])
def test_products_of_matrices(side: int) -> None:
    n_terms, root = side + 3, np.sqrt(side)
    for space in (VTB(side * side, 4), TVTB(side * side, 4)):
        a, b = space.atoms(range(5)), space.atoms(range(5, 10))
        b[3] = 0
        for method in ("bind", "unbind"):
            for left, right in ((a, b), (a[0], b), (a, b[0]), (a[0], b[0]), (a[:0], b[:0])):
                found = getattr(space, method)(on_gpu(left), on_gpu(right))
                assert isinstance(found, cuda.DeviceArray)
                ours, theirs = np.asarray(found), getattr(space, method)(left, right)
                assert ours.dtype == theirs.dtype
                assert ours.shape == theirs.shape
                x, y = (one.reshape(-1, side, side).astype(np.float64) for one in (left, right))
                if isinstance(space, TVTB) == (method == "unbind"):
                    y = y.swapaxes(-1, -2)
                exact, sizes = (root * (p @ q) for p, q in ((x, y), (abs(x), abs(y))))
                # sums of double precision in two orders, then a rounding; on the CPU all in single precision
                bound = 2 * n_terms * 2.0**-53 * sizes
                assert (
                    abs(ours.reshape(exact.shape) - exact) <= bound + 2.0**-24 * (abs(exact) + bound)
                ).all()
                single = 1.01 * (n_terms + 1) * 2.0**-24 * sizes
                assert (abs(ours - theirs) <= single.reshape(ours.shape)).all()


@pytest.mark.parametrize("dim", DIMS)
def test_sums_and_cosines(dim: int) -> None:
    for space in [*spaces(dim), *matrix_spaces(dim)]:
        rows = space.atoms(range(40))
        weights = np.linspace(-1, 2, 40)
        for how in (
            {},
            {"weights": weights},
            {"starts": [0, 3, 40]},
            {"weights": weights, "starts": [1, 3, 30]},
        ):
            ours, theirs = np.asarray(space.superpose(on_gpu(rows), **how)), space.superpose(rows, **how)
            if space in (FHRR(dim, 4), MapC(dim, 4)):
                assert same_bits(ours, theirs)
            else:  # a length in another order, then one rounding to single precision
                largest = np.abs(theirs).max()
                assert np.abs(ours - theirs).max() <= (2 * dim * 2.0**-53 + 2.0**-23) * largest
        other = space.atoms(range(40, 80))
        bound = 8 * dim * 2.0**-53 + 2.0**-50
        for left, right in ((rows, other), (rows[0], other), (rows, rows), (0 * rows, other)):
            found = np.asarray(space.similarity(on_gpu(left), on_gpu(right)))
            assert np.abs(found - space.similarity(left, right)).max() <= bound


def test_what_does_not_fit_is_refused() -> None:
    space = FHRR(8)
    rows = on_gpu(space.atoms(range(3)))
    infinite = on_gpu(np.full(8, np.inf, np.complex64))
    ones = on_gpu(MapC(8).identity())
    matrix, huge = on_gpu(VTB(4).identity()), on_gpu(np.full(4, 1e30, np.float32))
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "finite", lambda: space.bind(rows, infinite)),
        (ValueError, "finite", lambda: space.unbind(rows, infinite)),
        (ValueError, "finite", lambda: MapC(8).bind(on_gpu(np.full(8, np.nan, np.float32)), ones)),
        (ValueError, "finite", lambda: space.superpose(infinite)),
        (ValueError, "finite", lambda: space.similarity(rows, infinite)),
        (ValueError, "finite", lambda: VTB(4).bind(matrix, on_gpu(np.full(4, np.nan, np.float32)))),
        (ValueError, "too large", lambda: TVTB(4).unbind(huge, huge)),
        (ValueError, "has the shape", lambda: VTB(9).bind(matrix, matrix)),
        (TypeError, "on a GPU", lambda: VTB(4).bind(matrix, VTB(4).identity())),
        (ValueError, "finite", lambda: MBAT(4).bind(matrix, on_gpu(np.full(4, np.inf, np.float32)))),
        (ValueError, "finite", lambda: MBAT(4).unbind(on_gpu(np.full(4, np.nan, np.float32)), matrix)),
        (TypeError, "complex64", lambda: space.bind(rows, on_gpu(np.zeros(8, np.float32)))),
        (TypeError, "on a GPU", lambda: space.bind(rows, space.atoms("a"))),
        (ValueError, "shape", lambda: space.bind(rows, on_gpu(np.zeros(7, np.complex64)))),
        (ValueError, "one GPU", lambda: space.bind(rows, on_gpu(space.atoms("a"), 1))),
        (
            TypeError,
            "PyTorch or CuPy",
            lambda: HRR(8).bind(on_gpu(HRR(8).atoms("a")), on_gpu(HRR(8).atoms("b"))),
        ),
        (ValueError, "at least one vector", lambda: space.superpose(rows, starts=[0, 0, 3])),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()


# ---- the FFT of the library whose arrays they are


class Array:
    """An array of a library that calls itself CuPy."""

    def __init__(self, array: cuda.DeviceArray) -> None:
        self.array = array
        self.shape = array.shape

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.array.__cuda_array_interface__


Array.__module__ = "cupy"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = types.ModuleType("cupy")
    stream = types.SimpleNamespace(ptr=0)
    made.cuda = types.SimpleNamespace(
        Device=lambda _: contextlib.nullcontext(), get_current_stream=lambda: stream
    )
    made.empty = lambda shape, name: Array(cuda.DeviceArray.empty(shape, name, 0))

    def rfft(array: Array) -> Array:
        return Array(on_gpu(np.fft.rfft(np.asarray(array.array)).astype(np.complex64)))

    def irfft(array: Array, n: int) -> Array:
        return Array(on_gpu(np.fft.irfft(np.asarray(array.array), n=n).astype(np.float32)))

    made.fft = types.SimpleNamespace(rfft=rfft, irfft=irfft)
    monkeypatch.setitem(sys.modules, "cupy", made)


@pytest.mark.parametrize("dim", [1, 64, 65])
def test_real_vectors_meet_by_their_spectra(library: None, dim: int) -> None:
    plain, spectral = HRR(dim, 4), HRR(dim, 4, spectral=True)
    a, b = plain.atoms(range(5)), plain.atoms(range(5, 10))
    ours, others = Array(on_gpu(a)), Array(on_gpu(b))
    bound = 2.0**-20  # of single precision, for numbers below 1
    for made, expected in (
        (plain.bind(ours, others), plain.bind(a, b)),
        (plain.unbind(ours, others), plain.unbind(a, b)),
        (plain.from_spectral(plain.to_spectral(ours)), a),
        (
            spectral.bind(plain.to_spectral(ours), plain.to_spectral(others)),
            spectral._spectra(plain.bind(a, b)),
        ),
    ):
        assert isinstance(made, Array)
        assert np.abs(np.asarray(made.array) - expected).max() < bound * max(1, dim) ** 0.5
