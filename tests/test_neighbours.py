# SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours: exact, first come first of equals, oldest out first, softmax over what is found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_linear as reference
from hypersketch import NeighbourMemory, theory
from hypersketch.capacity.statistics import rate_interval
from hypersketch.memories import _nearest, gated, interpolate

KINDS = _nearest.SIMILARITIES


def integers(seed: int, n: int, dim: int, scale: float = 1.0) -> np.ndarray:
    """Vectors with many equal similarities, none of them zero."""
    rows = np.random.default_rng(seed).integers(-3, 4, (n, dim))
    rows[~rows.any(axis=1), 0] = 1
    return (rows * scale).astype(np.float32)


def by_definition(kind: str, queries: Any, keys: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = np.array(
        [[reference.similarity(kind, q, x) for x in keys.astype(float)] for q in queries.astype(float)]
    )
    order = np.argsort(-scores.round(12), axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e18])
@pytest.mark.parametrize(("n", "dim", "k"), [(1, 1, 1), (40, 3, 1), (40, 9, 7), (65, 16, 65)])
def test_the_nearest_are_found_exactly(kind: str, scale: float, n: int, dim: int, k: int) -> None:
    keys, queries = integers(1, n, dim, scale), integers(2, 11, dim, scale)
    memory = NeighbourMemory(dim, vocabulary=5, similarity=kind)
    memory.store(keys, np.arange(n) % 5)
    found, similarities = memory.search(queries, k)
    power = 1.0 if kind == "cosine" else scale * scale
    order, scores = by_definition(kind, queries.astype(float) / scale, keys.astype(float) / scale, k)
    assert np.allclose(similarities / power, scores, rtol=1e-6, atol=1e-9)
    exact = np.stack([_nearest.exact(kind, np.tile(q, (n, 1)), keys) for q in queries])
    assert np.array_equal(found, np.argsort(-exact, axis=1, kind="stable")[:, :k])
    assert np.array_equal(similarities, np.take_along_axis(exact, found, axis=1))
    assert order.shape == found.shape


