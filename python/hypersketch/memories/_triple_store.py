# SPDX-License-Identifier: Apache-2.0
"""How a memory of facts is kept: all of it by its facts, under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories._changes import Summed
from hypersketch.memories._facts import MEMORIES, SLOTS, Facts
from hypersketch.theory._search import least_passing
from hypersketch.vsa._space import Space
from hypersketch.vsa.structures._vocabulary import Vocabulary

Self = TypeVar("Self", bound="TripleStore")

_MOST = 1 << 40
_FEW = 100
"""Entities that are expected where none are known yet."""
_KINDS = 10
"""The same of predicates."""


@contextmanager
def named() -> Iterator[None]:
    """Call the facts, which nobody sees, by the memory's name in sentences of errors."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("Facts", "TripleMemory")) from None


class TripleStore(Summed):
    """Files, copies and looks."""

    _facts: Facts

    def _hold(self, facts: Facts) -> None:
        self._facts, self._lock = facts, facts._lock

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        with named():
            return Facts._checked(**given)

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return Facts._layout(parameters)

    def _parameters(self) -> dict[str, Any]:
        return self._facts._parameters()

    @property
    def _values(self) -> dict[str, Any]:  # type: ignore[override]
        return self._facts._values

    @property
    def _state(self) -> _memory.State:
        return self._facts._state

    @property
    def _tally(self) -> Tally:
        return Tally(n_added=self._facts._numbers["size"])

    def _saved_counts(self) -> dict[str, Any]:
        return self._facts._saved_counts()

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Any:
        made = object.__new__(cls)
        made._hold(Facts._restore(parameters, counts, state))
        return made

    def _moved(self, device: int | None) -> Any:
        twin = object.__new__(type(self))
        twin._hold(self._facts.moved(device))
        return twin

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        given = {name: one.given for name, one in self._facts._vocabularies.items() if one.given is not None}
        content = self.to_bytes(), given
        return _revive, content if self.device == "cpu" else (*content, self.device)

    def __eq__(self, other: object) -> bool:
        """Whether space, form, counts and state are equal; item memories take no part."""
        if type(other) is not type(self) or not isinstance(other, TripleStore):
            return NotImplemented
        return self._facts == other._facts

    def __len__(self) -> int:
        """Return how many facts it holds, by what was added and removed; those of an episode count twice."""
        return len(self._facts)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        where = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"TripleMemory(space={self.space!r}, form={self._values['form']!r}, size={len(self)}{where})"

    @property
    def space(self) -> Space:
        """The space of the vectors.

        >>> import hypersketch
        >>> hypersketch.TripleMemory(hypersketch.MapI(64)).space
        MapI(dim=64, seed=0)
        """
        space: Space = self._facts.space
        return space

    @property
    def seed(self) -> int:
        """Seed of the space.

        >>> import hypersketch
        >>> hypersketch.TripleMemory(hypersketch.MapI(64, seed=7)).seed
        7
        """
        return self.space.seed

    def keys(self, slot: str) -> NDArray[Any]:
        """Return the keys that are answers for a slot.

        Parameters
        ----------
        slot : {'subject', 'predicate', 'object', 'episode'}
            Subjects and objects have the same keys.

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            For another slot, or when there is no item memory.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(64))
        >>> facts.add("Ann", "likes", "tea")
        >>> facts.keys("object").tolist(), facts.keys("predicate").tolist()
        (['Ann', 'tea'], ['likes'])
        """
        name = _validation.one_of(*SLOTS)("TripleMemory.keys", "slot", slot)
        with named():
            known: NDArray[Any] = self._facts._vocabularies[MEMORIES[name]].items.keys
        return known

    # ---- what it says of itself

    def capacity(self, error: float = 0.01, *, n_entities: int | None = None) -> float:
        """Return how many random facts fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Chance that a query for an object (or subject) gives another entity.
        n_entities : int, optional
            Number of entities to choose from; default those known, or 100 where there are none.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For an error or a number out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> hypersketch.TripleMemory(hypersketch.MapI(1000)).capacity()
        39.0
        >>> hypersketch.TripleMemory(HRR(64), form="tensor").capacity()
        489.0
        """
        rate = _validation.probability("TripleMemory.capacity", "error", error)
        many = self._candidates("capacity", n_entities)
        found = least_passing(lambda n: self._error(n, many) > rate, 1, 0, _MOST)
        return float(_MOST if found is None else found - 1)

    def expected_error(self, *, n_entities: int | None = None) -> float:
        """Return the chance that a query for an object gives another entity, for as many random facts.

        Parameters
        ----------
        n_entities : int, optional
            Number of entities to choose from; default those known, or 100 where there are none.

        Returns
        -------
        float
            By `hypersketch.theory.spaces.accuracy`, or `hypersketch.theory.triples.tensor_error`.

        Raises
        ------
        ValueError
            For a number out of range.
        ImportError
            When SciPy is not installed.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(1000))
        >>> facts.add(range(200), ["is"] * 200, range(200))
        >>> round(facts.expected_error(), 1)
        0.7
        """
        many = self._candidates("expected_error", n_entities)
        return self._error(len(self), many) if len(self) else 0.0

    def _candidates(self, method: str, n_entities: int | None) -> int:
        words = self._facts._vocabularies["memory"]
        known = len(words.items) if words.memory is not None else 0
        given = (known or _FEW) if n_entities is None else n_entities
        return _validation.integer(f"TripleMemory.{method}", "n_entities", given, 1, 2**40)

    def _error(self, n: int, n_entities: int) -> float:
        if self._values["form"] == "bundle":
            return 1.0 - float(self.space.expected_accuracy(n, n_entities, 1))
        words = self._facts._vocabularies["predicates"]
        kinds = len(words.items) if words.memory is not None else 0
        return theory.triples.tensor_error(self.space.dim, n, n_entities, kinds or _KINDS)


def _revive(data: bytes, memories: dict[str, Any], device: str = "cpu") -> TripleStore:
    """Rebuild a pickled memory, where it was, with the item memories that it was given."""
    loaded: TripleStore = files.from_bytes(data)
    made = loaded if device == "cpu" else loaded.to(device)
    for name, items in memories.items():
        made._facts._vocabularies[name] = Vocabulary("TripleMemory", name, made.space, items)
    return made
