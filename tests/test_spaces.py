# SPDX-License-Identifier: Apache-2.0
"""What all spaces have in common, whatever their vectors are."""

from __future__ import annotations

import dataclasses
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import vsa
from hypersketch.vsa import Hypervectors
from hypersketch.vsa.by_name import NAMES

names = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(params=NAMES)
def one(request: pytest.FixtureRequest) -> Any:
    options = {"modulus": 8} if request.param == "b-sbc" else {}  # 128 blocks
    return vsa.space(request.param, 1024, seed=7, **options)


@names
def test_a_name_stands_for_a_space(name: str) -> None:
    made = vsa.space(name, 256, seed=3)
    assert (made.dim, made.seed) == (256, 3)
    assert made == NAMES[name](256, 3)
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, NAMES[name](256, 3), NAMES[name](256, 4)}) == 2


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'name' parameter of space must be one of 'map-i'"):
        vsa.space("map", 100)
    for name, options in (("map-i", {"modulus": 3}), ("bsdc-s", {"variant": "seg"})):
        with pytest.raises(TypeError):
            vsa.space(name, 100, **options)


def test_atoms_depend_on_key_and_seed_alone(one: Any) -> None:
    rows = one.atoms(["a", "b", "c"])
    assert np.array_equal(rows, one.atoms(["a", "b", "c"], threads=3))
    assert np.array_equal(rows[1:2], one.atoms("b"))
    other = dataclasses.replace(one, seed=8)
    assert not np.array_equal(rows, other.atoms(["a", "b", "c"]))
    hashed = one.bundle()
    hashed.add_hashes(hypersketch.hash_keys(["a", "b", "c"]))
    assert hashed == one.bundle(["a", "b", "c"])


def test_a_bundle_is_closest_to_its_members(one: Any) -> None:
    scores = one.bundle(range(7)).similarity(range(100))
    assert set(np.argsort(-scores)[:7].tolist()) == set(range(7))


def test_a_record_gives_its_values_back(one: Any) -> None:
    record = one.bundle()
    record.add_pairs(["name", "capital", "currency"], ["France", "Paris", "euro"])
    if getattr(one, "variant", None) == "cdt":
        products = one.bind(one.atoms(["Paris", "France", "euro"]), one.atoms("capital"))
        scores = one.similarity(record.vector, products)
    else:
        found = one.unbind(record.vector, one.atoms("capital"))
        scores = one.similarity(found, one.atoms(["Paris", "France", "euro"]))
    assert scores.argmax() == 0


def test_binding_hides_both(one: Any) -> None:
    if getattr(one, "variant", None) == "cdt":
        pytest.skip("thinning keeps ones of both")
    a, b = one.atoms(["a", "b"])
    bound = one.bind(a, b)
    # A block code is alike in 1 of 8 blocks by chance, a sparse one in 1 of its 32 ones, both with a standard
    # deviation of about 0.03.
    chance = {vsa.SparseBlockCodes: 1 / 8, vsa.BSDC: 1 / 32}.get(type(one), 0.0)
    most = chance + 6 / np.sqrt(1024)
    for atom in (a, b):
        assert one.similarity(bound, atom)[0] < most


def test_every_vector_of_one_batch_meets_every_one_of_another(one: Any) -> None:
    a, b = one.atoms(range(5)), one.atoms(range(3, 10))
    scores = one.similarities(a, b)
    assert scores.shape == (5, 7)
    expected = np.stack([one.similarity(row, b) for row in a])
    if one.dtype.kind == "u":
        assert np.array_equal(scores, expected)
    else:
        # A sum of D products of float32: each rounding is below 2^-24 of the sum of magnitudes.
        assert np.abs(scores - expected).max() < one.dim * 2.0**-24
    assert one.similarities(a[:0], b).shape == (0, 7)
    assert one.similarities(a[0], b[0]).shape == (1, 1)


def test_many_bundles_are_made_at_once(one: Any) -> None:
    rows = one.atoms(range(9))
    weights = [3, 1, 2, 1, 1, 1, 5, 1, 2]
    made = one.superpose(rows, weights, starts=[0, 4, 5, 9])
    for vector, (start, end) in zip(made, [(0, 4), (4, 5), (5, 9)], strict=True):
        bag = one.bundle(range(start, end), weights[start:end])
        assert np.allclose(vector, bag.vector, atol=1e-6)
    assert np.array_equal(one.superpose(rows[2]), one.superpose(rows[2:3]))
    assert one.superpose(rows, starts=[3]).shape == (0, *one.superpose(rows).shape)
    for wrong in ({"starts": [0, 4, 4]}, {"starts": [0, 10]}, {"weights": [1, 2]}):
        with pytest.raises(ValueError, match="superpose"):
            one.superpose(rows, **wrong)
    with pytest.raises(ValueError, match="at least one vector"):
        one.superpose(rows[:0])


