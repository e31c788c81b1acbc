# SPDX-License-Identifier: Apache-2.0
"""Bundle capacity after Schlegel, Neubert and Protzel: 33 dimensions x 6 sizes x 10 trials."""

from __future__ import annotations

import numpy as np

import hypersketch
from harness import Row, medians, row
from peers.torchhd import Torchhd

DIMS = [i * i for i in range(2, 35)]
SIZES = [5, 10, 15, 20, 25, 50]
UNIVERSE, TRIALS = 1000, 10


def cleanup_accuracy(structure: str, seed: int) -> np.ndarray:
    """Our mean accuracies of the Schlegel grid, shaped (dims, sizes)."""
    results = hypersketch.capacity.run(
        "cleanup", structures=[structure], n=SIZES, dims=DIMS, universe=UNIVERSE, trials=TRIALS, seed=seed
    )
    table = {(found.size["dim"], found.n): found.value for found in results.measurements()}
    return np.array([[table[dim, n] for n in SIZES] for dim in DIMS])


def rows(repeats: int) -> list[Row]:
    """Bundle capacity after Schlegel, Neubert and Protzel: 33 dimensions x 6 sizes x 10 trials."""
    hypersketch.set_num_threads(1)
    torchhd = Torchhd()
    results = []
    for structure, signed in (("map-i", False), ("map-b", True)):
        ours, theirs = medians(
            repeats,
            lambda structure=structure: hypersketch.capacity.run(
                "cleanup",
                structures=[structure],
                n=SIZES,
                dims=DIMS,
                universe=UNIVERSE,
                trials=TRIALS,
                seed=1,
                jobs=1,
            ),
            lambda signed=signed: torchhd.cleanup(DIMS, SIZES, TRIALS, UNIVERSE, signed),
        )
        found = cleanup_accuracy(structure, 1).mean()
        theirs_found = torchhd.cleanup(DIMS, SIZES, TRIALS, UNIVERSE, signed).mean()
        results.append(
            row(
                f"capacity sweep, {structure}, 1,980 bundles of 1,000 items",
                f"{1e3 * ours:.1f} ms",
                f"{torchhd.name}: {theirs:.2f} s",
                theirs / ours,
                100,
                f"mean over the grid {found:.3f}, torchhd {theirs_found:.3f}",
                f"atoms computed; torchhd stores {4 * UNIVERSE * DIMS[-1] / 1e6:.1f} MB",
                headline=True,
            )
        )
    return results
