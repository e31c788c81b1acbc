# SPDX-License-Identifier: Apache-2.0
"""Numbers as columns of mercury."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.encoders._base import Vectors
from hypersketch.vsa.encoders._pieces import blended
from hypersketch.vsa.encoders.level import Scale
from hypersketch.vsa.holographic import FHRR
from hypersketch.vsa.modular import MCR
from hypersketch.vsa.ternary import MapT


@dataclass(frozen=True)
class ThermometerEncoder(Scale):
    """Numbers by how many leading entries are turned: from one vector to its opposite.

    Parameters
    ----------
    space : MapI, MapB, BSC, MapT, MapC, FHRR or MCR of an even modulus
        The space of the vectors: one in which vectors have opposites.
    low, high : float, default 0 and 1
        The interval.
    levels : int in [2, 2**20], optional
        Levels that values are rounded to; default D + 1, one more entry turned at each.
    outside : {'clip', 'raise'}, default 'clip'
        What happens to values outside [low, high].

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and spaces without opposites.

    Notes
    -----
    Level l of L turns the first floor(D l / (L - 1)) entries of the space's identity round: -1 in MAP, 1
    in BSC, the angle pi in FHRR, r/2 in MCR. Nothing is random. The similarity of levels x and y is

        1 - 2 |x - y| / (high - low)

    exactly, but for the floor, which is off by less than 2 / D: the ends are opposites, of similarity -1.
    Vectors are as unlike random ones as can be, so bind them to roles before they are bundled
    (`RecordEncoder`). Penz (1987); Kleyko et al. (2018).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import ThermometerEncoder
    >>> space = BSC(8)
    >>> space.unpack(ThermometerEncoder(space, 0, 4, levels=5).encode([0, 1, 3]))
    array([[0, 0, 0, 0, 0, 0, 0, 0],
           [1, 1, 0, 0, 0, 0, 0, 0],
           [1, 1, 1, 1, 1, 1, 0, 0]], dtype=uint8)
    """

    levels: int = None  # type: ignore[assignment]  # until it is known what D is
    """Number of levels, the ends among them."""
    outside: str = "clip"
    """What happens to values outside the interval."""

    def __post_init__(self) -> None:
        owner = self._init()
        _opposite(owner, self.space)
        if self.levels is None:
            self._set("levels", _entries(self.space) + 1)
        self._init_scale()

    def _make_table(self) -> Vectors:
        n = _entries(self.space)
        turned = np.arange(self.levels) * n // (self.levels - 1)
        plain = np.broadcast_to(self.space.identity(), (self.levels, self.space.width))
        opposite = np.broadcast_to(_opposite("", self.space), plain.shape)
        return blended(self.space, plain, opposite, np.arange(n) < turned[:, np.newaxis])

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the similarity of the vectors of values, exactly.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import ThermometerEncoder
        >>> ThermometerEncoder(BSC(100), 0, 10, levels=11).kernel([0, 5, 10], 0)
        array([ 1.,  0., -1.])
        """
        n = _entries(self.space)
        first, second = (self.indices(one) * n // (self.levels - 1) for one in (a, b))
        return np.asarray(1.0 - 2.0 * np.abs(first - second) / n)


def _entries(space: Space) -> int:
    return space.dim


def _opposite(owner: str, space: Space) -> Vectors:
    """Return the vector whose every entry is the opposite of the identity's."""
    if isinstance(space, MapSpace):
        return _all_ones(space)
    if isinstance(space, MapT):
        return space.pack(np.full(space.dim, -1))
    if isinstance(space, MapC | FHRR):
        return np.asarray(-space.identity())
    if isinstance(space, MCR) and space.modulus % 2 == 0:
        return np.full(space.width, space.modulus // 2, np.uint16)
    must = "a MapI, MapB, BSC, MapT, MapC, FHRR or MCR of an even modulus, whose vectors have opposites"
    _validation.refuse(owner, "space", must, space, TypeError)


def _all_ones(space: MapSpace) -> Vectors:
    words = np.full(space.width, 2**64 - 1, np.uint64)
    if space.dim % 64:
        words[-1] = 2 ** (space.dim % 64) - 1
    return words
