# SPDX-License-Identifier: Apache-2.0
"""The rest of the GPU half: keys from host memory, hashes, projections."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpu
import hypersketch
from data import power
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, note, rate_text, rates, row
from hypersketch import cuda
from hypersketch.sketches.projection import SparseProjection

BAR = 0.85
TEXT = 20
"""Characters of a string."""
FEATURES, COMPONENTS, NONZEROS = 1024, 1024, 32
"""Of a projection; and nonzeros of a compressed row."""


def host_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """A filter on the GPU, keys in NumPy arrays: until the call returns, by the wall clock."""
    ours = hypersketch.BloomFilter(n_bits=8 * scale.cached, device=f"cuda:{gpu.DEVICE}")
    keys = gpu.key(gpu.numbers(0, scale.batch))
    out = np.empty(keys.size, np.bool_)
    with clock.pinned(keys) as pinned, clock.pinned(out) as pinned_out:
        got = rates(
            repeats,
            {
                "add": Work(lambda: ours.add(keys), keys.size),
                "contains": Work(lambda: ours.contains(keys, out=out), keys.size),
                "add pinned": Work(lambda: ours.add(pinned), keys.size),
                "contains pinned": Work(lambda: ours.contains(pinned, out=pinned_out), keys.size),
            },
        )
        same = bool(out.all() and pinned_out.all())
    limit, results = ceilings.any("to-device"), []
    for way, memory in (("", "NumPy's memory"), (" pinned", "pinned memory")):
        for verb in ("add", "contains"):
            rate = got[verb + way]
            text = f"{limit.text()}B, 8 a key"
            what = f"GPU Bloom {verb}, keys from {memory}, {hypersketch.get_num_threads()} threads, keys/s"
            ratio, worth = rate * 8 / limit.rate, "all found" if same else "WRONG"
            results.append(
                row(what, rate_text(rate), text, ratio, BAR, worth, "8 a key", limit=True, headline=not way)
            )
    return results


def streamed(what: str, rate: float, moved: float, ceilings: Ceilings, worth: str, each: str) -> Row:
    """A row of a loop that memory's bandwidth bounds: `moved` bytes an item, read and written."""
    limit = ceilings.any("copy")
    ratio = rate * moved / (2 * limit.rate)
    text = f"{limit.text()}B"
    return row(what, rate_text(rate), text, ratio, None, worth, f"{moved:g} moved {each}", limit=True)


def integer_row(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Row:
    keys = gpu.key(gpu.numbers(0, scale.batch))
    there, out = gpu.on_gpu(keys), gpu.empty(keys.size, np.uint64)
    got = rates(repeats, {"ours": clock.work(lambda: hypersketch.hash_keys(there, out=out), keys.size)})
    few = slice(None, None, max(1, keys.size // 10**5))
    same = np.array_equal(np.asarray(out)[few], hypersketch.hash_keys(keys[few]))
    what = f"GPU hash_keys, {power(2, keys.size)} integers, keys/s"
    return streamed(what, got["ours"], 16, ceilings, "XXH64, exact" if same else "WRONG", "a key")


def string_row(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Row:
    n = scale.batch // 8
    letters = np.random.default_rng(8).integers(97, 123, n * TEXT, dtype=np.uint8)
    offsets = np.arange(0, n * TEXT + 1, TEXT, dtype=np.int32)
    there, out = cuda.Strings(gpu.on_gpu(offsets), gpu.on_gpu(letters)), gpu.empty(n, np.uint64)
    got = rates(repeats, {"ours": clock.work(lambda: hypersketch.hash_keys(there, out=out), n)})
    few = min(n, 10**4)
    texts = [letters[i * TEXT : (i + 1) * TEXT].tobytes() for i in range(few)]
    same = np.array_equal(np.asarray(out)[:few], hypersketch.hash_keys(texts))
    what = f"GPU hash_keys, {power(2, n)} strings of {TEXT} B, keys/s"
    return streamed(what, got["ours"], TEXT + 12, ceilings, "XXH64, exact" if same else "WRONG", "a key")


# ---- projections


class Compressed:
    """Rows in compressed form, as CuPy has them."""

    def __init__(self, starts: Any, features: Any, values: Any) -> None:
        self.indptr, self.indices, self.data = map(gpu.on_gpu, (starts, features, values))
        self.shape = starts.size - 1, FEATURES

    def tocsr(self) -> Compressed:
        return self


def worth_of(ours: Any, theirs: Any) -> str:
    """How far a result is from the processor's."""
    return f"largest difference to the CPU {np.abs(np.asarray(ours) - theirs).max():.2g}"


def projection_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """float32 rows, dense and compressed, through a sparse Johnson-Lindenstrauss map."""
    projection, generator, n = SparseProjection(FEATURES, COMPONENTS), np.random.default_rng(9), scale.rows
    dense = generator.standard_normal((n, FEATURES), np.float32)
    there = gpu.on_gpu(dense)
    starts = np.arange(0, n * NONZEROS + 1, NONZEROS, dtype=np.int32)
    features = generator.integers(0, FEATURES, n * NONZEROS, dtype=np.int32)
    values = generator.standard_normal(n * NONZEROS, np.float32)
    compressed, few = Compressed(starts, features, values), min(n, 16)
    got = rates(
        repeats,
        {
            "dense": clock.work(lambda: projection.project(there), n),
            "compressed": clock.work(lambda: projection.project(compressed), n),
        },
    )
    spread = np.zeros((few, FEATURES), np.float32)
    np.add.at(
        spread, (np.repeat(np.arange(few), NONZEROS), features[: few * NONZEROS]), values[: few * NONZEROS]
    )
    results = []
    for name, given, moved, rows in (
        ("dense", there, 4 * (FEATURES + COMPONENTS), dense[:few]),
        ("compressed", compressed, 8 * NONZEROS + 4 * COMPONENTS, spread),
    ):
        worth = worth_of(np.asarray(projection.project(given))[:few], projection.project(rows))
        more = f" of {NONZEROS} nonzeros" if name == "compressed" else ""
        what = f"GPU sparse JL, {name} float32 rows of {FEATURES:,}{more} to {COMPONENTS:,}, rows/s"
        results.append(streamed(what, got[name], moved, ceilings, worth, "a row"))
    return results


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of these."""
    results = host_rows(repeats, clock, ceilings, scale)
    results += [integer_row(repeats, clock, ceilings, scale), string_row(repeats, clock, ceilings, scale)]
    try:
        results += projection_rows(repeats, clock, ceilings, scale)
    except ImportError as reason:
        results.append(note("GPU sparse JL", str(reason)))
    return results
