# SPDX-License-Identifier: Apache-2.0
"""Edges as vectors: products of two nodes, and of a label."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import commutes, turn
from hypersketch.vsa.structures._vocabulary import Symbols
from hypersketch.vsa.ternary import MapT


class Edges(Mergeable):
    """A sum of edges, directed or not."""

    _OPTIONS: ClassVar[dict[str, _validation.Check]] = {"directed": _validation.flag}

    @property
    def directed(self) -> bool:
        """Whether edges have a direction.

        >>> from hypersketch.vsa import Graph, MapI
        >>> Graph(MapI(64), directed=True).directed
        True
        """
        return bool(self._values["directed"])

    def _edge(self, source: Rows, target: Rows, label: Rows | None) -> Rows:
        """Return the vectors of edges, in one order."""
        row: Rows = self.space.bind(turn(self.space, target, 1) if self.directed else target, source)
        return row if label is None else np.asarray(self.space.bind(turn(self.space, row, 1), label))

    @property
    def _twofold(self) -> bool:
        """Whether an edge is two vectors."""
        return not (self.directed or commutes(self.space))

    def _given(self, method: str, sources: Any, targets: Any, labels: Any) -> list[Symbols]:
        """Return checked sources, targets, and labels if there are any."""
        if labels is None:
            found = self._paired(method, {}, sources=sources, targets=targets)
        else:
            found = self._paired(
                method, {"labels": "labels"}, sources=sources, targets=targets, labels=labels
            )
        undone = isinstance(self.space, MapSpace | MapC | MapT)
        if undone and not self.directed and _same(found[0], found[1]).any():
            raise ValueError(
                f"A Graph without directions in {self.space} has no loops: their products are all the same. "
                "Make it with directed=True."
            )
        return found

    def _rows(self, found: list[Symbols]) -> Rows:
        return self._edge(found[0].rows, found[1].rows, found[2].rows if len(found) == 3 else None)

    def _put(self, method: str, found: list[Symbols], weights: Any, sign: int) -> None:
        n = len(found[0].rows)
        rows = self._rows(found)
        checked = self._weights(method, weights, n, 1)
        if self._twofold:
            rows = np.concatenate([rows, self._rows([found[1], found[0], *found[2:]])])
            checked = None if checked is None else np.concatenate([checked, checked])
        with self._lock:
            self._change(method, rows, checked, sign)
            self._numbers["size"] -= sign * (len(rows) - n)


def _same(one: Symbols, other: Symbols) -> NDArray[np.bool_]:
    """Tell which are the same nodes."""
    if one.keys is None or other.keys is None:
        return np.asarray((one.rows == other.rows).all(axis=1))
    return np.array([a == b for a, b in zip(one.keys, other.keys, strict=True)], bool)
