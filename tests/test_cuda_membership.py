# SPDX-License-Identifier: Apache-2.0
"""Hopfield+- on a GPU, a real or an emulated one, against the CPU's: exactly."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import HopfieldMembership, cuda

pytestmark = needs_gpu


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize(("dim", "n"), [(1, 1), (2, 3), (63, 64), (65, 33), (40, 200)])
def test_cells_and_scores(dim: int, n: int, diagonal: bool) -> None:
    keys, weights = np.arange(n) - 7, np.random.default_rng(0).integers(-9, 9, n)
    here, there = (HopfieldMembership(dim, 3, diagonal=diagonal, device=on) for on in ("cpu", "cuda"))
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.add(put(keys))
        memory.add(keys, weights)
        memory.add(put(keys[: n // 2]), put(weights[: n // 2]))
        memory.remove(put(keys[:1]))
    assert here == there
    assert (here.n_added, here.total_weight) == (there.n_added, there.total_weight)
    asked = np.arange(n + 5)
    assert np.array_equal(there.score(asked), here.score(asked))
    found = there.score(on_gpu(asked))
    assert isinstance(found, cuda.DeviceArray)
    assert np.array_equal(np.asarray(found), here.score(asked))
    assert np.array_equal(np.asarray(there.contains(on_gpu(asked))), here.contains(asked))


SHAPES = [(1, 3), (2, 3), (3, 3), (4, 3), (9, 3), (65, 3), (12, 4), (16, 5), (7, 8), (8, 8), (11, 8)]


@pytest.mark.parametrize(("dim", "degree"), SHAPES)
@pytest.mark.parametrize("n", [0, 1, 33, 64, 200])
def test_tensors(dim: int, degree: int, n: int) -> None:
    keys, weights = np.arange(n) - 7, np.random.default_rng(0).integers(-9, 9, n)
    here, there = (HopfieldMembership(dim, 3, degree=degree, device=on) for on in ("cpu", "cuda"))
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.add(put(keys))
        memory.add(keys, weights)
        memory.add(put(keys[: n // 2]), put(weights[: n // 2]))
        memory.remove(put(keys[:1]))
        memory.add_hashes(put(hypersketch.hash_keys(keys)))
    assert here == there
    assert there.device == "cuda:0"
    assert here._saved_counts() == there._saved_counts()
    for asked in (np.arange(n + 5), np.arange(0)):
        expected = here.score(asked)
        assert np.array_equal(there.score(asked), expected)
        found = there.score(on_gpu(asked))
        assert isinstance(found, cuda.DeviceArray)
        assert found.dtype == np.float64
        assert np.array_equal(np.asarray(found), expected)
        members = there.contains(on_gpu(asked))
        assert isinstance(members, cuda.DeviceArray)
        assert np.array_equal(np.asarray(members), here.contains(asked))
        assert np.array_equal(there.contains(asked, 0.25), here.contains(asked, 0.25))


def test_scores_of_a_tensor_by_definition() -> None:
    """The mean over sets of three dimensions of what the keys' products have in common."""
    memory = HopfieldMembership(9, 5, degree=3, device="cuda")
    keys, weights = np.arange(12), np.arange(12) - 4
    memory.add(keys, weights)
    atoms = hypersketch.MapI(9, 5).unpack(hypersketch.MapI(9, 5).atoms(keys)).astype(np.int64)
    sets = np.array(list(itertools.combinations(range(9), 3)))
    products = atoms[:, sets].prod(axis=2)
    one = HopfieldMembership(9, 5, degree=3)
    signs = []  # of keys: what a memory of that key alone holds over its products
    for key, product in zip(keys.tolist(), products, strict=True):
        one.clear()
        one.add(key)
        signs.append(int(one.state[0] * product[0]))
        assert np.array_equal(one.state, signs[-1] * product)
    signed = products * np.array(signs)[:, np.newaxis]
    cells = weights @ signed
    assert np.array_equal(np.asarray(memory.state), cells)
    assert np.array_equal(memory.score(keys), signed @ cells / len(sets))


def test_tensors_move_merge_and_refuse(tmp_path: Path) -> None:
    there = HopfieldMembership(20, degree=3, device="cuda")
    there.add(range(9))
    here = there.to("cpu")
    assert here == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert there.copy().device == "cuda:0"
    assert pickle.loads(pickle.dumps(there)).device == "cuda:0"
    there.save(tmp_path / "there.safetensors")
    assert hypersketch.load(tmp_path / "there.safetensors") == here
    assert there.to_bytes() == here.to_bytes()
    assert there + here == here + here
    assert there.inner(here) == here.inner(here)
    assert there.intersection_cardinality(here) == here.intersection_cardinality(here)
    with cuda.stream(1):
        found = there.score(on_gpu(np.arange(12)))
    assert np.array_equal(np.asarray(found), here.score(np.arange(12)))
    for error, call in (
        (OverflowError, lambda: there.add([1, 1], [2**31 - 1, 2**31 - 1])),
        (ValueError, lambda: there.add(on_gpu(np.arange(3), 1))),
        (ValueError, lambda: there.add(on_gpu(np.arange(3)), [1, 2])),
        (ValueError, lambda: there.merge(HopfieldMembership(20))),
    ):
        with pytest.raises(error):
            call()
    assert there == here
    there.clear()
    assert there == HopfieldMembership(20, degree=3)


def test_copies_merging_and_refusals() -> None:
    there = HopfieldMembership(30, device="cuda")
    there.add(range(9))
    here = there.to("cpu")
    assert here == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert repr(there).endswith("device='cuda:0')")
    assert there + here == here + here
    assert there.inner(here) == here.inner(here)
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.add(on_gpu(np.arange(3), 1))
    with pytest.raises(OverflowError):
        there.add([1, 1], [2**31 - 1, 2**31 - 1])
    assert there == here
    there.clear()
    assert there == HopfieldMembership(30)
