# SPDX-License-Identifier: Apache-2.0
"""Vectors of a space as a state: what structures keep that are no sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch._stored import Stored, Tally
from hypersketch._structure import Structure
from hypersketch.vsa.structures import _kinds


class Vectors(Structure):
    """Some vectors of a space, identities at first."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _kinds.space_of,
        "rows": _validation.within(0, 2**62),
    }

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        space, rows = parameters["space"], parameters["rows"]
        if space.dtype.kind == "c":
            return 2 * space.width * rows, np.float32
        return space.width * rows, space.dtype.type

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        super()._fill(parameters, state, tally, device)
        if state is None:
            self.clear()

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Stored:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, Vectors)
        parameters["space"]._checked("_restore", "state", made.vectors)
        return made

    @property
    def vectors(self) -> NDArray[Any]:
        """All of them, one a row; a view."""
        space = self._values["space"]
        made: NDArray[Any] = self._state.view(space.dtype).reshape(-1, space.width)
        return made

    @property
    def vector(self) -> NDArray[Any]:
        """A copy of the last one."""
        return np.array(self.vectors[-1])

    def put(self, vectors: NDArray[Any]) -> None:
        """Become other vectors, as many."""
        self._require_writable()
        flat = np.ascontiguousarray(vectors).reshape(-1).view(self._state.dtype)
        self._commit(np.copyto, (self._state, flat), Tally())

    def clear(self) -> None:
        self.put(np.tile(self._values["space"].identity(), (self._values["rows"], 1)))

    def _join(self, other: Any) -> None:
        raise NotImplementedError
