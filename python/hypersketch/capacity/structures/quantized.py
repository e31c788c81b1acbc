# SPDX-License-Identifier: Apache-2.0
"""Bundles of MAP-I cut to a few bits a dimension."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import FloatArray, Structure, UInt64Array
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapI, QuantizedBundle

__all__ = ["QuantizedSums"]


class QuantizedSums(Structure):
    """MAP-I of b bits a dimension."""

    name: ClassVar[str] = "map-i-bits"
    title: ClassVar[str] = "MAP-I in few bits"
    explanation: ClassVar[str] = (
        "The sums of MAP-I cut to 1 to 8 bits each, in equal steps; one bit is the majority of MAP-B."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"quantization", "noise"})
    unit: ClassVar[str] = "dim"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": units, "bits": 1}

    def n_bytes(self, size: Size) -> int:
        return size["bits"] * 8 * -(-size["dim"] // 64)

    def expression(self, size: Size) -> str:
        return f"MapI(dim={size['dim']}).bundle().quantize({size['bits']})"

    def quantize(self, size: Size, seed: int, hashes: UInt64Array, step: int) -> QuantizedBundle:
        """The public object that holds these keys."""
        bundle = MapI(size["dim"], seed=seed).bundle(hashes, threads=1, device=self.device)
        return bundle.quantize(size["bits"], step)

    def similarity(self, kept: QuantizedBundle, keys: UInt64Array) -> FloatArray:
        """What a quantized bundle, which lies in host memory, says of keys; on a GPU the same numbers."""
        if self.device == "cpu":
            return kept.similarity(keys, threads=1)
        from hypersketch.capacity.kernels_on_gpu import sum_scores

        hashes = hash_keys(keys, threads=1)[np.newaxis]
        products = sum_scores(self.device, kept.space.seed, kept.vector, hashes)
        return np.asarray(products * (kept.scale / kept.dim), np.float64)
