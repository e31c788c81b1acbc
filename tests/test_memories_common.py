# SPDX-License-Identifier: Apache-2.0
"""What all memories promise alike: nulls, forms of answers, merging by operators, Ctrl-C, sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import (
    ConsolidatedMemory,
    DenseMemory,
    HopfieldMembership,
    HopfieldNetwork,
    NeighbourMemory,
    OuterProductMemory,
    SparseDistributedMemory,
    SparseyMemory,
    TripleMemory,
    WillshawMemory,
    theory,
)
from hypersketch.capacity.statistics import rate_interval
from hypersketch.memories import _code_store, _hard_locations, _modes, _synapse_store, gated, interpolate

RNG = np.random.default_rng(0)
SIGNS = RNG.choice([-1, 1], (6, 70))
KEYS = RNG.standard_normal((6, 5))
UNITS = [[1, 2, 3], [9, 69], [5, 6]]

MAKERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "hopfield": (lambda: HopfieldNetwork(70), SIGNS),
    "dense": (lambda: DenseMemory(70, "exp"), SIGNS),
    "outer product": (lambda: OuterProductMemory(5), KEYS),
    "neighbours": (lambda: NeighbourMemory(5, max_items=8), KEYS),
    "consolidated": (lambda: ConsolidatedMemory(5, n_modes=4), KEYS),
    "sparse distributed": (lambda: SparseDistributedMemory(70, n_locations=99, k=9), SIGNS),
    "willshaw": (lambda: WillshawMemory(70), UNITS),
    "sparsey": (lambda: SparseyMemory(70, 5, 13), UNITS),
    "triples": (
        lambda: TripleMemory(hypersketch.MapI(256)),
        [("Ann", "likes", "tea"), ("Bob", "likes", "wine")],
    ),
}


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "triples"])
def test_masked_elements_are_refused(name: str) -> None:
    make, items = MAKERS[name]
    memory = make()
    memory.store(items)
    before = memory.to_bytes()
    rows = np.array([[1, 2], [3, 4]]) if items is UNITS else np.asarray(items)
    masked = np.ma.masked_array(rows, np.eye(*rows.shape, dtype=bool))
    for verb in (memory.store, memory.retrieve):
        with pytest.raises(ValueError, match=r"without nulls. Got 'a masked array with masked elements'"):
            verb(masked)
    assert memory.to_bytes() == before


@pytest.mark.parametrize("make", [lambda: HopfieldNetwork(70), lambda: DenseMemory(70, 3)])
def test_unsigned_states_come_back_signed(make: Any) -> None:
    memory = make()
    memory.store(SIGNS)
    found = memory.retrieve(np.ones(70, np.uint8))
    assert found.states.dtype == np.int8
    assert np.array_equal(found.states, memory.retrieve(np.ones(70, np.int8)).states)


@pytest.mark.parametrize("name", MAKERS)
def test_a_memory_is_true_however_little_it_holds(name: str) -> None:
    assert bool(MAKERS[name][0]())


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("consolidated", "hopfield")])
def test_operators_merge(name: str) -> None:
    make, items = MAKERS[name]
    one, other, merged = make(), make(), make()
    one.store(items[:1])
    other.store(items[1:])
    merged.store(items[:1])
    merged.merge(other)
    joined = one | other if name in ("willshaw", "sparsey") else one + other
    assert joined == merged
    assert one != merged
    if name in ("willshaw", "sparsey"):
        one |= other
    else:
        one += other
    assert one == merged


def test_neighbours_merge_as_if_stored_one_after_the_other() -> None:
    for bound in (None, 8, 3):
        one, other, both = (NeighbourMemory(5, max_items=bound) for _ in range(3))
        for memory, items in ((one, KEYS[:4]), (other, KEYS[4:] + 1), (both, KEYS[:4]), (both, KEYS[4:] + 1)):
            memory.store(items)
        one.merge(other)
        assert one == both
        for mine, theirs in zip(one.search(KEYS, 3), both.search(KEYS, 3), strict=True):
            assert np.array_equal(mine, theirs)
        twice = both + both
        assert (len(twice), twice.n_added) == (min(12, bound or 12), 12)


def test_what_is_removed_was_never_in_the_counters() -> None:
    make, items = MAKERS["sparse distributed"]
    memory, rest = make(), make()
    memory.store(items)
    rest.store(items[2:])
    memory.remove(items[:2])
    assert np.array_equal(memory.counters, rest.counters)
    assert (memory.n_added, memory.expected_error()) == (4, rest.expected_error())
    memory.store(items[:3], weights=[-1, 2, -3])
    assert memory.n_added == 3
    limited = SparseDistributedMemory(70, n_locations=9, k=2, limit=3)
    limited.store(items)
    with pytest.raises(
        ValueError, match="no way to remove items from a SparseDistributedMemory with a limit"
    ):
        limited.remove(items)


# ---- Ctrl-C


def interrupted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: int) -> None:
    """Let a function raise instead of what it does, from a call on."""
    real, calls = getattr(owner, name), [0]

    def stop(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(owner, name, stop)


@pytest.mark.parametrize(
    ("name", "owner", "function", "prefix"),
    [
        ("sparsey", _code_store.CodeStore, "_learn", 2),
        ("willshaw", _synapse_store.SynapseStore, "_set", 2),
        ("sparse distributed", _hard_locations, "adding", 2),
        ("consolidated", _modes.Modes, "_put", 2),
    ],
)
def test_after_ctrl_c_a_prefix_is_stored_and_counted(
    name: str, owner: Any, function: str, prefix: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, items = MAKERS[name]
    monkeypatch.setattr(_synapse_store, "_CHUNK", 1)
    monkeypatch.setattr("hypersketch.memories._location_store.CHUNK", 1)
    memory, expected = make(), make()
    expected.store(items[:prefix])
    with monkeypatch.context() as patch:
        interrupted(patch, owner, function, prefix)
        with pytest.raises(KeyboardInterrupt):
            memory.store(items)
    assert memory == expected
    assert hypersketch.from_bytes(memory.to_bytes()) == expected
    memory.store(items[prefix:])
    expected.store(items[prefix:])
    assert memory == expected


# ---- linear memories


def test_long_streams_have_an_expected_error_at_once() -> None:
    answer = theory.outer_product.delta(64, 64, 10**9, age=10**8)
    assert (round(answer.signal, 9), round(answer.noise, 6)) == (0.0, 1.0)
    assert theory.outer_product.mean_error("delta", 64, 64, 10**9) > 0.999


@pytest.mark.parametrize(("strength", "gate"), [(1.0, 1.0), (1.7, 0.98), (0.4, 0.9)])
def test_delta_is_its_recursion(strength: float, gate: float) -> None:
    d, n, age = 9, 40, 13
    trace, moments = 0.0, []
    for _ in range(n - 1 - age):
        trace = _grown(trace, d, strength, gate)
    length = (gate - strength) ** 2 * trace / d + strength**2
    for _ in range(age):
        trace = _grown(trace, d, strength, gate)
        moments = [gate**2 - 2 * gate * strength / d + 2 * strength**2 / (d * (d + 2)), trace]
        length = moments[0] * length + strength**2 * trace / (d * (d + 2)) + strength**2 / d
    signal = strength * (gate - strength / d) ** age
    answer = theory.outer_product.delta(d, d, n, strength, gate, age)
    assert answer.signal == pytest.approx(signal)
    assert answer.noise == pytest.approx(length - signal**2)


def _grown(trace: float, d: int, b: float, g: float) -> float:
    return (g * g - 2 * g * b / d + b * b / d) * trace + b * b


def test_steep_delta_rules_err_as_their_own_theory_says() -> None:
    """Not as that of strength 1."""
    memory = OuterProductMemory(32, rule="delta", strength=1.9)
    mild = OuterProductMemory(32, rule="delta")
    keys, values = RNG.standard_normal((2, 200, 32))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    for one in (memory, mild):
        one.store(keys, values)
    wrong = [(one.recall(keys, values).indices.ravel() != np.arange(200)).mean() for one in (memory, mild)]
    assert memory.expected_error() - mild.expected_error() > 0.02
    assert wrong[0] > wrong[1]


def test_keys_are_their_own_values_where_none_are_given() -> None:
    one, other = OuterProductMemory(5), OuterProductMemory(5)
    one.store(KEYS)
    other.store(KEYS, KEYS)
    assert one == other
    one.remove(KEYS[0])
    assert one.n_added == 5
    for memory in (OuterProductMemory(5, 3), NeighbourMemory(5, 3), ConsolidatedMemory(5, 3, n_modes=2)):
        with pytest.raises(ValueError, match=r"'values' .* must be given, as value_dim is not key_dim"):
            memory.store(KEYS)


def test_ridge_has_a_solution_where_rounding_eats_the_penalty() -> None:
    memory = OuterProductMemory(3, rule="ridge")
    memory.store([[1e10, 2e10, 3e10]] * 4, np.ones((4, 3)))
    assert memory.retrieve([1, 2, 3]).states == pytest.approx(np.full((1, 3), 1e-10))
    memory.clear()
    memory.store(np.eye(3))
    memory.remove([0, 2, 0])
    with pytest.raises(
        ValueError, match="has no solution: pairs were removed from it that had not been stored"
    ):
        memory.retrieve(np.eye(3))


def test_answers_beyond_the_dtype_are_refused() -> None:
    memory = OuterProductMemory(3)
    memory.store([1e20, 0, 0], [1e10, 1, 1])
    with pytest.raises(OverflowError, match="would leave float32"):
        memory.retrieve([1e30, 0, 0])


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: OuterProductMemory(5).capacity(n_values=0),
            ValueError,
            "'n_values' .* OuterProductMemory.capacity",
        ),
        (
            lambda: OuterProductMemory(5).expected_error(n_values=-1),
            ValueError,
            "'n_values' .* OuterProductMemory.expected_error must be an integer",
        ),
        (
            lambda: OuterProductMemory(5).store(KEYS, KEYS, np.nan),
            ValueError,
            "'weights' .* must be a finite number, or one for each of 6 rows. Got nan",
        ),
        (
            lambda: stored("outer product").recall(KEYS, KEYS[:0]),
            ValueError,
            "at most the number of values, which is 0",
        ),
        (
            lambda: NeighbourMemory(5).capacity(cosine=0),
            ValueError,
            r"'cosine' .* a float in \(0, 1\]. Got 0",
        ),
        (
            lambda: NeighbourMemory(1).capacity(cosine=7),
            ValueError,
            "'cosine' parameter of NeighbourMemory.capacity",
        ),
        (
            lambda: NeighbourMemory(4).expected_error(cosine=np.nan),
            ValueError,
            r"'cosine' .* \(0, 1\]. Got nan",
        ),
        (
            lambda: NeighbourMemory(2, vocabulary=5).store([1, 2]),
            TypeError,
            "'values' .* tokens of the vocab.* None",
        ),
        (lambda: stored("willshaw").retrieve(UNITS, winners=0), ValueError, "'winners' .* in \\[1, 70\\]"),
        (
            lambda: stored("willshaw").store([[[1], [2, 3]]]),
            TypeError,
            "'inputs' .* must be lists of active units",
        ),
        (lambda: stored("willshaw").store([[True] * 70, [1, 2]]), TypeError, "units, or bools .*, not both"),
        (lambda: stored("willshaw").store([{1, 2}]), TypeError, "'inputs' .* different integers"),
        (lambda: stored("sparsey").retrieve([[1], []]), ValueError, "'queries' .* active inputs in each row"),
        (
            lambda: stored("hopfield").basin(SIGNS[0], min_overlap=3),
            ValueError,
            r"'min_overlap' .* \[-1, 1\]. Got 3",
        ),
        (
            lambda: HopfieldNetwork(70).basin(SIGNS[0]),
            ValueError,
            "HopfieldNetwork.basin needs a stored pattern",
        ),
        (
            lambda: interpolate([0.5, 0.5], [0.5, 0.5], "a"),
            TypeError,
            r"'weight' .* numbers in \[0, 1\]. Got 'a'",
        ),
        (lambda: interpolate(np.eye(2), np.eye(2), [0.1] * 3), ValueError, r"one for each row, shape \(2,\)"),
        (
            lambda: interpolate([[1, 0], [2, 5]], np.eye(2), 0.5),
            ValueError,
            "'model' .* probabilities. .* in row 1",
        ),
        (
            lambda: gated([[1.0]], [[1.0]], "x"),
            TypeError,
            "'bias' parameter of gated must be numbers. Got 'x'",
        ),
    ],
)
def test_one_sentence(call: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def stored(name: str) -> Any:
    make, items = MAKERS[name]
    memory = make()
    memory.store(items)
    return memory


def test_the_coldest_softmax_is_the_nearest_alone() -> None:
    memory = NeighbourMemory(5, similarity="euclidean")
    memory.store(KEYS)
    found = memory.retrieve(KEYS, k=3, temperature=1e-300)
    assert np.array_equal(found.weights, [[1.0, 0.0, 0.0]] * 6)
    assert np.array_equal(found.states, KEYS.astype(np.float32))


def test_no_distances_are_no_basin() -> None:
    found = stored("hopfield").basin(SIGNS[0], [])
    assert found.distances.shape == found.recovered.shape == (0,)


@pytest.mark.parametrize(("dim", "options"), [(64, {}), (65, {"diagonal": False}), (20, {"degree": 4})])
def test_membership_states_its_capacity(dim: int, options: dict[str, Any]) -> None:
    memory = HopfieldMembership(dim, **options)
    assert memory.expected_error() == 0.0
    rates = []
    fits = int(memory.capacity(0.05))
    for n in (fits, fits + 1):
        memory.add(range(memory.n_added, n))
        rates.append(memory.expected_error())
    assert rates[0] <= 0.05 < rates[1]
    asked = 4000
    found = int(memory.contains(range(10**6, 10**6 + asked)).sum())
    # One memory's strangers share its noise: a wide interval, of a tenth of as many independent answers.
    low, high = rate_interval([found // 10], asked // 10, 1e-4)
    assert low <= rates[1] <= high
    with pytest.raises(ValueError, match=r"'error' .*capacity must be a float in \(0, 0.5\)"):
        memory.capacity(0.5)


def test_a_tensor_without_cells_holds_nothing() -> None:
    memory = HopfieldMembership(2, degree=3)
    memory.add(range(5))
    assert (memory.capacity(), memory.expected_error(), memory.contains([1]).tolist()) == (0.0, 0.0, [False])


@pytest.mark.parametrize("name", ["neighbours", "consolidated"])
def test_threads_find_the_same_neighbours(name: str) -> None:
    memory = stored(name)
    for verb in (memory.search, memory.retrieve):
        one, other = verb(KEYS, 2, threads=1), verb(KEYS, 2, threads=3)
        first = one.indices if verb == memory.retrieve else one[0]
        assert np.array_equal(first, other.indices if verb == memory.retrieve else other[0])
        with pytest.raises(ValueError, match=f"'threads' parameter of {type(memory).__name__}"):
            verb(KEYS, 2, threads=0)


def test_ridge_errs_as_its_theory_says_where_few_keys_err() -> None:
    wrong, n, dim = [], 186, 64
    for seed in range(24):
        keys, values = np.random.default_rng(seed).standard_normal((2, n, dim))
        keys /= np.linalg.norm(keys, axis=1, keepdims=True)
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        memory = OuterProductMemory(dim, rule="ridge")
        memory.store(keys, values)
        wrong.append(int((memory.recall(keys, values).indices.ravel() != np.arange(n)).sum()))
    low, high = rate_interval(wrong, n, 1e-4)
    assert low <= memory.expected_error() <= high
    # The error of a key with the mean share, which is too low.
    mean = theory.outer_product.ridge(dim, n, 1e-3)
    assert theory.outer_product.error(mean, dim, dim, n) < 0.8 * memory.expected_error()
