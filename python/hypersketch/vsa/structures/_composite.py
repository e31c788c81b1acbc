# SPDX-License-Identifier: Apache-2.0
"""What all structures of hypervectors do: say what they expect of themselves, change, read, merge."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.sketches._cells import CapacityWarning
from hypersketch.theory import normal
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.real_bundle import RealBundle
from hypersketch.vsa.structures import _readout
from hypersketch.vsa.structures._cleanup import accuracy
from hypersketch.vsa.structures._kept import Kept, Rows
from hypersketch.vsa.structures._vocabulary import Memory, Symbols, Vocabulary

Self = TypeVar("Self", bound="Mergeable")

_TOO_MUCH = 0.1
"""Expected share of wrong tests that is worth a warning."""
_FIRST_LOOK = 8


class Composite(Kept):
    """A bundle of vectors of a space that means more than their sum."""

    _FACTORS: ClassVar[int] = 2
    """Number of atoms in a product."""
    _STEPS: ClassVar[int] = 0
    """How many factors are unbound before the item memory is asked."""
    _warned = False
    _next_look = _FIRST_LOOK
    _kept: tuple[Any, Rows, _readout.Gauge] | None = None

    # ---- looks

    @property
    def vector(self) -> Rows:
        """The structure as one vector of its space; in MAP-I sums (int32).

        >>> from hypersketch.vsa import MapI, Multiset
        >>> Multiset(MapI(64), ["a", "b"]).vector.shape
        (64,)
        """
        made: Rows = self._bundle.vector
        return made

    @property
    def hypervectors(self) -> Hypervectors:
        """The structure's vector with its space, as operators and other structures take it.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> Multiset(MapI(64), ["a", "b"]).hypervectors
        Hypervectors(one vector of MapI(dim=64, seed=0))
        """
        return Hypervectors(self.space, self.vector)

    @property
    def memory(self) -> Any:
        """The item memory whose keys are the answers; None where there is none. It can be set.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> list(Multiset(MapI(64), ["a", "b", "a"]).memory.keys)
        ['a', 'b']
        """
        return self._vocabularies["memory"].memory

    @memory.setter
    def memory(self, items: Memory) -> None:
        self._vocabularies["memory"] = Vocabulary(type(self).__name__, "memory", self.space, items)

    @property
    def nbytes(self) -> int:
        """Size of the state in bytes, without the item memory.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> Multiset(MapI(64)).nbytes
        256
        """
        return int(self._bundle.nbytes)

    # ---- what it says of itself

    def _now(self) -> tuple[Any, Rows, _readout.Gauge]:
        """Return the bundle's vector as it is now, and how to read it; kept until the bundle changes."""
        record = self._bundle._record  # every change makes a new one
        if self._kept is None or self._kept[0] is not record or not self._bundle._alone:
            vector = self._bundle.vector
            self._kept = (record, vector, _readout.gauge(self.space, self._bundle, vector))
        return self._kept

    def _law(self) -> _readout.Law:
        """Return what products of atoms score."""
        return self._now()[2](_readout.typical(self.space, self._FACTORS))

    def threshold(self, false_accept: float) -> float:
        """Return the similarity that what was not added reaches with a given probability.

        Parameters
        ----------
        false_accept : float in (0, 1)
            Probability for one key, pair or edge that was not added.

        Returns
        -------
        float
            For the ``threshold`` parameter of the methods that have one.

        Raises
        ------
        TypeError, ValueError
            When ``false_accept`` is no such number.

        Notes
        -----
        Mean and deviation of strangers are exact for the structure as it is now; the tail is a normal one.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, Record
        >>> round(Record(BSC(10_000)).threshold(1e-6), 4)
        0.0475
        """
        chance = _validation.probability(type(self).__name__, "false_accept", false_accept)
        law = self._law()
        return float(law.mean + law.sd * normal.tail_inverse(chance))

    @property
    def expected_error(self) -> float:
        """Probability that one thing which was not added passes the default threshold.

        The same, about, as that one thing which was added with weight 1 does not.

        >>> from hypersketch.vsa import BSC, Record
        >>> roles, values = [f"role {i}" for i in range(50)], range(50)
        >>> [f"{Record(BSC(dim), roles, values).expected_error:.0e}" for dim in (1000, 4000)]
        ['3e-02', '2e-04']
        """
        return self._law().error()

    def expected_accuracy(self, universe: int | None = None) -> float:
        """Return the probability that the right one of some keys is the most similar one.

        Parameters
        ----------
        universe : int, optional
            Number of keys that are compared; default all of the item memory.

        Returns
        -------
        float
            For the scores that members (of weight 1) and strangers have in the structure as it is now; equal
            scores in random order.

        Raises
        ------
        TypeError, ValueError
            When ``universe`` is no number of keys.
        ImportError
            When SciPy is not installed.

        Notes
        -----
        ``space.expected_accuracy`` tells it before anything is added. Scores are normal
        (`hypersketch.theory.cleanup.accuracy`) but those of block codes, binomial, and of BSDC, whose members
        all score highest: there it is how often a stranger's ones are all in the union, and in BSDC-S also
        whether one of D shifts meets another key's (derived).

        Examples
        --------
        >>> from hypersketch.vsa import BSC, Record
        >>> record = Record(BSC(1000), [f"role {i}" for i in range(50)], range(50))
        >>> round(record.expected_accuracy(50), 1)
        0.9
        """
        owner = f"{type(self).__name__}.expected_accuracy"
        n = len(self._vocabularies["memory"].items) if universe is None else universe
        candidates = _validation.integer(owner, "universe", n, 1, 2**62)
        return accuracy(self.space, self._bundle, self._now()[1], self._law(), self._STEPS, candidates)

    # ---- changes

    def _symbols(self, method: str, name: str, given: Any, memory: str = "memory") -> Symbols:
        return self._vocabularies[memory].symbols(method, name, given)

    def _paired(self, method: str, memories: Mapping[str, str], **given: Any) -> list[Symbols]:
        """Return the symbols of several arguments, which must be equally many."""
        made = [self._symbols(method, name, one, memories.get(name, "memory")) for name, one in given.items()]
        (first, *_), counts = given, [len(one.rows) for one in made]
        for name, count in zip(given, counts, strict=True):
            if count != counts[0]:
                raise ValueError(
                    f"{type(self).__name__}.{method} needs as many {name} as {first}. "
                    f"Got {count} and {counts[0]}."
                )
        return made

    def _weights(self, method: str, weights: Any, n: int, sign: int) -> NDArray[Any] | None:
        owner = f"{type(self).__name__}.{method}"
        if isinstance(self.space, RealSpace):
            checked: Any = _validation.real_weights(owner, weights, n, np.dtype(np.float64))
        else:
            checked = _validation.weights(owner, weights, n)
        if sign == 1:
            return checked  # type: ignore[no-any-return]
        return np.full(n, -1) if checked is None else -checked

    def _change(self, method: str, rows: Rows, weights: Any, sign: int) -> None:
        """Add vectors to the bundle, or take them away."""
        checked = self._weights(method, weights, len(rows), sign)
        with self._lock:
            self._bundle.add_vectors(rows, checked)
            self._numbers["size"] += sign * len(rows)

    def _change_bound(self, method: str, values: Rows, keys: Rows, weights: Any, sign: int) -> None:
        """Add values bound to keys, or take them away; of real vectors few are in memory at once."""
        if not isinstance(self._bundle, RealBundle):
            self._change(method, self.space.bind(values, keys), weights, sign)
            return
        checked = self._weights(method, weights, len(values), sign)
        with self._lock:
            self._bundle._add_bound(values, keys, checked)
            self._numbers["size"] += sign * len(values)

    def _warn_of_load(self) -> None:
        """Warn once when tests begin to fail; look only when the size has doubled."""
        size = len(self)
        if self._warned or size < self._next_look:
            return
        self._next_look = 2 * size
        error = self.expected_error
        if error > _TOO_MUCH:
            self._warned = True
            warnings.warn(
                f"This {type(self).__name__} holds {size} elements in {self.space.dim} dimensions: one test "
                f"in {1 / error:.0f} is expected to be wrong.",
                CapacityWarning,
                stacklevel=3,
            )

    def clear(self) -> None:
        """Remove everything, the keys of its own item memory too.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> bag = Multiset(MapI(64), ["a", "b"])
        >>> bag.clear()
        >>> len(bag), bag == Multiset(MapI(64))
        (0, True)
        """
        with self._lock:
            self._bundle.clear()
            self._numbers = dict.fromkeys(self._NUMBERS, 0)
            for one in self._vocabularies.values():
                one.forget()

    # ---- reading

    def _read(self, rows: Rows) -> tuple[NDArray[np.float64], _readout.Law]:
        """Return the similarities of vectors with the bundle, and what to expect of them."""
        _, vector, gauge = self._now()
        scores: NDArray[np.float64] = self.space.similarities(vector, rows)[0]
        return scores, gauge(_readout.sizes(self.space, rows))

    def _passes(self, rows: Rows, threshold: float | None) -> NDArray[np.bool_]:
        """Tell which vectors are in the bundle."""
        scores, law = self._read(rows)
        limit = law.midpoint() if threshold is None else self._limit(threshold)
        return np.asarray(scores >= limit)

    def _reaches(self, scores: NDArray[np.float64], threshold: float | None) -> NDArray[np.bool_]:
        """Tell which scores are those of members, for products as long as atoms."""
        law = self._now()[2](_readout.typical(self.space, 1))
        return np.asarray(scores >= (law.midpoint() if threshold is None else self._limit(threshold)))

    def _limit(self, threshold: object) -> float:
        return _validation.real(type(self).__name__, "threshold", threshold)

    def _scan(
        self,
        make: Callable[[Rows], Rows],
        threshold: float | None,
        memory: str = "memory",
        probe: Rows | None = None,
    ) -> list[tuple[Any, float]]:
        """Return the keys of a memory whose products are in the bundle with their weights, heaviest first.

        A probe is what unbinding leaves for these keys, where it compares as the products do.
        """
        words = self._vocabularies[memory]
        if probe is not None and words.holds_atoms and len(words.items):
            law = self._now()[2](_readout.typical(self.space, 1))
            limit = float(law.midpoint()) if threshold is None else self._limit(threshold)
            if not math.isfinite(limit):
                return []
            near = words.items.range_search(probe, limit)
            return list(zip(near.keys.tolist(), law.estimates(near.similarities).tolist(), strict=True))
        found: list[tuple[Any, float]] = []
        for keys, rows in words.pieces():
            scores, law = self._read(make(rows))
            limits = law.midpoint() if threshold is None else self._limit(threshold)
            weights = law.estimates(scores)
            found += [(keys[i], float(weights[i])) for i in np.flatnonzero(scores >= limits).tolist()]
        return sorted(found, key=lambda one: -one[1])