def test_a_space_says_what_its_vectors_are(one: Any) -> None:
    rows = one.atoms(range(3))
    assert (rows.dtype, rows.shape) == (one.dtype, (3, one.width))
    assert rows[0].nbytes == one.nbytes
    assert one.identity().shape == (one.width,)
    normal = one.normalize(rows)
    assert np.allclose(one.normalize(normal), normal, atol=1e-6)
    assert one.similarity(normal, rows).min() > 0.999


def test_states_open_again(one: Any) -> None:
    bag = one.bundle(range(20))
    assert hypersketch.from_bytes(bag.to_bytes()) == bag
    assert pickle.loads(pickle.dumps(bag)) == bag
    assert bag.space == one


# ---- many at once, and by entries

ASSOCIATIVE = (
    "map-i",
    "map-b",
    "map-c",
    "bsc",
    "hrr",
    "fhrr",
    "tvtb",
    "bsdc-seg",
    "b-sbc",
    "mcr",
    "cgr",
    "map-t",
)


def test_a_product_binds_from_the_first_on(one: Any) -> None:
    rows = one.atoms(range(7))
    made = one.product(rows, starts=[0, 3, 3, 4, 7])
    expected = [one.bind(one.bind(rows[0], rows[1]), rows[2]), one.identity(), rows[3]]
    expected.append(one.bind(one.bind(rows[4], rows[5]), rows[6]))
    assert np.allclose(made, expected, atol=1e-5)
    assert np.array_equal(one.product(rows[0]), rows[0])
    assert np.array_equal(one.product(rows[:0]), one.identity())
    with pytest.raises(ValueError, match="'starts' parameter"):
        one.product(rows, starts=[0, 8])


@names
def test_powers_are_products_where_binding_is_associative(name: str) -> None:
    space = vsa.space(name, 256, **({"modulus": 8} if name == "b-sbc" else {}))
    x = space.atoms("x")
    if name not in ASSOCIATIVE:
        with pytest.raises(ValueError, match="not associative"):
            space.power(x, 2)
        return
    for n in range(6):
        assert np.allclose(space.power(x, n)[0], space.product(np.repeat(x, n, axis=0)), atol=1e-4)
    assert np.allclose(space.power(x, -1), space.inverse(x), atol=1e-6)
    if name not in ("hrr", "fhrr"):
        with pytest.raises(TypeError, match="exponent"):
            space.power(x, 0.5)


def test_a_key_stands_for_an_order_of_entries(one: Any) -> None:
    rows = one.atoms(range(4))
    mixed = one.shuffle(rows, "left")
    assert np.allclose(one.shuffle(mixed, "left", inverse=True), rows, atol=1e-6)
    assert np.array_equal(one.shuffle(rows[0], "left"), mixed[0])
    assert not np.allclose(mixed, one.shuffle(rows, "right"), atol=1e-6)
    assert np.allclose(one.similarities(mixed, mixed), one.similarities(rows, rows), atol=1e-5)
    with pytest.raises(ValueError, match="single key"):
        one.shuffle(rows, ["left", "right"])


def test_entries_are_picked_from_one_of_the_vectors(one: Any) -> None:
    rows = one.atoms(range(3))
    picked = one.select(rows, "first", [1, 0, 3])
    entries, wanted = one._entries(rows), one._entries(picked)
    close = [np.isclose(wanted, row, atol=1e-5) for row in entries]
    assert (close[0] | close[2]).all()
    assert np.allclose(one.select(rows[1:2]), rows[1], atol=1e-5)
    if np.ptp(np.abs(entries)) < 1e-5 and one.dtype.kind != "u":  # phasors
        share = close[2].mean()
        assert abs(share - 0.75) < 6 * np.sqrt(0.75 * 0.25 / one.dim)
    for wrong in ([0, 0, 0], [1, -1, 0], [1, 2]):
        with pytest.raises(ValueError, match="weights"):
            one.select(rows, 0, wrong)
    with pytest.raises(ValueError, match="at least one vector"):
        one.select(rows[:0])


# ---- operators


def test_operators_are_the_verbs_of_the_space(one: Any) -> None:
    a, b = Hypervectors.of(one, ["a", "b"])
    x, y = one.atoms(["a", "b"])
    assert np.array_equal(np.asarray(a), x)
    assert np.array_equal(np.asarray(a * b), one.bind(x, y))
    assert np.array_equal(np.asarray(a << 3), one.permute(x, 3))
    assert (a << 3) >> 3 == a
    assert np.isclose(a @ b, one.similarity(x, y)[0], atol=1e-6)
    both = Hypervectors.of(one, ["a", "b"])
    assert np.allclose(both @ both, [one.similarity(row, one.atoms(["a", "b"])) for row in (x, y)], atol=1e-6)
    assert (both @ a).shape == (2,)
    assert len(both * a) == 2
    assert [vector == other for vector, other in zip(both, (a, b), strict=True)] == [True, True]
    assert both[1] == b
    if type(one).__name__ != "MBAT" and getattr(one, "variant", "seg") == "seg":
        assert ~a == Hypervectors(one, one.inverse(x))
        assert np.allclose(np.asarray(a * b * ~b), np.asarray(a * b / b), atol=1e-3)
    if getattr(one, "variant", None) != "cdt":
        assert np.array_equal(np.asarray((a * b) / b), one.unbind(one.bind(x, y), y))


