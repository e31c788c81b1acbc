# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's linear sketches."""

from __future__ import annotations

from typing import Any

from peers import name_of


class Sklearn:
    """The transformers, unfitted, with equal settings for everybody."""

    def __init__(self) -> None:
        self.name = name_of("scikit-learn")

    def polynomial(self, n_components: int) -> Any:
        """PolynomialCountSketch of degree 2: count sketches multiplied by FFT."""
        from sklearn.kernel_approximation import PolynomialCountSketch

        return PolynomialCountSketch(degree=2, n_components=n_components, random_state=0)

    def sparse(self, n_components: int) -> Any:
        """SparseRandomProjection: a sparse matrix product, its density 1 / sqrt(features)."""
        from sklearn.random_projection import SparseRandomProjection

        return SparseRandomProjection(n_components=n_components, random_state=0)

    def hasher(self, n_features: int) -> Any:
        """FeatureHasher over tokens: MurmurHash3, one token at a time."""
        from sklearn.feature_extraction import FeatureHasher

        return FeatureHasher(n_features=n_features, input_type="string")
