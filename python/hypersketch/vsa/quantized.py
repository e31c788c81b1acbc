# SPDX-License-Identifier: Apache-2.0
"""Bundles of MAP-I cut to a few bits a dimension: bit planes, each a vector of signs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _memory, _threads, _validation, files
from hypersketch._stored import Stored, Tally
from hypersketch._structure import chunks, dot
from hypersketch.theory.quantized import MOST_BITS
from hypersketch.vsa._answers import Answers
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa.spaces import DIM, MapI

Words = NDArray[np.uint64]

BITS = _validation.within(1, MOST_BITS)
MOST_STEP = 2**31
_FEW = 128  # vectors for which unpacking the planes does not pay

Score = Callable[[NDArray[Any], NDArray[np.int64]], None]


def step(owner: str, name: str, value: object) -> int:
    """Return an even integer of at least 2.

    Examples
    --------
    >>> step("example", "step", 4)
    4
    """
    given = _validation.integer(owner, name, value, 2, MOST_STEP)
    if given % 2:
        _validation.refuse(owner, name, "an even integer", value)
    return given


def _scale(owner: str, name: str, value: object) -> float:
    return 0.0 if value == 0.0 else _validation.positive(owner, name, value)


@files.register
class QuantizedBundle(Answers):
    """A bundle of MAP-I as it is kept in little memory: a few bits a dimension, nothing more to be added.

    Made by ``bundle.quantize(bits)``.

    Parameters
    ----------
    space : MapI
        The space it belongs to.
    values : array of int, shape (dim,)
        What is kept of each counter: odd numbers below 2**bits in magnitude.
    bits : int in [1, 8]
        Bits a dimension.
    step : int
        Counters per value, an even number: counters from 0 to ``step`` are kept as 1, those up to twice that
        as 3, and so on.
    scale : float
        What similarities are multiplied by, so that they estimate weights.
    n_added : int >= 0
        Number of keys in it.
    device : str, optional
        Where it lies: ``cpu``, ``cuda``, ``cuda:1`` and so on; default where the values do. A bundle on a
        GPU answers there to keys and vectors that lie there, on the caller's stream.

    Raises
    ------
    TypeError, ValueError
        For a space that is not MapI, values that are none of these numbers, or parameters out of range.

    Notes
    -----
    A value is the sum over the planes j of 2**j times a sign, so each plane is a packed vector and a score is
    ``bits`` counts of equal bits. `hypersketch.theory.quantized` says what is lost: 12 % of the
    dimensions at 2 bits, 4 % at 3, 1 % at 4 for bundles of many keys.

    Examples
    --------
    >>> import hypersketch
    >>> space = hypersketch.MapI(10_000)
    >>> kept = space.bundle(range(25)).quantize(3)
    >>> kept.contains([3, 24, 25])
    array([ True,  True, False])
    >>> space.bundle(range(25)).nbytes, kept.nbytes
    (40000, 3768)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "dim": DIM,
        "seed": _validation.seed,
        "bits": BITS,
        "step": step,
        "scale": _scale,
    }

    def __init__(
        self,
        space: MapI,
        values: NDArray[Any],
        bits: int,
        step: int,
        scale: float,
        n_added: int,
        *,
        device: str | None = None,
    ) -> None:
        if type(space) is not MapI:
            _validation.refuse("QuantizedBundle", "space", "a MapI", space, TypeError)
        parameters = self._checked(dim=space.dim, seed=space.seed, bits=bits, step=step, scale=scale)
        n = _validation.integer("QuantizedBundle", "n_added", n_added, 0, 2**63 - 1)
        target = self._device_for(_device.of(values) if device is None else device)
        given = _device.on_host("QuantizedBundle", "values", values)
        odd = _odd_values(given, space.dim, 2 ** parameters["bits"] - 1)
        planes = _planes_of(odd, parameters["bits"]).reshape(-1)
        self._fill(parameters, _memory.moved(planes, target), Tally(n_added=n, total_weight=n))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["bits"] * _validation.words_for(parameters["dim"]), np.uint64

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]) -> Stored:
        if _validation.has_tail(state.reshape(parameters["bits"], -1), parameters["dim"]):
            raise ValueError("its state sets bits beyond dim.")
        return super()._restore(parameters, counts, state)

    @property
    def space(self) -> MapI:
        """The space whose atoms this is made of.

        >>> import hypersketch
        >>> hypersketch.MapI(64).bundle("a").quantize(2).space
        MapI(dim=64, seed=0)
        """
        return MapI(self.dim, self.seed)

    @property
    def _binary(self) -> bool:
        return False

    def _signs(self) -> Words:
        raise NotImplementedError  # one plane is not the bundle

    def _scored_state(self) -> Any:
        return self._state

    @property
    def _n_planes(self) -> int:
        return self.bits

    @property
    def _reading(self) -> tuple[float, float]:
        return self.scale / self.dim, 1.0

    @property
    def bits(self) -> int:
        """Bits a dimension.

        >>> import hypersketch
        >>> hypersketch.MapI(64).bundle("a").quantize(2).bits
        2
        """
        return int(self._values["bits"])

    @property
    def step(self) -> int:
        """How far counters are apart that are kept as different values.

        >>> import hypersketch
        >>> hypersketch.MapI(1000).bundle(range(100)).quantize(2).step
        10
        """
        return int(self._values["step"])

    @property
    def scale(self) -> float:
        """What inner products with the values are multiplied by to estimate weights; 0 when empty.

        The squared length of the counters over their inner product with the values.

        >>> import hypersketch
        >>> hypersketch.MapI(1000).bundle(["a", "b", "c"]).quantize(2).scale
        1.0
        """
        return float(self._values["scale"])

    @property
    def planes(self) -> Words:
        """The bit planes, uint64 of shape (bits, n_words), the lowest bit first; a read-only view.

        On a GPU it is a `hypersketch.cuda.DeviceArray` of the same memory; do not change it.

        Plane j is a packed vector of the space: set bits stand for -1. The highest plane is the majority
        of `MapB`.

        >>> import hypersketch
        >>> keys = ["a", "b", "c"]
        >>> kept = hypersketch.MapI(1000).bundle(keys).quantize(2)
        >>> bool((kept.planes[1] == hypersketch.MapB(1000).bundle(keys).pack().vector).all())
        True
        """
        view: Words = _memory.reshaped(self.state, (self.bits, _validation.words_for(self.dim)))
        return view

    @property
    def vector(self) -> NDArray[np.int32]:
        """What is kept of each counter: odd numbers below 2**bits in magnitude, int32 of shape (dim,).

        Made when asked for, on a GPU where the bundle is. Sums of the space: it unbinds, permutes and
        compares them (`MapI.unbind`, ...).

        >>> import hypersketch
        >>> sorted(set(abs(hypersketch.MapI(1000).bundle(range(9)).quantize(2).vector).tolist()))
        [1, 3]
        """
        if _memory.on_gpu(self._state):
            from hypersketch.vsa import _quantized_on_gpu

            there: Any = _quantized_on_gpu.vector(self)
            joined: NDArray[np.int32] = there
            return joined
        planes = np.unpackbits(
            self.planes.astype("<u8", copy=False).view(np.uint8), axis=1, count=self.dim, bitorder="little"
        )
        powers = (2 ** np.arange(self.bits)).astype(np.int32)
        below = powers @ planes.astype(np.int32)
        made: NDArray[np.int32] = np.int32(2**self.bits - 1) - 2 * below
        return made

    # ---- answers

    def _of_planes(self, n: int, score: Score, sum_score: Score) -> NDArray[np.float64]:
        """Return <x, v> / D, scaled, for n packed vectors.

        ``score(plane, out)`` counts equal bits and ``sum_score(sums, out)`` adds integers: many vectors are
        faster by the integers, which must be unpacked first, few by one count a plane.
        """
        scores = np.zeros(n, np.int64)
        if n > _FEW and self.bits > 1:
            sum_score(self.vector, scores)
        else:
            part = np.empty(n, np.int64)
            for j, plane in enumerate(self.planes):
                score(plane, part)
                scores += part << j
        scaled: NDArray[np.float64] = scores.astype(np.float64) * (self.scale / self.dim)
        return scaled

    def _scores(self, owner: str, factors: Words, threads: int | None) -> NDArray[np.float64]:
        n_threads = _threads.resolve(owner, threads)
        pieces = list(chunks(factors.shape[1], factors.shape[0] * _validation.words_for(self.dim)))

        def score(plane: Words, out: NDArray[np.int64]) -> None:
            for part in pieces:
                items = np.ascontiguousarray(factors[:, part])
                _core.packed_scores(plane, self.dim, self.seed, items, out[part], n_threads)

        def sum_score(sums: NDArray[np.int32], out: NDArray[np.int64]) -> None:
            for part in pieces:
                items = np.ascontiguousarray(factors[:, part])
                _core.bundle_scores(sums, self.seed, items, out[part], n_threads)

        return self._of_planes(factors.shape[1], score, sum_score)

    def similarity(self, keys: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Estimate the weight of each key: the similarity of the bundle with its atom.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)
            The expectation is the key's weight, 0 for strangers, as before quantization; the variance is
            larger, by 1 / `hypersketch.theory.quantized.efficiency` for keys of equal weight.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapI(10_000).bundle(["a", "b"], weights=[3, 1])
        >>> bag.quantize(4).similarity(["a", "b", "c"]).round() + 0.0
        array([3., 1., 0.])
        """
        return super().similarity(keys, threads=threads)

    def vector_similarity(self, vectors: Words, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the similarity with packed vectors, for example bound or permuted atoms; as `similarity`.

        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> kept = space.bundle(["a", "b"]).quantize(2)
        >>> bool((kept.vector_similarity(space.atoms(["a", "c"])) == kept.similarity(["a", "c"])).all())
        True
        """
        if _device.is_on_gpu(vectors) or _memory.on_gpu(self._state):
            return super().vector_similarity(vectors, threads=threads)
        checked = _validation.packed("vector_similarity", "vectors", vectors, self.dim)
        rows = checked.reshape(-1, _validation.words_for(self.dim))
        n_threads = _threads.resolve("vector_similarity", threads)
        return self._of_planes(
            len(rows),
            lambda plane, out: _core.packed_score_rows(plane, self.dim, rows, out, n_threads),
            lambda sums, out: _core.bundle_score_rows(sums, rows, out, n_threads),
        )

    def inner(self, other: Any) -> float:
        """Return the inner product with another quantized bundle of the same space: <x, y> / D, scaled.

        Parameters
        ----------
        other : QuantizedBundle
            Of the same space; bits and step may differ.

        Returns
        -------
        float
            An estimate of the sum over all keys of the product of their weights. Bundles that share few of
            their keys are estimated without bias, equal ones too high by 1 / efficiency.

        Raises
        ------
        TypeError, ValueError
            When the other is no such bundle.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> a, b = (space.bundle(range(i, i + 100)).quantize(4) for i in (0, 50))
        >>> 40 < a.inner(b) < 60
        True
        """
        self._require_same(other, "compare")
        return dot(self.vector, other.vector) * self.scale * float(other.scale) / self.dim

    def _compared_with(self) -> dict[str, Any]:
        return {"dim": self.dim, "seed": self.seed}

    def _require_same(self, other: object, action: str) -> None:
        if isinstance(other, QuantizedBundle) and self._compared_with() == other._compared_with():
            return
        super()._require_same(other, action)

    def norm(self) -> float:
        """Return the length of the bundle's vector over sqrt(D), scaled.

        >>> import hypersketch
        >>> 9 < hypersketch.MapI(10_000).bundle(range(100)).quantize(4).norm() < 11
        True
        """
        return math.sqrt(max(0.0, self.inner(self)))


def _odd_values(values: object, dim: int, largest: int) -> NDArray[np.int64]:
    """Return checked values."""
    given = np.asarray(values)
    if given.dtype.kind not in "iu" or given.shape != (dim,):
        must = f"an array of {dim} integers"
        raise TypeError(
            f"The 'values' parameter of QuantizedBundle must be {must}. Got {given.dtype} of shape "
            f"{given.shape} instead."
        )
    odd = given.astype(np.int64)
    if (odd % 2 == 0).any() or (np.abs(odd) > largest).any():
        wrong = odd[(odd % 2 == 0) | (np.abs(odd) > largest)][0]
        _validation.refuse("QuantizedBundle", "values", f"odd numbers in [-{largest}, {largest}]", int(wrong))
    return odd


def _planes_of(values: NDArray[np.int64], bits: int) -> Words:
    """Return the bit planes of odd values: bit j of (2**bits - 1 - value) / 2."""
    below = ((2**bits - 1 - values) // 2).astype(np.uint8)
    return np.stack([pack_bits((below >> j) & 1) for j in range(bits)])
