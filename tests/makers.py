# SPDX-License-Identifier: Apache-2.0
"""One small object of every structure, for the tests of what they all share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

import hypersketch
import reference
from hypersketch import vsa

TEXTS = [("x" * (i % 67)) + str(i) + "äß€😀"[: i % 5] for i in range(600)] + ["", "a\0b", "é" * 300]
"""Strings of every length up to 66, with characters of every UTF-8 width."""

MAKERS: dict[str, Callable[..., Any]] = {
    "BloomFilter": lambda seed=0: hypersketch.BloomFilter(n_bits=1024, seed=seed),
    "BloomFilter of cache lines": lambda seed=0: hypersketch.BloomFilter(
        n_bits=1024, n_hashes=5, layout="cache-line", seed=seed
    ),
    "BloomFilter, classic": lambda seed=0: hypersketch.BloomFilter(
        n_bits=1000, n_hashes=5, layout="classic", seed=seed
    ),
    "ScalableBloomFilter": lambda seed=0: hypersketch.ScalableBloomFilter(100, 1e-6, seed=seed),
    "CountingBloomFilter": lambda seed=0: hypersketch.CountingBloomFilter(
        n_cells=1000, n_hashes=5, seed=seed
    ),
    "Bundle of MapI": lambda seed=0: hypersketch.MapI(200, seed).bundle(),
    "Bundle of MapB": lambda seed=0: hypersketch.MapB(200, seed).bundle(),
    "RealBundle": lambda seed=0: vsa.HRR(200, seed).bundle(),
    "RealBundle of phasors": lambda seed=0: vsa.FHRR(100, seed).bundle(),
    "ModularBundle": lambda seed=0: vsa.CGR(50, seed, modulus=9).bundle(),
    "SparseBundle": lambda seed=0: vsa.BSDC(200, seed, "seg").bundle(),
    "TernaryBundle": lambda seed=0: vsa.MapT(200, seed).bundle(),
    "CountSketch": lambda seed=0: hypersketch.CountSketch(100, 3, dtype="int32", seed=seed),
    "CountMinSketch": lambda seed=0: hypersketch.CountMinSketch(100, 4, dtype="int32", seed=seed),
    "HopfieldMembership": lambda seed=0: hypersketch.HopfieldMembership(70, seed),
}
"""Structures that keys can be added to."""


def packed(seed: int = 0) -> Any:
    return hypersketch.MapB(200, seed).bundle(range(31)).pack()


def filled(name: str, keys: Any = range(40), seed: int = 0) -> Any:
    """A structure of that name with some keys in it."""
    if name == "PackedBundle":
        return packed(seed)
    if name == "QuantizedBundle":
        return hypersketch.MapI(200, seed).bundle(range(31)).quantize(3)
    made = MAKERS[name](seed)
    made.add(keys)
    return made


SETS = [name for name in MAKERS if name.startswith(("Bloom", "Scalable"))]
"""Those whose keys have no weights."""

ALL = [*MAKERS, "PackedBundle", "QuantizedBundle"]


def answers(made: Any, keys: Any) -> Any:
    """What a structure says about keys: members, weights or similarities."""
    verb = next(verb for verb in ("contains", "estimate", "similarity") if hasattr(made, verb))
    return getattr(made, verb)(keys)


def state(made: Any) -> Any:
    """The array that a structure keeps."""
    return made._state


def same(a: Any, b: Any) -> bool:
    """Whether two structures are equal, with their counts and parameters."""
    return bool(a == b) and a._saved_counts() == b._saved_counts() and a._parameters() == b._parameters()


def oracle(keys: Any, seed: int = 0) -> list[int]:
    """XXH64 of keys by the PyPI package of its author."""
    return [xxhash.xxh64_intdigest(reference.key_bytes(key), seed=seed) for key in keys]


def keys_of(n: int, first: int = 0) -> NDArray[np.int64]:
    return np.arange(first, first + n)


def hashes_of(n: int, first: int = 0) -> NDArray[np.uint64]:
    """Hashes of ``keys_of``, by the reference."""
    return reference.hash_keys(range(first, first + n))


def weights_of(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(7).integers(-40, 41, n)
