# SPDX-License-Identifier: Apache-2.0
"""Sparsey against its definition and what can be derived of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_sparse_memories as reference
from hypersketch import SparseyMemory, theory


def subsets(n: int, units: int, k: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((n, units)).argpartition(k - 1, axis=1)[:, :k]


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize(("n_modules", "n_units"), [(1, 1), (7, 9), (8, 8), (13, 5)])
def test_against_the_definition(context: bool, n_modules: int, n_units: int) -> None:
    items = subsets(12, 40, 5, 1).tolist()
    starts = [0, 5, 6, 12] if context else None
    memory = SparseyMemory(40, n_modules, n_units, context=context, seed=3)
    seen = memory.observe(items, starts)
    slow = reference.Sparsey(40, n_modules, n_units)
    for i, (item, code) in enumerate(zip(items, seen.codes.tolist(), strict=True)):
        before = None if not context or i in (0, 5, 6) else seen.codes[i - 1].tolist()
        known = reference.best(slow.support(item, before))[1]
        assert np.isclose(seen.familiarity[i], known)
        slow.learn(item, code, before)
    assert memory.density == len(slow.weights) / (40 * n_modules * n_units)
    queries = [*items[:6], *subsets(4, 40, 4, 2).tolist()]
    found = memory.retrieve(queries, [0, 5, 10] if context else None)
    last: list[int] | None = None
    for i, query in enumerate(queries):
        last = None if not context or i in (0, 5) else last
        code, known = reference.best(slow.support(query, last))
        assert found.codes[i].tolist() == code
        assert np.isclose(found.familiarity[i], known)
        assert found.units[i].tolist() == slow.inputs(code)
        last = code


def test_what_is_stored_is_familiar_and_comes_back() -> None:
    items = subsets(30, 200, 12)
    memory = SparseyMemory(200, 40, 10)
    seen = memory.observe(items)
    found = memory.retrieve(items)
    assert (found.familiarity == 1.0).all()
    assert (seen.familiarity < 0.9).all()
    assert (found.codes == seen.codes).mean() > 0.999
    assert [sorted(one) for one in items.tolist()] == [one.tolist() for one in found.units]
    parts = memory.retrieve(items[:, :8])
    assert (parts.familiarity == 1.0).all()
    assert (parts.states.sum(axis=1) >= 12).mean() > 0.9


def test_batches_and_threads_do_not_matter() -> None:
    items = subsets(40, 100, 8)
    whole, parts = SparseyMemory(100, 20, 7), SparseyMemory(100, 20, 7)
    whole.store(items)
    for part in np.split(items, [0, 1, 30]):
        parts.store(part)
    assert whole == parts
    one, two = (whole.retrieve(items, threads=threads) for threads in (1, 3))
    assert (one.codes == two.codes).all()
    assert (one.states == two.states).all()
    assert whole != SparseyMemory(100, 20, 7, seed=1)


def test_sequences_are_recalled_in_their_order() -> None:
    rng = np.random.default_rng(0)
    letters = subsets(16, 300, 15)
    # without a context, an item's codes in all contexts are equally good: beginnings differ
    sequences = [np.array([12 + i, *rng.integers(0, 12, 5)]) for i in range(4)]
    memory = SparseyMemory(300, 50, 12, context=True)
    memory.store(np.concatenate([letters[one] for one in sequences]), np.arange(0, 25, 6))
    right = []
    for one in sequences:
        found = memory.recall(letters[one[:3]], 3)
        right += [
            set(units.tolist()) == set(letters[i].tolist())
            for units, i in zip(found.units, one[3:], strict=True)
        ]
    assert all(right)


def test_files_and_merge(tmp_path: Any) -> None:
    a, b = SparseyMemory(60, 9, 7, context=True), SparseyMemory(60, 9, 7, context=True)
    first, second = subsets(5, 60, 6, 1), subsets(5, 60, 6, 2)
    a.store(first)
    b.store(second)
    a.save(tmp_path / "m.safetensors")
    assert hypersketch.load(tmp_path / "m.safetensors") == a
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    with pytest.raises(ValueError, match="read-only"):
        mapped.store(first)
    a.merge(b)
    assert a.n_added == 10
    assert (a.retrieve(first).familiarity == 1.0).all()
    assert (a.retrieve(second).familiarity == 1.0).all()
    state = a._state | np.uint64(2**63)
    with pytest.raises(ValueError, match="beyond its units"):
        type(a)._restore(a._parameters(), a._saved_counts(), state)


@pytest.mark.parametrize("n_items", [5, 40, 90])
def test_capacity_law(n_items: int) -> None:
    wrong, known, densities = [], [], []
    for seed in range(20):
        memory = SparseyMemory(80, 10, 6, floor=0.99, seed=seed, active=8)
        items, others = subsets(n_items, 80, 8, seed), subsets(50, 80, 8, seed + 1000)
        seen = memory.observe(items)
        wrong.append((memory.retrieve(items).codes != seen.codes).mean())
        known.append(memory.retrieve(others).familiarity.mean())
        densities.append(memory.density)
    laws = theory.sparsey
    for measured, expected in (
        (wrong, laws.module_error(80, 8, 6, n_items)),
        (known, laws.novel_familiarity(80, 8, 6, n_items)),
        (densities, laws.density(80, 8, 6, n_items)),
    ):
        # 4.5 standard errors of the mean over independent memories, and one event where there were none
        spread = np.std(measured, ddof=1) / np.sqrt(len(measured))
        assert abs(np.mean(measured) - expected) < 4.5 * spread + 10 / (20 * 10 * n_items * 80)


@pytest.mark.parametrize("shared", [0, 5, 6, 8])
def test_alike_inputs_get_alike_codes(shared: int) -> None:
    n = 0
    item, other = list(range(10)), [*range(shared), *range(50, 60 - shared)]
    for seed in range(40):
        seen = SparseyMemory(60, 50, 8, seed=seed).observe([item, other])
        n += int((seen.codes[0] == seen.codes[1]).sum())
    p = theory.sparsey.code_overlap(shared / 10, 8)
    assert abs(n - 2000 * p) < 4.5 * np.sqrt(2000 * p * (1 - p))


def test_theory_of_few_items() -> None:
    laws = theory.sparsey
    # one item before: its unit has u of the inputs, hypergeometric with mean S^2 / N
    assert np.isclose(laws.novel_familiarity(50, 5, 4, 1), 5 / 50)
    assert laws.novel_familiarity(50, 5, 4, 0) == 0.0
    # one other item errs if it has the same inputs on another unit, and then half the time
    assert np.isclose(laws.module_error(6, 1, 4, 2), 3 / 4 / 6 / 2)
    assert laws.module_error(6, 1, 1, 2) == 0.0
    most = laws.capacity(100, 10, 8, 0.02)
    assert laws.module_error(100, 10, 8, most) <= 0.02 < laws.module_error(100, 10, 8, most + 1)


def test_refuses_in_one_sentence() -> None:
    memory = SparseyMemory(20, 4, 3)
    memory.store([1, 2])
    before = memory.copy()
    for call, error, match in [
        (lambda: memory.store([[1, 2], []]), ValueError, "none in row 1"),
        (lambda: memory.store([[20]]), ValueError, "Got 20 in row 0"),
        (lambda: memory.store([[1]], [0, 1]), ValueError, "'starts'"),
        (lambda: memory.recall([[1]], 2), ValueError, "context=True"),
        (lambda: SparseyMemory(20, 4, 3).retrieve([1]), ValueError, "empty"),
        (lambda: SparseyMemory(20, 4, 3, context=True).store([[1], [2]], [1, 2]), ValueError, "'starts'"),
        (lambda: SparseyMemory(20, 4, 3, floor=1.0), ValueError, "'floor'"),
        (lambda: SparseyMemory(20, 4, 3, active=21), ValueError, "'active'"),
        (lambda: SparseyMemory(20, 0, 3), ValueError, "'n_modules'"),
        (lambda: SparseyMemory(20, 4, 3, expansion=0), ValueError, "'expansion'"),
        (lambda: memory.capacity(0), ValueError, "'error'"),
    ]:
        with pytest.raises(error, match=match):
            call()
    assert memory == before
    assert memory.n_added == 1
