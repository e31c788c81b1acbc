# SPDX-License-Identifier: Apache-2.0
"""What the learners take from scikit-learn, or the sentence that names the extra that brings it."""

from __future__ import annotations

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        RegressorMixin,
        TransformerMixin,
        clone,
    )
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "hypersketch.learn needs scikit-learn 1.6 or newer. Install the extra that brings it: "
        "pip install 'hypersketch[sklearn]'."
    ) from error

__all__ = [
    "BaseEstimator",
    "ClassNamePrefixFeaturesOutMixin",
    "ClassifierMixin",
    "ClusterMixin",
    "RegressorMixin",
    "TransformerMixin",
    "_check_sample_weight",
    "available_if",
    "check_classification_targets",
    "check_is_fitted",
    "check_random_state",
    "clone",
    "train_test_split",
    "validate_data",
]
