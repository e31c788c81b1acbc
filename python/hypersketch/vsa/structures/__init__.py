# SPDX-License-Identifier: Apache-2.0
"""Data structures of hypervectors: each is one vector of a space, and answers with keys."""

from __future__ import annotations

from hypersketch.vsa.structures.automaton import FiniteStateAutomaton
from hypersketch.vsa.structures.bind_sequence import BindSequence, DistinctSequence
from hypersketch.vsa.structures.bundle_sequence import BundleSequence
from hypersketch.vsa.structures.chunked_sequence import ChunkedSequence
from hypersketch.vsa.structures.graph import Graph
from hypersketch.vsa.structures.multiset import Multiset
from hypersketch.vsa.structures.ngrams import NGrams
from hypersketch.vsa.structures.record import HashTable, Record
from hypersketch.vsa.structures.tree import Tree

__all__ = [
    "BindSequence",
    "BundleSequence",
    "ChunkedSequence",
    "DistinctSequence",
    "FiniteStateAutomaton",
    "Graph",
    "HashTable",
    "Multiset",
    "NGrams",
    "Record",
    "Tree",
]
