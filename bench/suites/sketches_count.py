# SPDX-License-Identifier: Apache-2.0
"""Count sketches and Count-Min, depth 5, with 10⁷ keys under a Zipf law (1.1, 10⁶ ranks), one thread."""

from __future__ import annotations

from functools import cache
from typing import Any

import hypersketch
from data import ZipfStream, power
from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from native import Limits, best, size_name
from peers import Missing
from peers.datasketches import Datasketches
from peers.numpy_sketches import NumpyCountMin, NumpyCountSketch

DEPTH, N, BOXED = 5, 10**7, 10**6
"""`BOXED` keys go to the peer that takes one Python object a call."""
WIDTHS = (16, 18, 20)
NUMPY_BARS = {16: 6.0, 18: 4.0, 20: 1.7}


@cache
def stream() -> ZipfStream:
    return ZipfStream(N)


@cache
def boxed() -> tuple[list[int], list[int]]:
    """Keys to add and keys to ask for, as Python integers."""
    return stream().keys[:BOXED].tolist(), stream().distinct.tolist()


def limit_row(
    what: str, got: dict[str, float], width: int, accuracy: str, size: str, kind: str = "increments"
) -> Row:
    """Against the increments alone, of columns that stand ready."""
    limit = best(got, kind)
    text = f"5 int32 {kind} a key in {size_name(4 * DEPTH * width)}: {rate_text(limit)}"
    ratio = got["ours"] / limit
    return row(what, rate_text(got["ours"]), text, ratio, 0.8, accuracy, size, limit=True)


def count_sketch_rows(repeats: int, limits: Limits, exponent: int) -> list[Row]:
    width, data = 1 << exponent, stream()
    ours = hypersketch.CountSketch(width, DEPTH, dtype="int32")
    peer = NumpyCountSketch(width)
    got = rates(
        repeats,
        {
            "ours": Work(lambda: ours.add(data.keys, threads=1), N, ours.clear),
            "peer": Work(lambda: peer.add(data.keys), N, peer.fresh),
            **limits.works("increments", "increments-zipf", width),
            **limits.works("signed increments", "increments-signed", width),
        },
    )
    asked = data.distinct.size
    got |= rates(
        repeats,
        {
            "ours estimate": Work(lambda: ours.estimate(data.distinct, threads=1), asked),
            "peer estimate": Work(lambda: peer.estimate(data.distinct), asked),
        },
    )
    errors = data.mean_error(ours.estimate(data.distinct)), data.mean_error(peer.estimate(data.distinct))
    accuracy = f"mean error {errors[0]:.3g}; peer {errors[1]:.3g}"
    size = f"{ours.nbytes:,}; peer {peer.nbytes():,}"
    what = f"count sketch update, width {power(2, width)}, keys/s"
    mine, theirs = rate_text(got["ours"]), f"{peer.name}: {rate_text(got['peer'])}"
    bar = NUMPY_BARS[exponent]
    results = [
        limit_row(what, got, width, accuracy, size, "signed increments"),
        limit_row(what, got, width, accuracy, size),
        row(what, mine, theirs, got["ours"] / got["peer"], bar, accuracy, size, headline=True),
    ]
    mine, theirs = rate_text(got["ours estimate"]), f"{peer.name}: {rate_text(got['peer estimate'])}"
    what = f"count sketch query, width {power(2, width)}, keys/s"
    ratio = got["ours estimate"] / got["peer estimate"]
    return [*results, row(what, mine, theirs, ratio, None, accuracy, size)]


def count_min_works(ours: Any, peers: dict[str, Any]) -> tuple[dict[str, Work], dict[str, Work]]:
    """Works of updating and of querying; the peers' keys are what they take fastest."""
    data, asked = stream(), stream().distinct.size
    add = {"ours": Work(lambda: ours.add(data.keys, threads=1), N, ours.clear)}
    estimate = {"ours": Work(lambda: ours.estimate(data.distinct, threads=1), asked)}
    for name, peer in peers.items():
        keys, probes = boxed() if name == "datasketches" else (data.keys, data.distinct)
        add[name] = Work(lambda p=peer, k=keys: p.add(k), len(keys), peer.fresh)
        estimate[name] = Work(lambda p=peer, k=probes: p.estimate(k), asked)
    return add, estimate


def count_min_rows(repeats: int, limits: Limits, exponent: int) -> list[Row]:
    width, data = 1 << exponent, stream()
    ours = hypersketch.CountMinSketch(width, DEPTH, dtype="int32")
    peers: dict[str, Any] = {"numpy": NumpyCountMin(width)}
    results = []
    try:
        peers["datasketches"] = Datasketches(width)
    except Missing as reason:
        results.append(note("Count-Min", str(reason)))
    add, estimate = count_min_works(ours, peers)
    added = rates(repeats, add | limits.works("increments", "increments-zipf", width))
    peers["numpy"].fresh()
    peers["numpy"].add(data.keys)
    ours.clear()
    ours.add(data.keys)
    asked = rates(repeats, estimate)
    error = data.mean_error(ours.estimate(data.distinct))
    their_error = data.mean_error(peers["numpy"].estimate(data.distinct))
    accuracy = f"mean error {error:.3g}; NumPy {their_error:.3g}"
    what = f"Count-Min update, width {power(2, width)}, keys/s"
    results.append(limit_row(what, added, width, accuracy, f"{ours.nbytes:,}"))
    for verb, got in (("update", added), ("query", asked)):
        for name, peer in peers.items():
            what = f"Count-Min {verb}, width {power(2, width)}, keys/s"
            text = f"{peer.name}: {rate_text(got[name])}"
            size = f"{ours.nbytes:,}; peer {peer.nbytes():,}"
            bar = 12 if name == "datasketches" else 3
            ratio = got["ours"] / got[name]
            headline = exponent == WIDTHS[1]
            results.append(
                row(what, rate_text(got["ours"]), text, ratio, bar, accuracy, size, headline=headline)
            )
    return results


def threaded_rows(repeats: int) -> list[Row]:
    """Both cores together, where a row's table is in cache."""
    data, width = stream(), 1 << WIDTHS[0]
    at = f"width {power(2, width)}, keys/s"
    results = []
    for name, ours in (
        ("count sketch", hypersketch.CountSketch(width, DEPTH, dtype="int32")),
        ("Count-Min", hypersketch.CountMinSketch(width, DEPTH, dtype="int32")),
    ):

        def add(threads: int, ours: Any = ours) -> None:
            ours.add(data.keys, threads=threads)

        def estimate(threads: int, ours: Any = ours) -> None:
            ours.estimate(data.keys, threads=threads)

        results.append(two_thread_row(repeats, f"{name} update, {at}", N, add, ours.clear))
        results.append(two_thread_row(repeats, f"{name} query, {at}", N, estimate))
    return results


def rows(repeats: int) -> list[Row]:
    """Every row of frequency sketches."""
    limits = Limits()
    results = []
    try:
        for exponent in WIDTHS:
            results += count_sketch_rows(repeats, limits, exponent)
            results += count_min_rows(repeats, limits, exponent)
    finally:
        limits.close()
    return results + threaded_rows(repeats)
