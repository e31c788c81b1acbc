# SPDX-License-Identifier: Apache-2.0
"""hypersketch beside its peers and the machine's limits, measured in one run.

usage: python bench/run.py [capacity] [bundle] [hash] [--repeats 5] [--write]

Every row is a ratio of medians of interleaved repeats on one pinned core, with accuracy and bytes beside it.
--write puts the table into bench/README.md and README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import hypersketch
from hypersketch import _core
from peers import Polars, Torchhd, version_of

PAGES = [Path(__file__).with_name("README.md"), Path(__file__).parents[1] / "README.md"]
DIMS = [i * i for i in range(2, 35)]
SIZES = [5, 10, 15, 20, 25, 50]
UNIVERSE, TRIALS = 1000, 10
Row = dict[str, str]


def medians(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of every call, the calls taking turns so that a busy minute hits all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(repeats):
        for call, taken in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def row(work: str, ours: str, peer: str, ratio: float, bar: float, accuracy: str, size: str) -> Row:
    verdict = "reached" if ratio >= bar else "missed"
    return {
        "work": work,
        "hypersketch": ours,
        "peer or limit": peer,
        "ratio": f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
        "bar": f"{bar:g}, {verdict}",
        "accuracy": accuracy,
        "bytes": size,
    }


def cleanup_accuracy(structure: str, seed: int) -> np.ndarray:
    """Our mean accuracies of the Schlegel grid, shaped (dims, sizes)."""
    results = hypersketch.capacity.run(
        "cleanup", structures=[structure], n=SIZES, dims=DIMS, universe=UNIVERSE, trials=TRIALS, seed=seed
    )
    frame = results.to_polars()
    table = {(r["dim"], r["n"]): r["measured"] for r in frame.iter_rows(named=True)}
    return np.array([[table[dim, n] for n in SIZES] for dim in DIMS])


def capacity_rows(repeats: int) -> list[Row]:
    """Bundle capacity after Schlegel, Neubert and Protzel: 33 dimensions x 6 sizes x 10 trials."""
    hypersketch.set_num_threads(1)
    torchhd = Torchhd()
    rows = []
    for structure, signed in (("map-i", False), ("map-b", True)):
        ours, theirs = medians(
            repeats,
            lambda structure=structure: hypersketch.capacity.run(
                "cleanup",
                structures=[structure],
                n=SIZES,
                dims=DIMS,
                universe=UNIVERSE,
                trials=TRIALS,
                seed=1,
                jobs=1,
            ),
            lambda signed=signed: torchhd.cleanup(DIMS, SIZES, TRIALS, UNIVERSE, signed),
        )
        found = cleanup_accuracy(structure, 1).mean()
        theirs_found = torchhd.cleanup(DIMS, SIZES, TRIALS, UNIVERSE, signed).mean()
        rows.append(
            row(
                f"capacity sweep, {structure}, 1,980 bundles of 1,000 items",
                f"{1e3 * ours:.1f} ms",
                f"torchhd {version_of('torch-hd')}: {theirs:.2f} s",
                theirs / ours,
                100,
                f"mean over the grid {found:.3f}, torchhd {theirs_found:.3f}",
                f"atoms computed; torchhd stores {4 * UNIVERSE * DIMS[-1] / 1e6:.1f} MB",
            )
        )
    return rows


PEAK_MEMORY = """
import resource, numpy as np, hypersketch
keys = np.arange(100_000)
bundle = hypersketch.MapI(1_000_000).bundle(keys[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bundle.add(keys)
print(1 + 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / bundle.nbytes)
"""


def peak_memory() -> float:
    """Peak memory of adding 100,000 keys to a bundle of 4 MB, relative to its state."""
    return float(subprocess.run([sys.executable, "-c", PEAK_MEMORY], check=True, capture_output=True).stdout)


def bundle_rows(repeats: int) -> list[Row]:
    """A bundle of 10,000 dimensions straight from keys, one thread."""
    dim, n = 10_000, 200_000
    keys = np.random.default_rng(1).integers(0, 2**63, n, dtype=np.uint64)
    hashes = hypersketch.hash_keys(keys)
    atoms = np.empty((64, (dim + 63) // 64), np.uint64)
    space = hypersketch.MapI(dim)
    torchhd = Torchhd()

    def generate() -> None:
        for first in range(0, n, 64):
            _core.atom_rows(dim, 0, hashes[first : first + 64], atoms, 1)

    ours, limit, theirs = medians(
        repeats, lambda: space.bundle().add(keys, threads=1), generate, lambda: torchhd.bundle(1000, dim)
    )
    check = space.bundle(keys[:1000])
    exact = space.unpack(space.atoms(keys[:1000])).sum(axis=0, dtype=np.int64)
    accuracy = "exact" if np.array_equal(check.counters, exact) else "WRONG"
    size = f"{check.nbytes:,}; peak {peak_memory():.2f} x the state"
    rate = n / ours
    return [
        row(
            "bundle from keys, D = 10,000 (M keys/s)",
            f"{rate / 1e6:.1f}",
            "asked for: 15",
            rate / 15e6,
            1,
            accuracy,
            size,
        ),
        row(
            "the same",
            f"{rate / 1e6:.1f}",
            f"generating the atoms into cache: {n / limit / 1e6:.1f}",
            limit / ours,
            0.8,
            accuracy,
            f"{check.nbytes:,}",
        ),
        row(
            "the same",
            f"{rate / 1e6:.1f}",
            f"torchhd: {1000 / theirs / 1e3:.1f} k",
            rate * theirs / 1000,
            5000,
            accuracy,
            "torchhd: 40,000 an atom",
        ),
    ]


def texts(generator: np.random.Generator, n: int) -> list[str]:
    return [f"{x:020d}" for x in generator.integers(0, 2**63, n)]


def hash_rows(repeats: int) -> list[Row]:
    """hash_keys against polars' Series.hash(), one thread."""
    polars = Polars()
    generator = np.random.default_rng(1)
    rows = []
    cases = (
        ("uint64 array of 10⁵ (in cache)", generator.integers(0, 2**63, 10**5, dtype=np.uint64), 2.5),
        (
            "column of 10⁶ strings of 20 bytes",
            [f"{x:020d}" for x in generator.integers(0, 2**63, 10**6)],
            1.0,
        ),
        (
            "column of 10⁷ strings of 20 bytes",
            [f"{x:020d}" for x in generator.integers(0, 2**63, 10**7)],
            1.0,
        ),
    )
    for name, values, bar in cases:
        series = polars.series(values)
        keys = values if isinstance(values, np.ndarray) else series
        out = np.empty(len(series), np.uint64)
        fresh, ours, theirs = medians(
            max(repeats, 11),
            lambda keys=keys: hypersketch.hash_keys(keys, threads=1),
            lambda keys=keys, out=out: hypersketch.hash_keys(keys, out=out, threads=1),
            lambda series=series: series.hash(),
        )
        peer = f"polars {version_of('polars')}: {len(series) / theirs / 1e6:.0f}"
        for how, taken in (("fresh result", fresh), ("out=, as polars' allocator reuses", ours)):
            rate = f"{len(series) / taken / 1e6:.0f}"
            work = f"hash_keys, {name}, {how} (M keys/s)"
            rows.append(row(work, rate, peer, theirs / taken, bar, "XXH64, exact", "8 a key"))
    return rows


SUITES = {"capacity": capacity_rows, "bundle": bundle_rows, "hash": hash_rows}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def table_of(rows: list[Row]) -> str:
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(r[name] for name in names) + " |" for r in rows]
    level = hypersketch.build_info()["simd_level"]
    facts = f"{processor()}, {level} kernels, Python {platform.python_version()}, one pinned core."
    return "\n".join([*lines, "", facts])


def write_table(table: str) -> None:
    """Replace what stands between the markers of both READMEs."""
    for page in PAGES:
        head, _, rest = page.read_text(encoding="utf-8").partition("<!-- results -->\n")
        _, _, tail = rest.partition("<!-- end of results -->")
        page.write_text(f"{head}<!-- results -->\n{table}\n<!-- end of results -->{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"any of {', '.join(SUITES)} (default: all)"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into the READMEs")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.suites) - set(SUITES)):
        parser.error(f"unknown suite {unknown[0]!r}; known: {', '.join(SUITES)}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = [r for name in arguments.suites or SUITES for r in SUITES[name](arguments.repeats)]
    table = table_of(rows)
    print(table)
    if arguments.write:
        write_table(table)


if __name__ == "__main__":
    main()
