# SPDX-License-Identifier: Apache-2.0
"""The machine's limits and the C++ peers: builds bench/cpp where needed and talks to what came out."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness import HERE, Seconds, Work

ROOT = HERE.parent
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def build_folder() -> Path:
    """Where compiled benchmarks are: HYPERSKETCH_BENCH_BUILD, else what the preset `bench` uses."""
    return Path(os.environ.get("HYPERSKETCH_BENCH_BUILD", ROOT / "build" / "bench"))


@functools.cache
def built(target: str, **more: str) -> Path:
    """Return the folder after building one target of bench/ in it (no work where it is up to date).

    `more` are further variables for CMake.
    """
    folder = build_folder()
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "HYPERSKETCH_PYTHON": "OFF",
        "HYPERSKETCH_BENCH": "ON",
        **more,
    }
    settings = [f"-D{name}={value}" for name, value in options.items()]
    for command in (
        ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(folder), *settings],
        ["cmake", "--build", str(folder), "--target", target],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise SystemExit("CMake is needed (pip install '.[bench]')") from None
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return folder


class Limits:
    """bench_limits as a process that answers one measurement at a time, on the core it was started on."""

    def __init__(self) -> None:
        program = built("bench_limits") / "bench_limits"
        self._process = subprocess.Popen(
            [str(program), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, access: str, size: int, pages: str, method: str) -> dict[str, Any]:
        """Return the answer of bench/cpp/limits.cpp to one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{access} {size} {pages} {method}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench_limits ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def work(self, access: str, size: int, pages: str = "huge", method: str = "plain") -> Work:
        """Return a work that takes the seconds of one access (key, byte)."""

        def run() -> Seconds:
            answer = self.measure(access, size, pages, method)
            return Seconds(answer["seconds"] / answer["count"])

        return Work(run)

    def works(self, name: str, access: str, size: int, pages: str = "huge") -> dict[str, Work]:
        """Return works for both methods; the machine's limit is the faster one (`best`)."""
        return {f"{name} {m}": self.work(access, size, pages, m) for m in ("plain", "prefetch")}

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def best(measured: dict[str, float], name: str) -> float:
    """Return the larger rate of what `Limits.works` named."""
    return max(measured[f"{name} plain"], measured[f"{name} prefetch"])


def size_name(size: int) -> str:
    """A size in bytes for people.

    >>> size_name(4 << 20), size_name(1 << 30), size_name(1_318_912)
    ('4 MiB', '1 GiB', '1.3 MiB')
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size % unit == 0 else f"{size / unit:.1f} {name}"
    return f"{size} B"


def peer_library(path: Path, signatures: Iterable[tuple[str, Any, list[Any]]]) -> Any:
    """Open a shared library and declare its functions."""
    import ctypes

    library = ctypes.CDLL(str(path))
    for name, result, arguments in signatures:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
