# SPDX-License-Identifier: Apache-2.0
"""torchhd's classifiers on one CPU thread, in batches of 64 as its examples use them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of

BATCH = 64


class TorchhdLearning:
    """Classifiers by their names in torchhd, fitted to rows in [-1, 1]."""

    def __init__(self) -> None:
        self.name = name_of("torch-hd")
        os.environ.setdefault("TQDM_DISABLE", "1")  # it draws a progress bar around every fit
        import torch
        from torchhd import classifiers

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._classifiers: Any = classifiers

    def batches(self, X: NDArray[np.float32], y: NDArray[Any]) -> Any:
        """Rows and labels as its classifiers take them."""
        data = self._torch.utils.data
        rows, labels = self._torch.from_numpy(X), self._torch.from_numpy(y).long()
        return data.DataLoader(data.TensorDataset(rows, labels), batch_size=BATCH)

    def fit(self, method: str, batches: Any, dim: int, n_classes: int, seed: int, **options: Any) -> Any:
        """A fitted classifier, which encodes rows by itself."""
        self._torch.manual_seed(seed)
        with self._torch.no_grad():
            n_features = batches.dataset.tensors[0].shape[1]
            return getattr(self._classifiers, method)(n_features, dim, n_classes, **options).fit(batches)

    def fit_encoded(self, method: str, batches: Any, n_classes: int, seed: int, **options: Any) -> Any:
        """A classifier fitted to hypervectors."""
        self._torch.manual_seed(seed)
        dim = batches.dataset.tensors[0].shape[1]
        made = getattr(self._classifiers, method)(1, dim, n_classes, **options)
        made.encoder = lambda rows: rows
        with self._torch.set_grad_enabled(method == "LeHDC"):
            made.fit(batches)
        return made.eval()  # it drops entries in answers too otherwise

    def accuracy(self, model: Any, batches: Any) -> float:
        """Share of right answers."""
        with self._torch.no_grad():
            return float(model.accuracy(batches))
