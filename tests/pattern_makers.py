# SPDX-License-Identifier: Apache-2.0
"""Random patterns, and networks that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import HopfieldNetwork

RULES = ("hebb", "storkey", "pseudo-inverse")
UPDATES = ("sync", "async")


def signs(n: int, n_units: int, seed: int = 0) -> Any:
    return np.random.default_rng([n, n_units, seed]).choice(np.array([-1, 1]), (n, n_units))


def made(n_units: int, patterns: Any, rule: Any = "hebb") -> HopfieldNetwork:
    network = HopfieldNetwork(n_units, rule)
    network.store(patterns)
    return network
