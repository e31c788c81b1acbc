# SPDX-License-Identifier: Apache-2.0
"""What count sketches and Count-Min sketches share: d rows of w cells of one type, their range, estimates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _device_keys, _memory, _threads, _validation
from hypersketch._additive import Additive
from hypersketch._stored import Tally
from hypersketch._structure import chunks, dot
from hypersketch.sketches._candidates import Batch, batch_of

WIDTH = _validation.within(1, 2**32 - 1)
DEPTH = _validation.within(1, 64)
BYTES = _validation.within(1, 2**62)
Cells: TypeAlias = (
    Literal["int32", "int64", "float32", "float64"]
    | np.dtype[np.int32 | np.int64 | np.float32 | np.float64]
    | type[np.int32 | np.int64 | np.float32 | np.float64]
)
"""How the type of cells is given."""
DTYPES: dict[str, type[np.generic]] = {
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
    "float64": np.float64,
}
_DTYPE = _validation.one_of(*DTYPES)


def DTYPE(owner: str, name: str, value: object) -> str:
    """Return the name of a type of cells, given as such, as a dtype or as a scalar type of NumPy."""
    if isinstance(value, np.dtype) and value.isnative:
        value = value.name
    elif isinstance(value, type) and value in DTYPES.values():
        value = np.dtype(value).name
    return str(_DTYPE(owner, name, value))


_Rows = TypeVar("_Rows", bound="RowCells")


class RowCells(Additive):
    """A structure in which every key owns one cell in each of d rows of w."""

    _SIGNED: ClassVar[bool]

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["width"] * parameters["depth"], DTYPES[parameters["dtype"]]

    @staticmethod
    @abstractmethod
    def _dimensions(eps: float, delta: float) -> tuple[int, int]:
        """Return the least width and depth for an error and the probability of a larger one."""

    @classmethod
    def _of(cls: type[_Rows], *, device: object = "cpu", **given: object) -> _Rows:
        made = object.__new__(cls)
        made._fill(cls._checked(**given), None, Tally(), cls._device_for(device))
        return made

    @classmethod
    def _of_error(cls: type[_Rows], eps: object, delta: object, **others: object) -> _Rows:
        """Return the smallest sketch whose estimates are that good."""
        owner = f"{cls.__name__}.for_error"
        error = _validation.positive(owner, "eps", eps)
        width, depth = cls._dimensions(error, _validation.probability(owner, "delta", delta))
        return cls._of(width=width, depth=depth, **others)

    @classmethod
    def _of_memory(
        cls: type[_Rows], n_bytes: object, depth: object, dtype: object, **others: object
    ) -> _Rows:
        """Return the widest sketch whose rows fit the bytes."""
        owner = f"{cls.__name__}.for_memory"
        size = np.dtype(DTYPES[DTYPE(owner, "dtype", dtype)]).itemsize * DEPTH(owner, "depth", depth)
        most = BYTES(owner, "n_bytes", n_bytes)
        if most < size:
            _validation.refuse(owner, "n_bytes", f"at least {size}, one cell a row", most)
        return cls._of(width=min(most // size, 2**32 - 1), depth=depth, dtype=dtype, **others)

    def _fill(
        self, parameters: dict[str, Any], state: _memory.State | None, tally: Tally, device: int | None = None
    ) -> None:
        super()._fill(parameters, state, tally, device)
        shape = (parameters["width"], parameters["depth"], parameters["seed"], self._SIGNED)
        self._rule = _core.Sketch(*shape, bool(parameters.get("conservative")))
        if _memory.on_gpu(self._state):
            self._shape_on_gpu = _device.module().SketchShape(*shape)

    # ---- looks

    @property
    def width(self) -> int:
        """Number w of cells a row.

        >>> import hypersketch
        >>> hypersketch.CountSketch(1024, 5).width
        1024
        """
        return int(self._values["width"])

    @property
    def depth(self) -> int:
        """Number d of rows.

        >>> import hypersketch
        >>> hypersketch.CountSketch(1024, 5).depth
        5
        """
        return int(self._values["depth"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the cells.

        >>> import hypersketch
        >>> hypersketch.CountSketch(1024, 5, dtype="float32").dtype
        dtype('float32')
        """
        dtype: np.dtype[Any] = self._state.dtype
        return dtype

    @property
    def _integral(self) -> bool:
        return bool(self._state.dtype.kind == "i")

    @property
    def _most(self) -> Any:
        if self._integral:
            return int(np.iinfo(self._state.dtype).max)
        return float(np.finfo(self._state.dtype).max)

    def _rows(self) -> NDArray[Any]:
        return _memory.host(self._state).reshape(self.depth, self.width)

    # ---- ranges

    def _fits(self, bound: Any) -> bool:
        # Sums of floats are rounded, so they keep a margin.
        return bool(bound <= (self._most if self._integral else self._most / 2))

    def _largest(self) -> Any:
        if self._integral:
            return super()._largest()
        least, most = _memory.extremes(self._state)
        return float(max(-least, most))

    def _require_room(self, batch: Batch, weights: Any) -> None:
        """Refuse a batch that would make a cell leave its range, at the end or on the way."""
        if self._is_far_from_full(tally_of(batch.words.size, weights).bound):
            return
        cells, words = _memory.host(self._state), _device_keys.host(batch.words)
        mine = None if weights is None else _device_keys.host(weights)
        if not _core.sketch_fits(cells, self._rule, words, mine, batch.hashed):
            self._overflow()

    def _overflow(self) -> None:
        raise OverflowError(
            f"A cell of this {type(self).__name__} would leave the range of {self._state.dtype} "
            f"(magnitudes up to {self._most})."
        )

    # ---- answers

    def estimate(self, keys: Any, *, threads: int | None = None) -> NDArray[Any]:
        """Estimate the total weight that each key was added with.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of int64 or float64, shape (n,)
            The estimates: int64 for integer cells, float64 for float cells and for count sketches of even
            depth, whose middle two rows are averaged.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(1024, 5)
        >>> sketch.add(["apple", "pear"], weights=[30, 20])
        >>> sketch.estimate(["apple", "pear", "plum"])
        array([30, 20,  0])
        """
        owner = f"{type(self).__name__}.estimate"
        batch = self._near(owner, keys) or batch_of(keys, threads, False)
        return self._estimate(batch.words, batch.hashed, _threads.resolve(owner, threads))

    def estimate_hashes(self, hashes: NDArray[np.uint64], *, threads: int | None = None) -> NDArray[Any]:
        """Estimate the weights of keys by their hashes; otherwise as `estimate`.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returns for the keys with seed 0.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of int64 or float64, shape (n,)
            The estimates, as `estimate` returns them.

        Raises
        ------
        TypeError
            When the hashes are no such array.

        Examples
        --------

        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(1024, 5)
        >>> sketch.estimate_hashes(hypersketch.hash_keys(["a"]))
        array([0])
        """
        owner = f"{type(self).__name__}.estimate_hashes"
        n_threads = _threads.resolve(owner, threads)
        batch = self._near(owner, hashes, hashed=True)
        if batch is not None:
            return self._estimate(batch.words, True, n_threads)
        return self._estimate(_validation.hashes(owner, hashes), True, n_threads)

    def _near(self, owner: str, keys: Any, hashed: bool = False) -> Batch | None:
        """Return the batch of keys on the state's GPU; None for keys in host memory."""
        if not _device.is_on_gpu(keys):
            return None
        words, done = (
            (_device_keys.hashes_of(owner, keys), True) if hashed else _device_keys.words_of(owner, keys)
        )
        _device.require_near(owner, "keys", words.seen, self._device_index)
        return Batch(words, done)

    def _estimate(self, words: Any, hashed: bool, threads: int) -> NDArray[Any]:
        whole = self._integral and not (self._SIGNED and self.depth % 2 == 0)
        dtype = np.int64 if whole else np.float64
        if _memory.on_gpu(self._state):
            answers: NDArray[Any] = self._estimate_on_gpu(words, hashed, dtype, threads)
            return answers
        estimates: NDArray[Any] = np.empty(words.size, dtype)
        for part in chunks(words.size, self.depth):
            _core.sketch_estimate(self._state, self._rule, words[part], hashed, estimates[part], threads)
            if not whole:
                estimates[part] += 0.0  # an empty cell times a sign of -1 is -0.0
        return estimates

    def _estimate_on_gpu(self, words: Any, hashed: bool, dtype: type[np.generic], threads: int) -> Any:
        owner, stream = f"{type(self).__name__}.estimate", _device.chosen_stream()
        estimates: Any = np.empty(words.size, dtype)
        if not isinstance(words, np.ndarray):
            estimates = _device.target(owner, None, (words.size,), dtype, words.seen)
        cuda, sketch = _device.module(), (self._state.memory, self.dtype.name, self._shape_on_gpu)
        function = cuda.sketch_estimate_i64 if dtype is np.int64 else cuda.sketch_estimate_f64
        for part in _device_keys.pieces(words):
            function(*sketch, words[part], estimates[part], hashed, stream, threads)
        return _device.result(estimates)

    def _row_products(self, other: Any) -> NDArray[np.float64]:
        self._require_same(other, "inner")
        with np.errstate(over="ignore", invalid="ignore"):  # of huge floats: infinite, or nan
            return np.array([dot(a, b) for a, b in zip(self._rows(), other._rows(), strict=True)])


def tally_of(n: int, weights: Any) -> Tally:
    """Return what n keys of these weights add to the counts; exact for integers of any size."""
    if weights is None:
        return Tally(n_added=n, total_weight=n, bound=n)
    if not isinstance(weights, np.ndarray):
        tally: Tally = weights.tally
        return tally
    sizes = np.abs(weights)
    if weights.dtype.kind == "f":
        return Tally(n_added=n, total_weight=float(weights.sum()), bound=float(sizes.sum()))
    if n == 0 or n * int(sizes.max()) < 2**63:
        return Tally(n_added=n, total_weight=int(weights.sum()), bound=int(sizes.sum()))
    return Tally(n_added=n, total_weight=_exact_sum(weights), bound=_exact_sum(sizes))


def _exact_sum(values: NDArray[np.int64]) -> int:
    """Return the sum of fewer than 2**31 integers of 64 bits, by halves that cannot overflow."""
    return int((values >> 32).sum()) * 2**32 + int((values & 0xFFFFFFFF).sum())
