# SPDX-License-Identifier: Apache-2.0
"""Packed vectors and sums that lie on a GPU: the same operations, the same bits, in the kind of their inputs.

Arrays are of PyTorch, CuPy, hypersketch or whoever offers ``__cuda_array_interface__`` or DLPack: words of
64 bits (uint64, or int64 with the same bits) and sums of int32, one row after the other. Calls run on the
caller's stream. Only looking for bits beyond the dimension makes them wait, and dimensions of whole words
need no look.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _validation
from hypersketch._device import Target, View
from hypersketch._device_array import DeviceArray, Passing
from hypersketch._stored import Tally
from hypersketch._structure import tally_of

_WORDS = (np.dtype(np.uint64), np.dtype(np.int64))


# ---- in


def packed(owner: str, name: str, value: Any, dim: int) -> View:
    """Return the view of packed vectors on a GPU; bits beyond the dimension are for the kernels to find."""
    n_words = _validation.words_for(dim)
    must = f"packed vectors of uint64 with {n_words} words ({dim} dimensions)"
    seen = _on_gpu(owner, name, value, must)
    if seen.dtype not in _WORDS:
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    return _rows(owner, name, seen, n_words, f"{dim} dimensions in words of 64 bits")


def sums(owner: str, name: str, value: Any, dim: int) -> View:
    """Return the view of int32 sums on a GPU."""
    must = f"sums of int32 with {dim} entries"
    seen = _on_gpu(owner, name, value, must)
    if seen.dtype != np.int32:
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    return _rows(owner, name, seen, dim, "of int32")


def is_sums(value: Any) -> bool:
    """Whether an array on a GPU holds sums, not words."""
    return bool(_device.is_on_gpu(value) and _device.view_of_any("", "vectors", value).dtype == np.int32)


def _on_gpu(owner: str, name: str, value: Any, must: str) -> View:
    if not _device.is_on_gpu(value):
        _validation.refuse(owner, name, f"{must} on a GPU, where the others are", type(value), TypeError)
    return _device.view(owner, name, value)


def _rows(owner: str, name: str, seen: View, width: int, why: str) -> View:
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != width:
        raise ValueError(
            f"{name} has the shape {seen.shape} but {owner} needs ({width},) or (n, {width}): {why}."
        )
    if not seen.is_contiguous:
        _validation.refuse(owner, name, "rows that stand one after the other", f"strides {seen.strides}")
    return seen


def together(owner: str, leader: View, **others: View) -> None:
    """Refuse arrays of different GPUs, and make the leader's stream wait for theirs."""
    for name, other in others.items():
        if other.device != leader.device:
            here, there = _device.name_of(leader.device), _device.name_of(other.device)
            raise ValueError(
                f"All arrays of {owner} must lie on one GPU. {name} is on {there}, others on {here}."
            )
        _device.behind(leader, other)


def _refuse_strays(owner: str, dim: int, **rows: View) -> None:
    """Raise for the first that sets bits beyond the dimension."""
    for name, seen in rows.items():
        if _device.module().any_beyond(seen.span(), dim):
            raise ValueError(
                f"{name} sets bits beyond dimension {dim}, which must be zero in packed vectors."
            )


def _n_rows(seen: View) -> int:
    return seen.shape[0] if len(seen.shape) == 2 else 1


def _broadcast(owner: str, left: View, right: View, names: tuple[str, str]) -> tuple[int, ...]:
    n, m = _n_rows(left), _n_rows(right)
    if n != m and 1 not in (n, m):
        raise ValueError(f"{names[0]} has {n} rows but {names[1]} has {m}.")
    if len(left.shape) == len(right.shape) == 1:
        return left.shape
    return (m if n == 1 else n, left.shape[-1])


@functools.lru_cache(maxsize=32)
def ties_on(space: Any, device: int) -> DeviceArray:
    """Return the tie vector of a binary space on a GPU: it stays there."""
    return DeviceArray.of(space._ties(), device)


def ties_of(space: Any, array: Any) -> DeviceArray:
    """Return the tie vector of a binary space where an array is."""
    return ties_on(space, _device.view("", "vectors", array).device)


# ---- algebra


def atoms(owner: str, words: Any, hashed: bool, dim: int, seed: int) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, _validation.words_for(dim)), np.uint64, seen)
    _device.module().atom_rows(words[0 : words.size], dim, seed, made.whole())
    return made.finished()


