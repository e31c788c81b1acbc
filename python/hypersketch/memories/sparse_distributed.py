# SPDX-License-Identifier: Apache-2.0
"""Kanerva's sparse distributed memory: counters at random addresses, written and read by who is near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _bit_rows
from hypersketch.memories._associative import Retrieval
from hypersketch.memories._changes import require_writable
from hypersketch.memories._location_store import DIM, LocationStore


@dataclass(frozen=True, eq=False)
class LocationRetrieval(Retrieval):
    """What a sparse distributed memory answers.

    Attributes
    ----------
    states, energies, steps, converged
        As of `Retrieval`; no energies.
    sums : ndarray of int64, shape (n, value_dim)
        Sums of the counters read last, positive for +1; their magnitude says how sure a bit is.
    active : ndarray of int64, shape (n,)
        How many locations were read last; without any, the answer is a guess.
    """

    sums: NDArray[np.int64]
    active: NDArray[np.int64]


@files.register
class SparseDistributedMemory(LocationStore):
    """Items kept in the counters of all hard locations that are near their addresses.

    Parameters
    ----------
    address_dim : int in [1, 2**24]
        Bits of an address.
    value_dim : int, optional
        Bits of a value; default those of an address.
    n_locations : int, optional
        Number R of hard locations; default as many as ``locations``.
    radius : int, optional
        An address activates all locations within this Hamming distance.
    k : int, optional
        An address activates the k nearest locations, of equal ones the first. Default: a radius with an
        activation near (2 R T)^(-1/3), the best one for T = R / 10 items.
    locations : array, optional
        Addresses of the locations, which are stored with the memory. Default: random ones, computed from the
        seed, which are the atoms of 0 to R - 1 in ``MapB(address_dim, seed)``.
    limit : int, optional
        Counters stay within -limit and limit, in 1, 2 or 4 bytes each. Default: counters of 4 bytes, and a
        change that would leave them is refused.
    seed : int in [0, 2**64), default 0
        Of the locations, and of the bits that stand where sums are 0.
    device : str, default 'cpu'
        Where addresses and counters lie and are worked on: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Kanerva, Sparse Distributed Memory (1988) and in Associative Neural Memories (1993); k nearest as in
    Jaeckel's selected designs, a fixed number of locations. `hypersketch.theory.sparse_distributed` has
    the bit errors.

    Examples
    --------
    >>> import hypersketch
    >>> memory = hypersketch.SparseDistributedMemory(256, n_locations=2000)
    >>> patterns = hypersketch.MapB(256, seed=1).atoms(range(20))
    >>> memory.store(patterns)
    >>> noisy = patterns.copy()
    >>> noisy[:, 0] ^= 0x1F  # five bits of each
    >>> found = memory.retrieve(noisy, steps=10)
    >>> bool((found.states == patterns).all()), bool(found.converged.all())
    (True, True)
    """

    def __init__(
        self,
        address_dim: int,
        value_dim: int | None = None,
        *,
        n_locations: int | None = None,
        radius: int | None = None,
        k: int | None = None,
        locations: Any = None,
        limit: int | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        owner = type(self).__name__
        DIM(owner, "address_dim", address_dim)
        given = None
        if locations is not None:
            given, _ = _bit_rows.packed(owner, "locations", locations, address_dim)
            if n_locations not in (None, len(given)):
                _validation.refuse(owner, "n_locations", f"{len(given)}, as many as locations", n_locations)
            n_locations = len(given)
        if n_locations is None:
            _validation.refuse(owner, "n_locations", "given, or else locations", n_locations)
        if radius is None and k is None:
            radius = _default_radius(owner, address_dim, n_locations)
        parameters = self._checked(
            address_dim=address_dim,
            value_dim=address_dim if value_dim is None else value_dim,
            n_locations=n_locations,
            radius=radius,
            k=k,
            limit=limit,
            stored=given is not None,
            seed=seed,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))
        if given is not None and self._there is not None:
            self._there.put_addresses(given)
        elif given is not None:
            self._addresses[...] = given

    # ---- changes

    def store(
        self, addresses: Any, values: Any = None, weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add values to the counters of all locations that their addresses activate.

        Parameters
        ----------
        addresses : array of shape (address_dim,) or (n, address_dim), or packed words
            Rows of -1 and +1, or of bools (True is +1), or packed words of uint64 (a set bit is -1).
        values : array of shape (value_dim,) or (n, value_dim), or packed words, optional
            As many; default the addresses themselves.
        weights : array of int, shape (n,), optional
            How often each is added, below 2**31 in magnitude; negative to take it out, which counts as
            one removed. Default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For rows of another form or dimension, unequal numbers of them, or when the memory is
            memory-mapped.
        OverflowError
            When a counter would leave 32 bits, or magnitudes of weights sum up to more at a location;
            nothing is changed then. Not with a ``limit``.

        Notes
        -----
        The result is that of one item after the other, whatever the batches and threads. After Ctrl-C the
        memory holds a prefix of the batch.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(64, 3, n_locations=100, k=5)
        >>> addresses = hypersketch.MapB(64, seed=1).atoms(["a", "b"])
        >>> memory.store(addresses, [[1, 1, -1], [-1, 1, 1]])
        >>> memory.retrieve(addresses).sums[0]
        array([ 5,  5, -5])
        """
        self._change("SparseDistributedMemory.store", addresses, values, weights, 1, threads)

    def remove(
        self, addresses: Any, values: Any = None, weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Take values out of the counters again, exactly; otherwise as `store`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As `store`, and for counters with a limit, which do not know what was cut off.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(64, n_locations=100, k=5)
        >>> addresses = hypersketch.MapB(64, seed=1).atoms(["a", "b"])
        >>> memory.store(addresses)
        >>> memory.remove(addresses[1])
        >>> memory.n_added, int(memory.counters.max())
        (1, 1)
        """
        if self._values["limit"] is not None:
            raise ValueError(
                "There is no way to remove items from a SparseDistributedMemory with a limit: its counters "
                "do not know what was cut off."
            )
        self._change("SparseDistributedMemory.remove", addresses, values, weights, -1, threads)

    def _change(
        self, owner: str, addresses: Any, values: Any, weights: Any, sign: int, threads: int | None
    ) -> None:
        asked, _ = self._given(owner, "addresses", addresses, self._values["address_dim"])
        if values is None and self._values["value_dim"] != self._values["address_dim"]:
            _validation.refuse(owner, "values", "given, as value_dim is not address_dim", None)
        rows = asked
        if values is not None:
            rows, _ = self._given(owner, "values", values, self._values["value_dim"])
        if len(rows) != len(asked):
            raise ValueError(f"{owner} needs as many values as addresses. Got {len(rows)} and {len(asked)}.")
        each = _validation.weights(owner, _device.on_host(owner, "weights", weights), len(asked))
        if sign < 0:
            each = np.full(len(asked), -1, np.int64) if each is None else -each
        self._write(asked, rows, each, _threads.resolve(owner, threads))

    def merge(self, other: SparseDistributedMemory) -> None:
        """Add the counters of another memory of the same parameters.

        Parameters
        ----------
        other : SparseDistributedMemory
            Stays as it is. With a ``limit``, sums are cut off there.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, has other stored locations, or this one is memory-mapped.
        OverflowError
            When a counter would leave 32 bits; nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.SparseDistributedMemory(64, n_locations=9, k=9) for _ in "ab")
        >>> a.store([1] * 64)
        >>> b.store([1] * 64)
        >>> a.merge(b)
        >>> int(a.counters.max()), a.n_added
        (2, 2)
        """
        self._require_same(other, "merge with")
        self._join(other)

    def clear(self) -> None:
        """Set all counters to 0; locations stay.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(64, n_locations=9, k=9)
        >>> memory.store([1] * 64)
        >>> memory.clear()
        >>> memory == hypersketch.SparseDistributedMemory(64, n_locations=9, k=9)
        True
        """
        with self._lock:
            require_writable(self)
            if self._there is not None:
                self._there.clear()
            else:
                self._counters.fill(0)
            self._record = (Tally(), [])

    # ---- answers

    def retrieve(self, queries: Any, *, steps: int = 1, threads: int | None = None) -> LocationRetrieval:
        """Return the signs of the sums of the counters that queries activate.

        Parameters
        ----------
        queries : array of shape (address_dim,) or (n, address_dim), or packed
            In any form that `store` takes.
        steps : int, default 1
            Reading goes on from what was read, at most so often and until it stays; more than 1 needs values
            of as many bits as addresses.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        LocationRetrieval
            ``states`` in the form of the queries, ``sums``, and how many locations were ``active``. Where
            values are no addresses, nothing can stay, and one step counts as converged.

        Raises
        ------
        TypeError, ValueError
            As `store`, and for an empty memory.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(64, n_locations=1000, k=20)
        >>> memory.store([1, -1] * 32)
        >>> found = memory.retrieve([-1, -1] + [1, -1] * 31, steps=5)
        >>> found.states[0, :4], found.steps
        (array([ 1, -1,  1, -1]), array([2]))
        """
        owner = "SparseDistributedMemory.retrieve"
        many = _validation.integer(owner, "steps", steps, 1, 2**31 - 1)
        same = self._values["address_dim"] == self._values["value_dim"]
        if many > 1 and not same:
            _validation.refuse(owner, "steps", "1, as value_dim is not address_dim", steps)
        asked, form = self._given(owner, "queries", queries, self._values["address_dim"])
        if not self.n_added:
            raise ValueError(f"{owner} needs items, but this SparseDistributedMemory is empty.")
        with self._lock:
            if self._there is not None:
                states, *found = self._there.read(asked, many)
            else:
                states, *found = self._read_on(asked, many, same, _threads.resolve(owner, threads))
        shown, (n_steps, converged, sums, active) = self._answered(states, form, found)
        return LocationRetrieval(shown, None, n_steps, converged, sums, active)

    # ---- theory

    def capacity(self, error: float = 0.01, *, distance: int = 0) -> float:
        """Return how many random items fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Chance that a bit of the answer is wrong, after one step.
        distance : int, default 0
            Bits in which the query differs from the item's address.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For arguments out of range.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(1000, n_locations=1000, radius=465)
        >>> memory.capacity(0.01), memory.capacity(0.01, distance=50)
        (139.0, 29.0)
        """
        rate = _validation.probability("SparseDistributedMemory.capacity", "error", error)
        return float(
            theory.sparse_distributed.capacity(
                self._values["n_locations"], self.activation, rate, **self._reading("capacity", distance)
            )
        )

    def expected_error(self, *, distance: int = 0) -> float:
        """Return the chance that a bit of the answer is wrong, for as many random items as are stored.

        Parameters
        ----------
        distance : int, default 0
            Bits in which the query differs from the item's address.

        Returns
        -------
        float
            `hypersketch.theory.sparse_distributed.bit_error`, of counters without a limit, after one step.

        Raises
        ------
        ValueError
            For a distance out of range.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseDistributedMemory(1000, n_locations=1000, radius=465)
        >>> memory.store(hypersketch.MapB(1000, seed=1).atoms(range(200)))
        >>> round(memory.expected_error(), 3)
        0.024
        """
        reading = self._reading("expected_error", distance)
        if self.n_added < 1:
            return 0.0
        return theory.sparse_distributed.bit_error(
            self._values["n_locations"], self.n_added, self.activation, **reading
        )

    def _reading(self, verb: str, distance: int) -> dict[str, Any]:
        dim = self._values["address_dim"]
        d = _validation.integer(f"SparseDistributedMemory.{verb}", "distance", distance, 0, dim)
        near = self._values["radius"]
        if near is None:
            near = theory.sparse_distributed.radius(dim, min(self.activation, 1.0 - 1e-9))
        shared = theory.sparse_distributed.overlap(dim, near, d)
        return {"nearest": self._values["k"] is not None, "overlap": shared}


def _default_radius(owner: str, dim: int, n_locations: object) -> int:
    n = _validation.integer(owner, "n_locations", n_locations, 1, 2**32)
    best = theory.sparse_distributed.best_activation(n, max(1, n // 10))
    return theory.sparse_distributed.radius(dim, min(best, 0.5))
