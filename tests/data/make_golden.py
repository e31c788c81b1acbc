# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files beside itself: one small file a structure, as format version 1 has it.

Run it once for a new format version and commit what it writes; files of older versions stay as they are.

usage: python tests/data/make_golden.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypersketch

HERE = Path(__file__).resolve().parent


def structures() -> dict[str, Any]:
    """The structures in the files; the tests build them again and compare."""
    bloom = hypersketch.BloomFilter(capacity=50, fpr=0.01, layout="classic", seed=1)
    bloom.add([f"key {i}" for i in range(50)])
    split = hypersketch.BloomFilter(capacity=50, fpr=0.01)
    split.add([f"key {i}" for i in range(50)])
    lines = hypersketch.BloomFilter(n_bits=1024, n_hashes=11, layout="cache-line", seed=6)
    lines.add(range(60))
    counting = hypersketch.CountingBloomFilter(n_cells=333, n_hashes=4, counter_bits=16, seed=2)
    counting.add(range(40), weights=range(40))
    nibbles = hypersketch.CountingBloomFilter(n_cells=333, n_hashes=4, counter_bits=4, seed=8)
    nibbles.add(range(40), weights=[i % 4 for i in range(40)])
    scalable = hypersketch.ScalableBloomFilter(capacity=3, fpr=1e-5, growth=1.5, seed=9)
    scalable.add(range(50))
    geometric = hypersketch.ScalableBloomFilter(5, 0.01, tightening=0.5, layout="split-block")
    geometric.add(range(50))
    map_i = hypersketch.MapI(130, seed=3).bundle(range(20), weights=range(-10, 10))
    map_b = hypersketch.MapB(130, seed=4).bundle([b"a", b"b", b"c", b"d"])
    hopfield = hypersketch.HopfieldMembership(33, seed=5, diagonal=False)
    hopfield.add(range(100))
    count = hypersketch.CountSketch(50, 3, dtype="float64", track=2, seed=6)
    count.add(["a", "b", "ä", "a"], weights=[1.5, -2.25, 8.0, 0.125])
    count.add([b"\xff", b"\x00"], weights=[9.0, 1.0])
    count_min = hypersketch.CountMinSketch(40, 4, conservative=True, dtype="int64", track=1, seed=7)
    count_min.add([-1, 5, 5, 7], weights=[2**40, 1, 2, 3])
    wide = hypersketch.CountSketch(30, 5, dtype="int32", seed=8)
    wide.add(range(100), weights=range(-50, 50))
    single = hypersketch.CountSketch(31, 4, dtype="float32", seed=9)
    single.add(range(50), weights=[i / 4 - 3 for i in range(50)])
    linear = hypersketch.CountMinSketch(33, 3, dtype="int32", track=2, seed=10)
    linear.add(["x", "y", "x", "z"], weights=[1, 20, 300, 0])
    return {
        "bloom_filter": bloom,
        "bloom_filter_split_block": split,
        "bloom_filter_cache_line": lines,
        "count_sketch": count,
        "count_min_sketch": count_min,
        "count_sketch_int32": wide,
        "count_sketch_float32": single,
        "count_min_sketch_linear": linear,
        "counting_bloom_filter": counting,
        "counting_bloom_filter_4_bits": nibbles,
        "scalable_bloom_filter": scalable,
        "scalable_bloom_filter_geometric": geometric,
        "bundle_map_i": map_i,
        "bundle_map_b": map_b,
        "packed_bundle": map_b.pack(),
        "hopfield_membership": hopfield,
    }


if __name__ == "__main__":
    for name, structure in structures().items():
        structure.save(HERE / f"v1_{name}.safetensors")
