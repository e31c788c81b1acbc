# SPDX-License-Identifier: Apache-2.0
"""How every suite measures and what a row of the results is: turns, medians, cores, tables."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import hypersketch

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
_SHORT_CALL = 0.05
"""Seconds. A faster call runs once untimed before it is timed, so that it meets its own caches."""

_ABOVE_LIMIT = 1.1
"""Medians of a shared machine scatter; a ratio to a limit beyond this is no scatter."""


class Seconds(float):
    """What a call returns that has timed itself."""


@dataclasses.dataclass(frozen=True)
class Work:
    """Something to time: `prepare` comes before every `run` and is not timed."""

    run: Callable[[], object]
    items: int = 1
    prepare: Callable[[], object] | None = None
    cores: int = 1


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the results. Headlines also stand in the project's README."""

    work: str
    hypersketch: str
    peer: str
    ratio: str
    bar: str
    accuracy: str
    bytes: str
    headline: bool = False


TITLES = {
    "work": "work",
    "hypersketch": "hypersketch",
    "peer": "peer or limit",
    "ratio": "ratio",
    "bar": "bar",
    "accuracy": "accuracy",
    "bytes": "bytes",
}


# ---- timing


def _affinity() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


_CORES = _affinity()
"""The cores this process was given when it started, before any pinning."""


@contextmanager
def on_cores(n: int) -> Iterator[None]:
    """Run a block on the last n cores of the process; threads that it starts inherit them."""
    if not _CORES:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES[-n:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def on_all_cores() -> AbstractContextManager[None]:
    """Run a block on every core that the process was given."""
    return on_cores(len(_CORES))


def has_cores(n: int) -> bool:
    return len(_CORES) >= n


def _once(work: Work) -> float:
    if work.prepare is not None:
        work.prepare()
    start = time.perf_counter()
    answer = work.run()
    taken = time.perf_counter() - start
    return float(answer) if isinstance(answer, Seconds) else taken


def _timed(work: Work, warm: bool) -> float:
    with on_cores(work.cores):
        if warm:
            _once(work)
        return _once(work)


def seconds(repeats: int, works: Mapping[str, Work]) -> dict[str, float]:
    """Median seconds of every work, the works taking turns so that a busy minute hits all of them."""
    first = {name: _timed(work, warm=False) for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            times[name].append(_timed(work, warm=first[name] < _SHORT_CALL))
    return {name: statistics.median(taken) for name, taken in times.items()}


def rates(repeats: int, works: Mapping[str, Work]) -> dict[str, float]:
    """Median items a second of every work; see `seconds`."""
    return {name: works[name].items / taken for name, taken in seconds(repeats, works).items()}


def medians(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of every call; see `seconds`."""
    return list(seconds(repeats, {str(i): Work(call) for i, call in enumerate(calls)}).values())


# ---- rows


def rate_text(rate: float) -> str:
    """A rate with three digits and its unit.

    >>> rate_text(12_345_678), rate_text(1.5e9), rate_text(4812.0)
    ('12.3 M', '1,500 M', '4.81 k')
    """
    value, unit = (rate / 1e6, "M") if rate >= 1e6 else (rate / 1e3, "k")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def row(
    work: str,
    ours: str,
    peer: str,
    ratio: float,
    bar: float | None,
    accuracy: str,
    size: str,
    *,
    at_most: bool = False,
    limit: bool = False,
    headline: bool = False,
) -> Row:
    """Make a row; a bar is the smallest ratio asked for (the largest with `at_most`), None where none was.

    `limit` says that nothing can exceed what ours is compared with. Where ours does, the figure is not valid
    (noise, or a limit that was measured badly), and the row says so instead of calling its bar reached.
    """
    text = f"{ratio:.4g}" if at_most else f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"
    verdict = "-"
    if bar is not None:
        reached = ratio <= bar if at_most else ratio >= bar
        verdict = f"{'≤ ' if at_most else ''}{bar:g}, {'reached' if reached else 'missed'}"
    if limit and ratio > _ABOVE_LIMIT:
        verdict = "above the limit: not valid"
    return Row(work, ours, peer, text, verdict, accuracy, size, headline)


def note(work: str, what: str) -> Row:
    """A row that says why there is no figure."""
    return Row(work, "-", what, "-", "-", "-", "-")


def two_thread_row(
    repeats: int,
    work: str,
    items: int,
    run: Callable[[int], object],
    prepare: Callable[[], object] | None = None,
    bar: float = 1.7,
) -> Row:
    """Compare run(2) on two cores with run(1) on one; both are timed in the same turns."""
    if not has_cores(2):
        return note(f"two threads, {work}", "needs two cores")
    works = {
        "one": Work(lambda: run(1), items, prepare),
        "two": Work(lambda: run(2), items, prepare, cores=2),
    }
    got = rates(repeats, works)
    ours, one = rate_text(got["two"]), f"one thread: {rate_text(got['one'])}"
    return row(f"two threads, {work}", ours, one, got["two"] / got["one"], bar, "as with one", "-")


# ---- tables


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    family = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{facts.get('model name', 'unknown')} ({family})"


def facts() -> str:
    """Where the figures were taken."""
    level = hypersketch.build_info()["simd_level"]
    return (
        f"{_processor()}, {level} kernels, Python {platform.python_version()}, one pinned core unless said."
    )


def table(rows: list[Row], *, short: bool = False, columns: Collection[str] = tuple(TITLES)) -> str:
    """A Markdown table; short: headlines only, without their bars."""
    names = [name for name in TITLES if name in columns and not (short and name == "bar")]
    chosen = [r for r in rows if r.headline] if short else rows
    lines = ["| " + " | ".join(TITLES[name] for name in names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(getattr(r, name) for name in names) + " |" for r in chosen]
    return "\n".join(lines)


def remember(results: Mapping[str, list[Row]], places: Mapping[str, str]) -> None:
    """Keep the rows of the suites that ran in results.json, and write both READMEs from all that is kept.

    `places` says where each suite's figures were taken.
    """
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for suite, rows in results.items():
        kept[suite] = {"facts": places[suite], "rows": [dataclasses.asdict(r) for r in rows]}
    RESULTS.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _write_pages(kept)


def _write_pages(kept: dict[str, dict[str, object]]) -> None:
    every: list[Row] = []
    parts = []
    for suite, result in kept.items():
        rows = [Row(**r) for r in result["rows"]]  # type: ignore[attr-defined]
        every += rows
        part = f"### `{suite}`\n\n{table(rows)}\n\n{result['facts']}\n"
        if suite == "cuda":
            _replace(HERE / "README.md", part, "results of the GPU")
        else:
            parts.append(part)
    shown = [result for result in kept.values() if any(r["headline"] for r in result["rows"])]
    places = sorted({str(result["facts"]) for result in shown})
    _replace(HERE / "README.md", "\n".join(parts))
    _replace(HERE.parent / "README.md", table(every, short=True) + "\n\n" + "\n".join(places) + "\n")


def _replace(page: Path, text: str, name: str = "results") -> None:
    """Put the text between the markers of a page."""
    head, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- end of {name} -->")
    if not start or not end:
        raise SystemExit(f"{page} has no markers for the results")
    page.write_text(f"{head}{start}{text}{end}{tail}", encoding="utf-8")
