# SPDX-License-Identifier: Apache-2.0
"""Vector symbolic architectures: spaces of hypervectors, bundles and encodings of values, and search.

What other libraries call things (for torchhd the README has a table):

* bhv: ``majority`` is ``superpose``, ``parity`` ``product``, ``representative`` ``select``, ``rehash`` and
  permutations ``shuffle``; ``threshold``, ``window`` and ``agreement`` are in `vsa.votes`, measures in
  `vsa.measures`; ``closest``, ``top`` and ``within`` are `nearest` and `within`.
* hdlib: a ``Space`` is an `ItemMemory`, ``GraphModel`` is `Graph` (``error_mitigation`` is ``reinforce``);
  models are in `hypersketch.learn`, tuned and cut to features by scikit-learn's ``GridSearchCV`` and
  ``SequentialFeatureSelector``.
* vsapy: a ``BagVec`` is a bundle, ``CSPvec`` a `ChunkedSequence`, ``Laiho`` are `SparseBlockCodes`,
  ``TernZero`` is `MapT`; its statistics are in `hypersketch.theory`.
* nengo-spa: a ``SemanticPointer`` is a `Hypervectors`, a ``Vocabulary`` one here, too; ``binding_power`` is
  ``power``, ``spa.text`` is `Vocabulary.text`, and the HRR, VTB and TVTB spaces make vectors ``unitary``.
"""

from __future__ import annotations

from hypersketch.vsa.bundle import Bundle
from hypersketch.vsa.by_name import space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.encoders import (
    CircularEncoder,
    DensityEncoder,
    FourierEncoder,
    FractionalPowerEncoder,
    LevelEncoder,
    NGramEncoder,
    ProjectionEncoder,
    RandomEncoder,
    RecordEncoder,
    SinusoidEncoder,
    ThermometerEncoder,
)
from hypersketch.vsa.hadamard import walsh_hadamard
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.matrix_binding import MBAT, TVTB, VTB
from hypersketch.vsa.modular import CGR, MCR, SparseBlockCodes
from hypersketch.vsa.modular_bundle import ModularBundle
from hypersketch.vsa.packed_bundle import PackedBundle
from hypersketch.vsa.quantized import QuantizedBundle
from hypersketch.vsa.real_bundle import RealBundle
from hypersketch.vsa.resonator import Factors, Resonator
from hypersketch.vsa.search import nearest, within
from hypersketch.vsa.spaces import BSC, MapB, MapI
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.sparse_bundle import SparseBundle
from hypersketch.vsa.structures import (
    BindSequence,
    BundleSequence,
    ChunkedSequence,
    DistinctSequence,
    FiniteStateAutomaton,
    Graph,
    HashTable,
    Multiset,
    NGrams,
    Record,
    Tree,
)
from hypersketch.vsa.ternary import MapT
from hypersketch.vsa.ternary_bundle import TernaryBundle
from hypersketch.vsa.vocabulary import Vocabulary

__all__ = [
    "BSC",
    "BSDC",
    "CGR",
    "FHRR",
    "HRR",
    "MBAT",
    "MCR",
    "TVTB",
    "VTB",
    "BindSequence",
    "Bundle",
    "BundleSequence",
    "ChunkedSequence",
    "CircularEncoder",
    "DensityEncoder",
    "DistinctSequence",
    "Factors",
    "FiniteStateAutomaton",
    "FourierEncoder",
    "FractionalPowerEncoder",
    "Graph",
    "HashTable",
    "Hypervectors",
    "LevelEncoder",
    "MapB",
    "MapC",
    "MapI",
    "MapT",
    "ModularBundle",
    "Multiset",
    "NGramEncoder",
    "NGrams",
    "PackedBundle",
    "ProjectionEncoder",
    "QuantizedBundle",
    "RandomEncoder",
    "RealBundle",
    "Record",
    "RecordEncoder",
    "Resonator",
    "SinusoidEncoder",
    "SparseBlockCodes",
    "SparseBundle",
    "TernaryBundle",
    "ThermometerEncoder",
    "Tree",
    "Vocabulary",
    "nearest",
    "space",
    "walsh_hadamard",
    "within",
]
