# SPDX-License-Identifier: Apache-2.0
"""Continuous memories on a GPU, a real or an emulated one, against their definition in double precision."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
import reference_continuous as reference
from gpu_tools import needs_gpu, on_gpu
from hypersketch import ContinuousMemory, cuda
from test_cuda_search import Interface, Tensor

pytestmark = needs_gpu

SIMILARITIES = ["dot", "cosine", "euclidean", "manhattan"]
SEPARATIONS = ["softmax", "sparsemax", "entmax", "normmax", "top-k", "polynomial", "identity"]
DTYPES = ["float32", "bfloat16", "int8", "float8"]


def made(n: int, dim: int, *, device: str = "cuda", seed: int = 0, **options: Any) -> ContinuousMemory:
    rng = np.random.default_rng(seed)
    memory = ContinuousMemory(dim, device=device, **options)
    values = rng.normal(size=(n, options["value_dim"])) if options.get("value_dim") else None
    memory.store(rng.normal(size=(n, dim)) / dim**0.5, values)
    return memory


def near(memory: ContinuousMemory, n: int, seed: int = 1) -> NDArray[np.float32]:
    rng, patterns = np.random.default_rng(seed), memory.patterns
    chosen = patterns[rng.integers(len(patterns), size=n)]
    return (chosen + 0.3 * rng.normal(size=chosen.shape) / chosen.shape[1] ** 0.5).astype(np.float32)


def error_of_scores(memory: ContinuousMemory, queries: Any, bits: int = 24) -> float:
    """The stated error of scores: (dim + 64) 2^-22 times magnitudes, and what fewer bits add."""
    x, q = (float(np.linalg.norm(rows, axis=1).max()) for rows in (memory.patterns, np.asarray(queries)))
    names = {"dot": q * x, "cosine": 1.0, "euclidean": (q + x) ** 2}
    size = names.get(memory._values["similarity"], 2 * float(np.abs(memory.patterns).sum(axis=1).max()))
    return size * ((memory.dim + 64) * 2.0**-22 + 4 * 2.0**-bits)


def bound_of(memory: ContinuousMemory, queries: Any, beta: float, bits: int = 24, of_sums: int = 13) -> float:
    """The stated error of weighted means: of scores, times beta, and of sums."""
    scores = error_of_scores(memory, queries, bits)
    return float(np.abs(memory.values).max() * (4 * beta * scores + 2.0**-of_sums))


def require_effective(
    memory: ContinuousMemory, queries: Any, beta: float, found: Any, bits: int = 24, of_sums: int = 13
) -> None:
    """Effective patterns are (sum of weights)^2 / sum of squares.

    A weight errs by a factor of exp(beta e) where its score errs by e, the quotient by the fourth power of
    it, and the three sums in it by what sums do.
    """
    exact = bits == 24 or memory._values["dtype"].endswith("8")  # a piece holds what a scale multiplies
    patterns = memory.patterns if exact else reference.rounded(memory.patterns)
    alike = reference.similarities(memory._values["similarity"], queries, patterns)
    wanted = 1 / (reference.weights("softmax", alike, beta) ** 2).sum(axis=1)
    limit = np.expm1(4 * beta * error_of_scores(memory, queries, bits)) + 3 * 2.0**-of_sums
    assert (np.abs(found - wanted) <= limit * wanted).all()


def expected(memory: ContinuousMemory, queries: Any, beta: float, **options: Any) -> NDArray[Any]:
    names = memory._values["similarity"], memory._values["separation"]
    return reference.retrieve(*names, memory.patterns, queries, beta, memory.values, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n", "dim", "n_queries"),
    [(1, 1, 1), (2, 15, 3), (63, 16, 17), (65, 65, 2), (130, 130, 16), (40, 390, 65), (33, 1030, 2)],
)
def test_softmax_is_its_definition_for_every_shape(n: int, dim: int, n_queries: int, dtype: str) -> None:
    memory = made(n, dim, dtype=dtype, beta=4.0)
    queries = near(memory, n_queries)
    found = memory.retrieve(queries)
    assert np.abs(found.states - expected(memory, queries, 4.0)).max() <= bound_of(memory, queries, 4.0)
    require_effective(memory, queries, 4.0, found.effective)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("separation", SEPARATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_similarity_and_separation_is_its_definition(
    similarity: str, separation: str, dtype: str
) -> None:
    if separation in ("polynomial", "identity") and similarity not in ("dot", "cosine"):
        pytest.skip("polynomials of distances are no weights")
    options = {"similarity": similarity, "separation": separation, "dtype": dtype}
    memory = made(70, 20, beta=5.0, value_dim=9 if dtype.endswith("8") else None, **options)
    queries = near(memory, 18 if similarity == "dot" else 3)
    found = memory.retrieve(queries)
    assert np.abs(found.states - expected(memory, queries, 5.0)).max() <= bound_of(memory, queries, 5.0)
    alike = reference.similarities(similarity, queries, memory.patterns)
    best = memory.search(queries, 7)
    limit = error_of_scores(memory, queries)
    np.testing.assert_allclose(best.similarities, -np.sort(-alike, axis=1)[:, :7], rtol=0, atol=limit)
    own = np.take_along_axis(alike, best.indices, 1)
    np.testing.assert_allclose(own, best.similarities, rtol=0, atol=limit)


@pytest.mark.parametrize("dtype", DTYPES)
def test_precision_is_asked_for(dtype: str) -> None:
    memory = made(150, 48, dtype=dtype, beta=3.0)
    for n_queries in (3, 70):
        queries = near(memory, n_queries)
        found = memory.retrieve(queries, precision="tf32")
        assert np.abs(found.states - expected(memory, queries, 3.0)).max() <= bound_of(
            memory, queries, 3.0, 15
        )
        require_bfloats(memory, queries, memory.retrieve(queries, precision="bfloat16"))
    with pytest.raises(ValueError, match=r"'precision' parameter of ContinuousMemory\.retrieve must be"):
        memory.retrieve(queries, precision="float16")  # type: ignore[arg-type]


def require_weights(memory: ContinuousMemory, separation: str, queries: Any, betas: Any, found: Any) -> None:
    """Listed weights are those of the definition but for what errors e of theta = beta s make of them.

    A softmax errs by a factor of exp(2 e). A threshold moves by e where all theta do, so that
    max(0, theta - tau), which is at most 1, errs by 2 e: sparsemax is this, entmax the square of it for
    theta / 2, and normmax the square over the sum of squares, which is at least 1: another p times the sum
    of 4 e sqrt(p).
    """
    alike = reference.similarities("dot", queries, memory.patterns)
    shares = reference.weights(separation, alike, betas)
    dense = np.zeros_like(shares)
    rows = np.repeat(np.arange(len(shares)), np.diff(found.starts))
    dense[rows, found.indices] = found.values
    e = betas * error_of_scores(memory, queries) + 2.0**-23  # and what rounding beta and the weight does
    limits = {"sparsemax": 2 * e, "entmax": 2 * e * (1 + e)}.get(separation, np.expm1(2 * e) * shares)
    if separation == "normmax":
        limits = 4 * e * (1 + e) * (1 + shares * np.sqrt(shares).sum(axis=1, keepdims=True))
    listed = dense > 0
    assert (np.abs(dense - shares)[listed] <= np.broadcast_to(limits, shares.shape)[listed]).all()
    assert (shares - limits <= 1e-6)[~listed].all()  # the least that is listed


def require_bfloats(memory: ContinuousMemory, queries: Any, found: Any) -> None:
    """Of queries and patterns rounded to bfloat16 all is as in 15 bits, and weights have 8."""
    names = memory._values["similarity"], "softmax"
    scaled = memory._values["dtype"].endswith("8")  # what is multiplied by a scale has 8 bits already
    patterns = memory.patterns if scaled else reference.rounded(memory.patterns)
    wanted = reference.retrieve(*names, patterns, reference.rounded(queries), 3.0, memory.values)
    bound = bound_of(memory, queries, 3.0, 15, of_sums=8)
    assert bound < np.abs(wanted).max() / 2 or len(memory) == 1
    assert np.abs(found.states - wanted).max() <= bound
    require_effective(memory, reference.rounded(queries), 3.0, found.effective, 15, of_sums=8)


@pytest.mark.parametrize("value_dim", [None, 40])
@pytest.mark.parametrize("similarity", SIMILARITIES[:3])
@pytest.mark.parametrize(
    ("n", "dim", "n_queries"),
    [(1, 3, 33), (129, 64, 33), (300, 100, 130), (70, 200, 65), (700, 200, 65), (300, 400, 65)],
)
def test_many_queries_are_retrieved_by_groups_of_warps(
    n: int, dim: int, n_queries: int, similarity: str, value_dim: int | None
) -> None:
    if cuda.devices()[0].capability != (9, 0):
        pytest.skip("groups of warps multiply on compute capability 9.0 alone")
    memory = made(n, dim, similarity=similarity, dtype="bfloat16", beta=3.0, value_dim=value_dim)
    queries = near(memory, n_queries)
    found = memory.retrieve(queries, precision="bfloat16")
    require_bfloats(memory, queries, found)
    few = memory.retrieve(queries[:32], precision="bfloat16")  # by single warps
    require_bfloats(memory, queries[:32], few)


@pytest.mark.parametrize("separation", SEPARATIONS)
@pytest.mark.parametrize("value_dim", [None, 9])
def test_steps_weights_and_energies_are_those_of_the_cpu(separation: str, value_dim: int | None) -> None:
    here = made(90, 24, device="cpu", beta=6.0, separation=separation, value_dim=value_dim)
    there, queries = here.to("cuda"), near(here, 5)
    listed = {"weights": True, "energies": True} if separation not in ("polynomial", "identity") else {}
    betas = np.linspace(4.0, 8.0, 5)
    ours: Any = there.retrieve(queries, 6, tol=1e-4, betas=betas, **listed)  # type: ignore[arg-type]
    theirs: Any = here.retrieve(queries, 6, tol=1e-4, betas=betas, **listed)  # type: ignore[arg-type]
    np.testing.assert_array_equal(ours.steps, theirs.steps)
    np.testing.assert_array_equal(ours.converged, theirs.converged)
    # Errors of one step grow with the next, so every step is compared with the definition of its own.
    plain = ContinuousMemory(24, separation=separation, device="cuda")
    plain.store(here.patterns)
    states = [queries]
    for steps in range(1, 7):
        walked = plain.retrieve(queries, steps, tol=1e-4, betas=betas)
        wanted = reference.retrieve("dot", separation, here.patterns, states[-1], betas[:, None])
        moved = walked.steps == steps
        limit = bound_of(plain, states[-1], 8.0)
        assert np.abs(walked.states - wanted)[moved].max(initial=0.0) <= limit
        np.testing.assert_array_equal(walked.states[~moved], states[-1][~moved])
        states.append(walked.states)
    ended = states[-1] if value_dim is None else states[-2]
    if value_dim is None:
        np.testing.assert_array_equal(ours.states, ended)
    else:
        wanted = reference.retrieve("dot", separation, here.patterns, ended, betas[:, None], here.values)
        assert np.abs(ours.states - wanted).max() <= bound_of(there, ended, 8.0)
    if listed:
        began = np.stack(states)[ours.steps - 1, np.arange(5)]
        require_weights(plain, separation, began, betas[:, None], ours.weights)
        # A maximum over weights of <p, s> less a regularizer moves by no more than the scores, on both sides.
        limit = 2 * error_of_scores(plain, ended) + 2.0**-22
        np.testing.assert_allclose(ours.energies, here.energy(ended, betas=betas), rtol=2.0**-22, atol=limit)
        np.testing.assert_array_equal(ours.weights.indices, theirs.weights.indices)


@pytest.mark.parametrize("separation", ["sparsemax", "entmax", "normmax"])
def test_many_candidates_are_found_by_passes(separation: str) -> None:
    memory = made(2300, 12, separation=separation, beta=2e-5, value_dim=3)
    queries = near(memory, 2)
    found = memory.retrieve(queries)
    wanted = expected(memory, queries, 2e-5)
    assert np.abs(found.states - wanted).max() <= bound_of(memory, queries, 2e-5)
    assert found.effective.min() > 2048


def test_equal_patterns_are_ranked_by_number_also_beyond_one_pass() -> None:
    memory = ContinuousMemory(3, device="cuda")
    memory.store(np.ones((300, 3)))
    np.testing.assert_array_equal(memory.search(np.ones((2, 3)), 290).indices, [range(290)] * 2)


def test_answers_are_of_the_kind_of_the_queries() -> None:
    memory, plain = made(50, 12, beta=5.0), made(50, 12, device="cpu", beta=5.0)
    queries = near(plain, 4)
    expected_states = memory.retrieve(queries, 2).states
    for given in (on_gpu(queries), Interface(queries), Tensor(queries)):
        found = memory.retrieve(given, 2, weights=True, energies=True)
        for part in (found.states, found.energies, found.steps, found.converged, found.effective):
            assert isinstance(part, cuda.DeviceArray)
        np.testing.assert_array_equal(np.asarray(found.states), expected_states)
        assert found.weights is not None
        assert isinstance(found.weights.values, cuda.DeviceArray)
    out = cuda.DeviceArray.empty((4, 12), np.float32, 0)
    with cuda.stream(2):
        assert memory.retrieve(on_gpu(queries), 2, out=out, betas=on_gpu(np.full(4, 5.0))).states is out
    np.testing.assert_array_equal(np.asarray(out), expected_states)
    best = memory.search(on_gpu(queries), 3)
    np.testing.assert_array_equal(np.asarray(best.indices), plain.search(queries, 3).indices)
    sparse = made(50, 12, separation="entmax", beta=5.0)
    found = sparse.retrieve(on_gpu(queries), weights=True)
    np.testing.assert_array_equal(np.asarray(found.states), sparse.retrieve(queries).states)
    host = np.empty((4, 12), np.float32)
    assert memory.retrieve(queries, 2, out=host).states is host
    np.testing.assert_array_equal(host, expected_states)
    for nothing in (queries[:0], on_gpu(queries[:0])):
        assert np.asarray(memory.retrieve(nothing, weights=True).states).shape == (0, 12)
        assert np.asarray(memory.search(nothing, 2).indices).shape == (0, 2)


@pytest.mark.parametrize("separation", ["softmax", "sparsemax"])
def test_energies_are_of_the_kind_of_the_states(separation: Any) -> None:
    memory = made(40, 12, beta=5.0, separation=separation)
    states = near(memory, 4)
    expected_levels = memory.energy(states, betas=[4.0, 5.0, 6.0, 7.0])
    betas = np.array([4.0, 5.0, 6.0, 7.0], np.float32)
    for given in (on_gpu(states), Interface(states), Tensor(states)):
        levels: Any = memory.energy(given, betas=on_gpu(betas))
        assert isinstance(levels, cuda.DeviceArray)
        np.testing.assert_array_equal(np.asarray(levels), expected_levels)
    np.testing.assert_array_equal(memory.energy(states, betas=on_gpu(betas)), expected_levels)
    with pytest.raises(ValueError, match=r"'states' parameter of .*energy is on cuda:0, but .* is on cpu"):
        memory.to("cpu").energy(on_gpu(states))
    if len(cuda.devices()) > 1:
        with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
            memory.energy(cuda.DeviceArray.of(states, 1))
    with pytest.raises(ValueError, match=r"'states' parameter of ContinuousMemory\.energy must be finite"):
        memory.energy(on_gpu(np.full((1, 12), np.nan, np.float32)))


def test_temperatures_of_host_queries_may_lie_on_a_gpu() -> None:
    betas = np.linspace(4.0, 8.0, 5)
    for device in ("cpu", "cuda"):
        memory = made(30, 8, device=device, beta=2.0)
        queries = near(memory, 5)
        found, wanted = memory.retrieve(queries, betas=on_gpu(betas)), memory.retrieve(queries, betas=betas)
        np.testing.assert_array_equal(found.states, wanted.states)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value_dim", [None, 5])
def test_changes_are_those_of_the_cpu(dtype: Any, value_dim: int | None) -> None:
    rng = np.random.default_rng(3)
    here = ContinuousMemory(7, dtype=dtype, value_dim=value_dim, beta=2.0)
    there = ContinuousMemory(7, dtype=dtype, value_dim=value_dim, beta=2.0, device="cuda")
    for n in (3, 0, 40):
        rows = rng.normal(size=(n, 7)).astype(np.float32)
        values = None if value_dim is None else rng.normal(size=(n, value_dim)).astype(np.float32)
        here.store(rows, values)
        there.store(on_gpu(rows) if n == 40 else rows, on_gpu(values) if n and value_dim else values)
    changed = rng.normal(size=(2, 7)), None if value_dim is None else rng.normal(size=(2, value_dim))
    for memory in (here, there):
        memory.update([4, 1], *changed)
        memory.remove([0, 20])
    # Both round the same root, up to double precision: to one float or its neighbour.
    np.testing.assert_allclose(there._held.lengths.rows, here._held.lengths.rows, rtol=2.0**-23)
    np.testing.assert_array_equal(there.patterns, here.patterns)
    np.testing.assert_array_equal(there.values, here.values)
    assert repr(there).endswith("n_added=41, device='cuda:0')")
    other = there.copy()
    other.store(other.patterns[:1], None if value_dim is None else other.values[:1])
    assert (len(other), len(there)) == (42, 41)
    assert there.to("cpu") == there
    for twin in (pickle.loads(pickle.dumps(there)), there.to("cuda:1").to("cuda")):
        assert twin == there
        assert twin.device == "cuda:0"
    assert hypersketch.from_bytes(there.to_bytes()) == there


def test_measured_temperatures_are_those_of_the_cpu() -> None:
    here = made(40, 16, device="cpu")
    there = here.to("cuda")
    assert there.beta_for(0.1) == here.beta_for(0.1)
    assert there.measured_beta(0.1) == pytest.approx(here.measured_beta(0.1), rel=1e-3)


def test_the_same_call_gives_the_same_bits() -> None:
    memory = made(700, 33, beta=3.0)
    queries = near(memory, 20)
    first, again = memory.retrieve(queries, 3), memory.retrieve(queries, 3)
    np.testing.assert_array_equal(first.states, again.states)


def test_a_store_for_which_there_is_no_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if cuda.devices()[0].name != "emulated":
        pytest.skip("only the emulation can be short of memory on demand")
    memory = made(20, 8, value_dim=3, beta=2.0)
    queries, before = near(memory, 2), memory.to_bytes()
    monkeypatch.setenv("CUDA_ON_CPU_MEMORY", "2000")
    with pytest.raises(MemoryError):
        memory.store(np.ones((4000, 8)), np.ones((4000, 3)))
    with pytest.raises(MemoryError):
        memory.retrieve(np.ones((4000, 8)))
    monkeypatch.delenv("CUDA_ON_CPU_MEMORY")
    assert memory.to_bytes() == before
    assert len(memory.retrieve(queries)) == 2


def test_what_is_refused() -> None:
    memory, queries = made(5, 4, similarity="cosine"), np.ones((2, 4), np.float32)
    for strange, words in ((np.nan, "finite in float32.*row 1"), (0.0, "no zero vector.*row 1")):
        bad = queries.copy()
        bad[1] = strange
        with pytest.raises(ValueError, match=words):
            memory.retrieve(on_gpu(bad))
        with pytest.raises(ValueError, match="row 1"):
            memory.store(on_gpu(bad))
    assert len(memory) == 5
    with pytest.raises(TypeError, match="vectors of float32 with 4 numbers"):
        memory.search(on_gpu(queries.astype(np.complex64)))
    with pytest.raises(ValueError, match=r"is on cuda:0, but the structure is on cpu"):
        memory.to("cpu").retrieve(on_gpu(queries))
    with pytest.raises(ValueError, match=r"is on cuda:0, but the structure is on cpu"):
        memory.to("cpu").store(on_gpu(queries))
    with pytest.raises(ValueError, match=r"finite in bfloat16\. Row 0 is not"):
        made(5, 4, dtype="bfloat16").store(on_gpu(np.full((1, 4), 3.4e38, np.float32)))
    with pytest.raises(ValueError, match="needs patterns"):
        ContinuousMemory(4, device="cuda").retrieve(on_gpu(queries))
    with pytest.raises(ValueError, match=r"'device' parameter of ContinuousMemory\.over must be 'cpu'"):
        ContinuousMemory.over(queries, device="cuda")


@pytest.mark.parametrize("n_queries", [1, 20])
@pytest.mark.parametrize("path", ["host", "gpu"])
def test_floats_of_8_bits_are_those_of_the_cpu(path: str, n_queries: int) -> None:
    """All codes, midpoints between them, which go to the even one, and their neighbours."""
    sizes = reference.float8(np.arange(127))
    middle = ((sizes[:-1] + sizes[1:]) / 2).astype(np.float32)
    near = np.nextafter(middle, np.float32(0)), middle, np.nextafter(middle, np.float32(np.inf))
    numbers = np.concatenate([sizes[::-1].astype(np.float32), *near])  # the first is 448
    rows = np.outer([1.0, -1.0, 2.0**-100, 3e34, 0.7], numbers).astype(np.float32)
    here = ContinuousMemory(len(numbers), dtype="float8", beta=1.0)
    there = ContinuousMemory(len(numbers), dtype="float8", beta=1.0, device="cuda")
    here.store(rows)
    there.store(on_gpu(rows) if path == "gpu" else rows)
    for ours, theirs in zip(there._held.patterns.columns, here._held.patterns.columns, strict=True):
        np.testing.assert_array_equal(ours.rows, theirs.rows)
    np.testing.assert_array_equal(here._held.patterns.rows.rows[0], reference.to_float8(numbers))
    np.testing.assert_allclose(there._held.lengths.rows, here._held.lengths.rows, rtol=1e-6)
    one = ContinuousMemory(len(numbers), dtype="float8", beta=1.0, device="cuda")
    one.store(rows[:1])  # whose scale and weight are 1, so that nothing is rounded
    for precision in ("float32", "bfloat16"):
        found = one.retrieve(np.ones((n_queries, len(numbers))), precision=precision)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.states, np.tile(one.patterns, (n_queries, 1)))
    with pytest.raises(ValueError, match=r"scaled to float8.* row 1\."):
        there.store(on_gpu(np.full((2, len(numbers)), [[1.0], [2e-33]], np.float32)))
    assert len(there) == 5
