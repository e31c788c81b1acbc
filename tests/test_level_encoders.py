# SPDX-License-Identifier: Apache-2.0
"""Levels, thermometers, circles and keys: equal to their definitions, with the kernels that they state."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import reference_encoders as reference
from hypersketch import vsa
from hypersketch.vsa.encoders import (
    CircularEncoder,
    EmptyEncoder,
    IdentityEncoder,
    LevelEncoder,
    RandomEncoder,
    ThermometerEncoder,
)
from hypersketch.vsa.encoders._base import derived
from hypersketch.vsa.encoders._pieces import turns

NAMES = sorted(vsa.by_name.NAMES)
DIMS = [1, 63, 64, 65, 200]
SIGMAS = 5.0
"""Half width of intervals: a normal number leaves one once in two million."""


def grid(encoder: Any) -> np.ndarray:
    """The values of all levels."""
    return encoder._values_at(np.arange(encoder.levels))


# ---- definitions


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("bandwidth", [None, 3.0, 40.0])
def test_levels_are_their_definition(dim: int, bandwidth: float | None) -> None:
    for space in (vsa.MapB(dim), vsa.BSC(dim), vsa.FHRR(dim), vsa.CGR(dim)):
        encoder = LevelEncoder(space, -2, 8, levels=7, bandwidth=bandwidth)
        own = derived(space, "LevelEncoder", 0)
        spans = 1.0 if bandwidth is None else 10 / bandwidth
        anchors = [reference.entries(space, one) for one in own.atoms(np.arange(6))]
        for i, row in enumerate(encoder.table):
            expected = reference.interpolated(anchors, turns(own).tolist(), spans * i / 6, wraps=False)
            assert reference.entries(space, row) == expected


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n_anchors", [2, 3, 5])
def test_circles_are_their_definition(dim: int, n_anchors: int) -> None:
    for space in (vsa.MapI(dim), vsa.MapC(dim), vsa.MCR(dim)):
        encoder = CircularEncoder(space, period=9, levels=9, anchors=n_anchors)
        own = derived(space, "CircularEncoder", 0)
        anchors = [reference.entries(space, one) for one in own.atoms(np.arange(n_anchors))]
        for i, row in enumerate(encoder.table):
            expected = reference.interpolated(anchors, turns(own).tolist(), n_anchors * i / 9, wraps=True)
            assert reference.entries(space, row) == expected


@pytest.mark.parametrize("dim", DIMS)
def test_thermometers_turn_the_first_entries(dim: int) -> None:
    opposite = {"MapI": (1, -1), "BSC": (0, 1), "MapC": (1, -1), "FHRR": (1, -1), "MCR": (0, 32)}
    for kind in (vsa.MapI, vsa.BSC, vsa.MapC, vsa.FHRR, vsa.MCR):
        space = kind(dim)
        encoder = ThermometerEncoder(space, 0, 10, levels=11)
        plain, turned = opposite[kind.__name__]
        for i, row in enumerate(encoder.table):
            n = dim * i // 10
            assert reference.entries(space, row) == [turned] * n + [plain] * (dim - n)


def test_turns_are_spread_evenly() -> None:
    for dim in (1, 2, 1000):
        assert np.allclose(np.sort(turns(vsa.BSC(dim))), (np.arange(dim) + 0.5) / dim, rtol=0, atol=1e-12)


def test_levels_of_sparse_codes_have_as_many_ones() -> None:
    for variant in ("cdt", "s", "seg"):
        space = vsa.BSDC(2500, variant=variant)
        ones = space.unpack(LevelEncoder(space, levels=9).table).sum(axis=1)
        assert ones.max() <= 50
        assert ones.min() >= (50 if variant == "seg" else 45)  # others may fall together
        if variant == "seg":
            assert space.bind(space.atoms("a"), LevelEncoder(space, levels=9).table).shape == (9, space.width)


# ---- kernels

ENCODERS = {
    "level": lambda space, seed: LevelEncoder(space, 0, 10, levels=11, seed=seed),
    "narrow": lambda space, seed: LevelEncoder(space, 0, 10, levels=11, bandwidth=4, seed=seed),
    "circle": lambda space, seed: CircularEncoder(space, 11, 11, seed=seed),
    "fine circle": lambda space, seed: CircularEncoder(space, 11, 11, anchors=4, seed=seed),
}


def variance(space: Any, k: np.ndarray) -> np.ndarray:
    """What one entry adds to the variance of a similarity of which the share k is certain."""
    if isinstance(space, vsa.CGR):
        return (1 - k) / space.modulus * (1 - 1 / space.modulus)
    if isinstance(space, vsa.MCR):  # of 1 - 4 d / r with d uniform: 16 Var(d) / r^2
        distances = np.minimum(np.arange(space.modulus), space.modulus - np.arange(space.modulus))
        return (1 - k) * 16 * distances.var() / space.modulus**2
    if isinstance(space, vsa.FHRR):
        return (1 - k) / 2
    if isinstance(space, vsa.HRR | vsa.VTB | vsa.MBAT):
        return (1 - k) * (1 + 2 * k - k * k)  # first order of a cosine of normal numbers, some of them equal
    if isinstance(space, vsa.MapC):
        return k * (1 - k) ** 2 * 0.8 + (1 - k) * (1 + 0.4 * k * k)
    return 1 - k


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("bsdc")])
def test_similarities_have_the_kernel_and_its_variance(name: str, kind: str) -> None:
    space, repeats = vsa.space(name, 1024), 60
    n = 1024 // space.modulus if name == "b-sbc" else 1024
    encoder = ENCODERS[kind](space, 0)
    values = grid(encoder)
    kernel = encoder.kernel(values[:, np.newaxis], values)
    found = np.stack(
        [
            space.similarities(one.table, one.table)
            for one in (ENCODERS[kind](space, s) for s in range(repeats))
        ]
    )
    s = {"cgr": 1 / 64, "b-sbc": 1 / 64}.get(name, 0.0)
    share = (kernel - s) / (1 - s)
    spread = variance(space, share) / n
    rounding = 1.0 / n  # of how many entries differ
    bias = 2.0 / n  # second order of a cosine's expectation
    assert (
        np.abs(found.mean(axis=0) - kernel).max()
        <= SIGMAS * np.sqrt(spread.max() / repeats) + rounding + bias
    )
    # A sample variance of nearly normal numbers has a relative standard deviation of sqrt(2 / (repeats - 1)).
    # Of few entries that seldom coincide it has the excess kurtosis 1 / (n p) more.
    kurtosis = 64 / n if s else 0.0
    width = SIGMAS * np.sqrt(2 / (repeats - 1) + kurtosis / repeats)
    ratio = found.var(axis=0, ddof=1)[share < 0.75] / spread[share < 0.75]
    assert ratio.max() <= 1 + width + 0.1
    assert abs(ratio.mean() - 1) <= width


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("variant", ["cdt", "s", "seg"])
def test_kernels_of_sparse_codes(variant: Any, kind: str) -> None:
    space, repeats = vsa.BSDC(4096, variant=variant), 30
    values = grid(ENCODERS[kind](space, 0))
    kernel = ENCODERS[kind](space, 0).kernel(values[:, np.newaxis], values)
    tables = [ENCODERS[kind](space, seed).table for seed in range(repeats)]
    found = np.mean([space.similarities(table, table) for table in tables], axis=0)
    # 64 pieces change; places that fall together are a share of at most 1 / 64 twice over.
    assert np.abs(found - kernel).max() <= 1 / 64 + 2 / 64 + SIGMAS * np.sqrt(1 / 64 / 64 / repeats)


@pytest.mark.parametrize("kind", [vsa.MapI, vsa.BSC, vsa.MapC, vsa.FHRR, vsa.MCR])
@pytest.mark.parametrize("levels", [2, 11, None])
def test_the_kernel_of_thermometers_is_exact(kind: Any, levels: int | None) -> None:
    space = kind(130)
    encoder = ThermometerEncoder(space, 0, 10, levels=levels)
    assert encoder.levels == (levels or 131)
    values = grid(encoder)
    kernel = encoder.kernel(values[:, np.newaxis], values)
    assert np.abs(space.similarities(encoder.table, encoder.table) - kernel).max() < 1e-6
    linear = 1 - 2 * np.abs(values[:, np.newaxis] - values) / 10
    assert np.abs(kernel - linear).max() < 2 / 130


@pytest.mark.parametrize("name", NAMES)
def test_atoms_of_keys_are_strangers(name: str) -> None:
    space = vsa.space(name, 4096)
    encoder = RandomEncoder(space, seed=3)
    found = space.similarities(encoder.encode(range(30)), encoder.encode(range(30, 60)))
    mean = vsa.encoders._strangers.stranger_similarity(space)
    n = 64 if name == "b-sbc" or name.startswith("bsdc") else 4096
    one = max(mean * (1 - mean), 1 / 4096) if mean else 1.0  # the variance of one entry
    assert abs(found.mean() - mean) <= SIGMAS * np.sqrt(one / n / 900) + 0.1 * mean / 8


# ---- values


@pytest.mark.parametrize("name", NAMES)
def test_values_come_back(name: str) -> None:
    space = vsa.space(name, 1024)
    for encoder in (
        LevelEncoder(space, -5, 5, levels=11),
        LevelEncoder(space, -5, 5, levels=11, bandwidth=2),
        CircularEncoder(space, 24, 12, phase=-3),
        RandomEncoder(space, categories=range(20)),
    ):
        values = np.arange(20) if isinstance(encoder, RandomEncoder) else grid(encoder)
        assert np.array_equal(encoder.decode(encoder.encode(values)), values)
        assert np.array_equal(encoder.decode(encoder.encode(values)[3]), values[3:4])


def test_values_are_rounded_to_the_nearest_level() -> None:
    encoder = LevelEncoder(vsa.BSC(64), 0, 1, levels=5)
    assert encoder.step == 0.25
    assert encoder.indices([0.12, 0.13, 0.62, 0.63]).tolist() == [0, 1, 2, 3]
    assert encoder.indices([-7, 7, np.inf, -np.inf]).tolist() == [0, 4, 4, 0]
    assert encoder.indices(0.5).shape == ()
    assert encoder.encode(0.5).shape == (1, 1)
    assert encoder.encode([]).shape == (0, 1)
    assert np.array_equal(encoder.encode(np.float32([0.3])), encoder.encode([0.25]))
    assert np.array_equal(encoder.encode(np.array([1, 0], np.uint8)), encoder.encode([1.0, 0.0]))
    wide = LevelEncoder(vsa.BSC(64), -1e308, 7e307, levels=3)
    assert wide.indices([-1e308, -1.5e307, 7e307]).tolist() == [0, 1, 2]


def test_circles_have_no_ends() -> None:
    encoder = CircularEncoder(vsa.BSC(64), 24, 24)
    assert encoder.indices([-1, 23.4, 23.6, 24, 48.2]).tolist() == [23, 23, 0, 0, 0]
    assert CircularEncoder(vsa.BSC(64), 24, 24, phase=6).indices([6, 5]).tolist() == [0, 23]


def test_keys_of_no_seed_are_those_of_the_space() -> None:
    space = vsa.BSC(100)
    assert np.array_equal(RandomEncoder(space).encode(["a", 5][:1]), space.atoms(["a"]))
    assert not np.array_equal(RandomEncoder(space, seed=0).encode(["a"]), space.atoms(["a"]))
    assert np.array_equal(IdentityEncoder(vsa.MapC(3)).encode("ab"), np.ones((1, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_empty_adds_nothing(name: str) -> None:
    space = vsa.space(name, 64)
    if name in ("map-b", "bsc", "cgr", "mcr", "b-sbc"):
        with pytest.raises(TypeError, match="which have a vector of zeros"):
            EmptyEncoder(space)
        return
    empty = EmptyEncoder(space).encode([1, 2])
    assert not empty.any()
    a = space.superpose(space.atoms(["a", "b"]))
    assert (space.similarity(a, empty) == 0).all()
    if name != "map-i":  # whose sums are added as numbers
        both = space.superpose(np.concatenate([space.atoms(["a", "b"]), empty]))
        assert np.allclose(both, a, rtol=0, atol=1e-6)


# ---- objects


def objects(seed: int = 0) -> list[Any]:
    space = vsa.BSC(100, seed)
    return [
        LevelEncoder(space, 0, 3, levels=4, bandwidth=2.0, outside="raise"),
        ThermometerEncoder(space, 0, 3),
        CircularEncoder(space, 5.0, levels=4, anchors=3, phase=0.5),
        RandomEncoder(space, categories=("a", "b"), seed=7),
        IdentityEncoder(space),
    ]


def test_encoders_are_values() -> None:
    import hypersketch.vsa as names  # for eval

    scope = {**vars(names), **vars(names.encoders)}
    for one, same, other in zip(objects(), objects(), objects(1), strict=True):
        assert (one, hash(one)) == (same, hash(same))
        assert one != other
        assert eval(repr(one), scope) == one
        if hasattr(one, "table"):
            assert not one.table.flags.writeable
        for copied in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert copied == one
            assert "table" not in vars(copied)
        with pytest.raises(AttributeError):
            one.space = None


def test_seeds_make_other_vectors() -> None:
    space = vsa.BSC(1000)
    tables = [LevelEncoder(space, levels=4, seed=seed).table for seed in (0, 1)]
    tables += [CircularEncoder(space, levels=4).table, LevelEncoder(vsa.BSC(1000, 1), levels=4).table]
    for i, a in enumerate(tables):
        for b in tables[:i]:
            assert np.abs(space.similarities(a, b)).max() < SIGMAS / np.sqrt(1000)


def test_tables_do_not_change_with_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    space = vsa.MapC(50)
    whole = LevelEncoder(space, levels=40).table
    monkeypatch.setattr(vsa.encoders._base.pieces, "__defaults__", (100,))
    assert np.array_equal(LevelEncoder(space, levels=40).table, whole)


# ---- refusals

BSC = vsa.BSC(64)
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: LevelEncoder(7), TypeError, "a space of hypersketch.vsa"),
    (lambda: LevelEncoder(BSC, 1, 1), ValueError, "greater than low = 1"),
    (lambda: LevelEncoder(BSC, -1.7e308, 1.7e308), ValueError, "finite number"),
    (lambda: LevelEncoder(BSC, 0, np.nan), ValueError, "finite float"),
    (lambda: LevelEncoder(BSC, levels=1), ValueError, r"\[2, 1048576\]"),
    (lambda: LevelEncoder(BSC, levels=2.0), TypeError, "an integer"),
    (lambda: LevelEncoder(BSC, bandwidth=0), ValueError, "> 0"),
    (lambda: LevelEncoder(BSC, bandwidth=1e-9), ValueError, "2\\*\\*20-th"),
    (lambda: LevelEncoder(BSC, outside="wrap"), ValueError, "'clip', 'raise'"),
    (lambda: LevelEncoder(BSC, seed=-1), ValueError, "seed"),
    (lambda: LevelEncoder(BSC).encode([0.5, np.nan]), ValueError, "NaN"),
    (lambda: LevelEncoder(BSC).encode(["a"]), TypeError, "real numbers"),
    (lambda: LevelEncoder(BSC).encode([True]), TypeError, "real numbers"),
    (lambda: LevelEncoder(BSC).encode([1j]), TypeError, "real numbers"),
    (lambda: LevelEncoder(BSC).encode([[0.5]]), ValueError, "one-dimensional"),
    (lambda: LevelEncoder(BSC).encode([[1], [1, 2]]), TypeError, "real numbers"),
    (lambda: LevelEncoder(BSC).encode(np.ma.masked_equal([1, 2], 2)), ValueError, "nulls"),
    (lambda: LevelEncoder(BSC, outside="raise").encode([0.5, 1.5]), ValueError, r"\[0, 1\]. Got 1.5"),
    (lambda: LevelEncoder(BSC, outside="raise").encode([np.inf]), ValueError, "infinity"),
    (lambda: LevelEncoder(BSC).decode(np.zeros(3)), TypeError, "packed"),
    (lambda: ThermometerEncoder(vsa.HRR(64)), TypeError, "opposites"),
    (lambda: ThermometerEncoder(vsa.MCR(64, modulus=5)), TypeError, "even modulus"),
    (lambda: CircularEncoder(BSC, period=0), ValueError, "period"),
    (lambda: CircularEncoder(BSC, anchors=1), ValueError, "anchors"),
    (lambda: CircularEncoder(BSC).encode([np.inf]), ValueError, "infinity"),
    (lambda: RandomEncoder(BSC, categories="a"), TypeError, "a sequence"),
    (lambda: RandomEncoder(BSC, categories=[]), ValueError, "one or more"),
    (lambda: RandomEncoder(BSC, categories=["a", "a"]), ValueError, "all different"),
    (lambda: RandomEncoder(BSC, categories=["a"]).encode(["a", "b"]), ValueError, "Got 'b'"),
    (lambda: RandomEncoder(BSC).encode([0.5]), TypeError, "A key must be"),
    (lambda: RandomEncoder(BSC).decode(BSC.atoms("a")), ValueError, "needs categories"),
    (lambda: RandomEncoder(BSC).indices(["a"]), ValueError, "needs categories"),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_refusals(case: int) -> None:
    call, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        call()
