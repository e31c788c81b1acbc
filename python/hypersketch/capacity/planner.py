# SPDX-License-Identifier: Apache-2.0
"""How large must a structure be, and what error does a budget buy? Answers from the theory alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from hypersketch import _validation
from hypersketch.capacity import tables
from hypersketch.capacity.cells import Size
from hypersketch.capacity.streams import Counts, zipf_groups
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure, smallest
from hypersketch.capacity.structures.bundles import SpaceBundle
from hypersketch.capacity.validation import positive

if TYPE_CHECKING:
    import polars

__all__ = ["Plan", "PlanRow", "plan"]

_CODEBOOK = 1000


@dataclass(frozen=True)
class PlanRow:
    """One structure of a plan.

    Attributes
    ----------
    structure : str
        Its name.
    size : mapping of str to int
        Parameters to make it with.
    bytes : int
        Memory of its state (the `nbytes` of the object).
    bits_per_item : float
        ``8 * bytes / n``.
    error : float
        Predicted error at this size.
    meaning : str
        What that error is.
    wrong_answers : float or None
        Wrong answers expected when the whole universe is asked for; None if no universe was given or the task
        has no yes-or-no answers.
    expression : str
        Python that makes it, empty, with the names of `hypersketch`.

    Examples
    --------
    >>> from hypersketch import plan
    >>> plan("membership", 1000, error=0.01)[0].expression
    "BloomFilter(n_bits=9595, n_hashes=7, layout='classic')"
    """

    structure: str
    size: Size
    bytes: int
    bits_per_item: float
    error: float
    meaning: str
    wrong_answers: float | None
    expression: str


@dataclass(frozen=True)
class _Task:
    """What a plan needs to know about a task: the error of a size, and what that error is."""

    error: Callable[[Structure, Size, int, int], float]
    meaning: Callable[[Structure], str]
    yes_or_no: bool = False


def _error_rate(entry: Structure, size: Size, n: int, universe: int) -> float:
    return max(entry.error_rates(size, n))


def _intersection_error(entry: Structure, size: Size, n: int, universe: int) -> float:
    shared = max(1, n // 2)
    moments = entry.intersection_moments(size, n, n, shared)
    return math.hypot(moments.sd, moments.mean - shared) / shared


@lru_cache(maxsize=4)
def _zipf(n: int) -> tuple[Counts, float]:
    """A Zipf stream of n keys and the root of the sum of its squared counts."""
    counts = zipf_groups(n)
    return counts, counts.l2


def _count_error(entry: Structure, size: Size, n: int, universe: int) -> float:
    counts, scale = _zipf(n)
    return entry.count_rmse(size, counts) / scale


def _heavy_share(entry: Structure, size: Size, n: int, universe: int) -> float:
    counts, _ = _zipf(n)
    return 2.0 * entry.stranger_count(size, counts, min(0.25, 1.0 / n)) / counts.total


def _inner_error(entry: Structure, size: Size, n: int, universe: int) -> float:
    counts, scale = _zipf(n)
    return entry.inner_error(size, counts) / scale**2


def _cleanup_error(entry: Structure, size: Size, n: int, universe: int) -> float:
    assert isinstance(entry, SpaceBundle)
    return 1.0 - entry.cleanup_accuracy(size, n, universe)


def _always(text: str) -> Callable[[Structure], str]:
    return lambda entry: text


_TASKS: dict[str, _Task] = {
    "membership": _Task(_error_rate, _always("chance that one answer is wrong"), yes_or_no=True),
    "intersection": _Task(_intersection_error, _always("rms error / overlap, two sets that share half")),
    "frequency": _Task(
        _count_error, _always("rms error of a count / root of the sum of squared counts (Zipf counts)")
    ),
    "heavy-hitters": _Task(
        _heavy_share,
        _always("share of the total that stands out: twice what any stranger's count reaches (Zipf counts)"),
    ),
    "inner-product": _Task(
        _inner_error,
        _always(
            "rms error, without what skew gains in several rows, / product of both norms (two Zipf streams "
            "without common keys)"
        ),
    ),
    "pairs": _Task(_error_rate, _always("chance that one answer is wrong"), yes_or_no=True),
    "sequence": _Task(_error_rate, _always("chance that one answer is wrong"), yes_or_no=True),
    "cleanup": _Task(_cleanup_error, _always("share of stored items that are missed")),
}


class Plan(Sequence[PlanRow]):
    """The rows of a plan, best first; prints as a table.

    Examples
    --------
    >>> from hypersketch import plan
    >>> print(plan("cleanup", 15, universe=1000, error=0.01))  # doctest: +ELLIPSIS
    cleanup: 15 items...
    """

    def __init__(self, title: str, rows: Sequence[PlanRow], impossible: Sequence[str] = ()) -> None:
        self.title = title
        self.rows = list(rows)
        #: Names of structures that cannot reach the error, however large, or do not fit into the budget.
        self.impossible = list(impossible)

    @overload
    def __getitem__(self, index: int) -> PlanRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[PlanRow]: ...
    def __getitem__(self, index: int | slice) -> PlanRow | list[PlanRow]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[PlanRow]:
        return iter(self.rows)

    def table(self) -> list[tuple[str, ...]]:
        """Head and rows as text.

        Returns
        -------
        list of tuple of str
        """
        asked = any(row.wrong_answers is not None for row in self.rows)
        head = ("structure", "parameters", "bytes", "bits/item", "predicted error")
        lines = [
            (
                row.structure,
                ", ".join(f"{name}={value}" for name, value in row.size.items()),
                f"{row.bytes:,}",
                f"{row.bits_per_item:,.1f}",
                tables.number(row.error),
                *([tables.number(row.wrong_answers)] if row.wrong_answers is not None else []),
            )
            for row in self.rows
        ]
        return [(*head, "wrong answers in the universe") if asked else head, *lines]

    def notes(self) -> list[str]:
        """What the errors are, and which structures are not in the table."""
        meanings: dict[str, list[str]] = {}
        for row in self.rows:
            meanings.setdefault(row.meaning, []).append(row.structure)
        notes = [
            f"error: {meaning}" + (f" ({', '.join(names)})" if len(meanings) > 1 else "")
            for meaning, names in meanings.items()
        ]
        if self.impossible:
            notes.append(f"out of reach: {', '.join(self.impossible)}")
        return notes

    def __repr__(self) -> str:
        lines = self.table()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        body = [
            "  ".join(
                text.ljust(width) if i < 2 else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *body, *self.notes()])

    def to_polars(self) -> polars.DataFrame:
        """The plan as a polars DataFrame (extra ``lab``), one column a parameter."""
        import polars

        names = dict.fromkeys(name for row in self.rows for name in row.size)
        records: list[dict[str, Any]] = []
        for row in self.rows:
            fields = {name: value for name, value in row.__dict__.items() if name != "size"}
            records.append(fields | {name: row.size.get(name) for name in names})
        return polars.DataFrame(records, infer_schema_length=None)


def plan(
    task: str,
    n: int,
    universe: int | None = None,
    error: float | None = None,
    budget_bytes: int | None = None,
    *,
    structures: Sequence[str] | None = None,
    dim: int | None = None,
    noise: float = 0.0,
) -> Plan:
    """Sizes every structure for a task, or says what error a budget buys.

    Parameters
    ----------
    task : str
        What the structure is for: ``membership``, ``intersection``, ``frequency``, ``heavy-hitters``,
        ``inner-product``, ``pairs``, ``sequence``, ``cleanup``, or ``recall`` of patterns from noisy forms
        of them, for which see `hypersketch.capacity.plan_recall`.
    n : int
        Items to store.
    universe : int, optional
        Items that will be asked for: the codebook of a cleanup (1,000 by default); for yes-or-no tasks it
        adds the number of wrong answers to expect.
    error : float, optional
        Wanted error, in (0, 1); 0.01 if no budget is given. What error it is depends on the task: the chance
        that one answer is wrong (membership, pairs, sequence), the relative rms error (intersection,
        frequency, inner-product), the smallest share of the total that is told from a stranger's count
        (heavy-hitters), or the share of missed items (cleanup).
    budget_bytes : int, optional
        Bytes that the state may take. Without `error` the largest structure that fits is predicted; with it,
        structures that need more are left out.
    structures : sequence of str, optional
        Names of structures; all that can do the task by default.
    dim : int, optional
        Bits of a pattern, for ``recall``.
    noise : float, default 0.0
        Share of the bits of a cue that are turned, for ``recall``.

    Returns
    -------
    Plan
        One row a structure: smallest memory first, or smallest error first if only a budget was given.

    Raises
    ------
    ValueError
        If the task is unknown or a number makes no sense.

    Notes
    -----
    The size is the smallest that reaches the error, by the exact formulas of :mod:`hypersketch.theory` where
    those exist; errors fall in small waves with size, so a few larger sizes may lie just above it again.

    Examples
    --------
    >>> from hypersketch import plan
    >>> row = plan("membership", n=1000, error=0.01, structures=["bloom"])[0]
    >>> row.size
    {'n_bits': 9595, 'n_hashes': 7}
    """
    if task == "recall":
        if universe is not None:
            _validation.refuse("plan", "universe", "None for the task 'recall'", universe)
        return _recall(n, dim, error, budget_bytes, noise, structures)
    if task not in _TASKS:
        raise ValueError(f"Unknown task {task!r}. A plan can be made for: {', '.join(_TASKS)}, recall.")
    if dim is not None or noise:
        name, given = ("noise", noise) if dim is None else ("dim", dim)
        _validation.refuse("plan", name, "given for the task 'recall' alone", given)
    n = positive("plan", "n", n)
    universe = None if universe is None else positive("plan", "universe", universe, least=n)
    if budget_bytes is not None:
        budget_bytes = positive("plan", "budget_bytes", budget_bytes)
    if error is not None or budget_bytes is None:
        error = _validation.probability("plan", "error", 0.01 if error is None else error)
    planner = _Planner(task, n, universe, error, budget_bytes)
    found = {entry.name: planner.row(entry) for entry in known_structures(task, structures)}
    # Whoever named an error looks for the least memory, whoever named a budget for the least error.
    rows = [row for row in found.values() if row is not None]
    rows.sort(key=lambda row: (row.bytes, row.error) if error is not None else (row.error, row.bytes))
    return Plan(planner.title(), rows, [name for name, row in found.items() if row is None])


def _recall(
    n: int,
    dim: int | None,
    error: float | None,
    budget_bytes: int | None,
    noise: float,
    memories: Sequence[str] | None,
) -> Plan:
    from hypersketch.capacity.recall import plan_recall

    if dim is None:
        _validation.refuse("plan", "dim", "given for the task 'recall': the bits of a pattern", dim)
    return plan_recall(n, dim, error, budget_bytes, noise=noise, memories=memories)


@dataclass(frozen=True)
class _Planner:
    """One question to the planner."""

    task: str
    n: int
    universe: int | None
    error: float | None
    budget: int | None

    def title(self) -> str:
        wanted = f"error at most {self.error:g}" if self.error is not None else "the error that a budget buys"
        budget = f", at most {self.budget:,} bytes" if self.budget is not None else ""
        universe = f" of a universe of {self.universe:,}" if self.universe is not None else ""
        return f"{self.task}: {self.n:,} items{universe}, {wanted}{budget}"

    def row(self, entry: Structure) -> PlanRow | None:
        """The structure's row, or None if nothing fits."""
        units = self._largest(entry) if self.error is None else self._smallest(entry, self.error)
        if units is None:
            return None
        size = entry.size(units, self.n, self.task)
        n_bytes = entry.n_bytes(size)
        if self.budget is not None and n_bytes > self.budget:
            return None
        task = _TASKS[self.task]
        return PlanRow(
            structure=entry.name,
            size=size,
            bytes=n_bytes,
            bits_per_item=8 * n_bytes / self.n,
            error=self._error(entry, units),
            meaning=task.meaning(entry),
            wrong_answers=self._wrong_answers(entry, size) if task.yes_or_no else None,
            expression=entry.expression(size),
        )

    def _error(self, entry: Structure, units: int) -> float:
        size = entry.size(units, self.n, self.task)
        return _TASKS[self.task].error(entry, size, self.n, self.universe or _CODEBOOK)

    def _smallest(self, entry: Structure, error: float) -> int | None:
        return smallest(lambda units: self._error(entry, units) <= error, entry.least)

    def _largest(self, entry: Structure) -> int | None:
        """Most units that fit into the budget."""
        assert self.budget is not None
        budget = self.budget

        def too_large(units: int) -> bool:
            return entry.n_bytes(entry.size(units, self.n, self.task)) > budget

        first_over = smallest(too_large, entry.least)
        return None if first_over is None or first_over <= entry.least else first_over - 1

    def _wrong_answers(self, entry: Structure, size: Size) -> float | None:
        if self.universe is None:
            return None
        rates = entry.error_rates(size, self.n)
        return rates.false_positive * (self.universe - self.n) + rates.false_negative * self.n
