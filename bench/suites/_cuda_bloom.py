# SPDX-License-Identifier: Apache-2.0
"""Bloom filters on a GPU, in its L2 cache and beyond: 8-byte keys from its memory, answers of a byte each."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, NamedTuple

import numpy as np

import gpu
import hypersketch
from data import percent
from gpu import Ceilings, Clock, Sizes
from harness import Row, note, rate_text, rates, row
from native import size_name
from peers import Missing

BITS_PER_KEY = 16
BAR = 0.85
HITS = (0, 50, 100)
UNITS = {"split-block": 32, "cache-line": 64}
_PIECE = 1 << 26


class Case(NamedTuple):
    """A layout and a size, with the number of keys that the filter is filled with."""

    layout: str
    size: int
    place: str

    @property
    def members(self) -> int:
        return 8 * self.size // BITS_PER_KEY

    @property
    def what(self) -> str:
        return f"{self.layout}, {size_name(self.size)} ({self.place})"


class Quality(NamedTuple):
    fpr: float
    text: str
    lost: str
    """Empty, as it must be."""


Rates = dict[str, float]


def fill(ours: Any, members: int) -> None:
    """Add all members, from host memory, a piece at a time."""
    ours.clear()
    piece = gpu.key(gpu.numbers(0, min(members, _PIECE)))
    for first in range(0, members, piece.size):
        ours.add(piece[: members - first])
        piece += gpu.key(np.array([piece.size], np.uint64))


def adding(repeats: int, clock: Clock, scale: Sizes, case: Case, ours: Any) -> Rates:
    """Add a batch of members to the empty filter; also as test_and_add, of keys that are all different."""
    keys = gpu.on_gpu(gpu.probes(scale.batch, case.members, 100).keys)
    fresh = gpu.on_gpu(gpu.key(gpu.numbers(0, min(scale.batch // 4, case.members))))
    out = gpu.empty(fresh.size, np.bool_)
    return rates(
        repeats,
        {
            "add": clock.work(lambda: ours.add(keys), keys.size, ours.clear),
            "test_and_add": clock.work(lambda: ours.test_and_add(fresh, out=out), fresh.size, ours.clear),
        },
    )


def wrong_answers(ours: Any, case: Case, n: int) -> float:
    """Return the share of keys of test_and_add that were taken for known ones; all are new."""
    ours.clear()
    fresh = gpu.on_gpu(gpu.key(gpu.numbers(0, min(n, case.members))))
    return int(np.count_nonzero(np.asarray(ours.test_and_add(fresh)))) / fresh.size


def quality(ours: Any, answers: Any, known: Any) -> Quality:
    """What a filter's answers to a batch are worth, all members being in it."""
    answers = np.asarray(answers)
    lost = int(np.count_nonzero(known & ~answers))
    wrong = int(np.count_nonzero(answers & ~known))
    fpr = wrong / max(1, int(np.count_nonzero(~known)))
    text = f"FPR {percent(fpr)} (formula {percent(ours.expected_fpr())})"
    return Quality(fpr, text, f"LOSES {lost} KEYS" if lost else "")


