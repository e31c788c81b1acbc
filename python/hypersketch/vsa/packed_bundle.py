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
    _ON_GPU = True

    def __init__(self, space: MapB | MapI, vector: NDArray[np.uint64], n_added: int) -> None:
        parameters = self._checked(**space_parameters("PackedBundle", space))
        if _device.is_on_gpu(vector):
            vector = _memory.host(vector)
        packed = _validation.packed("PackedBundle", "vector", vector, parameters["dim"])
        if packed.ndim != 1:
            raise ValueError(
                f"PackedBundle takes one vector of {packed.shape[1]} words. Got the shape {packed.shape}."
            )
        n = _validation.integer("PackedBundle", "n_added", n_added, 0, 2**63 - 1)
        self._fill(parameters, packed.copy(), Tally(n_added=n, total_weight=n))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return _validation.words_for(parameters["dim"]), np.uint64

    @property
    def vector(self) -> NDArray[np.uint64]:
        """The packed signs, uint64 of shape (n_words,); a read-only view.

        >>> import hypersketch
        >>> hypersketch.MapB(100).bundle("a").pack().vector.shape
        (2,)
        """
        view: NDArray[np.uint64] = self.state
        return view

    def _signs(self) -> NDArray[np.uint64]:
        signs: NDArray[np.uint64] = self._state
        return signs
