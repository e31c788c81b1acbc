# SPDX-License-Identifier: Apache-2.0
"""Spaces and small structures for the tests of structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hypersketch.vsa import (
    BSC,
    BSDC,
    CGR,
    FHRR,
    HRR,
    MBAT,
    MCR,
    TVTB,
    VTB,
    BindSequence,
    BundleSequence,
    FiniteStateAutomaton,
    Graph,
    MapB,
    MapC,
    MapI,
    MapT,
    Multiset,
    NGrams,
    Record,
    SparseBlockCodes,
    Tree,
)

SPACES: dict[str, Any] = {
    "MapI": MapI(4000),
    "MapB": MapB(4000),
    "BSC": BSC(4001),
    "MapT": MapT(4000),
    "MapC": MapC(4000),
    "HRR": HRR(4000),
    "HRR, spectral": HRR(3999, spectral=True),
    "FHRR": FHRR(2048),
    "FHRR, sums": FHRR(2048, phase_only=False),
    "VTB": VTB(64 * 64),
    "TVTB": TVTB(64 * 64),
    "MBAT": MBAT(4000),
    "BSDC-CDT": BSDC(6400, variant="cdt"),
    "BSDC-S": BSDC(6400, variant="s"),
    "BSDC-SEG": BSDC(6400, variant="seg"),
    "B-SBC": SparseBlockCodes(64 * 1024),
    "CGR": CGR(1024),
    "MCR": MCR(3000),
}
"""One of every kind, where what the tests ask fails with a probability below 1e-6."""

SPACE = MapI(1000, seed=3)
"""A small one, for files, copies and bad input."""

UNBINDING = [name for name in SPACES if name != "BSDC-CDT"]
EXACT = [name for name, space in SPACES.items() if space.dtype.kind == "u"]
"""Spaces whose bundles are integers."""
COMMUTATIVE = [
    name for name in UNBINDING if name not in ("VTB", "TVTB", "MBAT") and not name.startswith("BSDC")
]


def small_record(space: Any) -> Record:
    return Record(space, ["name", "money"], ["France", "euro"])


def small_tree(space: Any) -> Tree:
    made = Tree(space)
    made.add(["fig", "plum", "pear"], ["ll", "lr", "r"])
    return made


def small_graph(space: Any) -> Graph:
    made = Graph(space, directed=True)
    made.add([1, 2, 2], [2, 3, 4])
    made.add([1], [3], labels=["far"])
    return made


def small_automaton(space: Any) -> FiniteStateAutomaton:
    made = FiniteStateAutomaton(space)
    made.add(list("AABB"), list("0101"), list("ABBA"))
    return made


MAKERS: dict[str, Callable[[Any], Any]] = {
    "Multiset": lambda space: Multiset(space, [b"a", b"b", b"a"]),
    "Record": small_record,
    "BundleSequence": lambda space: BundleSequence(space, list("hello")),
    "BindSequence": lambda space: BindSequence(space, list("hello")),
    "Tree": small_tree,
    "Graph": small_graph,
    "FiniteStateAutomaton": small_automaton,
    "NGrams": lambda space: NGrams(space, 2, "banana"),
}
SUMS = [name for name in MAKERS if not name.endswith("Sequence")]
"""Structures that merge."""

every_kind = pytest.mark.parametrize("kind", MAKERS)


def sure(structure: Any, tests: int) -> None:
    """The theory itself says that no test of so many fails."""
    assert structure.expected_error * tests < 1e-6


def adding(made: Any) -> Any:
    """The method that adds."""
    return made.append if hasattr(made, "append") else made.add
