# SPDX-License-Identifier: Apache-2.0
"""Codebooks in arrays of a GPU that spaces make: what experiments ask of them, with the CPU's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hypersketch import _device
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.capacity.kernels_on_gpu import index_of
from hypersketch.vsa import BSDC

__all__ = ["BookOfArrays"]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class BookOfArrays:
    """The atoms of a codebook on a GPU, and similarities with all of them.

    Parameters
    ----------
    space : MCR, CGR, SparseBlockCodes or BSDC
        The space.
    device : str
        The GPU.
    codebook : array of uint64, shape (N,)
        Hashes of the codewords.
    """

    def __init__(self, space: Any, device: str, codebook: UInt64Array) -> None:
        self.space, self.index, self.hashes = space, index_of(device), codebook
        self.book = self._there(codebook)

    def _there(self, hashes: UInt64Array) -> Any:
        return self.space.atoms_of_hashes(DeviceArray.of(hashes, self.index))

    def _words(self, places: Int64Array) -> Any:
        """Atoms of codewords by their indices, drawn anew."""
        return self._there(self.hashes[places.ravel()])

    def bundle_scores(self, members: Int64Array, starts: Int64Array) -> FloatArray:
        """Similarities of bundles of runs of members."""
        return self._scores(self.space.superpose(self._words(members), starts=starts))

    def value_scores(self, keys: Int64Array, values: Int64Array, asked: int) -> FloatArray:
        """Similarities of what the first keys of each record bring back, of arrays (record, pair)."""
        pairs = self.space.bind(self._words(values), self._words(keys))
        records = self.space.superpose(pairs, starts=np.arange(0, keys.size + 1, keys.shape[1]))
        repeated = DeviceArray.of(np.repeat(np.asarray(records), asked, axis=0), self.index)
        return self._scores(self.space.unbind(repeated, self._words(keys[:, :asked])))

    def _scores(self, rows: Any) -> FloatArray:
        """Similarities of rows with the codebook, a line a row."""
        stream = _device.chosen_stream()
        (n, width), n_words = rows.shape, self.hashes.size
        for array in (rows, self.book):
            array.mark(stream)
        left, right = (_device.Target(one, _device.view("", "rows", one)) for one in (rows, self.book))
        passing, found = Passing(self.index, stream), np.empty((n, n_words))
        for i in range(n):
            scores = passing.empty(n_words, np.float64)
            self._compare(left[i * width : (i + 1) * width], right.whole(), scores)
            scores.to_host(found[i].view(np.uint8))
        return found

    def _compare(self, row: Any, others: Any, scores: Any) -> None:
        space, module = self.space, _device.module()
        if isinstance(space, BSDC):
            module.sparse_overlaps(row, others, space.dim, scores)
        else:
            module.compare_digits(row, others, space.width, space.modulus, bool(space._CIRCLE), scores)
