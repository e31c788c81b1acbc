# SPDX-License-Identifier: Apache-2.0
"""Memories: what finds patterns again, in a matrix or among items."""

from __future__ import annotations

from hypersketch.memories._associative import AssociativeMemory, Retrieval
from hypersketch.memories._code_answers import CodeRetrieval
from hypersketch.memories._continuous_answers import ContinuousRetrieval, PatternMatches
from hypersketch.memories._neighbour_answers import Neighbours
from hypersketch.memories._pattern_memory import Basin, PatternRetrieval
from hypersketch.memories._separations import SparseWeights
from hypersketch.memories._unit_answers import UnitRetrieval
from hypersketch.memories.consolidated import ConsolidatedMemory
from hypersketch.memories.continuous import ContinuousMemory
from hypersketch.memories.dense import DenseMemory
from hypersketch.memories.frequencies import frequency_weights
from hypersketch.memories.hopfield import HopfieldMembership
from hypersketch.memories.hopfield_network import HopfieldNetwork
from hypersketch.memories.item_memory import ItemMemory, Matches, MatchesInRange
from hypersketch.memories.mixing import gated, interpolate
from hypersketch.memories.neighbours import NeighbourMemory
from hypersketch.memories.outer_product import OuterProductMemory
from hypersketch.memories.sparse_distributed import LocationRetrieval, SparseDistributedMemory
from hypersketch.memories.sparsey import SparseyMemory
from hypersketch.memories.triples import TripleMemory
from hypersketch.memories.willshaw import WillshawMemory

__all__ = [
    "AssociativeMemory",
    "Basin",
    "CodeRetrieval",
    "ConsolidatedMemory",
    "ContinuousMemory",
    "ContinuousRetrieval",
    "DenseMemory",
    "HopfieldMembership",
    "HopfieldNetwork",
    "ItemMemory",
    "LocationRetrieval",
    "Matches",
    "MatchesInRange",
    "NeighbourMemory",
    "Neighbours",
    "OuterProductMemory",
    "PatternMatches",
    "PatternRetrieval",
    "Retrieval",
    "SparseDistributedMemory",
    "SparseWeights",
    "SparseyMemory",
    "TripleMemory",
    "UnitRetrieval",
    "WillshawMemory",
    "frequency_weights",
    "gated",
    "interpolate",
]
