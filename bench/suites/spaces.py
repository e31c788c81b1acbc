# SPDX-License-Identifier: Apache-2.0
"""What spaces do to a thousand stored vectors, and what a vector costs, beside torchhd; one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Row, Work, rate_text, rates, row
from hypersketch.interop.torchhd import from_torchhd, to_torchhd
from hypersketch.vsa import BSC, BSDC, FHRR, HRR, MapB, MapI
from peers import name_of
from peers.torchhd import Torchhd

DIM, N = 10_000, 1000
WHOLE_WORDS = 10_240
"""A dimension of whole words; 10,000 bits take 157 of them, so 7.96 times less than 10,000 bytes."""
NEAR = 1e-4


def close(a: Any, b: Any) -> str:
    return "equal to rounding" if np.allclose(a, b, rtol=0, atol=NEAR) else "WRONG"


def equal(a: Any, b: Any) -> str:
    return "equal" if np.array_equal(a, b) else "WRONG"


def hrr_rows(repeats: int, torchhd: Torchhd) -> list[Row]:
    """Circular convolution: SciPy's and torchhd's transforms, and products of spectra."""
    from scipy import fft

    plain, spectral = HRR(DIM), HRR(DIM, spectral=True)
    a, b = plain.atoms(range(N)), plain.atoms(range(N, 2 * N))
    fa, fb = plain.to_spectral(a), plain.to_spectral(b)
    left, right = to_torchhd(a, plain), to_torchhd(b, plain)
    works = {
        "plain": Work(lambda: plain.bind(a, b), N),
        "spectral": Work(lambda: spectral.bind(fa, fb), N),
        "scipy": Work(lambda: fft.irfft(fft.rfft(a) * fft.rfft(b), n=DIM), N),
        "numpy": Work(lambda: np.multiply(fa, fb), N),
        "torchhd": Work(lambda: torchhd.bind(left, right), N),
    }
    got = rates(repeats, works)
    theirs = from_torchhd(torchhd.bind(left[:20], right[:20]), plain)
    exact = {
        "plain": close(plain.bind(a[:20], b[:20]), theirs),
        "spectral": close(spectral.from_spectral(spectral.bind(fa[:20], fb[:20])), theirs),
    }
    scipy = f"{name_of('scipy')} rfft, float32"
    lines: list[tuple[str, str, str, float | None, bool]] = [
        ("plain", "scipy", scipy, 2, False),
        ("plain", "torchhd", torchhd.name, None, True),
        ("spectral", "torchhd", torchhd.name, 10, True),
        ("spectral", "numpy", f"NumPy {np.__version__} multiply of spectra", None, False),
    ]
    return [
        row(
            f"HRR binding{', spectra' if ours == 'spectral' else ''}, {N:,} pairs, D = {DIM:,}, vectors/s",
            rate_text(got[ours]),
            f"{name}: {rate_text(got[peer])}",
            got[ours] / got[peer],
            bar,
            exact[ours],
            f"{plain.nbytes if ours == 'plain' else spectral.nbytes:,} a vector",
            headline=headline,
        )
        for ours, peer, name, bar, headline in lines
    ]


def binding_row(repeats: int, torchhd: Torchhd, space: Any) -> Row:
    """The same vectors bound by both."""
    a, b = space.atoms(range(N)), space.atoms(range(N, 2 * N))
    left, right = to_torchhd(a, space), to_torchhd(b, space)
    packed = hasattr(space, "n_words")
    how = {"out": np.empty_like(a), "threads": 1} if packed else {}
    works = {
        "ours": Work(lambda: space.bind(a, b, **how), N),
        "peer": Work(lambda: torchhd.bind(left, right), N),
    }
    got = rates(repeats, works)
    theirs = from_torchhd(torchhd.bind(left, right), space)
    return row(
        f"{type(space).__name__} binding, {N:,} pairs, D = {DIM:,}, vectors/s",
        rate_text(got["ours"]),
        f"{torchhd.name}: {rate_text(got['peer'])}",
        got["ours"] / got["peer"],
        None,
        equal(space.bind(a, b), theirs) if packed else close(space.bind(a, b), theirs),
        f"{space.nbytes:,} a vector; peer {torchhd.nbytes(left):,}",
    )


def bundling_row(repeats: int, torchhd: Torchhd, space: Any, n: int = 999) -> Row:
    """The bundle of stored vectors: signs of sums where the space has bits, otherwise as it keeps them."""
    rows = space.atoms(range(n))
    theirs = to_torchhd(rows, space)
    sums = isinstance(space, MapI)
    works = {
        "ours": Work(lambda: space.superpose(rows), n),
        "peer": Work(lambda: torchhd.multiset(theirs, normalized=not sums), n),
    }
    got = rates(repeats, works)
    found = from_torchhd(torchhd.multiset(theirs, normalized=not sums), space, sums=sums)
    ours = space.superpose(rows)
    return row(
        f"{type(space).__name__} bundle of {n} stored vectors, D = {DIM:,}, vectors/s",
        rate_text(got["ours"]),
        f"{torchhd.name}: {rate_text(got['peer'])}",
        got["ours"] / got["peer"],
        None,
        equal(ours, found) if ours.dtype.kind in "iu" else close(ours, found),
        f"{space.nbytes:,} a vector; peer {torchhd.nbytes(theirs):,}",
    )


def memory_rows(torchhd: Torchhd) -> list[Row]:
    """Bytes of a stored vector, as it lies in memory."""
    results = []
    for space, narrow in (
        (BSC(WHOLE_WORDS), "bool"),
        (MapB(WHOLE_WORDS), "int8"),
        (MapI(WHOLE_WORDS), "int8"),
    ):
        mine = space.atoms(range(N)).nbytes // N
        theirs = torchhd.nbytes(torchhd.vectors(N, WHOLE_WORDS, space, narrow))
        usual = torchhd.nbytes(torchhd.vectors(2, WHOLE_WORDS, space))
        results.append(
            row(
                f"bytes of a vector, {type(space).__name__}, D = {WHOLE_WORDS:,}",
                f"{mine:,}",
                f"{torchhd.name}, {narrow}: {theirs:,}"
                + (f" (default {usual:,})" if usual != theirs else ""),
                theirs / mine,
                8,
                "exact",
                f"{mine:,}",
                headline=isinstance(space, BSC),
            )
        )
    sparse = BSDC(WHOLE_WORDS)
    mine = sparse.atoms(range(N)).nbytes // N
    what = f"bytes of a vector, BSDC, D = {WHOLE_WORDS:,}"
    results.append(
        row(
            what, f"{mine:,}", f"one byte a bit: {WHOLE_WORDS:,}", WHOLE_WORDS / mine, 8, "exact", f"{mine:,}"
        )
    )
    return results


def rows(repeats: int) -> list[Row]:
    """Binding, bundling and bytes of a vector."""
    torchhd = Torchhd()
    return [
        *hrr_rows(repeats, torchhd),
        *(binding_row(repeats, torchhd, space) for space in (MapI(DIM), BSC(DIM), FHRR(DIM))),
        *(
            bundling_row(repeats, torchhd, space)
            for space in (MapI(DIM), MapB(DIM), BSC(DIM), HRR(DIM), FHRR(DIM))
        ),
        *memory_rows(torchhd),
    ]
