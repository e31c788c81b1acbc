# SPDX-License-Identifier: Apache-2.0
"""Encoders: numbers, categories, records and texts as hypervectors of any space."""

from __future__ import annotations

from hypersketch.vsa.encoders.cells import CellEncoder
from hypersketch.vsa.encoders.circular import CircularEncoder
from hypersketch.vsa.encoders.collapse import CollapseEncoder
from hypersketch.vsa.encoders.density import DensityEncoder
from hypersketch.vsa.encoders.fractional_power import FractionalPowerEncoder
from hypersketch.vsa.encoders.level import LevelEncoder
from hypersketch.vsa.encoders.ngrams import NGramEncoder
from hypersketch.vsa.encoders.projection import ProjectionEncoder
from hypersketch.vsa.encoders.random_atoms import IdentityEncoder, RandomEncoder
from hypersketch.vsa.encoders.records import RecordEncoder
from hypersketch.vsa.encoders.sinusoid import FourierEncoder, SinusoidEncoder
from hypersketch.vsa.encoders.thermometer import ThermometerEncoder

__all__ = [
    "CellEncoder",
    "CircularEncoder",
    "CollapseEncoder",
    "DensityEncoder",
    "FourierEncoder",
    "FractionalPowerEncoder",
    "IdentityEncoder",
    "LevelEncoder",
    "NGramEncoder",
    "ProjectionEncoder",
    "RandomEncoder",
    "RecordEncoder",
    "SinusoidEncoder",
    "ThermometerEncoder",
]
