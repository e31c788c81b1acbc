# SPDX-License-Identifier: Apache-2.0
"""Experiments on a GPU: the rows and verdicts of the CPU, or a sentence before anything runs."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import binding_errors
import rounding
from cli_tools import call
from gpu_tools import REASON, needs_gpu
from hypersketch import capacity, cuda
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.devices import able, experiments_on_gpu
from hypersketch.capacity.experiments import EXPERIMENTS
from hypersketch.capacity.experiments.projection import _vectors
from hypersketch.capacity.kernels_on_gpu import Rows
from hypersketch.capacity.report import command_line, reproduction
from hypersketch.capacity.structures import STRUCTURES, structure
from hypersketch.capacity.structures.bloom import Filter
from hypersketch.capacity.structures.count_sketch import RowSketch
from hypersketch.capacity.structures.counting_bloom import CountingBloom
from hypersketch.memories import (
    ContinuousMemory,
    HopfieldMembership,
    NeighbourMemory,
    OuterProductMemory,
    SparseDistributedMemory,
    WillshawMemory,
)
from hypersketch.memories._pattern_memory import PatternMemory
from hypersketch.sketches.projection import SparseProjection
from hypersketch.vsa import MapI

without_gpu = pytest.mark.skipif(REASON is None, reason="this machine has a GPU")

SMALL: dict[str, dict[str, Any]] = {
    "membership": {"n": [10, 40], "trials": 4},
    "intersection": {"n": 21, "trials": 20},
    "frequency": {"n": 20, "trials": 20},
    "pairs": {"n": 10, "trials": 5},
    "sequence": {"n": [3, 8], "dims": 70, "trials": 2},
    "nested": {"n": [2, 3], "dims": 70, "trials": 2},
    "cleanup": {"n": [3, 4], "dims": 70, "trials": 3, "universe": 40},
    "cleanup-pairs": {"n": [3, 4], "dims": 64, "trials": 4, "universe": 40},
    "schlegel": {"n": 3, "trials": 1, "universe": 40},
    "accuracy": {"n": [4, 5], "dims": 70, "trials": 5, "universe": 40},
    "log-N": {"n": 6, "dims": 100, "trials": 4, "universe": 64},
    "bloom-fpr": {"n": 200, "dims": [1024, 2600], "trials": 1},
    "bloom-intersection": {"n": 50, "trials": 10},
    "count-error": {"n": 60, "dims": 24, "trials": 10},
    "projection": {"n": 4, "dims": 64, "trials": 10},
    "bsc-exact": {"n": [4, 5], "dims": 70, "trials": 2},
    "sequence-length": {"n": [9, 10], "dims": 100, "trials": 6},
    "noise": {"n": 5, "dims": 130, "trials": 1},
    "binding-depth": {"n": [1, 3], "dims": 100, "trials": 3},
    "quantization": {"n": 6, "dims": 70, "trials": 2},
    "resonator": {"n": [2, 3], "dims": 12, "trials": 1},
    "scaling-laws": {"n": 20, "dims": [4, 8], "trials": 2},
    "superposition": {"n": 4, "dims": [9, 16], "trials": 2},
    "set-width": {"n": 5, "dims": 70, "trials": 4, "universe": 60},
    "dense-curse": {"n": 30, "dims": 6, "trials": 2},
    "continuous-beta": {"n": 20, "dims": 8, "trials": 3},
    "entmax-exact": {"n": 20, "dims": 8, "trials": 3},
    "hopfield-error": {"n": 6, "dims": 24, "trials": 3},
    "hopfield-cliff": {"dims": 24, "trials": 2},
    "storage-rules": {"dims": 24, "trials": 2},
    "dense-degree": {"dims": 16, "trials": 2},
    "hopfield-pm": {"dims": 8, "n": 20, "trials": 3},
    "sdm": {"n": 10, "dims": 40, "trials": 2},
    "willshaw": {"n": 10, "dims": 32, "trials": 2},
    "sparsey": {"n": 6, "dims": 8, "trials": 2},
}
MEMBERS = "bloom", "bloom-split-block", "bloom-cache-line", "counting-bloom", "map-i", "map-b", "hopfield"
FLOATS: dict[str, Callable[[Any], float]] = {}
"""How far rows may be apart of experiments with sums of floats, whose order is that of the device."""


def floats(name: str) -> Callable[[Callable[[Any], float]], Callable[[Any], float]]:
    """Register the bound of an experiment's rows."""
    return lambda bound: FLOATS.setdefault(name, bound)


