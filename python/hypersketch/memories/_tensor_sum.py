# SPDX-License-Identifier: Apache-2.0
"""A sum of outer products of three vectors, as a dense tensor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import hypersketch.vsa  # noqa: F401  # it needs item memories, so their parts cannot come before it
from hypersketch import _device, _memory, _validation
from hypersketch._structure import Structure
from hypersketch.memories import _bipolar
from hypersketch.memories._changes import at_once, call_at_once, count_of
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.spaces import MapB, MapI

MOST_DIM = 1024
"""The tensor then takes 4 GiB."""
_BLOCK = 1 << 22

Floats = NDArray[Any]


def require_embeddings(owner: str, space: Space) -> None:
    """Refuse a space whose vectors are no embeddings of real numbers, or too long for a tensor."""
    real = isinstance(space, MapB | MapI | MapC) or (isinstance(space, HRR) and not space.spectral)
    if not real:
        must = "MapI, MapB, BSC, MapC or HRR for form='tensor', which needs vectors of real numbers"
        _validation.refuse(owner, "space", must, space)
    if space.dim > MOST_DIM:
        _validation.refuse(owner, "space", f"of at most {MOST_DIM} dimensions for form='tensor'", space)


def embeddings(space: Space, rows: NDArray[Any]) -> Floats:
    """Return vectors of a space as real numbers (float32); bits as signs, in BSC too."""
    if isinstance(space, MapB | MapI) and rows.dtype == np.uint64:
        return _bipolar.signs(rows, space.dim, np.float32)
    return np.asarray(rows, np.float32)


class TensorSum(Structure):
    """The tensor, with what bundles have: counts, copies, merging."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {"dim": _validation.within(1, MOST_DIM)}

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["dim"] ** 3, np.float32

    @property
    def _slices(self) -> Floats:
        """The tensor as a matrix: a row for each number of the subject."""
        matrix: Floats = self._state.reshape(self._values["dim"], -1)
        return matrix

    @property
    def tensor(self) -> Floats:
        """The tensor: subject, predicate, object."""
        dim = self._values["dim"]
        if _memory.on_gpu(self._state):
            there: Floats = _memory.reshaped(self._state, (dim, dim, dim))
            return there
        view: Floats = self._state.reshape(dim, dim, dim).view()
        view.flags.writeable = False
        return view

    def add_products(self, one: Floats, two: Floats, three: Floats, weights: Floats) -> None:
        """Add outer products of rows."""
        dim = self._values["dim"]
        with self._lock:
            self._require_writable()
            if _memory.on_gpu(self._state):
                from hypersketch.memories import _gpu_tensor

                self._put_there(
                    _gpu_tensor.added(self._state, dim, [one, two, three], weights), len(one), "changed"
                )
                return
            total = self._slices.copy()
            step = max(1, _BLOCK // dim**2)
            for first in range(0, len(one), step):
                part = slice(first, first + step)
                pairs = two[part, :, np.newaxis] * three[part, np.newaxis, :]
                with np.errstate(over="ignore", invalid="ignore"):
                    weighed = one[part] * weights[part, np.newaxis].astype(np.float32)
                    total += weighed.T @ pairs.reshape(len(pairs), -1)
            if not np.isfinite(total).all():
                raise OverflowError("The tensor would leave float32; nothing was changed.")
            at_once((self._slices, ..., total), count_of(self, len(one)))

    def _put_there(self, made: Any, n: int, what: str) -> None:
        """Write a new tensor over the one on a GPU, and count."""
        from hypersketch._device_search import used
        from hypersketch.memories import _gpu_pairs

        if not _gpu_pairs.is_finite(made):
            raise OverflowError(f"The tensor would leave float32; nothing was {what}.")
        target, source = self._state.view(), made.view()
        put = partial(_device.module().copy_span, target.span(), source.span(), made.nbytes)
        call_at_once(put, count_of(self, n))
        used(target, source)

    def _join(self, other: TensorSum) -> None:
        if _memory.on_gpu(self._state):
            from hypersketch.memories import _gpu_pairs

            theirs = _memory.beside(self._state, other._state)
            self._put_there(_gpu_pairs.joined(self._state, theirs), other.n_added, "merged")
            return
        with np.errstate(over="ignore"):
            joined = self._state + _memory.host(other._state)
        if not np.isfinite(joined).all():
            raise OverflowError("The tensor would leave float32; nothing was merged.")
        at_once((self._state, ..., joined), count_of(self, other.n_added))

    def left(self, place: int, known: tuple[Floats, Floats]) -> Floats:
        """Return what two vectors of every row leave of the tensor at the place of the third."""
        dim, (one, two) = self._values["dim"], known
        if _memory.on_gpu(self._state):
            from hypersketch.memories import _gpu_tensor

            return _gpu_tensor.left(self._state, dim, place, known)
        found = np.empty((len(one), dim))
        step = max(1, _BLOCK // dim**2)
        for first in range(0, len(one), step):
            part = slice(first, first + step)
            if place == 0:  # the first index is left
                pairs = one[part, :, np.newaxis] * two[part, np.newaxis, :]
                found[part] = pairs.reshape(len(pairs), -1) @ self._slices.T
            else:
                rows = (one[part] @ self._slices).reshape(-1, dim, dim)
                found[part] = np.einsum("npo,no->np" if place == 1 else "npo,np->no", rows, two[part])
        return found
