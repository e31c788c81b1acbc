# SPDX-License-Identifier: Apache-2.0
"""Files of memories of real vectors that cannot be are refused, truncated ones too, and mapped ones open."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import _container

ROWS = np.random.default_rng(0).standard_normal((6, 4))


def outer() -> Any:
    memory = hypersketch.OuterProductMemory(4, rule="ridge")
    memory.store(ROWS, ROWS)
    return memory


def neighbours() -> Any:
    memory = hypersketch.NeighbourMemory(4, vocabulary=9, max_items=5)
    memory.store(ROWS, np.arange(6))
    return memory


def consolidated() -> Any:
    memory = hypersketch.ConsolidatedMemory(4, n_modes=3)
    memory.store(ROWS)
    return memory


def triples() -> Any:
    memory = hypersketch.TripleMemory(hypersketch.MapI(64))
    memory.store([("a", "p", "b"), ("b", "q", "c")])
    return memory


MAKERS: list[Callable[[], Any]] = [outer, neighbours, consolidated, triples]


def restored(memory: Any, state: Any = None, counts: Any = None, **parameters: Any) -> Any:
    """What a file with other contents would give."""
    kind = type(memory)
    given = kind._checked(**{**memory._parameters(), **parameters})
    held = memory._saved_counts() if counts is None else counts
    return kind._restore(given, held, np.array(memory._state) if state is None else state)


@pytest.mark.parametrize("maker", MAKERS)
def test_truncated_and_damaged_files(maker: Callable[[], Any]) -> None:
    content = maker().to_bytes()
    for length in (0, 9, len(content) // 2, len(content) - 1):
        with pytest.raises(ValueError, match="cannot be loaded"):
            hypersketch.from_bytes(content[:length])
    for place in range(9, len(content), max(1, len(content) // 97)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match="cannot be loaded"):
            hypersketch.from_bytes(damaged)


@pytest.mark.parametrize("maker", MAKERS)
def test_pickles_and_shared_memory(maker: Callable[[], Any]) -> None:
    memory = maker()
    assert pickle.loads(pickle.dumps(memory, protocol=5)) == memory
    with memory.share() as shared:
        assert hypersketch.attach(shared.name) == memory
    assert restored(memory) == memory


def counts_of(n_added: int) -> dict[str, int]:
    return {"n_added": n_added, "total_weight": 0, "trace": 0}


def nan_in(maker: Callable[[], Any], dtype: Any) -> Any:
    state = np.array(maker()._state)
    state.view(dtype)[-1 if maker is consolidated else 2] = np.nan
    return restored(maker(), state)


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: nan_in(outer, np.float64), "its matrix is not all finite"),
        (lambda: restored(outer(), ridge=-1.0), "'ridge' parameter of OuterProductMemory must be"),
        (lambda: nan_in(neighbours, np.float32), "keys and values are not all finite"),
        (lambda: restored(neighbours(), vocabulary=2), "tokens are not all of its vocabulary"),
        (lambda: restored(neighbours(), max_items=4), "'n_items' .* must be at most max_items"),
        (lambda: restored(neighbours(), counts=counts_of(2)), "more items than were ever stored"),
        (lambda: nan_in(consolidated, np.float32), "not what a memory can hold"),
        (lambda: restored(consolidated(), np.ones(144, np.uint8)), "not what a memory can hold"),
        (lambda: restored(consolidated(), counts=counts_of(1)), "not what a memory can hold"),
        (lambda: restored(triples(), counts={"bundle": {}}), "counts must be bundle, numbers, keys"),
        (lambda: restored(triples(), form="dense"), "'form' parameter of TripleMemory must be one of"),
    ],
)
def test_what_no_memory_can_hold_is_refused(attempt: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        attempt()


def test_mapped_files_are_not_read_when_they_open(tmp_path: Any) -> None:
    memory, path = neighbours(), tmp_path / "m.safetensors"
    memory.save(path)
    content = bytearray(path.read_bytes())
    start = len(content) - memory._state.nbytes
    content[start : start + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        hypersketch.load(path)
    mapped = hypersketch.load(path, mmap=True)
    assert len(mapped) == 5
    with pytest.raises(ValueError, match="keys and values are not all finite"):
        mapped.copy()


def test_the_names_are_known_to_files() -> None:
    names = {"OuterProductMemory", "NeighbourMemory", "ConsolidatedMemory", "TripleMemory"}
    assert names <= set(_container._KINDS)
