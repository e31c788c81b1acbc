# SPDX-License-Identifier: Apache-2.0
"""bhv (PyBHV), its native packed vectors: their dimension is fixed when it is built (8192 by default)."""

from __future__ import annotations

from typing import Any

from peers import Missing, version_of


class Bhv:
    """Vectors are objects of its own; batches are lists."""

    def __init__(self) -> None:
        version = version_of("bhv")
        if version is None:
            raise Missing("bhv is not installed (pip install bhv builds it; free for non-commercial use)")
        from bhv.dimension import DIMENSION
        from bhv.native import NativePackedBHV

        self.dim = int(DIMENSION)
        self.name = f"bhv {version} native, D = {self.dim:,}"
        self._class: Any = NativePackedBHV

    def draw(self, n: int) -> list[Any]:
        return list(self._class.nrand(n))

    def majority(self, vectors: list[Any]) -> Any:
        return self._class.majority(vectors)

    def bind(self, a: list[Any], b: list[Any]) -> list[Any]:
        return [x ^ y for x, y in zip(a, b, strict=True)]

    def rotate(self, vectors: list[Any], shift: int) -> list[Any]:
        return [x.roll_bits(shift) for x in vectors]
