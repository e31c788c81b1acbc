# SPDX-License-Identifier: Apache-2.0
"""Hypervectors on a GPU: bundles against its bandwidth, texts and records against torchhd on the same GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpu
from data import power
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, note, rate_text, rates, row
from hypersketch import cuda
from hypersketch.vsa import BSC, FHRR, LevelEncoder, MapI, NGramEncoder, RecordEncoder
from peers import Missing
from peers.torchhd_gpu import TorchhdOnGpu

DIM = 10_000
BAR, TEN_TIMES = 0.8, 10.0
LETTERS, GRAM = 100, 3
PIXELS, LEVELS = 784, 256
PEER_BYTES = 1 << 31
"""Of vectors that torchhd makes on the way, at most: that decides how many texts it gets at once."""


def _few(scale: Sizes, n: int, quick: int) -> int:
    return n if scale is gpu.FULL else quick


# ---- bundles


def bundle_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """A million stored vectors, and a million keys."""
    n = _few(scale, 10**6, 300)
    binary, sums = BSC(DIM), MapI(DIM)
    keys = gpu.on_gpu(np.arange(n))
    vectors = binary.atoms(keys)
    weights = gpu.on_gpu(np.arange(n) % 100)
    bag = sums.bundle(device=f"cuda:{gpu.DEVICE}")
    works = {
        "majority": clock.work(lambda: binary.superpose(vectors), n),
        "sums": clock.work(lambda: sums.superpose(vectors), n),
        "weighted": clock.work(lambda: sums.superpose(vectors, weights), n),
        "keys": clock.work(lambda: bag.add(keys), n, bag.clear),
        "bind": clock.work(lambda: binary.bind(vectors, vectors), n),
    }
    got = rates(repeats, works)
    bag.clear()
    bag.add(keys)
    expected = sums.normalize(bag.vector)
    same = np.array_equal(np.asarray(binary.superpose(vectors)), np.asarray(expected))
    few = min(n, 1000)
    part = binary.superpose(binary.atoms(gpu.on_gpu(np.arange(few))))
    same &= np.array_equal(np.asarray(part), binary.superpose(binary.atoms(range(few))))
    worth, limit, size = "equal" if same else "WRONG", ceilings.any("copy"), 8 * binary.n_words
    results = []
    for key, what, moved, bar in (
        ("majority", "majority bundle", size, BAR),
        ("sums", "bundle of sums", size, None),
        ("weighted", "bundle of sums, weighted", size + 8, None),
        ("bind", "bind", 3 * size, None),
    ):
        ratio = got[key] * moved / (2 * limit.rate)
        text = f"{limit.text()}B"
        work = f"GPU {what}, {n:,} vectors of {DIM:,} bits, vectors/s"
        bytes_text = f"{moved:,} moved a vector"
        made = row(
            work,
            rate_text(got[key]),
            text,
            ratio,
            bar,
            worth,
            bytes_text,
            limit=True,
            headline=bar is not None,
        )
        results.append(made)
    results.append(
        row(
            f"GPU bundle of sums from {n:,} keys, D = {DIM:,}, keys/s",
            rate_text(got["keys"]),
            f"the same from stored vectors: {rate_text(got['sums'])}",
            got["keys"] / got["sums"],
            None,
            worth,
            "8 a key",
        )
    )
    return results


# ---- texts and records


def _peer() -> TorchhdOnGpu | str:
    try:
        return TorchhdOnGpu(gpu.DEVICE)
    except Missing as reason:
        return str(reason)


def _against(
    repeats: int, clock: Clock, work: str, ours: dict[str, Work], peer: Any, worth: str, size: str
) -> list[Row]:
    """One row a way of ours; the bar is that of the first."""
    got = rates(repeats, ours | ({} if isinstance(peer, str) else {"peer": peer[1]}))
    results = []
    for i, name in enumerate(ours):
        what = f"{work}, {name}"
        if isinstance(peer, str):
            results.append(note(what, f"{rate_text(got[name])} here; {peer}"))
            continue
        text, ratio = f"{peer[0]}, sums: {rate_text(got['peer'])}", got[name] / got["peer"]
        bar = TEN_TIMES if i == 0 else None
        results.append(
            row(what, rate_text(got[name]), text, ratio, bar, worth, size, headline=bar is not None)
        )
    return results


def text_rows(repeats: int, clock: Clock, scale: Sizes) -> list[Row]:
    """Texts of letters as Arrow has them, on the GPU, and as strings of Python."""
    n = _few(scale, 10**6, 40)
    letters = np.random.default_rng(0).integers(97, 123, (n, LETTERS), dtype=np.uint8)
    starts = np.arange(0, n * LETTERS + 1, LETTERS)
    there = cuda.Strings(gpu.on_gpu(starts), gpu.on_gpu(letters.reshape(-1)))
    some = [line.tobytes().decode() for line in letters[: _few(scale, 10**5, 20)]]
    space, sums = BSC(DIM), MapI(DIM)
    characters, plain = NGramEncoder(space, GRAM), NGramEncoder(space, GRAM, unit="bytes")
    few = slice(0, 20)
    found = np.asarray(characters.encode(some[few], device="cuda"))
    same = np.array_equal(found, characters.encode(some[few]))
    same &= np.array_equal(np.asarray(plain.encode(there))[few], plain.encode(some[few]))
    ours = {
        "UTF-8 on the GPU": clock.work(lambda: characters.encode(there), n),
        "bytes on the GPU": clock.work(lambda: plain.encode(there), n),
        "strings of Python": Work(lambda: np.asarray(characters.encode(some, device="cuda")), len(some)),
    }
    peer = _peer()
    if not isinstance(peer, str):
        at_once = min(n, max(1, PEER_BYTES // (4 * DIM * LETTERS)))
        book = sums.unpack(sums.atoms([chr(c) for c in range(97, 123)]))
        call = peer.texts(book, letters[:at_once].astype(np.int64) - 97, GRAM)
        theirs = peer.host(call())[:20].astype(np.int32)
        same &= np.array_equal(theirs, NGramEncoder(sums, GRAM).encode(some[few]))
        peer = (f"{peer.name} on it, {at_once} at once", clock.work(call, at_once))
    work = f"GPU texts of {LETTERS} letters by trigrams, D = {DIM:,}, texts/s"
    return _against(
        repeats, clock, work, ours, peer, "equal" if same else "WRONG", f"{space.nbytes:,} a text"
    )


def record_rows(repeats: int, clock: Clock, scale: Sizes) -> list[Row]:
    """Pictures of float32 pixels on the GPU, one level a pixel bound to its role."""
    n = _few(scale, 10**5, 20)
    pixels = np.random.default_rng(0).random((n, PIXELS), np.float32)
    there = gpu.on_gpu(pixels)
    packed, sums = (RecordEncoder(s, PIXELS, LevelEncoder(s, levels=LEVELS)) for s in (BSC(DIM), MapI(DIM)))
    same = np.array_equal(np.asarray(packed.encode(there))[:10], packed.encode(pixels[:10]))
    ours = {
        "bits": clock.work(lambda: packed.encode(there), n),
        "sums": clock.work(lambda: sums.encode(there), n),
    }
    peer = _peer()
    if not isinstance(peer, str):
        at_once, level = min(n, max(1, PEER_BYTES // (4 * DIM * PIXELS))), sums.encoders[0]
        table, roles = (sums.space.unpack(one) for one in (level.table, sums.roles))
        call = peer.records(table, roles, level.indices(pixels[:at_once]))
        theirs = peer.host(call())[:10].astype(np.int32)
        same &= np.array_equal(theirs, sums.encode(pixels[: min(10, at_once)]))
        peer = (f"{peer.name} on it, {at_once} at once", clock.work(call, at_once))
    work = f"GPU pictures of {PIXELS} pixels, {LEVELS} levels, D = {DIM:,}, pictures/s"
    size = f"{packed.space.nbytes:,} a picture"
    return _against(repeats, clock, work, ours, peer, "equal" if same else "WRONG", size)


def phasor_row(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Row:
    """Products of phasors, entry by entry."""
    n, space = _few(scale, 10**4, 20), FHRR(DIM)
    a, b = (space.atoms(gpu.on_gpu(np.arange(first, first + n))) for first in (0, n))
    got = rates(repeats, {"ours": clock.work(lambda: space.bind(a, b), n)})
    moved, limit = 24 * DIM, ceilings.any("copy")
    same = np.array_equal(
        np.asarray(space.bind(a, b))[:5], space.bind(space.atoms(range(5)), np.asarray(b)[:5])
    )
    return row(
        f"GPU bind of FHRR, {power(10, n) if n == 10**4 else n} vectors, D = {DIM:,}, vectors/s",
        rate_text(got["ours"]),
        f"{limit.text()}B",
        got["ours"] * moved / (2 * limit.rate),
        None,
        "equal" if same else "WRONG",
        f"{moved:,} moved a vector",
        limit=True,
    )


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of hypervectors."""
    results = bundle_rows(repeats, clock, ceilings, scale)
    results += text_rows(repeats, clock, scale)
    results += record_rows(repeats, clock, scale)
    return [*results, phasor_row(repeats, clock, ceilings, scale)]
