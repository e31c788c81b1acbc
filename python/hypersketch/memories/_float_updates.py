# SPDX-License-Identifier: Apache-2.0
"""Retrieval by fields that are floats: what the compiled loops do for integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core
from hypersketch.memories import _bipolar, _float_rules
from hypersketch.memories._float_rules import Fields, Floats
from hypersketch.memories._pattern_memory import Run
from hypersketch.vsa import _packed


def follow(fields: Fields, run: Run, n_units: int) -> NDArray[np.float64]:
    """Update the states of a run, in place, and return their energies."""
    found = np.empty(len(run.words))
    for part in _float_rules.blocks(len(run.words), n_units):
        states = _bipolar.signs(run.words[part], n_units, np.float64)
        _follow_block(fields, run, part, states)
        run.words[part] = _packed.pack_bits(states < 0)
        found[part] = _float_rules.energies(fields, states)
    return found


def _follow_block(fields: Fields, run: Run, part: slice, states: Floats) -> None:
    rows = np.arange(part.start, part.stop)
    left, before = np.arange(len(states)), states.copy()
    for number in range(run.budget):
        if not left.size:
            return
        now = states[left]
        after = now.copy()
        if run.synchronous:
            changed = _float_rules.step_all(fields, after)
            cycles = changed & (number > 0) & (after == before[left]).all(axis=1)
        else:
            changed = _float_rules.sweep(fields, after, _order(run, now.shape[1], number))
            cycles = np.zeros_like(changed)
        states[left], before[left] = after, now
        run.sweeps[rows[left]] += 1
        run.converged[rows[left[~changed]]] = True
        run.cycles[rows[left[cycles]]] = True
        left = left[changed & ~cycles]


def _order(run: Run, n_units: int, number: int) -> NDArray[np.int64]:
    if run.order is not None:
        return run.order
    order = np.empty(n_units, np.int64)
    _core.recall_order(run.seed, number, order)
    return order
