# SPDX-License-Identifier: Apache-2.0
"""How many patterns does a dense associative memory of a degree hold?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments._patterns import PatternExperiment
from hypersketch.capacity.experiments.base import Quantity, Request, UInt64Array
from hypersketch.capacity.patterns import per_trial, random_patterns, wrong_units
from hypersketch.memories import DenseMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["DenseDegree"]

_UNITS = {2: (100, 400), 3: (60, 120), 4: (32, 48)}
_TARGETS = (0.1, 0.05, 0.02, 0.005, 0.001)


class DenseDegree(PatternExperiment):
    """Stores random patterns in dense memories of degree 2, 3 and 4 and updates some of them once."""

    name: ClassVar[str] = "dense-degree"
    title: ClassVar[str] = "How many patterns does a dense associative memory hold?"
    summary: ClassVar[str] = (
        "How many patterns does a dense associative memory hold? N^(n-1) by its degree n."
    )
    question: ClassVar[str] = (
        "A memory of N units has the energy minus the sum over M patterns of the n-th power of the "
        "overlap. How many units does one update of a stored pattern get wrong, and is M/N^(n-1) what it "
        "depends on?"
    )
    method: ClassVar[str] = (
        "In each trial a memory stores fresh random patterns, and up to 100 of them are updated once, "
        "synchronously. M is where the formula for many units gives 10 %, 5 %, 2 %, 0.5 % and 0.1 % of "
        "wrong units."
    )
    prediction: ClassVar[str] = (
        "Krotov and Hopfield (2016): for many units the share is Q(√(N^(n-1) / (M (2n-3)!!))), so curves "
        "of all sizes become one against M/N^(n-1). What is judged is the rate for the very N and M: every "
        "other pattern adds a random sign times F(c + 1) - F(c - 1), c a sum of N - 1 random signs, and "
        "the tail of the sum is found by its characteristic function."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "wrong units": Quantity("rate", "share of wrong units after one update of a stored pattern")
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_trials: ClassVar[int] = 40

    def cells(self, request: Request) -> list[Cell]:
        from hypersketch.theory.normal import tail_inverse

        cells = []
        for degree, sizes in _UNITS.items():
            scale = theory.dense.double_factorial(2 * degree - 3)
            for units in request.dims or sizes:
                loads = [units ** (degree - 1) / scale / tail_inverse(error) ** 2 for error in _TARGETS]
                for n in request.n or [max(2, round(load)) for load in loads]:
                    cells.append(self.cell(request, units, n, {"degree": degree}))
        return cells

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"wrong units": cell.probes * cell.size["units"]}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        units, wrong = cell.size["units"], []
        for rng in per_trial(cell):
            patterns = random_patterns(rng, cell.n, units)
            memory = DenseMemory(units, cell.setting["degree"], device=cell.device)
            memory.store(patterns)
            asked = patterns[: cell.probes]
            states = memory.retrieve(asked, max_sweeps=1, threads=1).states
            wrong.append(float(wrong_units(states, asked, units).sum()))
        return {"wrong units": wrong}

    def predict(self, cell: Cell) -> dict[str, float]:
        error = theory.dense.bit_error(cell.size["units"], cell.n, cell.setting["degree"])
        return {"wrong units": float(error)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "M / N^(n-1)",
            lambda row: row.n / row.size["units"] ** (row.setting["degree"] - 1),
            lambda row: f"n = {row.setting['degree']}, {row.size['units']} units",
            lambda row: "dense associative memory",
        )
