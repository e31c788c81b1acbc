# SPDX-License-Identifier: Apache-2.0
"""Records: bundles of bound fields, equal to the algebra of the space however they come."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import reference_encoders as reference
from hypersketch import vsa
from hypersketch.vsa import _gathered
from hypersketch.vsa.encoders import (
    CircularEncoder,
    IdentityEncoder,
    LevelEncoder,
    RandomEncoder,
    RecordEncoder,
)
from hypersketch.vsa.encoders._majorities import agreement

NAMES = sorted(vsa.by_name.NAMES)
SIGMAS = 5.0


def mixed(space: Any) -> RecordEncoder:
    """Fields of several kinds, two of which share a table."""
    level = LevelEncoder(space, -1, 1, levels=9)
    return RecordEncoder(
        space,
        {
            "x": level,
            "y": level,
            "name": RandomEncoder(space),
            "kind": RandomEncoder(space, categories=["a", "b", "c"]),
            "hour": CircularEncoder(space, 24, 24),
            "there": IdentityEncoder(space),
        },
    )


def columns(n: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "x": rng.uniform(-1.2, 1.2, n),
        "y": rng.uniform(-1, 1, n).astype(np.float32),
        "name": [f"name {i}" for i in rng.integers(0, 4, n)],
        "kind": rng.choice(["a", "b", "c"], n),
        "hour": rng.integers(0, 24, n),
        "there": [None] * n,
    }


def by_algebra(encoder: RecordEncoder, columns: dict[str, Any], i: int) -> Any:
    """Record i by the methods of the space."""
    space = encoder.space
    fillers = [
        one.encode(columns[name][i : i + 1])[0]
        for name, one in zip(encoder.names, encoder.encoders, strict=True)
    ]
    return space.superpose(np.stack([space.bind(v, r) for v, r in zip(fillers, encoder.roles, strict=True)]))


def assert_equal(space: Any, found: Any, expected: Any) -> None:
    """Equal, or for real numbers up to the rounding of float32, in sums of at most 100 fields."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype.kind in "fc":
        # Transforms and sums of some tens of numbers of size 1 lose a few units of 2^-24.
        assert np.abs(found - expected).max() <= 200 * 2**-24 * max(1.0, np.abs(expected).max())
    else:
        assert np.array_equal(found, expected)


# ---- equal to the algebra


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dim", [64, 256])
def test_records_are_bundles_of_bound_fields(name: str, dim: int) -> None:
    space = vsa.space(name, dim)
    encoder, given = mixed(space), columns(7)
    found = encoder.encode(given)
    for i in range(7):
        assert_equal(space, found[i], by_algebra(encoder, given, i))


