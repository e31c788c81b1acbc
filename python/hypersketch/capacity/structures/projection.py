# SPDX-License-Identifier: Apache-2.0
"""Random projections: vectors as linear sketches of themselves."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from hypersketch import _device, theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import FloatArray, Structure
from hypersketch.memories import OuterProductMemory
from hypersketch.sketches.projection import DenseProjection, SparseProjection, TensorProjection

__all__ = ["DenseSigns", "Projection", "SparseSigns", "TensorSketch", "VectorMoments"]


class VectorMoments(NamedTuple):
    """What variances of projections depend on.

    Examples
    --------
    >>> VectorMoments(1.0, 1.0, 0.5, 0.1).inner
    0.5
    """

    x: float
    y: float
    inner: float
    overlap: float


class Projection(Structure):
    """A random linear map of vectors, or of their tensor powers."""

    tasks: ClassVar[frozenset[str]] = frozenset({"projection"})
    unit: ClassVar[str] = "n_components"

    def n_bytes(self, size: Size) -> int:
        return 8 * size["n_components"]

    @abstractmethod
    def project(self, size: Size, seed: int, rows: FloatArray) -> FloatArray:
        """The rows, projected."""

    def mean(self, size: Size, moments: VectorMoments) -> float:
        """What the inner product of two projected vectors estimates without bias."""
        return moments.inner

    @abstractmethod
    def variance(self, size: Size, moments: VectorMoments) -> float:
        """Predicted variance of the inner product of two projected vectors."""


class DenseSigns(Projection):
    """Dense random signs."""

    name: ClassVar[str] = "dense-signs"
    title: ClassVar[str] = "Dense signs"
    explanation: ClassVar[str] = (
        "Every coordinate of the result is the sum of all features with random signs: the map of Johnson "
        "and Lindenstrauss."
    )
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_components": units}

    def project(self, size: Size, seed: int, rows: FloatArray) -> FloatArray:
        one = DenseProjection(rows.shape[1], size["n_components"], seed=seed)
        if self.device == "cpu":
            return one.project(rows, threads=1)
        # A sum over the features, of a column of the rows times the feature's signs: outer products.
        made = OuterProductMemory(one.n_components, len(rows), dtype="float64", device=self.device)
        made.store(one.signs(0, one.n_features), np.ascontiguousarray(rows.T))
        return np.asarray(made.matrix) / math.sqrt(one.n_components)

    def variance(self, size: Size, moments: VectorMoments) -> float:
        return float(theory.projection.inner_product_sd(size["n_components"], *moments)) ** 2


class SparseSigns(Projection):
    """A few random signs a feature."""

    name: ClassVar[str] = "sparse-signs"
    title: ClassVar[str] = "Sparse signs"
    explanation: ClassVar[str] = (
        "Every feature goes, with random signs, to a few coordinates of the result: one in each of s blocks. "
        "With s = 1 it is a count sketch of one row."
    )
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_components": units, "n_nonzeros": 8}

    def project(self, size: Size, seed: int, rows: FloatArray) -> FloatArray:
        one = SparseProjection(rows.shape[1], size["n_components"], size["n_nonzeros"], seed=seed)
        device = _device.resolve("run", self.device)
        if device is None:
            made: FloatArray = one.project(rows, threads=1)
            return made
        from hypersketch.cuda import DeviceArray

        return np.asarray(one.project(DeviceArray.of(rows, device)))

    def variance(self, size: Size, moments: VectorMoments) -> float:
        sd = theory.projection.inner_product_sd(size["n_components"], *moments, size["n_nonzeros"])
        return float(sd) ** 2


class TensorSketch(Projection):
    """Powers of inner products."""

    name: ClassVar[str] = "tensor-sketch"
    title: ClassVar[str] = "TensorSketch"
    explanation: ClassVar[str] = (
        "Count sketches of a vector, convolved with each other: inner products of the results estimate a "
        "power of the vectors' own."
    )

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_components": units, "degree": 2}

    def project(self, size: Size, seed: int, rows: FloatArray) -> FloatArray:
        one = TensorProjection(rows.shape[1], size["n_components"], size["degree"], seed=seed)
        return one.project(rows, threads=1)

    def mean(self, size: Size, moments: VectorMoments) -> float:
        return float(moments.inner ** size["degree"])

    def variance(self, size: Size, moments: VectorMoments) -> float:
        sd = theory.projection.tensor_sketch_sd(size["n_components"], size["degree"], *moments)
        return float(sd) ** 2
