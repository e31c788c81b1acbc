# SPDX-License-Identifier: Apache-2.0
"""What measuring on a GPU takes: sizes, a clock, ceilings, pinned memory, keys whose answers are known."""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import Seconds, Work, rate_text
from hypersketch import cuda
from native import GIB, KIB, MIB, built, size_name
from peers import Missing

DEVICE = 0
_STEP = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


class Sizes(NamedTuple):
    """How much is measured."""

    cached: int
    """Bytes of a filter that the L2 cache holds."""
    large: int
    """Bytes of one that it does not hold."""
    batch: int
    """Keys a call."""
    widths: tuple[int, int]
    """Of a count sketch: one for shared memory, and one beyond the cache."""
    ranks: int
    """Different keys under Zipf's law."""
    rows: int
    """Of a projection."""
    accesses: int
    """Of a ceiling."""
    copied: int
    """Bytes of a copy whose speed is a ceiling."""
    items: int
    """Packed vectors that are searched; a tenth of them real ones."""
    probes: tuple[int, ...]
    """How many at once: two numbers for which memory is the limit, and two for which arithmetic is."""


FULL = Sizes(
    16 * MIB, 4 * GIB, 1 << 27, (1 << 16, 1 << 24), 10**6, 1 << 16, 1 << 27, GIB, 10**7, (1, 16, 256, 4096)
)
QUICK = Sizes(
    16 * KIB, 64 * KIB, 1 << 12, (1 << 10, 1 << 12), 500, 1 << 5, 1 << 12, 64 * KIB, 600, (1, 5, 20, 70)
)
_NEEDED = 16 * GIB


def sizes() -> Sizes:
    """All, or as little as shows that everything runs (run.py --quick, and the emulated GPU of the tests)."""
    return QUICK if os.environ.get("HYPERSKETCH_BENCH_QUICK") else FULL


def require() -> cuda.Device:
    """Return the GPU, or raise `Missing` with the reason why nothing can be measured."""
    reason = cuda.why_not()
    if reason is not None:
        raise Missing(reason)
    found = cuda.devices()[DEVICE]
    if found.name == "emulated" and sizes() is FULL:
        raise Missing("The GPU is an emulated one: only --quick makes sense.")
    if found.memory < _NEEDED and sizes() is FULL:
        needed = f"this takes {size_name(_NEEDED)}, --quick less"
        raise Missing(f"{found.name} has {size_name(found.memory)} of memory; {needed}.")
    return found


