# SPDX-License-Identifier: Apache-2.0
"""Files that are complete or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the target's place when the block ends well, and vanishes otherwise."""
    temporary = target.with_name(f".hypersketch-{secrets.token_hex(8)}.tmp")
    try:
        with created(temporary, like=target) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_directory(target.parent)


def created(path: Path, like: Path, buffering: int = -1) -> BinaryIO:
    """Open a new file with the permissions of the one that it will replace, or else the usual ones."""
    try:
        mode = os.stat(like).st_mode & 0o777
    except FileNotFoundError:
        return open(path, "xb", buffering=buffering)

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags, mode)  # at no time others may read what they could not before
        with contextlib.suppress(OSError):  # of file systems without permissions
            os.fchmod(descriptor, mode)
        return descriptor

    return open(path, "xb", buffering=buffering, opener=opener)


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return the file that a path names, behind any links, which may be replaced.

    Raises
    ------
    ValueError
        When something other than a regular file is there.
    """
    target = Path(os.path.realpath(path))  # a link stays a link, what it names is replaced
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} cannot be saved to: it is not a regular file.")
    return target


def sync_directory(directory: Path) -> None:
    """Make the new name survive a power failure, where directories can be synchronized."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
