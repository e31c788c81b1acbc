# SPDX-License-Identifier: Apache-2.0
"""Bundles of real and complex hypervectors: weighted sums, one pair of doubles or one double a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch._stored import Stored, Tally
from hypersketch._structure import chunks
from hypersketch.vsa._real import MOST_SUM, RealSpace, Vectors
from hypersketch.vsa._space import DIM
from hypersketch.vsa._vector_bundle import Rows, VectorBundle
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, TVTB, VTB

_PEAK = 1e4
"""No number of an atom or of two bound ones is larger: normal numbers drawn from 32 bits end at 6.7."""

_SPECTRAL, _SUMS = "HRR, spectral", "FHRR, sums"
_NAMES = ("HRR", _SPECTRAL, "FHRR", _SUMS, "MapC", "VTB", "MBAT", "TVTB")


def _name(space: RealSpace) -> str:
    if isinstance(space, HRR) and space.spectral:
        return _SPECTRAL
    if isinstance(space, FHRR) and not space.phase_only:
        return _SUMS
    return type(space).__name__


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

    Raises
    ------
    TypeError
        When ``space`` is no such space.

    Notes
    -----
    Adding is linear: the order of additions matters for rounding alone, merging adds sums, and `remove` takes
    out what was added up to rounding. The sum is brought to the form of the space (`vector`) when it answers.

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

    def __init__(self, space: RealSpace) -> None:
        if not isinstance(space, HRR | FHRR | MapC | VTB | MBAT):
            _validation.refuse("RealBundle", "space", "a space of real hypervectors", space, TypeError)
        self._fill({"space": _name(space), "dim": space.dim, "seed": space.seed}, None, Tally())

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
        numbers: Vectors = self._state
        return numbers.view(np.complex128) if self.space.dtype.kind == "c" else numbers

    @property
    def vector(self) -> Vectors:
        """The bundle as a vector of its space, normalized as the space does; zeros when it is empty.

        >>> from hypersketch.vsa import HRR
        >>> round(float((HRR(64).bundle(["a", "b"]).vector ** 2).sum()), 3)
        1.0
        """
        space = self.space
        made: Vectors = space._normalize(self._sum).astype(space.dtype)
        return made

    def _row_batch(self, vectors: object) -> Vectors:
        space = self.space
        return space._checked("bundle().add_vectors", "vectors", vectors).reshape(-1, space.width)

    def _add_rows(self, verb: str, n: int, rows: Callable[[slice], Rows], weights: Any, sign: int) -> None:
        """Add vectors that ``rows`` makes, piece by piece."""
        owner, wide = f"RealBundle.{verb}", self.space._wide
        checked = _validation.real_weights(owner, weights, n, np.dtype(np.float64))
        with self._lock:
            self._require_writable()
            with np.errstate(over="ignore"):
                sizes = float(n if checked is None else np.abs(checked).sum())
            peak = float(np.abs(rows(slice(0, n))).max(initial=0.0)) if verb == "add_vectors" else _PEAK
            self._require_range(sizes * peak)
            for part in chunks(n, 64 * self.dim):
                mine = np.ones(part.stop - part.start) if checked is None else checked[part]
                change = np.asarray(sign * mine @ rows(part).astype(wide))
                bound = float(np.abs(mine).sum()) * peak
                tally = Tally(sign * mine.size, float(sign * mine.sum()), bound=bound)
                self._commit(np.add, (self._sum, change, self._sum), tally)

    # ---- ranges: sums keep a margin, as they are rounded and multiplied

    @property
    def _most(self) -> float:
        return MOST_SUM

    def _largest(self) -> float:
        return float(np.abs(self._state).max())

    def _require_range(self, more: float) -> None:
        """Refuse what could make a number of the sum larger than can be squared."""
        if not self._is_far_from_full(more):
            raise OverflowError(f"A number of this RealBundle could exceed {self._most:g} in magnitude.")

    def _join(self, other: Any) -> None:
        self._require_range(other._largest())
        self._commit(np.add, (self._state, other._state, self._state), other._tally)

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, Any], state: NDArray[Any]) -> Stored:
        total = _validation.real(cls.__name__, "total_weight", counts.get("total_weight"))
        if state.flags.writeable and not np.isfinite(state).all():
            raise ValueError("its state holds numbers that are not finite.")
        made = super()._restore(parameters, {**counts, "total_weight": 0}, state)
        assert isinstance(made, RealBundle)
        made._record = (made._tally._replace(total_weight=total), [])
        return made
