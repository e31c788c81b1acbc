# SPDX-License-Identifier: Apache-2.0
"""How hypersketch dedup writes, and how it ends when it cannot go on: streams, outputs, signals, failures."""

from __future__ import annotations

import os
import resource
import signal
import stat
import time
from pathlib import Path

import pytest

from cli_tools import call, fact, first_ones, interrupt, lines_of, run, start
from hypersketch.cli import dedup_command, filter_commands
from hypersketch.cli import sources as sources_module
from hypersketch.cli.dedup import deduplicate
from hypersketch.cli.outputs import opened_output
from hypersketch.cli.sources import Reading, find_sources


def test_standard_input_to_standard_output() -> None:
    data = b"".join(b"%d\r\n" % (i * i % 1009) for i in range(50_000)) + b"end"
    done = run("dedup", "-", "--one-pass", stdin=data)
    assert done.returncode == 0
    assert done.stdout == b"".join(first_ones(lines_of(data)))
    assert fact(done.stderr.decode(), "lines seen") == "50,001"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"".join(b"line %d\n" % i for i in range(300_000)))
    process = start("dedup", tmp_path / "in", "--out", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.close()
    assert process.stdout.read(5) == b"line "
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 141


def test_an_input_may_be_its_own_output(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"x\ny\nx\n" + name.encode())
    assert call("dedup", tmp_path / "a", "--out", tmp_path / "a").exit_code == 0
    assert (tmp_path / "a").read_bytes() == b"x\ny\na"
    assert call("dedup", tmp_path / "a", tmp_path / "b", "--out", tmp_path).exit_code == 0
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"x\ny\na", b"b"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


ENDS = {signal.SIGINT: (130, b"Interrupted"), signal.SIGTERM: (143, b"Terminated")}


@pytest.mark.parametrize("number", ENDS, ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("kind", ["text", "csv"])
@pytest.mark.parametrize("folder", [False, True], ids=["to a file", "to a folder"])
def test_the_end_leaves_everything_as_it_was(
    folder: bool, kind: str, number: signal.Signals, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "pipe").write_bytes(b"old")
    os.mkfifo(tmp_path / "pipe")
    out = place if folder else place / "pipe"
    how = ["--by", "column", "--format", "csv"] if kind == "csv" else []
    process = start("dedup", tmp_path / "pipe", "--one-pass", *how, "--out", out)
    with open(tmp_path / "pipe", "wb", buffering=0) as pipe:
        pipe.write(b"some line\n" * 1000)
        deadline = time.monotonic() + 30
        while not any(place.glob(".hypersketch-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert any(place.glob(".hypersketch-*"))
        code, message = interrupt(process, number)
    assert (code, message) == (ENDS[number][0], ENDS[number][1] + b". No file was changed.\n")
    assert [each.name for each in place.iterdir()] == ["pipe"]
    assert (place / "pipe").read_bytes() == b"old"


@pytest.mark.parametrize("number", ENDS, ids=["Ctrl-C", "SIGTERM"])
def test_a_folder_is_replaced_as_a_whole(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"x\ny\nx\n" + name.encode())
    replace = os.replace

    def interrupted(source: object, target: object) -> None:
        replace(source, target)  # type: ignore[arg-type]
        signal.raise_signal(number)

    monkeypatch.setattr(os, "replace", interrupted)
    result = call("dedup", *(tmp_path / name for name in "abc"), "--out", tmp_path)
    code, word = ENDS[number]
    assert (result.exit_code, result.stderr) == (
        code,
        f"{word.decode()}. All 3 files in '{tmp_path}' were written.\n",
    )
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"x\ny\na\n"[:-1], b"b", b"c"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b", "c"]


def test_ctrl_c_afterwards_does_not_deny_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    (tmp_path / "in").write_bytes(b"x\nx\n")
    monkeypatch.setattr(dedup_command, "_print", interrupted)
    result = call("dedup", tmp_path / "in", "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (130, f"Interrupted. '{tmp_path / 'out'}' was written.\n")
    monkeypatch.setattr(filter_commands, "_describe", interrupted)
    result = call("filter", "build", tmp_path / "in", "--out", tmp_path / "f")
    assert (result.exit_code, result.stderr) == (130, f"Interrupted. '{tmp_path / 'f'}' was written.\n")


def test_a_failure_among_several_files_tells_which_were_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"x\nx\n" + name.encode())
    files = [tmp_path / name for name in "abc"]
    (tmp_path / "out" / "b").mkdir(parents=True)
    result = call("dedup", *files, "--out", tmp_path / "out")
    assert result.stderr == f"Could not read or write '{tmp_path / 'out' / 'b'}': Is a directory.\n"
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["b"]
    (tmp_path / "out" / "b").rmdir()
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if target.name == "c":
            raise OSError(5, "Input/output error", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    result = call("dedup", *files, "--out", tmp_path / "out")
    assert result.stderr == (
        f"Could not read or write '{tmp_path / 'out' / 'c'}': Input/output error. "
        f"2 of 3 files in '{tmp_path / 'out'}' were written.\n"
    )


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        for mode in (0o600, 0o666, 0o444):
            for name in "ab":
                (tmp_path / name).write_bytes(b"x\nx\n")
                (tmp_path / name).chmod(mode)
            assert call("dedup", tmp_path / "a", "--out", tmp_path / "a").exit_code == 0
            assert call("dedup", tmp_path / "b", "--out", tmp_path).exit_code == 0
            assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [mode, mode]
            for name in "ab":
                (tmp_path / name).unlink()
        (tmp_path / "in").write_bytes(b"x\n")
        call("dedup", tmp_path / "in", "--out", tmp_path / "new")
        call("dedup", tmp_path / "in", "--out", f"{tmp_path}/folder/")
        for new in (tmp_path / "new", tmp_path / "folder" / "in"):
            assert stat.S_IMODE(new.stat().st_mode) == 0o644
    finally:
        os.umask(umask)


@pytest.mark.parametrize("more", [[], ["--one-pass"]], ids=["two passes", "one pass"])
def test_a_full_disk_leaves_everything_as_it_was(more: list[str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"".join(b"line %d\n" % i for i in range(100_000)))
    (tmp_path / "out").write_bytes(b"old")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # noqa: E731
    done = run("dedup", tmp_path / "in", "--out", tmp_path / "out", *more, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.decode() == f"Could not read or write '{tmp_path / 'out'}': File too large.\n"
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "out"]
    if Path("/dev/full").exists():
        result = call("dedup", tmp_path / "in", "--out", "/dev/full", *more)
        assert result.stderr == "Could not read or write '/dev/full': No space left on device.\n"


def test_a_file_that_changes_between_the_passes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"a\nb\n")
    found = find_sources([str(path)], Reading())
    opened = sources_module.Source.opened

    def later(self: sources_module.Source) -> object:
        with path.open("ab") as file:
            file.write(b"c\n")
        return opened(self)

    monkeypatch.setattr(sources_module.Source, "opened", later)
    with pytest.raises(ValueError, match=r"in' changed while it was read"):  # noqa: SIM117
        with opened_output(str(tmp_path / "out"), found) as output:
            deduplicate(found, Reading(), output, capacity=10)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{}/in"], "--out must name a file or a folder"),
        (["{}/nowhere", "--out", "{}/out"], "'{}/nowhere': No such file or directory."),
        (["{}", "--out", "{}/out"], "'{}' is a folder; name the files in it."),
        (["-"], "Standard input can be read only once. Add --one-pass."),
        (["-", "-", "--one-pass"], "Standard input ('-') can be read only once."),
        (["{}/in", "--by", "word", "--out", "-"], "one of line, paragraph, column. Got 'word' instead."),
        (["{}/in", "--format", "xml", "--out", "-"], "one of text, csv, tsv, parquet. Got 'xml' instead."),
        (["{}/in", "--column", "a", "--out", "-"], "--column names a column, but records are by line."),
        (["{}/in", "--by", "column", "--out", "-"], "'{}/in' is read as text, which has no columns."),
        (["{}/in", "{}/in", "--out", "{}/"], "cannot be written to one folder: several are called 'in'."),
        (["-", "--one-pass", "--out", "{}/"], "cannot be written to one folder: standard input has no name."),
        (["{}/in", "--fpr", "2", "--out", "-"], "--fpr must be a float in [1e-70, 1). Got 2.0 instead."),
        (["{}/in", "--capacity", "many", "--out", "-"], "--capacity must be an integer such as 1000 or 1e6."),
        (["{}/in", "--layout", "round", "--out", "-"], "--layout must be one of 'split-block', "),
        (["{}/in", "--out", "{}/no/such/out"], "No such file or directory."),
    ],
)
def test_errors_are_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\n")
    result = call("dedup", *(each.format(tmp_path) for each in arguments))
    assert result.exit_code == 1
    assert sentence.format(tmp_path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in"]
