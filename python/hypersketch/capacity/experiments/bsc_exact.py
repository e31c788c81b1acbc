# SPDX-License-Identifier: Apache-2.0
"""How often is the nearest codeword the stored one? Records of pairs, one value against all codewords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import FloatArray, Structure, smallest
from hypersketch.capacity.structures.bundles import MapBundle

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results, Row

__all__ = ["BscExact", "lost_share"]

_CODEWORDS = 100
_TARGET_ERRORS = (0.5, 0.2, 0.05, 0.01)
# Dimensions and errors for 1,000 items and 100 codewords.
_PUBLISHED = {"map-b": {24_002: 0.1, 55_649: 0.001}, "map-i": {15_221: 0.1, 45_129: 8.8e-5}}


class BscExact(Experiment):
    """Stores n pairs of a key and a value and asks for values, each against all codewords."""

    name: ClassVar[str] = "bsc-exact"
    title: ClassVar[str] = "How often is the nearest codeword the stored one?"
    summary: ClassVar[str] = (
        "How often is the nearest codeword the stored one? Records of pairs against exact binomial sums."
    )
    question: ClassVar[str] = (
        "A vector holds n pairs of a key and a value. What is left when a key is taken out of it is "
        "compared with all codewords, and the nearest one is taken. How often is that not the value?"
    )
    method: ClassVar[str] = (
        "In each trial n different keys are stored, each with one of 100 values (a pair is the product of "
        "two random vectors). Up to 50 of the keys are asked for, each against all 100 values. A tie "
        "counts as a random choice would: two equally near codewords are half an error. The dimensions are "
        "those at which the theory predicts an error of 50 %, 20 %, 5 % and 1 %, and for 1,000 pairs the "
        "published ones."
    )
    prediction: ClassVar[str] = (
        "MAP-B, which is BSC in signs: bits of the bundle agree with a stored codeword with the chance (1 + "
        "c(n))/2, with any other codeword with 1/2, independently in each dimension. So the error is a sum "
        "of binomial chances, exact. MAP-I compares with the sum before its signs are taken: the "
        "integral over the scores of stored and other codewords, given the length of the sum."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "wrong codeword": Quantity("rate", "share of values for which another codeword is nearer")
    }
    default_n: ClassVar[tuple[int, ...]] = (15, 101, 1000)
    default_trials: ClassVar[int] = 400
    probes: ClassVar[int] = 50

    def units(self, entry: Structure, n: int) -> list[int]:
        if n == 1000:
            return sorted(_PUBLISHED[entry.name])
        found = [
            smallest(lambda dim, error=error: _error(entry.name, dim, n) <= error, entry.least)  # type: ignore[misc]
            for error in _TARGET_ERRORS
        ]
        return sorted({dim for dim in found if dim is not None})

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"codewords": _CODEWORDS}]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"wrong codeword": min(cell.n, cell.probes)}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(MapBundle, structure(cell.structure))
        asked = min(cell.n, cell.probes)
        lost: list[float] = []
        for seeds, drawn in Draw(cell, hashes, cell.n + _CODEWORDS):
            keys, values = drawn[:, : cell.n], drawn[:, cell.n :]
            stored = np.arange(cell.n) % _CODEWORDS
            members = np.stack([keys, values[:, stored]])
            probes = np.stack([np.repeat(keys[:, :asked], _CODEWORDS, axis=1), np.tile(values, asked)])
            dim, device = cell.size["dim"], cell.device
            scores = kernels.bundle_trials(dim, entry.packed, seeds, members, probes, device=device)
            rows = scores.reshape(len(seeds), asked, _CODEWORDS).astype(np.float64)
            lost += lost_share(rows, stored[:asked]).sum(axis=1).tolist()
        return {"wrong codeword": lost}

    def predict(self, cell: Cell) -> dict[str, float]:
        return {"wrong codeword": _error(cell.structure, cell.size["dim"], cell.n)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "dimensions",
            lambda row: float(row.size["dim"]),
            lambda row: f"n = {row.n:,}",
            lambda row: structure(row.structure).title,
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _published(results.rows), _formulas()])


def lost_share(scores: FloatArray, right: Any) -> FloatArray:
    """What is lost of each probe: 1 if a wrong codeword scores higher, 1 - 1/t in a tie of t, else 0.

    Parameters
    ----------
    scores : array, shape (T, q, N)
        Score of every codeword for every probe.
    right : array of int, shape (q,)
        Index of the right codeword of each probe.

    Returns
    -------
    array, shape (T, q)

    Examples
    --------
    >>> lost_share(np.array([[[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]]]), [0, 0, 0]).tolist()
    [[1.0, 0.5, 0.0]]
    """
    hit = np.take_along_axis(scores, np.asarray(right)[np.newaxis, :, np.newaxis], axis=2)
    level = (scores == hit).sum(axis=2)
    return np.where((scores > hit).any(axis=2), 1.0, 1.0 - 1.0 / level)


def _error(name: str, dim: int, n: int) -> float:
    if name == "map-b":
        return 1.0 - theory.bsc.accuracy(dim, n, _CODEWORDS)
    return 1.0 - theory.cleanup.map_i_accuracy(dim, n, _CODEWORDS)


def _published(rows: Sequence[Row]) -> str:
    """The published errors beside ours."""
    from hypersketch.capacity import report, tables

    lines = [
        (
            structure(row.structure).title,
            f"{row.size['dim']:,}",
            tables.number(_PUBLISHED[row.structure][row.size["dim"]]),
            tables.number(_with_lost_ties(row)),
            tables.number(row.predicted),
            tables.number(row.measured),
            tables.interval_text(row),
        )
        for row in rows
        if row.n == 1000 and row.size["dim"] in _PUBLISHED[row.structure]
    ]
    if not lines:
        return ""
    head = ("structure", "D", "published", "predicted, ties lost", "predicted", "measured", "interval")
    return (
        "<h3>The published errors</h3>"
        + report.paragraphs(
            "Errors for 1,000 items and 100 codewords as Teeters, Kleyko, Kanerva and Olshausen (2023) "
            "compute them in their repository hdfsa. They count a tie as an error; sums of MAP-I "
            "hardly ever tie."
        )
        + report.html_table(head, lines)
    )


def _with_lost_ties(row: Row) -> float | None:
    if row.structure != "map-b":
        return row.predicted
    return 1.0 - theory.bsc.accuracy(row.size["dim"], row.n, _CODEWORDS, ties="wrong")


def _formulas() -> str:
    """What a shorter formula asks for."""
    from hypersketch.capacity import report

    lines = []
    for n in (15, 101, 1000):
        for error in (0.1, 0.01, 0.001):
            exact = theory.bsc.dimension(n, _CODEWORDS, error)
            closed = float(theory.cleanup.high_fidelity_dimension(n, _CODEWORDS, error))
            lines.append(
                (f"{n:,}", f"{error:g}", f"{exact:,}", f"{closed:,.0f}", f"{closed / exact - 1:+.0%}")
            )
    return (
        "<h3>What the closed form asks for</h3>"
        + report.paragraphs(
            "Dimensions of MAP-B for an error: exact, and by the closed form of Frady, Kleyko and Sommer "
            "(2018) for high fidelity, which is for small errors only."
        )
        + report.html_table(("pairs", "error", "exact D", "closed form D", "too large by"), lines)
    )
