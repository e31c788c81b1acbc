# SPDX-License-Identifier: Apache-2.0
"""How bundles of int32 counters on a GPU take keys, pairs and vectors, and answer: with the CPU's counters.

Atoms are made there, of the CPU's words, and counted where they are made; no atom of a key is stored. Vectors
of host memory are counted on the host, and go in by their sum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hypersketch import _device, _device_keys, _threads
from hypersketch._device_array import DeviceArray, Passing
from hypersketch._structure import chunks, tally_of
from hypersketch.vsa import _modular_on_gpu, _on_gpu, _sparse_on_gpu, _ternary_on_gpu
from hypersketch.vsa._bundle_on_gpu import _pairs, _there, batch_of
from hypersketch.vsa._scores_on_gpu import _finished

_ENTRIES_AT_ONCE = 1 << 34
"""Of what is added, between two looks for Ctrl-C: a fraction of a second."""
_ATOM_BYTES = 1 << 28
"""Of atoms that are made to be compared, at a time."""


class CountedOnGpu(ABC):
    """What the bundles of a kind of space do on a GPU."""

    _PRODUCTS = True
    """Whether products of atoms are made there; else the host makes them."""

    # ---- what kinds differ in

    @abstractmethod
    def _atoms(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return what adds atoms of hashes, and its arguments after the counters."""

    @abstractmethod
    def _rows(self, owner: str, space: Any, vectors: Any) -> _device.View:
        """Return the view of checked vectors."""

    @abstractmethod
    def _vectors(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return what adds vectors, and its arguments after the counters."""

    @abstractmethod
    def _entries(self, space: Any) -> int:
        """Return how many additions an atom is worth."""

    @abstractmethod
    def _choose(self, space: Any, counters: Any, passing: Passing, out: Any) -> None:
        """Write the vector that stands for counters."""

    @abstractmethod
    def _score(self, space: Any, vector: _device.View, keys: _device_keys.Words, out: _device.Target) -> None:
        """Write the similarities of a vector with the atoms of hashes."""

    # ---- changes

    def add_keys(
        self,
        bundle: Any,
        verb: str,
        keys: Any,
        weights: Any,
        sign: int,
        threads: int | None,
        are_hashes: bool = False,
    ) -> None:
        """Add atoms of keys, or for sign -1 take them away."""
        owner = f"{type(bundle).__name__}.{verb}"
        _threads.resolve(owner, threads)
        words, hashed = batch_of(bundle, owner, keys, threads, are_hashes)
        there = _there(words, hashed, bundle._device_index, _device.chosen_stream())
        no_others = [None] if self._PRODUCTS else []
        self._add(bundle, owner, [there, *no_others], there.size, weights, sign, self._atoms(bundle.space))

    def add_pairs(self, bundle: Any, keys: Any, values: Any, weights: Any, threads: int | None) -> None:
        """Add products of atoms."""
        owner = f"{type(bundle).__name__}.add_pairs"
        _threads.resolve(owner, threads)
        left, right = _pairs(bundle, owner, keys, values, threads)
        if self._PRODUCTS:
            self._add(bundle, owner, [left, right], left.size, weights, 1, self._atoms(bundle.space))
        else:
            bundle._add_hashed_pairs(left.to_host(), right.to_host(), weights, threads)

    def add_vectors(self, bundle: Any, vectors: Any, weights: Any) -> None:
        """Add vectors of the bundle's GPU."""
        owner = f"{type(bundle).__name__}.add_vectors"
        given = self._rows(owner, bundle.space, vectors)
        _device.require_near(owner, "vectors", given, bundle._device_index)
        self._add(bundle, owner, [given], _on_gpu._n_rows(given), weights, 1, self._vectors(bundle.space))

    def _add(
        self,
        bundle: Any,
        owner: str,
        items: Sequence[_device.View | None],
        n: int,
        weights: Any,
        sign: int,
        how: tuple[Any, tuple[Any, ...]],
    ) -> None:
        """Add n items, each of them a row of every array, to the counters, a piece at a time."""
        like = items[0]
        assert like is not None
        checked = _on_gpu.Weights(owner, weights, n, like)
        change, arguments = how
        with bundle._lock:
            bundle._require_writable()
            bundle._require_room(checked.tally.bound)
            for part in self._pieces(bundle, n, checked):
                passing = Passing(like.device, like.stream)
                factors = checked.part(part, passing)
                spans = [None if one is None else _part(one, n, part) for one in items]
                mine = None if checked.values is None else checked.values[part]
                tally = tally_of(part.stop - part.start, mine if checked.seen is None else checked, sign)
                bundle._commit(change, (bundle._state.memory, *arguments, *spans, factors, sign < 0), tally)

    def _pieces(self, bundle: Any, n: int, weights: _on_gpu.Weights) -> Iterable[slice]:
        if weights.seen is not None and n:
            return [slice(0, n)]  # what weighs a part of them only the GPU knows
        return chunks(n, most=max(255, _ENTRIES_AT_ONCE // self._entries(bundle.space)))

    # ---- answers

    def vector(self, bundle: Any) -> DeviceArray:
        """Return the bundle as a vector of its space, on its GPU."""
        space, state, stream = bundle.space, bundle._state, _device.chosen_stream()
        made = DeviceArray.empty((space.width,), space.dtype, bundle._device_index)
        for one in (state, made):
            one.mark(stream)
        counters = state.memory.span(state.size, stream)
        passing = Passing(bundle._device_index, stream)
        self._choose(space, counters, passing, made.memory.span(made.size, stream))
        for one in (state, made):
            one.mark(stream)
        return made

    def similarity(self, bundle: Any, keys: Any, threads: int | None) -> Any:
        """Return similarities with atoms: in an array of the GPU where the keys are, else of the host."""
        owner = f"{type(bundle).__name__}.similarity"
        _threads.resolve(owner, threads)
        words, hashed = batch_of(bundle, owner, keys, threads)
        there = _there(words, hashed, bundle._device_index, _device.chosen_stream())
        made = _device.target(owner, None, (there.size,), np.float64, there)
        mine = self.vector(bundle)
        mine.mark(there.stream)
        self._score(bundle.space, mine.view()._replace(stream=there.stream), _device_keys.Words(there), made)
        return _finished(made, isinstance(words, np.ndarray), mine)


def _part(seen: _device.View, n: int, part: slice) -> Any:
    """Return the span of some of the n rows of an array."""
    width = seen.size // max(1, n)
    return _device.Target(None, seen)[slice(part.start * width, part.stop * width)]


class Ternary(CountedOnGpu):
    """MAP-T: atoms are those of MAP-I, and so are their sums."""

    def _atoms(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_sign_atoms, (space.seed,)

    def _rows(self, owner: str, space: Any, vectors: Any) -> _device.View:
        return _ternary_on_gpu.checked_rows(owner, vectors, space)

    def _vectors(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_bit_rows, (2,)

    def _entries(self, space: Any) -> int:
        return int(space.dim)

    def _choose(self, space: Any, counters: Any, passing: Passing, out: Any) -> None:
        _device.module().pack_counts(counters, 2, out)

    def _score(self, space: Any, vector: _device.View, keys: _device_keys.Words, out: _device.Target) -> None:
        module, mine = _device.module(), vector.span()
        for part in chunks(keys.size, most=max(255, _ATOM_BYTES // space.nbytes)):
            passing = Passing(vector.device, vector.stream)
            atoms = passing.empty((part.stop - part.start) * space.width, np.uint64)
            module.ternary_atoms(keys[part], space.dim, space.seed, atoms)
            module.ternary_cosines(mine, atoms, space.dim, out[part])


class Sparse(CountedOnGpu):
    """BSDC, whose products the host makes."""

    _PRODUCTS = False

    def _atoms(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_sparse_atoms, _sparse_on_gpu.drawn(space)[1:]

    def _rows(self, owner: str, space: Any, vectors: Any) -> _device.View:
        return _sparse_on_gpu.checked_rows(owner, vectors, space)

    def _vectors(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_bit_rows, (1,)

    def _entries(self, space: Any) -> int:
        return int(space.n_ones)

    def _choose(self, space: Any, counters: Any, passing: Passing, out: Any) -> None:
        _device.module().pack_counts(counters, 1, out)

    def _score(self, space: Any, vector: _device.View, keys: _device_keys.Words, out: _device.Target) -> None:
        hashes = keys[0 : keys.size]
        _device.module().score_sparse_atoms(vector.span(), *_sparse_on_gpu.drawn(space), hashes, out.whole())


class Modular(CountedOnGpu):
    """CGR, MCR and block codes."""

    def _atoms(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_digit_atoms, _modular_on_gpu.drawn(space)

    def _rows(self, owner: str, space: Any, vectors: Any) -> _device.View:
        return _modular_on_gpu.checked_rows(owner, vectors, space)

    def _vectors(self, space: Any) -> tuple[Any, tuple[Any, ...]]:
        return _device.module().add_digit_rows, (space.width, space.modulus)

    def _entries(self, space: Any) -> int:
        return int(space.width)

    def _choose(self, space: Any, counters: Any, passing: Passing, out: Any) -> None:
        _modular_on_gpu.choose(space, counters, passing, out)

    def _score(self, space: Any, vector: _device.View, keys: _device_keys.Words, out: _device.Target) -> None:
        given = space.modulus, space.seed, bool(space._CIRCLE), keys[0 : keys.size]
        _device.module().score_digit_atoms(vector.span(), *given, out.whole())


TERNARY, SPARSE, MODULAR = Ternary(), Sparse(), Modular()