@floats("projection")
def apart_of_projections(row: Any) -> float:
    """Coordinates are sums of n features, so that inner products err by 2 (n + 2) u |x|_1 |y|_1 on each side.

    Columns of the map have length 1. The mean of squares (v - c)^2 then moves by 2 d sqrt(mean) + d^2.
    """
    x, y = (np.abs(vector).sum() for vector in _vectors(row.n))
    sizes = x * x if row.quantity == "length variance" else x * y
    apart = 4 * rounding.SECOND * (row.n + 2) * rounding.unit(np.float64) * sizes
    return float(apart if row.quantity == "inner product" else 2 * apart * np.sqrt(row.measured) + apart**2)


@floats("binding-depth")
def apart_of_phasors(row: Any) -> float:
    """Unit phasors that were bound and unbound err by d = 10 u a binding, and their cosine by d^2 / 2.

    Both products take 3 u each, and lengths of the other that are not quite 1, 4 u. The cosine is of sums of
    2 D numbers in double precision. Products that are none of entries are followed by their definition.
    """
    if row.structure in ("hrr", "vtb", "tvtb"):
        return binding_errors.apart(row, seed=5)
    away, dim = 10 * row.n * rounding.unit(np.float32), row.size["dim"]
    return float(rounding.SECOND * (away**2 + 2 * (2 * dim + 8) * rounding.unit(np.float64)))


@floats("continuous-beta")
def apart_of_weights(row: Any) -> float:
    """Scores of unit vectors err as stated, weights by exp(2 beta e), and their sums by 2^-13, on both sides.

    The weight of the pattern asked for, which is the most alike, is 1 / n at least.
    """
    e = (row.size["dim"] + 64) * 2.0**-22 + (row.size["dim"] + 2) * 2.0**-24
    factor, of_sums = np.expm1(2 * row.setting["beta"] * e), 2 * 2.0**-13
    if row.quantity == "leakage":
        return float(row.measured * factor + of_sums)
    return float(row.measured * (factor + row.n * of_sums) + row.n * of_sums)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer strangers, codebooks and features where there are very many, and no figures."""
    monkeypatch.setattr(type(EXPERIMENTS["bloom-fpr"]), "probes", 3000)
    for name in ("membership", "nested", "pairs"):
        monkeypatch.setattr(type(EXPERIMENTS[name]), "probes", 70)
    rule, few = sys.modules[type(EXPERIMENTS["schlegel"]).__module__], (2, 3, 4)
    for name, value in (("_RUNS", 2), ("SIZES", few), ("DIMENSIONS", range(40, 200, 30))):
        monkeypatch.setattr(rule, name, value)
    monkeypatch.setattr(sys.modules[type(EXPERIMENTS["superposition"]).__module__], "_FEATURES", (33,))
    monkeypatch.setattr(sys.modules[type(EXPERIMENTS["resonator"]).__module__], "BUDGET", 20)
    monkeypatch.setattr("hypersketch.capacity.report.write_report", lambda *_: [])


@pytest.fixture
def made_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Devices of all structures that a run makes."""
    devices: list[str] = []
    for family in (Filter, CountingBloom, RowSketch):
        build: Any = family.build

        def recorded(*arguments: Any, build: Any = build) -> Any:
            made = build(*arguments)
            devices.append(made.device)
            return made

        monkeypatch.setattr(family, "build", recorded)
    memories = PatternMemory, SparseDistributedMemory, ContinuousMemory, WillshawMemory, NeighbourMemory
    for memory in memories:
        verb = "search" if memory is NeighbourMemory else "retrieve"
        retrieve: Any = getattr(memory, verb)

        def retrieved(one: Any, *asked: Any, retrieve: Any = retrieve, **options: Any) -> Any:
            devices.append(one.device)
            return retrieve(one, *asked, **options)

        monkeypatch.setattr(memory, verb, retrieved)
    score: Any = HopfieldMembership.score_hashes

    def scored(one: Any, hashes: Any, **options: Any) -> Any:
        devices.append(one.device)
        return score(one, hashes, **options)

    monkeypatch.setattr(HopfieldMembership, "score_hashes", scored)
    recall: Any = OuterProductMemory.recall

    def recalled(one: Any, *asked: Any) -> Any:
        devices.append(one.device)
        return recall(one, *asked)

    monkeypatch.setattr(OuterProductMemory, "recall", recalled)
    project: Any = SparseProjection.project

    def projected(one: Any, rows: Any, **options: Any) -> Any:
        devices.append("cpu" if isinstance(rows, np.ndarray) else rows.device)
        return project(one, rows, **options)

    monkeypatch.setattr(SparseProjection, "project", projected)
    for place in (Passing, DeviceArray):
        begin: Any = place.__init__

        def begun(one: Any, first: Any, *rest: Any, begin: Any = begin) -> None:
            devices.append(f"cuda:{getattr(first, 'device', first)}")
            begin(one, first, *rest)

        monkeypatch.setattr(place, "__init__", begun)
    return devices


