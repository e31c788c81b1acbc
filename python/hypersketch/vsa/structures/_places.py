# SPDX-License-Identifier: Apache-2.0
"""How sums of shifted vectors answer: what is where, and where something is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa.structures import _rolling
from hypersketch.vsa.structures._composite import Composite
from hypersketch.vsa.structures._kept import Rows


class Places(Composite):
    """A sum of vectors, each shifted by its place."""

    @classmethod
    def _sizes(cls, parameters: Mapping[str, Any]) -> tuple[int, int]:
        return 0, _rolling.period(parameters["space"])

    def _shifted(self, rows: Rows, first: int) -> Rows:
        """Return rows shifted by their places, of which the first is given."""
        if not len(rows):
            return rows
        return np.stack([self.space.permute(row, first + i) for i, row in enumerate(rows)])

    def _item(self, method: str, name: str, key: Any, index: int) -> tuple[Any, Rows]:
        """Return an item, given or found, and its vector."""
        if key is None:
            best = self.search(index)
            return best.keys.tolist()[0][0], self._vocabularies["memory"].rows_at(best.indices[0])
        symbols = self._symbols(method, name, key)
        if len(symbols.rows) != 1:
            _validation.refuse(f"BundleSequence.{method}", name, "one item", key)
        return key, symbols.rows

    def _place(self, index: Any) -> int:
        place = _validation.integer("BundleSequence", "index", index, -(2**62), 2**62)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range of {len(self)} items")
        return place % len(self)

    def unbind(self, indices: Any) -> Rows:
        """Return the sequence shifted back by each place: the item's vector there, and noise.

        Parameters
        ----------
        indices : int or batch of int
            n places; negative ones count from the end.

        Returns
        -------
        ndarray, one row a place
            Vectors of the space.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapB
        >>> space = MapB(10_000)
        >>> word = BundleSequence(space, ["a", "b", "c"])
        >>> space.similarities(word.unbind([0, -1]), space.atoms(["a", "b", "c"])).round(1) + 0.0
        array([[0.5, 0. , 0. ],
               [0. , 0. , 0.5]])
        """
        places = [self._place(index) for index in np.atleast_1d(np.asarray(indices)).tolist()]
        vector = self._now()[1]
        rows = [self.space.permute(vector, -place) for place in places]
        return np.stack(rows) if rows else vector[np.newaxis][:0]

    def search(self, indices: Any, k: int = 1) -> Any:
        """Return the k most probable items of each place.

        Parameters
        ----------
        indices : int or batch of int
            n places.
        k : int, default 1
            How many.

        Returns
        -------
        Matches
            ``keys``, ``similarities`` and ``indices`` of the item memory, each of shape (n, k).

        Raises
        ------
        IndexError
            When there is no such place.
        ValueError
            When there is no item memory, or nothing in it.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> BundleSequence(MapI(10_000), list("abc")).search([0, 2]).keys.tolist()
        [['a'], ['c']]
        """
        return self._vocabularies["memory"].nearest(self.unbind(indices), k)

    def get(self, index: int, default: Any = None, threshold: float | None = None) -> Any:
        """Return the item of one place, or the default where no known item is there; otherwise as `search`.

        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> BundleSequence(MapI(10_000), list("abc")).get(1)
        'b'
        """
        place = self._place(index)
        key, rows = self._item("get", "key", None, place)
        return key if self._passes(self.space.permute(rows, place), threshold)[0] else default

    def __getitem__(self, index: Any) -> Any:
        """Return the most similar item of a place, or a list of those of a slice."""
        if isinstance(index, slice):
            places = list(range(*index.indices(len(self))))
            return self.search(places).keys[:, 0].tolist() if places else []
        return self.search(self._place(index)).keys.tolist()[0][0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def to_list(self) -> list[Any]:
        """Return all items, each the most similar one of its place.

        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> BundleSequence(MapI(10_000), list("abc")).to_list()
        ['a', 'b', 'c']
        """
        return list(self[:])

    def positions(self, key: Any, threshold: float | None = None) -> list[int]:
        """Return the places of one item.

        Parameters
        ----------
        key : int, str, bytes or Hypervectors
            The item.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and an item.

        Returns
        -------
        list of int

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> BundleSequence(MapI(10_000), list("banana")).positions("a")
        [1, 3, 5]
        """
        rows = self._item("positions", "key", key, 0)[1]
        if not len(self):
            return []
        shifted = self._shifted(np.repeat(rows, len(self), axis=0), 0)
        found: list[int] = np.flatnonzero(self._passes(shifted, threshold)).tolist()
        return found

    def index(self, key: Any, threshold: float | None = None) -> int:
        """Return the first place of one item; otherwise as `positions`.

        Raises
        ------
        ValueError
            When it is nowhere.

        Examples
        --------
        >>> from hypersketch.vsa import BundleSequence, MapI
        >>> BundleSequence(MapI(10_000), list("banana")).index("n")
        2
        """
        found = self.positions(key, threshold)
        if not found:
            raise ValueError(f"{_validation.shown(key)} is not in this BundleSequence.")
        return found[0]

    def __contains__(self, key: Any) -> bool:
        return bool(self.positions(key))

    def similarity(self, other: Places) -> float:
        """Return how alike two sequences are, as their space has it.

        >>> from hypersketch.vsa import BundleSequence, HRR
        >>> a, b = (BundleSequence(HRR(10_000), list(word)) for word in ("house", "mouse"))
        >>> round(a.similarity(b), 1)
        0.8
        """
        self._require_same(other, "be compared with")
        made: NDArray[np.float64] = self.space.similarity(self.vector, other.vector)
        return float(made[0])
