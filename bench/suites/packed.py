# SPDX-License-Identifier: Apache-2.0
"""Packed vectors: majorities, shifts, XORs, stored atoms and n-grams, one thread.

bhv's dimension is fixed when it is built. Where ours is another, rates are of vectors all the same and the
row names both dimensions; the majority is compared at bhv's own dimension as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import Row, Work, note, rate_text, rates, row
from hypersketch import MapB, MapI
from hypersketch.vsa import _packed
from peers import Missing
from peers.bhv import Bhv
from peers.torchhd import Torchhd

DIM = 10_000
BYTES = f"{8 * -(-DIM // 64):,} a vector"
Words = NDArray[np.uint64]


def majority_row(repeats: int, bhv: Bhv, dim: int, n: int, headline: bool) -> Row:
    """The rows lie as they came; bhv's vectors are objects in a list, as it wants them."""
    space = MapB(dim)
    rows, out = space.atoms(range(n)), np.empty(space.n_words, np.uint64)
    ties, theirs = rows[0].copy(), bhv.draw(n)
    got = rates(
        repeats,
        {
            "ours": Work(lambda: _packed.majority("bench", rows, dim, ties, out=out, threads=1), n),
            "bhv": Work(lambda: bhv.majority(theirs), n),
        },
    )
    ones = space.unpack(rows).sum(axis=0, dtype=np.int64) < 0
    exact = np.array_equal(space.unpack(out) < 0, ones)  # n is odd: no ties
    return row(
        f"majority of {n} packed vectors, D = {dim:,}, vectors/s",
        rate_text(got["ours"]),
        f"{bhv.name}: {rate_text(got['bhv'])}",
        got["ours"] / got["bhv"],
        2.5,
        "exact" if exact else "WRONG",
        f"{space.nbytes:,} a vector; peer {bhv.dim // 8:,}",
        headline=headline,
    )


def rotation_rows(repeats: int, bhv: Bhv | None) -> list[Row]:
    space, n = MapI(DIM), 500
    rows = space.atoms(range(n))
    out, few = np.empty_like(rows), [] if bhv is None else bhv.draw(100)
    shifts = (1, 63, 64, 65, 4999, DIM - 1)
    works = {str(k): Work(lambda k=k: space.permute(rows, k, out=out, threads=1), n) for k in shifts}
    if bhv is not None:
        works["bhv"] = Work(lambda: bhv.rotate(few, 1), len(few))
    got = rates(repeats, works)
    slowest = min(got[str(k)] for k in shifts)
    what, mine = f"cyclic shift by any number of bits, D = {DIM:,}, vectors/s", rate_text(slowest)
    results = [row(what, mine, "asked for: 5.00 M", slowest / 5e6, 1, "exact", BYTES)]
    if bhv is not None:
        peer = f"{bhv.name}: {rate_text(got['bhv'])}"
        results.append(row(what, mine, peer, slowest / got["bhv"], None, "exact", BYTES))
    return results


def binding_rows(repeats: int, bhv: Bhv | None, n: int) -> list[Row]:
    """NumPy does not look for bits beyond the dimension."""
    space = MapI(DIM)
    a, b = space.atoms(range(n)), space.atoms(range(n, 2 * n))
    out = np.empty_like(a)
    works = {
        "ours": Work(lambda: space.bind(a, b, out=out, threads=1), n),
        "numpy": Work(lambda: np.bitwise_xor(a, b, out=out), n),
    }
    peers: dict[str, tuple[str, float | None]] = {"numpy": (f"NumPy {np.__version__} bitwise_xor(out=)", 1)}
    if bhv is not None:
        left, right = bhv.draw(n), bhv.draw(n)
        works["bhv"] = Work(lambda: bhv.bind(left, right), n)
        peers["bhv"] = (bhv.name, None)
    got = rates(repeats, works)
    what, mine = f"binding {n:,} pairs, D = {DIM:,}, vectors/s", rate_text(got["ours"])
    return [
        row(what, mine, f"{name}: {rate_text(got[key])}", got["ours"] / got[key], bar, "exact", BYTES)
        for key, (name, bar) in peers.items()
    ]


def atom_rows(repeats: int, bhv: Bhv | None) -> list[Row]:
    """Ours are those of keys; the peers' are any."""
    space, n = MapI(DIM), 10_000
    keys, rng = np.arange(n), np.random.default_rng(1)
    works = {
        "ours": Work(lambda: space.atoms(keys, threads=1), n),
        "numpy": Work(lambda: rng.integers(0, 2**64, (n, space.n_words), np.uint64), n),
    }
    if bhv is not None:
        works["bhv"] = Work(lambda: bhv.draw(n), n)
    got = rates(repeats, works)
    peers = {"numpy": f"NumPy {np.__version__} integers()"}
    if bhv is not None:
        peers["bhv"] = bhv.name
    what, mine = f"10,000 atoms, stored, D = {DIM:,}, vectors/s", rate_text(got["ours"])
    return [
        row(what, mine, f"{name}: {rate_text(got[key])}", got["ours"] / got[key], 3, "-", BYTES)
        for key, name in peers.items()
    ]


def gram_row(repeats: int) -> Row:
    """Trigrams of a text of 27 letters."""
    space, n, few = MapI(DIM), 20_000, 1000
    book = space.atoms(range(27))
    letters = np.random.default_rng(2).integers(0, 27, n)
    torchhd = Torchhd()
    theirs = torchhd.sequence(np.asarray(space.unpack(book)), letters[:few])
    sums = _packed.ngram_bundle("bench", letters[:few], DIM, 3, codebook=book, threads=1)
    exact = np.array_equal(sums, np.asarray(torchhd.ngrams(theirs, 3)))
    got = rates(
        repeats,
        {
            "ours": Work(lambda: _packed.ngram_bundle("bench", letters, DIM, 3, codebook=book, threads=1), n),
            "peer": Work(lambda: torchhd.ngrams(theirs, 3), few),
        },
    )
    return row(
        f"trigrams of letters, summed, D = {DIM:,}, letters/s",
        rate_text(got["ours"]),
        f"{torchhd.name}: {rate_text(got['peer'])}",
        got["ours"] / got["peer"],
        None,
        "equal" if exact else "WRONG",
        f"{8 * space.n_words:,} an atom; peer {4 * DIM:,}",
        headline=True,
    )


def rows(repeats: int) -> list[Row]:
    """Majorities against bhv, shifts, XORs, stored atoms, n-grams."""
    results: list[Row] = []
    bhv: Bhv | None = None
    try:
        bhv = Bhv()
        results = [majority_row(repeats, bhv, dim, 999, dim == DIM) for dim in (DIM, bhv.dim)]
    except Missing as reason:
        results = [note("majority of packed vectors", str(reason))]
    return [
        *results,
        *rotation_rows(repeats, bhv),
        *binding_rows(repeats, bhv, 1000),
        *binding_rows(repeats, None, 20_000),
        *atom_rows(repeats, bhv),
        gram_row(repeats),
    ]
