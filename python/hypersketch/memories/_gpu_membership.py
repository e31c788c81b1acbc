# SPDX-License-Identifier: Apache-2.0
"""Matrices of keys on a GPU: where keys come from, and what is done to the matrix there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _memory, _validation
from hypersketch._additive import Counters
from hypersketch.keys import host_hashes


class MembershipThere(Counters):
    """What a matrix does on a GPU."""

    _ON_GPU = True

    @classmethod
    def _device_of_degree(cls, degree: int, device: object) -> int | None:
        """Return the index of a GPU, which has no kernels for tensors."""
        index = cls._device_for(device)
        if index is not None and degree > 2:
            must = "'cpu' with a degree above 2, which has no GPU kernels"
            _validation.refuse(cls.__name__, "device", must, device)
        return index

    def _moved(self, device: int | None) -> Any:
        self._device_of_degree(self._values["degree"], _device.name_of(device))
        return super()._moved(device)

    def _hashed(self, verb: str, keys: Any, threads: int | None) -> Any:
        """Return the hashes of keys, in host memory or on the GPU of the matrix."""
        if not _device.is_on_gpu(keys) or self._device_index is None:
            return host_hashes(keys, threads)
        return _device_keys.hashed_words(f"{type(self).__name__}.{verb}", keys)

    def _batch(self, owner: str, hashes: Any) -> Any:
        if not isinstance(hashes, _device_keys.Words):
            if not _device.is_on_gpu(hashes):
                return _validation.hashes(owner, hashes)
            hashes = _device_keys.hashes_of(owner, hashes)
        _device.require_near(owner, "keys", hashes.seen, self._device_index)
        return hashes

    def _add_there(self, batch: Any, weights: NDArray[np.int64] | None, sign: int, threads: int) -> None:
        """Add keys, with which their weights go."""
        cuda, stream = _device.module(), _device.chosen_stream()
        shape = self._state.memory, self._values["dim"], self._values["seed"]

        def change(keys: Any, mine: NDArray[np.int64] | None) -> int:
            if mine is None or isinstance(keys, np.ndarray):
                return int(cuda.membership_add(*shape, keys, mine, stream, threads))
            sent = _memory.moved(mine, self._device_index)
            found = cuda.membership_add(*shape, keys, sent.view().span(), stream, threads)
            sent.mark(keys.stream)
            return int(found)

        self._add_chunks(change, batch, weights, sign=sign, pieces=_device_keys.pieces(batch))

    def _scores_there(self, owner: str, batch: Any, trace: int, threads: int) -> Any:
        """Return scores in host memory for keys from there, and otherwise in an array like the keys'."""
        cuda, stream, dim = _device.module(), _device.chosen_stream(), self._values["dim"]
        shape = self._state.memory, trace, dim, self._values["seed"]
        if isinstance(batch, np.ndarray):
            scores = np.empty(batch.size, np.int64)
            for part in _device_keys.pieces(batch):
                cuda.membership_scores(*shape, batch[part], scores[part], stream, threads)
            return scores / dim**2
        from hypersketch import _device_search

        made = _device.target(owner, None, (batch.size,), np.int64, batch.seen)
        if batch.size:
            cuda.membership_scores(*shape, batch[:], made.whole(), stream, threads)
        return _device_search.of_host(made.seen.to_host() / dim**2, batch.seen).finished()

    def _reaching(self, scores: Any, limit: float) -> Any:
        """Return which scores reach a threshold, in an array of their kind."""
        if isinstance(scores, np.ndarray):
            return scores >= limit
        from hypersketch import _device_search

        like = _device.view(f"{type(self).__name__}.contains", "keys", scores)
        return _device_search.of_host(like.to_host() >= limit, like).finished()
