# SPDX-License-Identifier: Apache-2.0
"""Our spaces beside torchhd's on equal vectors, and the way between the two; needs torch and torchhd."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hypersketch.vsa import BSC, BSDC, CGR, FHRR, HRR, MBAT, MCR, VTB, MapB, MapC, MapI, SparseBlockCodes

torch = pytest.importorskip("torch")
torchhd = pytest.importorskip("torchhd")
interop = pytest.importorskip("hypersketch.interop.torchhd")
to_torchhd, from_torchhd = interop.to_torchhd, interop.from_torchhd

SPACES: dict[str, Callable[..., Any]] = {
    "MapI": MapI,
    "MapB": MapB,
    "MapC": MapC,
    "BSC": BSC,
    "HRR": HRR,
    "HRR, spectral": lambda dim: HRR(dim, spectral=True),
    "FHRR": FHRR,
    "VTB": VTB,
    "SparseBlockCodes": lambda dim: SparseBlockCodes(dim * 7, modulus=7),
    "MCR": lambda dim: MCR(dim, modulus=16),
    "CGR": lambda dim: CGR(dim, modulus=5),
}
TENSORS = {"SparseBlockCodes": "BSBC", "HRR, spectral": "HRR", "MapI": "MAP", "MapB": "MAP", "MapC": "MAP"}
spaces = pytest.mark.parametrize("name", SPACES)
DIMS = [1, 4, 64, 100, 121, 1024]
dims = pytest.mark.parametrize("dim", [1, 4, 64, 121])
"""Squares, for VTB, around the words of packed vectors."""
NEAR = 2e-5
"""Both sides round single-precision arithmetic with numbers of the order of 1."""


def made(name: str, dim: int) -> Any:
    return SPACES[name](dim)


def close(ours: Any, theirs: Any) -> bool:
    given = theirs.as_subclass(torch.Tensor).numpy() if isinstance(theirs, torch.Tensor) else theirs
    return np.shape(ours) == np.shape(given) and np.allclose(ours, given, rtol=0, atol=NEAR)


def same(ours: Any, theirs: Any, space: Any, **how: Any) -> bool:
    """Whether a tensor holds the vectors, as the space keeps them."""
    found = from_torchhd(theirs, space, **how)
    assert found.dtype == ours.dtype
    exact = ours.dtype.kind in "iu"
    return bool(np.array_equal(found, ours)) if exact else close(found, ours)


# ---- the way there and back


@spaces
@dims
def test_vectors_come_back(name: str, dim: int) -> None:
    space = made(name, dim)
    for vectors in (space.atoms(range(5)), space.atoms(range(5))[3], space.atoms([])):
        tensor = to_torchhd(vectors, space)
        assert type(tensor).__name__ == f"{TENSORS.get(name, name)}Tensor"
        assert same(vectors, tensor, space)
        assert getattr(tensor, "block_size", None) == getattr(space, "modulus", None)


@spaces
def test_every_supported_type_comes_back(name: str) -> None:
    space = made(name, 100)
    vectors = space.atoms(range(3))
    kind = getattr(torchhd, f"{TENSORS.get(name, name)}Tensor")
    for dtype in kind.supported_dtypes:
        if name == "MapC" and not dtype.is_floating_point:
            continue  # nothing is left of its entries then
        tensor = to_torchhd(vectors, space, dtype=dtype)
        assert tensor.dtype == dtype
        assert same(vectors, tensor, space)


def test_plain_numbers_are_what_both_sides_mean() -> None:
    bits = np.array([0, 1, 1, 0, 1], bool)
    assert to_torchhd(BSC(5).pack(bits), BSC(5)).tolist() == bits.tolist()
    assert to_torchhd(MapI(5).pack(bits), MapI(5)).tolist() == [1, -1, -1, 1, -1]
    places = SparseBlockCodes(8, modulus=4).pack([0, 0, 1, 0, 1, 0, 0, 0])
    assert to_torchhd(places, SparseBlockCodes(8, modulus=4)).tolist() == [2, 0]


@pytest.mark.parametrize("name", ["HRR", "FHRR", "VTB", "MapC"])
def test_memory_is_shared_where_numbers_are_the_same(name: str) -> None:
    space = made(name, 100)
    vectors = space.atoms(range(3))
    tensor = to_torchhd(vectors, space)
    back = from_torchhd(tensor, space)
    assert np.shares_memory(back, vectors)
    vectors.flags.writeable = False
    assert not np.shares_memory(from_torchhd(to_torchhd(vectors, space), space), vectors)


def test_sums_of_map_i_go_as_integers() -> None:
    space = MapI(100)
    sums = space.bundle(["a", "b", "c"], weights=[3, -2, 1]).counters
    assert sums.dtype == np.int32
    assert same(sums, to_torchhd(sums, space), space, sums=True)
    shared = to_torchhd(sums.copy(), space, dtype=torch.int32)
    assert shared.dtype == torch.int32
    assert same(sums, shared, space, sums=True)


def test_tensors_with_gradients_and_lazy_conjugates_come_in() -> None:
    space = FHRR(64)
    tensor = to_torchhd(space.atoms("a"), space).requires_grad_()
    assert close(from_torchhd(torch.conj(tensor), space), space.inverse(space.atoms("a")))
    assert same(space.atoms("a")[0], tensor[0].as_subclass(torch.Tensor), space)


def test_the_example_of_the_readme() -> None:
    page = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})


# ---- equal vectors, equal answers


@spaces
@dims
def test_binding_and_unbinding(name: str, dim: int) -> None:
    space = made(name, dim)
    a, b = space.atoms(range(6)), space.atoms(range(6, 12))
    ours, theirs = to_torchhd(a, space), to_torchhd(b, space)
    bound, product = space.bind(a, b), torchhd.bind(ours, theirs)
    assert same(bound, product, space)
    undone = torchhd.bind(product, torchhd.inverse(theirs))
    if name == "FHRR" or not name.startswith(("HRR", "VTB", "MapC")):
        assert same(a, undone, space)
    assert same(space.unbind(bound, b), undone, space)
    assert same(space.inverse(a), torchhd.inverse(ours), space)


@spaces
def test_one_vector_binds_with_each_of_many(name: str) -> None:
    space = made(name, 64)
    a, b = space.atoms("a")[0], space.atoms(range(4))
    theirs = [torchhd.bind(to_torchhd(one, space), to_torchhd(a, space)) for one in b]
    assert all(same(ours, one, space) for ours, one in zip(space.bind(b, a), theirs, strict=True))


@spaces
@pytest.mark.parametrize("shift", [0, 1, -3, 63, 64, 1000])
def test_permuting(name: str, shift: int) -> None:
    space = made(name, 121)
    a = space.atoms(range(3))
    shifted = torchhd.permute(to_torchhd(a, space), shifts=shift)
    assert same(space.permute(a, shift), shifted, space)


@spaces
def test_identity(name: str) -> None:
    space = made(name, 64)
    kind = getattr(torchhd, f"{TENSORS.get(name, name)}Tensor")
    options = {"block_size": space.modulus} if hasattr(space, "modulus") else {}
    assert same(space.identity(), kind.identity(1, 64, **options)[0], space)


@spaces
@dims
def test_similarity(name: str, dim: int) -> None:
    space = made(name, dim)
    a, b = space.atoms(range(4)), space.atoms([2, 7, 8, 3])
    ours, theirs = to_torchhd(a, space), to_torchhd(b, space)
    if name in ("CGR", "BSC"):  # theirs of CGR is that of MCR; of BSC the cosine of signs is 1 - 2 hamming
        equal = torchhd.hamming_similarity(ours, theirs).as_subclass(torch.Tensor).numpy() / dim
        expected = equal if name == "CGR" else 2 * equal - 1
    else:
        expected = torchhd.cosine_similarity(ours, theirs).as_subclass(torch.Tensor).numpy()
    assert close(space.similarity(a, b), np.diag(expected))
    for i in range(4):
        assert close(space.similarity(a[i], b), expected[i])


# ---- bundles


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_sums(dim: int, n: int) -> None:
    """MAP-I exactly; the others as they are normalized."""
    space = MapI(dim)
    summed = torchhd.multiset(to_torchhd(space.atoms(range(n)), space))
    assert same(space.bundle(range(n)).counters, summed, space, sums=True)
    for name in ("HRR", "HRR, spectral", "FHRR"):
        real = made(name, dim)
        total = torchhd.multiset(to_torchhd(real.atoms(range(n)), real))
        assert same(real.bundle(range(n)).vector, torchhd.normalize(total), real)
    squares = VTB(math.isqrt(dim) ** 2)
    total = torchhd.multiset(to_torchhd(squares.atoms(range(n)), squares))
    assert same(squares.bundle(range(n)).vector, torchhd.normalize(total), squares)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("n", [1, 3, 31])
def test_majorities_of_odd_numbers(dim: int, n: int) -> None:
    for space in (MapB(dim), BSC(dim)):
        total = torchhd.multiset(to_torchhd(space.atoms(range(n)), space))
        assert same(space.bundle(range(n)).pack().vector, torchhd.normalize(total), space)


def test_majorities_of_even_numbers_agree_but_for_ties() -> None:
    space, n = BSC(1000), 6
    votes = space.unpack(space.atoms(range(n))).sum(axis=0)
    ours = space.unpack(space.bundle(range(n)).pack().vector)
    theirs = torchhd.multiset(to_torchhd(space.atoms(range(n)), space)).numpy()
    assert 0 < (votes == n // 2).sum() < 1000
    assert np.array_equal(ours[votes != n // 2], theirs[votes != n // 2])


def decided(rows: NDArray[Any], modulus: int) -> NDArray[np.bool_]:
    """Where one value is more frequent than every other."""
    counts = np.sort((rows[..., np.newaxis] == np.arange(modulus)).sum(axis=0), axis=-1)
    return np.asarray(counts[:, -1] > counts[:, -2])


@pytest.mark.parametrize("name", ["CGR", "SparseBlockCodes"])
@pytest.mark.parametrize("n", [1, 3, 20])
def test_most_frequent_values(name: str, n: int) -> None:
    space = made(name, 400)
    rows = space.atoms(range(n))
    theirs = from_torchhd(torchhd.multiset(to_torchhd(rows, space)), space)
    clear = decided(rows, space.modulus)
    assert clear.any()
    assert np.array_equal(space.bundle(range(n)).vector[clear], theirs[clear])


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_sums_of_directions(n: int) -> None:
    space = MCR(400, modulus=16)
    rows = space.atoms(range(n))
    theirs = from_torchhd(torchhd.multiset(to_torchhd(rows, space)), space)
    phasors = np.exp(2j * np.pi * rows / 16).sum(axis=0)
    turns = np.angle(phasors) * 16 / (2 * np.pi)
    # Sums without a direction, and those that point halfway between two, go either way.
    clear = (np.abs(phasors) > 1e-3) & (np.abs(np.abs(turns - np.round(turns)) - 0.5) > 1e-3)
    assert clear.mean() > 0.3
    assert np.array_equal(space.bundle(range(n)).vector[clear], theirs[clear])


# ---- what is refused


def refused(call: Callable[[], object], *words: str, error: type[Exception] = ValueError) -> None:
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("space", [BSDC(100), MBAT(100), "HRR", None])
def test_spaces_that_torchhd_has_not(space: Any) -> None:
    refused(lambda: to_torchhd(np.zeros(100), space), "'space'", "to_torchhd", error=TypeError)
    refused(lambda: from_torchhd(torch.zeros(100), space), "'space'", "from_torchhd", error=TypeError)


@spaces
def test_wrong_shapes_name_both(name: str) -> None:
    space = made(name, 64)
    width = 64
    for shape in ((), (width + 1,), (2, 3, width), (width, width - 1)):
        dtype = torch.complex64 if name == "FHRR" else torch.float32
        refused(lambda shape=shape, dtype=dtype: from_torchhd(torch.ones(shape, dtype=dtype), space), "64")


def test_tensors_that_are_no_vectors() -> None:
    refused(lambda: from_torchhd(np.ones(8), MapI(8)), "'tensor'", "MAPTensor", error=TypeError)
    refused(lambda: from_torchhd(torchhd.random(1, 8, "HRR"), MapI(8)), "HRRTensor", error=TypeError)
    refused(lambda: from_torchhd(torch.tensor([1.0, -1.0, 3.0]), MapI(3)), "3.0", "sums=True")
    refused(lambda: from_torchhd(torch.tensor([1.0, float("nan")]), MapB(2)), "nan")
    refused(lambda: from_torchhd(torch.tensor([1.5]), MapI(1), sums=True), "1.5")
    refused(lambda: from_torchhd(torch.tensor([2**31]), MapI(1), sums=True), "int32")
    refused(lambda: from_torchhd(torch.ones(2), MapB(2), sums=True), "'sums'", "MapI")
    refused(lambda: from_torchhd(torch.tensor([2]), BSC(1)), "0 and 1")
    refused(lambda: from_torchhd(torch.tensor([0.5]), CGR(1)), "0.5")
    refused(lambda: from_torchhd(torch.tensor([64]), CGR(1)), "64")
    refused(lambda: from_torchhd(torch.tensor([float("inf")]), HRR(1)), "infinity")
    refused(lambda: from_torchhd(torch.tensor([1j]), HRR(1)), "float32", error=TypeError)
    other = torchhd.random(1, 8, "MCR", block_size=9)
    refused(lambda: from_torchhd(other, MCR(8, modulus=16)), "9", "16")


def test_vectors_and_types_that_do_not_go() -> None:
    atoms = MapI(64).atoms("a")
    refused(lambda: to_torchhd(atoms, HRR(64)), "vectors", "64")
    refused(lambda: to_torchhd(atoms.astype(np.float32), MapI(64)), "uint64", error=TypeError)
    refused(lambda: to_torchhd(np.zeros(63, np.int32), MapI(64)), "63", "64")
    refused(lambda: to_torchhd(atoms, MapI(64), dtype=torch.float16), "'dtype'", "MAPTensor")
    refused(lambda: to_torchhd(atoms, MapI(64), dtype="float32"), "'dtype'")
    sums = MapI(64).bundle("a", weights=[200]).counters
    refused(lambda: to_torchhd(sums, MapI(64), dtype=torch.int8), "'dtype'", "200")
    wide = CGR(8, modulus=2**16)
    refused(lambda: to_torchhd(wide.atoms("a"), wide, dtype=torch.int16), "'dtype'")
