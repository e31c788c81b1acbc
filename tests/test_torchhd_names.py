# SPDX-License-Identifier: Apache-2.0
"""The README's table of torchhd's names: all are there, ours exist, and what is short here is the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypersketch import vsa
from hypersketch.memories import ItemMemory
from hypersketch.vsa import FHRR, HRR, MapI, encoders, measures

torch = pytest.importorskip("torch")
torchhd = pytest.importorskip("torchhd")
interop = pytest.importorskip("hypersketch.interop.torchhd")
learn = pytest.importorskip("hypersketch.learn")

ENCODERS = {name.removesuffix("Encoder") for name in encoders.__all__}
OTHER_MEMORIES = {"SparseDistributed", "hopfield", "Hopfield", "modern_hopfield", "attention"}
ELSEWHERE = {"ensure_vsa_tensor", "empty", "level", "thermometer", "circular", "Classifier"} | OTHER_MEMORIES


def table() -> list[tuple[str, str]]:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    lines = text[text.index("| torchhd | here |") :].split("\n\n")[0].splitlines()[2:]
    return [tuple(line.strip("| ").split(" | ")) for line in lines]  # type: ignore[misc]


def test_every_name_of_torchhd_has_its_place() -> None:
    theirs = {name for left, _ in table() for name in re.findall(r"`(\w+)`", left)}
    modules = (
        torchhd.functional,
        torchhd.embeddings,
        torchhd.structures,
        torchhd.models,
        torchhd.classifiers,
    )
    known = {name for module in modules for name in module.__all__}
    assert known - theirs - ENCODERS - set(vsa.__all__) - ELSEWHERE == set()
    assert theirs - known <= {"VSATensor", "plot_similarity", "randsel", "multirandsel", "multibundle"}
    assert set(torchhd.embeddings.__all__) <= ENCODERS


def test_every_name_of_ours_exists() -> None:
    from hypersketch.learn._fitting import METHODS

    places: dict[str, Any] = {**vars(vsa), "space": MapI(64), "vsa": vsa, "numpy": np, "measures": measures}
    places |= {"ItemMemory": ItemMemory, "HDClassifier": learn.HDClassifier}
    for _, right in table():
        for name in re.findall(r"`([\w.]+)", right):
            if not name.startswith(("pyplot", "encoder")):
                first, *rest = name.split(".")
                found = places[first]
                for part in rest:
                    found = getattr(found, part)
        assert set(re.findall(r'(?<!encoder=)"(\w+)"', right)) <= set(METHODS)


@pytest.mark.parametrize("space", [MapI(256), HRR(256), FHRR(256, phase_only=False)], ids=repr)
def test_verbs_of_many_vectors_are_the_same(space: Any) -> None:
    a, b = space.atoms(["a", "b", "c"]), space.atoms(["x", "y", "z"])
    one, two = (interop.to_torchhd(rows, space) for rows in (a, b))

    def same(ours: Any, theirs: Any, **how: Any) -> None:
        """Compare directions: real spaces keep sums at length 1."""
        rows = np.stack([np.asarray(ours), interop.from_torchhd(theirs, space, **how)])
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        assert np.allclose(*(rows / lengths), atol=1e-5)

    sums = {"sums": True} if isinstance(space, MapI) else {}
    if not isinstance(space, HRR):  # torchhd 5.8.4 drops the imaginary parts of the spectra there
        assert np.allclose(space.product(a), interop.from_torchhd(torchhd.multibind(one), space), atol=1e-5)
    same(space.superpose(a), torchhd.multiset(one), **sums)
    same(space.superpose(space.bind(a, b)), torchhd.hash_table(one, two), **sums)
    same(space.bind(space.superpose(a), space.superpose(b)), torchhd.cross_product(one, two), **sums)
    same(space.superpose(a[:1], [-1]), torchhd.negative(one[0]), **sums)
