# SPDX-License-Identifier: Apache-2.0
"""The GPUs of this machine, and whether hypersketch can use them.

The GPU half is a second compiled module. It is loaded when something here is called, never by
``import hypersketch``, and it needs no CUDA library at run time but the driver.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hypersketch import _device, _validation
from hypersketch._device_array import DeviceArray, Strings

__all__ = ["Device", "DeviceArray", "Strings", "available", "devices", "require", "stream", "why_not"]

_NOT_BUILT = (
    "hypersketch was built without its GPU half. With CUDA's compiler nvcc on the PATH, "
    "`pip install . -C cmake.define.HYPERSKETCH_CUDA=ON` builds it."
)


@dataclass(frozen=True)
class Device:
    """One GPU."""

    index: int
    name: str
    capability: tuple[int, int]
    """Major and minor version of its architecture."""
    memory: int
    """Bytes."""
    processors: int
    """Streaming multiprocessors."""


def _module() -> ModuleType | None:
    """Return the compiled module, or None where it was not built."""
    try:
        from hypersketch import _cuda
    except ImportError:
        return None
    return _cuda


def why_not() -> str | None:
    """Say why no GPU can be used.

    Returns
    -------
    str or None
        One sentence, or None where a GPU can be used: the GPU half was not built, no driver, a driver that is
        too old, no device, a device that is too old.

    Examples
    --------
    >>> import hypersketch.cuda
    >>> reason = hypersketch.cuda.why_not()
    >>> reason is None or reason.endswith((".", "!", "?"))
    True
    """
    module = _module()
    return _NOT_BUILT if module is None else module.why_not() or None


def available() -> bool:
    """Tell whether a GPU can be used; `why_not` says why not.

    >>> import hypersketch.cuda
    >>> hypersketch.cuda.available() == (hypersketch.cuda.why_not() is None)
    True
    """
    return why_not() is None


def devices() -> list[Device]:
    """Return the GPUs of this machine in the driver's order.

    Returns
    -------
    list of Device
        Name, compute capability, bytes of memory and number of multiprocessors of each.

    Raises
    ------
    RuntimeError
        Where no GPU can be used, with the sentence of `why_not`.

    Examples
    --------
    >>> import hypersketch.cuda
    >>> if hypersketch.cuda.available():
    ...     assert hypersketch.cuda.devices()[0].memory > 0
    """
    return [Device(index, *found) for index, found in enumerate(require().devices())]


def require() -> Any:
    """Return the compiled GPU half where a GPU can be used.

    Raises
    ------
    RuntimeError
        Where none can be, with the sentence of `why_not`.

    Examples
    --------
    >>> import hypersketch.cuda
    >>> if hypersketch.cuda.available():
    ...     assert hypersketch.cuda.require().devices()
    """
    if _usable:
        return _usable[0]
    reason = why_not()
    if reason is not None:
        raise RuntimeError(reason)
    _usable.append(_module())
    return _usable[0]


_usable: list[ModuleType | None] = []
"""The module, once a GPU was found."""


@contextlib.contextmanager
def stream(handle: int) -> Iterator[None]:
    """Run what follows on a CUDA stream, in this thread.

    Arrays of PyTorch and CuPy do not need it: calls run on the current stream of their library. It is for
    keys in host memory and for arrays of others.

    Parameters
    ----------
    handle : int
        The stream as CUDA's handle (``stream.handle`` of Numba, ``ptr`` of CuPy, ``cuda_stream`` of PyTorch);
        0 is the default stream, 2 that of the thread.

    Raises
    ------
    TypeError, ValueError
        For anything but an integer >= 0.

    Examples
    --------
    >>> import hypersketch
    >>> with hypersketch.cuda.stream(0):
    ...     hypersketch.cuda.available() == (hypersketch.cuda.why_not() is None)
    True
    """
    number = _validation.integer("cuda.stream", "handle", handle, 0, 2**64 - 1)
    with _device.on_stream(number):
        yield
