# SPDX-License-Identifier: Apache-2.0
"""Consolidated memories on a GPU, a real or an emulated one: the CPU's modes, searched there."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same
from hypersketch import ConsolidatedMemory, cuda
from hypersketch.memories import _modes
from test_cuda_neighbours import same_answers

pytestmark = needs_gpu

THRESHOLDS = {"cosine": 0.6, "dot": 2.5, "euclidean": -6.0}


def clusters(seed: int, n: int, dim: int) -> NDArray[np.float32]:
    """Vectors around some centres, which drift."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((9, dim)) * 2
    return (centres[rng.integers(0, 9, n)] + rng.standard_normal((n, dim))).astype(np.float32)


def both(*dims: int, **options: Any) -> tuple[ConsolidatedMemory, ConsolidatedMemory]:
    return ConsolidatedMemory(*dims, **options), ConsolidatedMemory(*dims, **options, device="cuda")


def require_same(there: ConsolidatedMemory, here: ConsolidatedMemory) -> None:
    """Require the same modes, on the GPU and in the copy of them."""
    assert there == here
    assert there.n_added == here.n_added
    assert len(there) == len(here)
    for name in ("keys", "values", "counts", "ages"):
        assert np.array_equal(getattr(there, name), getattr(here, name))
    assert np.array_equal(there._in_host(), np.asarray(there.state))


@pytest.mark.parametrize("kind", THRESHOLDS)
@pytest.mark.parametrize(("dim", "value_dim", "n_modes"), [(1, 1, 1), (3, 2, 7), (5, 3, 40), (17, 33, 300)])
def test_modes_and_answers_are_the_cpus(kind: Any, dim: int, value_dim: int, n_modes: int) -> None:
    here, there = both(dim, value_dim, n_modes=n_modes, threshold=THRESHOLDS[kind], similarity=kind)
    keys, values, asked = clusters(1, 200, dim), clusters(2, 200, value_dim), clusters(3, 21, dim)
    for part in (slice(0, 1), slice(1, 100), slice(100, 200)):
        here.store(keys[part], values[part])
        there.store(on_gpu(keys[part]) if part.start else keys[part], on_gpu(values[part]))
        require_same(there, here)
        few = min(3, len(here))
        expected, places = here.retrieve(asked, few, 0.7), here.search(asked, few)
        for queries in (asked, on_gpu(asked)):
            found = there.retrieve(queries, few, 0.7)
            assert isinstance(found.states, cuda.DeviceArray) == (queries is not asked)
            same_answers(found, expected, here.values)
            for one, other in zip(there.search(queries, few), places, strict=True):
                assert same(one, other)
        same_answers(there.retrieve(on_gpu(asked), None), here.retrieve(asked, None), here.values)
        same_answers(there.retrieve(asked[0]), here.retrieve(asked[0]), here.values)
    assert there.device == "cuda:0"
    assert isinstance(there.state, cuda.DeviceArray)
    assert there.expected_error() == here.expected_error()
    assert there.capacity() == here.capacity()


def test_equal_modes_and_no_queries() -> None:
    here, there = both(4, n_modes=300, threshold=100.0, similarity="dot")
    keys = np.repeat(np.eye(4, dtype=np.float32), 70, axis=0)
    for memory in (here, there):
        memory.store(keys)
        memory.store(np.zeros((0, 4)))
    require_same(there, here)
    for k in (1, 70, 280):
        for one, other in zip(there.search(keys[::60], k), here.search(keys[::60], k), strict=True):
            assert same(one, other)
    none = np.zeros((0, 4), np.float32)
    assert there.retrieve(none, 2).states.shape == (0, 4)
    assert there.search(on_gpu(none), 2)[0].shape == (0, 2)


