# SPDX-License-Identifier: Apache-2.0
"""Binary weights to winner-take-all modules: parameters, files, looks, and how items get codes there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _memory, _validation, theory
from hypersketch.memories import _code_selection, _unit_lists
from hypersketch.memories._changes import (
    Change,
    United,
    at_once,
    call_at_once,
    count_of,
    require_writable,
)
from hypersketch.memories._code_answers import Bools, Codes, Doubles
from hypersketch.memories._unit_lists import Units
from hypersketch.vsa import _packed

Words = NDArray[np.uint64]

DIM = _validation.within(1, 2**20)
_CHUNK = 1 << 22  # counters that are worked on at once


def _share(owner: str, name: str, value: object) -> float:
    number = _validation.real(owner, name, value, "a float in [0, 1)")
    if not 0.0 <= number < 1.0:
        _validation.refuse(owner, name, "a float in [0, 1)", number)
    return number


class CodeStore(United):
    """Weights from inputs, and from the previous winners, a row of bits each."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_inputs": DIM,
        "n_modules": DIM,
        "n_units": DIM,
        "context": _validation.flag,
        "active": DIM,
        "floor": _share,
        "expansion": _validation.positive,
        "exponent": _validation.positive,
        "steepness": _validation.positive,
        "midpoint": _validation.real,
        "seed": _validation.seed,
    }
    _UNCOMPARED: ClassVar[frozenset[str]] = frozenset({"active"})

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if parameters["active"] > parameters["n_inputs"]:
            must = f"at most n_inputs = {parameters['n_inputs']}"
            _validation.refuse(cls.__name__, "active", must, parameters["active"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        n_code = parameters["n_modules"] * parameters["n_units"]
        rows = parameters["n_inputs"] + (n_code if parameters["context"] else 0)
        return rows * _validation.words_for(n_code), np.uint64

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> CodeStore:
        n_code = parameters["n_modules"] * parameters["n_units"]
        if _validation.has_tail(state.reshape(-1, _validation.words_for(n_code)), n_code):
            raise ValueError("its state sets bits beyond its units.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, CodeStore)
        return made

    # ---- looks

    @property
    def _n_code(self) -> int:
        return int(self._values["n_modules"] * self._values["n_units"])

    @property
    def _rows(self) -> tuple[Words, Words]:
        """Weights from inputs, and from the previous winners, a row each."""
        rows = self._state.reshape(-1, _validation.words_for(self._n_code))
        n = self._values["n_inputs"]
        return rows[:n], rows[n:]

    @property
    def _sigmoid(self) -> dict[str, float]:
        return {name: self._values[name] for name in theory.sparsey.SIGMOID}

    @property
    def density(self) -> float:
        """Share of the weights from inputs that are set.

        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(10, 4, 5)
        >>> memory.store([[1, 7]])
        >>> memory.density
        0.04
        """
        with self._lock:
            if _memory.on_gpu(self._state):
                ones = self._there().ones()
            else:
                ones = _core.popcount(np.ascontiguousarray(self._rows[0]).ravel())
            return float(ones / (self._values["n_inputs"] * self._n_code))

    def _there(self) -> Any:
        """Return the weights on a GPU, as calls see them."""
        from hypersketch.memories._gpu_codes import GpuCodes

        return GpuCodes(self._values, self._state)

    # ---- changes

    def _take(
        self, owner: str, patterns: Any, starts: Any
    ) -> tuple[Units, NDArray[np.int64], NDArray[np.float64]]:
        """Store items; return them, their codes, and how familiar each was before."""
        items = self._items(owner, "patterns", patterns)
        edges = self._edges(owner, starts, len(items))
        n, known = len(items), np.empty(len(items))
        codes = np.empty((n, self._values["n_modules"]), np.int64)
        with self._lock:
            require_writable(self)
            first = self.n_added
            for i in range(n):
                before = None if i in edges or not self._values["context"] else codes[i - 1]
                support = self._support(items.part(i, i + 1), before, 1)[0]
                uniforms = _code_selection.draws(self.seed, first + i, len(codes[i]))
                codes[i], known[i] = _code_selection.chosen(support, uniforms, self._sigmoid)
                self._learn(items.part(i, i + 1).indices, codes[i], before)
        return items, codes, known

    def _items(self, owner: str, name: str, patterns: Any) -> Units:
        host = _device.on_host(owner, name, patterns)
        items = _unit_lists.units(owner, name, host, self._values["n_inputs"])
        empty = np.flatnonzero(items.numbers == 0)
        if empty.size:
            raise ValueError(
                f"The {name!r} parameter of {owner} must have active inputs in each row. Got none in row "
                f"{int(empty[0])}."
            )
        return items

    def _edges(self, owner: str, starts: Any, n: int) -> frozenset[int]:
        """Return the items before which nothing came."""
        if starts is not None and not self._values["context"]:
            _validation.refuse(owner, "starts", "None for a memory without context", starts)
        edges = _validation.starts(owner, _device.on_host(owner, "starts", starts), n)
        if edges[0] != 0 or edges[-1] != n:
            _validation.refuse(owner, "starts", f"from 0 to {n}, so that each item is in a sequence", starts)
        return frozenset(edges.tolist())

    def _support(self, items: Units, before: Codes | None, threads: int) -> Doubles:
        """Return V of all units, shape (n, n_modules, n_units)."""
        shape = (-1, self._values["n_modules"], self._values["n_units"])
        if _memory.on_gpu(self._state):
            found = self._there().counts(items)
        else:
            weights = np.ascontiguousarray(self._rows[0])
            found = _unit_lists.counts(weights, items, self._n_code, threads)
        support: Doubles = (found / items.numbers[:, None]).reshape(shape)
        return support if before is None else support * self._expected(before).reshape(shape)

    def _expected(self, before: Codes) -> Doubles:
        """Return the share of the previous winners that each unit is connected with."""
        if _memory.on_gpu(self._state):
            there: Doubles = self._there().expected(before) / len(before)
            return there
        units = np.sort(self._places(before))
        asked = Units(np.array([0, units.size], np.int64), units)
        found = _unit_lists.counts(np.ascontiguousarray(self._rows[1]), asked, self._n_code, 1)
        return found / len(before)

    def _places(self, codes: Codes) -> Codes:
        """Return the places of winners among all units."""
        made: Codes = codes + np.arange(self._values["n_modules"]) * self._values["n_units"]
        return made

    def _learn(self, active: NDArray[np.int64], code: Codes, before: Codes | None) -> None:
        """Set the weights of an item to its winners, and count it."""
        if not _memory.on_gpu(self._state):
            at_once(*self._learnt(active, code, before), count_of(self, 1))
            return
        there = self._there()
        call_at_once(there.learning(active, code, before), count_of(self, 1))
        there.done()

    def _learnt(self, active: NDArray[np.int64], code: Codes, before: Codes | None) -> list[Change]:
        """Return the rows of weights that an item sets, with its winners."""
        row = self._code_rows(code[None])[0]
        inputs, context = self._rows
        changes: list[Change] = [(inputs, active, inputs[active] | row)]
        if before is not None:
            places = self._places(before)
            changes.append((context, places, context[places] | row))
        return changes

    def _code_rows(self, codes: Codes) -> Words:
        places = self._places(codes)
        starts = np.arange(0, places.size + 1, places.shape[1], dtype=np.int64)
        return Units(starts, places.ravel()).packed(self._n_code)

    def _join(self, other: CodeStore) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            require_writable(self)
            unite, states = _memory.combining(np.bitwise_or, self._state, other._state)
            call_at_once(partial(unite, *states), count_of(self, other.n_added))

    # ---- answers

    def _find(self, items: Units, threads: int) -> tuple[Codes, Doubles]:
        """Return codes and familiarity of items of which none has a context."""
        step = max(1, _CHUNK // self._n_code)
        codes = [np.empty((0, self._values["n_modules"]), np.int64)]
        known = [np.empty(0)]
        for i in range(0, len(items), step):
            support = self._support(items.part(i, min(i + step, len(items))), None, threads)
            codes.append(_code_selection.best(support))
            known.append(_code_selection.familiarity(support))
        return np.concatenate(codes), np.concatenate(known)

    def _follow(self, items: Units, edges: frozenset[int]) -> tuple[Codes, Doubles]:
        """Return codes and familiarity of items, each in the context of the code before."""
        n = len(items)
        codes, known = np.empty((n, self._values["n_modules"]), np.int64), np.empty(n)
        for i in range(n):
            support = self._support(items.part(i, i + 1), None if i in edges else codes[i - 1], 1)[0]
            codes[i], known[i] = _code_selection.best(support), _code_selection.familiarity(support)
        return codes, known

    def _inputs_of(self, codes: Codes, threads: int) -> Bools:
        """Return the inputs that are connected with all winners of each code."""
        weights = np.ascontiguousarray(self._rows[0])
        made = np.empty((len(codes), len(weights)), np.bool_)
        own, step = _packed.popcounts(weights), max(1, _CHUNK // len(weights))
        for i in range(0, len(codes), step):
            rows = self._code_rows(codes[i : i + step])
            distances = _packed.distances(rows, weights, self._n_code, threads)
            # |a xor b| = |a| + |b| - 2 |a and b|, and all winners are connected when |a and b| = |b|.
            made[i : i + step] = distances == own - codes.shape[1]
        return made
