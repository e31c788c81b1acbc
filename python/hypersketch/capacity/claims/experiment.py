# SPDX-License-Identifier: Apache-2.0
"""All claims of the literature in one run and on one page: claim, formula, measured, verdict."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.claims import all_claims
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures.base import Structure

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Picture
    from hypersketch.capacity.results import Results

__all__ = ["Paper", "paper"]


class Paper(Experiment):
    """The claims as an experiment: its cells are the cases of the claims."""

    name: ClassVar[str] = "paper"
    title: ClassVar[str] = "The capacity of fixed-size memories: claims and measurements"
    summary: ClassVar[str] = (
        "All claims of the literature about these structures, each beside its measurement."
    )
    question: ClassVar[str] = (
        "Fixed-size memories answer questions about sets, counts and pairs from a state that is far smaller "
        "than the data, and they err. Formulas say how often. Do they hold?"
    )
    method: ClassVar[str] = (
        "Every formula is measured on fresh random structures, filled with fresh keys in each trial, at "
        "sizes where its errors can be seen. Predictions are exact wherever an exact form is known; "
        "approximations and published bounds stand beside them."
    )
    prediction: ClassVar[str] = (
        "Main source: Clarkson, Ubaru and Yang, Capacity Analysis of Vector Symbolic Architectures "
        "(arXiv 2301.10352). Other sources and own derivations are named with each claim."
    )
    text_columns: ClassVar[frozenset[str]] = frozenset({"claim", "size"})
    default_n: ClassVar[tuple[int, ...]] = (1,)

    @property
    def quantities(self) -> Mapping[str, Quantity]:  # type: ignore[override]
        """One quantity a claim."""
        return {claim.key: Quantity(claim.kind, claim.says) for claim in all_claims().values()}

    def quantity(self, name: str) -> Quantity:
        claim = all_claims()[name]
        return Quantity(claim.kind, claim.says)

    def units(self, entry: Structure, n: int) -> list[int]:
        return []

    def cells(self, request: Request) -> list[Cell]:
        for name in ("structures", "n", "dims", "trials"):
            if getattr(request, name) is not None:
                raise ValueError(
                    f"The paper's claims come with their own sizes; the option '{name}' cannot be set."
                )
        universe = request.universe or self.default_universe
        return [cell for claim in all_claims().values() for cell in claim.cells(universe, request.seed)]

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        claim = all_claims()[cell.setting["claim"]]
        return {claim.key: [_plain(value) for value in claim.measure(cell, hashes)]}

    def predict(self, cell: Cell) -> dict[str, float]:
        claim = all_claims()[cell.setting["claim"]]
        return {claim.key: float(claim.predict(cell))}

    def tests(self, cell: Cell) -> dict[str, int]:
        claim = all_claims()[cell.setting["claim"]]
        return {claim.key: claim.tests(cell)}

    def table(self, results: Results) -> tuple[Sequence[str], list[tuple[str, ...]]]:
        from hypersketch.capacity.claims import page

        return page.HEAD, page.lines(results.rows)

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity.claims import figures as drawn

        return drawn.pictures(results)

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity.claims import page

        return page.page(self, results, config, figures)


def _plain(value: Any) -> float | int:
    """A Python number, whatever NumPy made of it."""
    number = value.item() if hasattr(value, "item") else value
    return number if isinstance(number, int) else float(number)


def paper(
    out: str | os.PathLike[str] | None = None,
    *,
    seed: int = 1,
    jobs: int = 1,
    resume: bool = False,
    progress: bool = False,
) -> Results:
    """Measures all claims of the literature.

    Parameters
    ----------
    out : path, optional
        Folder for the report page (extra ``lab``).
    seed : int, default 1
        Seed of the run.
    jobs : int, default 1
        Claims measured at the same time, on threads.
    resume : bool, default False
        Go on with an interrupted run in `out`.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    Results
        One row for each case of each claim; the claim is the row's quantity.

    Examples
    --------
    >>> from hypersketch import capacity
    >>> results = capacity.paper(out="report", jobs=2)  # doctest: +SKIP
    """
    from hypersketch.capacity.runner import run

    return run("paper", out=out, seed=seed, jobs=jobs, resume=resume, progress=progress)
