# SPDX-License-Identifier: Apache-2.0
"""Fixed-size memories whose capacity is planned and proved.

Bloom filters, count sketches and random projections, hypervectors, Hopfield memories.

Examples
--------
>>> import hypersketch
>>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
>>> seen.add(["apple", "pear"])
>>> seen.contains(["apple", "plum"])
array([ True, False])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypersketch import _core, theory
from hypersketch._threads import get_num_threads, set_num_threads
from hypersketch.files import from_bytes, load
from hypersketch.keys import hash_keys
from hypersketch.memories import (
    ConsolidatedMemory,
    ContinuousMemory,
    DenseMemory,
    HopfieldMembership,
    HopfieldNetwork,
    ItemMemory,
    NeighbourMemory,
    OuterProductMemory,
    SparseDistributedMemory,
    SparseyMemory,
    TripleMemory,
    WillshawMemory,
)
from hypersketch.sharing import attach
from hypersketch.sketches import (
    BloomFilter,
    CapacityWarning,
    CountingBloomFilter,
    CountMinSketch,
    CountSketch,
    SaturationWarning,
    ScalableBloomFilter,
)
from hypersketch.vsa import Bundle, MapB, MapI, PackedBundle, QuantizedBundle

if TYPE_CHECKING:
    from hypersketch import capacity, cuda
    from hypersketch.capacity import plan

__version__: str = str(_core.build_info()["version"])

__all__ = [
    "BloomFilter",
    "Bundle",
    "CapacityWarning",
    "ConsolidatedMemory",
    "ContinuousMemory",
    "CountMinSketch",
    "CountSketch",
    "CountingBloomFilter",
    "DenseMemory",
    "HopfieldMembership",
    "HopfieldNetwork",
    "ItemMemory",
    "MapB",
    "MapI",
    "NeighbourMemory",
    "OuterProductMemory",
    "PackedBundle",
    "QuantizedBundle",
    "SaturationWarning",
    "ScalableBloomFilter",
    "SparseDistributedMemory",
    "SparseyMemory",
    "TripleMemory",
    "WillshawMemory",
    "attach",
    "build_info",
    "capacity",
    "cuda",
    "from_bytes",
    "get_num_threads",
    "hash_keys",
    "load",
    "plan",
    "set_num_threads",
    "theory",
]


def build_info() -> dict[str, Any]:
    """Return how the compiled module was built and which kernels it uses, for reports of problems.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``build_type``, ``compiled_levels`` and ``available_levels`` (names of
        instruction-set levels), ``simd_level`` (the one in use), ``bfloat16_products`` (how this processor
        multiplies such numbers for ``precision="bfloat16"``: ``tiles`` of AMX, ``pairs`` of AVX512-BF16, or
        None) and ``debug``.

    Notes
    -----
    The environment variable HYPERSKETCH_SIMD chooses the level; the default is the best one the processor
    has.

    Examples
    --------
    >>> import hypersketch
    >>> info = hypersketch.build_info()
    >>> info["simd_level"] in info["available_levels"]
    True
    """
    return {**_core.build_info(), "bfloat16_products": _core.chosen_bfloat16_products()}


def __getattr__(name: str) -> Any:
    """Load when first asked for what brings more along: the experiments, the planner, the GPU half."""
    import importlib

    if name in ("capacity", "cuda"):
        return importlib.import_module(f"hypersketch.{name}")
    if name == "plan":
        return importlib.import_module("hypersketch.capacity").plan
    raise AttributeError(f"module 'hypersketch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
