# SPDX-License-Identifier: Apache-2.0
"""Class vectors of signs, learned by gradients: a layer of a binary neural network (LeHDC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import as_signs
from hypersketch.learn._experts import softmax
from hypersketch.learn._training import Indices, Learner, products

_STEP = 0.01
"""Adam's step for learning_rate=1."""
_START = 0.1
"""Mean absolute latent weight of every class before the first step."""
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
"""Of Adam (Kingma and Ba, ICLR 2015)."""
_CHANCES = 1 << 16
"""Dropout rates are whole numbers of these."""


@dataclass
class BinaryLearner(Learner):
    """Latent weights, whose signs are the class vectors; gradients pass the signs unchanged."""

    dropout: float
    weight_decay: float
    rng: np.random.Generator
    latent: Floats = field(init=False)
    moments: tuple[Floats, Floats] = field(init=False)
    n_steps: int = 0
    shrink: float = 1.0
    loss: float = np.inf

    def __post_init__(self) -> None:
        self.moments = np.zeros_like(self.vectors), np.zeros_like(self.vectors)

    def add_all(self, dims: Any = slice(None)) -> None:
        """Begin with the signs of the sums of the classes' rows."""
        super().add_all(dims)
        sizes = np.abs(self.vectors).mean(axis=1, keepdims=True)
        self.latent = self.vectors * (_START / np.maximum(sizes, np.finfo(np.float32).tiny))
        self._show()

    def _show(self) -> None:
        self.vectors[:] = as_signs(self.latent.copy())

    def epoch(self, order: Indices) -> tuple[int, int]:
        """Make one step a batch; return how many rows there are and how many a rival won."""
        loss, mistaken = 0.0, 0
        for i in order:
            part = self.batches.part(int(i))
            rows, lengths = self.batches[int(i)]
            cost, wrong = self._learn(self._thinned(rows, lengths), self.targets[part], self._shares(part))
            loss, mistaken = loss + cost, mistaken + wrong
        if loss > self.loss:
            self.shrink /= 2
        self.loss = loss
        return len(self.targets), mistaken

    def _thinned(self, rows: Floats, lengths: Floats) -> Floats:
        """Return rows of length sqrt(D) with some entries dropped and the others larger for it."""
        thinned = rows / lengths[:, np.newaxis]
        least = min(round(self.dropout * _CHANCES), _CHANCES - 1)
        thinned *= np.float32(np.sqrt(rows.shape[1]) * _CHANCES / (_CHANCES - least))
        if least:
            thinned *= self.rng.integers(_CHANCES, size=rows.shape, dtype=np.uint16) >= least
        return np.asarray(thinned)

    def _shares(self, part: slice) -> Floats:
        """Return what rows weigh beside the mean of all."""
        if self.weights is None:
            return np.ones(part.stop - part.start, np.float32)
        return np.asarray(self.weights[part] / self.weights.mean())

    def _learn(self, rows: Floats, targets: Indices, weights: Floats) -> tuple[float, int]:
        """Make a step from one batch; return its loss and how many rows a rival won."""
        scores = products(rows, self.vectors)
        shares = softmax(scores / np.sqrt(rows.shape[1]))
        own = np.arange(len(rows)), targets
        loss = -float(weights @ np.log(np.maximum(shares[own], np.finfo(np.float32).tiny)))
        shares[own] -= 1
        errors = (shares * weights[:, np.newaxis] / len(rows)).astype(np.float32)
        self._step(errors.T @ rows)
        return loss, int(np.count_nonzero(np.argmax(scores, axis=1) != targets))

    def _step(self, gradient: Floats) -> None:
        """Move the latent weights by Adam."""
        gradient += np.float32(self.weight_decay) * self.latent
        self.n_steps += 1
        first, second = self.moments
        first += np.float32(1 - _BETAS[0]) * (gradient - first)
        second += np.float32(1 - _BETAS[1]) * (np.square(gradient) - second)
        mean, square = (1 - beta**self.n_steps for beta in _BETAS)
        step = np.float32(_STEP * self.rule.learning_rate * self.shrink / mean)
        self.latent -= step * first / (np.sqrt(second / np.float32(square)) + np.float32(_EPSILON))
        self._show()
