# SPDX-License-Identifier: Apache-2.0
"""Scalable Bloom filters: sets whose size need not be known, within a false-positive rate promised for all
of it."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device_keys, _memory, _validation, files
from hypersketch._stored import Tally
from hypersketch._structure import chunks
from hypersketch.sketches._cells import CapacityWarning
from hypersketch.sketches._chain import chain_rate, room_of, slice_of, slice_parameters
from hypersketch.sketches._chain_store import ChainStore
from hypersketch.sketches._layouts import LAYOUTS, Batch, Shape
from hypersketch.sketches.bloom import LayoutName


@files.register
class ScalableBloomFilter(ChainStore):
    """A set of keys that grows: a chain of Bloom filters whose rates together stay below the promised one.

    Parameters
    ----------
    capacity : int >= 1
        Number of distinct keys the first slice is sized for.
    fpr : float in [1e-70, 1)
        False-positive rate that the whole chain may have, however long it becomes.
    growth : float in [1, 16], default 2
        How many times more keys each slice takes than the one before it. A chain has at most 64 slices: with
        growth 1, 64 times ``capacity`` keys.
    tightening : float t in (0, 1), optional
        Slice i = 0, 1, ... may have the rate ``fpr (1 - t) t**i``. Left out, it may have
        ``fpr 6 / (pi (i + 1))**2``, which takes fewer bits in long chains.
    layout : {'auto', 'split-block', 'cache-line', 'classic'}, default 'auto'
        As for `hypersketch.BloomFilter`, the same for all slices. ``auto``: for each slice by its rate,
        ``split-block`` from 1e-3, ``cache-line`` from 1e-6, ``classic`` below, since the bits of blocks grow
        much faster than log(1 / rate) where rates are low.
    seed : int in [0, 2**64), default 0
        Filters of different seeds make independent errors and cannot be merged.
    device : str, default 'cpu'
        Where the bits lie: ``cpu``, ``cuda``, ``cuda:1``; see `to`. Keys are asked for there; which slice a
        new key goes into is decided in host memory.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Almeida, Baquero, Preguica & Hutchison (2007). A key goes into the last slice unless some slice already
    holds it, so slices hold different keys and a key that comes again costs nothing. The rates of the slices
    add up to fpr at most (union bound): theirs, fpr (1 - t) t^i, is a geometric series; without t it is
    Euler's, sum 1/i^2 = pi^2/6. Slice number i = 1, 2, ... then costs 1.44 log2(1.65 i^2 / fpr) bits a key,
    and at most 1.4 times as many where ``auto`` chooses blocks (of which a small slice takes whole ones). At
    the 64th slice that is 18 bits more than at the promised rate; with t = 0.5 it is 92.

    When a batch needs new slices, they are made before anything changes: where memory or the 64 slices do
    not suffice, the chain stays as it was before the batch (before its last piece of a million keys). Shared
    memory has no room for new slices: `hypersketch.attach` takes a chain for reading only.

    Two chains may hold one key in different slices. So there is no ``&=`` and no cardinality of a union or
    an intersection here; `merge` and ``|=`` keep every key.

    Examples
    --------
    >>> import hypersketch
    >>> seen = hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01)
    >>> seen.add(range(20_000))
    >>> bool(seen.contains([5, 19_999]).all()), seen.n_slices
    (True, 5)
    >>> seen.expected_fpr() <= 0.01
    True
    """

    def __init__(
        self,
        capacity: int,
        fpr: float,
        *,
        growth: float = 2.0,
        tightening: float | None = None,
        layout: LayoutName | Literal["auto"] = "auto",
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            capacity=capacity,
            fpr=fpr,
            growth=growth,
            tightening=tightening,
            layout=layout,
            seed=seed,
            slices=[0],
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- looks

    @property
    def capacity(self) -> int:
        """Number of keys the first slice was sized for.

        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01).capacity
        1000
        """
        return int(self._values["capacity"])

    @property
    def layout(self) -> LayoutName | Literal["auto"]:
        """Where a key's bits lie; see the class.

        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01).layout
        'auto'
        """
        layout: LayoutName | Literal["auto"] = self._values["layout"]
        return layout

    @property
    def n_slices(self) -> int:
        """Number of filters in the chain.

        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01).n_slices
        1
        """
        return len(self._chain)

    @property
    def nbytes(self) -> int:
        """Size of all slices in bytes.

        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01).nbytes
        1472
        """
        return sum(one.nbytes for one in self._chain)

    @property
    def fill(self) -> float:
        """Share of the bits of all slices that are set, in [0, 1].

        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01).fill
        0.0
        """
        bits = [one.n_bits for one in self._chain]
        return sum(one.fill * m for one, m in zip(self._chain, bits, strict=True)) / sum(bits)

    def expected_fpr(self, n: int | None = None) -> float:
        """Return the probability that a key which was not added is taken for one that was.

        Parameters
        ----------
        n : int, optional
            Number of distinct keys; default those in the chain.

        Returns
        -------
        float
            1 - prod(1 - f_i) over the exact rates f_i of the slices. At most the promised rate, unless chains
            were merged.

        Raises
        ------
        TypeError, ValueError
            When ``n`` is not an integer >= 0, or more keys than a chain of these parameters can hold.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.ScalableBloomFilter(capacity=1000, fpr=0.01)
        >>> 0.005 < seen.expected_fpr(1000) <= 0.0061 < seen.expected_fpr(10**6) <= 0.01
        True
        """
        if n is None:
            return chain_rate(self._chain)
        left = _validation.integer("ScalableBloomFilter.expected_fpr", "n", n, 0, 2**47)
        kept, index = 0.0, 0
        while left > 0:
            mine = slice_parameters(self._values, index)
            held = min(left, mine["capacity"])
            shape = Shape(mine["n_bits"], mine["n_hashes"], mine["seed"])
            kept += math.log1p(-LAYOUTS[mine["layout"]].fpr(shape, held))
            left, index = left - held, index + 1
        return -math.expm1(kept)

    def cardinality(self) -> float:
        """Estimate the number of distinct keys: the sum over the slices, which hold different keys.

        Returns
        -------
        float
            The estimate; infinite when every bit of a slice is set. After `merge` a key that was in different
            slices of the two counts twice.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.ScalableBloomFilter(capacity=100, fpr=0.01)
        >>> seen.add(range(1000))
        >>> abs(seen.cardinality() - 1000) < 5 * seen.cardinality_sd() + 10
        True
        """
        return sum(one.cardinality() for one in self._chain)

    def cardinality_sd(self) -> float:
        """Return the standard error of `cardinality`.

        Returns
        -------
        float
            As for `hypersketch.BloomFilter.cardinality_sd`, of all slices together.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.ScalableBloomFilter(capacity=100, fpr=0.01).cardinality_sd()
        0.0
        """
        return math.hypot(*(one.cardinality_sd() for one in self._chain))

    # ---- changes

    def add(self, keys: Any, *, threads: int | None = None) -> None:
        """Add keys; those that are there already change nothing.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            As for `hypersketch.hash_keys`. An empty batch adds nothing.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. The state does not depend on it.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, when the state is memory-mapped, or when the chain
            cannot grow.

        Notes
        -----
        ``n_added`` grows by the number of keys that were new. After Ctrl-C the chain holds a prefix of the
        batch.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.ScalableBloomFilter(capacity=100, fpr=0.01)
        >>> seen.add(range(500))
        >>> 490 < seen.n_added <= 500
        True
        """
        n_threads = self._n_threads("add", threads)
        self._test_and_add(self._batch(keys, n_threads), None, n_threads)

    def add_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> None:
        """Add keys by their hashes; those that are there already change nothing.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        threads : int, optional
            As for `add`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64; otherwise as `add`.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.ScalableBloomFilter(capacity=100, fpr=0.01)
        >>> seen.add_hashes(hypersketch.hash_keys(["a"]))
        >>> "a" in seen
        True
        """
        batch = self._hashed("add_hashes", hashes)
        self._test_and_add(batch, None, self._n_threads("add_hashes", threads))

    def _test_and_take(self, batch: Batch, answers: Any, threads: int) -> None:
        hashes = _device_keys.host(batch.values)
        found = answers if isinstance(answers, np.ndarray) else np.empty(hashes.size, np.bool_)
        for part in chunks(hashes.size):
            self._test_and_take_piece(hashes[part], found[part], threads)
        if found is not answers:
            answers.copy_from(found)

    def _test_and_take_piece(
        self, hashes: NDArray[np.uint64], answers: NDArray[np.bool_], threads: int
    ) -> None:
        """Fill the slices one by one: no more keys go into the last one at a time than it has room for."""
        rest = np.flatnonzero(~self.contains_hashes(hashes, threads=threads))
        spare = self._spare(hashes[rest])
        answers[:] = True
        while rest.size:
            if room_of(self._chain[-1]) == 0:
                self._chain.append(spare.pop(0))
            last = self._chain[-1]
            taken, rest = np.split(rest, [room_of(last)])
            answers[taken] = last.test_and_add_hashes(hashes[taken], threads=threads)
            rest = rest[~last.contains_hashes(hashes[rest], threads=threads)]

    def clear(self) -> None:
        """Remove everything and go back to one slice.

        >>> import hypersketch
        >>> seen = hypersketch.ScalableBloomFilter(capacity=100, fpr=0.01)
        >>> seen.add(range(1000))
        >>> seen.clear()
        >>> seen.n_slices, seen.n_added
        (1, 0)
        """
        with self._lock:
            self._require_writable()
            self._chain = [slice_of(slice_parameters(self._values, 0), None, 0, self._device_index)]

    def _join(self, other: Any) -> None:
        """Unite slice by slice; a longer chain's last slices are copied."""
        if other is self:
            return
        shorter, longer = sorted((self._chain, other._chain), key=lambda chain: len(chain))
        merged = [one._moved(self._device_index) for one in longer]
        for one, same in zip(merged, shorter, strict=False):
            one._commit(*_memory.combining(np.bitwise_or, one._state, same._state), same._tally)
        self._warn_beyond_promise(chain_rate(merged))
        self._chain = merged

    def _warn_beyond_promise(self, rate: float) -> None:
        promised = self._values["fpr"]
        if rate > promised:
            warnings.warn(
                f"The slices of this ScalableBloomFilter now hold more keys than they were sized for: its "
                f"false-positive rate is {rate:.3g} instead of {promised:.3g}.",
                CapacityWarning,
                stacklevel=4,
            )

    # ---- queries

    def _ask(self, batch: Batch, answers: NDArray[Any], packed: bool, threads: int) -> None:
        # The last and largest slice first: it holds most keys.
        chain = list(self._chain)  # which another thread may be adding to
        chain[-1]._ask(batch, answers, packed, threads)
        more = np.empty_like(answers) if isinstance(answers, np.ndarray) else answers.another()
        for one in chain[-2::-1]:
            one._ask(batch, more, packed, threads)
            answers |= more

    def __ior__(self, other: ScalableBloomFilter) -> ScalableBloomFilter:
        self.merge(other)
        return self

    def __or__(self, other: ScalableBloomFilter) -> ScalableBloomFilter:
        return self._joined(other)
