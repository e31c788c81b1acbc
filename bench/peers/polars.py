# SPDX-License-Identifier: Apache-2.0
"""polars: Series.hash() of a column."""

from __future__ import annotations

from typing import Any

from peers import name_of


class Polars:
    """polars' Series.hash(), one thread (POLARS_MAX_THREADS must be set before polars is imported)."""

    def __init__(self) -> None:
        self.name = name_of("polars")
        import polars

        self._polars: Any = polars

    def series(self, values: Any) -> Any:
        return self._polars.Series(values)