# ---- everywhere


def test_the_small_runs_are_all_that_can() -> None:
    assert experiments_on_gpu() == list(SMALL)
    assert able("membership") == [*MEMBERS]
    assert able("nested") == ["map-i", "map-b"]
    assert able("accuracy")[:3] == ["map-i", "map-b", "bsc"]
    assert able("noise") == ["map-b", "map-i-bits"]
    assert able("count-error") == ["count-sketch", "count-min"]


@pytest.mark.parametrize("name", sorted({*EXPERIMENTS, "paper"} - {*SMALL}))
def test_experiments_that_cannot_say_which_can(name: str) -> None:
    with pytest.raises(
        ValueError, match=f"'device' parameter of run must be 'cpu' for the experiment {name}"
    ) as e:
        capacity.run(name, device="cuda")
    assert f"(experiments that can run on a GPU: {', '.join(SMALL)}). Got 'cuda' instead." in str(e.value)


def test_structures_that_cannot_say_which_can() -> None:
    with pytest.raises(ValueError, match="must be 'cpu' for bsdc-thin, which has no GPU kernels") as one:
        capacity.run("log-N", structures=["map-i", "bsdc-thin"], device="cuda")
    assert f"(structures of log-N that have: {', '.join(able('log-N'))})" in str(one.value)
    with pytest.raises(ValueError, match="for count-min-conservative, which has no GPU kernels"):
        capacity.run("count-error", structures="count-min-conservative", device="cuda")
    with pytest.raises(ValueError, match=r"for tensor-sketch, which .* have: dense-signs, sparse-signs\)"):
        capacity.run("projection", structures=["dense-signs", "tensor-sketch"], device="cuda")
    with pytest.raises(ValueError, match=r"for bsdc-thin, which has no .* have: map-i, map-b, bsc"):
        capacity.run("cleanup", structures=["bsc", "bsdc-thin", "bsdc-seg"], device="cuda")
    with pytest.raises(ValueError, match="Unknown structure 'map-x'"):
        capacity.run("membership", structures=["map-x"], device="cuda")


