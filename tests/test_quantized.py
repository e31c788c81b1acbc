# SPDX-License-Identifier: Apache-2.0
"""Quantized bundles: exact against the slow reference, answers as before, theory against enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_quantized as reference
from hypersketch import MapB, MapI, QuantizedBundle, vsa
from hypersketch.theory import bsc, map_b, quantized

DIMS = [1, 2, 63, 64, 65, 127, 200, 1000]
WIDE = 4.5


def signs_of(space: MapI, vectors: Any) -> list[list[int]]:
    return [row.tolist() for row in space.unpack(np.atleast_2d(vectors))]


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("n", [0, 1, 2, 37])
def test_it_is_the_reference(dim: int, bits: int, n: int) -> None:
    space = MapI(dim, seed=3)
    bag = space.bundle(range(n), weights=[i % 5 - 1 for i in range(n)])
    counters = bag.counters.tolist()
    (ties,) = signs_of(space, MapB(dim, seed=3).bundle().pack().vector)
    for step in (2, 4, 10):
        kept = bag.quantize(bits, step)
        values = reference.quantize(counters, ties, bits, step)
        assert kept.vector.tolist() == values
        planes = np.unpackbits(kept.planes.astype("<u8").view(np.uint8), axis=1, count=dim, bitorder="little")
        assert planes.tolist() == reference.planes(values, bits)
        atoms = signs_of(space, space.atoms(range(40)))
        expected = [reference.similarity(values, counters, atom) for atom in atoms]
        np.testing.assert_allclose(kept.similarity(range(40)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_one_bit_is_the_majority(n: int) -> None:
    kept = MapI(300, seed=5).bundle(range(n)).quantize(1)
    packed = MapB(300, seed=5).bundle(range(n)).pack()
    np.testing.assert_array_equal(kept.planes[0], packed.vector)
    np.testing.assert_array_equal(kept.similarity(range(50)) > 0, packed.similarity(range(50)) > 0)


@pytest.mark.parametrize(("n", "bits"), [(1, 1), (3, 2), (7, 3), (255, 8)])
def test_enough_bits_lose_nothing(n: int, bits: int) -> None:
    bag = MapI(500).bundle(range(n))
    kept = bag.quantize(bits, step=2)
    np.testing.assert_array_equal(kept.vector, bag.counters)
    np.testing.assert_allclose(kept.similarity(range(300)), bag.similarity(range(300)), rtol=1e-14)
    assert kept.norm() == pytest.approx(bag.norm(), rel=1e-14)
    assert quantized.efficiency(bits, n) == pytest.approx(1.0)


def test_bytes_are_the_bits() -> None:
    bag = MapI(64 * 50).bundle(range(9))
    assert [bag.quantize(bits).nbytes for bits in range(1, 9)] == [400 * bits for bits in range(1, 9)]
    kept = bag.quantize(3)
    assert (kept.bits, kept.dim, kept.seed, kept.n_added) == (3, 3200, 0, 9)
    assert kept.space == MapI(3200)
    with pytest.raises(ValueError, match="read-only"):
        kept.planes[0, 0] = 1


def test_answers_of_pairs_vectors_and_many_keys() -> None:
    space = MapI(1000, seed=2)
    record = space.bundle()
    record.add_pairs(range(20), range(100, 120))
    kept = record.quantize(4)
    bound = space.bind(space.atoms(range(20)), space.atoms(range(100, 120)))
    scores = kept.pair_similarity(range(20), range(100, 120))
    np.testing.assert_array_equal(scores, kept.vector_similarity(bound))
    assert (kept.pair_similarity(range(20), range(101, 121)) < scores.min()).mean() > 0.9
    for threads in (1, 2, 3):  # by integers, and by planes
        many = kept.similarity(range(70_000), threads=threads)
        np.testing.assert_array_equal(many[-20:], kept.similarity(range(69_980, 70_000)))
    assert kept.similarity([]).shape == (0,)
    # As sums of the space they unbind.
    value = space.unbind(kept.vector, space.atoms(3)[0])
    assert space.similarity(value, space.atoms(103))[0] > 2 * abs(
        space.similarity(value, space.atoms(104))[0]
    )


def test_members_weights_and_overlaps() -> None:
    space = MapI(20_000)
    a, b = space.bundle(range(60)).quantize(3), space.bundle(range(30, 90)).quantize(4)
    assert a.contains(range(60)).all()
    assert not a.contains(range(100, 200)).any()
    weighted = space.bundle(range(40), weights=[1 + i % 4 for i in range(40)]).quantize(5)
    sd = math.sqrt(sum((1 + i % 4) ** 2 for i in range(40)) / 20_000)
    error = weighted.estimate(range(40)) - [1 + i % 4 for i in range(40)]
    assert abs(error).max() < WIDE * sd
    assert a.inner(b) == pytest.approx(30, abs=WIDE * 60 / math.sqrt(20_000))
    assert a.intersection_cardinality(b) == a.inner(b)
    empty = space.bundle().quantize(2)
    assert not empty.similarity(range(5)).any()
    assert not empty.contains(range(5)).any()


def test_files_copies_and_equality(tmp_path: Any) -> None:
    kept = MapI(130, seed=1).bundle(range(30)).quantize(3)
    kept.save(tmp_path / "kept.safetensors")
    loaded = hypersketch.load(tmp_path / "kept.safetensors")
    assert isinstance(loaded, QuantizedBundle)
    assert loaded == kept
    np.testing.assert_array_equal(loaded.similarity(range(40)), kept.similarity(range(40)))
    assert kept != MapI(130, seed=1).bundle(range(30)).quantize(2)
    assert kept != MapI(130, seed=2).bundle(range(30)).quantize(3)
    made = QuantizedBundle(MapI(130, seed=1), kept.vector, 3, kept.step, kept.scale, 30)
    assert made == kept
    assert repr(made).startswith("QuantizedBundle(dim=130, seed=1, bits=3, step=")


def test_stray_bits_in_a_file() -> None:
    kept = MapI(70).bundle(range(9)).quantize(2)
    for word in (1, 3):
        state = kept._state.copy()
        state[word] |= np.uint64(1 << 10)
        with pytest.raises(ValueError, match="its state sets bits beyond dim"):
            QuantizedBundle._restore(kept._parameters(), kept._saved_counts(), state)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: MapI(9).bundle().quantize(0), ValueError, "'bits' parameter of Bundle.quantize must be an"),
        (lambda: MapI(9).bundle().quantize(9), ValueError, r"an integer in \[1, 8\]. Got 9"),
        (lambda: MapI(9).bundle().quantize(2.0), TypeError, "'bits' parameter of Bundle.quantize"),
        (lambda: MapI(9).bundle().quantize(2, 3), ValueError, "'step' .* must be an even integer. Got 3"),
        (lambda: MapI(9).bundle().quantize(2, 0), ValueError, "'step' parameter of Bundle.quantize"),
        (lambda: MapB(9).bundle().quantize(2), TypeError, "A bundle of MapB answers by its signs"),
        (lambda: vsa.BSC(9).bundle().quantize(2), TypeError, "A bundle of BSC answers by its signs"),
        (
            lambda: QuantizedBundle(MapI(3), [1, 2, 3], 2, 2, 1.0, 1),
            ValueError,
            r"'values' parameter of QuantizedBundle must be odd numbers in \[-3, 3\]. Got 2",
        ),
        (lambda: QuantizedBundle(MapI(3), [1, 5, 3], 2, 2, 1.0, 1), ValueError, "Got 5 instead"),
        (lambda: QuantizedBundle(MapI(3), [1, 1], 2, 2, 1.0, 1), TypeError, "an array of 3 integers"),
        (lambda: QuantizedBundle(MapI(3), [1.0, 1.0, 1.0], 2, 2, 1.0, 1), TypeError, "of 3 integers"),
        (lambda: QuantizedBundle(MapB(1), [1], 2, 2, 1.0, 1), TypeError, "'space' .* must be a MapI"),
        (lambda: QuantizedBundle(MapI(1), [1], 2, 2, -1.0, 1), ValueError, "'scale' .* finite float > 0"),
        (lambda: QuantizedBundle(MapI(1), [1], 2, 2, math.nan, 1), ValueError, "'scale' parameter"),
        (lambda: QuantizedBundle(MapI(1), [1], 2, 2, 1.0, -1), ValueError, "'n_added' parameter"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_other_spaces_are_not_compared() -> None:
    kept = MapI(9).bundle("a").quantize(2)
    with pytest.raises(
        ValueError, match="The 'seed' parameter of both QuantizedBundle objects must be equal"
    ):
        kept.inner(MapI(9, seed=1).bundle("a").quantize(2))
    with pytest.raises(TypeError, match="can only be compared with another QuantizedBundle"):
        kept.inner(MapI(9).bundle("a"))
    assert kept.inner(MapI(9).bundle("a").quantize(3)) == pytest.approx(1.0)


# ---- theory


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("bits", "step"), [(1, 2), (2, 2), (2, 4), (3, 2)])
def test_moments_and_rates_are_the_enumerated_ones(n: int, bits: int, step: int) -> None:
    """All sign patterns of the members (and of the tie vector, for even n) of one dimension, then of two."""
    signs = n + 1 - n % 2
    law: dict[tuple[int, int], float] = {}
    for pattern in itertools.product((-1, 1), repeat=signs):
        (value,) = reference.quantize([sum(pattern)], [1], bits, step)
        for stranger in (-1, 1):
            key = (value * pattern[0], value * stranger)
            law[key] = law.get(key, 0.0) + 0.5 / 2**signs
    gain = sum(member * chance for (member, _), chance in law.items())
    power = sum(member**2 * chance for (member, _), chance in law.items())
    assert quantized.gain(bits, n, step) == pytest.approx(gain, rel=1e-12)
    assert quantized.efficiency(bits, n, step) == pytest.approx(n * gain**2 / power, rel=1e-12)
    mean, member, stranger = quantized.score_moments(2, n, bits, step)
    assert (mean, stranger) == (1.0, pytest.approx(power / gain**2 / 2, rel=1e-12))
    assert member == pytest.approx(stranger - 0.5, rel=1e-9, abs=1e-12)
    missed = wrong = 0.0
    for (first, p), (second, q) in itertools.product(law.items(), repeat=2):
        missed += p * q * (first[0] + second[0] < gain - 1e-9)
        wrong += p * q * (first[1] + second[1] >= gain - 1e-9)
    assert quantized.false_negative_rate(2, n, bits, step=step) == pytest.approx(missed, abs=1e-12)
    assert quantized.false_positive_rate(2, n, bits, step=step) == pytest.approx(wrong, abs=1e-12)


def test_one_bit_is_what_map_b_is() -> None:
    for dim, n in ((100, 11), (333, 20)):
        assert quantized.gain(1, n) == pytest.approx(map_b.correlation(n), rel=1e-12)
        assert quantized.false_positive_rate(dim, n, 1) == pytest.approx(map_b.false_positive_rate(dim, n))
        assert quantized.false_negative_rate(dim, n, 1) == pytest.approx(map_b.false_negative_rate(dim, n))
        assert quantized.accuracy(dim, n, 50, 1) == bsc.accuracy(dim, n, 50)


def test_steps_are_the_best_ones() -> None:
    from scipy.optimize import minimize_scalar

    for bits in range(2, 9):
        best = minimize_scalar(
            lambda step, b=bits: -quantized.gaussian_efficiency(b, step), bounds=(0.01, 3), method="bounded"
        )
        assert quantized.STEPS[bits - 1] == pytest.approx(best.x, rel=1e-4)
        assert quantized.gaussian_efficiency(bits) == pytest.approx(-best.fun, rel=1e-9)
    for bits, n in itertools.product(range(2, 6), (11, 30, 101)):
        tried = max(quantized.efficiency(bits, n, step) for step in range(2, 40, 2))
        assert quantized.efficiency(bits, n) == tried


def test_efficiency_tends_to_the_gaussian_one_and_never_pays_at_equal_bytes() -> None:
    values = [quantized.gaussian_efficiency(bits) for bits in range(1, 9)]
    assert values[0] == pytest.approx(2 / math.pi, rel=1e-12)
    for bits, value in enumerate(values, 1):
        assert quantized.efficiency(bits, 100_001) == pytest.approx(value, rel=2e-3)
    assert all(
        late / (bits + 2) < early / (bits + 1)
        for bits, (early, late) in enumerate(itertools.pairwise(values))
    )


def test_simulated_accuracy() -> None:
    """Public bundles, one member against 49 strangers."""
    wins: dict[int, float] = dict.fromkeys((1, 2, 3, 6), 0.0)
    trials = 700
    for seed in range(trials):
        bag = MapI(180, seed=seed).bundle(range(15))
        for bits in wins:
            scores = bag.quantize(bits, quantized.best_step(bits, math.sqrt(15))).similarity(
                [0, *range(100, 149)]
            )
            rank, level = (scores > scores[0]).sum(), (scores == scores[0]).sum()
            wins[bits] += (rank == 0) / level
    for bits, won in wins.items():
        expected = quantized.accuracy(180, 15, 50, bits)
        assert won / trials == pytest.approx(
            expected, abs=WIDE * math.sqrt(expected * (1 - expected) / trials)
        )


@pytest.mark.parametrize("flips", [0.0, 0.2, 0.5, 1.0])
def test_flipped_bits(flips: float) -> None:
    """All patterns of flips of three bits, for every value that they can be."""
    gain, stranger = quantized.gain(3, 5, 2), quantized.score_moments(1, 5, 3, 2)[2]
    shrunk = mean_square = 0.0
    for pattern in itertools.product((-1, 1), repeat=3):
        chance = math.prod(flips if sign < 0 else 1 - flips for sign in pattern)
        for value in range(-7, 8, 2):
            (bits,) = zip(*reference.planes([value], 3), strict=True)
            signs = [(1 - 2 * bit) * sign for bit, sign in zip(bits, pattern, strict=True)]
            turned = sum(2**j * sign for j, sign in enumerate(signs))
            shrunk += chance * turned * value
            mean_square += chance * turned**2
    # Averages over all values alike, which stand in for any law: E[v' v] and E v'^2 are linear in it.
    alike = sum(value**2 for value in range(-7, 8, 2))
    q = 1 - 2 * flips
    assert shrunk == pytest.approx(q * alike, abs=1e-9)
    assert mean_square == pytest.approx(q**2 * alike + 8 * (1 - q**2) * (4**3 - 1) / 3)
    mean, member, noisy = quantized.score_moments(1, 5, 3, 2, flips)
    assert mean == pytest.approx(q)
    assert noisy == pytest.approx(q**2 * stranger + (1 - q**2) * 21 / gain**2)
    assert member == pytest.approx(noisy - q**2)


def test_dimension_and_capacity_are_inverse() -> None:
    for bits in (1, 2, 4):
        dim = quantized.dimension(21, 100, bits, 0.02)
        assert quantized.capacity(dim, 100, bits, 0.02) == 21
        assert quantized.capacity(dim - 30, 100, bits, 0.02) < 21
    assert quantized.capacity(3, 1000, 1, 0.001) == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: quantized.gain(9, 3), r"'bits' parameter of quantized.gain must be an integer in \[1, 8\]"),
        (lambda: quantized.gain(2, 0), "'n' parameter of quantized.gain must be an integer >= 1"),
        (
            lambda: quantized.efficiency(2, 3, step=3),
            "'step' parameter of quantized.efficiency must be an even",
        ),
        (lambda: quantized.best_step(2, -1.0), "'spread' parameter of quantized.best_step"),
        (lambda: quantized.accuracy(0, 3, 5, 2), "'dim' parameter of quantized.accuracy"),
        (lambda: quantized.dimension(3, 5, 2, 0.0), "'error' parameter of quantized.dimension"),
    ],
)
def test_bad_arguments_of_theory(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
