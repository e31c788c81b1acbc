# SPDX-License-Identifier: Apache-2.0
"""What does a bundle of bundles still know of its leaves?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import FloatArray, Structure
from hypersketch.capacity.structures.bundles import MapBundle
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapB

if TYPE_CHECKING:
    from hypersketch.capacity.kernels_on_gpu import Rows

__all__ = ["Nested"]

_MOST_LEAVES = 700


class Nested(Experiment):
    """Bundles keys, bundles the bundles, and so on, and scores leaves and strangers."""

    name: ClassVar[str] = "nested"
    title: ClassVar[str] = "What does a bundle of bundles still know of its leaves?"
    summary: ClassVar[str] = (
        "What does a bundle of bundles still know of its leaves? Signal and noise against depth."
    )
    question: ClassVar[str] = (
        "A tree is stored in one vector: keys are bundled, the bundles are bundled again, and so on. How "
        "much of a leaf's signal is left at the root, and how loud is the noise?"
    )
    method: ClassVar[str] = (
        "In each trial a full tree with a given fan-out (n) and depth is built from fresh keys. The root is "
        "compared with every leaf and with 200 keys that are in no leaf. Fan-out 2 stands for a chain of "
        "pairs, as a memory is that takes one key at a time and keeps signs alone: its leaves are the two "
        "oldest keys, and each pair breaks its ties by a fresh random vector."
    )
    prediction: ClassVar[str] = (
        "MAP-I sums are linear: depth changes nothing, the signal stays 1. The majority of MAP-B loses a "
        "factor c(fan-out) at each level, about √(2/(π · fan-out)), so a half with every key that comes "
        "after in a chain of pairs; its noise is that of one random vector."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "leaf similarity": Quantity("mean", "mean score of a leaf at the root (signal)"),
        "leaf spread": Quantity("rms", "root mean square deviation of a leaf's score from its expectation"),
        "stranger spread": Quantity("rms", "root mean square score of keys that are in no leaf (noise)"),
    }
    along: ClassVar[str | None] = "depth"
    default_n: ClassVar[tuple[int, ...]] = (2, 3, 5)
    default_trials: ClassVar[int] = 300
    probes: ClassVar[int] = 200

    def units(self, entry: Structure, n: int) -> list[int]:
        return [256, 2048]

    def settings(self, n: int) -> list[dict[str, Any]]:
        deepest = max(1, math.floor(math.log(_MOST_LEAVES) / math.log(max(2, n))))
        return [{"fan_out": n, "depth": depth} for depth in range(1, min(6 if n == 2 else 5, deepest) + 1)]

    def items(self, n: int, setting: Mapping[str, Any]) -> int:
        return int(setting["depth"]) + 1 if n == 2 else int(n ** setting["depth"])

    def check(self, cell: Cell) -> None:
        fan_out = cell.setting["fan_out"]
        if fan_out != 2 and fan_out % 2 == 0:
            raise ValueError(
                "The 'n' parameter of the nested experiment is a fan-out and must be odd, so that no "
                f"majority is a tie, or 2 for a chain of pairs. Got {fan_out} instead."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(MapBundle, structure(cell.structure, cell.device))
        blocks = [
            _scores(entry, cell, seeds, keys) for seeds, keys in Draw(cell, hashes, cell.n + cell.probes)
        ]
        scores = np.concatenate(blocks)
        expected = entry.leaf_similarity(cell.setting["fan_out"], cell.setting["depth"])
        oldest = 2 if cell.setting["fan_out"] == 2 else cell.n
        leaves, strangers = scores[:, :oldest], scores[:, cell.n :]
        return {
            "leaf similarity": leaves.mean(axis=1).tolist(),
            "leaf spread": ((leaves - expected) ** 2).mean(axis=1).tolist(),
            "stranger spread": (strangers**2).mean(axis=1).tolist(),
        }

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = cast(MapBundle, structure(cell.structure))
        dim = cell.size["dim"]
        signal = entry.leaf_similarity(cell.setting["fan_out"], cell.setting["depth"])
        # MAP-B: the root is one sign vector. MAP-I: the noise of all (other) leaves.
        leaf = 1 - signal**2 if entry.packed else cell.n - 1
        stranger = 1 if entry.packed else cell.n
        return {
            "leaf similarity": signal,
            "leaf spread": math.sqrt(leaf / dim),
            "stranger spread": math.sqrt(stranger / dim),
        }


def _scores(entry: MapBundle, cell: Cell, seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
    """Scores (T, leaves + probes) of the leaves and of the other keys at the root of each trial's tree."""
    if not entry.packed:  # a sum of sums is the sum of the leaves
        return entry.score_trials(cell.size, seeds, keys[np.newaxis, :, : cell.n], keys[np.newaxis])
    of_trial = _trial if cell.device == "cpu" else _trial_on_gpu
    spaces = (cast(MapB, entry.space(cell.size, seed)) for seed in seeds.tolist())
    return np.stack([of_trial(space, cell, row) for space, row in zip(spaces, keys, strict=True)])


