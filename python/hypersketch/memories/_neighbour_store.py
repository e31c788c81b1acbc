# SPDX-License-Identifier: Apache-2.0
"""Keys with values in the order in which they came, of which the oldest give way when there is a bound."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch._stored import Tally
from hypersketch.memories import _nearest, _reals
from hypersketch.memories._changes import Change, Seedless, Summed, at_once, count_of, require_writable
from hypersketch.memories._columns import Column

if TYPE_CHECKING:
    from hypersketch.memories._gpu_neighbours import GpuNeighbours
    from hypersketch.memories._gpu_rows import GpuForm

_ALIGNMENT = 64
Rows = NDArray[Any]


class NeighbourStore(Summed, Seedless):
    """Keys and values: growing columns, or a ring of so many rows once they are all used."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "key_dim": _reals.DIM,
        "value_dim": _validation.optional(_reals.DIM),
        "vocabulary": _validation.optional(_validation.within(1, 2**31)),
        "max_items": _validation.optional(_validation.within(1, 2**48)),
        "similarity": _validation.one_of(*_nearest.SIMILARITIES),
        "n_items": _validation.within(0, 2**48),
    }
    _GROWS = True

    _columns: list[Any]
    """Keys and values, `Column` or `Window`."""
    _there: GpuNeighbours | None
    """The same on a GPU."""
    _lengths: Column | None
    """Of the keys; None until somebody asks, as looking would read all of a mapped file."""
    _oldest: int
    """Where the ring begins."""

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if (parameters["value_dim"] is None) == (parameters["vocabulary"] is None):
            must = "None where values are tokens of a vocabulary, and given otherwise"
            _validation.refuse(cls.__name__, "value_dim", must, parameters["value_dim"])
        if parameters["max_items"] is not None and parameters["n_items"] > parameters["max_items"]:
            _validation.refuse(cls.__name__, "n_items", "at most max_items", parameters["n_items"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        first, value_bytes = cls._sections(parameters)
        return first + value_bytes, np.uint8

    @classmethod
    def _sections(cls, parameters: Mapping[str, Any]) -> tuple[int, int]:
        """Return where the values begin in the state, and how many bytes they take."""
        n = parameters["n_items"]
        keys = -(-4 * n * parameters["key_dim"] // _ALIGNMENT) * _ALIGNMENT
        return keys, n * (8 if parameters["vocabulary"] is not None else 4 * parameters["value_dim"])

    def _fill(
        self,
        parameters: dict[str, Any],
        state: Rows | None,
        tally: Tally,
        device: int | None = None,
    ) -> None:
        self._values = {name: value for name, value in parameters.items() if name != "n_items"}
        self._record = (tally, [])
        self._lock = threading.RLock()
        self._oldest, self._there = 0, None
        if device is not None:
            from hypersketch.memories._gpu_neighbours import GpuNeighbours

            self._frozen, self._lengths = False, None
            self._set_there(GpuNeighbours.empty(self._values, device))
            return
        self._frozen = state is not None and not state.flags.writeable
        if state is None:
            state = np.empty(0, np.uint8)
            parameters = {**parameters, "n_items": 0}
        keys, values = self._split(parameters, state)
        self._columns, self._lengths = [Column(keys), Column(values)], None

    def _set_there(self, there: GpuNeighbours, *changes: Change) -> None:
        at_once((vars(self), "_there", there), (vars(self), "_columns", there.columns), *changes)

    @classmethod
    def _split(cls, parameters: Mapping[str, Any], state: Rows) -> tuple[Rows, Rows]:
        n, dim = parameters["n_items"], parameters["key_dim"]
        first, n_bytes = cls._sections(parameters)
        keys = state[: 4 * n * dim].view(np.float32).reshape(n, dim)
        values = state[first : first + n_bytes]
        if parameters["vocabulary"] is not None:
            return keys, values.view(np.int64)
        return keys, values.view(np.float32).reshape(n, parameters["value_dim"])

    def _parameters(self) -> dict[str, Any]:
        return {**self._values, "n_items": len(self)}

    @property
    def key_dim(self) -> int:
        """Dimensions of the keys.

        >>> import hypersketch
        >>> hypersketch.NeighbourMemory(8).key_dim
        8
        """
        return int(self._values["key_dim"])

    @property
    def _state(self) -> _memory.State:
        """All of it in one array, from the oldest item on, which is made when asked for."""
        with self._lock:
            parameters = self._parameters()
            if self._there is not None:
                return self._there.state(self._layout(parameters)[0], self._sections(parameters)[0])
            state = _memory.zeros(self._layout(parameters)[0], np.uint8)
            for part, column in zip(self._split(parameters, state), self._columns, strict=True):
                part[...] = np.concatenate(self._in_order(column))
            return state

    @property
    def _device_index(self) -> int | None:
        return None if self._there is None else self._there.device

    @property
    def nbytes(self) -> int:
        """Size of keys and values in bytes.

        >>> import hypersketch
        >>> memory = hypersketch.NeighbourMemory(4, vocabulary=10)
        >>> memory.store([[1, 2, 3, 4]], [5])
        >>> memory.nbytes
        24
        """
        return sum(column.nbytes for column in self._columns)

    def _moved(self, device: int | None) -> NeighbourStore:
        twin = object.__new__(type(self))
        if self._frozen:  # it was not looked at when it was mapped
            self._verify()
        with self._lock:
            if device is None:
                twin._fill(self._parameters(), _memory.host(self._state), self._tally)
                return twin
            twin._fill({**self._parameters(), "n_items": 0}, None, self._tally, device)
            assert twin._there is not None
            keys, values = self._on(device)
            twin._set_there(twin._there.extended(keys, values, None))
        return twin

    def _on(self, device: int) -> list[Any]:
        """Return views of all keys and values, or of copies of them, on a GPU."""
        if self._device_index == device:
            return [column.view() for column in self._columns]
        state, parameters = self._state, self._parameters()
        return [_memory.moved(part, device).view() for part in self._split(parameters, _memory.host(state))]

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, int], state: Rows) -> NeighbourStore:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, NeighbourStore)
        if counts["n_added"] < parameters["n_items"]:
            raise ValueError("it holds more items than were ever stored.")
        if not _memory.is_mapped(state):
            made._verify()
        return made

    def _verify(self) -> None:
        """Refuse what no memory can hold."""
        keys, values = (column.rows for column in self._columns)
        top = self._values["vocabulary"]
        if not np.isfinite(keys).all() or (top is None and not np.isfinite(values).all()):
            raise ValueError("its keys and values are not all finite.")
        if top is not None and values.size and not 0 <= values.min() <= values.max() < top:
            raise ValueError("its tokens are not all of its vocabulary.")

    def __len__(self) -> int:
        """Return how many items are there now."""
        return len(self._columns[0])

    def __bool__(self) -> bool:
        return True

    @property
    def _first(self) -> int:
        """The number of the oldest item; they are numbered as they came."""
        return self.n_added - len(self)

    def _vectors(self, owner: str, name: str, given: Any) -> tuple[Any, GpuForm | None]:
        """Return checked vectors where the memory is, and the form of those that came from a GPU."""
        directed = self._values["similarity"] == "cosine"
        if _device.is_on_gpu(given):
            from hypersketch.memories import _gpu_neighbours

            return _gpu_neighbours.vectors(
                owner, name, given, self.key_dim, self._device_index, directed=directed
            )
        rows = _reals.rows(owner, name, given, self.key_dim, np.float32)
        return self._beside(_reals.not_zero(owner, name, rows) if directed else rows), None

    def _beside(self, rows: Rows) -> Any:
        """Return rows of the host where the memory is."""
        return rows if self._there is None else _memory.moved(rows, self._there.device)

    def _checked_values(self, owner: str, keys: Any, values: Any) -> Any:
        top = self._values["vocabulary"]
        if top is None:
            return self._checked_vectors(owner, keys, values)
        if _device.is_on_gpu(values):  # tokens take little room beside keys: the host looks at them
            seen = _device.view_of_any(owner, "values", values)
            _device.require_near(owner, "values", seen, self._device_index)
            values = _device.on_host(owner, "values", values)
        must = f"one-dimensional integers in [0, {top}), tokens of the vocabulary"
        if values is None:
            _validation.refuse(owner, "values", must, None, TypeError)
        _validation.not_masked(owner, "values", values, must)
        try:
            given = np.atleast_1d(np.asarray(values))
        except ValueError:  # rows of different lengths
            _validation.refuse(owner, "values", must, values, TypeError)
        if given.size and given.dtype.kind not in "iu":
            _validation.refuse(owner, "values", must, values, TypeError)
        if given.ndim != 1:
            _validation.refuse(owner, "values", must, f"shape {given.shape}")
        if given.size and not 0 <= int(given.min()) <= int(given.max()) < top:
            _validation.refuse(owner, "values", must, int(given[(given < 0) | (given >= top)][0]))
        return self._beside(given.astype(np.int64))

    def _checked_vectors(self, owner: str, keys: Any, values: Any) -> Any:
        dims = self.key_dim, self._values["value_dim"]
        given = keys if values is None else values
        if not _device.is_on_gpu(given) or (values is None and dims[0] != dims[1]):
            return self._beside(_reals.values(owner, keys, values, *dims, np.float32))
        from hypersketch.memories import _gpu_neighbours

        return _gpu_neighbours.vectors(owner, "values", given, dims[1], self._device_index)[0]

    def _put(self, keys: Rows, values: Rows, n: int) -> None:
        """Add rows, the last of n that come; the lock is held."""
        bound = self._values["max_items"]
        if self._there is not None:
            self._set_there(self._there.extended(keys.view(), values.view(), bound), count_of(self, n))
            return
        columns, news = [*self._columns, self._norms()], [keys, values, _nearest.lengths(keys)]
        room = len(keys) if bound is None else bound - len(self)
        news = news if bound is None else [new[-bound:] for new in news]
        columns = [old.extended(new[:room]) for old, new in zip(columns, news, strict=True)]
        left = max(0, len(news[0]) - room)
        places = (self._oldest + np.arange(left)) % max(1, bound or 0)
        at_once(
            *((column.rows, places, new[room:]) for column, new in zip(columns, news, strict=True) if left),
            (vars(self), "_oldest", (self._oldest + left) % max(1, bound or 0)),
            (vars(self), "_columns", columns[:2]),
            (vars(self), "_lengths", columns[2]),
            count_of(self, n),
        )

    def _join(self, other: NeighbourStore) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._require_writable()
            if other._frozen:  # it was not looked at when it was mapped
                other._verify()
            if self._there is not None:
                more = other._on(self._there.device)
                there = self._there.extended(more[0], more[1], self._values["max_items"])
                self._set_there(there, count_of(self, other.n_added))
                return
            if other._there is not None:
                other = other.to("cpu")
            keys, values = (np.concatenate(other._in_order(column)) for column in other._columns)
            self._put(keys, values, other.n_added)

    def _require_writable(self) -> None:
        require_writable(self, np.empty(0) if not self._frozen else self._columns[0].rows)

    def _norms(self) -> Column:
        if self._lengths is None:
            self._lengths = Column(_nearest.lengths(self._columns[0].rows))
        return self._lengths

    def _in_order(self, column: Column) -> list[Rows]:
        """Return the rows of a column from the oldest on, in one run or two."""
        runs = [column.rows[self._oldest :], column.rows[: self._oldest]]
        return runs if self._oldest else runs[:1]

    def _taken(self, column: int, ages: NDArray[np.int64]) -> Rows:
        """Return some rows of a column, counted from the oldest."""
        taken: Rows = self._columns[column].rows[(ages + self._oldest) % max(1, len(self))]
        return taken
