# SPDX-License-Identifier: Apache-2.0
"""The command hypersketch: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import hypersketch
from hypersketch import capacity, cli
from hypersketch.capacity import runner
from hypersketch.capacity.experiments import EXPERIMENTS

BOTH = ["--structures", "map-i,map-b"]
SMALL = ["--n", "5", "--dims", "64,144", "--trials", "20", "--jobs", "1"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.application(), list(arguments))


def test_version() -> None:
    result = call("--version")
    assert (result.exit_code, result.output) == (0, f"hypersketch {hypersketch.__version__}\n")


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "hypersketch", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"hypersketch {hypersketch.__version__}\n"


def test_list_explains_every_experiment() -> None:
    result = call("capacity", "list")
    assert result.exit_code == 0
    for name in [*EXPERIMENTS, "paper"]:
        assert name in result.output
    assert "How many keys do two sets share?" in result.output


def test_a_run_prints_a_table_and_leaves_a_report(tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = call("capacity", "cleanup", *BOTH, *SMALL, "--out", str(out))
    assert result.exit_code == 0, result.output
    for part in (
        "structure",
        "predicted",
        "verdict",
        "inside",
        "MAP-B",
        "All 4 predictions lie inside",
        "index.html",
    ):
        assert part in result.output
    assert {path.name for path in out.iterdir()} == {"index.html", "results.jsonl", "run.json", "figures"}
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert {row["structure"] for row in rows} == {"map-i", "map-b"}


def test_options_reach_the_run(tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text("name,age\n" + "".join(f"k{i},{i}\n" for i in range(60)))
    result = call(
        "capacity", "cleanup", "--structures", "map-i", *SMALL, "--universe", "5e1", "--seed", "7",
        "--keys", str(tmp_path / "keys.csv"), "--column", "name", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "out" / "run.json").read_text())["config"]
    assert (config["seed"], config["universe"], config["keys"]) == (7, 50, "column 'name' of keys.csv")


def test_plan_prints_every_structure() -> None:
    result = call("plan", "membership", "--n", "1000", "--universe", "1e6", "--error", "1e-3")
    assert result.exit_code == 0
    for part in (
        "bloom",
        "map-i",
        "hopfield",
        "14381",
        "wrong answers",
        "error: chance that one answer is wrong",
    ):
        assert part in result.output
    assert "768" in call("plan", "cleanup", "--n", "15", "--budget-bytes", "100").output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["capacity", "nonsense"],
            "Unknown experiment 'nonsense'. The known ones are: membership, intersection",
        ),
        (
            ["capacity", "cleanup", "--structures", "map-x"],
            "Unknown structure 'map-x'. The known ones are: bloom",
        ),
        (
            ["capacity", "cleanup", "--n", "five"],
            "--n must be an integer such as 1000 or 1e6. Got 'five' instead.",
        ),
        (
            ["capacity", "cleanup", "--n", "1.5"],
            "--n must be an integer such as 1000 or 1e6. Got '1.5' instead.",
        ),
        (["capacity", "cleanup", "--trials", "0"], "The 'trials' parameter of run must be an integer in"),
        (["capacity", "membership", "--keys", "nowhere.txt"], "There is no file of keys at 'nowhere.txt'."),
        (["plan", "nonsense", "--n", "5"], "Unknown task 'nonsense'. A plan can be made for: membership"),
        (["plan", "membership", "--n", "5", "--error", "2"], "must be a float in (0, 1). Got 2.0 instead."),
    ],
)
def test_errors_are_one_sentence(arguments: list[str], sentence: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    call("capacity", "cleanup", *SMALL, "--out", str(tmp_path))
    result = call("capacity", "cleanup", *SMALL, "--seed", "2", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert (
        "already holds the results of a finished run with other settings (seed: 1 there, 2 here)"
        in result.stderr
    )
    assert call("capacity", "cleanup", *SMALL, "--out", str(tmp_path), "--resume").exit_code == 0


def test_a_verdict_outside_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = EXPERIMENTS["cleanup"]
    honest = chosen.predict
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v / 2 for k, v in honest(cell).items()})
    result = call("capacity", "cleanup", *SMALL)
    assert result.exit_code == 3
    assert "predictions lie outside" in result.output


def test_interrupt_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = runner.measure_cell
    calls: list[object] = []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measured(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "measure_cell", interrupted)
    result = call("capacity", "cleanup", *SMALL, "--out", str(tmp_path))
    assert result.exit_code == 130
    assert f"go on with: --out {tmp_path} --resume" in result.stderr
    monkeypatch.undo()
    assert call("capacity", "cleanup", *SMALL, "--out", str(tmp_path), "--resume").exit_code == 0


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hypersketch.capacity import journal

    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(journal, "write_atomically", full)
    result = call("capacity", "cleanup", *SMALL, "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "typer" else found(name))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "needs the extra 'cli' (missing: typer). Install it with: pip install 'hypersketch[cli]'" in (
        capsys.readouterr().err
    )


def test_the_lab_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else found(name))
    result = call("capacity", "membership", "--trials", "5")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "The command hypersketch capacity needs the extra 'lab' (missing: scipy). Install it"
    )
    (tmp_path / "in").write_text("a\nb\na\n")
    assert call("dedup", str(tmp_path / "in"), "--out", "-").stdout == "a\nb\n"


def test_python_names_the_extra_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name)
    )
    with pytest.raises(ModuleNotFoundError, match=r"A report needs the extra 'lab' \(missing: matplotlib\)"):
        capacity.run("cleanup", n=5, dims=64, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_as_a_process(tmp_path: Path) -> None:
    code = "from hypersketch.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "capacity", "cleanup", *BOTH, *SMALL, "--out", "report"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "All 4 predictions lie inside" in done.stdout
    assert "cleanup" in done.stderr  # the progress bar
    assert (tmp_path / "report" / "index.html").exists()
