# SPDX-License-Identifier: Apache-2.0
"""Sequences as products: one vector that is like no other sequence's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.matrix_binding import VTB
from hypersketch.vsa.structures._composite import Composite
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import turn, turns_products
from hypersketch.vsa.structures._vectors import Vectors
from hypersketch.vsa.structures._vocabulary import Memory, Symbols


@files.register
class BindSequence(Composite):
    """A distinct sequence: the product of its items' vectors, each permuted by its distance from the end.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector; its binding must have an inverse.
    keys : int, str, bytes, a batch of them, or Hypervectors, optional
        The first items.
    memory : ItemMemory or bool, default True
        Whose keys `fill` answers: an item memory that is given, one of its own that grows with the items
        added (True), or none (False).

    Raises
    ------
    TypeError, ValueError
        For what is no space or item memory, for BSDC-CDT, whose binding cannot be undone, and as `append`.

    Notes
    -----
    Two sequences that differ in one item, or in the order of two, have unrelated vectors: good names for
    chunks, n-grams, states. A product has no noise, however long it is, but its items come out only where all
    others are known (`pop`, `fill`), or by a search for all of them (`recall`).

    Appending is ``bind(permute(vector, 1), item)``, with a permutation of its own where the space binds by
    rotation (HRR, BSDC). Items of HRR, VTB and TVTB are first made unitary: products of many others have most
    of their length in a few entries, and come apart with noise. Items at the left are reached only where
    binding is commutative and permuting goes through it: not in VTB, TVTB, MBAT and BSDC.

    Examples
    --------
    >>> from hypersketch.vsa import MapI, BindSequence
    >>> abc, acb = (BindSequence(MapI(10_000), list(word)) for word in ("abc", "acb"))
    >>> abs(round(abc.similarity(acb), 1))
    0.0
    >>> acb.pop("b"), acb.pop("c"), acb.append(["b", "c"])
    ('b', 'c', None)
    >>> abc == acb, abc.fill(["a", None, "c"])
    (True, 'b')
    """

    _FACTORS = 1

    def __init__(self, space: Space, keys: Any = None, *, memory: Memory = True) -> None:
        self._begin(space, {}, memory=memory)
        if keys is not None:
            self.append(keys)

    @classmethod
    def _bundle_of(cls, parameters: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        return Vectors, {"space": parameters["space"], "rows": 1}

    @classmethod
    def _sizes(cls, parameters: Mapping[str, Any]) -> tuple[int, int]:
        return 0, 2**62

    # ---- products

    def _appended(self, vector: Rows, size: int, rows: Rows) -> Rows:
        for i, row in enumerate(rows):
            vector = self.space.bind(turn(self.space, vector, 1), row) if size + i else row
        return vector

    def _without(self, vector: Rows, known: Rows) -> Rows:
        """Take a factor out of a product, which has no noise that division would raise."""
        if isinstance(self.space, MapC):
            return np.divide(vector, known, out=np.zeros_like(vector), where=known != 0)
        return cast(Rows, self.space.unbind(vector, known))

    def _factors(self, method: str, name: str, keys: Any) -> Symbols:
        """Return vectors as they are factors of the product."""
        symbols = self._symbols(method, name, keys)
        if isinstance(self.space, HRR | VTB) and len(symbols.rows):
            return symbols._replace(rows=self.space.unitary(symbols.rows), atoms=False)
        return symbols

    def _require_left(self, method: str) -> None:
        if not turns_products(self.space):
            raise ValueError(
                f"BindSequence.{method} needs a space whose binding is commutative and permuted with its "
                f"factors. Got {self.space} instead."
            )

    def _one(self, method: str, name: str, key: Any) -> tuple[Rows, list[Any] | None]:
        symbols = self._factors(method, name, key)
        if len(symbols.rows) != 1:
            _validation.refuse(f"BindSequence.{method}", name, "one item", key)
        return symbols.rows[0], symbols.keys

    def _become(self, vector: Rows, size: int) -> None:
        with self._lock:
            self._bundle.put(vector if size else self.space.identity())
            self._numbers["size"] = size

    def _require_items(self) -> None:
        if not len(self):
            raise IndexError("pop from an empty BindSequence")

    # ---- changes

    def append(self, keys: Any) -> None:
        """Add items at the end.

        Parameters
        ----------
        keys : int, str, bytes, a batch of them, or Hypervectors
            One item, or several in their order.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, and vectors of another space.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, MapI
        >>> word = BindSequence(MapI(1000))
        >>> word.append("a")
        >>> word.append(["b", "c"])
        >>> word == BindSequence(MapI(1000), ["a", "b", "c"])
        True
        """
        symbols = self._factors("append", "keys", keys)
        with self._lock:
            vector = self._appended(self.vector, len(self), symbols.rows)
            self._become(vector, len(self) + len(symbols.rows))
        self._vocabularies["memory"].learn(symbols.keys)

    def appendleft(self, keys: Any) -> None:
        """Add items at the beginning, in their order; otherwise as `append`.

        Raises
        ------
        ValueError
            In VTB, TVTB, MBAT and BSDC, too.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, MapI
        >>> word = BindSequence(MapI(1000), ["c"])
        >>> word.appendleft(["a", "b"])
        >>> word == BindSequence(MapI(1000), ["a", "b", "c"])
        True
        """
        self._require_left("appendleft")
        symbols = self._factors("appendleft", "keys", keys)
        with self._lock:
            vector, n = self.vector, len(self)
            for i, row in enumerate(symbols.rows[::-1]):
                vector = self.space.bind(vector, turn(self.space, row, n + i)) if n + i else row
            self._become(vector, n + len(symbols.rows))
        self._vocabularies["memory"].learn(symbols.keys)

    def pop(self, key: Any) -> Any:
        """Remove the last item, which must be named, and return it.

        Parameters
        ----------
        key : int, str, bytes or Hypervectors
            The item. Another one leaves a vector that means nothing.

        Raises
        ------
        IndexError
            When the sequence is empty.
        TypeError, ValueError
            As `append`.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, MapI
        >>> word = BindSequence(MapI(1000), ["a", "b"])
        >>> word.pop("b"), word == BindSequence(MapI(1000), "a")
        ('b', True)
        """
        row = self._one("pop", "key", key)[0]
        with self._lock:
            self._require_items()
            self._become(turn(self.space, self._without(self.vector, row), -1), len(self) - 1)
        return key

    def popleft(self, key: Any) -> Any:
        """Remove the first item, which must be named, and return it; otherwise as `pop`.

        Raises
        ------
        ValueError
            In VTB, TVTB, MBAT and BSDC, too.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, MapI
        >>> word = BindSequence(MapI(1000), ["a", "b"])
        >>> word.popleft("a"), word == BindSequence(MapI(1000), "b")
        ('a', True)
        """
        self._require_left("popleft")
        row = self._one("popleft", "key", key)[0]
        with self._lock:
            self._require_items()
            rest = self._without(self.vector, turn(self.space, row, len(self) - 1))
            self._become(rest, len(self) - 1)
        return key

    def replace(self, index: int, old: Any, new: Any) -> None:
        """Put another item into a place.

        Parameters
        ----------
        index : int
            The place; negative ones count from the end.
        old, new : int, str, bytes or Hypervectors
            The item there, and the one instead.

        Raises
        ------
        IndexError
            When there is no such place.
        TypeError, ValueError
            As `append`, and in VTB, MBAT and BSDC.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, MapI
        >>> word = BindSequence(MapI(1000), ["a", "b"])
        >>> word.replace(0, "a", "c")
        >>> word == BindSequence(MapI(1000), ["c", "b"])
        True
        """
        self._require_left("replace")
        place = _validation.integer("BindSequence.replace", "index", index, -(2**62), 2**62)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range of {len(self)} items")
        steps = len(self) - 1 - place % len(self)
        before, (after, keys) = self._one("replace", "old", old)[0], self._one("replace", "new", new)
        with self._lock:
            rest = self._without(self.vector, turn(self.space, before, steps))
            self._become(self.space.bind(rest, turn(self.space, after, steps)), len(self))
        self._vocabularies["memory"].learn(keys)

    # ---- answers

    def fill(self, keys: Sequence[Any]) -> Any:
        """Return the one item that is not known.

        Parameters
        ----------
        keys : sequence of int, str or bytes, of which one is None
            The items, as many as the sequence has.

        Returns
        -------
        int, str or bytes
            The key of the item memory that is most similar to what the others leave.

        Raises
        ------
        TypeError, ValueError
            When not exactly one of the items is None, when there is no item memory, and in VTB, TVTB, MBAT
            and BSDC unless it is the first one.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, FHRR
        >>> word = BindSequence(FHRR(1000), list("hypervector"))
        >>> word.fill([*"hyper", None, *"ector"])
        'v'
        """
        listed = list(keys)
        if len(listed) != len(self) or sum(key is None for key in listed) != 1:
            must = f"{len(self)} items of which one is None"
            _validation.refuse("BindSequence.fill", "keys", must, keys)
        place = next(i for i, key in enumerate(listed) if key is None)
        if place:
            self._require_left("fill")
        vector = self.vector
        for i in range(len(listed) - 1, -1, -1):
            if i != place:
                row = self._one("fill", "keys", listed[i])[0]
                steps = len(listed) - 1 - i
                vector = (
                    self._without(vector, turn(self.space, row, steps))
                    if place
                    else self._popped(vector, row)
                )
        found = vector if not place else turn(self.space, vector, place - len(listed) + 1)
        return self._vocabularies["memory"].nearest(found[np.newaxis], 1).keys.tolist()[0][0]

    def _popped(self, vector: Rows, row: Rows) -> Rows:
        return turn(self.space, self._without(vector, row), -1)

    def recall(self, **options: Any) -> list[Any] | None:
        """Return all items, of which none is known, by a resonator network; None when it finds no solution.

        Parameters
        ----------
        **options
            As for `hypersketch.vsa.Resonator`: ``max_iterations``, ``noise``, ``threshold`` and others.

        Returns
        -------
        list of int, str or bytes, or None
            Keys of the item memory.

        Raises
        ------
        TypeError, ValueError
            When there is no item memory or nothing in it, in spaces that the network cannot clean up (MAP-C,
            MAP-T, VTB, TVTB, MBAT, BSDC), and for other options.

        Notes
        -----
        The network has to find one of N^n sequences of n items out of N keys: sequences of a few items, see
        `hypersketch.vsa.Resonator`.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, BindSequence
        >>> word = BindSequence(BSC(2000), list("word"))
        >>> word.recall()
        ['w', 'o', 'r', 'd']
        """
        from hypersketch.vsa.resonator import Resonator

        words = self._vocabularies["memory"]
        if len(self) < 2:
            return [words.nearest(self.vector[np.newaxis], 1).keys.tolist()[0][0]] if len(self) else []
        keys = words.items.keys.tolist()
        rows = words.rows_at(np.arange(len(keys)))
        rows = self.space.unitary(rows) if isinstance(self.space, HRR) else rows
        books = [turn(self.space, rows, steps) for steps in range(len(self) - 1, -1, -1)]
        found = Resonator(self.space, books, **options).factorize(self.vector)
        return [keys[i] for i in found.indices[0].tolist()] if found.solved[0] else None

    def similarity(self, other: Any) -> float:
        """Return how alike this is to another sequence, as their space has it: 1 for the same.

        Parameters
        ----------
        other : BindSequence, or a batch of keys or Hypervectors
            The other sequence, or its items.

        Examples
        --------
        >>> from hypersketch.vsa import BindSequence, BSC
        >>> word = BindSequence(BSC(10_000), list("abc"))
        >>> [round(abs(word.similarity(list(other))), 1) for other in ("abc", "abd", "bac")]
        [1.0, 0.0, 0.0]
        """
        if isinstance(other, Composite):
            self._require_same(other, "be compared with")
            theirs = other.vector
        else:
            rows = self._factors("similarity", "other", other).rows
            theirs = self._appended(self.space.identity(), 0, rows)
        made: NDArray[np.float64] = self.space.similarity(self.vector, theirs)
        return float(made[0])

    def _now(self) -> Any:
        raise TypeError("A BindSequence has no noise: it is the same as another sequence, or unlike it.")


DistinctSequence = BindSequence
