# SPDX-License-Identifier: Apache-2.0
"""From which inverse temperature on is one step of a sparse separation exact?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.experiments.continuous_beta import unit_patterns
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.continuous import Continuous

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["EntmaxExact"]

_BETAS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4, 2.8, 3.2, 3.6, 4.0, 5.0)
_QUERIES = 100
_DRAWN = ("inexact", "wrong-side")  # in another picture, or nothing but 0
_LEAST = 1e-30  # weights of softmax that are listed; exp(-2 beta) is far above it


class EntmaxExact(Experiment):
    """Asks for stored patterns and counts how many have any weight."""

    name: ClassVar[str] = "entmax-exact"
    title: ClassVar[str] = "When is one step of a sparse separation exact?"
    summary: ClassVar[str] = "When is one step of a sparse separation exact? Four separations against beta."
    question: ClassVar[str] = (
        "Softmax gives every pattern some weight, so what is retrieved is never a pattern itself. Sparse "
        "separations give most patterns none. From which inverse temperature on has one pattern all of it?"
    )
    method: ClassVar[str] = (
        "n random unit patterns are stored in each trial; 100 of them are asked for, and the patterns that "
        "have weight are listed. A query is on the wrong side if that is one pattern although β times the "
        "gap of the two best inner products, in double precision, is below the margin, or several although "
        "it is above; gaps as near to it as single precision errs count as right."
    )
    prediction: ClassVar[str] = (
        "One pattern has all the weight if and only if β Δ ≥ m with the gap Δ: m = 1/(α − 1) for α-entmax, "
        "so 1 for sparsemax and 2 for 1.5-entmax, 1 for normmax, and never for softmax. These are the "
        "margins of Santos et al. (2024), for sparsemax as the sparse Hopfield model of Hu et al. (2023), "
        "and this reproduces them. The gap of a pattern among n is 1 − the largest of n − 1 cosines of "
        "random directions, so the share of inexact queries is 1 − P(c ≤ 1 − m/β)ⁿ⁻¹, exactly."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "inexact": Quantity("rate", "share of queries with several patterns of weight", log=False),
        "wrong side": Quantity("rate", "share of queries on the wrong side of the margin", log=False),
    }
    along: ClassVar[str | None] = "beta"
    default_n: ClassVar[tuple[int, ...]] = (100, 2000)
    default_trials: ClassVar[int] = 40

    def units(self, entry: Structure, n: int) -> list[int]:
        return [16, 64]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"beta": beta} for beta in _BETAS]

    def tests(self, cell: Cell) -> dict[str, int]:
        return dict.fromkeys(self.quantities, min(cell.n, _QUERIES))

    def check(self, cell: Cell) -> None:
        if cell.n < 2 or cell.size["dim"] < 2:
            raise ValueError(
                f"There must be 2 patterns of 2 dimensions at least. Got {cell.n} of {cell.size['dim']}."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(Continuous, structure(cell.structure).on(cell.device))
        found: Outcomes = {name: [] for name in self.quantities}
        beta, asked = cell.setting["beta"], min(cell.n, _QUERIES)
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            patterns = unit_patterns(seed, cell.n, cell.size["dim"])
            memory = entry.new(cell.size, beta)
            memory.store(patterns)
            made = memory.retrieve(patterns[:asked], weights=True, least=_LEAST, threads=1)
            assert made.weights is not None
            several = np.diff(made.weights.starts) > 1
            beyond = beta * _gaps(patterns, asked) - entry.margin
            clear = np.abs(beyond) > beta * 4.0 * (cell.size["dim"] + 2) * 2.0**-24
            found["inexact"].append(int(several.sum()))
            found["wrong side"].append(int((clear & (several == (beyond > 0))).sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = cast(Continuous, structure(cell.structure))
        given = cell.n, cell.size["dim"], cell.setting["beta"]
        return {"inexact": entry.inexactness(*given), "wrong side": 0.0}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "inverse temperature β",
            lambda row: float(row.setting["beta"]),
            lambda row: f"{row.n:,} patterns, d = {row.size['dim']:,}",
            lambda row: structure(row.structure).title,
            log=False,
        )

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots_continuous

        others = [picture for picture in super().pictures(results) if picture.name not in _DRAWN]
        return [plots_continuous.exactness_picture(results), *others]


def _gaps(patterns: NDArray[np.float32], asked: int) -> NDArray[np.float64]:
    """The best inner product of each query less the second best."""
    wide = patterns.astype(np.float64)
    best = np.sort(np.partition(wide[:asked] @ wide.T, -2, axis=1)[:, -2:], axis=1)
    gaps: NDArray[np.float64] = best[:, 1] - best[:, 0]
    return gaps
