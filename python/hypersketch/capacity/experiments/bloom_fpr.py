# SPDX-License-Identifier: Apache-2.0
"""How often do Bloom filters of every layout say yes to a stranger?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.keys import hash_keys

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["BloomFpr"]

_BITS_PER_KEY = (6.0, 8.0, 10.5, 13.0, 16.9, 20.0, 26.4, 33.0, 40.0)
_MOST_KEYS = 670_000  # integers of at most four set bits
_PATTERN_BITS = 10.5  # bits a key at which the patterns are tried


@lru_cache(maxsize=1)
def _close(n: int) -> UInt64Array:
    """Integers with one set bit, with two, and so on: any two of them differ in a few bits."""
    bits = np.uint64(1) << np.arange(64, dtype=np.uint64)
    some = []
    for ones in range(1, 5):
        places = np.fromiter(chain.from_iterable(combinations(range(64), ones)), dtype=np.int64)
        some.append(np.bitwise_or.reduce(bits[places.reshape(-1, ones)], axis=1))
    return np.concatenate(some)[:n]


#: Keys of every pattern: n of them, all different.
_PATTERNS: dict[str, Callable[[int], UInt64Array]] = {
    "sequential": lambda n: np.arange(n, dtype=np.uint64),
    "strided by 2^40": lambda n: np.arange(n, dtype=np.uint64) << np.uint64(40),
    "bits of floats": lambda n: np.arange(1, n + 1, dtype=np.float64).view(np.uint64),
    "a few bits apart": _close,
}


class BloomFpr(Experiment):
    """Asks filters of all layouts for keys that were never added."""

    name: ClassVar[str] = "bloom-fpr"
    title: ClassVar[str] = "How often do Bloom filters say yes to a stranger?"
    summary: ClassVar[str] = (
        "How often do Bloom filters say yes to a stranger? All layouts, 6 to 40 bits a key, against the "
        "exact rate."
    )
    question: ClassVar[str] = (
        "A Bloom filter never misses a key that was added, and sometimes says yes to one that was not. A "
        "layout that keeps a key's bits together is several times faster, since one look at memory answers. "
        "What does that cost in wrong answers, and do they depend on what the keys look like?"
    )
    method: ClassVar[str] = (
        "In each trial a filter with a fresh seed takes n keys and is asked for 200,000 others. Where no "
        "pattern is named, the stored keys are those of the run and the others are random; with a pattern, "
        "all keys follow it, one after the other: consecutive integers, multiples of 2^40, the bits of "
        "consecutive floating-point numbers, integers of at most four set bits."
    )
    prediction: ClassVar[str] = (
        "The exact rate of each layout over random hashes. Without blocks it is E[(X/m)^k] over the number "
        "X of set bits. In blocks it is a mixture: the number of keys in the stranger's block is binomial, "
        "and an overfull block is wrong far more often than an empty one is right. Formulas that ignore "
        "this, such as that of Parquet's specification, promise too much."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "false positives": Quantity("rate", "share of strangers that are reported as stored")
    }
    default_n: ClassVar[tuple[int, ...]] = (20_000,)
    default_trials: ClassVar[int] = 50
    probes: ClassVar[int] = 200_000

    def units(self, entry: Structure, n: int) -> list[int]:
        return [round(bits * n) for bits in _BITS_PER_KEY]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{}, *({"keys": pattern} for pattern in _PATTERNS)]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": cell.probes}

    def _column(
        self, entry: Structure, n: int, setting: Mapping[str, Any], request: Request
    ) -> Iterable[Cell]:
        for cell in super()._column(entry, n, setting, request):
            if not setting or request.dims or cell.size == entry.size(round(_PATTERN_BITS * n), n):
                yield cell

    def check(self, cell: Cell) -> None:
        if cell.setting and cell.n + cell.probes > _MOST_KEYS:
            raise ValueError(
                f"A trial of {cell.n} keys needs {cell.n + cell.probes} different keys of a pattern, and "
                f"there are {_MOST_KEYS}."
            )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        draw = _patterned(cell) if cell.setting else _drawn(cell, hashes)
        entry = structure(cell.structure, cell.device)
        wrong = [
            int(entry.build(cell.size, seed, stored).contains_hashes(asked, threads=1).sum())
            for seed, stored, asked in draw
        ]
        return {"false positives": list(map(float, wrong))}

    def predict(self, cell: Cell) -> dict[str, float]:
        return {"false positives": structure(cell.structure).error_rates(cell.size, cell.n).false_positive}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "bits per key",
            lambda row: row.bits_per_item,
            lambda row: str(row.setting.get("keys", "random keys")),
            lambda row: structure(row.structure).title,
        )

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots, plots_sketches

        chosen = [row for row in results if not row.setting]
        more = [plots_sketches.layouts_picture(chosen)] if chosen else []
        patterns = [row for row in results if row.setting]
        more += [plots_sketches.patterns_picture(patterns)] if patterns else []
        return [*more, *plots.pictures(self, results)[-1:]]


def _drawn(cell: Cell, hashes: UInt64Array) -> Iterable[tuple[int, UInt64Array, UInt64Array]]:
    """Seed, keys of the run, and random hashes, for every trial."""
    for seeds, keys in Draw(cell, hashes, cell.n):
        for seed, row in zip(seeds.tolist(), keys, strict=True):
            # Random 64-bit numbers: the chance that one of them is a stored key's hash is nothing.
            yield seed, row, kernels.trial_seeds(seed ^ cell.seed, cell.probes)


def _patterned(cell: Cell) -> Iterable[tuple[int, UInt64Array, UInt64Array]]:
    """Seed, stored keys and others of a pattern, for every trial."""
    keys = hash_keys(_PATTERNS[cell.setting["keys"]](cell.n + cell.probes), threads=1)
    for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
        yield seed, keys[: cell.n], keys[cell.n :]
