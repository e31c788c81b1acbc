# SPDX-License-Identifier: Apache-2.0
"""Bloom filters: sets in a few bits a key, with false positives and without false negatives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _memory, _validation, files
from hypersketch._stored import Tally
from hypersketch.sketches._cells import CAPACITY, CELLS, HASHES, CellSketch
from hypersketch.sketches._layouts import LAYOUTS, Batch, Layout, Loops, Shape
from hypersketch.sketches._members import distinct

LayoutName = Literal["split-block", "cache-line", "classic"]


@files.register
class BloomFilter(CellSketch):
    """A set of keys in m bits: k of them are set for every key.

    Parameters
    ----------
    capacity : int >= 1, optional
        Number of distinct keys it is sized for.
    fpr : float in [1e-70, 1), optional
        False-positive rate that it may have at this capacity. The smallest filter is chosen whose exact rate
        in its layout (not the textbook approximation) is at most this.
    n_bits : int >= 1, optional
        Number m of bits; may exceed 2**32. Instead of ``capacity`` and ``fpr``. A multiple of 256 for
        ``split-block``, of 512 for ``cache-line``.
    n_hashes : int, optional
        Number k of bits a key, with ``n_bits``: 8 for ``split-block``, 1 to 16 for ``cache-line`` (8 when
        left out), 1 to 255 for ``classic``.
    layout : {'split-block', 'cache-line', 'classic'}, default 'split-block'
        Where a key's bits lie. ``split-block``: one bit in each eighth of a block of 256 bits; with seed 0
        its bytes are exactly the filter of Apache Parquet. ``cache-line``: up to 16 bits in a block of 512
        bits, which takes one memory access as well and has fewer false positives. ``classic``: anywhere; the
        fewest bits, and k memory accesses a key.
    seed : int in [0, 2**64), default 0
        Filters of different seeds make independent errors and cannot be merged.
    device : str, default 'cpu'
        Where the bits lie: ``cpu``, ``cuda``, ``cuda:1``; see `to`.

    Raises
    ------
    TypeError
        When not exactly one of the two ways of sizing is given, or for arguments of a wrong type.
    ValueError
        For arguments out of range.

    Notes
    -----
    Bloom (1970); blocks after Putze, Sanders & Singler (2007). Adding keys from several threads is safe. A
    query finds every key whose ``add`` returned before it began; of keys that are being added meanwhile it
    may see any part.

    Examples
    --------
    >>> import hypersketch
    >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
    >>> seen.add(["apple", "pear"])
    >>> seen.contains(["apple", "plum"])
    array([ True, False])
    >>> "pear" in seen
    True
    >>> seen
    BloomFilter(n_bits=10752, n_hashes=8, capacity=1000, layout='split-block', seed=0, n_added=2)
    """

    _CELLS = "n_bits"
    _BITS = "n_bits"
    _RESULT = "n_added"
    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_bits": CELLS,
        "n_hashes": HASHES,
        "capacity": CAPACITY,
        "layout": _validation.one_of(*LAYOUTS),
        "seed": _validation.seed,
    }

    def __init__(
        self,
        capacity: int | None = None,
        fpr: float | None = None,
        *,
        n_bits: int | None = None,
        n_hashes: int | None = None,
        layout: LayoutName = "split-block",
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        rule = LAYOUTS[self._PARAMETERS["layout"]("BloomFilter", "layout", layout)]
        if n_bits is not None and (capacity, fpr, n_hashes) == (None, None, None):
            n_hashes = rule.default_hashes
        bits, hashes = self._sized(capacity, fpr, n_bits, n_hashes, rule.size, rule.most_bits)
        parameters = self._checked(n_bits=bits, n_hashes=hashes, capacity=capacity, layout=layout, seed=seed)
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        LAYOUTS[parameters["layout"]].require(cls.__name__, parameters["n_bits"], parameters["n_hashes"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return _validation.words_for(parameters["n_bits"]), np.uint64

    @property
    def n_bits(self) -> int:
        """Number m of bits.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1024).n_bits
        1024
        """
        return self._n_cells

    @property
    def layout(self) -> LayoutName:
        """Where a key's bits lie; see the class.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1024).layout
        'split-block'
        """
        layout: LayoutName = self._values["layout"]
        return layout

    @property
    def _rule(self) -> Layout:
        return LAYOUTS[self.layout]

    @property
    def _shape(self) -> Shape:
        return Shape(self.n_bits, self.n_hashes, self.seed)

    def _batch(self, keys: Any, threads: int) -> Batch:
        if _device.is_on_gpu(keys):
            owner = type(self).__name__
            return self._near(owner, Batch(*_device_keys.words_of(owner, keys)))
        return self._rule.batch(keys, threads)

    def _loops(self, batch: Batch, threads: int) -> Loops:
        make = self._rule.loops_on_gpu if _memory.on_gpu(self._state) else self._rule.loops
        return make(self._shape, self._state, batch.hashed, threads)

    def _pieces(self, batch: Batch) -> Iterator[slice]:
        if _memory.on_gpu(self._state):
            return _device_keys.pieces(batch.values)
        return self._rule.pieces(self._shape, batch.values.size)

    # ---- changes

    def add(self, keys: Any, *, threads: int | None = None) -> None:
        """Add keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            As for `hypersketch.hash_keys`. An empty batch adds nothing.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. The state does not depend on it.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or when the state is memory-mapped.

        Warns
        -----
        CapacityWarning
            Once, when more keys are added than the filter was sized for.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the filter holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        A blocked filter beyond 24 MiB sorts a batch of many keys (three for 64 bytes of it) by place first.
        That takes memory: as much as the filter has, at most 256 MiB, an eighth more for `contains`.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add(range(500))
        >>> seen.n_added
        500
        """
        n_threads = self._n_threads("add", threads)
        self._add(self._batch(keys, n_threads), n_threads)

    def add_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> None:
        """Add keys by their hashes, for keys that go into several structures.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError
            For anything but a one-dimensional array of uint64.
        ValueError
            When the state is memory-mapped.

        Notes
        -----
        A ``split-block`` filter with seed 0 takes its bits from these numbers as they are: they must be
        hashes, not small integers.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> "a" in seen
        True
        """
        self._add(self._hashed("add_hashes", hashes), self._n_threads("add_hashes", threads))

    def _add(self, batch: Batch, threads: int) -> None:
        with self._lock:
            self._require_writable()
            self._warn_beyond_capacity(batch.values.size)
            self._add_chunks(self._loops(batch, threads).add, batch.values, pieces=self._pieces(batch))

    def _test_and_take(self, batch: Batch, answers: NDArray[np.bool_], threads: int) -> None:
        loops = self._loops(batch, threads)
        if self._may_exceed(batch.values.size):
            self._warn_beyond_capacity(self._absent(batch, loops), stacklevel=5)
        for part in self._pieces(batch):
            self._commit(loops.test_and_add, (batch.values[part], answers[part]), Tally())

    def _absent(self, batch: Batch, loops: Loops) -> int:
        """Return the number of distinct keys of a batch that were certainly not added."""
        words = _device_keys.host(batch.values)
        found = np.empty(words.size, np.bool_)
        for part in self._pieces(batch):
            loops.contains(words[part], found[part])
        return distinct(words[~found])

    # ---- queries

    def _ask(self, batch: Batch, answers: NDArray[Any], packed: bool, threads: int) -> None:
        self._ask_by_pieces(self._loops(batch, threads), self._pieces(batch), batch, answers, packed)

    def _occupied(self) -> int:
        return _memory.ones(self._state)

    def _occupied_in_either(self, other: BloomFilter) -> int:
        return _memory.ones_of_either(self._state, other._state)

    def _rate(self, n: int) -> float:
        return self._rule.fpr(self._shape, n)

    def _cardinality_of(self, occupied: int) -> float:
        return self._rule.cardinality(self._shape, occupied)

    def _cardinality_spread(self, n: int) -> float:
        return self._rule.cardinality_sd(self._shape, n)

    # ---- sets

    def _join(self, other: Any) -> None:
        self._warn_beyond_capacity(other.n_added)
        self._commit(*_memory.combining(np.bitwise_or, self._state, other._state), other._tally)

    def __ior__(self, other: BloomFilter) -> BloomFilter:
        self.merge(other)
        return self

    def __or__(self, other: BloomFilter) -> BloomFilter:
        return self._joined(other)

    def intersect(self, other: BloomFilter) -> None:
        """Keep the bits that another filter has too; also ``&=``.

        The result finds every key that both hold. It is *not* the filter of the intersection: bits that the
        two have from different keys stay, so its false-positive rate is higher (about the product of both
        rates, and `expected_fpr` does not tell it). For the size of the intersection see
        `intersection_cardinality`.

        Parameters
        ----------
        other : BloomFilter
            Of the same size, hashes, layout and seed. Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter, or this state is memory-mapped.

        Notes
        -----
        A bit is set with probability 1 - e^-L_A - e^-L_B + e^-L_AuB for loads L = kn/m (formula 4.9;
        `hypersketch.theory.bloom.and_density`). ``n_added`` becomes the smaller of the two numbers, an upper
        bound of what both hold.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> a.intersect(b)
        >>> bool(a.contains(range(200, 300)).all()), bool(a.contains(range(200)).mean() < 0.05)
        (True, True)
        """
        self._require_same(other, "intersect with")
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._require_writable()
            fewer = min(0, other.n_added - self.n_added)
            change = _memory.combining(np.bitwise_and, self._state, other._state)
            self._commit(*change, Tally(n_added=fewer))

    def __iand__(self, other: BloomFilter) -> BloomFilter:
        self.intersect(other)
        return self

    def __and__(self, other: BloomFilter) -> BloomFilter:
        self._require_same(other, "intersect with")
        both = self.copy()
        both.intersect(other)
        return both

    def intersection_cardinality(self, other: BloomFilter) -> float:
        """Estimate the number of distinct keys that two filters share.

        Parameters
        ----------
        other : BloomFilter
            Of the same size, hashes, layout and seed.

        Returns
        -------
        float
            The estimate; slightly negative values occur for disjoint sets, nan when a filter is full.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Notes
        -----
        By inclusion and exclusion, n(A) + n(B) - n(A or B), each by `cardinality`.
        `intersection_cardinality_sd` is its standard deviation.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 80 < a.intersection_cardinality(b) < 120
        True
        """
        either = self.union_cardinality(other)  # which refuses what is no such filter
        return self.cardinality() + other.cardinality() - either

    def intersection_cardinality_sd(self, other: BloomFilter) -> float:
        """Return the standard error of `intersection_cardinality`.

        Parameters
        ----------
        other : BloomFilter
            Of the same size, hashes, layout and seed.

        Returns
        -------
        float
            Standard deviation over random hashes; nan when a filter is full.

        Raises
        ------
        TypeError, ValueError
            When the other is no such filter.

        Notes
        -----
        Formula 4.7 at the estimated sizes; see `hypersketch.theory.bloom.intersection_sd` and
        `hypersketch.theory.bloom.blocked_intersection_sd`.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(capacity=1000, fpr=0.01) for _ in "ab")
        >>> a.add(range(300))
        >>> b.add(range(200, 500))
        >>> 1 < a.intersection_cardinality_sd(b) < 10
        True
        """
        shared = self.intersection_cardinality(other)
        if not math.isfinite(shared):
            return math.nan
        n_x, n_y = round(self.cardinality()), round(other.cardinality())
        return self._rule.intersection_sd(self._shape, n_x, n_y, min(max(0, round(shared)), n_x, n_y))
