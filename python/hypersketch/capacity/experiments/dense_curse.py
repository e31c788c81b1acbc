# SPDX-License-Identifier: Apache-2.0
"""How large may the index of a dense retriever be? As large as its dimension allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures.base import Structure
from hypersketch.memories import NeighbourMemory

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["DenseCurse"]

Rows: TypeAlias = npt.NDArray[np.float32]

_QUERIES = 50
_COSINES = (0.35, 0.5)


class DenseCurse(Experiment):
    """Asks an index of random directions for documents that the queries are like."""

    name: ClassVar[str] = "dense-curse"
    title: ClassVar[str] = "How large may the index of a dense retriever be?"
    summary: ClassVar[str] = (
        "How large may the index of a dense retriever be? False positives against dimension and index size."
    )
    question: ClassVar[str] = (
        "A query is like its document, with a known cosine, and the index holds many others that have "
        "nothing to do with it. How often does one of these come first, and how many are more similar than "
        "the right one?"
    )
    method: ClassVar[str] = (
        f"In each trial n random directions are stored, and {_QUERIES} queries are made with the given "
        "cosine to one of them each and a random rest. The nearest of all is looked for by exact search."
    )
    prediction: ClassVar[str] = (
        "The cosine of two random directions follows a beta law, so the chance that one document outscores "
        "the right one is a value of the incomplete beta function, and the chance that none of n − 1 does is "
        "its complement's power: both exact. Reimers and Gurevych (2021) prove that false positives grow "
        "with the index and fall with the dimension, and show it for passages; this is their law for "
        "random directions. It reproduces their theorem, not a number of theirs: real embeddings are not "
        "random directions."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "outscored": Quantity("rate", "share of queries whose document does not come first"),
        "false positives": Quantity("rate", "share of the other documents that are more similar"),
    }
    along: ClassVar[str | None] = "cosine"
    default_n: ClassVar[tuple[int, ...]] = (1_000, 10_000, 100_000)
    default_trials: ClassVar[int] = 12

    def units(self, entry: Structure, n: int) -> list[int]:
        return [32, 48, 64, 96]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"cosine": cosine} for cosine in _COSINES]

    def tests(self, cell: Cell) -> dict[str, int]:
        queries = min(_QUERIES, cell.n)
        return {"outscored": queries, "false positives": queries * (cell.n - 1)}

    def check(self, cell: Cell) -> None:
        if cell.size["key_dim"] < 2 or cell.n < 2:
            raise ValueError("There must be at least 2 dimensions and 2 documents.")

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        found: Outcomes = {name: [] for name in self.quantities}
        for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
            documents, queries = _drawn(cell, seed)
            memory = NeighbourMemory(cell.size["key_dim"], vocabulary=1, max_items=cell.n, device=cell.device)
            memory.store(documents, np.zeros(cell.n, np.int64))
            right = np.arange(len(queries))
            first = memory.search(queries)[0][:, 0]
            above = (queries @ documents.T) >= (queries * documents[right]).sum(axis=1)[:, np.newaxis]
            above[right, right] = False
            found["outscored"].append(int((first != right).sum()))
            found["false positives"].append(int(above.sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        asked = cell.size["key_dim"], cell.n - 1, cell.setting["cosine"]
        return {
            "outscored": float(theory.dense_retrieval.outscored(*asked)),
            "false positives": float(theory.item_memory.cosine_tail(asked[0], asked[2])),
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "dimension",
            lambda row: float(row.size["key_dim"]),
            lambda row: f"n = {row.n:,}",
            lambda row: f"cosine {row.setting['cosine']:g}",
        )


def _drawn(cell: Cell, seed: int) -> tuple[Rows, Rows]:
    """Documents of length 1, and queries with the given cosine to the first of them."""
    rng, dim, cosine = np.random.default_rng(seed), cell.size["key_dim"], cell.setting["cosine"]
    documents = rng.standard_normal((cell.n, dim), np.float32)
    documents /= np.linalg.norm(documents, axis=1, keepdims=True)
    right = documents[:_QUERIES].astype(np.float64)
    rest = rng.standard_normal(right.shape)
    rest -= (rest * right).sum(axis=1, keepdims=True) / (right * right).sum(axis=1, keepdims=True) * right
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    queries = cosine * right + math.sqrt(1.0 - cosine**2) * rest
    return documents, queries.astype(np.float32)
