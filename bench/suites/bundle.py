# SPDX-License-Identifier: Apache-2.0
"""A bundle of 10,000 dimensions straight from keys, one thread."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

import hypersketch
from harness import Row, medians, rate_text, row
from hypersketch import _core
from peers.torchhd import Torchhd

PEAK_MEMORY = """
import resource, numpy as np, hypersketch
keys = np.arange(100_000)
bundle = hypersketch.MapI(1_000_000).bundle(keys[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bundle.add(keys)
print(1 + 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / bundle.nbytes)
"""


def peak_memory() -> float:
    """Peak memory of adding 100,000 keys to a bundle of 4 MB, relative to its state."""
    return float(subprocess.run([sys.executable, "-c", PEAK_MEMORY], check=True, capture_output=True).stdout)


def check(space: hypersketch.MapI, keys: NDArray[np.uint64]) -> str:
    """Whether a bundle is the sum of the atoms of its keys."""
    exact = space.unpack(space.atoms(keys)).sum(axis=0, dtype=np.int64)
    return "exact" if np.array_equal(space.bundle(keys).counters, exact) else "WRONG"


def rows(repeats: int) -> list[Row]:
    """A bundle of 10,000 dimensions straight from keys, one thread."""
    dim, n = 10_000, 200_000
    keys = np.random.default_rng(1).integers(0, 2**63, n, dtype=np.uint64)
    hashes = hypersketch.hash_keys(keys)
    atoms = np.empty((64, (dim + 63) // 64), np.uint64)
    space = hypersketch.MapI(dim)
    torchhd = Torchhd()

    def generate() -> None:
        for first in range(0, n, 64):
            _core.atom_rows(dim, 0, hashes[first : first + 64], atoms, 1)

    ours, limit, theirs = medians(
        repeats, lambda: space.bundle().add(keys, threads=1), generate, lambda: torchhd.bundle(1000, dim)
    )
    accuracy, nbytes = check(space, keys[:1000]), space.bundle().nbytes
    state = f"{nbytes:,}; peak {peak_memory():.2f} x the state"
    results = []
    for rival, rate, bar, size in (
        ("asked for", 15e6, 1, state),
        ("generating the atoms into cache", n / limit, 0.8, f"{nbytes:,}"),
        (torchhd.name, 1000 / theirs, 5000, "torchhd: 40,000 an atom"),
    ):
        mine, text, ratio = rate_text(n / ours), f"{rival}: {rate_text(rate)}", n / ours / rate
        what, headline = "bundle from keys, D = 10,000, keys/s", rival == torchhd.name
        results.append(row(what, mine, text, ratio, bar, accuracy, size, headline=headline))
    return [*results, few_bits(repeats, space, keys)]


def few_bits(repeats: int, space: hypersketch.MapI, keys: NDArray[np.uint64]) -> Row:
    """Scores of a bundle kept in 4 bits a dimension, beside those of its sums."""
    bag = space.bundle(keys[:100])
    kept = bag.quantize(4)
    ours, sums = medians(
        repeats,
        lambda: kept.similarity(keys, threads=1),
        lambda: bag.similarity(keys, threads=1),
    )
    strangers = keys[100:]
    noise = kept.similarity(strangers).std() / bag.similarity(strangers).std()
    what, n = "scores of a bundle in 4 bits, D = 10,000, keys/s", len(keys)
    text = f"its int32 sums: {rate_text(n / sums)}"
    accuracy = f"noise {noise:.3f} of the sums'"
    size = f"{kept.nbytes:,}; sums {bag.nbytes:,}"
    return row(what, rate_text(n / ours), text, sums / ours, 0.8, accuracy, size)
