# SPDX-License-Identifier: Apache-2.0
"""Hard locations with their counters: parameters, files, looks, and how items go into the counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _threads, _validation, theory
from hypersketch._stored import UNKNOWN, Tally
from hypersketch.memories import _bit_rows, _hard_locations
from hypersketch.memories._changes import Change, Summed, at_once, call_at_once, count_of, require_writable
from hypersketch.memories._hard_locations import CHUNK, MOST, Active, Writing, each_in_turn
from hypersketch.vsa import MapB, _packed

if TYPE_CHECKING:
    from hypersketch.memories._gpu_locations import GpuLocations

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

DIM = _validation.within(1, 2**24)


class LocationStore(Summed):
    """Counters at addresses that are computed or stored."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "address_dim": DIM,
        "value_dim": DIM,
        "n_locations": _validation.within(1, 2**32),
        "radius": _validation.optional(_validation.within(0, 2**24)),
        "k": _validation.optional(_validation.within(1, 2**32)),
        "limit": _validation.optional(_validation.within(1, MOST)),
        "stored": _validation.flag,
        "seed": _validation.seed,
    }

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        owner, radius, k = cls.__name__, parameters["radius"], parameters["k"]
        if (radius is None) == (k is None):
            _validation.refuse(owner, "radius", "None where k is given, and given otherwise", radius)
        if radius is not None and radius > parameters["address_dim"]:
            _validation.refuse(
                owner, "radius", f"in [0, {parameters['address_dim']}], the address_dim", radius
            )
        if k is not None and k > parameters["n_locations"]:
            _validation.refuse(owner, "k", f"in [1, {parameters['n_locations']}], the n_locations", k)
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return sum(_hard_locations.layout(parameters)), np.uint8

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        super()._fill(parameters, state, tally, device)
        self._there: GpuLocations | None = None
        if _memory.on_gpu(self._state):
            from hypersketch.memories._gpu_locations import GpuLocations

            self._there = GpuLocations(self._values, self._state)
            return
        stored, self._counters = _hard_locations.split(self._values, self._state)
        self._computed: Words | None = None
        if stored is not None:
            self._computed = stored

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> LocationStore:
        addresses, counters = _hard_locations.split(parameters, state)
        if addresses is not None and _validation.has_tail(addresses, parameters["address_dim"]):
            raise ValueError("its locations set bits beyond address_dim.")
        limit = MOST if parameters["limit"] is None else parameters["limit"]
        if counters.size and not -limit <= int(counters.min()) <= int(counters.max()) <= limit:
            raise ValueError("its counters are beyond their limit.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, LocationStore)
        return made

    # ---- looks

    @property
    def _addresses(self) -> Words:
        with self._lock:
            if self._there is not None:
                return self._there.addresses().to_host()
            if self._computed is None:
                dim, n, seed = (self._values[name] for name in ("address_dim", "n_locations", "seed"))
                self._computed = _hard_locations.computed(dim, n, seed)
            return np.asarray(self._computed, np.uint64)

    @property
    def locations(self) -> Words:
        """Packed addresses of the hard locations, shape (n_locations, n_words), a copy.

        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(256, n_locations=10, seed=3)
        >>> bool((memory.locations == hypersketch.MapB(256, seed=3).atoms(range(10))).all())
        True
        """
        copied: Words = self._addresses.copy()
        return copied

    @property
    def counters(self) -> NDArray[Any]:
        """Counters of the hard locations, shape (n_locations, value_dim), a copy.

        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(4, n_locations=1, radius=4)
        >>> memory.store([1, -1, -1, 1])
        >>> memory.counters
        array([[ 1, -1, -1,  1]], dtype=int32)
        """
        with self._lock:
            if self._there is not None:
                return self._there.counters().to_host()
            made: NDArray[Any] = self._counters.copy()
            return made

    @property
    def activation(self) -> float:
        """Share of random locations that an address activates.

        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(1000, n_locations=100, radius=451)
        >>> round(memory.activation, 6)
        0.001072
        """
        if self._values["k"] is not None:
            return float(self._values["k"] / self._values["n_locations"])
        return theory.sparse_distributed.activation(self._values["address_dim"], self._values["radius"])

    def active(self, addresses: Any, *, threads: int | None = None) -> list[NDArray[np.int64]]:
        """Return which locations addresses activate.

        Parameters
        ----------
        addresses : array of shape (address_dim,) or (n, address_dim), or packed
            As for `store`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        list of ndarray of int64
            Locations of each address, nearest first and of equal ones the first.

        Raises
        ------
        TypeError, ValueError
            As `store`.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(64, n_locations=100, k=3)
        >>> int(memory.active(memory.locations[[7]])[0][0])
        7
        """
        owner = "SparseDistributedMemory.active"
        asked, _ = self._given(owner, "addresses", addresses, self._values["address_dim"])
        return list(self._active(_memory.host(asked), _threads.resolve(owner, threads)).each())

    def _given(self, owner: str, name: str, value: Any, dim: int) -> tuple[Any, Any]:
        """Return checked vectors as words where the memory is, and the form in which they came."""
        device = self._device_index
        if _device.is_on_gpu(value):
            from hypersketch.memories import _gpu_rows

            words, form = _gpu_rows.packed(owner, name, value, dim, device)
            return words, form
        rows, dtype = _bit_rows.packed(owner, name, value, dim)
        return rows if device is None else _memory.moved(rows, device), dtype

    def _active(self, asked: Words, threads: int) -> Active:
        return _hard_locations.active(self._addresses, asked, self._values, threads)

    # ---- changes

    def _write(self, asked: Any, rows: Any, weights: Integers | None, threads: int) -> None:
        with self._lock:
            require_writable(self)
            if self._there is not None:
                self._write_there(self._there, asked, rows, weights)
                return
            parts = [slice(i, i + CHUNK) for i in range(0, len(asked), CHUNK)]
            found = [self._active(asked[part], threads) for part in parts]
            changes = [
                (here, rows[part], None if weights is None else weights[part])
                for part, here in zip(parts, found, strict=True)
            ]
            if self._values["limit"] is not None:
                self._add(changes, self._values["limit"], threads)
                return
            bound, joined = self._after(changes, threads)
            if joined is None:
                self._add(changes, bound, threads)
            else:
                at_once((self._counters, ..., joined), self._noted(sum(map(_number, changes)), bound))

    def _write_there(self, there: GpuLocations, asked: Any, rows: Any, weights: Integers | None) -> None:
        """Do the same on a GPU, where one call takes all items."""
        if not len(asked):
            return
        n = _number((None, rows, weights))
        limit, more = self._values["limit"], _hard_locations.total(weights, len(rows))
        bound, change = limit or 0, None
        if limit is None:
            bound, change = self._after_there(there, asked, rows, weights, more)
        if change is None:
            there.write(asked, rows, weights)
        else:
            there.join(change)
        at_once(self._noted(n, bound))

    def _after_there(
        self, there: GpuLocations, asked: Any, rows: Any, weights: Integers | None, more: int
    ) -> tuple[int, Any]:
        """Return what `_after` does: a bound, and the change itself where only it could tell."""
        bound = self._bound
        if bound + more > MOST:
            bound, more = there.largest(), there.largest_load(asked, weights)
        if bound + more <= MOST:
            return int(bound) + more, None
        if more <= MOST:
            change = there.empty_change()
            there.write(asked, rows, weights, change)
            after = there.largest(change)
            if after <= MOST:
                return after, change
        self._refuse_more(int(bound), more)

    def _noted(self, n: int, bound: float) -> Change:
        """Return the change by which n more are stored, and no counter exceeds a bound."""
        return vars(self), "_record", (self._tally.plus(Tally(n_added=n))._replace(bound=bound), [])

    def _note(self, n: int, bound: float) -> None:
        at_once(self._noted(n, bound))

    def _add(self, changes: list[Writing], bound: float, threads: int) -> None:
        """Add values to the counters of their locations; after Ctrl-C what is in is counted."""
        self._note(0, UNKNOWN)
        limit = self._values["limit"]
        for change in changes:
            if limit is None:
                add = _hard_locations.adding(self._counters, change, threads)
                call_at_once(add, count_of(self, _number(change)))
                continue
            for here, made, weight in _hard_locations.clipped(self._counters, change, limit):
                at_once((self._counters, here, made), count_of(self, (weight > 0) - (weight < 0)))
        self._note(0, bound)

    def _after(self, changes: list[Writing], threads: int) -> tuple[int, NDArray[np.int64] | None]:
        """Return a bound of the counters after changes, and themselves where only they could tell."""
        more = sum(_hard_locations.total(weights, len(rows)) for _, rows, weights in changes)
        bound = self._bound
        if bound + more > MOST:  # look closer: no location gets them all
            bound = _hard_locations.largest(self._counters)
            more = _hard_locations.largest_change(len(self._counters), changes)
        if bound + more <= MOST:
            return int(bound) + more, None
        if more <= MOST:  # some of it may cancel
            joined = _hard_locations.sum_of(self._counters, changes, threads)
            bound = _hard_locations.largest(joined)
            if bound <= MOST:
                return int(bound), joined
        self._refuse_more(self._bound, more)

    def _refuse_more(self, bound: float, more: int) -> NoReturn:
        raise OverflowError(
            f"Counters hold up to {MOST}, the largest is {int(bound)} and the change adds up to {more}. "
            "Nothing was stored."
        )

    @property
    def _bound(self) -> float:
        return float(self._tally.bound if self._alone else UNKNOWN)

    def _join(self, other: LocationStore) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            require_writable(self)
            if self._there is not None:
                self._join_there(self._there, other)
                return
            if other._there is not None:
                other = other.to("cpu")
            if self._values["stored"] and not np.array_equal(self._addresses, other._addresses):
                raise ValueError("Both memories must have the same locations to merge them.")
            limit = self._values["limit"]
            joined = self._counters.astype(np.int64) + other._counters
            largest = _hard_locations.largest(joined)
            self._require_sum(largest)
            made = joined if limit is None else np.clip(joined, -limit, limit)
            bound = largest if limit is None else limit
            at_once((self._counters, ..., made), self._noted(other.n_added, bound))

    def _join_there(self, there: GpuLocations, other: LocationStore) -> None:
        near = other._there
        if near is None or near.device != there.device:
            near = other.to(self.device)._there
        assert near is not None
        if self._values["stored"] and not there.same_addresses(near):
            raise ValueError("Both memories must have the same locations to merge them.")
        largest = there.largest(near.counters())
        self._require_sum(largest)
        there.join(near.counters())
        at_once(self._noted(other.n_added, self._values["limit"] or largest))

    def _require_sum(self, largest: int) -> None:
        if self._values["limit"] is None and largest > MOST:
            raise OverflowError(f"Counters hold up to {MOST}; a sum would be {largest}. Nothing was merged.")

    # ---- answers

    def _read_on(self, asked: Words, many: int, same: bool, threads: int) -> tuple[Any, ...]:
        """Read until nothing changes: states, steps, which converged, sums, numbers of active locations."""
        states, sums, active = self._read(asked, threads)
        steps = np.ones(len(asked), np.int64)
        converged = (states == asked).all(axis=1) if same else np.ones(len(asked), np.bool_)
        for _ in range(many - 1):
            going = np.flatnonzero(~converged)
            if not going.size:
                break
            before = states[going]
            states[going], sums[going], active[going] = self._read(before, threads)
            steps[going] += 1
            converged[going] = (states[going] == before).all(axis=1)
        return states, steps, converged, sums, active

    def _read(self, asked: Words, threads: int) -> tuple[Words, NDArray[np.int64], NDArray[np.int64]]:
        addresses = self._addresses  # not in the workers: this thread holds the lock
        sums = np.empty((len(asked), self._values["value_dim"]), np.int64)
        active = np.empty(len(asked), np.int64)
        bound = MOST if self._bound == UNKNOWN else self._bound
        workers = threads if len(asked) > threads else 1  # few addresses share the threads of each scan
        step = max(1, min(CHUNK, -(-len(asked) // workers)))

        def read(first: int) -> None:
            part = slice(first, first + step)
            found = _hard_locations.active(addresses, asked[part], self._values, threads // workers)
            active[part] = found.numbers
            _hard_locations.sums(self._counters, found, bound, sums[part])

        each_in_turn(read, range(0, len(asked), step), workers)
        return self._signs(sums), sums, active

    def _answered(self, states: Any, form: Any, found: list[Any]) -> tuple[Any, list[Any]]:
        """Return states in the form of the queries, and what is known of each in arrays of their kind."""
        width = self._values["value_dim"]
        if isinstance(form, np.dtype):
            return _bit_rows.in_form(_memory.host(states), width, form), [*map(_memory.host, found)]
        return form._replace(single=False).formed(states, width), [*map(form.alike, found)]

    def _signs(self, sums: NDArray[np.int64]) -> Words:
        """Return the signs of sums as bits; a sum of 0 takes a bit of the seed."""
        negative = sums < 0
        tied = sums == 0
        if tied.any():
            ties = MapB(self._values["value_dim"], self._values["seed"]).atoms(["ties"])
            negative |= tied & _bit_rows.unpacked(ties, self._values["value_dim"])
        return _packed.pack_bits(negative)


def _number(change: tuple[Any, Any, Integers | None]) -> int:
    """Return how many items a change adds, less how many it takes out."""
    _, rows, weights = change
    return len(rows) if weights is None else int(np.sign(weights).sum())
