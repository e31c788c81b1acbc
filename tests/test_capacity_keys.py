# SPDX-License-Identifier: Apache-2.0
"""Every door for keys: made up, the standard library, text, CSV, Parquet, NumPy, the caller's batch."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import hypersketch
from hypersketch import capacity
from hypersketch.capacity.key_source import KeySource, digest, key_source

WORDS = [f"word-{i}" for i in range(300)]


def expected(keys: object) -> np.ndarray:
    return np.unique(hypersketch.hash_keys(keys))


def test_text_csv_parquet_and_lists_are_the_same_keys(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\n".join([*WORDS, *WORDS[:5]]) + "\n\n")
    (tmp_path / "windows.txt").write_bytes("\r\n".join(WORDS).encode())
    frame = pl.DataFrame({"word": [*WORDS, None], "other": range(301)})
    frame.write_csv(tmp_path / "words.csv")
    frame.write_parquet(tmp_path / "words.parquet")
    np.save(tmp_path / "words.npy", np.array(WORDS))
    sources = [
        key_source(tmp_path / "words.txt"),
        key_source(str(tmp_path / "windows.txt")),
        key_source(tmp_path / "words.csv", "word"),
        key_source(tmp_path / "words.parquet", "word"),
        key_source(tmp_path / "words.npy"),
        key_source(WORDS),
    ]
    for source in sources:
        np.testing.assert_array_equal(source.hashes(), expected(WORDS))
    assert len({digest(source) for source in sources}) == 1


def test_integers_from_files(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(500)})
    frame.write_parquet(tmp_path / "one.parquet")  # the only column needs no name
    frame.write_csv(tmp_path / "one.csv")
    np.save(tmp_path / "one.npy", np.arange(500))
    for name in ("one.parquet", "one.csv", "one.npy"):
        np.testing.assert_array_equal(key_source(tmp_path / name).hashes(), expected(range(500)))


def test_stdlib_keys_are_many_and_different() -> None:
    hashes = key_source("stdlib").hashes()
    assert hashes.size > 10_000
    assert np.all(np.diff(hashes.astype(object)) > 0)
    assert np.isin(hypersketch.hash_keys(["OrderedDict", "self"]), hashes).all()


def test_universe_limits_the_keys(tmp_path: Path) -> None:
    assert key_source(None, universe=50).hashes().size == 50
    assert key_source(WORDS, universe=50).hashes().size == 50
    assert key_source("stdlib", universe=50).hashes().size == 50


@pytest.mark.parametrize(
    "source", [key_source(universe=9), key_source("stdlib", universe=9), key_source(WORDS)]
)
def test_sources_travel_to_other_processes(source: KeySource) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).hashes(), source.hashes())


def test_experiments_take_real_keys(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\n".join(f"key {i}" for i in range(3000)))
    real = capacity.run("membership", n=20, trials=30, keys=tmp_path / "words.txt")
    assert real.all_inside
    assert {row.universe for row in real} == {3000}
    assert capacity.run("cleanup", n=5, dims=256, trials=20, keys="stdlib")[0].universe == 1000
    made_up = capacity.run("membership", n=20, trials=30)
    assert [row.measured for row in real] != [row.measured for row in made_up]


def test_many_items_get_enough_made_up_keys() -> None:
    results = capacity.run("membership", structures=["bloom"], n=600_000, dims=100_000, trials=1)
    assert results[0].universe == 1_210_000


def bad_file(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.txt", b"\n\n", "holds no keys"),
        ("binary.txt", b"PK\0\1", "is not a text file with one key a line"),
        ("torn.npy", b"\x93NUMPY\x01\x00", "Could not read keys from .*torn.npy"),
        ("torn.parquet", b"PAR1 and nothing else", "Could not read keys from .*torn.parquet"),
        ("empty.csv", b"", "Could not read keys from .*empty.csv"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        key_source(bad_file(tmp_path, name, content), "key").hashes()


def test_truncated_parquet(tmp_path: Path) -> None:
    pl.DataFrame({"word": WORDS}).write_parquet(tmp_path / "whole.parquet")
    torn = bad_file(tmp_path, "torn.parquet", (tmp_path / "whole.parquet").read_bytes()[:-20])
    with pytest.raises(ValueError, match="Could not read keys from"):
        key_source(torn, "word").hashes()


def test_missing_files_and_columns(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"There is no file of keys at '.*nowhere.txt'."):
        key_source(tmp_path / "nowhere.txt").hashes()
    with pytest.raises(ValueError, match="There is no file of keys at"):
        key_source(tmp_path).hashes()
    pl.DataFrame({"a": [1], "b": [2]}).write_csv(tmp_path / "two.csv")
    with pytest.raises(ValueError, match=r"There is no column 'c' in '.*two.csv'. Its columns are: a, b."):
        key_source(tmp_path / "two.csv", "c").hashes()
    with pytest.raises(ValueError, match=r"A column must be named in '.*two.csv'. Its columns are: a, b."):
        key_source(tmp_path / "two.csv").hashes()


def test_what_is_no_key(tmp_path: Path) -> None:
    pl.DataFrame({"x": [0.5, 1.5]}).write_parquet(tmp_path / "floats.parquet")
    with pytest.raises(TypeError):
        key_source(tmp_path / "floats.parquet").hashes()
    np.save(tmp_path / "matrix.npy", np.zeros((2, 2), dtype=np.int64))
    with pytest.raises(
        ValueError, match=r"must hold a one-dimensional array of keys. Got shape \(2, 2\) instead."
    ):
        key_source(tmp_path / "matrix.npy").hashes()
    with pytest.raises(TypeError):
        key_source([1.5, 2.5])


def test_too_few_keys() -> None:
    with pytest.raises(
        ValueError, match=r"A trial of this membership run needs 1020 different keys, but there are only"
    ):
        capacity.run("membership", n=20, keys=WORDS)
    with pytest.raises(
        ValueError, match=r"A universe of 400 keys was asked for, but .* holds 300 different keys."
    ):
        capacity.run("membership", n=20, keys=WORDS, universe=400)
