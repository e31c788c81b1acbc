# SPDX-License-Identifier: Apache-2.0
"""Structures in shared memory: one copy that every process of a machine looks at."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import TYPE_CHECKING, Any, cast

from hypersketch import _container, _validation, files

if TYPE_CHECKING:
    from multiprocessing.shared_memory import SharedMemory
    from types import TracebackType

    from hypersketch._container import Storable

__all__ = ["Shared", "attach"]


class Shared:
    """A structure's copy in shared memory, for as long as this handle is open.

    Made by the method ``share`` of every structure. Other processes look at the copy by
    `hypersketch.attach`. Closing the handle takes the name away; processes that have attached keep what they
    see. A handle that is forgotten is closed when its process ends, even by a crash.

    Examples
    --------
    >>> import hypersketch
    >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
    >>> seen.add(["a", "b"])
    >>> with seen.share() as shared:
    ...     print(hypersketch.attach(shared.name).contains(["a", "c"]))
    [ True False]
    """

    def __init__(self, structure: Storable, name: str | None = None) -> None:
        from multiprocessing.shared_memory import SharedMemory

        header, state = _container.packed(structure)
        size = len(header) + state.size
        segment = SharedMemory(None if name is None else _checked_name("share", name), create=True, size=size)
        # A forked child has this object too, but not the right to end what its parent shares.
        self._close = weakref.finalize(self, _unlink, segment, os.getpid())
        self._name, self._nbytes = segment.name, size
        try:
            _reserve(segment.name, size)
            memory = cast(memoryview, segment.buf)
            memory[: len(header)] = header
            memory[len(header) : size] = state.data
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """What `hypersketch.attach` takes, in any process of this machine."""
        return self._name

    @property
    def nbytes(self) -> int:
        """Size of the shared memory in bytes."""
        return self._nbytes

    def close(self) -> None:
        """Take the name away; the memory is given back when no process looks at it any more."""
        self._close()

    def __enter__(self) -> Shared:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, nbytes={self.nbytes})"


def _unlink(segment: SharedMemory, owner: int) -> None:
    segment.close()
    if os.getpid() == owner:
        segment.unlink()


def _checked_name(owner: str, name: object) -> str:
    if not isinstance(name, str):
        _validation.refuse(owner, "name", "a str", name, TypeError)
    if not 0 < len(os.fsencode(name)) <= 200 or "/" in name or "\0" in name:
        _validation.refuse(owner, "name", "1 to 200 bytes without '/' and NUL", name)
    return name


def _open(name: str, writable: bool) -> int:
    """Return a descriptor of shared memory.

    Not ``SharedMemory(name)``: before Python 3.13 that tells the resource tracker, which then takes the name
    away when a process that only looked ends; and it cannot look without the right to write.
    """
    import _posixshmem  # what multiprocessing.shared_memory itself calls

    flags = os.O_RDWR if writable else os.O_RDONLY
    descriptor: int = _posixshmem.shm_open(f"/{name}", flags, mode=0o600)
    return descriptor


def _reserve(name: str, size: int) -> None:
    """Raise OSError where the system has not so much memory; writing would otherwise kill the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    descriptor = _open(name, writable=True)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def attach(name: str, *, writable: bool = False) -> Any:
    """Look at a structure in shared memory, without a copy.

    Parameters
    ----------
    name : str
        The name of the `Shared` handle, which another process may hold.
    writable : bool, default False
        Whether the structure may be changed; every process that has attached sees the changed state. Refused
        for a ScalableBloomFilter, which could not grow there.

    Returns
    -------
    structure
        Of the class that was shared; its state is the shared memory, read-only unless ``writable``.

    Raises
    ------
    FileNotFoundError
        When nothing is shared by this name, or not any more.
    TypeError, ValueError
        When the name cannot be one, or the memory holds no valid container.

    Notes
    -----
    The checksum is not verified, as for `hypersketch.load` with ``mmap=True``. Counts such as ``n_added`` are
    those of the moment of sharing plus what this process added: they are not shared. The lock of a structure
    is its process's own. So let one process at a time change a shared structure (a ``multiprocessing.Lock``
    around the changes does): changes from two processes at once can lose each other. Queries need no
    lock; one beside a change sees any part of it. Counters of weights stay within their range whoever adds:
    a change looks at all of them first, as the object cannot know what others added.

    Examples
    --------
    >>> import hypersketch
    >>> letters = hypersketch.MapI(100).bundle(["a", "b"])
    >>> with letters.share() as shared:
    ...     seen = hypersketch.attach(shared.name)
    >>> seen == letters  # what was attached stays
    True
    """
    writable = _validation.flag("attach", "writable", writable)
    descriptor = _open(_checked_name("attach", name), writable)
    try:
        size = os.fstat(descriptor).st_size
        with _container.refusing(f"The shared memory {name!r}"):
            if size == 0:
                raise ValueError("it is empty.")
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            memory = memoryview(mmap.mmap(descriptor, size, access=access))
            # Some systems round the size up to whole pages.
            content, state = files.within(memory, exactly=False)
            if writable and content.kind._GROWS:
                raise ValueError(
                    f"a {content.kind.__name__} cannot grow in shared memory. Attach it read-only."
                )
            return content.restore(state, verified=False)
    finally:
        os.close(descriptor)
