# SPDX-License-Identifier: Apache-2.0
"""Spaces of real and complex hypervectors: their algebra from the definitions, their noise, their bundles."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import hypersketch
from hypersketch.vsa import FHRR, HRR, MBAT, TVTB, VTB, MapC, RealBundle

KINDS: dict[str, Callable[..., Any]] = {
    "HRR": HRR,
    "HRR, spectral": lambda dim, seed=0: HRR(dim, seed, spectral=True),
    "FHRR": FHRR,
    "FHRR, sums": lambda dim, seed=0: FHRR(dim, seed, phase_only=False),
    "MapC": MapC,
    "VTB": VTB,
    "TVTB": TVTB,
    "MBAT": MBAT,
}
FIDELITY = {"HRR": 1 / math.sqrt(2), "HRR, spectral": 1 / math.sqrt(2), "FHRR": 1.0, "FHRR, sums": 1.0}
FIDELITY |= {"MapC": math.sqrt(5) / 3, "VTB": 1 / math.sqrt(2), "TVTB": 1 / math.sqrt(2)}
FIDELITY |= {"MBAT": 1.0}
"""Similarity of what unbinding one product brings back, for large D: E[x^2] / sqrt(E[x^4]) of the factors
that multiply each entry or frequency."""

kinds = pytest.mark.parametrize("kind", KINDS)
squares = st.sampled_from([1, 4, 9, 64, 100, 225])


def close(a: Any, b: Any, tolerance: float = 1e-5) -> bool:
    return bool(np.allclose(a, b, rtol=0, atol=tolerance))


# ---- from the definitions


def convolution(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    dim = a.size
    return np.array([sum(float(a[j]) * float(b[(i - j) % dim]) for j in range(dim)) for i in range(dim)])


@pytest.mark.parametrize("space", [HRR(9), FHRR(9), MapC(9), VTB(9), TVTB(9), MBAT(9)], ids=str)
def test_no_vectors_are_bound_to_none(space: Any) -> None:
    rows = space.atoms(range(3))
    for left, right in (
        (rows[:0], rows[:0]),
        (rows[:1], rows[:0]),
        (rows[0], rows[:0]),
        (rows[:0], rows[:1]),
    ):
        assert space.bind(left, right).shape == (0, space.width)
        assert space.unbind(left, right).shape == (0, space.width)


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 31])
def test_hrr_convolves(dim: int) -> None:
    space = HRR(dim, seed=3)
    a, b = space.atoms(["a", "b"])
    assert close(space.bind(a, b), convolution(a, b))
    involution = np.array([a[-d % dim] for d in range(dim)])
    assert close(space.inverse(a), involution)
    assert close(space.unbind(b, a), convolution(b, involution))
    spectral = HRR(dim, seed=3, spectral=True)
    fa, fb = spectral.atoms(["a", "b"])
    assert close(spectral.from_spectral(spectral.bind(fa, fb)), convolution(a, b))
    assert close(space.to_spectral(a), fa)
    assert close(spectral.from_spectral(spectral.permute(fa, 5)), np.roll(a, 5))
    assert close(spectral.similarity(fa, fb), space.similarity(a, b))


def test_fhrr_adds_angles() -> None:
    space = FHRR(50)
    a, b = space.atoms(["a", "b"])
    assert close(np.abs(space.atoms(range(20))), 1.0)
    turned = np.exp(1j * (space.to_phases(a) + space.to_phases(b)))
    assert close(space.bind(a, b), turned)
    assert close(space.from_phases(space.to_phases(a)), a)
    cosine = np.cos(space.to_phases(a) - space.to_phases(b)).mean()
    assert close(space.similarity(a, b), cosine)


def test_vtb_multiplies_by_a_block_matrix() -> None:
    side = 3
    space = VTB(side * side)
    x, y = space.atoms(["x", "y"])
    block = math.sqrt(side) * y.reshape(side, side)  # once for every third of x
    whole = np.kron(np.eye(side), block)
    assert close(space.bind(x, y), whole @ x)
    assert close(space.unbind(x, y), whole.T @ x)


def test_tvtb_multiplies_matrices() -> None:
    side = 5
    space = TVTB(side * side)
    x, y = space.atoms(["x", "y"])
    left, right = (vector.reshape(side, side).astype(float) for vector in (x, y))
    assert close(space.bind(x, y), math.sqrt(side) * (left @ right).ravel())
    assert close(space.unbind(x, y), math.sqrt(side) * (left @ right.T).ravel())
    assert close(space.bind(space.identity(), y), y)
    assert close(space.power(y, 3), side * (right @ right @ right).ravel())


@pytest.mark.parametrize("kind", ["HRR", "HRR, spectral", "VTB", "TVTB"])
def test_unitary_vectors_are_bound_without_loss(kind: str) -> None:
    space = KINDS[kind](400, 5)
    roles, values = space.unitary(space.atoms(range(4))), space.atoms(range(4, 8))
    assert close(space.unbind(space.bind(values, roles), roles), values)
    assert close(space.unitary(roles), roles)
    kept = space.similarity(space.bind(values[:2], roles[0]), space.bind(values[2:], roles[0]))
    assert close(kept, space.similarity(values[:2], values[2:]))
    if kind != "VTB":
        assert close(space.bind(space.power(roles, 2), space.power(roles, -2)), space.identity(), 1e-4)


@pytest.mark.parametrize("kind", ["HRR", "HRR, spectral", "FHRR", "FHRR, sums"])
def test_powers_add_their_exponents(kind: str) -> None:
    space = KINDS[kind](64, 5)
    x = space.atoms(range(3))
    for a, b in ((0.3, 1.2), (2.0, 0.5), (0.0, 1.7), (1.0, 2.0)):
        both, whole = space.bind(space.power(x, a), space.power(x, b)), space.power(x, a + b)
        if kind == "HRR":
            both, whole = space.to_spectral(both), space.to_spectral(whole)
        inside = slice(1, 32) if kind.startswith("HRR") else slice(None)  # but frequencies without an angle
        assert close(both[:, inside], whole[:, inside], 1e-4)
    assert close(space.power(x, -1), space.inverse(x))
    assert close(space.power(x, 2), space.bind(x, x))
    with pytest.raises(ValueError, match="exponent"):
        space.power(x, float("nan"))


def test_mbat_multiplies_by_an_orthogonal_matrix() -> None:
    space = MBAT(40, 2)
    a, b, c = space.atoms(["a", "b", "c"])
    matrix = space.bind(np.eye(40, dtype=np.float32), b).T
    assert close(matrix @ matrix.T, np.eye(40))
    assert close(space.bind(a, b), matrix @ a)
    assert close(space.bind(a + c, b), space.bind(a, b) + space.bind(c, b))
    assert not close(space.bind(a, b), space.bind(a, c), 0.01)
    assert close(
        space.bind(np.stack([a, c]), np.stack([b, a])), np.stack([space.bind(a, b), space.bind(c, a)])
    )
    with pytest.raises(ValueError, match="use unbind"):
        space.inverse(a)


def test_mapc_multiplies_and_cuts_off() -> None:
    space = MapC(100)
    a, b = space.atoms(["a", "b"])
    assert close(space.bind(a, b), a * b)
    assert close(space.bundle(["a", "b"]).vector, np.clip(a + b, -1, 1))
    assert np.abs(space.atoms(range(50))).max() <= 1


# ---- laws


@kinds
@given(dim=squares, seed=st.integers(0, 2**64 - 1))
def test_laws(kind: str, dim: int, seed: int) -> None:
    space = KINDS[kind](dim, seed)
    a, b, c = space.atoms(["a", "b", "c"])
    assert close(space.bind(a, space.identity()), a)
    if kind not in ("VTB", "MBAT"):
        assert kind == "TVTB" or close(space.bind(a, b), space.bind(b, a))
        assert close(space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c)), 1e-3)
        assert close(space.bind(space.permute(a, 2), b), space.bind(a, space.permute(b, 2)), 1e-4) or (
            kind in ("FHRR", "FHRR, sums", "MapC", "TVTB")  # where permuting does not commute with binding
        )
    assert close(space.permute(space.permute(a, 7), -7), a)
    assert close(space.permute(a, dim), a)
    assert close(space.permute(space.permute(a, 3), 4), space.permute(a, 7))
    if kind != "MBAT":  # whose inverses are no vectors
        assert close(space.unbind(space.bind(a, b), b), space.bind(space.bind(a, b), space.inverse(b)), 1e-3)
    cosines = space.similarity(np.stack([a, b, c]), b)
    assert ((cosines >= -1) & (cosines <= 1)).all()
    assert close(cosines[1], 1.0)
    assert close(space.similarity(a, b), space.similarity(b, a))


@kinds
def test_a_row_of_a_batch_is_as_alone(kind: str) -> None:
    space = KINDS[kind](64)
    rows, others = space.atoms(range(5)), space.atoms(range(5, 10))
    for verb in (space.bind, space.unbind):
        together = verb(rows, others)
        assert close(together, np.stack([verb(a, b) for a, b in zip(rows, others, strict=True)]))
        assert close(verb(rows, others[0]), np.stack([verb(a, others[0]) for a in rows]))
        assert close(verb(rows[0], others), np.stack([verb(rows[0], b) for b in others]))
        assert verb(rows, others).dtype == space.dtype
    assert space.atoms([]).shape == (0, space.width)
    assert close(space.atoms(["a", "b"]), np.concatenate([space.atoms("a"), space.atoms("b")]))


# ---- noise


@kinds
def test_unbinding_keeps_what_the_space_promises(kind: str) -> None:
    space = KINDS[kind](10_000, seed=1)
    a, b = space.atoms(range(30)), space.atoms(range(30, 60))
    cosines = space.similarity(space.unbind(space.bind(a, b), b), a)
    # The mean of 30 cosines, each of a standard deviation below 2 / sqrt(D), and the promise's own O(1/D).
    assert abs(cosines.mean() - FIDELITY[kind]) < 5 * 2 / math.sqrt(30 * 10_000) + 20 / 10_000


@kinds
def test_atoms_are_as_good_as_independent(kind: str) -> None:
    space, n = KINDS[kind](2500, seed=2), 60
    rows = space.atoms(range(n))
    cosines = np.concatenate([space.similarity(rows[i], rows[i + 1 :]) for i in range(n - 1)])
    variance = 1 / 2500 / (2 if kind.startswith("FHRR") else 1)
    pairs = n * (n - 1) / 2
    assert abs(cosines.mean()) < 5 * math.sqrt(variance / pairs)
    # The square of a nearly normal number has a standard deviation of sqrt(2) of its mean.
    assert abs(cosines.var() / variance - 1) < 5 * math.sqrt(2 / pairs)


def test_hrr_atoms_are_normal() -> None:
    stats = pytest.importorskip("scipy.stats")
    entries = HRR(4001, seed=5).atoms(range(10)).ravel() * math.sqrt(4001)
    assert stats.kstest(entries, "norm").pvalue > 1e-4


@pytest.mark.parametrize("n", [5, 40])
def test_scores_of_fhrr_sums_have_the_variance_of_formula_3_1(n: int) -> None:
    dim, trials = 512, 200
    members, strangers = [], []
    for seed in range(trials):
        space = FHRR(dim, seed, phase_only=False)
        rows = space.atoms(range(n + 1))
        total = rows[:n].sum(axis=0)
        members.append(float((total * rows[0].conj()).real.mean()))
        strangers.append(float((total * rows[n].conj()).real.mean()))
    for scores, mean, variance in ((members, 1.0, (n - 1) / 2 / dim), (strangers, 0.0, n / 2 / dim)):
        assert abs(np.mean(scores) - mean) < 5 * math.sqrt(variance / trials)
        assert abs(np.var(scores) / variance - 1) < 5 * math.sqrt(2 / trials)


def test_exact_unbinding() -> None:
    for spectral in (False, True):
        space = HRR(1001, spectral=spectral)
        a, b = space.atoms(["a", "b"])
        assert close(space.similarity(space.unbind(space.bind(a, b), b, exact=True), a), 1.0, 1e-3)
        with pytest.raises(ValueError, match="zero"):
            space.unbind(a, np.zeros_like(a), exact=True)


# ---- bundles


@kinds
def test_a_bundle_is_a_sum_however_it_comes(kind: str, tmp_path: Path) -> None:
    space = KINDS[kind](100, 9)
    keys, weights = np.arange(50), np.linspace(-2, 3, 50)
    whole = space.bundle(keys, weights)
    parts = space.bundle(keys[:20], weights[:20])
    parts += space.bundle(keys[20:], weights[20:])
    by_vectors = space.bundle()
    by_vectors.add_vectors(space.atoms(keys), weights)
    assert close(whole.vector, parts.vector)
    assert close(whole.vector, by_vectors.vector)
    expected = space.normalize((weights @ space.atoms(keys).astype(space._wide)).astype(space.dtype))
    assert close(whole.vector, expected, 1e-4)
    assert (whole.n_added, round(whole.total_weight, 9)) == (50, 25.0)
    parts.remove(keys[20:], weights[20:])
    assert close(parts.vector, space.bundle(keys[:20], weights[:20]).vector)
    whole.save(tmp_path / "bundle.safetensors")
    again = hypersketch.load(tmp_path / "bundle.safetensors")
    assert again == whole
    assert again.space == space
    assert close(again.similarity(keys), space.similarity(whole.vector, space.atoms(keys)))
    assert hypersketch.from_bytes(whole.to_bytes()) == whole


@kinds
def test_pairs(kind: str) -> None:
    space = KINDS[kind](10_000)
    record = space.bundle()
    record.add_pairs(["name", "capital", "currency"], ["France", "Paris", "Euro"])
    found = space.unbind(record.vector, space.atoms("capital"))
    scores = space.similarity(found, space.atoms(["Paris", "France", "Euro", "capital"]))
    assert scores.argmax() == 0
    assert scores[0] > 0.3
    assert np.abs(scores[1:]).max() < 0.06  # six standard deviations of 1 / sqrt(D)
    with pytest.raises(ValueError, match="2 elements"):
        record.add_pairs(["a", "b"], ["c"])


def test_an_empty_bundle_is_zero() -> None:
    for make in KINDS.values():
        empty = make(64).bundle()
        assert not empty.vector.any()
        assert not empty.similarity(["a"]).any()


# ---- refusals


@kinds
def test_what_is_no_vector_is_refused(kind: str) -> None:
    space = KINDS[kind](100)
    good = space.atoms("a")[0]
    for wrong, error in (
        ([1.0] * space.width, TypeError),
        (np.zeros(space.width, bool), TypeError),
        (np.zeros(space.width + 1, space.dtype), ValueError),
        (np.zeros((2, 2, space.width), space.dtype), ValueError),
        (np.full(space.width, np.nan, space.dtype), ValueError),
        (np.full(space.width, np.inf, space.dtype), ValueError),
    ):
        for verb in (space.bind, space.unbind, space.similarity):
            with pytest.raises(error):
                verb(good, wrong)
        with pytest.raises(error):
            space.bundle().add_vectors(wrong)
    with pytest.raises(ValueError, match="a has 2 rows but b has 3"):
        space.bind(space.atoms([1, 2]), space.atoms([1, 2, 3]))
    with pytest.raises(TypeError, match="shift"):
        space.permute(good, 1.5)


@kinds
def test_a_sum_never_becomes_infinite(kind: str) -> None:
    space = KINDS[kind](64)
    bag = space.bundle(["a", "b"])
    before = bag.copy()
    huge = space.bundle(["a"], [1e145])
    for change in (
        lambda: bag.add(["c", "a"], [1.0, 1e308]),
        lambda: bag.add(["c", "a"], [1e308, 1e308]),
        lambda: bag.add_vectors(space.atoms("a"), [1e300]),
        lambda: [huge.merge(huge) for _ in range(30)],
    ):
        with pytest.raises(OverflowError, match="could exceed"):
            change()
    assert bag == before
    assert np.isfinite(huge.vector).all()


def test_spaces_do_not_mix() -> None:
    for one, other in ((HRR(64), HRR(64, 1)), (HRR(64), MapC(64)), (FHRR(64), FHRR(64, phase_only=False))):
        with pytest.raises(ValueError, match="equal"):
            one.bundle("a").merge(other.bundle("a"))  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="space"):
        RealBundle(hypersketch.MapI(64))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VTB(10), "a square"),
        (lambda: HRR(0), "dim"),
        (lambda: HRR(2.5), "dim"),  # type: ignore[arg-type]
        (lambda: FHRR(64, seed=-1), "seed"),
        (lambda: HRR(64, spectral=1), "spectral"),  # type: ignore[arg-type]
        (lambda: HRR(64).bundle(weights=[1.0]), "no keys"),
        (lambda: HRR(64).bundle(["a"], [np.nan]), "finite"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        make()
