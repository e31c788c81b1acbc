# SPDX-License-Identifier: Apache-2.0
"""Class labels of any type and their indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

Indices = NDArray[np.intp]


def known(owner: str, classes: Any) -> NDArray[Any]:
    """Return the classes that ``partial_fit`` is told, sorted, each once.

    >>> known("example", ["b", "a", "b"]).tolist()
    ['a', 'b']
    """
    given = np.asarray(classes)
    if given.ndim != 1 or given.size == 0:
        _validation.refuse(owner, "classes", "a one-dimensional array of labels", classes)
    return np.unique(given)


def indices(y: NDArray[Any], classes: NDArray[Any]) -> Indices:
    """Return where labels stand among the classes, which are sorted; refuse strangers.

    >>> indices(np.array(["b", "a"]), np.array(["a", "b", "c"]))
    array([1, 0])
    """
    strange = np.setdiff1d(y, classes)
    if strange.size:
        raise ValueError(
            f"y has the labels {_validation.shown(strange.tolist())}, which are not among the classes of the "
            f"first call of partial_fit: {_validation.shown(classes.tolist())}."
        )
    return np.searchsorted(classes, y)
