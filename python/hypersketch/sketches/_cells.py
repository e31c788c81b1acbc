# SPDX-License-Identifier: Apache-2.0
"""What Bloom filters and counting Bloom filters share: k cells of m a key, sizing, and errors expected."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import ClassVar, TypeVar

from hypersketch import _validation
from hypersketch.sketches._members import KeySet
from hypersketch.theory import bloom as theory

CELLS = _validation.within(1, 2**48 - 1)
HASHES = _validation.within(1, 255)
CAPACITY = _validation.optional(CELLS)

Cells = TypeVar("Cells", bound="CellSketch")


def rate(owner: str, name: str, value: object) -> float:
    """Return a false-positive rate that at most 255 hashes reach."""
    must = "a float in [1e-70, 1)"
    number = _validation.real(owner, name, value, must)
    if not 1e-70 <= number < 1.0:
        _validation.refuse(owner, name, must, number)
    return number


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


class CellSketch(KeySet):
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
        most_cells: int = 2**48 - 1,
    ) -> tuple[object, object]:
        """Return (cells, hashes) as given, or the smallest that keep the error for the capacity."""
        planned, explicit = (capacity, fpr), (n_cells, n_hashes)
        if None not in planned and explicit == (None, None):
            most, allowed = CELLS(cls.__name__, "capacity", capacity), rate(cls.__name__, "fpr", fpr)
            cells, hashes = optimum(most, allowed)
            if cells > most_cells:
                raise ValueError(
                    f"A {cls.__name__} with capacity={most} and fpr={allowed} would need "
                    f"{cls._CELLS}={cells}, but can have at most {most_cells}."
                )
            return cells, hashes
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

    def _warn_beyond_capacity(self, more: int, stacklevel: int = 4) -> None:
        """Warn once, and before the change: where warnings are errors, nothing is changed."""
        if not self._may_exceed(more):
            return
        name = type(self).__name__
        warnings.warn(
            f"This {name} was sized for {self.capacity} keys and now takes number {self.n_added + more}: its "
            "error will exceed the one that was asked for.",
            CapacityWarning,
            stacklevel=stacklevel,
        )
        self._warned = True

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

    def _occupied_in_either(self: Cells, other: Cells) -> int:
        """Return the number of cells that are not zero here or there."""
        raise NotImplementedError

    def union_cardinality(self: Cells, other: Cells) -> float:
        """Estimate the number of distinct keys in either of two filters.

        Parameters
        ----------
        other : same type
            With the same parameters and seed.

        Returns
        -------
        float
            What `cardinality` would return after merging the two.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 480 < a.union_cardinality(b) < 520
        True
        """
        self._require_same(other, "compare")
        return self._cardinality_of(self._occupied_in_either(other))

    def union_cardinality_sd(self: Cells, other: Cells) -> float:
        """Return the standard error of `union_cardinality`.

        Parameters
        ----------
        other : same type
            With the same parameters and seed.

        Returns
        -------
        float
            As for `cardinality_sd`; nan when the two leave no cell empty.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 1 < a.union_cardinality_sd(b) < 10
        True
        """
        estimate = self.union_cardinality(other)
        return self._cardinality_spread(round(estimate)) if math.isfinite(estimate) else math.nan
