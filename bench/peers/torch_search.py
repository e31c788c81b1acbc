# SPDX-License-Identifier: Apache-2.0
"""Exact search on a GPU by what people use for it: torch's bfloat16 matrix product and topk, in pieces."""

from __future__ import annotations

from typing import Any

from peers import Missing, name_of

_ROWS, _QUERIES = 1 << 20, 512
"""Of a product: 1 GiB of scores in bfloat16."""


class TorchSearch:
    """Rows as bfloat16 numbers on a GPU; more alike is a larger inner product."""

    def __init__(self, rows: Any, device: int) -> None:
        """Take rows of float32, or packed ones of uint64, which become -1 and +1."""
        self.name = name_of("torch") + " bf16 matmul, topk"
        import torch

        if not torch.cuda.is_available():
            raise Missing("torch sees no GPU")
        n_bytes = 2 * rows.size * (8 * rows.itemsize if rows.dtype.kind == "u" else 1)
        if torch.cuda.mem_get_info(device)[0] < 1.5 * n_bytes + (4 << 30):
            raise Missing(
                f"torch would need {n_bytes >> 30} GiB of the GPU's memory for rows, and some for scores"
            )
        self._torch: Any = torch
        self._device = f"cuda:{device}"
        self._rows = self._numbers(rows)

    def _numbers(self, rows: Any) -> Any:
        torch = self._torch
        if rows.dtype.kind == "f":
            return torch.from_numpy(rows).to(self._device, torch.bfloat16)
        packed = torch.from_numpy(rows.view("u1")).to(self._device)
        made = torch.empty((len(rows), 8 * packed.shape[1]), dtype=torch.bfloat16, device=self._device)
        for first in range(0, len(rows), _ROWS):
            part = slice(first, first + _ROWS)
            for bit in range(8):
                made[part, bit::8] = 1 - 2 * ((packed[part] >> bit) & 1).to(torch.bfloat16)
        return made

    def queries(self, queries: Any) -> Any:
        """Return queries where and as they are asked."""
        return self._numbers(queries)

    def nearest(self, queries: Any, k: int) -> Any:
        """Return the k best rows of each query, as far as bfloat16 scores tell."""
        torch, found = self._torch, []
        for start in range(0, len(queries), _QUERIES):
            asked = queries[start : start + _QUERIES]
            scores, places = [], []
            for first in range(0, len(self._rows), _ROWS):
                part = self._rows[first : first + _ROWS]
                best = torch.topk(asked @ part.T, min(k, len(part)), dim=1)
                scores.append(best.values)
                places.append(best.indices + first)
            chosen = torch.topk(torch.cat(scores, dim=1), k, dim=1).indices
            found.append(torch.gather(torch.cat(places, dim=1), 1, chosen))
        return torch.cat(found)
