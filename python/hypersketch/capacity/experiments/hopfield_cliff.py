# SPDX-License-Identifier: Apache-2.0
"""At which load does a Hopfield network lose its patterns?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments._patterns import PatternExperiment
from hypersketch.capacity.experiments.base import Quantity, Request, UInt64Array
from hypersketch.capacity.patterns import per_trial, random_patterns, wrong_units
from hypersketch.memories import HopfieldNetwork

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["HopfieldCliff"]

_LOADS = (0.1, 0.12, 0.13, 0.138, 0.145, 0.15, 0.16, 0.17, 0.18)
_CRITICAL = 0.138
_FIRM = 0.12
"""Load up to which networks of this size have lost no pattern worth mentioning."""
_LARGE = 1000
"""Units from which on what differs from infinitely many (of the order of 1/N) is below what is resolved."""
_RECALLED = 0.8
_SWEEPS = 300


class HopfieldCliff(PatternExperiment):
    """Updates stored patterns until nothing changes, in networks of growing size."""

    name: ClassVar[str] = "hopfield-cliff"
    title: ClassVar[str] = "At which load does a Hopfield network lose its patterns?"
    summary: ClassVar[str] = "At which load does a Hopfield network lose its patterns? The step at 0.138 N."
    question: ClassVar[str] = (
        "A Hopfield network stores M random patterns of N units by Hebb's rule and is started at them. "
        "Where does it end up, and how does that change at the critical load, when the network grows?"
    )
    method: ClassVar[str] = (
        "In each trial a network stores fresh random patterns; up to 50 of them are updated synchronously "
        f"until nothing changes, two states follow each other, or {_SWEEPS} updates are made. A pattern "
        f"counts as recalled at an overlap above {_RECALLED:g}. A second network of twice as many units at "
        "the same load tells how much more is recalled when everything doubles."
    )
    prediction: ClassVar[str] = (
        "Wrong units after the first update are exact (a binomial tail). Amit, Gutfreund and Sompolinsky "
        "(1985) give the overlap of the attractor near a pattern for infinitely many units, up to a "
        "critical load of 0.138 (0.1379 by their replica-symmetric equations), where it ends at an overlap "
        f"of 0.967. It is judged at loads up to {_FIRM:g} and from {_LARGE:,} units on, where what differs "
        "for finite N is smaller than what is resolved. A step at the critical load that steepens with N "
        "means that doubling N recalls more below it, less above it, and the same share at it: the "
        "difference is judged against 0 at 0.138, and its sign elsewhere is what the figure shows."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "overlap": Quantity("mean", "overlap with the pattern at the end", log=False),
        "recalled": Quantity("rate", "share of patterns that are recalled", log=False),
        "overlap of recalled": Quantity("mean", "overlap of those that are recalled", log=False),
        "gain by doubling": Quantity(
            "mean", "share recalled by twice as many units, less that share", log=False
        ),
        "wrong after one update": Quantity("rate", "share of wrong units after the first update"),
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_dims: ClassVar[tuple[int, ...]] = (500, 1000, 2000, 4000)
    default_trials: ClassVar[int] = 12
    probes: ClassVar[int] = 50

    def cells(self, request: Request) -> list[Cell]:
        sizes = request.dims or self.default_dims
        return [
            self.cell(
                request,
                units,
                round(load * units),
                {"load": load, "doubled": units * 2 <= max(sizes) or len(sizes) == 1},
            )
            for units in sizes
            for load in _LOADS
        ]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {
            "recalled": cell.probes,
            "wrong after one update": cell.probes * cell.size["units"],
        }

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        units, found = cell.size["units"], {name: list[float]() for name in self.quantities}
        for rng in per_trial(cell):
            wrong, overlaps = _recall(rng, units, cell.n, cell.probes, cell.device)
            recalled = overlaps > _RECALLED
            found["wrong after one update"].append(float(wrong))
            found["overlap"].append(float(overlaps.mean()))
            found["recalled"].append(float(recalled.sum()))
            if recalled.any():
                found["overlap of recalled"].append(float(overlaps[recalled].mean()))
            if cell.setting["doubled"]:
                _, others = _recall(
                    rng, 2 * units, round(cell.setting["load"] * 2 * units), cell.probes, cell.device
                )
                found["gain by doubling"].append(float((others > _RECALLED).mean() - recalled.mean()))
        return {name: values for name, values in found.items() if values}

    def predict(self, cell: Cell) -> dict[str, float]:
        units, load = cell.size["units"], cell.setting["load"]
        known = {"wrong after one update": float(theory.hopfield_network.bit_error(units, cell.n))}
        if load <= _FIRM and units >= _LARGE:
            known["overlap of recalled"] = theory.hopfield_network.retrieval_overlap(load)
        if load == _CRITICAL and cell.setting["doubled"]:
            known["gain by doubling"] = 0.0
        return known

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "patterns a unit",
            lambda row: float(row.setting["load"]),
            lambda row: f"{row.size['units']:,} units",
            lambda row: "Hebb's rule",
            log=False,
        )


def _recall(rng: np.random.Generator, units: int, n: int, asked: int, device: str) -> tuple[int, Any]:
    """Return the wrong units after one update of some patterns, and their overlaps in the end."""
    patterns = random_patterns(rng, n, units)
    network = HopfieldNetwork(units, device=device)
    network.store(patterns)
    starts = patterns[:asked]
    once = network.retrieve(starts, max_sweeps=1, threads=1).states
    end = network.retrieve(once, max_sweeps=_SWEEPS, threads=1).states
    overlaps = 1.0 - 2.0 * wrong_units(end, starts, units) / units
    return int(wrong_units(once, starts, units).sum()), overlaps
