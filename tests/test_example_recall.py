# SPDX-License-Identifier: Apache-2.0
"""examples/recall.py runs, on small texts made here."""

from __future__ import annotations

import doctest
import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from test_examples import catalogue

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "recall.py"
WORDS = ["".join(random.Random(i).choices("abcdefghijklmnoprstuvw", k=4 + i % 5)) for i in range(400)]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recall_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def said(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=9)).capitalize() + "."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python files of forty docstrings each, of three sentences, and a catalogue of 300 messages."""
    root, rng = tmp_path_factory.mktemp("text"), random.Random(1)
    for i in range(4):
        body = "\n".join(
            f'def f{j}():\n    """{said(rng)} {said(rng)}\n\n    {said(rng)}\n    """\n' for j in range(40)
        )
        (root / f"module{i}.py").write_text(body)
    (root / "broken.py").write_text("def (")
    place = root / "xx" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "package.mo").write_bytes(catalogue({said(rng): said(rng) for _ in range(150)}))
    (place / "broken.mo").write_bytes(b"no catalogue")
    return root


def test_sentences_of_docstrings_and_catalogues(example: ModuleType, folder: Path) -> None:
    texts = example.corpus([folder], 10_000, 100)
    assert len(set(texts)) == len(texts) == 4 * 40 * 3 + 2 * 150
    assert texts == example.corpus([folder], 10_000, 100)
    assert len(example.corpus([folder], 50, 100)) == 50
    assert all(30 <= len(text) <= 300 for text in texts)
    assert doctest.testmod(example).failed == 0


def test_queries_are_spoilt_and_neighbours_near(example: ModuleType) -> None:
    rows = example.unit(np.random.default_rng(0).standard_normal((50, 384)).astype(np.float32))
    more = example.with_neighbours(rows, 120)
    np.testing.assert_array_equal(more[:50], rows)
    nearest = (more[50:] @ rows.T).max(axis=1)
    assert 0.85 < nearest.mean() < 0.95
    np.testing.assert_array_equal(example.with_neighbours(rows, 20), rows[:20])
    kinds = example.spoilt(rows, ["ab"] * 20, lambda texts: rows[: len(texts)])
    assert set(kinds) == {"noised", "truncated", "half-masked"}
    assert (np.count_nonzero(kinds["half-masked"], axis=1) == 192).all()
    for queries in kinds.values():
        np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0, rtol=1e-5)
    assert example.unit(np.zeros((2, 3), np.float32)).tolist() == [[1, 0, 0]] * 2


@pytest.mark.parametrize("n", [7, 50_000, 50_001])
def test_exact_search_in_pieces(example: ModuleType, n: int) -> None:
    rng = np.random.default_rng(5)
    rows, queries = (rng.standard_normal((m, 3)).astype(np.float32) for m in (n, 4))
    wanted = np.argsort(-(queries.astype(float) @ rows.T.astype(float)), axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(example.exact(rows, queries, 7), wanted)


def test_recalls_by_definition(example: ModuleType) -> None:
    nearest = np.array([[0, 1], [0, 1], [1, 0], [0, 5]])
    assert example.recalls(nearest, ["a", "b"]) == {"a": (0.5, 1.0), "b": (0.0, 0.5)}


def test_sentences_are_recalled(
    example: ModuleType,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plot = tmp_path / "recall.png"
    sizes = ["--sizes", "80", "800", "--queries", "20", "--betas", "60"]
    monkeypatch.setattr(example, "DIM", 64)
    example.main(["--root", str(folder), *sizes, "--model", "ngrams", "--plot", str(plot)])
    out = capsys.readouterr().out
    assert out.startswith("780 different sentences; hashed n-grams")
    assert "the other 20 patterns are synthetic, near these" in out
    for store in ("float32", "bfloat16", "int8", "float8"):
        lines = [line for line in out.splitlines() if line.startswith(f"hypersketch {store} ")]
        assert len(lines) == 2
        shares = [float(word[:-1]) for word in lines[0].split() if word.endswith("%")]
        assert min(shares[:6]) >= 90.0  # of 80 sentences of nine random words, spoilt by half
    assert sum(line.startswith("NumPy float64") for line in out.splitlines()) == 2
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_nothing_to_recall_is_said(example: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--root"):
        example.main(["--root", str(tmp_path)])
    with pytest.raises(SystemExit):
        example.main(["--root", str(tmp_path), "--sizes", "5"])
