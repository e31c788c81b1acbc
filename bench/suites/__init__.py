# SPDX-License-Identifier: Apache-2.0
"""One file a suite. Each has a function rows(repeats) that measures and returns the lines of its table."""

SUITES = (
    "capacity",
    "sweep",
    "bundle",
    "packed",
    "search",
    "items",
    "spaces",
    "encoders",
    "structures",
    "language",
    "resonator",
    "learning",
    "hash",
    "sketches_bloom",
    "sketches_count",
    "projections",
    "cuda",
)
GROUPS = {
    "sketches": ("hash", "sketches_bloom", "sketches_count", "projections"),
    "vsa": ("bundle", "packed", "search", "items", "spaces", "encoders", "language"),
    "vsa": ("bundle", "packed", "search", "items", "spaces", "structures", "language"),
    "vsa": ("bundle", "packed", "search", "items", "spaces", "language", "resonator"),
    "vsa": ("sweep", "bundle", "packed", "search", "items", "spaces", "language"),
    "vsa": ("bundle", "packed", "search", "items", "spaces", "language", "learning"),
}
