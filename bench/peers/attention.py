# SPDX-License-Identifier: Apache-2.0
"""Softmax retrieval by what people use for it: torch's attention and NumPy; sparse separations by entmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of

Floats = NDArray[np.float32]


class TorchAttention:
    """scaled_dot_product_attention with the patterns as keys and values, one thread, without copies.

    In bfloat16 also as two products and a softmax between them, which other instructions may multiply.
    """

    def __init__(self, patterns: Floats, beta: float, dtype: str = "float32", fused: bool = True) -> None:
        self.name = name_of("torch") + (" sdpa" if fused else " matmul")
        import torch

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._dtype: Any = getattr(torch, dtype)
        self._patterns = torch.from_numpy(patterns).to(self._dtype)
        self._beta, self._fused = beta, fused

    def retrieve(self, queries: Floats) -> Floats:
        asked, held = self._torch.from_numpy(queries), self._patterns
        attention = self._torch.nn.functional.scaled_dot_product_attention
        with self._torch.inference_mode():
            if self._fused:
                asked, held = asked.to(self._dtype)[None], held[None]
                states = attention(asked, held, held, scale=self._beta)[0]
            else:
                states = ((asked * self._beta).to(self._dtype) @ held.T).softmax(-1) @ held
            found: Floats = states.float().numpy()
        return found


class NumpyAttention:
    """Two matrix products and an exponential between them, in place, in as many rows as stay in memory."""

    def __init__(self, patterns: Floats, beta: float) -> None:
        self.name = f"NumPy {np.__version__}"
        self._patterns, self._beta = patterns, np.float32(beta)

    def retrieve(self, queries: Floats) -> Floats:
        scores = (queries * self._beta) @ self._patterns.T
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        found: Floats = scores @ self._patterns / scores.sum(axis=1, keepdims=True)
        return found


class Entmax:
    """The package entmax over torch's matrix products, exact."""

    def __init__(self, patterns: Floats, beta: float, alpha: float) -> None:
        self.name = name_of("entmax")
        import entmax
        import torch

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._weights: Any = entmax.sparsemax if alpha == 2.0 else entmax.entmax15
        self._patterns, self._beta = torch.from_numpy(patterns), beta

    def retrieve(self, queries: Floats) -> Floats:
        with self._torch.inference_mode():
            scores = self._torch.from_numpy(queries) @ self._patterns.T * self._beta
            found: Floats = (self._weights(scores, dim=1) @ self._patterns).numpy()
        return found
