# SPDX-License-Identifier: Apache-2.0
"""Bundles of real vectors on a GPU: the CPU's bits up to 256 terms, exact sums within a bound beyond."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import cuda
from hypersketch.vsa import FHRR, HRR, MBAT, TVTB, VTB, MapC, RealBundle

pytestmark = needs_gpu

UNIT = 2.0**-53
DIMS = [1, 4, 64, 121, 1024]
"""Squares, which some spaces want."""


def spaces(dim: int) -> list[Any]:
    phasors = [FHRR(dim, 4), FHRR(dim, 4, phase_only=False)]
    return [
        *phasors,
        HRR(dim, 4),
        HRR(dim, 4, spectral=True),
        MapC(dim, 4),
        MBAT(dim, 4),
        VTB(dim),
        TVTB(dim),
    ]


def n_floats(space: Any) -> int:
    return int(space.nbytes // 4)


def cosines(space: Any, vector: Any, rows: Any) -> Any:
    """Cosines in double precision, from their definition."""
    left, right = (np.atleast_2d(one).astype(space._wide) for one in (vector, rows))
    counts = space._parseval() if getattr(space, "spectral", False) else np.ones(space.width)
    inner = (counts * (left * right.conj()).real).sum(1)
    sizes = [(counts * np.abs(one) ** 2).sum(1) for one in (left, right)]
    product = np.sqrt(sizes[0] * sizes[1])
    return np.divide(inner, product, out=np.zeros_like(inner), where=product > 0)


def within(space: Any, ours: Any, expected: Any) -> bool:
    """Whether cosines are within what their sums may be off by.

    Sums of m terms are off by m u of the sum of magnitudes, which for the inner product is no more than the
    product of the lengths. Those of the two squares count half each: 2 m u, here and there, and some
    roundings besides.
    """
    bound = (4 * n_floats(space) + 16) * UNIT
    return bool(np.abs(np.asarray(ours) - expected).max(initial=0) <= bound)


@pytest.mark.parametrize("dim", DIMS)
def test_few_terms_are_summed_as_on_the_cpu(dim: int) -> None:
    keys = np.arange(40)
    weights = np.random.default_rng(dim).normal(size=40)
    for space in spaces(dim):
        ours, theirs = RealBundle(space, device="cuda"), RealBundle(space)
        for one, form in ((ours, on_gpu), (theirs, np.asarray)):
            one.add(form(keys))
            one.add(form(keys), form(weights))
            one.add(keys, weights)
            one.add_hashes(form(hypersketch.hash_keys(keys)))
            one.add(["apple", "pear"], [2, -3.5])
            one.remove(form(keys[:7]), weights[:7])
            one.remove("apple")
            one.add_pairs(form(keys), form(keys + 1), form(weights))
            one.add_pairs(["a", "b"], ["c", "d"])
            rows = space.atoms(keys)
            one.add_vectors(form(rows), form(weights))
            one.add_vectors(form(rows[3]))
            one.add_vectors(rows, weights)
            one.add_vectors(form(rows[:0]))
            one.merge(space.bundle(keys))
        assert ours.device == "cuda:0"
        assert np.asarray(ours.state).tobytes() == theirs.state.tobytes()
        assert ours == theirs
        assert (ours.n_added, ours.total_weight) == (theirs.n_added, theirs.total_weight)


@pytest.mark.parametrize("dim", DIMS)
def test_answers(dim: int) -> None:
    keys = np.arange(70)
    for space in spaces(dim):
        theirs = space.bundle(keys, np.linspace(-1, 2, 70))
        ours = theirs.to("cuda")
        vector = np.asarray(ours.vector)
        assert (vector.dtype, vector.shape) == (theirs.vector.dtype, theirs.vector.shape)
        # A length of n terms in another order, then a rounding to single precision; else the same bits.
        scale = 0.0 if space in (FHRR(dim, 4), MapC(dim, 4)) else n_floats(space) * UNIT + 2.0**-23
        assert np.abs(vector - theirs.vector).max() <= scale * np.abs(theirs.vector).max()
        expected = cosines(space, vector, space.atoms(keys))
        assert isinstance(ours.similarity(keys), np.ndarray)
        assert isinstance(ours.similarity(on_gpu(keys)), cuda.DeviceArray)
        assert within(space, ours.similarity(keys), expected)
        assert within(space, ours.similarity(on_gpu(keys)), expected)
        assert ours.similarity(keys[:0]).shape == (0,)
        assert within(space, ours.similarity("apple"), cosines(space, vector, space.atoms("apple")))
        empty = RealBundle(space, device="cuda")
        assert not np.asarray(empty.vector).any()
        assert not empty.similarity(keys).any()


def exact(rows: Any, weights: Any) -> tuple[Any, Any]:
    """Sums of products and of their magnitudes, rounded once: products of floats are exact in doubles."""
    terms = np.ascontiguousarray(rows).view(np.float32).astype(np.float64) * weights[:, np.newaxis]
    return (np.array([math.fsum(column) for column in some.T]) for some in (terms, np.abs(terms)))


@pytest.mark.parametrize(("dim", "n"), [(1, 3000), (9, 2500), (100, 257), (100, 1025)])
def test_many_terms_are_summed_within_their_bound(dim: int, n: int) -> None:
    keys = np.arange(n)
    weights = np.random.default_rng(n).normal(size=n).astype(np.float32).astype(np.float64)  # exact products
    for space in (FHRR(dim, 4), HRR(dim, 4), MapC(dim, 4)):
        rows = space.atoms(keys)
        sums, magnitudes = exact(rows, weights)
        bound = (n + 1) * UNIT * magnitudes
        for ways in (
            {"add": (on_gpu(keys), on_gpu(weights))},
            {"add": (keys, weights)},
            {"add_vectors": (on_gpu(rows), weights)},
            {"add_vectors": (rows, weights)},
        ):
            bag = RealBundle(space, device="cuda")
            for verb, arguments in ways.items():
                getattr(bag, verb)(*arguments)
            assert (np.abs(np.asarray(bag.state) - sums) <= bound).all()
            assert bag.n_added == n
        if space != HRR(dim, 4):
            others = space.atoms(keys + 1)
            sums, magnitudes = exact(space.bind(others, rows), weights)
            bag = RealBundle(space, device="cuda")
            bag.add_pairs(on_gpu(keys), on_gpu(keys + 1), weights)
            assert (np.abs(np.asarray(bag.state) - sums) <= (n + 1) * UNIT * magnitudes).all()


def test_wide_bundles_have_few_groups() -> None:
    n, space = 600, HRR(1 << 18)  # two groups of 512 and 88 keys
    ours, theirs = space.bundle(range(n), device="cuda"), space.bundle(range(n))
    most = n * 6.7 / math.sqrt(space.dim)  # of the magnitudes: normal numbers of 32 bits end at 6.7
    assert np.abs(np.asarray(ours.state) - theirs.state).max() <= 2 * (n + 1) * UNIT * most


def test_bundles_move_and_leave_as_others_do() -> None:
    for space in spaces(121):
        bag = space.bundle(range(50)).to("cuda")
        assert bag.to("cuda:1").device == "cuda:1"
        assert bag.to("cpu") == bag == bag.copy() == pickle.loads(pickle.dumps(bag))
        assert pickle.loads(pickle.dumps(bag)).device == "cuda:0"
        assert hypersketch.from_bytes(bag.to_bytes()) == bag
        assert "device='cuda:0'" in repr(bag)
        assert space.bundle(range(50), device="cuda") == bag
        assert space.bundle(on_gpu(np.arange(50), 1)).device == "cuda:1"
        both = bag + bag
        assert both.device == "cuda:0"
        assert (np.asarray(both.state) == 2 * np.asarray(bag.state)).all()
        on_host = bag.to("cpu")
        on_host.merge(bag)
        assert on_host == both
        both.remove(range(50))
        bag.clear()
        assert not np.asarray(bag.state).any()
        assert bag.n_added == 0


def test_what_does_not_fit_is_refused() -> None:
    space = FHRR(8)
    bag, far, plain = RealBundle(space, device="cuda"), RealBundle(space, device="cuda:1"), RealBundle(space)
    bag.add("a")
    before = np.asarray(bag.state)
    rows = space.atoms(range(3))
    strange = rows.copy()
    strange[1, 2] = np.nan
    large = np.full((2, 8), 3e38 + 3e38j, np.complex64)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "finite", lambda: bag.add_vectors(on_gpu(strange))),
        (ValueError, "finite", lambda: bag.add_vectors(strange)),
        (OverflowError, "exceed", lambda: bag.add(["b", "c"], [1e150, 1])),
        (OverflowError, "exceed", lambda: bag.add_vectors(on_gpu(large), [1e120, 1.0])),
        (OverflowError, "exceed", lambda: bag.add_pairs(on_gpu(np.arange(2)), np.arange(2), [1e150, 1e150])),
        (ValueError, "weights", lambda: bag.add(on_gpu(np.arange(3)), on_gpu(np.ones(2)))),
        (ValueError, "finite", lambda: bag.add(on_gpu(np.arange(2)), on_gpu(np.array([1.0, np.inf])))),
        (TypeError, "complex64", lambda: bag.add_vectors(on_gpu(np.zeros(8, np.float32)))),
        (ValueError, "shape", lambda: bag.add_vectors(on_gpu(np.zeros(7, np.complex64)))),
        (ValueError, "Move one", lambda: far.add(on_gpu(np.arange(3)))),
        (ValueError, "Move one", lambda: far.add_vectors(on_gpu(rows))),
        (ValueError, "Move one", lambda: far.similarity(on_gpu(np.arange(3)))),
        (ValueError, "on the CPU", lambda: plain.add(on_gpu(np.arange(3)))),
        (ValueError, "one value a key", lambda: bag.add_pairs(on_gpu(np.arange(3)), np.arange(2))),
        (TypeError, "device", lambda: RealBundle(space, device=0)),  # type: ignore[arg-type]
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    assert np.asarray(bag.state).tobytes() == before.tobytes()
    assert bag.n_added == 1
