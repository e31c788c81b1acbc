# SPDX-License-Identifier: Apache-2.0
"""What does a memory still know when some of its bits flip?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Outcomes, Size
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.experiments.bsc_exact import lost_share
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.quantized import QuantizedSums
from hypersketch.vsa import BSC, MapB, PackedBundle, QuantizedBundle

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["Noise", "flip_mask"]

_RATES = (0.0, 0.08, 0.16, 0.24, 0.32, 0.4)
_STRANGERS = 99
_BITS = (2, 3, 4)


class Noise(Experiment):
    """Flips bits of a packed bundle and asks for its members and for strangers."""

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "What does a memory still know when its bits flip?"
    summary: ClassVar[str] = (
        "What does a memory still know when its bits flip? Similarity and errors against the rate of flips."
    )
    question: ClassVar[str] = (
        "Memory cells fail, channels are noisy. If every bit of a stored vector flips with a given chance, "
        "how much of a member's similarity is left, and how many answers become wrong?"
    )
    method: ClassVar[str] = (
        "In each trial n keys are bundled and packed to one bit a dimension, or cut to 2, 3 and 4 bits; each "
        "stored bit is then flipped with the given chance. All n keys and 99 others are compared with what "
        "is left. Each member of MAP-B also competes with the 99 strangers for being the nearest; a tie "
        "counts as a random choice would. Similarities are divided by what a member scores without flips."
    )
    prediction: ClassVar[str] = (
        "A bit that flips with chance p keeps the share q = 1 − 2p of every similarity: a member of MAP-B "
        "scores q c(n), a stranger is as far away as ever. The numbers of agreeing bits stay binomial, so "
        "all rates are exact. The threshold stays c(n)/2, as of somebody who does not know of the noise. "
        "With more bits a flip may turn the highest one: members keep the share q too, but strangers get "
        "louder, by (1 − q²)(4^b − 1)/3 in each dimension. So the more bits flip, the fewer are worth having."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "member similarity": Quantity("mean", "mean similarity of members; 1 without flips", log=False),
        "stranger spread": Quantity(
            "rms", "root mean square similarity of strangers, in the same units", log=False
        ),
        "false negatives": Quantity("rate", "share of members below the threshold c(n)/2"),
        "false positives": Quantity("rate", "share of strangers above the threshold c(n)/2"),
        "wrong codeword": Quantity("rate", "share of members that some of 99 strangers outdoes"),
    }
    along: ClassVar[str | None] = "flips"
    default_n: ClassVar[tuple[int, ...]] = (11, 101)
    default_trials: ClassVar[int] = 400
    probes: ClassVar[int] = _STRANGERS

    def units(self, entry: Structure, n: int) -> list[int]:
        # Errors of 20 % and 0.1 % without noise, against 99 strangers.
        return [theory.bsc.dimension(n, _STRANGERS + 1, error) for error in (0.2, 1e-3)]

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        if isinstance(entry, QuantizedSums):
            return [{"dim": units, "bits": bits} for bits in _BITS]
        return super().sizes(entry, units, n)

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"flips": rate} for rate in _RATES]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false negatives": cell.n, "false positives": cell.probes, "wrong codeword": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        if cell.structure == "map-b":
            return self._measure_signs(cell, hashes)
        entry = cast(QuantizedSums, structure(cell.structure, cell.device))
        found: Outcomes = {"member similarity": [], "stranger spread": []}
        for seeds, drawn in Draw(cell, hashes, cell.n + cell.probes):
            for seed, keys in zip(seeds.tolist(), drawn, strict=True):
                scores = _noisy_sums(entry, cell, seed, keys[: cell.n]).similarity(keys, threads=1)
                found["member similarity"].append(float(scores[: cell.n].mean()))
                found["stranger spread"].append(float((scores[cell.n :] ** 2).mean()))
        return found

    def _measure_signs(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        threshold = float(theory.map_b.correlation(cell.n)) / 2
        found: Outcomes = {name: [] for name in self.quantities}
        for seeds, drawn in Draw(cell, hashes, cell.n + cell.probes):
            for seed, keys in zip(seeds.tolist(), drawn, strict=True):
                scores = _noisy(cell, seed, keys[: cell.n]).similarity(keys, threads=1)
                members, strangers = scores[: cell.n], scores[cell.n :]
                rivals = np.broadcast_to(strangers, (cell.n, cell.probes))
                lost = lost_share(np.column_stack([members, rivals])[np.newaxis], np.zeros(cell.n, np.int64))
                found["member similarity"].append(float(members.mean()) / (2 * threshold))
                found["stranger spread"].append(float((strangers**2).mean()) / (2 * threshold) ** 2)
                found["false negatives"].append(int((members < threshold).sum()))
                found["false positives"].append(int((strangers >= threshold).sum()))
                found["wrong codeword"].append(float(lost.sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        dim, n, flips = cell.size["dim"], cell.n, cell.setting["flips"]
        if cell.structure != "map-b":
            mean, _, stranger = theory.quantized.score_moments(dim, n, cell.size["bits"], flips=flips)
            return {"member similarity": mean, "stranger spread": math.sqrt(stranger)}
        accuracy = theory.bsc.accuracy(dim, n, cell.probes + 1, flips)
        member = float(theory.map_b.correlation(n))
        return {
            "member similarity": float(theory.map_b.flipped_correlation(n, flips)) / member,
            "stranger spread": 1.0 / math.sqrt(dim) / member,
            "false negatives": theory.bsc.false_negative_rate(dim, n, flips),
            "false positives": float(theory.map_b.false_positive_rate(dim, n)),
            "wrong codeword": 1.0 - accuracy,
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "chance of a bit to flip",
            lambda row: float(row.setting["flips"]),
            lambda row: f"{row.size['bits']} bits" if "bits" in row.size else "1 bit (MAP-B)",
            lambda row: f"n = {row.n:,}, D = {row.size['dim']:,}",
            log=False,
        )


def flip_mask(seed: int, dim: int, rate: float) -> UInt64Array:
    """Return packed bits, each set with chance ``rate``: a function of the seed alone, on every machine.

    Parameters
    ----------
    seed : int
        Seed of the bits.
    dim : int
        Number of bits.
    rate : float
        In [0, 1].

    Returns
    -------
    array of uint64, shape (ceil(dim / 64),)

    Examples
    --------
    >>> flip_mask(1, 100, 1.0).tolist()
    [18446744073709551615, 68719476735]
    """
    dice = kernels.trial_seeds(seed, dim).astype(np.float64) * 2.0**-64
    return BSC(dim).pack((dice < rate) | (rate >= 1.0))


def _mask(cell: Cell, seed: int, plane: int) -> UInt64Array:
    # The space's seed makes atoms of hashes; hashing it anew makes flips that have nothing to do with them.
    return flip_mask(kernels.hash_bytes(b"flips%d" % plane, seed), cell.size["dim"], cell.setting["flips"])


def _noisy_sums(entry: QuantizedSums, cell: Cell, seed: int, keys: UInt64Array) -> QuantizedBundle:
    """The quantized bundle of the keys' hashes with flipped bits, members scoring 1 on average without."""
    bits = cell.size["bits"]
    step = theory.quantized.best_step(bits, math.sqrt(cell.n))
    kept = entry.quantize(cell.size, seed, keys, step)
    flipped = np.stack([plane ^ _mask(cell, seed, j) for j, plane in enumerate(np.asarray(kept.planes))])
    signs = kept.space.unpack(flipped).astype(np.int64)
    values = 2 ** np.arange(bits) @ signs
    scale = 1.0 / theory.quantized.gain(bits, cell.n, step)
    return QuantizedBundle(kept.space, values, bits, step, scale, kept.n_added, device=cell.device)


def _noisy(cell: Cell, seed: int, keys: UInt64Array) -> PackedBundle:
    """The packed bundle of the keys' hashes with flipped bits."""
    space = MapB(cell.size["dim"], seed=seed)
    bundle = space.bundle(keys, threads=1, device=cell.device).pack()
    vector = np.asarray(bundle.vector) ^ _mask(cell, seed, 0)
    return PackedBundle(space, vector, bundle.n_added, device=cell.device)
