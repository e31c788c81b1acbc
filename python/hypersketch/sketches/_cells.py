# SPDX-License-Identifier: Apache-2.0
"""What Bloom filters and counting Bloom filters share: k cells of m a key, sizing, and errors expected."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch._structure import Structure
from hypersketch.keys import hash_key, hash_keys
from hypersketch.theory import bloom as theory

CELLS = _validation.within(1, 2**48 - 1)
HASHES = _validation.within(1, 255)
CAPACITY = _validation.optional(CELLS)


class CapacityWarning(UserWarning):
    """More keys were added than a filter was sized for, so its error exceeds what was asked for.

    Examples
    --------
    >>> import warnings
    >>> import hypersketch
    >>> seen = hypersketch.BloomFilter(capacity=2, fpr=0.01)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     seen.add(["a", "b", "c"])
    >>> caught[0].category.__name__
    'CapacityWarning'
    """


class CellSketch(Structure):
    """A structure in which every key owns k of m cells."""

    _CELLS: ClassVar[str]
    """Name of the parameter that counts the cells."""
    _UNCOMPARED = frozenset({"capacity"})
    _warned = False

    @classmethod
    def _sized(
        cls,
        capacity: object,
        fpr: object,
        n_cells: object,
        n_hashes: object,
        optimum: Callable[[int, float], tuple[int, int]] = theory.optimum,
    ) -> tuple[object, object]:
        """Return (cells, hashes) as given, or the smallest that keep the error for the capacity."""
        planned, explicit = (capacity, fpr), (n_cells, n_hashes)
        if None not in planned and explicit == (None, None):
            most = CAPACITY(cls.__name__, "capacity", capacity)
            return optimum(most, _validation.probability(cls.__name__, "fpr", fpr))
        if None not in explicit and planned == (None, None):
            return explicit
        given = zip(("capacity", "fpr", cls._CELLS, "n_hashes"), planned + explicit, strict=True)
        came = ", ".join(f"{name}={value!r}" for name, value in given if value is not None) or "none of them"
        raise TypeError(
            f"A {cls.__name__} is sized either by capacity and fpr or by {cls._CELLS} and n_hashes. "
            f"Got {came} instead."
        )

    @property
    def n_hashes(self) -> int:
        """Number k of cells a key.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1024).n_hashes
        8
        """
        return int(self._values["n_hashes"])

    @property
    def capacity(self) -> int | None:
        """Number of keys this was sized for, if it was sized so.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(capacity=1000, fpr=0.01).capacity
        1000
        """
        capacity: int | None = self._values["capacity"]
        return capacity

    @property
    def _n_cells(self) -> int:
        return int(self._values[self._CELLS])

    def _may_exceed(self, more: int) -> bool:
        """Return whether so many more keys are too many, and that was not told yet."""
        return self.capacity is not None and not self._warned and self.n_added + more > self.capacity

    def _warn_beyond_capacity(self, more: int) -> None:
        """Warn once, and before the change: where warnings are errors, nothing is changed."""
        if not self._may_exceed(more):
            return
        name = type(self).__name__
        warnings.warn(
            f"This {name} was sized for {self.capacity} keys and now takes number {self.n_added + more}: its "
            "error will exceed the one that was asked for.",
            CapacityWarning,
            stacklevel=4,
        )
        self._warned = True

    def __contains__(self, key: object) -> bool:
        """Whether one key was probably added; never False for a key that was."""
        hashes = hash_key(f"{type(self).__name__}.__contains__", key)
        return bool(self.contains_hashes(hashes, threads=1)[0])

    def contains(
        self, keys: Any, *, out: NDArray[Any] | None = None, packed: bool = False, threads: int | None = None
    ) -> NDArray[Any]:
        """Tell which keys were probably added.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        out : ndarray of bool, shape (n,), or of uint8, shape (ceil(n / 8),), optional
            Array for the answers, C-contiguous; of uint8 when ``packed``.
        packed : bool, default False
            Return bits instead of bytes: bit i % 8 of byte i // 8 for key i, as
            ``numpy.packbits(..., bitorder="little")``.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,), or of uint8, shape (ceil(n / 8),)
            True for every key that was added, and for others at the rate that `expected_fpr` tells.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or an ``out`` that does not fit.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
        >>> seen.add(["a", "b"])
        >>> seen.contains(["a", "b", "c"])
        array([ True,  True, False])
        >>> seen.contains(["a", "b", "c"], packed=True)
        array([3], dtype=uint8)
        """
        return self._asked(keys, out, packed, threads)

    def _asked(self, keys: Any, out: NDArray[Any] | None, packed: bool, threads: int | None) -> NDArray[Any]:
        return self.contains_hashes(hash_keys(keys, threads=threads), out=out, packed=packed, threads=threads)

    def contains_hashes(
        self,
        hashes: NDArray[np.uint64],
        *,
        out: NDArray[Any] | None = None,
        packed: bool = False,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Tell which keys were probably added, from their hashes (`hypersketch.hash_keys` with seed 0)."""
        raise NotImplementedError

    def _occupied(self) -> int:
        """Return the number of cells that are not zero."""
        raise NotImplementedError

    @property
    def fill(self) -> float:
        """Share of the cells that are not zero, in [0, 1].

        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=1000, n_hashes=1, layout="classic")
        >>> seen.add("a")
        >>> seen.fill
        0.001
        """
        return self._occupied() / self._n_cells

    def expected_fpr(self, n: int | None = None) -> float:
        """Return the probability that a key which was not added is taken for one that was.

        Parameters
        ----------
        n : int, optional
            Number of distinct keys; default ``n_added``, which is too many when keys were added twice.

        Returns
        -------
        float
            The exact probability, over random hashes.

        Raises
        ------
        TypeError, ValueError
            When ``n`` is not an integer >= 0.

        Notes
        -----
        E[(X/m)^k] over the number X of occupied cells; see `hypersketch.theory.bloom.false_positive_rate`.
        For filters of blocks, its mean over the uneven loads of the blocks; see
        `hypersketch.theory.bloom.split_block_fpr` and `hypersketch.theory.bloom.cache_line_fpr`.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> 0.009 < seen.expected_fpr(1000) <= 0.01
        True
        """
        owner = f"{type(self).__name__}.expected_fpr"
        count = max(0, self.n_added) if n is None else _validation.integer(owner, "n", n, 0, 2**63 - 1)
        return self._rate(count)

    def _rate(self, n: int) -> float:
        return float(theory.false_positive_rate(self._n_cells, self.n_hashes, n))

    def cardinality(self) -> float:
        """Estimate the number of distinct keys from the number of occupied cells.

        Returns
        -------
        float
            The estimate; infinite when every cell is occupied.

        Notes
        -----
        -(m/k) ln(1 - X/m) for X of m cells occupied (Swamidass & Baldi 2007); for filters of blocks
        `hypersketch.theory.bloom.blocked_cardinality`. `cardinality_sd` is its standard deviation.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add(range(500))
        >>> 480 < seen.cardinality() < 520
        True
        """
        return self._cardinality_of(self._occupied())

    def _cardinality_of(self, occupied: int) -> float:
        return float(theory.cardinality(self._n_cells, self.n_hashes, occupied))

    def cardinality_sd(self) -> float:
        """Return the standard error of `cardinality`.

        Returns
        -------
        float
            Standard deviation over random hashes, for as many keys as `cardinality` tells; nan when every
            cell is occupied.

        Notes
        -----
        See `hypersketch.theory.bloom.cardinality_sd` and `hypersketch.theory.bloom.blocked_cardinality_sd`.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add(range(500))
        >>> abs(seen.cardinality() - 500) < 4 * seen.cardinality_sd() < 30
        True
        """
        estimate = self.cardinality()
        return self._cardinality_spread(round(estimate)) if math.isfinite(estimate) else math.nan

    def _cardinality_spread(self, n: int) -> float:
        return float(theory.cardinality_sd(self._n_cells, self.n_hashes, n))
