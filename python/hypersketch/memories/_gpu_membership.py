# SPDX-License-Identifier: Apache-2.0
"""Matrices and tensors of keys on a GPU: where keys come from, and what is done to the cells there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _memory, _validation
from hypersketch._additive import Counters
from hypersketch._structure import chunks
from hypersketch.keys import host_hashes

_CELLS_AT_ONCE = 1 << 38
"""Times keys, between two looks for Ctrl-C: a fraction of a second."""


class MembershipThere(Counters):
    """What a matrix or tensor does on a GPU."""

    @property
    def _n_products(self) -> int:
        """How many products a score is the mean of."""
        return int(self._values["dim"] ** 2 if self._values["degree"] == 2 else max(1, self._state.size))

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

    def _pieces(self, batch: Any) -> Iterator[slice]:
        """Cut a batch for looks for Ctrl-C."""
        return chunks(batch.size, most=max(255, _CELLS_AT_ONCE // max(1, self._state.size)))

    def _add_there(self, batch: Any, weights: NDArray[np.int64] | None, sign: int, threads: int) -> None:
        """Add keys, with which their weights go."""
        cuda, stream = _device.module(), _device.chosen_stream()
        shape = self._state.memory, *(self._values[name] for name in ("dim", "degree", "seed"))
        has_trace = self._values["degree"] == 2

        def change(keys: Any, mine: NDArray[np.int64] | None) -> int | None:
            if mine is None or isinstance(keys, np.ndarray):
                found = cuda.membership_add(*shape, keys, mine, stream, threads)
            else:
                sent = _memory.moved(mine, self._device_index)
                found = cuda.membership_add(*shape, keys, sent.view().span(), stream, threads)
                sent.mark(keys.stream)
            return int(found) if has_trace else None

        self._add_chunks(change, batch, weights, sign=sign, pieces=self._pieces(batch))

    def _scores_there(self, owner: str, batch: Any, trace: int, threads: int) -> Any:
        """Return scores in host memory for keys from there, and otherwise in an array like the keys'."""
        cuda, stream = _device.module(), _device.chosen_stream()
        shape = self._state.memory, trace, *(self._values[name] for name in ("dim", "degree", "seed"))
        if isinstance(batch, np.ndarray):
            scores = np.empty(batch.size, np.int64)
            for part in self._pieces(batch):
                cuda.membership_scores(*shape, batch[part], scores[part], stream, threads)
            return scores / self._n_products
        from hypersketch import _device_search

        made = _device.target(owner, None, (batch.size,), np.int64, batch.seen)
        for part in self._pieces(batch):
            cuda.membership_scores(*shape, batch[part], made[part], stream, threads)
        return _device_search.of_host(made.seen.to_host() / self._n_products, batch.seen).finished()
