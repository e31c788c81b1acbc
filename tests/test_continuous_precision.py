# SPDX-License-Identifier: Apache-2.0
"""Retrieval of continuous memories with 8 bits a number, in all ways that this processor has."""

from __future__ import annotations

import numpy as np
import pytest

import hypersketch
import reference_continuous as reference
from continuous_makers import DTYPES, SEPARATIONS, SIMILARITIES, bound_of, made, near
from hypersketch import _core
from hypersketch.memories import ContinuousMemory


@pytest.fixture(params=_core.bfloat16_products() or ["none"], autouse=True)
def products(request):
    before = hypersketch.build_info()["bfloat16_products"]
    if request.param != "none":
        _core.set_bfloat16_products(request.param)
    yield request.param
    if before is not None:
        _core.set_bfloat16_products(before)


def bound_of_bytes(memory, queries, beta):
    """Of rounded numbers scores are as exact as else, and weights err by 2^-9."""
    return bound_of(memory, queries, beta) + np.abs(memory.values).max() * (2.0**-9 + 2.0**-13)


def expected(memory, queries, beta):
    """Of all numbers rounded, where this processor has such products."""
    parameters = memory._values["similarity"], memory._values["separation"]
    if hypersketch.build_info()["bfloat16_products"] is None or len(queries) < 8:
        return reference.retrieve(*parameters, memory.patterns, queries, beta, memory.values)
    patterns = reference.rounded(memory.patterns)
    return reference.retrieve(
        *parameters, patterns, reference.rounded(queries), beta, reference.rounded(memory.values)
    )


def test_rounding_of_the_reference():
    exact = np.array([1.0, 1.00390625, 1.01171875, 1.0039065, -3.14159, 0.0], np.float32)
    np.testing.assert_array_equal(
        reference.rounded(exact), np.array([1, 1, 1.015625, 1.0078125, -3.140625, 0], np.float32)
    )


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 700])
@pytest.mark.parametrize("dim", [1, 7, 8, 33, 130, 1030])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_that_of_rounded_numbers(n, dim, dtype):
    memory = made(n, dim, dtype=dtype, beta=4.0)
    for n_queries in (1, 7, 8, 16, 17, 37):
        queries = near(memory, n_queries)
        found = memory.retrieve(queries, precision="bfloat16")
        bound = bound_of_bytes(memory, queries, 4.0)
        assert np.abs(found.states - expected(memory, queries, 4.0)).max() <= bound


@pytest.mark.parametrize("separation", SEPARATIONS)
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_every_similarity_and_separation_keeps_its_bound(similarity, separation):
    if separation in ("polynomial", "identity") and similarity not in ("dot", "cosine"):
        pytest.skip("polynomials of distances are no weights")
    memory = made(
        300, 40, similarity=similarity, separation=separation, dtype="bfloat16", beta=2.0, value_dim=9
    )
    queries = reference.rounded(near(memory, 20))
    if similarity == "cosine":  # whose queries are scaled before they are rounded
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        queries = reference.rounded(queries)
    found = memory.retrieve(queries, precision="bfloat16")
    wanted = reference.retrieve(similarity, separation, memory.patterns, queries, 2.0, memory.values)
    longest = np.linalg.norm(queries, axis=1).max() * np.linalg.norm(memory.patterns, axis=1).max()
    rounding = (
        2 * 2.0 * longest * 2.0**-7 if similarity == "cosine" else 0.0
    )  # of lengths that are not quite 1
    assert np.abs(found.states - wanted).max() <= bound_of_bytes(memory, queries, 2.0) + rounding


def test_the_stated_bound_is_kept_and_the_answer_is_another(products):
    memory = made(2000, 96, beta=3.0)
    queries = near(memory, 40)
    wanted = reference.retrieve("dot", "softmax", memory.patterns, queries, 3.0)
    found = memory.retrieve(queries, precision="bfloat16").states
    longest = np.linalg.norm(queries, axis=1).max() * np.linalg.norm(memory.patterns, axis=1).max()
    error = np.exp(2 * 3.0 * longest * 2.0**-7) - 1 + 2.0**-7
    assert np.abs(found - wanted).max() <= error * np.abs(memory.patterns).max()
    assert (np.abs(found - wanted).max() > 1e-5) == (
        hypersketch.build_info()["bfloat16_products"] is not None
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_thread_counts_give_the_same_bits(dtype):
    memory = made(20_000, 33, dtype=dtype, beta=6.0)
    queries = near(memory, 300)
    one, many = (memory.retrieve(queries, precision="bfloat16", threads=threads) for threads in (1, 5))
    np.testing.assert_array_equal(one.states, many.states)
    np.testing.assert_array_equal(one.effective, many.effective)


def test_listed_weights_and_energies_keep_their_bits():
    memory = made(400, 32, beta=6.0, dtype="bfloat16")
    queries = near(memory, 12)
    few, many = (
        memory.retrieve(queries, weights=True, energies=True, precision=precision)
        for precision in ("bfloat16", "float32")
    )
    np.testing.assert_array_equal(few.weights.indices, many.weights.indices)
    np.testing.assert_array_equal(few.weights.values, many.weights.values)
    np.testing.assert_allclose(few.energies, many.energies, atol=0.05)  # of other states


def test_steps_lead_to_the_pattern():
    memory = made(3000, 128, beta=30.0)
    queries = near(memory, 50, noise=0.5)
    found = memory.retrieve(queries, steps=4, precision="bfloat16")
    best = memory.patterns[memory.search(queries).indices[:, 0]]
    assert np.abs(found.states - best).max() <= 2.0**-7 * np.abs(best).max()


def test_a_name_of_no_products_is_refused():
    with pytest.raises(ValueError, match="no bfloat16 products 'fast'"):
        _core.set_bfloat16_products("fast")


def test_a_precision_is_one_of_three():
    memory = ContinuousMemory(2)
    memory.store(np.eye(2))
    with pytest.raises(ValueError, match=r"'precision' parameter of ContinuousMemory\.retrieve must be"):
        memory.retrieve(np.eye(2), precision="float16")
