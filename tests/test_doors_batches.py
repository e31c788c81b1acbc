# SPDX-License-Identifier: Apache-2.0
"""Batches that come in: streams, columns of tables, nulls, lists, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hypersketch import hash_keys
from makers import MAKERS, filled, same

# ---- batches


def batches_of(keys: Any, size: int = 7) -> Iterator[Any]:
    for first in range(0, len(keys), size):
        yield keys[first : first + size]


@pytest.mark.parametrize("name", list(MAKERS))
def test_update_adds_batch_after_batch(name: str) -> None:
    expected = filled(name)
    for batches in (
        batches_of(range(40)),
        [range(40)],
        np.arange(40),
        list(range(40)),
        pl.Series(range(40)),
        [pl.Series(range(20)), pa.array(range(20, 40)), []],
        pa.chunked_array([range(5), range(5, 40)]),
        [pa.chunked_array([range(5), range(5, 40)])],
        pa.array(range(40)),
    ):
        made = MAKERS[name]()
        made.update(batches, threads=1)
        assert same(made, expected)


TABLE = {"key": [f"key {i}" for i in range(40)], "value": list(range(40))}
SOURCES = {
    "polars": pl.DataFrame(TABLE),
    "pandas": pd.DataFrame(TABLE),
    "table": pa.table(TABLE),
    "record batch": pa.record_batch(TABLE),
    "list of frames": [pl.DataFrame(TABLE)[:10], pl.DataFrame(TABLE)[10:]],
    "dictionaries": [{"key": TABLE["key"][:10]}, {"key": TABLE["key"][10:]}],
    "sliced batches": [pa.record_batch(TABLE)[:13], pa.record_batch(TABLE)[13:]],
    "structured": np.array(list(zip(*TABLE.values(), strict=True)), [("key", "U9"), ("value", "i8")]),
}


@pytest.mark.parametrize("name", SOURCES)
def test_update_takes_a_column_of_tables(name: str) -> None:
    made = MAKERS["BloomFilter"]()
    made.update(SOURCES[name], column="key")
    assert same(made, filled("BloomFilter", TABLE["key"]))


def test_update_reads_a_stream_once_and_lazily() -> None:
    seen, made = [], MAKERS["Bundle of MapI"]()

    def chunks() -> Iterator[pa.RecordBatch]:
        for batch in pa.table(TABLE).to_batches(max_chunksize=8):
            seen.append(made.n_added)
            yield batch

    made.update(pa.RecordBatchReader.from_batches(pa.table(TABLE).schema, chunks()), column="value")
    assert seen == [0, 8, 16, 24, 32]
    assert same(made, filled("Bundle of MapI"))


def test_tables_of_one_column_need_no_name() -> None:
    made = MAKERS["BloomFilter"]()
    made.update(pl.DataFrame({"key": TABLE["key"]}))
    assert same(made, filled("BloomFilter", TABLE["key"]))


@pytest.mark.parametrize(
    ("batches", "column", "error", "text"),
    [
        (SOURCES["polars"], None, ValueError, r"must be one of the columns \['key', 'value'\]\. Got None"),
        (SOURCES["table"], "other", ValueError, r"must be one of the columns .*\. Got 'other' instead"),
        (pa.array([1]), "key", ValueError, "must be None for batches of a single column. Got 'key' instead"),
        (SOURCES["table"], 5, TypeError, "'column' parameter of BloomFilter.update must be a str"),
        ("text", None, TypeError, "'batches' parameter of BloomFilter.update must be an iterable of batches"),
        (b"text", None, TypeError, "must be an iterable of batches"),
        (5, None, TypeError, "must be an iterable of batches"),
        (pa.table({"a": [1.5]}), None, TypeError, "column of integers, strings or bytes"),
        ([["a"], [1.5]], None, TypeError, "must be an int, str or bytes"),
    ],
)
def test_refused_batches(batches: Any, column: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        MAKERS["BloomFilter"]().update(batches, column=column)


@pytest.mark.parametrize("name", list(MAKERS))
def test_after_an_exception_earlier_batches_are_in_and_counted(name: str) -> None:
    def failing() -> Iterator[range]:
        yield range(20)
        yield range(20, 40)
        raise RuntimeError("the source broke")

    made = MAKERS[name]()
    with pytest.raises(RuntimeError, match="the source broke"):
        made.update(failing())
    assert same(made, filled(name))
    with pytest.raises(TypeError):
        made.update([range(40, 50), [1.5], range(50, 60)])
    assert same(made, filled(name, range(50)))


def test_a_stream_that_fails() -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1, 2]})
        raise RuntimeError("the source broke")

    made = MAKERS["BloomFilter"]()
    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), failing())
    with pytest.raises(RuntimeError, match="The Arrow stream failed"):
        made.update(reader)
    assert made.n_added == 2


@pytest.mark.parametrize("batches", [[range(10), range(10, 20)], batches_of(range(20)), pl.Series(range(20))])
def test_progress(batches: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = MAKERS["BloomFilter"]()
    made.update(batches, progress=True)
    assert "20 keys" in capsys.readouterr().err
    assert made.n_added == 20


def test_progress_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    made = MAKERS["BloomFilter"]()
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hypersketch\[cli\]'"):
        made.update([range(10)], progress=True)
    assert made.n_added == 0


class PandasWithoutPyarrow:
    """A dataframe that offers the Arrow door and cannot open it."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise ImportError("pyarrow is missing")

    def __getitem__(self, name: str) -> list[str]:
        return {"key": ["a", "b"]}[name]


