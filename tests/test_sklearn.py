# SPDX-License-Identifier: Apache-2.0
"""The scikit-learn transformers: scikit-learn's own checks, and everything those do not look at."""

from __future__ import annotations

import doctest
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import reference
from hypersketch import theory
from hypersketch.interop import _transformer
from hypersketch.interop.sklearn import CountSketchTransformer, JohnsonLindenstrauss, SparseJL, TensorSketch
from hypersketch.sketches import _projection
from hypersketch.sketches.projection import DenseProjection, SparseProjection, TensorProjection

ALL = [JohnsonLindenstrauss, SparseJL, CountSketchTransformer, TensorSketch]
ROWS = [["a", "b", "a", "é"], [], ["x" * 50, "b"], ["1", "b", "b"]]


def numbers(n: int, d: int, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(4).standard_normal((n, d)).astype(dtype)


@pytest.mark.parametrize(
    "made",
    [
        *(kind() for kind in ALL),
        JohnsonLindenstrauss(5, seed=9),
        SparseJL(10, n_nonzeros=3),
        TensorSketch(degree=3, gamma=0.5, coef0=1.0),
    ],
    ids=repr,
)
def test_scikit_learn_checks(made: Any) -> None:
    results = check_estimator(made, on_fail=None, on_skip=None)
    assert len(results) > 40
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []
    assert {result["check_name"] for result in results if result["status"] == "skipped"} <= {
        "check_array_api_input"  # asks for an environment variable
    }


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (JohnsonLindenstrauss(40, seed=3), DenseProjection(30, 40, seed=3)),
        (SparseJL(40, n_nonzeros=4, seed=3), SparseProjection(30, 40, 4, seed=3)),
        (SparseJL(6), SparseProjection(30, 6, 6)),
        (CountSketchTransformer(40, seed=3), SparseProjection(30, 40, seed=3)),
        (
            TensorSketch(40, degree=3, gamma=2.0, coef0=0.5, seed=3),
            TensorProjection(30, 40, 3, gamma=2.0, coef0=0.5, seed=3),
        ),
    ],
)
def test_a_transformer_is_its_projection(made: Any, expected: Any) -> None:
    assert made.fit(numbers(5, 30)).projection_ == expected
    for dtype in (np.float32, np.float64):
        X = numbers(20, 30, dtype)
        found = made.transform(X)
        assert found.dtype == dtype
        assert np.array_equal(found, expected.project(X))
        for rows in (sp.csr_matrix(X), sp.csc_matrix(X), sp.csr_array(X), sp.csc_array(X)):
            mapped = made.transform(rows)
            assert sp.issparse(mapped) == isinstance(made, CountSketchTransformer)
            assert mapped.dtype == dtype
            dense = mapped.toarray() if sp.issparse(mapped) else mapped
            assert np.allclose(dense, found, atol=1e-5)
        assert np.array_equal(made.standard_error(X), expected.standard_error(X))
        assert np.array_equal(made.standard_error(X, X + 1), expected.standard_error(X, X + 1))
    assert made.transform(np.ones((2, 30), int)).dtype == np.float64
    for twin in (pickle.loads(pickle.dumps(made)), clone(made).fit(X)):
        assert np.array_equal(twin.transform(X), found)
        assert twin.get_params() == made.get_params()


@pytest.mark.parametrize("kind", ALL)
def test_names_frames_and_pipelines(kind: Any) -> None:
    X, y = numbers(60, 12), np.arange(60) % 2
    made = kind(4).fit(X)
    names = [f"{kind.__name__.lower()}{i}" for i in range(4)]
    assert made.get_feature_names_out().tolist() == names
    for output, frame in (("pandas", "DataFrame"), ("polars", "DataFrame")):
        table = clone(made).set_output(transform=output).fit_transform(X)
        assert type(table).__name__ == frame
        assert list(table.columns) == names
        assert np.array_equal(np.asarray(table), made.transform(X))
    pipeline = make_pipeline(StandardScaler(), kind(8), LogisticRegression()).fit(X, y)
    assert pipeline.predict(X).shape == (60,)
    assert pipeline[:2].get_feature_names_out().shape == (8,)


@pytest.mark.parametrize("kind", ALL)
def test_bad_rows(kind: Any) -> None:
    X = numbers(6, 5)
    with pytest.raises(NotFittedError):
        kind().transform(X)
    with pytest.raises(NotFittedError):
        kind().standard_error(X)
    made = kind(4).fit(X)
    for bad in (np.nan, np.inf):
        rows = X.copy()
        rows[2, 3] = bad
        for form in (rows, sp.csr_matrix(rows)):
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                made.transform(form)
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                kind(4).fit(form)
    with pytest.raises(ValueError, match="4 features"):
        made.transform(X[:, :4])
    with pytest.raises(ValueError, match=r"2 rows but Y has 3|Y has 3"):
        made.standard_error(X[:2], X[:3])


