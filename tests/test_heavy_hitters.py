# SPDX-License-Identifier: Apache-2.0
"""Heavy hitters: the top of a stream by name, whatever its keys are and however it came."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import hypersketch
import reference
from hypersketch import CountMinSketch, CountSketch, _structure, hash_keys, theory
from makers import state

KINDS = {
    "CountSketch": lambda width, **more: CountSketch(width, 5, **more),
    "CountMinSketch": lambda width, **more: CountMinSketch(width, 5, **more),
    "conservative": lambda width, **more: CountMinSketch(width, 5, conservative=True, **more),
}


def zipf_stream(n: int, universe: int, exponent: float, seed: int = 3) -> np.ndarray:
    shares = np.cumsum(1.0 / np.arange(1, universe + 1) ** exponent)
    return np.searchsorted(shares / shares[-1], np.random.default_rng(seed).random(n))


def exact_top(sketch: Any, keys: np.ndarray, k: int) -> list[tuple[int, Any]]:
    """The k keys of a stream with the largest estimates, ties by hash."""
    distinct = np.unique(keys)
    ranked = sorted(
        zip(
            (-sketch.estimate(distinct)).tolist(),
            hash_keys(distinct).tolist(),
            distinct.tolist(),
            strict=True,
        )
    )
    return [(key, -estimate) for estimate, _, key in ranked[:k]]


def same(a: Any, b: Any) -> bool:
    return bool(a == b) and a._saved_counts() == b._saved_counts() and a.heavy_hitters() == b.heavy_hitters()


# ---- the top of a stream


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_zipf_stream(kind: str, dtype: str, level: str) -> None:
    keys = zipf_stream(100_000, 20_000, 1.1)
    sketch = KINDS[kind](2**14, dtype=dtype, track=30)
    sketch.add(keys)
    assert sketch.heavy_hitters() == exact_top(sketch, keys, 30)
    assert sketch.heavy_hitters(7) == exact_top(sketch, keys, 7)


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
@pytest.mark.parametrize("kind", [CountSketch, CountMinSketch])
def test_other_depths(kind: Any, depth: int) -> None:
    keys = zipf_stream(60_000, 5000, 1.2)
    sketch = kind(2**13, depth, track=20)
    sketch.add(keys)
    top = [key for key, _ in sketch.heavy_hitters()]
    want = [key for key, _ in exact_top(sketch, keys, 20)]
    # Keys that a sketch of few rows overestimates only later have no claim to be candidates from early on.
    assert len(set(top) & set(want)) >= 19
    assert {key for key, _ in Counter(keys.tolist()).most_common(10)} <= set(top)


def test_recall_as_theory_promises() -> None:
    """Every key is named whose count exceeds the (k+1)-th by more than two errors that no key makes."""
    k, keys = 20, zipf_stream(300_000, 50_000, 1.1)
    counts = Counter(keys.tolist())
    values = np.array(sorted(counts.values(), reverse=True), dtype=np.float64)
    norm = float(np.sqrt((values**2).sum()))
    sketch = CountSketch(2**15, 9, track=k)
    sketch.add(keys)
    # The bound for one key, times the number of keys, for the error eps |f|_2.
    eps = next(e for e in np.linspace(0.001, 1, 1000) if len(counts) * bound(sketch, e) < 1e-3)
    certain = {key for key, count in counts.items() if count > values[k] + 2 * eps * norm}
    assert len(certain) >= 5
    assert certain <= {key for key, _ in sketch.heavy_hitters()}


def bound(sketch: Any, eps: float) -> float:
    return theory.count_sketch.failure_bound(sketch.width, sketch.depth, float(eps))


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_came_early_stay(kind: str) -> None:
    sketch = KINDS[kind](2**14, track=3)
    sketch.add(["early"] * 500)
    sketch.add(zipf_stream(50_000, 30_000, 0.3))
    sketch.add(["late"] * 400)
    assert [key for key, _ in sketch.heavy_hitters(2)] == ["early", "late"]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_nothing(kind: str, threads: int) -> None:
    keys = zipf_stream(150_000, 40_000, 1.0)
    one, several = (KINDS[kind](1000, track=25) for _ in range(2))
    for _ in range(2):
        one.add(keys, threads=1)
        several.add(keys, threads=threads)
    assert state(one).tobytes() == state(several).tobytes()
    assert same(one, several)


def test_pieces_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255 * 40)
    keys = zipf_stream(60_000, 5000, 1.1)
    sketch = CountSketch(2**13, 5, track=10)
    sketch.add([f"key {key}" for key in keys])
    want = [(f"key {key}", count) for key, count in Counter(keys.tolist()).most_common(5)]
    assert [key for key, _ in sketch.heavy_hitters(5)] == [key for key, _ in want]


def test_weights_decide() -> None:
    sketch = CountSketch(2**12, 5, track=2, dtype="float64")
    sketch.add(["a", "b", "c", "d"], [0.5, 3.25, -9.0, 2.0])
    assert sketch.heavy_hitters() == [("b", 3.25), ("d", 2.0)]
    sketch.add(["b"], [-3.0])
    assert sketch.heavy_hitters() == [("d", 2.0), ("a", 0.5)]
    sketch.add(["a", "b", "d"], [-9.0, -9.0, -9.0])
    assert sketch.heavy_hitters() == []


def test_no_more_than_four_candidates_a_key() -> None:
    sketch = CountMinSketch(1000, 3, track=5)
    sketch.add(range(50_000))
    assert 10 <= len(sketch._candidates) <= 20
    assert len(sketch.heavy_hitters()) == 5


def test_ties_go_by_hash() -> None:
    sketch = CountMinSketch(2**16, 3, track=9)
    sketch.add(range(9))
    by_hash = sorted(range(9), key=lambda key: reference.xxh64(reference.key_bytes(key)))
    assert sketch.heavy_hitters() == [(key, 1) for key in by_hash]


# ---- what is refused


@pytest.mark.parametrize("kind", KINDS)
def test_sketches_that_track_nothing(kind: str) -> None:
    sketch = KINDS[kind](99)
    sketch.add("a")
    with pytest.raises(ValueError, match=r"tracks no keys\. Make it with track=k to ask for heavy hitters"):
        sketch.heavy_hitters()


def test_bad_numbers_of_heavy_hitters() -> None:
    sketch = CountSketch(99, 3, track=4)
    for k, error in ((0, ValueError), (5, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match=r"'k' parameter of CountSketch\.heavy_hitters must be .* \[1, 4\]"):
            sketch.heavy_hitters(k)
    assert sketch.heavy_hitters() == []


# ---- what they live through


@pytest.mark.parametrize("kind", ["CountSketch", "CountMinSketch"])
def test_merging(kind: str) -> None:
    keys = zipf_stream(80_000, 20_000, 1.1)
    left, right, both = (KINDS[kind](2**14, track=15) for _ in range(3))
    left.add(keys[::2])
    right.add(keys[1::2])
    both.add(keys)
    before = right.heavy_hitters()
    joined = left + right
    assert joined.heavy_hitters(10) == both.heavy_hitters(10)
    assert len(joined._candidates) <= 60
    left += right
    assert same(left, joined)
    assert right.heavy_hitters() == before
    left -= right
    assert left.heavy_hitters(5) == exact_top(left, keys[::2], 5)


def test_merging_a_sketch_that_tracks_with_one_that_does_not() -> None:
    tracking, plain = CountSketch(999, 5, track=3), CountSketch(999, 5)
    tracking.add(["a", "a", "b"])
    plain.add(["b"] * 5)
    before = tracking.copy()
    for change in (
        lambda: tracking + plain,
        lambda: tracking.merge(plain),
        lambda: tracking.merge_from_bytes(plain.to_bytes()),
    ):
        with pytest.raises(ValueError, match=r"\(track=3\) and cannot be merged with one that tracks none"):
            change()
        assert same(tracking, before)
    both = plain + tracking  # names nothing and promises nothing
    assert both.track == 0
    assert both.estimate(["a", "b"]).tolist() == [2, 6]
    other = CountSketch(999, 5, track=1)
    other.add(["c"] * 4)
    assert (tracking + other).heavy_hitters() == [("c", 4), ("a", 2), ("b", 1)]


def test_copies_pickles_and_clearing() -> None:
    sketch = CountSketch(999, 5, track=3)
    sketch.add(["a", "a", "b"])
    sketch.add([b"c", b"\xff"])
    sketch.add([-5, 2**64 - 1])
    for twin in (sketch.copy(), copy.deepcopy(sketch), pickle.loads(pickle.dumps(sketch))):
        assert same(twin, sketch)
        twin.add(["z"] * 9)
        assert twin.heavy_hitters(1) == [("z", 9)]
    assert sketch.heavy_hitters(1) == [("a", 2)]
    sketch.clear()
    assert sketch.heavy_hitters() == []
    assert same(sketch, CountSketch(999, 5, track=3))


def test_a_refused_batch_leaves_the_candidates() -> None:
    sketch = CountMinSketch(99, 3, dtype="int32", track=2)
    sketch.add(["a", "b", "b"])
    before = sketch.copy()
    with pytest.raises(OverflowError):
        sketch.add(["c", "c"], [2**31 - 1, 1])
    assert same(sketch, before)


@pytest.mark.parametrize("mmap", [False, True])
def test_files(mmap: bool, path: Any) -> None:
    sketch = CountMinSketch(2000, 4, dtype="float32", track=6, seed=3)
    sketch.add(zipf_stream(5000, 300, 1.0))
    sketch.add(["äöü"] * 900 + ["b"] * 800)
    sketch.add([b"\xff\xfe"] * 850)
    sketch.save(path)
    loaded = hypersketch.load(path, mmap=mmap)
    assert same(loaded, sketch)
    other, again = loaded.copy(), sketch.copy()
    for twin in (other, again):
        twin.add(zipf_stream(5000, 300, 1.0, seed=8))
    assert same(other, again)


def test_doors() -> None:
    keys = zipf_stream(5000, 300, 1.0)
    sketch, other = CountSketch(2000, 5, track=4), CountSketch(2000, 5, track=4)
    sketch.update(np.array_split(keys, 7))
    other.update(pa.table({"key": ["x", "y"], "more": [1, 2]}), column="key")
    other.add(["elsewhere"] * 5000)
    assert same(hypersketch.from_bytes(sketch.to_bytes()), sketch)
    with sketch.share() as shared:
        attached = hypersketch.attach(shared.name)
        assert attached.heavy_hitters() == sketch.heavy_hitters()
        del attached
    sketch.merge_from_bytes(other.to_bytes())
    assert sketch.heavy_hitters(1) == [("elsewhere", 5000)]
    assert {"x", "y"} <= {key for key, _ in other.heavy_hitters()}


def test_a_header_too_large_to_be_read_back(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sketch = CountSketch(9, 3, track=2)
    sketch.add(["x" * 3000])
    monkeypatch.setattr("hypersketch._container._MAX_HEADER", 2000)
    with pytest.raises(
        ValueError, match=r"cannot be saved: its tracked keys make a header of .* at most 2000"
    ):
        sketch.save(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("candidates", "text"),
    [
        ("a", "its candidates are not a list of at most 8 keys"),
        (list(range(9)), "its candidates are not a list of at most 8 keys"),
        ([1.5], "'candidates' parameter of CountSketch must be an integer"),
        ([None], "'candidates' parameter"),
        ([True], "'candidates' parameter"),
        ([2**64], "'candidates' parameter"),
        ([["a"]], "'candidates' parameter"),
        ([{"bytes": "zz"}], "hexadecimal"),
        ([{"bytes": 5}], "'candidates' parameter"),
        ([{"str": "a"}], "'candidates' parameter"),
        (["\ud800"], "surrogate"),
    ],
)
def test_hostile_candidates(candidates: Any, text: str, path: Any) -> None:
    sketch = CountSketch(20, 3, track=2)
    sketch.add(["a"])
    sketch.save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    counts = json.loads(header["__metadata__"]["counts"])
    header["__metadata__"]["counts"] = json.dumps({**counts, "candidates": candidates})
    changed = json.dumps(header).encode()
    changed += b" " * (-len(changed) % 8)
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    with pytest.raises(ValueError, match=f"cannot be loaded: .*{text}"):
        hypersketch.load(path, mmap=True)  # without the checksum, which would tell earlier
    with pytest.raises(ValueError, match="checksum"):
        hypersketch.load(path)


def test_candidates_of_a_sketch_that_tracks_none(path: Any) -> None:
    sketch = CountSketch(20, 3)
    sketch.save(path)
    assert b"candidates" not in path.read_bytes()
