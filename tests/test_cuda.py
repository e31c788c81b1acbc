# SPDX-License-Identifier: Apache-2.0
"""The GPU half: what there is, hashes and Bloom filters, against the CPU, byte for byte.

Where there is no GPU these tests are skipped, with the reason, but for those on what is said then.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import REASON, SIZES, keys_of, needs_gpu, on_gpu, same
from hypersketch import BloomFilter, CountingBloomFilter, CountSketch, ScalableBloomFilter, cuda, hash_keys

BUILT = list(Path(hypersketch.__file__).parent.glob("_cuda*.so"))
LAYOUTS = {
    "split-block": {},
    "cache-line": {"n_hashes": 11},
    "cache-line, few": {"n_hashes": 3},
    "classic": {"n_hashes": 7},
}


def bloom(layout: str, n_bits: int = 512 * 40, device: str = "cpu", seed: int = 0) -> BloomFilter:
    name = layout.partition(",")[0]
    return BloomFilter(n_bits=n_bits, layout=name, device=device, seed=seed, **LAYOUTS[layout])  # type: ignore[arg-type]


# ---- what there is


def test_reason_and_answer_agree() -> None:
    assert cuda.available() == (REASON is None)
    assert REASON is None or REASON.endswith(".")


@pytest.mark.skipif(REASON is None, reason="this machine has a GPU")
def test_without_a_gpu_every_door_says_why() -> None:
    doors = [
        cuda.devices,
        lambda: BloomFilter(n_bits=256, device="cuda"),
        lambda: CountSketch(8, device="cuda"),
        lambda: BloomFilter(n_bits=256).to("cuda"),
    ]
    for door in doors:
        with pytest.raises(RuntimeError) as error:
            door()
        assert str(error.value) == REASON


def test_a_build_without_the_gpu_half_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_module", lambda: None)
    monkeypatch.setattr(cuda, "_usable", [])
    assert not cuda.available()
    assert "HYPERSKETCH_CUDA=ON" in str(cuda.why_not())
    with pytest.raises(RuntimeError, match="without its GPU half"):
        cuda.devices()
    with pytest.raises(RuntimeError, match="without its GPU half"):
        BloomFilter(n_bits=256, device="cuda")


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, hypersketch; print([m for m in sys.modules if 'cuda' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not BUILT, reason="the GPU half was not built")
def test_it_needs_no_library_of_cuda() -> None:
    done = subprocess.run(["readelf", "-d", str(BUILT[0])], capture_output=True, text=True, check=True)
    needed = [line for line in done.stdout.splitlines() if "NEEDED" in line]
    assert needed
    assert not [line for line in needed if "cuda" in line or "nv" in line]


@needs_gpu
def test_devices() -> None:
    found = cuda.devices()
    assert [device.index for device in found] == list(range(len(found)))
    for device in found:
        assert device.name
        assert device.capability >= (8, 0)
        assert device.memory > 1 << 30
        assert device.processors > 0


# ---- hashes


@needs_gpu
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_of_every_width_hash_alike(dtype: str) -> None:
    keys = keys_of(1003).astype(dtype)
    assert same(hash_keys(on_gpu(keys)), hash_keys(keys))
    assert same(hash_keys(on_gpu(keys), seed=2**63 + 5), hash_keys(keys, seed=2**63 + 5))


@needs_gpu
@pytest.mark.parametrize("n", SIZES)
def test_batches_of_every_size_hash_alike(n: int) -> None:
    keys = keys_of(n)
    assert same(hash_keys(on_gpu(keys)), hash_keys(keys))


@needs_gpu
@pytest.mark.parametrize("dtype", ["i4", "i8"])
@pytest.mark.parametrize(
    "texts", [[], [""], ["apple", "", "pear"], [f"{'x' * (i % 70)}{i}" for i in range(700)]]
)
def test_strings_hash_alike(dtype: str, texts: list[str]) -> None:
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(dtype)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    strings = cuda.Strings(on_gpu(offsets), on_gpu(data))
    assert len(strings) == len(texts)
    assert same(hash_keys(strings), hash_keys(texts))
    assert same(hash_keys(strings, seed=7), hash_keys(texts, seed=7))


@needs_gpu
@pytest.mark.parametrize("offsets", [[0, 3, 2], [-1, 3], [0, 10]])
def test_strings_beyond_their_bytes_are_refused(offsets: list[int]) -> None:
    strings = cuda.Strings(on_gpu(np.array(offsets)), on_gpu(np.zeros(9, np.uint8)))
    seen = BloomFilter(n_bits=256, device="cuda")
    with pytest.raises(ValueError, match="offsets"):
        hash_keys(strings)
    with pytest.raises(ValueError, match="offsets"):
        seen.add(strings)
    assert seen.fill == 0


# ---- Bloom filters


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", SIZES)
def test_filters_are_the_same_bytes(layout: str, n: int) -> None:
    ours, theirs = bloom(layout, device="cuda", seed=n), bloom(layout, seed=n)
    keys, probes = keys_of(n), np.concatenate([keys_of(n)[::3], keys_of(n // 2, seed=1)])
    ours.add(on_gpu(keys))
    theirs.add(keys)
    assert ours == theirs
    assert ours.n_added == theirs.n_added
    expected = theirs.contains(probes)
    for there in (probes, on_gpu(probes)):
        assert same(ours.contains(there), expected)
        assert same(ours.contains(there, packed=True), np.packbits(expected, bitorder="little"))
        hashes = hash_keys(there)
        assert same(ours.contains_hashes(hashes), expected)


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n_bits", [512, 512 * 3, 512 * 30_000])
def test_filters_of_every_size_take_host_keys(layout: str, n_bits: int) -> None:
    ours, theirs = bloom(layout, n_bits, "cuda"), bloom(layout, n_bits)
    keys = keys_of(30_000)  # several pieces
    for one in (ours, theirs):
        one.add(keys)
        one.add(["apple", "pear", "ä" * 99])
        one.add_hashes(hash_keys(keys[:100], seed=0) + 1)
    assert ours == theirs
    assert same(ours.contains(keys[::7] + 1), theirs.contains(keys[::7] + 1))
    assert "pear" in ours


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n_bits", [512, 512 * 40, 512 * 30_000])
@pytest.mark.parametrize("distinct", [3, 2000, 2**62])
def test_tested_and_added_as_if_one_after_the_other(layout: str, n_bits: int, distinct: int) -> None:
    ours, theirs = bloom(layout, n_bits, "cuda"), bloom(layout, n_bits)
    for seed, n in enumerate((20_003, 1, 33, 0)):
        keys = keys_of(n, seed, distinct)
        expected = theirs.test_and_add(keys)
        there = keys if seed % 2 else on_gpu(keys)
        assert same(ours.test_and_add(there), expected)
        assert ours == theirs
        assert ours.n_added == theirs.n_added


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_key_often(layout: str) -> None:
    ours, theirs = bloom(layout, device="cuda"), bloom(layout)
    keys = np.full(5000, 17)
    assert same(ours.test_and_add(on_gpu(keys)), theirs.test_and_add(keys))
    ours.add(on_gpu(keys))
    theirs.add(keys)
    assert ours == theirs


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
def test_beyond_two_to_the_32_bits(layout: str) -> None:
    n_bits = 2**33 + 512 * 3
    ours, theirs = bloom(layout, n_bits, "cuda"), bloom(layout, n_bits)
    keys = keys_of(2000)
    ours.add(on_gpu(keys))
    theirs.add(keys)
    assert ours == theirs
    assert np.asarray(ours.contains(on_gpu(keys))).all()
    assert same(ours.contains(on_gpu(keys + 1)), theirs.contains(keys + 1))


@needs_gpu
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sets_of_filters(layout: str) -> None:
    for there in ("cuda", "cpu"):
        a, b = bloom(layout, device="cuda"), bloom(layout, device=there)
        c, d = bloom(layout), bloom(layout)
        for one, keys in ((a, range(900)), (b, range(600, 1500)), (c, range(900)), (d, range(600, 1500))):
            one.add(keys)
        assert a.fill == c.fill
        assert a.cardinality() == c.cardinality()
        assert a.union_cardinality(b) == c.union_cardinality(d)
        assert a.intersection_cardinality(b) == c.intersection_cardinality(d)
        assert (a | b) == (c | d)
        assert (a & b) == (c & d)
        assert (a | b).device == "cuda:0"
        a |= a
        assert a.n_added == 2 * c.n_added
        a.clear()
        assert (a.fill, a.n_added) == (0, 0)


@needs_gpu
def test_capacity_is_warned_of_before_the_change() -> None:
    seen = BloomFilter(100, 0.01, device="cuda")
    seen.test_and_add(on_gpu(np.arange(100)))
    seen.test_and_add(on_gpu(np.arange(100)))  # nothing new
    with pytest.warns(hypersketch.CapacityWarning):
        seen.test_and_add(on_gpu(np.arange(50, 150)))


@needs_gpu
@pytest.mark.parametrize("layout", ["auto", "classic"])
def test_chains_of_filters(layout: Any) -> None:
    ours, theirs = (ScalableBloomFilter(100, 0.01, layout=layout, device=d) for d in ("cuda", "cpu"))
    for keys in (keys_of(3000, most=2000), keys_of(50), keys_of(0)):
        assert same(ours.test_and_add(on_gpu(keys)), theirs.test_and_add(keys))
        ours.add(on_gpu(keys + 1))
        theirs.add(keys + 1)
    assert ours == theirs
    probes = np.arange(5000)
    assert same(ours.contains(on_gpu(probes)), theirs.contains(probes))
    assert same(ours.contains(on_gpu(probes), packed=True), theirs.contains(probes, packed=True))
    other = ScalableBloomFilter(100, 0.01, layout=layout)
    other.add(range(10**6, 10**6 + 50))
    with pytest.warns(hypersketch.CapacityWarning):
        assert (ours | other) == (theirs | other)
    assert ours.to("cpu") == theirs
    assert ours.copy().device == "cuda:0"
    ours.clear()
    assert ours.n_slices == 1


# ---- copies, files, threads


@needs_gpu
@pytest.mark.parametrize(
    "make",
    [
        lambda: bloom("classic"),
        lambda: CountSketch(20),
        lambda: ScalableBloomFilter(9, 0.1),
        lambda: CountingBloomFilter(200, 0.1, counter_bits=8),
    ],
)
def test_copies_and_files(make: Any, tmp_path: Path) -> None:
    theirs = make()
    theirs.add(range(100))
    ours = theirs.to("cuda")
    assert ours.device == "cuda:0"
    assert "device='cuda:0'" in repr(ours)
    assert ours == theirs
    assert theirs == ours.to("cpu")
    assert ours.to("cpu").to_bytes() == theirs.to_bytes() == ours.to_bytes()
    assert pickle.loads(pickle.dumps(ours)).device == "cuda:0"
    assert pickle.loads(pickle.dumps(ours)) == ours
    ours.save(tmp_path / "ours.safetensors")
    assert hypersketch.load(tmp_path / "ours.safetensors") == theirs
    twin = ours.copy()
    twin.add(range(100, 200))
    assert twin != ours
    ours.merge_from_bytes(theirs.to_bytes())
    assert ours.n_added == 2 * theirs.n_added


@needs_gpu
@pytest.mark.parametrize(
    "make",
    [
        lambda device: bloom("split-block", device=device),
        lambda device: CountSketch(99, device=device),
        lambda device: CountingBloomFilter(4000, 0.1, counter_bits=16, device=device),
    ],
)
def test_threads_add_to_one_structure(make: Any) -> None:
    ours, theirs = make("cuda"), make("cpu")
    batches = [keys_of(500, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda keys: ours.add(on_gpu(keys)), batches[:4]))
        list(pool.map(ours.add, batches[4:]))
    for keys in batches:
        theirs.add(keys)
    assert ours == theirs
    assert ours.n_added == theirs.n_added
