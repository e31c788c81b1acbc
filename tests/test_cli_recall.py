# SPDX-License-Identifier: Apache-2.0
"""hypersketch recall beside plain NumPy, and what it says of files that are no patterns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_tools import call
from hypersketch import ContinuousMemory
from hypersketch.cli import arrays
from hypersketch.cli.recall import memory_over

DIM = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    patterns = rng.standard_normal((70, DIM)).astype(np.float32)
    np.save(tmp_path / "patterns.npy", patterns)
    np.save(tmp_path / "queries.npy", patterns[:13] + 0.2 * rng.standard_normal((13, DIM)))
    np.save(tmp_path / "values.npy", np.arange(140).reshape(70, 2))
    return tmp_path


def asked(folder: Path, *options: object, patterns: str = "patterns", queries: str = "queries") -> Any:
    files = ["--patterns", folder / f"{patterns}.npy", "--queries", folder / f"{queries}.npy"]
    return call("recall", *files, *options)


def reference(folder: Path, beta: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Cosines, and the state after one step of softmax."""
    patterns, queries = (np.load(folder / f"{name}.npy").astype(float) for name in ("patterns", "queries"))
    cosines = queries @ patterns.T
    cosines /= np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(patterns, axis=1)
    weights = np.exp(beta * cosines)
    return cosines, weights / weights.sum(axis=1, keepdims=True) @ patterns


def test_what_is_found_and_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_PIECE", 5 * DIM)  # pieces of five rows
    result = asked(folder, "--k", "3", "--beta", "6", "--out", folder / "found.npz")
    assert result.exit_code == 0, result.output
    cosines, states = reference(folder, 6.0)
    with np.load(folder / "found.npz") as found:
        assert set(found) == {"states", "indices", "similarities", "steps", "converged", "effective"}
        np.testing.assert_array_equal(found["indices"], np.argsort(-cosines, axis=1)[:, :3])
        np.testing.assert_allclose(found["similarities"], -np.sort(-cosines, axis=1)[:, :3], atol=1e-6)
        np.testing.assert_allclose(found["states"], states, atol=1e-5)
        assert found["steps"].tolist() == [1] * 13
    shown = re.findall(r"^│ *(\d+) │ (\d+) \(", result.stdout, re.MULTILINE)
    assert shown == [(str(i), str(i)) for i in range(10)]
    assert re.search(r"queries +13\n", result.stdout)
    assert asked(folder, "--beta", "6", "--out", folder / "found.npy").exit_code == 0
    np.testing.assert_allclose(np.load(folder / "found.npy"), states, atol=1e-5)


@pytest.mark.parametrize(
    "options", [{"dtype": "int8"}, {"dtype": "float8"}, {"dtype": "bfloat16"}, {"values": "values"}]
)
def test_options_are_those_of_the_memory(folder: Path, options: dict[str, str]) -> None:
    given = [f"--{name}={folder / 'values.npy' if name == 'values' else v}" for name, v in options.items()]
    more = [
        "--separation",
        "entmax",
        "--alpha",
        "1.3",
        "--steps",
        "4",
        "--similarity",
        "dot",
        "--beta",
        "0.4",
    ]
    assert asked(folder, *given, *more, "--out", folder / "found.npz").exit_code == 0
    patterns, values = np.load(folder / "patterns.npy"), np.load(folder / "values.npy")
    width = {"value_dim": 2} if "values" in options else {}
    memory = ContinuousMemory(
        DIM, separation="entmax", alpha=1.3, beta=0.4, dtype=options.get("dtype", "float32"), **width
    )
    memory.store(patterns, values if width else None)
    wanted = memory.retrieve(np.load(folder / "queries.npy"), steps=4)
    with np.load(folder / "found.npz") as found:
        np.testing.assert_array_equal(found["states"], wanted.states)
        np.testing.assert_array_equal(found["effective"], wanted.effective)


@pytest.mark.parametrize("form", [">f4", "<f8", "<f2", "i4", "fortran", "vector", "linked"])
def test_numbers_of_all_kinds(folder: Path, form: str) -> None:
    queries = np.rint(4 * np.load(folder / "queries.npy"))
    patterns = np.rint(4 * np.load(folder / "patterns.npy"))
    changed = {"fortran": np.asfortranarray(patterns.astype("f4")), "vector": patterns.astype("f4")}
    np.save(folder / "other.npy", changed.get(form, patterns.astype(form if form[-1].isdigit() else "f4")))
    np.save(folder / "asked.npy", queries[0] if form == "vector" else queries)
    assert asked(folder, patterns="other", queries="asked").exit_code == 0
    memory = memory_over(arrays.rows_of_file("--patterns", str(folder / "other.npy")), None, beta=1.0)
    np.testing.assert_array_equal(memory.patterns, patterns.astype("f4"))


