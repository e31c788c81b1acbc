# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/ run, on small data made here."""

from __future__ import annotations

import doctest
import importlib.util
import random
import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LETTERS = {"xx": "aeioulmnrst", "yy": "aeouklmnpvy", "zz": "àéèçoubdfgh"}


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("language_example", EXAMPLES / "language_identification.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # its dataclass looks for it there
    spec.loader.exec_module(made)
    return made


def catalogue(messages: dict[str, str]) -> bytes:
    """A catalogue of gettext, as its manual describes the format (MO Files)."""
    pairs = [("", "Content-Type: text/plain; charset=UTF-8\n"), *sorted(messages.items())]
    tables: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    text, start = b"", 28 + 16 * len(pairs)
    for side, table in enumerate(tables):
        for pair in pairs:
            piece = pair[side].encode()
            table.append((len(piece), start + len(text)))
            text += piece + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(struct.pack("<2I", *entry) for table in tables for entry in table) + text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve packages in three invented languages, and one file that is none."""
    root, rng = tmp_path_factory.mktemp("locale"), random.Random(1)
    for locale, letters in LETTERS.items():
        place = root / locale / "LC_MESSAGES"
        place.mkdir(parents=True)
        words = ["".join(rng.choices(letters, k=5)) for _ in range(40)]
        for package in range(12):
            texts = (" ".join(rng.choices(words, k=8)) for _ in range(15))
            made = {f"message {i} of %s": f"{text} %s" for i, text in enumerate(texts)}
            made |= {"OK": "OK", "shared": " ".join([letters] * 3)}
            (place / f"package{package}.mo").write_bytes(catalogue(made))
        (place / "broken.mo").write_bytes(b"no catalogue")
    return root


def test_messages_are_read_and_cleaned(example: ModuleType, folder: Path) -> None:
    found = list(example.messages([folder]))
    assert {locale for locale, _, _ in found} == set(LETTERS)
    assert {package for _, package, _ in found} == {f"package{i}" for i in range(12)}
    assert len(found) == 3 * 12 * 16  # without what is not translated
    strange = {letter for locale, _, text in found for letter in set(text) - {*LETTERS[locale], " "}}
    assert strange == set()
    assert doctest.testmod(example).failed == 0


def test_packages_and_messages_are_kept_apart(example: ModuleType, folder: Path) -> None:
    data = example.corpus([folder], (5, 400), (1000, 1000), (10, 10))
    assert data.languages == sorted(LETTERS)
    assert not set(data.train) & set(data.test)
    assert sum(data.n_packages) == 12
    assert min(data.n_packages) > 0
    assert len(data.train) == len(data.train_labels)
    assert len(data.test) == len(data.test_labels)


def test_settings_are_chosen_without_the_test_packages(example: ModuleType, folder: Path) -> None:
    sizes = (5, 400), (1000, 1000), (10, 10)
    data, chosen_on = (example.corpus([folder], *sizes, validate=validate) for validate in (False, True))
    assert sum(chosen_on.n_packages) == data.n_packages[0]
    assert not set(data.test) & {*chosen_on.train, *chosen_on.test}
    assert len(chosen_on.test) > 0


def test_languages_are_told_apart(
    example: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "confusion.png"
    options = ["--dim", "1000", "--letters", "20", "400", "--least", "10", "10", "--passes", "1"]
    example.main(["--root", str(folder), "--plot", str(plot), *options])
    said = capsys.readouterr().out
    assert said.startswith("3 languages")
    assert "Packed 100.00% right" in said
    assert "Float  100.00% right" in said
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_correction_moves_only_what_was_nearly_wrong(example: ModuleType) -> None:
    sums, rows = np.zeros((2, 3), np.float32), np.ones((3, 3), np.float32)
    scores = np.array([[0.9, 0.1], [0.5, 0.4], [0.2, 0.3]], np.float32)
    example.correct(sums, rows, scores, np.array([0, 0, 0]), margin=0.2, rate=0.5)
    assert sums.tolist() == [[1, 1, 1], [-1, -1, -1]]


def test_nothing_to_learn_from_is_said(example: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--root"):
        example.main(["--root", str(tmp_path)])
