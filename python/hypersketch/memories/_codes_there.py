# SPDX-License-Identifier: Apache-2.0
"""What Sparsey answers where its weights lie on a GPU, in arrays of the queries' kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _device, _memory
from hypersketch.memories._code_answers import CodeRetrieval, Doubles, retrieval
from hypersketch.memories._code_store import CodeStore
from hypersketch.memories._unit_lists import Units


def _familiarity(largest: Doubles) -> Doubles:
    """Return G of the modules' largest supports."""
    made: Doubles = largest.mean(axis=-1)
    return made


class CodesThere(CodeStore):
    """Answers of weights on a GPU."""

    def _form(self, owner: str, name: str, value: Any) -> Any:
        """Return how an array on the memory's GPU came; None for what comes from the host."""
        if not _device.is_on_gpu(value):
            return None
        from hypersketch.memories._gpu_rows import GpuForm

        seen = _device.view_of_any(owner, name, value)
        _device.require_near(owner, name, seen, self._device_index)
        return GpuForm(seen, seen.dtype, False, False)

    def _alike(self, form: Any, found: CodeRetrieval) -> CodeRetrieval:
        """Return answers of the host in arrays like those that came."""
        if form is None:
            return found
        parts = found.states, found.steps, found.converged, found.codes, found.familiarity
        states, steps, converged, codes, known = map(form.of_host, parts)
        return CodeRetrieval(states, None, steps, converged, codes, known)

    def _retrieved_there(self, items: Units, edges: frozenset[int], form: Any) -> CodeRetrieval:
        there = self._there()
        if self._values["context"]:
            begins = np.isin(np.arange(len(items)), list(edges))
            codes, largest = there.follow(items, begins)
        else:
            codes, largest = there.find(items)
        return self._answered_there(there, codes, largest, form)

    def _recalled_there(self, items: Units, n: int, form: Any) -> CodeRetrieval:
        there = self._there()
        begins = np.arange(len(items)) == 0
        codes, _ = there.follow(items, begins)
        size = codes.strides[0]
        last = codes._replace(pointer=codes.pointer + (len(items) - 1) * size, shape=(1, codes.shape[1]))
        expected, largest = there.go_on(last, n)
        return self._answered_there(there, expected, largest, form)

    def _answered_there(self, there: Any, codes: Any, largest: Doubles, form: Any) -> CodeRetrieval:
        from hypersketch.memories._gpu_rows import array_of

        states, made, known = there.inputs_of(codes), array_of(codes), _familiarity(largest)
        if form is None:
            return retrieval(_memory.host(states), _memory.host(made), known)
        n = len(known)
        rest = map(form.of_host, (np.ones(n, np.int64), np.ones(n, np.bool_), known))
        steps, converged, familiarity = rest
        return CodeRetrieval(form.alike(states), None, steps, converged, form.alike(made), familiarity)
