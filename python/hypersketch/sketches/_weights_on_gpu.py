# SPDX-License-Identifier: Apache-2.0
"""Weights that lie on a GPU, checked there before they are added."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _validation
from hypersketch._stored import Tally
from hypersketch.sketches._rows import tally_of


class WeightsOnGpu:
    """Checked weights of keys on a GPU, one after the other."""

    def __init__(self, seen: _device.View, tally: Tally) -> None:
        self._seen = seen
        self.tally = tally

    @property
    def span(self) -> Any:
        return self._seen.span()

    def __getitem__(self, part: slice) -> WeightsOnGpu:
        assert part == slice(0, self._seen.size)  # what lies on a GPU is not cut
        return self

    def to_host(self) -> NDArray[Any]:
        return self._seen.to_host()


def require_host_weights(owner: str, weights: Any) -> None:
    """Refuse weights on a GPU for keys of host memory."""
    if _device.is_on_gpu(weights):
        _validation.refuse(owner, "weights", "in host memory, where the keys are", "an array on a GPU")


def weights_on_gpu(
    owner: str, weights: Any, words: _device_keys.Words, dtype: np.dtype[Any], least: float | None
) -> WeightsOnGpu:
    """Check weights on the keys' GPU: 64 bits each, one a key, finite, no smaller than ``least``."""
    wanted = np.dtype(np.int64 if dtype.kind == "i" else np.float64)
    must = f"an array of {wanted} and shape ({words.size},) on {_device.name_of(words.seen.device)}"
    if not _device.is_on_gpu(weights):
        _validation.refuse(owner, "weights", must, type(weights), TypeError)
    seen = _device.view(owner, "weights", weights)
    fits = seen.dtype == wanted and seen.shape == (words.size,) and seen.is_contiguous
    if not fits or seen.device != words.seen.device:
        came = f"{seen.dtype} of shape {seen.shape} on {_device.name_of(seen.device)}"
        raise ValueError(f"The 'weights' parameter of {owner} must be {must}. Got {came} instead.")
    _device.behind(words.seen, seen)
    cuda = _device.module()
    summary = (cuda.summarize_i64 if wanted.kind == "i" else cuda.summarize_f64)(seen.span())
    low, high, total, size, all_real = summary
    n = words.size
    if not all_real:
        _validation.refuse(owner, "weights", "finite", "NaN or infinity")
    if n and least is not None and low < least:
        _validation.refuse(owner, "weights", f"at least {least}", low)
    most = int(np.iinfo(dtype).max) if dtype.kind == "i" else float(np.finfo(dtype).max)
    if n and max(-low, high) > most:
        _validation.refuse(owner, "weights", f"at most {most} in magnitude", max(-low, high))
    if wanted.kind == "i" and n and n * max(-low, high) >= 2**63:
        host = seen.to_host()
        return WeightsOnGpu(seen, tally_of(n, host))
    return WeightsOnGpu(seen, Tally(n_added=n, total_weight=total, bound=size))