@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_blocks_or_batches(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, queries = integers(1, 500, 5), integers(2, 30, 5)
    memory = NeighbourMemory(5, similarity=kind)
    memory.store(keys)
    by_kernel = memory.search(queries, 13)
    with monkeypatch.context() as patch:
        patch.setattr(_nearest, "_MOST_BY_KERNEL", 0)
        for a, b in zip(by_kernel, memory.search(queries, 13), strict=True):
            assert np.array_equal(a, b)
    memory.store(np.full(5, 3e25))  # whose square is no float
    whole = memory.search(queries, 13)
    ones = [memory.search(query, 13) for query in queries]
    monkeypatch.setattr(_nearest, "_BLOCK_SCORES", 30 * 17)
    for other in (
        memory.search(queries, 13),
        tuple(np.concatenate(part) for part in zip(*ones, strict=True)),
    ):
        assert np.array_equal(other[0], whole[0])
        assert np.array_equal(other[1], whole[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 15, 64])
def test_random_keys_are_ranked_in_double_precision(kind: str, dim: int) -> None:
    rng = np.random.default_rng(dim)
    keys, queries = (rng.standard_normal((n, dim)).astype(np.float32) for n in (3000, 40))
    memory = NeighbourMemory(dim, max_items=2900, similarity=kind)
    memory.store(keys)  # a ring of two runs
    found, similarities = memory.search(queries, 20)
    exact = np.stack([_nearest.exact(kind, np.tile(q, (2900, 1)), keys[100:]) for q in queries])
    order = np.argsort(-exact, axis=1, kind="stable")[:, :20]
    assert np.array_equal(found, order + 100)
    assert np.array_equal(similarities, np.take_along_axis(exact, order, axis=1))


@pytest.mark.parametrize("steps", [[3], [5, 1, 1], [6, 7, 2, 30], [100], [1] * 23])
def test_the_oldest_give_way(steps: list[int]) -> None:
    bound, keys = 7, integers(1, sum(steps), 4)
    ring = NeighbourMemory(4, vocabulary=1000, max_items=bound, similarity="euclidean")
    first = 0
    for step in steps:
        ring.store(keys[first : first + step], np.arange(first, first + step))
        first += step
        kept = max(0, first - bound)
        plain = NeighbourMemory(4, vocabulary=1000, similarity="euclidean")
        plain.store(keys[kept:first], np.arange(kept, first))
        assert len(ring) == min(first, bound)
        found, scores = ring.search(integers(9, 5, 4), len(ring))
        assert np.array_equal(found, plain.search(integers(9, 5, 4), len(ring))[0] + kept)
        assert np.array_equal(scores, plain.search(integers(9, 5, 4), len(ring))[1])
        few = min(3, len(ring))
        mixed = ring.retrieve(integers(9, 5, 4), few)
        assert np.array_equal(mixed.states, plain.retrieve(integers(9, 5, 4), few).states)
        twin = hypersketch.from_bytes(ring.to_bytes())
        assert twin == ring
        assert np.array_equal(twin.search(integers(9, 5, 4))[0], ring.search(integers(9, 5, 4))[0])


def test_softmax_by_definition() -> None:
    keys, queries = integers(1, 50, 6), integers(2, 9, 6)
    values, tokens = np.random.default_rng(3).standard_normal((50, 4)), np.arange(50) % 7
    vectors, words = (
        NeighbourMemory(6, 4, similarity="euclidean"),
        NeighbourMemory(6, vocabulary=7, similarity="euclidean"),
    )
    vectors.store(keys, values)
    words.store(keys, tokens)
    for heat in (0.5, 1.0, 20.0):
        found, spoken = vectors.retrieve(queries, 8, heat), words.retrieve(queries, 8, heat)
        for row in range(9):
            powers = np.array([math.exp(s / heat) for s in found.similarities[row]])
            weights = powers / powers.sum()
            assert np.allclose(found.weights[row], weights, rtol=1e-12)
            assert np.allclose(found.states[row], weights @ values[found.indices[row]], rtol=1e-5, atol=1e-6)
            spread = np.bincount(tokens[found.indices[row]], weights, 7)
            assert np.allclose(spoken.states[row], spread, rtol=1e-12)
    assert np.allclose(words.retrieve(queries, temperature=1e-300).states.max(axis=1), 1.0, atol=0.51)


def test_files_maps_and_copies(tmp_path: Any) -> None:
    memory = NeighbourMemory(3, max_items=5, vocabulary=9)
    memory.store(integers(1, 8, 3), np.arange(8))
    memory.save(tmp_path / "m.safetensors")
    loaded, mapped = (hypersketch.load(tmp_path / "m.safetensors", mmap=m) for m in (False, True))
    queries = integers(2, 6, 3)
    for twin in (loaded, mapped, memory.copy()):
        assert twin == memory
        assert (len(twin), twin.n_added) == (5, 8)
        assert np.array_equal(twin.retrieve(queries, 5).indices, memory.retrieve(queries, 5).indices)
    for change in (lambda: mapped.store(queries, np.zeros(6, int)), mapped.clear):
        with pytest.raises(ValueError, match="read-only"):
            change()
    twin = mapped.copy()
    twin.store(queries, np.arange(6))
    assert (len(twin), twin.n_added) == (5, 14)
    assert len(mapped) == 5


def test_random_keys_are_missed_as_often_as_theory_says() -> None:
    dim, n, cosine, misses, rng = 24, 300, 0.6, [], np.random.default_rng(0)
    for _ in range(40):
        keys = rng.standard_normal((n, dim))
        keys /= np.linalg.norm(keys, axis=1, keepdims=True)
        asked = keys[:50]
        noise = rng.standard_normal(asked.shape)
        noise -= (noise * asked).sum(axis=1, keepdims=True) * asked
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        memory = NeighbourMemory(dim)
        memory.store(keys)
        found = memory.search(cosine * asked + math.sqrt(1 - cosine**2) * noise)[0]
        misses.append(int((found[:, 0] != np.arange(50)).sum()))
    low, high = rate_interval(misses, 50, 1e-4)
    assert low <= memory.expected_error(cosine=cosine) <= high
    most = memory.capacity(0.05, cosine=cosine)
    rates = [theory.dense_retrieval.outscored(dim, int(most) - 1 + step, cosine) for step in (0, 1)]
    assert rates[0] <= 0.05 < rates[1]
    assert NeighbourMemory(8, max_items=90).capacity(0.1) == pytest.approx(100)


def test_interpolation_and_gates() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.dirichlet(np.ones(5), (2, 7))
    assert np.allclose(interpolate(one, other, 0.3), 0.7 * one + 0.3 * other)
    shares = rng.random(7)
    mixed = interpolate(np.log(one), np.log(other), shares, log=True)
    assert np.allclose(np.exp(mixed), (1 - shares)[:, None] * one + shares[:, None] * other)
    assert np.allclose(interpolate(np.log(one), np.full((7, 5), -np.inf), 0.0, log=True), np.log(one))
    heads = rng.standard_normal((2, 3, 7, 5))
    bias = np.array([-1e4, 0.0, 1e4]).reshape(3, 1, 1)
    found = gated(*heads, bias)
    assert np.array_equal(found[0], heads[0][0])
    assert np.allclose(found[1], heads.mean(axis=0)[1])
    assert np.array_equal(found[2], heads[1][2])


# ---- bad input


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda m: m.store([[1, 1], [np.nan, 0]], [0, 1]),
            ValueError,
            "'keys' .* finite in float32. Got nan in row 1",
        ),
        (
            lambda m: m.store([[1, 1], [0, 0]], [0, 1]),
            ValueError,
            "'keys' .* no zero vector.* Got one in row 1",
        ),
        (lambda m: m.store([1, 1, 1], [0]), ValueError, "'keys' .* must be real vectors of 2 dimensions"),
        (lambda m: m.store([1, 1], [4]), ValueError, r"'values' .* integers in \[0, 4\), tokens.* Got 4"),
        (lambda m: m.store([1, 1], [-1]), ValueError, "Got -1"),
        (lambda m: m.store([1, 1], [0.5]), TypeError, "tokens of the vocabulary"),
        (lambda m: m.store([1, 1], [0, 1]), ValueError, "needs as many values as keys. Got 2 and 1"),
        (lambda m: m.search([np.inf, 0]), ValueError, "'queries' .* Got inf in row 0"),
        (lambda m: m.search([1, 0], k=2), ValueError, r"'k' .* an integer in \[1, 1\], the number of items"),
        (lambda m: m.retrieve([1, 0], temperature=0), ValueError, "'temperature' .* a finite float > 0"),
        (lambda m: m.retrieve([0, 0]), ValueError, "'queries' .* no zero vector"),
    ],
)
def test_refused_calls_change_nothing(call: Any, error: type[Exception], sentence: str) -> None:
    memory = NeighbourMemory(2, vocabulary=4, similarity="cosine")
    memory.store([1, 2], [3])
    before = memory.copy()
    with pytest.raises(error, match=sentence):
        call(memory)
    assert memory == before
    assert memory.n_added == 1