class Mergeable(Composite):
    """A structure whose sums mean the union."""

    def merge(self: Self, other: Self) -> None:
        """Add everything another structure of the same kind and space holds; also ``+=``.

        Parameters
        ----------
        other : same type
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is of another type or space, or this one is memory-mapped.
        OverflowError
            When a counter would leave its range; nothing is changed then.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Multiset
        >>> a, b = Multiset(MapI(64), ["a"]), Multiset(MapI(64), ["b"])
        >>> a += b
        >>> a == Multiset(MapI(64), ["a", "b"])
        True
        """
        self._require_same(other, "merge with")
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._bundle.merge(other._bundle)
            for name in self._NUMBERS:
                self._numbers[name] += other._numbers[name]
            for name, one in self._vocabularies.items():
                one.merge(other._vocabularies[name])

    def merge_from_bytes(self, data: Any) -> None:
        """Merge with what `to_bytes` of another structure returned; otherwise as `merge`.

        Raises
        ------
        TypeError
            When ``data`` is not bytes-like, or holds a structure of another type.
        ValueError
            When the bytes are damaged or not of hypersketch.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Multiset
        >>> a, b = Multiset(MapI(64), ["a"]), Multiset(MapI(64), ["b"])
        >>> a.merge_from_bytes(b.to_bytes())
        >>> a == Multiset(MapI(64), ["a", "b"])
        True
        """
        self.merge(files.from_bytes(data))

    def __iadd__(self: Self, other: Self) -> Self:
        self.merge(other)
        return self

    def __add__(self: Self, other: Self) -> Self:
        self._require_same(other, "merge with")
        joined = self.copy()
        joined.merge(other)
        return joined
