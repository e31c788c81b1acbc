# SPDX-License-Identifier: Apache-2.0
"""What a run gives back: one row for every measured number, beside its prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from hypersketch.capacity import statistics
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.extras import require

if TYPE_CHECKING:
    import pandas
    import polars

    from hypersketch.capacity.experiments.base import Experiment

__all__ = ["Measurement", "Results", "Row"]


@dataclass(frozen=True)
class Row:
    """One measured number of one cell.

    Attributes
    ----------
    experiment, structure, quantity : str
        What was measured, on what.
    n : int
        Items stored.
    universe : int
        Keys drawn from (the codebook in a cleanup).
    size, setting : mapping
        Parameters of the structure, and whatever else the experiment varies.
    bytes : int
        Memory of the structure's state.
    bits_per_item : float
        ``8 * bytes / n``.
    trials, tests : int
        Independent repetitions, and tests in each.
    measured, low, high : float
        Estimate and its interval at the family-wise level of the whole run.
    low_95, high_95 : float
        The ordinary 95 % interval (Wilson's for rates).
    predicted : float or None
        What `hypersketch.theory` says; None if it says nothing.
    verdict : {"inside", "above", "below", ""}
        Where the measured interval lies, seen from the prediction.

    Examples
    --------
    >>> from hypersketch import capacity
    >>> row = capacity.run("cleanup", structures=["map-i"], n=[5], dims=[256], universe=100)[0]
    >>> row.structure, row.size, row.verdict
    ('map-i', {'dim': 256}, 'inside')
    """

    experiment: str
    structure: str
    quantity: str
    n: int
    universe: int
    size: Mapping[str, int]
    setting: Mapping[str, Any]
    bytes: int
    bits_per_item: float
    trials: int
    tests: int
    measured: float
    low: float
    high: float
    low_95: float
    high_95: float
    predicted: float | None
    verdict: statistics.Verdict

    @property
    def ratio(self) -> float:
        """Measured over predicted; NaN where there is no prediction or it is 0."""
        return self.measured / self.predicted if self.predicted else math.nan


class Measurement(NamedTuple):
    """A measured value of a cell, bare.

    Examples
    --------
    >>> Measurement("map-i", "accuracy", 5, {"dim": 256}, 1.0).value
    1.0
    """

    structure: str
    quantity: str
    n: int
    size: Mapping[str, int]
    value: float


class Results(Sequence[Row]):
    """The rows of a run, evaluated when they are first looked at.

    Examples
    --------
    >>> from hypersketch import capacity
    >>> results = capacity.run("cleanup", structures=["map-i"], n=[5], dims=[144, 256], universe=100)
    >>> len(results), results.all_inside
    (2, True)
    >>> results.to_polars().columns[:5]
    ['experiment', 'structure', 'quantity', 'n', 'universe']
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)

    @classmethod
    def measured(cls, experiment: Experiment, cells: Sequence[Cell], outcomes: Sequence[Outcomes]) -> Results:
        """Results whose rows are computed from outcomes when they are needed."""
        return _Measured(experiment, cells, outcomes)

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of the grid."""
        return self._rows

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "Results(no rows)"
        outside = len(self.outside)
        verdict = "all inside" if not outside else f"{outside} outside"
        return f"Results({self.rows[0].experiment}: {len(self)} rows, {verdict})"

    @property
    def outside(self) -> list[Row]:
        """Rows whose prediction lies outside the interval of the measurement."""
        return [row for row in self.rows if row.verdict in ("above", "below")]

    @property
    def all_inside(self) -> bool:
        """Whether every prediction lies inside the interval of its measurement."""
        return not self.outside

    def measurements(self) -> list[Measurement]:
        """What was measured, without intervals and predictions, so without evaluating them.

        Returns
        -------
        list of Measurement
        """
        return [Measurement(row.structure, row.quantity, row.n, row.size, row.measured) for row in self.rows]

    def to_records(self) -> list[dict[str, Any]]:
        """Rows as flat dictionaries: the size's and the setting's entries become columns.

        Returns
        -------
        list of dict
            All with the same names; None where a row has no such parameter.
        """
        sizes = _names(row.size for row in self.rows)
        settings = _names(row.setting for row in self.rows)
        return [_flat(row, settings, sizes) for row in self.rows]

    def to_polars(self) -> polars.DataFrame:
        """Rows as a polars DataFrame (extra ``lab``)."""
        require("A polars frame", "polars")
        import polars

        return polars.DataFrame(self.to_records(), infer_schema_length=None)

    def to_pandas(self) -> pandas.DataFrame:
        """Rows as a pandas DataFrame, if pandas is installed."""
        import pandas

        return pandas.DataFrame(self.to_records())

    def to_jsonl(self) -> str:
        """Rows as JSON lines: what ``results.jsonl`` holds.

        Returns
        -------
        str
            One object a line; the same bytes for the same run, whatever machine, device or executor made it.
        """
        return "".join(json.dumps(_finite(asdict(row))) + "\n" for row in self.rows)

    @classmethod
    def from_jsonl(cls, text: str) -> Results:
        """Results that :meth:`to_jsonl` wrote.

        Parameters
        ----------
        text : str
            Content of a ``results.jsonl``.

        Examples
        --------
        >>> len(Results.from_jsonl(""))
        0
        """
        return cls(Row(**_infinite(json.loads(line))) for line in text.splitlines())


class _Measured(Results):
    """Results that know their outcomes and evaluate them once."""

    def __init__(self, experiment: Experiment, cells: Sequence[Cell], outcomes: Sequence[Outcomes]) -> None:
        self._experiment = experiment
        self._cells = cells
        self._outcomes = outcomes

    def measurements(self) -> list[Measurement]:
        return [
            Measurement(cell.structure, name, cell.n, cell.size, self._value(cell, name, values))
            for cell, outcomes in zip(self._cells, self._outcomes, strict=True)
            for name, values in outcomes.items()
        ]

    def _value(self, cell: Cell, name: str, values: list[float]) -> float:
        kind = self._experiment.quantity(name).kind
        return statistics.estimate(kind, values, self._experiment.tests(cell).get(name, 1))

    @cached_property
    def rows(self) -> list[Row]:
        require("The evaluation of a run", "scipy")
        predictions = [self._experiment.predict(cell) for cell in self._cells]
        verdicts = sum(
            name in predicted
            for predicted, outcomes in zip(predictions, self._outcomes, strict=True)
            for name in outcomes
        )
        alpha = statistics.FAMILY_ERROR / max(1, verdicts)
        return [
            _row(self._experiment, cell, name, values, predicted.get(name), alpha)
            for cell, outcomes, predicted in zip(self._cells, self._outcomes, predictions, strict=True)
            for name, values in outcomes.items()
        ]


def _row(
    experiment: Experiment, cell: Cell, name: str, values: list[float], predicted: float | None, alpha: float
) -> Row:
    kind = experiment.quantity(name).kind
    tests = experiment.tests(cell).get(name, 1)
    bounds = statistics.interval(kind, values, tests, alpha)
    usual = _usual_interval(kind, values, tests)
    n_bytes = experiment.n_bytes(cell)
    return Row(
        experiment=cell.experiment,
        structure=cell.structure,
        quantity=name,
        n=cell.n,
        universe=cell.universe,
        size=dict(cell.size),
        setting=dict(cell.setting),
        bytes=n_bytes,
        bits_per_item=8 * n_bytes / max(1, cell.n),
        trials=cell.trials,
        tests=tests,
        measured=statistics.estimate(kind, values, tests),
        low=bounds.low,
        high=bounds.high,
        low_95=usual.low,
        high_95=usual.high,
        predicted=predicted,
        verdict="" if predicted is None else statistics.verdict(predicted, bounds),
    )


def _usual_interval(kind: statistics.Kind, values: list[float], tests: int) -> statistics.Interval:
    """The ordinary 95 % interval, Wilson's for rates."""
    if kind == "rate":
        return statistics.wilson_interval(values, tests)
    return statistics.interval(kind, values, tests, 0.05)


def _names(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _flat(row: Row, settings: list[str], sizes: list[str]) -> dict[str, Any]:
    fields = dict(row.__dict__)
    size, setting = fields.pop("size"), fields.pop("setting")
    head = {name: fields.pop(name) for name in ("experiment", "structure", "quantity", "n", "universe")}
    params = {name: setting.get(name) for name in settings} | {name: size.get(name) for name in sizes}
    return head | params | fields


# JSON has no infinity: an interval without an end (a single trial) is written as null.
def _finite(record: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and math.isinf(v) else v for name, v in record.items()}


def _infinite(record: dict[str, Any]) -> dict[str, Any]:
    for name, end in (("low", -math.inf), ("low_95", -math.inf), ("high", math.inf), ("high_95", math.inf)):
        if record[name] is None:
            record[name] = end
    return record
