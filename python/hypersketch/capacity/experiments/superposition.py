# SPDX-License-Identifier: Apache-2.0
"""How much do more features than dimensions disturb each other?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures.base import FloatArray, Structure
from hypersketch.memories import OuterProductMemory
from hypersketch.vsa import MapI

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["Superposition"]

_FEATURES = (128, 512, 2048)


class Superposition(Experiment):
    """Puts M features into m dimensions, some of them active, and reads each off again."""

    name: ClassVar[str] = "superposition"
    title: ClassVar[str] = "How much do more features than dimensions disturb each other?"
    summary: ClassVar[str] = (
        "How much do more features than dimensions disturb each other? Interference against M and m."
    )
    question: ClassVar[str] = (
        "A layer of m neurons stands for M > m features, each a direction. How much of a feature is read "
        "where only others are active, and how much less would the best directions give?"
    )
    method: ClassVar[str] = (
        "In each trial M features get random directions of signs. Interference is the sum of the squared "
        "cosines of a feature with all others, averaged over the features. Then n features are made active "
        "with value 1, the vector is their sum, and all M are read off by inner products: an inactive one "
        "that reads 1/2 or more is a false feature. The best possible is measured on a tight frame of "
        "cosines and sines."
    )
    prediction: ClassVar[str] = (
        "Cosines of random directions have the mean square 1/m, so interference is (M − 1)/m and what n "
        "active features add to an inactive one has the mean square n/m; for signs the rate of false "
        "features is a binomial tail. No directions have less interference in all than a tight frame, "
        "M/m − 1 each (Welch 1974). Elhage et al. (2022) train toy models of one hidden layer and find "
        "features in superposition whose interference is traded against the number of features; this "
        "reproduces the scale 1/m of that interference for random directions, not a number of theirs."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "interference": Quantity("mean", "squared cosines with all other features, summed"),
        "best interference": Quantity("mean", "least possible such sum: that of a tight frame"),
        "inactive readout": Quantity("rms", "root mean square of what is read of inactive features"),
        "false features": Quantity("rate", "share of inactive features that read 1/2 or more"),
    }
    along: ClassVar[str | None] = "features"
    default_n: ClassVar[tuple[int, ...]] = (4,)
    default_trials: ClassVar[int] = 40

    def units(self, entry: Structure, n: int) -> list[int]:
        return [16, 32, 64]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"features": many} for many in _FEATURES]

    def check(self, cell: Cell) -> None:
        if not cell.n < cell.setting["features"] or cell.size["dim"] >= cell.setting["features"]:
            raise ValueError(
                f"There must be fewer active features and dimensions than features, "
                f"{cell.setting['features']}. Got {cell.n} and {cell.size['dim']}."
            )

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false features": cell.setting["features"] - cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        found: Outcomes = {name: [] for name in self.quantities if name != "best interference"}
        for seeds, drawn in Draw(cell, hashes, cell.setting["features"]):
            for seed, keys in zip(seeds.tolist(), drawn, strict=True):
                space = MapI(cell.size["dim"], seed=seed)
                # Which are active has nothing to do with where they are: the first are a random choice.
                active = space.bundle(keys[: cell.n], threads=1, device=cell.device)
                inactive = active.similarity(keys[cell.n :], threads=1)
                found["interference"].append(_interference_of_signs(space, keys, cell.device))
                found["inactive readout"].append(float((inactive**2).mean()))
                found["false features"].append(int((inactive >= 0.5).sum()))
        if not cell.size["dim"] % 2:
            frame = _tight_frame(cell.setting["features"], cell.size["dim"])
            found["best interference"] = [_interference(frame)] * cell.trials
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        many, dim = cell.setting["features"], cell.size["dim"]
        return {
            "interference": float(theory.superposition.interference(dim, many)),
            "best interference": float(theory.superposition.least_interference(dim, many)),
            "inactive readout": math.sqrt(cell.n / dim),
            "false features": float(theory.map_i.false_positive_rate(dim, cell.n)),
        }

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Mapping[str, int]]:
        return [{"dim": units}]

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "dimensions m",
            lambda row: float(row.size["dim"]),
            lambda row: f"M = {row.setting['features']:,}",
            lambda row: f"{row.n:,} active features",
        )


def _interference(directions: FloatArray) -> float:
    """Squared inner products with all other directions, summed, per direction."""
    # The sum over all pairs is the squared norm of the m x m matrix, not only of the M x M one.
    moments = directions.T @ directions
    own = (directions**2).sum(axis=1)
    return float(((moments**2).sum() - (own**2).sum()) / len(directions))


def _interference_of_signs(space: MapI, keys: UInt64Array, device: str) -> float:
    """`_interference` of the atoms of keys, over sqrt(D), from whole numbers: the same on every device."""
    moments = OuterProductMemory(space.dim, dtype="float64", device=device)
    moments.store(_signs(space, keys, device).astype(np.float64))
    # The squared sums of all entries are exact while they are below 2^53, and so is what is left of them.
    others = int((np.asarray(moments.matrix) ** 2).sum()) - len(keys) * space.dim**2
    return others / (len(keys) * space.dim**2)


def _signs(space: MapI, keys: UInt64Array, device: str) -> npt.NDArray[np.int8]:
    if device == "cpu":
        return space.unpack(space.atoms(keys, threads=1))
    from hypersketch.capacity.kernels_on_gpu import signs_of_keys

    return signs_of_keys(space, keys, device)


def _tight_frame(many: int, dim: int) -> FloatArray:
    """Unit vectors whose outer products sum up to a multiple of the identity: cosines and sines."""
    angles = 2.0 * math.pi * np.outer(np.arange(many), np.arange(1, dim // 2 + 1)) / many
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * math.sqrt(2.0 / dim)
