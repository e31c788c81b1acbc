# SPDX-License-Identifier: Apache-2.0
"""How memories of patterns of -1 and +1 are kept: packed, one bit a unit, in the order in which they came."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch._stored import Tally
from hypersketch.memories import _bipolar
from hypersketch.memories._associative import AssociativeMemory

Memory = TypeVar("Memory", bound="PatternStore")

MAX_UNITS = 2**24


class PatternStore(AssociativeMemory):
    """Packed patterns that are replaced as a whole by every change, so that retrieval needs no lock."""

    _UNCOMPARED: ClassVar[frozenset[str]] = frozenset({"seed"})
    _GROWS = True

    _kept: tuple[Any, dict[str, Any]]
    """The patterns, in host memory or on a GPU, and what was made of them for retrieval."""

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["n_patterns"] * _validation.words_for(parameters["n_units"]), np.uint64

    def _fill(
        self,
        parameters: dict[str, Any],
        state: _memory.State | None,
        tally: Tally,
        device: int | None = None,
    ) -> None:
        self._values = {name: value for name, value in parameters.items() if name != "n_patterns"}
        self._lock = threading.RLock()
        self._frozen = state is not None and not _memory.is_writable(state)
        n_words = _validation.words_for(parameters["n_units"])
        if state is None:
            self._set(_memory.reshaped(_memory.zeros(0, np.uint64, device), (0, n_words)))
        else:
            self._set(_memory.reshaped(state, (state.size // n_words, n_words)))

    def _set(self, rows: Any) -> None:
        self._kept = rows, {}

    @property
    def _rows(self) -> Any:
        return self._kept[0]

    def _parameters(self) -> dict[str, Any]:
        return {**self._values, "n_patterns": self.n_patterns}

    @property
    def _state(self) -> _memory.State:
        return _memory.reshaped(self._rows, (self._rows.size,))

    @property
    def _device_index(self) -> int | None:
        return _memory.device_of(self._rows)

    @property
    def _tally(self) -> Tally:
        return Tally(n_added=self.n_patterns)

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> PatternStore:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, PatternStore)
        if counts["n_added"] != made.n_patterns:
            raise ValueError("its count of patterns is not the number of its patterns.")
        if not _memory.is_mapped(state):  # looking would read all of a file
            made._verify()
        return made

    def _verify(self) -> None:
        """Refuse patterns of a file that cannot be."""
        if _validation.has_tail(self._rows, self.n_units):
            raise ValueError("its patterns set bits beyond n_units.")

    def _moved(self: Memory, device: int | None) -> Memory:
        if self._frozen:  # it was not looked at when it was mapped
            self._verify()
        twin = object.__new__(type(self))
        twin._fill(self._parameters(), _memory.moved(self._state, device), Tally())
        return twin

    def _given(self, owner: str, name: str, value: Any) -> tuple[Any, Any]:
        """Return checked vectors as words where the memory is, and the form in which they came."""
        device = self._device_index
        if _device.is_on_gpu(value):
            from hypersketch.memories import _gpu_rows

            return _gpu_rows.packed(owner, name, value, self.n_units, device)
        words, form = _bipolar.packed_rows(owner, name, value, self.n_units)
        return words if device is None else _memory.moved(words, device), form

    # ---- looks

    @property
    def n_units(self) -> int:
        """Number of units N.

        >>> import hypersketch
        >>> hypersketch.HopfieldNetwork(100).n_units
        100
        """
        return int(self._values["n_units"])

    @property
    def n_patterns(self) -> int:
        """Number of patterns stored.

        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(3)
        >>> network.store([[1, -1, 1], [1, 1, -1]])
        >>> network.n_patterns
        2
        """
        return len(self._rows)

    def __len__(self) -> int:
        return self.n_patterns

    def __bool__(self) -> bool:
        return True

    @property
    def patterns(self) -> NDArray[np.int8]:
        """The patterns in the order in which they were stored, -1 and +1; a copy.

        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(3)
        >>> network.store([1, -1, 1])
        >>> network.patterns
        array([[ 1, -1,  1]], dtype=int8)
        """
        return _bipolar.signs(_memory.host(self._rows), self.n_units)

    def __repr__(self) -> str:
        shown = dict(self._parameters())
        if self.device != "cpu":
            shown["device"] = self.device
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    # ---- changes

    def _require_writable(self) -> None:
        if self._frozen:
            raise ValueError(
                f"This {type(self).__name__} is read-only (memory-mapped, or made over a buffer that is). "
                "Change a copy() of it instead."
            )

    def store(self, patterns: Any, /) -> None:
        """Store patterns.

        Parameters
        ----------
        patterns : array of -1 and +1, shape (n, n_units) or (n_units,); or packed, of uint64
            In host memory, or on the GPU that the memory is on. Any dtype of integers or floats; of bool,
            where False is -1. Packed vectors have ceil(n_units / 64) words, in which a set bit is -1, as
            `hypersketch.MapB` has them. An empty batch stores nothing.

        Raises
        ------
        TypeError, ValueError
            For entries that are neither -1 nor +1 (the row is named), another number of units, patterns that
            the memory cannot hold together, or a memory-mapped memory. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(4)
        >>> network.store([[1, 1, -1, -1], [1, -1, 1, -1]])
        >>> network.retrieve([1, 1, 1, -1]).states
        array([ 1,  1,  1, -1])
        """
        owner = f"{type(self).__name__}.store"
        words, _ = self._given(owner, "patterns", patterns)
        self._append(owner, words)

    def _append(self, owner: str, words: Any) -> None:
        with self._lock:
            self._require_writable()
            if not len(words):
                return
            rows = self._with(words)
            self._require_storable(owner, rows)
            self._set(rows)

    def _with(self, words: Any) -> Any:
        """Return the patterns with others behind them, where the memory is."""
        device = self._device_index
        if device is None:
            return np.concatenate((self._rows, _memory.host(words)))
        from hypersketch.memories import _gpu_recall

        here = _memory.device_of(words) == device
        return _gpu_recall.joined(self._rows, words if here else _memory.moved(words, device))

    @abstractmethod
    def _require_storable(self, owner: str, rows: Any) -> None:
        """Refuse patterns that the memory cannot hold together."""

    def clear(self) -> None:
        """Remove all patterns.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(3)
        >>> network.store([1, -1, 1])
        >>> network.clear()
        >>> network.n_patterns
        0
        """
        with self._lock:
            self._require_writable()
            empty = _memory.zeros(0, np.uint64, self._device_index)
            self._set(_memory.reshaped(empty, (0, self._rows.shape[1])))

    def merge(self: Memory, other: Memory) -> None:
        """Store the patterns of another memory of the same type and parameters, after those that are here.

        Parameters
        ----------
        other : same type
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is of another type, a parameter differs, this one is memory-mapped, or it cannot
            hold the patterns together.

        Examples
        --------
        >>> import hypersketch
        >>> one, other = hypersketch.HopfieldNetwork(3), hypersketch.HopfieldNetwork(3)
        >>> one.store([1, -1, 1])
        >>> other.store([1, 1, -1])
        >>> one += other
        >>> one.n_patterns
        2
        """
        self._require_same(other, "merge with")
        self._append(f"{type(self).__name__}.merge", other._rows)

    def __iadd__(self: Memory, other: Memory) -> Memory:
        self.merge(other)
        return self

    def __add__(self: Memory, other: Memory) -> Memory:
        self._require_same(other, "merge with")
        joined = self.copy()
        joined.merge(other)
        return joined
