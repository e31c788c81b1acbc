# SPDX-License-Identifier: Apache-2.0
"""Hard locations of a sparse distributed memory on a GPU: their counters are written and read there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_search import used
from hypersketch.memories import _gpu_rows, _hard_locations
from hypersketch.vsa import MapB


class GpuLocations:
    """Addresses and counters in the bytes of a state on a GPU."""

    def __init__(self, values: Mapping[str, Any], state: DeviceArray) -> None:
        self._values, self._state = values, state
        self._dtype = np.dtype(_hard_locations.counter_dtype(values["limit"]))
        self._computed: DeviceArray | None = None
        self._ties: DeviceArray | None = None

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return int(self._state.memory.device)

    @property
    def limit(self) -> int:
        """The limit of the counters, or 0."""
        return int(self._values["limit"] or 0)

    def addresses(self) -> View:
        """Return the packed addresses, which are computed once where they are not stored."""
        values, n_words = self._values, _validation.words_for(self._values["address_dim"])
        shape = values["n_locations"], n_words
        if values["stored"]:
            seen = self._state.view()
            return seen._replace(shape=shape, strides=(8 * n_words, 8), dtype=np.dtype(np.uint64))
        if self._computed is None:
            numbers = DeviceArray.of(np.arange(shape[0]), self.device)
            made = MapB(values["address_dim"], values["seed"]).atoms(numbers)
            assert isinstance(made, DeviceArray)
            self._computed = made
        return self._computed.view()

    def put_addresses(self, given: NDArray[np.uint64]) -> None:
        """Store addresses."""
        self.addresses().span().from_host(np.ascontiguousarray(given).reshape(-1).view(np.uint8))

    def counters(self) -> View:
        """Return the counters."""
        seen, width = self._state.view(), self._values["value_dim"]
        pointer = seen.pointer + _hard_locations.layout(self._values)[0]
        size = self._dtype.itemsize
        shape = self._values["n_locations"], width
        return seen._replace(pointer=pointer, shape=shape, strides=(width * size, size), dtype=self._dtype)

    def _of(self, addresses: View) -> Any:
        radius, k = self._values["radius"], self._values["k"]
        return _device.module().Locations(addresses.span(), self._values["address_dim"], radius or 0, k or 0)

    def _sent(self, weights: NDArray[np.int64] | None) -> Any:
        return None if weights is None else DeviceArray.of(weights, self.device).view()

    # ---- writing

    def write(
        self, asked: DeviceArray, rows: DeviceArray, weights: NDArray[np.int64] | None, into: Any = None
    ) -> None:
        """Add values to the counters of the locations that addresses activate, or to others of 4 bytes."""
        where, mine, theirs = self.addresses(), asked.view(), rows.view()
        counters = self.counters() if into is None else into.view()
        sent = self._sent(weights)
        _device.module().write_locations(
            self._of(where),
            mine.span(),
            theirs.span(),
            None if sent is None else sent.span(),
            counters.span(),
            self._values["value_dim"],
            counters.dtype.itemsize,
            self.limit,
        )
        used(where, mine, theirs, counters, *(() if sent is None else (sent,)))

    def largest_load(self, asked: DeviceArray, weights: NDArray[np.int64] | None) -> int:
        """Return the most that a counter of any location can change by."""
        where, mine, sent = self.addresses(), asked.view(), self._sent(weights)
        span = None if sent is None else sent.span()
        return int(_device.module().largest_load(self._of(where), mine.span(), span))

    def largest(self, others: DeviceArray | View | None = None) -> int:
        """Return the largest magnitude of a counter, or of a sum with others of the same kind."""
        counters = self.counters()
        theirs = others.view() if isinstance(others, DeviceArray) else others
        span = None if theirs is None else theirs.span()
        return int(_device.module().largest_counter(counters.span(), span, self._dtype.itemsize))

    def clear(self) -> None:
        """Set all counters to 0; addresses stay."""
        counters = self.counters()
        _device.module().clear_span(counters.span(), counters.size * self._dtype.itemsize)
        used(counters)

    def empty_change(self) -> DeviceArray:
        """Return zeros, as many as counters."""
        return DeviceArray.zeros(self.counters().size, self._dtype, self.device)

    def join(self, others: DeviceArray | View) -> None:
        """Add others to the counters, within their limit."""
        mine = self.counters()
        theirs = others.view() if isinstance(others, DeviceArray) else others
        _device.module().join_counters(mine.span(), theirs.span(), self._dtype.itemsize, self.limit)
        used(mine, theirs)

    def same_addresses(self, other: GpuLocations) -> bool:
        """Whether another has the same addresses."""
        return bool(np.array_equal(self.addresses().to_host(), other.addresses().to_host()))

    # ---- reading

    def read(self, asked: DeviceArray, steps: int) -> tuple[DeviceArray, ...]:
        """Return states, steps, which converged, sums, and numbers of active locations."""
        n, width, like = len(asked), self._values["value_dim"], asked.view()
        if self._ties is None:
            ties = MapB(width, self._values["seed"]).atoms(["ties"])
            self._ties = DeviceArray.of(ties, self.device)
        shapes: list[tuple[tuple[int, ...], Any]] = [
            ((n, _validation.words_for(width)), np.uint64),
            ((n, width), np.int64),
            ((n,), np.int64),
            ((n,), np.int64),
            ((n,), np.bool_),
        ]
        made = [room(shape, dtype, like) for shape, dtype in shapes]
        where, counters, ties_view = self.addresses(), self.counters(), self._ties.view()
        sizes = width, self._dtype.itemsize
        spans = (one.span() for one in (like, ties_view)), (one.span() for one in made)
        _device.module().read_locations(self._of(where), counters.span(), *sizes, *spans[0], steps, *spans[1])
        used(where, counters, ties_view, like)
        states, sums, active, n_steps, converged = map(_gpu_rows.array_of, made)
        return states, n_steps, converged, sums, active
