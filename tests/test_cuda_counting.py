# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filters on a GPU: the counters, answers and refusals of the CPU."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from gpu_tools import SIZES, keys_of, needs_gpu, on_gpu, same
from hypersketch import CountingBloomFilter, hash_keys
from hypersketch.sketches import SaturationWarning

pytestmark = [needs_gpu, pytest.mark.filterwarnings("ignore::hypersketch.sketches.SaturationWarning")]

BITS = [4, 8, 16, 32]


def pair(
    bits: Any, n_cells: int = 1001, n_hashes: int = 5
) -> tuple[CountingBloomFilter, CountingBloomFilter]:
    def made(device: str) -> CountingBloomFilter:
        return CountingBloomFilter(
            n_cells=n_cells, n_hashes=n_hashes, counter_bits=bits, seed=3, device=device
        )

    return made("cuda"), made("cpu")


def require_same(ours: CountingBloomFilter, theirs: CountingBloomFilter) -> None:
    assert ours == theirs
    assert (ours.n_added, ours.total_weight) == (theirs.n_added, theirs.total_weight)
    assert (ours.n_saturated, ours.fill) == (theirs.n_saturated, theirs.fill)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("n_cells", "n_hashes"), [(1, 1), (3, 4), (7, 33), (1001, 5), (4096, 255)])
def test_counters_are_the_same(bits: int, n_cells: int, n_hashes: int) -> None:
    ours, theirs = pair(bits, n_cells, n_hashes)
    keys = np.minimum(keys_of(500, 1) % 90, keys_of(500, 2) % 4000)  # few are heavy
    weights = np.random.default_rng(4).integers(0, 2 ** min(bits, 20), 500)
    for given in (None, weights):
        ours.add(on_gpu(keys), None if given is None else on_gpu(given))
        ours.add(keys + 1, given)
        theirs.add(keys, given)
        theirs.add(keys + 1, given)
        require_same(ours, theirs)
    probes = np.arange(-5, 300)
    for there in (probes, on_gpu(probes)):
        assert same(ours.count(there), theirs.count(probes))
        assert same(ours.contains(there), theirs.contains(probes))
        assert same(ours.contains(there, packed=True), theirs.contains(probes, packed=True))
        assert same(ours.count_hashes(hash_keys(there)), theirs.count(probes))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("n", SIZES[:-1])
def test_batches_of_every_size(bits: int, n: int) -> None:
    ours, theirs = pair(bits)
    keys = keys_of(n)
    ours.add(on_gpu(keys))
    theirs.add(keys)
    require_same(ours, theirs)
    assert same(ours.count(on_gpu(keys)), theirs.count(keys))
    twice = np.concatenate([keys, keys_of(n, 9), keys])
    assert same(ours.test_and_add(on_gpu(twice)), theirs.test_and_add(twice))
    require_same(ours, theirs)
    assert same(ours.test_and_add(twice), theirs.test_and_add(twice))
    require_same(ours, theirs)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("place", [on_gpu, np.asarray])
def test_removal_is_all_or_nothing(bits: int, place: Any) -> None:
    ours, theirs = pair(bits)
    keys, weights = np.arange(100), np.arange(100) % 7
    for one in (ours, theirs):
        one.add(keys, weights)
        one.add([1000], weights=[2 ** min(bits, 31) - 1])  # saturated where it can be
    before = ours.copy()
    for wrong, of in (
        (np.append(keys, 5000), None),
        (np.array([5] * 6), None),
        (keys, weights + 1),
        (np.append(keys[::-1], [6, 6, 6]), np.append(weights[::-1], [0, 60, 0])),
    ):
        refused = []
        for one, put in ((ours, place), (theirs, np.asarray)):
            try:
                one.remove(put(wrong), None if of is None else put(of))
                refused.append("")
            except ValueError as error:
                refused.append(str(error))
        assert refused[0] == refused[1]
        require_same(ours, theirs)
        assert bool(refused[0]) == (ours == before)
    for one, put in ((ours, place), (theirs, np.asarray)):
        if one == before.to(one.device):
            one.remove(put(keys), put(weights))
    require_same(ours, theirs)


def test_some_removals_are_refused_and_some_are_not() -> None:
    ours, _ = pair(16)
    ours.add(on_gpu(np.array([1, 2, 2])))
    before = ours.copy()
    for keys in ([3], [1, 1], [2, 2, 1, 2], [1, 3]):
        with pytest.raises(ValueError, match="a counter would fall below zero"):
            ours.remove(on_gpu(np.array(keys)))
        assert ours == before
        assert ours.n_added == 3
    ours.remove(on_gpu(np.array([2, 1, 2])))
    assert not np.asarray(ours.state).any()
    assert (ours.n_added, ours.total_weight) == (0, 0)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("missing", [0, 15_000, 29_999])
def test_a_removal_in_pieces_is_all_or_nothing(bits: int, missing: int) -> None:
    ours, theirs = pair(bits, n_cells=200_001)
    keys = np.arange(30_000)  # several pieces of host memory
    weights = keys % 5
    for one in (ours, theirs):
        one.add(keys, weights)
    before = ours.copy()
    wrong, heavier = keys.copy(), weights.copy()
    wrong[missing], heavier[missing] = -1, 1000
    for given, of in ((wrong, weights + (keys == missing)), (keys, heavier)):
        with pytest.raises(ValueError, match="a counter would fall below zero"):
            ours.remove(given, of)
        assert ours == before
        assert (ours.n_added, ours.total_weight) == (before.n_added, before.total_weight)
    for one in (ours, theirs):
        one.remove(keys[::2], weights[::2])
    require_same(ours, theirs)


@pytest.mark.parametrize("bits", BITS)
def test_two_filters(bits: int) -> None:
    ours, theirs = pair(bits)
    more, same_more = pair(bits)
    weights = np.random.default_rng(0).integers(0, 2 ** min(bits - 1, 20), 300)
    for one, other in ((ours, more), (theirs, same_more)):
        one.add(range(300), weights)
        other.add(range(200, 400))
    assert ours.inner(more) == theirs.inner(same_more)
    assert ours.union_cardinality(more) == theirs.union_cardinality(same_more)
    for left, right in ((ours, more), (ours, same_more), (theirs, more)):
        require_same(left + right, theirs + same_more)
        require_same(left | right, theirs | same_more)
        require_same(left & right, theirs & same_more)
    ours += ours
    theirs += theirs
    require_same(ours, theirs)
    require_same(ours.to("cpu").to("cuda"), theirs)
    ours.clear()
    assert not np.asarray(ours.state).any()


def test_saturation_is_told_once() -> None:
    ours, _ = pair(4)
    with pytest.warns(SaturationWarning, match="largest value, 15"):
        ours.add(on_gpu(np.array([1])), on_gpu(np.array([99])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.add(on_gpu(np.array([2])), on_gpu(np.array([99])))
    ours.remove(on_gpu(np.array([1])), on_gpu(np.array([90])))
    assert same(ours.count(on_gpu(np.array([1]))), [15])


@pytest.mark.parametrize("weights", [[-1], [2**31]])
def test_weights_out_of_range_are_refused(weights: list[int]) -> None:
    ours, _ = pair(32)
    with pytest.raises(ValueError, match="'weights' parameter of CountingBloomFilter"):
        ours.add(on_gpu(np.array([1])), on_gpu(np.array(weights)))
    with pytest.raises(ValueError, match="where the keys are"):
        ours.add([1], on_gpu(np.array([1])))
    assert not np.asarray(ours.state).any()
