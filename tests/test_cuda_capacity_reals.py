# SPDX-License-Identifier: Apache-2.0
"""Experiments with spaces of numbers on a GPU: the CPU's hits, scores within a bound of their definition."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

import reference_reals
from gpu_tools import needs_gpu
from hypersketch import capacity
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw
from hypersketch.capacity.devices import able
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.bundles import QUERIES, SpaceBundle
from reference_reals import Bounded

NAMES = ("map-c", "hrr", "fhrr", "fhrr-sum", "vtb", "tvtb", "map-t", "mbat")

NOISY = ("hrr", "vtb", "tvtb")
"""Spaces whose products are no products of entries."""
WITHOUT = ("bsdc-thin",)
CODEBOOK = np.arange(1, 41, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
DIM, N, SEEDS = 100, 4, np.array([3, 4], np.uint64)

Doubles = NDArray[np.float64]


def entries(name: str) -> tuple[Any, Any]:
    return structure(name), structure(name, "cuda")


def drawn(n: int) -> NDArray[np.int64]:
    """Indices of n codewords for each of six bundles of two codebooks."""
    return kernels.sample_indices(7, 12, n, CODEBOOK.size).reshape(2, 6, n)


# ---- everywhere


def test_which_spaces_can() -> None:
    for task, names in {
        "cleanup": NAMES,
        "accuracy": NAMES,
        "log-N": NAMES,
        "cleanup-pairs": NAMES,
        "binding-depth": NAMES,
        "schlegel": ("map-c", "hrr", "fhrr", "vtb", "mbat"),
    }.items():
        assert [name for name in able(task) if name in (*NAMES, *WITHOUT)] == list(names)


@pytest.mark.parametrize("name", WITHOUT)
def test_other_spaces_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"must be 'cpu' for {name}, which has no GPU kernels"):
        capacity.run("cleanup", structures=["hrr", name], device="cuda")
    with pytest.raises(ValueError, match=f"'{name}' has no GPU kernels"):
        structure(name, "cuda")


# ---- scores


def floats(rows: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows).view(np.float32)


def entries_of(space: Any, rows: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors as the numbers that are compared."""
    return space.unpack(rows).astype(np.float32) if space.dtype == np.uint64 else floats(rows)


@needs_gpu
@pytest.mark.parametrize("name", NAMES)
def test_scores_of_bundles(name: str) -> None:
    here, there = entries(name)
    size, members = here.size(DIM, N), drawn(N)[0]
    space, edges = here.space(size, 5), np.arange(0, members.size + 1, N)
    book = there._book_on_gpu(space, CODEBOOK)
    atoms = space.atoms_of_hashes(CODEBOOK)
    rows = entries_of(space, atoms)
    bundles = entries_of(space, space.superpose(atoms[members.ravel()], starts=edges))
    found = book.bundle_scores(members.ravel(), edges)
    # A length in another order may round numbers of a sum otherwise: one unit each.
    rounded = 0.0 if name in ("map-c", "fhrr", "map-t") else 2.0**-23
    bound = rounded + reference_reals.cosine_error(rows.shape[1], np.float64)
    assert np.abs(found - reference_reals.cosines(bundles, rows)).max() <= bound
    theirs = space.similarities(space.superpose(atoms[members.ravel()], starts=edges), atoms)
    single = bound + reference_reals.cosine_error(rows.shape[1], np.float32)
    assert np.abs(found - theirs).max() <= (0 if name == "map-t" else single)


def values_by_definition(space: Any, keys: Any, values: Any, atoms: Any) -> list[Bounded]:
    """What all keys of each record bring back, and how far it may be off."""
    rows, found = atoms.astype(np.float64), []
    for key, value in zip(keys, values, strict=True):
        pairs = [
            reference_reals.combined(space, Bounded(rows[v], 0.0), rows[k], undo=False)
            for k, v in zip(key, value, strict=True)
        ]
        total = np.sum([one.vector for one in pairs], axis=0)
        # Sums are divided by their length and rounded: two units at most.
        rounded = 2.0**-23 * float(np.linalg.norm(total))
        record = Bounded(total, rounded + float(np.sum([one.error for one in pairs])))
        found += [reference_reals.combined(space, record, rows[k], undo=True) for k in key]
    return found


@needs_gpu
@pytest.mark.parametrize("name", NOISY)
def test_scores_of_values(name: str) -> None:
    here, there = entries(name)
    chosen = drawn(2 * N)[0]
    keys, values = chosen[:, :N], chosen[:, N:]
    space = here.space(here.size(DIM, N), 5)
    atoms = space.atoms_of_hashes(CODEBOOK)
    found = there._book_on_gpu(space, CODEBOOK).value_scores(keys, values, N)
    for scores, value in zip(found, values_by_definition(space, keys, values, atoms), strict=True):
        lengths = np.linalg.norm(atoms.astype(np.float64), axis=1) * np.linalg.norm(value.vector)
        expected = atoms.astype(np.float64) @ value.vector / lengths
        bound = value.angle() + reference_reals.cosine_error(DIM, np.float64)
        assert np.abs(scores - expected).max() <= bound


# ---- hits


