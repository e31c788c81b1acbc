# SPDX-License-Identifier: Apache-2.0
"""Results do not depend on who computed them or how often the run stopped; no run overwrites another."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from hypersketch import capacity
from hypersketch.capacity import runner
from hypersketch.capacity.results import Results

GRID = {"n": [10, 20], "trials": 20, "seed": 3}


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and figures have their own tests and take longer than the runs here."""
    monkeypatch.setattr("hypersketch.capacity.report.write_report", lambda *_: [])


def run(out: Path, **more: object) -> bytes:
    capacity.run("membership", out=out, **GRID, **more)  # type: ignore[arg-type]
    return (out / "results.jsonl").read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The results of the run that nothing disturbed."""
    return run(tmp_path_factory.mktemp("unbroken") / "out")


def test_threads_give_the_same_file(tmp_path: Path, unbroken: bytes) -> None:
    assert run(tmp_path / "jobs", jobs=3) == unbroken
    with ThreadPoolExecutor(2) as pool:
        assert run(tmp_path / "pool", executor=pool) == unbroken


def test_processes_give_the_same_file(tmp_path: Path, unbroken: bytes) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert run(tmp_path / "out", executor=pool) == unbroken


def test_library_threads_do_not_matter(tmp_path: Path, unbroken: bytes) -> None:
    import hypersketch

    hypersketch.set_num_threads(3)
    try:
        assert run(tmp_path / "out") == unbroken
    finally:
        hypersketch.set_num_threads(None)


def test_another_seed_gives_another_file(tmp_path: Path, unbroken: bytes) -> None:
    capacity.run("membership", out=tmp_path, **(GRID | {"seed": 4}))  # type: ignore[arg-type]
    assert (tmp_path / "results.jsonl").read_bytes() != unbroken


def stop_after(cells: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == cells:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("torn", [False, True])
def test_interrupted_run_resumes_to_the_same_file(
    tmp_path: Path, unbroken: bytes, jobs: int, torn: bool
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(out, progress=stop_after(7), jobs=jobs)
    part = out / "results.jsonl.part"
    assert not (out / "results.jsonl").exists()
    assert len(part.read_text().splitlines()) == 1 + 7
    if torn:  # a crash in the middle of a line
        part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"already holds an unfinished run with these settings. Pass resume"):
        run(out)
    seen: list[tuple[int, int]] = []
    assert (
        run(out, resume=True, progress=lambda done, total: seen.append((done, total)), jobs=jobs) == unbroken
    )
    assert seen[0][0] == 8 - torn
    assert not part.exists()


def test_stopping_twice_is_no_worse(tmp_path: Path, unbroken: bytes) -> None:
    for cells in (3, 9):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, progress=stop_after(cells), resume=True)
    assert run(tmp_path, resume=True) == unbroken


def test_a_finished_run_is_read_again_not_measured(
    tmp_path: Path, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path)
    with pytest.raises(ValueError, match="already holds the results of a finished run with these settings"):
        run(tmp_path)
    monkeypatch.setattr(runner, "measure_cell", lambda *_: pytest.fail("measured again"))
    again = capacity.run("membership", out=tmp_path, resume=True, **GRID)  # type: ignore[arg-type]
    assert again.to_jsonl().encode() == unbroken
    assert (tmp_path / "results.jsonl").read_bytes() == unbroken


def test_foreign_folders_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "mine")
    before = (tmp_path / "mine" / "results.jsonl").read_bytes()
    with pytest.raises(ValueError, match=r"finished run with other settings \(seed: 3 there, 4 here\)"):
        capacity.run("membership", out=tmp_path / "mine", resume=True, **(GRID | {"seed": 4}))  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"\(experiment: membership there, cleanup here\). Choose another folder."
    ):
        capacity.run("cleanup", out=tmp_path / "mine", n=5, dims=64)
    assert (tmp_path / "mine" / "results.jsonl").read_bytes() == before

    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("my own page")
    with pytest.raises(ValueError, match=r"already holds 'index.html', which no run wrote"):
        run(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "my own page"

    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; the results need a folder of their own"):
        run(tmp_path / "file")


def test_a_broken_run_json_is_another_run(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"finished run with other settings. Choose another folder"):
        run(tmp_path, resume=True)


def test_results_hold_neither_time_nor_machine(tmp_path: Path, unbroken: bytes) -> None:
    rows = [json.loads(line) for line in unbroken.splitlines()]
    assert set(rows[0]) == {
        "experiment", "structure", "quantity", "n", "universe", "size", "setting", "bytes", "bits_per_item",
        "trials", "tests", "measured", "low", "high", "low_95", "high_95", "predicted", "verdict",
    }  # fmt: skip
    assert Results.from_jsonl(unbroken.decode()).to_jsonl().encode() == unbroken
    run(tmp_path)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["config"]["seed"] == 3
    assert facts["machine"]["build"]["simd_level"]


def test_rows_do_not_depend_on_other_cells() -> None:
    """A cell alone gives what it gives in company: its seed comes from itself."""
    together = capacity.run(
        "cleanup", structures=["map-i", "map-b", "hrr"], n=[5, 10], dims=[100, 200], trials=20
    )
    alone = capacity.run("cleanup", structures=["map-i", "map-b", "hrr"], n=[10], dims=[200], trials=20)
    picked = [row.measured for row in together if row.n == 10 and row.size["dim"] == 200]
    assert picked == [row.measured for row in alone]


def test_a_single_trial_has_infinite_intervals_and_survives_the_file() -> None:
    results = capacity.run("nested", n=3, dims=64, trials=1)
    assert Results.from_jsonl(results.to_jsonl()).rows == results.rows


def test_a_full_disk_leaves_the_finished_cells(
    tmp_path: Path, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hypersketch.capacity import journal

    whole = journal.write_atomically

    def full(path: Path, content: str | bytes) -> None:
        if path.name == "results.jsonl":
            raise OSError(28, "No space left on device", str(path))
        whole(path, content)

    monkeypatch.setattr(journal, "write_atomically", full)
    with pytest.raises(OSError, match=r"No space left on device"):
        run(tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "results.jsonl").exists()
    assert run(tmp_path, resume=True) == unbroken


def test_errors_in_a_cell_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypersketch.capacity.experiments import experiment

    def fail(cell: object, hashes: object) -> None:
        raise RuntimeError("from the cell")

    monkeypatch.setattr(experiment("cleanup"), "measure", fail)
    with pytest.raises(RuntimeError, match="from the cell"):
        capacity.run("cleanup", n=5, dims=64, jobs=2)
