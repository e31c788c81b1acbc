# SPDX-License-Identifier: Apache-2.0
"""How a continuous memory on a GPU is asked: states stay there, arrays there get answers of their kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search, _validation
from hypersketch._device_array import DeviceArray
from hypersketch.memories import _separations
from hypersketch.memories._continuous_answers import ContinuousRetrieval, PatternMatches
from hypersketch.memories._continuous_measured import ContinuousMeasured
from hypersketch.memories._continuous_queries import NO_BETAS, Call
from hypersketch.memories._continuous_store import Held
from hypersketch.memories._separations import SparseWeights

Floats = NDArray[np.float32]
PRECISIONS = ("float32", "tf32", "bfloat16")


class Wanted(NamedTuple):
    """What a call of `retrieve` asks for, checked."""

    steps: int
    tol: float
    least: float
    weights: bool
    energies: bool
    precision: str


class ContinuousThere(ContinuousMeasured):
    """Calls on a GPU; those with arrays of the host end there."""

    def _there(self) -> Any:
        from hypersketch.memories import _continuous_on_gpu

        return _continuous_on_gpu

    def _goes_there(self, queries: Any) -> bool:
        """Tell whether the patterns of a retrieval are on a GPU, or its queries."""
        return self._held.device is not None or _device.is_on_gpu(queries)

    def _asked_there(
        self, owner: str, queries: Any, betas: Any, name: str = "queries"
    ) -> tuple[Held, _device.View, NDArray[np.float64], Floats]:
        """Return checked queries on the GPU, with their lengths and temperatures."""
        held, dim = self._held_or_refuse(owner), self._values["dim"]
        seen, lengths = self._there().checked(owner, name, self._values["similarity"], held, queries, dim)
        if betas is NO_BETAS:
            scales = np.ones(len(lengths), np.float32)
        else:
            scales = self._scales(owner, held, betas, len(lengths))
        if len(lengths):
            self._require_small(owner, held, float(lengths.max()), scales)
        return held, seen, lengths, scales

    def _retrieved_there(
        self, owner: str, queries: Any, betas: Any, wanted: Wanted, out: Any, threads: int | None
    ) -> ContinuousRetrieval:
        if _device.is_on_gpu(queries):
            held, seen, _, scales = self._asked_there(owner, queries, betas)
            width = self._values["value_dim"] or self._values["dim"]
            target = _device.target(owner, out, (seen.shape[0], width), np.float32, seen)
            call = Call(held, np.empty(0, np.float32), scales, 1)
            return self._of_kind(self._stepped(call, seen, wanted, target), target)
        call = self._call(owner, queries, betas, threads)
        states = self._output(owner, out, len(call.queries))
        assert call.held.device is not None
        there = DeviceArray.of(call.queries, call.held.device).view()
        target = _device.target(owner, None, states.shape, np.float32, there)
        found = self._stepped(call, there, wanted, target)
        if len(states):
            states[...] = np.asarray(target.finished())
        return replace(found, states=states)

    def _stepped(
        self, call: Call, seen: _device.View, wanted: Wanted, target: _device.Target
    ) -> ContinuousRetrieval:
        """Take the steps; all but the states is in host memory."""
        states: Any = target
        if not len(call.betas):
            return self._nothing(states, wanted)
        done = self._there().step(
            self._values, call.held, seen, call.betas, wanted.steps, wanted.tol, wanted.precision, target
        )
        _, sums, squares = done.sums.T
        listed = self._weights(call.at(np.asarray(done.before)), wanted.least) if wanted.weights else None
        levels = None
        if wanted.energies:
            own = call.held.values is None
            ended = target.seen.to_host() if own else np.asarray(done.before)
            levels = self._energies(call.at(ended))
        effective = _separations.ratio(sums**2, squares)
        return ContinuousRetrieval(states, levels, done.steps, done.converged, effective, listed)

    @staticmethod
    def _nothing(states: Any, wanted: Wanted) -> ContinuousRetrieval:
        """Return the answer to no queries."""
        whole, flags, numbers = np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0)
        listed = SparseWeights(np.zeros(1, np.int64), whole, np.zeros(0, np.float32))
        levels = numbers if wanted.energies else None
        return ContinuousRetrieval(states, levels, whole, flags, numbers, listed if wanted.weights else None)

    def _retrieved(self, call: Call, wanted: Wanted, out: Floats) -> ContinuousRetrieval:
        """Take the steps with arrays of the host."""
        states, done = self._walk(call, wanted.steps, wanted.tol, out)
        listed = self._weights(call.at(done.last), wanted.least) if wanted.weights else None
        levels = self._energies(call.at(done.before_values)) if wanted.energies else None
        return ContinuousRetrieval(states, levels, done.steps, done.converged, done.effective, listed)

    def _of_kind(self, found: ContinuousRetrieval, target: _device.Target) -> ContinuousRetrieval:
        """Return answers in arrays of the target's kind, where the states are."""

        def given(part: NDArray[Any] | None) -> Any:
            return None if part is None else _device_search.of_host(part, target.seen).finished()

        rest = (found.energies, found.steps, found.converged, found.effective)
        weights = found.weights
        if weights is not None:
            weights = SparseWeights(
                *(given(part) for part in (weights.starts, weights.indices, weights.values))
            )
        energies, steps, converged, effective = (given(part) for part in rest)
        return ContinuousRetrieval(target.finished(), energies, steps, converged, effective, weights)

    def _energies_there(self, owner: str, states: Any, betas: Any, threads: int | None) -> Any:
        """Return the energies of states on the GPU, in an array of their kind."""
        _, seen, _, scales = self._asked_there(owner, states, betas, "states")
        found = self._energies(self._call(owner, seen.to_host(), scales, threads, "states"))
        return _device_search.of_host(found, seen).finished()

    def _searched_there(self, owner: str, queries: Any, k: Any) -> PatternMatches:
        """Return the best patterns of queries on the GPU, in arrays of their kind."""
        held, seen, lengths, _ = self._asked_there(owner, queries, NO_BETAS)
        wanted = _validation.neighbours(owner, k, len(held), "patterns")
        constants = -0.5 * lengths**2 if self._values["similarity"] == "euclidean" else np.zeros(len(lengths))
        indices, scores = self._there().nearest(self._values["similarity"], held, seen, wanted)
        alike = scores + constants[:, None]
        return PatternMatches(*(_device_search.of_host(part, seen).finished() for part in (indices, alike)))
