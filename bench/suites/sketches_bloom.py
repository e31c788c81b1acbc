# SPDX-License-Identifier: Apache-2.0
"""Bloom filters at 1 %, split-block unless said: from 64-bit integers in NumPy arrays, columns and lists."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import hypersketch
from data import percent, power, random_keys, strings
from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from hypersketch.theory import bloom as bloom_theory
from native import GIB, MIB, Limits, best, size_name
from peers import Missing
from peers.abloom import Abloom
from peers.polars import Polars
from suites._contest import FPR, Contest, Quality

Bars = dict[str, float]


_SORTED = 24 << 20
"""Bytes from which large batches are sorted: their accesses are not random and may exceed that limit."""


class Case(NamedTuple):
    """A number of keys: where the state lies, how big the limit's state is, what was asked for."""

    n: int
    place: str
    limit_size: int
    add_bars: Bars
    query_bars: Bars
    headline: str


_IN_CACHE: Bars = {"hashing": 3, "prehashed": 1, "abloom": 20}
_IN_L3: Bars = {"hashing": 10, "prehashed": 1.5, "limit": 0.8}
CASES = (
    Case(10**6, "in cache", 4 * MIB, _IN_CACHE, _IN_CACHE, "abloom"),
    Case(10**7, "L3", 64 * MIB, _IN_L3, _IN_L3 | {"hashing": 8}, "hashing"),
    Case(
        10**8,
        "DRAM",
        GIB,
        {"limit": 0.8, "fastfilter": 2.3},
        {"limit": 0.8, "fastfilter": 5},
        "fastfilter",
    ),
)


# ---- integers in arrays


def rivals(contest: Contest, got: dict[str, float]) -> list[tuple[str, str, str]]:
    """The peer, which of its ways was faster, and what the table calls it."""
    way = max(("fastfilter", "fastfilter addAll"), key=lambda name: got.get(name, 0.0))
    names = {
        "hashing": ("hashing", "quickbloom, hashing"),
        "prehashed": ("prehashed", "quickbloom, prehashed"),
        "fastfilter": (way, f"fastfilter BlockedBloom{way.removeprefix('fastfilter')}"),
    }
    for name, peer in (("abloom", contest.abloom), ("rbloom", contest.rbloom)):
        if peer is not None:
            ready = rate_text(got[f"{name} list"])
            names[name] = (name, f"{peer.name} from the array ({ready} from a ready list)")
    return [(key, way, name) for key, (way, name) in names.items() if way in got]


def peer_rows(
    what: str,
    got: dict[str, float],
    worth: dict[str, Quality],
    bars: Bars,
    contest: Contest,
    headline: str,
) -> list[Row]:
    """One row a peer. The peer with ready hashes meets ours with the same hashes."""
    results = []
    for key, way, name in rivals(contest, got):
        mine = "ours prehashed" if key == "prehashed" else "ours"
        results.append(
            row(
                f"{what}, from hashes" if key == "prehashed" else what,
                rate_text(got[mine]),
                f"{name}: {rate_text(got[way])}",
                got[mine] / got[way],
                bars.get(key),
                f"FPR {worth['ours'].fpr}; peer {worth[key].fpr}",
                f"{worth['ours'].bits} bits a key; peer {worth[key].bits}",
                headline=key == headline,
            )
        )
    return results


def limit_rows(
    what: str, got: dict[str, float], worth: Quality, bars: Bars, sizes: dict[str, int]
) -> list[Row]:
    """The limit for the size that the bar names, and for the state's own size."""
    results = []
    for name, size in sizes.items():
        limit = best(got, name)
        text = f"random 32 B accesses in {size_name(size)}: {rate_text(limit)}"
        ratio, bits = got["ours"] / limit, f"{worth.bits} bits a key"
        results.append(
            row(
                what,
                rate_text(got["ours"]),
                text,
                ratio,
                bars.get(name),
                f"FPR {worth.fpr}",
                bits,
                limit=name == "own limit" and size < _SORTED,
            )
        )
    return results


