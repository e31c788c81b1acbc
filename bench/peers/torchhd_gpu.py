# SPDX-License-Identifier: Apache-2.0
"""torchhd on a GPU: float32 vectors of -1 and 1, and their sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import Missing, name_of


class TorchhdOnGpu:
    """The same texts and records on the same GPU, by torchhd's own functions."""

    def __init__(self, device: int) -> None:
        self.name = name_of("torch-hd")
        import torch
        import torchhd

        if not torch.cuda.is_available():
            raise Missing("PyTorch here sees no GPU")
        torch.set_grad_enabled(False)
        self._torch: Any = torch
        self._torchhd: Any = torchhd
        self._device = f"cuda:{device}"

    def _vectors(self, rows: NDArray[np.int8]) -> Any:
        made = self._torch.from_numpy(rows).float().to(self._device)
        return self._torchhd.ensure_vsa_tensor(made, "MAP")

    def _numbers(self, values: NDArray[Any]) -> Any:
        return self._torch.from_numpy(values).to(self._device)

    def texts(self, book: NDArray[np.int8], documents: NDArray[np.int64], n: int) -> Any:
        """Return a call that encodes documents of one length, all at once: `torchhd.ngrams` of a batch."""
        letters, tokens = self._vectors(book), self._numbers(documents)
        return lambda: self._torchhd.ngrams(letters[tokens], n)

    def records(self, table: NDArray[np.int8], roles: NDArray[np.int8], levels: NDArray[np.int64]) -> Any:
        """Return a call that binds every record's levels to their roles and sums them."""
        values, keys, which = self._vectors(table), self._vectors(roles), self._numbers(levels)
        return lambda: self._torchhd.multiset(self._torchhd.bind(keys, values[which]))

    def host(self, vectors: Any) -> NDArray[np.float32]:
        """Return vectors in host memory."""
        return np.asarray(vectors.as_subclass(self._torch.Tensor).cpu())
