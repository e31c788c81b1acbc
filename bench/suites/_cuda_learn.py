# SPDX-License-Identifier: Apache-2.0
"""Learning, taking products apart and range searches on a GPU, beside the same on this machine's CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpu
from gpu import Ceilings, Clock, Sizes
from harness import Row, Work, rate_text, rates, row
from hypersketch.vsa import MapB, Resonator, within

DEVICE = f"cuda:{gpu.DEVICE}"


def _few(scale: Sizes, n: int, quick: int) -> int:
    return n if scale is gpu.FULL else quick


def _beside(what: str, got: dict[str, float], name: str, worth: str, size: str) -> Row:
    text = f"on the CPU: {rate_text(got['cpu'])}"
    return row(what, rate_text(got[name]), text, got[name] / got["cpu"], None, worth, size)


def digits_rows(repeats: int, scale: Sizes) -> list[Row]:
    """scikit-learn's digits by OnlineHD, from arrays of host memory to labels there."""
    from sklearn.datasets import load_digits

    from hypersketch.learn import HDClassifier

    X, y = load_digits(return_X_y=True)
    n, asked, dim, passes = (_few(scale, *pair) for pair in ((1257, 60), (540, 30), (10_000, 256), (20, 2)))
    X, other, y, wanted = X[:n], X[-asked:], y[:n], y[-asked:]
    models = {
        device: HDClassifier(dim, n_iter=passes, random_state=0, device=device) for device in ("cpu", DEVICE)
    }
    learning = rates(repeats, {d: Work(lambda m=m: m.fit(X, y), n) for d, m in models.items()})
    answering = rates(repeats, {d: Work(lambda m=m: m.predict(other), asked) for d, m in models.items()})
    scores = [float(np.mean(model.predict(other) == wanted)) for model in models.values()]
    worth, size = f"{scores[1]:.4f}; CPU {scores[0]:.4f}", f"{4 * dim:,} a class"
    return [
        _beside(f"GPU digits, OnlineHD, D = {dim:,}, learning, rows/s", learning, DEVICE, worth, size),
        _beside(f"GPU digits, OnlineHD, D = {dim:,}, answering, rows/s", answering, DEVICE, worth, size),
    ]


def resonator_row(repeats: int, scale: Sizes) -> Row:
    """Products of three, of which a network with noise and threshold finds the factors."""
    sizes = ((4096, 200), (322, 9), (200, 4), (1000, 20))
    dim, m, n, budget = (_few(scale, *pair) for pair in sizes)
    books = [range(f * m, (f + 1) * m) for f in range(3)]
    options: dict[str, Any] = {"noise": 0.5, "threshold": 1.5, "max_iterations": budget}
    here, there = (Resonator(MapB(dim), books, device=device, **options) for device in ("cpu", DEVICE))
    factors = np.random.default_rng(0).integers(0, m, (n, 3))
    probes = here.compose(factors)
    few = probes[: _few(scale, 8, 2)]
    all_found = np.asarray(there.factorize(probes).indices)
    same = np.array_equal(here.factorize(few).indices, all_found[: len(few)])
    right = 100 * (all_found == factors).all(axis=1).mean()
    works = {
        "cpu": Work(lambda: here.factorize(few), len(few)),
        "gpu": Work(lambda: there.factorize(probes), n),
    }
    what = f"GPU resonator network, D = {dim:,}, 3 x {m}, {budget:,} sweeps at most, products/s"
    size = f"{3 * m * MapB(dim).nbytes:,} of codebooks"
    return _beside(
        what, rates(repeats, works), "gpu", f"{right:.0f} % right; {'as' if same else 'NOT as'} the CPU", size
    )


def range_row(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> Row:
    """All rows near some probes: they are read once to count and once to write."""
    dim, n_queries = 1024, 8
    rows = np.random.default_rng(0).integers(0, 2**64, (scale.items, dim // 64), dtype=np.uint64)
    queries, radius = rows[:n_queries], dim // 2 - 90
    there, asked = gpu.on_gpu(rows), gpu.on_gpu(queries)
    ours, wanted = within(asked, there, dim, radius), within(queries, rows, dim, radius)
    same = all(np.array_equal(np.asarray(a), b) for a, b in zip(ours, wanted, strict=True))
    got = rates(repeats, {"ours": clock.work(lambda: within(asked, there, dim, radius), scale.items)})
    limit = ceilings.any("copy")
    return row(
        f"GPU Hamming range search of {n_queries} probes, {scale.items:,} rows of {dim:,} bits, rows/s",
        rate_text(got["ours"]),
        f"{limit.text()}B",
        2 * got["ours"] * (dim // 8) / (2 * limit.rate),
        None,
        "equal" if same else "WRONG",
        f"{dim // 8} a row, read twice",
        limit=True,
    )


def rows(repeats: int, clock: Clock, ceilings: Ceilings, scale: Sizes) -> list[Row]:
    """Every row of learning and of searches that find what is near enough."""
    results = [*digits_rows(repeats, scale), resonator_row(repeats, scale)]
    return [*results, range_row(repeats, clock, ceilings, scale)]