def asking(
    repeats: int, clock: Clock, scale: Sizes, case: Case, ours: Any
) -> tuple[Rates, dict[int, Quality]]:
    """Ask the full filter for batches of every hit rate."""
    out, bits = gpu.empty(scale.batch, np.bool_), gpu.empty(scale.batch // 8, np.uint8)
    got: Rates = {}
    worth: dict[int, Quality] = {}
    for hits in HITS:
        probes = gpu.probes(scale.batch, case.members, hits)
        keys = gpu.on_gpu(probes.keys)
        works = {f"contains {hits}": clock.work(lambda k=keys: ours.contains(k, out=out), keys.size)}
        if hits == 50:
            works["packed"] = clock.work(lambda k=keys: ours.contains(k, out=bits, packed=True), keys.size)
        got |= rates(repeats, works)
        worth[hits] = quality(ours, out, probes.known)
    return got, worth


def case_rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes, case: Case) -> list[Row]:
    """Every row of one layout and size."""
    ours = hypersketch.BloomFilter(n_bits=8 * case.size, layout=case.layout, device=f"cuda:{gpu.DEVICE}")
    got = adding(repeats, clock, scale, case, ours)
    known = wrong_answers(ours, case, scale.batch // 4)
    fill(ours, case.members)
    asked, worth = asking(repeats, clock, scale, case, ours)
    got |= asked
    unit, bits = UNITS[case.layout], f"{BITS_PER_KEY:.2f} bits a key"
    reads, updates = (ceilings.at(f"{name}{unit}", case.size) for name in ("read", "update"))
    lines: list[tuple[str, str, Any, float | None, str]] = [("add", "add", updates, BAR, worth[0].text)]
    for hits in HITS:
        text = worth[0].text + (f" {worth[hits].lost}" if worth[hits].lost else "")
        lines.append((f"contains, {hits} % hits", f"contains {hits}", reads, BAR, text))
    lines += [
        ("contains, 50 % hits, packed answers", "packed", reads, None, worth[0].text),
        ("test_and_add", "test_and_add", updates, None, f"{percent(known)} of the new keys seen as known"),
    ]
    results = [
        row(
            f"GPU Bloom {verb}, {case.what}, keys/s",
            rate_text(got[name]),
            ceiling.text(),
            got[name] / ceiling.rate,
            bar,
            text,
            bits,
            limit=True,
            headline=bar is not None and case.layout == "split-block",
        )
        for verb, name, ceiling, bar, text in lines
    ]
    return results + peer_rows(scale, case, got, worth[0])


# ---- a peer


def reports(scale: Sizes, case: Case) -> list[dict[str, Any]]:
    """What the peer's program (bench/README.md) says of as many bits and the same keys."""
    program = os.environ.get("HYPERSKETCH_GPU_PEER")
    if not program:
        raise Missing("none given (--gpu-peer)")
    asked = [program, *map(str, (gpu.DEVICE, case.size, case.members, scale.batch))]
    done = subprocess.run(asked, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(" ".join([program, "failed:", *done.stderr.split()])[:200])
    return [json.loads(line) for line in done.stdout.splitlines()]


def peer_rows(scale: Sizes, case: Case, got: Rates, mine: Quality) -> list[Row]:
    """Ours beside a peer: every speed, and once a name the error rates."""
    try:
        found = reports(scale, case) if case.layout == "split-block" else []
    except Missing as reason:
        return [note(f"GPU Bloom, {case.what}, a peer", str(reason))]
    results = []
    for one in found:
        way = "add" if one["verb"] == "add" else f"contains {one['hits']}"
        verb = way if way == "add" else f"contains, {one['hits']} % hits"
        rival, ratio = f"{one['name']}: {rate_text(one['rate'])}", got[way] / one["rate"]
        text = f"{mine.text}; peer {percent(one['fpr'])}"
        bits = f"{BITS_PER_KEY:.2f} bits a key; peer {8 * one['bytes'] / case.members:.2f}"
        what = f"GPU Bloom {verb}, {case.what}, keys/s"
        results.append(row(what, rate_text(got[way]), rival, ratio, 1, text, bits, headline=True))
    for name, fpr in {one["name"]: one["fpr"] for one in found}.items():
        ratio, what = mine.fpr / max(fpr, 1e-12), f"GPU Bloom FPR, {case.what}"
        ours, rival, bits = percent(mine.fpr), f"{name}: {percent(fpr)}", f"{BITS_PER_KEY:.2f} bits a key"
        results.append(row(what, ours, rival, ratio, 1, "measured", bits, at_most=True))
    return results


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of Bloom filters."""
    results = []
    for layout in UNITS:
        for size, place in ((scale.cached, "L2"), (scale.large, "DRAM")):
            results += case_rows(repeats, clock, ceilings, scale, Case(layout, size, place))
    return results
