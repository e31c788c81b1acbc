# SPDX-License-Identifier: Apache-2.0
"""Bundles of ternary vectors: one int32 counter a dimension, answering by its sign or 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch._stored import Tally
from hypersketch.vsa._space import DIM
from hypersketch.vsa._vector_bundle import CountedVectors
from hypersketch.vsa.ternary import MapT, Planes


@files.register
class TernaryBundle(CountedVectors):
    """The sum of ternary vectors.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : MapT
        The space whose atoms it sums.
    device : str, default "cpu"
        Where the counters lie: ``cpu``, ``cuda``, ``cuda:1`` and so on. On a GPU keys and vectors of that GPU
        are added where they are; vectors of host memory go in by their sum.

    Raises
    ------
    TypeError, ValueError
        When ``space`` is no such space, or there is no such device.

    Notes
    -----
    Adding is linear and exact: the order does not matter, merging equals adding the other's keys, and
    `remove` undoes `add`. `vector` is the signs of the counters, 0 where they are 0. On a GPU counters,
    vectors and similarities are those of the CPU, bit by bit.

    Examples
    --------
    >>> from hypersketch.vsa import MapT
    >>> bag = MapT(10_000).bundle(["red", "green", "blue"])
    >>> bag.remove("blue")
    >>> bag == MapT(10_000).bundle(["red", "green", "blue"])
    False
    >>> bag
    TernaryBundle(dim=10000, seed=0, n_added=2)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {"dim": DIM, "seed": _validation.seed}

    def __init__(self, space: MapT, *, device: str = "cpu") -> None:
        if not isinstance(space, MapT):
            _validation.refuse("TernaryBundle", "space", "a MapT", space, TypeError)
        self._fill({"dim": space.dim, "seed": space.seed}, None, Tally(), self._device_for(device))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["dim"], np.int32

    @property
    def space(self) -> MapT:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import MapT
        >>> MapT(64).bundle().space
        MapT(dim=64, seed=0)
        """
        return MapT(self._values["dim"], self._values["seed"])

    @property
    def counters(self) -> NDArray[np.int32]:
        """The counters, int32 of shape (dim,); a read-only view.

        >>> from hypersketch.vsa import MapT
        >>> MapT(2).bundle().counters
        array([0, 0], dtype=int32)
        """
        view: NDArray[np.int32] = self.state
        return view

    def _chosen(self) -> Planes:
        return self.space._of_entries(self._state)

    def _on_gpu(self) -> Any:
        from hypersketch.vsa import _counted_on_gpu

        return _counted_on_gpu.TERNARY

    def _row_batch(self, vectors: object) -> Planes:
        return np.atleast_2d(self.space._checked("bundle().add_vectors", "vectors", vectors))

    def _counted(self, rows: Planes, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(weights @ self.space._entries(rows).astype(np.int64), np.int64)
