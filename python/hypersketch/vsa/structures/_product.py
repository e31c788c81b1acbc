# SPDX-License-Identifier: Apache-2.0
"""A product of vectors as a state: what a bundle is for sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch._stored import Tally
from hypersketch._structure import Structure
from hypersketch.vsa.structures import _kinds


class Product(Structure):
    """One vector of a space, the identity at first."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {"space": _kinds.space_of}

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        space = parameters["space"]
        if space.dtype.kind == "c":
            return 2 * space.width, np.float32
        return space.width, space.dtype.type

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        super()._fill(parameters, state, tally, device)
        if state is None:
            self.put(parameters["space"].identity())

    @property
    def vector(self) -> NDArray[Any]:
        """The vector, a copy."""
        made: NDArray[Any] = np.array(self._state).view(self._values["space"].dtype)
        return made

    def put(self, vector: NDArray[Any]) -> None:
        """Become another vector."""
        self._require_writable()
        self._commit(np.copyto, (self._state, np.ascontiguousarray(vector).view(self._state.dtype)), Tally())

    def clear(self) -> None:
        self.put(self._values["space"].identity())

    def _join(self, other: Any) -> None:
        raise NotImplementedError
