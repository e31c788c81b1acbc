# SPDX-License-Identifier: Apache-2.0
"""Operations on packed vectors equal to the definition, bit by bit, at every level and number of threads."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from hypersketch import MapB, MapI
from hypersketch.vsa import _packed
from makers import hashes_of

DIMS = [1, 63, 64, 65, 1000, 10_000]
COUNTS = [1, 2, 3, 4, 254, 255, 256, 257, 999, 1000]
ME = "Here"
Bits = NDArray[np.bool_]


def draw(n: int, dim: int, seed: int) -> Bits:
    return np.random.default_rng(seed).random((n, dim)) < 0.5


def packed(bits: Bits) -> NDArray[np.uint64]:
    return reference.pack(1 - 2 * bits.astype(np.int64))


def unpacked(rows: NDArray[np.uint64], dim: int) -> Bits:
    """Bits of rows, none of which may lie beyond the dimension."""
    bits = np.unpackbits(rows.astype("<u8").view(np.uint8), axis=-1, bitorder="little").astype(np.bool_)
    assert not bits[..., dim:].any()
    return bits[..., :dim]


def voted(bits: Bits, ties: Bits, weights: Any = None, at_least: int | None = None) -> Bits:
    """What `reference.majority` says, by whole arrays; the two are compared below."""
    values = np.ones(len(bits), np.int64) if weights is None else np.asarray(weights, np.int64)
    votes = np.abs(values) @ (bits ^ (values < 0)[:, np.newaxis])
    total = np.abs(values).sum()
    return votes >= at_least if at_least is not None else (2 * votes > total) | ((2 * votes == total) & ties)


# ---- against reference


def test_the_arrays_of_these_tests_are_the_definition() -> None:
    ties = draw(1, 20, 1)[0]
    for n, weights in ((1, None), (4, None), (7, None), (4, [3, -3, 1, -1]), (3, [0, 0, 0])):
        bits = draw(n, 20, n)
        for at_least in (None, 1, 3, n):
            given = None if weights is None else np.array(weights)
            assert np.array_equal(
                voted(bits, ties, given, at_least), reference.majority(bits, ties, given, at_least)
            )
        assert np.array_equal(reference.bits_of(packed(bits), 20), bits)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("dim", DIMS)
def test_majority(dim: int, n: int, level: str) -> None:
    bits, ties = draw(n, dim, n), draw(1, dim, 7)[0]
    rows, tie_row = packed(bits), packed(ties[np.newaxis])[0]
    for threads in (1, 3):
        found = _packed.majority(ME, rows, dim, tie_row, threads=threads)
        assert np.array_equal(unpacked(found, dim), voted(bits, ties))
    for at_least in {1, n // 3 + 1, n, n + 1}:
        found = _packed.majority(ME, rows, dim, tie_row, at_least=at_least)
        assert np.array_equal(unpacked(found, dim), voted(bits, ties, None, at_least))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 255, 256, 600])
@pytest.mark.parametrize("dim", [1, 63, 65, 1000])
def test_weights_bundles_and_pairs(dim: int, n: int, level: str, threads: int) -> None:
    rng = np.random.default_rng(n)
    left, right, ties = draw(n, dim, 1), draw(n, dim, 2), draw(1, dim, 3)[0]
    a, b, tie_row = packed(left), packed(right), packed(ties[np.newaxis])[0]
    cuts = np.unique(rng.integers(0, n, 5))
    starts = np.array([*cuts.tolist(), n])
    for weights in (None, rng.integers(-9, 10, n), rng.choice([-(2**31 - 1), 2**31 - 1], n)):
        alone = _packed.majority(ME, a, dim, tie_row, weights, threads=threads)
        assert np.array_equal(unpacked(alone, dim), voted(left, ties, weights))
        out = np.empty((len(starts) - 1, a.shape[1]), np.uint64)
        found = _packed.bound_majority(
            ME, a, b, dim, tie_row, weights, starts.tolist(), out=out, threads=threads
        )
        assert found is out
        for row, first, last in zip(unpacked(found, dim), starts[:-1], starts[1:], strict=True):
            part = None if weights is None else weights[first:last]
            assert np.array_equal(row, voted((left ^ right)[first:last], ties, part))


def test_majority_is_what_the_signs_of_counters_are() -> None:
    """Of an even number, where the space's tie vector decides."""
    for dim in (64, 1000):
        space, keys = MapB(dim, 3), range(10)
        ties = reference.pack(reference.atoms(dim, 3, np.zeros(1, np.uint64), reference.TIE))[0]
        found = _packed.majority(ME, space.atoms(keys), dim, ties)
        assert np.array_equal(found, space.bundle(keys).pack().vector)