def _trial(space: MapB, cell: Cell, keys: UInt64Array) -> FloatArray:
    atoms, fan_out = space.atoms(keys[: cell.n], threads=1), cell.setting["fan_out"]
    root = (_chain if fan_out == 2 else _tree)(space, atoms, fan_out)
    scores: FloatArray = root.similarity(keys, threads=1)
    return scores


def _tree(space: Any, level: UInt64Array, fan_out: int) -> Any:
    while len(level) > fan_out:
        level = np.stack(
            [_majority(space, level[i : i + fan_out]).vector for i in range(0, len(level), fan_out)]
        )
    return _majority(space, level)


def _chain(space: Any, atoms: UInt64Array, fan_out: int) -> Any:
    """The majority of the second key and the first, of the third and that, and so on.

    Every bundle of a space breaks ties by the same vector, which a chain would gather: fresh vectors do it.
    """
    ties = type(space)(space.dim, seed=_seed_of_ties(space)).atoms(_ties(len(atoms)), threads=1)
    memory = atoms[0]
    for atom, tie in zip(atoms[1:], ties, strict=False):
        bundle = _majority(space, np.stack([memory, atom, tie]))
        memory = bundle.vector
    return bundle


def _seed_of_ties(space: Any) -> int:
    return kernels.hash_bytes(b"ties", space.seed)


def _ties(n: int) -> UInt64Array:
    """Keys of the vectors that break the ties of a chain."""
    return np.arange(n, dtype=np.uint64)


def _majority(space: Any, vectors: UInt64Array) -> Any:
    bundle = space.bundle()
    bundle.add_vectors(vectors, threads=1)
    return bundle.pack()


def _trial_on_gpu(space: MapB, cell: Cell, keys: UInt64Array) -> FloatArray:
    from hypersketch.capacity.kernels_on_gpu import Rows

    rows, n, fan_out = Rows(space, cell.device), cell.n, cell.setting["fan_out"]
    atoms = rows.atoms(hash_keys(keys, threads=1))
    if fan_out == 2:
        root = _chain_on_gpu(rows, keys[:n])
    else:
        root = rows.slice(atoms, 0, n)
        while n > 1:
            root, n = rows.superposed(root, np.arange(0, n + 1, fan_out)), n // fan_out
    return rows.scores(root, atoms, keys.size) / space.dim


def _chain_on_gpu(rows: Rows, keys: UInt64Array) -> Any:
    n, hashes = keys.size, (hash_keys(one, threads=1) for one in (keys, _ties(keys.size)))
    both = rows.atoms(*hashes, seeds=(rows.space.seed, _seed_of_ties(rows.space)))
    memory, triple = rows.slice(both, 0), np.array([0, 3])
    for i in range(n - 1):
        memory = rows.superposed(
            rows.joined(memory, rows.slice(both, i + 1), rows.slice(both, n + i)), triple
        )
    return memory
