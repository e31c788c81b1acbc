# SPDX-License-Identifier: Apache-2.0
"""rbloom (pypi.org/project/rbloom): a classic filter in Rust that takes lists of Python objects."""

from __future__ import annotations

from peers import name_of
from peers.blooms import ListFilter


class Rbloom(ListFilter):
    """A filter for n keys at 1 %."""

    def __init__(self, n: int) -> None:
        name = name_of("rbloom")
        import rbloom

        super().__init__(name, lambda: rbloom.Bloom(n, 0.01))

    def nbytes(self) -> int:
        return int(self._filter.size_in_bits) // 8
