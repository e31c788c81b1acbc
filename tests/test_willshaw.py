# SPDX-License-Identifier: Apache-2.0
"""Willshaw's matrix against its definition and its theory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_sparse_memories as reference
from hypersketch import WillshawMemory, theory


def subsets(n: int, units: int, k: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((n, units)).argpartition(k - 1, axis=1)[:, :k]


def ragged(n: int, units: int, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(units)[: rng.integers(0, min(units, 6) + 1)].tolist() for _ in range(n)]


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (63, 64), (65, 130), (20, 7)])
def test_against_the_definition(n_in: int, n_out: int) -> None:
    inputs, outputs = ragged(12, n_in, 1), ragged(12, n_out, 2)
    memory = WillshawMemory(n_in, n_out)
    memory.store(inputs[:5], outputs[:5])
    memory.store(inputs[5:], outputs[5:])
    matrix = reference.willshaw_matrix(list(zip(inputs, outputs, strict=True)), n_in, n_out)
    assert memory.matrix.tolist() == matrix
    assert memory.density == np.mean(matrix)
    queries = [*inputs, *ragged(8, n_in, 3)]
    found = memory.retrieve(queries)
    three = memory.retrieve(queries, winners=min(3, n_out))
    half, two = memory.retrieve(queries, threshold=0.5), memory.retrieve(queries, threshold=2)
    for i, query in enumerate(queries):
        sums = reference.willshaw_sums(matrix, query)
        assert found.sums[i].tolist() == sums
        for answer, least in ((found, len(query)), (half, -(-len(query) // 2)), (two, 2)):
            expected = [j for j, total in enumerate(sums) if total >= max(1, least)]
            assert answer.units[i].tolist() == expected
        assert three.units[i].tolist() == reference.winners(sums, 3)


def test_forms_agree() -> None:
    lists = subsets(9, 70, 4)
    rows = np.zeros((9, 70), bool)
    np.put_along_axis(rows, lists, True, axis=1)
    memories = []
    for given in (lists, lists.tolist(), rows, rows.tolist(), [np.array(one) for one in lists]):
        memory = WillshawMemory(70)
        memory.store(given)
        memories.append(memory)
    assert all(one == memories[0] for one in memories)
    single = WillshawMemory(70)
    for one, row in zip(lists, rows, strict=True):
        single.store(one if one[0] % 2 else row)
    assert single == memories[0]


def test_complete_cues_find_every_unit() -> None:
    inputs, outputs = subsets(200, 300, 8, 1), subsets(200, 200, 5, 2)
    memory = WillshawMemory(300, 200)
    memory.store(inputs, outputs)
    found, part = memory.retrieve(inputs), memory.retrieve(inputs[:, :5])
    for answer in (found, part):
        assert np.take_along_axis(answer.states, outputs, axis=1).all()


def test_threads_and_batches_do_not_matter() -> None:
    inputs = subsets(300, 500, 9)
    whole, parts = WillshawMemory(500), WillshawMemory(500)
    whole.store(inputs)
    for part in np.split(inputs, [0, 1, 100]):
        parts.store(part)
    assert whole == parts
    assert (whole.retrieve(inputs, threads=1).sums == whole.retrieve(inputs, threads=3).sums).all()


def test_merge_is_or() -> None:
    inputs = subsets(60, 90, 5)
    a, b, both = (WillshawMemory(90) for _ in "abc")
    a.store(inputs[:20])
    b.store(inputs[10:])
    both.store(inputs)
    a.merge(b)
    assert a == both
    assert a.n_added == 70
    with pytest.raises(ValueError, match="'n_in'"):
        a.merge(WillshawMemory(91))


def test_goes_on_until_it_stays() -> None:
    patterns = subsets(20, 400, 8)
    memory = WillshawMemory(400)
    memory.store(patterns)
    cues = [[*one[:6], 399 - i] for i, one in enumerate(patterns.tolist())]
    cues = [one for one in cues if len(set(one)) == 7]
    found = memory.retrieve(cues, winners=8, steps=10)
    assert found.converged.all()
    assert (found.steps == 2).all()
    kept = [one for i, one in enumerate(patterns) if len({*one[:6].tolist(), 399 - i}) == 7]
    assert [sorted(one) for one in np.array(kept).tolist()] == [one.tolist() for one in found.units]


def test_files(tmp_path: Any) -> None:
    memory = WillshawMemory(50, 70)
    memory.store(subsets(9, 50, 4), subsets(9, 70, 4))
    memory.save(tmp_path / "m.safetensors")
    assert hypersketch.load(tmp_path / "m.safetensors") == memory
    mapped = hypersketch.load(tmp_path / "m.safetensors", mmap=True)
    assert (mapped.retrieve([1, 2]).sums == memory.retrieve([1, 2]).sums).all()
    with pytest.raises(ValueError, match="read-only"):
        mapped.store([1], [2])
    state = memory._state | np.uint64(2**63)
    with pytest.raises(ValueError, match="beyond n_out"):
        type(memory)._restore(memory._parameters(), memory._saved_counts(), state)


@pytest.mark.parametrize("auto", [False, True])
def test_false_ones_are_those_of_theory(auto: bool) -> None:
    n, k, n_pairs = 128, 7, 230
    rates, densities = [], []
    for seed in range(25):
        inputs, outputs = subsets(n_pairs, n, k, seed), subsets(n_pairs, n, k, seed + 1000)
        memory = WillshawMemory(n)
        memory.store(inputs, inputs if auto else outputs)
        rates.append((memory.retrieve(inputs).states.sum() / n_pairs - k) / (n - k))
        densities.append(memory.density)
    expected = theory.willshaw.false_ones(n, k, n_pairs, auto=auto)
    # 4.5 standard errors of the mean over independent matrices
    assert abs(np.mean(rates) - expected) < 4.5 * np.std(rates, ddof=1) / 5
    if not auto:
        density = theory.willshaw.density(n, k, n_pairs)
        assert abs(np.mean(densities) - density) < 4.5 * np.std(densities, ddof=1) / 5
        assert memory.expected_error() == expected


def test_false_ones_by_enumeration() -> None:
    # two other pairs of one active output each: with r of them on the unit, r inputs cover the cue or not
    n, k, m = 4, 2, 2
    one, two = 1 / 6, 0.0
    pairs = [(a, b) for a in range(6) for b in range(6)]
    sets = [{i, j} for i in range(4) for j in range(i)]
    two = sum({0, 1} <= sets[a] | sets[b] for a, b in pairs) / 36
    expected = 2 * 0.25 * one + 0.25 * two
    assert np.isclose(theory.willshaw.false_ones(n, k, 3, m, 1), expected)


def test_capacity_and_bits() -> None:
    law = theory.willshaw
    most = law.capacity(256, 8, 0.01)
    assert law.false_ones(256, 8, most) <= 0.01 < law.false_ones(256, 8, most + 1)
    assert WillshawMemory(256).capacity(0.01) == most
    bits = []
    for n, k in ((128, 7), (1024, 10), (2**14, 14), (2**20, 20)):
        pairs = round(law.half_load(n, k))
        assert abs(law.density(n, k, pairs) - 0.5) < 1e-3
        bits.append(law.bits_per_synapse(n, pairs, law.false_ones(n, k, pairs), n, k))
    assert bits == sorted(bits)
    assert bits[-1] < np.log(2)


def test_refuses_in_one_sentence() -> None:
    memory = WillshawMemory(10, 5)
    memory.store([1, 2], [3])
    before = memory.copy()
    for call, error, match in [
        (lambda: memory.store([[1, 2]]), ValueError, "'outputs'"),
        (lambda: memory.store([[1, 10]], [[1]]), ValueError, "Got 10 in row 0"),
        (lambda: memory.store([[1], [-1]], [[1], [1]]), ValueError, "Got -1 in row 1"),
        (lambda: memory.store([[1, 1]], [[1]]), ValueError, "twice in row 0"),
        (lambda: memory.store([[1.5]], [[1]]), TypeError, "float64"),
        (lambda: memory.store("ab", [[1]]), TypeError, "'inputs'"),
        (lambda: memory.store(7, [[1]]), TypeError, "'inputs'"),
        (lambda: memory.store(np.zeros((1, 9), bool), [[1]]), ValueError, "shape"),
        (lambda: memory.store([[1], [2]], [[1]]), ValueError, "as many outputs"),
        (lambda: memory.retrieve([1], threshold=0), ValueError, "'threshold'"),
        (lambda: memory.retrieve([1], threshold=1.5), ValueError, "'threshold'"),
        (lambda: memory.retrieve([1], winners=6), ValueError, "'winners'"),
        (lambda: memory.retrieve([1], winners=1, threshold=1), ValueError, "'winners'"),
        (lambda: memory.retrieve([1], steps=2), ValueError, "'steps'"),
        (lambda: WillshawMemory(10).retrieve([1]), ValueError, "empty"),
        (lambda: WillshawMemory(10, active_in=11), ValueError, "'active_in'"),
        (lambda: memory.capacity(1.0), ValueError, "'error'"),
    ]:
        with pytest.raises(error, match=match):
            call()
    assert memory == before
    assert memory.n_added == 1


def test_nothing() -> None:
    memory = WillshawMemory(10)
    memory.store([])
    assert memory.n_added == 0
    assert memory.expected_error() == 0.0
    memory.store([[], [1, 2]])
    found = memory.retrieve([[], [1]])
    assert [one.tolist() for one in found.units] == [[], [1, 2]]
    assert memory.retrieve([]).states.shape == (0, 10)