def test_dataframes_whose_package_lacks_arrow() -> None:
    made = MAKERS["BloomFilter"]()
    made.update(PandasWithoutPyarrow(), column="key")
    assert made == filled("BloomFilter", ["a", "b"])


# ---- nulls


NULLS: list[Any] = [
    pa.array(["a", None, "b", None, None, "c"]),
    pa.array([None, "a", "b", None, "c"], pa.string_view()),
    pa.array([None, "a", "b", None, "c"], pa.large_binary()),
    pa.array(["a", None, "b", None, "c"]).dictionary_encode(),
    pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 3, 1]), pa.array(["a", None, "b", "c"])),
    pa.chunked_array([["a", None], [None], ["b", "c"]], pa.string()),
    pa.array(["x", None, "a", "b", None, "c", "x"])[1:6],
    pl.Series(["a", None, "b", "c"]),
    pl.Series(["a", None, "b", "c"], dtype=pl.Categorical),
    pd.Series(["a", None, "b", "c"], dtype="string"),
    pd.Series(["a", None, "b", "c"], dtype=object),
    ["a", None, "b", "c"],
    ("a", None, "b", "c"),
    iter(["a", None, "b", "c"]),
    np.array(["a", None, "b", "c"], dtype=object),
    np.array(["a", pd.NA, "b", "c"], dtype=object),  # as pandas 2 gives its strings
    ["a", pd.NA, "b", "c"],
    np.ma.array(["a", "x", "b", "c"], mask=[0, 1, 0, 0]),
    ["a", "b", "c"],
    pa.array(["a", "b", "c"]),
]


@pytest.mark.parametrize("keys", NULLS, ids=lambda keys: type(keys).__name__)
def test_nulls_are_skipped_on_request(keys: Any) -> None:
    assert hash_keys(keys, nulls="skip").tolist() == hash_keys(["a", "b", "c"]).tolist()


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
def test_nulls_between_integers(dtype: str, threads: int) -> None:
    values = [None if i % 7 in (0, 3) else i for i in range(100)]
    expected = hash_keys([v for v in values if v is not None]).tolist()
    assert hash_keys(pa.array(values, dtype), nulls="skip", threads=threads).tolist() == expected
    assert hash_keys(np.ma.masked_equal([5, 6, 5], 5), nulls="skip").tolist() == hash_keys([6]).tolist()


@pytest.mark.parametrize("keys", [[None], pa.array([None, None]), pa.array([None], pa.int32()), [None, None]])
def test_nothing_but_nulls(keys: Any) -> None:
    assert hash_keys(keys, nulls="skip").size == 0


@pytest.mark.parametrize("name", list(MAKERS))
def test_update_leaves_out_nulls_on_request(name: str) -> None:
    made = MAKERS[name]()
    with pytest.raises(ValueError, match="must have no nulls"):
        made.update(pa.array([1, None]))
    made.update([pa.array([*range(20), None]), pa.table({"a": [None, *range(20, 40)]})], nulls="skip")
    assert same(made, filled(name))


def test_refused_policies() -> None:
    for use in (
        lambda: hash_keys([1], nulls="drop"),
        lambda: filled("BloomFilter").update([[1]], nulls=None),
    ):
        with pytest.raises(ValueError, match=r"'nulls' parameter of .* must be one of 'error', 'skip'"):
            use()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="'out' parameter of hash_keys must be None where nulls are skipped"):
        hash_keys([1, None], nulls="skip", out=np.empty(2, np.uint64))


def test_rows_that_are_null() -> None:
    rows = pa.array([{"a": 1}, None])
    with pytest.raises(ValueError, match="must have no rows that are null"):
        MAKERS["BloomFilter"]().update(rows)


# ---- lists


def test_lists_that_change_while_they_are_read() -> None:
    class Sly:
        def __init__(self, keys: list[Any]) -> None:
            self.keys = keys

        def __index__(self) -> int:
            self.keys.clear()
            return 7

    keys: list[Any] = [1, 2]
    keys += [Sly(keys), *range(1000)]
    assert hash_keys(keys).tolist() == hash_keys([1, 2, 7, *range(1000)]).tolist()


@pytest.mark.parametrize("n", [1, 15, 16, 17, 63, 64, 65, 200])
@pytest.mark.parametrize(
    "make",
    [str, lambda i: f"é{i}", lambda i: str(i).encode(), int, lambda i: (-1) ** i * 2 ** (i % 63) - i % 2],
)
def test_lists_of_every_length(make: Any, n: int, level: str) -> None:
    keys = [make(i) for i in range(n)]
    expected = [int(hash_keys(key)[0]) for key in keys]
    assert hash_keys(keys).tolist() == expected
    assert hash_keys([type("Sub", (type(key),), {})(key) for key in keys]).tolist() == expected


def test_mixed_lists_are_refused_wherever_the_other_stands() -> None:
    for keys in (["a"] * 100 + [1], [1] * 100 + ["a"], [b"a"] * 70 + ["a"], [np.int64(1)] * 5 + ["a"]):
        with pytest.raises(TypeError, match="Keys of one batch must be of one type"):
            hash_keys(keys)
    for keys in (["a"] * 100 + [1.5], [1] * 100 + [True], [1] * 100 + [None]):
        with pytest.raises(TypeError, match="A key must be an int, str or bytes"):
            hash_keys(keys)
