# SPDX-License-Identifier: Apache-2.0
"""What every state is: an array with parameters and counts, compared, copied, moved, and saved as a whole."""

from __future__ import annotations

import math
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, SupportsIndex, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch._doors import Exports

Self = TypeVar("Self", bound="Stored")

UNKNOWN = math.inf
"""A bound that makes the next change look; so do its sums, and nan, which clearing makes of it."""


class Tally(NamedTuple):
    """What a state holds besides its array. Tallies add up as states do."""

    n_added: int = 0
    total_weight: Any = 0
    """An int, or a float where the cells are."""
    trace: int = 0
    """Diagonal of a Hopfield matrix (one number)."""
    bound: Any = 0
    """No counter is larger in magnitude; ``UNKNOWN`` until somebody looks."""

    def plus(self, other: Tally, sign: int = 1) -> Tally:
        return Tally(*(a + sign * b for a, b in zip(self, other, strict=True)))


_Record: TypeAlias = "tuple[Tally, list[tuple[Any, Tally]]]"


_PHRASES = {
    "compare": ("be compared with", "compare them"),
    "inner": ("have an inner product with", "have an inner product"),
}
"""How actions with another structure read after "can only", and after "must be equal to"."""


class Stored(Exports, ABC):
    """An array with parameters: compared, copied, pickled and saved as a whole.

    A subclass names its parameters in ``_PARAMETERS`` and its array in ``_layout``. Its attributes are set
    only by ``_fill``, so that files, pickles, copies and constructors take one way.
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]]
    """What makes the state what it is, in the order in which it is shown, each with its check."""
    _UNCOMPARED: ClassVar[frozenset[str]] = frozenset()
    """Parameters that plan but do not change what a state means."""
    _BITS: ClassVar[str | None] = None
    """The parameter that counts the bits of a state of bits."""
    _RESULT: ClassVar[str] = "trace"
    """The count that grows by the number which a change of the state returns, if it returns one."""
    _GROWS: ClassVar[bool] = False
    """Whether a change may need a larger state, for which shared memory has no room."""
    __hash__ = None  # type: ignore[assignment]

    _state: _memory.State
    _record: _Record
    _lent = False

    @property
    def _alone(self) -> bool:
        """Whether no other object can change the state."""
        return not self._lent and _memory.is_alone(self._state)

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        """Return the parameters after checks."""
        owner = cls.__name__
        if given.keys() != cls._PARAMETERS.keys():
            wanted, came = ", ".join(cls._PARAMETERS), _validation.shown(list(given))
            raise ValueError(f"The parameters of {owner} are {wanted}. Got {came} instead.")
        return {name: check(owner, name, given[name]) for name, check in cls._PARAMETERS.items()}

    @classmethod
    @abstractmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        """Return the number of elements and the dtype of the state."""

    def _fill(
        self, parameters: dict[str, Any], state: _memory.State | None, tally: Tally, device: int | None = None
    ) -> None:
        """Set every attribute; a state of None is a new one of zeros on a device."""
        if state is None:
            size, dtype = self._layout(parameters)
            state = _memory.zeros(size, dtype, device)
        self._values = parameters
        self._state = state
        self._record = (tally, [])
        self._lock = threading.RLock()  # re-entered when an object is merged with itself

    def _parameters(self) -> dict[str, Any]:
        return dict(self._values)

    def _compared(self) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if name not in self._UNCOMPARED}

    @property
    def _tally(self) -> Tally:
        """The counts, with every change noted so far."""
        tally, log = self._record
        for result, change in log:
            tally = tally.plus(change)
            if isinstance(result, int):
                tally = tally._replace(**{self._RESULT: getattr(tally, self._RESULT) + result})
        return tally

    # ---- looks

    @property
    def seed(self) -> int:
        """Seed of the random functions: structures agree only when their seeds do.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=256, seed=7).seed
        7
        """
        return int(self._values["seed"])

    @property
    def n_added(self) -> int:
        """Number of keys added less number of keys removed, whatever their weights; twice added counts twice.

        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=256)
        >>> seen.add(["a", "b", "a"])
        >>> seen.n_added
        3
        """
        return self._tally.n_added

    @property
    def nbytes(self) -> int:
        """Size of the state in bytes.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1024).nbytes
        128
        """
        return int(self._state.nbytes)

    @property
    def device(self) -> str:
        """Where the state lies: ``cpu``, or the GPU's name, ``cuda:0``, ``cuda:1`` and so on.

        >>> import hypersketch
        >>> hypersketch.BloomFilter(n_bits=1024).device
        'cpu'
        """
        return _device.name_of(self._device_index)

    @property
    def _device_index(self) -> int | None:
        """Index of the state's GPU; None on the CPU."""
        return _memory.device_of(self._state)

    def __repr__(self) -> str:
        shown = {name: value for name, value in self._values.items() if value is not None}
        counted = {**shown, "n_added": self.n_added}
        if self.device != "cpu":
            counted["device"] = self.device
        arguments = [f"{name}={value!r}" for name, value in counted.items()]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __eq__(self, other: object) -> bool:
        """Whether type, parameters and state are equal; ``n_added`` and a planned capacity take no part."""
        if not isinstance(other, Stored) or type(other) is not type(self):
            return NotImplemented
        same = self._compared() == other._compared() and self._tally.trace == other._tally.trace
        return same and bool(np.array_equal(_memory.host(self._state), _memory.host(other._state)))

    # ---- copies and files

    def copy(self: Self) -> Self:
        """Return an independent copy, which can be changed even where this one is memory-mapped.

        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=256)
        >>> other = seen.copy()
        >>> other.add(1)
        >>> seen.n_added, other.n_added
        (0, 1)
        """
        with self._lock:
            return self._moved(self._device_index)

    def to(self: Self, device: str) -> Self:
        """Return an independent copy on a device: the same bytes, parameters and counts.

        Parameters
        ----------
        device : str
            ``cpu``, ``cuda`` for the first GPU, or ``cuda:1`` and so on.

        Returns
        -------
        same type

        Raises
        ------
        TypeError, ValueError
            When there is no such device, or for a memory whose space has no GPU kernels.
        RuntimeError
            When no GPU can be used; the sentence is that of `hypersketch.cuda.why_not`.
        MemoryError
            When the device has not so much memory.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.add(["a", "b"])
        >>> if hypersketch.cuda.available():
        ...     seen = seen.to("cuda")
        >>> seen.contains(["a", "c"])
        array([ True, False])
        >>> seen.to("cpu").device
        'cpu'
        """
        target = self._device_for(device)
        with self._lock:
            return self._moved(target)

    @classmethod
    def _device_for(cls, device: object) -> int | None:
        """Return the index of a GPU that this may be on, or None for the CPU."""
        return _device.resolve(cls.__name__, device)

    def _moved(self: Self, device: int | None) -> Self:
        """Return a copy on a device; the lock is held."""
        twin = object.__new__(type(self))
        # Others may have changed a state that is not this object's alone.
        tally = self._tally if self._alone else self._tally._replace(bound=UNKNOWN)
        twin._fill(self._parameters(), _memory.moved(self._state, device), tally)
        return twin

    def __copy__(self: Self) -> Self:
        return self.copy()

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self.copy()

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # Out of band, the receiver may get this very memory.
        self._lent = self._lent or operator.index(protocol) >= 5
        return self.__reduce__()

    def __reduce__(self) -> tuple[Any, ...]:
        # The array pickles itself: out of band, without a copy, under protocol 5.
        with self._lock:
            content = type(self), self._parameters(), self._saved_counts(), _memory.host(self._state)
            return _revive, content if self.device == "cpu" else (*content, self.device)

    def _saved_counts(self) -> dict[str, int]:
        tally = self._tally
        return {"n_added": tally.n_added, "total_weight": tally.total_weight, "trace": tally.trace}

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]) -> Stored:
        """Make the object that a file describes; the array fits ``_layout``, all else is checked here."""
        limits = {"n_added": (-(2**63), 2**63), "total_weight": (-(2**63), 2**63), "trace": (-(2**31), 2**31)}
        if set(counts) != set(limits):
            raise ValueError(
                f"its counts must be {', '.join(limits)}. Got {_validation.shown(list(counts))} instead."
            )
        numbers = {
            name: _validation.integer(cls.__name__, name, counts[name], low, high - 1)
            for name, (low, high) in limits.items()
        }
        if cls._BITS is not None and _validation.has_tail(state, parameters[cls._BITS]):
            raise ValueError(f"its state sets bits beyond {cls._BITS}.")
        made = object.__new__(cls)
        made._fill(parameters, state, Tally(**numbers, bound=UNKNOWN))
        return made

    def _require_same(self, other: object, action: str) -> None:
        """Refuse another type, or the first parameter that differs."""
        one, both = _PHRASES.get(action, (action, f"{action} them"))
        name = type(self).__name__
        if not isinstance(other, Stored) or type(other) is not type(self):
            raise TypeError(f"A {name} can only {one} another {name}. Got a {type(other).__name__} instead.")
        theirs = other._compared()
        for parameter, value in self._compared().items():
            if theirs[parameter] != value:
                raise ValueError(
                    f"The {parameter!r} parameter of both {name} objects must be equal to {both}. "
                    f"Got {value!r} and {theirs[parameter]!r} instead."
                )


def _revive(
    kind: type[Stored],
    parameters: dict[str, Any],
    counts: dict[str, int],
    state: NDArray[Any],
    device: str = "cpu",
) -> Stored:
    """Rebuild a pickled object, where it was."""
    made = kind._restore(parameters, counts, state)
    return made if device == "cpu" else made.to(device)
