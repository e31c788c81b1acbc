# SPDX-License-Identifier: Apache-2.0
"""Plan, measure and prove the capacity of fixed-size memories.

* :func:`plan` sizes structures for a task, from the theory.
* :func:`plan_bits` splits bytes between dimensions and bits a dimension.
* :func:`plan_recall` compares associative memories of patterns by bytes.
* :func:`run` measures them on real or made-up keys and sets every number beside its prediction.
* :func:`minimal_dimension` finds the dimensions that a published protocol asks for.
* :func:`paper` makes the numbers of the literature again, as one report page.

Needs SciPy; report pages, the command line and files of keys need the rest of the extra ``lab``.
"""

from __future__ import annotations

from hypersketch.capacity.budget import plan_bits
from hypersketch.capacity.claims.experiment import paper
from hypersketch.capacity.planner import Plan, PlanRow, plan
from hypersketch.capacity.recall import plan_recall
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.runner import run
from hypersketch.capacity.schlegel import minimal_dimension

__all__ = [
    "Plan",
    "PlanRow",
    "Results",
    "Row",
    "experiments",
    "minimal_dimension",
    "paper",
    "plan",
    "plan_bits",
    "plan_recall",
    "run",
]


def experiments() -> dict[str, str]:
    """Names of the experiments, each with one line that says what it asks.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> list(experiments())[:3]
    ['membership', 'intersection', 'frequency']
    """
    from hypersketch.capacity.experiments import EXPERIMENTS

    return {name: entry.summary for name, entry in EXPERIMENTS.items()}
