# SPDX-License-Identifier: Apache-2.0
"""Was this key stored with this value? Key-value pairs by binding."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import UInt64Array
from hypersketch.capacity.experiments.stored import StoredOrNot
from hypersketch.capacity.structures import structure

__all__ = ["Pairs"]

# Values that the pairs of a trial share.
_VALUES = 64


class Pairs(StoredOrNot):
    """Stores n key-value pairs and asks for them and for the same keys with other values."""

    name: ClassVar[str] = "pairs"
    title: ClassVar[str] = "Was this key stored with this value?"
    summary: ClassVar[str] = (
        "Was this key stored with this value? Key-value pairs by binding, against wrong values."
    )
    question: ClassVar[str] = (
        "A memory holds n pairs of a key and a value. How often is it wrong about which value belongs to a "
        "key? Pairs share values, so the stored items are not independent of each other."
    )
    method: ClassVar[str] = (
        "In each trial n different keys are stored, each with one of 64 values. A pair is the product of "
        "the two random vectors (MAP-I, MAP-B) or the hash of both (Bloom filter). Then the stored pairs "
        "are asked for, and up to 1,000 pairs of a stored key with a wrong value."
    )
    prediction: ClassVar[str] = (
        "The same exact formulas as for sets of n keys: binding costs nothing. Products of different keys "
        "with shared values are independent, because each key occurs in one pair only."
    )
    default_n: ClassVar[tuple[int, ...]] = (50, 200)
    probes: ClassVar[int] = 1000

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": len(_wrong_pairs(cell)[0]), "false negatives": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = structure(cell.structure, cell.device)
        stored = np.arange(cell.n)
        wrong_keys, wrong_values = _wrong_pairs(cell)
        blocks = []
        for seeds, drawn in Draw(cell, hashes, cell.n + _VALUES):
            keys, values = drawn[:, : cell.n], drawn[:, cell.n :]
            members = np.stack([keys, values[:, stored % _VALUES]])
            wrong = np.stack([keys[:, wrong_keys], values[:, wrong_values]])
            blocks.append(
                entry.score_trials(cell.size, seeds, members, np.concatenate([members, wrong], axis=2))
            )
        return self.wrong_answers(cell, blocks)


def _wrong_pairs(cell: Cell) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of key and value of different pairs that were not stored, every key in turn."""
    probe = np.arange(min(cell.probes, cell.n * (_VALUES - 1)))
    key = probe % cell.n
    return key, (key + 1 + probe // cell.n) % _VALUES
