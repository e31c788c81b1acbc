# SPDX-License-Identifier: Apache-2.0
"""How does the error of an associative memory fall with its dimension? By a power of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories import OuterProductMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results

__all__ = ["ScalingLaws"]

_OUTPUTS = 8
_EXPONENTS = (1.5, 2.0)
_KEPT = 4
"""The thresholded scheme keeps one token for so many dimensions."""


class ScalingLaws(Experiment):
    """Stores tokens of a Zipf law by three weightings and asks for their outputs."""

    name: ClassVar[str] = "scaling-laws"
    title: ClassVar[str] = "How does the error of an associative memory fall with its dimension?"
    summary: ClassVar[str] = (
        "How does the error of an associative memory fall with its dimension? Zipf data, three weightings."
    )
    question: ClassVar[str] = (
        "Tokens come with probabilities p ~ x^−a and each has one of a few outputs. A matrix W = Σ q(x) e "
        "u^T stores which, with weights q. How does the share of wrong outputs, by the frequency of the "
        "tokens, fall with the dimension d, and which weights are best?"
    )
    method: ClassVar[str] = (
        f"In each trial n tokens get normal embeddings, {_OUTPUTS} outputs unit vectors, and all tokens are "
        "stored: with q = p, as plain counting does; with q = 1 for the d/4 most frequent tokens and 0 for "
        "the others; and with q = 1 for all. Then every token is asked for, and the largest of the outputs' "
        "scores is the answer."
    )
    prediction: ClassVar[str] = (
        "Given a token's embedding the scores are independent normal numbers, so the error is an integral "
        "over them, exact for every d. Its limits for large d and many tokens are the laws of Cabannes, "
        "Dohmatob and Bietti (arXiv 2310.02984): d^−(a−1)/(2a) for q = p, d^−(a−1) for about d kept tokens, "
        "the best there is, and no fall at all where all tokens are stored alike and overflow the matrix. "
        "These three exponents are what is reproduced: the table below sets the measured slopes beside them."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "error": Quantity("mean", "share of tokens with a wrong output, by their frequency"),
    }
    along: ClassVar[str | None] = "weights"
    default_n: ClassVar[tuple[int, ...]] = (4000,)
    default_trials: ClassVar[int] = 30

    def units(self, entry: Structure, n: int) -> list[int]:
        return [16, 32, 64, 128, 256]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"exponent": a, "weights": scheme} for a in _EXPONENTS for scheme in theory.scaling.SCHEMES]

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        dim, n, outputs = cell.size["key_dim"], cell.n, cell.size["value_dim"]
        a, scheme = cell.setting["exponent"], cell.setting["weights"]
        p, q = theory.scaling.frequencies(n, a), theory.scaling.weights(n, a, scheme, dim // _KEPT)
        right = np.arange(1, n + 1) % outputs
        wrong = []
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            tokens = np.random.default_rng(seed).standard_normal((n, dim), np.float32) / math.sqrt(dim)
            memory = OuterProductMemory(dim, outputs, device=cell.device)
            memory.store(tokens, np.eye(outputs)[right], q)
            answers = memory.recall(tokens, np.eye(outputs)).indices[:, 0]
            wrong.append(float(p @ (answers != right)))
        return {"error": wrong}

    def predict(self, cell: Cell) -> dict[str, float]:
        dim, a, scheme = cell.size["key_dim"], cell.setting["exponent"], cell.setting["weights"]
        return {"error": theory.scaling.error(dim, cell.n, cell.size["value_dim"], a, scheme, dim // _KEPT)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "dimension d",
            lambda row: float(row.size["key_dim"]),
            lambda row: str(row.setting["weights"]),
            lambda row: f"a = {row.setting['exponent']:g}, {row.n:,} tokens",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        lines = [
            (f"{a:g}", scheme, *(f"{slope:.3f}" for slope in slopes))
            for (a, scheme), slopes in slopes_of(results).items()
        ]
        head = ("a", "weights", "measured", "exact, same dimensions", "limit for large d")
        table = (
            "<h3>Slopes</h3>"
            + report.paragraphs(
                "Of the logarithm of the error against that of d, by least squares over the dimensions of "
                "the run; and the published exponents."
            )
            + report.html_table(head, lines)
        )
        return report.standard_page(self, results, config, [*figures, table])


def slopes_of(results: Results) -> dict[tuple[float, str], tuple[float, float, float]]:
    """Slopes of every weighting: measured, by the exact form at the same dimensions, and in the limit.

    Parameters
    ----------
    results : Results
        Of a run with at least two dimensions.

    Returns
    -------
    dict of (exponent, weights) to (measured, exact, limit)
    """
    found = {}
    for key in dict.fromkeys((row.setting["exponent"], row.setting["weights"]) for row in results):
        rows = [row for row in results if (row.setting["exponent"], row.setting["weights"]) == key]
        logs = np.log([row.size["key_dim"] for row in rows])
        if len(set(logs.tolist())) < 2 or any(row.measured <= 0 for row in rows):
            continue
        measured, exact = (
            float(np.polyfit(logs, np.log(values), 1)[0])
            for values in ([row.measured for row in rows], [row.predicted or 1.0 for row in rows])
        )
        found[key] = (measured, exact, theory.scaling.published_exponent(*key))
    return found
