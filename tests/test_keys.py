# SPDX-License-Identifier: Apache-2.0
"""Keys: every door gives the XXH64 of the key's bytes, as the published algorithm and its PyPI package do."""

from __future__ import annotations

import datetime
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import hash_keys
from makers import TEXTS, oracle

SIZES = [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 255, 256, 257, 511, 513]


def random_integers(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


# ---- the hash itself


@pytest.mark.parametrize(
    ("data", "digest"), [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)]
)
def test_published_values(data: bytes, digest: int) -> None:
    assert reference.xxh64(data) == digest
    assert hash_keys(data).tolist() == [digest]


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_reference_is_xxh64(data: bytes, seed: int) -> None:
    assert reference.xxh64(data, seed) == xxhash.xxh64_intdigest(data, seed=seed)


@given(st.lists(st.integers(-(2**63), 2**64 - 1), max_size=30), st.integers(0, 2**64 - 1))
def test_lists_of_integers(keys: list[int], seed: int) -> None:
    assert hash_keys(keys, seed).tolist() == oracle(keys, seed)


@given(st.lists(st.text(max_size=60), max_size=20), st.integers(0, 2**64 - 1))
def test_lists_of_strings(keys: list[str], seed: int) -> None:
    assert hash_keys(keys, seed).tolist() == oracle(keys, seed)
    assert hash_keys([key.encode() for key in keys], seed).tolist() == oracle(keys, seed)


# ---- integers


def test_integer_arrays(level: str, threads: int) -> None:
    for n in SIZES:
        keys = random_integers(n)
        assert hash_keys(keys, 7, threads=threads).tolist() == oracle(keys.tolist(), 7)


def test_large_array_with_threads(level: str) -> None:
    keys = random_integers(200_001)
    one = hash_keys(keys, threads=1)
    assert np.array_equal(one, hash_keys(keys, threads=3))
    assert one[::5000].tolist() == oracle(keys[::5000].tolist())


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_width_and_byte_order_do_not_matter(dtype: str, order: str) -> None:
    info = np.iinfo(dtype)
    values = [info.min, info.max, 0, 1, 5, 100]
    array = np.array(values, dtype=order + dtype)
    assert hash_keys(array).tolist() == oracle(values)
    assert hash_keys(list(array)).tolist() == oracle(values)


def test_one_number_is_one_key() -> None:
    forms = [
        5,
        [5],
        np.int8(5),
        np.uint64(5),
        np.array(5),
        np.array([5], "u2"),
        (5,),
        {5},
        range(5, 6),
        iter([5]),
    ]
    forms += [pl.Series([5]), pa.array([5], pa.int16()), pd.Series([5]), pd.Index([5]), np.array([5], object)]
    assert {int(hash_keys(form)[0]) for form in forms} == {reference.xxh64((5).to_bytes(8, "little"))}
    assert hash_keys(-1) == hash_keys(2**64 - 1)


@pytest.mark.parametrize("view", [np.s_[::2], np.s_[::-1], np.s_[5:], np.s_[1:-1:3]])
@pytest.mark.parametrize("dtype", ["i4", "u8", "S5", "U5"])
def test_strides(view: slice, dtype: str) -> None:
    array = np.arange(1000, 1101).astype(dtype)
    assert hash_keys(array[view]).tolist() == hash_keys(array[view].tolist()).tolist()


def test_columns_of_a_table_and_read_only_arrays() -> None:
    table = np.arange(30).reshape(10, 3)
    assert hash_keys(table[:, 1]).tolist() == oracle(table[:, 1].tolist())
    frozen = np.arange(5)
    frozen.flags.writeable = False
    assert hash_keys(frozen).tolist() == oracle(range(5))


@pytest.mark.parametrize(
    "keys",
    [
        range(0),
        range(100),
        range(100, 0, -7),
        range(-50, 50),
        range(2**64 - 5, 2**64),
        range(-(2**63), -(2**63) + 3),
        range(3, 4, 2**80),
    ],
)
def test_ranges(keys: range) -> None:
    assert hash_keys(keys).tolist() == oracle(keys)


# ---- strings


def test_strings_at_every_level(level: str) -> None:
    column = pl.Series(TEXTS)
    assert hash_keys(column, 3).tolist() == oracle(TEXTS, 3)
    for n in SIZES:
        assert hash_keys(column[:n]).tolist() == oracle(TEXTS[:n])


@pytest.mark.parametrize("make", [list, tuple, iter, lambda texts: np.array(texts, dtype=object)])
def test_batches_of_strings(make: Any) -> None:
    assert hash_keys(make(TEXTS)).tolist() == oracle(TEXTS)


def test_sets_and_dictionaries_are_batches_of_their_elements() -> None:
    keys = {"a", "b", "c"}
    assert set(hash_keys(keys).tolist()) == set(oracle(keys))
    ordered = OrderedDict.fromkeys("abc")
    assert hash_keys(ordered).tolist() == hash_keys(ordered.keys()).tolist() == oracle("abc")


@pytest.mark.parametrize("order", ["<", ">"])
def test_fixed_width_unicode_arrays(order: str) -> None:
    texts = [text for text in TEXTS if not text.endswith("\0")]
    array = np.array(texts).astype(f"{order}U320")
    assert hash_keys(array).tolist() == oracle(texts)


def test_fixed_width_bytes_arrays() -> None:
    values = [b"", b"a", b"abc", b"a\0b", bytes(range(1, 100))]
    assert hash_keys(np.array(values)).tolist() == oracle(values)
    assert hash_keys(np.array([b"ab\0\0"])).tolist() == oracle([b"ab"])  # NumPy's own reading
    assert hash_keys(np.zeros(2, "V4").view("S4")).tolist() == oracle([b"", b""])


