# SPDX-License-Identifier: Apache-2.0
"""How much of a softmax falls on other patterns than the one asked for?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.continuous import Continuous

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["ContinuousBeta", "unit_patterns"]

_BETAS = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 20.0, 24.0, 28.0, 32.0)
_QUERIES = 64
_SKEWED = 0.1  # a mean of more skewness is not what Student's interval is for


class ContinuousBeta(Experiment):
    """Asks for stored patterns and sums up the weight that the others get."""

    name: ClassVar[str] = "continuous-beta"
    title: ClassVar[str] = "How much of a softmax leaks to other patterns?"
    summary: ClassVar[str] = (
        "How much of a softmax leaks to other patterns? Against inverse temperature, patterns, dimensions."
    )
    question: ClassVar[str] = (
        "A continuous Hopfield network answers a query with a mean of its patterns, weighted by the softmax "
        "of beta times their inner products. What part of the weight is not on the pattern asked for?"
    )
    method: ClassVar[str] = (
        "n random unit patterns are stored in each trial; 64 of them are asked for. The values of "
        "the memory are 1 for the pattern asked for and 0 for the others, and the opposite, so that what is "
        "retrieved is both parts of the weight. Cells whose mean rests on a few rare neighbours, which no "
        "trial may see, are left out: their skewness is computed."
    )
    prediction: ClassVar[str] = (
        "The weight of the others over the own one has the mean r = (n − 1) E exp(β(c − 1)) exactly, with c "
        "the cosine of two random directions, a Bessel function; so the leak is about r/(1 + r), dashed. Its "
        "own mean is an integral of the Laplace transform of exp(β(c − 1)), also exact, and a little lower. "
        "The network is that of Ramsauer et al. (2020), whose Theorem 3 is that such patterns are stored "
        "exponentially many: for beta in proportion to d the leak of n patterns is n exp(−const·d), which "
        "is what falls here. They publish bounds, no numbers of this kind; none is reproduced."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "others over own": Quantity("mean", "weight of all other patterns, over that of the one asked for"),
        "leakage": Quantity("mean", "part of the weight on other patterns"),
    }
    along: ClassVar[str | None] = "beta"
    default_n: ClassVar[tuple[int, ...]] = (64, 5000)
    default_trials: ClassVar[int] = 40

    def units(self, entry: Structure, n: int) -> list[int]:
        return [8, 32, 64, 128]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"beta": beta} for beta in _BETAS]

    def cells(self, request: Request) -> list[Cell]:
        found = [cell for cell in super().cells(request) if self._seen(cell)]
        if not found:
            raise ValueError(
                "Rare neighbours decide every mean of such a run, which so few trials do not show. Give more "
                "trials, or more dims."
            )
        return found

    def check(self, cell: Cell) -> None:
        if cell.n < 2 or cell.size["dim"] < 2:
            raise ValueError(
                f"There must be 2 patterns of 2 dimensions at least. Got {cell.n} of {cell.size['dim']}."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(Continuous, structure(cell.structure).on(cell.device))
        seen = self._seen(cell)
        found: Outcomes = {name: [] for name in seen}
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            others, own = _parts(entry, cell, unit_patterns(seed, cell.n, cell.size["dim"]))
            trial = {"others over own": float((others / own).mean()), "leakage": float(others.mean())}
            for name in seen:
                found[name].append(trial[name])
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        given = cell.n, cell.size["dim"], cell.setting["beta"]
        exact = {
            "others over own": _odds(*given),
            "leakage": theory.continuous.leakage_moment(*given),
        }
        return {name: exact[name] for name in self._seen(cell)}

    def _seen(self, cell: Cell) -> list[str]:
        """Quantities whose mean over all trials is no more skewed than a normal one nearly is."""
        tests = cell.trials * min(cell.n, _QUERIES)
        skews = {
            "others over own": _odds_skewness(cell) / math.sqrt(tests * (cell.n - 1)),
            "leakage": _leak_skewness(cell) / math.sqrt(tests),
        }
        return [name for name, skew in skews.items() if abs(skew) <= _SKEWED]

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "inverse temperature β",
            lambda row: float(row.setting["beta"]),
            lambda row: f"d = {row.size['dim']:,}",
            lambda row: f"{row.n:,} patterns",
            log=False,
        )

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots_continuous

        others = [picture for picture in super().pictures(results) if picture.name != "leakage"]
        return [plots_continuous.leakage_picture(results), *others]


def unit_patterns(seed: int, n: int, dim: int) -> NDArray[np.float32]:
    """Random directions, one a row."""
    rows = np.random.default_rng(seed).standard_normal((n, dim), np.float32)
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None].astype(np.float32)
    return rows


def _parts(
    entry: Continuous, cell: Cell, patterns: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of the others and of the pattern asked for, of every query."""
    asked = min(cell.n, _QUERIES)
    own = np.eye(cell.n, asked, dtype=np.float32)
    memory = entry.new(cell.size, cell.setting["beta"], value_dim=2 * asked)
    memory.store(patterns, np.concatenate([1 - own, own], axis=1))
    states = memory.retrieve(patterns[:asked], threads=1).states.astype(np.float64)
    here = np.arange(asked)
    return states[here, here], states[here, asked + here]


def _odds(n: int, dim: int, beta: float) -> float:
    """r = (n - 1) E exp(beta (c - 1))."""
    leak = theory.continuous.leakage(n, dim, beta)
    return leak / (1.0 - leak)


def _odds_skewness(cell: Cell) -> float:
    """Skewness of exp(beta c) for one other pattern."""
    one, two, three = (_odds(2, cell.size["dim"], k * cell.setting["beta"]) for k in (1, 2, 3))
    return _skewness(one, two, three)


def _leak_skewness(cell: Cell) -> float:
    given = cell.n, cell.size["dim"], cell.setting["beta"]
    one, two, three = (theory.continuous.leakage_moment(*given, order=k) for k in (1, 2, 3))
    return _skewness(one, two, three)


def _skewness(one: float, two: float, three: float) -> float:
    variance = two - one * one
    if not variance > 1e-8 * one * one:  # as good as constant, and what is left of digits says nothing
        return 0.0
    return float((three - 3.0 * one * variance - one**3) / variance**1.5)
