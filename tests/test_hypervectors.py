# SPDX-License-Identifier: Apache-2.0
"""Operators of vectors that know their space: the verbs of the space, in every space, and clear refusals."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

from hypersketch.vsa import CGR, FHRR, HRR, MBAT, MCR, Hypervectors, MapC, MapI
from structure_makers import SPACES

in_all = pytest.mark.parametrize("name", SPACES)


@in_all
def test_sums_and_differences_are_bundles(name: str) -> None:
    space = SPACES[name]
    a, b, c = rows = Hypervectors.of(space, ["a", "b", "c"])
    bag = space.bundle(["a", "b"])
    assert np.array_equal(np.asarray(a + b), bag.vector)
    bag = space.bundle(["a", "b"], weights=[1, -1])
    assert np.array_equal(np.asarray(a - b), bag.vector)
    assert np.array_equal(np.asarray(rows.bundle()), space.bundle(["a", "b", "c"]).vector)
    weighted = space.bundle(["a", "b", "c"], weights=[3, 1, 2]).vector
    assert np.array_equal(np.asarray(rows.bundle([3, 1, 2])), weighted)
    assert np.array_equal(np.asarray(rows[:1].bundle()), np.asarray(space.superpose(np.asarray(a))))
    assert (rows - c)[0] == a - c
    assert np.array_equal(np.asarray(-a), space.bundle(["a"], weights=[-1]).vector)
    assert (-rows)[1] == -b
    assert rows.normalize()[1] == b.normalize()


@in_all
def test_products_and_powers_are_those_of_the_space(name: str) -> None:
    space = SPACES[name]
    a, b, c = rows = Hypervectors.of(space, ["a", "b", "c"])
    assert rows.product() == a * b * c
    if name in ("VTB", "MBAT", "BSDC-CDT", "BSDC-S"):
        with pytest.raises(ValueError, match="associative"):
            a**2
        return
    assert np.array_equal(np.asarray(a**3), space.power(np.asarray(a), 3))
    assert np.array_equal(np.asarray(rows**0)[0], space.power(np.asarray(a), 0))
    if name.startswith(("HRR", "FHRR")):
        assert (a**0.5) @ a > 0.3
    else:
        with pytest.raises(TypeError, match="'exponent'"):
            a**0.5


@in_all
def test_values_go_through_copies_and_arrays(name: str) -> None:
    space = SPACES[name]
    rows = Hypervectors.of(space, ["a", "b", "c"])
    for twin in (pickle.loads(pickle.dumps(rows)), copy.copy(rows), copy.deepcopy(rows)):
        assert twin == rows
        assert twin.space == space
    array = np.asarray(rows)
    assert array.dtype == space.dtype
    assert np.shares_memory(array, np.asarray(Hypervectors(space, array)))
    assert not np.shares_memory(array, np.array(rows))
    assert rows[[2, 0]] == Hypervectors.of(space, ["c", "a"])
    assert rows[np.array([True, False, True])] == Hypervectors.of(space, ["a", "c"])
    assert rows[1:][0] == rows[1] == rows[-2]
    assert len(rows[:0]) == 0
    assert [bool(one == other) for one in rows for other in rows] == np.eye(3, dtype=bool).ravel().tolist()
    assert (rows[:0] @ rows).shape == (0, 3)
    assert (rows != 1) is True


@pytest.mark.parametrize(
    ("space", "dtype"),
    [(HRR(50), np.float64), (MapC(50), np.float64), (FHRR(50), np.complex128), (CGR(50), np.int64)],
)
def test_arrays_of_other_types_become_the_space_s(space: Any, dtype: Any) -> None:
    rows = space.atoms(["a", "b"])
    wide = Hypervectors(space, rows.astype(dtype))
    assert np.asarray(wide).dtype == space.dtype
    assert wide == Hypervectors(space, rows)
    assert wide[0] + Hypervectors(space, rows)[1] == wide[0] + wide[1]


def test_sums_of_map_i_have_no_end() -> None:
    a, b, c = Hypervectors.of(MapI(100), ["a", "b", "c"])
    assert (a + b + c) - c == a + b
    assert np.asarray(a + a + a).tolist() == (3 * MapI(100).unpack(np.asarray(a)).astype(int)).tolist()
    assert float((a + a + b) @ a) == pytest.approx(2 + float(b @ a))
    assert ((a + b) << 3) - (b << 3) == (a << 3) + a - a
    assert (a + b).normalize().space == MapI(100)
    assert np.asarray((a + b).normalize()).dtype == np.uint64


def test_what_does_not_go_together() -> None:
    a, b = rows = Hypervectors.of(HRR(64), ["a", "b"])
    operations = (operator.mul, operator.truediv, operator.add, operator.sub, operator.matmul)
    for operate in operations:
        for other in (Hypervectors.of(HRR(64, seed=1), "a"), Hypervectors.of(MCR(64), "a")):
            with pytest.raises(TypeError, match=r"^Vectors of different spaces do not mix: HRR\(.*\) and "):
                operate(a, other)
        for other in (1, 2.5, "a", None, np.asarray(a), [a]):
            with pytest.raises(TypeError, match=r"only go with Hypervectors. Got an? |unsupported operand"):
                operate(a, other)
            with pytest.raises(TypeError):
                operate(other, a)
    for shift in (1.5, "1", None, a):
        with pytest.raises(TypeError, match="'shift'"):
            a << shift
        with pytest.raises(TypeError, match="'shift'"):
            a >> shift
    with pytest.raises(ValueError, match="2 vectors but the second has 3"):
        rows - Hypervectors.of(HRR(64), [1, 2, 3])
    with pytest.raises(ValueError, match="has no vectors that undo"):
        ~Hypervectors.of(MBAT(64), "a")
    with pytest.raises(ValueError, match="weights"):
        rows.bundle([1, 2, 3])
    with pytest.raises(ValueError, match="at least one vector"):
        rows[:0].bundle()
    for bad in (np.full(64, np.nan, np.float32), np.full(64, np.inf)):
        with pytest.raises(ValueError, match="finite"):
            Hypervectors(HRR(64), bad)
    for bad in (np.zeros((2, 3, 64)), np.float32(1), np.zeros(63)):
        with pytest.raises((TypeError, ValueError)):
            Hypervectors(HRR(64), bad)
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    with pytest.raises(TypeError, match="no length"):
        len(a)
    with pytest.raises(TypeError, match="no length"):
        list(b)
