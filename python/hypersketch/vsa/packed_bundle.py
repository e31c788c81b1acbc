# SPDX-License-Identifier: Apache-2.0
"""Bundles of packed spaces as they are kept: one bit a dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation, files
from hypersketch._stored import Tally
from hypersketch.vsa._answers import Answers, space_parameters
from hypersketch.vsa.spaces import DIM, SPACES, MapB, MapI


@files.register
class PackedBundle(Answers):
    """A bundle of MAP-B as it is kept: one bit a dimension, nothing more to be added.

    Made by ``bundle.pack()``.

    Parameters
    ----------
    space : MapB or BSC
        The space it belongs to.
    vector : ndarray of uint64, shape (n_words,)
        The packed signs.
    n_added : int >= 0
        Number of keys in it; the default threshold of ``contains`` depends on it.
    device : str, optional
        Where it lies: ``cpu``, ``cuda``, ``cuda:1`` and so on; default where the vector does. A bundle on a
        GPU answers there to keys and vectors that lie there, on the caller's stream.

    Raises
    ------
    TypeError, ValueError
        For a space that is neither MapB nor BSC, a vector that does not fit it, or a negative number.

    Examples
    --------
    >>> import hypersketch
    >>> bag = hypersketch.MapB(10_000).bundle(range(25)).pack()
    >>> bag.contains([3, 24, 25])
    array([ True,  True, False])
    >>> bag
    PackedBundle(space='MapB', dim=10000, seed=0, n_added=25)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*(name for name, kind in SPACES.items() if kind.binary)),
        "dim": DIM,
        "seed": _validation.seed,
    }
    _BITS = "dim"

    def __init__(
        self, space: MapB | MapI, vector: NDArray[np.uint64], n_added: int, *, device: str | None = None
    ) -> None:
        parameters = self._checked(**space_parameters("PackedBundle", space))
        there = _device.of(vector)
        target = self._device_for(there if device is None else device)
        on_host = _device.on_host("PackedBundle", "vector", vector)
        if there != "cpu" and on_host.dtype == np.int64:
            on_host = on_host.view(np.uint64)  # as the words of libraries without uint64
        packed = _validation.packed("PackedBundle", "vector", on_host, parameters["dim"])
        if packed.ndim != 1:
            raise ValueError(
                f"PackedBundle takes one vector of {packed.shape[1]} words. Got the shape {packed.shape}."
            )
        n = _validation.integer("PackedBundle", "n_added", n_added, 0, 2**63 - 1)
        self._fill(parameters, _memory.moved(packed, target), Tally(n_added=n, total_weight=n))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return _validation.words_for(parameters["dim"]), np.uint64

    @property
    def vector(self) -> NDArray[np.uint64]:
        """The packed signs, uint64 of shape (n_words,); a read-only view, on a GPU where the bundle is.

        >>> import hypersketch
        >>> hypersketch.MapB(100).bundle("a").pack().vector.shape
        (2,)
        """
        view: NDArray[np.uint64] = self.state
        return view

    def _signs(self) -> NDArray[np.uint64]:
        signs: NDArray[np.uint64] = self._state
        return signs