@pytest.mark.parametrize("dim", [1, 2, 63, 64, 65, 128, 200, 1000, 10_000])
def test_rotating(dim: int, level: str, threads: int) -> None:
    bits = draw(70, dim, dim)
    rows = packed(bits)
    out = np.empty_like(rows)
    shifts = range(-dim, dim) if dim <= 65 else [*range(0, dim, 61), 63, 64, 127, 128, dim - 64, dim - 1, -1]
    for shift in shifts:
        assert _packed.rotate(ME, rows, dim, shift, out, threads) is out
        assert np.array_equal(unpacked(out, dim), np.roll(bits, shift, axis=1))


def test_results_written_where_they_are_wanted() -> None:
    space = MapI(100)
    a, b = space.atoms(range(5)), space.atoms(range(5, 10))
    out = np.empty_like(a)
    assert space.bind(a, b, out=out) is out
    assert np.array_equal(out, a ^ b)
    assert space.permute(a, 3, out=out) is out
    assert np.array_equal(out, space.permute(a, 3))
    kept = a.copy()
    assert np.array_equal(space.bind(a[1:], b[1:], out=a[:-1]), kept[1:] ^ b[1:])
    a[:] = kept
    assert space.bind(a, b, out=a) is a
    assert np.array_equal(a, kept ^ b)
    row = np.empty(2, np.uint64)
    assert np.array_equal(space.permute(b[0], -7, out=row), space.permute(b, -7)[0])


# ---- n-grams


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("dim", [1, 7, 64, 65, 1000])
def test_grams(dim: int, n: int, level: str, threads: int) -> None:
    """With a code book smaller and larger than the text, and with hashes."""
    rng = np.random.default_rng(n)
    ids = rng.integers(0, 12, 300)
    hashes = hashes_of(500)
    vectors = reference.atoms(dim, 5, hashes)
    ties = draw(1, dim, 3)[0]
    tie_row = packed(ties[np.newaxis])[0]
    starts = [0, 9, 100, 300]
    runs = [reference.grams(vectors[ids[a:b]], n) for a, b in itertools.pairwise(starts)]
    sums = np.array([run.sum(0) for run in runs])
    majorities = np.array([voted(run < 0, ties) for run in runs])
    books = ({"codebook": packed(vectors[:12] < 0)}, {"codebook": packed(vectors < 0)}, {"seed": 5})
    for how in books:
        tokens = ids.astype(np.uint8) if "codebook" in how else hashes[ids]
        common: dict[str, Any] = {**how, "threads": threads}
        found = _packed.ngram_bundle(ME, tokens, dim, n, starts=starts, **common)
        assert np.array_equal(found, sums)
        assert found.dtype == np.int32
        assert _packed.ngram_bundle(ME, tokens, dim, n, starts=starts, out=found, **common) is found
        assert np.array_equal(found, 2 * sums)
        bits = _packed.ngram_bundle(ME, tokens, dim, n, starts=starts, ties=tie_row, **common)
        assert np.array_equal(unpacked(bits, dim), majorities)
        alone = _packed.ngram_bundle(ME, tokens[9:100], dim, n, ties=tie_row, **common)
        assert np.array_equal(alone, bits[1])


def test_documents_too_short_for_a_gram() -> None:
    book = MapI(70).atoms(range(4))
    assert not _packed.ngram_bundle(ME, [0, 1], 70, 3, codebook=book).any()
    assert _packed.ngram_bundle(ME, [], 70, 3, codebook=book, starts=[0]).shape == (0, 70)
    with pytest.raises(ValueError, match="Here needs at least n = 3 tokens in every document"):
        _packed.ngram_bundle(ME, [0, 1, 2, 3], 70, 3, codebook=book, starts=[0, 4, 4], ties=book[0])


# ---- what is refused

ROWS = np.ones((4, 2), np.uint64)
TIES = np.zeros(2, np.uint64)


