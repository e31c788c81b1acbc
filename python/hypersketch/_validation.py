# SPDX-License-Identifier: Apache-2.0
"""Every argument check of the public classes, in one message form.

``The 'bits_per_key' parameter of BloomFilter must be a float in (0, 64]. Got -1 instead.``

A value of a wrong type raises TypeError, a wrong value of the right type ValueError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

Check: TypeAlias = Callable[[str, str, object], Any]
"""Takes the owner's name, the parameter's name and the value; returns the value that is used."""

MAX_SEED = 2**64 - 1
MAX_WEIGHT = 2**31 - 1


def shown(value: object) -> str:
    """Return a short text of the value for a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def refuse(owner: str, name: str, must: str, value: object, error: type[Exception] = ValueError) -> NoReturn:
    """Raise the error whose sentence names the parameter, what it must be and what came."""
    raise error(f"The {name!r} parameter of {owner} must be {must}. Got {shown(value)} instead.")


def integer(owner: str, name: str, value: object, least: int, most: int) -> int:
    """Return the value as an int in [least, most]; True and 3.0 are not integers here."""
    must = f"an integer in [{least}, {_power(most)}]"
    if isinstance(value, bool | np.bool_ | np.ndarray):
        refuse(owner, name, must, value, TypeError)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        refuse(owner, name, must, value, TypeError)
    if not least <= number <= most:
        refuse(owner, name, must, number)
    return number


def neighbours(owner: str, value: object, n: int, of: str, name: str = "k") -> int:
    """Return k, how many of n rows or items are wanted."""
    must = f"an integer in [1, {n}], the number of {of}" if n else f"at most the number of {of}, which is 0"
    if isinstance(value, bool | np.bool_ | np.ndarray):
        refuse(owner, name, must, value, TypeError)
    try:
        k = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        refuse(owner, name, must, value, TypeError)
    if not 1 <= k <= n:
        refuse(owner, name, must, k)
    return k


def not_masked(owner: str, name: str, value: object, must: str) -> None:
    """Refuse an array with masked elements, below which anything may lie."""
    if np.ma.is_masked(value):
        refuse(owner, name, f"{must} without nulls", "a masked array with masked elements")


def _power(most: int) -> str:
    """Return 2**64 - 1 as such a text instead of twenty digits."""
    exponent = (most + 1).bit_length() - 1
    if exponent >= 16 and most + 1 == 1 << exponent:
        return f"2**{exponent} - 1"
    return str(most)


def within(least: int, most: int) -> Check:
    """Return the check for an integer in [least, most]."""
    return partial(integer, least=least, most=most)


def optional(check: Check) -> Check:
    """Return the check that also lets None pass."""
    return lambda owner, name, value: None if value is None else check(owner, name, value)


def one_of(*known: object) -> Check:
    """Return the check for one of the known values."""

    def check(owner: str, name: str, value: object) -> object:
        if not any(type(value) is type(one) and value == one for one in known):
            refuse(owner, name, f"one of {', '.join(map(repr, known))}", value)
        return value

    return check


seed = within(0, MAX_SEED)


def real(owner: str, name: str, value: object, must: str = "a finite float") -> float:
    """Return a finite real number as a float."""
    if isinstance(value, bool | np.bool_ | str | bytes | np.ndarray):
        refuse(owner, name, must, value, TypeError)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        refuse(owner, name, must, value, TypeError)
    if not math.isfinite(number):
        refuse(owner, name, must, number)
    return number


def positive(owner: str, name: str, value: object) -> float:
    """Return a finite float above 0."""
    must = "a finite float > 0"
    number = real(owner, name, value, must)
    if number <= 0.0:
        refuse(owner, name, must, number)
    return number


def probability(owner: str, name: str, value: object) -> float:
    """Return a float strictly between 0 and 1."""
    must = "a float in (0, 1)"
    number = real(owner, name, value, must)
    if not 0.0 < number < 1.0:
        refuse(owner, name, must, number)
    return number


def error_rate(owner: str, error: object) -> float:
    """Return a rate of errors better than guessing: a float in (0, 0.5)."""
    must = "a float in (0, 0.5)"
    rate = real(owner, "error", error, must)
    if not 0.0 < rate < 0.5:
        refuse(owner, "error", must, rate)
    return rate


