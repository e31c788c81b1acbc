# SPDX-License-Identifier: Apache-2.0
"""Dimensions or bits? How bundles spend a budget of bytes best."""

from __future__ import annotations

from hypersketch import theory
from hypersketch.capacity.planner import Plan, PlanRow
from hypersketch.capacity.structures import structure
from hypersketch.capacity.validation import positive

__all__ = ["plan_bits"]


def plan_bits(
    n: int,
    universe: int,
    budget_bytes: int,
    *,
    stored_codewords: int = 0,
    bundles: int = 1,
    max_dim: int | None = None,
) -> Plan:
    """Splits a budget of bytes between dimensions and bits a dimension.

    Parameters
    ----------
    n : int
        Keys in each bundle.
    universe : int
        Candidates N: each key must be told from N - 1 strangers.
    budget_bytes : int
        Bytes for all that is stored.
    stored_codewords : int, default 0
        Codewords that are kept as packed vectors beside the bundles, one bit a dimension each; none where
        they are computed from their keys.
    bundles : int, default 1
        Bundles that are kept.
    max_dim : int, optional
        Most dimensions, where the time of a query counts, which grows with them.

    Returns
    -------
    Plan
        One row a number of bits, 1 to 8, smallest error first; of equal errors the fewest bytes first.

    Raises
    ------
    ValueError
        If a number makes no sense, or the budget is below one word of 64 dimensions.

    Notes
    -----
    A dimension takes s + b k bits for s stored codewords and k bundles of b bits, which leaves D = 8 B / (s +
    b k) dimensions for B bytes, in words of 64. The error is 1 - `hypersketch.theory.quantized.accuracy`,
    nearly a function of D times the efficiency of b bits (2/pi, .881, .963, ...). So the best b is about the
    one with the largest efficiency / (s/k + b): 1 for up to 1.6 stored codewords a bundle, then 2 for up to
    8.8, 3 for up to 34, and so on.

    Examples
    --------
    >>> from hypersketch import capacity
    >>> [row.size for row in capacity.plan_bits(51, 100, budget_bytes=512)][:2]
    [{'dim': 4096, 'bits': 1}, {'dim': 2048, 'bits': 2}]
    >>> capacity.plan_bits(51, 100, budget_bytes=10**5, stored_codewords=1000)[0].size["bits"] > 4
    True
    """
    items, total = positive("plan_bits", "n", n), positive("plan_bits", "universe", universe)
    budget = positive("plan_bits", "budget_bytes", budget_bytes)
    codewords = positive("plan_bits", "stored_codewords", stored_codewords, least=0)
    kept = positive("plan_bits", "bundles", bundles)
    most = None if max_dim is None else positive("plan_bits", "max_dim", max_dim)
    rows = []
    for bits in range(1, theory.quantized.MOST_BITS + 1):
        vectors = codewords + kept * bits
        dim = 64 * (budget // (8 * vectors))
        dim = dim if most is None else min(dim, most)
        if dim:
            rows.append(_row(items, total, dim, bits, vectors))
    if not rows:
        least = 8 * (codewords + kept)
        raise ValueError(f"Vectors of 64 dimensions need {least} bytes in all. Got {budget} instead.")
    # Below 1e-14 an error is rounding.
    rows.sort(key=lambda row: (round(row.error, 14), row.bytes))
    return Plan(_title(items, total, budget, codewords, kept), rows)


def _row(n: int, universe: int, dim: int, bits: int, vectors: int) -> PlanRow:
    """One way to spend the bytes: so many packed vectors, planes of bundles and codewords."""
    entry = structure("map-i-bits")
    size = {"dim": dim, "bits": bits}
    n_bytes = vectors * 8 * -(-dim // 64)
    return PlanRow(
        structure=entry.name,
        size=size,
        bytes=n_bytes,
        bits_per_item=8 * n_bytes / n,
        error=max(0.0, 1.0 - theory.quantized.accuracy(dim, n, universe, bits)),
        meaning="chance that another codeword is nearer than a stored key",
        wrong_answers=None,
        expression=entry.expression(size),
    )


def _title(n: int, universe: int, budget: int, codewords: int, bundles: int) -> str:
    stored = f"{bundles:,} bundles" if bundles > 1 else "a bundle"
    beside = f" and {codewords:,} codewords" if codewords else ""
    return f"bits: {n:,} items of a universe of {universe:,}, {stored}{beside} in at most {budget:,} bytes"