def test_other_bad_arguments() -> None:
    with pytest.raises(ValueError, match="needs items, but this NeighbourMemory is empty"):
        NeighbourMemory(2).retrieve([1, 1])
    with pytest.raises(ValueError, match=r"'value_dim' .* None where values are tokens"):
        NeighbourMemory(2, 3, vocabulary=4)
    with pytest.raises(ValueError, match="'max_items' parameter of NeighbourMemory must be an integer"):
        NeighbourMemory(2, max_items=0)
    with pytest.raises(ValueError, match=r"'similarity' .* must be one of 'dot'"):
        NeighbourMemory(2, similarity="l1")
    with pytest.raises(ValueError, match=r"'weight' parameter of interpolate must be numbers in \[0, 1\]"):
        interpolate([1.0], [1.0], 1.5)
    with pytest.raises(ValueError, match=r"model and memory of one shape. Got \(1,\) and \(2,\)"):
        interpolate([1.0], [0.5, 0.5], 0.5)
    with pytest.raises(
        ValueError, match=r"'memory' parameter of interpolate must be probabilities\. Got others in row 1"
    ):
        interpolate(np.ones((2, 1)), [[1.0], [-1.0]], 0.5)
    with pytest.raises(ValueError, match="'bias' parameter of gated must be a number or an array"):
        gated(np.ones((2, 3)), np.ones((2, 3)), np.ones(3))
