# SPDX-License-Identifier: Apache-2.0
"""Scalable Bloom filters: the promised rate at any size, one key after the other, however batches are cut."""

from __future__ import annotations

import math
import warnings
from pickle import dumps, loads
from typing import Any

import numpy as np
import pytest

from hypersketch import BloomFilter, CapacityWarning, ScalableBloomFilter, _memory, hash_keys, load
from hypersketch.sketches import _chain

LAYOUTS: list[Any] = ["auto", "split-block", "cache-line", "classic"]


class Chain:
    """The definition: a list of Bloom filters, one key at a time."""

    def __init__(
        self,
        capacity: int,
        fpr: float,
        growth: float = 2.0,
        tightening: float | None = None,
        layout: Any = "auto",
        seed: int = 0,
    ):
        self.arguments = (capacity, fpr, growth, tightening)
        self.layout, self.seed = layout, seed
        self.slices: list[BloomFilter] = []
        self.grow()

    def grow(self) -> None:
        capacity, fpr, growth, tightening = self.arguments
        i = len(self.slices)
        share = 6 / math.pi**2 / (i + 1) ** 2 if tightening is None else (1 - tightening) * tightening**i
        rate, layout = fpr * share, self.layout
        if layout == "auto":
            layout = "split-block" if rate >= 1e-3 else "cache-line" if rate >= 1e-6 else "classic"
        self.slices.append(BloomFilter(math.ceil(capacity * growth**i), rate, layout=layout, seed=self.seed))

    def test_and_add(self, key: int) -> bool:
        if any(key in one for one in self.slices):
            return True
        if self.slices[-1].n_added == self.slices[-1].capacity:
            self.grow()
        self.slices[-1].add(key)
        return False


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pieces", [1, 7, 300])
@pytest.mark.parametrize(("fpr", "tightening"), [(0.05, None), (0.05, 0.5), (1e-5, None)])
def test_one_key_after_the_other(
    layout: Any, pieces: int, fpr: float, tightening: float | None, threads: int
) -> None:
    keys = np.random.default_rng(1).integers(0, 700, 1500)
    chain = Chain(20, fpr, tightening=tightening, layout=layout, seed=3)
    expected = [chain.test_and_add(int(key)) for key in keys]
    seen = ScalableBloomFilter(20, fpr, tightening=tightening, layout=layout, seed=3)
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
@pytest.mark.parametrize(("growth", "tightening"), [(2.0, None), (1.0, None), (1.0, 0.9), (4.0, 0.8)])
def test_the_promised_rate_holds_at_every_size(layout: Any, growth: float, tightening: float | None) -> None:
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


def test_the_shares_of_all_slices_add_up_to_the_promise() -> None:
    euler = [_chain._share(None, i) for i in range(64)]
    assert euler == sorted(euler, reverse=True)
    assert sum(euler) == pytest.approx(1 - 6 / math.pi**2 / 64.5, abs=1e-5)
    assert sum(_chain._share(0.3, i) for i in range(64)) == pytest.approx(1.0)


@pytest.mark.parametrize("fpr", [0.01, 1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("growth", [1.0, 2.0, 4.0])
def test_bits_a_key_stay_close_to_those_of_one_filter(fpr: float, growth: float) -> None:
    seen = ScalableBloomFilter(2000, fpr, growth=growth)
    seen.add(range(100_000))
    for number, one in enumerate(seen._chain, 1):
        assert one.capacity is not None
        # Newton's steps end within a bit of the textbook; blocks may cost 1.4 times it, in whole blocks.
        textbook = -math.log2(6 / math.pi**2 * fpr / number**2) / math.log(2)
        assert one.n_bits / one.capacity < 1.4 * textbook + 512 / one.capacity
    assert seen.expected_fpr() <= fpr


def test_growth_of_one_ends_in_a_clear_refusal_that_changes_nothing() -> None:
    seen = ScalableBloomFilter(1, 0.01, growth=1.0)
    seen.add([0])
    before = seen.copy()
    with pytest.raises(ValueError, match=r"This ScalableBloomFilter cannot grow: 64 slices are full\. Build"):
        seen.add(range(300))
    assert seen == before
    assert (seen.n_added, seen.n_slices) == (1, 1)
    seen.add([*range(64), *range(64)] * 3)  # equal keys need one place
    assert seen.nbytes < 64 * 65  # a block of 512 bits a key at most
    assert seen.contains(range(64)).all()
    assert loads(dumps(seen)) == seen
    with pytest.raises(ValueError, match="cannot grow"):
        seen.expected_fpr(65)


def test_a_growth_without_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = ScalableBloomFilter(100, 0.01)
    seen.add(range(50))
    before, zeros = seen.copy(), _memory.zeros

    def scarce(size: int, dtype: Any, device: int | None = None) -> Any:
        if size * 8 > 1000:
            raise MemoryError
        return zeros(size, dtype)

    with monkeypatch.context() as patch:
        patch.setattr(_memory, "zeros", scarce)
        with pytest.raises(MemoryError):
            seen.add(range(1000))
    assert seen == before
    assert seen.n_added == before.n_added
    seen.add(range(1000))
    assert seen.contains(range(1000)).all()


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
        (
            {"capacity": 2**47, "fpr": 0.1},
            "slice of 140737488355328 keys at a rate of 0.0608 in the layout 'split-block'",
        ),
    ],
)
def test_refused_arguments(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ScalableBloomFilter(**arguments)
