# SPDX-License-Identifier: Apache-2.0
"""How well do random projections keep lengths and inner products?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes, Size
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import FloatArray, Structure
from hypersketch.capacity.structures.projection import Projection as Map
from hypersketch.capacity.structures.projection import VectorMoments

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["Projection"]

# One map has that many copies of the two vectors, each on features of its own: they err independently.
_COPIES = 50
_VARIANTS: dict[str, list[dict[str, int]]] = {
    "dense-signs": [{}],
    "sparse-signs": [{"n_nonzeros": s} for s in (1, 4, 8)],
    "tensor-sketch": [{"degree": 2}, {"degree": 3}],
}


class Projection(Experiment):
    """Projects two vectors and compares lengths and inner products."""

    name: ClassVar[str] = "projection"
    title: ClassVar[str] = "How well do random projections keep lengths and inner products?"
    summary: ClassVar[str] = (
        "How well do random projections keep lengths and inner products? Variances against their formulas."
    )
    question: ClassVar[str] = (
        "A random linear map with few outputs keeps lengths and inner products on average. How much do they "
        "vary, and does it matter how many signs a feature has, or that outputs are a power of two?"
    )
    method: ClassVar[str] = (
        "Two vectors of n unequal coordinates are projected with a fresh seed in each trial; fifty copies "
        "of them, each on features of its own, make fifty independent results a trial. Sparse maps have 1, "
        "4 and 8 signs a feature; TensorSketch estimates the second and third power of the inner product."
    )
    prediction: ClassVar[str] = (
        "Inner products have the variance (|x|²|y|² + ⟨x,y⟩² − 2 Σ x²y²)/m with dense signs and with any "
        "number of signs a feature that divides m: more signs only thin the tails. Squared lengths are the "
        "case x = y. For TensorSketch the exact variance is a polynomial in the same numbers, whose last "
        "term is twice as large for even m as for odd."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "inner product": Quantity("mean", "mean of the estimated inner product, or power of it", log=False),
        "inner variance": Quantity("variance", "variance of the estimated inner product, or power of it"),
        "length variance": Quantity("variance", "variance of the estimated squared length, or power of it"),
    }
    default_n: ClassVar[tuple[int, ...]] = (16,)
    default_trials: ClassVar[int] = 400

    def units(self, entry: Structure, n: int) -> list[int]:
        return [31, 64, 256] if entry.name == "tensor-sketch" else [64, 256]

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        return [{**entry.size(units, n, self.name), **variant} for variant in _VARIANTS[entry.name]]

    def check(self, cell: Cell) -> None:
        if cell.size.get("n_nonzeros", 1) > cell.size["n_components"]:
            raise ValueError(
                f"A map of {cell.size['n_components']} outputs cannot have {cell.size['n_nonzeros']} signs a "
                "feature."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(Map, structure(cell.structure, cell.device))
        x, y = _vectors(cell.n)
        rows = np.concatenate([np.kron(np.eye(_COPIES), vector) for vector in (x, y)])
        inner, length = _moments(x, y), _moments(x, x)
        found: Outcomes = {name: [] for name in self.quantities}
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            first, second = np.split(entry.project(cell.size, seed, rows), 2)
            products, squares = (first * second).sum(axis=1), (first * first).sum(axis=1)
            found["inner product"].append(float(products.mean()))
            for name, values, about in (
                ("inner variance", products, inner),
                ("length variance", squares, length),
            ):
                found[name].append(float(((values - entry.mean(cell.size, about)) ** 2).mean()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = cast(Map, structure(cell.structure))
        x, y = _vectors(cell.n)
        return {
            "inner product": entry.mean(cell.size, _moments(x, y)),
            "inner variance": entry.variance(cell.size, _moments(x, y)),
            "length variance": entry.variance(cell.size, _moments(x, x)),
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "outputs m",
            lambda row: float(row.size["n_components"]),
            lambda row: _variant(row.size),
            lambda row: structure(row.structure).title,
        )


def _variant(size: Size) -> str:
    if "degree" in size:
        return f"degree {size['degree']}"
    return f"s = {size['n_nonzeros']}" if "n_nonzeros" in size else "dense"


def _vectors(n: int) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors of unequal coordinates with the inner product 1/2 or a little off."""
    x = 1.0 / np.sqrt(np.arange(1, n + 1))
    other = x[::-1] * np.where(np.arange(n) % 2, -1.0, 1.0)
    y = x / math.sqrt(x @ x) + 1.5 * other / math.sqrt(x @ x)
    return x / math.sqrt(x @ x), y / math.sqrt(y @ y)


def _moments(x: FloatArray, y: FloatArray) -> VectorMoments:
    return VectorMoments(float(x @ x), float(y @ y), float(x @ y), float((x**2) @ (y**2)))
