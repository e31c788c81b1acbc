# SPDX-License-Identifier: Apache-2.0
"""How many superposed codes do Sparsey's modules hold, and how alike are codes of what is alike?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories.sparsey import SparseyMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Row

__all__ = ["SparseyCapacity"]

_SHARED = (0, 4, 5, 6, 7, 8, 10)
_STRANGERS = 50
_RANDOM_FLOOR = 0.999
_FULL = 0.95
"""Familiarity of new items from which on some have G = 1, and no floor makes their codes random."""


class SparseyCapacity(Experiment):
    """Stores random items and asks for them; stores pairs of alike items and compares their codes."""

    name: ClassVar[str] = "sparsey"
    title: ClassVar[str] = "How many superposed codes do Sparsey's modules hold?"
    summary: ClassVar[str] = (
        "How many superposed codes do Sparsey's modules hold? Wrong winners, familiarity, overlap of codes."
    )
    question: ClassVar[str] = (
        "All items are superposed in the same binary weights. From how many on do modules choose wrong "
        "winners, and new items look familiar? And how does the intersection of two codes grow with that of "
        "the inputs?"
    )
    method: ClassVar[str] = (
        "In each trial M random items with 10 of 100 active inputs are stored and all are retrieved, then "
        "50 new ones. Codes are random (choice random: the floor of G is 0.999), or chosen as the memory "
        "does by default (choice by-familiarity). Apart from that, an item and one that shares some of its "
        "inputs are stored in an empty memory, and their codes of 100 modules compared."
    )
    prediction: ClassVar[str] = (
        "For random codes: weights are set as in Willshaw's matrix with one active output of K; the "
        "familiarity of a new item is the mean of the largest of K supports, and a winner is wrong when "
        "another unit has full support, too; both exact, from the multinomial numbers of items on the units "
        "of a module. The capacity grows as N K / S. Codes of two alike items have a binomial intersection "
        "with a chance from the sigmoid itself. Rinkus (1996, 2010, 2014) reports by simulation that the "
        "capacity grows with the number of weights and intersections with similarity; no closed form was "
        "published, these were derived here, and no number of his is repeated. Where codes are chosen by "
        "familiarity and the weights are full, there is no theory."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "density": Quantity("mean", "share of the weights that are set", log=False),
        "new familiarity": Quantity("mean", "familiarity G of a new random item", log=False),
        "wrong winners": Quantity("rate", "share of wrong winners for stored items"),
        "code overlap": Quantity("rate", "share of common winners of two alike items", log=False),
    }
    default_n: ClassVar[tuple[int, ...]] = (10, 25, 50, 100)
    default_trials: ClassVar[int] = 40

    def units(self, entry: Structure, n: int) -> list[int]:
        return [8, 16]

    def cells(self, request: Request) -> list[Cell]:
        (entry,) = known_structures(self.name, request.structures)
        units = request.dims or self.units(entry, 0)
        loads = request.n or self.default_n
        made = [
            self._cell(entry, n, one, {"choice": choice}, request)
            for one in units
            for choice in ("random", "by-familiarity")
            for n in loads
        ]
        return made + [
            self._cell(entry, 2, one, {"shared": shared}, request) for one in units for shared in _SHARED
        ]

    def _cell(
        self, entry: Structure, n: int, units: int, setting: Mapping[str, Any], request: Request
    ) -> Cell:
        size = entry.size(units, n, self.name)
        return Cell(
            self.name,
            entry.name,
            n,
            {**size, "n_modules": 100} if "shared" in setting else size,
            request.trials or self.default_trials,
            _STRANGERS,
            request.universe or self.default_universe,
            request.seed,
            setting,
            request.device,
        )

    def tests(self, cell: Cell) -> dict[str, int]:
        if "shared" in cell.setting:
            return {"code overlap": cell.size["n_modules"]}
        return {"wrong winners": cell.n * cell.size["n_modules"]}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        seeds = kernels.trial_seeds(cell.seed, cell.trials).tolist()
        if "shared" in cell.setting:
            return {"code overlap": [_common(cell, seed) for seed in seeds]}
        found: Outcomes = {"density": [], "new familiarity": [], "wrong winners": []}
        for seed in seeds:
            memory = _memory(cell, seed)
            active, n_inputs = cell.size["active"], cell.size["n_inputs"]
            chosen = kernels.sample_indices(seed, cell.n + cell.probes, active, n_inputs)
            items, others = chosen[: cell.n], chosen[cell.n :]
            stored = memory.observe(items)
            read = memory.retrieve(items, threads=1)
            found["density"].append(memory.density)
            found["new familiarity"].append(float(memory.retrieve(others, threads=1).familiarity.mean()))
            found["wrong winners"].append(int((read.codes != stored.codes).sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        law, k = theory.sparsey, cell.size["n_units"]
        if "shared" in cell.setting:
            return {"code overlap": law.code_overlap(cell.setting["shared"] / cell.size["active"], k)}
        sizes = cell.size["n_inputs"], cell.size["active"], k, cell.n
        known = law.novel_familiarity(*sizes)
        if cell.setting["choice"] != "random" or known > _FULL:
            return {}
        return {
            "density": law.density(*sizes),
            "new familiarity": known,
            "wrong winners": law.module_error(*sizes),
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "stored items, or shared inputs",
            lambda row: float(row.setting.get("shared", row.n)),
            lambda row: f"K = {row.size['n_units']}",
            _panel,
            log=False,
        )


def _panel(row: Row) -> str:
    return "two alike items" if "shared" in row.setting else f"choice {row.setting['choice']}"


def _memory(cell: Cell, seed: int) -> SparseyMemory:
    options: dict[str, Any] = {"floor": _RANDOM_FLOOR} if cell.setting.get("choice") == "random" else {}
    sizes: dict[str, Any] = dict(cell.size)
    return SparseyMemory(**sizes, **options, seed=seed, device=cell.device)


def _common(cell: Cell, seed: int) -> int:
    """How many winners two items have in common that share some of their inputs."""
    active, shared = cell.size["active"], cell.setting["shared"]
    drawn = kernels.sample_indices(seed, 1, 2 * active - shared, cell.size["n_inputs"])[0]
    codes = _memory(cell, seed).observe([drawn[:active], drawn[active - shared :]]).codes
    return int(np.equal(codes[0], codes[1]).sum())
