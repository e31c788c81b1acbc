# SPDX-License-Identifier: Apache-2.0
"""Cells: the units of work of an experiment. A cell's numbers depend on it and the run's seed alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypersketch.capacity import kernels

__all__ = ["Cell", "Draw", "Outcomes", "Size"]

#: Parameters that fix how large a structure is, e.g. ``{"dim": 512}`` or ``{"n_bits": 960, "n_hashes": 7}``.
Size: TypeAlias = Mapping[str, int]
#: One number a trial for every measured quantity.
Outcomes: TypeAlias = dict[str, list[float]]
UInt64Array: TypeAlias = npt.NDArray[np.uint64]

# Keys of one block of trials; larger cells draw block after block, so memory stays bounded.
_BLOCK_KEYS = 1 << 21


@dataclass(frozen=True)
class Cell:
    """One structure of one size under one setting, tried ``trials`` times.

    Attributes
    ----------
    experiment, structure : str
        Names, e.g. ``membership`` and ``map-i``.
    n : int
        Items stored in each trial.
    size : mapping of str to int
        Parameters of the structure.
    trials : int
        Independent repetitions, each with its own seed and its own keys.
    probes : int
        Queries a trial that are not members (or the analogue that the experiment names).
    universe : int
        Keys to draw from.
    run_seed : int
        Seed of the whole run.
    setting : mapping of str to value
        What else the experiment varies, e.g. ``{"shared": 50}``.
    device : str
        Where its structures are made. No part of what the cell is: its seed and its numbers are the same on
        every device.

    Examples
    --------
    >>> cell = Cell("membership", "map-i", 5, {"dim": 64}, trials=10, probes=20, universe=100, run_seed=1)
    >>> cell.seed == Cell.from_json(cell.to_json(), run_seed=1).seed
    True
    """

    experiment: str
    structure: str
    n: int
    size: Size
    trials: int
    probes: int
    universe: int
    run_seed: int
    setting: Mapping[str, Any] = field(default_factory=dict)
    device: str = field(default="cpu", compare=False)

    def to_json(self) -> str:
        """Canonical text of the cell: what its seed is derived from.

        Returns
        -------
        str
            JSON with sorted keys, without the run's seed and device.

        Examples
        --------
        >>> Cell("cleanup", "map-i", 5, {"dim": 64}, 10, 0, 100, run_seed=1).to_json()[:42]
        '{"experiment":"cleanup","n":5,"probes":0,"'
        """
        fields = {name: value for name, value in self.__dict__.items() if name not in ("run_seed", "device")}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, run_seed: int) -> Cell:
        """The cell that :meth:`to_json` wrote, on the CPU.

        Parameters
        ----------
        text : str
            A line that :meth:`to_json` returned.
        run_seed : int
            Seed of the run.

        Returns
        -------
        Cell

        Examples
        --------
        >>> cell = Cell("cleanup", "map-i", 5, {"dim": 64}, 10, 0, 100, run_seed=1)
        >>> Cell.from_json(cell.to_json(), 1) == cell
        True
        """
        return cls(**json.loads(text), run_seed=run_seed)

    @property
    def seed(self) -> int:
        """Seed of the cell: XXH64 of its canonical text under the run's seed.

        Examples
        --------
        >>> Cell("cleanup", "map-i", 5, {"dim": 64}, 10, 0, 100, run_seed=1).seed < 2**64
        True
        """
        return kernels.hash_bytes(self.to_json().encode(), self.run_seed)


class Draw:
    """Random choices of a cell: a seed for each trial and distinct keys for each trial, block after block.

    Parameters
    ----------
    cell : Cell
        The cell.
    hashes : array of uint64, shape (N,)
        Hashes of the keys to draw from, all different.
    per_trial : int
        Distinct keys that a trial needs.

    Raises
    ------
    ValueError
        If there are fewer than `per_trial` keys.

    Examples
    --------
    >>> import numpy as np
    >>> cell = Cell("membership", "map-i", 5, {"dim": 64}, 3, 20, 100, run_seed=1)
    >>> [(seeds.shape, keys.shape) for seeds, keys in Draw(cell, np.arange(100, dtype=np.uint64), 25)]
    [((3,), (3, 25))]
    """

    def __init__(self, cell: Cell, hashes: UInt64Array, per_trial: int) -> None:
        if per_trial > hashes.size:
            raise ValueError(
                f"A trial of this {cell.experiment} run needs {per_trial} different keys, "
                f"but there are only {hashes.size}."
            )
        self._seed = cell.seed
        self._trials = cell.trials
        self._hashes = hashes
        self._per_trial = per_trial

    def __iter__(self) -> Iterator[tuple[UInt64Array, UInt64Array]]:
        """Blocks of (seeds of shape (t,), keys of shape (t, per_trial))."""
        seeds = kernels.trial_seeds(self._seed, self._trials)
        block = max(1, _BLOCK_KEYS // max(1, self._per_trial))
        for start in range(0, self._trials, block):
            chunk = seeds[start : start + block]
            chosen = kernels.sample_indices(int(chunk[0]), chunk.size, self._per_trial, self._hashes.size)
            yield chunk, self._hashes[chosen]
