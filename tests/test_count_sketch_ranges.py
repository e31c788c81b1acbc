# SPDX-License-Identifier: Apache-2.0
"""Count sketches: cells that never wrap, exact totals, and weights that are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hypersketch
import reference
from hypersketch import CountSketch, _core, _structure
from makers import MAKERS, SETS, state
from sketch_makers import CLASSES, MOST, cells, hashes_of, same_bytes


def sign_of(key: int) -> int:
    return int(reference.row_places(1, 1, 0, reference.hash_keys([key]))[1][0, 0])


def signed_key(sign: int) -> int:
    return next(key for key in range(99) if sign_of(key) == sign)


@pytest.mark.parametrize(("dtype", "most"), [("int32", MOST), ("int64", 2**63 - 1)])
def test_integers_never_wrap(dtype: Any, most: int) -> None:
    up, down = signed_key(1), signed_key(-1)
    sketch = CountSketch(1, 1, dtype=dtype)
    sketch.add([up], [most - 5])
    sketch.add([up] * 3)
    sketch.add([up, down, up, down], [2, 1, 1, 7])  # reaches the largest value on the way, and comes back
    assert state(sketch).tolist() == [most - 7]
    before = sketch.copy()
    for keys, weights in (
        ([up], [8]),
        ([down, up, down], [1, 9, 5]),  # would leave on the way and come back
        ([down, down, down], [most, most, 1]),
        ([up] * 10, None),
    ):
        with pytest.raises(OverflowError, match=f"cell of this CountSketch would leave the range of {dtype}"):
            sketch.add(keys, weights)
        assert same_bytes(sketch, before)
    sketch.add([up], [7])
    sketch.add([down, down], [most, most])
    assert state(sketch).tolist() == [-most]
    with pytest.raises(OverflowError):
        sketch.add([down])
    with pytest.raises(OverflowError):
        sketch.merge(sketch)
    with pytest.raises(OverflowError):
        before.subtract(sketch)
    assert state(sketch).tolist() == [-most]
    sketch -= sketch
    assert state(sketch).tolist() == [0]


def test_exact_totals_of_huge_weights() -> None:
    sketch = CountSketch(64, 1)
    weights = np.array([2**63 - 1, -(2**62), 2**63 - 1, 3])
    sketch.add([1, 2, 3, 4], weights)
    assert sketch.total_weight == 2 * (2**63 - 1) - 2**62 + 3


def test_totals_beyond_64_bits_survive_a_file(tmp_path: Any) -> None:
    sketch = CountSketch(10**4, 1)
    sketch.add(range(5), [2**63 - 1] * 5)
    sketch.save(tmp_path / "s")
    loaded = hypersketch.load(tmp_path / "s")
    assert same_bytes(loaded, sketch)
    assert loaded.total_weight == 5 * (2**63 - 1)
    loaded.add(range(5), [-1] * 5)
    with pytest.raises(OverflowError):
        loaded.add(range(5), [2**62] * 5)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_batch_of_several_pieces_is_still_all_or_nothing(
    kind: Any, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255)
    sketch = kind(100, 3, dtype="int32")
    sketch.add(range(1000), threads=threads)
    before = sketch.copy()
    weights = np.ones(1000, np.int64)
    weights[[300, 990]] = MOST, MOST
    with pytest.raises(OverflowError):
        sketch.add(range(1000), weights, threads=threads)
    assert same_bytes(sketch, before)
    weights[:] = 2**21  # the sum could leave the range, but no cell does
    sketch.add(range(1000), weights, threads=threads)
    assert sketch.total_weight == 1000 + 1000 * 2**21
    assert np.array_equal(cells(sketch), cells(before) * (2**21 + 1))


def test_merging_looks_at_every_cell() -> None:
    a, b = (CountSketch(2, 1, dtype="int32") for _ in range(2))
    keys = {int(reference.row_places(2, 1, 0, reference.hash_keys([key]))[0][0, 0]): key for key in range(9)}
    a.add([keys[0]], [MOST])
    b.add([keys[1]], [MOST])
    a.merge(b)  # different cells: allowed
    assert np.abs(state(a)).tolist() == [MOST, MOST]
    before = a.copy()
    with pytest.raises(OverflowError, match="magnitudes up to 2147483647"):
        a.merge(b)
    assert same_bytes(a, before)


@pytest.mark.parametrize(("dtype", "most"), [("float32", 3.4e38), ("float64", 1.79e308)])
def test_floats_stay_finite(dtype: Any, most: float) -> None:
    up = signed_key(1)
    sketch = CountSketch(1, 1, dtype=dtype)
    sketch.add([up], [most])
    before = sketch.copy()
    with pytest.raises(OverflowError, match=f"range of {dtype}"):
        sketch.add([up], [most])
    with pytest.raises(OverflowError):
        sketch.merge(before)
    for weight in (math.nan, math.inf, -math.inf, 3.5e38 if dtype == "float32" else math.inf):
        with pytest.raises(ValueError, match=f"'weights' .* must be finite numbers of {dtype}. Got"):
            sketch.add([1, up], [1.0, weight])
    assert same_bytes(sketch, before)
    sketch.add([up], [-most])
    assert state(sketch).tolist() == [0.0]


def test_bad_weights() -> None:
    for sketch, text in (
        (CountSketch(9, 3), "must be integers"),
        (CountSketch(9, 3, dtype="float32"), "real"),
    ):
        for weights, error in (
            (["a", "b"], TypeError),
            ([1, 2, 3], ValueError),
            ([[1, 2]], ValueError),
            ([True, False], TypeError),
            ([None, 1], TypeError),
            (3, ValueError),
        ):
            with pytest.raises(error, match="weights"):
                sketch.add(["x", "y"], weights)
        with pytest.raises(TypeError, match=text):
            sketch.add(["x"], [1j])
        assert sketch.n_added == 0
        assert not state(sketch).any()
    with pytest.raises(TypeError, match=r"must be integers\. Got an array of float64"):
        CountSketch(9, 3).add(["x"], np.array([0.5]))
    with pytest.raises(ValueError, match=r"must be integers in \[-\(2\*\*63 - 1\), 2\*\*63 - 1\]. Got -92"):
        CountSketch(9, 3).add(["x"], [-(2**63)])
    with pytest.raises(ValueError, match=r"in \[-\(2\*\*31 - 1\), 2\*\*31 - 1\]. Got 2147483648 instead"):
        CountSketch(9, 3, dtype="int32").add(["x"], [2**31])
    with pytest.raises(ValueError, match=r"must be integers .* Got 18446744073709551615"):
        CountSketch(9, 3).add(["x"], np.array([2**64 - 1], np.uint64))


@pytest.mark.parametrize(
    ("weights", "error", "sentence"),
    [
        (
            [2**63, 1],
            ValueError,
            r"integers in \[-\(2\*\*63 - 1\), 2\*\*63 - 1\]\. Got 9223372036854775808 instead",
        ),
        ([1, None], TypeError, r"integers\. Got None instead"),
        (np.array([1, None]), TypeError, r"integers\. Got None instead"),
        ([1, 0.5], TypeError, r"integers\. Got 0\.5 instead"),
        ([[1], [1, 2]], TypeError, r"integers\. Got \[\[1\], \[1, 2\]\] instead"),
        ([1, 2, 3], ValueError, r"have one element a key, 2\. Got 3 instead"),
        (
            np.ma.array([1, 2], mask=[0, 1]),
            ValueError,
            "have no nulls. Got a masked array with masked elements",
        ),
    ],
)
def test_sentences_for_weights(weights: Any, error: type[Exception], sentence: str) -> None:
    sketch = CountSketch(100)
    with pytest.raises(error, match=rf"^The 'weights' parameter of CountSketch\.add must (be )?{sentence}"):
        sketch.add(["a", "b"], weights)
    assert sketch.n_added == 0


def test_weights_that_numpy_has_no_type_for() -> None:
    sketch = CountSketch(100, dtype="float64")
    sketch.add(["a", "b"], [2**70, 1])
    sketch.add(["a"], np.array([2**63], object))
    assert sketch.estimate(["a", "b"]).tolist() == [2.0**70 + 2.0**63, 1.0]
    with pytest.raises(ValueError, match=r"'weights' .* must be finite numbers of float64\. Got "):
        sketch.add(["a"], [10**400])
    CountSketch(100).add(["a"], np.array([5], object))


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in SETS])
def test_masked_weights_are_refused(name: str) -> None:
    made = MAKERS[name]()
    with pytest.raises(ValueError, match=r"'weights' parameter of .* must have no nulls"):
        made.add(["a", "b"], np.ma.array([1, 2], mask=[0, 1]))
    assert made == MAKERS[name]()
    made.add(["a", "b"], np.ma.array([1, 2], mask=[0, 0]))
    assert made.n_added == 2


def test_core_refuses_what_does_not_fit() -> None:
    rule = _core.Sketch(10, 3, 0, True, False)
    grid, keys = np.zeros(30, np.int32), hashes_of(4)
    for arguments in ((0, 3, 0, True, False), (2**32, 3, 0, True, False), (9, 0, 0, True, False)):
        with pytest.raises(ValueError, match="must be in"):
            _core.Sketch(*arguments)
    with pytest.raises(ValueError, match="Only a Count-Min"):
        _core.Sketch(9, 3, 0, True, True)
    with pytest.raises(ValueError, match="cells must have 30 elements"):
        _core.sketch_add(grid[:29].copy(), rule, keys, None, True, 1)
    with pytest.raises(ValueError, match="weights must have 4 elements"):
        _core.sketch_add(grid, rule, keys, np.ones(3, np.int64), True, 1)
    with pytest.raises(ValueError, match="out must have 4 elements"):
        _core.sketch_estimate(grid, rule, keys, True, np.zeros(3, np.int64), 1)
    with pytest.raises(ValueError, match="more candidates than places"):
        _core.sketch_track(
            grid, rule, keys, None, True, keys, np.zeros(2, np.uint64), np.zeros(2, np.int64), 1
        )
    with pytest.raises(TypeError):
        _core.sketch_add(grid, rule, keys, np.ones(4), True, 1)
    assert not grid.any()
