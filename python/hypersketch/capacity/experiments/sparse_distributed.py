# SPDX-License-Identifier: Apache-2.0
"""How many locations of a sparse distributed memory should answer?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes, Size
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories.sparse_distributed import SparseDistributedMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results, Row

__all__ = ["SparseDistributed"]

_TIMES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0)
"""Activations that are tried, as multiples of (2 R T)^(-1/3)."""


class SparseDistributed(Experiment):
    """Stores random items at random addresses and reads each at its own."""

    name: ClassVar[str] = "sdm"
    title: ClassVar[str] = "How many locations of a sparse distributed memory should answer?"
    summary: ClassVar[str] = (
        "How many locations of a sparse distributed memory should answer? Wrong bits against activation."
    )
    question: ClassVar[str] = (
        "An item is written to the counters of all locations near its address. Few locations are a small "
        "sample, many hold other items, too: how many are best, and does it matter whether their number is "
        "always the same?"
    )
    method: ClassVar[str] = (
        "In each trial R random locations get T random values of 200 bits, each written at a random address "
        "of 2,000 bits, and every value is read at its address. Addresses activate the locations within a "
        "radius, or the k nearest ones. Radius and k are those of a share p of all locations, a quarter to "
        "four times (2RT)^(-1/3)."
    )
    prediction: ClassVar[str] = (
        "Of the a locations that are read, each of the T − 1 other items is in a binomial number (a, p) or, "
        "with k nearest, a hypergeometric one, with random signs; the distribution of their sum is computed "
        "exactly, its variance is (T − 1)(a p (1 − p) + a² p²) (Kanerva 1993). Within a radius a is "
        "binomial itself, which gives other and larger errors. (2RT)^(-1/3) is where the ratio of signal to "
        "noise is best in the normal approximation (Jaeckel's form); the exact minimum lies at about three "
        "quarters of it, where hardly fewer bits are wrong. This repeats the curve and that place, not a "
        "table of theirs."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "wrong bits": Quantity("rate", "share of bits that are read wrong"),
        "active share": Quantity("mean", "share of the locations that an address activates"),
    }
    default_n: ClassVar[tuple[int, ...]] = (100, 200)
    default_trials: ClassVar[int] = 30

    def units(self, entry: Structure, n: int) -> list[int]:
        return [1000]

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        base = entry.size(units, n, self.name)
        best = theory.sparse_distributed.best_activation(units, n)
        shares = [min(0.5, best * times) for times in _TIMES]
        radii = {theory.sparse_distributed.radius(base["address_dim"], p): None for p in shares}
        numbers = {max(1, round(p * units)): None for p in shares}
        return [{**base, "radius": r} for r in radii] + [{**base, "k": k} for k in numbers]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"wrong bits": cell.n * cell.size["value_dim"]}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        found: Outcomes = {name: [] for name in self.quantities}
        sizes: dict[str, Any] = dict(cell.size)
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            rng = np.random.default_rng(seed)
            memory = SparseDistributedMemory(**sizes, seed=seed, device=cell.device)
            addresses, values = (
                rng.random((cell.n, cell.size[name])) < 0.5 for name in ("address_dim", "value_dim")
            )
            memory.store(addresses, values, threads=1)
            read = memory.retrieve(addresses, threads=1)
            found["wrong bits"].append(int((read.states != values).sum()))
            found["active share"].append(float(read.active.mean() / cell.size["n_locations"]))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        law, n_locations = theory.sparse_distributed, cell.size["n_locations"]
        p = _activation(cell.size)
        error = law.bit_error(n_locations, cell.n, p, nearest="k" in cell.size)
        return {"wrong bits": error, "active share": p}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "activation p",
            lambda row: _activation(row.size),
            lambda row: _how(row.size),
            lambda row: f"R = {row.size['n_locations']:,}, T = {row.n:,}",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _least_table(results)])


def _activation(size: Size) -> float:
    if "k" in size:
        return size["k"] / size["n_locations"]
    return theory.sparse_distributed.activation(size["address_dim"], size["radius"])


def _how(size: Size) -> str:
    return "k nearest" if "k" in size else "within a radius"


def _least_table(results: Results) -> str:
    """Where the fewest bits are wrong, measured and by the formula."""
    from hypersketch.capacity import report

    rows = [row for row in results if row.quantity == "wrong bits"]
    lines = []
    for n, units, how in dict.fromkeys((row.n, row.size["n_locations"], _how(row.size)) for row in rows):
        some = [row for row in rows if (row.n, row.size["n_locations"], _how(row.size)) == (n, units, how)]
        least = least_activation([(_activation(row.size), row.measured) for row in some])
        formula = theory.sparse_distributed.best_activation(units, n)
        measured = "–" if least is None else f"{least:.4f}"
        lines.append((how, f"{units:,}", f"{n:,}", f"{formula:.4f}", measured, _fewest(some)))
    head = ("activation", "R", "T", "(2RT)^(-1/3)", "measured minimum", "fewest wrong bits")
    text = (
        "The measured minimum is that of the parabola through the logarithms of the point with the fewest "
        "wrong bits and its neighbours. The formula is the normal approximation's, for a radius; a fixed "
        "number of locations is best when it is smaller."
    )
    return "<h3>The best activation</h3>" + report.paragraphs(text) + report.html_table(head, lines)


def _fewest(rows: Sequence[Row]) -> str:
    return f"{min(row.measured for row in rows):.4f}"


def least_activation(points: Sequence[tuple[float, float]]) -> float | None:
    """The place of the minimum of the parabola through the lowest of some points and its neighbours.

    Parameters
    ----------
    points : sequence of (activation, wrong bits)
        Both are taken as logarithms.

    Returns
    -------
    float or None
        None if the lowest point has no neighbour on one side, or nothing is wrong there.

    Examples
    --------
    >>> round(least_activation([(0.01, 0.4), (0.02, 0.2), (0.04, 0.4)]), 4)
    0.02
    """
    ordered = sorted(points)
    errors: npt.NDArray[np.float64] = np.array([error for _, error in ordered])
    low = int(errors.argmin()) if errors.size else 0
    if not 0 < low < len(ordered) - 1 or errors[low] <= 0.0:
        return None
    near = slice(low - 1, low + 2)
    places = np.log([place for place, _ in ordered[near]])
    bend, slope, _ = np.polyfit(places - places[1], np.log(errors[near]), 2)
    return float(np.exp(places[1] - slope / (2.0 * bend)))
