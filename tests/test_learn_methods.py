# SPDX-License-Identifier: Apache-2.0
"""HDClassifier's methods "lehdc", "sparse" and "compressed": definitions, bits, sizes, bad input."""

from __future__ import annotations

import doctest
import math
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import reference_learn
import reference_learning_methods as reference
from hypersketch.learn import HDClassifier, HDEncoder, _sparse
from hypersketch.learn._binary import BinaryLearner
from hypersketch.learn._compressed import Compressed
from hypersketch.learn._encoders import Foreign
from hypersketch.learn._sparse import Chosen
from hypersketch.learn._training import Batches, Rule
from hypersketch.vsa import MapB
from test_learn_classifier import NOT_EXACT, blobs

METHODS = ["lehdc", "sparse", "compressed"]


@pytest.mark.parametrize(
    "made",
    [
        HDClassifier(300, method="lehdc"),
        HDClassifier(300, method="lehdc", encoder="level", packed=True),
        HDClassifier(300, method="sparse", packed=True),
        HDClassifier(300, method="sparse", sparsity_type="class", early_stopping=True),
        HDClassifier(300, method="compressed", packed=True),
    ],
    ids=repr,
)
def test_scikit_learn_checks(made: Any) -> None:
    results = check_estimator(made, on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert len(results) > 50
    assert failed <= NOT_EXACT


# ---- LeHDC


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_lehdc_from_its_definition(packed: bool, weighted: bool) -> None:
    X, y = blobs(40)
    weights = np.random.default_rng(1).integers(1, 4, len(X)) if weighted else None
    made = HDClassifier(130, method="lehdc", packed=packed, n_iter=4, batch_size=7, shuffle=False)
    made.set_params(dropout=0.0, weight_decay=0.5, random_state=0).fit(X, y, weights)
    rows = (made.encoder_.signs if packed else made.encoder_.floats)(X.astype(np.float32))
    latent = reference.lehdc(rows, y, 3, 4, 7, 0.5, weights)
    sure = np.abs(latent) > 1e-4  # others may round to the other side
    assert sure.mean() > 0.9
    assert np.array_equal(made.class_vectors_[sure], np.sign(latent[sure]))
    assert set(made.class_vectors_.ravel()) == {-1.0, 1.0}


@pytest.mark.parametrize("dim", [1, 63, 64, 65, 300])
def test_lehdc_answers_from_bits_exactly(dim: int) -> None:
    X, y = blobs(31)
    made = HDClassifier(dim, method="lehdc", packed=True, n_iter=3, random_state=0).fit(X, y)
    assert np.array_equal(MapB(dim).unpack(made.packed_class_vectors_), made.class_vectors_)
    rows = made.encoder_.signs(X.astype(np.float32)).astype(int)
    assert np.array_equal(made.decision_function(X), rows @ made.class_vectors_.T.astype(int) / dim)


def learner(dropout: float, rows: Any, vectors: Any) -> BinaryLearner:
    encoder = Foreign(FunctionTransformer(), rows, rows.shape[1])
    batches, rule = Batches(encoder, rows, 10, binary=False), Rule(1.0, 0.0, False, False)
    targets = np.zeros(len(rows), np.int64)
    return BinaryLearner(batches, targets, None, vectors, rule, dropout, 0.0, np.random.default_rng(0))


def test_dropout_leaves_out_its_share() -> None:
    rows, lengths = np.ones((50, 2000), np.float32), np.full(50, 2000**0.5, np.float32)
    thinned = learner(0.25, rows, np.zeros((2, 2000), np.float32))._thinned(rows, lengths)
    assert np.allclose(thinned[thinned != 0], 4 / 3)
    least, most = stats.binom(rows.size, 0.25).interval(1 - 1e-6)
    assert least <= np.count_nonzero(thinned == 0) <= most
    for nothing in (0.0, 1e-9):
        whole = learner(nothing, rows, np.zeros((2, 2000), np.float32))._thinned(rows, lengths)
        assert np.allclose(whole, 1)
    nearly = learner(1 - 1e-9, rows, np.zeros((2, 2000), np.float32))._thinned(rows, lengths)
    assert np.isfinite(nearly).all()


def test_steps_are_halved_when_the_loss_rises() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32)
    made = learner(0.0, rows, np.zeros((2, 30), np.float32))
    made.add_all()
    made.loss = 0.0
    made.epoch(np.arange(2))
    assert made.shrink == 0.5
    made.loss = math.inf
    made.epoch(np.arange(2))
    assert made.shrink == 0.5


def test_rows_of_zeros_are_learned_from() -> None:
    X, y = np.zeros((6, 3)), [0, 1, 0, 1, 0, 1]
    for method in METHODS:
        made = HDClassifier(20, method=method, encoder="projection", random_state=0).fit(X, y)
        assert np.isfinite(made.decision_function(X)).all()


