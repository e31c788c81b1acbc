# SPDX-License-Identifier: Apache-2.0
"""How far rows of binding-depth may be apart whose products are transforms or sums in single precision."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

import reference_reals
from hypersketch.capacity.cells import Draw
from hypersketch.capacity.experiments import Request, experiment
from hypersketch.capacity.key_source import key_source
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.bundles import SpaceBundle


def apart(row: Any, seed: int) -> float:
    """Twice what single precision may make of each trial of a run of that seed, on average."""
    asked = Request([row.structure], [row.n], [row.size["dim"]], row.trials, universe=row.universe, seed=seed)
    (cell,) = experiment("binding-depth").cells(asked)
    space = cast(SpaceBundle, structure(row.structure)).space(cell.size, cell.seed)
    ((_, drawn),) = Draw(cell, key_source(None, None, row.universe).hashes(), row.n + 1)
    errors = [reference_reals.kept(space, space.atoms(keys))[1] for keys in drawn]
    return 2 * (float(np.mean(errors)) + reference_reals.cosine_error(row.size["dim"], np.float64))
