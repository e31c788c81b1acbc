# SPDX-License-Identifier: Apache-2.0
"""A fixed number of modes as a state: parameters, files, looks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import setitem
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._changes import Seedless, call_at_once, count_of
from hypersketch.memories._modes import Modes, Rows, mode_bytes

if TYPE_CHECKING:
    from hypersketch.memories._gpu_neighbours import GpuNeighbours


class ModeStore(Seedless):
    """Mean keys and values of modes, with counts and times."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "key_dim": _reals.DIM,
        "value_dim": _reals.DIM,
        "n_modes": _validation.within(1, 2**40),
        "threshold": _validation.real,
        "similarity": _validation.one_of(*_nearest.SIMILARITIES),
    }
    _twin: NDArray[np.uint8] | None = None
    """A state on a GPU in host memory, where items are stored."""
    _searched: tuple[Any, GpuNeighbours] | None = None

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
        """The modes in host memory."""
        return Modes.of(self._values, self._in_host())

    # ---- on a GPU

    def _in_host(self) -> NDArray[np.uint8]:
        """Return the state, or the copy of it that is kept in host memory."""
        state: NDArray[np.uint8] = self._state
        if not _memory.on_gpu(state):
            return state
        if self._twin is None:
            empty = not self.n_added
            self._twin = np.zeros(state.size, np.uint8) if empty else _memory.host(state)
        return self._twin

    def _take_there(self, keys: Rows, values: Rows) -> None:
        """Put items in on the host, and write the modes that changed to the GPU; the lock is held."""
        from hypersketch.memories._gpu_modes import Writing

        twin, clock = self._in_host(), self.n_added
        modes = Modes.of(self._values, twin)
        self._twin = None  # until the GPU has what it has
        keep = partial(setitem, vars(self), "_twin", twin)
        try:
            modes.take(keys, values, self._values["similarity"], self._values["threshold"], clock)
        finally:  # after Ctrl-C what is in goes there and is counted
            places = np.flatnonzero(modes.touched > clock)
            if places.size:
                writing = Writing(self._state, modes, places)
                call_at_once(writing.call(keep), count_of(self, int(modes.touched.max()) - clock))
                writing.done()
            else:
                keep()

    def _there(self) -> GpuNeighbours:
        """Return the modes in use as they are searched on the GPU, for as long as they stay the same."""
        from hypersketch.memories import _gpu_modes

        record = self._record  # every change makes a new one
        if self._searched is None or self._searched[0] is not record:
            self._searched = record, _gpu_modes.neighbours(self._values, self._state, len(self))
        return self._searched[1]

    def _brought(self, owner: str, name: str, given: Any) -> Any:
        """Return in host memory what came from the memory's GPU."""
        if not _device.is_on_gpu(given):
            return given
        _device.require_near(owner, name, _device.view_of_any(owner, name, given), self._device_index)
        return _device.on_host(owner, name, given)

    def _asked(self, owner: str, queries: Any) -> tuple[Any, Any]:
        """Return checked queries where the memory is, and the form of those that came from a GPU."""
        if _device.is_on_gpu(queries):
            from hypersketch.memories import _gpu_neighbours

            dim, directed = self._values["key_dim"], self._values["similarity"] == "cosine"
            return _gpu_neighbours.vectors(
                owner, "queries", queries, dim, self._device_index, directed=directed
            )
        rows = self._vectors(owner, "queries", queries)
        device = self._device_index
        return (rows if device is None else _memory.moved(rows, device)), None

    # ---- looks

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
