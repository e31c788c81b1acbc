# SPDX-License-Identifier: Apache-2.0
"""Our Bloom filter and its peers with the same keys: what is timed, and what each holds afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

import hypersketch
from data import percent, random_keys
from harness import Work
from peers import Missing
from peers.abloom import Abloom
from peers.fastfilter import Fastfilter
from peers.quickbloom import Quickbloom
from peers.rbloom import Rbloom

FPR = 0.01
ABSENT = 10**6
HUGE = 10**8
"""From here on left out: peers that need a Python object a key (4 GB), and the slower way of the others."""
Peer = TypeVar("Peer")


class Quality(NamedTuple):
    """What a filter's answers and bytes are worth."""

    fpr: str
    bits: str


class Data:
    """Members, absent keys and a mix of both in equal shares, each with its hashes."""

    def __init__(self, n: int) -> None:
        self.n = n
        half = n // 2
        self.keys, self.absent = random_keys(1, n), random_keys(2, ABSENT)
        self.probes = np.concatenate([self.keys[:: n // half][:half], random_keys(3, half)])
        np.random.default_rng(4).shuffle(self.probes)
        self.hashes, self.absent_hashes, self.probe_hashes = map(
            hypersketch.hash_keys, (self.keys, self.absent, self.probes)
        )
        self.out = np.empty(self.probes.size, np.bool_)


class Contest:
    """Our filter and every peer that is there, for one number of keys."""

    def __init__(self, n: int) -> None:
        self.data = Data(n)
        self.ours = hypersketch.BloomFilter(n, FPR)
        self.missing: list[str] = []
        self.hashing = self._open(lambda: Quickbloom(n, prehashed=False)) if n < HUGE else None
        self.prehashed = self._open(lambda: Quickbloom(n, prehashed=True))
        self.fastfilter = self._open(lambda: Fastfilter(n))
        self.abloom = self._open(lambda: Abloom(n)) if n < HUGE else None
        self.rbloom = self._open(lambda: Rbloom(n)) if n < 10**7 else None

    def _open(self, make: Callable[[], Peer]) -> Peer | None:
        try:
            return make()
        except Missing as reason:
            if str(reason) not in self.missing:
                self.missing.append(str(reason))
            return None

    def peers(self) -> dict[str, tuple[Any, Any, Any]]:
        """Every peer that is there, with its members and its absent keys as it takes them."""
        data = self.data
        numbers, hashes = (data.keys, data.absent), (data.hashes, data.absent_hashes)
        every: dict[str, tuple[Any, Any]] = {
            "hashing": (self.hashing, numbers),
            "prehashed": (self.prehashed, hashes),
            "fastfilter": (self.fastfilter, numbers),
            "abloom": (self.abloom, numbers),
            "rbloom": (self.rbloom, numbers),
        }
        return {name: (peer, *keys) for name, (peer, keys) in every.items() if peer is not None}

    def adding(self) -> dict[str, Work]:
        """One work a way of adding all keys; every filter is empty before it."""
        data, ours = self.data, self.ours
        works = {
            "ours": Work(lambda: ours.add(data.keys, threads=1), data.n, ours.clear),
            "ours prehashed": Work(lambda: ours.add_hashes(data.hashes, threads=1), data.n, ours.clear),
        }
        for name, (peer, keys, _) in self.peers().items():
            if name in ("abloom", "rbloom"):
                ready = keys.tolist()
                works[f"{name} list"] = Work(lambda p=peer, k=ready: p.add(k), data.n, peer.fresh)
                works[name] = Work(lambda p=peer, k=keys: p.add(k.tolist()), data.n, peer.fresh)
            elif name != "fastfilter" or data.n < HUGE:
                works[name] = Work(lambda p=peer, k=keys: p.add(k), data.n, peer.fresh)
        if self.fastfilter is not None:
            filter_, keys = self.fastfilter, data.keys
            works["fastfilter addAll"] = Work(lambda: filter_.add_all(keys), data.n, filter_.fresh)
        return works

    def querying(self) -> dict[str, Work]:
        """One work a way of querying; half of the keys are members. Lists hold the first 10⁶ of them."""
        data, ours, n = self.data, self.ours, self.data.probes.size
        works = {
            "ours": Work(lambda: ours.contains(data.probes, out=data.out, threads=1), n),
            "ours prehashed": Work(
                lambda: ours.contains_hashes(data.probe_hashes, out=data.out, threads=1), n
            ),
        }
        some = data.probes[:ABSENT]
        for name, (peer, _, _) in self.peers().items():
            if name in ("abloom", "rbloom"):
                ready = some.tolist()
                works[f"{name} list"] = Work(lambda p=peer, k=ready: p.found(k), some.size)
                works[name] = Work(lambda p=peer: p.found(some.tolist()), some.size)
            elif name == "fastfilter":
                works[name] = Work(lambda p=peer: p.contains(data.probes, data.out), n)
            else:
                probes = data.probe_hashes if name == "prehashed" else data.probes
                works[name] = Work(lambda p=peer, k=probes: p.found(k), n)
        return works

    def fill(self) -> dict[str, Quality]:
        """Put all keys into every filter; return what each is worth on the same absent keys.

        Up to 10⁶ members, evenly spread over all, must be found again.
        """
        self.ours.clear()
        self.ours.add_hashes(self.data.hashes)
        found = int(np.count_nonzero(self.ours.contains_hashes(self.data.absent_hashes)))
        kept = bool(self.ours.contains_hashes(self.data.hashes[:: max(1, self.data.n // ABSENT)]).all())
        ours = self._quality(found, kept, self.ours.nbytes)
        formula = f"{ours.fpr} (formula {percent(self.ours.expected_fpr())})"
        answers = {"ours": ours._replace(fpr=formula)}
        for name, (peer, keys, absent) in self.peers().items():
            boxed = name in ("abloom", "rbloom")
            peer.fresh()
            (peer.add_all if name == "fastfilter" else peer.add)(keys.tolist() if boxed else keys)
            sample = keys[:: max(1, keys.size // ABSENT)]
            kept = peer.found(sample.tolist() if boxed else sample) == sample.size
            found = peer.found(absent.tolist() if boxed else absent)
            answers[name] = self._quality(found, kept, peer.nbytes())
        return answers

    def _quality(self, found: int, kept: bool, nbytes: int) -> Quality:
        lost = "" if kept else ", LOSES KEYS"
        return Quality(f"{percent(found / ABSENT)}{lost}", f"{8 * nbytes / self.data.n:.2f}")

    def close(self) -> None:
        for peer in (self.hashing, self.prehashed, self.fastfilter):
            if peer is not None:
                peer.close()
