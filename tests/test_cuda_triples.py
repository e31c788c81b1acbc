# SPDX-License-Identifier: Apache-2.0
"""Memories of facts on a GPU, a real or an emulated one, against the CPU's: bits, or up to rounding."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
import rounding
from gpu_tools import needs_gpu
from hypersketch import ItemMemory, MapI, TripleMemory, cuda
from hypersketch.memories import _bipolar
from hypersketch.memories._tensor_sum import embeddings
from hypersketch.vsa import BSC, BSDC, CGR, FHRR, HRR, MBAT, MCR, VTB, Hypervectors, MapB, MapC, MapT
from hypersketch.vsa.structures import _readout

pytestmark = needs_gpu

PACKED = [MapI(1), MapI(63), MapI(64), MapI(65), MapI(2048), MapB(1000), BSC(513)]
COUNTED = [MapT(512), MCR(256), CGR(256), BSDC(1024, variant="s"), BSDC(1024, variant="seg")]
REALS = [HRR(512), HRR(512, spectral=True), FHRR(256), MapC(512), VTB(256), MBAT(256)]
TENSORS = [MapI(1), MapI(65), MapB(33), BSC(64), MapC(40), HRR(31)]
NAMES = ["Ann", "Bob", "Eve", "tea", "wine"]
QUERIES: list[dict[str, Any]] = [
    {"subject": ["Ann", "Bob", "Eve"], "predicate": ["likes", "fears", "likes"], "k": 3},
    {"predicate": "likes", "object": "tea", "k": 5},
    {"subject": ["Bob", "Ann"], "object": ["Eve", "tea"], "k": 2},
    {"subject": "Ann", "object": "wine", "episode": "Monday", "k": 2},
    {"predicate": "likes", "object": "tea", "episode": "Friday", "k": 5},
    {"subject": "Ann", "predicate": "likes", "episode": "Monday", "k": 5},
    {"subject": "Ann", "predicate": "likes", "object": "wine", "k": 2},
]


def both(space: Any, form: str = "bundle", **options: Any) -> tuple[TripleMemory, TripleMemory]:
    return TripleMemory(space, form=form, **options), TripleMemory(space, form=form, device="cuda", **options)


def filled(memory: TripleMemory) -> None:
    rng = np.random.default_rng(0)
    subjects, objects = (rng.choice(NAMES, 12).tolist() for _ in "so")
    predicates = rng.choice(["likes", "fears"], 12).tolist()
    memory.add(subjects, predicates, objects, np.arange(1, 13))
    memory.add(["Ann", "Eve"], ["likes", "likes"], ["wine", "tea"], episodes=["Monday", "Friday"])
    memory.remove(subjects[:3], predicates[:3], objects[:3], [1, 2, 1])
    memory.store([])


def scored(memory: TripleMemory) -> list[NDArray[np.float64]]:
    """All scores that a memory gives, in a fixed order of the keys."""
    made = [memory.score(NAMES, ["likes"] * 5, NAMES[::-1])]
    made.append(memory.score(["Ann", "Eve"], ["likes", "fears"], ["wine"] * 2, episodes=["Monday"] * 2))
    return made


@pytest.mark.parametrize("space", PACKED + COUNTED, ids=repr)
def test_sums_of_integers_have_the_bits_of_the_cpu(space: Any) -> None:
    here, there = both(space)
    for memory in (here, there):
        filled(memory)
    assert there.device == "cuda:0"
    assert isinstance(there.state, cuda.DeviceArray)
    assert there == here
    assert len(there) == len(here) == 13
    for mine, theirs in zip(scored(there), scored(here), strict=True):
        assert np.array_equal(mine, theirs)
    for query in QUERIES:
        found, expected = there.query(**query), here.query(**query)
        assert np.array_equal(found.keys, expected.keys)
        assert np.array_equal(found.similarities, expected.similarities)
        assert np.array_equal(found.indices, expected.indices)
    assert there.retrieve([("Ann", "likes", None)]).keys == here.retrieve([("Ann", "likes", None)]).keys
    assert repr(there).endswith("size=13, device='cuda:0')")
    assert np.array_equal(there.keys("object"), here.keys("object"))
    assert there.expected_error() == here.expected_error()
    assert there.capacity() == here.capacity()


@pytest.mark.parametrize("space", [MapI(256), MapB(256)], ids=repr)
def test_vectors_and_memories_that_are_given(space: Any) -> None:
    names = ItemMemory(space)
    names.add(NAMES, space.normalize(space.atoms([f"vector of {name}" for name in NAMES])))
    for given in (names, names.to("cuda"), names.to("cuda:1")):
        here, there = TripleMemory(space, memory=names), TripleMemory(space, memory=given, device="cuda")
        for memory in (here, there):
            filled(memory)
        assert there == here
        for query in QUERIES:
            found, expected = there.query(**query), here.query(**query)
            assert np.array_equal(found.keys, expected.keys)
            assert np.array_equal(found.similarities, expected.similarities)
        asked = {"predicate": Hypervectors(space, space.atoms("likes")), "object": ["tea"], "k": 5}
        assert np.array_equal(there.query(**asked).keys, here.query(**asked).keys)
        assert there.copy()._facts._vocabularies["memory"].given is given
        assert pickle.loads(pickle.dumps(there)) == here
    if isinstance(space, MapI):  # sums are bound on the host
        total = Hypervectors(space, space.superpose(space.atoms(["Ann", "Bob"])))
        for memory in (here, there):
            memory.add(total, "likes", "tea")
        assert there == here
        expected = here.query(subject=total, predicate="likes", k=5)
        found = there.query(subject=total, predicate="likes", k=5)
        assert np.array_equal(found.similarities, expected.similarities)


@pytest.mark.parametrize("space", REALS, ids=repr)
def test_real_facts_differ_by_rounding(space: Any) -> None:
    here, there = both(space)
    for memory in (here, there):
        filled(memory)
    # Products come from the host, and fewer than 257 of them have the CPU's sum, so all is alike but cosines
    # in a search: those are sums in double precision of D products, in another order. The magnitudes of the
    # products add up to the two lengths' product at most; estimates are cosines over what a member scores.
    assert there == here
    for mine, theirs in zip(scored(there), scored(here), strict=True):
        assert np.array_equal(mine, theirs)
    law = here._facts._now()[2](_readout.typical(space, 1))
    within = 4 * (space.nbytes // 4 + 4) * 2.0**-53 / float(law.member - law.mean)
    for query in QUERIES:
        found, expected = there.query(**query), here.query(**query)
        assert np.abs(found.similarities - expected.similarities).max() <= within
        assert np.array_equal(found.keys, expected.keys)


def embedded(space: Any, keys: list[str]) -> NDArray[np.float64]:
    atoms = space.atoms(keys)
    if atoms.dtype == np.uint64:
        return _bipolar.signs(atoms, space.dim, np.float64)
    return np.asarray(atoms, np.float64)


@pytest.mark.parametrize("space", TENSORS, ids=repr)
def test_tensors_differ_by_rounding(space: Any) -> None:
    here, there = both(space, "tensor")
    for memory in (here, there):
        filled(memory)
    assert len(there) == len(here) == 13
    mine, theirs = (np.asarray(one.state, np.float64) for one in (there, here))
    # 19 terms of weights up to 12, whose three factors are at most `top`; a sum rounds 19 + 4 times, on both
    # sides.
    lengths = np.linalg.norm(embedded(space, [*NAMES, "likes", "fears", "Monday", "Friday"]), axis=1)
    # Entries are 1 at most, and those of what HRR binds at most the two lengths' product.
    top = max(1.0, float(lengths.max()) ** 2) if isinstance(space, HRR) else 1.0
    size = float(np.abs(theirs).max()) + 19 * 12 * top**3
    limit = 2 * rounding.SECOND * (19 + 4) * 2.0**-24 * size
    assert np.abs(mine - theirs).max() <= limit
    # A weight is a sum of dim^3 numbers times three factors over their squared lengths: in float32 of depth
    # dim^2 at most, in which all are off by the limit besides.
    dim = space.dim
    bound = here._facts._scoped(
        *(space.atoms(keys) for keys in (["likes", "fears"] * 2, ["Monday", "Friday"] * 2))
    )
    of_bound = (np.asarray(embeddings(space, bound), float) ** 2).sum(axis=1)
    least = min(float(lengths.min()) ** 2, float(of_bound.min()))
    within = (limit + 2 * (dim**2 + 4) * 2.0**-24 * size) * dim**3 * top**3 / min(least, 1.0) ** 3
    for found, expected in zip(scored(there), scored(here), strict=True):
        assert np.abs(found - expected).max() <= within
    for query in QUERIES:
        found, expected = there.query(**query), here.query(**query)
        assert np.abs(found.similarities - expected.similarities).max() <= within


def test_tensors_of_signs_are_exact() -> None:
    # Whole numbers below 2^24 are the same in single precision, whatever their order.
    here, there = both(MapI(65), "tensor")
    for memory in (here, there):
        filled(memory)
    assert there == here
    for mine, theirs in zip(scored(there), scored(here), strict=True):
        assert np.array_equal(mine, theirs)
    for query in QUERIES:
        found, expected = there.query(**query), here.query(**query)
        assert np.array_equal(found.keys, expected.keys)
        assert np.array_equal(found.similarities, expected.similarities)


@pytest.mark.parametrize(
    ("space", "form"), [(MapI(70), "bundle"), (HRR(64), "bundle"), (MapI(20), "tensor"), (HRR(20), "tensor")]
)
def test_copies_files_and_merging(space: Any, form: str, tmp_path: Path) -> None:
    _, there = both(space, form)
    filled(there)
    here = there.to("cpu")
    assert here.device == "cpu"
    assert here.copy() == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    assert pickle.loads(pickle.dumps(there)).device == "cuda:0"
    assert here.to("cuda:1").device == "cuda:1"
    there.save(tmp_path / "facts.safetensors")
    assert hypersketch.load(tmp_path / "facts.safetensors") == here
    expected = here + here
    for mine, other in ((there, here), (there, there), (here, there), (there, here.to("cuda:1"))):
        joined = mine + other
        assert joined == expected
        assert joined.device == mine.device
        assert len(joined) == 26
    found, wanted = there.query(**QUERIES[0]), here.query(**QUERIES[0])
    assert np.array_equal(np.argsort(found.similarities), np.argsort(wanted.similarities))
    there.clear()
    assert there == TripleMemory(space, form=form)
    assert len(there) == 0
    there.add("Ann", "likes", "tea")
    assert there.query(subject="Ann", predicate="likes").keys == [["tea"]]


def test_streams_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no GPU")
    here, there = both(MapI(2048))
    with hypersketch.cuda.stream(torch.cuda.Stream().cuda_stream):
        for memory in (here, there):
            filled(memory)
        assert there == here


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    space = MapI(65)
    for form in ("bundle", "tensor"):
        _, there = both(space, form)
        filled(there)
        before = there.copy()
        with pytest.raises(ValueError, match="as many predicates as subjects"):
            there.add(["Ann", "Bob"], "likes", ["tea", "wine"])
        with pytest.raises(TypeError, match=r"'weights' parameter of TripleMemory\.add"):
            there.add("Ann", "likes", "tea", [0.5])
        with pytest.raises(
            TypeError, match=r"'subjects' parameter of TripleMemory\.add must be keys in host"
        ):
            there.add(cuda.DeviceArray.of(np.arange(3), 0), ["likes"] * 3, ["tea"] * 3)
        with pytest.raises(ValueError, match="to merge"):
            there.merge(TripleMemory(MapI(66), form=form))
        assert there == before
        assert len(there) == len(before)
        assert np.array_equal(there.keys("subject"), before.keys("subject"))
    _, bundle = both(space)
    bundle.add("Ann", "likes", "tea", [2**31 - 2])
    before = bundle.copy()
    with pytest.raises(OverflowError):
        bundle.add("Ann", "likes", "tea", [2], episodes="Monday")
    assert bundle == before
    _, tensor = both(HRR(8), "tensor")
    with pytest.raises(OverflowError, match="nothing was changed"):
        tensor.add("Ann", "likes", "tea", [1e39])
    assert tensor == TripleMemory(HRR(8), form="tensor")


def test_spaces_without_kernels_stay_with_the_cpu() -> None:
    with pytest.raises(ValueError, match="'device' parameter of TripleMemory must be"):
        TripleMemory(MapI(8), device="gpu")
    with pytest.raises(ValueError, match="a GPU of this machine"):
        TripleMemory(MapI(8), device="cuda:99")