def facts() -> str:
    """Where and when the figures were taken."""
    found = cuda.devices()[DEVICE]
    asked = ["nvidia-smi", f"--id={DEVICE}", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        driver = "unknown"
    machine = f"{found.name}, {found.processors} processors, {size_name(found.memory)}"
    return f"{machine}, driver {driver}, {datetime.date.today().isoformat()}."


def _folder(target: str) -> Path:
    """Build a target of bench/cuda for the GPU at hand."""
    found = cuda.devices()[DEVICE]
    kind = "EMULATED" if found.name == "emulated" else "ON"
    architecture = "".join(map(str, found.capability))
    return built(target, HYPERSKETCH_CUDA=kind, CMAKE_CUDA_ARCHITECTURES=architecture)


# ---- time


class Clock:
    """Seconds of the GPU between the start and the end of what a call enqueues, by CUDA events."""

    def __init__(self) -> None:
        self._library = library = ctypes.CDLL(str(_folder("bench_cuda_clock") / "libbench_cuda_clock.so"))
        library.bench_start.restype = library.bench_stop.restype = ctypes.c_double
        library.bench_pinned.restype = ctypes.c_void_p
        library.bench_pinned.argtypes, library.bench_unpin.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]

    def work(
        self, run: Callable[[], object], items: int = 1, prepare: Callable[[], object] | None = None
    ) -> Work:
        """Return a work whose seconds are the GPU's."""

        def timed() -> Seconds:
            started = self._library.bench_start(DEVICE)
            run()
            taken = self._library.bench_stop(DEVICE)
            if started < 0 or taken <= 0:
                raise SystemExit("a call of CUDA failed while it was measured")
            return Seconds(taken)

        return Work(timed, items, prepare)

    @contextmanager
    def pinned(self, array: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Lend a copy of an array in pinned memory."""
        memory = self._library.bench_pinned(array.nbytes)
        if not memory:
            raise SystemExit(f"{array.nbytes} bytes of pinned memory are not to be had")
        copy = np.frombuffer((ctypes.c_ubyte * array.nbytes).from_address(memory), array.dtype)
        copy[:] = array
        try:
            yield copy
        finally:
            self._library.bench_unpin(memory)


# ---- ceilings

CEILINGS = {
    "copy": "copying on the GPU (read and written, each)",
    "to-device": "copying pinned memory to the GPU",
    "to-host": "copying to pinned memory",
    "read32": "random 32 B reads",
    "read64": "random 64 B reads",
    "update32": "random 32 B red.or",
    "update64": "random 64 B red.or",
    "add4": "random 4 B additions",
    "add8": "random 8 B additions",
    "bits": "bits compared by tensor cores",
    "popcounts": "bits compared by popcounts",
    "bfloats": "operations of bfloat16 tensor cores",
}


def _whole(size: int) -> int:
    """Bytes of whole cache lines, which ceilings are measured for."""
    return -(-size // 64) * 64


class Ceiling(NamedTuple):
    name: str
    size: int
    rate: float
    """Accesses, or bytes, a second of the best variant."""
    variant: str
    tried: int

    def text(self) -> str:
        return f"{CEILINGS[self.name]} in {size_name(self.size)}: {rate_text(self.rate)}"


class Ceilings:
    """What bench_cuda_ceilings measured, in one go before anything of ours."""

    def __init__(self, scale: Sizes) -> None:
        wanted = [("copy", scale.copied), ("to-device", scale.copied // 4), ("to-host", scale.copied // 4)]
        wanted += [(f"{name}{n}", scale.cached) for name in ("read", "update") for n in (32, 64)]
        tables = [20 * width for width in scale.widths]
        wanted += [(f"add{n}", size) for size in (*tables, scale.cached) for n in (4, 8)]
        wanted += [("read32", size) for size in tables]
        wanted += [(name, 64) for name in ("bits", "popcounts", "bfloats")]
        wanted += [(name, scale.large) for name in CEILINGS if name[-1].isdigit()]
        program = _folder("bench_cuda_ceilings") / "bench_cuda_ceilings"
        options = ["--device", str(DEVICE), "--accesses", str(scale.accesses)]
        wanted.sort(key=lambda request: request[1])  # the program keeps memory of one size
        requests = [f"{name}:{_whole(size)}" for name, size in wanted]
        done = subprocess.run([str(program), *options, *requests], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{program} failed: {done.stderr}")
        self.best: dict[tuple[str, int], Ceiling] = {}
        for line in done.stdout.splitlines():
            self._take(json.loads(line))

    def _take(self, found: dict[str, Any]) -> None:
        key = str(found["name"]), int(found["bytes"])
        before = self.best.get(key)
        tried = 1 if before is None else before.tried + 1
        if before is None or found["rate"] > before.rate:
            self.best[key] = Ceiling(*key, found["rate"], found["variant"], tried)
        else:
            self.best[key] = before._replace(tried=tried)

    def at(self, name: str, size: int) -> Ceiling:
        """Return a ceiling for a state of this size."""
        return self.best[name, _whole(size)]

    def any(self, name: str) -> Ceiling:
        """Return a ceiling that was measured at one size."""
        return next(found for (known, _), found in self.best.items() if known == name)

    def table(self) -> str:
        """All of them, for people."""
        lines = ["| ceiling | a second | best of | which was |", "|" + " --- |" * 4]
        for name in CEILINGS:
            for found in (f for (known, _), f in self.best.items() if known == name):
                what, rate = f"{CEILINGS[name]}, {size_name(found.size)}", rate_text(found.rate)
                lines.append(f"| {what} | {rate} | {found.tried} | {found.variant} |")
        return "\n".join(lines)


# ---- keys


def key(indices: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Turn indices into as many different keys."""
    return indices * _STEP


def numbers(first: int, n: int) -> NDArray[np.uint64]:
    return np.arange(first, first + n, dtype=np.uint64)


def mix(indices: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Words that look random."""
    words = indices * _STEP
    words ^= words >> _SHIFT
    words *= np.uint64(0xD6E8FEB86659FD93)
    return words


class Probes(NamedTuple):
    keys: NDArray[np.uint64]
    known: NDArray[np.bool_]
    """Which of them are members."""


def probes(n: int, members: int, hits: int) -> Probes:
    """Return n keys of which exactly 0, 50 or 100 % are among the members (the keys of the indices below).

    A member's index is drawn by `mix`; the key at position p that is none has the index members + p. Of two
    neighbours in the batch of 50 % one is a member, which one is drawn.
    """
    places = numbers(0, n)
    drawn = ((mix(places) >> _SHIFT) * np.uint64(members)) >> _SHIFT
    if hits == 100:
        return Probes(key(drawn), np.ones(n, np.bool_))
    absent = key(places + np.uint64(members))
    if hits == 0:
        return Probes(absent, np.zeros(n, np.bool_))
    known = ((places ^ (mix(places >> np.uint64(1)) >> np.uint64(40))) & np.uint64(1)).astype(np.bool_)
    return Probes(np.where(known, key(drawn), absent), known)


def on_gpu(array: NDArray[Any]) -> cuda.DeviceArray:
    return cuda.DeviceArray.of(array, DEVICE)


def empty(n: int, dtype: Any) -> cuda.DeviceArray:
    return cuda.DeviceArray.empty((n,), dtype, DEVICE)
