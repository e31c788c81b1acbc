# SPDX-License-Identifier: Apache-2.0
"""Encoders: numbers, categories, records and texts as hypervectors of any space."""

from __future__ import annotations

from hypersketch.vsa.encoders.circular import CircularEncoder
from hypersketch.vsa.encoders.level import LevelEncoder
from hypersketch.vsa.encoders.ngrams import NGramEncoder
from hypersketch.vsa.encoders.random_atoms import IdentityEncoder, RandomEncoder
from hypersketch.vsa.encoders.records import RecordEncoder
from hypersketch.vsa.encoders.thermometer import ThermometerEncoder

__all__ = [
    "CircularEncoder",
    "IdentityEncoder",
    "LevelEncoder",
    "NGramEncoder",
    "RandomEncoder",
    "RecordEncoder",
    "ThermometerEncoder",
]
