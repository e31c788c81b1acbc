# SPDX-License-Identifier: Apache-2.0
"""Trials of resonator networks on a GPU, many at once, each with codebooks and noise of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hypersketch import _device
from hypersketch._device_array import Passing
from hypersketch.capacity.cells import Cell, UInt64Array
from hypersketch.keys import hash_keys
from hypersketch.vsa import MapB
from hypersketch.vsa._on_gpu import Work
from hypersketch.vsa._resonance import Rule, hash_rows, packed_numbers
from hypersketch.vsa._resonance_on_gpu import Problems, bytes_a_probe, run
from hypersketch.vsa.resonator import outcomes_of

_BYTES = 1 << 31
"""Of codebooks and states that are on the GPU at once."""


def tallies(
    cell: Cell, seeds: UInt64Array, keys: UInt64Array, options: Mapping[str, float]
) -> list[tuple[str, int]]:
    """Return how each trial ended, and after how many sweeps: what `Resonator` answers, trial by trial."""
    m, factors, dim = cell.setting["codebook"], cell.n, cell.size["dim"]
    sizes = np.full(factors, m, np.int64)
    each = 8 * factors * m * MapB(dim).n_words + bytes_a_probe(dim, sizes)
    step, made = max(1, _BYTES // each), []
    for first in range(0, len(seeds), step):
        part = slice(first, first + step)
        made += _some(cell, seeds[part], keys[part], sizes, options)
    return made


def _some(
    cell: Cell, seeds: UInt64Array, keys: UInt64Array, sizes: Any, options: Mapping[str, float]
) -> list[tuple[str, int]]:
    dim, m = cell.size["dim"], int(sizes[0])
    truth = (keys[:, m * len(sizes) :] % m).astype(np.int64)
    index = _device.resolve("run", cell.device)
    assert index is not None  # the run was placed there
    passing = Passing(index, _device.chosen_stream())
    books, starts = _codebooks(passing, dim, seeds, keys[:, : m * len(sizes)], len(sizes), index)
    probes = _products(dim, seeds, keys, truth, m)
    rule = Rule(False, options.get("noise", 0.0), options.get("threshold", 0.0), 1e-6, 0)
    accept = rule.accept(math.prod(sizes.tolist()), dim)
    spans = [passing.span(one) for one in (probes, seeds, hash_rows(probes))]
    problems = Problems(dim, books, starts, sizes, *spans)
    found = run(problems, packed_numbers(rule, dim, accept), cell.setting["budget"], passing)
    right = (found.codewords == truth).all(axis=1)
    ends = outcomes_of(found, accept)
    ends[(ends == "solved") & ~right] = "wrong"
    return list(zip(ends.tolist(), found.sweeps.tolist(), strict=True))


def _products(dim: int, seeds: UInt64Array, keys: UInt64Array, truth: Any, m: int) -> UInt64Array:
    """Return the product of the right codewords of each trial."""
    factors = truth.shape[1]
    rows = np.arange(factors) * m + truth
    right = np.take_along_axis(keys, rows, axis=1)
    pairs = zip(seeds.tolist(), right, strict=True)
    return np.stack(
        [np.bitwise_xor.reduce(MapB(dim, seed=seed).atoms(row, threads=1)) for seed, row in pairs]
    )


def _codebooks(
    passing: Passing, dim: int, seeds: UInt64Array, keys: UInt64Array, factors: int, device: int
) -> tuple[Any, Any]:
    """Return the codebooks of all trials, made on the GPU, and the first estimates."""
    n, n_keys = keys.shape
    words, module = MapB(dim).n_words, _device.module()
    hashes = passing.span(hash_keys(np.ascontiguousarray(keys).reshape(-1), threads=1))
    books, starts = (
        passing.empty(n * n_keys * words, np.uint64),
        passing.empty(n * factors * words, np.uint64),
    )
    edges = np.arange(factors + 1) * (n_keys // factors)
    like = _device.View(
        books.pointer, (books.n,), (8,), np.dtype(np.uint64), device, books.stream, None, True, None
    )
    for t, seed in enumerate(seeds.tolist()):
        rows = _part(books, t * n_keys * words, n_keys * words)
        module.atom_rows(_part(hashes, t * n_keys, n_keys), dim, seed, rows)
        work = Work(like, dim, n_keys, edges)
        ties = work.span(MapB(dim, seed=seed)._ties())
        work._set(bits=_part(starts, t * factors * words, factors * words), ties=ties)
        module.bundle_rows(work.plan, rows, None)
    return books, starts


def _part(span: Any, first: int, n: int) -> Any:
    return _device.module().Span(span.pointer + 8 * first, n, span.device, span.stream)
