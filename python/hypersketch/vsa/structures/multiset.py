# SPDX-License-Identifier: Apache-2.0
"""Multisets: which keys, and how often each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import files
from hypersketch.keys import host_hashes
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._vocabulary import Memory


@files.register
class Multiset(Mergeable):
    """A multiset: the weighted sum of its keys' atoms.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector.
    keys : int, str, bytes, a batch of them, or Hypervectors, optional
        What to add at once.
    weights : array of shape (n,), optional
        How often each of these; default 1.
    memory : ItemMemory or bool, default True
        Whose keys are answers: an item memory that is given, one of its own that grows with the keys added
        (True), or none (False), which costs nothing for streams of very many keys.

    Raises
    ------
    TypeError, ValueError, OverflowError
        For what is no space or item memory, and as `add`.

    Notes
    -----
    Adding and removing are exact on the sums; what is estimated is how often a key is in them. In MAP-I the
    estimate is unbiased with variance (sum of squared weights of the others) / D. Spaces with other forms
    (signs, phases, most frequent values) let heavy keys hide light ones; BSDC tells whether, not how often.

    Examples
    --------
    >>> from hypersketch.vsa import MapI, Multiset
    >>> bag = Multiset(MapI(10_000), ["apple", "pear", "apple"])
    >>> bag.add(["plum", "fig"], weights=[5, 2])
    >>> bag.remove("fig", weights=[1])
    >>> bag.count(["apple", "pear", "plum", "grape"]).round() + 0.0
    array([2., 1., 5., 0.])
    >>> "pear" in bag, "grape" in bag, len(bag)
    (True, False, 4)
    >>> [key for key, _ in bag.most_common(2)]
    ['plum', 'apple']
    """

    _UNBINDS = False
    _FACTORS = 1

    def __init__(self, space: Space, keys: Any = None, weights: Any = None, *, memory: Memory = True) -> None:
        self._begin(space, {}, memory=memory)
        if keys is not None:
            self.add(keys, weights)

    def add(self, keys: Any, weights: Any = None) -> None:
        """Add keys.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys or vectors.
        weights : array of shape (n,), optional
            How often each; default 1. Integers, and real numbers in spaces of real vectors.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, and weights of another
            kind or not one a key.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Multiset
        >>> bag = Multiset(MapI(64))
        >>> bag.add(["a", "b"], weights=[3, 1])
        >>> len(bag)
        2
        """
        self._put("add", keys, weights, 1)

    def remove(self, keys: Any, weights: Any = None) -> None:
        """Take keys out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> bag = Multiset(MapI(64), ["a", "b"])
        >>> bag.remove("b")
        >>> bag == Multiset(MapI(64), "a")
        True
        """
        self._put("remove", keys, weights, -1)

    def _put(self, method: str, keys: Any, weights: Any, sign: int) -> None:
        vocabulary = self._vocabularies["memory"]
        if vocabulary.memory is None and not isinstance(keys, Hypervectors):
            hashes = host_hashes(keys, None)  # nothing but sums: a stream takes the fast way
            checked = self._weights(method, weights, hashes.size, sign)
            with self._lock:
                self._bundle.add_hashes(hashes, checked)
                self._numbers["size"] += sign * hashes.size
            return
        symbols = self._symbols(method, "keys", keys)
        self._change(method, symbols.rows, weights, sign)
        if sign == 1:
            vocabulary.note(symbols)

    def update(self, batches: Iterable[Any]) -> None:
        """Add batch after batch.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> bag = Multiset(MapI(64), memory=False)
        >>> bag.update(range(first, first + 10) for first in range(0, 100, 10))
        >>> len(bag)
        100
        """
        for batch in batches:
            self.add(batch)

    @property
    def total_weight(self) -> int | float:
        """Sum of the weights added less those removed.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> Multiset(MapI(64), ["a", "b"], weights=[5, 2]).total_weight
        7
        """
        total: int | float = self._bundle.total_weight
        return total

    def similarity(self, keys: Any) -> NDArray[np.float64]:
        """Return the similarity of the multiset's vector with each key's, as its space has it.

        >>> from hypersketch.vsa import MapB, Multiset
        >>> Multiset(MapB(10_000), ["a", "b", "c"]).similarity(["a", "d"]).round(1) + 0.0
        array([0.5, 0. ])
        """
        return self._read(self._symbols("similarity", "keys", keys).rows)[0]

    def count(self, keys: Any) -> NDArray[np.float64]:
        """Estimate how often each key is in the multiset, or what it weighs.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys.

        Returns
        -------
        ndarray of float64, shape (n,)
            The score above a stranger's, over what one key of weight 1 is expected to score above it.

        Raises
        ------
        TypeError, ValueError
            As `add`.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR, Multiset
        >>> Multiset(FHRR(10_000), ["a", "b", "a"]).count(["a", "b", "c"]).round() + 0.0
        array([2., 1., 0.])
        """
        scores, law = self._read(self._symbols("count", "keys", keys).rows)
        return law.estimates(scores)

    def contains(self, keys: Any, threshold: float | None = None) -> NDArray[np.bool_]:
        """Tell which keys are probably in the multiset.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and a key of weight 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`, and for a threshold that is not a finite number.

        Examples
        --------
        >>> from hypersketch.vsa import CGR, Multiset
        >>> Multiset(CGR(1000), ["a", "b"]).contains(["a", "c"])
        array([ True, False])
        """
        return self._passes(self._symbols("contains", "keys", keys).rows, threshold)

    def __contains__(self, key: Any) -> bool:
        return bool(self.contains(key).all())

    def most_common(self, k: int | None = None, threshold: float | None = None) -> list[tuple[Any, float]]:
        """Return the heaviest keys of the item memory with their estimated weights.

        Parameters
        ----------
        k : int, optional
            How many; default all that are in the multiset.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        list of (key, float)
            Heaviest first.

        Raises
        ------
        ValueError
            When there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Multiset
        >>> [(key, round(n)) for key, n in Multiset(MapI(10_000), "abracadabra").most_common()]
        [('abracadabra', 1)]
        >>> [(key, round(n)) for key, n in Multiset(MapI(10_000), list("abracadabra")).most_common(2)]
        [('a', 5), ('b', 2)]
        """
        return self._scan(lambda rows: rows, threshold)[:k]
