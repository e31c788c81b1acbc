# SPDX-License-Identifier: Apache-2.0
"""Learning with hypervectors, as scikit-learn estimators (``pip install 'hypersketch[sklearn]'``).

`HDEncoder` turns rows of numbers into hypervectors. `HDClassifier` learns one vector a class from them,
`HDRegressor` models that answer by inner products, `HDClustering` one vector a cluster. They work in
pipelines and grid searches, and pass scikit-learn's own checks.
"""

from __future__ import annotations

from hypersketch.learn.classifier import HDClassifier
from hypersketch.learn.clustering import HDClustering
from hypersketch.learn.encoder import HDEncoder
from hypersketch.learn.regressor import HDRegressor

__all__ = ["HDClassifier", "HDClustering", "HDEncoder", "HDRegressor"]
