# SPDX-License-Identifier: Apache-2.0
"""Consolidation: batches are one item after the other, bit for bit, and the stalest mode gives way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_linear as reference
from hypersketch import ConsolidatedMemory, theory
from hypersketch.capacity.statistics import mean_interval

THRESHOLDS = {"cosine": 0.6, "dot": 2.5, "euclidean": -6.0}


def clusters(seed: int, n: int, dim: int) -> np.ndarray:
    """Vectors around some centres, which drift."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((9, dim)) * 2
    return (centres[rng.integers(0, 9, n)] + rng.standard_normal((n, dim))).astype(np.float32)


def same(memory: ConsolidatedMemory, oracle: reference.Consolidated) -> bool:
    modes = oracle.modes
    return (
        np.array_equal(memory.keys, [mode["key"] for mode in modes])
        and np.array_equal(memory.values, [mode["value"] for mode in modes])
        and memory.counts.tolist() == [mode["count"] for mode in modes]
        and memory.ages.tolist() == [oracle.clock - mode["time"] for mode in modes]
    )


@pytest.mark.parametrize("kind", THRESHOLDS)
@pytest.mark.parametrize(("dim", "n_modes"), [(2, 1), (3, 7), (5, 40), (17, 300)])
def test_batches_are_one_item_after_the_other(kind: str, dim: int, n_modes: int) -> None:
    keys, values = clusters(1, 200, dim), clusters(2, 200, 3)
    oracle = reference.Consolidated(n_modes, kind, THRESHOLDS[kind])
    for key, value in zip(keys, values, strict=True):
        oracle.store(key, value)
    for step in (1, 63, 64, 65, 200):
        memory = ConsolidatedMemory(dim, 3, n_modes=n_modes, threshold=THRESHOLDS[kind], similarity=kind)
        for first in range(0, 200, step):
            memory.store(keys[first : first + step], values[first : first + step])
        assert same(memory, oracle)
        assert memory.n_added == 200


@pytest.mark.parametrize("kind", THRESHOLDS)
def test_equal_similarities_go_to_the_first_mode(kind: str) -> None:
    threshold = {"cosine": 0.1, "dot": 0.5, "euclidean": -1.5}[kind]
    memory = ConsolidatedMemory(3, n_modes=4, threshold=threshold, similarity=kind)
    memory.store([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]])
    # The fourth is as near to the first as to the second, and moves the first away from the second.
    assert memory.counts.tolist() == [2, 2, 1]
    oracle = reference.Consolidated(4, kind, threshold)
    for key in np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], np.float32):
        oracle.store(key, key)
    assert same(memory, oracle)


def test_the_threshold_must_be_exceeded() -> None:
    memory = ConsolidatedMemory(2, n_modes=3, threshold=2.0, similarity="dot")
    memory.store([[1, 1], [1, 1], [2, 1]])
    assert memory.counts.tolist() == [2, 1]


def test_large_and_opposite_numbers() -> None:
    keys = np.array([[1e30, 0], [-1e30, 0], [0, 1e-30], [1e30, 5e29]], np.float32)
    for kind in THRESHOLDS:
        oracle = reference.Consolidated(3, kind, 0.5 if kind == "cosine" else 0.0)
        whole = ConsolidatedMemory(2, n_modes=3, threshold=oracle.threshold, similarity=kind)
        for key in keys:
            oracle.store(key, key)
        whole.store(keys)
        assert same(whole, oracle)
    means = ConsolidatedMemory(2, n_modes=2, threshold=-2.0)  # everything joins, and the mean becomes zero
    means.store([[1, 0], [-1, 0], [0, 1]])
    assert (means.counts.tolist(), means.search([1, 0])[1].tolist()) == ([3], [[0.0]])


def test_retrieval_is_a_softmax_over_modes() -> None:
    keys, values = clusters(1, 60, 4), clusters(2, 60, 2)
    memory = ConsolidatedMemory(4, 2, n_modes=20, threshold=0.9)
    memory.store(keys, values)
    queries = clusters(3, 7, 4)
    scores = np.array(
        [
            [reference.similarity("cosine", q, m) for m in memory.keys.astype(float)]
            for q in queries.astype(float)
        ]
    )
    nearest = memory.retrieve(queries)
    assert np.array_equal(nearest.indices[:, 0], scores.argmax(axis=1))
    assert np.allclose(nearest.states, memory.values[scores.argmax(axis=1)])
    for k, heat in ((None, 0.1), (5, 2.0)):
        found = memory.retrieve(queries, k, heat)
        for row in range(7):
            order = np.argsort(-scores[row], kind="stable")[: k or len(memory)]
            weights = np.exp(scores[row, order] / heat)
            weights /= weights.sum()
            assert np.array_equal(found.indices[row], order)
            assert np.allclose(found.weights[row], weights, rtol=1e-6)
            assert np.allclose(found.states[row], weights @ memory.values[order], rtol=1e-5, atol=1e-6)


