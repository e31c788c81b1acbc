# SPDX-License-Identifier: Apache-2.0
"""The same structures of the same vectors by torchhd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hypersketch.vsa import (
    FHRR,
    HRR,
    BindSequence,
    BundleSequence,
    Graph,
    MapI,
    Multiset,
    NGrams,
    Record,
)

torchhd = pytest.importorskip("torchhd", reason="needs torchhd")
from torchhd import structures  # noqa: E402

from hypersketch.interop.torchhd import to_torchhd  # noqa: E402

WORDS = ["a", "b", "c", "d", "b"]


def close(ours: Any, theirs: Any) -> bool:
    """Whether a vector of ours has the entries of a tensor, but for its length."""
    other = theirs.detach().resolve_conj().numpy().astype(np.complex128)
    mine = np.asarray(ours).astype(np.complex128)
    return bool(np.allclose(mine / np.linalg.norm(mine), other / np.linalg.norm(other), atol=1e-5))


@pytest.mark.parametrize(
    "space", [MapI(1000), FHRR(1000, phase_only=False), HRR(1000)], ids=["MAP", "FHRR", "HRR"]
)
def test_sums_are_those_of_torchhd(space: Any) -> None:
    rows = to_torchhd(space.atoms(WORDS), space)
    table = structures.HashTable.from_tensors(rows, rows.flip(0))
    assert close(Record(space, WORDS, WORDS[::-1]).vector, table.value)
    assert close(Multiset(space, WORDS).vector, structures.Multiset.from_tensor(rows).value)
    # There the last item is not shifted, here the first one.
    sequence = structures.BundleSequence.from_tensor(rows.flip(0))
    assert close(BundleSequence(space, WORDS).vector, sequence.value)


@pytest.mark.parametrize("space", [MapI(1000), FHRR(1000, phase_only=False)], ids=["MAP", "FHRR"])
def test_products_are_those_of_torchhd(space: Any) -> None:
    rows = to_torchhd(space.atoms(WORDS), space)
    product = BindSequence(space, WORDS).vector
    product = space.unpack(product) if isinstance(space, MapI) else product
    assert close(product, structures.BindSequence.from_tensor(rows).value)
    assert close(NGrams(space, 3, WORDS).vector, structures.Multiset.from_ngrams(rows, 3).value)
    for directed in (False, True):
        kind = "MAP" if isinstance(space, MapI) else "FHRR"
        graph = structures.Graph(1000, kind, directed=directed, dtype=rows.dtype)
        for i in range(len(rows) - 1):
            graph.add_edge(rows[i], rows[i + 1])
        assert close(Graph(space, WORDS[:-1], WORDS[1:], directed=directed).vector, graph.value)


def test_torchhd_loses_directions_where_binding_convolves() -> None:
    """Which is why ours permute otherwise: a shift of one factor is one of the product."""
    space = HRR(1000)
    a, b = to_torchhd(space.atoms(["a", "b"]), space)
    graph = structures.Graph(1000, "HRR", directed=True)
    there, back = graph.encode_edge(a, b), graph.encode_edge(b, a)
    assert float(torchhd.cosine_similarity(there, back)) > 0.999
    ours = Graph(space, "a", "b", directed=True)
    assert ours.contains(["a", "b"], ["b", "a"]).tolist() == [True, False]
