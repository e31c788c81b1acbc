# SPDX-License-Identifier: Apache-2.0
"""Records, or hash tables: keys with values, as a bundle of bound pairs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import commutes, keeps_similarity
from hypersketch.vsa.structures._vocabulary import Memory, Symbols


@files.register
class Record(Mergeable):
    """A record: the weighted sum of its values' vectors, each bound with its key's.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector; its binding must have an inverse.
    keys, values : int, str, bytes, batches of them, or Hypervectors, optional
        Pairs to add at once.
    memory : ItemMemory or bool, default True
        The values that are answers: an item memory that is given, one of its own that grows with the values
        added (True), or none (False).
    roles : ItemMemory or bool, default True
        The same for the keys, which only `items` and `find` need.

    Raises
    ------
    TypeError, ValueError, OverflowError
        For what is no space or item memory, for BSDC-CDT, whose binding cannot be undone, and as `add`.

    Notes
    -----
    A key is looked up by unbinding it and searching the item memory; what is found is an answer when the pair
    itself is in the bundle (`contains`). `expected_accuracy` and `expected_error` tell how sure that is. A
    value may be any vector: the ``hypervectors`` of another record nests it.

    Examples
    --------
    >>> from hypersketch.vsa import FHRR, Record
    >>> france = Record(FHRR(4096), ["capital", "money", "anthem"], ["Paris", "euro", "Marseillaise"])
    >>> france["capital"], france.get(["money", "king"])
    ('Paris', ['euro', None])
    >>> france.replace("money", "euro", "franc")
    >>> sorted(france.items())
    [('anthem', 'Marseillaise'), ('capital', 'Paris'), ('money', 'franc')]
    >>> france.find("Paris")
    ['capital']
    """

    _FURTHER: ClassVar[tuple[str, ...]] = ("roles",)
    _STEPS = 1

    def __init__(
        self,
        space: Space,
        keys: Any = None,
        values: Any = None,
        *,
        memory: Memory = True,
        roles: Memory = True,
    ) -> None:
        self._begin(space, {}, memory=memory, roles=roles)
        if keys is not None or values is not None:
            self.add(keys, values)

    # ---- changes

    def _pairs(self, method: str, keys: Any, values: Any) -> tuple[Symbols, Symbols, Rows]:
        left, right = self._paired(method, {"keys": "roles"}, keys=keys, values=values)
        return left, right, self.space.bind(right.rows, left.rows)

    def add(self, keys: Any, values: Any, weights: Any = None) -> None:
        """Add pairs.

        Parameters
        ----------
        keys, values : int, str, bytes, batches of them, or Hypervectors
            n keys and their n values.
        weights : array of shape (n,), optional
            One a pair; default 1. Integers, and real numbers in spaces of real vectors.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, unequal numbers, and
            weights of another kind or not one a pair.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Warns
        -----
        CapacityWarning
            Once, when one test in ten is expected to be wrong.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(10_000))
        >>> record.add(["a", "b"], [1, 2])
        >>> record["b"]
        2
        """
        left, right = self._paired("add", {"keys": "roles"}, keys=keys, values=values)
        self._change_bound("add", right.rows, left.rows, weights, 1)
        self._vocabularies["roles"].note(left)
        self._vocabularies["memory"].note(right)
        self._warn_of_load()

    def remove(self, keys: Any, values: Any, weights: Any = None) -> None:
        """Take pairs out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(64), ["a", "b"], [1, 2])
        >>> record.remove("b", 2)
        >>> record == Record(MapI(64), ["a"], [1])
        True
        """
        left, right = self._paired("remove", {"keys": "roles"}, keys=keys, values=values)
        self._change_bound("remove", right.rows, left.rows, weights, -1)

    def replace(self, keys: Any, old: Any, new: Any) -> None:
        """Give keys other values; otherwise as `add`.

        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(1000), ["a", "b"], [1, 2])
        >>> record.replace("b", 2, 3)
        >>> record["b"], len(record)
        (3, 2)
        """
        left, before, after = self._paired("replace", {"keys": "roles"}, keys=keys, old=old, new=new)
        products = [self.space.bind(values.rows, left.rows) for values in (before, after)]
        n = len(left.rows)
        with self._lock:
            self._change("replace", np.concatenate(products), np.repeat([-1, 1], n), 1)
            self._numbers["size"] -= 2 * n
        self._vocabularies["memory"].note(after)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Give one key a value, instead of the one that `get` finds, if any."""
        old = self.get(key)
        if old is None:
            self.add(key, value)
        else:
            self.replace(key, old, value)

    def pop(self, key: Any) -> Any:
        """Take one key out with the value that `get` finds, and return the value.

        Raises
        ------
        KeyError
            When no value is found.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(1000), ["a", "b"], [1, 2])
        >>> record.pop("b"), record == Record(MapI(1000), ["a"], [1])
        (2, True)
        """
        value = self[key]
        self.remove(key, value)
        return value

    # ---- answers

    def unbind(self, keys: Any) -> Rows:
        """Return what is left of the record's vector without each key: its value's vector and noise.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys.

        Returns
        -------
        ndarray, one row a key
            Vectors of the space.

        Examples
        --------
        >>> from hypersketch.vsa import HRR, Record
        >>> space = HRR(10_000)
        >>> record = Record(space, ["a", "b"], ["x", "y"])
        >>> space.similarities(record.unbind(["a", "b"]), space.atoms(["x", "y"])).round(1) + 0.0
        array([[0.6, 0. ],
               [0. , 0.6]])
        """
        rows = self._symbols("unbind", "keys", keys, "roles").rows
        return np.asarray(self.space.unbind(self._now()[1], rows))

    def search(self, keys: Any, k: int = 1) -> Any:
        """Return the k values that each key most probably has, whether or not they are in the record.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys.
        k : int, default 1
            How many.

        Returns
        -------
        Matches
            ``keys``, ``similarities`` and ``indices`` of the item memory, each of shape (n, k).

        Raises
        ------
        ValueError
            When there is no item memory, or nothing in it.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(10_000), ["a", "b"], ["x", "y"])
        >>> record.search(["b", "a"]).keys.tolist()
        [['y'], ['x']]
        """
        return self._vocabularies["memory"].nearest(self.unbind(keys), k)

    def get(self, keys: Any, default: Any = None, threshold: float | None = None) -> Any:
        """Return the values of keys.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            n keys.
        default : optional
            The answer where no pair of the key is in the record.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        int, str or bytes; a list of them for a batch
            A key of the item memory each, or the default.

        Raises
        ------
        TypeError, ValueError
            As `add`, and when there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(10_000), ["a", "b"], ["x", "y"])
        >>> record.get("a"), record.get(["b", "c"], default="?")
        ('x', ['y', '?'])
        """
        symbols, words = self._symbols("get", "keys", keys, "roles"), self._vocabularies["memory"]
        if not len(words.items):
            return symbols.answer([default] * len(symbols.rows))
        probes = self.space.unbind(self._now()[1], symbols.rows)
        best = words.nearest(probes, 1)
        if words.holds_atoms and keeps_similarity(self.space, symbols.rows, atoms=symbols.atoms):
            good = self._reaches(best.similarities[:, 0], threshold)
        else:
            rows = words.rows_at(best.indices[:, 0])
            good = self._passes(self.space.bind(rows, symbols.rows), threshold)
        found = [key if ok else default for key, ok in zip(best.keys[:, 0].tolist(), good, strict=True)]
        return symbols.answer(found)

    def __getitem__(self, key: Any) -> Any:
        missing = object()
        found = self.get(key, default=missing)
        if any(one is missing for one in (found if isinstance(found, list) else [found])):
            raise KeyError(key)
        return found

    def contains(self, keys: Any, values: Any, threshold: float | None = None) -> NDArray[np.bool_]:
        """Tell which pairs are probably in the record.

        Parameters
        ----------
        keys, values : int, str, bytes, batches of them, or Hypervectors
            n keys and n values.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and a pair of weight 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`, and for a threshold that is not a finite number.

        Examples
        --------
        >>> from hypersketch.vsa import MCR, Record
        >>> Record(MCR(1000), ["a", "b"], ["x", "y"]).contains(["a", "a"], ["x", "y"])
        array([ True, False])
        """
        return self._passes(self._pairs("contains", keys, values)[2], threshold)

    def weight(self, keys: Any, values: Any) -> NDArray[np.float64]:
        """Estimate the weight of each pair; otherwise as `contains`.

        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(10_000))
        >>> record.add(["a", "b"], ["x", "y"], weights=[3, 1])
        >>> record.weight(["a", "b", "b"], ["x", "y", "x"]).round() + 0.0
        array([3., 1., 0.])
        """
        scores, law = self._read(self._pairs("weight", keys, values)[2])
        return law.estimates(scores)

    def __contains__(self, key: Any) -> bool:
        missing = object()
        found = self.get(key, default=missing)
        return not any(one is missing for one in (found if isinstance(found, list) else [found]))

    def find(self, value: Any, threshold: float | None = None) -> list[Any]:
        """Return the keys that have one value, heaviest first, of those added.

        >>> from hypersketch.vsa import MapI, Record
        >>> record = Record(MapI(10_000), ["a", "b", "c"], ["x", "y", "x"])
        >>> sorted(record.find("x")), record.find("z")
        (['a', 'c'], [])
        """
        rows = self._symbols("find", "value", value).rows
        if len(rows) != 1:
            _validation.refuse("Record.find", "value", "one value", value)
        fast = keeps_similarity(self.space, rows) and commutes(self.space)
        probe = self.space.unbind(self._now()[1], rows) if fast else None
        found = self._scan(lambda roles: self.space.bind(rows, roles), threshold, "roles", probe)
        return [key for key, _ in found]

    def items(self) -> list[tuple[Any, Any]]:
        """Return the pairs found for all keys that were added.

        >>> from hypersketch.vsa import MapI, Record
        >>> Record(MapI(10_000), ["a", "b"], ["x", "y"]).items()
        [('a', 'x'), ('b', 'y')]
        """
        missing, found = object(), list[tuple[Any, Any]]()
        for keys, rows in self._vocabularies["roles"].pieces():
            values = self.get(Hypervectors(self.space, rows), default=missing)
            found += [pair for pair in zip(keys, values, strict=True) if pair[1] is not missing]
        return found


HashTable = Record
