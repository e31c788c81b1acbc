# SPDX-License-Identifier: Apache-2.0
"""Sparsey on a GPU, a real or an emulated one: the CPU's codes and answers, bit by bit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same
from hypersketch import SparseyMemory, cuda
from hypersketch.memories import _code_selection, _gpu_codes

pytestmark = needs_gpu

SHAPES = [(1, 1), (7, 9), (8, 8), (13, 5), (33, 31), (3, 64), (65, 1), (2, 130)]


def subsets(n: int, units: int, k: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).random((n, units)).argpartition(k - 1, axis=1)[:, :k]


def both(*sizes: int, **options: Any) -> tuple[SparseyMemory, SparseyMemory]:
    return SparseyMemory(*sizes, **options), SparseyMemory(*sizes, **options, device="cuda")


def bools(items: Any, n_inputs: int) -> NDArray[np.bool_]:
    made = np.zeros((len(items), n_inputs), np.bool_)
    for row, item in zip(made, items, strict=True):
        row[list(item)] = True
    return made


def require_same(found: Any, expected: Any) -> None:
    for name in ("states", "steps", "converged", "codes", "familiarity"):
        ours, theirs = np.asarray(getattr(found, name)), getattr(expected, name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    assert found.energies is None
    assert len(found) == len(expected)
    assert all(map(np.array_equal, found.units, expected.units))


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_codes_and_answers_are_the_cpus(context: bool, shape: tuple[int, int]) -> None:
    here, there = both(40, *shape, context=context, seed=3)
    items = subsets(14, 40, 5, 1)
    starts = [0, 5, 6, 14] if context else None
    expected = here.observe(items, starts)
    require_same(there.observe(items.tolist(), starts), expected)
    assert there.device == "cuda:0"
    assert isinstance(there.state, cuda.DeviceArray)
    more = subsets(3, 40, 7, 2)
    for memory in (here, there):
        memory.store(more)
        memory.store([1, 2, 3])
    assert there == here
    assert there.n_added == here.n_added == 18
    assert there.density == here.density
    queries = [*items[:6].tolist(), *subsets(5, 40, 3, 4).tolist(), [7]]
    edges = [0, 5, 12] if context else None
    wanted = here.retrieve(queries, edges)
    require_same(there.retrieve(queries, edges), wanted)
    asked = there.retrieve(on_gpu(bools(queries, 40)), None if edges is None else on_gpu(np.array(edges)))
    assert isinstance(asked.states, cuda.DeviceArray)
    assert isinstance(asked.codes, cuda.DeviceArray)
    require_same(asked, wanted)
    if context:
        for n in (0, 1, 9):
            require_same(there.recall(items[:3], n), here.recall(items[:3], n))
            require_same(there.recall(on_gpu(items[:3]), n), here.recall(items[:3], n))


@pytest.mark.parametrize("context", [False, True])
def test_arrays_of_the_gpu_are_taken_and_answered_there(context: bool) -> None:
    here, there = both(50, 9, 7, context=context)
    items = subsets(6, 50, 4)
    for rows in (items, items.astype(np.int32), bools(items, 50), items[0], bools(items, 50)[0]):
        found, expected = there.observe(on_gpu(rows)), here.observe(rows)
        assert isinstance(found.familiarity, cuda.DeviceArray)
        require_same(found, expected)
        there.store(on_gpu(rows))
        here.store(rows)
        require_same(there.retrieve(on_gpu(rows)), here.retrieve(rows))
    assert there == here


@pytest.mark.parametrize("context", [False, True])
def test_pieces_do_not_matter(context: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(700, 20, 7, context=context)
    items = subsets(23, 700, 11)
    for memory in (here, there):
        memory.store(items)
    wanted = here.retrieve(items)
    monkeypatch.setattr(_gpu_codes, "_COUNTERS", 4 * 140)
    require_same(there.retrieve(items), wanted)
    assert there.density == here.density
    monkeypatch.setattr(_gpu_codes, "_STEPS", 3)
    require_same(there.retrieve(items), wanted)
    if context:
        require_same(there.recall(items[:4], 8), here.recall(items[:4], 8))


def test_nothing_is_asked_for() -> None:
    here, there = both(30, 5, 6)
    there.store([])
    assert there == here
    for memory in (here, there):
        memory.store([1, 2])
    none = np.zeros((0, 30), np.bool_)
    require_same(there.retrieve(none), here.retrieve(none))
    require_same(there.retrieve(on_gpu(none)), here.retrieve(none))
    require_same(there.observe(on_gpu(none)), here.observe(none))


def test_many_inputs_and_long_rows() -> None:
    here, there = both(5000, 70, 33)
    items = subsets(10, 5000, 300)
    for memory in (here, there):
        memory.store(items)
    assert there == here
    parts = [item[:200] for item in items]
    require_same(there.retrieve(parts), here.retrieve(parts))
    assert there.density == here.density


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = both(40, 9, 7, context=True)
    other = SparseyMemory(40, 9, 7, context=True)
    items = subsets(8, 40, 5)
    there.store(items)
    other.store(items[::-1])
    here = there.to("cpu")
    assert here.device == "cpu"
    assert here.copy() == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert pickle.loads(pickle.dumps(there)).device == "cuda:0"
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    require_same(there.to("cuda:1").retrieve(items), here.retrieve(items))
    expected = here | other
    for mine, theirs in ((there, other), (there, other.to("cuda")), (here, other.to("cuda:1"))):
        joined = mine | theirs
        assert joined == expected
        assert joined.device == mine.device
        assert joined.n_added == 16
    there |= there
    assert there == here
    assert there.n_added == 16
    there.clear()
    assert there == SparseyMemory(40, 9, 7, context=True)
    assert there.n_added == 0
    assert repr(there).endswith("n_added=0, device='cuda:0')")


def test_an_interrupted_batch_leaves_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(40, 9, 7, context=True)
    items, draws = subsets(8, 40, 5), _code_selection.draws

    def until_the_fifth(seed: int, first: int, n_modules: int) -> Any:
        if first == 4:
            raise KeyboardInterrupt
        return draws(seed, first, n_modules)

    with monkeypatch.context() as patched:
        patched.setattr(_code_selection, "draws", until_the_fifth)
        with pytest.raises(KeyboardInterrupt):
            there.store(items)
    here.store(items[:4])
    assert there.n_added == 4
    assert there == here


def test_streams_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no GPU")
    here, there = both(40, 9, 7, context=True)
    items = subsets(8, 40, 5)
    here.store(items)
    with torch.cuda.stream(torch.cuda.Stream()):
        there.store(torch.from_numpy(items).cuda())
        found = there.retrieve(torch.from_numpy(items).cuda())
        assert isinstance(found.states, torch.Tensor)
    assert same(found.states.cpu(), here.retrieve(items).states)
    assert there == here


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    here, there = both(40, 9, 7)
    items = subsets(8, 40, 5)
    with pytest.raises(ValueError, match="is empty"):
        there.retrieve(items)
    there.store(items)
    before = there.copy()
    with pytest.raises(ValueError, match=r"different integers in \[0, 40\)"):
        there.store(on_gpu(np.array([[1, 40]])))
    with pytest.raises(ValueError, match="Got a unit twice in row 1"):
        there.observe(on_gpu(np.array([[1, 2], [3, 3]])))
    with pytest.raises(ValueError, match="must have active inputs in each row"):
        there.store(on_gpu(np.zeros((2, 40), np.bool_)))
    with pytest.raises(TypeError, match="'patterns' parameter"):
        there.store(on_gpu(np.ones((2, 40), np.float32)))
    with pytest.raises(ValueError, match="without context"):
        there.store(items, [0, 8])
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.store(on_gpu(items, 1))
    with pytest.raises(ValueError, match="is on cuda:0, but the structure is on cpu"):
        here.store(on_gpu(items))
    with pytest.raises(ValueError, match="context=True"):
        there.recall(items, 3)
    with pytest.raises(ValueError, match="to merge"):
        there.merge(SparseyMemory(40, 9, 8))
    assert there == before
    assert there.n_added == 8
    with pytest.raises(ValueError, match="a GPU of this machine"):
        SparseyMemory(40, 9, 7, device="cuda:99")
