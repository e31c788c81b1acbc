# SPDX-License-Identifier: Apache-2.0
"""Texts: bundles of their n-grams, the same however documents come."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest

import reference_encoders as reference
from hypersketch import vsa
from hypersketch.vsa.encoders import NGramEncoder
from hypersketch.vsa.encoders.ngrams import _permutation

NAMES = sorted(vsa.by_name.NAMES)
SIGMAS = 5.0
TEXTS = ["the cat sat", "äß€😀 ö", "abcabcabc", "xyz"]


def space_of(name: str, dim: int = 1024) -> Any:
    return vsa.space(name, dim)


# ---- definitions


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_documents_are_bundles_of_their_grams(name: str, n: int) -> None:
    space = space_of(name)
    encoder = NGramEncoder(space, n=n)
    permute = _permutation(space)

    class Turning:  # the space, with the permutation that tells positions apart
        bind = staticmethod(space.bind)

        @staticmethod
        def permute(vector: Any, steps: int) -> Any:
            return permute(vector, steps)

    found = encoder.encode(TEXTS)
    for text, row in zip(TEXTS, found, strict=True):
        grams = np.stack(reference.grams(Turning, space.atoms(list(text)), n))
        expected = space.superpose(grams)
        if row.dtype.kind in "fc":
            assert np.abs(row - expected).max() <= 100 * 2**-24 * np.abs(expected).max()
        else:
            assert np.array_equal(row, expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bsdc-cdt"])
def test_the_order_of_tokens_counts(name: str) -> None:
    space = space_of(name, 4096)
    encoder = NGramEncoder(space, n=3)
    one, *others = encoder.encode(["abc", "acb", "bac", "cba", "bca", "cab"])
    alike = vsa.encoders._strangers.stranger_similarity(space)
    n = 64 if name == "b-sbc" or name.startswith("bsdc") else 4096
    spread = np.sqrt((alike * (1 - alike) if alike else 1.0) / n)
    assert space.similarities(one, np.stack(others)).max() <= alike + SIGMAS * spread + 1 / n


def test_shifts_would_lose_the_order_where_binding_shifts() -> None:
    for space in (vsa.HRR(256), vsa.BSDC(256, variant="s")):
        a, b = space.atoms(["a", "b"])
        ab, ba = space.bind(space.permute(a, 1), b), space.bind(space.permute(b, 1), a)
        if isinstance(space, vsa.HRR):
            assert space.similarity(ab, ba)[0] > 0.999
        encoder = NGramEncoder(space, n=2)
        x, y = encoder.encode(["ab", "ba"])
        assert space.similarity(x, y)[0] < 0.6


def test_spectra_of_documents() -> None:
    plain, spectral = vsa.HRR(128), vsa.HRR(128, spectral=True)
    found = plain.from_spectral(NGramEncoder(spectral).encode(TEXTS))
    assert np.abs(found - NGramEncoder(plain).encode(TEXTS)).max() < 1e-5


def test_inner_products_are_the_spectrum_kernel() -> None:
    rng = np.random.default_rng(3)
    texts = ["".join(rng.choice(list("abcd"), 60)) for _ in range(6)]
    space = vsa.MapI(20_000)
    sums = NGramEncoder(space, n=2).encode(texts)
    counts = [Counter(itertools.pairwise(text)) for text in texts]
    kernel = np.array([[sum(x[g] * y[g] for g in x) for y in counts] for x in counts])
    squares = np.diag(kernel)
    spread = np.sqrt((np.outer(squares, squares) + kernel**2) / space.dim)
    assert (np.abs(space.similarities(sums, sums) - kernel) <= SIGMAS * spread).all()


# ---- how documents come


@pytest.mark.parametrize("name", ["bsc", "map-i", "map-c"])
def test_forms_of_documents(name: str) -> None:
    space = space_of(name, 200)
    encoder = NGramEncoder(space, n=2)
    expected = encoder.encode(TEXTS)
    blob = "".join(TEXTS).encode()
    offsets = np.cumsum([0] + [len(text.encode()) for text in TEXTS]).astype(np.int32)
    for found in (
        encoder.encode(tuple(TEXTS)),
        encoder.encode(np.array(TEXTS)),
        encoder.encode(np.array(TEXTS, object)),
        encoder.encode(iter(TEXTS)),
        encoder.encode(blob, starts=offsets),
        encoder.encode(np.frombuffer(b"zz" + blob, np.uint8), starts=offsets + 2),
    ):
        assert np.array_equal(found, expected)
    assert np.array_equal(encoder.encode(TEXTS[0]), expected[:1])
    assert encoder.encode([]).shape == (0, *expected.shape[1:])
    letters = NGramEncoder(space, n=2, unit="keys")
    assert np.array_equal(letters.encode([list(text) for text in TEXTS]), expected)
    starts = np.cumsum([0] + [len(text) for text in TEXTS])
    assert np.array_equal(letters.encode(list("".join(TEXTS)), starts=starts), expected)


def test_columns_of_arrow() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    encoder = NGramEncoder(vsa.BSC(200), n=2)
    column = pyarrow.array(TEXTS)
    assert np.array_equal(encoder.encode(column), encoder.encode(TEXTS))
    _, offsets, data = column.buffers()
    edges = np.frombuffer(offsets, np.int32)[: len(TEXTS) + 1]
    assert np.array_equal(encoder.encode(data.to_pybytes(), starts=edges), encoder.encode(TEXTS))


def test_units() -> None:
    space = vsa.BSC(300)
    octets = NGramEncoder(space, n=2, unit="bytes")
    keys = NGramEncoder(space, n=2, unit="keys")
    assert np.array_equal(octets.encode(TEXTS), octets.encode([text.encode() for text in TEXTS]))
    assert np.array_equal(octets.encode(TEXTS), keys.encode([list(text.encode()) for text in TEXTS]))
    assert np.array_equal(octets.encode(b"abcd", starts=[1, 4]), octets.encode(["bcd"]))
    words = NGramEncoder(space, n=2, unit="words")
    assert np.array_equal(words.encode(" a  b\nc "), keys.encode([["a", "b", "c"]]))
    assert np.array_equal(keys.encode(np.arange(8).reshape(2, 4)), keys.encode([[0, 1, 2, 3], [4, 5, 6, 7]]))


@pytest.mark.parametrize("unit", ["characters", "bytes", "words", "keys"])
def test_pads_stand_before_and_behind(unit: str) -> None:
    space = vsa.BSC(300)
    documents: list[Any] = ["ab", "", "c"]
    pad: Any = "#"
    expected: list[Any] = ["##ab##", "####", "##c##"]
    if unit == "bytes":
        pad = ord("#")
    if unit in ("words", "keys"):
        documents, expected = (
            [" ".join(one) if unit == "words" else list(one) for one in texts]
            for texts in (documents, expected)
        )
    padded = NGramEncoder(space, n=3, unit=unit, pad=pad).encode(documents)
    assert np.array_equal(padded, NGramEncoder(space, n=3, unit=unit).encode(expected))


def test_threads_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bsc", "map-i", "mcr"):
        encoder = NGramEncoder(space_of(name, 130), n=2)
        whole = encoder.encode(TEXTS)
        with monkeypatch.context() as patch:
            patch.setattr(vsa.encoders.ngrams, "_AT_ONCE", 300)
            assert np.array_equal(encoder.encode(TEXTS, threads=3), whole)


def test_seeds_make_other_vectors() -> None:
    space = vsa.BSC(10_000)
    made = [NGramEncoder(space, seed=seed).encode("abcdefg")[0] for seed in (None, 0, 1)]  # 5 grams: no ties
    scores = space.similarities(np.stack(made), np.stack(made))
    assert np.abs(scores - np.eye(3)).max() < SIGMAS / 100


def test_encoders_are_values() -> None:
    one = NGramEncoder(vsa.BSC(100), n=2, unit="words", pad="x", seed=4)
    one.encode("a b")
    assert eval(repr(one), {**vars(vsa), **vars(vsa.encoders)}) == one
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert one != NGramEncoder(vsa.BSC(100), n=3, unit="words", pad="x", seed=4)


BSC = vsa.BSC(64)
TWO = NGramEncoder(BSC, n=2)
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: NGramEncoder(3), TypeError, "a space"),
    (lambda: NGramEncoder(BSC, n=0), ValueError, r"\[1, 255\]"),
    (lambda: NGramEncoder(BSC, unit="lines"), ValueError, "'characters', 'bytes'"),
    (lambda: NGramEncoder(BSC, pad="ab"), ValueError, "one character"),
    (lambda: NGramEncoder(BSC, unit="bytes", pad=256), ValueError, r"\[0, 255\]"),
    (lambda: NGramEncoder(BSC, unit="words", pad=["a"]), TypeError, "one key"),
    (lambda: NGramEncoder(vsa.BSDC(1000, variant="seg")), ValueError, "multiple of 32"),
    (lambda: TWO.encode(["ab", "c"]), ValueError, "Document 1 has 1"),
    (lambda: TWO.encode([""]), ValueError, "Document 0 has 0"),
    (lambda: TWO.encode(5), TypeError, "documents of characters"),
    (lambda: TWO.encode([b"ab"]), TypeError, "strings"),
    (lambda: TWO.encode(["ab", None]), TypeError, "Got None"),
    (lambda: TWO.encode(["a\ud800"]), ValueError, "lone surrogate"),
    (lambda: TWO.encode("abc", starts=[0, 3]), TypeError, "bytes, or an array of uint8"),
    (lambda: TWO.encode(np.arange(3), starts=[0, 3]), TypeError, "int64"),
    (lambda: TWO.encode(b"abc", starts=[0, 4]), ValueError, "starts"),
    (lambda: TWO.encode("ä€".encode(), starts=[0, 1, 5]), ValueError, "characters begin"),
    (lambda: TWO.encode(b"\xff\xff", starts=[0, 2]), ValueError, "UTF-8"),
    (lambda: NGramEncoder(BSC, unit="keys").encode(["ab"]), TypeError, "sequences of keys"),
    (lambda: NGramEncoder(BSC, unit="words").encode([5]), TypeError, "strings of words"),
    (lambda: NGramEncoder(BSC, unit="keys").encode([[1.5, 2.5, 3.5]]), TypeError, "A key must be"),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_refusals(case: int) -> None:
    call, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        call()
