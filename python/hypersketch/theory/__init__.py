# SPDX-License-Identifier: Apache-2.0
"""Closed forms: what every structure is expected to do, from its size and its load alone.

One module a family (`map_i`, `map_b`, `bloom`, `counting_bloom`, `count_sketch`, `count_min`, `hopfield`,
`hopfield_network`, `dense`, `projection`, `item_memory`, `outer_product`, `continuous`, `dense_retrieval`,
`consolidation`, `triples`, `scaling`, `superposition`, `recall`), the scores of every vector space and what
retrieval makes of them (`spaces`), the retrieval of the best codewords (`cleanup`; `bsc` for binary codes),
repeated binding (`binding`), bundles cut to a few bits (`quantized`), counts in known streams (`frequency`),
the paper's provable bounds (`bounds`) and the normal tail (`normal`). The functions are pure: numbers in,
numbers out, arrays elementwise where the docstring says so. Exact forms carry the plain name; Gaussian and
textbook forms say so in theirs. Each docstring gives the formula, its source and its status:

* paper: seen in the paper or in its authors' code; second hand: seen in a public note that quotes it;
* recalled: published, written from memory;
* derived: worked out here; simulated: checked by simulation, with the figures.

NumPy and the standard library suffice at import. Functions that need SciPy load it when called
(``pip install 'hypersketch[lab]'``); `bloom`, `count_sketch`, `count_min`, `frequency`, `projection`,
`normal`, `counting_bloom.false_positive_rate`, `map_b.correlation` and `quantized.best_step` never do.

Examples
--------
>>> from hypersketch.theory import bloom, map_i
>>> bloom.optimum(1000, 0.01)
(9595, 7)
>>> round(map_i.dimension(25, 500, 0.1))
1253
"""

from __future__ import annotations

from . import (
    binding,
    bloom,
    bounds,
    bsc,
    cleanup,
    consolidation,
    continuous,
    count_min,
    count_sketch,
    counting_bloom,
    dense,
    dense_retrieval,
    frequency,
    hopfield,
    hopfield_network,
    item_memory,
    map_b,
    map_i,
    normal,
    outer_product,
    projection,
    quantized,
    recall,
    scaling,
    spaces,
    sparse_distributed,
    sparsey,
    superposition,
    triples,
    willshaw,
)

__all__ = [
    "binding",
    "bloom",
    "bounds",
    "bsc",
    "cleanup",
    "consolidation",
    "continuous",
    "count_min",
    "count_sketch",
    "counting_bloom",
    "dense",
    "dense_retrieval",
    "frequency",
    "hopfield",
    "hopfield_network",
    "item_memory",
    "map_b",
    "map_i",
    "normal",
    "outer_product",
    "projection",
    "quantized",
    "recall",
    "scaling",
    "spaces",
    "sparse_distributed",
    "sparsey",
    "superposition",
    "triples",
    "willshaw",
]
