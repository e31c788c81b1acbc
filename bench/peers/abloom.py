# SPDX-License-Identifier: Apache-2.0
"""abloom (pypi.org/project/abloom): a split-block filter in C that takes lists of Python objects."""

from __future__ import annotations

from peers import name_of
from peers.blooms import ListFilter


class Abloom(ListFilter):
    """A filter for n keys at 1 %."""

    def __init__(self, n: int) -> None:
        name = name_of("abloom")
        import abloom

        super().__init__(name, lambda: abloom.BloomFilter(n, 0.01))

    def nbytes(self) -> int:
        return int(self._filter.bit_count) // 8
