# SPDX-License-Identifier: Apache-2.0
"""How many bits does a dimension need? Bundles cut to 1 to 8 bits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes, Size
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.experiments.bsc_exact import lost_share
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.quantized import QuantizedSums

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["Quantization"]

_BITS = range(1, theory.quantized.MOST_BITS + 1)
_STRANGERS = 99


class Quantization(Experiment):
    """Cuts the sums of a bundle to a few bits and asks for members and strangers."""

    name: ClassVar[str] = "quantization"
    title: ClassVar[str] = "How many bits does a dimension need?"
    summary: ClassVar[str] = "How many bits does a dimension need? Errors of bundles cut to 1 to 8 bits."
    question: ClassVar[str] = (
        "A bundle of MAP-I is a vector of integers, MAP-B keeps their signs. What is lost if 1, 2, ... 8 "
        "bits of each are kept, and is memory better spent on more bits or on more dimensions?"
    )
    method: ClassVar[str] = (
        "In each trial n keys are bundled and the sums cut to b bits: in equal steps, as wide as theory "
        "says, the last level open. All keys and 99 others are compared with what is left. The threshold is "
        "half of what a member is expected to score; each member also competes with the 99 strangers for "
        "being the nearest, where a tie counts as a random choice would."
    )
    prediction: ClassVar[str] = (
        "The sums are binomial, so the law of what is kept of them is known, and the rates at a threshold "
        "are exact convolutions of it. What counts is the squared correlation of the sums with what is kept "
        "of them: 2/π, 0.881, 0.963, 0.988 and 0.997 for 1 to 5 bits and many keys. A bundle of b bits a "
        "dimension is as good as one of all bits with that share of the dimensions. Competition with "
        "strangers is the integral over both scores, normal given the length of what is kept."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "stranger spread": Quantity(
            "rms", "root mean square similarity of strangers (members: 1 on average)", log=False
        ),
        "member similarity": Quantity("mean", "mean similarity of members", log=False),
        "false positives": Quantity("rate", "share of strangers above the threshold"),
        "false negatives": Quantity("rate", "share of members below the threshold"),
        "wrong codeword": Quantity("rate", "share of members that some of 99 strangers outdoes"),
    }
    default_n: ClassVar[tuple[int, ...]] = (21, 101)
    default_trials: ClassVar[int] = 300
    probes: ClassVar[int] = _STRANGERS

    def units(self, entry: Structure, n: int) -> list[int]:
        # With one bit, another codeword is nearer in 30 % and in 3 % of all cases.
        return [theory.bsc.dimension(n, _STRANGERS + 1, error) for error in (0.3, 0.03)]

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        return [{"dim": units, "bits": bits} for bits in _BITS]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": cell.probes, "false negatives": cell.n, "wrong codeword": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(QuantizedSums, structure(cell.structure, cell.device))
        step = theory.quantized.best_step(cell.size["bits"], math.sqrt(cell.n))
        gain = theory.quantized.gain(cell.size["bits"], cell.n)
        found: Outcomes = {name: [] for name in self.quantities}
        for seeds, drawn in Draw(cell, hashes, cell.n + cell.probes):
            for seed, keys in zip(seeds.tolist(), drawn, strict=True):
                kept = entry.quantize(cell.size, seed, keys[: cell.n], step)
                # Over what theory expects of a member, not over what this bundle says of itself.
                scores = np.rint(kept.similarity(keys, threads=1) * (kept.dim / kept.scale))
                scores = scores / kept.dim
                members, strangers = scores[: cell.n], scores[cell.n :]
                rivals = np.broadcast_to(strangers, (cell.n, cell.probes))
                lost = lost_share(np.column_stack([members, rivals])[np.newaxis], np.zeros(cell.n, np.int64))
                found["stranger spread"].append(float((strangers**2).mean()) / gain**2)
                found["member similarity"].append(float(members.mean()) / gain)
                found["false positives"].append(int((strangers >= gain / 2).sum()))
                found["false negatives"].append(int((members < gain / 2).sum()))
                found["wrong codeword"].append(float(lost.sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        dim, bits, n = cell.size["dim"], cell.size["bits"], cell.n
        mean, _, stranger = theory.quantized.score_moments(dim, n, bits)
        return {
            "stranger spread": math.sqrt(stranger),
            "member similarity": mean,
            "false positives": theory.quantized.false_positive_rate(dim, n, bits),
            "false negatives": theory.quantized.false_negative_rate(dim, n, bits),
            "wrong codeword": 1.0 - theory.quantized.accuracy(dim, n, cell.probes + 1, bits),
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "bits a dimension",
            lambda row: float(row.size["bits"]),
            lambda row: f"D = {row.size['dim']:,}",
            lambda row: f"n = {row.n:,}",
            log=False,
        )

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity.plots_quantization import bytes_picture

        return [bytes_picture(results.rows, _STRANGERS + 1), *super().pictures(results)]

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _capacities(), _budgets()])


def _capacities() -> str:
    """How many keys D dimensions of b bits hold."""
    from hypersketch.capacity import report

    dims = (512, 1024, 2048, 4096, 8192)
    shown = (1, 2, 3, 4, 8)
    lines = [
        (
            f"D = {dim:,}",
            *(f"{theory.quantized.capacity(dim, _STRANGERS + 1, bits, 0.01):,}" for bits in shown),
        )
        for dim in dims
    ]
    return (
        "<h3>What D dimensions of b bits hold</h3>"
        + report.paragraphs(
            "Keys in a bundle of which each is the nearest of 100 codewords with 99 %, predicted. More "
            "dimensions multiply them, more bits add a factor of at most π/2."
        )
        + report.html_table(("", *(f"{bits} bits" if bits > 1 else "1 bit" for bits in shown)), lines)
    )


def _budgets() -> str:
    """Which D and b a budget of bytes is best spent on."""
    from hypersketch.capacity import report
    from hypersketch.capacity.budget import plan_bits

    cases: list[tuple[str, dict[str, Any]]] = [
        ("the bundle alone", {"budget_bytes": 512}),
        ("the bundle, at most 1,024 dimensions", {"budget_bytes": 512, "max_dim": 1024}),
        ("the bundle and 100 stored codewords", {"budget_bytes": 51_200, "stored_codewords": 100}),
        (
            "20 bundles and 100 stored codewords",
            {"budget_bytes": 51_200, "stored_codewords": 100, "bundles": 20},
        ),
    ]
    lines = []
    for title, options in cases:
        for row in plan_bits(51, 100, **options)[:3]:
            lines.append(
                (
                    title,
                    f"{options['budget_bytes']:,}",
                    str(row.size["bits"]),
                    f"{row.size['dim']:,}",
                    f"{row.error:.3g}",
                )
            )
    return (
        "<h3>How to spend bytes</h3>"
        + report.paragraphs(
            "The three best ways to spend a budget for bundles of 51 keys, each to be told from 99 "
            "strangers. As atoms are computed from keys, more dimensions cost a bundle nothing but its own "
            "bits, and one bit a dimension is best. It is not where dimensions are paid for otherwise: by "
            "stored codewords, one bit a dimension each, or by the time that a query takes."
        )
        + report.html_table(("what is stored", "bytes", "bits", "D", "wrong codeword"), lines)
    )
