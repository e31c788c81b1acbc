# SPDX-License-Identifier: Apache-2.0
"""Sketches of sets, multisets and streams: Bloom filters, count sketches, Count-Min sketches."""

from __future__ import annotations

from hypersketch.sketches._cells import CapacityWarning
from hypersketch.sketches.bloom import BloomFilter
from hypersketch.sketches.count_min import CountMinSketch
from hypersketch.sketches.count_sketch import CountSketch
from hypersketch.sketches.counting_bloom import CountingBloomFilter, SaturationWarning
from hypersketch.sketches.scalable_bloom import ScalableBloomFilter

__all__ = [
    "BloomFilter",
    "CapacityWarning",
    "CountMinSketch",
    "CountSketch",
    "CountingBloomFilter",
    "SaturationWarning",
    "ScalableBloomFilter",
]
