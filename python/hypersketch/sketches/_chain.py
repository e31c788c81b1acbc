# SPDX-License-Identifier: Apache-2.0
"""The slices of a scalable Bloom filter: their sizes, and their shares of the promised rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch._stored import Tally
from hypersketch.sketches._cells import CELLS
from hypersketch.sketches._layouts import LAYOUTS
from hypersketch.sketches.bloom import BloomFilter

MOST_SLICES = 64
"""Every query asks every slice."""

_AUTO = (("split-block", 1e-3), ("cache-line", 1e-6), ("classic", 0.0))
"""The least rate for which a chain that chooses takes a layout: 1.4 times the bits of a classic at most."""


def SLICES(owner: str, name: str, value: object) -> list[int]:
    """Return the numbers of keys in the slices of a saved chain."""
    must = f"a list of 1 to {MOST_SLICES} numbers of keys"
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_SLICES:
        _validation.refuse(owner, name, must, value)
    return [_validation.integer(owner, name, n, 0, 2**48 - 1) for n in value]


def GROWTH(owner: str, name: str, value: object) -> float:
    must = "a float in [1, 16]"
    number = _validation.real(owner, name, value, must)
    if not 1.0 <= number <= 16.0:
        _validation.refuse(owner, name, must, number)
    return number


def _share(tightening: float | None, index: int) -> float:
    """Return the share of the promised rate that a slice may use; all shares add up to 1."""
    if tightening is None:
        return 6.0 / (math.pi**2 * (index + 1) ** 2)
    return float((1.0 - tightening) * tightening**index)


def room_of(one: BloomFilter) -> int:
    """Return how many more keys a slice was sized for."""
    assert one.capacity is not None
    return max(0, one.capacity - one.n_added)


def chain_rate(chain: list[BloomFilter]) -> float:
    """Return the false-positive rate of a chain."""
    rates = [one.expected_fpr() for one in chain]
    return 1.0 if max(rates) >= 1.0 else -math.expm1(sum(math.log1p(-rate) for rate in rates))


def slice_of(
    parameters: dict[str, Any], words: NDArray[Any] | None, n: int, device: int | None = None
) -> BloomFilter:
    """Return a Bloom filter over these words, or over new ones on a device."""
    made = object.__new__(BloomFilter)
    made._fill(parameters, words, Tally(n_added=n), device)
    return made


def slice_parameters(parameters: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Return the parameters of slice number ``index``."""
    if index >= MOST_SLICES:
        raise ValueError(
            f"This ScalableBloomFilter cannot grow: {MOST_SLICES} slices are full. Build one with a "
            "larger 'capacity' or 'growth'."
        )
    capacity = math.ceil(parameters["capacity"] * parameters["growth"] ** index)
    allowed = parameters["fpr"] * _share(parameters["tightening"], index)
    layout = parameters["layout"]
    if layout == "auto":
        layout = next(name for name, least in _AUTO if allowed >= least)
    try:
        n_bits, n_hashes = LAYOUTS[layout].size(CELLS("BloomFilter", "capacity", capacity), allowed)
        return BloomFilter._checked(
            n_bits=n_bits, n_hashes=n_hashes, capacity=capacity, layout=layout, seed=parameters["seed"]
        )
    except ValueError:
        raise ValueError(
            f"A ScalableBloomFilter cannot have a slice of {capacity} keys at a rate of {allowed:.3g} in "
            f"the layout {layout!r}."
        ) from None
