# SPDX-License-Identifier: Apache-2.0
"""Count sketches and projections on a GPU: cells as on the CPU, byte for byte, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpu_tools import SIZES, keys_of, needs_gpu, on_gpu, same
from hypersketch import CountMinSketch, CountSketch, hash_keys
from hypersketch.sketches.projection import SparseProjection

# ---- count sketches


def sketches(kind: type[Any], width: int, depth: int, dtype: str) -> tuple[Any, Any]:
    ours, theirs = (kind(width, depth, dtype=dtype, seed=5, device=d) for d in ("cuda", "cpu"))
    return ours, theirs


def weights_of(kind: type[Any], n: int, dtype: str) -> NDArray[Any]:
    drawn = np.random.default_rng(3).integers(-50 if kind is CountSketch else 0, 1000, n)
    return drawn.astype("i8" if dtype.startswith("int") else "f8")


@needs_gpu
@pytest.mark.parametrize("kind", [CountSketch, CountMinSketch])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize(
    ("width", "depth"), [(1, 1), (2, 3), (1000, 4), (65_536, 5), (257, 9), (100, 16), (33, 64), (2**20, 2)]
)
def test_sketches_are_the_same_cells(kind: type[Any], dtype: str, width: int, depth: int) -> None:
    # Whole numbers of this size are exact in floats too, in any order.
    ours, theirs = sketches(kind, width, depth, dtype)
    for n in (1, 33, 5003):
        skewed = np.minimum(keys_of(n, n) % 64, keys_of(n, n + 1) % 5000)
        weights = weights_of(kind, n, dtype)
        ours.add(on_gpu(skewed))
        ours.add(on_gpu(skewed), on_gpu(weights))
        ours.add(skewed + 1, weights)
        theirs.add(skewed)
        theirs.add(skewed, weights)
        theirs.add(skewed + 1, weights)
    assert ours == theirs
    assert (ours.n_added, ours.total_weight) == (theirs.n_added, theirs.total_weight)
    probes = np.arange(2000)
    expected = theirs.estimate(probes)
    for there in (probes, on_gpu(probes)):
        answer = ours.estimate(there)
        assert np.asarray(answer).dtype == expected.dtype
        assert same(answer, expected)
        assert same(ours.estimate_hashes(hash_keys(there)), expected)


@needs_gpu
@pytest.mark.parametrize("n", SIZES)
def test_sketches_take_batches_of_every_size(n: int) -> None:
    ours, theirs = sketches(CountSketch, 1000, 5, "int32")
    ours.add(on_gpu(keys_of(n)))
    theirs.add(keys_of(n))
    assert ours == theirs
    assert same(ours.estimate(on_gpu(keys_of(n))), theirs.estimate(keys_of(n)))


@needs_gpu
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_cells_differ_by_the_order_of_sums_alone(dtype: str) -> None:
    ours, theirs = sketches(CountSketch, 50, 5, dtype)
    keys, weights = keys_of(5000), np.random.default_rng(1).normal(size=5000)
    ours.add(on_gpu(keys), on_gpu(weights))
    theirs.add(keys, weights)
    # n terms, each sum rounded: n u sum |w| (Higham).
    unit = np.finfo(dtype).eps / 2
    bound = 5000 * unit * np.abs(weights).sum()
    assert np.abs(np.asarray(ours.state) - theirs.state).max() <= bound
    assert np.asarray(ours.state).any()


@needs_gpu
@pytest.mark.parametrize("kind", [CountSketch, CountMinSketch])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_sums_and_products_of_sketches(kind: type[Any], dtype: str) -> None:
    ours, theirs = sketches(kind, 300, 4, dtype)
    more, same_more = sketches(kind, 300, 4, dtype)
    for one in (ours, theirs):
        one.add(range(1000), weights_of(kind, 1000, dtype))
    for one in (more, same_more):
        one.add(range(500))
    assert ours.inner(more) == theirs.inner(same_more)
    assert ours.second_moment() == theirs.second_moment()
    assert (ours + more) == (theirs + same_more)
    assert (ours + same_more) == (theirs + more)
    ours += more
    ours -= same_more
    assert ours == theirs
    ours.clear()
    assert not np.asarray(ours.state).any()


@needs_gpu
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_cell_never_leaves_its_range(device: str) -> None:
    sketch = CountSketch(10, 3, dtype="int32", device=device)
    place = on_gpu if device == "cuda" else np.asarray
    sketch.add(place(np.array([5, 5])), place(np.array([2**31 - 2, 1])))
    before = sketch.copy()
    with pytest.raises(OverflowError, match="int32"):
        sketch.add(place(np.array([5, 6])))
    with pytest.raises(OverflowError, match="int32"):
        sketch += before
    assert sketch == before
    sketch.add(place(np.array([5])), place(np.array([-1])))
    assert sketch.estimate(5) == 2**31 - 2


@needs_gpu
@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (np.array([1.0, np.nan]), ValueError, "finite"),
        (np.array([1.0, np.inf]), ValueError, "finite"),
        (np.array([1.0, -1.0]), ValueError, "at least 0"),
        (np.array([1.0]), ValueError, r"shape \(2,\)"),
        (np.array([1, 2]), ValueError, "float64"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: Any, error: type[Exception], words: str) -> None:
    sketch = CountMinSketch(10, dtype="float32", device="cuda")
    with pytest.raises(error, match=words):
        sketch.add(on_gpu(np.array([1, 2])), on_gpu(weights))
    assert not np.asarray(sketch.state).any()
    assert sketch.n_added == 0


@needs_gpu
def test_what_needs_an_order_is_refused_on_a_gpu() -> None:
    for theirs in (CountMinSketch(10, conservative=True), CountSketch(10, track=3)):
        theirs.add([1, 1, 2])
        ours = theirs.to("cuda")
        assert ours.estimate(1) == 2
        with pytest.raises(ValueError, match="one after the other"):
            ours.add([3])
        assert ours == theirs
    assert ours.heavy_hitters(1) == [(1, 2)]


# ---- projections


@needs_gpu
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("n_features", "n_components", "n_nonzeros"), [(1, 1, 1), (300, 64, 1), (70, 1001, 4), (5, 70_000, 8)]
)
def test_projections_agree(dtype: str, n_features: int, n_components: int, n_nonzeros: int) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    projection = SparseProjection(n_features, n_components, n_nonzeros)
    rows = np.random.default_rng(0).normal(size=(9, n_features)).astype(dtype)
    terms = np.abs(rows).sum(axis=1, keepdims=True)
    bound = (2 * n_features + 4) * np.finfo(dtype).eps * terms
    assert (np.abs(np.asarray(projection.project(on_gpu(rows))) - projection.project(rows)) <= bound).all()
    assert np.asarray(projection.project(on_gpu(rows[:0]))).shape == (0, n_components)
    csr = sparse.csr_matrix(np.where(rows > 0, rows, 0))
    for index in ("i4", "i8"):
        compressed = Compressed(csr, index)
        assert (np.abs(np.asarray(projection.project(compressed)) - projection.project(csr)) <= bound).all()


class Compressed:
    """Rows in compressed form on a GPU, as CuPy has them."""

    def __init__(self, csr: Any, index: str) -> None:
        self.indptr, self.indices = (on_gpu(part.astype(index)) for part in (csr.indptr, csr.indices))
        self.data, self.shape = on_gpu(csr.data), csr.shape

    def tocsr(self) -> Compressed:
        return self


@needs_gpu
def test_broken_compressed_rows_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    projection = SparseProjection(4, 8)
    rows = Compressed(sparse.csr_matrix(np.eye(4)), "i4")
    rows.indices = on_gpu(np.array([0, 1, 2, 4], "i4"))
    with pytest.raises(ValueError, match="column lies beyond"):
        projection.project(rows)
    rows = Compressed(sparse.csr_matrix(np.eye(4)), "i4")
    rows.indptr = on_gpu(np.array([0, 1, 3, 2, 4], "i4"))
    with pytest.raises(ValueError, match="row starts"):
        projection.project(rows)
