# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers by projections and waves: definitions and stated kernels; and what rows have in common."""

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
    SinusoidEncoder,
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
            assert (
                np.unpackbits((found ^ expected).view(np.uint8)).sum() <= 2
            )  # products may be rounded otherwise
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
