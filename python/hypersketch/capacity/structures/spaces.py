# SPDX-License-Identifier: Apache-2.0
"""The spaces that experiments reach through their common algebra alone: one adapter for all of them."""

from __future__ import annotations

import itertools
import math
from typing import Any, ClassVar

import numpy as np

from hypersketch import vsa
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import Int64Array, UInt64Array
from hypersketch.capacity.structures.bundles import SpaceBundle, fused_hits

__all__ = [
    "SPACES",
    "Arrays",
    "Majority",
    "NamedSpace",
    "PhasorSum",
    "Reals",
    "SparseBlocks",
    "ThinnedUnion",
    "Vtb",
]

_TASKS = frozenset({"cleanup", "cleanup-pairs", "schlegel", "accuracy", "log-N", "binding-depth"})
_COUNTED = _TASKS - {"accuracy"}  # whose scores do not tend to normal ones with the number of items
_NO_PAIRS = _COUNTED - {"cleanup-pairs", "binding-depth"}


class NamedSpace(SpaceBundle):
    """A space by its name.

    Parameters
    ----------
    name, title, explanation : str
        As of every structure.
    tasks : frozenset of str
        Experiments that it takes part in.
    least : int, default 4
        Smallest sensible dimension.

    Examples
    --------
    >>> hrr = next(entry for entry in SPACES if entry.name == "hrr")
    >>> hrr.space({"dim": 64}, 1)
    HRR(dim=64, seed=1, spectral=False)
    """

    def __init__(
        self, name: str, title: str, explanation: str, tasks: frozenset[str] = _TASKS, least: int = 4
    ) -> None:
        # What other structures say of their class, these say of the instance.
        self.name, self.title, self.explanation = name, title, explanation  # type: ignore[misc]
        self.tasks, self.least = tasks, least  # type: ignore[misc]

    def space(self, size: Size, seed: int) -> Any:
        return vsa.space(self.name, seed=seed, **size)


class Majority(NamedSpace):
    """BSC, whose bits are the signs of MAP-B: the same kernels build and score it."""

    bundles_per_codebook = 1
    has_kernels = True

    def cleanup_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        dim, drawn = size["dim"], members[:, 0]
        return kernels.cleanup_trials(dim, True, seeds, codebook, drawn, device=self.device)

    def hits_of_sizes(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, drawn: list[Int64Array], *, pairs: bool
    ) -> list[int]:
        if pairs or self.device != "cpu":  # where a codebook lies at hand for all sizes
            return super().hits_of_sizes(size, seeds, codebook, drawn, pairs=pairs)
        return fused_hits(size["dim"], True, seeds, codebook, drawn)


class Reals(NamedSpace):
    """A space of numbers, which a GPU makes, binds, sums and compares."""

    has_kernels = True

    def algebra(self, size: Size, seed: int) -> Any:
        space = self.space(size, seed)
        if self.device == "cpu":
            return space
        from hypersketch.capacity.kernels_reals_on_gpu import SpaceOnGpu

        return SpaceOnGpu(space, self.device)

    def _book_on_gpu(self, space: Any, codebook: UInt64Array) -> Any:
        from hypersketch.capacity.kernels_reals_on_gpu import BookOfReals

        return BookOfReals(space, self.device, codebook)


class Arrays(NamedSpace):
    """A space whose arrays on a GPU have the CPU's bits."""

    has_kernels = True

    def _book_on_gpu(self, space: Any, codebook: UInt64Array) -> Any:
        from hypersketch.capacity.kernels_arrays_on_gpu import BookOfArrays

        return BookOfArrays(space, self.device, codebook)


class PhasorSum(Reals):
    """FHRR that keeps its sums."""

    def space(self, size: Size, seed: int) -> Any:
        return vsa.FHRR(size["dim"], seed=seed, phase_only=False)


class Vtb(Reals):
    """VTB, whose dimensions are squares."""

    def units_near(self, dim: int) -> int:
        return max(self.least, round(math.sqrt(dim)) ** 2)


