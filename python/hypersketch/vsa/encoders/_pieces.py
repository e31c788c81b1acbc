# SPDX-License-Identifier: Apache-2.0
"""Vectors made of pieces of others: what levels between two vectors are made of.

A piece is what can change without leaving the space: a bit, a number, a segment or one of k ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa._space import Space
from hypersketch.vsa.encoders._base import Vectors, pieces, random_words
from hypersketch.vsa.modular import CGR, MCR
from hypersketch.vsa.sparse import BSDC

Choice = NDArray[np.bool_]


def n_pieces(space: Space) -> int:
    """Return how many pieces a vector has."""
    if isinstance(space, BSDC):
        return space.n_ones
    return space.width if isinstance(space, CGR | MCR) else space.dim


def turns(space: Space) -> NDArray[np.float64]:
    """Return when each piece changes: numbers spread evenly over (0, 1), in random order."""
    order = np.argsort(random_words(space, n_pieces(space)), kind="stable")
    placed = np.empty(order.size)
    placed[order] = (np.arange(order.size) + 0.5) / order.size
    return placed


def interpolated(
    space: Space, anchors: Vectors, positions: NDArray[np.float64], wraps: bool = False
) -> Vectors:
    """Return vectors between anchors: at position p piece d is that of anchor floor(p + turns[d])."""
    changes = turns(space)
    below = np.floor(positions).astype(np.int64)
    above = below + 1
    if wraps:
        below, above = below % len(anchors), above % len(anchors)
    last = len(anchors) - 1  # at a whole position no piece is of the anchor above
    made = np.empty((positions.size, space.width), anchors.dtype)
    for part in pieces(positions.size, max(changes.size, space.width)):
        share = (positions[part] - np.floor(positions[part]))[:, np.newaxis]
        upper = share + changes >= 1.0
        made[part] = blended(space, anchors[below[part]], anchors[np.minimum(above[part], last)], upper)
    return made


def blended(space: Space, a: Vectors, b: Vectors, of_b: Choice) -> Vectors:
    """Return, row by row, the pieces of b where chosen and those of a elsewhere."""
    if isinstance(space, MapSpace):
        return np.asarray(a ^ ((a ^ b) & pack_bits(of_b)))
    if isinstance(space, BSDC):
        return _blended_ones(space, a, b, of_b)
    return space._of_entries(np.where(of_b, space._entries(b), space._entries(a)))


def _blended_ones(space: BSDC, a: Vectors, b: Vectors, of_b: Choice) -> Vectors:
    """Return rows of as many ones: the i-th one of a row is that of a or that of b."""
    places = np.where(of_b, _ones(space, b), _ones(space, a))
    bits = np.zeros((len(places), space.dim), np.uint8)
    np.put_along_axis(bits, places, 1, axis=1)
    return pack_bits(bits)


def _ones(space: BSDC, rows: Vectors) -> NDArray[np.int64]:
    """Return the places of the ones of atoms, k a row."""
    return np.nonzero(space._bits(rows))[1].reshape(len(rows), space.n_ones)
