# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: calls, in this process and as one, and a real corpus."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from typer.testing import CliRunner, Result

from hypersketch import cli

# A process started in the background may ignore Ctrl-C; this one never does.
PROGRAM = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from hypersketch.cli import main; main()",
]


def call(*arguments: object, stdin: bytes | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.application(), [str(each) for each in arguments], input=stdin)


def run(*arguments: object, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command as a process."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60, **options)


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """Start a command that reads a pipe."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def interrupt(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGINT) -> tuple[int, bytes]:
    """Press Ctrl-C, or send another signal; return exit code and standard error."""
    process.send_signal(number)
    code = process.wait(timeout=30)
    streams: list[IO[bytes] | None] = [process.stdin, process.stdout]
    for stream in streams:
        if stream is not None:
            stream.close()
    assert process.stderr is not None
    with process.stderr:
        return code, process.stderr.read()


def corpus(most: int) -> list[Path]:
    """Sources of the standard library and texts of the installed packages, about so many bytes of them."""
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    found: list[Path] = []
    for root in roots:
        size = 0
        for path in sorted(each for each in root.rglob("*") if _is_text(each, root)):
            size += path.stat().st_size
            if size > most // 2:
                break
            found.append(path)
    return found


def _is_text(path: Path, root: Path) -> bool:
    inside = path.relative_to(root).parts
    known = path.suffix in (".py", ".txt", ".rst", ".md") or path.name == "METADATA"
    return known and "site-packages" not in inside and path.is_file()


Record = tuple[bytes, bytes]
"""What is compared, and all bytes that go with it."""


def lines_of(data: bytes) -> list[Record]:
    """Lines of a file, by their definition."""
    return [(re.sub(rb"\r?\n\Z", b"", each), each) for each in re.findall(rb"[^\n]*\n|[^\n]+\Z", data)]


def paragraphs_of(data: bytes) -> tuple[bytes, list[Record]]:
    """Blank lines before the first paragraph, and the paragraphs of a file, by their definition."""
    lead, found, after_blank = b"", [], True
    for content, whole in lines_of(data):
        if content and after_blank:
            found.append(whole)
        elif found:
            found[-1] += whole
        else:
            lead += whole
        after_blank = not content
    return lead, [(re.sub(rb"\r?\n(\r?\n)*\Z", b"", each), each) for each in found]


def first_ones(records: Iterable[Record], seen: set[bytes] | None = None) -> list[bytes]:
    """What stays of the records when each may come once: the exact reference."""
    seen = set() if seen is None else seen
    kept: list[bytes] = []
    for content, whole in records:
        if content not in seen:
            seen.add(content)
            kept.append(whole)
    return kept


def joined(lines: list[bytes]) -> bytes:
    """Lines of several files as one file: only the last may lack its ending."""
    return b"".join([each if each.endswith(b"\n") else each + b"\n" for each in lines[:-1]] + lines[-1:])


def fact(output: str, name: str) -> str:
    """A value of the table that a command prints."""
    found = re.search(rf"^ *{re.escape(name)}  +(.+?) *$", output, re.MULTILINE)
    assert found, (name, output)
    return found[1]


def number(output: str, name: str) -> float:
    return float(fact(output, name).split()[0].replace(",", ""))
