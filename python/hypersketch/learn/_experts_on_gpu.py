# SPDX-License-Identifier: Apache-2.0
"""Regression models that learn on a GPU, where encoded rows, models and clusters stay.

Products of a batch's rows with each other, with the models and with the clusters come to the host, which
finds the errors of rows that follow one another; what these add to models and clusters is added there.
Products are of rows as they are and divided by lengths afterwards, so last digits are not the CPU's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.learn import _on_gpu
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._experts import Experts, Numbers, softmax
from hypersketch.learn._training import Indices
from hypersketch.learn._training_on_gpu import GpuBatches


@dataclass
class ExpertsThere(Experts):
    """One model a cluster, on the GPU of the batches while they learn."""

    _stack: DeviceArray | None = field(default=None, init=False)
    """Models, then clusters."""

    def learn(self, batches: GpuBatches, wanted: Numbers, weights: Any, order: Indices) -> float:
        self._stack = DeviceArray.of(np.concatenate([self.models, self.clusters]), batches.device)
        error = super().learn(batches, wanted, weights, order)
        n = len(self.models)
        learned = np.asarray(self._stack)
        self.models, self.clusters, self._stack = learned[:n].copy(), learned[n:].copy(), None
        return error

    def _learn(self, batches: GpuBatches, i: int, wanted: Numbers, weights: Numbers) -> float:
        stream, part = _device.chosen_stream(), batches.part(int(i))
        passing = Passing(batches.device, stream)
        rows, sizes = batches.spans(part, passing)
        assert self._stack is not None
        stack, n, n_models = _on_gpu.on_stream(self._stack, stream), len(wanted), len(self.models)
        lengths = _to_host(sizes, (n, 1))
        products = _products(passing, rows, stack, batches.dim, (n, 2 * n_models)) / lengths
        gram = _products(passing, rows, rows, batches.dim, (n, n)) / lengths / lengths.T
        norms = passing.empty(2 * n_models, np.float32)
        _device.module().row_lengths(stack, batches.dim, norms)
        cosines = products[:, n_models:] / _to_host(norms, (2 * n_models,))[n_models:]
        shares = softmax(self.sharpness * cosines.astype(np.float64))
        errors = self._errors(gram, shares, wanted - (shares * products[:, :n_models]).sum(axis=1), weights)
        pulls = self._pulls(cosines, weights if n_models > 1 else np.zeros(n))
        self._add(passing, rows, np.hstack([self._steps(shares, weights * errors), pulls]) / lengths)
        return float(weights @ errors**2)

    def _add(self, passing: Passing, rows: Any, factors: Floats) -> None:
        """Add all rows, each by its factors, to models and clusters."""
        assert self._stack is not None
        n, n_vectors = factors.shape
        ones = passing.span(np.ones(n))
        stack = _on_gpu.on_stream(self._stack, rows.stream)
        _device.module().write_pairs_float32(
            *(stack, rows, passing.span(factors), self._stack.shape[1], n_vectors, n),
            *(ones, ones, ones, None, np.ones(1), False),
        )


def _to_host(span: Any, shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    found = np.empty(shape, dtype)
    span.to_host(found.reshape(-1).view(np.uint8))
    return found


def _products(passing: Passing, rows: Any, vectors: Any, dim: int, shape: tuple[int, int]) -> Floats:
    found = passing.empty(shape[0] * shape[1], np.float32)
    _device.module().inner_products(rows, vectors, dim, found)
    return _to_host(found, shape)


def answers(encoder: RowEncoder, rows: View, experts: Experts) -> Numbers:
    """Return what the models say of rows on a GPU: cosines of sums in double precision."""
    n_models, out = len(experts.models), np.empty(rows.shape[0])
    kept = Passing(rows.device, rows.stream)
    stack = kept.span(np.concatenate([experts.models, experts.clusters]))
    sizes = np.linalg.norm(experts.models.astype(np.float64), axis=1)
    for part in _on_gpu._parts(encoder, rows):
        passing, some = Passing(rows.device, rows.stream), _on_gpu.part_of(rows, part)
        n = some.shape[0]
        encoded, found = (
            passing.empty(n * encoder.dim, np.float32),
            passing.empty(2 * n * n_models, np.float64),
        )
        _on_gpu.write_floats(encoder, some, encoded)
        _device.module().all_cosines(encoded, stack, encoder.dim, found)
        cosines = _to_host(found, (n, 2 * n_models), np.float64)
        shares = softmax(experts.sharpness * cosines[:, n_models:])
        out[part] = (shares * cosines[:, :n_models] * sizes).sum(axis=1)
    return out
