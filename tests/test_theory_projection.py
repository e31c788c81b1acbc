# SPDX-License-Identifier: Apache-2.0
"""Closed forms of projections against enumeration of every choice of outputs and signs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from hypersketch import theory
from hypersketch.theory import projection

X = np.array([1.0, -2.0, 0.5])
Y = np.array([0.5, 1.0, 3.0])


def vectors(m: int, sizes: list[int]) -> list[np.ndarray]:
    """Every row that a feature may have: one sign in each block of the given sizes."""
    firsts = np.cumsum([0, *sizes])
    made = []
    for places in itertools.product(*(range(size) for size in sizes)):
        for signs in itertools.product((1.0, -1.0), repeat=len(sizes)):
            row = np.zeros(m)
            for first, place, sign in zip(firsts, places, signs, strict=False):
                row[first + place] = sign / math.sqrt(len(sizes))
            made.append(row)
    return made


@pytest.mark.parametrize(("m", "sizes"), [(1, [1]), (3, [3]), (4, [2, 2]), (3, [1, 2]), (5, [2, 3])])
def test_sparse_projection_by_enumeration(m: int, sizes: list[int]) -> None:
    found = []
    for rows in itertools.product(vectors(m, sizes), repeat=2):
        x, y = X[:2] @ np.array(rows), Y[:2] @ np.array(rows)
        found.append((x @ y, x @ x))
    inner, norm = np.array(found).T
    x, y = X[:2], Y[:2]
    assert inner.mean() == pytest.approx(x @ y, abs=1e-12)
    sd = projection.inner_product_sd(m, x @ x, y @ y, x @ y, (x * x) @ (y * y), len(sizes))
    assert inner.std() == pytest.approx(sd, rel=1e-12)
    assert norm.std() == pytest.approx(
        projection.squared_norm_sd(m, x @ x, (x**4).sum(), len(sizes)), rel=1e-12
    )


def test_dense_signs_by_enumeration() -> None:
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=6))).reshape(-1, 3, 2)
    x, y = np.einsum("tdm,d->tm", signs, X), np.einsum("tdm,d->tm", signs, Y)
    inner = (x * y).sum(axis=1) / 2
    assert inner.mean() == pytest.approx(X @ Y)
    sd = projection.inner_product_sd(2, X @ X, Y @ Y, X @ Y, (X * X) @ (Y * Y))
    assert inner.std() == pytest.approx(sd, rel=1e-12)


@pytest.mark.parametrize(("m", "degree"), [(1, 2), (2, 2), (3, 2), (4, 2), (2, 3), (3, 3)])
def test_tensor_sketch_by_enumeration(m: int, degree: int) -> None:
    x, y = X[:2], Y[:2]
    choices = [np.array(rows) for rows in itertools.product(vectors(m, [m]), repeat=2)]
    spectra = [(np.fft.fft(x @ rows), np.fft.fft(y @ rows)) for rows in choices]
    found = []
    for factors in itertools.product(spectra, repeat=degree):
        a, b = (np.prod([pair[i] for pair in factors], axis=0) for i in (0, 1))
        found.append((a * b.conj()).real.sum() / m)
    inner = np.array(found)
    assert inner.mean() == pytest.approx((x @ y) ** degree, abs=1e-9)
    sd = projection.tensor_sketch_sd(m, degree, x @ x, y @ y, x @ y, (x * x) @ (y * y))
    assert inner.std() == pytest.approx(sd, rel=1e-9, abs=1e-9)


def test_bounds_hold_for_the_exact_forms() -> None:
    assert projection.squared_norm_sd(50, 3.0, 0.0) == pytest.approx(math.sqrt(2 / 50) * 3.0)
    for degree in (2, 3, 5):
        m = projection.tensor_sketch_components(degree, 0.2, 0.1)
        worst = projection.tensor_sketch_sd(m, degree, 1.0, 1.0, 1.0, 0.0)
        assert worst**2 / 0.2**2 <= 0.1  # Chebyshev
    n = projection.jl_components(100, 0.3, 0.01)
    assert n == 2 * math.log(100 * 99 / 0.01) // (0.3**2 / 2 - 0.3**3 / 3) + 1
    assert projection.jl_components(np.array([2, 1000]), 0.5).shape == (2,)


def test_dense_signs_are_a_bundle() -> None:
    mean, variance = theory.map_i.inner_moments(10, 20, 5, 256)
    found = projection.inner_product_sd(256, 10.0, 20.0, 5.0, 5.0)
    assert (mean, found**2) == (5.0, pytest.approx(variance, rel=1e-12))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("projection.spread(4, 5)", "'n_nonzeros' .* at most n_components = 4. Got 5 instead"),
        ("projection.inner_product_sd(0, 1.0, 1.0, 1.0, 1.0)", "'n_components' .* integer >= 1. Got 0"),
        ("projection.inner_product_sd(4, -1.0, 1.0, 1.0, 1.0)", "'squared_norm_x' .* Got -1 instead"),
        ("projection.tensor_sketch_sd(4, 0, 1.0, 1.0, 1.0, 1.0)", "'degree' .* integer >= 1. Got 0"),
        ("projection.tensor_sketch_components(2, 0.0, 0.1)", "'eps' .* Got 0 instead"),
        ("projection.jl_components(1, 0.1)", "'n_samples' .* integer >= 2. Got 1 instead"),
        ("projection.jl_components(5, 1.5)", r"'eps' .* a float in \(0, 1\). Got 1.5 instead"),
    ],
)
def test_bad_arguments_get_one_sentence(call: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        eval(call, vars(theory))
