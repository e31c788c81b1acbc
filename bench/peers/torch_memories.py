# SPDX-License-Identifier: Apache-2.0
"""Associative memories on a GPU as people write them with torch: matrix products in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peers import Missing, name_of


class TorchMemories:
    """Arrays on a GPU, and what one update or one read is there."""

    def __init__(self, device: int) -> None:
        self.name = name_of("torch") + " float32"
        import torch

        if not torch.cuda.is_available():
            raise Missing("torch sees no GPU")
        self._torch: Any = torch
        self._device = f"cuda:{device}"

    def there(self, array: Any) -> Any:
        """Return an array on the GPU as float32."""
        return self._torch.from_numpy(array).to(self._device, self._torch.float32)

    def update(self, patterns: Any, states: Any, weigh: Callable[[Any], Any]) -> Any:
        """Update all units of states once: overlaps, their weights, and the signs of the fields."""
        weights = weigh(states @ patterns.T)
        return self._torch.sign(weights @ patterns)

    def pairs(self, keys: Any, values: Any) -> Any:
        """Return the matrix of pairs."""
        return values.T @ keys

    def answers(self, matrix: Any, queries: Any) -> Any:
        """Return what a matrix answers."""
        return queries @ matrix.T

    def located(self, locations: Any, counters: Any, asked: Any, radius: int) -> Any:
        """Return the sums of the counters of all locations within a radius of addresses, all of -1 and +1."""
        active = asked @ locations.T >= locations.shape[1] - 2 * radius
        return active.to(self._torch.float32) @ counters