@pytest.mark.parametrize(
    ("made", "error", "sentence"),
    [
        (JohnsonLindenstrauss(0), ValueError, r"'n_components' parameter of JohnsonLindenstrauss .* Got 0"),
        (JohnsonLindenstrauss("most"), TypeError, r"'n_components' .* Got 'most' instead"),
        (JohnsonLindenstrauss("auto", eps=2.0), ValueError, r"'eps' .* a float in \(0, 1\). Got 2 instead"),
        (JohnsonLindenstrauss("auto"), ValueError, r"ask for \d+ components for 6 rows, more than the 5"),
        (SparseJL(4.0), TypeError, r"'n_components' parameter of SparseJL must be an integer"),
        (SparseJL(4, n_nonzeros=0), ValueError, r"'n_nonzeros' parameter of SparseJL .* Got 0 instead"),
        (SparseJL(4, seed=None), TypeError, r"'seed' parameter of SparseJL .* Got None instead"),
        (CountSketchTransformer(4, seed=-1), ValueError, r"'seed' parameter of CountSketchTransformer"),
        (CountSketchTransformer(4, input_type="tokens"), ValueError, r"'array', 'string', 'pair', 'dict'"),
        (
            CountSketchTransformer(4, dtype=int),
            ValueError,
            r"'dtype' .* float64 or float32. Got <class 'int'>",
        ),
        (CountSketchTransformer(4, dtype="no"), ValueError, r"'dtype' .* Got 'no' instead"),
        (CountSketchTransformer(0, input_type="dict"), ValueError, r"'n_components' .* Got 0 instead"),
        (TensorSketch(4, degree=0), ValueError, r"'degree' parameter of TensorSketch"),
        (TensorSketch(4, gamma="1"), TypeError, r"'gamma' parameter of TensorSketch"),
    ],
)
def test_bad_parameters(made: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        made.fit(numbers(6, 5))


def test_automatic_size() -> None:
    X = numbers(8, 3000)
    made = JohnsonLindenstrauss("auto", eps=0.2, delta=0.1).fit(X)
    m = int(theory.projection.jl_components(8, 0.2, 0.1))
    assert made.projection_.n_components == m == made.transform(X).shape[1]
    i, j = np.triu_indices(8, 1)
    before, after = (((Z[i] - Z[j]) ** 2).sum(axis=1) for Z in (X, made.transform(X)))
    assert np.abs(after / before - 1).max() < 0.2


# ---- tokens


def expected_rows(rows: list[dict[Any, float]], m: int, seed: int) -> Any:
    out = np.zeros((len(rows), m))
    for answer, row in zip(out, rows, strict=True):
        if row:
            hashes = reference.hash_keys(list(row))
            answer += np.array(list(row.values())) @ reference.sparse_signs(m, 1, seed, hashes)
    return out


def counts(rows: list[list[Any]]) -> list[dict[Any, float]]:
    return [{key: row.count(key) for key in row} for row in rows]


@pytest.mark.parametrize("m", [1, 7, 64, 2**20])
def test_tokens_pairs_and_mappings_are_one(m: int) -> None:
    mappings = counts(ROWS)
    strings = CountSketchTransformer(m, input_type="string", seed=5)
    found = strings.transform(ROWS)
    assert found.has_canonical_format
    assert isinstance(found, sp.csr_matrix)
    assert found.dtype == np.float64
    if m < 100:
        assert np.array_equal(found.toarray(), expected_rows(mappings, m, 5))
    pairs = CountSketchTransformer(m, input_type="pair", seed=5)
    dicts = CountSketchTransformer(m, input_type="dict", seed=5)
    for other in (
        strings.transform([[t.encode() for t in row] for row in ROWS]),
        strings.transform(iter(row) for row in ROWS),
        strings.transform(np.array([*ROWS, None], object)[:-1]),
        pairs.transform([[(t, 1) for t in row] for row in ROWS]),
        pairs.transform([list(row.items()) for row in mappings]),
        dicts.transform(mappings),
        dicts.fit_transform(mappings),
        strings.transform(pl.Series(ROWS)),
        strings.transform(pa.array(ROWS)),
        strings.transform(pa.chunked_array([pa.array(ROWS[:2]), pa.array(ROWS[2:])])),
        strings.transform(pa.array([["no"], *ROWS, ["no"]])[1:-1]),
        strings.transform(pl.Series(ROWS).to_frame().to_pandas().iloc[:, 0]),
    ):
        assert (other != found).nnz == 0
        assert other.shape == found.shape
    numbers_ = [[1, 2, 2], [3]]
    assert np.array_equal(
        strings.set_params(n_components=9).transform(numbers_).toarray(),
        expected_rows(counts(numbers_), 9, 5),
    )


def test_tokens_are_hashed_as_features_are() -> None:
    X = sp.random(20, 50, density=0.2, format="csr", random_state=1)
    rows = [dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)) for row in X]
    arrays = CountSketchTransformer(16, seed=2).fit_transform(X)
    dicts = CountSketchTransformer(16, seed=2, input_type="dict").transform(rows)
    assert np.allclose(arrays.toarray(), dicts.toarray(), atol=1e-12)


