# SPDX-License-Identifier: Apache-2.0
"""From encoded rows to class vectors: the passes of every method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.learn._binary import BinaryLearner
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import MatrixEncoder, RowEncoder
from hypersketch.learn._estimator import below_one, not_negative
from hypersketch.learn._ridge import ridge
from hypersketch.learn._sklearn import train_test_split
from hypersketch.learn._sparse import SparseLearner
from hypersketch.learn._training import Batches, Indices, Learner, Rule, cosines, norms

METHODS = (
    *("centroid", "adaptive", "online", "neural", "dist", "quant"),
    *("lehdc", "sparse", "compressed", "ridge"),
)
_FROM_SUMS = ("centroid", "adaptive", "neural", "quant", "lehdc", "sparse", "compressed")
"""Methods whose first pass adds all rows."""
_ON_CPU = ("lehdc", "ridge")
_COUNT = _validation.within(1, 2**31 - 1)
_ALPHA, _BETA, _THETA = 0.5, 1.0, 0.25
"""Weights of DistHD's three distances."""


@dataclass(frozen=True)
class Settings:
    """The checked parameters of a classifier."""

    method: str
    packed: bool
    n_iter: int
    learning_rate: float
    margin: float
    batch_size: int
    shuffle: bool
    patience: int | None
    validation_fraction: float
    regenerate_every: int
    regenerate_share: float
    dropout: float
    weight_decay: float
    sparsity: float
    sparsity_type: str
    n_segments: int
    ridge_alpha: float
    device: int | None

    @classmethod
    def of(cls, model: Any) -> Settings:
        """Return a classifier's parameters after their checks."""
        owner = type(model).__name__

        def checked(name: str, check: Any) -> Any:
            return check(owner, name, getattr(model, name))

        early = checked("early_stopping", _validation.flag)
        patience = checked("n_iter_no_change", _COUNT)
        made = cls(
            method=checked("method", _validation.one_of(*METHODS)),
            packed=checked("packed", _validation.flag),
            n_iter=checked("n_iter", _COUNT),
            learning_rate=checked("learning_rate", _validation.positive),
            margin=checked("margin", not_negative),
            batch_size=checked("batch_size", _COUNT),
            shuffle=checked("shuffle", _validation.flag),
            patience=patience if early else None,
            validation_fraction=checked("validation_fraction", _validation.probability),
            regenerate_every=checked("regenerate_every", _COUNT),
            regenerate_share=checked("regenerate_share", _validation.probability),
            dropout=checked("dropout", below_one),
            weight_decay=checked("weight_decay", not_negative),
            sparsity=checked("sparsity", _validation.probability),
            sparsity_type=checked("sparsity_type", _validation.one_of("dimension", "class")),
            n_segments=checked("n_segments", _COUNT),
            ridge_alpha=checked("ridge_alpha", _validation.positive),
            device=_device.resolve(owner, model.device),
        )
        if made.device is not None and made.method in _ON_CPU:
            must = f"'cpu' for the method {made.method!r}, which learns on the CPU alone"
            _validation.refuse(owner, "device", must, model.device)
        if made.method == "ridge" and made.packed:
            raise ValueError(f"The method 'ridge' of {owner} has no packed vectors: signs lose its fit.")
        if made.method == "sparse" and made.sparsity_type == "class" and made.packed:
            raise ValueError(
                f"The method 'sparse' of {owner} has no packed vectors with sparsity_type='class': a bit "
                "is never zero."
            )
        return made

    @property
    def regenerates(self) -> bool:
        return self.method in ("neural", "dist")

    def rule(self) -> Rule:
        by_distance = self.method in ("online", "dist")
        return Rule(self.learning_rate, self.margin, by_distance, self.method == "quant")


def learns_in_parts(model: Any) -> bool:
    """Whether a classifier has ``partial_fit``; one that has none says why."""
    if model.method in ("ridge", "lehdc"):
        raise AttributeError(f"The method {model.method!r} has no partial_fit: it needs all rows at once.")
    return True


@dataclass
class Fitted:
    """What learning brought."""

    vectors: Floats
    passes: int = 1
    mistakes: list[int] = field(default_factory=list)


def fit_vectors(
    settings: Settings,
    encoder: RowEncoder,
    X: Floats,
    targets: Indices,
    weights: NDArray[Any] | None,
    n_classes: int,
    rng: np.random.Generator,
) -> Fitted:
    """Return the class vectors of a method."""
    if settings.regenerates and not isinstance(encoder, MatrixEncoder):
        raise ValueError(
            f"The method {settings.method!r} redraws dimensions, which needs the encoder 'fourier', "
            "'sinusoid' or 'projection'."
        )
    if settings.method == "ridge":
        return _ridge(settings, encoder, X, targets, weights, n_classes)
    aside = None
    if settings.patience is not None:
        kept, aside = _split(settings, targets, rng)
        aside = (X[aside], targets[aside])
        X, targets, weights = X[kept], targets[kept], None if weights is None else weights[kept]
    if settings.shuffle:
        order = rng.permutation(len(X))
        X, targets, weights = X[order], targets[order], None if weights is None else weights[order]
    vectors = np.zeros((n_classes, encoder.dim), np.float32)
    learner = _learner(settings, encoder, X, targets, weights, vectors, rng)
    return _passes(settings, encoder, learner, aside, rng)


