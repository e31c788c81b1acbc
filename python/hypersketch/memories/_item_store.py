# SPDX-License-Identifier: Apache-2.0
"""How an item memory is kept: its items, and the way to files, pickles and copies."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation
from hypersketch._doors import Imports
from hypersketch._stored import Stored, Tally
from hypersketch.memories import _hadamard, _item_state
from hypersketch.memories._codebooks import Codebook
from hypersketch.memories._columns import Column
from hypersketch.memories._item_keys import KeyColumn
from hypersketch.memories._item_state import Items
from hypersketch.vsa import _described
from hypersketch.vsa._space import Space


class ItemStore(Stored, Imports):
    """Items that are replaced as a whole by every change, so that queries need no lock."""

    _items: Items
    _space: Space

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _described.checked,
        "codebook": _validation.one_of(*_item_state.CODEBOOKS),
        "n_items": _validation.within(0, 2**48),
        "keys": _validation.one_of(*_item_state.KEY_KINDS),
        "text_bytes": _validation.within(0, 2**56),
    }
    _GROWS = True

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if parameters["codebook"] == "hadamard":
            _hadamard.require_rows(_described.restored(parameters["space"]), parameters["n_items"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return _item_state.size(parameters), np.uint8

    def _fill(
        self,
        parameters: dict[str, Any],
        state: NDArray[np.uint8] | None,
        tally: Tally,
        device: int | None = None,
    ) -> None:
        self._values = {name: parameters[name] for name in ("space", "codebook")}
        self._space = _described.restored(parameters["space"])
        self._lock = threading.RLock()
        self._frozen = state is not None and not state.flags.writeable
        if state is None:
            empty = _item_state.CODEBOOKS[parameters["codebook"]].empty(self._space)
            if device is not None:
                empty = self._on_gpu(empty, empty.hashes, device)
            self._items = Items(KeyColumn.empty(), empty)
        else:
            self._items = _item_state.split(parameters, state)

    def _on_gpu(self, book: Codebook, hashes: Column, device: int) -> Codebook:
        from hypersketch.memories import _gpu_codebook

        _gpu_codebook.require_kernels(self._values["codebook"], self._space, device)
        return _gpu_codebook.moved(book, hashes, device)

    def _parameters(self) -> dict[str, Any]:
        items = self._items
        numbers = {"n_items": len(items), "keys": items.key_kind, "text_bytes": items.text_bytes}
        return {**self._values, **numbers}

    def __eq__(self, other: object) -> bool:
        """Whether space, codebook, keys and vectors are equal, in their order."""
        if not isinstance(other, ItemStore) or type(other) is not type(self):
            return NotImplemented
        mine, theirs = self._items.columns, other._items.columns
        return self._parameters() == other._parameters() and all(
            np.array_equal(a.rows, b.rows) for a, b in zip(mine, theirs, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def _state(self) -> _memory.State:
        """All of it in one array, which is made when asked for."""
        parameters = self._parameters()
        state = _memory.zeros(self._layout(parameters)[0], np.uint8)
        _item_state.joined(self._items, parameters, state)
        return state

    @property
    def _device_index(self) -> int | None:
        return self._items.book.device

    @property
    def _tally(self) -> Tally:
        return Tally(n_added=len(self._items))

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> ItemStore:
        if parameters["text_bytes"] and parameters["keys"] != "any":
            raise ValueError("its keys have no texts, but bytes of them.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, ItemStore)
        if counts["n_added"] != len(made._items):
            raise ValueError("its number of items is not that of its keys.")
        if not _memory.is_mapped(state):  # looking would read all of a file
            _item_state.verify(made._items)
        return made

    def _moved(self, device: int | None) -> ItemStore:
        twin = object.__new__(type(self))
        twin._fill(self._parameters(), None, Tally())
        twin._items = self._copied(device)
        if self._frozen:  # it was not looked at when it was mapped
            _item_state.verify(twin._items)
        return twin

    def _copied(self, device: int | None) -> Items:
        items, keys = self._items, self._items.keys.copied()
        if device is not None:
            return Items(keys, self._on_gpu(items.book, keys.hashes, device))
        if items.book.device is None:
            return Items(keys, items.book.copied(keys.hashes))
        from hypersketch.memories import _gpu_codebook

        return Items(keys, _gpu_codebook.moved(items.book, keys.hashes, None))

    def _require_writable(self) -> None:
        if self._frozen:
            raise ValueError(
                "This ItemMemory is read-only (memory-mapped, or made over a buffer that is). Change a "
                "copy() of it instead."
            )
