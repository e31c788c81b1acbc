# SPDX-License-Identifier: Apache-2.0
"""How many keys does a matrix hold, how does that grow with its side, and what would a sum hold?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories import HopfieldMembership
from hypersketch.vsa import MapI

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results, Row

__all__ = ["HopfieldPm"]

_TARGET = 0.01
_KINDS: dict[str, dict[str, Any]] = {
    "matrix": {"degree": 2, "diagonal": True},
    "matrix without diagonal": {"degree": 2, "diagonal": False},
    "tensor of degree 3": {"degree": 3, "diagonal": False},
}
_SUM = "sum of as many numbers"
_DIMS = {
    "matrix": (24, 48, 96, 192),
    "matrix without diagonal": (24, 48, 96, 192),
    "tensor of degree 3": (12, 20, 32),
}


class HopfieldPm(Experiment):
    """Fills matrices, tensors and sums of equal memory until 1 % of the strangers pass."""

    name: ClassVar[str] = "hopfield-pm"
    title: ClassVar[str] = "How many keys does a matrix hold, and how does that grow with its side?"
    summary: ClassVar[str] = (
        "How many keys does a matrix hold, and how does that grow with its side? D², less than a sum."
    )
    question: ClassVar[str] = (
        "A key is stored as the outer product of a random vector of D signs with itself, times a random "
        "sign. How many keys can be stored until one stranger of a hundred passes for a member, how does "
        "that grow with D, and how many would a plain sum of vectors (MAP-I) of the same memory hold?"
    )
    method: ClassVar[str] = (
        "Theory says how many keys bring 1 % of false positives. So many are stored in each trial, and "
        "2,000 strangers are asked for. The number at exactly 1 % is that number times (z/z₁)², z the "
        "normal quantile of the measured rate and z₁ that of 1 %. The sum has a counter for each cell of "
        "the matrix above its diagonal."
    )
    prediction: ClassVar[str] = (
        "The structure is that of Clarkson, Ubaru and Yang (arXiv 2301.10352), the constants are derived "
        "here. Noise of a matrix has variance n (3 - 2/D)/D², n (2 - 2/D)/D² without the diagonal, and "
        "n/C(D, k) for a tensor of degree k: n grows as D², and as D^k. Rates are exact tails. A sum of D "
        "(D - 1)/2 counters has the noise of a matrix without diagonal, to which the diagonal only adds "
        "noise."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "false positives": Quantity("rate", "share of strangers that pass for members"),
        "keys at 1 %": Quantity("mean", "keys until 1 % of the strangers pass"),
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_trials: ClassVar[int] = 40
    probes: ClassVar[int] = 2000

    def units(self, entry: Structure, n: int) -> list[int]:
        return list(_DIMS["matrix"])

    def cells(self, request: Request) -> list[Cell]:
        cells = [
            self._made(request, "hopfield", dim, {"kind": kind}, n)
            for kind in _KINDS
            for dim in request.dims or _DIMS[kind]
            for n in request.n or [_load(kind, dim)]
        ]
        cells += [
            self._made(request, "map-i", math.comb(dim, 2), {"kind": _SUM}, n)
            for dim in request.dims or _DIMS["matrix"]
            for n in request.n or [_sum_load(math.comb(dim, 2))]
        ]
        return [cell for cell in cells if request.structures is None or cell.structure in request.structures]

    def _made(self, request: Request, name: str, dim: int, setting: Mapping[str, Any], n: int) -> Cell:
        return Cell(
            self.name,
            name,
            n,
            {"dim": dim},
            request.trials or self.default_trials,
            self.probes,
            request.universe or self.default_universe,
            request.seed,
            setting,
            request.device,
        )

    def n_bytes(self, cell: Cell) -> int:
        """Bytes of the counters."""
        if cell.structure == "map-i":
            return 4 * cell.size["dim"]
        return 4 * math.comb(cell.size["dim"], _KINDS[cell.setting["kind"]]["degree"])

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": cell.probes}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        passed = [
            float(_passed(cell, seed, row))
            for seeds, keys in Draw(cell, hashes, cell.n + cell.probes)
            for seed, row in zip(seeds.tolist(), keys, strict=True)
        ]
        # A group of trials has a rate whose quantile is nearly linear; a single one may have none.
        groups = [part for part in np.array_split(np.array(passed), min(10, len(passed))) if part.size]
        rates = [float(np.clip(part.mean() / cell.probes, 1e-4, 0.4)) for part in groups]
        return {"false positives": passed, "keys at 1 %": [_keys_at(cell.n, rate) for rate in rates]}

    def predict(self, cell: Cell) -> dict[str, float]:
        rate = _rate(cell.setting["kind"], cell.size["dim"], cell.n)
        return {"false positives": rate, "keys at 1 %": _keys_at(cell.n, rate)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "counters",
            lambda row: float(row.bytes // 4),
            lambda row: str(row.setting["kind"]),
            lambda _: "equal memory",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _slopes(list(results))])


def _rate(kind: str, dim: int, n: int) -> float:
    if kind == _SUM:
        return float(theory.map_i.false_positive_rate(dim, n))
    return float(theory.hopfield.false_positive_rate(dim, n, **_KINDS[kind]))


def _load(kind: str, dim: int) -> int:
    return max(2, round(float(theory.hopfield.capacity(dim, _TARGET, **_KINDS[kind]))))


def _sum_load(dim: int) -> int:
    from hypersketch.theory.normal import tail_inverse

    return max(2, round(dim / (4.0 * float(tail_inverse(_TARGET)) ** 2)))


def _keys_at(n: int, rate: float) -> float:
    from hypersketch.theory.normal import tail_inverse

    return float(n * (tail_inverse(rate) / tail_inverse(_TARGET)) ** 2)


def _passed(cell: Cell, seed: int, keys: UInt64Array) -> int:
    dim, members, strangers = cell.size["dim"], keys[: cell.n], keys[cell.n :]
    if cell.structure == "map-i":
        bundle = MapI(dim, seed=seed).bundle(members, threads=1, device=cell.device)
        return int((bundle.estimate(strangers, threads=1) >= 0.5).sum())
    memory = HopfieldMembership(dim, seed, **_KINDS[cell.setting["kind"]], device=cell.device)
    memory.add_hashes(members, threads=1)
    return int((memory.score_hashes(strangers, threads=1) >= 0.5).sum())


def _slopes(rows: Sequence[Row]) -> str:
    """Exponents of D between the smallest and the largest side."""
    from hypersketch.capacity import report, tables

    lines = []
    for kind, options in _KINDS.items():
        found = sorted(
            (row for row in rows if row.quantity == "keys at 1 %" and row.setting["kind"] == kind),
            key=lambda row: row.size["dim"],
        )
        if len(found) < 2:
            continue
        least, most = found[0], found[-1]
        span = math.log(most.size["dim"] / least.size["dim"])
        slope = math.log(most.measured / least.measured) / span
        ends = (math.log(most.low / least.high) / span, math.log(most.high / least.low) / span)
        known = math.log((most.predicted or 1.0) / (least.predicted or 1.0)) / span
        low, high = (tables.number(end, 3) for end in ends)
        lines.append((kind, str(options["degree"]), f"{known:.3f}", f"{slope:.3f}", f"{low} … {high}"))
    head = ("memory", "exponent for large D", "predicted between these D", "measured", "interval")
    return f"<h3>How the number of keys grows with D</h3>{report.html_table(head, lines)}" if lines else ""
