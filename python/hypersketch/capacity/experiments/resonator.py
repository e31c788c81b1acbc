# SPDX-License-Identifier: Apache-2.0
"""How large a product can a resonator network take apart?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.operational import Curve
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure
from hypersketch.vsa import MapB, Resonator

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Picture
    from hypersketch.capacity.results import Results

__all__ = ["BUDGET", "RATE", "WITHIN", "ResonatorCapacity", "Series", "reference", "series_of"]

BUDGET = 1000
RATE = 0.99
_SHORT = 100
_NETWORKS: dict[str, dict[str, Any]] = {"plain": {}, "noise + threshold": {"noise": 0.5, "threshold": 1.5}}
#: Quantities that say how often the right factors were found, and their budgets.
WITHIN = {
    "solved": f"{BUDGET:,} sweeps",
    "solved early": f"{_SHORT} sweeps",
}
# Powers of 2 times D ** 2 between which the products M lie: where the plain network, and the other, fail.
_REACH = {
    ("plain", 2): (-5.0, 0.0),
    ("plain", 3): (-6.0, 1.0),
    ("plain", 4): (-7.0, 1.0),
    ("noise + threshold", 2): (-3.0, 2.0),
    ("noise + threshold", 3): (-4.0, 3.0),
    ("noise + threshold", 4): (-6.0, 2.0),
}


class Series(NamedTuple):
    """The measured curve of one network, number of factors, dimension and budget."""

    network: str
    factors: int
    dim: int
    quantity: str
    curve: Curve


class ResonatorCapacity(Experiment):
    """Multiplies one vector of each of F codebooks and has a resonator network find them again."""

    name: ClassVar[str] = "resonator"
    title: ClassVar[str] = "How large a product can a resonator network take apart?"
    summary: ClassVar[str] = (
        "How large a product can a resonator network take apart? Operational capacity against D and F."
    )
    question: ClassVar[str] = (
        "A vector is the product of one random vector from each of F codebooks of m vectors. How many "
        "products M = m^F can there be, so that a resonator network finds the right factors in 99 % of "
        "all trials?"
    )
    method: ClassVar[str] = (
        "In each trial F fresh codebooks and one product are drawn. Estimates of the factors start from the "
        "sum of each codebook and are updated one after the other, until the codewords that they are most "
        f"like multiply to the vector, nothing changes any more, or {BUDGET:,} sweeps over all factors are "
        "done. The second network adds noise to the similarities (half the standard deviation of a "
        "stranger's) and ignores those below 1.5 such deviations; these two numbers were chosen once, at "
        "D = 500 and F = 3, and tuned to no other size. An answer is solved only if all factors are the ones "
        "drawn; wrong is a fixed point that is not the answer (or a wrong answer that looks right), cycle a "
        "state that comes back, unconverged the rest. The number of sweeps is recorded, so a smaller budget "
        "is read from the same trials."
    )
    prediction: ClassVar[str] = (
        "There is no theorem, and nothing is judged. Kent, Frady, Sommer and Olshausen (2020) fitted "
        "8.078 D² / F^1.268 for F of 3 and more (and 0.293 D² for F = 2) to the capacity of the plain "
        "network within M/1,000 sweeps at large D, with other stopping rules than here. It is drawn as a "
        "reference, and is no claim of this page. At the dimensions of this page M/1,000 sweeps are mostly "
        "fewer than any problem takes, so budgets here are fixed numbers, which stand beside every figure."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "solved": Quantity("rate", f"share of trials solved within {BUDGET:,} sweeps", log=False),
        "solved early": Quantity("rate", f"share of trials solved within {_SHORT} sweeps", log=False),
        "wrong": Quantity("rate", "share of trials that stood still at a wrong answer", log=False),
        "cycle": Quantity("rate", "share of trials whose state came back", log=False),
        "unconverged": Quantity("rate", f"share of trials that used up {BUDGET:,} sweeps", log=False),
        "sweeps": Quantity("mean", "sweeps of the solved trials"),
    }
    text_columns: ClassVar[frozenset[str]] = frozenset({"network", "sweeps"})
    default_n: ClassVar[tuple[int, ...]] = (2, 3, 4)
    default_dims: ClassVar[tuple[int, ...]] = (256, 384, 576, 832)
    #: On a GPU, which has a block for each trial.
    gpu_dims: ClassVar[tuple[int, ...]] = (*default_dims, 1216, 2048, 4096)
    default_trials: ClassVar[int] = 200

    def units(self, entry: Structure, n: int) -> list[int]:
        return list(self.default_dims)

    def cells(self, request: Request) -> list[Cell]:
        known_structures(self.name, request.structures)
        return [
            cell
            for network in _NETWORKS
            for factors in request.n or self.default_n
            for dim in request.dims or (self.default_dims if request.device == "cpu" else self.gpu_dims)
            for cell in self._curve(network, factors, dim, request)
        ]

    def _curve(self, network: str, factors: int, dim: int, request: Request) -> list[Cell]:
        if not 2 <= factors <= 6:
            raise ValueError(
                "The 'n' parameter of the resonator experiment is a number of factors and must be an integer "
                f"in [2, 6]. Got {factors} instead."
            )
        return [
            Cell(
                self.name,
                "map-b",
                factors,
                {"dim": dim},
                request.trials or self.default_trials,
                0,
                request.universe or self.default_universe,
                request.seed,
                {"network": network, "codebook": m, "budget": BUDGET},
                request.device,
            )
            for m in _codebook_sizes(network, factors, dim)
        ]

    def n_bytes(self, cell: Cell) -> int:
        """Bytes of the codebooks."""
        return int(cell.n * cell.setting["codebook"] * MapB(cell.size["dim"]).nbytes)

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        m, factors = cell.setting["codebook"], cell.n
        tallies = (
            self._on_gpu(cell, hashes)
            if cell.device != "cpu"
            else [
                _trial(
                    cell,
                    seed,
                    row[: m * factors].reshape(factors, m),
                    (row[m * factors :] % m).astype(np.int64),
                )
                for seeds, keys in Draw(cell, hashes, (m + 1) * factors)
                for seed, row in zip(seeds.tolist(), keys, strict=True)
            ]
        )
        outcomes, sweeps = [one for one, _ in tallies], np.array([count for _, count in tallies], float)
        solved = np.array([one == "solved" for one in outcomes])
        found: Outcomes = {
            "solved": solved.astype(float).tolist(),
            "solved early": (solved & (sweeps <= _SHORT)).astype(float).tolist(),
        }
        for name in ("wrong", "cycle", "unconverged"):
            found[name] = [float(one == name) for one in outcomes]
        if solved.any():
            found["sweeps"] = sweeps[solved].tolist()
        return found

    def _on_gpu(self, cell: Cell, hashes: UInt64Array) -> list[tuple[str, int]]:
        from hypersketch.capacity.experiments import _resonators_on_gpu

        m, factors = cell.setting["codebook"], cell.n
        return [
            tally
            for seeds, keys in Draw(cell, hashes, (m + 1) * factors)
            for tally in _resonators_on_gpu.tallies(cell, seeds, keys, _NETWORKS[cell.setting["network"]])
        ]

    def predict(self, cell: Cell) -> dict[str, float]:
        return {}

    def tests(self, cell: Cell) -> dict[str, int]:
        return {}

    def table(self, results: Results) -> tuple[Sequence[str], list[tuple[str, ...]]]:
        from hypersketch.capacity import resonator_page

        return resonator_page.HEAD, resonator_page.capacity_lines(results)

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots_resonator

        return plots_resonator.pictures(results)

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import resonator_page

        return resonator_page.page(self, results, config, figures)


def _codebook_sizes(network: str, factors: int, dim: int) -> list[int]:
    """Codebooks so large that their products lie half a power of two apart, around where networks fail."""
    low, high = _REACH.get((network, factors), _REACH[network, 4])
    powers = np.arange(low, high + 0.25, 0.5)
    return sorted({max(2, round((dim**2 * 2.0**power) ** (1 / factors))) for power in powers.tolist()})


def _trial(cell: Cell, seed: int, keys: UInt64Array, truth: np.ndarray[Any, Any]) -> tuple[str, int]:
    """How one trial ended, and after how many sweeps."""
    space = MapB(cell.size["dim"], seed=seed)
    books = [space.atoms(row, threads=1) for row in keys]
    options = _NETWORKS[cell.setting["network"]]
    network = Resonator(space, books, max_iterations=cell.setting["budget"], seed=seed, **options)
    found = network.factorize(network.compose(truth), threads=1)
    outcome = str(found.outcomes[0])
    if outcome == "solved" and found.indices[0].tolist() != truth.tolist():
        outcome = "wrong"
    return outcome, int(found.iterations[0])


def series_of(results: Results) -> list[Series]:
    """The curves of a run: one for each network, number of factors, dimension and budget."""
    points: dict[tuple[str, int, int, str], list[tuple[float, int, int]]] = {}
    for row in results:
        if row.quantity in WITHIN:
            key = (row.setting["network"], row.n, row.size["dim"], row.quantity)
            size = float(row.setting["codebook"]) ** row.n
            points.setdefault(key, []).append((size, round(row.measured * row.trials), row.trials))
    return [
        Series(*key, Curve(tuple(p[0] for p in line), tuple(p[1] for p in line), line[0][2]))
        for key, line in ((key, sorted(values)) for key, values in points.items())
    ]


def reference(dim: float, factors: int) -> float:
    """The capacity of the plain network within M/1000 sweeps that Kent et al. (2020) fitted.

    Examples
    --------
    >>> round(reference(1000, 3) / 1e6, 2), round(reference(1000, 2) / 1e6, 3)
    (2.01, 0.293)
    """
    return 0.293 * dim**2 if factors == 2 else 8.078 * dim**2 / math.pow(factors, 1.268)
