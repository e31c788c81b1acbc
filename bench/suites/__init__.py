# SPDX-License-Identifier: Apache-2.0
"""One file a suite. Each has a function rows(repeats) that measures and returns the lines of its table."""

SUITES = (
    "capacity",
    "bundle",
    "packed",
    "search",
    "items",
    "spaces",
    "sweep",
    "encoders",
    "structures",
    "resonator",
    "learning",
    "language",
    "hash",
    "sketches_bloom",
    "sketches_count",
    "projections",
    "retrieval",
    "retrieval_bfloat16",
    "linear_memories",
    "memories_classical",
    "memories_cells",
    "cuda",
)
GROUPS = {
    "sketches": ("hash", "sketches_bloom", "sketches_count", "projections"),
    "memories": SUITES[SUITES.index("retrieval") : SUITES.index("cuda")],
    "vsa": SUITES[SUITES.index("bundle") : SUITES.index("hash")],
}
