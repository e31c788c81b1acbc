# SPDX-License-Identifier: Apache-2.0
"""One hypervector a class, as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn import _answers, _labels
from hypersketch.learn._bits import Floats, Words
from hypersketch.learn._compressed import Compressed
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._estimator import (
    all_or_nothing,
    as_rows,
    fitted_encoder,
    generator,
    in_host,
    read_weights,
)
from hypersketch.learn._fitting import Settings, fit_vectors, learns_in_parts, one_pass
from hypersketch.learn._sklearn import (
    BaseEstimator,
    ClassifierMixin,
    available_if,
    check_classification_targets,
    validate_data,
)
from hypersketch.learn._sparse import kept_dims
from hypersketch.vsa import MapB
from hypersketch.vsa._packed import pack_bits


class HDClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that keeps one hypervector a class and answers with the class whose vector is nearest.

    Parameters
    ----------
    dim : int, default 10_000
        Dimension D of the hypervectors.
    method : str, default "online"
        How class vectors are learned. "centroid": the sum of the rows of the class, in one pass.
        "adaptive": then rows whose class does not win are added to it and taken from their best rival
        (AdaptHD). "online": only such rows, the less the nearer they are already (OnlineHD). "neural": as
        "adaptive", and dimensions in which classes differ least are redrawn (NeuralHD). "dist": as "online",
        and dimensions that mislead mistaken rows are redrawn (DistHD). "quant": as "adaptive", but rows meet
        the signs of the class vectors (QuantHD). "lehdc": class vectors of signs, learned as the weights of a
        binary neural network by Adam (LeHDC). "sparse": as "adaptive", and after every pass the least useful
        entries become zero (SparseHD). "compressed": as "adaptive", in rows folded into ceil(D / n_segments)
        entries (CompHD). "ridge": ridge regression of the classes' indicators (intRVFL, with the encoder
        "density").
    encoder : "fourier", "sinusoid", "projection", "level", "density", or an object, default "fourier"
        A kind of `HDEncoder`, for which ``dim`` and ``random_state`` count, or an `HDEncoder`, or any object
        that has ``transform`` (scikit-learn's; a copy is fitted) or ``encode`` (`hypersketch.vsa`'s) and
        gives numbers or packed vectors.
    packed : bool, default False
        Learn from the signs of encoded rows, and answer from bits alone: classes and queries take D / 8
        bytes each and meet by Hamming distance.
    n_iter : int >= 1, default 20
        Passes over the rows, at most: without corrections in one, no other changes anything.
    learning_rate : float > 0, default 1.0
        Weight of a correction. What starts from nothing ("online", "dist") is the same for all rates but for
        the length of its vectors. For "lehdc" Adam's step over 0.01, halved when the loss of a pass rises.
    margin : float >= 0, default 0.05
        A row corrects unless the cosine with its class exceeds every other by more than this; 0 is the rule
        as published.
    batch_size : int >= 1, default 64
        Rows that meet the same class vectors.
    shuffle : bool, default True
        Whether rows are shuffled once before the first pass, and their batches before every pass.
    early_stopping : bool, default False
        Stop when the accuracy on rows kept aside has not risen for ``n_iter_no_change`` passes, and keep the
        best class vectors.
    validation_fraction : float in (0, 1), default 0.1
        Share of the rows kept aside, of every class alike.
    n_iter_no_change : int >= 1, default 5
        Passes without a rise before training stops early.
    regenerate_every : int >= 1, default 5
        For "neural" and "dist": passes between redraws.
    regenerate_share : float in (0, 1), default 0.04
        For "neural" and "dist": share of the dimensions redrawn.
    dropout : float in [0, 1), default 0.3
        For "lehdc": share of the entries of rows that are left out at random in training.
    weight_decay : float >= 0, default 0.003
        For "lehdc": what of the latent weights is added to their gradient.
    sparsity : float in (0, 1), default 0.5
        For "sparse": share of the entries that are zero.
    sparsity_type : "dimension" or "class", default "dimension"
        For "sparse": zeros in the dimensions in which classes differ least, or in each class's least entries.
    n_segments : int in [1, D], default 4
        For "compressed": how many times shorter vectors become.
    ridge_alpha : float > 0, default 0.1
        For "ridge": weight of the squared length of the class vectors, times the rows' mean squared length.
    random_state : int, RandomState or None, default None
        Where random numbers come from.
    device : str, default "cpu"
        Where rows are encoded, learned from and answered: "cpu", "cuda" or "cuda:1". "lehdc" and "ridge"
        learn on the CPU alone. Rows that lie on a GPU are answered there, in their kind, wherever it learned.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    class_vectors_ : ndarray of float32, shape (n_classes, D)
        One vector a class; with "compressed" a short one.
    packed_class_vectors_ : ndarray of uint64, shape (n_classes, ceil(D / 64))
        Their signs, a set bit for -1, where ``packed``; of "sparse" vectors in ``kept_dims_`` alone.
    kept_dims_ : ndarray of int
        For "sparse": the dimensions in which a class vector is not zero, and in which scores are taken.
    n_iter_ : int
        Passes made.
    n_mistakes_ : list of int
        Rows that a rival won, in every pass.
    n_features_in_ : int
        Number of features.

    Notes
    -----
    Scores are cosines, not probabilities; scikit-learn's ``CalibratedClassifierCV`` makes such of them.
    AdaptHD: Imani et al., BioCAS 2019; OnlineHD: Hernández-Cano et al., DATE 2021; NeuralHD: Zou et al.,
    SC 2021; DistHD: Wang et al., DAC 2023; QuantHD: Imani et al., TCAD 39 (2020); intRVFL: Kleyko et al.,
    TNNLS 32 (2021); LeHDC: Duan et al., DAC 2022; SparseHD: Imani et al., FCCM 2019; CompHD: Morris et al.,
    DATE 2019. The margin is not in them. Last digits depend on the machine's matrix product.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from hypersketch.learn import HDClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), HDClassifier(2000, random_state=0)).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    encoder_: RowEncoder
    class_vectors_: Floats
    packed_class_vectors_: Words
    kept_dims_: NDArray[np.intp]
    classes_: NDArray[Any]

    def __init__(
        self,
        dim: int = 10_000,
        *,
        method: str = "online",
        encoder: Any = "fourier",
        packed: bool = False,
        n_iter: int = 20,
        learning_rate: float = 1.0,
        margin: float = 0.05,
        batch_size: int = 64,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        regenerate_every: int = 5,
        regenerate_share: float = 0.04,
        dropout: float = 0.3,
        weight_decay: float = 0.003,
        sparsity: float = 0.5,
        sparsity_type: str = "dimension",
        n_segments: int = 4,
        ridge_alpha: float = 0.1,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.dim = dim
        self.method = method
        self.encoder = encoder
        self.packed = packed
        self.n_iter = n_iter
        self.learning_rate = learning_rate
        self.margin = margin
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.regenerate_every = regenerate_every
        self.regenerate_share = regenerate_share
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.sparsity = sparsity
        self.sparsity_type = sparsity_type
        self.n_segments = n_segments
        self.ridge_alpha = ridge_alpha
        self.random_state = random_state
        self.device = device

    # ---- learning

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HDClassifier:
        """Learn one vector a class.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.
        y : array, shape (n_samples,)
            Their labels, of any type that NumPy sorts.
        sample_weight : array, shape (n_samples,), optional
            What every row weighs, not negative; default 1.

        Returns
        -------
        HDClassifier
            The classifier itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities, numbers beyond float32.

        Examples
        --------
        >>> import numpy as np
        >>> HDClassifier(500, random_state=0).fit(np.eye(3), ["a", "b", "b"]).predict(np.eye(3)).tolist()
        ['a', 'b', 'b']
        """
        with all_or_nothing(self):
            settings = Settings.of(self)
            rows, labels, weights = self._read(X, y, sample_weight, reset=True)
            if weights is not None:
                used = weights > 0
                rows, labels, weights = rows[used], labels[used], weights[used]
            self.classes_, targets = np.unique(labels, return_inverse=True)
            rng = generator(self.random_state)
            self.encoder_ = self._encoder(rows, rng, weights)
            fitted = fit_vectors(settings, self.encoder_, rows, targets, weights, self.classes_.size, rng)
            self.n_iter_, self.n_mistakes_ = fitted.passes, fitted.mistakes
            self._keep(fitted.vectors)
        return self

    @available_if(learns_in_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> HDClassifier:
        """Learn from more rows, in one pass.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows. Those of the first call also decide the encoder's ranges and spread where it learns them.
        y : array, shape (n_samples,)
            Their labels.
        classes : array, optional
            All labels that will ever come; needed in the first call.
        sample_weight : array, shape (n_samples,), optional
            What every row weighs, not negative; default 1.

        Returns
        -------
        HDClassifier
            The classifier itself.

        Raises
        ------
        TypeError, ValueError
            As `fit`; for labels that are not among the classes.

        Notes
        -----
        Rows are taken in the order in which they come. No dimension is redrawn: that needs rows again.
        "sparse" vectors are pruned after every part.

        Examples
        --------
        >>> import numpy as np
        >>> model = HDClassifier(500, random_state=0).partial_fit([[0.0, 1.0]], ["b"], classes=["a", "b"])
        >>> model.partial_fit([[1.0, 0.0]], ["a"]).predict([[0.9, 0.1], [0.1, 0.9]]).tolist()
        ['a', 'b']
        """
        with all_or_nothing(self):
            settings = Settings.of(self)
            first = not hasattr(self, "classes_")
            if first and classes is None:
                raise ValueError("The first call of partial_fit needs the parameter classes: all labels.")
            if classes is not None:
                told = _labels.known(type(self).__name__, classes)
                if not first and not np.array_equal(told, self.classes_):
                    raise ValueError(
                        f"classes={told.tolist()} differs from those of the first call of partial_fit or of "
                        f"fit: {self.classes_.tolist()}."
                    )
            rows, labels, weights = self._read(X, y, sample_weight, reset=first)
            known = told if first else self.classes_
            targets = _labels.indices(labels, known)
            if first:
                rng = generator(self.random_state)
                self.classes_, self.encoder_ = known, self._encoder(rows, rng, weights)
                self.n_iter_, self.n_mistakes_ = 0, []
                self.class_vectors_ = np.zeros((known.size, self.encoder_.dim), np.float32)
            vectors, mistakes = one_pass(
                settings, self.encoder_, rows, targets, weights, self.class_vectors_.copy()
            )
            self.n_iter_, self.n_mistakes_ = self.n_iter_ + 1, [*self.n_mistakes_, mistakes]
            self._keep(vectors)
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Floats, Any, Any]:
        """Return rows, labels and weights after scikit-learn's checks."""
        X, y, sample_weight = in_host(X=X, y=y, sample_weight=sample_weight)
        X, y = validate_data(self, X, y, dtype=[np.float32, np.float64], order="C", reset=reset)
        check_classification_targets(y)
        return as_rows(type(self).__name__, X), y, read_weights(sample_weight, X)

    def _encoder(self, rows: Floats, rng: np.random.Generator, weights: Any) -> RowEncoder:
        encoder = fitted_encoder(self, rows, rng, weights)
        if self.method != "compressed":
            return encoder
        return Compressed(encoder, self.n_segments, rng, type(self).__name__)

    def _keep(self, vectors: Floats) -> None:
        self.class_vectors_ = vectors
        if self.method == "sparse":
            self.kept_dims_ = kept_dims(vectors)
            vectors = vectors.take(self.kept_dims_, axis=1)
        if self.packed:
            ties = MapB(vectors.shape[1]).unpack(MapB(vectors.shape[1]).atoms("tie"))
            self.packed_class_vectors_ = pack_bits(np.where(vectors == 0, ties, vectors) < 0)

    # ---- answers

    def decision_function(self, X: Any) -> Any:
        """Return how near rows are to the classes.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows; on a GPU of real numbers, which become float32 there, and the answer is of their kind.

        Returns
        -------
        ndarray of float, shape (n_samples, n_classes), or (n_samples,) for two classes
            Cosines with the class vectors (with "ridge", estimates of the indicators), in the order of
            ``classes_``; for two classes the second less the first.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> HDClassifier(500, random_state=0).fit(np.eye(3), [0, 1, 2]).decision_function(np.eye(3)).shape
        (3, 3)
        """
        return _answers.decisions(self, X)

    def predict(self, X: Any) -> Any:
        """Return the class that is nearest to every row; of equally near ones the first.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows; on a GPU of real numbers, which become float32 there, and the answer is of their kind.

        Returns
        -------
        ndarray, shape (n_samples,)
            Labels; in host memory where they are no numbers.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> HDClassifier(500, packed=True, random_state=0).fit(np.eye(2), [7, 9]).predict(np.eye(2))
        array([7, 9])
        """
        return _answers.labels(self, X)
