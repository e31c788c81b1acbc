# SPDX-License-Identifier: Apache-2.0
"""Bad input of continuous memories: one clear sentence, and nothing changed."""

from __future__ import annotations

import numpy as np
import pytest

from hypersketch.memories import ContinuousMemory

REFUSED = [
    (lambda m: m.store([[1.0, np.nan]]), "row 0"),
    (lambda m: m.store([[1.0, 2.0], [np.inf, 0.0]]), "row 1"),
    (lambda m: m.store([[1.0, 2.0, 3.0]]), "2 dimensions"),
    (lambda m: m.store([["a", "b"]]), "real vectors"),
    (lambda m: m.store([[1.0, 2.0]], [[1.0]]), "values"),
    (lambda m: m.retrieve([1.0, np.nan]), "row 0"),
    (lambda m: m.retrieve([1.0, 2.0, 3.0]), "2 dimensions"),
    (lambda m: m.retrieve([1.0, 2.0], betas=0.0), "> 0"),
    (lambda m: m.retrieve([1.0, 2.0], betas=-1.0), "> 0"),
    (lambda m: m.retrieve([1.0, 2.0], betas=[1.0, 2.0]), "betas"),
    (lambda m: m.retrieve([1.0, 2.0], steps=0), "steps"),
    (lambda m: m.retrieve([1.0, 2.0], tol=-1.0), "tol"),
    (lambda m: m.retrieve([1e30, 1e30]), "single precision"),
    (lambda m: m.search([1.0, 2.0], k=4), "number of patterns"),
    (lambda m: m.remove(3), "numbers of patterns"),
    (lambda m: m.remove([0, 0]), "numbers of patterns"),
    (lambda m: m.update([0, 1], [[1.0, 1.0]]), "as many patterns"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_bad_input_is_refused_and_changes_nothing(call, message):
    memory = ContinuousMemory(2, beta=1.0)
    memory.store([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    twin = memory.copy()
    with pytest.raises((ValueError, TypeError), match=message):
        call(memory)
    assert memory == twin


def test_more_refusals():
    with pytest.raises(ValueError, match="empty"):
        ContinuousMemory(2).retrieve([1.0, 2.0])
    with pytest.raises(ValueError, match="beta"):
        ContinuousMemory(2, beta=0.0)
    cosine = ContinuousMemory(2, "cosine")
    with pytest.raises(ValueError, match="zero vector"):
        cosine.store([[1.0, 1.0], [0.0, 0.0]])
    cosine.store([1.0, 1.0])
    with pytest.raises(ValueError, match="zero vector"):
        cosine.retrieve([0.0, 0.0])
    with pytest.raises(ValueError, match="scaled to int8"):
        ContinuousMemory(2, dtype="int8").store([[1.0, 1.0], [1e-40, 0.0]])
    with pytest.raises(ValueError, match=r"scaled to float8.* at least 2\.7e-33\. Got .* in row 1\."):
        ContinuousMemory(2, dtype="float8").store([[1.0, 1.0], [2.6e-33, 0.0]])
    with pytest.raises(ValueError, match="bfloat16"):
        ContinuousMemory(2, dtype="bfloat16").store([[1.0, 3.4028e38]])
    identity = ContinuousMemory(2, separation="identity")
    identity.store([1.0, 1.0])
    with pytest.raises(ValueError, match="shares"):
        identity.energy([1.0, 1.0])


def test_a_mapped_row_that_is_not_finite_is_named() -> None:
    rows = np.eye(5, dtype=np.float32)
    rows[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"must be finite in float32\. Got nan in row 3\."):
        ContinuousMemory.over(rows)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rows_without_a_direction_that_floats_can_hold_are_refused(dtype):
    for tiny in (1e-39, 1e-42, 1e-45):  # bfloat16 rounds the last ones to 0
        memory = ContinuousMemory(3, "cosine", dtype=dtype, beta=5.0)
        with pytest.raises(ValueError, match=r"must have lengths in .* in row 1\."):
            memory.store([[0, 1, 0], [tiny, 0, 0]])
        assert len(memory) == 0
    with pytest.raises(ValueError, match=r"row 1\."):
        ContinuousMemory.over(np.array([[0, 1], [1e-40, 0]], np.float32), similarity="cosine")
    memory = ContinuousMemory(2, dtype=dtype)
    with pytest.raises(ValueError, match=r"lengths below 3\.4e38\. Got inf in row 0"):
        memory.store([[3e38, 3e38]])


def test_a_memory_over_an_array_takes_no_other_dtype():
    with pytest.raises(ValueError, match="'dtype' parameter of ContinuousMemory"):
        ContinuousMemory.over(np.eye(2, dtype=np.float32), dtype="int8")
