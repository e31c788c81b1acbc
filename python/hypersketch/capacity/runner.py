# SPDX-License-Identifier: Apache-2.0
"""Runs the cells of an experiment, one by one, on threads, or on any executor, with the same results."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypersketch
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.devices import Place, placed
from hypersketch.capacity.experiments import Experiment, Request, experiment
from hypersketch.capacity.extras import require
from hypersketch.capacity.journal import Journal
from hypersketch.capacity.key_source import KeySource, digest, key_source
from hypersketch.capacity.progress import Progress, progress_report
from hypersketch.capacity.results import Results
from hypersketch.capacity.validation import check_request, positive

__all__ = ["measure_cell", "run"]


def run(
    name: str,
    *,
    structures: Sequence[str] | None = None,
    n: Sequence[int] | int | None = None,
    dims: Sequence[int] | int | None = None,
    universe: int | None = None,
    trials: int | None = None,
    seed: int = 1,
    jobs: int = 1,
    device: str = "cpu",
    keys: Any = None,
    column: str | None = None,
    executor: Executor | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | Progress = False,
) -> Results:
    """Runs an experiment and sets every measured number beside its prediction.

    Parameters
    ----------
    name : str
        Experiment, for example ``membership``, ``cleanup`` or ``noise`` (`hypersketch.capacity.experiments`
        lists them), or ``paper`` for all claims of the literature.
    structures : sequence of str, optional
        Names such as ``map-i``; all that can do the task by default.
    n : int or sequence of int, optional
        Stored items.
    dims : int or sequence of int, optional
        Sizes: dimensions of MAP-I, MAP-B and Hopfield±, bits of a Bloom filter, cells of a counting Bloom
        filter.
    universe : int, optional
        Different keys to draw from; the codebook of a cleanup.
    trials : int, optional
        Independent repetitions of each cell.
    seed : int, default 1
        In [0, 2**64). What the trials give is a function of it and of the settings, on every machine; numbers
        fitted from them may differ in their last digit between versions of NumPy and SciPy.
    jobs : int, default 1
        Cells measured at the same time, on threads.
    device : str, default 'cpu'
        Where the structures are made: ``cuda``, ``cuda:1`` and so on for those that have GPU kernels, among
        them Bloom filters, count sketches, Count-Min sketches, bundles of packed vectors, projections and
        networks. Without `structures`, all of these that can do the task.
    keys : str, path or batch of keys, optional
        ``synthetic`` (default), ``stdlib``, a file, or any batch of keys.
    column : str, optional
        Column of a CSV or Parquet file of keys.
    executor : concurrent.futures.Executor, optional
        Where to measure the cells instead of `jobs` threads, e.g. a process pool or Dask's executor.
        Processes for a GPU must be started by ``spawn`` or ``forkserver`` if this one has used CUDA.
    out : path, optional
        Folder for results, figures and the report page (extra ``lab``).
    resume : bool, default False
        Go on with an interrupted run in `out`, or take the results of a finished one.
    progress : bool or callable, default False
        Show a progress bar on stderr, or call ``progress(done, total)`` after each cell.

    Returns
    -------
    Results
        One row for each measured number.

    Raises
    ------
    ValueError
        If a name is unknown, a number makes no sense, there are too few keys, a structure has no GPU kernels,
        or `out` holds another run. A run on another device is another run.
    RuntimeError
        If no GPU can be used, with the sentence of `hypersketch.cuda.why_not`.

    Notes
    -----
    On a GPU, keys are still drawn and errors counted on the CPU, and structures hold the same bits and
    integers: for the same structures the rows are those of a run on the CPU, and so are the verdicts. Only
    those of projections may differ in their last digits, as a GPU adds numbers in no order.

    Jobs share one GPU. Threads use its default stream, on which one thing runs after the other: only what the
    CPU does goes on at the same time. Processes of an executor each start CUDA, which takes memory of the GPU
    for each, and take turns.

    Examples
    --------
    >>> from hypersketch import capacity
    >>> results = capacity.run("cleanup", structures=["map-i"], n=[5, 15], dims=[256, 484], universe=1000,
    ...                        trials=10, seed=1, jobs=1, progress=False)
    >>> [round(row.measured, 1) for row in results if row.n == 5]
    [1.0, 1.0]
    """
    if out is not None:
        require("A report", "scipy", "matplotlib")
    chosen = experiment(name)
    request = check_request(structures, n, dims, trials, universe, seed)
    positive("run", "jobs", jobs)
    request, where = placed(chosen, request, device, executor)
    source = key_source(keys, column, _universe(chosen, request, keys))
    # The universe of a cell is what there is, not what was asked for.
    cells = chosen.cells(replace(request, universe=source.hashes().size))
    tasks = _Tasks(cells, source, jobs, executor)
    with progress_report(progress, chosen.name, len(cells)) as report:
        if out is None:
            return Results.measured(chosen, cells, tasks.outcomes(report))
        journal = Journal(Path(out), _config(request, source, cells), resume)
        return _recorded(chosen, tasks, journal, where, report)


def measure_cell(cell: Cell, source: KeySource) -> Outcomes:
    """Measures one cell: what executors are sent.

    Parameters
    ----------
    cell : Cell
        What to measure.
    source : KeySource
        Where its keys come from.

    Returns
    -------
    dict of str to list of float
        One number a trial for each quantity.

    Examples
    --------
    >>> from hypersketch.capacity.key_source import SyntheticKeys
    >>> cell = Cell("cleanup", "map-i", 5, {"dim": 512}, 3, 0, 100, run_seed=1)
    >>> measure_cell(cell, SyntheticKeys(100))
    {'accuracy': [5, 5, 5]}
    """
    return experiment(cell.experiment).measure(cell, source.hashes())


class _Tasks:
    """The cells of a run and the means to measure them."""

    def __init__(self, cells: list[Cell], source: KeySource, jobs: int, executor: Executor | None) -> None:
        self.cells = cells
        self._source = source
        self._jobs = jobs
        self._executor = executor

    def run(self, finished: Collection[int], report: Progress) -> Iterator[tuple[int, Outcomes]]:
        """Measures the cells that are not finished yet and yields their outcomes as they come."""
        left = [index for index in range(len(self.cells)) if index not in finished]
        for count, result in enumerate(self._measure(left), len(self.cells) - len(left) + 1):
            yield result
            report(count, len(self.cells))

    def outcomes(self, report: Progress) -> list[Outcomes]:
        """Measures all cells and returns their outcomes in the order of the cells."""
        measured = dict(self.run((), report))
        return [measured[index] for index in range(len(self.cells))]

    def _measure(self, indices: list[int]) -> Iterator[tuple[int, Outcomes]]:
        if self._executor is not None:
            yield from self._submit(indices, self._executor)
        elif self._jobs == 1:
            for index in indices:
                yield index, measure_cell(self.cells[index], self._source)
        else:
            with ThreadPoolExecutor(self._jobs) as threads:
                yield from self._submit(indices, threads)

    def _submit(self, indices: list[int], executor: Executor) -> Iterator[tuple[int, Outcomes]]:
        futures = {executor.submit(measure_cell, self.cells[index], self._source): index for index in indices}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # after an error or Ctrl-C nobody waits for the cells that have not begun
            for future in futures:
                future.cancel()


def _universe(chosen: Experiment, request: Request, keys: Any) -> int | None:
    """Keys to draw from: what was asked for, else enough made-up ones, else all real ones."""
    if request.universe is not None:
        return request.universe
    if chosen.fixed_universe:
        return chosen.default_universe
    if keys is None or (isinstance(keys, str) and keys == "synthetic"):
        return max(chosen.default_universe, 2 * max(request.n or (1,)) + 10_000)
    return None


def _config(request: Request, source: KeySource, cells: list[Cell]) -> dict[str, Any]:
    """Everything that the numbers depend on, as plain JSON values."""

    def listed(values: Sequence[Any] | None) -> list[Any] | None:
        return None if values is None else list(values)

    text = "\n".join(cell.to_json() for cell in cells)
    return {
        "experiment": cells[0].experiment,
        "device": request.device,
        "structures": listed(request.structures),
        "n": listed(request.n),
        "dims": listed(request.dims),
        "trials": request.trials,
        "asked_universe": request.universe,
        "asked_keys": getattr(source, "option", None),
        "column": getattr(source, "column", None),
        "seed": request.seed,
        "keys": source.label,
        "universe": cells[0].universe,
        "keys_digest": digest(source),
        "cells": len(cells),
        "cells_digest": f"{kernels.hash_bytes(text.encode(), 0):016x}",
        "version": hypersketch.__version__,
    }


def _recorded(chosen: Experiment, tasks: _Tasks, journal: Journal, where: Place, report: Progress) -> Results:
    """Measures what the journal does not hold yet, and writes results, figures and the report page."""
    from hypersketch.capacity.report import write_report

    if journal.finished:
        results = Results.from_jsonl(journal.results.read_text(encoding="utf-8"))
    else:
        for index, outcomes in tasks.run(journal.outcomes, report):
            journal.add(index, outcomes)
        ordered = [journal.outcomes[index] for index in range(len(tasks.cells))]
        results = Results.measured(chosen, tasks.cells, ordered)
    write_report(chosen, results, journal.config, journal.folder)
    if not journal.finished:
        journal.finish(results.to_jsonl(), where.gpu)
    return results