def margins_of_sets(scores: Doubles, members: NDArray[np.int64]) -> float:
    """How far the last of the n best is above the next, and asked members from the best stranger."""
    ordered = np.sort(scores, axis=1)[:, ::-1]
    n = members.shape[1]
    strangers = scores.copy()
    np.put_along_axis(strangers, members, -np.inf, axis=1)
    asked = np.take_along_axis(scores, members[:, :QUERIES], axis=1)
    apart = np.abs(asked - strangers.max(axis=1, keepdims=True))
    return float(min((ordered[:, n - 1] - ordered[:, n]).min(), apart.min()))


@needs_gpu
@pytest.mark.parametrize("name", NAMES)
def test_hits_of_sets_are_the_cpus(name: str) -> None:
    here, there = entries(name)
    size, members = here.size(DIM, 8), drawn(8)
    hits = here.cleanup_trials(size, SEEDS, CODEBOOK, members)
    singles = here.single_trials(size, SEEDS, CODEBOOK, members)
    assert there.cleanup_trials(size, SEEDS, CODEBOOK, members).tolist() == hits.tolist()
    assert there.single_trials(size, SEEDS, CODEBOOK, members).tolist() == singles.tolist()
    assert 0 < hits.sum() < members.size or name.startswith("fhrr")
    several = [drawn(n)[:, 0] for n in (2, 8)]
    assert there.hits_of_sizes(size, SEEDS, CODEBOOK, several, pairs=False) == here.hits_of_sizes(
        size, SEEDS, CODEBOOK, several, pairs=False
    )
    if name == "map-t":
        return  # the same bits
    # So no other order of sums on the CPU could have made other hits.
    for seed, chosen in zip(SEEDS.tolist(), members, strict=True):
        book = there._book_on_gpu(here.space(size, seed), CODEBOOK)
        scores = book.bundle_scores(chosen.ravel(), np.arange(0, chosen.size + 1, 8))
        bound = 2.0**-23 + reference_reals.cosine_error(2 * DIM, np.float32)
        assert margins_of_sets(scores, chosen) > 2 * bound


@needs_gpu
@pytest.mark.parametrize("name", NAMES)
def test_hits_of_pairs_are_the_cpus(name: str) -> None:
    here, there = entries(name)
    size, chosen = here.size(DIM, N), drawn(2 * N)
    hits = here.pair_trials(size, SEEDS, CODEBOOK, chosen)
    assert there.pair_trials(size, SEEDS, CODEBOOK, chosen).tolist() == hits.tolist()
    several = [chosen[:, 0], drawn(2)[:, 0]]
    assert there.hits_of_sizes(size, SEEDS, CODEBOOK, several, pairs=True) == here.hits_of_sizes(
        size, SEEDS, CODEBOOK, several, pairs=True
    )
    assert 0 < hits.sum() <= 12 * N
    if name == "map-t":
        return  # the same bits
    for seed, records in zip(SEEDS.tolist(), chosen, strict=True):
        space = here.space(size, seed)
        keys, values = records[:, :N], records[:, N:]
        scores = np.sort(there._book_on_gpu(space, CODEBOOK).value_scores(keys, values, N), axis=1)
        bound = 2.0**-23 + reference_reals.cosine_error(2 * DIM, np.float32)
        if name in NOISY:
            atoms = space.atoms_of_hashes(CODEBOOK)
            bound += max(one.angle() for one in values_by_definition(space, keys, values, atoms))
        assert (scores[:, -1] - scores[:, -2]).min() > 2 * bound


# ---- what is left after bindings


@needs_gpu
@pytest.mark.parametrize("name", NOISY)
def test_what_is_left_after_bindings(name: str) -> None:
    n, trials = 3, 4
    hashes = np.arange(200, dtype=np.uint64)
    here, there = (
        Cell("binding-depth", name, n, {"dim": DIM}, trials, 0, hashes.size, 5, {}, device)
        for device in ("cpu", "cuda:0")
    )
    lab = experiment("binding-depth")
    ours, theirs = (lab.measure(cell, hashes)["similarity"] for cell in (there, here))
    space = cast(SpaceBundle, structure(name)).space(here.size, here.seed)
    ((_, keys),) = Draw(here, hashes, n + 1)
    for one, other, some in zip(ours, theirs, keys, strict=True):
        expected, bound = reference_reals.kept(space, space.atoms(some))
        bound += reference_reals.cosine_error(DIM, np.float64)
        assert abs(one - expected) <= bound
        assert abs(other - expected) <= bound


@needs_gpu
@pytest.mark.parametrize("name", sorted({*NAMES} - {*NOISY}))
def test_exact_products_leave_the_same(name: str) -> None:
    hashes = np.arange(200, dtype=np.uint64)
    lab = experiment("binding-depth")
    ours, theirs = (
        lab.measure(Cell("binding-depth", name, 3, {"dim": DIM}, 4, 0, 200, 5, {}, device), hashes)
        for device in ("cuda:0", "cpu")
    )
    # Products and quotients have the CPU's bits; cosines are sums in double precision, in another order.
    bound = 2 * reference_reals.cosine_error(2 * DIM, np.float64)
    apart = np.abs(np.subtract(ours["similarity"], theirs["similarity"]))
    assert apart.max() <= (0 if name == "map-t" else bound)
