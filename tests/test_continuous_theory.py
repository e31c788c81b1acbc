# SPDX-License-Identifier: Apache-2.0
"""Continuous memories and their theory: betas that are computed and measured, leaks, capacity."""

from __future__ import annotations

import numpy as np
import pytest

import reference_continuous as reference
from continuous_makers import DTYPES, SIMILARITIES, made
from hypersketch import theory
from hypersketch.memories import ContinuousMemory


def test_beta_from_theory_leaks_what_was_asked():
    n, dim = 3000, 48
    rng = np.random.default_rng(5)
    patterns = rng.normal(size=(n, dim))
    patterns /= np.linalg.norm(patterns, axis=1)[:, None]
    memory = ContinuousMemory(dim)
    memory.store(patterns)
    beta = memory.beta_for(0.05)
    shares = reference.weights("softmax", patterns @ patterns.T, beta)
    others = 1.0 - np.diag(shares)
    error = 4 * others.std() / n**0.5
    # The law puts the mean of the sum over the others into r / (1 + r), which is concave: leaks are less.
    ratio = others / (1 - others)
    assert abs(ratio.mean() - 0.05 / 0.95) < 4 * ratio.std() / n**0.5
    assert others.mean() < 0.05 + error
    assert 0.0 < memory.expected_error() <= 0.0101
    assert memory.capacity() > n


def test_laws_agree_with_each_other():
    for n, dim, beta in ((5000, 64, 10.0), (100, 1000, 3.0), (10, 2, 5.0), (1000, 5000, 0.5)):
        leak = theory.continuous.leakage(n, dim, beta)
        assert theory.continuous.capacity(dim, beta, leak) == pytest.approx(n, rel=1e-6)
    for n, dim in ((1000, 64), (10**6, 384), (2, 8)):
        beta = theory.continuous.beta_for(n, dim, 0.01)
        assert theory.continuous.leakage(n, dim, beta) == pytest.approx(0.01, rel=1e-6)
    draws = np.random.default_rng(0).normal(size=(200_000, 6))
    cosines = draws[:, 0] / np.linalg.norm(draws, axis=1)
    for beta in (0.3, 4.0):
        terms = np.exp(beta * (cosines - 1))
        leak = theory.continuous.leakage(2, 6, beta)
        assert abs(terms.mean() - leak / (1 - leak)) < 4 * terms.std() / 200_000**0.5
    share = (cosines > 1 - 1 / 2.0).mean()
    exact = theory.continuous.inexactness(2, 6, 2.0, 1.0)
    assert abs(share - exact) < 4 * (exact * (1 - exact) / 200_000) ** 0.5


def _measured_by_definition(memory, similarity, error, share):
    patterns = memory.patterns.astype(float)
    scores = reference.similarities(similarity, patterns, patterns)
    behind = scores - scores.diagonal()[:, None]
    np.fill_diagonal(behind, -np.inf)
    low, high = np.full(len(patterns), 1e-6), np.full(len(patterns), 1e9)
    for _ in range(120):
        middle = np.sqrt(low * high)
        with np.errstate(over="ignore"):
            leaks = np.exp(middle[:, None] * behind).sum(axis=1) > error / (1 - error)
        low, high = np.where(leaks, middle, low), np.where(leaks, high, middle)
    low[behind.max(axis=1) >= 0] = np.inf
    return np.sort(low)[int(np.ceil(share * len(patterns))) - 1]


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_measured_betas_leak_what_was_asked(similarity, dtype):
    rng = np.random.default_rng(2)
    patterns = rng.normal(size=(150, 24)) / 24**0.5
    patterns[100:120] = patterns[:20] + 0.01 * rng.normal(size=(20, 24))
    for scale in (1.0, 30.0):
        memory = ContinuousMemory(24, similarity, dtype=dtype)
        memory.store(scale * patterns)
        for error, share in ((1e-4, 0.4), (0.01, 0.1), (0.01, 0.4), (0.9, 0.4)):
            if (
                similarity == "dot" and share > 0.5
            ):  # longer patterns are nearer to many than these themselves
                continue
            expected = _measured_by_definition(memory, similarity, error, share)
            assert memory.measured_beta(error, share=share) == pytest.approx(expected, rel=0.02)


def test_measured_betas_of_random_patterns_are_those_of_theory():
    rows = np.random.default_rng(3).normal(size=(5000, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    memory = ContinuousMemory(64)
    memory.store(rows)
    assert memory.measured_beta(0.01, share=0.5, sample=1000) == pytest.approx(
        memory.beta_for(0.01), rel=0.05
    )
    sparse = ContinuousMemory(64, separation="entmax")
    sparse.store(rows)
    beta = sparse.measured_beta(share=0.9, sample=5000)
    exact = sparse.retrieve(memory.patterns, betas=beta * (1 + 1e-4)).effective == 1.0
    assert exact.mean() == pytest.approx(0.9, abs=5e-3)


def test_measured_betas_are_refused_where_there_are_none():
    twins = ContinuousMemory(3)
    twins.store(np.ones((5, 3)))
    with pytest.raises(ValueError, match="100% have others as similar as themselves"):
        twins.measured_beta()
    one = ContinuousMemory(3)
    with pytest.raises(ValueError, match="empty"):
        one.measured_beta()
    one.store([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="two patterns"):
        one.measured_beta()
    for options in ({"error": 0.0}, {"error": 1.0}, {"share": 0.0}, {"share": 1.1}, {"sample": 0}):
        with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter"):
            twins.measured_beta(**options)
    powers = ContinuousMemory(3, separation="identity")
    powers.store(np.eye(3))
    with pytest.raises(ValueError, match="Powers of similarities"):
        powers.measured_beta()


def test_retrieval_without_a_beta_needs_no_scipy_and_chooses_it_once(monkeypatch):
    monkeypatch.setattr(theory.continuous, "scipy_module", None)
    memory = made(100, 32)
    calls = []
    chosen = theory.continuous.beta_for
    monkeypatch.setattr(theory.continuous, "beta_for", lambda *given: calls.append(given) or chosen(*given))
    first = memory.retrieve(memory.patterns[:3]).states
    np.testing.assert_array_equal(memory.retrieve(memory.patterns[:3]).states, first)
    assert len(calls) == 1
    memory.store(memory.patterns[:5] * 2)
    memory.retrieve(memory.patterns[:3])
    assert [given[0] for given in calls] == [100, 105]


def test_leakage_is_right_where_bessel_functions_underflow():
    for dim in (30_001, 65_536):  # 1 / dim is the variance of a cosine
        beta = theory.continuous.beta_for(1000, dim, 0.01)
        normal = 999 * np.exp(beta**2 / (2 * dim) - beta)
        assert normal / (1 + normal) == pytest.approx(0.01, rel=1e-3)
    special = pytest.importorskip("scipy.special")
    for dim in (2, 3, 8, 65, 384):
        order = dim / 2 - 1
        for beta in (16.5, 300.0, 1e5) if dim > 65 else (0.5, 16.5, 1e5):
            exact = special.gammaln(dim / 2) + order * np.log(2 / beta) + np.log(special.ive(order, beta))
            assert theory.continuous._log_mean_exponential(dim, beta) == pytest.approx(exact, rel=1e-8)
