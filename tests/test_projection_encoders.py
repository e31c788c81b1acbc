# SPDX-License-Identifier: Apache-2.0
"""Projections, waves, powers, densities, cells and collapses: their definitions and stated kernels."""

from __future__ import annotations

import copy
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
    FourierEncoder,
    FractionalPowerEncoder,
    ProjectionEncoder,
    RecordEncoder,
    SinusoidEncoder,
    ThermometerEncoder,
)
from hypersketch.vsa.encoders.projection import uniform_of_normal
from hypersketch.vsa.encoders.sinusoid import triangular

SIGMAS = 5.0
BINARY = [vsa.MapI, vsa.MapB, vsa.BSC, vsa.MapT]
REAL = [vsa.MapC, vsa.HRR, vsa.TVTB, vsa.MBAT]
ROWS = [ProjectionEncoder, FourierEncoder, SinusoidEncoder]


def rows(n: int = 12, features: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(1.0, 1.0, (n, features))


def signs(space: Any, vectors: Any) -> Any:
    found = space.unpack(vectors).astype(int)
    return 1 - 2 * found if isinstance(space, vsa.BSC) else found


# ---- definitions


def entries_of(encoder: Any, values: Any) -> Any:
    """What the notes of the class say, in double precision."""
    x = values / (1 if isinstance(encoder, ProjectionEncoder) else encoder.bandwidth)
    products = x @ encoder.directions.astype(np.float64)
    if isinstance(encoder, ProjectionEncoder):
        return products
    angles = encoder._angles.astype(np.float64)
    if isinstance(encoder, FourierEncoder):
        return np.cos(products + angles)
    return np.cos(products + angles) * np.sin(products)


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("dim", [1, 63, 64, 65, 400])
def test_rows_are_encoded_by_their_definition(kind: Any, dim: int) -> None:
    values = rows()
    for space in [one(dim) for one in BINARY] + [vsa.HRR(dim), vsa.MBAT(dim)]:
        encoder = kind(space, 5)
        expected = entries_of(encoder, values)
        found = encoder.encode(values)
        clear = np.abs(expected) > 1e-4  # of a few units of 2^-24, of numbers up to some tens
        if found.dtype == np.uint64:
            assert found.shape == (12, space.width)
            assert np.array_equal(signs(space, found)[clear], np.sign(expected[clear]))
            assert clear.mean() > 0.99
        else:
            lengths = np.linalg.norm(expected, axis=1, keepdims=True)
            assert np.abs(found - expected / lengths).max() < 1e-5 / min(1.0, lengths.min())


def test_entries_of_mapc() -> None:
    space = vsa.MapC(500)
    values = rows()
    encoder = ProjectionEncoder(space, 5)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    expected = np.vectorize(math.erf)(entries_of(encoder, values) / lengths / math.sqrt(2))
    assert np.abs(encoder.encode(values) - expected).max() < 1e-6
    for kind in (FourierEncoder, SinusoidEncoder):
        encoder = kind(space, 5, bandwidth=2.0)
        assert np.abs(encoder.encode(values) - entries_of(encoder, values)).max() < 1e-5


def test_the_approximation_of_erf() -> None:
    z = np.linspace(-8, 8, 4001).astype(np.float32)
    exact = np.vectorize(math.erf)(z / math.sqrt(2))
    assert np.abs(uniform_of_normal(z) - exact).max() < 1.5e-7 + 8 * 2**-24


def test_directions_are_normal_and_belong_to_features() -> None:
    wide = ProjectionEncoder(vsa.BSC(4000), 50).directions
    assert np.array_equal(wide[:7], ProjectionEncoder(vsa.BSC(4000), 7).directions)
    n = wide.size
    assert abs(wide.mean()) < SIGMAS / math.sqrt(n)
    assert abs(wide.var() - 1) < SIGMAS * math.sqrt(2 / n)
    assert abs((wide**4).mean() - 3) < SIGMAS * math.sqrt(96 / n)


# ---- kernels


def standard_error(space: Any, x: Any, y: Any, found: Any) -> Any:
    """The standard deviation of a cosine of D independent pairs of entries, estimated from them."""
    # The delta method, of a mean of products over the root of the means of squares.
    a, b = (one.astype(np.float64) for one in (x, y))
    a, b = (one / np.sqrt(np.square(one).mean(axis=1, keepdims=True)) for one in (a, b))
    influence = a * b - found[:, np.newaxis] / 2 * (a * a + b * b)
    return influence.std(axis=1) / math.sqrt(a.shape[1])


def pairs_at_all_distances(features: int) -> Any:
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1.5, (40, features))
    return x, x + rng.normal(0, 1, x.shape) * np.geomspace(0.01, 3, 40)[:, np.newaxis]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("space_kind", [*BINARY, *REAL])