def integer_rows(repeats: int, limits: Limits, contest: Contest, case: Case) -> list[Row]:
    """Adding and querying one number of keys, against every peer and the machine."""
    sizes = {"limit": case.limit_size, "own limit": contest.ours.nbytes}
    results = []
    for verb, access, bars in (
        ("add", "update32", case.add_bars),
        ("contains", "read32", case.query_bars),
    ):
        works = contest.adding() if verb == "add" else contest.querying()
        for name, of in sizes.items():
            works |= limits.works(name, access, of)
        got = rates(repeats, works)
        if verb == "add":
            worth = contest.fill()
        what = f"Bloom {verb}, {power(10, case.n)} keys ({case.place}), keys/s"
        results += peer_rows(what, got, worth, bars, contest, case.headline)
        results += limit_rows(what, got, worth["ours"], bars, sizes)
    return results


def threaded_rows(repeats: int, contest: Contest) -> list[Row]:
    """Both cores together, where the state is in cache."""
    data, ours = contest.data, contest.ours
    probes, keys = data.probes, power(10, data.n)
    return [
        two_thread_row(
            repeats,
            f"Bloom add, {keys} keys, keys/s",
            data.n,
            lambda t: ours.add(data.keys, threads=t),
            ours.clear,
        ),
        two_thread_row(
            repeats,
            f"Bloom contains, {keys} keys, keys/s",
            probes.size,
            lambda t: ours.contains(probes, out=data.out, threads=t),
        ),
    ]


def array_rows(repeats: int, limits: Limits) -> list[Row]:
    results = []
    for case in CASES:
        contest = Contest(case.n)
        try:
            results += integer_rows(repeats, limits, contest, case)
            if case.place != "DRAM":
                results += threaded_rows(repeats, contest)
            if case is CASES[0]:
                results += [note("Bloom add, contains", reason) for reason in contest.missing]
        finally:
            contest.close()
    return results


def test_and_add_rows(repeats: int, limits: Limits) -> list[Row]:
    """One pass that answers and adds, beside two passes and the limit."""
    results = []
    for n, place in ((10**6, "in cache"), (10**7, "L3")):
        keys, out = random_keys(1, n), np.empty(n, np.bool_)
        ours = hypersketch.BloomFilter(n, FPR)

        def twice(ours: Any = ours, keys: Any = keys, out: Any = out) -> None:
            ours.contains(keys, out=out, threads=1)
            ours.add(keys, threads=1)

        got = rates(
            repeats,
            {
                "ours": Work(
                    lambda o=ours, k=keys, a=out: o.test_and_add(k, out=a, threads=1), n, ours.clear
                ),
                "twice": Work(twice, n, ours.clear),
                **limits.works("limit", "update32", ours.nbytes),
            },
        )
        ours.clear()
        known = np.count_nonzero(ours.test_and_add(keys)) / n
        for text, rate in (
            ("our contains and then add", got["twice"]),
            (f"random 32 B updates in {size_name(ours.nbytes)}", best(got, "limit")),
        ):
            results.append(
                row(
                    f"Bloom test_and_add, {power(10, n)} keys ({place}), keys/s",
                    rate_text(got["ours"]),
                    f"{text}: {rate_text(rate)}",
                    got["ours"] / rate,
                    None,
                    f"{percent(known)} of the new keys seen as known",
                    f"{8 * ours.nbytes / n:.2f} bits a key",
                )
            )
    return results


# ---- strings


def column_rows(repeats: int) -> list[Row]:
    """Adding a column of strings without a Python object a key."""
    try:
        polars = Polars()
    except Missing as reason:
        return [note("Bloom add from a polars column", str(reason))]
    results = []
    for n, bar in ((10**5, 1.0), (10**6, None)):
        column, out = polars.series(strings(1, n)), np.empty(n, np.uint64)
        ours, listed = hypersketch.BloomFilter(n, FPR), hypersketch.BloomFilter(n, FPR)
        works = {
            "ours": Work(lambda o=ours, c=column: o.add(c, threads=1), n, ours.clear),
            "hash": Work(lambda c=column, a=out: hypersketch.hash_keys(c, out=a, threads=1), n),
        }
        got = rates(repeats, works)
        listed.add(column.to_list())
        accuracy = "the filter of the list" if listed == ours else "WRONG"
        size, mine = f"{8 * ours.nbytes / n:.2f} bits a key", rate_text(got["ours"])
        what = f"Bloom add from a polars column of {power(10, n)} strings of 20 B, keys/s"
        for text, rate, asked in (
            ("asked for: 150 M", 150e6, bar),
            (f"hash_keys of the column: {rate_text(got['hash'])}", got["hash"], None),
        ):
            ratio = got["ours"] / rate
            results.append(row(what, mine, text, ratio, asked, accuracy, size, headline=asked is not None))
    return results


