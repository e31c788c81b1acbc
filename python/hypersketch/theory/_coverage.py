# SPDX-License-Identifier: Apache-2.0
"""How much of a random set is covered by a union of others: what binary weights answer to a cue."""

from __future__ import annotations

import decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def full_cover(universe: int, size: int, cue: int, chance: float, n: int) -> float:
    """Return the chance that each of ``cue`` units is in one of the sets, n times one with a given chance.

    The sets are random ones of ``size`` units of a universe; inclusion and exclusion over which units of the
    cue none of them has. Exact, in decimals, as its terms are much larger than their sum.
    """
    if n <= 0 or chance <= 0.0 or size <= 0:
        return 1.0 if cue == 0 else 0.0
    with decimal.localcontext() as context:
        context.prec = 40 + cue
        one, total = decimal.Decimal(1), decimal.Decimal(0)
        share = decimal.Decimal(chance)
        sign_choose, missed = one, one
        for i in range(cue + 1):
            total += sign_choose * (one - share + share * missed) ** n
            sign_choose *= -decimal.Decimal(cue - i) / (i + 1)
            if i < cue:
                missed *= max(decimal.Decimal(0), decimal.Decimal(universe - size - i) / (universe - i))
        return float(min(one, max(decimal.Decimal(0), total)))


@lru_cache(maxsize=256)
def covered(universe: int, size: int, cue: int, most: int) -> NDArray[np.float64]:
    """Return the chances that r random sets cover u of a cue's units, shape (most + 1, cue + 1).

    A chain over r: of the units that are still missing, a random set has a hypergeometric number.
    """
    step = np.zeros((cue + 1, cue + 1))
    for u in range(cue + 1):
        step[u, u:] = _hypergeometric(universe, cue - u, size)
    made = np.zeros((most + 1, cue + 1))
    made[0, 0] = 1.0
    for r in range(most):
        made[r + 1] = made[r] @ step
    made.flags.writeable = False
    return made


def _hypergeometric(universe: int, marked: int, drawn: int) -> NDArray[np.float64]:
    """Return the chances of 0 to ``marked`` marked ones among those drawn."""
    made = np.zeros(marked + 1)
    least = max(0, marked + drawn - universe)
    most = min(marked, drawn)
    k = np.arange(least + 1, most + 1, dtype=np.float64)
    ratios = (marked - k + 1) * (drawn - k + 1) / (k * (universe - marked - drawn + k))
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    made[least : most + 1] = weights / weights.sum()
    return made
