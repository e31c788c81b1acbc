# SPDX-License-Identifier: Apache-2.0
"""Threads, forks and signals: one object under many hands stays consistent."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import (
    BloomFilter,
    CountingBloomFilter,
    HopfieldMembership,
    MapI,
    _core,
    _structure,
    get_num_threads,
)
from hypersketch import set_num_threads as set_threads
from makers import MAKERS, answers, filled, state

# ---- settings


def test_number_of_threads() -> None:
    assert get_num_threads() == len(os.sched_getaffinity(0))
    set_threads(3)
    assert get_num_threads() == 3
    set_threads(None)
    assert get_num_threads() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("n", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1025, ValueError),
        (1.0, TypeError),
        ("2", TypeError),
        (True, TypeError),
    ],
)
def test_refused_numbers(n: Any, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=r"The 'n' parameter of set_num_threads must be an integer in \[1, 1024\]\. Got"
    ):
        set_threads(n)
    with pytest.raises(
        error, match=r"The 'threads' parameter of hash_keys must be an integer in \[1, 1024\]\. Got"
    ):
        hypersketch.hash_keys(1, threads=n)


def test_the_default_follows_the_affinity() -> None:
    code = (
        "import os, hypersketch\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "print(hypersketch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


# ---- many hands at once


def in_threads(work: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(job) for job in work]]


@pytest.mark.parametrize("name", list(MAKERS))
def test_concurrent_adds_lose_nothing(name: str) -> None:
    shared, alone = MAKERS[name](), MAKERS[name]()
    pieces = [range(i, 2000, 8) for i in range(8)]

    def add(piece: range) -> None:
        for key in piece:
            shared.add([key])

    in_threads([lambda piece=piece: add(piece) for piece in pieces])
    alone.add(range(2000))
    if name == "ScalableBloomFilter":  # which slice a key is in depends on the order
        assert shared.contains(range(2000)).all()
    else:
        assert shared == alone
    assert shared.n_added == 2000


@pytest.mark.parametrize("name", list(MAKERS))
def test_queries_while_another_thread_adds(name: str) -> None:
    shared, stop = filled(name, range(100)), threading.Event()

    def ask() -> int:
        rounds = 0
        while not stop.is_set() or rounds == 0:
            assert answers(shared, range(100)).shape == (100,)
            assert shared.n_added >= 100
            rounds += 1
        return rounds

    def add() -> None:
        for first in range(100, 1100, 50):
            shared.add(range(first, first + 50), threads=2)
        stop.set()

    in_threads([ask, ask, add])
    assert shared == filled(name, range(1100))


def test_members_are_never_missed_while_others_come() -> None:
    seen, stop = BloomFilter(n_bits=1_000_003, n_hashes=5, layout="classic"), threading.Event()
    seen.add(range(1000))

    def ask() -> None:
        while not stop.is_set():
            assert seen.contains(range(1000), threads=2).all()

    def add() -> None:
        for first in range(1000, 200_000, 20_000):
            seen.add(range(first, first + 20_000), threads=2)
        stop.set()

    in_threads([ask, ask, add])


@pytest.mark.parametrize("name", ["BloomFilter", "CountSketch", "Bundle of MapI", "HopfieldMembership"])
def test_merging_crosswise_does_not_lock_up(name: str) -> None:
    a, b = MAKERS[name](), MAKERS[name]()

    def repeat(x: Any, y: Any) -> None:
        for _ in range(300):
            x.merge(y)
            x.merge(x)
            x.clear()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet between the two locks
    try:
        in_threads([lambda: repeat(a, b), lambda: repeat(b, a), lambda: repeat(a, a)])
    finally:
        sys.setswitchinterval(before)


def test_saving_while_another_thread_adds(tmp_path: Any) -> None:
    shared, stop = MapI(5000).bundle(), threading.Event()

    def add() -> None:
        while not stop.is_set():
            shared.add(range(200))

    def save() -> None:
        try:
            for i in range(20):
                path = tmp_path / f"{i}.safetensors"
                shared.save(path)
                loaded = hypersketch.load(path)  # the checksum would tell a half-changed state
                assert loaded.n_added % 200 == 0
                assert np.array_equal(
                    loaded.counters, MapI(5000).bundle(range(200)).counters * (loaded.n_added // 200)
                )
        finally:
            stop.set()

    in_threads([add, save])


# ---- forks


def _child(seen: Any, queue: Any) -> None:
    seen.add(range(50_000), threads=3)
    queue.put((seen.n_added, bool(seen.contains(range(50_000), threads=3).all())))


def test_a_process_may_fork_after_threads_were_used() -> None:
    seen = BloomFilter(n_bits=1_000_003, n_hashes=5, layout="classic")
    seen.add(range(50_000), threads=3)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=_child, args=(seen, queue))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert queue.get() == (100_000, True)
    seen.add(range(50_000), threads=3)
    assert seen.n_added == 100_000


# ---- signals


class Alarm(KeyboardInterrupt):
    """What the test's signal raises, as Ctrl-C does."""