def bind(owner: str, a: Any, b: Any, dim: int, out: Any = None) -> Any:
    """Return the XOR of packed vectors; one vector meets each row of the other argument."""
    left, right = packed(owner, "a", a, dim), packed(owner, "b", b, dim)
    together(owner, left, b=right)
    shape = _broadcast(owner, left, right, ("a", "b"))
    made = _device.target(owner, out, shape, left.dtype, left)
    if made.seen.pointer in (
        left.pointer,
        right.pointer,
    ):  # which nothing must overwrite before it is known to be good
        _refuse_strays(owner, dim, a=left, b=right)
    if not _device.module().bind_rows(left.span(), right.span(), dim, made.whole()):
        _refuse_strays(owner, dim, a=left, b=right)
    return made.finished()


def turn(owner: str, vectors: Any, signs: Any, dim: int, names: tuple[str, str]) -> Any:
    """Return sums times the signs of packed vectors."""
    left, right = sums(owner, names[0], vectors, dim), packed(owner, names[1], signs, dim)
    together(owner, left, **{names[1]: right})
    n, m = _n_rows(left), _n_rows(right)
    if n != m and 1 not in (n, m):
        raise ValueError(f"{names[0]} has {n} rows but {names[1]} has {m}.")
    shape = (dim,) if len(left.shape) == len(right.shape) == 1 else (m if n == 1 else n, dim)
    made = _device.target(owner, None, shape, np.int32, left)
    if not _device.module().turn_rows(left.span(), right.span(), dim, made.whole()):
        _refuse_strays(owner, dim, **{names[1]: right})
    return made.finished()


def rotate(owner: str, vectors: Any, dim: int, shift: object, out: Any = None) -> Any:
    """Shift packed vectors or sums cyclically: entry d moves to (d + shift) mod dim."""
    of_sums = is_sums(vectors)
    given = (sums if of_sums else packed)(owner, "vectors", vectors, dim)
    steps = _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % dim
    made = _device.target(owner, out, given.shape, given.dtype, given)
    first, last = made.seen.pointer, made.seen.pointer + given.size * given.dtype.itemsize
    if given.size and first < given.pointer + given.size * given.dtype.itemsize and given.pointer < last:
        _validation.refuse(owner, "out", "an array that shares no memory with what is read", type(out))
    if of_sums:
        _device.module().roll_rows(given.span(), dim, steps, made.whole())
    elif not _device.module().rotate_rows(given.span(), dim, steps, made.whole()):
        _refuse_strays(owner, dim, vectors=given)
    return made.finished()


def signs_of(owner: str, vectors: Any, dim: int, seed: int) -> Any:
    """Return the packed signs of sums; zeros take those of the tie vector."""
    given = sums(owner, "vectors", vectors, dim)
    shape = (*given.shape[:-1], _validation.words_for(dim))
    made = _device.target(owner, None, shape, np.uint64, given)
    _device.module().pack_signs(given.span(), dim, seed, made.whole())
    return made.finished()


# ---- bundles


def majority(
    owner: str,
    rows: Any,
    dim: int,
    ties: Any,
    weights: Any = None,
    starts: Any = None,
    *,
    bound_to: Any = None,
    at_least: int | None = None,
    out: Any = None,
) -> Any:
    """Return the bits that packed vectors have in their majority, as `hypersketch.vsa._packed.majority`."""
    least = 0 if at_least is None else _validation.integer(owner, "at_least", at_least, 1, 2**63 - 1)
    return _bundled(owner, rows, dim, weights, starts, bound_to, out, ties, least)


def summed(
    owner: str, rows: Any, dim: int, weights: Any = None, starts: Any = None, *, out: Any = None
) -> Any:
    """Return the sums of packed vectors, int32."""
    return _bundled(owner, rows, dim, weights, starts, None, out, None, 0)


def _bundled(
    owner: str,
    rows: Any,
    dim: int,
    weights: Any,
    starts: Any,
    bound_to: Any,
    out: Any,
    ties: Any,
    at_least: int,
) -> Any:
    given, others = packed(owner, "vectors", rows, dim), None
    if bound_to is not None:
        others = packed(owner, "bound_to", bound_to, dim)
        together(owner, given, bound_to=others)
        if _n_rows(others) != _n_rows(given):
            raise ValueError(f"vectors has {_n_rows(given)} rows but bound_to has {_n_rows(others)}.")
    n = _n_rows(given)
    edges = edges_of(owner, starts, n)
    if not (n if starts is None else (edges[1:] > edges[:-1]).all()):
        raise ValueError(f"{owner} needs at least one vector in every bundle.")
    checked = Weights(owner, weights, n, given)
    if ties is None:
        checked.require_room(owner)
    work = Work(given, dim, n, None if starts is None else edges, checked)
    made = work.target(owner, out, ties, at_least, given.dtype)
    bound = None if others is None else others.span()
    if not _device.module().bundle_rows(work.plan, given.span(), bound):
        strays = {"vectors": given} if others is None else {"vectors": given, "bound_to": others}
        _refuse_strays(owner, dim, **strays)
    return made.finished()


