# SPDX-License-Identifier: Apache-2.0
"""Softmax retrieval on a GPU by what people use for it: torch's attention, by the fastest of its backends."""

from __future__ import annotations

import time
from typing import Any

from peers import Missing, name_of

_BACKENDS = ("FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION", "MATH")


class TorchAttentionOnGpu:
    """scaled_dot_product_attention with bfloat16 patterns as keys and values."""

    def __init__(self, patterns: Any, beta: float, device: int) -> None:
        import torch

        if not torch.cuda.is_available():
            raise Missing("torch sees no GPU")
        self._torch: Any = torch
        self._device, self._beta = f"cuda:{device}", beta
        self._patterns = self.queries(patterns)
        self._best: dict[int, Any] = {}
        self.name = name_of("torch") + " sdpa"

    def queries(self, rows: Any) -> Any:
        """Return rows where and as they are asked."""
        return self._torch.from_numpy(rows).to(self._device, self._torch.bfloat16)[None, None]

    def _with(self, backend: Any, asked: Any) -> Any:
        attention = self._torch.nn.functional.scaled_dot_product_attention
        with self._torch.nn.attention.sdpa_kernel(backend), self._torch.inference_mode():
            return attention(asked, self._patterns, self._patterns, scale=self._beta)

    def best(self, asked: Any) -> str:
        """Return which backend answers so many queries soonest; it is used from then on."""
        n, found = asked.shape[2], {}
        kinds = self._torch.nn.attention.SDPBackend
        for name in _BACKENDS:
            backend = getattr(kinds, name)
            try:
                self._with(backend, asked)
                self._torch.cuda.synchronize()
            except RuntimeError:  # it has no kernel for this, or no memory for the scores
                continue
            started = time.perf_counter()
            self._with(backend, asked)
            self._torch.cuda.synchronize()
            found[name] = time.perf_counter() - started
        if not found:
            raise Missing(f"no backend of torch's attention takes {n} queries of this width")
        name = min(found, key=found.__getitem__)
        self._best[n] = getattr(kinds, name)
        return name.lower().replace("_", " ")

    def retrieve(self, asked: Any) -> Any:
        """Return the states."""
        return self._with(self._best[asked.shape[2]], asked)

    def product(self) -> Any:
        """Multiply two square bfloat16 matrices; returns how many multiplications and additions a call is."""
        n = min(8192, self._patterns.shape[2])
        side = self._torch.randn((n, n), device=self._device, dtype=self._torch.bfloat16)
        return (lambda: side @ side), 2 * n**3
