# SPDX-License-Identifier: Apache-2.0
"""Scores of rows with the classes of an `HDClassifier`, on the CPU or a GPU, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._estimator import read_rows
from hypersketch.learn._sklearn import check_is_fitted
from hypersketch.learn._sparse import Chosen
from hypersketch.learn._training import cosines, norms
from hypersketch.vsa import MapB


def decisions(model: Any, X: Any) -> Any:
    """Return a score a class; of two classes the second less the first."""
    found = _scores(model, X)
    if isinstance(found, _device.Target):
        from hypersketch.learn import _training_on_gpu

        two = found.seen.shape[1] == 2
        return (_training_on_gpu.differences(found) if two else found).finished()
    return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found


def labels(model: Any, X: Any) -> Any:
    """Return the label of the best class of each row."""
    found = _scores(model, X)
    if isinstance(found, _device.Target):
        from hypersketch.learn import _training_on_gpu

        return _training_on_gpu.labels(found, model.classes_)
    return np.asarray(model.classes_[np.argmax(found, axis=1)])


def _scores(model: Any, X: Any) -> Any:
    """Return a score a row and class: a target of the rows' kind for rows on a GPU."""
    check_is_fitted(model)
    encoder, vectors = _asked(model)
    if _device.is_on_gpu(X):
        if model.method == "ridge":
            must = "in host memory for the method 'ridge', which answers in double precision there"
            _validation.refuse(type(model).__name__, "X", must, "an array on a GPU")
        from hypersketch.learn import _on_gpu

        there = _on_gpu.rows_of(type(model).__name__, X, model.n_features_in_)
        return _scores_there(model, encoder, vectors, there)
    rows = read_rows(model, X)
    device = _device.resolve(type(model).__name__, model.device)
    if device is not None and model.method != "ridge":
        from hypersketch.learn import _on_gpu

        return _scores_there(model, encoder, vectors, _on_gpu.placed(rows, device)).seen.to_host()
    return _scores_here(model, encoder, vectors, rows)


def _asked(model: Any) -> tuple[RowEncoder, Floats]:
    """Return the encoder and the class vectors, of the dimensions that count."""
    encoder, vectors = model.encoder_, model.class_vectors_
    if model.method == "sparse":
        return Chosen(encoder, model.kept_dims_), vectors.take(model.kept_dims_, axis=1)
    return encoder, vectors


def _scores_there(model: Any, encoder: RowEncoder, vectors: Floats, rows: Any) -> Any:
    from hypersketch.learn import _training_on_gpu

    if model.packed:
        return _training_on_gpu.packed_scores(encoder, rows, model.packed_class_vectors_)
    return _training_on_gpu.scores(encoder, rows, vectors)


def _scores_here(model: Any, encoder: RowEncoder, vectors: Floats, rows: Floats) -> NDArray[Any]:
    if model.packed:
        space = MapB(encoder.dim)
        return np.asarray(space.similarities(model.packed_class_vectors_, encoder.packed(rows)).T)
    step = max(1, (1 << 24) // encoder.dim)
    blocks = (encoder.floats(rows[i : i + step]) for i in range(0, len(rows), step))
    return np.concatenate([_block_scores(model, block, vectors) for block in blocks])


def _block_scores(model: Any, rows: Floats, vectors: Floats) -> NDArray[Any]:
    if model.method == "ridge":
        return np.asarray(rows.astype(np.float64) @ vectors.T.astype(np.float64))
    return cosines(rows, norms(rows), vectors)
