# SPDX-License-Identifier: Apache-2.0
"""What ``hypersketch recall`` does: a memory over a file of patterns, asked with a file of queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.cli.arrays import opened_rows, pieces
from hypersketch.memories import ContinuousMemory

__all__ = ["Recalled", "memory_over", "recalled"]


@dataclass(frozen=True)
class Recalled:
    """What was found, one row a query.

    Attributes
    ----------
    indices, similarities : ndarray, shape (n, k)
        The nearest patterns, best first.
    steps, converged, effective : ndarray, shape (n,)
        Of the retrieval.
    """

    indices: NDArray[np.int64]
    similarities: NDArray[np.float64]
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]
    effective: NDArray[np.float64]


def memory_over(patterns: NDArray[Any], values: NDArray[Any] | None, **options: Any) -> ContinuousMemory:
    """Return a memory of rows: where they lie if they can be used so, else of copies, read in pieces.

    Parameters
    ----------
    patterns, values : ndarray
        Rows of files, as `hypersketch.cli.arrays.rows_of_file` gives them.
    **options
        Of `hypersketch.ContinuousMemory`.

    Raises
    ------
    ValueError
        For unequal numbers of rows, what is not finite, and as for the memory.

    Examples
    --------
    >>> len(memory_over(np.eye(3), None, dtype="int8"))
    3
    """
    if values is not None and len(values) != len(patterns):
        raise ValueError(
            f"--values must have a row for each pattern. Got {len(values)} for {len(patterns)} patterns."
        )
    dtype = options.pop("dtype", "float32")
    lies_ready = all(
        rows.dtype == np.float32 and rows.dtype.isnative and rows.flags.c_contiguous
        for rows in (patterns, values)
        if rows is not None
    )
    if dtype == "float32" and lies_ready:
        return ContinuousMemory.over(patterns, values, **options)
    width = None if values is None else values.shape[1]
    memory = ContinuousMemory(patterns.shape[1], dtype=dtype, value_dim=width, **options)
    cosine = options.get("similarity") == "cosine"
    for first, part in pieces("--patterns", patterns, no_zeros=cosine):
        others = None if values is None else values[first : first + len(part)]
        memory.store(part, None if others is None else next(pieces("--values", others))[1])
    return memory


def recalled(
    memory: ContinuousMemory,
    queries: NDArray[Any],
    k: int,
    steps: int,
    target: Path | None = None,
    *,
    width: int,
    beta: float | None = None,
    no_zeros: bool = False,
    advance: Callable[[int], None] = lambda n_bytes: None,
) -> Recalled:
    """Ask a memory, and write what it answers.

    Parameters
    ----------
    memory : ContinuousMemory
    queries : ndarray, shape (n, dim)
        Read in pieces.
    k, steps : int
        Nearest patterns and most steps.
    target : Path, optional
        Where states, and in a .npz all else, are written; whole or not at all.
    width : int
        Dimensions of what is retrieved.
    beta : float, optional
        Inverse temperature; default the memory's.
    no_zeros : bool, default False
        Whether queries of zeros are refused.
    advance : callable, optional
        Is told how many more bytes of queries were answered.

    Raises
    ------
    OSError, TypeError, ValueError
        As for the memory's `search` and `retrieve`, and when the target cannot be written.

    Examples
    --------
    >>> memory = memory_over(np.eye(3, dtype=np.float32), None, beta=9.0)
    >>> recalled(memory, np.eye(3)[:2], 1, 1, width=3).indices.tolist()
    [[0], [1]]
    """
    found: list[tuple[NDArray[Any], ...]] = []
    with opened_rows(target, (len(queries), width)) as output:
        for _, part in pieces("--queries", queries, no_zeros=no_zeros):
            matches = memory.search(part, k)
            made = memory.retrieve(part, steps, betas=beta)
            found.append((*matches, made.steps, made.converged, made.effective))
            if output is not None:
                output.write(made.states)
            advance(part.shape[0] * queries.itemsize * queries.shape[1])
        answer = Recalled(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
        if output is not None:
            output.finish(vars(answer))
    return answer
