# SPDX-License-Identifier: Apache-2.0
"""Closed forms of memories of real vectors, against exact cases and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hypersketch import theory
from hypersketch.theory import consolidation, dense_retrieval, outer_product, scaling, superposition, triples


def directions(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    rows = rng.standard_normal((n, dim))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# ---- pairs in a matrix


@pytest.mark.parametrize("penalty", [1e-6, 0.3, 2.0])
@pytest.mark.parametrize(("dim", "n"), [(300, 150), (300, 300), (300, 800)])
def test_ridge_is_the_law_of_the_eigenvalues(dim: int, n: int, penalty: float) -> None:
    values = np.linalg.svd(directions(np.random.default_rng(0), n, dim), compute_uv=False) ** 2
    kept = values / (values + penalty)
    share = kept.sum() / n
    found = outer_product.ridge(dim, n, penalty)
    # The law is that of infinitely many dimensions: off by the order 1 / d, of the edge's sqrt at n = d.
    slack = 0.1 if n == dim and penalty < 1e-3 else 0.02
    assert found.signal == pytest.approx(share, rel=slack)
    assert found.noise == pytest.approx((kept**2).sum() / n - share**2, abs=slack)


def test_ridge_without_penalty_is_its_limit() -> None:
    for n in (50, 99, 200):
        assert np.allclose(outer_product.ridge(100, n), outer_product.ridge(100, n, 1e-9), atol=1e-4)


def test_delta_and_hebb_at_their_edges() -> None:
    assert outer_product.delta(50, 50, 10) == (1.0, 0.0)
    assert outer_product.delta(1, 5, 10, age=3).signal == 0.0  # one dimension: the next pair overwrites all
    assert outer_product.hebb(10, 5, gate=0.0, age=1) == (0.0, pytest.approx(0.1))
    assert outer_product.hebb(10, 1) == (1.0, 0.0)
    small = outer_product.delta(400, 5, 50, strength=1e-4, age=20)  # no overwriting to speak of: Hebb
    assert small.signal == pytest.approx(1e-4, rel=1e-2)
    assert small.noise == pytest.approx(1e-8 * outer_product.hebb(400, 50, age=20).noise, rel=0.02)


@pytest.mark.parametrize(("rule", "n"), [("hebb", 600), ("ridge", 700), ("delta", 300)])
def test_errors_are_near_simulation(rule: str, n: int) -> None:
    """Within a fifth: scores are taken to be normal, and their lengths to be those of the mean."""
    dim, rng, wrong = 128, np.random.default_rng(0), []
    for _ in range(8):
        keys, values = directions(rng, n, dim), directions(rng, n, dim)
        if rule == "hebb":
            matrix = values.T @ keys
        elif rule == "ridge":
            matrix = np.linalg.solve(keys.T @ keys + 0.5 * np.eye(dim), keys.T @ values).T
        else:
            matrix = np.zeros((dim, dim))
            for key, value in zip(keys, values, strict=True):
                matrix += np.outer(value - matrix @ key, key)
        wrong.append(((keys @ matrix.T @ values.T).argmax(axis=1) != np.arange(n)).mean())
    predicted = outer_product.mean_error(rule, dim, dim, n, penalty=0.5 * (rule == "ridge"))
    assert predicted == pytest.approx(np.mean(wrong), rel=0.2)


# ---- dense retrieval, consolidation


def test_caps_of_the_ordinary_sphere() -> None:
    for cosine in (-0.3, 0.0, 0.5, 0.9):
        share = (1 - cosine) / 2  # Archimedes
        for n in (0, 1, 7):
            expected = 1 - (1 - share) ** n
            assert dense_retrieval.outscored(3, n, cosine) == pytest.approx(expected, rel=1e-12)
            assert dense_retrieval.false_positives(3, n, cosine) == pytest.approx(n * share, rel=1e-12)


def test_sizes_and_dimensions_are_inverse() -> None:
    for dim, cosine in ((24, 0.5), (100, 0.3)):
        n = dense_retrieval.index_size(dim, 0.05, cosine)
        assert dense_retrieval.outscored(dim, math.floor(n), cosine) <= 0.05
        assert dense_retrieval.outscored(dim, math.ceil(n), cosine) >= 0.05
        least = dense_retrieval.dimension(10**5, 0.05, cosine)
        assert dense_retrieval.outscored(least, 10**5, cosine) <= 0.05
        assert dense_retrieval.outscored(least - 1, 10**5, cosine) > 0.05
    assert dense_retrieval.index_size(8, 0.01, 1.0) == math.inf


def test_leading_cosines_are_outdone_about_as_often_as_not() -> None:
    for dim, n in ((256, 10**4), (1000, 10**6)):
        lead = dense_retrieval.leading_cosine(dim, n)
        # The exponent is right, and the factor before it is 1 / sqrt(4 pi ln n).
        assert 0.02 < dense_retrieval.outscored(dim, n, lead) < 0.2


def test_consolidation_at_its_edges() -> None:
    assert consolidation.error(50, 0, 10, 0.9) == 0.0
    assert consolidation.error(50, 1, 10, -1.0) == 0.0
    assert consolidation.error(50, 30, 10, 1.0) == pytest.approx(2 / 3)
    assert consolidation.error(3, 2, 10, 0.5) == pytest.approx(0.25)  # a cap of a quarter
    assert consolidation.cosine_of("dot", 5.0) == 2.0
    assert consolidation.cosine_of("euclidean", -3.0) == -0.5


# ---- triples, features


def test_one_fact_is_right_but_for_rivals_by_chance() -> None:
    assert triples.tensor_error(20, 1, 1, 5) == 0.0
    alone = triples.tensor_error(20, 1, 50, 5)  # another entity's embedding would have to be as long
    assert 0 < alone < 50 * theory.normal.tail(math.sqrt(20))
    errors = [triples.tensor_error(20, n, 50, 5) for n in (1, 10, 100, 1000)]
    assert errors == sorted(errors)


def test_no_directions_beat_the_tight_frame() -> None:
    many, dim = np.arange(1, 100), 16
    assert np.all(superposition.least_interference(dim, many) <= superposition.interference(dim, many))
    assert superposition.interference(dim, 1) == 0.0


# ---- scaling laws


@pytest.mark.parametrize("dim", [20, 100])
def test_two_tokens_are_a_question_of_students_t(dim: int) -> None:
    """The right score is q |u|^2, the wrong one q' u . u': their ratio over sqrt(d) is Student's."""
    p, q = scaling.frequencies(2, 1.0), scaling.weights(2, 1.0, "proportional")
    wrong = stats.t.sf(q / q[::-1] * math.sqrt(dim), dim)
    expected = float(p @ wrong)
    # |u| is taken as normal there.
    assert scaling.error(dim, 2, 2, 1.0, "proportional") == pytest.approx(expected, rel=0.25, abs=1e-6)


