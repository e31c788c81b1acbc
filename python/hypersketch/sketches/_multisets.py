# SPDX-License-Identifier: Apache-2.0
"""What counters of cells say of one multiset and of two: sizes, unions, intersections, inner products."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from hypersketch import _memory
from hypersketch._additive import Additive
from hypersketch._stored import Tally
from hypersketch.sketches import _counters
from hypersketch.sketches._cells import CellSketch
from hypersketch.theory import counting_bloom as theory

Sets = TypeVar("Sets", bound="Multiset")


class Multiset(Additive, CellSketch):
    """Counters, k of them a key, that look at each other and at those of another."""

    @property
    def n_cells(self) -> int:
        """Number m of counters.

        >>> import hypersketch
        >>> hypersketch.CountingBloomFilter(n_cells=1000, n_hashes=3).n_cells
        1000
        """
        return self._n_cells

    @property
    def counter_bits(self) -> int:
        """Size of a counter in bits.

        >>> import hypersketch
        >>> hypersketch.CountingBloomFilter(n_cells=1000, n_hashes=3).counter_bits
        8
        """
        return int(self._values["counter_bits"])

    @property
    def _shape(self) -> _counters.Shape:
        return _counters.Shape(self.n_cells, self.counter_bits, self.n_hashes, self.seed)

    def _occupied(self) -> int:
        return self._look(self._state)[0]

    def _occupied_in_either(self: Sets, other: Sets) -> int:
        return self._look(other._state)[0]

    def _look(self, other: _memory.State) -> tuple[int, int]:
        """Return how many counters in either state are above 0, and how many are full here."""
        return _counters.look(self._shape, self._state, other)

    def unite(self: Sets, other: Sets) -> None:
        """Keep the larger of every two counters: the union of multisets; also ``|=``.

        As for `collections.Counter`, a key then has the larger of its two counts, and ``+=`` the sum. Counts
        are never too low, but removing keys afterwards may make them so: a counter holds no more than the
        larger part of what two filters' keys would need in it.

        Parameters
        ----------
        other : CountingBloomFilter
            Of the same size, hashes, counters and seed. Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter, or this state is memory-mapped.

        Warns
        -----
        CapacityWarning
            Once, when the two together were given more keys than this one was sized for.

        Notes
        -----
        ``n_added`` and ``total_weight`` become the sums, upper bounds of what the union holds; `inner`, which
        wants the very weight, then tells too little.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(["apple", "pear"], weights=[3, 1])
        >>> b.add(["apple", "plum"], weights=[2, 5])
        >>> a.unite(b)
        >>> a.count(["apple", "pear", "plum"])
        array([3, 1, 5])
        """
        self._require_same(other, "unite with")
        if other is not self:
            self._combine(other, "largest")

    def intersect(self: Sets, other: Sets) -> None:
        """Keep the smaller of every two counters: the intersection of multisets; also ``&=``.

        A key then has the smaller of its two counts, or more: counters that the two have from different keys
        stay, so more keys are found by mistake than `expected_fpr` tells. Removing keys afterwards may make
        counts too low.

        Parameters
        ----------
        other : CountingBloomFilter
            Of the same size, hashes, counters and seed. Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter, or this state is memory-mapped.

        Notes
        -----
        ``n_added`` and ``total_weight`` become the smaller ones, upper bounds of what both hold.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(["apple", "pear"], weights=[3, 1])
        >>> b.add(["apple", "plum"], weights=[2, 5])
        >>> a.intersect(b)
        >>> a.count(["apple", "pear", "plum"])
        array([2, 0, 0])
        """
        self._require_same(other, "intersect with")
        self._combine(other, "smallest")

    def _combine(self: Sets, other: Sets, choice: _counters.Choice) -> None:
        """Put the larger or the smaller of every two counters here."""
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._require_writable()
            mine, theirs = self._tally, other._tally
            change = theirs
            if choice == "smallest":
                fewer, less = theirs.n_added - mine.n_added, theirs.total_weight - mine.total_weight
                change = Tally(n_added=min(0, fewer), total_weight=min(0, less))
            else:
                self._warn_beyond_capacity(theirs.n_added)
            full = np.zeros(1, np.int64)  # of the larger of two counters one was full before
            self._commit(*_counters.combining(choice, self._shape, self._state, other._state, full), change)

    def __ior__(self: Sets, other: Sets) -> Sets:
        self.unite(other)
        return self

    def __or__(self: Sets, other: Sets) -> Sets:
        self._require_same(other, "unite with")
        either = self.copy()
        either.unite(other)
        return either

    def __iand__(self: Sets, other: Sets) -> Sets:
        self.intersect(other)
        return self

    def __and__(self: Sets, other: Sets) -> Sets:
        self._require_same(other, "intersect with")
        both = self.copy()
        both.intersect(other)
        return both

    def inner(self: Sets, other: Sets) -> float:
        """Estimate the inner product of two multisets: the sum over all keys of the product of their counts.

        Parameters
        ----------
        other : CountingBloomFilter
            Of the same size, hashes, counters and seed.

        Returns
        -------
        float
            The estimate, unbiased over random hashes; nan for a filter of one cell, which tells nothing.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Notes
        -----
        (<c_X, c_Y> - k^2 V W / m) / (k (1 - 1/m)) for the cells c and total weights V and W. Its standard
        deviation is about sqrt((|X| |Y| + I^2) / m) for sets with I keys in common, whatever k is; see
        `hypersketch.theory.counting_bloom.intersection_moments`.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountingBloomFilter(n_cells=100_000, n_hashes=4) for _ in "ab")
        >>> a.add(["apple", "pear"], weights=[3, 2])
        >>> b.add(["apple", "plum"], weights=[5, 7])
        >>> round(a.inner(b))
        15
        """
        self._require_same(other, "compare")
        m, k = self.n_cells, self.n_hashes
        if m == 1:
            return float("nan")
        chance = k * k * self.total_weight * other.total_weight / m
        return (_counters.product(self._shape, self._state, other._state) - chance) / (k * (1 - 1 / m))

    def intersection_cardinality(self: Sets, other: Sets) -> float:
        """Estimate the number of keys that two filters share, when each key was added once.

        Parameters
        ----------
        other : CountingBloomFilter
            Of the same size, hashes, counters and seed.

        Returns
        -------
        float
            `inner`: for sets the two are the same number.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 80 < a.intersection_cardinality(b) < 120
        True
        """
        return self.inner(other)

    def intersection_cardinality_sd(self: Sets, other: Sets) -> float:
        """Return the standard error of `intersection_cardinality`.

        Parameters
        ----------
        other : CountingBloomFilter
            Of the same size, hashes, counters and seed.

        Returns
        -------
        float
            Standard deviation over random hashes, for sets of the sizes that ``total_weight`` and the
            estimate tell; nan for a filter of one cell.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Notes
        -----
        Formula 4.10; see `hypersketch.theory.counting_bloom.intersection_moments`.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.CountingBloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 1 < a.intersection_cardinality_sd(b) < 10
        True
        """
        estimate = self.inner(other)
        if math.isnan(estimate):
            return math.nan
        n_x, n_y = (max(0, int(one.total_weight)) for one in (self, other))
        shared = min(max(0, round(estimate)), n_x, n_y)
        return float(theory.intersection_moments(self.n_cells, self.n_hashes, n_x, n_y, shared)[1])
