# SPDX-License-Identifier: Apache-2.0
"""The GPUs of this machine, and whether hypersketch can use them.

The GPU half is a second compiled module. It is loaded when something here is called, never by
``import hypersketch``, and it needs no CUDA library at run time but the driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

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
    ...     print(hypersketch.cuda.devices()[0].name)
    """
    module = _module()
    if module is None:
        raise RuntimeError(_NOT_BUILT)
    return [Device(index, *found) for index, found in enumerate(module.devices())]
