# SPDX-License-Identifier: Apache-2.0
"""Bundles of real vectors, range searches among them, Hadamard codebooks, beside a GPU's bandwidth."""

from __future__ import annotations

import numpy as np

import gpu
import hypersketch
from gpu import Ceilings, Clock, Sizes
from harness import Row, rate_text, rates, row
from hypersketch.vsa import FHRR, HRR, MapB, walsh_hadamard

DIM, REAL_DIM, MATRIX_DIM, K = 10_000, 384, 4096, 10
DEVICE = f"cuda:{gpu.DEVICE}"


def _few(scale: Sizes, n: int, quick: int) -> int:
    return n if scale is gpu.FULL else quick


def _read(what: str, rate: float, moved: float, ceilings: Ceilings, worth: str, size: str) -> Row:
    """A row of what memory bounds: `moved` bytes an item, read or written."""
    limit = ceilings.any("copy")
    text = f"{limit.text()}B"
    return row(what, rate_text(rate), text, rate * moved / (2 * limit.rate), None, worth, size, limit=True)


def bundle_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Bundles of keys, of pairs and of stored vectors, and what they answer."""
    n, phasors, plain = _few(scale, 10**5, 300), FHRR(DIM), HRR(DIM)
    keys, bag, record = gpu.on_gpu(np.arange(n)), phasors.bundle(device=DEVICE), plain.bundle(device=DEVICE)
    vectors, few = plain.atoms(keys), min(n, 200)
    works = {
        "keys": clock.work(lambda: bag.add(keys), n, bag.clear),
        "pairs": clock.work(lambda: bag.add_pairs(keys, keys), n, bag.clear),
        "vectors": clock.work(lambda: record.add_vectors(vectors), n, record.clear),
    }
    got = rates(repeats, works)
    bag.add(keys)
    got |= rates(repeats, {"similarity": clock.work(lambda: bag.similarity(keys), n)})
    same = phasors.bundle(range(few), device=DEVICE) == phasors.bundle(range(few))
    worth = f"{few} keys summed to the CPU's bits" if same else "WRONG"
    results = [
        _read(
            f"GPU bundle of {n:,} stored HRR vectors, D = {DIM:,}, vectors/s",
            *(got["vectors"], 4 * DIM, ceilings, worth, f"{4 * DIM:,} read a vector"),
        )
    ]
    for name, what in (("keys", "bundle of keys"), ("pairs", "bundle of pairs"), ("similarity", "cosines")):
        text = f"stored vectors: {rate_text(got['vectors'])}"
        work = f"GPU {what}, FHRR atoms made on the way, D = {DIM:,}, {n:,} keys, keys/s"
        ratio = got[name] / got["vectors"]
        results.append(row(work, rate_text(got[name]), text, ratio, None, worth, "8 a key"))
    return results


def range_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Range searches in an item memory of real vectors."""
    n, space = _few(scale, 10**6, 300), HRR(REAL_DIM)
    memory = hypersketch.ItemMemory(space, device=DEVICE)
    memory.add(np.arange(n))
    probes, results = space.atoms(range(8)), []
    for count in (1, 8):
        asked = gpu.on_gpu(probes[:count])
        got = rates(repeats, {"ours": clock.work(lambda asked=asked: memory.range_search(asked, 0.5), count)})
        found = memory.range_search(asked, 0.5).indices
        worth = "each finds itself" if np.array_equal(np.asarray(found), range(count)) else "WRONG"
        moved = 2 * 2 * REAL_DIM * n / count  # a count, then what is found
        what = f"GPU range search of {n:,} float32 rows of {REAL_DIM}, {count} probes, probes/s"
        size = f"{2 * REAL_DIM} a row, read twice"
        results.append(_read(what, got["ours"], moved, ceilings, worth, size))
    return results


def hadamard_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Transforms, and top ten of an orthogonal codebook."""
    n, space = _few(scale, 1 << 16, 20), MapB(MATRIX_DIM)
    floats = gpu.on_gpu(np.random.default_rng(0).standard_normal((n, MATRIX_DIM), np.float32))
    memory = hypersketch.ItemMemory(space, codebook="hadamard", device=DEVICE)
    memory.add(np.arange(MATRIX_DIM))
    probes = space.atoms(gpu.on_gpu(np.arange(n)))
    got = rates(
        repeats,
        {
            "transform": clock.work(lambda: walsh_hadamard(floats), n),
            "search": clock.work(lambda: memory.search(probes, K), n),
        },
    )
    few = slice(0, 10)
    same = np.array_equal(np.asarray(walsh_hadamard(floats))[few], walsh_hadamard(np.asarray(floats)[few]))
    found = np.asarray(memory.search(probes, K).indices)[few]
    right = np.array_equal(found, memory.to("cpu").search(space.atoms(range(10)), K).indices)
    return [
        _read(
            f"GPU Walsh-Hadamard transforms of {n:,} float32 rows of {MATRIX_DIM:,}, rows/s",
            # copied, looked through, and transformed
            *(got["transform"], 5 * 4 * MATRIX_DIM, ceilings, "equal" if same else "WRONG"),
            f"{5 * 4 * MATRIX_DIM:,} moved a row",
        ),
        _read(
            f"GPU top {K} of {MATRIX_DIM:,} items, Hadamard codebook, {n:,} probes, probes/s",
            *(got["search"], 2 * 4 * MATRIX_DIM, ceilings, "equal" if right else "WRONG"),
            f"{2 * 4 * MATRIX_DIM:,} moved a probe",
        ),
    ]


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of these."""
    results = bundle_rows(repeats, clock, ceilings, scale)
    results += range_rows(repeats, clock, ceilings, scale)
    return results + hadamard_rows(repeats, clock, ceilings, scale)