def test_names_of_devices_are_checked() -> None:
    with pytest.raises(ValueError, match=r"must be 'cpu', 'cuda' or 'cuda:0', .* Got 'gpu' instead"):
        capacity.run("membership", device="gpu")
    with pytest.raises(TypeError, match="'device' parameter of run"):
        capacity.run("membership", device=0)  # type: ignore[arg-type]


def test_adapters_without_kernels_stay_on_the_cpu() -> None:
    for name, entry in STRUCTURES.items():
        if not entry.has_kernels:
            with pytest.raises(ValueError, match=f"'{name}' has no GPU kernels"):
                structure(name, "cuda")
    assert structure("bloom", "cuda:1").device == "cuda:1"
    assert structure("bloom").device == "cpu"


def test_the_device_is_no_part_of_a_cell() -> None:
    here, there = (
        Cell("membership", "bloom", 5, {"n_bits": 64}, 1, 2, 9, 1, {}, on) for on in ("cpu", "cuda:0")
    )
    assert here.to_json() == there.to_json()
    assert (here, here.seed) == (there, there.seed)


def test_command_and_page_name_a_gpu_and_not_the_cpu() -> None:
    config = {"experiment": "membership", "seed": 1, "device": "cpu", "version": "1"}
    assert "--device" not in command_line(config)
    assert "measured on the CPU" in reproduction(config)
    config["device"] = "cuda:1"
    assert "membership --device cuda:1 --seed 1" in command_line(config)
    assert "measured on a GPU (cuda:1)" in reproduction(config)


@pytest.mark.usefixtures("quick")
def test_a_run_on_another_device_is_another_run(tmp_path: Path) -> None:
    capacity.run("pairs", out=tmp_path, **SMALL["pairs"])
    facts = tmp_path / "run.json"
    text = facts.read_text()
    assert json.loads(text)["config"]["device"] == "cpu"
    assert "gpu" not in json.loads(text)["machine"]
    facts.write_text(text.replace('"device": "cpu"', '"device": "cuda:0"'))
    with pytest.raises(ValueError, match=r"with other settings \(device: cuda:0 there, cpu here\)"):
        capacity.run("pairs", out=tmp_path, resume=True, **SMALL["pairs"])


def test_option_of_the_command() -> None:
    result = call("capacity", "paper", "--device", "cuda")
    assert result.exit_code == 1
    assert result.stderr.startswith("--device must be 'cpu' for the experiment paper, which needs structures")
    assert len(result.stderr.strip().splitlines()) == 1
    assert call("capacity", "pairs", "--device", "gpu").stderr.startswith("--device must be 'cpu', 'cuda' or")
    small = ["--n", "10", "--dims", "160", "--trials", "5", "--jobs", "1"]
    assert call("capacity", "pairs", *small, "--structures", "bloom", "--device", "cpu").exit_code in (0, 3)