@pytest.fixture
def alarm() -> Iterator[Callable[[float], Any]]:
    def ring(number: int, frame: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


LARGE: dict[str, Callable[[], Any]] = {
    "BloomFilter": lambda: BloomFilter(n_bits=10_000_019, n_hashes=10, layout="classic"),
    "CountingBloomFilter": lambda: CountingBloomFilter(n_cells=1_000_003, n_hashes=10, counter_bits=32),
    "Bundle": lambda: MapI(8192).bundle(),
    "HopfieldMembership": lambda: HopfieldMembership(128),
}


@pytest.mark.parametrize("name", LARGE)
def test_ctrl_c_leaves_a_prefix_that_is_counted(
    name: str, alarm: Callable[[float], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes while compiled code runs; Python hears it when that returns, before all else."""
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255 * 8)
    keys = np.arange(1_000_000)
    hypersketch.hash_keys(keys)
    interrupted = 0
    for seconds in np.geomspace(0.005, 0.5, 12):
        made = LARGE[name]()
        try:
            alarm(seconds)
            made.add(keys, threads=1)
            alarm(0)
        except Alarm:
            interrupted += 0 < made.n_added < keys.size
        again = LARGE[name]()
        again.add(keys[: made.n_added])
        assert made == again
        assert (made.n_added, getattr(made, "total_weight", made.n_added)) == (again.n_added, again.n_added)
        if interrupted >= 2:
            return
    pytest.skip("this machine was too quick or too slow to be interrupted")


def test_ctrl_c_between_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255)
    made, calls, add = MapI(100).bundle(), 0, _core.bundle_add

    def third_call_is_interrupted(*arguments: Any, **others: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        add(*arguments, **others)

    monkeypatch.setattr(_core, "bundle_add", third_call_is_interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.add(range(2000), weights=np.full(2000, 3))
    monkeypatch.undo()
    assert (made.n_added, made.total_weight) == (510, 1530)
    assert made == MapI(100).bundle(range(510), np.full(510, 3))
    made.add(range(510, 2000), np.full(1490, 3))
    assert made == MapI(100).bundle(range(2000), np.full(2000, 3))


def test_a_real_ctrl_c_ends_a_program() -> None:
    program = (
        "import os, signal, threading, hypersketch, numpy as np\n"
        "bag, whole, part = (hypersketch.MapI(50_000).bundle() for _ in range(3))\n"
        "keys = np.arange(100_000)\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    while True: bag.add(keys, threads=1)\n"
        "except KeyboardInterrupt: pass\n"
        "whole.add(keys)\n"
        "part.add(keys[: bag.n_added % keys.size])\n"
        "times = bag.n_added // keys.size\n"
        "print(np.array_equal(bag.counters, times * whole.counters + part.counters))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"
    assert done.stderr == ""


def test_copies_taken_while_another_thread_adds_are_whole() -> None:
    shared, once = MapI(5000).bundle(), MapI(5000).bundle(range(200))

    def add() -> list[Any]:
        for _ in range(100):
            shared.add(range(200))
        return []

    def take() -> list[Any]:
        return [shared.copy() for _ in range(100)]

    for one in itertools.chain.from_iterable(in_threads([add, take, take])):
        assert np.array_equal(state(one), state(once) * (one.n_added // 200))
