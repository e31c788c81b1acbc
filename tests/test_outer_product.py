# SPDX-License-Identifier: Apache-2.0
"""Linear associative memories: the same matrix as rule by rule, and errors as theory has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hypersketch
import hypersketch.vsa
import reference_linear as reference
from hypersketch import OuterProductMemory, theory
from hypersketch.memories import frequency_weights

RULES = ("hebb", "delta", "ridge")


def directions(seed: int, *shape: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal(shape)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize("rule", ["hebb", "delta"])
@pytest.mark.parametrize(("key_dim", "value_dim"), [(1, 1), (7, 3), (16, 33)])
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 130])
def test_chunks_are_pairs_one_after_the_other(rule: str, key_dim: int, value_dim: int, n: int) -> None:
    rng = np.random.default_rng(n)
    keys, values = directions(1, n, key_dim), directions(2, n, value_dim)
    weights, gates = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    gates[rng.random(n) < 0.1] = 0.0  # which no quotient of products survives
    expected = reference.fast_weights(keys, values, weights, gates, rule) if n else 0.0
    for dtype, unit in (("float64", 2.0**-52), ("float32", 2.0**-23)):
        for chunk in (None, 1, 5):
            memory = OuterProductMemory(key_dim, value_dim, rule=rule, dtype=dtype)
            memory.store(keys, values, weights, gates=gates, chunk=chunk)
            # Rounding of n updates of numbers up to the largest, which sums of a chunk do not enlarge.
            bound = 4 * (n + 4) * unit * (1 + np.abs(expected).max(initial=0))
            assert np.abs(memory.matrix - expected).max(initial=0) <= bound
            assert memory.n_added == n


def test_long_streams_in_pieces_end_at_the_same_matrix() -> None:
    keys, values = directions(1, 400, 32), directions(2, 400, 32)
    whole, pieces = (OuterProductMemory(32, rule="delta", gate=0.99, dtype="float64") for _ in range(2))
    whole.store(keys, values)
    for first in range(0, 400, 37):
        pieces.store(keys[first : first + 37], values[first : first + 37])
    expected = reference.fast_weights(keys, values, np.ones(400), np.full(400, 0.99), "delta")
    assert np.abs(whole.matrix - expected).max() < 1e-12
    assert np.abs(pieces.matrix - expected).max() < 1e-12


def test_the_delta_rule_overwrites() -> None:
    memory = OuterProductMemory(16, 4, rule="delta", dtype="float64")
    keys, values = directions(1, 20, 16), directions(2, 20, 4)
    memory.store(keys, values)
    assert np.allclose(memory.retrieve(keys[-1]).states, values[-1])


@pytest.mark.parametrize("n", [3, 20, 60])
def test_ridge_is_the_least_squares_solution(n: int) -> None:
    keys, values = directions(1, n, 20), directions(2, n, 5)
    weights = np.random.default_rng(3).uniform(0.5, 2.0, n)
    memory = OuterProductMemory(20, 5, rule="ridge", ridge=0.01, dtype="float64")
    for part in (slice(0, 2), slice(2, None)):
        memory.store(keys[part], values[part], weights[part])
    assert np.allclose(memory.matrix, reference.ridge(keys, values, weights, 0.01), atol=1e-9)
    memory.remove(keys[2:], values[2:], weights[2:])
    assert np.allclose(memory.matrix, reference.ridge(keys[:2], values[:2], weights[:2], 0.01), atol=1e-7)


@pytest.mark.parametrize("rule", ["hebb", "ridge"])
def test_linear_rules_merge_and_remove(rule: str) -> None:
    keys, values = directions(1, 40, 12), directions(2, 40, 9)
    a, b, both = (OuterProductMemory(12, 9, rule=rule, dtype="float64") for _ in range(3))
    a.store(keys[:15], values[:15])
    b.store(keys[15:], values[15:])
    both.store(keys, values)
    a.merge(b)
    assert np.allclose(a.matrix, both.matrix, atol=1e-12)
    assert a.n_added == 40
    a.merge(a)
    assert a.n_added == 80
    both.remove(keys[15:], values[15:])
    both.remove(keys[:15], values[:15])
    assert np.abs(both.state).max() < 1e-12
    assert both.n_added == 0


def test_what_is_not_linear_neither_merges_nor_removes() -> None:
    memory = OuterProductMemory(3, rule="delta")
    with pytest.raises(ValueError, match="no way to merge an OuterProductMemory of rule='delta'"):
        memory.merge(memory.copy())
    with pytest.raises(ValueError, match="no way to remove pairs from an OuterProductMemory"):
        memory.remove(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="'gate' parameter of both OuterProductMemory objects must be equal"):
        OuterProductMemory(3).merge(OuterProductMemory(3, gate=0.5))


@pytest.mark.parametrize("rule", RULES)
def test_files_and_copies(rule: str, tmp_path: Any) -> None:
    memory = OuterProductMemory(5, 4, rule=rule)
    memory.store(directions(1, 6, 5), directions(2, 6, 4))
    memory.save(tmp_path / "m.safetensors")
    loaded = hypersketch.load(tmp_path / "m.safetensors")
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    queries = directions(3, 7, 5)
    for twin in (loaded, mapped, memory.copy(), hypersketch.from_bytes(memory.to_bytes())):
        assert twin == memory
        assert twin.n_added == 6
        assert np.array_equal(twin.retrieve(queries).states, memory.retrieve(queries).states)
    for change in (lambda: mapped.store(queries, np.ones((7, 4))), mapped.clear):
        with pytest.raises(ValueError, match="read-only"):
            change()
    other = memory.copy()
    other.store(queries, np.ones((7, 4)))
    assert other != memory


def test_recall_takes_the_first_of_equal_values_and_orders_k() -> None:
    memory = OuterProductMemory(2)
    memory.store([[1, 0], [0, 1]], [[1, 0], [0, 1]])
    book = np.array([[0.0, 1], [1, 0], [1, 0], [2, 2]])
    found = memory.recall([[1, 0], [0, 3]], book, k=3)
    assert found.indices.tolist() == [[3, 1, 2], [3, 0, 1]]
    assert found.similarities.tolist() == [[2, 1, 1], [6, 3, 0]]
    assert memory.recall([1, 0], book[:3]).indices.tolist() == [[1]]


def test_recall_answers_with_keys_of_an_item_memory() -> None:
    space = hypersketch.vsa.HRR(256)
    names = hypersketch.ItemMemory(space)
    names.add(range(40))
    memory = OuterProductMemory(256, dtype="float64")
    memory.store(space.atoms(range(100, 140)), space.atoms(range(40)))
    found = memory.recall(space.atoms(range(100, 140)), names, k=2)
    assert found.keys[:, 0].tolist() == list(range(40))
    assert found.similarities.shape == (40, 2)
    other = hypersketch.ItemMemory(hypersketch.vsa.HRR(128))
    other.add([1])
    with pytest.raises(ValueError, match="128"):
        memory.recall(np.ones(256), other)


@pytest.mark.parametrize(
    ("rule", "n", "options"),
    [
        ("hebb", 500, {}),
        ("hebb", 500, {"gate": 0.998}),
        ("delta", 250, {}),
        ("delta", 250, {"strength": 0.7, "gate": 0.99}),
        ("ridge", 700, {"ridge": 0.5}),
    ],
)
def test_signal_and_noise_are_those_of_theory(rule: str, n: int, options: dict[str, float]) -> None:
    """Means over trials of <v, W k> and |W k - signal v|^2 lie within five standard errors."""
    dim, age, found = 128, 100, []
    for seed in range(30):
        keys, values = directions(2 * seed, n, dim), directions(2 * seed + 1, n, dim)
        memory = OuterProductMemory(dim, rule=rule, dtype="float64", **options)
        memory.store(keys, values)
        place = slice(None) if rule == "ridge" else slice(n - 1 - age, n - age)
        answers = memory.retrieve(keys[place]).states
        signal = (answers * values[place]).sum(axis=1)
        found.append((signal.mean(), (answers**2).sum(axis=1).mean()))
    law = {
        "hebb": lambda: theory.outer_product.hebb(dim, n, options.get("gate", 1.0), age),
        "delta": lambda: theory.outer_product.delta(
            dim, dim, n, options.get("strength", 1.0), options.get("gate", 1.0), age
        ),
        "ridge": lambda: theory.outer_product.ridge(dim, n, options.get("ridge", 0.0)),
    }[rule]()
    measured, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(len(found))
    predicted = np.array([law.signal, law.signal**2 + law.noise])
    # The law of the eigenvalues is that of infinitely many dimensions: off by the order 1 / d.
    slack = 2.0 / dim if rule == "ridge" else 0.0
    assert np.all(np.abs(measured - predicted) <= 5 * spread + slack * predicted)


def test_capacity_is_where_the_expected_error_passes() -> None:
    for rule in RULES:
        most = int(OuterProductMemory(32, rule=rule).capacity(0.05))
        at, beyond = (
            theory.outer_product.mean_error(rule, 32, 32, n, penalty=1e-3 * (rule == "ridge"))
            for n in (most, most + 1)
        )
        assert at <= 0.05 < beyond
    memory = OuterProductMemory(32)
    assert memory.expected_error() == 0.0
    memory.store(directions(1, 60, 32), directions(2, 60, 32))
    assert memory.expected_error() == theory.outer_product.mean_error("hebb", 32, 32, 60)
    assert memory.expected_error(n_values=1000) > memory.expected_error()


def test_frequency_weights_are_the_three_of_the_paper() -> None:
    counts = np.array([4, 9, 9, 1])
    assert np.array_equal(frequency_weights(counts, "proportional"), counts / 23)
    assert frequency_weights(counts, "thresholded", 2).tolist() == [0, 1, 1, 0]
    assert frequency_weights(counts, "thresholded", 1).tolist() == [0, 1, 0, 0]
    assert frequency_weights(counts, "uniform").tolist() == [1, 1, 1, 1]
    assert frequency_weights([], "uniform").shape == (0,)
    with pytest.raises(ValueError, match="'n_kept' parameter of frequency_weights must be given with"):
        frequency_weights(counts, "thresholded")
    with pytest.raises(ValueError, match=r"'frequencies' .* a finite number of at least 0"):
        frequency_weights([1, -1], "uniform")


# ---- bad input

NAN = np.array([[0.0, 1], [2, np.nan], [np.nan, 0]])


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda m: m.store(NAN, np.ones((3, 2))),
            ValueError,
            "'keys' .* finite in float32. Got nan in row 1",
        ),
        (
            lambda m: m.store(np.ones((3, 2)), NAN),
            ValueError,
            "'values' .* finite in float32. Got nan in row 1",
        ),
        (lambda m: m.store([1e39, 0], [1, 1]), ValueError, "must be finite in float32. Got inf in row 0"),
        (
            lambda m: m.store(np.ones((2, 3)), np.ones((2, 2))),
            ValueError,
            r"'keys' .* must be real vectors of 2 dim.* Got 'shape \(2, 3\)'",
        ),
        (
            lambda m: m.store(np.ones((2, 2)), np.ones((3, 2))),
            ValueError,
            "needs as many values as keys. Got 3 and 2",
        ),
        (lambda m: m.store(["a", "b"], [1, 1]), TypeError, "'keys' .* must be real vectors"),
        (lambda m: m.store([[1, 2], [3]], [1, 1]), ValueError, "'keys' .* must be real vectors"),
        (
            lambda m: m.store([1, 1], [1, 1], gates=1.5),
            ValueError,
            r"'gates' .* must be a number in \[0, 1\].* Got 1.5",
        ),
        (
            lambda m: m.store(np.ones((2, 2)), np.ones((2, 2)), gates=[0.5, -1]),
            ValueError,
            "Got -1.0 in row 1",
        ),
        (lambda m: m.store([1, 1], [1, 1], weights=np.nan), ValueError, "'weights' .* Got nan"),
        (lambda m: m.store([1, 1], [1, 1], chunk=0), ValueError, "'chunk' .* must be an integer in"),
        (
            lambda m: m.store([3e38, 3e38], [3e38, 0]),
            OverflowError,
            "would leave float32; nothing was stored",
        ),
        (lambda m: m.retrieve(NAN), ValueError, "'queries' .* Got nan in row 1"),
        (
            lambda m: m.recall([1, 1], np.ones((2, 2)), k=3),
            ValueError,
            r"'k' .* must be an integer in \[1, 2\]",
        ),
    ],
)
def test_refused_calls_change_nothing(call: Any, error: type[Exception], sentence: str) -> None:
    memory = OuterProductMemory(2)
    memory.store([1, 2], [3, 4])
    before = memory.copy()
    with pytest.raises(error, match=sentence):
        call(memory)
    assert memory == before
    assert memory.n_added == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rule": "ridge", "ridge": 0.0}, "'ridge' .* must be a finite float > 0. Got 0.0"),
        ({"rule": "ridge", "ridge": -1}, "'ridge' .* must be a finite float > 0"),
        ({"ridge": 1.0}, "'ridge' .* must be given with rule='ridge' alone"),
        ({"gate": 1.01}, r"'gate' .* must be a float in \[0, 1\]. Got 1.01"),
        ({"strength": -0.1}, r"'strength' .* must be a float in \[0, 2\]"),
        ({"rule": "oja"}, "'rule' .* must be one of 'hebb', 'delta', 'ridge'"),
        ({"dtype": "float16"}, "'dtype' .* must be one of 'float32', 'float64'"),
        ({"value_dim": 0}, "'value_dim' .* must be an integer in"),
    ],
)
def test_parameters_are_checked(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        OuterProductMemory(4, **options)


def test_an_empty_memory_says_so() -> None:
    with pytest.raises(ValueError, match="needs pairs, but this OuterProductMemory is empty"):
        OuterProductMemory(4).retrieve(np.ones(4))