def flag(owner: str, name: str, value: object) -> bool:
    """Return True or False."""
    if not isinstance(value, bool | np.bool_):
        refuse(owner, name, "True or False", value, TypeError)
    return bool(value)


def hashes(owner: str, value: object) -> NDArray[np.uint64]:
    """Return key hashes as a contiguous one-dimensional uint64 array."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint64 or value.ndim != 1:
        is_array = isinstance(value, np.ndarray)
        came = f"an array of {value.dtype}, shape {value.shape}" if is_array else shown(value)  # type: ignore[attr-defined]
        raise TypeError(
            f"The 'hashes' parameter of {owner} must be a one-dimensional array of uint64, as hash_keys "
            f"returns. Got {came} instead."
        )
    return np.ascontiguousarray(value, dtype=np.uint64)


def weights(
    owner: str, value: object, n: int, least: int = -MAX_WEIGHT, most: int = MAX_WEIGHT
) -> NDArray[np.int64] | None:
    """Return one int64 weight a key in [least, most], or None when no weights were given."""
    if value is None:
        return None
    given = _one_a_key(owner, value, n, "iu", "integers")
    if given.size and not least <= given.min() <= given.max() <= most:
        bad = given[(given < least) | (given > most)][0]
        low = "0" if least == 0 else f"-({_power(-least)})"
        refuse(owner, "weights", f"integers in [{low}, {_power(most)}]", int(bad))
    return np.ascontiguousarray(given, dtype=np.int64)


def real_weights(
    owner: str, value: object, n: int, dtype: np.dtype[Any], least: float | None = None
) -> NDArray[np.float64] | None:
    """Return one float64 weight a key, finite in the dtype, or None when no weights were given."""
    if value is None:
        return None
    limit = float(np.finfo(dtype).max)
    try:
        given = _one_a_key(owner, value, n, "iuf", "real numbers").astype(np.float64)
    except OverflowError:  # an int of Python
        refuse(owner, "weights", f"finite numbers of {dtype}", value)
    good = np.abs(given) <= limit if least is None else (given >= least) & (given <= limit)
    if not good.all():
        low = "" if least is None else f" >= {least:g}"
        refuse(owner, "weights", f"finite numbers of {dtype}{low}", float(given[~good][0]))
    return np.ascontiguousarray(given)


def of_kept(owner: str, value: object, n: int, places: NDArray[Any]) -> NDArray[Any]:
    """Return the weights of the keys at some places of n, with their values still to be checked."""
    given = value if isinstance(value, np.ndarray) else np.asarray(value, object)
    _require_one_a_key(owner, given, n)
    kept: NDArray[Any] = given[places]
    return kept


def _one_a_key(owner: str, value: object, n: int, kinds: str, what: str) -> NDArray[Any]:
    """Return the weights as an array of one of the kinds with n elements."""
    if np.ma.is_masked(value):
        raise ValueError(
            f"The 'weights' parameter of {owner} must have no nulls. Got a masked array with masked elements "
            "instead."
        )
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        refuse(owner, "weights", what, value, TypeError)
    if given.size and given.dtype.kind not in kinds:
        given = _of_objects(owner, value, given.dtype, kinds, what)
    _require_one_a_key(owner, given, n)
    return given


def _of_objects(owner: str, value: object, dtype: np.dtype[Any], kinds: str, what: str) -> NDArray[Any]:
    """Return weights that NumPy finds no common number for, as Python's; or refuse the first that is none."""
    if isinstance(value, np.ndarray) and dtype.kind != "O":
        raise TypeError(
            f"The 'weights' parameter of {owner} must be {what}. Got an array of {dtype} instead."
        )
    numbers = (int, np.integer, float, np.floating) if "f" in kinds else (int, np.integer)
    objects = np.asarray(value, object)
    for one in objects.flat:
        if isinstance(one, bool) or not isinstance(one, numbers):
            refuse(owner, "weights", what, one, TypeError)
    return objects


def _require_one_a_key(owner: str, given: NDArray[Any], n: int) -> None:
    if given.ndim != 1:
        raise ValueError(
            f"The 'weights' parameter of {owner} must be one-dimensional. Got shape {given.shape} instead."
        )
    if given.size != n:
        raise ValueError(
            f"The 'weights' parameter of {owner} must have one element a key, {n}. Got {given.size} instead."
        )


