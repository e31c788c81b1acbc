# SPDX-License-Identifier: Apache-2.0
"""Recall of patterns of -1 and +1 beside matrix products in NumPy and torchhd, one thread.

All start from the same noisy patterns and update all units at once until nothing changes; states are compared
bit by bit. NumPy stops when no state of the batch changes any more, as it is commonly written, and keeps its
matrix in float32, which is exact here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Row, Work, note, rate_text, rates, row, two_thread_row
from hypersketch import DenseMemory, HopfieldNetwork
from hypersketch.vsa import _packed
from peers import Missing

N_UNITS, N_PROBES, NOISE = 1000, 1000, 0.1
SWEEPS = 50
BAR = 20.0


def noisy(n_patterns: int) -> tuple[Any, Any, Any]:
    """Patterns, starting states and what they come from, in bytes."""
    rng = np.random.default_rng(1)
    patterns = rng.choice(np.array([-1, 1], np.int8), (n_patterns, N_UNITS))
    truth = patterns[rng.integers(0, n_patterns, N_PROBES)]
    return patterns, np.where(rng.random(truth.shape) < NOISE, -truth, truth), truth


def numpy_recall(weights: Any, states: Any) -> Any:
    for _ in range(SWEEPS):
        fields = states @ weights
        after = np.where(fields >= 0, np.float32(1), np.float32(-1))
        ties = np.flatnonzero(fields == 0)
        after.flat[ties] = states.flat[ties]
        if (after == states).all():
            break
        states = after
    return states


def torchhd_recall(patterns: Any, starts: Any) -> tuple[str, Any]:
    try:
        import torch
        import torchhd
    except ImportError as error:
        raise Missing("torchhd is not installed") from error
    torch.set_num_threads(1)
    memory = torchhd.memory.Hopfield(N_UNITS)
    memory.write(torch.from_numpy(patterns.astype(np.float32)))
    first = torch.from_numpy(starts)

    def recall() -> Any:
        states = first
        with torch.no_grad():
            for _ in range(SWEEPS):
                after = torch.where(memory.read(states) >= 0, 1.0, -1.0)
                if torch.equal(after, states):
                    break
                states = after
        return states

    return f"torchhd {torchhd.__version__}", recall


def recall_rows(repeats: int, n_patterns: int, bar: float | None) -> list[Row]:
    patterns, starts, truth = noisy(n_patterns)
    network = HopfieldNetwork(N_UNITS)
    network.store(patterns)
    plain = patterns.astype(np.float32)
    weights = plain.T @ plain
    np.fill_diagonal(weights, 0)
    floats, packed = starts.astype(np.float32), _packed.pack_bits(starts < 0)
    answers: dict[str, Any] = {}

    def keep(name: str, states: Any) -> None:
        answers[name] = states

    works = {
        "bytes": Work(lambda: keep("bytes", network.retrieve(starts, threads=1)), N_PROBES),
        "packed": Work(lambda: network.retrieve(packed, threads=1), N_PROBES),
        "NumPy float32": Work(lambda: keep("NumPy float32", numpy_recall(weights, floats)), N_PROBES),
    }
    lines = []
    what = f"recall, {N_UNITS:,} units, {n_patterns} patterns, 10 % flipped, states/s"
    try:
        name, theirs = torchhd_recall(patterns, floats)
        works[name] = Work(theirs, N_PROBES)
    except Missing as reason:
        lines.append(note(what, str(reason)))
    got = rates(repeats, works)
    # NumPy goes on where two states follow each other, and may stop at the other one.
    ended, done = answers["bytes"].states, ~answers["bytes"].cycles
    same = np.array_equal(ended[done], answers["NumPy float32"][done])
    right = (ended == truth).all(axis=1).mean()
    accuracy = f"{right:.3f} right, states {'as' if same else 'NOT as'} NumPy's"
    size = f"{network.nbytes:,}; peer {weights.nbytes:,}"
    for form in ("bytes", "packed"):
        for peer in list(works)[2:]:
            mine = rate_text(got[form])
            theirs_text = f"{peer}: {rate_text(got[peer])}"
            ratio = got[form] / got[peer]
            asked = bar if peer.startswith("NumPy") else None
            lines.append(
                row(
                    f"{what}, {form}",
                    mine,
                    theirs_text,
                    ratio,
                    asked,
                    accuracy,
                    size,
                    headline=asked is not None and form == "bytes",
                )
            )
    return lines


def dense_rows(repeats: int) -> list[Row]:
    """Dense memories of degree 3 beside the same rule in NumPy."""
    n_units, n_patterns = 200, 2000
    rng = np.random.default_rng(2)
    patterns = rng.choice(np.array([-1, 1], np.int8), (n_patterns, n_units))
    starts = np.where(rng.random((200, n_units)) < NOISE, -patterns[:200], patterns[:200])
    memory = DenseMemory(n_units, 3)
    memory.store(patterns)
    floats, plain = starts.astype(np.float64), patterns.astype(np.float64)

    def numpy_update() -> Any:
        overlaps = floats @ plain.T
        up, down = (overlaps + 2) ** 3, (overlaps - 2) ** 3
        fields = (up - down) @ plain + (2 * overlaps**3 - up - down).sum(axis=1, keepdims=True) * floats
        return np.where(fields == 0, floats, np.sign(fields))

    same = np.array_equal(memory.retrieve(starts, max_sweeps=1).states, numpy_update())
    works = {
        "ours": Work(lambda: memory.retrieve(starts, max_sweeps=1, threads=1), len(starts)),
        "NumPy float64": Work(numpy_update, len(starts)),
    }
    got = rates(repeats, works)
    what = f"update of a dense memory, degree 3, {n_units} units, {n_patterns:,} patterns, states/s"
    return [
        row(
            what,
            rate_text(got["ours"]),
            f"NumPy float64: {rate_text(got['NumPy float64'])}",
            got["ours"] / got["NumPy float64"],
            None,
            f"states {'as' if same else 'NOT as'} NumPy's",
            f"{memory.nbytes:,}; peer {plain.nbytes:,}",
        )
    ]


def rows(repeats: int) -> list[Row]:
    patterns, starts, _ = noisy(100)
    network = HopfieldNetwork(N_UNITS)
    network.store(patterns)
    many = _packed.pack_bits(np.tile(starts, (20, 1)) < 0)
    return [
        *recall_rows(repeats, 50, BAR),
        *recall_rows(repeats, 100, None),
        *dense_rows(repeats),
        two_thread_row(
            repeats, "recall, 100 patterns", len(many), lambda n: network.retrieve(many, threads=n)
        ),
    ]
