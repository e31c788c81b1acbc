# SPDX-License-Identifier: Apache-2.0
"""Continuous memories against their definitions, in every form of store, similarity and separation."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

import hypersketch
import reference_continuous as reference
from continuous_makers import DTYPES, SEPARATIONS, SIMILARITIES, bound_of, made, near
from hypersketch import theory
from hypersketch.memories import ContinuousMemory, _patterns


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 700])
@pytest.mark.parametrize("dim", [1, 15, 16, 65, 130])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_its_definition_for_every_shape(n, dim, dtype):
    memory = made(n, dim, dtype=dtype, beta=4.0)
    for n_queries in (1, 3, 4, 7, 33):
        queries = near(memory, n_queries)
        expected = reference.retrieve("dot", "softmax", memory.patterns, queries, 4.0)
        found = memory.retrieve(queries)
        assert np.abs(found.states - expected).max() <= bound_of(memory, queries, 4.0)
        shares = reference.weights("softmax", reference.similarities("dot", queries, memory.patterns), 4.0)
        np.testing.assert_allclose(found.effective, 1 / (shares**2).sum(axis=1), rtol=5e-3)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("separation", SEPARATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_similarity_and_separation_is_its_definition(similarity, separation, dtype):
    if separation in ("polynomial", "identity") and similarity not in ("dot", "cosine"):
        with pytest.raises(ValueError, match="'dot' or 'cosine'"):
            ContinuousMemory(4, similarity, separation)
        return
    for value_dim in (None, 9):
        memory = made(
            300, 40, similarity=similarity, separation=separation, dtype=dtype, beta=5.0, value_dim=value_dim
        )
        for n_queries in (2, 20):
            queries = near(memory, n_queries)
            expected = reference.retrieve(
                similarity, separation, memory.patterns, queries, 5.0, memory.values
            )
            found = memory.retrieve(queries)
            assert np.abs(found.states - expected).max() <= bound_of(memory, queries, 5.0)


@pytest.mark.parametrize("alpha", [1.05, 1.3, 1.5, 2.0, 3.5])
@pytest.mark.parametrize("separation", ["entmax", "normmax"])
def test_alphas(alpha, separation):
    memory = made(500, 20, separation=separation, alpha=alpha, beta=8.0)
    queries = near(memory, 9)
    expected = reference.retrieve("dot", separation, memory.patterns, queries, 8.0, alpha=alpha)
    np.testing.assert_allclose(memory.retrieve(queries).states, expected, atol=2e-4)


@pytest.mark.parametrize("separation", ["sparsemax", "entmax", "normmax"])
def test_many_candidates_are_found_by_passes(separation):
    memory = made(9000, 12, separation=separation, beta=2e-5, value_dim=3)
    queries = near(memory, 6)
    expected = reference.retrieve("dot", separation, memory.patterns, queries, 2e-5, memory.values)
    found = memory.retrieve(queries, weights=True)
    np.testing.assert_allclose(found.states, expected, atol=1e-4)
    assert found.effective.min() > 2048
    sums = np.add.reduceat(found.weights.values.astype(float), found.weights.starts[:-1])
    np.testing.assert_allclose(sums, 1.0, rtol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_queries", [1, 2, 5, 300])
def test_all_thread_counts_give_the_same_bits(dtype, n_queries):
    memory = made(20_000, 33, dtype=dtype, beta=6.0)
    queries = near(memory, n_queries)
    one, many = (memory.retrieve(queries, threads=threads) for threads in (1, 5))
    np.testing.assert_array_equal(one.states, many.states)
    np.testing.assert_array_equal(one.effective, many.effective)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_search_ranks_as_the_definition_does(similarity, dtype):
    memory = made(3000, 24, similarity=similarity, dtype=dtype)
    for n_queries in (1, 8):
        queries = near(memory, n_queries)
        scores = reference.similarities(similarity, queries, memory.patterns)
        for k in (1, 10, 3000):
            found = memory.search(queries, k)
            best = -np.sort(-scores, axis=1)[:, :k]
            np.testing.assert_allclose(found.similarities, best, atol=2e-3 if dtype == "int8" else 2e-5)
            of_found = np.take_along_axis(scores, found.indices, axis=1)
            np.testing.assert_allclose(of_found, best, atol=2e-3 if dtype == "int8" else 2e-5)
            assert all(np.unique(row).size == k for row in found.indices)


def test_equal_patterns_are_ranked_by_number():
    memory = ContinuousMemory(3)
    memory.store(np.ones((200, 3)))
    np.testing.assert_array_equal(memory.search(np.ones((5, 3)), 7).indices, [range(7)] * 5)


def test_steps_lead_to_the_fixed_point_and_energies_fall():
    for separation in ("softmax", "entmax", "sparsemax", "normmax"):
        memory = made(400, 32, separation=separation, beta=12.0, seed=3)
        queries = near(memory, 25, noise=1.0)
        found = memory.retrieve(queries, steps=60, tol=1e-6, energies=True)
        assert found.converged.all()
        assert (found.steps < 60).all()
        energies = [memory.energy(queries)]
        for steps in (1, 2, 3):
            energies.append(memory.energy(memory.retrieve(queries, steps=steps, tol=0.0).states))
        rise = np.diff(np.array(energies), axis=0).max()
        assert rise <= 1e-5
        np.testing.assert_allclose(found.energies, memory.energy(found.states), atol=1e-9)


def test_values_are_what_the_last_step_projects_to():
    memory = made(300, 32, beta=9.0, value_dim=5)
    own = ContinuousMemory(32, beta=9.0)
    own.store(memory.patterns)
    queries = near(memory, 7, noise=0.8)
    before = own.retrieve(queries, steps=2, tol=0.0).states
    found = memory.retrieve(queries, steps=3, tol=0.0)
    np.testing.assert_allclose(found.states, memory.retrieve(before).states, atol=1e-6)
    assert (found.steps == 3).all()


def test_betas_are_of_queries():
    memory = made(200, 16, beta=2.0)
    queries = near(memory, 5)
    betas = np.array([0.5, 1.0, 2.0, 5.0, 50.0])
    found = memory.retrieve(queries, betas=betas).states
    for i, beta in enumerate(betas):
        expected = reference.retrieve("dot", "softmax", memory.patterns, queries[i : i + 1], beta)
        np.testing.assert_allclose(found[i], expected[0], atol=1e-4)


@pytest.mark.parametrize("separation", ["softmax", "entmax", "top-k"])
def test_listed_weights_make_the_state(separation):
    memory = made(500, 24, separation=separation, beta=9.0)
    queries = near(memory, 6)
    found = memory.retrieve(queries, weights=True, least=1e-7)
    for i in range(6):
        part = slice(found.weights.starts[i], found.weights.starts[i + 1])
        indices, values = found.weights.indices[part], found.weights.values[part].astype(float)
        assert (np.diff(indices) > 0).all()
        np.testing.assert_allclose(values @ memory.patterns[indices], found.states[i], atol=1e-4)
        np.testing.assert_allclose(1 / (values**2).sum(), found.effective[i], rtol=1e-3)


def test_entmax_is_exact_from_its_margin_on():
    patterns = np.eye(8, dtype=np.float32)
    for separation, alpha in (("entmax", 1.5), ("entmax", 1.25), ("sparsemax", 2.0), ("normmax", 1.5)):
        margin = theory.continuous.margin(separation, alpha)
        memory = ContinuousMemory(8, separation=separation, alpha=alpha, beta=1.0)
        memory.store(patterns)
        exact = memory.retrieve(patterns[0] * (margin + 1e-3), weights=True)
        np.testing.assert_array_equal(exact.states, patterns[:1])
        below = memory.retrieve(patterns[0] * (margin - 1e-2), weights=True, least=0.0)
        assert len(below.weights.values) == 8


def test_out_takes_the_states():
    memory = made(50, 8, beta=2.0)
    out = np.empty((3, 8), np.float32)
    found = memory.retrieve(near(memory, 3), out=out)
    assert found.states is out
    with pytest.raises(ValueError, match="'out' parameter"):
        memory.retrieve(near(memory, 4), out=out)


@pytest.mark.parametrize("dtype", ["int8", "float8"])
def test_rows_are_added_removed_and_updated(dtype):
    memory = made(10, 4, dtype=dtype, value_dim=2)
    before, values = memory.patterns.copy(), memory.values.copy()
    memory.remove([0, 5])
    kept = [1, 2, 3, 4, 6, 7, 8, 9]
    np.testing.assert_array_equal(memory.patterns, before[kept])
    np.testing.assert_array_equal(memory.values, values[kept])
    memory.update([7, 0], np.ones((2, 4)), [[1, 2], [3, 4]])
    np.testing.assert_allclose(memory.patterns[[0, 7]], 1.0)
    np.testing.assert_allclose(
        memory.values[[7, 0]], [[1, 2], [3, 4]], rtol=2.0**-4 if dtype == "float8" else 1e-2
    )
    assert len(memory) == memory.n_added == 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_files_pickles_and_copies(tmp_path, dtype):
    memory = made(130, 9, dtype=dtype, value_dim=4, similarity="cosine", beta=3.0)
    memory.save(tmp_path / "memory.safetensors")
    queries = near(memory, 5)
    expected = memory.retrieve(queries).states
    loaded = hypersketch.load(tmp_path / "memory.safetensors")
    mapped = hypersketch.load(tmp_path / "memory.safetensors", mmap=True)
    for other in (loaded, mapped, pickle.loads(pickle.dumps(memory)), memory.copy()):
        assert other == memory
        np.testing.assert_array_equal(other.retrieve(queries).states, expected)
    with pytest.raises(ValueError, match="read-only"):
        mapped.store(np.ones((1, 9)), np.ones((1, 4)))
    mapped.copy().store(np.ones((1, 9)), np.ones((1, 4)))


def test_over_uses_the_array_where_it_lies(tmp_path):
    patterns = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    np.save(tmp_path / "patterns.npy", patterns)
    mapped = np.load(tmp_path / "patterns.npy", mmap_mode="r")
    memory = ContinuousMemory.over(mapped, beta=2.0)
    assert np.shares_memory(memory.patterns, mapped)
    own = ContinuousMemory(16, beta=2.0)
    own.store(patterns)
    np.testing.assert_array_equal(memory.retrieve(patterns[:5]).states, own.retrieve(patterns[:5]).states)
    with pytest.raises(ValueError, match="read-only"):
        memory.remove(0)
    bad = patterns.copy()
    bad[7, 3] = np.nan
    with pytest.raises(ValueError, match="nan"):
        ContinuousMemory.over(bad)


@pytest.mark.parametrize("dtype", ["int8", "float8"])
def test_no_queries_and_zero_rows(dtype):
    memory = made(5, 3, dtype=dtype)
    assert memory.retrieve(np.empty((0, 3))).states.shape == (0, 3)
    assert memory.search(np.empty((0, 3)), 2).indices.shape == (0, 2)
    memory.store(np.zeros((1, 3)))
    assert np.isfinite(memory.retrieve([1.0, 2.0, 3.0]).states).all()
    memory.store(np.empty((0, 3)))
    assert len(memory) == 6


def test_a_memory_over_an_array_takes_no_copy_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patterns, "_PIECE", 1 << 14)
    rows = np.random.default_rng(8).standard_normal((8000, 128), dtype=np.float32)
    tracemalloc.start()
    try:
        memory = ContinuousMemory.over(rows, similarity="cosine")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.shares_memory(memory.patterns, rows)
    assert peak < rows.nbytes / 8  # lengths, and a few pieces of 131 kB in double precision


def test_high_powers_do_not_warn():
    memory = ContinuousMemory(4, separation="polynomial", degree=64)
    memory.store(1e3 * np.eye(4))
    np.testing.assert_allclose(memory.retrieve([1e3, 1e3, 0, 0]).states, [[500, 500, 0, 0]], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "float8"])
def test_narrow_rows_are_made_in_pieces(monkeypatch, dtype):
    rows = np.random.default_rng(8).standard_normal((4001, 32), dtype=np.float32)
    whole, pieces = ContinuousMemory(32, dtype=dtype), ContinuousMemory(32, dtype=dtype)
    whole.store(rows)
    monkeypatch.setattr(_patterns, "_PIECE", 1 << 12)
    tracemalloc.start()
    try:
        pieces.store(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pieces == whole
    assert peak < 2.5 * pieces.nbytes + rows.nbytes / 4  # once made, once stored, and what is not finite
    bad = rows.copy()
    bad[3000] = 3.4e38 if dtype == "bfloat16" else 1e-42
    with pytest.raises(ValueError, match="ow 3000"):
        pieces.store(bad)
