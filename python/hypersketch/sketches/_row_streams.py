# SPDX-License-Identifier: Apache-2.0
"""What count sketches and Count-Min sketches do alike: take streams, track their heaviest keys, add up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _device_keys, _memory, _threads, _validation
from hypersketch._stored import Stored, Tally
from hypersketch._structure import chunks
from hypersketch.keys import skips_nulls
from hypersketch.sketches._candidates import PLACES_PER_KEY, Batch, batch_of, decoded, encoded
from hypersketch.sketches._rows import RowCells, tally_of
from hypersketch.sketches._weights_on_gpu import require_host_weights, weights_on_gpu

TRACK = _validation.within(0, 2**20)

_JOIN_PIECE = 1 << 20
_Sketch = TypeVar("_Sketch", bound="RowSketch")


class RowSketch(RowCells):
    """A sketch of rows that streams go into."""

    _UNCOMPARED = frozenset({"track"})

    _candidates: dict[int, int | str | bytes]
    """Keys that may be among the heaviest, by hash. Replaced as a whole, never changed."""

    def _fill(
        self, parameters: dict[str, Any], state: _memory.State | None, tally: Tally, device: int | None = None
    ) -> None:
        super()._fill(parameters, state, tally, device)
        self._candidates = {}

    @property
    def track(self) -> int:
        """Number of heaviest keys that `heavy_hitters` can name; 0 when none are tracked.

        >>> import hypersketch
        >>> hypersketch.CountSketch(1024, 5, track=10).track
        10
        """
        return int(self._values["track"])

    # ---- adding

    def add(
        self,
        keys: Any,
        weights: Any = None,
        *,
        nulls: Literal["error", "skip"] = "error",
        threads: int | None = None,
    ) -> None:
        """Add keys, each with its weight.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of shape (n,), optional
            One weight a key, default 1: integers for integer cells, finite numbers for float cells. A
            Count-Min sketch takes none below 0.
        nulls : {'error', 'skip'}, default 'error'
            Whether keys that are null (in Arrow columns, masked arrays, or None in lists) are refused or left
            out, each with its weight.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. The cells do not depend on it.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that do not fit the cells or are not
            one a key (those of nulls counted), or when the state is memory-mapped.
        OverflowError
            When a cell would leave the range of its type. Nothing is changed then.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the sketch holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(1024, 5)
        >>> sketch.add(["a", "b"], weights=[3, -1])
        >>> sketch.n_added, sketch.total_weight
        (2, 2)
        >>> sketch.add(["a", None, "b"], weights=[1, 5, 1], nulls="skip")
        >>> sketch.estimate(["a", "b"])
        array([4, 0])
        """
        owner = f"{type(self).__name__}.add"
        skip = skips_nulls(owner, nulls)
        batch = self._near(owner, keys)
        if batch is None:
            batch = batch_of(keys, threads, self.track > 0 or (skip and weights is not None), skip)
        self._add(owner, batch, batch.weights(owner, weights), threads)

    def _add_without_nulls(self, batch: Any, threads: int | None) -> None:
        self.add(batch, nulls="skip", threads=threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add keys by their hashes; otherwise as `add`.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
            What `hypersketch.hash_keys` returns for the keys with seed 0.
        weights : array of shape (n,), optional
            One weight a key, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`; ValueError also for a sketch that tracks heavy hitters, which must name the keys.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(1024, 5)
        >>> sketch.add_hashes(hypersketch.hash_keys(["a"]), weights=[3])
        >>> sketch.estimate("a")
        array([3])
        """
        owner = f"{type(self).__name__}.add_hashes"
        batch = self._near(owner, hashes, hashed=True)
        if batch is None:
            batch = Batch(_validation.hashes(owner, hashes), hashed=True)
        if self.track:
            raise ValueError(
                f"This {type(self).__name__} tracks heavy hitters (track={self.track}) and must see the keys "
                "themselves: use add()."
            )
        self._add(owner, batch, weights, threads)

    def _checked_weights(self, owner: str, weights: Any, words: Any) -> Any:
        least: Any = 0 if not self._SIGNED else -self._most if self._integral else None
        if not isinstance(words, np.ndarray):
            return None if weights is None else weights_on_gpu(owner, weights, words, self.dtype, least)
        require_host_weights(owner, weights)
        if self._integral:
            return _validation.weights(owner, weights, words.size, least, self._most)
        return _validation.real_weights(owner, weights, words.size, self._state.dtype, least)

    def _add(self, owner: str, batch: Batch, weights: Any, threads: int | None) -> None:
        self._require_no_order(owner)
        checked = self._checked_weights(owner, weights, batch.words)
        n_threads = _threads.resolve(owner, threads)
        with self._lock:
            self._require_writable()
            if batch.words.size == 0:
                return
            self._require_room(batch, checked)
            on_gpu = _memory.on_gpu(self._state)
            for part in _device_keys.pieces(batch.words) if on_gpu else chunks(batch.words.size, self.depth):
                mine = None if checked is None else checked[part]
                tally = tally_of(part.stop - part.start, mine)
                if on_gpu:
                    self._add_on_gpu(batch, part, mine, tally, n_threads)
                else:
                    self._add_part(batch, part, mine, tally, n_threads)

    def _require_no_order(self, owner: str) -> None:
        """Refuse on a GPU what depends on the order of the keys."""
        if not _memory.on_gpu(self._state):
            return
        given = "conservative=True" if self._values.get("conservative") else f"track={self.track}"
        if given != "track=0":
            raise ValueError(
                f"{owner} of a sketch with {given} takes keys one after the other, which a GPU does not. "
                'Add to one on the CPU, made by to("cpu"); estimates work on both.'
            )

    def _add_on_gpu(self, batch: Batch, part: slice, weights: Any, tally: Tally, threads: int) -> None:
        cuda, sketch = _device.module(), (self._state.memory, self.dtype.name, self._shape_on_gpu)
        change = partial(
            cuda.sketch_add_i64 if self._integral else cuda.sketch_add_f64,
            *sketch,
            hashed=batch.hashed,
            stream=_device.chosen_stream(),
            threads=threads,
        )
        self._commit(change, (batch.words[part], getattr(weights, "span", weights)), tally)

    def _add_part(
        self, batch: Batch, part: slice, weights: NDArray[Any] | None, tally: Tally, threads: int
    ) -> None:
        arguments = (batch.words[part], weights)
        if not self.track:
            change = partial(_core.sketch_add, self._state, self._rule, hashed=batch.hashed, threads=threads)
            self._commit(change, arguments, tally)
            return
        places = PLACES_PER_KEY * self.track
        known = np.fromiter(self._candidates, np.uint64, len(self._candidates))
        found, origins = np.empty(places, np.uint64), np.empty(places, np.int64)
        track = partial(
            _core.sketch_track,
            self._state,
            self._rule,
            hashed=batch.hashed,
            tracked=known,
            found=found,
            origins=origins,
            threads=threads,
        )
        self._commit(track, arguments, tally)
        listed = zip(found[origins > -2].tolist(), origins[origins > -2].tolist(), strict=True)
        self._candidates = {
            hash_: self._candidates[hash_] if origin < 0 else batch.key_at(part.start + origin)
            for hash_, origin in listed
        }

    # ---- heavy hitters

    def heavy_hitters(self, k: int | None = None) -> list[tuple[int | str | bytes, int | float]]:
        """Return the keys with the largest estimates among those tracked.

        Parameters
        ----------
        k : int, optional
            How many, at most ``track``; default ``track``.

        Returns
        -------
        list of (key, estimate)
            Descending by estimate, ties by hash; only keys with a positive estimate. Keys come back as the
            int, str or bytes that they were added as.

        Raises
        ------
        TypeError
            When ``k`` is not an integer.
        ValueError
            When no keys are tracked, or ``k`` is out of range.

        Notes
        -----
        Up to 4 ``track`` candidates are kept while keys are added. One is dropped only for 2 ``track`` others
        whose estimates were at least as large, so every key is named whose weight exceeds the k-th largest
        estimate by more than its own error. Weights below 0 and `subtract` may bring keys back to the top
        that are no candidates any more. `merge` keeps the candidates of both sketches, so a key may be
        missing that was heavy in neither of them but is in their sum; one that tracks cannot be merged with
        another that does not, whose heaviest keys nobody could name.

        Examples
        --------
        >>> import hypersketch
        >>> words = "the cat and the dog and the bird".split()
        >>> sketch = hypersketch.CountSketch(1024, 5, track=2)
        >>> sketch.add(words)
        >>> sketch.heavy_hitters()
        [('the', 3), ('and', 2)]
        """
        owner = f"{type(self).__name__}.heavy_hitters"
        if not self.track:
            raise ValueError(
                f"This {type(self).__name__} tracks no keys. Make it with track=k to ask for heavy hitters."
            )
        count = self.track if k is None else _validation.integer(owner, "k", k, 1, self.track)
        candidates = self._candidates
        ranked = [(key, estimate) for _, key, estimate in self._ranked(candidates) if estimate > 0]
        return ranked[:count]

    def _ranked(
        self, candidates: Mapping[int, int | str | bytes]
    ) -> list[tuple[int, int | str | bytes, int | float]]:
        """Return hash, key and estimate of the candidates, the largest estimate first."""
        hashes = np.fromiter(candidates, np.uint64, len(candidates))
        estimates = self._estimate(hashes, True, 1).tolist()
        items = zip(candidates, candidates.values(), estimates, strict=True)
        return sorted(items, key=lambda item: (-item[2], item[0]))

    # ---- merging

    def _join(self, other: Any) -> None:
        if self.track and not other.track:
            raise ValueError(
                f"This {type(self).__name__} tracks heavy hitters (track={self.track}) and cannot be merged "
                "with one that tracks none (track=0), as it could not name that one's heaviest keys. Merge "
                "both into one with track=0."
            )
        self._combine(np.add, other, other._tally)

    def subtract(self: _Sketch, other: _Sketch) -> None:
        """Take away everything another sketch of the same type and parameters holds.

        Parameters
        ----------
        other : same type
            Stays as it is. For a Count-Min sketch it must hold nothing that this one does not hold.

        Raises
        ------
        TypeError
            When the other is of another type.
        ValueError
            When a parameter or the seed differs, this state is memory-mapped, or a Count-Min sketch is
            updated conservatively or would have a cell below 0.
        OverflowError
            When a cell would leave its range. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> week, monday = (hypersketch.CountSketch(1024, 5) for _ in range(2))
        >>> week.add(["a", "a", "b"])
        >>> monday.add(["a"])
        >>> week.subtract(monday)
        >>> week.estimate(["a", "b"])
        array([1, 1])
        """
        self._require_same(other, "subtract")
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._require_writable()
            taken = other._tally
            opposite = Tally(-taken.n_added, -taken.total_weight)
            self._combine(np.subtract, other, opposite)

    def _combine(self, operation: np.ufunc, other: Any, tally: Tally) -> None:
        """Add or subtract another sketch's cells, all or none; both locks are held."""
        bound = other._bound
        if not self._is_far_from_full(bound):
            self._require_sums(operation, other)
        candidates = {**self._candidates, **other._candidates} if self.track else {}
        change = _memory.combining(operation, self._state, other._state)
        self._commit(*change, tally._replace(bound=bound))
        kept = self._ranked(candidates)[: PLACES_PER_KEY * self.track]
        self._candidates = {hash_: key for hash_, key, _ in kept}

    def _require_sums(self, operation: np.ufunc, other: Any) -> None:
        states = [_memory.host(sketch._state) for sketch in (self, other)]
        for first in range(0, self._state.size, _JOIN_PIECE):
            mine, theirs = (state[first : first + _JOIN_PIECE] for state in states)
            with np.errstate(over="ignore", invalid="ignore"):
                result = operation(mine, theirs)
            if not self._integral:
                good = np.isfinite(result)
            else:  # a sum that wrapped differs from the floating one by 2**32 or 2**64
                near = np.abs(operation(mine.astype(np.float64), theirs.astype(np.float64)) - result)
                good = (near < self._most / 2) & (result >= -self._most)
            if not good.all():
                self._overflow()

    def __isub__(self: _Sketch, other: _Sketch) -> _Sketch:
        self.subtract(other)
        return self

    def __sub__(self: _Sketch, other: _Sketch) -> _Sketch:
        self._require_same(other, "subtract")
        rest = self.copy()
        rest.subtract(other)
        return rest

    # ---- copies and files

    def _moved(self: _Sketch, device: int | None) -> _Sketch:
        twin = super()._moved(device)
        twin._candidates = self._candidates
        return twin

    def clear(self) -> None:
        """Remove everything, the tracked keys too.

        Raises
        ------
        ValueError
            When the state is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> sketch = hypersketch.CountSketch(1024, 5)
        >>> sketch.add("a")
        >>> sketch.clear()
        >>> sketch.estimate("a")
        array([0])
        """
        with self._lock:
            super().clear()
            self._candidates = {}

    def _saved_counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = super()._saved_counts()
        if self.track:
            counts["candidates"] = encoded(key for _, key in sorted(self._candidates.items()))
        return counts

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Stored:
        rest, name = dict(counts), cls.__name__
        keys = decoded(name, rest.pop("candidates", []), PLACES_PER_KEY * parameters["track"])
        total = rest.get("total_weight")
        if state.dtype.kind == "i":
            total = _validation.integer(name, "total_weight", total, -(2**126), 2**126)
        else:
            total = _validation.real(name, "total_weight", total)
            # A mapped state is not read through, as its checksum is not; its estimates may then be NaN.
            if state.flags.writeable and not np.isfinite(state).all():
                raise ValueError("its state holds cells that are not finite.")
        made = super()._restore(parameters, {**rest, "total_weight": 0}, state)
        assert isinstance(made, RowSketch)
        made._record = (made._tally._replace(total_weight=total), [])
        made._candidates = keys
        return made
