# SPDX-License-Identifier: Apache-2.0
"""What comes into an item memory and what leaves it: vectors in all their forms, and answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors


class Matches(NamedTuple):
    """The k best items of n probes, each of shape (n, k): the most alike first, of equals the older."""

    keys: NDArray[Any]
    """Keys of the items."""
    similarities: NDArray[np.float64]
    """Similarity of each to the probe."""
    indices: NDArray[np.int64]
    """Places of the items among all, as in ``memory.keys`` and ``memory.vectors``."""


class MatchesInRange(NamedTuple):
    """All items that are alike enough to each of n probes, one probe's after the other's."""

    starts: NDArray[np.int64]
    """Those of probe i stand at ``starts[i]:starts[i + 1]`` of the others; shape (n + 1,)."""
    keys: NDArray[Any]
    """Keys of the items."""
    similarities: NDArray[np.float64]
    """Similarity of each to its probe; descending for each probe."""
    indices: NDArray[np.int64]
    """Places of the items among all."""


def vectors_of(owner: str, name: str, space: Space, value: Any) -> NDArray[Any]:
    """Return vectors of a space, shape (width,) or (n, width), of an array, Hypervectors or a bundle.

    Those of a GPU are copied to host memory.
    """
    theirs = getattr(value, "space", None)
    if isinstance(theirs, Space):
        if theirs != space:
            raise TypeError(f"{name} of {theirs} do not go into {owner}, whose vectors are of {space}.")
        value = np.asarray(value) if isinstance(value, Hypervectors) else value.vector
    if _device.is_on_gpu(value):
        value = _device.on_host(owner, name, value)
        if space.dtype == np.uint64 and value.dtype == np.int64:  # words of libraries without uint64
            value = value.view(np.uint64)
    try:
        return space._checked(owner, name, value)
    except (TypeError, ValueError) as error:  # a method of ours, not of the space
        raise type(error)(str(error).replace(space._owner(owner), f"{owner} ({space})")) from None


def thresholds_of(owner: str, value: object, n: int) -> NDArray[np.float64]:
    """Return one threshold a probe."""
    must = f"a number, or one for each of {n} probes"
    if not isinstance(value, np.ndarray):
        return np.full(n, _validation.real(owner, "threshold", value, must))
    if value.dtype.kind not in "iuf":
        _validation.refuse(owner, "threshold", must, value.dtype, TypeError)
    if value.shape not in ((), (n,)) or not np.isfinite(value).all():
        came = value.shape if value.shape not in ((), (n,)) else "NaN or infinity"
        _validation.refuse(owner, "threshold", must, came)
    return np.broadcast_to(value.astype(np.float64), (n,))