@pytest.mark.parametrize(
    ("how", "error", "match"),
    [
        ({"rows": ROWS[:0]}, ValueError, "Here needs at least one vector in every bundle"),
        ({"starts": [0, 2, 2]}, ValueError, "Here needs at least one vector in every bundle"),
        ({"starts": [0, 5]}, ValueError, r"'starts' parameter of Here must be .* 4 or less. Got \[0, 5\]"),
        ({"starts": [2, 1]}, ValueError, "'starts' parameter of Here"),
        ({"starts": [-1, 1]}, ValueError, "'starts' parameter of Here"),
        ({"starts": []}, TypeError, "'starts' parameter of Here"),
        ({"starts": [0.0, 1.0]}, TypeError, "'starts' parameter of Here"),
        ({"rows": ROWS.astype(np.int64)}, TypeError, "'vectors' parameter of Here"),
        ({"rows": ROWS[:, :1]}, ValueError, r"vectors has the shape \(4, 1\) but Here needs"),
        ({"rows": ROWS * np.uint64(2**40)}, ValueError, "vectors sets bits beyond dimension 70"),
        ({"weights": [1, 2]}, ValueError, "'weights' parameter of Here"),
        ({"weights": [0.5] * 4}, TypeError, "'weights' parameter of Here"),
        ({"at_least": 0}, ValueError, "'at_least' parameter of Here"),
        ({"bound_to": ROWS[:3]}, ValueError, "vectors has 4 rows but bound_to has 3"),
        ({"out": np.empty(3, np.uint64)}, ValueError, "'out' parameter of Here must be a writable"),
        ({"out": np.empty((1, 2), np.uint64)}, ValueError, "'out' parameter of Here must be a writable"),
        ({"rows": ROWS * np.uint64(2**40), "weights": [-1, 0, 3, 1]}, ValueError, "vectors sets bits beyond"),
        ({"bound_to": ROWS * np.uint64(2**40)}, ValueError, "bound_to sets bits beyond dimension 70"),
        ({"threads": 0}, ValueError, "'threads' parameter of Here"),
    ],
)
def test_refused_majorities(how: dict[str, Any], error: type[Exception], match: str) -> None:
    given = dict(how)
    with pytest.raises(error, match=match):
        _packed.majority(ME, given.pop("rows", ROWS), 70, TIES, **given)


def test_refused_rotations_and_grams() -> None:
    space = MapI(70)
    rows = space.atoms(range(4))
    strays = rows | np.uint64(1 << 60)
    for pair in ((rows, strays), (strays[0], rows), (rows, strays[1])):
        with pytest.raises(ValueError, match=r"[ab] sets bits beyond dimension 70"):
            space.bind(*pair)
    kept = strays.copy()
    with pytest.raises(ValueError, match="a sets bits beyond dimension 70"):
        space.bind(strays, rows, out=strays)
    assert np.array_equal(strays, kept)
    with pytest.raises(ValueError, match="shares no memory with what is read"):
        space.permute(rows, 1, out=rows)
    with pytest.raises(
        ValueError, match=r"must be a writable, contiguous array of uint64 with the shape \(4, 2\)"
    ):
        space.bind(rows, rows, out=rows[:2])
    with pytest.raises(
        ValueError, match=r"'tokens' parameter of Here must be one-dimensional integers in \[0, 4\)"
    ):
        _packed.ngram_bundle(ME, [0, 4], 70, 2, codebook=rows)
    with pytest.raises(
        TypeError, match="'tokens' parameter of Here must be a one-dimensional array of hashes"
    ):
        _packed.ngram_bundle(ME, [0, 4], 70, 2)
    with pytest.raises(ValueError, match=r"'n' parameter of Here must be an integer in \[1, 255\]"):
        _packed.ngram_bundle(ME, [0], 70, 0, codebook=rows)


@pytest.mark.parametrize("dim", [1, 64, 1000])
def test_binding_many_rows(dim: int, level: str, threads: int) -> None:
    """Rows end to end, one row for all, and results so large that they go past the caches."""
    for n in (1, 31, 33, 200, 9 * 2**20 // 8 // 16 if dim == 1000 else 500):
        rng = np.random.default_rng(n)
        a, b = (rng.integers(0, 2**63, (n, -(-dim // 64)), dtype=np.uint64) for _ in range(2))
        a[:, -1] &= np.uint64(2 ** (dim % 64 or 63) - 1)
        b[:, -1] &= np.uint64(2 ** (dim % 64 or 63) - 1)
        space, room = MapI(dim), np.empty((n + 1, a.shape[1]), np.uint64)
        for left, right in ((a, b), (a[0], b), (a, b[:1])):
            out = room[: len(left ^ right)] if n % 2 else room[1 : 1 + len(left ^ right)]
            assert np.array_equal(space.bind(left, right, out=out, threads=threads), left ^ right)
