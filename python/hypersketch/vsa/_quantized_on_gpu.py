# SPDX-License-Identifier: Apache-2.0
"""Quantized bundles on a GPU: counters are cut where they lie, to the CPU's bits."""

from __future__ import annotations

import numpy as np

from hypersketch import _device, _memory, _validation
from hypersketch._device_array import DeviceArray
from hypersketch._stored import Tally
from hypersketch.vsa import _quantizing
from hypersketch.vsa.quantized import QuantizedBundle
from hypersketch.vsa.spaces import MapI


def quantized(
    space: MapI, counters: DeviceArray, bits: int, chosen: int | None, n_added: int
) -> QuantizedBundle:
    """Return counters cut to checked bits a dimension."""
    device = counters.memory.device
    squared = _memory.exact_product(counters, counters)
    if squared is None:  # sums of doubles, which the host takes in its order
        made_here = _quantizing.quantized(space, _memory.host(counters), bits, chosen, n_added)
        return made_here.to(_device.name_of(device))
    width = _quantizing.width_of(bits, chosen, float(squared), space.dim)
    planes = DeviceArray.empty((bits * _validation.words_for(space.dim),), np.uint64, device)
    stream = _device.chosen_stream()
    for one in (counters, planes):
        one.mark(stream)
    given, made = (one.memory.span(one.size, stream) for one in (counters, planes))
    signal = _device.module().cut_counters(given, space.seed, width, made)
    for one in (counters, planes):
        one.mark(stream)
    parameters = QuantizedBundle._checked(
        dim=space.dim, seed=space.seed, bits=bits, step=width, scale=_quantizing.scale_of(squared, signal)
    )
    n, bundle = max(0, n_added), object.__new__(QuantizedBundle)
    bundle._fill(parameters, planes, Tally(n_added=n, total_weight=n), device)
    return bundle


def vector(bundle: QuantizedBundle) -> DeviceArray:
    """Return what is kept of each counter, int32 of shape (dim,)."""
    state, stream = bundle._state, _device.chosen_stream()
    made = DeviceArray.empty((bundle.dim,), np.int32, state.memory.device)
    for one in (state, made):
        one.mark(stream)
    _device.module().join_planes(state.memory.span(state.size, stream), made.memory.span(made.size, stream))
    for one in (state, made):
        one.mark(stream)
    return made
