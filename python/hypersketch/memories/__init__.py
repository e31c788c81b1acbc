# SPDX-License-Identifier: Apache-2.0
"""Memories: what finds patterns again, in a matrix or among items."""

from __future__ import annotations

from hypersketch.memories._associative import AssociativeMemory, Retrieval
from hypersketch.memories._pattern_memory import Basin, PatternRetrieval
from hypersketch.memories.dense import DenseMemory
from hypersketch.memories.hopfield import HopfieldMembership
from hypersketch.memories.hopfield_network import HopfieldNetwork
from hypersketch.memories.item_memory import ItemMemory, Matches, MatchesInRange

__all__ = [
    "AssociativeMemory",
    "Basin",
    "DenseMemory",
    "HopfieldMembership",
    "HopfieldNetwork",
    "ItemMemory",
    "Matches",
    "MatchesInRange",
    "PatternRetrieval",
    "Retrieval",
]