def test_budgets() -> None:
    memory = ConsolidatedMemory(10, 6, budget_bytes=16 * 80 + 79)
    assert (memory.n_modes, memory.nbytes) == (16, 1280)
    with pytest.raises(ValueError, match=r"'budget_bytes' .* at least 80, the bytes of one mode\. Got 79"):
        ConsolidatedMemory(10, 6, budget_bytes=79)
    for options in ({}, {"n_modes": 3, "budget_bytes": 1000}):
        with pytest.raises(ValueError, match=r"'n_modes' .* given, or else budget_bytes, and not both"):
            ConsolidatedMemory(10, **options)


def test_files_maps_and_copies(tmp_path: Any) -> None:
    memory = ConsolidatedMemory(3, n_modes=5)
    memory.store(clusters(1, 8, 3))
    memory.save(tmp_path / "m.safetensors")
    loaded, mapped = (hypersketch.load(tmp_path / "m.safetensors", mmap=m) for m in (False, True))
    queries = clusters(2, 6, 3)
    for twin in (loaded, mapped, memory.copy(), hypersketch.from_bytes(memory.to_bytes())):
        assert twin == memory
        assert (len(twin), twin.n_added) == (len(memory), 8)
        assert np.array_equal(twin.retrieve(queries).indices, memory.retrieve(queries).indices)
    for change in (lambda: mapped.store(queries), mapped.clear):
        with pytest.raises(ValueError, match="read-only"):
            change()
    twin = loaded.copy()
    for one in (twin, memory):
        one.store(queries)
    assert twin == memory
    memory.clear()
    assert memory == ConsolidatedMemory(3, n_modes=5)


def test_random_keys_lose_their_modes_as_theory_says() -> None:
    dim, n_modes, found = 40, 150, []
    for n in (100, 180):
        for seed in range(40):
            memory = ConsolidatedMemory(dim, 1, n_modes=n_modes, threshold=0.5)
            keys = np.random.default_rng(seed).standard_normal((n, dim))
            memory.store(keys, np.zeros((n, 1)))
            own = memory.search(keys)[1][:, 0] > 1 - 1e-6
            found.append(1.0 - own.mean())
        low, high = mean_interval(found, 1e-4)
        # Keys that joined take no mode from others: the form is that of few of them, right to their share.
        joined = 1.0 - (1.0 - theory.item_memory.cosine_tail(dim, 0.5)) ** (n_modes - 1)
        slack = 0.0 if n <= n_modes else joined
        assert low - slack <= theory.consolidation.error(dim, n, n_modes, 0.5) <= high + slack
        assert memory.expected_error() == theory.consolidation.error(dim, n, n_modes, 0.5)
        found.clear()
    most = int(memory.capacity(0.05))
    errors = [theory.consolidation.error(dim, most + step, n_modes, 0.5) for step in (0, 1)]
    assert errors[0] <= 0.05 < errors[1]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda m: m.store([[1, 1], [np.nan, 0]]),
            ValueError,
            "'keys' .* finite in float32. Got nan in row 1",
        ),
        (lambda m: m.store([[1, 1], [0, 0]]), ValueError, "'keys' .* no zero vector.* Got one in row 1"),
        (lambda m: m.store([1, 1, 1]), ValueError, "'keys' .* must be real vectors of 2 dimensions"),
        (lambda m: m.store([1, 1], [[1, 1], [1, 1]]), ValueError, "as many values as keys. Got 2 and 1"),
        (lambda m: m.search([1, 0], k=2), ValueError, r"'k' .* in \[1, 1\], the number of modes in use"),
        (lambda m: m.retrieve([1, 0], temperature=-1), ValueError, "'temperature' .* a finite float > 0"),
        (lambda m: m.store("ab"), TypeError, "'keys' .* must be real vectors"),
    ],
)
def test_refused_calls_change_nothing(call: Any, error: type[Exception], sentence: str) -> None:
    memory = ConsolidatedMemory(2, n_modes=4)
    memory.store([1, 2])
    before = memory.copy()
    with pytest.raises(error, match=sentence):
        call(memory)
    assert memory == before
    assert memory.n_added == 1


def test_an_empty_memory_says_so() -> None:
    with pytest.raises(ValueError, match="needs items, but this ConsolidatedMemory is empty"):
        ConsolidatedMemory(2, n_modes=4).retrieve([1, 1])
    with pytest.raises(
        ValueError, match="'threshold' parameter of ConsolidatedMemory must be a finite float"
    ):
        ConsolidatedMemory(2, n_modes=4, threshold=np.inf)
