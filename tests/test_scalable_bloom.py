# SPDX-License-Identifier: Apache-2.0
"""Scalable Bloom filters: the promised rate at any size, one key after the other, however batches are cut."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from hypersketch import BloomFilter, CapacityWarning, ScalableBloomFilter, hash_keys, load

LAYOUTS: list[Any] = ["split-block", "cache-line", "classic"]


class Chain:
    """The definition: a list of Bloom filters, one key at a time."""

    def __init__(self, capacity: int, fpr: float, growth: float = 2.0, tightening: float = 0.5, **more: Any):
        self.arguments = (capacity, fpr, growth, tightening)
        self.more = more
        self.slices: list[BloomFilter] = []
        self.grow()

    def grow(self) -> None:
        capacity, fpr, growth, tightening = self.arguments
        i = len(self.slices)
        self.slices.append(
            BloomFilter(math.ceil(capacity * growth**i), fpr * (1 - tightening) * tightening**i, **self.more)
        )

    def test_and_add(self, key: int) -> bool:
        if any(key in one for one in self.slices):
            return True
        if self.slices[-1].n_added == self.slices[-1].capacity:
            self.grow()
        self.slices[-1].add(key)
        return False


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pieces", [1, 7, 300])
def test_one_key_after_the_other(layout: Any, pieces: int, threads: int) -> None:
    keys = np.random.default_rng(1).integers(0, 700, 1500)
    chain = Chain(20, 0.05, layout=layout, seed=3)
    expected = [chain.test_and_add(int(key)) for key in keys]
    seen = ScalableBloomFilter(20, 0.05, layout=layout, seed=3)
    found = [seen.test_and_add(part, threads=threads) for part in np.array_split(keys, pieces)]
    assert np.concatenate(found).tolist() == expected
    assert seen._chain == chain.slices
    assert seen.n_added == expected.count(False)
    probes = np.arange(5000)
    answers = [any(int(key) in one for one in chain.slices) for key in probes[:1000]]
    assert seen.contains(probes[:1000]).tolist() == answers
    bits = np.packbits(seen.contains(probes), bitorder="little")
    assert np.array_equal(seen.contains(probes, packed=True), bits)


def test_the_end_of_a_batch_makes_no_slice() -> None:
    seen = ScalableBloomFilter(10, 1e-9)
    seen.add(range(10))
    seen.add(range(10))
    assert (seen.n_slices, seen.n_added) == (1, 10)
    seen.add([10])
    assert (seen.n_slices, seen.n_added) == (2, 11)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("growth", "tightening"), [(2.0, 0.5), (1.0, 0.9), (4.0, 0.8)])
def test_the_promised_rate_holds_at_every_size(layout: Any, growth: float, tightening: float) -> None:
    promised, queries = 0.01, 1_000_000
    seen = ScalableBloomFilter(20_000, promised, growth=growth, tightening=tightening, layout=layout)
    strangers = np.arange(10**9, 10**9 + queries)
    for n in (10_000, 20_000, 100_000, 400_000):
        seen.add(np.arange(n))
        rate = seen.contains(strangers).mean()
        expected = seen.expected_fpr()
        assert expected <= promised
        # Filters of one size differ too: their fill varies by about 1 / sqrt(bits) of itself.
        assert abs(rate - expected) < 5 * math.sqrt(expected / queries) + 0.05 * expected
        assert abs(seen.cardinality() - seen.n_added) < 5 * seen.cardinality_sd() + 1
        assert seen.contains(np.arange(n)).all()
    assert seen.n_slices > 2


def test_merging_unites_and_tells_when_the_promise_breaks() -> None:
    a, b = (ScalableBloomFilter(100, 0.01) for _ in "ab")
    a.add(range(50))
    b.add(range(40, 90))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = a | b
    assert both.contains(range(90)).all()
    assert both.expected_fpr() <= 0.01
    b.add(range(1000, 1700))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both |= b
    assert both.contains(range(90)).all()
    assert both.contains(range(1000, 1700)).all()
    assert both.n_slices == b.n_slices
    before = both.copy()
    both |= both
    assert both == before
    full = ScalableBloomFilter(100, 0.01)
    full.add(range(5000, 5700))
    with pytest.warns(CapacityWarning, match=r"false-positive rate is .* instead of 0\.01"):
        full.merge(b)
    assert full.expected_fpr() > 0.01
    with pytest.raises(ValueError, match="must be equal to merge with them"):
        full.merge(ScalableBloomFilter(101, 0.01))


def test_saved_chains(tmp_path: Any) -> None:
    seen = ScalableBloomFilter(10, 0.01, layout="classic", seed=9)
    seen.add(range(500))
    seen.save(tmp_path / "seen.safetensors")
    for mapped in (False, True):
        again = load(tmp_path / "seen.safetensors", mmap=mapped)
        assert again == seen
        assert (again.n_added, again.n_slices) == (seen.n_added, seen.n_slices)
        assert np.array_equal(again.contains(range(1000)), seen.contains(range(1000)))
    with pytest.raises(ValueError, match="read-only"):
        again.add(1)
    grown = load(tmp_path / "seen.safetensors")
    grown.add(range(2000))
    seen.add(range(2000))
    assert grown == seen
    thawed = again.copy()
    thawed.add(range(2000))
    assert thawed == seen


def test_expected_rate_of_a_size() -> None:
    seen = ScalableBloomFilter(100, 0.02)
    seen.add_hashes(hash_keys(np.arange(1000)))
    assert seen.expected_fpr() == pytest.approx(seen.expected_fpr(seen.n_added), rel=1e-12)
    assert seen.expected_fpr(0) == 0.0
    bits = np.unpackbits(np.concatenate([one._state for one in seen._chain]).view(np.uint8))
    assert seen.fill == pytest.approx(bits.mean())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"capacity": 0, "fpr": 0.1}, "'capacity' parameter of ScalableBloomFilter"),
        ({"capacity": 5, "fpr": 1.0}, "'fpr' parameter of ScalableBloomFilter"),
        ({"capacity": 5, "fpr": 0.1, "growth": 0.5}, r"must be a float in \[1, 16\]. Got 0.5"),
        ({"capacity": 5, "fpr": 0.1, "tightening": 1.0}, "'tightening' parameter"),
        ({"capacity": 5, "fpr": 0.1, "layout": "x"}, "'layout' parameter"),
    ],
)
def test_refused_arguments(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ScalableBloomFilter(**arguments)
