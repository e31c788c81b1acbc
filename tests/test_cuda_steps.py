# SPDX-License-Identifier: Apache-2.0
"""Steps of every separation on a GPU, a real or an emulated one, against their definition and the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference_continuous as reference
from gpu_tools import needs_gpu
from hypersketch import ContinuousMemory, _device
from test_cuda_retrieval import DTYPES, SEPARATIONS, bound_of, error_of_scores, expected, made, near, on_gpu

pytestmark = needs_gpu

FEW = ["sparsemax", "entmax", "normmax", "top-k"]


def require_effective(memory: ContinuousMemory, queries: Any, betas: Any, found: Any) -> None:
    """Effective patterns are 1 / the sum of p^2, which errs by 2 d where no weight errs by more than d.

    Scores err by e = beta times their error: a threshold moves by as much, and sparsemax's weights by 2 e,
    entmax's, squares of numbers up to 1 of half the scores, by 2 e (1 + e), and those of top-k by
    exp(2 e) - 1 of themselves. Normmax divides squares, which err by 4 e (1 + e) sqrt(p), by their sum,
    at least 1.
    """
    separation = memory._values["separation"]
    alike = reference.similarities(memory._values["similarity"], queries, memory.patterns)
    shares = reference.weights(separation, alike, betas)
    e = float(np.max(betas)) * error_of_scores(memory, queries) + 2.0**-23
    sums = np.sqrt(shares).sum(axis=1).max()
    limits = {"sparsemax": 2 * e, "entmax": 2 * e * (1 + e), "normmax": 4 * e * (1 + e) * (1 + sums)}
    wanted = 1 / (shares**2).sum(axis=1)
    error = 2 * limits.get(separation, np.expm1(2 * e)) * found * wanted
    assert (np.abs(found - wanted) <= error).all()


def require_steps(
    memory: ContinuousMemory, queries: NDArray[np.float32], betas: NDArray[Any], tol: float, most: int
) -> list[NDArray[np.float32]]:
    """Compare every step with the definition from where the one before ended; return all states."""
    states = [queries]
    for steps in range(1, most + 1):
        found = memory.retrieve(queries, steps, tol=tol, betas=betas)
        moving = found.steps == steps
        options = {"similarity": memory._values["similarity"], "separation": memory._values["separation"]}
        wanted = reference.retrieve(
            *options.values(), memory.patterns, states[-1], betas[:, None], memory.values
        )
        limit = bound_of(memory, states[-1], float(betas.max()))
        assert np.abs(found.states - wanted)[moving].max(initial=0.0) <= limit
        np.testing.assert_array_equal(found.states[~moving], states[-1][~moving])
        states.append(found.states)
    return states


@pytest.mark.parametrize("separation", SEPARATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_of_every_store_are_those_of_the_cpu(separation: str, dtype: str) -> None:
    memory = made(60, 20, separation=separation, dtype=dtype, beta=5.0)
    here, queries = memory.to("cpu"), near(memory, 3)
    betas = np.array([4.0, 5.0, 9.0])
    if dtype in ("bfloat16", "float8"):
        require_steps(memory, queries, betas, 1e-3, 3)
    for steps in (1, 5):
        ours = memory.retrieve(queries, steps, tol=1e-3, betas=betas)
        theirs = here.retrieve(queries, steps, tol=1e-3, betas=betas)
        np.testing.assert_array_equal(ours.steps, theirs.steps)
        np.testing.assert_array_equal(ours.converged, theirs.converged)
        if steps == 1 and separation in FEW:
            require_effective(memory, queries, betas[:, None], ours.effective)
        there = memory.retrieve(on_gpu(queries), steps, tol=1e-3, betas=betas)
        for name in ("states", "steps", "converged", "effective"):
            np.testing.assert_array_equal(np.asarray(getattr(there, name)), getattr(ours, name))


@pytest.mark.parametrize("separation", SEPARATIONS)
def test_steps_of_arrays_there_need_no_copy_on_the_host(
    separation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = made(40, 12, separation=separation, beta=5.0)
    queries = near(memory, 4)
    wanted = memory.retrieve(queries, 4).states

    def refuse(*_: Any) -> Any:
        raise AssertionError("queries or states went to the host")

    with monkeypatch.context() as patched:
        patched.setattr(_device.View, "to_host", refuse)
        given = on_gpu(queries)
        found = memory.retrieve(given, 4)
    np.testing.assert_array_equal(np.asarray(found.states), wanted)


@pytest.mark.parametrize("separation", [*FEW, "softmax"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_pattern_is_what_comes_back(separation: str, dtype: str) -> None:
    memory = made(1, 7, separation=separation, dtype=dtype, beta=5.0)
    found = memory.retrieve(near(memory, 2), 3)
    if separation == "softmax":  # by tensor cores, whose sums are those of pieces
        assert np.abs(found.states - memory.patterns).max() <= bound_of(memory, found.states, 5.0)
    else:
        np.testing.assert_array_equal(found.states, np.repeat(memory.patterns, 2, axis=0))
    np.testing.assert_array_equal(found.effective, [1.0, 1.0])
    np.testing.assert_array_equal(found.steps, [2, 2])
    assert found.converged.all()


@pytest.mark.parametrize("separation", FEW)
def test_equal_patterns_share_a_weight(separation: str) -> None:
    """Each of 300 twins has 1 / 300, but for the best 8, which are the first."""
    memory = ContinuousMemory(3, value_dim=2, separation=separation, beta=4.0, device="cuda")
    values = np.arange(600, dtype=np.float32).reshape(300, 2)
    memory.store(np.ones((300, 3)), values)
    found = memory.retrieve(np.ones((2, 3)), weights=True)
    n = 8 if separation == "top-k" else 300
    # 300 sums of roundings of weights, products and sums, 2^-24 of a sum that is the mean so far at most.
    limit = (n + 3) * 2.0**-23 * float(values[n - 1].max())
    assert np.abs(found.states - values[:n].astype(float).mean(axis=0)).max() <= limit
    np.testing.assert_allclose(found.effective, [n, n], rtol=4 * n * 2.0**-52)
    assert found.weights is not None
    np.testing.assert_array_equal(found.weights.indices, [*range(n)] * 2)


def test_the_best_of_all_are_a_softmax() -> None:
    memory = made(50, 12, separation="top-k", k=50, beta=5.0)
    queries = near(memory, 3)
    more = made(50, 12, separation="top-k", k=500, beta=5.0)  # than there are
    found = memory.retrieve(queries)
    wanted = reference.retrieve("dot", "softmax", memory.patterns, queries, 5.0)
    assert np.abs(found.states - wanted).max() <= bound_of(memory, queries, 5.0)
    np.testing.assert_array_equal(more.retrieve(queries).states, found.states)
    many = made(600, 5, separation="top-k", k=300, beta=5.0)  # more than one pass finds
    asked = near(many, 2)
    difference = many.retrieve(asked).states - expected(many, asked, 5.0, k=300)
    assert np.abs(difference).max() <= bound_of(many, asked, 5.0)


@pytest.mark.parametrize("separation", ["entmax", "normmax"])
def test_queries_with_many_candidates_step_beside_others(separation: str) -> None:
    """The first and the third have all 2,100 patterns as candidates, the second and the fourth few."""
    memory = made(2100, 6, separation=separation, beta=1.0)
    here, queries = memory.to("cpu"), near(memory, 4)
    betas = np.array([1e-3, 20.0, 2e-2, 30.0])
    require_steps(memory, queries, betas, 1e-3, 2)
    ours = memory.retrieve(queries, 4, tol=1e-3, betas=betas)
    theirs = here.retrieve(queries, 4, tol=1e-3, betas=betas)
    np.testing.assert_array_equal(ours.steps, theirs.steps)
    np.testing.assert_array_equal(ours.converged, theirs.converged)
    there = memory.retrieve(on_gpu(queries), 4, tol=1e-3, betas=betas)
    np.testing.assert_array_equal(np.asarray(there.states), ours.states)
    assert ours.effective[0] > 500
    assert ours.effective[1] < 50


@pytest.mark.parametrize("similarity", ["cosine", "euclidean", "manhattan"])
@pytest.mark.parametrize("separation", FEW)
def test_steps_of_other_similarities_are_their_definition(separation: str, similarity: str) -> None:
    memory = made(50, 10, separation=separation, similarity=similarity, beta=3.0)
    require_steps(memory, near(memory, 3), np.array([2.0, 3.0, 6.0]), 1e-3, 3)


@pytest.mark.parametrize("separation", ["sparsemax", "top-k"])
def test_many_queries_are_asked_in_parts(separation: str) -> None:
    """As many as one look takes, and two more."""
    memory = made(2, 2, separation=separation, beta=5.0)
    queries = np.tile(near(memory, 5), (410, 1))
    found = memory.retrieve(queries)
    assert np.abs(found.states - expected(memory, queries, 5.0)).max() <= bound_of(memory, queries, 5.0)
    require_effective(memory, queries, 5.0, found.effective)
