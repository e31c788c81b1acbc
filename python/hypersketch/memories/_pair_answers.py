# SPDX-License-Identifier: Apache-2.0
"""What a matrix of pairs answers, on the CPU and on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _device, _memory, _validation
from hypersketch.memories._associative import Retrieval
from hypersketch.memories._pair_matrix import PairMatrix
from hypersketch.memories._probes import Matches
from hypersketch.memories.item_memory import ItemMemory


class PairAnswers(PairMatrix):
    """Answers of a matrix that lies on a GPU, in arrays of the queries' kind."""

    def _retrieved_there(self, asked: Any) -> Retrieval:
        n, form, states = len(asked), asked.form, self._answered_there(asked)
        rest = np.ones(n, np.int64), np.ones(n, bool)
        if form is None:
            return Retrieval(_memory.host(states), None, *rest)
        return Retrieval(form.alike(states), None, *map(form.of_host, rest))

    def _answered_there(self, asked: Any) -> Any:
        from hypersketch.memories import _gpu_pairs

        states = _gpu_pairs.answered(asked, self._matrix_there(), self.key_dim)
        if not _gpu_pairs.is_finite(states):
            raise OverflowError(f"What this OuterProductMemory answers would leave {states.dtype}.")
        return states

    def _recalled_there(self, owner: str, queries: Any, codebook: Any, k: Any) -> Matches:
        """Search up to 256 values of float32 there; others are compared on the CPU."""
        from hypersketch.memories import _gpu_pairs

        dtype = self._values["dtype"]
        if isinstance(codebook, ItemMemory):
            return self._searched(owner, queries, codebook, k)
        values = self._given(owner, "codebook", codebook, self.value_dim, dtype)
        few = _validation.neighbours(owner, k, len(values), "values")
        asked = self._given(owner, "queries", queries, self.key_dim, dtype)
        if not self.n_added:
            raise ValueError(f"{owner} needs pairs, but this OuterProductMemory is empty.")
        states = self._answered_there(asked)
        best = _gpu_pairs.best(owner, states, values, few)
        if best is None:
            return _alike(owner, most_alike(_memory.host(states), values.rows.to_host(), few), queries)
        places, scores = map(_memory.host if asked.form is None else asked.form.alike, best)
        return Matches(places, scores, places)

    def _searched(self, owner: str, queries: Any, codebook: ItemMemory, k: Any) -> Matches:
        states = self.retrieve(queries).states
        if (
            _device.is_on_gpu(states)
            and codebook.device == self.device
            and self._values["dtype"] == "float32"
        ):
            return codebook.search(states, k)
        host = _device.on_host(owner, "states", states)
        return _alike(owner, codebook.to("cpu").search(host.astype(np.float32), k), queries)


def _alike(owner: str, found: Matches, queries: Any) -> Matches:
    """Return similarities and indices in arrays like the queries; keys of objects stay with the host."""
    if not _device.is_on_gpu(queries):
        return found
    from hypersketch import _device_search

    like = _device.view_of_any(owner, "queries", queries)
    similarities, indices = (
        _device_search.of_host(part, like).finished() for part in (found.similarities, found.indices)
    )
    return Matches(indices if found.keys is found.indices else found.keys, similarities, indices)


def most_alike(states: Any, values: Any, k: int) -> Matches:
    """Return the rows with the largest inner products, of equal ones the first."""
    scores = (states @ values.T).astype(np.float64)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k] if k > 1 else None
    places = scores.argmax(axis=1)[:, np.newaxis] if order is None else order
    return Matches(places, np.take_along_axis(scores, places, axis=1), places)


def n_values_of(owner: str, value: int | None) -> int | None:
    """Return a checked number of values to choose from, or None for all that are stored."""
    return None if value is None else _validation.integer(owner, "n_values", value, 1, 2**40)
