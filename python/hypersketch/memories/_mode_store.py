# SPDX-License-Identifier: Apache-2.0
"""A fixed number of modes as a state: parameters, files, looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._changes import Seedless
from hypersketch.memories._modes import Modes, mode_bytes


class ModeStore(Seedless):
    """Mean keys and values of modes, with counts and times."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "key_dim": _reals.DIM,
        "value_dim": _reals.DIM,
        "n_modes": _validation.within(1, 2**40),
        "threshold": _validation.real,
        "similarity": _validation.one_of(*_nearest.SIMILARITIES),
    }

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["n_modes"] * mode_bytes(parameters["key_dim"], parameters["value_dim"]), np.uint8

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> ModeStore:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, ModeStore)
        made._modes.verify(counts["n_added"], means=not _memory.is_mapped(state))
        return made

    @property
    def _modes(self) -> Modes:
        return Modes.of(self._values, self._state)

    @property
    def n_modes(self) -> int:
        """Number of modes, used or not.

        >>> import hypersketch
        >>> hypersketch.ConsolidatedMemory(8, budget_bytes=1000).n_modes
        12
        """
        return int(self._values["n_modes"])

    def __len__(self) -> int:
        """Return how many modes are in use."""
        return self._modes.n_used

    def __bool__(self) -> bool:
        return True

    def _used(self, column: NDArray[Any]) -> NDArray[Any]:
        copy: NDArray[Any] = column[: len(self)].copy()
        return copy

    @property
    def keys(self) -> NDArray[np.float32]:
        """Mean keys of the modes in use, a copy.

        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=2)
        >>> memory.store([3, 4])
        >>> memory.keys
        array([[3., 4.]], dtype=float32)
        """
        return self._used(self._modes.keys)

    @property
    def values(self) -> NDArray[np.float32]:
        """Mean values of the modes in use, a copy.

        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, 1, n_modes=2)
        >>> memory.store([[3, 4], [6, 8]], [[1], [2]])
        >>> memory.values
        array([[1.5]], dtype=float32)
        """
        return self._used(self._modes.values)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many items each mode in use is the mean of.

        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=2)
        >>> memory.store([[3, 4], [6, 8], [0, 1]])
        >>> memory.counts
        array([2, 1])
        """
        return self._used(self._modes.counts)

    @property
    def ages(self) -> NDArray[np.int64]:
        """How many items came since each mode in use was changed last.

        >>> import hypersketch
        >>> memory = hypersketch.ConsolidatedMemory(2, n_modes=2)
        >>> memory.store([[3, 4], [0, 1], [0, 1]])
        >>> memory.ages
        array([2, 0])
        """
        return np.asarray(self.n_added - self._used(self._modes.touched))

    def _vectors(self, owner: str, name: str, given: Any) -> NDArray[np.float32]:
        rows = _reals.rows(owner, name, given, self._values["key_dim"], np.float32)
        return _reals.not_zero(owner, name, rows) if self._values["similarity"] == "cosine" else rows
