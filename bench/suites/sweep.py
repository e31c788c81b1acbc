# SPDX-License-Identifier: Apache-2.0
"""The capacity sweep of eleven variants: 33 dimensions x 10 codebooks of 1,000 x bundles of 6 sizes."""

from __future__ import annotations

import numpy as np

import hypersketch
from harness import Row, medians, row
from hypersketch.capacity import kernels
from hypersketch.capacity.structures import structure
from peers.vsa_sweep import IN_TORCHHD, VsaSweep
from suites.capacity import DIMS, SIZES, TRIALS, UNIVERSE

MODELS = ("map-i", "map-b", "map-c", "bsc", "hrr", "fhrr-sum", "fhrr", "vtb", "mcr", "b-sbc", "bsdc-s")
BARS = {"map-i": 100, "map-b": 100, "bsc": 100, "hrr": 20, "fhrr-sum": 20, "fhrr": 20}
BLOCK = 16  # torchhd counts the dimensions of block codes in blocks
_LEAST = {"bsdc-s": 16}


def dims_of(model: str) -> list[int]:
    """The dimensions of the grid that the model has."""
    return [dim for dim in DIMS if dim >= _LEAST.get(model, 0)]


def ours(model: str, seed: int = 1) -> np.ndarray:
    """Mean share of members among the n best, shaped (dims, sizes): every codebook serves all sizes."""
    entry, keys = structure(model), hypersketch.hash_keys(np.arange(UNIVERSE))
    shares = []
    for dim in dims_of(model):
        seeds = kernels.trial_seeds(seed ^ dim << 32, TRIALS)
        drawn = [kernels.sample_indices(int(seeds[0]) ^ n, TRIALS, n, UNIVERSE) for n in SIZES]
        size = entry.size(BLOCK * dim if model == "b-sbc" else dim, 1)
        hits = entry.hits_of_sizes(size, seeds, keys, drawn, pairs=False)
        shares.append([found / (TRIALS * n) for found, n in zip(hits, SIZES, strict=True)])
    return np.array(shares)


def rows(repeats: int) -> list[Row]:
    """The sweep of each variant, and of all together."""
    hypersketch.set_num_threads(1)
    peer, made = VsaSweep(), []
    total = np.zeros(2)
    for model in MODELS:
        dims = dims_of(model)

        def theirs(model: str = model, dims: list[int] = dims) -> np.ndarray:
            return peer.sweep(model, dims, SIZES, TRIALS, UNIVERSE)

        mine, other = medians(
            1 if model == "mcr" else min(repeats, 3), lambda model=model: ours(model), theirs
        )
        total += (mine, other)
        name = peer.name if model in IN_TORCHHD else "NumPy"
        made.append(
            row(
                f"sweep, {structure(model).title}, {len(dims) * len(SIZES) * TRIALS:,} bundles",
                f"{1e3 * mine:.0f} ms",
                f"{name}: {other:.2f} s",
                other / mine,
                BARS.get(model),
                f"mean over the grid {ours(model).mean():.3f}, peer {theirs().mean():.3f}",
                f"{structure(model).n_bytes(structure(model).size(dims[-1], 1))} a vector at D = {dims[-1]}",
            )
        )
    made.append(
        row(
            "sweep, eleven variants together",
            f"{total[0]:.2f} s",
            f"torchhd and NumPy: {total[1]:.1f} s",
            total[1] / total[0],
            40,
            "as above",
            "-",
            headline=True,
        )
    )
    return made