def test_copies_files_and_clearing(tmp_path: Path) -> None:
    here, there = both(6, 2, n_modes=20)
    keys, values = clusters(1, 70, 6), clusters(2, 70, 2)
    there.store(keys, values)
    here = there.to("cpu")
    assert here.device == "cpu"
    assert here.copy() == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert pickle.loads(pickle.dumps(there)).device == "cuda:0"
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    for twin in (there.copy(), here.to("cuda:1"), pickle.loads(pickle.dumps(there))):
        assert same(twin.search(keys, 2)[0], here.search(keys, 2)[0])
        twin.store(keys[::-1], values)
        assert twin != there
        after = here.copy()
        after.store(keys[::-1], values)
        require_same(twin, after)
    there.clear()
    assert len(there) == 0
    require_same(there, ConsolidatedMemory(6, 2, n_modes=20))
    there.store(keys, values)
    require_same(there, here)
    assert repr(there).endswith("n_added=70, device='cuda:0')")


def test_an_interrupted_batch_leaves_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(5, n_modes=9)
    keys, put = clusters(1, 60, 5), _modes.Modes._put
    calls: list[int] = []

    def until_the_fortieth(self: Any, mode: int, row: Any, count: int, now: int) -> None:
        calls.append(now)
        if len(calls) == 40:
            raise KeyboardInterrupt
        put(self, mode, row, count, now)

    with monkeypatch.context() as patched:
        patched.setattr(_modes.Modes, "_put", until_the_fortieth)
        with pytest.raises(KeyboardInterrupt):
            there.store(keys)
    here.store(keys[:39])
    require_same(there, here)
    for memory in (here, there):
        memory.store(keys[39:])
    require_same(there, here)


def test_modes_that_cannot_be_written_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(5, n_modes=9)
    keys = clusters(1, 60, 5)
    for memory in (here, there):
        memory.store(keys[:20])

    def full(*_: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(cuda.DeviceArray, "of", full)
        with pytest.raises(MemoryError):
            there.store(keys[20:])
    require_same(there, here)


def test_streams_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no GPU")
    here, there = both(5, n_modes=9)
    keys = clusters(1, 60, 5)
    here.store(keys)
    with torch.cuda.stream(torch.cuda.Stream()):
        there.store(torch.from_numpy(keys).cuda())
        found = there.search(torch.from_numpy(keys).cuda(), 2)
        assert isinstance(found[0], torch.Tensor)
    assert same(found[0].cpu(), here.search(keys, 2)[0])


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    here, there = both(5, 2, n_modes=9)
    keys, values = clusters(1, 20, 5), clusters(2, 20, 2)
    with pytest.raises(ValueError, match="is empty"):
        there.retrieve(on_gpu(keys))
    there.store(keys, values)
    before = there.copy()
    bad = keys.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"finite in float32\. Got nan in row 3"):
        there.store(on_gpu(bad), values)
    with pytest.raises(ValueError, match=r"finite in float32\. Got nan in row 3"):
        there.retrieve(on_gpu(bad))
    with pytest.raises(ValueError, match="no zero vector"):
        there.store(on_gpu(np.zeros((2, 5), np.float32)), values[:2])
    with pytest.raises(ValueError, match="no zero vector"):
        there.search(on_gpu(np.zeros((2, 5), np.float32)))
    with pytest.raises(ValueError, match="as many values as keys"):
        there.store(on_gpu(keys), on_gpu(values[:2]))
    with pytest.raises(ValueError, match="real vectors of 5 dimensions"):
        there.retrieve(on_gpu(values))
    with pytest.raises(ValueError, match="modes in use"):
        there.search(keys, 10)
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.store(on_gpu(keys, 1), values)
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.retrieve(on_gpu(keys, 1))
    with pytest.raises(ValueError, match="is on cuda:0, but the structure is on cpu"):
        here.store(on_gpu(keys), values)
    require_same(there, before)
    with pytest.raises(ValueError, match="a GPU of this machine"):
        ConsolidatedMemory(5, n_modes=9, device="cuda:99")
