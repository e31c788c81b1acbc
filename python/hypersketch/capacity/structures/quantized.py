# SPDX-License-Identifier: Apache-2.0
"""Bundles of MAP-I cut to a few bits a dimension."""

from __future__ import annotations

from typing import ClassVar

from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Structure, UInt64Array
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
        """The public object that holds these keys, on the device."""
        bundle = MapI(size["dim"], seed=seed).bundle(hashes, threads=1, device=self.device)
        return bundle.quantize(size["bits"], step)
