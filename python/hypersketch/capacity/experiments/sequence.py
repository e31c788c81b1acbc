# SPDX-License-Identifier: Apache-2.0
"""Which symbol stood at which position? Sequences by permutation."""

from __future__ import annotations

from typing import ClassVar, cast

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import UInt64Array
from hypersketch.capacity.experiments.stored import StoredOrNot
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import FloatArray, Int64Array
from hypersketch.capacity.structures.bundles import MapBundle
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapB, MapI

__all__ = ["Sequence"]

_ALPHABET = 64
_WRONG = 20  # wrong symbols asked for at each position


class Sequence(StoredOrNot):
    """Stores a sequence of n symbols and asks for symbols at positions."""

    name: ClassVar[str] = "sequence"
    title: ClassVar[str] = "Which symbol stood at which position?"
    summary: ClassVar[str] = (
        "Which symbol stood at which position? Sequences by permutation, symbols may repeat."
    )
    question: ClassVar[str] = (
        "A memory holds a sequence of n symbols, in which symbols repeat. How often is it wrong about which "
        "symbol stood at a position?"
    )
    method: ClassVar[str] = (
        "In each trial n symbols are drawn, with repetition, from an alphabet of 64. The symbol at position "
        "p is stored as its random vector shifted cyclically by p places. Then every symbol is asked for at "
        "its position, and 20 wrong symbols at each position."
    )
    prediction: ClassVar[str] = (
        "The formulas of a set of n keys. A symbol at two positions is two nearly independent vectors: the "
        "scores have exactly the variance of a set's scores."
    )
    default_n: ClassVar[tuple[int, ...]] = (20, 60)
    default_trials: ClassVar[int] = 400
    probes: ClassVar[int] = _WRONG

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": cell.n * cell.probes, "false negatives": cell.n}

    def check(self, cell: Cell) -> None:
        if 2 * cell.n > cell.size["dim"]:
            raise ValueError(
                f"A sequence of {cell.n} symbols needs at least {2 * cell.n} dimensions. Got "
                f"{cell.size['dim']} instead."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(MapBundle, structure(cell.structure, cell.device))
        scores = [
            _score(entry, cell, seed, row[:_ALPHABET], row[_ALPHABET:])
            for seeds, drawn in Draw(cell, hashes, _ALPHABET + cell.n)
            for seed, row in zip(seeds.tolist(), drawn, strict=True)
        ]
        return self.wrong_answers(cell, [np.stack(scores)])


def _score(
    entry: MapBundle, cell: Cell, seed: int, alphabet: UInt64Array, entropy: UInt64Array
) -> FloatArray:
    """Scores of the n stored (symbol, position) pairs, then of `probes` wrong symbols at each position."""
    space = entry.space(cell.size, seed)
    first = (entropy % _ALPHABET).astype(np.int64)  # the hashes of keys drawn for this are the dice
    asked = (first[:, np.newaxis] + np.arange(cell.probes + 1)) % _ALPHABET
    if cell.device != "cpu":
        return _score_on_gpu(space, alphabet, asked, cell.device)
    atoms = space.atoms(alphabet, threads=1)
    placed = np.stack([space.permute(atoms[asked[p]], p) for p in range(cell.n)])
    bundle = space.bundle()
    bundle.add_vectors(np.ascontiguousarray(placed[:, 0]), threads=1)
    memory = bundle.pack() if entry.packed else bundle
    stored_first = np.concatenate([placed[:, 0], placed[:, 1:].reshape(-1, placed.shape[-1])])
    return memory.vector_similarity(stored_first, threads=1)


def _score_on_gpu(space: MapI | MapB, alphabet: UInt64Array, asked: Int64Array, device: str) -> FloatArray:
    from hypersketch.capacity.kernels_on_gpu import Rows

    rows, (n, many) = Rows(space, device), asked.shape
    symbols = rows.taken(rows.atoms(hash_keys(alphabet, threads=1)), asked.ravel())
    placed = rows.rotated(symbols, np.repeat(np.arange(n), many))
    stored = rows.taken(placed, np.arange(0, n * many, many))
    memory = rows.superposed(stored, np.array([0, n]))
    scores = rows.scores(memory, placed, n * many).reshape(n, many) / space.dim
    return np.concatenate([scores[:, 0], scores[:, 1:].ravel()])
