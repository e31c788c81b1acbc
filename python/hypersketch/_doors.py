# SPDX-License-Identifier: Apache-2.0
"""Doors of every structure: how its state leaves, and how batches and other states come in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, cast

from numpy.typing import NDArray

from hypersketch import _batches, _container, _memory, _progress, _validation, files
from hypersketch.keys import hash_keys, skips_nulls

if TYPE_CHECKING:
    from hypersketch.sharing import Shared


class Exports:
    """How a state leaves: as a file, bytes, shared memory or an array."""

    _state: _memory.State
    _lock: threading.RLock

    @property
    def state(self) -> Any:
        """The array that is kept, one-dimensional; a read-only view of it as it changes.

        On a GPU it is the `hypersketch.cuda.DeviceArray` itself, which other libraries take without a copy;
        do not change it.

        A `hypersketch.ScalableBloomFilter` keeps one array a slice: with several slices this is a copy of
        them, one after the other, as they are now.

        So ``memoryview(structure.state)`` is its buffer and ``structure.state.__dlpack__()`` its DLPack
        capsule, neither with a copy. (NumPy exports read-only arrays through DLPack from version 2.1 on.)

        >>> import hypersketch
        >>> seen = hypersketch.MapI(4).bundle()
        >>> seen.state
        array([0, 0, 0, 0], dtype=int32)
        >>> memoryview(seen.state).nbytes
        16
        """
        if _memory.on_gpu(self._state):
            return self._state
        view: NDArray[Any] = self._state.view()
        view.flags.writeable = False
        return view

    def save(self, path: files.Path_) -> None:
        """Save to a file, which `hypersketch.load` reads back.

        Parameters
        ----------
        path : str or path-like
            Where to; conventionally ``*.safetensors``. An existing file is replaced, and stays as it was when
            anything fails (a full disk, Ctrl-C).

        Raises
        ------
        OSError
            When the file cannot be written.
        ValueError
            When the path is something other than a regular file.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=256)
        >>> seen.save("seen.safetensors")
        >>> hypersketch.load("seen.safetensors") == seen
        True
        """
        with self._lock:
            files.save(cast("_container.Storable", self), path)

    def to_bytes(self) -> bytes:
        """Return what `save` would write, which `hypersketch.from_bytes` and `merge_from_bytes` take.

        Returns
        -------
        bytes
            A safetensors container: a header with the parameters and a checksum, then the state.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=256)
        >>> hypersketch.from_bytes(seen.to_bytes()) == seen
        True
        """
        with self._lock:
            header, state = _container.packed(cast("_container.Storable", self))
            return b"".join((header, state.data))

    def share(self, name: str | None = None) -> Shared:
        """Copy this to shared memory, where other processes look at it by `hypersketch.attach`.

        Parameters
        ----------
        name : str, optional
            What to call the memory; default a new name.

        Returns
        -------
        hypersketch.sharing.Shared
            A handle with a ``name``. Use it in a ``with`` statement, or ``close()`` it.

        Raises
        ------
        FileExistsError
            When the name is taken.
        OSError
            When the system has not so much shared memory.
        TypeError, ValueError
            When the name cannot be one.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
        >>> seen.add("a")
        >>> with seen.share() as shared:
        ...     "a" in hypersketch.attach(shared.name)
        True
        """
        from hypersketch.sharing import Shared

        with self._lock:
            return Shared(cast("_container.Storable", self), name)


class Imports:
    """What comes in: batch after batch of keys, and states of other machines."""

    def update(
        self,
        batches: Any,
        *,
        column: str | None = None,
        nulls: Literal["error", "skip"] = "error",
        progress: bool = False,
        threads: int | None = None,
    ) -> None:
        """Add batch after batch of keys, holding one at a time.

        Parameters
        ----------
        batches : iterable of batches, Arrow stream or dataframe
            What `add` takes, again and again: from a generator, a list, a ``RecordBatchReader``. An Arrow
            stream, a table or a dataframe is taken chunk by chunk; a NumPy array is one batch.
        column : str, optional
            Which column holds the keys, when the batches have several.
        nulls : {'error', 'skip'}, default 'error'
            Whether nulls (of Arrow columns, masked arrays, or None in lists) are refused or left out.
        progress : bool, default False
            Show a bar on stderr (package rich).
        threads : int, optional
            Threads for each batch; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As ``add`` for one of the batches, and for a column that is not there or not named.
        ModuleNotFoundError
            When the bar is wanted and rich is not installed.

        Notes
        -----
        After an exception, of a batch or of the iterator, all earlier batches are in and counted.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.update(range(first, first + 100) for first in range(0, 1000, 100))
        >>> seen.n_added
        1000
        """
        owner, this = f"{type(self).__name__}.update", cast(Any, self)
        skip = skips_nulls(owner, nulls)
        with _progress.keys_added(_validation.flag(owner, "progress", progress), batches) as advance:
            for batch in _batches.each(owner, batches, column):
                before = this.n_added
                if skip:
                    self._add_without_nulls(batch, threads)
                else:
                    this.add(batch, threads=threads)
                advance(this.n_added - before)

    def _add_without_nulls(self, batch: Any, threads: int | None) -> None:
        cast(Any, self).add_hashes(hash_keys(batch, nulls="skip", threads=threads))

    def merge_from_bytes(self, data: Any) -> None:
        """Merge with what `to_bytes` of another structure returned, without making that structure.

        Parameters
        ----------
        data : bytes-like
            Anything with contiguous memory: bytes, bytearray, memoryview, mmap. The state is not copied.

        Raises
        ------
        TypeError
            When ``data`` is not bytes-like, or holds a structure of another type.
        ValueError
            When the bytes are damaged or not of hypersketch, when a parameter or the seed differs, or when
            this state is read-only. Nothing is changed then.
        OverflowError
            When a counter would leave its range; nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(n_bits=256) for _ in "ab")
        >>> a.add(1)
        >>> b.add(2)
        >>> a.merge_from_bytes(b.to_bytes())
        >>> a.contains([1, 2])
        array([ True,  True])
        """
        view = files.bytes_of(f"{type(self).__name__}.merge_from_bytes", data)
        with _container.refusing(f"The 'data' parameter of {type(self).__name__}.merge_from_bytes"):
            content, state = files.within(view)
            # Vector loads want whole words where they belong; bytes cut out of a message may lie elsewhere.
            theirs = content.restore(state if state.flags.aligned else _memory.copied(state))
        cast(Any, self).merge(theirs)