class Asked:
    """An executor that only remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[object, ...]]] = []

    def submit(self, function: Any, *arguments: object) -> Future[Any]:
        self.calls.append((function.__name__, arguments))
        future: Future[Any] = Future()
        future.set_exception(RuntimeError("No GPU where the cells are measured."))
        return future


def test_an_executor_is_asked_for_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "why_not", lambda: pytest.fail("CUDA was started in the process that forks"))
    executor: Any = Asked()
    with pytest.raises(RuntimeError, match="No GPU where the cells are measured"):
        capacity.run("membership", device="cuda", executor=executor)
    assert executor.calls == [("place", ("cuda",))]


@without_gpu
def test_without_a_gpu_the_reason_is_said() -> None:
    with pytest.raises(RuntimeError) as error:
        capacity.run("membership", device="cuda")
    assert str(error.value) == REASON
    result = call("capacity", "membership", "--device", "cuda")
    assert (result.exit_code, result.stderr) == (1, f"{REASON}\n")


# ---- on a GPU


@needs_gpu
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("name", "structure"), [(name, one) for name in SMALL for one in able(name)])
def test_rows_and_verdicts_are_those_of_the_cpu(
    name: str, structure: str, tmp_path: Path, made_on: list[str]
) -> None:
    settings = {"structures": structure, "seed": 5, **SMALL[name]}
    here = capacity.run(name, out=tmp_path / "cpu", **settings)
    assert set(made_on) <= {"cpu"}
    made_on.clear()
    there = capacity.run(name, out=tmp_path / "gpu", device="cuda", **settings)
    assert set(made_on) == {"cuda:0"}
    assert [row.verdict for row in there] == [row.verdict for row in here]
    if name in FLOATS:
        for ours, theirs in zip(there, here, strict=True):
            assert abs(ours.measured - theirs.measured) <= FLOATS[name](theirs)
        return
    files = [(tmp_path / device / "results.jsonl").read_bytes() for device in ("cpu", "gpu")]
    assert files[0] == files[1] != b""


@needs_gpu
def test_products_of_sums_too_large_for_single_precision_are_exact() -> None:
    space = MapI(70, seed=1)
    rows = Rows(space, "cuda:0")
    book = rows.atoms(np.arange(5, dtype=np.uint64))
    sums = np.random.default_rng(1).integers(-(2**30), 2**30, (3, 70), np.int32)
    found = rows.products(rows.passing.span(sums), 3, book, 5, 2**30)
    atoms = space.unpack(rows.to_host(book, np.uint64).reshape(5, -1)).astype(np.int64)
    assert (found == sums.astype(np.int64) @ atoms.T).all()


@needs_gpu
def test_without_names_all_are_measured_that_can() -> None:
    results = capacity.run("membership", device="cuda", n=10, dims=512, trials=3)
    assert list(dict.fromkeys(row.structure for row in results)) == able("membership")


@needs_gpu
@pytest.mark.usefixtures("quick")
def test_threads_and_processes_give_the_same_file(tmp_path: Path) -> None:
    def run(out: Path, **more: Any) -> bytes:
        some = ["bloom", "map-i", "map-b"]
        settings: dict[str, Any] = {"structures": some, "n": [10, 20], "trials": 2, "seed": 3}
        capacity.run("membership", device="cuda", out=out, **settings, **more)
        return (out / "results.jsonl").read_bytes()

    alone = run(tmp_path / "alone")
    assert run(tmp_path / "jobs", jobs=3) == alone
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert run(tmp_path / "pool", executor=pool) == alone


@needs_gpu
@pytest.mark.usefixtures("quick")
def test_a_run_goes_on_only_on_its_device(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    settings: dict[str, Any] = {"structures": "bloom", "out": tmp_path, **SMALL["pairs"]}
    with pytest.raises(KeyboardInterrupt):
        capacity.run("pairs", device="cuda", progress=stop, **settings)
    with pytest.raises(
        ValueError, match=r"unfinished run with other settings \(device: cuda:0 there, cpu here\)"
    ):
        capacity.run("pairs", resume=True, **settings)
    # 'cuda' and 'cuda:0' are one device.
    capacity.run("pairs", device="cuda:0", resume=True, **settings)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["config"]["device"] == "cuda:0"
    assert facts["machine"]["gpu"] == cuda.devices()[0].name


@needs_gpu
def test_the_command_measures_on_a_gpu(tmp_path: Path) -> None:
    small = ["--n", "10", "--trials", "5", "--jobs", "2", "--out", str(tmp_path)]
    result = call("capacity", "pairs", *small, "--structures", "bloom", "--device", "cuda")
    assert result.exit_code in (0, 3), result.output
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "measured on a GPU (cuda:0)" in page
    assert "--device cuda:0" in page


@needs_gpu
def test_a_fork_of_a_process_that_used_cuda_is_refused() -> None:
    assert cuda.available()
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(RuntimeError, match="was forked from one that had used a GPU"),
    ):
        capacity.run("membership", device="cuda", executor=pool)
