# SPDX-License-Identifier: Apache-2.0
"""What sets of keys share, however they keep them: members are asked for, and tested while they are added."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _threads, _validation
from hypersketch._structure import Structure
from hypersketch.keys import hash_key, hash_keys
from hypersketch.sketches._layouts import Batch


def distinct(values: NDArray[np.uint64]) -> int:
    """Return the number of different values; by sorting, which takes a tenth of the time of np.unique."""
    ordered = np.sort(values)
    return min(1, ordered.size) + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


class KeySet(Structure):
    """A structure that tells whether a key was probably added."""

    def _batch(self, keys: Any, threads: int) -> Batch:
        """Return keys as the loops take them."""
        if _device.is_on_gpu(keys):
            owner = type(self).__name__
            return self._near(owner, Batch(_device_keys.hashed_words(owner, keys), True))
        return Batch(hash_keys(keys, threads=threads), True)

    def _n_threads(self, verb: str, threads: int | None) -> int:
        return _threads.resolve(f"{type(self).__name__}.{verb}", threads)

    def _hashed(self, verb: str, hashes: NDArray[np.uint64]) -> Batch:
        owner = f"{type(self).__name__}.{verb}"
        if _device.is_on_gpu(hashes):
            return self._near(owner, Batch(_device_keys.hashes_of(owner, hashes), True))
        return Batch(_validation.hashes(owner, hashes), True)

    def _near(self, owner: str, batch: Batch) -> Batch:
        """Return a batch that lies on a GPU, or refuse it when the state lies elsewhere."""
        _device.require_near(owner, "keys", batch.values.seen, self._device_index)
        return batch

    @abstractmethod
    def _ask(self, batch: Batch, answers: NDArray[Any], packed: bool, threads: int) -> None:
        """Write which keys were probably added: bools, or bits when packed."""

    def _ask_by_pieces(
        self, loops: Any, pieces: Iterable[slice], batch: Batch, answers: Any, packed: bool
    ) -> None:
        """Ask ``loops.contains`` or ``loops.contains_packed`` piece by piece."""
        for part in pieces:
            if packed:  # each piece but the last of a multiple of eight keys
                loops.contains_packed(batch.values[part], answers[part.start // 8 : -(-part.stop // 8)])
            else:
                loops.contains(batch.values[part], answers[part])

    @abstractmethod
    def _test_and_take(self, batch: Batch, answers: NDArray[np.bool_], threads: int) -> None:
        """Add the keys and write which were probably there; the lock is held and the state is writable.

        A warning names the line of the user, four calls above this one's warning function.
        """

    # ---- queries

    def __contains__(self, key: object) -> bool:
        """Whether one key was probably added; never False for a key that was."""
        hashes = hash_key(f"{type(self).__name__}.__contains__", key)
        return bool(self.contains_hashes(hashes, threads=1)[0])

    @overload
    def contains(
        self,
        keys: Any,
        *,
        out: NDArray[np.bool_] | None = None,
        packed: Literal[False] = False,
        threads: int | None = None,
    ) -> NDArray[np.bool_]: ...
    @overload
    def contains(
        self,
        keys: Any,
        *,
        out: NDArray[np.uint8] | None = None,
        packed: Literal[True],
        threads: int | None = None,
    ) -> NDArray[np.uint8]: ...
    @overload
    def contains(
        self, keys: Any, *, out: NDArray[Any] | None = None, packed: bool, threads: int | None = None
    ) -> NDArray[Any]: ...
    def contains(
        self, keys: Any, *, out: NDArray[Any] | None = None, packed: bool = False, threads: int | None = None
    ) -> NDArray[Any]:
        """Tell which keys were probably added.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        out : ndarray of bool, shape (n,), or of uint8, shape (ceil(n / 8),), optional
            Array for the answers, C-contiguous; of uint8 when ``packed``.
        packed : bool, default False
            Return bits instead of bytes: bit i % 8 of byte i // 8 for key i, as
            ``numpy.packbits(..., bitorder="little")``.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,), or of uint8, shape (ceil(n / 8),)
            True for every key that was added, and for others at the rate that `expected_fpr` tells.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, or an ``out`` that does not fit.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
        >>> seen.add(["a", "b"])
        >>> seen.contains(["a", "b", "c"])
        array([ True,  True, False])
        >>> seen.contains(["a", "b", "c"], packed=True)
        array([3], dtype=uint8)
        """
        n_threads = self._n_threads("contains", threads)
        return self._answers(self._batch(keys, n_threads), out, packed, n_threads)

    @overload
    def contains_hashes(
        self,
        hashes: NDArray[np.uint64],
        *,
        out: NDArray[np.bool_] | None = None,
        packed: Literal[False] = False,
        threads: int | None = None,
    ) -> NDArray[np.bool_]: ...
    @overload
    def contains_hashes(
        self,
        hashes: NDArray[np.uint64],
        *,
        out: NDArray[np.uint8] | None = None,
        packed: Literal[True],
        threads: int | None = None,
    ) -> NDArray[np.uint8]: ...
    @overload
    def contains_hashes(
        self,
        hashes: NDArray[np.uint64],
        *,
        out: NDArray[Any] | None = None,
        packed: bool,
        threads: int | None = None,
    ) -> NDArray[Any]: ...
    def contains_hashes(
        self,
        hashes: NDArray[np.uint64],
        *,
        out: NDArray[Any] | None = None,
        packed: bool = False,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Tell which keys were probably added, by their hashes.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        out, packed, threads
            As for `contains`.

        Returns
        -------
        ndarray of bool, shape (n,), or of uint8, shape (ceil(n / 8),)
            As for `contains`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64, or an ``out`` that does not fit.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.contains_hashes(hypersketch.hash_keys(["a"]))
        array([False])
        """
        batch = self._hashed("contains_hashes", hashes)
        return self._answers(batch, out, packed, self._n_threads("contains_hashes", threads))

    def _answers(self, batch: Batch, out: NDArray[Any] | None, packed: bool, threads: int) -> NDArray[Any]:
        owner, n = f"{type(self).__name__}.contains", batch.values.size
        packed = _validation.flag(owner, "packed", packed)
        size, dtype = (-(-n // 8), np.uint8) if packed else (n, np.bool_)
        answers = batch.output(owner, out, size, dtype)
        self._ask(batch, answers, packed, threads)
        given: NDArray[Any] = _device.result(answers)
        return given

    # ---- changes

    def test_and_add(
        self, keys: Any, *, out: NDArray[np.bool_] | None = None, threads: int | None = None
    ) -> NDArray[np.bool_]:
        """Add keys, once each, and tell which of them were probably there before.

        The answers are as if the keys came one after the other. Of equal keys in a batch the first is new and
        the others were there: ``~test_and_add(keys)`` marks the first occurrences.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        out : ndarray of bool, shape (n,), optional
            Array for the answers, C-contiguous.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. The answers do not depend on it. A
            ``classic`` filter and counters are changed by one.

        Returns
        -------
        ndarray of bool, shape (n,)
            False for keys that were certainly not there: the new ones. ``n_added`` grows by their number, of
            counters by n.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, an ``out`` that does not fit, when the state is
            memory-mapped, or when a filter that grows cannot.

        Warns
        -----
        CapacityWarning
            Once, and before the change, when a batch brings more distinct new keys than the structure was
            sized for; of counters, when it brings more keys.
        SaturationWarning
            Once, when a counter has reached its largest value. The keys are in: where warnings are errors,
            the answers are in ``out``.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.test_and_add(["a", "b", "a"])
        array([False, False,  True])
        >>> seen.n_added
        2
        """
        n_threads = self._n_threads("test_and_add", threads)
        return self._test_and_add(self._batch(keys, n_threads), out, n_threads)

    def test_and_add_hashes(
        self, hashes: NDArray[np.uint64], *, out: NDArray[np.bool_] | None = None, threads: int | None = None
    ) -> NDArray[np.bool_]:
        """Add keys by their hashes, once each, and tell which of them were probably there before.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returned with seed 0.
        out, threads
            As for `test_and_add`.

        Returns
        -------
        ndarray of bool, shape (n,)
            As for `test_and_add`.

        Raises
        ------
        TypeError, ValueError
            For anything but a one-dimensional array of uint64; otherwise as `test_and_add`.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(capacity=1000, fpr=0.01)
        >>> seen.test_and_add_hashes(hypersketch.hash_keys([1, 1]))
        array([False,  True])
        """
        batch = self._hashed("test_and_add_hashes", hashes)
        return self._test_and_add(batch, out, self._n_threads("test_and_add_hashes", threads))

    def _test_and_add(self, batch: Batch, out: NDArray[np.bool_] | None, threads: int) -> NDArray[np.bool_]:
        owner = f"{type(self).__name__}.test_and_add"
        answers: NDArray[np.bool_] = batch.output(owner, out, batch.values.size, np.bool_)
        with self._lock:
            self._require_writable()
            self._test_and_take(batch, answers, threads)
        given: NDArray[np.bool_] = _device.result(answers)
        return given