def test_string_values_and_floats() -> None:
    dicts = CountSketchTransformer(64, input_type="dict", dtype=np.float32)
    found = dicts.transform([{"city": "Paris", "size": 2.5}])
    assert found.dtype == np.float32
    assert np.array_equal(found.toarray(), expected_rows([{"city=Paris": 1.0, "size": 2.5}], 64, 0))
    hasher = FeatureHasher(64, input_type="dict").transform([{"city": "Paris", "size": 2.5}])
    assert found.nnz == hasher.nnz
    assert np.abs(found.toarray()).sum() == np.abs(hasher.toarray()).sum()


def test_error_of_tokens() -> None:
    rows, others = [["a", "b", "b"], ["c"]], [["b", "c", "a"], ["c", "d"]]
    made = CountSketchTransformer(12, input_type="string")
    sums = []
    for seed in range(4000):
        x, y = (made.set_params(seed=seed).transform(part).toarray() for part in (rows, others))
        sums.append((x * y).sum(axis=1))
    sd = made.standard_error(rows, others)
    centred = np.array(sums) - [3.0, 1.0]
    assert np.all(np.abs(centred.mean(axis=0)) < 5 * sd / np.sqrt(4000))
    squares = centred**2
    assert np.all(np.abs(squares.mean(axis=0) - sd**2) < 5 * squares.std(axis=0) / np.sqrt(4000))
    assert np.array_equal(made.standard_error(rows), made.standard_error(rows, rows))
    pairs = CountSketchTransformer(12, input_type="pair").standard_error([[("a", 1), ("b", 2)], [("c", 1)]])
    assert np.allclose(pairs, made.standard_error(rows), rtol=1e-12)


@pytest.mark.parametrize(
    ("input_type", "rows", "error", "sentence"),
    [
        ("string", ["ab", "c"], TypeError, "rows that are iterables of keys. Got 'ab' instead"),
        ("string", "ab", TypeError, "must be an iterable of rows. Got 'ab' instead"),
        ("string", 3, TypeError, "must be an iterable of rows. Got 3 instead"),
        ("string", [["a", None]], TypeError, "NoneType"),
        ("string", [["a", 1]], TypeError, "Keys of one batch must be of one type"),
        ("string", [], ValueError, "must have at least one row"),
        ("string", pl.Series(["a", "b"]), TypeError, "a column of lists of keys"),
        ("string", pl.Series([["a"], None]), ValueError, "must have no nulls. Got 1 of them"),
        ("string", pl.Series([["a", None]]), ValueError, "null"),
        ("string", pa.array([], pa.list_(pa.string())), ValueError, "must have at least one row"),
        ("dict", [["a"]], TypeError, r"rows that are mappings. Got \['a'\] instead"),
        ("dict", [{"a": None}], ValueError, "are finite real numbers or strings. Got None instead"),
        ("dict", [{"a": np.nan}], ValueError, "Got nan instead"),
        ("pair", [[("a", np.inf)]], ValueError, "Got inf instead"),
        ("pair", [[("a", 1j)]], TypeError, "real numbers or strings. Got 1j instead"),
    ],
)
def test_bad_tokens(input_type: str, rows: Any, error: type[Exception], sentence: str) -> None:
    made = CountSketchTransformer(8, input_type=input_type)
    with pytest.raises(error, match=sentence):
        made.transform(rows)


def test_rows_of_keys_need_no_fit() -> None:
    made = CountSketchTransformer(8, input_type="string")
    assert made.fit() is made
    assert made.get_feature_names_out().size == 8
    pipeline = make_pipeline(made, LogisticRegression()).fit([["a"], ["b"], ["a", "c"], ["b"]], [0, 1, 0, 1])
    assert pipeline.predict([["a"], ["b"]]).tolist() == [0, 1]


# ---- house


@pytest.mark.parametrize("module", [_transformer, _projection], ids=lambda module: module.__name__)
def test_examples_of_what_they_share(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_without_scikit_learn_the_extra_is_named() -> None:
    program = (
        "import sys\n"
        "sys.modules['sklearn'] = sys.modules['scipy'] = None\n"
        "import hypersketch.interop, numpy\n"
        "from hypersketch.sketches.projection import SparseProjection, TensorProjection\n"
        "SparseProjection(3, 4).project(numpy.ones((2, 3)))\n"
        "x = numpy.ones((2, 3))\n"
        "for use in ('import hypersketch.interop.sklearn', 'TensorProjection(3, 4).project(x)'):\n"
        "    try: exec(use)\n"
        "    except ImportError as error: assert \"pip install 'hypersketch[sklearn]'\" in str(error)\n"
        "    else: raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_the_package_of_doors_loads_none() -> None:
    program = (
        "import sys, hypersketch.interop, hypersketch.sketches.projection\n"
        "assert not {'sklearn', 'scipy', 'pyarrow', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
