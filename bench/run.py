# SPDX-License-Identifier: Apache-2.0
"""hypersketch beside its peers and the machine's limits, measured in one run.

usage: python bench/run.py [suite ...] [--repeats 5] [--write]

A suite is one of capacity, bundle, hash, sketches_bloom, sketches_count, projections; `sketches` means the
last four, and none means all.
Every row is a ratio of medians of interleaved repeats on one pinned core, with accuracy and bytes beside it.
--write keeps the rows in bench/results.json and writes the tables of bench/README.md and README.md from it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import harness
from peers import Missing
from suites import GROUPS, SUITES


def chosen(names: list[str]) -> list[str]:
    """Return the suites meant, each once, in the order in which they are listed."""
    wanted = {suite for name in names for suite in GROUPS.get(name, (name,))}
    if unknown := sorted(wanted - set(SUITES)):
        raise SystemExit(f"unknown suite {unknown[0]!r}; known: {', '.join([*SUITES, *GROUPS])}")
    return [suite for suite in SUITES if not names or suite in wanted]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help="default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the tables into the READMEs")
    for option, variable, what in (
        ("--quickbloom", "HYPERSKETCH_QUICKBLOOM", "shared library of quickbloom"),
        ("--fastfilter", "HYPERSKETCH_FASTFILTER", "checkout of fastfilter_cpp"),
        ("--build", "HYPERSKETCH_BENCH_BUILD", "CMake build folder of the C++ benchmarks"),
    ):
        parser.add_argument(option, metavar="PATH", help=f"{what} (default: {variable})")
    return parser.parse_args()


def measured(suite: str, repeats: int) -> list[harness.Row]:
    """Return the rows of a suite, or one that says which peer it cannot do without."""
    rows: list[harness.Row]
    try:
        rows = importlib.import_module(f"suites.{suite}").rows(repeats)
    except Missing as reason:
        rows = [harness.note(suite, str(reason))]
    return rows


def main() -> None:
    given = arguments()
    for option in ("quickbloom", "fastfilter"):
        if getattr(given, option):
            os.environ[f"HYPERSKETCH_{option.upper()}"] = os.path.abspath(getattr(given, option))
    if given.build:
        os.environ["HYPERSKETCH_BENCH_BUILD"] = os.path.abspath(given.build)
    results = {}
    with harness.on_cores(1):
        for name in chosen(given.suites):
            start = time.monotonic()
            results[name] = measured(name, given.repeats)
            print(
                f"{name} ({time.monotonic() - start:.0f} s)\n\n{harness.table(results[name])}\n", flush=True
            )
    print(harness.facts())
    if given.write:
        harness.remember(results)


if __name__ == "__main__":
    main()
