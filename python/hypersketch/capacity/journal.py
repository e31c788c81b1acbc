# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: finished cells are written down at once, the results when all are there.

``results.jsonl.part`` holds the configuration of the run and then one line a finished cell; a run that stops
can go on from it. ``results.jsonl`` holds the rows of a finished run, ``run.json`` its configuration and the
machine.

The device belongs to the configuration, as the version does: a run goes on only on the device that it began
on, although both give the same verdicts, so that no result passes for another device's. Which model of GPU it
was is noted with the machine, as the instruction set is, and may change. Rows name no device; those of runs
on different devices may be put together.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import hypersketch
from hypersketch.capacity.cells import Outcomes

__all__ = ["Journal", "write_atomically"]

_OWN_FILES = ("results.jsonl", "results.jsonl.part", "run.json", "index.html", "figures")


class Journal:
    """The record of one run in one folder.

    Parameters
    ----------
    folder : Path
        Folder of the run; made if it does not exist.
    config : mapping
        Everything that the numbers of the run depend on.
    resume : bool
        Whether to go on with a run of the same configuration.

    Raises
    ------
    ValueError
        If the folder holds something else than an unfinished run of this configuration that `resume` may go
        on with.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], resume: bool) -> None:
        self.folder = folder
        self.config = dict(config)
        self.results = self.folder / "results.jsonl"
        self.part = self.folder / "results.jsonl.part"
        #: Outcomes of the cells that are finished already, by their index.
        self.outcomes: dict[int, Outcomes] = {}
        self.finished = False
        self._open(resume)

    def _open(self, resume: bool) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"'{self.folder}' is a file; the results need a folder of their own.")
        if self.results.exists():
            self._check_same(_config_of(self.folder / "run.json"), resume, "the results of a finished run")
            self.finished = True
        elif self.part.exists():
            lines = _whole_lines(self.part)
            self._check_same(lines[0] if lines else None, resume, "an unfinished run")
            self.outcomes = {line["cell"]: line["outcomes"] for line in lines[1:]}
            self._start(rewritten=lines)
        else:
            foreign = [name for name in _OWN_FILES if (self.folder / name).exists()]
            if foreign:
                raise ValueError(
                    f"'{self.folder}' already holds '{foreign[0]}', which no run wrote. Choose another "
                    "folder."
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            self._start(rewritten=[self.config])

    def _check_same(self, found: Any, resume: bool, what: str) -> None:
        if found != self.config:
            raise ValueError(
                f"'{self.folder}' already holds {what} with other settings{_difference(found, self.config)}. "
                "Choose another folder."
            )
        if not resume:
            raise ValueError(
                f"'{self.folder}' already holds {what} with these settings. "
                "Pass resume (--resume) to use it, or choose another folder."
            )

    def _start(self, rewritten: list[Any]) -> None:
        """Leaves a part file that ends in a whole line (a crash may have torn the last one)."""
        write_atomically(self.part, "".join(_line(entry) for entry in rewritten))

    def add(self, index: int, outcomes: Outcomes) -> None:
        """Writes down a finished cell; it survives whatever happens next."""
        self.outcomes[index] = outcomes
        with self.part.open("a", encoding="utf-8") as file:
            file.write(_line({"cell": index, "outcomes": outcomes}))

    def finish(self, results: str, gpu: str | None = None) -> None:
        """Writes the results, with the model of the GPU if there was one, and removes the record of cells."""
        facts = {"config": self.config, "machine": _machine() | ({} if gpu is None else {"gpu": gpu})}
        write_atomically(self.folder / "run.json", json.dumps(facts, indent=1) + "\n")
        write_atomically(self.results, results)
        self.part.unlink(missing_ok=True)
        self.finished = True


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file so that it is the old one or the whole new one, even if the disk fills up."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _line(entry: Any) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _whole_lines(path: Path) -> list[Any]:
    """Lines of a part file up to the first one that is torn."""
    lines = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def _config_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _difference(found: Any, config: Mapping[str, Any]) -> str:
    if not isinstance(found, dict):
        return ""
    for name in (
        "experiment",
        "device",
        "seed",
        "structures",
        "n",
        "dims",
        "trials",
        "universe",
        "keys",
        "column",
        "version",
    ):
        if found.get(name) != config.get(name):
            return f" ({name}: {found.get(name)} there, {config.get(name)} here)"
    return ""


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "build": hypersketch.build_info(),
    }