@pytest.mark.parametrize("dim", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("n_fields", [1, 2, 33, 300])
def test_packed_records_are_their_definition(dim: int, n_fields: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.random((3, n_fields))
    space = vsa.MapI(dim)
    encoder = RecordEncoder(space, n_fields, LevelEncoder(space, levels=5))
    fillers = space.unpack(encoder.encoders[0].table).astype(int).tolist()
    roles = space.unpack(encoder.roles).astype(int).tolist()
    sums = encoder.encode(values)
    for row, record in zip(encoder.encoders[0].indices(values), sums, strict=True):
        assert record.tolist() == reference.sign_record([fillers[i] for i in row], roles)
    binary = vsa.MapB(dim)
    majorities = RecordEncoder(binary, n_fields, LevelEncoder(binary, levels=5)).encode(values)
    assert np.array_equal(majorities, space.normalize(sums))


def test_spectral_vectors_are_the_spectra_of_plain_ones() -> None:
    plain, spectral = vsa.HRR(100), vsa.HRR(100, spectral=True)
    found = mixed(spectral).encode(columns(5))
    assert np.abs(plain.from_spectral(found) - mixed(plain).encode(columns(5))).max() < 200 * 2**-24


def test_sums_of_phasors_keep_their_lengths() -> None:
    space = vsa.FHRR(100, phase_only=False)
    given = columns(4)
    for i, row in enumerate(mixed(space).encode(given)):
        assert_equal(space, row, by_algebra(mixed(space), given, i))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_pieces_and_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bsc", "map-i", "map-c", "cgr", "hrr", "mbat"):
        space = vsa.space(name, 130)
        whole = mixed(space).encode(columns(40))
        with monkeypatch.context() as patch:
            patch.setattr(vsa.encoders.records, "_CHOICES", 30)
            patch.setattr(vsa.encoders._bundling, "_TEMPORARY", 5000)
            patch.setattr(vsa.encoders._bundling, "_IN_CACHE", 5000)
            assert_equal(space, mixed(space).encode(columns(40), threads=threads), whole)


# ---- how records come


class Table:
    """A table as pandas and polars have them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self.columns = list(given)

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.column_stack(list(self._given.values()))


def test_forms_of_records() -> None:
    space = vsa.BSC(500)
    encoder, given = mixed(space), columns(6)
    expected = encoder.encode(given)
    dictionaries = [{name: given[name][i] for name in given} for i in range(6)]
    shuffled = {name: given[name] for name in reversed(given)}
    for one in (dictionaries, shuffled, Table(given), Table({**given, "more": given["x"]})):
        assert np.array_equal(encoder.encode(one), expected)
    single = {name: given[name][0] for name in given}
    assert np.array_equal(encoder.encode(single), expected[:1])

    rows = np.random.default_rng(0).random((5, 3))
    plain = RecordEncoder(space, 3, LevelEncoder(space))
    expected = plain.encode(rows)
    table = Table({name: rows[:, i] for i, name in enumerate("abc")})
    for other in (rows.tolist(), np.asfortranarray(rows), table, rows[::-1][::-1]):
        assert np.array_equal(plain.encode(other), expected)
    assert np.array_equal(plain.encode(rows[2]), expected[2:3])
    assert plain.encode(np.empty((0, 3))).shape == (0, space.width)
    assert mixed(space).encode({name: [] for name in given}).shape == (0, space.width)
    same = RecordEncoder(space, {i: LevelEncoder(space) for i in range(3)})
    assert np.array_equal(same.encode(rows), expected)


def test_tables_of_other_libraries() -> None:
    pandas = pytest.importorskip("pandas")
    encoder, given = mixed(vsa.BSC(500)), columns(6)
    assert np.array_equal(encoder.encode(pandas.DataFrame(given)), encoder.encode(given))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_columns_of_arrow(library: str) -> None:
    module, encoder, given = pytest.importorskip(library), mixed(vsa.BSC(500)), columns(6)
    known = {**given, "there": [0] * 6}
    table = module.DataFrame(known) if library == "polars" else module.table(known)
    assert np.array_equal(encoder.encode(table), encoder.encode(given))


def test_rows_of_names() -> None:
    space = vsa.BSC(300)
    encoder = RecordEncoder(space, ["subject", "verb"], RandomEncoder(space))
    rows = [["a", "b"], ["c", "a"]]
    assert np.array_equal(encoder.encode(rows), encoder.encode(np.array(rows, object)))
    assert np.array_equal(encoder.encode(rows), encoder.encode({"subject": ["a", "c"], "verb": ["b", "a"]}))


def test_roles_belong_to_names() -> None:
    space = vsa.BSC(300)
    level = LevelEncoder(space)
    one, two = RecordEncoder(space, ["x", "y"], level), RecordEncoder(space, ["z", "x"], level)
    assert np.array_equal(one.roles[0], two.roles[1])
    assert not np.array_equal(one.roles[0], RecordEncoder(space, ["x"], level, seed=1).roles[0])
    assert np.array_equal(RecordEncoder(space, 2, level).roles, RecordEncoder(space, [0, 1], level).roles)


# ---- back again, and kernels


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bsdc-cdt"])
def test_fields_come_back(name: str) -> None:
    space = vsa.space(name, 40_000 if name == "b-sbc" else 6400)
    encoder = RecordEncoder(
        space,
        {
            "x": LevelEncoder(space, 0, 10, levels=11),
            "kind": RandomEncoder(space, categories=["a", "b"]),
            "hour": CircularEncoder(space, 24, 4),
        },
    )
    records = encoder.encode([{"x": 2, "kind": "a", "hour": 6}, {"x": 9, "kind": "b", "hour": 18}])
    assert encoder.decode(records, "kind").tolist() == ["a", "b"]
    assert encoder.decode(records, "hour").tolist() == [6, 18]
    # Neighbouring levels differ in a tenth of D entries: noise of three fields can hide one or two of them.
    assert np.abs(encoder.decode(records, "x") - [2, 9]).max() <= 2


def pairs_of_records(n_fields: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    a = rng.random((20, n_fields))
    return a, np.clip(a + rng.normal(0, 0.3, a.shape), 0, 1)


@pytest.mark.parametrize("bandwidth", [None, 0.25])
def test_the_kernel_of_sums(bandwidth: float | None) -> None:
    a, b = pairs_of_records(40)
    dim = 4000
    for space in (vsa.MapI(dim), vsa.HRR(dim), vsa.FHRR(dim, phase_only=False), vsa.VTB(63**2)):
        encoder = RecordEncoder(space, 40, LevelEncoder(space, levels=65, bandwidth=bandwidth))
        x, y = encoder.encode(a), encoder.encode(b)
        sizes = np.sqrt(space.similarity(x, x) * space.similarity(y, y))  # 1 but in MAP-I
        found = space.similarity(x, y) / sizes
        # A cosine of nearly normal sums has a variance of 1 / D at most; the shared levels add as much again.
        assert np.abs(found - encoder.kernel(a, b)).max() <= SIGMAS * np.sqrt(2 / 63**2)


def sign_agreement(n_equal: int, n_different: int) -> float:
    """The expectation of sign(U + V) sign(U - V), U and V sums of so many signs, with a random sign of 0."""
    u, v = (
        {abs(n - 2 * i): (2 if n != 2 * i else 1) * math.comb(n, i) / 2**n for i in range(n // 2 + 1)}
        for n in (n_equal, n_different)
    )
    return sum(p * q * ((x > y) - (x < y) + (x == y == 0)) for x, p in u.items() for y, q in v.items())


@pytest.mark.parametrize("n_fields", [1, 2, 5, 12, 41])
def test_the_agreement_of_majorities_is_counted_out(n_fields: int) -> None:
    found = agreement(n_fields)
    for n in range(n_fields + 1):
        assert found[n] == pytest.approx(sign_agreement(n, n_fields - n), abs=1e-12)


def test_many_fields_agree_as_normal_numbers_do() -> None:
    for n_fields in (999, 1000):
        exact, normal = agreement(n_fields), 2 / np.pi * np.arcsin(2 * np.arange(n_fields + 1) / n_fields - 1)
        assert (normal[:-4] <= exact[2:-2]).all()
        assert (exact[2:-2] <= normal[4:]).all()
        assert np.array_equal(agreement(n_fields + 1000)[[0, -1]], [-1, 1])


@pytest.mark.parametrize("n_fields", [40, 41])
@pytest.mark.parametrize("bandwidth", [None, 0.25])
def test_the_kernel_of_majorities(bandwidth: float | None, n_fields: int) -> None:
    space = vsa.BSC(4000)
    a, b = pairs_of_records(n_fields)
    exact = np.array([sign_agreement(n, n_fields - n) for n in range(n_fields + 1)])
    for levels in (
        [LevelEncoder(space, levels=65, bandwidth=bandwidth)],
        [LevelEncoder(space, levels=65, bandwidth=bandwidth, seed=f) for f in range(n_fields)],
    ):
        encoder = RecordEncoder(space, dict(zip(range(n_fields), levels * n_fields, strict=False)))
        fields = (levels * n_fields)[:n_fields]
        signs, others = ([space.unpack(one.encode(x[:, f])) for f, one in enumerate(fields)] for x in (a, b))
        equal = (np.array(signs) == np.array(others)).sum(axis=0)
        expected = exact[equal].mean(axis=1)  # over roles, given the tables
        found = space.similarity(encoder.encode(a), encoder.encode(b))
        assert np.abs(found - expected).max() <= SIGMAS / np.sqrt(space.dim)
        assert np.allclose(encoder.kernel(a, b), expected, rtol=0, atol=1e-12)
    mean = np.mean([levels[0].kernel(a[:, f], b[:, f]) for f in range(n_fields)], axis=0)
    # With tables of their own, r_d has the variance (1 - mean^2) / F, which arcsin bends by about as much.
    assert np.abs(
        encoder.kernel(a, b) - 2 / np.pi * np.arcsin(mean)
    ).max() <= 1 / n_fields + SIGMAS / np.sqrt(space.dim)


# ---- objects and refusals


def test_encoders_are_values() -> None:
    space = vsa.BSC(100)
    scope = {**vars(vsa), **vars(vsa.encoders)}
    for one in (
        mixed(space),
        RecordEncoder(space, 5, LevelEncoder(space)),
        RecordEncoder(space, ["ab"], LevelEncoder(space), seed=2),
    ):
        assert eval(repr(one), scope) == one
        one.encode(columns(2) if len(one.names) == 6 else np.zeros((1, one.n_fields)))
        for copied in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert (copied, hash(copied)) == (one, hash(one))
            assert "roles" not in vars(copied)
    assert mixed(space) != mixed(vsa.BSC(101))
    assert not mixed(space).roles.flags.writeable


BSC = vsa.BSC(64)
LEVEL = LevelEncoder(BSC)
XY = RecordEncoder(BSC, ["x", "y"], LEVEL)
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: RecordEncoder(7, 3, LEVEL), TypeError, "a space of hypersketch.vsa"),
    (lambda: RecordEncoder(vsa.BSC(65), 3, LEVEL), ValueError, "another space"),
    (lambda: RecordEncoder(BSC, 3), TypeError, "an encoder of"),
    (lambda: RecordEncoder(BSC, {"x": 5}), TypeError, "an encoder of"),
    (lambda: RecordEncoder(BSC, {"x": LEVEL}, LEVEL), TypeError, "encoders of their own"),
    (lambda: RecordEncoder(BSC, [], LEVEL), ValueError, "one field or more"),
    (lambda: RecordEncoder(BSC, 0, LEVEL), ValueError, "fields"),
    (lambda: RecordEncoder(BSC, "xy", LEVEL), TypeError, "a number of fields"),
    (lambda: RecordEncoder(BSC, ["x", "x"], LEVEL), ValueError, "all different"),
    (lambda: XY.encode(np.zeros((2, 3))), ValueError, r"\(2, 3\) but RecordEncoder.encode needs \(n, 2\)"),
    (lambda: XY.encode([[1, 2], [3]]), TypeError, "rows of 2 values"),
    (lambda: XY.encode({"x": [1]}), ValueError, "'y' of RecordEncoder.encode is missing"),
    (lambda: XY.encode([{"x": 1, "y": 2}, {"x": 1}]), ValueError, "'y' of RecordEncoder.encode is missing"),
    (lambda: XY.encode({"x": [1], "y": [1, 2]}), ValueError, "'x' 1, 'y' 2"),
    (lambda: XY.encode({"x": [[1]], "y": [1]}), ValueError, "one column"),
    (lambda: XY.encode({"x": np.ma.masked_equal([1], 1), "y": [1]}), ValueError, "no nulls"),
    (lambda: XY.encode([[1, np.nan]]), ValueError, "NaN"),
    (lambda: XY.encode([[True, False]]), TypeError, "rows of 2 values"),
    (lambda: XY.encode([["a", "b"]]), TypeError, "real numbers"),
    (lambda: XY.decode(BSC.atoms("a"), "z"), ValueError, "the name of a field"),
    (lambda: XY.decode(np.zeros(5), "x"), TypeError, "packed"),
    (lambda: RecordEncoder(BSC, 1, IdentityEncoder(BSC)).decode(BSC.atoms("a"), 0), ValueError, "no inverse"),
    (
        lambda: RecordEncoder(vsa.MapI(64), 1, RandomEncoder(vsa.MapI(64))).kernel([["a"]], [["b"]]),
        ValueError,
        "has none",
    ),
    (lambda: XY.kernel([[1, 2]], [[1, 2], [3, 4]]), ValueError, "1 records but b has 2"),
    (
        lambda: RecordEncoder(vsa.CGR(64), 1, LevelEncoder(vsa.CGR(64))).kernel([[1]], [[2]]),
        ValueError,
        "closed form",
    ),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_refusals(case: int) -> None:
    call, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        call()


# ---- bundles of chosen rows


def test_gathered_rows_are_bundles_of_rows() -> None:
    rng = np.random.default_rng(2)
    for dim in (1, 64, 65, 700):
        for space in (vsa.MapI(dim), vsa.BSC(dim)):
            book, others = space.atoms(range(6)), space.atoms(range(10, 13))
            chosen, which = rng.integers(0, 6, 50), rng.integers(0, 3, 50)
            weights, starts = rng.integers(-3, 4, 50), [0, 1, 20, 50]
            found = _gathered.gathered("here", space, book, chosen, starts, weights=weights)
            assert np.array_equal(found, space.superpose(book[chosen], weights, starts=starts))
            bound = space.bind(book[chosen], others[which])
            found = _gathered.gathered("here", space, book, chosen, starts, bound_to=(others, which))
            assert np.array_equal(found, space.superpose(bound, starts=starts))
            assert np.array_equal(
                _gathered.gathered("here", space, book, chosen), space.superpose(book[chosen])
            )


@pytest.mark.parametrize(
    ("chosen", "how", "words"),
    [
        ([6], {}, r"integers in \[0, 6\)"),
        ([-1], {}, r"integers in \[0, 6\)"),
        ([0.5], {}, r"integers in \[0, 6\)"),
        ([[0]], {}, "one-dimensional"),
        ([], {}, "at least one vector"),
        ([0, 1], {"starts": [0, 0, 2]}, "at least one vector"),
        ([0, 1], {"starts": [0, 3]}, "starts"),
        ([0, 1], {"weights": [1]}, "one element a key"),
        ([0, 1], {"bound_to": (BSC.atoms("a"), [0])}, "2 choices but bound_to has 1"),
        ([0], {"bound_to": (BSC.atoms("a"), [1])}, r"integers in \[0, 1\)"),
    ],
)
def test_refusals_of_gathered_rows(chosen: Any, how: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        _gathered.gathered("here", BSC, BSC.atoms(range(6)), chosen, **how)
