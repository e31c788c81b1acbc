# SPDX-License-Identifier: Apache-2.0
"""hypersketch beside its peers and the machine's limits, measured in one run.

usage: python bench/run.py [suite ...] [--repeats 5] [--write] [--quick]

A suite is one of capacity, bundle, packed, search, items, spaces, sweep, encoders, structures, resonator,
learning, language, hash, sketches_bloom, sketches_count, projections, retrieval, retrieval_bfloat16,
linear_memories, memories_classical, memories_cells, cuda; `vsa` means bundle to language, `sketches` hash to
projections, `memories` retrieval to memories_cells, and none means all. `cuda` is the GPU half; without a GPU
it says why.
Every row is a ratio of medians of interleaved repeats, with accuracy and bytes beside it; on one pinned core,
but for cuda.
--write keeps the rows in bench/results.json and writes the tables of bench/README.md and README.md from it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from typing import Any

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
    parser.add_argument("--quick", action="store_true", help="cuda: tiny sizes, to see that all of it runs")
    for option, variable, what in (
        ("--quickbloom", "HYPERSKETCH_QUICKBLOOM", "shared library of quickbloom"),
        ("--fastfilter", "HYPERSKETCH_FASTFILTER", "shared library over fastfilter_cpp"),
        ("--gpu-peer", "HYPERSKETCH_GPU_PEER", "program of a peer on the GPU (bench/README.md)"),
        ("--build", "HYPERSKETCH_BENCH_BUILD", "CMake build folder of the C++ benchmarks"),
    ):
        parser.add_argument(option, metavar="PATH", help=f"{what} (default: {variable})")
    given = parser.parse_args()
    if given.quick and given.write:
        parser.error("what --quick measures is not worth keeping")
    return given


def enter(given: argparse.Namespace) -> None:
    """Put into the environment what suites look for there."""
    for option in ("quickbloom", "fastfilter", "gpu_peer"):
        if getattr(given, option):
            os.environ[f"HYPERSKETCH_{option.upper()}"] = os.path.abspath(getattr(given, option))
    if given.build:
        os.environ["HYPERSKETCH_BENCH_BUILD"] = os.path.abspath(given.build)
    if given.quick:
        os.environ["HYPERSKETCH_BENCH_QUICK"] = "1"


def facts_of(module: Any) -> str:
    """Return where a suite's figures were taken."""
    return str(getattr(module, "facts", harness.facts)())


def main() -> None:
    given = arguments()
    enter(given)
    results, places, closings = {}, {}, []
    with harness.on_cores(1):
        for name in chosen(given.suites):
            module, start = importlib.import_module(f"suites.{name}"), time.monotonic()
            try:
                rows = module.rows(given.repeats)
            except Missing as reason:
                print(f"{name}: {reason}", flush=True)
                continue
            print(f"{name} ({time.monotonic() - start:.0f} s)\n\n{harness.table(rows)}\n", flush=True)
            results[name], places[name] = rows, facts_of(module)
            closings += [module.closing(rows)] if hasattr(module, "closing") else []
    if results:
        print("\n\n".join([*sorted(set(places.values())), *closings]))
    if results and given.write:
        harness.remember(results, places)


if __name__ == "__main__":
    main()
