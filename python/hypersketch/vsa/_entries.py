# SPDX-License-Identifier: Apache-2.0
"""Plain arrays of signs, bits or angles as vectors: what the methods `pack` and `from_phases` share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hypersketch import _validation
from hypersketch.vsa._packed import pack_bits


def packed(owner: str, entries: ArrayLike, dim: int, clear: int, set_: int) -> NDArray[np.uint64]:
    """Return packed vectors of entries: bools, True for set bits, or numbers.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    entries : array, shape (dim,) or (n, dim)
        The entries.
    dim : int
        Their dimension.
    clear, set_ : int
        Which number stands for a clear bit and which for a set one.

    Raises
    ------
    TypeError, ValueError
        For arrays of another type or shape, or with other entries.

    Examples
    --------
    >>> packed("example", [1, -1, -1], 3, 1, -1)
    array([6], dtype=uint64)
    """
    return pack_bits(_bits(owner, "entries", entries, dim, clear, set_))


def places(owner: str, bits: ArrayLike, dim: int, block: int) -> NDArray[np.uint16]:
    """Return the place of the 1 in every block of bits; otherwise as `packed`.

    >>> places("example", [0, 1, 0, 0, 1, 0], 6, 3)
    array([1, 1], dtype=uint16)
    """
    given = _bits(owner, "bits", bits, dim, 0, 1)
    blocks = given.reshape(*given.shape[:-1], dim // block, block)
    if not (blocks.sum(axis=-1) == 1).all():
        _validation.refuse(owner, "bits", f"bits with one 1 in every block of {block}", "others")
    return np.asarray(blocks.argmax(axis=-1), np.uint16)


def directions(owner: str, phases: NDArray[Any], modulus: int) -> NDArray[np.int64]:
    """Return the whole steps around the circle that are nearest to angles in radians.

    >>> directions("example", np.array([0.1, np.pi, -np.pi / 2]), 4)
    array([0, 2, 3])
    """
    given = angles(owner, phases)
    return np.asarray(np.round(given / math.tau % 1.0 * modulus), np.int64) % modulus


def angles(owner: str, phases: NDArray[Any]) -> NDArray[np.float64]:
    """Return checked angles.

    >>> angles("example", np.array([1, 2]))
    array([1., 2.])
    """
    given = np.asarray(phases)
    if given.dtype.kind not in "iuf":
        _validation.refuse(owner, "phases", "real numbers", given.dtype, TypeError)
    if not np.isfinite(given).all():
        _validation.refuse(owner, "phases", "finite numbers", "NaN or infinity")
    return given.astype(np.float64)


def _bits(owner: str, name: str, entries: ArrayLike, dim: int, clear: int, set_: int) -> NDArray[np.bool_]:
    """Return which of checked entries stand for set bits."""
    given, must = np.asarray(entries), f"entries {min(clear, set_)} and {max(clear, set_)}, or bools"
    if given.dtype.kind not in "biuf":
        _validation.refuse(owner, name, must, given.dtype, TypeError)
    if given.ndim not in (1, 2) or given.shape[-1] != dim:
        raise ValueError(f"{name} has the shape {given.shape} but {owner} needs ({dim},) or (n, {dim}).")
    if given.dtype.kind == "b":
        return given
    bits = np.asarray(given == set_)
    if not (known := bits | (given == clear)).all():
        _validation.refuse(owner, name, must, given[~known].ravel()[0].item())
    return bits
