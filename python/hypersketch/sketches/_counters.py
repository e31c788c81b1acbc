# SPDX-License-Identifier: Apache-2.0
"""The compiled loops over the counters of a counting Bloom filter, in host memory or on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _device_keys, _memory
from hypersketch._structure import chunks

Choice = Literal["sum", "largest", "smallest"]


class Shape(NamedTuple):
    """What the counters are."""

    n_cells: int
    counter_bits: int
    n_hashes: int
    seed: int


class Loops(NamedTuple):
    """Loops bound to everything but keys, weights and answers; no signal can interrupt one half-way.

    ``add`` and ``remove`` take keys and weights, the others keys and answers.
    """

    add: Callable[[Any, Any], None]
    remove: Callable[[Any, Any], None]
    test_and_add: Callable[[Any, Any], None]
    counts: Callable[[Any, Any], None]
    contains: Callable[[Any, Any], None]
    contains_packed: Callable[[Any, Any], None]


def loops(shape: Shape, state: _memory.State, saturated: NDArray[np.int64], threads: int) -> Loops:
    """Return the loops; those that add count in ``saturated[0]`` the counters that become full."""
    if _memory.on_gpu(state):
        return _on_gpu(shape, state, saturated, threads)
    count = partial(_core.counting_count, state, *shape, threads=threads)

    def contains(keys: Any, out: NDArray[np.bool_]) -> None:
        counts = np.empty(keys.size, np.int64)
        count(keys, counts)
        np.greater(counts, 0, out=out)

    return Loops(
        partial(_core.counting_add, state, *shape, saturated),
        partial(_core.counting_remove, state, *shape),
        partial(_core.counting_test_and_add, state, *shape, saturated),
        count,
        contains,
        _packing(contains),
    )


def _packing(contains: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return a loop that answers in bits, for keys of host memory."""

    def contains_packed(keys: Any, out: NDArray[np.uint8]) -> None:
        answers = np.empty(keys.size, np.bool_)
        contains(keys, answers)
        out[:] = np.packbits(answers, bitorder="little")

    return contains_packed


def _on_gpu(shape: Shape, state: _memory.State, saturated: NDArray[np.int64], threads: int) -> Loops:
    cuda, rule = _device.module(), _rule(shape)
    where = {"stream": _device.chosen_stream(), "threads": threads}

    def bound(function: Callable[..., Any], *more: Any) -> partial[Any]:
        return partial(function, state.memory, rule, *more, **where)

    contains = bound(cuda.counting_contains)
    of_host = _packing(contains)

    def contains_packed(keys: Any, out: Any) -> None:
        if isinstance(keys, np.ndarray):
            of_host(keys, out)
        else:
            cuda.counting_contains_packed(state.memory, rule, keys, out)

    return Loops(
        bound(cuda.counting_add, saturated),
        bound(cuda.counting_remove),
        bound(cuda.counting_test_and_add, saturated),
        bound(cuda.counting_count),
        contains,
        contains_packed,
    )


def _rule(shape: Shape) -> Any:
    return _device.module().CountingRule(*shape)


def pieces(shape: Shape, state: _memory.State, words: Any) -> Iterator[slice]:
    """Cut a batch of keys for the loops."""
    if _memory.on_gpu(state):
        return _device_keys.pieces(words)
    return chunks(words.size, shape.n_hashes)


def combining(
    choice: Choice, shape: Shape, state: _memory.State, other: _memory.State, saturated: NDArray[np.int64]
) -> _memory.Change:
    """Put the sum, or the larger or the smaller, of every two counters into the first state."""
    theirs = _memory.beside(state, other)
    if _memory.on_gpu(state):
        given = (state.memory, _rule(shape), saturated, choice, theirs.memory, _device.chosen_stream())
        return _device.module().counting_combine, given
    numbers = shape.n_cells, shape.counter_bits
    if choice == "sum":
        return _core.counting_merge, (state, *numbers, saturated, theirs)
    choose = np.maximum if choice == "largest" else np.minimum
    chosen: NDArray[Any] = choose(state, theirs)
    if shape.counter_bits == 4:  # two counters a byte, whose upper ones decided
        chosen = (chosen & 0xF0) | choose(state & 15, theirs & 15)
    return np.copyto, (state, chosen)


def product(shape: Shape, state: _memory.State, other: _memory.State) -> float:
    """Return the inner product, summed in one order wherever the counters lie."""
    numbers = shape.n_cells, shape.counter_bits
    return _core.counting_sums(_memory.host(state), _memory.host(other), *numbers)[0]


def look(shape: Shape, state: _memory.State, other: _memory.State) -> tuple[int, int]:
    """Return how many counters are above zero in either state, and how many are full in the first."""
    if _memory.on_gpu(state) and _memory.device_of(state) == _memory.device_of(other):
        given = state.memory, _rule(shape), other.memory, _device.chosen_stream()
        occupied, full = _device.module().counting_look(*given)
        return int(occupied), int(full)
    numbers = shape.n_cells, shape.counter_bits
    return _core.counting_sums(_memory.host(state), _memory.host(other), *numbers)[1:]
