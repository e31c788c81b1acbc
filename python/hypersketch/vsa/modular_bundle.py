# SPDX-License-Identifier: Apache-2.0
"""Bundles of vectors of small integers: one int32 counter for every value of every entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation, files
from hypersketch._stored import Tally
from hypersketch.vsa._space import DIM
from hypersketch.vsa._vector_bundle import CountedVectors
from hypersketch.vsa.modular import CGR, MCR, MODULUS, Digits, ModularSpace, SparseBlockCodes

_KINDS: dict[str, type[CGR | MCR | SparseBlockCodes]] = {
    "CGR": CGR,
    "MCR": MCR,
    "SparseBlockCodes": SparseBlockCodes,
}


@files.register
class ModularBundle(CountedVectors):
    """How often every entry of the vectors added has every value.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : CGR, MCR or SparseBlockCodes
        The space whose atoms it counts.
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
    `remove` undoes `add`. Counters stay within int32: an addition that could make one leave it raises
    OverflowError and changes nothing. It takes 4 r bytes an entry; `vector` is the bundle in the form of the
    space. On a GPU counters, vectors and similarities are those of the CPU, bit by bit, but that an entry of
    an MCR `vector` may be another where rounding decides which of two values is nearer.

    Examples
    --------
    >>> from hypersketch.vsa import CGR
    >>> bag = CGR(1000).bundle(["red", "green"])
    >>> bag.add("blue", weights=[2])
    >>> bag.similarity(["blue", "red"]).round(1)
    array([1., 0.])
    >>> bag
    ModularBundle(space='CGR', dim=1000, modulus=64, seed=0, n_added=3)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*_KINDS),
        "dim": DIM,
        "modulus": MODULUS,
        "seed": _validation.seed,
    }

    def __init__(self, space: ModularSpace, *, device: str = "cpu") -> None:
        if type(space) not in _KINDS.values():
            _validation.refuse("ModularBundle", "space", f"a space ({', '.join(_KINDS)})", space, TypeError)
        names = {"space": type(space).__name__, "dim": space.dim, "modulus": space.modulus}
        self._fill({**names, "seed": space.seed}, None, Tally(), self._device_for(device))

    @staticmethod
    def _space_of(parameters: Mapping[str, Any]) -> ModularSpace:
        kind = _KINDS[parameters["space"]]
        return kind(parameters["dim"], parameters["seed"], parameters["modulus"])

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return cls._space_of(parameters).width * parameters["modulus"], np.int32

    @property
    def space(self) -> ModularSpace:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import CGR
        >>> CGR(64).bundle().space
        CGR(dim=64, seed=0, modulus=64)
        """
        return self._space_of(self._values)

    @property
    def counters(self) -> NDArray[np.int32]:
        """The counters, int32 of shape (width, r); a read-only view.

        >>> from hypersketch.vsa import CGR
        >>> CGR(2, modulus=3).bundle().counters
        array([[0, 0, 0],
               [0, 0, 0]], dtype=int32)
        """
        shape = self.space.width, self._values["modulus"]
        view: NDArray[np.int32] = _memory.reshaped(self.state, shape)
        return view

    def _chosen(self) -> Digits:
        space = self.space
        return space._chosen(self.counters, space._offsets())

    def _on_gpu(self) -> Any:
        from hypersketch.vsa import _counted_on_gpu

        return _counted_on_gpu.MODULAR

    def _row_batch(self, vectors: object) -> Digits:
        space = self.space
        return space._checked("bundle().add_vectors", "vectors", vectors).reshape(-1, space.width)

    def _counted(self, rows: Digits, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        places = rows + np.arange(rows.shape[1]) * self._values["modulus"]
        counts = np.zeros(self._state.size, np.int64)
        for row, weight in zip(places, weights.tolist(), strict=True):
            counts[row] += weight  # the places of one vector are all different
        return counts