def test_a_file_of_float32_is_mapped(folder: Path) -> None:
    memory = memory_over(arrays.rows_of_file("--patterns", str(folder / "patterns.npy")), None, beta=1.0)
    base: Any = memory.patterns
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_few_patterns_and_every_separation(folder: Path) -> None:
    np.save(folder / "few.npy", np.eye(4, DIM, dtype=np.float32))
    for separation in ("softmax", "sparsemax", "normmax", "top-k", "polynomial", "identity"):
        result = asked(folder, "--separation", separation, patterns="few")
        assert result.exit_code == 0, result.output
        assert ("  beta " in result.stdout) == (separation not in ("polynomial", "identity"))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.ones((2, 3, 4)), "--patterns must be rows of real numbers, shape (n, dim). '{}' has shape (2, 3"),
        (
            np.ones(4),
            "--patterns must be rows of real numbers, shape (n, dim). '{}' has shape (4,) of float64",
        ),
        (np.ones((2, DIM), complex), "shape (2, 24) of complex128."),
        (np.ones((2, DIM), bool), "shape (2, 24) of bool."),
        (np.ones((0, DIM)), "--patterns must have a row and a dimension at least. '{}' has shape (0, 24)."),
        (np.ones((2, 5)), "--queries must have as many dimensions as --patterns, 5. Got 24."),
        (np.eye(DIM)[[0, 1, 2]] * [[1], [np.nan], [1]], "--patterns must be finite in float32. Row 1 is not"),
        (np.eye(DIM)[[0, 1]] * [[1], [1e300]], "--patterns must be finite in float32. Row 1 is not so."),
        (
            np.eye(DIM, k=-1),
            "--patterns must have no zero vector, which has no cosine with any. Row 0 is not",
        ),
        (np.array([{}, {}]), "--patterns must be rows of real numbers"),
    ],
)
def test_wrong_patterns_are_one_sentence(rows: Any, sentence: str, folder: Path) -> None:
    np.save(folder / "wrong.npy", rows, allow_pickle=True)
    result = asked(folder, "--out", folder / "x.npz", patterns="wrong")
    assert result.exit_code == 1
    assert sentence.format(folder / "wrong.npy") in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (folder / "x.npz").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--k", "71"], "--k must be an integer in [1, 70], the number of patterns. Got 71 instead."),
        (["--beta", "warm"], "--beta must be a number or 'measured'. Got 'warm' instead."),
        (["--beta", "0"], "--beta must be a finite float > 0. Got 0.0 instead."),
        (["--steps", "many"], "--steps must be an integer such as 1000 or 1e6. Got 'many' instead."),
        (["--similarity", "l2"], "--similarity must be one of 'dot', 'cosine', 'euclidean', 'manhattan'"),
        (
            ["--out", "found.csv"],
            "--out must end in .npz (all results) or .npy (the states). Got 'found.csv'",
        ),
        (
            ["--values", "{}/queries.npy"],
            "--values must have a row for each pattern. Got 13 for 70 patterns.",
        ),
        (["--values", "{}/none.npy"], "'{}/none.npy': No such file or directory."),
    ],
)
def test_wrong_options_are_one_sentence(options: list[str], sentence: str, folder: Path) -> None:
    result = asked(folder, *(each.format(folder) for each in options))
    assert result.exit_code == 1
    assert sentence.format(folder) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_files_that_are_no_arrays(folder: Path) -> None:
    whole = (folder / "patterns.npy").read_bytes()
    archive = folder / "archive.npz"
    np.savez(archive, np.ones(3))
    for content in (b"", b"hello", whole[:20], archive.read_bytes()):
        (folder / "wrong.npy").write_bytes(content)
        result = asked(folder, patterns="wrong")
        assert result.exit_code == 1
        assert "--patterns must be an array of numbers in NumPy's format" in result.stderr
    (folder / "wrong.npy").write_bytes(whole[:-1])
    result = asked(folder, patterns="wrong")
    assert f"'{folder / 'wrong.npy'}' ends before its last row" in result.stderr


def test_a_bad_query_leaves_the_old_results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_PIECE", 4 * DIM)
    queries = np.load(folder / "queries.npy")
    queries[9, 2] = np.inf
    np.save(folder / "bad.npy", queries)
    for name in ("found.npz", "found.npy"):
        (folder / name).write_bytes(b"old")
        before = sorted(folder.iterdir())
        result = asked(folder, "--out", folder / name, queries="bad")
        assert result.exit_code == 1
        assert result.stderr == "--queries must be finite in float32. Row 9 is not so.\n"
        assert (folder / name).read_bytes() == b"old"
        assert sorted(folder.iterdir()) == before


def test_beta_is_measured(folder: Path) -> None:
    result = asked(folder, "--beta", "measured", "--out", folder / "found.npy")
    assert result.exit_code == 0, result.output
    memory = ContinuousMemory(DIM, "cosine")
    memory.store(np.load(folder / "patterns.npy"))
    beta = memory.measured_beta()
    assert f"beta {beta:.4g} (measured)" in " ".join(result.stdout.split())
    np.testing.assert_allclose(np.load(folder / "found.npy"), reference(folder, beta)[1], atol=1e-5)
