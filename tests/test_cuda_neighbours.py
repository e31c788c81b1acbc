# SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours on a GPU, a real or an emulated one: items and similarities exactly those of the CPU."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import NeighbourMemory, cuda
from hypersketch.memories import _gpu_neighbours, _nearest

pytestmark = needs_gpu

KINDS = _nearest.SIMILARITIES
UNIT = 2.0**-53


def integers(seed: int, n: int, dim: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Vectors with many equal similarities, none of them zero."""
    rows = np.random.default_rng(seed).integers(-3, 4, (n, dim))
    rows[~rows.any(axis=1), 0] = 1
    return (rows * scale).astype(np.float32)


def normals(seed: int, n: int, dim: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def both(*dims: int, **options: Any) -> tuple[NeighbourMemory, NeighbourMemory]:
    return NeighbourMemory(*dims, **options), NeighbourMemory(*dims, **options, device="cuda")


def same_search(there: NeighbourMemory, here: NeighbourMemory, queries: Any, k: int) -> None:
    expected = here.search(queries, k)
    for asked in (queries, on_gpu(queries)):
        found = there.search(asked, k)
        for one, other in zip(found, expected, strict=True):
            assert isinstance(one, np.ndarray) == isinstance(asked, np.ndarray)
            assert np.asarray(one).dtype == other.dtype
            assert np.array_equal(np.asarray(one), other)


def same_answers(found: Any, expected: Any, values: Any) -> None:
    """Compare answers: items exactly, weights and states within bounds.

    An exponential is off by 1 unit in the last place in either library, 4 in ours by CUDA's and NumPy's word,
    which is 8 UNIT; a sum of k by k UNIT; a quotient by 1. Both sides together: 2 (k + 9) UNIT of a weight.
    Means of k values gain k + 1 more on each side, of the largest value, and one rounding to float32 each.
    """
    for name in ("indices", "similarities", "steps", "converged"):
        one, other = np.asarray(getattr(found, name)), getattr(expected, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other), name
    k = expected.weights.shape[1]
    relative = 2 * (k + 9) * UNIT
    assert (np.abs(np.asarray(found.weights) - expected.weights) <= relative * expected.weights).all()
    states, others = np.asarray(found.states), expected.states
    assert states.dtype == others.dtype
    if states.dtype == np.float64:  # k weights, summed up in one order
        assert (np.abs(states - others) <= (relative + 2 * k * UNIT) * others).all()
        return
    largest = float(np.abs(values).max())
    apart = (relative + 2 * (k + 1) * UNIT) * largest + 2 * 2.0**-24 * largest
    assert (np.abs(states.astype(float) - others) <= apart).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e18])
@pytest.mark.parametrize(("n", "dim", "k"), [(1, 1, 1), (40, 3, 1), (40, 9, 7), (65, 16, 65), (300, 5, 270)])
def test_the_nearest_of_equals_are_the_cpus(kind: str, scale: float, n: int, dim: int, k: int) -> None:
    here, there = both(dim, vocabulary=5, similarity=kind)
    keys, tokens = integers(1, n, dim, scale), np.arange(n) % 5
    here.store(keys, tokens)
    there.store(on_gpu(keys), on_gpu(tokens.astype(np.int16)))
    assert here == there
    same_search(there, here, integers(2, 11, dim, scale), k)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 7, 8, 9, 15, 64, 127, 128, 129, 257, 1001])
def test_sums_are_numpys(kind: str, dim: int) -> None:
    here, there = both(dim, 1, similarity=kind)
    keys = normals(dim, 70, dim) * 10.0 ** np.random.default_rng(1).integers(-4, 5, (70, dim))
    for memory in (here, there):
        memory.store(keys, np.zeros((70, 1)))
    queries = normals(dim + 1, 5, dim)
    same_search(there, here, queries, 20)
    same_search(there, here, queries[0], 70)


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_settle_what_is_far_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(24, similarity=kind)
    keys, queries = normals(1, 700, 24), normals(2, 33, 24)
    here.store(keys)
    there.store(on_gpu(keys))
    asked: list[int] = []
    by_all: Any = _gpu_neighbours._Prepared._by_all

    def counted(one: Any, near: Any, which: Any, *rest: Any) -> None:
        asked.append(len(which))
        by_all(one, near, which, *rest)

    monkeypatch.setattr(_gpu_neighbours._Prepared, "_by_all", counted)
    same_search(there, here, queries, 5)
    assert asked == [0, 0]
    with monkeypatch.context() as patch:
        patch.setattr(_gpu_neighbours, "_AT_ONCE", 10)
        same_search(there, here, queries, 5)
    queries[[3, 30]] *= np.float32(1e20)  # whose squares single precision does not hold
    asked.clear()
    same_search(there, here, queries, 5)
    assert max(asked) == 2
    there.store(keys[:1] * np.float32(1e20))
    here.store(keys[:1] * np.float32(1e20))
    monkeypatch.setattr(_gpu_neighbours, "_NUMBERS", 701 * 24 * 10)
    asked.clear()
    same_search(there, here, queries, 5)
    assert asked == [33, 33]


@pytest.mark.parametrize("steps", [[3], [5, 1, 1], [6, 7, 2, 30], [100], [1] * 23, [0, 7, 0, 1]])
def test_the_oldest_give_way(steps: list[int]) -> None:
    here, there = both(4, vocabulary=1000, max_items=7, similarity="euclidean")
    keys, first = integers(1, sum(steps), 4), 0
    for i, step in enumerate(steps):
        new = keys[first : first + step], np.arange(first, first + step)
        here.store(*new)
        there.store(*(map(on_gpu, new) if i % 2 else new))
        first += step
        assert (len(there), there.n_added, there.nbytes) == (len(here), here.n_added, here.nbytes)
        assert there == here
        if len(here):
            same_search(there, here, integers(9, 5, 4), min(3, len(here)))


@pytest.mark.parametrize("heat", [1e-300, 0.5, 20.0])
@pytest.mark.parametrize("k", [1, 8, None, 50])
def test_answers_are_mixed_alike(heat: float, k: int | None) -> None:
    keys, queries, values, tokens = normals(1, 50, 6), normals(2, 9, 6), normals(3, 50, 70), np.arange(50) % 7
    for kind, given, options in (
        ("dot", values, {"value_dim": 70}),
        ("euclidean", tokens, {"vocabulary": 7}),
    ):
        here, there = both(6, similarity=kind, **options)
        here.store(keys, given)
        there.store(on_gpu(keys), on_gpu(given))
        expected = here.retrieve(queries, k, heat)
        same_answers(there.retrieve(queries, k, heat), expected, given)
        found = there.retrieve(on_gpu(queries), k, heat)
        assert isinstance(found.states, cuda.DeviceArray)
        same_answers(found, expected, given)


def test_other_types_keys_as_values_and_streams() -> None:
    here, there = both(5, similarity="cosine")
    keys = integers(1, 40, 5)
    here.store(keys)
    with cuda.stream(1):
        there.store(on_gpu(keys.astype(np.int8)))
    with cuda.stream(2):
        found = there.retrieve(on_gpu(keys.astype(np.float64)), 3)
    same_answers(found, here.retrieve(keys, 3), keys)
    there.store(keys[0], keys[1])
    here.store(keys[0], keys[1])
    assert here == there
    same_search(there, here, keys, 41)
    for nothing in (there.search(np.empty((0, 5))), there.search(on_gpu(np.empty((0, 5))))):
        assert [np.asarray(one).shape for one in nothing] == [(0, 1), (0, 1)]
    assert np.asarray(there.retrieve(on_gpu(np.empty((0, 5)))).states).shape == (0, 5)


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = both(3, max_items=5, vocabulary=9)
    for memory in (here, there):
        memory.store(integers(1, 8, 3), np.arange(8))
    assert "device='cuda:0'" in repr(there)
    for twin in (here.to("cuda:1"), there.copy(), pickle.loads(pickle.dumps(there)), there.to("cpu")):
        assert twin == here
        assert (len(twin), twin.n_added) == (5, 8)
    there.save(tmp_path / "m.safetensors")
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    assert mapped == there
    assert mapped.to("cuda") == here
    expected = here + here
    for one in (here, there):
        for other in (here, there, here.to("cuda:1"), mapped):
            joined = one + other
            assert (joined, joined.n_added, joined.device) == (expected, 16, one.device)
    kept = there.copy()
    there += there
    assert (there, there.n_added) == (expected, 16)
    assert kept == here
    there.clear()
    assert (there, there.n_added, len(there), there.device) == (
        NeighbourMemory(3, max_items=5, vocabulary=9),
        0,
        0,
        "cuda:0",
    )
    there.store(on_gpu(integers(1, 2, 3)), [1, 2])
    assert len(there) == 2


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda m: m.store(on_gpu([[1, 1], [np.nan, 0]]), [0, 1]), ValueError, "'keys' .* Got nan in row 1"),
        (
            lambda m: m.store(on_gpu([[1, 1], [0, 0]]), [0, 1]),
            ValueError,
            "no zero vector.* Got one in row 1",
        ),
        (lambda m: m.store([[1, 1], [0, 0]], [0, 1]), ValueError, "no zero vector.* Got one in row 1"),
        (lambda m: m.store(on_gpu([1, 1, 1]), [0]), ValueError, "'keys' .* real vectors of 2 dimensions"),
        (lambda m: m.store(on_gpu([1, 1]), on_gpu([4])), ValueError, "'values' .* tokens.* Got 4"),
        (lambda m: m.store(on_gpu([1, 1]), on_gpu([0.5])), TypeError, "tokens of the vocabulary"),
        (lambda m: m.store(on_gpu([1, 1])), TypeError, "tokens of the vocabulary"),
        (
            lambda m: m.store(on_gpu([1, 1]), on_gpu([0, 1])),
            ValueError,
            "as many values as keys. Got 2 and 1",
        ),
        (lambda m: m.store(on_gpu([1, 1], 1), [1]), ValueError, "'keys' .* is on cuda:1, but .* on cuda:0"),
        (lambda m: m.store([1, 1], on_gpu([1], 1)), ValueError, "'values' .* is on cuda:1, but .* on cuda:0"),
        (lambda m: m.search(on_gpu([np.inf, 0])), ValueError, "'queries' .* Got inf in row 0"),
        (lambda m: m.search(on_gpu([1, 0]), k=2), ValueError, r"'k' .* an integer in \[1, 1\]"),
        (lambda m: m.retrieve(on_gpu([1, 0]), temperature=0), ValueError, "'temperature'"),
        (lambda m: m.retrieve(on_gpu([0, 0])), ValueError, "'queries' .* no zero vector"),
        (lambda m: m.to("cpu").search(on_gpu([1, 0])), ValueError, "is on cuda:0, but .* on cpu"),
    ],
)
def test_refused_calls_change_nothing(call: Any, error: type[Exception], sentence: str) -> None:
    memory = NeighbourMemory(2, vocabulary=4, similarity="cosine", device="cuda")
    memory.store([1, 2], [3])
    before = memory.copy()
    with pytest.raises(error, match=sentence):
        call(memory)
    assert (memory, memory.n_added) == (before, 1)


def test_values_that_are_missing_and_nothing_stored() -> None:
    memory = NeighbourMemory(2, 3, device="cuda")
    with pytest.raises(ValueError, match=r"'values' .* given, as value_dim is not key_dim"):
        memory.store(on_gpu([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="needs items, but this NeighbourMemory is empty"):
        memory.search(on_gpu([[1.0, 2.0]]))
    assert len(memory) == 0
