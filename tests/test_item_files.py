# SPDX-License-Identifier: Apache-2.0
"""Item memories in files, pickles and copies, and put together."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import ItemMemory
from hypersketch.memories import _item_state
from item_makers import CODEBOOKS, SPACES, filled, noisy


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", SPACES)
def test_files(name: str, codebook: Any, tmp_path: Any) -> None:
    space, path = SPACES[name], tmp_path / "items.safetensors"
    made = ItemMemory(space, codebook=codebook)
    for keys in ([], [5, -7], [2**63], ["é", "a"], [b"x"]):
        made.add(keys)
        made.save(path)
        for again in (
            hypersketch.load(path),
            hypersketch.load(path, mmap=True),
            hypersketch.from_bytes(made.to_bytes()),
            made.copy(),
        ):
            assert again == made
            assert (again.space, again.codebook, again.nbytes) == (space, codebook, made.nbytes)
            assert again.keys.tolist() == made.keys.tolist()
            if len(made):
                probes = noisy(space, ["a", "b"])
                for mine, theirs in zip(made.search(probes, 2), again.search(probes, 2), strict=True):
                    assert np.array_equal(mine, theirs)
    mapped = hypersketch.load(path, mmap=True)
    for change in (lambda: mapped.add("y"), lambda: mapped.remove("a"), mapped.clear):
        with pytest.raises(ValueError, match=r"This ItemMemory is read-only"):
            change()
    twin = mapped.copy()
    twin.add("y")
    twin.remove("é")
    assert ("y" in twin, "y" in mapped, "é" in mapped) == (True, False, True)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_and_copies(protocol: int) -> None:
    made = filled(SPACES["FHRR"])
    for twin in (pickle.loads(pickle.dumps(made, protocol)), copy.copy(made), copy.deepcopy(made)):
        assert twin == made
        twin.add("z")
        twin.add("a", SPACES["FHRR"].atoms("z"))
        assert len(made) == 3
        assert np.array_equal(made.vectors, SPACES["FHRR"].atoms(["a", "b", "c"]))
        assert twin != made


@pytest.mark.parametrize("codebook", CODEBOOKS)
def test_merging(codebook: Any) -> None:
    space = SPACES["CGR"]
    one, other, both = (ItemMemory(space, codebook=codebook) for _ in range(3))
    one.add(["a", "b"])
    other.add([5])
    other.add(["c", "b", "é"])
    both.add(["a", "b"])
    both.add([5])
    both.add(["c", "é"])
    before = other.copy()
    one.merge(other)
    assert one == both
    assert other == before
    one.merge(one)
    assert one == both
    empty = ItemMemory(space, codebook=codebook)
    one.merge(empty)
    empty.merge(one)
    assert one == both
    assert empty == both


def test_merging_from_bytes() -> None:
    one, other, both = (ItemMemory(SPACES["FHRR"]) for _ in range(3))
    one.add(["a", "b"])
    other.add(["b", "c"])
    both.add(["a", "b", "c"])
    one.merge_from_bytes(other.to_bytes())
    assert one == both
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        one.merge_from_bytes(other.to_bytes()[:-1])
    with pytest.raises(ValueError, match=r"'space' parameter of both ItemMemory objects must be equal"):
        one.merge_from_bytes(filled().to_bytes())
    assert one == both


def test_merging_refuses_and_changes_nothing() -> None:
    space = SPACES["CGR"]
    one, other = filled(space), ItemMemory(space)
    other.add(["x", "b"], space.atoms(["x", "not b"]))
    before = one.copy()
    with pytest.raises(ValueError, match=r"The key 'b' has different vectors in the two memories"):
        one.merge(other)
    with pytest.raises(ValueError, match=r"'space' parameter of both ItemMemory objects must be equal"):
        one.merge(filled(SPACES["MapB"]))
    with pytest.raises(ValueError, match=r"'codebook' parameter of both ItemMemory objects must be equal"):
        one.merge(filled(space, "procedural"))
    with pytest.raises(TypeError, match=r"An? ItemMemory can only merge with another ItemMemory"):
        one.merge(space.bundle())  # type: ignore[arg-type]
    assert one == before


def test_shared_memory() -> None:
    made = filled(SPACES["HRR"])
    with made.share() as shared:
        seen = hypersketch.attach(shared.name)
        assert seen == made
        assert seen.search(made.vectors[1]).keys.tolist() == [["b"]]
        with pytest.raises(ValueError, match=r"cannot grow in shared memory"):
            hypersketch.attach(shared.name, writable=True)


def test_a_copy_of_a_mapped_file_is_looked_at(tmp_path: Any) -> None:
    path = tmp_path / "items.safetensors"
    filled(SPACES["CGR"]).save(path)
    data = bytearray(path.read_bytes())
    data[-1] = 255  # the upper byte of an integer below 5
    path.write_bytes(data)
    mapped = hypersketch.load(path, mmap=True)
    with pytest.raises(ValueError, match=r"integers in"):
        mapped.copy()


def damaged(made: ItemMemory, change: Any) -> bytes:
    """The bytes of a memory whose state was changed, with the checksum of what it is now."""
    state = made._state
    change(state)
    twin = made.copy()
    twin._items = _item_state.split(twin._parameters(), state)
    return twin.to_bytes()


def test_files_of_strangers() -> None:
    made = ItemMemory(SPACES["CGR"])
    made.add(["é", "b"])
    made.add([7])
    good = made._state

    def put(place: int, value: int) -> Any:
        return lambda state: state.__setitem__(place, value)

    changes = [
        (lambda state: state[8:16].__setitem__(slice(None), state[:8]), "there twice"),
        (put(64, 9), "unknown types"),
        (put(128, 200), "do not fit together"),
        (put(144, 2), "do not fit together"),
        (put(192, 65), "hashes of its keys are not theirs"),
        (put(256, 5), "integers in"),
    ]
    for change, reason in changes:
        with pytest.raises(ValueError, match=reason):
            hypersketch.from_bytes(damaged(made, change))
        with pytest.raises(ValueError, match=reason):
            made.merge_from_bytes(damaged(made, change))
    assert np.array_equal(good, made._state)
    data = made.to_bytes()
    for old, new in ((b'"n_items\\": 3', b'"n_items\\": 4'), (b"CGR", b"CGX"), (b'"any', b'"anx')):
        with pytest.raises(ValueError, match="cannot be loaded"):
            hypersketch.from_bytes(data.replace(old, new))
