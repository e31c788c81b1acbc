# SPDX-License-Identifier: Apache-2.0
"""Resonance of phasors, which FHRR's vectors are, HRR's spectra by their angles, and integers modulo r.

All these spaces bind by adding angles, so one engine serves them: estimates are unit phasors, a book and its
transpose are real matrices of twice as many columns, and a batch of probes is a product of matrices. Probes
that are finished leave the batch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa import _transforms
from hypersketch.vsa._real import Numbers, random_reals
from hypersketch.vsa._resonance import Found, Rule, hash_rows, no_answers
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.modular import ModularSpace

Phasors = NDArray[np.complex64]
_CHUNK_NUMBERS = 1 << 23
"""Complex numbers of the estimates that are in memory at once; some copies are made of them."""
ROUNDING = 1e-5
"""Rounding errors of a similarity stay far below it."""
STILL = 1e-5
"""An estimate has come to rest when its cosine with the one before is within this of 1."""


def unit_phasors(values: NDArray[Any], otherwise: Any = 1.0) -> Phasors:
    """Return numbers over their magnitudes; what is 0 becomes what stands in the other array."""
    lengths = np.abs(values)
    made = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
    return np.asarray(np.where(lengths > 0, made, otherwise), np.complex64)


def to_phasors(space: Any, vectors: NDArray[Any]) -> Phasors:
    """Return vectors as phasors, so that binding is their product."""
    if isinstance(space, ModularSpace):
        return np.exp(2j * math.pi / space.modulus * vectors).astype(np.complex64)
    if isinstance(space, HRR) and not space.spectral:
        return unit_phasors(_transforms.spectra(vectors))
    return unit_phasors(vectors)


def frequencies(space: Any) -> NDArray[np.float32]:
    """Return how often each phasor counts: a frequency of a real vector stands for two, but for the ends."""
    if not isinstance(space, HRR):
        return np.ones(space.width, np.float32)
    counts = np.full(space.dim // 2 + 1, 2.0, np.float32)
    counts[0] = 1.0
    if space.dim % 2 == 0:
        counts[-1] = 1.0
    return counts


def flat(phasors: Phasors) -> NDArray[np.float32]:
    """Return real and imaginary parts as columns."""
    return np.ascontiguousarray(phasors).view(np.float32)


class PhasorEngine:
    """Resonance of a batch of phasor vectors."""

    def __init__(self, space: Any, books: list[NDArray[Any]], rule: Rule) -> None:
        self.space, self.rule = space, rule
        counts = frequencies(space)
        self.shares = (counts / counts.sum()).astype(np.float32)
        self.books = [to_phasors(space, book) for book in books]
        self.start = [unit_phasors(book.sum(axis=0)) for book in self.books]
        # A stranger's similarity has the variance of so many numbers -1 and 1; integers modulo r, which are
        # not spread evenly, are bounded less well.
        on_circle = not isinstance(space, ModularSpace) or space.modulus > 2
        n_terms = space.dim if isinstance(space, HRR) else (1 + on_circle) * space.width
        self.deviation = 1.0 / math.sqrt(n_terms)
        n_products = math.prod(len(book) for book in books)
        bounded_by = space.width if isinstance(space, ModularSpace) else n_terms
        self.accept = rule.accept(n_products, bounded_by) - ROUNDING

    # ---- a run

    def run(self, probes: NDArray[Any], budget: int, threads: int) -> Found:
        """Return what is found of probes of the space."""
        found = no_answers(len(probes), len(self.books))
        step = max(1, _CHUNK_NUMBERS // sum(first.size for first in self.start))
        for first in range(0, len(probes), step):
            part = slice(first, first + step)
            self._run(to_phasors(self.space, probes[part]), hash_rows(probes[part]), budget, found, part)
        return found

    def _run(
        self, probes: Phasors, hashes: NDArray[np.uint64], budget: int, found: Found, part: slice
    ) -> None:
        answers = found.of(part)
        batch = _Batch(self, probes, hashes)
        for sweep in range(1, budget + 1):
            self._sweep(batch, sweep)
            best = batch.codewords
            similarities = self._product_with(batch, best)
            accepted = np.abs(similarities) >= self.accept
            periods = np.zeros(len(accepted), np.int64) if self.rule.noise else batch.periods(sweep)
            done = accepted | (periods > 0) | (sweep == budget)
            if done.any():
                who = batch.places[done]
                answers.codewords[who], answers.sweeps[who] = best[done], sweep
                answers.similarities[who] = similarities[done]
                answers.periods[who] = np.where(accepted, 0, periods)[done]
                batch.keep(~done)
                if not batch.places.size:
                    return
            batch.remember(sweep)

    def _sweep(self, batch: _Batch, sweep: int) -> None:
        """Update the estimates of all factors."""
        batch.last = [estimate.copy() for estimate in batch.state]
        seen = batch.last if self.rule.synchronous else batch.state
        for f in range(len(self.books)):
            rest = batch.probes.copy()
            for g, other in enumerate(seen):
                if g != f:
                    rest *= other.conj()
            batch.state[f] = self._cleaned(batch, f, rest, sweep)

    def _cleaned(self, batch: _Batch, f: int, rest: Phasors, sweep: int) -> Phasors:
        """Return the estimate of a factor that its book makes of what the others leave."""
        book = flat(self.books[f])
        weights = flat(rest * self.shares) @ book.T
        batch.codewords[:, f] = np.abs(weights).argmax(axis=1)
        if self.rule.noise:
            weights += (
                self.rule.noise * self.deviation * batch.noise(weights.shape[1], f, sweep, self.rule.seed)
            )
        if self.rule.threshold:
            weights[np.abs(weights) < self.rule.threshold * self.deviation] = 0.0
        return unit_phasors((weights @ book).view(np.complex64), batch.state[f])

    def _product_with(self, batch: _Batch, codewords: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the similarity of probes and products of codewords."""
        product = self.shares * batch.probes
        for f, book in enumerate(self.books):
            product *= book[codewords[:, f]].conj()
        return np.asarray(product.real.sum(axis=1, dtype=np.float64))


