# SPDX-License-Identifier: Apache-2.0
"""Spaces of numbers on a GPU, trial by trial: what experiments ask of codebooks, by the CPU's definitions.

Atoms, products entry by entry and sums of phasors have the CPU's bits; lengths of sums are summed in double
precision in another order. Circular convolutions and products of matrices are sums of exact products in
double precision, rounded once, where the CPU transforms or multiplies in single precision. Scores are
cosines of sums in double precision: for n numbers a vector they are off by less than (2 n + 4) 2^-53. The
CPU's are of products of matrices in single precision, off by up to (2 n + 4) 2^-24. So hits are the CPU's but
where the scores that decide are that close to each other. Those of MAP-T are of whole numbers: the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hypersketch import _device, _validation
from hypersketch._device_array import Passing
from hypersketch.capacity.kernels_on_gpu import index_of
from hypersketch.keys import hash_keys
from hypersketch.vsa import FHRR, HRR, TVTB, VTB, MapC, MapT
from hypersketch.vsa._numbers import Rule
from hypersketch.vsa._spectral_on_gpu import form_of

__all__ = ["BookOfReals", "SpaceOnGpu", "Vectors"]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
_CLIPPED = 2
"""Form of sums that are cut off at -1 and 1, which of whole numbers leaves the signs."""


class Vectors(NamedTuple):
    """Rows of floats on a GPU, and what keeps their memory."""

    floats: Any
    """Span of all of them."""
    n: int
    """Rows."""
    memory: Passing
    """Given back with the last reference."""


class SpaceOnGpu:
    """The algebra of a space whose vectors are rows of floats on a GPU.

    Vectors of MAP-T are floats -1, 0 and 1 here.

    Parameters
    ----------
    space : MapC, MapT, HRR, FHRR, VTB, TVTB or MBAT
        The space; HRR not in spectral form.
    device : str
        The GPU.
    """

    def __init__(self, space: Any, device: str) -> None:
        self.space, self.dim = space, space.dim
        self.width = space.dim if isinstance(space, MapT) else space.nbytes // 4
        self.index, self.module = index_of(device), _device.module()

    # ---- vectors

    def atoms(self, keys: Any, threads: int | None = None) -> Vectors:
        """Atoms of integers on the GPU."""
        hashes = _device.view("SpaceOnGpu.atoms", "keys", hash_keys(keys, threads=threads))
        return self._atoms_of(hashes.span(), hashes.size)

    def atoms_of_hashes(self, hashes: UInt64Array) -> Vectors:
        """Atoms of hashes in host memory."""
        passing = self._passing()
        return self._atoms_of(passing.span(np.ascontiguousarray(hashes)), hashes.size)

    def _atoms_of(self, hashes: Any, n: int) -> Vectors:
        space, made = self.space, self._rows(n)
        if not isinstance(space, MapT):
            drawn = self.dim, int(space._NUMBERS), space._scale, space.seed
            self.module.atom_reals(hashes, *drawn, made.floats)
            return made
        packed = made.memory.empty(n * _validation.words_for(self.dim), np.uint64)
        self.module.atom_rows(hashes, self.dim, space.seed, packed)
        self.module.unpack_entries(packed, self.dim, "float32", made.floats)
        return made

    def _passing(self) -> Passing:
        return Passing(self.index, _device.chosen_stream())

    def _rows(self, n: int) -> Vectors:
        memory = self._passing()
        return Vectors(memory.empty(n * self.width, np.float32), n, memory)

    def taken(self, rows: Vectors, places: Int64Array) -> Vectors:
        """Some rows, by their indices."""
        made = self._rows(places.size)
        where = made.memory.span(np.ascontiguousarray(places, np.int64))
        self.module.take_rows(rows.floats, self.width, self.width, where, made.floats)
        return made

    # ---- algebra

    def superpose(self, rows: Vectors, starts: Int64Array) -> Vectors:
        """Bundles of runs of rows."""
        made = self._rows(starts.size - 1)
        edges = made.memory.span(np.ascontiguousarray(starts, np.int64))
        form = _CLIPPED if isinstance(self.space, MapT) else form_of(self.space)
        _require(self.module.sum_real_rows(rows.floats, self.width, edges, None, form, 0, made.floats))
        return made

    def bind(self, a: Vectors, b: Vectors) -> Vectors:
        """Products of rows."""
        return self._combined(a, b, undo=False)

    def unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        """Rows without known ones."""
        return self._combined(bound, known, undo=True)

    def _combined(self, a: Vectors, b: Vectors, undo: bool) -> Vectors:
        space, made, module = self.space, self._rows(a.n), self.module
        spans = a.floats, b.floats
        if isinstance(space, FHRR):
            rule = Rule.QUOTIENT if undo else Rule.PRODUCT
            good = module.combine_phasors(*spans, self.dim, int(rule), made.floats)
        elif isinstance(space, (MapC, MapT)):
            good = module.multiply_reals(*spans, self.dim, made.floats)
        elif isinstance(space, HRR):
            good = module.convolve_rows(*spans, self.dim, undo, made.floats)
        elif isinstance(space, VTB):
            side, turned = math.isqrt(self.dim), undo == isinstance(space, TVTB)
            good = module.multiply_matrices(*spans, side, turned, made.floats)
        else:
            good = module.move_by_drawn(*spans, self.dim, space.seed, undo, made.floats)
        _require(good)
        return made

    # ---- scores

    def similarity(self, a: Vectors, b: Vectors) -> FloatArray:
        """Cosines of rows, one by one."""
        passing = self._passing()
        scores = passing.empty(a.n, np.float64)
        _require(self.module.cosines(a.floats, b.floats, self.width, 0, scores))
        return _on_host(scores)

    def similarities(self, a: Vectors, b: Vectors) -> FloatArray:
        """Cosines of all rows of a with all of b, a line a row of a."""
        passing = self._passing()
        scores = passing.empty(a.n * b.n, np.float64)
        self.module.all_cosines(a.floats, b.floats, self.width, scores)
        return _on_host(scores).reshape(a.n, b.n)


class BookOfReals(SpaceOnGpu):
    """The atoms of a codebook on a GPU, and similarities with all of them.

    Parameters
    ----------
    space, device
        As in :class:`SpaceOnGpu`.
    codebook : array of uint64, shape (N,)
        Hashes of the codewords.
    """

    def __init__(self, space: Any, device: str, codebook: UInt64Array) -> None:
        super().__init__(space, device)
        self.book = self.atoms_of_hashes(codebook)

    def bundle_scores(self, members: Int64Array, starts: Int64Array) -> FloatArray:
        """Similarities of bundles of runs of members."""
        return self.similarities(self.superpose(self.taken(self.book, members), starts), self.book)

    def value_scores(self, keys: Int64Array, values: Int64Array, asked: int) -> FloatArray:
        """Similarities of what the first keys of each record bring back, of arrays (record, pair)."""
        n_records, n = keys.shape
        pairs = self.bind(*(self.taken(self.book, which.ravel()) for which in (values, keys)))
        records = self.superpose(pairs, np.arange(0, keys.size + 1, n))
        repeated = self.taken(records, np.repeat(np.arange(n_records), asked))
        known = self.taken(self.book, keys[:, :asked].ravel())
        return self.similarities(self.unbind(repeated, known), self.book)


def _on_host(scores: Any) -> FloatArray:
    found = np.empty(scores.n, np.float64)
    scores.to_host(found.view(np.uint8))
    return found


def _require(good: bool) -> None:
    if not good:
        raise ValueError("Vectors of a trial must be finite, as their products and sums must be. Got others.")
