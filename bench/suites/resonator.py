# SPDX-License-Identifier: Apache-2.0
"""Factorizing products by resonator networks, beside torchhd's step and matrix products in NumPy, one thread.

All stop a probe when the codewords that its estimates are most like multiply to it; finished probes leave
NumPy's batch too. torchhd takes one probe at a time, which is faster there than a batch; its step updates all
factors at once, which solves the middle case too rarely to be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Row, Work, note, rate_text, rates, row
from hypersketch import MapB
from hypersketch.vsa import Resonator
from peers import Missing
from peers.torchhd import Torchhd

N_PROBES, BUDGET = 100, 1000
CASES = ((1024, 3, 32, True), (1500, 3, 80, False), (1024, 2, 200, True))


def numpy_loop(books: list[Any], probes: Any, budget: int) -> Any:
    """The same network on float32 matrices: factor after factor, probes as a batch."""
    found = np.zeros((len(probes), len(books)), np.int64)
    state = [
        np.tile(np.where(book.sum(axis=0) < 0, -1.0, 1.0).astype(np.float32), (len(probes), 1))
        for book in books
    ]
    left, rest = np.arange(len(probes)), probes.copy()
    for _ in range(budget):
        best = []
        for f, book in enumerate(books):
            others = rest * np.prod([one for g, one in enumerate(state) if g != f], axis=0)
            weights = others @ book.T
            best.append(np.abs(weights).argmax(axis=1))
            sums = weights @ book
            state[f] = np.where(sums == 0, state[f], np.sign(sums))
        product = np.prod([book[i] for book, i in zip(books, best, strict=True)], axis=0)
        found[left] = np.stack(best, axis=1)
        wrong = (product * rest).sum(axis=1) < rest.shape[1]
        left, rest, state = left[wrong], rest[wrong], [one[wrong] for one in state]
        if not left.size:
            break
    return found


def torchhd_loop(books: list[Any], probes: Any) -> tuple[str, Any]:
    peer = Torchhd()
    return peer.name, lambda: np.concatenate(
        [peer.resonate(books, one[np.newaxis], BUDGET) for one in probes]
    )


def case_rows(repeats: int, dim: int, n_factors: int, m: int, with_torchhd: bool) -> list[Row]:
    network = Resonator(MapB(dim), [range(m * f, m * f + m) for f in range(n_factors)], max_iterations=BUDGET)
    truth = np.random.default_rng(1).integers(0, m, (N_PROBES, n_factors))
    probes = network.compose(truth)
    books = [np.asarray(network.space.unpack(book), np.float32) for book in network.codebooks]
    plain = np.asarray(network.space.unpack(probes), np.float32)
    answers: dict[str, Any] = {}

    def keep(name: str, answer: Any) -> None:
        answers[name] = answer

    numpy, few = "NumPy float32 matrix products", 10
    works = {
        "ours": Work(lambda: keep("ours", network.factorize(probes, threads=1).indices), N_PROBES),
        numpy: Work(lambda: keep(numpy, numpy_loop(books, plain, BUDGET)), N_PROBES),
    }
    missing = []
    try:
        if with_torchhd:
            name, theirs = torchhd_loop(books, plain[:few])
            works[name] = Work(lambda: keep(name, theirs()), few)
    except Missing as reason:
        missing.append(note("resonator network", str(reason)))
    got = rates(repeats, works)
    solved = {name: (answer == truth[: len(answer)]).all(axis=1).mean() for name, answer in answers.items()}
    what = f"resonator network, D = {dim:,}, {n_factors} codebooks of {m}, factorizations/s"
    return missing + [
        row(
            what,
            rate_text(got["ours"]),
            f"{name}: {rate_text(got[name])}",
            got["ours"] / got[name],
            None,
            f"{solved['ours']:.2f} solved, peer {solved[name]:.2f}",
            f"{network.space.nbytes * m * n_factors:,}; peer {sum(book.nbytes for book in books):,}",
        )
        for name in works
        if name != "ours"
    ]


def rows(repeats: int) -> list[Row]:
    return [line for case in CASES for line in case_rows(repeats, *case)]
