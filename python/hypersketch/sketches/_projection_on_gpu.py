# SPDX-License-Identifier: Apache-2.0
"""Rows that lie on a GPU, dense or compressed, times a sparse matrix of signs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device_array import DeviceArray

_SUFFIX = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64"}


class Compressed(NamedTuple):
    """Rows in compressed form: row i has the values starts[i] to starts[i + 1], each of its own feature."""

    starts: Any
    features: Any
    values: Any
    shape: tuple[int, ...]


def compressed(X: Any) -> Compressed | None:
    """Return the parts of rows in compressed form on a GPU, of PyTorch or CuPy; None for all else."""
    if hasattr(X, "crow_indices") and str(getattr(X, "layout", "")) == "torch.sparse_csr":
        rows = Compressed(X.crow_indices(), X.col_indices(), X.values(), tuple(X.shape))
    elif hasattr(X, "tocsr") and hasattr(X, "indptr") and _device.is_on_gpu(X.data):
        csr = X.tocsr()
        rows = Compressed(csr.indptr, csr.indices, csr.data, tuple(csr.shape))
    else:
        return None
    return rows if _device.is_on_gpu(rows.values) else None


class Table:
    """A sparse matrix of signs with a copy on every GPU that asked for it."""

    def __init__(self, codes: NDArray[np.uint32], n_components: int) -> None:
        self._codes = codes
        self._n_components = n_components
        self._copies: dict[int, DeviceArray] = {}

    def _on(self, device: int) -> tuple[Any, int, int, int]:
        """Return memory and shape of the table on a GPU."""
        if device not in self._copies:
            self._copies[device] = DeviceArray.of(self._codes, device)
        return self._copies[device].memory, *self._codes.shape, self._n_components

    def dense(self, owner: str, X: Any, scale: float) -> Any:
        """Return scale * X * table."""
        seen = _checked(owner, _device.view(owner, "X", X), self._codes.shape[0])
        n, itemsize = seen.shape[0], seen.dtype.itemsize
        made = _device.target(owner, None, (n, self._n_components), seen.dtype, seen)
        span = _device.module().Span(seen.pointer, seen.size, seen.device, seen.stream)
        function = getattr(_device.module(), f"project_dense_{_SUFFIX[seen.dtype.name]}")
        function(*self._on(seen.device), span, n, seen.strides[0] // itemsize, scale, made.whole())
        return made.finished()

    def compressed(self, owner: str, X: Compressed, scale: float) -> Any:
        """Return scale * X * table for rows in compressed form."""
        parts = [_device.view(owner, "X", part) for part in X[:3]]
        starts, features, values = parts
        if X.shape[1:] != (self._codes.shape[0],):
            raise ValueError(f"X has the shape {X.shape} but {owner} takes (n, {self._codes.shape[0]}).")
        types = starts.dtype, features.dtype, values.dtype
        right = types[0] == types[1] and types[0] in (np.int32, np.int64)
        if not right or types[2] not in (np.float32, np.float64):
            must = "compressed rows of float32 or float64 with indices of int32 or int64"
            _validation.refuse(owner, "X", must, ", ".join(map(str, types)), TypeError)
        _device.behind(values, starts, features)
        shape = X.shape[0], self._n_components
        made = _device.target(owner, None, shape, values.dtype, values)
        name = f"project_csr_{_SUFFIX[values.dtype.name]}_{_SUFFIX[starts.dtype.name]}"
        function = getattr(_device.module(), name)
        function(*self._on(values.device), *(part.span() for part in parts), scale, made.whole())
        return made.finished()


def _checked(owner: str, seen: _device.View, n_features: int) -> _device.View:
    """Return dense rows whose elements stand side by side."""
    if seen.dtype not in (np.float32, np.float64):
        _validation.refuse(owner, "X", "rows of float32 or float64 on a GPU", seen.dtype, TypeError)
    if len(seen.shape) != 2 or seen.shape[1] != n_features:
        raise ValueError(f"X has the shape {seen.shape} but {owner} takes (n, {n_features}).")
    itemsize = seen.dtype.itemsize
    one_row_after_another = seen.strides[0] >= n_features * itemsize and seen.strides[0] % itemsize == 0
    if seen.size and not (
        (seen.strides[1] == itemsize or n_features == 1) and (one_row_after_another or seen.shape[0] == 1)
    ):
        _validation.refuse(owner, "X", "rows whose elements stand side by side", f"strides {seen.strides}")
    return seen
