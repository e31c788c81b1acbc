# SPDX-License-Identifier: Apache-2.0
"""Regression models that learn and answer on a GPU, against their definition and the CPU."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import reference_learn
import rounding
from gpu_tools import needs_gpu, on_gpu
from hypersketch import cuda
from hypersketch.learn import HDRegressor, _training_on_gpu
from hypersketch.learn._experts import softmax

pytestmark = needs_gpu


def waves(n: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (n, 3)).astype(np.float32)
    return X, np.sin(X[:, 0]) * X[:, 1] + 100


def defined(model: HDRegressor, X: Any) -> tuple[Any, Any]:
    """Return answers in double precision, and how far sums in any order and precision may be from them.

    Cosines of D numbers err by (2 D + 4) u; that of a cluster counts by its sharpness, as shares move by no
    more than it times themselves. Vectors that the GPU makes have the CPU's bits, or phases that are off by
    as much where the CPU does not fuse products.
    """
    rows = model.encoder_.floats(X).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    clusters = model.cluster_vectors_.astype(np.float64)
    shares = softmax(model.sharpness * (rows @ clusters.T) / np.linalg.norm(clusters, axis=1))
    answers = rows @ model.model_vectors_.astype(np.float64).T
    sizes = np.linalg.norm(model.model_vectors_.astype(np.float64), axis=1)
    off = (2 * rows.shape[1] + 4) * rounding.unit(np.float32)
    limit = off * (shares * (sizes + 2 * model.sharpness * np.abs(answers))).sum(axis=1)
    wanted = (shares * answers).sum(axis=1) * model.scale_ + model.offset_
    return wanted, rounding.SECOND * (limit * model.scale_ + 4 * rounding.unit(np.float64) * np.abs(wanted))


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_rule_from_its_definition(
    n_models: int, weighted: bool, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr(_training_on_gpu, "_KEPT_BYTES", 1000)
    X, y = waves()
    weights = np.random.default_rng(1).uniform(0.1, 1, len(X)) if weighted else np.ones(len(X))
    made = HDRegressor(150, n_models=n_models, batch_size=7, random_state=0, device="cuda")
    made.partial_fit(X, y, weights if weighted else None)
    models, clusters = made.model_vectors_.copy(), made.cluster_vectors_.copy()
    wanted = (y - made.offset_) / made.scale_
    rows = made.encoder_.floats(X).astype(np.float64)
    expected = reference_learn.regress(rows, wanted, models, clusters, 0.2, 10.0, 7, weights)
    made.partial_fit(X, y, weights if weighted else None)
    # The tolerance of the CPU's test: a thousand operations and more on the way to every number.
    assert np.allclose(made.model_vectors_, expected[0], atol=1e-4 * np.abs(expected[0]).max())
    if n_models > 1:
        assert np.allclose(made.cluster_vectors_, expected[1], atol=1e-4 * np.abs(expected[1]).max())
    else:
        assert np.array_equal(made.cluster_vectors_, clusters)


@pytest.mark.parametrize("encoder", ["fourier", "level"])
@pytest.mark.parametrize(("dim", "n", "n_models"), [(1, 1, 1), (63, 2, 3), (65, 33, 8), (257, 70, 4)])
def test_answers_from_their_definition(encoder: str, dim: int, n: int, n_models: int) -> None:
    X, y = waves(70)
    model = HDRegressor(dim, encoder=encoder, n_models=n_models, n_iter=3, random_state=0).fit(X, y)
    asked = waves(n)[0] * np.float32(0.9)
    wanted, limit = defined(model, asked)
    there = model.predict(on_gpu(asked))
    assert isinstance(there, cuda.DeviceArray)
    assert there.dtype == np.float64
    moved = pickle.loads(pickle.dumps(model)).set_params(device="cuda").predict(asked)
    for answers in (np.asarray(there), moved, model.predict(asked)):
        assert (np.abs(answers - wanted) <= limit).all()
    assert np.array_equal(np.asarray(there), moved)


def test_it_learns_as_well_as_the_cpu() -> None:
    X, y = waves(300)
    here = HDRegressor(1000, random_state=0).fit(X, y)
    model = HDRegressor(1000, random_state=0, device="cuda").fit(X, y)
    again = HDRegressor(1000, random_state=0, device="cuda").fit(on_gpu(X), on_gpu(y))
    assert model.n_iter_ == here.n_iter_
    assert model.score(X, y) == pytest.approx(here.score(X, y), abs=1e-3)
    assert model.score(on_gpu(X), y) == model.score(X, y)
    assert np.array_equal(again.model_vectors_, model.model_vectors_)


def test_what_is_refused() -> None:
    X, y = waves()
    ridge = HDRegressor(64, method="ridge", random_state=0)
    with pytest.raises(ValueError, match="'ridge', which learns on the CPU alone"):
        HDRegressor(64, method="ridge", device="cuda").fit(X, y)
    with pytest.raises(ValueError, match="'ridge', which answers in double precision there"):
        ridge.fit(X, y).predict(on_gpu(X))
    model = HDRegressor(64, random_state=0, device="cuda").fit(X, y)
    before = model.model_vectors_.copy()
    for rows, sentence in ((X[:, :2], r"\(60, 2\) but HDRegressor needs"), (X * np.nan, "finite numbers")):
        with pytest.raises(ValueError, match=sentence):
            model.predict(on_gpu(rows))
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X * np.nan, y)
    assert np.array_equal(model.model_vectors_, before)
    with pytest.raises(ValueError, match="'device' parameter of HDRegressor"):
        HDRegressor(64, device="gpu").fit(X, y)