def one_pass(
    settings: Settings,
    encoder: RowEncoder,
    X: Floats,
    targets: Indices,
    weights: NDArray[Any] | None,
    vectors: Floats,
) -> tuple[Floats, int]:
    """Return the class vectors after one pass over more rows, and how many of them were mistaken."""
    learner = _learner(settings, encoder, X, targets, weights, vectors)
    if settings.method in ("centroid",) or len(vectors) == 1:
        learner.add_all()
        return vectors, 0
    if settings.method in _FROM_SUMS:
        learner.add_all()
    return vectors, learner.epoch(np.arange(len(learner.batches)))[1]


def _learner(
    settings: Settings,
    encoder: RowEncoder,
    X: Floats,
    targets: Indices,
    weights: Any,
    vectors: Floats,
    rng: np.random.Generator | None = None,
) -> Learner:
    targets = np.ascontiguousarray(targets, np.int64)
    light = None if weights is None else np.asarray(weights, np.float32)
    if settings.device is not None:
        from hypersketch.learn import _training_on_gpu

        return _training_on_gpu.learner(settings, encoder, X, (targets, light, vectors, settings.rule()))
    batches = Batches(encoder, X, settings.batch_size, binary=settings.packed)
    given = batches, targets, light, vectors, settings.rule()
    if settings.method == "sparse":
        return SparseLearner(*given, settings.sparsity, settings.sparsity_type)
    if settings.method == "lehdc" and rng is not None:
        return BinaryLearner(*given, settings.dropout, settings.weight_decay, rng)
    return Learner(*given)


def _split(settings: Settings, targets: Indices, rng: np.random.Generator) -> Any:
    """Return which rows are learned from and which are kept aside."""
    if targets.size < 2:
        raise ValueError("early_stopping keeps rows aside, which needs more than n_samples = 1.")
    counts = np.bincount(targets)
    size = int(np.ceil(settings.validation_fraction * targets.size))
    alike = counts.min() > 1 and 2 * counts.size <= targets.size
    return train_test_split(
        np.arange(targets.size),
        test_size=max(size, counts.size) if alike else size,
        stratify=targets if alike else None,
        random_state=int(rng.integers(2**31)),
    )


def _passes(
    settings: Settings, encoder: RowEncoder, learner: Learner, aside: Any, rng: np.random.Generator
) -> Fitted:
    fitted = Fitted(learner.vectors, passes=0)
    if settings.method in _FROM_SUMS or len(learner.vectors) == 1:
        learner.add_all()
        fitted.passes = 1
        if settings.method == "centroid" or len(learner.vectors) == 1:
            return fitted
    best, best_vectors, waited = -1.0, learner.vectors.copy(), 0
    while fitted.passes < settings.n_iter:
        n_batches = len(learner.batches)
        order = rng.permutation(n_batches) if settings.shuffle else np.arange(n_batches)
        corrected, mistaken = learner.epoch(order)
        fitted.passes += 1
        fitted.mistakes.append(mistaken)
        if aside is not None:
            score = _accuracy(settings, encoder, learner.vectors, *aside)
            waited = 0 if score > best else waited + 1
            if score > best:
                best, best_vectors = score, learner.vectors.copy()
        if corrected == 0 or waited == settings.patience:
            break
        due = settings.regenerates and fitted.passes % settings.regenerate_every == 0
        if due and fitted.passes < settings.n_iter and isinstance(encoder, MatrixEncoder):
            _regenerate(settings, encoder, learner, rng)
    if aside is not None:
        fitted.vectors = best_vectors
    return fitted


def _regenerate(
    settings: Settings, encoder: MatrixEncoder, learner: Learner, rng: np.random.Generator
) -> None:
    """Redraw the dimensions that teach least; the classes begin in them as they began in all."""
    n = int(np.ceil(settings.regenerate_share * encoder.dim))
    if settings.method == "neural":
        dims = learner.least_varied(n)
    else:
        dims = learner.most_misleading(n, _ALPHA, _BETA, _THETA)
    encoder.redraw(dims, rng)
    learner.batches.redrawn(encoder, dims)
    learner.vectors[:, dims] = 0
    if settings.method == "neural":
        learner.add_all(dims)


def _accuracy(settings: Settings, encoder: RowEncoder, vectors: Floats, X: Floats, targets: Indices) -> float:
    met = np.sign(vectors) if settings.packed else vectors
    if settings.device is not None:
        from hypersketch.learn import _on_gpu, _training_on_gpu

        there = _on_gpu.placed(X, settings.device)
        scores = _training_on_gpu.scores(encoder, there, met, binary=settings.packed).seen.to_host()
    else:
        rows = encoder.signs(X) if settings.packed else encoder.floats(X)
        scores = cosines(rows, norms(rows), met)
    return float(np.mean(np.argmax(scores, axis=1) == targets))


def _ridge(
    settings: Settings, encoder: RowEncoder, X: Floats, targets: Indices, weights: Any, n_classes: int
) -> Fitted:
    indicators = np.eye(n_classes)[targets]
    return Fitted(ridge(encoder.floats(X), indicators, weights, settings.ridge_alpha))
