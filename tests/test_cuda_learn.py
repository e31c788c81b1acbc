# SPDX-License-Identifier: Apache-2.0
"""Rows encoded, learned from and classified on a GPU: the CPU's vectors and labels, wherever the rows lie."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import rounding
from gpu_tools import needs_gpu, on_gpu
from hypersketch import cuda
from hypersketch._core import simd_level
from hypersketch.learn import HDClassifier, HDEncoder, _on_gpu
from hypersketch.learn._sparse import Chosen

pytestmark = needs_gpu

KINDS = ["fourier", "sinusoid", "projection", "level", "density"]
METHODS = ["centroid", "adaptive", "online", "neural", "dist", "quant", "sparse", "compressed"]
FUSED = simd_level() in ("avx2", "avx512")
"""Whether the CPU's products are rounded as the GPU's."""


def blobs(n: int = 90, n_features: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return (rng.normal(0, 1, (n, n_features)) + 2 * y[:, np.newaxis]).astype(np.float32), y


def close(ours: Any, theirs: Any, limit: Any = 0.0) -> bool:
    """Whether numbers are the same bits, or within a limit where the CPU rounds products before sums."""
    ours = np.asarray(ours)
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if FUSED or ours.dtype.kind in "iu":
        return bool(np.array_equal(ours, theirs))
    return bool((np.abs(ours.astype(float) - theirs) <= limit).all())


def limit_of(encoder: Any, X: Any) -> Any:
    """Return how far sums over features may be apart, and their sines; all others are whole numbers.

    A sum of n products errs by n u of their magnitudes. The phase, below 2 pi, and the offset are two more
    operations; a sine moves no faster than what it is of, and its own steps are the same on both sides.
    """
    if not hasattr(encoder, "matrix"):
        return 0.0
    sizes = np.abs(X).astype(float) @ np.abs(encoder.matrix).astype(float) + 8
    return 2 * rounding.SECOND * (X.shape[1] + 2) * rounding.unit(np.float32) * sizes


# ---- encoders


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["float", "sign", "packed"])
@pytest.mark.parametrize(("dim", "n", "n_features"), [(1, 1, 1), (65, 70, 17), (130, 3, 5), (257, 2, 33)])
def test_rows_are_encoded_as_on_the_cpu(kind: str, output: str, dim: int, n: int, n_features: int) -> None:
    X = np.random.default_rng(1).normal(0, 2, (n, n_features)).astype(np.float32)
    made = HDEncoder(dim, kind=kind, output=output, random_state=0).fit(X)
    expected = made.transform(X)
    found = made.transform(on_gpu(X))
    assert isinstance(found, cuda.DeviceArray)
    limit = limit_of(made.encoder_, X)
    if kind in ("fourier", "sinusoid", "projection") and output != "float" and not FUSED:
        pytest.skip("signs of sums that this level rounds differently")
    assert close(found, expected, limit)
    moved = made.set_params(device="cuda").transform(X)
    assert isinstance(moved, np.ndarray)
    assert close(moved, expected, limit)


def test_encoders_learn_from_rows_on_a_gpu() -> None:
    X, _ = blobs()
    expected = HDEncoder(64, kind="level", random_state=0).fit_transform(X)
    assert close(HDEncoder(64, kind="level", random_state=0).fit_transform(on_gpu(X)), expected)


def test_unclipped_sums_and_constant_features() -> None:
    X, _ = blobs(20)
    X[:, 2] = 7
    for settings in ({"clip": None}, {"clip": 1}, {"n_levels": 2}, {"low": 0.0, "high": 1.0}):
        made = HDEncoder(66, kind="density", random_state=0, **settings).fit(X)
        assert close(made.transform(on_gpu(X)), made.transform(X))


def test_rows_that_are_none_are_refused() -> None:
    X, _ = blobs(4)
    made = HDEncoder(64, random_state=0).fit(X)
    bad: list[tuple[Any, type[Exception], str]] = [
        (on_gpu(X.astype(np.complex64)), TypeError, "rows of real numbers"),
        (on_gpu(X[:, :4]), ValueError, r"\(4, 4\) but HDEncoder needs \(n >= 1, 5\)"),
        (on_gpu(X[:0]), ValueError, "n >= 1"),
        (on_gpu(X[0]), ValueError, "n >= 1"),
        (on_gpu(np.full((1, 5), np.nan, np.float32)), ValueError, "finite numbers"),
        (on_gpu(np.full((1, 5), -np.inf, np.float32)), ValueError, "finite numbers"),
    ]
    for rows, error, sentence in bad:
        with pytest.raises(error, match=sentence):
            made.transform(rows)
    with pytest.raises(ValueError, match="'device' parameter of HDEncoder"):
        HDEncoder(64, device="gpu").fit(X)


# ---- learning


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("packed", [False, True])
def test_classes_are_those_of_the_cpu(method: str, packed: bool) -> None:
    X, y = blobs(70)
    kind = "fourier" if method in ("neural", "dist") else "level"
    settings: dict[str, Any] = {"method": method, "packed": packed, "encoder": kind, "n_iter": 4}
    settings |= {"batch_size": 9, "regenerate_every": 2, "regenerate_share": 0.1, "random_state": 0}
    here = HDClassifier(130, **settings).fit(X, y)
    model = HDClassifier(130, **settings, device="cuda").fit(X, y)
    if FUSED or kind == "level":
        assert model.n_mistakes_ == here.n_mistakes_
        limit = 0.0
        if method == "neural":
            # Its vectors begin with sums of real rows, in the order of a matrix product; the same rows
            # correct them then, n_iter times at most, which is one operation each.
            rows = np.abs(here.encoder_.floats(X).astype(float))
            sizes = rows.sum(axis=0) * (1 + 4 * here.learning_rate)
            limit = 2 * rounding.SECOND * 5 * 70 * rounding.unit(np.float32) * sizes.max()
        apart = np.abs(model.class_vectors_.astype(float) - here.class_vectors_)
        assert apart.max() <= limit
    if packed and kind == "level":
        assert np.array_equal(model.packed_class_vectors_, here.packed_class_vectors_)
    assert np.array_equal(model.predict(X), here.predict(X))
    scores = here.decision_function(X)
    here_there = here.decision_function(on_gpu(X))
    assert isinstance(here_there, cuda.DeviceArray)
    if FUSED or kind == "level":
        # An inner product of 130 numbers and both lengths err by so many operations each.
        assert close(here_there, scores, 2 * rounding.SECOND * (2 * 130 + 6) * rounding.unit(np.float32))
    assert np.array_equal(np.asarray(here_there).argmax(1), scores.argmax(1))
    twin = pickle.loads(pickle.dumps(model)).set_params(device="cpu")
    assert np.array_equal(twin.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("encoder", "method"),
    [
        ("level", "adaptive"),
        ("level", "quant"),
        *((kind, "online") for kind in KINDS),
    ],  # online adds no rows at first
)
def test_corrections_are_the_same_bits(encoder: str, method: str) -> None:
    """From equal rows, weights, and vectors that are sums of whole numbers or, by "online", of nothing."""
    X, y = blobs(50)
    weights = (np.arange(50) % 3).astype(float)
    settings: dict[str, Any] = {"method": method, "encoder": encoder, "n_iter": 3, "batch_size": 7}
    if not FUSED and encoder not in ("level", "density"):
        pytest.skip("sums that this level rounds differently")
    here, made = (HDClassifier(67, **settings, random_state=1, device=d) for d in ("cpu", "cuda"))
    here.fit(X, y, weights)
    made.fit(X, y, weights)
    assert np.array_equal(made.class_vectors_, here.class_vectors_)
    assert np.array_equal(made.decision_function(X), here.decision_function(X))


def test_learning_in_parts_with_early_stopping_and_two_classes() -> None:
    X, y = blobs(80)
    settings: dict[str, Any] = {"encoder": "level", "packed": True, "random_state": 2}
    here, made = (HDClassifier(100, **settings, device=device) for device in ("cpu", "cuda:0"))
    for model in (here, made):
        model.partial_fit(X[:40], y[:40] > 0, classes=[False, True]).partial_fit(X[40:], y[40:] > 0)
    assert np.array_equal(made.class_vectors_, here.class_vectors_)
    assert np.array_equal(made.decision_function(X), here.decision_function(X))
    assert np.array_equal(np.asarray(made.decision_function(on_gpu(X))), here.decision_function(X))
    assert np.array_equal(made.predict(on_gpu(X)), here.predict(X))  # bools come back to the host
    for model in (here, made):
        model.set_params(early_stopping=True, n_iter=6).fit(X, y)
    assert np.array_equal(made.class_vectors_, here.class_vectors_)


@pytest.mark.parametrize("names", [[3, 5, 9], [1.0, 2.0, -1.0], ["a", "b", "c"]])
def test_labels_come_back_in_the_kind_of_the_rows(names: list[Any]) -> None:
    X, y = blobs(30)
    labels = np.array(names)[y]
    model = HDClassifier(200, encoder="level", device="cuda", random_state=0).fit(X, labels)
    found = model.predict(on_gpu(X))
    assert isinstance(found, np.ndarray if labels.dtype.kind == "U" else cuda.DeviceArray)
    assert np.array_equal(np.asarray(found), model.predict(X))
    if labels.dtype.kind != "U":
        again = HDClassifier(200, encoder="level", device="cuda", random_state=0).fit(
            on_gpu(X), on_gpu(labels)
        )
        assert np.array_equal(again.class_vectors_, model.class_vectors_)


def test_rows_that_do_not_fit_are_encoded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(40)
    settings: dict[str, Any] = {"encoder": "level", "method": "dist", "batch_size": 8, "random_state": 0}
    settings |= {"n_iter": 3, "regenerate_every": 1, "encoder": "projection"}
    kept = HDClassifier(70, **settings, device="cuda").fit(X, y)
    monkeypatch.setattr("hypersketch.learn._training_on_gpu._KEPT_BYTES", 0)
    monkeypatch.setattr("hypersketch.learn._on_gpu._AT_ONCE", 300)
    anew = HDClassifier(70, **settings, device="cuda").fit(X, y)
    assert np.array_equal(anew.class_vectors_, kept.class_vectors_)
    assert np.array_equal(anew.predict(X), kept.predict(X))


@pytest.mark.parametrize("kind", KINDS)
def test_chosen_dimensions_go_to_the_gpu_once(kind: str) -> None:
    X, _ = blobs(9)
    encoder = HDEncoder(70, kind=kind, random_state=0).fit(X).encoder_
    seen = on_gpu(X).view()
    for dims in (np.array([3, 60, 9]), np.array([1, 2]), np.arange(70)[::-1].copy()):
        first = _on_gpu.floats(Chosen(encoder, dims), seen)
        limit = np.broadcast_to(limit_of(encoder, X), (len(X), 70))[:, dims]
        assert close(first.seen.to_host(), Chosen(encoder, dims).floats(X), limit)
        kept = dict(_on_gpu._TABLES[encoder])
        again = _on_gpu.floats(Chosen(encoder, dims.copy()), seen)
        assert np.array_equal(first.seen.to_host(), again.seen.to_host())
        assert all(_on_gpu._TABLES[encoder][name] is table for name, table in kept.items())


def test_encoders_of_others() -> None:
    from sklearn.preprocessing import StandardScaler

    from hypersketch.vsa import BSC, LevelEncoder, RecordEncoder

    X, y = blobs(30)
    space = BSC(100)
    records = RecordEncoder(space, 5, LevelEncoder(space, -5, 9, levels=9))
    for encoder in (StandardScaler(), records):
        settings: dict[str, Any] = {"encoder": encoder, "packed": True, "random_state": 0}
        here, made = (HDClassifier(100, **settings, device=d).fit(X, y) for d in ("cpu", "cuda"))
        if FUSED:  # signs add up exactly, and scores, which say what is corrected, have the same bits
            assert np.array_equal(made.class_vectors_, here.class_vectors_)
        assert np.array_equal(made.predict(X), here.predict(X))
        assert np.array_equal(np.asarray(made.predict(on_gpu(X))), here.predict(X))


def test_what_has_no_kernels_says_so() -> None:
    X, y = blobs(9)
    for method in ("lehdc", "ridge"):
        model = HDClassifier(64, method=method, device="cuda", random_state=0)
        with pytest.raises(ValueError, match=f"must be 'cpu' for the method '{method}', which learns on"):
            model.fit(X, y)
        assert not hasattr(model, "classes_")
    ridge = HDClassifier(64, method="ridge", random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="in host memory for the method 'ridge'"):
        ridge.predict(on_gpu(X))
    lehdc = HDClassifier(64, method="lehdc", packed=True, n_iter=3, random_state=0).fit(X, y)
    assert np.array_equal(np.asarray(lehdc.predict(on_gpu(X))), lehdc.predict(X))
    with pytest.raises(ValueError, match="'device' parameter of HDClassifier"):
        HDClassifier(64, device="cuda:99").fit(X, y)


@pytest.mark.parametrize(
    "settings", [{"encoder": "level", "method": "centroid", "packed": True}, {}], ids=str
)
def test_digits_end_to_end(settings: dict[str, Any]) -> None:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X, y, other, wanted = X[:150].astype(np.float32), y[:150], X[1000:1050].astype(np.float32), y[1000:1050]
    here, made = (HDClassifier(512, n_iter=3, random_state=0, device=d, **settings) for d in ("cpu", "cuda"))
    expected = here.fit(X, y).predict(other)
    found = made.fit(X, y).predict(other)
    if settings or FUSED:
        assert np.array_equal(found, expected)
        assert np.array_equal(made.class_vectors_, here.class_vectors_)
    assert np.array_equal(np.asarray(made.predict(on_gpu(other))), found)
    assert np.mean(found == wanted) > 0.7