class SparseBlocks(Arrays):
    """Sparse block codes, whose dimensions are whole blocks."""

    block: ClassVar[int] = 16

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": self.units_near(units), "modulus": self.block}

    def units_near(self, dim: int) -> int:
        return self.block * max(1, round(dim / self.block))


class ThinnedUnion(NamedSpace):
    """BSDC whose unions keep the half of the bits that most members have."""

    from_keys = False

    def space(self, size: Size, seed: int) -> Any:
        return vsa.BSDC(size["dim"], seed=seed)

    def expression(self, size: Size) -> str:
        return f"{self.space(size, 0)!r}.bundle()  # counters cut to the {size['dim'] // 2} largest"

    def superposed(self, space: Any, rows: Any, starts: Int64Array) -> Any:
        unions = space.superpose(rows, starts=starts)
        for index, (start, end) in enumerate(itertools.pairwise(starts)):
            counts = space.unpack(rows[start:end]).sum(axis=0, dtype=np.int64)
            if np.count_nonzero(counts) > space.dim // 2:
                kept = np.zeros(space.dim, np.uint8)
                # Of equal counts those at lower places, as good as any.
                kept[np.argsort(-counts, kind="stable")[: space.dim // 2]] = 1
                unions[index] = space._of_entries(kept)
        return unions


#: The spaces, in the order of tables and figures.
SPACES: tuple[NamedSpace, ...] = (
    Majority(
        "bsc",
        "BSC",
        "A vector of bits: every key votes with its random bits, the majority stays; bound by XOR.",
    ),
    Reals(
        "map-c",
        "MAP-C",
        "Numbers in [−1, 1]: the sum of random vectors, cut off at −1 and 1; bound entry by entry.",
    ),
    Reals("hrr", "HRR", "A sum of random normal vectors, bound by circular convolution."),
    Reals(
        "fhrr",
        "FHRR",
        "A vector of angles: the directions of a sum of random phasors; bound by adding angles.",
    ),
    PhasorSum(
        "fhrr-sum",
        "FHRR, sums",
        "A sum of random phasors that keeps its lengths; bound by adding angles.",
        _TASKS - {"schlegel"},
    ),
    Vtb("vtb", "VTB", "A sum of random normal vectors, bound by a block matrix made of the other vector."),
    Vtb(
        "tvtb",
        "TVTB",
        "A sum of random normal vectors, as square matrices bound by multiplying them.",
        _TASKS - {"schlegel"},
    ),
    Reals(
        "map-t",
        "MAP-T",
        "The signs of a sum of random vectors, and 0 where votes are equal; bound entry by entry.",
        _TASKS - {"schlegel"},
    ),
    Reals(
        "mbat", "MBAT", "A sum of random normal vectors, bound by an orthogonal matrix drawn for the other."
    ),
    Arrays(
        "bsdc-cdt",
        "BSDC-CDT",
        "A union of vectors with few ones (√D of D bits), bound by context-dependent thinning.",
        _NO_PAIRS - {"schlegel"},
        16,
    ),
    Arrays(
        "bsdc-s", "BSDC-S", "A union of vectors with few ones, bound by shifting whole vectors.", _COUNTED, 16
    ),
    Arrays(
        "bsdc-seg",
        "BSDC-SEG",
        "A union of vectors with one 1 in each segment, bound by shifting segments.",
        _COUNTED,
        16,
    ),
    ThinnedUnion(
        "bsdc-thin",
        "BSDC-THIN",
        "A union of vectors with few ones, cut to the half of the bits that most of its members have.",
        _NO_PAIRS,
        16,
    ),
    SparseBlocks(
        "b-sbc",
        "B-SBC",
        "Blocks of 16 bits, one of them set: every key votes for a place in each; bound by shifting blocks.",
        _COUNTED - {"schlegel"},
        16,
    ),
    Arrays(
        "mcr",
        "MCR",
        "A vector of 64 directions on a circle: those nearest to the sum of the keys' directions.",
        _TASKS - {"schlegel"},
    ),
    Arrays(
        "cgr",
        "CGR",
        "A vector of numbers below 64: in every entry the number that most keys have.",
        _COUNTED - {"schlegel"},
    ),
)