def edges_of(owner: str, starts: Any, n: int) -> NDArray[np.int64]:
    """Return starts of runs in host memory, where they are checked."""
    return _validation.starts(owner, _device.on_host(owner, "starts", starts), n)


class Weights:
    """One int64 weight an item, of the host or of the GPU of a batch, checked where it lies; or none."""

    def __init__(self, owner: str, weights: Any, n: int, like: View) -> None:
        self.seen: View | None = None
        self.tally: Tally
        self.values: NDArray[np.int64] | None = None
        if _device.is_on_gpu(weights):
            from hypersketch.sketches._weights_on_gpu import weights_on_gpu

            words = _device_keys.Words(like._replace(shape=(n,), strides=(8,)))
            checked = weights_on_gpu(owner, weights, words, np.dtype(np.int32), None)
            self.seen, self.tally = checked._seen, checked.tally
        else:
            self.values = _validation.weights(owner, weights, n)
            self.tally = tally_of(n, self.values)

    def span(self, uploads: Passing) -> Any:
        if self.seen is not None:
            return self.seen.span()
        return None if self.values is None else uploads.span(self.values)

    def part(self, part: slice, uploads: Passing) -> Any:
        """Return the span of the weights of some items."""
        if self.seen is not None:
            return _device.Target(None, self.seen)[part]
        return None if self.values is None else uploads.span(self.values[part])

    def require_room(self, owner: str) -> None:
        """Refuse weights that could make a sum leave int32."""
        if self.tally.bound > np.iinfo(np.int32).max:
            raise OverflowError(
                f"The weights of {owner} add up to {self.tally.bound}: sums could leave int32."
            )


class Work:
    """A call that bundles: which items with which, and where to."""

    plan: Any

    def __init__(
        self,
        like: View,
        dim: int,
        n: int,
        edges: NDArray[np.int64] | None,
        weights: Weights | None = None,
        trimmed: int = 0,
        *,
        ends: Any = None,
        lengths: NDArray[np.int64] | None = None,
    ) -> None:
        self._like, self._dim, self._edges = like, dim, edges
        self._uploads = Passing(like.device, like.stream)
        if lengths is None:
            lengths = np.array([n]) if edges is None else np.diff(edges)
        longest = max(0, int(lengths.max(initial=0)) - trimmed)
        self._given = {
            "dim": dim,
            "n_items": n,
            "starts": None if edges is None else self._uploads.span(edges),
            "ends": ends,
            "longest": longest,
            "trimmed": trimmed,
            "weights": None if weights is None else weights.span(self._uploads),
        }

    def span(self, array: NDArray[Any]) -> Any:
        """Return an array of host memory on the GPU for the length of the call."""
        return self._uploads.span(array)

    def _ties_span(self, ties: Any) -> Any:
        if isinstance(ties, np.ndarray):
            return self.span(ties)
        ties.memory.ready(self._like.stream)
        return ties.memory.span(ties.size, self._like.stream)

    def target(
        self,
        owner: str,
        out: Any,
        ties: Any,
        at_least: int = 0,
        dtype: Any = np.uint64,
    ) -> Target:
        """Return where majorities go, or sums where there are no ties; set the plan."""
        width = self._dim if ties is None else _validation.words_for(self._dim)
        n = 1 if self._edges is None else self._edges.size - 1
        shape = (width,) if self._edges is None else (n, width)
        made = _device.target(owner, out, shape, np.int32 if ties is None else dtype, self._like)
        if ties is None:
            if out is None:
                _device.module().clear_span(made.whole(), 4 * n * width)
            self._set(sums=made.whole())
        else:
            self._set(bits=made.whole(), ties=self._ties_span(ties), at_least=at_least)
        return made

    def into(self, span: Any, subtract: bool) -> None:
        """Set the plan that adds to, or takes from, the counters of a state."""
        self._set(sums=span, subtract=subtract)

    def _set(self, **outcome: Any) -> None:
        self.plan = _device.module().BundlePlan(**self._given, **outcome)
