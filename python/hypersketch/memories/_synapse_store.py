# SPDX-License-Identifier: Apache-2.0
"""A binary matrix of synapses: parameters, files, looks, how pairs set them and how they are counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation
from hypersketch.memories import _unit_lists
from hypersketch.memories._changes import Change, Seedless, United, at_once, count_of, require_writable
from hypersketch.memories._unit_answers import Bools
from hypersketch.memories._unit_lists import Units

Words = NDArray[np.uint64]

DIM = _validation.within(1, 2**24)
_CHUNK = 1 << 22  # words or counters that are worked on at once


class SynapseStore(United, Seedless):
    """One bit a synapse, packed by input unit."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_in": DIM,
        "n_out": DIM,
        "active_in": DIM,
        "active_out": DIM,
    }
    _UNCOMPARED: ClassVar[frozenset[str]] = frozenset({"active_in", "active_out"})

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        for side in ("in", "out"):
            if parameters[f"active_{side}"] > parameters[f"n_{side}"]:
                must = f"at most n_{side} = {parameters[f'n_{side}']}"
                _validation.refuse(cls.__name__, f"active_{side}", must, parameters[f"active_{side}"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["n_in"] * _validation.words_for(parameters["n_out"]), np.uint64

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> SynapseStore:
        if _validation.has_tail(state.reshape(parameters["n_in"], -1), parameters["n_out"]):
            raise ValueError("its state sets bits beyond n_out.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, SynapseStore)
        return made

    @property
    def _rows(self) -> Words:
        rows: Words = self._state.reshape(self._values["n_in"], -1)
        return rows

    # ---- looks

    @property
    def matrix(self) -> Bools:
        """The synapses, shape (n_in, n_out), a copy.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(2, 3)
        >>> memory.store([[1]], [[0, 2]])
        >>> memory.matrix
        array([[False, False, False],
               [ True, False,  True]])
        """
        with self._lock:
            bits = np.unpackbits(
                self._rows.view(np.uint8), axis=1, count=self._values["n_out"], bitorder="little"
            )
        return bits.view(np.bool_)

    @property
    def density(self) -> float:
        """Share p1 of the synapses that are set; most is stored at 1/2.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(10)
        >>> memory.store([[1, 5]])
        >>> memory.density
        0.04
        """
        with self._lock:
            ones = _core.popcount(self._state)
        return float(ones / (self._values["n_in"] * self._values["n_out"]))

    @property
    def _auto(self) -> bool:
        return bool(self._values["n_in"] == self._values["n_out"])

    # ---- changes

    def _take(self, keys: Units, values: Units) -> None:
        """Set the synapses of pairs; after Ctrl-C those that are in are counted."""
        with self._lock:
            require_writable(self)
            width = self._rows.shape[1]
            step = max(1, _CHUNK // max(1, width * int(keys.numbers.max(initial=1))))
            for first in range(0, len(keys), step):
                last = min(first + step, len(keys))
                changes = self._set(keys.part(first, last), values.part(first, last))
                at_once(*changes, count_of(self, last - first))

    def _set(self, keys: Units, values: Units) -> list[Change]:
        """Return the OR of the outputs of all patterns that have an input unit with that unit's row."""
        if not keys.indices.size:
            return []
        order = np.argsort(keys.indices, kind="stable")
        units, starts = np.unique(keys.indices[order], return_index=True)
        rows = values.packed(self._values["n_out"])[keys.owners[order]]
        return [(self._rows, units, self._rows[units] | np.bitwise_or.reduceat(rows, starts, axis=0))]

    def _join(self, other: SynapseStore) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            require_writable(self)
            at_once((self._state, ..., self._state | other._state), count_of(self, other.n_added))

    # ---- answers

    def _sums(self, asked: Units, threads: int) -> NDArray[np.int32]:
        n_out = self._values["n_out"]
        step = max(1, _CHUNK // n_out)
        parts = [
            _unit_lists.counts(self._rows, asked.part(i, min(i + step, len(asked))), n_out, threads)
            for i in range(0, len(asked), step)
        ]
        return np.concatenate([np.empty((0, n_out), np.int32), *parts])