def test_errors_grow_with_outputs_and_fall_with_dimensions() -> None:
    by_outputs = [scaling.error(64, 300, m, 1.5, "proportional") for m in (1, 2, 4, 8)]
    by_dims = [scaling.error(d, 300, 4, 1.5, "thresholded", 16) for d in (16, 64, 256)]
    assert by_outputs[0] == 0.0
    assert by_outputs == sorted(by_outputs)
    assert by_dims == sorted(by_dims, reverse=True)
    # What is not kept is guessed: half of it is wrong with two outputs of one kept token each.
    lost = scaling.frequencies(300, 1.5)[2:].sum() / 2
    assert scaling.error(10**6, 300, 2, 1.5, "thresholded", 2) == pytest.approx(lost, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("outer_product.hebb(0, 5)", "'key_dim' parameter of outer_product.hebb must be an integer >= 1"),
        (
            "outer_product.hebb(5, 5, 1.5)",
            r"'gate' parameter of outer_product.hebb must be a float in \[0, 1\]",
        ),
        ("outer_product.hebb(5, 5, age=5)", "'age' parameter of outer_product.hebb must be below n = 5"),
        (
            "outer_product.delta(5, 5, 5, 2.5)",
            "'strength' parameter of outer_product.delta must be a float in",
        ),
        ("outer_product.ridge(5, 5, -1.0)", "'penalty' parameter of outer_product.ridge must be a float in"),
        (
            "outer_product.mean_error('oja', 5, 5, 5)",
            "'rule' parameter of outer_product.mean_error must be one",
        ),
        (
            "outer_product.capacity('hebb', 5, 5, 0.0)",
            "'error' parameter of outer_product.capacity must be a",
        ),
        (
            "dense_retrieval.outscored(1, 5, 0.5)",
            "'dim' parameter of dense_retrieval.outscored must be an integer",
        ),
        ("dense_retrieval.outscored(9, 5, 1.5)", r"'cosine' .* must be a float in \[-1, 1\]"),
        ("dense_retrieval.dimension(9, 0.1, 0.0)", r"'cosine' .* must be a float in \(0, 1\]"),
        (
            "consolidation.error(9, 5, 0, 0.5)",
            "'n_modes' parameter of consolidation.error must be an integer >= 1",
        ),
        (
            "triples.tensor_error(9, 5, 0, 1)",
            "'n_entities' parameter of triples.tensor_error must be an integer",
        ),
        ("scaling.frequencies(5, 0.0)", "'exponent' parameter of scaling.frequencies must be a float in"),
        (
            "scaling.weights(5, 1.0, 'all')",
            "'scheme' parameter of scaling.weights must be one of 'proportional'",
        ),
        ("scaling.published_exponent(1.0, 'uniform')", "'exponent' parameter of scaling.published_exponent"),
        (
            "superposition.interference(0, 5)",
            "'dim' parameter of superposition.interference must be an integer",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(call: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        eval(call, vars(theory))
