# SPDX-License-Identifier: Apache-2.0
"""The protocol between experiments and structures: build from keys, score keys, decide, say how big it is.

One integer, `units`, sets how large a structure is: dimensions, bits or cells. :meth:`Structure.size` makes
the full parameters of it. Everything else takes those parameters.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hypersketch.capacity.cells import Size
from hypersketch.capacity.streams import Counts
from hypersketch.keys import hash_keys
from hypersketch.theory._search import least_passing

__all__ = ["ErrorRates", "Moments", "Structure", "combined_hashes", "smallest"]

UInt64Array: TypeAlias = npt.NDArray[np.uint64]
Int64Array: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
_Adapter = TypeVar("_Adapter", bound="Structure")


class ErrorRates(NamedTuple):
    """Predicted rates of wrong answers to "is it stored?".

    Examples
    --------
    >>> max(ErrorRates(0.01, 0.0))
    0.01
    """

    false_positive: float
    false_negative: float


class Moments(NamedTuple):
    """Predicted mean and standard deviation of an estimate.

    Examples
    --------
    >>> Moments(50.0, 2.0).sd
    2.0
    """

    mean: float
    sd: float


class Structure(ABC):
    """A structure as experiments and planner see it."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: One sentence for a reader who never heard of it.
    explanation: ClassVar[str]
    #: Names of the experiments it can take part in.
    tasks: ClassVar[frozenset[str]]
    #: Name of the parameter that `units` sets.
    unit: ClassVar[str]
    #: Smallest sensible number of units.
    least: ClassVar[int] = 2
    #: Whether it can be made on a GPU and take keys there.
    has_kernels: ClassVar[bool] = False
    #: Which of its tasks it does there; None for all.
    gpu_tasks: ClassVar[frozenset[str] | None] = None
    #: Where :meth:`build` makes the public objects.
    device: str = "cpu"

    def runs_on_gpu(self, task: str) -> bool:
        """Whether it does a task on a GPU."""
        wanted = self.tasks if self.gpu_tasks is None else self.gpu_tasks & self.tasks
        return self.has_kernels and task in wanted

    def on(self: _Adapter, device: str) -> _Adapter:
        """The same structure, made on a device.

        Parameters
        ----------
        device : str
            ``cpu``, ``cuda``, ``cuda:1`` and so on.

        Raises
        ------
        ValueError
            If it has no GPU kernels.
        """
        if device != "cpu" and not self.has_kernels:
            raise ValueError(f"The structure {self.name!r} has no GPU kernels.")
        twin = copy.copy(self)
        twin.device = device
        return twin

    @abstractmethod
    def size(self, units: int, n: int, task: str = "membership") -> Size:
        """Parameters of a structure of that many units for n items."""

    @abstractmethod
    def n_bytes(self, size: Size) -> int:
        """Bytes of the state: what `nbytes` of the public object says."""

    def expression(self, size: Size) -> str:
        """Python that makes an empty public object of that size."""
        raise NotImplementedError

    def score_trials(
        self,
        size: Size,
        seeds: UInt64Array,
        members: UInt64Array,
        probes: UInt64Array,
        weights: Int64Array | None = None,
    ) -> FloatArray:
        """Builds one structure a trial from members (F, T, n) and estimates the weight of probes (F, T, q).

        F is the number of factors bound into one item; the result has shape (T, q).
        """
        added, asked = combined_hashes(members), combined_hashes(probes)
        weighted = [] if weights is None else [weights]  # what holds sets takes none
        scores = np.empty(asked.shape)
        for t, seed in enumerate(seeds.tolist()):
            scores[t] = self.scores(self.build(size, seed, added[t], *weighted), asked[t])
        return scores

    def scores(self, built: Any, asked: UInt64Array) -> npt.ArrayLike:
        """What the object that :meth:`build` made says of each key."""
        raise NotImplementedError

    def threshold(self, size: Size, n: int) -> float:
        """An item counts as stored from this score on."""
        raise NotImplementedError

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        """Predicted error rates of membership among n stored items."""
        raise NotImplementedError

    def intersection_trials(
        self, size: Size, seeds: UInt64Array, x: UInt64Array, y: UInt64Array
    ) -> FloatArray:
        """Estimated intersections of the sets of keys x (T, n) and y (T, n), one a trial."""
        estimates = np.empty(seeds.size)
        for t, seed in enumerate(seeds.tolist()):
            first, second = self.build(size, seed, x[t]), self.build(size, seed, y[t])
            estimates[t] = first.intersection_cardinality(second)
        return estimates

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        """Predicted mean and standard deviation of the estimated intersection."""
        raise NotImplementedError

    def count_rmse(self, size: Size, counts: Counts) -> float:
        """Predicted root mean square error of the counts of all stored keys."""
        raise NotImplementedError

    def count_error(self, size: Size, counts: Counts) -> float:
        """Predicted error of a stored key's count; :attr:`count_quantity` says which error that is."""
        return self.count_rmse(size, counts)

    def stranger_count(self, size: Size, counts: Counts, chance: float) -> float:
        """Count that a key which never occurred reaches with that chance, as predicted."""
        raise NotImplementedError

    def inner_error(self, size: Size, counts: Counts) -> float:
        """Predicted rms error of the inner product of two such streams without common keys."""
        raise NotImplementedError

    #: Quantity of the frequency experiment: ``rmse`` of the counts or ``wrong counts`` (rate).
    count_quantity: ClassVar[str] = "rmse"

    def build(self, size: Size, seed: int, hashes: UInt64Array) -> Any:
        """The public object that holds these keys."""
        raise NotImplementedError


def combined_hashes(items: UInt64Array) -> UInt64Array:
    """One hash for each bound item, for structures that cannot bind: (F, T, n) to (T, n).

    The combination is not symmetric, so (a, b) and (b, a) are different items.
    """
    combined: UInt64Array = items[0]
    for factor in items[1:]:
        mixed = hash_keys(np.ascontiguousarray(combined).ravel(), threads=1).reshape(combined.shape)
        combined = mixed + factor  # wraps modulo 2**64
    return combined


def smallest(reached: Callable[[int], bool], least: int, limit: int = 1 << 50) -> int | None:
    """Smallest number of units from `least` on at which a falling error has reached its target.

    Parameters
    ----------
    reached : callable
        Whether that many units suffice. Errors of discrete scores fall in small waves, so a window below the
        first hit of the bisection is searched too.
    least : int
        Where to start.
    limit : int
        Where to give up.

    Returns
    -------
    int or None
        None if even `limit` units do not suffice.

    Examples
    --------
    >>> smallest(lambda units: units >= 1000, 2)
    1000
    """
    found = least_passing(reached, max(1, least), least - 1, limit)
    if found is None:
        return None
    return next((units for units in range(max(least, found - 16), found) if reached(units)), found)
