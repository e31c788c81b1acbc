# SPDX-License-Identifier: Apache-2.0
"""HDClassifier: scikit-learn's checks, every rule against its definition, answers in bits, bad input."""

from __future__ import annotations

import doctest
import importlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import reference_learn
from hypersketch.learn import HDClassifier, HDEncoder
from hypersketch.learn._ridge import ridge
from hypersketch.learn._training import Batches, norms
from hypersketch.vsa import BSC, MapB, MapI
from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder

# Batches of repeated rows are other batches; a centroid's last digits of float32 are others.
NOT_EXACT = {"check_sample_weight_equivalence_on_dense_data"}
METHODS = ["centroid", "adaptive", "online", "neural", "dist", "quant", "ridge"]


def blobs(n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    """Three classes that overlap."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return rng.standard_normal((n, 5)) + 2.0 * np.eye(3, 5)[y], y


@pytest.fixture(scope="module")
def digits() -> Any:
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 8 - 1, y, train_size=600, test_size=400, random_state=0, stratify=y)


@pytest.mark.parametrize(
    "made",
    [
        HDClassifier(300),
        HDClassifier(300, method="centroid"),
        HDClassifier(300, method="centroid", encoder="level", packed=True),
        HDClassifier(300, method="neural", encoder="projection"),
        HDClassifier(300, method="quant", packed=True),
        HDClassifier(300, method="ridge"),
        HDClassifier(encoder=HDEncoder(300, gamma=0.1, output="packed"), early_stopping=True),
    ],
    ids=repr,
)
def test_scikit_learn_checks(made: Any) -> None:
    results = check_estimator(made, on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert len(results) > 50
    assert failed <= NOT_EXACT


@pytest.mark.parametrize("encoder", ["fourier", "sinusoid", "level"])
@pytest.mark.parametrize("method", ["centroid", "ridge"])
def test_weights_are_repetitions(encoder: str, method: str) -> None:
    X, y = blobs()
    weights = np.arange(len(X)) % 3
    made = HDClassifier(300, encoder=encoder, method=method, random_state=0)
    one = made.fit(X, y, weights).class_vectors_
    two = made.fit(X.repeat(weights, axis=0), y.repeat(weights)).class_vectors_
    assert np.allclose(one, two, atol=1e-4 * np.abs(two).max())


@pytest.mark.parametrize("method", ["centroid", "adaptive", "online", "quant"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_rules_from_their_definitions(method: str, packed: bool, weighted: bool) -> None:
    X, y = blobs()
    weights = np.random.default_rng(1).integers(1, 4, len(X)) if weighted else None
    made = HDClassifier(
        130, method=method, packed=packed, n_iter=3, learning_rate=0.5, batch_size=7, shuffle=False
    )
    made.set_params(random_state=0).fit(X, y, weights)
    encoder = made.encoder_
    rows = (encoder.signs if packed else encoder.floats)(X.astype(np.float32))
    expected = reference_learn.train(rows, y, 3, method, 3, 0.05, 0.5, 7, weights)
    assert np.allclose(made.class_vectors_, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    if packed:
        signs = MapB(130).unpack(made.packed_class_vectors_)
        assert np.array_equal(signs[expected != 0], np.sign(expected[expected != 0]))
        assert np.array_equal(made.decision_function(X), rows.astype(int) @ signs.T.astype(int) / 130)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [1, 63, 64, 65, 500])
def test_sizes_and_seeds(method: str, dim: int) -> None:
    X, y = blobs(31)
    made = HDClassifier(dim, method=method, n_iter=6, random_state=3).fit(X, y)
    assert made.class_vectors_.shape == (3, dim)
    assert np.isfinite(made.class_vectors_).all()
    assert np.isfinite(made.decision_function(X)).all()
    assert np.array_equal(clone(made).fit(X, y).class_vectors_, made.class_vectors_)
    assert np.array_equal(pickle.loads(pickle.dumps(made)).predict(X), made.predict(X))
    if dim == 500:
        assert not np.array_equal(
            clone(made).set_params(random_state=4).fit(X, y).class_vectors_, made.class_vectors_
        )
        assert made.score(X, y) > 0.75


# Kinds of encoders and what they reach here: the least of seeds 0 to 4, less a percent of the 400 rows.
@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({}, 0.952),
        ({"packed": True}, 0.925),
        ({"method": "adaptive"}, 0.937),
        ({"method": "neural"}, 0.942),
        ({"method": "dist"}, 0.957),
        ({"method": "quant", "packed": True}, 0.922),
        ({"method": "ridge"}, 0.967),
        ({"method": "ridge", "encoder": "density"}, 0.937),
        ({"method": "centroid", "encoder": "level", "packed": True}, 0.85),
    ],
    ids=str,
)
def test_digits(digits: Any, settings: Any, least: float) -> None:
    X, other, y, wanted = digits
    made = HDClassifier(1000, random_state=0, **settings).fit(X, y)
    assert made.score(other, wanted) >= least


def test_labels_of_any_type() -> None:
    X, y = blobs()
    for names in (["a", "b", "c"], [2.0, 4.0, 8.0], [False, True, True]):
        labels = np.array(names)[y]
        made = HDClassifier(300, random_state=0).fit(X, labels)
        assert made.classes_.tolist() == sorted(set(names))
        assert made.predict(X).dtype == labels.dtype
        assert made.decision_function(X).shape == ((90, 3) if len(set(names)) == 3 else (90,))
    one = HDClassifier(100, random_state=0).fit(X, ["only"] * 90)
    assert set(one.predict(X)) == {"only"}
    assert one.partial_fit(X, ["only"] * 90).score(X, ["only"] * 90) == 1.0


@pytest.mark.parametrize("method", METHODS[:-1])
def test_learning_in_parts(method: str) -> None:
    X, y = blobs(300)
    made = HDClassifier(1000, method=method, random_state=0)
    for start in range(0, 300, 100):
        part = slice(start, start + 100)
        made.partial_fit(X[part], y[part], classes=[0, 1, 2, 7])
    assert made.classes_.tolist() == [0, 1, 2, 7]
    assert made.score(X, y) > 0.75
    assert made.n_iter_ == 3
    whole = clone(made).partial_fit(X[:100], y[:100], classes=[0, 1, 2])
    if method == "centroid":
        rows = whole.encoder_.floats(X[:100].astype(np.float32))
        assert np.allclose(
            whole.class_vectors_, reference_learn.train(rows, y[:100], 3, method, 1, 0), atol=1e-3
        )
    before = made.class_vectors_.copy()
    for bad, sentence in (
        ({"y": [0, 1, 9]}, r"labels \[9\], which are not among the classes .*: \[0, 1, 2, 7\]"),
        ({"y": [0, 1, 2], "classes": [0, 1]}, r"classes=\[0, 1\] differs"),
        ({"X": np.full((3, 5), np.nan), "y": [0, 1, 2]}, "NaN"),
        ({"X": np.ones((3, 4)), "y": [0, 1, 2]}, "4 features"),
        ({"y": [0, 1, 2], "sample_weight": [0, 0, 0]}, "zero"),
        ({"y": [0, 1, 2], "sample_weight": [-1, 0, 0]}, "[Nn]egative"),
    ):
        with pytest.raises(ValueError, match=sentence):
            made.partial_fit(**{"X": X[:3], **bad})
        assert np.array_equal(made.class_vectors_, before)
        assert made.n_iter_ == 3


def test_no_pass_changes_anything_after_one_without_corrections() -> None:
    X, y = blobs()
    made = HDClassifier(4000, encoder=HDEncoder(4000, gamma=2.0, random_state=0), margin=0.0, n_iter=500)
    made.set_params(random_state=0).fit(X, y)
    assert made.n_iter_ < 500
    assert made.n_mistakes_[-1] == 0
    again = clone(made).set_params(n_iter=made.n_iter_).fit(X, y)
    assert np.array_equal(again.class_vectors_, made.class_vectors_)


def test_early_stopping_keeps_the_best() -> None:
    X, y = blobs(200)
    made = HDClassifier(1000, early_stopping=True, n_iter_no_change=2, n_iter=200, random_state=0).fit(X, y)
    assert made.n_iter_ < 200
    tiny = HDClassifier(100, early_stopping=True, random_state=0).fit(X[:12], [*y[:11], 9])
    assert tiny.classes_.max() == 9


@pytest.mark.parametrize("method", ["neural", "dist"])
def test_regeneration_redraws_dimensions(method: str) -> None:
    X, y = blobs()
    made = HDClassifier(200, method=method, regenerate_every=2, regenerate_share=0.1, n_iter=5)
    once = clone(made).set_params(random_state=0, n_iter=2).fit(X, y)
    more = clone(made).set_params(random_state=0, n_iter=3).fit(X, y)
    changed = (once.encoder_.matrix != more.encoder_.matrix).any(axis=0)
    assert 0 < changed.sum() <= 20
    assert np.array_equal(changed, once.encoder_.phases[0] != more.encoder_.phases[0])
    for packed in (False, True):  # rows kept take the new dimensions over
        rows = X.astype(np.float32)
        batches = Batches(once.encoder_, rows, 20, binary=packed)
        batches.redrawn(more.encoder_, np.flatnonzero(changed))
        wanted = (more.encoder_.signs if packed else more.encoder_.floats)(rows)
        assert np.array_equal(batches.whole()[0], wanted)
        assert np.array_equal(batches.whole()[1], norms(wanted))


def test_rows_that_are_encoded_anew_in_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs()
    made = HDClassifier(300, random_state=0)
    kept = made.fit(X, y).class_vectors_
    monkeypatch.setattr("hypersketch.learn._training._KEPT_BYTES", 0)
    assert np.allclose(made.fit(X, y).class_vectors_, kept, atol=1e-4 * np.abs(kept).max())


@pytest.mark.parametrize("dim", [3, 40])
def test_ridge_from_its_equation(dim: int) -> None:
    rng = np.random.default_rng(0)
    rows, answers = rng.standard_normal((12, dim)).astype(np.float32), rng.standard_normal((12, 2))
    weights = rng.random(12)
    scale = np.average((rows**2).sum(axis=1), weights=weights)
    left = (rows.T * weights) @ rows + 0.3 * scale * np.eye(dim)
    expected = np.linalg.solve(left, (rows.T * weights) @ answers).T
    assert np.allclose(ridge(rows, answers, weights, 0.3), expected, atol=1e-5)


def test_encoders_of_others() -> None:
    X, y = blobs()

    class Signs:
        space = MapB(100)

        def encode(self, rows: Any) -> Any:
            return self.space.atoms(np.argmax(rows, axis=1))

    packed = HDClassifier(encoder=Signs(), packed=True, random_state=0).fit(X, y)
    assert packed.class_vectors_.shape == (3, 100)
    assert packed.score(X, y) > 0.5
    levels = RecordEncoder(BSC(500), 5, LevelEncoder(BSC(500), -3, 5, levels=20))
    records = HDClassifier(encoder=levels, packed=True, random_state=0).fit(X, y)
    assert records.packed_class_vectors_.shape == (3, 8)
    assert records.score(X, y) > 0.75
    sums = HDClassifier(encoder=RecordEncoder(MapI(500), 5, LevelEncoder(MapI(500), -3, 5, levels=20)))
    assert sums.set_params(random_state=0).fit(X, y).score(X, y) > 0.75
    flat = FunctionTransformer(np.ravel, check_inverse=False)
    with pytest.raises(ValueError, match=r"must return one row of numbers a row of X, 1. Got an array"):
        HDClassifier(encoder=flat).fit(X, y)
    scaled = HDClassifier(encoder=StandardScaler(), random_state=0).fit(X, y)
    assert scaled.class_vectors_.shape == (3, 5)
    inner = HDEncoder(300, random_state=0)
    assert HDClassifier(encoder=inner).fit(X, y).class_vectors_.shape == (3, 300)
    assert not hasattr(inner, "encoder_")
    with pytest.raises(ValueError, match="redraws dimensions, which needs the encoder"):
        HDClassifier(encoder=Signs(), method="neural").fit(X, y)


def test_pipelines_searches_and_calibration() -> None:
    X, y = blobs(150)
    pipeline = make_pipeline(StandardScaler(), HDClassifier(encoder=HDEncoder(300, random_state=0)))
    search = GridSearchCV(pipeline, {"hdclassifier__encoder__gamma": [0.01, 0.1]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.7
    odds = CalibratedClassifierCV(HDClassifier(300, random_state=0), cv=3).fit(X, y).predict_proba(X)
    assert np.allclose(odds.sum(axis=1), 1)
    assert not hasattr(HDClassifier(), "predict_proba")
    assert not hasattr(HDClassifier(method="ridge"), "partial_fit")


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"dim": 0}, ValueError, r"'dim' parameter of HDClassifier must be .* Got 0 instead"),
        ({"dim": 2.0}, TypeError, r"'dim' parameter"),
        ({"method": "best"}, ValueError, r"'method' .* one of 'centroid', .* Got 'best' instead"),
        ({"encoder": "best"}, ValueError, r"'encoder' .* one of 'fourier'"),
        ({"encoder": 3}, TypeError, r"or an object with transform or encode. Got 3 instead"),
        ({"encoder": HDEncoder}, TypeError, r"or an object with transform or encode"),
        ({"encoder": HDEncoder(gamma=-1.0)}, ValueError, r"'gamma' parameter of HDEncoder"),
        ({"packed": 1}, TypeError, r"'packed' .* True or False"),
        ({"packed": True, "method": "ridge"}, ValueError, r"'ridge' of HDClassifier has no packed vectors"),
        ({"n_iter": 0}, ValueError, r"'n_iter'"),
        ({"learning_rate": 0}, ValueError, r"'learning_rate' .* a finite float > 0"),
        ({"margin": -0.1}, ValueError, r"'margin' .* a finite float >= 0. Got -0.1 instead"),
        ({"batch_size": None}, TypeError, r"'batch_size'"),
        ({"shuffle": None}, TypeError, r"'shuffle'"),
        ({"early_stopping": "no"}, TypeError, r"'early_stopping'"),
        ({"validation_fraction": 1.0}, ValueError, r"'validation_fraction'"),
        ({"n_iter_no_change": 0}, ValueError, r"'n_iter_no_change'"),
        ({"regenerate_every": 0}, ValueError, r"'regenerate_every'"),
        ({"regenerate_share": 0}, ValueError, r"'regenerate_share'"),
        ({"ridge_alpha": 0}, ValueError, r"'ridge_alpha'"),
        ({"method": "neural", "encoder": "level"}, ValueError, r"'neural' redraws dimensions"),
    ],
    ids=str,
)
def test_bad_parameters(settings: Any, error: type[Exception], sentence: str) -> None:
    X, y = blobs(20)
    made = HDClassifier(64, random_state=0).fit(X, y)
    before, state = made.predict(X), set(vars(made))
    made.set_params(**settings)
    with pytest.raises(error, match=sentence):
        made.fit(X[:, :3], y)
    made.set_params(**HDClassifier(64, random_state=0).get_params())
    assert set(vars(made)) == state
    assert np.array_equal(made.predict(X), before)


def test_bad_rows() -> None:
    X, y = blobs(20)
    with pytest.raises(NotFittedError):
        HDClassifier().predict(X)
    made = HDClassifier(64, random_state=0).fit(X, y)
    for rows, sentence in (
        (np.full((2, 5), np.inf), "infinity"),
        (X[:, :4], "4 features"),
        (X[0], "2D array"),
        (X * 1e300, "X has numbers beyond float32"),
        (X + 1j, "[Cc]omplex"),
    ):
        with pytest.raises(ValueError, match=sentence):
            made.predict(rows)
    for labels, sentence in ((y[:4], "inconsistent"), (np.linspace(0, 1, 20), "[Cc]ontinuous|label type")):
        with pytest.raises(ValueError, match=sentence):
            made.fit(X, labels)
    with pytest.raises(ValueError, match="needs the parameter classes"):
        HDClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"'classes' .* one-dimensional array of labels"):
        HDClassifier().partial_fit(X, y, classes=[])


@pytest.mark.parametrize("name", ["_bits", "_estimator", "_labels", "_ridge", "_training"])
def test_examples_of_what_they_share(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"hypersketch.learn.{name}")).failed == 0


def test_without_scikit_learn_the_extra_is_named() -> None:
    program = (
        "import sys\n"
        "import hypersketch, hypersketch.vsa\n"
        "assert not {'sklearn', 'scipy', 'hypersketch.learn'} & set(sys.modules)\n"
        "sys.modules['sklearn'] = None\n"
        "try: import hypersketch.learn\n"
        "except ImportError as error: assert \"pip install 'hypersketch[sklearn]'\" in str(error)\n"
        "else: raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
