# SPDX-License-Identifier: Apache-2.0
"""Regression from hypervectors, as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._estimator import (
    all_or_nothing,
    as_rows,
    fitted_encoder,
    generator,
    in_host,
    not_negative,
    read_rows,
    read_weights,
)
from hypersketch.learn._experts import Experts
from hypersketch.learn._ridge import ridge
from hypersketch.learn._sklearn import (
    BaseEstimator,
    RegressorMixin,
    available_if,
    check_is_fitted,
    validate_data,
)
from hypersketch.learn._training import Batches


def _learns_in_parts(model: Any) -> bool:
    if model.method == "ridge":
        raise AttributeError("The method 'ridge' has no partial_fit: it needs all rows at once.")
    return True


class HDRegressor(RegressorMixin, BaseEstimator):
    """Regression by inner products with hypervectors: one linear model a cluster of encoded rows.

    Parameters
    ----------
    dim : int, default 10_000
        Dimension D of the hypervectors.
    method : "reghd" or "ridge", default "reghd"
        "reghd": models that learn from their errors, row by row. "ridge": ridge regression, one model.
    n_models : int >= 1, default 8
        For "reghd": clusters, each with a model; 1 is plain regression without clusters.
    encoder : "fourier", "sinusoid", "projection", "level", "density", or an object, default "fourier"
        As for `HDClassifier`.
    n_iter : int >= 1, default 20
        For "reghd": passes over the rows, at most.
    learning_rate : float in (0, 2), default 0.2
        For "reghd": share of a row's error that the row takes away.
    sharpness : float >= 0, default 10.0
        For "reghd": how clearly the nearest cluster's model rules; with 0 all rule alike.
    batch_size : int >= 1, default 64
        Rows that meet the same clusters. Models learn row by row whatever it is.
    shuffle : bool, default True
        Whether rows are shuffled once before the first pass, and their batches before every pass.
    tol : float >= 0, default 1e-3
        For "reghd": stop when the error of ``n_iter_no_change`` passes in a row has not fallen by this share.
    n_iter_no_change : int >= 1, default 3
        Passes without progress before training stops.
    ridge_alpha : float > 0, default 0.1
        For "ridge": weight of the squared length of the model, times the rows' mean squared length.
    random_state : int, RandomState or None, default None
        Where random numbers come from.
    device : str, default "cpu"
        Where rows are encoded, learned from and answered: "cpu", "cuda" or "cuda:1". "ridge" learns on the
        CPU alone. Rows that lie on a GPU are answered there, in their kind, wherever "reghd" learned.

    Attributes
    ----------
    model_vectors_ : ndarray of float32, shape (n_models, D)
        The models, for answers less ``offset_`` over ``scale_``.
    cluster_vectors_ : ndarray of float32, shape (n_models, D)
        The clusters of "reghd".
    offset_, scale_ : float
        Mean and standard deviation of the answers that came first.
    n_iter_ : int
        Passes made.
    loss_curve_ : list of float
        Mean squared error of every pass, each row's before it was learned from, over ``scale_`` squared.
    n_features_in_ : int
        Number of features.

    Notes
    -----
    RegHD (Hernández-Cano et al., DAC 2021): a row's cosines with the clusters, sharpened by a softmax, weigh
    the models' answers; every model learns from the error by its weight, and the nearest cluster moves toward
    the row. Encoded rows have length one, so the rule is that of least mean squares with a step below 2. The
    rows of a batch follow one another exactly: their errors solve a triangular system. On a GPU sums have
    another order, so that last digits of models may differ from the CPU's.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.learn import HDRegressor
    >>> X = np.random.default_rng(0).uniform(-2, 2, (300, 2))
    >>> y = np.sin(X[:, 0]) * X[:, 1]
    >>> HDRegressor(2000, random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    encoder_: RowEncoder
    model_vectors_: Floats
    cluster_vectors_: Floats
    loss_curve_: list[float]

    def __init__(
        self,
        dim: int = 10_000,
        *,
        method: str = "reghd",
        n_models: int = 8,
        encoder: Any = "fourier",
        n_iter: int = 20,
        learning_rate: float = 0.2,
        sharpness: float = 10.0,
        batch_size: int = 64,
        shuffle: bool = True,
        tol: float = 1e-3,
        n_iter_no_change: int = 3,
        ridge_alpha: float = 0.1,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.dim = dim
        self.method = method
        self.n_models = n_models
        self.encoder = encoder
        self.n_iter = n_iter
        self.learning_rate = learning_rate
        self.sharpness = sharpness
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.ridge_alpha = ridge_alpha
        self.random_state = random_state
        self.device = device

    def _check(self) -> int | None:
        """Check the parameters and return the device."""
        owner, count = type(self).__name__, _validation.within(1, 2**31 - 1)
        _validation.one_of("reghd", "ridge")(owner, "method", self.method)
        for name in ("n_models", "n_iter", "batch_size", "n_iter_no_change"):
            count(owner, name, getattr(self, name))
        if _validation.positive(owner, "learning_rate", self.learning_rate) >= 2:
            _validation.refuse(owner, "learning_rate", "a float in (0, 2)", self.learning_rate)
        for name in ("sharpness", "tol"):
            not_negative(owner, name, getattr(self, name))
        _validation.flag(owner, "shuffle", self.shuffle)
        _validation.positive(owner, "ridge_alpha", self.ridge_alpha)
        device = _device.resolve(owner, self.device)
        if device is not None and self.method == "ridge":
            must = "'cpu' for the method 'ridge', which learns on the CPU alone"
            _validation.refuse(owner, "device", must, self.device)
        return device

    # ---- learning

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HDRegressor:
        """Learn the models.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.
        y : array, shape (n_samples,)
            Their answers.
        sample_weight : array, shape (n_samples,), optional
            What every row weighs, not negative; default 1.

        Returns
        -------
        HDRegressor
            The regressor itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities, numbers beyond float32.

        Examples
        --------
        >>> import numpy as np
        >>> HDRegressor(500, method="ridge", random_state=0).fit(np.eye(3), [1, 2, 3]).model_vectors_.shape
        (1, 500)
        """
        with all_or_nothing(self):
            device = self._check()
            rows, answers, weights = self._read(X, y, sample_weight, reset=True)
            if weights is not None:
                used = weights > 0
                rows, answers, weights = rows[used], answers[used], weights[used]
            rng = self._begin(rows, answers, weights)
            wanted = (answers - self.offset_) / self.scale_
            if self.method == "ridge":
                vectors = ridge(self.encoder_.floats(rows), wanted[:, np.newaxis], weights, self.ridge_alpha)
                self.model_vectors_, self.n_iter_ = vectors, 1
            else:
                self._passes(rows, wanted, weights, rng, device)
        return self

    @available_if(_learns_in_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> HDRegressor:
        """Learn from more rows, in one pass in their order.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows. Those of the first call also decide the encoder's ranges and spread, the clusters' beginning
            and the scale of the answers.
        y : array, shape (n_samples,)
            Their answers.
        sample_weight : array, shape (n_samples,), optional
            What every row weighs, not negative; default 1.

        Returns
        -------
        HDRegressor
            The regressor itself.

        Raises
        ------
        TypeError, ValueError
            As `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> model = HDRegressor(500, random_state=0).partial_fit(np.eye(3), [1, 2, 3])
        >>> model.partial_fit(np.eye(3), [1, 2, 3]).n_iter_
        2
        """
        with all_or_nothing(self):
            device = self._check()
            first = not hasattr(self, "model_vectors_")
            rows, answers, weights = self._read(X, y, sample_weight, reset=first)
            if first:
                rng = self._begin(rows, answers, weights)
                self._start(rows, rng)
                self.n_iter_, self.loss_curve_ = 0, []
            experts, batches = self._learner(rows, device)
            wanted = (answers - self.offset_) / self.scale_
            loss = experts.learn(batches, wanted, weights, np.arange(len(batches)))
            self.model_vectors_, self.cluster_vectors_ = experts.models, experts.clusters
            self.n_iter_, self.loss_curve_ = self.n_iter_ + 1, [*self.loss_curve_, loss]
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, Any, Any]:
        kinds = [np.float32, np.float64]
        X, y, sample_weight = in_host(X=X, y=y, sample_weight=sample_weight)
        X, y = validate_data(self, X, y, dtype=kinds, order="C", reset=reset, y_numeric=True)
        return as_rows(type(self).__name__, X), y.astype(np.float64), read_weights(sample_weight, X)

    def _begin(self, rows: Any, answers: Any, weights: Any) -> np.random.Generator:
        """Make the encoder and take the scale of the answers."""
        rng = generator(self.random_state)
        self.encoder_ = fitted_encoder(self, rows, rng, weights)
        self.offset_ = float(np.average(answers, weights=weights))
        spread = float(np.sqrt(np.average((answers - self.offset_) ** 2, weights=weights)))
        self.scale_ = spread or 1.0
        return rng

    def _start(self, rows: Any, rng: np.random.Generator) -> None:
        """Let clusters begin at random rows, models at nothing."""
        places = rng.choice(len(rows), self.n_models, replace=len(rows) < self.n_models)
        self.cluster_vectors_ = self.encoder_.floats(rows[places])
        self.model_vectors_ = np.zeros_like(self.cluster_vectors_)

    def _learner(self, rows: Any, device: int | None) -> tuple[Experts, Any]:
        """Return copies of models and clusters that learn, and the batches of the rows."""
        vectors = self.model_vectors_.copy(), self.cluster_vectors_.copy()
        given = *vectors, float(self.learning_rate), float(self.sharpness)
        if device is None:
            return Experts(*given), Batches(self.encoder_, rows, self.batch_size, binary=False)
        from hypersketch.learn._experts_on_gpu import ExpertsThere
        from hypersketch.learn._training_on_gpu import GpuBatches

        batches = GpuBatches(self.encoder_, rows, self.batch_size, binary=False, device=device)
        return ExpertsThere(*given), batches

    def _passes(
        self, rows: Any, wanted: Any, weights: Any, rng: np.random.Generator, device: int | None
    ) -> None:
        if self.shuffle:
            order = rng.permutation(len(rows))
            rows, wanted = rows[order], wanted[order]
            weights = None if weights is None else weights[order]
        self._start(rows, rng)
        experts, batches = self._learner(rows, device)
        losses: list[float] = []
        best, waited = np.inf, 0
        while len(losses) < self.n_iter and waited < self.n_iter_no_change:
            n = len(batches)
            losses.append(
                experts.learn(batches, wanted, weights, rng.permutation(n) if self.shuffle else np.arange(n))
            )
            waited = 0 if losses[-1] < best * (1 - self.tol) else waited + 1
            best = min(best, losses[-1])
        self.model_vectors_, self.cluster_vectors_ = experts.models, experts.clusters
        self.n_iter_, self.loss_curve_ = len(losses), losses

    # ---- answers

    def predict(self, X: Any) -> Any:
        """Return answers for rows.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of float64, or array on the rows' GPU, shape (n_samples,)
            Answers.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> HDRegressor(500, random_state=0).fit(np.eye(3), [1, 2, 3]).predict(np.eye(3)).shape
        (3,)
        """
        if _device.is_on_gpu(X):
            return self._predicted_there(X)
        rows = read_rows(self, X)
        device = _device.resolve(type(self).__name__, self.device)
        if device is not None and self.method != "ridge":
            from hypersketch.learn import _experts_on_gpu, _on_gpu

            there = _on_gpu.placed(rows, device)
            return self._scaled(_experts_on_gpu.answers(self.encoder_, there, self._fitted()))
        batches = Batches(self.encoder_, rows, 512, binary=False)
        return self._scaled(np.concatenate([self._answers(*batches[i]) for i in range(len(batches))]))

    def _predicted_there(self, X: Any) -> Any:
        """Return answers for rows that lie on a GPU, in their kind."""
        from hypersketch.learn import _experts_on_gpu, _on_gpu

        check_is_fitted(self)
        owner = type(self).__name__
        if self.method == "ridge":
            must = "in host memory for the method 'ridge', which answers in double precision there"
            _validation.refuse(owner, "X", must, "an array on a GPU")
        rows = _on_gpu.rows_of(owner, X, self.n_features_in_)
        made = _device.target("predict", None, (rows.shape[0],), np.float64, rows)
        made.copy_from(self._scaled(_experts_on_gpu.answers(self.encoder_, rows, self._fitted())))
        return made.finished()

    def _scaled(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        return answers * self.scale_ + self.offset_

    def _fitted(self) -> Experts:
        return Experts(self.model_vectors_, self.cluster_vectors_, 0.0, float(self.sharpness))

    def _answers(self, rows: Any, lengths: Any) -> NDArray[np.float64]:
        exact = rows.astype(np.float64)
        if self.method == "ridge":
            return np.asarray(exact @ self.model_vectors_[0].astype(np.float64))
        return self._fitted().answers(exact / lengths[:, np.newaxis])[0]
