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
