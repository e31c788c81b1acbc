# SPDX-License-Identifier: Apache-2.0
"""The GPU half beside the ceilings of the same GPU, which are measured and printed first."""

from __future__ import annotations

import gpu
import harness
from gpu import facts as facts
from harness import Row, note, rate_text
from native import size_name
from suites import (
    _cuda_bloom,
    _cuda_counted,
    _cuda_counting,
    _cuda_counts,
    _cuda_learn,
    _cuda_memories,
    _cuda_more,
    _cuda_reals,
    _cuda_retrieval,
    _cuda_search,
    _cuda_vsa,
)


def rows(repeats: int) -> list[Row]:
    """Every row of the GPU half. Raises `Missing` where there is no GPU."""
    gpu.require()
    scale = gpu.sizes()
    with harness.on_all_cores():  # which copy host keys
        ceilings, clock = gpu.Ceilings(scale), gpu.Clock()
        print(f"{facts()}\n\n{ceilings.table()}\n", flush=True)
        results = [
            note(f"{gpu.CEILINGS[c.name]}, {size_name(c.size)}", f"{rate_text(c.rate)} ({c.variant})")
            for c in ceilings.best.values()
        ]
        for family in (
            _cuda_bloom,
            _cuda_counting,
            _cuda_counts,
            _cuda_more,
            _cuda_search,
            _cuda_vsa,
            _cuda_learn,
            _cuda_memories,
            _cuda_counted,
            _cuda_reals,
            _cuda_retrieval,
        ):
            results += family.rows(repeats, clock, ceilings, scale)
    return results


def closing(results: list[Row]) -> str:
    """The rows that have a bar, in short."""
    barred = [r for r in results if r.bar != "-"]
    return harness.table(barred, columns=("work", "hypersketch", "ratio", "bar"))
