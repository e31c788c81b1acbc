# SPDX-License-Identifier: Apache-2.0
"""Bundles of binary sparse distributed codes: one int32 counter a bit, answering as a union."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch._stored import Tally
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa._space import DIM
from hypersketch.vsa._vector_bundle import CountedVectors
from hypersketch.vsa.sparse import BSDC, VARIANT, Packed


@files.register
class SparseBundle(CountedVectors):
    """How often every bit is set in the vectors added.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : BSDC
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
    `remove` undoes `add`. `vector` is the union, the bits whose counters are above 0; `BSDC.thin` makes it
    sparse again, and members in it harder to tell. On a GPU counters, vectors and similarities are those of
    the CPU, bit by bit; products of pairs are made on the host.

    Examples
    --------
    >>> from hypersketch.vsa import BSDC
    >>> bag = BSDC(10_000, variant="s").bundle(["red", "green"])
    >>> bag.similarity(["red", "blue"]).round(1)
    array([0.7, 0. ])
    >>> bag
    SparseBundle(dim=10000, variant='s', seed=0, n_added=2)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "dim": DIM,
        "variant": VARIANT,
        "seed": _validation.seed,
    }

    def __init__(self, space: BSDC, *, device: str = "cpu") -> None:
        if not isinstance(space, BSDC):
            _validation.refuse("SparseBundle", "space", "a BSDC", space, TypeError)
        given = {"dim": space.dim, "variant": space.variant, "seed": space.seed}
        self._fill(given, None, Tally(), self._device_for(device))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["dim"], np.int32

    @property
    def space(self) -> BSDC:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import BSDC
        >>> BSDC(64).bundle().space
        BSDC(dim=64, seed=0, variant='cdt')
        """
        return BSDC(self._values["dim"], self._values["seed"], self._values["variant"])

    @property
    def counters(self) -> NDArray[np.int32]:
        """The counters, int32 of shape (dim,); a read-only view.

        >>> from hypersketch.vsa import BSDC
        >>> int(BSDC(10_000).bundle(["a", "b"]).counters.sum())
        200
        """
        view: NDArray[np.int32] = self.state
        return view

    def _chosen(self) -> Packed:
        return pack_bits(self._state > 0)

    def _on_gpu(self) -> Any:
        from hypersketch.vsa import _counted_on_gpu

        return _counted_on_gpu.SPARSE

    def _row_batch(self, vectors: object) -> Packed:
        rows = _validation.packed("SparseBundle.add_vectors", "vectors", vectors, self._values["dim"])
        return rows.reshape(-1, rows.shape[-1])

    def _counted(self, rows: Packed, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(weights @ self.space._bits(rows).astype(np.int64), np.int64)
