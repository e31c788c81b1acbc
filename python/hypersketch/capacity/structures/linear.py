# SPDX-License-Identifier: Apache-2.0
"""Memories of real vectors as experiments see them: a matrix of pairs, and nearest neighbours."""

from __future__ import annotations

from typing import ClassVar

from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Structure

__all__ = ["Neighbours", "OuterProducts"]


class OuterProducts(Structure):
    """W = sum of q v k^T."""

    name: ClassVar[str] = "outer-product"
    title: ClassVar[str] = "Outer products"
    explanation: ClassVar[str] = (
        "A matrix: every pair adds the outer product of its value and its key, and a key is asked for by "
        "multiplying the matrix with it."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"scaling-laws"})
    unit: ClassVar[str] = "key_dim"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"key_dim": units, "value_dim": 8}

    def n_bytes(self, size: Size) -> int:
        return 4 * size["key_dim"] * size["value_dim"]

    def expression(self, size: Size) -> str:
        return f"OuterProductMemory({size['key_dim']}, {size['value_dim']})"


class Neighbours(Structure):
    """All keys as they are, searched exactly."""

    name: ClassVar[str] = "neighbours"
    title: ClassVar[str] = "Nearest neighbours"
    explanation: ClassVar[str] = (
        "All vectors as they are, each compared with the query: exact dense retrieval."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"dense-curse"})
    unit: ClassVar[str] = "key_dim"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"key_dim": units, "max_items": n}

    def n_bytes(self, size: Size) -> int:
        return (4 * size["key_dim"] + 8) * size["max_items"]

    def expression(self, size: Size) -> str:
        return f"NeighbourMemory({size['key_dim']}, vocabulary=1, max_items={size['max_items']})"
