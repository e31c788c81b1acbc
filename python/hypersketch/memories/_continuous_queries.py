# SPDX-License-Identifier: Apache-2.0
"""How a continuous memory is asked: queries in the form of its similarity, and steps until they stay."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation, theory
from hypersketch.memories import _reals, _separations
from hypersketch.memories._columns import Column
from hypersketch.memories._continuous_changes import ContinuousChanges
from hypersketch.memories._continuous_store import Held
from hypersketch.memories._patterns import Patterns
from hypersketch.memories._separations import Asked, SparseWeights

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_LARGEST = 1e30  # of scores: their sums, squares and maxima stay finite in single precision
_ERROR = 0.01  # what leaks where beta is chosen
NO_BETAS = object()
"""Given as betas by calls that need none."""


@dataclass(frozen=True)
class Call:
    """What a call asks, and of which patterns."""

    held: Held
    queries: Floats
    betas: Floats
    threads: int
    precision: str = "float32"

    def at(self, queries: Floats) -> Call:
        return replace(self, queries=queries)

    def chosen(self, kept: NDArray[np.intp]) -> Call:
        return replace(self, queries=self.queries[kept], betas=self.betas[kept])


@dataclass
class Walk:
    """Where queries have come to."""

    last: Floats
    """What the last step began at."""
    before_values: Floats
    """The last states on the side of the patterns."""
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]
    effective: Doubles


class ContinuousQueries(ContinuousChanges):
    """Looks at what is held; none of them waits for changes."""

    def _hold(self, owner: str, patterns: Floats, values: Floats | None) -> None:
        """Hold arrays that others own."""
        kept = Patterns(Column(patterns), None)
        lengths = kept.lengths()
        self._require_finite(owner, "patterns", patterns, lengths)
        others = None
        if values is not None:
            others = Patterns(Column(values), None)
            self._require_finite(owner, "values", values, others.lengths())
            _reals.as_many(owner, patterns=patterns, values=values)
        if self._values["similarity"] == "cosine" and not lengths.all():
            _reals.not_zero(owner, "patterns", lengths[:, None])
        self._require_lengths(owner, lengths)
        self._held, self._frozen = Held(kept, others, Column(lengths)), True

    @staticmethod
    def _require_finite(owner: str, name: str, rows: Floats, lengths: Floats) -> None:
        bad = np.flatnonzero(~np.isfinite(lengths))
        if bad.size:
            strange = rows[bad[0]][~np.isfinite(rows[bad[0]])]
            if strange.size:
                raise ValueError(
                    f"The {name!r} parameter of {owner} must be finite in float32. Got {float(strange[0])} "
                    f"in row {bad[0]}."
                )
            raise ValueError(
                f"The {name!r} parameter of {owner} has the row {bad[0]}, whose length overflows."
            )

    def _held_or_refuse(self, owner: str) -> Held:
        held = self._held
        if not len(held):
            raise ValueError(f"{owner} needs patterns. This memory is empty.")
        return held

    def _call(self, owner: str, queries: Any, betas: Any, threads: int | None, name: str = "queries") -> Call:
        held, dim = self._held_or_refuse(owner), self._values["dim"]
        asked = _reals.rows(owner, name, queries, dim, np.float32)
        if self._values["similarity"] == "cosine":
            _reals.not_zero(owner, name, asked)
        ones = np.ones(len(asked), np.float32)  # for calls in which no temperature counts
        scales = ones if betas is NO_BETAS else self._scales(owner, held, betas, len(asked))
        call = Call(held, asked, scales, _threads.resolve(owner, threads))
        if len(asked):
            longest = np.sqrt(np.einsum("ij,ij->i", asked, asked, dtype=np.float64)).max()
            self._require_small(owner, held, float(longest), scales)
        return call

    def _scales(self, owner: str, held: Held, betas: Any, n: int) -> Floats:
        if betas is None:
            return np.full(n, self._values["beta"] or self._theoretical_beta(held, _ERROR), np.float32)
        given = _device.on_host(owner, "betas", betas)
        scales = _reals.numbers(owner, "betas", given, n).astype(np.float32)
        if not (scales > 0).all():
            _validation.refuse(owner, "betas", "numbers > 0", float(scales[~(scales > 0)][0]))
        return scales

    def _require_small(self, owner: str, held: Held, query: float, betas: Floats) -> None:
        """Refuse what overflows single precision; the longest query is so long."""
        most = (query + held.longest) ** 2 * max(1.0, float(betas.max()))
        if self._values["similarity"] == "cosine":
            most = float(betas.max())
        if most > _LARGEST:
            raise ValueError(
                f"{owner} computes in single precision, where scores must be below {_LARGEST:.0e} in "
                f"magnitude. With these lengths and betas they may come to {most:.2g}."
            )

    def _theoretical_beta(self, held: Held, error: float) -> float:
        if error not in held.betas:
            held.betas[error] = self._found_beta(held, error)
        return held.betas[error]

    def _found_beta(self, held: Held, error: float) -> float:
        unit = theory.continuous.beta_for(len(held), self._values["dim"], error)
        if math.isinf(unit):
            raise ValueError(
                f"No beta lets a softmax of {len(held)} random patterns of {self._values['dim']} dimensions "
                f"leak as little as {error:g}. Give a beta."
            )
        if self._values["similarity"] == "cosine":
            return unit
        square = self._mean_square(held)
        return unit / square if square > 0.0 else unit

    @staticmethod
    def _mean_square(held: Held) -> float:
        return float(np.mean(np.square(held.lengths.rows, dtype=np.float64)))

    def _limits(self, owner: str, steps: Any, tol: Any, least: Any) -> tuple[int, float, float]:
        most = _validation.integer(owner, "steps", steps, 1, 10**6)
        moved = _validation.real(owner, "tol", tol, "a finite float >= 0")
        if moved < 0:
            _validation.refuse(owner, "tol", "a finite float >= 0", moved)
        share = _validation.real(owner, "least", least, "a float in [0, 1)")
        if not 0.0 <= share < 1.0:
            _validation.refuse(owner, "least", "a float in [0, 1)", share)
        return most, moved, share

    def _output(self, owner: str, out: Any, n: int) -> Floats:
        shape = (n, self._values["value_dim"] or self._values["dim"])
        if out is None:
            return np.empty(shape, np.float32)
        made: Floats = _validation.output_array(owner, out, shape, np.float32)
        return made

    def _asked(self, call: Call) -> Asked:
        similarity, queries, lengths = self._values["similarity"], call.queries, call.held.lengths.rows
        constants = np.zeros(len(queries))
        factors = offsets = None
        if similarity == "cosine":
            norms = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
            queries = (queries / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)
            if call.held.device is None:
                factors = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        elif similarity == "euclidean":
            if call.held.device is None:
                offsets = -0.5 * lengths * lengths
            constants = -0.5 * np.einsum("ij,ij->i", queries, queries, dtype=np.float64)
        queries = np.ascontiguousarray(queries)
        distances = similarity == "manhattan"
        terms = (
            call.held.patterns, queries, distances, factors, offsets, constants, call.threads, call.precision
        )  # fmt: skip
        if call.held.device is None:
            return Asked(*terms)
        from hypersketch.memories import _continuous_on_gpu

        return _continuous_on_gpu.GpuAsked(*terms, similarity, _continuous_on_gpu.lengths_there(call.held))

    # ---- steps

    def _walk(self, call: Call, steps: int, tol: float, out: Floats) -> tuple[Floats, Walk]:
        """Take steps on the side of the patterns; the last one of a memory with values is to these."""
        n = len(call.queries)
        walk = Walk(call.queries, call.queries, np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n))
        own = call.held.values is None
        moves = steps if own else steps - 1
        states = out if own else np.empty_like(call.queries)
        if own and steps == 1:
            self._move(call, np.arange(n), tol, states, walk)
            walk.before_values = states
        else:
            self._moves(call, moves, tol, states, walk)
        if not own:
            projected = _separations.project(
                self._values, self._asked(call.at(walk.before_values)), call.held.projected, call.betas, out
            )
            walk.last, walk.effective, walk.steps = walk.before_values, projected.effective, walk.steps + 1
        return out, walk

    def _moves(self, call: Call, most: int, tol: float, states: Floats, walk: Walk) -> None:
        current = call.queries.copy()
        walk.last = current.copy()
        for _ in range(most):
            active = np.flatnonzero(~walk.converged)
            if not active.size:
                break
            part = np.empty((active.size, current.shape[1]), np.float32)
            walk.last[active] = current[active]
            self._move(call.at(current).chosen(active), active, tol, part, walk)
            current[active] = part
        states[...] = current
        walk.before_values = states

    def _move(self, call: Call, active: NDArray[np.intp], tol: float, out: Floats, walk: Walk) -> None:
        """Take one step of some queries."""
        projected = _separations.project(self._values, self._asked(call), call.held.patterns, call.betas, out)
        walk.effective[active] = projected.effective
        walk.steps[active] += 1
        walk.converged[active] = np.abs(out - call.queries).max(axis=1, initial=0.0) <= tol

    # ---- other answers

    def _normalizers(self, call: Call, asked: Asked) -> Doubles:
        scratch = np.empty((len(call.queries), call.held.patterns.rows.rows.shape[1]), np.float32)
        projected = _separations.project(
            self._values, replace(asked, precision="float32"), call.held.patterns, call.betas, scratch
        )
        return projected.normalizers

    def _require_shares(self, what: str) -> None:
        if self._values["separation"] in ("polynomial", "identity"):
            raise ValueError(
                f"Powers of similarities have no {what}: they are not shares. Got separation="
                f"{self._values['separation']!r}."
            )

    def _weights(self, call: Call, least: float) -> SparseWeights:
        self._require_shares("listed weights")
        asked = self._asked(call)
        normalizers = self._normalizers(call, asked)
        least = max(least, 1e-30)
        return _separations.weights_above(self._values, asked, call.betas, normalizers, least)[0]

    def _energies(self, call: Call) -> Doubles:
        self._require_shares("energy")
        asked = self._asked(call)
        normalizers = self._normalizers(call, asked)
        energies = -_separations.free_energies(self._values, asked, call.betas, normalizers)
        if self._values["similarity"] == "dot":
            energies += 0.5 * np.einsum("ij,ij->i", call.queries, call.queries, dtype=np.float64)
        return energies

    def _matches(self, call: Call, k: int) -> tuple[NDArray[np.int64], Doubles]:
        asked = self._asked(call)
        indices, scores = asked.nearest(k)
        return indices, scores + asked.constants[:, None]
