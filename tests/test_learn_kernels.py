# SPDX-License-Identifier: Apache-2.0
"""The kernels under the learners: errors, threads and instruction sets."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import _core
from hypersketch.learn import HDClassifier
from hypersketch.learn._training import cosines, norms, products

LEARN = (
    "import hashlib, sys, numpy as np\n"
    "from hypersketch import _core\n"
    "rng = np.random.default_rng(0)\n"
    "rows = rng.standard_normal((70, 533), dtype=np.float32)\n"
    "lengths = np.empty(70, np.float32)\n"
    "_core.lengths(rows, lengths, 1)\n"
    "targets, vectors = rng.integers(0, 7, 70), np.zeros((7, 533), np.float32)\n"
    "for _ in range(4): counts = _core.learn_pass(\n"
    "    rows, lengths, targets, None, vectors, np.arange(5), 16, 1.0, 0.05, True, False, 1)\n"
    "print(_core.simd_level(), hashlib.sha256(vectors.tobytes() + lengths.tobytes()).hexdigest(), counts)\n"
)


def floats(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_all_levels_learn_the_same() -> None:
    found = set()
    for level in _core.available_levels():
        run = subprocess.run(
            [sys.executable, "-c", LEARN],
            env={**os.environ, "HYPERSKETCH_SIMD": level},
            check=True,
            capture_output=True,
            text=True,
        )
        name, *answer = run.stdout.split(maxsplit=1)
        assert name == level
        found.add(tuple(answer))
    assert len(found) == 1


# Each of F rounded additions errs by at most half a unit in the last place of the sum of magnitudes.
@pytest.mark.parametrize("n_features", [1, 3, 64, 300])
def test_expansion_errs_as_float32_does(n_features: int) -> None:
    rows, matrix = floats(50, n_features), floats(n_features, 200, seed=1)
    phases = np.stack([floats(200, seed=2), floats(200, seed=3)])
    exact = rows.astype(np.float64) @ matrix
    bound = (n_features + 1) * 2**-24 * (np.abs(rows) @ np.abs(matrix)).astype(np.float64)
    for threads in (1, 2):
        out = np.empty((50, 200), np.float32)
        _core.expand(rows, matrix, None, out, threads)
        assert np.all(np.abs(out - exact) <= bound)
        _core.expand(rows, matrix, phases, out, threads)
        wave = np.sin(exact + phases[0]) - phases[1]
        assert np.all(np.abs(out - wave) <= bound + 2**-24 * np.abs(exact + phases[0]) + 5e-7)


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 513, 10_000])
def test_products_err_as_float32_does_and_by_row_alone(dim: int) -> None:
    rows, vectors = floats(21, dim), floats(6, dim, seed=1)
    found = products(rows, vectors)
    magnitudes = (np.abs(rows) @ np.abs(vectors).T).astype(np.float64)
    exact = rows.astype(np.float64) @ vectors.T
    assert np.all(np.abs(found - exact) <= (dim / 16 + 6) * 2**-23 * magnitudes)
    for i in range(21):
        assert np.array_equal(products(rows[i : i + 1], vectors)[0], found[i])
    assert np.allclose(norms(rows), np.linalg.norm(rows.astype(np.float64), axis=1), rtol=1e-5)
    assert np.array_equal(norms(np.zeros((1, dim), np.float32)), [np.finfo(np.float32).tiny])
    assert np.array_equal(cosines(np.zeros((1, dim), np.float32), np.ones(1, np.float32), vectors), [[0] * 6])


def test_any_number_of_threads_learns_the_same() -> None:
    X, y = floats(300, 8), np.arange(300) % 3
    vectors = []
    for threads in (1, 2, 5):
        hypersketch.set_num_threads(threads)
        vectors.append(HDClassifier(6000, batch_size=200, random_state=0).fit(X, y).class_vectors_)
    hypersketch.set_num_threads(None)
    assert all(np.array_equal(one, vectors[0]) for one in vectors)


def test_refused_arrays() -> None:
    rows, vectors = floats(4, 5), np.zeros((2, 5), np.float32)
    lengths, targets, order = np.ones(4, np.float32), np.zeros(4, np.int64), np.zeros(1, np.int64)

    def learn(**changes: Any) -> Any:
        given = {"rows": rows, "lengths": lengths, "targets": targets, "weights": None, "vectors": vectors}
        given |= {"order": order, "batch_size": 4, "learning_rate": 1.0, "margin": 0.0} | changes
        return _core.learn_pass(**given, by_distance=True, binarized=False, threads=1)

    for changes in (
        {"lengths": lengths[:3]},
        {"targets": targets + 2},
        {"targets": targets - 1},
        {"weights": lengths[:1]},
        {"vectors": vectors[:1]},
        {"vectors": vectors[:, :4].copy()},
        {"order": order + 1},
        {"order": order - 1},
        {"batch_size": 0},
    ):
        with pytest.raises(ValueError, match=r"must|does not exist"):
            learn(**changes)
    assert not vectors.any()
    assert learn() == (4, 4)
    for refused in (
        lambda: _core.inner_products(rows, vectors[:, :4].copy(), np.empty((4, 2), np.float32), 1),
        lambda: _core.inner_products(rows, vectors, np.empty((4, 1), np.float32), 1),
        lambda: _core.lengths(rows, np.empty(3, np.float32), 1),
        lambda: _core.expand(rows, vectors, None, np.empty((4, 5), np.float32), 1),
        lambda: _core.expand(rows, floats(5, 3), floats(1, 3), np.empty((4, 3), np.float32), 1),
    ):
        with pytest.raises(ValueError, match="must have"):
            refused()
