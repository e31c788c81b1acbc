# SPDX-License-Identifier: Apache-2.0
"""Memories of binary patterns as experiments see them: Kanerva's, Willshaw's, Rinkus's."""

from __future__ import annotations

import math
from typing import ClassVar

from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Structure

__all__ = ["Kanerva", "Sparsey", "Willshaw"]


class Kanerva(Structure):
    """Counters at random addresses."""

    name: ClassVar[str] = "sparse-distributed"
    title: ClassVar[str] = "Sparse distributed memory"
    explanation: ClassVar[str] = (
        "Counters at many random addresses. An item is added to those of all locations near its address, and "
        "read as the signs of their sums."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"sdm"})
    unit: ClassVar[str] = "n_locations"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_locations": units, "address_dim": 2000, "value_dim": 200}

    def n_bytes(self, size: Size) -> int:
        return 4 * size["n_locations"] * size["value_dim"]

    def expression(self, size: Size) -> str:
        how = "radius" if "radius" in size else "k"
        return (
            f"SparseDistributedMemory({size['address_dim']}, {size['value_dim']}, "
            f"n_locations={size['n_locations']}, {how}={size[how]})"
        )


class Willshaw(Structure):
    """A matrix of bits."""

    name: ClassVar[str] = "willshaw"
    title: ClassVar[str] = "Willshaw's matrix"
    explanation: ClassVar[str] = (
        "A matrix of bits. A pair of sparse patterns sets the bits between their active units, and a unit "
        "answers that is connected with all active units of the query."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"willshaw"})
    unit: ClassVar[str] = "n_units"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_units": units, "active": max(1, round(math.log2(units)))}

    def n_bytes(self, size: Size) -> int:
        return 8 * size["n_units"] * -(-size["n_units"] // 64)

    def expression(self, size: Size) -> str:
        return f"WillshawMemory({size['n_units']}, active_in={size['active']}, active_out={size['active']})"


class Sparsey(Structure):
    """Winner-take-all modules."""

    name: ClassVar[str] = "sparsey"
    title: ClassVar[str] = "Sparsey"
    explanation: ClassVar[str] = (
        "Modules of units, of which one wins in each, with the less noise the more familiar the input is. "
        "The weights from active inputs to the winners are set."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"sparsey"})
    unit: ClassVar[str] = "n_units"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_inputs": 100, "active": 10, "n_modules": 20, "n_units": units}

    def n_bytes(self, size: Size) -> int:
        return 8 * size["n_inputs"] * -(-size["n_modules"] * size["n_units"] // 64)

    def expression(self, size: Size) -> str:
        return (
            f"SparseyMemory({size['n_inputs']}, {size['n_modules']}, {size['n_units']}, "
            f"active={size['active']})"
        )
