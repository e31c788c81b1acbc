# SPDX-License-Identifier: Apache-2.0
"""A claim of the literature: a formula, cases to measure it on, and what is shown beside the measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Size
from hypersketch.capacity.statistics import Kind

__all__ = ["Case", "Claim", "blocks", "bundle_scores", "nothing_beside", "one_test"]

UInt64Array: TypeAlias = npt.NDArray[np.uint64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Int64Array: TypeAlias = npt.NDArray[np.int64]
Measure: TypeAlias = Callable[[Cell, UInt64Array], Sequence[float] | npt.NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """Numbers that a claim is measured at.

    Attributes
    ----------
    n : int
        Items stored.
    size : mapping of str to int
        Parameters of the structure.
    trials : int
        Independent repetitions.
    probes : int
        Queries a trial, where the claim has any.
    setting : mapping
        Whatever else the claim needs.
    """

    n: int
    size: Size
    trials: int
    probes: int = 0
    setting: Mapping[str, Any] = field(default_factory=dict)


def one_test(cell: Cell) -> int:
    """Tests a trial of claims whose trials answer one question each."""
    return 1


def nothing_beside(cell: Cell) -> dict[str, float]:
    """No other number is shown beside the measurement."""
    return {}


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes
    ----------
    key : str
        Its number and a word, e.g. ``1.1 stranger``.
    says : str
        What it says, for a reader who never saw a formula.
    formula : str
        The formula.
    source : str
        Where the formula stands, or that it was derived for this library.
    kind : {"rate", "mean", "rms", "variance", "draw"}
        What its outcomes are.
    structure : str
        Name of the structure.
    cases : tuple of Case
        Where it is measured.
    measure : callable
        Outcomes of a cell, one a trial.
    predict : callable
        What the library's theory says, exact wherever an exact form is known.
    tests : callable
        Tests a trial behind a rate.
    beside : callable
        Other published or asymptotic values, by name.
    """

    key: str
    says: str
    formula: str
    source: str
    kind: Kind
    structure: str
    cases: tuple[Case, ...]
    measure: Measure
    predict: Callable[[Cell], float]
    tests: Callable[[Cell], int] = one_test
    beside: Callable[[Cell], dict[str, float]] = nothing_beside

    def cells(self, universe: int, run_seed: int) -> list[Cell]:
        """The cells of the claim."""
        return [
            Cell(
                "paper",
                self.structure,
                case.n,
                case.size,
                case.trials,
                case.probes,
                universe,
                run_seed,
                {"claim": self.key, **case.setting},
            )
            for case in self.cases
        ]


def blocks(
    cell: Cell, hashes: UInt64Array, per_trial: int, of: Callable[[UInt64Array, UInt64Array], Any]
) -> Any:
    """Joins what `of` makes of (seeds, keys) for all trials of the cell, block after block."""
    return np.concatenate([of(seeds, keys) for seeds, keys in Draw(cell, hashes, per_trial)])


def bundle_scores(
    cell: Cell, hashes: UInt64Array, packed: bool, weights: Int64Array | None = None
) -> FloatArray:
    """Scores <x, s> / D of the n members, then of `probes` strangers, for every trial: (T, n + probes)."""

    def scores(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        members = keys[np.newaxis, :, : cell.n]
        raw = kernels.bundle_trials(cell.size["dim"], packed, seeds, members, keys[np.newaxis], weights)
        return raw / cell.size["dim"]

    result: FloatArray = blocks(cell, hashes, cell.n + cell.probes, scores)
    return result
