# SPDX-License-Identifier: Apache-2.0
"""Expressions of polars that ask a structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypersketch import _optional, _validation

if TYPE_CHECKING:
    import polars

__all__ = ["contains", "estimate"]


def contains(expr: polars.Expr | str, structure: Any, *, threads: int | None = None) -> polars.Expr:
    """Tell for each element of a column whether a structure probably holds it.

    Parameters
    ----------
    expr : polars.Expr or str
        The column of keys: integers, strings, bytes or categories.
    structure : BloomFilter, CountingBloomFilter, ...
        Anything with a method ``contains``.
    threads : int, optional
        Threads for each batch; default `hypersketch.get_num_threads`.

    Returns
    -------
    polars.Expr
        Of Boolean; null for null.

    Raises
    ------
    ModuleNotFoundError
        When polars is missing.
    TypeError
        When the structure has no such method. Keys of a type that it refuses raise when the query runs.

    Examples
    --------
    >>> import hypersketch, polars
    >>> from hypersketch.interop.polars import contains
    >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
    >>> seen.add(["a", "b"])
    >>> frame = polars.DataFrame({"key": ["a", "x", None]})
    >>> frame.select(contains(polars.col("key"), seen)).to_series().to_list()
    [True, False, None]
    """
    _optional.require("hypersketch.interop.polars", "polars", "polars")
    import polars

    return _mapped("contains", expr, structure, polars.Boolean, threads)


def estimate(expr: polars.Expr | str, structure: Any, *, threads: int | None = None) -> polars.Expr:
    """Estimate for each element of a column its count or weight in a structure.

    Parameters
    ----------
    expr : polars.Expr or str
        The column of keys: integers, strings, bytes or categories.
    structure : CountSketch, CountMinSketch, Bundle, ...
        Anything with a method ``estimate``.
    threads : int, optional
        Threads for each batch; default `hypersketch.get_num_threads`.

    Returns
    -------
    polars.Expr
        Of the type that ``estimate`` returns; null for null.

    Raises
    ------
    ModuleNotFoundError
        When polars is missing.
    TypeError
        When the structure has no such method. Keys of a type that it refuses raise when the query runs.

    Examples
    --------
    >>> import hypersketch, polars
    >>> from hypersketch.interop.polars import estimate
    >>> bag = hypersketch.MapI(10_000).bundle(["a", "b"], weights=[3, 1])
    >>> frame = polars.DataFrame({"key": ["a", "x", None]})
    >>> frame.select(estimate("key", bag).round().cast(polars.Int64)).to_series().to_list()
    [3, 0, None]
    """
    _optional.require("hypersketch.interop.polars", "polars", "polars")
    import polars

    method = _method("estimate", structure)
    return _mapped("estimate", expr, structure, polars.Series(method([])).dtype, threads)


def _method(verb: str, structure: Any) -> Callable[..., Any]:
    found = getattr(structure, verb, None)
    if not callable(found):
        must = f"an object with a method {verb!r}"
        _validation.refuse(f"hypersketch.interop.polars.{verb}", "structure", must, structure, TypeError)
    method: Callable[..., Any] = found
    return method


def _mapped(verb: str, expr: Any, structure: Any, dtype: Any, threads: int | None) -> polars.Expr:
    """Return the expression that asks for whole batches, without their nulls."""
    import polars

    method = _method(verb, structure)

    def answers(keys: polars.Series) -> polars.Series:
        valid = keys.is_not_null()
        known = polars.Series(keys.name, method(keys.filter(valid), threads=threads), dtype=dtype)
        if known.len() == keys.len():
            return known
        spread: polars.Series = keys.clear(keys.len()).cast(dtype).scatter(valid.arg_true(), known)
        return spread

    column = polars.col(expr) if isinstance(expr, str) else expr
    return column.map_batches(answers, return_dtype=dtype, is_elementwise=True)
