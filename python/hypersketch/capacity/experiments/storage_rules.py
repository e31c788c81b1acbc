# SPDX-License-Identifier: Apache-2.0
"""Which learning rule keeps the most patterns stable?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments._patterns import PatternExperiment
from hypersketch.capacity.experiments.base import Quantity, Request, UInt64Array
from hypersketch.capacity.patterns import per_trial, random_patterns, wrong_units
from hypersketch.memories import HopfieldNetwork
from hypersketch.memories.hopfield_network import RULES

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["StorageRules"]

_LOADS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0)


class StorageRules(PatternExperiment):
    """Stores random patterns by three rules and counts those that an update leaves as they are."""

    name: ClassVar[str] = "storage-rules"
    title: ClassVar[str] = "Which learning rule keeps the most patterns stable?"
    summary: ClassVar[str] = (
        "Which learning rule keeps the most patterns stable? Hebb, Storkey, pseudo-inverse."
    )
    question: ClassVar[str] = (
        "A Hopfield network stores random patterns by Hebb's rule, by Storkey's, or by the pseudo-inverse. "
        "How many of them does an update leave exactly as they are, and how many units does it get wrong?"
    )
    method: ClassVar[str] = (
        "In each trial one network a rule stores fresh random patterns, all of which are updated once, "
        "synchronously, without self-coupling."
    )
    prediction: ClassVar[str] = (
        "Hebb: the wrong units are an exact binomial tail, and a pattern is stable if none of its N units "
        "is wrong, taken as independent. Storkey (1997): fields of a pattern that was stored at load b "
        "have, at load a, noise of variance (e^2a - e^(a+b) + 1 - e^(a-b))/2, for many units; the wrong "
        "units are the mean over b, derived here. Rare errors are more where units are few: at load 0.4 "
        "three times as many at N = 50, 1.3 times at 400. Pseudo-inverse (Personnaz, Guyon and Dreyfus "
        "1985): all patterns are stable while they are linearly independent, up to N of them. No published "
        "number is repeated."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "stable": Quantity("rate", "share of patterns that an update leaves as they are", log=False),
        "wrong units": Quantity("rate", "share of wrong units after one update of a stored pattern"),
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_dims: ClassVar[tuple[int, ...]] = (1000,)
    default_trials: ClassVar[int] = 6

    def cells(self, request: Request) -> list[Cell]:
        return [
            self.cell(request, units, n, {"rule": rule})
            for units in request.dims or self.default_dims
            for rule in RULES
            for n in request.n or [round(load * units) for load in _LOADS]
            if n <= units
        ]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"stable": cell.n, "wrong units": cell.n * cell.size["units"]}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        units, found = cell.size["units"], {name: list[float]() for name in self.quantities}
        for rng in per_trial(cell):
            patterns = random_patterns(rng, cell.n, units)
            network = HopfieldNetwork(units, cell.setting["rule"], device=cell.device)
            network.store(patterns)
            states = network.retrieve(patterns, max_sweeps=1, threads=1).states
            wrong = wrong_units(states, patterns, units)
            found["stable"].append(float((wrong == 0).sum()))
            found["wrong units"].append(float(wrong.sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        units, rule = cell.size["units"], cell.setting["rule"]
        if rule == "pseudo-inverse":
            return {"stable": 1.0, "wrong units": 0.0}
        if rule == "storkey":
            return {
                "stable": float(theory.hopfield_network.storkey_stable(units, cell.n)),
                "wrong units": float(theory.hopfield_network.storkey_bit_error(cell.n / units)),
            }
        error = float(theory.hopfield_network.bit_error(units, cell.n))
        return {"stable": (1.0 - error) ** units, "wrong units": error}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "patterns a unit",
            lambda row: row.n / row.size["units"],
            lambda row: str(row.setting["rule"]),
            lambda row: f"{row.size['units']:,} units",
            log=False,
        )
