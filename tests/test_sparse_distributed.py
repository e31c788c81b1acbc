# SPDX-License-Identifier: Apache-2.0
"""Kanerva's memory against its definition and its theory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_sparse_memories as reference
from hypersketch import SparseDistributedMemory, theory

SIZES = (1, 63, 64, 65, 130)


def bipolar(n: int, dim: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (n, dim))


def words(rows: Any) -> Any:
    """Packed by the definition: a set bit is -1."""
    n, dim = rows.shape
    padded = np.zeros((n, -(-dim // 64) * 64), np.uint8)
    padded[:, :dim] = rows == -1
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


@pytest.mark.parametrize("dim", SIZES)
@pytest.mark.parametrize(
    "how", [{"radius": True}, {"k": 7}, {"k": 7, "limit": 2}, {"radius": True, "limit": 200}]
)
def test_against_the_definition(dim: int, how: dict[str, Any]) -> None:
    options = {**how, **({"radius": dim // 2} if "radius" in how else {})}
    locations, addresses = bipolar(30, dim, 1), bipolar(9, dim, 2)
    values, weights = bipolar(9, 20, 3), np.array([1, 2, -1, 1, 3, 1, 1, -2, 1])
    memory = SparseDistributedMemory(dim, 20, locations=locations, **options)
    memory.store(addresses[:4], values[:4], weights[:4])
    memory.store(addresses[4:], values[4:], weights[4:])
    counters = [[0] * 20 for _ in range(30)]
    for address, value, weight in zip(addresses, values, weights, strict=True):
        here = reference.locations_of(address, locations, options.get("radius"), options.get("k"))
        assert memory.active(address)[0].tolist() == here
        reference.written(counters, here, value.tolist(), int(weight), options.get("limit"))
    assert memory.counters.tolist() == counters
    queries = np.concatenate([addresses, bipolar(5, dim, 4)])
    found = memory.retrieve(queries)
    for i, query in enumerate(queries):
        here = reference.locations_of(query, locations, options.get("radius"), options.get("k"))
        sums = np.array(reference.read(counters, here))
        assert found.sums[i].tolist() == sums.tolist()
        assert found.active[i] == len(here)
        assert (found.states[i][sums != 0] == np.sign(sums[sums != 0])).all()


def test_forms_agree() -> None:
    rows = bipolar(12, 70)
    memories = []
    for given in (rows, rows > 0, words(rows), rows.astype(float), rows.tolist()):
        memory = SparseDistributedMemory(70, n_locations=50, k=5)
        memory.store(given)
        memories.append(memory)
    assert all(one == memories[0] for one in memories)
    found = memories[0].retrieve(rows)
    assert found.states.dtype == np.int8
    assert (memories[0].retrieve(rows > 0).states == (found.states > 0)).all()
    assert (memories[0].retrieve(words(rows)).states == words(found.states)).all()


def test_batches_and_threads_do_not_matter() -> None:
    rows = bipolar(600, 200)
    whole, parts = (SparseDistributedMemory(200, n_locations=300, k=11) for _ in "ab")
    whole.store(rows, threads=2)
    for part in np.split(rows, [0, 1, 257, 258]):
        parts.store(part, threads=1)
    assert whole == parts
    one, two = (whole.retrieve(rows, steps=4, threads=threads) for threads in (1, 3))
    for name in ("states", "sums", "active", "steps", "converged"):
        assert (getattr(one, name) == getattr(two, name)).all()


def test_seed_gives_the_locations() -> None:
    memory = SparseDistributedMemory(100, n_locations=40, seed=5)
    assert (memory.locations == hypersketch.MapB(100, seed=5).atoms(range(40))).all()
    stored = SparseDistributedMemory(100, locations=memory.locations, k=3)
    assert stored.nbytes == memory.nbytes + 40 * 16
    again = hypersketch.from_bytes(stored.to_bytes())
    assert again == stored
    assert (again.locations == memory.locations).all()


def test_reads_until_it_stays() -> None:
    memory = SparseDistributedMemory(500, n_locations=3000)
    rows = bipolar(30, 500)
    memory.store(rows)
    noisy = rows.copy()
    noisy[:, :50] *= -1
    found = memory.retrieve(noisy, steps=20)
    assert (found.states == rows).all()
    assert found.converged.all()
    assert (found.steps >= 2).all()
    assert (memory.retrieve(found.states).states == found.states).all()
    assert not memory.retrieve(noisy, steps=1).converged.any()


def test_counters_never_wrap() -> None:
    memory = SparseDistributedMemory(8, n_locations=4, k=2)
    top = 2**31 - 1
    memory.store([[1] * 8], weights=[top])
    before = memory.copy()
    with pytest.raises(OverflowError, match="Nothing was stored"):
        memory.store([[1] * 8])
    with pytest.raises(OverflowError, match="Nothing was merged"):
        memory.merge(before)
    assert memory == before
    assert memory.n_added == 1
    memory.store([[1] * 8], weights=[-top])
    memory.store([[1] * 8] * 3)
    assert memory.counters.max() == 3
    assert memory.retrieve([1] * 8).sums[0, 0] == 6
    small = SparseDistributedMemory(8, n_locations=4, k=2, limit=127)
    small.store([[1] * 8], weights=[top])
    assert small.counters.dtype == np.int8
    assert small.counters.max() == 127
    big = SparseDistributedMemory(8, n_locations=4, k=4)
    big.store([[1] * 8], weights=[top])
    assert big.retrieve([1] * 8).sums[0, 0] == 4 * top


def test_merge_is_the_memory_of_all() -> None:
    rows = bipolar(50, 100)
    a, b, both = (SparseDistributedMemory(100, n_locations=60, k=5) for _ in "abc")
    a.store(rows[:20])
    b.store(rows[20:])
    both.store(rows)
    a.merge(b)
    assert a == both
    assert a.n_added == 50
    other = SparseDistributedMemory(100, locations=bipolar(60, 100), k=5)
    same = SparseDistributedMemory(100, locations=-bipolar(60, 100), k=5)
    with pytest.raises(ValueError, match="same locations"):
        other.merge(same)


def test_files_keep_all_and_are_checked(tmp_path: Any) -> None:
    memory = SparseDistributedMemory(90, 33, n_locations=20, k=4, limit=3)
    memory.store(bipolar(10, 90), bipolar(10, 33))
    memory.save(tmp_path / "m.safetensors")
    loaded = hypersketch.load(tmp_path / "m.safetensors")
    assert loaded == memory
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    assert (mapped.retrieve(bipolar(10, 90)).sums == memory.retrieve(bipolar(10, 90)).sums).all()
    with pytest.raises(ValueError, match="read-only"):
        mapped.store(bipolar(1, 90), bipolar(1, 33))
    state = memory._state.copy()
    state[-1] = 100
    with pytest.raises(ValueError, match="beyond their limit"):
        type(memory)._restore(memory._parameters(), memory._saved_counts(), state)


@pytest.mark.parametrize("nearest", [False, True])
def test_bit_errors_are_those_of_theory(nearest: bool) -> None:
    n, n_locations, n_items = 2000, 500, 60
    law = theory.sparse_distributed
    how = {"k": 10} if nearest else {"radius": law.radius(n, 0.02)}
    errors = []
    for seed in range(20):
        memory = SparseDistributedMemory(n, 200, n_locations=n_locations, seed=seed, **how)
        addresses, values = bipolar(n_items, n, seed + 100), bipolar(n_items, 200, seed + 200)
        memory.store(addresses, values)
        errors.append((memory.retrieve(addresses).states != values).mean())
    expected = memory.expected_error()
    # 4.5 standard errors of the mean over independent memories
    assert abs(np.mean(errors) - expected) < 4.5 * np.std(errors, ddof=1) / np.sqrt(len(errors))


def test_theory_of_activation() -> None:
    law = theory.sparse_distributed
    n, r = 64, 24
    memory = SparseDistributedMemory(n, n_locations=1, radius=r)
    rows = bipolar(200_000, n, 3)
    near = (rows != 1).sum(axis=1) <= r
    p = law.activation(n, r)
    assert memory.activation == p
    assert abs(near.mean() - p) < 4.5 * np.sqrt(p / len(rows))
    other = np.ones(n, np.int8)
    other[:8] = -1
    both = near & ((rows != other).sum(axis=1) <= r)
    shared = law.overlap(n, r, 8)
    assert abs(both.sum() / near.sum() - shared) < 4.5 * np.sqrt(0.25 / near.sum())
    # averaged over the distance of a random address, it is the activation itself
    weights = np.array([float(law.activation(n, d)) for d in range(n + 1)])
    chances = np.diff(np.concatenate([[0.0], weights]))
    assert np.isclose(sum(c * law.overlap(n, r, d) for d, c in enumerate(chances)), p)


def test_fewest_errors_where_theory_says() -> None:
    law = theory.sparse_distributed
    best = law.best_activation(1000, 200)
    grid = best * np.array([0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0])
    errors = [law.bit_error(1000, 200, p) for p in grid]
    assert 2 <= int(np.argmin(errors)) <= 4
    assert errors[0] > 1.2 * min(errors) < errors[-1]
    assert law.bit_error(1000, 200, 0.014, nearest=True) < law.bit_error(1000, 200, 0.014)


@pytest.mark.parametrize("error", [0.001, 0.05])
def test_capacity_is_the_last_that_passes(error: float) -> None:
    memory = SparseDistributedMemory(200, n_locations=400)
    most = int(memory.capacity(error))
    law, p = theory.sparse_distributed, memory.activation
    assert law.bit_error(400, most, p) <= error < law.bit_error(400, most + 1, p)


def test_refuses_in_one_sentence() -> None:
    memory = SparseDistributedMemory(10, 5, n_locations=8, k=2)
    memory.store(bipolar(2, 10), bipolar(2, 5))
    before = memory.copy()
    for call, error, match in [
        (lambda: memory.store(bipolar(2, 10)), ValueError, "'values'"),
        (lambda: memory.store(bipolar(2, 9), bipolar(2, 5)), ValueError, "shape"),
        (lambda: memory.store(bipolar(2, 10), bipolar(3, 5)), ValueError, "as many values"),
        (lambda: memory.store(bipolar(2, 10) * 2, bipolar(2, 5)), ValueError, "row 0, column 0"),
        (lambda: memory.store(np.full((1, 10), np.nan), bipolar(1, 5)), ValueError, "nan in row 0"),
        (lambda: memory.store("text", bipolar(1, 5)), TypeError, "'addresses'"),
        (lambda: memory.store(np.array([2**63], np.uint64), bipolar(1, 5)), ValueError, "beyond"),
        (lambda: memory.store(bipolar(1, 10), bipolar(1, 5), [0.5]), TypeError, "weights"),
        (lambda: memory.retrieve(bipolar(1, 10), steps=2), ValueError, "'steps'"),
        (lambda: memory.retrieve(bipolar(1, 10), steps=0), ValueError, "'steps'"),
        (
            lambda: SparseDistributedMemory(10, 5, n_locations=8, k=2).retrieve(bipolar(1, 10)),
            ValueError,
            "empty",
        ),
        (lambda: SparseDistributedMemory(10, n_locations=8, k=2, radius=3), ValueError, "'radius'"),
        (lambda: SparseDistributedMemory(10, n_locations=8, k=9), ValueError, "'k'"),
        (lambda: SparseDistributedMemory(10, n_locations=8, radius=11), ValueError, "'radius'"),
        (lambda: SparseDistributedMemory(10), ValueError, "'n_locations'"),
        (
            lambda: SparseDistributedMemory(10, n_locations=3, locations=bipolar(2, 10)),
            ValueError,
            "n_locations",
        ),
        (lambda: SparseDistributedMemory(10, n_locations=3, limit=0), ValueError, "'limit'"),
        (lambda: memory.capacity(0.0), ValueError, "'error'"),
        (lambda: memory.expected_error(distance=11), ValueError, "'distance'"),
    ]:
        with pytest.raises(error, match=match):
            call()
    assert memory == before
    assert memory.n_added == 2


def test_nothing_and_no_location() -> None:
    memory = SparseDistributedMemory(64, n_locations=5, radius=0)
    memory.store(np.empty((0, 64), np.int8))
    assert memory.n_added == 0
    memory.store(bipolar(1, 64))
    assert memory.retrieve(bipolar(1, 64)).active.tolist() == [0]
    assert memory.retrieve(np.empty((0, 64), np.int8)).states.shape == (0, 64)
