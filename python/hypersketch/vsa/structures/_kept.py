# SPDX-License-Identifier: Apache-2.0
"""What all structures of hypervectors keep: a bundle, a few numbers and item memories, saved as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory, _validation, files
from hypersketch._doors import Exports
from hypersketch._stored import Tally
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.structures import _kinds
from hypersketch.vsa.structures._vocabulary import Memory, Vocabulary

Self = TypeVar("Self", bound="Kept")
Rows = NDArray[Any]


class Kept(Exports):
    """A bundle, a few numbers, and the keys to answer with."""

    _OPTIONS: ClassVar[dict[str, _validation.Check]] = {}
    """What makes the structure what it is besides its space, in the order in which it is shown."""
    _FURTHER: ClassVar[tuple[str, ...]] = ()
    """Names of its item memories besides ``memory``."""
    _NUMBERS: ClassVar[tuple[str, ...]] = ("size",)
    """What it counts."""
    _UNBINDS: ClassVar[bool] = True
    _GROWS: ClassVar[bool] = True
    __hash__ = None  # type: ignore[assignment]

    def _begin(
        self, space: Any, options: dict[str, Any], device: int | None = None, **memories: Memory
    ) -> None:
        owner = type(self).__name__
        parameters = self._checked(space=space, **options)
        vocabularies = {
            name: Vocabulary(owner, name, parameters["space"], given) for name, given in memories.items()
        }
        kind, values = self._bundle_of(parameters)
        bundle = object.__new__(kind)
        bundle._fill(kind._checked(**values), None, Tally(), device)
        self._fill(parameters, bundle, dict.fromkeys(self._NUMBERS, 0), vocabularies)

    def _fill(
        self,
        parameters: dict[str, Any],
        bundle: Any,
        numbers: dict[str, int],
        memories: dict[str, Vocabulary],
    ) -> None:
        self._values, self._bundle, self._numbers = parameters, bundle, numbers
        self._vocabularies = memories
        self._lock = bundle._lock

    @classmethod
    def _bundle_of(cls, parameters: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the class and the parameters of what is kept."""
        return _kinds.bundle_of(parameters["space"])

    @classmethod
    def _sizes(cls, parameters: Mapping[str, Any]) -> tuple[int, int]:
        """Return between what its numbers may be."""
        return -(2**62), 2**62

    # ---- what is stored

    @classmethod
    def _checked(cls, **given: Any) -> dict[str, Any]:
        owner, wanted = cls.__name__, ("space", *cls._OPTIONS)
        if set(given) != set(wanted):
            came = _validation.shown(list(given))
            raise ValueError(f"The parameters of {owner} are {', '.join(wanted)}. Got {came} instead.")
        space = _kinds.space_of(owner, "space", given["space"])
        if cls._UNBINDS and isinstance(space, BSDC) and space.variant == "cdt":
            must = "a space whose binding can be undone, which thinning (variant='cdt') cannot"
            _validation.refuse(owner, "space", must, space)
        return {"space": space, **{n: check(owner, n, given[n]) for n, check in cls._OPTIONS.items()}}

    @property
    def _state(self) -> _memory.State:
        state: _memory.State = self._bundle._state
        return state

    def _parameters(self) -> dict[str, Any]:
        return {**self._values, "space": _kinds.described(self.space)}

    def _saved_counts(self) -> dict[str, Any]:
        keys = {name: one.saved() for name, one in self._vocabularies.items()}
        return {"bundle": self._bundle._saved_counts(), "numbers": dict(self._numbers), "keys": keys}

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        kind, values = cls._bundle_of(parameters)
        size, dtype = kind._layout(values)
        return size, dtype

    @classmethod
    def _restore(cls: type[Self], parameters: dict[str, Any], counts: Mapping[str, Any], state: Rows) -> Self:
        owner, space = cls.__name__, parameters["space"]
        if set(counts) != {"bundle", "numbers", "keys"}:
            raise ValueError("its counts must be bundle, numbers, keys.")
        kind, values = cls._bundle_of(parameters)
        bundle = kind._restore(kind._checked(**values), counts["bundle"], state)
        given, keys = counts["numbers"], counts["keys"]
        names = ("memory", *cls._FURTHER)
        if set(given) != set(cls._NUMBERS) or set(keys) != set(names):
            raise ValueError(f"its counts are not those of a {owner}.")
        least, most = cls._sizes(parameters)
        numbers = {n: _validation.integer(owner, n, given[n], least, most) for n in cls._NUMBERS}
        made = object.__new__(cls)
        memories = {name: Vocabulary.restored(owner, name, space, keys[name]) for name in names}
        made._fill(parameters, bundle, numbers, memories)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__reduce_ex__(4)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        given = {name: one.given for name, one in self._vocabularies.items() if one.given is not None}
        return _revive, (self.to_bytes(), given)

    @property
    def space(self) -> Any:
        """The space whose vectors these are.

        >>> from hypersketch.vsa import FHRR, Record
        >>> Record(FHRR(64)).space
        FHRR(dim=64, seed=0, phase_only=True)
        """
        return self._values["space"]

    def __len__(self) -> int:
        """Return how many elements it holds, by what was added and removed."""
        return max(0, self._numbers["size"])

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self._values.items()]
        return f"{type(self).__name__}({', '.join(shown)}, size={len(self)})"

    def __eq__(self, other: object) -> bool:
        """Whether type, parameters, counts and state are equal; item memories take no part."""
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Kept)
        same = self._values == other._values and self._numbers == other._numbers
        return bool(same and np.array_equal(self._state, other._state))

    def copy(self: Self) -> Self:
        """Return an independent copy; it shares an item memory that was given.

        >>> from hypersketch.vsa import MapI, Multiset
        >>> bag = Multiset(MapI(64), ["a", "b"])
        >>> twin = bag.copy()
        >>> twin.add("c")
        >>> len(bag), len(twin)
        (2, 3)
        """
        with self._lock:
            twin = object.__new__(type(self))
            memories = {name: one.copy() for name, one in self._vocabularies.items()}
            twin._fill(dict(self._values), self._bundle.copy(), dict(self._numbers), memories)
            return twin

    def __copy__(self: Self) -> Self:
        return self.copy()

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self.copy()

    def _require_same(self, other: object, action: str) -> None:
        name = type(self).__name__
        if type(other) is not type(self) or not isinstance(other, Kept):
            raise TypeError(
                f"A {name} can only {action} another {name}. Got a {type(other).__name__} instead."
            )
        for parameter, value in self._values.items():
            if other._values[parameter] != value:
                raise ValueError(
                    f"The {parameter!r} parameter of both {name} objects must be equal to {action} them. "
                    f"Got {value!r} and {other._values[parameter]!r} instead."
                )


def _revive(data: bytes, memories: dict[str, Any]) -> Kept:
    """Rebuild a pickled structure with the item memories that it was given."""
    made: Kept = files.from_bytes(data)
    for name, items in memories.items():
        made._vocabularies[name] = Vocabulary(type(made).__name__, name, made.space, items)
    return made