def list_works(ours: Any, peer: Abloom, n: int) -> dict[str, Work]:
    """Works on new str objects, whose hash Python has not kept, and on old ones."""
    held: dict[str, list[str]] = {}

    def renew() -> None:
        held["keys"] = strings(1, n)
        ours.clear()
        peer.fresh()

    def copy_probes() -> None:
        held["probes"] = [p[:10] + p[10:] for p in probes]

    probes = strings(1, n // 2) + strings(2, n // 2)
    return {
        "ours add": Work(lambda: ours.add(held["keys"], threads=1), n, renew),
        "peer add": Work(lambda: peer.add(held["keys"]), n, renew),
        "ours new": Work(lambda: ours.contains(held["probes"], threads=1), n, copy_probes),
        "peer new": Work(lambda: peer.found(held["probes"]), n, copy_probes),
        "ours old": Work(lambda: ours.contains(probes, threads=1), n),
        "peer old": Work(lambda: peer.found(probes), n),
    }


def list_rows(repeats: int) -> list[Row]:
    """A list of 10⁶ str against abloom."""
    n = 10**6
    try:
        peer = Abloom(n)
    except Missing as reason:
        return [note("Bloom add from a list of str", str(reason))]
    ours = hypersketch.BloomFilter(n, FPR)
    works = list_works(ours, peer, n)
    adding = ("ours add", "peer add")
    got = rates(repeats, {name: works[name] for name in adding})
    ours.clear()
    peer.fresh()
    members, absent = strings(1, n), strings(5, n)
    ours.add(members)
    peer.add(members)
    got |= rates(repeats, {name: work for name, work in works.items() if name not in adding})
    fpr = [int(np.count_nonzero(ours.contains(absent))) / n, peer.found(absent) / n]
    accuracy = f"FPR {percent(fpr[0])}; peer {percent(fpr[1])}"
    size = f"{8 * ours.nbytes / n:.2f} bits a key; peer {8 * peer.nbytes() / n:.2f}"
    results = []
    for what, way, bar in (
        ("add from a list of 10⁶ new str", "add", 1.3),
        ("contains of a list of 10⁶ new str", "new", 1.5),
        ("contains of a list of 10⁶ str whose hash Python has kept", "old", 1.5),
    ):
        mine, theirs = got[f"ours {way}"], got[f"peer {way}"]
        text = f"{peer.name}: {rate_text(theirs)}"
        results.append(
            row(
                f"Bloom {what}, keys/s",
                rate_text(mine),
                text,
                mine / theirs,
                bar,
                accuracy,
                size,
                headline=True,
            )
        )
    return results


# ---- sizes


def size_rows() -> list[Row]:
    """Bits a key at 1 %, and the measured rate beside the formula's on 10⁷ absent keys."""
    n, probes = 10**6, 10**7
    keys, absent = random_keys(1, n), random_keys(6, probes)
    optimum = float(bloom_theory.bits_per_key(FPR))
    results = []
    for layout, most in (("split-block", 10.6), ("cache-line", None), ("classic", 9.6)):
        ours = hypersketch.BloomFilter(n, FPR, layout=layout)
        ours.add(keys)
        measured = np.count_nonzero(ours.contains(absent)) / probes
        formula = ours.expected_fpr()
        accuracy = f"FPR {percent(measured)}, formula {percent(formula)}"
        size, bits = f"{ours.nbytes:,}", 8 * ours.nbytes / n
        off = abs(measured / formula - 1)
        results += [
            row(
                f"bits a key at 1 %, {layout}, 10⁶ keys",
                f"{bits:.3f}",
                f"unblocked optimum: {optimum:.3f}",
                bits,
                most,
                accuracy,
                size,
                at_most=True,
                headline=layout == "split-block",
            ),
            row(
                f"measured FPR beside its formula, {layout}, 10⁷ absent keys",
                percent(measured),
                percent(formula),
                off,
                0.03,
                "relative difference",
                size,
                at_most=True,
            ),
        ]
    return results


def rows(repeats: int) -> list[Row]:
    """Every row of Bloom filters."""
    limits = Limits()
    try:
        results = array_rows(repeats, limits) + test_and_add_rows(repeats, limits)
    finally:
        limits.close()
    return results + column_rows(repeats) + list_rows(repeats) + size_rows()
