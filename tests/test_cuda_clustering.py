# SPDX-License-Identifier: Apache-2.0
"""k-means among hypervectors on a GPU: the CPU's distances, clusters and refusals."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import rounding
from gpu_tools import needs_gpu, on_gpu, same_bits, same_there
from hypersketch._core import simd_level
from hypersketch.learn import HDClustering, _training_on_gpu

pytestmark = needs_gpu

KINDS = ["fourier", "level", "density"]
FUSED = simd_level() in ("avx2", "avx512")
"""Whether the CPU's products are rounded as the GPU's."""


def blobs(n: int = 60, n_features: int = 5) -> Any:
    rng = np.random.default_rng(0)
    middles = 3 * (np.arange(n) % 4)[:, np.newaxis]
    return (rng.normal(0, 1, (n, n_features)) + middles).astype(np.float32)


def pair(**settings: Any) -> tuple[HDClustering, HDClustering]:
    given = {"n_clusters": 4, "dim": 130, "random_state": 0, "n_init": 2} | settings
    return HDClustering(**given, device="cuda"), HDClustering(**given)


def require_close(ours: Any, theirs: Any, n: int) -> None:
    """Centers of n rows: sums err by n u of their magnitudes, at most n, and by as much when divided."""
    assert ours.dtype == theirs.dtype
    if ours.dtype == np.uint64:
        assert np.array_equal(ours, theirs)
    else:
        limit = rounding.SECOND * 4 * (n + ours.shape[1]) * rounding.unit(np.float32)
        assert np.abs(ours - theirs).max() <= limit


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_clusters_are_those_of_the_cpu(kind: str, packed: bool, weighted: bool) -> None:
    X = blobs()
    weights = np.random.default_rng(1).integers(0, 4, len(X)).astype(float) if weighted else None
    ours, theirs = pair(encoder=kind, packed=packed)
    ours.fit(X, sample_weight=weights)
    theirs.fit(X, sample_weight=weights)
    assert np.array_equal(ours.labels_, theirs.labels_)
    assert ours.labels_.dtype == theirs.labels_.dtype
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-5)
    require_close(ours.cluster_centers_, theirs.cluster_centers_, len(X))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dim", "n"), [(1, 4), (64, 5), (65, 33), (257, 513)])
def test_answers_are_the_same_bits(kind: str, packed: bool, dim: int, n: int) -> None:
    if kind == "fourier" and not FUSED:
        pytest.skip("sums that this level rounds differently")
    _, theirs = pair(encoder=kind, packed=packed, dim=dim, n_init=1)
    theirs.fit(blobs(70))
    X = blobs(n) + 0.25
    distances, labels, score = theirs.transform(X), theirs.predict(X), theirs.score(X)
    assert same_there(theirs.transform(on_gpu(X)), distances)
    assert same_there(theirs.predict(on_gpu(X)), labels)
    assert theirs.score(on_gpu(X)) == score
    theirs.set_params(device="cuda")
    assert same_bits(theirs.transform(X), distances)
    assert same_bits(theirs.predict(X), labels)
    assert same_bits(pickle.loads(pickle.dumps(theirs)).transform(X), distances)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_and_weights_may_lie_on_the_gpu(packed: bool) -> None:
    X, weights = blobs(), np.arange(60.0)
    (ours, _), (other, _) = pair(packed=packed), pair(packed=packed)
    ours.fit(on_gpu(X), sample_weight=on_gpu(weights))
    other.fit(X, sample_weight=weights)
    assert np.array_equal(ours.labels_, other.labels_)
    assert np.array_equal(ours.cluster_centers_, other.cluster_centers_)
    assert ours.score(on_gpu(X), sample_weight=on_gpu(weights)) == other.score(X, sample_weight=weights)


def test_rows_that_are_not_kept_are_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    X = blobs(1100)
    kept, _ = pair(max_iter=3)
    kept.fit(X)
    monkeypatch.setattr(_training_on_gpu, "_KEPT_BYTES", 1000)
    again, _ = pair(max_iter=3)
    again.fit(X)
    assert np.array_equal(kept.labels_, again.labels_)
    require_close(again.cluster_centers_, kept.cluster_centers_, len(X))


def test_more_clusters_than_different_rows() -> None:
    for packed in (False, True):
        ours, theirs = pair(packed=packed)
        for one in (ours, theirs):
            one.fit(np.repeat(np.eye(2, 3, dtype=np.float32), 5, axis=0))
        assert np.array_equal(ours.labels_, theirs.labels_)


def test_what_is_refused() -> None:
    X = blobs()
    model = pair()[0].fit(X)
    before = model.cluster_centers_.copy()
    for rows, sentence in ((X[:, :3], r"\(60, 3\) but HDClustering needs"), (X * np.nan, "finite numbers")):
        for call in (model.transform, model.predict, model.score):
            with pytest.raises(ValueError, match=sentence):
                call(on_gpu(rows))
    with pytest.raises(ValueError, match="'device' parameter of HDClustering"):
        HDClustering(2, 64, device="gpu").fit(X)
    with pytest.raises(ValueError, match="n_samples >= n_clusters=4"):
        model.fit(X[:3])
    assert np.array_equal(model.cluster_centers_, before)
