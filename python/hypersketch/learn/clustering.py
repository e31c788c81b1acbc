# SPDX-License-Identifier: Apache-2.0
"""k-means among hypervectors, as a scikit-learn clusterer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.learn._clouds import Cloud, FloatCloud, PackedCloud, lloyd, seeds
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._estimator import (
    all_or_nothing,
    as_rows,
    fitted_encoder,
    generator,
    in_host,
    read_rows,
    read_weights,
)
from hypersketch.learn._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    check_is_fitted,
    validate_data,
)


class HDClustering(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means of encoded rows: every cluster is the bundle of its rows.

    Parameters
    ----------
    n_clusters : int >= 1, default 8
        Number of clusters.
    dim : int, default 10_000
        Dimension D of the hypervectors.
    encoder : "fourier", "sinusoid", "projection", "level", "density", or an object, default "fourier"
        As for `HDClassifier`.
    packed : bool, default False
        Keep the signs of rows and centers only, one bit an entry: centers are majorities, distances
        Hamming's.
    n_init : int >= 1, default 3
        How often to begin anew; the best outcome stays.
    max_iter : int >= 1, default 100
        Passes over the rows, at most; none follows one in which no row changed its cluster.
    random_state : int, RandomState or None, default None
        Where random numbers come from.
    device : str, default "cpu"
        Where rows are encoded and clustered: "cpu", "cuda" or "cuda:1". Rows that lie on a GPU are answered
        there, in their kind, wherever the clusters were found.

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (n_clusters, D) of float32, or (n_clusters, ceil(D / 64)) of uint64
        Bundles of length one, or majorities, a set bit for -1.
    labels_ : ndarray of int32, shape (n_samples,)
        The cluster of every row given to `fit`.
    inertia_ : float
        Sum of the rows' distances from their centers, times their weights.
    n_iter_ : int
        Passes of the best outcome.
    n_features_in_ : int
        Number of features.

    Notes
    -----
    Distances are 1 less the cosine, or the share of entries that differ. Seeds are drawn as k-means++ does
    (Arthur and Vassilvitskii, SODA 2007). A cluster that loses all rows gets the row farthest from its
    center. On a GPU distances are those of the CPU; sums of rows have another order, so that last digits of
    centers that are not packed may differ.
    Clusters of hypervectors: Imani et al., DUAL, MICRO 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.learn import HDClustering
    >>> X = np.repeat([[0.0, 0.0], [0.0, 5.0], [5.0, 0.0]], 20, axis=0)
    >>> X += np.random.default_rng(0).normal(0, 0.3, X.shape)
    >>> labels = HDClustering(3, 2000, random_state=0).fit_predict(X)
    >>> len({tuple(labels[i : i + 20]) for i in (0, 20, 40)}), len(set(labels[:20]))
    (3, 1)
    """

    encoder_: RowEncoder
    cluster_centers_: NDArray[Any]

    def __init__(
        self,
        n_clusters: int = 8,
        dim: int = 10_000,
        *,
        encoder: Any = "fourier",
        packed: bool = False,
        n_init: int = 3,
        max_iter: int = 100,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.n_clusters = n_clusters
        self.dim = dim
        self.encoder = encoder
        self.packed = packed
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> HDClustering:
        """Find clusters.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows, at least as many as clusters.
        y : ignored
        sample_weight : array, shape (n_samples,), optional
            What every row weighs, not negative; default 1.

        Returns
        -------
        HDClustering
            The clusterer itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities, fewer rows than clusters.

        Examples
        --------
        >>> import numpy as np
        >>> HDClustering(2, 500, random_state=0).fit(np.eye(4)).cluster_centers_.shape
        (2, 500)
        """
        with all_or_nothing(self):
            owner = type(self).__name__
            count = _validation.within(1, 2**31 - 1)
            n_clusters = count(owner, "n_clusters", self.n_clusters)
            n_init, max_iter = count(owner, "n_init", self.n_init), count(owner, "max_iter", self.max_iter)
            _validation.flag(owner, "packed", self.packed)
            _device.resolve(owner, self.device)
            X, sample_weight = in_host(X=X, sample_weight=sample_weight)
            given = validate_data(self, X, dtype=[np.float32, np.float64], order="C")
            weights = read_weights(sample_weight, given)
            if len(given) < n_clusters:
                raise ValueError(
                    f"{owner} needs n_samples >= n_clusters={n_clusters}. Got {len(given)} rows."
                )
            rng = generator(self.random_state)
            rows = as_rows(owner, given)
            self.encoder_ = fitted_encoder(self, rows, rng, weights)
            if weights is None:
                weights = np.ones(len(rows))
            cloud = self._cloud(rows)
            outcomes = [
                lloyd(cloud, weights, seeds(cloud, weights, n_clusters, rng), max_iter) for _ in range(n_init)
            ]
            best = min(outcomes, key=lambda outcome: outcome.inertia)
            self.cluster_centers_, self.labels_ = best.centers, best.labels
            self.inertia_, self.n_iter_ = best.inertia, best.passes
        return self

    def _cloud(self, rows: Any) -> Cloud:
        device = _device.resolve(type(self).__name__, self.device)
        if device is None:
            return (PackedCloud if self.packed else FloatCloud)(self.encoder_, rows)
        from hypersketch.learn import _clouds_on_gpu

        kind = _clouds_on_gpu.PackedCloudThere if self.packed else _clouds_on_gpu.FloatCloudThere
        return kind(self.encoder_, rows, device)

    def _distances_there(self, X: Any) -> _device.Target:
        """Return the distances of rows that lie on a GPU."""
        from hypersketch.learn import _clouds_on_gpu, _on_gpu

        check_is_fitted(self)
        rows = _on_gpu.rows_of(type(self).__name__, X, self.n_features_in_)
        return _clouds_on_gpu.distances(self.encoder_, rows, self.cluster_centers_)

    def transform(self, X: Any) -> Any:
        """Return the distances of rows from the centers.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray, or array on the rows' GPU, shape (n_samples, n_clusters)
            1 less the cosine, or the share of entries that differ.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> HDClustering(2, 500, random_state=0).fit_transform(np.eye(4)).shape
        (4, 2)
        """
        if _device.is_on_gpu(X):
            return self._distances_there(X).finished()
        return self._cloud(read_rows(self, X)).distances(self.cluster_centers_)

    def predict(self, X: Any) -> Any:
        """Return the cluster that is nearest to every row; of equally near ones the first.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of int32, or array on the rows' GPU, shape (n_samples,)
            Clusters.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> model = HDClustering(4, 500, random_state=0).fit(np.eye(4))
        >>> sorted(model.predict(np.eye(4)).tolist())
        [0, 1, 2, 3]
        """
        if _device.is_on_gpu(X):
            from hypersketch.learn import _clouds_on_gpu

            return _clouds_on_gpu.nearest(self._distances_there(X)).finished()
        return np.asarray(np.argmin(self.transform(X), axis=1), np.int32)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the sum of rows' distances from their nearest centers.

        >>> import numpy as np
        >>> abs(HDClustering(4, 500, random_state=0).fit(np.eye(4)).score(np.eye(4))) < 1e-5
        True
        """
        nearest = np.asarray(self.transform(X)).min(axis=1)
        (sample_weight,) = in_host(sample_weight=sample_weight)
        weights = read_weights(sample_weight, nearest)
        return -float(nearest.sum(dtype=np.float64) if weights is None else nearest @ weights)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
