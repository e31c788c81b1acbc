# SPDX-License-Identifier: Apache-2.0
"""Which kernels run: every level runs when asked for and gives the same bytes; a wrong name says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hypersketch import _core, build_info

# Exercises every kernel and prints the level that ran and a digest of all states and answers.
PROGRAM = """
import hashlib, numpy as np, hypersketch as hs
from hypersketch.vsa import _packed
digest = hashlib.sha256()
keys, weights = np.arange(777), np.arange(-388, 389)
texts = [str(i) * (i % 9) for i in range(500)]
digest.update(hs.hash_keys(keys).tobytes() + hs.hash_keys(texts).tobytes())
digest.update(hs.hash_keys(__import__('pyarrow').array(texts)).tobytes())
bloom = hs.BloomFilter(n_bits=5001, n_hashes=5, layout="classic"); bloom.add(keys)
counting = hs.CountingBloomFilter(n_cells=501, n_hashes=5, counter_bits=32); counting.add(keys, abs(weights))
digest.update(bloom.contains(range(5000)).tobytes() + counting.count(range(5000)).tobytes())
for dim in (1, 63, 65, 1000):
    for space in (hs.MapI(dim), hs.MapB(dim)):
        bag = space.bundle(keys, weights)
        bag.add_pairs(keys, keys[::-1])
        rows = space.permute(space.atoms(keys), 17)
        bag.add_vectors(rows)
        for n in (3, 777):
            found = [*hs.vsa.nearest(rows[:n], rows, dim, 9), *hs.vsa.within(rows[:n], rows, dim, dim // 3)]
            digest.update(b''.join(map(bytes, found)))
        digest.update(bag.counters.tobytes() + bag.similarity(range(2000)).tobytes())
        for ties in (None, rows[0]):
            digest.update(_packed.ngram_bundle('', keys % 9, dim, 3, codebook=rows, ties=ties).tobytes())
        digest.update(_packed.majority('', space.bind(rows, rows[::-1]), dim, rows[1], weights).tobytes())
        digest.update(bag.vector_similarity(rows).tobytes() + bag.pair_similarity(keys, keys).tobytes())
    spectrum = hs.vsa.walsh_hadamard(np.sqrt(keys[:512], dtype='f'))
    orthogonal = hs.ItemMemory(hs.MapI(512), codebook='hadamard'); orthogonal.add(range(300))
    digest.update(spectrum.tobytes() + b''.join(map(bytes, orthogonal.search(hs.MapI(512).atoms(keys), 5))))
    memory = hs.HopfieldMembership(dim % 200 + 1); memory.add(keys, weights)
    digest.update(memory.score(range(1000)).tobytes())
print(hs.build_info()['simd_level'], digest.hexdigest())
"""


def run(level: str | None, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HYPERSKETCH_SIMD"}
    if level is not None:
        environment["HYPERSKETCH_SIMD"] = level
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )


def test_every_level_runs_and_gives_the_same_bytes() -> None:
    results = {level: run(level) for level in _core.available_levels()}
    names, digests = zip(*(result.stdout.split() for result in results.values()), strict=True)
    assert list(names) == list(results)
    assert len(set(digests)) == 1


def test_the_default_is_the_best_level() -> None:
    best = _core.available_levels()[-1]
    program = "import hypersketch; print(hypersketch.build_info()['simd_level'])"
    assert run(None, program).stdout.strip() == best
    assert run("", program).stdout.strip() == best


@pytest.mark.parametrize("name", ["sse9", "AVX2 ", "avx2,avx512", "-1"])
def test_an_unknown_level_is_refused_at_import(name: str) -> None:
    done = run(name, "import hypersketch")
    assert done.returncode != 0
    known = ", ".join(_core.available_levels())
    assert f"must be one of those this processor runs ({known}). Got '{name}' instead" in done.stderr


def test_choosing_a_level_at_run_time(level: str) -> None:
    assert _core.simd_level() == level == build_info()["simd_level"]
    with pytest.raises(
        ValueError, match=r"The SIMD level must be one of those this processor runs .*\. Got 'sse9'"
    ):
        _core.set_simd_level("sse9")
    assert _core.simd_level() == level


def test_build_info() -> None:
    info = build_info()
    assert set(info["available_levels"]) <= set(info["compiled_levels"])
    assert info["compiled_levels"][0] in ("base", "neon")
    info["version"] = "changed"
    assert build_info()["version"] != "changed"