def test_similarities_have_the_kernel(kind: Any, space_kind: Any) -> None:
    space = space_kind(90**2)
    x, y = pairs_at_all_distances(3)
    encoder = kind(space, 3) if kind is ProjectionEncoder else kind(space, 3, bandwidth=1.5)
    kernel = encoder.kernel(x, y)
    a, b = encoder.encode(x), encoder.encode(y)
    found = space.similarity(a, b)
    if space_kind in BINARY:
        spread = np.sqrt((1 - kernel**2) / space.dim)
    else:
        spread = standard_error(space, a, b, found)
    # Expectations of cosines are off by a few over D; the lattice rule of sinusoids by 1e-3.
    assert (
        np.abs(found - kernel) <= SIGMAS * spread + 4 / space.dim + 1e-3 * (kind is SinusoidEncoder)
    ).all()
    assert np.abs((found - kernel) / np.maximum(spread, 1 / space.dim)).mean() < 2


def test_the_averaged_triangular_wave() -> None:
    z = np.linspace(-9, 9, 200_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    for variance in (0.0, 1e-6, 0.1, 0.249, 0.25, 1.0, 4.0, 100.0):
        angle = np.abs(np.mod(z * math.sqrt(variance) + math.pi, 2 * math.pi) - math.pi)
        expected = (density * (1 - 2 * angle / math.pi)).sum()
        assert triangular(np.array([variance]))[0] == pytest.approx(expected, abs=1e-7)


def test_kernels_far_from_each_other() -> None:
    far = [[0.0, 50.0]], [[90.0, 0.0]]
    assert SinusoidEncoder(vsa.BSC(64), 2).kernel(*far) == pytest.approx(1 / 3, abs=1e-3)
    assert SinusoidEncoder(vsa.HRR(64), 2).kernel(*far) == pytest.approx(0.5)
    assert FourierEncoder(vsa.BSC(64), 2).kernel(*far) == pytest.approx(0, abs=1e-12)
    assert np.isnan(ProjectionEncoder(vsa.BSC(64), 2).kernel([0, 0], [1, 0]))


def test_only_directions_count_in_projections() -> None:
    encoder = ProjectionEncoder(vsa.BSC(300), 5)
    values = rows()
    for factor in (1e-300, 3.0, 1e300):
        assert np.array_equal(encoder.encode(values * factor), encoder.encode(values))
    assert not encoder.encode(np.zeros((1, 5))).any()


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


# ---- values, objects, refusals


def test_forms_of_rows() -> None:
    for encoder in (ProjectionEncoder(vsa.BSC(64), 3), FractionalPowerEncoder(vsa.FHRR(64), 3)):
        values = np.arange(6.0).reshape(2, 3)
        expected = encoder.encode(values)
        for other in (
            values.tolist(),
            values.astype(np.int32),
            np.asfortranarray(values),
            values.astype(np.float32),
        ):
            assert np.array_equal(encoder.encode(other), expected)
        assert np.array_equal(encoder.encode(values[1]), expected[1:])
        assert encoder.encode(np.empty((0, 3))).shape == (0, expected.shape[1])
    one = FractionalPowerEncoder(vsa.FHRR(64))
    assert np.array_equal(one.encode([1, 2]), one.encode([[1], [2]]))
    assert np.array_equal(one.encode(2), one.encode([2]))


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = [lambda: ProjectionEncoder(vsa.BSC(130), 5), lambda: FourierEncoder(vsa.MapC(130), 5)]
    whole = [make().encode(rows(40)) for make in makers]
    monkeypatch.setattr(vsa.encoders._projecting, "_AT_ONCE", 1000)
    monkeypatch.setattr(vsa.encoders._base.pieces, "__defaults__", (300,))
    for make, expected in zip(makers, whole, strict=True):
        found = make().encode(rows(40))
        if found.dtype == np.uint64:
            assert np.bitwise_count(found ^ expected).sum() <= 2  # products may be rounded otherwise
        else:
            assert np.abs(found - expected).max() < 1e-5


def objects() -> list[Any]:
    space = vsa.MapB(65)
    return [
        ProjectionEncoder(space, 3, seed=1),
        FourierEncoder(space, 3, bandwidth=2.0),
        SinusoidEncoder(space, 3, seed=5),
        FractionalPowerEncoder(vsa.HRR(65), 3, "cauchy", 2.0),
        DensityEncoder(space, features=3, outside="raise"),
        CellEncoder(space, [(0, 1), (1, 2, 7)]),
        CollapseEncoder(space, seed=3),
    ]


def test_encoders_are_values() -> None:
    scope = {**vars(vsa), **vars(vsa.encoders)}
    for one, same in zip(objects(), objects(), strict=True):
        assert (one, hash(one)) == (same, hash(same))
        assert eval(repr(one), scope) == one
        one.encode(0.5 if isinstance(one, CellEncoder) else np.full((1, getattr(one, "features", 65)), 0.5))
        assert len(vars(one)) > len(one.__getstate__())  # what is precomputed stays at home
        for copied in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert copied == one
            assert len(vars(copied)) == len(one.__getstate__())


BSC = vsa.BSC(64)
NAN = float("nan")
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: ProjectionEncoder(vsa.CGR(64), 3), TypeError, "MapC, HRR, VTB, TVTB or MBAT"),
    (lambda: ProjectionEncoder(vsa.FHRR(64), 3), TypeError, "MapC, HRR, VTB, TVTB or MBAT"),
    (lambda: ProjectionEncoder(BSC, 0), ValueError, "features"),
    (
        lambda: ProjectionEncoder(BSC, 3).encode([[1, 2]]),
        ValueError,
        r"\(1, 2\) but ProjectionEncoder.encode needs \(n, 3\)",
    ),
    (lambda: ProjectionEncoder(BSC, 3).encode([1, 2]), ValueError, r"needs \(n, 3\)"),
    (lambda: ProjectionEncoder(BSC, 2).encode([[1, NAN]]), ValueError, "NaN or infinity"),
    (lambda: ProjectionEncoder(BSC, 2).encode([["a", "b"]]), TypeError, "real numbers"),
    (lambda: ProjectionEncoder(BSC, 2).encode(np.zeros((1, 1, 2))), ValueError, "3 axes"),
    (lambda: ProjectionEncoder(BSC, 2).kernel([[1, 2]] * 2, [[1, 2]] * 3), ValueError, "2 rows but b has 3"),
    (lambda: FourierEncoder(BSC, 2, bandwidth=-1), ValueError, "> 0"),
    (lambda: FourierEncoder(BSC, 1).encode([[1e39]]), ValueError, "float32 holds"),
    (lambda: FractionalPowerEncoder(BSC), TypeError, "a FHRR, HRR: powers need phasors"),
    (lambda: FractionalPowerEncoder(vsa.HRR(9), kernel_shape="box"), ValueError, "'sinc', 'gaussian'"),
    (lambda: FractionalPowerEncoder(vsa.HRR(9)).encode([1e15]), ValueError, "2\\*\\*40"),
    (lambda: FractionalPowerEncoder(vsa.HRR(9)).encode([[1, 2]]), ValueError, r"\(n, 1\)"),
    (
        lambda: FractionalPowerEncoder(vsa.HRR(9), kernel_shape=lambda u: u[0]).encode([1]),
        ValueError,
        "as many finite",
    ),
    (
        lambda: FractionalPowerEncoder(vsa.HRR(9)).decode(vsa.HRR(9).atoms("a"), []),
        ValueError,
        "one value or more",
    ),
    (lambda: DensityEncoder(vsa.HRR(64)), TypeError, "opposites"),
    (lambda: DensityEncoder(BSC, clip=2), ValueError, "None but in MapI"),
    (lambda: DensityEncoder(vsa.MapI(9), clip=0), ValueError, "clip"),
    (lambda: DensityEncoder(BSC, features=2, outside="raise").encode([[0, 2]]), ValueError, "Got 2.0"),
    (lambda: CellEncoder(BSC, []), ValueError, "a sequence of cells"),
    (lambda: CellEncoder(BSC, [(1, 1)]), ValueError, "low < high"),
    (lambda: CellEncoder(BSC, [(0, 2, 1)]), ValueError, "no longer than the period"),
    (lambda: CellEncoder(BSC, 5), TypeError, "a sequence of cells"),
    (lambda: CellEncoder(BSC, [(0, 1)]).encode([0.5, 2]), ValueError, "in the cells. Got 2.0"),
    (lambda: CellEncoder.overlapping(BSC, 1, 0), ValueError, "greater than low"),
    (lambda: CollapseEncoder(vsa.MapC(3)), TypeError, "its vectors are bits"),
    (lambda: CollapseEncoder(vsa.BSC(2)).encode([[0, 1.5]]), ValueError, r"\[0, 1\]. Got 1.5"),
    (lambda: CollapseEncoder(vsa.BSC(2)).encode([[0, 1, 0]]), ValueError, r"\(n, 2\)"),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_refusals(case: int) -> None:
    call, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        call()
