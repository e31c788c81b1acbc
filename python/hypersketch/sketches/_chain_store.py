# SPDX-License-Identifier: Apache-2.0
"""What a scalable Bloom filter keeps: a chain of filters, saved as one state, to which slices are added."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation
from hypersketch._stored import Tally
from hypersketch.sketches._cells import CELLS, rate
from hypersketch.sketches._chain import GROWTH, SLICES, room_of, slice_of, slice_parameters
from hypersketch.sketches._layouts import LAYOUTS
from hypersketch.sketches._members import KeySet, distinct
from hypersketch.sketches.bloom import BloomFilter


class ChainStore(KeySet):
    """A chain of Bloom filters, each with the share of the promised rate that is its own."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "capacity": CELLS,
        "fpr": rate,
        "growth": GROWTH,
        "tightening": _validation.optional(_validation.probability),
        "layout": _validation.one_of("auto", *LAYOUTS),
        "seed": _validation.seed,
        "slices": SLICES,
    }
    _UNCOMPARED = frozenset({"slices"})
    _GROWS = True

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        sizes = (
            BloomFilter._layout(slice_parameters(parameters, i))[0] for i in range(len(parameters["slices"]))
        )
        return sum(sizes), np.uint64

    def _fill(
        self, parameters: dict[str, Any], state: NDArray[Any] | None, tally: Tally, device: int | None = None
    ) -> None:
        self._values = {name: value for name, value in parameters.items() if name != "slices"}
        self._lock = threading.RLock()
        self._chain: list[BloomFilter] = []
        first = 0
        for index, n in enumerate(parameters["slices"]):
            mine = slice_parameters(parameters, index)
            size = BloomFilter._layout(mine)[0]
            words = None if state is None else state[first : first + size]
            self._chain.append(slice_of(mine, words, n, device))
            first += size

    @property
    def _state(self) -> _memory.State:
        """The words of all slices, one after the other, as they are saved."""
        parts = [one._state for one in self._chain]
        return parts[0] if len(parts) == 1 else np.concatenate([_memory.host(part) for part in parts])

    @property
    def _device_index(self) -> int | None:
        return self._chain[0]._device_index

    def _moved(self, device: int | None) -> ChainStore:
        twin = object.__new__(type(self))
        twin._fill(self._parameters() | {"slices": []}, None, Tally())
        twin._chain = [one._moved(device) for one in self._chain]
        return twin

    @property
    def _tally(self) -> Tally:
        return Tally(n_added=sum(one.n_added for one in self._chain))

    def _parameters(self) -> dict[str, Any]:
        return {**self._values, "slices": [one.n_added for one in self._chain]}

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> ChainStore:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, ChainStore)
        if made.n_added != counts["n_added"]:
            raise ValueError("its numbers of keys do not add up.")
        for one in made._chain:
            if _validation.has_tail(one._state, one.n_bits):
                raise ValueError("its state sets bits beyond n_bits.")
        return made

    @property
    def _writable(self) -> bool:
        return self._chain[0]._writable

    def _spare(self, hashes: NDArray[np.uint64]) -> list[BloomFilter]:
        """Return the slices that absent keys need beyond the last one: made before anything changes."""
        room = room_of(self._chain[-1])
        try:
            return self._slices_for(hashes.size - room)
        except (MemoryError, ValueError):  # that many keys do not fit, but equal ones need one place
            return self._slices_for(distinct(hashes) - room)

    def _slices_for(self, more: int) -> list[BloomFilter]:
        """Return new slices for so many keys."""
        made: list[BloomFilter] = []
        while more > 0:
            mine = slice_parameters(self._values, len(self._chain) + len(made))
            made.append(slice_of(mine, None, 0, self._device_index))
            more -= mine["capacity"]
        return made
