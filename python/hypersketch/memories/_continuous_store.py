# SPDX-License-Identifier: Apache-2.0
"""How a continuous memory is kept: patterns, values and lengths, and the way to files, pickles and copies."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch._stored import Tally
from hypersketch.memories import _reals, _separations
from hypersketch.memories._changes import Seedless
from hypersketch.memories._columns import Column
from hypersketch.memories._patterns import LARGEST, STORED, Patterns

SIMILARITIES = ("dot", "cosine", "euclidean", "manhattan")
_ALIGNMENT = 64
_SHORTEST = float(np.finfo(np.float32).tiny)  # a length that has a reciprocal
Rows = NDArray[Any]


def _alpha(owner: str, name: str, value: object) -> float:
    must = "a float in [1.01, 16]"
    number = _validation.real(owner, name, value, must)
    if not 1.01 <= number <= 16.0:
        _validation.refuse(owner, name, must, number)
    return number


@dataclass(frozen=True)
class Held:
    """What a query looks at, whatever changes meanwhile."""

    patterns: Patterns
    values: Patterns | None
    lengths: Column
    betas: dict[float, float] = field(default_factory=dict, init=False, compare=False)
    """Inverse temperatures from theory by error, as they were asked for; other rows begin with none."""

    def __len__(self) -> int:
        return len(self.patterns)

    @property
    def device(self) -> int | None:
        """Index of the GPU that it lies on; None in host memory."""
        return getattr(self.patterns, "device", None)

    @cached_property
    def longest(self) -> float:
        """Length of the longest pattern."""
        return float(self.lengths.rows.max())

    @property
    def columns(self) -> list[Column]:
        values = [] if self.values is None else self.values.columns
        return [*self.patterns.columns, *values, self.lengths]

    @property
    def projected(self) -> Patterns:
        return self.patterns if self.values is None else self.values

    def chosen(self, kept: NDArray[np.intp]) -> Held:
        values = None if self.values is None else self.values.chosen(kept)
        return Held(self.patterns.chosen(kept), values, self.lengths.chosen(kept))


class ContinuousStore(Seedless):
    """Rows that are replaced as a whole by every change, so that queries need no lock."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "dim": _validation.within(1, 2**16),
        "value_dim": _validation.optional(_validation.within(1, 2**16)),
        "similarity": _validation.one_of(*SIMILARITIES),
        "separation": _validation.one_of(*_separations.SEPARATIONS),
        "beta": _validation.optional(_validation.positive),
        "alpha": _alpha,
        "k": _validation.within(1, 2**31),
        "degree": _validation.within(1, 64),
        "dtype": _validation.one_of(*STORED),
        "n_items": _validation.within(0, 2**32 - 2),
    }
    _GROWS = True

    _held: Held

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        linear = parameters["separation"] in ("polynomial", "identity")
        if linear and parameters["similarity"] not in ("dot", "cosine"):
            must = "'dot' or 'cosine' for weights that are powers of it"
            _validation.refuse(cls.__name__, "similarity", must, parameters["similarity"])
        if parameters["separation"] == "identity":
            parameters["degree"] = 1
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return cls._sections(parameters)[-1][1], np.uint8

    @classmethod
    def _sections(cls, parameters: Mapping[str, Any]) -> list[tuple[int, int, Any, tuple[int, ...]]]:
        """Return first byte, last byte, dtype and shape of every column of the state."""
        n, dtype = parameters["n_items"], parameters["dtype"]
        shapes: list[tuple[Any, tuple[int, ...]]] = []
        for dim in (parameters["dim"], parameters["value_dim"]):
            if dim is not None:
                shapes.append((STORED[dtype], (n, dim)))
                shapes += [(np.float32, (n,))] if dtype in LARGEST else []
        shapes.append((np.float32, (n,)))
        sections, first = [], 0
        for kind, shape in shapes:
            last = first + np.dtype(kind).itemsize * int(np.prod(shape, dtype=object))
            sections.append((first, last, kind, shape))
            first = -(-last // _ALIGNMENT) * _ALIGNMENT
        return sections

    def _fill(
        self, parameters: dict[str, Any], state: Rows | None, tally: Tally, device: int | None = None
    ) -> None:
        self._values = {name: value for name, value in parameters.items() if name != "n_items"}
        self._record = (tally, [])
        self._lock = threading.RLock()
        self._frozen = state is not None and not state.flags.writeable
        dim, value_dim, dtype = (parameters[name] for name in ("dim", "value_dim", "dtype"))
        if state is not None:
            self._held = self._split(parameters, state)
            return
        values = None if value_dim is None else Patterns.empty(value_dim, dtype)
        self._held = _on(device, Held(Patterns.empty(dim, dtype), values, Column.empty(np.float32)))

    @classmethod
    def _split(cls, parameters: Mapping[str, Any], state: Rows) -> Held:
        columns = [
            Column(state[first:last].view(kind).reshape(shape))
            for first, last, kind, shape in cls._sections(parameters)
        ]
        scaled = parameters["dtype"] in LARGEST
        found = [Patterns(columns.pop(0), columns.pop(0) if scaled else None)]
        if parameters["value_dim"] is not None:
            found.append(Patterns(columns.pop(0), columns.pop(0) if scaled else None))
        return Held(found[0], found[1] if len(found) > 1 else None, columns[0])

    def _parameters(self) -> dict[str, Any]:
        return {**self._values, "n_items": len(self._held)}

    @property
    def _state(self) -> _memory.State:
        """All of it in one array, which is made when asked for."""
        held = self._held
        parameters = {**self._values, "n_items": len(held)}
        state = _memory.zeros(self._layout(parameters)[0], np.uint8)
        for (first, last, kind, shape), column in zip(self._sections(parameters), held.columns, strict=True):
            state[first:last].view(kind).reshape(shape)[...] = column.rows
        return state

    @property
    def _device_index(self) -> int | None:
        return self._held.device

    @property
    def _tally(self) -> Tally:
        return Tally(n_added=len(self._held))

    def __len__(self) -> int:
        """Return how many patterns there are."""
        return len(self._held)

    def __bool__(self) -> bool:
        return True

    @property
    def nbytes(self) -> int:
        """Size of patterns, values, scales and lengths in bytes.

        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(8, dtype="int8")
        >>> memory.store([[1.0] * 8])
        >>> memory.nbytes
        16
        """
        return sum(column.nbytes for column in self._held.columns)

    def _moved(self, device: int | None) -> ContinuousStore:
        twin, held = object.__new__(type(self)), self._held
        if device is not None and device == held.device:
            twin._fill({**self._values, "n_items": 0}, None, Tally())
            twin._held = held.chosen(np.arange(len(held)))
            return twin
        twin._fill(self._parameters(), self._state, Tally())
        twin._held = _on(device, twin._held)
        return twin

    @classmethod
    def _restore(cls, parameters: dict[str, Any], counts: Mapping[str, int], state: Rows) -> ContinuousStore:
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, ContinuousStore)
        if counts["n_added"] != len(made):
            raise ValueError("its number of patterns is not that of its rows.")
        if not _memory.is_mapped(state):  # looking would read all of a file
            made._verify()
        return made

    def _verify(self) -> None:
        """Refuse rows of a file that cannot be."""
        held = self._held
        for rows in (held.patterns, held.values):
            if rows is not None and not np.isfinite(rows.lengths()).all():
                raise ValueError("its patterns and values are not all finite.")
        if not np.allclose(held.patterns.lengths(), held.lengths.rows, rtol=1e-5, atol=0.0):
            raise ValueError("its lengths are not those of its patterns.")

    @property
    def dim(self) -> int:
        """Dimensions of the patterns.

        >>> import hypersketch
        >>> hypersketch.ContinuousMemory(8).dim
        8
        """
        return int(self._values["dim"])

    @property
    def beta(self) -> float | None:
        """Inverse temperature; None where it is chosen from theory.

        >>> import hypersketch
        >>> hypersketch.ContinuousMemory(8, beta=3.0).beta
        3.0
        """
        beta: float | None = self._values["beta"]
        return beta

    # ---- changes

    def _require_writable(self) -> None:
        if self._frozen:
            raise ValueError(
                f"This {type(self).__name__} is read-only (memory-mapped, or made over an array). Change a "
                "copy() of it instead."
            )

    def _require_lengths(self, owner: str, lengths: Rows) -> None:
        """Refuse rows whose length, or under cosine its reciprocal, single precision cannot hold."""
        least = _SHORTEST if self._values["similarity"] == "cosine" else 0.0
        bad = np.flatnonzero(~np.isfinite(lengths) | (lengths < least))
        if bad.size:
            what = "lengths below 3.4e38" if least == 0.0 else f"lengths in [{_SHORTEST:.2g}, 3.4e38] as kept"
            raise ValueError(
                f"The 'patterns' parameter of {owner} must have {what}. Got {float(lengths[bad[0]]):.3g} in "
                f"row {bad[0]}."
            )

    def _made(self, owner: str, patterns: Any, values: Any) -> Held:
        """Return given rows as they are kept."""
        dim, value_dim = (self._values[name] for name in ("dim", "value_dim"))
        if (values is None) != (value_dim is None):
            must = (
                "None for a memory without value_dim" if value_dim is None else "given: one value a pattern"
            )
            _validation.refuse(owner, "values", must, values if values is None else "values")
        kept, lengths = self._kept(owner, "patterns", patterns, dim)
        self._require_lengths(owner, lengths)
        if values is None:
            return Held(kept, None, Column(lengths))
        others, _ = self._kept(owner, "values", values, value_dim)
        _reals.as_many(owner, patterns=kept, values=others)  # type: ignore[arg-type]
        return Held(kept, others, Column(lengths))

    def _kept(self, owner: str, name: str, given: Any, dim: int) -> tuple[Patterns, Rows]:
        """Return rows as they are kept, where they came from, and their lengths."""
        dtype = self._values["dtype"]
        if _device.is_on_gpu(given):
            from hypersketch.memories import _continuous_on_gpu

            seen = _continuous_on_gpu.rows_there(owner, name, given, dim, self._device_index)
            return _continuous_on_gpu.kept_there(owner, name, seen, dtype)
        rows = _reals.rows(owner, name, given, dim, np.float32)
        if name == "patterns" and self._values["similarity"] == "cosine":
            _reals.not_zero(owner, name, rows)
        kept = Patterns.of(owner, name, rows, dtype)
        return kept, kept.lengths()


def _on(device: int | None, held: Held) -> Held:
    """Return what is held on a device: it, or a copy of it."""
    if device is None:
        return held
    from hypersketch.memories import _gpu_patterns

    patterns = _gpu_patterns.GpuPatterns.moved(held.patterns, device)
    values = None if held.values is None else _gpu_patterns.GpuPatterns.moved(held.values, device)
    there = _gpu_patterns.PaddedColumn.of(held.lengths.rows, device)
    return Held(patterns, values, _gpu_patterns.MirroredColumn(held.lengths, there))
