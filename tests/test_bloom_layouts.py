# SPDX-License-Identifier: Apache-2.0
"""The layouts of a Bloom filter: bits and answers against the definition, rates against theory."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from hypersketch import BloomFilter, CapacityWarning, ScalableBloomFilter, hash_keys, load, theory
from makers import state

FILTERS: list[dict[str, Any]] = [
    {"layout": "split-block", "n_bits": 256},
    {"layout": "split-block", "n_bits": 256 * 7, "seed": 3},
    {"layout": "split-block", "n_bits": 256 * 100},
    *(
        {"layout": "cache-line", "n_bits": 512 * blocks, "n_hashes": k, "seed": seed}
        for blocks, k, seed in ((1, 1, 0), (3, 3, 2**64 - 1), (50, 8, 0), (20, 9, 1), (33, 13, 0), (8, 16, 5))
    ),
    {"layout": "classic", "n_bits": 7001, "n_hashes": 5},
]
COUNTS = [0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 600]
LARGE = 1 << 23  # bits of a filter that does not fit a core's own cache


def made(arguments: dict[str, Any]) -> BloomFilter:
    return BloomFilter(**arguments)


def positions(seen: BloomFilter, hashes: np.ndarray) -> np.ndarray:
    return reference.bloom_positions(seen.layout, seen.n_bits, seen.n_hashes, seen.seed, hashes)


def random_hashes(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


# ---- against the reference


@pytest.mark.parametrize("arguments", FILTERS, ids=str)
def test_bits_and_answers(arguments: dict[str, Any], level: str) -> None:
    others = random_hashes(300, 2)
    for n in COUNTS:
        hashes = random_hashes(n)
        seen = made(arguments)
        seen.add_hashes(hashes, threads=1)
        bits = np.zeros(seen.n_bits, bool)
        bits[positions(seen, hashes).ravel()] = True
        assert np.array_equal(state(seen), reference.bloom_words(bits))
        expected = bits[positions(seen, others)].all(axis=1)
        assert np.array_equal(seen.contains_hashes(others), expected)
        packed = seen.contains_hashes(others, packed=True)
        assert np.array_equal(packed, np.packbits(expected, bitorder="little"))
        assert seen.contains_hashes(hashes).all()


@pytest.mark.parametrize("arguments", FILTERS, ids=str)
def test_test_and_add_is_one_key_after_the_other(arguments: dict[str, Any], level: str) -> None:
    hashes = random_hashes(500)[np.random.default_rng(5).integers(0, 300, 700)]
    seen, bits, expected = made(arguments), np.zeros(made(arguments).n_bits, bool), []
    for row in positions(seen, hashes):
        expected.append(bool(bits[row].all()))
        bits[row] = True
    assert seen.test_and_add_hashes(hashes).tolist() == expected
    assert np.array_equal(state(seen), reference.bloom_words(bits))
    assert seen.n_added == expected.count(False)
    out = np.empty(700, bool)
    assert seen.test_and_add_hashes(hashes, out=out) is out
    assert out.all()


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
@pytest.mark.parametrize("n_bits", [512 * 5, LARGE, 5 * LARGE])
def test_threads_change_nothing(layout: Any, n_bits: int, level: str) -> None:
    hashes = random_hashes(200_000, 3)[np.random.default_rng(4).integers(0, 200_000, 300_001)]
    sizes: dict[str, Any] = {"n_bits": n_bits, "n_hashes": 8, "layout": layout}
    alone, answers = BloomFilter(**sizes), np.empty(0)
    alone.add_hashes(hashes, threads=1)
    for threads in (1, 2, 3, 7):
        seen, tested = BloomFilter(**sizes), BloomFilter(**sizes)
        seen.add_hashes(hashes, threads=threads)
        assert seen == alone
        found = tested.test_and_add_hashes(hashes, threads=threads)
        assert tested == alone
        if threads == 1:
            answers = found
        assert np.array_equal(found, answers)
        assert np.array_equal(
            seen.contains_hashes(random_hashes(100_001, 5), threads=threads),
            alone.contains_hashes(random_hashes(100_001, 5), threads=1),
        )


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
def test_integers_are_hashed_on_the_way(layout: Any, threads: int, level: str) -> None:
    keys = np.arange(-40_000, 60_000)
    for n in (0, 1, 65, 100_000):
        direct, by_hash = (BloomFilter(capacity=100_000, fpr=0.01, layout=layout) for _ in range(2))
        direct.add(keys[:n], threads=threads)
        by_hash.add_hashes(hash_keys(keys[:n]), threads=1)
        assert direct == by_hash
        assert np.array_equal(direct.contains(keys[::-1]), by_hash.contains_hashes(hash_keys(keys[::-1])))
    tested = BloomFilter(capacity=100_000, fpr=0.01, layout=layout)
    assert not tested.test_and_add(keys, threads=threads)[:1000].any()
    assert tested == direct


def test_the_default_is_parquets_filter() -> None:
    # The example in the tests of the format's own implementations: known bits for known hashes.
    seen = BloomFilter(n_bits=256 * 4)
    hashes = hash_keys(["hello", "parquet", "bloom", "filter"])
    seen.add_hashes(hashes)
    words = np.zeros(32, np.uint32)
    for h in hashes.tolist():
        block = ((h >> 32) * 4) >> 32
        for lane, salt in enumerate(reference.SPLIT_SALTS):
            words[8 * block + lane] |= np.uint32(1 << (((h & 0xFFFFFFFF) * salt & 0xFFFFFFFF) >> 27))
    assert state(seen).tobytes() == words.tobytes()


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
def test_ten_billion_bits(layout: Any) -> None:
    n_bits = 10**10 // 512 * 512
    seen = BloomFilter(n_bits=n_bits, n_hashes=8, layout=layout)
    assert seen.nbytes == 1_250_000_000 // 64 * 64
    hashes = random_hashes(5000)
    seen.add_hashes(hashes)
    found = positions(seen, hashes[:500])
    assert found.max() > 0.99 * n_bits
    words = state(seen)
    assert np.all(words[found // 64] >> (found % 64).astype(np.uint64) & np.uint64(1))
    assert seen.contains_hashes(hashes).all()
    assert not seen.contains_hashes(random_hashes(5000, 2)).any()
    assert seen.test_and_add_hashes(hashes).all()


# ---- sizes and rates


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
@pytest.mark.parametrize(
    ("capacity", "fpr"), [(1, 0.5), (100, 0.1), (1000, 0.01), (10**6, 1e-6), (10**9, 0.01)]
)
def test_sizing_keeps_the_rate_and_is_the_smallest(layout: Any, capacity: int, fpr: float) -> None:
    rule = {
        "split-block": lambda bits, k: theory.bloom.split_block_fpr(bits // 256, capacity),
        "cache-line": lambda bits, k: theory.bloom.cache_line_fpr(bits // 512, k, capacity),
        "classic": lambda bits, k: theory.bloom.false_positive_rate(bits, k, capacity),
    }[layout]
    unit = {"split-block": 256, "cache-line": 512, "classic": 1}[layout]
    if capacity == 10**9:
        n_bits, n_hashes = _planned(layout, capacity, fpr)
    else:
        seen = BloomFilter(capacity, fpr, layout=layout)
        n_bits, n_hashes = seen.n_bits, seen.n_hashes
        assert seen.expected_fpr(capacity) == rule(n_bits, n_hashes) <= fpr
    assert rule(n_bits, n_hashes) <= fpr
    if n_bits > unit:
        assert rule(n_bits - unit, n_hashes) > fpr


def _planned(layout: str, capacity: int, fpr: float) -> tuple[int, int]:
    if layout == "classic":
        return theory.bloom.optimum(capacity, fpr)
    if layout == "cache-line":
        blocks, k = theory.bloom.cache_line_size(capacity, fpr)
        return 512 * blocks, k
    return 256 * theory.bloom.split_block_size(capacity, fpr), 8


def test_bits_per_key_at_one_percent() -> None:
    bits = {name: _planned(name, 10**7, 0.01)[0] / 10**7 for name in ("split-block", "cache-line", "classic")}
    assert bits["split-block"] <= 10.6
    assert bits["cache-line"] < bits["split-block"]
    assert bits["classic"] <= 9.6


def _digits(numbers: np.ndarray, width: int) -> np.ndarray:
    """The numbers as decimal digits, shape (n, width) of bytes."""
    places = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, None] // places % 10 + ord("0")).astype(np.uint8)


def _texts(numbers: np.ndarray) -> np.ndarray:
    rows = np.concatenate(
        [np.tile(np.frombuffer(b"user-", np.uint8), (len(numbers), 1)), _digits(numbers, 9)], 1
    )
    return np.ascontiguousarray(rows).view("S14").ravel()


KEYS: dict[str, Any] = {
    "random": lambda i: np.random.default_rng(int(i[0]) + 1).integers(0, 2**64, i.size, dtype=np.uint64),
    "sequential": lambda i: i,
    "strided": lambda i: i << np.int64(28),
    "floating-point bits": lambda i: (i.astype(np.float64) / 7).view(np.uint64),
    "near-duplicate strings": _texts,
    "a bit apart": lambda i: i ^ (np.int64(1) << (i % 61)),
}


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
@pytest.mark.parametrize("kind", KEYS)
def test_measured_rate(layout: Any, kind: str) -> None:
    """Ten million strangers, whatever the keys look like; theory holds to 3 % (ten standard deviations)."""
    n, queries, piece = 300_000, 10_000_000, 1_000_000
    seen = BloomFilter(n, 0.01, layout=layout)
    of = KEYS[kind]
    members = of(np.arange(n))
    seen.add(members)
    first = {"near-duplicate strings": n, "a bit apart": 2**62}.get(kind, 2**33)  # beyond every member
    found = sum(
        int(seen.contains(of(np.arange(i, i + piece))).sum()) for i in range(first, first + queries, piece)
    )
    expected = seen.expected_fpr(len(np.unique(members)))
    assert abs(found / queries / expected - 1) < 0.03


@pytest.mark.parametrize("arguments", [f for f in FILTERS if f["n_bits"] > 2000], ids=str)
def test_cardinalities(arguments: dict[str, Any]) -> None:
    a, b = made(arguments), made(arguments)
    n = a.n_bits // (2 * a.n_hashes)
    a.add(range(n))
    b.add(range(n // 2, 2 * n))
    assert abs(a.cardinality() - n) < 5 * a.cardinality_sd()
    assert abs(a.union_cardinality(b) - 2 * n) < 5 * a.union_cardinality_sd(b)
    shared, error = a.intersection_cardinality(b), a.intersection_cardinality_sd(b)
    assert abs(shared - n // 2) < 5 * error
    assert 0 < error < n
    assert shared == b.intersection_cardinality(a)
    assert (a | b).cardinality() == a.union_cardinality(b)


# ---- intersection, alignment, sizes


@pytest.mark.parametrize("arguments", FILTERS, ids=str)
def test_and_keeps_what_both_hold(arguments: dict[str, Any]) -> None:
    a, b = made(arguments), made(arguments)
    a.add(range(30))
    b.add(range(20, 60))
    both = a & b
    assert np.array_equal(state(both), state(a) & state(b))
    assert both.contains(range(20, 30)).all()
    assert both.n_added == 30
    a &= b
    assert a == both
    a &= a
    assert a == both
    other = BloomFilter(n_bits=512 * 999, n_hashes=8, layout=arguments["layout"])
    with pytest.raises(ValueError, match="must be equal to intersect with them"):
        a &= other
    with pytest.raises(TypeError, match="can only intersect with another BloomFilter"):
        a &= 3  # type: ignore[arg-type]


def test_states_are_aligned_to_cache_lines(tmp_path: Any) -> None:
    for n_bits in (256, 5 * 256, 1 << 25, 1 << 26):
        seen = BloomFilter(n_bits=n_bits)
        assert state(seen).ctypes.data % 64 == 0
        assert state(seen.copy()).ctypes.data % 64 == 0
    assert not state(BloomFilter(n_bits=1 << 28)).any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"n_bits": 100}, "must be a multiple of 256 "),
        ({"n_bits": 256, "layout": "cache-line"}, "must be a multiple of 512 "),
        ({"n_bits": 256, "n_hashes": 7}, "must be 8 in the layout 'split-block'. Got 7"),
        ({"n_bits": 512, "n_hashes": 17, "layout": "cache-line"}, r"must be in \[1, 16\] in the layout"),
        ({"n_bits": 256 << 33}, r"must be at most 2\*\*32 blocks of 256"),
    ],
)
def test_refused_sizes(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        BloomFilter(**arguments)


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
def test_sizes_that_no_filter_has_name_what_was_given(layout: Any) -> None:
    with pytest.raises(ValueError, match=r"'fpr' parameter of BloomFilter must be a float in \[1e-70, 1\)"):
        BloomFilter(1000, 1e-300, layout=layout)
    wanted = r"A BloomFilter with capacity=140737488355328 and fpr=1e-09 would need n_bits=\d+, but can have"
    with pytest.raises(ValueError, match=wanted):
        BloomFilter(2**47, 1e-9, layout=layout)


def test_classic_needs_a_number_of_hashes() -> None:
    with pytest.raises(TypeError, match="is sized either by capacity and fpr or by n_bits and n_hashes"):
        BloomFilter(n_bits=100, layout="classic")
    assert BloomFilter(n_bits=512, layout="cache-line").n_hashes == 8


@pytest.mark.parametrize("arguments", FILTERS, ids=str)
def test_saved_and_mapped(arguments: dict[str, Any], tmp_path: Any) -> None:
    seen = made(arguments)
    seen.add(range(100))
    seen.save(tmp_path / "seen.safetensors")
    for mapped in (False, True):
        again = load(tmp_path / "seen.safetensors", mmap=mapped)
        assert again == seen
        assert np.array_equal(again.contains(range(200)), seen.contains(range(200)))
    with pytest.raises(ValueError, match="read-only"):
        again.test_and_add([1])
    with pytest.raises(ValueError, match="read-only"):
        again &= seen
    assert again == seen


def test_types_of_answers_and_layouts() -> None:
    # mypy --strict accepts these lines: a layout is one of its names, and packed answers are bytes.
    seen = BloomFilter(100, 0.01, layout="classic")
    again = BloomFilter(100, 0.01, layout=seen.layout)
    grown = ScalableBloomFilter(100, 0.01, layout=ScalableBloomFilter(100, 0.01).layout)
    for one in (again, grown):
        bools: NDArray[np.bool_] = one.contains([1])
        bits: NDArray[np.uint8] = one.contains_hashes(hash_keys([1]), packed=True)
        assert (bools.dtype, bits.dtype) == (np.bool_, np.uint8)
    assert (again.layout, grown.layout, grown.capacity) == ("classic", "auto", 100)


def test_packed_answers_into_an_array() -> None:
    seen = BloomFilter(capacity=1000, fpr=0.01)
    seen.add(range(1000))
    n = 2_100_003  # more than one piece, and not a multiple of eight
    bits = np.empty(-(-n // 8), np.uint8)
    assert seen.contains(np.arange(n), packed=True, out=bits) is bits
    assert np.array_equal(
        np.unpackbits(bits, bitorder="little", count=n).astype(bool), seen.contains(np.arange(n))
    )
    with pytest.raises(ValueError, match="array of uint8 with 2 elements"):
        seen.contains(range(9), packed=True, out=np.empty(9, np.uint8))
    with pytest.raises(TypeError, match="'packed' parameter"):
        seen.contains(range(9), packed=1)  # type: ignore[call-overload]
    assert seen.contains([], packed=True).shape == (0,)


@pytest.mark.parametrize("layout", ["split-block", "cache-line", "classic"])
def test_test_and_add_warns_of_new_keys_and_before_the_change(layout: Any) -> None:
    seen = BloomFilter(4, 1e-6, layout=layout)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert seen.test_and_add([1, 2, 2, 3]).tolist() == [False, False, True, False]
        assert not seen.test_and_add([1, 2, 3, 4, 4, 4])[3]
        assert seen.test_and_add([1, 1, 1, 1, 1]).all()
        before = seen.copy()
        with pytest.raises(CapacityWarning, match="was sized for 4 keys and now takes number 6"):
            seen.test_and_add([5, 4, 6, 6])
        assert (seen, seen.n_added) == (before, 4)
    with pytest.warns(CapacityWarning) as caught:
        assert seen.test_and_add([5, 4, 6, 6]).tolist() == [False, True, False, True]
    assert caught[0].filename == __file__
    seen.test_and_add_hashes(hash_keys(range(100)))  # told once


def test_only_new_keys_count_in_test_and_add() -> None:
    seen = BloomFilter(capacity=100, fpr=1e-9)
    for _ in range(5):
        seen.test_and_add(range(100))
    assert seen.n_added == 100
    assert abs(seen.cardinality() - 100) < 5 * seen.cardinality_sd()


@pytest.mark.parametrize("layout", ["split-block", "cache-line"])
def test_large_batches_on_large_filters_are_sorted_on_the_way(layout: Any, threads: int) -> None:
    """Above 24 MiB and three keys a line the loops go in rounds; below, key by key."""
    keys = np.random.default_rng(3).integers(0, 2**63, 5_000_001)
    keys[::9] = keys[0]
    whole, parts = (BloomFilter(n_bits=25 << 23, layout=layout, seed=1) for _ in range(2))
    whole.add(keys, threads=threads)
    for part in np.array_split(keys, 6):
        parts.add(part, threads=1)
    assert np.array_equal(state(whole), state(parts))
    keys[::2] += 1
    expected = np.concatenate([whole.contains(part, threads=1) for part in np.array_split(keys, 6)])
    assert 0.5 < expected.mean() < 0.7
    assert np.array_equal(whole.contains(keys, threads=threads), expected)
    packed = whole.contains(keys, packed=True, threads=threads)
    assert np.array_equal(packed, np.packbits(expected, bitorder="little"))