def test_numpy_string_dtype() -> None:
    string_dtype = getattr(getattr(np, "dtypes", None), "StringDType", None)
    if string_dtype is None:
        pytest.skip("NumPy 2 has it")
    assert hash_keys(np.array(TEXTS, dtype=string_dtype())).tolist() == oracle(TEXTS)


def test_a_string_equals_its_utf8_bytes() -> None:
    assert hash_keys("größe") == hash_keys("größe".encode())
    assert hash_keys(np.str_("größe")) == hash_keys(np.bytes_("größe".encode()))


# ---- refused


@pytest.mark.parametrize(
    "keys",
    [
        1.5,
        float("nan"),
        np.float64(2.0),
        None,
        True,
        np.bool_(True),
        1j,
        datetime.date(2020, 1, 1),
        Decimal(1),
        object(),
        bytearray(b"ab"),
        memoryview(b"ab"),
        np.datetime64("2020-01-01"),
        [1.0],
        [float("nan")],
        [None],
        [True],
        [1, True],
        [np.bool_(True)],
        [np.array([1])],
        [np.array([1, 2])],
        [1j],
        [datetime.date(2020, 1, 1)],
        [1, "a"],
        ["a", b"a"],
        ["a", 1],
        [b"a", "a"],
        [1, 2.0],
        [[1, 2]],
        ["a", None],
        np.array([1.0]),
        np.array([np.nan]),
        np.array([True]),
        np.array([1j]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([1], "m8[s]"),
        np.array([(1, 2)], "i4,i4"),
        np.array([1, "a"], object),
        np.array([1.5], object),
        np.array(1.5),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_refused_types(keys: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^(The 'keys' parameter must be|A key must be|Keys of one batch must be)"
    ):
        hash_keys(keys)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**30])
def test_integers_out_of_range(value: int) -> None:
    for keys in (value, [value], [1, value]):
        with pytest.raises(ValueError, match=rf"must be in \[-2\*\*63, 2\*\*64\)\. Got {value} instead"):
            hash_keys(keys)


def test_shapes() -> None:
    with pytest.raises(ValueError, match=r"must be one-dimensional\. Got an array of shape \(2, 3\) instead"):
        hash_keys(np.zeros((2, 3), int))
    with pytest.raises(ValueError, match=r"one-dimensional"):
        hash_keys(np.zeros((0, 3), int))


def test_masked_arrays() -> None:
    assert hash_keys(np.ma.array([1, 2])).tolist() == oracle([1, 2])
    with pytest.raises(ValueError, match=r"must have no nulls\. Got a masked array"):
        hash_keys(np.ma.array([1, 2], mask=[0, 1]))


def test_lone_surrogates() -> None:
    for keys in ("\ud800", np.array(["\ud800"])):
        with pytest.raises(ValueError, match="surrogate"):
            hash_keys(keys)
    for keys in ("\ud800", ["a", "\ud800"], {"\ud800"}, np.array(["\ud800"], object)):
        with pytest.raises(
            ValueError, match=r"^The 'keys' parameter must be strings of UTF-8\. Got '\\ud800'"
        ):
            hash_keys(keys)
        for skip in (False, True):
            with pytest.raises(ValueError, match=r"^The 'keys' parameter must be strings of UTF-8"):
                hypersketch.CountSketch(9, track=2).add(keys, nulls="skip" if skip else "error")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        (),
        set(),
        range(0),
        iter(()),
        np.array([]),
        pl.Series([], dtype=pl.String),
        pa.array([], pa.string()),
        pa.chunked_array([], pa.int64()),
        pa.array([]),
        pd.Series([], dtype=object),
        np.array([], "S3"),
        np.array([], "U3"),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_empty_batches(keys: Any) -> None:
    hashes = hash_keys(keys)
    assert hashes.shape == (0,)
    assert hashes.dtype == np.uint64


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (2**64, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_seeds(seed: Any, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=r"The 'seed' parameter of hash_keys must be an integer in \[0, 2\*\*64 - 1\]"
    ):
        hash_keys(1, seed)


def test_two_structures_share_hashes() -> None:
    hashes = hash_keys(TEXTS)
    seen = hypersketch.BloomFilter(capacity=1000, fpr=1e-6)
    seen.add_hashes(hashes)
    assert seen.contains(TEXTS).all()


# ---- out=


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "b", "c"],
        np.array(["a", "b", "c"]),
        np.array(["a", "b", "c"], "S1"),
        pl.Series(["a", "b", "c"]),
        pa.array(["a", "b", "c"]),
        pa.chunked_array([["a"], ["b", "c"]]),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_out_takes_the_hashes_of_every_door(keys: Any) -> None:
    out = np.zeros(3, np.uint64)
    assert hash_keys(keys, out=out) is out
    assert out.tolist() == oracle(["a", "b", "c"])


@pytest.mark.parametrize(
    "keys",
    [["a"], range(4), np.arange(4), pl.Series(["a"]), pa.array(["a"]), pa.chunked_array([list("abcde")])],
)
def test_out_of_another_size_is_refused(keys: Any) -> None:
    with pytest.raises(ValueError, match=r"out.* elements?"):
        hash_keys(keys, out=np.zeros(3, np.uint64))


def test_out_of_another_kind_is_refused() -> None:
    read_only = np.zeros(2, np.uint64)
    read_only.flags.writeable = False
    for wrong in (np.zeros(2), np.zeros(4, np.uint64)[::2], read_only, [0, 0]):
        with pytest.raises(
            (TypeError, ValueError), match="The 'out' parameter of hash_keys must be a writable"
        ):
            hash_keys(pl.Series(["a", "b"]), out=wrong)
