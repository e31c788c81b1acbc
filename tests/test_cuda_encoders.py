# SPDX-License-Identifier: Apache-2.0
"""Texts and records encoded on a GPU: the vectors of the CPU, bit for bit, wherever the values lie."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same_there
from hypersketch import MapI, cuda
from hypersketch.vsa import BSC, HRR
from hypersketch.vsa.encoders import CircularEncoder, LevelEncoder, NGramEncoder, RandomEncoder, RecordEncoder
from test_examples import example, folder  # noqa: F401

pytestmark = needs_gpu

TEXTS = [
    "der Hund bellt",
    "naïve Füße",
    "日本語のテキスト",
    "aaa",
    "x" * 500,
    "\U0001f600 smile \U0001f9e0",
    "\x00 nul",
]
KINDS = [BSC, MapI]


def strings(texts: list[str], dtype: str = "i4") -> cuda.Strings:
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(dtype)
    return cuda.Strings(on_gpu(offsets), on_gpu(np.frombuffer(b"".join(encoded), np.uint8)))


# ---- texts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", ["characters", "bytes"])
@pytest.mark.parametrize(("dim", "n"), [(1, 1), (64, 3), (65, 2), (1000, 3)])
def test_texts(kind: Any, unit: str, dim: int, n: int) -> None:
    for seed in (None, 4):
        encoder = NGramEncoder(kind(dim, seed=2), n, unit=unit, seed=seed)
        expected = encoder.encode(TEXTS)
        assert same_there(encoder.encode(TEXTS, device="cuda"), expected)
        assert same_there(encoder.encode(strings(TEXTS)), expected)
        assert same_there(encoder.encode(strings(TEXTS, "i8"), device="cuda:0"), expected)
    offsets = np.array([0, 5, 14])
    block = TEXTS[0].encode()
    ours = encoder.encode(on_gpu(np.frombuffer(block, np.uint8)), starts=offsets)
    assert same_there(ours, encoder.encode(block, starts=offsets))


@pytest.mark.parametrize("kind", KINDS)
def test_words_keys_and_pads(kind: Any) -> None:
    space = kind(130, seed=7)
    texts = ["so it goes", "so", "it goes on and on"]
    words = NGramEncoder(space, 2, unit="words", pad=".")
    assert same_there(words.encode(strings(texts)), words.encode(texts))
    assert same_there(words.encode(texts, device="cuda"), words.encode(texts))
    letters = NGramEncoder(space, 3, pad="#")
    assert same_there(letters.encode(strings(texts)), letters.encode(texts))
    keys, starts = np.arange(40) % 7, np.array([0, 3, 10, 40])
    numbers = NGramEncoder(space, 3, unit="keys")
    expected = numbers.encode(keys, starts=starts)
    assert same_there(numbers.encode(on_gpu(keys), starts=starts), expected)
    assert same_there(numbers.encode(on_gpu(keys.astype(np.int16)), starts=on_gpu(starts)), expected)
    assert same_there(numbers.encode(keys, starts=starts, device="cuda"), expected)


@pytest.mark.parametrize(
    "block",
    [
        b"ab\xff",
        b"ab\xc3",
        b"\xe2\x82",
        b"a\x80bc",
        b"\xc0\x80aa",
        b"\xed\xa0\x80a",
        b"\xf4\x90\x80\x80",
        b"\xe0\x80\x80",
    ],
)
def test_what_is_no_utf8_is_refused(block: bytes) -> None:
    encoder = NGramEncoder(BSC(64), 1)
    given = on_gpu(np.frombuffer(block, np.uint8))
    with pytest.raises(ValueError, match="UTF-8"):
        encoder.encode(given, starts=[0, len(block)])


def test_texts_that_do_not_fit_are_refused() -> None:
    encoder = NGramEncoder(BSC(64), 3)
    umlaut = on_gpu(np.frombuffer("aaaäbbb".encode(), np.uint8))
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "Document 1 has 2", lambda: encoder.encode(strings(["abc", "äö", "x"]))),
        (ValueError, "Document 1 has 2", lambda: encoder.encode(["abc", "äö"], device="cuda")),
        (ValueError, "UTF-8", lambda: encoder.encode(umlaut, starts=[0, 4, 8])),
        (TypeError, "starts", lambda: encoder.encode(umlaut)),
        (ValueError, "starts", lambda: encoder.encode(umlaut, starts=[0, 90])),
        (TypeError, "uint8", lambda: encoder.encode(on_gpu(np.zeros(9)), starts=[0, 9])),
        (ValueError, "where the values are", lambda: encoder.encode(strings(["abc"]), device="cpu")),
        (ValueError, "not packed", lambda: NGramEncoder(HRR(64), 3).encode(["abc"], device="cuda")),
        (ValueError, "'cuda'", lambda: encoder.encode(["abc"], device="gpu")),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    assert encoder.encode(strings([])).shape == (0, 1)
    assert encoder.encode([], device="cuda").shape == (0, 1)


# ---- records


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fields", [1, 2, 17, 64])
@pytest.mark.parametrize("dim", [1, 65, 1000])
def test_records_of_numbers(kind: Any, fields: int, dim: int) -> None:
    space = kind(dim, seed=1)
    encoder = RecordEncoder(space, fields, LevelEncoder(space, 0.1, 0.7, levels=17))
    for dtype in (np.float32, np.float64):
        rows = np.random.default_rng(0).normal(0.4, 0.4, (9, fields)).astype(dtype)
        rows[0, 0], rows[1, 0] = np.inf, -np.inf
        rows[2] = 0.1 + (np.arange(fields) + 0.5) * 0.6 / 16  # halfway between levels
        expected = encoder.encode(rows)
        assert same_there(encoder.encode(rows, device="cuda"), expected)
        assert same_there(encoder.encode(on_gpu(rows)), expected)
    assert encoder.encode(on_gpu(np.zeros((0, fields)))).shape[0] == 0


def test_records_of_mixed_fields() -> None:
    for space in (BSC(300), MapI(300)):
        encoder = RecordEncoder(
            space,
            {
                "city": RandomEncoder(space, categories=["Oslo", "Rome"]),
                "name": RandomEncoder(space),
                "hour": CircularEncoder(space, period=24, levels=24),
            },
        )
        days = {"city": ["Oslo", "Rome", "Rome"], "name": ["a", "b", "c"], "hour": [8, 15, 23.9]}
        for _ in range(2):
            assert same_there(encoder.encode(days, device="cuda"), encoder.encode(days))
        days["name"] = ["x", "y", "z"]
        assert same_there(encoder.encode(days, device="cuda"), encoder.encode(days))
        whole = RecordEncoder(space, 3, CircularEncoder(space, period=24, levels=24))
        hours = np.array([[1.0, 2.0, 25.0]])
        assert same_there(whole.encode(on_gpu(hours)), whole.encode(hours))


def test_records_that_do_not_fit_are_refused() -> None:
    space = BSC(64)
    encoder = RecordEncoder(space, 3, LevelEncoder(space, 0, 1, outside="raise"))
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "NaN", lambda: encoder.encode(on_gpu(np.array([[0, np.nan, 1]])))),
        (ValueError, "numbers in", lambda: encoder.encode(on_gpu(np.array([[0, 1.01, 1]])))),
        (ValueError, "shape", lambda: encoder.encode(on_gpu(np.zeros((2, 4))))),
        (TypeError, "float32", lambda: encoder.encode(on_gpu(np.zeros((2, 3), np.int32)))),
        (
            ValueError,
            "where the values are",
            lambda: encoder.encode(on_gpu(np.zeros((2, 3))), device="cuda:1"),
        ),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()


# ---- the examples


def test_the_example_of_languages(
    example: ModuleType,  # noqa: F811
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--dim", "500", "--letters", "20", "400", "--least", "10", "10", "--passes", "1", "--no-float"]
    said = []
    for device in ("cpu", "cuda"):
        example.main(["--root", str(folder), "--device", device, *options])
        said.append(re.sub(r"[\d,]+ messages/s", "", capsys.readouterr().out))
    assert said[0] == said[1]


# ---- from the pixels, and from the text, to the answer


def test_digits_and_languages_from_end_to_end() -> None:
    """What examples of classes bundle to, and what is nearest to it, is what the CPU finds."""
    rng = np.random.default_rng(0)
    prototypes, labels = rng.integers(0, 17, (10, 64)), np.repeat(np.arange(10), 8)
    rows = np.clip(prototypes[labels] + rng.integers(-3, 4, (80, 64)), 0, 16).astype(np.float32)
    space = BSC(1000)
    encoder = RecordEncoder(space, 64, LevelEncoder(space, 0, 16, levels=17))
    starts = np.arange(0, 81, 8)
    expected = space.superpose(encoder.encode(rows), starts=starts)
    ours = space.superpose(encoder.encode(on_gpu(rows)), starts=starts)
    assert same_there(ours, expected)
    scores = [space.similarity(one, encoder.encode(on_gpu(rows))) for one in map(on_gpu, np.asarray(ours))]
    found = np.argmax([np.asarray(score) for score in scores], axis=0)
    assert (found == labels).mean() > 0.9
    grams = NGramEncoder(MapI(1000), 3)
    sums = grams.encode(strings(TEXTS))
    assert same_there(MapI(1000).normalize(sums), MapI(1000).normalize(grams.encode(TEXTS)))
    assert hypersketch.MapI(1000).similarity(
        on_gpu(np.asarray(sums)[0]), grams.space.atoms(on_gpu([1]))
    ).shape == (1,)
