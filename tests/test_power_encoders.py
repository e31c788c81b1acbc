# SPDX-License-Identifier: Apache-2.0
"""Fractional powers, densities, cells and collapses: their definitions and stated kernels."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from hypersketch import vsa
from hypersketch.vsa.encoders import (
    CellEncoder,
    CollapseEncoder,
    DensityEncoder,
    FractionalPowerEncoder,
    RecordEncoder,
    ThermometerEncoder,
)

SIGMAS = 5.0


def rows(n: int = 12, features: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(1.0, 1.0, (n, features))


# ---- fractional powers

SHAPES = ["sinc", "gaussian", "laplacian", "cauchy"]


@pytest.mark.parametrize("dim", [1, 2, 5, 64, 65])
def test_powers_add_by_binding(dim: int) -> None:
    for space in (vsa.FHRR(dim), vsa.HRR(dim), vsa.HRR(dim, spectral=True)):
        for shape in SHAPES:
            encoder = FractionalPowerEncoder(space, 2, shape, bandwidth=0.7)
            x, y = rows(6, 2), rows(6, 2, seed=1)
            bound = space.bind(encoder.encode(x), encoder.encode(y))
            # Angles lose 2^-23 turns as float32, products of phasors a few units more; spectra sum D of them.
            assert np.abs(bound - encoder.encode(x + y)).max() < 1e-5
            assert np.abs(encoder.encode(np.zeros((1, 2)))[0] - space.identity()).max() < 1e-6
            assert np.allclose(space.similarity(encoder.encode(x), encoder.encode(x)), 1, atol=1e-5)


def test_powers_are_their_definition() -> None:
    encoder = FractionalPowerEncoder(vsa.FHRR(50), 3, "gaussian", bandwidth=2.0, seed=9)
    expected = np.exp(1j * (rows(4, 3) / 2 @ encoder.angles))
    assert np.abs(encoder.encode(rows(4, 3)) - expected).max() < 1e-6
    plain, spectral = vsa.HRR(51), vsa.HRR(51, spectral=True)
    found = FractionalPowerEncoder(spectral, 3).encode(rows(4, 3))
    assert found.shape == (4, 26)
    assert (found[:, 0] == 1).all()
    assert (
        np.abs(plain.from_spectral(found) - FractionalPowerEncoder(plain, 3).encode(rows(4, 3))).max() < 1e-6
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "space", [vsa.FHRR(8192), vsa.HRR(8192), vsa.HRR(8191), vsa.HRR(8192, spectral=True)]
)
def test_powers_have_the_kernel(space: Any, shape: Any) -> None:
    encoder = FractionalPowerEncoder(space, 1, shape, bandwidth=2.0)
    x = np.zeros(60)
    y = np.linspace(0, 9, 60)
    found = space.similarity(encoder.encode(x), encoder.encode(y))
    t = y / 2
    k, double = encoder._characteristic(t), encoder._characteristic(2 * t)
    variance = ((1 + double) / 2 - k**2) / 8191 * (1 if isinstance(space, vsa.FHRR) else 2)
    assert (np.abs(found - encoder.kernel(x, y)) <= SIGMAS * np.sqrt(np.maximum(variance, 0)) + 1e-5).all()
    two = FractionalPowerEncoder(space, 2, shape)
    a, b = rows(20, 2), rows(20, 2, seed=3)
    found = space.similarity(two.encode(a), two.encode(b))
    assert np.abs(found - two.kernel(a, b)).max() <= SIGMAS * math.sqrt(2 / 8191)
    assert two.kernel(a, b) == pytest.approx(
        (two._n_real + (space.dim - two._n_real) * two._characteristic(a - b).prod(axis=1)) / space.dim
    )


def triangular_quantiles(u: Any) -> Any:
    """Angles in (-1, 1), more of them near 0; their characteristic function is (sin(t / 2) / (t / 2))^2."""
    return np.where(u < 0.5, np.sqrt(2 * u) - 1, 1 - np.sqrt(2 * (1 - u)))


def test_kernels_of_ones_own() -> None:
    space = vsa.FHRR(8192)
    encoder = FractionalPowerEncoder(space, kernel_shape=triangular_quantiles)
    t = np.linspace(0, 12, 50)
    expected = np.sinc(t / 2 / math.pi) ** 2
    assert np.abs(encoder.kernel(0, t) - expected).max() < 1e-6
    found = space.similarity(encoder.encode(0), encoder.encode(t))
    assert np.abs(found - expected).max() < SIGMAS * math.sqrt(0.5 / 8192)
    assert pickle.loads(pickle.dumps(encoder)) == encoder


def test_powers_in_records_come_back() -> None:
    space = vsa.FHRR(4096)
    record = RecordEncoder(space, ["x", "y"], FractionalPowerEncoder(space, kernel_shape="gaussian"))
    made = record.encode([[1.5, -2.0], [0.25, 3.0]])
    grid = np.linspace(-4, 4, 33)
    assert np.abs(record.decode(made, "x", candidates=grid) - [1.5, 0.25]).max() <= 0.25
    assert np.abs(record.decode(made, "y", candidates=grid) - [-2, 3]).max() <= 0.25


# ---- densities


def test_densities_are_records_of_thermometers() -> None:
    values = np.random.default_rng(1).random((6, 4))
    for space in (vsa.MapI(300), vsa.BSC(300), vsa.MapC(300), vsa.FHRR(300), vsa.MCR(300)):
        encoder = DensityEncoder(space, 0, 1, features=4)
        record = RecordEncoder(space, 4, ThermometerEncoder(space, 0, 1))
        assert np.array_equal(encoder.encode(values), record.encode(values))
        assert encoder.levels == 301
    sums = DensityEncoder(vsa.MapI(300), features=4).encode(values)
    clipped = DensityEncoder(vsa.MapI(300), features=4, clip=2).encode(values)
    assert np.array_equal(clipped, np.clip(sums, -2, 2))


def test_the_kernel_of_densities() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((30, 21))
    y = np.clip(x + rng.normal(0, 0.4, x.shape), 0, 1)
    for space in (vsa.MapI(5000), vsa.BSC(5000)):
        encoder = DensityEncoder(space, features=21)
        a, b = encoder.encode(x), encoder.encode(y)
        found = space.similarity(a, b) / np.sqrt(space.similarity(a, a) * space.similarity(b, b))
        assert np.abs(found - encoder.kernel(x, y)).max() <= SIGMAS * math.sqrt(2 / 5000)
    linear = 1 - 2 * np.abs(x - y).mean(axis=1)
    assert np.abs(DensityEncoder(vsa.MapI(5000), features=21).kernel(x, y) - linear).max() < 2 / 5000
    encoder = DensityEncoder(vsa.MapI(5000), 0, 10, levels=11, features=3)
    assert encoder.decode(encoder.encode([[2, 5, 9], [7, 1, 4]]), 1).tolist() == [5, 1]


# ---- cells and collapses


def test_cells_are_bundles() -> None:
    cells = [(0, 2), (1, 3), (1, 4), (0, 1, 5)]
    for name in sorted(vsa.by_name.NAMES):
        space = vsa.space(name, 256)
        encoder = CellEncoder(space, cells)
        inside = {0.5: [0, 3], 1.5: [0, 1, 2], 3.5: [2], 5.0: [3]}
        found = encoder.encode(list(inside))
        for row, which in zip(found, inside.values(), strict=True):
            assert np.array_equal(row, space.superpose(encoder.atoms[which]))
    space = vsa.MapI(5000)
    encoder = CellEncoder.overlapping(space, -1, 1, n_cells=12, overlap=4)
    grid = np.linspace(-1, 1, 41)
    assert (encoder.holding(grid).sum(axis=1) == 4).all()
    sums = encoder.encode(grid)
    expected = 4 * encoder.kernel(np.repeat(grid, 41), np.tile(grid, 41)).reshape(41, 41)
    spread = np.sqrt((16 + expected**2 - 2 * expected) / 5000)
    assert (np.abs(space.similarities(sums, sums) - expected) <= SIGMAS * spread).all()


def test_collapses_keep_distances() -> None:
    space = vsa.BSC(20_000)
    encoder = CollapseEncoder(space)
    x = np.random.default_rng(4).random((10, 20_000))
    y = np.random.default_rng(5).random((10, 20_000)) ** 2
    kernel = encoder.kernel(x, y)
    found = space.similarity(encoder.encode(x), encoder.encode(y))
    assert np.abs(found - kernel).max() < SIGMAS / math.sqrt(20_000)
    assert not encoder.encode(np.zeros((1, 20_000))).any()
    assert space.unpack(encoder.encode(np.ones((1, 20_000)))).all()


def test_fields_of_other_kinds() -> None:
    values = [[0.5], [1.5], [0.5]]
    for space in (vsa.BSC(500), vsa.MapC(500)):
        for one in (CellEncoder(space, [(0, 1), (0, 2), (1, 2)]), DensityEncoder(space, 0, 2)):
            found = RecordEncoder(space, 1, one).encode(values)
            role = RecordEncoder(space, 1, one).roles[0]
            given = values if isinstance(one, DensityEncoder) else np.ravel(values)
            expected = space.bind(one.encode(given), role)
            assert np.allclose(found, expected, rtol=0, atol=1e-6)
    sums = CellEncoder(vsa.MapI(64), [(0, 1)])
    with pytest.raises(TypeError, match="binds packed vectors of MapI"):
        RecordEncoder(vsa.MapI(64), 1, sums).encode([[0.5]])
