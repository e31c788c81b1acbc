# SPDX-License-Identifier: Apache-2.0
"""Hopfield+- on a GPU, a real or an emulated one, against the CPU's: exactly."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

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


def test_copies_merging_and_refusals() -> None:
    there = HopfieldMembership(30, device="cuda")
    there.add(range(9))
    here = there.to("cpu")
    assert here == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert repr(there).endswith("device='cuda:0')")
    assert there + here == here + here
    assert there.inner(here) == here.inner(here)
    with pytest.raises(ValueError, match="degree above 2"):
        HopfieldMembership(30, degree=3, device="cuda")
    with pytest.raises(ValueError, match="degree above 2"):
        HopfieldMembership(30, degree=3).to("cuda")
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.add(on_gpu(np.arange(3), 1))
    with pytest.raises(OverflowError):
        there.add([1, 1], [2**31 - 1, 2**31 - 1])
    assert there == here
    there.clear()
    assert there == HopfieldMembership(30)
