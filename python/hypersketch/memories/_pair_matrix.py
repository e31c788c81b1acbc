# SPDX-License-Identifier: Apache-2.0
"""What a matrix of pairs is made of, and how pairs go into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _optional, _validation, theory
from hypersketch.memories import _reals
from hypersketch.memories._changes import Seedless, Summed, at_once, count_of, require_writable
from hypersketch.memories._fast_weights import written

LINEAR_CHUNK = 4096
"""Pairs of linear rules that are multiplied at once."""

Rows = NDArray[Any]


def _step(owner: str, name: str, value: object) -> float:
    must = "a float in [0, 2]"
    number = _validation.real(owner, name, value, must)
    if not 0.0 <= number <= 2.0:
        _validation.refuse(owner, name, must, number)
    return number


def _gate(owner: str, name: str, value: object) -> float:
    must = "a float in [0, 1]"
    number = _validation.real(owner, name, value, must)
    if not 0.0 <= number <= 1.0:
        _validation.refuse(owner, name, must, number)
    return number


class PairMatrix(Summed, Seedless):
    """A matrix that pairs are written into by one of three rules."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "key_dim": _reals.DIM,
        "value_dim": _reals.DIM,
        "rule": _validation.one_of(*theory.outer_product.RULES),
        "dtype": _reals.DTYPE,
        "strength": _step,
        "gate": _gate,
        "ridge": _validation.optional(_validation.positive),
    }
    _solved: tuple[Any, Rows] | None = None
    _solved_there: tuple[Rows, Any] | None = None

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if (parameters["rule"] == "ridge") != (parameters["ridge"] is not None):
            _validation.refuse(cls.__name__, "ridge", "given with rule='ridge' alone", parameters["ridge"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        keys, values = parameters["key_dim"], parameters["value_dim"]
        if parameters["rule"] == "ridge":
            return keys * (keys + values), np.float64
        return keys * values, np.dtype(parameters["dtype"]).type

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, int], state: Rows) -> Any:
        if not _memory.is_mapped(state) and not np.isfinite(state).all():
            raise ValueError("its matrix is not all finite.")
        return super()._restore(parameters, counts, state)

    @property
    def key_dim(self) -> int:
        """Dimensions of the keys.

        >>> import hypersketch
        >>> hypersketch.OuterProductMemory(8, 3).key_dim
        8
        """
        return int(self._values["key_dim"])

    @property
    def value_dim(self) -> int:
        """Dimensions of the values.

        >>> import hypersketch
        >>> hypersketch.OuterProductMemory(8, 3).value_dim
        3
        """
        return int(self._values["value_dim"])

    @property
    def rule(self) -> str:
        """How pairs are stored.

        >>> import hypersketch
        >>> hypersketch.OuterProductMemory(8, rule="delta").rule
        'delta'
        """
        return str(self._values["rule"])

    @property
    def matrix(self) -> Any:
        """W, of shape (value_dim, key_dim), not to be changed; where the memory is on a GPU, an array there.

        >>> import hypersketch
        >>> memory = hypersketch.OuterProductMemory(2)
        >>> memory.store([1, 0], [3, 4])
        >>> memory.matrix
        array([[3., 0.],
               [4., 0.]], dtype=float32)
        """
        if self._device_index is not None:
            return self._matrix_there()
        if self.rule == "ridge":
            return self._solution()
        view: Rows = self._state.reshape(self.value_dim, self.key_dim).view()
        view.flags.writeable = False
        return view

    def _matrix_there(self) -> Any:
        """Return W on the GPU, where a solution is moved once."""
        shape = self.value_dim, self.key_dim
        if self.rule != "ridge":
            return _memory.reshaped(self._state, shape)
        with self._lock:
            solution = self._solution()
            if self._solved_there is None or self._solved_there[0] is not solution:
                moved = _memory.moved(solution.reshape(-1), self._device_index)
                self._solved_there = solution, _memory.reshaped(moved, shape)
            return self._solved_there[1]

    def _solution(self) -> Rows:
        """Return W of the statistics as they are now; kept until they change."""
        _optional.require("The rule 'ridge' of OuterProductMemory", "lab", "scipy")
        with self._lock:
            record = self._record  # every change makes a new one
            if self._solved is None or self._solved[0] is not record or not self._alone:
                products = _memory.host(self._state).reshape(-1, self.key_dim)
                solution = _ridge_solution(products, self._values["ridge"])
                self._solved = (record, self._in_dtype(solution))
            return self._solved[1]

    def _in_dtype(self, made: Rows) -> Rows:
        """Return a matrix in the memory's dtype, which it must not leave."""
        with np.errstate(over="ignore"):
            matrix = np.ascontiguousarray(made, self._values["dtype"])
        if not np.isfinite(matrix).all():
            raise OverflowError(f"What this OuterProductMemory answers would leave {matrix.dtype}.")
        return matrix

    def _given(self, owner: str, name: str, value: Any, dim: int, dtype: Any = None) -> Any:
        """Return checked vectors where the memory is: an array, or what `_gpu_pairs.given` makes."""
        kind, device = dtype or self._state.dtype, self._device_index
        if device is None and not _device.is_on_gpu(value):
            return _reals.rows(owner, name, value, dim, kind)
        from hypersketch.memories import _gpu_pairs

        if device is None:
            _device.require_near(owner, name, _device.view_of_any(owner, name, value), None)
        assert device is not None
        return _gpu_pairs.given(owner, name, value, dim, kind, device)

    def _pairs(self, owner: str, keys: Any, values: Any, weights: Any) -> tuple[Any, Any, Rows]:
        """Return checked keys, values and weights."""
        if values is None and self.key_dim != self.value_dim:
            _validation.refuse(owner, "values", "given, as value_dim is not key_dim", None)
        left = self._given(owner, "keys", keys, self.key_dim)
        right = left if values is None else self._given(owner, "values", values, self.value_dim)
        n = _reals.as_many(owner, keys=left, values=right)
        low, high = {"hebb": (-np.inf, np.inf), "delta": (0.0, 2.0), "ridge": (0.0, np.inf)}[self.rule]
        if weights is None:
            weights = self._values["strength"]
        return left, right, self._numbers(owner, "weights", weights, n, low, high)

    def _numbers(self, owner: str, name: str, value: Any, n: int, low: float, high: float) -> Rows:
        return _reals.numbers(owner, name, _device.on_host(owner, name, value), n, low, high)

    def _write(self, keys: Any, values: Any, weights: Rows, gates: Rows, chunk: int, n: int) -> None:
        if self._device_index is not None:
            self._write_there(keys.rows, values.rows, weights, gates, chunk, n)
            return
        if self.rule == "ridge":
            values = np.concatenate([keys, values], axis=1)
        with self._lock:
            require_writable(self)
            matrix = self._state.reshape(-1, self.key_dim)
            with np.errstate(over="ignore", invalid="ignore"):
                made = written(matrix, keys, values, weights, gates, delta=self.rule == "delta", chunk=chunk)
            self._require_finite(bool(np.isfinite(made).all()))
            at_once((matrix, ..., made), count_of(self, n))

    def _write_there(self, keys: Any, values: Any, weights: Rows, gates: Rows, chunk: int, n: int) -> None:
        """Do the same on a GPU; the products of ridge are those with keys and those with values."""
        from hypersketch.memories import _gpu_pairs

        if not len(weights):
            return
        blocks = [(keys, keys)] if self.rule == "ridge" else []
        with self._lock:
            made = _gpu_pairs.written(
                self._state,
                [*blocks, (keys, values)],
                weights,
                gates,
                delta=self.rule == "delta",
                chunk=chunk,
            )
            self._require_finite(_gpu_pairs.is_finite(made))
            _gpu_pairs.put(self._state, made)
            at_once(count_of(self, n))

    def _require_finite(self, is_finite: bool) -> None:
        if not is_finite:
            raise OverflowError(
                f"The matrix of this OuterProductMemory would leave {self._state.dtype}; nothing was stored."
            )

    def _join_there(self, other: PairMatrix) -> None:
        from hypersketch.memories import _gpu_pairs

        near = other._device_index == self._device_index
        joined = _gpu_pairs.joined(self._state, other._state if near else other.to(self.device)._state)
        if not _gpu_pairs.is_finite(joined):
            raise OverflowError(f"The sum would leave {joined.dtype}; nothing was merged.")
        _gpu_pairs.put(self._state, joined)
        at_once(count_of(self, other.n_added))

    def _join(self, other: PairMatrix) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            require_writable(self)
            if self._device_index is not None:
                self._join_there(other)
                return
            with np.errstate(over="ignore"):
                joined = self._state + _memory.host(other._state)
            if not np.isfinite(joined).all():
                raise OverflowError(f"The sum would leave {joined.dtype}; nothing was merged.")
            at_once((self._state, ..., joined), count_of(self, other.n_added))

    def _require_linear(self, action: str) -> None:
        if self.rule == "delta":
            raise ValueError(
                f"There is no way to {action} an OuterProductMemory of rule='delta': what a pair changed "
                "depends on what was stored before it."
            )

    @property
    def _options(self) -> dict[str, float]:
        strength = self._values["strength"] if self.rule == "delta" else 1.0
        return {"strength": strength, "gate": self._values["gate"], "penalty": self._values["ridge"] or 0.0}


def _ridge_solution(products: Rows, penalty: float) -> Rows:
    """Return V^T K (K^T K + penalty)^-1 of the rows of K^T K and V^T K."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

    dim = products.shape[1]
    inner, mixed = products[:dim], products[dim:]
    try:
        factor = cho_factor(inner + penalty * np.eye(dim), lower=True)
        return np.asarray(cho_solve(factor, mixed.T).T)
    except LinAlgError:
        pass
    # Long keys that depend on each other: the penalty is lost in rounding, so what rounding is, counts as 0.
    sizes, axes = eigh(inner)
    noise = dim * np.finfo(np.float64).eps * float(np.abs(sizes).max())
    if sizes[0] < -1e3 * noise:
        raise ValueError(
            "This OuterProductMemory has no solution: pairs were removed from it that had not been stored."
        )
    weights = np.where(sizes > noise, 1.0 / (np.maximum(sizes, noise) + penalty), 0.0)
    return np.asarray((mixed @ axes) * weights @ axes.T)
