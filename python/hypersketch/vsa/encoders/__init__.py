# SPDX-License-Identifier: Apache-2.0
"""Encoders: numbers, categories, records and texts as hypervectors of any space.

What other libraries call them:

* torchhd's embeddings have the names of these classes; its ``Level(randomness=...)`` is a ``bandwidth``, its
  ``Circular(randomness=...)`` a number of ``anchors``, its hash tables are a `RecordEncoder`.
* bhv's ``InterpolateBetween`` is a `LevelEncoder`; ``Intervals``, ``BeanMachine`` and ``Periodic`` are
  cells of a `CellEncoder`, ``Collapse`` is `CollapseEncoder`.
* vsapy's linear and circular number lines are `LevelEncoder` and `CircularEncoder`.
"""

from __future__ import annotations

from hypersketch.vsa.encoders.cells import CellEncoder
from hypersketch.vsa.encoders.circular import CircularEncoder
from hypersketch.vsa.encoders.collapse import CollapseEncoder
from hypersketch.vsa.encoders.density import DensityEncoder
from hypersketch.vsa.encoders.fractional_power import FractionalPowerEncoder
from hypersketch.vsa.encoders.level import LevelEncoder
from hypersketch.vsa.encoders.ngrams import NGramEncoder
from hypersketch.vsa.encoders.projection import ProjectionEncoder
from hypersketch.vsa.encoders.random_atoms import EmptyEncoder, IdentityEncoder, RandomEncoder
from hypersketch.vsa.encoders.records import RecordEncoder
from hypersketch.vsa.encoders.sinusoid import FourierEncoder, SinusoidEncoder
from hypersketch.vsa.encoders.thermometer import ThermometerEncoder

__all__ = [
    "CellEncoder",
    "CircularEncoder",
    "CollapseEncoder",
    "DensityEncoder",
    "EmptyEncoder",
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
