# SPDX-License-Identifier: Apache-2.0
"""Whether there is a GPU, and arrays there, for tests of what runs on one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hypersketch import cuda

REASON = cuda.why_not()
needs_gpu = pytest.mark.skipif(REASON is not None, reason=str(REASON))

SIZES = [0, 1, 31, 32, 33, 63, 64, 65, 1000, 20_003]


def on_gpu(array: Any, device: int = 0) -> cuda.DeviceArray:
    return cuda.DeviceArray.of(np.asarray(array), device)


def keys_of(n: int, seed: int = 0, most: int = 2**62) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-most, most, n)


def same(ours: Any, theirs: Any) -> bool:
    return bool(np.array_equal(np.asarray(ours), np.asarray(theirs)))


def same_bits(ours: Any, theirs: NDArray[Any]) -> bool:
    """Whether type, shape and bits are equal."""
    host = np.asarray(ours)
    return bool(
        host.dtype == theirs.dtype and host.shape == theirs.shape and host.tobytes() == theirs.tobytes()
    )


def same_there(ours: Any, theirs: NDArray[Any]) -> bool:
    """Whether the answer lies on a GPU, and is equal in type, shape and bits."""
    return isinstance(ours, cuda.DeviceArray) and same_bits(ours, theirs)


def require_same_fields(found: Any, expected: Any) -> None:
    """Two answers of memories: every field is equal, with its type."""
    for name, value in vars(expected).items():
        other = np.asarray(getattr(found, name))
        assert value is None or other.dtype == value.dtype, name
        assert value is None or np.array_equal(other, value), name


def outcome(call: Any, *given: Any) -> tuple[Any, str]:
    """Return what a call returns, or the kind of error that it raises."""
    try:
        return call(*given), ""
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        return None, type(error).__name__
