# SPDX-License-Identifier: Apache-2.0
"""Vocabularies: expressions mean what operators mean, in every space; texts are never run."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hypersketch
from hypersketch.memories import ItemMemory
from hypersketch.vsa import BSC, FHRR, HRR, Hypervectors, MapB, MapI, Vocabulary, _expressions, vocabulary
from structure_makers import SPACES

in_all = pytest.mark.parametrize("name", SPACES)


def letters(space: Any) -> tuple[Vocabulary, list[Hypervectors]]:
    words = Vocabulary(space)
    words.populate("A; B; C")
    return words, list(Hypervectors.of(space, ["A", "B", "C"]))


@pytest.mark.parametrize("module", [_expressions, vocabulary])
def test_examples(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0


@in_all
def test_expressions_mean_what_operators_mean(name: str) -> None:
    space = SPACES[name]
    words, (a, b, c) = letters(space)
    assert list(words) == ["A", "B", "C"]
    assert words["A"] == a
    products = () if name == "BSDC-SEG" else (("C * (A + B)", c * (a + b)),)  # it binds with atoms alone
    for text, wanted in (
        *products,
        ("A", a),
        ("(A)", a),
        ("+A", a),
        ("A*B", a * b),
        ("A * B * C", (a * b) * c),
        ("A << 3", a << 3),
        ("A >> 3", a >> 3),
        ("A + B", a + b),
        ("A - B", a - b),
        ("-A", -a),
        ("A + B + C", Hypervectors(space, np.stack([np.asarray(one) for one in (a, b, c)])).bundle()),
        ("2*A - B + C*3", Hypervectors.of(space, ["A", "B", "C"]).bundle([2, -1, 3])),
        ("3 * (2*A - B) - -C", Hypervectors.of(space, ["A", "B", "C"]).bundle([6, -3, 1])),
        ("(A + B) << 1", (a + b) << 1),
    ):
        assert words.parse(text) == wanted, text
    assert words.parse("A @ (A + B)") == a @ (a + b)
    assert words.parse("2 * (A @ A) - 1") == pytest.approx(2 * (a @ a) - 1)


@pytest.mark.parametrize("name", [name for name in SPACES if name != "BSDC-CDT"])
def test_unbinding(name: str) -> None:
    words, (a, b, _) = letters(SPACES[name])
    assert words.parse("A * B / B") == a * b / b
    if name not in ("MBAT", "VTB", "BSDC-S"):
        assert words.parse("~B") == ~b
    assert words.search("A * B / B").keys[0, 0] == "A"


@pytest.mark.parametrize("name", ["MapI", "BSC", "HRR", "FHRR", "MCR"])
def test_identity_powers_and_names_in_quotes(name: str) -> None:
    words, (a, b, _) = letters(SPACES[name])
    words.add("New York", a * b)
    assert words.parse("'New York' / A") == a * b / a
    assert words.parse("A ** 3") == a**3
    assert words.parse("A * Identity") @ a == pytest.approx(1)
    words.populate("Identity = B")
    assert words.parse("Identity") == b


def test_weights_are_numbers_of_the_space() -> None:
    words, (a, b, _) = letters(HRR(512))
    space = words.space
    wanted = space.superpose(np.stack([np.asarray(a), np.asarray(b)]), [0.5, -0.25])
    assert np.allclose(np.asarray(words.parse("A/2 - .25*B")), wanted)
    whole, _ = letters(MapI(512))
    with pytest.raises((TypeError, ValueError), match="weights"):
        whole.parse("0.5 * A")
    with pytest.raises(ValueError, match=r"'A / 0'.*divides by 0"):
        words.parse("A / 0")


# ---- populating


def test_names_with_and_without_expressions() -> None:
    words = Vocabulary(MapI(1000))
    words.populate("A; B = ~A\nC = A*B + 2*A; 'New York'")
    words.add("x y", "C << 1")
    assert list(words) == ["A", "B", "C", "New York", "x y"]
    assert len(words) == 5
    assert "C" in words
    assert 3 not in words
    a, b = words["A"], words["B"]
    assert words["C"] == (a * b + (a + a)).normalize()  # the memory keeps signs
    assert words["x y"] == words["C"] << 1
    words.populate("A; B = A << 1")  # a name alone stays, an expression replaces
    assert words["A"] == a
    assert words["B"] == a << 1
    assert repr(words) == "Vocabulary(MapI(dim=1000, seed=0), 5 names)"


@in_all
def test_sums_can_be_kept(name: str) -> None:
    words, (a, b, _) = letters(SPACES[name])
    words.populate("both = A + B")
    assert words["both"] @ (a + b) == pytest.approx(1 if name != "MapI" else (a + b).normalize() @ (a + b))


def test_failed_calls_add_nothing() -> None:
    for strict in (True, False):
        words = Vocabulary(BSC(256), strict=strict)
        words.populate("A; B")
        for text in ("C; D = 3", "C; D = A(", "C; E = A*2.5", "C; x.y = A", "C; A, B = A", "C; import os"):
            with pytest.raises((ValueError, TypeError)):
                words.populate(text)
            assert list(words) == ["A", "B"]
        for text in ("New * 2.5", "New + 1", "New @", "New << New"):
            with pytest.raises((ValueError, TypeError, KeyError)):
                words.parse(text)
            assert list(words) == ["A", "B"]


def test_unknown_names() -> None:
    words = Vocabulary(BSC(256))
    words.populate("France; Italy")
    with pytest.raises(KeyError, match=r"The name 'Frence' is not in this Vocabulary; 'France' is\."):
        words.parse("Frence * Italy")
    with pytest.raises(KeyError, match=r"'x' is not in this Vocabulary\."):
        words["x"]
    free = Vocabulary(BSC(256), strict=False)
    assert free.parse("A * B") == Hypervectors.of(BSC(256), ["A", "B"]).product()
    assert list(free) == ["A", "B"]
    assert free["C"] == Hypervectors.of(BSC(256), ["C"])[0]


@pytest.mark.parametrize("codebook", ["stored", "procedural", "hadamard"])
def test_memories_of_others(codebook: Any) -> None:
    memory = ItemMemory(MapB(1024), codebook=codebook)
    memory.add(["A", "B"])
    memory.add([5])
    words = Vocabulary(memory)
    assert words.memory is memory
    assert list(words) == ["A", "B"]
    assert np.array_equal(np.asarray(words["A"]), memory.vector(["A"])[0])
    words.add("C")
    assert memory.contains("C").all()
    if codebook != "stored":
        with pytest.raises(TypeError, match="'hypervectors'"):
            words.populate("D = A * B")
    assert len(memory) == 4
    assert Vocabulary(hypersketch.from_bytes(memory.to_bytes()))["C"] == words["C"]


# ---- comparisons


def test_tables_and_texts() -> None:
    words, (a, b, c) = letters(HRR(10_000))
    table = words.similarities(["A", "B + C", c])
    names = Hypervectors.of(words.space, ["A", "B", "C"])
    assert np.allclose(table, [a @ names, (b + c) @ names, c @ names])
    assert np.allclose(words.similarities("A"), a @ names)
    assert np.allclose(words.similarities(names), names @ names)
    assert np.allclose(words.similarities(names, ["A * B", "C"]), names @ _stack(a * b, c))
    bundle = words.space.bundle(["A", "B"])
    assert sorted(words.text(bundle).split(" ")[1::3]) == ["A", "B"]
    assert words.text("A", k=1) == "1.00 A"
    assert words.text("A * B") == ""
    assert Vocabulary(HRR(64)).text(np.asarray(HRR(64).atoms("A"))[0]) == ""
    words.memory.add([7], np.asarray(a)[None])
    assert words.text("A") == "1.00 A + 1.00 7"
    assert words.search("A", k=2).keys.tolist() == [["A", 7]]
    empty = Vocabulary(HRR(64)).similarities(HRR(64).atoms(["A", "B"]))
    assert empty.shape == (2, 0)


def _stack(*given: Hypervectors) -> Hypervectors:
    return Hypervectors(given[0].space, np.stack([np.asarray(one) for one in given]))


def test_sums_and_packed_vectors_meet() -> None:
    words, (a, b, c) = letters(MapI(512))
    assert words.parse("((A + B) << 1) + C") == _stack(a << 1, b << 1, c).bundle()
    assert words.similarities(["A", "A + B"]).shape == (2, 3)


# ---- hostile texts


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "A.space",
        "A[0]",
        "A if A else B",
        "lambda: A",
        "[A for A in B]",
        "{A: B}",
        "A and B",
        "A < B",
        "not A",
        "A // B",
        "A % B",
        "A & B",
        "A ^ B",
        "(A := B)",
        "f'{A}'",
        "b'A'",
        "True",
        "None",
        "1j * A",
        "...",
        "A + 1",
        "1 + A",
        "2 / A",
        "~2",
        "2 << A",
        "2 << 1",
        "2 ** 3",
        "9 ** 9 ** 9",
        "A ** B",
        "A << B",
        "A << 1.5",
        "A @ 2",
        "A; B",
        "A = B",
        "",
        "A +",
        "A\0",
        "(" * 500 + "A" + ")" * 500,
        "~" * 5000 + "A",
        "9" * 5000,
        "A" * 200_000,
        "1e400 * A",
        "A * (B",
        "*A",
    ],
    ids=lambda text: text[:20],
)
def test_other_texts_are_refused(text: str) -> None:
    for space in (HRR(64), BSC(64)):
        words, _ = letters(space)
        with pytest.raises((ValueError, TypeError, OverflowError)) as error:
            words.parse(text)
        assert str(error.value)
        assert len(str(error.value)) < 400
        assert len(words) == 3


def test_long_sums_are_sums() -> None:
    words, (a, *_) = letters(MapI(64))
    long = words.parse("+".join(["A"] * 300))
    assert np.array_equal(np.asarray(long), 300 * words.space.unpack(np.asarray(a)).astype(int))


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    words, _ = letters(BSC(64))
    try:
        words.parse(text)
    except (ValueError, TypeError, KeyError, OverflowError):
        assert len(words) == 3


PLAIN = st.recursive(
    st.sampled_from(["A", "B", "C"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(~{t})"),
        st.tuples(inner, st.integers(-9, 9)).map(lambda t: f"({t[0]} << ({t[1]}))"),
    ),
    max_leaves=6,
)


@given(PLAIN)
@settings(max_examples=100, deadline=None)
def test_random_expressions_are_python_s(text: str) -> None:
    words, (a, b, c) = letters(MapB(128))
    assert words.parse(text) == eval(text, {"A": a, "B": b, "C": c})


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda words: Vocabulary("HRR"), TypeError, "'source' parameter of Vocabulary must be a space"),
        (lambda words: Vocabulary(BSC(64), strict=1), TypeError, "'strict'"),
        (lambda words: words.parse(3), TypeError, "'expression' parameter of Vocabulary.parse must be a str"),
        (lambda words: words.populate(b"A"), TypeError, "'expression' parameter of Vocabulary.populate"),
        (lambda words: words.add(3), TypeError, "'name' parameter of Vocabulary.add must be a str"),
        (lambda words: words[3], TypeError, "'name'"),
        (lambda words: words.add("D", "1 + 1"), ValueError, "needs a vector, but .* is the number 2"),
        (lambda words: words.add("D", HRR(64).atoms("A")), (TypeError, ValueError), "shape|uint64"),
        (lambda words: words.add("D", HRR(32).bundle("A")), TypeError, "do not mix"),
        (lambda words: words.add("D", BSC(64).atoms(["A", "B"])), ValueError, "one vector"),
        (lambda words: words.similarities("A", []), ValueError, "'terms' .* at least one expression"),
        (lambda words: words.similarities([]), ValueError, "'probe' .* at least one expression"),
        (lambda words: words.search("A", 9), ValueError, r"'k'|\[1, 3\]"),
        (lambda words: words.text("A", k=0), ValueError, "'k'"),
        (lambda words: words.text("A", threshold="x"), TypeError, "'threshold'"),
        (lambda words: words.text(BSC(64).atoms(["A", "B"])), ValueError, "one vector"),
        (lambda words: words.search(FHRR(64).bundle("A")), TypeError, "do not mix"),
    ],
)
def test_bad_input(call: Any, error: Any, sentence: str) -> None:
    words, _ = letters(BSC(64))
    with pytest.raises(error, match=sentence):
        call(words)
    assert list(words) == ["A", "B", "C"]
