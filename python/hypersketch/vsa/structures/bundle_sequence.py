# SPDX-License-Identifier: Apache-2.0
"""Sequences as sums: every item shifted by its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.structures import _rolling
from hypersketch.vsa.structures._places import Places
from hypersketch.vsa.structures._vocabulary import Memory, Symbols


@files.register
class BundleSequence(Places):
    """A sequence: the sum of its items' vectors, item i shifted cyclically by i entries.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector.
    keys : int, str, bytes, a batch of them, or Hypervectors, optional
        The first items.
    memory : ItemMemory or bool, default True
        Whose keys are answers: an item memory that is given, one of its own that grows with the items added
        (True), or none (False).

    Raises
    ------
    TypeError, ValueError, OverflowError
        For what is no space or item memory, and as `append`.

    Notes
    -----
    Sequences are alike as far as they have the same items in the same places. An item is read by shifting the
    sequence back and searching the item memory; as in a multiset of as many keys, dimensions limit how long a
    sequence can be (`expected_accuracy`), and it cannot have more places than a shift tells apart.

    Examples
    --------
    >>> from hypersketch.vsa import BundleSequence, MapI
    >>> word = BundleSequence(MapI(10_000), list("hello"))
    >>> word.append("!")
    >>> word.appendleft(">")
    >>> word[0], word[-1], "".join(word)
    ('>', '!', '>hello!')
    >>> word.popleft(), word.pop(), word.positions("l")
    ('>', '!', [2, 3])
    >>> word.replace(0, "h", "j")
    >>> "".join(word[:4])
    'jell'
    """

    _UNBINDS = False
    _FACTORS = 1

    def __init__(self, space: Space, keys: Any = None, *, memory: Memory = True) -> None:
        self._begin(space, {}, memory=memory)
        if keys is not None:
            self.append(keys)

    # ---- changes

    def _require_places(self, more: int) -> None:
        most = _rolling.period(self.space)
        if len(self) + more > most:
            raise ValueError(
                f"A BundleSequence of {self.space} has at most {most} places. "
                f"Got {len(self) + more} items instead."
            )

    def _put(self, method: str, symbols: Symbols, first: int) -> None:
        self._change(method, self._shifted(symbols.rows, first), None, 1)
        self._vocabularies["memory"].note(symbols)
        self._warn_of_load()

    def append(self, keys: Any) -> None:
        """Add items at the end.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            One item, or several in their order.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, and more items than there
            are places.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Warns
        -----
        CapacityWarning
            Once, when one test in ten is expected to be wrong.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> word = BundleSequence(MapI(1000))
        >>> word.append("a")
        >>> word.append(["b", "c"])
        >>> list(word)
        ['a', 'b', 'c']
        """
        symbols = self._symbols("append", "keys", keys)
        with self._lock:
            self._require_places(len(symbols.rows))
            self._put("append", symbols, len(self))

    def appendleft(self, keys: Any) -> None:
        """Add items at the beginning, in their order; otherwise as `append`.

        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> word = BundleSequence(MapI(1000), ["c"])
        >>> word.appendleft(["a", "b"])
        >>> list(word)
        ['a', 'b', 'c']
        """
        symbols = self._symbols("appendleft", "keys", keys)
        n = len(symbols.rows)
        with self._lock:
            self._require_places(n)
            _rolling.roll(self.space, self._bundle, n)
            try:
                self._put("appendleft", symbols, 0)
            except OverflowError:
                _rolling.roll(self.space, self._bundle, -n)
                raise

    def _require_items(self) -> None:
        if not len(self):
            raise IndexError("pop from an empty BundleSequence")

    def pop(self, key: Any = None) -> Any:
        """Remove the last item and return it.

        Parameters
        ----------
        key : int, str, bytes or Hypervectors, optional
            The item, where it is known; default the one that the item memory finds.

        Raises
        ------
        IndexError
            When the sequence is empty.
        TypeError, ValueError
            As `append`, and when there is no item memory to find it in.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> word = BundleSequence(MapI(1000), ["a", "b"])
        >>> word.pop(), word == BundleSequence(MapI(1000), "a")
        ('b', True)
        """
        with self._lock:
            self._require_items()
            found, rows = self._item("pop", "key", key, len(self) - 1)
            self._change("pop", self._shifted(rows, len(self) - 1), None, -1)
        return found

    def popleft(self, key: Any = None) -> Any:
        """Remove the first item and return it; otherwise as `pop`.

        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> word = BundleSequence(MapI(1000), ["a", "b"])
        >>> word.popleft(), word == BundleSequence(MapI(1000), "b")
        ('a', True)
        """
        with self._lock:
            self._require_items()
            found, rows = self._item("popleft", "key", key, 0)
            self._change("popleft", rows, None, -1)
            _rolling.roll(self.space, self._bundle, -1)
        return found

    def replace(self, index: int, old: Any, new: Any) -> None:
        """Put another item into a place.

        Parameters
        ----------
        index : int
            The place; negative ones count from the end.
        old : int, str, bytes or Hypervectors; or None
            The item there; None for the one that the item memory finds.
        new : int, str, bytes or Hypervectors
            The item instead.

        Raises
        ------
        IndexError
            When there is no such place.
        TypeError, ValueError, OverflowError
            As `append`.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> word = BundleSequence(MapI(1000), ["a", "b"])
        >>> word.replace(-1, "b", "c")
        >>> word == BundleSequence(MapI(1000), ["a", "c"])
        True
        """
        place = self._place(index)
        before, after = self._item("replace", "old", old, place)[1], self._symbols("replace", "new", new)
        if len(after.rows) != 1:
            _validation.refuse("BundleSequence.replace", "new", "one item", new)
        rows = [self.space.permute(row, place) for row in (before, after.rows)]
        with self._lock:
            self._change("replace", np.concatenate(rows), np.array([-1, 1]), 1)
            self._numbers["size"] -= 2
        self._vocabularies["memory"].note(after)

    def __setitem__(self, index: int, key: Any) -> None:
        self.replace(index, None, key)

    def concat(self, other: BundleSequence) -> BundleSequence:
        """Return the sequence of this one's items and the other's; also ``+``.

        Parameters
        ----------
        other : BundleSequence
            In the same space. Both stay as they are.

        Raises
        ------
        TypeError, ValueError, OverflowError
            When the other is no such sequence, and when both have more items than there are places.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> a, b = (BundleSequence(MapI(10_000), list(word)) for word in ("for", "get"))
        >>> "".join(a + b)
        'forget'
        """
        self._require_same(other, "be joined with")
        self._require_places(len(other))
        joined, rest = self.copy(), other._bundle.copy()
        _rolling.roll(self.space, rest, len(self))
        joined._bundle.merge(rest)
        joined._numbers["size"] += len(other)
        joined._vocabularies["memory"].merge(other._vocabularies["memory"])
        return joined

    def __add__(self, other: BundleSequence) -> BundleSequence:
        return self.concat(other)