def output(owner: str, value: object, n: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Return the array that takes n answers: the given one after checks, or a new one for None."""
    return np.empty(n, dtype) if value is None else output_array(owner, value, (n,), dtype)


def output_array(owner: str, value: object, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Return the given array when results of that shape can be written into it."""
    is_array = isinstance(value, np.ndarray) and value.shape == shape and value.dtype == dtype
    if is_array and value.flags.c_contiguous and value.flags.writeable:  # type: ignore[attr-defined]
        return value  # type: ignore[return-value]
    many = f"the shape {shape}"
    if len(shape) == 1:
        many = f"{shape[0]} element{'' if shape[0] == 1 else 's'}"
    wanted = f"a writable, contiguous array of {np.dtype(dtype)} with {many}"
    if not isinstance(value, np.ndarray):
        refuse(owner, "out", wanted, value, TypeError)
    came = f"{'' if value.flags.writeable else 'read-only '}{value.dtype}, shape {value.shape}"
    raise ValueError(f"The 'out' parameter of {owner} must be {wanted}. Got {came} instead.")


def starts(owner: str, value: object, n: int) -> NDArray[np.int64]:
    """Return where runs of n things begin, and at last where they end; None is one run of all."""
    if value is None:
        return np.array([0, n], np.int64)
    must = f"one-dimensional integers that rise from 0 or more to {n} or less"
    given = np.asarray(value)
    if given.dtype.kind not in "iu":
        refuse(owner, "starts", must, value, TypeError)
    if (
        given.ndim != 1
        or given.size == 0
        or given.min() < 0
        or given.max() > n
        or (given[1:] < given[:-1]).any()
    ):
        refuse(owner, "starts", must, value)
    return np.ascontiguousarray(given, dtype=np.int64)


def tokens(owner: str, value: object, n_atoms: int | None) -> NDArray[np.uint64]:
    """Return tokens as uint64: indices below n_atoms, or hashes of uint64 when that is None."""
    if n_atoms is None:
        must = "a one-dimensional array of hashes (uint64), as hash_keys returns, when there is no codebook"
        if not isinstance(value, np.ndarray) or value.dtype != np.uint64:
            refuse(owner, "tokens", must, value, TypeError)
        if value.ndim != 1:
            refuse(owner, "tokens", must, value)
        return np.ascontiguousarray(value)
    given = np.asarray(value)
    must = f"one-dimensional integers in [0, {n_atoms}), rows of the codebook"
    if given.dtype.kind not in "iu" and given.size:
        refuse(owner, "tokens", must, value, TypeError)
    if given.ndim != 1 or (given.size and not 0 <= int(given.min()) <= int(given.max()) < n_atoms):
        refuse(owner, "tokens", must, value)
    return np.ascontiguousarray(given, dtype=np.uint64)


def words_for(n_bits: int) -> int:
    """Return the number of 64-bit words that hold so many bits."""
    return -(-n_bits // 64)


def has_tail(rows: NDArray[np.uint64], n_bits: int) -> bool:
    """Return whether a row sets a bit beyond its n_bits."""
    tail = n_bits % 64
    return bool(tail) and bool(np.any(rows[..., -1] >> np.uint64(tail)))


def packed(owner: str, name: str, value: object, dim: int) -> NDArray[np.uint64]:
    """Return packed vectors of shape (words,) or (n, words), contiguous, with no bit beyond the dimension."""
    rows = packed_words(owner, name, value, dim)
    if has_tail(rows, dim):
        raise ValueError(f"{name} sets bits beyond dimension {dim}, which must be zero in packed vectors.")
    return rows


def packed_words(owner: str, name: str, value: object, dim: int) -> NDArray[np.uint64]:
    """Return what may be packed vectors, for code that finds bits beyond the dimension by itself."""
    n_words = words_for(dim)
    if not isinstance(value, np.ndarray) or value.dtype != np.uint64:
        came = value.dtype if isinstance(value, np.ndarray) else value
        must = f"packed vectors of uint64 with {n_words} words ({dim} dimensions)"
        refuse(owner, name, must, came, TypeError)
    if value.ndim not in (1, 2) or value.shape[-1] != n_words:
        raise ValueError(
            f"{name} has the shape {value.shape} but {owner} needs ({n_words},) or (n, {n_words}): "
            f"{dim} dimensions in words of 64 bits."
        )
    return np.ascontiguousarray(value, dtype=np.uint64)