# ---- SparseHD


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("by", ["dimension", "class"])
@pytest.mark.parametrize("sparsity", [0.001, 0.5, 0.97])
def test_sparse_from_its_definition(packed: bool, by: str, sparsity: float) -> None:
    if packed and by == "class":
        return
    X, y = blobs(60)
    made = HDClassifier(130, method="sparse", packed=packed, n_iter=3, batch_size=7, shuffle=False)
    made.set_params(sparsity=sparsity, sparsity_type=by, random_state=0).fit(X, y)
    rows = (made.encoder_.signs if packed else made.encoder_.floats)(X.astype(np.float32))
    prune = partial(reference.prune, sparsity=sparsity, by=by)
    expected = reference_learn.train(rows, y, 3, "adaptive", 3, 0.05, 1.0, 7, None, prune)
    assert np.allclose(made.class_vectors_, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    kept = np.flatnonzero(expected.any(axis=0))
    assert np.array_equal(made.kept_dims_, kept)
    if by == "dimension":
        assert 130 - math.floor(sparsity * 130) - kept.size in ((0, 1, 2, 3) if packed else (0,))
    scores = [[reference_learn.cosine(row[kept], one[kept]) for one in expected] for row in rows]
    if packed:
        signs = MapB(kept.size).unpack(made.packed_class_vectors_)
        sure = expected[:, kept] != 0
        assert np.array_equal(signs[sure], np.sign(expected[:, kept][sure]))
        scores = rows[:, kept].astype(int) @ signs.T.astype(int) / kept.size
    assert np.allclose(made.decision_function(X), scores, atol=1e-4)


@pytest.mark.parametrize("kind", ["fourier", "projection", "level", "density"])
def test_chosen_dimensions_are_those_of_all(kind: str) -> None:
    X = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    inner = HDEncoder(130, kind=kind, random_state=0).fit(X).encoder_
    dims = np.array([0, 3, 64, 128, 129])
    chosen = Chosen(inner, dims)
    assert np.array_equal(chosen.floats(X), inner.floats(X)[:, dims])
    assert np.array_equal(MapB(5).unpack(chosen.packed(X)), MapB(130).unpack(inner.packed(X))[:, dims])


def test_nothing_left_is_one_dimension() -> None:
    assert doctest.testmod(_sparse).failed == 0
    assert _sparse.kept_dims(np.zeros((2, 5), np.float32)).tolist() == [0]
    for sparsity, left in ((0.999, 1), (0.5, 1), (0.001, 1)):
        one = np.ones((2, 1), np.float32)
        _sparse.prune(one, sparsity, "dimension")
        assert np.count_nonzero(one.any(axis=0)) == left


# ---- CompHD


@pytest.mark.parametrize(("dim", "n_segments"), [(1, 1), (7, 3), (7, 7), (64, 4), (65, 4), (5, 4), (130, 1)])
def test_folds_from_their_definition(dim: int, n_segments: int) -> None:
    rng = np.random.default_rng(dim)
    X = rng.standard_normal((5, 4)).astype(np.float32)
    inner = HDEncoder(dim, kind="projection", random_state=0).fit(X).encoder_
    made = Compressed(inner, n_segments, rng, "example")
    assert set(made.keys.ravel()) <= {-1.0, 1.0}
    expected = [reference.fold(row, made.keys) for row in inner.floats(X)]
    assert np.allclose(made.floats(X), expected, atol=1e-5)
    assert made.dim == -(-dim // n_segments)


def test_folded_classes_are_the_classes_of_folded_rows() -> None:
    X, y = blobs(60)
    made = HDClassifier(300, method="compressed", n_iter=1, random_state=0).fit(X, y)
    whole = made.encoder_.inner.floats(X.astype(np.float32))
    sums = np.array([whole[y == c].sum(axis=0) for c in range(3)])
    assert made.class_vectors_.shape == (3, 75)
    assert np.allclose(made.class_vectors_, made.encoder_.fold(sums), atol=1e-3)
    more = clone(made).set_params(n_iter=4, batch_size=7, shuffle=False).fit(X, y)
    rows = more.encoder_.floats(X.astype(np.float32))
    expected = reference_learn.train(rows, y, 3, "adaptive", 4, 0.05, 1.0, 7)
    assert np.allclose(more.class_vectors_, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


# ---- all three


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [4, 63, 64, 65, 500])
@pytest.mark.parametrize("packed", [False, True])
def test_sizes_and_seeds(method: str, dim: int, packed: bool) -> None:
    X, y = blobs(31)
    made = HDClassifier(dim, method=method, packed=packed, n_iter=6, random_state=3).fit(X, y)
    assert np.isfinite(made.decision_function(X)).all()
    assert np.array_equal(clone(made).fit(X, y).class_vectors_, made.class_vectors_)
    assert np.array_equal(pickle.loads(pickle.dumps(made)).predict(X), made.predict(X))
    if dim == 500:
        other = clone(made).set_params(random_state=4).fit(X, y)
        assert not np.array_equal(other.class_vectors_, made.class_vectors_)
        assert made.score(X, y) > 0.75
    one = clone(made).fit(X, ["only"] * 31)
    assert set(one.predict(X)) == {"only"}


# The least of seeds 0 to 4, less a percent of the 400 rows.
@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({"method": "lehdc"}, 0.957),
        ({"method": "lehdc", "packed": True}, 0.945),
        ({"method": "sparse"}, 0.937),
        ({"method": "sparse", "sparsity": 0.9, "sparsity_type": "class"}, 0.937),
        ({"method": "sparse", "packed": True}, 0.902),
        ({"method": "compressed"}, 0.942),
        ({"method": "compressed", "packed": True}, 0.837),
    ],
    ids=str,
)
def test_digits(settings: Any, least: float) -> None:
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X / 8 - 1, y, train_size=600, test_size=400, random_state=0, stratify=y)
    X, other, y, wanted = parts
    made = HDClassifier(1000, random_state=0, **settings).fit(X, y)
    assert made.score(other, wanted) >= least


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_are_encoded_anew_in_every_pass(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs()
    made = HDClassifier(300, method=method, packed=True, n_iter=4, random_state=0)
    kept = made.fit(X, y).class_vectors_
    monkeypatch.setattr("hypersketch.learn._training._KEPT_BYTES", 0)
    assert np.array_equal(made.fit(X, y).class_vectors_, kept)


def test_early_stopping_keeps_the_best() -> None:
    X, y = blobs(200)
    for method in METHODS:
        made = HDClassifier(500, method=method, early_stopping=True, n_iter_no_change=2, n_iter=200)
        made.set_params(random_state=0).fit(X, y)
        assert made.n_iter_ < 200
        assert made.score(X, y) > 0.75


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("method", METHODS[1:])
def test_learning_in_parts(method: str, packed: bool) -> None:
    X, y = blobs(300)
    made = HDClassifier(1000, method=method, packed=packed, random_state=0)
    for start in range(0, 300, 100):
        made.partial_fit(X[start : start + 100], y[start : start + 100], classes=[0, 1, 2, 7])
    assert made.score(X, y) > 0.75
    assert made.n_iter_ == 3
    if method == "sparse":
        assert made.kept_dims_.size == 500
        assert not made.class_vectors_[:, np.setdiff1d(np.arange(1000), made.kept_dims_)].any()


def test_gradients_need_all_rows() -> None:
    assert not hasattr(HDClassifier(method="lehdc"), "partial_fit")
    with pytest.raises(AttributeError, match=r"no (partial_fit|attribute)"):
        HDClassifier(method="lehdc").partial_fit([[0.0]], [0], classes=[0, 1])


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"dropout": 1.0}, ValueError, r"'dropout' parameter of HDClassifier must be a float in \[0, 1\)"),
        ({"dropout": "half"}, TypeError, r"'dropout'"),
        ({"dropout": -0.1}, ValueError, r"Got -0.1 instead"),
        ({"weight_decay": -1}, ValueError, r"'weight_decay' .* a finite float >= 0"),
        ({"weight_decay": math.inf}, ValueError, r"'weight_decay'"),
        ({"sparsity": 0.0}, ValueError, r"'sparsity' .* a float in \(0, 1\)"),
        ({"sparsity": 1.0}, ValueError, r"'sparsity'"),
        ({"sparsity_type": "row"}, ValueError, r"'sparsity_type' .* one of 'dimension', 'class'"),
        ({"n_segments": 0}, ValueError, r"'n_segments'"),
        ({"n_segments": 2.0}, TypeError, r"'n_segments'"),
        ({"method": "compressed", "n_segments": 65}, ValueError, r"'n_segments' .* \[1, 64\], the dimension"),
        (
            {"method": "sparse", "sparsity_type": "class", "packed": True},
            ValueError,
            "a bit is never zero",
        ),
    ],
    ids=str,
)
def test_bad_parameters(settings: Any, error: type[Exception], sentence: str) -> None:
    X, y = blobs(20)
    made = HDClassifier(64, method="sparse", random_state=0).fit(X, y)
    before, state = made.predict(X), set(vars(made))
    made.set_params(**settings)
    with pytest.raises(error, match=sentence):
        made.fit(X, y)
    made.set_params(**HDClassifier(64, method="sparse", random_state=0).get_params())
    assert set(vars(made)) == state
    assert np.array_equal(made.predict(X), before)
