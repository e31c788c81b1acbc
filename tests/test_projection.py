# SPDX-License-Identifier: Apache-2.0
"""Projections by random signs: the maps of the definition, the same bits everywhere, errors as computed."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import reference
from hypersketch import CountSketch, _core, hash_keys
from hypersketch.sketches import _projection, projection, tensor_sketch
from hypersketch.sketches.projection import DenseProjection, SparseProjection, TensorProjection, hashed_rows
from makers import hashes_of

SHAPES = [(0, 5), (1, 1), (7, 16), (8, 17), (16, 15), (17, 100), (33, 64), (200, 37), (35, 512)]
OUTPUTS = [(1, 1), (16, 1), (64, 8), (37, 5), (7, 7), (100, 3), (256, 4)]
FLOATS = [np.float32, np.float64]


def integers(n: int, d: int, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(3).integers(-50, 51, (n, d)).astype(dtype)


def numbers(n: int, d: int, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(4).standard_normal((n, d)).astype(dtype)


# ---- against reference


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("m", "s"), OUTPUTS)
def test_sparse_signs_are_exact_for_integers(m: int, s: int, dtype: Any, level: str) -> None:
    for seed, (n, d) in enumerate(SHAPES):
        X = integers(n, d, dtype)
        expected = X @ reference.sparse_signs(m, s, seed, hashes_of(d))
        for rows in (X, np.asfortranarray(X), sp.csr_matrix(X), sp.csc_array(X)):
            found = SparseProjection(d, m, s, seed=seed).project(rows)
            assert found.dtype == dtype
            assert found.shape == (n, m)
            assert np.array_equal(found, (expected * dtype(1 / math.sqrt(s))).astype(dtype))


@pytest.mark.parametrize(("m", "s"), [(64, 1), (64, 8), (35, 5), (300, 3)])
def test_equal_blocks_are_count_sketches(m: int, s: int, level: str) -> None:
    """Block r of a projected row is row r of the count sketch whose keys are the indices of the features."""
    X = integers(5, 200)
    for seed in (0, 2**64 - 1):
        found = SparseProjection(200, m, s, seed=seed).project(X)
        for row, projected in zip(X, found, strict=True):
            sketch = CountSketch(m // s, s, dtype="int64", seed=seed)
            sketch.add(np.arange(200), weights=row.astype(np.int64))
            assert np.array_equal(projected, sketch.state * (1 / math.sqrt(s)))


def test_the_matrix_is_the_definition() -> None:
    made = SparseProjection(300, 50, 7, seed=2**64 - 1)
    assert np.array_equal(made.matrix(), reference.sparse_signs(50, 7, 2**64 - 1, hashes_of(300)))
    assert np.array_equal(np.abs(made.matrix()).sum(axis=1), np.full(300, 7))


@pytest.mark.parametrize("dtype", FLOATS)
def test_dense_signs_are_exact_for_integers(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (projection._MATRIX_BYTES, 1000):  # the matrix whole, and by pieces
        monkeypatch.setattr(projection, "_MATRIX_BYTES", step)
        for n, d in SHAPES:
            X = integers(n, d, dtype)
            expected = (X @ reference.dense_signs(100, 5, hashes_of(d))) * dtype(0.1)
            for rows in (X, sp.csr_array(X), sp.csc_matrix(X)):
                found = DenseProjection(d, 100, seed=5).project(rows)
                assert found.dtype == dtype
                assert isinstance(found, np.ndarray)
                assert np.array_equal(found, expected.astype(dtype))


def test_dense_signs_are_atoms_of_their_own_purpose(level: str, threads: int) -> None:
    for m in (1, 63, 64, 65, 200):
        found = DenseProjection(150, m, seed=9).signs(20, 150, threads=threads)
        assert np.array_equal(found, reference.dense_signs(m, 9, hashes_of(130, 20)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("m", "degree"), [(1, 2), (16, 2), (31, 3), (64, 1), (100, 4)])
def test_tensor_sketch_is_a_convolution(m: int, degree: int, dtype: Any, level: str) -> None:
    for n, d in SHAPES:
        X = numbers(n, d, dtype)
        wide = np.hstack([np.sqrt(0.5) * X, np.full((n, 1), np.sqrt(2.0))]).astype(np.float64)
        expected = reference.tensor_sketch(wide, m, degree, 3, hashes_of(d + 1))
        made = TensorProjection(d, m, degree, gamma=0.5, coef0=2.0, seed=3)
        # A transform of length m errs by about u log2 m of the norm, a count sketch by its number of terms.
        norms = np.linalg.norm(wide, axis=1, keepdims=True) ** degree
        bound = norms * (d + 20) * degree * np.finfo(dtype).eps
        for rows in (X, sp.csr_matrix(X)):
            found = made.project(rows)
            assert found.dtype == dtype
            assert found.shape == (n, m)
            assert np.all(np.abs(found - expected) <= bound)
    plain = TensorProjection(d, m, degree, seed=3).project(X)
    assert np.allclose(plain, reference.tensor_sketch(X, m, degree, 3, hashes_of(d)), atol=1e-3, rtol=1e-3)


def test_floats_err_as_stated(level: str) -> None:
    d, m, s = 5000, 16, 4
    signs = reference.sparse_signs(m, s, 0, hashes_of(d))
    X = numbers(33, d)
    for dtype, unit in ((np.float32, 2.0**-24), (np.float64, 2.0**-53)):
        rows = X.astype(dtype)
        exact = np.array([[math.fsum(v) for v in (row * signs.T)] for row in rows.astype(np.float64)]) / 2
        bound = (np.abs(signs).sum(axis=0) + 2) * unit * (np.abs(rows.astype(np.float64)) @ np.abs(signs)) / 2
        found = SparseProjection(d, m, s).project(rows)
        assert np.all(np.abs(found - exact) <= bound)


# ---- the same everywhere


@pytest.mark.parametrize("dtype", FLOATS)
def test_levels_threads_and_forms_give_the_same_bits(dtype: Any, level: str, threads: int) -> None:
    X = numbers(500, 130, dtype) * (np.random.default_rng(5).random((500, 130)) < 0.5)
    made = SparseProjection(130, 70, 3, seed=1)
    _core.set_simd_level(_core.available_levels()[0])
    expected = made.project(X, threads=1)
    _core.set_simd_level(level)
    wide = sp.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for rows in (X, sp.csr_array(X), sp.csc_matrix(X), wide):
        assert made.project(rows, threads=threads).tobytes() == expected.tobytes()
    assert np.array_equal(np.vstack([made.project(X[i : i + 1]) for i in range(40)]), expected[:40])
    poly = TensorProjection(130, 48, 2, coef0=1.0)
    assert poly.project(X, threads=threads).tobytes() == poly.project(X, threads=1).tobytes()


def test_many_outputs_need_no_scratch() -> None:
    d, m = 40, 200_003
    X = integers(20, d, np.float32)
    found = SparseProjection(d, m, 2).project(X)
    sums = X @ SparseProjection(d, m, 2).matrix()
    assert np.array_equal(found, sums * np.float32(1 / math.sqrt(2)))


def test_tiles_of_a_tensor_sketch_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X = numbers(100, 30)
    made = TensorProjection(30, 64, 3)
    expected = made.project(X)
    monkeypatch.setattr(tensor_sketch, "_TILE_BYTES", 1)
    assert np.array_equal(made.project(X, threads=3), expected)


def test_sparse_rows_to_sparse_rows() -> None:
    X = sp.random(60, 300, density=0.05, format="csr", random_state=1, dtype=np.float32)
    made = SparseProjection(300, 32, 4, seed=6)
    for rows in (X, X.tocsc(), sp.csr_array(X)):
        found = made.project_sparse(rows)
        assert found.dtype == np.float32
        assert found.has_canonical_format
        assert isinstance(found, sp.csr_array if isinstance(rows, sp.sparray) else sp.csr_matrix)
        assert np.allclose(found.toarray(), made.project(X), atol=1e-5)
    empty = made.project_sparse(sp.csr_matrix((0, 300)))
    assert empty.shape == (0, 32)


def test_hashed_rows_are_count_sketches() -> None:
    hashes = hashes_of(500)
    starts = np.array([0, 0, 100, 500, 500])
    values = integers(500, 1)[:, 0]
    found = hashed_rows(hashes, values, starts, 64, seed=8)
    signs = reference.sparse_signs(64, 1, 8, hashes)
    for i in range(4):
        part = slice(starts[i], starts[i + 1])
        assert np.array_equal(found.toarray()[i], values[part] @ signs[part])


# ---- errors as computed: every interval is five standard errors wide, seeds are fixed


def projected(kind: Any, X: Any, seeds: int, **settings: Any) -> Any:
    return np.array([kind(X.shape[1], seed=seed, **settings).project(X) for seed in range(seeds)])


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (DenseProjection, {"n_components": 32}),
        (SparseProjection, {"n_components": 32}),
        (SparseProjection, {"n_components": 32, "n_nonzeros": 4}),
        (SparseProjection, {"n_components": 30, "n_nonzeros": 8}),
        (TensorProjection, {"n_components": 32, "degree": 2}),
        (TensorProjection, {"n_components": 33, "degree": 2, "gamma": 0.5, "coef0": 0.7}),
        (TensorProjection, {"n_components": 32, "degree": 3}),
    ],
)
def test_means_and_variances(kind: Any, settings: Any) -> None:
    X = numbers(2, 25) / 5
    X[1] += X[0]
    seeds = 4000
    Z = projected(kind, X, seeds, **settings)
    made = kind(25, **settings)
    for a, b in ((0, 0), (0, 1), (1, 1)):
        target = X[a] @ X[b]
        if kind is TensorProjection:
            target = (settings.get("gamma", 1.0) * target + settings.get("coef0", 0.0)) ** settings["degree"]
        found = (Z[:, a] * Z[:, b]).sum(axis=1)
        sd = made.standard_error(X[[a]], X[[b]])[0]
        assert abs(found.mean() - target) < 5 * sd / math.sqrt(seeds)
        squares = (found - target) ** 2
        assert abs(squares.mean() - sd**2) < 5 * squares.std() / math.sqrt(seeds)
    assert np.array_equal(made.standard_error(X), made.standard_error(X, X))
    sparse = made.standard_error(sp.csr_matrix(X))
    assert np.allclose(sparse, made.standard_error(X), rtol=1e-12)
    assert np.allclose(made.standard_error(sp.csr_matrix(X), X), sparse, rtol=1e-12)


def test_standard_error_goes_by_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    X = numbers(10, 4)
    made = SparseProjection(4, 3)
    whole = made.standard_error(X)
    monkeypatch.setattr(_projection, "_MOMENT_ROWS", 3)
    assert np.array_equal(made.standard_error(X), whole)
    assert made.standard_error(X[:0]).shape == (0,)


# ---- everything else


def test_a_map_is_its_parameters() -> None:
    X = numbers(3, 9)
    for made in (
        DenseProjection(9, 8, seed=4),
        SparseProjection(9, 8, 2, seed=4),
        TensorProjection(9, 8, 3, gamma=2.0, coef0=1.0, seed=4),
    ):
        expected = made.project(X)
        assert len(pickle.dumps(made)) < 300
        for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
            assert twin == made
            assert hash(twin) == hash(made)
            assert repr(twin) == repr(made)
            assert np.array_equal(twin.project(X), expected)
    assert DenseProjection(9, 8) != DenseProjection(9, 8, seed=1)
    assert DenseProjection(9, 8) != SparseProjection(9, 8)


def test_types() -> None:
    made = SparseProjection(4, 8, 2)
    for rows in (integers(3, 4, np.int8), integers(3, 4) > 0, integers(3, 4, np.float16)):
        assert made.project(rows).dtype == np.float64
        assert np.array_equal(made.project(rows), made.project(rows.astype(np.float64)))
    assert np.isnan(made.project(np.full((1, 4), np.nan))).any()
    assert np.array_equal(
        made.project(integers(6, 8)[::2, ::2]), made.project(integers(6, 8)[::2, ::2].copy())
    )


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: SparseProjection(0, 4), ValueError, r"'n_features' parameter of SparseProjection must be"),
        (lambda: SparseProjection(4, 0), ValueError, r"'n_components' .* in \[1, 2\*\*31 - 1\]. Got 0"),
        (lambda: SparseProjection(4, 2**31), ValueError, r"'n_components' parameter"),
        (lambda: SparseProjection(4, 4, 5), ValueError, r"'n_nonzeros' .* in \[1, 4\]. Got 5 instead"),
        (lambda: SparseProjection(4, 4, seed=-1), ValueError, r"'seed' parameter of SparseProjection"),
        (lambda: DenseProjection(4, 2.0), TypeError, r"'n_components' parameter of DenseProjection"),
        (lambda: TensorProjection(4, 8, 0), ValueError, r"'degree' .* in \[1, 64\]. Got 0 instead"),
        (lambda: TensorProjection(4, 2**30), ValueError, r"'n_components' parameter of TensorProjection"),
        (lambda: TensorProjection(4, 8, gamma=-1.0), ValueError, r"'gamma' .* finite float >= 0. Got -1.0"),
        (lambda: TensorProjection(4, 8, coef0=math.inf), ValueError, r"'coef0' .* >= 0. Got inf instead"),
        (lambda: SparseProjection(4, 8).project(np.zeros((2, 5))), ValueError, r"\(2, 5\) but .* \(n, 4\)"),
        (lambda: SparseProjection(4, 8).project(np.zeros(4)), ValueError, r"shape \(4,\) but"),
        (lambda: SparseProjection(4, 8).project(["abcd"]), TypeError, r"must be rows of real numbers"),
        (lambda: SparseProjection(4, 8).project(np.zeros((2, 4), complex)), TypeError, r"complex128"),
        (lambda: SparseProjection(4, 8).project(np.zeros((2, 4)), threads=0), ValueError, r"'threads'"),
        (
            lambda: SparseProjection(4, 8).standard_error(np.zeros((2, 4)), np.zeros((3, 4))),
            ValueError,
            "X has 2 rows but Y has 3",
        ),
        (lambda: hashed_rows(hash_keys([1]), np.ones(1), np.array([0, 1]), 0), ValueError, "'n_components'"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_broken_sparse_matrices_are_refused() -> None:
    made = SparseProjection(4, 8)
    for part, place, value in (("indices", 0, 4), ("indices", 2, -1), ("indptr", 1, 9), ("indptr", 1, -1)):
        rows = sp.csr_matrix(np.ones((3, 4), np.float32))
        getattr(rows, part)[place] = value
        with pytest.raises(ValueError, match="The sparse matrix is broken"):
            made.project(rows)


def test_the_compiled_module_checks_sizes() -> None:
    codes = np.zeros((4, 2), np.uint32)
    rows, out = np.zeros((3, 4)), np.zeros((3, 8))
    for bad in (
        lambda: _core.project_dense(rows, codes[:3].copy(), 1.0, out, 1),
        lambda: _core.project_dense(rows, codes, 1.0, out[:2].copy(), 1),
        lambda: _core.project_dense(rows, codes + np.uint32(8), 1.0, out, 1),
        lambda: _core.sign_codes(np.zeros(4, np.uint64), 0, 1, codes),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            bad()
