# SPDX-License-Identifier: Apache-2.0
"""Bundles of real and complex hypervectors: weighted sums, one pair of doubles or one double a number."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _threads, _validation, files
from hypersketch._stored import Stored, Tally
from hypersketch._structure import chunks
from hypersketch.vsa import _numbers
from hypersketch.vsa._real import MOST_SUM, RealSpace, Vectors, within_range
from hypersketch.vsa._space import DIM
from hypersketch.vsa._vector_bundle import Rows, VectorBundle
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, TVTB, VTB

_PEAK = 1e4
"""No number of an atom or of two bound ones is larger: normal numbers drawn from 32 bits end at 6.7."""
_MOST_SINGLE = 5e38
"""No complex number of two floats is larger."""
_ROWS_AT_ONCE = 8
_CACHE_BYTES = 1 << 18
"""Of rows that are made to be summed."""

_SPECTRAL, _SUMS = "HRR, spectral", "FHRR, sums"
_NAMES = ("HRR", _SPECTRAL, "FHRR", _SUMS, "MapC", "VTB", "MBAT", "TVTB")


def _name(space: RealSpace) -> str:
    if isinstance(space, HRR) and space.spectral:
        return _SPECTRAL
    if isinstance(space, FHRR) and not space.phase_only:
        return _SUMS
    return type(space).__name__


@functools.lru_cache(maxsize=64)
def _space(name: str, dim: int, seed: int) -> RealSpace:
    if name == _SPECTRAL:
        return HRR(dim, seed, spectral=True)
    if name == _SUMS:
        return FHRR(dim, seed, phase_only=False)
    kinds: list[type[HRR | FHRR | MapC | VTB | MBAT]] = [HRR, FHRR, MapC, VTB, MBAT, TVTB]
    return {kind.__name__: kind for kind in kinds}[name](dim, seed)


@files.register
class RealBundle(VectorBundle):
    """A weighted sum of real or complex hypervectors, kept in double precision.

    Made by ``space.bundle(...)``.

    Parameters
    ----------
    space : HRR, FHRR, MapC, VTB, TVTB or MBAT
        The space whose atoms it sums.
    device : str, default "cpu"
        Where the sum lies: ``cpu``, ``cuda``, ``cuda:1`` and so on. A bundle on a GPU takes keys and vectors
        of its memory and of the host's; from the host, vectors go in by their sum.

    Raises
    ------
    TypeError, ValueError
        When ``space`` is no such space, or there is no such device.

    Notes
    -----
    Adding is linear: the order of additions matters for rounding alone, merging adds sums, and `remove` takes
    out what was added up to rounding: n terms sum to within n 2^-53 of the sum of their magnitudes. On a GPU
    large batches are summed in another order, always the same one there. The sum is brought to the form of
    the space (`vector`) when it answers.

    Examples
    --------
    >>> from hypersketch.vsa import FHRR
    >>> bag = FHRR(4096, phase_only=False).bundle(["red", "green"])
    >>> bag.add("blue", weights=[2])
    >>> bag.n_added, bag.total_weight
    (3, 4.0)
    >>> bag
    RealBundle(space='FHRR, sums', dim=4096, seed=0, n_added=3)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*_NAMES),
        "dim": DIM,
        "seed": _validation.seed,
    }

    def __init__(self, space: RealSpace, *, device: str = "cpu") -> None:
        if not isinstance(space, HRR | FHRR | MapC | VTB | MBAT):
            _validation.refuse("RealBundle", "space", "a space of real hypervectors", space, TypeError)
        given = {"space": _name(space), "dim": space.dim, "seed": space.seed}
        self._fill(given, None, Tally(), self._device_for(device))

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        _space(parameters["space"], parameters["dim"], parameters["seed"])  # which may want squares
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        space = _space(parameters["space"], parameters["dim"], parameters["seed"])
        return space.width * (2 if space.dtype.kind == "c" else 1), np.float64

    # ---- looks

    @property
    def space(self) -> RealSpace:
        """The space whose atoms this is made of.

        >>> from hypersketch.vsa import HRR
        >>> HRR(64).bundle().space
        HRR(dim=64, seed=0, spectral=False)
        """
        return _space(self._values["space"], self._values["dim"], self._values["seed"])

    @property
    def dim(self) -> int:
        """Dimension D.

        >>> from hypersketch.vsa import HRR
        >>> HRR(64).bundle().dim
        64
        """
        return int(self._values["dim"])

    @property
    def _sum(self) -> Vectors:
        numbers: Vectors = _memory.host(self._state)
        return numbers.view(np.complex128) if self.space.dtype.kind == "c" else numbers

    @property
    def vector(self) -> Vectors:
        """The bundle as a vector of its space, normalized as the space does; zeros when it is empty.

        >>> from hypersketch.vsa import HRR
        >>> round(float((HRR(64).bundle(["a", "b"]).vector ** 2).sum()), 3)
        1.0
        """
        if _memory.on_gpu(self._state):
            there: Vectors = self._on_gpu().vector(self)
            return there
        space = self.space
        made: Vectors = space._normalize(self._sum).astype(space.dtype)
        return made

    def _on_gpu(self) -> Any:
        from hypersketch.vsa import _real_bundle_on_gpu

        return _real_bundle_on_gpu

    def _row_batch(self, vectors: object) -> Vectors:
        space = self.space
        return space._checked("bundle().add_vectors", "vectors", vectors).reshape(-1, space.width)

    def _add_bound(self, values: Vectors, keys: Vectors, weights: Any) -> None:
        """Add the products of checked values and keys, row by row, few of which are in memory at once."""
        space, n = self.space, len(values)
        if n > next(chunks(n, 64 * self.dim), slice(0)).stop:  # some would be added before others are seen
            self.add_vectors(space.bind(values, keys), weights)
            return

        def bound(part: slice) -> Vectors:
            return space._bind(values[part], keys[part])

        def total(part: slice, weights: Any) -> NDArray[np.float64]:
            sums = np.zeros(self._state.shape)
            _numbers.add_combined(sums, values[part], keys[part], _numbers.Rule.PRODUCT, weights)
            return sums

        multiplies = space.dtype.kind == "c"
        self._add_rows("add_vectors", n, bound, weights, 1, total if multiplies else None)

    def _add_rows(
        self,
        verb: str,
        n: int,
        rows: Callable[[slice], Rows],
        weights: Any,
        sign: int,
        total: Callable[[slice, Any], Any] | None = None,
        pieces: Iterable[slice] | None = None,
    ) -> None:
        """Add vectors that ``rows`` makes, piece by piece; ``total`` may know a faster way to their sums.

        Sums on a GPU are known to be in range.
        """
        owner = f"RealBundle.{verb}"
        if _device.is_on_gpu(weights) and _memory.on_gpu(self._state):
            weights = _device.view(owner, "weights", weights).to_host()
        checked = _validation.real_weights(owner, weights, n, np.dtype(np.float64))
        operation = np.add if sign == 1 else np.subtract
        with self._lock:
            self._require_writable()
            peak = self._peak(verb, n, rows, checked)
            for part in pieces or chunks(n, 64 * self.dim):
                mine = np.ones(part.stop - part.start) if checked is None else checked[part]
                given = None if checked is None else mine
                change = self._sum_of(rows, part, given) if total is None else total(part, given)
                if not (_memory.on_gpu(change) or within_range(change)):
                    self._refuse_range()
                bound = float(np.abs(mine).sum()) * peak
                tally = Tally(sign * mine.size, float(sign * mine.sum()), bound=bound)
                self._commit(*_memory.combining(operation, self._state, change), tally)

    def _peak(self, verb: str, n: int, rows: Callable[[slice], Rows], weights: Any) -> float:
        """Return what no number of the vectors exceeds, and refuse those for which there may be no room."""
        with np.errstate(over="ignore"):
            sizes = float(n if weights is None else np.abs(weights).sum())
        peak = _PEAK
        if verb == "add_vectors":  # of any numbers, at which only huge weights need a look
            if self._is_far_from_full(sizes * _MOST_SINGLE):
                return _MOST_SINGLE
            peak = float(np.abs(rows(slice(0, n))).max(initial=0.0))
        self._require_range(sizes * peak)
        return peak

    def _sum_of(self, rows: Callable[[slice], Rows], part: slice, weights: Any) -> NDArray[np.float64]:
        """Return the sum of a part of the rows, of which only as many are made at once as stay in a cache."""
        change = np.zeros(self._state.shape)
        step = max(_ROWS_AT_ONCE * _threads.get_num_threads(), _CACHE_BYTES // self.space.nbytes)
        for first in range(part.start, part.stop, step):
            some = slice(first, min(part.stop, first + step))
            weighed = None if weights is None else weights[first - part.start : some.stop - part.start]
            _numbers.add_rows(change, rows(some), weighed)
        return change

    # ---- ranges: sums keep a margin, as they are rounded and multiplied

    @property
    def _most(self) -> float:
        return MOST_SUM

    def _largest(self) -> float:
        least, most = _memory.extremes(self._state)
        return max(-float(least), float(most))

    def _require_range(self, more: float) -> None:
        """Refuse what could make a number of the sum larger than can be squared."""
        if not self._is_far_from_full(more):
            self._refuse_range()

    def _refuse_range(self) -> NoReturn:
        raise OverflowError(f"A number of this RealBundle could exceed {self._most:g} in magnitude.")

    def _join(self, other: Any) -> None:
        self._require_range(other._largest())
        self._commit(*_memory.combining(np.add, self._state, other._state), other._tally)

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Stored:
        total = _validation.real(cls.__name__, "total_weight", counts.get("total_weight"))
        if state.flags.writeable and not np.isfinite(state).all():
            raise ValueError("its state holds numbers that are not finite.")
        made = super()._restore(parameters, {**counts, "total_weight": 0}, state)
        assert isinstance(made, RealBundle)
        made._record = (made._tally._replace(total_weight=total), [])
        return made
