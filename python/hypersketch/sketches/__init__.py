# SPDX-License-Identifier: Apache-2.0
"""Sketches of sets and multisets: Bloom filters and counting Bloom filters."""

from __future__ import annotations

from hypersketch.sketches._cells import CapacityWarning
from hypersketch.sketches.bloom import BloomFilter
from hypersketch.sketches.counting_bloom import CountingBloomFilter, SaturationWarning
from hypersketch.sketches.scalable_bloom import ScalableBloomFilter

__all__ = [
    "BloomFilter",
    "CapacityWarning",
    "CountingBloomFilter",
    "SaturationWarning",
    "ScalableBloomFilter",
]
