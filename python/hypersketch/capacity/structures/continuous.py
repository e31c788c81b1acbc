# SPDX-License-Identifier: Apache-2.0
"""Continuous Hopfield memories as experiments see them, one adapter a separation."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories import ContinuousMemory

__all__ = ["CONTINUOUS", "Continuous"]


class Continuous(Structure):
    """Real patterns, weighted by a separation of beta times their inner products with a query."""

    unit: ClassVar[str] = "dim"
    has_kernels: ClassVar[bool] = True

    def __init__(
        self, name: str, title: str, explanation: str, tasks: tuple[str, ...], **options: Any
    ) -> None:
        self.name, self.title, self.explanation = name, title, explanation  # type: ignore[misc]
        self.tasks = frozenset(tasks)  # type: ignore[misc]
        self._options = options

    @property
    def margin(self) -> float:
        """Gap of scores times beta from which on one pattern has all the weight."""
        return theory.continuous.margin(self._options["separation"], self._options.get("alpha", 1.5))

    def inexactness(self, n: int, dim: int, beta: float) -> float:
        """Predicted probability that more than one of n random patterns has weight."""
        if math.isinf(self.margin):
            return 1.0
        return theory.continuous.inexactness(n, dim, beta, self.margin)

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": units, "n_patterns": n}

    def n_bytes(self, size: Size) -> int:
        return 4 * (size["dim"] + 1) * size["n_patterns"]  # each with its length

    def new(self, size: Size, beta: float | None = None, value_dim: int | None = None) -> ContinuousMemory:
        """An empty public object."""
        return ContinuousMemory(
            size["dim"], beta=beta, value_dim=value_dim, device=self.device, **self._options
        )

    def expression(self, size: Size) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self._options.items())
        return f"ContinuousMemory({size['dim']}{options})"


_SHARES = "Patterns as they are; a query is answered by their mean, with weights that are the "
CONTINUOUS = (
    Continuous(
        "softmax",
        "Softmax",
        f"{_SHARES}softmax of beta times the inner products: modern Hopfield networks, attention.",
        ("continuous-beta", "entmax-exact"),
        separation="softmax",
    ),
    Continuous(
        "sparsemax",
        "Sparsemax",
        f"{_SHARES}nearest point of the simplex to beta times the inner products.",
        ("entmax-exact",),
        separation="sparsemax",
    ),
    Continuous(
        "entmax",
        "1.5-entmax",
        f"{_SHARES}1.5-entmax of beta times the inner products, between softmax and sparsemax.",
        ("entmax-exact",),
        separation="entmax",
        alpha=1.5,
    ),
    Continuous(
        "normmax",
        "Normmax",
        f"{_SHARES}normmax of beta times the inner products, regularized by a norm (1.5).",
        ("entmax-exact",),
        separation="normmax",
        alpha=1.5,
    ),
)
