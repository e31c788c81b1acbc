# SPDX-License-Identifier: Apache-2.0
"""Item memories: what a dictionary and a sort of all similarities say, in every space."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypersketch import ItemMemory, vsa
from item_makers import CODEBOOKS, SPACES, filled, noisy
from reference_items import ItemReference


def check(memory: ItemMemory, expected: ItemReference, probes: Any, k: int) -> None:
    """Compare k best items, and all above the similarity of the middle one."""
    found = memory.search(probes, k)
    assert found.keys.shape == found.similarities.shape == found.indices.shape == (len(probes), k)
    for i, probe in enumerate(probes):
        ranked = expected.ranked(probe)
        scores, places, keys = (list(column) for column in zip(*ranked, strict=True))
        assert found.indices[i].tolist() == places[:k]
        assert found.keys[i].tolist() == keys[:k]
        np.testing.assert_allclose(found.similarities[i], scores[:k], rtol=0, atol=1e-13)
        below = [score for score in scores if score < scores[len(scores) // 2] - 1e-9]
        limit = (scores[len(scores) // 2] + (below or [-2.0])[0]) / 2  # no similarity
        n = sum(score >= limit for score in scores)
        near = memory.range_search(probe, limit)
        assert (near.starts.tolist(), near.indices.tolist()) == ([0, n], places[:n])
        assert near.keys.tolist() == keys[:n]


# ---- answers


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", SPACES)
def test_search_is_a_sort_of_all_similarities(name: str, codebook: Any) -> None:
    space, keys = SPACES[name], [f"key {i}" for i in range(23)]
    memory, expected = ItemMemory(space, codebook=codebook), ItemReference(space)
    memory.add(keys)
    expected.add(keys, space.atoms(keys))
    probes = noisy(space, keys[:5])
    for k in (1, 7, 23):
        check(memory, expected, probes, k)


@pytest.mark.parametrize("name", SPACES)
def test_equally_alike_items_come_as_they_were_added(name: str) -> None:
    space = SPACES[name]
    memory, expected = ItemMemory(space), ItemReference(space)
    rows = space.atoms([1, 2, 1, 3, 1, 2, 2, 1])
    memory.add(range(8), rows)
    expected.add(range(8), rows)
    for k in (1, 3, 8):
        check(memory, expected, noisy(space, [1, 2, 9]), k)
    assert memory.search(space.atoms(1), 4).indices.tolist() == [[0, 2, 4, 7]]


@pytest.mark.parametrize("space", [vsa.CGR(3, modulus=2), vsa.BSDC(16), vsa.MapI(8), vsa.HRR(2)], ids=repr)
def test_many_equally_alike_items(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import hypersketch.memories._ranking as ranking

    memory = ItemMemory(space)
    rows = space.atoms(np.arange(3000) % 50)
    memory.add(range(3000), rows)
    probes = space.superpose(space.atoms(range(100, 130)), starts=np.arange(0, 31, 3))
    scores = np.stack([space.similarity(probe, rows) for probe in probes])
    scores[:] = scores[:, np.arange(3000) % 50]  # of equal rows one figure, whatever is rounded
    order = np.argsort(-scores, axis=1, kind="stable")
    for block in (1 << 20, 5000):
        monkeypatch.setattr(ranking, "_BLOCK_SCORES", block)
        for k in (1, 2, 70, 700):
            assert np.array_equal(memory.search(probes, k).indices, order[:, :k])


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", ["MapI", "MapB", "FHRR", "HRR, spectral", "BSDC", "CGR"])
def test_blocks_and_threads_change_nothing(name: str, codebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import hypersketch.memories._ranking as ranking

    space = SPACES[name]
    memory = ItemMemory(space, codebook=codebook)
    memory.add(range(300))
    if codebook == "stored":
        memory.add(range(300, 400), space.atoms(np.arange(100) % 7))  # with many equal ones
    probes = noisy(space, list(range(30)))
    limits = np.linspace(0.0, 0.3, 30)
    whole, near = memory.search(probes, 9), memory.range_search(probes, limits)
    monkeypatch.setattr(ranking, "_BLOCK_SCORES", 64)
    monkeypatch.setattr(ranking, "_BLOCK_BYTES", 5 * space.nbytes)
    monkeypatch.setattr(ranking, "_MOST_PROBES", 8)
    for threads in (1, 3):
        for one, other in zip(memory.search(probes, 9, threads=threads), whole, strict=True):
            assert np.array_equal(one, other)
        for one, other in zip(memory.range_search(probes, limits, threads=threads), near, strict=True):
            assert np.array_equal(one, other)


def test_sums_of_map_i_are_probes() -> None:
    space = vsa.MapI(1000)
    memory = ItemMemory(space)
    memory.add(["a", "b", "c"])
    total = space.superpose(space.atoms(["c", "a"]), weights=[3, 1])
    found = memory.search(total, 2)
    assert found.keys.tolist() == [["c", "a"]]
    assert found.similarities.round().tolist() == [[3.0, 1.0]]
    assert np.array_equal(found.similarities[0], space.similarity(total, memory.vector(["c", "a"])))
    assert memory.range_search(total, 2.0).keys.tolist() == ["c"]
    assert np.array_equal(memory.cleanup(total), space.atoms("c")[0])
    assert np.array_equal(memory.cleanup(np.stack([total, -total]), 0.5), [space.atoms("c")[0], [0] * 16])


@pytest.mark.parametrize("name", SPACES)
def test_cleanup(name: str) -> None:
    space = SPACES[name]
    memory = ItemMemory(space)
    memory.add(["x", "y", "z"])
    asked = space.atoms(["z", "x"])
    assert np.array_equal(memory.cleanup(asked), asked)
    assert np.array_equal(memory.cleanup(asked[0]), asked[0])
    assert np.array_equal(memory.cleanup(asked, np.array([0.5, 2.0])), [asked[0], 0 * asked[1]])
    assert memory.cleanup(asked[:0]).shape == (0, space.width)


@pytest.mark.parametrize("name", SPACES)
def test_probes_in_all_their_forms(name: str) -> None:
    space = SPACES[name]
    memory = ItemMemory(space)
    memory.add(["x", "y", "z"])
    bag = space.bundle(["y"])
    for probe in (bag, bag.vector, vsa.Hypervectors.of(space, "y"), space.atoms("y")[0]):
        assert memory.search(probe).keys.tolist() == [["y"]]
    assert memory.search(space.atoms([]), 2).keys.shape == (0, 2)
    assert memory.range_search(space.atoms([]), 0.5).starts.tolist() == [0]


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_real_vectors_of_any_length(size: float) -> None:
    """Whose squares single precision does not hold."""
    space = vsa.HRR(50)
    rows = space.atoms(range(40))
    plain, scaled = ItemMemory(space), ItemMemory(space)
    plain.add(range(40), rows)
    sizes = np.where(np.arange(40) % 3, size, 1.0)[:, np.newaxis]
    scaled.add(range(40), (rows * sizes).astype(np.float32))
    scaled.add("nothing", np.zeros(50, np.float32))
    probes = space.atoms(range(100, 110))
    best = plain.search(probes, 5)
    assert np.array_equal(scaled.search(probes, 5).indices, best.indices)
    assert np.array_equal(scaled.search(probes * np.float32(size), 5).indices, best.indices)


# ---- keys


def test_keys_come_back_as_they_were() -> None:
    memory = ItemMemory(vsa.MapB(64))
    given = ["a", "é", "", b"bytes\0", -5, 2**63 - 1, 2**63, 2**64 - 2, 0]
    for key in given:
        memory.add(key)
    assert memory.keys.tolist() == given
    assert [type(key) for key in memory.keys] == [type(key) for key in given]
    found = memory.search(memory.vectors, 2)
    assert found.keys[:, 0].tolist() == given
    memory.remove(["é", ""])
    memory.remove(b"bytes\0")
    assert memory.keys.tolist() == [given[0], *given[4:]]
    memory.remove("a")
    memory.remove(np.array([2**63, 2**64 - 2], np.uint64))
    assert memory.keys.dtype == np.int64
    assert memory.keys.tolist() == [-5, 2**63 - 1, 0]


@pytest.mark.parametrize(
    "keys",
    [
        [3, 1, 2],
        np.array([3, 1, 2], np.int8),
        np.array([3, 1, 2], np.uint64),
        range(3),
        ("x", "y"),
        np.array(["x", "yy"]),
        np.array([b"x", b"yy"]),
        np.array(["x", "yy"], object),
        {"only": 1},
        (i for i in (5, 6)),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_batches_of_keys(keys: Any) -> None:
    memory = ItemMemory(vsa.MapB(64))
    listed = list(keys) if not isinstance(keys, np.ndarray) else keys.tolist()
    memory.add(iter(listed) if hasattr(keys, "send") else keys)
    assert memory.keys.tolist() == listed
    assert memory.contains(listed).all()


def test_columns_of_other_libraries() -> None:
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    for column in (polars.Series(["a", "b"]), pandas.Series(["a", "b"]), polars.Series([b"a", b"b"])):
        memory = ItemMemory(vsa.MapB(64))
        memory.add(column)
        assert memory.keys.tolist() == list(column)


def test_batch_after_batch() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    memory = ItemMemory(vsa.MapB(64))
    memory.update([["a", "b"], ["b", "c"], range(3)])
    assert memory.keys.tolist() == ["a", "b", "c", 0, 1, 2]
    table = pyarrow.table({"name": ["x", None, "y"], "number": [7, 8, None]})
    memory.update(table, column="name", nulls="skip")
    memory.update([table], column="number", nulls="skip")
    memory.update([[b"z", None], np.array(["w", None], object), [None]], nulls="skip")
    assert memory.keys.tolist() == ["a", "b", "c", 0, 1, 2, "x", "y", 7, 8, b"z", "w"]
    with pytest.raises(TypeError, match=r"Got NoneType"):
        memory.update([["q"], [None]])
    assert memory.keys[-1] == "q"  # earlier batches are in


def test_adding_a_key_again_replaces_its_vector_in_its_place() -> None:
    space = vsa.FHRR(20)
    memory = ItemMemory(space)
    memory.add(["a", "b"])
    rows = space.atoms(["p", "q", "r", "s"])
    memory.search(rows)  # which prepares lengths
    memory.add(["c", "a", "c", "d"], 2 * rows)
    assert memory.keys.tolist() == ["a", "b", "c", "d"]
    assert np.array_equal(memory.vectors, [2 * rows[1], space.atoms("b")[0], 2 * rows[2], 2 * rows[3]])
    assert memory.search(rows[1]).keys.tolist() == [["a"]]
    memory.add("a")
    assert np.array_equal(memory.vector("a"), space.atoms("a"))


@given(st.data())
def test_a_memory_is_a_dictionary(data: st.DataObject) -> None:
    space = SPACES[data.draw(st.sampled_from(["MapB", "HRR", "CGR", "BSDC"]))]
    memory, expected = ItemMemory(space), ItemReference(space)
    names = st.lists(st.sampled_from("abcdefghij"), max_size=6)
    for _ in range(data.draw(st.integers(1, 6))):
        keys = data.draw(names)
        if data.draw(st.booleans()):
            rows = space.atoms([f"vector {data.draw(st.integers(0, 3))}" for _ in keys])
            memory.add(keys, rows)
            expected.add(keys, rows)
        else:
            here = [key for key in keys if key in expected.items]
            memory.remove(here)
            expected.remove(here)
    assert memory.keys.tolist() == list(expected.items)
    assert memory.contains(list("abcdefghijk")).tolist() == [key in expected.items for key in "abcdefghijk"]
    if expected.items:
        assert np.array_equal(memory.vectors, list(expected.items.values()))
        check(memory, expected, noisy(space, ["a", "b"]), data.draw(st.integers(1, len(memory))))


def test_many_single_additions() -> None:
    memory, n = ItemMemory(vsa.MapB(64), codebook="procedural"), 700
    for key in range(n):
        memory.add(key * key)
    assert np.array_equal(memory.keys, np.arange(n) ** 2)
    assert memory.contains(np.arange(n) ** 2).all()
    assert not memory.contains([2, 3, 5]).any()
    assert memory.nbytes == 8 * n
    for key in range(0, n, 3):
        memory.remove(key * key)
        memory.add(-1 - key)
    kept = [key * key for key in range(n) if key % 3] + [-1 - key for key in range(0, n, 3)]
    assert memory.keys.tolist() == kept
    assert memory.contains(kept).all()
    assert not memory.contains(np.arange(0, n, 3) ** 2).any()


def test_queries_beside_changes() -> None:
    """A query sees the items of one moment: keys and vectors that belong together."""
    space = vsa.MapB(256)
    memory = ItemMemory(space)
    memory.add(range(50))
    done, wrong = threading.Event(), []

    def query() -> None:
        while not done.is_set():
            found = memory.search(space.atoms(range(50)), 1, threads=1)
            if found.keys[:, 0].tolist() != list(range(50)) or (found.similarities != 1).any():
                wrong.append(found)

    threads = [threading.Thread(target=query) for _ in range(2)]
    for thread in threads:
        thread.start()
    for first in range(100, 2000, 100):
        memory.add(range(first, first + 100))
        memory.remove(range(first, first + 50))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(memory) == 50 + 19 * 50


def test_what_was_taken_stays() -> None:
    """Views and answers of before a change do not change with it."""
    memory = ItemMemory(vsa.MapB(640))
    memory.add(range(5))
    before, copy = memory.vectors, memory.vectors.copy()
    memory.add(range(5, 5000))
    memory.remove(range(2500))
    assert np.array_equal(before, copy)
    assert np.array_equal(memory.vectors, memory.space.atoms(range(2500, 5000)))
    with pytest.raises(ValueError, match=r"read-only"):
        memory.vectors[0] = 0


# ---- bad input


def test_constructor_refuses() -> None:
    with pytest.raises(TypeError, match=r"'space' parameter of ItemMemory must be a space of"):
        ItemMemory("MapB")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'codebook' parameter of ItemMemory must be one of 'stored', "):
        ItemMemory(SPACES["MapB"], codebook="cheap")  # type: ignore[arg-type]


def test_searches_refuse() -> None:
    memory, atoms = filled(), SPACES["MapB"].atoms(["a"])
    for k in (0, 4, -1):
        with pytest.raises(ValueError, match=rf"\[1, 3\], the number of items. Got {k} instead"):
            memory.search(atoms, k)
    for k in (1.0, None, True, "1"):
        with pytest.raises(TypeError, match=r"'k' parameter of ItemMemory.search must be an integer"):
            memory.search(atoms, k)  # type: ignore[arg-type]
    empty = ItemMemory(SPACES["MapB"])
    for query in (empty.search, empty.cleanup, lambda probes: empty.range_search(probes, 0.5)):
        with pytest.raises(ValueError, match=r"needs items, but this ItemMemory is empty"):
            query(atoms)
    for limit in (float("nan"), np.array([0.1, 0.2]), np.array([np.inf])):
        with pytest.raises(ValueError, match=r"'threshold' parameter of ItemMemory.range_search"):
            memory.range_search(atoms, limit)
    for limit in ("high", None, np.array(["x"])):
        with pytest.raises(TypeError, match=r"'threshold' parameter of ItemMemory.range_search"):
            memory.range_search(atoms, limit)


@pytest.mark.parametrize("name", SPACES)
def test_vectors_of_other_spaces_and_dimensions_are_refused(name: str) -> None:
    space = SPACES[name]
    memory = filled(space)
    other = dataclasses.replace(space, seed=5)
    for stranger in (vsa.Hypervectors.of(other, "a"), other.bundle(["a"])):
        with pytest.raises(TypeError, match=r"do not go into ItemMemory.search, whose vectors are of"):
            memory.search(stranger)
        with pytest.raises(TypeError, match=r"do not go into ItemMemory.add, whose vectors are of"):
            memory.add("x", stranger)
    rows = np.zeros((2, space.width + 1), space.dtype)
    wanted = rf"\(2, {space.width + 1}\) but ItemMemory.search .* needs \({space.width},\) or"
    with pytest.raises(ValueError, match=wanted):
        memory.search(rows)
    with pytest.raises(ValueError, match=r"hypervectors has the shape"):
        memory.add(["x", "y"], rows)
    with pytest.raises(TypeError, match=r"'probes' parameter of ItemMemory.search"):
        memory.search([[0] * space.width])
    with pytest.raises(TypeError, match=r"'probes' parameter of ItemMemory.search"):
        memory.search(np.array([["a"] * space.width]))
    assert memory.keys.tolist() == ["a", "b", "c"]


def test_numbers_that_are_none_are_refused() -> None:
    memory = filled(SPACES["FHRR"])
    rows = SPACES["FHRR"].atoms(["x"])
    for bad in (np.nan, np.inf):
        rows[0, 3] = bad
        for call in (memory.search, memory.cleanup, lambda probes: memory.add("x", probes)):
            with pytest.raises(ValueError, match=r"finite numbers of complex64. Got 'NaN or infinity"):
                call(rows)
    with pytest.raises(ValueError, match=r"finite numbers of float32"):
        filled(SPACES["HRR"]).search(np.full(32, 1e300))
    with pytest.raises(ValueError, match=r"integers in"):
        filled(SPACES["CGR"]).search(np.full(19, 5))
    with pytest.raises(ValueError, match=r"bits beyond"):
        filled().search(np.full(2, 2**64 - 1, np.uint64))


def test_changes_refuse_and_change_nothing() -> None:
    memory, rows = filled(), SPACES["MapB"].atoms(["x", "y"])
    before = memory.copy()
    with pytest.raises(ValueError, match=r"keys has 3 elements but hypervectors has 2 rows"):
        memory.add([1, 2, 3], rows)
    with pytest.raises(TypeError, match=r"Keys of one batch must be of one type"):
        memory.add([1, "a"])
    with pytest.raises(TypeError, match=r"A key must be an int, str or bytes"):
        memory.add([1.5, 2.5])
    with pytest.raises(KeyError, match=r"There is no key 'y' in this ItemMemory"):
        memory.remove(["a", "y"])
    with pytest.raises(KeyError, match=r"There is no key 7 in this ItemMemory"):
        memory.vector(7)
    with pytest.raises(TypeError, match=r"one int, str or bytes"):
        ["a", "b"] in memory  # noqa: B015
    assert memory == before
    memory.add([])
    memory.remove([])
    assert memory == before
    with pytest.raises(TypeError, match=r"'hypervectors' parameter of ItemMemory.add must be None with"):
        filled(codebook="procedural").add(["x", "y"], rows)
    with pytest.raises(TypeError, match=r"must be packed vectors, which space.normalize makes of sums"):
        filled(SPACES["MapI"]).add("x", SPACES["MapI"].bundle(["x"]))