def test_a_sum_is_a_bundle_of_two(one: Any) -> None:
    a, b = Hypervectors.of(one, ["a", "b"])
    total = a + b
    assert total @ a > 0.3
    assert total @ b > 0.3
    rows = Hypervectors.of(one, ["a", "c"]) + b
    assert rows[0] == total
    assert len(rows) == 2
    assert len(Hypervectors(one, np.asarray(rows)[:0]) + b) == 0


def test_sums_of_map_i_go_on_being_sums() -> None:
    a, b, c = Hypervectors.of(hypersketch.MapI(1000), ["a", "b", "c"])
    bag = hypersketch.MapI(1000).bundle(["a", "b", "c"])
    assert np.array_equal(np.asarray(a + b + c), bag.counters)
    assert np.array_equal(np.asarray(c + (a + b)), bag.counters)
    assert np.array_equal(np.asarray((a + b) * c), np.asarray(a * c + b * c))
    assert ((a + b + c) << 2) == (a << 2) + (b << 2) + (c << 2)


def test_vectors_of_different_spaces_do_not_mix() -> None:
    a = Hypervectors.of(vsa.HRR(64), "a")[0]
    for other in (Hypervectors.of(vsa.HRR(64, 1), "a")[0], Hypervectors.of(vsa.MapC(64), "a")[0]):
        for operate in (operator.mul, operator.add, operator.matmul, operator.truediv):
            with pytest.raises(TypeError, match="do not mix"):
                operate(a, other)
    for wrong in (np.zeros(64, np.float32), 2):
        with pytest.raises(TypeError, match="only go with"):
            a * wrong
    with pytest.raises(ValueError, match="shape"):
        Hypervectors(vsa.HRR(64), np.zeros(65, np.float32))
    with pytest.raises(TypeError, match="space"):
        Hypervectors("HRR", np.zeros(65, np.float32))  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        a[0]
    with pytest.raises(ValueError, match="3 vectors"):
        Hypervectors.of(vsa.HRR(64), [1, 2]) + Hypervectors.of(vsa.HRR(64), [1, 2, 3])


# ---- MAP-I: packed vectors and sums


def test_sums_and_packed_vectors_mix_in_map_i() -> None:
    space = hypersketch.MapI(1000)
    x, y = space.atoms(["x", "y"])
    total = space.superpose(space.atoms(range(5)), [1, 2, 3, 4, -5])
    signs = space.unpack(x)
    assert np.array_equal(space.bind(total, x), total * signs)
    assert np.array_equal(space.bind(x, total), space.bind(total, x))
    assert np.array_equal(space.unbind(space.bind(total, x), x), total)
    assert np.array_equal(space.bind(total, total), total**2)
    assert np.array_equal(space.permute(total, -3), np.roll(total, -3))
    assert space.similarity(total, x)[0] == total @ signs.astype(int) / 1000
    assert space.similarity(total, total)[0] == (total.astype(int) ** 2).sum() / 1000
    both = np.stack([total, 2 * total])
    by_rows = [(total @ space.unpack(one).astype(int)) / 1000 * k for one, k in ((x, 1), (y, 2))]
    assert np.array_equal(space.similarity(both, np.stack([x, y])), by_rows)
    assert np.array_equal(space.similarity(np.stack([x, y]), both), by_rows)
    table = (both.astype(int) @ space.unpack(np.stack([x, y])).astype(int).T) / 1000
    assert np.array_equal(space.similarities(both, np.stack([x, y])), table)
    assert np.array_equal(space.similarities(np.stack([x, y]), both), table.T)
    assert np.array_equal(space.normalize(total), space.bundle(range(5), [1, 2, 3, 4, -5])._signs())


def test_sums_that_are_none_are_refused() -> None:
    space = hypersketch.MapI(100)
    x = space.atoms("x")
    with pytest.raises(ValueError, match=r"\(99,\).*\(100,\)"):
        space.bind(np.zeros(99, np.int32), x)
    with pytest.raises(ValueError, match="turn round"):
        space.bind(np.full(100, -(2**31), np.int32), x)
    with pytest.raises(OverflowError, match="product"):
        space.bind(np.full(100, 2**20, np.int32), np.full(100, 2**20, np.int32))
    with pytest.raises(TypeError, match="'out'"):
        space.bind(np.zeros(100, np.int32), x, out=np.zeros((1, 2), np.uint64))
    with pytest.raises(TypeError, match="packed"):
        hypersketch.MapB(100).bind(np.zeros(100, np.int32), x)
    bag = space.bundle(["a"])
    before = bag.copy()
    with pytest.raises(OverflowError):
        bag.add_vectors(np.full((3, 100), 2**30, np.int32), [1, 1, 2])
    assert bag == before
    bag.add_vectors(np.full((2, 100), 7, np.int32), [1, -3])
    assert np.array_equal(bag.counters, before.counters - 14)
