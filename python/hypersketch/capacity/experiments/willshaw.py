# SPDX-License-Identifier: Apache-2.0
"""How many bits does a synapse of a binary matrix hold?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories.willshaw import WillshawMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["WillshawCapacity"]

_DENSITIES = (0.3, 0.5, 0.7)


class WillshawCapacity(Experiment):
    """Stores random pairs of sparse patterns and asks for every one."""

    name: ClassVar[str] = "willshaw"
    title: ClassVar[str] = "How many bits does a synapse of Willshaw's matrix hold?"
    summary: ClassVar[str] = (
        "How many bits does a synapse of Willshaw's matrix hold? Density, false ones and information."
    )
    question: ClassVar[str] = (
        "A pair of sparse patterns sets the synapses between their active units. How many of the synapses "
        "are set, how many units answer that should not, and how much information is that for each synapse?"
    )
    method: ClassVar[str] = (
        "In each trial random pairs of patterns with k = log2 n active units of n are stored, as many as set "
        "30, 50 and 70 % of the synapses, and the input of each is asked for. A unit answers that is "
        "connected with all k. The same is done with patterns that are stored with themselves (auto)."
    )
    prediction: ClassVar[str] = (
        "M pairs set the share 1 − (1 − k²/n²)^M, one half at M = ln 2 · n²/k² (Willshaw, Buneman and "
        "Longuet-Higgins 1969). A unit in r of the pairs answers if the union of r inputs holds the whole "
        "cue: exact by inclusion and exclusion, and more than the p1^k of independent synapses. As n grows "
        "with few false ones the information goes to ln 2 = 0.693 bits a synapse, at p1 = 1/2 (Palm 1980). "
        "Finite matrices are far from it, and where false ones are allowed they hold more beyond one half. "
        "It repeats the limit and p1 = 1/2, not a table of theirs."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "density": Quantity("mean", "share of the synapses that are set", log=False),
        "false ones": Quantity("rate", "share of the units outside an output that answer, too"),
        "bits a synapse": Quantity("mean", "information of all answers for each synapse", log=False),
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_trials: ClassVar[int] = 8

    def units(self, entry: Structure, n: int) -> list[int]:
        return [128, 256, 512, 1024]

    def cells(self, request: Request) -> list[Cell]:
        (entry,) = known_structures(self.name, request.structures)
        return [
            Cell(
                self.name,
                entry.name,
                n,
                entry.size(units, n, self.name),
                request.trials or self.default_trials,
                0,
                request.universe or self.default_universe,
                request.seed,
                {"kind": kind},
                request.device,
            )
            for units in request.dims or self.units(entry, 0)
            for n in request.n or _loads(entry, units)
            for kind in ("pairs", "auto")
        ]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false ones": cell.n * (cell.size["n_units"] - cell.size["active"])}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        pairs, tests = cell.setting["kind"] == "pairs", self.tests(cell)["false ones"]
        found: Outcomes = {name: [] for name in self.predict(cell)}
        for memory, inputs in _memories(cell):
            answered = sum(
                int(memory.retrieve(some, threads=1).states.sum())
                for some in np.array_split(inputs, -(-cell.n // 2048))
            )
            wrong = answered - cell.n * cell.size["active"]
            found["density"].append(memory.density)
            found["false ones"].append(wrong)
            if pairs:
                found["bits a synapse"].append(_bits(cell, wrong / tests))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        law, auto = theory.willshaw, cell.setting["kind"] == "auto"
        n, k = cell.size["n_units"], cell.size["active"]
        wrong = law.false_ones(n, k, cell.n, auto=auto)
        made = {"density": law.density(n, k, cell.n, auto=auto), "false ones": wrong}
        return made if auto else {**made, "bits a synapse": _bits(cell, wrong)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "stored patterns M",
            lambda row: float(row.n),
            lambda row: f"n = {row.size['n_units']:,}",
            lambda row: "stored with themselves" if row.setting["kind"] == "auto" else "pairs",
        )


def _loads(entry: Structure, units: int) -> list[int]:
    """Numbers of pairs that set the shares of the synapses."""
    k = entry.size(units, 0)["active"]
    at_half = theory.willshaw.half_load(units, k)
    return sorted({max(1, round(at_half * math.log(1.0 - share) / math.log(0.5))) for share in _DENSITIES})


def _memories(cell: Cell) -> Iterator[tuple[WillshawMemory, npt.NDArray[np.int64]]]:
    n, k = cell.size["n_units"], cell.size["active"]
    for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
        chosen = kernels.sample_indices(seed, 2 * cell.n, k, n)
        inputs, outputs = chosen[: cell.n], chosen[cell.n :]
        memory = WillshawMemory(n, device=cell.device)
        memory.store(inputs, inputs if cell.setting["kind"] == "auto" else outputs)
        yield memory, inputs


def _bits(cell: Cell, wrong: float) -> float:
    n, k = cell.size["n_units"], cell.size["active"]
    return theory.willshaw.bits_per_synapse(n, cell.n, wrong, n, k)
