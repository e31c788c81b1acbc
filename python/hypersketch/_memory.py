# SPDX-License-Identifier: Apache-2.0
"""Memory of states, the host's (see cpp/bindings/memory.cpp) or a GPU's, and what is done to whole states."""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device

State: TypeAlias = Any
"""A one-dimensional NumPy array or `hypersketch.cuda.DeviceArray`."""


def zeros(size: int, dtype: type[np.generic] | np.dtype[Any], device: int | None = None) -> State:
    """Return a new one-dimensional array of zeros: aligned to cache lines, in huge pages when large."""
    n_bytes = size * np.dtype(dtype).itemsize
    if device is not None:
        from hypersketch._device_array import DeviceArray

        return DeviceArray.zeros(size, dtype, device)
    try:
        return _core.zeros(n_bytes).view(dtype)
    except MemoryError:
        raise MemoryError(f"The system has no memory for a state of {n_bytes} bytes.") from None


def on_gpu(state: State) -> bool:
    """Whether a state lies on a GPU."""
    return not isinstance(state, np.ndarray)


def device_of(state: State) -> int | None:
    """Return the index of a state's GPU; None for host memory."""
    return int(state.memory.device) if on_gpu(state) else None


def reshaped(state: State, shape: tuple[int, ...]) -> State:
    """Return the same memory in another shape."""
    if not on_gpu(state):
        return state.reshape(shape)
    from hypersketch._device_array import DeviceArray

    return DeviceArray(state.memory, shape, state.dtype)


def host(state: State) -> NDArray[Any]:
    """Return the state in host memory: itself, or a copy of one on a GPU."""
    array: NDArray[Any] = np.asarray(state)
    return array


def is_alone(state: State) -> bool:
    """Whether the memory is NumPy's or this module's: others may change what was mapped or is a buffer."""
    if on_gpu(state):
        return True
    base: Any = state
    while isinstance(base, np.ndarray):
        base = base.base
    return base is None or type(base).__name__ == "PyCapsule"


def is_mapped(state: State) -> bool:
    """Whether the memory is a mapped file or mapped shared memory."""
    base: Any = state
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return isinstance(base, mmap)


def is_writable(state: State) -> bool:
    """Whether the state can be changed."""
    return on_gpu(state) or bool(state.flags.writeable)


def copied(state: State) -> State:
    """Return a copy of a one-dimensional state in memory of its own, which can be changed."""
    return moved(state, device_of(state))


def moved(state: State, device: int | None) -> State:
    """Return such a copy on a device."""
    if on_gpu(state) and device is not None:
        return state.copied(device)
    if device is not None:
        from hypersketch._device_array import DeviceArray

        return DeviceArray.of(state, device)
    twin = zeros(state.size, state.dtype)
    twin[:] = host(state)
    return twin


def beside(state: State, other: State) -> State:
    """Return another state, or a copy of it, that lies where this one does."""
    if not on_gpu(state):
        return host(other)
    return other if device_of(other) == device_of(state) else moved(other, device_of(state))


# ---- changes: a compiled function and its arguments, for `Structure._commit`

Change: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


def clearing(state: State) -> Change:
    """Set all to zero."""
    if on_gpu(state):
        return state.memory.clear, (_device.chosen_stream(),)
    return state.fill, (0,)


def combining(operation: np.ufunc, state: State, other: State) -> Change:
    """Put what ``operation`` makes of two states of one size into the first one."""
    theirs = beside(state, other)
    if not on_gpu(state):
        return operation, (state, theirs, state)
    cuda, stream = _device.module(), _device.chosen_stream()
    both = state.memory, theirs.memory
    if operation in (np.bitwise_or, np.bitwise_and):
        return (cuda.unite if operation is np.bitwise_or else cuda.intersect), (*both, stream)
    return cuda.combine_cells, (*both, state.dtype.name, operation is np.add, stream)


# ---- looks


def ones(state: State) -> int:
    """Return the number of set bits."""
    if on_gpu(state):
        return int(_device.module().popcount(state.memory, _device.chosen_stream()))
    return int(_core.popcount(state))


def ones_of_either(state: State, other: State) -> int:
    """Return the number of bits that are set in either of two states."""
    if on_gpu(state) and device_of(state) == device_of(other):
        stream = _device.chosen_stream()
        return int(_device.module().popcount_or(state.memory, other.memory, stream))
    return int(_core.popcount_or(host(state), host(other)))


def exact_product(state: State, other: State) -> int | None:
    """Return the inner product of int32 states, one on a GPU, or None where doubles may round."""
    if state.size == 0:
        return 0
    theirs = beside(state, other)
    most = [max(-int(least), int(most)) for least, most in map(extremes, (state, theirs))]
    if most[0] * most[1] * state.size >= 2**53:
        return None
    stream = _device.chosen_stream()
    spans = []
    for one in (state, theirs):
        one.mark(stream)
        spans.append(one.memory.span(one.size, stream))
    return int(_device.module().inner_product(*spans))  # which waits


def extremes(state: State) -> tuple[Any, Any]:
    """Return the smallest and the largest element of a state that has some."""
    if on_gpu(state):
        least, most = _device.module().extremes(state.memory, state.dtype.name, _device.chosen_stream())
        return state.dtype.type(least), state.dtype.type(most)
    return state.min(), state.max()
