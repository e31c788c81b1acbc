# SPDX-License-Identifier: Apache-2.0
"""Resonator networks on a GPU: every answer of the CPU, integer by integer."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu
from hypersketch import cuda
from hypersketch.vsa import BSC, FHRR, MapB, MapI, Resonator

pytestmark = needs_gpu


def same(ours: Any, theirs: Any) -> bool:
    names = ("indices", "similarities", "outcomes", "iterations", "periods")
    return all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in names)


def both(space: Any, books: Any, **options: Any) -> tuple[Resonator, Resonator]:
    return Resonator(space, books, **options), Resonator(space, books, device="cuda", **options)


@pytest.mark.parametrize(
    ("dim", "sizes"),
    [(1, (1, 1)), (63, (2, 3)), (64, (5, 5)), (65, (4, 1, 3)), (200, (17, 17)), (257, (6, 7, 8, 9))],
    ids=str,
)
@pytest.mark.parametrize(
    "options",
    [{}, {"synchronous": True}, {"noise": 0.5, "threshold": 1.5}, {"noise": 900.0}, {"threshold": 1.0}],
    ids=str,
)
def test_products_are_taken_apart_as_on_the_cpu(dim: int, sizes: Any, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(dim)
    edges = np.cumsum([0, *sizes])
    books = [range(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    here, there = both(MapB(dim, seed=3), books, max_iterations=5, seed=5, **options)
    probes = here.compose(rng.integers(0, sizes, (6, len(sizes))))
    probes[3:] ^= here.space.atoms(range(3)) & here.space.atoms(range(9, 12))
    found = there.factorize(probes)
    assert same(found, here.factorize(probes))
    assert same(there.factorize(cuda.DeviceArray.of(probes, 0)), found)
    assert same(there.factorize(probes[0]), here.factorize(probes[0]))
    assert (here.device, there.device) == ("cpu", "cuda:0")
    assert repr(there) == repr(here)[:-1] + ", device='cuda:0')"
    assert len(there.factorize(probes[:0])) == 0


def test_all_ends_are_met() -> None:
    here, there = both(MapB(64, seed=1), [range(6), range(100, 106)], synchronous=True, max_iterations=20)
    probes = here.compose(np.random.default_rng(0).integers(0, 6, (200, 2)))
    probes ^= here.space.atoms(range(500, 700)) & here.space.atoms(range(700, 900))
    outcomes, some = np.unique(here.factorize(probes).outcomes, return_index=True)
    assert set(outcomes) == {"cycle", "solved", "unconverged", "wrong"}
    assert same(there.factorize(probes[some]), here.factorize(probes[some]))


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(BSC(96), [range(9), range(9, 18), range(18, 27)], max_iterations=9)
    probes = here.compose(np.random.default_rng(1).integers(0, 9, (8, 3)))
    monkeypatch.setattr("hypersketch.vsa._resonance_on_gpu._SWEEP_WORDS", 1)
    monkeypatch.setattr("hypersketch.vsa._resonance_on_gpu._STATE_BYTES", 3000)
    assert same(there.factorize(probes), here.factorize(probes))


def test_wide_sums() -> None:
    """Weights of 2**29, whose sums leave 32 bits."""
    here, there = both(MapB(90), [range(40), range(40, 80)], noise=1000.0, max_iterations=5)
    wide = np.random.default_rng(2).integers(0, 40, (6, 2))
    assert same(there.factorize(here.compose(wide)), here.factorize(here.compose(wide)))


def test_sums_and_what_has_no_kernels() -> None:
    space = MapI(130)
    here, there = both(space, [["a", "b"], ["x", "y", "z"]])
    scene = space.superpose(here.compose([[0, 1], [1, 2], [0, 1]]))
    assert same(there.factorize(scene), here.factorize(scene))
    assert same(there.factorize(cuda.DeviceArray.of(scene, 0)), here.factorize(scene))
    with pytest.raises(ValueError, match="'device' parameter of Resonator must be 'cpu' for FHRR"):
        Resonator(FHRR(64), [range(3), range(3, 6)], device="cuda")
    with pytest.raises(ValueError, match="'device' parameter of Resonator must be 'cpu', 'cuda'"):
        Resonator(space, [["a"], ["b"]], device="gpu")