class _Batch:
    """The probes that are not finished, and their estimates."""

    def __init__(self, engine: PhasorEngine, probes: Phasors, hashes: NDArray[np.uint64]) -> None:
        self.probes, self.hashes, self.shares = probes, hashes, engine.shares
        self.places = np.arange(len(probes))
        self.codewords = np.zeros((len(probes), len(engine.books)), np.int64)
        self.state = [np.tile(first, (len(probes), 1)) for first in engine.start]
        self.last = self.state
        self.seen = [estimate.copy() for estimate in self.state]
        self.seen_at = 0

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Let the others leave."""
        self.probes, self.hashes, self.places = self.probes[which], self.hashes[which], self.places[which]
        self.codewords = self.codewords[which]
        self.state, self.seen = ([one[which] for one in group] for group in (self.state, self.seen))

    def _alike(self, before: list[Phasors]) -> NDArray[np.bool_]:
        """Return for which probes all estimates are those of before."""
        same = np.ones(len(self.places), np.bool_)
        for now, then in zip(self.state, before, strict=True):
            same &= ((now * then.conj()).real @ self.shares) >= 1.0 - STILL
        return same

    def periods(self, sweep: int) -> NDArray[np.int64]:
        """Return after how many sweeps states have come back; 0 where they have not."""
        again = np.where(self._alike(self.seen), sweep - self.seen_at, 0)
        return np.where(self._alike(self.last), 1, again)

    def remember(self, sweep: int) -> None:
        """Keep the state to look back at, at ever longer distances (Brent)."""
        if sweep == 2 * self.seen_at + 1:
            self.seen = [estimate.copy() for estimate in self.state]
            self.seen_at = sweep

    def noise(self, n: int, f: int, sweep: int, seed: int) -> NDArray[np.float32]:
        """Return n normal numbers a probe, of its hash, the factor and the sweep alone."""
        key = np.uint64((sweep << 8 | f) * 0x9E3779B97F4A7C15 % 2**64)
        return random_reals(Numbers.NORMAL, n, seed, self.hashes ^ key, 1.0, 1)
