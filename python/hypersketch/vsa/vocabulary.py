# SPDX-License-Identifier: Apache-2.0
"""Names of hypervectors, and expressions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.memories import item_memory  # its classes come later where it is imported first
from hypersketch.vsa import _expressions
from hypersketch.vsa._scope import Scope
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors

if TYPE_CHECKING:
    from hypersketch.memories.item_memory import ItemMemory, Matches


class Vocabulary:
    """Names for the vectors of an item memory, and expressions of them as text.

    Expressions are Python's: ``A * B`` binds, ``A / B`` unbinds B, ``~A`` inverts, ``A + 2 * B - C`` is one
    bundle with weights, ``A << 1`` permutes, ``A ** 2`` binds with itself, ``A @ B`` is the similarity, a
    number. Names that are not Python's stand in quotes: ``'New York' * city``. ``Identity`` is the vector
    with which binding changes nothing.

    Parameters
    ----------
    source : a space of `hypersketch.vsa`, or an ItemMemory
        The space of a new memory, or the memory whose vectors are meant; names are its keys of type str.
    strict : bool, default True
        Refuse names that are not there. Otherwise they are added, with their atoms.

    Raises
    ------
    TypeError
        For what is neither.

    Notes
    -----
    Texts are parsed, never run: no function is called and no attribute read, whatever they hold. A sum is
    made of all its terms at once, so ``A + B + C`` is the bundle of three in packed spaces, too; as a factor
    it is first brought to the form of the space. Weights must be whole numbers in spaces of whole numbers.

    Examples
    --------
    >>> from hypersketch.vsa import HRR, Vocabulary
    >>> words = Vocabulary(HRR(4096))
    >>> words.populate("name; money; France; euro; record = name * France + money * euro")
    >>> words.search("record * ~money").keys
    array([['euro']], dtype=object)
    >>> round(words.parse("record @ (name * France)"), 1)
    0.7
    """

    def __init__(self, source: Space | ItemMemory, *, strict: bool = True) -> None:
        if isinstance(source, Space):
            source = item_memory.ItemMemory(source)
        elif not isinstance(source, item_memory.ItemMemory):
            must = "a space of hypersketch.vsa or an ItemMemory"
            _validation.refuse("Vocabulary", "source", must, source, TypeError)
        self._memory: ItemMemory = source
        self._strict = _validation.flag("Vocabulary", "strict", strict)

    # ---- what there is

    @property
    def memory(self) -> ItemMemory:
        """The item memory; it saves, removes and searches.

        >>> from hypersketch.vsa import BSC, Vocabulary
        >>> Vocabulary(BSC(64)).memory
        ItemMemory(BSC(dim=64, seed=0), codebook='stored', n_items=0)
        """
        return self._memory

    @property
    def space(self) -> Any:
        """The space of the vectors.

        >>> from hypersketch.vsa import BSC, Vocabulary
        >>> Vocabulary(BSC(64)).space
        BSC(dim=64, seed=0)
        """
        return self._memory.space

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._memory.keys.tolist() if isinstance(key, str))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._memory

    def __repr__(self) -> str:
        return f"Vocabulary({self.space}, {len(self)} names)"

    def __getitem__(self, name: str) -> Hypervectors:
        """Return the vector of a name."""
        if not isinstance(name, str):
            _validation.refuse("Vocabulary", "name", "a str", name, TypeError)
        scope = self._scope("Vocabulary")
        vector = scope.look_up(name)
        scope.keep()
        return self._made(vector)

    def _scope(self, owner: str) -> Scope:
        return Scope(owner, self._memory, strict=self._strict)

    def _made(self, vector: NDArray[Any]) -> Hypervectors:
        return Hypervectors(self.space, vector)

    # ---- names

    def populate(self, text: str) -> None:
        """Add names, with their atoms or with what an expression says.

        Parameters
        ----------
        text : str
            Names and ``name = expression``, separated by semicolons or lines; expressions may use names that
            stand before them. A name that is there already takes what its expression says, and stays as it
            is without one. (Names in quotes get vectors from `add`.)

        Raises
        ------
        TypeError, ValueError
            As `parse`. Nothing is added then.
        KeyError
            For unknown names where the vocabulary is strict.

        Notes
        -----
        Vectors are kept in the form of the memory: MAP-I keeps the signs of a sum.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, Vocabulary
        >>> words = Vocabulary(BSC(1000))
        >>> words.populate("red; blue; violet = red + blue; pair = red * blue")
        >>> list(words), words.parse("pair * red") == words["blue"]
        (['red', 'blue', 'violet', 'pair'], True)
        """
        scope = self._scope("Vocabulary.populate")
        for statement in _expressions.statements(scope.owner, text):
            name, value = _expressions.assignment(scope.owner, statement)
            scope.define(name, None if value is None else scope.vector(value))
        scope.keep()

    def add(self, name: str, vector: Any = None) -> None:
        """Add a name.

        Parameters
        ----------
        name : str
            Any text; one that is not a Python name stands in quotes in expressions.
        vector : ndarray, Hypervectors, bundle or str, optional
            Its vector, or an expression; default the atom of the name.

        Raises
        ------
        TypeError, ValueError, KeyError
            For what is not one vector of the space; as `parse` for expressions.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, Vocabulary
        >>> words = Vocabulary(BSC(1000))
        >>> words.add("New York")
        >>> words.add("home", "'New York' << 1")
        >>> len(words)
        2
        """
        scope = self._scope("Vocabulary.add")
        if not isinstance(name, str):
            _validation.refuse(scope.owner, "name", "a str", name, TypeError)
        scope.define(name, None if vector is None else scope.one(vector))
        scope.keep()

    # ---- expressions

    def parse(self, expression: str) -> Any:
        """Return what an expression stands for.

        Parameters
        ----------
        expression : str
            As the class says.

        Returns
        -------
        Hypervectors or number
            One vector; a number where nothing but numbers is left, as of ``A @ B``.

        Raises
        ------
        TypeError, ValueError
            For what is no such expression, or what the space cannot do.
        KeyError
            For unknown names where the vocabulary is strict.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Vocabulary
        >>> words = Vocabulary(MapI(1000))
        >>> words.populate("A; B; C")
        >>> words.parse("(A * B + 2 * C) / A")
        Hypervectors(one vector of MapI(dim=1000, seed=0))
        """
        scope = self._scope("Vocabulary.parse")
        found = scope.value(_expressions.expression(scope.owner, expression))
        scope.keep()
        return self._made(found) if isinstance(found, np.ndarray) else found

    # ---- comparisons

    def search(self, probe: Any, k: int = 1) -> Matches:
        """Return the k items of the memory that are most alike to a vector.

        Parameters
        ----------
        probe : str, Hypervectors, ndarray or bundle
            An expression, or vectors of the space.
        k : int, default 1
            How many.

        Returns
        -------
        Matches
            As of `ItemMemory.search`.

        Raises
        ------
        TypeError, ValueError, KeyError
            As `parse` and `ItemMemory.search`.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR, Vocabulary
        >>> words = Vocabulary(FHRR(1024))
        >>> words.populate("A; B; C")
        >>> words.search("(A * B + C) / A").keys
        array([['B']], dtype=object)
        """
        scope = self._scope("Vocabulary.search")
        rows = scope.rows(probe)
        scope.keep()
        return self._memory.search(rows, k)

    def similarities(self, probe: Any, terms: Iterable[str] | None = None) -> NDArray[np.float64]:
        """Return a table of similarities: with every name, or with other expressions.

        Parameters
        ----------
        probe : str, list of str, Hypervectors, ndarray or bundle
            An expression or several, or vectors of the space.
        terms : iterable of str, optional
            Expressions to compare with; default all names, in their order.

        Returns
        -------
        ndarray of float64, shape (n_terms,) for one probe, or (n, n_terms)
            As ``space.similarities``.

        Raises
        ------
        TypeError, ValueError, KeyError
            As `parse`.

        Examples
        --------
        >>> from hypersketch.vsa import HRR, Vocabulary
        >>> words = Vocabulary(HRR(4096))
        >>> words.populate("A; B; C = A + B")
        >>> words.similarities(["A", "C"]).round(1) + 0.0
        array([[1. , 0. , 0.7],
               [0.7, 0.7, 1. ]])
        >>> words.similarities("A * B", ["B * A", "B"]).round(1) + 0.0
        array([1., 0.])
        """
        scope = self._scope("Vocabulary.similarities")
        several = isinstance(probe, list | tuple)
        rows = scope.several("probe", probe) if several else scope.rows(probe)
        if terms is None:
            names = list(self)
            others = self._memory.vector(names) if names else np.atleast_2d(rows)[:0]
        else:
            others = scope.several("terms", terms)
        scope.keep()
        scores: NDArray[np.float64] = self.space.similarities(np.atleast_2d(rows), others)
        return scores if several or rows.ndim == 2 else scores[0]

    def text(self, probe: Any, *, threshold: float = 0.1, k: int = 10) -> str:
        """Return the names that a vector is most alike to, as text for people.

        Parameters
        ----------
        probe : str, Hypervectors, ndarray or bundle
            An expression, or one vector of the space.
        threshold : float, default 0.1
            Less alike names are left out.
        k : int, default 10
            So many names at most.

        Returns
        -------
        str
            Similarities and names, the most alike first; empty when none is alike enough.

        Raises
        ------
        TypeError, ValueError, KeyError
            As `parse`.

        Examples
        --------
        >>> from hypersketch.vsa import HRR, Vocabulary
        >>> words = Vocabulary(HRR(20_000))
        >>> words.populate("A; B; 'New York'")
        >>> words.text("A + 'New York'")
        "0.71 A + 0.71 'New York'"
        """
        owner = "Vocabulary.text"
        least = _validation.real(owner, "threshold", threshold)
        most = _validation.integer(owner, "k", k, 1, 2**31 - 1)
        scope = self._scope(owner)
        row = scope.one(probe)
        scope.keep()
        if not len(self._memory):
            return ""
        keys, scores, _ = self._memory.search(row, min(most, len(self._memory)))
        pairs = zip(keys[0].tolist(), scores[0].tolist(), strict=True)
        return " + ".join(f"{score:.2f} {_shown(key)}" for key, score in pairs if score >= least)


def _shown(key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else repr(key)
