# SPDX-License-Identifier: Apache-2.0
"""What the learners share: refused calls change nothing, rows are float32, an encoder is made or copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import Foreign, RowEncoder
from hypersketch.learn._sklearn import (
    _check_sample_weight,
    check_is_fitted,
    check_random_state,
    clone,
    validate_data,
)
from hypersketch.vsa.spaces import DIM

KINDS = ("fourier", "sinusoid", "projection", "level", "density")
_LARGEST = float(np.finfo(np.float32).max)


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Give an estimator back what it was before a call that failed."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def generator(random_state: Any) -> np.random.Generator:
    """Return the generator that an estimator's ``random_state`` stands for.

    >>> int(generator(3).integers(100)) == int(generator(3).integers(100))
    True
    """
    return np.random.default_rng(check_random_state(random_state).randint(2**63 - 1, dtype=np.int64))


def as_rows(owner: str, X: NDArray[Any]) -> Floats:
    """Return checked rows as float32, which they must fit."""
    if X.dtype != np.float32 and X.size and max(X.max(), -X.min()) > _LARGEST:
        raise ValueError(f"X has numbers beyond float32, in which {owner} computes.")
    return np.ascontiguousarray(X, np.float32)


def read_rows(estimator: Any, X: Any, *, reset: bool = False) -> Floats:
    """Return rows after scikit-learn's checks."""
    if not reset:
        check_is_fitted(estimator)
    given = validate_data(estimator, X, dtype=[np.float32, np.float64], order="C", reset=reset)
    return as_rows(type(estimator).__name__, given)


def in_host(**arrays: Any) -> list[Any]:
    """Return arrays that learning looks at, copied to host memory where they lie on a GPU.

    >>> in_host(X=[[1]], y=None)
    [[[1]], None]
    """
    return [_device.on_host("fit", name, one) for name, one in arrays.items()]


def read_weights(sample_weight: Any, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return one weight a row after checks, or None."""
    if sample_weight is None:
        return None
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError("sample_weight is zero for every row.")
    return weights


def not_negative(owner: str, name: str, value: object) -> float:
    """Return a finite float that is 0 or more."""
    must = "a finite float >= 0"
    number = _validation.real(owner, name, value, must)
    if number < 0:
        _validation.refuse(owner, name, must, number)
    return number


def below_one(owner: str, name: str, value: object) -> float:
    """Return a float from 0 to less than 1."""
    must = "a float in [0, 1)"
    number = _validation.real(owner, name, value, must)
    if not 0 <= number < 1:
        _validation.refuse(owner, name, must, number)
    return number


def fitted_encoder(estimator: Any, X: Floats, rng: np.random.Generator, weights: Any = None) -> RowEncoder:
    """Return the encoder that an estimator's ``encoder`` stands for, made for rows like these."""
    from hypersketch.learn.encoder import HDEncoder

    owner, given = type(estimator).__name__, estimator.encoder
    dim = DIM(owner, "dim", estimator.dim)
    if isinstance(given, str):
        _validation.one_of(*KINDS)(owner, "encoder", given)
        made = HDEncoder(dim, kind=given, random_state=int(rng.integers(2**31)))
        encoder: RowEncoder = made.fit(X, sample_weight=weights).encoder_
        return encoder
    if isinstance(given, HDEncoder):
        copy = clone(given)
        if copy.random_state is None:
            copy.random_state = int(rng.integers(2**31))
        encoder = copy.fit(X, sample_weight=weights).encoder_
        return encoder
    if isinstance(given, type) or not (hasattr(given, "transform") or hasattr(given, "encode")):
        must = f"one of {', '.join(map(repr, KINDS))} or an object with transform or encode"
        _validation.refuse(owner, "encoder", must, given, TypeError)
    if hasattr(given, "fit") and hasattr(given, "get_params"):
        given = clone(given).fit(X)
    return Foreign(given, X, dim)
