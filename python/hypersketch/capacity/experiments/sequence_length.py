# SPDX-License-Identifier: Apache-2.0
"""How long may a sequence be? Every position asked for its symbol, against the whole alphabet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.experiments.bsc_exact import lost_share
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import FloatArray, Structure
from hypersketch.capacity.structures.bundles import MapBundle
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapB, MapI

if TYPE_CHECKING:
    from hypersketch.capacity.experiments.base import Request
    from hypersketch.capacity.plots import Panels

__all__ = ["SequenceLength"]

_ALPHABET = 27


class SequenceLength(Experiment):
    """Stores sequences of growing length and recalls every position; looks at one symbol's repetition too."""

    name: ClassVar[str] = "sequence-length"
    title: ClassVar[str] = "How long may a sequence be?"
    summary: ClassVar[str] = (
        "How long may a sequence be? Recall of every position by permutation, and what repetition does."
    )
    question: ClassVar[str] = (
        "A sequence of n symbols is stored in one vector, each symbol shifted by its position. How many of "
        "them can be read back, and does it matter whether symbols repeat?"
    )
    method: ClassVar[str] = (
        "In each trial n symbols are drawn, with repetition, from an alphabet of 27 (a text), or one symbol "
        "is repeated n times. Each position is shifted back and compared with the whole alphabet; a tie "
        "counts as a random choice would. Of repeated symbols, which any memory recalls, the squared length "
        "of the sum is looked at instead."
    )
    prediction: ClassVar[str] = (
        "Recall is that of a record of n pairs (bsc-exact): shifted symbols are nearly independent of each "
        "other, also where a symbol repeats. Lengths are not so lucky: n cyclic shifts of one random vector "
        "share their randomness, and the squared length of their sum, which is the similarity of such a "
        "sequence with itself, varies with the relative variance 4/(D n²) Σ (n − t)², about 4n/(3D), where "
        "n different symbols have 2(1 − 1/n)/D."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "wrong symbol": Quantity("rate", "share of positions that recall a wrong symbol", log=False),
        "length variance": Quantity("variance", "variance of the squared length of the sum, over n²"),
    }
    default_n: ClassVar[tuple[int, ...]] = (10, 20, 40, 80, 160)
    default_trials: ClassVar[int] = 300

    def units(self, entry: Structure, n: int) -> list[int]:
        return [512, 2048]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"symbols": "text"}, {"symbols": "one"}]

    def cells(self, request: Request) -> list[Cell]:
        # Signs forget lengths.
        return [
            cell
            for cell in super().cells(request)
            if cell.structure == "map-i" or cell.setting["symbols"] == "text"
        ]

    def check(self, cell: Cell) -> None:
        if 2 * cell.n > cell.size["dim"]:
            raise ValueError(
                f"A sequence of {cell.n} symbols needs at least {2 * cell.n} dimensions. Got "
                f"{cell.size['dim']} instead."
            )

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"wrong symbol": cell.n} if cell.setting["symbols"] == "text" else {}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(MapBundle, structure(cell.structure))
        repeated = cell.setting["symbols"] == "one"
        outcomes: list[float] = []
        for seeds, drawn in Draw(cell, hashes, _ALPHABET + cell.n):
            for seed, row in zip(seeds.tolist(), drawn, strict=True):
                # The hashes of keys that were drawn for this are the dice.
                text = (row[_ALPHABET:] % _ALPHABET).astype(np.int64) * (not repeated)
                alphabet, memory = _stored(entry.space(cell.size, seed), row[:_ALPHABET], text, cell.device)
                if repeated:
                    outcomes.append((float(memory @ memory) / memory.size - cell.n) ** 2 / cell.n**2)
                else:
                    outcomes.append(_wrong_symbols(alphabet, text, memory))
        return {"length variance" if repeated else "wrong symbol": outcomes}

    def predict(self, cell: Cell) -> dict[str, float]:
        dim, n = cell.size["dim"], cell.n
        if cell.setting["symbols"] == "one":
            return {"length variance": float(theory.map_i.shifted_norm_variance(n, dim)) / n**2}
        if cell.structure == "map-b":
            return {"wrong symbol": 1.0 - theory.bsc.accuracy(dim, n, _ALPHABET)}
        return {"wrong symbol": 1.0 - theory.cleanup.map_i_accuracy(dim, n, _ALPHABET)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "symbols n",
            lambda row: float(row.n),
            lambda row: f"D = {row.size['dim']:,}",
            lambda row: structure(row.structure).title,
        )


def _stored(
    space: MapI | MapB, keys: UInt64Array, text: npt.NDArray[np.int64], device: str
) -> tuple[FloatArray, FloatArray]:
    """Atoms of all symbols, and the bundle of the text's, each shifted by its position, as numbers."""
    if device != "cpu":
        return _stored_on_gpu(space, keys, text, device)
    atoms = space.atoms(keys, threads=1)
    bundle = space.bundle()
    placed = [space.permute(atoms[symbol], position) for position, symbol in enumerate(text.tolist())]
    bundle.add_vectors(np.stack(placed), threads=1)
    memory = space.unpack(bundle.pack().vector) if space.binary else bundle.counters
    return space.unpack(atoms).astype(np.float64), memory.astype(np.float64)


def _stored_on_gpu(
    space: MapI | MapB, keys: UInt64Array, text: npt.NDArray[np.int64], device: str
) -> tuple[FloatArray, FloatArray]:
    from hypersketch.capacity.kernels_on_gpu import Rows

    rows = Rows(space, device)
    atoms = rows.atoms(hash_keys(keys, threads=1))
    placed = rows.rotated(rows.taken(atoms, text), np.arange(text.size))
    made = rows.superposed(placed, np.array([0, text.size]))
    memory = rows.to_host(made, np.uint64 if space.binary else np.int32)
    letters = space.unpack(rows.to_host(atoms, np.uint64).reshape(keys.size, -1))
    return letters.astype(np.float64), (space.unpack(memory) if space.binary else memory).astype(np.float64)


def _wrong_symbols(alphabet: FloatArray, text: npt.NDArray[np.int64], memory: FloatArray) -> float:
    """Positions that recall a wrong symbol."""
    # Every symbol at every shift in one correlation; scores are integers, so rounding makes them exact.
    spectra = np.fft.rfft(memory) * np.fft.rfft(alphabet).conj()
    scores = np.rint(np.fft.irfft(spectra, memory.size))[:, : text.size]
    return float(lost_share(scores.T[np.newaxis], text).sum())
