# SPDX-License-Identifier: Apache-2.0
"""Which associative memory holds n patterns of d bits? Bytes and bit errors, from the theory alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypersketch import _validation
from hypersketch.capacity.planner import Plan, PlanRow
from hypersketch.capacity.structures.base import smallest
from hypersketch.capacity.validation import positive
from hypersketch.theory import continuous, dense, hopfield_network, recall, sparse_distributed, willshaw

__all__ = ["MEMORIES", "Question", "plan_recall"]

_DEGREES = (2, 3, 4, 5)
_BYTES = {"float32": 4, "bfloat16": 2, "int8": 1, "float8": 1}
_MOST_ROWS = 1 << 34


@dataclass(frozen=True)
class Question:
    """What a plan of recall asks.

    Attributes
    ----------
    n, dim : int
        Patterns, and bits of each.
    noise : float
        Share of the bits of a cue that are turned; of sparse patterns, of the active bits that it lacks.
    active : int or None
        Active bits of sparse patterns; None for random signs.
    """

    n: int
    dim: int
    noise: float
    active: int | None = None

    @property
    def turned(self) -> int:
        """How many bits of a cue are turned."""
        return math.ceil(self.noise * self.dim - 1e-9)


@dataclass(frozen=True)
class _Choice:
    """One way to make one memory."""

    size: dict[str, Any]
    bytes: int
    error: float
    expression: str


Choices = Callable[[Question, float], Iterator[_Choice]]
"""Yields ways to make a memory for an error, the cheapest that reach it if any do."""

MEMORIES: dict[str, Choices] = {}
"""How each memory can be made, by its name."""


def _memory(name: str) -> Callable[[Choices], Choices]:
    def register(choices: Choices) -> Choices:
        MEMORIES[name] = choices
        return choices

    return register


def _packed(dim: int) -> int:
    return 8 * -(-dim // 64)


@_memory("nearest")
def _nearest(asked: Question, error: float) -> Iterator[_Choice]:
    """An item memory of packed vectors; the hash of each key is 8 bytes."""
    wrong = _nearest_error(asked)
    n_bytes = asked.n * (_packed(asked.dim) + 8)
    yield _Choice({"dim": asked.dim}, n_bytes, wrong, f"ItemMemory(MapB(dim={asked.dim}))")


def _nearest_error(asked: Question) -> float:
    if asked.active is None:
        return recall.nearest(asked.dim, asked.n, asked.noise)
    # Another pattern is as near where it shares all that the cue has left.
    left = max(1, round(asked.active * (1.0 - asked.noise)))
    logs = sum(math.log((asked.active - i) / (asked.dim - i)) for i in range(left))
    return -0.5 * math.expm1((asked.n - 1) * math.log1p(-min(math.exp(logs), 1.0 - 1e-16)))


@_memory("continuous")
def _continuous(asked: Question, error: float) -> Iterator[_Choice]:
    """Softmax over patterns of length 1, as steep as the error needs."""
    if asked.active is not None:
        return
    wrong = recall.nearest(asked.dim, asked.n, asked.noise)
    beta = continuous.beta_for(asked.n, asked.dim, error, 1.0 - 2.0 * asked.noise)
    if math.isinf(beta):  # no softmax is that sure: what is left is its limit, the nearest pattern alone
        beta = float(asked.dim) * 4.0
    for dtype, each in _BYTES.items():
        row = each * asked.dim + (8 if each == 1 else 4)  # with its length, and its scale
        size = {"dim": asked.dim, "beta": round(beta, 2), "dtype": dtype}
        made = f"ContinuousMemory({asked.dim}, 'cosine', beta={beta:.2f}, dtype={dtype!r})"
        yield _Choice(size, row * asked.n, wrong, made)


@_memory("dense")
def _dense(asked: Question, error: float) -> Iterator[_Choice]:
    """Packed patterns and a power of their products: the least power that suffices."""
    if asked.active is not None:
        return
    n_bytes = asked.n * _packed(asked.dim)
    for degree in _DEGREES:
        wrong = dense.bit_error(asked.dim, asked.n, degree, n_flipped=asked.turned)
        size = {"n_units": asked.dim, "degree": degree}
        yield _Choice(size, n_bytes, wrong, f"DenseMemory({asked.dim}, degree={degree})")


@_memory("hopfield")
def _hopfield(asked: Question, error: float) -> Iterator[_Choice]:
    """Hebbian and projecting networks, which keep their patterns, packed."""
    if asked.active is not None:
        return
    for rule, wrong in (
        ("hebb", float(hopfield_network.bit_error(asked.dim, asked.n, asked.turned))),
        ("pseudo-inverse", recall.pseudo_inverse(asked.dim, asked.n, asked.noise)),
    ):
        size = {"n_units": asked.dim, "rule": rule}
        made = f"HopfieldNetwork({asked.dim}, rule={rule!r})"
        yield _Choice(size, asked.n * _packed(asked.dim), wrong, made)


@_memory("outer-product")
def _outer_product(asked: Question, error: float) -> Iterator[_Choice]:
    """A matrix of the sum of outer products, and the least-squares solution with its statistics."""
    if asked.active is not None:
        return
    d = asked.dim
    summed = float(hopfield_network.bit_error(d, asked.n, asked.turned, diagonal=True))
    for rule, wrong, n_bytes in (
        ("hebb", summed, 4 * d * d),
        ("ridge", recall.pseudo_inverse(d, asked.n, asked.noise), 16 * d * d),
    ):
        size = {"key_dim": d, "rule": rule}
        yield _Choice(size, n_bytes, wrong, f"OuterProductMemory({d}, rule={rule!r})")


@_memory("sparse-distributed")
def _sparse_distributed(asked: Question, error: float) -> Iterator[_Choice]:
    """Hard locations: a counter (int32) for each bit; their addresses are computed."""
    if asked.active is not None:
        return

    def suffices(rows: int) -> bool:
        return any(_read(asked, rows, k) <= error for k in _numbers_read(asked.n, rows))

    rows = smallest(suffices, 16, _MOST_ROWS)
    if rows is not None:
        wrong, k = min((_read(asked, rows, k), k) for k in _numbers_read(asked.n, rows))
        size = {"dim": asked.dim, "n_locations": rows, "k": k}
        made = f"SparseDistributedMemory({asked.dim}, n_locations={rows}, k={k})"
        yield _Choice(size, 4 * rows * asked.dim, wrong, made)


def _numbers_read(n: int, rows: int) -> set[int]:
    """Return some numbers of locations to read, around the best for cues without noise."""
    share = (2.0 * rows * n) ** (-1.0 / 3.0)
    return {max(1, round(rows * min(0.5, share * factor))) for factor in (0.5, 1.0, 2.0, 4.0, 8.0)}


def _read(asked: Question, rows: int, k: int) -> float:
    """Return the bit error of the k nearest locations, as the memory itself expects it."""
    share = k / rows
    near = sparse_distributed.radius(asked.dim, share)
    shared = sparse_distributed.overlap(asked.dim, near, asked.turned)
    return sparse_distributed.bit_error(rows, asked.n, share, nearest=True, overlap=shared)


@_memory("willshaw")
def _willshaw(asked: Question, error: float) -> Iterator[_Choice]:
    """A binary matrix, for sparse patterns alone."""
    if asked.active is not None:
        left = max(1, round(asked.active * (1.0 - asked.noise)))
        silent = willshaw.false_ones(asked.dim, asked.active, asked.n, cue=left, auto=True)
        wrong = silent * (1.0 - asked.active / asked.dim)
        n_bytes = asked.dim * _packed(asked.dim)
        yield _Choice(
            {"dim": asked.dim}, n_bytes, wrong, f"WillshawMemory({asked.dim}, active_in={asked.active})"
        )


def plan_recall(
    n: int,
    dim: int,
    error: float | None = None,
    budget_bytes: int | None = None,
    *,
    noise: float = 0.0,
    active: int | None = None,
    memories: Sequence[str] | None = None,
) -> Plan:
    """Compares associative memories that recall n patterns of d bits from noisy cues, by bytes.

    Parameters
    ----------
    n : int
        Patterns to store, random ones.
    dim : int
        Bits of a pattern.
    error : float, optional
        Wanted share of wrong bits in what is recalled, after one update; 0.01 if no budget is given.
    budget_bytes : int, optional
        Bytes that the state may take. Without `error` the best that fits is named; with it, memories that
        need more are left out.
    noise : float, default 0.0
        Share of the bits of a cue that are turned, in [0, 1/2); of sparse patterns, the share of their active
        bits that it lacks.
    active : int, optional
        Active bits of a pattern, for sparse ones; default patterns of random signs.
    memories : sequence of str, optional
        Names of `MEMORIES`; default all.

    Returns
    -------
    Plan
        One row a memory that reaches the error: smallest first; or smallest error first if only a budget was
        given. Of several ways to make a memory, the cheapest.

    Raises
    ------
    ValueError
        If a number makes no sense, or a memory is not known.

    Notes
    -----
    Errors are those of `hypersketch.theory`: of `hopfield_network`, `dense`, `sparse_distributed` and
    `willshaw`, and of `recall` for what projects onto patterns or takes the nearest. Continuous memories
    answer as the nearest pattern does, with a softmax of which at most the wanted error lies on other
    patterns. Dense and Hopfield networks keep their patterns, packed.

    Examples
    --------
    >>> from hypersketch.capacity import plan_recall
    >>> print(plan_recall(100, 1000, error=0.01, noise=0.1))  # doctest: +ELLIPSIS
    recall: 100 patterns of 1,000 bits, 10 % of a cue's bits turned, error at most 0.01
    ...
    >>> [row.structure for row in plan_recall(100_000, 256, error=0.001, noise=0.1)]
    ['dense', 'nearest', 'continuous', 'sparse-distributed']
    """
    owner = "plan_recall"
    asked = Question(
        positive(owner, "n", n),
        positive(owner, "dim", dim),
        _noise(owner, noise),
        None if active is None else _validation.integer(owner, "active", active, 1, dim),
    )
    if budget_bytes is not None:
        budget_bytes = positive(owner, "budget_bytes", budget_bytes)
    wanted = None
    if error is not None or budget_bytes is None:
        wanted = _validation.probability(owner, "error", 0.01 if error is None else error)
    found = {name: _row(name, asked, wanted, budget_bytes) for name in _known(memories)}
    rows = [row for row in found.values() if row is not None]
    rows.sort(key=lambda row: (row.bytes, row.error) if wanted is not None else (row.error, row.bytes))
    impossible = [name for name, row in found.items() if row is None]
    return Plan(_title(asked, wanted, budget_bytes), rows, impossible)


def _noise(owner: str, noise: object) -> float:
    must = "a float in [0, 0.5)"
    share = _validation.real(owner, "noise", noise, must)
    if not 0.0 <= share < 0.5:
        _validation.refuse(owner, "noise", must, share)
    return share


def _known(memories: Sequence[str] | None) -> list[str]:
    if memories is None:
        return list(MEMORIES)
    for name in memories:
        if name not in MEMORIES:
            raise ValueError(f"Unknown memory {name!r}. The known ones are: {', '.join(MEMORIES)}.")
    return list(dict.fromkeys(memories))


def _row(name: str, asked: Question, error: float | None, budget: int | None) -> PlanRow | None:
    choices = [
        one
        for one in MEMORIES[name](asked, 0.01 if error is None else error)
        if (budget is None or one.bytes <= budget) and (error is None or one.error <= error)
    ]
    if not choices:
        return None
    # Of equal ones the first, which is the simplest.
    best = min(choices, key=lambda one: (one.bytes,) if error is not None else (one.error, one.bytes))
    return PlanRow(
        structure=name,
        size=best.size,
        bytes=best.bytes,
        bits_per_item=8 * best.bytes / asked.n,
        error=best.error,
        meaning="share of wrong bits in what is recalled",
        wrong_answers=None,
        expression=best.expression,
    )


def _title(asked: Question, error: float | None, budget: int | None) -> str:
    kind = "bits" if asked.active is None else f"bits, {asked.active:,} of them active"
    lost = "a cue's bits turned" if asked.active is None else "a cue's active bits missing"
    noise = f", {100 * asked.noise:g} % of {lost}" if asked.noise else ""
    wanted = f"error at most {error:g}" if error is not None else "the error that a budget buys"
    within = f", at most {budget:,} bytes" if budget is not None else ""
    return f"recall: {asked.n:,} patterns of {asked.dim:,} {kind}{noise}, {wanted}{within}"
