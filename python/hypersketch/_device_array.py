# SPDX-License-Identifier: Apache-2.0
"""Arrays that hypersketch itself keeps on a GPU, and strings there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation

if TYPE_CHECKING:
    from hypersketch import _cuda

_DLPACK_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}


class DeviceArray:
    """An array in the memory of a GPU: a state there, or an answer to keys of a library that we do not know.

    Other libraries take it without a copy, by ``__cuda_array_interface__`` or ``__dlpack__`` (with
    ``torch.from_dlpack``, ``cupy.asarray``, ``numba.cuda.as_cuda_array``); ``numpy.asarray`` copies it to
    host memory.

    Examples
    --------
    >>> import hypersketch, numpy
    >>> if hypersketch.cuda.available():
    ...     seen = hypersketch.BloomFilter(n_bits=256, device="cuda")
    ...     assert not numpy.asarray(seen.state).any()
    """

    def __init__(self, memory: _cuda.Memory, shape: tuple[int, ...], dtype: Any) -> None:
        self.memory = memory
        self._shape = shape
        self._dtype: np.dtype[Any] = np.dtype(dtype)

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: Any, device: int) -> DeviceArray:
        """Return a new array of whatever the memory held.

        >>> from hypersketch import cuda
        >>> cuda.DeviceArray.empty((2,), "int64", 0).shape if cuda.available() else (2,)
        (2,)
        """
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        return cls(_device.module().empty(device, n_bytes), shape, dtype)

    @classmethod
    def zeros(cls, size: int, dtype: Any, device: int) -> DeviceArray:
        """Return a new one-dimensional array of zeros.

        >>> import numpy
        >>> from hypersketch import cuda
        >>> print(numpy.asarray(cuda.DeviceArray.zeros(2, "int64", 0)) if cuda.available() else "[0 0]")
        [0 0]
        """
        n_bytes = size * np.dtype(dtype).itemsize
        return cls(_device.module().zeros(device, n_bytes), (size,), dtype)

    @classmethod
    def of(cls, array: NDArray[Any], device: int) -> DeviceArray:
        """Return a copy of an array of host memory.

        >>> import numpy
        >>> from hypersketch import cuda
        >>> cuda.DeviceArray.of(numpy.arange(3), 0).size if cuda.available() else 3
        3
        """
        data = np.ascontiguousarray(array)
        memory = _device.module().from_host(device, data.reshape(-1).view(np.uint8))
        return cls(memory, array.shape, array.dtype)

    def copied(self, device: int) -> DeviceArray:
        """Return a copy on this or another GPU."""
        return DeviceArray(self.memory.copied(device, _device.chosen_stream()), self._shape, self._dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of elements along each axis."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self._dtype

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * self._dtype.itemsize

    @property
    def device(self) -> str:
        """The GPU, as ``cuda:0``."""
        return _device.name_of(self.memory.device)

    def __len__(self) -> int:
        return self._shape[0]

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self._shape}, dtype={self._dtype.name!r}, device={self.device!r})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("An array on a GPU cannot be a NumPy array without a copy.")
        host: NDArray[Any] = np.empty(self._shape, self._dtype)
        self.memory.to_host(host.reshape(-1).view(np.uint8), _device.chosen_stream())
        return host if dtype is None else host.astype(dtype, copy=False)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self.memory.ready(1)
        return {
            "shape": self._shape,
            "typestr": self._dtype.str,
            "data": (self.memory.pointer, False),
            "strides": None,
            "stream": 1,
            "version": 3,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.memory.device

    def __dlpack__(self, *, stream: int | None = None, **_: object) -> object:
        if stream != -1:  # the caller wants no synchronization
            self.memory.ready(1 if stream is None else stream)
        code, bits = _DLPACK_CODES[self._dtype.kind], 8 * self._dtype.itemsize
        return _device.module().to_dlpack(self.memory.span(self.size, 0), self._shape, code, bits, self)

    def mark(self, stream: int) -> None:
        """Note that a stream used this: others will wait for it."""
        self.memory.ready(stream)

    def view(self) -> _device.View:
        """Return how the library sees this."""
        stream = _device.chosen_stream()
        self.memory.ready(stream)
        strides = tuple(_device._row_major(self._shape, self._dtype.itemsize))
        pointer, device = self.memory.pointer, self.memory.device
        return _device.View(pointer, self._shape, strides, self._dtype, device, stream, None, True, self)


def room(shape: tuple[int, ...], dtype: Any, like: _device.View) -> _device.View:
    """Return new memory of ours beside an array, for the stream on which that is ready."""
    made = DeviceArray.empty(shape, dtype, like.device).view()
    return made._replace(stream=like.stream)


class Passing:
    """Arrays that a call needs on a GPU, for as long as it takes: of a pool, in the order of its stream."""

    def __init__(self, device: int, stream: int) -> None:
        self._place = device, stream
        self._kept: list[Any] = []

    def span(self, array: NDArray[Any]) -> Any:
        """Return a copy of an array of host memory."""
        made = self._take(array.nbytes)
        made.from_host(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
        return made.span(array.size)

    def empty(self, n: int, dtype: Any) -> Any:
        """Return n elements of anything."""
        return self._take(n * np.dtype(dtype).itemsize).span(n)

    def _take(self, n_bytes: int) -> Any:
        made = _device.module().Passing(n_bytes, *self._place)
        self._kept.append(made)
        return made


class Strings:
    """Strings on a GPU, as in an Arrow column: string i is the bytes ``offsets[i]`` to ``offsets[i + 1]``.

    Parameters
    ----------
    offsets : array of int32 or int64 on a GPU, shape (n + 1,)
        Where each string begins, and where the last one ends.
    data : array of uint8 or int8 on the same GPU
        The bytes of all strings, UTF-8 where they are to equal ``str`` keys.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not such ones. The offsets themselves are checked when they are used.

    Examples
    --------
    >>> import hypersketch, numpy
    >>> from hypersketch import cuda
    >>> if cuda.available():
    ...     offsets = cuda.DeviceArray.of(numpy.array([0, 5, 9]), 0)
    ...     letters = cuda.DeviceArray.of(numpy.frombuffer(b"applepear", numpy.uint8), 0)
    ...     hashes = hypersketch.hash_keys(cuda.Strings(offsets, letters))
    ...     assert (numpy.asarray(hashes) == hypersketch.hash_keys(["apple", "pear"])).all()
    """

    def __init__(self, offsets: Any, data: Any) -> None:
        self._arrays = offsets, data
        starts, content = self.views()
        if starts.dtype not in (np.int32, np.int64) or len(starts.shape) != 1 or starts.size == 0:
            came = f"{starts.dtype} of shape {starts.shape}"
            _validation.refuse("Strings", "offsets", "int32 or int64 of shape (n + 1,)", came, TypeError)
        if content.dtype not in (np.uint8, np.int8) or len(content.shape) != 1:
            came = f"{content.dtype} of shape {content.shape}"
            _validation.refuse("Strings", "data", "bytes of one axis", came, TypeError)
        if content.size and content.device != starts.device:
            _validation.refuse(
                "Strings", "data", f"on {_device.name_of(starts.device)}", _device.name_of(content.device)
            )

    def views(self) -> tuple[_device.View, _device.View]:
        """Return how the library sees the arrays."""
        views = []
        for name, array in zip(("offsets", "data"), self._arrays, strict=True):
            if not _device.is_on_gpu(array):
                _validation.refuse("Strings", name, "an array on a GPU", type(array), TypeError)
            seen = _device.view("Strings", name, array)
            if not seen.is_contiguous:
                _validation.refuse("Strings", name, "contiguous", array)
            views.append(seen)
        offsets, data = views
        return offsets, data._replace(device=offsets.device) if data.size == 0 else data

    def __len__(self) -> int:
        return self.views()[0].size - 1
