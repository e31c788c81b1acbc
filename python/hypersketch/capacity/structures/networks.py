# SPDX-License-Identifier: Apache-2.0
"""Memories of random patterns of -1 and +1: not of keys, so they meet other questions than sketches do."""

from __future__ import annotations

from typing import ClassVar

from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Structure

__all__ = ["DensePatterns", "NetworkPatterns"]


class _Patterns(Structure):
    unit: ClassVar[str] = "units"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"units": units}

    def n_bytes(self, size: Size) -> int:
        """Bytes of one pattern."""
        return 8 * -(-size["units"] // 64)


class NetworkPatterns(_Patterns):
    """Hopfield networks by Hebb's, Storkey's and the pseudo-inverse rule."""

    name: ClassVar[str] = "hopfield-network"
    title: ClassVar[str] = "Hopfield network"
    explanation: ClassVar[str] = (
        "Units of -1 and +1, each of which becomes the sign of a weighted sum of the others. The weights are "
        "symmetric, without self-coupling, and made of the stored patterns."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"hopfield-error", "hopfield-cliff", "storage-rules"})

    def expression(self, size: Size) -> str:
        return f"HopfieldNetwork(n_units={size['units']})"


class DensePatterns(_Patterns):
    """Dense associative memories."""

    name: ClassVar[str] = "dense-memory"
    title: ClassVar[str] = "dense associative memory"
    explanation: ClassVar[str] = (
        "Units of -1 and +1 that turn where this lowers an energy: minus the sum over stored patterns of a "
        "power of the overlap with the pattern."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"dense-degree"})

    def expression(self, size: Size) -> str:
        return f"DenseMemory(n_units={size['units']})"
